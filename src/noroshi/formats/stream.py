"""The picture for programs in JSON or msgpack, as columns: all of it, or what changed of it. Written, not read.

`docs/edges.md` has the schema. Absent numbers are null; angles are in degrees, as everywhere at the edges.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import iso_from_utc_ns
from noroshi.geo.wgs84 import enu_axes, geodetic_from_ecef
from noroshi.records import KINDS, STATUSES, Tracks
from noroshi.records.identity import ABSENT

VERSION = 1
COLUMNS = (
    *("id", "time", "updated", "revision", "status", "existence", "kind", "lat_deg", "lon_deg", "height_m"),
    *("velocity_enu_m_s", "state_ecef", "covariance_ecef", "icao_address", "mode_3a", "mmsi", "call_sign"),
    *("sources", "label"),
)
UPPER = np.triu_indices(6)
_ENCODERS: dict[str, Any] = {"json": msgspec.json.Encoder(), "msgpack": msgspec.msgpack.Encoder()}
FORMATS = tuple(_ENCODERS)


def message(
    batches: Sequence[Tracks],
    *,
    viewer: str,
    node: str,
    exercise: str | None,
    version: int,
    since: int | None,
    gone: NDArray[np.uint64],
    time_ns: int,
    form: str,
) -> bytes:
    """Return one message.

    Args:
        batches: tracks, each batch of one label.
        viewer: who sees it so.
        node: who made the tracks.
        exercise: which exercise it belongs to; None is real.
        version: of the view.
        since: the version that this message makes the change from; None for a snapshot, which is whole.
        gone: (m,) tracks that are no longer seen.
        time_ns: the node's own time, Unix UTC nanoseconds.
        form: "json" or "msgpack".
    """
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for i, tracks in enumerate(batches):
        for name, column in _columns(tracks, i).items():
            columns[name].extend(column)
    said: dict[str, Any] = {
        "schema": VERSION,
        "type": "snapshot" if since is None else "changes",
        "viewer": viewer,
        "node": node,
        "exercise": exercise,
        "version": version,
        "since": since,
        "time": iso_from_utc_ns(time_ns),
        "labels": [msgspec.json.decode(tracks.label) if tracks.label else None for tracks in batches],
        "tracks": columns,
        "gone": gone.tolist(),
    }
    encoded: bytes = _ENCODERS[form].encode(said)
    return encoded


def alive(*, viewer: str, exercise: str | None, version: int, time_ns: int, form: str) -> bytes:
    """Return the message that says that the node lives and nothing changed."""
    said = {
        "schema": VERSION,
        "type": "alive",
        "viewer": viewer,
        "exercise": exercise,
        "version": version,
        "time": iso_from_utc_ns(time_ns),
    }
    encoded: bytes = _ENCODERS[form].encode(said)
    return encoded


def _columns(tracks: Tracks, label: int) -> dict[str, list[Any]]:
    lat_rad, lon_rad, height_m = geodetic_from_ecef(tracks.state_ecef[:, :3])
    velocity = np.matvec(enu_axes(lat_rad, lon_rad), tracks.state_ecef[:, 3:])
    names, who = np.array(tracks.source_names, np.str_), tracks.identity
    return {
        "id": tracks.track_id.tolist(),
        "time": _iso(tracks.time_ns),
        "updated": _iso(tracks.updated_ns),
        "revision": tracks.revision.tolist(),
        "status": [STATUSES[i] for i in tracks.status.tolist()],
        "existence": _numbers(tracks.existence),
        "kind": [dict(zip(KINDS, row, strict=True)) for row in tracks.kind_probability.tolist()],
        "lat_deg": _numbers(np.degrees(lat_rad)),
        "lon_deg": _numbers(np.degrees(lon_rad)),
        "height_m": _numbers(height_m),
        "velocity_enu_m_s": velocity.tolist(),
        "state_ecef": tracks.state_ecef.tolist(),
        "covariance_ecef": tracks.covariance_ecef[:, *UPPER].tolist(),
        "icao_address": [None if one == ABSENT else f"{one:06X}" for one in who.icao_address.tolist()],
        "mode_3a": [None if one == ABSENT else f"{one:04o}" for one in who.mode_3a.tolist()],
        "mmsi": [None if one == ABSENT else one for one in who.mmsi.tolist()],
        "call_sign": [one or None for one in who.call_sign.tolist()],
        "sources": [names[row].tolist() for row in tracks.sources],
        "label": [label] * len(tracks),
    }


def _iso(time_ns: NDArray[np.int64]) -> list[str]:
    return [f"{text}Z" for text in np.datetime_as_string(time_ns.view("M8[ns]"), unit="ns").tolist()]


def _numbers(column: NDArray[np.float64]) -> list[float | None]:
    return [one if np.isfinite(one) else None for one in column.tolist()]
