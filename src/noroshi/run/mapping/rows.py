"""Track rows as they are drawn."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import enu_axes, geodetic_from_ecef
from noroshi.records import Tracks, TrackStatus, take

ALIVE_WITHIN_NS = 60 * 10**9
ALTITUDE_SIGMA_M_MAX = 2000.0
"""A height less sure than this is the prior's, not the sensors'."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """n rows in order of track and time, of k tracks.

    Attributes:
        position_ecef_m, velocity_ecef_m_s: (n, 3) Earth-fixed.
        altitude_m: (n,) above the ellipsoid, NaN where the sensors do not tell it.
        speed_m_s, climb_m_s: (n,) over the ground and upwards.
        time_ns: (n,) Unix UTC nanoseconds.
        track: (n,) which of the k tracks.
        sure: (n,) whether the row is firm: not tentative, coasting or lost.
        last: (k,) index of each track's last row.
        duration_ns: (k,) from its first to its last row.
        alive: (k,) whether it was there at the end.
        confirmed: (k,) whether it was ever firm.
        names: k call signs, else ICAO addresses, Mode 3/A codes, MMSI, else track numbers.
    """

    position_ecef_m: Floats
    velocity_ecef_m_s: Floats
    altitude_m: Floats
    speed_m_s: Floats
    climb_m_s: Floats
    time_ns: NDArray[np.int64]
    track: NDArray[np.int64]
    sure: NDArray[np.bool_]
    last: NDArray[np.int64]
    duration_ns: NDArray[np.int64]
    alive: NDArray[np.bool_]
    confirmed: NDArray[np.bool_]
    names: tuple[str, ...]

    @classmethod
    def of(cls, tracks: Tracks) -> Self:
        """Return the last revision of each row whose position is finite."""
        order = np.lexsort((tracks.revision, tracks.time_ns, tracks.track_id))
        track_id, time_ns = tracks.track_id[order], tracks.time_ns[order]
        newest = (np.diff(track_id, append=track_id[-1:]) != 0) | (np.diff(time_ns, append=time_ns[-1:]) != 0)
        newest[-1:] = True
        usable = newest & np.all(np.isfinite(tracks.state_ecef[order, :3]), axis=1)
        tracks = take(tracks, order[usable])
        track = np.cumsum(np.diff(tracks.track_id, prepend=tracks.track_id[:1]) != 0)
        last = np.flatnonzero(np.diff(track, append=-1))
        first = np.flatnonzero(np.diff(track, prepend=-1))
        end_ns = tracks.time_ns.max(initial=0)
        altitude_m, speed_m_s, climb_m_s = _flight(tracks)
        lost = tracks.status[last] == TrackStatus.LOST
        sure = tracks.status == TrackStatus.FIRM
        return cls(
            position_ecef_m=tracks.state_ecef[:, :3],
            velocity_ecef_m_s=tracks.state_ecef[:, 3:],
            altitude_m=altitude_m,
            speed_m_s=speed_m_s,
            climb_m_s=climb_m_s,
            time_ns=tracks.time_ns,
            track=track,
            sure=sure,
            last=last,
            duration_ns=tracks.time_ns[last] - tracks.time_ns[first],
            alive=~lost & (tracks.time_ns[last] >= end_ns - ALIVE_WITHIN_NS),
            confirmed=np.logical_or.reduceat(sure, first) if len(first) else np.zeros(0, bool),
            names=tuple(_name(tracks, int(row)) for row in last),
        )


def _flight(tracks: Tracks) -> tuple[Floats, Floats, Floats]:
    """Return (n,) altitude [m], speed over the ground and climb [m/s]."""
    lat_rad, lon_rad, altitude_m = geodetic_from_ecef(tracks.state_ecef[:, :3])
    axes = enu_axes(lat_rad, lon_rad)
    east, north, climb_m_s = np.matvec(axes, tracks.state_ecef[:, 3:]).T
    up = axes[:, 2]
    variance = np.vecdot(np.matvec(tracks.covariance_ecef[:, :3, :3], up), up)
    known = np.isfinite(variance) & (variance <= ALTITUDE_SIGMA_M_MAX**2)
    return np.where(known, altitude_m, np.nan), np.hypot(east, north), climb_m_s


def _name(tracks: Tracks, row: int) -> str:
    identity = tracks.identity
    if identity.call_sign[row]:
        return str(identity.call_sign[row])
    if identity.icao_address[row] >= 0:
        return f"{identity.icao_address[row]:06X}"
    if identity.mode_3a[row] >= 0:
        return f"A{identity.mode_3a[row]:04o}"
    return str(identity.mmsi[row]) if identity.mmsi[row] >= 0 else f"#{tracks.track_id[row]}"
