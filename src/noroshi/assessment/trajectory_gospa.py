"""Trajectory GOSPA: GOSPA over whole trajectories, with a price for each switch of track."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.pairing import near, present
from noroshi.assessment.pictures import CUTOFF_M, LIVE, View, paths
from noroshi.records import Tracks, Truth

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NAMES = (
    "trajectory_gospa_m",
    "trajectory_gospa_localisation_m",
    "trajectory_gospa_missed_m",
    "trajectory_gospa_false_m",
    "trajectory_gospa_switching_m",
)
PERFECT = dict.fromkeys(NAMES, 0.0)
GAMMA_M = CUTOFF_M / 2.0
"""What a switch costs unless stated: with p = 2, a quarter of an unpaired target and track."""


class TrajectoryGOSPA(NamedTuple):
    """One distance and what it is made of: `distance**p == localisation + missed + false + switching`."""

    distance: float
    localisation: float
    missed: float
    false: float
    switching: float


def trajectory_gospa(
    paths_true: Floats, paths_tracked: Floats, c: float, p: float = 2.0, gamma: float = 1.0
) -> TrajectoryGOSPA:
    """Return the trajectory GOSPA distance of (n, k, d) and (m, k, d) paths, by linear programming.

    The relaxation is itself a metric and at most the distance by whole assignments. Trajectories that never come within
    c of each other are never assigned and the rest falls into parts that share no trajectory, so that each programme is
    small; its size is the pairs of one part times the times at which any of them is near.

    Args:
        paths_true, paths_tracked: in any Cartesian axes and unit; NaN where a path is nowhere, holes included.
        c: cut-off, in the same unit; a missed or a false state costs `c**p / 2`.
        p: order, 1 or more and finite.
        gamma: changing the track of a target costs `gamma**p`, losing or gaining one half of it.

    Raises:
        ValueError: if p or gamma is outside its range.

    Source: Garcia-Fernandez, Rahmathullah, Svensson (2020), A metric on the space of finite sets of trajectories for
    evaluation of multi-target tracking algorithms, IEEE Trans. Signal Processing 68, 3917-3928: the metric by linear
    programming and its decomposition.
    """
    if not (1.0 <= p < np.inf and 0.0 <= gamma < np.inf):
        raise ValueError(f"trajectory GOSPA needs 1 <= p < infinity and gamma >= 0, not p = {p}, gamma = {gamma}")
    at = [near(paths_true[:, i], paths_tracked[:, i], c) for i in range(paths_true.shape[1])]
    time = np.repeat(np.arange(len(at)), [len(each.ia) for each in at])
    m = max(len(paths_tracked), 1)
    key = np.concatenate([np.empty(0, np.int64), *(each.ia * m + each.ib for each in at)])
    cost = (np.concatenate([np.empty(0), *(each.distance for each in at)]) / c) ** p
    edges, edge = np.unique(key, return_inverse=True)
    weight, switching = _weights(edges // m, edges % m, edge, time, cost, (gamma / c) ** p)
    n_true, n_tracked = int(present(paths_true).sum()), int(present(paths_tracked).sum())
    whole, paired = c**p, float(weight.sum())
    parts = (
        whole * float((weight * cost).sum()),
        whole * max(n_true - paired, 0.0) / 2.0,
        whole * max(n_tracked - paired, 0.0) / 2.0,
        whole * switching,
    )
    return TrajectoryGOSPA(sum(parts) ** (1.0 / p), *parts)


def _weights(
    ia: Integers, ib: Integers, edge: Integers, time: Integers, cost: Floats, switch: float
) -> tuple[Floats, float]:
    """Return how much of each near pair is assigned, and what the switching costs, in units of `c**p`.

    Args:
        ia, ib: (e,) the trajectories of each pair that is near at some time.
        edge, time, cost: (q,) which of these pairs is near when, and its cost, below 1.
        switch: the cost of a change of track.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_a = int(ia.max(initial=-1)) + 1
    n = n_a + int(ib.max(initial=-1)) + 1
    label = connected_components(coo_array((np.ones(len(ia)), (ia, n_a + ib)), shape=(n, n)), directed=False)[1]
    part, size = np.unique(label[ia], return_inverse=True, return_counts=True)[1:]
    weight, switching = np.ones(len(edge)), 0.0
    order = np.lexsort((edge, time, part[edge]))
    bounds = np.searchsorted(part[edge][order], np.arange(len(size) + 1))
    for each in np.flatnonzero(size > 1):  # a pair alone is assigned for good: nothing else wants either of them
        rows = order[bounds[each] : bounds[each + 1]]
        members = np.flatnonzero(part == each)
        weight[rows], added = _solve(
            ia[members], ib[members], np.searchsorted(members, edge[rows]), time[rows], cost[rows], switch
        )
        switching += added
    return weight, switching


