"""Whether nodes have the same picture: what is held by all of them, and how far apart they have it."""

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.exercises.definition import Definition
from noroshi.assessment.exercises.happened import Happened
from noroshi.assessment.exercises.held import Held
from noroshi.assessment.exercises.pictures import curve_times
from noroshi.assessment.results import Figure

MEASURES = {
    "common_picture": Definition(
        "share",
        1,
        "Of the targets' times at which any node has a firm track on the target, those at which every node has one.",
        ("coalition", "curve"),
        "Commonality, as in Votruba et al. (2001)",
    ),
    "disagreement_m": Definition(
        "m", -1, "Median distance between two nodes' nearest tracks on one target at one time.", ("coalition",)
    ),
    "disagreement_m_p95": Definition("m", -1, "The same, 95 % of them are nearer.", ("coalition",)),
}


def figures(happened: Happened) -> Iterator[Figure]:
    """Give the coalition's agreement, by own sensors alone and with partners; nothing of a single node."""
    if len(happened.nodes) < 2:
        return
    for shared, pictures in ((False, happened.own), (True, happened.known)):
        is_held = np.array([held.is_held for held in pictures.values()])
        anybody, everybody = np.asarray(is_held.any(axis=0)), np.asarray(is_held.all(axis=0))
        yield Figure(measure="common_picture", value=_ratio(everybody, anybody), shared=shared)
        for place, at_s in curve_times(happened):
            value = _ratio(everybody[:, place], anybody[:, place])
            yield Figure(measure="common_picture", value=value, shared=shared, at_s=at_s)
        apart = distances_m(pictures)
        for name, share in (("disagreement_m", 0.5), ("disagreement_m_p95", 0.95)):
            value = float(np.quantile(apart, share)) if len(apart) else math.nan
            yield Figure(measure=name, value=value, shared=shared)


def distances_m(pictures: Mapping[str, Held]) -> NDArray[np.float64]:
    """Return how far apart each two nodes have each target at each time at which both have it."""
    places = [(held, held.nearest) for held in pictures.values()]
    found = []
    for (one, first), (other, second) in itertools.combinations(places, 2):
        both = (first >= 0) & (second >= 0)
        apart = one.on_ecef_m[first[both]] - other.on_ecef_m[second[both]]
        found.append(np.linalg.norm(apart, axis=1))
    return np.concatenate(found) if found else np.zeros(0)


def _ratio(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else math.nan
