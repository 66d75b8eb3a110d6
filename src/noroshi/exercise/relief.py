"""A relief coordinator's plan: what goes from which depot to which place, proposed by the port that people use.

Places, depots and vehicles are a scenario's. Ways are great circles, longer by a factor, as roads are; a vehicle that
flies needs no road. The plan is advice (`advice.relief`): nobody's vehicle moves before it is approved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noroshi.advice.relief import Relief, advise
from noroshi.command.book import Book
from noroshi.command.rows import What
from noroshi.command.transitions import Action, Step
from noroshi.exercise.staff import Player
from noroshi.geo.great_circle import distance_and_bearing
from noroshi.geo.time import NS_PER_S
from noroshi.records import Decision, Tracks

ROADS = 1.4
"""How much longer roads are than great circles, after an earthquake: chosen, not measured."""


GRACE_NS = 3_600 * NS_PER_S  # in which it can be said, after the last trip, what came of it


@dataclass(frozen=True, slots=True)
class Depot:
    """Where goods are: units of each sort, in the order of the sorts."""

    name: str
    lat_rad: float
    lon_rad: float
    stock: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where goods are needed: units of each sort, and what each unit counts there."""

    name: str
    lat_rad: float
    lon_rad: float
    need: tuple[float, ...]
    weight: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Vehicle:
    """One that carries goods.

    Attributes:
        name: of it.
        depot: number of the depot where it stands.
        holds_m3: room in it.
        speed_m_s: on its way.
        turn_s: to load and to unload, together.
        flies: whether it needs no road.
        range_m: the furthest place that it goes to.
    """

    name: str
    depot: int
    holds_m3: float
    speed_m_s: float
    turn_s: float
    flies: bool
    range_m: float


def problem_of(
    sizes_m3: Sequence[float],
    depots: Sequence[Depot],
    places: Sequence[Place],
    vehicles: Sequence[Vehicle],
    time_s: float,
) -> Relief:
    """Return the problem of so many goods, needs and vehicles, with so much time for each."""
    way_m = np.array([
        [float(distance_and_bearing(depot.lat_rad, depot.lon_rad, place.lat_rad, place.lon_rad)[0]) for place in places]
        for depot in depots
    ]).reshape(len(depots), len(places))  # fmt: skip
    trip_s = np.empty((len(vehicles), len(places)))
    for i, one in enumerate(vehicles):
        there_m = way_m[one.depot] * (1.0 if one.flies else ROADS)
        trip_s[i] = np.where(there_m <= one.range_m, one.turn_s + 2.0 * there_m / one.speed_m_s, np.inf)
    return Relief(
        stock=np.array([depot.stock for depot in depots], float),
        need=np.array([place.need for place in places], float),
        weight=np.array([place.weight for place in places], float),
        size=np.array(sizes_m3, float),
        depot=np.array([one.depot for one in vehicles], np.int64),
        holds=np.array([one.holds_m3 for one in vehicles], float),
        trip_s=trip_s,
        time_s=np.full(len(vehicles), float(time_s)),
    )


@dataclass(slots=True, kw_only=True)
class ReliefPlanner:
    """What a relief coordinator plans with; once, at a stated time.

    Attributes:
        player: in whose name.
        at_ns: when.
        time_s: that every vehicle has.
        sorts, sizes_m3: names of the goods, and the room that a unit takes.
        depots, places, vehicles: what there is.
        picture: of no use here.
    """

    player: Player
    at_ns: int
    time_s: float
    sorts: tuple[str, ...]
    sizes_m3: tuple[float, ...]
    depots: tuple[Depot, ...]
    places: tuple[Place, ...]
    vehicles: tuple[Vehicle, ...]
    picture: Tracks | None = None
    _is_over: bool = False

    def wake_ns(self) -> int | None:
        """Return when the plan is due; None once it is made."""
        return None if self._is_over else self.at_ns

    def plan(self, book: Book, now_ns: int) -> list[Decision]:
        """Return the plan as a proposal."""
        self._is_over = True
        problem = problem_of(self.sizes_m3, self.depots, self.places, self.vehicles, self.time_s)
        plan = advise(problem, time_limit_s=60.0, clock=lambda: 0.0)
        if not plan.trips.any():
            return []
        ends_ns = now_ns + round(self.time_s * NS_PER_S)
        trips = [
            [self.vehicles[i].name, self.places[k].name, int(plan.trips[i, k])] for i, k in np.argwhere(plan.trips)
        ]
        brought = [
            [self.depots[d].name, self.places[p].name, self.sorts[c], round(float(plan.brought[d, p, c]), 3)]
            for d, p, c in np.argwhere(plan.brought > 1e-6)
        ]
        what = What(
            action=Action.RELIEF,
            priority="immediate",
            until_ns=ends_ns + GRACE_NS,
            detail={"subject": "relief", "until_ns": ends_ns, "trips": trips, "brought": brought},
        )
        reason = f"EXERCISE: {int(plan.trips.sum())} trips to {len({trip[1] for trip in trips})} places"
        stream = f"relief-{self.player.nation}-1"
        said = self.player.write(book, stream, Step.RECOMMENDED, now_ns, what=what, reason=reason, advice=plan.told())
        return [said]

    def state(self) -> dict[str, Any]:
        """Return what it remembers, as plain data."""
        return {"is_over": self._is_over}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to `state`."""
        self._is_over = state["is_over"]
