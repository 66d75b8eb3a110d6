"""A truth that an aircraft could have flown: reported states, smoothed forwards and backwards.

State vectors of receiver networks carry positions that are up to seconds old and now and then wrong by kilometres,
which no cleaning by single rows can mend. Here each leg goes through a Rauch-Tung-Striebel smoother, again and again,
with the noise of each report set by how far it lay from the last result (a Cauchy M-estimator), so that what
contradicts both what came before and what came after loses its say.
"""

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.kalman import symmetric, update
from noroshi.estimation.smoother import smooth
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import enu_axes_at
from noroshi.motion import Motion
from noroshi.records import Truth

Floats = NDArray[np.float64]
PASSES = 5
UNKNOWN_VELOCITY_M_S = 300.0


def smoothed(
    truth: Truth,
    motion: Motion,
    *,
    position_sigma_m: float = 60.0,
    height_sigma_m: float = 10.0,
    velocity_sigma_m_s: float = 3.0,
) -> Truth:
    """Return the same rows with smoothed states.

    Args:
        truth: legs (rows of one target) of reported states; positions finite, velocities NaN where not reported.
        motion: its process noise says how hard the targets manoeuvre; a component beyond the sixth begins in the middle
            of its model's extent, uncertain as if uniform there.
        position_sigma_m: of a report along each horizontal axis.
        height_sigma_m: of a report's height.
        velocity_sigma_m_s: of a report along each axis.

    Source: Rauch, Tung, Striebel (1965), AIAA J. 3(8); Huber, Ronchetti (2009), Robust Statistics, section 7.8, for the
    iteration of weights; Cauchy's weight is 1 / (1 + (residual / sigma)^2).
    """
    order = np.lexsort((truth.time_ns, truth.target))
    first = np.concatenate([[True], truth.target[order][1:] != truth.target[order][:-1]]) if len(order) else order == 0
    leg, place = np.cumsum(first) - 1, np.arange(len(order))
    place = place - np.maximum.accumulate(np.where(first, place, 0))
    if not len(order):
        return truth
    shape = (int(place.max()) + 1, int(leg.max()) + 1)
    reported = np.full((*shape, 6), np.nan)
    reported[place, leg] = truth.state_ecef[order]
    time_s = np.zeros(shape)
    time_s[place, leg] = (truth.time_ns[order] - truth.time_ns[order].min()) / NS_PER_S
    dt_s = np.maximum(np.diff(np.maximum.accumulate(time_s, axis=0), axis=0), 0.0)
    sigmas = np.array([position_sigma_m] * 2 + [height_sigma_m] + [velocity_sigma_m_s] * 3)
    axes = enu_axes_at(np.where(np.isnan(reported[..., :3]), [6.4e6, 0.0, 0.0], reported[..., :3]))
    weight = np.ones(reported.shape)
    for _ in range(PASSES):
        states = _pass(reported, dt_s, _noise(axes, sigmas, weight), motion)
        weight = 1.0 + (_enu(axes, reported - states) / sigmas) ** 2
    return _in_order(truth, order, states[place, leg])


def _pass(reported: Floats, dt_s: Floats, noise: Floats, motion: Motion) -> Floats:
    """Return (k, n, 6) smoothed states of n legs of up to k reports; what follows a leg's end is of no meaning."""
    k, n, _ = reported.shape
    low, high = np.array(motion.EXTENT, np.float64).reshape(-1, 2).T
    unknown = np.concatenate([[1e4] * 3, [UNKNOWN_VELOCITY_M_S] * 3, (high - low) / np.sqrt(12.0)]) ** 2
    d = len(unknown)
    start = np.where(np.isnan(reported[0]), 0.0, reported[0])
    mean = np.hstack([start, np.broadcast_to((low + high) / 2.0, (n, d - 6))])
    covariance = np.tile(np.diag(unknown), (n, 1, 1))
    means, covariances = np.empty((k, n, d)), np.empty((k, n, d, d))
    ahead, transitions, drifts = np.empty((k - 1, n, d)), np.empty((k - 1, n, d, d)), np.empty((k - 1, n, d, d))
    identity = np.broadcast_to(np.eye(6, d), (n, 6, d))
    for i in range(k):
        if i:
            transitions[i - 1] = motion.jacobian(mean, dt_s[i - 1])
            drifts[i - 1] = motion.process_noise(mean, dt_s[i - 1])
            ahead[i - 1] = mean = motion.propagate(mean, dt_s[i - 1])
            covariance = symmetric(transitions[i - 1] @ covariance @ transitions[i - 1].swapaxes(1, 2) + drifts[i - 1])
        posterior = update(mean, covariance, reported[i] - mean[:, :6], identity, noise[i])
        mean, covariance = posterior.mean, posterior.covariance
        means[i], covariances[i] = mean, covariance
    return smooth(means, covariances, ahead, transitions, drifts)[0][:, :, :6]


def _noise(axes: Floats, sigmas: Floats, weight: Floats) -> Floats:
    """Return (k, n, 6, 6) Earth-fixed noise of reports whose variances along east, north, up are weighted."""
    variances = np.where(np.isnan(weight), 1.0, weight) * sigmas**2
    noise = np.zeros((*variances.shape, 6))
    for part in (slice(0, 3), slice(3, 6)):
        noise[..., part, part] = axes.swapaxes(-1, -2) @ (variances[..., part, None] * axes)
    return noise


def _enu(axes: Floats, difference: Floats) -> Floats:
    """Return (k, n, 6) Earth-fixed differences of position and velocity along east, north, up."""
    return np.concatenate([np.matvec(axes, difference[..., :3]), np.matvec(axes, difference[..., 3:])], axis=-1)


def _in_order(truth: Truth, order: NDArray[np.intp], states: Floats) -> Truth:
    state_ecef = np.empty_like(truth.state_ecef)
    state_ecef[order] = states
    return truth.replace(state_ecef=state_ecef)
