"""A launch that one radar sees rise slowly at first, as an aircraft may, is one track from there on."""

import math

import numpy as np
import pytest

from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.ballistic import Mover
from noroshi.geo.time import NS_PER_S
from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.boost import Motion as Boost
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.motion.glide import Motion as Glide
from noroshi.records import Detections, Kind, SensorSite, TrackStatus
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.trackers.soft import Tracker

START_NS, LOOKS_S = 1_893_456_000 * NS_PER_S, 5.0
PARAMETERS = {
    "range_sigma_m": 60.0, "azimuth_sigma_rad": 0.0012, "elevation_sigma_rad": 0.0016, "scan_period_s": LOOKS_S,
    "range_m_max": 1e6,
}  # fmt: skip
RADAR = Sensor.at(
    SensorSite(
        sensor="r",
        type="search_radar",
        lat_rad=math.radians(35.8),
        lon_rad=math.radians(140.8),
        height_m=190.0,
        parameters=PARAMETERS,
    )
)


@pytest.mark.parametrize("distance_deg", [2.0, 3.5])
def test_a_boost_keeps_its_number_and_is_soon_a_missile(distance_deg):
    broken, typed = 0, []
    for number in range(8):
        rng = np.random.default_rng([number, 5])
        mover = Mover(
            lat_deg=35.8 + distance_deg, lon_deg=140.8, bearing_deg=float(rng.uniform(0.0, 360.0)),
            range_km=float(rng.uniform(300.0, 2_000.0)), apogee_km=110.0 + 20.0 * number,
        )  # fmt: skip
        flight = mover.fly("f", START_NS, START_NS + 150 * NS_PER_S, Draws(5, number, "f"))[0]
        tracker = Tracker(
            node="n", sensor_names=("r",), motions=[kind.of() for kind in (ConstantVelocity, Ballistic, Boost, Glide)]
        )
        numbers, first_s, missile_s = set(), math.nan, math.inf
        for since_s in np.arange(20.0, 140.0, LOOKS_S):
            time_ns = np.array([START_NS + round(since_s * NS_PER_S)])
            truth = flight.at(time_ns)
            if RADAR.detection_probability(truth, RADAR.origin_ecef_m[None])[0] == 0.0 or rng.uniform() > 0.9:
                continue
            first_s = since_s if math.isnan(first_s) else first_s
            exact = RADAR.measure(truth, RADAR.origin_ecef_m[None])[:, :3]
            noise = [PARAMETERS[name] for name in ("range_sigma_m", "azimuth_sigma_rad", "elevation_sigma_rad")]
            seen = Detections.of(
                sensor="r", components=RADAR.COMPONENTS[:3], values=exact + rng.normal(size=(1, 3)) * noise,
                time_ns=time_ns,
            )  # fmt: skip
            rows = tracker.step(arrange(seen, RADAR), RADAR)
            firm = rows.status != TrackStatus.LOST
            numbers |= set(rows.track_id[firm].tolist())
            fast = rows.kind_probability[:, [Kind.BOOSTING, Kind.BALLISTIC, Kind.GLIDING]].sum(axis=1)
            if (firm & (fast > 0.5)).any():
                missile_s = min(missile_s, since_s)
        broken += len(numbers) != 1
        typed.append(missile_s - first_s)
    assert broken == 0
    assert np.median(typed) <= 4.0 * LOOKS_S
    assert max(typed) <= 8.0 * LOOKS_S
