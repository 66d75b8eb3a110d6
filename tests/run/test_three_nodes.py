"""Three nodes as three processes over mutual TLS: each knows more than the best alone, and they agree."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from link_parts.network import Network, all_times, believed, warm
from three_nodes import NATIONS, figures

from noroshi.exercise.flight import truth_of
from noroshi.geo.time import NS_PER_S
from noroshi.records import Frame, digest
from noroshi.run.exercises.staging import cast
from noroshi.run.scenarios import read_scenario
from noroshi.run.stores.audit import judge

SECONDS, EVERY_S, LEAD_S = 30, 2, 15


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    warm("trilateral", 30.0)
    start_ns = (time.time_ns() // NS_PER_S + LEAD_S) * NS_PER_S
    network = Network(
        folder=tmp_path_factory.mktemp("three"), scenario="trilateral", exercise="Trilateral", nations=NATIONS,
        start_ns=start_ns,
    )  # fmt: skip
    network.run(SECONDS)
    times_ns = (start_ns + np.arange(4, SECONDS, EVERY_S) * NS_PER_S).astype(np.int64)
    return network, times_ns, {code: believed(network, code, times_ns.tolist()) for code in NATIONS}


def test_each_picture_is_more_complete_than_the_best_alone(ran):
    network, times_ns, knows = ran
    read = read_scenario("trilateral")
    shift_ns = network.start_ns - read.start_ns
    truth = truth_of(cast(read).bodies, times_ns - shift_ns)
    truth = truth.replace(time_ns=truth.time_ns + shift_ns)
    alone = [figures(truth, all_times(one.own), times_ns) for one in knows.values()]
    shared = [figures(truth, all_times(one.live), times_ns) for one in knows.values()]
    assert min(one["completeness"] for one in shared) > max(one["completeness"] for one in alone)
    assert max(one["gospa_m"] for one in shared) < min(one["gospa_m"] for one in alone)


def test_the_three_pictures_are_equal_at_every_closed_watermark(ran):
    _, _, knows = ran
    rows = list(zip(*(one.closed for one in knows.values()), strict=True))
    closed = [row for row in rows if all(each is not None for each in row)]
    assert len(closed) >= 5
    assert sum(len(row[0]) > 0 for row in closed) >= 3
    for row in closed:
        assert len({digest(each.replace(node="")) for each in row}) == 1


def test_what_was_released_is_proved_by_receipts(ran):
    network, _, _ = ran
    for code in NATIONS:
        verdict = judge(network.state(code) / "audit", keys=network.keys[code]).verdict
        assert not verdict.faults
        assert {to for to, _ in verdict.proved} == set(NATIONS) - {code}


def test_all_that_came_was_a_partners(ran):
    network, _, _ = ran
    for code in NATIONS:
        assert {record.partner for _, record in network.journal(code) if isinstance(record, Frame)} == (
            set(NATIONS) - {code}
        )
