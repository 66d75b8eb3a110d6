"""What an over-the-horizon radar sees, case by case."""

import numpy as np
import pytest
from observer_scenes import START_NS, flight, site, watch, world
from pydantic import ValidationError

import noroshi
from noroshi.exercise.observers.over_horizon_radar import Observer
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes_at

STRONG = {"reference_snr_db": 60.0, "swerling": 0, "false_plots_per_look": 0.0}


def at(name, lat_deg, lon_deg, *, height_m=9e3, speed=(0.0, 0.0, 0.0)):
    place = ecef_from_geodetic(np.radians(lat_deg), np.radians(lon_deg), height_m)
    return flight(name, place, np.asarray(speed) @ enu_axes_at(place[None])[0])


def observe(flights, **fields):
    own = watch("over_horizon_radar", world(flights), **{**STRONG, "range_rate_m_s_min": 0.0, **fields})
    return own.observe(START_NS, START_NS + 600 * NS_PER_S)


def test_it_sees_between_its_ranges_within_its_sector_and_below_space():
    flights = [
        at("near", 40.0, 140.0),
        at("seen", 50.0, 140.0),
        at("far", 66.0, 140.0),
        at("aside", 36.0, 160.0),
        at("space", 51.0, 141.0, height_m=500e3),
    ]
    assert set(observe(flights).owner.tolist()) == {"seen"}
    assert set(observe(flights, azimuth_deg_middle=90.0).owner.tolist()) == {"aside"}
    assert len(observe(flights).owner) == 20


def test_what_moves_across_drowns_in_clutter():
    across, along = at("across", 50.0, 140.0, speed=(200.0, 0.0, 0.0)), at("along", 51.0, 140.0, speed=(0.0, 50.0, 0.0))
    assert set(observe([across, along], range_rate_m_s_min=20.0).owner.tolist()) == {"along"}
    assert set(observe([across, along]).owner.tolist()) == {"across", "along"}


def test_the_ionosphere_moves_all_plots_of_a_time_together_and_slowly():
    flights = [at("a", 50.0, 140.0), at("b", 52.0, 145.0)]
    fine = {"range_sigma_m": 1e-3, "azimuth_sigma_deg": 1e-6}
    exact, off = observe(flights, ionosphere_sigma_m=0.0, **fine), observe(flights, **fine)
    change = (off.detections.values - exact.detections.values)[:, 0]
    a, b = change[off.owner == "a"], change[off.owner == "b"]
    np.testing.assert_allclose(a, b, atol=0.1)
    assert np.ptp(a) > 1_000.0
    assert np.abs(np.diff(a)).max() < 6_000.0


def test_echoes_of_one_cell_are_one_plot():
    flights = [at("a", 50.0, 140.0), at("b", 50.05, 140.05)]
    assert len(observe(flights).owner) < 30
    assert len(observe(flights, merges=False).owner) == 40


def test_false_plots_lie_in_the_sector():
    values = observe([], false_plots_per_look=100.0, azimuth_deg_middle=350.0, ionosphere_sigma_m=0.0).detections.values
    off = (np.degrees(values[:, 1]) - 350.0 + 180.0) % 360.0 - 180.0
    assert np.abs(off).max() <= 45.0
    assert values[:, 0].min() >= 900e3
    assert values[:, 0].max() <= 3_000e3


def test_its_plots_are_tracked():
    """Range 8 km and azimuth 0.4 degrees of one plot become a few kilometres, but for what the ionosphere shares."""
    flights = [at("a", 50.0, 135.0, speed=(-80.0, -210.0, 0.0)), at("b", 52.0, 142.0, speed=(40.0, -200.0, 0.0))]
    sighting = observe(flights, revisit_s=10.0, ionosphere_sigma_m=0.0)
    tracks = noroshi.track(
        [sighting.detections], [site("over_horizon_radar", range_sigma_m=8_000.0)],
        tracker="nearest_neighbour", period_s=10.0,
    ).tracks  # fmt: skip
    late = tracks.time_ns > START_NS + 300 * NS_PER_S
    assert len(np.unique(tracks.track_id)) == 2
    for one in flights:
        error_m = np.linalg.norm(one.at(tracks.time_ns[late])[:, :3] - tracks.state_ecef[late, :3], axis=1)
        nearest = np.sort(error_m)[: late.sum() // 2]
        assert nearest.max() < 15e3
        assert np.median(nearest) < 6e3


def test_ranges_that_are_none_are_refused():
    with pytest.raises(ValidationError, match="range_m_min"):
        Observer(range_m_min=4e6)
