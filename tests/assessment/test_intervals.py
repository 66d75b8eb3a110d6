import numpy as np
import pytest
from scipy import stats

from noroshi.assessment import intervals
from noroshi.assessment.rotation import rotation

NS = 10**9


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (7, 10), (10, 10), (140, 200)])
def test_a_share_is_scipys_exact_interval(hits, n):
    low, high = stats.binomtest(hits, n).proportion_ci(0.95, method="exact")
    assert intervals.share(hits, n) == pytest.approx((hits / n, low, high))


def test_a_mean_is_scipys_t_interval():
    values = np.array([3.0, 4.0, 9.0, 1.0])
    low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert intervals.mean(values) == pytest.approx((values.mean(), low, high))


def test_a_bootstrap_covers_as_often_as_it_says():
    """Of 300 means of 15 skewed values some 95 % of the intervals hold the truth: Clopper-Pearson at 99.9 %."""
    rng, held = np.random.default_rng(2), 0
    for _ in range(300):
        values = rng.gamma(4.0, size=15)
        (found,) = intervals.resampled(15, lambda count, v=values: np.array([count @ v / count.sum()]), rng, 300)
        held += found.low <= 4.0 <= found.high
    low, high = stats.binomtest(held, 300).proportion_ci(0.999, method="exact")
    assert low <= 0.95 <= high


def test_nothing_is_unknown():
    assert np.isnan(intervals.share(0, 0)).all()
    assert np.isnan(intervals.mean(np.zeros(1))).all()


def test_a_rotation_and_what_breaks_it():
    rng = np.random.default_rng(3)
    turn, azimuth = np.repeat(np.arange(60), 12), rng.uniform(0, 2 * np.pi, 720)
    since_s = 4.8 * (turn + azimuth / (2 * np.pi)) + 0.002 * rng.normal(size=720)
    found = rotation(1_700_000_000 * NS + (since_s * NS).astype(np.int64), azimuth, 4.8)
    assert found.period_s.low <= 4.8 <= found.period_s.high
    assert found.jumps == []
    assert (np.diff(found.turn - turn) == 0).all()
    late_s = np.where(turn >= 35, 0.3, 0.0)
    broken = rotation(1_700_000_000 * NS + ((since_s + late_s) * NS).astype(np.int64), azimuth, 4.8)
    assert len(broken.jumps) == 1
    assert broken.jumps[0].size_s.low <= 0.3 <= broken.jumps[0].size_s.high
    assert (broken.jumps[0].time_ns - 1_700_000_000 * NS) / NS == pytest.approx(35 * 4.8, abs=5.0)
    assert rotation(np.zeros(3, np.int64), np.zeros(3), 4.8) is None


@pytest.mark.filterwarnings("error")
def test_two_values_of_a_skewed_mean_warn_nobody():
    interval = intervals.skewed_mean(np.array([1.0, 2.0]), np.random.default_rng(1))
    assert interval.value == 1.5
