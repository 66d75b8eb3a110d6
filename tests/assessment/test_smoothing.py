import numpy as np
import pytest

from noroshi.assessment.smoothing import smoothed
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Identity, Truth, take

NS = 10**9


def legs(lengths, seed=1):
    """Return exact level flights of these many samples, ten seconds apart, and the same with reporting noise."""
    rng, parts = np.random.default_rng(seed), []
    for i, n in enumerate(lengths):
        lat, lon = np.array([0.8 + 0.01 * i]), np.array([0.1])
        start = np.hstack([ecef_from_geodetic(lat, lon, np.array([10_000.0])), 230.0 * enu_axes(lat, lon)[:, 0]])
        times = 10.0 * np.arange(n)
        states = np.concatenate([Motion.of().propagate(start, np.array([t])) for t in times])
        parts.append((np.full(n, f"leg {i}"), (1_700_000_000 * NS + times * NS).astype(np.int64), states))
    target, time_ns, states = (np.concatenate(column) for column in zip(*parts, strict=True))
    n = len(target)
    exact = Truth(
        target=target, time_ns=time_ns, kind=np.ones(n, np.uint8), state_ecef=states, identity=Identity.absent(n)
    )
    noise = rng.normal(size=(n, 6)) * ([40.0] * 3 + [2.0] * 3)
    return exact, exact.replace(state_ecef=states + noise)


MOTION = Motion.of(horizontal_psd_m2_s3=0.1, vertical_psd_m2_s3=0.1)


def errors(found, exact):
    return np.linalg.norm(found.state_ecef[:, :3] - exact.state_ecef[:, :3], axis=1)


def test_noise_shrinks():
    exact, reported = legs([40, 60, 25])
    found = smoothed(reported, MOTION)
    assert np.sqrt(np.mean(errors(found, exact) ** 2)) < 0.6 * np.sqrt(np.mean(errors(reported, exact) ** 2))


@pytest.mark.parametrize("where", [0, 1, 20, 39])
def test_a_position_kilometres_off_loses_its_say(where):
    exact, reported = legs([40])
    state = reported.state_ecef.copy()
    state[where, :3] += [1_600.0, -400.0, 300.0]
    found = smoothed(reported.replace(state_ecef=state), MOTION)
    assert errors(found, exact).max() < 200.0


def test_unknown_velocities_are_found():
    exact, reported = legs([40])
    state = reported.state_ecef.copy()
    state[:, 3:] = np.nan
    found = smoothed(reported.replace(state_ecef=state), MOTION)
    assert np.linalg.norm(found.state_ecef[5:-5, 3:] - exact.state_ecef[5:-5, 3:], axis=1).max() < 10.0


def test_legs_do_not_mix_and_order_does_not_matter():
    _, reported = legs([30, 50])
    whole = smoothed(reported, MOTION)
    alone = smoothed(take(reported, reported.target == "leg 0"), MOTION)
    np.testing.assert_allclose(whole.state_ecef[:30], alone.state_ecef, rtol=0, atol=1e-6)
    shuffled = np.random.default_rng(3).permutation(len(reported))
    again = smoothed(take(reported, shuffled), MOTION)
    np.testing.assert_array_equal(again.state_ecef, whole.state_ecef[shuffled])


def test_a_leg_of_one_row_and_none_at_all():
    _, reported = legs([1])
    np.testing.assert_allclose(smoothed(reported, MOTION).state_ecef, reported.state_ecef, atol=1e-3)
    assert len(smoothed(take(reported, np.zeros(0, np.int64)), MOTION)) == 0
