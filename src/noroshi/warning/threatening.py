"""Which tracks are threats: likely a missile, with more energy than any aircraft has."""

import math

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import vertical_at
from noroshi.kernel import kernel
from noroshi.records import Kind, Tracks, TrackStatus
from noroshi.warning.settings import Settings

STANDARD_GRAVITY_M_S2 = 9.80665  # Source: CGPM (1901)
DOUBT = 0.4  # what was a threat is none any more below this part of the probability that makes one
SURELY_SIGMAS = 2.0  # by so many sigmas a threat has more energy than an aircraft, where it begins


def is_alive(tracks: Tracks) -> NDArray[np.bool_]:
    """Return (n,) which tracks are sure to be there, and go on."""
    return np.asarray((tracks.status != TrackStatus.LOST) & (tracks.status != TrackStatus.TENTATIVE))


def may_threaten(tracks: Tracks, settings: Settings | None = None) -> NDArray[np.bool_]:
    """Return (n,) which tracks may be threats by a nation's settings, or may still be what was one."""
    held = settings or Settings()
    return _likely(tracks, held.kind_probability * DOUBT, held.energy_height_m, 0.0)


def threatening(tracks: Tracks, settings: Settings) -> NDArray[np.bool_]:
    """Return (n,) which tracks are threats: of one whose speed is not known nobody knows that it has the energy."""
    return _likely(tracks, settings.kind_probability, settings.energy_height_m, SURELY_SIGMAS)


def _likely(tracks: Tracks, probability: float, energy_height_m: float, sigmas: float) -> NDArray[np.bool_]:
    """Return (n,) which tracks go on and are missiles with that probability and energy, by so many sigmas, at least."""
    threats = np.empty(len(tracks), np.bool_)
    _judge_kinds(
        tracks.status, tracks.kind_probability, tracks.state_ecef, tracks.covariance_ecef, probability,
        energy_height_m, sigmas, threats,
    )  # fmt: skip
    return threats


@kernel
def _judge_kinds(
    status: NDArray[np.uint8],
    kinds: NDArray[np.float64],
    states: NDArray[np.float64],
    covariances: NDArray[np.float64],
    probability: float,
    least_m: float,
    sigmas: float,
    threats: NDArray[np.bool_],
) -> None:
    for i in range(len(status)):
        threats[i] = False
        if status[i] == TrackStatus.LOST or status[i] == TrackStatus.TENTATIVE:
            continue
        if kinds[i, Kind.BALLISTIC] + kinds[i, Kind.BOOSTING] + kinds[i, Kind.GLIDING] >= probability:
            more_m = sigmas * _energy_height_sigma(states[i], covariances[i]) if sigmas > 0.0 else 0.0
            threats[i] = _energy_height(states[i]) >= least_m + more_m


def energy_height_m(states_ecef: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n,) height plus speed^2 / 2 g of (n, 6) states."""
    heights_m = np.empty(len(states_ecef))
    _energy_heights(np.ascontiguousarray(states_ecef), heights_m)
    return heights_m


@kernel
def _energy_heights(states: NDArray[np.float64], heights_m: NDArray[np.float64]) -> None:
    for i in range(len(states)):
        heights_m[i] = _energy_height(states[i])


@kernel
def _energy_height(x: NDArray[np.float64]) -> float:
    square = x[3] * x[3] + x[4] * x[4] + x[5] * x[5]
    return float(vertical_at(x[0], x[1], x[2])[3] + square / (2.0 * STANDARD_GRAVITY_M_S2))


@kernel
def _energy_height_sigma(x: NDArray[np.float64], covariance: NDArray[np.float64]) -> float:
    """Return how well it is known, to first order: upwards it grows by what the height does, along the way by v/g."""
    by, variance = np.empty(6), 0.0
    by[0], by[1], by[2], _ = vertical_at(x[0], x[1], x[2])
    for i in range(3):
        by[3 + i] = x[3 + i] / STANDARD_GRAVITY_M_S2
    for i in range(6):
        for j in range(6):
            variance += by[i] * covariance[i, j] * by[j]
    return math.sqrt(max(variance, 0.0))
