"""The simulated world that sensors look at: what flies, the weather, and what is wrong with whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.paths import Paths


class Fault(StrEnum):
    """What may be wrong with a sensor; beside each the values that say how much. What is not named is 0."""

    OFF = "off"  # it does not look
    BIAS = "bias"  # range_m, azimuth_rad, elevation_rad, added to what it measures; east_m, north_m, up_m of reports
    CLOCK = "clock"  # offset_s, drift_s_s since the fault began: its clock is ahead by so much
    JAMMING = "jamming"  # loss_db of signal to noise, within azimuth_rad_min..azimuth_rad_max (everywhere if neither)
    NOISE = "noise"  # factor (of at least 0) on all standard deviations
    CLUTTER = "clutter"  # factor on the number of false plots


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One fault of one sensor for a while.

    Attributes:
        fault: what is wrong.
        start_ns, end_ns: from when (included) to when (excluded).
        values: how much, by the names given beside each `Fault`.
    """

    fault: Fault
    start_ns: int
    end_ns: int
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What the air hides.

    Attributes:
        cloud_top_m: nothing below is seen by infrared satellites, above the ellipsoid.
        sea_state: Douglas scale, 0 to 9.
    """

    cloud_top_m: float = 10_000.0
    sea_state: int = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """Everything that is true in one run.

    Attributes:
        seed, replicate: the names of all its random draws (`exercise.keyed`).
        start_ns, end_ns: of the exercise.
        flights: all that moves, satellites and ships too.
        weather: of the run.
        effects: the faults of each sensor, by its name; those of a flight's transponder by the flight's (`OFF`: it is
            silent, `BIAS`: it says a false position).
        paths: of all flights, in their order, made from them.
    """

    seed: int
    replicate: int
    start_ns: int
    end_ns: int
    flights: tuple[Flight, ...]
    weather: Weather = Weather()
    effects: Mapping[str, tuple[Effect, ...]] = field(default_factory=dict)
    paths: Paths = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", Paths.of(self.flights))

    def draws(self, entity: str) -> Draws:
        """Return the random numbers of one entity: a sensor, or "sensor|target"."""
        return Draws(self.seed, self.replicate, entity)

    def flight(self, name: str) -> Flight:
        """Return a flight by its name.

        Raises:
            KeyError: if there is none.
        """
        for flight in self.flights:
            if flight.name == name:
                return flight
        raise KeyError(name)
