"""Our detections as Stone Soup's."""

from collections.abc import Callable
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
from stonesoup.models.measurement.linear import LinearGaussian
from stonesoup.models.measurement.nonlinear import CartesianToBearingRangeRate, CartesianToBearingRangeRate2D
from stonesoup.types.angle import Bearing, Elevation
from stonesoup.types.array import StateVector
from stonesoup.types.detection import Detection

from noroshi.estimation.kalman import symmetric
from noroshi.geo.wgs84 import Floats, enu_axes_at, enu_from_ecef
from noroshi.records import Detections, Quality, take
from noroshi.run.stone_soup.shared import (
    AZIMUTH,
    ELEVATION,
    MODELS,
    PLANE_MODELS,
    POSITION_MAPPING,
    RADAR,
    VELOCITY_MAPPING,
    XYZ,
    metadata_of,
    naive_utc,
    origin_or_laboratory,
    sight,
)
from noroshi.sensors import Sensor, search_radar
from noroshi.sensors.prepare import arrange

THIRD = 2  # z of `XYZ`, the elevation of `RADAR`
SAME_ORIGIN_M = 1e-3


def detections_to_stone_soup(
    detections: Detections, sensor: Sensor, *, origin_ecef_m: Floats | None = None, plane: bool = False
) -> list[tuple[datetime, set[Any]]]:
    """Return plots of a `local_position` or a `search_radar` as a Stone Soup Detector yields them, in order of time.

    Rows that no tracker would use (`sensors.prepare.arrange`) are left out. Stone Soup's model of bearing and range
    knows no height: it takes the slant range for the range along the plane.

    Args:
        detections: n plots.
        sensor: fills in noise and place where the rows do not state them.
        origin_ecef_m: (3,) where the Cartesian frame is to have its origin.
        plane: the models are to measure states [x, vx, y, vy] instead of [x, vx, y, vy, z, vz].

    Raises:
        ValueError: for a sensor of another type, a plot with an altitude (no model has one), local plots of another
            origin, and a plot that measures the third dimension if `plane`.
    """
    plots = arrange(detections, sensor)
    plots = take(plots, plots.quality == Quality.GOOD)
    plots = take(plots, np.argsort(plots.time_ns, kind="stable"))
    make: Callable[..., tuple[Any, Any]]
    if sensor.COMPONENTS == XYZ:
        values, covariances, make = plots.values, plots.covariances, _linear
    elif sensor.COMPONENTS == search_radar.Sensor.COMPONENTS:
        values, covariances = _in_frame(plots, origin_or_laboratory(origin_ecef_m))
        make = _polar
    else:
        raise ValueError(f"'{plots.sensor}' measures {', '.join(sensor.COMPONENTS)}: Stone Soup has no such model")
    places_m = enu_from_ecef(plots.origin_ecef_m, origin_or_laboratory(origin_ecef_m))
    if make is _linear and np.any(np.abs(places_m) > SAME_ORIGIN_M):
        raise ValueError(f"the plots of '{plots.sensor}' have another origin: give theirs as origin_ecef_m")
    measured = ~np.isnan(values)
    if plane and measured[:, THIRD].any():
        raise ValueError(f"'{plots.sensor}' measures the third dimension, which a plane does not have")
    n_axes = 2 if plane else 3
    rows = []
    for i, metadata in enumerate(metadata_of(plots.identity)):
        columns = np.flatnonzero(measured[i])
        vector, model = make(columns.tolist(), values[i], covariances[i], places_m[i, :n_axes, None])
        time = naive_utc(plots.time_ns[i])
        rows.append((time, Detection(vector, timestamp=time, measurement_model=model, metadata=metadata)))
    return [(time, {detection for _, detection in group}) for time, group in groupby(rows, key=lambda row: row[0])]


def _in_frame(plots: Detections, origin: Floats) -> tuple[Floats, Floats]:
    """Return (n, 4) values and (n, 4, 4) noise in the order of `RADAR`, the angles as Stone Soup's frame has them.

    The inverse of `sight`: a plot without elevation lies in the frame's plane.
    """
    if np.any(~np.isnan(plots.values[:, search_radar.ALTITUDE])):
        raise ValueError(f"'{plots.sensor}' measures an altitude, which no Stone Soup model does: leave it out")
    kept = [search_radar.Sensor.COMPONENTS.index(name) for name in RADAR]
    values, covariances = plots.values[:, kept], plots.covariances[:, kept][:, :, kept]
    frame_from_local = enu_axes_at(origin) @ enu_axes_at(plots.origin_ecef_m).swapaxes(1, 2)
    azimuth_rad, elevation_rad = values[:, AZIMUTH], values[:, ELEVATION]
    flat = np.isnan(elevation_rad)
    east, north = np.sin(azimuth_rad), np.cos(azimuth_rad)
    up_in_plane = -(frame_from_local[:, 2, 0] * east + frame_from_local[:, 2, 1] * north) / frame_from_local[:, 2, 2]
    ground = np.where(flat, 1.0, np.cos(elevation_rad))
    up = np.where(flat, up_in_plane, np.sin(elevation_rad))
    x, y, z = np.matvec(frame_from_local, np.stack([ground * east, ground * north, up], axis=1)).T
    values[:, AZIMUTH] = np.arctan2(y, x)
    values[~flat, ELEVATION] = np.arctan2(z, np.hypot(x, y))[~flat]
    _, derivative = sight(values[:, AZIMUTH], values[:, ELEVATION], frame_from_local.swapaxes(1, 2))
    back = np.linalg.inv(derivative)
    return values, symmetric(back @ covariances @ back.swapaxes(1, 2))


def _linear(columns: list[int], values: Floats, covariance: Floats, place_m: Floats) -> tuple[Any, Any]:
    """Return the state vector and the model of a plot in the Cartesian frame."""
    mapping = [POSITION_MAPPING[column] for column in columns]
    noise = covariance[np.ix_(columns, columns)]
    return StateVector(values[columns]), LinearGaussian(2 * len(place_m), mapping, noise_covar=noise)


def _polar(columns: list[int], values: Floats, covariance: Floats, place_m: Floats) -> tuple[Any, Any]:
    """Return the state vector and the model of a radar's plot."""
    n_axes = len(place_m)
    fitting = [(kind, order) for kind, order in MODELS if sorted(order) == columns]
    if n_axes == 3:
        fitting = [(kind, order) for kind, order in fitting if kind is not CartesianToBearingRangeRate2D]
    else:
        fitting = [(kind, order) for kind, order in fitting if kind is not CartesianToBearingRangeRate]
    kind, order = fitting[0]
    typed = {AZIMUTH: Bearing, ELEVATION: Elevation}
    vector = StateVector([typed.get(column, float)(values[column]) for column in order])
    mapping = POSITION_MAPPING[: 2 if kind in PLANE_MODELS else n_axes]
    motion = {"velocity_mapping": VELOCITY_MAPPING[:n_axes]} if "velocity_mapping" in kind.properties else {}
    model = kind(
        ndim_state=2 * n_axes,
        mapping=mapping,
        noise_covar=covariance[np.ix_(order, order)],
        translation_offset=StateVector(place_m),
        **motion,
    )
    return vector, model
