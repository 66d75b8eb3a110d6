"""Which plot is whose: the global hypotheses of a mixture of multi-Bernoullis, in clusters that do not touch.

A *track* is a target that may exist, since the plot that started it. A *leaf* is one history of plots for one track. A
*global hypothesis* takes at most one leaf of each track of its cluster, so that no plot is used twice; clusters are
independent of each other, so that the mixture is their product.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.k_best import rank
from noroshi.kernel import kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NOBODY = -1
"""In a global hypothesis: this track does not exist."""


class Clusters(NamedTuple):
    """The global hypotheses of c clusters, one cluster after the other; within a cluster the likeliest comes first.

    Attributes:
        track: (t,) tracks, cluster by cluster.
        track_start: (c + 1,) where each cluster's tracks begin.
        log_weight: (h,) of the global hypotheses; within a cluster the weights add up to one.
        hypothesis_start: (c + 1,) where each cluster's global hypotheses begin.
        leaf: (b,) for each cluster a table of global hypotheses by tracks, row by row; NOBODY or a leaf.
        leaf_start: (c + 1,) where each cluster's table begins.
    """

    track: Integers
    track_start: Integers
    log_weight: Floats
    hypothesis_start: Integers
    leaf: Integers
    leaf_start: Integers


class Groups(NamedTuple):
    """Clusters and plots that have to be looked at together: g groups.

    Attributes:
        cluster: (c,) clusters, group by group.
        cluster_start: (g + 1,) where each group's clusters begin.
        plot: (k,) plots, group by group.
        plot_start: (g + 1,) where each group's plots begin.
    """

    cluster: Integers
    cluster_start: Integers
    plot: Integers
    plot_start: Integers


class Evidence(NamedTuple):
    """What one look says, for l leaves and k plots.

    Attributes:
        log_missed: (l,) log probability that the look missed the target or that there is none.
        existence_missed: (l,) probability of existence after that.
        pair_start: (l + 1,) where each leaf's plots begin.
        pair_plot: (p,) plots inside the gate.
        pair_log_ratio: (p,) log likelihood of the plot being the leaf's, less `log_missed` of the leaf.
        log_new: (k,) log intensity at the plot of what is no track yet: false plots and targets never detected.
        existence_new: (k,) probability that it is a target.
    """

    log_missed: Floats
    existence_missed: Floats
    pair_start: Integers
    pair_plot: Integers
    pair_log_ratio: Floats
    log_new: Floats
    existence_new: Floats


@kernel
def branch(
    old: Clusters,
    groups: Groups,
    evidence: Evidence,
    n_tracks: int,
    hypotheses_max: int,
    size_full: int,
    log_weight_min: float,
    existence_min: float,
) -> Clusters:
    """Return the global hypotheses after a look.

    In the result a leaf is a code: `leaf * (k + 1)` is the old leaf missed, `leaf * (k + 1) + 1 + plot` the old leaf with
    that plot, `l * (k + 1) + plot` the new track of a plot; and a track is an old one or `n_tracks + plot`.

    Args:
        old: the global hypotheses before.
        groups: every cluster and every plot, each in one group; no leaf has a pair with a plot of another group.
        evidence: of the look.
        n_tracks: how many tracks there were.
        hypotheses_max: how many global hypotheses a cluster may have ...
        size_full: ... that has no more tracks and plots than this; larger ones may have fewer by the square.
        log_weight_min: what weighs less than this, relative to the best of the cluster, is dropped.
        existence_min: a leaf that exists with less probability than this is dropped.

    Source: Garcia-Fernandez, Williams, Granstrom, Svensson (2018), Poisson multi-Bernoulli mixture filter: direct
    derivation and implementation, IEEE Trans. Aerosp. Electron. Syst. 54(4), 1883-1901, sections III and V: theorem 2
    (the weights), and k best assignments for each global hypothesis with k = ceil(hypotheses_max * its weight). The
    clusters: Reid (1979), An algorithm for tracking multiple targets, IEEE Trans. Autom. Control 24(6), section V.
    """
    n_groups = len(groups.cluster_start) - 1
    n_plots, n_leaves = len(evidence.log_new), len(evidence.log_missed)
    track, n_track = np.empty(len(old.track) + n_plots, np.int64), 0
    log_weight, n_weight = np.empty(2 * (len(old.log_weight) + n_plots + hypotheses_max)), 0
    leaf, n_leaf = np.empty(2 * (len(old.leaf) + n_plots + hypotheses_max), np.int64), 0
    n_clusters_max = len(old.track) + n_plots
    track_start = np.zeros(n_clusters_max + 1, np.int64)
    hypothesis_start = np.zeros(n_clusters_max + 1, np.int64)
    leaf_start = np.zeros(n_clusters_max + 1, np.int64)
    n_clusters = 0
    place = np.full(n_plots, -1, np.int64)
    for g in range(n_groups):
        clusters = groups.cluster[groups.cluster_start[g] : groups.cluster_start[g + 1]]
        plots = groups.plot[groups.plot_start[g] : groups.plot_start[g + 1]]
        own_tracks = _tracks_of(old, clusters, plots, n_tracks)
        size = len(own_tracks)
        allowed = hypotheses_max
        if size > size_full:
            allowed = max(1, hypotheses_max * size_full * size_full // (size * size))
        parent_weight, parent_leaf = _parents(old, clusters, allowed, log_weight_min)
        weight, codes = _children(parent_weight, parent_leaf, plots, place, evidence, allowed, log_weight_min)
        _drop_unlikely(codes, evidence, n_leaves, existence_min)
        weight, codes = _merged(weight, codes)
        n_hypotheses = len(weight)
        # A track that all global hypotheses agree on is its own cluster from now on.
        shared = np.zeros(size, np.bool_)
        n_shared = 0
        for i in range(size):
            alone, gone = True, codes[0, i] == NOBODY
            for h in range(1, n_hypotheses):
                alone = alone and codes[h, i] == codes[0, i]
            if alone and not gone:
                track[n_track] = own_tracks[i]
                n_track += 1
                log_weight, leaf = _room(log_weight, n_weight + 1), _room_for_codes(leaf, n_leaf + 1)
                log_weight[n_weight] = 0.0
                leaf[n_leaf] = codes[0, i]
                n_weight, n_leaf, n_clusters = n_weight + 1, n_leaf + 1, n_clusters + 1
                track_start[n_clusters], hypothesis_start[n_clusters], leaf_start[n_clusters] = (
                    n_track,
                    n_weight,
                    n_leaf,
                )
            elif not alone:
                shared[i] = True
                n_shared += 1
        if n_shared == 0:
            continue
        log_weight = _room(log_weight, n_weight + n_hypotheses)
        leaf = _room_for_codes(leaf, n_leaf + n_hypotheses * n_shared)
        for i in range(size):
            if shared[i]:
                track[n_track] = own_tracks[i]
                n_track += 1
        for h in range(n_hypotheses):
            log_weight[n_weight] = weight[h]
            n_weight += 1
            for i in range(size):
                if shared[i]:
                    leaf[n_leaf] = codes[h, i]
                    n_leaf += 1
        n_clusters += 1
        track_start[n_clusters], hypothesis_start[n_clusters], leaf_start[n_clusters] = n_track, n_weight, n_leaf
    return Clusters(
        track[:n_track].copy(),
        track_start[: n_clusters + 1].copy(),
        log_weight[:n_weight].copy(),
        hypothesis_start[: n_clusters + 1].copy(),
        leaf[:n_leaf].copy(),
        leaf_start[: n_clusters + 1].copy(),
    )


@kernel
def _tracks_of(old: Clusters, clusters: Integers, plots: Integers, n_tracks: int) -> Integers:
    """Return the tracks of some clusters, and after them the new ones of some plots."""
    size = len(plots)
    for c in clusters:
        size += old.track_start[c + 1] - old.track_start[c]
    tracks, n = np.empty(size, np.int64), 0
    for c in clusters:
        for i in range(old.track_start[c], old.track_start[c + 1]):
            tracks[n] = old.track[i]
            n += 1
    for plot in plots:
        tracks[n] = n_tracks + plot
        n += 1
    return tracks


@kernel
def _parents(old: Clusters, clusters: Integers, allowed: int, log_weight_min: float) -> tuple[Floats, Integers]:
    """Return the likeliest global hypotheses of some clusters together: (h,) log weights and (h, t) leaves."""
    weight, leaf = np.zeros(1), np.empty((1, 0), np.int64)
    for c in clusters:
        other = old.log_weight[old.hypothesis_start[c] : old.hypothesis_start[c + 1]]
        n_tracks = old.track_start[c + 1] - old.track_start[c]
        table = old.leaf[old.leaf_start[c] : old.leaf_start[c + 1]].copy().reshape((len(other), n_tracks))
        sums = (weight.reshape((-1, 1)) + other.reshape((1, -1))).ravel()
        order = np.argsort(-sums, kind="mergesort")[:allowed]
        n = 0
        while n < len(order) and sums[order[n]] >= sums[order[0]] + log_weight_min:
            n += 1
        joint = np.empty((n, leaf.shape[1] + n_tracks), np.int64)
        for h in range(n):
            joint[h, : leaf.shape[1]] = leaf[order[h] // len(other)]
            joint[h, leaf.shape[1] :] = table[order[h] % len(other)]
        weight, leaf = _normalised(sums[order[:n]]), joint
    return weight, leaf


@kernel
def _children(
    parent_weight: Floats,
    parent_leaf: Integers,
    plots: Integers,
    place: Integers,
    evidence: Evidence,
    allowed: int,
    log_weight_min: float,
) -> tuple[Floats, Integers]:
    """Return the likeliest global hypotheses after the look: (h,) log weights, likeliest first, and (h, t + p) codes."""
    n_parents, n_tracks = parent_leaf.shape
    n_plots, step = len(plots), len(evidence.log_new) + 1
    first_new = len(evidence.log_missed) * step
    weight, n = np.empty(allowed + n_parents), 0
    codes = np.empty((allowed + n_parents, n_tracks + n_plots), np.int64)
    for p in range(n_plots):
        place[plots[p]] = p
    cost = np.empty((n_plots, n_tracks + n_plots))
    column = np.empty(n_tracks, np.int64)
    claimed = np.empty(n_plots, np.bool_)
    best = -np.inf
    for h in range(n_parents):
        base = parent_weight[h]
        claimed[:] = False
        n_columns = 0
        cost[:] = np.inf
        for i in range(n_tracks):
            leaf = parent_leaf[h, i]
            column[i] = -1
            if leaf == NOBODY:
                continue
            base += evidence.log_missed[leaf]
            for pair in range(evidence.pair_start[leaf], evidence.pair_start[leaf + 1]):
                p = place[evidence.pair_plot[pair]]
                claimed[p] = True
                cost[p, n_columns] = -evidence.pair_log_ratio[pair]
                column[i] = n_columns
            if column[i] >= 0:
                n_columns += 1
        n_rows = 0
        for p in range(n_plots):
            if claimed[p]:
                cost[n_rows, :n_columns] = cost[p, :n_columns]
                cost[n_rows, n_columns + n_rows] = -evidence.log_new[plots[p]]
                n_rows += 1
            else:
                base += evidence.log_new[plots[p]]
        k = min(int(np.ceil(allowed * np.exp(parent_weight[h]))), len(weight) - n - (n_parents - 1 - h))
        totals, chosen = np.empty(max(k, 1)), np.empty((max(k, 1), n_rows), np.int64)
        limit = base - (best + log_weight_min)
        square = cost[:n_rows, : n_columns + n_rows].copy()
        found = rank(square, limit, -log_weight_min, chosen, totals)
        for j in range(found):
            weight[n] = base - totals[j]
            best = max(best, weight[n])
            for i in range(n_tracks):
                codes[n, i] = NOBODY if parent_leaf[h, i] == NOBODY else parent_leaf[h, i] * step
            row = 0
            for p in range(n_plots):
                codes[n, n_tracks + p] = first_new + plots[p]
                if not claimed[p]:
                    continue
                if chosen[j, row] < n_columns:
                    codes[n, n_tracks + p] = NOBODY
                    for i in range(n_tracks):
                        if column[i] == chosen[j, row]:
                            codes[n, i] += 1 + plots[p]
                row += 1
            n += 1
    for p in range(n_plots):
        place[plots[p]] = -1
    order = np.argsort(-weight[:n], kind="mergesort")[:allowed]
    kept = 0
    while kept < len(order) and weight[order[kept]] >= weight[order[0]] + log_weight_min:
        kept += 1
    return weight[order[:kept]], codes[order[:kept]]


@kernel
def _drop_unlikely(codes: Integers, evidence: Evidence, n_leaves: int, existence_min: float) -> None:
    """Write NOBODY in place of the leaves that hardly exist."""
    step = len(evidence.log_new) + 1
    for h in range(codes.shape[0]):
        for i in range(codes.shape[1]):
            code = codes[h, i]
            if code == NOBODY:
                continue
            existence = 1.0
            if code >= n_leaves * step:
                existence = evidence.existence_new[code - n_leaves * step]
            elif code % step == 0:
                existence = evidence.existence_missed[code // step]
            if existence < existence_min:
                codes[h, i] = NOBODY


@kernel
def _merged(weight: Floats, codes: Integers) -> tuple[Floats, Integers]:
    """Return each global hypothesis once, with normalised log weights, likeliest first."""
    n_hypotheses, size = codes.shape
    mark = np.zeros(n_hypotheses, np.uint64)
    for h in range(n_hypotheses):
        for i in range(size):
            mark[h] = (mark[h] ^ np.uint64(codes[h, i] + 1)) * np.uint64(0x9E3779B97F4A7C15)
            mark[h] ^= mark[h] >> np.uint64(29)
    first, n = np.empty(n_hypotheses, np.int64), 0
    total = np.empty(n_hypotheses)
    for h in range(n_hypotheses):
        twin = -1
        for j in range(n):
            if mark[first[j]] == mark[h] and np.all(codes[first[j]] == codes[h]):
                twin = j
                break
        if twin >= 0:
            total[twin] += np.exp(weight[h] - weight[0])
        else:
            first[n] = h
            total[n] = np.exp(weight[h] - weight[0])
            n += 1
    order = np.argsort(-total[:n], kind="mergesort")
    return _normalised(np.log(total[order])), codes[first[order]]


@kernel
def _normalised(log_weight: Floats) -> Floats:
    """Return log weights whose weights add up to one; the greatest is the first."""
    return log_weight - (log_weight[0] + np.log(np.exp(log_weight - log_weight[0]).sum()))


@kernel
def _room(array: Floats, needed: int) -> Floats:
    if needed <= len(array):
        return array
    larger = np.empty(2 * needed)
    larger[: len(array)] = array
    return larger


@kernel
def _room_for_codes(array: Integers, needed: int) -> Integers:
    if needed <= len(array):
        return array
    larger = np.empty(2 * needed, np.int64)
    larger[: len(array)] = array
    return larger
