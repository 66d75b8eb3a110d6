"""The over-the-horizon radar far away, where it is at home."""

import dataclasses
import math

import numpy as np
import pyproj
import pytest

from noroshi.geo.wgs84 import ecef_from_geodetic, geodetic_from_ecef
from noroshi.records import Detections, Identity, Quality, SensorSite
from noroshi.sensors.over_horizon_radar import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.sensors.rows import LOG_VOLUME, form_of

SITE = SensorSite(
    sensor="one", type="over_horizon_radar", lat_rad=math.radians(-23.0), lon_rad=math.radians(144.0), height_m=200.0
)
GEOD = pyproj.Geod(ellps="WGS84")


def far(n=200, seed=3):
    rng = np.random.default_rng(seed)
    bearing, distance = rng.uniform(0.0, 360.0, n), rng.uniform(900e3, 3_000e3, n)
    lon, lat, _ = GEOD.fwd(np.full(n, 144.0), np.full(n, -23.0), bearing, distance)
    place = ecef_from_geodetic(np.radians(lat), np.radians(lon), rng.uniform(0.0, 12e3, n))
    return np.hstack([place, np.zeros((n, 3))]), bearing, distance


def test_it_measures_the_geodesic_to_a_quarter_per_cent_and_its_bearing():
    sensor, (states, bearing, distance) = Sensor.at(SITE), far()
    ground_range_m, azimuth = sensor.measure(states, np.tile(sensor.origin_ecef_m, (200, 1))).T
    assert np.abs(ground_range_m / distance - 1.0).max() < 2.5e-3
    off = (np.degrees(azimuth) - bearing + 180.0) % 360.0 - 180.0
    assert np.abs(off).max() < 0.01


def test_a_plot_puts_its_target_where_it_measured_it_at_the_height_of_the_prior():
    sensor, (states, _, _) = Sensor.at(SITE), far()
    origin = np.tile(sensor.origin_ecef_m, (200, 1))
    values = sensor.measure(states, origin)
    found, covariance = sensor.locate(values, sensor.noise(values), origin)
    np.testing.assert_allclose(sensor.measure(found, origin), values, rtol=1e-9)
    np.testing.assert_allclose(geodetic_from_ecef(found[:, :3])[2], 8_000.0, atol=0.01)
    # The covariance is that of plots scattered about the measured values.
    rng = np.random.default_rng(0)
    scattered = values[:1] + rng.normal(size=(20_000, 2)) * np.sqrt(np.diag(sensor.noise(values)[0]))
    places, _ = sensor.locate(scattered, sensor.noise(scattered), np.tile(origin[:1], (20_000, 1)))
    spread = np.cov(places[:, :3].T)
    horizontal = covariance[0, :3, :3]
    up = found[0, :3] / np.linalg.norm(found[0, :3])
    horizontal = horizontal - 5_000.0**2 * np.outer(up, up)
    np.testing.assert_allclose(np.trace(spread), np.trace(horizontal), rtol=0.04)


def test_it_sees_within_its_sector_and_ranges():
    site = dataclasses.replace(SITE, parameters={"azimuth_middle_rad": 6.0, "azimuth_width_rad": 1.0})
    sensor, (states, bearing, distance) = Sensor.at(site), far()
    chance = sensor.detection_probability(states, np.tile(sensor.origin_ecef_m, (200, 1)))
    off = np.abs((np.radians(bearing) - 6.0 + np.pi) % (2 * np.pi) - np.pi)
    clear = (np.abs(off - 0.5) > 0.01) & (np.abs(distance - 1.95e6) < 1e6)
    np.testing.assert_array_equal(chance[clear], np.where(off < 0.5, 0.7, 0.0)[clear])


@pytest.mark.parametrize(
    ("parameters", "what"),
    [({"range_m_min": 4e6}, "range_m_min"), ({"azimuth_width_rad": 7.0}, "azimuth_width_rad")],
)
def test_what_makes_no_sense_is_refused(parameters, what):
    with pytest.raises(ValueError, match=what):
        Sensor.at(dataclasses.replace(SITE, parameters=parameters))


def test_false_plots_fill_what_it_sees_and_no_more():
    """The density that `room` says, over the sector, against a count of draws that are even over its ground."""
    own = Sensor.at(SITE)
    p = own.parameters
    range_m = np.linspace(p["range_m_min"], p["range_m_max"], 100_001)
    density = p["azimuth_width_rad"] / own.room(np.column_stack([range_m, np.zeros_like(range_m)]))
    assert np.trapezoid(density, range_m) == pytest.approx(1.0, abs=1e-6)
    drawn = np.sqrt(np.random.default_rng(3).uniform(p["range_m_min"] ** 2, p["range_m_max"] ** 2, 400_000))
    for low, high in ((0.9e6, 1.2e6), (1.5e6, 1.6e6), (2.6e6, 3.0e6)):
        some = (range_m >= low) & (range_m <= high)
        share = np.trapezoid(density[some], range_m[some])
        assert np.mean((drawn >= low) & (drawn <= high)) == pytest.approx(share, rel=0.02)


def test_a_plot_is_weighed_against_false_ones_where_it_is():
    own = Sensor.at(SITE)
    plots = Detections(
        sensor="one",
        components=Sensor.COMPONENTS,
        time_ns=np.zeros(2, np.int64),
        received_ns=np.zeros(2, np.int64),
        values=np.array([[1e6, 0.1], [2.5e6, -0.3]]),
        covariances=np.full((2, 2, 2), np.nan),
        origin_ecef_m=np.full((2, 3), np.nan),
        identity=Identity.absent(2),
        quality=np.full(2, Quality.GOOD, np.uint8),
    )
    # 6.4 million km2 of a quarter of a ring; a plot covers 10 km by half a degree.
    cells = math.pi / 4.0 * (3e6**2 - 0.9e6**2) / (10e3 * plots.values[:, 0] * math.radians(0.5))
    np.testing.assert_allclose(form_of(own, arrange(plots, own))[:, LOG_VOLUME], np.log(cells))
