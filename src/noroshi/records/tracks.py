"""What a tracker believes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, Column, concatenate
from noroshi.records.identity import Identity


class Kind(IntEnum):
    """What a target is; the column of `Tracks.kind_probability`."""

    UNKNOWN = 0
    AIRCRAFT = 1
    SHIP = 2
    BALLISTIC = 3
    BOOSTING = 4
    GLIDING = 5
    SPACE = 6


class TrackStatus(IntEnum):
    """Where a track is in its life."""

    TENTATIVE = 0
    FIRM = 1
    COASTING = 2  # firm, but missed when it was last looked for
    LOST = 3  # its last row


TENTATIVE, FIRM, COASTING, LOST = (int(each) for each in TrackStatus)  # as plain numbers: see `quality.NOTHING`

MISSILES = (Kind.BALLISTIC, Kind.BOOSTING, Kind.GLIDING)
KINDS = tuple(kind.name.lower() for kind in Kind)
STATUSES = tuple(status.name.lower() for status in TrackStatus)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tracks(Batch):
    """Track states, n rows; a track has as many rows as times at which something was said of it.

    Attributes:
        node: who made the tracks.
        source_names: the s sensors that `sources` speaks of.
        track_id: (n,) a hash of the plot that started it, unique within the node but for exact repeats of a plot.
        time_ns: (n,) when the state holds, Unix UTC nanoseconds.
        updated_ns: (n,) when the track was last measured.
        revision: (n,) 0 at first; higher where late data corrected a row already given out.
        state_ecef: (n, 6) position [m] and velocity [m/s], Earth-fixed, WGS 84.
        covariance_ecef: (n, 6, 6).
        existence: (n,) probability that there is such a target.
        kind_probability: (n, 7) in the order of `Kind`.
        status: (n,) a `TrackStatus`.
        sources: (n, s) which sensors have fed the track so far.
        identity: who the target says it is.
        reported: (n,) whether the place rests more on what the target reports of itself than on sensors that may be
            displaced; not where it is not given.
        label: release label; empty is released to nobody.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "track_id": (np.uint64, ()),
        "time_ns": (np.int64, ()),
        "updated_ns": (np.int64, ()),
        "revision": (np.int32, ()),
        "state_ecef": (np.float64, (6,)),
        "covariance_ecef": (np.float64, (6, 6)),
        "existence": (np.float64, ()),
        "kind_probability": (np.float64, (len(Kind),)),
        "status": (np.uint8, ()),
        "sources": (np.bool_, ("s",)),
        "reported": (np.bool_, ()),
    }
    NESTED: ClassVar[tuple[str, ...]] = ("identity",)

    node: str
    source_names: tuple[str, ...]
    track_id: NDArray[np.uint64]
    time_ns: NDArray[np.int64]
    updated_ns: NDArray[np.int64]
    revision: NDArray[np.int32]
    state_ecef: NDArray[np.float64]
    covariance_ecef: NDArray[np.float64]
    existence: NDArray[np.float64]
    kind_probability: NDArray[np.float64]
    status: NDArray[np.uint8]
    sources: NDArray[np.bool_]
    identity: Identity
    reported: NDArray[np.bool_] = None  # type: ignore[assignment]
    label: str = ""

    def __post_init__(self) -> None:
        if self.reported is None:
            object.__setattr__(self, "reported", np.zeros(len(self.track_id), np.bool_))


def certain_kind(kinds: NDArray[np.int64] | int, n: int) -> NDArray[np.float64]:
    """Return (n, 7) kind probabilities that are 1 for the given `Kind` (a number, or one a row)."""
    probability: NDArray[np.float64] = np.eye(len(Kind))[np.broadcast_to(kinds, n)]
    return probability


def joined_by_sensor(parts: Sequence[Tracks]) -> Tracks:
    """Return the rows of one or more batches, which may speak of different sensors, one after the other."""
    if len(parts) == 1:
        return parts[0]
    if len({part.source_names for part in parts}) == 1:
        return concatenate(parts)
    names = tuple(sorted({name for part in parts for name in part.source_names}))
    alike = []
    for part in parts:
        sources = np.zeros((len(part), len(names)), np.bool_)
        sources[:, [names.index(name) for name in part.source_names]] = part.sources
        alike.append(part.replace(source_names=names, sources=sources))
    return concatenate(alike)
