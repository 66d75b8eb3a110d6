import mpmath as mp
import numpy as np
import pytest

from noroshi.geo import atmosphere, wgs84

# U.S. Standard Atmosphere, 1976, NOAA-S/T 76-1562, table I: geometric height [m] and density [kg/m3].
TABLE = {
    0: 1.2250,
    1_000: 1.1117,
    5_000: 7.3643e-1,
    10_000: 4.1351e-1,
    11_000: 3.6480e-1,
    15_000: 1.9476e-1,
    20_000: 8.8910e-2,
    25_000: 4.0084e-2,
    30_000: 1.8410e-2,
    40_000: 3.9957e-3,
    50_000: 1.0269e-3,
    60_000: 3.0968e-4,
    70_000: 8.2829e-5,
    80_000: 1.8458e-5,
}


def test_layers_are_the_published_table():
    heights = np.array(list(TABLE), float)
    np.testing.assert_allclose(atmosphere.density_kg_m3(heights), list(TABLE.values()), rtol=6e-5)


def test_above_it_is_the_published_table_and_between_its_heights_near_it():
    np.testing.assert_allclose(
        atmosphere.density_kg_m3(np.array([86e3, 100e3, 120e3, 200e3, 500e3, 1000e3])),
        [6.958e-6, 5.604e-7, 2.222e-8, 2.541e-10, 5.215e-13, 3.561e-15],
        rtol=1e-12,
    )
    assert atmosphere.density_kg_m3(np.array([175e3]))[0] == pytest.approx(6.339e-10, rel=0.01)


def test_has_no_gaps_and_falls_with_height():
    heights = np.linspace(-6e3, 1.2e6, 200_001)
    log_density = np.log(atmosphere.density_kg_m3(heights))
    assert np.all(np.diff(log_density) <= 0.0)
    for edge in (86e3, *(6_356_766.0 * h / (6_356_766.0 - h) for h in (11e3, 20e3, 32e3, 47e3, 51e3, 71e3))):
        below, above = np.log(atmosphere.density_kg_m3(np.array([edge - 1e-3, edge + 1e-3])))
        assert abs(above - below) < 5e-5


def exact_force(x, c, turn, climb):
    """Return drag and lift with many digits, written from Li and Jilkov's equation."""
    p, v = x[:3], x[3:]
    r = mp.sqrt(sum(a * a for a in p))
    n = [a / r for a in p]
    e2 = mp.mpf(wgs84.ECCENTRICITY_SQUARED)
    across = mp.sqrt(p[0] ** 2 + p[1] ** 2)
    lat = mp.atan2(p[2], across)
    for _ in range(40):
        normal = wgs84.SEMI_MAJOR_AXIS_M / mp.sqrt(1 - e2 * mp.sin(lat) ** 2)
        lat = mp.atan2(p[2] + e2 * normal * mp.sin(lat), across)
    height = across / mp.cos(lat) - wgs84.SEMI_MAJOR_AXIS_M / mp.sqrt(1 - e2 * mp.sin(lat) ** 2)
    geopotential = 6356766 * height / (6356766 + height)
    # the layer from 51 to 71 km, base values from the layers below
    temperature = mp.mpf("270.65") - mp.mpf("0.0028") * (geopotential - 51000)
    pressure = mp.mpf("66.93887") * (temperature / mp.mpf("270.65")) ** (mp.mpf("0.0341631947") / mp.mpf("0.0028"))
    density = pressure * mp.mpf("0.0289644") / (mp.mpf("8.31432") * temperature)
    speed = mp.sqrt(sum(a * a for a in v))

    def cross(a, b):
        return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]

    side = cross(n, v)
    w = mp.sqrt(sum(a * a for a in side) + 1)
    upward = cross(v, side)
    pressed = density * speed**2 / (2 * mp.exp(c))
    return [pressed * (-v[i] / speed + turn * side[i] / w + climb * upward[i] / (speed * w)) for i in range(3)]


def test_force_and_its_derivatives_are_those_of_many_digits():
    rng = np.random.default_rng(3)
    n = 6
    place = wgs84.ecef_from_geodetic(rng.uniform(-1.4, 1.4, n), rng.uniform(-3, 3, n), rng.uniform(53e3, 69e3, n))
    states = np.hstack([place, rng.normal(size=(n, 3)) * 3000.0])
    with mp.workdps(40):
        step = mp.mpf(10) ** -12
        for x in states:
            parameters = [9.0, 0.7, 2.2]
            rate, by_state, by_parameters = np.zeros(6), np.zeros((6, 6)), np.empty((3, 3))
            atmosphere.add_air_force(x, *parameters, 0.0, atmosphere.FORCE_MAX_M_S2, rate, by_state, by_parameters)
            at = [mp.mpf(a) for a in [*x, *parameters]]
            force = np.array(exact_force(at[:6], *at[6:]), float)
            np.testing.assert_allclose(rate[3:], force, rtol=1e-6, atol=1e-6 * np.linalg.norm(force))
            ours = np.hstack([by_state[3:], by_parameters])
            for j in range(9):
                ends = []
                for sign in (1, -1):
                    moved = list(at)
                    moved[j] += sign * step
                    ends.append(exact_force(moved[:6], *moved[6:]))
                theirs = np.array([(high - low) / (2 * step) for high, low in zip(*ends, strict=True)], float)
                np.testing.assert_allclose(ours[:, j], theirs, rtol=0, atol=2e-6 * np.abs(theirs).max())


def test_the_most_force_is_bounded():
    place = wgs84.ecef_from_geodetic(0.3, 0.2, 0.0)
    rate, by_state, by_parameters = np.zeros(6), np.zeros((6, 6)), np.empty((3, 3))
    state, log_coefficient = np.array([*place, 8e3, 0.0, 0.0]), np.log(100.0)
    atmosphere.add_air_force(state, log_coefficient, 0.0, 0.0, 0.0, 500.0, rate, by_state, by_parameters)
    np.testing.assert_allclose(np.linalg.norm(rate), 500.0, rtol=1e-12)
    assert np.isfinite(by_state).all()
