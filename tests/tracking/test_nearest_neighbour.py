"""The tracker on scenes small enough to know what must come out."""

import math

import numpy as np
import pytest

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Detections, Identity, SensorSite, TrackStatus, concatenate, digest, take
from noroshi.sensors.position_report import Sensor as PositionReport
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor as SearchRadar
from noroshi.tracking.rewind import Rewind
from noroshi.tracking.trackers.nearest_neighbour import Parameters, Tracker

NS = 10**9
START_NS = 1_700_000_000 * NS
RADAR = SearchRadar.at(
    SensorSite(sensor="radar", type="search_radar", lat_rad=math.radians(46), lon_rad=math.radians(7), height_m=500.0)
)


def level_flights(n, *, apart_deg=0.2, speed_m_s=230.0):
    """Return (n, 6) states of aircraft side by side, all flying east."""
    lat, lon = np.radians(46.3 + apart_deg * np.arange(n)), np.full(n, math.radians(7.5))
    velocity = enu_axes(lat, lon)[:, 0] * speed_m_s
    return np.hstack([ecef_from_geodetic(lat, lon, np.full(n, 10_000.0)), velocity])


def scan(states, k, rng, *, sensor=RADAR, name="radar", period_s=10.0, spread_s=0.0, identity=None, noise=1.0):
    """Return the plots of scan `k`, each at its own time."""
    n = len(states)
    late_s = k * period_s + spread_s * np.arange(n)
    moved = Motion.of().propagate(states, late_s)
    origin = np.broadcast_to(sensor.origin_ecef_m, (n, 3))
    values = sensor.measure(moved, origin)[:, [0, 1, 3]]
    sigma = np.sqrt(np.diagonal(sensor.noise(np.full((1, 5), np.nan))[0]))[[0, 1, 3]]
    values = values + noise * sigma * rng.normal(size=values.shape)
    plots = Detections.of(
        sensor=name,
        components=("range_m", "azimuth_rad", "altitude_m"),
        time_ns=START_NS + np.round(late_s * NS).astype(np.int64),
        values=values,
        identity=identity,
    )
    return arrange(plots, sensor)


def tracker(**parameters):
    return Tracker(node="n", sensor_names=("radar",), motions=(Motion.of(),), parameters=Parameters(**parameters))


def test_a_track_becomes_firm_after_m_hits_and_not_before():
    rng, t = np.random.default_rng(1), tracker(hits_to_confirm=4)
    given = [len(t.step(scan(level_flights(3), k, rng), RADAR)) for k in range(6)]
    assert given == [0, 0, 0, 3, 3, 3]


def test_each_track_follows_its_own_aircraft():
    rng, t, states = np.random.default_rng(2), tracker(), level_flights(5)
    for k in range(20):
        rows = t.step(scan(states, k, rng, spread_s=0.5), RADAR)
    order = np.argsort(rows.state_ecef[:, 2])  # they lie side by side from south to north
    truth = Motion.of().propagate(states, 190.0 + 0.5 * np.arange(5))
    error = np.linalg.norm(rows.state_ecef[order] - truth, axis=1)
    assert np.linalg.norm(rows.state_ecef[order, :3] - truth[:, :3], axis=1).max() < 500.0
    assert np.linalg.norm(rows.state_ecef[order, 3:] - truth[:, 3:], axis=1).max() < 40.0
    assert np.isfinite(error).all()
    assert set(t.plots_used()) == {"radar"}
    assert t.plots_used()["radar"] == 100


def test_a_missed_aircraft_coasts_and_then_is_lost():
    rng, t, states = np.random.default_rng(3), tracker(misses_firm=3), level_flights(2)
    for k in range(8):
        t.step(scan(states, k, rng), RADAR)
    lost = []
    for k in range(8, 14):
        rows = t.step(scan(states[:1], k, rng), RADAR)
        lost.append(int((rows.status == TrackStatus.LOST).sum()))
    assert sum(lost) == 1
    assert lost.index(1) >= 2
    assert len(t.picture(START_NS + 135 * NS)) == 1


def test_a_false_plot_alone_never_becomes_firm():
    t, rng = tracker(), np.random.default_rng(4)
    for k in range(60):
        where = level_flights(4) + np.hstack([rng.normal(size=(4, 3)) * 60_000.0, np.zeros((4, 3))])
        assert not len(t.step(scan(where, k, rng), RADAR))


