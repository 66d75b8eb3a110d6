"""The server: who may see what, snapshots and changes, slow readers, TLS, health and metrics."""

import base64
import json
import os
import socket
import ssl
import threading
import time
import typing
import urllib.error
import urllib.request

import msgspec
import numpy as np
import pytest
from edge_scenes import (
    PASS_ALL,
    START_NS,
    authority,
    eventually,
    label_text,
    moved,
    tracks_of,
    view_of,
    views_of,
)
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from pyproj import Transformer
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from noroshi.geo.time import NS_PER_S
from noroshi.records import KINDS, STATUSES
from noroshi.run import rooms
from noroshi.run.edges import EdgeError, openmetrics, stream
from noroshi.run.edges.openmetrics import Family
from noroshi.run.edges.stream import Edge
from noroshi.sharing.views import ReleasedView

GEODETIC = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
TOKENS = {"token-usa": "USA", "token-kor": "KOR", "token-jpn": "JPN"}
ASKED = {"Authorization": "Bearer token-usa"}


@pytest.fixture
def edge():
    families = [Family(name="withheld_rows", kind="counter", about="by partner", samples=[({"to": "USA"}, 7)])]
    made = Edge("127.0.0.1:0", viewers=TOKENS, operators=("token-ops",), families=lambda: families)
    yield made
    made.close()


def get(edge, path, token=None, **said):
    host, port = edge.address
    request = urllib.request.Request(f"http://{host}:{port}{path}", **said)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), dict(error.headers)


def streaming(edge, token="token-usa", query="", **said):
    host, port = edge.address
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return connect(f"ws://{host}:{port}/v1/stream{query}", additional_headers=headers, max_size=None, **said)


def test_every_edge_of_the_room_takes_released_views_alone():
    assert set(rooms.names("run.edges")) == {"cot_tcp", "stream", "udp_asterix", "zenoh"}
    for name in rooms.names("run.edges"):
        made = rooms.load("run.edges", name).Edge
        said = typing.get_type_hints(made.send)
        assert said == {"view": ReleasedView, "now_ns": int, "return": type(None)}
        for method in ("counters", "close"):
            assert callable(getattr(made, method))


def test_a_snapshot_holds_the_view_and_its_labels(edge):
    views = views_of()
    views.receive(tracks_of(30), START_NS)
    views.receive(tracks_of(5, rng=np.random.default_rng(8), label=label_text(level="RESTRICTED")), START_NS)
    view = views.see("USA", START_NS)
    edge.send(view, START_NS)
    status, body, headers = get(edge, "/v1/picture", "token-usa")
    assert (status, headers["content-type"], headers["cache-control"]) == (200, "application/json", "no-store")
    said = json.loads(body)
    assert {name: value for name, value in said.items() if name not in ("labels", "tracks", "gone")} == {
        "schema": 1, "type": "snapshot", "viewer": "USA", "node": "jpn", "exercise": None, "version": 1, "since": None,
        "time": "2030-01-01T00:00:00Z",
    }  # fmt: skip
    assert said["gone"] == []
    rows = said["tracks"]
    assert {len(column) for column in rows.values()} == {35}
    levels = [said["labels"][i].get("level", "UNCLASSIFIED") for i in rows["label"]]
    assert (levels.count("UNCLASSIFIED"), levels.count("RESTRICTED")) == (30, 5)
    assert all(label["releasable_to"] == ["USA"] for label in said["labels"])
    told = view.tracks
    place = {number: i for i, number in enumerate(rows["id"])}
    order = [place[number] for number in told.track_id.tolist()]
    lon, lat, height = GEODETIC.transform(*told.state_ecef[:, :3].T)
    for name, wanted in (("lat_deg", lat), ("lon_deg", lon), ("height_m", height), ("existence", told.existence)):
        np.testing.assert_allclose(np.array(rows[name])[order], wanted, atol=2e-8 if "deg" in name else 1e-4)
    np.testing.assert_array_equal(np.array(rows["state_ecef"])[order], told.state_ecef)
    upper = np.array(rows["covariance_ecef"])[order]
    np.testing.assert_array_equal(upper, told.covariance_ecef[:, *np.triu_indices(6)])
    speed = np.linalg.norm(np.array(rows["velocity_enu_m_s"])[order], axis=1)
    np.testing.assert_allclose(speed, np.linalg.norm(told.state_ecef[:, 3:], axis=1))
    for k, i in enumerate(order):
        assert rows["status"][i] == STATUSES[told.status[k]]
        assert [rows["kind"][i][kind] for kind in KINDS] == told.kind_probability[k].tolist()
        who = told.identity
        assert rows["call_sign"][i] == (str(who.call_sign[k]) or None)
        assert rows["icao_address"][i] == (None if who.icao_address[k] < 0 else f"{who.icao_address[k]:06X}")
        assert rows["mode_3a"][i] == (None if who.mode_3a[k] < 0 else oct(who.mode_3a[k])[2:].zfill(4))
        fed = [name for name, has in zip(told.source_names, told.sources[k], strict=True) if has]
        assert rows["sources"][i] == fed
        assert rows["time"][i] == "2030-01-01T00:00:00.000000000Z"
    packed = msgspec.msgpack.decode(get(edge, "/v1/picture?format=msgpack", "token-usa")[1])
    assert packed == said


