"""Cursor on Target out over TCP and TLS: clients and servers, labels, ends, pings, slow readers, certificates."""

import gc
import socket
import ssl
import time

import numpy as np
import pytest
from edge_scenes import (
    PASS_ALL,
    SECOND,
    START_NS,
    all_of,
    authority,
    eventually,
    label_text,
    moved,
    tracks_of,
    view_of,
    views_of,
)

from noroshi.formats import Context, cot
from noroshi.records import take
from noroshi.run.edges import EdgeError, Tls, cot_tcp
from noroshi.run.edges.cot_tcp import Edge
from noroshi.sharing.label import decode, label_of_cot_detail


@pytest.fixture
def edge():
    made = Edge(viewer="USA", listen="127.0.0.1:0")
    yield made
    made.close()


def events(client, n, seconds=10.0):
    """Return the next n events that a socket receives."""
    client.settimeout(seconds)
    data = b""
    while data.count(b"</event>") < n:
        part = client.recv(1 << 16)
        assert part, "the other side closed"
        data += part
    found = list(cot.events(data))
    assert len(found) == n
    assert None not in found
    return found


def of_things(found):
    return [event for event in found if event.get("type").startswith("a-")]


def test_every_client_gets_the_whole_and_then_what_changed(edge):
    views, tracks = views_of(), tracks_of(6)
    views.receive(tracks, START_NS)
    edge.send(views.see("USA", START_NS), START_NS)
    with socket.create_connection(edge.address) as one, socket.create_connection(edge.address) as two:
        for client in (one, two):
            found = events(client, 6)
            assert {event.get("uid") for event in found} == {
                f"noroshi-jpn-{number:x}" for number in views.see("USA", START_NS).tracks.track_id
            }
        views.receive(take(moved(tracks, 1), np.arange(2)), START_NS + SECOND)
        edge.send(views.see("USA", START_NS + SECOND), START_NS + SECOND)
        for client in (one, two):
            assert {event.get("start") for event in events(client, 2)} == {"2030-01-01T00:00:01.000Z"}
        edge.send(views.see("USA", START_NS + 60 * SECOND), START_NS + 60 * SECOND)
        for client in (one, two):
            found = events(client, 4)
            assert {event.get("type") for event in found} == {"t-x-d-d"}
            assert {event.get("start") for event in found} == {"2030-01-01T00:00:00.000Z"}
        with socket.create_connection(edge.address) as late:
            assert len(of_things(events(late, 2))) == 2


def test_what_arrives_is_what_was_released(edge):
    view = view_of(tracks_of(50))
    edge.send(view, START_NS)
    with socket.create_connection(edge.address) as client:
        eventually(lambda: edge.counters().get("bytes"))
        data = all_of(client, edge.counters()["bytes"])
    (after,) = cot.decode(data, Context()).tracks
    order = np.argsort(after.track_id)
    np.testing.assert_array_equal(after.track_id[order], view.tracks.track_id)
    away = np.linalg.norm(after.state_ecef[order, :3] - view.tracks.state_ecef[:, :3], axis=1)
    assert away.max() < 0.1
    np.testing.assert_array_equal(after.identity.call_sign[order], view.tracks.identity.call_sign)


def test_each_event_bears_its_own_label(edge):
    views = views_of()
    views.receive(tracks_of(3), START_NS)
    text = label_text(level="RESTRICTED", caveats=("EYES",))
    views.receive(tracks_of(2, rng=np.random.default_rng(9), label=text), START_NS)
    edge.send(views.see("USA", START_NS), START_NS)
    with socket.create_connection(edge.address) as client:
        found = events(client, 5)
    labels = [label_of_cot_detail(event.find("detail")) for event in found]
    assert sorted(label.level for label in labels) == ["RESTRICTED"] * 2 + ["UNCLASSIFIED"] * 3
    for event, label in zip(found, labels, strict=True):
        assert label.releasable_to == ("USA",)
        assert (event.get("access"), event.get("releasableTo")) == (label.level, "USA")
        assert event.get("caveat") == ",".join(label.caveats)
        assert decode(text).caveats == ("EYES",)


