"""Who a target says it is, as evidence; and the numbers of tracks."""

import zlib

import numpy as np
from numpy.typing import NDArray

from noroshi.kernel import kernel
from noroshi.records import Detections, Identity

Integers = NDArray[np.int64]
ID_BITS = 53  # every JSON reader keeps so many


def codes_of(identity: Identity) -> Integers:
    """Return (n, 3) ICAO address, Mode 3/A code and MMSI."""
    return np.stack([identity.icao_address, identity.mode_3a, identity.mmsi], axis=1)


def track_ids(plots: Detections, chosen: Integers) -> NDArray[np.int64]:
    """Return (k,) numbers of the tracks that these plots start.

    A number is a hash of the plot itself, so that a track has it whenever and in whatever order its plots arrive, two
    tracks do not share it, and the gaps between numbers betray nothing.
    """
    seed = zlib.crc32(plots.sensor.encode())
    values, codes = plots.values[chosen].view(np.int64), codes_of(plots.identity)[chosen]
    bits = np.concatenate([values, codes, plots.origin_ecef_m[chosen].view(np.int64)], axis=1)
    ids = np.empty(len(chosen), np.int64)
    _hash(plots.time_ns[chosen], bits, seed, ids)
    while np.unique(ids).size < ids.size:  # the same plot twice in one batch
        _, first = np.unique(ids, return_index=True)
        again = np.ones(len(ids), np.bool_)
        again[first] = False
        ids[again] += 1
    return ids


@kernel
def _hash(time_ns: Integers, bits: Integers, seed: int, ids: Integers) -> None:
    """Mix time, sensor and values of each row.

    Source: SplitMix64, figure 16 of Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators,
    OOPSLA.
    """
    for i in range(ids.shape[0]):
        mixed = np.uint64(seed) ^ np.uint64(time_ns[i])
        for k in range(bits.shape[1] + 1):
            mixed += np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed = mixed ^ (mixed >> np.uint64(31))
            if k < bits.shape[1]:
                mixed ^= np.uint64(bits[i, k])
        ids[i] = np.int64(mixed >> np.uint64(64 - ID_BITS))
