"""One node: detections and partners' messages in; tracks, the fused picture and messages out; at times it is told."""

import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain

import msgspec
import numpy as np

from noroshi.formats import FormatError
from noroshi.formats.columns import pack, pack_arrays, unpack, unpack_arrays
from noroshi.geo.time import NS_PER_S
from noroshi.node.exchange import COASTS_NS, Exchange, goes_on_unseen
from noroshi.node.outgoing import Outgoing
from noroshi.node.own import Own
from noroshi.node.watch import EARLY_NS, SETTLED_NS, Watch
from noroshi.records import Batch, Detections, Frame, Launches, Order, Quality, Tracks, take
from noroshi.records.known import Known
from noroshi.sensors import Sensor
from noroshi.tracking import Tracker
from noroshi.tracking.launches import rising
from noroshi.tracking.registrar import Registrar
from noroshi.warning.threatening import may_threaten

LENGTH = struct.Struct(">Q")
UNKNOWN_NAMES_MAX = 1_000
OTHERS = "(others)"
"""Under this name stand together the sensors that are not counted one by one."""


class Node:
    """One nation's node. It knows no clock, socket, file or thread: it is told the time and handed records.

    Args:
        name: of the node.
        sensors: by name, those whose detections it can use.
        tracker: what turns detections into tracks.
        period_ns: how often it gives out the whole picture; 0 for the tracks that each batch changed instead. Up to a
            second, threats do not wait for it: they are told and looked at as they are measured.
        window_ns: how late a detection may come and still be used as if it had come in time.
        registrar: what corrects the radars' plots, if they are to be corrected.
        exchange: its dealings with partners; None is a node that stands alone.
        watch: what it warns of; None is nothing.
        known: what its own tracks were in runs before; None remembers nothing.
        made_of: what else than `name` and `window_ns` decides its own tracks, for `known`.
    """

    def __init__(
        self,
        name: str,
        *,
        sensors: Mapping[str, Sensor],
        tracker: Tracker,
        period_ns: int = 0,
        window_ns: int,
        registrar: Registrar | None = None,
        exchange: Exchange | None = None,
        watch: Watch | None = None,
        known: Known | None = None,
        made_of: bytes = b"",
    ) -> None:
        self.name = name
        self.sensors = sensors
        self.period_ns = period_ns
        self.refused: Counter[tuple[str, str]] = Counter()
        self.exchange = exchange
        self.watch = watch
        self._may_threaten = watch.warner.may_threaten if watch else may_threaten
        if exchange:
            exchange.may_threaten = self._may_threaten
        self.own = Own(
            name,
            sensors=sensors,
            tracker=tracker,
            window_ns=window_ns,
            report=not period_ns,
            registrar=registrar,
            known=known,
            made_of=made_of,
        )
        self._outgoing: list[Outgoing] = []
        self._now_ns = 0
        self._wake_ns: int | None = None
        self._fused_ns: int | None = None  # of which time the fused picture is still to be given out
        self._is_prompt = period_ns <= NS_PER_S
        self._threats_ns: int | None = None  # when what is new of its own threats is told before all the rest
        self._told_ns = 0
        self._has_threats = False  # among the own tracks as they were told last
        self._measured_ns = 0  # the newest of them
        self._unseen_ns: int | None = None  # when those that go on unmeasured are told again, if changes alone are

    def receive(self, record: Batch, now_ns: int) -> None:
        """Take in one record that has arrived.

        Raises:
            ValueError: if time runs backwards.
        """
        self._advance(now_ns)
        if self.exchange:
            self.exchange.start(now_ns)
        if self.watch:
            self.watch.start(now_ns)
            if not isinstance(record, Detections) or record.sensor in self.sensors:  # no room for forged names
                self.watch.hear(record, now_ns)
        if isinstance(record, Detections):
            self._detect(record)
        elif isinstance(record, Frame) and self.exchange:
            self.exchange.hear(record, now_ns)
        elif isinstance(record, Order) and self.exchange:
            self.exchange.obey(record, now_ns)
        self._tell_partners(now_ns)

    def wake_ns(self) -> int | None:
        """Return when the node next wants to be woken, if ever."""
        times = (
            self._wake_ns,
            self._threats_ns,
            self._unseen_ns if self.exchange else None,
            self._fused_due_ns(),
            self.exchange.wake_ns if self.exchange else None,
            self.watch.wake_ns() if self.watch else None,
        )
        return min((ns for ns in times if ns is not None), default=None)

    def wake(self, now_ns: int) -> None:
        """Do what is due: give out the pictures, share what is new in its own, look at the links.

        The fused picture of a time is given out a little later, when partners' word of that time has come: before,
        it would be folded twice, and at each node otherwise.

        Raises:
            ValueError: if time runs backwards.
        """
        self._advance(now_ns)
        self._give_fused(now_ns)
        while self._wake_ns is not None and self._wake_ns <= now_ns:
            self._tell_threats(self._wake_ns - 1)
            own = self.own.picture(self._wake_ns)
            self._give("picture", own)
            self._notice(rising(own))
            if self.exchange:
                self.exchange.share(own, self._wake_ns, is_whole=True)
                self._fused_ns = self._wake_ns
            self._expect(self._threats_in(own), self._wake_ns)
            self._wake_ns += self.period_ns
            self._give_fused(now_ns)
        self._tell_threats(now_ns)
        self._tell_unseen(now_ns)
        if self.watch:
            self.watch.wake(now_ns, self.picture)
            self._tell_partners(now_ns)
        if self.exchange:
            self.exchange.wake(now_ns)

    def _tell_threats(self, now_ns: int) -> None:
        """Share what is new of own threats if it is due by now: the whole picture's turn is too late for them."""
        at_ns = self._threats_ns
        if at_ns is None or at_ns > now_ns:
            return
        threats = self._threats_in(self.own.picture(at_ns))
        if self.exchange:
            self.exchange.share_some(threats, at_ns)
        self._expect(threats, at_ns)

    def _tell_unseen(self, now_ns: int) -> None:
        """Share own threats that go on unmeasured once more if it is due: what is silent has ended to partners."""
        while self.exchange is not None and self._unseen_ns is not None and self._unseen_ns <= now_ns:
            threats = self._threats_in(self.own.picture(self._unseen_ns))
            is_unseen = goes_on_unseen(threats)
            if is_unseen.any():
                self.exchange.share(take(threats, np.flatnonzero(is_unseen)), self._unseen_ns, is_whole=False)
            self._unseen_ns = self._unseen_ns + COASTS_NS if len(threats) else None

    def _expect(self, threats: Tracks, at_ns: int) -> None:
        """Look at own threats that were told of soon, if they were measured since."""
        self._threats_ns, self._told_ns, self._has_threats = None, at_ns, len(threats) > 0
        measured_ns = int(threats.updated_ns.max(initial=0))
        if self.watch and self._is_prompt and measured_ns > self._measured_ns:
            self.watch.expect(at_ns)
        self._measured_ns = measured_ns

    def _fused_due_ns(self) -> int | None:
        return None if self._fused_ns is None else self._fused_ns + min(SETTLED_NS, self.period_ns // 2)

    def _give_fused(self, now_ns: int) -> None:
        """Give out the fused picture that is due."""
        due_ns = self._fused_due_ns()
        if due_ns is not None and due_ns <= now_ns:
            self.end()

    def end(self) -> None:
        """Give out the fused picture that is still to be given out: nothing more comes."""
        if self.exchange and self._fused_ns is not None:
            self._give("fused", self.exchange.picture(self._fused_ns))
        self._fused_ns = None

    def take(self) -> list[Outgoing]:
        """Return what the node wants sent and forget it."""
        outgoing, self._outgoing = self._outgoing, []
        outgoing += self.watch.take() if self.watch else []
        return outgoing + self.exchange.take() if self.exchange else outgoing

    def picture(self, time_ns: int, *, is_early: bool = False) -> Tracks:
        """Return what the node believes as it is expected at a time: fused, or its own tracks where it stands alone.

        Early is before partners' word of that time has come.
        """
        return self.exchange.picture(time_ns, is_early=is_early) if self.exchange else self.own_picture(time_ns)

    def own_picture(self, time_ns: int) -> Tracks:
        """Return what its own sensors alone tell, as it is expected at a time."""
        return self.own.picture(time_ns)

    def checkpoint(self) -> bytes:
        """Return everything the node knows, for `resume` in a node of the same configuration.

        What waits in `take` is not part of it: take first.
        """
        return b"".join(self.checkpoint_parts())

    def checkpoint_parts(self) -> Iterator[bytes]:
        """Return `checkpoint` in parts, which are made as they are asked for, of what the node knows now."""
        rewind, registrar = self.own.rewind, self.own.registrar
        before, batches = rewind.memory()
        fused = self.exchange.fusion.checkpoint() if self.exchange else []
        first = msgspec.msgpack.encode(
            {
                "now_ns": self._now_ns,
                "wake_ns": self._wake_ns,
                "fused_ns": self._fused_ns,
                "threats": [self._threats_ns, self._unseen_ns, self._told_ns, self._has_threats, self._measured_ns],
                "refused": [[*key, n] for key, n in sorted(self.refused.items())],
                "counters": rewind.counters(),
                "n_batches": len(batches),
                "given": None if (given := rewind.given()) is None else pack(given),
                "registrar": pack_arrays(registrar.state()) if registrar else None,
                "exchange": self.exchange.checkpoint() if self.exchange else None,
                "watch": self.watch.checkpoint() if self.watch else None,
            }
        )
        rest = chain([pack_arrays(before)], map(pack, batches), map(pack_arrays, fused))
        return (LENGTH.pack(len(part)) + part for part in chain([first], rest))

    def resume(self, checkpoint: bytes | memoryview, *, own_tracks: bool = True) -> None:
        """Become the node that gave this checkpoint.

        Args:
            checkpoint: of a node of the same configuration.
            own_tracks: without, its own tracks begin anew; for a node of other sensors or another tracker.

        Raises:
            FormatError: if these bytes are no checkpoint.
        """
        try:
            first, before, *rest = _parts(checkpoint)
            memory = msgspec.msgpack.decode(first)
            n_batches = memory["n_batches"]
            self.own.forget()
            if own_tracks:
                batches = [unpack(batch) for batch in rest[:n_batches]]
                ready = [batch for batch in batches if isinstance(batch, Detections)]
                given = None if memory["given"] is None else unpack(memory["given"])
                if not isinstance(given, Tracks | None):
                    raise FormatError("what was given out is no tracks")
                self.own.rewind.resume(unpack_arrays(before), ready, self.sensors, memory["counters"], given)
            if self.own.registrar and own_tracks:
                self.own.registrar.restore(unpack_arrays(memory["registrar"]))
                self.own.tell_left()
            if self.exchange and memory["exchange"] is not None:  # None: it stood alone, and was given keys since
                self.exchange.resume(memory["exchange"])
                self.exchange.fusion.resume(unpack_arrays(part) for part in rest[n_batches:])
            if self.watch and memory["watch"] is not None:
                self.watch.resume(memory["watch"])
            self._now_ns, self._wake_ns = memory["now_ns"], memory["wake_ns"]
            self._fused_ns = memory["fused_ns"]
            self._threats_ns, self._unseen_ns, self._told_ns, self._has_threats, self._measured_ns = memory["threats"]
            self.refused = Counter({(sensor, reason): n for sensor, reason, n in memory["refused"]})
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise FormatError(f"not a checkpoint of node {self.name}: {error}") from error

    @property
    def now_ns(self) -> int:
        """The latest time that it was told; 0 if none."""
        return self._now_ns

    @property
    def n_late_rows(self) -> int:
        """How many detections came too late to be used."""
        return self.own.rewind.n_late_rows

    def _detect(self, detections: Detections) -> None:
        if detections.sensor not in self.sensors:
            self._refuse_unknown(detections)
            return
        told = self.own.detect(detections, self._now_ns)
        for (which, reason), n in told.refused:
            self.refused[which, reason] += n
        self._notice(told.launches)
        changed = told.changed
        if changed is not None:
            self._give("tracks", changed)
            if self.exchange and len(changed):
                self.exchange.share(changed, self._now_ns, is_whole=False)
            if (self.watch or self.exchange) and self._may_threaten(changed).any():
                if self.watch:
                    self.watch.expect(self._now_ns)
                if self.exchange:
                    self._unseen_ns = self._unseen_ns or self._now_ns + COASTS_NS
        if self.period_ns and self._wake_ns is None:
            self._wake_ns = -(-self._now_ns // self.period_ns) * self.period_ns
        if self._is_prompt and self._has_threats and self._threats_ns is None:
            self._threats_ns = max(self._now_ns + 1, self._told_ns + EARLY_NS)

    def _threats_in(self, tracks: Tracks) -> Tracks:
        """Return those that may be threats, or may still be."""
        return take(tracks, np.flatnonzero(self._may_threaten(tracks)))

    def _tell_partners(self, now_ns: int) -> None:
        """Hand partners what is noticed, approved and decided here, and take in what they handed over."""
        news = self.watch.news() if self.watch else []
        if self.exchange is None:
            return
        for record, product, number, to in news:
            self.exchange.tell(record, product, [number], now_ns, to=to)
        heard, self.exchange.heard = self.exchange.heard, []
        if self.watch and self._is_prompt and self.exchange.has_threats:
            self.watch.expect(now_ns)
        self.exchange.has_threats = False
        if self.watch:
            for source, record in heard:
                self.watch.hear(record, now_ns, source=source)

    def _refuse_unknown(self, detections: Detections) -> None:
        """Count rows of a sensor that nobody described: names can be forged, so of the rest all together."""
        key = detections.sensor, Quality.UNKNOWN_SENSOR.name
        if key not in self.refused and sum(reason == key[1] for _, reason in self.refused) >= UNKNOWN_NAMES_MAX:
            key = OTHERS, key[1]
        self.refused[key] += len(detections)

    def _notice(self, launches: Launches) -> None:
        if self.watch and len(launches):
            self.watch.hear(launches, self._now_ns)
        else:
            self._give("launch", launches)

    def _give(self, channel: str, record: Batch) -> None:
        if len(record):
            self._outgoing.append(Outgoing(channel, record))

    def _advance(self, now_ns: int) -> None:
        if now_ns < self._now_ns:
            raise ValueError(f"node {self.name}: time runs backwards, from {self._now_ns} to {now_ns} ns")
        self._now_ns = now_ns


def _parts(checkpoint: bytes | memoryview) -> Iterator[memoryview]:
    """Yield the parts of a checkpoint.

    Raises:
        ValueError: if it is cut off.
    """
    left = memoryview(checkpoint)
    while left:
        if len(left) < LENGTH.size or len(left) < (end := LENGTH.size + LENGTH.unpack_from(left)[0]):
            raise ValueError("it is cut off")
        yield left[LENGTH.size : end]
        left = left[end:]
