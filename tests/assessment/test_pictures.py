"""The picture at a time: truth between its samples, tracks carried on from their last row."""

import numpy as np
import pytest
from assessment_scenes import SITE_M, ns, tracks_of, truth_of
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline

from noroshi.assessment.pictures import LIVE, View, paths, pictures, track_histories, truth_at, truth_histories
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import TrackStatus, take

FIRM, TENTATIVE, COASTING, LOST = TrackStatus.FIRM, TrackStatus.TENTATIVE, TrackStatus.COASTING, TrackStatus.LOST
NO_TRUTH, NO_TRACKS = truth_of([]), tracks_of([])


def picture(truth, tracks, time_s, view=LIVE):
    (only,) = pictures(truth, tracks, ns([time_s]), view)
    return only


def true_x(truth, time_s, view=LIVE):
    """Return {place of the target: x from the site} at a time."""
    shown = picture(truth, NO_TRACKS, time_s, view).truth
    return dict(zip(shown.who.tolist(), (shown.state_ecef[:, 0] - SITE_M[0]).tolist(), strict=True))


def tracked_x(tracks, time_s, view=LIVE):
    shown = picture(NO_TRUTH, tracks, time_s, view).tracks
    return dict(zip(shown.who.tolist(), (shown.state_ecef[:, 0] - SITE_M[0]).tolist(), strict=True))


def test_targets_with_their_own_times_are_interpolated_to_a_common_one():
    truth = truth_of([("a", 0, 0.0), ("b", 1, 10.0), ("a", 4, 400.0), ("b", 5, 50.0)])
    assert true_x(truth, 2) == pytest.approx({0: 200.0, 1: 20.0}, abs=1e-6)


def test_unknown_velocity_is_the_slope_between_the_samples():
    shown = picture(truth_of([("a", 0, 0.0), ("a", 4, 400.0, 8.0)]), NO_TRACKS, 1).truth
    assert shown.state_ecef[0, 3:] == pytest.approx([100.0, 2.0, 0.0], abs=1e-6)


