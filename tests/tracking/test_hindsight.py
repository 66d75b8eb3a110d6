"""Smoothing after the fact: equal to Stone Soup's, better than the filter, honest, and only where it can be."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import chi2
from stonesoup.models.measurement.linear import LinearGaussian
from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity
from stonesoup.predictor.kalman import KalmanPredictor
from stonesoup.smoother.kalman import KalmanSmoother
from stonesoup.types.detection import Detection
from stonesoup.types.hypothesis import SingleHypothesis
from stonesoup.types.state import GaussianState
from stonesoup.types.track import Track
from stonesoup.updater.kalman import KalmanUpdater

from noroshi.assessment.consistency import nees
from noroshi.geo.wgs84 import ecef_from_enu, enu_axes_at
from noroshi.motion.constant_velocity import Motion
from noroshi.motion.plane_constant_velocity import Motion as Plane
from noroshi.records import Detections, Identity, SensorSite, Tracks, concatenate, digest, take
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor as SearchRadar
from noroshi.tracking.hindsight import smoothed
from noroshi.tracking.trackers.nearest_neighbour import Tracker

NS = 10**9
START_NS = 1_700_000_000 * NS
N, SCANS, PERIOD_S = 200, 20, 10.0
ORDER = [0, 2, 4, 1, 3, 5]  # Stone Soup's x, vx, y, vy, z, vz


def rows_of(track_id, time_ns, states, covariances):
    n = len(track_id)
    return Tracks(
        node="n", source_names=("s",), track_id=np.array(track_id, np.uint64), time_ns=np.array(time_ns, np.int64),
        updated_ns=np.array(time_ns, np.int64), revision=np.zeros(n, np.int32), state_ecef=np.array(states, float),
        covariance_ecef=np.array(covariances, float), existence=np.ones(n),
        kind_probability=np.eye(7)[np.zeros(n, int)], status=np.ones(n, np.uint8), sources=np.ones((n, 1), bool),
        identity=Identity.absent(n),
    )  # fmt: skip


@pytest.fixture(scope="module")
def filtered_by_stone_soup():
    """Return two tracks' (times, means, covariances) by Stone Soup's filter, and by its smoother."""
    rng, model = np.random.default_rng(3), CombinedLinearGaussianTransitionModel([ConstantVelocity(2.0)] * 3)
    seen = LinearGaussian(6, (0, 2, 4), np.diag([400.0, 900.0, 100.0]))
    predictor, updater = KalmanPredictor(model), KalmanUpdater(seen)
    filtered, smoothed_ = [], []
    for n in (15, 9):
        when = datetime(2024, 6, 6, tzinfo=UTC)
        state = GaussianState(np.zeros(6), np.diag([400.0, 1e4, 900.0, 1e4, 100.0, 1e4]), timestamp=when)
        place, velocity = np.zeros(3), rng.normal(size=3) * 100.0
        track = Track()
        for _ in range(n):
            step_s = float(rng.integers(1, 12))
            when += timedelta(seconds=step_s)
            velocity = velocity + rng.normal(size=3) * math.sqrt(2.0 * step_s)
            place = place + step_s * velocity
            plot = Detection(place + rng.normal(size=3) * [20.0, 30.0, 10.0], timestamp=when, measurement_model=seen)
            prediction = predictor.predict(state, timestamp=when)
            state = updater.update(SingleHypothesis(prediction, plot))
            track.append(state)
        filtered.append(plain(track))
        smoothed_.append(plain(KalmanSmoother(model).smooth(track)))
    return filtered, smoothed_


def plain(track):
    times = [START_NS + round((s.timestamp - datetime(2024, 6, 6, tzinfo=UTC)).total_seconds()) * NS for s in track]
    means = np.array([np.asarray(s.mean, float).ravel()[ORDER] for s in track])
    covariances = np.array([np.asarray(s.covar, float)[np.ix_(ORDER, ORDER)] for s in track])
    return times, means, covariances


def shuffled(filtered):
    """Return the rows of two tracks as a node gives them out: by time, those of one number not together."""
    rows = concatenate([rows_of([7 - 4 * i] * len(t), t, x, p) for i, (t, x, p) in enumerate(filtered)])
    return take(rows, np.argsort(rows.time_ns, kind="stable"))


def test_it_is_what_stone_soup_smooths(filtered_by_stone_soup):
    filtered, expected = filtered_by_stone_soup
    rows, n_left = smoothed(shuffled(filtered), Plane.of(horizontal_psd_m2_s3=2.0, vertical_psd_m2_s3=2.0))
    assert n_left == 0
    for i, (times, means, covariances) in enumerate(expected):
        mine = take(rows, rows.track_id == 7 - 4 * i)
        np.testing.assert_array_equal(mine.time_ns, times)
        np.testing.assert_allclose(mine.state_ecef, means, rtol=1e-8, atol=1e-6)
        np.testing.assert_allclose(mine.covariance_ecef, covariances, rtol=1e-8, atol=1e-6)


def test_of_rows_at_one_time_the_last_counts_and_withdrawn_ones_stay(filtered_by_stone_soup):
    motion = Plane.of(horizontal_psd_m2_s3=2.0, vertical_psd_m2_s3=2.0)
    (times, means, covariances), _ = filtered_by_stone_soup[0]
    plain_rows = rows_of([7] * len(times), times, means, covariances)
    expected, _ = smoothed(plain_rows, motion)
    # Told first without the plot of step 5 and with one at a time that is not in the corrected past; then corrected.
    first = plain_rows.replace(
        state_ecef=means + 1e3, time_ns=plain_rows.time_ns + NS * (np.arange(len(times)) == 6) // 2
    )
    given = concatenate([take(first, np.array([0, 1, 2, 3, 4, 6, 7])), take(plain_rows, np.arange(5, len(times)))])
    given = given.replace(
        state_ecef=np.where(np.arange(len(given))[:, None] < 5, given.state_ecef - 1e3, given.state_ecef)
    )
    found, n_left = smoothed(given, motion)
    assert n_left == 1
    np.testing.assert_array_equal(found.state_ecef[5], given.state_ecef[5])
    np.testing.assert_array_equal(found.state_ecef[6], found.state_ecef[9])  # both at the time of step 7
    kept = take(found, np.r_[0:5, 7 : len(given)])
    np.testing.assert_allclose(kept.state_ecef, expected.state_ecef, rtol=1e-9, atol=1e-6)


def test_a_state_that_the_motion_did_not_foresee_does_not_travel_back():
    """A track jumps, and is then less sure than the motion allows: what came before keeps its own place and spread."""
    n = 40
    means = np.zeros((n, 6))
    means[:, 0] = 6.4e6
    means[:, 3:] = [0.0, 100.0, 0.0]
    means[:, 1] = 100.0 * np.arange(n)
    means[20:, 1] += 5_000.0
    covariance = np.diag([100.0] * 3 + [25.0] * 3)
    covariances = np.tile(covariance, (n, 1, 1))
    covariances[20:] *= 50.0
    rows = rows_of([1] * n, START_NS + NS * np.arange(n), means, covariances)
    found, _ = smoothed(rows, Plane.of(horizontal_psd_m2_s3=1e-6, vertical_psd_m2_s3=1e-6))
    grown = np.linalg.eigvalsh(covariances - found.covariance_ecef).min(axis=1)
    assert (grown > -1e-6 * np.trace(covariance)).all()
    assert np.linalg.norm((found.state_ecef - means)[:15, :3], axis=1).max() < 30.0


def test_no_rows_and_one_row_are_left_as_they_are():
    one = rows_of([1], [START_NS], np.ones((1, 6)), np.eye(6)[None])
    assert digest(smoothed(one, Plane.of())[0]) == digest(one)
    none = take(one, np.zeros(1, bool))
    assert len(smoothed(none, Plane.of())[0]) == 0


@pytest.fixture(scope="module")
def flown():
    """Return 200 flights that move as the filter assumes, past a radar: (tracks, truth of each row)."""
    site = SensorSite(
        sensor="s", type="search_radar", lat_rad=math.radians(46), lon_rad=math.radians(7), height_m=500.0,
        parameters={"altitude_sigma_m": 8.0, "altitude_step_m": 1e-3},
    )  # fmt: skip
    sensor, motion = SearchRadar.at(site), Motion.of(horizontal_psd_m2_s3=2.0, vertical_psd_m2_s3=0.05)
    rng = np.random.default_rng(23)
    bearing, heading = 2 * np.pi * np.arange(N) / N, rng.uniform(0, 2 * np.pi, N)
    flat = np.stack([1e5 * np.sin(bearing), 1e5 * np.cos(bearing), np.full(N, 9_000.0)], axis=1)
    position = ecef_from_enu(flat, sensor.origin_ecef_m)
    course = np.stack([np.sin(heading), np.cos(heading), np.zeros(N)], axis=1)
    states = np.hstack([position, 230.0 * np.vecmat(course, enu_axes_at(position))])
    columns = [sensor.COMPONENTS.index(name) for name in ("range_m", "azimuth_rad", "altitude_m")]
    who = Identity.absent(N).replace(icao_address=np.arange(1, N + 1))
    origin = np.broadcast_to(sensor.origin_ecef_m, (N, 3))
    tracker, given, truth = Tracker(node="n", sensor_names=("s",), motions=(motion,)), [], []
    for k in range(SCANS):
        if k:
            drift = np.linalg.cholesky(motion.process_noise(states, np.full(N, PERIOD_S)) + 1e-9 * np.eye(6))
            states = motion.propagate(states, np.full(N, PERIOD_S)) + np.matvec(drift, rng.normal(size=(N, 6)))
        exact = sensor.measure(states, origin)
        sigma = np.sqrt(np.diagonal(sensor.noise(exact), axis1=1, axis2=2))
        plots = Detections.of(
            sensor="s", components=("range_m", "azimuth_rad", "altitude_m"), identity=who,
            time_ns=np.full(N, START_NS + round(k * PERIOD_S) * NS),
            values=(exact + sigma * rng.normal(size=exact.shape))[:, columns],
        )  # fmt: skip
        rows = tracker.step(arrange(plots, sensor), sensor)
        given.append(rows)
        truth.append(states[rows.identity.icao_address - 1])
    return concatenate(given), np.concatenate(truth), motion


def test_it_is_nearer_to_the_truth_than_the_filter(flown):
    tracks, truth, motion = flown
    found, _ = smoothed(tracks, motion)
    before, after = (np.sqrt(np.mean((x.state_ecef - truth) ** 2, axis=0)) for x in (tracks, found))
    assert (after < before).all()
    early = tracks.time_ns < START_NS + 100 * NS
    rms = [np.sqrt(np.mean(np.sum((x.state_ecef - truth)[early, 3:] ** 2, axis=1))) for x in (tracks, found)]
    assert rms[1] < 0.7 * rms[0]


def test_its_covariance_is_honest(flown):
    """NEES of 200 independent flights at each time inside its bounds, from the first row of a firm track on."""
    tracks, truth, motion = flown
    found, _ = smoothed(tracks, motion)
    value = nees(found.state_ecef - truth, found.covariance_ecef)
    times = np.unique(tracks.time_ns)
    mean = np.array([value[tracks.time_ns == t].mean() for t in times])
    low, high = chi2.ppf([0.0005, 0.9995], 6 * N) / N
    assert len(times) == SCANS - 2
    assert low < mean.min(), mean
    assert mean.max() < high, mean


def test_the_same_rows_give_the_same_bytes_in_whatever_company(flown):
    tracks, _, motion = flown
    found, _ = smoothed(tracks, motion)
    assert digest(smoothed(tracks, motion)[0]) == digest(found)
    some = tracks.track_id == tracks.track_id[5]
    np.testing.assert_array_equal(smoothed(take(tracks, some), motion)[0].state_ecef, found.state_ecef[some])
