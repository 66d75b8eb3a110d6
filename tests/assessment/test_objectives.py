"""Objectives: what counts, how runs are rated, and the median's interval against scipy's own."""

import math

import numpy as np
import pytest
from scipy import stats

from noroshi.assessment.intervals import median
from noroshi.assessment.objectives import Objective, Rating, judge
from noroshi.assessment.results import Figure, RunResult

LEAD = Objective(name="in time", measure="lead_time_s", unit="s", at_least=180.0, subjects=("t1",))


def run(replicate, values, *, variant="base", error="", measure="lead_time_s"):
    figures = tuple(
        Figure(measure=measure, value=value, node=node, subject=subject, shared=shared)
        for node, subject, value, shared in values
    )
    return RunResult(variant=variant, replicate=replicate, figures=figures, error=error)


def lead(replicate, *values, **more):
    return run(replicate, [("JPN", f"t1 JP-{i}", value, True) for i, value in enumerate(values)], **more)


@pytest.mark.parametrize("n", [6, 7, 9, 20, 41])
def test_the_interval_of_a_median_is_scipys(n):
    values = np.random.default_rng(n).lognormal(size=n)
    found = median(values)
    theirs = stats.quantile_test(values, p=0.5).confidence_interval(0.95)
    assert found == pytest.approx((np.median(values), theirs.low, theirs.high))


def test_too_few_and_infinite_values_have_a_median():
    assert median(np.array([1.0, math.inf])).value == math.inf
    assert median(np.ones(5)).low == -math.inf
    assert median(np.full(8, -math.inf)) == (-math.inf,) * 3
    assert math.isnan(median(np.zeros(0)).value)


@pytest.mark.parametrize(
    ("values", "rating"),
    [((200.0, 190.0), "pass"), ((200.0, 170.0), "partly"), ((100.0, -math.inf), "fail"), ((180.0,), "pass")],
)
def test_one_run(values, rating):
    (verdict,) = judge([LEAD], [lead(3, *values)], "base")
    assert (verdict.rating, verdict.n_runs, verdict.worst_replicate) == (rating, 1, 3)
    assert verdict.value.value == min(values)


def test_the_evidence_names_who_missed_and_the_runs():
    runs = [lead(0, 300.0, 250.0), lead(1, 170.0, 60.0, 400.0), lead(2, 190.0, 200.0)]
    (verdict,) = judge([LEAD], runs, "base")
    assert verdict.rating is Rating.PARTLY
    assert verdict.missed == (1,)
    assert [(each.subject, each.value) for each in verdict.worst] == [("t1 JP-1", 60.0), ("t1 JP-0", 170.0)]
    assert verdict.reached.value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("n_good", "n", "rating"),
    [(5, 5, "pass"), (0, 4, "fail"), (3, 4, "partly"), (20, 20, "pass"), (18, 20, "pass"), (17, 20, "partly"),
     (12, 20, "partly"), (3, 20, "fail"), (6, 6, "pass")],
)  # fmt: skip
def test_many_runs(n_good, n, rating):
    runs = [lead(i, 200.0 + i if i < n_good else 100.0 + i) for i in range(n)]
    (verdict,) = judge([LEAD], runs, "base")
    assert verdict.rating == rating
    assert len(verdict.missed) == n - n_good


def test_at_most_and_what_does_not_count():
    gap = Objective(name="held", measure="custody_gap_s_max", unit="s", at_most=10.0, nation="JPN", subjects=("g",))
    figures = [("JPN", "g", 8.0, True), ("JPN", "g", 80.0, False), ("USA", "g", 90.0, True), ("JPN", "g-2", 99.0, True)]
    runs = [run(0, figures, measure="custody_gap_s_max"), run(1, figures, measure="custody_gap_s_max", error="broken"),
            run(2, [("JPN", "g", 500.0, True)], measure="custody_gap_s_max", variant="other")]  # fmt: skip
    (verdict,) = judge([gap], runs, "base")
    assert (verdict.rating, verdict.value.value, verdict.n_runs) == (Rating.PASS, 8.0, 1)


def test_the_coalitions_figure_goes_before_the_nations():
    common = Objective(name="same", measure="common_picture", unit="share", at_least=0.9)
    figures = [("", "", 0.95, True), ("JPN", "", 0.2, True)]
    (verdict,) = judge([common], [run(0, figures, measure="common_picture")], "base")
    assert verdict.rating is Rating.PASS


def test_nothing_to_judge():
    (verdict,) = judge([LEAD], [lead(0, math.nan)], "base")
    assert (verdict.rating, verdict.n_runs) == (Rating.UNMEASURED, 0)
