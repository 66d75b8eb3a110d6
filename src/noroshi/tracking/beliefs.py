"""What the global hypotheses of a mixture say together, and how they are cut to groups and to size."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from noroshi.tracking.hypotheses import NOBODY, Clusters, Groups

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def likeliest(clusters: Clusters) -> Integers:
    """Return (t,) the leaf of each track in the likeliest global hypothesis of its cluster, or NOBODY."""
    sizes = np.diff(clusters.track_start)
    first = np.repeat(clusters.leaf_start[:-1] - clusters.track_start[:-1], sizes)
    leaf: Integers = clusters.leaf[first + np.arange(len(first))]
    return leaf


def leaf_weights(clusters: Clusters, n_leaves: int) -> Floats:
    """Return (l,) the probability of each leaf: of all global hypotheses that it is part of."""
    n_tracks = np.repeat(np.diff(clusters.track_start), np.diff(clusters.hypothesis_start))
    weight = np.repeat(np.exp(clusters.log_weight), n_tracks)
    real = clusters.leaf != NOBODY
    return np.bincount(clusters.leaf[real], weight[real], n_leaves).astype(np.float64)


def representative(clusters: Clusters, leaf_track: Integers) -> Integers:
    """Return (t,) the leaf that speaks for each track: the likeliest hypothesis's, else the likeliest of its own."""
    leaf = likeliest(clusters)
    absent = leaf == NOBODY
    if not absent.any():
        return leaf
    order = np.lexsort((-leaf_weights(clusters, len(leaf_track)), leaf_track))
    tracks, first = np.unique(leaf_track[order], return_index=True)
    best = leaf.copy()
    best[tracks] = order[first]
    return np.where(absent, best, leaf)


def labels(clusters: Clusters, leaf_track: Integers, i_leaf: Integers, i_plot: Integers, n_plots: int) -> Integers:
    """Return (k + c,) the group of each plot and, after them, of each cluster: what is connected by pairs.

    Args:
        clusters: c of them.
        leaf_track: (l,) the track of each leaf.
        i_leaf, i_plot: (p,) pairs.
        n_plots: k.
    """
    n_clusters = len(clusters.track_start) - 1
    cluster_of = np.repeat(np.arange(n_clusters), np.diff(clusters.track_start))
    n = n_plots + n_clusters
    graph = coo_array((np.ones(len(i_plot)), (i_plot, n_plots + cluster_of[leaf_track[i_leaf]])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def groups_of(label: Integers, n_plots: int) -> Groups:
    """Return the groups that the `labels` name."""
    cluster, plot = label[n_plots:], label[:n_plots]
    by_cluster, by_plot = np.argsort(cluster, kind="stable"), np.argsort(plot, kind="stable")
    each = np.arange(int(label.max()) + 2)
    return Groups(by_cluster, np.searchsorted(cluster[by_cluster], each), by_plot, np.searchsorted(plot[by_plot], each))


def sizes_of(label: Integers, n_plots: int, clusters: Clusters) -> Integers:
    """Return (g,) how many tracks and plots each group has."""
    weight = np.concatenate([np.ones(n_plots), np.diff(clusters.track_start)])
    return np.bincount(label, weight).astype(np.int64)


def reduced(clusters: Clusters, chosen: NDArray[np.bool_]) -> Clusters:
    """Return clusters of which the chosen (c,) fell apart: each track alone, as the likeliest hypothesis has it.

    The order of the tracks stays.
    """
    n_tracks, n_hypotheses = np.diff(clusters.track_start), np.diff(clusters.hypothesis_start)
    weights = np.split(clusters.log_weight, clusters.hypothesis_start[1:-1])
    tables = np.split(clusters.leaf, clusters.leaf_start[1:-1])
    size, count = [], []
    for c, falls in enumerate(chosen.tolist()):
        if falls:
            weights[c], tables[c] = np.zeros(n_tracks[c]), tables[c][: n_tracks[c]]
        size.append(np.ones(n_tracks[c], np.int64) if falls else n_tracks[c : c + 1])
        count.append(np.ones(n_tracks[c], np.int64) if falls else n_hypotheses[c : c + 1])
    sizes, counts = np.concatenate(size), np.concatenate(count)
    return Clusters(
        clusters.track,
        np.append(0, np.cumsum(sizes)),
        np.concatenate(weights),
        np.append(0, np.cumsum(counts)),
        np.concatenate(tables),
        np.append(0, np.cumsum(sizes * counts)),
    )
