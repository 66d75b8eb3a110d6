"""Plots inside the gates of leaves: a coarse gate in Cartesian metres, then the exact one at each plot's own time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import wrap
from noroshi.estimation.gating import chi_square_gate, coarse_pairs
from noroshi.estimation.kalman import LOG_2_PI, mask_missing, symmetric
from noroshi.geo.time import NS_PER_S
from noroshi.motion import Motion
from noroshi.records import Detections, Identity
from noroshi.records.identity import ABSENT
from noroshi.sensors import Sensor
from noroshi.sensors.rows import LINE, N_ROWS, consider, form_of, linearise
from noroshi.tracking.height import in_the_air

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Plots inside the gates of leaves, p rows, by leaf and then by plot.

    Attributes:
        i_leaf, i_plot: (p,) rows.
        mean, covariance: (p, 6), (p, 6, 6) the leaf at the plot's time, or where it is if it is the younger; the rows
            and the noise then carry the way back.
        innovation, rows, noise: (p, m), (p, m, 6), (p, m, m); unmeasured components have no effect.
        considered: (p, m, 3) directions along which components are not estimated, see `kalman.update`.
        log_likelihood: (p,) of the plot.
    """

    i_leaf: Integers
    i_plot: Integers
    mean: Floats
    covariance: Floats
    innovation: Floats
    rows: Floats
    noise: Floats
    considered: Floats
    log_likelihood: Floats

    def take(self, chosen: NDArray[np.bool_] | Integers) -> "Pairs":
        """Return the chosen pairs."""
        return Pairs(*(getattr(self, name)[chosen] for name in self.__slots__))


def pairs_inside(
    mean: Floats,
    covariance: Floats,
    time_ns: Integers,
    plots: Detections,
    sensor: Sensor,
    located: Floats,
    located_covariance: Floats,
    *,
    motion: Motion,
    gate_probability: float,
) -> Pairs:
    """Return every leaf and plot that may belong together.

    Args:
        mean, covariance, time_ns: (l, 6), (l, 6, 6), (l,) the leaves, each at its own time.
        plots: k plots in the sensor's component order, each at its own time.
        sensor: who gave them.
        located, located_covariance: (k, 6), (k, 6, 6) where each plot alone puts its target.
        motion: how targets move.
        gate_probability: chance that a target's own plot is inside its gate.
    """
    i_leaf, i_plot = _coarse(
        mean, covariance, time_ns, plots.time_ns, located, located_covariance, motion, gate_probability
    )
    order = np.lexsort((i_plot, i_leaf))
    i_leaf, i_plot = i_leaf[order], i_plot[order]
    dt_s = (plots.time_ns[i_plot] - time_ns[i_leaf]) / NS_PER_S
    mean, covariance, origin = mean[i_leaf], covariance[i_leaf], plots.origin_ecef_m[i_plot]
    ahead, spread = motion.predict(mean, covariance, dt_s)
    innovation = plots.values[i_plot] - sensor.measure(ahead, origin)
    wrapped = np.array([name in sensor.WRAPPED for name in sensor.COMPONENTS])
    innovation[:, wrapped] = wrap(innovation[:, wrapped])
    rows, noise = sensor.jacobian(ahead, origin), plots.covariances[i_plot]
    considered, log_unit = _consider(
        sensor, plots, i_plot, ahead, spread, innovation, rows, noise, bool(in_the_air(mean, [motion], 1)[0])
    )
    innovation, rows, noise, n_measured = mask_missing(innovation, rows, noise)
    back = (dt_s < 0.0)[:, None, None]
    if back.any():
        transition, drift = motion.jacobian(mean, dt_s), motion.process_noise(mean, dt_s)
        ahead, spread = np.where(back[:, 0], mean, ahead), np.where(back, covariance, spread)
        noise = np.where(back, noise + rows @ drift @ rows.swapaxes(1, 2), noise)
        rows = np.where(back, rows @ transition, rows)
    factor = np.linalg.cholesky(symmetric(rows @ spread @ rows.swapaxes(1, 2) + noise))
    white = np.linalg.solve(factor, innovation[:, :, None])[:, :, 0]
    distance = np.vecdot(white, white)
    half_log_determinant = np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)
    log_likelihood = log_unit - 0.5 * (distance + n_measured * LOG_2_PI) - half_log_determinant
    inside = distance <= chi_square_gate(gate_probability, n_measured)
    return Pairs(i_leaf, i_plot, ahead, spread, innovation, rows, noise, considered, log_likelihood).take(inside)


