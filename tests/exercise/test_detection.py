"""Detection theory against closed forms, scipy and a published table."""

import mpmath
import numpy as np
import pytest
from scipy import stats
from scipy.optimize import brentq

from noroshi.exercise.detection import detection_probability, draw_look, shape_of, threshold

RATIOS = 10.0 ** (np.array([-10.0, 0.0, 6.0, 13.0, 20.0]) / 10.0)


def test_the_threshold_is_crossed_by_noise_as_often_as_said():
    for pulses in (1, 3, 10):
        # A sum of n squared magnitudes of complex noise is half a chi-square of 2 n degrees of freedom.
        crossed = stats.chi2.sf(2.0 * threshold(1e-6, pulses), 2 * pulses)
        np.testing.assert_allclose(crossed, 1e-6, rtol=1e-9)


def test_swerling_1_of_one_pulse_in_closed_form():
    found = detection_probability(RATIOS, swerling=1, false_alarm_probability=1e-6)
    np.testing.assert_allclose(found, 1e-6 ** (1.0 / (1.0 + RATIOS)), rtol=1e-9)


def test_swerling_3_of_one_pulse_in_closed_form():
    # Richards (2014), table 6.1, N = 1.
    limit = threshold(1e-6)
    closed = (1.0 + 2.0 * RATIOS * limit / (2.0 + RATIOS) ** 2) * np.exp(-2.0 * limit / (2.0 + RATIOS))
    found = detection_probability(RATIOS, swerling=3, false_alarm_probability=1e-6)
    np.testing.assert_allclose(found, closed, rtol=1e-9)


def test_swerling_2_is_a_chi_square_of_more_power():
    limit = threshold(1e-4, 8)
    found = detection_probability(RATIOS, swerling=2, false_alarm_probability=1e-4, pulses=8)
    np.testing.assert_allclose(found, stats.chi2.sf(2.0 * limit / (1.0 + RATIOS), 16), rtol=1e-8)


@pytest.mark.parametrize("swerling", [1, 2, 3, 4])
@pytest.mark.parametrize("pulses", [1, 5])
def test_a_fluctuating_target_is_the_mean_of_steady_ones(swerling, pulses):
    ratio, limit = 3.0, threshold(1e-5, pulses)
    law = stats.gamma(shape_of(swerling, pulses), scale=pulses * ratio / shape_of(swerling, pulses))

    def seen(power):
        power = float(power)
        return float(law.pdf(power) * stats.ncx2.sf(2.0 * limit, 2 * pulses, 2.0 * power))

    expected = mpmath.quad(seen, [1e-9, 1, 5, 10, 20, 40, 80, 160, 400])
    found = detection_probability(ratio, swerling=swerling, false_alarm_probability=1e-5, pulses=pulses)
    assert float(found) == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(("swerling", "db"), [(0, 13.18), (1, 21.14), (3, 17.30)])
def test_the_published_signal_to_noise_of_pd_09_at_pfa_1e_6(swerling, db):
    found = brentq(
        lambda x: float(detection_probability(10 ** (x / 10), swerling=swerling, false_alarm_probability=1e-6)) - 0.9,
        0.0,
        40.0,
    )
    assert found == pytest.approx(db, abs=5e-3)


@pytest.mark.parametrize("swerling", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("pulses", [1, 6])
def test_what_is_drawn_is_seen_as_often_as_theory_says(swerling, pulses):
    rng = np.random.default_rng(7)
    n, ratio = 20_000, 2.5
    _, total = draw_look(np.full(n, ratio), rng.random((n, 3)), swerling=swerling, pulses=pulses)
    said = float(detection_probability(ratio, swerling=swerling, false_alarm_probability=1e-3, pulses=pulses))
    assert stats.binomtest(int((total > threshold(1e-3, pulses)).sum()), n, said).pvalue > 1e-3


def test_noise_alone_is_drawn_as_noise():
    rng = np.random.default_rng(8)
    for pulses in (1, 6):
        power, total = draw_look(np.zeros(20_000), rng.random((20_000, 3)), swerling=1, pulses=pulses)
        assert (power == 0.0).all()
        assert stats.kstest(2.0 * total, stats.chi2(2 * pulses).cdf).pvalue > 1e-3
