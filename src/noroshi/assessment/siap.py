"""SIAP: the attributes of a single integrated air picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.pairing import nearest
from noroshi.assessment.pictures import CUTOFF_M, LIVE, View, pictures
from noroshi.records import Identity, Tracks, Truth, take
from noroshi.records.identity import ABSENT

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NAMES = (
    "completeness",
    "ambiguity",
    "spuriousness",
    "position_accuracy_m",
    "velocity_accuracy_m_s",
    "track_number_change_rate_hz",
    "longest_track_segment",
    "id_completeness",
    "id_correctness",
    "id_ambiguity",
)
PERFECT = dict(zip(NAMES, (1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0), strict=True))


class IdVerdict(IntEnum):
    """What a track's identity says of the target it is on."""

    SILENT = 0
    RIGHT = 1
    WRONG = 2
    UNJUDGED = 3  # the target itself has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """Which track is on which target at which time, p rows; a target may have several tracks.

    Attributes:
        i_time, i_target, i_track: (p,) places among the times, targets and tracks.
        position_error_m, velocity_error_m_s: (p,) lengths; NaN where the truth is not known.
        id_verdict: (p,) an `IdVerdict`.
    """

    i_time: Integers
    i_target: Integers
    i_track: Integers
    position_error_m: Floats
    velocity_error_m_s: Floats
    id_verdict: Integers


def siap(
    times_ns: Integers, is_target: NDArray[np.bool_], n_tracks: Integers, association: Association
) -> dict[str, float]:
    """Return the attributes, with J targets, JT of them tracked, N tracks and NA of them on a target at each time.

    completeness: sum JT / sum J (best 1). ambiguity: sum NA / sum JT (1). spuriousness: sum (N - NA) / sum N (0).
    position and velocity accuracy: sum of the errors / sum NA (0). track number change rate: the fewest changes of
    track that explain each target's tracked times, over the time tracked [1/s] (0). longest track segment: the sum over
    targets of the longest time that one track was on it, over the sum of their lifetimes (1). Of the JT that have an
    identity: ID completeness, those with an identified track (1); ID correctness, those all of whose tracks have the
    right identity (1); ID ambiguity, those whose tracks do not agree (0).

    Time counts between two consecutive times at both of which the state of affairs holds. A track that returns to its
    target after nobody had it has not changed its number. A figure without a denominator is NaN.

    Args:
        times_ns: (k,) ascending.
        is_target: (n, k) whether each target is there.
        n_tracks: (k,) how many tracks are shown.
        association: who is on whom.

    Source: Votruba et al. (2001), Single Integrated Air Picture (SIAP) metrics implementation; the identity figures and
    the notation as in Stone Soup 1.9.1, `tracktotruthmetrics`.
    """
    on = association
    k, n = len(times_ns), len(is_target)
    if not k:
        return dict.fromkeys(NAMES, float("nan"))
    tracked, place = np.unique(on.i_target * k + on.i_time, return_inverse=True)
    n_targets, n_tracked = int(is_target.sum()), len(tracked)
    n_on_target = len(np.unique(on.i_track * k + on.i_time))
    span_s = np.diff(times_ns) / 1e9
    lifetime_s = float((is_target[:, 1:] & is_target[:, :-1]).sum(axis=0) @ span_s)
    held_s, longest_s = _holding(on, n, k, span_s)
    n_on = np.bincount(place, minlength=n_tracked)
    agreed = [int((np.bincount(place, on.id_verdict == each, n_tracked) == n_on).sum()) for each in IdVerdict]
    n_judged = n_tracked - agreed[IdVerdict.UNJUDGED]
    return {
        "completeness": _ratio(n_tracked, n_targets),
        "ambiguity": _ratio(n_on_target, n_tracked),
        "spuriousness": _ratio(int(n_tracks.sum()) - n_on_target, int(n_tracks.sum())),
        "position_accuracy_m": _accuracy(on.position_error_m, on, k),
        "velocity_accuracy_m_s": _accuracy(on.velocity_error_m_s, on, k),
        "track_number_change_rate_hz": _ratio(_n_changes(on, tracked // k, place), held_s),
        "longest_track_segment": _ratio(longest_s, lifetime_s),
        "id_completeness": _ratio(n_judged - agreed[IdVerdict.SILENT], n_judged),
        "id_correctness": _ratio(agreed[IdVerdict.RIGHT], n_judged),
        "id_ambiguity": _ratio(n_tracked - sum(agreed), n_judged),
    }


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _accuracy(error: Floats, on: Association, k: int) -> float:
    """Return the sum of the errors that are known by the number of tracks that have one."""
    known = np.isfinite(error)
    return _ratio(float(error[known].sum()), len(np.unique(on.i_track[known] * k + on.i_time[known])))


def _holding(on: Association, n: int, k: int, span_s: Floats) -> tuple[float, float]:
    """Return the time for which targets are held, and the sum of each one's longest by a single track."""
    order = np.lexsort((on.i_time, on.i_track, on.i_target))
    target, track, time = on.i_target[order], on.i_track[order], on.i_time[order]
    goes_on = (np.diff(target) == 0) & (np.diff(track) == 0) & (np.diff(time) == 1)
    target, track, time = target[:-1][goes_on], track[:-1][goes_on], time[:-1][goes_on]
    held = np.unique(target * k + time) % k
    hold = np.concatenate([[True], (np.diff(target) != 0) | (np.diff(track) != 0)])[: len(target)]
    longest_s = np.zeros(n)
    np.maximum.at(longest_s, target[hold], np.bincount(np.cumsum(hold) - 1, span_s[time]) if len(target) else 0.0)
    return float(span_s[held].sum()), float(longest_s.sum())


