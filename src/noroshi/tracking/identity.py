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
    codes = np.empty((len(identity), 3), np.int64)
    codes[:, 0], codes[:, 1], codes[:, 2] = identity.icao_address, identity.mode_3a, identity.mmsi
    return codes


def track_ids(plots: Detections, chosen: Integers, codes: Integers | None = None) -> NDArray[np.int64]:
    """Return (k,) numbers of the tracks that these plots start.

    A number is a hash of the plot itself, so that a track has it whenever and in whatever order its plots arrive, two
    tracks do not share it, and the gaps between numbers betray nothing. `codes` are those of all plots, if at hand.
    """
    seed, ids = zlib.crc32(plots.sensor.encode()), np.empty(len(chosen), np.int64)
    codes = codes_of(plots.identity) if codes is None else codes
    values, origin = np.ascontiguousarray(plots.values), np.ascontiguousarray(plots.origin_ecef_m)
    _hash(chosen, plots.time_ns, values.view(np.int64), codes, origin.view(np.int64), seed, ids)
    while _has_twice(ids):  # the same plot twice in one batch
        _, first = np.unique(ids, return_index=True)
        again = np.ones(len(ids), np.bool_)
        again[first] = False
        ids[again] += 1
    return ids


def _has_twice(ids: Integers) -> bool:
    ordered = np.sort(ids)
    return bool((ordered[1:] == ordered[:-1]).any())


@kernel
def _hash(
    chosen: Integers, time_ns: Integers, values: Integers, codes: Integers, origin: Integers, seed: int, ids: Integers
) -> None:
    """Mix time, sensor, values, codes and origin of each chosen plot."""
    m = values.shape[1]
    for at in range(chosen.shape[0]):
        j = chosen[at]
        mixed = _mix(np.uint64(seed) ^ np.uint64(time_ns[j]))
        for k in range(m + 6):
            bits = values[j, k] if k < m else codes[j, k - m] if k < m + 3 else origin[j, k - m - 3]
            mixed = _mix(mixed ^ np.uint64(bits))
        ids[at] = np.int64(mixed >> np.uint64(64 - ID_BITS))


@kernel
def _mix(bits: np.uint64) -> np.uint64:
    """Return bits of which each depends on all.

    Source: SplitMix64, figure 16 of Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators,
    OOPSLA.
    """
    mixed = bits + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
