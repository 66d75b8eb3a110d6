"""What the page's server takes: making a frame, fifty pages at once, one that stalls, seeks, memory.

    python bench/page_server.py [--tracks 10000] [--viewers 50] [--seconds 60] [--stall 60] [--journal J.mcap] [--json]

The server has a live film of its own that is given `tracks` aircraft once a second, as a node gives them, and is held
to one core. The pages are in a process of their own on the other cores; each answers every frame. Latency is from
when a frame was made ready (`sent_ms`) to when it was taken in, so it contains the pages' own work. One more page stops
answering and reading for `stall` seconds; told is how long after it goes on it has a picture not older than the newest
when it went on. Encoding is in processor time. Seeks are answered out of a replayed journal, or of a film of as many
pictures as a quarter of an hour has.
"""

import argparse
import asyncio
import json
import math
import os
import platform
import random
import statistics
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from speed_parts.timing import calibration
from websockets.asyncio.client import ClientConnection, connect

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Identity, Kind, Tracks, TrackStatus, certain_kind
from noroshi.run.web import wire
from noroshi.run.web.app import Pages
from noroshi.run.web.film import Film
from noroshi.run.web.picture import Picture
from noroshi.run.web.replay import ReplayShowing
from noroshi.run.web.showing import LIVE, REPLAY, Showing
from noroshi.run.web.situation import Situation
from noroshi.sharing.release import Secrets
from noroshi.sharing.rules import Policy, Product
from noroshi.sharing.views import Views

SEED, NS = 20_300_107, 10**9
SEEKS, PAUSE_S = 60, 0.02
QUARTER_S = 900
HEAD_BYTES = 80  # that are looked at, at a time
BINARY, PING = 2, 9


def aircraft(n: int, time_ns: int) -> Tracks:
    """Return n aircraft over Japan with what they say they are."""
    rng = np.random.default_rng(SEED)
    lat, lon = np.radians(rng.uniform(30.0, 45.0, n)), np.radians(rng.uniform(128.0, 146.0, n))
    course = rng.uniform(0.0, 2.0 * np.pi, n)
    level = np.stack([220.0 * np.sin(course), 220.0 * np.cos(course), np.zeros(n)], axis=1)
    place = ecef_from_geodetic(lat, lon, rng.uniform(2e3, 12e3, n))
    return Tracks(
        node="JPN",
        source_names=("JPN", "USA", "AUS"),
        track_id=np.sort(rng.choice(2**53, n, replace=False)).astype(np.uint64),
        time_ns=np.full(n, time_ns),
        updated_ns=np.full(n, time_ns),
        revision=np.zeros(n, np.int32),
        state_ecef=np.hstack([place, np.vecmat(level, enu_axes(lat, lon))]),
        covariance_ecef=np.tile(np.diag([2500.0] * 3 + [9.0] * 3), (n, 1, 1)),
        existence=np.ones(n),
        kind_probability=certain_kind(Kind.AIRCRAFT, n),
        status=np.full(n, TrackStatus.FIRM, np.uint8),
        sources=rng.random((n, 3)) < 0.6,
        identity=Identity(
            icao_address=rng.integers(0x840000, 0x880000, n),
            mode_3a=rng.integers(0, 0o7777, n),
            mmsi=np.full(n, -1, np.int64),
            call_sign=np.array([f"JAL{i}" for i in range(n)]),
        ),
    )


def moved(tracks: Tracks, now_ns: int) -> Tracks:
    """Return the same aircraft later."""
    states = tracks.state_ecef.copy()
    states[:, :3] += states[:, 3:] * ((now_ns - int(tracks.time_ns[0])) / NS)
    n = len(tracks)
    return tracks.replace(state_ecef=states, time_ns=np.full(n, now_ns), updated_ns=np.full(n, now_ns))


class Bare:
    """A node without sensors or partners: the situation of its page is empty."""

    name, exchange, watch, sensors = "JPN", None, None, types.MappingProxyType[str, Any]({})


