"""Kernels that read one record, or write one, along the tables of a `Layout`.

A structure within a structure waits on a stack of (node, how often), whose top is what the next byte belongs to.
"""

import numpy as np
from numpy.typing import NDArray

from noroshi.formats.asterix.layout import (
    ABSENT,
    COUNTED,
    EXPLICIT,
    FIXED,
    FLAGGED,
    NOTHING,
    UNDEFINED_NODE,
    Layout,
)
from noroshi.kernel import kernel

# Why a record cannot be read: the places of `REASONS`, which complete "category 048: ...".
NO_REASON, CUT_SHORT, UNDEFINED, EMPTY, UNSORTED, NO_SOURCE, NO_RECORD = range(7)
REASONS = (
    "",
    "cut short",
    "an item that the specification does not define",
    "an explicit item of length 0",
    "a record that does not say of which sort it is",
    "no data source",
    "no record",
)
FLAGS_A_BYTE = 7  # the eighth bit says whether another byte of flags follows


def new_stack(layout: Layout) -> NDArray[np.int64]:
    """Return the stack that walking a record needs."""
    return np.empty((layout.stack_rows, 2), np.int64)


@kernel
def octet(data: NDArray[np.uint8], at: int) -> int:
    """Return a byte as int64; plain `int` would make it uint64, whose sum with an int64 is a float."""
    return int(np.int64(data[at]))


@kernel
def read_record(
    data: NDArray[np.uint8],
    pos: int,
    end: int,
    edition: int,
    layout: Layout,
    stack: NDArray[np.int64],
    row: NDArray[np.int64],
) -> int:
    """Fill the row from the record at `pos` and return where the next one begins.

    A row that is short takes only the first fields, as many as fit; it must have `layout.head_slots`.

    Returns:
        The position, or, if the bytes up to `end` hold no record of that edition, the reason's number made negative.
    """
    reason = UNSORTED
    selector = layout.editions[edition, 3]
    for sort in range(layout.editions[edition, 1], layout.editions[edition, 2]):
        row[:] = ABSENT
        stop = _read(data, pos, end, layout.sorts[sort, 1], layout, stack, row)
        if stop < 0:
            reason = -stop
        elif selector == ABSENT or row[selector] == layout.sorts[sort, 0]:
            return stop
    return -reason


@kernel
def _read(
    data: NDArray[np.uint8],
    pos: int,
    end: int,
    root: int,
    layout: Layout,
    stack: NDArray[np.int64],
    row: NDArray[np.int64],
) -> int:
    nodes, parts = layout.nodes, layout.parts
    stack[0, 0], stack[0, 1] = root, 1
    depth = 1
    while depth > 0:
        depth -= 1
        node = stack[depth, 0]
        if stack[depth, 1] > 1:
            stack[depth, 1] -= 1
            depth += 1
        kind, size, first, last = nodes[node, 0], nodes[node, 1], nodes[node, 2], nodes[node, 3]
        if kind == FIXED:
            stop = pos + size
            if stop > end:
                return -CUT_SHORT
            _read_leaves(data, pos, first, last, layout, row)
            following = nodes[node, 4]
            if following != NOTHING and data[stop - 1] & 1:
                if following == UNDEFINED_NODE:
                    return -UNDEFINED
                stack[depth, 0], stack[depth, 1] = following, 1
                depth += 1
            pos = stop
        elif kind == FLAGGED:
            stop = pos + 1
            while stop <= end and data[stop - 1] & 1:
                stop += 1
            if stop > end:
                return -CUT_SHORT
            if stop - pos > size:
                return -UNDEFINED
            for at in range(stop - 1, pos - 1, -1):
                for bit in range(1, FLAGS_A_BYTE + 1):  # the last part of all first: it waits longest
                    if data[at] >> bit & 1:
                        part = first + FLAGS_A_BYTE * (at - pos + 1) - bit
                        if part >= last or parts[part] == NOTHING:
                            return -UNDEFINED
                        stack[depth, 0], stack[depth, 1] = parts[part], 1
                        depth += 1
            pos = stop
        elif kind == COUNTED:
            stop = pos + size
            if stop > end:
                return -CUT_SHORT
            times = 0
            for at in range(pos, stop):
                times = times << 8 | octet(data, at)
            if times > 0:
                stack[depth, 0], stack[depth, 1] = first, times
                depth += 1
            pos = stop
        elif pos >= end:
            return -CUT_SHORT
        elif kind == EXPLICIT:
            if pos + data[pos] > end:
                return -CUT_SHORT
            if data[pos] == 0:
                return -EMPTY
            pos += octet(data, pos)
        else:  # NUMBERED
            place = octet(data, pos) - 1
            if place < 0 or place >= last - first or parts[first + place] == NOTHING:
                return -UNDEFINED
            stack[depth, 0], stack[depth, 1] = parts[first + place], 1
            depth += 1
            pos += 1
    return pos


