"""Tracks and truth, to and from Stone Soup."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stonesoup.types.groundtruth import GroundTruthPath, GroundTruthState
from stonesoup.types.prediction import Prediction
from stonesoup.types.state import GaussianState
from stonesoup.types.track import Track

from noroshi.estimation.kalman import symmetric
from noroshi.geo.wgs84 import Floats, enu_axes_at
from noroshi.records import KINDS, Identity, Kind, Tracks, TrackStatus, Truth, certain_kind, take
from noroshi.run.stone_soup.shared import (
    POSITION_MAPPING,
    VELOCITY_MAPPING,
    identity_of,
    identity_row,
    metadata_of,
    naive_utc,
    origin_or_laboratory,
    utc_ns,
)
from noroshi.sensors import local_position

INTERLEAVED = [0, 3, 1, 4, 2, 5]


def tracks_to_stone_soup(
    tracks: Tracks | None, *, origin_ecef_m: Floats | None = None, plane: bool = False
) -> list[Any]:
    """Return Stone Soup Tracks of GaussianStates, in the order of their numbers, which become their `id`.

    There is a state for each row. Stone Soup's metrics compare states of equal times: a look that missed a target has
    none unless the picture is given out then too (`period_s` of `noroshi.track`). Of several rows for one track and
    time the last word counts. None, which `Tracked.tracks` is if no track became firm, gives none. The metadata of each
    state is the identity and `kind`, the most probable one.

    Args:
        tracks: n rows.
        origin_ecef_m: (3,) where the Cartesian frame is to have its origin.
        plane: states are to be [x, vx, y, vy] instead of [x, vx, y, vy, z, vz].
    """
    if tracks is None or not len(tracks):
        return []
    order = np.lexsort((np.arange(len(tracks)), tracks.revision, tracks.time_ns, tracks.track_id))
    number, time_ns = tracks.track_id[order], tracks.time_ns[order]
    last_word = np.append((number[1:] != number[:-1]) | (time_ns[1:] != time_ns[:-1]), True)
    tracks = take(tracks, order[last_word])
    states, turn = _in_frame(tracks.state_ecef, origin_or_laboratory(origin_ecef_m), plane)
    covariances = symmetric(turn @ tracks.covariance_ecef @ turn.T)
    metadata = _metadata(tracks.identity, tracks.kind_probability.argmax(axis=1))
    found = []
    for rows in _runs(tracks.track_id):
        gaussians = [GaussianState(states[i], covariances[i], timestamp=naive_utc(tracks.time_ns[i])) for i in rows]
        track = Track(gaussians, id=str(tracks.track_id[rows[0]]))
        track.metadatas = [metadata[i] for i in rows]
        found.append(track)
    return found


def tracks_from_stone_soup(
    tracks: Iterable[Any],
    *,
    node: str = "stonesoup",
    origin_ecef_m: Floats | None = None,
    position_mapping: Sequence[int] = POSITION_MAPPING,
    velocity_mapping: Sequence[int] = VELOCITY_MAPPING,
) -> Tracks:
    """Return Stone Soup tracks as rows, sorted by track and time.

    The tracks keep their `id` as their number if all are whole numbers; else they are counted from 1 in the order of
    their first states. A state that was predicted and not updated is COASTING, all others are FIRM. Of states in a
    plane z is 0, within what a `local_position` assumes of its plane.

    Args:
        tracks: Stone Soup tracks whose states have a mean and a covariance.
        node: who made them.
        origin_ecef_m: (3,) where the Cartesian frame has its origin.
        position_mapping, velocity_mapping: components of the state that are x, y (and z), and their rates.

    Raises:
        ValueError: if a state has no time, no covariance or not those components.
    """
    numbered = _numbered([track for track in tracks if len(track)])
    rows = [(number, utc_ns(state.timestamp), i, track) for number, track in numbered for i, state in enumerate(track)]
    rows.sort(key=lambda row: row[:3])
    states = [track[i] for _, _, i, track in rows]
    told = [track.metadatas[i] for _, _, i, track in rows]
    number = np.array([row[0] for row in rows], np.uint64)
    time_ns = np.array([row[1] for row in rows], np.int64)
    predicted = np.array([isinstance(state, Prediction) for state in states], np.bool_)
    origin, columns = origin_or_laboratory(origin_ecef_m), _columns(states, position_mapping, velocity_mapping)
    turn = np.kron(np.eye(2), enu_axes_at(origin))
    return Tracks(
        node=node,
        source_names=(),
        track_id=number,
        time_ns=time_ns,
        updated_ns=_updated_ns(number, time_ns, predicted),
        revision=np.zeros(len(rows), np.int32),
        state_ecef=_ecef_from_frame(_vectors(states, columns), origin),
        covariance_ecef=symmetric(turn.T @ _covariances(states, columns) @ turn),
        existence=np.full(len(rows), np.nan),
        kind_probability=certain_kind(_kinds(told), len(rows)),
        status=np.where(predicted, TrackStatus.COASTING, TrackStatus.FIRM).astype(np.uint8),
        sources=np.zeros((len(rows), 0), np.bool_),
        identity=identity_of([identity_row(metadata) for metadata in told]),
    )


def truth_to_stone_soup(truth: Truth, *, origin_ecef_m: Floats | None = None, plane: bool = False) -> list[Any]:
    """Return GroundTruthPaths, sorted by target, whose name becomes their `id`.

    The metadata of each state is the identity and `kind`. Velocities that are unknown are NaN.

    Args:
        truth: n rows.
        origin_ecef_m: (3,) where the Cartesian frame is to have its origin.
        plane: states are to be [x, vx, y, vy] instead of [x, vx, y, vy, z, vz].
    """
    truth = take(truth, np.lexsort((np.arange(len(truth)), truth.time_ns, truth.target)))
    vectors, _ = _in_frame(truth.state_ecef, origin_or_laboratory(origin_ecef_m), plane)
    states = [
        GroundTruthState(vector, timestamp=naive_utc(time_ns), metadata=metadata)
        for vector, time_ns, metadata in zip(vectors, truth.time_ns, _metadata(truth.identity, truth.kind), strict=True)
    ]
    return [GroundTruthPath([states[i] for i in rows], id=str(truth.target[rows[0]])) for rows in _runs(truth.target)]


def truth_from_stone_soup(
    paths: Iterable[Any],
    *,
    origin_ecef_m: Floats | None = None,
    position_mapping: Sequence[int] = POSITION_MAPPING,
    velocity_mapping: Sequence[int] | None = VELOCITY_MAPPING,
) -> Truth:
    """Return GroundTruthPaths as rows, sorted by target and time; a target's name is its path's `id`.

    Args:
        paths: Stone Soup paths.
        origin_ecef_m: (3,) where the Cartesian frame has its origin.
        position_mapping: components of the state that are x, y (and z, which else is 0).
        velocity_mapping: those that are their rates; None if the states have none: the velocities are then NaN.

    Raises:
        ValueError: if a state has no time or not those components.
    """
    rows = [(str(path.id), utc_ns(state.timestamp), i, state) for path in paths for i, state in enumerate(path)]
    rows.sort(key=lambda row: row[:3])
    states = [state for _, _, _, state in rows]
    told = [getattr(state, "metadata", {}) for state in states]
    vectors = _vectors(states, _columns(states, position_mapping, velocity_mapping or ()))
    if velocity_mapping is None:
        vectors[:, 3:] = np.nan
    return Truth(
        target=np.array([name for name, _, _, _ in rows], np.str_),
        time_ns=np.array([time_ns for _, time_ns, _, _ in rows], np.int64),
        kind=_kinds(told).astype(np.uint8),
        state_ecef=_ecef_from_frame(vectors, origin_or_laboratory(origin_ecef_m)),
        identity=identity_of([identity_row(metadata) for metadata in told]),
    )


def _in_frame(state_ecef: Floats, origin: Floats, plane: bool) -> tuple[Floats, Floats]:
    """Return (n, 6) or (n, 4) Stone Soup states, and the rotation that makes them of Earth-fixed ones at the origin."""
    axes, kept = enu_axes_at(origin), INTERLEAVED[: 4 if plane else 6]
    position_m, velocity_m_s = np.matvec(axes, state_ecef[:, :3] - origin), np.matvec(axes, state_ecef[:, 3:])
    return np.hstack([position_m, velocity_m_s])[:, kept], np.kron(np.eye(2), axes)[kept].astype(np.float64)


def _ecef_from_frame(vectors: Floats, origin: Floats) -> Floats:
    """Return (n, 6) Earth-fixed states of (n, 6) [x, y, z, vx, vy, vz]."""
    axes = enu_axes_at(origin)
    return np.hstack([origin + np.vecmat(vectors[:, :3], axes), np.vecmat(vectors[:, 3:], axes)])


def _columns(states: Sequence[Any], position_mapping: Sequence[int], velocity_mapping: Sequence[int]) -> dict[int, int]:
    """Return for each known one of [x, y, z, vx, vy, vz] which component of the states it is."""
    columns = {**dict(enumerate(position_mapping)), **{3 + i: place for i, place in enumerate(velocity_mapping)}}
    smallest = min((len(state.state_vector) for state in states), default=6)
    if max(columns.values()) >= smallest:
        raise ValueError(
            f"a state of {smallest} components has no component {max(columns.values())}: state where position and "
            "velocity are, for [x, vx, y, vy] with position_mapping=(0, 2), velocity_mapping=(1, 3)"
        )
    return columns


def _mean(state: Any) -> Floats:
    return np.asarray(getattr(state, "mean", state.state_vector), np.float64).ravel()


def _vectors(states: Sequence[Any], columns: Mapping[int, int]) -> Floats:
    """Return (n, 6) [x, y, z, vx, vy, vz], 0 where it is not known."""
    vectors = np.zeros((len(states), 6))
    if states:
        vectors[:, list(columns)] = np.array([_mean(state)[list(columns.values())] for state in states])
    return vectors


def _covariances(states: Sequence[Any], columns: Mapping[int, int]) -> Floats:
    """Return (n, 6, 6) in the order of `_vectors`; what is not known is in the plane."""
    if any(not hasattr(state, "covar") for state in states):
        raise ValueError("a state of a Stone Soup track has no covariance")
    usual = local_position.Sensor.PARAMETERS
    plane = np.repeat([usual["plane_sigma_m"], usual["plane_speed_sigma_m_s"]], 3) ** 2
    covariances = np.tile(np.diag(plane), (len(states), 1, 1))
    ours, theirs = np.array(list(columns)), np.array(list(columns.values()))
    if states:
        known = np.array([np.asarray(state.covar, np.float64) for state in states])
        covariances[:, ours[:, None], ours] = known[:, theirs[:, None], theirs]
    return covariances


def _numbered(tracks: list[Any]) -> list[tuple[int, Any]]:
    """Return the tracks with their numbers."""
    tracks = sorted(tracks, key=lambda track: (utc_ns(track[0].timestamp), _mean(track[0]).tolist(), str(track.id)))
    own = [int(str(track.id)) if str(track.id).isdecimal() else -1 for track in tracks]
    kept = len(set(own)) == len(own) and all(0 <= number < 2**64 for number in own)
    return list(zip(own if kept else range(1, len(tracks) + 1), tracks, strict=True))


def _updated_ns(
    number: NDArray[np.uint64], time_ns: NDArray[np.int64], predicted: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return (n,) times of each row's last update; its own where its track has had none yet."""
    rows = np.arange(len(number))
    updated = np.maximum.accumulate(np.where(predicted, -1, rows)) if len(rows) else rows
    own = (updated < 0) | (number[updated] != number)
    return time_ns[np.where(own, rows, updated)]


def _runs(keys: NDArray[Any]) -> list[list[int]]:
    """Return the rows of each run of equal keys."""
    edges = np.flatnonzero(keys[1:] != keys[:-1]) + 1
    return [rows.tolist() for rows in np.split(np.arange(len(keys)), edges) if len(rows)]


def _metadata(identity: Identity, kind: NDArray[Any]) -> list[dict[str, Any]]:
    return [{**said, "kind": KINDS[k]} for said, k in zip(metadata_of(identity), kind.tolist(), strict=True)]


def _kinds(told: Sequence[Mapping[str, Any]]) -> NDArray[np.int64]:
    kinds = [KINDS.index(said["kind"]) if said.get("kind") in KINDS else Kind.UNKNOWN for said in told]
    return np.array(kinds, np.int64)
