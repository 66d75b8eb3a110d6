"""The bench of thresholds: who is told when, who needlessly, who is missed, by launches worked out by hand."""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from noroshi.geo.time import NS_PER_S
from noroshi.records import Certainty, Stage
from noroshi.warning.settings import Settings
from noroshi.warning.telling import Concern, Course, Telling

BENCH = Path(__file__).parents[2] / "bench" / "warning_thresholds.py"
SPEC = importlib.util.spec_from_file_location("warning_thresholds", BENCH)
bench = importlib.util.module_from_spec(SPEC)
sys.modules["warning_thresholds"] = bench
SPEC.loader.exec_module(bench)


def launch(probability, *, boosting=(True, False, False, False), passes=(True, False), comes_s=500.0):
    """Return one launch looked at four times, of two prefectures: the first is passed over, the second not."""
    n = len(probability)
    arrival_s = np.full((n, 2), comes_s)
    return bench.Watched(
        kind="lofted", look_s=np.array([100.0, 150.0, 155.0, 160.0])[:n], boosting=np.array(boosting)[:n],
        probability=np.array(probability), arrival_s=arrival_s, passes=np.array(passes),
        first_s=np.array([comes_s, math.nan]),
        cell_s=np.array([comes_s]), cell_people=np.array([1_000.0]), cell_area=np.array([0]), burn_out_s=140.0,
    )  # fmt: skip


PEOPLE = np.array([5_000.0, 9_000.0])


def told_s(one, on, boosting, wait_s, hurry_s=0.0):
    return bench.told_s(one, bench.likely_since(one, on, boosting), wait_s, hurry_s)


def judged(one, *setting):
    return bench.judged([one], PEOPLE, [told_s(one, *setting)])


def test_told_when_likely_enough_after_the_wait_and_the_approval():
    one = launch([[0.4, 0.4], [0.2, 0.4], [0.6, 0.1], [0.7, 0.0]])
    np.testing.assert_array_equal(told_s(one, 0.3, 0.5, 0.0), [155.0 + 25.0, 150.0 + 25.0])
    np.testing.assert_array_equal(told_s(one, 0.3, 0.3, 0.0), [100.0 + 25.0] * 2)
    np.testing.assert_array_equal(told_s(one, 0.3, 0.5, 5.0), [160.0 + 25.0, np.inf])
    np.testing.assert_array_equal(told_s(one, 0.8, 1.01, 0.0), [np.inf] * 2)


def test_needless_are_people_of_prefectures_that_nothing_comes_near_to():
    one = launch([[0.4, 0.4], [0.2, 0.4], [0.6, 0.1], [0.7, 0.0]])
    told = judged(one, 0.3, 0.5, 0.0)
    assert told["needless"] == 9_000.0
    assert told["missed"] == 0.0
    assert judged(one, 0.8, 1.01, 0.0)["missed"] == 1.0


def test_who_cannot_be_told_three_minutes_ahead_is_not_counted_as_missed():
    late = launch([[0.0, 0.0]] * 4, comes_s=140.0 + 20.0 + 25.0 + 179.0)
    told = judged(late, 0.3, 0.5, 0.0)
    assert told["missed"] == 0.0
    assert told["too_late_by"]["lofted"] == 1_000.0


def test_whom_the_wait_would_cost_their_time_do_not_wait():
    one = launch([[0.4, 0.4], [0.4, 0.4], [0.2, 0.4], [0.4, 0.4]], boosting=[False] * 4)
    one.arrival_s[:, 0] = 150.0 + 99.0
    np.testing.assert_array_equal(told_s(one, 0.3, 0.5, 60.0, 100.0), [150.0 + 25.0, 160.0 + 25.0])
    np.testing.assert_array_equal(told_s(one, 0.3, 0.5, 60.0, 90.0), [160.0 + 25.0, 160.0 + 25.0])
    np.testing.assert_array_equal(told_s(one, 0.3, 0.5, 61.0, 0.0), [np.inf, np.inf])


def test_a_single_look_tells_nobody():
    one = launch([[0.0, 0.4], [0.4, 0.4], [0.0, 0.4], [0.4, 0.4]], boosting=[False] * 4)
    one.arrival_s[:] = 150.0
    np.testing.assert_array_equal(told_s(one, 0.3, 0.5, 60.0, 300.0), [np.inf, 150.0 + 25.0])


