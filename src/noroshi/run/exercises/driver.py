"""A heap of due events, and a clock that jumps from one to the next.

The nodes are the same as live and replayed ones: they are told the time and handed records. What happens at one moment
is in this order: what sensors' ways bring, what links bring, what sensors are told, what they have finished seeing,
what a node does because it wanted to be woken, what people say, what they plan; among arrivals those of older plots
first, and among equals by name and number. So the same scenario gives the same bytes. Messages for nodes of another
process leave by `leaving` and come in by `enter`.
"""

import heapq
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, ParamSpec, TypeVar

import msgspec
import numpy as np

from noroshi.command.matters import key_of
from noroshi.command.rows import rows_of
from noroshi.command.transitions import Action, Step
from noroshi.exercise.aims import Aim
from noroshi.exercise.injects import NodeFault
from noroshi.exercise.observers import Sighting, Watch
from noroshi.exercise.planning import Plans, aims_of
from noroshi.exercise.ports import Message, Port
from noroshi.exercise.staff import Staff
from noroshi.formats import FormatError
from noroshi.formats.columns import pack, unpack
from noroshi.node.core import Node
from noroshi.node.outgoing import Outgoing
from noroshi.records import Alert, Batch, Decision, Detections, Frame, Status, Tracks
from noroshi.run.batches import one_each
from noroshi.run.exercises.books import Books

P = ParamSpec("P")
T = TypeVar("T")