def _consider(
    sensor: Sensor,
    plots: Detections,
    i_plot: Integers,
    ahead: Floats,
    spread: Floats,
    innovation: Floats,
    rows: Floats,
    noise: Floats,
    flies: bool,
) -> tuple[Floats, Floats]:
    """Take the pairs whose plot depends on what it does not tell as `sensors.rows` has them, in place.

    Returns:
        The directions (p, m, 3) along which they are considered, and the logarithm (p,) of the volume of what was
        measured, in units of the rows.
    """
    considered, log_unit = np.zeros((*innovation.shape, 3)), np.zeros(len(i_plot))
    if not hasattr(sensor, "consider"):
        return considered, log_unit
    form = form_of(sensor, plots)
    some = np.flatnonzero((form[i_plot, N_ROWS] < 0.0) & (form[i_plot, N_ROWS] != LINE))
    if some.size:
        wider = spread[some]
        considered[some] = consider(sensor, form, i_plot[some], ahead[some], wider, np.full(len(some), flies))
        spread[some] = wider
        log_unit[some] = -_log_lengths(innovation[some], rows[some])
        innovation[some], rows[some], variance = linearise(sensor, plots, form, i_plot[some], ahead[some], wider)
        noise[some] = variance[:, :, None] * np.eye(innovation.shape[1])
        log_unit[some] += _log_lengths(innovation[some], rows[some])
    return considered, log_unit


def _log_lengths(innovation: Floats, rows: Floats) -> Floats:
    """Return (p,) the logarithm of the product of how long the rows are of what was measured."""
    found: Floats = np.log(np.where(np.isnan(innovation), 1.0, np.linalg.norm(rows, axis=2))).sum(axis=1)
    return found


def _coarse(
    mean: Floats,
    covariance: Floats,
    time_ns: Integers,
    plot_time_ns: Integers,
    located: Floats,
    located_covariance: Floats,
    motion: Motion,
    gate_probability: float,
) -> tuple[Integers, Integers]:
    """Return pairs of leaves and plots near enough in Cartesian metres, whatever the sensor measures."""
    middle_ns = (int(plot_time_ns.min()) + int(plot_time_ns.max())) // 2
    dt_s = (middle_ns - time_ns) / NS_PER_S
    slack_s = float(np.abs(plot_time_ns - middle_ns).max()) / NS_PER_S
    over_s = np.abs(dt_s) + slack_s
    sigmas = float(np.sqrt(chi_square_gate(gate_probability, 3)))
    place, speed = _sigma(covariance[:, :3, :3]), _sigma(covariance[:, 3:, 3:])
    drift = _sigma(motion.process_noise(mean, over_s)[:, :3, :3])
    radius_m = sigmas * np.hypot(place + over_s * speed, drift) + np.linalg.norm(mean[:, 3:], axis=1) * slack_s
    plot_radius_m = sigmas * _sigma(located_covariance[:, :3, :3])
    return coarse_pairs(motion.propagate(mean, dt_s)[:, :3], radius_m, located[:, :3], plot_radius_m)


def _sigma(covariance: Floats) -> Floats:
    """Return (n,) the root of the trace."""
    sigma: Floats = np.sqrt(np.trace(covariance, axis1=1, axis2=2))
    return sigma


def agreement_of(a: Identity, b: Identity, i_a: Integers, i_b: Integers) -> Integers:
    """Return (p,) for pairs of rows +1 where addresses agree, -1 where they differ, 0 where one of them is silent."""
    verdict = np.zeros(len(i_a), np.int64)
    for column in ("icao_address", "mmsi"):
        ours, theirs = getattr(a, column)[i_a], getattr(b, column)[i_b]
        both = (ours != ABSENT) & (theirs != ABSENT)
        verdict[both] = np.where(ours[both] == theirs[both], 1, -1)
    return verdict
