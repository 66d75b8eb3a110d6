"""Columns of what the fold holds: contributions as rows of two arrays, contributors and fused tracks likewise.

A contributor is one track of one owner, as its reader holds it. Rows are made in the order of the fold, so that of two
contributors the one with the lower row founded earlier.
"""

from dataclasses import dataclass
from enum import IntEnum, auto
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.fusion.tracklets import Floats, Integers
from noroshi.records import Kind, Tracks, TrackStatus
from noroshi.records.identity import call_sign_words

NOBODY = -1
ENDED = -2
COARSE, SELF_FED, SELF_ONLY = 1, 2, 4
"""Flags: told coarsely; what fed it may be the target's own reports; it was nothing else."""


class Real(IntEnum):
    """Columns of real numbers of a contribution and of its contributor, which holds the latest one as it came."""

    STATE = 0  # six
    COVARIANCE = 6  # thirty-six
    EXISTENCE = 42
    KIND = 43  # seven
    DENSITY = 50  # of a contributor: the process noise that its tracker shows [m2/s3]


class Whole(IntEnum):
    """Columns of whole numbers of a contribution; from OWNER on, of a contributor alone."""

    ID = 0
    TIME = auto()
    UPDATED = auto()
    STATUS = auto()
    FLAGS = auto()
    ICAO_ADDRESS = auto()
    MODE_3A = auto()
    MMSI = auto()
    CALL_SIGN = auto()  # three
    OWNER = 11
    TRACK = auto()  # the fused track that it belongs to, NOBODY or ENDED
    NEXT = auto()  # the next contributor of that track, NOBODY after the last
    IS_IN = auto()  # 1 if what it said last is in the fused state
    INTERVAL = auto()  # between its last two contributions [ns]
    AGAINST = auto()  # how often in turn it was too far from the founder


class Fused(IntEnum):
    """Columns of whole numbers of a fused track; its real ones are `Real.STATE` and `Real.COVARIANCE`."""

    TIME = 0
    FOUNDER = auto()  # row of the contributor that founded it; NOBODY once that has ended
    FIRST = auto()  # its first contributor, NOBODY if it has ended
    FEEDER = auto()  # whose reports of the target itself are counted
    NUMBER = auto()
    BORN = auto()
    PARTNER = auto()  # row of the track that it seems to be one with ...
    COUNT = auto()  # ... and how often in turn


N_REAL, N_REAL_HELD = Real.DENSITY, Real.DENSITY + 1
N_WHOLE, N_WHOLE_HELD = Whole.OWNER, Whole.AGAINST + 1
N_FUSED_REAL, N_FUSED = 42, Fused.COUNT + 1


