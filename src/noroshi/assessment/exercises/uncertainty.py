"""How well each node knew where a threat was, and where it would come down: areas, and whether they held the truth."""

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.exercises.definition import Definition
from noroshi.assessment.exercises.happened import Happened
from noroshi.assessment.exercises.held import Course, Held
from noroshi.assessment.exercises.naming import Meant
from noroshi.assessment.exercises.pictures import curve_times
from noroshi.assessment.results import Figure
from noroshi.geo.great_circle import distance_and_bearing
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import enu_axes_at, geodetic_from_ecef
from noroshi.records import Threats

Floats = NDArray[np.float64]

CHI_SQUARE = {95: -2.0 * math.log(0.05), 50: -2.0 * math.log(0.5)}
"""Of two components, by percent."""
AFTER_S = (20, 60)
"""So long after burn-out the forecast is looked at."""

OF = ("node", "threat")
ELLIPSE = "of the ellipse of that probability about the mean place, by its covariance"
MEASURES = {
    "track_km2": Definition(
        "km2", -1, "Area over ground that holds the threat with 95 %, by its surest track's own covariance; whole: the "
        "median of the times held.", (*OF, "curve"),
    ),
    "track_all_km2": Definition(
        "km2", -1, "The same, the median of all times since its beginning; infinite where it is not held.", OF
    ),
    "forecast_95_km2": Definition(
        "km2", -1, f"Area in which it is expected to come down, {ELLIPSE}; whole: the median since burn-out of the "
        "looks at which an end is known.", (*OF, "curve"),
    ),
    "forecast_50_km2": Definition("km2", -1, "The same with 50 %.", OF),
    **{
        f"forecast_{percent}_after_{after_s}_s_km2": Definition(
            "km2", -1, f"The area with {percent} % expected {after_s} s after burn-out; infinite if no end is known.",
            OF,
        )
        for percent in CHI_SQUARE
        for after_s in AFTER_S
    },
    **{
        f"forecast_{percent}_holds": Definition(
            "share", 0, f"Of the looks since burn-out that know an end, those whose {percent} % ellipse holds it.", OF
        )
        for percent in CHI_SQUARE
    },
}  # fmt: skip


def figures(happened: Happened, meant: Meant) -> Iterator[Figure]:
    """Give the areas of each threat at each node."""
    for node, shared, held in happened.pictures():
        yield from _tracks(happened, node, shared, held)
    for node in happened.nodes:
        looks = looks_of(happened, meant, node)
        for course in happened.courses:
            yield from _forecasts(happened, node, course, looks.get(course.name, []))


def areas_km2(covariance_ecef: Floats, position_ecef_m: Floats) -> Floats:
    """Return (n,) areas over ground that hold with 95 %, of (n, 6, 6) covariances at (n, 3) places."""
    level = enu_axes_at(position_ecef_m)[:, :2]
    flat = level @ covariance_ecef[:, :3, :3] @ level.swapaxes(1, 2)
    area: Floats = math.pi * CHI_SQUARE[95] * np.sqrt(np.maximum(np.linalg.det(flat), 0.0)) / 1e6
    return area


def _tracks(happened: Happened, node: str, shared: bool, held: Held) -> Iterator[Figure]:
    targets = happened.targets
    for target in np.flatnonzero(targets.is_threat).tolist():
        name = str(targets.names[target])
        there = targets.row[target] >= 0
        mine = np.flatnonzero(held.on.i_target == target)
        row = held.row[mine]
        area = areas_km2(held.tracks.covariance_ecef[row], held.tracks.state_ecef[row, :3])
        surest = np.full(len(targets.times_ns), np.inf)
        np.minimum.at(surest, held.on.i_time[mine], area)
        while_held = surest[np.isfinite(surest)]
        middle = float(np.median(while_held)) if len(while_held) else math.nan
        yield Figure(measure="track_km2", value=middle, node=node, shared=shared, subject=name)
        yield Figure(
            measure="track_all_km2", value=float(np.quantile(surest[there], 0.5, method="higher")), node=node,
            shared=shared, subject=name,
        )  # fmt: skip
        for place, at_s in curve_times(happened):
            if there[place]:
                value = float(surest[place])
                yield Figure(measure="track_km2", value=value, node=node, shared=shared, subject=name, at_s=at_s)


