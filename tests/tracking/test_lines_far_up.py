"""What is known to be far up is seen along a line wherever it is, whatever the prior of heights of new targets."""

import math

import numpy as np
import pytest

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.records import Detections, SensorSite
from noroshi.sensors.infrared import Sensor as Infrared
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor as Radar
from noroshi.tracking.trackers.soft import Tracker

START_NS, NS = 1_893_456_000 * 10**9, 10**9
SITE = math.radians(40.0), math.radians(140.0)
LOOKS = 12


def place(height_m, east_m=0.0, north_m=0.0):
    east, north, _ = enu_axes(*SITE)
    return ecef_from_geodetic(*SITE, height_m) + east_m * east + north_m * north


@pytest.mark.parametrize("height_m", [80e3, 500e3, 1_300e3, 4_000e3])
def test_a_line_feeds_the_track_of_a_target_at_any_height(height_m):
    """A radar has a track; a satellite at 1,000 km, with a prior of 100 km, then sees it below, beside or above."""
    east, _, up = enu_axes(*SITE)
    state = np.concatenate([place(height_m), 1_500.0 * east + 2_500.0 * up])
    motion, rng = Ballistic(), np.random.default_rng(4)
    ballistic = np.append(state, math.log(1e5))[None]
    radar = Radar.at(
        SensorSite(
            sensor="r", type="search_radar", lat_rad=SITE[0], lon_rad=SITE[1] - 0.05, height_m=0.0,
            parameters={
                "range_sigma_m": 30.0, "azimuth_sigma_rad": 1e-3, "elevation_sigma_rad": 1e-3, "scan_period_s": 1.0,
                "range_m_max": 6e6, "speed_sigma_m_s": 3e3, "climb_sigma_m_s": 3e3,
            },
        )
    )  # fmt: skip
    eye = Infrared.at(SensorSite(sensor="e", type="infrared", parameters={"scan_period_s": 1.0}))
    tracker = Tracker(node="n", sensor_names=("r", "e"), motions=[motion])
    names = ("range_m", "azimuth_rad", "elevation_rad")
    columns = [radar.COMPONENTS.index(name) for name in names]

    def step(sensor, name, components, chosen, origin, second):
        truth = motion.propagate(ballistic, np.array([second]))[:, :6]
        exact = sensor.measure(truth, origin)
        root = np.sqrt(np.diagonal(sensor.noise(exact), axis1=1, axis2=2))
        plots = Detections.of(
            sensor=name, components=components, origin_ecef_m=origin, time_ns=np.array([START_NS + round(second * NS)]),
            values=(exact + root * rng.normal(size=exact.shape))[:, chosen],
        )  # fmt: skip
        return tracker.step(arrange(plots, sensor), sensor)

    for k in range(LOOKS):
        rows = step(radar, "r", names, columns, radar.origin_ecef_m[None], float(k))
    (known,) = rows.track_id.tolist()
    for k in range(LOOKS):
        origin = place(1_000e3, east_m=-700e3, north_m=200e3)[None]
        rows = step(eye, "e", Infrared.COMPONENTS, [0, 1], origin, LOOKS - 0.5 + k)
        assert rows.track_id.tolist() == [known]
    truth = motion.propagate(ballistic, np.array([2.0 * LOOKS - 1.5]))[0, :6]
    error = rows.state_ecef[0] - truth
    assert error @ np.linalg.solve(rows.covariance_ecef[0], error) < 24.1  # 0.9995 of chi-square of 6: scipy.stats
    assert rows.sources[0].all()
