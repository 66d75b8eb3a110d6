"""One-to-one assignment over sparse candidate pairs, at the least total cost."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from noroshi.estimation.angles import Floats

Indices = NDArray[np.intp]
DENSE_CELLS_MAX = 40_000


def assign(ia: Indices, ib: Indices, cost: Floats, n_a: int, n_b: int, *, cost_unassigned: float) -> Indices:
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

    Source: Blackman & Popoli (1999), Design and Analysis of Modern Tracking Systems, chapter 6 (the problem);
    Crouse (2016), On implementing 2D rectangular assignment algorithms, IEEE Trans. Aerosp. Electron. Syst. 52,
    1679-1696 (the algorithm, by SciPy), after a split into parts that share no row.
    """
    if np.isnan(cost).any() or np.isneginf(cost).any() or not np.isfinite(cost_unassigned):
        raise ValueError("assign needs costs that are numbers above minus infinity, and a finite cost_unassigned")
    pairs = np.flatnonzero(cost < cost_unassigned)
    if not pairs.size or max(np.bincount(ia[pairs]).max(), np.bincount(ib[pairs]).max()) == 1:
        return pairs
    pairs = pairs[np.lexsort((pairs, cost[pairs], ib[pairs], ia[pairs]))]
    again = (np.diff(ia[pairs], prepend=-1) == 0) & (np.diff(ib[pairs], prepend=-1) == 0)
    pairs = pairs[~again]
    a, b = ia[pairs], ib[pairs]
    part, n_parts = _parts(a, b, n_a, n_b)
    by_part = np.argsort(part, kind="stable")
    pairs, a, b, part = pairs[by_part], a[by_part], b[by_part], part[by_part]
    gain = cost_unassigned - cost[pairs]
    row, n_rows = _places(a, part, n_parts)
    column, n_columns = _places(b, part, n_parts)
    begin = np.searchsorted(part, np.arange(n_parts + 1))
    is_star = (n_rows == 1) | (n_columns == 1)
    best = np.lexsort((-gain, part))[begin[:-1]]
    chosen = [best[is_star]]
    for each in np.flatnonzero(~is_star):
        own = slice(begin[each], begin[each + 1])
        chosen.append(begin[each] + _match(row[own], column[own], gain[own], n_rows[each], n_columns[each]))
    return np.sort(pairs[np.concatenate(chosen)])


def _parts(a: Indices, b: Indices, n_a: int, n_b: int) -> tuple[Indices, int]:
    """Return for each pair the number of its connected part, and how many parts there are."""
    graph = coo_array((np.ones(len(a)), (a, n_a + b)), shape=(n_a + n_b, n_a + n_b))
    labels = connected_components(graph, directed=False)[1]
    used, part = np.unique(labels[a], return_inverse=True)
    return part, len(used)


def _places(rows: Indices, part: Indices, n_parts: int) -> tuple[Indices, Indices]:
    """Return for each pair the place of its row among the rows of its part, and how many rows each part has."""
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    n_rows = np.bincount(part[first], minlength=n_parts)
    place = np.empty(len(first), np.intp)
    place[np.argsort(part[first], kind="stable")] = np.arange(len(first)) - np.repeat(
        np.cumsum(n_rows) - n_rows, n_rows
    )
    return place[inverse], n_rows


def _match(row: Indices, column: Indices, gain: Floats, n_rows: int, n_columns: int) -> Indices:
    """Return which pairs of one part to make for the greatest total gain."""
    if n_rows * n_columns > DENSE_CELLS_MAX:
        return _match_sparse(row, column, gain, n_rows, n_columns)
    table = np.zeros((n_rows, n_columns))
    table[row, column] = gain
    pair = np.full((n_rows, n_columns), -1)
    pair[row, column] = np.arange(len(row))
    made: Indices = pair[linear_sum_assignment(table, maximize=True)]
    return made[made >= 0]


def _match_sparse(row: Indices, column: Indices, gain: Floats, n_rows: int, n_columns: int) -> Indices:
    """Do the same without a table: each row may be matched to a column of its own, which gains nothing.

    The matching must be full and knows no edge of weight zero, so each weight is raised by the same amount.
    """
    each_row = np.arange(n_rows)
    raised = gain.max()
    graph = csr_array(
        (
            np.concatenate([gain + raised, np.full(n_rows, raised)]),
            (np.concatenate([row, each_row]), np.concatenate([column, n_columns + each_row])),
        ),
        shape=(n_rows, n_columns + n_rows),
    )
    matched_row, matched_column = min_weight_full_bipartite_matching(graph, maximize=True)
    column_of_row = np.full(n_rows, -1)
    column_of_row[matched_row] = matched_column
    return np.flatnonzero(column_of_row[row] == column)
