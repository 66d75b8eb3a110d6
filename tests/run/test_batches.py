import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noroshi.records import Detections, Identity, Quality, SensorSite, Status, concatenate, digest, take
from noroshi.run.batches import Repeats, drop_repeats, drop_stray_times, in_time, looks_of, scan_period_s
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


def array(seed, n=10, revisit_s=(0.3, 1.0, 2.0, 6.0)):
    """Return a phased array's plots of targets that stand still, each looked at when the array likes, and whose."""
    rng = np.random.default_rng(seed)
    looks = [(t, i) for i in range(n) for t in rng.uniform(0, 1) + np.cumsum(rng.choice(revisit_s, 60)) if t < 40]
    time_s, who = map(np.array, zip(*sorted(looks), strict=True))
    range_m, azimuth = rng.uniform(20e3, 150e3, n)[who], rng.uniform(0, 2 * np.pi, n)[who]
    noise = rng.normal(size=(2, len(who)))
    values = np.stack([range_m + 70 * noise[0], azimuth + np.radians(0.08) * noise[1]], axis=1)
    return radar(time_s).replace(values=values), who


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_of_a_phased_array_has_each_target_once(seed):
    whole, who = array(seed)
    of = dict(zip(whole.time_ns.tolist(), who.tolist(), strict=True))
    batches = [batch for _, batch in in_time([whole], SENSORS, batch_s=1.0)]
    assert sum(map(len, batches)) == len(whole)
    for batch in batches:
        targets = [of[t] for t in batch.time_ns.tolist()]
        assert len(set(targets)) == len(targets)
    assert max(map(len, batches)) > 3  # and is no smaller than need be


def test_how_a_phased_arrays_plots_come_makes_no_difference():
    whole, _ = array(7)
    pieces = [take(whole, rows) for rows in np.array_split(np.arange(len(whole)), 9)]
    once, cut = (list(in_time(batches, SENSORS, batch_s=1.0)) for batches in ([whole], pieces))
    assert digest(*(batch for _, batch in once)) == digest(*(batch for _, batch in cut))
    parts = looks_of(whole, SENSORS["radar"])
    assert digest(concatenate(parts)) == digest(whole)
    assert all(len(looks_of(part, SENSORS["radar"])) == 1 for part in parts)


@pytest.mark.parametrize("period_s", [10.0, 4.0])  # the sensor is said to turn in 10 s
def test_a_turning_radars_batches_stay_whole_in_clutter_and_formations(period_s):
    rng = np.random.default_rng(5)
    azimuth = np.concatenate([rng.uniform(0, 2 * np.pi, 20_000), 1.0 + rng.uniform(0, 0.05, 300)])  # of one rotation
    whole = radar(azimuth / (2 * np.pi) * period_s, azimuth)
    range_m = np.concatenate([400e3 * np.sqrt(rng.uniform(1e-4, 1, 20_000)), 100e3 + rng.uniform(0, 5e3, 300)])
    whole = whole.replace(values=np.stack([range_m, azimuth], axis=1))
    batches = list(in_time([whole], SENSORS, batch_s=1.0))
    assert len(batches) == period_s


def test_however_many_come_again_parts_are_no_shorter_than_50_ms():
    time_s = np.sort(np.random.default_rng(6).uniform(0, 3, 3_000))
    batches = [batch for _, batch in in_time([radar(time_s, np.full(3_000, 0.5))], SENSORS, batch_s=1.0)]
    assert len(batches) <= 60
    one_look = radar(np.full(20, 1.0), np.full(20, 0.5))
    assert len(looks_of(one_look, SENSORS["radar"])) == 1


def test_rows_that_say_nothing_of_a_place_stay_with_the_others():
    whole, _ = array(8)
    values = whole.values.copy()
    values[::7] = [np.nan, np.inf]
    values[3::7] = [1e300, -9e9]
    parts = looks_of(whole.replace(values=values), SENSORS["radar"])
    assert len(parts) > 3
    assert digest(concatenate(parts)) == digest(whole.replace(values=values))
    assert looks_of(take(whole, np.arange(0)), SENSORS["radar"]) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_phased_array_shows_no_rotation(seed):
    assert scan_period_s([array(seed)[0]], [], "search_radar") is None


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


def test_both_lines_of_a_network_count_once_however_they_come():
    once = radar(np.arange(50))
    for twice in ([once, once], [concatenate([once, once])], [take(once, np.repeat(np.arange(50), 2))]):
        left, repeats = drop_repeats([reports([1.0], [7]), *twice])
        assert repeats == {"radar": 50}
        assert digest(concatenate(left[1:])) == digest(once)


def changed(batch, **columns):
    """Return a batch whose row 3 is another one in these columns."""
    new = {name: getattr(batch, name).copy() for name in columns}
    for name, value in columns.items():
        new[name][3] = value
    return batch.replace(**new)


