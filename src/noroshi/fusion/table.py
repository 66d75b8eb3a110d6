"""What the fold holds: contributors and fused tracks as rows of arrays.

A contributor is one track of one owner, as its reader holds it. Rows are made in the order of the fold, so that of two
fused tracks, and of two contributors, the one with the lower row was founded earlier.
"""

from dataclasses import dataclass, field
from enum import IntEnum, auto
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.fusion.tracklets import CLOSE, Floats, Integers, carried
from noroshi.geo.time import NS_PER_S
from noroshi.kernel import kernel
from noroshi.records import Kind, Tracks, TrackStatus
from noroshi.records.identity import call_sign_words

NOBODY = -1
ENDED = -2
COARSE, SELF_FED, SELF_ONLY, REPORTED = 1, 2, 4, 8
"""Flags: told coarsely; what fed it may be the target's own reports; it was nothing else; its place rests on such."""
N_SAID, EXISTENCE, KIND = 1 + len(Kind), 0, 1
BALLISTIC, SPACE = KIND + int(Kind.BALLISTIC), KIND + int(Kind.SPACE)


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
    REVISION = 11  # of two rows of one time the higher one counts, whichever came first
    OWNER = auto()
    TRACK = auto()  # the fused track that it belongs to, NOBODY or ENDED
    NEXT = auto()  # the next contributor of that track, NOBODY after the last
    IS_IN = auto()  # 1 if what it said last is in the fused state
    INTERVAL = auto()  # between its last two contributions [ns]
    AGAINST = auto()  # how often in turn it was too far from the founder


class Fused(IntEnum):
    """Columns of whole numbers of a fused track."""

    TIME = 0
    FOUNDER = auto()  # row of the contributor that founded it; NOBODY once that has ended
    FIRST = auto()  # its first contributor, NOBODY if it has ended
    FEEDER = auto()  # whose reports of the target itself are counted
    NUMBER = auto()
    BORN = auto()
    PARTNER = auto()  # row of the track that it seems to be one with ...
    COUNT = auto()  # ... and how often in turn


N_TOLD, N_WHOLE, N_FUSED = Whole.OWNER, Whole.AGAINST + 1, Fused.COUNT + 1


@dataclass(frozen=True, slots=True)
class Rows:
    """Contributions as they come, k rows.

    Attributes:
        state: (k, 6).
        covariance: (k, 21) their lower triangles, see `lower`: most of what a window of messages takes is covariances.
        said: (k, 8) existence and probabilities of kinds.
        whole: (k, 12) see `Whole`.
    """

    state: Floats
    covariance: Floats
    said: Floats
    whole: Integers

    def take(self, rows: NDArray[Any] | slice) -> "Rows":
        """Return some of them."""
        return Rows(self.state[rows], self.covariance[rows], self.said[rows], self.whole[rows])


