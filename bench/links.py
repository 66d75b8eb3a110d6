"""How much a link carries, and how fast: memory, Zenoh over TCP, Zenoh over mutual TLS, files; and over bad lines.

    python bench/links.py [--json] [--seconds S]

Both ends are in this process, so the two share its interpreter; two processes do better. `throughput` is frames sent
as fast as they are taken; `latency` is from before `send` to after `receive`, woken by `arrived`, of frames at a steady
rate. `thin` keeps a link full of ordinary frames over a line of the rate, delay and loss given (`link_parts/proxy.py`),
which the link is not told, and times urgent ones; the first third, in which the link finds out, is told apart.
`stalled` is the worst latency to one partner while another takes nothing. Wall time, but for `cpu_us_a_frame`.
"""

import argparse
import json
import os
import platform
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from link_parts.nations import coalition, free_port, settings, wait
from link_parts.proxy import Line, Proxy

from noroshi.run.links import Link, open_link
from noroshi.run.links import zenoh as transport

SMALL, LARGE = 200, 20_000  # bytes: a warning, a hundred tracks
RATES = {SMALL: 1_000, LARGE: 100}  # frames a second
LINES = {
    "64 kbit/s": Line(rate_bit_s=64e3, delay_s=0.05),
    "256 kbit/s": Line(rate_bit_s=256e3, delay_s=0.05),
    "1 Mbit/s, 300 ms, 2 % loss": Line(rate_bit_s=1e6, delay_s=0.3, loss=0.02),
    "100 Mbit/s, 20 ms": Line(rate_bit_s=100e6, delay_s=0.02),
}


class End:
    """One end: waits for what comes."""

    def __init__(self) -> None:
        self.woken = threading.Event()
        self.link: Link

    def frames(self, seconds: float = 0.5) -> list[bytes]:
        """Return what has come, or comes within so many seconds."""
        self.woken.wait(seconds)
        self.woken.clear()
        return self.link.receive()


@contextmanager
def pair(kind: str, folder: Path, line: Line | None = None) -> Iterator[tuple[End, End]]:
    """Open both ends of a link."""
    ends = (End(), End())
    with ExitStack() as stack:
        for end, given in zip(ends, configurations(kind, folder, line, stack), strict=True):
            end.link = open_link(given, end.woken.set)
            stack.callback(end.link.close)
        wait(lambda: all(end.link.up for end in ends), 30.0)
        yield ends


def configurations(kind: str, folder: Path, line: Line | None, stack: ExitStack) -> list[dict[str, Any]]:
    if kind == "memory":
        return [{"type": "memory", "meeting": str(folder)}] * 2
    keys = coalition(Path(tempfile.mkdtemp(dir=folder)), "JPN", "USA")
    if kind == "files":
        for name in "ab":
            (folder / name).mkdir(exist_ok=True)
        return [
            {
                **settings(keys, own, partner),
                "type": "files",
                "poll_s": 0.01,
                "out": folder / out,
                "into": folder / into,
            }
            for own, partner, out, into in (("JPN", "USA", "a", "b"), ("USA", "JPN", "b", "a"))
        ]
    if kind == "zenoh tcp":
        stack.enter_context(without_tls())
    port = free_port()
    through = port if line is None else stack.enter_context(Proxy(port, line)).port
    return [
        settings(keys, "JPN", "USA", listen=f"tls/127.0.0.1:{port}"),
        settings(keys, "USA", "JPN", connect=f"tls/127.0.0.1:{through}"),
    ]


@contextmanager
def without_tls() -> Iterator[None]:
    """Take TLS out of the configuration, for comparison alone: the program offers no such link."""
    whole = transport.configuration

    def bare(*given: Any) -> dict[str, Any]:
        config = whole(*given)
        del config["transport"]["link"]["tls"]
        config["transport"]["link"]["protocols"] = ["tcp"]
        config["access_control"]["subjects"] = [{"id": "partner"}]
        for way in ("listen", "connect"):
            config[way]["endpoints"] = [where.replace("tls/", "tcp/") for where in config[way]["endpoints"]]
        return config

    transport.configuration = bare
    try:
        yield
    finally:
        transport.configuration = whole


def throughput(ends: tuple[End, End], size: int, seconds: float) -> dict[str, float]:
    here, there = ends
    frame, taken, got = bytes(size), 0, 0
    cpu_s, begin = time.process_time(), time.perf_counter()

    def fetch() -> None:
        nonlocal got
        while not done.is_set() or got < taken:
            got += len(there.frames(0.05))

    done = threading.Event()
    fetching = threading.Thread(target=fetch)
    fetching.start()
    while time.perf_counter() - begin < seconds:
        if here.link.send(frame, urgent=False):
            taken += 1
        else:
            here.woken.wait(0.01)
            here.woken.clear()
        while taken - got > 2_000:  # what the other end's inbox holds
            time.sleep(0.0005)
    done.set()
    fetching.join(20.0)
    took_s = time.perf_counter() - begin
    return {
        "frames_per_s": round(got / took_s),
        "mbyte_per_s": round(got * size / took_s / 1e6, 2),
        "lost": taken - got,
        "cpu_us_a_frame": round((time.process_time() - cpu_s) / got * 1e6, 1),
    }


