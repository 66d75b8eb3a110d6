"""Three nodes as three processes over mutual TLS under load: how old is a row when it takes effect at a partner?

    uv run bench/share_speed.py [--json] [--seconds N] [--targets N]

Each nation has its own targets, which report once a second in ten batches a second, and releases all of them to the
other two. Age is from a report's time, which is when the sender's feed gives it, to the return of the fusion that took
the row in at a partner, by the one machine's clock. `cpu` is of each process by part, of its one thread that does the
work; `threads` is all others (TLS, the link's queues). A share is of one core. Kernels are compiled before
(`bench/share_turns.py`), and the first seconds do not count; all in all it takes two minutes more than it is asked to
measure. Beside it: a fixed piece of arithmetic, before and after, in CPU time and in real time: how fast the
machine is, and how much of it others took.
"""

import argparse
import gc
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from link_parts.holding import heap_mb, holding_mb
from link_parts.nations import coalition, free_port
from link_parts.straight import Load, Straight, nation_file, rules

from noroshi.geo.time import NS_PER_S
from noroshi.run.live import running
from noroshi.run.live.running import Running, Wanted

NATIONS = ("JPN", "USA", "AUS")
BATCHES = 10
WARM_S = 20.0
BINS_MS = np.concatenate([np.arange(0.0, 2_000.0, 1.0), np.geomspace(2_000.0, 600_000.0, 500)])
PARTS = {
    "tracking": ("noroshi.node.core", "Node", "_detect"),
    "sharing and own fusion": ("noroshi.node.exchange", "Exchange", "share"),
    "hearing and fusion": ("noroshi.node.exchange", "Exchange", "hear"),
    "fusion": ("noroshi.fusion.core", "Fusion", "receive"),
    "picture": ("noroshi.fusion.core", "Fusion", "picture"),
    "release": ("noroshi.node.exchange", "Exchange", "_release"),
    "pump": ("noroshi.node.exchange", "Exchange", "_pump"),
    "journal": ("noroshi.run.live.memory", "Memory", "write"),
    "checkpoint": ("noroshi.run.live.node", "LiveNode", "_keep_on"),
    "links": ("noroshi.run.links.zenoh", "ZenohLink", "send"),
    "edges": ("noroshi.run.live.ways_out", "WaysOut", "hear"),
    "audit": ("noroshi.run.live.auditing", "Auditing", "tick"),
}
"""Whose CPU time is told; some lie within others."""


