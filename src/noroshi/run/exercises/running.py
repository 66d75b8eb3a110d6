"""Running an exercise: its nodes spread over processes, from the beginning or from a checkpoint."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from noroshi.formats import FormatError
from noroshi.formats.columns import pack, unpack
from noroshi.geo.time import NS_PER_S
from noroshi.node.core import Node
from noroshi.node.outgoing import Outgoing
from noroshi.records import Batch, Status, Tracks, joined_by_sensor
from noroshi.records.known import Known
from noroshi.run.exercises.books import WORLD, Books, digests, write_world
from noroshi.run.exercises.driver import Driver, Plotted
from noroshi.run.exercises.processes import Alone, Meeting, spread
from noroshi.run.exercises.staff import scripted
from noroshi.run.exercises.staging import PICTURE_S, PUMP_S, SPAN_S, Cast, Stage, cast, planners, stage
from noroshi.run.scenarios import Scenario, read_scenario

PARTS = ("seeing", "tracking", "sharing", "journal")
DIGEST_BYTES = 32
HEARD = OWN, FUSED = ("picture", "fused")
TOLD = ("launch", "threats", "proposal", "decision", "alert")

Progress = Callable[[float], None]
Told = tuple[str, int, str, Batch]
"""What a node warned of: which node, when, on which channel, what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a scenario is run.

    Attributes:
        scenario: a file, or the name of a shipped one.
        also: nations that take part beside those it names.
        folder: where the journals are written; it exists. None: they are not kept, only digested, and a run that stops
            before the end cannot go on.
        replicate: which repetition.
        span_s: how much a sensor sees before it tells.
        picture_s: how often a node gives out its picture.
        until_s: stop so long after the start; at the scenario's end if None.
        threads: of each process, for large batches; the journals are the same.
        pump_s: how often a node looks at its links.
        sharing: whether the nations' links carry anything.
    """

    scenario: str
    also: tuple[str, ...] = ()
    folder: Path | None
    replicate: int = 0
    span_s: float = SPAN_S
    picture_s: float = PICTURE_S
    until_s: float | None = None
    threads: int = 1
    pump_s: float = PUMP_S
    sharing: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ran:
    """What came of a run.

    Attributes:
        scenario, cast: what was run.
        until_s: where it stopped before the scenario's end, if it did.
        tracks: the pictures of each node of its own sensors, one after another; None where it had none.
        fused: the pictures of each node of all that share with it; none of nodes without partners.
        told: what nodes warned of, in order: which node, when, on which channel (of `TOLD`), what.
        plots: which sensor saw which threat when, in the order of when it was taken.
        alarms: by (node, partner or rule, what), how often a link was found wrong, or began a rule to fail.
        sent_bytes: by "owner>recipient", what was put on the link.
        refused: by (node, sensor, reason), how many detections could not be used.
        n_events, n_unheard: how many events there were, and how many messages came to nodes that did not run.
        seconds: processor seconds by part of the work, all processes together.
        process_s: processor seconds of each process, from the first event to the last.
        wall_s: from the first event to the last, the slowest process.
        start_up_s: before that: reading, flying the truth, starting processes, loading kernels.
        digests: of the journals, by node, and of the world's, if they are kept.
        checkpoint: to go on from, if the run stopped before the end.
    """

    scenario: Scenario
    cast: Cast
    until_s: float | None
    tracks: Mapping[str, Tracks | None]
    fused: Mapping[str, Tracks]
    told: tuple[Told, ...]
    plots: tuple[Plotted, ...]
    alarms: Counter[tuple[str, str, str]]
    sent_bytes: Mapping[str, int]
    refused: Counter[tuple[str, str, str]]
    n_events: int
    n_unheard: int
    seconds: Mapping[str, float]
    process_s: tuple[float, ...] = ()
    wall_s: float
    start_up_s: float
    digests: Mapping[str, str]
    checkpoint: bytes | None


@dataclass(slots=True, kw_only=True)
class _Acted:
    """What came of one process's nodes."""

    heard: dict[str, dict[str, list[Tracks]]]
    told: list[Told] = field(default_factory=list)
    plots: list[Plotted] = field(default_factory=list)
    refused: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    alarms: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    sent_bytes: dict[str, int] = field(default_factory=dict)
    n_events: int = 0
    n_unheard: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    process_s: float = 0.0
    wall_s: float = 0.0
    memory: bytes = b""
    digests: dict[str, str] = field(default_factory=dict)


