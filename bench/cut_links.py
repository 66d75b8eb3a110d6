"""Cut links and killed nodes: is anything missing afterwards, does anything take effect twice, what comes first?

    uv run bench/cut_links.py [--json] [--repetitions N] [--first SEED] [--cuts 5 60 600]

Two nodes of `noroshi node`, all of it (feeds, journal, checkpoints, outboxes, audit, watcher), in one process and on a
clock that is moved on from event to event, so that 600 s take seconds. A link in memory is cut; what was in its pipes
at that instant is lost, or not. A kill is what is on the disk at a random step (a statement of the outbox, a write of
the journal before or after, whole or torn, a frame sent, or between turns): the folder is copied then, the node goes
on from the copy alone. Repetitions take turns: one node is killed in the middle of the cut; both are, and are started
again; one is as it is told what it missed.

Counted: rows that the sender released (over all its lives) against rows that took effect in the receiver's fusion, as
the receiver itself counted over its lives, and as its whole journal, run again through a new node, says. The same of
warnings. How long after the link (and the node) is back the receiver knew the newest state of every track that the
sender had released by then, and how many rows of history took effect before that.
"""

import argparse
import heapq
import json
import platform
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from link_parts.nations import coalition
from link_parts.network import Network, warm
from link_parts.straight import Load, Straight, nation_file, rules

from noroshi.geo.time import NS_PER_S
from noroshi.node.exchange import Exchange
from noroshi.records import Status
from noroshi.run import kernel_cache, pki
from noroshi.run.journal import read_records, read_setup
from noroshi.run.links.memory import Wire
from noroshi.run.live import running
from noroshi.run.live.memory import Memory
from noroshi.run.live.running import Running, Wanted
from noroshi.run.scenarios import read_scenario
from noroshi.run.setup import assemble
from noroshi.run.sharing import Own
from noroshi.run.stores.outbox import StoreFile
from noroshi.sharing.rules import Product

NATIONS = ("JPN", "USA")
EXERCISE = "CUT"
START_NS = 1_893_456_000 * NS_PER_S
TRAVEL_NS = 5_000_000
TARGETS = 12
PERIOD_S, LONG_S, LONG_PERIOD_S = 1.0, 300.0, 5.0  # how often each target reports, and in a cut so long
VARIANTS = ("one killed in the cut", "both killed in the cut", "one killed on return")
WARM_S, AFTER_S, SETTLE_S = 12.0, 12.0, 15.0
CUT_S = 1.0  # between the end of the warming up and the cut
POINTS = 40  # a kill is so many steps after its instant at most
Key = tuple[str, int, int, int, int]


class Counting:
    """Fusion that counts what takes effect, over all lives of a node."""

    def __init__(self, fusion: Any, told: Callable[[str, Any], None] = lambda *_: None) -> None:
        self._fusion, self._told = fusion, told
        self.rows: Counter[Key] = Counter()

    def receive(self, contributions: Any, *, owner: str, **more: Any) -> None:
        """Count, and fuse."""
        self.rows.update((owner, *key) for key in keys_of(contributions))
        self._told(owner, contributions)
        self._fusion.receive(contributions, owner=owner, **more)

    def checkpoint(self) -> list[dict[str, Any]]:
        """Return what `resume` needs."""
        owners = np.array([key[0] for key in self.rows], "U3")
        numbers = np.array([key[1:] for key in self.rows], np.uint64).reshape(-1, 4)
        counts = np.array(list(self.rows.values()), np.int64)
        return [{"o": owners, "n": numbers, "c": counts}, *self._fusion.checkpoint()]

    def resume(self, parts: Iterable[dict[str, Any]]) -> None:
        """Go on."""
        own, *rest = parts
        owners, numbers, counts = (own[part].tolist() for part in "onc")
        self.rows = Counter({(owner, *key): n for owner, key, n in zip(owners, numbers, counts, strict=True)})
        self._fusion.resume(rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fusion, name)


