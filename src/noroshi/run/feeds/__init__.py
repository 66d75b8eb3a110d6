"""Live sources: one file each, its name is its key. `udp_asterix.py` is what `udp+asterix://...` names.

Each file holds `class Feed`, which keeps the contract below. A feed listens by threads of its own from the moment it
is made, and keeps what comes in a bounded queue (`inbox.py`: the oldest is dropped, and counted) until `receive` is
called; bytes are decoded there, by the decoders of `formats/`, in the thread of the one who asks. So a node that has
stopped to compile kernels costs no memory without end, and what is damaged is a number in `health`, never an exception.

`tests/run/test_every_feed.py` holds each file to this.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self
from urllib.parse import parse_qsl, urlsplit

from noroshi.records import Batch, SensorSite
from noroshi.run.rooms import PartError, UnknownNameError, load, names

__all__ = ["Address", "AddressError", "Feed", "Health", "open_feed"]

SHORT = {"udp": "udp_asterix"}
"""Schemes that leave out the format, since there is one that is usual."""


class AddressError(ValueError):
    """An address is not written as it must be, or cannot be listened to. The message is one line for a person."""


NOT_YET = "not connected yet"
"""The trouble of a feed whose first connection is being made: not one to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a feed is; all numbers count from when it was made.

    Attributes:
        is_up: whether it can hear: bound, connected, or the simulated world goes on.
        n_connected: how often a connection was made; 1 for what knows no connections.
        n_messages, n_bytes: what came: datagrams, reads of a stream, batches of a simulated sensor.
        n_dropped: how many messages were dropped unread because the queue was full.
        n_records: how many records were decoded, good or damaged.
        n_rows: how many detections were given.
        counts: what was decoded, by sort, good or of no use; with `damage` they add up to `n_records`.
        damage: reason -> how many records could not be read.
        clock_ns: by sensor, what had to be added to its times because its clock, or its recording, is of another time.
        behind_ns: by sensor, how long after a detection's own time its batch came, lately (median of a batch).
        trouble: what is wrong now, in words; empty if nothing.
    """

    is_up: bool
    n_connected: int = 0
    n_messages: int = 0
    n_bytes: int = 0
    n_dropped: int = 0
    n_records: int = 0
    n_rows: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    damage: Mapping[str, int] = field(default_factory=dict)
    clock_ns: Mapping[str, int] = field(default_factory=dict)
    behind_ns: Mapping[str, int] = field(default_factory=dict)
    trouble: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """What a person writes to name a feed: `udp://239.0.0.1:8600?interface=192.168.1.5`, `tcp+beast://pi:30005`.

    Attributes:
        text: as written.
        key: of the file in this room.
        host, port: where; an empty host means any of this machine's, port 0 that none was given.
        path: what follows, without the first "/".
        options: what follows the "?".
    """

    text: str
    key: str
    host: str
    port: int
    path: str
    options: Mapping[str, str]

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the parts of an address.

        Raises:
            AddressError: if it is none.
        """
        example = "write it as udp://239.0.0.1:8600, tcp+beast://HOST:30005 or tcp+sbs://HOST:30003"
        try:
            parts = urlsplit(text)
            port = parts.port or 0
            options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        except ValueError as error:
            raise AddressError(f"{text!r} is no address ({error}): {example}") from error
        if not parts.scheme or "://" not in text:
            raise AddressError(f"{text!r} is no address: {example}")
        if parts.port is None and parts.scheme.startswith("udp"):
            raise AddressError(f"{text}: names no port: {example}")
        key = SHORT.get(parts.scheme, parts.scheme.replace("+", "_").replace("-", "_"))
        host = parts.hostname or ""
        return cls(text=text, key=key, host=host, port=port, path=parts.path.lstrip("/"), options=options)

    @property
    def source(self) -> str:
        """A name for what is heard there, if it does not name itself: `sbs 192.168.1.5:30003`."""
        return f"{self.key.rpartition('_')[2]} {self.host or '*'}:{self.port}"

    def only(self, known: Sequence[str]) -> Self:
        """Return the address if it has no option that is not known.

        Raises:
            AddressError: if it has.
        """
        for name in self.options:
            if name not in known:
                there = ", ".join(known) or "none"
                raise AddressError(f"{self.text}: no option '{name}'; there are: {there}")
        return self


class Feed(Protocol):
    """One live source.

    Attributes:
        name: as a person knows it, for instance its address.
    """

    name: str

    @classmethod
    def at(cls, address: Address, *, arrived: Callable[[], None], now_ns: Callable[[], int]) -> Self:
        """Return the feed at an address, already listening.

        Args:
            address: where.
            arrived: called from any thread when there is something to receive, or the health has changed. It must
                return at once, as the `set` of an event does.
            now_ns: the clock, UTC: gives `received_ns`, and the day of formats that give the time of day only.

        Raises:
            AddressError: if the address is wrong, or this machine cannot listen there. What is merely not there yet
                (a host that does not answer) is no error: it is tried again and again.
        """
        ...

    def receive(self) -> list[Batch]:
        """Return what has come since, oldest first, and forget it; it never waits.

        A `Detections` batch is of one sensor, spans at most a second and has each target that says who it is at most
        once; beside these come `Status` and (from trackers) `Tracks`. `received_ns` is when the bytes came. To be
        called from one thread at a time.
        """
        ...

    def sites(self) -> Mapping[str, SensorSite]:
        """Return, by name, the sensors that were heard so far; a place that nobody told is NaN."""
        ...

    @property
    def health(self) -> Health:
        """How the feed is; from any thread."""
        ...

    def close(self) -> None:
        """Stop listening, and wait until the feed's threads have ended. Calling it again does nothing."""
        ...


def open_feed(text: str, *, arrived: Callable[[], None], now_ns: Callable[[], int]) -> Feed:
    """Return the feed that an address names, already listening; see `Feed.at`.

    Raises:
        AddressError: if there is no such feed.
    """
    address = Address.of(text)
    feed: Feed = find(address).at(address, arrived=arrived, now_ns=now_ns)
    return feed


def find(address: Address) -> type[Feed]:
    """Return the class of the feed that an address names.

    Raises:
        AddressError: if there is none.
    """
    try:
        found: type[Feed] = load("run.feeds", address.key).Feed
    except UnknownNameError as error:
        there = ", ".join(f"{key.replace('_', '+')}://" for key in names("run.feeds"))
        raise AddressError(f"{address.text}: there is no such feed; there are: {there}") from error
    except PartError as error:
        raise AddressError(f"{address.text}: {error}") from error
    return found
