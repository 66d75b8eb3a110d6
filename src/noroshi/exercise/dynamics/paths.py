"""From times and states to flights."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from noroshi.exercise.flight import Flight
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.records import Identity, Kind


def flights_within(flights: Sequence[Flight], start_ns: int, end_ns: int) -> list[Flight]:
    """Return what of each flight lies between two times; those of which less than two samples remain are left out."""
    return [cut for flight in flights if (cut := _within(flight, start_ns, end_ns)) is not None]


def _within(flight: Flight, start_ns: int, end_ns: int) -> Flight | None:
    first, last = max(start_ns, int(flight.time_ns[0])), min(end_ns, int(flight.time_ns[-1]))
    if first >= last:
        return None
    if first == flight.time_ns[0] and last == flight.time_ns[-1]:
        return flight
    inner = flight.time_ns[(flight.time_ns > first) & (flight.time_ns < last)]
    time_ns = np.concatenate([[first], inner, [last]])
    holds = flight.sample(time_ns)
    return Flight(
        name=flight.name,
        time_ns=time_ns,
        state_ecef=flight.at(time_ns),
        kind=flight.kind[holds],
        identity=flight.identity,
        cross_section_m2=flight.cross_section_m2,
        heat_w_sr=flight.heat_w_sr[holds],
    )


def flight_of(
    name: str,
    origin_ns: int,
    time_s: Floats,
    state_ecef: Floats,
    *,
    kind: Kind | NDArray[np.uint8],
    heat_w_sr: float | Floats,
    cross_section_m2: float,
    identity: Identity | None = None,
) -> Flight:
    """Return a flight whose (n,) times are seconds after an instant; a time within a nanosecond of another goes."""
    time_ns = origin_ns + np.round(time_s * NS_PER_S).astype(np.int64)
    new = np.concatenate([[True], np.diff(time_ns) > 0])
    n = len(time_s)
    return Flight(
        name=name,
        time_ns=time_ns[new],
        state_ecef=np.ascontiguousarray(state_ecef[new]),
        kind=np.broadcast_to(np.asarray(kind, np.uint8), n)[new].copy(),
        identity=identity or Identity.absent(1),
        cross_section_m2=cross_section_m2,
        heat_w_sr=np.broadcast_to(np.asarray(heat_w_sr, np.float64), n)[new].copy(),
    )


def samples(start_s: float, end_s: float, step_s: float) -> Floats:
    """Return both ends and the whole multiples of a step between them, none within 1 us of an end."""
    inner = np.arange(math.floor(start_s / step_s) + 1, math.ceil(end_s / step_s)) * step_s
    inner = inner[(inner > start_s + 1e-6) & (inner < end_s - 1e-6)]
    return np.concatenate([[start_s], inner, [end_s]])
