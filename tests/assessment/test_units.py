"""Units that numbers contradict are told, and those of sound recordings are left alone."""

import numpy as np
import pytest

from noroshi.assessment.units import height_unit, range_and_height_units, speed_unit
from noroshi.records import Detections, Identity

NS, START_NS = 10**9, 1_700_000_000 * 10**9


def reports(seed, factor, speed_m_s=(3.0, 250.0), noise_m=20.0, every_s=5.0):
    """Return what 8 senders say in five minutes, some slow and some fast, with velocities times a factor."""
    rng = np.random.default_rng(seed)
    n, times = 8, np.arange(0.0, 300.0, every_s)
    heading, speed = rng.uniform(0.0, 2.0 * np.pi, n), np.geomspace(*speed_m_s, n)
    velocity = speed[:, None] * np.column_stack([np.sin(heading), np.cos(heading)])
    east_north = velocity[None] * times[:, None, None] + rng.normal(size=(len(times), n, 2)) * noise_m
    lat = 0.8 + east_north[..., 1] / 6.37e6
    lon = 0.1 + east_north[..., 0] / 6.39e6 / np.cos(0.8)
    said = factor * np.broadcast_to(velocity, (len(times), n, 2))
    return Detections.of(
        sensor="adsb",
        components=("lat_rad", "lon_rad", "velocity_east_m_s", "velocity_north_m_s"),
        time_ns=START_NS + (np.repeat(times, n) * NS).astype(np.int64),
        values=np.column_stack([lat.ravel(), lon.ravel(), said[..., 0].ravel(), said[..., 1].ravel()]),
        identity=Identity.absent(len(times) * n).replace(icao_address=np.tile(np.arange(n) + 1, len(times))),
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("unit", "factor"), [("knots", 1.943844), ("km/h", 3.6), ("ft/s", 3.28084), (None, 1.0)])
def test_speeds_are_held_against_the_ways_flown(seed, unit, factor):
    assert speed_unit(reports(seed, factor, speed_m_s=(60.0, 250.0))) == unit
    assert speed_unit(reports(seed, factor, speed_m_s=(4.0, 12.0), every_s=10.0)) == unit  # ships
    assert speed_unit(reports(seed, factor).replace(identity=Identity.absent(480))) is None


def test_what_is_wrong_otherwise_is_no_unit():
    rng = np.random.default_rng(3)
    sound = reports(1, 1.0, speed_m_s=(60.0, 250.0))
    values = sound.values.copy()
    values[:, 2:] *= rng.uniform(0.5, 4.0, (len(values), 1))
    assert speed_unit(sound.replace(values=values)) is None


@pytest.mark.parametrize("seed", range(8))
def test_heights_in_feet_are_told_by_where_and_in_which_steps_they_lie(seed):
    rng = np.random.default_rng(seed)
    feet = 25.0 * rng.integers(400, 1_560, 300)
    assert height_unit(feet) == "feet"
    assert height_unit(0.3048 * feet) is None
    assert height_unit(np.round(rng.uniform(0.0, 60e3, 300))) is None  # what falls
    assert height_unit(25.0 * rng.integers(0, 4_000, 300)) is None  # to 100 km
    assert height_unit(25.0 * rng.integers(40, 480, 300)) is None  # in steps, and in the sky
    assert height_unit(np.full(300, np.nan)) is None


@pytest.mark.parametrize("seed", range(8))
def test_nothing_is_higher_than_far(seed):
    rng = np.random.default_rng(seed)
    height_m = 0.3048 * 25.0 * rng.integers(200, 1_560, 300)
    range_m = np.hypot(height_m, rng.uniform(1e3, 200e3, 300))
    assert range_and_height_units(range_m, height_m, 100.0) is None
    assert range_and_height_units(range_m / 1852.0, height_m, 100.0) == ("nautical miles", "metres")
    assert range_and_height_units(range_m / 1852.0, height_m / 0.3048, 100.0) == ("nautical miles", "feet")
    assert range_and_height_units(np.full(300, 1.0), height_m, 100.0) == ("", "")
    assert range_and_height_units(range_m, np.full(300, np.nan), 100.0) is None


@pytest.mark.parametrize("share", [0.0, 0.03, 0.1])
@pytest.mark.parametrize("seed", range(300, 340))
def test_garbled_heights_at_short_range_change_no_verdict(seed, share):
    rng = np.random.default_rng(seed)
    along_m = rng.uniform(1e3, 20e3, 500)
    height_m = np.minimum(rng.uniform(300.0, 12e3, 500), 1.2 * along_m)
    range_m = np.hypot(along_m, height_m)
    height_m = np.where(
        rng.random(500) < share, 30.48 * rng.integers(0, 1_267, 500), height_m
    )  # all that Mode C can say
    assert range_and_height_units(range_m, height_m, 100.0) is None
    if share == 0.1:  # then a wrong unit is told still, but not always which
        return
    assert range_and_height_units(range_m, height_m / 0.3048, 100.0) == ("metres", "feet")
    assert range_and_height_units(range_m / 1852.0, height_m, 100.0) == ("nautical miles", "metres")
    assert range_and_height_units(range_m / 1852.0, height_m / 0.3048, 100.0) == ("nautical miles", "feet")


@pytest.mark.parametrize("seed", range(340, 360))
@pytest.mark.parametrize("site_m", [0.0, 800.0, 3_000.0])
@pytest.mark.parametrize("reach_m", [20e3, 200e3])
def test_a_radar_of_unknown_height_may_stand_high(seed, site_m, reach_m):
    """Metres are left alone, other units told truly or not at all; where the height is known they are told."""
    rng = np.random.default_rng(seed)
    along_m = rng.uniform(1e3, reach_m, 500)
    above_m = np.minimum(rng.uniform(300.0, 12e3, 500), 1.2 * along_m)
    range_m, height_m = np.hypot(along_m, above_m), site_m + above_m
    assert range_and_height_units(range_m, height_m, np.nan) is None
    for unit, factor in (("metres", 1.0), ("nautical miles", 1852.0)):
        for height_unit_, height_factor in (("metres", 1.0), ("feet", 0.3048)):
            if (factor, height_factor) == (1.0, 1.0):
                continue
            said = range_m / factor, height_m / height_factor
            assert range_and_height_units(*said, site_m) == (unit, height_unit_)
            told = range_and_height_units(*said, np.nan)
            assert told in {(unit, height_unit_), ("", "")}
            assert site_m > 800.0 or told == (unit, height_unit_)


@pytest.mark.parametrize("seed", range(300, 320))
def test_garbled_heights_hide_no_feet(seed):
    rng = np.random.default_rng(seed)
    feet = 25.0 * rng.integers(640, 1_560, 500)
    assert height_unit(np.where(rng.random(500) < 0.03, 100.0 * rng.integers(0, 1_267, 500), feet)) == "feet"
