"""When a campaign has answered what it was asked: the paired differences of a measure are known closely enough."""

import math
from collections.abc import Sequence

import numpy as np

from noroshi.assessment.comparing import is_narrow_enough
from noroshi.assessment.results import RunResult
from noroshi.run.campaigns.folders import whole_run

BATCH = 10
"""Replicates after which it is looked whether to stop: at its multiples and nowhere else, whoever is done when."""


def is_enough(runs: Sequence[RunResult], variants: Sequence[str], measure: str, half_width: float) -> bool:
    """Return whether every variant's mean paired difference from the first one's is known to `half_width`.

    Args:
        runs: of all replicates up to a multiple of `BATCH`.
        variants: their names, what the others are compared with first.
        measure: which; of several figures of a run under this name the mean counts.
        half_width: of the interval at 0.95, in the measure's unit.
    """
    values = {(run.variant, run.replicate): value_of(run, measure) for run in runs if not run.error}
    base, *others = variants
    replicates = sorted(replicate for variant, replicate in values if variant == base)
    for other in others:
        pairs = [values.get((other, each), math.nan) - values[base, each] for each in replicates]
        if not is_narrow_enough(np.array(pairs), half_width):
            return False
    return True


def value_of(run: RunResult, measure: str) -> float:
    """Return a run's figure: the mean of all of one name, points of curves left out; NaN if there is none."""
    values = [each.value for each in run.figures if each.measure == measure and whole_run(each)]
    finite = [value for value in values if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan
