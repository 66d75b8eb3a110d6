"""Who covers what when something fails: so many sites that the most people stay covered after the worst loss of some.

An area is covered by a chosen site within reach of it. The value of a choice is what is still covered after the loss of
those r of its sites that hurts most; r = 0 is plain maximal covering.

The programme knows only some losses at first. Its optimum is a bound, since the worst of all losses is no better than
the worst of some; the loss that is worst for its choice comes in, until bound and best choice meet or the time is over.

Source: Church, ReVelle, "The maximal covering location problem", Papers of the Regional Science Association 32 (1974);
for the loss of sites O'Hanley, Church, "Designing robust coverage networks to hedge against worst-case facility
losses", European Journal of Operational Research 209 (2011).
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, coo_array, csr_array

LOSSES_MAX = 2
LOSSES_EACH = 4  # of the worst, that come in after each round
ROUNDS_MAX = 400
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
        bound: that no choice exceeds, as the solver says, given `known` losses.
        known: the losses that the programme knew.
        greedy, greedy_value: the greedy plan, and what stays of it.
        inputs: digest of the problem.
    """

    chosen: tuple[int, ...]
    value: float
    loss: Loss
    nominal: float
    bound: float
    known: tuple[Loss, ...]
    greedy: tuple[int, ...]
    greedy_value: float
    inputs: str

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
            "alternatives": [{"plan": "greedy", "sites": list(self.greedy), "objective": self.greedy_value}],
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
        swaps = [
            (value_of(problem, swapped), swapped)
            for out in best
            for site in range(len(problem.covers))
            if site not in best
            for swapped in (tuple(sorted({*best, site} - {out})),)
        ]
        top = max(swaps, key=lambda one: (one[0], [-site for site in one[1]]), default=(value, best))
        if top[0] <= value:
            break
        value, best = top
    return best


def advise(problem: Covering, *, time_limit_s: float, clock: Clock, gap: float = 1e-4) -> SitePlan:
    """Return a choice of sites and how good it is.

    Args:
        problem: the problem.
        time_limit_s: how long to go on.
        clock: tells seconds; the caller's, since this room has none.
        gap: near enough, as a share of the bound.
    """
    ends_s = clock() + time_limit_s
    plain = greedy(problem)
    best = improved(problem, plain, ends_s=clock() + time_limit_s / 4.0, clock=clock)
    value = value_of(problem, best)
    known: list[Loss] = [()]
    _learn(problem, best, known)
    bound = float(problem.weight[problem.covers.any(0)].sum())
    for _ in range(ROUNDS_MAX):
        left_s = ends_s - clock()
        if bound - value <= gap * bound or left_s <= 0.0:
            break
        chosen, told, is_proven = _solve(problem, known, left_s, gap)
        bound = min(bound, told)
        if chosen is None:
            break
        polished = improved(problem, chosen, ends_s=min(ends_s, clock() + time_limit_s / 20.0), clock=clock)
        for choice in (chosen, polished):
            if value_of(problem, choice) > value:
                best, value = choice, value_of(problem, choice)
        before = len(known)
        _learn(problem, chosen, known)
        if len(known) == before and is_proven:
            break
    lost = worst_losses(problem, best)[0]
    nominal = float(problem.weight[problem.covers[list(best)].any(0)].sum())
    return SitePlan(
        best, value, lost[1], nominal, max(bound, value), tuple(known), plain, value_of(problem, plain), problem.digest
    )


def _learn(problem: Covering, chosen: Sequence[int], known: list[Loss]) -> None:
    for _, loss in worst_losses(problem, chosen)[:LOSSES_EACH]:
        if loss not in known:
            known.append(loss)


def _solve(
    problem: Covering, known: Sequence[Loss], time_limit_s: float, gap: float
) -> tuple[tuple[int, ...] | None, float, bool]:
    """Return the best choice against some losses, None if none was found in time, its bound, and if it is the best.

    Columns are the value, the sites, and for each loss the areas that stay covered. Areas that the same sites reach are
    one.
    """
    kinds, kind = np.unique(problem.covers, axis=1, return_inverse=True)
    weight = np.bincount(np.ravel(kind), weights=problem.weight, minlength=kinds.shape[1])
    n, m = kinds.shape
    reach = csr_array(kinds.T.astype(np.float64))
    blocks: list[list[Any]] = []
    for k, loss in enumerate(known):
        stays = np.ones(n)
        stays[list(loss)] = 0.0
        areas = [None] * len(known)
        worth, within = list[Any](areas), list[Any](areas)
        worth[k], within[k] = coo_array(-weight[None, :]), coo_array(np.eye(m))
        blocks.append([coo_array(np.ones((1, 1))), coo_array(np.zeros((1, n))), *worth])
        blocks.append([coo_array(np.zeros((m, 1))), -(reach * stays[None, :]), *within])
    matrix = block_array(blocks, format="csr")
    sites = np.zeros((1, matrix.shape[1]))
    sites[0, 1 : 1 + n] = 1.0
    cost = np.zeros(matrix.shape[1])
    cost[0] = -1.0
    whole = np.zeros(matrix.shape[1])
    whole[1 : 1 + n] = 1.0
    upper = np.ones(matrix.shape[1])
    upper[0] = weight.sum()
    answer = milp(
        cost,
        integrality=whole,
        bounds=Bounds(np.zeros(matrix.shape[1]), upper),
        constraints=[
            LinearConstraint(matrix, -np.inf, 0.0),
            LinearConstraint(csr_array(sites), problem.number, problem.number),
        ],
        options={"time_limit": time_limit_s, "mip_rel_gap": gap / 2.0},
    )
    told = np.inf if answer.mip_dual_bound is None else -float(answer.mip_dual_bound)
    if answer.x is None:
        return None, told, False
    chosen = tuple(int(site) for site in np.nonzero(answer.x[1 : 1 + n] > 0.5)[0])
    return chosen, told, answer.status == 0