def _solve(
    ia: Integers, ib: Integers, edge: Integers, time: Integers, cost: Floats, switch: float
) -> tuple[Floats, float]:
    """Return the weights of the near pairs of one part, and its switching cost.

    Times at which no pair is near are left out: the assignment may as well stay what it was. Unknowns are the weight of
    each pair at each kept time and, between kept times, how much it rises and how much it falls.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    n_edges = len(ia)
    kept, step = np.unique(time, return_inverse=True)
    n_weights, n_changes = len(kept) * n_edges, (len(kept) - 1) * n_edges
    place = step * n_edges + edge
    gain = np.zeros(n_weights)
    gain[place] = cost - 1.0
    shape = (n_changes, n_weights + 2 * n_changes)
    change = np.arange(n_changes)
    columns = np.concatenate([change, change + n_edges, change + n_weights, change + n_weights + n_changes])
    signs = np.repeat([-1.0, 1.0, -1.0, 1.0], n_changes)
    shares = _shares(ia, ib, len(kept), shape[1])
    found = linprog(
        np.concatenate([gain, np.full(2 * n_changes, switch / 2.0)]),
        A_ub=shares,
        b_ub=np.ones(shares.shape[0]),
        A_eq=coo_array((signs, (np.tile(change, 4), columns)), shape=shape).tocsr(),
        b_eq=np.zeros(n_changes),
        method="highs",
    )
    if found.status != 0:
        raise ArithmeticError(f"the linear programme of trajectory GOSPA was not solved: {found.message}")
    weight = np.clip(found.x[:n_weights], 0.0, 1.0)
    switching = np.abs(np.diff(weight.reshape(-1, n_edges), axis=0)).sum() * switch / 2.0
    return weight[place], float(switching)


def _shares(ia: Integers, ib: Integers, n_steps: int, n_unknowns: int) -> "csr_array":
    """Return the matrix that adds up, for each trajectory at each time, the weights of its pairs."""
    from scipy.sparse import coo_array

    used_a, row_a = np.unique(ia, return_inverse=True)
    used_b, row_b = np.unique(ib, return_inverse=True)
    n_rows, n_edges = len(used_a) + len(used_b), len(ia)
    row, column = np.concatenate([row_a, row_b + len(used_a)]), np.tile(np.arange(n_edges), 2)
    step = np.repeat(np.arange(n_steps), len(row))
    rows, columns = np.tile(row, n_steps) + step * n_rows, np.tile(column, n_steps) + step * n_edges
    return coo_array((np.ones(len(rows)), (rows, columns)), shape=(n_steps * n_rows, n_unknowns)).tocsr()


def measure(
    truth: Truth,
    tracks: Tracks,
    *,
    times_ns: NDArray[np.int64],
    c: float = CUTOFF_M,
    p: float = 2.0,
    gamma: float = GAMMA_M,
    view: View = LIVE,
) -> Mapping[str, float]:
    """Return trajectory GOSPA per picture: each figure's p-th power divided by how many times there are.

    Without switches these are the figures of `gospa`. Meant for moderate sizes: some hundred targets that come near
    each other, some hundred times.
    """
    true, tracked = paths(truth, tracks, times_ns, view)
    k = true.shape[1]
    if not k:
        return dict.fromkeys(NAMES, float("nan"))
    found = trajectory_gospa(true, tracked, c, p, gamma)
    parts = (found.distance**p, *found[1:])
    return {name: (part / k) ** (1.0 / p) for name, part in zip(NAMES, parts, strict=True)}
