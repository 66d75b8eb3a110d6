import mpmath as mp
import numpy as np
import pytest

from noroshi.geo import gravity, wgs84


def places(n=40, seed=1):
    rng = np.random.default_rng(seed)
    position = wgs84.ecef_from_geodetic(
        rng.uniform(-1.5, 1.5, n), rng.uniform(-3.1, 3.1, n), 10.0 ** rng.uniform(2.0, 7.0, n)
    )
    return np.hstack([position, rng.normal(size=(n, 3)) * 3000.0])


def potential(x, y, z):
    # Kaula (1966), Theory of Satellite Geodesy, equation 1.31 with the second zonal harmonic alone
    r = mp.sqrt(x**2 + y**2 + z**2)
    legendre = (3 * (z / r) ** 2 - 1) / 2
    mu, a, j2 = (mp.mpf(c) for c in (wgs84.GRAVITATIONAL_PARAMETER_M3_S2, wgs84.SEMI_MAJOR_AXIS_M, wgs84.J2))
    return mu / r * (1 - j2 * (a / r) ** 2 * legendre)


def exact(state):
    """Return the acceleration and its derivatives by the state from the potential, in Earth-fixed axes."""
    x, v, spin = [mp.mpf(c) for c in state[:3]], [mp.mpf(c) for c in state[3:]], mp.mpf(wgs84.ROTATION_RATE_RAD_S)
    unit = [tuple(int(i == j) for j in range(3)) for i in range(3)]
    pull = [mp.diff(potential, x, order) for order in unit]
    by_p = mp.matrix(3, 6)
    for i in range(3):
        for j in range(3):
            by_p[i, j] = mp.diff(potential, x, tuple(a + b for a, b in zip(unit[i], unit[j], strict=True)))
    # -2 w x v - w x (w x p) with w along z
    turn = [2 * spin * v[1] + spin**2 * x[0], -2 * spin * v[0] + spin**2 * x[1], 0]
    by_p[0, 0] += spin**2
    by_p[1, 1] += spin**2
    by_p[0, 4], by_p[1, 3] = 2 * spin, -2 * spin
    return [a + b for a, b in zip(pull, turn, strict=True)], by_p


def test_is_the_gradient_of_the_potential_with_rotation_and_its_derivatives_too():
    states = places(8)
    ours = gravity.free_fall(states)
    rate, by_state = np.empty(6), np.zeros((6, 6))
    with mp.workdps(40):
        for state, row in zip(states, ours, strict=True):
            acceleration, by_p = exact(state)
            np.testing.assert_allclose(row, np.array(acceleration, float), rtol=1e-13, atol=1e-14)
            gravity.fall(state, rate, by_state)
            np.testing.assert_array_equal(rate, [*state[3:], *row])
            theirs = np.array(by_p.tolist(), float)
            np.testing.assert_allclose(by_state[3:], theirs, rtol=1e-11, atol=1e-12 * np.abs(theirs[:, :3]).max())
            np.testing.assert_array_equal(by_state[:3], np.eye(6)[3:])


@pytest.mark.parametrize("lat_deg", [0.0, 15.0, 45.0, 70.0, 90.0])
def test_weight_at_the_surface_is_the_normal_gravity_of_wgs_84(lat_deg):
    lat = np.radians(lat_deg)
    # NGA.STND.0036, equation 4-1 (Somigliana) and table 3.3; J4 of the normal field is what we leave out
    square = np.sin(lat) ** 2
    normal = 9.7803253359 * (1 + 0.00193185265241 * square) / np.sqrt(1 - wgs84.ECCENTRICITY_SQUARED * square)
    place = np.array([[*wgs84.ecef_from_geodetic(lat, 0.3, 0.0), 0.0, 0.0, 0.0]])
    weight = gravity.free_fall(place)[0]
    assert np.linalg.norm(weight) == pytest.approx(normal, rel=2e-5)
    np.testing.assert_allclose(weight / np.linalg.norm(weight), -wgs84.enu_axes(lat, 0.3)[2], rtol=0, atol=2e-5)


def test_gravity_alone_has_no_rotation_in_it():
    states = places(10)
    still = states * [1, 1, 1, 0, 0, 0]
    apart = gravity.free_fall(still)
    apart[:, :2] -= wgs84.ROTATION_RATE_RAD_S**2 * still[:, :2]
    np.testing.assert_allclose(gravity.gravity(states[:, :3]), apart, rtol=1e-12, atol=1e-14)


def test_inside_it_stays_finite_and_goes_to_nothing_at_the_centre():
    states = np.zeros((3, 6))
    states[:, 2] = [0.0, 1e3, 6.19e6]
    found = np.linalg.norm(gravity.free_fall(states), axis=1)
    np.testing.assert_allclose(found[0], 0.0, atol=1e-12)
    assert found[0] < found[1] < found[2] < 11.0
