"""What injects mean for the world, ports, nodes and flights."""

import math

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from noroshi.exercise import mishaps
from noroshi.exercise.flight import Flight
from noroshi.exercise.injects import (
    KINDS,
    Aim,
    NodeFault,
    cast,
    effects,
    means_feed,
    means_link,
    node_faults,
    port_faults,
)
from noroshi.exercise.keyed import Draws
from noroshi.exercise.ports import Port
from noroshi.exercise.world import Effect, Fault
from noroshi.geo.time import NS_PER_S
from noroshi.records import Identity, Kind

START_NS = 1_000 * NS_PER_S
END_NS = START_NS + 100 * NS_PER_S
LEAST = {  # the least that each kind needs beside when and whom
    "clock_skew": {"offset_s": 0.5, "drift_s_s": 0.01},
    "bias": {"azimuth_deg": 90.0, "range_m": 100.0},
    "jamming": {"loss_db": 6.0, "azimuth_deg_min": 350.0, "azimuth_deg_max": 10.0},
    "noise": {"factor": 2.0},
    "clutter": {"factor": 3.0},
    "link_slow": {"delay_s": 1.0, "rate_bytes_s": 1000.0},
    "link_lossy": {"loss": 0.1, "reorder": 0.2},
    "impersonate": {"claims": "JPN"},
    "replay": {"after_s": 30.0},
    "ghosts": {"number": 2},
    "false_position": {"east_m": 1000.0},
    "surge": {"flights": "flights.parquet", "lat_deg": 1.0, "lon_deg": 2.0},
}


def inject(what, whom="a", at_s=10.0, **more):
    numbers = {"what": what, "at_s": at_s, **LEAST.get(what, {}), **more}
    return KINDS[what](**numbers if KINDS[what].AIM == Aim.NOBODY else {**numbers, "whom": whom})


def flight(name, seconds=(0, 50, 100)):
    """Return a straight flight at 100 m/s along the x axis, seen by all."""
    time_ns = START_NS + np.array(seconds, np.int64) * NS_PER_S
    states = np.zeros((len(seconds), 6))
    states[:, 0], states[:, 3] = 6.4e6 + 100.0 * np.array(seconds), 100.0
    identity = Identity.absent(1).replace(mmsi=np.array([123]))
    kind, heat = np.full(len(seconds), Kind.SHIP, np.uint8), np.full(len(seconds), 7.0)
    return Flight(
        name=name,
        time_ns=time_ns,
        state_ecef=states,
        kind=kind,
        identity=identity,
        cross_section_m2=5.0,
        heat_w_sr=heat,
    )


@pytest.mark.parametrize("what", KINDS)
def test_each_kind_says_its_own_key_and_refuses_what_it_does_not_know(what):
    assert inject(what).what == what
    with pytest.raises(ValidationError):
        inject(what, luck=1.0)
    with pytest.raises(ValidationError):
        TypeAdapter(KINDS[what]).validate_python({**inject(what).model_dump(), "what": "other"})


def test_spans_end_where_they_say_or_with_the_run():
    spans = [inject("link_cut", **more).span_ns(START_NS, END_NS) for more in ({}, {"for_s": 5.0}, {"until_s": 500.0})]
    assert [((a - START_NS) / 1e9, (b - START_NS) / 1e9) for a, b in spans] == [(10, 100), (10, 15), (10, 100)]


@pytest.mark.parametrize(
    ("what", "more", "told"),
    [
        ("link_cut", {"for_s": 1.0, "until_s": 20.0}, "leave one out"),
        ("link_cut", {"until_s": 5.0}, "make until_s later"),
        ("site_lost", {"for_s": 5.0}, "does not come back"),
        ("jamming", {"azimuth_deg_max": None}, "needs both"),
        ("link_slow", {"delay_s": 0.0, "rate_bytes_s": None}, "says nothing of how slow"),
        ("link_lossy", {"loss": 0.0, "reorder": 0.0}, "does nothing"),
        ("false_position", {"east_m": 0.0}, "is the true position"),
        ("bias", {"whom": []}, "at least 1 item"),
    ],
)
def test_what_contradicts_itself_is_refused_with_the_fix(what, more, told):
    with pytest.raises(ValidationError, match=told):
        inject(what, **more)