def test_coarse_and_late_tracks_say_how_old_they_are_and_until_when_they_are_good():
    coarse = PASS_ALL + "coarsen = {position_m = 1000, period_s = 300}\ndelay = {seconds = 100}\n"
    views = views_of(rules=coarse)
    views.receive(tracks_of(2, time_ns=START_NS + 7 * SECOND), START_NS + 7 * SECOND)
    edge = Edge(viewer="USA", listen="127.0.0.1:0", stale_s=20.0)
    edge.send(views.see("USA", START_NS + 200 * SECOND), START_NS + 200 * SECOND)
    with socket.create_connection(edge.address) as client:
        for event in events(client, 2):
            assert event.get("time") == event.get("start") == "2030-01-01T00:00:00.000Z"
            assert event.get("stale") == "2030-01-01T00:05:20.000Z"
    edge.close()


def test_an_exercise_says_so():
    rules = PASS_ALL + 'exercises = ["KEEN"]\n'
    views = views_of(rules=rules, exercise="KEEN")
    views.receive(tracks_of(3), START_NS)
    edge = Edge(viewer="USA", listen="127.0.0.1:0")
    edge.send(views.see("USA", START_NS), START_NS)
    with socket.create_connection(edge.address) as client:
        for event in events(client, 3):
            assert (event.get("opex"), event.get("how")) == ("e-KEEN", "m-s")
    edge.close()


def test_a_ping_is_answered_however_it_is_cut(edge):
    ping = b'<event version="2.0" uid="x-ping" type="t-x-c-t" how="m-g" time="" start="" stale=""><point/></event>'
    with socket.create_connection(edge.address) as client:
        client.sendall(ping)
        assert events(client, 1)[0].get("type") == "t-x-c-t-r"
        for part in (ping[:50], ping[50:52], ping[52:]):
            client.sendall(part)
            time.sleep(0.02)
        assert events(client, 1)[0].get("type") == "t-x-c-t-r"
        client.sendall(b"<event type='a-f-G'>" + b"x" * 100_000)
        client.sendall(ping.replace(b'"', b"'"))
        assert events(client, 1)[0].get("type") == "t-x-c-t-r"


def test_a_client_that_does_not_read_is_dropped_and_the_others_are_served(edge, monkeypatch):
    monkeypatch.setattr(cot_tcp, "SLOW_S", 1.0)  # no shorter: who reads may stand still for a moment
    views, tracks = views_of(), tracks_of(1000)
    with socket.create_connection(edge.address) as slow, socket.create_connection(edge.address) as good:
        good.settimeout(10)
        second, received = 0, 0
        while not edge.counters().get("dropped_slow"):
            assert second < 100
            views.receive(moved(tracks, second), START_NS + second * SECOND)
            edge.send(views.see("USA", START_NS + second * SECOND), START_NS + second * SECOND)
            wanted, count = received + 1000, b""
            while received < wanted:
                part = good.recv(1 << 20)
                assert part, "the other side closed"
                count += part
                received, count = received + count.count(b"</event>"), count[-7:] if count[-8:] != b"</event>" else b""
            second += 1
        assert second > 1
        slow.settimeout(5)
        with pytest.raises((ConnectionResetError, AssertionError)):  # the end comes after what the system had taken
            all_of(slow, 1 << 40)


def test_clients_are_bounded(edge, monkeypatch):
    monkeypatch.setattr(cot_tcp, "CLIENTS_MAX", 1)
    edge.send(view_of(tracks_of(1)), START_NS)
    with socket.create_connection(edge.address) as one:
        events(one, 1)
        with socket.create_connection(edge.address) as two, pytest.raises((AssertionError, ConnectionResetError)):
            events(two, 1)
    eventually(lambda: has_room(edge))


def has_room(edge):
    with socket.create_connection(edge.address) as client:
        try:
            return events(client, 1)
        except (AssertionError, ConnectionResetError):
            return False


def test_a_server_is_found_again_after_it_went(monkeypatch):
    monkeypatch.setattr(cot_tcp, "RETRY_S", (0.05, 0.1))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        host, port = server.getsockname()
        edge = Edge(viewer="USA", listen=None, connect=[f"{host}:{port}"])
        with pytest.raises(EdgeError, match="listens nowhere"):
            _ = edge.address
        edge.send(view_of(tracks_of(4)), START_NS)
        for _ in range(3):
            connection, _ = server.accept()
            with connection:
                assert len(events(connection, 4)) == 4  # the whole each time
    eventually(lambda: edge.counters()["retries"] > 4)
    edge.close()


