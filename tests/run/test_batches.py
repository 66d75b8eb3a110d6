import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noroshi.records import Detections, Identity, SensorSite, Status, concatenate, digest, take
from noroshi.run.batches import drop_stray_times, in_time, scan_period_s
from noroshi.run.setup import Setup, Site, make_sensors

NS = 10**9
START_NS = 1_700_000_000 * NS
SENSORS = make_sensors(
    Setup(
        sites=[
            Site("radar", "search_radar", lat_rad=0.8, lon_rad=0.1, height_m=0.0),
            Site("adsb", "position_report"),
        ]
    )
)


def radar(time_s, azimuth=None):
    time_s = np.asarray(time_s, float)
    azimuth = time_s % 10 / 10 * 2 * np.pi if azimuth is None else azimuth
    return Detections.of(
        sensor="radar",
        components=("range_m", "azimuth_rad"),
        time_ns=START_NS + np.round(time_s * NS).astype(np.int64),
        values=np.stack([np.full(len(time_s), 1e5), azimuth], axis=1),
    )


def reports(time_s, address):
    who = Identity.absent(len(time_s)).replace(icao_address=np.asarray(address, np.int64))
    return Detections.of(
        sensor="adsb",
        components=("lat_rad", "lon_rad"),
        time_ns=START_NS + np.round(np.asarray(time_s, float) * NS).astype(np.int64),
        values=np.full((len(time_s), 2), 0.8),
        identity=who,
    )


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 4)), max_size=60), st.floats(0.1, 5.0))
def test_every_row_comes_once_in_time_and_no_sender_twice_in_a_batch(rows, batch_s):
    whole = reports([t for t, _ in rows], [a for _, a in rows])
    batches = list(in_time([whole, radar([1.0, 2.5, 2.6])], SENSORS, batch_s=batch_s))
    now = [now_ns for now_ns, _ in batches]
    assert now == sorted(now)
    for now_ns, batch in batches:
        assert batch.received_ns == now_ns == batch.time_ns.max()
        assert np.ptp(batch.time_ns) <= batch_s * NS
        if batch.sensor == "adsb":
            assert np.unique(batch.identity.icao_address).size == len(batch)
    back = [batch for _, batch in batches if batch.sensor == "adsb"]
    assert sum(map(len, back)) == len(rows)
    if rows:
        joined = concatenate(back)
        key = [np.lexsort((d.identity.icao_address, d.time_ns)) for d in (joined, whole)]
        assert digest(take(joined, key[0]).replace(received_ns=0)) == digest(take(whole, key[1]).replace(received_ns=0))


def test_a_long_batch_is_cut_to_half_a_rotation():
    batches = list(in_time([radar(np.arange(0, 40, 0.5))], SENSORS, batch_s=60.0))
    assert max(np.ptp(batch.time_ns) for _, batch in batches) < 5 * NS


@pytest.mark.parametrize("period_s", [4.0, 10.0, 12.3])
def test_a_rotation_shows_in_the_azimuths(period_s):
    rng = np.random.default_rng(1)
    time_s = np.sort(rng.uniform(0, 20 * period_s, 800))
    azimuth = time_s / period_s * 2 * np.pi % (2 * np.pi)
    assert scan_period_s([radar(time_s, azimuth)], [], "search_radar") == pytest.approx(period_s, rel=2e-3)


def test_north_markers_say_it_better_even_with_some_missing():
    marks = START_NS + np.delete(np.arange(30), [7, 8, 20]) * 4 * NS
    n = len(marks)
    north = Status(
        time_ns=marks, source=np.full(n, "radar"), subject=np.full(n, "north marker"), value=np.full(n, np.nan)
    )
    assert scan_period_s([radar([0.0, 1.0])], [north], "search_radar") == pytest.approx(4.0, rel=1e-9)


def test_position_reports_look_no_more_often_than_they_are_missed():
    often = reports(np.arange(100) * 1.0, np.full(100, 7))
    seldom = reports(np.arange(100) * 60.0, np.full(100, 7))
    assert scan_period_s([often], [], "position_report") == 10.0
    assert scan_period_s([seldom], [], "position_report") == 180.0


def test_stray_times_are_dropped_and_counted():
    plots = radar(np.arange(20))
    times = plots.time_ns.copy()
    times[[3, 4, 5, 6]] = [0, -5, 2**63 - 1, START_NS + 8 * 86_400 * NS]
    timely, stray = drop_stray_times([plots.replace(time_ns=times)])
    assert stray == {"radar": 4}
    assert len(timely[0]) == 16


def test_a_site_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"sensor 'x'.*no 'serch_radar' in sensors; there are:.*search_radar"):
        make_sensors(Setup(sites=[Site.of(SensorSite(sensor="x", type="serch_radar"))]))


def test_frames_of_plots_with_one_time_have_their_own_period():
    times = np.repeat(10.0 * np.arange(12), 10)
    azimuth = np.tile(np.linspace(6.0, 0.1, 10)[np.random.default_rng(2).permutation(10)], 12)
    assert scan_period_s([radar(times, azimuth)], [], "search_radar") == pytest.approx(10.0, rel=0.01)


def test_recordings_of_two_days_are_both_kept():
    timely, stray = drop_stray_times([radar([0.0, 10.0]), radar([20 * 86_400.0, 20 * 86_400.0 + 10])])
    assert sum(map(len, timely)) == 4
    assert not stray


def test_how_a_sensors_plots_come_cut_into_batches_makes_no_difference():
    rng = np.random.default_rng(3)
    whole = radar(np.sort(rng.uniform(0.0, 60.0, 200)), rng.uniform(0.0, 2.0 * np.pi, 200))
    cut = [take(whole, rows) for rows in np.array_split(np.arange(200), 7)]
    once, pieces = (list(in_time(batches, {}, batch_s=1.0)) for batches in ([whole], cut))
    assert [now_ns for now_ns, _ in once] == [now_ns for now_ns, _ in pieces]
    assert digest(*(batch for _, batch in once)) == digest(*(batch for _, batch in pieces))
