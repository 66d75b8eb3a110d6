"""Randomness that never shifts: each draw is named by who draws it, what for, and at which look.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (Philox 4x64).
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

PER_COUNTER = 4  # a Philox 4x64 counter gives four 64-bit words


@dataclass(frozen=True, slots=True)
class Draws:
    """One entity's random numbers, which depend on nothing but their own names and look.

    Attributes:
        seed: of the whole exercise.
        replicate: which repetition of it.
        entity: who draws: a sensor, a pair of sensor and target.
    """

    seed: int
    replicate: int
    entity: str

    def uniforms(self, purpose: str, *, first_look: int, n_looks: int, per_look: int) -> NDArray[np.float64]:
        """Return (n_looks, per_look) numbers in (0, 1).

        Args:
            purpose: what for: "noise", "detection".
            first_look: number of the first look wanted; the same look always gives the same row.
            n_looks: how many looks.
            per_look: how many numbers each.
        """
        name = f"{self.seed}|{self.replicate}|{self.entity}|{purpose}".encode()
        key = np.frombuffer(hashlib.sha256(name).digest()[:16], np.uint64)
        counters = -(-per_look // PER_COUNTER)
        stream = np.random.Philox(key=key, counter=np.array([first_look * counters, 0, 0, 0], np.uint64))
        words = stream.random_raw(n_looks * counters * PER_COUNTER).reshape(n_looks, counters * PER_COUNTER)[
            :, :per_look
        ]
        return np.asarray((np.right_shift(words, np.uint64(11)) + 0.5) * 2.0**-53, np.float64)

    def normals(self, purpose: str, *, first_look: int, n_looks: int, per_look: int) -> NDArray[np.float64]:
        """Return standard normal numbers, as `uniforms`; by inversion, so that each takes exactly one draw."""
        flat = self.uniforms(purpose, first_look=first_look, n_looks=n_looks, per_look=per_look)
        return np.asarray(ndtri(flat), np.float64)