class Judged(Exchange):
    """An exchange whose `judged` is heard by the bench too, whoever else sets it."""

    bench: Callable[..., None] = staticmethod(lambda *_: None)

    @property
    def judged(self) -> Any:
        """Return what tells both."""
        return self._both

    @judged.setter
    def judged(self, inner: Any) -> None:
        self.__dict__["inner"] = inner

    def _both(self, facts: Any, told: Any, now_ns: int) -> None:
        self.__dict__.get("inner", lambda *_: None)(facts, told, now_ns)
        self.__dict__.get("bench", lambda *_: None)(facts, told, now_ns)


def keys_of(tracks: Any) -> list[tuple[int, int, int, int]]:
    """Return what tells rows apart: number, time, revision, status."""
    columns = (tracks.track_id, tracks.time_ns, tracks.revision, tracks.status)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def warn(node: Any, record: Any, now_ns: int) -> None:
    """Release a warning that came as a record, as rules of warning will from what they see."""
    if isinstance(record, Status) and record.source[0] == "bench":
        node.exchange.tell(record, Product.WARNING, [int(record.value[0])], now_ns)


@dataclass
class Side:
    """One nation, over all lives of its node."""

    code: str
    folder: Path
    state: Path
    load: Load
    running: Running | None = None
    feed: Straight | None = None
    is_dead: bool = False
    steps_left: int | None = None
    arrived: bool = False
    lives: int = 0
    released: set[Key] = field(default_factory=set)
    warned: set[str] = field(default_factory=set)
    shown: Counter[str] = field(default_factory=Counter)
    heard: list[tuple[int, list[tuple[int, int]]]] = field(default_factory=list)
    counting: Any = None


