"""What of a radar's errors is no constant: a scale of its range, drifts, a site that is not where it is said to be.

Each kind is a bias that varies from plot to plot in a known way, times a number to be found. One kind of one radar
after another is taken in, the one that explains most first, as long as it is surely there and surely large enough to
matter (forward selection: Miller (2002), Subset Selection in Regression, section 3.2). What is sure is judged by
targets (of pairs of two radars: by half-minutes), whose errors last: Liang, Zeger (1986), Biometrika 73, 13-22, with
Hotelling's F.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.biases import clusters
from noroshi.assessment.intervals import PROBABILITY, Interval, resampled
from noroshi.records import take
from noroshi.tracking.registration import BIASES, TIME, Pairs, Registration, weigh

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

KINDS = {"range scale": (0,), "range drift": (1,), "azimuth drift": (2,), "clock drift": (3,), "site": (4, 5)}
"""Which columns of `varying` belong together."""
COLUMNS = 6
STEPS = "clock steps"
CHANCE = 0.01  # of taking in a kind of error that is not there, of all kinds and radars together
CLUSTERS_MIN = 6
RESAMPLES = 400
PASSES = 3
TOLD_APART = 20.0  # by so much worse, twice in log likelihood, another radar's error must explain the pairs
SEEN = 1e-6  # what is left of a column's square besides the other columns', below which it tells nothing


@dataclass(frozen=True, slots=True)
class Trend:
    """An error of one radar that is no constant.

    Attributes:
        sensor: whose.
        kind: as `KINDS`, or `STEPS`.
        values: one number for each of the kind's columns, as in `varying`; of steps one for each [s].
        size: of a site how far it is off [m], else the only number.
        or_else: other radars in which an error of this kind would explain the pairs as well.
    """

    sensor: str
    kind: str
    values: list[Interval]
    size: Interval
    or_else: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    Attributes:
        trends: what is not constant.
        constants: (4 s) biases beside them, as `BIASES` radar by radar; empty where nothing but constants was found.
        straight: the pairs without what is not constant.
        stepping: the pairs without it but for the clocks' steps.
    """

    trends: list[Trend]
    constants: list[Interval]
    straight: Pairs
    stepping: Pairs


@dataclass(frozen=True, slots=True)
class _Term:
    i: int
    kind: str
    columns: Floats  # (n, 3, q) derivative of the pairs' residuals


def varying(polar: Floats, part: Floats) -> Floats:
    """Return (n, 4, 6) biases (`BIASES`) of plots by one unit each of what is not constant.

    A range scale [1], drifts of range [m], azimuth [rad] and clock [s] over the whole time, and by how far the site is
    said to be too far east and north [m].

    Args:
        polar: (n, 3) range, azimuth and elevation of the plots' targets.
        part: (n,) when, from -0.5 to 0.5 of the whole time.
    """
    range_m, azimuth, elevation = polar.T
    found = np.zeros((len(polar), len(BIASES), COLUMNS))
    found[:, 0, 0] = range_m
    found[:, 0, 1] = found[:, 1, 2] = found[:, TIME, 3] = part
    for column, along, turned in ((4, np.sin(azimuth), np.cos(azimuth)), (5, np.cos(azimuth), -np.sin(azimuth))):
        found[:, 0, column] = along * np.cos(elevation)
        found[:, 1, column] = turned / (range_m * np.cos(elevation))
        found[:, 2, column] = -along * np.sin(elevation) / range_m
    return found


def stepped(time_ns: Integers, steps_ns: Sequence[int]) -> Floats:
    """Return (n, 4, k) biases of plots by one second each that the clock is off from a step on."""
    found = np.zeros((len(time_ns), len(BIASES), len(steps_ns)))
    for j, step_ns in enumerate(steps_ns):
        found[:, TIME, j] = time_ns >= step_ns
    return found


