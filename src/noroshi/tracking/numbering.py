"""Track numbers that do not depend on when a plot arrived: a hash of the plot that started the track."""

import hashlib

import numpy as np
from numpy.typing import NDArray

BITS = 53  # a float64, and so every JSON reader, holds such a number exactly
# Source: Steele, Lea, Flood (2014), Fast splittable pseudorandom number generators, OOPSLA: SplitMix64's finaliser.
GOLDEN, FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def track_numbers(sensor: str, time_ns: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Return the numbers of the tracks that these plots start.

    The same plot gives the same number whenever it is processed, so that a rerun after late data keeps its numbers. Of
    equal plots in a batch each has its own number. Zero is never one.

    Args:
        sensor: its name.
        time_ns: (n,) times of the plots.
        values: (n, m) what they measure; all NaN are one.
    """
    seed = np.frombuffer(hashlib.sha256(sensor.encode()).digest()[:8], "<u8")[0]
    same = np.where(np.isnan(values), np.nan, values) + 0.0  # one NaN, one zero
    number = _mixed(np.full(len(time_ns), seed) ^ _mixed(time_ns.astype(np.uint64)))
    for column in np.ascontiguousarray(same.T).view(np.uint64):
        number = _mixed(number + GOLDEN ^ column)
    _, first, twin = np.unique(number, return_index=True, return_inverse=True)
    if len(first) < len(number):
        order = np.argsort(twin, kind="stable")
        rank = np.arange(len(number)) - np.searchsorted(twin[order], twin[order])
        number[order] = np.where(rank > 0, _mixed(number[order] + rank.astype(np.uint64)), number[order])
    return np.asarray(np.maximum(number >> np.uint64(64 - BITS), np.uint64(1)), np.uint64)


def _mixed(number: NDArray[np.uint64]) -> NDArray[np.uint64]:
    number = (number ^ (number >> np.uint64(30))) * FIRST
    number = (number ^ (number >> np.uint64(27))) * SECOND
    return np.asarray(number ^ (number >> np.uint64(31)), np.uint64)