def test_tls_takes_only_certificates_of_its_authority_on_both_sides(tmp_path, monkeypatch):
    monkeypatch.setattr(cot_tcp, "RETRY_S", (0.05, 0.1))
    ours, theirs = authority(tmp_path, "usa"), authority(tmp_path, "rogue")
    edge = Edge(viewer="USA", listen="0.0.0.0:0", tls=Tls(**ours))
    edge.send(view_of(tracks_of(4)), START_NS)
    address = ("127.0.0.1", edge.address[1])

    def reads(said, trusted):
        context = ssl.create_default_context(cafile=trusted)
        if said:
            context.load_cert_chain(said["certificate"], said["key"])
        with socket.create_connection(address) as plain:
            try:
                with context.wrap_socket(plain, server_hostname="127.0.0.1") as client:
                    return len(events(client, 4))
            except (ssl.SSLError, AssertionError, ConnectionResetError):
                return 0

    assert reads(ours, ours["authority"]) == 4
    assert reads(None, ours["authority"]) == 0
    assert reads(theirs, ours["authority"]) == 0
    assert reads(ours, theirs["authority"]) == 0
    with (
        socket.create_connection(address) as plain,
        pytest.raises((AssertionError, ConnectionResetError, TimeoutError)),
    ):
        events(plain, 1, seconds=0.5)
    for said, wanted in ((ours, 4), (theirs, 0)):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ours["authority"])
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(said["certificate"], said["key"])
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(10)
            client = Edge(viewer="USA", listen=None, connect=[f"127.0.0.1:{server.getsockname()[1]}"], tls=ours)
            client.send(view_of(tracks_of(4)), START_NS)
            connection, _ = server.accept()
            with connection:
                try:
                    with context.wrap_socket(connection, server_side=True) as inside:
                        found = len(events(inside, 4))
                except (ssl.SSLError, AssertionError, ConnectionResetError):
                    found = 0
            assert found == wanted
            client.close()
    edge.close()


def test_beyond_this_machine_only_with_tls(tmp_path):
    with pytest.raises(EdgeError, match="can be reached from elsewhere"):
        Edge(viewer="USA", listen="0.0.0.0:0")
    with pytest.raises(EdgeError, match="is elsewhere"):
        Edge(viewer="USA", listen=None, connect=["tak.example.org:8089"])
    with pytest.raises(EdgeError, match="cannot be used"):
        Edge(viewer="USA", tls=Tls(certificate=str(tmp_path / "a"), key="b", authority="c"))
    with pytest.raises(EdgeError, match="let everybody in"):
        Edge(viewer="USA", tls=Tls(certificate="a", key="b"))
    with pytest.raises(EdgeError, match="tls has certificate and key"):
        Edge(viewer="USA", tls={"certificate": "a", "password": "b"})
    with pytest.raises(EdgeError, match="affiliation"):
        Edge(viewer="USA", affiliation="h")


def test_another_viewers_picture_is_refused_and_closing_ends_all(edge):
    with pytest.raises(ValueError, match="a view of KOR on the way to USA"):
        edge.send(view_of(tracks_of(1), viewer="KOR"), START_NS)
    edge.send(view_of(tracks_of(1)), START_NS)
    with socket.create_connection(edge.address) as client:
        events(client, 1)
        edge.close()
        edge.close()
        with pytest.raises((AssertionError, ConnectionResetError)):
            events(client, 1)
    edge.send(view_of(tracks_of(1)), START_NS)
    assert edge.counters()["connections"] == 1


@pytest.mark.parametrize("greeted", [True, False])
def test_no_connection_outlives_its_edge(greeted):
    for _ in range(20):
        edge = Edge(viewer="USA", listen="127.0.0.1:0")
        edge.send(view_of(tracks_of(1)), START_NS)
        clients = [socket.create_connection(edge.address) for _ in range(3)]
        for client in clients:
            if greeted:
                events(client, 1)
            client.close()
        edge.close()
    gc.collect()  # an unclosed transport says so here, as an error


@pytest.mark.parametrize("stays", [True, False])
def test_no_connection_outlives_its_edge_in_the_middle_of_a_handshake(tmp_path, stays):
    ours = authority(tmp_path, "usa")
    began = ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=ours["authority"])
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), began, server_hostname="127.0.0.1").do_handshake()
    hello = began.read()
    for _ in range(10):
        edge = Edge(viewer="USA", listen="127.0.0.1:0", tls=Tls(**ours))
        clients = [socket.create_connection(edge.address) for _ in range(3)]
        for client in clients:
            client.sendall(hello)
            assert client.recv(1)
            if not stays:
                client.close()
        edge.close()
        for client in clients:
            client.close()
    gc.collect()