def run(
    plan: Plan,
    *,
    processes: int = 1,
    resume: bytes | None = None,
    progress: Progress = lambda _: None,
    known: Known | None = None,
    forked: bool = False,
) -> Ran:
    """Run a scenario.

    Args:
        plan: what and how.
        processes: over how many its nodes are spread; the journals are the same.
        resume: a checkpoint of the same scenario to go on from. Its journals go on as new segments in the same folder.
        progress: told how far the slowest process is, in seconds of the exercise.
        known: what nodes' own tracks were in runs before, for runs that have some in common; None remembers nothing.
            Of use where one process runs all, or copies of one do.
        forked: see `processes.spread`.

    Raises:
        ScenarioError, ValueError: if the scenario is wrong.
        FormatError: if the checkpoint is none of this scenario.
    """
    since = time.perf_counter()
    scenario = read_scenario(plan.scenario, plan.also)
    everything = cast(scenario, plan.replicate)
    groups, memories = _groups(scenario, everything, processes), None
    told: dict[str, str] = {}
    if resume is not None:
        groups, memories = _remembered(scenario, plan, resume)
    elif plan.folder is not None:
        told = {WORLD: write_world(plan.folder, scenario, everything.bodies, plan.replicate)}
    acted = _act_all(plan, everything, groups, memories or [None] * len(groups), progress, known, forked=forked)
    acting_s = max(each.wall_s for each in acted)
    heard = {channel: {name: rows for each in acted for name, rows in each.heard[channel].items()} for channel in HEARD}
    codes = [nation.code for nation in scenario.nations]
    stopped = plan.until_s is not None and plan.until_s < scenario.duration_s
    told |= {code: digest for each in acted for code, digest in each.digests.items()}
    if plan.folder is not None and not told.keys() >= set(codes):  # it goes on, and has only what is new
        told = digests(plan.folder, codes)
    return Ran(
        scenario=scenario,
        cast=everything,
        until_s=plan.until_s if stopped else None,
        tracks={code: joined_by_sensor(heard[OWN][code]) if heard[OWN][code] else None for code in codes},
        fused={code: joined_by_sensor(heard[FUSED][code]) for code in codes if heard[FUSED][code]},
        told=_all_told(acted),
        plots=tuple(sorted((plot for each in acted for plot in each.plots), key=lambda plot: (plot.taken_ns, plot))),
        alarms=sum((each.alarms for each in acted), Counter()),
        sent_bytes={way: n for each in acted for way, n in sorted(each.sent_bytes.items())},
        refused=sum((each.refused for each in acted), Counter()),
        n_events=sum(each.n_events for each in acted),
        n_unheard=sum(each.n_unheard for each in acted),
        seconds={name: sum(each.seconds.get(name, 0.0) for each in acted) for name in PARTS},
        process_s=tuple(each.process_s for each in acted),
        wall_s=acting_s,
        start_up_s=time.perf_counter() - since - acting_s,
        digests={name: told[name] for name in (*codes, WORLD) if name in told},
        checkpoint=_checkpoint(scenario, plan, groups, acted, told) if stopped and plan.folder is not None else None,
    )


def _all_told(acted: Sequence[_Acted]) -> tuple[Told, ...]:
    """Return what all nodes warned of, in the order of time and of nodes' names."""
    return tuple(sorted((one for each in acted for one in each.told), key=lambda one: (one[1], one[0])))


