"""What an infrared satellite sees, case by case."""

from dataclasses import replace

import numpy as np
import pytest
from observer_scenes import START_NS, local, satellite, watch, world
from pydantic import ValidationError

from noroshi.exercise.observers.infrared import Observer
from noroshi.exercise.world import Weather
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.records import Quality
from noroshi.tracking.rewind import good, looks_in

HOT = {"heat_w_sr": 1e9, "number": None}
STEADY = {"attitude_bias_urad": 0.0, "attitude_wander_urad": 0.0, "false_lines_per_look": 0.0}


def observe(flights, carrier, *, weather=None, seconds=600, **fields):
    own = world([*flights, carrier], weather=weather or Weather())
    sighting = watch("infrared", own, carrier=carrier, **{**STEADY, **fields})
    seen = sighting.observe(START_NS, START_NS + seconds * NS_PER_S)
    return replace(seen, detections=good(seen.detections), owner=seen.owner[seen.detections.quality == Quality.GOOD])


def test_one_that_stares_at_all_of_its_field_tells_of_every_look():
    carrier, target = satellite(), local("hot", [0.0, 1e6, 20e3], [0.0, 1_000.0, 1_000.0], **HOT)
    own, until_ns = world([target, carrier]), START_NS + 600 * NS_PER_S
    for view_deg, n in ((0.0, 120), (20.0, 0)):
        looks = looks_in(
            watch("infrared", own, carrier=carrier, view_deg=view_deg).observe(START_NS, until_ns).detections
        )
        assert len(looks) == n
        assert np.isnan(looks.values).all()
        np.testing.assert_array_equal(looks.time_ns, START_NS + 5 * NS_PER_S * np.arange(n))
        np.testing.assert_allclose(looks.origin_ecef_m, carrier.at(looks.time_ns)[:, :3])


def test_a_line_points_from_the_satellite_to_the_target():
    carrier, target = satellite(), local("hot", [0.0, 1e6, 20e3], [0.0, 1_000.0, 1_000.0], **HOT)
    plots = observe([target], carrier, line_floor_urad=1e-3, pixel_urad=1e-3, off_nadir_deg_max=180.0).detections
    origin, there = carrier.at(plots.time_ns)[:, :3], target.at(plots.time_ns)[:, :3]
    line = (there - origin) / np.linalg.norm(there - origin, axis=1)[:, None]
    azimuth, elevation = plots.values.T
    said = np.stack([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)], 1)
    assert len(plots) == 120
    assert np.linalg.norm(said - line, axis=1).max() < 1e-8
    assert set(((plots.time_ns - START_NS) % (5 * NS_PER_S)).tolist()) == {0}


def test_a_climbing_target_is_seen_from_the_cloud_tops_on():
    carrier = satellite(height_m=2e6, speed_m_s=100.0)
    target = local("hot", [0.0, 0.0, -290.0], [0.0, 0.0, 100.0], **HOT)
    for top_m in (0.0, 8_000.0, 15_000.0):
        plots = observe([target], carrier, weather=Weather(cloud_top_m=top_m), revisit_s=1.0).detections
        height_m = geodetic_from_ecef(target.at(plots.time_ns)[:, :3])[2]
        assert top_m <= height_m.min() < top_m + 110.0
        assert len(plots) == 600 - int(np.searchsorted(np.arange(600) * 100.0 + 10.0, top_m))


def test_the_earth_hides_what_is_behind_it():
    carrier = satellite(height_m=800e3, speed_m_s=0.0)
    near = local("near", [1_000e3, 0.0, 20e3], [0.0] * 3, **HOT)
    # Beyond sqrt(2 x 6371 x 800) = 3,200 km the horizon of one at 800 km, at sea level.
    behind = local("behind", [5_000e3, 0.0, -1_900e3], [0.0] * 3, **HOT)
    assert geodetic_from_ecef(behind.state_ecef[:1, :3])[2][0] > 10e3
    plots = observe([near, behind], carrier, off_nadir_deg_max=180.0, weather=Weather(cloud_top_m=0.0))
    assert set(plots.owner.tolist()) == {"near"}


def test_what_lies_behind_a_line_sets_the_noise():
    own = Observer()
    carrier = satellite(height_m=1_000e3)
    origin = np.tile(carrier.state_ecef[0, :3], (4, 1))
    up = origin[0] / np.linalg.norm(origin[0])
    side = np.cross(up, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side)
    grazing = np.arcsin(6_371e3 / np.linalg.norm(origin[0]))
    angles = np.array([0.0, grazing - 0.02, grazing + 0.012, grazing + 0.06])
    line = -np.cos(angles)[:, None] * up + np.sin(angles)[:, None] * side
    expected = [own.noise_earth_w_m2, own.noise_earth_w_m2, own.noise_limb_w_m2, own.noise_sky_w_m2]
    np.testing.assert_array_equal(own.noise_w_m2(line, origin), expected)


def test_a_faint_target_shows_before_the_sky_and_not_before_the_earth():
    carrier = satellite(height_m=1_000e3, speed_m_s=0.0, east_m=0.0)
    own = Observer()
    heat = 8.0 * own.noise_sky_w_m2 * 2_500e3**2
    sky = local("sky", [2_300e3, 0.0, 800e3], [0.0] * 3, heat_w_sr=heat, number=None)
    earth = local("earth", [1_000e3, 0.0, 200e3], [0.0] * 3, heat_w_sr=heat / 4.0, number=None)
    plots = observe([sky, earth], carrier, off_nadir_deg_max=180.0)
    assert (plots.owner == "sky").sum() > 100
    assert (plots.owner == "earth").sum() < 10


def test_it_looks_within_its_field_of_view():
    carrier = satellite(height_m=1_000e3, speed_m_s=0.0, east_m=0.0)
    below = local("below", [50e3, 0.0, 50e3], [0.0] * 3, **HOT)
    aside = local("aside", [1_500e3, 0.0, 50e3], [0.0] * 3, **HOT)
    both = observe([below, aside], carrier)
    ring = observe([below, aside], carrier, off_nadir_deg_min=20.0)
    narrow = observe([below, aside], carrier, off_nadir_deg_max=20.0)
    assert set(both.owner.tolist()) == {"below", "aside"}
    assert set(ring.owner.tolist()) == {"aside"}
    assert set(narrow.owner.tolist()) == {"below"}


def test_cold_things_and_itself_are_not_seen():
    carrier = satellite()
    cold = local("cold", [0.0, 100e3, 50e3], [0.0] * 3, heat_w_sr=0.0)
    assert not len(observe([cold], carrier).owner)


def test_a_constant_attitude_error_stays_and_one_that_wanders_does_not():
    carrier = satellite(height_m=1_000e3, speed_m_s=0.0, east_m=0.0)
    target = local("hot", [100e3, 0.0, 50e3], [0.0] * 3, **HOT)
    fine = {"line_floor_urad": 1e-3, "pixel_urad": 1e-3}
    exact = observe([target], carrier, **fine).detections.values
    bias = observe([target], carrier, **fine, attitude_bias_urad=1_000.0).detections.values - exact
    wander = observe([target], carrier, **fine, attitude_wander_urad=1_000.0).detections.values - exact
    assert np.ptp(bias, axis=0).max() < 1e-7
    assert np.abs(bias).max() > 1e-4
    assert np.ptp(wander, axis=0).max() > 1e-4
    assert np.abs(np.diff(wander, axis=0)).max() < 1e-4


def test_a_field_of_view_that_is_none_is_refused():
    with pytest.raises(ValidationError, match="off_nadir_deg_min"):
        Observer(off_nadir_deg_min=80.0)
