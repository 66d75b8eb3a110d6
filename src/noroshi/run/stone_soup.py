"""To and from Stone Soup's types, so that one may use either program on the other's data.

Frame: Stone Soup's Cartesian x, y, z are metres east, north and up of `origin_ecef_m`, on the plane that touches the
ellipsoid there; None is the laboratory's plane at 0N 0E. A radar elsewhere in that frame has its own north and
horizontal, and its angles are turned accordingly. Bearings run counterclockwise from x, azimuths clockwise from north.
`position_mapping` and `velocity_mapping` say where a Stone Soup state has them; usual is [x, vx, y, vy, z, vz].

Time: Stone Soup's naive datetimes are UTC with microseconds. Nanoseconds are rounded to them on the way out; on the way
in nothing is lost. A datetime with a zone is converted.

Identity is metadata: `icao` (hexadecimal; `icao24` is read too), `squawk`, `MMSI`, `callsign`, in upper or lower case.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.kalman import symmetric
from noroshi.formats import number_in_base
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import (
    MEAN_RADIUS_M,
    Floats,
    ecef_from_enu,
    ecef_from_geodetic,
    enu_axes_at,
    enu_from_ecef,
    geodetic_from_ecef,
)
from noroshi.records import Detections, Identity, Kind, Quality, SensorSite, Tracks, TrackStatus, Truth, take
from noroshi.records import certain_kind as certain
from noroshi.records.identity import ABSENT
from noroshi.sensors import Sensor, local_position, search_radar
from noroshi.sensors.prepare import arrange

try:
    from stonesoup.models.measurement.linear import LinearGaussian
    from stonesoup.models.measurement.nonlinear import (
        CartesianToBearingRange,
        CartesianToBearingRangeRate,
        CartesianToBearingRangeRate2D,
        CartesianToElevationBearingRange,
        CartesianToElevationBearingRangeRate,
    )
    from stonesoup.types.angle import Bearing, Elevation
    from stonesoup.types.detection import Detection
    from stonesoup.types.groundtruth import GroundTruthPath, GroundTruthState
    from stonesoup.types.prediction import Prediction
    from stonesoup.types.state import GaussianState
    from stonesoup.types.track import Track
    from stonesoup.types.update import Update
except ImportError as error:
    raise ImportError("Stone Soup is not installed; install with: uv sync --extra stonesoup") from error

POSITION_MAPPING, VELOCITY_MAPPING = (0, 2, 4), (1, 3, 5)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
XYZ = local_position.Sensor.COMPONENTS
RADAR = ("range_m", "azimuth_rad", "elevation_rad", "range_rate_m_s")
RANGE, AZIMUTH, ELEVATION, RATE = range(4)
MODELS = (
    (CartesianToElevationBearingRangeRate, (ELEVATION, AZIMUTH, RANGE, RATE)),
    (CartesianToElevationBearingRange, (ELEVATION, AZIMUTH, RANGE)),
    (CartesianToBearingRangeRate, (AZIMUTH, RANGE, RATE)),
    (CartesianToBearingRangeRate2D, (AZIMUTH, RANGE, RATE)),
    (CartesianToBearingRange, (AZIMUTH, RANGE)),
)
"""Which of `RADAR` a model measures, in its order."""
PLANE_MODELS = (CartesianToBearingRangeRate2D, CartesianToBearingRange)
"""Those whose range is along the plane, whatever z is."""

Mapped = Sequence[int]


def detections_from_stone_soup(
    detections: Iterable[Any],
    *,
    sensor: str = "stonesoup",
    origin_ecef_m: Floats | None = None,
    position_mapping: Mapped = POSITION_MAPPING,
    measurement_model: Any = None,
    parameters: Mapping[str, float] | None = None,
) -> tuple[list[Detections], list[SensorSite]]:
    """Return Stone Soup detections as batches, one a sensor, and the sensors' sites: what `noroshi.track` takes.

    `LinearGaussian` positions become plots of a `local_position`, the models of bearing and range those of a
    `search_radar`, with their noise. Each distinct place of a model is a sensor of its own: `sensor` if there is one,
    else `sensor-1`, `sensor-2` and so on. The rows' order does not depend on that of the sets. A plot without elevation
    is taken to lie in the plane of its sensor, and its range along that plane to be the slant range: so Stone Soup
    has it too where its range has no z. Such scenes are best tracked with `motion="plane_constant_velocity"`.

    The sites state the scan period if the times show it (a radar whose model turns does not) and, where all plots lie
    in the plane, how high that is above the ellipsoid. The rest are the types' defaults, which suit aircraft; for
    smaller and slower things set at least `speed_sigma_m_s`.

    Args:
        detections: what a Detector yields, (time, set of detections); or sets of detections; or detections.
        sensor: name of the sensor.
        origin_ecef_m: (3,) where the Cartesian frame has its origin.
        position_mapping: components of the state that are x, y and z.
        measurement_model: of detections that carry none.
        parameters: what the sites are to state besides, by name.

    Raises:
        ValueError: if a detection has no time, or its model is not of those above, measures along other axes than
            `position_mapping`, moves, or is tilted and yet does not measure elevation.
    """
    places: dict[tuple[str, tuple[float, ...]], list[_Plot]] = {}
    for time, detection in _each(detections):
        if time is None:
            raise ValueError("a Stone Soup detection has no timestamp")
        model = detection.measurement_model or measurement_model
        plot = _plot(detection, _utc_ns(time), model, tuple(position_mapping))
        places.setdefault((plot.sensor_type, plot.place_m), []).append(plot)
    found: list[tuple[Detections, SensorSite]] = []
    for i, key in enumerate(sorted(places)):
        name = sensor if len(places) == 1 else f"{sensor}-{i + 1}"
        plots = sorted(places[key], key=lambda plot: plot.key)
        found.append((_radar if key[0] == "search_radar" else _frame)(name, plots, origin_ecef_m, parameters or {}))
    return [batch for batch, _ in found], [site for _, site in found]


def detections_to_stone_soup(
    detections: Detections, sensor: Sensor, *, origin_ecef_m: Floats | None = None, plane: bool = False
) -> list[tuple[datetime, set[Any]]]:
    """Return a `local_position`'s or `search_radar`'s plots as a Stone Soup Detector yields them, in order of time.

    Rows that the tracker would refuse (`sensors.prepare.arrange`) are left out. Stone Soup's model of bearing and range
    alone knows no height: it takes the slant range for the ground range.

    Args:
        detections: n plots.
        sensor: it fills in noise and place where the rows do not state them.
        origin_ecef_m: (3,) where the Cartesian frame is to have its origin.
        plane: the models are to measure states [x, vx, y, vy] instead of [x, vx, y, vy, z, vz].

    Raises:
        ValueError: for another type of sensor, plots with an altitude (there is no such model), local plots of another
            origin, and plots that measure the third dimension if `plane`.
    """
    plots = arrange(detections, sensor)
    plots = take(plots, plots.quality == Quality.GOOD)
    origin = _origin(origin_ecef_m)
    if sensor.COMPONENTS == XYZ:
        if np.any(np.abs(plots.origin_ecef_m - origin) > 1e-3):
            raise ValueError(f"the plots of '{plots.sensor}' have another origin: give it as origin_ecef_m")
        values, covariances, names = plots.values, plots.covariances, XYZ
    elif sensor.COMPONENTS == search_radar.Sensor.COMPONENTS:
        if np.any(~np.isnan(plots.values[:, search_radar.ALTITUDE])):
            raise ValueError(f"'{plots.sensor}' measures an altitude, for which Stone Soup has no model: set it to NaN")
        kept = [sensor.COMPONENTS.index(name) for name in RADAR]
        local_from_frame = enu_axes_at(plots.origin_ecef_m) @ enu_axes_at(origin).T
        values, covariances = _angles_in_frame(
            plots.values[:, kept], plots.covariances[:, kept][:, :, kept], local_from_frame
        )
        names = RADAR
    else:
        raise ValueError(f"'{plots.sensor}' measures {', '.join(sensor.COMPONENTS)}: not a position nor a radar plot")
    places = enu_from_ecef(plots.origin_ecef_m, origin)
    metadata = _metadata(plots.identity)
    make = _linear if names == XYZ else _polar
    rows = []
    for i in np.argsort(plots.time_ns, kind="stable").tolist():
        measured = tuple(np.flatnonzero(~np.isnan(values[i])).tolist())
        if plane and 2 in measured:
            raise ValueError(f"'{plots.sensor}' measures {names[2]}: a plane has no such component")
        vector, model = make(measured, values[i], covariances[i], places[i], plane)
        time = _datetime(int(plots.time_ns[i]))
        rows.append((time, Detection(vector, timestamp=time, measurement_model=model, metadata=metadata[i])))
    return [(time, {detection for _, detection in group}) for time, group in groupby(rows, key=lambda row: row[0])]


def tracks_to_stone_soup(
    tracks: Tracks | None, *, origin_ecef_m: Floats | None = None, plane: bool = False
) -> list[Any]:
    """Return Stone Soup Tracks of GaussianStates, in the order of their numbers, which become their `id`.

    Of several rows for one track and time the last word counts. None, as `Tracked.tracks` is if no track became firm,
    gives none. The metadata of each state is the identity and `kind`, the most probable one.

    Args:
        tracks: n rows.
        origin_ecef_m: (3,) where the Cartesian frame is to have its origin.
        plane: states are to be [x, vx, y, vy] instead of [x, vx, y, vy, z, vz].
    """
    if tracks is None or not len(tracks):
        return []
    order = np.lexsort((np.arange(len(tracks)), tracks.revision, tracks.time_ns, tracks.track_id))
    ids, times = tracks.track_id[order], tracks.time_ns[order]
    last = np.append((np.diff(ids) != 0) | (np.diff(times) != 0), True)
    tracks = take(tracks, order[last])
    states, turn = _frame_from_ecef(tracks.state_ecef, _origin(origin_ecef_m), plane)
    covariances = symmetric(turn @ tracks.covariance_ecef @ turn.T)
    metadata = _metadata(tracks.identity, tracks.kind_probability.argmax(axis=1))
    found = []
    for rows in _runs(tracks.track_id):
        track = Track(
            [GaussianState(states[i], covariances[i], timestamp=_datetime(int(tracks.time_ns[i]))) for i in rows],
            id=str(tracks.track_id[rows[0]]),
        )
        track.metadatas = [metadata[i] for i in rows]
        found.append(track)
    return found


def tracks_from_stone_soup(
    tracks: Iterable[Any],
    *,
    node: str = "stonesoup",
    origin_ecef_m: Floats | None = None,
    position_mapping: Mapped = POSITION_MAPPING,
    velocity_mapping: Mapped = VELOCITY_MAPPING,
) -> Tracks:
    """Return Stone Soup tracks as rows, sorted by track and time.

    A track keeps an `id` that is a whole number if all do; else they are counted from 1 in the order of their first
    states. A state that Stone Soup predicted and did not update is COASTING, all others are FIRM. Of states in a plane
    z is 0 and known as well as a `local_position` knows it.

    Args:
        tracks: Stone Soup tracks whose states have a mean and a covariance.
        node: who made them.
        origin_ecef_m: (3,) where the Cartesian frame has its origin.
        position_mapping, velocity_mapping: components of the state that are x, y (and z), and their rates.

    Raises:
        ValueError: if a state has no time, no covariance or not those components.
    """
    numbered = _numbered([track for track in tracks if len(track)])
    rows = [(number, _utc_ns(state.timestamp), i, track) for number, track in numbered for i, state in enumerate(track)]
    rows.sort(key=lambda row: row[:3])
    states = [track[i] for _, _, i, track in rows]
    told = [track.metadatas[i] for _, _, i, track in rows]
    number = np.array([row[0] for row in rows], np.uint64)
    time_ns = np.array([row[1] for row in rows], np.int64)
    predicted = np.array([isinstance(state, Prediction) for state in states], np.bool_)
    origin, columns = _origin(origin_ecef_m), _columns(states, position_mapping, velocity_mapping)
    turn = np.kron(np.eye(2), enu_axes_at(origin))
    return Tracks(
        node=node,
        source_names=(),
        track_id=number,
        time_ns=time_ns,
        updated_ns=_updated_ns(number, time_ns, predicted),
        revision=np.zeros(len(rows), np.int32),
        state_ecef=_ecef_from_frame(_vectors(states, columns), origin),
        covariance_ecef=symmetric(turn.T @ _covariances(states, columns) @ turn),
        existence=np.full(len(rows), np.nan),
        kind_probability=certain_kind(_kinds(told), len(rows)),
        status=np.where(predicted, TrackStatus.COASTING, TrackStatus.FIRM).astype(np.uint8),
        sources=np.zeros((len(rows), 0), np.bool_),
        identity=_identity([_told(metadata) for metadata in told]),
    )


def truth_to_stone_soup(truth: Truth, *, origin_ecef_m: Floats | None = None, plane: bool = False) -> list[Any]:
    """Return GroundTruthPaths, sorted by target, whose name becomes their `id`.

    The metadata of each state is the identity and `kind`. Velocities that are unknown are NaN.

    Args:
        truth: n rows.
        origin_ecef_m: (3,) where the Cartesian frame is to have its origin.
        plane: states are to be [x, vx, y, vy] instead of [x, vx, y, vy, z, vz].
    """
    truth = take(truth, np.lexsort((np.arange(len(truth)), truth.time_ns, truth.target)))
    states, _ = _frame_from_ecef(truth.state_ecef, _origin(origin_ecef_m), plane)
    metadata = _metadata(truth.identity, truth.kind)
    return [
        GroundTruthPath(
            [
                GroundTruthState(states[i], timestamp=_datetime(int(truth.time_ns[i])), metadata=metadata[i])
                for i in rows
            ],
            id=str(truth.target[rows[0]]),
        )
        for rows in _runs(truth.target)
    ]


def truth_from_stone_soup(
    paths: Iterable[Any],
    *,
    origin_ecef_m: Floats | None = None,
    position_mapping: Mapped = POSITION_MAPPING,
    velocity_mapping: Mapped | None = VELOCITY_MAPPING,
) -> Truth:
    """Return GroundTruthPaths as rows, sorted by target and time; a target's name is its path's `id`.

    Args:
        paths: Stone Soup paths.
        origin_ecef_m: (3,) where the Cartesian frame has its origin.
        position_mapping: components of the state that are x, y (and z, which else is 0).
        velocity_mapping: those that are their rates; None if the states have none: the velocities are then NaN.

    Raises:
        ValueError: if a state has no time or not those components.
    """
    rows = [(str(path.id), _utc_ns(state.timestamp), i, state) for path in paths for i, state in enumerate(path)]
    rows.sort(key=lambda row: row[:3])
    states = [state for _, _, _, state in rows]
    told = [getattr(state, "metadata", {}) for state in states]
    vectors = _vectors(states, _columns(states, position_mapping, velocity_mapping or ()))
    if velocity_mapping is None:
        vectors[:, 3:] = np.nan
    return Truth(
        target=np.array([name for name, _, _, _ in rows], np.str_),
        time_ns=np.array([time_ns for _, time_ns, _, _ in rows], np.int64),
        kind=_kinds(told).astype(np.uint8),
        state_ecef=_ecef_from_frame(vectors, _origin(origin_ecef_m)),
        identity=_identity([_told(metadata) for metadata in told]),
    )


@dataclass(frozen=True, slots=True)
class _Plot:
    """One Stone Soup detection, its values in the order of `XYZ` or `RADAR`, bearings still as Stone Soup has them."""

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
    name, mapping = type(model).__name__, tuple(getattr(model, "mapping", ()))
    wrong_axes = ValueError(f"{name} measures components {mapping} of the state: they are not its position_mapping")
    place_m, rotation = np.zeros(3), np.eye(3)
    if isinstance(model, LinearGaussian):
        if not set(mapping) <= set(position_mapping):
            raise wrong_axes
        columns, size = [position_mapping.index(component) for component in mapping], len(XYZ)
    else:
        known = next((order for kind, order in MODELS if isinstance(model, kind)), None)
        if known is None:
            raise ValueError(f"no way to use {name}: known are LinearGaussian, {', '.join(k.__name__ for k, _ in MODELS)}")
        n_axes = 2 if isinstance(model, PLANE_MODELS) else 3
        if mapping[:n_axes] != position_mapping[:n_axes]:
            raise wrong_axes
        if np.any(np.asarray(getattr(model, "velocity", 0.0), np.float64)):
            raise ValueError(f"{name} has a sensor that moves: its range rate is not that over the ground")
        if ELEVATION not in known and np.any(np.asarray(model.rotation_offset, np.float64)[:2]):
            raise ValueError(f"{name} is tilted by its rotation_offset, yet measures no elevation")
        columns, size = list(known), len(RADAR)
        offset = np.asarray(model.translation_offset, np.float64).ravel()
        place_m[: len(offset)] = offset
        rotation = np.asarray(model.rotation_matrix, np.float64)
    values, covariance = np.full(size, np.nan), np.zeros((size, size))
    values[columns] = np.asarray(detection.state_vector, np.float64).ravel()
    covariance[np.ix_(columns, columns)] = np.asarray(model.covar(), np.float64)
    return _Plot(
        sensor_type="local_position" if size == len(XYZ) else "search_radar",
        time_ns=time_ns,
        place_m=tuple((place_m + 0.0).tolist()),  # + 0.0: no second place for -0.0
        rotation=rotation,
        values=values,
        covariance=covariance,
        in_plane=isinstance(model, PLANE_MODELS),
        identity=_told(detection.metadata),
    )


def _frame(
    name: str, plots: list[_Plot], origin_ecef_m: Floats | None, parameters: Mapping[str, float]
) -> tuple[Detections, SensorSite]:
    """Return the plots of a local frame."""
    place_ecef_m = None if origin_ecef_m is None else np.asarray(origin_ecef_m, np.float64)
    values = np.array([plot.values for plot in plots])
    covariances = np.array([plot.covariance for plot in plots])
    return _batch(name, plots, XYZ, values, covariances, place_ecef_m, parameters)


def _radar(
    name: str, plots: list[_Plot], origin_ecef_m: Floats | None, parameters: Mapping[str, float]
) -> tuple[Detections, SensorSite]:
    """Return the plots of a radar, their angles turned to its own horizon and north."""
    origin = _origin(origin_ecef_m)
    place_ecef_m = ecef_from_enu(np.array(plots[0].place_m), origin)
    axes = enu_axes_at(place_ecef_m)
    values = np.array([plot.values for plot in plots])
    covariances = np.array([plot.covariance for plot in plots])
    local_from_model = axes @ enu_axes_at(origin).T @ np.array([plot.rotation for plot in plots]).swapaxes(1, 2)
    flat = np.isnan(values[:, ELEVATION])
    local, jacobian = _turned(values, local_from_model)
    azimuth_rad = np.arctan2(local[:, 0], local[:, 1])
    elevation_rad = np.where(flat, np.nan, np.arctan2(local[:, 2], np.hypot(local[:, 0], local[:, 1])))
    values[:, AZIMUTH], values[:, ELEVATION] = azimuth_rad, elevation_rad
    covariances = symmetric(jacobian @ covariances @ jacobian.swapaxes(1, 2))
    suited = {"range_m_max": max(search_radar.Sensor.PARAMETERS["range_m_max"], float(values[:, RANGE].max()))}
    in_plane = np.array([plot.in_plane for plot in plots])
    if np.array_equal(in_plane, flat) and flat.any():
        plane_ecef_m = place_ecef_m + np.vecmat(values[flat, :1] * local[flat], axes)
        speed = parameters.get("speed_sigma_m_s", search_radar.Sensor.PARAMETERS["speed_sigma_m_s"])
        suited |= _plane_prior(geodetic_from_ecef(plane_ecef_m)[2], speed)
    return _batch(name, plots, RADAR, values, covariances, place_ecef_m, {**suited, **parameters})


def _plane_prior(height_m: Floats, speed_sigma_m_s: float) -> dict[str, float]:
    """Return what a radar is to assume of the height of targets in a plane, which leaves the ellipsoid as it goes on.

    Args:
        height_m: (n,) where the plots in the plane are, above the ellipsoid.
        speed_sigma_m_s: how fast targets are; they climb by that times the slope of the plane, sqrt(2 h / radius).
    """
    usual = local_position.Sensor.PARAMETERS
    slope = float(np.sqrt(2.0 * max(float(height_m.max()), 0.0) / MEAN_RADIUS_M))
    return {
        "altitude_prior_m": float(height_m.max()),
        "altitude_prior_sigma_m": float(max(usual["plane_sigma_m"], np.ptp(height_m))),
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
    """Return the batch, without the components that no row measures, and its sensor's site; None is the laboratory."""
    used = np.flatnonzero(~np.isnan(values).all(axis=0))
    time_ns = np.array([plot.time_ns for plot in plots], np.int64)
    looks_ns = np.unique(time_ns)
    turns = any(not np.array_equal(plot.rotation, plots[0].rotation) for plot in plots)
    period = {} if turns or len(looks_ns) < 2 else {"scan_period_s": float(np.median(np.diff(looks_ns))) / NS_PER_S}
    place = {}
    if place_ecef_m is not None:
        lat_rad, lon_rad, height_m = geodetic_from_ecef(place_ecef_m)
        place = {"lat_rad": float(lat_rad), "lon_rad": float(lon_rad), "height_m": float(height_m)}
    site = SensorSite(sensor=name, type=plots[0].sensor_type, parameters={**period, **parameters}, **place)
    batch = Detections.of(
        sensor=name,
        components=tuple(names[i] for i in used),
        time_ns=time_ns,
        values=values[:, used],
        covariances=covariances[:, used][:, :, used],
        origin_ecef_m=_origin(place_ecef_m),
        identity=_identity([plot.identity for plot in plots]),
    )
    return batch, site
