"""Plots so near to each other that a radar takes them for one."""

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel

Integers = NDArray[np.int64]


def merged(look: Integers, power: Floats, values: Floats, cells: Floats) -> tuple[Integers, Floats]:
    """Return which plots remain, and (k, m) where they then are: the mean of what was merged, weighed by power.

    The strongest plot of a look takes those that are within its cell in every quantity, then the strongest of the rest,
    and so on. Angles are not wrapped: the beam begins and ends its turn at north, and so does its plot extractor.

    Args:
        look: (n,) number of the look of each plot.
        power: (n,) its strength.
        values: (n, m) where it is, without NaN.
        cells: (m,) how near in each quantity; infinite where it does not part plots.
    """
    order = np.lexsort((values[:, 0], look))
    into = np.arange(len(order), dtype=np.int64)
    _merge(look[order], values[order], cells, np.argsort(-power[order], kind="stable"), into)
    if (into == np.arange(len(order))).all():
        return np.arange(len(order), dtype=np.int64), values
    weight, moved = np.zeros(len(order)), np.zeros(values.shape)
    np.add.at(weight, into, power[order])
    np.add.at(moved, into, power[order, None] * values[order])
    remains = np.flatnonzero(into == np.arange(len(order)))
    kept = np.argsort(order[remains])
    remains = remains[kept]
    return order[remains], moved[remains] / weight[remains, None]


@kernel
def _merge(look: Integers, values: Floats, cells: Floats, by_power: Integers, into: Integers) -> None:
    """Write into which plot each goes; plots are in order of look and of their first value."""
    n, m = values.shape
    taken = np.zeros(n, np.bool_)
    for k in range(n):
        i = by_power[k]
        if taken[i]:
            continue
        taken[i] = True
        for way in (-1, 1):
            j = i + way
            while 0 <= j < n and look[j] == look[i] and abs(values[j, 0] - values[i, 0]) < cells[0]:
                near = not taken[j]
                for c in range(1, m):
                    near = near and abs(values[j, c] - values[i, c]) < cells[c]
                if near:
                    taken[j] = True
                    into[j] = i
                j += way
