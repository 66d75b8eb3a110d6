"""To and from Stone Soup's types, so that one may use either program on the other's data.

Frame: Stone Soup's Cartesian x, y, z are metres east, north and up of `origin_ecef_m`, on the plane that touches the
ellipsoid there; None is the laboratory's plane at 0N 0E. A radar elsewhere in that frame has its own north and
horizontal, and its angles are turned accordingly. Bearings run counterclockwise from x, azimuths clockwise from north.
`position_mapping` and `velocity_mapping` say where a Stone Soup state has them; usual is [x, vx, y, vy, z, vz].

Time: Stone Soup's naive datetimes are UTC in microseconds. Nanoseconds are rounded to them on the way out; on the way
in nothing is lost. A datetime with a zone is converted.

Identity is metadata: `icao` (hexadecimal; `icao24` is read too), `squawk`, `MMSI`, `callsign`, read in upper or lower
case.

Needs the extra `stonesoup`.
"""

try:
    import stonesoup  # noqa: F401
except ImportError as error:
    raise ImportError("Stone Soup is not installed; install with: uv sync --extra stonesoup") from error

from noroshi.run.stone_soup.incoming import detections_from_stone_soup
from noroshi.run.stone_soup.outgoing import detections_to_stone_soup
from noroshi.run.stone_soup.states import (
    tracks_from_stone_soup,
    tracks_to_stone_soup,
    truth_from_stone_soup,
    truth_to_stone_soup,
)

__all__ = [
    "detections_from_stone_soup",
    "detections_to_stone_soup",
    "tracks_from_stone_soup",
    "tracks_to_stone_soup",
    "truth_from_stone_soup",
    "truth_to_stone_soup",
]
