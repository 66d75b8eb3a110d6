"""Ships seen by a coastal radar without heights, which the sensors table says to look at the surface. By PROJ."""

import numpy as np
import pyproj

import noroshi
from noroshi.records import Detections, Kind, SensorSite

BEGIN_NS, PERIOD_S, LOOKS = 10**18, 3.0, 200
LAT, LON, HEIGHT_M = 57.0, 9.0, 60.0
FALSE_A_LOOK, DETECTION = 5, 0.85


def test_ships_stay_at_sea_level_and_are_one_track_each():
    rng = np.random.default_rng(571)
    geod = pyproj.Geod(ellps="WGS84")
    cart = pyproj.Transformer.from_pipeline("+proj=cart +ellps=WGS84")
    view = pyproj.Transformer.from_pipeline(f"+proj=topocentric +ellps=WGS84 +lat_0={LAT} +lon_0={LON} +h_0={HEIGHT_M}")
    look_s = np.arange(LOOKS) * PERIOD_S
    plots, truth = [], []
    for ship in range(4):
        away_m, speed_m_s = 6e3 + 7e3 * ship, 4.0 + 2.0 * ship
        lon_0, lat_0, _ = geod.fwd(LON, LAT, 80.0 * ship, away_m)
        lon, lat, _ = geod.fwd(*(np.full(LOOKS, each) for each in (lon_0, lat_0, 50.0 * ship)), speed_m_s * look_s)
        at = np.stack(cart.transform(lon, lat, np.zeros(LOOKS)), axis=1)
        truth.append(at)
        east, north, up = view.transform(*at.T)
        exact = np.stack([np.sqrt(east**2 + north**2 + up**2), np.arctan2(east, north)], axis=1)
        hit = rng.random(LOOKS) < DETECTION
        plots.append(np.column_stack([look_s, exact + rng.normal(size=(LOOKS, 2)) * [15.0, np.radians(0.3)]])[hit])
    n = FALSE_A_LOOK * LOOKS
    false = np.column_stack(
        [rng.choice(look_s, n), 40e3 * np.sqrt(rng.uniform(0.001, 1.0, n)), rng.uniform(-np.pi, np.pi, n)]
    )
    every = np.concatenate([*plots, false])
    every = every[np.argsort(every[:, 0], kind="stable")]
    time_ns = BEGIN_NS + np.rint(every[:, 0] * 1e9).astype(np.int64)
    seen = Detections.of(sensor="coast", components=("range_m", "azimuth_rad"), time_ns=time_ns, values=every[:, 1:])
    parameters = {
        "surface": 1.0,
        "scan_period_s": PERIOD_S,
        "range_sigma_m": 15.0,
        "azimuth_sigma_rad": np.radians(0.3),
        "range_m_max": 40e3,
        "detection_probability": DETECTION,
    }
    place = {"lat_rad": np.radians(LAT), "lon_rad": np.radians(LON), "height_m": HEIGHT_M}
    site = SensorSite(sensor="coast", type="search_radar", **place, parameters=parameters)
    tracks = noroshi.track([seen], [site]).tracks
    assert tracks is not None
    look = np.rint((tracks.time_ns - BEGIN_NS) / 1e9 / PERIOD_S).astype(int)
    settled = (look > 40) & (tracks.status == 1)
    assert settled.sum() > 4 * 0.8 * (LOOKS - 40)
    lon, lat, height_m = cart.transform(*tracks.state_ecef[settled, :3].T, direction="INVERSE")
    assert np.abs(height_m).max() < 100.0
    off = np.stack([tracks.state_ecef[settled, :3] - at[np.minimum(look[settled], LOOKS - 1)] for at in truth])
    whose = np.linalg.norm(off, axis=2).argmin(axis=0)
    error_m = np.linalg.norm(off, axis=2).min(axis=0)
    assert len(np.unique(tracks.track_id[settled])) == 4
    assert sorted(np.unique(whose).tolist()) == [0, 1, 2, 3]
    assert np.sqrt(np.mean(error_m**2)) < 80.0
    # Where nothing but aircraft is looked for motion says nothing of what it is; else it is a ship.
    assert (tracks.kind_probability[:, Kind.UNKNOWN] > 0.999).all()
    found = noroshi.track([seen], [site], motion="constant_velocity+ballistic").tracks
    slow = np.linalg.norm(found.state_ecef[:, 3:], axis=1) < 15.0
    assert (found.kind_probability[slow].argmax(axis=1) == Kind.SHIP).mean() > 0.95
