"""What leaves by any edge, as bytes caught outside of it, holds nothing that a judge of the rules would withhold."""

import socket
import struct
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sharing_scenes import PASS_ALL, SECOND, SECRET, SENSORS, START_NS, policy_of, tracks_of
from test_release import LABELS, RULES, judge, text_of
from websockets.sync.client import connect

from noroshi.formats import Context, FormatError, asterix, cot
from noroshi.formats.stream import message
from noroshi.geo.time import NS_PER_DAY
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.records import TrackStatus
from noroshi.run.edges import cot_tcp, openmetrics, stream, udp_asterix
from noroshi.sharing.release import Secrets
from noroshi.sharing.views import Views

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "run"))
from edge_scenes import all_of, udp_receiver

N = 16
VIEWER, OTHERS = "USA", ("KOR", "AUS")


class Ways:
    """All ways out of a node to one viewer, and what has come out of each."""

    def __init__(self):
        self.receiver = udp_receiver()
        self.udp = udp_asterix.Edge(f"127.0.0.1:{self.receiver.getsockname()[1]}", viewer=VIEWER)
        self.cot = cot_tcp.Edge(viewer=VIEWER, listen="127.0.0.1:0")
        families = [openmetrics.Family(name="withheld", kind="counter", about="", samples=[({"to": VIEWER}, 31_337)])]
        self.web = stream.Edge("127.0.0.1:0", viewers={"t": VIEWER}, operators=("o",), families=lambda: families)
        self.client = socket.create_connection(self.cot.address)
        host, port = self.web.address
        self.url = f"http://{host}:{port}"
        asked = {"Authorization": "Bearer t"}
        self.streams = [
            connect(
                f"ws://{host}:{port}/v1/stream?format={form}",
                additional_headers=asked,
                max_size=None,
                ping_interval=None,
            )
            for form in stream.FORMATS
        ]
        self.sockets = [one.__enter__() for one in self.streams]
        self.received = self.n_datagrams = 0
        self.last = None

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": "Bearer t"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.read() + str(answer.headers).encode()
        except urllib.error.HTTPError as error:
            with error:
                return error.read() + str(error.headers).encode()

    def let_out(self, view, now_ns):
        """Send a view by every edge; return the bytes of each way, as whoever is outside receives them."""
        for edge in (self.udp, self.cot, self.web):
            edge.send(view, now_ns)
        is_new = view is not self.last
        self.last = view
        found = {"udp": self.datagrams(), "cot": b"", "json": b"", "msgpack": b""}
        if is_new:
            expected = self.wait_for_cot(view)
            found["cot"] = all_of(self.client, expected - self.received) if expected > self.received else b""
            self.received = expected
            for form, one in zip(stream.FORMATS, self.sockets, strict=True):
                end = time.monotonic() + 60.0
                while not found[form].count(b"snapshot") + found[form].count(b"changes"):  # before it "alive" may come
                    assert time.monotonic() < end, "it did not come"
                    data = one.recv(10)
                    found[form] += data.encode() if isinstance(data, str) else data
        found["http"] = self.get("/v1/picture") + self.get("/v1/picture?format=msgpack")
        found["rest"] = self.get("/metrics") + self.get("/health") + self.get("/") + self.get("/v1")
        return found

    def datagrams(self):
        """Return what has come over UDP; on one machine nothing is lost on the way."""
        found = []
        while self.n_datagrams < self.udp.counters().get("datagrams", 0):
            found.append(self.receiver.recv(65_536))
            self.n_datagrams += 1
        return b"".join(found)

    def wait_for_cot(self, view):
        """Return how many bytes the edge will have sent of all so far: of what it encoded for its one client."""
        end = time.monotonic() + 10
        while self.cot._encoded_of is not view or not self.cot._encoded:
            assert time.monotonic() < end
            time.sleep(0.001)
        (body,) = self.cot._encoded.values()
        return self.received + len(body)

    def close(self):
        for one in self.streams:
            one.__exit__(None, None, None)
        self.client.close()
        for edge in (self.udp, self.cot, self.web):
            edge.close()
        self.receiver.close()


@pytest.fixture(scope="module")
def ways():
    made = Ways()
    yield made
    made.close()


def marked(rng, label):
    """Return tracks each of which can be told from every other by any one of its values."""
    plain = tracks_of(N, rng=rng, label=label)
    rows = np.arange(N)
    return plain.replace(
        track_id=rng.integers(1 << 50, 1 << 53, N, dtype=np.uint64),
        identity=plain.identity.replace(
            icao_address=np.where(rows % 2, 0x84C000, 0xA1C000) + rng.integers(0, 0xFFF, N) // N * N + rows,
            mmsi=rng.integers(400_000_000, 499_999_999, N) // N * N + rows,
            call_sign=np.array(
                [f"{('JAF', 'UAL', 'QXZ')[row % 3]}{rng.integers(10, 99)}{chr(65 + row)}" for row in rows]
            ),
        ),
    )


