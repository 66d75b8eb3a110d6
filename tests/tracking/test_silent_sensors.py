"""A radar that falls silent altogether has not missed its targets: their tracks coast, and go on when it is back."""

import numpy as np
import pytest

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_enu
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Detections, SensorSite, TrackStatus
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.trackers.soft import Parameters, Tracker

START_NS, PERIOD_S, LOOKS = 1_893_456_000 * NS_PER_S, 5.0, 16
NOISE = {"range_sigma_m": 70.0, "azimuth_sigma_rad": 0.0014, "elevation_sigma_rad": 0.0014}
RADAR = Sensor.at(
    SensorSite(
        sensor="r", type="search_radar", lat_rad=0.6, lon_rad=2.4, height_m=100.0,
        parameters={**NOISE, "scan_period_s": PERIOD_S, "detection_probability": 0.9},
    )
)  # fmt: skip


def fly(n: int, silent_s: float, silence_s: float) -> tuple[set[int], set[int], int]:
    """Return the tracks before a silence, those after it, and how many a picture near its end shows.

    The radar turns: each target has its own moment of a look, and batches are of a quarter of a turn.
    """
    rng = np.random.default_rng([n, 7])
    tracker = Tracker(node="n", sensor_names=("r",), motions=[Motion()], parameters=Parameters(silence_s=silence_s))
    place = np.column_stack([rng.uniform(-6e4, 6e4, (n, 2)), rng.uniform(6e3, 1e4, n)])
    velocity = np.column_stack([rng.uniform(-200.0, 200.0, (n, 2)), np.zeros(n)])
    numbers, shown = [set[int](), set[int]()], 0
    for look in range(2 * LOOKS):
        since_s = look * PERIOD_S + (silent_s if look >= LOOKS else 0.0)
        at_s = since_s + PERIOD_S * np.arange(n) / n
        state = np.zeros((n, 6))
        state[:, :3] = ecef_from_enu(place + at_s[:, None] * velocity, RADAR.origin_ecef_m)
        exact = RADAR.measure(state, np.tile(RADAR.origin_ecef_m, (n, 1)))[:, :3]
        values = exact + rng.normal(size=exact.shape) * list(NOISE.values())
        time_ns = START_NS + np.round(at_s * NS_PER_S).astype(np.int64)
        if look == LOOKS:
            shown = len(tracker.picture(int(time_ns[0])))
        for quarter in np.array_split(np.arange(n), 4):
            seen = quarter[rng.uniform(size=len(quarter)) < 0.9]
            plots = Detections.of(
                sensor="r", components=RADAR.COMPONENTS[:3], values=values[seen], time_ns=time_ns[seen]
            )
            told = tracker.step(arrange(plots, RADAR), RADAR)
            numbers[look >= LOOKS] |= set(told.track_id[told.status == TrackStatus.FIRM].tolist())
    return numbers[0], numbers[1], shown


@pytest.mark.parametrize("silent_s", [30.0, 60.0])
def test_tracks_keep_their_numbers(silent_s):
    before, after, shown = fly(20, silent_s, 120.0)
    assert len(before) == shown == 20
    assert after == before
    _, anew, shown = fly(20, silent_s, 0.0)
    assert shown == 0
    assert len(anew - before) > 5


def test_they_do_not_coast_for_ever():
    before, after, shown = fly(20, 180.0, 120.0)
    assert shown == 0
    assert len(after - before) > 15


def test_what_has_the_radar_to_itself_is_missed():
    before, _, shown = fly(2, 60.0, 120.0)
    assert len(before) == 2
    assert shown == 0