def trends(
    pairs: Pairs,
    polar: Sequence[Floats],
    part: Floats,
    radars: tuple[str, ...],
    least: Floats,
    steps_ns: Sequence[Sequence[int]],
    generator: np.random.Generator,
) -> Found:
    """Return what is not constant, and the pairs without it.

    Args:
        pairs: n of them.
        polar: of each radar (n, 3), where it has the pairs' targets; NaN where that is not known: such a pair tells of
            constants only.
        part: (n,) when, from -0.5 to 0.5 of the whole time.
        radars: names of the s radars.
        least: (s, 6) how much of each column of `varying` is too little to matter.
        steps_ns: of each radar, from when on its clock is known to be off otherwise than before.
        generator: of the bootstrap.
    """
    whole = np.all([np.isfinite(each).all(axis=1) for each in polar], axis=0) if polar else np.ones(len(pairs), bool)
    candidates, chosen = _terms(pairs, polar, part, whole, steps_ns)
    theta, used, cluster = np.zeros(0), take(pairs, np.zeros(0, np.int64)), np.zeros(0, np.int64)
    for _ in range(PASSES):
        scaled, weight = weigh(Registration.unknown(radars), _without(pairs, chosen, theta))
        rows = np.flatnonzero((weight > 0.0) & whole)
        used = take(scaled, rows).replace(residual=pairs.residual[rows])
        cluster = np.unique(clusters(used), return_inverse=True)[1]
        if not len(rows) or cluster.max() + 1 < CLUSTERS_MIN:
            return Found([], [], pairs, pairs)
        before = len(chosen)
        chosen = _select(used, rows, cluster, chosen, candidates, len(radars), least)
        theta = _solved(used, rows, chosen, len(radars))[1]
        if len(chosen) == before == len([term for term in chosen if term.kind == STEPS]):
            break
    found, constants = _told(used, rows, cluster, chosen, candidates, radars, generator)
    moving = [(term, places) for term, places in zip(chosen, _places(chosen, 0), strict=True) if term.kind != STEPS]
    which = [k for term, first in moving for k in range(first, first + term.columns.shape[2])]
    stepping = _without(pairs, [term for term, _ in moving], theta[which])
    return Found(found, constants, _without(pairs, chosen, theta), stepping)


def _without(pairs: Pairs, chosen: Sequence[_Term], theta: Floats) -> Pairs:
    """Return the pairs without what terms make of their residuals."""
    if not len(theta):
        return pairs
    return pairs.replace(residual=pairs.residual - np.concatenate([t.columns for t in chosen], axis=2) @ theta)


def _terms(
    pairs: Pairs, polar: Sequence[Floats], part: Floats, whole: NDArray[np.bool_], steps_ns: Sequence[Sequence[int]]
) -> tuple[list[_Term], list[_Term]]:
    """Return all terms that there may be, and those of the clocks' steps, which are there."""
    candidates, forced = [], []
    for i, mine in enumerate(polar):
        own, other = (np.where((side == i)[:, None, None], rows, 0.0)
                      for side, rows in ((pairs.own, pairs.own_rows), (pairs.other, pairs.other_rows)))  # fmt: skip
        by_bias = own + other
        if not by_bias.any():
            continue
        columns = by_bias @ varying(np.where(whole[:, None], mine, 1.0), part)
        candidates += [_Term(i, kind, columns[:, :, which]) for kind, which in KINDS.items()]
        if len(steps_ns[i]):
            forced.append(_Term(i, STEPS, by_bias @ stepped(pairs.time_ns, steps_ns[i])))
    return candidates, forced


def _white(used: Pairs, rows: Integers, terms: Sequence[_Term], n_radars: int) -> tuple[Floats, Floats]:
    """Return (3 n, d) derivatives by all constants and then the terms, and (3 n) residuals, of unit variance."""
    b = len(BIASES)
    design = np.zeros((len(used), 3, b * n_radars + sum(term.columns.shape[2] for term in terms)))
    for i in range(n_radars):
        design[:, :, b * i : b * i + b] += np.where((used.own == i)[:, None, None], used.own_rows, 0.0)
        design[:, :, b * i : b * i + b] += np.where((used.other == i)[:, None, None], used.other_rows, 0.0)
    if terms:
        design[:, :, b * n_radars :] = np.concatenate([term.columns[rows] for term in terms], axis=2)
    missing = np.isnan(used.residual)
    variance = np.where(missing[:, :, None] | missing[:, None, :], np.eye(3), used.variance)
    root: Floats = np.linalg.inv(np.linalg.cholesky(variance)).astype(np.float64, copy=False)
    white: Floats = root @ np.where(missing[:, :, None], 0.0, design)
    residual: Floats = np.matvec(root, np.where(missing, 0.0, used.residual))
    return white.reshape(-1, design.shape[2]), residual.reshape(-1)


def _inverse(information: Floats) -> Floats:
    """Return the pseudo-inverse, whatever the units."""
    scale = np.sqrt(np.maximum(np.diagonal(information), 1e-300))
    units = np.outer(scale, scale)
    return np.asarray(np.linalg.pinv(information / units, rcond=1e-9, hermitian=True) / units, np.float64)


def _solved(used: Pairs, rows: Integers, terms: Sequence[_Term], n_radars: int) -> tuple[float, Floats]:
    """Return the sum of squares that is left, and the terms' numbers."""
    white, y = _white(used, rows, terms, n_radars)
    found = _inverse(white.T @ white) @ (white.T @ y)
    return float(np.sum((y - white @ found) ** 2)), found[len(BIASES) * n_radars :]