class Source:
    """What a live node's way out does, with made-up tracks."""

    def __init__(self, n: int, mode: str = LIVE) -> None:
        self.showing = Showing(
            film=Film(), mode=mode, exercise="BENCH", node="JPN", views={"JPN": "Japan"}, own=frozenset({"JPN"})
        )
        self.picture = Picture(
            self.showing.film,
            "JPN",
            names={"JPN": "Japan"},
            situation=Situation(Bare(), ()),
            now_ns=time.time_ns,  # type: ignore[arg-type]
        )
        self._views = Views(
            Policy("JPN", {}, ()), Secrets(bytes(32)), viewers=("JPN",), product=Product.FUSED, exercise="BENCH",
            sensor_types={},
        )  # fmt: skip
        self._tracks = aircraft(n, time.time_ns())

    def look(self, now_ns: int) -> float:
        """Show the aircraft of now; return the processor seconds that the page's part of it took."""
        self._views.receive(moved(self._tracks, now_ns), now_ns)
        view = self._views.see("JPN", now_ns)
        since = time.thread_time()
        self.picture.send(view, now_ns)
        return time.thread_time() - since


def encoding(n: int) -> dict[str, float]:
    """Return what one frame takes, and all that is done for one picture."""
    tracks = aircraft(n, time.time_ns())
    source = Source(n)
    frames, pictures = [], []
    for i in range(60):
        since = time.process_time()
        wire.encode(
            tracks, picture_ns=i, sent_ns=i, sequence=i, sources_version=1, names_count=n, flags=0,
            interval_ns=np.zeros(n, np.int64),
        )  # fmt: skip
        frames.append(time.process_time() - since)
        pictures.append(source.look(time.time_ns()))
    return {
        "encode_ms": round(1e3 * statistics.median(frames[10:]), 3),
        "encode_ms_best": round(1e3 * min(frames), 3),
        "picture_ms": round(1e3 * statistics.median(pictures[10:]), 3),
        "frame_bytes": wire.layout(n, 1)[1],
    }


