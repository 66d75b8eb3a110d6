"""Who truly was where at the times of the pictures, and which tracks of a picture were on whom."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.pairing import nearest
from noroshi.assessment.pictures import View, seen, track_histories, tracks_at_each
from noroshi.assessment.siap import Association, id_verdicts
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.records import MISSILES, Kind, Tracks, Truth, take

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

APART = 10.0
"""How many cut-offs two moments are apart where they stand beside each other in one search."""
GROUND_M = 2_000.0
"""What ends lower than this above the ellipsoid has come down."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Targets:
    """The n targets at k times.

    Attributes:
        names: (n,) sorted.
        times_ns: (k,) rising, Unix UTC nanoseconds.
        truth: one row for each target and time at which it was there.
        row: (n, k) the row of the truth; -1 where the target was not there.
    """

    names: NDArray[np.str_]
    times_ns: Integers
    truth: Truth
    row: Integers

    @property
    def is_there(self) -> Flags:
        """(n, k) whether each was there."""
        return self.row >= 0

    @property
    def is_threat(self) -> Flags:
        """(n,) whether it ever boosted, fell or glided."""
        threatening = np.isin(self.truth.kind, MISSILES)
        return np.array([bool(threatening[row[row >= 0]].any()) for row in self.row], bool)

    @classmethod
    def of(cls, truth: Truth, times_ns: Integers) -> "Targets":
        """Return the targets of a truth whose rows are at some of the given times; others are left out."""
        names, who = np.unique(truth.target, return_inverse=True)
        at = np.searchsorted(times_ns, truth.time_ns)
        exact = (at < len(times_ns)) & (times_ns[np.minimum(at, max(len(times_ns) - 1, 0))] == truth.time_ns)
        rows = np.full((len(names), len(times_ns)), -1, np.int64)
        rows[who[exact], at[exact]] = np.flatnonzero(exact)
        return cls(names=names, times_ns=times_ns, truth=truth, row=rows)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """How one threat truly went.

    Attributes:
        name: of the target.
        kind: what it is after its burn-out.
        begins_ns, ends_ns: its first and last moment in the run.
        burnt_out_ns: when it stopped to burn; `begins_ns` if it never did, `ends_ns` if it never stopped.
        comes_down: whether it has come down by its last moment.
        time_ns: (k,) rising.
        state_ecef: (k, 6) at these times.
    """

    name: str
    kind: Kind
    begins_ns: int
    ends_ns: int
    burnt_out_ns: int
    comes_down: bool
    time_ns: Integers
    state_ecef: Floats

    @classmethod
    def of(cls, truth: Truth) -> "Course":
        """Return the course of a truth of one target, its rows in the order of time."""
        burning = np.flatnonzero(truth.kind == Kind.BOOSTING)
        last = int(burning[-1]) if len(burning) else -1
        after = truth.kind[last + 1 :] if last + 1 < len(truth) else truth.kind[-1:]
        height_m = float(geodetic_from_ecef(truth.state_ecef[-1:, :3])[2][0])
        return cls(
            name=str(truth.target[0]),
            kind=Kind(int(np.bincount(after).argmax())),
            begins_ns=int(truth.time_ns[0]),
            ends_ns=int(truth.time_ns[-1]),
            burnt_out_ns=int(truth.time_ns[min(last + 1, len(truth) - 1)]),
            comes_down=height_m <= GROUND_M,
            time_ns=truth.time_ns,
            state_ecef=truth.state_ecef,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """Which tracks of one picture were on which targets when: a track is on the target nearest to it, if near enough.

    Attributes:
        tracks: all rows of the picture.
        track_ids: (m,) numbers of its tracks, sorted.
        n_tracks: (k,) how many tracks it showed at each time.
        nearest: (n, k) the pair of the nearest track on each of n targets at each time; -1 where there is none.
        on: p pairs of a track and a target at a time.
        row: (p,) the row of `tracks` that was shown.
        on_ecef_m: (p, 3) where the track was shown.
        shown_time, shown_track, shown_row: (q,) all that was shown: when, which track, which row.
        shown_ecef: (q, 6) as it was shown, carried on to that time.
    """

    tracks: Tracks
    track_ids: NDArray[np.uint64]
    n_tracks: Integers
    nearest: Integers
    on: Association
    row: Integers
    on_ecef_m: Floats
    shown_time: Integers
    shown_track: Integers
    shown_row: Integers
    shown_ecef: Floats

    @property
    def is_held(self) -> Flags:
        """(n, k) whether any track was on each target at each time."""
        return self.nearest >= 0


def held(targets: Targets, tracks: Tracks, cutoff_m: float, view: View) -> Held:
    """Return which tracks were on which targets, at all times of the targets at once."""
    histories = track_histories(tracks, view)
    m, k = len(histories.names), len(targets.times_ns)
    who, when = np.tile(np.arange(m), k), np.repeat(np.arange(k), m)
    shown = tracks_at_each(histories, who, targets.times_ns[when], view.age_s_max)
    track, i_time = who[shown.who], when[shown.who]
    true_target, true_time = np.nonzero(targets.is_there)
    true_row = targets.row[true_target, true_time]
    true_ecef = seen(targets.truth.state_ecef[true_row], view)
    state_ecef = seen(shown.state_ecef, view)
    moment_m = APART * cutoff_m
    pairs = nearest(
        np.column_stack([true_ecef[:, :3], moment_m * true_time]),
        np.column_stack([state_ecef[:, :3], moment_m * i_time]),
        cutoff_m,
    )
    rows_true, rows = true_row[pairs.ia], shown.row[pairs.ib]
    on = Association(
        i_time=i_time[pairs.ib],
        i_target=true_target[pairs.ia],
        i_track=track[pairs.ib],
        position_error_m=pairs.distance,
        velocity_error_m_s=np.linalg.norm(state_ecef[pairs.ib, 3:] - true_ecef[pairs.ia, 3:], axis=1),
        id_verdict=id_verdicts(take(targets.truth.identity, rows_true), take(tracks.identity, rows)),
    )
    near = np.full(targets.row.shape, -1, np.int64)
    order = np.lexsort(
        (-np.arange(len(rows)), -on.position_error_m)
    )  # the nearest, and of equals the first, comes last
    near[on.i_target[order], on.i_time[order]] = order
    return Held(
        tracks=tracks,
        nearest=near,
        track_ids=histories.names.astype(np.uint64),
        n_tracks=np.bincount(i_time, minlength=k),
        on=on,
        row=rows,
        on_ecef_m=state_ecef[pairs.ib, :3],
        shown_time=i_time,
        shown_track=track,
        shown_row=shown.row,
        shown_ecef=state_ecef,
    )
