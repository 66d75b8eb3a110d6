"""What a coalition's sensors cover, with and without each nation: areas, shares of time, and a flight's story."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.blocks import Executor
from noroshi.exercise.coverage import (
    Counts,
    GroundSight,
    SpaceSight,
    directions,
    fold,
    gains,
    revisit,
    rings_from_space,
    seen_from_ground,
    seen_from_space,
)
from noroshi.geo.equal_area import EARTH_AREA_M2, equal_area_points, zone_q
from noroshi.geo.wgs84 import SEMI_MAJOR_AXIS_M, Floats, ecef_from_geodetic, geodetic_from_ecef

FOLDS = (1, 2, 3)
GLOBAL_POINTS = 10_000
BAND_DEG = 10
EPOCHS_A_TIME = 512  # of rings, which take much more room than counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Constellation:
    """Satellites of one kind and one owner.

    Attributes:
        name, nation: of them.
        sight: what each can see.
        position_ecef_m: (s, k, 3) of s satellites at k epochs.
    """

    name: str
    nation: str
    sight: SpaceSight
    position_ecef_m: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Region:
    """A part of the Earth between two parallels and two meridians.

    Attributes:
        south_rad, west_rad, north_rad, east_rad: its bounds; where east is not greater than west it runs across the
            antimeridian.
        points: (n, 2) latitude and longitude of a lattice in it.
        point_area_m2: what each point stands for.
        area_m2: of the whole region.
    """

    south_rad: float
    west_rad: float
    north_rad: float
    east_rad: float
    points: Floats
    point_area_m2: float
    area_m2: float

    @classmethod
    def of(cls, south_rad: float, west_rad: float, north_rad: float, east_rad: float, *, n_points: int) -> Self:
        """Return a region with about `n_points`.

        Raises:
            ValueError: if it is empty.
        """
        if not -math.pi / 2.0 <= south_rad < north_rad <= math.pi / 2.0:
            raise ValueError("the region's south must be below its north, both within -90 to 90 degrees")
        width_rad = (east_rad - west_rad) % (2.0 * math.pi) or 2.0 * math.pi
        zone = float(zone_q(north_rad) - zone_q(south_rad))
        area_m2 = SEMI_MAJOR_AXIS_M**2 / 2.0 * zone * width_rad
        n_earth = max(round(n_points * EARTH_AREA_M2 / area_m2), 1)
        points = equal_area_points(n_earth, lat_rad_min=south_rad, lat_rad_max=north_rad)
        points = points[(points[:, 1] - west_rad) % (2.0 * math.pi) < width_rad]
        if not len(points):
            raise ValueError("the region is too small for its points")
        # So that shares of the region and areas agree exactly.
        return cls(
            south_rad=south_rad,
            west_rad=west_rad,
            north_rad=north_rad,
            east_rad=east_rad,
            points=points,
            point_area_m2=area_m2 / len(points),
            area_m2=area_m2,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroundCover:
    """What sensors on the ground see of a region at one height.

    Attributes:
        height_m: of the targets.
        area_m2: by fold: seen by at least so many sensors.
        alone_m2: by nation: seen by its own sensors.
        lost_m2: by nation: seen by nobody else.
        sensor_m2: by sensor.
    """

    height_m: float
    area_m2: Mapping[int, float]
    alone_m2: Mapping[str, float]
    lost_m2: Mapping[str, float]
    sensor_m2: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What satellites see of a band of latitudes, or of a region, over time.

    Attributes:
        south_rad, north_rad: of the band.
        share: by fold: mean share of time and area that is seen by at least so many at once.
        mean_fold: mean number of satellites that see a place.
        least_fold: fewest at any place and time.
        mean_gap_s: by fold: mean length of the times in which a place is not seen by so many; 0 if there are none.
        longest_gap_s: by fold: longest such time of any place.
    """

    south_rad: float
    north_rad: float
    share: Mapping[int, float]
    mean_fold: float
    least_fold: int
    mean_gap_s: Mapping[int, float]
    longest_gap_s: Mapping[int, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpaceCover:
    """What constellations see of targets at one height.

    Attributes:
        height_m: of the targets.
        whole: of the Earth, the region, and by band of latitude from south to north.
        region: likewise.
        bands: likewise.
        without: by nation that has satellites: the shares of the region, by fold, that are left without them.
    """

    height_m: float
    whole: Band
    region: Band
    bands: tuple[Band, ...]
    without: Mapping[str, Mapping[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlightCover:
    """Who can see a flight, epoch by epoch.

    Attributes:
        name: of the flight.
        time_s: (k,) since the start.
        lat_rad, lon_rad, height_m: (k,) where it is.
        sights, constellations: the sensors in question.
        ground: (g, k) which of those on the ground can see it.
        space: (c, k) how many satellites of each constellation can.
    """

    name: str
    time_s: Floats
    lat_rad: Floats
    lon_rad: Floats
    height_m: Floats
    sights: tuple[GroundSight, ...]
    constellations: tuple[Constellation, ...]
    ground: NDArray[np.bool_]
    space: NDArray[np.int64]

    @property
    def fold(self) -> NDArray[np.int64]:
        """(k,) how many sensors can see it at once."""
        fold: NDArray[np.int64] = self.ground.sum(axis=0) + self.space.sum(axis=0)
        return fold


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gains:
    """How much one more sensor would help, at c candidate places.

    Attributes:
        like: the sensor it is like.
        least: it helps where fewer than so many sensors see now.
        places: (c, 2) latitude and longitude [rad], the best first.
        gain_m2: (c, h) area that would be newly seen by so many, by height.
    """

    like: str
    least: int
    places: Floats
    gain_m2: Floats


def seen_in(region: Region, sights: Sequence[GroundSight], height_m: float) -> NDArray[np.bool_]:
    """Return (s, n) which sensors see a target at one height above each point of a region."""
    target_ecef_m = ecef_from_geodetic(region.points[:, 0], region.points[:, 1], height_m)
    seen = [seen_from_ground(sight, target_ecef_m, height_m) for sight in sights]
    return np.array(seen, np.bool_).reshape(len(sights), len(region.points))


def ground_cover(sights: Sequence[GroundSight], region: Region, height_m: float) -> GroundCover:
    """Return what sensors on the ground see of a region, all together and with and without each nation."""
    seen = seen_in(region, sights, height_m)
    counts = seen.sum(axis=0)
    owner = np.array([sight.nation for sight in sights])
    alone, lost = {}, {}
    for nation in dict.fromkeys(owner.tolist()):
        own = seen[owner == nation].any(axis=0)
        others = seen[owner != nation].any(axis=0)
        alone[nation] = float(own.sum()) * region.point_area_m2
        lost[nation] = float((own & ~others).sum()) * region.point_area_m2
    area_m2 = {least: float((counts >= least).sum()) * region.point_area_m2 for least in FOLDS}
    own_m2 = {sight.name: float(row.sum()) * region.point_area_m2 for sight, row in zip(sights, seen, strict=True)}
    return GroundCover(height_m=height_m, area_m2=area_m2, alone_m2=alone, lost_m2=lost, sensor_m2=own_m2)


def space_cover(
    constellations: Sequence[Constellation],
    region: Region,
    height_m: float,
    step_s: float,
    *,
    executor: Executor | None = None,
) -> SpaceCover:
    """Return what constellations see over the whole Earth, by latitude, and of a region with and without each nation.

    Args:
        constellations: at the same epochs.
        region: of the shares with and without; a tenth of its points are asked.
        height_m: of the targets.
        step_s: between epochs.
        executor: runs the blocks.
    """
    world = equal_area_points(GLOBAL_POINTS)
    inside = region.points[:: max(len(region.points) // 2_000, 1)]
    of_world = counts_of(constellations, world, height_m, executor=executor)
    of_region = counts_of(constellations, inside, height_m, executor=executor)
    total = sum_counts(of_world)
    edges = np.radians(np.arange(-90, 91, BAND_DEG))
    band = np.clip(np.searchsorted(edges, world[:, 0], side="right") - 1, 0, len(edges) - 2)
    bands = tuple(_band(total[:, band == i], step_s, edges[i], edges[i + 1]) for i in range(len(edges) - 1))
    without = {}
    for nation in dict.fromkeys(one.nation for one in constellations):
        left = [counts for one, counts in zip(constellations, of_region, strict=True) if one.nation != nation]
        share = {least: float(np.mean(sum_counts(left) >= least)) if left else 0.0 for least in FOLDS}
        without[nation] = share
    return SpaceCover(
        height_m=height_m,
        whole=_band(total, step_s, -math.pi / 2.0, math.pi / 2.0),
        region=_band(sum_counts(of_region), step_s, region.south_rad, region.north_rad),
        bands=bands,
        without=without,
    )


def counts_of(
    constellations: Sequence[Constellation], points: Floats, height_m: float, *, executor: Executor | None = None
) -> list[Counts]:
    """Return for each constellation (k, n) how many of its satellites see each of (n, 2) places at each epoch."""
    found = []
    for one in constellations:
        place = directions(points[:, 0], points[:, 1], height_m, one.sight)
        counts = np.empty((one.position_ecef_m.shape[1], len(points)), np.uint16)
        for first in range(0, len(counts), EPOCHS_A_TIME):
            some = slice(first, first + EPOCHS_A_TIME)
            rings = rings_from_space(one.position_ecef_m[:, some], one.sight, height_m)
            counts[some] = fold(rings, place, executor=executor)
        found.append(counts)
    return found


def sum_counts(counts: Sequence[Counts]) -> Counts:
    """Return the sum of several counts."""
    total = counts[0].copy()
    for each in counts[1:]:
        total += each
    return total


def flight_cover(
    name: str,
    time_s: Floats,
    position_ecef_m: Floats,
    sights: Sequence[GroundSight],
    constellations: Sequence[Constellation],
) -> FlightCover:
    """Return who can see a flight.

    Args:
        name: of the flight.
        time_s: (k,) since the start.
        position_ecef_m: (k, 3) where it is, none of them NaN.
        sights: the sensors on the ground.
        constellations: at the same k epochs.
    """
    lat_rad, lon_rad, height_m = geodetic_from_ecef(position_ecef_m)
    ground = [seen_from_ground(sight, position_ecef_m, height_m) for sight in sights]
    space = [seen_from_space(one.position_ecef_m, one.sight, position_ecef_m).sum(axis=0) for one in constellations]
    return FlightCover(
        name=name,
        time_s=time_s,
        lat_rad=lat_rad,
        lon_rad=lon_rad,
        height_m=height_m,
        sights=tuple(sights),
        constellations=tuple(constellations),
        ground=np.array(ground, np.bool_).reshape(len(sights), len(time_s)),
        space=np.array(space, np.int64).reshape(len(constellations), len(time_s)),
    )


def added_sensor(
    like: GroundSight,
    candidates: Sequence[GroundSight],
    places: Floats,
    sights: Sequence[GroundSight],
    region: Region,
    heights_m: Sequence[float],
    *,
    least: int = 1,
) -> Gains:
    """Return how much of a region would be newly seen by at least `least` sensors with one more at each place.

    Args:
        like: whose name it is reported under.
        candidates: c sensors, one at each place.
        places: (c, 2) latitude and longitude [rad].
        sights: the sensors there are.
        region: where it should help.
        heights_m: of targets; the best is best in the sum over these.
        least: how many sensors at once are wanted.
    """
    gain_m2 = np.empty((len(candidates), len(heights_m)))
    for column, height_m in enumerate(heights_m):
        counts = seen_in(region, sights, height_m).sum(axis=0)
        missing = counts == least - 1
        gain_m2[:, column] = gains(candidates, region.points, height_m, missing) * region.point_area_m2
    order = np.argsort(-gain_m2.sum(axis=1), kind="stable")
    return Gains(like=like.name, least=least, places=places[order], gain_m2=gain_m2[order])


def _band(counts: Counts, step_s: float, south_rad: float, north_rad: float) -> Band:
    found = {least: revisit(counts, step_s, least=least) for least in FOLDS}
    return Band(
        south_rad=float(south_rad),
        north_rad=float(north_rad),
        share={least: float(each.share.mean()) for least, each in found.items()},
        mean_fold=float(counts.mean()),
        least_fold=int(counts.min()),
        mean_gap_s={least: _mean_gap_s(each.mean_gap_s) for least, each in found.items()},
        longest_gap_s={least: float(each.longest_gap_s.max()) for least, each in found.items()},
    )


def _mean_gap_s(gaps_s: Floats) -> float:
    """Return the mean over the places that have gaps at all."""
    return float(gaps_s[gaps_s > 0.0].mean()) if np.any(gaps_s > 0.0) else 0.0