def test_last_sample_has_the_slope_that_leads_to_it():
    shown = picture(truth_of([("a", 0, 0.0), ("a", 4, 400.0)]), NO_TRACKS, 4).truth
    assert shown.state_ecef[0] - [*SITE_M, 0, 0, 0] == pytest.approx([400.0, 0, 0, 100.0, 0, 0], abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_interpolation_is_the_cubic_hermite_spline_of_scipy(seed):
    rng = np.random.default_rng(seed)
    rows, splines = [], []
    for name in range(3):
        time_s = np.cumsum(rng.uniform(0.5, 9.0, 5))
        x, v = rng.normal(0, 1e4, (5, 3)), rng.normal(0, 300, (5, 3))
        rows += [(f"{name}", t, *p, *w) for t, p, w in zip(time_s, x, v, strict=True)]
        splines.append((time_s, CubicHermiteSpline((ns(time_s) - ns(0)) / 1e9, x, v)))
    truth = take(truth_of(rows), rng.permutation(15))
    for time_s in rng.uniform(0, 40, 10):
        shown = picture(truth, NO_TRACKS, time_s).truth
        inside = [i for i, (t, _) in enumerate(splines) if t[0] <= time_s <= t[-1]]
        assert shown.who.tolist() == inside
        for i, state in zip(shown.who, shown.state_ecef, strict=True):
            at_s = (ns(time_s) - ns(0)) / 1e9
            np.testing.assert_allclose(state[:3] - SITE_M, splines[i][1](at_s), rtol=0, atol=1e-5)
            np.testing.assert_allclose(state[3:], splines[i][1](at_s, 1), rtol=0, atol=1e-5)


def test_a_target_is_not_there_before_its_first_after_its_last_sample_nor_in_a_gap():
    truth = truth_of([("a", 0, 0.0), ("a", 10, 1.0), ("a", 50, 2.0), ("a", 60, 3.0)])
    alive = {t: bool(true_x(truth, t)) for t in (-0.1, 0, 10, 10.1, 49.9, 50, 55, 60, 60.1)}
    assert alive == {-0.1: 0, 0: 1, 10: 1, 10.1: 0, 49.9: 0, 50: 1, 55: 1, 60: 1, 60.1: 0}
    assert true_x(truth, 30, View(gap_s_max=40.0)) == pytest.approx({0: 1.5})


def test_a_target_with_one_sample_is_there_at_that_instant_without_a_velocity():
    truth = truth_of([("a", 5, 7.0)])
    assert (true_x(truth, 4.999), true_x(truth, 5), true_x(truth, 5.001)) == ({}, {0: pytest.approx(7.0)}, {})
    assert np.isnan(picture(truth, NO_TRACKS, 5).truth.state_ecef[0, 3:]).all()


def test_a_sample_without_a_position_is_no_sample():
    truth = truth_of([("a", 0, 0.0), ("a", 5, np.nan), ("a", 10, 100.0), ("b", 0, np.nan)])
    assert true_x(truth, 5) == pytest.approx({0: 50.0})


def test_two_samples_at_one_time_do_not_depend_on_the_order_of_rows():
    truth = truth_of([("a", 0, 3.0), ("a", 0, 1.0), ("a", 10, 11.0)])
    assert true_x(truth, 0) == true_x(take(truth, np.array([2, 1, 0])), 0) == pytest.approx({0: 1.0})


def test_the_truths_row_is_the_sample_at_or_before_the_time():
    histories = truth_histories(truth_of([("a", 10, 1.0), ("a", 0, 0.0)]))
    rows = [truth_at(histories, np.array([0]), ns(t), 30.0).row.tolist() for t in (0, 9.9, 10)]
    assert rows == [[1], [1], [0]]


def test_a_track_is_its_last_row_carried_on_at_constant_velocity():
    tracks = tracks_of([(7, 0, 0.0, 0.0, 0.0, 10.0), (7, 10, 500.0), (7, 20, 9_000.0)])
    assert [tracked_x(tracks, t).get(0) for t in (-1, 0, 9, 10, 19, 20, 21)] == [
        None, pytest.approx(0), pytest.approx(90), pytest.approx(500), pytest.approx(500), pytest.approx(9000), None,
    ]  # fmt: skip


def test_rows_to_come_do_not_change_the_states_now():
    rows = [(1, 0, 0.0, 0.0, 0.0, 10.0), (1, 10, 500.0, 0.0, 0.0, 5.0)]
    other = [rows[0], (1, 10, -77.0, 3.0, 0.0, 1.0)]
    assert tracked_x(tracks_of(rows), 9) == tracked_x(tracks_of(other), 9)


def test_tentative_and_lost_rows_are_not_in_the_picture():
    tracks = tracks_of([(1, t, float(t)) for t in (0, 4, 8, 12)], status=[TENTATIVE, FIRM, COASTING, LOST])
    assert [bool(tracked_x(tracks, t)) for t in (0, 3, 4, 8, 11, 12, 13)] == [0, 0, 1, 1, 1, 0, 0]
    assert tracked_x(tracks, 2, View(statuses=(TENTATIVE, FIRM))) == pytest.approx({0: 0.0})


def test_a_track_goes_stale():
    tracks = tracks_of([(1, 0, 0.0), (1, 100, 0.0)])
    assert [bool(tracked_x(tracks, t)) for t in (30, 30.1, 100)] == [1, 0, 1]
    assert tracked_x(tracks, 99, View(age_s_max=200.0)) != {}


def test_first_or_last_revision():
    tracks = tracks_of([(1, 0, 5.0), (1, 0, 6.0), (1, 0, 7.0), (1, 9, 0.0)], revision=[1, 0, 2, 0])
    assert tracked_x(tracks, 1) == pytest.approx({0: 6.0})
    assert tracked_x(tracks, 1, View(revision="last")) == pytest.approx({0: 7.0})


def test_rows_with_nan_say_nothing_but_a_lost_one_still_ends_the_track():
    tracks = tracks_of(
        [(1, 0, 5.0, 0, 0, 1.0), (1, 4, np.nan), (1, 8, np.nan), (1, 12, 0.0)], status=[FIRM, FIRM, LOST, FIRM]
    )
    assert [tracked_x(tracks, t).get(0) for t in (6, 9, 12)] == [pytest.approx(11.0), None, pytest.approx(0.0)]


def test_a_track_with_one_row_is_there_at_that_instant():
    assert [bool(tracked_x(tracks_of([(1, 5, 0.0)]), t)) for t in (4, 5, 6)] == [0, 1, 0]


def test_horizontal_drops_height_and_climb():
    lat_rad, lon_rad = 0.8, 0.2
    low, high = ecef_from_geodetic(lat_rad, lon_rad, np.array([0.0, 11_000.0]))
    east, _, up = enu_axes(lat_rad, lon_rad)
    truth = truth_of([("a", 0, *(low - SITE_M), *(200 * east))])
    tracks = tracks_of([(1, 0, *(high - SITE_M), *(200 * east + 15 * up))])
    shown = picture(truth, tracks, 0, View(horizontal=True))
    np.testing.assert_allclose(shown.tracks.state_ecef, shown.truth.state_ecef, rtol=0, atol=1e-6)
    assert np.linalg.norm(picture(truth, tracks, 0).tracks.state_ecef[0, :3] - low) == pytest.approx(11_000.0)


def test_times_may_come_in_any_order_and_twice():
    truth = truth_of([("a", 0, 0.0), ("a", 10, 100.0)])
    seen = [each.time_ns for each in pictures(truth, NO_TRACKS, ns([7, 3, 7]))]
    assert seen == ns([3, 7]).tolist()


def test_paths_hold_nan_where_something_is_not():
    true, tracked = paths(
        truth_of([("a", 0, 0.0), ("a", 4, 4.0)]), tracks_of([(3, 2, 1.0), (3, 4, 1.0)]), ns([0, 2, 5])
    )
    assert true.shape == tracked.shape == (1, 3, 3)
    np.testing.assert_allclose(true[0, :, 0] - SITE_M[0], [0, 2, np.nan])
    np.testing.assert_allclose(tracked[0, :, 0] - SITE_M[0], [np.nan, 1, np.nan])
    assert [each.shape for each in paths(NO_TRUTH, NO_TRACKS, ns([0, 1]))] == [(0, 2, 3), (0, 2, 3)]


def test_histories_find_the_last_row_of_every_object():
    rng = np.random.default_rng(4)
    time_s = rng.choice(10_000, 400, replace=False) / 7.0
    who = rng.integers(0, 20, 400)
    tracks = tracks_of([(w, t, 0.0) for w, t in zip(who, time_s, strict=True)])
    histories = track_histories(tracks)
    for t in rng.uniform(-10, 1500, 50):
        found = histories.latest(np.arange(len(histories.names)), ns(t))
        for name, place in zip(histories.names, found, strict=True):
            before = tracks.time_ns[(tracks.track_id == name) & (tracks.time_ns <= ns(t))]
            assert (place == -1) == (len(before) == 0)
            assert place == -1 or histories.time_ns[place] == before.max()
