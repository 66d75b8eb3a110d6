"""What a track can be by how high, how fast and how steeply it moves, whatever it is said to be.

Motion models and transponders say what a target is; the first know only the kinds of which there is a model, the second
what they are told to say. A glider that no model of the bank stands for moves steadily, as an aircraft does, but no
aircraft is at 30 km and 2.7 km/s. So each kind has an envelope, and a claim to be it counts as far as the state, with
its covariance, lies inside. The rest of the claim goes to the kinds that may be taken for it (`TAKEN_FOR`), as far as
the state lies in theirs, and what fits none is unknown. A model of boosts or glides follows how they accelerate: where
a steady motion would have to look like one, its claim has less to fulfil. Yet in free flight, where neither pushes, it
follows a satellite as well as any, so what stays up is none of the two. Who a target says it is, is believed or not: if
not, it is unknown, so that nobody becomes a missile by a forged report.

Envelopes, each by height, speed, climb, and by how high the lowest point of a free flight from there would be:

- Aircraft: up to 38 km, 1,000 m/s, a climb of 350 m/s. Source: records of the Fédération Aéronautique Internationale:
  37,650 m (MiG-25M, 1977), 980 m/s (SR-71, 1976), 9 to 12 km in 10.5 s, so 285 m/s (F-15, 1975).
- Ship: within 500 m of the ellipsoid (the geoid is within 110 m; not on mountain lakes), up to 53 m/s, the fastest that
  a report can say. Source: ITU-R M.1371-5, message 1. What says nothing of itself, not even by a transponder's code, is
  taken for one whose AIS is silent, nine times in ten (`AFLOAT`), as far as it is within 200 m and no faster than the
  fastest ferries, 30 m/s; all three are chosen. The rest hovers, or drives.
- Gliding: 20 to 80 km, faster than aircraft, not climbing steeper than they. Source: Wright and Tracy (2020), Modeling
  the Performance of Hypersonic Boost-Glide Missiles, Science and Global Security 28(3), 135-170: glides at 30 to 50 km.
- Boosting: steeper than aircraft climb, up to 400 km, where upper stages burn out.
- Ballistic comes down and space stays up: free flight that nowhere is lower than 100 km goes on round the Earth.
  Source: McDowell (2018), The edge of space, Acta Astronautica 151, 668-677: lower perigees last a day at most.
  Radars see thousands of satellites for each missile, and by now and then a poor estimate one seems to come down: where
  the state leaves both open, `STAYS_UP` say beforehand that it stays up for one that says it falls.
- None of these four is faster than what leaves the Earth for ever, 11,180 m/s at the ground: what seems to be is no
  flight but plots that have nothing to do with each other. Source: Vallado (2013), Fundamentals of Astrodynamics and
  Applications, 4th ed., section 1.3: the square root of 2 mu / r.

A kind that is not named here may be anywhere. Height, speed, climb and lowest point are taken for normal and
independent, each with the variance that the covariance gives it to first order.
"""

import math

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.gravity import lowest_m
from noroshi.geo.wgs84 import (
    GRAVITATIONAL_PARAMETER_M3_S2,
    MEAN_RADIUS_M,
    SEMI_MAJOR_AXIS_M,
    SEMI_MINOR_AXIS_M,
    Floats,
    vertical_at,
)
from noroshi.kernel import kernel
from noroshi.records import Kind
from noroshi.records.identity import ABSENT

Integers = NDArray[np.int64]

HEIGHT, SPEED, CLIMB, LOWEST = range(4)
AIRCRAFT_M, AIRCRAFT_M_S, AIRCRAFT_CLIMB_M_S = 38_000.0, 1_000.0, 350.0
ORBIT_M = 100_000.0
ESCAPE_M_S = math.sqrt(2.0 * GRAVITATIONAL_PARAMETER_M3_S2 / MEAN_RADIUS_M)
BY_MOTION = len(Kind)  # from this row on: what a motion model of that kind must fulfil, not what is taken for it
ENVELOPES = np.tile([-np.inf, np.inf], (2 * BY_MOTION, 4, 1))
ENVELOPES[Kind.AIRCRAFT, :3, 1] = AIRCRAFT_M, AIRCRAFT_M_S, AIRCRAFT_CLIMB_M_S
ENVELOPES[Kind.SHIP, HEIGHT], ENVELOPES[Kind.SHIP, SPEED, 1] = (-500.0, 500.0), 53.0
ENVELOPES[Kind.GLIDING, HEIGHT] = 20_000.0, 80_000.0
ENVELOPES[Kind.GLIDING, SPEED, 0], ENVELOPES[Kind.GLIDING, CLIMB, 1] = AIRCRAFT_M_S, AIRCRAFT_CLIMB_M_S
ENVELOPES[Kind.BOOSTING, HEIGHT, 1], ENVELOPES[Kind.BOOSTING, CLIMB, 0] = 400_000.0, AIRCRAFT_CLIMB_M_S
ENVELOPES[Kind.BALLISTIC, LOWEST, 1] = ENVELOPES[Kind.SPACE, LOWEST, 0] = ENVELOPES[Kind.SPACE, HEIGHT, 0] = ORBIT_M
ENVELOPES[[Kind.GLIDING, Kind.BOOSTING, Kind.BALLISTIC, Kind.SPACE], SPEED, 1] = ESCAPE_M_S
ENVELOPES[BY_MOTION:] = ENVELOPES[:BY_MOTION]
ENVELOPES[BY_MOTION + Kind.SHIP, HEIGHT], ENVELOPES[BY_MOTION + Kind.SHIP, SPEED, 1] = (-200.0, 200.0), 30.0
for _kind in (Kind.BOOSTING, Kind.GLIDING):
    ENVELOPES[BY_MOTION + _kind] = ENVELOPES[Kind.BALLISTIC]

