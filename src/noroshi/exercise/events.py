"""Real launches by their published figures alone, and what a generic flight through those figures predicts.

Only site, bearing, range and apogee go into the fit. All else that was published (how long it flew, when it passed over
whom, where it fell) is then a prediction, and is put beside what was said. Where sources differ each figure keeps its
source, and the one that is used is named. What nobody published (burn time, drag) is drawn anew in each replicate, so a
prediction has a spread.

What a published bearing is of is not said: its source draws the impact along it, and so does the fit. But some are the
course at first, from which the Earth turns the impact away by 2 to 4 degrees: that of 2017-09-15 is the great circle's
to Cape Erimo, which it passed over. Where published places tell, an event's `boost` has `bearing_of = "launch"`, and
its note the reason. That choice looked at these places, so they are predicted with this one bit given; times are not.
"""

import math
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, field_validator, model_validator

from noroshi.exercise.fields import Latitude, Longitude, Part, Spread, Uniform
from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.ballistic import Mover
from noroshi.geo.great_circle import distance_and_bearing
from noroshi.geo.time import NS_PER_S, utc_ns_from_iso
from noroshi.geo.wgs84 import Floats, geodetic_from_ecef

LONGEST_NS = 3 * 3_600 * NS_PER_S
OUTWARD_NS = 45 * 60 * NS_PER_S  # what is in orbit comes by again
FITTED_TO = ("range_km", "apogee_km", "bearing_deg")
REPLICATES = 16

Text = Annotated[str, Field(min_length=1)]


class EventError(ValueError):
    """An event's file is wrong; one line that says where and what to do."""


class Sourced(Part):
    """Something that somebody published."""

    source: Text = Field(description="who says so: a key of [sources]")


class Figure(Sourced):
    """A number that somebody published."""

    what: Literal["range_km", "apogee_km", "bearing_deg", "flight_time_min", "perigee_km", "inclination_deg"]
    value: float = Field(description="in the unit of the name")
    used: bool = Field(default=False, description="whether the fit takes this one; exactly one of a kind is, if any is")


class Launch(Sourced):
    """When it lifted off, as somebody published it."""

    at: datetime = Field(description="UTC")
    used: bool = Field(default=False, description="whether this one is taken")

    @field_validator("at")
    @classmethod
    def _utc(cls, at: datetime) -> datetime:
        if at.tzinfo is None:
            raise ValueError("say which time it is: end it in Z (UTC)")
        return at.astimezone(UTC)


class Place(Part):
    """A place of a name."""

    name: Text
    lat_deg: Latitude
    lon_deg: Longitude


class Site(Place, Sourced):
    """Where it was launched."""


class Passage(Sourced):
    """When it was said to pass over somewhere."""

    over: Text
    enters: Place
    leaves: Place
    begins: datetime = Field(description="when it was first there, UTC")
    ends: datetime = Field(description="when it was last there, UTC")


class Impact(Sourced):
    """Where and when something was said to fall."""

    part: str = Field(default="", description='what fell: "" is the last, else as the flight calls it: "stage 1"')
    near: Place | None = Field(default=None, description="the place that the distance is from")
    distance_km: float | None = Field(default=None, ge=0.0)
    at: datetime | None = Field(default=None, description="UTC")


class Told(Sourced):
    """What people were told that day.

    Codes of areas are ISO 3166-2. An all-clear goes to all who were told before.
    """

    at: datetime = Field(description="when it went out, UTC")
    what: Literal["alert", "all_clear"]
    areas: tuple[str, ...] = Field(default=(), description="to whom, by the codes of areas")
    note: str = Field(default="", description="what was wrong with it, or to whom else it went")

    @property
    def at_ns(self) -> int:
        """When it went out, Unix UTC nanoseconds."""
        return _ns(self.at)


