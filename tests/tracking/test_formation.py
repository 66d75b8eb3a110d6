"""The default mode among targets that fly so close together that any plot may be of several of them."""

import numpy as np
import pytest

from noroshi.motion.plane_constant_velocity import Motion
from noroshi.records import Detections, SensorSite
from noroshi.sensors.local_position import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.tracking.trackers.soft import Parameters, Tracker

NS = 10**9
START_NS = 1_700_000_000 * NS
SIDE, SPACING_M, SIGMA_M, PERIOD_S = 5, 100.0, 50.0, 10.0  # two standard deviations apart
VELOCITY_M_S = np.array([180.0, 120.0])
LOOKS = 12
PARAMETERS = {"scan_period_s": PERIOD_S, "detection_probability": 0.9, "field_m": 100_000.0}
EYE = Sensor.at(SensorSite(sensor="lab", type="local_position", parameters=PARAMETERS))
PLACES = SPACING_M * np.stack(np.unravel_index(np.arange(SIDE**2), (SIDE, SIDE)), axis=1)


def flown(seed):
    """Return the tracker and the true places at the end of a square formation's flight."""
    rng = np.random.default_rng([20, seed])
    tracker = Tracker(
        node="n", sensor_names=("lab",), motions=[Motion.of(horizontal_psd_m2_s3=1.0)], parameters=Parameters()
    )
    for look in range(LOOKS):
        here = PLACES + look * PERIOD_S * VELOCITY_M_S
        seen = here[rng.random(len(here)) < PARAMETERS["detection_probability"]]
        false = here.mean(axis=0) + rng.uniform(-2_000.0, 2_000.0, (rng.poisson(3), 2))
        values = np.concatenate([seen + SIGMA_M * rng.normal(size=seen.shape), false])
        plots = Detections.of(
            sensor="lab",
            components=("x_m", "y_m"),
            time_ns=np.full(len(values), START_NS + round(look * PERIOD_S * NS)),
            values=values,
            covariances=np.broadcast_to(SIGMA_M**2 * np.eye(2), (len(values), 2, 2)).copy(),
        )
        tracker.step(arrange(plots, EYE), EYE)
    return tracker, here, START_NS + round(look * PERIOD_S * NS)


@pytest.mark.parametrize("seed", range(5))
def test_a_formation_stays_many(seed):
    """With the mean over all orders the tracks draw into one another: none to three are left, near 0 to 4 of the 25."""
    tracker, here, now_ns = flown(seed)
    shown = tracker.picture(now_ns).state_ecef[:, 1:3]  # east and north of the laboratory's plane
    apart = np.linalg.norm(shown[:, None] - here[None], axis=2)
    assert 0.8 * SIDE**2 <= len(shown) <= 1.2 * SIDE**2
    assert (apart.min(axis=0) < 2.0 * SIGMA_M).sum() >= 0.9 * SIDE**2
    assert np.median(apart.min(axis=1)) < 1.5 * SIGMA_M
