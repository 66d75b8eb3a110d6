"""Who covers what when something fails: so many sites that the most people stay covered after the worst loss of some.

An area is covered by a chosen site within reach of it. The value of a choice is what is still covered after the loss of
those r of its sites that hurts most; r = 0 is plain maximal covering.

One programme knows all losses: of each area it says whether no chosen site reaches it, this one alone, these two alone,
or more than fail, so what a loss costs is a sum. That the worst loss costs no less than the mean one, which whole
numbers obey by themselves, is a row of its own: without it fractions of sites hardly feel a loss.

Source: Church, ReVelle, "The maximal covering location problem", Papers of the Regional Science Association 32 (1974);
for the loss of sites O'Hanley, Church, "Designing robust coverage networks to hedge against worst-case facility
losses", European Journal of Operational Research 209 (2011).
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array

LOSSES_MAX = 2
Clock = Callable[[], float]
Loss = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Covering:
    """The problem: n sites and m areas.

    Attributes:
        covers: (n, m) whether a site reaches an area.
        weight: (m,) what each area counts, for instance people.
        number: how many sites are chosen.
        losses: how many of them fail, at most 2.
    """

    covers: NDArray[np.bool_]
    weight: NDArray[np.float64]
    number: int
    losses: int

    def __post_init__(self) -> None:
        n, m = self.covers.shape
        if not 0 <= self.losses <= min(LOSSES_MAX, self.number) or not 0 < self.number <= n or len(self.weight) != m:
            raise ValueError(f"{self.number} of {n} sites, of which at most {LOSSES_MAX} fail, over {m} areas")
        if not (np.isfinite(self.weight) & (self.weight >= 0.0)).all():
            raise ValueError("weights are finite and not negative")

    @property
    def digest(self) -> str:
        """SHA-256 of the problem, in hexadecimal."""
        running = hashlib.sha256(f"{self.covers.shape} {self.number} {self.losses}".encode())
        running.update(np.ascontiguousarray(self.covers).tobytes())
        running.update(np.ascontiguousarray(self.weight, np.float64).tobytes())
        return running.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class SitePlan:
    """The advice.

    Attributes:
        chosen: sites, rising.
        value: what stays covered after the worst loss.
        loss: which loss that is.
        nominal: what is covered while nothing fails.
        bound: that no choice exceeds, as the solver says.
        greedy, greedy_value: the greedy plan, and what stays of it.
        inputs: digest of the problem.
        others: the next best choices that were found, the best first: sites, and what stays of them.
    """

    chosen: tuple[int, ...]
    value: float
    loss: Loss
    nominal: float
    bound: float
    greedy: tuple[int, ...]
    greedy_value: float
    inputs: str
    others: tuple[tuple[tuple[int, ...], float], ...] = ()

    @property
    def gap(self) -> float:
        """How much better a choice could be at most, as a share of the bound."""
        return (self.bound - self.value) / self.bound if self.bound > 0.0 else 0.0

    def told(self, before: "SitePlan | None" = None) -> dict[str, Any]:
        """Return what a recommendation is to say of it, as plain data.

        Args:
            before: the last plan for the same sites, to say which came and went.
        """
        old = None if before is None else set(before.chosen)
        return {
            "problem": "who covers what when sites fail",
            "inputs": self.inputs,
            "solver": "HiGHS",
            "objective": self.value,
            "bound": self.bound,
            "gap": self.gap,
            "alternatives": [
                {"plan": "greedy", "sites": list(self.greedy), "objective": self.greedy_value},
                *({"plan": "next best", "sites": list(sites), "objective": value} for sites, value in self.others),
            ],
            "sites": list(self.chosen),
            "worst_loss": list(self.loss),
            "changed": None
            if old is None
            else {"new": sorted(set(self.chosen) - old), "gone": sorted(old - set(self.chosen))},
        }


def worst_losses(problem: Covering, chosen: Sequence[int]) -> list[tuple[float, Loss]]:
    """Return what stays covered after each loss of so many of the chosen sites, the worst first."""
    sites = sorted(chosen)
    covers = problem.covers[sites]
    count = covers.sum(0)
    total = float(problem.weight[count > 0].sum())
    alone = (covers & (count == 1)) @ problem.weight
    if problem.losses == 0:
        return [(total, ())]
    if problem.losses == 1 or len(sites) < 2:
        single: list[tuple[float, Loss]] = [(total - float(alone[k]), (site,)) for k, site in enumerate(sites)]
        return sorted(single)
    two = covers & (count == 2)
    both = (two * problem.weight) @ two.T
    pairs = combinations(range(len(sites)), 2)
    return sorted((total - float(alone[i] + alone[j] + both[i, j]), (sites[i], sites[j])) for i, j in pairs)


def value_of(problem: Covering, chosen: Sequence[int]) -> float:
    """Return what stays covered after the worst loss."""
    return worst_losses(problem, chosen)[0][0]


def greedy(problem: Covering) -> tuple[int, ...]:
    """Return the plan that takes the site first that adds most, without a thought of losses."""
    chosen: list[int] = []
    left = problem.weight.astype(np.float64).copy()
    for _ in range(problem.number):
        gains = problem.covers @ left
        gains[chosen] = -1.0
        site = int(np.argmax(gains))
        chosen.append(site)
        left[problem.covers[site]] = 0.0
    return tuple(sorted(chosen))


def improved(problem: Covering, chosen: Sequence[int], *, ends_s: float, clock: Clock) -> tuple[int, ...]:
    """Return a plan that no swap of one site makes better, or as far as the time suffices."""
    best = tuple(sorted(chosen))
    value = value_of(problem, best)
    while clock() < ends_s:
        swaps = [(value_of(problem, swapped), swapped) for swapped in _swapped(problem, best)]
        top = max(swaps, key=lambda one: (one[0], [-site for site in one[1]]), default=(value, best))
        if top[0] <= value:
            break
        value, best = top
    return best


def advise(
    problem: Covering, *, time_limit_s: float, clock: Clock, gap: float = 1e-4, alternatives: int = 0
) -> SitePlan:
    """Return a choice of sites, how good it is, and which come next.

    Args:
        problem: the problem.
        time_limit_s: how long to go on.
        clock: tells seconds; the caller's, since this room has none.
        gap: near enough, as a share of the bound.
        alternatives: how many other choices are wanted: the next best as far as the time suffices, else the best that
            differ by one site.
    """
    ends_s = clock() + time_limit_s
    plain = greedy(problem)
    best = improved(problem, plain, ends_s=clock() + time_limit_s / 4.0, clock=clock)
    value = value_of(problem, best)
    bound = float(problem.weight[problem.covers.any(0)].sum())
    programme = _programme(problem)
    for whole in (False, True):  # the programme over fractions of sites alone is a bound already
        left_s = ends_s - clock()
        if bound - value <= gap * bound or left_s <= 0.0:
            break
        chosen, told = _solve(problem, programme, left_s, programme.near(gap, value), whole=whole)
        bound = min(bound, told)
        if chosen is not None:
            polished = improved(problem, chosen, ends_s=min(ends_s, clock() + time_limit_s / 20.0), clock=clock)
            best = max(best, chosen, polished, key=lambda choice: value_of(problem, choice))
            value = value_of(problem, best)
    lost = worst_losses(problem, best)[0]
    nominal = float(problem.weight[problem.covers[list(best)].any(0)].sum())
    others = _others(problem, programme, (best, value), alternatives, ends_s, clock, gap) if alternatives else ()
    return SitePlan(
        best, value, lost[1], nominal, max(bound, value), plain, value_of(problem, plain), problem.digest, others
    )


Choice = tuple[tuple[int, ...], float]


def _others(
    problem: Covering, programme: "_Programme", best: Choice, number: int, ends_s: float, clock: Clock, gap: float
) -> tuple[Choice, ...]:
    """Return the next best choices: the programme without those that are known, and beside it swaps of one site."""
    found = {sites: value_of(problem, sites) for sites in _swapped(problem, best[0])}
    taken = [best[0]]
    while len(taken) <= number and (left_s := ends_s - clock()) > 0.0:
        near = programme.near(gap, best[1])
        chosen, _ = _solve(problem, programme, left_s, near, whole=True, without=taken)
        if chosen is None:
            break
        found[chosen] = value_of(problem, chosen)
        taken.append(min((one for one in found if one not in taken), key=lambda one: (-found[one], one)))
    return tuple(sorted(found.items(), key=lambda one: (-one[1], one[0]))[:number])


def _swapped(problem: Covering, chosen: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the choices that differ from one by one site."""
    sites = [site for site in range(len(problem.covers)) if site not in chosen]
    return [tuple(sorted({*chosen, site} - {out})) for out in chosen for site in sites]


