"""Plots as filters take them in: linear measurements with independent noise, a few a plot.

A plot's *form* is one row of numbers: where it puts its target, how widely, how much room false plots have, and then
the linear measurements y = H x + noise that it makes of the target's state, the position taken relative to that place.
Linearised where the plot is, not where a track is expected, they are the converted measurements of the field (Lerro and
Bar-Shalom (1993), Tracking with debiased consistent converted measurements versus EKF, IEEE Trans. Aerospace and
Electronic Systems 29(3), 1015-1022), whose debiasing is below a metre for the angles of surveillance radars. A type
whose measurement depends on what the plot does not tell (a 2-D radar on the height) overrides them for a pair.

A type that holds `form` and `linearise` (see `Linear`) is as fast as a kernel can be; one that holds only `measure`,
`jacobian` and `locate` is served by these here, by its Jacobian at the expected state and what it bends by there
(`IS_STRAIGHT = True` leaves that out). It may say by `room` over how much of its components false plots are spread; of
one that does not they are taken to be all over its `BOUNDS`, which is too thin where it sees less.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import wrap
from noroshi.estimation.sequential import absorb
from noroshi.geo.wgs84 import Floats, vertical_at
from noroshi.kernel import kernel, unrolled
from noroshi.records import Detections
from noroshi.sensors import Sensor

RADIUS, LOG_VOLUME, N_ROWS, DEPTH, FIRST = 3, 4, 5, 6, 7
"""Columns of a form after the Earth-fixed position: its standard deviation [m], the logarithm of the volume in the
units of the rows in which false plots are spread evenly, the number of rows, over which depth of the air [m] they are
spread there (0: as new targets are); then the rows: H (6), y, variance."""

LINE = -2.0
"""For the number of rows: the plot is a line of sight. The form then goes on with where it begins, which way it goes,
any, the range at which the form's position lies on it, and the (2, 2) noise across it [rad2] (`infrared`)."""

WIDTH = 8
Integers = NDArray[np.int64]
NOTHING = np.empty((0, 0, 3))
BENT_MIN = 0.01  # of a measurement's own variance: what less than that bends is straight
AIR_DEPTH_M = 13_000.0  # false plots with an altitude are spread over this height, new aircraft over it too
SPEED_SPAN_M_S = 600.0  # and over this much of each velocity component


class Linear(Protocol):
    """A type of sensor with kernels of its own."""

    def form(self, values: Floats, covariances: Floats, origin_ecef_m: Floats) -> Floats:
        """Return the (n, 7 + 8 m) forms of n good plots, with room for m measurements each."""
        ...

    def linearise(self, form: Floats, i_plot: Integers, ahead: Floats, spread: Floats) -> tuple[Floats, Floats, Floats]:
        """Return for p pairs of a track and a plot the innovation (p, m), its rows (p, m, 6) and variance (p, m).

        Args:
            form: (n, 7 + 8 m) what `form` returned.
            i_plot: (p,) which plot each pair is of.
            ahead: (p, d) the state expected at the plot's time.
            spread: (p, d, d) its covariance.

        The innovation is NaN where there is none, and so may its rows and variance be.
        """
        ...


def is_linear(sensor: object) -> TypeGuard[Linear]:
    """Return whether a sensor is of a type with kernels of its own."""
    return hasattr(sensor, "form")


def absorb_forms(
    sensor: Sensor,
    plots: Detections,
    form: Floats,
    i_plot: Integers,
    mean: Floats,
    covariance: Floats,
    fit: Floats,
    in_the_air: NDArray[np.bool_],
) -> None:
    """Take the plots of p pairs into (p, d) means and (p, d, d) covariances, and write the (p, 3) fit: see `absorb`.

    Of what is `in_the_air` (p,), and neither falls nor is pushed up, no plot tells a height that it does not measure:
    see `consider`.
    """
    if is_linear(sensor) and (not len(form) or form[:, N_ROWS].min() >= 0.0):
        _absorber(6 if mean.shape[1] == 6 else 0)(form, i_plot, mean, covariance, fit)
    else:
        up = consider(sensor, form, i_plot, mean, covariance, in_the_air)
        innovation, rows, variance = linearise(sensor, plots, form, i_plot, mean, covariance)
        absorb(mean, covariance, innovation, rows, variance, fit, up)


