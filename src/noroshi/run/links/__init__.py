"""Links that carry frames to one partner and back: one file a transport, and its name is its key (`type = "zenoh"`).

A frame is opaque bytes. A link may lose, double and reorder frames: the exchange above it numbers, signs and asks
again. What a link owes is that it never blocks its caller for long, that every queue in it is bounded and counts what
it turns away, and that it says whether the partner is there.

Each file holds `class Settings`, a frozen pydantic model that forbids unknown fields: what a configuration says of such
a link, and `open` makes the link.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from noroshi.run import rooms

FRAME_BYTES_MAX = 8 << 20
QUEUE_FRAMES, QUEUE_BYTES = 4_096, 64 << 20
CODE = r"^[A-Z]{3}$"


class LinkError(ValueError):
    """A link cannot be opened as configured. The message is one line for a person."""


@dataclass(slots=True)
class Counters:
    """What became of frames, since the link was opened.

    Attributes:
        sent: handed to the transport; it may still lose them.
        received: handed to the caller.
        refused: not accepted by `send`, which said so: queue full, partner away, or closed.
        dropped_out: accepted, but the partner went away before they could be handed to the transport.
        dropped_in: arrived, but not handed on: queue full (the oldest ordinary frames go first), damaged or too large.
        arrivals: how often the partner came.
    """

    sent: int = 0
    received: int = 0
    refused: int = 0
    dropped_out: int = 0
    dropped_in: int = 0
    arrivals: int = 0


class Link(Protocol):
    """One partner's link. All its methods may be called from any thread."""

    @property
    def up(self) -> bool:
        """The partner is there now, as far as the transport can know."""
        ...

    @property
    def counters(self) -> Counters:
        """What became of frames so far; a copy."""
        ...

    @property
    def trouble(self) -> str | None:
        """What a person has to look at, in one line; None if nothing."""
        ...

    @property
    def room_bytes(self) -> int:
        """How many bytes of frames that are not urgent would go out soon: what is more is better chosen anew later."""
        ...

    def send(self, frame: bytes, *, urgent: bool) -> bool:
        """Take a frame for the partner, or refuse it (False, counted). Never waits for the partner.

        Urgent frames overtake the others and have room of their own.

        Raises:
            ValueError: if the frame is larger than any link carries.
        """
        ...

    def receive(self) -> list[bytes]:
        """Return all frames that have come since, oldest first, urgent ones before others."""
        ...

    def close(self) -> None:
        """End the link: when this returns nothing goes in or out any more. May be called twice."""
        ...


Arrived = Callable[[], None]
"""Called, from any thread, when a frame has come, the partner came or went, or there is room again after a refusal.

It must return at once and call nothing of the link's.
"""


class LinkSettings(BaseModel):
    """What the configuration of every link says: between whom it is. Some kinds have no use for it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    own: str = Field(default="", description="Code of the own nation.")
    partner: str = Field(default="", description="Code of the partner.")
    exercise: str | None = Field(default=None, description="Which exercise this is; absent: reality.")
    keys: Path = Field(default=Path("keys"), description="Folder of keys that `noroshi pki` made.")

    def open(self, arrived: Arrived) -> Link:
        """Return the link, opened; it goes on trying to reach the partner until it is closed.

        Raises:
            LinkError: if it cannot be opened as configured.
        """
        raise NotImplementedError


def open_link(configuration: Mapping[str, Any], arrived: Arrived) -> Link:
    """Return the link that a configuration describes: `type`, and the fields of that type's `Settings`.

    Raises:
        LinkError: naming what is wrong.
    """
    fields = dict(configuration)
    kind = str(fields.pop("type", "zenoh"))
    settings: type[LinkSettings] = rooms.load("run.links", kind).Settings
    try:
        return settings.model_validate(fields).open(arrived)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise LinkError(f"link of type {kind}: {where}: {first['msg']}") from error


def check_frame(frame: bytes) -> None:
    """Refuse what no link carries.

    Raises:
        ValueError: if the frame is too large.
    """
    if len(frame) > FRAME_BYTES_MAX:
        raise ValueError(f"a frame of {len(frame)} bytes: links carry up to {FRAME_BYTES_MAX}")


@dataclass(slots=True)
class Queue:
    """Frames that wait, bounded in number and bytes. Not locked.

    Attributes:
        frames_max, bytes_max: bounds.
        frames: oldest first.
        n_bytes: of all of them.
    """

    frames_max: int = QUEUE_FRAMES
    bytes_max: int = QUEUE_BYTES
    frames: deque[bytes] = field(default_factory=deque)
    n_bytes: int = 0

    def fits(self, frame: bytes) -> bool:
        """Tell whether there is room; an empty queue has room for any one frame."""
        return not self.frames or (len(self.frames) < self.frames_max and self.n_bytes + len(frame) <= self.bytes_max)

    def put(self, frame: bytes) -> None:
        """Append a frame."""
        self.frames.append(frame)
        self.n_bytes += len(frame)

    def take(self) -> bytes:
        """Return the oldest frame."""
        frame = self.frames.popleft()
        self.n_bytes -= len(frame)
        return frame

    def clear(self) -> list[bytes]:
        """Return all frames."""
        taken = list(self.frames)
        self.frames.clear()
        self.n_bytes = 0
        return taken


class Inbox:
    """Frames that have come and wait to be fetched.

    When it is full the oldest ordinary frames make room, because the newest state matters most and the exchange asks
    for what is missing; urgent frames have a queue of their own, whose newest are turned away, since they are few and
    the exchange sends them until they are acknowledged.
    """

    def __init__(self, counters: Counters, lock: Lock, queue: Callable[[], Queue] = Queue) -> None:
        self._counters = counters
        self._lock = lock
        self._urgent, self._ordinary = queue(), queue()

    def put(self, frame: bytes, *, urgent: bool) -> None:
        """Take in a frame from the transport."""
        with self._lock:
            if len(frame) > FRAME_BYTES_MAX:
                self._counters.dropped_in += 1
                return
            queue = self._urgent if urgent else self._ordinary
            while not urgent and queue.frames and not queue.fits(frame):
                queue.take()
                self._counters.dropped_in += 1
            if queue.fits(frame):
                queue.put(frame)
            else:
                self._counters.dropped_in += 1

    def take(self) -> list[bytes]:
        """Return all frames, urgent ones first."""
        with self._lock:
            frames = self._urgent.clear() + self._ordinary.clear()
            self._counters.received += len(frames)
            return frames
