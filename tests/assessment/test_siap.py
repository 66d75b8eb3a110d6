"""SIAP attributes: hand-computed cases, Stone Soup's figures for the same association, and where Stone Soup fails."""

import itertools
import math

import numpy as np
import pytest
from assessment_scenes import (
    at,
    identity,
    ns,
    records_of,
    stone_soup_metrics,
    stone_soup_paths,
    tracks_of,
    truth_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from stonesoup.dataassociator.tracktotrack import TrackToTruth
from stonesoup.measures import Euclidean
from stonesoup.metricgenerator.tracktotruthmetrics import IDSIAPMetrics, SIAPMetrics
from stonesoup.types.groundtruth import GroundTruthPath
from stonesoup.types.track import Track

from noroshi.assessment.siap import NAMES, Association, IdVerdict, id_verdicts, measure, siap
from noroshi.records import take

POSITION, VELOCITY = Euclidean((0, 2)), Euclidean((1, 3))
THEIR_NAMES = {
    "completeness": "SIAP Completeness",
    "ambiguity": "SIAP Ambiguity",
    "spuriousness": "SIAP Spuriousness",
    "position_accuracy_m": "SIAP Position Accuracy",
    "velocity_accuracy_m_s": "SIAP Velocity Accuracy",
    "track_number_change_rate_hz": "SIAP Rate of Track Number Change",
    "longest_track_segment": "SIAP Longest Track Segment",
}
UNTIMED = tuple(name for name in THEIR_NAMES if name != "track_number_change_rate_hz")


def straight(x, times, vx=10.0, y=0.0):
    return [(t, x + vx * t, y, vx, 0.0) for t in times]


def stone_soup_siap(truths, tracks, *, confirm=1, end=1, threshold=100.0):
    """Return Stone Soup's figures and what they are of: (target, track, time range) for each association."""
    true, tracked = stone_soup_paths(GroundTruthPath, truths), stone_soup_paths(Track, tracks)
    associator = TrackToTruth(threshold, confirm, end, measure=POSITION)
    metrics, manager = stone_soup_metrics(true, tracked, SIAPMetrics(POSITION, VELOCITY), associator=associator)
    held = []
    for each in manager.association_set:
        (target,) = (name for name, path in true.items() if path in each.objects)
        (track,) = (name for name, path in tracked.items() if path in each.objects)
        held.append((target, track, each.time_range))
    return {ours: metrics[theirs].value for ours, theirs in THEIR_NAMES.items()}, held


def as_association(held, truths, tracks, times):
    """Return the arguments of `siap` for what Stone Soup associated."""
    rows = []
    for i, time_s in enumerate(times):
        for target, track, time_range in held:
            if at(time_s) in time_range:
                j, n = list(truths).index(target), list(tracks).index(track)
                of_truth = next(row for row in truths[target] if row[0] == time_s)
                of_track = next(row for row in tracks[track] if row[0] == time_s)
                rows.append((i, j, n, math.dist(of_truth[1:3], of_track[1:3]), math.dist(of_truth[3:], of_track[3:])))
    columns = np.array(rows).reshape(-1, 5)
    is_target = np.array([[any(row[0] == t for row in rows) for t in times] for rows in truths.values()])
    n_tracks = np.array([sum(any(row[0] == t for row in rows) for rows in tracks.values()) for t in times])
    association = Association(
        i_time=columns[:, 0].astype(np.int64),
        i_target=columns[:, 1].astype(np.int64),
        i_track=columns[:, 2].astype(np.int64),
        position_error_m=columns[:, 3],
        velocity_error_m_s=columns[:, 4],
        id_verdict=np.zeros(len(rows), np.int64),
    )
    return ns(times), is_target, n_tracks, association


def test_by_hand():
    # Target a is tracked by 1 from 0 to 4 s and by 2 from 6 to 10 s, both 30 m off; target b never; track 9 is nowhere.
    # Track 3 is on target a too, from 2 to 4 s, 40 m off and 5 m/s too fast.
    times = range(0, 11, 2)
    truth = truth_of(
        [("a", t, 10.0 * t, 0.0, 0.0, 10.0, 0.0, 0.0) for t in times]
        + [("b", t, 0.0, 50_000.0, 0.0, 0.0, 0.0, 0.0) for t in times]
    )
    moving = [(1, t, 10.0 * t, 30.0, 0.0, 10.0, 0.0, 0.0) for t in (0, 2, 4)]
    moving += [(2, t, 10.0 * t, -30.0, 0.0, 10.0, 0.0, 0.0) for t in (6, 8, 10)]
    moving += [(3, t, 10.0 * t, 0.0, 40.0, 10.0, 0.0, 5.0) for t in (2, 4)]
    moving += [(9, t, 9_000.0, 0.0, 0.0, 0.0, 0.0, 0.0) for t in times]
    found = measure(truth, tracks_of(moving), times_ns=ns(times))
    expected = {
        "completeness": 6 / 12,
        "ambiguity": 8 / 6,
        "spuriousness": 6 / 14,
        "position_accuracy_m": (6 * 30 + 2 * 40) / 8,
        "velocity_accuracy_m_s": (2 * 5) / 8,
        "track_number_change_rate_hz": 1 / 8,  # 4 s with 1 (and 3), 4 s with 2; from 4 to 6 s no track spans
        "longest_track_segment": 4 / 20,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    assert all(math.isnan(found[name]) for name in NAMES[7:])  # nobody has an identity


HANDOVERS = (
    {"a": straight(0, range(10)), "b": straight(5_000, range(10))},
    {
        1: straight(3, range(5)),
        2: straight(-4, range(5, 10)),
        3: [(t, x, 5.0, 12.0, 1.0) for t, x, *_ in straight(5_020, range(2, 8))],
        4: straight(5_030, range(8)),
        5: straight(90_000, range(3, 6)),
    },
)


def test_handovers_equal_stone_soup_in_every_figure():
    truths, tracks = HANDOVERS
    theirs, held = stone_soup_siap(truths, tracks)
    given_theirs = siap(*as_association(held, truths, tracks, range(10)))
    truth, ours = records_of(truths, tracks)
    our_own = measure(truth, ours, times_ns=ns(range(10)), cutoff_m=100.0)
    for name, value in theirs.items():
        assert value > 0
        assert given_theirs[name] == pytest.approx(value, rel=1e-9), name
        assert our_own[name] == pytest.approx(value, rel=1e-9), name


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("confirm", "end"), [(2, 1), (2, 2), (3, 2)])
def test_the_same_association_gives_stone_soups_figures(seed, confirm, end):
    rng = np.random.default_rng(seed)
    truths = {
        f"t{i}": [(t, *p, *rng.normal(0, 5, 2)) for t, p in enumerate(np.cumsum(rng.normal(0, 60, (12, 2)), 0))]
        for i in range(4)
    }
    tracks = {}
    for n in range(7):
        of, first, last = truths[f"t{rng.integers(4)}"], *sorted(rng.choice(13, 2, replace=False))
        tracks[n] = [
            (t, x + rng.normal(0, 25), y + rng.normal(0, 25), vx + 1, vy) for t, x, y, vx, vy in of[first:last]
        ]
    theirs, held = stone_soup_siap(truths, tracks, confirm=confirm, end=end, threshold=70.0)
    ours = siap(*as_association(held, truths, tracks, range(12)))
    assert 0 < theirs["completeness"] < 1
    for name in UNTIMED:
        assert ours[name] == pytest.approx(theirs[name], rel=1e-9, abs=1e-12), name


def test_asynchronous_truth_stops_stone_soup_but_not_us():
    # The target reports every second, the track every two: Stone Soup asks the track for a state that it has not.
    truths, tracks = {"a": straight(0, range(5))}, {1: straight(30, range(0, 5, 2))}
    with pytest.raises(IndexError, match="timestamp not found in states"):
        stone_soup_siap(truths, tracks)
    truth, ours = records_of(truths, tracks)
    found = measure(truth, ours, times_ns=ns(range(5)), cutoff_m=100.0)
    expected = dict(zip(NAMES[:7], (1.0, 1.0, 0.0, 30.0, 0.0, 0.0, 1.0), strict=True))
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-6)