def _select(
    used: Pairs,
    rows: Integers,
    cluster: Integers,
    chosen: list[_Term],
    candidates: Sequence[_Term],
    n_radars: int,
    least: Floats,
) -> list[_Term]:
    """Return the chosen terms and what must be added to them."""
    from scipy import stats

    by_row = np.repeat(cluster, 3)
    chosen = list(chosen)
    while True:
        white, y = _white(used, rows, chosen, n_radars)
        inverse = _inverse(white.T @ white)
        rest = y - white @ (inverse @ (white.T @ y))
        best: tuple[float, _Term] | None = None
        for term in candidates:
            if any(term.i == other.i and term.kind == other.kind for other in chosen):
                continue
            raw = _white(used, rows, [term], 0)[0]
            columns = raw - white @ (inverse @ (white.T @ raw))
            information = columns.T @ columns
            n_clusters = len(np.unique(by_row[raw.any(axis=1)]))
            if n_clusters < CLUSTERS_MIN or np.any(np.diagonal(information) <= SEEN * np.sum(raw**2, axis=0)):
                continue
            theta = np.linalg.solve(information, columns.T @ rest)
            left = (rest - columns @ theta)[:, None] * columns
            scores = np.stack([np.bincount(by_row, column) for column in left.T], axis=1)
            spread = np.linalg.inv(information)
            covariance = spread @ (scores.T @ scores) @ spread * n_clusters / (n_clusters - 1.0)
            q = len(theta)
            f = float(theta @ np.linalg.solve(covariance, theta)) / q * (n_clusters - q) / (n_clusters - 1.0)
            sure = float(stats.f.sf(f, q, n_clusters - q)) < CHANCE / len(candidates)
            size = float(np.linalg.norm(theta))
            along = theta / size
            sigma = float(np.sqrt(along @ covariance @ along))
            surely = size - float(stats.t.isf((1.0 - PROBABILITY) / 2.0, n_clusters - 1)) * sigma
            gain = float(theta @ information @ theta)
            if sure and surely > least[term.i, KINDS[term.kind][0]] and (best is None or gain > best[0]):
                best = gain, term
        if best is None:
            return chosen
        chosen.append(best[1])


def _told(
    used: Pairs,
    rows: Integers,
    cluster: Integers,
    chosen: Sequence[_Term],
    candidates: Sequence[_Term],
    radars: tuple[str, ...],
    generator: np.random.Generator,
) -> tuple[list[Trend], list[Interval]]:
    """Return each chosen term and all constants with intervals, everything found anew for each draw of targets."""
    if not chosen:
        return [], []
    white, y = _white(used, rows, chosen, len(radars))
    order = np.argsort(np.repeat(cluster, 3), kind="stable")
    edges = np.flatnonzero(np.diff(np.repeat(cluster, 3)[order])) + 1
    parts = [(white[part], y[part]) for part in np.split(order, edges)]
    information, vector = np.stack([a.T @ a for a, _ in parts]), np.stack([a.T @ b for a, b in parts])
    first = len(BIASES) * len(radars)
    sites = [(k, term) for k, term in zip(_places(chosen, first), chosen, strict=True) if term.kind == "site"]

    def figure(count: Integers) -> Floats:
        x = _inverse(np.tensordot(count, information, 1)) @ (count @ vector)
        return np.append(x, [float(np.hypot(x[k], x[k + 1])) for k, _ in sites])

    intervals = resampled(len(parts), figure, generator, RESAMPLES)
    far = dict(zip([k for k, _ in sites], intervals[len(intervals) - len(sites) :], strict=True))
    left, _ = _solved(used, rows, chosen, len(radars))
    found = []
    for k, term in zip(_places(chosen, first), chosen, strict=True):
        values = intervals[k : k + term.columns.shape[2]]
        others = []
        for rival in candidates:
            if rival.kind == term.kind and all(rival.i != each.i or rival.kind != each.kind for each in chosen):
                instead = [rival if each is term else each for each in chosen]
                if _solved(used, rows, instead, len(radars))[0] < left + TOLD_APART:
                    others.append(radars[rival.i])
        found.append(Trend(radars[term.i], term.kind, values, far.get(k, values[0]), tuple(others)))
    return found, intervals[:first]


def _places(chosen: Sequence[_Term], first: int) -> list[int]:
    widths = [term.columns.shape[2] for term in chosen]
    return [first + sum(widths[:i]) for i in range(len(widths))]
