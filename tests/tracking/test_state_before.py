"""The state before the last steps, found without undoing them, is what undoing them leaves."""

import numpy as np
import pytest
from test_nearest_neighbour import RADAR, level_flights, scan, tracker

from noroshi.motion.constant_velocity import Motion
from noroshi.records import concatenate
from noroshi.tracking.rewind import Rewind
from noroshi.tracking.trackers import mixture, soft

ABOUT = {"node": "n", "sensor_names": ("radar",), "motions": (Motion.of(),)}
TRACKERS = {
    "nearest_neighbour": lambda: tracker(misses_firm=2),
    "soft": lambda: soft.Tracker(**ABOUT),
    "mixture": lambda: mixture.Tracker(**ABOUT),
}


def looks(seed, n=24):
    """Return scans in which aircraft and false plots come and go, so that rows are freed and used again."""
    rng, every = np.random.default_rng(seed), level_flights(12, apart_deg=0.3)
    for k in range(n):
        flying = every[(np.arange(12) * 5 + k) % 17 < 11]
        false = level_flights(2, apart_deg=0.05 + 0.4 * rng.random())
        yield concatenate([scan(flying, k, rng, spread_s=0.05), scan(false, k, rng, spread_s=0.01)])


@pytest.mark.parametrize("name", sorted(TRACKERS))
def test_it_is_what_taking_back_leaves(name):
    made, changes = TRACKERS[name](), []
    for look in looks(1):
        made.step(look, RADAR)
        changes.append(made.last_change())
    for n in (0, 1, 5, 17, len(changes)):
        now = made.state()
        found = made.state_before(changes[len(changes) - n :])
        for change in reversed(changes[len(changes) - n :]):
            made.take_back(change)
        expected = made.state()
        made.restore(now)
        assert found.keys() == expected.keys()
        for key in expected:
            np.testing.assert_array_equal(found[key], expected[key])
        for key, array in made.state().items():
            np.testing.assert_array_equal(array, now[key])


def test_memory_leaves_the_tracker_alone_and_is_resumed():
    rewind = Rewind(tracker(misses_firm=2), window_ns=100 * 10**9)
    every = list(looks(2))
    for look in every[:18]:
        rewind.step(look, RADAR)
    before, batches = rewind.memory()
    assert 0 < len(batches) < 18
    again = Rewind(tracker(misses_firm=2), window_ns=100 * 10**9)
    again.resume(before, batches, {"radar": RADAR}, rewind.counters())
    for look in every[18:]:
        one, other = rewind.step(look, RADAR), again.step(look, RADAR)
        np.testing.assert_array_equal(one.track_id, other.track_id)
        np.testing.assert_array_equal(one.state_ecef, other.state_ecef)