def test_truth_and_track_that_never_share_a_time():
    # Stone Soup finds no association at all; the track, 40 m off and carried on at 10 m/s, is on the target.
    truths, tracks = {"a": straight(0, range(0, 9, 2))}, {1: [(t, 10.0 * t, 40.0, 10.0, 0.0) for t in range(1, 8, 2)]}
    theirs, _ = stone_soup_siap(truths, tracks)
    assert theirs["completeness"] == 0.0
    truth, ours = records_of(truths, tracks)
    found = measure(truth, ours, times_ns=ns([1, 2.5, 4, 7]), cutoff_m=100.0)
    assert (found["completeness"], found["position_accuracy_m"]) == pytest.approx((1.0, 40.0), abs=1e-6)


def test_a_track_with_one_row_stops_stone_soup_but_not_us():
    truths, tracks = {"a": straight(0, range(4))}, {1: straight(30, [2])}
    with pytest.raises(ValueError, match="Must have left < right"):
        stone_soup_siap(truths, tracks)
    truth, ours = records_of(truths, tracks)
    found = measure(truth, ours, times_ns=ns(range(4)), cutoff_m=100.0)
    assert (found["completeness"], found["longest_track_segment"]) == (0.25, 0.0)
    assert math.isnan(found["track_number_change_rate_hz"])  # held at one instant, so for no time