class World:
    """Two nodes, a link and a clock."""

    def __init__(self, folder: Path, seed: int, cut_s: float, variant: str) -> None:
        self.rng = np.random.default_rng([seed, round(cut_s), VARIANTS.index(variant)])
        self.now_ns, self.folder = START_NS, folder
        self.wire = Wire()
        self.keys = coalition(folder / "keys", *NATIONS, exercise=EXERCISE)
        self.end_ns = START_NS + round((WARM_S + CUT_S + cut_s + AFTER_S) * NS_PER_S)
        self.sides = {code: self._side(code, seed, cut_s) for code in NATIONS}
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._n_events = 0
        self._opening = ""
        self.torn = self.kills = 0
        for code in NATIONS:
            self.start(code)
        cut_ns = START_NS + round((WARM_S + CUT_S * self.rng.random()) * NS_PER_S)
        self.back_ns = cut_ns + round(cut_s * NS_PER_S)
        self.at(cut_ns, self.cut)
        self.at(self.back_ns, self.wire.join)
        for k in range(6):
            self.at(START_NS + round(self.rng.uniform(3.0, WARM_S + cut_s + AFTER_S) * NS_PER_S), self._warn(k))
        killed = NATIONS if variant == VARIANTS[1] else (NATIONS[self.rng.integers(2)],)
        for code in killed:
            within = (0.1, 3.0) if variant == VARIANTS[2] else (0.0, cut_s)
            begin_ns = self.back_ns if variant == VARIANTS[2] else cut_ns
            self.at(begin_ns + round(self.rng.uniform(*within) * NS_PER_S), lambda code=code: self.kill(code))
        self.returns_ns = dict.fromkeys(NATIONS, self.back_ns)

    def _side(self, code: str, seed: int, cut_s: float) -> Side:
        partners = [other for other in NATIONS if other != code]
        checkpoint_s = self.rng.choice([3.0, 10.0, 30.0])
        links = f'links = [{{partner = "{partners[0]}", type = "memory", meeting = "bench"}}]'
        live = f"picture_s = 10.0\ncheckpoint_s = {checkpoint_s}\n{links}\n"
        (self.folder / f"{code}.toml").write_text(nation_file(code, live))
        (self.folder / f"{code}-policy.toml").write_text(rules(code, partners))
        load = Load(
            nation=code, n=TARGETS, period_s=PERIOD_S if cut_s < LONG_S else LONG_PERIOD_S, batches=2, seed=seed,
            start_ns=START_NS + 370_000_000, until_ns=self.end_ns,
            lives_s=(15.0, (self.end_ns - START_NS) / NS_PER_S),
        )  # fmt: skip
        state = self.folder / f"{code}-0"
        state.mkdir()
        (state / "secret.key").write_bytes(self.rng.bytes(32))  # else a repetition would not be the same again
        return Side(code, self.folder / f"{code}.toml", state, load)

    def at(self, time_ns: int, what: Callable[[], None]) -> None:
        """Let something happen."""
        self._n_events += 1
        heapq.heappush(self._events, (time_ns, self._n_events, what))

    def cut(self) -> None:
        """Cut the link; what is in its pipes is lost, or not."""
        for side in self.sides.values():
            if side.running is not None and self.rng.random() < 0.7:
                for link in side.running.node.links.values():
                    link.receive()
        self.wire.cut()

    def start(self, code: str) -> None:
        """Start a node, the first time or again."""
        side = self.sides[code]
        side.is_dead, side.steps_left, self._opening = False, None, code
        wanted = Wanted(
            nation=str(side.folder), keys=self.keys[code], state=side.state, feeds=("bench",),
            clock_ns=lambda: self.now_ns,
        )  # fmt: skip
        with Replaced(self, side):
            side.running = Running(wanted).__enter__()
            side.running.node.begin()
        side.lives += 1
        side.arrived = True

    def kill(self, code: str) -> None:
        """Kill a node, now or within the next steps."""
        side = self.sides[code]
        side.steps_left = 0 if self.rng.random() < 0.1 else int(self.rng.integers(1, POINTS))
        if not side.steps_left:
            self.step(side)

    def step(self, side: Side, torn: Path | None = None) -> None:
        """Note that a node has come to another step; take its disk as it is, if it dies here."""
        if side.is_dead or side.steps_left is None:
            return
        side.steps_left -= 1
        if side.steps_left > 0:
            return
        image = self.folder / f"{side.code}-{side.lives}"
        shutil.copytree(side.state, image)
        if torn is not None and self.rng.random() < 0.5:
            path = image / "journal" / torn.name
            path.write_bytes(path.read_bytes()[: -int(self.rng.integers(1, 40))])
            self.torn += 1
        side.is_dead, side.steps_left, side.state = True, None, image
        self.kills += 1

    def _bury(self, side: Side) -> None:
        """End what is left of a killed node, and start it again later."""
        assert side.running is not None
        side.running.__exit__()
        side.running = None
        again_ns = self.now_ns + round(self.rng.uniform(0.2, 3.0) * NS_PER_S)
        for code in NATIONS:
            self.returns_ns[code] = max(self.returns_ns[code], again_ns)

        def again() -> None:
            self.start(side.code)

        self.at(again_ns, again)

    def _warn(self, number: int) -> Callable[[], None]:
        def happen() -> None:
            for side in self.sides.values():
                if side.running is not None and side.feed is not None and not side.is_dead:
                    side.feed.extra.append(
                        Status(
                            time_ns=np.array([self.now_ns]), source=np.array(["bench"]),
                            subject=np.array([f"{side.code} {number}"]), value=np.array([float(number)]),
                        )
                    )  # fmt: skip
                    side.arrived = True

        return happen

    def run(self) -> None:
        """Run to the end."""
        end_ns = self.end_ns + round(SETTLE_S * NS_PER_S)
        while self.now_ns < end_ns:
            due = {
                code: min(
                    side.running.node.due_ns(),
                    side.feed.due_ns if side.feed.due_ns <= side.load.until_ns else end_ns,
                    self.now_ns + TRAVEL_NS if side.arrived else end_ns,
                )
                for code, side in self.sides.items()
                if side.running is not None and side.feed is not None
            }  # fmt: skip
            event_ns = self._events[0][0] if self._events else end_ns
            next_ns = min([event_ns, *due.values()])
            self.now_ns = max(self.now_ns, next_ns)
            if self._events and event_ns <= self.now_ns:
                heapq.heappop(self._events)[-1]()
            else:
                for code, due_ns in due.items():
                    if due_ns <= self.now_ns:
                        self.sides[code].arrived = False
                        self.sides[code].running.node.turn()
            for side in self.sides.values():
                if side.is_dead and side.running is not None:
                    self._bury(side)

    # What the nodes do, as they do it.

    def released(self, side: Side, told: Any) -> None:
        """Note what is released."""
        if side.is_dead:
            return
        for one in told.values():
            if one.tracks is not None:
                for key in keys_of(one.tracks):
                    side.released.add((side.code, *key))

    def took_effect(self, side: Side, owner: str, tracks: Any) -> None:
        """Note what takes effect."""
        if side.is_dead or owner == side.code:
            return
        rows = list(zip(tracks.track_id.tolist(), tracks.time_ns.tolist(), strict=True))
        side.heard.append((self.now_ns, rows))


