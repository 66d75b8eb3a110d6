"""What a receiver of position reports hears, case by case."""

import dataclasses

import numpy as np
import pytest
from observer_scenes import PLACE, START_NS, local, watch, world
from pydantic import ValidationError

from noroshi.exercise.observers.position_report import Observer
from noroshi.exercise.world import Effect, Fault
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes_at
from noroshi.records import Identity

CLEAR = {"reception_probability": 1.0, "dropouts_per_hour": 0.0}
KNOT_M_S = 1_852.0 / 3_600.0


def observe(flights, *, seconds=600, effects=None, sensor="one", **fields):
    own = watch("position_report", world(flights, effects=effects or {}), sensor=sensor, **{**CLEAR, **fields})
    return own.observe(START_NS, START_NS + seconds * NS_PER_S)


def plane(name="a", number=1, **more):
    return local(name, [30e3, 60e3, 9e3], [150.0, 150.0, 5.0], number=number, **more)


def places(plots):
    return ecef_from_geodetic(*plots.values[:, :3].T)


def test_aircraft_report_who_and_where_they_are_every_interval():
    plots = observe([plane()], report_interval_s=2.0, delay_s_max=0.0).detections
    assert len(plots) == 300
    intervals = np.diff(plots.time_ns) / NS_PER_S
    assert np.abs(intervals - 2.0).max() <= 0.4
    assert np.ptp(intervals) > 0.5
    off = places(plots) - plane().at(plots.time_ns)[:, :3]
    assert np.linalg.norm(off, axis=1).max() < 5.0 * 30.0
    assert set(plots.identity.icao_address.tolist()) == {1}
    assert set(plots.identity.call_sign.tolist()) == {"N0001"}
    velocity = np.vecmat(plots.values[:, 3:], enu_axes_at(places(plots)))
    assert np.abs(velocity - plane().at(plots.time_ns)[:, 3:]).max() < 5.5


# ITU-R M.1371-5, annex 1, table 1: class A.
@pytest.mark.parametrize(("knots", "interval_s"), [(0.0, 180), (2.0, 180), (10.0, 10), (20.0, 6), (30.0, 2)])
def test_ships_report_as_often_as_their_speed_asks_for(knots, interval_s):
    ship = local("ship", [5e3, 8e3, 0.0], [knots * KNOT_M_S, 0.0, 0.0], number=4, seconds=900)
    own = watch("position_report", world([ship], seconds=900), source="ais", **CLEAR)
    plots = own.observe(START_NS, START_NS + 900 * NS_PER_S).detections
    assert abs(len(plots) - 900 / interval_s) <= 1
    # Each report is sent at its own moment of a tick of two seconds.
    assert np.abs(np.diff(plots.time_ns) / NS_PER_S - interval_s).max() <= 0.4
    assert np.isnan(plots.values[:, [2, 5]]).all()
    assert set(plots.identity.mmsi.tolist()) == {431_000_004}


def test_who_has_no_address_says_nothing():
    flights = [plane("silent", None), plane("speaks", 7)]
    assert set(observe(flights).owner.tolist()) == {"speaks"}
    ship = dataclasses.replace(plane("ship", None), identity=Identity.absent(1).replace(mmsi=np.array([5])))
    assert not len(observe([ship]).owner)
    assert len(observe([ship], source="ais").owner)


def test_a_dark_target_is_silent_and_a_false_position_is_said():
    dark = Effect(fault=Fault.OFF, start_ns=START_NS + 100 * NS_PER_S, end_ns=START_NS + 300 * NS_PER_S)
    false = Effect(fault=Fault.BIAS, start_ns=START_NS, end_ns=START_NS + 10**12, values={"east_m": 5e4, "up_m": 100.0})
    sighting = observe([plane("a"), plane("b", 2)], effects={"a": (dark,), "b": (false,)})
    plots, mine = sighting.detections, sighting.owner == "a"
    since_s = (plots.time_ns[mine] - START_NS) / NS_PER_S
    assert not ((since_s > 100) & (since_s < 300)).any()
    assert mine.sum() in range(395, 405)
    b = plots.values[sighting.owner == "b"]
    truth = plane().at(plots.time_ns[sighting.owner == "b"])[:, :3]
    off = np.matvec(enu_axes_at(truth), ecef_from_geodetic(*b[:, :3].T) - truth)
    assert np.abs(off[:, 0] - 5e4).max() < 200.0
    assert abs(off[:, 1].mean()) < 100.0


def test_all_receivers_hear_the_same_report():
    one, two = observe([plane()], sensor="one"), observe([plane()], sensor="two", reception_probability=0.5)
    shared, at, _ = np.intersect1d(one.detections.time_ns, two.detections.time_ns, return_indices=True)
    assert len(shared) == len(two.owner) < 0.6 * len(one.owner)
    np.testing.assert_array_equal(one.detections.values[at], two.detections.values)


def test_it_hears_up_to_the_horizon_and_its_range():
    # Antenna at 300 m, aircraft at 500 m: 71 + 92 = 163 km.
    low = [local(f"{km}", [0.0, km * 1e3, 200.0 - km**2 / 12.742], [0.0] * 3, number=km) for km in (150, 175)]
    assert set(observe(low).owner.tolist()) == {"150"}
    assert set(observe(low, range_m_max=100e3).owner.tolist()) == set()


def test_silence_comes_in_bursts():
    plots = observe([plane()], dropouts_per_hour=60.0, dropout_mean_s=20.0, report_interval_s=0.5).detections
    gaps_s = np.diff(plots.time_ns) / NS_PER_S
    long = gaps_s[gaps_s > 1.5]
    assert 3 <= len(long) <= 20
    assert long.max() < 2.0 * 40.0 + 1.0


def test_a_late_position_lags_behind_by_the_senders_own_delay():
    plots = observe([plane()], delay_s_max=3.0, position_sigma_m=0.01, altitude_sigma_m=0.01).detections
    truth = plane().at(plots.time_ns)
    lag = np.vecdot(truth[:, :3] - places(plots), truth[:, 3:]) / np.vecdot(truth[:, 3:], truth[:, 3:])
    assert 0.0 < lag.mean() < 3.0
    assert np.ptp(lag) < 0.01


def test_jamming_shortens_its_reach():
    jammed = Effect(fault=Fault.JAMMING, start_ns=START_NS, end_ns=START_NS + 10**12, values={"loss_db": 20.0})
    near = local("near", [20e3, 20e3, 5e3], [0.0] * 3, number=1)
    far = local("far", [60e3, 20e3, 5e3], [0.0] * 3, number=2)
    assert set(observe([near, far], effects={"one": (jammed,)}).owner.tolist()) == {"near"}  # a tenth of 400 km
    assert np.linalg.norm(far.state_ecef[0, :3] - PLACE) < 400e3


def test_bursts_that_would_overlap_are_refused():
    with pytest.raises(ValidationError, match="dropouts_per_hour"):
        Observer(dropouts_per_hour=200.0, dropout_mean_s=20.0)
