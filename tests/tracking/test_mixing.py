import math
from types import SimpleNamespace

import numpy as np
import pytest
from stonesoup.functions import gm_reduce_single

from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.boost import Motion as Boost
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.motion.coordinated_turn import Motion as CoordinatedTurn
from noroshi.motion.glide import Motion as Glide
from noroshi.motion.left_turn import Motion as LeftTurn
from noroshi.motion.right_turn import Motion as RightTurn
from noroshi.tracking.bank import Bank
from noroshi.tracking.mixing import mix
from noroshi.tracking.store import PROBABILITY, moments

SOJOURN_S, DT_S = (120.0, 40.0, 20.0), 7.0


def bank_and_row(*motions):
    """Return a bank, a track's row of random states, and these states by model."""
    bank, rng = Bank(motions, SOJOURN_S[: len(motions)]), np.random.default_rng(1)
    layout = bank.layout(1)
    row = np.zeros(layout.n_real)
    row[PROBABILITY : PROBABILITY + len(motions)] = (0.7, 0.2, 0.1)[: len(motions)]
    row[PROBABILITY : PROBABILITY + len(motions)] /= row[PROBABILITY : PROBABILITY + len(motions)].sum()
    states = []
    for size, offset in zip(layout.sizes, layout.offsets.tolist(), strict=True):
        root = rng.normal(size=(size, size))
        mean, covariance = rng.normal(size=size), root @ root.T
        row[offset : offset + size], row[offset + size : offset + size + size**2] = mean, covariance.ravel()
        states.append((mean, covariance))
    return bank, row, states


def mixed(bank, row):
    layout, out = bank.layout(1), np.zeros((1, len(row)))
    mix(row[None], np.zeros(1, np.int64), np.array([DT_S]), np.array([0, 1]), bank.sojourn_s, bank.resumed,
         bank.is_alike, np.array(layout.sizes), layout.offsets, bank.sets_in, bank.pushes, bank.extent,
         out)  # fmt: skip
    return [
        (out[0, o : o + d], out[0, o + d : o + d + d * d].reshape(d, d))
        for d, o in zip(layout.sizes, layout.offsets.tolist(), strict=True)
    ]


def joint(probability, i, j, k):
    stay = math.exp(-DT_S / SOJOURN_S[i])
    return probability[i] * (stay if i == j else (1.0 - stay) / (k - 1))


