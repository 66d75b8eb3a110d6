"""What goes wrong at a stated time, as a scenario says it, and what it means for sensors, links, nodes and flights.

`KINDS` holds each kind by the key that a scenario writes as `what`. The functions at the end turn a list of them into
what the world and a driver need; they are pure, and no inject ever touches another's random draws.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from noroshi.exercise import mishaps
from noroshi.exercise.flight import Flight
from noroshi.exercise.ports import Fault as PortFault
from noroshi.exercise.world import Effect, Fault
from noroshi.geo.time import NS_PER_S

S_MAX = 1e6  # no run is so long


class Aim(StrEnum):
    """What the names in `whom` are of."""

    SENSORS = "sensors"  # a sensor, a constellation (all of it), a nation's code (all its sensors)
    LINKS = "links"  # "JPN>USA" one way, "JPN-USA" both ways, "JPN" all to and from it
    NODES = "nodes"  # a nation's code
    FLIGHTS = "flights"  # an entry of the scenario's flights
    AREAS = "areas"  # a prefecture, a municipality or a country: "JP-02", "JP-02201", "KP"
    NOBODY = "nobody"


def _one_or_more(value: object) -> object:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_one_or_more, json_schema_input_type=str | list[str])]


class Inject(BaseModel):
    """What every inject says: when, and to whom. It lasts `for_s`, or up to `until_s`, or to the end of the run."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    AIM: ClassVar[Aim]

    name: str = Field(default="", description="What people call it in reports.")
    at_s: float = Field(ge=0.0, le=S_MAX, description="When it begins, in seconds since the start of the scenario.")
    for_s: float | None = Field(
        default=None, gt=0.0, le=S_MAX, description="How long it lasts, in seconds; without it to the end."
    )
    until_s: float | None = Field(
        default=None, gt=0.0, le=S_MAX, description="When it ends, in seconds since the start; or give for_s."
    )

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if self.for_s is not None and self.until_s is not None:
            raise ValueError("has both for_s and until_s: leave one out")
        if self.until_s is not None and self.until_s <= self.at_s:
            raise ValueError(f"until_s is {self.until_s:g}, but it begins at {self.at_s:g}: make until_s later")
        return self

    def span_ns(self, start_ns: int, end_ns: int) -> tuple[int, int]:
        """Return from when (included) to when (excluded) it acts in a run from `start_ns` to `end_ns`."""
        until_s = self.until_s if self.for_s is None else self.at_s + self.for_s
        last_ns = end_ns if until_s is None else min(end_ns, start_ns + round(until_s * NS_PER_S))
        return start_ns + round(self.at_s * NS_PER_S), last_ns

    def targets(self) -> tuple[str, ...]:
        """Return whom it names."""
        return ()


class _Aimed(Inject):
    whom: Names = Field(min_length=1, description="Whom it meets: one name or a list of names.")

    def targets(self) -> tuple[str, ...]:
        """Return whom it names."""
        return self.whom


class OfWorld(_Aimed):
    """What is wrong with sensors, or with flights' transponders, as the world has it."""

    FAULT: ClassVar[Fault]

    def values(self) -> dict[str, float]:
        """Return how much, by the names that `Fault` gives, in SI and radians."""
        return {}


class OfSensors(OfWorld):
    """What is wrong with sensors. In `whom`: sensors, constellations, or a nation's code for all its sensors."""

    AIM = Aim.SENSORS


class SensorOff(OfSensors):
    """The sensors do not look."""

    FAULT = Fault.OFF
    what: Literal["sensor_off"]


class SiteLost(OfSensors):
    """The sites are gone for good: their sensors never look again. It has no end."""

    FAULT = Fault.OFF
    what: Literal["site_lost"]

    @model_validator(mode="after")
    def _for_good(self) -> Self:
        if self.for_s is not None or self.until_s is not None:
            raise ValueError("a lost site does not come back: leave for_s and until_s out, or use sensor_off")
        return self


