"""CZML of tracks for Cesium: each a moving point with its path and a label. Written, not read.

Source: Analytical Graphics, CZML Guide (packets `document`, `position.cartographicDegrees`, `path`, `label`, `point`).
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from noroshi.formats.reading import rows_by_track
from noroshi.geo.time import iso_from_utc_ns
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.records import KINDS, Tracks

MEDIA = (".czml",)

COLOURS = {
    "unknown": [200, 200, 200, 255],
    "aircraft": [80, 180, 255, 255],
    "ship": [60, 200, 140, 255],
    "ballistic": [255, 70, 70, 255],
    "boosting": [255, 150, 40, 255],
    "gliding": [230, 90, 230, 255],
    "space": [255, 230, 120, 255],
}
TRAIL_S = 600.0
SPEED_UP = 10.0


def encode(tracks: Tracks, *, name: str = "noroshi") -> bytes:
    """Return a CZML document of the tracks, in order of track number; of corrected rows the last is shown."""
    each = rows_by_track(tracks)
    document: dict[str, Any] = {"id": "document", "name": name, "version": "1.0"}
    if not each:
        return msgspec.json.encode([document])
    time_ns = tracks.time_ns[np.concatenate(each)]
    begin, end = (iso_from_utc_ns(int(moment)) for moment in (time_ns.min(), time_ns.max()))
    document["clock"] = {
        "interval": f"{begin}/{end}",
        "currentTime": begin,
        "multiplier": SPEED_UP,
        "range": "LOOP_STOP",
        "step": "SYSTEM_CLOCK_MULTIPLIER",
    }
    return msgspec.json.encode([document, *(_packet(tracks, rows) for rows in each)])


def _packet(tracks: Tracks, rows: NDArray[np.int64]) -> dict[str, Any]:
    last = int(rows[-1])
    lat_rad, lon_rad, height_m = geodetic_from_ecef(tracks.state_ecef[rows, :3])
    seconds = (tracks.time_ns[rows] - tracks.time_ns[rows[0]]) / 1e9
    columns = (
        np.round(seconds, 6),
        np.round(np.degrees(lon_rad), 7),
        np.round(np.degrees(lat_rad), 7),
        np.round(height_m, 1),
    )
    number = int(tracks.track_id[last])
    colour = {"solidColor": {"color": {"rgba": COLOURS[KINDS[int(np.argmax(tracks.kind_probability[last]))]]}}}
    begin, end = (iso_from_utc_ns(int(tracks.time_ns[row])) for row in (rows[0], last))
    text = str(tracks.identity.call_sign[last]) or str(number)
    return {
        "id": f"{tracks.node}/{number}",
        "name": text,
        "availability": f"{begin}/{end}",
        "position": {
            "epoch": begin,
            "cartographicDegrees": np.column_stack(columns).ravel().tolist(),
            "interpolationAlgorithm": "LINEAR",
            "interpolationDegree": 1,
        },
        "point": {"pixelSize": 8, "color": colour["solidColor"]["color"]},
        "path": {"width": 2, "leadTime": 0, "trailTime": TRAIL_S, "material": colour},
        "label": {"text": text, "font": "12px sans-serif", "pixelOffset": {"cartesian2": [12, -8]}},
    }
