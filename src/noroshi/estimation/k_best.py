"""The k best one-to-one assignments, best first."""

import numpy as np

from noroshi.estimation.angles import Floats, Mask
from noroshi.estimation.assignment import Indices
from noroshi.kernel import kernel

BY_NOBODY = -2  # in a path: the column is left to no row


def k_best(cost: Floats, k: int, *, excess: float = np.inf) -> tuple[Indices, Floats]:
    """Return the k cheapest ways to give every row a column of its own, fewer where there are no more.

    Args:
        cost: (n, m), n <= m, finite or +infinity where a row cannot have a column.
        k: how many are wanted.
        excess: what costs more than the best by more than this is left out.

    Returns:
        (j, n) columns of the rows and (j,) their total costs, ascending, j <= k.

    Raises:
        ValueError: if there are more rows than columns, or a cost is NaN or minus infinity.

    Source: Murty (1968), An algorithm for ranking all the assignments in order of increasing cost, Operations Research
    16(3), 682-687; with the duals of the parent carried to its children, so that each costs one shortest augmenting
    path, and children beyond the bound cut off: Miller, Stone, Cox (1997), Optimizing Murty's ranked assignment method,
    IEEE Trans. Aerosp. Electron. Syst. 33(3), 851-862. The paths: Crouse (2016), On implementing 2D rectangular
    assignment algorithms, the same transactions 52(4), 1679-1696.
    """
    n, m = cost.shape
    if n > m:
        raise ValueError(f"k_best needs as many columns as rows or more, not {cost.shape}")
    if np.isnan(cost).any() or np.isneginf(cost).any():
        raise ValueError("k_best needs costs that are numbers above minus infinity")
    columns, totals = np.empty((max(k, 0), n), np.int64), np.empty(max(k, 0))
    found = rank(np.ascontiguousarray(cost, np.float64), np.inf, float(excess), columns, totals)
    return columns[:found], totals[:found]


@kernel
def rank(cost: Floats, limit: float, excess: float, columns: Indices, totals: Floats) -> int:
    """Write the best assignments into `columns` (k, n) and `totals` (k,); return how many there are.

    None costs more than `limit`, nor more than the best by more than `excess`.
    """
    k = len(totals)
    n, m = cost.shape
    if k == 0:
        return 0
    if n == 0:
        totals[0] = 0.0
        return 1 if limit >= 0.0 else 0
    # What waits to be given out: at most as many as are still wanted, each with the rows that are fixed in it, the
    # columns that its first free row may not have, and its duals. The last place is for the one that is split.
    waiting = np.zeros(k, np.bool_)
    worth = np.empty(k)
    first_free = np.empty(k, np.int64)
    column = np.empty((k + 2, n), np.int64)
    banned = np.empty((k + 2, m), np.bool_)
    price = np.empty((k + 2, n + m + 1))
    own, child = k, k + 1

    row_of = np.full(m, -1, np.int64)
    dist, came, done, shut = np.empty(m), np.empty(m, np.int64), np.empty(m, np.bool_), np.zeros(m, np.bool_)
    for j in range(m):
        banned[0, j] = False
    for i in range(n, n + m + 1):
        price[0, i] = 0.0
    for i in range(n):
        column[0, i] = -1
        price[0, i] = np.inf
        for j in range(m):
            price[0, i] = min(price[0, i], cost[i, j])
        if price[0, i] == np.inf:
            return 0
    none = row_of[0]  # -1, and not as a literal, for which a kernel would be compiled once more
    for i in range(n):
        if _path(cost, price[0], column[0], banned[0], row_of, i, none, shut, np.inf, dist, came, done) == np.inf:
            return 0
    worth[0] = _total(cost, column[0])
    if worth[0] > limit:
        return 0
    limit = min(limit, worth[0] + excess)
    first_free[0] = 0
    waiting[0] = True
    n_waiting, found = 1, 0
    while n_waiting > 0:
        best = _extreme(waiting, worth, -1.0)
        totals[found] = worth[best]
        for i in range(n):
            columns[found, i] = column[best, i]
        found += 1
        waiting[best] = False
        n_waiting -= 1
        if found == k:
            break
        _copy(column, banned, price, best, own)
        own_worth, own_first = worth[best], first_free[best]
        for j in range(m):
            shut[j] = False
        for i in range(own_first):
            shut[column[own, i]] = True
        for i in range(own_first, n):
            worst, bound = -1, limit
            if n_waiting >= k - found:
                worst = _extreme(waiting, worth, 1.0)
                bound = min(bound, worth[worst])
            _copy(column, banned, price, own, child)
            freed = column[own, i]
            for j in range(m):
                row_of[j] = -1
                if i > own_first:
                    banned[child, j] = False
            for other in range(n):
                row_of[column[own, other]] = other
            banned[child, freed] = True
            row_of[freed] = -1
            column[child, i] = -1
            reach = bound - own_worth
            length = _path(
                cost, price[child], column[child], banned[child], row_of, i, freed, shut, reach, dist, came, done
            )
            shut[freed] = True  # for the children that follow
            if length == np.inf:
                continue
            slot = worst
            if worst < 0:
                slot = 0
                while waiting[slot]:
                    slot += 1
                n_waiting += 1
            waiting[slot] = True
            worth[slot] = _total(cost, column[child])
            first_free[slot] = i
            _copy(column, banned, price, child, slot)
    return found


