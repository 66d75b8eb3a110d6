"""What a search radar sees, case by case."""

import math

import numpy as np
import pytest
from observer_scenes import PLACE, START_NS, local, watch, world
from pydantic import ValidationError

from noroshi.exercise.observers.search_radar import Observer
from noroshi.exercise.world import Effect, Fault, Weather
from noroshi.geo.time import NS_PER_S
from noroshi.records import Identity
from noroshi.sensors.search_radar import Sensor

STRONG = {"reference_snr_db": 60.0, "swerling": 0, "false_plots_per_scan": 0.0}
QUIET = {"range_cell_m": 1e-3, "azimuth_beam_deg": 1e-6, "range_floor_m": 1e-3, "azimuth_floor_deg": 1e-6}
T_NS = 10 * NS_PER_S


def observe(flights, *, seconds=600, effects=None, carrier=None, **fields):
    own = watch("search_radar", world(flights, effects=effects or {}), carrier=carrier, **{**STRONG, **fields})
    return own.observe(START_NS, START_NS + seconds * NS_PER_S)


def azimuths(plots):
    return np.degrees(plots.values[:, 1])


def test_a_plot_is_taken_when_the_beam_points_there():
    sighting = observe([local("a", [80e3, -60e3, 9e3], [-100.0, 50.0, 0.0])], **QUIET)
    plots = sighting.detections
    beam = (plots.time_ns - START_NS) % T_NS / T_NS * 360.0
    np.testing.assert_allclose(beam, azimuths(plots), atol=1e-5)
    truth = local("a", [80e3, -60e3, 9e3], [-100.0, 50.0, 0.0]).at(plots.time_ns)
    exact = sighting.detections.values[:, 0] - np.linalg.norm(truth[:, :3] - PLACE, axis=1)
    assert np.abs(exact).max() < 0.01
    assert len(plots) in (59, 60)


@pytest.mark.parametrize("east_m_s", [-900.0, -5.0, 0.0, 5.0, 900.0])
def test_through_north_each_turn_meets_a_target_once_either_way(east_m_s):
    # From one meeting to the next the beam turns once, and as much more or less as the target has moved round.
    start = -300.0 * east_m_s
    flight = local("a", [start, 60e3, 9e3], [east_m_s, 0.0, 0.0])
    plots = observe([flight], **QUIET).detections
    gaps = np.diff(plots.time_ns) / T_NS
    turned = np.diff(np.unwrap(plots.values[:, 1])) / (2.0 * np.pi)
    np.testing.assert_allclose(gaps, 1.0 + turned, atol=1e-6)
    assert len(plots) in (59, 60, 61)


def test_the_horizon_is_that_of_a_4_3_earth():
    # Antenna at 300 m and target at 1,000 m: sqrt(2 x 8,495 km x 0.3 km) + sqrt(2 x 8,495 km x 1 km) = 202 km.
    def at(ground_m):
        rise = 1_000.0 - 300.0 - ground_m**2 / (2 * 6_371e3)
        return local("a", [0.6 * ground_m, 0.8 * ground_m, rise], [0.0, 0.0, 0.0])

    assert len(observe([at(198e3)], elevation_deg_min=-5.0).detections) == 60
    assert not len(observe([at(206e3)], elevation_deg_min=-5.0).detections)


def test_echoes_fade_with_the_fourth_power_of_range():
    own = Observer(reference_range_m=100e3, reference_snr_db=20.0, reference_cross_section_m2=2.0)
    assert own.snr(100e3, 2.0) == pytest.approx(100.0)
    assert own.snr(200e3, 2.0) == pytest.approx(100.0 / 16.0)
    assert own.snr(100e3, 1.0, 10.0) == pytest.approx(5.0)


def test_it_looks_between_its_ranges_and_elevations_and_not_into_dead_sectors():
    flights = [
        local("near", [3e3, 0.0, 1e3], [0.0, 0.0, 0.0]),
        local("far", [0.0, 250e3, 12e3], [0.0, 0.0, 0.0]),
        local("high", [20e3, 20e3, 60e3], [0.0, 0.0, 0.0]),
        local("south", [1e3, -50e3, 9e3], [0.0, 0.0, 0.0]),
        local("seen", [50e3, 50e3, 9e3], [0.0, 0.0, 0.0]),
    ]
    plots = observe(
        flights, range_m_min=5e3, range_m_max=200e3, elevation_deg_max=30.0, dead_sectors_deg=((170.0, 190.0),)
    )
    assert set(plots.owner.tolist()) == {"seen"}


def test_clutter_is_even_over_the_azimuths_that_are_not_dead():
    dead = ((350.0, 20.0), (90.0, 180.0))
    plots = observe([], false_plots_per_scan=200.0, dead_sectors_deg=dead, merges=False).detections
    azimuth = azimuths(plots)
    assert not (((azimuth - 350.0) % 360.0 < 30.0) | ((azimuth > 90.0) & (azimuth < 180.0))).any()
    counts, _ = np.histogram(azimuth, bins=np.arange(180.0, 351.0, 10.0))
    expected = 200.0 * 60 / 240.0 * 10.0
    assert np.sum((counts - expected) ** 2 / expected) < 40.0  # 17 bins: chance 0.001


