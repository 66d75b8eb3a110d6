"""A known truth: aircraft that turn once and ships, over ten minutes across midnight UTC; geometry is pyproj's."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod, Transformer

Floats = NDArray[np.float64]

DAY_S = 1_778_371_200  # 2026-05-10, 00:00 UTC
START_S, SECONDS = DAY_S + 86_100, 600  # five minutes before midnight to five after
MIDDLE = (14.8, 120.8)  # Luzon
RADARS = {"A": (15.0, 120.5, 100.0, 4.0), "B": (14.2, 121.2, 300.0, 6.0)}
"""By name: latitude and longitude [deg], height [m], time of a rotation [s]."""

RANGE_SIGMA_M, AZIMUTH_SIGMA_DEG, DETECTION_PROBABILITY, RANGE_M_MAX = 60.0, 0.07, 0.95, 200e3
REPORT_SIGMA_M = 15.0

_GEOD = Geod(ellps="WGS84")
_ECEF = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)


@dataclass(frozen=True)
class Truth:
    """Targets of one kind, at each whole second from the start on.

    Attributes:
        address: (n,) ICAO address or MMSI.
        lat_deg, lon_deg: (s + 1, n).
        height_m: (n,) pressure altitude, and height above the ellipsoid; it stays.
        speed_m_s: (n,).
        heading_deg: (s + 1, n) clockwise from north.
    """

    address: NDArray[np.int64]
    lat_deg: Floats
    lon_deg: Floats
    height_m: Floats
    speed_m_s: Floats
    heading_deg: Floats

    def at(self, since_s: Floats) -> tuple[Floats, Floats, Floats]:
        """Return latitude, longitude and heading [deg] of all targets, (k, n) each, at (k,) seconds from the start."""
        whole = np.clip(np.floor(since_s).astype(np.int64), 0, SECONDS - 1)
        part = (since_s - whole)[:, None]
        lat, lon = ((1.0 - part) * c[whole] + part * c[whole + 1] for c in (self.lat_deg, self.lon_deg))
        return lat, lon, self.heading_deg[whole]


def flights(rng: np.random.Generator, n: int) -> Truth:
    """Return aircraft on flight levels, a third of which turn by 36 degrees one way or the other."""
    flight_level = rng.integers(100, 390, n)
    turn_deg_s = np.resize([0.0, 0.6, -0.6], n)
    when_s = 150.0 + 20.0 * np.arange(n)
    return _moved(
        rng, 0x758000 + np.arange(n), 30.48 * flight_level, rng.uniform(180.0, 250.0, n), turn_deg_s, when_s, 80e3
    )


def ships(rng: np.random.Generator, n: int) -> Truth:
    """Return ships, each straight on."""
    return _moved(
        rng, 548_000_100 + np.arange(n), np.zeros(n), rng.uniform(5.0, 11.0, n), np.zeros(n), np.zeros(n), 15e3
    )


def _moved(
    rng: np.random.Generator,
    address: NDArray[np.int64],
    height_m: Floats,
    speed_m_s: Floats,
    turn_deg_s: Floats,
    when_s: Floats,
    within_m: float,
) -> Truth:
    n = len(address)
    far_m = within_m * np.sqrt(rng.random(n))
    lon, lat, _ = _GEOD.fwd(np.full(n, MIDDLE[1]), np.full(n, MIDDLE[0]), rng.uniform(0.0, 360.0, n), far_m)
    heading = rng.uniform(0.0, 360.0, n)
    lats, lons, headings = [lat], [lon], [heading]
    for second in range(SECONDS):
        heading = heading + np.where((second >= when_s) & (second < when_s + 60.0), turn_deg_s, 0.0)
        lon, lat, _ = _GEOD.fwd(lon, lat, heading, speed_m_s)
        lats.append(lat), lons.append(lon), headings.append(heading)
    columns = (np.array(each) for each in (lats, lons, headings))
    lat_deg, lon_deg, heading_deg = columns
    return Truth(address, lat_deg, lon_deg, height_m, speed_m_s, heading_deg % 360.0)


@dataclass(frozen=True)
class Plots:
    """What one radar sees, in order of time: (k,) each; `target` is a row of the truth."""

    since_s: Floats
    range_m: Floats
    azimuth_deg: Floats
    target: NDArray[np.int64]


def seen(truth: Truth, radar: str, rng: np.random.Generator) -> Plots:
    """Return a radar's plots, each stamped when the beam met its target."""
    lat, lon, height_m, period_s = RADARS[radar]
    n, found = len(truth.address), []
    for turn in range(int(SECONDS / period_s)):
        since_s = np.full(n, turn * period_s)
        for _ in range(4):  # until the beam is where the target is
            at_lat, at_lon, _ = (np.diagonal(each) for each in truth.at(since_s))
            range_m, azimuth_deg = polar(at_lat, at_lon, truth.height_m, (lat, lon, height_m))
            since_s = (turn + azimuth_deg / 360.0) * period_s
        is_seen = (rng.random(n) < DETECTION_PROBABILITY) & (range_m < RANGE_M_MAX) & (since_s < SECONDS)
        noisy_m = range_m + RANGE_SIGMA_M * rng.normal(size=n)
        noisy_deg = (azimuth_deg + AZIMUTH_SIGMA_DEG * rng.normal(size=n)) % 360.0
        found.append(np.column_stack([since_s, noisy_m, noisy_deg, np.arange(n)])[is_seen])
    rows = np.concatenate(found)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    return Plots(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3].astype(np.int64))


def polar(
    lat_deg: Floats, lon_deg: Floats, height_m: Floats, site: tuple[float, float, float]
) -> tuple[Floats, Floats]:
    """Return slant range [m] and azimuth [deg, clockwise from north] of (n,) places from a site."""
    off = ecef_m(lat_deg, lon_deg, height_m) - ecef_m(*(np.array([x]) for x in site))
    lat, lon = np.radians(site[:2])
    east = off @ np.array([-np.sin(lon), np.cos(lon), 0.0])
    north = off @ np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    return np.linalg.norm(off, axis=1), np.degrees(np.arctan2(east, north)) % 360.0


def ecef_m(lat_deg: Floats, lon_deg: Floats, height_m: Floats) -> Floats:
    """Return (n, 3) Earth-fixed places."""
    return np.column_stack(_ECEF.transform(lon_deg, lat_deg, height_m))


def off_m(lat_deg: Floats, lon_deg: Floats, other_lat_deg: Floats, other_lon_deg: Floats) -> Floats:
    """Return (n,) distances along the ground between places."""
    return np.asarray(_GEOD.inv(lon_deg, lat_deg, other_lon_deg, other_lat_deg)[2], np.float64)
