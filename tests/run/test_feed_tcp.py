"""Streams over the loopback: what a receiver's server may do to those who listen."""

import json
import time

import numpy as np
import pytest
from feed_scenes import NS_PER_S, SHARED, Ear, sbs, until

from noroshi.formats import Context, mode_s
from noroshi.run.feeds import tcp
from noroshi.run.player import NOW, Server, beast_timeline, play, sbs_timeline
from noroshi.run.recordings import read


@pytest.fixture
def server():
    found = Server("127.0.0.1", 0)
    yield found
    found.close()


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(tcp, "WAIT_S", 0.05)
    monkeypatch.setattr(tcp, "SILENT_S", 0.6)


def test_lines_come_as_reports_of_now(server):
    with Ear(f"tcp+sbs://127.0.0.1:{server.port}") as ear:
        assert until(lambda: server.n_clients == 1)
        now_ns = time.time_ns()
        server.send(sbs(now_ns)[:40])
        time.sleep(0.1)
        server.send(sbs(now_ns)[40:] + sbs(now_ns, 0x4CA217))
        assert until(lambda: ear.rows() == 2)
        assert {int(a) for b in ear.batches for a in b.identity.icao_address} == {0x4CA216, 0x4CA217}
        assert all(abs(int(batch.time_ns[0]) - now_ns) <= 1_000_000 for batch in ear.batches)
        assert all(now_ns <= batch.received_ns <= time.time_ns() for batch in ear.batches)
        assert ear.feed.health.is_up
        assert ear.feed.health.trouble == ""


@pytest.mark.parametrize("zone_s", [9 * 3600, -5 * 3600, 5.75 * 3600])
def test_a_receiver_that_tells_local_time_is_understood(server, zone_s):
    with Ear(f"tcp+sbs://127.0.0.1:{server.port}") as ear:
        assert until(lambda: server.n_clients == 1)

        def told():
            server.send(sbs(time.time_ns() + round(zone_s * NS_PER_S)))
            time.sleep(0.05)
            return ear.rows() >= 5

        assert until(told)
        assert all(abs(int(batch.time_ns[0]) - time.time_ns()) < 30 * NS_PER_S for batch in ear.batches)
        (added_ns,) = ear.feed.health.clock_ns.values()
        assert added_ns / NS_PER_S == pytest.approx(-zone_s, abs=2.0)


def test_it_connects_again_when_the_other_end_closes(server, quick):
    with Ear(f"tcp+sbs://127.0.0.1:{server.port}") as ear:
        for n in (1, 2, 3):
            assert until(lambda: server.n_clients == 1)
            server.send(sbs(time.time_ns()) + b"MSG,3,1,1,half a li")
            assert until(lambda n=n: ear.rows() == n)
            server.drop_clients()
            assert until(lambda n=n: ear.feed.health.n_connected == n + 1)
            ear.hear()
        assert ear.feed.health.damage["line broken off"] == 3
        assert ear.feed.health.damage.keys() == {"line broken off"}


def test_a_server_that_is_not_there_yet_is_found(quick):
    first = Server("127.0.0.1", 0)
    port = first.port
    first.close()
    with Ear(f"tcp+sbs://127.0.0.1:{port}") as ear:
        assert until(lambda: "tried again" in ear.feed.health.trouble)
        assert not ear.feed.health.is_up
        late = Server("127.0.0.1", port)
        assert until(lambda: late.n_clients == 1)
        late.send(sbs(time.time_ns()))
        assert until(lambda: ear.rows() == 1)
        late.close()


def test_a_feed_that_stalls_is_told_and_connected_anew(server, quick, monkeypatch):
    monkeypatch.setattr("noroshi.run.feeds.listening.SILENT_NS", NS_PER_S // 5)
    with Ear(f"tcp+sbs://127.0.0.1:{server.port}") as ear:
        assert until(lambda: server.n_clients == 1)
        server.send(sbs(time.time_ns()))
        assert until(lambda: ear.rows() == 1)
        assert until(lambda: "silent for" in ear.feed.health.trouble)
        assert until(lambda: ear.feed.health.n_connected >= 2)
        server.send(sbs(time.time_ns()))
        assert until(lambda: ear.rows() == 2)


def test_a_flood_of_rubbish_is_counted_and_costs_no_memory(server):
    rng = np.random.default_rng(5)
    with Ear(f"tcp+beast://127.0.0.1:{server.port}") as beasts, Ear(f"tcp+sbs://127.0.0.1:{server.port}") as lines:
        assert until(lambda: server.n_clients == 2)
        for _ in range(100):
            server.send(rng.integers(0, 256, 20_000, np.uint8).tobytes())
        assert until(lambda: beasts.feed.health.n_bytes == lines.feed.health.n_bytes == 2_000_000)
        assert beasts.rows() == lines.rows() == 0
        for ear in (beasts, lines):
            assert sum(ear.feed.health.damage.values()) > 100
            assert not [reason for reason in ear.feed.health.damage if reason.startswith("not decoded")]
        server.send(b"\n" + sbs(time.time_ns()))
        assert until(lambda: lines.rows() == 1)


def test_real_frames_over_beast_give_the_recordings_places(server):
    path = SHARED / "adsb" / "modeS_raw_toulouse_2024-06-06.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    timeline = beast_timeline(path.read_bytes())[20_000:24_000]
    lines = [
        json.dumps({"frame": message[2:].replace(b"\x1a\x1a", b"\x1a")[7:].hex(), "timestamp": 1e9 + at_s})
        for at_s, message in timeline
    ]
    whole = mode_s.decode("\n".join(lines).encode(), Context())
    theirs = {tuple(row) for row in whole.detections[0].values[:, :3].round(9).tolist()}
    with Ear(f"tcp+beast://127.0.0.1:{server.port}") as ear:
        assert until(lambda: server.n_clients == 1)
        play([(at_s - timeline[0][0], message) for at_s, message in timeline], server.send, speed=200.0)
        n_frames = len(timeline)
        assert until(lambda: ear.hear() is not None and ear.feed.health.n_records >= n_frames)
        mine = {tuple(row) for batch in ear.batches if hasattr(batch, "values") for row in
                batch.values[:, :3].round(9).tolist()}  # fmt: skip
        health = ear.feed.health
        assert health.n_records == n_frames
        assert len(theirs) > 300
        assert len(mine & theirs) > 0.95 * len(theirs)
        assert all("bytes between" not in reason for reason in health.damage)


def test_reports_of_any_format_are_played_as_lines():
    path = SHARED / "adsb" / "readsb_trace_full_ac671b.json"
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    reports = read(str(path)).decoded.detections
    timeline = sbs_timeline(reports)
    assert len(timeline) == sum(len(batch) for batch in reports)
    assert all(NOW in message for _, message in timeline)
    sent = []
    assert play(timeline[:300], sent.append, speed=0.0) == 300
    assert NOW not in b"".join(sent)
