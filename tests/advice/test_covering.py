"""Who covers what when sites fail: brute force over choices and losses, and a bound that no choice exceeds."""

import itertools

import numpy as np
import pytest

from noroshi.advice.covering import Covering, advise, greedy, value_of, worst_losses

FEASIBLE = 1e-6  # HiGHS's own tolerance of whole numbers and of rows


def still():
    return 0.0


def stays_covered(problem, chosen, lost):
    kept = [site for site in chosen if site not in lost]
    return sum(w for area, w in enumerate(problem.weight.tolist()) if any(problem.covers[site, area] for site in kept))


def worst_by_brute_force(problem, chosen):
    return min(stays_covered(problem, chosen, lost) for lost in itertools.combinations(chosen, problem.losses))


def random_problem(rng, sites=7, areas=9, number=4, losses=1, density=0.35):
    return Covering(rng.random((sites, areas)) < density, rng.integers(1, 20, areas).astype(float), number, losses)


def test_the_worst_loss_is_the_worst():
    rng = np.random.default_rng(1)
    for _ in range(200):
        problem = random_problem(rng, losses=int(rng.integers(0, 3)))
        chosen = tuple(rng.permutation(7)[:4].tolist())
        told, loss = worst_losses(problem, chosen)[0]
        assert told == value_of(problem, chosen) == worst_by_brute_force(problem, chosen)
        assert stays_covered(problem, chosen, loss) == told


@pytest.mark.parametrize("losses", [0, 1, 2])
def test_brute_force_agrees(losses):
    rng, n_better = np.random.default_rng(10 + losses), 0
    for _ in range(25):
        problem = random_problem(rng, losses=losses)
        plan = advise(problem, time_limit_s=30.0, clock=still, gap=1e-9)
        best = max(worst_by_brute_force(problem, chosen) for chosen in itertools.combinations(range(7), 4))
        assert plan.value == best == worst_by_brute_force(problem, plan.chosen)
        assert plan.bound == pytest.approx(best, abs=FEASIBLE * problem.weight.sum())
        assert plan.greedy_value == worst_by_brute_force(problem, greedy(problem)) <= best
        assert plan.nominal == stays_covered(problem, plan.chosen, ())
        n_better += plan.value > plan.greedy_value
    assert n_better > 0 or losses == 0  # of so few sites the greedy plan is the best, if none fails


def test_a_bound_holds_when_the_time_is_short():
    rng = np.random.default_rng(3)
    problem = random_problem(rng, sites=9, areas=25, number=4, losses=2)
    times = iter(np.arange(0.0, 100.0, 0.4).tolist())
    short = advise(problem, time_limit_s=1.0, clock=lambda: next(times))
    exact = advise(problem, time_limit_s=60.0, clock=still)
    assert short.value <= exact.value <= short.bound + FEASIBLE * problem.weight.sum()
    assert exact.gap <= 1e-4
    assert short.inputs == exact.inputs
    told = exact.told(short)
    assert (told["objective"], told["gap"]) == (exact.value, exact.gap)
    assert set(short.chosen) - set(told["changed"]["gone"]) | set(told["changed"]["new"]) == set(exact.chosen)


@pytest.mark.parametrize(("number", "losses"), [(0, 0), (8, 1), (2, 3), (1, 2)])
def test_what_is_no_problem_is_refused(number, losses):
    with pytest.raises(ValueError, match="sites"):
        Covering(np.ones((7, 3), bool), np.ones(3), number, losses)


@pytest.mark.parametrize("losses", [0, 1, 2])
def test_the_next_best_choices_are_those_of_brute_force(losses):
    rng = np.random.default_rng(20 + losses)
    for _ in range(8):
        problem = random_problem(rng, losses=losses)
        plan = advise(problem, time_limit_s=30.0, clock=still, gap=1e-9, alternatives=3)
        every = [worst_by_brute_force(problem, one) for one in itertools.combinations(range(7), 4)]
        assert [plan.value, *(value for _, value in plan.others)] == sorted(every)[:-5:-1]
        assert len({plan.chosen, *(sites for sites, _ in plan.others)}) == 4
        assert all(value == worst_by_brute_force(problem, sites) for sites, value in plan.others)
        assert [one["sites"] for one in plan.told()["alternatives"][1:]] == [list(sites) for sites, _ in plan.others]


def test_without_time_the_next_best_are_one_site_away():
    problem = random_problem(np.random.default_rng(3), sites=9, areas=25, number=4, losses=2)
    times = iter(np.arange(0.0, 100.0, 0.4).tolist())
    plan = advise(problem, time_limit_s=0.1, clock=lambda: next(times), alternatives=2)
    assert [len(set(sites) - set(plan.chosen)) for sites, _ in plan.others] == [1, 1]
