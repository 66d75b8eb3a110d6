"""Flights drawn from what the forecasts state to believe beforehand, flown by the exercise's movers."""

import math
from typing import Any

import numpy as np
from impact_parts.scenes import NS, START_NS, Floats, Truth, truth_of

from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers import ballistic, boost_glide
from noroshi.records import Kind
from noroshi.warning import boosting, falling, gliding

LATEST_S, LOWEST_M = 7_000.0, 20e3
GLIDE_SPEED_M_S, GLIDE_CLIMB_DEG = (3_000.0, 6_500.0), (2.0, 8.0)


def fall(number: int, rng: np.random.Generator) -> Truth | None:
    """Return a boost and the fall that follows, or None if it is left out."""
    low, high = (math.log(each) for each in falling.COEFFICIENT_KG_M2)
    try:
        mover = ballistic.Mover(
            lat_deg=rng.uniform(30.0, 45.0), lon_deg=rng.uniform(110.0, 150.0), bearing_deg=rng.uniform(0.0, 360.0),
            burn_out_speed_m_s=rng.uniform(*boosting.SPEED_M_S),
            burn_out_climb_deg=rng.uniform(*(math.degrees(each) for each in boosting.CLIMB_RAD)),
            ballistic_coefficient_kg_m2=math.exp(rng.uniform(low, high)),
            steering_deg=math.degrees(boosting.STEERING_RAD),
        )  # fmt: skip
        flown = mover.fly("f", START_NS, START_NS + round(LATEST_S * NS), Draws(6, number, "f"))[0]
    except ValueError:  # it goes through the ground, or no such boost exists
        return None
    return _landed(flown)


def glide(number: int, rng: np.random.Generator) -> Truth | None:
    """Return a glider's flight, or None if it is left out."""
    speed = rng.uniform(*GLIDE_SPEED_M_S)
    banks: list[Any] = []
    now_s = rng.exponential(gliding.STRAIGHT_S)
    most = math.degrees(gliding.BANK_MAX_RAD)
    while now_s < 3_000.0:
        angle = rng.uniform(-most, most)
        for_s = max(rng.exponential(gliding.BANKED_S), 2.0 * abs(angle) / 5.0 + 1.0)
        banks.append({"from_s": now_s, "for_s": for_s, "bank_deg": angle})
        now_s += for_s + rng.exponential(gliding.STRAIGHT_S)
    try:
        mover = boost_glide.Mover(
            lat_deg=rng.uniform(30.0, 45.0), lon_deg=rng.uniform(110.0, 150.0), bearing_deg=rng.uniform(0.0, 360.0),
            burn_out_speed_m_s=speed, burn_out_climb_deg=rng.uniform(*GLIDE_CLIMB_DEG),
            ballistic_coefficient_kg_m2=math.exp(rng.uniform(*np.log(gliding.COEFFICIENT_KG_M2))),
            lift_over_drag=rng.uniform(*gliding.LIFT_TO_DRAG), banks=tuple(banks),
            slowest_m_s=rng.uniform(gliding.SLOWEST_M_S, 0.95 * speed),
        )  # fmt: skip
        flown = mover.fly("g", START_NS, START_NS + round(LATEST_S * NS), Draws(6, number, "g"))[0]
    except ValueError:
        return None
    return _landed(flown)


def _landed(flown: Any) -> Truth | None:
    last_s = float(flown.time_ns[-1] - START_NS) / NS
    if last_s >= LATEST_S - 1.0 or not (flown.kind == Kind.BOOSTING).any():
        return None
    truth = truth_of(flown, (Kind.BOOSTING,))
    at = truth.states(np.array([truth.burn_out_s]))[0]
    return truth if np.linalg.norm(at[:3]) > 6_378e3 - 21e3 + LOWEST_M else None


def erred(truth: Floats, covariance: Floats, rng: np.random.Generator) -> Floats:
    """Return a (6,) state that is off by an error of this covariance."""
    scale = np.sqrt(np.diagonal(covariance))
    root = np.linalg.cholesky(covariance / np.outer(scale, scale))
    state: Floats = truth + scale * (root @ rng.normal(size=6))
    return state
