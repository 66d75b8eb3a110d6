"""A nation whose file wants its radars registered, in exercises and live; what is known of biases outlives a node."""

from types import SimpleNamespace

import numpy as np
import pytest

from noroshi.records import Detections, digest
from noroshi.run.batches import REMEMBERED_SENSORS
from noroshi.run.exercises.running import Plan, run
from noroshi.run.journal import read_records, read_setup
from noroshi.run.live.memory import Memory
from noroshi.run.live.node import LiveNode
from noroshi.run.live.running import Running, Wanted
from noroshi.run.scenarios.sources import read_source
from noroshi.run.setup import assemble
from noroshi.tracking.registration import Registration

CHECKPOINT_NS = 40 * 10**9  # plots wait 15 s for what comes after them; the exercise is of 60 s


def nation(folder, registration="registration = true"):
    text = read_source("nations", "one_site", None).text.replace('code = "ONE"', f'code = "ONE"\n{registration}')
    path = folder / "one.toml"
    path.write_text(text)
    return str(path)


@pytest.fixture(scope="module")
def exercise(tmp_path_factory):
    """Return the journal of an exercise of a nation that wants it."""
    folder = tmp_path_factory.mktemp("exercise")
    scenario = folder / "steps.toml"
    text = read_source("scenarios", "first_steps", None).text
    scenario.write_text(text.replace('nations = ["one_site"]', f'nations = ["{nation(folder)}"]'))
    (folder / "out").mkdir()
    run(Plan(scenario=str(scenario), folder=folder / "out"))
    return folder / "out" / "ONE.mcap"


def test_the_node_of_an_exercise_registers(exercise):
    assert read_setup(exercise).registration


def live(exercise, folder, behind_ns=0, says=lambda _: None, lines=1):
    """Return a live node, its memory, what gives it turns, and when it is told something."""
    setup, clock = read_setup(exercise), SimpleNamespace(now_ns=0)
    told = [each for each in read_records(exercise) if isinstance(each[1], Detections)]
    memory = Memory(folder)
    memory.start(setup)
    feed = SimpleNamespace(receive=lambda: [record for now_ns, record in told if now_ns == clock.now_ns])
    node = LiveNode(
        assemble(setup)[0], memory, feeds=[feed] * lines, links={}, wait=lambda _: None,
        now_ns=lambda: clock.now_ns - behind_ns, checkpoint_ns=CHECKPOINT_NS, says=says,
    )  # fmt: skip

    def turns(times_ns):
        for clock.now_ns in times_ns:
            node.turn()

    return node, memory, turns, sorted({now_ns for now_ns, _ in told})


def knows(node):
    """Return what it knows of biases, and what it says of tracks."""
    registrar = {name: array.tobytes() for name, array in node.own.registrar.state().items()}
    return registrar, digest(node.own_picture(node.now_ns))


def test_killed_and_started_again_it_knows_and_says_the_same_to_the_last_byte(exercise, tmp_path):
    whole, memory, turns, due_ns = live(exercise, tmp_path / "whole")
    whole.catch_up()
    turns(due_ns)
    memory.close()
    first, memory, turns, _ = live(exercise, tmp_path / "killed")
    first.catch_up()
    killed_at = len(due_ns) * 5 // 6
    turns(due_ns[:killed_at])
    registrar = first.node.own.registrar
    assert np.isfinite(registrar.registration.marginals[0]).any(), "it had learnt something"
    unknown = Registration.unknown(registrar.radars).believed[1]
    assert registrar.left[0, 1, 1] < 0.5 * unknown[0, 1, 1], "and puts it to use"
    memory.close()  # and no last checkpoint
    second, memory, turns, _ = live(exercise, tmp_path / "killed")
    second.catch_up()
    assert 0 < second.counts.replayed < killed_at, "a checkpoint, and records since"
    assert knows(second.node) == knows(first.node)
    turns(due_ns[killed_at:])
    assert knows(second.node) == knows(whole.node)
    memory.close()


@pytest.mark.parametrize(("behind_s", "n_lines"), [(0.0, 0), (20.0, 1)])
def test_a_clock_that_is_ahead_is_said_once(exercise, tmp_path, behind_s, n_lines):
    said = []
    node, memory, turns, due_ns = live(exercise, tmp_path, behind_ns=round(behind_s * 1e9), says=said.append)
    node.catch_up()
    turns(due_ns)
    memory.close()
    assert sum("ahead of this node's clock" in line for line in said) == n_lines * len(node.node.sensors)
    assert len(said) == n_lines * len(node.node.sensors)


def test_without_it_nothing_is_estimated_and_a_change_begins_tracks_anew(tmp_path):
    said = []
    for registration, is_there in (("", False), ("registration = true", True)):
        wanted = Wanted(nation=nation(tmp_path, registration), state=tmp_path / "state", for_s=0.3)
        with Running(wanted, said.append) as running:
            assert (running.node.node.own.registrar is not None) == is_there
            running.run()
    assert sum("its own tracks begin anew" in line for line in said) == 1


def test_both_lines_of_a_network_count_once_in_a_live_node(exercise, tmp_path):
    once, twice = (live(exercise, tmp_path / str(lines), lines=lines) for lines in (1, 2))
    plots = [record for _, record in read_records(exercise) if isinstance(record, Detections) and len(record)]
    forged = [plots[0].replace(sensor=f"x{k}") for k in range(REMEMBERED_SENSORS)]
    twice[0].feeds.insert(0, SimpleNamespace(receive=lambda: [forged.pop() for _ in range(len(forged))]))
    for node, memory, turns, due_ns in (once, twice):
        node.catch_up()
        turns(due_ns)
        memory.close()
    assert knows(twice[0].node) == knows(once[0].node)
    doubles = {sensor: n for (sensor, why), n in twice[0].node.refused.items() if why == "DUPLICATE"}
    assert sum(doubles.values()) == sum(map(len, plots))