def test_a_stream_gives_the_whole_and_then_what_changed(edge):
    views, tracks = views_of(), tracks_of(10)
    with streaming(edge) as client, streaming(edge, query="?format=msgpack") as packed:
        views.receive(tracks, START_NS)
        edge.send(views.see("USA", START_NS), START_NS)
        first = json.loads(client.recv(5))
        assert (first["type"], len(first["tracks"]["id"])) == ("snapshot", 10)
        assert msgspec.msgpack.decode(packed.recv(5)) == first
        views.receive(moved(tracks, 1), START_NS + NS_PER_S)
        edge.send(views.see("USA", START_NS + NS_PER_S), START_NS + NS_PER_S)
        second = json.loads(client.recv(5))
        assert (second["type"], second["since"], second["version"]) == ("changes", 1, 2)
        assert sorted(second["tracks"]["id"]) == sorted(first["tracks"]["id"])
        later_ns = START_NS + 3 * NS_PER_S
        edge.send(views.see("USA", later_ns), later_ns)
        edge.send(views.see("USA", START_NS + 7 * NS_PER_S), START_NS + 7 * NS_PER_S)
        alive = json.loads(client.recv(5))
        assert alive == {"schema": 1, "type": "alive", "viewer": "USA", "exercise": None, "version": 2,
                         "time": "2030-01-01T00:00:07Z"}  # fmt: skip
        gone_ns = START_NS + 100 * NS_PER_S
        edge.send(views.see("USA", gone_ns), gone_ns)
        last = json.loads(client.recv(5))
        assert sorted(last["gone"]) == sorted(first["tracks"]["id"])
        assert last["tracks"]["id"] == []
        other = views_of()  # a node that has begun anew
        other.receive(tracks_of(3), gone_ns)
        edge.send(other.see("USA", gone_ns), gone_ns)
        assert json.loads(client.recv(5))["type"] == "snapshot"


def test_each_token_sees_as_its_nation_does(edge):
    rules = PASS_ALL.replace('["ALL-PARTNERS"]', '["USA"]') + 'existence_min = 0.6\nstrip = {fields = ["call_sign"]}\n'
    views, tracks = views_of(rules=rules), tracks_of(40)
    views.receive(tracks, START_NS)
    for viewer in ("USA", "KOR", "JPN"):
        edge.send(views.see(viewer, START_NS), START_NS)
    seen = {viewer: json.loads(get(edge, "/v1/picture", token)[1]) for token, viewer in TOKENS.items()}
    assert {viewer: len(said["tracks"]["id"]) for viewer, said in seen.items()} == {
        "USA": (tracks.existence >= 0.6).sum(), "KOR": 0, "JPN": 40,
    }  # fmt: skip
    assert set(seen["USA"]["tracks"]["call_sign"]) == {None}
    assert not set(seen["USA"]["tracks"]["id"]) & set(tracks.track_id.tolist())
    for token, viewer in TOKENS.items():
        with streaming(edge, token) as client:
            assert json.loads(client.recv(5))["viewer"] == viewer


