import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from noroshi.geo import time

YEARS = (np.datetime64("1678-01-01", "ns").astype(int).item(), np.datetime64("2262-01-01", "ns").astype(int).item() - 1)


@given(st.integers(*YEARS))
def test_text_and_back_is_exact_and_agrees_with_numpy(ns):
    text = time.iso_from_utc_ns(ns)
    assert time.utc_ns_from_iso(text) == ns
    assert np.datetime64(text.removesuffix("Z"), "ns") == np.datetime64(ns, "ns")


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("2024-02-29T12:34:56.789Z", 1_709_210_096_789_000_000),
    ],
)
def test_known_times(text, ns):
    assert time.utc_ns_from_iso(text) == ns
    assert time.iso_from_utc_ns(ns) == text


def test_the_ends_of_what_64_bits_hold_can_be_written():
    assert time.iso_from_utc_ns(2**63 - 1) == "2262-04-11T23:47:16.854775807Z"
    assert time.iso_from_utc_ns(-(2**63)) == "1677-09-21T00:12:43.145224192Z"


@pytest.mark.parametrize(
    "text",
    [
        "2024-06-06T12:34:56",
        "2024-06-06T12:34:56+00:00",
        "2024-06-06 12:34:56Z",
        "2024-06-06T12:34Z",
        "2024-06-06",
        "2024-06-06T12:34:56.Z",
        "2024-06-06T12:34:56.1234567890Z",
        "2024-06-06T12:34:56Z\n",
        "２０２４-06-06T12:34:56Z",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-06-06T24:00:00Z",
        "2016-12-31T23:59:60Z",
        "1677-12-31T23:59:59Z",
        "2262-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "",
    ],
)
def test_what_is_no_utc_time_is_refused_in_one_line(text):
    with pytest.raises(ValueError, match=r"^'.*$") as refusal:
        time.utc_ns_from_iso(text)
    assert "\n" not in str(refusal.value)


@given(st.integers(*YEARS))
def test_midnight_begins_the_day(ns):
    midnight = time.midnight_ns(ns)
    assert time.iso_from_utc_ns(midnight) == time.iso_from_utc_ns(ns)[:10] + "T00:00:00Z"
    np.testing.assert_array_equal(time.midnight_ns(np.array([ns])), [midnight])


def test_differences_are_taken_in_integers():
    ns = time.utc_ns_from_iso("2026-11-21T00:00:00Z")
    np.testing.assert_array_equal(time.dt_s(np.array([ns + 1, ns - 1_500_000_000]), ns), [1e-9, -1.5])
    assert time.dt_s(ns, ns) == 0.0


TEXTS = ["1972-01-01T00:00:00Z", "1999-06-07T08:09:10.111Z", "2016-12-31T23:59:59Z", "2017-01-01T00:00:00Z"]


def test_julian_dates_agree_with_astropy():
    ns = np.array([time.utc_ns_from_iso(text) for text in TEXTS])
    theirs = Time([text.removesuffix("Z") for text in TEXTS], scale="utc")
    for ours, other in ((time.julian_date_tt_from_utc_ns(ns), theirs.tt),):
        seconds = ((ours[0] - other.jd1) + (ours[1] - other.jd2)) * 86400.0
        np.testing.assert_allclose(seconds, 0.0, atol=1e-10)
    jd, fraction = time.julian_date_from_utc_ns(ns[1])
    assert jd == 2451336.5
    assert fraction == pytest.approx((theirs[1].jd1 - 2451336.5) + theirs[1].jd2, abs=1e-15)


def test_leap_seconds():
    ns = np.array([time.utc_ns_from_iso(text) for text in [*TEXTS, "1965-01-01T00:00:00Z", "2040-01-01T00:00:00Z"]])
    np.testing.assert_array_equal(time.tai_minus_utc_s(ns), [10, 32, 36, 37, 10, 37])
