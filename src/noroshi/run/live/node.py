"""The live driver: gives a node the wall clock, what its feeds and links bring, and sends what it wants sent."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import numpy as np

from noroshi.geo.time import NS_PER_S
from noroshi.node.core import Node
from noroshi.node.outgoing import Outgoing
from noroshi.records import Batch, Decision, Detections, Frame, Order, Status
from noroshi.run.batches import Repeats, looks_of
from noroshi.run.feeds import Feed
from noroshi.run.links import Link
from noroshi.run.live.intake import Intake
from noroshi.run.live.memory import Memory

WAIT_S_MAX = 0.25
LOOK_NS = 2 * NS_PER_S
SETTLED_NS = NS_PER_S // 2  # after a whole second: what holds until then has come, so that it is fused once
HEARD_TOGETHER = 64  # frames that are one change of the stores
SAID_TOGETHER = 1_024  # steps of people and outlets that are one, with one commit: in a flood a tenth of a second's
SHOWN_AGAIN = ("warning", "status", "alert")
UNREAD = "frames beyond what a partner may send"

Heard = Callable[[Outgoing, int], None]


@dataclass(slots=True)
class Counts:
    """What happened so far, for the operator.

    Attributes:
        records: handed to the node, by sort.
        frames_refused: frames that a link did not take, by partner; the exchange mends it.
        alarms: (partner or rule, what) of the links and of rules.
        replayed: records run again at the start.
        turn_ms_max: how long the slowest turn took.
    """

    records: Counter[str] = field(default_factory=Counter)
    frames_refused: Counter[str] = field(default_factory=Counter)
    alarms: Counter[tuple[str, str]] = field(default_factory=Counter)
    replayed: int = 0
    turn_ms_max: float = 0.0


class LiveNode:
    """Runs a node until it is told to stop.

    Args:
        node: the core.
        memory: its folder.
        feeds: live sources.
        links: by partner.
        wait: blocks until something has arrived, or so many seconds have passed.
        now_ns: the clock.
        heard: told what the node gives out beside frames.
        took: told what the node receives.
        decided: asked what people have decided since.
        ahead: told what was decided before the node is: what can be computed beforehand.
        kept: told all that the node gives out at once, before any of it goes out or is shown.
        look: asked every few seconds what the node is to be told; may change `links`.
        tick: told the time after each turn.
        together: makes of all that the node's stores are told inside it one change: it is on the disk before a frame
            goes out.
        proved: called before frames go out: what is noted of them is on the disk when it returns.
        says: told, in one line, what is wrong.
        picture_ns: how often `heard` is told the picture.
        checkpoint_ns: how often all is written down.
    """

    def __init__(
        self,
        node: Node,
        memory: Memory,
        *,
        feeds: Sequence[Feed],
        links: dict[str, Link],
        wait: Callable[[float], None],
        now_ns: Callable[[], int],
        heard: Heard = lambda *_: None,
        took: Callable[[Batch, int], None] = lambda *_: None,
        decided: Callable[[int], Sequence[Decision]] = lambda _: (),
        ahead: Callable[[Sequence[Decision]], None] = lambda _: None,
        kept: Callable[[Sequence[Outgoing], int], None] = lambda *_: None,
        look: Callable[[int], Sequence[Order]] = lambda _: (),
        tick: Callable[[int], None] = lambda _: None,
        together: Callable[[], AbstractContextManager[object]] = nullcontext,
        proved: Callable[[], None] = lambda: None,
        says: Callable[[str], None] = lambda _: None,
        picture_ns: int = NS_PER_S,
        checkpoint_ns: int = 30 * NS_PER_S,
    ) -> None:
        self.node, self.counts = node, Counts()
        self.links = links
        self.feeds = list(feeds)
        self._memory, self._wait, self._clock, self._heard = memory, wait, now_ns, heard
        self._took, self._decided, self._ahead, self._kept = took, decided, ahead, kept
        self._look, self._tell, self._together, self._proved = look, tick, together, proved
        self._picture_ns, self._checkpoint_ns = picture_ns, checkpoint_ns
        self._says, self._is_behind = says, False
        self._ahead_said: set[str] = set()
        self._now_ns = 0
        self._picture_due_ns = self._look_due_ns = self._checkpoint_due_ns = 0
        self._intakes: dict[str, Intake] = {}
        self._repeats = Repeats()  # of all feeds: each line of a redundant network may have its own
        self._keeping: Iterator[None] | None = None  # a checkpoint that is being written
        self._stopped = threading.Event()

    @property
    def n_unsearched(self) -> int:
        """How many rows were not looked at for repeats; see `Repeats`."""
        return self._repeats.n_unsearched

    def catch_up(self) -> None:
        """Become what the node was when it fell.

        Raises:
            FormatError: if what it left cannot be read.
        """
        checkpoint, records = self._memory.last()
        if checkpoint is not None:
            is_other = self._memory.is_of_another_tracker
            if is_other:
                self._says("other sensors, tracker, motion or registration than before: its own tracks begin anew")
            self.node.resume(checkpoint, own_tracks=not is_other)
            self._now_ns = self.node.now_ns
        if self.node.exchange:
            self.node.exchange.is_silent = True
        for now_ns, record in records:
            with self._together():
                self._wake_until(now_ns)
                self.node.receive(record, now_ns)
            self._tell_again(now_ns)
            self._now_ns = now_ns
            self.counts.replayed += 1
        if self.node.exchange:
            self.node.exchange.speak(self._tick())
        self._keep()

    def run(self, for_s: float | None = None) -> None:
        """Run until `stop`, or for so long."""
        self.begin()
        end_ns = None if for_s is None else self._now_ns + round(for_s * NS_PER_S)
        while not self._stopped.is_set() and (end_ns is None or self._now_ns < end_ns):
            due_ns = self.due_ns() if end_ns is None else min(self.due_ns(), end_ns)
            left_s = (due_ns - self._clock()) / NS_PER_S
            if left_s > 0.0:
                self._wait(min(left_s, WAIT_S_MAX))
            self.turn()
        self._keep()

    def begin(self) -> None:
        """Note that it starts; all that is done every so often is due from now on."""
        now_ns = self._tick()
        self._receive(_says("starts", now_ns), now_ns=now_ns)
        self._picture_due_ns = self._look_due_ns = now_ns
        self._checkpoint_due_ns = now_ns + self._checkpoint_ns

    def due_ns(self) -> int:
        """Return when `turn` has something to do, if nothing arrives before."""
        if self._keeping is not None:
            return self._now_ns
        wake_ns = self.node.wake_ns()
        due_ns = min(self._picture_due_ns, self._look_due_ns, self._checkpoint_due_ns)
        return due_ns if wake_ns is None else min(wake_ns, due_ns)

    def turn(self) -> None:
        """Do all that is due now, and take in what has arrived."""
        now_ns, has_orders = self._tick(), False
        self._take_in(now_ns)
        self._tell(now_ns)
        if now_ns >= self._picture_due_ns:
            self._heard(Outgoing("fused", self.node.picture(now_ns)), now_ns)
            begun_ns = now_ns - (now_ns - SETTLED_NS) % self._picture_ns
            self._picture_due_ns = begun_ns + self._picture_ns
        if now_ns >= self._look_due_ns:
            for order in self._look(now_ns):
                self._receive(order, now_ns=now_ns)
                has_orders = True
            self._look_due_ns = now_ns + LOOK_NS
        if has_orders:
            self._keep()  # at once: a replay over an order would number what it puts otherwise
        else:
            self._keep_on(now_ns)

    def stop(self) -> None:
        """End `run` soon; from any thread, or a signal's handler."""
        self._stopped.set()

    def _keep(self) -> None:
        """Write all down, whole, before anything else is done."""
        self._keeping = None
        self._memory.keep(self.node.checkpoint_parts())
        self._checkpoint_due_ns = self._now_ns + self._checkpoint_ns

    def _keep_on(self, now_ns: int) -> None:
        """Write a bit more of a checkpoint, or begin one if it is time."""
        if self._keeping is not None:
            if next(self._keeping, self) is self:
                self._keeping = None
        elif now_ns >= self._checkpoint_due_ns:
            self._keeping = self._memory.keeping(self.node.checkpoint_parts())
            self._checkpoint_due_ns = now_ns + self._checkpoint_ns

    def _take_in(self, now_ns: int) -> None:
        """Hand the node all that is due and all that has come."""
        self._say_room()
        with self._together():
            self._wake_until(now_ns)
        self._send(now_ns)
        frames: list[Frame] = []
        for code, link in self.links.items():
            came = link.receive()
            read = self._intakes.setdefault(code, Intake()).read(came, now_ns)
            if len(read) < len(came):
                self.counts.alarms[code, UNREAD] += len(came) - len(read)
            frames += [Frame.of(code, content) for content in read]
        for first in range(0, len(frames), HEARD_TOGETHER):
            self._receive(*frames[first : first + HEARD_TOGETHER], now_ns=now_ns)
        for feed in self.feeds:
            for batch in feed.receive():
                parts: Sequence[Batch] = [batch]
                if isinstance(batch, Detections) and batch.sensor in self.node.sensors:  # no room for forged names
                    parts = looks_of(self._repeats.marked(batch, now_ns), self.node.sensors[batch.sensor])
                self._receive(*parts, now_ns=now_ns)
        decided = self._decided(now_ns)
        for first in range(0, len(decided), SAID_TOGETHER):
            together = decided[first : first + SAID_TOGETHER]
            self._ahead(together)
            self._receive(*together, now_ns=now_ns)
        self.counts.turn_ms_max = max(self.counts.turn_ms_max, (self._clock() - now_ns) / 1e6)

    def _say_room(self) -> None:
        """Tell each channel what its link takes now: what waits in the outbox can still be chosen by its worth."""
        if self.node.exchange is None:
            return
        for partner, channel in self.node.exchange.channels.items():
            link = self.links.get(partner)
            channel.room_bytes = 0 if link is None else link.room_bytes

    def _receive(self, *records: Batch, now_ns: int) -> None:
        with self._together():
            for record in records:
                self._memory.write(record, now_ns)
                self.counts.records[type(record).__name__.lower()] += 1
                self._took(record, now_ns)
                self.node.receive(record, now_ns)
        self._say_ahead()
        self._send(now_ns)

    def _say_ahead(self) -> None:
        """Say once of each sensor that all it tells is from the future by this node's clock, and not used."""
        for sensor, ahead_ns in self.node.own.ahead_ns.items():
            if sensor not in self._ahead_said:
                self._ahead_said.add(sensor)
                self._says(
                    f"{sensor}: its stamps are {ahead_ns / NS_PER_S:,.1f} s ahead of this node's clock; what is ahead "
                    "by more than 1 s is not used, and no registration learns of it: set its clock, or this one"
                )

    def _wake_until(self, now_ns: int) -> None:
        while (due_ns := self.node.wake_ns()) is not None and due_ns <= now_ns:
            self.node.wake(max(due_ns, self._now_ns))
            self._now_ns = max(due_ns, self._now_ns)

    def _send(self, now_ns: int) -> None:
        has_sent, given = False, self.node.take()
        self._kept(given, now_ns)
        for out in given:
            if out.channel == "frame" and isinstance(out.record, Frame):
                if not has_sent:
                    self._proved()
                link = self.links.get(out.record.partner)
                if link is None or not link.send(out.record.bytes(), urgent=out.is_urgent):
                    self.counts.frames_refused[out.record.partner] += 1
                has_sent = True
                continue
            if out.channel == "alarm" and isinstance(out.record, Status):
                source, subject = str(out.record.source[0]), str(out.record.subject[0])
                self.counts.alarms[source, subject] += 1
                if subject.startswith("rule: "):
                    self._says(f"{source}: {subject.removeprefix('rule: ')}")
            self._heard(out, now_ns)
        if has_sent:
            self._say_room()

    def _tell_again(self, now_ns: int) -> None:
        """Hand on the warnings among what is given out once more: nobody knows whether they were shown before."""
        for out in self.node.take():
            if out.channel in SHOWN_AGAIN:
                self._heard(out, now_ns)

    def _tick(self) -> int:
        """Return the time, which does not run backwards here when somebody sets the clock."""
        clock_ns = self._clock()
        was_behind, self._is_behind = self._is_behind, clock_ns < self._now_ns - NS_PER_S
        if self._is_behind and not was_behind:
            behind_s = (self._now_ns - clock_ns) / NS_PER_S
            self._says(f"the clock is {behind_s:,.0f} s behind the time that it was before: nothing is done until then")
        self._now_ns = max(self._now_ns, clock_ns)
        return self._now_ns


def _says(what: str, now_ns: int) -> Status:
    return Status(
        time_ns=np.array([now_ns]), source=np.array(["node"]), subject=np.array([what]), value=np.array([np.nan])
    )
