"""What each type of sensor sees of the world: one file a type, of the same name as the type's file in `sensors/`.

Each file holds `class Observer`, a frozen pydantic model that forbids unknown fields: its fields are how the sensor
truly behaves (`[sensors.world]` of a nation's file), in plain numbers with units in their names, each with a
description and bounds. What its own node believes of it is another thing (`[sensors.parameters]`).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from noroshi.exercise.flight import Flight
from noroshi.exercise.world import World
from noroshi.records import Detections, SensorSite
from noroshi.sensors import Sensor


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """What a sensor saw in a span of time.

    Attributes:
        detections: in order of time; the node gets these.
        owner: (n,) whose each one truly is, "" for a false one; nobody but the assessment gets these.
        looked: whether it looked at all in that span (an empty look is news too).
    """

    detections: Detections
    owner: NDArray[np.str_]
    looked: bool


class Observer(Protocol):
    """How one sensor truly behaves."""

    def observe(
        self, world: World, site: SensorSite, sensor: Sensor, start_ns: int, end_ns: int, carrier: Flight | None
    ) -> Sighting:
        """Return what the sensor sees from `start_ns` (included) to `end_ns` (excluded).

        Any cut of a span into pieces gives the same rows: looks are counted from `world.start_ns`, and every random
        number is keyed by sensor, target, purpose and look. Detections state the time that the sensor's own clock
        shows; the span is of true time.

        Args:
            world: what is true.
            site: name, place and believed parameters.
            sensor: how its own node believes it sees: gives the components.
            start_ns, end_ns: the span.
            carrier: the flight (a satellite, a ship) that carries it, if it does not stand at the site's place.
        """
        ...