def _groups(scenario: Scenario, everything: Cast, processes: int) -> list[list[str]]:
    """Return the nations of each process: the busiest first, each to the process that has least to do."""
    loads = {nation.code: len(everything.eyes[nation.code]) for nation in scenario.nations}
    groups: list[list[str]] = [[] for _ in range(max(1, min(processes, len(loads))))]
    for code in sorted(loads, key=lambda code: (-loads[code], code)):
        min(groups, key=lambda group: sum(loads[each] for each in group)).append(code)
    return groups


def _act_all(
    plan: Plan,
    everything: Cast,
    groups: Sequence[list[str]],
    memories: Sequence[bytes | None],
    progress: Progress,
    known: Known | None,
    *,
    forked: bool,
) -> list[_Acted]:
    if len(groups) == 1:
        return [_act(plan, groups, memories, 0, Alone(), progress, everything, known)]
    act = partial(_act, plan, groups, memories)
    if forked:  # copies have it as it is; else it is too much to be handed over
        act = partial(act, everything=everything, known=known)
    return spread(groups, act, progress, forked=forked)


def _act(
    plan: Plan,
    groups: Sequence[list[str]],
    memories: Sequence[bytes | None],
    place: int,
    meeting: Meeting,
    progress: Progress,
    everything: Cast | None = None,
    known: Known | None = None,
) -> _Acted:
    """Run the nodes and sensors of some nations, in a world that is flown already or is flown here."""
    scenario = read_scenario(plan.scenario, plan.also)
    set_up = stage(
        scenario,
        codes=groups[place],
        replicate=plan.replicate,
        span_s=plan.span_s,
        picture_s=plan.picture_s,
        pump_s=plan.pump_s,
        sharing=plan.sharing,
        everything=everything,
    )
    acted = _Acted(heard={channel: {code: [] for code in set_up.setups} for channel in HEARD})

    def heard(node: str, out: Outgoing, now_ns: int) -> None:
        if out.channel in TOLD:
            acted.told.append((node, now_ns, out.channel, out.record))
        elif isinstance(out.record, Tracks):
            acted.heard[out.channel][node].append(out.record)
        elif isinstance(out.record, Status) and out.channel == "alarm":
            acted.alarms[node, str(out.record.source[0]), str(out.record.subject[0])] += 1

    end_ns = scenario.end_ns
    if plan.until_s is not None:
        end_ns = min(end_ns, scenario.start_ns + round(plan.until_s * NS_PER_S))
    with ExitStack() as stack:
        books = stack.enter_context(Books(plan.folder, set_up.setups))
        executor = stack.enter_context(ThreadPoolExecutor(plan.threads)) if plan.threads > 1 else None
        driver = Driver(
            scenario.start_ns,
            scenario.end_ns,
            feeds=set_up.feeds,
            make=partial(_undrawn, set_up, executor, known),
            names=list(set_up.setups),
            books=books,
            links=set_up.links,
            faults=set_up.faults,
            heard=heard,
            people=scripted(scenario, plan.replicate),
            planners=planners(scenario, set_up.cast, plan.replicate, sharing=plan.sharing),
            noted=set_up.cast.threats,
        )
        if (memory := memories[place]) is not None:
            _recall(memory, driver, acted)
        since, spent_s = time.perf_counter(), time.process_time()
        meeting = meeting if plan.sharing and scenario.links() else Alone()
        while driver.now_ns < end_ns:
            driver.run(min(_next_meeting(driver.now_ns, round(plan.pump_s * NS_PER_S)), end_ns))
            driver.enter(meeting.meet(driver.leaving))
            driver.leaving = []
            progress((driver.now_ns - scenario.start_ns) / NS_PER_S)
        acted.wall_s, acted.process_s = time.perf_counter() - since, time.process_time() - spent_s
        if end_ns < scenario.end_ns and plan.folder is not None:
            rows = {
                channel: {name: pack(joined_by_sensor(rows)) if rows else b"" for name, rows in nodes.items()}
                for channel, nodes in acted.heard.items()
            }
            told = [(node, now_ns, channel, pack(record)) for node, now_ns, channel, record in acted.told]
            acted.memory = msgspec.msgpack.encode({"driver": driver.checkpoint(), "heard": rows, "told": told})
    for name, node in driver.nodes.items():
        acted.refused.update({(name, *key): n for key, n in node.refused.items()})
        if node.exchange:
            acted.sent_bytes |= {f"{name}>{code}": one.sent_bytes for code, one in node.exchange.channels.items()}
    acted.plots, acted.digests = driver.plots, books.digests()
    acted.n_events, acted.n_unheard, acted.seconds = driver.n_events, driver.n_unheard, dict(driver.seconds)
    return acted