def test_two_tracks_of_one_aircraft_become_one():
    """Two radars whose plots lie 1.5 km apart start two tracks; once the bias is gone they are the same."""
    rng = np.random.default_rng(5)
    names = ("a", "b")
    t = Tracker(node="n", sensor_names=names, motions=(Motion.of(),), parameters=Parameters())
    for k in range(40):
        for i, name in enumerate(names):
            plots = scan(level_flights(1), k, rng, name=name)
            moved = plots.values.copy()
            moved[:, 0] += 1_500.0 * i * (k < 8)
            t.step(plots.replace(values=moved, time_ns=plots.time_ns + i * NS), RADAR)
    assert len(t.picture(START_NS + 400 * NS)) == 1


def test_addresses_keep_crossing_aircraft_apart():
    """Two aircraft fly through each other; with their addresses known the tracks never swap."""
    rng, t = np.random.default_rng(6), tracker()
    here = level_flights(1)[0]
    axes = enu_axes(np.radians([46.3]), np.radians([7.5]))[0]
    states = np.stack([here, np.concatenate([here[:3] + axes[0] * 200 * 200, -here[3:]])])
    who = Identity.absent(2).replace(icao_address=np.array([0xABC001, 0xABC002]))
    for k in range(20):
        rows = t.step(scan(states, k, rng, identity=who), RADAR)
    truth = Motion.of().propagate(states, np.full(2, 190.0))
    for address, state in zip(who.icao_address, truth, strict=True):
        mine = rows.state_ecef[rows.identity.icao_address == address]
        assert np.linalg.norm(mine[0, :3] - state[:3]) < 500.0
    assert np.unique(rows.track_id).size == 2


def test_state_and_restore_are_exact_and_independent():
    rng, t, states = np.random.default_rng(7), tracker(), level_flights(4)
    scans = [scan(states, k, rng) for k in range(12)]
    for plots in scans[:6]:
        t.step(plots, RADAR)
    kept = t.state()
    first = [digest(t.step(plots, RADAR)) for plots in scans[6:]]
    t.restore(kept)
    assert [digest(t.step(plots, RADAR)) for plots in scans[6:]] == first


@pytest.mark.parametrize("seed", range(5))
def test_late_batches_give_the_tracks_of_an_arrival_in_order(seed):
    """Shuffled within the window, the picture equals the one in order, byte for byte."""
    rng, states = np.random.default_rng(8), level_flights(3)
    scans = [scan(states, k, rng) for k in range(20)]
    pictures = []
    for order in (np.arange(20), np.argsort(np.arange(20) + np.random.default_rng(seed).uniform(0, 2.5, 20))):
        late = Rewind(tracker(), window_ns=60 * NS)
        for i in order:
            late.step(scans[i], RADAR)
        assert late.n_late_rows == 0
        pictures.append(digest(late.tracker.picture(START_NS + 200 * NS)))
    assert pictures[0] == pictures[1]


def test_what_is_later_than_the_window_is_counted_and_changes_nothing():
    rng, states = np.random.default_rng(9), level_flights(3)
    scans = [scan(states, k, rng) for k in range(10)]
    late = Rewind(tracker(), window_ns=30 * NS)
    for plots in [*scans[:3], *scans[4:]]:
        late.step(plots, RADAR)
    before = digest(late.tracker.picture(START_NS + 100 * NS))
    assert late.step(scans[3], RADAR) is None
    assert late.n_late_rows == 3
    assert digest(late.tracker.picture(START_NS + 100 * NS)) == before


def test_two_dimensional_radar_keeps_a_track():
    """Range and azimuth alone: the height stays unknown, the ground position does not."""
    rng, t, states = np.random.default_rng(10), tracker(), level_flights(2, apart_deg=0.8)
    for k in range(30):
        plots = scan(states, k, rng)
        flat = plots.values.copy()
        flat[:, 3] = np.nan
        rows = t.step(plots.replace(values=flat), RADAR)
    truth = Motion.of().propagate(states, np.full(2, 290.0))
    for state in truth:
        offset = rows.state_ecef[:, :3] - state[:3]
        up = state[:3] / np.linalg.norm(state[:3])
        flat_m = np.linalg.norm(offset - np.outer(offset @ up, up), axis=1)
        assert flat_m.min() < 2_000.0


