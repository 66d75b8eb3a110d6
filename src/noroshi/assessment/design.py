"""Which values of a scenario's parameters are worth a run: full factorial, Latin hypercube, Sobol' sampling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

Floats = NDArray[np.float64]
Point = Mapping[str, object]
"""Values by path, as in the changes of a `Variant`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A parameter that is drawn evenly from a range.

    Attributes:
        path: of the parameter: "weather.cloud_top_m".
        low, high: in its own unit.
    """

    path: str
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SobolDesign:
    """Points for Sobol' indices; each list is in the order of its rows.

    Attributes:
        a, b: n points each, independent of each other.
        mixed: by factor, the n points of `a` with this factor's values of `b`.
    """

    a: tuple[Point, ...]
    b: tuple[Point, ...]
    mixed: Mapping[str, tuple[Point, ...]]


def full_factorial(levels: Mapping[str, Sequence[object]]) -> tuple[Point, ...]:
    """Return every combination of the levels of each path; the last path changes fastest."""
    return tuple(dict(zip(levels, values, strict=True)) for values in product(*levels.values()))


def latin_hypercube(factors: Sequence[Factor], n: int, generator: np.random.Generator) -> tuple[Point, ...]:
    """Return n points of which each n-th part of each factor's range has one.

    Source: McKay, Beckman, Conover (1979), Technometrics 21, 239-245, through SciPy.
    """
    return _points(factors, qmc.LatinHypercube(len(factors), rng=generator).random(n))


def sobol_design(factors: Sequence[Factor], n: int, generator: np.random.Generator) -> SobolDesign:
    """Return the n (k + 2) points of k factors from which `sensitivity.sobol` makes first and total indices.

    Args:
        factors: k of them.
        n: a power of two.
        generator: of the scrambling.

    Raises:
        ValueError: if n is no power of two, which the balance of the sequence needs.

    Source: Saltelli et al. (2010), Computer Physics Communications 181, 259-270, section 3.
    """
    if n < 2 or n & (n - 1):
        raise ValueError(f"{n} points: Sobol' sampling needs a power of two, such as {1 << n.bit_length()}")
    k = len(factors)
    drawn = qmc.Sobol(2 * k, rng=generator).random(n)
    a, b = drawn[:, :k], drawn[:, k:]
    mixed = {}
    for i, factor in enumerate(factors):
        both = a.copy()
        both[:, i] = b[:, i]
        mixed[factor.path] = _points(factors, both)
    return SobolDesign(a=_points(factors, a), b=_points(factors, b), mixed=mixed)


def _points(factors: Sequence[Factor], drawn: Floats) -> tuple[Point, ...]:
    """Return points of (n, k) places between 0 and 1."""
    spread = [(factor.path, factor.low, factor.high - factor.low) for factor in factors]
    return tuple(
        {path: low + float(place) * width for (path, low, width), place in zip(spread, row, strict=True)}
        for row in drawn
    )
