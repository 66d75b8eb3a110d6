"""Where false plots come from is learned, in cells fixed to the Earth; the first plots of targets are not false."""

import math

import numpy as np
import pytest

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_enu
from noroshi.motion.constant_velocity import Motion
from noroshi.node.core import Node
from noroshi.records import Detections, SensorSite, TrackStatus, concatenate, digest, take
from noroshi.sensors.over_horizon_radar import Sensor as OverHorizonRadar
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.clutter import (
    CELL_M,
    CHANCE_PLOTS,
    CHANCE_SIGMAS,
    EMPTY,
    EMPTY_MAP,
    LOOKS_LATE,
    LOOKS_REMEMBERED,
    counted,
    evenly_spread,
    false_at,
    map_of,
    share_of_cell,
)
from noroshi.tracking.rewind import Rewind
from noroshi.tracking.store import Whole
from noroshi.tracking.trackers.soft import Parameters, Tracker

START_NS, PERIOD_S, REACH_M = 1_893_456_000 * NS_PER_S, 10.0, 120e3
NOISE = {"range_sigma_m": 70.0, "azimuth_sigma_rad": 0.0014, "altitude_sigma_m": 8.0}
SITE = SensorSite(
    sensor="r", type="search_radar", lat_rad=0.6, lon_rad=2.4, height_m=100.0,
    parameters={**NOISE, "scan_period_s": PERIOD_S, "detection_probability": 0.9, "range_m_max": REACH_M},
)  # fmt: skip
RADAR = Sensor.at(SITE)
FARM = np.array([-30e3, 20e3])  # east and north of the radar


def plots_of(places, k, rng):
    """Return plots in look k of (n, 3) places east, north and up of the radar."""
    exact = seen_from(places, [0.0, 0.0, 0.0])[0]
    turn = exact[:, 1] % (2.0 * np.pi) / (2.0 * np.pi)
    values = exact[:, [0, 1, 3]] + rng.normal(size=(len(exact), 3)) * list(NOISE.values())
    time_ns = START_NS + np.round((k + turn) * PERIOD_S * NS_PER_S).astype(np.int64)
    plots = Detections.of(
        sensor="r", components=("range_m", "azimuth_rad", "altitude_m"), time_ns=time_ns, values=values
    )
    return arrange(plots.replace(origin_ecef_m=np.tile(RADAR.origin_ecef_m, (len(exact), 1))), RADAR)


def seen_from(places, from_m):
    """Return (n, 5) exact measurements of places and (n, 3) origins; both lie east, north and up of the radar."""
    state = np.zeros((len(places), 6))
    state[:, :3] = ecef_from_enu(np.asarray(places), RADAR.origin_ecef_m)
    origins = np.tile(ecef_from_enu(np.array([from_m]), RADAR.origin_ecef_m), (len(state), 1))
    return RADAR.measure(state, origins), origins


def farm_plots(k, rng):
    """Return false plots of one look: even ones, and those of a small place."""
    n = rng.poisson(5.0)
    azimuth, range_m = rng.uniform(0.0, 2.0 * np.pi, n), REACH_M * np.sqrt(rng.uniform(0.01, 1.0, n))
    even = np.stack([range_m * np.sin(azimuth), range_m * np.cos(azimuth), rng.uniform(3e3, 9e3, n)], axis=1)
    n = rng.poisson(10.0)
    return np.concatenate([even, np.column_stack([FARM + rng.uniform(-3e3, 3e3, (n, 2)), rng.uniform(2e3, 8e3, n)])])


def aircraft(k):
    """Return four aircraft in look k; the last flies through the farm."""
    t = k * PERIOD_S
    return np.array(
        [[50e3 - 150.0 * t, 40e3, 7e3], [-60e3, -50e3 + 180.0 * t, 8e3], [20e3 + 120.0 * t, -30e3, 6e3],
         [-80e3 + 160.0 * t, 20e3, 5e3]]
    )  # fmt: skip


