"""How good each node's picture was: the attributes of a single integrated air picture, whole and over time."""

import math
from collections.abc import Iterator

import numpy as np

from noroshi.assessment.exercises.definition import Definition
from noroshi.assessment.exercises.happened import Happened
from noroshi.assessment.exercises.held import Held, Targets
from noroshi.assessment.gospa import gospa
from noroshi.assessment.results import Figure
from noroshi.assessment.siap import siap
from noroshi.geo.time import NS_PER_S

SIAP = "Votruba et al. (2001), Single Integrated Air Picture (SIAP) metrics implementation"
GOSPA = (
    "Rahmathullah, Garcia-Fernandez, Svensson (2017), Generalized optimal sub-pattern assignment metric, Fusion 2017"
)
CURVE_S = 20.0
"""Between two points of a curve."""
GOSPA_EVERY = 3
"""GOSPA, which is dear, has every third point."""

MEASURES = {
    "completeness": Definition(
        "share", 1, "Of the targets' times, those with a track on the target.", ("node", "curve"), SIAP
    ),
    "ambiguity": Definition(
        "1", -1, "Tracks on a target, on the average of the targets held.", ("node", "curve"), SIAP
    ),
    "spuriousness": Definition("share", -1, "Of the tracks shown, those on no target.", ("node", "curve"), SIAP),
    "position_accuracy_m": Definition(
        "m", -1, "Mean error of place of the tracks on targets.", ("node", "curve"), SIAP
    ),
    "velocity_accuracy_m_s": Definition("m/s", -1, "Mean error of velocity of the tracks on targets.", ("node",), SIAP),
    "track_number_change_rate_hz": Definition(
        "Hz", -1, "Changes of the track on a target, by the time held.", ("node",), SIAP
    ),
    "longest_track_segment": Definition(
        "share", 1, "Longest time that one track was on each target, of the targets' time.", ("node",), SIAP
    ),
    "id_completeness": Definition(
        "share", 1, "Of the targets held that say who they are, those whose track says so.", ("node",), SIAP
    ),
    "id_correctness": Definition("share", 1, "Of the same, those all of whose tracks say it rightly.", ("node",), SIAP),
    "id_ambiguity": Definition("share", -1, "Of the same, those whose tracks do not agree.", ("node",), SIAP),
    "gospa_m": Definition(
        "m", -1, "GOSPA of order 2, alpha 2; whole: the root mean square of its curve.", ("node", "curve"), GOSPA
    ),
    "gospa_localisation_m": Definition("m", -1, "Its part from errors of place.", ("node",), GOSPA),
    "gospa_missed_m": Definition("m", -1, "Its part from targets without a track.", ("node",), GOSPA),
    "gospa_false_m": Definition("m", -1, "Its part from tracks on no target.", ("node",), GOSPA),
}


def figures(happened: Happened) -> Iterator[Figure]:
    """Give the attributes of each node's picture, of all targets anywhere."""
    for node, shared, held in happened.pictures():
        for name, value in attributes(happened.targets, held).items():
            yield Figure(measure=name, value=value, node=node, shared=shared)
        yield from _curves(happened, node, shared, held)
        yield from _gospa(happened, node, shared, held)


def attributes(targets: Targets, held: Held) -> dict[str, float]:
    """Return the attributes of one picture."""
    return siap(targets.times_ns, targets.is_there, held.n_tracks, held.on)


def curve_times(happened: Happened) -> list[tuple[int, float]]:
    """Return the places among the pictures' times at which curves have points, and the seconds since the start."""
    after = (happened.targets.times_ns - happened.start_ns) / NS_PER_S
    wanted = np.arange(CURVE_S, happened.duration_s + 1e-6, CURVE_S)
    places = np.unique(np.searchsorted(after, wanted - 1e-6))
    return [(int(place), float(after[place])) for place in places if place < len(after)]


def _curves(happened: Happened, node: str, shared: bool, held: Held) -> Iterator[Figure]:
    k = len(happened.targets.times_ns)
    on = held.on
    n_there = happened.targets.is_there.sum(axis=0)
    n_held = held.is_held.sum(axis=0)
    n_on = np.bincount(on.i_time, minlength=k)  # a track is on one target
    error_m = np.bincount(on.i_time, on.position_error_m, k)
    for place, at_s in curve_times(happened):
        curves = {
            "completeness": _ratio(n_held[place], n_there[place]),
            "ambiguity": _ratio(n_on[place], n_held[place]),
            "spuriousness": _ratio(held.n_tracks[place] - n_on[place], held.n_tracks[place]),
            "position_accuracy_m": _ratio(error_m[place], n_on[place]),
        }
        for name, value in curves.items():
            yield Figure(measure=name, value=value, node=node, shared=shared, at_s=at_s)


def _gospa(happened: Happened, node: str, shared: bool, held: Held) -> Iterator[Figure]:
    targets = happened.targets
    each = []
    for place, at_s in curve_times(happened)[GOSPA_EVERY - 1 :: GOSPA_EVERY]:
        there = targets.row[:, place]
        true_m = targets.truth.state_ecef[there[there >= 0], :3]
        found = gospa(true_m, held.shown_ecef[held.shown_time == place, :3], happened.cutoff_m, 2.0)
        each.append(found[1:4])
        yield Figure(measure="gospa_m", value=found.distance, node=node, shared=shared, at_s=at_s)
    parts = np.mean(each, axis=0) if each else np.full(3, math.nan)
    yield Figure(measure="gospa_m", value=float(np.sqrt(parts.sum())), node=node, shared=shared)
    for name, part in zip(("localisation", "missed", "false"), np.sqrt(parts).tolist(), strict=True):
        yield Figure(measure=f"gospa_{name}_m", value=part, node=node, shared=shared)


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else math.nan
