import math

import numpy as np
import pytest

from noroshi.formats import FormatError
from noroshi.motion.constant_velocity import Motion
from noroshi.node.core import OTHERS, UNKNOWN_NAMES_MAX, Node
from noroshi.records import Detections, Quality, SensorSite, Tracks, digest, take
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.trackers.nearest_neighbour import Tracker

NS = 10**9
START_NS = 1_700_000_000 * NS
SITE = SensorSite(
    sensor="radar", type="search_radar", lat_rad=math.radians(46), lon_rad=math.radians(7), height_m=500.0
)


def node(period_s=0.0):
    sensors = {"radar": Sensor.at(SITE)}
    tracker = Tracker(node="n", sensor_names=("radar",), motions=(Motion.of(),))
    return Node("n", sensors=sensors, tracker=tracker, period_ns=round(period_s * NS), window_ns=30 * NS)


def plots(k, sensor="radar", **bad):
    """Return two plots of scan k, ten seconds apart, both closing at 200 m/s."""
    values = np.array([[150_000.0 - 2_000.0 * k, 0.5, 10_000.0], [120_000.0 - 2_000.0 * k, 2.5, 9_000.0]])
    for column, value in bad.items():
        values[0, int(column[1:])] = value
    return Detections.of(
        sensor=sensor,
        components=("range_m", "azimuth_rad", "altitude_m"),
        time_ns=np.full(2, START_NS + 10 * k * NS),
        values=values,
    )


def fly(machine, scans):
    given = []
    for k in scans:
        now_ns = START_NS + 10 * k * NS
        while (due := machine.wake_ns()) is not None and due <= now_ns:
            machine.wake(due)
        machine.receive(plots(k), now_ns)
        given += machine.take()
    return given


def test_changed_tracks_come_out_as_they_change():
    given = fly(node(), range(6))
    assert [out.channel for out in given] == ["tracks"] * 4
    assert [len(out.record) for out in given] == [2, 2, 2, 2]


def test_the_whole_picture_comes_out_at_its_times():
    given = fly(node(period_s=5.0), range(8))
    assert {out.channel for out in given} == {"picture"}
    times = np.array([out.record.time_ns[0] for out in given])
    assert (times % (5 * NS) == 0).all()
    assert (np.diff(times) == 5 * NS).all()
    assert all(isinstance(out.record, Tracks) and len(out.record) == 2 for out in given)


