"""ED-142: a pass or fail table of the kind EUROCAE ED-142 makes of a surveillance system's output.

The thresholds are those that the evaluation tool COMPASS ships for ED-142 (its section numbers in brackets); how each
share is counted is written at each figure below, because the standard itself was not at hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.pictures import LIVE, Histories, View, seen, truth_histories
from noroshi.assessment.reports import Reports, reports
from noroshi.records import Tracks, TrackStatus, Truth
from noroshi.records.identity import ABSENT

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is asked of the output.

    Attributes:
        name: of the environment.
        period_s: the output period: each target is to be updated at least once in it.
        gap_s: an update gap longer than this is long.
        update_probability_min, long_gap_share_max, horizontal_rms_m_max: position.
        false_m: an update further than this from every target is false.
        false_share_max: of all updates.
        mode_3a_min, mode_c_min, icao_address_min: share of updated periods with the right code.
        false_code_share_max: of all updates with a code.
    """

    name: str
    period_s: float
    gap_s: float
    update_probability_min: float = 0.97
    long_gap_share_max: float
    horizontal_rms_m_max: float
    false_m: float
    false_share_max: float = 0.001
    mode_3a_min: float = 0.98
    mode_c_min: float = 0.96
    icao_address_min: float = 0.99
    false_code_share_max: float = 0.001


EN_ROUTE = Limits(
    name="en route (5 NM)",
    period_s=8.0,
    gap_s=16.4,
    long_gap_share_max=0.01,
    horizontal_rms_m_max=350.0,
    false_m=2100.0,
)
TMA = Limits(
    name="TMA (3 NM)", period_s=5.0, gap_s=16.5, long_gap_share_max=0.001, horizontal_rms_m_max=150.0, false_m=1690.0
)

NAMES = (
    "update_probability",
    "long_gap_share",
    "horizontal_rms_m",
    "false_detection_share",
    "false_detection_share_beyond_ends",
    "mode_3a_detection",
    "mode_3a_false_share",
    "icao_address_detection",
    "icao_address_false_share",
    "icao_address_false_share_of_nearest",
)
PERFECT = dict(zip(NAMES, (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0), strict=True))

Verdict = Literal["pass", "fail", "not applicable"]


class Line(NamedTuple):
    """One line of the table.

    Attributes:
        requirement: what is asked about.
        value: what was found; NaN where nothing was.
        sense, threshold: how the value is to compare with what.
        unit: "m", or "" for a share of 0 to 1.
        verdict: what comes of it.
        reason: why the line is not applicable, or by which rule it was counted where there is a choice; else "".
    """

    requirement: str
    value: float
    sense: Literal["<=", ">="]
    threshold: float
    unit: Literal["m", ""]
    verdict: Verdict
    reason: str


_ASKED: tuple[tuple[str, str, Literal["<=", ">="], str], ...] = (
    ("update_probability", "probability of update", ">=", "update_probability_min"),
    ("long_gap_share", "long update gaps", "<=", "long_gap_share_max"),
    ("horizontal_rms_m", "horizontal position RMS [3.3.8]", "<=", "horizontal_rms_m_max"),
    ("false_detection_share", "false detections [3.3.5]", "<=", "false_share_max"),
    ("false_detection_share_beyond_ends", "the same, beyond the ends too", "<=", "false_share_max"),
    ("mode_3a_detection", "Mode 3/A code detection [3.3.6]", ">=", "mode_3a_min"),
    ("mode_c_detection", "Mode C code detection [3.3.6]", ">=", "mode_c_min"),
    ("icao_address_detection", "ICAO address detection [3.3.6]", ">=", "icao_address_min"),
    ("mode_3a_false_share", "false Mode 3/A codes", "<=", "false_code_share_max"),
    ("icao_address_false_share", "false ICAO addresses", "<=", "false_code_share_max"),
    ("icao_address_false_share_of_nearest", "the same, by the nearest target", "<=", "false_code_share_max"),
)
BEYOND_S = 15.0
"""How long before its first and after its last sample a target is unknown, not absent. What flies on when its reference
ends is still there, and an update of it is neither right nor false."""

_CODES = (("mode_3a", "Mode 3/A code"), ("icao_address", "ICAO address"))


def measure(
    truth: Truth,
    tracks: Tracks,
    *,
    times_ns: NDArray[np.int64],
    limits: Limits = EN_ROUTE,
    view: View = LIVE,
    beyond_s: float = BEYOND_S,
) -> Mapping[str, float]:
    """Return the figures of the table for one environment: see `lines`."""
    found = _figures(truth, tracks, times_ns, limits, view, beyond_s)
    return {name: float("nan") if isinstance(found[name], str) else float(found[name]) for name in NAMES}


