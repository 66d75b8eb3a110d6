"""What is said of a recording, and how it is shown."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from noroshi.assessment.intervals import Interval
from noroshi.run.printing import printable

PAIRS_MIN = 20
DIGITS_MAX = 4
HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a recording shows of a sensor.

    Attributes:
        sensor: which; "" for the recording as a whole.
        subject: what it is of: "range bias", "detection probability".
        level: "fault" (something to be mended), "ok", "unknown" (the data cannot show it).
        verdict: in words, with what to do about it.
        interval: the figure with its 95 % interval; None where it is none.
        unit: of the figure.
        n: how many plots, looks or turns it rests on.
    """

    sensor: str
    subject: str
    level: str
    verdict: str
    interval: Interval | None = None
    unit: str = ""
    n: int = 0

    def plain(self) -> dict[str, Any]:
        """Return it as plain data; what is not a number is null."""
        parts = self.interval or Interval(math.nan, math.nan, math.nan)
        figures = {name: None if math.isnan(x) else x for name, x in zip(("value", "low", "high"), parts, strict=True)}
        return {
            "sensor": self.sensor, "subject": self.subject, "level": self.level, **figures, "unit": self.unit,
            "n": self.n, "verdict": self.verdict,
        }  # fmt: skip


def span_ns(times_ns: Iterable[NDArray[np.int64]]) -> tuple[int, int]:
    """Return the first and the last of times [ns]."""
    every = np.concatenate([*times_ns])
    return int(every.min()), int(every.max())


def in_hours(n: int) -> str:
    """Return a number of hours in words."""
    return "1 hour" if n == 1 else f"{n} hours"


def in_figures(interval: Interval, unit: str) -> str:
    """Return a figure with its interval, with as many digits as the interval bears out."""
    factor = 100.0 if unit == "%" else 1.0
    value, low, high = (factor * x for x in interval)
    width = high - low
    digits = min(max(1 - math.floor(math.log10(width)), 0), DIGITS_MAX) if width > 0.0 else DIGITS_MAX
    tail = f" {unit}" if unit else ""
    if math.isnan(width):
        return f"{value:.{digits}f}{tail}"
    return f"{value:.{digits}f}{tail} ({low:.{digits}f} to {high:.{digits}f})"


def without_sign(interval: Interval) -> Interval:
    """Return an interval as one of a size, from the smaller to the greater."""
    value, low, high = interval
    return interval if value >= 0.0 else Interval(-value, -high, -low)


def signed(value: float, unit: str) -> str:
    """Return a figure of a unit in words, with its sign."""
    return f"{'-' if value < 0 else ''}{in_short(abs(value), unit)}"


def in_short(value: float, unit: str) -> str:
    """Return a figure of a unit in words."""
    return f"{value:.0f} m" if unit == "m" else f"{value:.3f} {'degrees' if unit == 'deg' else unit}"


def summary(findings: Sequence[Finding]) -> Mapping[str, Any]:
    """Return the findings as plain data for JSON."""
    return {
        "findings": [finding.plain() for finding in findings],
        "faults": sum(finding.level == "fault" for finding in findings),
    }


MARKS = {"fault": "[red]fault[/]", "ok": "[green]ok[/]", "unknown": "[yellow]?[/]"}


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print the findings for a person: one table a sensor, the faults first."""
    for name in sorted({finding.sensor for finding in findings}):
        mine = sorted((f for f in findings if f.sensor == name), key=lambda f: list(MARKS).index(f.level))
        table = Table(
            box=None, pad_edge=False, show_header=False, title=escape(printable(name or "the recording")),
            title_justify="left", title_style="bold",
        )  # fmt: skip
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in mine:
            table.add_row(MARKS[finding.level], finding.subject, escape(printable(finding.verdict, 500)))
        console.print(table)
    n = sum(finding.level == "fault" for finding in findings)
    console.print(f"[bold]{n} faults[/]; intervals hold with a probability of 95 %; see docs/doctor.md")