ARRIVES, HEARD, TOLD, SEEN, WAKES, SAYS, PLANS = range(7)
CARRIED = (ARRIVES, HEARD, TOLD)
COPIES_MAX = 1_000  # of one message of a link
Event = tuple[int, int, int, str, int, Any]
"""When, what, of when, whose, number; these five are never equal in two events."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feed:
    """One sensor, and its way to a node.

    Attributes:
        name: of the sensor.
        watch: what it truly sees.
        node: whom it tells.
        first_ns, span_ns: how much it sees before it tells for the first time, and between two times.
        port: the way to the node.
        back: the way back to the sensor, for what it is told; None if it cannot be told anything.
    """

    name: str
    watch: Watch
    node: str
    first_ns: int
    span_ns: int
    port: Port
    back: Port | None = None

    def span(self, number: int) -> tuple[int, int]:
        """Return from when to when after the start it sees what it tells the time of this number."""
        end_ns = self.first_ns + number * self.span_ns
        return (end_ns - self.span_ns if number else 0), end_ns


class Plotted(NamedTuple):
    """That a sensor saw a target in one of its spans; only the assessment gets this.

    Attributes:
        node: whose sensor.
        sensor, target: their names.
        taken_ns: when the first plot of the span was taken, by the sensor's clock.
        heard_ns: when the node hears it; -1 if what the sensor told is lost on the way.
    """

    node: str
    sensor: str
    target: str
    taken_ns: int
    heard_ns: int


class Driver:
    """Runs nodes in a world.

    Args:
        start_ns, end_ns: of the exercise.
        feeds: all sensors whose nodes are here.
        links: the way from each node here to each partner, by (owner, recipient).
        make: makes a new node of a name.
        names: of the nodes, in order.
        books: where a record is written before its node sees it.
        faults: which nodes do not run when.
        heard: told (node, what it sent, now_ns).
        people: who decide, if anybody does.
        planners: who plan something, by names of the plans.
        noted: the targets of which `plots` says when they were seen.
    """

    def __init__(
        self,
        start_ns: int,
        end_ns: int,
        *,
        feeds: Sequence[Feed],
        make: Callable[[str], Node],
        names: Sequence[str],
        books: Books,
        links: Mapping[tuple[str, str], Port] | None = None,
        faults: Sequence[NodeFault] = (),
        heard: Callable[[str, Outgoing, int], None] = lambda *_: None,
        people: Staff | None = None,
        planners: Mapping[str, Plans] | None = None,
        noted: Iterable[str] = (),
    ) -> None:
        self.start_ns, self.end_ns = start_ns, end_ns
        self.nodes = {name: make(name) for name in names}
        self.now_ns = start_ns
        self.n_events = 0
        self.n_unheard = 0
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.leaving: list[Event] = []
        self.plots: list[Plotted] = []
        self._noted = frozenset(noted)
        self._feeds = {feed.name: feed for feed in feeds}
        self._links = dict(links or {})
        self._make = make
        self._faults = tuple(faults)
        self._books = books
        self._heard, self._people = heard, people
        self._planners = {
            name: planner for name, planner in (planners or {}).items() if planner.player.nation in self.nodes
        }
        self._n_deliveries = 0
        self._n_forgotten = dict.fromkeys(names, 0)
        self._wakes: dict[str, int | None] = dict.fromkeys(names)
        self._says: dict[str, int | None] = dict.fromkeys(names)
        self._heap: list[Event] = [self._next_seen(name, 0) for name in self._feeds]
        self._heap += [
            (start_ns, ARRIVES, 0, name, -1, _begins(name, start_ns)) for name in names if self._shares(name)
        ]
        heapq.heapify(self._heap)
        for name in self._planners:
            self._note_planner(self._heap, name)

    def run(self, until_ns: int, progress: Callable[[int], None] = lambda _: None) -> None:
        """Let everything happen that is due before `until_ns`; at the exercise's end, what is due then too.

        Args:
            until_ns: up to when.
            progress: told the time after each event.
        """
        last_ns = until_ns - 1 if until_ns < self.end_ns else self.end_ns
        while self._heap and self._heap[0][0] <= last_ns:
            at_ns, what, _, whose, number, payload = heapq.heappop(self._heap)
            self.now_ns = at_ns
            self.n_events += 1
            if what == ARRIVES:
                self._arrive(whose, payload.payload)
            elif what == HEARD:
                self._arrive(payload.receiver, Frame.of(payload.sender, payload.payload))
            elif what == SEEN:
                self._see(self._feeds[whose], number)
            elif what == SAYS:
                self._say(whose)
            elif what == PLANS:
                self._plan(whose)
            elif what == TOLD:
                self._feeds[whose].watch.tell(aims_in(payload.payload), at_ns)
            else:
                self._wake(whose)
            progress(at_ns)
        self.now_ns = max(self.now_ns, min(until_ns, self.end_ns))
        if until_ns >= self.end_ns:
            for name in [name for name in self.nodes if not self._faults_of(name)]:
                self.nodes[name].end()
                self._after(name)

    def enter(self, events: Iterable[Event]) -> None:
        """Take in what left another process for nodes here."""
        for event in events:
            heapq.heappush(self._heap, event)

    def tell(self, name: str, record: Batch) -> None:
        """Hand a node a record that comes from outside the exercise, now; one that does not run hears nothing."""
        self._arrive(name, record)

    def seat(self, name: str) -> None:
        """Let the people of a node look anew: another one sits there now."""
        self._note_people(name)

    def checkpoint(self) -> bytes:
        """Return all that `resume` needs in a driver of the same scenario."""
        arriving = [event for event in sorted(self._heap, key=_order) if event[1] in CARRIED]
        return msgspec.msgpack.encode(
            {
                "now_ns": self.now_ns,
                "n_events": self.n_events,
                "n_deliveries": self._n_deliveries,
                "n_unheard": self.n_unheard,
                "n_forgotten": self._n_forgotten,
                "arriving": [
                    [at, what, of, whose, number, *_packed(message)]
                    for at, what, of, whose, number, message in arriving
                ],
                "people": self._people.state() if self._people else None,
                "says": self._says,
                "planners": {name: _planner_memory(planner) for name, planner in self._planners.items()},
                "aims": {
                    name: [feed.back.state(), aims.state()]
                    for name, feed in self._feeds.items()
                    if feed.back is not None and (aims := feed.watch.scene.aims) is not None
                },
                "plots": self.plots,
                "spans": {name: number for _, what, _, name, number, _ in self._heap if what == SEEN},
                "ports": {name: feed.port.state() for name, feed in self._feeds.items()},
                "links": [[*pair, port.state()] for pair, port in self._links.items()],
                "nodes": {name: node.checkpoint() for name, node in self.nodes.items()},
                "wakes": self._wakes,
            }
        )

    def resume(self, checkpoint: bytes) -> None:
        """Become the driver that gave this checkpoint.

        Raises:
            FormatError: if these bytes are no checkpoint of such a driver.
        """
        try:
            memory = msgspec.msgpack.decode(checkpoint)
            heap: list[Event] = [self._next_seen(name, number) for name, number in memory["spans"].items()]
            for at_ns, what, of_ns, whose, number, *packed in memory["arriving"]:
                heap.append((at_ns, what, of_ns, whose, number, _unpacked(*packed)))
            if self._people and memory["people"] is not None:
                self._people.restore(memory["people"])
            self._says = memory["says"]
            heap += [(at_ns, SAYS, 0, name, 0, None) for name, at_ns in self._says.items() if at_ns is not None]
            for name, (mind, picture) in memory["planners"].items():
                self._planners[name].restore(mind)
                seen = unpack(picture) if picture else None
                self._planners[name].picture = seen if isinstance(seen, Tracks) else None
                self._note_planner(heap, name)
            for name, (way, told) in memory["aims"].items():
                back, aims = self._feeds[name].back, self._feeds[name].watch.scene.aims
                assert back is not None
                assert aims is not None
                back.restore(way)
                aims.restore(told)
            for name, state in memory["ports"].items():
                self._feeds[name].port.restore(state)
            for owner, recipient, state in memory["links"]:
                self._links[owner, recipient].restore(state)
            for name, state in memory["nodes"].items():
                self.nodes[name].resume(state)
            for name, at_ns in memory["wakes"].items():
                self._wakes[name] = at_ns
                if at_ns is not None:
                    heap.append((at_ns, WAKES, 0, name, 0, None))
            heapq.heapify(heap)
            self._heap = heap
            self.now_ns, self.n_events = memory["now_ns"], memory["n_events"]
            self._n_deliveries, self.n_unheard = memory["n_deliveries"], memory["n_unheard"]
            self._n_forgotten = memory["n_forgotten"]
            self.plots = [Plotted(*plot) for plot in memory["plots"]]
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise FormatError(f"not a checkpoint of this exercise: {error}") from error

    def _next_seen(self, name: str, number: int) -> Event:
        end_ns = min(self.start_ns + self._feeds[name].span(number)[1], self.end_ns)
        return (end_ns, SEEN, 0, name, number, None)

    def _see(self, feed: Feed, number: int) -> None:
        """Let a sensor tell what it saw in its span, which ends now."""
        start_ns = self.start_ns + feed.span(number)[0]
        sighting, batches = self._timed("seeing", _seen, feed.watch, start_ns, self.now_ns)
        heard_ns = []
        for batch in batches:
            newest_ns = int(batch.time_ns.max())
            for delivery in feed.port.send(feed.name, feed.node, batch, self.now_ns):
                event = (delivery.at_ns, ARRIVES, newest_ns, feed.node, self._n_deliveries, delivery.message)
                heapq.heappush(self._heap, event)
                self._n_deliveries += 1
                heard_ns.append(delivery.at_ns)
        for target in sorted(self._noted.intersection(sighting.owner.tolist())):
            taken_ns = int(sighting.detections.time_ns[sighting.owner == target][0])
            self.plots.append(Plotted(feed.node, feed.name, target, taken_ns, min(heard_ns, default=-1)))
        if self.now_ns < self.end_ns:
            heapq.heappush(self._heap, self._next_seen(feed.name, number + 1))

    def _arrive(self, name: str, record: Batch) -> None:
        """Hand a record to a node; one that does not run hears nothing."""
        if not self._runs(name):
            self.n_unheard += 1
            return
        self._timed("journal", self._books.write, name, record, self.now_ns)
        what = "sharing" if isinstance(record, Frame) else "tracking"
        self._timed(what, self.nodes[name].receive, record, self.now_ns)
        self._after(name)

    def _wake(self, name: str) -> None:
        """Wake a node that still wants to be woken now; one that does not run sleeps until it starts again."""
        if self._wakes[name] != self.now_ns:
            return
        self._wakes[name] = None
        if not self._runs(name):
            restart_ns = max(fault.end_ns for fault in self._faults_of(name))
            self._wakes[name] = restart_ns
            heapq.heappush(self._heap, (restart_ns, WAKES, 0, name, 0, None))
            return
        self._timed("tracking", self.nodes[name].wake, self.now_ns)
        self._after(name)

    def _say(self, name: str) -> None:
        """Let people say what they have to say now; those of a node that does not run wait until it starts again."""
        if self._people is None or self._says[name] != self.now_ns:
            return
        self._says[name] = None
        if not self._runs(name):
            self._expect(name, max(fault.end_ns for fault in self._faults_of(name)))
            return
        watch = self.nodes[name].watch
        for said in self._people.say(watch.command.book, self.now_ns) if watch else []:
            self._arrive(name, said)
        self._note_people(name)

    def _plan(self, name: str) -> None:
        """Let somebody plan by the picture that the node gave out last, and propose it."""
        planner = self._planners[name]
        nation = planner.player.nation
        runs, watch = self._runs(nation), self.nodes[nation].watch
        if watch is not None:
            said = self._timed("planning", planner.plan, watch.command.book, self.now_ns)
            for one in said if runs else []:
                self._arrive(nation, one)
        self._note_planner(self._heap, name)

    def _note_planner(self, heap: list[Event], name: str) -> None:
        due_ns = self._planners[name].wake_ns()
        if due_ns is not None and due_ns <= self.end_ns:
            heapq.heappush(heap, (due_ns, PLANS, 0, name, 0, None))

    def _tell_sensors(self, name: str, decision: Decision) -> None:
        """Send the sensors of a nation what it has begun to carry out."""
        watch = self.nodes[name].watch
        assert watch is not None
        for row in rows_of(decision):
            what = watch.command.book.matters[key_of(row)].what
            if row.step != Step.EXECUTING or what.action != Action.SENSOR_TASK or what.asset != name:
                continue
            for sensor, aims in sorted(aims_of(what).items()):
                feed = self._feeds.get(sensor)
                if feed is None or feed.node != name or feed.back is None:
                    continue  # nobody's, or it cannot be told
                for delivery in feed.back.send(name, sensor, msgspec.msgpack.encode(aims), self.now_ns):
                    event = (delivery.at_ns, TOLD, 0, sensor, self._n_deliveries, delivery.message)
                    heapq.heappush(self._heap, event)
                    self._n_deliveries += 1

    def _note_people(self, name: str) -> None:
        """Let people see what is new, and note when one of them next says something."""
        watch = self.nodes[name].watch
        if self._people is None or watch is None:
            return
        self._people.look(watch.command.book, self.now_ns)
        due_ns = self._people.wake_ns(name)
        if due_ns is not None and due_ns != self._says[name]:
            self._expect(name, max(due_ns, self.now_ns))

    def _expect(self, name: str, at_ns: int) -> None:
        """Note when somebody of a nation says something."""
        self._says[name] = at_ns
        heapq.heappush(self._heap, (at_ns, SAYS, 0, name, 0, None))

    def _runs(self, name: str) -> bool:
        """Return whether a node runs now. The first question after it lost its memory makes a new one."""
        if self._faults_of(name):
            return False
        over = [f for f in self._faults if f.nation == name and f.end_ns <= self.now_ns and f.end_ns < self.end_ns]
        forgotten = [f for f in over if not f.keeps_memory]
        if len(forgotten) > self._n_forgotten[name]:
            self._n_forgotten[name] = len(forgotten)
            self.nodes[name] = self._make(name)
            self._books.start(name)
        return True

    def _timed(self, what: str, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do a part of the work, and count its processor seconds in this thread: the process's take longer to tell."""
        since = time.thread_time()
        done = do(*args, **kwargs)
        self.seconds[what] += time.thread_time() - since
        return done

    def _faults_of(self, name: str) -> list[NodeFault]:
        own = [fault for fault in self._faults if fault.nation == name]
        return [fault for fault in own if fault.start_ns <= self.now_ns < fault.end_ns]

    def _after(self, name: str) -> None:
        """Take what a node wants sent, and note when it wants to be woken."""
        node = self.nodes[name]
        decided, known = False, "fused" if self._shares(name) else "picture"
        alerts = list[str]()
        for out in node.take():
            if out.channel == "decision" and isinstance(out.record, Decision):
                decided = True
                self._tell_sensors(name, out.record)
            elif out.channel == known and isinstance(out.record, Tracks):
                for planner in self._planners.values():
                    if planner.player.nation == name:
                        planner.picture = out.record
            elif isinstance(out.record, Alert) and out.channel == "alert":
                alerts.append(out.record.identifier)
            if out.channel == "frame" and isinstance(out.record, Frame):
                self._send(name, out.record)
            else:
                self._heard(name, out, self.now_ns)
        for identifier in alerts:
            self._deliver(name, identifier)
        if decided:
            self._note_people(name)
        due_ns = node.wake_ns()
        if due_ns is not None and due_ns != self._wakes[name]:
            self._wakes[name] = due_ns
            heapq.heappush(self._heap, (due_ns, WAKES, 0, name, 0, None))

    def _deliver(self, name: str, identifier: str) -> None:
        """Let a node know that its outlets have an alert: in an exercise at once, and what follows is the last mile."""
        watch = self.nodes[name].watch
        said = watch.command.delivered(identifier, self.now_ns) if watch else None
        if said is not None:
            self._arrive(name, said)

    def _send(self, owner: str, frame: Frame) -> None:
        """Put a message on the link to a partner."""
        port = self._links.get((owner, frame.partner))
        if port is None:
            return  # nothing goes that way
        number = port.n_sent * COPIES_MAX
        for i, delivery in enumerate(port.send(owner, frame.partner, frame.bytes(), self.now_ns)):
            event = (delivery.at_ns, HEARD, self.now_ns, port.name, number + i, delivery.message)
            if frame.partner in self.nodes:
                heapq.heappush(self._heap, event)
            else:
                self.leaving.append(event)

    def _shares(self, name: str) -> bool:
        return self.nodes[name].exchange is not None


