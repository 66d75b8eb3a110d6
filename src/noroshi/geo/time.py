"""Time: int64 nanoseconds of UTC since 1970, counted as Unix does: days of 86 400 s, leap seconds have no number."""

import re
from datetime import date
from functools import cache
from typing import TypeAlias, TypeVar

import erfa
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Nanoseconds: TypeAlias = NDArray[np.int64]
IntOrArray = TypeVar("IntOrArray", int, Nanoseconds)

NS_PER_S = 1_000_000_000
S_PER_DAY = 86_400
NS_PER_DAY = S_PER_DAY * NS_PER_S
UNIX_EPOCH_JD = 2440587.5
MEDIAN_OF = 5  # neighbours that must agree before times are believed to have begun anew
# Source: IAU 1991 Recommendation IV: TT = TAI + 32.184 s.
TT_MINUS_TAI_S = 32.184

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)


def utc_ns_from_iso(text: str) -> int:
    """Return the nanoseconds of a time like `2024-06-06T12:34:56.123456789Z`, exactly.

    Raises:
        ValueError: if the text is not such a time (it must end in Z), or lies outside 1678 to 2261.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a UTC time: write it as 2024-06-06T12:34:56Z, with the Z")
    day_text, hour_text, minute_text, second_text, fraction = match.groups()
    hour, minute, second = int(hour_text), int(minute_text), int(second_text)
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{text!r} has no such time of day (leap seconds have no Unix time): use 00:00:00 to 23:59:59")
    try:
        day = date.fromisoformat(day_text)
    except ValueError as error:
        raise ValueError(f"{text!r} has no such day: {error}") from error
    if not 1678 <= day.year <= 2261:
        raise ValueError(f"{text!r} is outside 1678 to 2261, the years that 64 bits of nanoseconds hold")
    seconds = (day.toordinal() - _EPOCH_ORDINAL) * S_PER_DAY + hour * 3600 + minute * 60 + second
    return seconds * NS_PER_S + int((fraction or "").ljust(9, "0"))


def iso_from_utc_ns(ns: int) -> str:
    """Return the time as text like `2024-06-06T12:34:56.123456789Z`, exactly, with 0, 3, 6 or 9 decimals as needed."""
    days, of_day = divmod(int(ns), NS_PER_DAY)
    seconds, fraction = divmod(of_day, NS_PER_S)
    decimals = f".{fraction:09d}"
    while decimals.endswith("000"):
        decimals = decimals[:-3]
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{date.fromordinal(_EPOCH_ORDINAL + days).isoformat()}T{clock}{decimals.removesuffix('.')}Z"


def midnight_ns(ns: IntOrArray) -> IntOrArray:
    """Return the beginning of each time's UTC day."""
    return ns - ns % NS_PER_DAY


def followed_ns(time_ns: Nanoseconds, period_ns: int = NS_PER_DAY) -> Nanoseconds:
    """Return (n,) times that begin anew after each period as they go on, good to a few neighbours' spread.

    A period has passed where they fall by more than half of it, and one is taken back where they rise by as much. A
    median of neighbours is followed, so that one damaged time makes no day.

    Args:
        time_ns: (n,) times since the beginning of the period, in the order of the recording; at least one.
        period_ns: after how long they begin anew.
    """
    padded = np.pad(time_ns, MEDIAN_OF // 2, mode="edge")
    typical = np.median(sliding_window_view(padded, MEDIAN_OF), axis=1)
    followed: Nanoseconds = np.unwrap(typical, period=period_ns).astype(np.int64)
    return followed


def dt_s(time_ns: Nanoseconds | int, from_ns: Nanoseconds | int) -> NDArray[np.float64]:
    """Return the seconds from `from_ns` to `time_ns`; the difference is taken in integers."""
    return np.asarray(np.subtract(time_ns, from_ns, dtype=np.int64) / NS_PER_S)


def julian_date_from_utc_ns(ns: Nanoseconds | int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the Julian date at midnight UTC, and the fraction of the day (86 400 s) since; their sum is the date."""
    days, of_day = np.divmod(np.asarray(ns, np.int64), NS_PER_DAY)
    return UNIX_EPOCH_JD + days, of_day / NS_PER_DAY


def tai_minus_utc_s(ns: Nanoseconds | int) -> NDArray[np.float64]:
    """Return TAI - UTC [s], the leap seconds; before 1972 the 10 s of 1972, in the future those of today.

    Source: IERS Bulletin C, as tabulated by ERFA.
    """
    begins_ns, offset_s = _leap_seconds()
    return offset_s[np.maximum(np.searchsorted(begins_ns, ns, side="right") - 1, 0)]


def julian_date_tt_from_utc_ns(ns: Nanoseconds | int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two-part Julian date of Terrestrial Time (TT)."""
    jd, fraction = julian_date_from_utc_ns(ns)
    return jd, fraction + (tai_minus_utc_s(ns) + TT_MINUS_TAI_S) / S_PER_DAY


@cache
def _leap_seconds() -> tuple[Nanoseconds, NDArray[np.float64]]:
    table = erfa.leap_seconds.get()
    table = table[table["year"] >= 1972]
    days = [date(int(row["year"]), int(row["month"]), 1).toordinal() - _EPOCH_ORDINAL for row in table]
    return np.array(days, np.int64) * NS_PER_DAY, table["tai_utc"].astype(np.float64)
