"""How hot loops are compiled: by numba, as plain functions over arrays, without threads of their own.

A kernel loops over rows, writes into arrays that it is handed, and releases the interpreter lock. It may call other
kernels. It is compiled at its first call for each combination of types, so hand it contiguous float64, int64, uint8
and bool arrays and nothing else.
"""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile `function` when it is first called, or take it from the cache that `run.kernel_cache` chose.

    Divisions by zero give infinity or NaN, as in numpy. Products and sums may be contracted to one instruction; nothing
    else of the arithmetic is rearranged, so the same machine gives the same bytes.
    """
    compiled = numba.njit(nogil=True, error_model="numpy", fastmath={"contract"}, cache=bool(numba.config.CACHE_DIR))(
        function
    )
    return cast(Function, compiled)