def timed(cpu: dict[str, float], part: str, inner: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that adds its CPU time to a part's."""

    def outer(*given: Any, **more: Any) -> Any:
        begin_s = time.thread_time()
        try:
            return inner(*given, **more)
        finally:
            cpu[part] += time.thread_time() - begin_s

    return outer


def node(code: str, folder: Path, links: Sequence[str], targets: int, start_ns: int, seconds: float) -> None:
    """Be one nation's node, and write down what was seen."""
    import importlib

    import psutil

    cpu = dict.fromkeys(PARTS, 0.0)
    for part, (module, name, method) in PARTS.items():
        room = getattr(importlib.import_module(module), name)
        setattr(room, method, timed(cpu, part, getattr(room, method)))
    ages = np.zeros(len(BINS_MS) - 1, np.int64)
    begin_ns = start_ns + round(WARM_S * NS_PER_S)
    fusion = importlib.import_module("noroshi.fusion.core").Fusion
    receive = fusion.receive

    def received(self: Any, contributions: Any, *, owner: str, **more: Any) -> None:
        receive(self, contributions, owner=owner, **more)
        now_ns = time.time_ns()
        if owner != code and now_ns > begin_ns and len(contributions):
            nonlocal ages
            ages += np.histogram((now_ns - contributions.time_ns) / 1e6, BINS_MS)[0]

    fusion.receive = received
    load = Load(nation=code, n=targets, batches=BATCHES, seed=1, start_ns=start_ns)
    running.open_feed = lambda _, *, arrived, now_ns: Straight(load, arrived, now_ns)
    wanted = Wanted(
        nation=str(folder / f"{code}.toml"), keys=folder / "keys" / code, state=folder / f"state-{code}",
        feeds=("bench",), links=tuple(links),
    )  # fmt: skip
    process = psutil.Process()
    memory: list[tuple[float, float, float]] = []
    turns: list[float] = []
    before: dict[str, Any] = {}
    with Running(wanted) as live:
        signal.signal(signal.SIGTERM, lambda *_: live.node.stop())
        turn = live.node.turn

        def turned() -> None:
            turn()
            now_ns = time.time_ns()
            if now_ns > begin_ns and not before:
                before.update(cpu=dict(cpu), all=time.process_time(), own=time.thread_time(), ns=now_ns)
            if now_ns > start_ns and (not memory or now_ns - start_ns > (memory[-1][0] + 1.0) * NS_PER_S):
                memory.append(((now_ns - start_ns) / NS_PER_S, process.memory_info().rss / 2**20, heap_mb()))
            if now_ns > begin_ns:
                turns.append((now_ns - live.node._now_ns) / 1e6)  # noqa: SLF001
            if now_ns > begin_ns + round(seconds * NS_PER_S):
                live.node.stop()

        live.node.turn = turned
        gc.freeze()  # as `noroshi node` does
        live.run()
        took_s = (time.time_ns() - before["ns"]) / NS_PER_S
        own = time.thread_time() - before["own"]
        exchange = live.node.node.exchange
        found = {
            "ages": ages.tolist(),
            "seconds": took_s,
            "cpu": {part: (value - before["cpu"][part]) / took_s for part, value in cpu.items()},
            "own thread": own / took_s,
            "threads": (time.process_time() - before["all"] - own) / took_s,
            "memory": memory,
            "turn_ms": [float(np.percentile(turns, q)) for q in (50, 99, 100)],
            "refused": dict(live.node.counts.frames_refused),
            "alarms": {" ".join(key): n for key, n in live.node.counts.alarms.items()},
            "waiting_rows": {code: len(one.outbox) for code, one in exchange.channels.items()},
            "picture": len(exchange.picture(time.time_ns())),
            "held": held(live),
            "holding_mb": holding_mb(live),
        }
    (folder / f"{code}.json").write_text(json.dumps(found))


def held(live: Running) -> dict[str, int]:
    """Return how much a node holds of what could grow."""
    exchange = live.node.node.exchange
    found = {"fusion rows": len(exchange.fusion._table.whole), "fusion chunks": len(exchange.fusion._chunks)}  # noqa: SLF001
    for code, channel in exchange.channels.items():
        outbox = channel.outbox
        found |= {
            f"{code} sealed": len(outbox._sealed),  # noqa: SLF001
            f"{code} told": sum(len(rows) for rows in outbox._told.values()),  # noqa: SLF001
            f"{code} untold": sum(len(parts) for parts in outbox._untold.values()),  # noqa: SLF001
            f"{code} parcels": len(outbox._parcels),  # noqa: SLF001
            f"{code} hashes": len(channel.receiver.hashes),
            f"{code} answers": len(channel._answers),  # noqa: SLF001
        }
    found["rewind steps"] = len(live.node.node.own.rewind._steps)  # noqa: SLF001
    found["journal MB"] = sum(path.stat().st_size for path in (live.state / "journal").glob("*")) >> 20
    found["outbox MB"] = sum(path.stat().st_size for path in live.state.glob("outboxes*")) >> 20
    return found


def arithmetic() -> tuple[float, float]:
    """Return CPU and real seconds of a fixed piece of work."""
    rng = np.random.default_rng(1)
    a = rng.normal(size=(20_000, 6, 6))
    begin = time.process_time(), time.perf_counter()
    for _ in range(10):
        a = a @ a / 8.0
    return time.process_time() - begin[0], time.perf_counter() - begin[1]


def warm() -> None:
    """Compile all that such nodes need, in one process: three that compile at once would be late for the start."""
    words = ["--seconds", "40", "--targets", "100", "--json"]
    script = str(Path(__file__).with_name("share_turns.py"))
    subprocess.run([sys.executable, script, *words], check=True, stdout=subprocess.DEVNULL)


def run(folder: Path, targets: int, seconds: float) -> dict[str, Any]:
    """Run the three and return what each saw."""
    warm()
    coalition(folder / "keys", *NATIONS, exercise="LOAD")
    links: dict[str, list[str]] = {code: [] for code in NATIONS}
    for i, one in enumerate(NATIONS):
        (folder / f"{one}.toml").write_text(nation_file(one, ""))
        (folder / f"{one}-policy.toml").write_text(rules(one, [code for code in NATIONS if code != one]))
        for two in NATIONS[i + 1 :]:
            port = free_port()
            links[one].append(f"{two}@tls/127.0.0.1:{port}")
            links[two].append(f"{one}=tls/127.0.0.1:{port}")
    start_ns = (time.time_ns() // NS_PER_S + 15) * NS_PER_S
    processes = []
    for code in NATIONS:
        log = (folder / f"{code}.log").open("wb")
        words = ["--be", code, str(folder), str(targets), str(start_ns), str(seconds), *links[code]]
        processes.append(
            subprocess.Popen(
                [sys.executable, __file__, *words], stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"}
            )
        )
        log.close()
    for code, process in zip(NATIONS, processes, strict=True):
        if process.wait(WARM_S + seconds + 300.0):
            raise RuntimeError(f"node {code}: {(folder / f'{code}.log').read_text()[-3000:]}")
    return {code: json.loads((folder / f"{code}.json").read_text()) for code in NATIONS}


def quantile_ms(ages: Sequence[int], share: float) -> float:
    """Return the upper end of the bin that a quantile of ages is in."""
    sums = np.cumsum(ages)
    return float(BINS_MS[1:][int(np.searchsorted(sums, share * sums[-1]))]) if sums[-1] else float("nan")


def figures(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is told of a run."""
    ages = np.sum([one["ages"] for one in found.values()], axis=0)
    totals: Counter[str] = Counter()
    for one in found.values():
        totals.update(one["cpu"])
    return {
        "rows": int(ages.sum()),
        "age_median_ms": quantile_ms(ages, 0.5),
        "age_99_ms": quantile_ms(ages, 0.99),
        "cpu_share_of_a_core": {part: round(value / len(found), 4) for part, value in totals.items()},
        "nodes": {
            code: {name: value for name, value in one.items() if name not in ("ages", "memory", "cpu", "holding_mb")}
            for code, one in found.items()
        },
    }


def main() -> None:
    """Run it."""
    if sys.argv[1:2] == ["--be"]:
        code, folder, targets, start_ns, seconds, *links = sys.argv[2:]
        node(code, Path(folder), links, int(targets), int(start_ns), float(seconds))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--targets", type=int, default=5_000)
    asked = parser.parse_args()
    before = arithmetic()
    with tempfile.TemporaryDirectory(prefix="noroshi-load-") as name:
        found = figures(run(Path(name), asked.targets, asked.seconds))
    about = {
        "bench": "share_speed", "targets": asked.targets, "seconds": asked.seconds, "seed": 1,
        "arithmetic_cpu_and_real_s": [before, arithmetic()], "load_average": os.getloadavg(), "cores": os.cpu_count(),
        "python": platform.python_version(), **{each: version(each) for each in ("noroshi", "numpy", "eclipse-zenoh")},
    }  # fmt: skip
    if not asked.json:
        for part, value in found["cpu_share_of_a_core"].items():
            print(f"{part:24} {100.0 * value:6.2f} % of a core")
    print(json.dumps(about | found))


if __name__ == "__main__":
    main()
