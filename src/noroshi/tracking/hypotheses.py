"""Which plot is whose: the global hypotheses of a mixture of multi-Bernoullis, in clusters that do not touch.

A *track* is a target that may exist, since the plot that started it. A *leaf* is one history of plots for one track. A
*global hypothesis* takes at most one leaf of each track of its cluster, so that no plot is used twice; clusters are
independent of each other, so that the mixture is their product.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.k_best import rank
from noroshi.kernel import kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NOBODY = -1
"""In a global hypothesis: this track does not exist."""

SIZE_FULL = 32
"""Tracks and plots up to which a cluster may have all its global hypotheses."""


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

    def without(self, dropped: NDArray[np.bool_]) -> "Evidence":
        """Return the evidence without some of its (p,) pairs."""
        keep = ~dropped
        start = np.append(0, np.cumsum(keep))[self.pair_start]
        return self._replace(pair_start=start, pair_plot=self.pair_plot[keep], pair_log_ratio=self.pair_log_ratio[keep])


def branch(
    old: Clusters,
    groups: Groups,
    evidence: Evidence,
    n_tracks: int,
    *,
    hypotheses_max: int,
    log_weight_min: float,
    existence_min: float,
) -> Clusters:
    """Return the global hypotheses after a look.

    In the result a leaf is a code: `leaf * (k + 1)` is the old leaf missed, `leaf * (k + 1) + 1 + plot` the old leaf
    with that plot, `l * (k + 1) + plot` the new track of a plot; and a track is an old one or `n_tracks + plot`.

    Args:
        old: the global hypotheses before.
        groups: every cluster and every plot, each in one group; no leaf has a pair with a plot of another group.
        evidence: of the look.
        n_tracks: how many tracks there were.
        hypotheses_max: how many global hypotheses a cluster may have; one of more than SIZE_FULL tracks and plots may
            have fewer, by the square of its size.
        log_weight_min: what weighs less than this, relative to the best of the cluster, is dropped.
        existence_min: a leaf that exists with less probability than this is dropped.

    Source: Garcia-Fernandez, Williams, Granstrom, Svensson (2018), Poisson multi-Bernoulli mixture filter: direct
    derivation and implementation, IEEE Trans. Aerosp. Electron. Syst. 54(4), 1883-1901: the update of the
    weights, and k best assignments for each global hypothesis with k = ceil(hypotheses_max * its weight). The clusters:
    Reid (1979), An algorithm for tracking multiple targets, IEEE Trans. Autom. Control 24(6), 843-854.
    """
    group = np.repeat(np.arange(len(groups.cluster_start) - 1), np.diff(groups.cluster_start))
    size = np.diff(groups.plot_start)
    np.add.at(size, group, np.diff(old.track_start)[groups.cluster])
    larger = np.maximum(size, SIZE_FULL)
    allowed = np.maximum(1, hypotheses_max * SIZE_FULL**2 // larger**2)
    n_all = int(size.sum())
    new = Clusters(
        track=np.empty(n_all, np.int64),
        track_start=np.zeros(n_all + 1, np.int64),
        log_weight=np.empty(n_all + int(allowed.sum())),
        hypothesis_start=np.zeros(n_all + 1, np.int64),
        leaf=np.empty(n_all + int((allowed * size).sum()), np.int64),
        leaf_start=np.zeros(n_all + 1, np.int64),
    )
    count = np.zeros(1, np.int64)
    old, groups = Clusters(*_writable(old)), Groups(*_writable(groups))
    evidence = Evidence(*_writable(evidence))
    _branch(old, groups, evidence, n_tracks, allowed, log_weight_min, existence_min, new, count)
    n = int(count[0])
    ends = new.track_start[n], new.hypothesis_start[n], new.leaf_start[n]
    return Clusters(
        new.track[: ends[0]],
        new.track_start[: n + 1],
        new.log_weight[: ends[1]].copy(),
        new.hypothesis_start[: n + 1],
        new.leaf[: ends[2]].copy(),
        new.leaf_start[: n + 1],
    )


def _writable(columns: Iterable[np.ndarray]) -> list[np.ndarray]:
    """Return arrays of the one kind that kernels are compiled for: contiguous, and not write-protected."""
    return [np.require(column, requirements=["C", "W"]) for column in columns]


@kernel
def _branch(
    old: Clusters,
    groups: Groups,
    evidence: Evidence,
    n_tracks: int,
    allowed: Integers,
    log_weight_min: float,
    existence_min: float,
    new: Clusters,
    count: Integers,
) -> None:
    """Write the clusters of all groups into `new`, and into `count` how many there are."""
    place = np.empty(len(evidence.log_new), np.int64)
    for plot in range(len(place)):
        place[plot] = -1
    for g in range(len(groups.cluster_start) - 1):
        clusters = groups.cluster[groups.cluster_start[g] : groups.cluster_start[g + 1]]
        plots = groups.plot[groups.plot_start[g] : groups.plot_start[g + 1]]
        tracks = _tracks_of(old, clusters, plots, n_tracks)
        parent_weight, parent_leaf = _parents(old, clusters, allowed[g], log_weight_min)
        weight, codes = _children(parent_weight, parent_leaf, plots, place, evidence, allowed[g], log_weight_min)
        _drop_unlikely(codes, evidence, existence_min)
        weight, codes = _merged(weight, codes)
        _write(tracks, weight, codes, new, count)


@kernel
def _write(tracks: Integers, weight: Floats, codes: Integers, new: Clusters, count: Integers) -> None:
    """Write one group as clusters: each track that all global hypotheses agree on alone, and the others together.

    Tracks that are in none are left out.
    """
    n_clusters = count[0]
    n_hypotheses, size = codes.shape
    n_track, n_weight = new.track_start[n_clusters], new.hypothesis_start[n_clusters]
    n_leaf = new.leaf_start[n_clusters]
    shared = np.zeros(size, np.bool_)
    n_shared = 0
    for i in range(size):
        for h in range(1, n_hypotheses):
            shared[i] = shared[i] or codes[h, i] != codes[0, i]
        if shared[i]:
            n_shared += 1
        elif codes[0, i] != NOBODY:
            new.track[n_track], new.log_weight[n_weight], new.leaf[n_leaf] = tracks[i], 0.0, codes[0, i]
            n_track, n_weight, n_leaf, n_clusters = n_track + 1, n_weight + 1, n_leaf + 1, n_clusters + 1
            new.track_start[n_clusters], new.hypothesis_start[n_clusters] = n_track, n_weight
            new.leaf_start[n_clusters] = n_leaf
    count[0] = n_clusters
    if n_shared == 0:
        return
    for i in range(size):
        if shared[i]:
            new.track[n_track] = tracks[i]
            n_track += 1
    for h in range(n_hypotheses):
        new.log_weight[n_weight + h] = weight[h]
        for i in range(size):
            if shared[i]:
                new.leaf[n_leaf] = codes[h, i]
                n_leaf += 1
    n_clusters += 1
    new.track_start[n_clusters], new.hypothesis_start[n_clusters] = n_track, n_weight + n_hypotheses
    new.leaf_start[n_clusters] = n_leaf
    count[0] = n_clusters


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
        first, n_other = old.hypothesis_start[c], old.hypothesis_start[c + 1] - old.hypothesis_start[c]
        n_tracks = old.track_start[c + 1] - old.track_start[c]
        sums = np.empty(len(weight) * n_other)
        for h in range(len(sums)):
            sums[h] = weight[h // n_other] + old.log_weight[first + h % n_other]
        order = _descending(sums)
        n = _n_kept(sums, order, allowed, log_weight_min)
        n_before = leaf.shape[1]
        joint, joint_weight = np.empty((n, n_before + n_tracks), np.int64), np.empty(n)
        for h in range(n):
            joint_weight[h] = sums[order[h]]
            for i in range(n_before):
                joint[h, i] = leaf[order[h] // n_other, i]
            row = old.leaf_start[c] + (order[h] % n_other) * n_tracks
            for i in range(n_tracks):
                joint[h, n_before + i] = old.leaf[row + i]
        _normalise(joint_weight)
        weight, leaf = joint_weight, joint
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
    """Return the likeliest global hypotheses after the look, in order: (h,) log weights and (h, t + p) codes."""
    n_parents, n_tracks = parent_leaf.shape
    n_plots, step = len(plots), len(evidence.log_new) + 1
    first_new = len(evidence.log_missed) * step
    weight, n = np.empty(allowed + n_parents), 0
    codes = np.empty((allowed + n_parents, n_tracks + n_plots), np.int64)
    for p in range(n_plots):
        place[plots[p]] = p
    cost = np.empty((n_plots, n_tracks + n_plots))
    column = np.empty(n_tracks, np.int64)
    claimed, row_plot = np.empty(n_plots, np.bool_), np.empty(n_plots, np.int64)
    best = -np.inf
    for h in range(n_parents):
        base = parent_weight[h]
        n_columns = 0
        for p in range(n_plots):
            claimed[p] = False
            for i in range(n_tracks + n_plots):
                cost[p, i] = np.inf
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
                row_plot[n_rows] = p
                n_rows += 1
            else:
                base += evidence.log_new[plots[p]]
        k = min(int(np.ceil(allowed * np.exp(parent_weight[h]))), len(weight) - n - (n_parents - 1 - h))
        totals, chosen = np.empty(max(k, 1)), np.empty((max(k, 1), n_rows), np.int64)
        limit = base - (best + log_weight_min)
        choices = np.empty((n_rows, n_columns + n_rows))
        for row in range(n_rows):
            for i in range(n_rows):
                choices[row, n_columns + i] = np.inf
            for i in range(n_columns):
                choices[row, i] = cost[row_plot[row], i]
            choices[row, n_columns + row] = -evidence.log_new[plots[row_plot[row]]]
        found = rank(choices, limit, -log_weight_min, chosen, totals)
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
    order = _descending(weight[:n])
    n_kept = _n_kept(weight, order, allowed, log_weight_min)
    best_weight, best_codes = np.empty(n_kept), np.empty((n_kept, n_tracks + n_plots), np.int64)
    for h in range(n_kept):
        best_weight[h] = weight[order[h]]
        for i in range(n_tracks + n_plots):
            best_codes[h, i] = codes[order[h], i]
    return best_weight, best_codes


@kernel
def _drop_unlikely(codes: Integers, evidence: Evidence, existence_min: float) -> None:
    """Write NOBODY in place of the leaves that hardly exist."""
    n_leaves, step = len(evidence.log_missed), len(evidence.log_new) + 1
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
    mark = np.zeros(n_hypotheses, np.int64)
    first, total, n = np.empty(n_hypotheses, np.int64), np.empty(n_hypotheses), 0
    for h in range(n_hypotheses):
        for i in range(size):
            mark[h] = mark[h] * 1_000_003 + codes[h, i]
        twin = -1
        for j in range(n):
            same = mark[first[j]] == mark[h]
            for i in range(size):
                same = same and codes[first[j], i] == codes[h, i]
            if same:
                twin = j
                break
        if twin < 0:
            twin = n
            first[n], total[n] = h, 0.0
            n += 1
        total[twin] += np.exp(weight[h] - weight[0])
    order = _descending(total[:n])
    merged_weight, merged_codes = np.empty(n), np.empty((n, size), np.int64)
    for h in range(n):
        merged_weight[h] = np.log(total[order[h]])
        for i in range(size):
            merged_codes[h, i] = codes[first[order[h]], i]
    _normalise(merged_weight)
    return merged_weight, merged_codes


@kernel
def _normalise(log_weight: Floats) -> None:
    """Shift log weights, the greatest first, until their weights add up to one."""
    total, greatest = 0.0, log_weight[0]
    for h in range(len(log_weight)):
        total += np.exp(log_weight[h] - greatest)
    for h in range(len(log_weight)):
        log_weight[h] -= greatest + np.log(total)


@kernel
def _n_kept(weight: Floats, order: Integers, allowed: int, log_weight_min: float) -> int:
    """Return how many of the weights, in their descending order, are among the `allowed` first and weigh enough."""
    n = 0
    while n < min(len(order), allowed) and weight[order[n]] >= weight[order[0]] + log_weight_min:
        n += 1
    return n


@kernel
def _descending(value: Floats) -> Integers:
    """Return the order of the values from the greatest to the least; of equals the first comes first.

    Merge sort: numba's own takes as long to compile as all the rest.
    """
    n = len(value)
    order, merged = np.empty(n, np.int64), np.empty(n, np.int64)
    for i in range(n):
        order[i] = i
    width = 1
    while width < n:
        for low in range(0, n, 2 * width):
            middle, high = min(low + width, n), min(low + 2 * width, n)
            i, j = low, middle
            for place in range(low, high):
                if i < middle and (j >= high or value[order[i]] >= value[order[j]]):
                    merged[place] = order[i]
                    i += 1
                else:
                    merged[place] = order[j]
                    j += 1
        order, merged = merged, order
        width *= 2
    return order