@pytest.mark.parametrize("turn", [LeftTurn, RightTurn])
def test_a_turn_that_sets_in_has_a_rate_anywhere_in_its_extent(turn):
    """What each model is taken up with is a mixture, whose moments are Stone Soup's."""
    bank, row, states = bank_and_row(ConstantVelocity(), turn(), CoordinatedTurn())
    found = mixed(bank, row)
    low, high = turn.EXTENT[0]
    probability = row[PROBABILITY : PROBABILITY + 3]
    means, covariances, weights = np.zeros((7, 3)), np.zeros((7, 7, 3)), np.zeros(3)
    for i, (mean, covariance) in enumerate(states):
        weights[i] = joint(probability, i, 1, 3)
        means[:6, i], covariances[:6, :6, i] = mean[:6], covariance[:6, :6]
        means[6, i], covariances[6, 6, i] = (low + high) / 2.0, (high - low) ** 2 / 12.0
    means[:, 1], covariances[:, :, 1] = states[1]
    mean, covariance = gm_reduce_single(means.copy(), covariances.copy(), weights / weights.sum())
    np.testing.assert_allclose(found[1][0], np.asarray(mean).ravel(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found[1][1], covariance, rtol=1e-12, atol=1e-12)


def test_a_turn_that_does_not_set_in_keeps_its_rate():
    bank, row, states = bank_and_row(ConstantVelocity(), CoordinatedTurn())
    found = mixed(bank, row)
    np.testing.assert_allclose(found[1][0][6], states[1][0][6], rtol=1e-12)
    np.testing.assert_allclose(found[1][1][6, 6], states[1][1][6, 6], rtol=1e-12)


def test_what_one_turn_knows_does_not_reach_the_other():
    """Extents are looked up by model: the left one's is not the right one's."""
    bank, row, _ = bank_and_row(ConstantVelocity(), LeftTurn(), RightTurn())
    layout = bank.layout(1)
    row[PROBABILITY : PROBABILITY + 3] = 1.0, 0.0, 0.0
    found = mixed(bank, row)
    for k, turn in ((1, LeftTurn), (2, RightTurn)):
        assert found[k][0][6] == pytest.approx(sum(turn.EXTENT[0]) / 2.0)
        assert found[k][1][6, 6] == pytest.approx((turn.EXTENT[0][1] - turn.EXTENT[0][0]) ** 2 / 12.0)
    assert layout.sizes == (6, 7, 7)


def test_thrust_that_has_ended_is_seldom_resumed():
    """Of three fast models each is left for either other as often as that says."""
    bank, row, _ = bank_and_row(Ballistic(), Boost(), Glide())
    row[PROBABILITY : PROBABILITY + 3] = 1.0, 0.0, 0.0
    layout, out = bank.layout(1), np.zeros((1, len(row)))
    mix(row[None], np.zeros(1, np.int64), np.array([DT_S]), np.array([0, 1]), bank.sojourn_s, bank.resumed,
         bank.is_alike, np.array(layout.sizes), layout.offsets, bank.sets_in, bank.pushes, bank.extent,
         out)  # fmt: skip
    half = 0.5 * (1.0 - math.exp(-DT_S / SOJOURN_S[0]))
    expected = [1.0 - half * (0.05 + 0.1), 0.05 * half, 0.1 * half]
    np.testing.assert_allclose(out[0, PROBABILITY : PROBABILITY + 3], expected, rtol=1e-12)


def test_a_push_that_has_ended_ended_at_any_moment_of_the_gap():
    """What falls after it begins where so many burns that end evenly over the gap would have had to begin to fall."""
    bank, row, _ = bank_and_row(Boost(), Ballistic())
    layout, rng = bank.layout(1), np.random.default_rng(2)
    offset, d = int(layout.offsets[0]), layout.sizes[0]
    place, velocity = np.array([-3.9e6, 3.4e6, 3.8e6]), np.array([1_200.0, -900.0, 2_000.0])
    acceleration, upward = (90.0, 12.0), 8.0
    row[offset : offset + 7], row[offset + 8] = (*place, *velocity, acceleration[0]), upward
    row[offset + d : offset + d + d * d] = np.diag(
        [100.0**2] * 3 + [20.0**2] * 3 + [acceleration[1] ** 2, 1e-4, 9.0]
    ).ravel()
    row[PROBABILITY : PROBABILITY + 2] = 1.0, 0.0
    found = mixed(bank, row)[1]
    u, up = velocity / np.linalg.norm(velocity), place / np.linalg.norm(place)
    a, until_s = rng.normal(*acceleration, 400_000)[:, None], rng.uniform(0.0, DT_S, 400_000)[:, None]
    push = acceleration[0] * u + upward * (up - u * (u @ up))
    push = push + (a - acceleration[0]) * push / np.linalg.norm(push)  # what is not known of it lies along it
    faster_m_s = push * until_s
    ahead_m = 0.5 * push * until_s**2 + faster_m_s * (DT_S - until_s)  # at the end of the gap, beside what only fell
    begins = np.hstack([ahead_m - faster_m_s * DT_S, faster_m_s])
    mean = row[offset : offset + 6] + begins.mean(axis=0)
    covariance = np.diag([100.0**2] * 3 + [20.0**2] * 3) + np.cov(begins.T)
    scale = np.sqrt(np.diagonal(covariance))
    assert np.abs((found[0][:6] - mean) / scale).max() < 0.01
    assert np.abs((found[1][:6, :6] - covariance) / np.outer(scale, scale)).max() < 0.01


def test_an_unknown_velocity_points_no_push_that_has_ended():
    """The mean is that of many velocities each of which was pushed along itself."""
    bank, row, _ = bank_and_row(Boost(), Ballistic())
    layout, rng = bank.layout(1), np.random.default_rng(2)
    offset, d = int(layout.offsets[0]), layout.sizes[0]
    row[offset + 3 : offset + 7] = 200.0, 100.0, -200.0, 60.0
    row[offset + d : offset + d + d * d] = np.diag([100.0**2] * 3 + [1_000.0**2] * 3 + [0.0] * (d - 6)).ravel()
    row[PROBABILITY : PROBABILITY + 2] = 1.0, 0.0
    gained = mixed(bank, row)[1][0][3:6] - row[offset + 3 : offset + 6]
    velocities = row[offset + 3 : offset + 6] + 1_000.0 * rng.normal(size=(400_000, 3))
    pushed = 60.0 * 0.5 * DT_S * (velocities / np.linalg.norm(velocities, axis=1)[:, None]).mean(axis=0)
    np.testing.assert_allclose(gained, pushed, rtol=0.15)


def test_a_coefficient_is_begun_anew_after_a_burn_alone():
    bank, row, states = bank_and_row(Ballistic(), Boost(), Glide())
    low, high = Ballistic.EXTENT[0]
    for after, is_anew in ((1, True), (2, False)):
        row[PROBABILITY : PROBABILITY + 3] = np.eye(3)[after]
        mean, covariance = mixed(bank, row)[0]
        assert mean[6] == pytest.approx((low + high) / 2.0 if is_anew else states[0][0][6])
        assert covariance[6, 6] == pytest.approx((high - low) ** 2 / 12.0 if is_anew else states[0][1][6, 6])


def test_what_is_negligible_is_in_no_state():
    """Neither what a model has hardly come from, nor in what is told a model that hardly holds; all else is."""
    bank, row, states = bank_and_row(ConstantVelocity(), CoordinatedTurn())
    layout = bank.layout(1)
    for rare, is_left_out in ((5e-4, True), (2e-3, False)):
        row[PROBABILITY : PROBABILITY + 2] = 1.0 - rare, rare
        mean, covariance = np.empty((1, 6)), np.empty((1, 6, 6))
        moments(np.zeros(1, np.int64), row[None], np.array(layout.sizes), layout.offsets, mean, covariance)
        weights = np.array([1.0, 0.0] if is_left_out else [1.0 - rare, rare])
        both = np.array([each[0][:6] for each in states]).T, np.array([each[1][:6, :6] for each in states]).T
        expected = gm_reduce_single(*both, weights)
        np.testing.assert_allclose(mean[0], np.asarray(expected[0]).ravel(), rtol=1e-12)
        np.testing.assert_allclose(covariance[0], expected[1], rtol=1e-12)
    # Left for the first after 40 s, so that a share of (1 - exp(-7 / 40)) of it comes from there.
    for rare, is_left_out in ((1e-3, True), (0.1, False)):
        row[PROBABILITY : PROBABILITY + 2] = 1.0 - rare, rare
        assert np.allclose(mixed(bank, row)[0][1], states[0][1], rtol=1e-12, atol=0.0) == is_left_out


def test_plots_of_one_time_share_what_is_predicted():
    """To the bit what each pair alone would have."""
    bank, _, _ = bank_and_row(Ballistic(), Boost(), Glide())
    layout = bank.layout(1)
    mixed = np.zeros((2, layout.n_real))
    for size, offset in zip(layout.sizes, layout.offsets.tolist(), strict=True):
        mixed[:, offset : offset + size] = [6.4e6, 0.0, 0.0, 100.0, 900.0, 500.0, *([0.01] * (size - 6))]
        mixed[:, offset + size : offset + size + size**2] = np.diag([100.0] * size).ravel()
    mixed[1, layout.offsets] += 9e3
    store, pairs = SimpleNamespace(layout=layout, real=mixed), SimpleNamespace(mixed=mixed, expected=None)
    group, dt_s = np.array([0, 0, 0, 1, 1]), np.array([7.0, 7.0, 8.0, 8.0, 8.0])
    for k in range(3):
        together = bank._ahead(store, pairs, k, group, group, dt_s, False)
        for pair in range(5):
            one = slice(pair, pair + 1)
            alone = bank._ahead(store, pairs, k, group[one], group[one], dt_s[one], False)
            for ours, theirs in zip(together, alone, strict=True):
                np.testing.assert_array_equal(ours[pair], theirs[0])
        assert len(np.unique(together[0], axis=0)) == 3
