"""Objectives judged over runs: reached, partly, not; with the figures that say so, and the runs that missed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.intervals import UNKNOWN, Interval, median, share
from noroshi.assessment.results import Figure, RunResult

REACHED_MIN = 0.9
"""Of the runs, so many must reach an objective that is passed."""


class Rating(StrEnum):
    """What became of an objective."""

    PASS = "pass"  # noqa: S105 - no password
    PARTLY = "partly"
    FAIL = "fail"
    UNMEASURED = "unmeasured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What is to be reached: each figure of a measure beyond a threshold.

    Attributes:
        name: in words.
        measure: which.
        unit: of measure and threshold.
        at_least, at_most: the threshold; one of them is None.
        nation: whose figures count; empty: those of the coalition, or, where it has none, of each nation.
        subjects: what they must be about, "threat-1"; one that begins with it and a blank counts too. Empty: all.
    """

    name: str
    measure: str
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    nation: str = ""
    subjects: tuple[str, ...] = ()

    def reached(self, value: float) -> bool:
        """Return whether a figure is beyond the threshold, or at it."""
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0.0)

    def margin(self, value: float) -> float:
        """Return how far beyond the threshold a figure is; negative if it is not."""
        return value - self.at_least if self.at_least is not None else (self.at_most or 0.0) - value


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one objective in the runs of one variant.

    Attributes:
        objective: which.
        variant: its name.
        rating: see `judge`.
        value: median over the runs of each run's worst figure, with its interval (infinite where a time never came).
        reached: share of the runs that reach it, with its interval.
        n_runs: how many runs have such a figure.
        worst_replicate: of the run with the worst figure; -1 if there is none.
        worst: the figures of that run that miss the threshold, the worst first; else the worst alone.
        missed: replicates of all runs that do not reach it.
    """

    objective: Objective
    variant: str
    rating: Rating
    value: Interval
    reached: Interval
    n_runs: int
    worst_replicate: int
    worst: tuple[Figure, ...]
    missed: tuple[int, ...]


def judge(objectives: Sequence[Objective], results: Sequence[RunResult], variant: str) -> tuple[Verdict, ...]:
    """Judge objectives over the runs of a variant; runs that failed are left out.

    A run reaches an objective if each of its figures is beyond the threshold. Rated is:

    - one run: pass if it reaches it, partly if some of its figures do and others do not, else fail;
    - up to 5 runs, too few for an interval of the median: pass if all reach it, fail if none does, else partly;
    - more: pass if `REACHED_MIN` of the runs reach it and the median's 95 % interval is beyond the threshold as a
      whole; fail if that interval is short of it as a whole; else partly.

    An objective of which no run has a figure is unmeasured: nothing near to whom a threat came, for instance.
    """
    runs = [run for run in results if run.variant == variant and not run.error]
    return tuple(_judged(objective, runs, variant) for objective in objectives)


def figures_for(objective: Objective, figures: Sequence[Figure]) -> list[Figure]:
    """Return the figures of one run that an objective is about: of the whole run, with partners where that is told."""
    found = [
        each
        for each in figures
        if each.measure == objective.measure
        and math.isnan(each.at_s)
        and not math.isnan(each.value)
        and (not objective.nation or each.node == objective.nation)
        and _is_about(objective, each.subject)
    ]
    found = [each for each in found if each.shared] or found
    return found if objective.nation else [each for each in found if not each.node] or found


def _is_about(objective: Objective, subject: str) -> bool:
    if not objective.subjects:
        return True
    return any(subject == each or subject.startswith(f"{each} ") for each in objective.subjects)


def _judged(objective: Objective, runs: Sequence[RunResult], variant: str) -> Verdict:
    found = [(run.replicate, figures_for(objective, run.figures)) for run in runs]
    found = [(replicate, figures) for replicate, figures in found if figures]
    if not found:
        return Verdict(
            objective=objective, variant=variant, rating=Rating.UNMEASURED, value=UNKNOWN, reached=UNKNOWN, n_runs=0,
            worst_replicate=-1, worst=(), missed=(),
        )  # fmt: skip
    worst_of = [min(figures, key=lambda each: objective.margin(each.value)) for _, figures in found]
    values = np.array([each.value for each in worst_of])
    missed = tuple(
        replicate for (replicate, _), each in zip(found, worst_of, strict=True) if not objective.reached(each.value)
    )
    i = min(range(len(found)), key=lambda k: objective.margin(worst_of[k].value))
    ranked = sorted(found[i][1], key=lambda each: objective.margin(each.value))
    short = [each for each in ranked if not objective.reached(each.value)]
    value = median(values)
    if value.low == -math.inf and value.high == math.inf:  # too few runs for an interval
        value = Interval(value.value, math.nan, math.nan)
    return Verdict(
        objective=objective,
        variant=variant,
        rating=_rating(objective, found[0][1], values, value, len(missed)),
        value=value,
        reached=share(len(found) - len(missed), len(found)),
        n_runs=len(found),
        worst_replicate=found[i][0],
        worst=tuple(short or ranked[:1]),
        missed=missed,
    )


def _rating(
    objective: Objective, first: Sequence[Figure], values: NDArray[np.float64], value: Interval, n_missed: int
) -> Rating:
    n = len(values)
    if n == 1:
        some = any(objective.reached(each.value) for each in first)
        return Rating.PASS if not n_missed else Rating.PARTLY if some else Rating.FAIL
    if math.isnan(value.low):
        return Rating.PASS if not n_missed else Rating.FAIL if n_missed == n else Rating.PARTLY
    ends = [objective.reached(value.low), objective.reached(value.high)]
    if all(ends) and n - n_missed >= REACHED_MIN * n:
        return Rating.PASS
    return Rating.PARTLY if any(ends) else Rating.FAIL
