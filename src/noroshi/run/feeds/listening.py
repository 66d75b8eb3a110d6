"""What feeds of bytes have in common: bytes from a thread, decoded for the one who asks."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from noroshi.formats import Decoded
from noroshi.geo.time import NS_PER_S
from noroshi.records import Batch, Detections, SensorSite, take
from noroshi.run.batches import in_time
from noroshi.run.feeds import Address, Health
from noroshi.run.feeds.clocks import Clocks
from noroshi.run.feeds.inbox import Inbox

GATHER_S = 0.05
"""What comes within so long is handed on together: decoding much costs little more than decoding one."""

BATCH_S = 1.0
TOGETHER_NS = NS_PER_S
SILENT_NS = 15 * NS_PER_S
"""A feed that has been heard and then says nothing for so long is in trouble, as far as anybody can tell."""

Piece = tuple[int, bytes]
"""When it came, UTC, and what. Empty bytes say that a connection ended: what comes next does not continue it."""


class Stream(Protocol):
    """A decoder that goes on where it was; see `formats.sbs.Stream`. It raises nothing."""

    def decode(self, pieces: Sequence[Piece]) -> Decoded:
        """Return what came in these pieces."""
        ...


class Listening:
    """A feed of bytes; its subclasses bring them in, in a thread that runs `_listen` until `_closed` is set.

    Args:
        address: where.
        stream: reads the bytes.
        arrived, now_ns: see `run.feeds.Feed.at`.
    """

    def __init__(
        self, address: Address, stream: Stream, *, arrived: Callable[[], None], now_ns: Callable[[], int]
    ) -> None:
        self.name = address.text
        self._arrived, self._now_ns = arrived, now_ns
        self._stream = stream
        self._inbox: Inbox[Piece] = Inbox(arrived)
        self._closed = threading.Event()
        self._is_up = False
        self._n_connected = self._n_lost = 0
        self._trouble = ""
        self._last_ns = 0
        self._clocks = Clocks()
        self._counts: Counter[str] = Counter()
        self._damage: Counter[str] = Counter()
        self._n_rows = 0
        self._sites: dict[str, SensorSite] = {}
        self._thread = threading.Thread(target=self._listen, name=address.text, daemon=True)

    def receive(self) -> list[Batch]:
        """Return what has come since; see `run.feeds.Feed.receive`."""
        waiting = self._inbox.take()
        batches: list[Batch] = []
        while waiting:
            # What has waited for long came at different times, and is to be held against each.
            n = sum(received_ns <= waiting[0][0] + TOGETHER_NS for received_ns, _ in waiting)
            batches += self._decoded(waiting[:n])
            waiting = waiting[n:]
        return batches

    def sites(self) -> Mapping[str, SensorSite]:
        """Return the sensors that were heard so far, by name."""
        return dict(self._sites)

    @property
    def health(self) -> Health:
        """How the feed is."""
        trouble = self._trouble
        silent_ns = self._now_ns() - self._last_ns
        if not trouble and self._last_ns and silent_ns > SILENT_NS:
            trouble = f"silent for {silent_ns // NS_PER_S:,} s"
        counts, damage = Counter(self._counts), Counter(self._damage)
        return Health(
            is_up=self._is_up and not self._closed.is_set(),
            n_connected=self._n_connected,
            n_messages=self._inbox.n_messages,
            n_bytes=self._inbox.n_bytes,
            n_dropped=self._inbox.n_dropped + self._n_lost,
            n_records=counts.total() + damage.total(),
            n_rows=self._n_rows,
            counts=counts,
            damage=damage,
            clock_ns=dict(self._clocks.added_ns),
            behind_ns=dict(self._clocks.behind_ns),
            trouble=trouble,
        )

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _listen(self) -> None:
        raise NotImplementedError

    def _decoded(self, pieces: Sequence[Piece]) -> list[Batch]:
        """Return what pieces that came at about one time hold."""
        try:
            decoded = self._stream.decode(pieces)
        except Exception as error:  # noqa: BLE001 - a decoder's mistake about foreign bytes must not end the picture
            self._damage = self._damage + Counter({f"not decoded ({type(error).__name__})": len(pieces)})
            return []
        damage = Counter(decoded.damage)
        for site in decoded.sites:
            known = self._sites.get(site.sensor)
            if known is None or site.has_place:
                self._sites[site.sensor] = site
        received_ns = pieces[-1][0]
        timely = [each for batch in decoded.detections for each in self._timely(batch, received_ns, damage)]
        batches: list[Batch] = [*sorted(timely, key=lambda batch: int(batch.time_ns.max()))]
        for status in decoded.statuses:
            added_ns = [self._clocks.added_ns.get(source, 0) for source in status.source.tolist()]
            batches.append(status.replace(time_ns=status.time_ns + np.array(added_ns, np.int64)))
        for tracks in decoded.tracks:
            time_ns, usable = self._clocks.settle(tracks.node, tracks.time_ns, received_ns, damage)
            if usable.any():
                updated_ns = tracks.updated_ns + (time_ns - tracks.time_ns)
                batches.append(take(tracks.replace(time_ns=time_ns, updated_ns=updated_ns), usable))
        self._counts, self._damage = self._counts + decoded.counts, self._damage + damage
        return batches

    def _heard(self, pieces: Sequence[Piece]) -> None:
        """Note what has come (in the feed's own thread)."""
        self._last_ns = pieces[-1][0]
        self._inbox.put([(piece, len(piece[1])) for piece in pieces])

    def _timely(self, detections: Detections, received_ns: int, damage: Counter[str]) -> list[Detections]:
        """Return detections cut as a node wants them, with times of our clock."""
        known_ns = min(detections.received_ns, received_ns) if detections.received_ns > 0 else received_ns
        time_ns, usable = self._clocks.settle(detections.sensor, detections.time_ns, known_ns, damage)
        if not usable.any():
            return []
        timely = take(detections.replace(time_ns=time_ns), usable)
        self._n_rows += len(timely)
        return [batch.replace(received_ns=known_ns) for _, batch in in_time([timely], {}, batch_s=BATCH_S)]
