"""How single targets were held, on pictures small enough to count by hand."""

import math

import numpy as np
import pytest

from noroshi.assessment.custody import custody
from noroshi.geo.time import NS_PER_S
from noroshi.records import Identity, Kind, Tracks, TrackStatus, Truth, certain_kind

TIMES_NS = np.arange(10) * NS_PER_S
EARTH_M = 6_400_000.0


def row(offset_m):
    return [EARTH_M, offset_m, 0.0, 0.0, 0.0, 0.0]


def truth(names=("a", "b")):
    target = np.repeat(names, 10)
    return Truth(
        target=target,
        time_ns=np.tile(TIMES_NS, len(names)),
        kind=np.full(len(target), Kind.BALLISTIC, np.uint8),
        state_ecef=np.repeat([row(100_000.0 * i) for i in range(len(names))], 10, axis=0),
        identity=Identity.absent(len(target)),
    )


def tracks(rows):
    """Return firm rows of (track, second, offset_m, kind)."""
    ids, seconds, offsets, kinds = (np.array(column) for column in zip(*rows, strict=True))
    n = len(rows)
    return Tracks(
        node="n",
        source_names=("s",),
        track_id=ids.astype(np.uint64),
        time_ns=seconds * NS_PER_S,
        updated_ns=seconds * NS_PER_S,
        revision=np.zeros(n, np.int32),
        state_ecef=np.array([row(offset) for offset in offsets]),
        covariance_ecef=np.tile(np.eye(6), (n, 1, 1)),
        existence=np.ones(n),
        kind_probability=certain_kind(kinds, n),
        status=np.full(n, TrackStatus.FIRM, np.uint8),
        sources=np.ones((n, 1), bool),
        identity=Identity.absent(n),
    )


def test_a_target_is_held_from_its_first_track_on():
    rows = [(1, t, 30.0, Kind.BALLISTIC) for t in (2, 3, 4)]
    rows += [(2, t, 50.0, Kind.AIRCRAFT) for t in (8, 9)]
    lost = tracks(rows)
    status = lost.status.copy()
    status[2] = TrackStatus.LOST
    a, b = custody(truth(), lost.replace(status=status), times_ns=TIMES_NS)
    assert (a.target, a.kind, a.there_s, a.first_held_s) == ("a", Kind.BALLISTIC, 9.0, 2.0)
    assert a.held == pytest.approx(4 / 8)
    assert a.gap_s_max == 5.0  # from 3 s to 8 s
    assert a.n_tracks == 2
    assert a.position_error_m == 40.0
    assert a.kind_right == 0.5
    assert b.n_tracks == 0
    assert math.isnan(b.held)


def test_a_gap_lasts_to_the_end_where_nothing_comes_any_more():
    rows = [(1, t, 0.0, Kind.BALLISTIC) for t in range(6)]
    lost = tracks(rows)
    status = lost.status.copy()
    status[-1] = TrackStatus.LOST
    (a,) = custody(truth(("a",)), lost.replace(status=status), times_ns=TIMES_NS)
    assert (a.first_held_s, a.gap_s_max, a.held) == (0.0, 5.0, 0.5)


def test_one_track_without_gaps():
    (a,) = custody(truth(("a",)), tracks([(1, t, 0.0, Kind.BALLISTIC) for t in range(10)]), times_ns=TIMES_NS)
    assert (a.held, a.gap_s_max, a.n_tracks, a.kind_right) == (1.0, 0.0, 1, 1.0)