def lines(
    truth: Truth,
    tracks: Tracks,
    *,
    times_ns: NDArray[np.int64],
    limits: Limits = EN_ROUTE,
    view: View = LIVE,
    beyond_s: float = BEYOND_S,
) -> list[Line]:
    """Return the table for one environment, over the time from the first to the last of `times_ns`.

    An update is a firm track row at its own time (a coasting row is none). It belongs to the target within `false_m`
    whose ICAO address it carries, else to the nearest: all distances are horizontal, and of aircraft that fly over each
    other the nearest may be any. Whole output periods are counted from the moment a target is first known, anew after
    each gap in its truth. Updates inside such a gap near the path across it are not judged.

    - probability of update: the share of periods with an update.
    - long update gaps: how many, those at either end of what is known of a target included, per period.
    - false detections: the share of updates further than `false_m` from every target, but for those without a
      reference: made up to `beyond_s` before a target is first known or after it was last known, and within `false_m`
      of where its velocity then takes it. They are left out of both sides of the share (and, where another target that
      they are not of by their address happens to be near, of all lines).
    - the same, beyond the ends too: these updates are judged like all others, so that they are false.
    - detection of a code: the share of periods with an update, while the target had a code, in which one was right.
    - false codes: the share of updates with a code, while the target had one, in which it was wrong. Of addresses told
      twice: a wrong one is that of no target within `false_m`; or that of another than the nearest.

    Args:
        truth, tracks: what was and what was said of it.
        times_ns: (k,) of which the first and the last count.
        limits: what is asked.
        view: how rows are read.
        beyond_s: for how long beyond its ends a target is unknown; 0 judges every update.

    Source: for updates without a reference, the COMPASS user manual: under "Position Distance" an update for which
    there is no reference position (#NoRef) counts neither as a passed nor as a failed comparison, and to count it,
    under "Extra Data", is "not mandated by any standard known to the author". COMPASS leaves out all that a track says
    after its reference has ended; here it is bounded in time and place, so that a track that goes on or strays is
    false.
    """
    found = _figures(truth, tracks, times_ns, limits, view, beyond_s)
    rules = {
        "icao_address_false_share": f"of the target with the update's own address within {limits.false_m:g} m, if any"
    }
    if beyond_s > 0.0:
        rules["false_detection_share"] = f"updates up to {beyond_s:g} s beyond the ends of the truth not judged"
    table_lines = []
    for name, requirement, sense, limit in _ASKED:
        value, threshold = found[name], getattr(limits, limit)
        unit: Literal["m", ""] = "m" if name.endswith("_m") else ""
        if isinstance(value, str):
            table_lines.append(Line(requirement, float("nan"), sense, threshold, unit, "not applicable", value))
        else:
            passed = value <= threshold if sense == "<=" else value >= threshold
            table_lines.append(
                Line(requirement, value, sense, threshold, unit, "pass" if passed else "fail", rules.get(name, ""))
            )
    return table_lines


def table(lines: Sequence[Line]) -> str:
    """Return the lines as plain text, one a row, shares in per cent, the reason last."""
    rows = [("requirement", "found", "asked", "verdict", "reason")]
    for each in lines:
        scale, unit = (1.0, " m") if each.unit else (100.0, " %")
        found = "-" if np.isnan(each.value) else f"{each.value * scale:.4g}{unit}"
        rows.append(
            (each.requirement, found, f"{each.sense} {each.threshold * scale:g}{unit}", each.verdict, each.reason)
        )
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("  ".join(f"{row[i]:<{widths[i]}}" for i in range(5)).rstrip() for row in rows)


