"""The stream over Zenoh: a snapshot when asked, changes as they come, for this machine alone."""

import json
import socket

import msgspec
import pytest
import zenoh
from edge_scenes import START_NS, eventually, moved, tracks_of, views_of

from noroshi.run.edges import EdgeError
from noroshi.run.edges.zenoh import KEY, Edge


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def line():
    port = free_port()
    edge = Edge(viewer="USA", address=f"127.0.0.1:{port}")
    settings = {
        "mode": "peer", "connect": {"endpoints": [f"tcp/127.0.0.1:{port}"]}, "listen": {"endpoints": []},
        "scouting": {"multicast": {"enabled": False}, "gossip": {"enabled": False}},
    }  # fmt: skip
    program = zenoh.open(zenoh.Config.from_json5(json.dumps(settings)))
    yield edge, program
    program.close()
    edge.close()


def test_a_program_asks_once_and_listens(line):
    edge, program = line
    heard = []
    program.declare_subscriber(f"{KEY}/USA", lambda sample: heard.append(msgspec.msgpack.decode(bytes(sample.payload))))
    views = views_of()
    tracks = tracks_of(4)
    views.receive(tracks, START_NS)
    edge.send(views.see("USA", START_NS), START_NS)

    def asked():
        replies = [reply.ok for reply in program.get(f"{KEY}/USA") if reply.ok is not None]
        return msgspec.msgpack.decode(bytes(replies[0].payload)) if replies else None

    whole = eventually(asked)
    assert whole["type"] == "snapshot"
    assert whole["viewer"] == "USA"
    assert len(whole["tracks"]["id"]) == 4
    eventually(lambda: program.info.peers_zid())
    later = START_NS + 2 * 10**9
    views.receive(moved(tracks, 2.0), later)

    def told():
        edge.send(views.see("USA", later), later)
        return [one for one in heard if one["since"] is not None]

    change = eventually(told)[-1]
    assert set(change["tracks"]["id"]) == set(whole["tracks"]["id"])
    assert edge.counters()["answers"] >= 1


def test_other_machines_are_refused():
    with pytest.raises(EdgeError, match="elsewhere"):
        Edge(viewer="USA", address="0.0.0.0:7450")
    with pytest.raises(EdgeError, match="none of"):
        Edge(viewer="USA", address="127.0.0.1:7450", form="xml")


def test_a_taken_address_is_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(EdgeError) as error:
            Edge(viewer="USA", address=f"127.0.0.1:{taken.getsockname()[1]}")
    assert "\n" not in str(error.value)
