"""How thick false plots and new targets are about a plot: counted in Cartesian boxes, beside what is believed."""

import dataclasses
import math

import numpy as np
import pytest

from noroshi.geo.wgs84 import ecef_from_enu
from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.constant_velocity import Motion as Steady
from noroshi.records import Detections, SensorSite
from noroshi.sensors.prepare import arrange
from noroshi.sensors.rows import LOG_VOLUME, form_of
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.bank import Bank

REACH_M, N = 400e3, 4_000_000
SITE = SensorSite(
    sensor="s", type="search_radar", lat_rad=0.7, lon_rad=0.2, height_m=0.0, parameters={"range_m_max": REACH_M}
)
SENSOR = Sensor.at(SITE)


def form_at(range_m: float, elevation_rad: float, azimuth_rad: float = 1.0, sensor: Sensor = SENSOR) -> np.ndarray:
    """Return the form of a plot with this elevation; NaN is one that tells no height."""
    plots = Detections.of(
        sensor="s", components=sensor.COMPONENTS, time_ns=np.zeros(1, np.int64),
        values=np.array([[range_m, azimuth_rad, elevation_rad, np.nan, np.nan]]),
    )  # fmt: skip
    return form_of(sensor, arrange(plots.replace(origin_ecef_m=sensor.origin_ecef_m[None]), sensor))


@pytest.fixture(scope="module")
def false_enu_m() -> np.ndarray:
    """Return false plots, even over the area: half from the horizon to the zenith, half in the air below 13 km."""
    rng = np.random.default_rng(20301)
    range_m = REACH_M * np.sqrt(rng.uniform(size=N))
    azimuth, elevation = rng.uniform(0.0, 2.0 * math.pi, N), rng.uniform(0.0, math.pi / 2.0, N)
    is_low = np.arange(N) < N // 2
    level = np.where(is_low, range_m, range_m * np.cos(elevation))
    low_m = rng.uniform(0.0, 13e3, N) - range_m**2 / (2.0 * 6.371e6)  # the ground falls away under the horizontal
    up = np.where(is_low, low_m, range_m * np.sin(elevation))
    return np.stack([level * np.sin(azimuth), level * np.cos(azimuth), up], axis=1)


def place(range_m: float, elevation_rad: float, azimuth_rad: float = 1.0) -> np.ndarray:
    level = range_m * math.cos(elevation_rad)
    return np.array([level * math.sin(azimuth_rad), level * math.cos(azimuth_rad), range_m * math.sin(elevation_rad)])


@pytest.mark.parametrize("range_m", [100e3, 200e3, 350e3])
@pytest.mark.parametrize("elevation_deg", [15.0, 35.0, 60.0])
def test_false_plots_fill_the_fan_of_a_radar_that_measures_elevation(false_enu_m, range_m, elevation_deg):
    elevation = math.radians(elevation_deg)
    half_m = 0.08 * range_m
    found = int((np.abs(false_enu_m - place(range_m, elevation)) < half_m).all(axis=1).sum())
    believed = N * (2.0 * half_m) ** 3 / math.exp(form_at(range_m, elevation)[0, LOG_VOLUME])
    assert found > 50
    assert abs(found - believed) < 4.0 * math.sqrt(believed) + 0.03 * believed  # the density bends over a box


@pytest.mark.parametrize(("range_m", "elevation_deg"), [(50e3, 5.0), (100e3, 2.0), (200e3, 0.5)])
def test_false_plots_are_thicker_in_the_air_that_weather_and_birds_are_in(false_enu_m, range_m, elevation_deg):
    elevation, half = math.radians(elevation_deg), np.array([8e3, 8e3, 2e3])
    found = int((np.abs(false_enu_m - place(range_m, elevation)) < half).all(axis=1).sum())
    believed = N * float(np.prod(2.0 * half)) / math.exp(form_at(range_m, elevation)[0, LOG_VOLUME])
    assert found > 50
    assert abs(found - believed) < 4.0 * math.sqrt(believed) + 0.05 * believed


@pytest.mark.parametrize("range_m", [100e3, 350e3])
def test_false_plots_of_a_radar_without_heights_are_even_over_the_area(false_enu_m, range_m):
    turned = np.arctan2(false_enu_m[:, 0], false_enu_m[:, 1])
    slant = np.linalg.norm(false_enu_m, axis=1)
    flat = np.stack([slant * np.sin(turned), slant * np.cos(turned)], axis=1)
    found = int((np.abs(flat - place(range_m, 0.0)[:2]) < 10e3).all(axis=1).sum())
    believed = N * (20e3) ** 2 / math.exp(form_at(range_m, math.nan)[0, LOG_VOLUME])
    assert abs(found - believed) < 4.0 * math.sqrt(believed)


