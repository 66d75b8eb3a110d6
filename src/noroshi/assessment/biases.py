"""By how much a recording's radars were off and how they scattered, from all pairs at once, with intervals.

The intervals come from drawing targets (of pairs of two radars: half-minutes) anew, so that errors which a target keeps
for long count once and not as often as it was seen.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.intervals import UNKNOWN, Interval, resampled
from noroshi.estimation.information import marginals
from noroshi.geo.time import NS_PER_S
from noroshi.records import take
from noroshi.tracking.registration import (
    BIASES,
    MEASURED,
    NOBODY,
    Pairs,
    Registration,
    left_over,
    normal_equations,
    weigh,
)

Floats = NDArray[np.float64]

PAIRS_MAX = 20_000
CLUSTERS_MIN = 3
BLOCK_NS = 30 * NS_PER_S
RESAMPLES = 400


@dataclass(frozen=True, slots=True)
class Biases:
    """What pairs tell of one radar.

    Attributes:
        sensor: which.
        n: how many pairs.
        bias: (4) as `BIASES`; unknown where nothing tells.
        noise: (3) as `MEASURED`: standard deviation of a plot, what the reference is said to have lent taken off. How
            noisy that really is the pairs do not tell, so the upper end is that of a reference without noise.
    """

    sensor: str
    n: int
    bias: list[Interval]
    noise: list[Interval]


@dataclass(frozen=True, slots=True)
class Measured:
    """What all pairs tell.

    Attributes:
        radars: one by one.
        clocks: by how much each radar's clock is ahead of the first one's, where no clock is known alone; else empty.
        registration: all biases with what is known of them, the first radar taken to be right in what nothing tells.
    """

    radars: list[Biases]
    clocks: dict[str, Interval]
    registration: Registration


def measured(pairs: Pairs, radars: tuple[str, ...], generator: np.random.Generator) -> Measured:
    """Return biases and noise of all radars; beyond `PAIRS_MAX` every second, third ... pair is used."""
    pairs = thinned(pairs)
    nothing = Registration.unknown(radars)
    scaled, weight = weigh(nothing, pairs)
    kept = np.flatnonzero(weight > 0.0)
    found = nothing.told(scaled, weight)
    anchored = found.anchored(radars[0]) if radars else found
    if not len(kept):
        empty = [Biases(name, 0, [UNKNOWN] * 4, [UNKNOWN] * 3) for name in radars]
        return Measured(empty, {}, found)
    used = take(scaled, kept)
    names, cluster = np.unique(clusters(used), return_inverse=True)
    bias = _bias_intervals(found, used, cluster, len(names), generator)
    noise = _noise_intervals(found, used, cluster, len(names), generator)
    clocks: dict[str, Interval] = {}
    if all(np.isnan(bias[4 * i + 3].value) for i in range(len(radars))):
        against = _bias_intervals(
            anchored, used, cluster, len(names), generator, anchor=anchored.information - found.information
        )
        clocks = {
            name: against[4 * i + 3]
            for i, name in enumerate(radars)
            if i and against[4 * i + 3].value == against[4 * i + 3].value
        }
    each = [
        Biases(
            name,
            int(((used.own == i) | (used.other == i)).sum()),
            bias[4 * i : 4 * i + 4],
            noise[3 * i : 3 * i + 3],
        )
        for i, name in enumerate(radars)
    ]
    return Measured(each, clocks, anchored)


def thinned(pairs: Pairs) -> Pairs:
    """Return every second, third ... pair, `PAIRS_MAX` at most."""
    return take(pairs, np.arange(0, len(pairs), max(-(-len(pairs) // PAIRS_MAX), 1)))


def clusters(pairs: Pairs) -> NDArray[np.int64]:
    """Return (n,) numbers, equal for pairs whose errors may be alike: of a target, of two radars in half a minute."""
    return np.where(pairs.other == NOBODY, pairs.target, -1 - pairs.time_ns // BLOCK_NS)


def _bias_intervals(
    found: Registration,
    used: Pairs,
    cluster: NDArray[np.int64],
    n_clusters: int,
    generator: np.random.Generator,
    anchor: Floats | None = None,
) -> list[Interval]:
    """Return an interval for each bias; unknown for those that the whole does not tell."""
    d = len(found.vector)
    blocks, parts = normal_equations(used)
    information, vector = np.zeros((n_clusters, d, d)), np.zeros((n_clusters, d))
    b = len(BIASES)
    for own, other in sorted(set(zip(used.own.tolist(), used.other.tolist(), strict=True))):
        rows = (used.own == own) & (used.other == other)
        who = np.append(np.arange(b * own, b * own + b), np.arange(b * other, b * other + b) if other != NOBODY else [])
        who = who.astype(np.int64)
        k = len(who)
        np.add.at(information, (cluster[rows][:, None, None], who[:, None], who), blocks[rows, :k, :k])
        np.add.at(vector, (cluster[rows][:, None], who), parts[rows, :k])
    fixed = np.zeros((d, d)) if anchor is None else anchor
    known = ~np.isnan(marginals(information.sum(axis=0) + fixed, vector.sum(axis=0), found.scale)[0])
    if n_clusters < CLUSTERS_MIN:
        return [UNKNOWN] * d

    def figure(count: NDArray[np.int64]) -> Floats:
        return marginals(np.tensordot(count, information, 1) + fixed, count @ vector, found.scale)[0]

    intervals = resampled(n_clusters, figure, generator, RESAMPLES)
    return [interval if told else UNKNOWN for interval, told in zip(intervals, known, strict=True)]


def _noise_intervals(
    found: Registration, used: Pairs, cluster: NDArray[np.int64], n_clusters: int, generator: np.random.Generator
) -> list[Interval]:
    s = len(found.sensors)
    rest = left_over(found, used)
    squares, lent, number = np.zeros((3, n_clusters, s * 3))
    for i in range(s):
        for j in range(len(MEASURED)):
            rows = (used.own == i) & ~np.isnan(rest[:, j])
            np.add.at(squares[:, 3 * i + j], cluster[rows], rest[rows, j] ** 2)
            np.add.at(lent[:, 3 * i + j], cluster[rows], used.lent[rows, j])
            np.add.at(number[:, 3 * i + j], cluster[rows], 1.0)
    if n_clusters < CLUSTERS_MIN:
        return [UNKNOWN] * (s * 3)

    def figure(count: NDArray[np.int64]) -> Floats:
        n = count @ number
        total, own = count @ squares, np.maximum(count @ (squares - lent), 0.0)
        return np.sqrt(np.append(own, total) / np.where(n > 0.0, n, np.nan)[np.arange(2 * s * 3) % (s * 3)])

    each = resampled(n_clusters, figure, generator, RESAMPLES)
    pairs_of_bounds = zip(each[: s * 3], each[s * 3 :], strict=True)
    return [UNKNOWN if np.isnan(own.value) else own._replace(high=total.high) for own, total in pairs_of_bounds]