def _undrawn(set_up: Stage, executor: Executor | None, known: Known | None, name: str) -> Node:
    """Return a new node that nobody looks at while it runs."""
    node = set_up.node(name, executor, known)
    if node.watch:
        node.watch.is_drawn = False
    return node


def _next_meeting(now_ns: int, pump_ns: int) -> int:
    """Return just after when nodes look at their links next: what they send then arrives later than this."""
    return -(-now_ns // pump_ns) * pump_ns + 1


def _recall(memory: bytes, driver: Driver, acted: _Acted) -> None:
    try:
        content = msgspec.msgpack.decode(memory)
        driver.resume(content["driver"])
        acted.told = [(node, now_ns, channel, unpack(data)) for node, now_ns, channel, data in content["told"]]
        for channel, nodes in content["heard"].items():
            for name, rows in nodes.items():
                known = unpack(rows) if rows else None
                if isinstance(known, Tracks):
                    acted.heard[channel][name].append(known)
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise FormatError(f"not a checkpoint of this exercise: {error}") from error


def _checkpoint(
    scenario: Scenario, plan: Plan, groups: list[list[str]], acted: Sequence[_Acted], told: Mapping[str, str]
) -> bytes:
    content = msgspec.msgpack.encode(
        {
            "files": scenario.texts(),
            "until_s": plan.until_s,
            "digests": dict(told),
            "replicate": plan.replicate,
            "span_s": plan.span_s,
            "picture_s": plan.picture_s,
            "pump_s": plan.pump_s,
            "sharing": plan.sharing,
            "groups": groups,
            "memories": [each.memory for each in acted],
        }
    )
    return hashlib.sha256(content).digest() + content


def _remembered(scenario: Scenario, plan: Plan, checkpoint: bytes) -> tuple[list[list[str]], list[bytes | None]]:
    """Return the nations and the memory of each process of a checkpoint.

    Raises:
        FormatError: if it is of another scenario, or was run otherwise.
    """
    if plan.folder is None:
        raise FormatError("cannot go on from a checkpoint without the journals of what was before")
    if hashlib.sha256(checkpoint[DIGEST_BYTES:]).digest() != checkpoint[:DIGEST_BYTES]:
        raise FormatError("not a checkpoint of an exercise, or a damaged one")
    try:
        content = msgspec.msgpack.decode(checkpoint[DIGEST_BYTES:])
        journals = digests(plan.folder, [nation.code for nation in scenario.nations])
        same = [
            ("files", scenario.texts(), "the scenario or a nation's file has changed since"),
            ("replicate", plan.replicate, "it is of another replicate"),
            ("span_s", plan.span_s, "its sensors told at other times"),
            ("picture_s", plan.picture_s, "its nodes gave out pictures at other times"),
            ("pump_s", plan.pump_s, "its nodes looked at their links at other times"),
            ("sharing", plan.sharing, "its links carried something, or did not"),
            ("digests", journals, f"the journals in {plan.folder} are not those that it left"),
        ]
        for key, value, wrong in same:
            if content[key] != value:
                raise FormatError(f"cannot go on from this checkpoint: {wrong}")
        if plan.until_s is not None and plan.until_s <= content["until_s"]:
            raise FormatError(f"this checkpoint is of {content['until_s']:g} s; stop later, or not at all")
        return content["groups"], content["memories"]
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise FormatError(f"not a checkpoint of an exercise: {error}") from error