def test_stone_soup_stops_counting_tracks_where_one_ends_a_step_after_another():
    # Track 1 holds to 3 s, track 2 to 4 s, track 3 from 6 s: three tracks, two changes over 3 + 1 + 3 s.
    truths = {"a": straight(0, range(10))}
    tracks = {1: straight(3, range(4)), 2: straight(5, range(2, 5)), 3: straight(4, range(6, 10))}
    theirs, _ = stone_soup_siap(truths, tracks)
    assert theirs["track_number_change_rate_hz"] == pytest.approx(1 / 7)
    truth, ours = records_of(truths, tracks)
    found = measure(truth, ours, times_ns=ns(range(10)), cutoff_m=100.0)
    assert found["track_number_change_rate_hz"] == pytest.approx(2 / 7)


def test_a_track_that_returns_keeps_its_number_though_stone_soup_counts_it_anew():
    far_off = straight(0, range(10), y=5_000.0)[4:6]
    truths, tracks = {"a": straight(0, range(10))}, {1: straight(3, range(4)) + far_off + straight(3, range(6, 10))}
    theirs, _ = stone_soup_siap(truths, tracks)
    assert theirs["track_number_change_rate_hz"] == pytest.approx(1 / 6)
    truth, ours = records_of(truths, tracks)
    found = measure(truth, ours, times_ns=ns(range(10)), cutoff_m=100.0)
    assert found["track_number_change_rate_hz"] == 0.0
    assert found["longest_track_segment"] == theirs["longest_track_segment"] == pytest.approx(6 / 9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.floats(0.2, 0.8))
def test_track_number_changes_are_the_fewest_there_can_be(seed, n_tracks, density):
    k = 7
    on = np.random.default_rng(seed).random((2, n_tracks, k)) < density
    i_target, i_track, i_time = np.nonzero(on)
    association = Association(
        i_time=i_time,
        i_target=i_target,
        i_track=i_track,
        position_error_m=np.zeros(len(i_time)),
        velocity_error_m_s=np.zeros(len(i_time)),
        id_verdict=np.zeros(len(i_time), np.int64),
    )
    found = siap(ns(range(k)), np.ones((2, k), bool), np.full(k, n_tracks), association)
    fewest = 0
    for table in on:
        options = [np.flatnonzero(column) for column in table.T if column.any()]
        fewest += min(
            (sum(a != b for a, b in itertools.pairwise(choice)) for choice in itertools.product(*options)), default=0
        )
    held_s = (on[:, :, 1:] & on[:, :, :-1]).any(axis=1).sum()
    expected = fewest / held_s if held_s else math.nan
    assert found["track_number_change_rate_hz"] == pytest.approx(expected, nan_ok=True)


