"""The impact benches: the bound is that of the research note's other program, and a forecast reaches it."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import impact_honesty
import impact_size
from impact_parts.scenes import NS, START_NS, information

from noroshi.warning.falling import fall_from
from noroshi.warning.forecast import ellipse


@pytest.fixture(scope="module")
def flight():
    return impact_size.flight(*impact_size.FLIGHTS["3,700 km / 800 km"])


# Source: research note of this project, section 3.3, by another program (two bodies): 52 x 38 and 7.2 x 5.6 km
@pytest.mark.parametrize(("after_s", "anchor_km"), [(20.0, (52.0, 38.0)), (60.0, (7.2, 5.6))])
def test_one_radar_leaves_what_the_note_says_and_the_forecast_no_more(flight, after_s, anchor_km):
    radar = impact_size.sensors(flight.burn_out_s)["radar"]
    at_s = flight.burn_out_s + after_s
    covariance = np.linalg.inv(information(flight, radar, flight.burn_out_s + np.arange(0.0, after_s + 1.0)))
    state = flight.states(np.array([at_s]))[0]
    free, slowed = (impact_size.axes_km(each) for each in impact_size.bounds(state, at_s, covariance))
    assert free == pytest.approx(anchor_km, rel=0.05)
    half = ellipse(fall_from(state, covariance, START_NS + round(at_s * NS)), 0.5)
    assert [half.major_m / 1e3, half.minor_m / 1e3] == pytest.approx(slowed, rel=0.04)
    assert half.holds(flight.lat_rad, flight.lon_rad)


def test_a_share_has_the_interval_that_scipy_gives():
    expected = binomtest(47, 100).proportion_ci(0.95, method="wilson")
    assert impact_honesty.wilson(47, 100) == pytest.approx((expected.low, expected.high), rel=1e-5)


def test_some_flights_run_through_the_bench():
    rows = [row for number in range(3) for row in (*impact_honesty.falls(number), *impact_honesty.glides(number))]
    assert {"early", "late", "lost"} <= {row[0] for row in rows}
    assert all(not row[1] or row[2] for row in rows)  # what is inside the smaller is inside the larger