def in_text(data, tracks, row):
    """Return which of a row's own values stand in bytes, however they may be written there."""
    state, who = tracks.state_ecef[row, :3], tracks.identity
    lat, lon = (np.degrees(float(one[0])) for one in geodetic_from_ecef(state[None])[:2])
    number, mmsi = int(tracks.track_id[row]), int(who.mmsi[row])
    found = set()
    for name, needles in {
        "number": [f"{number}", f"{number:x}", struct.pack(">Q", number), struct.pack("<Q", number)],
        "call_sign": [str(who.call_sign[row])],
        "icao_address": [f"{who.icao_address[row]:06X}"],
        "mmsi": [f'"{mmsi}"', f"[{mmsi}", f",{mmsi},", f",{mmsi}]", b"\xce" + struct.pack(">I", mmsi)],
        "place": [
            f'lat="{lat:.7f}"', f'lon="{lon:.7f}"', repr(float(lat))[:12], repr(float(lon))[:12],
            *(repr(float(one))[:14] for one in state),
            *(struct.pack(order, one) for order in (">d", "<d") for one in (*state, lat, lon)),
        ],
    }.items():  # fmt: skip
        if any((one if isinstance(one, bytes) else one.encode()) in data for one in needles):
            found.add(name)
    return found


def test_the_judge_of_bytes_finds_what_is_there(ways):
    """What is allowed is found by the same search, in each way out: it would find what is not."""
    views = Views(
        policy_of(PASS_ALL), Secrets(SECRET), viewers=("JPN",), product="contribution", exercise=None, sensor_types={}
    )
    tracks = marked(np.random.default_rng(1), "")
    views.receive(tracks, START_NS)
    view = views.see("JPN", START_NS)
    parts = [message([one for one, _ in view.batches()], viewer="", node="", exercise=None, version=1, since=None,
                     gone=view.gone_id, time_ns=START_NS, form=form) for form in stream.FORMATS]  # fmt: skip
    for data, least in (
        (parts[0], {"number", "call_sign", "icao_address", "mmsi", "place"}),
        (parts[1], {"number", "call_sign", "icao_address", "mmsi", "place"}),
        (cot.encode(tracks), {"number", "call_sign", "icao_address", "mmsi", "place"}),
    ):
        assert all(in_text(data, tracks, row) == least for row in range(N))
    blocks = asterix.encode(tracks)
    for row in range(N):
        with pytest.raises(AssertionError):
            check_asterix(blocks, tracks, row, set())


@settings(max_examples=50)
@given(RULES, LABELS, st.sampled_from((None, "KEEN")), st.integers(0, 2**31))
def test_nothing_denied_leaves_by_any_edge(ways, rules, label, exercise, seed):
    views = Views(
        policy_of(text_of(rules)), Secrets(SECRET), viewers=(VIEWER, *OTHERS, "JPN"), product="contribution",
        exercise=exercise, sensor_types=SENSORS,
    )  # fmt: skip
    plain = marked(np.random.default_rng(seed), label)
    tellings = []  # (due, row, actions) of all that was released so far
    for step in range(3):
        now_ns = START_NS + step * 40 * SECOND
        tracks = plain.replace(
            time_ns=plain.time_ns + now_ns - START_NS,
            state_ecef=plain.state_ecef
            + np.concatenate([40.0 * step * plain.state_ecef[:, 3:], np.zeros((N, 3))], axis=1),
        )
        views.receive(tracks, now_ns)
        for row in range(N):
            i = judge(rules, tracks, row, VIEWER, exercise, now_ns)
            if i is not None:
                actions = rules[i]["actions"]
                tellings.append((now_ns + SECOND * actions.get("delay", {}).get("seconds", 0), step, row, actions))
        out = ways.let_out(views.see(VIEWER, now_ns), now_ns)
        data = b"\n".join(out.values())
        for row in range(N):
            seen = [actions for due_ns, _, told, actions in tellings if told == row and due_ns <= now_ns]
            allowed = set()
            for actions in seen:
                strip = set(actions.get("strip", {}).get("fields", ()))
                allowed |= {"mmsi"} if "identity" not in strip else set()
                allowed |= {name for name in ("call_sign", "icao_address") if not strip & {name, "identity"}}
            now_told = [
                actions for due_ns, at, told, actions in tellings if (told, at) == (row, step) and due_ns <= now_ns
            ]
            if any("coarsen" not in actions for actions in now_told):
                allowed.add("place")
            assert in_text(data, tracks, row) <= allowed, (row, seen)
            check_asterix(out["udp"], tracks, row, allowed)
        named = set()
        for due_ns, _, row, actions in tellings:
            if due_ns <= now_ns and not set(actions.get("strip", {}).get("fields", ())) & {"sensors", "sources"}:
                named |= {name for name, fed in zip(plain.source_names, plain.sources[row], strict=True) if fed}
        assert {name for name in SENSORS if name.encode() in data} <= named
        assert not any(name.encode() in data for name in OTHERS)
        assert b"31337" not in out["rest"]


def check_asterix(data, tracks, row, allowed):
    """No record stands where a withheld track is, or says who it is, to within what the steps can tell apart."""
    try:
        decoded = asterix.decode(data, Context(day_ns=START_NS // NS_PER_DAY * NS_PER_DAY)).tracks
    except FormatError:  # nothing, or nothing but ends of tracks
        return
    for found in decoded:
        if "place" not in allowed:
            placed = found.state_ecef[found.status != TrackStatus.LOST, :3]
            assert (np.linalg.norm(placed - tracks.state_ecef[row, :3], axis=1) > 2.0).all()
        assert "icao_address" in allowed or tracks.identity.icao_address[row] not in found.identity.icao_address
        assert "call_sign" in allowed or tracks.identity.call_sign[row] not in found.identity.call_sign