@pytest.mark.parametrize(
    "column",
    [
        {"time_ns": START_NS + 3 * NS + 1},
        {"values": [np.nextafter(1e5, 2e5), 3 / 10 * 2 * np.pi]},
        {"values": [1e5, np.nan]},
        {"covariances": np.eye(2)},
        {"origin_ecef_m": [6.4e6, 0.0, 0.0]},
        {"quality": Quality.INCONSISTENT},
        {"icao_address": 7},
        {"mode_3a": 7},
        {"mmsi": 7},
        {"call_sign": "JAL7"},
    ],
)
def test_what_differs_in_anything_is_no_repeat(column):
    once = radar(np.arange(10))
    again = (
        once.replace(identity=changed(once.identity, **column))
        if column.keys() <= set(Identity.COLUMNS)
        else changed(once, **column)
    )
    left, repeats = drop_repeats([once, again])
    assert repeats == {"radar": 9}
    assert digest(left[1]) == digest(take(again, np.array([3])))
    # Of three that are alike in time and place the outer ones are one, whatever lies between.
    assert drop_repeats([once, again, once])[1] == {"radar": 19}
    as_they_come = Repeats()
    marks = [as_they_come.marked(each, 0).quality for each in (once, again, once)]
    assert [int((mark == Quality.DUPLICATE).sum()) for mark in marks] == [0, 9, 10]
    assert marks[1][3] == again.quality[3]


def test_the_same_row_of_another_sensor_and_a_look_that_saw_nothing_stay():
    once = radar(np.arange(10))
    assert not drop_repeats([once, once.replace(sensor="other")])[1]
    looks = once.replace(quality=np.full(10, Quality.NOTHING, np.uint8))
    left, repeats = drop_repeats([looks, looks, once])
    assert not repeats
    assert sum(map(len, left)) == 30


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.0, 1.0, np.nan]), st.integers(1, 2)), max_size=40))
def test_repeats_are_those_that_python_finds(rows):
    whole = reports([t for t, _, _ in rows], [a for _, _, a in rows])
    whole = whole.replace(values=np.array([[0.8, lon] for _, lon, _ in rows]).reshape(-1, 2))
    first = [i for i, row in enumerate(rows) if str(row) not in [str(other) for other in rows[:i]]]
    left, repeats = drop_repeats([whole])
    assert repeats.total() == len(rows) - len(first)
    assert not rows or digest(*left) == digest(take(whole, np.array(first)))


def test_repeats_of_what_comes_batch_by_batch_are_those_of_the_recording():
    rng = np.random.default_rng(5)
    every = radar(np.sort(rng.uniform(0.0, 60.0, 300)), rng.uniform(0.0, 2.0 * np.pi, 300))
    rows = np.sort(np.concatenate([np.arange(300), rng.choice(300, 120, replace=False)]))  # copies lie side by side
    pieces = [take(every, part) for part in np.array_split(rows, 23)]
    repeats = Repeats()
    marked = concatenate([repeats.marked(piece, 0) for piece in pieces])
    left, lost = drop_repeats(pieces)
    assert lost == {"radar": int((marked.quality == Quality.DUPLICATE).sum())} == {"radar": 120}
    assert digest(take(marked, marked.quality == Quality.GOOD)) == digest(concatenate(left))
    assert not drop_repeats([repeats.marked(pieces[-1].replace(sensor="other"), 0)])[1]


def test_what_was_long_ago_is_forgotten_and_a_stamp_far_off_ends_nothing():
    repeats, once = Repeats(), radar(np.arange(5))
    later = [radar(40.0 * k + np.arange(5)) for k in range(1, 4)]
    for batch in (once, *later):
        assert repeats.marked(batch, 0).quality.tolist() == [0] * 5
    assert (repeats.marked(later[-1], 0).quality == Quality.DUPLICATE).all()
    assert repeats.marked(once, 0).quality.tolist() == [0] * 5
    assert repeats.marked(radar([1e9]), 0).quality.tolist() == [0]
    assert repeats.marked(radar([200.0]), 0).quality.tolist() == [0]
    assert repeats.marked(radar([200.0]), 0).quality.tolist() == [Quality.DUPLICATE]


def test_what_is_remembered_is_bounded_whoever_forges_names():
    rng = np.random.default_rng(11)
    once, late = radar(np.arange(5)), radar(np.arange(5)).replace(sensor="late")
    repeats = Repeats(sensors_max=100, rows_max=2_000)
    repeats.marked(once, 0)
    tracemalloc.start()
    for k in range(5_000):
        forged = radar(np.arange(4), rng.uniform(0.0, 6.0, 4)).replace(sensor=f"x{k}")
        repeats.marked(forged, 10 * NS)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 200_000
    assert repeats.n_unsearched == 4 * (5_000 - 99)
    assert (repeats.marked(once, 20 * NS).quality == Quality.DUPLICATE).all()
    for _ in range(2):  # no room as long as the others were heard in the last half minute
        assert repeats.marked(late, 40 * NS).quality.tolist() == [0] * 5
    repeats.marked(late, 41 * NS)
    assert (repeats.marked(late, 42 * NS).quality == Quality.DUPLICATE).all()

    many = Repeats(rows_max=2_000)
    many.marked(once, 0)
    tracemalloc.start()
    for _ in range(100):  # stamps that stand still
        many.marked(radar(np.full(1_000, 9.0), rng.uniform(0.0, 6.0, 1_000)).replace(sensor="x"), 0)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < 1_000_000
    assert (many.marked(once, 0).quality == Quality.DUPLICATE).all()


def test_names_of_any_width_are_compared_as_they_are():
    repeats, once = Repeats(), radar([1.0])
    named = once.replace(identity=once.identity.replace(call_sign=np.array(["JAL7"], "<U8")))
    wide = once.replace(identity=once.identity.replace(call_sign=np.array(["JAL7"], "<U20")))
    other = once.replace(identity=once.identity.replace(call_sign=np.array(["JAL7A"], "<U20")))
    assert [int(repeats.marked(each, 0).quality[0]) for each in (named, wide, other)] == [0, Quality.DUPLICATE, 0]