def test_identity_figures_equal_stone_soups():
    # a: right throughout. b: silent, then right. c: wrong. d: two tracks, one right and one wrong.
    truths = {name: straight(2_000.0 * i, range(6)) for i, name in enumerate("abcd")}
    tracks = {i: straight(2_000.0 * i + 5, range(6)) for i in range(4)} | {4: straight(6_010, range(6))}
    codes = {0: [1] * 6, 1: [-1] * 3 + [2] * 3, 2: [7] * 6, 3: [4] * 6, 4: [8] * 6}
    true, tracked = stone_soup_paths(GroundTruthPath, truths), stone_soup_paths(Track, tracks)
    for code, path in enumerate(true.values(), start=1):
        for state in path:
            state.metadata["code"] = code
    for n, path in tracked.items():
        path.metadatas = [{"code": code} if code != -1 else {} for code in codes[n]]
    generator = IDSIAPMetrics(POSITION, VELOCITY, truth_id="code", track_id="code")
    metrics, _ = stone_soup_metrics(true, tracked, generator, associator=TrackToTruth(100.0, 1, 1, measure=POSITION))
    truth, ours = records_of(truths, tracks)
    truth = truth.replace(identity=identity(24, icao_address=np.repeat([1, 2, 3, 4], 6)))
    ours = ours.replace(identity=identity(30, icao_address=np.concatenate(list(codes.values()))))
    found = measure(truth, ours, times_ns=ns(range(6)), cutoff_m=100.0)
    for ours_is, theirs in (
        ("completeness", "Completeness"),
        ("correctness", "Correctness"),
        ("ambiguity", "Ambiguity"),
    ):
        value = metrics[f"SIAP ID {theirs}"].value
        assert 0 < value < 1
        assert found[f"id_{ours_is}"] == pytest.approx(value, rel=1e-12)


def test_verdicts_on_identities():
    targets = identity(
        6, icao_address=[1, 1, 1, 1, -1, -1], mode_3a=[0o7700, 0o7700, 0o7700, -1, -1, -1], call_sign=[*[""] * 5, "AB1"]
    )
    said = identity(
        6,
        icao_address=[1, 1, -1, -1, 5, -1],
        mode_3a=[0o7700, 0o1200, 0o7700, 0o1200, -1, -1],
        call_sign=[*[""] * 5, "AB1"],
    )
    expected = [
        IdVerdict.RIGHT,
        IdVerdict.WRONG,
        IdVerdict.RIGHT,
        IdVerdict.SILENT,
        IdVerdict.UNJUDGED,
        IdVerdict.RIGHT,
    ]
    assert id_verdicts(targets, said).tolist() == expected


def test_figures_without_a_denominator_are_nan():
    truth, tracks = truth_of([("a", t, 0.0) for t in range(3)]), tracks_of([(1, t, 0.0) for t in range(3)])
    no_tracks = measure(truth, take(tracks, slice(0, 0)), times_ns=ns(range(3)))
    assert (no_tracks["completeness"], no_tracks["longest_track_segment"]) == (0.0, 0.0)
    assert all(math.isnan(no_tracks[name]) for name in NAMES if name not in ("completeness", "longest_track_segment"))
    no_truth = measure(take(truth, slice(0, 0)), tracks, times_ns=ns(range(3)))
    assert no_truth["spuriousness"] == 1.0
    assert all(math.isnan(no_truth[name]) for name in NAMES if name != "spuriousness")
    assert all(math.isnan(value) for value in measure(truth, tracks, times_ns=ns([])).values())


def test_accuracy_of_velocity_leaves_out_what_is_not_known():
    truth = truth_of([("a", 0, 0.0), ("b", 0, 9_000.0, 0.0, 0.0, 1.0, 0.0, 0.0)])
    tracks = tracks_of([(1, 0, 1.0, 0, 0, 5.0, 0, 0), (2, 0, 9_000.0, 0, 0, 3.0, 0, 0)])
    assert measure(truth, tracks, times_ns=ns([0]))["velocity_accuracy_m_s"] == pytest.approx(2.0)
