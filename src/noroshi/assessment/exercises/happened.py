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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """That a sensor saw a threat.

    Attributes:
        node, threat: whose sensor, which threat.
        taken_ns: when, by the sensor's clock.
        heard_ns: when its node heard it; None if it never did.
        period_ns: how often the sensor looks.
    """

    node: str
    threat: str
    taken_ns: int
    heard_ns: int | None
    period_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lie:
    """From when to when a target's own reports say nothing, or a false place.

    Attributes:
        target: whose.
        begins_ns, ends_ns: from when (included) to when (excluded).
        is_silent: whether they say nothing.
    """

    target: str
    begins_ns: int
    ends_ns: int
    is_silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A circle that measures ask about.

    Attributes:
        name: of it.
        lat_rad, lon_rad: of its middle.
        radius_m: along the surface of a sphere.
    """

    name: str
    lat_rad: float
    lon_rad: float
    radius_m: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Happened:
    """What happened in a run.

    Attributes:
        start_ns, end_ns: of the run, so far as it went.
        cutoff_m: a track is on a target within so much.
        targets: who truly was where at the times of the pictures.
        courses: how each threat went, by the order of its name.
        own: by node, what its own sensors alone told it.
        known: by node, all that it knew: with its partners, where it has any.
        entries: by the name of an entry of the scenario, the names of its targets.
        told: what nodes told, in the order of time.
        plots: which sensor saw which threat when, in the order of when they were taken.
        visible: by node and threat, (p, 2) from when to when any of the node's own sensors could have seen it.
        partners: by node, those that share with it.
        sent_bytes: by link, "JPN>USA", what was put on it.
        alarms: by node, how often it found a link wrong.
        lies: whose reports were silent or false when.
        zones: circles that measures ask about.
        reached_ns: by node and threat, when half of those who were to hear of its first alert had.
        areas: where people live; None if nobody is warned.
        people: by node, whom it warns; without those that warn nobody.
    """

    start_ns: int
    end_ns: int
    cutoff_m: float
    targets: Targets
    courses: tuple[Course, ...]
    own: Mapping[str, Held]
    known: Mapping[str, Held]
    entries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    told: tuple[Told, ...] = ()
    plots: tuple[Plot, ...] = ()
    visible: Mapping[tuple[str, str], Integers] = field(default_factory=dict)
    partners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sent_bytes: Mapping[str, int] = field(default_factory=dict)
    alarms: Mapping[str, int] = field(default_factory=dict)
    lies: tuple[Lie, ...] = ()
    zones: tuple[Zone, ...] = ()
    reached_ns: Mapping[tuple[str, str], int] = field(default_factory=dict)
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
