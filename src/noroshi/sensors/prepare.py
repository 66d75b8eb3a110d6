"""Detections as they came, brought into the order of their sensor's type and screened row by row."""

import numpy as np
from numpy.typing import NDArray

from noroshi import sensors
from noroshi.records import Detections, Quality, RecordError

YEAR_2200_NS = 7_258_118_400_000_000_000
ASYMMETRY_MAX = 1e-9  # of a covariance, as a correlation: rounding in a decoder, no more
SIGMA_RAD, SIGMA_SI = (1e-12, 2.0 * np.pi), (1e-6, 1e7)  # what a standard deviation may be, in rad and in m or m/s
EIGENVALUE_MIN = 1e-12  # of a correlation matrix: below this its inverse is noise


def arrange(detections: Detections, sensor: sensors.Sensor) -> Detections:
    """Return all rows with the sensor's components in the sensor's order, each with its `Quality`.

    What the rows do not have is filled in: NaN for components that they lack, the type's noise where the noise is NaN,
    the sensor's place where the origin is NaN. A row that already carries a code keeps it; the others get the first
    that applies of NOT_FINITE, OUT_OF_BOUNDS, BAD_COVARIANCE, BAD_TIME, UNKNOWN_SENSOR (no origin where one is needed).

    Raises:
        RecordError: if a component is unknown to the type or there twice.
    """
    names = detections.components
    for name in names:
        if name not in sensor.COMPONENTS:
            known = ", ".join(sensor.COMPONENTS)
            raise RecordError(
                f"sensor {detections.sensor!r}: component {name!r} is unknown to its type; it has {known}"
            )
        if names.count(name) > 1:
            raise RecordError(f"sensor {detections.sensor!r}: component {name!r} is there {names.count(name)} times")
    n, m = len(detections), len(sensor.COMPONENTS)
    columns = np.array([sensor.COMPONENTS.index(name) for name in names], np.intp)
    values = np.full((n, m), np.nan)
    values[:, columns] = detections.values
    given = np.full((n, m, m), np.nan)
    given[:, columns[:, None], columns] = detections.covariances
    own = sensor.noise(np.where(np.isinf(values), np.nan, values))
    measured = ~np.isnan(values)
    stated = measured[:, :, None] & measured[:, None, :] & ~np.isnan(given)
    covariances = np.where(stated, given, own)
    origin = np.where(np.isnan(detections.origin_ecef_m), sensor.origin_ecef_m, detections.origin_ecef_m)
    faults = {
        Quality.NOT_FINITE: _not_finite(values, sensor),
        Quality.OUT_OF_BOUNDS: _out_of_bounds(values, sensor),
        Quality.BAD_COVARIANCE: _bad_covariance(covariances, measured) | _absurd_sigma(covariances, measured, sensor),
        Quality.BAD_TIME: (detections.time_ns <= 0) | (detections.time_ns >= YEAR_2200_NS),
        Quality.UNKNOWN_SENSOR: _any_in_row(~np.isfinite(origin)) & sensor.NEEDS_ORIGIN,
    }
    found = np.select(list(faults.values()), [np.uint8(code) for code in faults], np.uint8(Quality.GOOD))
    return detections.replace(
        components=sensor.COMPONENTS,
        values=values,
        covariances=covariances,
        origin_ecef_m=origin,
        quality=np.where(detections.quality != Quality.GOOD, detections.quality, found),
    )


def _not_finite(values: NDArray[np.float64], sensor: sensors.Sensor) -> NDArray[np.bool_]:
    required = [sensor.COMPONENTS.index(name) for name in sensor.REQUIRED]
    faulty = np.isinf(values)
    faulty[:, required] |= np.isnan(values[:, required])
    return _any_in_row(faulty)


def _out_of_bounds(values: NDArray[np.float64], sensor: sensors.Sensor) -> NDArray[np.bool_]:
    low, high = np.array([sensor.BOUNDS[name] for name in sensor.COMPONENTS]).T
    return _any_in_row((values < low) | (values > high))


def _bad_covariance(covariances: NDArray[np.float64], measured: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (n,) whether the noise among measured components is not finite, symmetric and positive definite."""
    m = measured.shape[1]
    both = measured[:, :, None] & measured[:, None, :]
    noise = np.where(both, covariances, np.eye(m))
    variances = np.diagonal(noise, axis1=1, axis2=2)
    bad = _any_in_row(~np.isfinite(noise)) | _any_in_row(variances <= 0.0)
    coupled = np.flatnonzero(~bad & _any_in_row((noise != 0.0) & ~np.eye(m, dtype=bool)))
    sigmas = np.sqrt(variances[coupled])
    correlation = noise[coupled] / sigmas[:, :, None] / sigmas[:, None, :]
    asymmetry = np.abs(correlation - correlation.swapaxes(1, 2)).max(axis=(1, 2))
    bad[coupled] = (asymmetry > ASYMMETRY_MAX) | (np.linalg.eigvalsh(correlation)[:, 0] < EIGENVALUE_MIN)
    return bad


def _absurd_sigma(
    covariances: NDArray[np.float64], measured: NDArray[np.bool_], sensor: sensors.Sensor
) -> NDArray[np.bool_]:
    """Return (n,) whether a standard deviation is one that no sensor has: wider than a turn, finer than an atom."""
    angles = np.array([name.endswith("_rad") for name in sensor.COMPONENTS])
    low = np.where(angles, SIGMA_RAD[0], SIGMA_SI[0])
    high = np.where(angles, SIGMA_RAD[1], SIGMA_SI[1])
    variances = np.where(measured, np.diagonal(covariances, axis1=1, axis2=2), low**2)
    return _any_in_row(~((variances >= low**2) & (variances <= high**2)))


def _any_in_row(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = np.any(flags, axis=tuple(range(1, flags.ndim)))
    return found
