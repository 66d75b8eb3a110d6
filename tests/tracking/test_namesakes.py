"""An aircraft that leaves every gate and tells its address goes on under its number; others do not."""

import numpy as np
import pyproj
import pytest

import noroshi
from noroshi.records import Detections, Identity, SensorSite

GEOD = pyproj.Geod(ellps="WGS84")
BEGIN_NS, STEP_S, REPORTS = 1_700_000_000 * 10**9, 5.0, 60
COMPONENTS = ("lat_rad", "lon_rad", "altitude_m", "velocity_east_m_s", "velocity_north_m_s", "velocity_up_m_s")


def site(period_s):
    return SensorSite(sensor="receiver", type="position_report", parameters={"scan_period_s": period_s})


def leg(rng, start, course_deg, first, n, speed_m_s=150.0):
    """Return the times and values of `n` reports of straight flight, from report number `first` on."""
    after_s = np.arange(n) * STEP_S
    lon, lat, _ = GEOD.fwd(*(np.full(n, each) for each in (*start, course_deg)), speed_m_s * after_s)
    values = np.zeros((n, 6))
    values[:, 0], values[:, 1] = np.radians(lat), np.radians(lon)
    values[:, :2] += rng.normal(size=(n, 2)) * 20.0 / 6.37e6
    values[:, 2] = 3_000.0
    values[:, 3] = speed_m_s * np.sin(np.radians(course_deg))
    values[:, 4] = speed_m_s * np.cos(np.radians(course_deg))
    return BEGIN_NS + np.rint((first * STEP_S + after_s) * 1e9).astype(np.int64), values


def tracked(legs, addresses, sort="icao_address", period_s=15.0, **how):
    """Return the tracks of legs, each with an address."""
    time_ns, values = (np.concatenate(each) for each in zip(*legs, strict=True))
    whose = np.repeat(addresses, [len(each) for each, _ in legs])
    order = np.argsort(time_ns, kind="stable")
    time_ns, values, whose = time_ns[order], values[order], whose[order]
    identity = Identity.absent(len(whose)).replace(**{sort: whose})
    seen = Detections.of(sensor="receiver", components=COMPONENTS, time_ns=time_ns, values=values, identity=identity)
    tracks = noroshi.track([seen], [site(period_s)], **how).tracks
    assert tracks is not None
    return tracks


def turned(rng, km):
    """Return two legs: the second begins so many kilometres off, at right angles, when the next report is due."""
    lon, lat, _ = GEOD.fwd(8.0, 47.0, 90.0, 150.0 * STEP_S * REPORTS)
    lon, lat, _ = GEOD.fwd(lon, lat, 0.0, 1e3 * km)
    return [leg(rng, (8.0, 47.0), 90.0, 0, REPORTS), leg(rng, (lon, lat), 0.0, REPORTS, REPORTS)]


@pytest.mark.parametrize("tracker", ["soft", "nearest_neighbour"])
@pytest.mark.parametrize(
    ("addresses", "km", "expected"),
    [
        pytest.param([1, 1], 4.0, 1, id="found again under its address"),
        pytest.param([1, 2], 4.0, 2, id="another address"),
        pytest.param([-1, -1], 4.0, 2, id="no address"),
        pytest.param([1, 1], 40.0, 2, id="farther off than anybody flies in the time"),
    ],
)
def test_who_is_found_again_keeps_its_number(tracker, addresses, km, expected):
    tracks = tracked(turned(np.random.default_rng(31), km), addresses, tracker=tracker)
    assert len(np.unique(tracks.track_id)) == expected
    if expected == 1:
        assert tracks.time_ns.max() == BEGIN_NS + round((2 * REPORTS - 1) * STEP_S * 1e9)


