"""What the files of nations and scenarios say, as their authors write it, and what the driver gets of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model, field_validator, model_validator

from noroshi.exercise.fields import Uniform
from noroshi.exercise.injects import S_MAX, Inject, Surge
from noroshi.exercise.movers import Mover
from noroshi.exercise.observers import Observer
from noroshi.exercise.staff import Pause
from noroshi.exercise.world import Weather
from noroshi.geo.time import NS_PER_S
from noroshi.records import SensorSite
from noroshi.run.scenarios.sources import Source
from noroshi.warning.settings import Settings

CODE = r"^[A-Z]{3}$"
NAME = r"^[A-Za-z0-9][A-Za-z0-9 _.-]*$"
EARLIEST, LATEST = 1980, 2200  # years: int64 nanoseconds reach to 2262

Table = dict[str, Any]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]


class Section(BaseModel):
    """A table of a file: what it does not know it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SensorSection(Section):
    """One sensor of a nation. It stands at a place, or a flight carries it."""

    name: str = Field(pattern=NAME, max_length=60, description="Of the sensor; no other in a scenario has it.")
    type: str = Field(description="Which file of sensors/ says how its node takes it to see.")
    lat_deg: float | None = Field(default=None, ge=-90.0, le=90.0, description="Geodetic latitude, WGS 84, in degrees.")
    lon_deg: float | None = Field(default=None, ge=-180.0, le=180.0, description="Longitude, WGS 84, in degrees.")
    height_m: float | None = Field(
        default=None, ge=-500.0, le=50_000.0, description="Height of the antenna above the ellipsoid, in metres."
    )
    carrier: str | None = Field(default=None, description="Name of the flight (a ship, an aircraft) that carries it.")
    delay_s: float = Field(default=0.0, ge=0.0, le=3600.0, description="From sensor to node, in seconds.")
    tells_every_s: float | None = Field(
        default=None, gt=0.0, le=3600.0, description="How often it tells what it saw; about as it sees it if absent."
    )
    parameters: dict[str, Number] = Field(
        default={}, description="What its node believes: the type's own numbers, SI, radians."
    )
    world: Table = Field(default={}, description="How it truly behaves: fields of the type's observer.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        place = [self.lat_deg, self.lon_deg, self.height_m]
        if self.carrier is not None and place != [None] * 3:
            raise ValueError("has a carrier and a place: leave out carrier, or lat_deg, lon_deg and height_m")
        if self.carrier is None and None in place:
            raise ValueError("has no place: give lat_deg, lon_deg and height_m, or a carrier")
        return self


class ConstellationSection(Section):
    """Satellites of one type in one pattern of orbits, each with a sensor."""

    name: str = Field(pattern=NAME, max_length=60, description="Of the constellation; satellites are NAME-01 and on.")
    type: str = Field(description="Type of the satellites' sensors: a file of sensors/.")
    mover: str = Field(default="constellation", description="Which file of exercise/movers/ moves them.")
    delay_s: float = Field(default=0.0, ge=0.0, le=3600.0, description="From satellite to node, in seconds.")
    orbit: Table = Field(description="Fields of the mover.")
    parameters: dict[str, Number] = Field(
        default={}, description="What the node believes: the type's own numbers, SI, radians."
    )
    world: Table = Field(default={}, description="How the sensors truly behave: fields of the type's observer.")


class Link(Section):
    """A link to another nation's node. It serves both ways unless the other's file describes its own way back."""

    to: str = Field(pattern=CODE, description="Code of the other nation.")
    delay_s: float = Field(ge=0.0, le=3600.0, description="How long a message travels, in seconds.")
    jitter_s: float = Field(
        default=0.0, ge=0.0, le=600.0, description="Mean of an exponential delay on top, in seconds."
    )
    rate_bytes_s: float | None = Field(
        default=None, gt=0.0, le=1e12, description="What it carries, in bytes per second; all if absent."
    )
    loss: float = Field(default=0.0, ge=0.0, le=1.0, description="Chance that a message is lost, 0 to 1.")
    one_way: bool = Field(default=False, description="Whether nothing comes back on it.")


class Live(Section):
    """How a nation's node runs live (`noroshi node`). Paths begin where the file is."""

    keys: str = Field(default="keys", description="Folder that `noroshi pki` made; without it the node stands alone.")
    state: str = Field(default="state", description="Folder of what the node remembers: journal, outboxes, audit.")
    people: str = Field(default="people", description="Folder of the register of people who may decide.")
    feeds: tuple[str, ...] = Field(default=(), description="Addresses of live sources, as `noroshi listen` takes them.")
    links: tuple[Table, ...] = Field(
        default=(), description="To partners: `partner`, `type` (zenoh), and what that file of run/links/ says."
    )
    edges: tuple[Table, ...] = Field(
        default=(), description="Ways out: `type`, and what that file of run/edges/ says, `viewer` before all."
    )
    tracker: str = Field(default="soft", description="Which file of tracking/trackers/ tracks.")
    motion: str | None = Field(
        default=None, description="Motion models, joined by +; the scenario's, or what suits the sensors, if absent."
    )
    picture_s: float = Field(default=1.0, ge=0.05, le=60.0, description="How often edges get the picture, in seconds.")
    checkpoint_s: float = Field(
        default=30.0, ge=1.0, le=3600.0, description="How often all is written down: so much is run again after a fall."
    )


class WarningSection(Section):
    """What a nation's people are warned of."""

    countries: tuple[str, ...] = Field(
        default=(),
        description="ISO 3166 alpha-2 codes of the countries whose areas are its own: JP; US, with Guam (US-GU).",
    )
    probability: float = Field(
        default=Settings().probability_on,
        gt=0.0,
        le=1.0,
        description="An area is warned if it is concerned with at least this probability.",
    )
    probability_boosting: float = Field(
        default=Settings().probability_boosting,
        gt=0.0,
        le=1.01,
        description="The same while the threat is under thrust; above 1 is never.",
    )
    wait_s: float = Field(
        default=Settings().wait_s,
        ge=0.0,
        le=120.0,
        description="An area is warned once that has held on the whole for so long.",
    )
    hurry_s: float = Field(
        default=Settings().hurry_s,
        ge=0.0,
        le=3600.0,
        description="After two seconds if the threat may be there sooner than in this time.",
    )
    near_km: float = Field(
        default=50.0, ge=0.0, le=1_000.0, description="It is concerned if the threat comes so near to it."
    )
    look_s: float = Field(default=1.0, ge=0.1, le=60.0, description="How often its node looks at the picture.")
    holds_s_max: float = Field(
        default=Settings().holds_s_max,
        ge=0.0,
        le=10.0,
        description="No forecast of a measured threat holds longer; 0: each measurement of it is foreseen at once.",
    )
    approval_s: Pause = Field(
        default=Uniform(low=10.0, high=40.0),
        description="How long its approver takes in an exercise, in seconds; chosen, not measured.",
    )
    step_s: Pause = Field(
        default=Uniform(low=2.0, high=10.0),
        description="How long others of its staff take for each step; chosen, not measured.",
    )
    languages: tuple[str, ...] = Field(
        default=("en",), description="In which languages alerts are worded: ja, en, or the path of a file."
    )
    zone: str = Field(default="UTC", description="Local time of those who are warned: Asia/Tokyo.")
    outlets: tuple[Table, ...] = Field(
        default=(),
        description="Where a live node sends alerts of exercises: `type`, what that file of run/outlets/ says, and"
        " `viewer`, whose people it is for: its own, or a partner as the release rules say.",
    )
    rules: tuple[Table, ...] = Field(
        default=(), description="Of what else is told: `type`, and what that file of warning/rules/ says."
    )


class NationFile(Section):
    """A nation: what it owns, and its links to others. One file; joining is to be named in a scenario."""

    name: str = Field(min_length=1, max_length=60, description="Of the nation, as people say it.")
    code: str = Field(pattern=CODE, description="ISO 3166 alpha-3 code: its node's name.")
    summary: str = Field(default="", description="What these sensors are, in a sentence.")
    policy: str | Table | None = Field(
        default=None,
        description="What it releases: a policy's file, the name of a shipped one, or here itself, as"
        " `[policy.partners]` and `[[policy.rules]]`; the shipped one of its code if absent.",
    )
    sensors: tuple[SensorSection, ...] = Field(default=(), description="What stands at a place or is carried.")
    constellations: tuple[ConstellationSection, ...] = Field(default=(), description="Satellites.")
    links: tuple[Link, ...] = Field(
        default=(), description="To other nations; those not in a scenario are of no effect there."
    )
    flights: tuple[Table, ...] = Field(
        default=(), description="What moves in every scenario with this nation: carriers."
    )
    warning: WarningSection | None = Field(
        default=None, description="Of what its people are warned; of nothing if absent."
    )
    registration: bool = Field(
        default=False,
        description="Whether its node estimates its radars' biases, from position reports or common targets, and takes"
        " them out.",
    )
    live: Live = Field(default=Live(), description="How its node runs live.")


class WeatherSection(Section):
    """The weather of the whole run."""

    cloud_top_m: float = Field(
        default=10_000.0,
        ge=0.0,
        le=25_000.0,
        description="Infrared satellites see nothing below, above the ellipsoid, metres.",
    )
    sea_state: int = Field(default=3, ge=0, le=9, description="Douglas scale, 0 to 9.")


class Traffic(Section):
    """Real flights from a table, moved rigidly to a place: background."""

    name: str = Field(pattern=NAME, max_length=40, description="The flights are called NAME and their own name.")
    flights: str = Field(min_length=1, description="Table of flights: sample:NAME, or a path beside the scenario.")
    lat_deg: float = Field(ge=-90.0, le=90.0, description="Latitude of where the table's middle is put, in degrees.")
    lon_deg: float = Field(ge=-180.0, le=180.0, description="Longitude of where the table's middle is put, in degrees.")
    turn_deg: float = Field(
        default=0.0, ge=-360.0, le=360.0, description="All paths are turned clockwise by, in degrees."
    )
    number_max: int = Field(default=1000, ge=1, le=100_000, description="At most so many flights.")
    from_s: float = Field(default=0.0, ge=0.0, le=S_MAX, description="Second of the table that falls on the beginning.")
    at_s: float = Field(
        default=0.0, ge=0.0, description="When they appear, in seconds since the start of the scenario."
    )
    until_s: float | None = Field(
        default=None, gt=0.0, le=S_MAX, description="When they are gone, in seconds since the start."
    )


class Area(Section):
    """A circle on the sea or the ground that measures may ask about: who comes into it."""

    name: str = Field(pattern=NAME, max_length=60, description="Of the area; no other has it.")
    lat_deg: float = Field(ge=-90.0, le=90.0, description="Latitude of its middle, in degrees.")
    lon_deg: float = Field(ge=-180.0, le=180.0, description="Longitude of its middle, in degrees.")
    radius_km: float = Field(
        gt=0.0, le=20_000.0, description="From its middle, in kilometres; 12 nautical miles: 22.224."
    )


class Measure(Section):
    """Something that the assessment is to measure in this scenario."""

    name: str = Field(description="Which measure; docs/scenarios.md lists them.")
    nation: str | None = Field(default=None, description="Code of the nation whose picture is measured; all if absent.")
    flights: tuple[str, ...] = Field(default=(), description="Entries of flights that count; all if absent.")
    area: str | None = Field(default=None, description="Name of the area that it is about.")


class Objective(Section):
    """What is to be reached, as a threshold on a measure."""

    name: str = Field(min_length=1, max_length=120, description="What is to be shown, in words.")
    measure: str = Field(description="One of the scenario's measures.")
    nation: str | None = Field(
        default=None,
        description="Whose figures count, by code; the coalition's, else every nation's, if absent.",
    )
    flights: tuple[str, ...] = Field(default=(), description="Flights that count; those of the measure if absent.")
    at_least: float | None = Field(default=None, description="Reached if the measure is not below.")
    at_most: float | None = Field(default=None, description="Reached if the measure is not above.")
    unit: str = Field(description="Unit of the threshold; that of the measure.")

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("needs one threshold: give at_least or at_most")
        return self


class AdviceSection(Section):
    """Plans of which sensor looks where, made by sensor managers and carried out once their owners approve."""

    planners: tuple[str, ...] = Field(min_length=1, description="Codes of the nations whose sensor managers plan.")
    period_s: float = Field(default=10.0, ge=1.0, le=3600.0, description="How often a plan is made, in seconds.")
    lead_s: float = Field(
        default=0.0, ge=0.0, le=3600.0, description="How long after it is made it begins, in seconds."
    )
    ahead_s: float = Field(default=60.0, ge=1.0, le=3600.0, description="For how long it is made, in seconds.")
    slot_s: float = Field(
        default=5.0, ge=0.1, le=600.0, description="In each slot of so many seconds a track is looked at once at most."
    )
    window_s: float = Field(
        default=20.0, ge=1.0, le=3600.0, description="In each window of so many seconds looks count anew."
    )
    share: float = Field(
        default=0.5, gt=0.0, le=1.0, description="Of a sensor's looks a plan takes so many at most; the rest scan."
    )
    beforehand: bool = Field(
        default=False,
        description="Whether each owner has approved beforehand, by a standing plan, what the planners propose.",
    )


class GoodsSection(Section):
    """One sort of relief goods."""

    name: str = Field(pattern=NAME, max_length=40, description="Of the sort: water, blankets, shelter.")
    size_m3: float = Field(gt=0.0, le=1_000.0, description="Room that a unit takes, in cubic metres.")


class _Somewhere(Section):
    name: str = Field(pattern=NAME, max_length=60, description="Of the place; no other has it.")
    lat_deg: float = Field(ge=-90.0, le=90.0, description="Geodetic latitude, WGS 84, in degrees.")
    lon_deg: float = Field(ge=-180.0, le=180.0, description="Longitude, WGS 84, in degrees.")


class DepotSection(_Somewhere):
    """Where goods are, and vehicles stand."""

    stock: dict[str, Annotated[float, Field(ge=0.0, le=1e9)]] = Field(description="Units there, by sort.")


class NeedSection(_Somewhere):
    """A place in need."""

    need: dict[str, Annotated[float, Field(ge=0.0, le=1e9)]] = Field(description="Units that it needs, by sort.")
    urgency: dict[str, Annotated[float, Field(ge=0.0, le=1e6)]] = Field(
        default={}, description="What a unit counts there, by sort; 1 if absent."
    )


class VehicleSection(Section):
    """Vehicles of one kind at one depot."""

    name: str = Field(pattern=NAME, max_length=60, description="Of the vehicles: NAME-1, NAME-2 and on.")
    depot: str = Field(description="Where they stand, and come back to.")
    number: int = Field(default=1, ge=1, le=1_000, description="How many.")
    holds_m3: float = Field(gt=0.0, le=1e5, description="Room in each, in cubic metres.")
    speed_m_s: float = Field(gt=0.0, le=300.0, description="On the way, in metres per second.")
    turn_s: float = Field(default=1_800.0, ge=1.0, le=86_400.0, description="To load and unload, together, in seconds.")
    flies: bool = Field(default=False, description="Whether they need no road.")
    range_km: float = Field(default=1_000.0, gt=0.0, le=20_000.0, description="The furthest that they go, one way.")


class ReliefSection(Section):
    """What a nation's relief coordinator has, and when the plan of what goes where is made."""

    nation: str = Field(pattern=CODE, description="Code of the nation.")
    at_s: float = Field(ge=0.0, le=S_MAX, description="When the plan is made, in seconds since the start.")
    hours: float = Field(default=12.0, gt=0.0, le=240.0, description="Time that every vehicle has, in hours.")
    goods: tuple[GoodsSection, ...] = Field(min_length=1, description="Sorts of goods.")
    depots: tuple[DepotSection, ...] = Field(min_length=1, description="Where goods are.")
    places: tuple[NeedSection, ...] = Field(min_length=1, description="Where they are needed.")
    vehicles: tuple[VehicleSection, ...] = Field(min_length=1, description="What carries them.")

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        sorts, depots = {each.name for each in self.goods}, {each.name for each in self.depots}
        named = {name for depot in self.depots for name in depot.stock}
        named |= {name for place in self.places for name in (*place.need, *place.urgency)}
        if unknown := sorted(named - sorts):
            raise ValueError(f"no goods '{unknown[0]}'; there are {', '.join(sorted(sorts))}")
        if unknown := sorted({each.depot for each in self.vehicles} - depots):
            raise ValueError(f"no depot '{unknown[0]}'; there are {', '.join(sorted(depots))}")
        return self


class ScenarioFile(Section):
    """A scenario: who takes part, what moves, what goes wrong, what is to be shown."""

    name: str = Field(min_length=1, max_length=80, description="Of the scenario, as people say it.")
    summary: str = Field(default="", description="What happens, in a sentence or two.")
    seed: int = Field(ge=0, lt=2**63, description="Names all random draws: the same seed gives the same run.")
    start: AwareDatetime = Field(description="When it begins: 2030-01-01T00:00:00Z.")
    duration_s: float = Field(gt=0.0, le=604_800.0, description="How long it runs, in seconds.")
    nations: tuple[str, ...] = Field(min_length=1, description="Shipped names, or paths beside the scenario.")
    motion: str | None = Field(default=None, description="The trackers' motion models; what suits each node if absent.")
    tracker: str = Field(default="soft", description="The nodes' tracker.")
    weather: WeatherSection = Field(default=WeatherSection(), description="Of the whole run.")
    flights: tuple[Table, ...] = Field(default=(), description="What moves: name, mover, and the mover's own fields.")
    traffic: tuple[Traffic, ...] = Field(default=(), description="Real flights as background.")
    injects: tuple[Table, ...] = Field(default=(), description="What goes wrong when.")
    areas: tuple[Area, ...] = Field(default=(), description="Circles that measures ask about.")
    measures: tuple[Measure, ...] = Field(default=(), description="What is measured.")
    objectives: tuple[Objective, ...] = Field(default=(), description="What is to be reached.")
    advice: AdviceSection | None = Field(default=None, description="Plans of which sensor looks where; none if absent.")
    relief: ReliefSection | None = Field(default=None, description="A plan of what goods go where; none if absent.")

    @field_validator("start")
    @classmethod
    def _countable(cls, start: AwareDatetime) -> AwareDatetime:
        if not EARLIEST <= start.year <= LATEST:
            raise ValueError(f"is in the year {start.year}: give one from {EARLIEST} to {LATEST}")
        return start


@cache
def flight_section(key: str, mover: type[BaseModel]) -> type[BaseModel]:
    """Return the table of a flight that moves by one mover: its own fields with the two that every flight has."""
    fields: dict[str, Any] = {
        "name": (str, Field(pattern=NAME, max_length=60, description="Of the flight; no other has it.")),
        "mover": (Literal[key], Field(description="How it moves: a file of exercise/movers/.")),
    }
    return create_model(f"Flight_{key}", __base__=mover, __doc__=mover.__doc__, **fields)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SensorEntry:
    """One sensor, ready to look.

    Attributes:
        site: name, type, nation, place (NaN if it is carried) and believed parameters.
        observer: how it truly behaves.
        carrier: name of the flight that carries it, if it does not stand at the site's place.
        delay_s: from sensor to node.
        tells_every_s: how often it tells what it saw; None: about as it sees it.
    """

    site: SensorSite
    observer: Observer
    carrier: str | None = None
    delay_s: float = 0.0
    tells_every_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConstellationEntry:
    """Satellites that each carry a sensor of one kind.

    Attributes:
        name: of the constellation; its mover flies satellites called "NAME-01" and so on.
        nation: its owner's code.
        mover: gives the orbits.
        type, parameters, observer, delay_s: of each satellite's sensor.
    """

    name: str
    nation: str
    mover: Mover
    type: str
    parameters: Mapping[str, float]
    observer: Observer
    delay_s: float

    def sensor_on(self, satellite: str) -> SensorEntry:
        """Return the sensor that a satellite carries; it has the satellite's name."""
        site = SensorSite(sensor=satellite, type=self.type, nation=self.nation, parameters=self.parameters)
        return SensorEntry(site=site, observer=self.observer, carrier=satellite, delay_s=self.delay_s)


@dataclass(frozen=True, slots=True, eq=False)
class FlightEntry:
    """One entry of the truth: its name and how it moves."""

    name: str
    mover: Mover


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nation:
    """A nation as the driver gets it.

    Attributes:
        code: names its node.
        name: as people say it.
        sensors, constellations: what it owns.
        links: to others, as its own file says.
        flights: what moves wherever the nation takes part.
        warning: of what its people are warned.
        registration: whether its node takes its radars' biases out.
        live: how its node runs live.
        source: its file.
        policy: the file of what it releases (`policies.policy_of` reads it); None: nobody gets anything.
    """

    code: str
    name: str
    sensors: tuple[SensorEntry, ...]
    constellations: tuple[ConstellationEntry, ...]
    links: tuple[Link, ...]
    flights: tuple[FlightEntry, ...]
    warning: WarningSection | None
    registration: bool
    live: Live
    source: Source
    policy: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scenario:
    """A scenario as the driver gets it: every name resolved, every number checked.

    Attributes:
        name, summary: as people say it.
        seed: of all random draws.
        start_ns, end_ns: of the run.
        nations: those that take part, in the file's order.
        motion, tracker: what the nodes track with; without a motion each with what suits its sensors.
        weather: of the run.
        flights: all entries that move, the nations' own (carriers) first; not the satellites.
        traffic: real flights as background, the injects' surges after the file's own.
        injects: what goes wrong when (`exercise.injects` turns them into effects and faults).
        areas, measures, objectives: for the assessment.
        source: its file.
        advice: which plans of looks are made.
        relief: which plan of goods is made.
    """

    name: str
    summary: str
    seed: int
    start_ns: int
    end_ns: int
    nations: tuple[Nation, ...]
    motion: str | None
    tracker: str
    weather: Weather
    flights: tuple[FlightEntry, ...]
    traffic: tuple[Traffic, ...]
    injects: tuple[Inject, ...]
    areas: tuple[Area, ...]
    measures: tuple[Measure, ...]
    objectives: tuple[Objective, ...]
    source: Source
    advice: AdviceSection | None = None
    relief: ReliefSection | None = None

    @property
    def duration_s(self) -> float:
        """How long it runs."""
        return (self.end_ns - self.start_ns) / NS_PER_S

    def links(self) -> dict[tuple[str, str], Link]:
        """Return each direction that exists between nations of this scenario, by (sender, receiver), sorted.

        A nation's own description of a direction wins over the other's description of both ways.
        """
        codes = {nation.code for nation in self.nations}
        found: dict[tuple[str, str], Link] = {}
        for nation in self.nations:
            for link in nation.links:
                if link.to in codes:
                    found[nation.code, link.to] = link
        for nation in self.nations:
            for link in nation.links:
                if link.to in codes and not link.one_way:
                    found.setdefault((link.to, nation.code), link)
        return dict(sorted(found.items()))

    def meant(self, flown: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        """Return for each name that an inject may aim at the sensors or flights that it means, for `injects.effects`.

        Args:
            flown: names of the flights of each constellation and of each entry, by its name, as its mover flew them.
        """
        found = {flight.name: tuple(flown.get(flight.name, ())) for flight in self.flights}
        for nation in self.nations:
            own = [sensor.site.sensor for sensor in nation.sensors]
            found.update({name: (name,) for name in own})
            for constellation in nation.constellations:
                eyes = tuple(flown.get(constellation.name, ()))
                found.update({name: (name,) for name in eyes})
                found[constellation.name] = eyes
                own += eyes
            found[nation.code] = tuple(own)
        return found

    def texts(self) -> dict[str, str]:
        """Return the text of each file that this scenario is made of, by its name: for the journal."""
        policies = [nation.policy for nation in self.nations if nation.policy is not None]
        sources = [self.source, *(nation.source for nation in self.nations), *policies]
        return {source.name: source.text for source in sources}


def traffic_of(surge: Surge, name: str) -> Traffic:
    """Return a surge as traffic."""
    until_s = surge.until_s if surge.for_s is None else surge.at_s + surge.for_s
    own = surge.model_dump(include=set(Traffic.model_fields) & set(Surge.model_fields) - {"name", "until_s"})
    return Traffic(name=name, until_s=until_s, **own)


def site_of(section: SensorSection, nation: str) -> SensorSite:
    """Return a sensor's site; a carried one has no place."""
    lat_deg, lon_deg, height_m = (
        math.nan if x is None else x for x in (section.lat_deg, section.lon_deg, section.height_m)
    )
    return SensorSite(
        sensor=section.name,
        type=section.type,
        nation=nation,
        lat_rad=math.radians(lat_deg),
        lon_rad=math.radians(lon_deg),
        height_m=height_m,
        parameters=section.parameters,
    )
