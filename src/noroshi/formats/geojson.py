"""GeoJSON of tracks: a line each, and a point where it was last; position reports as points. Written, not read.

Longitude and latitude are in degrees on WGS 84 (rounded to 1e-7, a centimetre), the third number is the height above
the ellipsoid in metres. A line that crosses the antimeridian is cut there in two, and no map draws it round the Earth.

Source: RFC 7946; 3.1.9 for the antimeridian.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from noroshi.formats.reading import rows_by_track
from noroshi.geo.time import iso_from_utc_ns
from noroshi.geo.wgs84 import enu_axes, geodetic_from_ecef
from noroshi.records import KINDS, STATUSES, Detections, Quality, Tracks

MEDIA = (".geojson",)

Place = list[float]


def encode(tracks: Tracks, detections: Sequence[Detections] = ()) -> bytes:
    """Return a FeatureCollection of the tracks' lines and last places, in order of track number.

    Args:
        tracks: rows in any order; of rows of one track and time the highest revision is drawn.
        detections: of these the good position reports are drawn, a MultiPoint for each sensor.
    """
    features = [feature for rows in rows_by_track(tracks) for feature in _features_of(tracks, rows)]
    for batch in detections:
        if {"lat_rad", "lon_rad"} <= set(batch.components):
            features.append(_feature_of_reports(batch))
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})


def _features_of(tracks: Tracks, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
    lat_rad, lon_rad, height_m = geodetic_from_ecef(tracks.state_ecef[rows, :3])
    places = _places(np.degrees(lat_rad), np.degrees(lon_rad), height_m)
    last = int(rows[-1])
    velocity = np.matvec(enu_axes(lat_rad[-1], lon_rad[-1]), tracks.state_ecef[last, 3:])
    common = {
        "track": int(tracks.track_id[last]),
        "node": tracks.node,
        "label": tracks.label,
        "kind": KINDS[int(np.argmax(tracks.kind_probability[last]))],
        "call_sign": str(tracks.identity.call_sign[last]),
        "icao_address": f"{int(tracks.identity.icao_address[last]):06x}"
        if tracks.identity.icao_address[last] >= 0
        else "",
        "mmsi": int(tracks.identity.mmsi[last]) if tracks.identity.mmsi[last] >= 0 else None,
    }
    point = common | {
        "role": "last place",
        "time": iso_from_utc_ns(int(tracks.time_ns[last])),
        "status": STATUSES[int(tracks.status[last])],
        "speed_m_s": _plain(np.hypot(velocity[0], velocity[1]), 2),
        "course_deg": _plain(np.degrees(np.arctan2(velocity[0], velocity[1])) % 360.0, 2),
        "climb_m_s": _plain(velocity[2], 2),
        "position_sigma_m": _plain(np.sqrt(np.trace(tracks.covariance_ecef[last, :3, :3]) / 3.0), 1),
    }
    features = [_feature("Point", places[-1], point)]
    if len(places) > 1:
        line = common | {
            "role": "line",
            "begin": iso_from_utc_ns(int(tracks.time_ns[rows[0]])),
            "end": iso_from_utc_ns(int(tracks.time_ns[last])),
        }
        pieces = cut_at_antimeridian(places)
        one = len(pieces) == 1
        features.insert(0, _feature("LineString" if one else "MultiLineString", pieces[0] if one else pieces, line))
    return features


def cut_at_antimeridian(line: Sequence[Place]) -> list[list[Place]]:
    """Return the pieces of a line of [longitude, latitude, height], each on one side of the 180th meridian.

    Two places more than 180 degrees of longitude apart are taken to be joined the short way round.
    """
    pieces: list[list[Place]] = [[line[0]]]
    for before, after in pairwise(line):
        if abs(after[0] - before[0]) > 180.0:
            edge = 180.0 if before[0] > 0.0 else -180.0
            onward = after[0] + 2.0 * edge - before[0]
            share = (edge - before[0]) / onward if onward else 0.0
            crossing = [b + share * (a - b) for b, a in zip(before[1:], after[1:], strict=True)]
            pieces[-1].append([edge, *(round(value, 7) for value in crossing)])
            pieces.append([[-edge, *(round(value, 7) for value in crossing)]])
        pieces[-1].append(after)
    return pieces


def _feature_of_reports(batch: Detections) -> dict[str, Any]:
    lat_rad, lon_rad = (batch.values[:, batch.components.index(name)] for name in ("lat_rad", "lon_rad"))
    good = np.isfinite(lat_rad) & np.isfinite(lon_rad) & (batch.quality == Quality.GOOD)
    places = _places(np.degrees(lat_rad[good]), np.degrees(lon_rad[good]), np.zeros(int(good.sum())))
    flat = [place[:2] for place in places]
    return _feature("MultiPoint", flat, {"role": "reports", "sensor": batch.sensor})


def _places(lat_deg: NDArray[np.float64], lon_deg: NDArray[np.float64], height_m: NDArray[np.float64]) -> list[Place]:
    columns = (np.round(lon_deg, 7), np.round(lat_deg, 7), np.round(height_m, 1))
    places: list[Place] = np.column_stack(columns).tolist()
    return places


def _plain(value: np.floating[Any], decimals: int) -> float | None:
    return round(float(value), decimals) if np.isfinite(value) else None


def _feature(shape: str, coordinates: Sequence[Any], properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": shape, "coordinates": coordinates},
        "properties": properties,
    }