def test_effects_are_in_si_and_only_of_those_meant():
    found = effects(
        [
            inject("sensor_off", ["USA", "b"], for_s=5.0),
            inject("bias", "b"),
            inject("clock_skew", "b"),
            inject("jamming", "b"),
            inject("dark", "ship", at_s=20.0),
            inject("noise", "nobody"),
            inject("link_cut", "b"),
            inject("clutter", "b", at_s=200.0),
        ],
        {"USA": ("a", "b"), "b": ("b",), "ship": ("ship",)},
        START_NS,
        END_NS,
    )
    assert set(found) == {"a", "b", "ship"}
    assert found["a"] == (
        Effect(fault=Fault.OFF, start_ns=START_NS + 10 * NS_PER_S, end_ns=START_NS + 15 * NS_PER_S, values={}),
    )
    off, bias, clock, jamming = found["b"]
    assert off == found["a"][0]
    assert bias.values == {"range_m": 100.0, "azimuth_rad": pytest.approx(math.pi / 2)}
    assert clock.values == {"offset_s": 0.5, "drift_s_s": 0.01}
    assert jamming.values == {
        "loss_db": 6.0,
        "azimuth_rad_min": pytest.approx(math.radians(350)),
        "azimuth_rad_max": pytest.approx(math.radians(10)),
    }
    assert [each.fault for each in found["ship"]] == [Fault.OFF]


@pytest.mark.parametrize(
    ("whom", "meant"),
    [
        ("JPN>USA", {("JPN", "USA")}),
        ("JPN-USA", {("JPN", "USA"), ("USA", "JPN")}),
        ("USA-JPN", {("JPN", "USA"), ("USA", "JPN")}),
        ("AUS", {("AUS", "JPN"), ("JPN", "AUS")}),
        ("JPN>AUS", {("JPN", "AUS")}),
        ("radar", set()),
    ],
)
def test_which_links_a_name_means(whom, meant):
    links = [("JPN", "USA"), ("USA", "JPN"), ("AUS", "JPN"), ("JPN", "AUS")]
    assert {link for link in links if means_link(whom, *link)} == meant


def test_a_feed_is_meant_by_its_sensor_or_by_both_ends():
    assert means_feed("jpn-east", "jpn-east", "JPN")
    assert means_feed("jpn-east>JPN", "jpn-east", "JPN")
    assert not means_feed("JPN", "jpn-east", "JPN")


def test_link_injects_become_faults_of_ports_that_work():
    injects = [inject("link_cut", "a>b", for_s=10.0), inject("replay", "a-b", at_s=50.0, for_s=10.0)]
    found = port_faults(injects, START_NS, END_NS, links=[("a", "b"), ("b", "a")], feeds=[("radar", "a")])
    assert {port: [type(each) for each in each_port] for port, each_port in found.items()} == {
        ("a", "b"): [mishaps.Cut, mishaps.Replay],
        ("b", "a"): [mishaps.Replay],
    }
    port = Port("a>b", delay_ns=0, faults=found["a", "b"], draws=Draws(1, 0, ""))
    arrived = [len(port.send("a", "b", b"x", START_NS + second * NS_PER_S)) for second in (5, 15, 25, 55)]
    assert arrived == [1, 0, 1, 2]


@pytest.mark.parametrize("what", [key for key, kind in KINDS.items() if kind.AIM == Aim.LINKS])
def test_every_link_inject_gives_faults_within_its_span(what):
    (made,) = port_faults(
        [inject(what, "radar", for_s=7.0)], START_NS, END_NS, links=[], feeds=[("radar", "a")]
    ).values()
    assert made
    assert {(each.start_ns, each.end_ns) for each in made} == {(START_NS + 10 * NS_PER_S, START_NS + 17 * NS_PER_S)}


def test_stopped_nodes():
    injects = [inject("node_stopped", ["JPN", "USA"], for_s=5.0, keeps_memory=False), inject("link_cut", "JPN")]
    times = {"start_ns": START_NS + 10 * NS_PER_S, "end_ns": START_NS + 15 * NS_PER_S}
    assert node_faults(injects, START_NS, END_NS) == (
        NodeFault(nation="JPN", keeps_memory=False, **times),
        NodeFault(nation="USA", keeps_memory=False, **times),
    )


def test_spoofed_flights_are_reports_without_a_body_while_they_are_sent():
    entries = {"true": [flight("true")], "ghost": [flight("ghost")]}
    spoof = inject("spoofed_reports", "ghost", at_s=20.0, for_s=40.0)
    found = cast(entries, [spoof], START_NS, END_NS)
    assert [each.name for each in found.bodies] == ["true"]
    true, ghost = found.flights
    assert true is entries["true"][0]
    assert ((ghost.time_ns - START_NS) / NS_PER_S).tolist() == [20, 50, 60]
    assert np.allclose(ghost.state_ecef[:, 0], 6.4e6 + 100.0 * np.array([20, 50, 60]))
    assert ghost.cross_section_m2 == 0.0
    assert not ghost.heat_w_sr.any()
    assert ghost.identity.mmsi.tolist() == [123]


def test_two_spoofs_of_one_flight_are_two_ghosts():
    spoofs = [inject("spoofed_reports", "ghost", at_s=at_s, for_s=10.0) for at_s in (10.0, 60.0)]
    found = cast({"ghost": [flight("ghost")]}, spoofs, START_NS, END_NS)
    assert [each.name for each in found.flights] == ["ghost", "ghost again 1"]
    assert found.bodies == ()