def latency(ends: tuple[End, End], size: int, seconds: float, urgent: bool) -> dict[str, float]:
    here, there = ends
    took_s: list[float] = []
    done = threading.Event()

    def fetch() -> None:
        while not done.is_set():
            for frame in there.frames(0.05):
                took_s.append(time.perf_counter() - float(frame[:20]))

    fetching = threading.Thread(target=fetch)
    fetching.start()
    begin = time.perf_counter()
    n = round(seconds * RATES[size])
    for k in range(n):
        time.sleep(max(begin + k / RATES[size] - time.perf_counter(), 0.0))
        here.link.send(f"{time.perf_counter():<20.9f}".encode() + bytes(size - 20), urgent=urgent)
    time.sleep(0.3)
    done.set()
    fetching.join()
    return {"frames": len(took_s), "lost": n - len(took_s), **spread(took_s)}


def spread(took_s: list[float]) -> dict[str, float]:
    return {
        "ms_p50": round(float(np.percentile(took_s, 50)) * 1e3, 3),
        "ms_p99": round(float(np.percentile(took_s, 99)) * 1e3, 3),
        "ms_max": round(max(took_s) * 1e3, 3),
    }


def thin(folder: Path, line: Line, seconds: float) -> dict[str, Any]:
    """Time urgent frames over a line that is kept full."""
    took: list[tuple[float, float]] = []
    n_bytes = 0
    with pair("zenoh", folder, line) as (here, there):
        begin = told_s = time.perf_counter()
        while (now_s := time.perf_counter()) < begin + seconds:
            while here.link.send(bytes(4_000), urgent=False):
                pass
            if now_s > told_s + 0.2:
                told_s = now_s
                here.link.send(f"{now_s:.9f}".encode(), urgent=True)
            for frame in there.frames(0.005):
                if len(frame) < 100:
                    took.append((now_s, time.perf_counter() - float(frame)))
                elif now_s > begin + seconds / 3:
                    n_bytes += len(frame)
        lost = here.link.counters.sent, there.link.counters.dropped_in
    first, later = ([late for at, late in took if (at < begin + seconds / 3) is early] for early in (True, False))
    return {
        "share_of_line": round(n_bytes * 8 / (line.rate_bit_s or 1.0) / (seconds * 2 / 3), 3),
        "urgent": spread(later),
        "urgent_ms_max_at_first": round(max(first) * 1e3, 1),
        "frames_sent": lost[0],
        "frames_dropped": lost[1],
    }


def stalled(folder: Path, seconds: float) -> dict[str, Any]:
    """Return the worst latency to one partner while another one takes nothing, and after it was given up."""
    keys = coalition(Path(tempfile.mkdtemp(dir=folder)), "JPN", "USA", "KOR")
    ports = free_port(), free_port()
    took_s: list[float] = []
    with ExitStack() as stack:
        proxy = stack.enter_context(Proxy(ports[0]))
        ends = {}
        for own, other, where in (
            ("JPN", "USA", {"listen": f"tls/127.0.0.1:{ports[0]}"}),
            ("USA", "JPN", {"connect": f"tls/127.0.0.1:{proxy.port}"}),
            ("JPN", "KOR", {"listen": f"tls/127.0.0.1:{ports[1]}"}),
            ("KOR", "JPN", {"connect": f"tls/127.0.0.1:{ports[1]}"}),
        ):
            ends[own, other] = open_link(settings(keys, own, other, **where), lambda: None)
            stack.callback(ends[own, other].close)
        wait(lambda: all(end.up for end in ends.values()))
        proxy.stall()
        begin, taken, down_s = time.perf_counter(), 0, None
        while (now_s := time.perf_counter()) < begin + max(seconds, 6.0):
            taken += ends["JPN", "USA"].send(bytes(1 << 20), urgent=False)
            ends["JPN", "KOR"].send(f"{now_s:.9f}".encode(), urgent=True)
            if down_s is None and not ends["JPN", "USA"].up:
                down_s = now_s - begin
            time.sleep(0.002)
            took_s += [time.perf_counter() - float(frame) for frame in ends["KOR", "JPN"].receive()]
    return {
        "to_the_other": spread(took_s),
        "mbyte_taken_for_the_stalled": taken,
        "found_out_after_s": round(down_s or -1.0, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object, last")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement; lines take four times as long")
    options = parser.parse_args()
    figures: dict[str, Any] = {"links": {}, "thin": {}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in ("memory", "zenoh tcp", "zenoh", "files"):
            with pair(kind, folder) as ends:
                found: dict[str, Any] = {}
                for size in (SMALL, LARGE):
                    found[f"{size} B"] = {
                        "throughput": throughput(ends, size, options.seconds),
                        f"latency at {RATES[size]}/s": latency(ends, size, options.seconds, urgent=size == SMALL),
                    }
            figures["links"]["zenoh mtls" if kind == "zenoh" else kind] = found
            tell(kind, found)
        for line_name, line in LINES.items():
            figures["thin"][line_name] = thin(folder, line, options.seconds * 4)
            tell(line_name, figures["thin"][line_name])
        figures["stalled"] = stalled(folder, options.seconds)
        tell("stalled", figures["stalled"])
    figures |= {
        "seed": 0,
        "versions": {"python": platform.python_version(), "eclipse-zenoh": version("eclipse-zenoh")},
        "processors": os.cpu_count(),
    }
    if options.json:
        print(json.dumps(figures))


def tell(name: str, found: Any) -> None:
    print(f"{name}: {json.dumps(found)}", flush=True)


if __name__ == "__main__":
    main()
