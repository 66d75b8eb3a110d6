"""Numbers left to chance: distributions as they say, drawn by name."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy.stats import kstest, norm, uniform

from noroshi.exercise.fields import Normal, Spread, Transponder, Uniform, drawn
from noroshi.exercise.keyed import Draws

SPREAD = TypeAdapter(Spread)


def many(spread):
    return np.array([drawn(spread, Draws(1, replicate, "x"), "p") for replicate in range(2_000)])


def test_draws_follow_their_distribution():
    assert kstest(many(Uniform(low=2.0, high=5.0)), uniform(2.0, 3.0).cdf).pvalue > 0.001
    assert kstest(many(Normal(mean=10.0, sigma=2.0)), norm(10.0, 2.0).cdf).pvalue > 0.001
    assert np.abs(many(Normal(mean=0.0, sigma=1.0))).max() <= 3.0
    assert (many(7.5) == 7.5).all()


def test_a_number_or_a_table_is_read():
    assert SPREAD.validate_python(140) == 140.0
    assert SPREAD.validate_python({"mean": 140, "sigma": 10}) == Normal(mean=140.0, sigma=10.0)
    assert SPREAD.validate_python({"low": 1, "high": 2}) == Uniform(low=1.0, high=2.0)
    for wrong in ({"low": 2, "high": 1}, {"mean": 1}, {"mean": 1, "sigma": -1}, "long"):
        with pytest.raises(ValidationError):
            SPREAD.validate_python(wrong)


def test_other_purposes_and_entities_draw_other_numbers():
    one = drawn(Uniform(low=0.0, high=1.0), Draws(1, 0, "x"), "p")
    assert one == drawn(Uniform(low=0.0, high=1.0), Draws(1, 0, "x"), "p")
    assert one != drawn(Uniform(low=0.0, high=1.0), Draws(1, 0, "x"), "q")
    assert one != drawn(Uniform(low=0.0, high=1.0), Draws(1, 0, "y"), "p")


def test_a_transponder_says_what_it_was_given():
    said = Transponder(icao_address="84ABCD", mode_3a="7700", call_sign="jal1").identity()
    assert (said.icao_address[0], said.mode_3a[0], said.mmsi[0], said.call_sign[0]) == (0x84ABCD, 0o7700, -1, "JAL1")
    with pytest.raises(ValidationError):
        Transponder(mode_3a="7780")
