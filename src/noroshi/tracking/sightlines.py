"""Tracks from lines of sight of several satellites, none of which tells how far away its target is.

Lines that no track claims are kept for some tens of seconds. Where lines of two satellites pass so near each other that
one target may have been on both, a *hypothesis* begins: these lines are of one target. It is a cubic in time, fitted to
its lines and to broad priors of velocity, acceleration and jerk, and its *score* is the logarithm of how many times
likelier its lines are if it is true than if all of them are false (Laplace's approximation of the evidence: it weighs
how much room the fit leaves). Every later line that fits branches it. Two targets' lines also meet where there is none
of them (a ghost), so a hypothesis becomes a track only if, over several looks, the best reading of all lines in which
no line is of two targets has it, and is far likelier than the best reading without it.

Sources: Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section 3.4
(iterated least squares); Blackman and Popoli (1999), Design and Analysis of Modern Tracking Systems, sections 6.2 and
16.3 (track score, track-oriented multiple hypotheses); MacKay (2003), Information Theory, Inference, and Learning
Algorithms, chapter 27 (Laplace's method); Pattipati, Deb, Bar-Shalom and Washburn (1992), A new relaxation algorithm
and passive sensor data association, IEEE Trans. Automatic Control 37(2), 198-213 (ghosts of passive sensors).
"""

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.gating import chi_square_gate, mahalanobis_squared
from noroshi.estimation.kalman import symmetric
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats, geodetic_from_ecef
from noroshi.records import Detections, TrackStatus
from noroshi.records.identity import ABSENT
from noroshi.tracking.bank import Bank
from noroshi.tracking.identity import track_ids
from noroshi.tracking.life import FAR_OFF_NS
from noroshi.tracking.pushed import begin_pushed
from noroshi.tracking.store import NEVER, Integers, Store, Whole

HEIGHTS_M = (-1_000.0, 2_000_000.0)
SPEED_MAX_M_S = 8_000.0
SIGMAS = (20.0, 1.0)  # of the components of acceleration [m/s2] and jerk [m/s3]; a sensor tells that of velocity
FALSE_A_LOOK, FALSE_A_LOOK_MIN, LOOKS_REMEMBERED = 20.0, 1.0, 10.0  # at first, at least, averaged over
SPAN_SR = 2.0 * math.pi  # false lines are spread over half a sphere: where the Earth is
HOLD_S = 40.0
PAIR_LOOKS, PAIR_S_MAX = 1.5, 20.0  # how far apart in time two lines may be that begin a hypothesis
EARLY = 0.5  # of a period: a second line of a satellite that comes sooner is not another look
MEMBERS_MAX = 12
LINES_TO_CONFIRM, LOOKS_TO_CONFIRM = 4, 2  # so many lines, so many looks of each of two satellites at least
SCORE_TO_CONFIRM = 16.0  # false lines alone reached 15.0 in 40 scenes of two minutes, 20 a look of each of 3 satellites
MARGIN_TO_CONFIRM = 7.0  # the best reading without a hypothesis is exp(-7) as likely as with it
SCORE_MIN = -8.0
SCORE_IMPLIED = 12.0  # a hypothesis part of another that scores so much better says nothing of its own
HYPOTHESES_MAX, LINES_MAX, LINES_A_LOOK_MAX, CROSSINGS_MAX = 600, 1_000, 500, 2_000
BLOCK = 50_000  # so many pairs of lines are looked at together
RIVALS_MAX = 24  # hypotheses of one group of conflicts that are weighed against each other
GATE = float(chi_square_gate(0.99999, 2))  # of a line
GATE_ONE = float(chi_square_gate(0.999, 6))  # within it two states are of one target
ASTRAY = 25.0  # so many times its covariance for a firm track that takes no lines where there are some
SQUARED_SIGMAS = 6.0  # by so many of its own standard deviations the sum of squares of a fit may be too large
EXISTENCE_MAX = 0.999
SINE_SQUARED_MIN = 1e-6  # lines whose directions differ by less than a milliradian do not cross
STEPS = 5  # Gauss-Newton; a branch starts next to its solution
ORDER = 4  # position, velocity, acceleration, jerk
SIZE = 3 * ORDER


