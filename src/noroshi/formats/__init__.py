"""Bytes to records and back. One file (or folder) a format; the name is its key.

A format holds `MEDIA`, `sniff` and `decode`, and `encode` where noroshi writes it; `tests/test_every_format.py` holds
each one to the protocol below. Decoders never crash: a damaged record is counted in `Decoded.damage` and the rest is
read; bytes that are no such format at all raise `FormatError`, one line that says what, where and what to do.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from noroshi.records import Detections, SensorSite, Status, Tracks, Truth


class FormatError(ValueError):
    """The bytes are not what they are said to be. The message is one line for a person."""


@dataclass(kw_only=True)
class Decoded:
    """What one recording held.

    Attributes:
        detections: batches, each of one sensor and one set of components; rows in the order of the recording.
        tracks: system tracks, where the recording holds another tracker's output.
        statuses: service messages.
        truths: true states, where the file is a truth table.
        sites: sensors that the recording itself describes; their positions may be NaN.
        n_records: how many records were read, good or damaged.
        counts: how many of each sort ("category 048 target report", "DF 11 all-call reply"); what was read but cannot
            be tracked is counted here too, so that the counts and the damage add up to `n_records`.
        damage: reason -> how many records were damaged and skipped.
        notes: what was assumed in reading it, in plain words.
        columns: of a table, the names of its columns.
        columns_not_used: those of them that were passed over.
    """

    detections: list[Detections] = field(default_factory=list)
    tracks: list[Tracks] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    sites: list[SensorSite] = field(default_factory=list)
    n_records: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    damage: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    columns_not_used: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a recording may leave out and a person may add.

    Attributes:
        source: name of the recording, for messages and as the name of a sensor that has none.
        day_ns: midnight UTC of the recording's day, for formats that give only the time of day; None if unknown.
        received_ns: (only for a live feed) when the bytes came.
        columns: for tables, which columns under other names are which: `range_nmi: rho_nm`, both in lower case; what a
            table has not is no error.
        types: for tables, of each type of sensor that they have no columns of their own for: what a row must have, and
            what it may have, as (`REQUIRED`, `COMPONENTS`) of its file in `sensors/`.
        reference_lat_rad, reference_lon_rad: a place within some hundreds of kilometres, where a format needs one.
    """

    source: str = "recording"
    day_ns: int | None = None
    received_ns: int | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)
    reference_lat_rad: float | None = None
    reference_lon_rad: float | None = None


class Format(Protocol):
    """The contract of a module in this room (its functions are module functions)."""

    MEDIA: ClassVar[tuple[str, ...]]
    """File name endings it usually has, lower case, with the dot."""

    @staticmethod
    def sniff(head: bytes, name: str) -> float:
        """Return how sure one can be, 0 to 1, that a file with this beginning (64 KiB) and name is of this format."""
        ...

    @staticmethod
    def decode(data: bytes, context: Context) -> Decoded:
        """Return what `data` holds.

        Raises:
            FormatError: if no record at all can be read.
        """
        ...
