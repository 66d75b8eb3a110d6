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
)
PERFECT = dict(zip(NAMES, (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0), strict=True))

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

    An update is a firm track row at its own time (a coasting row is none) and belongs to the target nearest to it; all
    distances are horizontal. Whole output periods are counted from the moment a target is first known, anew after each
    gap in its truth. Updates inside such a gap near the path across it are not judged.

    - probability of update: the share of periods with an update.
    - long update gaps: how many, those at either end of what is known of a target included, per period.
    - false detections: the share of updates further than `false_m` from every target, but for those without a
      reference: made up to `beyond_s` before a target is first known or after it was last known, and within `false_m`
      of where its velocity then takes it. They are left out of both sides of the share.
    - the same, beyond the ends too: these updates are judged like all others, so that they are false.
    - detection of a code: the share of periods with an update, while the target had a code, in which one was right.
    - false codes: the share of updates with a code, while the target had one, in which it was wrong.

    Args:
        truth, tracks: what was and what was said of it.
        times_ns: (k,) of which the first and the last count.
        limits: what is asked.
        view: how rows are read.
        beyond_s: for how long beyond its ends a target is unknown; 0 judges every update.

    Source: for updates without a reference, the COMPASS user manual: under "Position Distance" an update for which
    there is no reference position (#NoRef) counts neither as a passed nor as a failed comparison, and to count it, under
    "Extra Data", is "not mandated by any standard known to the author". COMPASS leaves out all that a track says after
    its reference has ended; here it is bounded in time and place, so that a track that goes on or strays is false.
    """
    found = _figures(truth, tracks, times_ns, limits, view, beyond_s)
    table_lines = []
    for name, requirement, sense, limit in _ASKED:
        value, threshold = found[name], getattr(limits, limit)
        unit: Literal["m", ""] = "m" if name.endswith("_m") else ""
        if isinstance(value, str):
            table_lines.append(Line(requirement, float("nan"), sense, threshold, unit, "not applicable", value))
        else:
            passed = value <= threshold if sense == "<=" else value >= threshold
            rule = f"updates up to {beyond_s:g} s beyond the ends of the truth not judged"
            reason = rule if name == "false_detection_share" and beyond_s > 0.0 else ""
            table_lines.append(Line(requirement, value, sense, threshold, unit, "pass" if passed else "fail", reason))
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
    updates = reports(truth, tracks, times_ns=times_ns, cutoff_m=limits.false_m, view=near)
    updates = updates.rows(tracks.status[updates.row] == TrackStatus.FIRM)
    spans = Spans.of(truth, times_ns, limits.period_s, view.gap_s_max)
    span = spans.at(updates.i_target, tracks.time_ns[updates.row])
    judged, on = span != IN_A_GAP, span >= 0
    n_periods = int(spans.n_periods.sum())
    found: dict[str, float | str] = {"mode_c_detection": "tracks carry no measured Mode C altitude"}
    no_period = "no target was known for a whole output period"
    found["update_probability"] = found["long_gap_share"] = no_period
    period = spans.period(span[on], tracks.time_ns[updates.row[on]])
    if n_periods:
        found["update_probability"] = len(np.unique(period[period >= 0])) / n_periods
        found["long_gap_share"] = spans.n_gaps(span[on], tracks.time_ns[updates.row[on]], limits.gap_s) / n_periods
    is_false = updates.i_target < 0
    ended = np.zeros(len(judged), bool)
    ended[is_false] = spans.beyond(
        tracks.time_ns[updates.row[is_false]], tracks.state_ecef[updates.row[is_false]], beyond_s, limits.false_m, near
    )
    for name, counted in (("false_detection_share", judged & ~ended), ("false_detection_share_beyond_ends", judged)):
        found[name] = "no update" if spans.n_periods.size else "no truth"
        if counted.any() and spans.n_periods.size:
            found[name] = float(is_false[counted].mean())
    found["horizontal_rms_m"] = "no update of a target"
    if on.any():
        found["horizontal_rms_m"] = float(np.sqrt((updates.distance_m[on] ** 2).mean()))
    for column, code in _CODES:
        found |= _code_figures(truth, tracks, updates.rows(on), period, column, code)
    return found


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
        self, time_ns: Integers, state_ecef: Floats, beyond_s: float, within_m: float, view: View
    ) -> NDArray[np.bool_]:
        """Return (p,) whether each place is near where a target not known then, but shortly before or after, would be.

        Args:
            time_ns: (p,) when.
            state_ecef: (p, 6) where.
            beyond_s: for how long a target is carried on beyond its first and last sample, at its velocity there or, where
                that is not known, at the slope of the chord to the next sample.
            within_m: how near.
            view: how distances are seen.
        """
        targets, places = self.targets, seen(state_ecef, view)[:, :3]
        is_beyond = np.zeros(len(time_ns), bool)
        ends = ((targets.start, np.minimum(targets.start + 1, targets.stop - 1), -1),)
        ends += ((targets.stop - 1, np.maximum(targets.stop - 2, targets.start), 1),)
        for last, next_to_last, sign in ends:
            since_s = (time_ns[:, None] - targets.time_ns[last]) / 1e9
            who, end = np.nonzero((sign * since_s > 0.0) & (sign * since_s <= beyond_s))
            carried, since_s = targets.state_ecef[last[end]].copy(), since_s[who, end][:, None]
            before, step_ns = next_to_last[end], targets.time_ns[last] - targets.time_ns[next_to_last]
            chord = (carried[:, :3] - targets.state_ecef[before, :3]) * (1e9 / np.where(step_ns, step_ns, 1)[end, None])
            carried[:, :3] += np.where(np.isnan(carried[:, 3:]), chord, carried[:, 3:]) * since_s
            away = np.linalg.norm(seen(carried, view)[:, :3] - places[who], axis=1)
            is_beyond[who[away < within_m]] = True
        return is_beyond

    def n_gaps(self, span: Integers, time_ns: Integers, gap_s: float) -> int:
        """Return how many gaps longer than this the updates leave in stretches of at least one period."""
        counted = np.flatnonzero(self.n_periods)
        spans = np.concatenate([counted, span, counted])
        moments = np.concatenate([self.start_ns[counted], time_ns, self.stop_ns[counted]])
        order = np.lexsort((moments, spans))
        long = (np.diff(moments[order]) / 1e9 > gap_s) & (np.diff(spans[order]) == 0)
        return int((long & (self.n_periods[spans[order]] > 0)[1:]).sum())
