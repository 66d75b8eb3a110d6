"""Real traffic in a made-up world: flights of a table, moved as one to another place and another time."""

import math

import numpy as np
from numpy.typing import NDArray

from noroshi.exercise.dynamics.paths import flights_within
from noroshi.exercise.flight import Flight
from noroshi.geo.curvature import radii_of_curvature_m
from noroshi.geo.wgs84 import Floats, ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.records import Truth, take

CROSS_SECTION_M2 = 10.0  # of an airliner, in round figures


def flights_of(
    truth: Truth,
    *,
    from_lat_rad: float,
    from_lon_rad: float,
    to_lat_rad: float,
    to_lon_rad: float,
    turn_rad: float = 0.0,
    shift_ns: int = 0,
    start_ns: int | None = None,
    end_ns: int | None = None,
    gap_s_max: float = 60.0,
    prefix: str = "",
    cross_section_m2: float = CROSS_SECTION_M2,
) -> list[Flight]:
    """Return real flights carried to another place and time, in order of their names.

    The globe is turned so that the first place comes to lie on the second and, seen from there, everything is turned
    clockwise by `turn_rad`. Heights stay as they are, distances and speeds but for the ellipsoid's curvature, which
    changes them by 1 % at most, from pole to equator.

    Args:
        truth: the flights; a velocity that is unknown is that between their positions.
        from_lat_rad, from_lon_rad: the place in their world.
        to_lat_rad, to_lon_rad: where it is to be.
        turn_rad: by how much their north is turned clockwise there.
        shift_ns: added to their times.
        start_ns, end_ns: what lies outside is cut off.
        gap_s_max: where a table says nothing for longer, a flight ends and another begins, "NAME part 2".
        prefix: put before each name, to keep it apart from the scenario's own.
        cross_section_m2: mean radar cross-section of each.

    Source: the turn takes the triad of up, north and east at one place to that at the other (Wahba's problem with exact
    vectors: Black (1964), AIAA Journal 2, 1350-1351).
    """
    turn = _globe_turn(from_lat_rad, from_lon_rad, to_lat_rad, to_lon_rad, turn_rad)
    flights = []
    for name, rows in _pieces(truth, gap_s_max):
        own = take(truth, rows)
        time_ns = own.time_ns + shift_ns
        flights.append(
            Flight(
                name=prefix + name,
                time_ns=time_ns,
                state_ecef=moved(_with_velocities(own.time_ns, own.state_ecef), turn),
                kind=own.kind.copy(),
                identity=take(own.identity, _most_said(own)),
                cross_section_m2=cross_section_m2,
                heat_w_sr=np.zeros(len(own)),
            )
        )
    if not flights:
        return []
    first = min(int(flight.time_ns[0]) for flight in flights)
    last = max(int(flight.time_ns[-1]) for flight in flights)
    return flights_within(flights, first if start_ns is None else start_ns, last if end_ns is None else end_ns)


def moved(state_ecef: Floats, turn: Floats) -> Floats:
    """Return (n, 6) states whose verticals are turned by a (3, 3) rotation of the globe, at their own heights.

    The velocity is that of the moved place: the same angular rate of the vertical, turned, on the ellipsoid there.
    """
    lat, lon, height = geodetic_from_ecef(state_ecef[:, :3])
    axes = enu_axes(lat, lon)
    along, across = radii_of_curvature_m(lat)
    east, north, climb = np.matvec(axes, state_ecef[:, 3:]).T
    tilt = (east / (across + height))[:, None] * axes[:, 0] + (north / (along + height))[:, None] * axes[:, 1]
    up, tilt = np.matvec(turn, axes[:, 2]), np.matvec(turn, tilt)
    to_lat, to_lon = np.arctan2(up[:, 2], np.hypot(up[:, 0], up[:, 1])), np.arctan2(up[:, 1], up[:, 0])
    to_axes = enu_axes(to_lat, to_lon)
    to_along, to_across = radii_of_curvature_m(to_lat)
    level = np.matvec(to_axes, tilt)
    velocity = np.stack([level[:, 0] * (to_across + height), level[:, 1] * (to_along + height), climb], axis=1)
    return np.concatenate([ecef_from_geodetic(to_lat, to_lon, height), np.vecmat(velocity, to_axes)], axis=1)


def _globe_turn(from_lat: float, from_lon: float, to_lat: float, to_lon: float, turn_rad: float) -> Floats:
    """Return the (3, 3) rotation of the globe that `flights_of` speaks of."""
    cos, sin = math.cos(turn_rad), math.sin(turn_rad)
    clockwise = np.array([[cos, sin, 0.0], [-sin, cos, 0.0], [0.0, 0.0, 1.0]])  # of east, north, up
    turn: Floats = enu_axes(to_lat, to_lon).T @ clockwise @ enu_axes(from_lat, from_lon)
    return turn


def _pieces(truth: Truth, gap_s_max: float) -> list[tuple[str, NDArray[np.int64]]]:
    """Return the name and the rows, in order of strictly increasing time, of each piece without a gap."""
    pieces = []
    for target in np.unique(truth.target):
        rows = np.flatnonzero((truth.target == target) & np.isfinite(truth.state_ecef[:, :3]).all(axis=1))
        rows = rows[np.argsort(truth.time_ns[rows], kind="stable")]
        rows = rows[np.concatenate([[True], np.diff(truth.time_ns[rows]) > 0])] if len(rows) else rows
        gaps = np.flatnonzero(np.diff(truth.time_ns[rows]) > gap_s_max * 1e9) + 1
        for number, piece in enumerate(np.split(rows, gaps), start=1):
            if len(piece) > 1:
                pieces.append((str(target) if number == 1 else f"{target} part {number}", piece))
    return pieces


def _with_velocities(time_ns: NDArray[np.int64], states: Floats) -> Floats:
    """Return states in which an unknown velocity is the slope through the neighbours."""
    unknown = ~np.isfinite(states[:, 3:]).all(axis=1)
    if not unknown.any():
        return states
    seconds = (time_ns - time_ns[0]) / 1e9
    slope = np.gradient(states[:, :3], seconds, axis=0)
    filled = states.copy()
    filled[unknown, 3:] = slope[unknown]
    return filled


def _most_said(truth: Truth) -> NDArray[np.int64]:
    """Return the one row whose identity says most."""
    who = truth.identity
    said = (
        (who.icao_address >= 0).astype(int)
        + (who.mode_3a >= 0).astype(int)
        + (who.mmsi >= 0).astype(int)
        + (who.call_sign != "").astype(int)
    )
    return np.array([np.argmax(said)], np.int64)
