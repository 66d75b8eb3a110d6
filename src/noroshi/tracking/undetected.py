"""What no track stands for: targets that were never detected, and false plots, as intensities."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import wrap
from noroshi.estimation.gating import chi_square_gate
from noroshi.estimation.kalman import LOG_2_PI, mask_missing, symmetric, update
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_enu, ecef_from_geodetic, enu_axes_at
from noroshi.motion import Motion
from noroshi.records import Detections
from noroshi.sensors import Sensor

Floats = NDArray[np.float64]

WIDE_M = 1e6  # false plots lie evenly over the ground as far as matters: the figure cancels out
FALSE_HEIGHT_SIGMA_M, FALSE_SPEED_SIGMA_M_S = 5_000.0, 200.0  # how they scatter in what is not the ground
WEIGHT_MIN = 1e-5  # of a part of the intensity, relative to the whole
PARTS_MAX = 20


@dataclass(frozen=True, slots=True)
class Intensity:
    """Expected targets never detected, as a sum of Gaussians.

    Attributes:
        weight: (b,) expected number of targets of each part.
        mean, covariance: (b, 6) and (b, 6, 6).
    """

    weight: Floats
    mean: Floats
    covariance: Floats

    def predicted(self, motion: Motion, dt_s: float, survival: float) -> "Intensity":
        """Return it `dt_s` later, of which the share `survival` still exists."""
        over_s = np.full(len(self.weight), dt_s)
        return Intensity(self.weight * survival, *motion.predict(self.mean, self.covariance, over_s))

    def joined(self, other: "Intensity") -> "Intensity":
        """Return the sum, in at most PARTS_MAX parts: the lightest become one."""
        weight = np.concatenate([self.weight, other.weight])
        mean, covariance = np.concatenate([self.mean, other.mean]), np.concatenate([self.covariance, other.covariance])
        keep = np.argsort(-weight, kind="stable")
        keep = keep[weight[keep] > WEIGHT_MIN * weight.sum()]
        weight, mean, covariance = weight[keep], mean[keep], covariance[keep]
        if len(weight) <= PARTS_MAX:
            return Intensity(weight, mean, covariance)
        n = PARTS_MAX - 1
        light = _moments(weight[None, n:], mean[None, n:], covariance[None, n:])
        return Intensity(
            np.append(weight[:n], weight[n:].sum()),
            np.concatenate([mean[:n], light[0]]),
            np.concatenate([covariance[:n], light[1]]),
        )


@dataclass(frozen=True, slots=True)
class Newcomers:
    """What each of k plots says of a target that no track stands for.

    Attributes:
        log_intensity: (k,) log of the intensity of false plots and of undetected targets together, at the plot.
        existence: (k,) probability that it is a target.
        mean, covariance: (k, 6) and (k, 6, 6) of that target.
    """

    log_intensity: Floats
    existence: Floats
    mean: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Where targets appear, as a Gaussian of positions and velocities about a place; all in metres and seconds.

    Attributes:
        lat_rad, lon_rad: the place, on the ellipsoid.
        east_m, north_m, up_m: the middle, from there.
        sigma_m, up_sigma_m: of the position along each horizontal axis, and of the height.
        speed_sigma_m_s, climb_sigma_m_s: of the velocity likewise, about 0.
    """

    lat_rad: float
    lon_rad: float
    east_m: float
    north_m: float
    up_m: float
    sigma_m: float
    up_sigma_m: float
    speed_sigma_m_s: float
    climb_sigma_m_s: float

    def intensity(self, weight: float) -> Intensity:
        """Return so many targets spread over the region; no part at all of none."""
        n = int(weight > 0.0)
        origin = ecef_from_geodetic(self.lat_rad, self.lon_rad, 0.0)[None]
        axes = enu_axes_at(origin)[0]
        mean = np.zeros((n, 6))
        mean[:, :3] = ecef_from_enu(np.array([[self.east_m, self.north_m, self.up_m]]), origin)
        covariance = np.zeros((n, 6, 6))
        covariance[:, :3, :3] = axes.T * np.array([self.sigma_m, self.sigma_m, self.up_sigma_m]) ** 2 @ axes
        sigmas = np.array([self.speed_sigma_m_s, self.speed_sigma_m_s, self.climb_sigma_m_s])
        covariance[:, 3:, 3:] = axes.T * sigmas**2 @ axes
        return Intensity(np.full(n, weight), mean, covariance)


