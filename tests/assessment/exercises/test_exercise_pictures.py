"""Measures of pictures in exercises: the same as those of recordings, and as Stone Soup's, and by hand."""

import math

import numpy as np
import pytest
from exercise_scenes import CUTOFF_M, VIEW, happened_of, ns, tracks_of, truth_of, values
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.assessment import gospa, siap
from noroshi.assessment.custody import custody
from noroshi.assessment.exercises import agreement, custodies, pictures, tracked
from noroshi.assessment.exercises.happened import Lie, Zone
from noroshi.assessment.exercises.held import GROUND_M, Course, Targets, held
from noroshi.geo.wgs84 import ecef_from_geodetic, geodetic_from_ecef
from noroshi.records import Identity, Kind, take

SECONDS = np.arange(4.0, 61.0, 4.0)
ROW = st.tuples(st.integers(1, 4), st.sampled_from(SECONDS.tolist()), st.floats(-30e3, 130e3), st.just(Kind.BALLISTIC))


def two(kinds=(Kind.BALLISTIC, Kind.AIRCRAFT)):
    return truth_of(
        {name: [(s, 1e5 * i, kind) for s in SECONDS] for i, (name, kind) in enumerate(zip("ab", kinds, strict=True))}
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(ROW, max_size=40, unique_by=lambda each: each[:2]))
def test_siap_custody_and_gospa_are_those_of_recordings(rows):
    truth, tracks = two((Kind.BALLISTIC, Kind.GLIDING)), tracks_of(rows)
    targets = Targets.of(truth, ns(SECONDS))
    picture = held(targets, tracks, CUTOFF_M, VIEW)
    one = {"times_ns": ns(SECONDS), "view": VIEW}
    assert pictures.attributes(targets, picture) == pytest.approx(
        siap.measure(truth, tracks, cutoff_m=CUTOFF_M, **one), nan_ok=True
    )
    for mine, theirs in zip(
        custodies.custodies(targets, picture), custody(truth, tracks, cutoff_m=CUTOFF_M, **one), strict=True
    ):
        for column in ("target", "kind", "there_s", "n_tracks"):
            assert getattr(mine, column) == getattr(theirs, column)
        for column in ("first_held_s", "held", "gap_s_max", "position_error_m", "kind_right"):
            assert getattr(mine, column) == pytest.approx(getattr(theirs, column), nan_ok=True)
    happened = happened_of(truth, {"A": tracks}, seconds=SECONDS)
    found = values(pictures.figures(happened), "gospa_m")["A", True, ""]
    at_ns = ns(
        SECONDS[
            [place for place, _ in pictures.curve_times(happened)][pictures.GOSPA_EVERY - 1 :: pictures.GOSPA_EVERY]
        ]
    )
    theirs = gospa.measure(truth, tracks, times_ns=at_ns, c=CUTOFF_M, view=VIEW)["gospa_m"]
    assert found == pytest.approx(theirs, nan_ok=True)


def test_a_curve_is_what_the_picture_was_then():
    rows = [(1, s, 500.0, Kind.BALLISTIC) for s in SECONDS if s <= 20.0] + [(1, 24.0, 500.0, Kind.BALLISTIC)]
    happened = happened_of(two(), {"A": tracks_of(rows)}, seconds=SECONDS)
    curve = {
        each.at_s: each.value
        for each in pictures.figures(happened)
        if each.measure == "completeness" and each.shared and not math.isnan(each.at_s)
    }
    assert curve == {20.0: 0.5, 40.0: 0.0, 60.0: 0.0}


def test_gaps_of_custody_by_hand():
    when = [8.0, 12.0, 24.0, 28.0, 32.0, 48.0]  # gaps: 12 s to 24 s, 32 s to 48 s, 48 s to 60 s
    rows = [(i, s, 900.0, Kind.BALLISTIC) for i, s in enumerate(when)]  # each a track of its own, one row long
    found = list(custodies.figures(happened_of(two(), {"A": tracks_of(rows)}, seconds=SECONDS)))
    key = ("A", True, "a")
    assert values(found, "custody_gaps")[key] == 3.0
    assert values(found, "custody_gap_s_total")[key] == 40.0
    assert values(found, "custody_gap_s_max")[key] == 16.0
    assert values(found, "custody_share")[key] == pytest.approx(6 / 14)
    assert values(found, "custody_tracks")[key] == 6.0
    assert values(found, "position_error_m")[key] == 900.0


def test_a_threat_that_is_never_held():
    found = list(custodies.figures(happened_of(two(), {"A": tracks_of([])}, seconds=SECONDS)))
    assert values(found, "custody_gap_s_max")["A", True, "a"] == math.inf
    assert values(found, "custody_share")["A", True, "a"] == 0.0


