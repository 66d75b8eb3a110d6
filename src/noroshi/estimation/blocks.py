"""Row blocks of a fixed size, so that one thread and many give the same bytes."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result", bound=NDArray[Any] | tuple[NDArray[Any], ...])

ROWS = 4096


class Executor(Protocol):
    """What runs blocks: anything with the `map` of `concurrent.futures.Executor`."""

    def map(self, fn: Callable[..., Result], *iterables: Iterable[Any]) -> Iterator[Result]:
        """Return the results of `fn` over the iterables, in their order."""
        ...


def map_blocks(
    function: Callable[..., Result], *arrays: NDArray[Any], executor: Executor | None = None, rows: int = ROWS
) -> Result:
    """Return `function(*arrays)`, called on blocks of `rows` rows of all arrays and put together again.

    The blocks do not depend on the executor, so neither do the bytes of the result. No rows are one empty block.

    Args:
        function: works row by row and returns an array, or a (named) tuple of arrays, of as many rows as it was given.
        arrays: of equal length.
        executor: runs the blocks where there are several; None runs them here, one after the other.
        rows: how many rows a block has; it is part of the result's definition, so leave it alone.

    Raises:
        ValueError: if the arrays are not of equal length.
    """
    n = len(arrays[0])
    if any(len(array) != n for array in arrays):
        raise ValueError(f"map_blocks needs arrays of equal length, not {[len(array) for array in arrays]}")
    starts = range(0, max(n, 1), rows)
    columns = [[array[start : start + rows] for start in starts] for array in arrays]
    # One block alone is not handed out: waking another thread for it and waiting takes longer than it saves.
    results = iter(
        map(function, *columns) if executor is None or len(starts) == 1 else executor.map(function, *columns)
    )
    first = next(results)
    if len(starts) == 1:
        return first
    parts = _parts(first)
    whole = [np.empty((n, *part.shape[1:]), part.dtype) for part in parts]
    # Each block is put in its place while it is still near in the processor's memory.
    for start, block in zip(starts, chain([first], results), strict=True):
        for column, part in zip(whole, _parts(block), strict=True):
            column[start : start + rows] = part
    joined: Any = getattr(type(first), "_make", tuple)(whole) if isinstance(first, tuple) else whole[0]
    result: Result = joined
    return result


def _parts(block: NDArray[Any] | tuple[NDArray[Any], ...]) -> tuple[NDArray[Any], ...]:
    return block if isinstance(block, tuple) else (block,)
