"""Records to columns. The same records give the same bytes."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from noroshi.formats.tables.names import LINE, TABLES, sigma_of
from noroshi.geo.wgs84 import enu_axes, geodetic_from_ecef
from noroshi.records import KINDS, STATUSES, Detections, Identity, Quality, SensorSite, Tracks, Truth

Form: TypeAlias = Literal["parquet", "csv"]
Part: TypeAlias = dict[str, Any]

ALWAYS: Mapping[str, tuple[str, ...]] = {
    "detections": ("time_ns", "sensor"),
    "sensors": ("sensor", "nation", "type", "lat_deg", "lon_deg", "height_m"),
    "truth": tuple(TABLES["truth"])[:9],
    "tracks": tuple(TABLES["tracks"])[:13],
}
"""Columns that a table has even where they say nothing."""

WHOLE = {
    "time_ns": pa.int64(),
    "updated_ns": pa.int64(),
    "mmsi": pa.int64(),
    "track": pa.uint64(),
    "revision": pa.int32(),
}
TEXT = (
    "sensor",
    "nation",
    "type",
    "target",
    "kind",
    "node",
    "status",
    "label",
    "quality",
    "icao_address",
    "mode_3a",
    "call_sign",
)


def encode_detections(detections: Sequence[Detections], *, form: Form = "parquet") -> bytes:
    """Return the detections table of batches, in their order.

    What is correlated between components is left out: only the standard deviations are written.
    """
    return _encode("detections", [_of_detections(batch) for batch in detections], {}, form)


def encode_sensors(sites: Sequence[SensorSite], *, form: Form = "parquet") -> bytes:
    """Return the sensors table; each parameter is a column behind the others."""
    part: Part = {
        "sensor": np.array([site.sensor for site in sites], np.str_),
        "nation": np.array([site.nation for site in sites], np.str_),
        "type": np.array([site.type for site in sites], np.str_),
        "lat_deg": np.degrees([site.lat_rad for site in sites]),
        "lon_deg": np.degrees([site.lon_rad for site in sites]),
        "height_m": np.array([site.height_m for site in sites], np.float64),
    }
    for name in sorted({name for site in sites for name in site.parameters}):
        part[name] = np.array([site.parameters.get(name, np.nan) for site in sites], np.float64)
    return _encode("sensors", [part], {}, form)


def encode_truth(truth: Truth, *, form: Form = "parquet") -> bytes:
    """Return the truth table."""
    part = _of_identity(truth.identity) | _of_states(truth.state_ecef)
    part |= {"time_ns": truth.time_ns, "target": truth.target, "kind": np.array(KINDS)[truth.kind]}
    return _encode("truth", [part], {}, form)


def encode_tracks(tracks: Tracks, *, form: Form = "parquet") -> bytes:
    """Return the tracks table; as Parquet it gives back the same tracks, to the bit."""
    n = len(tracks)
    part = _of_identity(tracks.identity) | _of_states(tracks.state_ecef)
    variances = np.diagonal(tracks.covariance_ecef, axis1=1, axis2=2)[:, :3]
    names = np.array(tracks.source_names, np.str_)
    part |= {
        "time_ns": tracks.time_ns,
        "track": tracks.track_id,
        "node": np.full(n, tracks.node),
        "kind": np.array(KINDS)[np.argmax(tracks.kind_probability, axis=1)],
        "status": np.array(STATUSES)[tracks.status],
        "position_sigma_m": np.sqrt(variances.mean(axis=1)),
        "updated_ns": tracks.updated_ns,
        "revision": tracks.revision,
        "existence": tracks.existence,
        "label": np.full(n, tracks.label),
    }
    if form == "csv":
        part["sources"] = np.array([";".join(names[row]) for row in tracks.sources], np.str_)
    else:
        offsets = np.concatenate(([0], np.cumsum(tracks.sources.sum(axis=1, dtype=np.int64)))).astype(np.int32)
        part["sources"] = _list(offsets, pa.array(names[np.nonzero(tracks.sources)[1]], pa.string()))
        for name in ("kind_probability", "state_ecef", "covariance_ecef"):
            values = getattr(tracks, name)
            size = int(np.prod(values.shape[1:]))
            part[name] = _list(np.arange(n + 1, dtype=np.int32) * size, pa.array(values.ravel()))
    metadata = {"node": tracks.node, "label": tracks.label, "source_names": "\n".join(tracks.source_names)}
    return _encode("tracks", [part], metadata, form)


def _of_detections(batch: Detections) -> Part:
    part = _of_identity(batch.identity) | {
        "time_ns": batch.time_ns,
        "sensor": np.full(len(batch), batch.sensor),
        "quality": np.array([code.name.lower() for code in Quality])[batch.quality],
    }
    sigmas = np.sqrt(np.diagonal(batch.covariances, axis1=1, axis2=2))
    for i, component in enumerate(batch.components):
        in_degrees = component in ("lat_rad", "lon_rad")
        name = component.replace("_rad", "_deg") if in_degrees else component
        unit = 180.0 / np.pi if in_degrees else 1.0
        part[name], part[sigma_of(name)] = batch.values[:, i] * unit, sigmas[:, i] * unit
    if batch.components == LINE:  # as exactly as it is known, since all that a line says hangs on it
        part |= {f"sensor_{axis}_ecef_m": batch.origin_ecef_m[:, i] for i, axis in enumerate("xyz")}
    elif np.isfinite(batch.origin_ecef_m).any():
        lat_rad, lon_rad, height_m = geodetic_from_ecef(batch.origin_ecef_m)
        part |= {
            "sensor_lat_deg": np.degrees(lat_rad),
            "sensor_lon_deg": np.degrees(lon_rad),
            "sensor_height_m": height_m,
        }
    return part


def _of_identity(identity: Identity) -> Part:
    """Return the identity columns; "" and -1 where there is nothing."""
    addresses, which = np.unique(identity.icao_address, return_inverse=True)
    codes, code = np.unique(identity.mode_3a, return_inverse=True)
    return {
        "icao_address": np.array([f"{one:06x}" if one >= 0 else "" for one in addresses], np.str_)[which],
        "mode_3a": np.array([f"{one:04o}" if one >= 0 else "" for one in codes], np.str_)[code],
        "mmsi": identity.mmsi,
        "call_sign": identity.call_sign,
    }


def _of_states(state_ecef: NDArray[np.float64]) -> Part:
    lat_rad, lon_rad, height_m = geodetic_from_ecef(state_ecef[:, :3])
    velocity = np.matvec(enu_axes(lat_rad, lon_rad), state_ecef[:, 3:])
    place: Part = {"lat_deg": np.degrees(lat_rad), "lon_deg": np.degrees(lon_rad), "altitude_m": height_m}
    return place | {f"velocity_{axis}_m_s": velocity[:, i] for i, axis in enumerate(("east", "north", "up"))}


def _encode(kind: str, parts: Sequence[Part], metadata: Mapping[str, str], form: Form) -> bytes:
    extra = [name for part in parts for name in part if name not in TABLES[kind]]
    columns: dict[str, Any] = {}
    for name in dict.fromkeys([*TABLES[kind], *extra]):
        column = pa.chunked_array([_column(name, part) for part in parts], _type(name, parts)).combine_chunks()
        if name in ALWAYS[kind] or column.null_count < len(column):
            columns[name] = column
    table = pa.table(columns).replace_schema_metadata({"noroshi": kind, **metadata})
    sink = io.BytesIO()
    if form == "csv":
        pa.csv.write_csv(table, sink, pa.csv.WriteOptions(quoting_style="needed"))
    else:
        pq.write_table(table, sink, compression="zstd", write_statistics=False)
    return sink.getvalue()


def _type(name: str, parts: Sequence[Part]) -> Any:
    lists = [part[name].type for part in parts if isinstance(part.get(name), pa.Array)]
    return lists[0] if lists else WHOLE.get(name, pa.string() if name in (*TEXT, "sources") else pa.float64())


def _column(name: str, part: Part) -> Any:
    kind = _type(name, [part])
    if name not in part:
        return pa.nulls(len(next(iter(part.values()))), kind)
    values = part[name]
    if isinstance(values, pa.Array):
        return values
    if pa.types.is_string(kind):
        return pa.array(values, kind, mask=values == "")
    if pa.types.is_floating(kind):
        return pa.array(np.asarray(values, np.float64), kind, mask=np.isnan(values))
    return pa.array(values, kind, mask=values == -1 if name == "mmsi" else None)


def _list(offsets: NDArray[np.int32], values: Any) -> Any:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
