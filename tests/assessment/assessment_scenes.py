"""Small scenes for the tests of this room: rows as tuples, seconds and metres."""

import itertools
import math
from datetime import datetime, timedelta

import numpy as np

from noroshi.records import Identity, Tracks, TrackStatus, Truth, certain_kind

START_NS = 1_700_000_000_000_000_000
SITE_M = np.array([4_000_000.0, 1_000_000.0, 4_850_000.0])


def ns(time_s):
    return START_NS + np.round(np.asarray(time_s, np.float64) * 1e9).astype(np.int64)


def states(rows):
    """Return (n, 6) states of tuples of 1 to 6 numbers: x, y, z [m] from the site, then the velocity, NaN if absent."""
    out = np.zeros((len(rows), 6))
    out[:, 3:] = np.nan
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    out[:, :3] += SITE_M
    return out


def identity(n, **columns):
    return Identity.absent(n).replace(**{name: np.asarray(column) for name, column in columns.items()})


def truth_of(rows, **columns):
    """rows: (target, time_s, x, y, ...)."""
    n = len(rows)
    return Truth(
        target=np.array([row[0] for row in rows], "<U16"),
        time_ns=ns([row[1] for row in rows]),
        kind=np.ones(n, np.uint8),
        state_ecef=states([row[2:] for row in rows]),
        identity=identity(n, **columns),
    )


def tracks_of(rows, *, status=None, revision=None, covariance=None, **columns):
    """rows: (track, time_s, x, y, ...); firm unless said."""
    n = len(rows)
    time_ns = ns([row[1] for row in rows])
    return Tracks(
        node="test",
        source_names=(),
        track_id=np.array([row[0] for row in rows], np.uint64),
        time_ns=time_ns,
        updated_ns=time_ns,
        revision=np.zeros(n, np.int32) if revision is None else np.array(revision, np.int32),
        state_ecef=states([row[2:] for row in rows]),
        covariance_ecef=np.tile(np.eye(6), (n, 1, 1)) if covariance is None else covariance,
        existence=np.ones(n),
        kind_probability=certain_kind(1, n),
        status=np.full(n, TrackStatus.FIRM, np.uint8) if status is None else np.array(status, np.uint8),
        sources=np.zeros((n, 0), bool),
        identity=identity(n, **columns),
    )


def one_time(positions, make):
    """Return the record, by `truth_of` or `tracks_of`, of things standing at (n, d) positions at 0 s."""
    return make([(i, 0.0, *row) for i, row in enumerate(np.asarray(positions, np.float64).tolist())])


def least_cost(cost):
    """Return the least sum over one-to-one choices that use every row of the smaller side, by trying all."""
    cost = np.asarray(cost) if len(cost) <= len(np.transpose(cost)) else np.transpose(cost)
    n, m = cost.shape
    return min(sum(cost[i, j] for i, j in enumerate(choice)) for choice in itertools.permutations(range(m), n))


def distances(a, b):
    return np.array([[math.dist(x, y) for y in b] for x in a]).reshape(len(a), len(b))


# --- Stone Soup's types -------------------------------------------------------------------------------------------

EPOCH = datetime(2026, 1, 1)  # noqa: DTZ001 - Stone Soup compares naive times


def at(time_s):
    return EPOCH + timedelta(seconds=float(time_s))


def stone_soup_paths(kind, paths):
    """Return Stone Soup paths of {name: [(time_s, x, y, vx, vy), ...]}, their state as [x, vx, y, vy]."""
    from stonesoup.types.groundtruth import GroundTruthState

    return {
        name: kind([GroundTruthState([[x], [vx], [y], [vy]], timestamp=at(t)) for t, x, y, vx, vy in rows])
        for name, rows in paths.items()
    }


def stone_soup_metrics(truths, tracks, *generators, associator=None):
    """Return the metrics that Stone Soup's manager gives."""
    from stonesoup.metricgenerator.manager import SimpleManager

    manager = SimpleManager(list(generators), associator=associator)
    manager.add_data(groundtruth_paths=set(truths.values()), tracks=set(tracks.values()))
    return manager.generate_metrics(), manager


def records_of(truths, tracks):
    """Return the same paths as noroshi's records."""
    true = [(name, t, x, y, 0.0, vx, vy, 0.0) for name, rows in truths.items() for t, x, y, vx, vy in rows]
    tracked = [(name, t, x, y, 0.0, vx, vy, 0.0) for name, rows in tracks.items() for t, x, y, vx, vy in rows]
    return truth_of(true), tracks_of(tracked)
