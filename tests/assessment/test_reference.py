"""Truth from position reports: made flights with known faults, and real ones."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from noroshi.assessment.reference import truth_from_reports
from noroshi.formats import Context, opensky
from noroshi.geo.wgs84 import ecef_from_enu, ecef_from_geodetic, geodetic_from_ecef
from noroshi.records import Detections, Identity, Kind, Quality

COMPONENTS = ("lat_rad", "lon_rad", "altitude_m", "velocity_east_m_s", "velocity_north_m_s", "velocity_up_m_s")
SPEED_M_S, FOOT_M = 200.0, 0.3048
START_NS = 1_700_000_000_000_000_000


def flight(n=600, address=0x4CA216, start_s=0.0, **changes):
    """Return reports of a straight flight east at 200 m/s, one a second."""
    t = np.arange(n, dtype=np.float64) + start_s
    origin = ecef_from_geodetic(0.8, 0.1, 0.0)
    place = ecef_from_enu(np.column_stack((SPEED_M_S * t, np.zeros(n), np.zeros(n))), np.tile(origin, (n, 1)))
    lat, lon, _ = geodetic_from_ecef(place)
    values = np.column_stack((lat, lon, np.full(n, 9000.0), np.full(n, SPEED_M_S), np.zeros(n), np.zeros(n)))
    identity = Identity.absent(n).replace(icao_address=np.full(n, address))
    made = Detections.of(
        sensor="adsb",
        components=COMPONENTS,
        time_ns=START_NS + np.rint(t * 1e9).astype(np.int64),
        values=values,
        identity=identity,
    )
    return made.replace(**changes)


def changed(batch, rows, column, values):
    out = batch.values.copy()
    out[rows, column] = values
    return batch.replace(values=out)


def test_a_clean_flight_is_kept_whole():
    made = flight()
    truth, removed = truth_from_reports([made])
    assert not removed
    assert len(truth) == 600
    assert set(truth.target.tolist()) == {"4ca216"}
    np.testing.assert_array_equal(truth.time_ns, made.time_ns)
    np.testing.assert_allclose(
        truth.state_ecef[:, :3], ecef_from_geodetic(made.values[:, 0], made.values[:, 1], 9000.0), atol=1e-6
    )
    np.testing.assert_allclose(np.linalg.norm(truth.state_ecef[:, 3:], axis=1), SPEED_M_S)
    assert set(truth.kind.tolist()) == {Kind.AIRCRAFT}


def test_the_input_is_not_written_to():
    made = flight()
    for name in ("values", "time_ns", "covariances", "quality"):
        getattr(made, name).setflags(write=False)
    assert len(truth_from_reports([made])[0]) == 600


def test_single_outliers_are_removed():
    made = flight()
    bad = np.array([100, 250, 251, 599])
    made = changed(made, bad, 0, made.values[bad, 0] + 0.01)
    truth, removed = truth_from_reports([made])
    assert removed == {"outlier of position": 4}
    assert not set(truth.time_ns.tolist()) & set(made.time_ns[bad].tolist())


def test_a_long_stretch_elsewhere_is_told_apart():
    made = flight()
    made = changed(made, slice(300, 450), 1, made.values[300:450, 1] + 0.02)
    truth, removed = truth_from_reports([made])
    assert removed == {"long stretch off the track (spoofed?)": 150}
    assert len(truth) == 450


def test_a_place_that_drifts_away_from_its_velocity_is_told():
    """The slow kind of spoofing: no jump anywhere, but the places go where the velocity does not."""
    made = flight(900)
    t = np.arange(900.0)
    drift_m = np.clip(t - 300.0, 0.0, 300.0) * 120.0
    made = changed(made, slice(None), 0, made.values[:, 0] + drift_m / 6.371e6)
    truth, removed = truth_from_reports([made])
    assert set(removed) == {"contradicts its own velocity"}
    told = np.setdiff1d(made.time_ns, truth.time_ns) - START_NS
    assert told.min() / 1e9 >= 270.0
    assert told.max() / 1e9 <= 635.0
    assert len(told) >= 300


def test_spikes_of_altitude_are_removed_however_long():
    made = changed(flight(), slice(200, 230), 2, 123_100 * FOOT_M)
    made = changed(made, 400, 2, -300.0)
    truth, removed = truth_from_reports([made])
    assert removed == {"spike of altitude": 31}
    np.testing.assert_allclose(geodetic_from_ecef(truth.state_ecef[:, :3])[2], 9000.0, atol=1e-6)


def test_missing_altitudes_are_between_their_neighbours():
    made = changed(flight(), slice(None), 2, 9000.0 + 10.0 * np.arange(600))
    made = changed(made, slice(100, 160), 2, np.nan)
    truth, removed = truth_from_reports([made])
    assert not removed
    np.testing.assert_allclose(
        geodetic_from_ecef(truth.state_ecef[:, :3])[2], 9000.0 + 10.0 * np.arange(600), atol=1e-6
    )
    never = changed(flight(), slice(None), 2, np.nan)
    assert truth_from_reports([never])[1] == {"no altitude": 600}


def test_what_says_nothing_new_is_removed():
    made = flight()
    again = made.replace(time_ns=made.time_ns)
    assert truth_from_reports([made, again])[1] == {"same time twice": 600}
    held = changed(changed(made, [11, 12], 0, made.values[10, 0]), [11, 12], 1, made.values[10, 1])
    assert truth_from_reports([held])[1] == {"held over": 2}
    quality = np.zeros(600, np.uint8)
    quality[:5], quality[5:9] = Quality.DUPLICATE, Quality.OUT_OF_BOUNDS
    assert truth_from_reports([made.replace(quality=quality)])[1] == {"held over": 5, "refused by its quality": 4}


def test_a_silence_begins_a_new_leg_and_order_does_not_matter():
    parts = [flight(100, start_s=2000.0), flight(100), flight(3, start_s=5000.0), flight(100, address=0x000001)]
    truth, removed = truth_from_reports(parts)
    assert removed == {"leg too short": 3}
    assert list(dict.fromkeys(truth.target.tolist())) == ["000001", "4ca216", "4ca216/2"]
    assert all((np.diff(truth.time_ns[truth.target == name]) > 0).all() for name in set(truth.target.tolist()))


def test_ships_are_at_height_zero_and_the_nameless_are_left_out():
    ship = flight(100)
    values = np.column_stack((ship.values[:, :2], np.full(100, np.nan), np.zeros((100, 3))))
    values[:, :2] = ship.values[0, :2] + np.arange(100)[:, None] * 1e-6
    identity = Identity.absent(100).replace(mmsi=np.full(100, 211_000_001))
    truth, removed = truth_from_reports(
        [ship.replace(values=values, identity=identity), flight(7).replace(identity=Identity.absent(7))]
    )
    assert removed == {"no address": 7}
    assert set(truth.target.tolist()) == {"211000001"}
    assert set(truth.kind.tolist()) == {Kind.SHIP}
    np.testing.assert_allclose(geodetic_from_ecef(truth.state_ecef[:, :3])[2], 0.0, atol=1e-6)


def test_nothing_gives_nothing():
    radar = Detections.of(sensor="r", components=("range_m",), time_ns=np.ones(2, np.int64), values=np.ones((2, 1)))
    for given, told in (([], {}), ([radar], {"not a position report": 2})):
        truth, removed = truth_from_reports(given)
        assert len(truth) == 0
        assert removed == told


def reports(name):
    found = importlib.util.find_spec("traffic")
    if found is None or not found.submodule_search_locations:
        pytest.skip("needs the package `traffic` (its data files)")
    path = next(Path(found.submodule_search_locations[0]).glob(f"data/samples/*/{name}.json.gz"))
    return opensky.decode(path.read_bytes(), Context()).detections


def test_a_spoofed_flight_is_flagged():
    """A real one of 2024-09-17: for half an hour the reports are of a place that it cannot have left so fast."""
    batches = reports("noisy_spoofing")
    truth, removed = truth_from_reports(batches)
    assert removed["long stretch off the track (spoofed?)"] > 700
    lat, lon, _ = (np.degrees(x) for x in geodetic_from_ecef(truth.state_ecef[:, :3]))
    assert not ((lat > 49.0) & (lat < 50.5) & (lon > 23.0) & (lon < 25.0)).any()
    assert len(truth) + removed.total() == len(batches[0])
    assert list(dict.fromkeys(truth.target.tolist())) == ["4baac6", "4baac6/2"]


@pytest.mark.parametrize(("name", "n_spikes"), [("noisy_landing", 2), ("noisy_takeoff", 2), ("noisy_time_issue", 14)])
def test_noisy_flights_lose_their_spikes_and_little_else(name, n_spikes):
    batches = reports(name)
    truth, removed = truth_from_reports(batches)
    assert set(removed) == {"held over", "spike of altitude"}
    assert removed["spike of altitude"] == n_spikes
    height = geodetic_from_ecef(truth.state_ecef[:, :3])[2]
    median = np.median(np.lib.stride_tricks.sliding_window_view(height, 11), axis=1)
    assert np.abs(height[5:-5] - median).max() < 250.0


def test_a_whole_afternoon_over_paris_is_cleaned():
    batches = reports("quickstart")
    truth, removed = truth_from_reports(batches)
    assert len(truth) + removed.total() == 284_505
    assert len(truth) > 0.85 * 284_505
    assert removed["spike of altitude"] > 100
    assert (
        geodetic_from_ecef(truth.state_ecef[:, :3])[2].max() < 51_000 * FOOT_M
    )  # 123,100 ft before; the ceiling of business jets
    order = np.lexsort((truth.time_ns, truth.target))
    same = truth.target[order][1:] == truth.target[order][:-1]
    dt_s = np.diff(truth.time_ns[order])[same] / 1e9
    flown = np.linalg.norm(np.diff(truth.state_ecef[order, :3], axis=0)[same], axis=1)
    assert (flown <= 700.0 * dt_s + 1600.0).all()
