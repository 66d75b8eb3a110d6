"""Small worlds for the tests of observers."""

import numpy as np

from noroshi.exercise.flight import Flight
from noroshi.exercise.world import World
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_enu, ecef_from_geodetic, enu_axes_at
from noroshi.records import Identity, Kind, SensorSite
from noroshi.run import rooms
from noroshi.run.observing import observer_of

START_NS = 1_893_456_000 * NS_PER_S
PLACE = ecef_from_geodetic(np.radians(36.0), np.radians(140.0), 300.0)


def identity(number):
    return Identity(
        icao_address=np.array([number]),
        mode_3a=np.array([number % 4096]),
        mmsi=np.array([431_000_000 + number]),
        call_sign=np.array([f"N{number:04d}"]),
    )


def flight(name, position_ecef_m, velocity_ecef_m_s, *, seconds=600, number=1, cross_section_m2=5.0, heat_w_sr=1e5):
    """Return one that goes straight on in ECEF, sampled every 5 s."""
    times = np.arange(0, seconds + 1, 5)
    position = position_ecef_m + times[:, None] * np.asarray(velocity_ecef_m_s)
    return Flight(
        name=name,
        time_ns=START_NS + times * NS_PER_S,
        state_ecef=np.hstack([position, np.broadcast_to(velocity_ecef_m_s, position.shape)]),
        kind=np.full(len(times), Kind.AIRCRAFT, np.uint8),
        identity=Identity.absent(1) if number is None else identity(number),
        cross_section_m2=cross_section_m2,
        heat_w_sr=np.full(len(times), heat_w_sr),
    )


def local(name, enu_m, enu_m_s, **more):
    """Return one that starts east, north, up of `PLACE`."""
    axes = enu_axes_at(PLACE[None])[0]
    return flight(name, ecef_from_enu(np.asarray(enu_m, float), PLACE), np.asarray(enu_m_s, float) @ axes, **more)


def world(flights, *, seconds=600, **more):
    settings = {"seed": 5, "replicate": 0, "start_ns": START_NS, "end_ns": START_NS + seconds * NS_PER_S}
    return World(flights=tuple(flights), **settings | more)


def site(kind, sensor="one", **parameters):
    return SensorSite(
        sensor=sensor, type=kind, lat_rad=np.radians(36.0), lon_rad=np.radians(140.0), height_m=300.0,
        parameters=parameters,
    )  # fmt: skip


def watch(kind, world, *, sensor="one", carrier=None, **fields):
    """Return the watch of an observer of a type at `PLACE`, or carried."""
    own = observer_of(kind)(**fields)
    believed = rooms.load("sensors", kind).Sensor.at(site(kind, sensor))
    return own.watch(world, site(kind, sensor), believed, carrier)


def satellite(name="satellite", *, east_m=-500_000.0, height_m=800_000.0, seconds=600, speed_m_s=7_000.0):
    """Return one that passes over `PLACE`."""
    return local(name, [east_m, 0.0, height_m], [0.0, speed_m_s, 0.0], seconds=seconds, number=None, heat_w_sr=0.0)
