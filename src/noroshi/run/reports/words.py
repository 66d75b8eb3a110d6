"""Figures and comparisons in words: never more than was shown, bounds rounded outwards and figures to the nearest."""

import math

from noroshi.assessment.intervals import Interval
from noroshi.run.reports.findings import Key

NONE = "–"
NEVER = "never"
NO_BREAK = "\u00a0"
UNITS = {"1": "", "share": "%", "km2": "km²"}
DIGITS = 3
SIDES = {"time": ("later", "sooner"), "first": ("more warning", "less warning"), "track": ("larger", "smaller"),
         "forecast": ("larger", "smaller")}  # fmt: skip
"""By the first word of a measure's name: how it is said that it is more, and that it is less."""


def factor(unit: str) -> float:
    """Return by what a figure is multiplied before it is written: shares are written in percent."""
    return 100.0 if unit == "share" else 1.0


def in_unit(unit: str) -> str:
    """Return a unit as it is written after a number; of differences of shares these are points."""
    return UNITS.get(unit, unit)


def decimals(size: float) -> int:
    """Return to how many decimals a number of this size is rounded."""
    if not size or not math.isfinite(size):
        return 0
    return max(0, min(6, DIGITS - 1 - math.floor(math.log10(abs(size)))))


def nearest(value: float, places: int) -> str:
    """Return a number rounded to so many decimals."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return NEVER
    return _plain(value, places)


def outwards(low: float, high: float, places: int) -> tuple[str, str]:
    """Return two bounds, rounded so that what is between them only grows."""
    told = []
    for value, rounded in ((low, math.floor), (high, math.ceil)):
        if not math.isfinite(value):
            told.append(NONE if math.isnan(value) else "−∞" if value < 0.0 else "∞")
            continue
        nudge = 1e-9 if rounded is math.floor else -1e-9
        told.append(_plain(rounded(value * 10.0**places + nudge) / 10.0**places, places))
    return told[0], told[1]


def number(value: float, unit: str) -> str:
    """Return a figure with its unit."""
    if not math.isfinite(value):
        return nearest(value, 0)
    shown = value * factor(unit)
    return with_unit(nearest(shown, decimals(shown)), unit)


def with_unit(text: str, unit: str) -> str:
    """Return a number with its unit behind it."""
    told = in_unit(unit)
    return f"{text}{NO_BREAK}{told}" if told and text != NEVER else text


def interval(found: Interval, unit: str, *, signed: bool = False) -> tuple[str, str]:
    """Return a figure, and between which bounds it lies, both without a unit; signed if it is a difference."""
    value, low, high = (each * factor(unit) for each in found)
    places = _places(value, low, high)
    middle = nearest(value, places)
    if signed and value > 0.0 and math.isfinite(value):
        middle = f"+{middle}"
    if math.isnan(low) or math.isnan(high) or (math.isinf(low) and math.isinf(high)):
        return middle, ""
    bounds = outwards(low, high, places)
    if signed:
        bounds = tuple(
            f"+{each}" if each[0] not in "−–∞" and float(each.replace(",", "")) > 0.0 else each for each in bounds
        )  # type: ignore[assignment]
    return middle, f"{bounds[0]} to {bounds[1]}"


def said(found: Interval, key: Key) -> str:
    """Return a difference as one says it: "30.1 s sooner"; never a sign."""
    value, low, high = (each * factor(key.unit) for each in found)
    size = "∞" if math.isinf(value) else nearest(abs(value), _places(value, low, high))
    told = amount(size, key.unit)
    return f"{told} {side(value, key)}" if value and not math.isnan(value) else told


def said_between(found: Interval, key: Key) -> str:
    """Return between what a difference lies: "2.1 s later to 68.5 s sooner", "10 to 114 km² larger"; "" if unknown."""
    value, low, high = (each * factor(key.unit) for each in found)
    if math.isnan(low) or math.isnan(high) or (math.isinf(low) and math.isinf(high)):
        return ""
    less, more = (each.lstrip("−") for each in outwards(low, high, _places(value, low, high)))
    if low < 0.0 < high:
        return f"{amount(less, key.unit)} {side(low, key)} to {amount(more, key.unit)} {side(high, key)}"
    if low == high == 0.0:
        return amount("0", key.unit)
    first, last = (less, more) if low >= 0.0 else (more, less)
    return f"{first} to {amount(last, key.unit)} {side(low + high, key)}"


def _places(value: float, low: float, high: float) -> int:
    """Return to how many decimals a figure and its bounds are told: by its interval's width, no finer than itself."""
    width = high - low
    places = decimals(width if math.isfinite(width) and width > 0.0 else value)
    return min(places, decimals(value)) if value else places


def turned(found: Interval) -> Interval:
    """Return a difference without its sign: how large it is, and between which bounds."""
    return found if found.value >= 0.0 else Interval(-found.value, -found.high, -found.low)


def amount(text: str, unit: str) -> str:
    """Return how much a difference is, with its unit: of shares, which are in percent, these are points."""
    return f"{text}{NO_BREAK}points" if unit == "share" else with_unit(text, unit)


def side(difference: float, key: Key) -> str:
    """Return in which direction a measure differs, in a word."""
    up, down = SIDES.get(key.measure.partition("_")[0], ("more", "less"))
    return up if difference > 0.0 else down


def _plain(value: float, places: int) -> str:
    text = f"{abs(value) + 0.0:,.{places}f}"
    return f"−{text}" if value < 0.0 and float(text.replace(",", "")) else text