def newcomers(
    undetected: Intensity,
    plots: Detections,
    sensor: Sensor,
    located: Floats,
    located_covariance: Floats,
    *,
    time_ns: int,
    motion: Motion,
    false_density_m2: float,
    target_density_m2: float,
    gate_probability: float,
) -> Newcomers:
    """Return what the plots say of targets that no track stands for.

    Args:
        undetected: targets never detected so far, at `time_ns`, before this look.
        plots: k plots in the sensor's component order.
        sensor: who saw them.
        located, located_covariance: (k, 6), (k, 6, 6) where each plot alone puts its target.
        time_ns: of `undetected`.
        motion: carries `undetected` to the plots' own times.
        false_density_m2: false plots a look, per square metre of ground.
        target_density_m2: further undetected targets anywhere, per square metre of ground; `located` is what a plot
            says of one.
        gate_probability: as for tracks, between a part of `undetected` and a plot.

    Source: Garcia-Fernandez, Williams, Granstrom, Svensson (2018), Poisson multi-Bernoulli mixture filter: direct
    derivation and implementation, IEEE Trans. Aerosp. Electron. Syst. 54(4), 1883-1901: the new Bernoulli of a
    measurement, its Gaussians reduced to one by their moments.
    """
    k, b = len(plots), len(undetected.weight)
    log_false = np.log(false_density_m2) + _log_evenly_spread(plots, sensor, located)
    likely = sensor.detection_probability(located, plots.origin_ecef_m)
    weight = np.zeros((k, b + 1))
    weight[:, b] = likely * target_density_m2 / false_density_m2 * np.exp(log_false)
    mean, covariance = np.empty((k, b + 1, 6)), np.empty((k, b + 1, 6, 6))
    mean[:, b], covariance[:, b] = located, located_covariance
    if b:
        i_plot, part = np.repeat(np.arange(k), b), np.tile(np.arange(b), k)
        dt_s = (plots.time_ns[i_plot] - time_ns) / NS_PER_S
        each = Intensity(undetected.weight[part], undetected.mean[part], undetected.covariance[part])
        ahead, spread = motion.predict(each.mean, each.covariance, dt_s)
        origin = plots.origin_ecef_m[i_plot]
        innovation = plots.values[i_plot] - sensor.measure(ahead, origin)
        wrapped = np.array([name in sensor.WRAPPED for name in sensor.COMPONENTS])
        innovation[:, wrapped] = wrap(innovation[:, wrapped])
        after = update(ahead, spread, innovation, sensor.jacobian(ahead, origin), plots.covariances[i_plot])
        n_measured = (~np.isnan(innovation)).sum(axis=1)
        seen = each.weight * sensor.detection_probability(ahead, origin) * np.exp(after.log_likelihood)
        seen[after.mahalanobis_squared > chi_square_gate(gate_probability, n_measured)] = 0.0
        weight[:, :b] = seen.reshape(k, b)
        mean[:, :b], covariance[:, :b] = after.mean.reshape(k, b, 6), after.covariance.reshape(k, b, 6, 6)
    target = weight.sum(axis=1)
    weight[target == 0.0, b] = np.finfo(float).tiny
    both = target + np.exp(log_false)
    return Newcomers(np.log(both), target / both, *_moments(weight, mean, covariance))


def _log_evenly_spread(plots: Detections, sensor: Sensor, located: Floats) -> Floats:
    """Return (k,) the log density, at the plots, of measurements of things spread evenly: one a square metre of ground.

    What a plot measures beyond the ground (height, range rate) scatters by FALSE_HEIGHT_SIGMA_M and
    FALSE_SPEED_SIGMA_M_S.
    """
    axes = enu_axes_at(located[:, :3])
    scatter = np.zeros((len(plots), 6, 6))
    scatter[:, :3, :3] = (axes.swapaxes(1, 2) * np.array([WIDE_M, WIDE_M, FALSE_HEIGHT_SIGMA_M]) ** 2) @ axes
    scatter[:, 3:, 3:] = FALSE_SPEED_SIGMA_M_S**2 * np.eye(3)
    rows = sensor.jacobian(located, plots.origin_ecef_m)
    _, rows, noise, n_measured = mask_missing(plots.values, rows, plots.covariances)
    log_determinant = np.linalg.slogdet(rows @ scatter @ rows.swapaxes(1, 2) + noise)[1]
    spread: Floats = np.log(2.0 * np.pi * WIDE_M**2) - 0.5 * (n_measured * LOG_2_PI + log_determinant)
    return spread


def _moments(weight: Floats, mean: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """Return (k, 6) and (k, 6, 6) moments of k mixtures with (k, b) weights."""
    share = weight / weight.sum(axis=1, keepdims=True)
    middle = np.vecmat(share, mean)
    off = mean - middle[:, None]
    inside = covariance + off[:, :, :, None] * off[:, :, None, :]
    return middle, symmetric(np.einsum("kb,kbij->kij", share, inside))
