"""The ED-142-style table: each line by hand, what is not applicable and why, and its plain text."""

import math

import numpy as np
import pytest
from assessment_scenes import ns, tracks_of, truth_of

from noroshi.assessment.ed142 import EN_ROUTE, NAMES, TMA, lines, measure, table
from noroshi.geo.wgs84 import enu_axes_at
from noroshi.records import TrackStatus, take

EAST, NORTH, UP = enu_axes_at(np.array([[4_000_000.0, 1_000_000.0, 4_850_000.0]]))[0]
SPAN_S = 80


def target(name, north_m, times=range(0, SPAN_S + 1, 4)):
    return [(name, t, *(100.0 * t * EAST + north_m * NORTH)) for t in times]


def track(number, times, *, east_m=0.0, north_m=0.0, up_m=0.0):
    return [(number, t, *((100.0 * t + east_m) * EAST + north_m * NORTH + up_m * UP)) for t in times]


def verdicts(truth, tracks, **more):
    return {each.requirement: each for each in lines(truth, tracks, times_ns=ns([0, SPAN_S]), **more)}


def figures(truth, tracks, **more):
    return measure(truth, tracks, times_ns=ns([0, SPAN_S]), **more)


def test_the_two_sets_of_limits():
    assert (EN_ROUTE.period_s, EN_ROUTE.gap_s, EN_ROUTE.horizontal_rms_m_max, EN_ROUTE.false_m) == (8, 16.4, 350, 2100)
    assert (TMA.period_s, TMA.gap_s, TMA.horizontal_rms_m_max, TMA.false_m) == (5, 16.5, 150, 1690)
    assert (EN_ROUTE.long_gap_share_max, TMA.long_gap_share_max) == (0.01, 0.001)


def test_updates_periods_and_gaps_by_hand():
    # 80 s are ten periods of 8 s for each of two targets. a: updated every 8 s but for two in a row, 24 s apart there.
    # b: at 0 and 8 s only, so that 72 s are a gap to the end of what is known of it.
    truth = truth_of(target("a", 0.0) + target("b", 30_000.0))
    rows = track(1, [0, 8, 16, 40, 48, 56, 64, 72]) + track(2, [0, 8], north_m=30_000.0)
    found = figures(truth, tracks_of(rows))
    assert found["update_probability"] == pytest.approx((8 + 2) / 20)
    assert found["long_gap_share"] == pytest.approx(2 / 20)


