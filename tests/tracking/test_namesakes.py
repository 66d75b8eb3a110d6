"""An aircraft that leaves every gate and tells its address goes on under its number; others do not."""

from types import SimpleNamespace

import numpy as np
import pyproj
import pytest

import noroshi
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Detections, Identity, SensorSite, TrackStatus
from noroshi.tracking.bank import Bank
from noroshi.tracking.store import NEVER, Store, Whole
from noroshi.tracking.twins import settle_twins

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


def settled(tracks, firm, rivals=()):
    """Return which of these tracks end, and as which the others go on: (born_s, last_heard_s, north_m) each.

    All have one address; `firm` have just become firm; of each pair of `rivals` the first takes a plot of the second.
    """
    bank = Bank([Motion()], [120.0])
    store = Store(bank.layout(1), sigmas=(2.0, 4.0))
    store.tally["period_ns"] = np.array([5 * 10**9])
    rows = store.new_rows(len(tracks))
    born_s, heard_s, north_m = np.array(tracks).T
    mean = np.zeros((len(rows), 6))
    mean[:, 0], mean[:, 2], mean[:, 4] = 6.4e6, north_m, np.arange(len(rows))
    bank.begin(store, rows, mean, np.tile(np.diag([1e3] * 3 + [1e2] * 3), (len(rows), 1, 1)), np.ones(len(rows)))
    whole = store.whole
    whole[rows] = 0
    whole[rows, Whole.FIRST_SENSOR + 1 :], whole[rows, Whole.APART] = NEVER, NEVER
    whole[rows, Whole.STATUS], whole[rows, Whole.ID], whole[rows, Whole.ICAO_ADDRESS] = TrackStatus.FIRM, 100 - rows, 7
    whole[rows, Whole.MODE_3A], whole[rows, Whole.MMSI] = -1, -1
    whole[rows, Whole.BORN] = BEGIN_NS + born_s * 1e9
    whole[rows, Whole.TIME] = whole[rows, Whole.MEASURED] = BEGIN_NS + heard_s * 1e9
    store.refresh(rows)
    one, two = np.array(rivals, np.int64).reshape(-1, 2).T
    pairs = SimpleNamespace(
        row=np.zeros(0, np.int64), rows=rows, plot=one, group=two, is_inside=np.ones(len(one), np.bool_)
    )
    own_plot = np.where(np.isin(rows, one), rows, -1)
    ended, heirs = settle_twins(store, bank, pairs, own_plot, np.array(firm), BEGIN_NS + 200 * 10**9, 16.8)
    return ended.tolist(), {row: round(store.moments(np.array([row]))[0][0, 4]) for row in heirs.tolist()}


LOST = (0.0, 60.0, 0.0)


@pytest.mark.parametrize(
    ("tracks", "firm", "expected"),
    [
        pytest.param([LOST, (90.0, 100.0, 9e3)], [1], ([1], {0: 1}), id="one"),
        pytest.param([LOST, (90.0, 100.0, 90e3)], [1], ([], {}), id="one, too far"),
        pytest.param(
            [LOST, (90.0, 100.0, 9e3), (85.0, 100.0, -9e3)], [1, 2], ([2], {0: 2}), id="two: the sooner found"
        ),
        pytest.param([LOST, (85.0, 100.0, 9e3), (90.0, 100.0, -9e3)], [1, 2], ([1], {0: 1}), id="two, in other rows"),
        pytest.param([LOST, (90.0, 100.0, 9e3), (90.0, 100.0, 8e3)], [1, 2], ([2], {0: 2}), id="at once: the nearer"),
        pytest.param([LOST, (90.0, 100.0, 9e3), (85.0, 100.0, 8e3)], [1, 2], ([1, 2], {0: 2}), id="one and its ghost"),
        pytest.param(
            [LOST, (0.0, 70.0, 0.0), (90.0, 100.0, 9e3)], [2], ([2], {1: 2}), id="of two lost the later heard"
        ),
        pytest.param([LOST, (1.0, 99.0, 8e3), (90.0, 100.0, 9e3)], [2], ([2], {}), id="a ghost of one that is heard"),
    ],
)
def test_of_several_of_one_name_the_nearest_in_time_go_on(tracks, firm, expected):
    assert settled(tracks, firm) == expected


def test_who_shares_plots_with_several_of_its_name_goes_on_from_the_one_seen_last():
    tracks = [(0.0, 60.0, 0.0), (10.0, 90.0, 50.0), (5.0, 80.0, 60.0), (20.0, 90.0, 70.0)]
    ends, goes_on = settled(tracks, [], rivals=[(0, 1), (0, 2), (0, 3)])
    assert (ends, goes_on) == ([1, 2, 3], {0: 1})