def looks_of(happened: Happened, meant: Meant, node: str) -> dict[str, list[tuple[int, Threats, int]]]:
    """Return by threat when a node spoke of it: when, the record, the row; at one time what knows an end comes last."""
    found: dict[str, list[tuple[int, Threats, int]]] = {}
    for told in happened.told:
        if told.node != node or not isinstance(told.record, Threats):
            continue
        for row in np.argsort(told.record.end_ns > 0, kind="stable").tolist():
            name = meant.get((node, int(told.record.threat_id[row])))
            if name is not None:
                found.setdefault(name, []).append((told.at_ns, told.record, row))
    return found


def _forecasts(
    happened: Happened, node: str, course: Course, looks: list[tuple[int, Threats, int]]
) -> Iterator[Figure]:
    at_ns = np.array([at_ns for at_ns, _, _ in looks], np.int64)
    covariance = np.array([record.end_covariance_m2[row] for _, record, row in looks]).reshape(-1, 2, 2)
    is_known = np.array([record.end_ns[row] > 0 for _, record, row in looks], np.bool_)
    area = np.full(len(looks), np.inf)
    area[is_known] = ellipses_km2(covariance[is_known])
    since = is_known & (at_ns >= course.burnt_out_ns)
    flat: Mapping[int, float] = {percent: value / CHI_SQUARE[95] for percent, value in CHI_SQUARE.items()}
    for percent, factor in flat.items():
        middle = factor * float(np.median(area[since])) if since.any() else math.nan
        yield Figure(measure=f"forecast_{percent}_km2", value=middle, node=node, subject=course.name)
        for after_s in AFTER_S:
            value = factor * _then(at_ns, area, course.burnt_out_ns + after_s * NS_PER_S)
            name = f"forecast_{percent}_after_{after_s}_s_km2"
            yield Figure(measure=name, value=value, node=node, subject=course.name)
    lat, lon, _ = (float(each[0]) for each in geodetic_from_ecef(course.state_ecef[-1:, :3]))
    expected = np.array([(record.end_lat_rad[row], record.end_lon_rad[row]) for _, record, row in looks])
    away = distances(expected.reshape(-1, 2), covariance, lat, lon)
    for percent, most in CHI_SQUARE.items():
        share = float((away[since] <= most).mean()) if since.any() and course.comes_down else math.nan
        yield Figure(measure=f"forecast_{percent}_holds", value=share, node=node, subject=course.name)
    for place, at_s in curve_times(happened):
        time_ns = int(happened.targets.times_ns[place])
        if course.begins_ns <= time_ns <= course.ends_ns:
            value = _then(at_ns, area, time_ns)
            yield Figure(measure="forecast_95_km2", value=value, node=node, subject=course.name, at_s=at_s)


def ellipses_km2(covariance_m2: Floats) -> Floats:
    """Return the areas that hold 95 % of (n,) normal distributions on the ground, of (n, 2, 2) covariances."""
    area: Floats = math.pi * CHI_SQUARE[95] * np.sqrt(np.maximum(np.linalg.det(covariance_m2), 0.0)) / 1e6
    return area


def _then(at_ns: NDArray[np.int64], area: Floats, time_ns: int) -> float:
    """Return what was expected at a time, by the last look up to then; infinite if there was none or it knew no end."""
    last = int(np.searchsorted(at_ns, time_ns, side="right")) - 1
    return float(area[last]) if last >= 0 else math.inf


def distances(place_rad: Floats, covariance_m2: Floats, lat: float, lon: float) -> Floats:
    """Return (n,) squared distances in sigmas of one place from (n, 2) others, of (n, 2, 2) covariances."""
    metres, bearing = distance_and_bearing(place_rad[:, 0], place_rad[:, 1], lat, lon)
    east, north = metres * np.sin(bearing), metres * np.cos(bearing)
    xx, xy, yy = covariance_m2[:, 0, 0], covariance_m2[:, 0, 1], covariance_m2[:, 1, 1]
    det = xx * yy - xy**2
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = (yy * east**2 - 2.0 * xy * east * north + xx * north**2) / det
    return np.where(det > 0.0, squared, np.inf)
