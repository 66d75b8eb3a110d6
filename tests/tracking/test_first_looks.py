"""What the first looks say of a sensor's rate of false plots."""

import numpy as np
import pytest

from noroshi.motion.plane_constant_velocity import Motion
from noroshi.records import Detections, SensorSite
from noroshi.sensors.local_position import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.tracking.trackers.soft import Parameters, Tracker

NS, START_NS, PERIOD_S, FIELD_M = 10**9, 1_700_000_000 * 10**9, 5.0, 100_000.0
EYE = Sensor.at(
    SensorSite(
        sensor="lab",
        type="local_position",
        parameters={"scan_period_s": PERIOD_S, "detection_probability": 0.9, "field_m": FIELD_M},
    )
)


def looked(rate, looks, seed, targets=0):
    """Return the rate of false plots learnt after each look: so many false plots on the mean, and targets at rest."""
    rng = np.random.default_rng([77, seed])
    tracker = Tracker(
        node="n", sensor_names=("lab",), motions=[Motion.of(horizontal_psd_m2_s3=1.0)], parameters=Parameters()
    )
    there = rng.uniform(-FIELD_M / 2.0, FIELD_M / 2.0, (targets, 2))
    learnt = []
    for look in range(looks):
        false = rng.uniform(-FIELD_M / 2.0, FIELD_M / 2.0, (rng.poisson(rate), 2))
        seen = there[rng.random(targets) < 0.9]
        values = np.concatenate([seen + 50.0 * rng.normal(size=seen.shape), false])
        time_ns = np.full(len(values), START_NS + round(look * PERIOD_S * NS))
        noise = np.broadcast_to(2500.0 * np.eye(2), (len(values), 2, 2)).copy()
        plots = Detections.of(
            sensor="lab", components=("x_m", "y_m"), time_ns=time_ns, values=values, covariances=noise
        )
        tracker.step(arrange(plots, EYE), EYE)
        learnt.append(float(tracker.store.tally["false_plots"][0]))
    return learnt


@pytest.mark.parametrize("seed", range(3))
def test_three_looks_say_that_there_are_many_false_plots(seed):
    learnt = looked(200.0, 10, seed)
    assert learnt[0] > 60.0  # a tenth of the way from 20 by each look made 29 and then 45
    assert learnt[2] > 100.0
    assert learnt[2] < learnt[9] < 220.0


@pytest.mark.parametrize("seed", range(3))
def test_many_targets_in_the_first_look_are_not_held_for_false_plots_for_long(seed):
    learnt = looked(5.0, 10, seed, targets=100)
    assert learnt[0] < 60.0
    assert learnt[4] < 25.0