TAKEN_FOR = np.zeros((len(Kind), len(Kind)))
"""Row: what a motion claims to be; column: how likely what moves so in this other envelope is that and nothing else."""
TAKEN_FOR[Kind.AIRCRAFT, [Kind.GLIDING, Kind.BOOSTING]] = 0.99
TAKEN_FOR[[Kind.BALLISTIC, Kind.BOOSTING, Kind.GLIDING], Kind.SPACE] = 1.0
AFLOAT = 0.9
"""How likely what nobody has heard of, and what moves as ships do, is a ship."""
STAYS_UP = 1_000.0
"""How much likelier beforehand free flight above the air stays up than comes down: chosen, and less than radars see."""
SHARE_MIN = 1e-6  # a claim of less is not looked into

SAID, MOVED, SILENT = range(3)
"""Why something is taken for a kind: it says so; it moves so; it moves so, and answers no interrogation either."""
UNKNOWN, AIRCRAFT, SHIP, SPACE = int(Kind.UNKNOWN), int(Kind.AIRCRAFT), int(Kind.SHIP), int(Kind.SPACE)
# Six sigma of a kilometre and of 50 m/s inside an aircraft's envelope nothing more is asked: most that is tracked is.
DEEP_SIGMA_M, DEEP_SIGMA_M_S = 1_000.0, 50.0
DEEP_M, DEEP_M_S = AIRCRAFT_M - 6.0 * DEEP_SIGMA_M, AIRCRAFT_M_S - 6.0 * DEEP_SIGMA_M_S
FLIES_M_S = float(ENVELOPES[BY_MOTION + Kind.SHIP, SPEED, 1])
DEEP_CLIMB_M_S = AIRCRAFT_CLIMB_M_S - 6.0 * DEEP_SIGMA_M_S
DEFLECTION_RAD = 0.0034  # of the vertical from the Earth's centre


def kinds_said(
    icao_address: Integers, mmsi: Integers, mean: Floats, covariance: Floats, motion: Kind = Kind.UNKNOWN
) -> Floats:
    """Return (n, 7) probabilities of kinds of tracks that have one state each.

    Args:
        icao_address, mmsi: (n,) what they say they are.
        mean: (n, 6) Earth-fixed position [m] and velocity [m/s].
        covariance: (n, 6, 6).
        motion: what those that say nothing move like.
    """
    n = len(mean)
    rows = np.concatenate([mean, covariance.reshape(n, 36)], axis=1)
    kinds = np.zeros((n, len(Kind)))
    for i in range(n):
        said = SHIP if mmsi[i] != ABSENT else AIRCRAFT if icao_address[i] != ABSENT else UNKNOWN
        why = SILENT if said == UNKNOWN else SAID
        weigh(rows[i], 0, 6, 1.0, said or int(motion), why, ENVELOPES, TAKEN_FOR, kinds[i])
    return kinds


def perigee_m(states: Floats) -> Floats:
    """Return the (n,) distances from the Earth's centre at which free flights of (n, 6) states are lowest."""
    return np.array([lowest_m(state) for state in np.array(states, np.float64, order="C")], np.float64)


