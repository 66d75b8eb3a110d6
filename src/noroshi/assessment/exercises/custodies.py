"""How each threat was held by each node: how much of the time, with which gaps, how well."""

import math
from collections.abc import Iterator

import numpy as np

from noroshi.assessment.custody import Custody, custody_of
from noroshi.assessment.exercises.definition import Definition
from noroshi.assessment.exercises.happened import Happened
from noroshi.assessment.exercises.held import Held, Targets
from noroshi.assessment.results import Figure
from noroshi.records import Kind

OF = ("node", "threat")
MEASURES = {
    "custody_share": Definition("share", 1, "Of the time from the first track on it on, that with a track on it.", OF),
    "custody_gap_s_max": Definition("s", -1, "Longest time without, after the first track on it, up to its end.", OF),
    "custody_gaps": Definition("1", -1, "How many times without there were.", OF),
    "custody_gap_s_total": Definition("s", -1, "How long all of them were.", OF),
    "custody_tracks": Definition("1", -1, "How many different tracks were on it.", OF),
    "position_error_m": Definition("m", -1, "Middle error of place of the nearest track on it.", OF),
    "kind_right": Definition("share", 1, "Of the time held, that with the nearest track's likeliest kind right.", OF),
}


def custodies(targets: Targets, held: Held) -> list[Custody]:
    """Return how each threat was held, sorted by name, as of `assessment.custody`."""
    return [_custody(targets, held, target) for target in np.flatnonzero(targets.is_threat).tolist()]


def figures(happened: Happened) -> Iterator[Figure]:
    """Give the figures of each threat at each node."""
    targets = happened.targets
    for node, shared, held in happened.pictures():
        for each in custodies(targets, held):
            gaps_s = gaps(targets, held, int(np.searchsorted(targets.names, each.target)))
            never = math.isnan(each.first_held_s)
            values = {
                "custody_share": 0.0 if never else each.held,
                "custody_gap_s_max": math.inf if never else each.gap_s_max,
                "custody_gaps": math.nan if never else float(len(gaps_s)),
                "custody_gap_s_total": math.inf if never else float(sum(gaps_s)),
                "custody_tracks": float(each.n_tracks),
                "position_error_m": each.position_error_m,
                "kind_right": each.kind_right,
            }
            for name, value in values.items():
                yield Figure(measure=name, value=value, node=node, shared=shared, subject=each.target)


def gaps(targets: Targets, held: Held, target: int) -> list[float]:
    """Return how long each time was in which no track was on a target, from the first that was on it on [s].

    A gap lasts from the last picture with a track to the next with one, or to the last at which the target was there.
    """
    there = np.flatnonzero(targets.row[target] >= 0)
    on = np.unique(held.on.i_time[held.on.i_target == target])
    if not len(on):
        return []
    at_s = targets.times_ns / 1e9
    step_s = float(np.median(np.diff(at_s[there]))) if len(there) > 1 else 0.0
    between = np.diff(np.append(at_s[on], at_s[there[-1]]))
    return [float(each) for each in between if each > 1.5 * step_s]


def _custody(targets: Targets, held: Held, target: int) -> Custody:
    there = np.flatnonzero(targets.row[target] >= 0)
    kinds = targets.truth.kind[targets.row[target, there]]
    pairs = held.nearest[target, there]
    first = pairs[pairs >= 0]
    believed = np.argmax(held.tracks.kind_probability[held.row[first]], axis=1)
    is_right = believed == kinds[pairs >= 0]
    seen = zip(
        targets.times_ns[held.on.i_time[first]].tolist(), held.on.position_error_m[first].tolist(),
        held.on.i_track[first].tolist(), is_right.tolist(), strict=True,
    )  # fmt: skip
    usual = Kind(int(np.bincount(kinds).argmax()))
    return custody_of(str(targets.names[target]), usual, targets.times_ns[there], list(seen))
