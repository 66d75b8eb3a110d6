"""Constellations: Walker's pattern, SGP4's own states, and Skyfield's axes."""

import numpy as np
import pytest
from pydantic import ValidationError
from skyfield.api import load
from skyfield.sgp4lib import TEME_to_ITRF

from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers import constellation
from noroshi.exercise.orbits import satrecs
from noroshi.geo.time import NS_PER_S, utc_ns_from_iso

START_NS = utc_ns_from_iso("2030-01-01T06:00:00Z")
DRAWS = Draws(1, 0, "c")


def fly(minutes=15, **fields):
    mover = constellation.Mover(**{"satellites": 24, "planes": 4, "inclination_deg": 60.0, **fields})
    return mover, mover.fly("c", START_NS, START_NS + minutes * 60 * NS_PER_S, DRAWS)


def test_satellites_are_named_plane_by_plane_and_stay_at_their_altitude():
    _, flights = fly(altitude_km=1_000.0)
    assert [flight.name for flight in flights] == [f"c-{n:02d}" for n in range(1, 25)]
    radii = np.array([np.linalg.norm(flight.state_ecef[:, :3], axis=1) for flight in flights])
    assert radii.mean() == pytest.approx(6_378_135.0 + 1_000e3, abs=8e3)  # J2's short periods are some kilometres
    assert np.ptp(radii) < 30e3


@pytest.mark.parametrize(("pattern", "span_deg"), [("delta", 360.0), ("star", 180.0)])
def test_nodes_and_phases_are_walkers(pattern, span_deg):
    mover = constellation.Mover(
        satellites=28, planes=4, phasing=2, inclination_deg=81.0, pattern=pattern, node_deg=10.0, first_deg=5.0
    )
    nodes, anomalies = np.degrees(mover.orbits().node_rad), np.degrees(mover.orbits().argument_rad)
    np.testing.assert_allclose(nodes.reshape(4, 7), np.tile(10.0 + np.arange(4)[:, None] * span_deg / 4, (1, 7)))
    anomalies = anomalies.reshape(4, 7)
    np.testing.assert_allclose((anomalies - anomalies[:, :1]) % 360.0, np.tile(np.arange(7) * 360.0 / 7, (4, 1)))
    np.testing.assert_allclose((anomalies[:, 0] - 5.0) % 360.0, np.arange(4) * 2 * 360.0 / 28)


def test_states_are_sgp4s_in_skyfields_axes():
    mover, flights = fly(altitude_km=800.0, phasing=1)
    satellite = satrecs(mover.orbits(), START_NS)[7]
    scale = load.timescale(builtin=True)
    for i in (0, 40, 90):
        time_ns = int(flights[7].time_ns[i])
        day, fraction = 2440587.5 + time_ns // (86_400 * NS_PER_S), time_ns % (86_400 * NS_PER_S) / (86_400 * NS_PER_S)
        wrong, position, velocity = satellite.sgp4(day, fraction)
        assert wrong == 0
        at = scale.ut1_jd(day + fraction)
        r, v = TEME_to_ITRF(at.whole + at.ut1_fraction, np.array(position), np.array(velocity) * 86_400.0)
        np.testing.assert_allclose(
            flights[7].state_ecef[i, :3], 1e3 * np.array(r), atol=20.0
        )  # of Julian dates in one number
        np.testing.assert_allclose(flights[7].state_ecef[i, 3:], 1e3 * np.array(v) / 86_400.0, atol=0.02)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"satellites": 25}, "do not fill"),
        ({"phasing": 4}, "not below planes"),
        ({"altitude_km": 100.0}, "greater than or equal to 250"),
        ({"inclination_deg": 190.0}, "less than or equal to 180"),
    ],
)
def test_numbers_that_make_no_walker_pattern_are_named(fields, words):
    with pytest.raises(ValidationError, match=words):
        fly(**fields)
