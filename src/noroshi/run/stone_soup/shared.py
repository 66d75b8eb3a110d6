"""What detections, tracks and truth share: time, frame, identity, and how the radars' angles turn."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from numbers import Integral
from typing import Any

import numpy as np
from stonesoup.models.measurement.nonlinear import (
    CartesianToBearingRange,
    CartesianToBearingRangeRate,
    CartesianToBearingRangeRate2D,
    CartesianToElevationBearingRange,
    CartesianToElevationBearingRangeRate,
)

from noroshi.formats.cells import number_in_base
from noroshi.geo.wgs84 import Floats, ecef_from_geodetic
from noroshi.records import Identity
from noroshi.records.identity import ABSENT
from noroshi.sensors import local_position

POSITION_MAPPING, VELOCITY_MAPPING = (0, 2, 4), (1, 3, 5)

XYZ = local_position.Sensor.COMPONENTS
RADAR = ("range_m", "azimuth_rad", "elevation_rad", "range_rate_m_s")
RANGE, AZIMUTH, ELEVATION, RANGE_RATE = range(4)

MODELS = (
    (CartesianToElevationBearingRangeRate, (ELEVATION, AZIMUTH, RANGE, RANGE_RATE)),
    (CartesianToElevationBearingRange, (ELEVATION, AZIMUTH, RANGE)),
    (CartesianToBearingRangeRate, (AZIMUTH, RANGE, RANGE_RATE)),
    (CartesianToBearingRangeRate2D, (AZIMUTH, RANGE, RANGE_RATE)),
    (CartesianToBearingRange, (AZIMUTH, RANGE)),
)
"""Which of `RADAR` each of Stone Soup's radar models measures, in its own order."""

PLANE_MODELS = (CartesianToBearingRange, CartesianToBearingRangeRate2D)
"""Those that measure the range along the plane, whatever z is."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_ADDRESSES_BELOW, _CODES_BELOW, _MMSI_BELOW = 1 << 24, 1 << 12, 10**9


def utc_ns(time: datetime | None) -> int:
    """Return the nanoseconds of a datetime; without a zone it is UTC.

    Raises:
        ValueError: if there is none.
    """
    if time is None:
        raise ValueError("a Stone Soup detection or state has no timestamp")
    naive = time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)
    return (naive - _EPOCH) // timedelta(microseconds=1) * 1000


def naive_utc(time_ns: int) -> datetime:
    """Return the nearest naive datetime."""
    return _EPOCH + timedelta(microseconds=(int(time_ns) + 500) // 1000)


def origin_or_laboratory(origin_ecef_m: Floats | None) -> Floats:
    """Return the (3,) origin; None is the laboratory's at 0N 0E."""
    if origin_ecef_m is None:
        return ecef_from_geodetic(0.0, 0.0, 0.0)
    return np.asarray(origin_ecef_m, np.float64)


def identity_row(metadata: Mapping[str, Any]) -> tuple[int, int, int, str]:
    """Return (ICAO address, Mode 3/A, MMSI, call sign) as `Identity` has them; what cannot be read is absent."""
    said = {str(key).lower(): value for key, value in metadata.items() if value is not None}
    address = said.get("icao", said.get("icao24", ""))
    call_sign = said.get("callsign")
    return (
        number_in_base(
            f"{int(address):x}" if isinstance(address, Integral) else str(address).strip(), 16, _ADDRESSES_BELOW
        ),
        number_in_base(str(said.get("squawk", "")).strip(), 8, _CODES_BELOW),
        number_in_base(str(said.get("mmsi", "")).strip(), 10, _MMSI_BELOW),
        call_sign.strip().upper() if isinstance(call_sign, str) else "",
    )


def identity_of(rows: Sequence[tuple[int, int, int, str]]) -> Identity:
    """Return the identity columns of rows by `identity_row`."""
    if not rows:
        return Identity.absent(0)
    address, code, mmsi, call_sign = zip(*rows, strict=True)
    return Identity(
        icao_address=np.array(address, np.int64),
        mode_3a=np.array(code, np.int64),
        mmsi=np.array(mmsi, np.int64),
        call_sign=np.array(call_sign, np.str_),
    )


def metadata_of(identity: Identity) -> list[dict[str, Any]]:
    """Return for each row what `identity_row` reads."""
    columns = (identity.icao_address, identity.mode_3a, identity.mmsi, identity.call_sign)
    found = []
    for address, code, mmsi, call_sign in zip(*(column.tolist() for column in columns), strict=True):
        spelled = {"icao": f"{address:06x}", "squawk": f"{code:04o}", "MMSI": mmsi, "callsign": call_sign}
        absent = (address == ABSENT, code == ABSENT, mmsi == ABSENT, not call_sign)
        found.append({key: value for (key, value), gone in zip(spelled.items(), absent, strict=True) if not gone})
    return found


def sight(bearing_rad: Floats, elevation_rad: Floats, local_from_frame: Floats) -> tuple[Floats, Floats]:
    """Return the (n, 3) local directions of (n,) bearings and elevations in Stone Soup's frame, and a derivative.

    Where the elevation is NaN the direction lies in the frame's plane.

    Args:
        bearing_rad, elevation_rad: counterclockwise from x, up from the plane.
        local_from_frame: (n, 3, 3) rotations to the radar's east, north and up.

    Returns:
        The directions, and (n, 4, 4) derivatives of local by frame values in the order of `RADAR`.
    """
    flat = np.isnan(elevation_rad)
    elevation_rad = np.where(flat, 0.0, elevation_rad)
    sin_b, cos_b = np.sin(bearing_rad), np.cos(bearing_rad)
    sin_e, cos_e = np.sin(elevation_rad), np.cos(elevation_rad)
    zero = np.zeros_like(sin_b)
    local = np.matvec(local_from_frame, np.stack([cos_e * cos_b, cos_e * sin_b, sin_e], axis=1))
    by_bearing = np.matvec(local_from_frame, np.stack([-cos_e * sin_b, cos_e * cos_b, zero], axis=1))
    by_elevation = np.matvec(local_from_frame, np.stack([-sin_e * cos_b, -sin_e * sin_b, cos_e], axis=1))
    east, north, _ = local.T
    ground = np.hypot(east, north)
    derivative = np.tile(np.eye(len(RADAR)), (len(local), 1, 1))
    for column, change in ((AZIMUTH, by_bearing), (ELEVATION, by_elevation)):
        derivative[:, AZIMUTH, column] = (north * change[:, 0] - east * change[:, 1]) / ground**2
        derivative[:, ELEVATION, column] = change[:, 2] / ground
    derivative[flat, AZIMUTH, ELEVATION] = 0.0
    derivative[flat, ELEVATION, AZIMUTH] = 0.0
    derivative[flat, ELEVATION, ELEVATION] = 1.0
    return local, derivative