class Replaced:
    """Parts of `run.live.running` with the bench's hooks in them."""

    NAMES = ("assemble", "StoreFile", "Memory", "open_feed", "open_link")

    def __init__(self, world: World, side: Side) -> None:
        self.world, self.side = world, side
        self._before = {name: getattr(running, name) for name in self.NAMES}

    def __enter__(self) -> None:
        for name in self.NAMES:
            setattr(running, name, getattr(self, name))

    def __exit__(self, *_: object) -> None:
        for name, value in self._before.items():
            if name != "open_link":  # a node opens its links later
                setattr(running, name, value)

    def assemble(self, *given: Any, **more: Any) -> Any:
        """Return a node that is watched."""
        world, side = self.world, self.side
        core, tracker = assemble(*given, **more)
        exchange = core.exchange
        inner = exchange.__dict__.pop("judged")
        exchange.__class__ = Judged
        exchange.judged = inner
        exchange.__dict__["bench"] = lambda _, told, __: world.released(side, told)
        exchange.fusion = side.counting = Counting(
            exchange.fusion, lambda owner, tracks: world.took_effect(side, owner, tracks)
        )
        receive = core.receive

        def received(record: Any, now_ns: int) -> None:
            receive(record, now_ns)
            if isinstance(record, Status) and record.source[0] == "bench" and not side.is_dead:
                side.warned.add(str(record.subject[0]))
            warn(core, record, now_ns)

        core.receive = received
        return core, tracker

    def StoreFile(self, path: Path) -> StoreFile:  # noqa: N802
        """Return a store whose every statement is a step."""
        file = StoreFile(path)
        file._db.set_trace_callback(lambda _: self.world.step(self.side))  # noqa: SLF001
        return file

    def Memory(self, folder: Path) -> Memory:  # noqa: N802
        """Return a memory whose writes are steps."""
        memory, world, side = Memory(folder), self.world, self.side
        write, keeping = memory.write, memory.keeping

        def written(record: Any, now_ns: int) -> None:
            world.step(side)
            write(record, now_ns)
            world.step(side, torn=memory._path(memory._segment))  # noqa: SLF001

        def kept(checkpoint: Iterable[bytes]) -> Iterator[None]:
            world.step(side)
            for part in keeping(checkpoint):
                world.step(side)
                yield part
            memory._settle()  # noqa: SLF001  (else a thread would write while the folder is copied)
            world.step(side)

        memory.write, memory.keeping = written, kept
        return memory

    def open_feed(self, *_: Any, **more: Any) -> Any:
        """Return the bench's feed."""
        self.side.feed = Straight(self.side.load, None, more["now_ns"])
        return self.side.feed

    def open_link(self, settings: Any, arrived: Any) -> Any:
        """Return an end of the bench's wire."""
        side = self.world.sides[settings["own"]]

        def came() -> None:
            side.arrived = True
            arrived()

        link = self.world.wire.end(came)
        send = link.send

        def sent(frame: bytes, *, urgent: bool) -> bool:
            self.world.step(side)
            return not side.is_dead and send(frame, urgent=urgent)

        link.send = sent
        return link


def run_again(world: World, side: Side) -> tuple[Counter[Key], Counter[str]]:
    """Return what took effect, as a node's whole journal says: rows of partners, and warnings."""
    segments = sorted((side.state / "journal").glob("*.mcap"))
    key = pki.identity(world.keys[side.code]).signing_key_at(world.now_ns)
    node = assemble(read_setup(segments[0]), keys=Own(key, (side.state / "secret.key").read_bytes()))[0]
    assert node.exchange is not None
    node.exchange.is_silent = True
    counting = node.exchange.fusion = Counting(node.exchange.fusion)
    warnings: Counter[str] = Counter()
    for path in segments:
        for now_ns, record in read_records(path):
            while (due_ns := node.wake_ns()) is not None and due_ns <= now_ns:
                node.wake(due_ns)
            node.receive(record, now_ns)
            warnings.update(str(out.record.subject[0]) for out in node.take() if out.channel == "warning")
    return counting.rows, warnings


