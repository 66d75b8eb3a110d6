"""Whose plot is whose report: radar plots beside position reports, or beside plots of the same target by another radar.

Only pairs that nothing else contends for are made: an address or a code that both carry decides; without them a plot
must have one candidate alone, at its height, that it could be from, and that candidate one plot alone.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import wrap
from noroshi.estimation.gating import chi_square_gate, coarse_pairs, mahalanobis_squared
from noroshi.estimation.interpolation import between
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.records import Batch, Detections, empty, take
from noroshi.records.batch import Column
from noroshi.records.identity import ABSENT
from noroshi.sensors import Sensor
from noroshi.tracking.registration import MEASURED, NOBODY, TIME, Floats, Integers, Pairs, columns_of, rates

GAP_S_MAX = 20.0  # between two reports of a target: a turn at 3 m/s2 that nobody told the velocity of leaves 150 m
SPEED_M_S_MAX = 700.0
HEIGHT_REACH_M = 300.0
FAR_M = 100_000.0  # from its own aircraft no bias brings a plot
REACH_SIGMAS = 4.0
NOISE_FACTOR = 4.0  # by how much a radar's noise may exceed what is stated; what a narrower gate cuts off hides it
GATE_PROBABILITY = 0.999
CONTENDED_SHARE = 0.4  # of a scan: two plots of one target that are nearer in time than this are not both its own
LEEWAY_NS = 60 * NS_PER_S  # on either side of the times compared
LOOKS_BETWEEN = 1.5  # two plots of a radar further apart than so many of its looks do not tell what was between


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looks(Batch):
    """What two kinds of source, plots and position reports, have in common, n rows.

    Attributes:
        time_ns: (n,) stamps.
        source: (n,) which radar; `NOBODY` for a position report.
        icao_address, mode_3a: (n,) who the target says it is.
        height_m: (n,) as measured; NaN where not.
        polar: (n, 3) `MEASURED` of a plot; NaN where not measured.
        variance: (n, 3, 3) its noise.
        state: (n, 6) ECEF position, and velocity (NaN where not measured).
        spread_m2: (n, 3, 3) covariance of the position.
        moved: (n, 3, 3) derivative of the position by what a radar measures (`MEASURED`), and so by its biases.
        origin_ecef_m: (n, 3) where the radar stood.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "time_ns": (np.int64, ()),
        "source": (np.int64, ()),
        "icao_address": (np.int64, ()),
        "mode_3a": (np.int64, ()),
        "height_m": (np.float64, ()),
        "polar": (np.float64, (3,)),
        "variance": (np.float64, (3, 3)),
        "state": (np.float64, (6,)),
        "spread_m2": (np.float64, (3, 3)),
        "moved": (np.float64, (3, 3)),
        "origin_ecef_m": (np.float64, (3,)),
    }

    time_ns: Integers
    source: Integers
    icao_address: Integers
    mode_3a: Integers
    height_m: Floats
    polar: Floats
    variance: Floats
    state: Floats
    spread_m2: Floats
    moved: Floats
    origin_ecef_m: Floats

    @classmethod
    def nothing(cls) -> Self:
        """Return no rows."""
        return empty(cls)


def looks_of_reports(reports: Detections, sensor: Sensor) -> Looks:
    """Return position reports that tell an address; the others cannot be followed from one to the next."""
    who = reports.identity.icao_address
    rows = np.flatnonzero(who != ABSENT)
    values = reports.values[rows]
    states, covariances = sensor.locate(values, reports.covariances[rows], reports.origin_ecef_m[rows])
    east, north = (sensor.COMPONENTS.index(f"velocity_{axis}_m_s") for axis in ("east", "north"))
    states[np.isnan(values[:, [east, north]]).any(axis=1), 3:] = np.nan
    n = len(rows)
    return Looks.nothing().replace(
        time_ns=reports.time_ns[rows],
        source=np.full(n, NOBODY),
        icao_address=who[rows],
        mode_3a=reports.identity.mode_3a[rows],
        height_m=values[:, sensor.COMPONENTS.index("altitude_m")],
        polar=np.full((n, 3), np.nan),
        variance=np.zeros((n, 3, 3)),
        state=states,
        spread_m2=covariances[:, :3, :3],
        moved=np.zeros((n, 3, 3)),
        origin_ecef_m=np.full((n, 3), np.nan),
    )