class Event(Part):
    """A real launch.

    Attributes of importance: `tier` says how far it can be flown. "fitted": range, apogee and bearing are known.
    "truncated": it failed, and what is known is flown as far as it came. "timeline": nothing is flown; there are times.
    """

    name: Text
    title: Text
    tier: Literal["fitted", "truncated", "timeline"]
    flight_class: Literal["ballistic", "ascent", "failure"] = Field(
        description="ballistic; staged ascent to orbit; failure at a stated time"
    )
    summary: Text
    sources: dict[str, Text] = Field(min_length=1, description="who says what, by a short key")
    launch: tuple[Launch, ...] = Field(min_length=1)
    site: Site
    figures: tuple[Figure, ...] = ()
    boost: dict[str, Any] = Field(
        default_factory=dict, description="fields of the ballistic mover that nobody published, with their spread"
    )
    boost_note: str = Field(default="", description="why they are so")
    cloud_top_m: Spread = Field(
        default=Uniform(low=1_000.0, high=12_000.0), description="height above which satellites see the plume"
    )
    passages: tuple[Passage, ...] = ()
    impacts: tuple[Impact, ...] = ()
    told: tuple[Told, ...] | None = Field(
        default=None, description="what people were told that day; [] if nobody was, left out if that is not known"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Event":
        said: list[Sourced] = [
            *self.launch,
            self.site,
            *self.figures,
            *self.passages,
            *self.impacts,
            *(self.told or ()),
        ]
        for one in said:
            if one.source not in self.sources:
                raise ValueError(f"source '{one.source}' is not among [sources]: {', '.join(self.sources)}")
        if sum(one.used for one in self.launch) != 1:
            raise ValueError("exactly one [[launch]] must say used = true")
        for what in FITTED_TO:
            used = sum(one.used for one in self.figures if one.what == what)
            if used > 1 or (used == 0 and self.tier != "timeline"):
                raise ValueError(f"exactly one figure of {what} must say used = true; {used} do")
        if self.tier != "timeline":
            try:
                self.mover()
            except ValidationError as error:
                raise ValueError(f"boost: {_first(error)}") from error
        return self

    @property
    def launch_ns(self) -> int:
        """Lift-off as it is used, Unix UTC nanoseconds."""
        return next(_ns(one.at) for one in self.launch if one.used)

    def figure(self, what: str) -> Figure | None:
        """Return the figure that is used; if none is marked, the first of its kind."""
        of_kind = [one for one in self.figures if one.what == what]
        return next((one for one in of_kind if one.used), of_kind[0] if of_kind else None)

    @property
    def figures_of(self) -> str:
        """Which part of the flight the range and the flight time are of: the last stage that falls, if one orbits."""
        return f"stage {self.boost.get('stages', 1)}" if self.boost.get("orbit") else ""

    @property
    def as_flown(self) -> bool:
        """Whether the figures in use are of what flew, not of what was meant before it failed."""
        return "failure_at_s" not in self.boost or self.boost.get("figures") == "flown"

    def mover(self) -> Mover:
        """Return the generic flight through the figures in use.

        Raises:
            ValueError: if the event is a timeline only.
        """
        used = {what: figure.value for what in FITTED_TO if (figure := self.figure(what)) is not None and figure.used}
        if self.tier == "timeline":
            raise ValueError(f"event '{self.name}' is a timeline: its figures do not say how it flew")
        return Mover.model_validate({"lat_deg": self.site.lat_deg, "lon_deg": self.site.lon_deg, **used, **self.boost})


def parse(text: str, where: str) -> Event:
    """Return the event of a TOML text.

    Args:
        text: the file's content.
        where: its name, for messages.

    Raises:
        EventError: one line that says where in the file, what is wrong and what to do.
    """
    try:
        return Event.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise EventError(f"{where}: not TOML: {error}") from error
    except ValidationError as error:
        raise EventError(f"{where}: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    """Return the first of pydantic's errors in one line, and how many follow."""
    first, count = error.errors()[0], error.error_count()
    place = ".".join(str(step) for step in first["loc"])
    more = f" ({count - 1} more after it)" if count > 1 else ""
    return f"{place}{': ' if place else ''}{first['msg'].removeprefix('Value error, ')}{more}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A published figure beside the predicted one.

    Attributes:
        what: in words.
        unit: of all numbers; times are minutes after lift-off.
        published: what was said.
        predicted: median over the replicates.
        spread: 5th and 95th percentile over the replicates, which differ in what nobody published.
        role: "fitted to", a figure that the fit was given; "not used", another source's; "predicted", all else.
        source: who published it.
    """

    what: str
    unit: str
    published: float
    predicted: float
    spread: tuple[float, float]
    role: Literal["fitted to", "not used", "predicted"]
    source: str


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What became of an event.

    Attributes:
        flights: of the first replicate: the missile, its stages, its debris.
        compared: published beside predicted.
    """

    flights: tuple[Flight, ...]
    compared: tuple[Compared, ...]


def flights_of_event(event: Event, seed: int = 0, replicate: int = 0) -> list[Flight]:
    """Return the flights of an event at its real time, for three hours at most.

    Raises:
        ValueError: if the event is a timeline only, or no boost fits.
    """
    start_ns = event.launch_ns
    draws = Draws(seed, replicate, f"flight|{event.name}")  # as an exercise draws it: the same flight
    return event.mover().fly(event.name, start_ns, start_ns + LONGEST_NS, draws)


def predict(event: Event, *, seed: int = 0, replicates: int = REPLICATES) -> Prediction:
    """Return what the generic flight through an event's figures predicts, beside everything that was published.

    Raises:
        ValueError: see `flights_of_event`.
    """
    runs = [flights_of_event(event, seed, replicate) for replicate in range(replicates)]
    compared = []
    for question in _questions(event):
        answers = np.array([question.answer(run) for run in runs])
        low, median, high = np.percentile(answers, [5.0, 50.0, 95.0])
        compared.append(
            Compared(
                what=question.what,
                unit=question.unit,
                published=question.published,
                predicted=float(median),
                spread=(float(low), float(high)),
                role=question.role,
                source=event.sources[question.source],
            )
        )
    return Prediction(tuple(runs[0]), tuple(compared))


@dataclass(frozen=True, slots=True)
class _Question:
    """A published figure, and how a run of flights answers it."""

    what: str
    unit: str
    published: float
    role: Literal["fitted to", "not used", "predicted"]
    source: str
    answer: Callable[[Sequence[Flight]], float]


def _questions(event: Event) -> list[_Question]:
    """Return what an event's file says that a flight can be asked for."""

    def minutes(at: datetime) -> float:
        return (_ns(at) - event.launch_ns) / NS_PER_S / 60.0

    def figure_of(what: str) -> Callable[[Sequence[Flight]], float]:
        return lambda run: _figures(event, _part(run, event.figures_of))[what]

    asked = []
    for figure in event.figures:
        meant_only = figure.used and not event.as_flown
        azimuth = figure.what == "bearing_deg" and event.boost.get("bearing_of") == "launch"
        if figure.what not in {*FITTED_TO, "flight_time_min"} or meant_only or azimuth:
            continue
        role: Literal["fitted to", "not used", "predicted"] = "predicted"
        if figure.what in FITTED_TO and event.as_flown:
            role = "fitted to" if figure.used else "not used"
        name, unit = figure.what.rsplit("_", 1)
        words = name.replace("_", " ")
        asked.append(_Question(words, unit, figure.value, role, figure.source, figure_of(figure.what)))
    for passage in event.passages:
        ends = ((passage.enters, passage.begins), (passage.leaves, passage.ends))
        for place, at in ends[: 1 if ends[0] == ends[1] else 2]:
            words = f"over {passage.over}: nearest to {place.name}"
            asked.append(
                _Question(words, "min", minutes(at), "predicted", passage.source, partial(_passes_min, event, place))
            )
            words = f"over {passage.over}: distance from {place.name}"
            asked.append(_Question(words, "km", 0.0, "predicted", passage.source, partial(_passes_km, event, place)))
    for impact in event.impacts:
        part = impact.part or "impact"
        near = impact.near
        if near is not None and impact.distance_km is not None:
            answer = partial(_falls_from_km, near, impact.part)
            words = f"{part}: distance from {near.name}"
            asked.append(_Question(words, "km", impact.distance_km, "predicted", impact.source, answer))
        if impact.at is not None:
            answer = partial(_falls_min, event, impact.part)
            asked.append(_Question(f"{part}: when", "min", minutes(impact.at), "predicted", impact.source, answer))
    return asked


def _part(run: Sequence[Flight], part: str) -> Flight:
    name = f"{run[0].name} {part}" if part else run[0].name
    return next(flight for flight in run if flight.name == name)


def _figures(event: Event, flight: Flight) -> dict[str, float]:
    """Return what is published of flights, of this one."""
    lat, lon, height = geodetic_from_ecef(flight.state_ecef[:, :3])
    distance, bearing = distance_and_bearing(
        math.radians(event.site.lat_deg), math.radians(event.site.lon_deg), lat[-1], lon[-1]
    )
    return {
        "range_km": float(distance) / 1e3,
        "apogee_km": float(height.max()) / 1e3,
        "bearing_deg": math.degrees(float(bearing)),
        "flight_time_min": float(flight.time_ns[-1] - event.launch_ns) / NS_PER_S / 60.0,
    }


def _passes_min(event: Event, place: Place, run: Sequence[Flight]) -> float:
    """Return when the ground track is nearest to a place, minutes after lift-off."""
    time_ns, away = _passing(event, place, run[0])
    return float(time_ns[np.argmin(away)] - event.launch_ns) / NS_PER_S / 60.0


def _passes_km(event: Event, place: Place, run: Sequence[Flight]) -> float:
    """Return how near to a place the ground track comes."""
    return float(_passing(event, place, run[0])[1].min()) / 1e3


def _passing(event: Event, place: Place, flight: Flight) -> tuple[NDArray[np.int64], Floats]:
    """Return (n,) times [ns] on the way out, and how far the ground track is from a place then [m]."""
    fine_ns = np.arange(flight.time_ns[0], min(flight.time_ns[-1], event.launch_ns + OUTWARD_NS), NS_PER_S // 4)
    lat, lon, _ = geodetic_from_ecef(flight.at(fine_ns)[:, :3])
    away, _ = distance_and_bearing(math.radians(place.lat_deg), math.radians(place.lon_deg), lat, lon)
    return fine_ns, away


def _falls_from_km(place: Place, part: str, run: Sequence[Flight]) -> float:
    lat, lon, _ = geodetic_from_ecef(_part(run, part).state_ecef[-1, :3])
    away, _ = distance_and_bearing(math.radians(place.lat_deg), math.radians(place.lon_deg), lat, lon)
    return float(away) / 1e3


def _falls_min(event: Event, part: str, run: Sequence[Flight]) -> float:
    return float(_part(run, part).time_ns[-1] - event.launch_ns) / NS_PER_S / 60.0


def _ns(at: datetime) -> int:
    return utc_ns_from_iso(at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
