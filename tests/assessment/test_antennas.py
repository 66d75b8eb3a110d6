"""Two radars under one name are told from one, whatever its false plots, its clock and its targets."""

import numpy as np
import pytest

from noroshi.assessment.antennas import two_antennas

NS, START_NS = 10**9, 1_700_000_000 * 10**9


def plots(rng, period_s, *, n_targets=12, seconds=180.0, false_a_turn=5.0, late_s=0.0, jitter=0.002):
    """Return the times and azimuths of what one antenna sees: targets that drift, and false plots anywhere."""
    turns = np.arange(int(seconds / period_s))
    target = rng.uniform(0.0, 2.0 * np.pi, n_targets) + rng.normal(size=(len(turns), n_targets)).cumsum(axis=0) * 0.01
    turn, azimuth = np.repeat(turns, n_targets), target.ravel() % (2.0 * np.pi)
    seen = rng.random(len(turn)) < 0.9
    n_false = rng.poisson(false_a_turn * len(turns))
    turn = np.concatenate([turn[seen], rng.integers(0, len(turns), n_false)])
    azimuth = np.concatenate([azimuth[seen], rng.uniform(0.0, 2.0 * np.pi, n_false)])
    when_s = (turn + azimuth / (2.0 * np.pi)) * period_s + late_s + rng.normal(size=len(turn)) * jitter * period_s
    return START_NS + (when_s * NS).astype(np.int64), azimuth


def both(*parts):
    return (np.concatenate(columns) for columns in zip(*parts, strict=True))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("periods_s", [(4.0, 6.0), (5.0, 5.0), (10.0, 12.0), (4.0, 12.0)])
def test_two_antennas_are_found_with_their_periods(seed, periods_s):
    rng = np.random.default_rng(seed)
    two = two_antennas(*both(plots(rng, periods_s[0]), plots(rng, periods_s[1], late_s=1.3)))
    assert two is not None
    assert sorted(two.period_s) == pytest.approx(periods_s, rel=0.005)
    assert not two.is_back_to_back


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("how", [{}, {"n_targets": 2}, {"false_a_turn": 80.0}, {"jitter": 0.02}, {"n_targets": 300}])
def test_one_antenna_is_one(seed, how):
    rng = np.random.default_rng(100 + seed)
    for period_s in (2.0, 12.0):
        assert two_antennas(*plots(rng, period_s, **how)) is None


@pytest.mark.parametrize("seed", range(2))
def test_a_clock_that_jumps_and_a_radar_that_does_not_turn_are_no_two_antennas(seed):
    rng = np.random.default_rng(200 + seed)
    time_ns, azimuth = plots(rng, 5.0)
    assert two_antennas(np.where(time_ns > START_NS + 90 * NS, time_ns + 2 * NS, time_ns), azimuth) is None
    assert two_antennas(time_ns, rng.uniform(0.0, 2.0 * np.pi, len(azimuth))) is None
    assert two_antennas(time_ns // (10 * NS) * (10 * NS), azimuth) is None  # frames
    assert two_antennas(time_ns // (NS // 2) * (NS // 2), azimuth) is None  # stamped by sector


def test_two_faces_of_one_antenna_are_called_so():
    rng = np.random.default_rng(7)
    two = two_antennas(*both(plots(rng, 6.0), plots(rng, 6.0, late_s=3.0)))
    assert two is not None
    assert two.is_back_to_back


@pytest.mark.parametrize("period_s", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("stamp_s", [None, 0.5, 1.0])
def test_targets_in_few_directions_and_coarse_stamps_are_no_second_antenna(period_s, stamp_s):
    """One stamp for all that a turn sees, or stamps in whole seconds, leave each target in a beam that stands still."""
    rng = np.random.default_rng(7)
    turns = np.arange(int(180.0 / period_s))
    for azimuth_rad in (np.array([0.5, 2.5]), rng.uniform(0.0, 2.0 * np.pi, 12)):
        azimuth = azimuth_rad + 0.002 * rng.normal(size=(len(turns), len(azimuth_rad)))
        when_s = (turns[:, None] + (0.0 if stamp_s is None else azimuth / (2.0 * np.pi))) * period_s
        if stamp_s is not None:
            when_s = np.floor(when_s / stamp_s) * stamp_s
        times = START_NS + np.rint((when_s + np.zeros_like(azimuth)).ravel() * NS).astype(np.int64)
        assert two_antennas(times, azimuth.ravel() % (2.0 * np.pi)) is None
