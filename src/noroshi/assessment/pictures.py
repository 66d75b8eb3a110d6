"""The true picture and the tracked picture at a time, whatever times the rows have.

Truth is interpolated between its samples. A track is what could be shown at that moment: its last row carried on, never
a row that came later.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.pairing import present
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.records import Tracks, TrackStatus, Truth

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CUTOFF_M = 2_000.0
"""Beyond this a track is not on a target: less than half of the smallest radar separation (3 NM = 5,556 m), so that no
place is within it of two separated aircraft, and more than the errors of a healthy air picture."""

_NS_PER_S = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How rows are read as a picture.

    Attributes:
        gap_s_max: a target is unknown between two of its samples that are further apart than this.
        age_s_max: a track whose last row is older than this is no longer shown.
        statuses: the rows that are shown; a tentative track is not yet part of the picture, a lost one no longer.
        revision: of several rows of one track and time, "first" takes what was said at the time and "last" what late
            data made of it.
        horizontal: drop heights: a position becomes its foot point on the ellipsoid and a velocity loses its local
            vertical part. Planar laboratory data (all z equal) needs no such thing.
    """

    gap_s_max: float = 30.0
    age_s_max: float = 30.0
    statuses: tuple[TrackStatus, ...] = (TrackStatus.FIRM, TrackStatus.COASTING)
    revision: Literal["first", "last"] = "first"
    horizontal: bool = False


LIVE = View()


@dataclass(frozen=True, slots=True)
class Histories:
    """The rows of a record, sorted by object and time: m rows of n objects.

    Attributes:
        names: (n,) targets or track numbers, sorted.
        start, stop: (n,) where each object's rows begin, and one past where they end.
        row: (m,) the row of the record.
        time_ns: (m,) strictly increasing within an object.
        state_ecef: (m, 6); NaN where a component is not known.
        shown: (m,) whether the row may be shown.
    """

    names: NDArray[np.generic]
    start: Integers
    stop: Integers
    row: Integers
    time_ns: Integers
    state_ecef: Floats
    shown: NDArray[np.bool_]

    def latest(self, who: Integers, time_ns: Integers | int) -> Integers:
        """Return for each (p,) object the place of its last row at or before the time; -1 where there is none."""
        low, high = self.start[who], self.stop[who]
        while np.any(low < high):
            middle = (low + high) // 2
            unsure = low < high
            later = self.time_ns[np.minimum(middle, len(self.time_ns) - 1)] > time_ns
            low, high = np.where(unsure & ~later, middle + 1, low), np.where(unsure & later, middle, high)
        return np.where(low > self.start[who], low - 1, -1)


class Shown(NamedTuple):
    """Who is in a picture: `who` (a,) index among all objects, `state_ecef` (a, 6), `row` (a,) of the record."""

    who: Integers
    state_ecef: Floats
    row: Integers


class Picture(NamedTuple):
    """What was and what was shown at one time."""

    time_ns: int
    truth: Shown
    tracks: Shown


def truth_histories(truth: Truth) -> Histories:
    """Return the samples of each target; one without a finite position is no sample."""
    usable = present(truth.state_ecef[:, :3])
    return _histories(truth.target, truth.time_ns, truth.state_ecef, np.zeros(len(truth), np.int64), usable, usable)


def track_histories(tracks: Tracks, view: View = LIVE) -> Histories:
    """Return the rows of each track; a shown row without a finite position says nothing and is left out."""
    shown = np.isin(tracks.status, np.array(view.statuses, np.uint8))
    usable = present(tracks.state_ecef[:, :3]) | ~shown
    rank = tracks.revision.astype(np.int64) * (1 if view.revision == "first" else -1)
    return _histories(tracks.track_id, tracks.time_ns, tracks.state_ecef, rank, usable, shown)


def _histories(
    names: NDArray[np.generic],
    time_ns: Integers,
    state_ecef: Floats,
    rank: Integers,
    usable: NDArray[np.bool_],
    shown: NDArray[np.bool_],
) -> Histories:
    """Sort rows by object, time and rank and keep the first of each time; places settle what is otherwise equal."""
    rows = np.flatnonzero(usable)
    unique, code = np.unique(names[rows], return_inverse=True)
    order = np.lexsort((*state_ecef[rows, 2::-1].T, rank[rows], time_ns[rows], code))
    rows, code = rows[order], code[order]
    repeated = np.zeros(len(rows), bool)
    repeated[1:] = (code[1:] == code[:-1]) & (time_ns[rows[1:]] == time_ns[rows[:-1]])
    rows, code = rows[~repeated], code[~repeated]
    edges = np.searchsorted(code, np.arange(len(unique) + 1))
    state = np.where(np.isfinite(state_ecef[rows]), state_ecef[rows], np.nan)
    return Histories(unique, edges[:-1], edges[1:], rows, time_ns[rows], state, shown[rows])


def truth_at(histories: Histories, who: Integers, time_ns: Integers | int, gap_s_max: float) -> Shown:
    """Return where (p,) targets are at (p,) times: only those that are known then.

    A target is known from its first to its last sample except inside gaps; between samples by cubic Hermite
    interpolation, where the slope of the chord stands in for a velocity that is not known. The row is that of the
    sample at or before the time. The result's `who` is the place in the arguments, not the target.

    Source: de Boor, A Practical Guide to Splines, chapter IV.
    """
    left = histories.latest(who, time_ns)
    asked = np.flatnonzero(left >= 0)
    left, at_ns, owner = left[asked], np.broadcast_to(time_ns, who.shape)[asked], who[asked]
    last = histories.stop[owner] - 1
    exact = histories.time_ns[left] == at_ns
    row = histories.row[left]
    ahead, behind = _joined(histories, left, last, gap_s_max), _joined(histories, left - 1, last, gap_s_max)
    behind &= left > histories.start[owner]
    left = np.where(exact & ~ahead & behind, left - 1, left)
    right = np.where(ahead | (exact & behind), left + 1, left)
    known = ahead | exact
    state = _between(histories, left, np.minimum(right, last), at_ns)
    return Shown(asked[known], state[known], row[known])