class Plain(asyncio.BufferedProtocol):
    """A page's WebSocket and no more of it than has to be: it looks at the headers of frames and drops the rest."""

    def __init__(self, taken: Callable[[wire.Header], None]) -> None:
        self._taken = taken
        self._buffer = bytearray(1 << 20)
        self._view = memoryview(self._buffer)
        self._head = b""  # of the message that is coming, until all is known of it that has to be
        self._left = 0  # of it
        self._is_open = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        host, port = transport.get_extra_info("peername")[:2]
        transport.write(
            f"GET /v1/picture HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 the protocol's shape
        """Return where bytes go."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Take in bytes."""
        at = 0
        while at < nbytes:
            if self._left > 0:
                step = min(self._left, nbytes - at)
                at, self._left = at + step, self._left - step
                if not self._left:
                    self._end()
                continue
            before = len(self._head)
            self._head += bytes(self._view[at : min(at + HEAD_BYTES, nbytes)])
            at += self._begin() - before

    def _begin(self) -> int:
        """Look whether the head is whole; return how much of it belongs to this message."""
        head = self._head
        if not self._is_open:
            end = head.find(b"\r\n\r\n")
            if end < 0:
                return len(head)
            self._is_open, self._head = True, b""
            return end + 4
        short = head[1] if len(head) > 1 else 0
        size = {126: 4, 127: 10}.get(short, 2)
        wanted = size + {BINARY: wire.HEADER.size, PING: short}.get(head[0] & 15, 0)
        if len(head) < wanted:
            return len(head)
        length = short if size == 2 else int.from_bytes(head[2:size])
        self._left, self._head = length - (wanted - size), head[:wanted]
        if not self._left:
            self._end()
        return wanted

    def _end(self) -> None:
        head, self._head = self._head, b""
        if head[0] & 15 == BINARY:
            _, _, flags, picture_ms, sent_ms, *counts = wire.HEADER.unpack(head[-wire.HEADER.size :])
            said = json.dumps({"type": "got", "sequence": counts[0]}).encode()
            self.transport.write(bytes([0x81, 0x80 | len(said), 0, 0, 0, 0]) + said)  # a mask of zeros
            self._taken(wire.Header(
                flags=flags, picture_ms=picture_ms, sent_ms=sent_ms, sequence=counts[0], n=counts[1], words=counts[2],
                sources_version=counts[3], names_count=counts[4],
            ))  # fmt: skip
        elif head[0] & 15 == PING:
            self.transport.write(bytes([0x8A, 0x80 | (len(head) - 2), 0, 0, 0, 0]) + head[2:])  # else it hangs up


async def viewing(url: str, seconds: float, viewers: int, stall_s: float) -> dict[str, Any]:
    """Be all the pages; runs in a process of its own."""
    latencies: list[float] = []
    last = [0] * viewers
    frames = [0] * viewers
    skipped = 0

    def taken(i: int, header: wire.Header) -> None:
        nonlocal skipped
        if frames[i]:  # the first one may be as old as the newest picture
            latencies.append(time.time() * 1e3 - header.sent_ms)
            skipped += header.sequence - last[i] - 1
        last[i] = header.sequence
        frames[i] += 1

    host, port = url.split("/")[2].rsplit(":", 1)
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(lambda i=i: Plain(partial(taken, i)), host, int(port)) for i in range(viewers)]

    async def stalled() -> float:
        async with connect(url, max_size=None, compression=None, proxy=None) as socket:
            await frame(socket, time.monotonic() + 10.0)
            await asyncio.sleep(stall_s)
            since, now_ms = time.monotonic(), time.time() * 1e3
            while True:
                header = await frame(socket, since + 30.0)
                if header is None or header.picture_ms >= now_ms - 1_000.0:
                    return time.monotonic() - since

    end = time.monotonic() + seconds
    back_s = await stalled() if stall_s else None
    await asyncio.sleep(max(end - time.monotonic(), 0.0))
    for transport, _ in made:
        transport.abort()
    latencies.sort()
    at = lambda share: round(latencies[min(int(share * len(latencies)), len(latencies) - 1)], 1)  # noqa: E731
    return {
        "frames": sum(frames), "frames_least": min(frames), "skipped": skipped, "latency_ms_median": at(0.5),
        "latency_ms_p99": at(0.99), "latency_ms_max": at(1.0), "back_after_stall_s": back_s and round(back_s, 3),
    }  # fmt: skip


async def frame(socket: ClientConnection, end: float) -> wire.Header | None:
    """Take in messages until a frame, and answer it; None if time is over."""
    while True:
        try:
            async with asyncio.timeout(max(end - time.monotonic(), 0.01)):
                message = await socket.recv()
        except TimeoutError:
            return None
        if isinstance(message, bytes):
            header, _ = wire.decode(message)
            await socket.send(json.dumps({"type": "got", "sequence": header.sequence}))
            return header