def picture_back(sender: Side, receiver: Side, back_ns: int, again_ns: int) -> tuple[float, int, int]:
    """Return how long the newest of all tracks took to come, and how many rows of history came before, and in all.

    It is counted from the link's return, or, where it came only after a node that was killed then had been started
    again, from that: what is dead receives nothing. What a node that is started again reads of its own journal at that
    instant did not come over the link.
    """
    wanted: dict[int, int] = {}
    for _, number, time_ns, *_ in sender.released:
        if time_ns <= back_ns:
            wanted[number] = max(wanted.get(number, 0), time_ns)
    lacking = dict(wanted)
    before = history = 0
    whole_ns = None
    for now_ns, rows in receiver.heard:
        for number, time_ns in rows:
            is_history = now_ns > back_ns and now_ns != again_ns and time_ns < wanted.get(number, time_ns)
            history += is_history
            before += is_history and bool(lacking)
            if lacking.get(number, time_ns + 1) <= time_ns:
                del lacking[number]
        if not lacking and whole_ns is None:
            whole_ns = max(now_ns, back_ns)
    if whole_ns is None:
        return np.inf, before, history
    return (whole_ns - (again_ns if whole_ns >= again_ns else back_ns)) / NS_PER_S, before, history


def repetition(seed: int, cut_s: float, variant: str, keep: Path | None = None) -> dict[str, Any]:
    """Return what was found in one run."""
    room = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="noroshi-cut-", dir=room) as name:
        world = World(Path(name), seed, cut_s, variant)
        world.run()
        for side in world.sides.values():
            assert side.running is not None
            side.running.__exit__()
        found = {"seed": seed, "cut_s": cut_s, "variant": variant, "kills": world.kills, "torn": world.torn}
        totals: Counter[str] = Counter()
        for at, of in (NATIONS, NATIONS[::-1]):
            receiver, sender = world.sides[at], world.sides[of]
            again, warnings = run_again(world, receiver)
            for how, rows in (("lives", receiver.counting.rows), ("journal", again)):
                theirs = {key: n for key, n in rows.items() if key[0] == of}
                totals[f"missing ({how})"] += len(sender.released - set(theirs))
                totals[f"never released ({how})"] += len(set(theirs) - sender.released)
                totals[f"twice ({how})"] += sum(n > 1 for n in theirs.values())
            totals["released"] += len(sender.released)
            totals["warnings"] += len(sender.warned)
            totals["warnings missing"] += len(sender.warned - set(warnings))
            totals["warnings twice"] += sum(n > 1 for n in warnings.values())
            again_ns = max(world.returns_ns.values())
            back_ns = again_ns if variant != VARIANTS[2] else world.back_ns
            took_s, before, history = picture_back(sender, receiver, back_ns, again_ns)
            found[f"picture back {of} at {at} s"] = round(took_s, 3)
            totals["history before the picture"] += before
            totals["history"] += history
        if keep is not None and any(totals[name] for name in totals if name.startswith(("missing", "twice"))):
            shutil.copytree(name, keep / f"{seed}-{cut_s}-{variant}", dirs_exist_ok=True)
    return found | dict(totals)