def consider(
    sensor: Sensor, form: Floats, i_plot: Integers, ahead: Floats, spread: Floats, in_the_air: NDArray[np.bool_]
) -> Floats:
    """Return along which (p, m, 3) directions pairs are considered and not estimated (see `absorb`), (0, 0, 3) if none.

    A type that has a `consider(form, i_plot, ahead, spread)`, with the arguments of `Linear.linearise`, is asked before
    it linearises of those pairs that are in the air and may widen their spread, in place, by what its plots never tell.
    """
    if not hasattr(sensor, "consider") or not in_the_air.any():
        return NOTHING
    some = np.flatnonzero(in_the_air)
    wider = spread[some]
    up: Floats = sensor.consider(form, i_plot[some], ahead[some], wider)
    spread[some] = wider
    if len(some) == len(i_plot):
        return up
    found = np.zeros((len(i_plot), *up.shape[1:]))
    found[some] = up
    return found


def start_of(sensor: Sensor, plots: Detections, form: Floats, chosen: Integers) -> tuple[Floats, Floats]:
    """Return where chosen plots put their targets, (n, 6) states and (n, 6, 6) covariances; see `Sensor.locate`."""
    if hasattr(sensor, "begin"):
        found: tuple[Floats, Floats] | None = sensor.begin(form, chosen)
        if found is not None:
            return found
    return sensor.locate(plots.values[chosen], plots.covariances[chosen], plots.origin_ecef_m[chosen])


def form_of(sensor: Sensor, plots: Detections) -> Floats:
    """Return the forms of good plots (`prepare.arrange`)."""
    if is_linear(sensor):
        return sensor.form(plots.values, plots.covariances, plots.origin_ecef_m)
    located, covariances = sensor.locate(plots.values, plots.covariances, plots.origin_ecef_m)
    form = np.zeros((len(plots), FIRST))
    form[:, :3] = located[:, :3]
    form[:, RADIUS] = np.sqrt(np.trace(covariances[:, :3, :3], axis1=1, axis2=2))
    sigmas = np.sqrt(np.diagonal(plots.covariances, axis1=1, axis2=2))
    if hasattr(sensor, "room"):
        form[:, LOG_VOLUME] = np.log(sensor.room(plots.values)) - np.log(sigmas).sum(axis=1)
    else:
        spans = np.array([np.subtract(*sensor.BOUNDS[name][::-1]) for name in sensor.COMPONENTS])
        is_round = np.isin(sensor.COMPONENTS, sensor.WRAPPED)
        spans[is_round] = np.minimum(spans[is_round], 2.0 * math.pi)
        form[:, LOG_VOLUME] = np.where(np.isnan(plots.values), 0.0, np.log(spans / sigmas)).sum(axis=1)
    return form


