"""The bench of thresholds: who is told when, who needlessly, who is missed, by launches worked out by hand."""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np

BENCH = Path(__file__).parents[2] / "bench" / "warning_thresholds.py"
SPEC = importlib.util.spec_from_file_location("warning_thresholds", BENCH)
bench = importlib.util.module_from_spec(SPEC)
sys.modules["warning_thresholds"] = bench
SPEC.loader.exec_module(bench)


def launch(probability, *, boosting=(True, False, False, False), passes=(True, False), comes_s=500.0):
    """Return one launch looked at four times, of two prefectures: the first is passed over, the second not."""
    n = len(probability)
    return bench.Watched(
        kind="lofted", look_s=np.array([100.0, 150.0, 155.0, 160.0])[:n], boosting=np.array(boosting)[:n],
        probability=np.array([probability, probability]), passes=np.array(passes),
        first_s=np.array([comes_s, math.nan]),
        cell_s=np.array([comes_s]), cell_people=np.array([1_000.0]), cell_area=np.array([0]), burn_out_s=140.0,
    )  # fmt: skip


PEOPLE = np.array([5_000.0, 9_000.0])


def test_told_when_likely_enough_after_the_wait_and_the_approval():
    one = launch([[0.4, 0.4], [0.2, 0.4], [0.6, 0.1], [0.7, 0.0]])
    np.testing.assert_array_equal(bench.told_s(one, 0, 0.3, 0.5, 0.0), [155.0 + 25.0, 150.0 + 25.0])
    np.testing.assert_array_equal(bench.told_s(one, 0, 0.3, 0.3, 0.0), [100.0 + 25.0] * 2)
    np.testing.assert_array_equal(bench.told_s(one, 0, 0.3, 0.5, 5.0), [160.0 + 25.0, np.inf])
    np.testing.assert_array_equal(bench.told_s(one, 0, 0.8, 1.01, 0.0), [np.inf] * 2)


def test_needless_are_people_of_prefectures_that_nothing_comes_near_to():
    one = launch([[0.4, 0.4], [0.2, 0.4], [0.6, 0.1], [0.7, 0.0]])
    told = bench.judged([one], PEOPLE, (0, 0.3, 0.5, 0.0))
    assert told["needless"] == 9_000.0
    assert told["missed"] == 0.0
    assert bench.judged([one], PEOPLE, (0, 0.8, 1.01, 0.0))["missed"] == 1.0


def test_who_cannot_be_told_three_minutes_ahead_is_not_counted_as_missed():
    late = launch([[0.0, 0.0]] * 4, comes_s=140.0 + 20.0 + 25.0 + 179.0)
    told = bench.judged([late], PEOPLE, (0, 0.3, 0.5, 0.0))
    assert told["missed"] == 0.0
    assert told["not_told_before_it_came_by"]["lofted"] == 1_000.0


def test_an_all_clear_before_it_has_passed_is_counted():
    one = launch([[0.6, 0.0], [0.6, 0.0], [0.1, 0.0], [0.1, 0.0]])
    assert bench.cleared_early([one], (0, 0.3, 0.5, 0.0), 0.2) == 0  # for five seconds alone
    longer = launch([[0.6, 0.0], [0.1, 0.0], [0.1, 0.0], [0.1, 0.0]])
    longer.look_s[:] = 100.0, 150.0, 160.0, 175.0
    assert bench.cleared_early([longer], (0, 0.3, 0.5, 0.0), 0.2) == 1
    assert bench.cleared_early([longer], (0, 0.3, 0.5, 0.0), 0.05) == 0