@pytest.mark.parametrize("token", [None, "", "token-us", "token-usa2", "token-ops", "TOKEN-USA", "Ω"])
def test_without_a_viewers_token_there_is_nothing(edge, token):
    edge.send(view_of(tracks_of(3)), START_NS)
    if token != "Ω":
        status, body, headers = get(edge, "/v1/picture", token)
        assert (status, body, headers["www-authenticate"]) == (401, b"Unauthorized", "Bearer")
        with pytest.raises(InvalidStatus, match="403"), streaming(edge, token):
            pass
    assert get(edge, "/v1/picture?access_token=token-usa", None)[0] == 401  # addresses end up in logs
    assert edge.counters().get("messages", 0) == 0


def test_a_browser_offers_its_token_as_a_subprotocol(edge):
    edge.send(view_of(tracks_of(3)), START_NS)
    with streaming(edge, None, subprotocols=["noroshi.v1", "bearer.token-usa"]) as client:
        assert client.subprotocol == "noroshi.v1"
        assert len(json.loads(client.recv(5))["tracks"]["id"]) == 3
    with (
        pytest.raises(InvalidStatus, match="403"),
        streaming(edge, None, subprotocols=["noroshi.v1", "bearer.token-x"]),
    ):
        pass


def test_only_the_operator_sees_metrics_and_others_cannot_tell_that_there_are_any(edge):
    status, body, headers = get(edge, "/metrics", "token-ops")
    assert status == 200
    assert headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    (family,) = text_string_to_metric_families(body.decode())
    assert (family.name, family.type, family.documentation) == ("withheld_rows", "counter", "by partner")
    assert [(one.name, one.labels, one.value) for one in family.samples] == [("withheld_rows_total", {"to": "USA"}, 7)]
    nowhere = get(edge, "/nowhere", "token-usa")
    for token in ("token-usa", "token-jpn", None):
        status, body, headers = get(edge, "/metrics", token)
        assert (status, body) == nowhere[:2] == (404, b"Not Found")
        assert set(headers) == set(nowhere[2])


def test_without_an_operators_token_metrics_say_why_they_are_not_there():
    alone = Edge("127.0.0.1:0", viewers={})
    status, body, _ = get(alone, "/metrics")
    assert status == 404
    assert b"an operator's token, and none is set" in body
    assert get(alone, "/nowhere")[1] == b"Not Found"
    alone.close()


def test_health_is_one_word_for_anybody(edge):
    assert get(edge, "/health")[:2] == (200, b"ok\n")
    ill = Edge("127.0.0.1:0", viewers=TOKENS, healthy=lambda: False)
    assert get(ill, "/health")[:2] == (503, b"not well\n")
    ill.close()


def test_before_the_first_picture_and_wrong_questions(edge):
    assert get(edge, "/v1/picture", "token-usa")[0] == 503
    assert get(edge, "/v1/picture?format=xml", "token-usa")[0] == 400
    assert get(edge, "/v1/picture", "token-usa", method="POST")[0] == 405
    assert get(edge, "/", "token-usa")[0] == 404
    with pytest.raises(InvalidStatus, match="403"), streaming(edge, query="?format=xml"):
        pass


