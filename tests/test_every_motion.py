"""Every file in `motion/` that holds a `Motion`, held to the room's contract. New ones are found."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.motion import predict_by_jacobian
from noroshi.motion.turning import Turn
from noroshi.records import Kind
from noroshi.run import rooms

FIRST = ("x_ecef_m", "y_ecef_m", "z_ecef_m", "vx_ecef_m_s", "vy_ecef_m_s", "vz_ecef_m_s")
UNITS = ("_m", "_m_s", "_m_s2", "_rad", "_rad_s", "_kg_m2", "_m2_kg", "_s", "_ratio")
FAST = {  # lowest and highest height, speed, and steepest climb at which these are at home
    Kind.BALLISTIC: ((50e3, 400e3), (1000.0, 6000.0), 0.5),
    Kind.BOOSTING: ((10e3, 150e3), (2000.0, 5000.0), 0.5),
    Kind.GLIDING: ((40e3, 70e3), (2000.0, 6000.0), 0.05),
}


def kinds():
    for key in rooms.names("motion"):
        yield pytest.param(rooms.load("motion", key).Motion, id=key)


every_motion = pytest.mark.parametrize("kind", list(kinds()))


def targets(kind, n, seed=1):
    """Return (n, d) states of what moves so, beyond the sixth anywhere in the extent; not to be written."""
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(-1.5, 1.5, n), rng.uniform(-np.pi, np.pi, n)
    heights, speeds, steepest = FAST.get(getattr(kind, "KIND", Kind.AIRCRAFT), ((0.0, 12e3), None, 0.0))
    velocity = rng.normal(size=(n, 3)) * [150.0, 150.0, 15.0]
    if speeds is not None:
        course, climb = rng.uniform(-np.pi, np.pi, n), rng.uniform(-steepest, steepest, n)
        direction = np.stack([np.cos(climb) * np.sin(course), np.cos(climb) * np.cos(course), np.sin(climb)], axis=1)
        velocity = rng.uniform(*speeds, n)[:, None] * direction
    velocity = np.vecmat(velocity, enu_axes(lat, lon))
    beyond = [rng.uniform(low, high, n) for low, high in kind.EXTENT]
    states = np.column_stack([ecef_from_geodetic(lat, lon, rng.uniform(*heights, n)), velocity, *beyond])
    states.setflags(write=False)
    return states


def seconds(n, value):
    array = np.full(n, float(value))
    array.setflags(write=False)
    return array


def scales(noise):
    sigma = np.sqrt(np.maximum(np.diagonal(noise, axis1=1, axis2=2), 1e-12))
    return sigma[:, :, None] * sigma[:, None, :]


def test_there_are_models():
    assert len(list(kinds())) >= 8


@every_motion
def test_what_it_declares_fits_together(kind):
    assert kind.COMPONENTS[:6] == FIRST
    assert len(kind.EXTENT) == len(kind.COMPONENTS) - 6
    assert all(low < high for low, high in kind.EXTENT)
    assert all(name.endswith(UNITS) for name in kind.COMPONENTS)


@every_motion
def test_of_sets_the_models_own_parameters_and_no_others(kind):
    with pytest.raises(TypeError):
        kind.of(no_such_parameter_m=-1.0)
    for field in dataclasses.fields(kind):
        assert getattr(kind.of(**{field.name: 0.125}), field.name) == 0.125
        with pytest.raises(ValueError, match=field.name):
            kind.of(**{field.name: float("nan")})
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(kind.of(), dataclasses.fields(kind)[0].name, 1.0)


@every_motion
@pytest.mark.parametrize("n", [0, 1, 4])
def test_shapes(kind, n):
    model, states, dt_s, d = kind.of(), targets(kind, n), seconds(n, 4.0), len(kind.COMPONENTS)
    assert model.propagate(states, dt_s).shape == (n, d)
    assert model.jacobian(states, dt_s).shape == (n, d, d)
    assert model.process_noise(states, dt_s).shape == (n, d, d)


@every_motion
def test_rows_do_not_know_of_each_other(kind):
    model, states, dt_s = kind.of(), targets(kind, 7), np.linspace(-9.0, 9.0, 7)
    for method in (model.propagate, model.jacobian, model.process_noise):
        together = method(states, dt_s)
        for row in range(7):
            np.testing.assert_array_equal(method(states[row : row + 1], dt_s[row : row + 1])[0], together[row])


@every_motion
def test_no_time_changes_nothing(kind):
    model, states, dt_s = kind.of(), targets(kind, 10), seconds(10, 0.0)
    moved = model.propagate(states, dt_s)
    for vector in (slice(0, 3), slice(3, 6)):  # turned through axes, so each part is rounded as the whole is
        lengths = np.linalg.norm(states[:, vector], axis=1, keepdims=True)
        np.testing.assert_allclose(moved[:, vector] / lengths, states[:, vector] / lengths, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(moved[:, 6:], states[:, 6:])
    identity = np.tile(np.eye(len(kind.COMPONENTS)), (10, 1, 1))
    np.testing.assert_allclose(model.jacobian(states, dt_s), identity, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(model.process_noise(states, dt_s), 0.0)


@every_motion
def test_position_changes_by_velocity(kind):
    states = targets(kind, 50)
    moved = kind.of().propagate(states, seconds(50, 1e-3)) - states
    np.testing.assert_allclose(moved[:, :3], 1e-3 * states[:, 3:6], rtol=0, atol=1e-4)


@every_motion
@pytest.mark.parametrize("dt_s", [1.0, 10.0])
def test_there_and_back_is_where_it_was(kind, dt_s):
    model, states = kind.of(), targets(kind, 100)
    back = model.propagate(model.propagate(states, seconds(100, dt_s)), seconds(100, -dt_s))
    np.testing.assert_allclose(back[:, :3], states[:, :3], rtol=0, atol=0.02)
    np.testing.assert_allclose(back[:, 3:], states[:, 3:], rtol=0, atol=0.01)


@every_motion
def test_two_steps_are_one(kind):
    model, states = kind.of(), targets(kind, 100)
    once = model.propagate(states, seconds(100, 5.0))
    twice = model.propagate(model.propagate(states, seconds(100, 2.0)), seconds(100, 3.0))
    np.testing.assert_allclose(twice[:, :3], once[:, :3], rtol=0, atol=0.02)
    np.testing.assert_allclose(twice[:, 3:], once[:, 3:], rtol=0, atol=0.01)


@every_motion
@pytest.mark.parametrize("dt_s", [-10.0, 0.5, 10.0])
def test_jacobian_is_the_derivative_of_propagate(kind, dt_s):
    model, states = kind.of(), targets(kind, 30)
    jacobian = model.jacobian(states, seconds(30, dt_s))
    steps = [0.1] * 3 + [0.01] * 3 + [3e-3 * (high - low) for low, high in kind.EXTENT]
    for j, step in enumerate(steps):
        change = np.zeros_like(states)
        for times, weight in ((1.0, 8.0), (-1.0, -8.0), (2.0, -1.0), (-2.0, 1.0)):  # exact to the fourth power
            moved = states.copy()
            moved[:, j] += times * step
            change += weight / 12.0 * model.propagate(moved, seconds(30, dt_s))
        size = np.abs(jacobian[:, :, j]).max()
        np.testing.assert_allclose(jacobian[:, :, j] / size, change / step / size, rtol=0, atol=1e-6)


@every_motion
@pytest.mark.parametrize("dt_s", [-60.0, -1.0, 0.1, 10.0, 600.0])
def test_process_noise_is_symmetric_and_positive_semidefinite(kind, dt_s):
    noise = kind.of().process_noise(targets(kind, 50), seconds(50, dt_s))
    np.testing.assert_allclose(noise, noise.swapaxes(1, 2), rtol=0, atol=1e-15 * np.abs(noise).max())
    assert np.linalg.eigvalsh(noise / scales(noise)).min() > -1e-9


@every_motion
def test_process_noise_is_what_the_jacobian_makes_of_white_noise(kind):
    dt_s, instant_s, n = 0.5, 1e-6, 20
    model, states = kind.of(), targets(kind, n)
    noise = model.process_noise(states, seconds(n, dt_s))
    nodes, weights = np.polynomial.legendre.leggauss(6)
    summed = np.zeros_like(noise)
    for node, weight in zip(nodes, weights, strict=True):
        at_s = dt_s / 2.0 * (1.0 + node)
        there = model.propagate(states, seconds(n, at_s))
        density = model.process_noise(there, seconds(n, instant_s)) / instant_s
        to_end = model.jacobian(there, seconds(n, dt_s - at_s))
        summed += weight * dt_s / 2.0 * to_end @ density @ to_end.swapaxes(1, 2)
    np.testing.assert_allclose(noise / scales(noise), summed / scales(noise), rtol=0, atol=1e-3)


@every_motion
def test_noise_of_two_steps_adds_up_to_that_of_one(kind):
    model, states, n = kind.of(), targets(kind, 20), 20
    first_s, second_s = seconds(n, 0.2), seconds(n, 0.3)
    between = model.propagate(states, first_s)
    onward = model.jacobian(between, second_s)
    both = onward @ model.process_noise(states, first_s) @ onward.swapaxes(1, 2)
    both += model.process_noise(between, second_s)
    once = model.process_noise(states, seconds(n, 0.5))
    np.testing.assert_allclose(once / scales(once), both / scales(once), rtol=0, atol=1e-3)


@every_motion
def test_noise_backwards_is_noise_forwards_brought_back(kind):
    model, states, n = kind.of(), targets(kind, 20), 20
    earlier = model.propagate(states, seconds(n, -0.5))
    back = model.jacobian(states, seconds(n, -0.5))
    brought = back @ model.process_noise(earlier, seconds(n, 0.5)) @ back.swapaxes(1, 2)
    noise = model.process_noise(states, seconds(n, -0.5))
    np.testing.assert_allclose(noise / scales(noise), brought / scales(noise), rtol=0, atol=1e-3)


@every_motion
@settings(max_examples=100, deadline=None)
@given(
    lat_rad=st.floats(-np.pi / 2, np.pi / 2),
    lon_rad=st.floats(-np.pi, np.pi),
    height_m=st.floats(-1e3, 2e6),
    velocity=st.tuples(*[st.floats(-8e3, 8e3)] * 3),
    dt_s=st.floats(-600.0, 600.0),
    data=st.data(),
)
def test_is_finite_anywhere(kind, lat_rad, lon_rad, height_m, velocity, dt_s, data):
    beyond = [data.draw(st.floats(low, high)) for low, high in kind.EXTENT]
    states = np.concatenate([ecef_from_geodetic(lat_rad, lon_rad, height_m), velocity, beyond])[None]
    model, dt = kind.of(), np.array([dt_s])
    for method in (model.propagate, model.jacobian, model.process_noise):
        assert np.isfinite(method(states, dt)).all()


@every_motion
@pytest.mark.parametrize("dt_s", [0.0, 0.3, 10.0, -4.0])
def test_predict_is_the_extended_kalman_prediction(kind, dt_s):
    """A kernel may take the vertical at the surface and leave out how the Earth's bend turns covariances.

    One may be of the second order (turns are), which adds the covariance's square: there it is small.
    """
    model, states, rng = kind.of(), targets(kind, 50), np.random.default_rng(4)
    d = states.shape[1]
    root = rng.normal(size=(50, d, d))
    sizes = np.array([200.0] * 3 + [20.0] * 3 + [(high - low) / 30.0 for low, high in kind.EXTENT])
    covariance = (root @ root.swapaxes(1, 2) / d) * sizes[:, None] * sizes
    covariance *= 1e-4 if issubclass(kind, Turn) else 1.0
    ahead, spread = model.predict(states, covariance, seconds(50, dt_s))
    plain_ahead, plain_spread = predict_by_jacobian(model, states, covariance, seconds(50, dt_s))
    assert np.abs(ahead - plain_ahead)[:, :3].max() < 2e-2
    assert np.abs(ahead - plain_ahead)[:, 3:].max() < 5e-3
    np.testing.assert_array_equal(spread, spread.swapaxes(1, 2))
    assert np.abs((spread - plain_spread) / scales(plain_spread)).max() < 5e-3