def looks_of_plots(plots: Detections, sensor: Sensor, i_sensor: int) -> Looks:
    """Return a radar's plots, and what each of its biases does to where they are put.

    The position of a plot is a weighted mean of what it measures, so that its derivative by a measurement is
    P H' W (Bar-Shalom, Li, Kirubarajan (2001), section 3.4.1).
    """
    columns = columns_of(sensor)
    states, covariances = sensor.locate(plots.values, plots.covariances, plots.origin_ecef_m)
    variance = plots.covariances[:, columns[:, None], columns]
    unmeasured = np.isnan(plots.values[:, columns])
    weight = np.linalg.inv(np.where(unmeasured[:, :, None] | unmeasured[:, None, :], np.eye(3), variance))
    rows = np.where(unmeasured[:, :, None], 0.0, sensor.jacobian(states, plots.origin_ecef_m)[:, columns, :3])
    n = len(plots)
    height = np.full(n, np.nan)
    if "altitude_m" in sensor.COMPONENTS:
        height = plots.values[:, sensor.COMPONENTS.index("altitude_m")]
    states[:, 3:] = np.nan
    return Looks.nothing().replace(
        time_ns=plots.time_ns,
        source=np.full(n, i_sensor),
        icao_address=plots.identity.icao_address,
        mode_3a=plots.identity.mode_3a,
        height_m=height,
        polar=plots.values[:, columns],
        variance=variance,
        state=states,
        spread_m2=covariances[:, :3, :3],
        moved=covariances[:, :3, :3] @ rows.swapaxes(1, 2) @ weight,
        origin_ecef_m=plots.origin_ecef_m,
    )


