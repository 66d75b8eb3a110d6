"""New tracks of what may be pushed along its velocity, from a way that was fitted to few looks.

Such a fit hardly tells how the way is curved: two looks tell a mean velocity, and what it is by now hangs on what was
believed of the acceleration. None in any direction, give or take, is right for what flies about; what rises under
thrust is pushed ahead all the time, and would begin 2.5 s times 50 m/s2 too slow after looks 5 s apart. So for a model
that has a push that belief is taken out of the fit, and the model's own put in.
"""

import math

import numpy as np

from noroshi.estimation.kalman import symmetric
from noroshi.geo.gravity import free_fall
from noroshi.geo.wgs84 import Floats
from noroshi.tracking.bank import Bank
from noroshi.tracking.mixing import SLOWEST_M_S
from noroshi.tracking.store import Integers, Store

STEERED_RAD = math.radians(15.0)  # how far off the velocity thrust points: 10 to 20 degrees (`motion.boost`)


def begin_pushed(
    store: Store, bank: Bank, rows: Integers, mean: Floats, covariance: Floats, variance_m2_s4: Floats
) -> None:
    """Give new tracks the state that they have by models with a push; the others' stays.

    Args:
        store: the tracks.
        bank: the models.
        rows: (n,) which tracks.
        mean, covariance: (n, 9), (n, 9, 9) position, velocity and acceleration, Earth-fixed.
        variance_m2_s4: (n,) of each component of the acceleration, about 0, that was believed in the fit.
    """
    beyond = 0
    for size, offset, push in zip(bank.sizes, store.layout.offsets.tolist(), bank.pushes[:, 0].tolist(), strict=True):
        if push >= 0:
            state, spread = pushed(mean, covariance, variance_m2_s4, bank.extent[beyond + push - 6])
            has = np.array([*range(6), push])
            store.real[np.ix_(rows, offset + has)] = state
            cells = offset + size + np.add.outer(size * has, has).ravel()
            store.real[np.ix_(rows, cells)] = spread.reshape(len(rows), -1)
        beyond += size - 6


def pushed(mean: Floats, covariance: Floats, variance_m2_s4: Floats, extent: Floats) -> tuple[Floats, Floats]:
    """Return (n, 7) states of position, velocity and push along it, and their (n, 7, 7) covariances.

    The push is even over its extent (2,), and points `STEERED_RAD` off the velocity; of a velocity v that is not known
    it has the direction of v / sqrt(E v^2), as `motion.boost` has it. In information form beliefs are terms of a sum;
    what is solved for is by how much the mean moves, so that no digits of the place are lost.

    Args:
        mean, covariance, variance_m2_s4: see `begin_pushed`.
        extent: (2,) between which the push is, m/s2.
    """
    square = np.vecdot(mean[:, 3:6], mean[:, 3:6])
    known = square / (square + np.trace(covariance[:, 3:6, 3:6], axis1=1, axis2=2) + SLOWEST_M_S**2)
    ahead = mean[:, 3:6] / np.sqrt(np.maximum(square, SLOWEST_M_S**2))[:, None]
    fall, middle = free_fall(mean[:, :6]), float(extent.mean())
    variance = (extent[1] - extent[0]) ** 2 / 12.0
    along = 1.0 / (variance + middle**2 * (1.0 - known))
    across = 1.0 / ((STEERED_RAD**2 + 0.5 * (1.0 - known)) * (middle**2 + variance))
    axis = ahead[:, :, None] * ahead[:, None, :]
    believed = along[:, None, None] * axis + across[:, None, None] * (np.eye(3) - axis)
    information, pull = np.linalg.inv(covariance), np.zeros((len(mean), 9))
    information[:, 6:, 6:] += believed - np.eye(3) / variance_m2_s4[:, None, None]
    middle_m_s2 = middle * np.sqrt(known)[:, None] * ahead
    pull[:, 6:] = mean[:, 6:] / variance_m2_s4[:, None] - np.matvec(believed, mean[:, 6:] - fall - middle_m_s2)
    spread = np.linalg.inv(information)
    to_push = np.zeros((len(mean), 7, 9))
    to_push[:, :6, :6], to_push[:, 6, 6:] = np.eye(6), ahead
    state = np.matvec(to_push, mean + np.matvec(spread, pull))
    state[:, 6] -= np.vecdot(ahead, fall)
    return state, symmetric(to_push @ spread @ to_push.swapaxes(1, 2))