def test_tma_periods():
    # 16 periods of 5 s: an update every 6 s leaves some of them without one.
    times = range(0, SPAN_S + 1, 6)
    found = figures(truth_of(target("a", 0.0)), tracks_of(track(1, times)), limits=TMA)
    assert found["update_probability"] == pytest.approx(len({t // 5 for t in times}) / 16)
    assert found["long_gap_share"] == 0.0


def test_coasting_rows_are_no_updates():
    status = [TrackStatus.FIRM if t % 16 == 0 else TrackStatus.COASTING for t in range(0, 80, 8)]
    found = figures(truth_of(target("a", 0.0)), tracks_of(track(1, range(0, 80, 8)), status=status))
    assert found["update_probability"] == pytest.approx(5 / 10)


def test_errors_are_horizontal_and_far_ones_are_false():
    # 300 m and 400 m off to the side, 5 km too high; one of four is 2.2 km off: false en route and in the TMA.
    rows = track(1, [0], north_m=300.0) + track(1, [8], north_m=-400.0) + track(1, [16], up_m=5_000.0)
    rows += track(1, [24], north_m=2_200.0)
    found = figures(truth_of(target("a", 0.0)), tracks_of(rows))
    assert found["horizontal_rms_m"] == pytest.approx(math.sqrt((300**2 + 400**2) / 3), rel=1e-4)
    assert found["false_detection_share"] == pytest.approx(1 / 4)
    near = tracks_of(track(1, [0], north_m=1_900.0) + track(1, [8]))
    assert figures(truth_of(target("a", 0.0)), near)["false_detection_share"] == 0.0
    assert figures(truth_of(target("a", 0.0)), near, limits=TMA)["false_detection_share"] == 0.5


def test_a_gap_in_the_truth_is_not_held_against_the_track():
    # Known to 20 s and again from 60 s: two stretches of 20 s, two whole periods each.
    truth = truth_of(target("a", 0.0, [*range(0, 21, 4), *range(60, 81, 4)]))
    found = figures(truth, tracks_of(track(1, range(0, 81, 4))))
    assert (found["update_probability"], found["long_gap_share"], found["false_detection_share"]) == (1.0, 0.0, 0.0)
    away = tracks_of(track(1, range(0, 81, 4)) + track(2, [40], north_m=9_000.0))
    assert figures(truth, away)["false_detection_share"] == pytest.approx(1 / 13)  # 8 updates in the gap are not judged


def test_updates_soon_after_a_target_was_last_known_are_not_judged():
    # Known to 40 s. The track goes on straight to 64 s: its row at 48 s is 8 s beyond the end, those at 56 and 64 s are
    # 16 s and more; a second track is 3 km to the side of where the target would be.
    truth = truth_of(target("a", 0.0, range(0, 41, 4)))
    tracks = tracks_of(track(1, range(0, 65, 8)) + track(2, [48], north_m=3_000.0))
    found = figures(truth, tracks)
    assert found["false_detection_share"] == pytest.approx(3 / 9)
    assert found["false_detection_share_beyond_ends"] == pytest.approx(4 / 10)
    assert figures(truth, tracks, beyond_s=0.0)["false_detection_share"] == pytest.approx(4 / 10)
    assert figures(truth, tracks, beyond_s=30.0)["false_detection_share"] == pytest.approx(1 / 7)
    reason = verdicts(truth, tracks)["false detections [3.3.5]"].reason
    assert reason == "updates up to 15 s beyond the ends of the truth not judged"
    assert verdicts(truth, tracks, beyond_s=0.0)["false detections [3.3.5]"].reason == ""
    # The same before it is first known.
    late = truth_of(target("a", 0.0, range(40, 81, 4)))
    assert figures(late, tracks_of(track(1, range(16, 81, 8))))["false_detection_share"] == pytest.approx(2 / 8)


def test_codes_by_hand():
    # Ten periods, updates at their starts. Mode 3/A: right, but missing twice and wrong once. ICAO address: all right.
    truth = truth_of(target("a", 0.0), mode_3a=np.full(21, 0o1234), icao_address=np.full(21, 77))
    codes = [0o1234, 0o1234, -1, -1, 0o7777, 0o1234, 0o1234, 0o1234, 0o1234, 0o1234]
    tracks = tracks_of(track(1, range(0, 80, 8)), mode_3a=codes, icao_address=np.full(10, 77))
    found = figures(truth, tracks)
    assert (found["mode_3a_detection"], found["mode_3a_false_share"]) == pytest.approx((7 / 10, 1 / 8))
    assert (found["icao_address_detection"], found["icao_address_false_share"]) == (1.0, 0.0)
    table_lines = verdicts(truth, tracks)
    assert table_lines["Mode 3/A code detection [3.3.6]"].verdict == "fail"
    assert table_lines["ICAO address detection [3.3.6]"].verdict == "pass"


def test_an_update_is_of_the_target_whose_address_it_carries():
    # b flies 1 km above a; a's track is 300 m off, so that b is nearer on the map. A third track has nobody's address.
    two = target("a", 0.0) + [
        (name, t, *(np.array(p) + 1_000.0 * UP + 290.0 * NORTH)) for name, t, *p in target("b", 0.0)
    ]
    truth = truth_of(two, icao_address=[1] * 21 + [2] * 21)
    rows = track(1, range(0, 80, 8), north_m=300.0) + track(2, range(0, 80, 8), north_m=290.0) + track(3, [40])
    tracks = tracks_of(rows, icao_address=[1] * 10 + [2] * 10 + [9])
    found = figures(truth, tracks)
    assert (found["icao_address_detection"], found["update_probability"]) == (1.0, 1.0)
    assert found["icao_address_false_share"] == pytest.approx(1 / 21)
    assert found["icao_address_false_share_of_nearest"] == pytest.approx(11 / 21)
    assert found["horizontal_rms_m"] == pytest.approx(300.0 * math.sqrt(10 / 21), rel=1e-4)
    # a is known to 40 s only: its track's row at 48 s is of no target, though b is near.
    short = take(truth, ~((truth.target == "a") & (truth.time_ns > ns(40))))
    found = figures(short, take(tracks, np.arange(7)))
    assert found["icao_address_false_share"] == 0.0
    assert found["icao_address_false_share_of_nearest"] == 1.0


def test_a_perfect_picture_passes_and_the_rest_is_not_applicable_with_a_reason():
    found = verdicts(truth_of(target("a", 0.0)), tracks_of(track(1, range(0, 81, 4))))
    assert [each.verdict for each in found.values()] == ["pass"] * 5 + ["not applicable"] * 6
    assert found["Mode C code detection [3.3.6]"].reason == "tracks carry no measured Mode C altitude"
    assert found["Mode 3/A code detection [3.3.6]"].reason == "no updated target has a known Mode 3/A code"
    coded = truth_of(target("a", 0.0), mode_3a=np.full(21, 0o1234))
    found = verdicts(coded, tracks_of(track(1, range(0, 81, 4))))
    assert found["false Mode 3/A codes"].reason == "no track on a target carries a measured Mode 3/A code"


def test_nothing_to_judge():
    truth, tracks = truth_of(target("a", 0.0)), tracks_of(track(1, range(0, 81, 4)))
    no_tracks = verdicts(truth, take(tracks, slice(0, 0)))
    assert (no_tracks["probability of update"].value, no_tracks["probability of update"].verdict) == (0.0, "fail")
    assert no_tracks["long update gaps"].value == pytest.approx(1 / 10)
    assert no_tracks["false detections [3.3.5]"].reason == "no update"
    no_truth = verdicts(take(truth, slice(0, 0)), tracks)
    assert {each.verdict for each in no_truth.values()} == {"not applicable"}
    assert no_truth["false detections [3.3.5]"].reason == "no truth"
    short = measure(truth, tracks, times_ns=ns([4]))
    assert math.isnan(short["update_probability"])
    assert all(math.isnan(value) for value in measure(truth, tracks, times_ns=ns([])).values())
    assert set(short) == set(NAMES)


def test_table_is_plain_text():
    text = table(
        lines(truth_of(target("a", 0.0)), tracks_of(track(1, range(0, 72, 8), north_m=100.0)), times_ns=ns([0, 80]))
    )
    rows = text.splitlines()
    assert len(rows) == 12
    assert rows[1].split("  ")[0] == "probability of update"
    assert " ".join(rows[1].split()) == "probability of update 90 % >= 97 % fail"
    assert " ".join(rows[3].split()).endswith("m <= 350 m pass")
    assert rows[7].endswith("not applicable  tracks carry no measured Mode C altitude")
