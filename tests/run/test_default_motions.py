"""What is followed with nothing said of motion: an airliner's ordinary turn (by PROJ's ellipsoid), one in a plain table
of x and y, and a missile."""

import numpy as np
import pyproj
import pytest

import noroshi
from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.ballistic import Mover
from noroshi.records import Detections, SensorSite
from noroshi.run.sites import MISSILES, TURNS, beyond, usual_motion
from noroshi.sensors.search_radar import Sensor

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


@pytest.mark.parametrize(
    ("period_s", "sigma_m", "turn_deg_s"), [(1.0, 10.0, 1.5), (1.0, 10.0, 6.0), (4.0, 30.0, 1.5), (4.0, 30.0, 3.0)]
)
def test_a_plain_table_of_targets_that_turn_gives_each_one_track(tmp_path, period_s, sigma_m, turn_deg_s):
    """Five targets; constant velocity alone makes 22 to 50 tracks of them."""
    rng, time_s = np.random.default_rng(3), np.arange(0.0, 200.0, period_s)
    turn_s = np.clip(time_s - 80.0, 0.0, 180.0 / turn_deg_s)
    heading_rad = rng.uniform(0.0, 2.0 * np.pi, (5, 1)) + np.radians(turn_deg_s) * turn_s * rng.choice([-1, 1], (5, 1))
    steps_m = 200.0 * period_s * np.stack([np.cos(heading_rad), np.sin(heading_rad)], axis=2)
    exact_m = rng.uniform(-20e3, 20e3, (5, 1, 2)) + np.cumsum(steps_m, axis=1)
    seen = rng.random(exact_m.shape[:2]) < 0.95
    plots_m = (exact_m + rng.normal(size=exact_m.shape) * sigma_m)[seen]
    rows = np.column_stack([np.broadcast_to(time_s, seen.shape)[seen], plots_m])
    np.savetxt(tmp_path / "plots.csv", rows[rows[:, 0].argsort()], "%.3f", ",", header="time,x,y", comments="")
    (recording,) = noroshi.load(tmp_path / "plots.csv")
    tracked = noroshi.track(recording.decoded.detections, recording.decoded.sites)
    assert len(np.unique(tracked.tracks.track_id)) == 5


def risen(rng, **parameters):
    """Return what a radar that measures elevation sees of a ballistic flight of 900 km, its site, and the truth."""
    place = {"lat_rad": np.radians(37.0), "lon_rad": np.radians(136.0), "height_m": 300.0}
    site = SensorSite(sensor="radar", type="search_radar", **place, parameters={"scan_period_s": 5.0, **parameters})
    radar, sigmas = Sensor.at(site), np.array([50.0, 1e-3, 1e-3])
    mover = Mover(lat_deg=36.0, lon_deg=130.0, bearing_deg=70.0, range_km=900.0, apogee_km=250.0)
    (flight,) = mover.fly("missile", BEGIN_NS, BEGIN_NS + 700 * 10**9, Draws(3, 1, "missile"))
    time_ns = np.arange(BEGIN_NS, flight.time_ns[-1], 5 * 10**9)
    truth = flight.at(time_ns)
    seen = rng.random(len(truth)) < radar.detection_probability(truth, np.tile(radar.origin_ecef_m, (len(truth), 1)))
    exact = radar.measure(truth[seen], np.tile(radar.origin_ecef_m, (seen.sum(), 1)))[:, :3]
    detections = Detections.of(
        sensor="radar",
        components=("range_m", "azimuth_rad", "elevation_rad"),
        time_ns=time_ns[seen],
        values=exact + rng.normal(size=exact.shape) * sigmas,
        sigmas=sigmas,
    )
    return detections, site, flight


@pytest.mark.parametrize("parameters", [{}, {"range_m_max": 1.2e6}])
def test_a_missile_past_a_radar_is_one_track_whatever_is_said_of_the_radar(parameters):
    detections, site, flight = risen(np.random.default_rng(1), **parameters)
    tracks = noroshi.track([detections], [site]).tracks
    assert tracks is not None
    assert len(np.unique(tracks.track_id)) == 1
    assert len(tracks) > 0.9 * len(detections)
    off_m = np.linalg.norm(tracks.state_ecef[:, :3] - flight.at(tracks.time_ns)[:, :3], axis=1)
    assert np.sqrt(np.mean(off_m**2)) < 400.0


@pytest.mark.parametrize("tracker", ["soft", "nearest_neighbour"])
def test_where_nothing_could_follow_a_missile_it_is_told(tracker):
    detections, site, _ = risen(np.random.default_rng(1))
    tracked = noroshi.track([detections], [site], tracker=tracker, motion="constant_velocity")
    assert tracked.tracks is None
    assert "plots lie above 40 km or have range rates beyond 1,000 m/s" in tracked.notes[-1]
    assert tracked.notes[-1].endswith(f"--motion {TURNS}{MISSILES}")
    assert ("--tracker soft" in tracked.notes[-1]) == (tracker != "soft")
    assert noroshi.track([detections], [site]).notes == tracked.notes[:-1]


@pytest.mark.parametrize(
    ("components", "values", "n"),
    [
        (("range_m", "azimuth_rad", "elevation_rad"), [9e5, 1.0, 0.0], 5),
        (("range_m", "azimuth_rad", "elevation_rad"), [1e5, 1.0, 0.1], 0),
        (("range_m", "azimuth_rad", "altitude_m"), [1e5, 1.0, 41e3], 5),
        (("range_m", "azimuth_rad", "range_rate_m_s"), [1e5, 1.0, -1_100.0], 5),
        (("range_m", "azimuth_rad", "range_rate_m_s"), [1e5, 1.0, -900.0], 0),
        (("range_m", "azimuth_rad"), [1e5, 1.0], 0),
    ],
)
def test_what_is_too_high_or_too_fast_for_a_motion(components, values, n):
    plots = Detections.of(
        sensor="radar", components=components, time_ns=np.arange(1, 6), values=np.tile(values, (5, 1))
    )
    assert [note[:8] for note in beyond([plots], "soft", TURNS)] == ["5 plots "] * (n > 0)
    assert beyond([plots], "soft", TURNS + MISSILES) == []


def test_who_looks_no_further_than_air_traffic_gets_no_missiles():
    near = SensorSite(sensor="near", type="search_radar", height_m=0.0, parameters={"range_m_max": 460e3})
    far = SensorSite(sensor="far", type="search_radar", height_m=0.0, parameters={"range_m_max": 480e3})
    seen_far_up = risen(np.random.default_rng(1))[0]
    assert usual_motion([near, *SITES], "soft") == TURNS
    assert usual_motion([near, far], "soft") == usual_motion([near], "soft", [seen_far_up]) == TURNS + MISSILES
    assert usual_motion([SensorSite(sensor="satellite", type="infrared")], "soft") == TURNS + MISSILES
    assert usual_motion([far], "nearest_neighbour") == "constant_velocity"
