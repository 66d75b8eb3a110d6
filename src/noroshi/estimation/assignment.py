"""One-to-one assignment over sparse candidate pairs, at the least total cost."""

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.angles import Floats
from noroshi.kernel import kernel

Indices = NDArray[np.int64]


def assign(
    ia: NDArray[np.intp], ib: NDArray[np.intp], cost: Floats, n_a: int, n_b: int, *, cost_unassigned: float
) -> Indices:
    """Return which of the candidate pairs to make, in ascending order, each a and each b at most once.

    The sum of (cost - cost_unassigned) over the pairs made is the least possible, so a pair that costs
    `cost_unassigned` or more is never made. The choice among equal optima does not depend on the order of the pairs
    unless two pairs are the same in a, b and cost; then the first of them counts.

    Args:
        ia: (p,) row of a of each pair.
        ib: (p,) row of b of each pair.
        cost: (p,); infinity forbids a pair.
        n_a: how many rows a has.
        n_b: how many rows b has.
        cost_unassigned: what it costs to leave an a and a b alone rather than to make them a pair.

    Raises:
        ValueError: if a cost is NaN or minus infinity.

    Source: Jonker and Volgenant (1987), A shortest augmenting path algorithm for dense and sparse linear assignment
    problems, Computing 38, 325-340, over the pairs alone: each a may also stay alone.
    """
    if np.isnan(cost).any() or np.isneginf(cost).any() or not np.isfinite(cost_unassigned):
        raise ValueError("assign needs costs that are numbers above minus infinity, and a finite cost_unassigned")
    pairs = np.flatnonzero(cost < cost_unassigned)
    pairs = pairs[np.lexsort((pairs, cost[pairs], ib[pairs], ia[pairs]))]
    again = (np.diff(ia[pairs], prepend=-1) == 0) & (np.diff(ib[pairs], prepend=-1) == 0)
    pairs = pairs[~again]
    chosen = match(
        ia[pairs].astype(np.int64),
        ib[pairs].astype(np.int64),
        cost[pairs].astype(np.float64),
        n_a,
        n_b,
        cost_unassigned,
    )
    return np.sort(pairs[chosen])


@kernel
def match(ia: Indices, ib: Indices, cost: Floats, n_a: int, n_b: int, cost_unassigned: float) -> Indices:
    """Return the pairs to make, ascending, of pairs that are sorted by a and then b; see `assign`.

    Rows of a are taken one after the other. One whose cheapest b is free and wanted by nobody else takes it; else the
    shortest augmenting path decides who makes room (Dijkstra over reduced costs, a binary heap of columns).
    """
    p = ia.shape[0]
    begin, wanted = np.empty(n_a + 1, np.int64), np.empty(n_b, np.int64)
    pair_of_a, pair_of_b = np.empty(n_a, np.int64), np.empty(n_b, np.int64)
    price, distance = np.empty(n_b), np.empty(n_b)
    came_by, seen, is_done = np.empty(n_b, np.int64), np.empty(n_b, np.int64), np.empty(n_b, np.bool_)
    heap_key, heap_b = np.empty(p + 1), np.empty(p + 1, np.int64)
    begin[0] = 0
    for a in range(n_a):
        begin[a + 1], pair_of_a[a] = 0, -1
    for b in range(n_b):
        wanted[b], pair_of_b[b], price[b], distance[b], is_done[b] = 0, -1, 0.0, np.inf, False
    for e in range(p):
        begin[ia[e] + 1] += 1
        wanted[ib[e]] += 1
    for a in range(n_a):
        begin[a + 1] += begin[a]
    for start in range(n_a):
        if begin[start] == begin[start + 1]:
            continue
        if begin[start] + 1 == begin[start + 1] and wanted[ib[begin[start]]] == 1:
            if cost[begin[start]] < cost_unassigned:
                pair_of_a[start] = begin[start]
                pair_of_b[ib[begin[start]]] = begin[start]
            continue
        # The best end so far: a free column, or a row (`alone`) that gives up its column.
        best, end_b, alone = cost_unassigned, -1, start
        n_heap, n_seen = 0, 0
        row, reached = start, 0.0
        while True:
            shift = 0.0
            if row != start:
                own = pair_of_a[row]
                shift = cost[own] - price[ib[own]]
                if reached + cost_unassigned - shift < best:
                    best, end_b, alone = reached + cost_unassigned - shift, -1, row
            for e in range(begin[row], begin[row + 1]):
                b = ib[e]
                if is_done[b]:
                    continue
                far = reached + cost[e] - price[b] - shift
                if far < distance[b] and far < best:
                    if distance[b] == np.inf:
                        seen[n_seen] = b
                        n_seen += 1
                    distance[b] = far
                    came_by[b] = e
                    n_heap = _push(heap_key, heap_b, n_heap, far, b)
            column = -1
            while n_heap > 0:
                column, n_heap = _pop(heap_key, heap_b, n_heap)
                if not is_done[column]:
                    break
                column = -1
            if column < 0 or distance[column] >= best:
                break
            is_done[column] = True
            if pair_of_b[column] < 0:
                best, end_b, alone = distance[column], column, -1
                break
            row = ia[pair_of_b[column]]
            reached = distance[column]
        for i in range(n_seen):
            b = seen[i]
            if is_done[b] and distance[b] < best:
                price[b] += distance[b] - best
        if end_b >= 0:
            b = end_b
        elif alone != start:
            b = ib[pair_of_a[alone]]
            pair_of_a[alone] = -1
        else:
            b = -1
        while b >= 0:
            e = came_by[b]
            before = pair_of_a[ia[e]]
            pair_of_a[ia[e]] = e
            pair_of_b[b] = e
            b = ib[before] if before >= 0 else -1
        for i in range(n_seen):
            distance[seen[i]] = np.inf
            is_done[seen[i]] = False
    chosen, n_chosen = np.empty(n_a, np.int64), 0
    for a in range(n_a):
        if pair_of_a[a] >= 0:
            chosen[n_chosen] = pair_of_a[a]
            n_chosen += 1
    return chosen[:n_chosen]


@kernel
def _push(heap_key: Floats, heap_b: Indices, n: int, key: float, b: int) -> int:
    """Put a column on the heap; equal keys are ordered by column, so that the order of pushing does not matter."""
    i = n
    while i > 0:
        parent = (i - 1) // 2
        if heap_key[parent] < key or (heap_key[parent] == key and heap_b[parent] <= b):
            break
        heap_key[i], heap_b[i] = heap_key[parent], heap_b[parent]
        i = parent
    heap_key[i], heap_b[i] = key, b
    return n + 1


@kernel
def _pop(heap_key: Floats, heap_b: Indices, n: int) -> tuple[int, int]:
    """Take the nearest column off the heap and return it and how many are left."""
    top = heap_b[0]
    n -= 1
    key, b = heap_key[n], heap_b[n]
    i = 0
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        right = child + 1
        if right < n and (
            heap_key[right] < heap_key[child] or (heap_key[right] == heap_key[child] and heap_b[right] < heap_b[child])
        ):
            child = right
        if key < heap_key[child] or (key == heap_key[child] and b <= heap_b[child]):
            break
        heap_key[i], heap_b[i] = heap_key[child], heap_b[child]
        i = child
    heap_key[i], heap_b[i] = key, b
    return top, n