def _n_changes(on: Association, tracked_target: Integers, place: Integers) -> int:
    """Return the fewest changes of track that explain all tracked times, over all targets.

    Each tracked time of each target has a place, targets one after the other; a run is a stretch of places at which one
    track is on one target. From the first place not yet explained, the run that reaches furthest is taken: greedy
    covering by intervals is optimal.
    """
    order = np.lexsort((place, on.i_track))
    run_place, run_track, run_target = place[order], on.i_track[order], on.i_target[order]
    starts = np.ones(len(order), bool)
    starts[1:] = (np.diff(run_place) != 1) | (np.diff(run_track) != 0) | (np.diff(run_target) != 0)
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(order)) - 1
    reach = np.zeros(len(tracked_target), np.int64)
    np.maximum.at(reach, run_place[first], run_place[last[: len(first)]])
    reach = np.maximum.accumulate(reach)
    at = np.flatnonzero(np.diff(tracked_target, prepend=-1))
    n_changes = 0
    while len(at):
        following = reach[at] + 1
        within = following < len(tracked_target)
        at, following = at[within], following[within]
        at = following[tracked_target[following] == tracked_target[at]]
        n_changes += len(at)
    return n_changes


def id_verdicts(targets: Identity, tracks: Identity) -> Integers:
    """Return (p,) `IdVerdict`: a track is right if what both it and its target state is equal, silent if nothing is.

    ICAO address, Mode 3/A, MMSI and call sign are compared.
    """
    n = len(targets)
    stated, judged, equal = np.zeros(n, bool), np.zeros(n, bool), np.ones(n, bool)
    for column, absent in (("icao_address", ABSENT), ("mode_3a", ABSENT), ("mmsi", ABSENT), ("call_sign", "")):
        true, said = getattr(targets, column), getattr(tracks, column)
        both = (true != absent) & (said != absent)
        judged |= true != absent
        stated |= both
        equal &= ~both | (true == said)
    verdict = np.where(stated, np.where(equal, IdVerdict.RIGHT, IdVerdict.WRONG), IdVerdict.SILENT)
    return np.where(judged, verdict, IdVerdict.UNJUDGED).astype(np.int64)


def measure(
    truth: Truth, tracks: Tracks, *, times_ns: NDArray[np.int64], cutoff_m: float = CUTOFF_M, view: View = LIVE
) -> Mapping[str, float]:
    """Return the attributes over the times; a track is on the target nearest to it, if that is within `cutoff_m`."""
    each = list(pictures(truth, tracks, times_ns, view))
    is_target = np.zeros((max((int(at.truth.who.max(initial=-1)) + 1 for at in each), default=0), len(each)), bool)
    found = [_nothing()]
    for i, (_, target, track) in enumerate(each):
        is_target[target.who, i] = True
        pairs = nearest(target.state_ecef[:, :3], track.state_ecef[:, :3], cutoff_m)
        velocity_error = track.state_ecef[pairs.ib, 3:] - target.state_ecef[pairs.ia, 3:]
        found.append(
            Association(
                i_time=np.full(len(pairs.ia), i),
                i_target=target.who[pairs.ia],
                i_track=track.who[pairs.ib],
                position_error_m=pairs.distance,
                velocity_error_m_s=np.linalg.norm(velocity_error, axis=1),
                id_verdict=id_verdicts(
                    take(truth.identity, target.row[pairs.ia]), take(tracks.identity, track.row[pairs.ib])
                ),
            )
        )
    columns = {name: np.concatenate([getattr(part, name) for part in found]) for name in Association.__slots__}
    n_tracks = np.array([len(at.tracks.who) for at in each], np.int64)
    return siap(np.unique(times_ns), is_target, n_tracks, Association(**columns))


def _nothing() -> Association:
    none, nowhere = np.empty(0, np.int64), np.empty(0)
    return Association(
        i_time=none, i_target=none, i_track=none, position_error_m=nowhere, velocity_error_m_s=nowhere, id_verdict=none
    )
