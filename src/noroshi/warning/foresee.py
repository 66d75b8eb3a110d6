"""What a track of any kind will do: the ways of each kind that it may be, by its probability."""

import numpy as np

from noroshi.geo.wgs84 import Floats
from noroshi.records import Kind
from noroshi.warning.boosting import boost_from
from noroshi.warning.falling import fall_from
from noroshi.warning.forecast import Forecast, mixed
from noroshi.warning.gliding import glide_from

LEAST = 0.02  # what is less probable is left out


def foresee(
    state_ecef: Floats,
    covariance_ecef: Floats,
    kind_probability: Floats,
    time_ns: int,
    *,
    unseen_s: float = 0.0,
    thrust_m_s2: tuple[float, float] | None = None,
    dark_s: float | None = None,
    glides: bool = True,
) -> Forecast | None:
    """Return how a track may go on, or None if it is in all likelihood nothing that boosts, falls or glides.

    What is in space falls. Aircraft, ships and what is unknown are left out; the others' probabilities are taken
    relative to one another.

    Args:
        state_ecef: (6,) Earth-fixed position [m] and velocity [m/s].
        covariance_ecef: (6, 6).
        kind_probability: (7,) in the order of `Kind`.
        time_ns: when the state holds, Unix UTC nanoseconds.
        unseen_s: for how long nobody has measured it since (a lost track): its region widens.
        thrust_m_s2: acceleration by thrust and its standard deviation (`boosting.thrust_between`).
        dark_s: what was under thrust was not seen any more so long after the state: see `boosting.boost_from`.
        glides: whether a glider is thought possible at all. Above the air a glider and what falls are the same to a
            tracker.
    """
    share = {
        boost_from: float(kind_probability[Kind.BOOSTING]),
        fall_from: float(kind_probability[Kind.BALLISTIC] + kind_probability[Kind.SPACE]),
        glide_from: float(kind_probability[Kind.GLIDING]) if glides else 0.0,
    }
    held = {how: each for how, each in share.items() if each >= LEAST}
    if not held:
        return None
    parts = []
    for how in held:
        if how is boost_from:
            parts.append(
                boost_from(
                    state_ecef, covariance_ecef, time_ns, unseen_s=unseen_s, thrust_m_s2=thrust_m_s2, dark_s=dark_s
                )
            )
        elif how is fall_from:
            parts.append(fall_from(state_ecef, covariance_ecef, time_ns, unseen_s=unseen_s))
        else:
            parts.append(glide_from(state_ecef, covariance_ecef, time_ns, unseen_s=unseen_s))
    return mixed(parts, np.array(list(held.values())))
