"""New tracks of what is pushed along its velocity, against boosts drawn from what is believed of them."""

import numpy as np
import pytest

from noroshi.geo.gravity import free_fall
from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.boost import Motion as Boost
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.tracking.bank import Bank
from noroshi.tracking.pushed import STEERED_RAD, begin_pushed, pushed
from noroshi.tracking.store import Store

GAP_S, PLACE_M, BELIEVED_M_S2, BELIEVED_M_S = 5.0, 50.0, 20.0, 3_000.0
EXTENT = np.array(Boost.EXTENT[0])
N = 4_000


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def boosts(rng, speed_m_s=2_000.0):
    """Return (n, 9) what moves under thrust: place, velocity, acceleration; and the thrust along the velocity."""
    place = np.array([6_450e3, 0.0, 0.0]) + rng.normal(0.0, 1e5, (N, 3))
    ahead = directions(rng)
    velocity = speed_m_s * ahead
    off = np.cross(directions(rng), ahead)
    thrust = rng.uniform(*EXTENT, N)
    across = STEERED_RAD * np.hypot(EXTENT.mean(), np.ptp(EXTENT) / 12.0**0.5) * rng.normal(size=(N, 2))
    side = off / np.linalg.norm(off, axis=1)[:, None]
    push = thrust[:, None] * ahead + across[:, :1] * side + across[:, 1:] * np.cross(ahead, side)
    fall = free_fall(np.hstack([place, velocity]))
    return np.hstack([place, velocity, fall + push]), thrust


def directions(rng):
    drawn = rng.normal(size=(N, 3))
    return drawn / np.linalg.norm(drawn, axis=1)[:, None]


def fitted(truth, rng):
    """Return what two looks at the place tell if an acceleration about 0 is believed beforehand."""
    shift = np.kron([[1.0, -GAP_S, GAP_S**2 / 2.0], [1.0, 0.0, 0.0]], np.eye(3))
    seen = truth @ shift.T + rng.normal(0.0, PLACE_M, (N, 6))
    prior = np.diag(np.repeat([0.0, BELIEVED_M_S**-2.0, BELIEVED_M_S2**-2.0], 3))
    covariance = np.linalg.inv(shift.T @ shift / PLACE_M**2 + prior)
    return (seen @ shift / PLACE_M**2) @ covariance, np.tile(covariance, (N, 1, 1))


def test_a_boost_begins_as_fast_as_it_is(rng):
    truth, thrust = boosts(rng)
    mean, covariance = fitted(truth, rng)
    ahead = truth[:, 3:6] / 2_000.0
    assert np.vecdot(mean[:, 3:6] - truth[:, 3:6], ahead).mean() < -90.0  # as the fit has it: half of 5 s, 52 m/s2
    state, spread = pushed(mean, covariance, np.full(len(mean), BELIEVED_M_S2**2), EXTENT)
    off = np.hstack([state[:, :6] - truth[:, :6], (state[:, 6] - thrust)[:, None]])
    along = np.vecdot(off[:, 3:6], ahead)
    assert abs(along.mean()) < 5.0
    assert abs(off[:, 6].mean()) < 3.0
    squared = np.vecdot(off, np.linalg.solve(spread, off[:, :, None])[:, :, 0])
    assert 6.0 < squared.mean() < 8.0  # of 7 components
    assert 0.93 < (squared < 14.07).mean() < 0.97  # 95 % of a chi-square with 7 degrees of freedom


def test_a_slow_boost_is_not_taken_for_surer_than_it_is(rng):
    truth, _ = boosts(rng, speed_m_s=500.0)
    mean, covariance = fitted(truth, rng)
    state, spread = pushed(mean, covariance, np.full(len(mean), BELIEVED_M_S2**2), EXTENT)
    off, own = state[:, :6] - truth[:, :6], spread[:, :6, :6]
    squared = np.vecdot(off, np.linalg.solve(own, off[:, :, None])[:, :, 0])
    assert 5.0 < squared.mean() < 7.2  # of 6 components; 8.0 if the direction counts as known
    unpushed = np.linalg.norm(mean[:, 3:6] - truth[:, 3:6], axis=1)
    assert np.sqrt(np.mean(np.square(np.linalg.norm(off[:, 3:], axis=1)))) < 0.8 * np.sqrt(np.mean(unpushed**2))


def test_what_many_looks_tell_needs_no_belief():
    mean = np.array([[6.4e6, 0.0, 0.0, 0.0, 3_000.0, 0.0, -9.0, 60.0, 2.0]])
    covariance = np.tile(np.diag(np.repeat([1.0, 1.0, 1e-4], 3)), (1, 1, 1))
    state, _ = pushed(mean, covariance, np.full(len(mean), BELIEVED_M_S2**2), EXTENT)
    np.testing.assert_allclose(state[:, :6], mean[:, :6], atol=1e-6)
    fall = free_fall(mean[:, :6])[0]
    np.testing.assert_allclose(state[0, 6], 60.0 - fall[1], atol=1e-3)


def test_only_models_with_a_push_begin_by_it(rng):
    bank = Bank([ConstantVelocity(), Ballistic(), Boost()], np.full(3, 60.0))
    store = Store(bank.layout(1), sigmas=5.0)
    rows = store.new_rows(2)
    truth, _ = boosts(rng)
    mean, covariance = (each[:2] for each in fitted(truth, rng))
    bank.begin(store, rows, mean[:, :6], covariance[:, :6, :6], np.ones(2))
    before = store.real[rows].copy()
    begin_pushed(store, bank, rows, mean, covariance, np.full(2, BELIEVED_M_S2**2))
    first = store.layout.offsets[2]
    np.testing.assert_array_equal(store.real[rows, :first], before[:, :first])
    state, spread = pushed(mean, covariance, np.full(len(mean), BELIEVED_M_S2**2), EXTENT)
    np.testing.assert_array_equal(store.real[rows, first : first + 7], state)
    d = store.layout.sizes[2]
    own, started = (each[:, first + d : first + d + d * d].reshape(2, d, d) for each in (store.real[rows], before))
    np.testing.assert_array_equal(own[:, :7, :7], spread)
    np.testing.assert_array_equal(own[:, 7:], started[:, 7:])
