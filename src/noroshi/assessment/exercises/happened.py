"""What happened in a run, as far as its measures need it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.exercises.held import Course, Held, Targets
from noroshi.geo.time import NS_PER_S
from noroshi.records import Batch
from noroshi.warning.areas import Areas

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class People:
    """Whom a nation warns.

    Attributes:
        own: (n,) which of the areas are its own.
        near_m: a threat concerns an area if it comes so near to people there.
    """

    own: NDArray[np.bool_]
    near_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that a node told.

    Attributes:
        node: which.
        at_ns: when.
        channel: "launch", "threats", "proposal", "decision" or "alert".
        record: what.
    """

    node: str
    at_ns: int
    channel: str
    record: Batch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Happened:
    """What happened in a run.

    Attributes:
        start_ns, end_ns: of the run, so far as it went.
        targets: who truly was where at the times of the pictures.
        courses: how each threat went, by the order of its name.
        own: by node, what its own sensors alone told it.
        known: by node, all that it knew: with its partners, where it has any.
        told: what nodes told, in the order of time.
        areas: where people live; None if nobody is warned.
        people: by node, whom it warns; without those that warn nobody.
    """

    start_ns: int
    end_ns: int
    targets: Targets
    courses: tuple[Course, ...]
    own: Mapping[str, Held]
    known: Mapping[str, Held]
    told: tuple[Told, ...] = ()
    areas: Areas | None = None
    people: Mapping[str, People] = field(default_factory=dict)

    @property
    def nodes(self) -> tuple[str, ...]:
        """Names of the nodes."""
        return tuple(self.known)

    @property
    def duration_s(self) -> float:
        """How long it ran."""
        return (self.end_ns - self.start_ns) / NS_PER_S

    def pictures(self) -> list[tuple[str, bool, Held]]:
        """Return each node's picture of its own sensors, then of all that it knew: node, whether the latter, it."""
        own = [(node, False, held) for node, held in self.own.items()]
        return own + [(node, True, held) for node, held in self.known.items()]


def after_s(at_ns: int | None, since_ns: int) -> float:
    """Return how long after one moment another was; infinite if there was none."""
    return math.inf if at_ns is None else (at_ns - since_ns) / NS_PER_S