def test_two_that_use_one_address_at_once_are_two():
    rng = np.random.default_rng(32)
    lon, lat, _ = GEOD.fwd(8.0, 47.0, 0.0, 30e3)
    legs = [leg(rng, (8.0, 47.0), 90.0, 0, 2 * REPORTS), leg(rng, (lon, lat), 90.0, REPORTS, REPORTS)]
    tracks = tracked(legs, [1, 1])
    number, rows = np.unique(tracks.track_id, return_counts=True)
    assert len(number) == 2
    assert rows.min() > 0.8 * REPORTS


def test_buoys_that_share_a_number_stay_apart():
    """Of a net in the sea, 800 m apart: aircraft so near would be one."""
    rng = np.random.default_rng(35)
    lon, lat, _ = GEOD.fwd(8.0, 47.0, 0.0, 800.0)
    legs = [leg(rng, (8.0, 47.0), 90.0, 0, 2 * REPORTS, 0.5), leg(rng, (lon, lat), 90.0, REPORTS, REPORTS, 0.5)]
    assert len(np.unique(tracked(legs, [431_000_001] * 2, "mmsi").track_id)) == 2
    assert len(np.unique(tracked(legs, [1, 1]).track_id)) == 1


def test_reports_that_come_late_change_nothing():
    rng = np.random.default_rng(33)
    in_order = tracked(turned(rng, 4.0), [1, 1])
    legs = turned(np.random.default_rng(33), 4.0)
    time_ns, values = (np.concatenate(each) for each in zip(*legs, strict=True))
    received_ns = time_ns + rng.integers(0, 12, len(time_ns)) * 10**9
    late = [
        Detections.of(
            sensor="receiver", components=COMPONENTS, time_ns=time_ns[k : k + 1], values=values[k : k + 1],
            identity=Identity.absent(1).replace(icao_address=np.array([1])), received_ns=int(received_ns[k]),
        )
        for k in np.argsort(received_ns, kind="stable").tolist()
    ]  # fmt: skip
    tracks = noroshi.track(late, [site(15.0)]).tracks
    assert tracks is not None
    assert len(np.unique(tracks.track_id)) == 1
    assert np.unique(tracks.track_id).tolist() == np.unique(in_order.track_id).tolist()
    last = np.argmax(tracks.time_ns)
    np.testing.assert_allclose(tracks.state_ecef[last], in_order.state_ecef[np.argmax(in_order.time_ns)], atol=1e-6)


def test_reports_of_which_some_are_late_make_no_second_track():
    """Two receivers, of which one stamps what it heard 3 s late: each alone is a steady flight."""
    rng = np.random.default_rng(34)
    time_ns, values = leg(rng, (8.0, 47.0), 90.0, 0, 4 * REPORTS)
    time_ns = time_ns + (np.arange(4 * REPORTS) % 3 == 1) * 3 * 10**9
    tracks = tracked([(time_ns, values)], [1])
    assert len(np.unique(tracks.track_id)) == 1


@pytest.mark.parametrize("sort", ["icao_address", "mmsi"])
def test_two_that_take_turns_under_one_name_stay_two(sort):
    """Each reports half a minute after the other: neither is lost."""
    rng = np.random.default_rng(36)
    lon, lat, _ = GEOD.fwd(8.0, 47.0, 0.0, 5_000.0)
    legs = [leg(rng, place, 90.0, 0, REPORTS, 0.0) for place in ((8.0, 47.0), (lon, lat))]
    slowly = [(BEGIN_NS + (t - BEGIN_NS) * 12 + k * 30 * 10**9, values) for k, (t, values) in enumerate(legs)]
    tracks = tracked(slowly, [431_000_001 if sort == "mmsi" else 1] * 2, sort, period_s=60.0)
    number, rows = np.unique(tracks.track_id, return_counts=True)
    assert len(number) == 2
    assert rows.min() > 0.8 * REPORTS
    for one in number:
        place_m = tracks.state_ecef[tracks.track_id == one, :3]
        assert np.linalg.norm(np.diff(place_m, axis=0), axis=1).max() < 1_000.0