def with_reports(
    plots: Looks, sensor: Sensor, reports: Looks, *, bias: Floats, covariance: Floats, correlation_s: float
) -> tuple[Pairs, Integers]:
    """Return one radar's plots beside what the targets' own reports say at the plots' times, and (n,) which plots.

    Args:
        plots: of one radar and of some seconds.
        sensor: that radar.
        reports: those around these times.
        bias: (4,) the radar's biases as far as known: what is looked for is where they would put it.
        covariance: (4, 4) theirs.
        correlation_s: for how long the error of a report lasts (satellite navigation errs by the same for minutes).
            The variance is raised by what that takes from a mean of looks: (1 + phi) / (1 - phi) with the correlation
            phi from one look to the next (Priestley (1981), Spectral Analysis and Time Series, section 5.3.2).
    """
    if not len(plots) or not len(reports):
        return Pairs.nothing(), np.zeros(0, np.int64)
    order = np.lexsort((reports.time_ns, reports.icao_address))
    sender, sent_ns = reports.icao_address[order], reports.time_ns[order]
    order = order[(np.diff(sender, prepend=ABSENT) != 0) | (np.diff(sent_ns, prepend=0) != 0)]
    address, number = np.unique(reports.icao_address[order], return_inverse=True)
    start_ns = min(int(reports.time_ns.min()), int(plots.time_ns.min()))
    span_ns = 4 * (max(int(reports.time_ns.max()), int(plots.time_ns.max())) - start_ns + LEEWAY_NS)
    key = number * span_ns + (reports.time_ns[order] - start_ns) + span_ns // 4
    row, whose = _near_targets(plots, reports, order, number, key, span_ns, start_ns, bias, covariance)
    named = plots.icao_address[row] == address[whose]
    joined = np.searchsorted(address, plots.icao_address)
    joined = np.where(address[np.minimum(joined, len(address) - 1)] == plots.icao_address, joined, -1)
    mine = np.flatnonzero(joined >= 0)
    possible = (plots.icao_address[row] == ABSENT) & ~named
    row, whose = np.append(row[possible], mine), np.append(whose[possible], joined[mine])
    named = np.append(np.zeros(int(possible.sum()), bool), np.ones(len(mine), bool))
    at_ns = plots.time_ns[row] - round(float(bias[TIME]) * NS_PER_S)
    right = np.searchsorted(key, whose * span_ns + (at_ns - start_ns) + span_ns // 4, side="right")
    inside = (right > 0) & (right < len(key))
    left, right = order[np.maximum(right - 1, 0)], order[np.minimum(right, len(key) - 1)]
    inside &= (reports.icao_address[left] == address[whose]) & (reports.icao_address[right] == address[whose])
    inside &= reports.time_ns[right] - reports.time_ns[left] <= GAP_S_MAX * NS_PER_S
    row, whose, named, left, right = row[inside], whose[inside], named[inside], left[inside], right[inside]
    correlation = np.exp(-sensor.parameters["scan_period_s"] / correlation_s) if correlation_s > 0.0 else 0.0
    spread = np.maximum(reports.spread_m2[left], reports.spread_m2[right]) * (1.0 + correlation) / (1.0 - correlation)
    codes = plots.mode_3a[row], reports.mode_3a[left]
    same_code = (codes[0] == ABSENT) | (codes[1] == ABSENT) | (codes[0] == codes[1])
    pairs = _compare(plots, sensor, reports, row, left, right, bias=bias, spread=spread).replace(target=address[whose])
    possible = same_code & _fits(pairs, plots, row, reports, left, bias, covariance)
    far_m = np.linalg.norm(plots.state[row, :3] - reports.state[left, :3], axis=1)
    kept = np.where(named, far_m < FAR_M, possible)
    row, pairs, named = row[kept], take(pairs, kept), named[kept]
    alone = _alone(row, pairs, sensor.parameters["scan_period_s"])
    return take(pairs, alone | named), row[alone | named]


def with_plots(
    plots: Looks, sensor: Sensor, others: Looks, *, period_s: float, bias: Floats, covariance: Floats
) -> Pairs:
    """Return one radar's plots beside where another radar's plots before and after them put the same target.

    Each of the other's plots lends its error to the mean of its neighbours' pairs with a weight of one in all, so the
    larger of the two variances is taken as it is, not that of their interpolation.

    Args:
        plots: of one radar and of some seconds.
        sensor: that radar.
        others: the other radar's plots around these times.
        period_s: of the other radar's rotation.
        bias: (8,) the biases of the radar and of the other as far as known.
        covariance: (8, 8) theirs.
    """
    if not len(plots) or not len(others):
        return Pairs.nothing()
    reach_ns = round(LOOKS_BETWEEN * period_s * NS_PER_S)
    slack_m = SPEED_M_S_MAX / 2.0 * LOOKS_BETWEEN * period_s
    radius = _reach_m(plots, bias[:4], covariance[:4, :4]) + slack_m
    other_radius = _reach_m(others, bias[4:], covariance[4:, 4:])
    row, there = coarse_pairs(plots.state[:, :3], radius, others.state[:, :3], other_radius)
    since_ns = plots.time_ns[row] - others.time_ns[there]
    fits = (np.abs(since_ns) <= reach_ns) & _same_identity(plots, others, row, there)
    apart_m = np.linalg.norm(plots.state[row, :3] - others.state[there, :3], axis=1)
    fits &= apart_m <= SPEED_M_S_MAX / 2.0 * np.abs(since_ns) / NS_PER_S + radius[row] - slack_m + other_radius[there]
    row, there, since_ns = row[fits], there[fits], since_ns[fits]
    before, after = (_only(row[side], there[side], len(plots)) for side in (since_ns >= 0, since_ns < 0))
    row = np.flatnonzero((before >= 0) & (after >= 0))
    left, right = before[row], after[row]
    chord_m = np.linalg.norm(others.state[right, :3] - others.state[left, :3], axis=1)
    span_s = (others.time_ns[right] - others.time_ns[left]) / NS_PER_S
    moving = (chord_m <= SPEED_M_S_MAX * span_s) & (span_s <= LOOKS_BETWEEN * period_s)
    row, left, right = row[moving], left[moving], right[moving]
    spread = np.maximum(others.spread_m2[left], others.spread_m2[right])
    pairs = _compare(plots, sensor, others, row, left, right, bias=bias[:4], spread=spread).replace(target=left)
    return take(pairs, _alone(row, pairs, sensor.parameters["scan_period_s"]))


def _reach_m(looks: Looks, bias: Floats, covariance: Floats) -> Floats:
    """Return (n,) how far from a plot its target may be, by its noise and the biases it may have."""
    range_m = looks.polar[:, 0]
    off = np.abs(bias) + REACH_SIGMAS * np.sqrt(np.diagonal(covariance))
    noise = REACH_SIGMAS * NOISE_FACTOR * np.sqrt(np.trace(looks.spread_m2, axis1=1, axis2=2))
    return np.asarray(noise + off[0] + range_m * off[1] + SPEED_M_S_MAX / 2.0 * off[TIME], np.float64)


def _near_targets(
    plots: Looks,
    reports: Looks,
    order: Integers,
    number: Integers,
    key: Integers,
    span_ns: int,
    start_ns: int,
    bias: Floats,
    covariance: Floats,
) -> tuple[Integers, Integers]:
    """Return (plot, target) pairs that are near enough for a closer look; a target's own way widens the search."""
    n = int(number.max()) + 1
    middle_ns = (int(plots.time_ns.min()) + int(plots.time_ns.max())) // 2
    at = np.searchsorted(key, np.arange(n) * span_ns + (middle_ns - start_ns) + span_ns // 4)
    at = np.clip(at, np.searchsorted(number, np.arange(n)), np.searchsorted(number, np.arange(n), side="right") - 1)
    age_s = np.abs(reports.time_ns[order[at]] - middle_ns) / NS_PER_S
    half_s = (int(plots.time_ns.max()) - int(plots.time_ns.min())) / 2 / NS_PER_S
    told = np.linalg.norm(reports.state[order[at], 3:], axis=1)
    way_m = np.where(np.isnan(told), SPEED_M_S_MAX / 2.0, 1.2 * told + 20.0) * (age_s + half_s)
    alive = np.flatnonzero(age_s <= half_s + GAP_S_MAX)
    row, there = coarse_pairs(
        plots.state[:, :3],
        _reach_m(plots, bias, covariance),
        reports.state[order[at[alive]], :3],
        way_m[alive],
    )
    return np.asarray(row, np.int64), alive[there]


def _compare(
    plots: Looks,
    sensor: Sensor,
    sources: Looks,
    row: Integers,
    left: Integers,
    right: Integers,
    *,
    bias: Floats,
    spread: Floats,
) -> Pairs:
    """Return plots beside the references between their two neighbours.

    The reference is taken at the time at which the plot was taken as far as the clock's bias is known, and the residual
    put back by what that explains, so that a bias of seconds is not taken along a curve's tangent.
    """
    columns = columns_of(sensor)
    at_ns = plots.time_ns[row] - round(float(bias[TIME]) * NS_PER_S)
    states = between(sources.time_ns[left], sources.state[left], sources.time_ns[right], sources.state[right], at_ns)
    origin = plots.origin_ecef_m[row]
    expected = sensor.measure(states, origin)[:, columns]
    jacobian = sensor.jacobian(states, origin)[:, columns, :3]
    residual = plots.polar[row] - expected
    residual[:, 1] = wrap(residual[:, 1])
    rate = rates(jacobian, states[:, 3:])
    own = np.zeros((len(row), 3, 4))
    own[:, :, :TIME] = np.eye(3)
    own[:, :, TIME] = -rate
    residual += own[:, :, TIME] * bias[TIME]
    other = np.zeros((len(row), 3, 4))
    if len(sources) and sources.source[0] != NOBODY:
        share = ((at_ns - sources.time_ns[left]) / (sources.time_ns[right] - sources.time_ns[left]))[:, None, None]
        other[:, :, :TIME] = -jacobian @ ((1.0 - share) * sources.moved[left] + share * sources.moved[right])
        other[:, :, TIME] = rate
    reference = jacobian @ spread @ jacobian.swapaxes(1, 2)
    return Pairs(
        time_ns=plots.time_ns[row],
        own=plots.source[row],
        other=sources.source[left],
        target=left,
        residual=residual,
        variance=plots.variance[row] + reference,
        lent=np.diagonal(reference, axis1=1, axis2=2).copy(),
        own_rows=own,
        other_rows=other,
    )


def _fits(
    pairs: Pairs, plots: Looks, row: Integers, reports: Looks, left: Integers, bias: Floats, covariance: Floats
) -> NDArray[np.bool_]:
    """Return whether each plot could be of its target: within what noise and unknown biases do, and at its height."""
    rest = pairs.residual - np.matvec(pairs.own_rows, bias)
    missing = np.isnan(rest)
    total = NOISE_FACTOR**2 * pairs.variance + pairs.own_rows @ covariance @ pairs.own_rows.swapaxes(1, 2)
    total = np.where(missing[:, :, None] | missing[:, None, :], np.eye(len(MEASURED)), total)
    squared = mahalanobis_squared(np.where(missing, 0.0, rest), total)
    fits = squared <= chi_square_gate(GATE_PROBABILITY, (~missing).sum(axis=1))
    return np.asarray(fits & ~(_height_apart(plots, reports, row, left) > HEIGHT_REACH_M))


def _height_apart(plots: Looks, others: Looks, row: Integers, there: Integers) -> Floats:
    theirs = np.where(
        np.isnan(others.height_m[there]), geodetic_from_ecef(others.state[there, :3])[2], others.height_m[there]
    )
    return np.asarray(np.abs(plots.height_m[row] - theirs), np.float64)


def _same_identity(plots: Looks, others: Looks, row: Integers, there: Integers) -> NDArray[np.bool_]:
    """Return whether two plots may be of one target by address, code and height."""
    fits = ~(np.abs(plots.height_m[row] - others.height_m[there]) > HEIGHT_REACH_M)
    for mine, theirs in ((plots.icao_address, others.icao_address), (plots.mode_3a, others.mode_3a)):
        fits &= (mine[row] == ABSENT) | (theirs[there] == ABSENT) | (mine[row] == theirs[there])
    return np.asarray(fits)


def _only(row: Integers, there: Integers, n: int) -> Integers:
    """Return for each of n rows the one that it has, -1 where it has none or several."""
    count = np.bincount(row, minlength=n)
    found = np.full(n, -1)
    found[row] = there
    return np.asarray(np.where(count == 1, found, -1), np.int64)


def _alone(row: Integers, pairs: Pairs, period_s: float) -> NDArray[np.bool_]:
    """Return which pairs nothing contends for: the plot has no other target, nor the target another plot so soon."""
    alone = np.bincount(row, minlength=1)[row] == 1 if len(row) else np.zeros(0, bool)
    order = np.lexsort((pairs.time_ns, pairs.target))
    same = np.diff(pairs.target[order]) == 0
    close = same & (np.diff(pairs.time_ns[order]) < CONTENDED_SHARE * period_s * NS_PER_S)
    contended = np.zeros(len(row), bool)
    contended[order[:-1][close]] = True
    contended[order[1:][close]] = True
    return np.asarray(alone & ~contended)