def test_time_never_runs_backwards():
    machine = node()
    machine.receive(plots(3), START_NS + 30 * NS)
    with pytest.raises(ValueError, match="backwards"):
        machine.receive(plots(2), START_NS + 20 * NS)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"c0": np.nan}, "NOT_FINITE"),
        ({"c0": np.inf}, "NOT_FINITE"),
        ({"c0": 1e9}, "OUT_OF_BOUNDS"),
        ({"c0": -5.0}, "OUT_OF_BOUNDS"),
        ({"c1": 100.0}, "OUT_OF_BOUNDS"),
        ({"c2": 1e8}, "OUT_OF_BOUNDS"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason_and_the_other_tracked(bad, reason):
    machine = node()
    for k in range(6):
        machine.receive(plots(k, **bad), START_NS + 10 * k * NS)
    assert machine.refused == {("radar", reason): 6}
    assert len(machine.take()[-1].record) == 1


def test_an_unknown_sensor_is_counted():
    machine = node()
    machine.receive(plots(0, sensor="nobody's"), START_NS)
    assert machine.refused == {("nobody's", "UNKNOWN_SENSOR"): 2}


def test_forged_names_take_no_room_without_end():
    machine = node()
    machine.receive(plots(0, "spare", c0=np.nan), START_NS)
    for k in range(3_000):
        machine.receive(plots(0, f"x{k}"), START_NS)
    machine.receive(plots(0, "spare"), START_NS)
    machine.receive(plots(0, c0=np.nan), START_NS)
    reason = Quality.UNKNOWN_SENSOR.name
    assert len(machine.refused) == UNKNOWN_NAMES_MAX + 2
    assert machine.refused[OTHERS, reason] == 2 * (3_001 - UNKNOWN_NAMES_MAX)
    assert machine.refused["spare", reason] == 4
    assert machine.refused["radar", "NOT_FINITE"] + machine.refused["radar", "NO_POSITION"] == 1
    assert machine.refused.total() == 2 * 3_002 + 1


def test_late_rows_are_used_inside_the_window_and_counted_beyond_it():
    machine = node()
    for k in (0, 1, 2, 4, 5, 6):
        machine.receive(plots(k), START_NS + 10 * k * NS)
    machine.take()
    machine.receive(plots(3).replace(time_ns=plots(3).time_ns + 20 * NS), START_NS + 60 * NS)
    assert machine.n_late_rows == 0
    assert (machine.take()[-1].record.revision == 1).all()
    machine.receive(plots(0), START_NS + 60 * NS)
    assert machine.n_late_rows == 2
    assert machine.refused == {("radar", "LATE"): 2}


def test_a_plot_from_the_future_is_refused_and_blinds_nobody():
    machine = node()
    for k in range(6):
        batch = plots(k)
        if k == 3:
            batch = batch.replace(time_ns=batch.time_ns + np.array([0, 365 * 86_400 * NS]))
        machine.receive(batch, START_NS + 10 * k * NS)
    assert machine.refused == {("radar", "BAD_TIME"): 1}
    assert machine.own.ahead_ns == {}, "one stamp is no clock"
    assert len(machine.take()[-1].record) == 2


def test_a_clock_that_is_ahead_is_known_by_how_much():
    machine = node()
    for k in range(3):
        machine.receive(plots(k), START_NS + 10 * k * NS - 1_500_000_000)
    assert machine.refused == {("radar", "BAD_TIME"): 6}
    assert machine.own.ahead_ns == {"radar": 1_500_000_000}


@pytest.mark.parametrize("bad_days", [{2: 365}, {2: 365, 4: 365}, {2: 365, 3: 30}])
def test_wrong_stamps_of_plots_that_come_one_by_one_are_no_clock(bad_days):
    machine = node()
    for k in range(6):
        ahead_ns = bad_days.get(k, 0) * 86_400 * NS
        batch = take(plots(k), slice(0, 1))
        machine.receive(batch.replace(time_ns=batch.time_ns + ahead_ns), START_NS + 10 * k * NS)
    assert machine.refused == {("radar", "BAD_TIME"): len(bad_days)}
    assert machine.own.ahead_ns == {}


def test_a_wrong_stamp_that_is_told_twice_is_no_clock():
    machine, batch = node(), take(plots(2), slice(0, 1))
    for _ in range(2):
        machine.receive(batch.replace(time_ns=batch.time_ns + 365 * 86_400 * NS), START_NS + 20 * NS)
    assert machine.refused == {("radar", "BAD_TIME"): 2}
    assert machine.own.ahead_ns == {}


@pytest.mark.parametrize("period_s", [0.0, 5.0])
@pytest.mark.parametrize("at", [1, 4, 9])
def test_a_node_resumed_from_its_checkpoint_gives_the_same_bytes(period_s, at):
    whole = fly(node(period_s), range(15))
    first = node(period_s)
    given = fly(first, range(at))
    second = node(period_s)
    second.resume(first.checkpoint())
    given += fly(second, range(at, 15))
    assert [digest(out.record) for out in given] == [digest(out.record) for out in whole]


@pytest.mark.parametrize("data", [b"", b"\x80", b"nonsense", b"\x93\x01\x02\x03"])
def test_bytes_that_are_no_checkpoint_are_refused(data):
    with pytest.raises(FormatError, match="not a checkpoint"):
        node().resume(data)


@pytest.mark.parametrize("sigmas", [(70.0, 1e5, 10.0), (1e-7, 1e-3, 10.0), (70.0, 1e-3, 1e-8), (1e12, 1e-3, 10.0)])
def test_an_absurd_stated_noise_is_refused_by_row(sigmas):
    machine = node()
    for k in range(6):
        batch = plots(k)
        stated = np.stack([np.diag(sigmas), np.diag([70.0, 1.4e-3, 10.0])]) ** 2
        machine.receive(batch.replace(covariances=stated), START_NS + 10 * k * NS)
    assert machine.refused == {("radar", "BAD_COVARIANCE"): 6}
    assert len(machine.take()[-1].record) == 1