@dataclass
class Table:
    """Everything that the fold holds.

    Attributes:
        state, covariance, said, density, turn, whole: (n, ...) of contributors: what each said last, the process noise
            [m2/s3] and the rate of turn [rad/s] that it shows, and (n, 18) whole numbers, see `Whole`.
        fused_state, fused_covariance, fused: (m, ...) of fused tracks, the last (m, 8), see `Fused`.
        places: hash table of the contributors' rows.
        extra: named small arrays, replaced and never written to.
        n, m: rows in use; ended ones among them until `compact`.
        came_of: a digest of all that was folded into it, where somebody wants to know; of what holds nothing it is
            empty.
    """

    state: Floats
    covariance: Floats
    said: Floats
    density: Floats
    turn: Floats
    whole: Integers
    fused_state: Floats
    fused_covariance: Floats
    fused: Integers
    places: Integers
    extra: dict[str, NDArray[Any]]
    n: int = 0
    m: int = 0
    came_of: bytes = field(default=b"", init=False)

    @classmethod
    def of(cls, arrays: dict[str, NDArray[Any]], extra: dict[str, NDArray[Any]]) -> "Table":
        """Return a table of the arrays that `arrays` gave."""
        return cls(
            **arrays, places=np.full(16, NOBODY, np.int64), extra=extra, n=len(arrays["whole"]), m=len(arrays["fused"])
        )

    @classmethod
    def empty(cls) -> "Table":
        """Return a table that holds nothing."""
        arrays = {
            "state": np.zeros((0, 6)), "covariance": np.zeros((0, 6, 6)), "said": np.zeros((0, N_SAID)),
            "density": np.zeros(0), "turn": np.zeros(0),
            "whole": np.zeros((0, N_WHOLE), np.int64),
            "fused_state": np.zeros((0, 6)), "fused_covariance": np.zeros((0, 6, 6)),
            "fused": np.zeros((0, N_FUSED), np.int64),
        }  # fmt: skip
        return cls.of(arrays, {})

    def views(self) -> dict[str, NDArray[Any]]:
        """Return the rows in use."""
        return {name: getattr(self, name)[: self.n] for name in OF_CONTRIBUTORS} | {
            name: getattr(self, name)[: self.m] for name in OF_FUSED
        }

    def copy(self, memory: "Table | None" = None) -> "Table":
        """Return one that does not change with this one.

        Args:
            memory: a table that nobody needs any more, whose arrays are taken where they are large enough: megabytes
                that are asked of the system anew cost more than to fold into them.
        """
        arrays: dict[str, NDArray[Any]] = {}
        for name, rows in self.views().items():
            held: NDArray[Any] = getattr(memory or self, name)
            arrays[name] = held if memory and len(held) >= len(rows) else np.empty_like(getattr(self, name))
            arrays[name][: len(rows)] = rows
        return Table(**arrays, places=self.places.copy(), extra=dict(self.extra), n=self.n, m=self.m)

    def reserve(self, more: int) -> None:
        """Make room for so many contributors and fused tracks more."""
        for names, used in ((OF_CONTRIBUTORS, self.n), (OF_FUSED, self.m)):
            if used + more > len(getattr(self, names[0])):
                for name in names:
                    old = getattr(self, name)
                    grown = np.zeros((max(64, used + more + used // 2), *old.shape[1:]), old.dtype)
                    grown[:used] = old[:used]
                    setattr(self, name, grown)

    def alive(self) -> Integers:
        """Return the rows of the fused tracks that have not ended."""
        return np.flatnonzero(self.fused[: self.m, Fused.FIRST] != NOBODY)

    def members(self) -> Integers:
        """Return the rows of the contributors that have not ended."""
        return np.flatnonzero(self.whole[: self.n, Whole.TRACK] >= 0)

    def of_tracks(self, times_ns: Integers | int, tracks: Integers) -> tuple[Floats, Floats]:
        """Return where fused tracks are at a time, or each at its own, (k, 6) and (k, 6, 6)."""
        rows = self.members()
        of = self.whole[rows, Whole.TRACK]
        latest = np.zeros(self.m, np.int64)
        order = np.argsort(self.whole[rows, Whole.TIME], kind="stable")
        latest[of[order]] = rows[order]
        said_last = latest[tracks]
        falls, turn, density = is_falling(self.said[said_last]), self.turn[said_last], self.density[said_last]
        dt_s = (times_ns - self.fused[tracks, Fused.TIME]) / NS_PER_S
        return carried(self.fused_state[tracks], self.fused_covariance[tracks], dt_s, falls, turn, CLOSE * density)

    def leave(self, row: int) -> int:
        """Take a contributor out of its fused track and return that."""
        track = int(self.whole[row, Whole.TRACK])
        before, at = NOBODY, int(self.fused[track, Fused.FIRST])
        while at != row:
            before, at = at, int(self.whole[at, Whole.NEXT])
        after = self.whole[row, Whole.NEXT]
        if before == NOBODY:
            self.fused[track, Fused.FIRST] = after
        else:
            self.whole[before, Whole.NEXT] = after
        for column in (Fused.FEEDER, Fused.FOUNDER):
            if self.fused[track, column] == row:
                self.fused[track, column] = NOBODY
        self.whole[row, [Whole.TRACK, Whole.NEXT, Whole.IS_IN]] = ENDED, NOBODY, 0
        return track

    def members_of(self, track: int) -> list[int]:
        """Return the rows of a fused track's contributors, in the order in which they joined."""
        found, at = [], int(self.fused[track, Fused.FIRST])
        while at != NOBODY:
            found.append(at)
            at = int(self.whole[at, Whole.NEXT])
        return found

    def join(self, rows: list[int], track: int) -> None:
        """Put contributors at the end of a fused track's list."""
        last = self.members_of(track)[-1:]
        for before, after in pairwise([*last, *rows]):
            self.whole[before, Whole.NEXT] = after
        if not last:
            self.fused[track, Fused.FIRST] = rows[0]
        self.whole[rows[-1], Whole.NEXT] = NOBODY
        self.whole[rows, Whole.TRACK] = track

    def compact(self) -> None:
        """Leave out what has ended, if it is more than half; the order of what is left stays."""
        here = self.whole[: self.n, Whole.TRACK] >= 0
        rows, tracks = np.flatnonzero(here), self.alive()
        if self.n + self.m < 2 * (len(rows) + len(tracks)) + 64:
            return
        new_row = np.append(np.cumsum(here) - here, NOBODY)
        new_track = np.full(self.m + 1, NOBODY)
        new_track[tracks] = np.arange(len(tracks))
        held, fused = self.whole[rows], self.fused[tracks]
        held[:, Whole.TRACK] = new_track[held[:, Whole.TRACK]]
        held[:, Whole.NEXT] = new_row[held[:, Whole.NEXT]]
        for column in (Fused.FOUNDER, Fused.FIRST, Fused.FEEDER):
            fused[:, column] = new_row[fused[:, column]]
        fused[:, Fused.PARTNER], fused[:, Fused.COUNT] = NOBODY, 0
        for name in OF_CONTRIBUTORS:
            setattr(self, name, getattr(self, name)[rows])
        for name in OF_FUSED:
            setattr(self, name, getattr(self, name)[tracks])
        self.whole, self.fused, self.n, self.m = held, fused, len(rows), len(tracks)
        self.places = np.full(16, NOBODY, np.int64)


OF_CONTRIBUTORS = ("state", "covariance", "said", "density", "turn", "whole")
OF_FUSED = ("fused_state", "fused_covariance", "fused")


@kernel
def fill(triangle: Floats, square: Floats) -> None:
    """Write the symmetric (6, 6) matrix that (21,) is the lower triangle of, row by row."""
    at = 0
    for i in range(6):
        for j in range(i + 1):
            square[i, j] = triangle[at]
            square[j, i] = triangle[at]
            at += 1


@kernel
def _lower_rows(squares: Floats, triangles: Floats) -> None:
    for k in range(len(squares)):
        at = 0
        for i in range(6):
            for j in range(i + 1):
                triangles[k, at] = squares[k, i, j]
                at += 1


@kernel
def _fill_rows(triangles: Floats, squares: Floats) -> None:
    for k in range(len(triangles)):
        fill(triangles[k], squares[k])


def lower(covariances: Floats) -> Floats:
    """Return (k, 21) the lower triangles of (k, 6, 6), row by row."""
    triangles = np.empty((len(covariances), 21))
    _lower_rows(np.ascontiguousarray(covariances, np.float64), triangles)
    return triangles


def full(triangles: Floats) -> Floats:
    """Return the (k, 6, 6) symmetric matrices that (k, 21) are the lower triangles of."""
    squares = np.empty((len(triangles), 6, 6))
    _fill_rows(np.ascontiguousarray(triangles, np.float64), squares)
    return squares


def is_falling(said: Floats) -> NDArray[np.bool_]:
    """Return (n,) whether targets are taken to fall freely, by (n, 8) what is said of them."""
    return np.asarray(said[:, BALLISTIC] + said[:, SPACE] > 0.5, np.bool_)


def rows_of(tracks: Tracks, flags: Integers) -> Rows:
    """Return contributions as rows."""
    n = len(tracks)
    whole = np.zeros((n, N_TOLD), np.int64)
    whole[:, Whole.ID] = tracks.track_id.view(np.int64)
    whole[:, Whole.TIME], whole[:, Whole.UPDATED] = tracks.time_ns, tracks.updated_ns
    whole[:, Whole.STATUS], whole[:, Whole.FLAGS] = tracks.status, flags
    whole[:, Whole.ICAO_ADDRESS] = tracks.identity.icao_address
    whole[:, Whole.MODE_3A] = tracks.identity.mode_3a
    whole[:, Whole.MMSI] = tracks.identity.mmsi
    whole[:, Whole.REVISION] = tracks.revision
    words = call_sign_words(tracks.identity.call_sign)
    if len(words):
        whole[:, Whole.CALL_SIGN : Whole.REVISION] = words
    said = np.concatenate([tracks.existence[:, None], tracks.kind_probability], axis=1)
    return Rows(np.ascontiguousarray(tracks.state_ecef), lower(tracks.covariance_ecef), said, whole)


def is_usable(tracks: Tracks) -> NDArray[np.bool_]:
    """Return (n,) which rows can be folded: they end a track, or state and covariance are numbers that can be."""
    diagonal = np.diagonal(tracks.covariance_ecef, axis1=1, axis2=2)
    finite = np.isfinite(tracks.state_ecef).all(axis=1) & np.isfinite(tracks.covariance_ecef).all(axis=(1, 2))
    return np.asarray((finite & (diagonal > 0.0).all(axis=1)) | (tracks.status == TrackStatus.LOST), np.bool_)
