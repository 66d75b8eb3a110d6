"""Simulated sensors by the wall clock tell what the exercise's own driver has them tell, at the real times."""

import threading
import time

import numpy as np
import pytest

from noroshi.geo.time import NS_PER_S
from noroshi.run.exercises.books import Books
from noroshi.run.exercises.driver import Driver
from noroshi.run.exercises.staging import stage
from noroshi.run.feeds import AddressError, open_feed
from noroshi.run.feeds.simulated import Feed, sped
from noroshi.run.scenarios import read_scenario

SCENARIO = """
name = "Paced"
seed = 3
start = 2030-01-01T00:00:00Z
duration_s = 30.0
nations = ["one_site"]
[[flights]]
name = "north-bound"
mover = "aircraft"
start_s = -300.0
waypoints = [
    { lat_deg = 35.2, lon_deg = 141.4, height_m = 9000.0, speed_m_s = 230.0 },
    { lat_deg = 36.4, lon_deg = 141.5, height_m = 9000.0, speed_m_s = 230.0 },
]
transponder = { icao_address = "840001" }
[[injects]]
what = "link_cut"
at_s = 10.0
for_s = 5.0
whom = "one-adsb"
"""
FACTOR = 20.0


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    path = tmp_path_factory.mktemp("paced") / "paced.toml"
    path.write_text(SCENARIO)
    return path


@pytest.fixture(scope="module")
def staged(scenario):
    return stage(read_scenario(str(scenario)), codes=["ONE"])


def heard(feed, arrived, until):
    """Return (now_ns when it could be received, batch) of all that comes until the condition holds, or 60 s."""
    got, stop = [], time.monotonic() + 60.0
    while not until(feed) and time.monotonic() < stop:
        arrived.wait(0.2)
        arrived.clear()
        got += [(feed._now_ns(), batch) for batch in feed.receive()]
    return got + [(feed._now_ns(), batch) for batch in feed.receive()]


def start(staged, start_ns, clock):
    arrived = threading.Event()
    return Feed(staged, start_ns=start_ns, factor=FACTOR, arrived=arrived.set, now_ns=clock), arrived


class Ear:
    """A node that only hears."""

    exchange = None

    def __init__(self, heard):
        self.heard = heard

    def receive(self, record, now_ns):
        self.heard.append((now_ns, record))

    def wake_ns(self):
        return None

    def take(self):
        return []

    def end(self):
        pass


def exercised(scenario, folder):
    """Return (now_ns, batch) of all that the exercise's own driver hands to the node."""
    staged, got = stage(read_scenario(str(scenario))), []
    world = staged.cast.world
    with Books(folder, staged.setups) as books:
        driver = Driver(
            world.start_ns, world.end_ns, feeds=staged.feeds, make=lambda _: Ear(got), names=["ONE"], books=books
        )
        driver.run(world.end_ns)
    return got


def by_sensor(got):
    return sorted(got, key=lambda each: each[1].sensor)


def test_it_tells_what_the_exercise_tells_at_the_real_times(scenario, staged, tmp_path):
    wanted = exercised(scenario, tmp_path)
    start_ns = time.time_ns()
    shift_ns = start_ns - staged.cast.world.start_ns
    feed, arrived = start(staged, start_ns, sped(time.time_ns, start_ns, FACTOR))
    got = heard(feed, arrived, lambda feed: "over" in feed.health.trouble)
    feed.close()
    assert len(got) == len(wanted) > 5
    for (at_ns, batch), (now_ns, truth) in zip(by_sensor(got), by_sensor(wanted), strict=True):
        assert batch.sensor == truth.sensor
        np.testing.assert_array_equal(batch.time_ns, truth.time_ns + shift_ns)
        np.testing.assert_array_equal(batch.values, truth.values)
        assert now_ns + shift_ns <= batch.received_ns <= at_ns
    assert feed.health.n_rows == sum(len(batch) for _, batch in got)
    assert feed.health.n_dropped == 0


def test_one_that_starts_late_tells_only_what_comes_after(staged):
    clock_start = time.time_ns()
    clock = sped(time.time_ns, clock_start, FACTOR)
    whole, arrived = start(staged, clock_start, clock)
    everything = heard(whole, arrived, lambda feed: "over" in feed.health.trouble)
    whole.close()
    late, arrived = start(staged, clock() - 17 * NS_PER_S, clock)
    rest = heard(late, arrived, lambda feed: "over" in feed.health.trouble)
    late.close()
    assert late.n_skipped > 0
    assert 0 < len(rest) < len(everything)
    for (_, mine), (_, theirs) in zip(rest[::-1], everything[::-1], strict=False):
        np.testing.assert_array_equal(mine.values, theirs.values)


def test_it_waits_for_a_start_that_is_to_come_and_closes_at_once(staged):
    feed, arrived = start(staged, time.time_ns() + 3600 * NS_PER_S, time.time_ns)
    assert "not begun" in feed.health.trouble
    arrived.wait(0.3)
    assert feed.receive() == []
    since = time.monotonic()
    feed.close()
    feed.close()
    assert time.monotonic() - since < 1.0
    assert not feed.health.is_up


def test_a_reader_that_does_not_come_costs_no_memory_without_end(staged, monkeypatch):
    monkeypatch.setattr("noroshi.run.feeds.simulated.BATCHES_MAX", 3)
    start_ns = time.time_ns()
    feed, _ = start(staged, start_ns, sped(time.time_ns, start_ns, FACTOR))
    stop = time.monotonic() + 60.0
    while "over" not in feed.health.trouble and time.monotonic() < stop:
        time.sleep(0.05)
    got = feed.receive()
    feed.close()
    assert len(got) == 3
    assert feed.health.n_dropped == feed.health.n_messages - 3 > 0


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("simulated://no_such_scenario", "no_such_scenario"),
        ("simulated://first_steps/XYZ", "no nation 'XYZ'"),
        ("simulated://first_steps?speed=0", "speed of 0"),
        ("simulated://first_steps?spede=2", "no option 'spede'"),
    ],
)
def test_a_wrong_address_is_told_in_one_line(text, wrong):
    with pytest.raises(AddressError, match=wrong) as caught:
        open_feed(text, arrived=lambda: None, now_ns=time.time_ns)
    assert "\n" not in str(caught.value)
