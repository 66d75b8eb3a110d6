"""Parameters varied together: points of a design as variants."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from noroshi.assessment.results import Variant

Level = int | float | str | bool
Span = tuple[str, Sequence[Level], bool]
"""A parameter's path, its values (or its lowest and its highest), and whether what is between them counts too."""


def is_point(variant: Variant) -> bool:
    """Return whether a variant is a point of a design: of many parameters varied together."""
    kind, _, number = variant.name.rpartition("-")
    return number.isdigit() and len(number) == 4 and kind.rstrip("0123456789") in ("all", "lhs", "a", "b", "ab")


def factorial(spans: Sequence[Span]) -> tuple[Variant, ...]:
    """Return all combinations of values."""
    rows = itertools.product(*(values for _, values, _ in spans))
    return _variants("all", [dict(zip((path for path, *_ in spans), row, strict=True)) for row in rows])


def latin_hypercube(spans: Sequence[Span], number: int, seed: int) -> tuple[Variant, ...]:
    """Return points of which each parameter's range has as many in each part.

    Source: McKay, Beckman and Conover (1979), Technometrics 21(2), 239-245; scipy's sampler.
    """
    unit = qmc.LatinHypercube(len(spans), rng=np.random.default_rng(seed)).random(number)
    return _variants("lhs", [_at(spans, row) for row in unit])


def sobol(spans: Sequence[Span], number: int, seed: int) -> tuple[Variant, ...]:
    """Return the points of which Sobol' indices are made: "a" and "b", and "abI", a with b's column I.

    Source: Saltelli et al. (2010), Computer Physics Communications 181, 259-270; scipy's sequence.
    """
    n = len(spans)
    unit = qmc.Sobol(2 * n, rng=np.random.default_rng(seed)).random(number)
    a, b = unit[:, :n], unit[:, n:]
    found = [*_variants("a", [_at(spans, row) for row in a]), *_variants("b", [_at(spans, row) for row in b])]
    for i in range(n):
        mixed = a.copy()
        mixed[:, i] = b[:, i]
        found += _variants(f"ab{i + 1}", [_at(spans, row) for row in mixed])
    return tuple(found)


def _at(spans: Sequence[Span], unit: NDArray[np.float64]) -> dict[str, Level]:
    """Return the parameters' values at a point of the unit cube."""
    return {
        path: _between(values[0], values[-1], float(u)) if between else values[int(u * len(values))]
        for (path, values, between), u in zip(spans, unit, strict=True)
    }


def _between(low: Level, high: Level, u: float) -> Level:
    if isinstance(low, str) or isinstance(high, str):
        raise TypeError("nothing is between texts")
    if isinstance(low, int) and isinstance(high, int):
        return low + int(u * (high - low + 1))
    return low + u * (high - low)


def _variants(kind: str, rows: Sequence[dict[str, Level]]) -> tuple[Variant, ...]:
    return tuple(
        Variant(
            name=f"{kind}-{i:04d}",
            title=", ".join(f"{path} = {value:.6g}" if isinstance(value, float) else f"{path} = {value}"
                            for path, value in row.items()),
            changes=row,
        )
        for i, row in enumerate(rows)
    )  # fmt: skip