@dataclass(frozen=True, slots=True, eq=False)
class _Programme:
    """What is least, rows within limits, and the weight of all areas that some site reaches.

    Columns are the sites, what the worst loss costs, and then of each sort of areas and each set of at most `losses` of
    the sites in reach whether it is this set that reaches it, and whether more do.
    """

    cost: NDArray[np.float64]
    rows: csr_array
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    weight: float

    def near(self, gap: float, value: float) -> float:
        """Return what a share of what is covered is of what is not: that is what the programme counts."""
        return gap * value / max(self.weight - value, gap)


def _programme(problem: Covering) -> _Programme:
    """Return the programme; areas that the same sites reach are one.

    For two losses it grows with the square of how many sites reach an area.
    """
    kinds, kind = np.unique(problem.covers, axis=1, return_inverse=True)
    weight = np.bincount(np.ravel(kind), weights=problem.weight, minlength=kinds.shape[1])
    n, number, losses = len(kinds), problem.number, problem.losses
    worst, cost = n, [0.0] * n + [1.0]
    rows: list[tuple[list[int], list[float], float, float]] = [([*range(n)], [1.0] * n, number, number)]
    costs: dict[Loss, list[tuple[int, float]]] = {}  # by set of sites: columns, and what they are worth
    for area in np.nonzero(kinds.any(0))[0].tolist():
        near, worth = np.nonzero(kinds[:, area])[0].tolist(), float(weight[area])
        sets = [some for size in range(losses + 1) for some in combinations(near, size)]
        column = {some: len(cost) + k for k, some in enumerate(sets)}
        more = len(cost) + len(sets)
        cost += [0.0 if some else worth for some in sets] + [0.0]
        rows.append(([*column.values(), more], [1.0] * (len(sets) + 1), 1.0, 1.0))
        for site in near:
            mine = [column[some] for some in sets if site in some]
            rows.append(([*mine, site], [1.0] * len(mine) + [-1.0], -np.inf, 0.0))
            rows.append(([*mine, more, site], [1.0] * (len(mine) + 1) + [-1.0], 0.0, np.inf))
        count = [float(len(some)) for some in sets]
        rows.append(([*column.values(), more, *near], [*count, losses + 1.0, *[-1.0] * len(near)], -np.inf, 0.0))
        for some in sets[1:]:
            costs.setdefault(some, []).append((column[some], worth))
    number_of = comb(number, losses)
    mean = {
        place: -worth * comb(number - len(some), losses - len(some)) / number_of
        for some, told in costs.items()
        for place, worth in told
    }
    rows.append(([worst, *mean], [1.0, *mean.values()], 0.0, np.inf))
    alone = [len(cost) + site for site in range(n)]  # what a site alone reaches: so rows of pairs are short
    cost += [0.0] * n
    for site in range(n):
        told = costs.get((site,), [])
        rows.append(([alone[site], *(place for place, _ in told)], [-1.0, *(worth for _, worth in told)], 0.0, 0.0))
    for lost in combinations(range(n), losses) if losses else ():
        both = costs.get(lost, []) if losses == 2 else []
        columns = [worst, *(alone[site] for site in lost), *(place for place, _ in both)]
        rows.append((columns, [1.0, *[-1.0] * losses, *(-worth for _, worth in both)], 0.0, np.inf))
    at = np.repeat(np.arange(len(rows)), [len(row[0]) for row in rows])
    values = np.concatenate([row[1] for row in rows])
    matrix = coo_array((values, (at, np.concatenate([row[0] for row in rows]))), shape=(len(rows), len(cost)))
    low, high = np.array([row[2:] for row in rows], np.float64).T
    return _Programme(np.array(cost), csr_array(matrix), low, high, float(weight[kinds.any(0)].sum()))


