"""A heap of due events, and a clock that jumps from one to the next.

The nodes are the same as live and replayed ones: they are told the time and handed records. What happens at one moment
is in this order: what arrives, what sensors have finished seeing, what a node does because it wanted to be woken; and
among equals by name and number. So the same scenario gives the same bytes.
"""

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from noroshi.exercise.flight import Flight
from noroshi.exercise.observers import Observer
from noroshi.exercise.ports import Message, Port
from noroshi.exercise.world import World
from noroshi.formats import FormatError
from noroshi.formats.columns import pack, unpack
from noroshi.node.core import Node, Outgoing
from noroshi.records import SensorSite
from noroshi.run.journal import JournalWriter
from noroshi.sensors import Sensor

ARRIVES, SEEN, WAKES = range(3)
Event = tuple[int, int, str, int, Any]  # when, what, whose, number; the first four are never equal in two events


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feed:
    """One sensor, and its way to a node.

    Attributes:
        site: its name, place and what is believed of it.
        sensor: how its node believes that it sees.
        observer: how it truly sees.
        carrier: what carries it, if it moves.
        node: whom it tells.
        span_ns: how much it sees before it tells.
        port: the way to the node.
    """

    site: SensorSite
    sensor: Sensor
    observer: Observer
    carrier: Flight | None
    node: str
    span_ns: int
    port: Port


class Driver:
    """Runs nodes in a world.

    Args:
        world: what is true.
        feeds: all sensors whose nodes are here.
        nodes: by name.
        journals: of some or all nodes, by name; a record is written before its node sees it.
        heard: told (node, what it sent, now_ns).
    """

    def __init__(
        self,
        world: World,
        *,
        feeds: Sequence[Feed],
        nodes: Mapping[str, Node],
        journals: Mapping[str, JournalWriter],
        heard: Callable[[str, Outgoing, int], None],
    ) -> None:
        self.world = world
        self.nodes = nodes
        self.now_ns = world.start_ns
        self.n_events = 0
        self._feeds = {feed.site.sensor: feed for feed in feeds}
        self._journals = journals
        self._heard = heard
        self._n_deliveries = 0
        self._wakes: dict[str, int | None] = dict.fromkeys(nodes)
        self._heap: list[Event] = [self._next_seen(name, 0) for name in self._feeds]
        heapq.heapify(self._heap)

    def run(self, until_ns: int, progress: Callable[[int], None] = lambda _: None) -> None:
        """Let everything happen that is due before `until_ns`; at the exercise's end, what is due then too.

        Args:
            until_ns: up to when.
            progress: told the time after each event.
        """
        last_ns = until_ns - 1 if until_ns < self.world.end_ns else self.world.end_ns
        while self._heap and self._heap[0][0] <= last_ns:
            at_ns, what, whose, number, payload = heapq.heappop(self._heap)
            self.now_ns = at_ns
            self.n_events += 1
            if what == ARRIVES:
                self._arrive(whose, payload)
            elif what == SEEN:
                self._see(self._feeds[whose], number)
            elif self._wakes[whose] == at_ns:
                self._wakes[whose] = None
                self.nodes[whose].wake(at_ns)
                self._after(whose)
            progress(at_ns)
        self.now_ns = max(self.now_ns, min(until_ns, self.world.end_ns))

    def checkpoint(self) -> bytes:
        """Return all that `resume` needs in a driver of the same scenario."""
        arriving = [event for event in sorted(self._heap, key=lambda event: event[:4]) if event[1] == ARRIVES]
        return msgspec.msgpack.encode(
            {
                "now_ns": self.now_ns,
                "n_events": self.n_events,
                "n_deliveries": self._n_deliveries,
                "arriving": [[at, node, number, *_packed(message)] for at, _, node, number, message in arriving],
                "spans": {name: number for _, what, name, number, _ in self._heap if what == SEEN},
                "ports": {name: feed.port.state() for name, feed in self._feeds.items()},
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
            for at_ns, node, number, *packed in memory["arriving"]:
                heap.append((at_ns, ARRIVES, node, number, _unpacked(*packed)))
            for name, state in memory["ports"].items():
                self._feeds[name].port.restore(state)
            for name, state in memory["nodes"].items():
                self.nodes[name].resume(state)
            for name, at_ns in memory["wakes"].items():
                self._wakes[name] = at_ns
                if at_ns is not None:
                    heap.append((at_ns, WAKES, name, 0, None))
            heapq.heapify(heap)
            self._heap = heap
            self.now_ns, self.n_events = memory["now_ns"], memory["n_events"]
            self._n_deliveries = memory["n_deliveries"]
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise FormatError(f"not a checkpoint of this exercise: {error}") from error

    def _next_seen(self, name: str, number: int) -> Event:
        feed = self._feeds[name]
        end_ns = min(self.world.start_ns + (number + 1) * feed.span_ns, self.world.end_ns)
        return (end_ns, SEEN, name, number, None)

    def _see(self, feed: Feed, number: int) -> None:
        """Let a sensor tell what it saw in its span, which ends now."""
        start_ns = self.world.start_ns + number * feed.span_ns
        seen = feed.observer.observe(self.world, feed.site, feed.sensor, start_ns, self.now_ns, feed.carrier)
        if len(seen.detections):
            for delivery in feed.port.send(feed.site.sensor, feed.node, seen.detections, self.now_ns):
                event = (delivery.at_ns, ARRIVES, feed.node, self._n_deliveries, delivery.message)
                heapq.heappush(self._heap, event)
                self._n_deliveries += 1
        if self.now_ns < self.world.end_ns:
            heapq.heappush(self._heap, self._next_seen(feed.site.sensor, number + 1))

    def _arrive(self, name: str, message: Message) -> None:
        """Hand a message to a node."""
        if isinstance(message.payload, bytes):
            return  # envelopes between nodes come with the sharing of tracks
        if name in self._journals:
            self._journals[name].write(message.payload, self.now_ns)
        self.nodes[name].receive(message.payload, self.now_ns)
        self._after(name)

    def _after(self, name: str) -> None:
        """Take what a node wants sent, and note when it wants to be woken."""
        node = self.nodes[name]
        for out in node.take():
            self._heard(name, out, self.now_ns)
        due_ns = node.wake_ns()
        if due_ns is not None and due_ns != self._wakes[name]:
            self._wakes[name] = due_ns
            heapq.heappush(self._heap, (due_ns, WAKES, name, 0, None))


def _packed(message: Message) -> list[Any]:
    payload = message.payload
    content = payload if isinstance(payload, bytes) else pack(payload)
    return [message.sender, message.receiver, message.number, not isinstance(payload, bytes), content]


def _unpacked(sender: str, receiver: str, number: int, is_record: bool, payload: bytes) -> Message:
    content = unpack(payload) if is_record else payload
    return Message(sender=sender, receiver=receiver, number=number, payload=content)