def test_a_reader_that_stops_reading_gets_the_newest_and_no_queue(edge):
    """While it does not read, hundreds of pictures pass; what it finds then is few messages, the last the newest."""
    views, tracks = views_of(), tracks_of(400)
    host, port = edge.address
    with socket.create_connection((host, port)) as raw:
        key = base64.b64encode(os.urandom(16)).decode()
        raw.sendall(
            f"GET /v1/stream HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer token-usa\r\n\r\n".encode()
        )
        for k in range(150):
            views.receive(moved(tracks, k), START_NS + k * NS_PER_S)
            edge.send(views.see("USA", START_NS + k * NS_PER_S), START_NS + k * NS_PER_S)
            time.sleep(0.002)
        sent_meanwhile = edge.counters()["messages"]
        assert sent_meanwhile < 75  # what the system's own buffers took
        raw.settimeout(5)
        buffer = bytearray()
        while b"\r\n\r\n" not in buffer:
            buffer += some_of(raw)
        assert buffer.startswith(b"HTTP/1.1 101 ")
        del buffer[: buffer.find(b"\r\n\r\n") + 4]
        versions = []
        while not versions or versions[-1] < 150:
            buffer += some_of(raw)
            while (payload := whole_frame(buffer)) is not None:
                versions.append(json.loads(payload)["version"])
        assert versions == sorted(versions)
        assert len(versions) <= sent_meanwhile + 3


def some_of(client):
    """Return what a socket receives; it may not have been closed, of which nothing would come for ever."""
    part = client.recv(1 << 20)
    assert part, "the other side closed"
    return part


def whole_frame(buffer):
    """Take the first WebSocket frame of a server out of the buffer and return its payload; None if it is cut."""
    if len(buffer) < 10:
        return None
    size, start = buffer[1] & 127, 2
    if size >= 126:
        width = 2 if size == 126 else 8
        size, start = int.from_bytes(buffer[2 : 2 + width], "big"), 2 + width
    if len(buffer) < start + size:
        return None
    payload = bytes(buffer[start : start + size])
    del buffer[: start + size]
    return payload


def test_a_reader_that_never_reads_is_dropped(edge, monkeypatch):
    monkeypatch.setattr(stream, "SLOW_S", 1.0)  # no shorter: who reads may stand still for a moment
    views, tracks = views_of(), tracks_of(2000)
    with streaming(edge) as good:
        host, port = edge.address
        with socket.create_connection((host, port)) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.sendall(
                f"GET /v1/stream HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
                "Authorization: Bearer token-usa\r\n\r\n".encode()
            )
            got = []
            reading = threading.Thread(
                target=lambda: got.extend(json.loads(one)["version"] for one in until_closed(good))
            )
            reading.start()
            second = 0
            while not edge.counters().get("dropped_slow"):
                assert second < 200
                views.receive(moved(tracks, second), START_NS + second * NS_PER_S)
                edge.send(views.see("USA", START_NS + second * NS_PER_S), START_NS + second * NS_PER_S)
                second += 1
                time.sleep(0.05)
        newest = views.see("USA", START_NS + second * NS_PER_S).version
        eventually(lambda: got and got[-1] == newest)
    reading.join()


def until_closed(client):
    while True:
        try:
            yield client.recv(10)
        except ConnectionClosed:
            return


def test_streams_of_one_token_are_bounded(edge, monkeypatch):
    monkeypatch.setattr(stream, "CLIENTS_EACH_MAX", 2)
    edge.send(view_of(tracks_of(1)), START_NS)
    with streaming(edge):
        with streaming(edge):
            assert not opens(edge)
            assert opens(edge, "token-kor")
        eventually(lambda: opens(edge))


def opens(edge, token="token-usa"):
    try:
        with streaming(edge, token):
            return True
    except InvalidStatus:
        return False


def test_closing_ends_streams_and_frees_the_port():
    edge = Edge("127.0.0.1:0", viewers=TOKENS)
    edge.send(view_of(tracks_of(1)), START_NS)
    with streaming(edge) as client:
        client.recv(5)
        address = edge.address
        edge.close()
        edge.close()
        with pytest.raises(ConnectionClosed):
            client.recv(5)
    edge.send(view_of(tracks_of(1)), START_NS)  # a node that closes may still have something in hand
    again = Edge(f"{address[0]}:{address[1]}", viewers=TOKENS)
    with pytest.raises(EdgeError, match=r"cannot listen on .*: another program listens there; name another port"):
        Edge(f"{address[0]}:{address[1]}", viewers=TOKENS)
    again.close()