def _figures(
    truth: Truth, tracks: Tracks, times_ns: Integers, limits: Limits, view: View, beyond_s: float
) -> dict[str, float | str]:
    """Return each figure, or the reason why there is none."""
    near = replace(view, horizontal=True, gap_s_max=float("inf"))
    updates = _updates(truth, tracks, times_ns, limits.false_m, near, by_address=True)
    time_ns = tracks.time_ns[updates.row]
    spans = Spans.of(truth, times_ns, limits.period_s, view.gap_s_max)
    span, is_false = spans.at(updates.i_target, time_ns), updates.i_target < 0
    adrift = _without_reference(truth, tracks, updates, spans, limits.false_m, near, beyond_s)
    judged, on = span != IN_A_GAP, (span >= 0) & ~adrift
    n_periods = int(spans.n_periods.sum())
    found: dict[str, float | str] = {"mode_c_detection": "tracks carry no measured Mode C altitude"}
    no_period = "no target was known for a whole output period"
    found["update_probability"] = found["long_gap_share"] = no_period
    period = spans.period(span[on], time_ns[on])
    if n_periods:
        found["update_probability"] = len(np.unique(period[period >= 0])) / n_periods
        found["long_gap_share"] = spans.n_gaps(span[on], time_ns[on], limits.gap_s) / n_periods
    for name, counted in (("false_detection_share", judged & ~adrift), ("false_detection_share_beyond_ends", judged)):
        found[name] = "no update" if spans.n_periods.size else "no truth"
        if counted.any() and spans.n_periods.size:
            found[name] = float(is_false[counted].mean())
    found["horizontal_rms_m"] = "no update of a target"
    if on.any():
        found["horizontal_rms_m"] = float(np.sqrt((updates.distance_m[on] ** 2).mean()))
    for column, code in _CODES:
        found |= _code_figures(truth, tracks, updates.rows(on), period, column, code)
    nearest = _updates(truth, tracks, times_ns, limits.false_m, near, by_address=False)
    nearest = nearest.rows(spans.at(nearest.i_target, tracks.time_ns[nearest.row]) >= 0)
    no_period_asked = np.full(len(nearest.row), -1)
    plain = _code_figures(truth, tracks, nearest, no_period_asked, "icao_address", "ICAO address")
    found["icao_address_false_share_of_nearest"] = plain["icao_address_false_share"]
    return found


def _updates(
    truth: Truth, tracks: Tracks, times_ns: Integers, false_m: float, view: View, *, by_address: bool
) -> Reports:
    """Return the firm rows and the target that each is of."""
    every = reports(truth, tracks, times_ns=times_ns, cutoff_m=false_m, view=view, by_address=by_address)
    return every.rows(tracks.status[every.row] == TrackStatus.FIRM)


def _without_reference(
    truth: Truth, tracks: Tracks, updates: Reports, spans: "Spans", false_m: float, view: View, beyond_s: float
) -> NDArray[np.bool_]:
    """Return (p,) which updates are of a target that is not known then, but was shortly before or will be soon.

    They are near where it would be, and on no other target or of its address.
    """
    targets = spans.targets
    who, end = spans.beyond(tracks.time_ns[updates.row], tracks.state_ecef[updates.row, :3], beyond_s, false_m, view)
    said = tracks.identity.icao_address[updates.row]
    on, true = updates.i_target >= 0, np.full(len(updates.row), ABSENT)
    true[on] = truth.identity.icao_address[updates.truth_row[on]]
    is_its = (said[who] != ABSENT) & (said[who] == truth.identity.icao_address[targets.row[targets.start[end]]])
    adrift = np.zeros(len(updates.row), bool)
    adrift[who[~on[who] | (is_its & (said[who] != true[who]))]] = True
    return adrift


def _code_figures(
    truth: Truth, tracks: Tracks, updates: Reports, period: Integers, column: str, code: str
) -> dict[str, float | str]:
    """Return how often updates carry the right code of one sort, and how often a wrong one."""
    true = getattr(truth.identity, column)[updates.truth_row]
    said = getattr(tracks.identity, column)[updates.row]
    detection, false = f"{column}_detection", f"{column}_false_share"
    if not np.any(true != ABSENT):
        return dict.fromkeys((detection, false), f"no updated target has a known {code}")
    if not np.any(said != ABSENT):
        return dict.fromkeys((detection, false), f"no track on a target carries a measured {code}")
    whole = (true != ABSENT) & (period >= 0)
    both = (true != ABSENT) & (said != ABSENT)
    n_periods = len(np.unique(period[whole]))
    n_right = len(np.unique(period[whole & (said == true)]))
    return {
        detection: n_right / n_periods if n_periods else "no target with a code was known for a whole output period",
        false: float((said != true)[both].mean()) if both.any() else f"no update has both a true and a measured {code}",
    }


def _places(position_ecef_m: Floats, view: View) -> Floats:
    """Return (p, 3) places as the view sees them."""
    return seen(np.hstack([position_ecef_m, np.zeros_like(position_ecef_m)]), view)[:, :3]


NOBODY, IN_A_GAP = -1, -2


