"""A new track that plots have not made likely when they should have is none: it lives on its neighbours' plots."""

import numpy as np
import pytest

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_enu
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Detections, SensorSite, TrackStatus
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.life import decided
from noroshi.tracking.store import EXISTENCE, NEVER, Whole
from noroshi.tracking.trackers.soft import Parameters, Tracker

START_NS, PERIOD_S, LOOKS, N = 1_893_456_000 * NS_PER_S, 10.0, 10, 400
NOISE = {"range_sigma_m": 70.0, "azimuth_sigma_rad": 0.0014, "elevation_sigma_rad": 0.0014}
RADAR = Sensor.at(
    SensorSite(
        sensor="r", type="search_radar", lat_rad=0.6, lon_rad=2.4, height_m=100.0,
        parameters={**NOISE, "scan_period_s": PERIOD_S, "detection_probability": 0.9},
    )
)  # fmt: skip


def tracked(parameters: Parameters) -> tuple[Tracker, int]:
    """Return a tracker after `LOOKS` looks at a crowd between which clutter lies, and when the last was."""
    rng = np.random.default_rng(3)
    tracker = Tracker(node="n", sensor_names=("r",), motions=[Motion()], parameters=parameters)
    place = np.column_stack([rng.uniform(-6e4, 6e4, (N, 2)), rng.uniform(6e3, 1e4, N)])
    velocity = np.column_stack([rng.uniform(-200.0, 200.0, (N, 2)), np.zeros(N)])
    for look in range(LOOKS):
        false = np.column_stack([rng.uniform(-6e4, 6e4, (100, 2)), rng.uniform(3e3, 1.2e4, 100)])
        there = np.vstack([(place + look * PERIOD_S * velocity)[rng.uniform(size=N) < 0.9], false])
        state = np.zeros((len(there), 6))
        state[:, :3] = ecef_from_enu(there, RADAR.origin_ecef_m)
        exact = RADAR.measure(state, np.tile(RADAR.origin_ecef_m, (len(state), 1)))[:, :3]
        time_ns = np.full(len(state), START_NS + round(look * PERIOD_S) * NS_PER_S)
        values = exact + rng.normal(size=exact.shape) * list(NOISE.values())
        plots = Detections.of(sensor="r", components=RADAR.COMPONENTS[:3], values=values, time_ns=time_ns)
        tracker.step(arrange(plots, RADAR), RADAR)
    return tracker, int(time_ns[0])


@pytest.mark.parametrize(("plots_due", "any_left"), [(4.0, False), (500.0, True)])
def test_a_track_that_lives_on_others_plots_ends(plots_due, any_left):
    tracker, now_ns = tracked(Parameters(plots_due=plots_due))
    s, p = tracker.store, tracker.parameters
    rows = s.in_use()
    age_looks = (now_ns - s.whole[rows, Whole.BORN]) / NS_PER_S / PERIOD_S
    is_old = (s.whole[rows, Whole.STATUS] < TrackStatus.FIRM) & (age_looks > 1.0 + 4.0 / 0.9)
    assert (is_old & (s.real[rows, EXISTENCE] < p.existence_by_then)).any() == any_left
    assert 0.95 * N < (s.whole[rows, Whole.STATUS] >= TrackStatus.FIRM).sum() < 1.05 * N


def test_sensors_decide_together_as_fast_as_they_look():
    track = np.zeros(Whole.FIRST_SENSOR + 6, np.int64)
    track[Whole.BORN] = 1_000
    track[Whole.FIRST_SENSOR + 3 :] = 5, 7, NEVER
    assert decided(track, np.array([600, 300, 1])) == 1_200
