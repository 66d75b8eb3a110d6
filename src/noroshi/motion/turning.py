"""What all turns share: a nearly constant rate about the local vertical, over the curved Earth or a plane."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from noroshi.estimation.white_noise import integrated_twice
from noroshi.geo.curvature import radii_of_curvature_m
from noroshi.geo.wgs84 import ECCENTRICITY_SQUARED, Floats, enu_axes, enu_axes_at, geodetic_from_ecef
from noroshi.kernel import kernel
from noroshi.motion import POSITION_AND_VELOCITY, require_densities
from noroshi.records import Kind

PLANE_UP = (1.0, 0.0, 0.0)
LEFT_RAD_S, RIGHT_RAD_S = (0.0134, 0.0738), (-0.0738, -0.0134)
"""Between which the rates of turns lie that have set in: 2.5 degrees a second with a standard deviation of 1."""
LONG_S = 60.0
"""A longer step bends by the turn rate as if that were known as well as after so long: the prediction is of the second
order in what is not known of the angle, which after minutes is more than a turn. By the order alone, an aircraft at
40 m/s that was unseen for ten minutes went on at 200 km/s."""
SERIES_RAD = 0.1  # below this turn angle a difference of nearly equal numbers is taken from its series, to 1e-10


@dataclass(frozen=True, slots=True)
class Turn:
    """Constant speed, climb and turn rate, disturbed by white-noise acceleration and white-noise turn acceleration.

    The turn rate is about the geodetic up, so positive is to the left (from north to west). In the horizontal plane of
    its place p the target goes D along a circular arc and ends with velocity w; then the plane is laid on the sphere
    through p, which to the second order adds (D (p.D) - p (D.D)) / (2 |p|^2) to the position and (D (p.w) - p (D.w)) /
    |p|^2 to the velocity. Without a turn it is `constant_velocity` exactly. It is meant for at most half a turn a step.
    With `CURVED` false up is the Earth-fixed x, nothing is laid on a sphere, and it is `plane_constant_velocity`.

    Attributes:
        horizontal_psd_m2_s3: power spectral density of the acceleration along each horizontal axis.
        vertical_psd_m2_s3: the same along the vertical.
        turn_rate_psd_rad2_s3: power spectral density of the turn acceleration: over dt it adds
            turn_rate_psd_rad2_s3 * dt to the variance of the turn rate.

    Source: Li and Jilkov (2003), Survey of Maneuvering Target Tracking, Part I: Dynamic Models, IEEE Trans. Aerospace
    and Electronic Systems 39(4), 1333-1364, section V.B (turn with a turn rate to be estimated), on a sphere.
    """

    KIND: ClassVar[Kind] = Kind.AIRCRAFT
    COMPONENTS: ClassVar[tuple[str, ...]] = (
        *POSITION_AND_VELOCITY,
        "turn_rate_rad_s",
    )
    CURVED: ClassVar[bool] = True

    horizontal_psd_m2_s3: float = 1.0
    vertical_psd_m2_s3: float = (
        2.0  # as constant velocity has it: of several models the likelier by its climb would win
    )
    turn_rate_psd_rad2_s3: float = 1e-5

    @classmethod
    def of(cls, **parameters: float) -> Self:
        """Return the model; see `Motion.of` of the room."""
        model = cls(**parameters)
        require_densities(**parameters)
        return model

    def propagate(self, states: Floats, dt_s: Floats) -> Floats:
        """Return (n, 7) states `dt_s` (n,) later."""
        p, v, dt = states[:, :3], states[:, 3:6], dt_s[:, None]
        up = self._up(p)
        angle = states[:, 6:] * dt
        climb = np.vecdot(up, v)[:, None] * up
        level, left = v - climb, np.cross(up, v)
        displacement = dt * (climb + _sine(angle) * level + _versine(angle) * left)
        velocity = climb + np.cos(angle) * level + np.sin(angle) * left
        square = np.vecdot(p, p)[:, None] if self.CURVED else np.inf
        return np.hstack(
            [
                p + displacement + _bend(p, displacement, displacement) / (2.0 * square),
                velocity + _bend(p, displacement, velocity) / square,
                states[:, 6:],
            ]
        )

    def jacobian(self, states: Floats, dt_s: Floats) -> Floats:
        """Return (n, 7, 7) derivatives of `propagate` by the state, that of up by the position included."""
        p, v = states[:, :3], states[:, 3:6]
        d, w, arcs = _arc_jacobians(v, self._up(p), states[:, 6], dt_s)
        flat = np.zeros((len(states), 6, 7))
        flat[:, :, 3:6] = arcs[:, :, :3]
        flat[:, :, 6] = arcs[:, :, 6]
        rows = np.zeros((len(states), 7, 7))
        rows[:, 6, 6] = 1.0
        if self.CURVED:
            flat[:, :, :3] = arcs[:, :, 3:6] @ _up_by_place(p)
            rows[:, :6] = _laid_on_sphere(p, d, w) @ flat
            rows[:, :6, :3] += _laid_on_sphere_by_place(p, d, w)
        else:
            rows[:, :6] = flat
            rows[:, :3, :3] = np.eye(3)
        return rows

    def process_noise(self, states: Floats, dt_s: Floats) -> Floats:
        """Return (n, 7, 7) process noise.

        What comes of the acceleration is exact on the plane. The noise of the turn rate reaches velocity and position
        as an acceleration up x v for each rad/s; that turns, and is taken where it points at the end of the step for
        the velocity and after three quarters of it for the position, which is right to the first order in the angle.
        """
        up, rate = self._up(states[:, :3]), states[:, 6]
        left = np.cross(up, states[:, 3:6])
        forward = np.cross(left, up)
        angle, over = (rate * dt_s)[:, None], np.abs(dt_s)
        reach = np.zeros((len(states), 7, 3))
        for block, part in ((slice(0, 3), 0.75), (slice(3, 6), 1.0)):
            reach[:, block, block.start // 3] = np.cos(part * angle) * left - np.sin(part * angle) * forward
        reach[:, 6, 2] = 1.0
        noise: Floats = reach @ (self.turn_rate_psd_rad2_s3 * _thrice_integrated(dt_s)) @ reach.swapaxes(1, 2)
        up_up = up[:, :, None] * up[:, None, :]
        noise[:, :6, :6] += integrated_twice(self.vertical_psd_m2_s3 * up_up, dt_s)
        level = self.horizontal_psd_m2_s3 * (np.eye(3) - up_up)
        turned = (rate * over)[:, None, None]
        over, sign = over[:, None, None], np.sign(dt_s)[:, None, None]
        lag = _sine_lag(turned)
        curl = self.horizontal_psd_m2_s3 * over**2 * turned * lag * _skew(up)
        coupled = over**2 * sign * _sine(turned / 2.0) ** 2 / 2.0 * level
        noise[:, :3, :3] += 2.0 * over**3 * lag * level
        noise[:, :3, 3:6] += coupled - curl
        noise[:, 3:6, :3] += coupled + curl
        noise[:, 3:6, 3:6] += over * level
        return noise

    def predict(self, mean: Floats, covariance: Floats, dt_s: Floats) -> tuple[Floats, Floats]:
        """Return (n, 7) means and (n, 7, 7) covariances `dt_s` (n,) later; see `Motion.predict` of the room.

        The covariance is carried along as on a plane whose vertical does not depend on the place, which changes it in
        proportion of the angle flown about the Earth (one part in two thousand for ten seconds at 300 m/s).

        An uncertain turn rate bends what it leads to, so that the prediction is of the second order in it and in its
        product with the velocity: Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and
        Navigation, section 10.3.2. By the Jacobian alone the filter claims up to four tenths more than it knows. Steps
        longer than `LONG_S` are kept from what the order does not hold for.
        """
        ahead, spread = np.empty_like(mean), np.empty_like(covariance)
        densities = self.horizontal_psd_m2_s3, self.vertical_psd_m2_s3, self.turn_rate_psd_rad2_s3
        _predict(mean, covariance, dt_s, *densities, float(self.CURVED), ahead, spread)
        return ahead, spread

    def _up(self, p: Floats) -> Floats:
        """Return (n, 3) unit vectors along the vertical at places (n, 3)."""
        return enu_axes_at(p)[:, 2] if self.CURVED else np.tile(PLANE_UP, (len(p), 1))


@dataclass(frozen=True, slots=True)
class TurnSetIn(Turn):
    """A turn to one side, one of several models of a bank.

    Whenever a target takes it up its rate is anew anywhere in the extent, whatever came of the turn before. With one
    model a side each filter has one arc to bend along, and its Jacobian holds. The densities were chosen on the tuning
    flights of `bench/manoeuvres.py`.
    """

    SETS_IN: ClassVar[bool] = True

    horizontal_psd_m2_s3: float = 4.0
    turn_rate_psd_rad2_s3: float = 4e-6


@kernel
def _predict(
    mean: Floats,
    covariance: Floats,
    dt_s: Floats,
    horizontal: float,
    vertical: float,
    turning: float,
    curved: float,
    ahead: Floats,
    spread: Floats,
) -> None:
    """Write the prediction of each row into `ahead` and `spread`; `curved` is 1 over the Earth and 0 in the plane."""
    up, level, left, moved, ending = np.empty(3), np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    by_rate = np.empty((6, 4))  # derivatives of the new position and velocity by velocity and turn rate
    carried = np.empty((7, 6))  # covariance of the old state with the new position and velocity
    reach = np.empty(6)
    twist, swept = np.empty((6, 3)), np.empty((6, 3))  # derivatives of by_rate by the turn rate; times that covariance
    bend, shift = np.empty(6), np.empty(6)  # second derivatives by the turn rate; what its product with v shifts
    for i in range(mean.shape[0]):
        dt, x, rate = dt_s[i], mean[i], mean[i, 6]
        over = abs(dt)
        known = min(1.0, LONG_S / over) if over > 0.0 else 1.0
        up[0] = x[0] if curved > 0.0 else 1.0
        up[1], up[2] = curved * x[1], curved * x[2] / (1.0 - ECCENTRICITY_SQUARED)
        scale = 1.0 / math.sqrt(up[0] * up[0] + up[1] * up[1] + up[2] * up[2])
        for a in range(3):
            up[a] *= scale
        climb = up[0] * x[3] + up[1] * x[4] + up[2] * x[5]
        for a in range(3):
            level[a] = x[3 + a] - climb * up[a]
        left[0] = up[1] * x[5] - up[2] * x[4]
        left[1] = up[2] * x[3] - up[0] * x[5]
        left[2] = up[0] * x[4] - up[1] * x[3]
        angle = rate * dt
        sin, cos = math.sin(angle), math.cos(angle)
        half = math.sin(0.5 * angle)
        if abs(angle) < 1e-4:
            sine, versine, sine_slope, versine_slope = 1.0 - angle * angle / 6.0, 0.5 * angle, -angle / 3.0, 0.5
            sine_bend, versine_bend = -1.0 / 3.0, -0.25 * angle
        else:
            sine, versine = sin / angle, 2.0 * half * half / angle
            sine_slope, versine_slope = (cos - sine) / angle, (sin - versine) / angle
            sine_bend, versine_bend = -sine - 2.0 * sine_slope / angle, (cos - 2.0 * versine_slope) / angle
        bent = curved / (x[0] * x[0] + x[1] * x[1] + x[2] * x[2])
        p_moved, p_ending, moved_moved, moved_ending = 0.0, 0.0, 0.0, 0.0
        for a in range(3):
            moved[a] = dt * (climb * up[a] + sine * level[a] + versine * left[a])
            ending[a] = climb * up[a] + cos * level[a] + sin * left[a]
            p_moved += x[a] * moved[a]
            p_ending += x[a] * ending[a]
            moved_moved += moved[a] * moved[a]
            moved_ending += moved[a] * ending[a]
        for a in range(3):
            ahead[i, a] = x[a] + moved[a] + 0.5 * (moved[a] * p_moved - x[a] * moved_moved) * bent
            ahead[i, 3 + a] = ending[a] + (moved[a] * p_ending - x[a] * moved_ending) * bent
            for b in range(3):
                along = up[a] * up[b]
                by_rate[a, b] = dt * (1.0 - sine) * along
                by_rate[3 + a, b] = (1.0 - cos) * along
                twist[a, b], twist[3 + a, b] = -dt * dt * sine_slope * along, dt * sin * along
            by_rate[a, a] += dt * sine
            by_rate[3 + a, a] += cos
            after, behind = (a + 1) % 3, (a + 2) % 3
            by_rate[a, after] -= dt * versine * up[behind]
            by_rate[a, behind] += dt * versine * up[after]
            by_rate[3 + a, after] -= sin * up[behind]
            by_rate[3 + a, behind] += sin * up[after]
            twist[a, a] += dt * dt * sine_slope
            twist[3 + a, a] -= dt * sin
            twist[a, after] -= dt * dt * versine_slope * up[behind]
            twist[a, behind] += dt * dt * versine_slope * up[after]
            twist[3 + a, after] -= dt * cos * up[behind]
            twist[3 + a, behind] += dt * cos * up[after]
            by_rate[a, 3] = known * dt * dt * (sine_slope * level[a] + versine_slope * left[a])
            by_rate[3 + a, 3] = known * dt * (cos * left[a] - sin * level[a])
            bend[a] = dt * dt * dt * (sine_bend * level[a] + versine_bend * left[a])
            bend[3 + a] = -dt * dt * (cos * level[a] + sin * left[a])
        ahead[i, 6] = rate
        unsure = known * known * covariance[i, 6, 6]
        noisy = known * known * known * turning
        for a in range(6):
            shift[a] = 0.0
            for b in range(3):
                shift[a] += known * twist[a, b] * covariance[i, 3 + b, 6]
                swept[a, b] = 0.0
                for c in range(3):
                    swept[a, b] += unsure * twist[a, c] * covariance[i, 3 + c, 3 + b]
            ahead[i, a] += 0.5 * unsure * bend[a] + shift[a]
        for a in range(7):
            for b in range(6):
                total = covariance[i, a, b] if b < 3 else 0.0
                for c in range(4):
                    total += covariance[i, a, 3 + c] * by_rate[b, c]
                carried[a, b] = total
        # The noise of the turn rate reaches position and velocity through the velocity's turning.
        forward_part, left_part = math.sin(0.75 * angle), math.cos(0.75 * angle)
        for a in range(3):
            reach[a] = left_part * left[a] - forward_part * level[a]
            reach[3 + a] = cos * left[a] - sin * level[a]
        sign = 1.0 if dt >= 0.0 else -1.0
        turned = rate * over
        if abs(turned) < 1e-2:
            lag = (1.0 - turned * turned / 20.0) / 6.0
        else:
            lag = (turned - math.sin(turned)) / (turned * turned * turned)
        half = math.sin(0.5 * turned) / (0.5 * turned) if abs(turned) > 1e-6 else 1.0
        for a in range(6):
            for b in range(a + 1):
                total = carried[a, b] if a < 3 else 0.0
                for c in range(4):
                    total += by_rate[a, c] * carried[3 + c, b]
                power = over * over * over
                if a < 3:
                    shape = power * over * over / 20.0
                elif b < 3:
                    shape = sign * power * over / 8.0
                else:
                    shape = power / 3.0
                total += noisy * shape * reach[a] * reach[b]
                total += (shift[a] + unsure * bend[a]) * (shift[b] + unsure * bend[b])
                total -= 0.5 * unsure * unsure * bend[a] * bend[b]
                for c in range(3):
                    total += swept[a, c] * twist[b, c]
                row, column = a % 3, b % 3
                upward = up[row] * up[column]
                flat = -upward
                if row == column:
                    flat += 1.0
                if a < 3:
                    total += vertical * upward * power / 3.0 + horizontal * 2.0 * power * lag * flat
                elif b >= 3:
                    total += vertical * upward * over + horizontal * over * flat
                else:
                    skew = 0.0
                    if column == (row + 1) % 3:
                        skew = -up[(row + 2) % 3]
                    elif column == (row + 2) % 3:
                        skew = up[(row + 1) % 3]
                    total += vertical * upward * over * dt * 0.5
                    total += horizontal * over * over * (0.5 * sign * half * half * flat + turned * lag * skew)
                spread[i, a, b] = total
                spread[i, b, a] = total
            total = covariance[i, a, 6] if a < 3 else 0.0
            for c in range(4):
                total += by_rate[a, c] * covariance[i, 3 + c, 6]
            shape = over * over * over / 6.0 if a < 3 else sign * over * over * 0.5
            total += known * noisy * shape * reach[a]
            spread[i, a, 6] = total
            spread[i, 6, a] = total
        spread[i, 6, 6] = covariance[i, 6, 6] + turning * over


def _up_by_place(p: Floats) -> Floats:
    """Return (n, 3, 3) derivatives of the vertical's direction by the place."""
    lat_rad, lon_rad, height_m = geodetic_from_ecef(p)
    meridian_m, across_m = radii_of_curvature_m(lat_rad)
    level = enu_axes(lat_rad, lon_rad)[:, :2]
    bend = np.stack([1.0 / (across_m + height_m), 1.0 / (meridian_m + height_m)], axis=1)[:, :, None]
    by_p: Floats = level.swapaxes(1, 2) @ (bend * level)
    return by_p


