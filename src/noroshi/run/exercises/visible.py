"""When a nation's sensors could have seen a threat at all, by how they truly are."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from noroshi.exercise.coverage import seen_from_ground, seen_from_space
from noroshi.exercise.faults import Faults
from noroshi.exercise.flight import Flight
from noroshi.exercise.observers import Observer
from noroshi.exercise.sights import Target, ground_sight, is_sighted, space_sight
from noroshi.exercise.world import World
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats, geodetic_from_ecef
from noroshi.run.exercises.staging import Cast
from noroshi.run.scenarios import SensorEntry
from noroshi.run.setup import Setup, Site, make_sensors
from noroshi.sensors import Sensor

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

STEP_S = 1.0
"""Between two moments that are tried."""
PIECE_S = 60.0
"""What carries a radar moves; so long it is taken to stand."""


def visible(cast: Cast, threats: Sequence[Flight], end_ns: int) -> dict[tuple[str, str], Integers]:
    """Return by nation and threat the (p, 2) spans in which any of the nation's sensors could have seen it.

    A sensor could if one look has an even chance, by its own true behaviour, the weather and whether it is on; jamming
    is not counted. Curves of the Earth, cloud, range, sector and heat decide: see `exercise.sights`.
    """
    found = {}
    for flight in threats:
        first_ns, last_ns = int(flight.time_ns[0]), min(int(flight.time_ns[-1]), end_ns)
        times_ns = np.arange(first_ns, last_ns + 1, round(STEP_S * NS_PER_S), dtype=np.int64)
        for code, entries in cast.eyes.items():
            seen = np.zeros(len(times_ns), bool)
            for each in _seen(cast.world, entries, flight, times_ns):
                seen |= each
            found[code, flight.name] = _spans(seen, times_ns)
    return found


def _seen(world: World, entries: Sequence[SensorEntry], flight: Flight, times_ns: Integers) -> Iterator[Flags]:
    place = flight.at(times_ns)[:, :3]
    height_m = geodetic_from_ecef(place)[2]
    target = Target(cross_section_m2=flight.cross_section_m2, heat_w_sr=flight.heat_w_sr[flight.sample(times_ns)])
    carriers = {each.name: each for each in world.flights}
    satellites: list[tuple[Observer, Flags, Floats]] = []
    for entry in entries:
        on = ~Faults.of(world, entry.site.sensor).off(times_ns)
        carrier = carriers[entry.carrier] if entry.carrier else None
        if carrier is not None and space_sight(entry.observer, target, 0.0) is not None:
            satellites.append((entry.observer, on, carrier.at(times_ns)[:, :3]))
            continue
        if not is_sighted(entry.observer):
            yield on & _seen_as_believed(entry, flight, carrier, times_ns)
            continue
        for piece in _pieces(carrier, times_ns):
            seen = np.zeros(len(times_ns), bool)
            origin = _sensor(entry).origin_ecef_m if carrier is None else carrier.at(times_ns[piece][:1])[0, :3]
            ground = ground_sight(entry.site.sensor, entry.site.nation, origin, entry.observer, target)
            if ground is not None and np.isfinite(origin).all():
                seen[piece] = seen_from_ground(ground, place[piece], height_m[piece])
            yield on & seen
    while satellites:
        observer = satellites[0][0]
        alike = [each for each in satellites if each[0] == observer]
        satellites = [each for each in satellites if each[0] != observer]
        sight = space_sight(observer, target, world.weather.cloud_top_m)
        if sight is not None:
            seen_each = seen_from_space(np.stack([own for _, _, own in alike]), sight, place)
            yield np.asarray((seen_each & np.stack([on for _, on, _ in alike])).any(axis=0))


def _seen_as_believed(entry: SensorEntry, flight: Flight, carrier: Flight | None, times_ns: Integers) -> Flags:
    """Return when one look has an even chance by what the sensor's own node believes of it."""
    sensor, states = _sensor(entry), flight.at(times_ns)
    still = np.broadcast_to(sensor.origin_ecef_m, (len(times_ns), 3))
    origin = still if carrier is None else carrier.at(times_ns)[:, :3]
    seen, there = np.zeros(len(times_ns), bool), np.isfinite(states).all(axis=1) & np.isfinite(origin).all(axis=1)
    seen[there] = sensor.detection_probability(states[there], origin[there]) >= Target().probability
    return seen


def _sensor(entry: SensorEntry) -> Sensor:
    return make_sensors(Setup(sites=[Site.of(entry.site)]))[entry.site.sensor]


def _pieces(carrier: Flight | None, times_ns: Integers) -> Iterator[slice]:
    """Return all times at once, or those in which what carries a sensor is taken to stand."""
    step = len(times_ns) if carrier is None else max(round(PIECE_S / STEP_S), 1)
    return (slice(first, first + step) for first in range(0, len(times_ns), max(step, 1)))


def _spans(seen: Flags, times_ns: Integers) -> Integers:
    """Return from when to when it was seen, each moment holding up to the next."""
    turns = np.flatnonzero(np.diff(np.concatenate([[False], seen, [False]])))
    ends_ns = np.append(times_ns, times_ns[-1] + round(STEP_S * NS_PER_S)) if len(times_ns) else times_ns
    return ends_ns[turns].reshape(-1, 2)