@dataclass
class Table:
    """Everything that the fold holds.

    Attributes:
        real, whole: (n, 51), (n, 17) contributors, see `Real` and `Whole`.
        fused_real, fused: (m, 42), (m, 8) fused tracks, see `Fused`.
        places: hash table of the contributors' rows.
        extra: small arrays of whoever keeps some (registration).
        n, m: rows in use; ended ones among them until `compacted`.
    """

    real: Floats
    whole: Integers
    fused_real: Floats
    fused: Integers
    places: Integers
    extra: dict[str, NDArray[Any]]
    n: int = 0
    m: int = 0

    @classmethod
    def empty(cls) -> "Table":
        """Return a table that holds nothing."""
        return cls(
            np.zeros((0, N_REAL_HELD)), np.zeros((0, N_WHOLE_HELD), np.int64), np.zeros((0, N_FUSED_REAL)),
            np.zeros((0, N_FUSED), np.int64), np.full(16, NOBODY, np.int64), {},
        )  # fmt: skip

    def copy(self) -> "Table":
        """Return one that does not change with this one; `extra` is replaced by whoever changes it, never written."""
        n, m = self.n, self.m
        return Table(
            self.real[:n].copy(), self.whole[:n].copy(), self.fused_real[:m].copy(), self.fused[:m].copy(),
            self.places.copy(), dict(self.extra), n, m,
        )  # fmt: skip

    def reserve(self, more: int) -> None:
        """Make room for so many contributors and fused tracks more."""
        if self.n + more > len(self.real):
            capacity = max(64, self.n + more + self.n // 2)
            self.real, self.whole = _grown(self.real, capacity, self.n), _grown(self.whole, capacity, self.n)
        if self.m + more > len(self.fused):
            capacity = max(64, self.m + more + self.m // 2)
            self.fused_real = _grown(self.fused_real, capacity, self.m)
            self.fused = _grown(self.fused, capacity, self.m)

    def alive(self) -> Integers:
        """Return the rows of the fused tracks that have not ended."""
        return np.flatnonzero(self.fused[: self.m, Fused.FIRST] != NOBODY)

    def compact(self) -> None:
        """Leave out what has ended, if it is more than half; the order of what is left stays."""
        here = self.whole[: self.n, Whole.TRACK] != ENDED
        rows, tracks = np.flatnonzero(here), self.alive()
        if self.n + self.m < 2 * (len(rows) + len(tracks)) + 64:
            return
        new_row = np.append(np.cumsum(here) - here, len(rows))
        new_track = np.full(self.m + 1, NOBODY)
        new_track[tracks] = np.arange(len(tracks))
        held, fused = self.whole[rows], self.fused[tracks]
        held[:, Whole.TRACK] = new_track[held[:, Whole.TRACK]]
        held[:, Whole.NEXT] = np.where(held[:, Whole.NEXT] < 0, NOBODY, new_row[held[:, Whole.NEXT]])
        for column in (Fused.FOUNDER, Fused.FIRST, Fused.FEEDER):
            fused[:, column] = np.where(fused[:, column] < 0, NOBODY, new_row[fused[:, column]])
        fused[:, Fused.PARTNER], fused[:, Fused.COUNT] = NOBODY, 0
        self.real, self.whole, self.n = self.real[rows], held, len(rows)
        self.fused_real, self.fused, self.m = self.fused_real[tracks], fused, len(tracks)
        self.places = np.full(16, NOBODY, np.int64)


def _grown(array: NDArray[Any], capacity: int, n: int) -> NDArray[Any]:
    grown = np.zeros((capacity, array.shape[1]), array.dtype)
    grown[:n] = array[:n]
    return grown


def contributions_of(tracks: Tracks, flags: Integers) -> tuple[Floats, Integers]:
    """Return (n, 50) and (n, 11) rows of contributions."""
    n = len(tracks)
    real, whole = np.empty((n, N_REAL)), np.zeros((n, N_WHOLE), np.int64)
    real[:, : Real.COVARIANCE] = tracks.state_ecef
    real[:, Real.COVARIANCE : Real.EXISTENCE] = tracks.covariance_ecef.reshape(n, 36)
    real[:, Real.EXISTENCE] = tracks.existence
    real[:, Real.KIND : Real.KIND + len(Kind)] = tracks.kind_probability
    whole[:, Whole.ID] = tracks.track_id.view(np.int64)
    whole[:, Whole.TIME], whole[:, Whole.UPDATED] = tracks.time_ns, tracks.updated_ns
    whole[:, Whole.STATUS], whole[:, Whole.FLAGS] = tracks.status, flags
    whole[:, Whole.ICAO_ADDRESS] = tracks.identity.icao_address
    whole[:, Whole.MODE_3A] = tracks.identity.mode_3a
    whole[:, Whole.MMSI] = tracks.identity.mmsi
    words = call_sign_words(tracks.identity.call_sign)
    if len(words):
        whole[:, Whole.CALL_SIGN : Whole.OWNER] = words
    return real, whole


def is_usable(tracks: Tracks) -> NDArray[np.bool_]:
    """Return (n,) which rows can be folded: they end a track, or their state and covariance are numbers of that name."""
    state, spread = tracks.state_ecef, tracks.covariance_ecef
    diagonal = np.diagonal(spread, axis1=1, axis2=2)
    fine = np.isfinite(state).all(axis=1) & np.isfinite(spread).all(axis=(1, 2)) & (diagonal > 0.0).all(axis=1)
    return np.asarray(fine | (tracks.status == TrackStatus.LOST), np.bool_)
