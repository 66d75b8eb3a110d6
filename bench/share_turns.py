"""Three nodes under load on a clock that their processor time moves: what each turn costs, how old rows get.

    uv run bench/share_turns.py [--json] [--seconds N] [--targets N] [--cores N] [--profile FILE]

The load and the nodes of `bench/share_speed.py` (feeds, journal, checkpoints, outboxes, audit), joined by links in
memory, in one process. A turn of a node begins when it has something to do and its last one has ended, and lasts as
long as the processor time that it uses; where more nodes are in a turn at its start than there are cores it is
stretched. So the figures hang on the machine's speed and not on what else runs on it. TLS, the threads of links and
waiting for the disk are left out. Kernels have to be compiled before: run it once for some seconds.
"""

import argparse
import cProfile
import importlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from link_parts.nations import coalition
from link_parts.straight import Load, Straight, nation_file, rules
from share_speed import BATCHES, BINS_MS, NATIONS, PARTS, held, quantile_ms, timed

from noroshi.geo.time import NS_PER_S
from noroshi.run.live import running
from noroshi.run.live.running import Running, Wanted

START_NS = 1_893_456_000 * NS_PER_S
TRAVEL_NS = 1_000_000
WARM_S = 5.0  # rows and turns before do not count: kernels are loaded then
LONG_MS = 100.0


