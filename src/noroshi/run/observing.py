"""Which observer a type of sensor has in the simulated world."""

from typing import Any

from noroshi.exercise import believed
from noroshi.run import rooms


def types() -> tuple[str, ...]:
    """Return the types of sensors that there may be in an exercise, sorted."""
    return tuple(sorted({*rooms.names("exercise.observers"), *rooms.names("sensors")} - {"local_position"}))


def observer_of(sensor_type: str) -> Any:
    """Return the `Observer` of a type: its own, or where it has none the one that does what its node believes.

    A laboratory's plain plots (`local_position`) are no sensor of a nation: they would see the whole Earth.

    Raises:
        UnknownNameError: if there is no such type.
        PartError: if it cannot be used.
    """
    if sensor_type not in types():
        raise rooms.UnknownNameError(f"no type of sensor '{sensor_type}'; there are: {', '.join(types())}")
    rooms.load("sensors", sensor_type)
    if sensor_type in rooms.names("exercise.observers"):
        return rooms.load("exercise.observers", sensor_type).Observer
    return believed.Observer
