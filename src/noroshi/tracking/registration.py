"""Registration: by how much each radar's range, azimuth, elevation and clock are off, and how sure that is.

A bias is what is added to the truth: measured = true + bias, stamp = true time + bias. A plot stamped t was taken at
t - b_time, so that against where the target is at t its residual is

    measured - h(x(t)) = b_range,azimuth,elevation - dh/dt b_time + noise.

A position report gives x(t) itself. Another radar's plot gives it with that radar's own biases in it, to first order
x + D b: the residual then tells of both radars' biases together, but not, for instance, of what both clocks share.
All radars' biases are one Gaussian in information form: what no pair has told of is unknown, with infinite sigma.

Source: Bar-Shalom, Willett, Tian (2011), Tracking and Data Fusion, chapter 10 (bias estimation from common targets and
from targets of opportunity); the weights are those of a Cauchy M-estimator (Huber, Ronchetti (2009), Robust Statistics,
section 7.8) with a last rejection of what is still outside.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import wrap
from noroshi.estimation.gating import chi_square_gate
from noroshi.estimation.information import marginals, walk
from noroshi.geo.time import NS_PER_S
from noroshi.records import Batch, Detections, empty
from noroshi.records.batch import Column
from noroshi.sensors import Sensor

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BIASES = ("range_m", "azimuth_rad", "elevation_rad", "time_s")
MEASURED = BIASES[:3]
REPORTS = ("lat_rad", "lon_rad")
TIME = 3
PRIOR_SIGMA = np.array([500.0, np.radians(1.0), np.radians(1.0), 2.0])
"""How large biases are taken to be where a number is needed before anything is known: to gate, never to report."""
PAPER_SIGMA = np.array([50.0, np.radians(0.05), np.radians(0.05), 0.05])
"""How far off a radar is that is as good as it is to be: half of EUROCONTROL's limits of systematic errors, 100 m, 0.1
degrees and 100 ms (Radar Surveillance in En-Route Airspace and Major Terminal Areas, SUR.ET1.ST01.1000-STD-01-01
(1997)); elevation is taken as azimuth."""
LARGE_SHARE = 0.01  # how many biases are of `PRIOR_SIGMA` instead: chosen
CHOICES_MAX = 128  # of which biases are large, that are kept: chosen
ANCHOR_SHARE = 1e-3  # of these, how far a radar is taken to be off that all others are measured against

SPEED_SIGMA_M_S = 300.0  # of targets of a sensor type that does not say
NOBODY = -1
PASSES = 5
CAUCHY_SQUARED = 2.385**2  # 95 % efficient on normal noise (Huber, Ronchetti, section 7.8)
KEPT_PROBABILITY = 0.999
SCALE_ROWS_MIN = 30
MAD = 1.4826
SCALE_SIGMA = 1.17  # relative standard error of a normal sigma by its median absolute deviation, times sqrt(n)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs(Batch):
    """Plots beside where their targets were by somebody else's word, n rows; m = 3 as `MEASURED`, b = 4 as `BIASES`.

    Attributes:
        time_ns: (n,) the plot's stamp.
        own: (n,) which radar's plot it is.
        other: (n,) which radar gave the reference; `NOBODY` for a position report.
        target: (n,) whose pair it is, a number that means nothing else.
        residual: (n, 3) measured less expected; NaN where not measured.
        variance: (n, 3, 3) its covariance, the reference's part included.
        lent: (n, 3) the variances in it that are the reference's.
        own_rows: (n, 3, 4) its derivative by the radar's own biases.
        other_rows: (n, 3, 4) its derivative by the other's biases; 0 for a position report.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "time_ns": (np.int64, ()),
        "own": (np.int64, ()),
        "other": (np.int64, ()),
        "target": (np.int64, ()),
        "residual": (np.float64, (3,)),
        "variance": (np.float64, (3, 3)),
        "lent": (np.float64, (3,)),
        "own_rows": (np.float64, (3, 4)),
        "other_rows": (np.float64, (3, 4)),
    }

    time_ns: Integers
    own: Integers
    other: Integers
    target: Integers
    residual: Floats
    variance: Floats
    lent: Floats
    own_rows: Floats
    other_rows: Floats

    @classmethod
    def nothing(cls) -> Self:
        """Return no pairs."""
        return empty(cls)


