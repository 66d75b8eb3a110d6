"""What a track of any kind will do: the ways of each kind that it may be, by its probability."""

import numpy as np

from noroshi.geo.wgs84 import MEAN_RADIUS_M, Floats
from noroshi.records import Kind
from noroshi.records.known import Known, question
from noroshi.warning import boosting, falling, gliding
from noroshi.warning.boosting import boost_from
from noroshi.warning.falling import fall_from
from noroshi.warning.forecast import Forecast, mixed
from noroshi.warning.gliding import glide_from

N_ROUGH = 64  # ways that tell whether the rest are worth their while
LEAST = 0.02  # what is less probable is left out
GLIDER_TOP_M = 200e3  # gliders are let go lower: published paths stay below some 150 km


def foresee(
    state_ecef: Floats,
    covariance_ecef: Floats,
    kind_probability: Floats,
    time_ns: int,
    *,
    unseen_s: float = 0.0,
    is_rough: bool = False,
    known: Known | None = None,
) -> Forecast | None:
    """Return how a track may go on, or None if it is in all likelihood nothing that boosts, falls or glides.

    What is in space falls. Aircraft, ships and what is unknown are left out; the others' probabilities are taken
    relative to one another. Above the air a glider and what falls are the same to a tracker: what would rise higher
    than gliders are let go, or is, counts as falling.

    Args:
        state_ecef: (6,) Earth-fixed position [m] and velocity [m/s].
        covariance_ecef: (6, 6).
        kind_probability: (7,) in the order of `Kind`.
        time_ns: when the state holds, Unix UTC nanoseconds.
        unseen_s: for how long nobody has measured it since (a lost track): its region widens.
        is_rough: in few ways, whose first two moments are exact too: enough to see whom they may concern at all, and
            whether the ends of a boost are an ocean apart.
        known: what was foreseen lately, by nodes of the same process that ask the same; None remembers nothing.
    """
    asked = state_ecef, covariance_ecef, kind_probability, time_ns, unseen_s, is_rough
    if known is None:
        return _foresee(*asked)
    key = question(b"", *asked)
    forecast: Forecast | None = known.get(key)
    if forecast is None:
        forecast = _foresee(*asked)
        if forecast is not None:
            known.put(key, forecast)
    return forecast


def _foresee(
    state_ecef: Floats,
    covariance_ecef: Floats,
    kind_probability: Floats,
    time_ns: int,
    unseen_s: float,
    is_rough: bool,
) -> Forecast | None:
    boosts, glides = float(kind_probability[Kind.BOOSTING]), float(kind_probability[Kind.GLIDING])
    falls = float(kind_probability[Kind.BALLISTIC] + kind_probability[Kind.SPACE])
    if max(boosts, glides, falls) < LEAST:
        return None
    parts, weights = [], []
    if max(glides, falls) >= LEAST:
        downwards = fall_from(
            state_ecef, covariance_ecef, time_ns, unseen_s=unseen_s, n_ways=N_ROUGH if is_rough else falling.N_WAYS
        )
        low = float(downwards.weight[_highest_m(downwards) < GLIDER_TOP_M].sum())
        glides, falls = glides * low, falls + glides * (1.0 - low)
        parts, weights = [downwards], [falls]
    if glides >= LEAST:
        parts.append(
            glide_from(
                state_ecef, covariance_ecef, time_ns, unseen_s=unseen_s, n_ways=N_ROUGH if is_rough else gliding.N_WAYS
            )
        )
        weights.append(glides)
    if boosts >= LEAST:
        parts.append(
            boost_from(
                state_ecef, covariance_ecef, time_ns, unseen_s=unseen_s, n_ways=N_ROUGH if is_rough else boosting.N_WAYS
            )
        )
        weights.append(boosts)
    return mixed(parts, np.array(weights))


def _highest_m(forecast: Forecast) -> Floats:
    """Return the (m,) greatest heights of ways, as of a ball: good to 20 km."""
    radius: Floats = np.sqrt((forecast.position_ecef_m**2).sum(axis=2).max(axis=1))
    return radius - MEAN_RADIUS_M
