"""What a sensor's plots say against reports of the same targets: its biases and its noise, as they were."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import wrap
from noroshi.estimation.interpolation import hermite
from noroshi.records import Detections, Truth, take
from noroshi.records.identity import ABSENT
from noroshi.sensors import Sensor

REACH_M = 3_000.0  # a plot farther than this from a reported target is of another one
MAD = 1.4826  # standard deviation of a normal distribution by its median absolute deviation


@dataclass(frozen=True, slots=True)
class Residual:
    """Measured minus reported, for one component of one sensor.

    Attributes:
        sensor, component: whose and which.
        n: how many plots had a reported target.
        bias: median difference.
        sigma: 1.4826 times the median absolute deviation from it.
    """

    sensor: str
    component: str
    n: int
    bias: float
    sigma: float


def residuals(detections: Detections, sensor: Sensor, truth: Truth) -> list[Residual]:
    """Return the residuals of one sensor's plots (in the sensor's component order) against reported targets.

    A plot belongs to the target whose address it carries; without an address to the nearest one, within 3 km.
    """
    best = np.full(len(detections), np.inf)
    difference = np.full(detections.values.shape, np.nan)
    wrapped = [i for i, name in enumerate(sensor.COMPONENTS) if name in sensor.WRAPPED]
    for leg in _legs(truth):
        rows = np.flatnonzero((detections.time_ns >= leg.time_ns[0]) & (detections.time_ns <= leg.time_ns[-1]))
        mine, theirs = leg.identity.icao_address[0], detections.identity.icao_address[rows]
        rows = rows[(theirs == ABSENT) | (theirs == mine)]
        if not rows.size:
            continue
        states = hermite(leg.time_ns, leg.state_ecef, detections.time_ns[rows])
        delta = detections.values[rows] - sensor.measure(states, detections.origin_ecef_m[rows])
        delta[:, wrapped] = wrap(delta[:, wrapped])
        miss_m = _miss_m(delta, detections.values[rows], sensor.COMPONENTS)
        named = (detections.identity.icao_address[rows] == mine) & (mine != ABSENT)
        closer = (miss_m < REACH_M) & (named | (miss_m < best[rows]))
        best[rows[closer]] = np.where(named[closer], -1.0, miss_m[closer])
        difference[rows[closer]] = delta[closer]
    return _summary(detections.sensor, sensor.COMPONENTS, difference)


def _miss_m(delta: NDArray[np.float64], values: NDArray[np.float64], components: Sequence[str]) -> NDArray[np.float64]:
    """Return how far each plot is from the target in range and across it [m]."""
    along, turn = components.index("range_m"), components.index("azimuth_rad")
    return np.asarray(np.hypot(delta[:, along], delta[:, turn] * values[:, along]), np.float64)


def _summary(sensor: str, components: Sequence[str], difference: NDArray[np.float64]) -> list[Residual]:
    found = []
    for i, name in enumerate(components):
        column = difference[np.isfinite(difference[:, i]), i]
        if column.size:
            bias = float(np.median(column))
            sigma = MAD * float(np.median(np.abs(column - bias)))
            found.append(Residual(sensor, name, int(column.size), bias, sigma))
    return found


def _legs(truth: Truth) -> list[Truth]:
    order = np.lexsort((truth.time_ns, truth.target))
    edges = np.flatnonzero(truth.target[order][1:] != truth.target[order][:-1]) + 1
    return [take(truth, rows) for rows in np.split(order, edges) if len(rows) > 1]
