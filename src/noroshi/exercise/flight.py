"""One thing that truly moves: its path, and what of it can be seen or heard."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.interpolation import hermite
from noroshi.records import Identity, Truth, concatenate, take


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flight:
    """The true path of one target, n samples; it is nowhere before the first and after the last.

    Attributes:
        name: of the target, unique in its world.
        time_ns: (n,) strictly increasing, Unix UTC nanoseconds; so dense that a cubic between two samples is true.
        state_ecef: (n, 6) position [m] and velocity [m/s], Earth-fixed, WGS 84.
        kind: (n,) a `Kind`, from each sample on: a missile boosts, then falls.
        identity: one row: what its transponder says. Absent numbers: it has none, or it is off.
        cross_section_m2: mean radar cross-section.
        heat_w_sr: (n,) radiant intensity in the band of the infrared satellites, from each sample on; 0: cold.
    """

    name: str
    time_ns: NDArray[np.int64]
    state_ecef: NDArray[np.float64]
    kind: NDArray[np.uint8]
    identity: Identity
    cross_section_m2: float
    heat_w_sr: NDArray[np.float64]

    def at(self, time_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return (k, 6) states at (k,) times, NaN where the flight is nowhere."""
        return hermite(self.time_ns, self.state_ecef, time_ns)

    def sample(self, time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the (k,) indices of the samples that hold at (k,) times: the last not later than each."""
        return np.clip(np.searchsorted(self.time_ns, time_ns, side="right") - 1, 0, len(self.time_ns) - 1)

    def truth(self, time_ns: NDArray[np.int64] | None = None) -> Truth:
        """Return what is true at (k,) times within the flight; at its samples if no times are given."""
        if time_ns is None:
            time_ns = self.time_ns
        inside = time_ns[(time_ns >= self.time_ns[0]) & (time_ns <= self.time_ns[-1])]
        return Truth(
            target=np.full(len(inside), self.name),
            time_ns=inside,
            kind=self.kind[self.sample(inside)],
            state_ecef=self.at(inside),
            identity=take(self.identity, np.zeros(len(inside), np.int64)),
        )


def truth_of(flights: Sequence[Flight], time_ns: NDArray[np.int64]) -> Truth:
    """Return what is true of all flights at the given times, flight by flight.

    Raises:
        RecordError: if there is no flight at all.
    """
    return concatenate([flight.truth(time_ns) for flight in flights])
