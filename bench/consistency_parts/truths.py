"""True ways of targets for the consistency bench: as the filter's model has them, and as nobody told the filter.

`matched` draws them from the shipped model itself, its process noise included. All others integrate equations written
here by scipy's DOP853, in coordinates the filter does not use (geodetic ones, an inertial frame), with what the filter
does not know: wind and gusts, turns that set in, drag that depends on the Mach number, steering, banking.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from noroshi.geo.wgs84 import (
    ECCENTRICITY_SQUARED,
    GRAVITATIONAL_PARAMETER_M3_S2,
    ROTATION_RATE_RAD_S,
    SEMI_MAJOR_AXIS_M,
    ecef_from_geodetic,
    enu_axes,
    geodetic_from_ecef,
)
from noroshi.motion import Motion

Floats = NDArray[np.float64]
Truth = Callable[[Floats, Floats, np.random.Generator], Floats]
SPIN = np.array([0.0, 0.0, ROTATION_RATE_RAD_S])
# Zonal harmonics of EGM2008 (Pavlis et al. 2012), J2 to J4.
J2, J3, J4 = 1.08263e-3, -2.5327e-6, -1.6196e-6
# U.S. Standard Atmosphere 1976, table I, every 10 km: density [kg/m3]; sound is taken to run at 300 m/s all the way.
DENSITY = np.array(
    [1.225, 0.41351, 0.08891, 0.018410, 3.9957e-3, 1.0269e-3, 3.0968e-4, 8.2829e-5, 1.8458e-5, 3.416e-6, 5.604e-7]
)
SOUND_M_S = 300.0
# Drag of a slender body over the Mach number, as a share of that at Mach 5: it trebles at the speed of sound.
MACH = np.array([0.0, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 20.0])
DRAG = np.array([0.74, 0.74, 0.77, 0.90, 1.27, 2.35, 2.50, 2.40, 2.13, 1.84, 1.67, 1.50, 1.20, 1.00, 0.90])


def matched(model: Motion, start: Floats, times_s: Floats, rng: np.random.Generator) -> Floats:
    """Return (k, n, d) states at k times of n targets that move by the model, process noise and all."""
    states, found = start, [start]
    for dt_s in np.diff(times_s):
        dt = np.full(len(start), dt_s)
        noise = model.process_noise(states, dt)
        size = np.sqrt(np.maximum(np.diagonal(noise, axis1=1, axis2=2), 1e-300))
        variance, axes = np.linalg.eigh(noise / size[:, :, None] / size[:, None, :])
        drawn = np.sqrt(np.maximum(variance, 0.0)) * rng.normal(size=states.shape)
        states = model.propagate(states, dt) + size * np.matvec(axes, drawn)
        found.append(states)
    return np.array(found)


def _waves(rng: np.random.Generator, n: int, sigma: tuple[float, ...], longest_s: float) -> Callable[[float], Floats]:
    """Return smooth random functions of time: (n, len(sigma)) values of these standard deviations, of eight sines each.

    Their periods are spread evenly by the logarithm from 2 s to `longest_s`, the longer the stronger.
    """
    period = np.exp(rng.uniform(np.log(2.0), np.log(longest_s), (n, len(sigma), 8)))
    phase = rng.uniform(0.0, 2.0 * np.pi, period.shape)
    size = np.sqrt(period)
    size *= np.sqrt(2.0) * np.array(sigma)[:, None] / np.sqrt((size**2).sum(axis=2, keepdims=True))
    return lambda t: (size * np.sin(2.0 * np.pi * t / period + phase)).sum(axis=2)


def _step(t: float, onset_s: Floats, ramp_s: float) -> Floats:
    return 0.5 + 0.5 * np.tanh((t - onset_s) / ramp_s * 2.0)


def _integrate(rate: Callable[[float, Floats], Floats], start: Floats, times_s: Floats, step_s: float) -> Floats:
    shape = start.shape
    flown = solve_ivp(
        lambda t, y: rate(t, y.reshape(shape)).ravel(),
        (times_s[0], times_s[-1]),
        start.ravel(),
        method="DOP853",
        t_eval=times_s,
        rtol=1e-9,
        atol=1e-9,
        max_step=step_s,
    )
    return flown.y.T.reshape(len(times_s), *shape)


def aircraft(start: Floats, times_s: Floats, rng: np.random.Generator, *, turns: float, climbs: float) -> Floats:
    """Return (k, n, 6) states of aircraft over the ellipsoid, in wind and gusts.

    Integrated are latitude, longitude, height, heading and airspeed. At a random time a turn sets in (a share `turns`
    of them, either way, at up to 3 degrees a second with 3 s of rolling) and stops again; `climbs` is the standard
    deviation of the slow changes of the rate of climb.
    """
    n, span_s = len(start), times_s[-1] - times_s[0]
    lat, lon, height = geodetic_from_ecef(start[:, :3])
    east, north, up = np.matvec(enu_axes(lat, lon), start[:, 3:6]).T
    gust = _waves(rng, n, (1.5, 1.5, 0.5), 60.0)
    wind = rng.normal(size=(n, 2)) * 15.0
    climb, push = _waves(rng, n, (climbs,), 120.0), _waves(rng, n, (0.15,), 60.0)
    onset, lasts = times_s[0] + rng.uniform(0.0, 1.0, n) * span_s, rng.uniform(15.0, 60.0, n)
    turn = np.radians(rng.uniform(1.0, 3.0, n)) * rng.choice([-1.0, 1.0], n) * (rng.uniform(size=n) < turns)

    def flow(t: float, y: Floats) -> tuple[Floats, Floats]:
        g = gust(t)
        normal = SEMI_MAJOR_AXIS_M / np.sqrt(1.0 - ECCENTRICITY_SQUARED * np.sin(y[:, 0]) ** 2)
        meridian = normal**3 * (1.0 - ECCENTRICITY_SQUARED) / SEMI_MAJOR_AXIS_M**2
        ground = np.stack(
            [
                y[:, 4] * np.sin(y[:, 3]) + wind[:, 0] + g[:, 0],
                y[:, 4] * np.cos(y[:, 3]) + wind[:, 1] + g[:, 1],
                up + climb(t)[:, 0] + g[:, 2],
            ],
            axis=1,
        )
        return ground, np.stack(
            [
                ground[:, 1] / (meridian + y[:, 2]),
                ground[:, 0] / ((normal + y[:, 2]) * np.cos(y[:, 0])),
                ground[:, 2],
                turn * (_step(t, onset, 3.0) - _step(t, onset + lasts, 3.0)),
                push(t)[:, 0],
            ],
            axis=1,
        )

    air = np.stack([east - wind[:, 0], north - wind[:, 1]], axis=1)
    y = np.column_stack([lat, lon, height, np.arctan2(air[:, 0], air[:, 1]), np.hypot(*air.T)])
    ways = _integrate(lambda t, y: flow(t, y)[1], y, times_s, 1.0)
    found = []
    for t, at in zip(times_s, ways, strict=True):
        velocity = np.vecmat(flow(t, at)[0], enu_axes(at[:, 0], at[:, 1]))
        found.append(np.hstack([ecef_from_geodetic(at[:, 0], at[:, 1], at[:, 2]), velocity]))
    return np.array(found)


def hovering(start: Floats, times_s: Floats, rng: np.random.Generator) -> Floats:
    """Return (k, n, 6) states of multicopters that hold their place in gusts like a damped spring."""
    n = len(start)
    axes, origin = enu_axes(*geodetic_from_ecef(start[:, :3])[:2]), start[:, :3]
    gust = _waves(rng, n, (4.0, 4.0, 1.0), 60.0)
    place = np.hstack([np.zeros((n, 3)), np.matvec(axes, start[:, 3:6])])

    def rate(t: float, y: Floats) -> Floats:
        return np.hstack([y[:, 3:], -0.01 * y[:, :3] - 0.2 * (y[:, 3:] - gust(t))])

    ways = _integrate(rate, place, times_s, 1.0)
    return np.concatenate([origin + np.vecmat(ways[:, :, :3], axes), np.vecmat(ways[:, :, 3:], axes)], axis=2)


def _gravity(r: Floats) -> Floats:
    """Return the pull of an Earth with J2, J3 and J4 at inertial places: Vallado (2013), equations 8-25 to 8-28."""
    d = np.linalg.norm(r, axis=1)[:, None]
    z, a = r[:, 2:] / d, SEMI_MAJOR_AXIS_M / d
    plane = 1.5 * J2 * a**2 * (1.0 - 5.0 * z**2) + 2.5 * J3 * a**3 * (3.0 * z - 7.0 * z**3)
    plane -= 1.875 * J4 * a**4 * (1.0 - 14.0 * z**2 + 21.0 * z**4)
    polar = 1.5 * J2 * a**2 * (3.0 - 5.0 * z**2) * z + 0.5 * J3 * a**3 * (30.0 * z**2 - 35.0 * z**4 - 3.0)
    polar -= 0.625 * J4 * a**4 * (15.0 - 70.0 * z**2 + 63.0 * z**4) * z
    pull = r / d * (1.0 + plane)
    pull[:, 2:] = z + polar
    return -GRAVITATIONAL_PARAMETER_M3_S2 / d**2 * pull


def _inertial(
    start: Floats, times_s: Floats, force: Callable[[float, Floats, Floats, Floats, Floats], Floats], wind: Floats
) -> Floats:
    """Return (k, n, 6) Earth-fixed states of what falls and is pushed, integrated in axes that do not turn.

    Args:
        start: (n, 6) Earth-fixed, at the first of the times.
        times_s: (k,).
        force: returns the acceleration of time, unit vector along the flow, unit vector upwards across it, dynamic
            pressure [Pa], Mach number.
        wind: (n, 3) that blows everywhere, Earth-fixed axes at the start.
    """
    begin_s = times_s[0]
    y = start[:, :6].copy()
    y[:, 3:] += np.cross(SPIN, y[:, :3])

    def rate(t: float, y: Floats) -> Floats:
        r, flow = y[:, :3], y[:, 3:] - np.cross(SPIN, y[:, :3]) - wind
        speed = np.linalg.norm(flow, axis=1)
        ahead = flow / speed[:, None]
        across = r - np.vecdot(r, ahead)[:, None] * ahead
        across /= np.linalg.norm(across, axis=1)[:, None]
        turned = _turned(r, -ROTATION_RATE_RAD_S * (t - begin_s))
        density = np.exp(np.interp(geodetic_from_ecef(turned)[2] / 1e4, np.arange(11.0), np.log(DENSITY)))
        pressure = density * speed**2 / 2.0
        return np.hstack([y[:, 3:], _gravity(r) + force(t, ahead, across, pressure, speed / SOUND_M_S)])

    ways, found = _integrate(rate, y, times_s, 1.0), []
    for t, at in zip(times_s, ways, strict=True):
        back = -ROTATION_RATE_RAD_S * (t - begin_s)
        velocity = at[:, 3:] - np.cross(SPIN, at[:, :3])
        found.append(np.hstack([_turned(at[:, :3], back), _turned(velocity, back)]))
    return np.array(found)


def _turned(v: Floats, angle_rad: float) -> Floats:
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return v @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def _wind(start: Floats, rng: np.random.Generator) -> Floats:
    axes = enu_axes(*geodetic_from_ecef(start[:, :3])[:2])
    return np.vecmat(rng.normal(size=(len(start), 3)) * [20.0, 10.0, 0.0], axes)


def falling(start: Floats, times_s: Floats, rng: np.random.Generator) -> Floats:
    """Return (k, n, 6) states of falling bodies whose drag follows the Mach number, in wind and uneven air."""
    n = len(start)
    coefficient, unrest = np.exp(start[:, 6]), _waves(rng, n, (0.05,), 60.0)

    def force(t: float, ahead: Floats, _: Floats, pressure: Floats, mach: Floats) -> Floats:
        drag = pressure / coefficient * np.interp(mach, MACH, DRAG) * (1.0 + unrest(t)[:, 0])
        return -drag[:, None] * ahead

    return _inertial(start, times_s, force, _wind(start, rng))


def boosting(start: Floats, times_s: Floats, rng: np.random.Generator) -> Floats:
    """Return (k, n, 6) states under constant thrust on a falling mass, with drag over Mach, steered by some degrees."""
    n = len(start)
    first_g, ratio, steer = start[:, 6], start[:, 7], _waves(rng, n, (0.02, 0.02, 0.01), 120.0)

    def force(t: float, ahead: Floats, across: Floats, pressure: Floats, mach: Floats) -> Floats:
        left = 1.0 - ratio * (t - times_s[0])
        off = steer(t)
        thrust = (first_g / left)[:, None] * (1.0 + off[:, 2:])
        drag = pressure / 8_000.0 / left * np.interp(mach, MACH, DRAG)
        return thrust * (ahead + off[:, :1] * across + off[:, 1:2] * np.cross(across, ahead)) - drag[:, None] * ahead

    return _inertial(start, times_s, force, _wind(start, rng))


def gliding(start: Floats, times_s: Floats, rng: np.random.Generator) -> Floats:
    """Return (k, n, 6) states of gliders that bank at a random time, drag growing with the square of the lift."""
    n = len(start)
    coefficient, ratio = np.exp(start[:, 6]), start[:, 8]
    onset = times_s[0] + rng.uniform(0.0, 1.0, n) * (times_s[-1] - times_s[0])
    bank, pull = np.radians(rng.uniform(-60.0, 60.0, n)), _waves(rng, n, (0.15,), 90.0)

    def force(t: float, ahead: Floats, across: Floats, pressure: Floats, _: Floats) -> Floats:
        share = 1.0 + pull(t)[:, 0]  # of the lift that the glide needs
        drag = pressure / coefficient * (0.5 + 0.5 * share**2)
        lift = pressure / coefficient * ratio * share
        angle = bank * _step(t, onset, 4.0)
        side = np.cross(across, ahead)
        return lift[:, None] * (np.cos(angle)[:, None] * across + np.sin(angle)[:, None] * side) - drag[:, None] * ahead

    return _inertial(start, times_s, force, _wind(start, rng))
