"""ED-142: a pass or fail table of the kind EUROCAE ED-142 makes of a surveillance system's output.

The thresholds are those that the evaluation tool COMPASS ships for ED-142 (its section numbers in brackets); how each
share is counted is written at each figure below, because the standard itself was not at hand.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.pictures import LIVE, View, truth_histories
from noroshi.assessment.reports import Reports, reports
from noroshi.records import Tracks, TrackStatus, Truth, take
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
    name="en route (5 NM)", period_s=8.0, gap_s=16.4, long_gap_share_max=0.01, horizontal_rms_m_max=350.0, false_m=2100.0
)
TMA = Limits(
    name="TMA (3 NM)", period_s=5.0, gap_s=16.5, long_gap_share_max=0.001, horizontal_rms_m_max=150.0, false_m=1690.0
)

NAMES = (
    "update_probability",
    "long_gap_share",
    "horizontal_rms_m",
    "false_detection_share",
    "mode_3a_detection",
    "mode_3a_false_share",
    "icao_address_detection",
    "icao_address_false_share",
)
PERFECT = dict(zip(NAMES, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0), strict=True))

Verdict = Literal["pass", "fail", "not applicable"]


class Line(NamedTuple):
    """One line of the table: what is asked, what was found, whether that passes and, where nothing was, why not."""

    requirement: str
    value: float
    limit: str
    verdict: Verdict
    reason: str = ""


class Figure(NamedTuple):
    """A value, or NaN and the reason why there is none."""

    value: float
    reason: str = ""


def measure(
    truth: Truth,
    tracks: Tracks,
    *,
    times_ns: NDArray[np.int64],
    limits: Limits = EN_ROUTE,
    view: View = LIVE,
) -> Mapping[str, float]:
    """Return the figures of the table for one environment; only the first and last of the times matter."""
    figures = _figures(truth, tracks, times_ns, limits, view)
    return {name: figures[name].value for name in NAMES}


def lines(
    truth: Truth, tracks: Tracks, *, times_ns: NDArray[np.int64], limits: Limits = EN_ROUTE, view: View = LIVE
) -> list[Line]:
    """Return the table for one environment, over the time from the first to the last of `times_ns`.

    An update is a firm track row at its own time; a coasting row is none. Whole output periods are counted from the
    moment a target is first known, anew after each gap in its truth. All distances are horizontal.
    """
    found = _figures(truth, tracks, times_ns, limits, view)
    per_cent = "{:g} %".format
    asked = (
        ("probability of update", "update_probability", ">=", limits.update_probability_min, per_cent),
        (f"gaps longer than {limits.gap_s:g} s", "long_gap_share", "<=", limits.long_gap_share_max, per_cent),
        ("horizontal position, RMS [3.3.8]", "horizontal_rms_m", "<=", limits.horizontal_rms_m_max, "{:g} m".format),
        (f"false detections (> {limits.false_m:g} m) [3.3.5]", "false_detection_share", "<=", limits.false_share_max, per_cent),
        ("Mode 3/A code detection [3.3.6]", "mode_3a_detection", ">=", limits.mode_3a_min, per_cent),
        ("Mode C code detection (300 ft) [3.3.6]", "mode_c_detection", ">=", limits.mode_c_min, per_cent),
        ("ICAO address detection [3.3.6]", "icao_address_detection", ">=", limits.icao_address_min, per_cent),
        ("false Mode 3/A codes", "mode_3a_false_share", "<=", limits.false_code_share_max, per_cent),
        ("false ICAO addresses", "icao_address_false_share", "<=", limits.false_code_share_max, per_cent),
    )
    return []
