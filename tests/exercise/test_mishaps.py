"""Ports and the faults in them."""

import numpy as np
import pytest

from noroshi.exercise.keyed import Draws
from noroshi.exercise.mishaps import (
    Corrupt,
    Cut,
    Delay,
    Drop,
    Duplicate,
    Freeze,
    Ghosts,
    Impersonate,
    Reorder,
    Replay,
    Throttle,
)
from noroshi.exercise.ports import Port
from noroshi.geo.time import NS_PER_S
from noroshi.records import Detections

SPAN = {"start_ns": 0, "end_ns": 10_000 * NS_PER_S}
N = 4_000


def port(*faults, name="a>b", delay_ns=0):
    return Port(name, delay_ns=delay_ns, faults=faults, draws=Draws(1, 0, ""))


def sent(a_port, n=N, payload=b"hello"):
    return [a_port.send("a", "b", payload, i * NS_PER_S) for i in range(n)]


def plots():
    return Detections.of(
        sensor="s",
        components=("range_m", "azimuth_rad"),
        time_ns=np.array([1, 2]),
        values=np.array([[100.0, 1.0], [200.0, 2.0]]),
    )


def test_all_is_well_without_faults():
    (only,) = port(delay_ns=5).send("a", "b", b"x", 7)
    assert (only.at_ns, only.message.payload, only.message.number) == (12, b"x", 0)


def test_a_cut_is_over_when_it_is_over():
    there = sent(port(Cut(start_ns=10 * NS_PER_S, end_ns=20 * NS_PER_S)), 30)
    assert [i for i, each in enumerate(there) if not each] == list(range(10, 20))


@pytest.mark.parametrize(
    ("fault", "several"),
    [(Drop(**SPAN, probability=0.3), 0.7), (Duplicate(**SPAN, probability=0.3), 1.3), (Replay(**SPAN, after_s=9), 2.0)],
)
def test_how_many_arrive(fault, several):
    n = sum(map(len, sent(port(fault))))
    assert abs(n - several * N) < 4 * np.sqrt(0.3 * 0.7 * N)


def test_delays_are_exponential_above_the_least():
    late = [each.at_ns / NS_PER_S - i for i, (each,) in enumerate(sent(port(Delay(**SPAN, least_s=2.0, mean_s=3.0))))]
    assert min(late) >= 2.0
    assert np.mean(late) == pytest.approx(5.0, abs=4 * 3.0 / np.sqrt(N))
    assert np.var(late) == pytest.approx(9.0, rel=0.2)


def test_reordered_messages_are_overtaken():
    at = [each.at_ns for (each,) in sent(port(Reorder(**SPAN, probability=0.2, by_s=3.0)))]
    assert 0.1 < np.mean(np.diff(at) < 0) < 0.3


def test_a_throttle_passes_so_many_bytes_a_second_and_drops_the_rest():
    there = [each for each in sent(port(Throttle(**SPAN, bytes_s=2.5, wait_s_max=8.0)), 200) if each]
    at = [each.at_ns / NS_PER_S for (each,) in there]
    assert np.allclose(np.diff(at), 2.0)  # five bytes each
    assert at[-1] <= 199 + 8.0 + 2.0


def test_a_frozen_feed_repeats_itself():
    frozen = port(Freeze(start_ns=NS_PER_S, end_ns=3 * NS_PER_S))
    got = [frozen.send("a", "b", bytes([i]), i * NS_PER_S)[0].message.payload for i in range(4)]
    assert got == [b"\0", b"\1", b"\1", b"\3"]
    restored = port(Freeze(start_ns=NS_PER_S, end_ns=9 * NS_PER_S))
    restored.restore(frozen.state())
    assert restored.send("a", "b", b"new", 4 * NS_PER_S)[0].message.payload == b"\1"


def test_an_impostor_says_another_name():
    (only,) = port(Impersonate(**SPAN, sender="c")).send("a", "b", b"x", 0)
    assert (only.message.sender, only.message.receiver) == ("c", "b")


def test_damage_changes_one_byte_or_one_value():
    (only,) = port(Corrupt(**SPAN, probability=1.0)).send("a", "b", b"hello", 0)
    assert sum(a != b for a, b in zip(only.message.payload, b"hello", strict=True)) == 1
    (only,) = port(Corrupt(**SPAN, probability=1.0)).send("a", "b", plots(), 0)
    assert np.isinf(only.message.payload.values).sum() == 1


def test_ghosts_lie_on_the_lines_to_true_targets():
    (only,) = port(Ghosts(**SPAN, number=5)).send("a", "b", plots(), 0)
    values = only.message.payload.values
    assert values.shape == (4, 2)
    assert np.array_equal(values[2:, 1], [1.0, 2.0])
    assert np.all((values[2:, 0] > 0.4 * values[:2, 0]) & (values[2:, 0] < 1.6 * values[:2, 0]))


def test_a_fault_elsewhere_shifts_nothing():
    alone = sent(port(Drop(**SPAN, probability=0.5)), 100)
    beside = sent(port(Delay(start_ns=5, end_ns=6), Drop(**SPAN, probability=0.5)), 100)
    other = sent(port(Drop(**SPAN, probability=0.5), name="a>c"), 100)
    assert [len(each) for each in alone] == [len(each) for each in beside]
    assert [len(each) for each in alone] != [len(each) for each in other]


def test_a_message_meets_the_chance_that_is_drawn_for_it_alone():
    draws = Draws(1, 0, "a>b|Drop|0|0")
    lost = [draws.uniforms("drop", first_look=i, n_looks=1, per_look=1)[0, 0] < 0.5 for i in range(200)]
    assert [not each for each in sent(port(Drop(**SPAN, probability=0.5)), 200)] == lost
