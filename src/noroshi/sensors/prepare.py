"""Detections as they came, brought into the order of their sensor's type and screened row by row."""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from noroshi import sensors
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.records import Detections, Quality, RecordError

YEAR_2200_NS = 7_258_118_400_000_000_000
ASYMMETRY_MAX = 1e-9  # of a covariance, as a correlation: rounding in a decoder, no more
SIGMA_RAD, SIGMA_SI = (1e-12, 2.0 * np.pi), (1e-6, 1e7)  # what a standard deviation may be, in rad and in m or m/s
PIVOT_MIN = 1e-12  # of a correlation matrix: below this its inverse is noise


def arrange(detections: Detections, sensor: sensors.Sensor) -> Detections:
    """Return all rows with the sensor's components in the sensor's order, each with its `Quality`.

    Components that no row measures are passed over, whatever their names: a table has columns for several types. What
    the rows do not have is filled in: NaN for components that they lack, the type's noise where the noise is NaN,
    the sensor's place where the origin is NaN. A row that already carries a code keeps it; the others get the first
    that applies of NOT_FINITE, OUT_OF_BOUNDS, BAD_COVARIANCE, BAD_TIME, UNKNOWN_SENSOR (no origin where one is needed).
    Of NOTHING no more is asked than when and from where.

    Raises:
        RecordError: if a component is unknown to the type or there twice.
    """
    detections = _without_empty(detections, type(sensor))
    columns = _columns(detections.components, type(sensor), detections.sensor)
    n, m = len(detections), len(sensor.COMPONENTS)
    values, covariances, quality = np.full((n, m), np.nan), np.empty((n, m, m)), detections.quality.copy()
    values[:, columns] = detections.values
    own = _own_noise(sensor, values)
    origin = np.ascontiguousarray(detections.origin_ecef_m)
    nowhere = np.isnan(origin)
    if nowhere.any():
        origin = np.where(nowhere, sensor.origin_ecef_m, origin)
    bounds, required, variances = _limits(type(sensor))
    doubtful = np.empty(n, np.bool_)
    _screen(
        values, np.ascontiguousarray(detections.covariances), columns, own, detections.time_ns, origin,
        bounds, required, variances, sensor.NEEDS_ORIGIN, covariances, quality, doubtful,
    )  # fmt: skip
    if doubtful.any():
        _refuse_indefinite(values, covariances, doubtful, quality)
    return Detections(
        sensor=detections.sensor,
        components=sensor.COMPONENTS,
        received_ns=detections.received_ns,
        time_ns=detections.time_ns,
        values=values,
        covariances=covariances,
        origin_ecef_m=origin,
        identity=detections.identity,
        quality=quality,
    )


def _without_empty(detections: Detections, kind: type[sensors.Sensor]) -> Detections:
    """Return detections without the components that their type does not know and that no row measures."""
    names = detections.components
    if _are_all_known(names, kind):
        return detections
    kept = [i for i, name in enumerate(names) if name in kind.COMPONENTS or not np.isnan(detections.values[:, i]).all()]
    return detections.replace(
        components=tuple(names[i] for i in kept),
        values=detections.values[:, kept],
        covariances=detections.covariances[:, kept][:, :, kept],
    )


@cache
def _are_all_known(names: tuple[str, ...], kind: type[sensors.Sensor]) -> bool:
    return all(name in kind.COMPONENTS for name in names)


@cache
def _columns(names: tuple[str, ...], kind: type[sensors.Sensor], sensor: str) -> NDArray[np.int64]:
    """Return which of the type's components the names are."""
    for name in names:
        if name not in kind.COMPONENTS:
            known = ", ".join(kind.COMPONENTS)
            raise RecordError(f"sensor {sensor!r}: component {name!r} is unknown to its type; it has {known}")
        if names.count(name) > 1:
            raise RecordError(f"sensor {sensor!r}: component {name!r} is there {names.count(name)} times")
    return np.array([kind.COMPONENTS.index(name) for name in names], np.int64)


def _own_noise(sensor: sensors.Sensor, values: Floats) -> Floats:
    """Return the type's noise of each row, (n, m, m), or of every row alike, (1, m, m)."""
    if hasattr(sensor, "own_noise"):
        every: Floats = sensor.own_noise[None]
        return every
    infinite = np.isinf(values)
    return sensor.noise(np.where(infinite, np.nan, values) if infinite.any() else values)


