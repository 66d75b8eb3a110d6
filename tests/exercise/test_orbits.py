import math

import numpy as np
import pytest
from sgp4.api import WGS72, Satrec, SatrecArray
from skyfield.api import EarthSatellite, load
from skyfield.framelib import itrs

from noroshi.exercise.orbits import (
    DELTA_SPAN_RAD,
    STAR_SPAN_RAD,
    circles,
    kozai_rad_min,
    positions,
    satellites,
    states,
    together,
    walker,
)
from noroshi.geo.inertial import ecef_from_teme
from noroshi.geo.time import S_PER_DAY, julian_date_from_utc_ns
from noroshi.geo.wgs84 import SEMI_MAJOR_AXIS_M

NS = 10**9
EPOCH_NS = 1_893_456_000 * NS  # 2030-01-01


def test_walker_of_the_literature():
    # Walker's notation 24/3/1 as Galileo's: planes 120 degrees apart, 45 degrees in a plane, 15 degrees between planes.
    orbits = walker(24, 3, 1, inclination_rad=math.radians(56), altitude_m=23_222_000.0)
    assert np.degrees(orbits.node_rad[::8]) == pytest.approx([0, 120, 240])
    assert np.degrees(orbits.argument_rad[:8]) == pytest.approx(np.arange(8) * 45)
    assert np.degrees(orbits.argument_rad[::8]) == pytest.approx([0, 15, 30])
    assert orbits.period_s[0] == pytest.approx(14.08 * 3600, rel=1e-3)  # ESA: 14 h 4 min 45 s
    star = walker(24, 3, 1, inclination_rad=1.4, altitude_m=1e6, node_span_rad=STAR_SPAN_RAD)
    assert np.degrees(star.node_rad[::8]) == pytest.approx([0, 60, 120])


def test_what_does_not_fill_its_planes_is_refused():
    with pytest.raises(ValueError, match="multiple"):
        walker(10, 3, 0, inclination_rad=1.0, altitude_m=1e6)


def test_together_keeps_planes_apart():
    one = walker(4, 2, 0, inclination_rad=1.0, altitude_m=1e6)
    both = together([one, one])
    assert both.plane.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_kozai_motion_is_what_sgp4_turns_back_into_the_axis():
    inclination = np.radians(np.linspace(0, 180, 19))
    radius = np.linspace(SEMI_MAJOR_AXIS_M + 3e5, SEMI_MAJOR_AXIS_M + 2e6, 19)
    for tilt, motion, want in zip(inclination, kozai_rad_min(radius, inclination), radius, strict=True):
        record = Satrec()
        record.sgp4init(WGS72, "i", 1, 29_220.0, 0.0, 0.0, 0.0, 0.0, 0.0, tilt, 0.0, motion, 0.0)
        assert record.a * record.radiusearthkm * 1000.0 == pytest.approx(want, abs=1e-3)


def test_sgp4_stays_beside_the_circle_for_a_day():
    orbits = walker(6, 3, 1, inclination_rad=math.radians(60), altitude_m=1e6, node_span_rad=DELTA_SPAN_RAD)
    time_ns = EPOCH_NS + np.arange(0, S_PER_DAY + 1, 600) * NS
    radius = np.linalg.norm(positions(satellites(orbits, EPOCH_NS), time_ns), axis=2)
    assert np.abs(radius - orbits.radius_m[:, None]).max() < 12_000.0
    position = positions(satellites(orbits, EPOCH_NS), time_ns[:1])[:, 0]
    at_epoch = ecef_from_teme(circles(orbits, np.zeros(1))[0], int(EPOCH_NS))
    assert np.linalg.norm(position - at_epoch, axis=1).max() < 25_000.0  # short-period terms of J2


def test_states_are_those_of_sgp4_in_earth_fixed_axes():
    orbits = walker(4, 2, 1, inclination_rad=1.4, altitude_m=1e6)
    records = satellites(orbits, EPOCH_NS)
    time_ns = EPOCH_NS + np.array([0, 1, 5_000, 80_000]) * NS
    error, r_km, v_km_s = records.sgp4(*julian_date_from_utc_ns(time_ns))
    assert not error.any()
    expected = ecef_from_teme(np.concatenate([r_km, v_km_s], axis=2) * 1000.0, time_ns)
    assert states(records, time_ns) == pytest.approx(expected, abs=1e-6)
    assert positions(records, time_ns) == pytest.approx(expected[..., :3], abs=1e-6)


def test_positions_are_those_of_skyfield():
    orbits = walker(3, 3, 1, inclination_rad=1.4, altitude_m=1e6)
    scale = load.timescale(builtin=True)
    time_ns = EPOCH_NS + np.array([0, 3_000, 40_000]) * NS
    for number, record in enumerate(satellites_one_by_one(orbits)):
        for i, at in enumerate(time_ns):
            when = scale.utc(2030, 1, 1, 0, 0, (at - EPOCH_NS) / NS)
            theirs = EarthSatellite.from_satrec(record, scale).at(when).frame_xyz(itrs).m
            ours = positions(SatrecArray([record]), time_ns[i : i + 1])[0, 0]
            # Skyfield knows UT1: up to a second's turn of the Earth lies between.
            assert np.linalg.norm(ours - theirs) < 7_400_000 * 7.3e-5 * 1.0, number
            assert np.linalg.norm(ours) == pytest.approx(np.linalg.norm(theirs), abs=1.0)


def satellites_one_by_one(orbits):
    motion = kozai_rad_min(orbits.radius_m, orbits.inclination_rad)
    for i in range(len(orbits)):
        record = Satrec()
        day = EPOCH_NS / NS / S_PER_DAY + 2440587.5 - 2433281.5
        tilt, node = orbits.inclination_rad[i], orbits.node_rad[i]
        record.sgp4init(WGS72, "i", 1, day, 0.0, 0.0, 0.0, 0.0, 0.0, tilt, orbits.argument_rad[i], motion[i], node)
        yield record
