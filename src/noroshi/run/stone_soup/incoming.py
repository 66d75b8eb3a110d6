"""Stone Soup's detections as ours."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from stonesoup.models.measurement.linear import LinearGaussian
from stonesoup.types.detection import Detection

from noroshi.estimation.kalman import symmetric
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import MEAN_RADIUS_M, Floats, ecef_from_enu, enu_axes_at, geodetic_from_ecef
from noroshi.records import Detections, SensorSite
from noroshi.run.stone_soup.shared import (
    AZIMUTH,
    ELEVATION,
    MODELS,
    PLANE_MODELS,
    POSITION_MAPPING,
    RADAR,
    RANGE,
    XYZ,
    identity_of,
    identity_row,
    origin_or_laboratory,
    sight,
    utc_ns,
)
from noroshi.sensors import local_position, search_radar


def detections_from_stone_soup(
    detections: Iterable[Any],
    *,
    sensor: str = "stonesoup",
    origin_ecef_m: Floats | None = None,
    position_mapping: Sequence[int] = POSITION_MAPPING,
    measurement_model: Any = None,
    parameters: Mapping[str, float] | None = None,
) -> tuple[list[Detections], list[SensorSite]]:
    """Return Stone Soup detections as batches, one a sensor, and the sensors' sites: what `noroshi.track` takes.

    `LinearGaussian` positions become plots of a `local_position`, those of the models of bearing and range become plots
    of a `search_radar`, with their noise. Each distinct place of a model is a sensor of its own: `sensor` if there is
    one, else `sensor-1`, `sensor-2` and so on. The order of rows does not depend on that of the sets.

    A plot without elevation is taken to lie in the plane through its sensor. Stone Soup measures the range of most such
    models along the plane, whatever z is; it is used as the slant range. Scenes in the laboratory's plane are best
    tracked with `motion="plane_constant_velocity"`.

    The sites state the scan period, if the times show it (a radar whose model turns does not show it), and where all
    plots lie in the plane, how high that is above the ellipsoid. The rest are the types' defaults, which suit aircraft:
    for smaller and slower things set at least `speed_sigma_m_s`.

    Args:
        detections: what a Detector yields, (time, set of detections); or sets of detections; or detections.
        sensor: name of the sensor.
        origin_ecef_m: (3,) where the Cartesian frame has its origin.
        position_mapping: components of the state that are x, y and z.
        measurement_model: of the detections that carry none.
        parameters: what the sites are to state besides, by name.

    Raises:
        ValueError: if a detection has no time, or its model is none of those above, measures along other axes than
            `position_mapping`, moves while it measures range rate, or is tilted and yet measures no elevation.
    """
    places: dict[tuple[str, tuple[float, ...]], list[_Plot]] = {}
    for time, detection in _each(detections):
        model = detection.measurement_model or measurement_model
        plot = _plot(detection, utc_ns(time), model, tuple(position_mapping))
        places.setdefault((plot.sensor_type, plot.place_m), []).append(plot)
    found: list[tuple[Detections, SensorSite]] = []
    for i, key in enumerate(sorted(places)):
        name = sensor if len(places) == 1 else f"{sensor}-{i + 1}"
        plots = sorted(places[key], key=lambda plot: plot.key)
        make = _radar if key[0] == "search_radar" else _local
        found.append(make(name, plots, origin_ecef_m, parameters or {}))
    return [batch for batch, _ in found], [site for _, site in found]


@dataclass(frozen=True, slots=True)
class _Plot:
    """One Stone Soup detection: its values in the order of `XYZ` or `RADAR`, the bearing as Stone Soup has it."""

    sensor_type: str
    time_ns: int
    place_m: tuple[float, ...]
    rotation: Floats
    values: Floats
    covariance: Floats
    in_plane: bool
    identity: tuple[int, int, int, str]

    @property
    def key(self) -> tuple[Any, ...]:
        numbers = np.concatenate([self.values, self.covariance.ravel(), self.rotation.ravel()])
        return self.time_ns, *np.nan_to_num(numbers, nan=-np.inf).tolist(), *self.identity


def _each(detections: Iterable[Any]) -> Iterator[tuple[datetime | None, Any]]:
    for item in detections:
        if isinstance(item, Detection):
            yield item.timestamp, item
            continue
        timed = isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], datetime)
        time, group = item if timed else (None, item)
        for detection in group:
            yield detection.timestamp or time, detection


def _plot(detection: Any, time_ns: int, model: Any, position_mapping: tuple[int, ...]) -> _Plot:
    linear = isinstance(model, LinearGaussian)
    columns = _position_columns(model, position_mapping) if linear else _radar_columns(model, position_mapping)
    size = len(XYZ) if linear else len(RADAR)
    values, covariance, place_m = np.full(size, np.nan), np.zeros((size, size)), np.zeros(3)
    values[columns] = np.asarray(detection.state_vector, np.float64).ravel()
    covariance[np.ix_(columns, columns)] = np.asarray(model.covar(), np.float64)
    if not linear:
        offset_m = np.asarray(model.translation_offset, np.float64).ravel()
        place_m[: len(offset_m)] += offset_m
    return _Plot(
        sensor_type="local_position" if linear else "search_radar",
        time_ns=time_ns,
        place_m=tuple(place_m.tolist()),
        rotation=np.eye(3) if linear else np.asarray(model.rotation_matrix, np.float64),
        values=values,
        covariance=covariance,
        in_plane=isinstance(model, PLANE_MODELS),
        identity=identity_row(detection.metadata),
    )


def _position_columns(model: Any, position_mapping: tuple[int, ...]) -> list[int]:
    """Return which of `XYZ` a linear model measures."""
    if not set(model.mapping) <= set(position_mapping):
        raise _other_axes(model, position_mapping)
    return [position_mapping.index(component) for component in model.mapping]


def _radar_columns(model: Any, position_mapping: tuple[int, ...]) -> list[int]:
    """Return which of `RADAR` a model measures, if it is one that we can use."""
    columns = next((columns for kind, columns in MODELS if isinstance(model, kind)), None)
    name = type(model).__name__
    if columns is None:
        known = ", ".join(["LinearGaussian", *(kind.__name__ for kind, _ in MODELS)])
        raise ValueError(f"measurement model {name} is not one of {known}")
    n_axes = 2 if isinstance(model, PLANE_MODELS) else 3
    if tuple(model.mapping)[:n_axes] != position_mapping[:n_axes]:
        raise _other_axes(model, position_mapping)
    if np.any(np.asarray(getattr(model, "velocity", 0.0), np.float64) != 0.0):
        raise ValueError(f"{name} has a velocity: the range rate of a moving sensor is not supported")
    if ELEVATION not in columns and np.any(np.asarray(model.rotation_offset, np.float64).ravel()[:2] != 0.0):
        raise ValueError(f"{name} has a rotation_offset about x or y but measures no elevation: direction unknown")
    return list(columns)


def _other_axes(model: Any, position_mapping: tuple[int, ...]) -> ValueError:
    return ValueError(
        f"{type(model).__name__} measures components {tuple(model.mapping)} of the state, but x, y, z are "
        f"{position_mapping}: state them with position_mapping"
    )


def _local(
    name: str, plots: list[_Plot], origin_ecef_m: Floats | None, parameters: Mapping[str, float]
) -> tuple[Detections, SensorSite]:
    values = np.array([plot.values for plot in plots])
    covariances = np.array([plot.covariance for plot in plots])
    return _batch(name, plots, XYZ, values, covariances, origin_ecef_m, parameters)


def _radar(
    name: str, plots: list[_Plot], origin_ecef_m: Floats | None, parameters: Mapping[str, float]
) -> tuple[Detections, SensorSite]:
    """Return a radar's plots, their angles turned to its own north and horizontal."""
    origin = origin_or_laboratory(origin_ecef_m)
    place_ecef_m = ecef_from_enu(np.array(plots[0].place_m), origin)
    axes = enu_axes_at(place_ecef_m)
    model_from_frame = np.array([plot.rotation for plot in plots])
    local_from_model = axes @ enu_axes_at(origin).T @ model_from_frame.swapaxes(1, 2)
    values = np.array([plot.values for plot in plots])
    flat = np.isnan(values[:, ELEVATION])
    local, derivative = sight(values[:, AZIMUTH], values[:, ELEVATION], local_from_model)
    covariances = symmetric(derivative @ np.array([plot.covariance for plot in plots]) @ derivative.swapaxes(1, 2))
    values[:, AZIMUTH] = np.arctan2(local[:, 0], local[:, 1])
    values[~flat, ELEVATION] = np.arctan2(local[~flat, 2], np.hypot(local[~flat, 0], local[~flat, 1]))
    usual = search_radar.Sensor.PARAMETERS
    suited = {"range_m_min": 0.0, "range_m_max": max(usual["range_m_max"], float(values[:, RANGE].max()))}
    if all(plot.in_plane for plot in plots):
        plane_ecef_m = place_ecef_m + np.vecmat(values[:, RANGE, None] * local, axes)
        speed_sigma_m_s = parameters.get("speed_sigma_m_s", usual["speed_sigma_m_s"])
        suited |= _plane_prior(geodetic_from_ecef(plane_ecef_m)[2], speed_sigma_m_s)
    return _batch(name, plots, RADAR, values, covariances, place_ecef_m, {**suited, **parameters})


