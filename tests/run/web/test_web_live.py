"""A live node serves the page beside its stream: its own picture now, and what it has been."""

import json
import socket
import threading
import urllib.request

import numpy as np
import pytest
from web_scenes import page

from noroshi.node.outgoing import Outgoing
from noroshi.records import Alert
from noroshi.records.alert import ALERT, CANCEL, EXERCISE, UPDATE
from noroshi.run.live.running import Running, Wanted
from noroshi.run.web import wire
from noroshi.run.web.film import Film
from noroshi.run.web.picture import Picture
from noroshi.run.web.situation import Situation


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class At:
    def __init__(self, url):
        self.url = url


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    port = free_port()
    wanted = Wanted(
        nation="one_site", feeds=("simulated://first_steps/ONE",), state=folder / "state", serve=f"127.0.0.1:{port}"
    )
    there, nodes = threading.Event(), []

    def run():
        with Running(wanted) as running:
            nodes.append(running)
            there.set()
            running.run()

    thread = threading.Thread(target=run)
    thread.start()
    assert there.wait(60.0)
    yield At(f"http://127.0.0.1:{port}/")
    nodes[0].node.stop()
    thread.join(20.0)
    assert not list((folder / "state").glob("noroshi-film*"))


def test_it_shows_what_is_now_and_says_what_it_is(live):
    with page(live) as one:
        hello = one.text("hello")
        assert (hello["mode"], hello["exercise"], hello["view"]) == ("live", "SIMULATED", "ONE")
        header, _ = one.frame(lambda header: header.n == 3, 40.0)
        assert header.flags == wire.EXERCISE | wire.LIVE
        later, _ = one.frame()
        assert later.picture_ms - header.picture_ms == pytest.approx(1000.0, abs=300.0)
        sensors = {row["name"]: row["state"] for row in one.text("sensors")["rows"]}
        assert sensors == {"one-radar": "ok", "one-adsb": "ok"}
    with urllib.request.urlopen(f"{live.url}health", timeout=10) as answer:
        assert answer.read() == b"ok\n"


def test_what_was_is_still_there_as_it_was(live):
    with page(live) as one:
        first, columns = one.frame()
        raw = one.raw[-1]
        one.frame()
        one.frame()
        n = one.say("seek", time_ms=first.picture_ms + 0.01)
        one.text("clock", n=n)
        back, again = one.frame(lambda header: header.sequence == first.sequence)
        assert back.flags == wire.EXERCISE | wire.REPLAY
        assert one.raw[-1][28:] == raw[28:]
        assert all(np.array_equal(again[name], was, equal_nan=was.dtype.kind == "f") for name, was in columns.items())
        n = one.say("follow")
        assert one.text("clock", n=n)["following"]
        now, _ = one.frame(lambda header: header.flags & wire.LIVE)
        assert now.sequence > first.sequence + 1


def alert_of(identifier, message=ALERT, references=(), sent_ns=10**9):
    return Alert(
        identifier=identifier, sender="JPN", status=EXERCISE, message=message, references=references, hazard="missile",
        threat_id=255, stage=5, certainty=2, sent_ns=sent_ns, expires_ns=10**12, picture_ns=sent_ns,
        reason="<i>why</i>",
        code=np.array(["JP-02"]), name=np.array(["Aomori"]), probability=np.array([0.7]), people=np.array([1.2e6]),
        arrival_ns=np.array([5 * 10**11]), arrival_latest_ns=np.array([6 * 10**11]),
    )  # fmt: skip


class Node:
    name, exchange, watch = "JPN", None, None
    sensors = {}  # noqa: RUF012 none


def test_an_alert_lives_as_it_is_told():
    film = Film()
    shown = Picture(film, "JPN", names={}, situation=Situation(Node(), ()), now_ns=lambda: 0)

    def lives(now_ns):
        rows = json.loads(shown._own_texts(now_ns)["alerts"])["rows"]
        return {row["identifier"]: row["life"] for row in rows}

    shown.hear(Outgoing("proposal", alert_of("a")), 10**9)
    assert lives(10**9) == {"a": "proposed"}
    shown.hear(Outgoing("alert", alert_of("a")), 2 * 10**9)
    shown.hear(Outgoing("alert", alert_of("a")), 3 * 10**9)  # a repeat
    assert lives(3 * 10**9) == {"a": "issued"}
    shown.hear(Outgoing("alert", alert_of("b", UPDATE, ("a",))), 4 * 10**9)
    assert lives(4 * 10**9) == {"a": "revised", "b": "issued"}
    assert shown.acknowledge("b", "Ann")
    assert not shown.acknowledge("none", "Ann")
    shown.hear(Outgoing("alert", alert_of("c", CANCEL, ("b",))), 5 * 10**9)
    assert lives(5 * 10**9) == {"a": "revised", "b": "cancelled", "c": "cancelled"}
    shown.hear(Outgoing("alert", alert_of("d")), 6 * 10**9)
    assert lives(10**12)["d"] == "passed"
    assert [event["text"] for event in film.reel("JPN").events][:3] == [
        "proposed: <i>why</i>", "issued: <i>why</i>", "issued: <i>why</i>",
    ]  # fmt: skip
    assert lives(10**12 + 700 * 10**9) == {}
