"""The state of the mixture tracker, as named arrays: tracks, their leaves, global hypotheses, undetected targets."""

import numpy as np
from numpy.typing import NDArray

from noroshi.records import Detections, Identity
from noroshi.tracking import TrackerState
from noroshi.tracking.hypotheses import Clusters
from noroshi.tracking.life import STALE_LOOKS
from noroshi.tracking.pairs import Pairs
from noroshi.tracking.undetected import Intensity

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
NEVER = -(2**62)  # a time so long ago that no difference from today overflows
CALL_SIGN = "<U20"
EARLY = 1e-3  # of a scan: so much before its time a look still counts

LEAF_ROWS = (
    "mean", "covariance", "time_ns", "existence", "reported", "last_hit_ns", "hits", "icao_address", "mode_3a", "mmsi",
    "call_sign",
)  # fmt: skip
"""Names of the arrays that have one row a leaf, but for `leaf_track`, the track that it is of."""


def nothing(n_sensors: int) -> TrackerState:
    """Return the state of a tracker that has seen nothing."""
    absent = Identity.absent(0)
    none, start = np.zeros(0, np.int64), np.zeros(1, np.int64)
    return {
        "track_id": np.zeros(0, np.uint64),
        "looked_ns": np.zeros((0, n_sensors), np.int64),
        "firm": np.zeros(0, bool),
        "shown": np.zeros(0, bool),
        "leaf_track": none,
        "mean": np.zeros((0, 6)),
        "covariance": np.zeros((0, 6, 6)),
        "time_ns": none,
        "existence": np.zeros(0),
        "reported": np.zeros(0),
        "last_hit_ns": np.zeros((0, n_sensors), np.int64),
        "hits": np.zeros((0, n_sensors), np.int64),
        "icao_address": absent.icao_address,
        "mode_3a": absent.mode_3a,
        "mmsi": absent.mmsi,
        "call_sign": absent.call_sign.astype(CALL_SIGN),
        "track_start": start,
        "log_weight": np.zeros(0),
        "hypothesis_start": start,
        "leaf": none,
        "leaf_start": start,
        "undetected_weight": np.zeros(0),
        "undetected_mean": np.zeros((0, 6)),
        "undetected_covariance": np.zeros((0, 6, 6)),
        "undetected_looked_ns": np.full(n_sensors, NEVER),
        "period_ns": np.ones(n_sensors, np.int64),
        "detection": np.zeros(n_sensors),
        "hits_of_lost": np.zeros(n_sensors, np.int64),
        "now_ns": np.full(1, NEVER),
    }


def identity_of(state: TrackerState) -> Identity:
    """Return (l,) who the leaves say they are."""
    return Identity(**{column: state[column] for column in Identity.COLUMNS})


def clusters_of(s: TrackerState) -> Clusters:
    """Return the global hypotheses."""
    return Clusters(np.arange(len(s["track_id"])), *(s[name] for name in Clusters._fields[1:]))


def undetected_of(s: TrackerState) -> Intensity:
    """Return the targets that were never detected."""
    return Intensity(s["undetected_weight"], s["undetected_mean"], s["undetected_covariance"])


def columns_of(undetected: Intensity) -> TrackerState:
    """Return what `undetected_of` reads."""
    return {f"undetected_{name}": getattr(undetected, name) for name in Intensity.__slots__}


def unseen(s: TrackerState, leaf: Integers, time_ns: int) -> Floats:
    """Return (t,) how likely all looks by a time, of which nothing has come, would have missed each track's leaf.

    A look is due a quarter of a period after its time. A sensor that has not seen the leaf for some looks of its own
    is taken to be out of reach.
    """
    last_ns, period_ns = s["last_hit_ns"][leaf], s["period_ns"]
    newest_ns = last_ns.max(axis=1, initial=NEVER)[:, None]
    sees = (last_ns != NEVER) & (newest_ns - last_ns < STALE_LOOKS * period_ns)
    since_ns = np.where(sees, time_ns - s["looked_ns"], 0)
    due = np.maximum(np.floor(since_ns / period_ns - 0.25), 0.0)
    missed: Floats = np.prod((1.0 - s["detection"]) ** due, axis=1)
    return missed


def looked_at(
    s: TrackerState, pairs: Pairs, plots: Detections, i_sensor: int, first_ns: int, period_ns: int
) -> tuple[TrackerState, NDArray[np.bool_]]:
    """Return the state with the times of the looks, and (t,) which tracks this batch looked at."""
    track = s["leaf_track"][pairs.i_leaf]
    seen_ns = np.full(len(s["track_id"]), NEVER)
    np.maximum.at(seen_ns, track, plots.time_ns[pairs.i_plot])
    looked_ns = s["looked_ns"].copy()
    turns = (first_ns - looked_ns[:, i_sensor]) / period_ns + EARLY
    due = turns >= 1.0
    seen = seen_ns != NEVER
    passed_ns = looked_ns[:, i_sensor] + np.where(due, turns, 0.0).astype(np.int64) * period_ns
    looked_ns[:, i_sensor] = np.where(seen, seen_ns, passed_ns)
    return s | {"looked_ns": looked_ns}, seen | due