class ClockSkew(OfSensors):
    """The sensors' clocks are wrong: the times that they state are ahead of the truth."""

    FAULT = Fault.CLOCK
    what: Literal["clock_skew"]
    offset_s: float = Field(
        default=0.0, ge=-3600.0, le=3600.0, description="How far ahead the clock is at once, in seconds."
    )
    drift_s_s: float = Field(
        default=0.0, ge=-0.1, le=0.1, description="How much further ahead it comes in each second, in seconds."
    )

    def values(self) -> dict[str, float]:
        """Return the offset and the drift."""
        return {"offset_s": self.offset_s, "drift_s_s": self.drift_s_s}


class Bias(OfSensors):
    """The sensors measure wrong by a constant."""

    FAULT = Fault.BIAS
    what: Literal["bias"]
    range_m: float = Field(default=0.0, ge=-1e6, le=1e6, description="Added to ranges, in metres.")
    azimuth_deg: float = Field(default=0.0, ge=-180.0, le=180.0, description="Added to azimuths, in degrees.")
    elevation_deg: float = Field(default=0.0, ge=-90.0, le=90.0, description="Added to elevations, in degrees.")
    east_m: float = Field(default=0.0, ge=-1e6, le=1e6, description="Displaces reports to the east, in metres.")
    north_m: float = Field(default=0.0, ge=-1e6, le=1e6, description="Displaces reports to the north, in metres.")
    up_m: float = Field(default=0.0, ge=-1e5, le=1e5, description="Displaces reports upwards, in metres.")

    def values(self) -> dict[str, float]:
        """Return what is added, those that are not zero."""
        every = {
            "range_m": self.range_m,
            "azimuth_rad": math.radians(self.azimuth_deg),
            "elevation_rad": math.radians(self.elevation_deg),
            "east_m": self.east_m,
            "north_m": self.north_m,
            "up_m": self.up_m,
        }
        return {name: value for name, value in every.items() if value}


class Jamming(OfSensors):
    """Less signal to noise, all round or in a sector."""

    FAULT = Fault.JAMMING
    what: Literal["jamming"]
    loss_db: float = Field(gt=0.0, le=100.0, description="Loss of signal-to-noise ratio, in decibels.")
    azimuth_deg_min: float | None = Field(
        default=None, ge=0.0, le=360.0, description="Where the sector begins, in degrees clockwise from north."
    )
    azimuth_deg_max: float | None = Field(
        default=None, ge=0.0, le=360.0, description="Where the sector ends, clockwise from its beginning, in degrees."
    )

    @model_validator(mode="after")
    def _whole_sector(self) -> Self:
        if (self.azimuth_deg_min is None) != (self.azimuth_deg_max is None):
            raise ValueError("a sector needs both azimuth_deg_min and azimuth_deg_max; give neither for all round")
        return self

    def values(self) -> dict[str, float]:
        """Return the loss and, if there is one, the sector."""
        sector = {"azimuth_rad_min": self.azimuth_deg_min, "azimuth_rad_max": self.azimuth_deg_max}
        return {"loss_db": self.loss_db, **{name: math.radians(x) for name, x in sector.items() if x is not None}}


class Noise(OfSensors):
    """The sensors' measurements scatter more, or less."""

    FAULT = Fault.NOISE
    what: Literal["noise"]
    factor: float = Field(ge=0.0, le=1000.0, description="On all standard deviations.")

    def values(self) -> dict[str, float]:
        """Return the factor."""
        return {"factor": self.factor}


class Clutter(OfSensors):
    """More false plots, or fewer."""

    FAULT = Fault.CLUTTER
    what: Literal["clutter"]
    factor: float = Field(ge=0.0, le=1000.0, description="On the mean number of false plots.")

    def values(self) -> dict[str, float]:
        """Return the factor."""
        return {"factor": self.factor}