def _plane_prior(height_m: Floats, speed_sigma_m_s: float) -> dict[str, float]:
    """Return what a radar is to assume of the height of targets in a plane, which leaves the ellipsoid as it goes on.

    Args:
        height_m: (n,) where the plots in the plane are, above the ellipsoid.
        speed_sigma_m_s: of the targets; they climb by that times the plane's slope, sqrt(2 height / radius).
    """
    usual = local_position.Sensor.PARAMETERS
    highest_m = float(height_m.max())
    slope = float(np.sqrt(2.0 * max(highest_m, 0.0) / MEAN_RADIUS_M))
    return {
        "altitude_prior_m": highest_m,
        "altitude_prior_sigma_m": max(usual["plane_sigma_m"], float(np.ptp(height_m))),
        "climb_sigma_m_s": max(usual["plane_speed_sigma_m_s"], speed_sigma_m_s * slope),
    }


def _batch(
    name: str,
    plots: list[_Plot],
    names: tuple[str, ...],
    values: Floats,
    covariances: Floats,
    place_ecef_m: Floats | None,
    parameters: Mapping[str, float],
) -> tuple[Detections, SensorSite]:
    """Return the batch, without the components that no row measures, and the sensor's site."""
    used = np.flatnonzero(~np.isnan(values).all(axis=0))
    time_ns = np.array([plot.time_ns for plot in plots], np.int64)
    looks_ns = np.unique(time_ns)
    turns = any(not np.array_equal(plot.rotation, plots[0].rotation) for plot in plots)
    told = turns or plots[0].sensor_type == "local_position"  # by the plots themselves, `run.sites`
    period = {} if told or len(looks_ns) < 2 else {"scan_period_s": float(np.median(np.diff(looks_ns))) / NS_PER_S}
    place = (np.nan, np.nan, np.nan) if place_ecef_m is None else geodetic_from_ecef(np.asarray(place_ecef_m))
    lat_rad, lon_rad, height_m = (float(x) for x in place)
    site = SensorSite(
        sensor=name,
        type=plots[0].sensor_type,
        lat_rad=lat_rad,
        lon_rad=lon_rad,
        height_m=height_m,
        parameters={**period, **parameters},
    )
    batch = Detections.of(
        sensor=name,
        components=tuple(names[i] for i in used),
        time_ns=time_ns,
        values=values[:, used],
        covariances=covariances[:, used][:, :, used],
        origin_ecef_m=origin_or_laboratory(place_ecef_m),
        identity=identity_of([plot.identity for plot in plots]),
    )
    return batch, site