class Sighted(Protocol):
    """A type of sensor whose plots are lines: they tell a direction and no range."""

    def sight(
        self, values: Floats, covariances: Floats, origin_ecef_m: Floats, heights_m: tuple[float, float]
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Return (n, 3) lines, (n, 2, 3) rows across them, (n,) the noise, (n, 2) ranges of n good plots.

        Lines are unit vectors, Earth-fixed. A row times the unit vector to the target is noise of variance 1; the third
        is the logarithm of the determinant of the noise across the line [rad4]; the ranges [m] are those between which
        the line is between the two heights, in front of the Earth.
        """
        ...

    def expect(self, origin_ecef_m: Floats) -> tuple[Floats, Floats]:
        """Return what targets are new to a look from n places.

        (n,) logarithms of how many there are in a cubic metre, and (n,) standard deviations of their velocity along
        each axis [m/s].
        """
        ...


def is_sighted(sensor: object) -> TypeGuard[Sighted]:
    """Return whether a sensor's plots are lines."""
    return hasattr(sensor, "sight")


class Line(IntEnum):
    """Columns of the held lines."""

    ORIGIN = 0  # three
    DIRECTION = 3  # three
    ROWS = 6  # two of three
    NEAR = 12
    FAR = 13
    COST = 14  # log of the density of false lines over that of a found target's: what the line takes from a score
    MISS = 15  # what a missed look takes from it
    PERIOD_S = 16
    LOG_NEW = 17  # log of the density of new targets [1/m3]
    SPEED_SIGMA_M_S = 18


N_LINE = Line.SPEED_SIGMA_M_S + 1


@dataclass(frozen=True)
class Held:
    """What is kept from step to step: m lines and h hypotheses. Arrays are never written to once made.

    Attributes:
        time_ns, sensor: (m,) when, and whose each line is.
        line: (m, 19) see `Line`.
        member: (h, 12) the lines of each hypothesis, -1 beyond the last.
        base_ns: (h,) its newest line's time, at which the cubic stands.
        mean, spread: (h, 12), (h, 12, 12) position, velocity, acceleration, jerk, Earth-fixed.
        evidence: (h,) the score before what missed looks take from it.
        false_lines, looked_ns: (sensors,) lines that no track claims, averaged over looks; time of the last look.
        n_dropped: (1,) hypotheses and lines that there was no room for.
    """

    time_ns: Integers
    sensor: Integers
    line: Floats
    member: Integers
    base_ns: Integers
    mean: Floats
    spread: Floats
    evidence: Floats
    false_lines: Floats
    looked_ns: Integers
    n_dropped: Integers

    @classmethod
    def nothing(cls, n_sensors: int) -> "Held":
        """Return what is there before the first line."""
        none = np.zeros(0, np.int64)
        return cls(
            none, none, np.zeros((0, N_LINE)), np.zeros((0, MEMBERS_MAX), np.int64), none, np.zeros((0, SIZE)),
            np.zeros((0, SIZE, SIZE)), np.zeros(0), np.full(n_sensors, FALSE_A_LOOK), np.full(n_sensors, NEVER),
            np.zeros(1, np.int64),
        )  # fmt: skip

    def replace(self, **changes: NDArray[Any]) -> "Held":
        """Return it with other columns."""
        return Held(**{**self.__dict__, **changes})

    def take(self, chosen: NDArray[Any]) -> "Held":
        """Return it with the chosen hypotheses alone."""
        names = ("member", "base_ns", "mean", "spread", "evidence")
        return self.replace(**{name: getattr(self, name)[chosen] for name in names})


KEY = "sight_"
"""What comes before the names of `Held` in `Store.tally`, which makes them part of checkpoints and of what late data
takes back."""


def held_in(store: Store, n_sensors: int) -> Held:
    """Return what a store holds."""
    if f"{KEY}line" not in store.tally:
        return Held.nothing(n_sensors)
    return Held(**{name: store.tally[KEY + name] for name in Held.__dataclass_fields__})


def start_by_lines(
    store: Store, bank: Bank, plots: Detections, sensor: Sighted, claimed: Floats, i_sensor: int, seen: Floats
) -> tuple[Integers, Integers, Floats]:
    """Use one batch of lines; return the rows of new tracks, the plots that were their last lines, and existence.

    Status and deadline of the new tracks are for the tracker to set. They count the plots of all their lines.

    Args:
        store: the tracks; what is held is in its tally.
        bank: the motion models.
        plots: (n,) a batch of good plots.
        sensor: who gave it.
        claimed: (n,) probability that a track has the plot.
        i_sensor: which sensor it is.
        seen: (k,) chance that a look of it sees what moves by each model.
    """
    period_ns = store.tally["period_ns"]
    before = held_in(store, len(period_ns))
    held, fresh = _with_lines(before, plots, sensor, claimed < 0.5, i_sensor, period_ns)
    now_ns = int(plots.time_ns.max())
    held = _aged(held, now_ns)
    first_new = len(held.line) - len(fresh)
    held = _pruned(_branched(held, first_new), now_ns)
    found = _confirmed(held, now_ns, first_new)
    rows, chosen, existence = _begun(store, bank, held, found, plots, fresh, first_new, seen)
    if found.size:
        held = _without(held, found)
    store.tally |= {KEY + name: value for name, value in _compact(held, now_ns).__dict__.items()}
    return rows, chosen, existence


# Lines.


def _with_lines(
    held: Held, plots: Detections, sensor: Sighted, is_free: NDArray[np.bool_], i_sensor: int, period_ns: Integers
) -> tuple[Held, Integers]:
    """Return what is held with the batch's lines that are nobody's after it, and which plots those are."""
    parameters: dict[str, float] = sensor.parameters  # type: ignore[attr-defined]
    period, now_ns = int(period_ns[i_sensor]), int(plots.time_ns.max())
    rates, looked = held.false_lines.copy(), held.looked_ns.copy()
    elapsed = 1.0 if looked[i_sensor] == NEVER else min(max(now_ns - int(looked[i_sensor]), 0) / period, 1.0)
    looked[i_sensor] = max(now_ns, int(looked[i_sensor]))
    found = min(max(parameters["detection_probability"], 0.01), 0.99)
    fresh = np.flatnonzero(is_free)
    n_dropped = held.n_dropped + max(len(fresh) - LINES_A_LOOK_MAX, 0)
    fresh = fresh[:LINES_A_LOOK_MAX]
    origin = plots.origin_ecef_m[fresh]
    direction, across, log_noise, reach_m = sensor.sight(
        plots.values[fresh], plots.covariances[fresh], origin, HEIGHTS_M
    )
    rate = max(float(rates[i_sensor]), FALSE_A_LOOK_MIN)
    line = np.empty((len(fresh), N_LINE))
    line[:, Line.ORIGIN : Line.DIRECTION], line[:, Line.DIRECTION : Line.ROWS] = origin, direction
    line[:, Line.ROWS : Line.NEAR] = across.reshape(-1, 6)
    line[:, Line.NEAR : Line.COST] = reach_m
    line[:, Line.COST] = math.log(2.0 * math.pi * rate / SPAN_SR / found) + 0.5 * log_noise
    line[:, Line.MISS] = math.log(1.0 - found)
    line[:, Line.PERIOD_S] = period / NS_PER_S
    line[:, Line.LOG_NEW], line[:, Line.SPEED_SIGMA_M_S] = sensor.expect(origin)
    rates[i_sensor] += (len(fresh) - rates[i_sensor] * elapsed) / LOOKS_REMEMBERED
    return held.replace(
        time_ns=np.concatenate([held.time_ns, plots.time_ns[fresh]]),
        sensor=np.concatenate([held.sensor, np.full(len(fresh), i_sensor)]),
        line=np.concatenate([held.line, line]),
        false_lines=rates,
        looked_ns=looked,
        n_dropped=n_dropped,
    ), fresh


def _aged(held: Held, now_ns: int) -> Held:
    """Return it with the hypotheses without the lines that are too old; those that lose one are fitted anew."""
    member = held.member
    old = (member >= 0) & (now_ns - held.time_ns[member] > HOLD_S * NS_PER_S)
    loses = np.flatnonzero(old.any(axis=1))
    if not loses.size:
        return held
    kept = np.where(old, -1, member)[loses]
    kept = np.take_along_axis(kept, np.argsort(kept < 0, axis=1, kind="stable"), axis=1)
    sensor = np.where(kept >= 0, held.sensor[kept], -1)
    alive = ((sensor != sensor[:, :1]) & (kept >= 0)).any(axis=1)
    again = _fitted(held, kept[alive], held.base_ns[loses[alive]], held.mean[loses[alive]])
    return _joined(held.take(np.flatnonzero(~old.any(axis=1))), again)


def _compact(held: Held, now_ns: int) -> Held:
    """Return it without the lines that nothing can come of any more, and without the oldest if there are too many."""
    age_s = (now_ns - held.time_ns) / NS_PER_S
    wanted = age_s <= np.minimum(PAIR_LOOKS * held.line[:, Line.PERIOD_S].max(initial=0.0), PAIR_S_MAX)
    alone = np.ones(len(wanted), np.bool_)
    alone[held.member[held.member >= 0]] = False
    n_over = max(int((wanted | ~alone).sum()) - LINES_MAX, 0)
    oldest = np.flatnonzero(wanted & alone)
    oldest = oldest[np.argsort(held.time_ns[oldest], kind="stable")][:n_over]
    wanted |= ~alone
    wanted[oldest] = False
    return _with_lines_of(held.replace(n_dropped=held.n_dropped + len(oldest)), wanted)


def _with_lines_of(held: Held, wanted: NDArray[np.bool_]) -> Held:
    """Return it with the wanted lines alone, which are all that any hypothesis has."""
    if wanted.all():
        return held
    place = np.append(np.cumsum(wanted) - 1, -1)
    lines = {"time_ns": held.time_ns[wanted], "sensor": held.sensor[wanted], "line": held.line[wanted]}
    return held.replace(**lines, member=place[held.member])


# Hypotheses.


def _branched(held: Held, first_new: int) -> Held:
    """Return it with every hypothesis that a new line begins or goes on with, beside those that there were."""
    if first_new == len(held.line):
        return held
    parent, line = _extensions(held, first_new)
    member = held.member[parent].copy()
    full = member[:, -1] >= 0
    member[full] = np.column_stack([member[full, 1:], np.full(int(full.sum()), -1)])
    member[np.arange(len(member)), (member >= 0).sum(axis=1)] = line
    longer = _fitted(held, member, held.base_ns[parent], held.mean[parent])
    new, old, middle = _crossings(held, first_new)
    pair = np.full((len(new), MEMBERS_MAX), -1)
    pair[:, 0], pair[:, 1] = old, new
    start = np.hstack([middle, np.zeros((len(new), SIZE - 3))])
    return _joined(held, longer, _fitted(held, pair, held.time_ns[new], start))


def _crossings(held: Held, first_new: int) -> tuple[Integers, Integers, Floats]:
    """Return pairs of a new line and one of another satellite that one target may be on, and the point between them."""
    step = max(BLOCK // max(first_new, 1), 1)
    blocks = [
        _crossings_of(held, np.arange(at, min(at + step, len(held.line))), first_new)
        for at in range(first_new, len(held.line), step)
    ]
    new, old, middle, strain = (np.concatenate(each) for each in zip(*blocks, strict=True))
    best = np.sort(np.argsort(strain, kind="stable")[:CROSSINGS_MAX])
    return new[best], old[best], middle[best]


def _crossings_of(held: Held, new: Integers, first_new: int) -> tuple[Integers, Integers, Floats, Floats]:
    """Return what `_crossings` does for some new lines, and the gap between the lines over what it may be."""
    fresh, kept = held.line[new], held.line[:first_new]
    apart_s = np.abs(held.time_ns[new, None] - held.time_ns[:first_new]) / NS_PER_S
    period_s = np.maximum(fresh[:, None, Line.PERIOD_S], kept[:, Line.PERIOD_S])
    near = apart_s <= np.minimum(PAIR_LOOKS * period_s, PAIR_S_MAX)
    near &= held.sensor[new, None] != held.sensor[:first_new]
    i, j = np.nonzero(near)
    a, b, apart_s = fresh[i], kept[j], apart_s[i, j]
    u, v = _vector(a, Line.DIRECTION), _vector(b, Line.DIRECTION)
    between = _vector(b, Line.ORIGIN) - _vector(a, Line.ORIGIN)
    cosine = np.vecdot(u, v)
    sine = np.maximum(1.0 - cosine**2, SINE_SQUARED_MIN)
    along_u, along_v = np.vecdot(between, u), np.vecdot(between, v)
    s, t = (along_u - cosine * along_v) / sine, (cosine * along_u - along_v) / sine
    point_u, point_v = _vector(a, Line.ORIGIN) + s[:, None] * u, _vector(b, Line.ORIGIN) + t[:, None] * v
    gap = np.linalg.norm(point_u - point_v, axis=1)
    slack = SPEED_MAX_M_S * apart_s + math.sqrt(GATE) * np.hypot(s * _sigma(a), t * _sigma(b))
    # Where the lines are nearly parallel, what they may miss each other by moves the crossing along them.
    along = slack / np.sqrt(sine)
    meets = (gap <= slack) & _is_within(s, a, along) & _is_within(t, b, along) & (s > 0.0) & (t > 0.0)
    meets &= sine > SINE_SQUARED_MIN
    return new[i[meets]], j[meets], 0.5 * (point_u + point_v)[meets], gap[meets] / slack[meets]


def _extensions(held: Held, first_new: int) -> tuple[Integers, Integers]:
    """Return pairs of a hypothesis and a new line that it may go on with: within its gate, and another look."""
    n = len(held.line) - first_new
    if not len(held.member) or not n:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    fresh, time_ns, i_sensor = held.line[first_new:], held.time_ns[first_new:], held.sensor[first_new]
    own = (held.member >= 0) & (held.sensor[held.member] == i_sensor)
    latest = np.where(own, held.time_ns[held.member], NEVER).max(axis=1)
    h, j = np.nonzero(time_ns - latest[:, None] >= EARLY * NS_PER_S * fresh[:, Line.PERIOD_S])
    dt_s = (time_ns[j] - held.base_ns[h]) / NS_PER_S
    basis, line = _basis(dt_s), fresh[j]
    offset = np.einsum("pn,pnc->pc", basis, held.mean[h].reshape(-1, ORDER, 3)) - _vector(line, Line.ORIGIN)
    # Coarsely, whatever the direction: a bound on the standard deviation of the place.
    by_order = np.sqrt(np.diagonal(held.spread, axis1=1, axis2=2).reshape(-1, ORDER, 3).sum(axis=2))
    along = np.vecdot(offset, _vector(line, Line.DIRECTION))
    aside = np.sqrt(np.maximum(np.vecdot(offset, offset) - along**2, 0.0))
    sigma_m = np.vecdot(np.abs(basis), by_order[h]) + along * _sigma(line)
    near = np.flatnonzero((along > 0.0) & (aside <= math.sqrt(GATE) * sigma_m))
    h, j = h[near], j[near]
    residual, slope = _seen(offset[near], line[near])
    rows = (basis[near][:, None, :, None] * slope[:, :, None, :]).reshape(-1, 2, SIZE)
    S = rows @ held.spread[h] @ rows.swapaxes(1, 2) + np.eye(2)
    fits = mahalanobis_squared(residual, S) <= GATE
    return h[fits], first_new + j[fits]


def _fitted(held: Held, member: Integers, base_ns: Integers, mean: Floats) -> Held:
    """Return hypotheses of these lines, those that are plausible, fitted by Gauss-Newton steps.

    Args:
        held: whose lines they are.
        member: (h, 12) their lines.
        base_ns, mean: (h,), (h, 12) a cubic to start from.
    """
    if not len(member):
        return held.take(np.zeros(0, np.int64))
    there = member >= 0
    times_ns = np.where(there, held.time_ns[member], NEVER)
    newest_ns = times_ns.max(axis=1, initial=NEVER)
    mean = _moved(mean, (newest_ns - base_ns) / NS_PER_S)
    basis = _basis(np.where(there, times_ns - newest_ns[:, None], 0) / NS_PER_S)
    line = held.line[member]
    # Of sensors that expect different targets: the fewest and the fastest.
    log_new = np.where(there, line[:, :, Line.LOG_NEW], np.inf).min(axis=1)
    speed_sigma_m_s = np.where(there, line[:, :, Line.SPEED_SIGMA_M_S], 0.0).max(axis=1)
    sigmas = np.column_stack([speed_sigma_m_s, np.tile(SIGMAS, (len(member), 1))])
    prior = np.zeros((len(member), SIZE))
    prior[:, 3:] = np.repeat(sigmas, 3, axis=1) ** -2.0
    for step in range(STEPS + 1):
        offset = np.einsum("hkn,hnc->hkc", basis, mean.reshape(-1, ORDER, 3)) - _vector(line, Line.ORIGIN)
        residual, slope = _seen(offset, line)
        residual[~there], slope[~there] = 0.0, 0.0
        rows = basis[:, :, None, :, None] * slope[:, :, :, None, :]
        rows = rows.reshape(len(member), 2 * MEMBERS_MAX, SIZE)
        # A fit that flees its lines knows 1e40 times less of its place than of its jerk: scaled to a unit diagonal, and
        # at last by orthogonal rows instead of their squares, its covariance stays positive.
        scale = ((rows**2).sum(axis=1) + prior) ** -0.5
        if step < STEPS:
            information = rows.swapaxes(1, 2) @ rows + prior[:, :, None] * np.eye(SIZE)
            pull = np.vecmat(residual.reshape(len(member), 2 * MEMBERS_MAX), rows) - prior * mean
            information *= scale[:, :, None] * scale[:, None, :]
            mean = mean + scale * np.linalg.solve(information, (scale * pull)[:, :, None])[:, :, 0]
    squared = (residual**2).sum(axis=(1, 2)) + (prior * mean**2).sum(axis=1)
    every = np.concatenate([rows, np.sqrt(prior)[:, :, None] * np.eye(SIZE)], axis=1) * scale[:, None, :]
    triangle = np.linalg.qr(every, mode="r")
    root = scale[:, :, None] * np.linalg.inv(triangle)
    spread = symmetric((root @ root.swapaxes(1, 2)).astype(np.float64, copy=False))
    evidence = log_new + 1.5 * math.log(2.0 * math.pi) - 3.0 * np.log(sigmas).sum(axis=1) - 0.5 * squared
    diagonal = np.abs(np.diagonal(triangle, axis1=1, axis2=2))
    evidence += (np.log(scale) - np.log(diagonal)).sum(axis=1)
    evidence -= np.where(there, line[:, :, Line.COST], 0.0).sum(axis=1)
    # A fit may leave its lines: beyond the ground, or behind a satellite.
    along = np.vecdot(offset, _vector(line, Line.DIRECTION))
    slack = 3.0 * np.sqrt(np.trace(spread[:, :3, :3], axis1=1, axis2=2))[:, None]
    n = there.sum(axis=1)
    is_plausible = (_is_within(along, line, slack) | ~there).all(axis=1)
    is_plausible &= squared <= 2 * n + SQUARED_SIGMAS * np.sqrt(4 * n)
    speed = np.linalg.norm(mean[:, 3:6], axis=1)
    slack = 3.0 * np.sqrt(np.trace(spread[:, 3:6, 3:6], axis1=1, axis2=2))
    is_plausible &= (speed <= SPEED_MAX_M_S + slack) & np.isfinite(evidence)
    return held.replace(member=member, base_ns=newest_ns, mean=mean, spread=spread, evidence=evidence).take(
        is_plausible
    )


def _scores(held: Held, now_ns: int) -> Floats:
    """Return (h,) scores: the evidence, and a missed look for each look of its satellites that was due and has no line.

    A look is due a quarter of a period after its time.
    """
    there = held.member >= 0
    sensor = np.where(there, held.sensor[held.member], -1)
    score = held.evidence.copy()
    for each in np.unique(sensor[there]):
        own = sensor == each
        some = np.flatnonzero(own.any(axis=1))
        first_ns = np.where(own, held.time_ns[held.member], FAR_OFF_NS).min(axis=1)[some]
        line = held.line[held.member[some, own[some].argmax(axis=1)]]
        due = np.floor((now_ns - first_ns) / NS_PER_S / line[:, Line.PERIOD_S] - 0.25) + 1.0
        score[some] += np.maximum(due - own[some].sum(axis=1), 0.0) * line[:, Line.MISS]
    return score


def _pruned(held: Held, now_ns: int) -> Held:
    """Return it with the hypotheses that are worth keeping: likely enough, not implied by better ones, not too many."""
    score = _scores(held, now_ns)
    order = np.lexsort((*held.member.T[::-1], -score))
    order = order[score[order] >= SCORE_MIN]
    n_dropped = held.n_dropped + max(len(order) - HYPOTHESES_MAX, 0)
    order = order[:HYPOTHESES_MAX]
    held, score = held.take(order), score[order]
    has = _has(held)
    common = has @ has.T
    part = (common == has.sum(axis=1)[:, None]) & (score >= score[:, None] + SCORE_IMPLIED)
    same = common == np.maximum(has.sum(axis=1)[:, None], has.sum(axis=1))
    part |= np.tril(same, -1)
    return held.take(np.flatnonzero(~part.any(axis=1))).replace(n_dropped=n_dropped)


# Tracks.


def _confirmed(held: Held, now_ns: int, first_new: int) -> Integers:
    """Return the hypotheses that become tracks with this batch: the best of each target that is beyond doubt."""
    score = _scores(held, now_ns)
    there = held.member >= 0
    sensor = np.where(there, held.sensor[held.member], -1)
    looks = np.sort((there[:, :, None] & (sensor[:, :, None] == np.arange(len(held.looked_ns)))).sum(axis=1), axis=1)
    ready = (looks[:, -2:] >= LOOKS_TO_CONFIRM).all(axis=1) & (there.sum(axis=1) >= LINES_TO_CONFIRM)
    ready &= (score >= SCORE_TO_CONFIRM) & (held.member >= first_new).any(axis=1)
    _, _, height_m = geodetic_from_ecef(held.mean[:, :3])
    ready &= (height_m > HEIGHTS_M[0]) & (height_m < HEIGHTS_M[1])
    has = _has(held)
    conflict = has @ has.T > 0.0
    found: list[int] = []
    for h in np.flatnonzero(ready).tolist():
        if (conflict[h, found]).any() or any(_are_one(held, h, other) for other in found):
            continue
        group = np.flatnonzero(_reaches(conflict, h) & (score > 0.0))
        with_it, chosen = _best(score[group], conflict[np.ix_(group, group)])
        if not chosen[group == h].any():
            continue
        others = np.array([other for other in group.tolist() if other != h and not _are_one(held, h, other)], np.int64)
        without, _ = _best(score[others], conflict[np.ix_(others, others)])
        if with_it - without >= MARGIN_TO_CONFIRM:
            found.append(h)
    return np.array(found, np.int64)


def _best(score: Floats, conflict: NDArray[np.bool_]) -> tuple[float, NDArray[np.bool_]]:
    """Return the greatest sum of scores above 0 of hypotheses none of which conflict, and which those are.

    Of more than `RIVALS_MAX` the best are weighed. Exact, by branching on the one with the most conflicts.
    """
    n = len(score)
    rows = np.lexsort((np.arange(n), -score))[:RIVALS_MAX]
    foes = [sum(1 << b for b in range(len(rows)) if b != a and conflict[rows[a], rows[b]]) for a in range(len(rows))]
    value = score[rows].tolist()

    def search(left: int) -> tuple[float, int]:
        some = [a for a in range(len(rows)) if left >> a & 1]
        worst = max(some, key=lambda a: (foes[a] & left).bit_count(), default=-1)
        if worst < 0 or not foes[worst] & left:
            return sum(value[a] for a in some), left
        without = search(left & ~(1 << worst))
        total, taken = search(left & ~(1 << worst) & ~foes[worst])
        taking = total + value[worst], taken | 1 << worst
        return max(without, taking)

    total, taken = search((1 << len(rows)) - 1)
    chosen = np.zeros(n, np.bool_)
    chosen[[row for a, row in enumerate(rows.tolist()) if taken >> a & 1]] = True
    return total, chosen


def _reaches(conflict: NDArray[np.bool_], h: int) -> NDArray[np.bool_]:
    """Return which hypotheses are connected with one by conflicts."""
    reached = np.asarray(conflict[h])
    while True:
        more = np.asarray(conflict[reached].any(axis=0))
        if (more == reached).all():
            return reached
        reached = more


def _are_one(held: Held, a: int, b: int) -> bool:
    """Return whether two hypotheses are of one target: near enough in place and velocity at the later one's time."""
    time_ns = max(int(held.base_ns[a]), int(held.base_ns[b]))
    means, spreads = _states(held, np.array([a, b]), np.array([time_ns, time_ns]))
    return bool(mahalanobis_squared(means[:1] - means[1:], spreads[:1] + spreads[1:])[0] <= GATE_ONE)


def _states(held: Held, chosen: Integers, time_ns: Integers, order: int = 2) -> tuple[Floats, Floats]:
    """Return position and velocity, or more orders, of hypotheses at these times: (n, 6) and (n, 6, 6)."""
    shift = _shift((time_ns - held.base_ns[chosen]) / NS_PER_S)[:, : 3 * order]
    return np.matvec(shift, held.mean[chosen]), shift @ held.spread[chosen] @ shift.swapaxes(1, 2)


def _begun(
    store: Store,
    bank: Bank,
    held: Held,
    found: Integers,
    plots: Detections,
    fresh: Integers,
    first_new: int,
    seen: Floats,
) -> tuple[Integers, Integers, Floats]:
    """Write the tracks of those hypotheses that are of no other track, and return what `start_by_lines` does.

    A firm track that is near and that took no line of their satellites as new as theirs has gone astray: it goes on
    from where they are, under its number. One that is thought to have gone dark is not astray, and as near as it knows.
    """
    heir, is_new = _kin(store, bank, held, found)
    n_sensors, fated = len(held.looked_ns), is_new | (heir >= 0)
    found, heir, is_new = found[fated], heir[fated], is_new[fated]
    none = np.zeros(0, np.int64)
    if not found.size:
        return none, none, np.zeros(0)
    chosen = fresh[held.member[found].max(axis=1) - first_new]
    score = _scores(held, int(plots.time_ns.max()))[found]
    existence = np.minimum(1.0 / (1.0 + np.exp(-score)), EXISTENCE_MAX)
    store.save(heir[~is_new])
    rows = heir.copy()
    rows[is_new] = store.new_rows(int(is_new.sum()))
    whole = store.whole[rows]
    whole[is_new] = 0
    whole[is_new, Whole.STATUS], whole[is_new, Whole.APART] = TrackStatus.TENTATIVE, NEVER
    for column in (Whole.ICAO_ADDRESS, Whole.MODE_3A, Whole.MMSI):
        whole[is_new, column] = ABSENT
    whole[is_new, Whole.ID] = track_ids(plots, chosen[is_new])
    whole[is_new, Whole.FIRST_SENSOR + n_sensors :] = NEVER
    member, there = held.member[found], held.member[found] >= 0
    first_ns = np.where(there, held.time_ns[member], FAR_OFF_NS).min(axis=1)
    whole[:, Whole.BORN] = np.where(is_new, first_ns, whole[:, Whole.BORN])
    whole[:, Whole.TIME] = np.maximum(held.base_ns[found], whole[:, Whole.TIME])
    whole[:, Whole.MEASURED] = np.maximum(held.base_ns[found], whole[:, Whole.MEASURED])
    whole[:, Whole.HITS] += there.sum(axis=1)
    whole[:, Whole.MISSES] = 0
    for each in range(n_sensors):
        own, last = there & (held.sensor[member] == each), Whole.FIRST_SENSOR + n_sensors + each
        whole[:, Whole.FIRST_SENSOR + each] += own.sum(axis=1)
        newest_ns = np.where(own, held.time_ns[member], NEVER).max(axis=1)
        whole[:, last] = np.maximum(whole[:, last], newest_ns)
    mean, covariance = _states(held, found, whole[:, Whole.TIME])
    bank.begin(store, rows, mean, covariance, existence, seen=seen)
    believed = SIGMAS[0] ** 2 + ((whole[:, Whole.TIME] - held.base_ns[found]) / NS_PER_S * SIGMAS[1]) ** 2
    begin_pushed(store, bank, rows, *_states(held, found, whole[:, Whole.TIME], order=3), believed)
    store.whole[rows] = whole
    return rows, chosen[is_new], existence[is_new]


def _kin(store: Store, bank: Bank, held: Held, found: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """Return (n,) the firm track that goes on from where each hypothesis is, or -1; and whether it is of a new target.

    Neither is so where a firm track that does have lines of its own is at the same place, as far as can be told.
    """
    heir, is_new = np.full(len(found), -1), np.ones(len(found), np.bool_)
    rows = store.in_use()
    rows = rows[store.whole[rows, Whole.STATUS] >= TrackStatus.FIRM]
    if not rows.size:
        return heir, is_new
    n_sensors = len(held.looked_ns)
    last_ns = store.whole[rows, Whole.FIRST_SENSOR + n_sensors :]
    mean, covariance = _states(held, found, held.base_ns[found])
    for i, h in enumerate(found.tolist()):
        member = held.member[h][held.member[h] >= 0]
        newest_ns = np.full(n_sensors, FAR_OFF_NS)
        for each in np.unique(held.sensor[member]):
            newest_ns[each] = held.time_ns[member][held.sensor[member] == each].max()
        has_lines = np.asarray((last_ns >= newest_ns).any(axis=1))
        theirs, spread = bank.predict(store, rows, int(held.base_ns[h]))
        is_dark = store.whole[rows, Whole.TIME] > store.whole[rows, Whole.MEASURED]
        spread = np.where(has_lines | is_dark, 1.0, ASTRAY)[:, None, None] * spread
        distance = mahalanobis_squared(theirs - mean[i], spread + covariance[i])
        distance = np.where(np.isin(rows, heir), np.inf, distance)
        nearest = int(distance.argmin())
        if distance[nearest] <= GATE_ONE:
            is_new[i] = False
            heir[i] = -1 if has_lines[nearest] else rows[nearest]
    return heir, is_new


def _without(held: Held, found: Integers) -> Held:
    """Return it without these hypotheses, their lines, and all hypotheses of those lines or of the same targets."""
    used = np.unique(held.member[found])
    used = used[used >= 0]
    goes = np.asarray(np.isin(held.member, used).any(axis=1))
    for h in np.flatnonzero(~goes).tolist():
        goes[h] = any(_are_one(held, h, other) for other in found.tolist())
    wanted = np.ones(len(held.line), np.bool_)
    wanted[used] = False
    return _with_lines_of(held.take(~goes), wanted)


# What all of these share.


def _vector(line: Floats, first: int) -> Floats:
    """Return (..., 3) columns of lines."""
    return line[..., first : first + 3]


def _sigma(line: Floats) -> Floats:
    """Return the standard deviation [rad] of lines across them, the larger way."""
    across = line[..., Line.ROWS : Line.NEAR]
    smallest: Floats = np.minimum(np.linalg.norm(across[..., :3], axis=-1), np.linalg.norm(across[..., 3:], axis=-1))
    return 1.0 / smallest


def _is_within(along: Floats, line: Floats, slack: Floats) -> NDArray[np.bool_]:
    """Return whether these ranges are between those that lines may have."""
    is_within: NDArray[np.bool_] = (along >= line[..., Line.NEAR] - slack) & (along <= line[..., Line.FAR] + slack)
    return is_within


def _seen(offset: Floats, line: Floats) -> tuple[Floats, Floats]:
    """Return (..., 2) by how many sigmas lines miss the way to a place, sign reversed, and (..., 2, 3) derivatives."""
    distance = np.linalg.norm(offset, axis=-1)[..., None]
    unit = offset / distance
    across = line[..., Line.ROWS : Line.NEAR].reshape(*line.shape[:-1], 2, 3)
    seen = np.matvec(across, unit)
    return -seen, (across - seen[..., None] * unit[..., None, :]) / distance[..., None]


def _basis(dt_s: Floats) -> Floats:
    """Return (..., 4) what each order counts for the place after a time."""
    return np.stack([np.ones_like(dt_s), dt_s, dt_s**2 / 2.0, dt_s**3 / 6.0], axis=-1)


def _shift(dt_s: Floats) -> Floats:
    """Return (n, 12, 12) what makes of a cubic the same one about a later time."""
    basis, shift = _basis(dt_s), np.zeros((len(dt_s), ORDER, ORDER))
    for order in range(ORDER):
        shift[:, order, order:] = basis[:, : ORDER - order]
    whole: Floats = np.einsum("hab,ij->haibj", shift, np.eye(3)).reshape(-1, SIZE, SIZE)
    return whole


def _moved(mean: Floats, dt_s: Floats) -> Floats:
    moved: Floats = np.matvec(_shift(dt_s), mean)
    return moved


def _has(held: Held) -> Floats:
    """Return (h, m) 1 where a hypothesis has a line."""
    has = np.zeros((len(held.member), len(held.line) + 1))
    np.put_along_axis(has, held.member, 1.0, axis=1)
    return has[:, :-1]


def _joined(held: Held, *more: Held) -> Held:
    """Return it with the hypotheses of others after its own."""
    names = ("member", "base_ns", "mean", "spread", "evidence")
    return held.replace(**{name: np.concatenate([getattr(each, name) for each in (held, *more)]) for name in names})
