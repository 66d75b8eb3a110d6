"""Tracks after the fact: what each track's later plots tell of its earlier states."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.gating import chi_square_gate, mahalanobis_squared
from noroshi.estimation.kalman import symmetric
from noroshi.estimation.smoother import smooth
from noroshi.geo.time import dt_s
from noroshi.geo.wgs84 import Floats
from noroshi.motion import Motion
from noroshi.records import Tracks

Integers = NDArray[np.int64]
BLOCK_ROWS = 2**15  # rows of tracks of like length that are smoothed at a time: bounds the memory
MOVE_PROBABILITY = 0.9999
"""Chance that a filter that moves as `motion` says goes to its next state inside this gate. A longer way is one that
the motion did not foresee (another model's turn, a track that went on from where its twin was): the prediction is then
widened until the way is inside."""


def smoothed(tracks: Tracks, motion: Motion) -> tuple[Tracks, int]:
    """Return the same rows, each with its track's smoothed state, and how many of them could not be.

    A track's rows are the states that its filter had after its plots. Of rows at one time the last given out counts,
    and all of them get its smoothed state. A row that late data withdrew (the same track was told of anew from an
    earlier time on) and that has no successor at its time stays as it was: these are counted.

    The backward pass is exact for a filter of this one motion model with one plot a row. It is an approximation where a
    tracker has several models or more than six components (the moments over all of them go through `motion`), where
    association was soft, and where a covariance was widened or bounded. So that it does not claim more than was known
    there, a prediction is never surer than the filter was after the next plot.

    Args:
        tracks: rows as they changed, in the order in which they were given out; not pictures, whose states hold plots
            that came between them.
        motion: of six components, how the targets move between the rows.

    Source: see `estimation.smoother`.
    """
    order = np.lexsort((np.arange(len(tracks)), tracks.track_id))
    key, is_last = _last_word(tracks.track_id[order], tracks.time_ns[order])
    chain = order[is_last]
    state, covariance = tracks.state_ecef[chain], tracks.covariance_ecef[chain]
    for rows, is_real in _blocks(tracks.track_id[chain]):
        found = _pass(tracks.time_ns[chain][rows], state[rows], covariance[rows], motion)
        state[rows[is_real]], covariance[rows[is_real]] = (part[is_real] for part in found)
    stand_in = np.searchsorted(key[is_last], key)
    follows = key[is_last][np.minimum(stand_in, len(chain) - 1)] == key
    states, covariances = tracks.state_ecef.copy(), tracks.covariance_ecef.copy()
    states[order[follows]] = state[stand_in[follows]]
    covariances[order[follows]] = covariance[stand_in[follows]]
    return tracks.replace(state_ecef=states, covariance_ecef=covariances), int((~follows).sum())


def _last_word(track_id: NDArray[np.uint64], time_ns: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """Return (n,) keys that order rows by track and time, and which rows no later one of the track goes back behind.

    Args:
        track_id: (n,) ascending.
        time_ns: (n,) in the order in which the rows of each track were given out.
    """
    n = len(track_id)
    track = np.unique(track_id, return_inverse=True)[1]
    key = track * n + np.unique(time_ns, return_inverse=True)[1]
    least_after = np.minimum.accumulate(np.append(key, n * n)[::-1])[::-1][1:]
    return key, key < least_after


def _blocks(track_id: NDArray[np.uint64]) -> Iterator[tuple[Integers, NDArray[np.bool_]]]:
    """Yield (k, n) rows of n tracks of like length, filled up with each one's last row, and which are no filling."""
    _, first, length = np.unique(track_id, return_index=True, return_counts=True)
    longest = np.argsort(-length, kind="stable")
    at = 0
    while at < len(longest):
        k = int(length[longest[at]])
        some = longest[at : at + max(BLOCK_ROWS // k, 1)]
        step = np.arange(k)[:, None]
        yield first[some] + np.minimum(step, length[some] - 1), step < length[some]
        at += len(some)


def _pass(time_ns: Integers, states: Floats, covariances: Floats, motion: Motion) -> tuple[Floats, Floats]:
    """Return the smoothed (k, n, 6) states and (k, n, 6, 6) covariances of n tracks of k rows."""
    k, n, d = states.shape
    step_s = dt_s(time_ns[1:], time_ns[:-1]).reshape(-1)
    start, spread = states[:-1].reshape(-1, d), covariances[:-1].reshape(-1, d, d)
    transition, ahead = motion.jacobian(start, step_s), motion.propagate(start, step_s)
    carried = symmetric(transition @ spread @ transition.swapaxes(1, 2))
    noise = _as_sure_as(carried, motion.process_noise(start, step_s), states[1:].reshape(-1, d) - ahead,
                        covariances[1:].reshape(-1, d, d))  # fmt: skip
    steps = (k - 1, n, d)
    return smooth(states, covariances, ahead.reshape(steps), transition.reshape(*steps, d), noise.reshape(*steps, d))


def _as_sure_as(carried: Floats, noise: Floats, move: Floats, after: Floats) -> Floats:
    """Return (p, d, d) process noise with which a prediction could have led to what the filter had after the next plot.

    Args:
        carried: (p, d, d) covariance before the step, moved along.
        noise: (p, d, d) what the motion adds.
        move: (p, d) from the predicted state to that after the plot.
        after: (p, d, d) covariance after the plot.
    """
    spread = carried + noise
    gate = chi_square_gate(MOVE_PROBABILITY, move.shape[1])
    wider = np.maximum(mahalanobis_squared(move, spread) / gate, 1.0)[:, None, None]
    root = np.linalg.cholesky(wider * spread)
    inner = np.linalg.solve(root, np.linalg.solve(root, after).swapaxes(1, 2))
    values, axes = np.linalg.eigh(symmetric(inner))
    axes = root @ axes
    needed = symmetric((axes * np.maximum(values, 1.0)[:, None, :]) @ axes.swapaxes(1, 2)) - carried
    fits = (wider[:, 0, 0] == 1.0) & (values[:, -1] <= 1.0)
    return np.where(fits[:, None, None], noise, needed)
