"""Whom each threat truly came near to, and who had been told by then: lead times and people."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.exercises.definition import Definition
from noroshi.assessment.exercises.happened import Happened, People
from noroshi.assessment.exercises.held import Course
from noroshi.assessment.exercises.naming import Meant
from noroshi.assessment.results import Figure
from noroshi.estimation.interpolation import hermite
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert
from noroshi.records.alert import CANCEL
from noroshi.warning.areas import Areas
from noroshi.warning.exposure import exposed
from noroshi.warning.forecast import Forecast

STEP_S = 5.0
"""Between the points of the true way."""

NEVER_NS = np.iinfo(np.int64).max

MEASURES = {
    "lead_time_s": Definition(
        "s",
        1,
        "From when the people of an area were told to when the threat was near: of areas told up to then.",
        ("node", "area"),
    ),
    "first_warning_lead_s": Definition(
        "s", 1, "From the first alert of a threat, anywhere, to when it first was near people.", ("node", "threat")
    ),
    "people_near": Definition("1", 0, "People that threats truly came near to.", ("node",)),
    "people_warned": Definition("1", 0, "People of all areas that were ever told.", ("node",)),
    "people_rightly_warned": Definition(
        "1", 1, "People that threats came near to and that were told by then.", ("node",)
    ),
    "people_near_warned": Definition("share", 1, "Of the people near, those rightly warned.", ("node",)),
    "people_warned_near": Definition(
        "share", 1, "Of the people warned, those that a threat truly came near to.", ("node",)
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Near:
    """Whom one threat truly came near to.

    Attributes:
        area: places among the areas, sorted.
        area_ns, area_over_ns: when it was first near to each, and when for the last time, or came down.
        cell: the cells.
        cell_ns: when it was near to each.
    """

    area: NDArray[np.int64]
    area_ns: NDArray[np.int64]
    area_over_ns: NDArray[np.int64]
    cell: NDArray[np.int64]
    cell_ns: NDArray[np.int64]


def near(course: Course, areas: Areas, people: People) -> Near:
    """Return whom a threat truly came near to, of a nation's people."""
    way = true_way(course.time_ns, course.state_ecef, comes_down=course.comes_down)
    told = exposed(way, areas, people.near_m, among=people.own, cell_times=True)
    area, cell = np.flatnonzero(told.areas.probability > 0.0), np.flatnonzero(told.cells.probability > 0.0)
    return Near(
        area=area,
        area_ns=told.areas.arrival_ns[area],
        area_over_ns=told.areas.over_ns[area],
        cell=cell,
        cell_ns=told.cells.arrival_ns[cell],
    )


