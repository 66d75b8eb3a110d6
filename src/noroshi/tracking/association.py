"""Which plot may belong to which track: a coarse gate in metres, then the exact one."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import wrap
from noroshi.estimation.blocks import Executor, map_blocks
from noroshi.estimation.gating import chi_square_gate, coarse_pairs
from noroshi.estimation.kalman import mask_missing
from noroshi.geo.time import NS_PER_S
from noroshi.motion import Motion
from noroshi.records import Detections, Identity
from noroshi.records.identity import ABSENT
from noroshi.sensors import Sensor

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs (track, plot) that passed the exact gate, p rows, ordered by plot and then track.

    Attributes:
        i_track, i_plot: (p,) rows of the track store and of the batch.
        mean, covariance: (p, 6) and (p, 6, 6) the track predicted to the plot's own time, or left where it is if it is
            already younger than the plot; the Jacobian and the noise then carry the way back.
        innovation, jacobian, noise: (p, m), (p, m, 6), (p, m, m) with unmeasured components masked.
        distance: (p,) squared Mahalanobis distance.
        log_determinant: (p,) of the innovation covariance over the measured components.
        n_measured: (p,) how many components the plot measures.
        agreement: (p,) 1 where track and plot carry the same address, 0 where one of them carries none.
    """

    i_track: Integers
    i_plot: Integers
    mean: Floats
    covariance: Floats
    innovation: Floats
    jacobian: Floats
    noise: Floats
    distance: Floats
    log_determinant: Floats
    n_measured: Integers
    agreement: Integers

    def rows(self, chosen: NDArray[np.bool_] | Integers) -> "Candidates":
        """Return the chosen pairs."""
        return Candidates(*(getattr(self, name)[chosen] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Gate:
    """How the candidates are found.

    Attributes:
        motion: how tracks move between their last time and the plot's.
        probability: chance that a track's own plot passes the exact gate.
        acceleration_m_s2_max: what a target may do beyond its motion model, for the coarse gate alone.
        widening_max: how many times the gate (as a squared distance) a plot may lie from the track whose address it
            carries. The track's covariance is then widened until the plot is inside: the address says that it is the
            same target, so that it is the prediction that was too sure of itself.
        executor: where blocks of pairs run; None for here and now. The result does not depend on it.
    """

    motion: Motion
    probability: float = 0.9999
    acceleration_m_s2_max: float = 30.0
    widening_max: float = 100.0
    executor: Executor | None = None

    def candidates(
        self,
        *,
        mean: Floats,
        covariance: Floats,
        time_ns: Integers,
        identity: Identity,
        plots: Detections,
        located: Floats,
        located_covariance: Floats,
        sensor: Sensor,
    ) -> Candidates:
        """Return every plausible pair of a track and a plot.

        Args:
            mean, covariance, time_ns: (n, 6), (n, 6, 6), (n,) the tracks, each at its own time.
            identity: (n,) who the tracks say they are.
            plots: k plots in the sensor's component order, each at its own time.
            located, located_covariance: (k, 6), (k, 6, 6) where each plot alone puts its target.
            sensor: the sensor that gave the plots.
        """
        i_track, i_plot = self._coarse(mean, covariance, time_ns, plots.time_ns, located, located_covariance)
        agreement = identity_agreement(identity, plots.identity, i_track, i_plot)
        possible = agreement >= 0
        i_track, i_plot, agreement = i_track[possible], i_plot[possible], agreement[possible]
        dt_s = (plots.time_ns[i_plot] - time_ns[i_track]) / NS_PER_S
        wrapped = np.array([name in sensor.WRAPPED for name in sensor.COMPONENTS])

        def predict(x: Floats, p: Floats, dt: Floats, z: Floats, r: Floats, origin: Floats) -> tuple[Any, ...]:
            transition = self.motion.jacobian(x, dt)
            ahead = self.motion.propagate(x, dt)
            drift = self.motion.process_noise(x, dt)
            innovation = z - sensor.measure(ahead, origin)
            innovation[:, wrapped] = wrap(innovation[:, wrapped])
            innovation, h, r, n_measured = mask_missing(innovation, sensor.jacobian(ahead, origin), r)
            back = (dt < 0)[:, None, None]
            mean = np.where(back[:, 0], x, ahead)
            spread = np.where(back, p, transition @ p @ transition.transpose(0, 2, 1) + drift)
            r = np.where(back, r + h @ drift @ h.transpose(0, 2, 1), r)
            h = np.where(back, h @ transition, h)
            distance, log_determinant = _distance(innovation, h, spread, r)
            return mean, spread, innovation, h, r, distance, log_determinant, n_measured

        mean, covariance, innovation, h, r, distance, log_determinant, n_measured = map_blocks(
            predict,
            mean[i_track],
            covariance[i_track],
            dt_s,
            plots.values[i_plot],
            plots.covariances[i_plot],
            plots.origin_ecef_m[i_plot],
            executor=self.executor,
        )
        pairs = Candidates(
            i_track, i_plot, mean, covariance, innovation, h, r, distance, log_determinant, n_measured, agreement
        )
        gate = chi_square_gate(self.probability, pairs.n_measured)
        inside = pairs.distance <= gate
        named = (agreement == 1) & has_address(plots.identity, i_plot)
        outside = named & ~inside & (pairs.distance <= self.widening_max * gate)
        return _widened(pairs, gate, outside).rows(inside | outside)

    def _coarse(
        self,
        mean: Floats,
        covariance: Floats,
        time_ns: Integers,
        plot_time_ns: Integers,
        located: Floats,
        located_covariance: Floats,
    ) -> tuple[Integers, Integers]:
        """Return pairs near enough in Cartesian metres, whatever the sensor measures."""
        middle_ns = (int(plot_time_ns.min()) + int(plot_time_ns.max())) // 2
        dt_s = (middle_ns - time_ns) / NS_PER_S
        slack_s = np.abs(plot_time_ns - middle_ns).max() / NS_PER_S
        sigmas = float(np.sqrt(chi_square_gate(self.probability, np.array([3]))[0]))
        speed = np.linalg.norm(mean[:, 3:], axis=1)
        variance = np.trace(covariance[:, :3, :3], axis1=1, axis2=2)
        variance += (np.abs(dt_s) + slack_s) ** 2 * np.trace(covariance[:, 3:, 3:], axis1=1, axis2=2)
        manoeuvre_m = 0.5 * self.acceleration_m_s2_max * (np.abs(dt_s) + slack_s) ** 2
        radius_m = sigmas * np.sqrt(variance) + manoeuvre_m + speed * slack_s
        plot_radius_m = sigmas * np.sqrt(np.trace(located_covariance[:, :3, :3], axis1=1, axis2=2))
        return coarse_pairs(mean[:, :3] + mean[:, 3:] * dt_s[:, None], radius_m, located[:, :3], plot_radius_m)


def _distance(innovation: Floats, h: Floats, spread: Floats, r: Floats) -> tuple[Floats, Floats]:
    """Return (p,) squared Mahalanobis distances and log determinants of the innovation covariances."""
    factor = np.linalg.cholesky(h @ spread @ h.transpose(0, 2, 1) + r)
    white = np.linalg.solve(factor, innovation[:, :, None])[:, :, 0]
    return np.vecdot(white, white), 2.0 * np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)


def _widened(pairs: Candidates, gate: Floats, rows: NDArray[np.bool_]) -> Candidates:
    """Return the pairs with the covariance of those `rows` scaled by how far beyond the gate their plots are."""
    if not rows.any():
        return pairs
    covariance, distance, determinant = pairs.covariance.copy(), pairs.distance.copy(), pairs.log_determinant.copy()
    covariance[rows] *= (distance[rows] / gate[rows])[:, None, None]
    distance[rows], determinant[rows] = _distance(
        pairs.innovation[rows], pairs.jacobian[rows], covariance[rows], pairs.noise[rows]
    )
    return replace(pairs, covariance=covariance, distance=distance, log_determinant=determinant)


def has_address(identity: Identity, rows: Integers) -> NDArray[np.bool_]:
    """Return (p,) which rows carry an address that is one target's alone."""
    return np.asarray((identity.icao_address[rows] != ABSENT) | (identity.mmsi[rows] != ABSENT))


def identity_agreement(a: Identity, b: Identity, i_a: Integers, i_b: Integers) -> Integers:
    """Return (p,) for pairs of rows +1 where addresses agree, -1 where they differ, 0 where one of them is silent.

    The ICAO address and the MMSI identify a target. A Mode 3/A code may be shared or change: it speaks only for a
    pair, and only where no address speaks.
    """
    verdict = np.zeros(len(i_a), np.int64)
    for column in ("mode_3a", "icao_address", "mmsi"):
        ours, theirs = getattr(a, column)[i_a], getattr(b, column)[i_b]
        both = (ours != ABSENT) & (theirs != ABSENT)
        same = both & (ours == theirs)
        verdict[same] = 1
        if column != "mode_3a":
            verdict[both & ~same] = -1
    return verdict