@dataclass(frozen=True, kw_only=True, eq=False)
class Registration:
    """The biases of s radars as one Gaussian in information form, in the order radar by radar, `BIASES` in each.

    Attributes:
        sensors: names of the radars.
        information: (4 s, 4 s).
        vector: (4 s,) information times mean.
    """

    sensors: tuple[str, ...]
    information: Floats
    vector: Floats

    @classmethod
    def unknown(cls, sensors: tuple[str, ...]) -> Self:
        """Return what is known before any pair: nothing."""
        d = len(BIASES) * len(sensors)
        return cls(sensors=sensors, information=np.zeros((d, d)), vector=np.zeros(d))

    @property
    def scale(self) -> Floats:
        """(4 s,) the size of each bias (`PRIOR_SIGMA`)."""
        return np.tile(PRIOR_SIGMA, len(self.sensors))

    @cached_property
    def marginals(self) -> tuple[Floats, Floats]:
        """(s, 4) biases, NaN where unknown, and their (s, 4) standard deviations, infinite where unknown."""
        bias, sigma = marginals(self.information, self.vector, self.scale)
        return bias.reshape(-1, len(BIASES)), sigma.reshape(-1, len(BIASES))

    def relative(self, a: str, b: str) -> tuple[Floats, Floats]:
        """Return (4,) by how much the biases of radar a exceed those of b, and the sigmas; known where each is not.

        In range, azimuth and elevation it is the difference of two numbers and no place: two radars that look from
        different sites see the same bias in different directions.
        """
        i, j = (len(BIASES) * self.sensors.index(name) for name in (a, b))
        turned = np.eye(len(self.vector))  # of new coordinates: a's are the differences, all others stay
        turned[i : i + 4, j : j + 4] += np.eye(4)
        bias, sigma = marginals(turned.T @ self.information @ turned, turned.T @ self.vector, self.scale)
        return bias[i : i + 4], sigma[i : i + 4]

    @cached_property
    def best(self) -> tuple[Floats, Floats]:
        """(4 s,) mean and (4 s, 4 s) covariance if biases were from `PRIOR_SIGMA` before."""
        covariance: Floats = np.linalg.inv(self.information + np.diag(self.scale**-2.0)).astype(np.float64, copy=False)
        return covariance @ self.vector, covariance

    @cached_property
    def believed(self) -> tuple[Floats, Floats]:
        """(s, 4) each radar's biases and their (s, 4, 4) covariance, by what is usual of radars and what pairs tell.

        Each bias is small (`PAPER_SIGMA`) or, seldom, large (`PRIOR_SIGMA`). One of which little is known is by and
        large left in, one that surely is there is taken out whole, and what is left of it is in the covariance always.
        Moments of the Gaussians of all biases together, one for each choice of which are large, weighed by how well it
        foresaw what pairs tell (Bishop (2006), Pattern Recognition and Machine Learning, section 3.4), the likeliest
        of them. So radars stay in line with each other in what they tell of each other, however little is known of
        what they have in common; of two that differ either may be off, of several those that agree are right.
        """
        n, d = len(self.sensors), len(BIASES)
        scale = self.scale
        mean, covariance = (self.best[0] / scale)[None], (self.best[1] / np.outer(scale, scale))[None]
        small = np.tile((PAPER_SIGMA / PRIOR_SIGMA) ** 2, n)
        weight = np.zeros(1)
        for i in range(n * d):
            column, more = covariance[:, :, i], 1.0 / small[i] - 1.0
            drop = more / (1.0 + more * column[:, i])
            told = -0.5 * (np.log(small[i]) + np.log1p(more * column[:, i]) + drop * mean[:, i] ** 2)
            weight = np.concatenate([weight + told + np.log1p(-LARGE_SHARE), weight + np.log(LARGE_SHARE)])
            mean = np.concatenate([mean - (drop * mean[:, i])[:, None] * column, mean])
            narrow = covariance - drop[:, None, None] * column[:, :, None] * column[:, None, :]
            covariance = np.concatenate([narrow, covariance])
            kept = np.argsort(-weight, kind="stable")[:CHOICES_MAX]
            weight, mean, covariance = weight[kept], mean[kept], covariance[kept]
        weight = np.exp(weight - weight.max())
        weight /= weight.sum()
        bias = weight @ mean
        apart = (mean - bias).reshape(len(weight), n, d)
        own = covariance.reshape(len(weight), n, d, n, d)[:, np.arange(n), :, np.arange(n)].swapaxes(0, 1)
        spread = np.einsum("h,hnab->nab", weight, own + apart[..., :, None] * apart[..., None, :])
        unit = np.outer(PRIOR_SIGMA, PRIOR_SIGMA)
        return bias.reshape(n, d) * PRIOR_SIGMA, 0.5 * (spread + spread.swapaxes(1, 2)) * unit

    def anchored(self, name: str) -> Self:
        """Return what follows if one radar is taken to be right in what nothing tells: the biases of others against it.

        That is what is less sure than `PRIOR_SIGMA`: of radars without position reports what their clocks have in
        common, and of such that stand side by side all the rest too.
        """
        i = self.sensors.index(name)
        untold = self.marginals[1][i] > PRIOR_SIGMA
        return self._right_to(i, np.where(untold, ANCHOR_SHARE * PRIOR_SIGMA, np.inf))

    def leaning_on(self, name: str) -> Self:
        """Return what follows if one radar's biases are small (`PAPER_SIGMA`): those of others against it.

        That leaps nowhere as more comes to be known, as `anchored` does.
        """
        return self._right_to(self.sensors.index(name), PAPER_SIGMA)

    def _right_to(self, i: int, sigma: Floats) -> Self:
        """Return what follows if the biases of a radar are 0, give or take (4,) sigma."""
        certain = np.zeros((len(self.sensors), len(BIASES)))
        certain[i] = sigma**-2.0
        return type(self)(
            sensors=self.sensors, information=self.information + np.diag(certain.reshape(-1)), vector=self.vector
        )

    def walked(self, seconds: float, drift: Floats) -> Self:
        """Return the same after a time in which each bias drifts by (4,) `drift`, one sigma in an hour."""
        variance = np.tile(drift**2 * max(seconds, 0.0) / 3600.0, len(self.sensors))
        information, vector = walk(self.information, self.vector, variance)
        return type(self)(sensors=self.sensors, information=information, vector=vector)

    def told(self, pairs: Pairs, weight: Floats) -> Self:
        """Return the same with what (n,) weighted pairs tell."""
        blocks, parts = normal_equations(pairs)
        information, vector = self.information.copy(), self.vector.copy()
        for own, other in sorted(set(zip(pairs.own.tolist(), pairs.other.tolist(), strict=True))):
            rows = (pairs.own == own) & (pairs.other == other)
            who = [len(BIASES) * own + i for i in range(len(BIASES))]
            who += [len(BIASES) * other + i for i in range(len(BIASES))] if other != NOBODY else []
            d = len(who)
            information[np.ix_(who, who)] += np.tensordot(weight[rows], blocks[rows, :d, :d], 1)
            vector[who] += weight[rows] @ parts[rows, :d]
        return type(self)(sensors=self.sensors, information=information, vector=vector)


