"""Which sensors on the ground to keep so that the most stays covered when some of them fail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from noroshi.advice.covering import Covering, SitePlan, advise
from noroshi.exercise.coverage import GroundSight
from noroshi.exercise.coverage_report import Region, seen_in

KM2 = 1e6
LIMIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Keeping:
    """A choice among sensors, and how good it is.

    Attributes:
        height_m: of the targets.
        names: of all sensors, in the order of the plan's numbers.
        losses: how many of those that are kept fail.
        plan: which are kept; areas in square kilometres.
    """

    height_m: float
    names: tuple[str, ...]
    losses: int
    plan: SitePlan


def keeping(
    sights: Sequence[GroundSight],
    region: Region,
    height_m: float,
    *,
    number: int,
    losses: int,
    clock: Callable[[], float],
) -> Keeping:
    """Return which sensors keep the most of a region covered after the worst loss of some.

    Args:
        sights: the sensors.
        region: points of equal area; those that the same sensors see are one area.
        height_m: of the targets.
        number: how many are kept.
        losses: how many of them fail.
        clock: tells seconds.

    Raises:
        ValueError: if there are not so many sensors.
    """
    if not max(losses, 1) <= number <= len(sights):
        raise ValueError(
            f"--keep {number}: {len(sights)} sensors on the ground see such a target; keep some of them, no fewer than "
            f"--losses {losses}"
        )
    seen = seen_in(region, sights, height_m)
    covers, n_points = np.unique(seen[:, seen.any(axis=0)], axis=1, return_counts=True)
    weight = (n_points * (region.point_area_m2 / KM2)).astype(np.float64)
    plan = advise(Covering(covers, weight, number, losses), time_limit_s=LIMIT_S, clock=clock, alternatives=2)
    return Keeping(height_m=height_m, names=tuple(sight.name for sight in sights), losses=losses, plan=plan)