@pytest.mark.parametrize("wait_s", [0.0, 5.0, 15.0])
@pytest.mark.parametrize("hurry_s", [0.0, 180.0])
def test_told_as_the_program_tells_it(wait_s, hurry_s):
    """Against `warning.telling` itself, look by look, on likelihoods that rise and fall."""
    rng = np.random.default_rng(4)
    n, areas, on, under_thrust = 30, 40, 0.4, 0.7
    probability = np.clip(np.linspace(0.2, 0.8, n)[:, None] + rng.normal(0.0, 0.25, (n, areas)), 0.0, 1.0)
    look_s = 60.0 + 5.0 * np.arange(n)
    arrival_s = look_s[:, None] + rng.uniform(100.0, 600.0, areas) - 3.0 * np.arange(n)[:, None]
    boosting = np.arange(n) < 15
    one = bench.Watched(
        kind="short", look_s=look_s, boosting=boosting, probability=probability,
        arrival_s=arrival_s, passes=np.ones(areas, bool), first_s=arrival_s[-1],
        cell_s=np.zeros(0), cell_people=np.zeros(0), cell_area=np.zeros(0, int), burn_out_s=130.0,
    )  # fmt: skip
    settings = Settings(probability_on=on, probability_off=0.0, wait_s=wait_s, hurry_s=hurry_s)
    telling, told = Telling(), np.full(areas, np.inf)
    for i, at_s in enumerate(look_s.tolist()):
        concerns = [
            Concern(str(a), "", float(probability[i, a]), 1.0, round(arrival_s[i, a] * NS_PER_S), 2_000 * NS_PER_S)
            for a in range(areas)
        ]
        course = Course(
            name="x", threat_id=1, hazard="missile", stage=Stage.WILL_PASS, certainty=Certainty.LIKELY,
            time_ns=round(at_s * NS_PER_S), updated_ns=round(at_s * NS_PER_S), is_lost=False,
            enough=under_thrust if boosting[i] else 0.0,
        )  # fmt: skip
        telling.look(concerns, course, "XXX", settings)
        told[[int(code) for code in telling.warned if np.isinf(told[int(code)])]] = at_s + bench.APPROVAL_S
    np.testing.assert_array_equal(told_s(one, on, under_thrust, wait_s, hurry_s), told)
    assert np.isfinite(told).sum() > 0


def test_the_criterion_takes_the_least_late_before_the_fewest_needless_and_of_equals_the_sooner():
    row = {"on": 0.3, "boosting": 0.9, "wait_s": 5.0, "hurry_s": 0.0, "near": 1e6}
    good = row | {"missed": 0.001, "too_late": 1_000.0, "needless": 50.0}
    rows = [
        row | {"missed": 0.002, "too_late": 0.0, "needless": 0.0},  # misses too many
        row | {"missed": 0.0, "too_late": 2_001.0, "needless": 0.0},  # more are too late than by any other
        good | {"on": 0.5},
        good,
        good | {"too_late": 2_000.0, "needless": 51.0},
    ]
    assert bench.choose(rows) == good
    assert bench.choose(rows[:1]) is None


def test_what_was_watched_is_kept(tmp_path):
    one = launch([[0.4, 0.4], [0.2, 0.4], [0.6, 0.1], [0.7, 0.0]])
    bench.keep(tmp_path / "watched.npz", [one, one])
    again = bench.kept(tmp_path / "watched.npz")
    assert [each.kind for each in again] == ["lofted", "lofted"]
    np.testing.assert_array_equal(again[1].probability, one.probability)
    assert again[1].burn_out_s == one.burn_out_s


def test_an_all_clear_before_it_has_passed_is_counted():
    one = launch([[0.6, 0.0], [0.6, 0.0], [0.1, 0.0], [0.1, 0.0]])
    assert bench.cleared_early([one], [told_s(one, 0.3, 0.5, 0.0)], 0.2) == 0  # for five seconds alone
    longer = launch([[0.6, 0.0], [0.1, 0.0], [0.1, 0.0], [0.1, 0.0]])
    longer.look_s[:] = 100.0, 150.0, 160.0, 175.0
    when_s = [told_s(longer, 0.3, 0.5, 0.0)]
    assert bench.cleared_early([longer], when_s, 0.2) == 1
    assert bench.cleared_early([longer], when_s, 0.05) == 0