def normal_equations(pairs: Pairs) -> tuple[Floats, Floats]:
    """Return (n, 8, 8) information and (n, 8) vectors that each pair alone tells of its own and the other's biases."""
    missing = np.isnan(pairs.residual)
    rows = np.concatenate([pairs.own_rows, pairs.other_rows], axis=2)
    rows = np.where(missing[:, :, None], 0.0, rows)
    variance = np.where(missing[:, :, None] | missing[:, None, :], np.eye(3), pairs.variance)
    gain = rows.swapaxes(1, 2) @ np.linalg.inv(variance)
    return gain @ rows, np.matvec(gain, np.where(missing, 0.0, pairs.residual))


def left_over(registration: Registration, pairs: Pairs) -> Floats:
    """Return (n, 3) what of the residuals the best biases do not explain."""
    bias = registration.best[0].reshape(-1, len(BIASES))
    own = np.matvec(pairs.own_rows, bias[pairs.own])
    other = np.matvec(pairs.other_rows, bias[np.maximum(pairs.other, 0)])
    return np.asarray(pairs.residual - own - other, np.float64)


def weigh(before: Registration, pairs: Pairs) -> tuple[Pairs, Floats]:
    """Return the pairs with their noise scaled to what they show, and (n,) weights: 1, or 0 for what is no pair.

    Where a radar's residuals scatter by more than was stated, and that is no chance, its noise is taken to be so.

    Args:
        before: what was known without them.
        pairs: those to be weighed against each other and against it.
    """
    weight = np.ones(len(pairs))
    if not len(pairs):
        return pairs, weight
    for _ in range(PASSES):
        rest = left_over(before.told(pairs, weight), pairs)
        scaled = pairs.replace(variance=_scaled(pairs, rest, len(before.sensors)))
        weight = 1.0 / (1.0 + _squared(rest, scaled.variance) / CAUCHY_SQUARED)
    n_measured = (~np.isnan(pairs.residual)).sum(axis=1)
    for _ in range(2):
        rest = left_over(before.told(scaled, weight), scaled)
        scaled = pairs.replace(variance=_scaled(pairs, rest, len(before.sensors)))
        weight = (_squared(rest, scaled.variance) <= chi_square_gate(KEPT_PROBABILITY, n_measured)).astype(np.float64)
    return scaled, weight