@cache
def _limits(kind: type[sensors.Sensor]) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Return a type's (m, 2) bounds, which components are required, and (m, 2) what a variance may be."""
    bounds = np.array([kind.BOUNDS[name] for name in kind.COMPONENTS], np.float64)
    required = np.array([name in kind.REQUIRED for name in kind.COMPONENTS])
    angles = np.array([name.endswith("_rad") for name in kind.COMPONENTS])
    return bounds, required, np.where(angles[:, None], SIGMA_RAD, SIGMA_SI) ** 2


@kernel
def _screen(
    values: Floats,
    given: Floats,
    columns: NDArray[np.int64],
    own: Floats,
    time_ns: NDArray[np.int64],
    origin: Floats,
    bounds: Floats,
    required: NDArray[np.bool_],
    variances: Floats,
    needs_origin: bool,
    covariances: Floats,
    quality: NDArray[np.uint8],
    doubtful: NDArray[np.bool_],
) -> None:
    """Write the covariances and the quality of each row, and whether that hangs on its noise being definite."""
    m, p = values.shape[1], columns.shape[0]
    for i in range(values.shape[0]):
        like = i if own.shape[0] > 1 else 0
        finite, inside, sound, correlated = True, True, True, False
        for a in range(m):
            for b in range(m):
                covariances[i, a, b] = own[like, a, b]
            value = values[i, a]
            finite = finite and not math.isinf(value) and not (required[a] and math.isnan(value))
            inside = inside and not (value < bounds[a, 0] or value > bounds[a, 1])
        for a in range(p):
            for b in range(p):
                row, column = columns[a], columns[b]
                noise = given[i, a, b]
                if not (math.isnan(noise) or math.isnan(values[i, row]) or math.isnan(values[i, column])):
                    covariances[i, row, column] = noise
        for a in range(m):
            if math.isnan(values[i, a]):
                continue
            sound = sound and variances[a, 0] <= covariances[i, a, a] <= variances[a, 1]
            for b in range(m):
                correlated = correlated or (a != b and covariances[i, a, b] != 0.0 and not math.isnan(values[i, b]))
        doubtful[i] = False
        is_plot = quality[i] == Quality.GOOD
        if not is_plot and quality[i] != Quality.NOTHING:
            continue
        doubtful[i] = is_plot and finite and inside and sound and correlated
        if is_plot and not finite:
            quality[i] = Quality.NOT_FINITE
        elif is_plot and not inside:
            quality[i] = Quality.OUT_OF_BOUNDS
        elif is_plot and not sound:
            quality[i] = Quality.BAD_COVARIANCE
        elif time_ns[i] <= 0 or time_ns[i] >= YEAR_2200_NS:
            quality[i] = Quality.BAD_TIME
        elif needs_origin and not (
            math.isfinite(origin[i, 0]) and math.isfinite(origin[i, 1]) and math.isfinite(origin[i, 2])
        ):
            quality[i] = Quality.UNKNOWN_SENSOR


@kernel
def _refuse_indefinite(values: Floats, noise: Floats, doubtful: NDArray[np.bool_], quality: NDArray[np.uint8]) -> None:
    for i in range(values.shape[0]):
        if doubtful[i] and not _is_definite(values, noise, i):
            quality[i] = Quality.BAD_COVARIANCE


@kernel
def _is_definite(values: Floats, noise: Floats, i: int) -> bool:
    """Return whether the noise of what was measured, its diagonal sound, is symmetric and positive definite."""
    # Cholesky factor of the correlation matrix, whose pivots tell how far it is from singular.
    m, n = values.shape[1], 0
    factor, used = np.empty((m, m)), np.empty(m, np.int64)
    for a in range(m):
        if math.isnan(values[i, a]):
            continue
        used[n] = a
        for j in range(n + 1):
            b = used[j]
            scale = math.sqrt(noise[i, a, a] * noise[i, b, b])
            if not abs(noise[i, a, b] - noise[i, b, a]) <= ASYMMETRY_MAX * scale:
                return False
            total = noise[i, a, b] / scale
            for c in range(j):
                total -= factor[n, c] * factor[j, c]
            if j < n:
                factor[n, j] = total / factor[j, j]
            elif not total >= PIVOT_MIN:
                return False
            else:
                factor[n, n] = math.sqrt(total)
        n += 1
    return True
