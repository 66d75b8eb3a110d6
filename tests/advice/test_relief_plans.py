"""What goes to which place: brute force on small cases, prices that prove a bound, and a greedy plan beside it."""

import itertools

import numpy as np
import pytest

from noroshi.advice.relief import FALLS, Prices, Relief, advise, bound_by, greedy, worth_of


def still():
    return 0.0


def random_problem(rng, depots=2, vehicles=2, places=2, sorts=1, most=4):
    trip_s = rng.integers(2, 6, (vehicles, places)).astype(float)
    trip_s[rng.random(trip_s.shape) < 0.15] = np.inf
    return Relief(
        stock=rng.integers(0, most, (depots, sorts)).astype(float),
        need=2.0 * rng.integers(0, 3, (places, sorts)),
        weight=np.round(rng.uniform(0.0, 9.0, (places, sorts)), 1),
        size=rng.integers(1, 3, sorts).astype(float),
        depot=rng.integers(0, depots, vehicles),
        holds=rng.integers(1, 4, vehicles).astype(float),
        trip_s=trip_s,
        time_s=rng.integers(3, 9, vehicles).astype(float),
    )


def best_by_brute_force(problem, step=0.5):
    """Try all whole trips and all loads in steps, with rules written anew; loads of such numbers are in these steps."""
    n_depots, n_sorts = problem.stock.shape
    n_vehicles, n_places = problem.trip_s.shape
    ways = [(d, p, c) for d in range(n_depots) for p in range(n_places) for c in range(n_sorts)]
    axes = [np.arange(0.0, min(problem.stock[d, c], problem.need[p, c]) + step / 2, step) for d, p, c in ways]
    grid = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
    at = {way: grid[k] for k, way in enumerate(ways)}
    fits = np.ones(grid.shape[1], bool)
    for d, c in itertools.product(range(n_depots), range(n_sorts)):
        fits &= sum(at[d, p, c] for p in range(n_places)) <= problem.stock[d, c] + 1e-9
    worth = np.zeros(grid.shape[1])
    for p, c in itertools.product(range(n_places), range(n_sorts)):
        came = np.minimum(sum(at[d, p, c] for d in range(n_depots)), problem.need[p, c])
        half = problem.need[p, c] / 2
        worth += problem.weight[p, c] * (np.minimum(came, half) + 0.5 * np.maximum(came - half, 0.0))
    room = {(d, p): sum(at[d, p, c] * problem.size[c] for c in range(n_sorts))
            for d in range(n_depots) for p in range(n_places)}  # fmt: skip
    best, seen = 0.0, set()
    for flat in itertools.product(range(5), repeat=n_vehicles * n_places):
        trips = np.reshape(flat, (n_vehicles, n_places))
        spent = [sum(trips[v, p] * problem.trip_s[v, p] for p in range(n_places) if trips[v, p])
                 for v in range(n_vehicles)]  # fmt: skip
        if any(spent[v] > problem.time_s[v] for v in range(n_vehicles)):
            continue
        has = tuple(
            sum(trips[v, p] * problem.holds[v] for v in range(n_vehicles) if problem.depot[v] == d) for d, p in room
        )
        if has in seen:
            continue
        seen.add(has)
        ok = fits.copy()
        for way, limit in zip(room, has, strict=True):
            ok &= room[way] <= limit + 1e-9
        best = max(best, worth[ok].max(initial=0.0))
    return best


@pytest.mark.parametrize(("depots", "sorts", "n"), [(2, 1, 200), (1, 2, 150)])
def test_brute_force_agrees(depots, sorts, n):
    rng, n_better = np.random.default_rng(sorts), 0
    for _ in range(n):
        problem = random_problem(rng, depots=depots, sorts=sorts)
        plan = advise(problem, time_limit_s=30.0, clock=still, gap=1e-9)
        best = best_by_brute_force(problem)
        assert plan.worth == pytest.approx(best, abs=1e-6)
        assert plan.worth == worth_of(problem, plan.trips, plan.brought)
        assert plan.bound == pytest.approx(best, abs=1e-6)
        assert plan.proven == bound_by(problem, plan.price) >= best - 1e-6
        assert plan.greedy_worth <= best + 1e-6
        n_better += plan.greedy_worth < best - 1e-6
    assert n_better > 3


def test_any_prices_prove_a_bound():
    rng = np.random.default_rng(3)
    for _ in range(20):
        problem = random_problem(rng, depots=3, vehicles=4, places=5, sorts=2, most=9)
        plan = advise(problem, time_limit_s=30.0, clock=still, gap=1e-9)
        for _ in range(20):
            scale = rng.choice([0.1, 1.0, 5.0])
            price = Prices(*(rng.exponential(scale, each.shape) for each in (plan.price.goods, plan.price.time,
                                                                            plan.price.room)))  # fmt: skip
            assert bound_by(problem, price) >= plan.worth - 1e-6


def test_a_larger_case_is_near_its_proven_bound_and_says_what_changed():
    rng = np.random.default_rng(4)
    problem = random_problem(rng, depots=4, vehicles=12, places=15, sorts=3, most=60)
    plan = advise(problem, time_limit_s=20.0, clock=still)
    assert plan.gap <= 1e-4
    assert plan.proven >= plan.bound - 1e-6
    told = plan.told(plan)
    assert told["changed"] == {"kept": int(plan.trips.sum()), "new": 0}
    assert told["alternatives"][0]["objective"] == worth_of(problem, *greedy(problem)) <= plan.worth
    assert told["inputs"] == problem.digest


def test_what_cannot_be_is_refused():
    rng = np.random.default_rng(5)
    problem = random_problem(rng)
    everything = np.full(problem.trip_s.shape, 9)
    with pytest.raises(ValueError, match="time"):
        worth_of(problem, everything, np.zeros((2, 2, 1)))
    with pytest.raises(ValueError, match="goods"):
        worth_of(problem, 0 * everything, np.full((2, 2, 1), 99.0))
    with pytest.raises(ValueError, match="room"):
        worth_of(problem, 0 * everything, np.broadcast_to(problem.stock[:, None] / 9.0 + 1e-3, (2, 2, 1)) * 1.0)
    with pytest.raises(ValueError, match="not negative"):
        bound_by(problem, Prices(-problem.stock - 1.0, problem.time_s, np.zeros((2, 2))))
    assert FALLS[0] > FALLS[1]