def test_slow_targets_are_taken_for_clutter_but_their_replies_are_not():
    tangential = [local("a", [0.0, 60e3, 9e3], [5.0, 0.0, 0.0])]
    assert not len(observe(tangential, range_rate_m_s_min=30.0).detections)
    replies = observe(tangential, range_rate_m_s_min=30.0, transponder=True, reply_probability=1.0)
    assert len(replies.detections) == 60
    assert len(observe(tangential).detections) == 60


def test_what_it_does_not_measure_is_not_there():
    flights = [local("a", [30e3, 60e3, 9e3], [200.0, 0.0, 0.0])]
    plain = observe(flights).detections.values
    assert np.isnan(plain[:, 2:]).all()
    full = observe(flights, measures_elevation=True, measures_range_rate=True, transponder=True, reply_probability=1.0)
    assert np.isfinite(full.detections.values).all()
    assert np.isnan(observe(flights).detections.covariances[0, 0, 0])
    stated = observe(flights, reports_accuracy=True).detections.covariances[0]
    assert 0.0 < stated[0, 0] < 1e4


def test_a_transponder_says_its_codes_and_mode_c():
    plots = observe(
        [local("a", [30e3, 60e3, 9e3], [200.0, 0.0, 0.0], number=9)],
        transponder=True, reply_probability=0.5, altitude_bias_m=60.96,
    ).detections  # fmt: skip
    replied = plots.identity.icao_address == 9
    assert 15 < replied.sum() < 45
    assert (plots.identity.mode_3a[replied] == 9).all()
    assert (plots.identity.mode_3a[~replied] == -1).all()
    altitude = plots.values[:, 3]
    assert (np.isnan(altitude) == ~replied).all()
    steps = altitude[replied] / 7.62
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-6)
    truth = local("a", [30e3, 60e3, 9e3], [200.0, 0.0, 0.0]).at(plots.time_ns)
    height = Sensor.measure(watch("search_radar", world([])).scene.sensor, truth, np.tile(PLACE, (60, 1)))[:, 3]
    assert np.abs(altitude - height - 60.96)[replied].max() < 3.9


def test_who_has_no_transponder_or_one_that_is_off_does_not_reply():
    off = Effect(fault=Fault.OFF, start_ns=START_NS + 200 * NS_PER_S, end_ns=START_NS + 400 * NS_PER_S)
    flights = [local("a", [30e3, 60e3, 9e3], [0.0, 0.0, 0.0]), local("b", [60e3, 30e3, 9e3], [0.0] * 3, number=None)]
    plots = observe(flights, transponder=True, primary=False, reply_probability=1.0, effects={"a": (off,), "b": (off,)})
    since_s = (plots.detections.time_ns - START_NS) / NS_PER_S
    assert set(plots.owner.tolist()) == {"a"}
    assert len(plots.owner) == 40
    assert not ((since_s > 200) & (since_s < 400)).any()


def test_echoes_of_one_cell_are_one_plot_of_the_stronger():
    flights = [
        local("big", [0.0, 60e3, 9e3], [0.0, 0.0, 0.0], cross_section_m2=30.0),
        local("small", [0.0, 60.1e3, 9e3], [0.0, 0.0, 0.0], cross_section_m2=10.0),
        local("apart", [0.0, 62e3, 9e3], [0.0, 0.0, 0.0]),
    ]
    fine = {"range_floor_m": 1e-3, "azimuth_floor_deg": 1e-6, "reference_snr_db": 60.0}
    plots = observe(flights, range_cell_m=200.0, **fine)
    assert np.unique(plots.owner).tolist() == ["apart", "big"]
    assert len(plots.owner) == 120
    one, two = (np.linalg.norm(f.state_ecef[0, :3] - PLACE) for f in flights[:2])
    range_m = plots.detections.values[plots.owner == "big", 0]
    # Weighed by power: three quarters (nearly, by the fourth power of range) of the bigger.
    assert np.abs(range_m - (0.751 * one + 0.249 * two)).max() < 2.0
    assert len(observe(flights, range_cell_m=50.0, **fine).owner) == 180
    assert len(observe(flights, merges=False, **fine).owner) == 180
    answering = observe(flights, transponder=True, primary=False, reply_probability=1.0, range_cell_m=200.0)
    assert len(answering.owner) == 180


