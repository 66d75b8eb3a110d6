"""What goes to which place by which vehicle: relief and shelter goods from depots to places that need them.

A vehicle makes whole trips from its depot and back, as many as fit into the time. A trip carries goods of several sorts
up to what the vehicle holds. The first half of what a place needs of a sort counts in full, the rest by half, so that
no place gets all while another gets nothing. Trips are whole and loads are not: a mixed integer programme.

Prices prove a bound that can be checked without the solver. With prices of goods at depots, of vehicles' time and of
room on the way from a depot to a place, what any plan is worth is at most what all goods and all time cost, what room
is worth beyond the time that it takes, and what places would pay beyond the cheapest price at which a sort comes to
them; that holds for any prices that are not negative (weak duality), and the programme without whole trips has those
that are best. The solver's own bound, over whole trips, is tighter and its word.

Source: Toth, Vigo, Vehicle Routing, 2nd ed. (2014), chapter 1 (trips from depots); for worth that falls with what a
place has, Holguin-Veras et al., "On the appropriate objective function for post-disaster humanitarian logistics
models", Journal of Operations Management 31 (2013).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

FALLS = (1.0, 0.5)
"""What a unit is worth, of its weight, in the first and the second half of what is needed."""
ENOUGH = 1e-9
TRIPS_MAX = 10_000

Clock = Callable[[], float]
Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relief:
    """The problem: D depots, V vehicles, P places, C sorts of goods.

    Attributes:
        stock: (D, C) units at each depot.
        need: (P, C) units that each place needs.
        weight: (P, C) what a unit is worth there, for instance people helped by it, and how urgently.
        size: (C,) room that a unit takes, m3 or kg.
        depot: (V,) where each vehicle stands.
        holds: (V,) room in each.
        trip_s: (V, P) time there, unloading, back and loading; infinite where it cannot go.
        time_s: (V,) that each has.
    """

    stock: Floats
    need: Floats
    weight: Floats
    size: Floats
    depot: Whole
    holds: Floats
    trip_s: Floats
    time_s: Floats

    def __post_init__(self) -> None:
        (n_depots, n_sorts), n_places, n_vehicles = self.stock.shape, len(self.need), len(self.depot)
        shapes = {
            "need": (n_places, n_sorts), "weight": (n_places, n_sorts), "size": (n_sorts,), "holds": (n_vehicles,),
            "trip_s": (n_vehicles, n_places), "time_s": (n_vehicles,),
        }  # fmt: skip
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} is {getattr(self, name).shape}; {shape} fits the rest")
        for name in ("stock", "need", "weight", "size", "holds", "time_s"):
            if not (np.isfinite(getattr(self, name)) & (getattr(self, name) >= 0.0)).all():
                raise ValueError(f"{name} is finite and not negative")
        if not (self.size > 0.0).all() or not (self.trip_s > 0.0).all():
            raise ValueError("a unit takes room, and a trip takes time")
        if not ((self.depot >= 0) & (self.depot < n_depots)).all():
            raise ValueError("a vehicle stands at a depot")
        if self.trips_max.max(initial=0) > TRIPS_MAX:
            raise ValueError(f"more than {TRIPS_MAX} trips of one vehicle")

    @property
    def trips_max(self) -> Whole:
        """(V, P) how many trips each vehicle could make to each place alone."""
        return np.floor(self.time_s[:, None] / self.trip_s + ENOUGH).astype(np.int64)

    @property
    def digest(self) -> str:
        """SHA-256 of the problem, in hexadecimal."""
        running = hashlib.sha256()
        for field in fields(self):
            column = np.ascontiguousarray(getattr(self, field.name))
            running.update(f"{field.name}{column.dtype.str}{column.shape}".encode())
            running.update(column.tobytes())
        return running.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """The certificate.

    Attributes:
        goods: (D, C) of a unit at a depot.
        time: (V,) of a second of a vehicle.
        room: (D, P) of a unit of room from a depot to a place.
    """

    goods: Floats
    time: Floats
    room: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReliefPlan:
    """The advice.

    Attributes:
        trips: (V, P) how often each vehicle goes to each place.
        brought: (D, P, C) units that come from each depot to each place.
        worth: what they are worth.
        bound: that no plan exceeds, as the solver says.
        price, proven: prices, and the bound that they prove.
        greedy_worth: what the greedy plan is worth.
        inputs: digest of the problem.
        solver: what found it.
    """

    trips: Whole
    brought: Floats
    worth: float
    bound: float
    price: Prices
    proven: float
    greedy_worth: float
    inputs: str
    solver: str

    @property
    def gap(self) -> float:
        """How much better a plan could be at most, as a share of the bound."""
        return max(0.0, self.bound - self.worth) / self.bound if self.bound > 0.0 else 0.0

    def told(self, before: "ReliefPlan | None" = None) -> dict[str, Any]:
        """Return what a recommendation is to say of it, as plain data.

        Args:
            before: the last plan for the same vehicles and places, to say how many trips changed.
        """
        kept = None if before is None else int(np.minimum(self.trips, before.trips).sum())
        return {
            "problem": "what goes to which place",
            "inputs": self.inputs,
            "solver": self.solver,
            "objective": self.worth,
            "bound": self.bound,
            "proven": self.proven,
            "gap": self.gap,
            "alternatives": [{"plan": "greedy", "objective": self.greedy_worth}],
            "trips": int(self.trips.sum()),
            "changed": None if kept is None else {"kept": kept, "new": int(self.trips.sum()) - kept},
        }


def worth_of(problem: Relief, trips: Whole, brought: Floats) -> float:
    """Return what a plan is worth.

    Raises:
        ValueError: if it takes more goods, room or time than there is.
    """
    within = 1.0 + 1e-6
    used_s = np.where(trips > 0, trips * np.where(np.isinf(problem.trip_s), 0.0, problem.trip_s), 0.0).sum(axis=1)
    if (trips[np.isinf(problem.trip_s)] > 0).any() or (used_s > problem.time_s * within).any():
        raise ValueError("a plan that takes more time than a vehicle has, or goes where it cannot")
    room = np.zeros(brought.shape[:2])
    np.add.at(room, problem.depot, trips * problem.holds[:, None])
    if (brought < -1e-6).any() or (brought.sum(axis=1) > problem.stock * within + 1e-6).any():
        raise ValueError("a plan that takes more goods than there are")
    if (brought @ problem.size > room * within + 1e-6).any():
        raise ValueError("a plan that takes more room than its vehicles have")
    came = np.minimum(np.maximum(brought, 0.0).sum(axis=0), problem.need)
    first = np.minimum(came, problem.need / 2.0)
    return float((problem.weight * (FALLS[0] * first + FALLS[1] * (came - first))).sum())


def bound_by(problem: Relief, price: Prices) -> float:
    """Return what no plan exceeds, as prices prove it.

    Raises:
        ValueError: if a price is negative.
    """
    if min(price.goods.min(initial=0.0), price.time.min(initial=0.0), price.room.min(initial=0.0)) < 0.0:
        raise ValueError("prices are not negative")
    can = np.isfinite(problem.trip_s)
    gain = price.room[problem.depot] * problem.holds[:, None]
    gain = np.where(can, gain - price.time[:, None] * np.where(can, problem.trip_s, 0.0), 0.0)
    comes_at = (price.goods[:, None, :] + price.room[:, :, None] * problem.size).min(axis=0, initial=np.inf)
    paid = sum(np.maximum(problem.weight * fall - comes_at, 0.0) * problem.need / 2.0 for fall in FALLS)
    owned = (price.goods * problem.stock).sum() + (price.time * problem.time_s).sum()
    return float(owned + (np.maximum(gain, 0.0) * problem.trips_max).sum() + np.sum(paid))


def greedy(problem: Relief) -> tuple[Whole, Floats]:
    """Return trips and goods of the plan that makes the trip first that is worth most a second."""
    (n_depots, n_sorts), (n_vehicles, n_places) = problem.stock.shape, problem.trip_s.shape
    trips, brought = np.zeros((n_vehicles, n_places), np.int64), np.zeros((n_depots, n_places, n_sorts))
    left_s, stock = problem.time_s.copy(), problem.stock.copy()
    while True:
        best, chosen, load = 0.0, (-1, -1), np.zeros(n_sorts)
        for vehicle, place in zip(*np.nonzero(problem.trip_s <= left_s[:, None] * (1.0 + ENOUGH)), strict=True):
            depot = problem.depot[vehicle]
            loaded, worth = _load(problem, stock[depot], brought[:, place].sum(axis=0), int(vehicle), int(place))
            if worth / problem.trip_s[vehicle, place] > best:
                best, chosen = worth / problem.trip_s[vehicle, place], (int(vehicle), int(place))
                load = loaded
        if chosen[0] < 0:
            return trips, brought
        vehicle, place = chosen
        trips[vehicle, place] += 1
        left_s[vehicle] -= problem.trip_s[vehicle, place]
        stock[problem.depot[vehicle]] -= load
        brought[problem.depot[vehicle], place] += load


def _load(problem: Relief, stock: Floats, came: Floats, vehicle: int, place: int) -> tuple[Floats, float]:
    """Return what one trip would take, dearest by room first, and what it is worth."""
    load, worth, room = np.zeros(len(stock)), 0.0, float(problem.holds[vehicle])
    need, weight = problem.need[place], problem.weight[place]
    pieces = [(-fall * weight[sort] / problem.size[sort], k, sort) for k, fall in enumerate(FALLS)
              for sort in range(len(stock))]  # fmt: skip
    for _, k, sort in sorted(pieces):
        has = came[sort] + load[sort]
        wanted = max(0.0, (k + 1) * need[sort] / 2.0 - has)
        units = min(wanted, stock[sort] - load[sort], room / problem.size[sort])
        if units > ENOUGH:
            load[sort] += units
            room -= units * problem.size[sort]
            worth += units * FALLS[k] * weight[sort]
    return load, worth


def advise(problem: Relief, *, time_limit_s: float, clock: Clock, gap: float = 1e-4) -> ReliefPlan:
    """Return what goes where, and how good that is.

    Args:
        problem: the problem.
        time_limit_s: how long to go on.
        clock: tells seconds; the caller's, since this room has none.
        gap: near enough, as a share of the bound.
    """
    ends_s = clock() + time_limit_s
    trips, brought = greedy(problem)
    plain = worth_of(problem, trips, brought)
    best, solver = plain, "greedy"
    price = Prices(np.zeros_like(problem.stock), np.zeros(len(problem.depot)), np.zeros(brought.shape[:2]))
    programme = _programme(problem)
    relaxed = _prices(problem, programme, max(0.01, ends_s - clock()))
    if relaxed is not None and bound_by(problem, relaxed) < bound_by(problem, price):
        price = relaxed
    proven = bound = bound_by(problem, price)
    left_s = ends_s - clock()
    if bound - best > gap * bound and left_s > 0.0:
        from scipy.optimize import Bounds, LinearConstraint, milp  # here, since it takes long and few programs need it

        cost, matrix, limit, upper, whole = programme
        answer = milp(
            cost, integrality=whole, bounds=Bounds(np.zeros(len(upper)), upper),
            constraints=[LinearConstraint(matrix, -np.inf, limit)],
            options={"time_limit": left_s, "mip_rel_gap": gap / 2.0},
        )  # fmt: skip
        if answer.mip_dual_bound is not None:
            bound = min(bound, max(-float(answer.mip_dual_bound), 0.0))
        if answer.x is not None:
            found = _plan_in(problem, answer.x)
            if (worth := worth_of(problem, *found)) > best:
                (trips, brought), best, solver = found, worth, "HiGHS"
    return ReliefPlan(
        trips=trips, brought=brought, worth=best, bound=max(bound, best), price=price, proven=proven,
        greedy_worth=plain, inputs=problem.digest, solver=solver,
    )  # fmt: skip


Programme = tuple[Floats, "csr_array", Floats, Floats, Floats]


def _programme(problem: Relief) -> Programme:
    """Return cost, rows, their limits, upper limits of columns, and which columns are whole.

    Columns are trips (V, P), units brought (D, P, C), and units that count (P, C, 2). Rows are goods of depots, room on
    ways, time of vehicles, and that what counts was brought.
    """
    from scipy.sparse import coo_array, csr_array

    (n_depots, n_sorts), (n_vehicles, n_places) = problem.stock.shape, problem.trip_s.shape
    n_trips, n_brought, n_counts = n_vehicles * n_places, n_depots * n_places * n_sorts, n_places * n_sorts * 2
    trip = np.arange(n_trips).reshape(n_vehicles, n_places)
    unit = n_trips + np.arange(n_brought).reshape(n_depots, n_places, n_sorts)
    counts = n_trips + n_brought + np.arange(n_counts).reshape(n_places, n_sorts, 2)
    goods = np.arange(n_depots * n_sorts).reshape(n_depots, n_sorts)
    room = goods.size + np.arange(n_depots * n_places).reshape(n_depots, n_places)
    time = goods.size + room.size + np.arange(n_vehicles)
    came = goods.size + room.size + n_vehicles + np.arange(n_places * n_sorts).reshape(n_places, n_sorts)
    can = np.isfinite(problem.trip_s)
    entries: list[tuple[Any, Any, Any]] = [
        (np.broadcast_to(goods[:, None], unit.shape), unit, 1.0),
        (np.broadcast_to(room[:, :, None], unit.shape), unit, np.broadcast_to(problem.size, unit.shape)),
        (room[problem.depot], trip, np.broadcast_to(-problem.holds[:, None], trip.shape)),
        (np.broadcast_to(time[:, None], trip.shape)[can], trip[can], problem.trip_s[can]),
        (np.broadcast_to(came, unit.shape), unit, -1.0),
        (np.broadcast_to(came[:, :, None], counts.shape), counts, 1.0),
    ]
    rows, columns, values = (
        np.concatenate([np.broadcast_to(entry[k], np.shape(entry[1])).ravel() for entry in entries]) for k in range(3)
    )
    n_rows, n_columns = goods.size + room.size + n_vehicles + came.size, n_trips + n_brought + n_counts
    matrix = csr_array(coo_array((values, (rows, columns)), shape=(n_rows, n_columns)))
    limit = np.concatenate([problem.stock.ravel(), np.zeros(room.size), problem.time_s, np.zeros(came.size)])
    cost = np.zeros(n_columns)
    cost[counts] = -problem.weight[:, :, None] * np.array(FALLS)
    upper = np.full(n_columns, np.inf)
    upper[trip] = problem.trips_max
    upper[counts] = problem.need[:, :, None] / 2.0
    whole = np.zeros(n_columns)
    whole[trip] = 1.0
    return cost, matrix, limit, upper, whole


def _prices(problem: Relief, programme: Programme, time_limit_s: float) -> Prices | None:
    """Return the prices of the programme without whole trips; None if the time did not suffice."""
    from scipy.optimize import linprog

    cost, matrix, limit, upper, _ = programme
    bounds = np.stack([np.zeros(len(upper)), upper], axis=1)
    answer = linprog(cost, A_ub=matrix, b_ub=limit, bounds=bounds, method="highs", options={"time_limit": time_limit_s})
    if answer.status != 0:
        return None
    n_goods, n_room = problem.stock.size, len(problem.stock) * problem.trip_s.shape[1]
    price = np.maximum(-answer.ineqlin.marginals, 0.0)
    return Prices(
        price[:n_goods].reshape(problem.stock.shape),
        price[n_goods + n_room : n_goods + n_room + len(problem.depot)],
        price[n_goods : n_goods + n_room].reshape(len(problem.stock), -1),
    )


def _plan_in(problem: Relief, x: Floats) -> tuple[Whole, Floats]:
    """Return the trips and goods of a solution."""
    (n_depots, n_sorts), (n_vehicles, n_places) = problem.stock.shape, problem.trip_s.shape
    n_trips = n_vehicles * n_places
    trips = np.round(x[:n_trips]).astype(np.int64).reshape(n_vehicles, n_places)
    brought = x[n_trips : n_trips + n_depots * n_places * n_sorts].reshape(n_depots, n_places, n_sorts)
    return trips, np.maximum(brought, 0.0)