def _squared(rest: Floats, variance: Floats) -> Floats:
    missing = np.isnan(rest)
    variance = np.where(missing[:, :, None] | missing[:, None, :], np.eye(3), variance)
    rest = np.where(missing, 0.0, rest)
    return np.asarray(np.vecdot(rest, np.linalg.solve(variance, rest[..., None])[..., 0]), np.float64)


def _scaled(pairs: Pairs, rest: Floats, n_sensors: int) -> Floats:
    """Return (n, 3, 3) variances, those of a radar's component raised where its residuals show them to be greater."""
    factor = np.ones((n_sensors, 3))
    normal = np.abs(rest) / np.sqrt(np.diagonal(pairs.variance, axis1=1, axis2=2))
    for i in range(n_sensors):
        for j in range(3):
            known = normal[(pairs.own == i) & ~np.isnan(rest[:, j]), j]
            if len(known) >= SCALE_ROWS_MIN:
                found = MAD * float(np.median(known))
                factor[i, j] = found if found > 1.0 + 3.0 * SCALE_SIGMA / np.sqrt(len(known)) else 1.0
    each = factor[pairs.own]
    return np.asarray(pairs.variance * each[:, :, None] * each[:, None, :], np.float64)


def rates(rows: Floats, velocity_m_s: Floats) -> Floats:
    """Return (n, 3) time derivatives of range, azimuth and elevation, from (n, 3, 3) rows of a Jacobian."""
    found: Floats = np.matvec(rows, velocity_m_s)
    return found


def columns_of(sensor: Sensor) -> Integers:
    """Return which of the sensor's components are `MEASURED`."""
    return np.array([sensor.COMPONENTS.index(name) for name in MEASURED])


def is_radar(sensor: Sensor) -> bool:
    """Return whether the sensor measures what has these biases."""
    return set(MEASURED) <= set(sensor.COMPONENTS)


def is_reporter(sensor: Sensor) -> bool:
    """Return whether the sensor hears where targets say they are."""
    return set(REPORTS) <= set(sensor.COMPONENTS)


def without(detections: Detections, sensor: Sensor, bias: Floats) -> Detections:
    """Return a radar's plots, in the sensor's component order, without (4,) biases."""
    columns, wrapped = columns_of(sensor), [name.endswith("azimuth_rad") for name in MEASURED]
    values = detections.values.copy()
    values[:, columns] -= bias[:TIME]
    values[:, columns[wrapped]] = wrap(values[:, columns[wrapped]])
    return detections.replace(values=values, time_ns=detections.time_ns - round(float(bias[TIME]) * NS_PER_S))


def widened(detections: Detections, sensor: Sensor, covariance: Floats) -> Detections:
    """Return a radar's plots with the (4, 4) covariance of what is left of its biases added to their noise.

    It is the same error in every plot, not a new one each time: this is for who cannot carry it along (`considered`).
    """
    columns = columns_of(sensor)
    speed_m_s = sensor.parameters.get("speed_sigma_m_s", SPEED_SIGMA_M_S)
    covariances = detections.covariances.copy()
    covariances[:, columns[:, None], columns] += covariance[:TIME, :TIME]
    moved_m = speed_m_s * np.sqrt(covariance[TIME, TIME])
    across = moved_m / np.maximum(detections.values[:, columns[0]], moved_m + 1.0)
    for j, spread in enumerate((np.full(len(detections), moved_m), across, across)):
        covariances[:, columns[j], columns[j]] += spread**2
    return detections.replace(covariances=covariances)
