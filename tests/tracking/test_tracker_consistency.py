"""The tracker's covariance is honest: NEES inside its bounds on data from the model it assumes, over 200 targets."""

import math

import numpy as np
import pytest
from scipy.stats import chi2

from noroshi.geo.wgs84 import ecef_from_enu, enu_axes_at
from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.boost import Motion as Boost
from noroshi.motion.constant_velocity import Motion
from noroshi.motion.glide import Motion as Glide
from noroshi.motion.left_turn import Motion as Left
from noroshi.motion.right_turn import Motion as Right
from noroshi.records import Detections, Identity, Kind, SensorSite
from noroshi.sensors.position_report import Sensor as PositionReport
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor as SearchRadar
from noroshi.tracking.trackers.mixture import Tracker as Mixture
from noroshi.tracking.trackers.nearest_neighbour import Tracker
from noroshi.tracking.trackers.soft import Tracker as Soft

NS = 10**9
START_NS = 1_700_000_000 * NS
N, SCANS, PERIOD_S = 200, 20, 10.0
PLACE = {"lat_rad": math.radians(46), "lon_rad": math.radians(7), "height_m": 500.0}
# Rounding of heights is not Gaussian; here the height's noise is.
RADAR = SearchRadar.at(
    SensorSite(sensor="s", type="search_radar", **PLACE, parameters={"altitude_sigma_m": 8.0, "altitude_step_m": 1e-3})
)
REPORTS = PositionReport.at(SensorSite(sensor="s", type="position_report", parameters={"scan_period_s": PERIOD_S}))


@pytest.mark.parametrize(
    ("sensor", "components", "range_m"),
    [
        (RADAR, ("range_m", "azimuth_rad", "altitude_m"), 100_000.0),
        (RADAR, ("range_m", "azimuth_rad", "altitude_m"), 300_000.0),
        (RADAR, ("range_m", "azimuth_rad", "elevation_rad", "range_rate_m_s"), 100_000.0),
        (REPORTS, ("lat_rad", "lon_rad", "altitude_m"), 100_000.0),
    ],
)
def test_nees_is_inside_its_bounds(sensor, components, range_m):
    rng, motion = np.random.default_rng(17), Motion.of(horizontal_psd_m2_s3=2.0, vertical_psd_m2_s3=0.05)
    bearing, heading = 2 * np.pi * np.arange(N) / N, rng.uniform(0, 2 * np.pi, N)
    flat = np.stack([range_m * np.sin(bearing), range_m * np.cos(bearing), np.full(N, 9_000.0)], axis=1)
    position = ecef_from_enu(flat, RADAR.origin_ecef_m)
    course = np.stack([np.sin(heading), np.cos(heading), np.zeros(N)], axis=1)
    states = np.hstack([position, 230.0 * np.vecmat(course, enu_axes_at(position))])
    columns = [sensor.COMPONENTS.index(name) for name in components]
    origin = np.broadcast_to(sensor.origin_ecef_m, (N, 3))
    who = Identity.absent(N).replace(icao_address=np.arange(1, N + 1))
    tracker = Tracker(node="n", sensor_names=("s",), motions=(motion,))
    found = []
    for k in range(SCANS):
        if k:
            drift = np.linalg.cholesky(motion.process_noise(states, np.full(N, PERIOD_S)) + 1e-9 * np.eye(6))
            states = motion.propagate(states, np.full(N, PERIOD_S)) + np.matvec(drift, rng.normal(size=(N, 6)))
        exact = sensor.measure(states, origin)
        sigma = np.sqrt(np.diagonal(sensor.noise(exact), axis1=1, axis2=2))
        plots = Detections.of(
            sensor="s",
            components=components,
            time_ns=np.full(N, START_NS + round(k * PERIOD_S) * NS),
            values=(exact + sigma * rng.normal(size=exact.shape))[:, columns],
            identity=who,
        )
        rows = tracker.step(arrange(plots, sensor), sensor)
        if k >= 8:
            assert len(rows) == N
            error = states[rows.identity.icao_address - 1] - rows.state_ecef
            found.append(np.mean(np.vecdot(error, np.linalg.solve(rows.covariance_ecef, error[:, :, None])[:, :, 0])))
    low, high = chi2.ppf([0.0005, 0.9995], 6 * N) / N
    assert low < min(found)
    assert max(found) < high


@pytest.mark.parametrize(("kind", "n"), [(Tracker, N), (Mixture, 40), (Soft, 40)])
def test_a_height_that_nobody_measures_makes_no_track_too_sure(kind, n):
    """Range, azimuth and range rate each second, near by, of the prior's heights: what is said of targets holds."""
    rng, motion = np.random.default_rng(18), Motion.of(horizontal_psd_m2_s3=2.0, vertical_psd_m2_s3=0.05)
    radar = SearchRadar.at(
        SensorSite(sensor="s", type="search_radar", **PLACE, parameters={"range_rate_sigma_m_s": 2.0})
    )
    bearing, heading = rng.uniform(0, 2 * np.pi, (2, n))
    range_m, height_m = rng.uniform(20e3, 90e3, n), np.clip(rng.normal(6_000.0, 5_000.0, n), 500.0, 15_000.0)
    position = ecef_from_enu(
        np.stack([range_m * np.sin(bearing), range_m * np.cos(bearing), height_m], axis=1), radar.origin_ecef_m
    )
    course = np.stack([np.sin(heading), np.cos(heading), np.zeros(n)], axis=1)
    states = np.hstack([position, 230.0 * np.vecmat(course, enu_axes_at(position))])
    columns = [radar.COMPONENTS.index(name) for name in ("range_m", "azimuth_rad", "range_rate_m_s")]
    origin = np.broadcast_to(radar.origin_ecef_m, (n, 3))
    who = Identity.absent(n).replace(icao_address=np.arange(1, n + 1))
    motions = (motion,) if kind is not Soft else (motion, Left.of(), Right.of(), Ballistic.of(), Boost.of(), Glide.of())
    tracker = kind(node="n", sensor_names=("s",), motions=motions)
    for k in range(90):
        if k:
            states = motion.propagate(states, np.ones(n))
        exact = radar.measure(states, origin)
        sigma = np.sqrt(np.diagonal(radar.noise(exact), axis1=1, axis2=2))
        plots = Detections.of(
            sensor="s",
            components=("range_m", "azimuth_rad", "range_rate_m_s"),
            time_ns=np.full(n, START_NS + k * NS),
            values=(exact + sigma * rng.normal(size=exact.shape))[:, columns],
            identity=who,
        )
        rows = tracker.step(arrange(plots, radar), radar)
    assert len(rows) == n
    error = (states[rows.identity.icao_address - 1] - rows.state_ecef)[:, :3]
    nees = np.vecdot(error, np.linalg.solve(rows.covariance_ecef[:, :3, :3], error[:, :, None])[:, :, 0])
    # Of the first order, the height estimated, these are 613 and 0.62. What is bent is no Gaussian, and process noise
    # that straight flight does not use makes up for some of it.
    assert nees.mean() / 3.0 < 2.0
    assert np.mean(nees > chi2.ppf(0.999, 3)) < 0.1
    assert kind is not Soft or rows.kind_probability[:, Kind.BALLISTIC :].sum(axis=1).max() < 0.5
