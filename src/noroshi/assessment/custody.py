"""How each single target was held: since when, how much of the time, with which gaps, and as what."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.pairing import nearest
from noroshi.assessment.pictures import CUTOFF_M, LIVE, View, pictures, truth_histories
from noroshi.geo.time import NS_PER_S
from noroshi.records import Kind, Tracks, Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """How one target was held.

    Attributes:
        target: its name.
        kind: what it was at most of its times.
        there_s: from its first to its last time.
        first_held_s: how long after its first time a track was on it first; NaN: never.
        held: share of its times, from that on, at which a track was on it; NaN: never held.
        gap_s_max: longest time, from that on, with none; NaN: never held.
        n_tracks: how many different tracks were on it, each at the times at which it was the nearest.
        position_error_m: median over the times held; NaN: never held.
        kind_right: share of the times held at which the nearest track's most probable kind was the true one.
    """

    target: str
    kind: Kind
    there_s: float
    first_held_s: float
    held: float
    gap_s_max: float
    n_tracks: int
    position_error_m: float
    kind_right: float


def custody(
    truth: Truth,
    tracks: Tracks,
    *,
    times_ns: NDArray[np.int64],
    cutoff_m: float = CUTOFF_M,
    view: View = LIVE,
) -> list[Custody]:
    """Return how each target was held, sorted by name; a track is on the target nearest to it within `cutoff_m`.

    Gaps are counted between the given times, so they are as fine as these are.
    """
    names = [str(name) for name in truth_histories(truth).names]
    there: list[list[int]] = [[] for _ in names]
    held: list[list[tuple[int, float, int, bool]]] = [[] for _ in names]
    kinds: list[list[int]] = [[] for _ in names]
    for time_ns, target, track in pictures(truth, tracks, times_ns, view):
        pairs = nearest(target.state_ecef[:, :3], track.state_ecef[:, :3], cutoff_m)
        for who, row in zip(target.who.tolist(), target.row.tolist(), strict=True):
            there[who].append(time_ns)
            kinds[who].append(int(truth.kind[row]))
        for i in np.unique(pairs.ia).tolist():
            own = pairs.rows(pairs.ia == i)
            best = int(own.ib[np.argmin(own.distance)])
            who, row = int(target.who[i]), int(track.row[best])
            is_right = int(np.argmax(tracks.kind_probability[row])) == kinds[who][-1]
            held[who].append((time_ns, float(own.distance.min()), int(track.who[best]), is_right))
    return [
        custody_of(name, Kind(int(np.bincount(been).argmax())), np.array(times), seen)
        for name, been, times, seen in zip(names, kinds, there, held, strict=True)
        if times
    ]


def custody_of(name: str, kind: Kind, times_ns: NDArray[np.int64], seen: list[tuple[int, float, int, bool]]) -> Custody:
    """Return how one target was held.

    Args:
        name: of it.
        kind: what it was.
        times_ns: (k,) when it was there.
        seen: for each time at which a track was on it: when, the least error, the nearest track, whether that had its
            kind right.
    """
    begins_ns, ends_ns = int(times_ns[0]), int(times_ns[-1])
    if not seen:
        nothing = float("nan")
        return Custody(
            target=name, kind=kind, there_s=(ends_ns - begins_ns) / NS_PER_S, first_held_s=nothing, held=nothing,
            gap_s_max=nothing, n_tracks=0, position_error_m=nothing, kind_right=nothing,
        )  # fmt: skip
    seen_ns = np.array([time_ns for time_ns, *_ in seen])
    gaps_ns = np.diff(np.append(seen_ns, ends_ns))
    step_ns = int(np.median(np.diff(times_ns))) if len(times_ns) > 1 else 0
    missed = gaps_ns[gaps_ns > step_ns]
    return Custody(
        target=name,
        kind=kind,
        there_s=(ends_ns - begins_ns) / NS_PER_S,
        first_held_s=(int(seen_ns[0]) - begins_ns) / NS_PER_S,
        held=len(seen) / int((times_ns >= seen_ns[0]).sum()),
        gap_s_max=float(missed.max(initial=0)) / NS_PER_S,
        n_tracks=len({track for _, _, track, _ in seen}),
        position_error_m=float(np.median([error for _, error, _, _ in seen])),
        kind_right=float(np.mean([right for *_, right in seen])),
    )