@kernel
def weigh(
    row: Floats,
    offset: int,
    d: int,
    share: float,
    claim: int,
    why: int,
    envelopes: Floats,
    taken_for: Floats,
    kinds: Floats,
) -> None:
    """Add to `kinds` (7,) what a claim of this weight comes to, of the (d,) state and (d, d) covariance at `offset`.

    `why` it is made: `SAID`, `MOVED` or `SILENT`.
    """
    by_motion, is_silent = why != SAID, why == SILENT
    is_settled = (by_motion and not taken_for[claim].any()) or share < SHARE_MIN
    if is_settled or claim == UNKNOWN or (claim == AIRCRAFT and _is_deep_inside(row, offset, d, is_silent)):
        kinds[claim] += share
        return
    measures, sigmas = np.empty(4), np.empty(4)
    _measure(row, offset, d, measures, sigmas)
    own = _inside(measures, sigmas, envelopes[claim + (BY_MOTION if by_motion else 0)])
    if is_silent and claim == AIRCRAFT:
        afloat = AFLOAT * own * _inside(measures, sigmas, envelopes[BY_MOTION + SHIP])
        kinds[SHIP] += share * afloat
        kinds[AIRCRAFT] -= share * afloat
    if own >= 1.0:
        kinds[claim] += share
        return
    fits = np.zeros(kinds.shape[0])
    for c in range(kinds.shape[0]):
        if by_motion and taken_for[claim, c] > 0.0:
            fits[c] = taken_for[claim, c] * _inside(measures, sigmas, envelopes[c])
    if fits[SPACE] > 0.0:
        both = own + fits[SPACE]
        own *= both / (own + STAYS_UP * fits[SPACE])
        fits[SPACE] = both - own
    kinds[claim] += share * own
    others = fits.sum()
    none = max(1.0 - own - others, 0.0)
    kinds[UNKNOWN] += share * none
    for c in range(kinds.shape[0]):
        if others > 0.0:
            kinds[c] += share * (1.0 - own - none) * fits[c] / others


@kernel
def _is_deep_inside(row: Floats, offset: int, d: int, is_silent: bool) -> bool:
    """Return whether the state is far below every bound of an aircraft's envelope, and too fast for a silent ship."""
    x, y, z = row[offset], row[offset + 1], row[offset + 2]
    across, along = SEMI_MAJOR_AXIS_M + DEEP_M, SEMI_MINOR_AXIS_M + DEEP_M
    if (x * x + y * y) / (across * across) + z * z / (along * along) > 1.0:
        return False
    speed, up, place, motion = 0.0, 0.0, 0.0, 0.0
    for a in range(3):
        speed += row[offset + 3 + a] ** 2
        up += row[offset + a] * row[offset + 3 + a]
        place += row[offset + d + a * (d + 1)]
        motion += row[offset + d + (3 + a) * (d + 1)]
    speed = math.sqrt(speed)
    climb = up / math.sqrt(x * x + y * y + z * z) + DEFLECTION_RAD * speed
    is_sure = place < DEEP_SIGMA_M**2 and motion < DEEP_SIGMA_M_S**2
    if is_silent and speed < FLIES_M_S + 6.0 * math.sqrt(motion):
        return False
    return is_sure and speed < DEEP_M_S and climb < DEEP_CLIMB_M_S


@kernel
def _measure(row: Floats, offset: int, d: int, measures: Floats, sigmas: Floats) -> None:
    """Write height, speed, climb and lowest height of a free flight, and the standard deviation of each."""
    state = row[offset : offset + 6]
    ux, uy, uz, height = vertical_at(state[0], state[1], state[2])
    speed = math.sqrt(state[3] ** 2 + state[4] ** 2 + state[5] ** 2)
    slopes, moved, lowest = np.zeros((4, 6)), state.copy(), lowest_m(state)
    slopes[HEIGHT, 0], slopes[HEIGHT, 1], slopes[HEIGHT, 2] = ux, uy, uz
    slopes[CLIMB, 3], slopes[CLIMB, 4], slopes[CLIMB, 5] = ux, uy, uz
    for a in range(3):
        slopes[SPEED, 3 + a] = state[3 + a] / max(speed, 1e-9)
    for a in range(6):
        step = 1.0 if a < 3 else 1e-3
        moved[a] = state[a] + step
        slopes[LOWEST, a] = (lowest_m(moved) - lowest) / step
        moved[a] = state[a]
    measures[HEIGHT], measures[SPEED], measures[LOWEST] = height, speed, lowest - MEAN_RADIUS_M
    measures[CLIMB] = ux * state[3] + uy * state[4] + uz * state[5]
    for m in range(4):
        variance = 0.0
        for a in range(6):
            for b in range(6):
                variance += slopes[m, a] * row[offset + d + a * d + b] * slopes[m, b]
        sigmas[m] = math.sqrt(max(variance, 1e-6))


@kernel
def _inside(measures: Floats, sigmas: Floats, envelope: Floats) -> float:
    """Return how likely all measures are inside an envelope."""
    likely = 1.0
    for m in range(measures.shape[0]):
        scale = 1.0 / (sigmas[m] * math.sqrt(2.0))
        above_low = 0.5 * math.erfc((envelope[m, 0] - measures[m]) * scale)
        below_high = 0.5 * math.erfc((measures[m] - envelope[m, 1]) * scale)
        likely *= max(above_low + below_high - 1.0, 0.0)
    return likely