@kernel
def _path(
    cost: Floats,
    price: Floats,
    column: Indices,
    banned: Mask,
    row_of: Indices,
    start: int,
    freed: int,
    shut: Mask,
    reach: float,
    dist: Floats,
    came: Indices,
    done: Mask,
) -> float:
    """Give the row `start` a column by the shortest augmenting path; return its length, infinity if beyond `reach`.

    `price` holds the duals of the rows, of the columns, and of being no row's column. While the first
    assignment is built (`freed` < 0) the path may end at any free column. Later as many columns are free as must be,
    and the path has to end at the one that `start` had; columns without a row act as if rows that cost nothing had them
    (`BY_NOBODY`).
    """
    n, m = cost.shape
    for j in range(m):
        dist[j] = np.inf
        came[j] = -1
        done[j] = shut[j]
    i, length, sink, from_nobody = start, 0.0, -1, -1
    while sink < 0:
        nearest = -1
        for j in range(m):
            if done[j]:
                continue
            if i >= 0:
                through = length + (cost[i, j] - price[i] - price[n + j])
                if i == start and banned[j]:
                    through = np.inf
            else:
                through = length - (price[n + m] + price[n + j])
            if through < dist[j]:
                dist[j] = through
                came[j] = i if i >= 0 else BY_NOBODY
            if dist[j] < np.inf and (nearest < 0 or dist[j] < dist[nearest]):
                nearest = j
        if nearest < 0 or dist[nearest] > reach:
            return np.inf
        length = dist[nearest]
        done[nearest] = True
        if nearest == freed or (freed < 0 and row_of[nearest] < 0):
            sink = nearest
        i = row_of[nearest]
        if i < 0 and from_nobody < 0:
            from_nobody = nearest
    price[start] += length
    if from_nobody >= 0 and from_nobody != sink:
        price[n + m] += length - dist[from_nobody]
    for j in range(m):
        if done[j] and not shut[j] and j != sink:
            if row_of[j] >= 0:
                price[row_of[j]] += length - dist[j]
            price[n + j] -= length - dist[j]
    j = sink
    while True:
        if came[j] == BY_NOBODY:
            row_of[j] = -1
            j = from_nobody
            continue
        i = came[j]
        row_of[j] = i
        before = column[i]
        column[i] = j
        if i == start:
            return length
        j = before


@kernel
def _extreme(waiting: Mask, worth: Floats, sign: float) -> int:
    """Return the waiting one of the greatest `sign * worth`."""
    place = -1
    for slot in range(len(worth)):
        if waiting[slot] and (place < 0 or sign * worth[slot] > sign * worth[place]):
            place = slot
    return place


@kernel
def _copy(column: Indices, banned: Mask, price: Floats, source: int, target: int) -> None:
    for i in range(column.shape[1]):
        column[target, i] = column[source, i]
    for j in range(banned.shape[1]):
        banned[target, j] = banned[source, j]
    for i in range(price.shape[1]):
        price[target, i] = price[source, i]


@kernel
def _total(cost: Floats, column: Indices) -> float:
    total = 0.0
    for i in range(len(column)):
        total += float(cost[i, column[i]])
    return total