class OfLinks(_Aimed):
    """What goes wrong on the way. In `whom`: "JPN>USA" one way, "JPN-USA" both ways, "JPN" all to and from it.

    A sensor's name means its feed, from the sensor to its nation's node.
    """

    AIM = Aim.LINKS

    def faults(self, start_ns: int, end_ns: int) -> list[PortFault]:
        """Return what a port does between two times, in the order in which a message meets it."""
        raise NotImplementedError


class LinkCut(OfLinks):
    """Nothing comes through."""

    what: Literal["link_cut"]

    def faults(self, start_ns: int, end_ns: int) -> list[PortFault]:
        """Return the cut."""
        return [mishaps.Cut(start_ns=start_ns, end_ns=end_ns)]


class LinkSlow(OfLinks):
    """The link takes longer or carries less."""

    what: Literal["link_slow"]
    delay_s: float = Field(
        default=0.0, ge=0.0, le=3600.0, description="Added to the delay of every message, in seconds."
    )
    jitter_s: float = Field(
        default=0.0,
        ge=0.0,
        le=3600.0,
        description="Mean of an exponential delay on top, in seconds: messages overtake others.",
    )
    rate_bytes_s: float | None = Field(
        default=None, gt=0.0, le=1e12, description="What it still carries, in bytes per second."
    )
    wait_s_max: float = Field(
        default=10.0, gt=0.0, le=3600.0, description="What would wait longer for its turn is dropped, in seconds."
    )

    @model_validator(mode="after")
    def _slower(self) -> Self:
        if not self.delay_s and not self.jitter_s and self.rate_bytes_s is None:
            raise ValueError("says nothing of how slow: give delay_s, jitter_s or rate_bytes_s")
        return self

    def faults(self, start_ns: int, end_ns: int) -> list[PortFault]:
        """Return the throttle, then the delay."""
        found: list[PortFault] = []
        if self.rate_bytes_s is not None:
            rate = {"bytes_s": self.rate_bytes_s, "wait_s_max": self.wait_s_max}
            found.append(mishaps.Throttle(start_ns=start_ns, end_ns=end_ns, **rate))
        if self.delay_s or self.jitter_s:
            found.append(mishaps.Delay(start_ns=start_ns, end_ns=end_ns, least_s=self.delay_s, mean_s=self.jitter_s))
        return found


