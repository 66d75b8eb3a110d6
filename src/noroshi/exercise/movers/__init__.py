"""How things truly move: one file a way of moving, and the file's name is its key in a scenario (`mover = "ship"`).

Each file holds `class Mover`, a frozen pydantic model that forbids unknown fields: its fields are what a scenario says
of such a target in plain numbers with units in their names (degrees and kilometres where people write them), each with
a description and bounds, so that the published schema knows them; the `examples` of its schema are entries that fly.
The truth uses integrators and dynamics of its own (`exercise/dynamics/`), richer than any filter's model of `motion/`.
"""

from typing import Protocol

from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws


class Mover(Protocol):
    """What a scenario says of one entry of its truth."""

    def fly(self, name: str, start_ns: int, end_ns: int, draws: Draws) -> list[Flight]:
        """Return the flights of this entry between the start and the end of the exercise.

        Mostly one, called `name`; staged objects, debris and the satellites of a constellation are several, called
        "name stage 1", "name-07" and so on. `draws` gives what the entry leaves to chance.

        Raises:
            ValueError: if the numbers contradict each other; one line that says which and what to do.
        """
        ...