def _joined(histories: Histories, left: Integers, last: Integers, gap_s_max: float) -> NDArray[np.bool_]:
    """Say whether the path is known between each row and the next of the same object."""
    right = np.minimum(left + 1, last)
    gap_s = (histories.time_ns[right] - histories.time_ns[left]) / _NS_PER_S
    return (left < last) & (gap_s <= gap_s_max)


def _between(histories: Histories, left: Integers, right: Integers, at_ns: Integers) -> Floats:
    """Return (p, 6) states between two rows; where both are one row, that row's own."""
    single = (left == right)[:, None]
    before, after = histories.state_ecef[left], histories.state_ecef[right]
    span_s = np.where(single, 1.0, (histories.time_ns[right] - histories.time_ns[left])[:, None] / _NS_PER_S)
    u = (at_ns - histories.time_ns[left])[:, None] / _NS_PER_S / span_s
    step = after[:, :3] - before[:, :3]
    chord = step / span_s
    bend_before = span_s * (np.where(np.isnan(before[:, 3:]), chord, before[:, 3:]) - chord)
    bend_after = span_s * (chord - np.where(np.isnan(after[:, 3:]), chord, after[:, 3:]))
    bend = (1.0 - u) * bend_before + u * bend_after
    position = before[:, :3] + u * step + u * (1.0 - u) * bend
    velocity = chord + ((1.0 - 2.0 * u) * bend + u * (1.0 - u) * (bend_after - bend_before)) / span_s
    between = np.hstack([position, velocity])
    return np.where(single, before, between)


def tracks_at(histories: Histories, time_ns: int, age_s_max: float) -> Shown:
    """Return the tracks shown at a time: from a track's first row to its last or to the row that is no longer shown.

    The state is that of the last row at or before the time, carried on at constant velocity; a row whose velocity is
    not known stays where it is.
    """
    return tracks_at_each(histories, np.arange(len(histories.names)), time_ns, age_s_max)


def tracks_at_each(histories: Histories, who: Integers, time_ns: Integers | int, age_s_max: float) -> Shown:
    """Return (p,) tracks at (p,) times, as of `tracks_at`. The result's `who` is the place in the arguments."""
    place = histories.latest(who, time_ns)
    asked = np.flatnonzero(place >= 0)
    place, owner = place[asked], who[asked]
    age_s = (np.broadcast_to(time_ns, who.shape)[asked] - histories.time_ns[place]) / _NS_PER_S
    alive = (place < histories.stop[owner] - 1) | (age_s == 0.0)
    keep = histories.shown[place] & alive & (age_s <= age_s_max)
    asked, place, age_s = asked[keep], place[keep], age_s[keep]
    state = histories.state_ecef[place].copy()
    state[:, :3] += np.nan_to_num(state[:, 3:]) * age_s[:, None]
    return Shown(asked, state, histories.row[place])


def seen(state_ecef: Floats, view: View) -> Floats:
    """Return (n, 6) states without what the view does not look at."""
    if not view.horizontal:
        return state_ecef
    lat_rad, lon_rad, _ = geodetic_from_ecef(state_ecef[:, :3])
    up = enu_axes(lat_rad, lon_rad)[:, 2]
    climb = (state_ecef[:, 3:] * up).sum(axis=1, keepdims=True)
    return np.hstack([ecef_from_geodetic(lat_rad, lon_rad, 0.0), state_ecef[:, 3:] - climb * up])


def pictures(truth: Truth, tracks: Tracks, times_ns: Integers, view: View = LIVE) -> Iterator[Picture]:
    """Give the picture at each of `times_ns` (k,), in order of time and each time once."""
    targets, known = truth_histories(truth), track_histories(tracks, view)
    everyone = np.arange(len(targets.names))
    for time_ns in np.unique(times_ns).tolist():
        true, shown = truth_at(targets, everyone, time_ns, view.gap_s_max), tracks_at(known, time_ns, view.age_s_max)
        yield Picture(
            time_ns,
            true._replace(state_ecef=seen(true.state_ecef, view)),
            shown._replace(state_ecef=seen(shown.state_ecef, view)),
        )


def paths(truth: Truth, tracks: Tracks, times_ns: Integers, view: View = LIVE) -> tuple[Floats, Floats]:
    """Return (n, k, 3) and (m, k, 3) positions of all targets and all tracks at k times; NaN where they are not."""
    each = list(pictures(truth, tracks, times_ns, view))
    return _table([picture.truth for picture in each]), _table([picture.tracks for picture in each])


def _table(shown: list[Shown]) -> Floats:
    """Return (n, k, 3) positions by object and time."""
    n = max((int(each.who.max(initial=-1)) + 1 for each in shown), default=0)
    positions = np.full((n, len(shown), 3), np.nan)
    for i, each in enumerate(shown):
        positions[each.who, i] = each.state_ecef[:, :3]
    return positions