def linearise(
    sensor: Sensor, plots: Detections, form: Floats, i_plot: Integers, ahead: Floats, spread: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return innovation (p, m), rows (p, m, 6) and variance (p, m) of pairs; see `Linear.linearise`."""
    if is_linear(sensor):
        return sensor.linearise(form, i_plot, ahead, spread)
    states, origin = ahead[:, :6], plots.origin_ecef_m[i_plot]
    wrapped = [name in sensor.WRAPPED for name in sensor.COMPONENTS]
    innovation = plots.values[i_plot] - sensor.measure(states, origin)
    innovation[:, wrapped] = wrap(innovation[:, wrapped])
    measured = ~np.isnan(innovation)
    both = measured[:, :, None] & measured[:, None, :]
    noise = plots.covariances[i_plot]
    if not getattr(sensor, "IS_STRAIGHT", False):
        offset, bend = _bend(sensor, states, spread[:, :6, :6], origin)
        is_bent = (np.einsum("pii->pi", bend) + offset**2 > BENT_MIN * np.einsum("pii->pi", noise)).any(axis=1)
        innovation[is_bent] -= offset[is_bent]
        noise = noise + np.where(is_bent[:, None, None], bend, 0.0)
    noise = np.where(both, noise, np.eye(len(wrapped)))
    white: Floats = np.linalg.inv(np.linalg.cholesky(noise)).astype(np.float64, copy=False)
    rows: Floats = white @ np.where(measured[:, :, None], sensor.jacobian(states, origin), 0.0)
    innovation = np.where(measured, np.matvec(white, np.where(measured, innovation, 0.0)), np.nan)
    return innovation, rows, np.ones_like(innovation)


def _bend(sensor: Sensor, states: Floats, spread: Floats, origin_ecef_m: Floats) -> tuple[Floats, Floats]:
    """Return the (p, m) mean of what a measurement's curvature adds, and its (p, m, m) covariance.

    The second-order filter (Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and
    Navigation, section 10.3.2), its second derivatives from the type's Jacobian a standard deviation to either side. A
    slant range bends by 200 m where 4 km of height are unknown at 40 km, its rate by 20 m/s at 200 m/s.
    """
    p, m = len(states), len(sensor.COMPONENTS)
    steps = np.linalg.cholesky(spread).swapaxes(1, 2)  # (p, 6, 6), a row each
    around = np.stack([states[:, None] + steps, states[:, None] - steps]).reshape(-1, 6)
    there = np.broadcast_to(origin_ecef_m[None, :, None], (2, p, 6, 3)).reshape(-1, 3)
    ahead, behind = sensor.jacobian(around, there).reshape(2, p, 6, m, 6)
    bends = np.einsum("pjma,pka->pmjk", 0.5 * (ahead - behind), steps)
    bends = 0.5 * (bends + bends.swapaxes(2, 3))
    flat = bends.reshape(p, m, 36)
    offset: Floats = 0.5 * np.einsum("pmjj->pm", bends)
    return offset, 0.5 * flat @ flat.swapaxes(1, 2)


def filled(form: Floats, rows: Floats, y: Floats, covariances: Floats) -> Floats:
    """Return `form` with these measurements written into it, those with y NaN left out, correlated noise whitened.

    Args:
        form: (n, 7 + 8 m); `LOG_VOLUME` is that in the units of the rows given.
        rows: (n, m, 6) or (1, m, 6) for all plots alike.
        y: (n, m).
        covariances: (n, m, m) noise.
    """
    _fill(form, np.ascontiguousarray(rows), y, np.ascontiguousarray(covariances))
    return form


@kernel
def _fill(form: Floats, rows: Floats, y: Floats, covariances: Floats) -> None:
    m = y.shape[1]
    white, used = np.empty((m, m)), np.empty(m, np.int64)
    for i in range(form.shape[0]):
        write_rows(form[i], rows[i if rows.shape[0] > 1 else 0], y[i], covariances[i], white, used)


@kernel
def write_rows(form: Floats, rows: Floats, y: Floats, noise: Floats, white: Floats, used: Integers) -> None:
    """Write the measured rows (m, 6) of one plot into its form; `white` (m, m) and `used` (m,) are room to work in."""
    n = 0
    independent = True
    for k in range(y.shape[0]):
        if math.isnan(y[k]):
            continue
        for j in range(n):
            if noise[k, used[j]] != 0.0:
                independent = False
        used[n] = k
        n += 1
    form[N_ROWS] = n
    if independent:
        for k in range(n):
            at = FIRST + WIDTH * k
            for c in range(6):
                form[at + c] = rows[used[k], c]
            form[at + 6], form[at + 7] = y[used[k]], noise[used[k], used[k]]
        return
    # Cholesky factor of the noise, then forward substitution of the rows.
    for k in range(n):
        at = FIRST + WIDTH * k
        for j in range(k + 1):
            total = noise[used[k], used[j]]
            for c in range(j):
                total -= white[k, c] * white[j, c]
            white[k, j] = math.sqrt(total) if j == k else total / white[j, j]
        form[LOG_VOLUME] -= math.log(white[k, k])
        for c in range(7):
            total = rows[used[k], c] if c < 6 else y[used[k]]
            for j in range(k):
                total -= white[k, j] * form[FIRST + WIDTH * j + c]
            form[at + c] = total / white[k, k]
        form[at + 7] = 1.0


def plain_rows(form: Floats, i_plot: Integers, ahead: Floats) -> tuple[Floats, Floats, Floats]:
    """Return innovation (p, m), rows (p, m, 6) and variance (p, m) of pairs, as the forms have them."""
    p, m = len(i_plot), (form.shape[1] - FIRST) // WIDTH
    innovation, rows, variance = np.empty((p, m)), np.empty((p, m, 6)), np.empty((p, m))
    _plain(form, i_plot, ahead, innovation, rows, variance)
    return innovation, rows, variance


@kernel
def _plain(form: Floats, i_plot: Integers, ahead: Floats, innovation: Floats, rows: Floats, variance: Floats) -> None:
    for i in range(i_plot.shape[0]):
        plot = form[i_plot[i]]
        n = int(plot[N_ROWS])
        for k in range(innovation.shape[1]):
            if k >= n:
                innovation[i, k] = math.nan
                continue
            at = FIRST + WIDTH * k
            residual = plot[at + 6]
            for c in range(3):
                rows[i, k, c], rows[i, k, 3 + c] = plot[at + c], plot[at + 3 + c]
                residual += plot[at + c] * (plot[c] - ahead[i, c]) - plot[at + 3 + c] * ahead[i, 3 + c]
            innovation[i, k] = residual
            variance[i, k] = plot[at + 7]


def begun(form: Floats, chosen: Integers, *, speed_sigma_m_s: float, climb_sigma_m_s: float) -> tuple[Floats, Floats]:
    """Return (n, 6) states and (n, 6, 6) covariances of chosen plots whose rows fix the position.

    The velocity is zero give or take `speed_sigma_m_s` along each horizontal axis and `climb_sigma_m_s` along the
    vertical; rows that measure it are taken in after.
    """
    mean, covariance = np.empty((len(chosen), 6)), np.empty((len(chosen), 6, 6))
    _begin(form, chosen, speed_sigma_m_s**2, climb_sigma_m_s**2, mean, covariance)
    return mean, covariance


@kernel
def _begin(form: Floats, chosen: Integers, speed: float, climb: float, mean: Floats, covariance: Floats) -> None:
    """Solve for the position by least squares, then take in what measures the velocity, row by row."""
    information, inverse, pull, gain = np.empty((3, 3)), np.empty((3, 3)), np.empty(3), np.empty(6)
    for at in range(chosen.shape[0]):
        plot, x, spread = form[chosen[at]], mean[at], covariance[at]
        information[:] = 0.0
        pull[:] = 0.0
        for k in range(int(plot[N_ROWS])):
            h = plot[FIRST + WIDTH * k : FIRST + WIDTH * k + 8]
            if h[3] != 0.0 or h[4] != 0.0 or h[5] != 0.0:
                continue
            for a in range(3):
                pull[a] += h[a] * h[6] / h[7]
                for b in range(3):
                    information[a, b] += h[a] * h[b] / h[7]
        for a in range(3):
            b, c = (a + 1) % 3, (a + 2) % 3
            inverse[a, a] = information[b, b] * information[c, c] - information[b, c] * information[b, c]
            inverse[a, b] = information[a, c] * information[b, c] - information[a, b] * information[c, c]
            inverse[b, a] = inverse[a, b]
        determinant = 0.0
        for a in range(3):
            determinant += information[0, a] * inverse[0, a]
        ux, uy, uz, _ = vertical_at(plot[0], plot[1], plot[2])
        up = (ux, uy, uz)
        for a in range(3):
            x[a], x[3 + a] = plot[a], 0.0
            for b in range(3):
                spread[a, b] = inverse[a, b] / determinant
                spread[a, 3 + b], spread[3 + b, a] = 0.0, 0.0
                spread[3 + a, 3 + b] = (climb - speed) * (up[a] * up[b])
                x[a] += spread[a, b] * pull[b]
            spread[3 + a, 3 + a] += speed
        for k in range(int(plot[N_ROWS])):
            h = plot[FIRST + WIDTH * k : FIRST + WIDTH * k + 8]
            if h[3] == 0.0 and h[4] == 0.0 and h[5] == 0.0:
                continue
            residual, variance = h[6], h[7]
            for a in range(6):
                gain[a] = 0.0
                for b in range(6):
                    gain[a] += spread[a, b] * h[b]
            for a in range(6):
                variance += h[a] * gain[a]
                residual -= h[a] * (x[a] - plot[a] if a < 3 else x[a])
            for a in range(6):
                x[a] += gain[a] * residual / variance
                for b in range(a + 1):
                    spread[a, b] -= gain[a] * gain[b] / variance
                    spread[b, a] = spread[a, b]


def tells_place_alone(sensor: Sensor, form: Floats) -> bool:
    """Return whether all plots are of a linear type and none measures a velocity, as `fit_places` wants them."""
    return is_linear(sensor) and _tell_places(form)


@kernel
def _tell_places(form: Floats) -> bool:
    for i in range(form.shape[0]):
        n = int(form[i, N_ROWS])
        if n < 0:
            return False
        for k in range(n):
            at = FIRST + WIDTH * k + 3
            if form[i, at] != 0.0 or form[i, at + 1] != 0.0 or form[i, at + 2] != 0.0:
                return False
    return True


@kernel
def fit_places(
    form: Floats, i_plot: Integers, mean: Floats, covariance: Floats, shared: Integers, after_s: Floats, fit: Floats
) -> None:
    """Write the fit (p, 3) that `absorb_forms` finds, of plots that tell the place alone, and update nothing.

    Args:
        form: (n, 7 + 8 m).
        i_plot: (p,) which plot each pair is of.
        mean, covariance: (q, d), (q, d, d) states.
        shared: (p,) which of them each pair has.
        after_s: (p,) how long after that the plot is; the state is carried along by its own velocity.
        fit: see `absorb`.
    """
    for i in range(i_plot.shape[0]):
        plot, x, c, s = form[i_plot[i]], mean[shared[i]], covariance[shared[i]], after_s[i]
        dx, dy, dz = plot[0] - x[0] - s * x[3], plot[1] - x[1] - s * x[4], plot[2] - x[2] - s * x[5]
        xx = c[0, 0] + s * (2.0 * c[0, 3] + s * c[3, 3])
        xy = c[0, 1] + s * (c[0, 4] + c[1, 3] + s * c[3, 4])
        xz = c[0, 2] + s * (c[0, 5] + c[2, 3] + s * c[3, 5])
        yy = c[1, 1] + s * (2.0 * c[1, 4] + s * c[4, 4])
        yz = c[1, 2] + s * (c[1, 5] + c[2, 4] + s * c[4, 5])
        zz = c[2, 2] + s * (2.0 * c[2, 5] + s * c[5, 5])
        squared, determinant, n = 0.0, 1.0, int(plot[N_ROWS])
        for k in range(n):
            at = FIRST + WIDTH * k
            hx, hy, hz = plot[at], plot[at + 1], plot[at + 2]
            gx, gy, gz = xx * hx + xy * hy + xz * hz, xy * hx + yy * hy + yz * hz, xz * hx + yz * hy + zz * hz
            residual = plot[at + 6] + hx * dx + hy * dy + hz * dz
            variance = plot[at + 7] + hx * gx + hy * gy + hz * gz
            inverse = 1.0 / variance
            weighed = residual * inverse
            dx, dy, dz = dx - gx * weighed, dy - gy * weighed, dz - gz * weighed
            xx, xy, xz = xx - gx * gx * inverse, xy - gx * gy * inverse, xz - gx * gz * inverse
            yy, yz, zz = yy - gy * gy * inverse, yz - gy * gz * inverse, zz - gz * gz * inverse
            squared += residual * weighed
            determinant *= variance
        fit[i, 0], fit[i, 1], fit[i, 2] = squared, math.log(determinant), n


@cache
def _absorber(size: int) -> Callable[[Floats, Integers, Floats, Floats, Floats], None]:
    """Return a kernel for states of this size, whose loops are unrolled, or of any size (0)."""

    def absorb_plain(form: Floats, i_plot: Integers, mean: Floats, covariance: Floats, fit: Floats) -> None:
        """Do what `_plain` and `absorb` do, without writing down what lies between."""
        d = size if size > 0 else mean.shape[1]
        gain = np.empty(d)
        for i in range(i_plot.shape[0]):
            plot, x, spread = form[i_plot[i]], mean[i], covariance[i]
            squared, determinant, n = 0.0, 1.0, int(plot[N_ROWS])
            for k in range(n):
                h = plot[FIRST + WIDTH * k : FIRST + WIDTH * k + 8]
                residual, variance = h[6], h[7]
                for a in range(d):
                    gain[a] = spread[a, 0] * h[0] + spread[a, 1] * h[1] + spread[a, 2] * h[2]
                for c in range(3):
                    residual += h[c] * (plot[c] - x[c])
                if h[3] != 0.0 or h[4] != 0.0 or h[5] != 0.0:
                    for a in range(d):
                        gain[a] += spread[a, 3] * h[3] + spread[a, 4] * h[4] + spread[a, 5] * h[5]
                    for c in range(3):
                        residual -= h[3 + c] * x[3 + c]
                        variance += h[3 + c] * gain[3 + c]
                for c in range(3):
                    variance += h[c] * gain[c]
                inverse = 1.0 / variance
                for a in range(d):
                    weighed = gain[a] * inverse
                    x[a] += weighed * residual
                    for b in range(d):
                        spread[a, b] -= weighed * gain[b]
                squared += residual * residual * inverse
                determinant *= variance
            for a in range(d):
                for b in range(a):
                    spread[b, a] = spread[a, b]
            fit[i, 0], fit[i, 1], fit[i, 2] = squared, math.log(determinant), n

    return unrolled(absorb_plain, size)
