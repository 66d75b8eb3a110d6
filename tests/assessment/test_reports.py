"""Track rows against the truth at their own times."""

import numpy as np
from assessment_scenes import ns, tracks_of, truth_of
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.assessment.pictures import View, truth_at, truth_histories
from noroshi.assessment.reports import reports
from noroshi.geo.wgs84 import ecef_from_geodetic, geodetic_from_ecef
from noroshi.records import TrackStatus, take

ALL = ns([-1e6, 1e6])


def foot_points(positions):
    lat_rad, lon_rad, _ = geodetic_from_ecef(positions)
    return ecef_from_geodetic(lat_rad, lon_rad, 0.0)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_every_row_finds_the_nearest_target_of_its_own_time(seed, horizontal):
    rng = np.random.default_rng(seed)
    rows = []
    for name in range(6):
        time_s = np.cumsum(rng.uniform(0.3, 12.0, 6)) + rng.uniform(0, 20)
        path = rng.uniform(-3_000, 3_000, 3) + np.outer(time_s, rng.normal(0, 250, 3))
        velocity = rng.normal(0, 300, (6, 3)) if rng.random() < 0.5 else np.empty((6, 0))
        rows += [(f"{name}", t, *p, *v) for t, p, v in zip(time_s, path, velocity, strict=True)]
    truth, view = truth_of(rows), View(horizontal=horizontal, gap_s_max=10.0)
    tracks = tracks_of([(rng.integers(5), t, *rng.uniform(-8_000, 8_000, 3)) for t in rng.uniform(0, 60, 40)])
    targets, look = truth_histories(truth), foot_points if horizontal else lambda positions: positions
    found = reports(truth, tracks, times_ns=ALL, cutoff_m=4_000.0, view=view)
    assert sorted(found.row.tolist()) == list(range(40))
    for i, row in enumerate(found.row):
        alive = truth_at(targets, np.arange(6), tracks.time_ns[row], 10.0)
        lengths = np.linalg.norm(look(alive.state_ecef[:, :3]) - look(tracks.state_ecef[row, :3]), axis=1)
        if lengths.min(initial=np.inf) < 4_000.0:
            best = int(lengths.argmin())
            assert (found.i_target[i], found.truth_row[i]) == (alive.who[best], alive.row[best])
            assert abs(found.distance_m[i] - lengths[best]) < 1e-6
            np.testing.assert_array_equal(found.truth_ecef[i], alive.state_ecef[best])
        else:
            assert (found.i_target[i], found.truth_row[i], found.distance_m[i]) == (-1, -1, np.inf)


def test_only_shown_rows_between_the_first_and_the_last_time():
    truth = truth_of([("a", 0, 0.0), ("a", 10, 0.0)])
    status = [TrackStatus.TENTATIVE, TrackStatus.FIRM, TrackStatus.COASTING, TrackStatus.LOST, TrackStatus.FIRM]
    tracks = tracks_of([(1, t, 0.0) for t in range(5)], status=status)
    assert reports(truth, tracks, times_ns=ns([3, 1]), cutoff_m=10.0).row.tolist() == [1, 2]
    assert reports(truth, tracks, times_ns=ns([]), cutoff_m=10.0).row.tolist() == []


def test_rows_at_the_very_ends_of_a_targets_life():
    truth = truth_of([("a", 0.4, 0.0), ("a", 9.7, 930.0)])
    tracks = tracks_of([(1, t, 100.0 * (t - 0.4)) for t in (0.3, 0.4, 9.7, 9.8)])
    assert reports(truth, tracks, times_ns=ALL, cutoff_m=50.0).i_target.tolist() == [-1, 0, 0, -1]


def test_no_rows_no_truth():
    truth, tracks = truth_of([("a", 0, 0.0)]), tracks_of([(1, 0, 0.0)])
    assert reports(take(truth, slice(0, 0)), tracks, times_ns=ALL, cutoff_m=9.0).i_target.tolist() == [-1]
    assert len(reports(truth, take(tracks, slice(0, 0)), times_ns=ALL, cutoff_m=9.0).row) == 0
    nowhere = truth_of([("a", 0, np.nan)])
    assert reports(nowhere, tracks, times_ns=ALL, cutoff_m=9.0).distance_m.tolist() == [np.inf]