def test_beyond_this_machine_only_with_tls(tmp_path):
    for address in ("0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0"):
        with pytest.raises(EdgeError, match="can be reached from elsewhere"):
            Edge(address, viewers=TOKENS)
    with pytest.raises(EdgeError, match="certificate or key"):
        Edge(
            "0.0.0.0:0", viewers=TOKENS, tls={"certificate": str(tmp_path / "no.pem"), "key": str(tmp_path / "no.key")}
        )
    made, rogue = authority(tmp_path, "jpn"), authority(tmp_path, "rogue")
    trusting = ssl.create_default_context(cafile=made["authority"])
    with_own, with_rogue = (ssl.create_default_context(cafile=made["authority"]) for _ in range(2))
    with_own.load_cert_chain(made["certificate"], made["key"])
    with_rogue.load_cert_chain(rogue["certificate"], rogue["key"])
    tokens_alone = {name: made[name] for name in ("certificate", "key")}
    for tls, contexts in (
        (tokens_alone, {trusting: True}),
        (made, {with_own: True, trusting: False, with_rogue: False}),
    ):
        edge = Edge("0.0.0.0:0", viewers=TOKENS, tls=tls)
        edge.send(view_of(tracks_of(2)), START_NS)
        at = f"127.0.0.1:{edge.address[1]}"
        for context, enters in contexts.items():
            asked = urllib.request.Request(f"https://{at}/v1/picture", headers=ASKED)
            try:
                with urllib.request.urlopen(asked, context=context, timeout=10) as answer:
                    assert len(json.loads(answer.read())["tracks"]["id"]) == 2
                with connect(f"wss://{at}/v1/stream", additional_headers=ASKED, ssl=context) as client:
                    assert json.loads(client.recv(5))["type"] == "snapshot"
                entered = True
            except OSError:
                entered = False
            assert entered == enters
        edge.close()


def test_tokens_are_somebodys():
    for said in ({"viewers": {"": "USA"}}, {"viewers": TOKENS, "operators": ("",)},
                 {"viewers": TOKENS, "operators": ("token-usa",)}):  # fmt: skip
        with pytest.raises(EdgeError, match="token"):
            Edge("127.0.0.1:0", **said)


def test_metrics_of_any_text_are_parsed_back():
    families = [
        Family(
            name="link_up", kind="gauge", about='up or "down"\nC:\\x', samples=[({"to": 'A "B"\\\n'}, 1), ({}, -2.5)]
        ),
        Family(name="sent_bytes", kind="counter", about="", samples=[({"to": "USA", "feed": "tracks"}, 1e20)]),
        Family(name="age_seconds", kind="gauge", about="x", samples=[({}, float("inf")), ({"a": "b"}, float("nan"))]),
        Family(name="nothing_yet", kind="counter", about="none"),
    ]
    parsed = {one.name: one for one in text_string_to_metric_families(openmetrics.encode(families))}
    assert list(parsed) == [family.name for family in families]
    for family in families:
        found = parsed[family.name]
        assert (found.type, found.documentation) == (family.kind, family.about)
        assert [dict(one.labels) for one in found.samples] == [dict(labels) for labels, _ in family.samples]
        np.testing.assert_array_equal([one.value for one in found.samples], [value for _, value in family.samples])
    assert list(text_string_to_metric_families(openmetrics.encode([]))) == []


@pytest.mark.parametrize(
    "family",
    [
        Family(name="a_total", kind="counter", about=""),
        Family(name="1a", kind="gauge", about=""),
        Family(name="a", kind="counter", about="", samples=[({}, -1.0)]),
        Family(name="a", kind="counter", about="", samples=[({}, float("nan"))]),
        Family(name="a", kind="gauge", about="", samples=[({"b c": ""}, 1.0)]),
    ],
)
def test_metrics_that_no_reader_would_take_are_refused(family):
    with pytest.raises(ValueError, match=family.name):
        openmetrics.encode([family])
    with pytest.raises(ValueError, match="already"):
        openmetrics.encode([Family(name="b", kind="gauge", about="")] * 2)
