"""How many bytes each part of a live node holds: its arrays, and what holds them."""

import ctypes
import sys
from collections import deque
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from noroshi.run.live.running import Running

HEAP = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
NOT_DATA = type, ModuleType, FunctionType, BuiltinFunctionType


def holding_mb(live: Running) -> dict[str, float]:
    """Return the megabytes that each part of a node holds; what two hold is the first one's.

    SQLite's, Zenoh's and the interpreter's own memory is in none of them.
    """
    node = live.node.node
    rewind, exchange = node.own.rewind, node.exchange
    assert exchange is not None
    fusion = exchange.fusion
    parts: dict[str, Any] = {
        "tracker": rewind.tracker,
        "rewind: plots": [step.detections for step in rewind._steps],  # noqa: SLF001
        "rewind: what takes steps back": [step.change for step in rewind._steps],  # noqa: SLF001
        "rewind: what was told last": rewind._given,  # noqa: SLF001
        "fusion: messages of the window": fusion._chunks,  # noqa: SLF001
        "fusion: copies of the fold": fusion._held,  # noqa: SLF001
        "fusion: the fold": fusion._table,  # noqa: SLF001
        "exchange: outboxes": [channel.outbox for channel in exchange.channels.values()],
        "exchange: rows offered last": exchange._recent,  # noqa: SLF001
        "exchange: the rest": exchange,
        "feeds, journal, audit, ways out": live,
    }
    seen: set[int] = set()
    return {name: round(_bytes_of(part, seen) / 2**20, 2) for name, part in parts.items()}


class _Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in HEAP]


def heap_mb() -> float:
    """Return how many megabytes of the C library's heap are in use; NaN where it does not say (not glibc)."""
    asked = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if asked is None:
        return float("nan")
    asked.restype = _Heap
    heap = asked()
    return float(heap.uordblks + heap.hblkhd) / 2**20


def _bytes_of(root: Any, seen: set[int]) -> int:
    total, left = 0, [root]
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, NOT_DATA):
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray) and isinstance(one.base, np.ndarray | bytes | memoryview | bytearray):
            left.append(one.base)
        elif isinstance(one, np.ndarray) and one.base is not None:  # a kernel made it
            total += one.nbytes
        else:
            total += sys.getsizeof(one)
        left += _within(one)
    return total


def _within(one: Any) -> Iterator[Any]:
    if isinstance(one, dict):
        yield from one.keys()
        yield from one.values()
    elif isinstance(one, list | tuple | set | frozenset | deque):
        yield from one
    elif isinstance(one, memoryview):
        yield one.obj
    elif not isinstance(one, np.ndarray | bytes | str):
        yield getattr(one, "__dict__", None)
        for kind in type(one).__mro__:
            names = kind.__dict__.get("__slots__", ())
            yield from (getattr(one, name, None) for name in ([names] if isinstance(names, str) else names))
