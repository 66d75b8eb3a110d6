"""Track rows against the truth at their own times: which target each of them reports."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.pairing import near
from noroshi.assessment.pictures import LIVE, Histories, View, seen, track_histories, truth_at, truth_histories
from noroshi.records import Tracks, Truth
from noroshi.records.identity import ABSENT

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BIN_NS = 1_000_000_000
"""Rows within one second are looked up together; what targets move in it is added to the search, then made exact."""


@dataclass(frozen=True, slots=True)
class Reports:
    """Shown track rows and the target that each is of, p rows in order of time and row.

    Attributes:
        row: (p,) row of the tracks.
        i_target: (p,) place among the targets in order of name; -1 where none is within the cut-off.
        truth_ecef: (p, 6) that target at the time of the row, heights included; NaN where none is.
        truth_row: (p,) the sample of that target at or before the time; -1 where none is.
        distance_m: (p,) as the view sees it; infinity where none is.
    """

    row: Integers
    i_target: Integers
    truth_ecef: Floats
    truth_row: Integers
    distance_m: Floats

    def rows(self, chosen: NDArray[np.bool_] | Integers) -> "Reports":
        """Return the chosen reports."""
        return Reports(*(getattr(self, name)[chosen] for name in self.__slots__))


def reports(
    truth: Truth,
    tracks: Tracks,
    *,
    times_ns: Integers,
    cutoff_m: float,
    view: View = LIVE,
    by_address: bool = False,
) -> Reports:
    """Return every shown track row from the first to the last of `times_ns` with the target nearest to it then.

    With `by_address` a target within the cut-off that has the row's own ICAO address comes before all nearer ones.
    """
    targets, known = truth_histories(truth), track_histories(tracks, view)
    if len(times_ns):
        inside = known.shown & (known.time_ns >= times_ns.min()) & (known.time_ns <= times_ns.max())
    else:
        inside = np.zeros(len(known.row), bool)
    order = np.flatnonzero(inside)
    order = order[np.lexsort((order, known.time_ns[order]))]
    time_ns, state = known.time_ns[order], seen(known.state_ecef[order], view)
    place, who = _candidates(targets, time_ns, state[:, :3], cutoff_m, view)
    at = truth_at(targets, who, time_ns[place], view.gap_s_max)
    place, who = place[at.who], who[at.who]
    distance = np.linalg.norm(seen(at.state_ecef, view)[:, :3] - state[place, :3], axis=1)
    other = np.ones(len(place), bool)
    if by_address:
        said = tracks.identity.icao_address[known.row[order[place]]]
        other = (said == ABSENT) | (truth.identity.icao_address[at.row] != said)
    best = np.lexsort((who, distance, other, place))
    best = best[distance[best] < cutoff_m]
    best = best[np.diff(place[best], prepend=-1) > 0]
    n = len(order)
    found = Reports(known.row[order], np.full(n, -1), np.full((n, 6), np.nan), np.full(n, -1), np.full(n, np.inf))
    found.i_target[place[best]] = who[best]
    found.truth_ecef[place[best]] = at.state_ecef[best]
    found.truth_row[place[best]] = at.row[best]
    found.distance_m[place[best]] = distance[best]
    return found


def _candidates(
    targets: Histories, time_ns: Integers, positions: Floats, cutoff_m: float, view: View
) -> tuple[Integers, Integers]:
    """Return pairs (report, target) that may be within the cut-off; `time_ns` is ascending.

    The thousandth more is for foot points of places below the ellipsoid, which are further apart than the places.
    """
    places, whos = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    if len(time_ns) and len(targets.names):
        first_ns, last_ns = targets.time_ns[targets.start], targets.time_ns[targets.stop - 1]
        reach_m_s = _speed_bounds(targets)
        bins = (time_ns - time_ns[0]) // BIN_NS
        starts = np.flatnonzero(np.diff(bins, prepend=-1))
        for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(time_ns)], strict=True):
            early, late = time_ns[start], time_ns[stop - 1]
            alive = np.flatnonzero((first_ns <= late) & (last_ns >= early))
            if not len(alive):
                continue
            about_ns = np.clip((early + late) // 2, first_ns[alive], last_ns[alive])
            around = truth_at(targets, alive, about_ns, np.inf)
            slack_m = float(reach_m_s[alive].max()) * (late - early) / 1e9
            at_m = seen(around.state_ecef, view)[:, :3]
            pairs = near(at_m, positions[start:stop], (cutoff_m + slack_m) * 1.001)
            places.append(pairs.ib + start)
            whos.append(alive[pairs.ia])
    return np.concatenate(places), np.concatenate(whos)


def _speed_bounds(targets: Histories) -> Floats:
    """Return (n,) speeds [m/s] that no interpolated path exceeds.

    A cubic Hermite curve with chord c and end velocities v and w is never faster than 3 |c| + |v| + |w|.
    """
    step = np.linalg.norm(np.diff(targets.state_ecef[:, :3], axis=0, append=targets.state_ecef[-1:, :3]), axis=1)
    span_s = np.diff(targets.time_ns, append=targets.time_ns[-1:]) / 1e9
    span_s[targets.stop - 1] = np.inf
    stated = np.linalg.norm(np.nan_to_num(targets.state_ecef[:, 3:]), axis=1)
    chord = np.maximum.reduceat(step / span_s, targets.start)
    return 3.0 * chord + 2.0 * np.maximum(chord, np.maximum.reduceat(stated, targets.start))
