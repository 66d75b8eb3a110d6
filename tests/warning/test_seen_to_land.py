"""A threat that was measured until shortly before it came down is down once all that it could do is over."""

from dataclasses import replace

import numpy as np
import pytest
from test_boosting_forecast import COVARIANCE, START_NS
from test_warner import flight

from noroshi.geo.time import NS_PER_S
from noroshi.records import Kind, Stage
from noroshi.warning.boosting import LONGEST_S, boost_from
from noroshi.warning.following import DOWN_NS, SEEN_TO_LAND_NS, Following
from noroshi.warning.forecast import ending

KINDS = np.eye(len(Kind))[Kind.BALLISTIC]


def followed(before_end_s: float) -> Following:
    """Return a falling threat that was last measured so long before its end."""
    at_ns = int(flight().time_ns[-1]) - round(before_end_s * NS_PER_S)
    state = flight().at(np.array([at_ns]))[0, :6]
    one = Following(7, 7, at_ns, at_ns, state, COVARIANCE, KINDS, Stage.WILL_LAND, at_ns)
    assert one.look_ahead(at_ns, is_lost=False)
    return one


def over_ns(one: Following) -> int:
    assert one.forecast is not None
    return int(one.forecast.end_ns.max())


@pytest.mark.parametrize("before_end_s", [1.0, 3.0, 10.0])
def test_it_is_down_some_seconds_after_the_last_way_has_ended_and_not_before(before_end_s: float) -> None:
    one = followed(before_end_s)
    last_ns = max(over_ns(one), one.updated_ns)
    assert last_ns > int(flight().time_ns[-1])
    assert not one.is_down(last_ns + DOWN_NS - 1)
    assert one.is_down(last_ns + DOWN_NS)


def test_a_measurement_after_its_end_says_that_it_is_not_down() -> None:
    one = followed(3.0)
    late_ns = over_ns(one) + DOWN_NS
    one.see(late_ns, late_ns, one.state_ecef, one.covariance_ecef, one.kinds)
    assert not one.is_down(late_ns + DOWN_NS)  # nothing was foreseen from it


def test_what_was_lost_before_is_never_down() -> None:
    one = followed(SEEN_TO_LAND_NS / NS_PER_S + 10.0)
    assert one.forecast is not None
    assert one.updated_ns < ending(one.forecast).time_ns - SEEN_TO_LAND_NS
    assert not one.is_down(over_ns(one) + 10 * DOWN_NS)


def test_what_was_foreseen_of_a_lost_one_does_not_say_that_it_is_down() -> None:
    one = followed(3.0)
    lost_ns = one.updated_ns + 20 * NS_PER_S
    assert one.is_down(lost_ns)
    assert one.look_ahead(lost_ns, is_lost=True)
    assert not one.is_down(over_ns(one) + 10 * DOWN_NS)


def test_what_was_seen_to_land_stays_so_until_it_is_measured_again() -> None:
    one = followed(3.0)
    assert one.was_seen_to_land
    one.enter(Stage.LANDED, one.updated_ns + 10 * NS_PER_S)
    assert one.forecast is not None
    later_ns = 600 * NS_PER_S  # as if its track went on
    one.forecast = replace(one.forecast, time_ns=one.forecast.time_ns + later_ns, end_ns=one.forecast.end_ns + later_ns)
    assert one.was_seen_to_land
    one.updated_ns = one.since_ns + 1
    assert not one.was_seen_to_land


def test_the_unrest_of_thrust_ends_with_the_longest_burn() -> None:
    state = flight().at(flight().time_ns[:1] + 60 * NS_PER_S)[0, :6]
    soon, at, late = (boost_from(state, COVARIANCE, START_NS, unseen_s=s) for s in (60.0, LONGEST_S, 10 * LONGEST_S))
    assert np.array_equal(late.end_ns, at.end_ns)
    assert not np.array_equal(soon.end_ns, at.end_ns)
