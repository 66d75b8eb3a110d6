"""Which sensor looks where: brute force on small cases, scipy's linear programme, and prices that prove it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from noroshi.advice.looks import FALLS, SMALL, advise, bound_by, greedy, looks, reward_of, solve


def still():
    return 0.0


def random_problem(rng, sensors, slots, tracks, density, most=2):
    capacity = rng.integers(0, most + 1, (sensors, slots))
    weight = np.round(rng.uniform(0.0, 10.0, tracks), 2)
    return looks(capacity, weight, rng.random((sensors, slots, tracks)) < density)


def best_by_brute_force(problem):
    """Try all sets of options, with rules written anew."""
    rows, best = problem.option.tolist(), 0.0
    for chosen in itertools.product((False, True), repeat=len(rows)):
        picked = [row for row, is_in in zip(rows, chosen, strict=True) if is_in]
        seats, pairs = {}, set()
        for sensor, slot, track in picked:
            seats[sensor, slot] = seats.get((sensor, slot), 0) + 1
            pairs.add((slot, track))
        if len(pairs) < len(picked) or any(n > problem.capacity[seat] for seat, n in seats.items()):
            continue
        reward = 0.0
        for track, weight in enumerate(problem.weight.tolist()):
            number = sum(row[2] == track for row in picked)
            reward += weight * sum((1.0, 0.5, 0.25, 0.125)[:number])
        best = max(best, reward)
    return best


def test_brute_force_agrees():
    rng, n_better = np.random.default_rng(1), 0
    for _ in range(200):
        problem = random_problem(rng, 2, 3, 3, 0.4)
        while len(problem.option) > 8:
            problem = random_problem(rng, 2, 3, 3, 0.4)
        plan = advise(problem, time_limit_s=10.0, clock=still, gap=0.0)
        best = best_by_brute_force(problem)
        assert plan.reward == pytest.approx(best, abs=1e-9)
        assert plan.bound == pytest.approx(best, abs=1e-6)
        n_better += plan.reward > plan.greedy_reward + 1e-9
    assert n_better > 3


def test_bidding_alone_comes_as_near_as_it_says_and_the_programme_agrees(monkeypatch):
    """The linear programme (HiGHS) is the oracle of the auction."""
    from noroshi.advice import looks as module

    monkeypatch.setattr(module, "SMALL", 0)
    rng = np.random.default_rng(2)
    for tracks, density in ((60, 0.3), (200, 0.1), (150, 0.5)):
        problem = random_problem(rng, 5, 8, tracks, density, most=3)
        plan = advise(problem, time_limit_s=10.0, clock=still, gap=1e-3)
        exact = solve(problem, time_limit_s=60.0)
        optimum = reward_of(problem, exact[0])
        assert bound_by(problem, exact[1]) == pytest.approx(optimum, rel=1e-9)
        assert plan.greedy_reward <= plan.reward <= optimum + 1e-9
        assert plan.bound >= optimum - 1e-9
        assert 0.0 <= plan.gap <= 1e-3
        assert plan.solver in ("auction", "greedy")


def test_any_prices_prove_a_bound():
    rng = np.random.default_rng(3)
    problem = random_problem(rng, 4, 5, 40, 0.4)
    optimum = reward_of(problem, solve(problem, time_limit_s=60.0)[0])
    for _ in range(200):
        price = rng.exponential(rng.choice((0.1, 1.0, 5.0)), problem.capacity.shape)
        assert bound_by(problem, price) >= optimum - 1e-9
    with pytest.raises(ValueError, match="not negative"):
        bound_by(problem, np.full(problem.capacity.shape, -1.0))


def test_a_plan_that_may_not_be_is_refused():
    problem = looks(np.array([[1]]), np.array([1.0, 2.0]), np.ones((1, 1, 2), bool))
    assert reward_of(problem, greedy(problem)) == 2.0
    with pytest.raises(ValueError, match="too much"):
        reward_of(problem, np.array([0, 1]))
    twice = looks(np.array([[1], [1]]), np.array([1.0]), np.ones((2, 1, 1), bool))
    with pytest.raises(ValueError, match="too much"):
        reward_of(twice, np.array([0, 1]))
    with pytest.raises(ValueError, match="not negative"):
        looks(np.array([[1]]), np.array([-1.0]), np.ones((1, 1, 1), bool))


def test_time_that_is_over_leaves_the_greedy_plan_and_its_gap():
    rng = np.random.default_rng(4)
    problem = random_problem(rng, 4, 5, 40, 0.4)
    times = iter(range(1000))
    plan = advise(problem, time_limit_s=0.0, clock=lambda: float(next(times)))
    assert plan.solver == "greedy"
    assert plan.reward == plan.greedy_reward <= plan.bound
    assert len(problem.option) < SMALL
    assert plan.inputs == problem.digest
    better = advise(problem, time_limit_s=10.0, clock=still)
    told = better.told(plan)
    assert told["objective"] == better.reward >= told["alternatives"][0]["objective"]
    assert told["changed"]["kept"] + told["changed"]["new"] == told["looks"] == len(better.chosen)
    assert sum(FALLS) < 2.0


def test_nothing_to_look_at_is_no_fault():
    empty = looks(np.zeros((1, 1), np.int64), np.zeros(0), np.zeros((1, 1, 0), bool))
    plan = advise(empty, time_limit_s=1.0, clock=still)
    assert (plan.reward, plan.bound, plan.gap, len(plan.chosen)) == (0.0, 0.0, 0.0, 0)
    blind = looks(np.zeros((2, 2), np.int64), np.ones(3), np.ones((2, 2, 3), bool))
    assert advise(blind, time_limit_s=1.0, clock=still).reward == 0.0


def test_without_a_look_that_matters_most_brute_force_agrees():
    rng, n_moved = np.random.default_rng(7), 0
    for _ in range(40):
        problem = random_problem(rng, 2, 3, 3, 0.4)
        while not 2 < len(problem.option) <= 8:
            problem = random_problem(rng, 2, 3, 3, 0.4)
        plan = advise(problem, time_limit_s=10.0, clock=still, gap=0.0, alternatives=2)
        rows = problem.option.tolist()
        values = []
        for row in plan.chosen.tolist():
            left = replace(problem, option=np.delete(problem.option, row, axis=0))
            values.append((best_by_brute_force(left), tuple(rows[row])))
        assert [one.reward for one in plan.others] == pytest.approx(sorted(value for value, _ in values)[:2])
        for one in plan.others:
            assert one.reward == pytest.approx({look: value for value, look in values}[one.without])
            assert one.bound == pytest.approx(one.reward, abs=1e-6)
            assert reward_of(problem, one.chosen) == one.reward <= plan.reward
            assert list(one.without) not in problem.option[one.chosen].tolist()
            n_moved += len(np.setdiff1d(one.chosen, plan.chosen)) > 0
        told = plan.told()["alternatives"]
        assert [one["objective"] for one in told] == [plan.greedy_reward, *(one.reward for one in plan.others)]
    assert n_moved > 20


def test_time_that_is_over_leaves_no_alternatives():
    problem = random_problem(np.random.default_rng(4), 4, 5, 40, 0.4)
    times = iter(range(1000))
    assert advise(problem, time_limit_s=0.0, clock=lambda: float(next(times)), alternatives=2).others == ()