@kernel
def _read_leaves(
    data: NDArray[np.uint8], pos: int, first: int, last: int, layout: Layout, row: NDArray[np.int64]
) -> None:
    leaves = layout.leaves
    for leaf in range(first, last):
        if leaves[leaf, 0] >= len(row):
            continue
        start = pos + leaves[leaf, 1]
        word = 0
        for at in range(start, start + leaves[leaf, 2]):
            word = word << 8 | octet(data, at)
        row[leaves[leaf, 0]] = word >> leaves[leaf, 3] & leaves[leaf, 4]


@kernel
def write_record(
    row: NDArray[np.int64],
    root: int,
    layout: Layout,
    stack: NDArray[np.int64],
    there: NDArray[np.bool_],
    out: NDArray[np.uint8],
    pos: int,
) -> int:
    """Write the record of a row to `out` at `pos` and return where it ends.

    A number that is absent takes all that are written with it along: X is of no use without Y. What holds no number is
    left out, except that a part of an extended item is there where a later one is.

    Args:
        row: raw numbers, `ABSENT` where there is none.
        root: the node of the record.
        layout: tables that hold the wanted fields of one category.
        stack: see `new_stack`.
        there: (nodes,) room to note which nodes are written.
        out: zeros.
        pos: where to begin.
    """
    nodes, parts, leaves = layout.nodes, layout.parts, layout.leaves
    for node in range(root + 1):
        kind, first, last, following = nodes[node, 0], nodes[node, 2], nodes[node, 3], nodes[node, 4]
        there[node] = False
        if kind == FIXED:
            there[node] = last > first
            for leaf in range(first, last):
                there[node] &= row[leaves[leaf, 0]] != ABSENT
            there[node] |= following >= 0 and following != node and there[following]
        elif kind == FLAGGED:
            for part in range(first, last):
                there[node] |= parts[part] != NOTHING and there[parts[part]]
    stack[0, 0] = root
    depth = 1
    while depth > 0:
        depth -= 1
        node = stack[depth, 0]
        first, last, following = nodes[node, 2], nodes[node, 3], nodes[node, 4]
        if nodes[node, 0] == FIXED:
            for leaf in range(first, last):
                word = max(row[leaves[leaf, 0]], 0) << leaves[leaf, 3]
                for at in range(pos + leaves[leaf, 1] + leaves[leaf, 2] - 1, pos + leaves[leaf, 1] - 1, -1):
                    out[at] |= word & 255
                    word >>= 8
            pos += nodes[node, 1]
            if following >= 0 and following != node and there[following]:
                out[pos - 1] |= 1
                stack[depth, 0] = following
                depth += 1
        else:
            n_bytes = 0
            for place in range(last - first - 1, -1, -1):
                part = parts[first + place]
                if part != NOTHING and there[part]:
                    n_bytes = max(n_bytes, place // FLAGS_A_BYTE + 1)
                    out[pos + place // FLAGS_A_BYTE] |= 128 >> place % FLAGS_A_BYTE
                    stack[depth, 0] = part
                    depth += 1
            for at in range(pos, pos + n_bytes - 1):
                out[at] |= 1
            pos += n_bytes
    return pos