def _seen(watch: Watch, start_ns: int, end_ns: int) -> tuple[Sighting, list[Detections]]:
    """Return what a sensor saw in a span, and what it tells of that."""
    sighting = watch.observe(start_ns, end_ns)
    return sighting, one_each(sighting.detections)


def _order(event: Event) -> tuple[int, int, int, str, int]:
    return event[:5]


def _begins(name: str, start_ns: int) -> Message:
    """Return the first thing that a node hears, so that it begins to look at its links."""
    said = Status(
        time_ns=np.array([start_ns]),
        source=np.array(["exercise"]),
        subject=np.array(["begins"]),
        value=np.array([np.nan]),
    )
    return Message(sender="exercise", receiver=name, number=0, payload=said)


def aims_in(payload: Batch | bytes) -> list[Aim]:
    """Return what a sensor is told, of the bytes that its node sent."""
    return msgspec.msgpack.decode(payload, type=list[Aim]) if isinstance(payload, bytes) else []


def _planner_memory(planner: Plans) -> list[Any]:
    return [planner.state(), b"" if planner.picture is None else pack(planner.picture)]


def _packed(message: Message) -> list[Any]:
    payload = message.payload
    content = payload if isinstance(payload, bytes) else pack(payload)
    return [message.sender, message.receiver, message.number, not isinstance(payload, bytes), content]


def _unpacked(sender: str, receiver: str, number: int, is_record: bool, payload: bytes) -> Message:
    content = unpack(payload) if is_record else payload
    return Message(sender=sender, receiver=receiver, number=number, payload=content)
