"""Which day a time of day belongs to."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from noroshi.formats.asterix.clock import nearest_ns, reference_ns
from noroshi.geo.time import NS_PER_DAY, NS_PER_S, utc_ns_from_iso

DAY_NS = utc_ns_from_iso("2026-03-01T00:00:00Z")


def times_of(of_day_s, received_s=None, period_ns=NS_PER_DAY):
    of_day = np.array([-1 if t is None else round(t * NS_PER_S) for t in of_day_s])
    received = np.full(len(of_day), -1) if received_s is None else DAY_NS + np.array(received_s) * NS_PER_S
    near = reference_ns(of_day, received, DAY_NS)
    return ((nearest_ns(of_day, near, period_ns) - DAY_NS) / NS_PER_S).tolist()


def test_midnight_passes_once_although_sources_are_out_of_step():
    truth_s = np.arange(86_380.0, 86_420.0, 1.0) + np.tile([0.0, -3.0, 2.0, 0.5], 10)
    assert times_of(truth_s % 86_400) == truth_s.tolist()


def test_one_damaged_time_makes_no_day():
    of_day_s = [*np.arange(100.0, 110.0), 80_000.0, *np.arange(110.0, 120.0)]
    times = times_of(of_day_s)
    assert times[:10] + times[11:] == of_day_s[:10] + of_day_s[11:]


def test_a_time_of_reception_says_the_day():
    assert times_of([86_399.0, 0.5, 1.0], [86_401, 86_402, -80_000]) == [86_399.0, 86_400.5, -86_399.0]


@given(st.integers(-(2**40), 2**40), st.integers(0, NS_PER_DAY - 1))
def test_nearest_of_a_day_is_within_half_a_day(reference, value):
    time_ns = nearest_ns(np.array([value]), np.array([reference * 1_000_003]), NS_PER_DAY)[0]
    assert abs(int(time_ns) - reference * 1_000_003) <= NS_PER_DAY // 2
    assert time_ns % NS_PER_DAY == value


@given(st.integers(0, 3 * NS_PER_DAY), st.integers(-250 * NS_PER_S, 250 * NS_PER_S))
def test_truncated_time_is_found_from_a_clock_that_is_minutes_off(truth, error):
    # 86 400 s are 168 periods of 512 s and 384 s: the last period of a day is 128 s short, and so is what one can tell.
    of_day = truth % NS_PER_DAY
    if not 256 * NS_PER_S < of_day < NS_PER_DAY - 640 * NS_PER_S:
        error //= 4
    period = 512 * NS_PER_S
    found = nearest_ns(np.array([of_day % period]), np.array([truth + error]), period)
    assert found.tolist() == [truth]
