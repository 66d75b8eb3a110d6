"""Every file in `sensors/` that holds a `Sensor`, held to the room's contract. New ones are found."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.estimation.angles import wrap
from noroshi.estimation.gating import chi_square_gate
from noroshi.geo.wgs84 import ecef_from_enu
from noroshi.records import Detections, Kind, SensorSite
from noroshi.run import rooms
from noroshi.sensors import detection_by_kind
from noroshi.sensors.prepare import arrange

UNITS = ("_m", "_m_s", "_m_s2", "_rad", "_rad_s", "_hz", "_db")


def kinds():
    for key in rooms.names("sensors"):
        yield pytest.param(rooms.load("sensors", key).Sensor, id=key)


every_sensor = pytest.mark.parametrize("kind", list(kinds()))


def site(**parameters):
    return SensorSite(sensor="one", type="one", lat_rad=0.9, lon_rad=-2.9, height_m=120.0, parameters=parameters)


def looks(kind, n, seed=1):
    """Return a sensor, states of aircraft around it and origins, all of which refuse to be written."""
    sensor, rng = kind.at(site()), np.random.default_rng(seed)
    origin = np.tile(sensor.origin_ecef_m, (n, 1))
    enu = rng.normal(size=(n, 3)) * [8e4, 8e4, 0.0] + [0.0, 0.0, 9000.0]
    states = np.hstack([ecef_from_enu(enu, origin), rng.normal(size=(n, 3)) * 200.0])
    for array in (states, origin):
        array.setflags(write=False)
    return sensor, states, origin


def test_there_are_sensors():
    assert len(list(kinds())) >= 3


@every_sensor
def test_what_it_declares_fits_together(kind):
    for name in kind.COMPONENTS:
        assert name.endswith(UNITS), name
        low, high = kind.BOUNDS[name]
        assert low < high
        assert name.endswith("_rad") or name not in kind.WRAPPED
        assert name not in kind.WRAPPED or high - low >= 2.0 * np.pi
    assert set(kind.BOUNDS) == set(kind.COMPONENTS)
    assert len(set(kind.COMPONENTS)) == len(kind.COMPONENTS)
    assert kind.REQUIRED
    assert set(kind.REQUIRED) <= set(kind.COMPONENTS)
    assert set(kind.WRAPPED) <= set(kind.COMPONENTS)
    assert {"scan_period_s", "detection_probability"} <= set(kind.PARAMETERS)
    assert isinstance(kind.NEEDS_ORIGIN, bool)
    for name in kind.PARAMETERS:
        assert "sigma" not in name or name.endswith(UNITS), name


@every_sensor
def test_a_site_sets_its_parameters_and_no_others(kind):
    assert dict(kind.at(site()).parameters) == dict(kind.PARAMETERS)
    assert kind.at(site(detection_probability=0.25)).parameters["detection_probability"] == 0.25
    with pytest.raises(ValueError, match=r"no_such_parameter_m.*detection_probability"):
        kind.at(site(no_such_parameter_m=1.0))
    with pytest.raises(ValueError, match="from 0 to 1"):
        kind.at(site(detection_probability=-0.1))


@every_sensor
def test_its_own_values_do_not_change(kind):
    with pytest.raises(dataclasses.FrozenInstanceError):
        kind.at(site()).parameters = {}


@every_sensor
@pytest.mark.parametrize("n", [0, 1, 5])
def test_shapes(kind, n):
    sensor, states, origin = looks(kind, n)
    m = len(kind.COMPONENTS)
    values = sensor.measure(states, origin)
    noise = sensor.noise(values)
    found, covariance = sensor.locate(values, noise, origin)
    assert values.shape == (n, m)
    assert noise.shape == (n, m, m)
    assert sensor.jacobian(states, origin).shape == (n, m, 6)
    assert (found.shape, covariance.shape) == ((n, 6), (n, 6, 6))
    assert sensor.detection_probability(states, origin).shape == (n,)
    assert sensor.origin_ecef_m.shape == (3,)


@every_sensor
def test_how_well_it_sees_each_kind_is_a_chance_and_no_kind_is_seen_better_than_it_says(kind):
    sensor = kind.at(site())
    chance = detection_by_kind(sensor)
    assert chance.shape == (len(Kind),)
    assert np.nanmin(chance) >= 0.0
    assert np.nanmax(chance) == sensor.parameters["detection_probability"]


@every_sensor
def test_rows_do_not_know_of_each_other_and_nothing_is_written(kind):
    sensor, states, origin = looks(kind, 7)
    values = sensor.measure(states, origin).copy()
    values[::2, [name not in kind.REQUIRED for name in kind.COMPONENTS]] = np.nan
    noise = sensor.noise(values)
    for array in (values, noise):
        array.setflags(write=False)

    def everything(rows):
        return (
            sensor.measure(states[rows], origin[rows]),
            sensor.jacobian(states[rows], origin[rows]),
            sensor.noise(values[rows]),
            *sensor.locate(values[rows], noise[rows], origin[rows]),
            sensor.detection_probability(states[rows], origin[rows]),
        )

    together = everything(np.arange(7))
    for row in range(7):
        for one, all_of_them in zip(everything(np.array([row])), together, strict=True):
            np.testing.assert_array_equal(one[0], all_of_them[row])


@every_sensor
def test_jacobian_is_the_derivative_of_measure(kind):
    sensor, states, origin = looks(kind, 20)
    jacobian = sensor.jacobian(states, origin)
    for j, step in enumerate([10.0] * 3 + [0.1] * 3):
        ahead, behind = states.copy(), states.copy()
        ahead[:, j] += step
        behind[:, j] -= step
        change = sensor.measure(ahead, origin) - sensor.measure(behind, origin)
        for name in kind.WRAPPED:
            column = kind.COMPONENTS.index(name)
            change[:, column] = (change[:, column] + np.pi) % (2.0 * np.pi) - np.pi
        scale = np.abs(jacobian).max(axis=2)
        np.testing.assert_allclose(jacobian[:, :, j] / scale, change / (2.0 * step) / scale, rtol=0, atol=2e-6)


@every_sensor
def test_values_of_aircraft_are_inside_the_bounds(kind):
    sensor, states, origin = looks(kind, 200)
    values = sensor.measure(states, origin)
    low, high = np.array([kind.BOUNDS[name] for name in kind.COMPONENTS]).T
    assert np.all((values >= low) & (values <= high))
    time_ns = np.full(200, 1_700_000_000_000_000_000)
    plots = Detections.of(sensor="one", components=kind.COMPONENTS, time_ns=time_ns, values=values)
    np.testing.assert_array_equal(arrange(plots, sensor).quality, 0)


@every_sensor
def test_locate_is_where_it_was_measured(kind):
    sensor, states, origin = looks(kind, 200)
    values = sensor.measure(states, origin)
    found, covariance = sensor.locate(values, sensor.noise(values), origin)
    again = sensor.measure(found, origin) - values
    wrapped = [name in kind.WRAPPED for name in kind.COMPONENTS]
    again[:, wrapped] = wrap(again[:, wrapped])
    sigma = np.sqrt(np.diagonal(sensor.noise(values), axis1=1, axis2=2))
    still = [i for i, name in enumerate(kind.COMPONENTS) if not name.endswith("_m_s")]
    np.testing.assert_array_less(np.abs(again / sigma)[:, still], 1e-3)
    error = states[:, :3] - found[:, :3]
    distance = np.vecdot(error, np.linalg.solve(covariance[:, :3, :3], error[:, :, None])[:, :, 0])
    assert np.mean(distance < chi_square_gate(0.999, 3)) > 0.9


@every_sensor
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_whatever_is_in_bounds_has_a_place(kind, data):
    m = len(kind.COMPONENTS)
    low, high = np.array([kind.BOUNDS[name] for name in kind.COMPONENTS]).T
    where = np.array(data.draw(st.lists(st.floats(0.0, 1.0), min_size=m, max_size=m)))
    near = np.array(data.draw(st.lists(st.sampled_from([1.0, 1e-2, 1e-4]), min_size=m, max_size=m)))
    lacks = data.draw(st.lists(st.booleans(), min_size=m, max_size=m))
    optional = [name not in kind.REQUIRED for name in kind.COMPONENTS]
    middle = np.clip(0.0, low, high)
    values = np.clip(middle + near * (low + where * (high - low) - middle), low, high)[None]
    values[0, np.array(lacks) & optional] = np.nan
    sensor = kind.at(site())
    noise = sensor.noise(values)
    assert np.isfinite(noise).all()
    assert np.linalg.eigvalsh(noise).min() > 0.0
    states, covariance = sensor.locate(values, noise, sensor.origin_ecef_m[None])
    assert np.isfinite(states).all()
    np.testing.assert_array_equal(covariance, covariance.swapaxes(1, 2))
    sigma = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    assert np.linalg.eigvalsh(covariance / sigma[:, :, None] / sigma[:, None, :]).min() > -1e-12
    again = sensor.measure(states, sensor.origin_ecef_m[None])
    assert np.isfinite(again).all()
    assert np.isfinite(sensor.jacobian(states, sensor.origin_ecef_m[None])).all()
    chance = sensor.detection_probability(states, sensor.origin_ecef_m[None])
    assert 0.0 <= chance[0] <= 1.0