def test_new_targets_beside_false_plots_are_as_many_as_counted_at_each_height(false_enu_m):
    """One new target for one false plot: aircraft in the air of traffic, and what falls from far above."""
    bank, rng = Bank([Steady.of(), Ballistic.of()], [120.0, 20.0]), np.random.default_rng(20302)
    share = Ballistic.STARTS.share
    is_fast = np.arange(N) < N // 2  # as many as there are of the others, and each counts so much less
    count = np.where(is_fast, 2.0 * share, 2.0 * (1.0 - share))
    height_m = np.where(is_fast, Ballistic.STARTS.height_m, 13e3)
    # Even up to that height, a fifth of all in the tail above it.
    is_even, tail = rng.uniform(size=N) < 0.8, 1.0 + rng.exponential(0.25, N)
    up = height_m * np.where(is_even, rng.uniform(size=N), tail)
    ground, turned = REACH_M * np.sqrt(rng.uniform(size=N)), rng.uniform(0.0, 2.0 * math.pi, N)
    # The Earth is flat for the boxes: they are laid at the heights above ground of the plots, not of the horizontal.
    new = np.stack([ground * np.sin(turned), ground * np.cos(turned), up], axis=1)
    for range_m, elevation_deg, half_up_m in ((150e3, 1.5, 3e3), (200e3, 45.0, 20e3), (300e3, 30.0, 20e3)):
        elevation = math.radians(elevation_deg)
        form = form_at(range_m, elevation)
        at = place(range_m, elevation)
        half = np.array([20e3, 20e3, half_up_m])
        near = (np.abs(false_enu_m - at) < half).all(axis=1).sum()
        own = at + np.array([0.0, 0.0, np.hypot(at[0], at[1]) ** 2 / (2.0 * 6.371e6)])
        born = (np.abs(new - own) < half).all(axis=1)
        many, by_model = bank.newness(form)
        assert born @ count / near == pytest.approx(many[0], rel=0.15)
        if elevation_deg > 10.0:
            assert born[~is_fast].sum() == 0
            assert by_model[0, 1] > 0.9  # the rest is what nobody thought of (`bank.ANYWHERE`)
        else:
            assert by_model[0, 1] == pytest.approx((born & is_fast) @ count / (born @ count), rel=0.3)
        np.testing.assert_allclose(by_model.sum(axis=1), 1.0)
    flat, shares = bank.newness(form_at(200e3, math.nan))
    assert flat[0] == 1.0
    np.testing.assert_allclose(shares[0], [1.0 - share, share])


@pytest.mark.parametrize(("range_m", "elevation_deg"), [(60e3, 16.0), (100e3, 15.0), (200e3, 12.0)])
def test_false_plots_end_where_the_radar_is_said_to_look_no_higher(range_m, elevation_deg):
    """Those even in elevation are then the thicker, up to the bound."""
    rng, bound = np.random.default_rng(20303), math.radians(20.0)
    slant, azimuth = REACH_M * np.sqrt(rng.uniform(size=N)), rng.uniform(0.0, 2.0 * math.pi, N)
    up = rng.uniform(0.0, bound, N)
    level = slant * np.cos(up)
    enu = np.stack([level * np.sin(azimuth), level * np.cos(azimuth), slant * np.sin(up)], axis=1)
    half = np.array([0.1, 0.1, 0.02]) * range_m
    found = int((np.abs(enu - place(range_m, math.radians(elevation_deg))) < half).all(axis=1).sum())
    told = Sensor.at(dataclasses.replace(SITE, parameters={"range_m_max": REACH_M, "elevation_rad_max": bound}))
    # Half of the plots are of this sort: of those in the air below there are none here.
    believed = (
        2.0
        * N
        * float(np.prod(2.0 * half))
        / math.exp(form_at(range_m, math.radians(elevation_deg), sensor=told)[0, LOG_VOLUME])
    )
    assert found > 50
    assert abs(found - believed) < 4.0 * math.sqrt(believed) + 0.05 * believed


def test_a_radar_sees_no_higher_than_it_is_said_to_look():
    told = Sensor.at(dataclasses.replace(SITE, parameters={"elevation_rad_max": math.radians(20.0)}))
    origin = told.origin_ecef_m[None]
    enu = np.array([place(50e3, math.radians(each)) for each in (19.9, 20.1)])
    states = np.hstack([ecef_from_enu(enu, np.tile(origin, (2, 1))), np.zeros((2, 3))])
    assert (told.detection_probability(states, np.tile(origin, (2, 1))) > 0.0).tolist() == [True, False]
    with pytest.raises(ValueError, match="elevation_rad_max"):
        Sensor.at(dataclasses.replace(SITE, parameters={"elevation_rad_max": 20.0}))