def real(seed: int, cut_s: float = 5.0) -> dict[str, Any]:
    """Return what was found with two real processes, of which one got signal 9 while their line was cut."""
    rng = np.random.default_rng([seed, 9])
    nations = {"JPN": "japan", "USA": "united_states"}
    with tempfile.TemporaryDirectory(prefix="noroshi-cut-") as name:
        start_ns = (time.time_ns() // NS_PER_S + 20) * NS_PER_S
        net = Network(
            folder=Path(name), scenario="trilateral", exercise=read_scenario("trilateral").name, nations=nations,
            start_ns=start_ns, with_proxies=True,
        )  # fmt: skip
        for code in nations:
            net.start(code)
        cut_ns = start_ns + round((15.0 + rng.random()) * NS_PER_S)
        killed = list(nations)[rng.integers(2)]
        net.wait_until(cut_ns)
        (proxy,) = net.proxies.values()
        proxy.cut()
        net.wait_until(cut_ns + round(rng.uniform(0.5, cut_s) * NS_PER_S))
        net.kill(killed)
        net.start(killed)
        net.wait_until(cut_ns + round(cut_s * NS_PER_S))
        proxy.join()
        end_ns = cut_ns + round((cut_s + 40.0) * NS_PER_S)
        net.wait_until(end_ns)
        net.stop()
        totals: Counter[str] = Counter()
        seen = {code: _of_journal(net, code) for code in nations}
        for at, of in (NATIONS, NATIONS[::-1]):
            released = {key for key, now_ns in seen[of][0].items() if now_ns < end_ns - 10 * NS_PER_S}
            theirs = {key: n for key, n in seen[at][1].items() if key[0] == of}
            totals["released"] += len(released)
            totals["missing"] += len(released - set(theirs))
            totals["never released"] += len(set(theirs) - set(seen[of][0]))
            # a row may be told again as it was: when what it hung on came late and changed nothing of it
            totals["released again"] += sum(n > 1 for n in seen[of][2].values())
            totals["twice"] += sum(n > seen[of][2][key] for key, n in theirs.items())
            totals["segments"] += len(list((net.state(at) / "journal").glob("*.mcap")))
    return {"seed": seed, "killed": killed, **totals}


def _of_journal(net: Network, code: str) -> tuple[dict[Key, int], Counter[Key], Counter[Key]]:
    """Return what a node released and when, what took effect in it, and what it released how often, by its journal."""
    node = net.node(code)
    assert node.exchange is not None
    node.exchange.is_silent = True
    counting = node.exchange.fusion = Counting(node.exchange.fusion)
    released: dict[Key, int] = {}
    often: Counter[Key] = Counter()

    def judged(_: Any, told: Any, now_ns: int) -> None:
        for one in told.values():
            if one.tracks is not None:
                keys = [(code, *key) for key in keys_of(one.tracks)]
                released.update((key, now_ns) for key in keys)
                often.update(keys)

    node.exchange.judged = judged
    for now_ns, record in net.journal(code):
        while (due_ns := node.wake_ns()) is not None and due_ns <= now_ns:
            node.wake(due_ns)
        node.receive(record, now_ns)
        node.take()
    return released, counting.rows, often


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repetitions", type=int, default=50)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--cuts", type=float, nargs="+", default=[5.0, 60.0, 600.0])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--real", type=int, default=3, help="so many cuts of 5 s with two processes and signal 9")
    asked = parser.parse_args()
    kernel_cache.prepare()
    begin_s = time.process_time()
    runs = []
    for seed in range(asked.first, asked.first + asked.repetitions):
        for cut_s in asked.cuts:
            runs.append(repetition(seed, cut_s, VARIANTS[seed % len(VARIANTS)], asked.keep))
            if not asked.json:
                print(runs[-1], flush=True)
    if asked.real:
        warm("trilateral", 30.0)
    processes = [real(seed) for seed in range(asked.real)]
    print(json.dumps(summed(runs) | {
        "with_processes": processes,
        "bench": "cut_links", "repetitions": asked.repetitions, "first_seed": asked.first,
        "cpu_s": round(time.process_time() - begin_s, 1), "python": platform.python_version(),
        **{each: version(each) for each in ("noroshi", "numpy", "msgspec")},
    }))  # fmt: skip


def summed(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of all runs, by length of the cut and variant."""
    found: dict[str, Any] = {}
    for cut_s in sorted({run["cut_s"] for run in runs}):
        for variant in VARIANTS:
            some = [run for run in runs if run["cut_s"] == cut_s and run["variant"] == variant]
            if not some:
                continue
            counted = {name for run in some for name, value in run.items() if isinstance(value, int)} - {"seed"}
            times_s = [value for run in some for name, value in run.items() if name.startswith("picture back")]
            found[f"{cut_s:g} s, {variant}"] = {
                "runs": len(some),
                **{name: sum(run.get(name, 0) for run in some) for name in sorted(counted)},
                "picture_back_median_s": float(np.median(times_s)),
                "picture_back_max_s": float(np.max(times_s)),
            }
    return {"cuts": found}


if __name__ == "__main__":
    main()