class World:
    """The nodes and the clock."""

    def __init__(
        self, folder: Path, targets: int, seconds: float, cores: int, cpu: dict[str, float],
        lives_s: tuple[float, float] | None = None,
    ) -> None:  # fmt: skip
        self.cpu, self.cpu_before = cpu, dict[str, float]()
        self.now_ns, self.cores = START_NS, cores
        self.end_ns = START_NS + round((WARM_S + seconds) * NS_PER_S)
        self.begin_ns = START_NS + round(WARM_S * NS_PER_S)
        self.free_ns = dict.fromkeys(NATIONS, START_NS)
        self.arrived_ns: dict[str, int] = {}
        self.nodes: dict[str, Running] = {}
        self.feeds: dict[str, Straight] = {}
        self.turns: dict[str, list[tuple[float, float]]] = {code: [] for code in NATIONS}
        self.ages = np.zeros(len(BINS_MS) - 1, np.int64)
        self._began_s: float | None = None
        keys = coalition(folder / "keys", *NATIONS, exercise="LOAD")
        for code in NATIONS:
            others = [other for other in NATIONS if other != code]
            links = ", ".join(
                f'{{partner = "{other}", type = "memory", meeting = "{"-".join(sorted((code, other)))}"}}'
                for other in others
            )
            (folder / f"{code}.toml").write_text(nation_file(code, f"links = [{links}]\n"))
            (folder / f"{code}-policy.toml").write_text(rules(code, others))
            load = Load(
                nation=code, n=targets, batches=BATCHES, seed=1, start_ns=START_NS + NS_PER_S, lives_s=lives_s,
                again=lives_s is not None,
            )  # fmt: skip
            running.open_feed = lambda *_, load=load, **__: self._feed(load)
            wanted = Wanted(
                nation=str(folder / f"{code}.toml"), keys=keys[code], state=folder / f"state-{code}", feeds=("bench",),
                clock_ns=self.clock,
            )  # fmt: skip
            node = Running(wanted)
            node._arrived.set = lambda code=code: self._arrive(code)  # noqa: SLF001
            self.nodes[code] = node.__enter__()
            node.node.begin()
        fusion = importlib.import_module("noroshi.fusion.core").Fusion
        receive = fusion.receive

        def received(fused: Any, contributions: Any, *, owner: str, **more: Any) -> None:
            receive(fused, contributions, owner=owner, **more)
            if owner != fused.node and self.now_ns > self.begin_ns and len(contributions):
                self.ages += np.histogram((self.clock() - contributions.time_ns) / 1e6, BINS_MS)[0]

        fusion.receive = received

    def clock(self) -> int:
        """Return the time: within a turn it goes on with the processor time."""
        used_s = 0.0 if self._began_s is None else time.thread_time() - self._began_s
        return self.now_ns + round(used_s * self._stretch * NS_PER_S)

    def run(self) -> None:
        """Run to the end."""
        while True:
            starts = {code: max(self.free_ns[code], self._due_ns(code)) for code in NATIONS}
            code = min(starts, key=lambda one: (starts[one], one))
            if starts[code] >= self.end_ns:
                return
            self.now_ns = max(self.now_ns, starts[code])
            self.arrived_ns.pop(code, None)
            busy = 1 + sum(self.free_ns[other] > self.now_ns for other in NATIONS if other != code)
            self._stretch = max(1.0, busy / self.cores)
            self._began_s = time.thread_time()
            self.nodes[code].node.turn()
            used_s = time.thread_time() - self._began_s
            self._began_s = None
            self.free_ns[code] = self.now_ns + round(used_s * self._stretch * NS_PER_S)
            if self.now_ns > self.begin_ns:
                self.cpu_before = self.cpu_before or dict(self.cpu)
                self.turns[code].append(((self.now_ns - START_NS) / NS_PER_S, 1e3 * used_s))
            self.turned((self.now_ns - START_NS) / NS_PER_S)

    _stretch = 1.0
    turned: Callable[[float], None] = staticmethod(lambda _: None)
    """Told the time after each turn."""

    def close(self) -> None:
        """End the nodes."""
        for node in self.nodes.values():
            node.__exit__()

    def _feed(self, load: Load) -> Straight:
        self.feeds[load.nation] = Straight(load, None, self.clock)
        return self.feeds[load.nation]

    def _arrive(self, code: str) -> None:
        at_ns = self.clock() + TRAVEL_NS
        self.arrived_ns[code] = min(self.arrived_ns.get(code, at_ns), at_ns)

    def _due_ns(self, code: str) -> int:
        return min(self.nodes[code].node.due_ns(), self.feeds[code].due_ns, self.arrived_ns.get(code, self.end_ns))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=65.0)
    parser.add_argument("--targets", type=int, default=5_000)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--profile", type=Path)
    asked = parser.parse_args()
    cpu = dict.fromkeys(PARTS, 0.0)
    for part, (module, name, method) in PARTS.items():
        room = getattr(importlib.import_module(module), name)
        with suppress(AttributeError):
            setattr(room, method, timed(cpu, part, getattr(room, method)))
    with tempfile.TemporaryDirectory(prefix="noroshi-turns-") as name:
        world = World(Path(name), asked.targets, asked.seconds, asked.cores, cpu)
        profile = cProfile.Profile(time.thread_time) if asked.profile else None
        if profile:
            profile.enable()
        world.run()
        if profile:
            profile.disable()
            profile.dump_stats(asked.profile)
        holds = {code: held(node) for code, node in world.nodes.items()}
        world.close()
    every = np.array([ms for turns in world.turns.values() for _, ms in turns])
    long = sorted(
        ((round(ms), round(at, 1), code) for code, turns in world.turns.items() for at, ms in turns if ms > LONG_MS),
        reverse=True,
    )
    found = {
        "rows": int(world.ages.sum()),
        "age_median_ms": quantile_ms(world.ages, 0.5), "age_99_ms": quantile_ms(world.ages, 0.99),
        "turn_cpu_ms": {f"{q}": round(float(np.percentile(every, q)), 2) for q in (50, 99, 100)},
        "share_of_a_core": round(float(every.sum()) / 1e3 / asked.seconds / len(NATIONS), 4),
        "cpu_share_of_a_core": {
            part: round((s - world.cpu_before[part]) / asked.seconds / len(NATIONS), 4) for part, s in cpu.items()
        },
        "long_turns_ms_at_s_of": long[:30],
    }  # fmt: skip
    about = {
        "bench": "share_turns", "targets": asked.targets, "seconds": asked.seconds, "seed": 1, "cores": asked.cores,
        "python": platform.python_version(), **{each: version(each) for each in ("noroshi", "numpy")},
        "load_average": os.getloadavg(),
    }  # fmt: skip
    if not asked.json:
        print(json.dumps(found | {"held": holds}, indent=1))
    print(json.dumps(about | found))


if __name__ == "__main__":
    main()
