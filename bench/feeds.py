"""How much live feeds take in over the loopback, and what it costs: ASTERIX over UDP, Beast and BaseStation over TCP.

Counts are of what was sent, decoded, given and dropped; processor seconds are of this process, sender and listener
together. The flood sends as fast as it can to somebody who does not receive, and looks at the memory.

Run: uv run bench/feeds.py --json
"""

import argparse
import json
import platform
import resource
import threading
import time

import numpy as np

from noroshi import __version__
from noroshi.formats.asterix import encode_plots
from noroshi.records import Detections, Identity
from noroshi.run.feeds import open_feed
from noroshi.run.player import Sender, Server, beast

SEED = 1
PLOTS_A_BLOCK = 20
NS = 10**9


def block(rng: np.random.Generator, time_ns: int, sic: int) -> bytes:
    """Return some plots of a radar as one datagram."""
    n = PLOTS_A_BLOCK
    plots = Detections.of(
        sensor="",
        components=("range_m", "azimuth_rad", "altitude_m"),
        time_ns=np.full(n, time_ns),
        values=np.column_stack([rng.uniform(5e3, 3e5, n), rng.uniform(0.0, 6.28, n), rng.uniform(1e3, 1e4, n)]),
        identity=Identity.absent(n).replace(icao_address=rng.integers(1, 1 << 24, n)),
    )
    return encode_plots(plots, sac=1, sic=sic)


def squitters(number: int) -> list[bytes]:
    """Return as many copies of a real pair of positions and a velocity (1090 MHz Riddle, J. Sun, 2nd edition)."""
    known = ("8D40621D58C382D690C8AC2863A7", "8D40621D58C386435CC412692AD6", "8D485020994409940838175B284F")
    return [beast(bytes.fromhex(known[i % 3])) for i in range(number)]


def sbs_line(i: int) -> bytes:
    """Return a position as a BaseStation line of now."""
    now = time.strftime("%Y/%m/%d,%H:%M:%S.000", time.gmtime())
    return f"MSG,3,1,1,{i % 5000:06X},1,{now},{now},,30000,,,47.{i % 1000:03d},8.5,,,0,0,0,0\r\n".encode()


def measure(
    address: str, send: list[bytes], out: Sender | Server, per_s: float, records_each: int
) -> dict[str, object]:
    """Send at a rate, receive all the while, and return what came of it."""
    arrived = threading.Event()
    feed = open_feed(address, arrived=arrived.set, now_ns=time.time_ns)
    while isinstance(out, Server) and not out.n_clients:
        time.sleep(0.01)
    feed.receive()

    def play() -> None:
        since = time.monotonic()
        for i, data in enumerate(send):
            if i % 20 == 0:
                time.sleep(max(since + i / per_s - time.monotonic(), 0.0))
            out.send(data)

    since, used = time.monotonic(), time.process_time()
    thread = threading.Thread(target=play)
    thread.start()
    rows = 0
    while thread.is_alive() or arrived.is_set():
        arrived.wait(0.3)
        arrived.clear()
        rows += sum(len(batch) for batch in feed.receive() if isinstance(batch, Detections))
    health = feed.health
    feed.close()
    return {
        "sent_records": len(send) * records_each,
        "seconds": round(time.monotonic() - since, 2),
        "cpu_s": round(time.process_time() - used, 2),
        "records": health.n_records,
        "rows": rows,
        "dropped_messages": health.n_dropped,
        "damage": dict(health.damage),
        "age_s_median": {name: round(ns / NS, 3) for name, ns in list(health.behind_ns.items())[:3]},
    }


def flood(number: int) -> dict[str, object]:
    """Send to somebody who does not receive; return the peak memory before and after [MB]."""
    rng = np.random.default_rng(SEED)
    feed = open_feed("udp://127.0.0.1:8799", arrived=lambda: None, now_ns=time.time_ns)
    out, data = Sender("127.0.0.1", 8799), block(rng, time.time_ns(), 1)
    peaks = []
    for _ in range(4):
        for _ in range(number // 4):
            out.send(data)
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    time.sleep(0.3)
    health = feed.health
    feed.close()
    out.close()
    return {"sent": number, "taken": health.n_messages, "dropped": health.n_dropped, "peak_mb_by_quarter": peaks}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--flood", type=int, default=800_000)
    given = parser.parse_args()
    rng = np.random.default_rng(SEED)
    warm = open_feed("udp://127.0.0.1:8798", arrived=lambda: None, now_ns=time.time_ns)
    out = Sender("127.0.0.1", 8798)
    out.send(block(rng, time.time_ns(), 1))
    time.sleep(0.3)
    warm.receive()
    warm.close()
    out.close()
    found: dict[str, object] = {"version": __version__, "python": platform.python_version(), "seed": SEED}
    blocks_s = 500.0
    blocks = [
        block(rng, time.time_ns() + round(i / blocks_s * NS), i % 10) for i in range(int(given.seconds * blocks_s))
    ]
    found["udp_asterix"] = measure("udp://127.0.0.1:8797", blocks, Sender("127.0.0.1", 8797), blocks_s, PLOTS_A_BLOCK)
    for key, messages in (
        ("tcp_beast", squitters(int(given.seconds * 3000))),
        ("tcp_sbs", [sbs_line(i) for i in range(int(given.seconds * 3000))]),
    ):
        server = Server("127.0.0.1", 0)
        address = f"{key.replace('_', '+')}://127.0.0.1:{server.port}"
        found[key] = measure(address, messages, server, 3000.0, 1)
        server.close()
    found["flood"] = flood(given.flood)
    print(json.dumps(found, indent=None if given.json else 2))


if __name__ == "__main__":
    main()