def test_biases_are_added():
    flights = [local("a", [30e3, 60e3, 9e3], [0.0, 0.0, 0.0])]
    plain = observe(flights, measures_elevation=True).detections
    off = observe(
        flights, measures_elevation=True, range_bias_m=100.0, azimuth_bias_deg=-1.0, elevation_bias_deg=0.5,
        time_bias_s=-0.25,
    ).detections  # fmt: skip
    change = off.values - plain.values
    np.testing.assert_allclose(change[:, :3], np.tile([100.0, np.radians(-1.0), np.radians(0.5)], (60, 1)), atol=1e-9)
    assert (off.time_ns - plain.time_ns == -NS_PER_S // 4).all()


def test_one_that_stares_sees_all_at_once():
    flights = [local("a", [30e3, 60e3, 9e3], [0.0] * 3), local("b", [-60e3, 30e3, 9e3], [0.0] * 3)]
    plots = observe(flights, rotating=False, scan_time_s=2.5)
    assert len(plots.owner) == 480
    assert set(((plots.detections.time_ns - START_NS) % (5 * NS_PER_S // 2)).tolist()) == {0}
    own = watch("search_radar", world(flights), rotating=False, scan_time_s=2.5)
    assert own.observe(START_NS, START_NS + 1).looked
    assert not own.observe(START_NS + 1, START_NS + 5 * NS_PER_S // 2).looked


def test_on_a_ship_it_measures_from_where_the_ship_is():
    ship = local("ship", [0.0, 0.0, 20.0], [10.0, 0.0, 0.0])
    target = local("a", [30e3, 60e3, 9e3], [0.0, 200.0, 0.0])
    plots = observe([ship, target], carrier=ship, **QUIET).detections
    place, there = ship.at(plots.time_ns)[:, :3], target.at(plots.time_ns)
    np.testing.assert_allclose(plots.origin_ecef_m, place, atol=1e-6)
    np.testing.assert_allclose(plots.values[:, 0], np.linalg.norm(there[:, :3] - place, axis=1), atol=0.01)


def test_jamming_shortens_its_sight_in_its_sector_only():
    flights = [local("in", [50e3, 50e3, 9e3], [0.0] * 3), local("out", [-50e3, 50e3, 9e3], [0.0] * 3)]
    jammed = Effect(
        fault=Fault.JAMMING,
        start_ns=START_NS,
        end_ns=START_NS + 300 * NS_PER_S,
        values={"loss_db": 80.0, "azimuth_rad_min": 0.1, "azimuth_rad_max": 1.2},
    )
    plots = observe(flights, effects={"one": (jammed,)})
    since_s = (plots.detections.time_ns - START_NS) / NS_PER_S
    assert (plots.owner == "out").sum() == 60
    assert since_s[plots.owner == "in"].min() > 300.0
    replies = observe(flights, effects={"one": (jammed,)}, primary=False, transponder=True, reply_probability=1.0)
    assert (replies.owner == "in").sum() == 30


def test_the_sea_hides_small_boats_nearby_and_the_more_the_rougher_it_is():
    boat = local("boat", [0.0, 12e3, -310.0], [0.0] * 3, cross_section_m2=2.0)
    plane = local("plane", [0.0, 12e3, 6e3], [0.0] * 3, cross_section_m2=2.0)

    def seen(sea_state, **fields):
        weather = Weather(sea_state=sea_state)
        settings = {**STRONG, "reference_snr_db": 20.0, "clutter_improvement_db": 0.0}
        own = watch("search_radar", world([boat, plane], weather=weather), **settings | fields)
        owner = own.observe(START_NS, START_NS + 600 * NS_PER_S).owner
        return (owner == "boat").sum(), (owner == "plane").sum()

    calm, rough, suppressed = seen(0), seen(5), seen(5, clutter_improvement_db=60.0)
    # A cell of 12 km x 1.5 degrees x 150 m sends back 1 m2 for each 2e-5 of reflectivity: -75 dB calm, -44 dB rough.
    assert calm == suppressed == (60, 60)
    assert rough == (0, 60)


def test_a_spoofed_report_is_no_transponder():
    ghost = local("ghost", [30e3, 60e3, 9e3], [0.0] * 3, cross_section_m2=0.0)
    assert not len(observe([ghost], transponder=True, reply_probability=1.0).owner)


def test_what_contradicts_itself_is_refused():
    for fields, what in (
        ({"primary": False}, "neither primary nor transponder"),
        ({"range_m_min": 5e5}, "range_m_min"),
        ({"elevation_deg_min": 50.0}, "elevation_deg_min"),
        ({"dead_sectors_deg": ((0.0, 200.0), (190.0, 359.9), (300.0, 10.0))}, "leave no azimuth"),
        ({"scan_time_s": 0.0}, "scan_time_s"),
    ):
        with pytest.raises(ValidationError, match=what):
            Observer(**fields)


def test_a_flight_is_seen_only_while_it_is_anywhere():
    short = local("a", [30e3, 60e3, 9e3], [0.0] * 3, seconds=100)
    assert len(observe([short]).owner) == 10
    assert math.isclose(len(observe([short], scan_time_s=1.0).owner), 100, abs_tol=1)
    assert Identity.absent(0).mode_3a.size == 0
