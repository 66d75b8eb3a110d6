"""What a figure in seconds is put beside: fixed work timed in the same run, and the memory's bandwidth."""

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

N_PRODUCTS = 20_000
N_STREAM = 8_000_000  # float64 an array: 192 MB in all, beyond any cache here


class Spent(NamedTuple):
    """Seconds of one piece of work."""

    wall_s: float
    cpu_s: float


def spent(work: Callable[[], object]) -> Spent:
    """Return what one call takes: wall time, and the process's own over all its threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def median(many: list[Spent]) -> Spent:
    """Return the median of each."""
    return Spent(statistics.median(each.wall_s for each in many), statistics.median(each.cpu_s for each in many))


@numba.njit(nogil=True)
def _products(a: Floats, b: Floats, out: Floats) -> None:
    for n in range(len(a)):
        for i in range(6):
            for j in range(6):
                total = 0.0
                for k in range(6):
                    total += a[n, i, k] * b[n, k, j]
                out[n, i, j] = total


@numba.njit(nogil=True)
def _triad(a: Floats, b: Floats, c: Floats) -> None:
    for i in range(len(a)):
        a[i] = b[i] + 3.0 * c[i]


def calibration(repeats: int = 5) -> dict[str, float]:
    """Return what 20,000 products of 6 x 6 matrices take here and now [ms of CPU], by numba and by numpy."""
    a = np.linspace(0.0, 1.0, N_PRODUCTS * 36).reshape(-1, 6, 6)
    out = np.empty_like(a)
    _products(a[:1], a[:1], out[:1])
    return {
        "numba_products_ms": 1e3 * median([spent(lambda: _products(a, a, out)) for _ in range(repeats)]).cpu_s,
        "numpy_products_ms": 1e3 * median([spent(lambda: np.matmul(a, a, out=out)) for _ in range(repeats)]).cpu_s,
    }


def bandwidth_bytes_s(repeats: int = 5) -> float:
    """Return what one core moves to and from memory: a = b + 3 c over arrays that fit no cache.

    Source: McCalpin (1995), Memory bandwidth and machine balance in current high performance computers, IEEE TCCA
    Newsletter: the triad of STREAM, which counts two reads and one write.
    """
    a, b, c = (np.full(N_STREAM, x) for x in (0.0, 1.0, 2.0))
    _triad(a[:1], b[:1], c[:1])
    best = min(spent(lambda: _triad(a, b, c)).wall_s for _ in range(repeats))
    return 3.0 * a.nbytes / best
