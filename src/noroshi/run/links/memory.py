"""A link inside one process: two ends that meet by name, for tests and for many nodes in one process.

It loses nothing but by its bounds. `Wire.cut` does what a cut cable does: each end sees the other go, until `join`.
"""

from dataclasses import replace
from threading import Lock
from typing import ClassVar
from weakref import WeakValueDictionary

from pydantic import Field

from noroshi.run.links import QUEUE_BYTES, Arrived, Counters, Inbox, LinkError, LinkSettings, check_frame


class MemoryLink:
    """One end of a wire."""

    def __init__(self, wire: "Wire", arrived: Arrived) -> None:
        self.wire = wire
        self.arrived = arrived
        self.tally = Counters()
        self.inbox = Inbox(self.tally, wire.lock)

    @property
    def up(self) -> bool:
        """Whether the other end is open and the wire not cut."""
        return self.wire.beyond(self) is not None

    @property
    def counters(self) -> Counters:
        """What became of frames so far."""
        return replace(self.tally)

    @property
    def trouble(self) -> str | None:
        """Nothing, ever."""
        return None

    @property
    def room_bytes(self) -> int:
        """All that one inbox holds, if somebody is there."""
        return QUEUE_BYTES if self.up else 0

    def send(self, frame: bytes, *, urgent: bool) -> bool:
        """Put a frame into the other end's inbox; see `Link`."""
        check_frame(frame)
        beyond = self.wire.beyond(self)
        with self.wire.lock:
            self.tally.sent += beyond is not None
            self.tally.refused += beyond is None
        if beyond is None:
            return False
        beyond.inbox.put(frame, urgent=urgent)
        beyond.arrived()
        return True

    def receive(self) -> list[bytes]:
        """Return what has come; see `Link`."""
        return self.inbox.take()

    def close(self) -> None:
        """Leave the wire."""
        self.wire.leave(self)


class Wire:
    """What joins two ends."""

    met: ClassVar[WeakValueDictionary[str, "Wire"]] = WeakValueDictionary()  # by name, as long as one end is held

    def __init__(self) -> None:
        self.lock = Lock()
        self._ends: list[MemoryLink] = []
        self._is_cut = False

    def end(self, arrived: Arrived = lambda: None) -> MemoryLink:
        """Return a new end.

        Raises:
            LinkError: if there are two already.
        """
        link = MemoryLink(self, arrived)
        with self.lock:
            if len(self._ends) == 2:
                raise LinkError("a link of type memory has two ends, and both are open")
            self._ends.append(link)
        self._tell()
        return link

    def cut(self) -> None:
        """Part the two ends."""
        self._is_cut = True
        self._tell()

    def join(self) -> None:
        """Join them again."""
        self._is_cut = False
        self._tell()

    def leave(self, end: MemoryLink) -> None:
        """Take an end away."""
        with self.lock:
            self._ends = [each for each in self._ends if each is not end]
        self._tell()

    def beyond(self, end: MemoryLink) -> MemoryLink | None:
        """Return the end that an end is joined to now."""
        with self.lock:
            if self._is_cut or end not in self._ends:
                return None
            return next((each for each in self._ends if each is not end), None)

    def _tell(self) -> None:
        for end in tuple(self._ends):
            end.tally.arrivals += end.up
            end.arrived()


class Settings(LinkSettings):
    """A link inside one process."""

    meeting: str = Field(min_length=1, max_length=100, description="Name by which the two ends find each other.")

    def open(self, arrived: Arrived) -> MemoryLink:
        """Return one end; the other is who says the same name."""
        return Wire.met.setdefault(self.meeting, Wire()).end(arrived)