def _bend(p: Floats, a: Floats, b: Floats) -> Floats:
    """Return (n, 3) (p x a) x b."""
    product: Floats = a * np.vecdot(p, b)[:, None] - p * np.vecdot(a, b)[:, None]
    return product


def _bend_by_place(p: Floats, a: Floats, b: Floats) -> Floats:
    """Return (n, 3, 3) derivatives of _bend(p, a, b) / |p|^2 by p."""
    square = np.vecdot(p, p)[:, None, None]
    product = a[:, :, None] * b[:, None, :] - np.vecdot(a, b)[:, None, None] * np.eye(3)
    by_p: Floats = (product - 2.0 / square * _bend(p, a, b)[:, :, None] * p[:, None, :]) / square
    return by_p


def _laid_on_sphere(p: Floats, d: Floats, w: Floats) -> Floats:
    """Return (n, 6, 6) derivatives of the new position and velocity by the flat displacement d and velocity w."""
    identity = np.eye(3)
    square = np.vecdot(p, p)[:, None, None]
    p_column, p_row, d_column = p[:, :, None], p[:, None, :], d[:, :, None]
    along_d, along_w = np.vecdot(p, d)[:, None, None], np.vecdot(p, w)[:, None, None]
    rows = np.zeros((len(p), 6, 6))
    rows[:, :3, :3] = identity + (along_d * identity + d_column * p_row - 2.0 * p_column * d[:, None, :]) / (2 * square)
    rows[:, 3:, :3] = (along_w * identity - p_column * w[:, None, :]) / square
    rows[:, 3:, 3:] = identity + (d_column * p_row - p_column * d[:, None, :]) / square
    return rows


