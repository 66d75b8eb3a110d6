"""Which sensor looks where, slot by slot: a flow of looks to tracks, whose linear programme has whole optima.

A sensor has so many looks in each slot; a track is looked at once a slot at most; each further look at a track is worth
less than the one before. As a flow: (sensor, slot) with its looks, to (track, slot) with one, to the track, to the sink
by arcs of falling reward. The matrix is that of a network, so the vertices of its linear programme are whole.

Prices of looks prove how good a plan is. With a price on each look of each sensor and slot, what any plan can gain is
at most what all looks cost plus what each track would pay beyond the prices, taking its cheapest looks; that holds for
any prices that are not negative, and is reached by the optimal ones (weak and strong duality). So whoever has the
prices can check the bound without trusting the solver.

Source: Ahuja, Magnanti, Orlin, Network Flows (1993), chapters 9 and 11; Bertsekas, Castanon, "The auction algorithm for
the transportation problem", Annals of Operations Research 20 (1989).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.kernel import kernel

FALLS = (1.0, 0.5, 0.25, 0.125)
"""What the first, second ... look at a track is worth, of its weight; no further look is worth anything."""
SMALL = 30_000  # options up to which the linear programme is solved to its end
STEP = 1.0  # of the gap, if each look of the greedy plan were too dear by one step of bidding
GAP_MIN = 1e-4  # that bidding begins with; by steps of nothing it would not end
ROUNDS_MAX = 8
BIDS = 20_000  # between two looks at the clock
WHOLE_WITHIN = 1e-6
TRIES = 4  # looks that are forbidden in turn, for each alternative that is wanted

Clock = Callable[[], float]
Whole = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """The problem: n options over S sensors, H slots and T tracks.

    Attributes:
        capacity: (S, H) how many looks each sensor has in each slot.
        weight: (T,) what the first look at each track is worth.
        option: (n, 3) whole numbers sensor, slot, track: who could look at what; sorted by track, slot, sensor.
    """

    capacity: NDArray[np.int64]
    weight: NDArray[np.float64]
    option: NDArray[np.int64]

    @property
    def digest(self) -> str:
        """SHA-256 of the problem, in hexadecimal."""
        running = hashlib.sha256()
        for column in (self.capacity, self.weight, self.option):
            running.update(f"{column.dtype.str}{column.shape}".encode())
            running.update(np.ascontiguousarray(column).tobytes())
        return running.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class Instead:
    """The best plan if one look cannot be.

    Attributes:
        without: sensor, slot and track of that look.
        chosen: rows of `Looks.option`, rising.
        reward, bound: what they are worth, and what no plan without that look exceeds.
    """

    without: tuple[int, int, int]
    chosen: NDArray[np.int64]
    reward: float
    bound: float

    def told(self) -> dict[str, Any]:
        """Return what a recommendation is to say of it, as plain data."""
        return {"plan": "without a look", "look": list(self.without), "objective": self.reward, "bound": self.bound}


@dataclass(frozen=True, slots=True, eq=False)
class LookPlan:
    """The advice.

    Attributes:
        chosen: (m,) rows of `Looks.option`, rising.
        reward: what they are worth.
        bound: what no plan exceeds.
        price: (S, H) of a look, the certificate of the bound.
        greedy: rows of the greedy plan.
        greedy_reward: what that is worth.
        inputs: digest of the problem.
        solver: what found it.
        rounds: how often the programme was solved.
        others: plans without one of the looks that matter most, the one that is missed most first.
    """

    chosen: NDArray[np.int64]
    reward: float
    bound: float
    price: NDArray[np.float64]
    greedy: NDArray[np.int64]
    greedy_reward: float
    inputs: str
    solver: str
    rounds: int
    others: tuple[Instead, ...] = ()

    @property
    def gap(self) -> float:
        """How much better a plan could be at most, as a share of the bound."""
        return max(0.0, self.bound - self.reward) / self.bound if self.bound > 0.0 else 0.0

    def told(self, before: "LookPlan | None" = None) -> dict[str, Any]:
        """Return what a recommendation is to say of it, as plain data.

        Args:
            before: the last plan for the same options, to say how many looks changed.
        """
        kept = None if before is None else len(np.intersect1d(self.chosen, before.chosen))
        return {
            "problem": "which sensor looks where",
            "inputs": self.inputs,
            "solver": self.solver,
            "objective": self.reward,
            "bound": self.bound,
            "gap": self.gap,
            "alternatives": [
                {"plan": "greedy", "objective": self.greedy_reward},
                *(other.told() for other in self.others),
            ],
            "looks": len(self.chosen),
            "changed": None if kept is None else {"kept": kept, "new": len(self.chosen) - kept},
        }


def looks(capacity: NDArray[np.int64], weight: NDArray[np.float64], visible: NDArray[np.bool_]) -> Looks:
    """Return the problem in which `visible` (S, H, T) says who could look at what.

    Raises:
        ValueError: if shapes do not agree, a weight is negative or not finite, or a capacity is negative.
    """
    if visible.shape != (*capacity.shape, len(weight)):
        raise ValueError(f"visible is {visible.shape}, capacity {capacity.shape}, weight {weight.shape}")
    if not (np.isfinite(weight) & (weight >= 0.0)).all() or (capacity < 0).any():
        raise ValueError("weights are finite and not negative, and so are capacities")
    track, slot, sensor = np.nonzero(visible.transpose(2, 1, 0))
    option = np.stack([sensor, slot, track], axis=1).astype(np.int64)
    return Looks(np.ascontiguousarray(capacity, np.int64), np.ascontiguousarray(weight, np.float64), option)


def reward_of(problem: Looks, chosen: NDArray[np.int64]) -> float:
    """Return what a plan is worth.

    Raises:
        ValueError: if it asks too much of a sensor, looks twice at a track in a slot, or names an option twice.
    """
    sensor, slot, track = problem.option[chosen].T
    used = np.zeros_like(problem.capacity)
    np.add.at(used, (sensor, slot), 1)
    pairs = track * problem.capacity.shape[1] + slot
    if (used > problem.capacity).any() or len(np.unique(pairs)) < len(pairs):
        raise ValueError("a plan that asks too much of a sensor, or looks twice at a track in one slot")
    number = np.minimum(np.bincount(track, minlength=len(problem.weight)), len(FALLS))
    return float(problem.weight @ np.concatenate([[0.0], np.cumsum(FALLS)])[number])


def bound_by(problem: Looks, price: NDArray[np.float64]) -> float:
    """Return what no plan exceeds, as prices prove it.

    Args:
        problem: the problem.
        price: (S, H) of a look, any that are not negative.

    Raises:
        ValueError: if a price is negative.
    """
    if not (price >= 0.0).all():
        raise ValueError("prices are not negative")
    paid = np.empty(len(problem.weight))
    starts = _starts(problem)
    _gains(problem.option, starts, problem.weight, np.ascontiguousarray(price), np.array(FALLS), paid)
    return float((price * problem.capacity).sum() + paid.sum())


def _starts(problem: Looks) -> Whole:
    return np.searchsorted(problem.option[:, 2], np.arange(len(problem.weight) + 1)).astype(np.int64)


def greedy(problem: Looks) -> NDArray[np.int64]:
    """Return the rows of a plan that takes the most valuable look first, of the sensor and slot with most to spare."""
    starts = _starts(problem)
    worth = np.outer(np.array(FALLS), problem.weight).ravel()
    order = np.argsort(-worth, kind="stable").astype(np.int64) % len(problem.weight)
    demand = np.zeros(problem.capacity.shape, np.int64)
    np.add.at(demand, (problem.option[:, 0], problem.option[:, 1]), 1)
    picked = np.zeros(len(problem.option), np.bool_)
    _greedy(problem.option, starts, order, problem.capacity.copy(), demand, picked)
    return np.nonzero(picked)[0]


def advise(problem: Looks, *, time_limit_s: float, clock: Clock, gap: float = 1e-3, alternatives: int = 0) -> LookPlan:
    """Return a plan, how good it is, and what there is instead.

    Tracks bid for looks, by steps that get smaller until the prices prove the plan to be near enough. A small problem
    is then solved to the end by the linear programme, whose prices reach its plan. The best plan and the best bound are
    kept.

    Args:
        problem: the problem.
        time_limit_s: how long to go on; what has begun then is not waited for beyond a fraction of a second.
        clock: tells seconds; the caller's, since this room has none.
        gap: near enough.
        alternatives: how many plans without a look are wanted beside, as far as the time suffices.
    """
    ends_s = clock() + time_limit_s
    plan = _best(problem, ends_s, clock, gap)
    return replace(plan, others=_others(problem, plan, alternatives, ends_s, clock, gap)) if alternatives else plan


def _others(
    problem: Looks, plan: LookPlan, number: int, ends_s: float, clock: Clock, gap: float
) -> tuple[Instead, ...]:
    """Return the plans without the looks that are missed most.

    Without a look its track loses at most what its last look is worth, so looks are forbidden in that order, until none
    that is left can be missed more.
    """
    track = problem.option[plan.chosen, 2]
    missed = problem.weight[track] * np.array(FALLS)[np.bincount(track, minlength=len(problem.weight))[track] - 1]
    found: list[Instead] = []
    for k in np.argsort(-missed, kind="stable")[: TRIES * number]:
        is_enough = len(found) >= number and plan.reward - missed[k] >= found[number - 1].reward
        if is_enough or clock() >= ends_s:
            break
        row, rest = plan.chosen[k], np.delete(plan.chosen, k)
        left = np.delete(np.arange(len(problem.option)), row)
        best = _best(replace(problem, option=problem.option[left]), ends_s, clock, gap)
        chosen, reward = left[best.chosen], best.reward
        if (kept := reward_of(problem, rest)) > reward:
            chosen, reward = rest, kept
        sensor, slot, at = problem.option[row].tolist()
        found.append(Instead((sensor, slot, at), chosen, reward, best.bound))
        found.sort(key=lambda one: (one.reward, one.without))
    return tuple(found[:number])


def _best(problem: Looks, ends_s: float, clock: Clock, gap: float) -> LookPlan:
    """Return a plan and how good it is."""
    first = greedy(problem)
    first_reward = reward_of(problem, first)
    price = np.zeros(problem.capacity.shape)
    best, best_reward, solver = first, first_reward, "greedy"
    bound, rounds = bound_by(problem, price), 0
    worth = max(first_reward, problem.weight.max(initial=0.0))
    step = STEP * max(gap, GAP_MIN) * worth / max(1, len(first))
    while bound - best_reward > gap * bound and rounds < ROUNDS_MAX and clock() < ends_s:
        found = _bid(problem, step, ends_s, clock)
        rounds, step = rounds + 1, step / 4.0
        if found is None:
            break
        reward, told = reward_of(problem, found[0]), bound_by(problem, found[1])
        if reward > best_reward:
            best, best_reward, solver = found[0], reward, "auction"
        if told < bound:
            bound, price = told, found[1]
    if len(problem.option) <= SMALL and bound > best_reward and (left_s := ends_s - clock()) > 0.0:
        solved = solve(problem, time_limit_s=left_s)
        if solved is not None:
            best, best_reward, solver, rounds = solved[0], reward_of(problem, solved[0]), "HiGHS", rounds + 1
            bound, price = bound_by(problem, solved[1]), solved[1]
    return LookPlan(best, best_reward, bound, price, first, first_reward, problem.digest, solver, rounds)


def _bid(problem: Looks, step: float, ends_s: float, clock: Clock) -> tuple[Whole, Floats] | None:
    """Return the plan and the prices at which nobody bids more; None if the time did not suffice."""
    n_tracks, seats = len(problem.weight), np.cumsum(problem.capacity.ravel())
    base = np.concatenate([[0], seats]).astype(np.int64)
    holder, paid = np.full(base[-1], -1, np.int64), np.zeros(base[-1])
    asking = np.where(problem.capacity > 0, 0.0, np.inf)
    held, count = np.zeros(len(problem.option), np.bool_), np.zeros(n_tracks, np.int64)
    queue, waits = np.argsort(-problem.weight, kind="stable").astype(np.int64), np.ones(n_tracks, np.bool_)
    place = np.array([0, n_tracks], np.int64)
    while place[1]:
        if clock() >= ends_s:
            return None
        _auction(
            problem.option, _starts(problem), problem.weight, np.array(FALLS), base, step, BIDS,
            holder, paid, asking, held, count, queue, waits, place,
        )  # fmt: skip
    return np.nonzero(held)[0], np.where(np.isinf(asking), problem.weight.max(initial=0.0), asking)


def solve(problem: Looks, *, time_limit_s: float) -> tuple[Whole, Floats] | None:
    """Return the best plan and the prices of looks by the linear programme; None if the time did not suffice."""
    from scipy.optimize import linprog  # here, since it takes long and few programs need it
    from scipy.sparse import csr_array, vstack

    sensor, slot, track = problem.option.T
    n, (n_sensors, n_slots), n_tracks = len(track), problem.capacity.shape, len(problem.weight)
    n_falls = len(FALLS)
    columns = np.arange(n)
    ones = np.ones(n)
    seats = csr_array((ones, (sensor * n_slots + slot, columns)), shape=(n_sensors * n_slots, n + n_tracks * n_falls))
    pairs, pair = np.unique(track * n_slots + slot, return_inverse=True)
    several = np.bincount(pair) > 1  # one option alone is bounded by itself
    at_once = csr_array((ones, (pair, columns)), shape=(len(pairs), n + n_tracks * n_falls))[several]
    arcs = n + np.arange(n_tracks * n_falls)
    flow = csr_array(
        (
            np.concatenate([-ones, np.ones(len(arcs))]),
            (np.concatenate([track, np.repeat(np.arange(n_tracks), n_falls)]), np.concatenate([columns, arcs])),
        ),
        shape=(n_tracks, n + len(arcs)),
    )
    worth = np.outer(problem.weight, np.array(FALLS)).ravel()
    answer = linprog(
        np.concatenate([np.zeros(n), -worth]),
        A_ub=vstack([seats, at_once, flow], format="csr"),
        b_ub=np.concatenate([problem.capacity.ravel(), np.ones(int(several.sum())), np.zeros(n_tracks)]),
        bounds=(0.0, 1.0),
        method="highs-ds",
        options={"time_limit": time_limit_s},
    )
    if answer.status != 0:
        return None
    flows = answer.x[:n]
    if np.abs(flows - np.round(flows)).max(initial=0.0) > WHOLE_WITHIN:
        raise ArithmeticError("a vertex of a network's programme that is not whole")
    price = np.maximum(-answer.ineqlin.marginals[: n_sensors * n_slots], 0.0).reshape(n_sensors, n_slots)
    return np.nonzero(flows > 0.5)[0], price


@kernel
def _gains(option: Whole, starts: Whole, weight: Floats, price: Floats, falls: Floats, paid: Floats) -> None:
    """Write what each track would pay beyond the prices; at most one look a slot, of the cheapest sensor."""
    n_falls = len(falls)
    cheap = np.empty(n_falls)
    for track in range(len(weight)):
        n = 0
        row = starts[track]
        while row < starts[track + 1]:
            slot = option[row, 1]
            best = price[option[row, 0], slot]
            row += 1
            while row < starts[track + 1] and option[row, 1] == slot:
                best = min(best, price[option[row, 0], slot])
                row += 1
            if n == n_falls and best >= cheap[n - 1]:
                continue
            at = n if n < n_falls else n_falls - 1
            while at > 0 and cheap[at - 1] > best:
                cheap[at] = cheap[at - 1]
                at -= 1
            cheap[at] = best
            n = min(n + 1, n_falls)
        total = 0.0
        for k in range(n):
            total += max(0.0, weight[track] * falls[k] - cheap[k])
        paid[track] = total


@kernel
def _auction(
    option: Whole,
    starts: Whole,
    weight: Floats,
    falls: Floats,
    base: Whole,
    step: float,
    bids: int,
    holder: Whole,
    paid: Floats,
    asking: Floats,
    held: Flags,
    count: Whole,
    queue: Whole,
    waits: Flags,
    place: Whole,
) -> None:
    """Let so many bids be made: who wants a look more outbids who has it; `place` is the queue's head and length."""
    n_tracks, n_slots = len(weight), asking.shape[1]
    while place[1] > 0 and bids > 0:
        track = queue[place[0]]
        place[0], place[1] = (place[0] + 1) % n_tracks, place[1] - 1
        waits[track] = False
        while count[track] < len(falls):
            limit = weight[track] * falls[count[track]]
            first, second, first_row = limit, limit, -1
            row = starts[track]
            while row < starts[track + 1]:
                slot, least, least_row, next_least, is_mine = option[row, 1], np.inf, -1, np.inf, False
                while row < starts[track + 1] and option[row, 1] == slot:
                    asked = asking[option[row, 0], slot]
                    if held[row]:
                        is_mine = True
                    if asked < least:
                        least, least_row, next_least = asked, row, least
                    elif asked < next_least:
                        next_least = asked
                    row += 1
                if is_mine:
                    continue
                if least < first:
                    second = min(first, next_least)
                    first, first_row = least, least_row
                elif least < second:
                    second = least
            bids -= 1
            if first_row < 0:
                break
            sensor, slot = option[first_row, 0], option[first_row, 1]
            begin, end = base[sensor * n_slots + slot], base[sensor * n_slots + slot + 1]
            seat = begin
            for k in range(begin, end):
                if holder[k] < 0:
                    seat = k
                    break
                if paid[k] < paid[seat]:
                    seat = k
            if holder[seat] >= 0:
                loser = option[holder[seat], 2]
                held[holder[seat]] = False
                count[loser] -= 1
                paid[seat] = second + step
                if not waits[loser] and loser != track:
                    waits[loser] = True
                    queue[(place[0] + place[1]) % n_tracks] = loser
                    place[1] += 1
            holder[seat] = first_row
            held[first_row] = True
            count[track] += 1
            lowest = paid[begin]
            for k in range(begin, end):
                lowest = min(lowest, paid[k] if holder[k] >= 0 else 0.0)
            asking[sensor, slot] = lowest


@kernel
def _greedy(option: Whole, starts: Whole, order: Whole, left: Whole, demand: Whole, picked: Flags) -> None:
    """Mark the options of a greedy plan; `order` is which track is served next, `left` the looks that are left."""
    for track in order:
        best, best_row = -1.0, -1
        row = starts[track]
        while row < starts[track + 1]:
            slot = option[row, 1]
            first, is_taken = row, False
            while row < starts[track + 1] and option[row, 1] == slot:
                is_taken = is_taken or picked[row]
                row += 1
            if is_taken:
                continue
            for k in range(first, row):
                spare = left[option[k, 0], slot]
                if spare > 0:
                    share = spare / max(1, demand[option[k, 0], slot])
                    if share > best:
                        best, best_row = share, k
        if best_row >= 0:
            picked[best_row] = True
            left[option[best_row, 0], option[best_row, 1]] -= 1