class LinkLossy(OfLinks):
    """Messages are lost, doubled, damaged or overtaken by others."""

    what: Literal["link_lossy"]
    loss: float = Field(default=0.0, ge=0.0, le=1.0, description="Chance that a message is lost, 0 to 1.")
    duplicate: float = Field(default=0.0, ge=0.0, le=1.0, description="Chance that a message comes twice, 0 to 1.")
    corrupt: float = Field(default=0.0, ge=0.0, le=1.0, description="Chance that a message arrives damaged, 0 to 1.")
    reorder: float = Field(default=0.0, ge=0.0, le=1.0, description="Chance that a message is held back, 0 to 1.")
    held_s: float = Field(default=2.0, gt=0.0, le=600.0, description="How long a message is held back, in seconds.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.loss or self.duplicate or self.corrupt or self.reorder):
            raise ValueError("does nothing: give loss, duplicate, corrupt or reorder")
        return self

    def faults(self, start_ns: int, end_ns: int) -> list[PortFault]:
        """Return those that have a chance."""
        span = {"start_ns": start_ns, "end_ns": end_ns}
        chances: list[tuple[float, PortFault]] = [
            (self.loss, mishaps.Drop(**span, probability=self.loss)),
            (self.corrupt, mishaps.Corrupt(**span, probability=self.corrupt)),
            (self.duplicate, mishaps.Duplicate(**span, probability=self.duplicate)),
            (self.reorder, mishaps.Reorder(**span, probability=self.reorder, by_s=self.held_s)),
        ]
        return [fault for chance, fault in chances if chance]


class Freeze(OfLinks):
    """The content stands still: each message carries what the first one carried."""

    what: Literal["freeze"]

    def faults(self, start_ns: int, end_ns: int) -> list[PortFault]:
        """Return the standstill."""
        return [mishaps.Freeze(start_ns=start_ns, end_ns=end_ns)]


class Ghosts(OfLinks):
    """Each batch of a sensor carries some plots more, on the lines to true targets."""

    what: Literal["ghosts"]
    number: int = Field(ge=1, le=1000, description="At most so many in each batch.")

    def faults(self, start_ns: int, end_ns: int) -> list[PortFault]:
        """Return the ghosts."""
        return [mishaps.Ghosts(start_ns=start_ns, end_ns=end_ns, number=self.number)]


class Impersonate(OfLinks):
    """Messages on the link claim to be another nation's."""

    what: Literal["impersonate"]
    claims: str = Field(min_length=1, description="Code of the nation that they claim to come from.")

    def faults(self, start_ns: int, end_ns: int) -> list[PortFault]:
        """Return the impostor."""
        return [mishaps.Impersonate(start_ns=start_ns, end_ns=end_ns, sender=self.claims)]


class Replay(OfLinks):
    """Every message comes once more later, sent by somebody who recorded it."""

    what: Literal["replay"]
    after_s: float = Field(gt=0.0, le=86_400.0, description="How much later, in seconds.")

    def faults(self, start_ns: int, end_ns: int) -> list[PortFault]:
        """Return the replay."""
        return [mishaps.Replay(start_ns=start_ns, end_ns=end_ns, after_s=self.after_s)]


class NodeStopped(_Aimed):
    """The node stops, and starts again at the end if there is one. In `whom`: nations' codes."""

    AIM = Aim.NODES
    what: Literal["node_stopped"]
    keeps_memory: bool = Field(
        default=True, description="Whether it goes on from its last checkpoint, or with nothing known."
    )


class Supply(StrEnum):
    """What an area can be without."""

    POWER = "power"
    EXCHANGE = "exchange"


class OfAreas(_Aimed):
    """What people of some areas are without, so that fewer of them hear an alert. In `whom`: codes of areas."""

    AIM = Aim.AREAS
    SUPPLY: ClassVar[Supply]


class PowerCut(OfAreas):
    """There is no power in the areas. In `whom`: codes of areas or municipalities."""

    SUPPLY = Supply.POWER
    what: Literal["power_cut"]


class ExchangeDown(OfAreas):
    """Telephones of the areas are cut off. In `whom`: codes of areas or municipalities."""

    SUPPLY = Supply.EXCHANGE
    what: Literal["exchange_down"]


class Dark(OfWorld):
    """Transponders are off: the flights are there, and say nothing. In `whom`: entries of the scenario's flights."""

    AIM = Aim.FLIGHTS
    FAULT = Fault.OFF
    what: Literal["dark"]


class FalsePosition(OfWorld):
    """Transponders report another place than the true one. In `whom`: entries of the scenario's flights."""

    AIM = Aim.FLIGHTS
    FAULT = Fault.BIAS
    what: Literal["false_position"]
    east_m: float = Field(default=0.0, ge=-1e6, le=1e6, description="How far to the east of the truth, in metres.")
    north_m: float = Field(default=0.0, ge=-1e6, le=1e6, description="How far to the north of the truth, in metres.")

    @model_validator(mode="after")
    def _elsewhere(self) -> Self:
        if not self.east_m and not self.north_m:
            raise ValueError("is the true position: give east_m, north_m or both")
        return self

    def values(self) -> dict[str, float]:
        """Return how far aside."""
        return {"east_m": self.east_m, "north_m": self.north_m}


class SpoofedReports(_Aimed):
    """The named flights do not exist: somebody sends their reports for a while, and no sensor sees a body."""

    AIM = Aim.FLIGHTS
    what: Literal["spoofed_reports"]


class Surge(Inject):
    """More real traffic for a while, from a table of flights, moved rigidly to a place."""

    AIM = Aim.NOBODY
    what: Literal["surge"]
    flights: str = Field(min_length=1, description="Table of flights: sample:NAME, or a path beside the scenario.")
    lat_deg: float = Field(ge=-90.0, le=90.0, description="Latitude of where the table's middle is put, in degrees.")
    lon_deg: float = Field(ge=-180.0, le=180.0, description="Longitude of where the table's middle is put, in degrees.")
    turn_deg: float = Field(
        default=0.0, ge=-360.0, le=360.0, description="All paths are turned clockwise by, in degrees."
    )
    number_max: int = Field(default=1000, ge=1, le=100_000, description="At most so many flights.")
    from_s: float = Field(
        default=0.0, ge=0.0, le=S_MAX, description="Second of the table that is the inject's beginning."
    )


KINDS: Mapping[str, type[Inject]] = {
    "sensor_off": SensorOff,
    "site_lost": SiteLost,
    "clock_skew": ClockSkew,
    "bias": Bias,
    "jamming": Jamming,
    "noise": Noise,
    "clutter": Clutter,
    "link_cut": LinkCut,
    "link_slow": LinkSlow,
    "link_lossy": LinkLossy,
    "freeze": Freeze,
    "ghosts": Ghosts,
    "impersonate": Impersonate,
    "replay": Replay,
    "node_stopped": NodeStopped,
    "power_cut": PowerCut,
    "exchange_down": ExchangeDown,
    "dark": Dark,
    "false_position": FalsePosition,
    "spoofed_reports": SpoofedReports,
    "surge": Surge,
}
"""Each kind by what a scenario writes as `what`."""


def key_of(inject: Inject) -> str:
    """Return what a scenario writes as `what` of an inject."""
    return next(key for key, kind in KINDS.items() if type(inject) is kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFault:
    """One node does not run for a while.

    Attributes:
        nation: its code.
        start_ns, end_ns: from when (included) to when (excluded); it starts again at `end_ns` if the run goes on.
        keeps_memory: whether it goes on from its last checkpoint.
    """

    nation: str
    start_ns: int
    end_ns: int
    keeps_memory: bool


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """All that moves.

    Attributes:
        flights: what sensors look at, ghosts included: flights without a body (no cross-section, no heat) of which
            nothing but their reports is there.
        bodies: those that truly exist: the truth that tracks are assessed by.
    """

    flights: tuple[Flight, ...]
    bodies: tuple[Flight, ...]


def effects(
    injects: Iterable[Inject], meant: Mapping[str, Sequence[str]], start_ns: int, end_ns: int
) -> dict[str, tuple[Effect, ...]]:
    """Return the faults of each sensor and of each flight's transponder, by its name, in the order of the injects.

    Args:
        injects: of the scenario.
        meant: for each name that `whom` may give the names of the sensors or flights that it means.
        start_ns, end_ns: of the run. What lies outside has no effect.
    """
    found: dict[str, tuple[Effect, ...]] = {}
    for inject in injects:
        if not isinstance(inject, OfWorld):
            continue
        first_ns, last_ns = inject.span_ns(start_ns, end_ns)
        if first_ns >= last_ns:
            continue
        effect = Effect(fault=inject.FAULT, start_ns=first_ns, end_ns=last_ns, values=inject.values())
        for name in dict.fromkeys(each for whom in inject.whom for each in meant.get(whom, ())):
            found[name] = (*found.get(name, ()), effect)
    return found


def port_faults(
    injects: Iterable[Inject],
    start_ns: int,
    end_ns: int,
    *,
    links: Sequence[tuple[str, str]],
    feeds: Sequence[tuple[str, str]] = (),
) -> dict[tuple[str, str], tuple[PortFault, ...]]:
    """Return what goes wrong in each port that anything happens to, in the order of the injects.

    Args:
        injects: of the scenario.
        start_ns, end_ns: of the run.
        links: (sender, receiver) of each direction between nations that exists.
        feeds: (sensor, nation) from each sensor to its nation's node.
    """
    found: dict[tuple[str, str], tuple[PortFault, ...]] = {}
    for inject in injects:
        if not isinstance(inject, OfLinks):
            continue
        first_ns, last_ns = inject.span_ns(start_ns, end_ns)
        if first_ns >= last_ns:
            continue
        meant = [port for port in links if any(means_link(whom, *port) for whom in inject.whom)]
        meant += [port for port in feeds if any(means_feed(whom, *port) for whom in inject.whom)]
        for port in meant:
            found[port] = (*found.get(port, ()), *inject.faults(first_ns, last_ns))
    return found


def node_faults(injects: Iterable[Inject], start_ns: int, end_ns: int) -> tuple[NodeFault, ...]:
    """Return which nodes do not run when, in the order of the injects."""
    return tuple(
        NodeFault(nation=nation, start_ns=first_ns, end_ns=last_ns, keeps_memory=inject.keeps_memory)
        for inject in injects
        if isinstance(inject, NodeStopped)
        for first_ns, last_ns in [inject.span_ns(start_ns, end_ns)]
        if first_ns < last_ns
        for nation in inject.whom
    )


def means_link(whom: str, sender: str, receiver: str) -> bool:
    """Return whether a name in `whom` means the direction from sender to receiver."""
    if ">" in whom:
        return whom == f"{sender}>{receiver}"
    return whom in (f"{sender}-{receiver}", f"{receiver}-{sender}", sender, receiver)


def means_feed(whom: str, sensor: str, nation: str) -> bool:
    """Return whether a name in `whom` means the way from a sensor to its nation's node."""
    return whom in (sensor, f"{sensor}>{nation}")


def cast(entries: Mapping[str, Sequence[Flight]], injects: Iterable[Inject], start_ns: int, end_ns: int) -> Cast:
    """Return all flights; those that injects say are spoofed become ghosts, there while their reports are sent.

    Args:
        entries: the flights of each entry of the scenario, by the entry's name.
        injects: of the scenario.
        start_ns, end_ns: of the run.
    """
    spoofs: dict[str, list[tuple[int, int]]] = {}
    for inject in injects:
        if isinstance(inject, SpoofedReports):
            for name in inject.whom:
                spoofs.setdefault(name, []).append(inject.span_ns(start_ns, end_ns))
    bodies = tuple(flight for name, flown in entries.items() if name not in spoofs for flight in flown)
    ghosts = [
        dataclasses.replace(ghost, name=flight.name if i == 0 else f"{flight.name} again {i}")
        for name, spans in spoofs.items()
        for flight in entries.get(name, ())
        for i, span in enumerate(spans)
        if (ghost := _ghost(flight, *span)) is not None
    ]
    return Cast((*bodies, *ghosts), bodies)


def _ghost(flight: Flight, start_ns: int, end_ns: int) -> Flight | None:
    """Return a flight between two times that no radar and no satellite sees; None if it is not there then."""
    first_ns, last_ns = max(start_ns, int(flight.time_ns[0])), min(end_ns, int(flight.time_ns[-1]))
    if last_ns <= first_ns:
        return None
    inside = flight.time_ns[(flight.time_ns > first_ns) & (flight.time_ns < last_ns)]
    time_ns = np.concatenate([np.array([first_ns], np.int64), inside, np.array([last_ns], np.int64)])
    return dataclasses.replace(
        flight,
        time_ns=time_ns,
        state_ecef=flight.at(time_ns),
        kind=flight.kind[flight.sample(time_ns)],
        cross_section_m2=0.0,
        heat_w_sr=np.zeros(len(time_ns)),
    )
