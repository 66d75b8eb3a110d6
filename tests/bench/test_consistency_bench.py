"""The consistency bench: its judgement, its truth, and two of its cells."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from noroshi.geo.gravity import fall

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import consistency
from consistency_parts import truths


def test_holm_is_that_of_the_paper():
    # Holm (1979), section 3: the smallest p-value is held to 0.05 / 5, the next to 0.05 / 4, and where one is kept all
    # larger ones are: 0.005 and 0.01 fall, 0.02 is above 0.05 / 3.
    family = [{"p": p, "value": 2.0} for p in (0.01, 0.02, 0.03, 0.04, 0.005)]
    consistency.holm(family)
    assert [each["inside"] for each in family] == ["high", "yes", "yes", "yes", "high"]


@pytest.mark.parametrize("name", ["constant_velocity, infrared, 1,000 km", "ballistic, radar, 1,000 km"])
def test_shipped_filters_are_consistent_with_their_own_models(name):
    cell = next(cell for cell in consistency.cells() if cell.name == name)
    found = consistency.run(cell, 60, 5, "matched")
    assert found["nees"]["p"] > 0.001
    assert found["nis"]["p"] > 0.001


def test_another_integrator_and_gravity_agree_where_nothing_is_richer():
    start = np.array([[6.9e6, 1e5, 2e5, -500.0, 4_000.0, 3_000.0, 50.0]])
    times = np.array([0.0, 60.0])
    ours = truths.falling(start, times, np.random.default_rng(1))[-1, 0]

    def rate(_, x):
        slope, by_state = np.zeros(6), np.zeros((6, 6))
        fall(x, slope, by_state)
        return slope

    theirs = solve_ivp(rate, (0.0, 60.0), start[0, :6], rtol=1e-10, atol=1e-6).y[:, -1]
    np.testing.assert_allclose(ours[:3], theirs[:3], rtol=0, atol=1.0)  # J3 and J4: 1e-5 m/s2 times 60^2 / 2
