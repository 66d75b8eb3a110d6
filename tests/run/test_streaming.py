"""Tracking batch by batch gives what tracking at once gives, and says what it was not told."""

import dataclasses

import numpy as np
import pytest

import noroshi
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Detections, SensorSite, concatenate, digest, take
from noroshi.run.api import replay
from noroshi.sensors.search_radar import Sensor

NS, START_NS = 10**9, 1_700_000_000 * 10**9
SITES = [
    SensorSite(
        sensor=name, type="search_radar", lat_rad=lat_rad, lon_rad=0.12, height_m=500.0,
        parameters={"scan_period_s": period_s, "range_sigma_m": 50.0, "azimuth_sigma_rad": 1e-3},
    )
    for name, lat_rad, period_s in (("north", 0.82, 5.0), ("south", 0.80, 4.0))
]  # fmt: skip


def seen():
    """Return what two radars see of ten aircraft in two minutes, each plot at its own time, with false plots."""
    rng, n = np.random.default_rng(8), 10
    lat, lon = rng.uniform(0.80, 0.82, n), rng.uniform(0.11, 0.13, n)
    speed = rng.normal(size=(n, 2)) * 150.0
    start = np.hstack([ecef_from_geodetic(lat, lon, 9e3), np.vecmat(speed, enu_axes(lat, lon)[:, :2])])
    batches = []
    for site in SITES:
        radar, period_s = Sensor.at(site), site.parameters["scan_period_s"]
        since_s = (np.arange(0.0, 120.0, period_s)[:, None] + rng.uniform(0.0, 1.0, n)).ravel()
        truth = Motion.of().propagate(np.tile(start, (len(since_s) // n, 1)), since_s)
        values = radar.measure(truth, np.broadcast_to(radar.origin_ecef_m, (len(truth), 3)))[:, :2]
        values += rng.normal(size=values.shape) * [50.0, 1e-3]
        values = np.concatenate([values, rng.uniform([5e3, 0.0], [1e5, 6.28], (60, 2))])
        time_ns = START_NS + (np.concatenate([since_s, rng.uniform(0.0, 120.0, 60)]) * NS).astype(np.int64)
        whole = Detections.of(
            sensor=site.sensor, components=("range_m", "azimuth_rad"), time_ns=time_ns, values=values,
            sigmas=np.array([50.0, 1e-3]),
        )  # fmt: skip
        batches.append(take(whole, np.argsort(time_ns, kind="stable")))
    return batches


def by_seconds(batches):
    """Return the plots cut into whole seconds of one sensor, in order of their newest."""
    cut = [
        take(batch, np.flatnonzero(batch.time_ns // NS == second))
        for batch in batches
        for second in np.unique(batch.time_ns // NS)
    ]
    return sorted(cut, key=lambda batch: (int(batch.time_ns.max()), batch.sensor))


def fed(tracking, batches, at_ns=lambda _: None):
    given = [tracking.feed(batch, at_ns(batch)) for batch in batches] + [tracking.finish()]
    return concatenate([rows for rows in given if rows is not None])


@pytest.mark.parametrize("how", [{}, {"period_s": 2.0}, {"tracker": "nearest_neighbour"}])
def test_batches_in_order_give_the_bytes_of_tracking_at_once(how):
    at_once = noroshi.track(seen(), SITES, **how)
    assert len(np.unique(at_once.tracks.track_id)) >= 10
    tracking = noroshi.Tracking(SITES[::-1], **how)
    assert digest(fed(tracking, by_seconds(seen()))) == at_once.digest
    assert tracking.setup == at_once.setup
    assert tracking.refused == at_once.refused
    with_clock = noroshi.Tracking(SITES, **how)
    assert digest(fed(with_clock, by_seconds(seen()), lambda batch: int(batch.time_ns.max()))) == at_once.digest


def test_a_long_batch_is_cut_as_a_recording_is():
    one = seen()[:1]
    assert digest(fed(noroshi.Tracking(SITES[:1]), one)) == noroshi.track(one, SITES[:1]).digest


def last(tracks):
    """Return the newest revision of each track at each time."""
    order = np.lexsort((tracks.revision, tracks.time_ns, tracks.track_id))
    return {(int(tracks.track_id[i]), int(tracks.time_ns[i])): tracks.state_ecef[i] for i in order}


def test_late_batches_correct_what_was_given_out_and_later_ones_are_counted():
    in_order = by_seconds(seen())
    delay_s = np.random.default_rng(2).uniform(0.0, 8.0, len(in_order))
    came = [
        (int(batch.time_ns.max() + NS * delay), i, batch)
        for i, (batch, delay) in enumerate(zip(in_order, delay_s, strict=True))
    ]
    tracking, given = noroshi.Tracking(SITES), []
    for now_ns, _, batch in sorted(came, key=lambda one: one[:2]):
        given.append(tracking.feed(batch, now_ns))
    delayed = concatenate([rows for rows in given if rows is not None])
    assert delayed.revision.max() > 0
    plain, final = last(fed(noroshi.Tracking(SITES), in_order)), last(delayed)
    assert np.mean([key in final for key in plain]) > 0.9
    newest = max(time_ns for _, time_ns in plain)
    at_end = [key for key in plain if key[1] > newest - 5 * NS]
    assert at_end
    assert all(np.array_equal(plain[key], final[key]) for key in at_end if key in final)
    assert any(key in final for key in at_end)
    tracking.feed(in_order[0])
    assert sum(tracking.refused[batch.sensor, "LATE"] for batch in in_order[:1]) == len(in_order[0])


def test_time_goes_on_where_nothing_is_seen():
    tracking, batches = noroshi.Tracking(SITES, period_s=2.0), by_seconds(seen())
    for batch in batches[:60]:
        tracking.feed(batch)
    nothing, at_ns = take(batches[0], np.array([], np.int64)), int(batches[59].time_ns.max())
    assert np.unique(tracking.feed(nothing, at_ns + 10 * NS).time_ns).size >= 4
    with pytest.raises(ValueError, match="backwards"):
        tracking.feed(batches[60], at_ns)


def test_what_is_not_described_is_refused_in_one_line():
    with pytest.raises(ValueError, match="no sensors: describe each"):
        noroshi.Tracking([])
    with pytest.raises(ValueError, match="sensor 'north' has no type"):
        noroshi.Tracking([dataclasses.replace(SITES[0], type="")])
    with pytest.raises(ValueError, match="position of radar 'x' unknown"):
        noroshi.Tracking([SensorSite(sensor="x", type="search_radar")])
    with pytest.raises(ValueError, match="sensor 'south' was not described; Tracking was made with: north"):
        noroshi.Tracking(SITES[:1]).feed(seen()[1])


def test_both_lines_of_a_network_count_once_and_a_replay_counts_what_tracking_counted(tmp_path):
    once = by_seconds(seen())
    twice = [each for batch in once for each in (batch, batch)]
    journal = tmp_path / "twice.mcap"
    alone, doubled = noroshi.track(once, SITES), noroshi.track(twice, SITES, journal=journal)
    assert doubled.digest == alone.digest
    assert doubled.refused == {(name, "DUPLICATE"): n for name, n in alone.n_plots.items()}
    again = replay(journal)
    assert again.digest == alone.digest
    assert (again.refused, again.n_plots) == (doubled.refused, doubled.n_plots)
    tracking = noroshi.Tracking(SITES)
    assert digest(fed(tracking, twice)) == alone.digest
    assert tracking.refused == doubled.refused
