"""Plots of an over-the-horizon radar that have nothing to do with each other make neither tracks nor missiles."""

import numpy as np

from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.boost import Motion as Boost
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.motion.glide import Motion as Glide
from noroshi.records import Detections, Identity, Quality, SensorSite
from noroshi.sensors.over_horizon_radar import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.tracking.trackers.soft import Tracker

NS, START_NS = 10**9, 1_900_000_000 * 10**9
LOOKS, FALSE_A_LOOK = 30, 8.0


def test_a_quarter_of_an_hour_of_clutter_is_nothing():
    """Each plot was told to be one of clutter spread over 38 times what the radar sees: ten firm tracks in each."""
    own = Sensor.at(SensorSite(sensor="r", type="over_horizon_radar", lat_rad=-0.44, lon_rad=2.24, height_m=480.0,
                               parameters={}))  # fmt: skip
    rng, firm = np.random.default_rng(7), 0
    for _ in range(3):
        tracker = Tracker(node="n", sensor_names=("r",), motions=[ConstantVelocity(), Ballistic(), Boost(), Glide()])
        numbers: set[int] = set()
        for look in range(LOOKS):
            n, time_ns = 1 + rng.poisson(FALSE_A_LOOK - 1.0), START_NS + look * 30 * NS
            range_m = np.sqrt(rng.uniform(0.9e6**2, 3e6**2, n))
            plots = Detections(
                sensor="r",
                components=Sensor.COMPONENTS,
                time_ns=np.full(n, time_ns),
                received_ns=np.full(n, time_ns),
                values=np.column_stack([range_m, rng.uniform(-np.pi / 4.0, np.pi / 4.0, n)]),
                covariances=np.full((n, 2, 2), np.nan),
                origin_ecef_m=np.full((n, 3), np.nan),
                identity=Identity.absent(n),
                quality=np.full(n, Quality.GOOD, np.uint8),
            )
            tracker.step(arrange(plots, own), own)
            numbers |= set(tracker.picture(time_ns).track_id.tolist())
        firm += len(numbers)
    assert firm <= 1