def fanning_out(n: int, viewers: int, seconds: float, stall_s: float) -> dict[str, Any]:
    """Return how the server does with many pages at once."""
    source = Source(n)
    source.look(time.time_ns())
    pages = Pages(source.showing, "127.0.0.1:0")
    url = pages.url.replace("http", "ws") + "v1/picture"
    cores = sorted(os.sched_getaffinity(0))
    clients = subprocess.Popen(
        [sys.executable, __file__, "--clients", url, str(seconds), str(viewers), str(stall_s)], stdout=subprocess.PIPE
    )
    os.sched_setaffinity(0, {cores[0]})
    if len(cores) > 1:
        os.sched_setaffinity(clients.pid, set(cores[1:]))
    stopped, memory = threading.Event(), []

    def give() -> None:
        while not stopped.wait(1.0 - time.time() % 1.0):
            source.look(time.time_ns())
            memory.append(resident_mb())

    thread = threading.Thread(target=give)
    thread.start()
    since, cpu = time.monotonic(), time.process_time()
    out, _ = clients.communicate()
    took_s, cpu_s = time.monotonic() - since, time.process_time() - cpu
    stopped.set()
    thread.join()
    pages.close()
    os.sched_setaffinity(0, cores)
    settled = memory[len(memory) // 4 :]
    found: dict[str, Any] = json.loads(out)
    return found | {
        "server_core_percent": round(100.0 * cpu_s / took_s, 1),
        "memory_mb": round(max(memory), 1),
        "memory_grew_mb": round(statistics.fmean(settled[-5:]) - statistics.fmean(settled[:5]), 1),
        "memory_over_s": len(settled),
        "failed": pages.web.counters["failed"],
    }


def resident_mb() -> float:
    """Return the process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def seeking(url: str, first_ms: float, last_ms: float) -> list[float]:
    """Return how long each of some seeks took until its frame was there."""
    drawn, took = random.Random(SEED), []
    async with connect(url, max_size=None, compression=None, proxy=None) as socket:
        await frame(socket, time.monotonic() + 10.0)
        await socket.send(json.dumps({"type": "pause", "n": 1}))
        for n in range(SEEKS):
            at_ms = float(math.ceil(drawn.uniform(first_ms, last_ms)))
            since = time.monotonic()
            await socket.send(json.dumps({"type": "seek", "n": n + 2, "time_ms": at_ms}))
            while True:
                header = await frame(socket, since + 10.0)
                if header is None or 0.0 <= at_ms - header.picture_ms < 1_000.0:
                    break
            took.append(time.monotonic() - since)
            await asyncio.sleep(PAUSE_S)
    return took


def seeks(journal: Path | None, n: int) -> dict[str, Any]:
    """Return how long seeks take, and how long it took until the film was there."""
    since = time.process_time()
    showing: Showing
    if journal is not None:
        replay = ReplayShowing(journal)
        replay.run()
        showing = replay
    else:
        source = Source(n, REPLAY)
        start_ns = time.time_ns()
        for second in range(QUARTER_S):
            source.look(start_ns + second * NS)
        showing = source.showing
    made_s = time.process_time() - since
    pages = Pages(showing, "127.0.0.1:0")
    first_ns, last_ns = showing.span_ns
    took = asyncio.run(seeking(pages.url.replace("http", "ws") + "v1/picture", first_ns / 1e6, last_ns / 1e6))
    pages.close()
    return {
        "seek_of": str(journal or f"{QUARTER_S} pictures of {n} tracks"),
        "seek_film_cpu_s": round(made_s, 1),
        "seek_ms_median": round(1e3 * statistics.median(took), 1),
        "seek_ms_max": round(1e3 * max(took), 1),
    }


def main() -> None:
    """Measure and print."""
    if sys.argv[1:2] == ["--clients"]:
        url, seconds, viewers, stall_s = sys.argv[2:]
        print(json.dumps(asyncio.run(viewing(url, float(seconds), int(viewers), float(stall_s)))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=10_000)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=75.0)
    parser.add_argument("--stall", type=float, default=60.0)
    parser.add_argument("--journal", type=Path, default=None)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args()
    found: dict[str, Any] = {
        "tracks": wanted.tracks,
        "viewers": wanted.viewers,
        "seconds": wanted.seconds,
        "stall_s": wanted.stall,
        "seed": SEED,
        **calibration(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "uvicorn", "starlette", "websockets")},
        **encoding(wanted.tracks),
        **seeks(wanted.journal, min(wanted.tracks, 1_000)),
        **fanning_out(wanted.tracks, wanted.viewers, wanted.seconds, wanted.stall),
    }
    if wanted.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:24} {value}")


if __name__ == "__main__":
    main()
