"""Real flights flown into a scenario: moved over the globe as one stiff piece, and to another time."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.exercise.flight import Flight
from noroshi.geo.curvature import radii_of_curvature_m
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats, ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.records import Identity, Kind, Truth, take
from noroshi.records.identity import ABSENT

GAP_NS = 60 * NS_PER_S
CROSS_SECTION_M2 = {Kind.AIRCRAFT: 30.0, Kind.SHIP: 2_000.0}
CROSS_SECTION_M2_ELSE = 10.0
FIRST_TEMPORARY_ADDRESS, LAST_TEMPORARY_ADDRESS = 0xF00000, 0xFFFFFF
"""Addresses that no state gives to an aircraft (ICAO Annex 10 volume III, part I, chapter 9, table 9-1: reserved)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Where and when real flights are put.

    Attributes:
        lat_rad, lon_rad: where their middle comes to be.
        turn_rad: by how much all paths are turned clockwise about it.
        later_ns: added to every time.
        start_ns, end_ns: flights are there only between these, times after the move.
    """

    lat_rad: float
    lon_rad: float
    turn_rad: float
    later_ns: int
    start_ns: int
    end_ns: int


def flights_of(truth: Truth, name: str, move: Move, *, number_max: int, first_address: int = 0) -> list[Flight]:
    """Return real flights, moved, called "NAME target", in the order of their targets' names.

    The normals of their paths turn stiffly about the Earth's centre, heights stay, and velocities are those of the
    moved paths on the ellipsoid. A flight that has no address gets one of those that no state gives away, counted on
    from `first_address`, so that it can be heard. One that has fewer than two samples in the time is left out.

    Args:
        truth: of real flights, any order.
        name: of the whole.
        move: where and when they are put.
        number_max: at most so many, those that are there the longest.
        first_address: how many such addresses are taken already.
    """
    inside = (truth.time_ns + move.later_ns >= move.start_ns) & (truth.time_ns + move.later_ns <= move.end_ns)
    truth = take(truth, np.flatnonzero(inside))
    if not len(truth):
        return []
    truth = take(truth, np.lexsort((truth.time_ns, truth.target)))
    repeated = (truth.target[1:] == truth.target[:-1]) & (truth.time_ns[1:] == truth.time_ns[:-1])
    truth = take(truth, np.flatnonzero(~np.append(False, repeated)))
    edges = (truth.target[1:] != truth.target[:-1]) | (np.diff(truth.time_ns) > GAP_NS)
    legs = [rows for rows in np.split(np.arange(len(truth)), np.flatnonzero(edges) + 1) if len(rows) > 1]
    state_ecef = moved(truth.state_ecef, move)
    spans = [int(truth.time_ns[rows[-1]] - truth.time_ns[rows[0]]) for rows in legs]
    longest = sorted(np.argsort([-span for span in spans], kind="stable")[:number_max].tolist())
    return [
        Flight(
            name=f"{name} {truth.target[legs[i][0]]}{_which(truth, legs, i)}",
            time_ns=truth.time_ns[legs[i]] + move.later_ns,
            state_ecef=state_ecef[legs[i]],
            kind=truth.kind[legs[i]],
            identity=_identity(take(truth.identity, legs[i][:1]), first_address + n),
            cross_section_m2=CROSS_SECTION_M2.get(Kind(int(truth.kind[legs[i][0]])), CROSS_SECTION_M2_ELSE),
            heat_w_sr=np.zeros(len(legs[i])),
        )
        for n, i in enumerate(longest)
    ]


def _which(truth: Truth, legs: list[NDArray[np.int64]], i: int) -> str:
    """Return what tells a later leg of one target from its first."""
    earlier = sum(bool(truth.target[rows[0]] == truth.target[legs[i][0]]) for rows in legs[:i])
    return f"/{earlier + 1}" if earlier else ""


def moved(state_ecef: Floats, move: Move) -> Floats:
    """Return (n, 6) states carried over the globe; unknown velocities stay unknown."""
    lat_rad, lon_rad, height_m = geodetic_from_ecef(state_ecef[:, :3])
    axes = enu_axes(lat_rad, lon_rad)
    normal = axes[:, 2]
    middle = normal.mean(axis=0)
    middle_lat = math.asin(middle[2] / float(np.linalg.norm(middle)))
    old = enu_axes(np.array([middle_lat]), np.array([math.atan2(middle[1], middle[0])]))[0]
    sine, cosine = math.sin(move.turn_rad), math.cos(move.turn_rad)
    clockwise = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    new = enu_axes(np.array([move.lat_rad]), np.array([move.lon_rad]))[0]
    turn = new.T @ clockwise @ old
    there = normal @ turn.T
    new_lat, new_lon = np.arcsin(np.clip(there[:, 2], -1.0, 1.0)), np.arctan2(there[:, 1], there[:, 0])
    velocity = np.matvec(axes, state_ecef[:, 3:])
    meridian_m, across_m = radii_of_curvature_m(lat_rad)
    rate = velocity[:, :2] / np.stack([across_m + height_m, meridian_m + height_m], axis=1)
    turning = (rate[:, :1] * axes[:, 0] + rate[:, 1:] * axes[:, 1]) @ turn.T
    new_axes = enu_axes(new_lat, new_lon)
    meridian_m, across_m = radii_of_curvature_m(new_lat)
    east = np.vecdot(turning, new_axes[:, 0]) * (across_m + height_m)
    north = np.vecdot(turning, new_axes[:, 1]) * (meridian_m + height_m)
    enu = np.stack([east, north, velocity[:, 2]], axis=1)
    position = ecef_from_geodetic(new_lat, new_lon, height_m)
    return np.hstack([position, np.matvec(new_axes.swapaxes(1, 2), enu)])


def _identity(said: Identity, number: int) -> Identity:
    known: NDArray[np.bool_] = (said.icao_address != ABSENT) | (said.mmsi != ABSENT)
    if known.all():
        return said
    address = FIRST_TEMPORARY_ADDRESS + number % (LAST_TEMPORARY_ADDRESS - FIRST_TEMPORARY_ADDRESS + 1)
    return said.replace(icao_address=np.array([address], np.int64))