def looks(n, seed):
    """Return n looks at the aircraft and the farm, each of four batches."""
    rng = np.random.default_rng(seed)
    for k in range(n):
        seen = aircraft(k)[rng.uniform(size=4) < 0.9]
        plots = plots_of(np.concatenate([seen, farm_plots(k, rng)]), k, rng)
        quarter = (plots.time_ns - START_NS) * 4 // round(PERIOD_S * NS_PER_S)
        for q in np.unique(quarter):
            yield take(plots, np.flatnonzero(quarter == q))


def tracker(is_on=True):
    return Tracker(
        node="n", sensor_names=("r",), motions=[Motion.of()], parameters=Parameters(maps_false_plots=float(is_on))
    )


def row(cell, weight, k, number=-1):
    return [cell, weight, number, START_NS + round(k * PERIOD_S) * NS_PER_S]


def stepped(known, plots, k, false=20.0):
    """Return the map after the plots of look k; no track is anybody's."""
    now_ns, period_ns = START_NS + round(k * PERIOD_S) * NS_PER_S, round(PERIOD_S * NS_PER_S)
    rows = np.array(plots, np.float64).reshape(-1, 4)
    return counted(known, rows, now_ns, period_ns, tracker().store, share_of_cell(RADAR), false)


def test_what_a_cell_gives_beyond_its_share_is_as_by_hand():
    known = before = EMPTY_MAP
    for k in range(12):
        before, known = known, stepped(known, [row(7, 1.0, k), row(7, 0.5, k), row(9, 0.5, k)], k)
    # Looks 1 to 11 remade the map; those of looks 0 to 6 are late enough by look 11.
    kept = math.exp(-1.0 / LOOKS_REMEMBERED)
    remembered = sum(kept**age for age in range(11))
    given = sum(1.5 * kept ** (11 - k - LOOKS_LATE) for k in range(7))
    share = 25.0 / (math.pi * 120.0**2)
    at, other = np.flatnonzero(known.cells == 7)[0], np.flatnonzero(known.cells == 9)[0]
    assert known.looks[0] == pytest.approx(remembered, rel=1e-12)
    assert known.given[at] == pytest.approx(given, rel=1e-12)
    assert known.given[other] == pytest.approx(given / 3.0, rel=1e-12)
    alike = evenly_spread(before, 20.0) * share * remembered
    assert given > alike + CHANCE_SIGMAS * math.sqrt(alike) + CHANCE_PLOTS > given / 3.0
    assert known.beyond[at] == pytest.approx((given - alike) / remembered, rel=1e-12)
    assert known.beyond[other] == 0.0
    assert evenly_spread(known, 20.0) == pytest.approx(20.0 - known.beyond[at], rel=1e-12)


def test_a_cell_that_gives_no_more_is_forgotten():
    known = EMPTY_MAP
    for k in range(120):
        known = stepped(known, [row(7, 1.0, k)] if k < 10 else [], k)
        assert k < 16 or (7 in known.cells) == (10.0 * math.exp(-(k - 10.0) / LOOKS_REMEMBERED) > 0.04)


def test_cells_are_fixed_to_the_earth_and_equally_large():
    rng, found = np.random.default_rng(3), []
    places = np.column_stack([rng.uniform(-50e3, 50e3, (4_000, 2)), np.full(4_000, 100.0)])
    for from_m in ([0.0, 0.0, 0.0], [15e3, -7e3, 0.0]):
        values, origins = seen_from(places, from_m)
        values[:, [2, 4]] = np.nan
        form = RADAR.form(values, np.tile(1e-6 * np.eye(5), (len(values), 1, 1)), origins)
        found.append(false_at(EMPTY_MAP, form, share_of_cell(RADAR), 20.0)[0])
    assert len(np.unique(found[0])) == pytest.approx((100e3 / CELL_M) ** 2, rel=0.15)
    assert (found[0] == found[1]).mean() > 0.999


def test_no_map_of_what_does_not_look_round():
    over = OverHorizonRadar.at(SensorSite(sensor="o", type="over_horizon_radar", lat_rad=0.6, lon_rad=2.4))
    assert share_of_cell(over) == 0.0 < share_of_cell(RADAR) < 1.0


