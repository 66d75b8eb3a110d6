"""Figures and comparisons in words: never more than was shown, bounds rounded outwards and figures towards zero."""

import math

from noroshi.assessment.intervals import Interval
from noroshi.run.reports.findings import Key

NONE = "–"
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
    """Return after how many decimals a number of this size is cut."""
    if not size or not math.isfinite(size):
        return 0
    return max(0, min(6, DIGITS - 1 - math.floor(math.log10(abs(size)))))


def towards_zero(value: float, places: int) -> str:
    """Return a number cut after so many decimals: never more than it is."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "never"
    scaled = value * 10.0**places
    return _plain(math.trunc(scaled + math.copysign(1e-9, scaled)) / 10.0**places, places)


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
        return towards_zero(value, 0)
    shown = value * factor(unit)
    return with_unit(towards_zero(shown, decimals(shown)), unit)


def with_unit(text: str, unit: str) -> str:
    """Return a number with its unit behind it."""
    told = in_unit(unit)
    return f"{text}{NO_BREAK}{told}" if told else text


def interval(found: Interval, unit: str, *, signed: bool = False) -> tuple[str, str]:
    """Return a figure, and between which bounds it lies, both without a unit; signed if it is a difference."""
    scale = factor(unit)
    value, low, high = (each * scale for each in found)
    width = high - low
    places = decimals(width if math.isfinite(width) and width > 0.0 else value)
    places = min(places, decimals(value)) if value else places
    middle = towards_zero(value, places)
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