def test_agreement_by_hand():
    first = [(1, s, 0.0, Kind.BALLISTIC) for s in SECONDS]
    second = [(7, s, 3_000.0, Kind.BALLISTIC) for s in SECONDS[:5]]
    pair = happened_of(two(), {"A": tracks_of(first), "B": tracks_of(second, node="B")}, seconds=SECONDS)
    found = list(agreement.figures(pair))
    assert values(found, "common_picture")["", True, ""] == pytest.approx(5 / 15)
    assert values(found, "disagreement_m")["", True, ""] == pytest.approx(3_000.0)
    assert list(agreement.figures(happened_of(two(), {"A": tracks_of(first)}, seconds=SECONDS))) == []


def test_what_was_tracked_by_hand():
    rows = [(1, s, 0.0, Kind.BALLISTIC) for s in SECONDS[:6]]
    rows += [(2, s, 400.0, Kind.BALLISTIC) for s in SECONDS[6:9]]
    rows += [(3, s, 1e5, Kind.AIRCRAFT) for s in SECONDS[::1]]
    rows += [(4, s, 5e4, Kind.AIRCRAFT) for s in SECONDS[:2]]  # on nobody
    found = list(tracked.figures(happened_of(two(), {"A": tracks_of(rows)}, seconds=SECONDS)))
    told = {name: values(found, name)["A", True, ""] for name in tracked.MEASURES if name != "entries_noticed"}
    assert told["threats_tracked"] == 1.0
    assert told["threat_time_tracked"] == pytest.approx(9 / 15)
    assert told["background_tracked"] == 1.0
    assert told["false_tracks"] == 1.0
    assert told["track_breaks"] == 1.0
    assert math.isnan(told["dark_ships_held"])


def test_who_is_silent_who_lies_and_who_enters():
    who = Identity.absent(15).replace(mmsi=np.full(15, 538000001))
    truth = truth_of({"ship": [(s, 300.0 * s, Kind.SHIP) for s in SECONDS]}).replace(identity=who)
    rows = [(1, s, 300.0 * s, Kind.SHIP) for s in SECONDS[:10]]
    rows += [(2, s, 300.0 * s + 8_000.0, Kind.SHIP) for s in SECONDS[5:8]]
    says = Identity.absent(13).replace(mmsi=np.array([0] * 10 + [538000001] * 3))
    lat, lon, _ = geodetic_from_ecef(np.array([[6_400_000.0, 300.0 * 30.0, 0.0]]))
    zone = Zone(name="z", lat_rad=float(lat[0]), lon_rad=float(lon[0]), radius_m=1_500.0)
    when = {"target": "ship", "begins_ns": int(ns(20.0)), "ends_ns": int(ns(60.0))}
    happened = happened_of(
        truth, {"A": tracks_of(rows, identity=says)}, seconds=SECONDS, zones=(zone,),
        lies=(Lie(**when, is_silent=True), Lie(**when, is_silent=False)),
    )  # fmt: skip
    found = list(tracked.figures(happened))
    assert values(found, "dark_ships_held")["A", True, ""] == pytest.approx(6 / 10)  # 20 to 40 s of 20 to 56 s
    assert values(found, "false_positions_noticed")["A", True, ""] == 1.0
    entered = list(
        tracked.asked(happened, ["entries_noticed"], tracked.chosen_of(happened, ["ship"]), zone, "ship into z")
    )
    assert values(entered, "entries_noticed")["A", True, "ship into z"] == 1.0
    late = happened_of(truth, {"A": tracks_of(rows[:3])}, seconds=SECONDS, zones=(zone,))
    missed = list(tracked.asked(late, ["entries_noticed"], None, zone, "z"))
    assert values(missed, "entries_noticed")["A", True, "z"] == 0.0


def test_a_course_is_read_from_the_truth():
    down = np.array([ecef_from_geodetic(0.6, 2.4, height) for height in (0.0, 60e3, 80e3, 1_000.0)])
    truth = truth_of({"t": [(s, 0.0, kind) for s, kind in zip((0.0, 60.0, 61.0, 300.0), (4, 4, 3, 3), strict=True)]})
    course = Course.of(truth.replace(state_ecef=np.hstack([down, np.zeros((4, 3))])))
    assert (course.kind, course.comes_down) == (Kind.BALLISTIC, True)
    assert course.burnt_out_ns == ns(61.0)
    assert GROUND_M > 1_000.0
    assert not Course.of(take(truth.replace(state_ecef=np.hstack([down, np.zeros((4, 3))])), slice(0, 3))).comes_down