def followed(is_on, seed, n=60):
    """Return how many tracks were ever firm far from all aircraft, and the share of (aircraft, look) with a track."""
    made, false, held = tracker(is_on), set(), []
    last = 0
    for batch in looks(n, seed):
        made.step(batch, RADAR)
        k = int((batch.time_ns.max() - START_NS) // round(PERIOD_S * NS_PER_S))
        if k == last:
            continue
        last = k
        told = made.picture(START_NS + round(k * PERIOD_S) * NS_PER_S)
        place = ecef_from_enu(aircraft(k), RADAR.origin_ecef_m)
        apart = np.linalg.norm(told.state_ecef[:, None, :3] - place, axis=2)
        false |= set(told.track_id[apart.min(axis=1) > 4e3].tolist())
        held += (apart.min(axis=0) < 2e3).tolist() if len(told) else [False] * 4
    return len(false), np.mean(held)


@pytest.mark.parametrize("seed", [31, 32, 33])
def test_false_tracks_fall_and_targets_stay(seed):
    (false_off, held_off), (false_on, held_on) = followed(False, seed), followed(True, seed)
    assert false_off >= 8
    assert false_on <= false_off / 2
    assert held_on > held_off - 0.02 > 0.85


def test_first_plots_of_targets_are_not_counted():
    """A target every 50 s in one place gives as many plots that are no firm track's as a small wind farm."""
    made, rng = tracker(), np.random.default_rng(8)
    for k in range(60):
        ages_s = PERIOD_S * (k - np.arange(0, k + 1, 5))
        flying = np.column_stack([20e3 + 150.0 * ages_s, np.full(len(ages_s), 10e3), 500.0 + 10.0 * ages_s])
        plots = plots_of(flying[rng.uniform(size=len(flying)) < 0.95], k, rng)
        if len(plots):
            made.step(plots, RADAR)
    known = map_of(made.store.tally, 0)
    assert (made.store.whole[: made.store.n_used, Whole.STATUS] >= TrackStatus.FIRM).sum() >= 11
    assert len(known.waiting) > 0
    assert known.beyond.sum() == 0.0


def test_late_batches_leave_the_map_of_an_arrival_in_order():
    every = list(looks(14, 5))
    order = np.argsort([k + 3.0 * np.random.default_rng(6).uniform(size=len(every))[k] for k in range(len(every))])
    assert (np.diff(order) < 0).sum() > 8
    in_order, shuffled = Rewind(tracker()), Rewind(tracker())
    for k in range(len(every)):
        in_order.step(every[k], RADAR)
        shuffled.step(every[order[k]], RADAR)
    assert shuffled.n_late_rows == 0 < shuffled.n_reruns
    one, other = (map_of(each.tracker.store.tally, 0) for each in (in_order, shuffled))
    for name in one.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.cells != EMPTY).sum() > 10 < len(one.waiting)


def test_a_node_resumed_from_its_checkpoint_goes_on_with_its_map():
    def node(of):
        return Node("n", sensors={"r": RADAR}, tracker=of, window_ns=30 * NS_PER_S)

    def told(machine, batches):
        for batch in batches:
            machine.receive(batch, int(batch.time_ns.max()))
        return [digest(out.record) for out in machine.take()]

    every, trackers = list(looks(30, 7)), [tracker() for _ in range(3)]
    whole, first, second = (node(each) for each in trackers)
    expected, begun = told(whole, every), told(first, every[:80])
    second.resume(first.checkpoint())
    assert begun + told(second, every[80:]) == expected
    one, other = (map_of(trackers[i].store.tally, 0) for i in (0, 2))
    assert one.beyond.sum() > 1.0
    for name in one.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_whole_batches_and_parts_of_looks_are_mapped_alike():
    """A look in one batch or in four gives each cell the same plots, whatever the tracks make of them."""
    every = list(looks(40, 9))
    parts, wholes = tracker(), tracker()
    for k in range(40):
        mine = [b for b in every if (b.time_ns[0] - START_NS) // round(PERIOD_S * NS_PER_S) == k]
        for batch in mine:
            parts.step(batch, RADAR)
        wholes.step(concatenate(mine), RADAR)
    one, other = map_of(parts.store.tally, 0), map_of(wholes.store.tally, 0)
    assert one.beyond.sum() == pytest.approx(other.beyond.sum(), rel=0.2)
    assert 4.0 < one.beyond.sum() < 12.0