def _laid_on_sphere_by_place(p: Floats, d: Floats, w: Floats) -> Floats:
    """Return (n, 6, 3) derivatives of the new position and velocity by the place p, the flat arc held."""
    return np.concatenate([np.eye(3) + _bend_by_place(p, d, d) / 2.0, _bend_by_place(p, d, w)], axis=1)


def _arc_jacobians(v: Floats, up: Floats, turn_rate_rad_s: Floats, dt_s: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the flat arc: (n, 3) displacement, (n, 3) velocity, their (n, 6, 7) derivatives by v, up and turn rate."""
    identity, skew_up, skew_v = np.eye(3), _skew(up), _skew(v)
    angle, dt = (turn_rate_rad_s * dt_s)[:, None], dt_s[:, None]
    climb_rate = np.vecdot(up, v)[:, None]
    level, left = v - climb_rate * up, np.cross(up, v)
    by_up = up[:, :, None] * v[:, None, :] + climb_rate[:, :, None] * identity
    up_up = up[:, :, None] * up[:, None, :]
    arcs = np.zeros((len(v), 6, 7))
    ends = []
    for block, scale, along, across, along_slope, across_slope in (
        (slice(0, 3), dt, _sine(angle), _versine(angle), dt * _sine_slope(angle), dt * _versine_slope(angle)),
        (slice(3, 6), np.ones_like(dt), np.cos(angle), np.sin(angle), -dt * np.sin(angle), dt * np.cos(angle)),
    ):
        a, b, s = along[:, :, None], across[:, :, None], scale[:, :, None]
        ends.append(scale * (climb_rate * up + along * level + across * left))
        arcs[:, block, :3] = s * (a * identity + (1.0 - a) * up_up + b * skew_up)
        arcs[:, block, 3:6] = s * ((1.0 - a) * by_up - b * skew_v)
        arcs[:, block, 6] = scale * (along_slope * level + across_slope * left)
    return ends[0], ends[1], arcs


def _thrice_integrated(dt_s: Floats) -> Floats:
    """Return (n, 3, 3) covariances of the third, second and first integral of white noise; see `integrated_twice`."""
    over, sign = np.abs(dt_s), np.sign(dt_s)
    covariances = np.empty((len(dt_s), 3, 3))
    covariances[:, 0, 0] = over**5 / 20.0
    covariances[:, 0, 1] = covariances[:, 1, 0] = sign * over**4 / 8.0
    covariances[:, 0, 2] = covariances[:, 2, 0] = over**3 / 6.0
    covariances[:, 1, 1] = over**3 / 3.0
    covariances[:, 1, 2] = covariances[:, 2, 1] = sign * over**2 / 2.0
    covariances[:, 2, 2] = over
    return covariances


def _skew(a: Floats) -> Floats:
    """Return (n, 3, 3) matrices that take b to a x b."""
    return np.cross(a[:, None, :], np.eye(3)).swapaxes(1, 2)


def _sine(x: Floats) -> Floats:
    """Return sin(x) / x."""
    return np.sinc(x / np.pi)


def _versine(x: Floats) -> Floats:
    """Return (1 - cos(x)) / x."""
    return np.sin(x / 2.0) * _sine(x / 2.0)


def _sine_slope(x: Floats) -> Floats:
    """Return the derivative of sin(x) / x."""
    small = np.abs(x) < SERIES_RAD
    series = -x / 3.0 * (1.0 - x**2 / 10.0 * (1.0 - x**2 / 28.0))
    safe = np.where(small, 1.0, x)
    return np.where(small, series, (np.cos(safe) - _sine(safe)) / safe)


def _versine_slope(x: Floats) -> Floats:
    """Return the derivative of (1 - cos(x)) / x."""
    return _sine(x) - _sine(x / 2.0) ** 2 / 2.0


def _sine_lag(x: Floats) -> Floats:
    """Return (x - sin(x)) / x^3."""
    small = np.abs(x) < SERIES_RAD
    series = (1.0 - x**2 / 20.0 * (1.0 - x**2 / 42.0)) / 6.0
    safe = np.where(small, 1.0, x)
    return np.where(small, series, (safe - np.sin(safe)) / safe**3)