def true_way(time_ns: NDArray[np.int64], state_ecef: NDArray[np.float64], *, comes_down: bool) -> Forecast:
    """Return how a threat truly went, of its (k,) times and (k, 6) states, as a forecast of one way."""
    times_ns = np.arange(int(time_ns[0]), int(time_ns[-1]), round(STEP_S * NS_PER_S), dtype=np.int64)
    times_ns = np.append(times_ns, np.int64(time_ns[-1]))
    return Forecast(
        time_ns=times_ns,
        position_ecef_m=hermite(time_ns, state_ecef, times_ns)[None, :, :3],
        end_ns=times_ns[-1:],
        lands=np.array([comes_down]),
        weight=np.ones(1),
    )


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when an area was told of a threat; `NEVER_NS` if to the end; the message that ended it."""

    begins_ns: int
    ends_ns: int
    by: str = ""


def spans(happened: Happened, node: str, numbers: set[int]) -> dict[str, list[Span]]:
    """Return from when to when a nation told each area, by its code, of the threat that it means by some numbers.

    An area that an update no longer names is told no more.
    """
    open_ns: dict[tuple[int, str], int] = {}
    found: dict[str, list[Span]] = {}
    for told in happened.told:
        alert = told.record
        if told.node != node or told.channel != "alert" or not isinstance(alert, Alert):
            continue
        if alert.hazard != "missile" or alert.threat_id not in numbers:
            continue
        codes = [] if alert.message == CANCEL else [str(code) for code in alert.code.tolist()]
        for number, code in [key for key in open_ns if key[0] == alert.threat_id and key[1] not in codes]:
            found.setdefault(code, []).append(Span(open_ns.pop((number, code)), told.at_ns, alert.identifier))
        for code in codes:
            open_ns.setdefault((alert.threat_id, code), told.at_ns)
    for (_, code), begins_ns in open_ns.items():
        found.setdefault(code, []).append(Span(begins_ns, NEVER_NS))
    return found


def missile_numbers(happened: Happened, node: str) -> set[int]:
    """Return the numbers of all missiles, true or not, of which a nation told anybody."""
    alerts = [told.record for told in happened.told if told.node == node and told.channel == "alert"]
    return {alert.threat_id for alert in alerts if isinstance(alert, Alert) and alert.hazard == "missile"}


def lead_s(told: list[Span], arrival_ns: int) -> float:
    """Return how long before an arrival an area had been told, without a break up to it.

    Negative if it was told only after, and minus infinite if never, or if it was told that it is over before.
    """
    before = [span.begins_ns for span in told if span.begins_ns <= arrival_ns < span.ends_ns]
    after = [span.begins_ns for span in told if span.begins_ns > arrival_ns]
    first_ns = min(before or after, default=None)
    return -math.inf if first_ns is None else (arrival_ns - first_ns) / NS_PER_S


def nearby(happened: Happened) -> dict[tuple[str, str], Near]:
    """Return by nation that warns its people and threat whom of them it truly came near to."""
    if happened.areas is None:
        return {}
    return {
        (node, course.name): near(course, happened.areas, people)
        for node, people in happened.people.items()
        for course in happened.courses
    }


def figures(happened: Happened, meant: Meant, nearby: Mapping[tuple[str, str], Near]) -> Iterator[Figure]:
    """Give lead times and people of each nation that warns its people."""
    areas = happened.areas
    for node in happened.people:
        if areas is None:
            return
        told_of: dict[str, dict[str, list[Span]]] = {}
        first_ns = np.full(len(areas.cell_people), NEVER_NS)
        right = np.zeros(len(areas.cell_people), bool)
        for course in happened.courses:
            numbers = {number for (of, number), name in meant.items() if of == node and name == course.name}
            told = told_of[course.name] = spans(happened, node, numbers)
            was_near = nearby[node, course.name]
            first_ns[was_near.cell] = np.minimum(first_ns[was_near.cell], was_near.cell_ns)
            yield from _leads(areas, node, course, told, was_near)
            code = areas.code[areas.cell_area[was_near.cell]]
            in_time = [
                lead_s(told.get(str(area), []), at_ns) >= 0.0
                for area, at_ns in zip(code.tolist(), was_near.cell_ns.tolist(), strict=True)
            ]
            right[was_near.cell[np.array(in_time, bool)]] = True
        yield from _people(happened, areas, node, first_ns < NEVER_NS, right)


def _leads(areas: Areas, node: str, course: Course, told: Mapping[str, list[Span]], was_near: Near) -> Iterator[Figure]:
    for area, arrival_ns in zip(was_near.area.tolist(), was_near.area_ns.tolist(), strict=True):
        code = str(areas.code[area])
        lead = lead_s(told.get(code, []), arrival_ns)
        yield Figure(measure="lead_time_s", value=lead, node=node, subject=f"{course.name} {code}")
    if len(was_near.area):
        first_ns = min((span.begins_ns for each in told.values() for span in each), default=None)
        lead = -math.inf if first_ns is None else (int(was_near.area_ns.min()) - first_ns) / NS_PER_S
        yield Figure(measure="first_warning_lead_s", value=lead, node=node, subject=course.name)


def _people(
    happened: Happened, areas: Areas, node: str, near_cells: NDArray[np.bool_], right: NDArray[np.bool_]
) -> Iterator[Figure]:
    alerts = [told.record for told in happened.told if told.node == node and told.channel == "alert"]
    codes = {
        str(code)
        for alert in alerts
        if isinstance(alert, Alert) and alert.hazard == "missile" and alert.message != CANCEL
        for code in alert.code.tolist()
    }
    warned = np.isin(areas.code, sorted(codes))
    cells_warned = warned[areas.cell_area]
    n_near = float(areas.cell_people[near_cells].sum())
    n_warned = float(areas.people[warned].sum())
    n_right = float(areas.cell_people[right].sum())
    n_both = float(areas.cell_people[near_cells & cells_warned].sum())
    values = {
        "people_near": n_near,
        "people_warned": n_warned,
        "people_rightly_warned": n_right,
        "people_near_warned": n_right / n_near if n_near else math.nan,
        "people_warned_near": n_both / n_warned if n_warned else math.nan,
    }
    for name, value in values.items():
        yield Figure(measure=name, value=value, node=node)