def _solve(
    problem: Covering,
    programme: _Programme,
    time_limit_s: float,
    gap: float,
    *,
    whole: bool,
    without: Sequence[tuple[int, ...]] = (),
) -> tuple[tuple[int, ...] | None, float]:
    """Return the best choice that was found in time, None if none was or sites may be in fractions, and its bound.

    Of the sites of a choice that it is to be without, one at least is left out.
    """
    n, size = len(problem.covers), len(programme.cost)
    upper = np.full(size, np.inf)
    upper[:n] = 1.0
    answer = milp(
        programme.cost,
        integrality=np.arange(size) < (n if whole else 0),
        bounds=Bounds(np.zeros(size), upper),
        constraints=[
            LinearConstraint(programme.rows, programme.low, programme.high),
            *(LinearConstraint(np.isin(np.arange(size), one), 0.0, len(one) - 1.0) for one in without),
        ],
        options={"time_limit": time_limit_s, "mip_rel_gap": gap / 2.0},
    )
    least = answer.fun if not whole and answer.status == 0 else answer.mip_dual_bound
    told = np.inf if least is None else programme.weight - float(least)
    if answer.x is None or not whole:
        return None, told
    return tuple(int(site) for site in np.nonzero(answer.x[:n] > 0.5)[0]), told
