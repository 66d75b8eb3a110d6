"""An airliner's ordinary turn past two radars, flown and seen by PROJ's ellipsoid: one track by default."""

import numpy as np
import pyproj
import pytest

import noroshi
from noroshi.records import Detections, SensorSite

BEGIN_NS, STEP_S, LEG_S, SPEED_M_S, HEIGHT_M = 10**18, 0.1, 180.0, 230.0, 9000.0
RADARS = {"north": (35.6, 139.3, 5.0), "south": (34.9, 139.9, 4.0)}
SIGMAS = np.array([60.0, np.radians(0.08), 30.0])
DETECTION = 0.9


def flown(turn_deg_s, turned_deg=180.0):
    """Return times [s] and (n, 3) longitudes, latitudes [deg], heights [m] of a flight: straight, a turn, straight."""
    turn_s = turned_deg / turn_deg_s
    time_s = np.arange(0.0, 2 * LEG_S + turn_s, STEP_S)
    heading_deg = 60.0 + turn_deg_s * np.clip(time_s - LEG_S, 0.0, turn_s)
    geod, places = pyproj.Geod(ellps="WGS84"), [(139.4, 35.3)]
    for heading in heading_deg[:-1]:
        lon, lat, _ = geod.fwd(*places[-1], heading, SPEED_M_S * STEP_S)
        places.append((lon, lat))
    return time_s, np.column_stack([places, np.full(len(time_s), HEIGHT_M)])


def seen(name, time_s, places, rng):
    """Return a turning radar's detections of the flight: slant range, azimuth and the height that it is told."""
    lat, lon, period_s = RADARS[name]
    station = f"+proj=topocentric +ellps=WGS84 +lon_0={lon} +lat_0={lat} +h_0=50"
    view = pyproj.Transformer.from_pipeline(f"+proj=pipeline +step +proj=cart +ellps=WGS84 +step {station}")
    east, north, up = view.transform(*places.T)
    azimuth = np.arctan2(east, north) % (2.0 * np.pi)
    phase = time_s / period_s - azimuth / (2.0 * np.pi)
    hit = np.flatnonzero(np.diff(np.floor(phase)) > 0.0)
    hit = hit[rng.random(len(hit)) < DETECTION]
    exact = np.column_stack([np.sqrt(east**2 + north**2 + up**2), azimuth, places[:, 2]])[hit]
    return Detections.of(
        sensor=name,
        components=("range_m", "azimuth_rad", "altitude_m"),
        time_ns=BEGIN_NS + np.round(1e9 * time_s[hit]).astype(np.int64),
        values=exact + rng.normal(size=exact.shape) * SIGMAS,
        sigmas=SIGMAS,
    )


SITES = [
    SensorSite(
        sensor=name, type="search_radar", lat_rad=np.radians(lat), lon_rad=np.radians(lon), height_m=50.0,
        parameters={"scan_period_s": period_s, "detection_probability": DETECTION},
    )
    for name, (lat, lon, period_s) in RADARS.items()
]  # fmt: skip


def tracks_of(turn_deg_s, seed, motion=None):
    flight, rng = flown(turn_deg_s), np.random.default_rng(seed)
    return noroshi.track([seen(name, *flight, rng) for name in RADARS], SITES, motion=motion).tracks


@pytest.mark.parametrize("turn_deg_s", [1.3, 3.0])
@pytest.mark.parametrize("seed", range(5))
def test_an_airliner_that_turns_is_one_track(turn_deg_s, seed):
    assert len(np.unique(tracks_of(turn_deg_s, seed).track_id)) == 1


def test_by_constant_velocity_alone_it_is_lost_in_the_turn():
    assert len(np.unique(tracks_of(3.0, 0, "constant_velocity").track_id)) > 1
