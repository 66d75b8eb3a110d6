"""An airliner that lands, taxis, and another that taxis and takes off: on the ground neither says how high it is."""

import json

import numpy as np
import pyproj
import pytest

import noroshi
from noroshi.formats import Context, opensky

GEOD = pyproj.Geod(ellps="WGS84")
BEGIN_S, FOOT_M, KNOT_M_S = 1_700_000_000, 0.3048, 1852.0 / 3600.0
CLIMB_M_S, TAXI_S, IN_THE_AIR_S = 8.0, 400, 300


def flight(rng, icao24, lon_deg, elevation_m, lands):
    """Return a report a second: in the air with its height, on the ground with none or a garbled one."""
    second = np.arange(TAXI_S + IN_THE_AIR_S)
    airborne_s = np.maximum(IN_THE_AIR_S - second if lands else second - TAXI_S, 0)
    speed_m_s = np.where(airborne_s > 0, 75.0, 8.0)
    lon, lat, _ = GEOD.fwd(*(np.full(len(second), each) for each in (lon_deg, 48.7, 20.0)), np.cumsum(speed_m_s))
    height_m = elevation_m + CLIMB_M_S * airborne_s
    rows = []
    for k in second.tolist():
        grounded = bool(airborne_s[k] == 0)
        said = {
            "altitude": None if grounded else round(height_m[k] / FOOT_M / 25.0) * 25.0,
            "groundspeed": None if grounded else speed_m_s[k] / KNOT_M_S,
            "track": None if grounded else 20.0,
            "vertical_rate": None if grounded else (-1 if lands else 1) * CLIMB_M_S / FOOT_M * 60.0,
        }
        if grounded and k % 90 == 50:
            said["altitude"] = 123_100.0  # as such recordings have it
        place = {"latitude": lat[k] + rng.normal() * 1e-5, "longitude": lon[k] + rng.normal() * 1e-5}
        rows.append({"timestamp": 1000 * (BEGIN_S + k), "icao24": icao24, **place, **said, "onground": grounded})
    return rows, height_m


@pytest.mark.parametrize("elevation_m", [-3.0, 150.0, 1_655.0])  # Schiphol, Memmingen and Denver, or nearly
def test_nobody_flies_under_the_ground_or_taxis_far_above_it(elevation_m):
    rng = np.random.default_rng(int(elevation_m) + 100)
    landing, landing_m = flight(rng, "3c0001", 2.0, elevation_m, True)
    starting, starting_m = flight(rng, "3c0002", 3.0, elevation_m, False)
    rows = sorted(landing + starting, key=lambda row: row["timestamp"])
    decoded = opensky.decode(json.dumps(rows).encode(), Context(source="reports"))
    tracks = noroshi.track(decoded.detections, decoded.sites).tracks
    assert tracks is not None
    number, first = np.unique(tracks.track_id, return_index=True)
    assert sorted(tracks.identity.icao_address[first].tolist()) == [0x3C0001, 0x3C0002]
    assert len(number) == 2
    second = np.rint(tracks.time_ns / 1e9 - BEGIN_S).astype(int)
    up_m = pyproj.Transformer.from_pipeline("+proj=cart +ellps=WGS84 +inv").transform(*tracks.state_ecef[:, :3].T)[2]
    came_down = tracks.identity.icao_address == 0x3C0001
    assert np.abs(up_m[came_down] - landing_m[second[came_down]]).max() < 100.0
    flies = ~came_down & (second > TAXI_S + 30)
    assert np.abs(up_m[flies] - starting_m[second[flies]]).max() < 30.0
    taxis = ~came_down & (second < TAXI_S)
    np.testing.assert_allclose(up_m[taxis], 200.0, atol=20.0)  # what airports are, while nobody says more


@pytest.mark.parametrize("flagged_s", [(0, 300), (120, 150)])
def test_who_flies_and_says_that_it_is_on_the_ground_is_tracked_as_high_as_it_says(flagged_s):
    rng = np.random.default_rng(flagged_s[1])
    second = np.arange(300)
    lon, lat, _ = GEOD.fwd(*(np.full(300, each) for each in (2.0, 48.7, 20.0)), 120.0 * second)
    height_m = 4_000.0 + 5.0 * second
    rows = [
        {
            "timestamp": 1000 * (BEGIN_S + k),
            "icao24": "3c0003",
            "latitude": lat[k] + rng.normal() * 1e-5,
            "longitude": lon[k] + rng.normal() * 1e-5,
            "altitude": round(height_m[k] / FOOT_M / 25.0) * 25.0,
            "groundspeed": round(120.0 / KNOT_M_S),
            "track": 20.0,
            "vertical_rate": round(5.0 / FOOT_M * 60.0 / 64.0) * 64.0,
            "onground": flagged_s[0] <= k < flagged_s[1],
        }
        for k in second.tolist()
    ]
    decoded = opensky.decode(json.dumps(rows).encode(), Context(source="reports"))
    tracks = noroshi.track(decoded.detections, decoded.sites).tracks
    assert tracks is not None
    assert len(np.unique(tracks.track_id)) == 1
    at = np.rint(tracks.time_ns / 1e9 - BEGIN_S).astype(int)
    up_m = pyproj.Transformer.from_pipeline("+proj=cart +ellps=WGS84 +inv").transform(*tracks.state_ecef[:, :3].T)[2]
    assert np.abs(up_m - height_m[at])[at > 5].max() < 60.0
