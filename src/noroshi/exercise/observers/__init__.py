"""What each type of sensor sees of the world: one file a type, of the same name as the type's file in `sensors/`.

Each file holds `class Observer`, a frozen pydantic model that forbids unknown fields (`exercise.fields.Part`): its
fields are how the sensor truly behaves (`[sensors.world]` of a nation's file), in plain numbers with units in their
names, each with a description and bounds. What its own node believes of it is another thing (`[sensors.parameters]`).

An observer is set before a world once and then asked span by span:

    watch = Observer(scan_time_s=10.0).watch(world, site, sensor, carrier=None)
    sighting = watch.observe(start_ns, end_ns)

It works in blocks of many looks at once, which `exercise.watching.Watch` cuts into the spans asked for; what an
observer has to write is how it sees the looks from one number to another (`exercise.watching.Looks`).
`tests/test_every_observer.py` holds each file to this. A type without a file here does what its own node believes of it
(`exercise/believed.py`). One that says where it sees what takes part in coverage too (`exercise.sights.Sighted`).
"""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from noroshi.exercise.flight import Flight
from noroshi.exercise.watching import Sighting, Watch
from noroshi.exercise.world import World
from noroshi.geo.wgs84 import Floats
from noroshi.records import SensorSite
from noroshi.sensors import Sensor

__all__ = ["Aimed", "Observer", "Sighting", "Watch"]


class Observer(Protocol):
    """How one sensor truly behaves."""

    def watch(self, world: World, site: SensorSite, sensor: Sensor, carrier: Flight | None) -> Watch:
        """Return the sensor's watch over a world.

        Looks are counted from `world.start_ns`, and every random number is keyed by sensor, target, purpose and look.
        What `world.effects` has under the sensor's name is done to it.

        Args:
            world: what is true.
            site: name, place and believed parameters.
            sensor: how its own node believes it sees: gives the components.
            carrier: the flight (a satellite, a ship) that carries it, if it does not stand at the site's place.
        """
        ...


@runtime_checkable
class Aimed(Protocol):
    """One that may be told where to look (`Watch.tell`)."""

    @property
    def is_aimed(self) -> bool:
        """Whether this one may; else it looks as it always does."""
        ...

    def can_look(self, states: Floats, origin_ecef_m: Floats) -> NDArray[np.bool_]:
        """Return whether each of (n, 6) states is where it could look from (n, 3) origins."""
        ...