def test_unmeasured_height_stays_in_the_air():
    """An hour of nothing but range and azimuth: the height's uncertainty stays bounded and the track is held."""
    rng, t, states = np.random.default_rng(10), tracker(), level_flights(1)
    states[:, 3:] *= 0.2
    for k in range(360):
        plots = scan(states, k, rng)
        flat = plots.values.copy()
        flat[:, 3] = np.nan
        rows = t.step(plots.replace(values=flat), RADAR)
    assert np.unique(rows.track_id).size == 1
    lat, lon, height_m = geodetic_from_ecef(rows.state_ecef[:, :3])
    up = enu_axes(lat, lon)[0, 2]
    assert np.sqrt(up @ rows.covariance_ecef[0, :3, :3] @ up) < 6_000.0
    assert -2_000.0 < height_m[0] < 20_000.0


def test_reports_and_radar_feed_one_track():
    rng, states = np.random.default_rng(11), level_flights(2)
    report = PositionReport.at(SensorSite(sensor="adsb", type="position_report"))
    t = Tracker(node="n", sensor_names=("adsb", "radar"), motions=(Motion.of(),), parameters=Parameters())
    for k in range(10):
        moved = Motion.of().propagate(states, np.full(2, 10.0 * k + 3.0))
        values = report.measure(moved, np.full((2, 3), np.nan))
        heard = Detections.of(
            sensor="adsb",
            components=report.COMPONENTS,
            time_ns=np.full(2, START_NS + (10 * k + 3) * NS),
            values=values,
            identity=Identity.absent(2).replace(icao_address=np.array([1, 2])),
        )
        t.step(scan(states, k, rng), RADAR)
        rows = t.step(arrange(heard, report), report)
    assert len(rows) == 2
    assert rows.sources.all()
    assert sorted(rows.identity.icao_address) == [1, 2]


def test_inputs_are_not_written():
    rng, t = np.random.default_rng(12), tracker()
    for k in range(6):
        plots = scan(level_flights(3), k, rng)
        before = digest(plots)
        for column in (plots.values, plots.covariances, plots.time_ns):
            column.setflags(write=False)
        t.step(plots, RADAR)
        assert digest(plots) == before


def test_an_empty_picture_has_no_rows():
    assert len(tracker().picture(START_NS)) == 0
    one = scan(level_flights(2), 0, np.random.default_rng(0))
    assert len(concatenate([tracker().step(take(one, np.zeros(2, bool)), RADAR)])) == 0


@pytest.mark.parametrize("codes", [(-1, -1), (0o1234, 0o4321)])
def test_two_aircraft_close_together_stay_two(codes):
    """800 m apart at 60 km, each missed one look in ten: neither is taken for the other's twin."""
    rng, t = np.random.default_rng(13), tracker()
    states = level_flights(2, apart_deg=0.008)
    who = Identity.absent(2).replace(mode_3a=np.array(codes))
    alive = []
    for k in range(60):
        seen = rng.uniform(size=2) < 0.9
        t.step(take(scan(states, k, rng, identity=who), seen), RADAR)
        alive.append(len(t.picture(START_NS + 10 * k * NS)))
    assert np.mean(alive[10:]) > 1.9


def test_a_shared_code_does_not_steal_a_track():
    """A, code 7000, is missed once while B, also 7000, flies 2.5 km beside it: A's track stays with A."""
    rng, t = np.random.default_rng(14), tracker()
    states = level_flights(2, apart_deg=0.0225)
    who = Identity.absent(2).replace(mode_3a=np.full(2, 0o7000))
    for k in range(10):
        t.step(take(scan(states, k, rng, identity=who), np.array([True, False])), RADAR)
    t.step(take(scan(states, 10, rng, identity=who), np.array([False, True])), RADAR)
    rows = t.picture(START_NS + 100 * NS)
    a = Motion.of().propagate(states[:1], np.array([100.0]))[0]
    assert np.linalg.norm(rows.state_ecef[0, :3] - a[:3]) < 800.0