@dataclass(frozen=True, slots=True)
class Spans:
    """The stretches over which targets are known, s of them by target and time, cut to the time assessed.

    Attributes:
        targets: the samples.
        of_row: (m,) the stretch that each sample belongs to.
        start_ns, stop_ns: (s,) its first and last moment.
        period_ns: the output period.
        n_periods: (s,) how many whole periods it holds.
    """

    targets: Histories
    of_row: Integers
    start_ns: Integers
    stop_ns: Integers
    period_ns: int
    n_periods: Integers

    @classmethod
    def of(cls, truth: Truth, times_ns: Integers, period_s: float, gap_s_max: float) -> Self:
        """Return the stretches from the first to the last of the times."""
        targets = truth_histories(truth)
        begins = np.ones(len(targets.row), bool)
        begins[1:] = np.diff(targets.time_ns) / 1e9 > gap_s_max
        begins[targets.start] = True
        first = np.flatnonzero(begins)
        start_ns, stop_ns = targets.time_ns[first], targets.time_ns[np.append(first[1:], len(begins))[: len(first)] - 1]
        if len(times_ns):
            start_ns, stop_ns = np.maximum(start_ns, times_ns.min()), np.minimum(stop_ns, times_ns.max())
        period_ns = round(period_s * 1e9)
        n_periods = np.maximum(stop_ns - start_ns, 0) // period_ns * (len(times_ns) > 0)
        return cls(targets, np.cumsum(begins) - 1, start_ns, stop_ns, period_ns, n_periods)

    def at(self, i_target: Integers, time_ns: Integers) -> Integers:
        """Return (p,) the stretch of each target at each time, `NOBODY` for no target or `IN_A_GAP`."""
        span = np.full(len(i_target), NOBODY)
        on = np.flatnonzero(i_target >= 0)
        span[on] = self.of_row[self.targets.latest(i_target[on], time_ns[on])]
        span[on] = np.where(time_ns[on] > self.stop_ns[span[on]], IN_A_GAP, span[on])
        return span

    def period(self, span: Integers, time_ns: Integers) -> Integers:
        """Return (p,) the number of the output period, all different; -1 in a piece that is no whole period."""
        number = (time_ns - self.start_ns[span]) // self.period_ns
        before = np.cumsum(self.n_periods) - self.n_periods
        return np.where(number < self.n_periods[span], before[span] + number, -1)

    def beyond(
        self, time_ns: Integers, position_ecef_m: Floats, beyond_s: float, within_m: float, view: View
    ) -> tuple[Integers, Integers]:
        """Return pairs (place, target): the place is near where the target would be shortly before or after its ends.

        Args:
            time_ns: (p,) when, ascending.
            position_ecef_m: (p, 3) where.
            beyond_s: for how long a target is carried on beyond its first and last sample, at its velocity there; where
                that is not known, at the slope of the chord to the next sample.
            within_m: how near.
            view: how distances are seen.
        """
        targets, places, reach_ns = self.targets, _places(position_ecef_m, view), round(beyond_s * 1e9)
        first, last = targets.start, targets.stop - 1
        first_ns, last_ns = targets.time_ns[first], targets.time_ns[last]
        windows = (
            (first, np.minimum(first + 1, last), first_ns - reach_ns, first_ns - 1),
            (last, np.maximum(last - 1, first), last_ns + 1, last_ns + reach_ns),
        )
        found = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        for end, inner, from_ns, to_ns in windows:
            low, high = np.searchsorted(time_ns, from_ns), np.searchsorted(time_ns, to_ns, side="right")
            number = np.maximum(high - low, 0)
            who = np.repeat(np.arange(len(end)), number)
            place = np.arange(len(who)) + np.repeat(low - np.cumsum(number) + number, number)
            state, step_s = targets.state_ecef[end], (targets.time_ns[end] - targets.time_ns[inner]) / 1e9
            chord = (state[:, :3] - targets.state_ecef[inner, :3]) / np.where(step_s, step_s, np.inf)[:, None]
            velocity = np.where(np.isnan(state[:, 3:]), chord, state[:, 3:])
            since_s = (time_ns[place] - targets.time_ns[end[who]]) / 1e9
            carried = _places(state[who, :3] + velocity[who] * since_s[:, None], view)
            near = np.linalg.norm(carried - places[place], axis=1) < within_m
            found.append((place[near], who[near]))
        return np.concatenate([place for place, _ in found]), np.concatenate([who for _, who in found])

    def n_gaps(self, span: Integers, time_ns: Integers, gap_s: float) -> int:
        """Return how many gaps longer than this the updates leave in stretches of at least one period."""
        counted = np.flatnonzero(self.n_periods)
        spans = np.concatenate([counted, span, counted])
        moments = np.concatenate([self.start_ns[counted], time_ns, self.stop_ns[counted]])
        order = np.lexsort((moments, spans))
        long = (np.diff(moments[order]) / 1e9 > gap_s) & (np.diff(spans[order]) == 0)
        return int((long & (self.n_periods[spans[order]] > 0)[1:]).sum())
