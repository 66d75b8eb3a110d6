"""`noroshi coverage`: from a scenario to who can see what, and where one more sensor would help."""

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from noroshi.exercise.coverage import GroundSight, is_within
from noroshi.exercise.coverage_report import (
    Constellation,
    FlightCover,
    Gains,
    GroundCover,
    Region,
    SpaceCover,
    added_sensor,
    flight_cover,
    ground_cover,
    space_cover,
)
from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.constellation import Mover as Walker
from noroshi.exercise.orbits import positions, satellites
from noroshi.exercise.sights import Target, ground_sight, space_sight
from noroshi.geo.horizon import radar_horizon_m
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import MEAN_RADIUS_M, Floats, ecef_from_geodetic, geodetic_from_ecef
from noroshi.run.coast import is_land
from noroshi.run.coverage.keeping import Keeping, keeping
from noroshi.run.recordings import read as read_recording
from noroshi.run.scenarios import Scenario, SensorEntry, read_scenario

__all__ = ["HEIGHTS_M", "Covered", "Network", "Target", "Wanted", "check", "cover", "moved"]

HEIGHTS_M = (100.0, 1_000.0, 3_000.0, 10_000.0, 30_000.0, 100_000.0)
CANDIDATES = 500  # points of the lattice over a box of land that are tried; those at sea are left out
CANDIDATES_OF_REGION = 10_000
NEAR_OWN_M = 300_000.0
PAD_RAD = math.radians(1.0)  # about what the sensors reach
FLIGHT_STEP_S = 5.0
EPOCHS_MAX = 10_000
POSITIONS_MAX = 5_000_000  # of satellites at epochs


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asked for; see `noroshi coverage --help`."""

    scenario: str
    nations: tuple[str, ...] = ()
    heights_m: tuple[float, ...] = HEIGHTS_M
    region_deg: str | None = None
    target: Target = field(default_factory=Target)
    flights: tuple[str, ...] = ()
    like: str | None = None
    sites: Path | None = None
    on_deg: tuple[str, ...] = ()
    least: int = 1
    hours: float = 24.0
    step_s: float = 60.0
    points: int = 20_000
    threads: int = 1
    keep: int | None = None
    losses: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """The sensors of a scenario, as far as they see the target in question.

    Attributes:
        ground: those that stand on the Earth; on ships where these are at the start.
        constellations: over the time that was asked for.
        blind: names of those that see no such target, or whose type has no cover.
        nations: codes, in the scenario's order.
    """

    ground: tuple[GroundSight, ...]
    constellations: tuple[Constellation, ...]
    blind: tuple[str, ...]
    nations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Covered:
    """What came of it.

    Attributes:
        wanted: what was asked for.
        title: the scenario's name.
        network: the sensors.
        region: where.
        ground: by height.
        space: by height; none if there are no satellites.
        flights: those that were named.
        gains: of one more sensor; None if that was not asked.
        keeping: which sensors to keep; None if that was not asked.
    """

    wanted: Wanted
    title: str
    network: Network
    region: Region
    ground: tuple[GroundCover, ...]
    space: tuple[SpaceCover, ...]
    flights: tuple[FlightCover, ...]
    gains: Gains | None
    keeping: Keeping | None


def check(wanted: Wanted) -> None:
    """Refuse what makes no sense, before any work is done.

    Raises:
        ValueError: saying what is wrong and what to do.
    """
    target = wanted.target
    numbers = {
        "--cross-section": (target.cross_section_m2, 1e-6, 1e6),
        "--heat": (target.heat_w_sr, 0.0, 1e12),
        "--probability": (target.probability, 0.01, 0.99),
        "--hours": (wanted.hours, 0.01, 1_000.0),
        "--step": (wanted.step_s, 0.1, 3_600.0),
    }
    for height_m in wanted.heights_m:
        numbers[f"--height {height_m:g}"] = height_m, 0.0, 2e6
    for name, (value, low, high) in numbers.items():
        if not low <= value <= high:
            raise ValueError(f"{name}: {value:g} is not within {low:g} to {high:g}")
    if wanted.hours * 3_600.0 / wanted.step_s > EPOCHS_MAX:
        raise ValueError(
            f"--hours and --step make more than {EPOCHS_MAX} epochs: shorten the one or lengthen the other"
        )
    if (wanted.sites or wanted.on_deg or wanted.least > 1) and not wanted.like:
        raise ValueError("--sites, --on and --least are for --like SENSOR: name the sensor one more should be like")
    if wanted.sites and wanted.on_deg:
        raise ValueError("--sites and --on both say where one more sensor may stand: leave one out")


def cover(wanted: Wanted) -> Covered:
    """Return who can see what.

    Raises:
        ValueError: if the scenario or what was asked for is wrong.
    """
    scenario = read_scenario(wanted.scenario, wanted.nations)
    flights = [flight for name in wanted.flights for flight in _flown(scenario, name)]
    seconds = np.arange(0.0, wanted.hours * 3_600.0, wanted.step_s)
    time_ns = scenario.start_ns + (seconds * NS_PER_S).astype(np.int64)
    network = network_of(scenario, wanted.target, time_ns)
    bounds = (
        _bounds("--region", wanted.region_deg) if wanted.region_deg else around(network.ground, max(wanted.heights_m))
    )
    region = Region.of(*bounds, n_points=wanted.points)
    like = _named(network, wanted.like) if wanted.like else None
    gains = None
    if like is not None:
        places = _places(wanted, region, [each for each in network.ground if each.nation == like.nation])
        candidates = [moved(like, place) for place in places]
        gains = added_sensor(
            like, candidates, places, network.ground, region, wanted.heights_m, least=wanted.least
        )  # fmt: skip
    kept = None
    if wanted.keep is not None:
        kept = keeping(
            network.ground, region, wanted.heights_m[0], number=wanted.keep, losses=wanted.losses, clock=time.monotonic
        )
    with ThreadPoolExecutor(wanted.threads) as executor:
        space = [
            space_cover(network.constellations, region, height_m, wanted.step_s, executor=executor)
            for height_m in (wanted.heights_m if network.constellations else ())
        ]
    return Covered(
        wanted=wanted,
        title=scenario.name,
        network=network,
        region=region,
        ground=tuple(ground_cover(network.ground, region, height_m) for height_m in wanted.heights_m),
        space=tuple(space),
        flights=tuple(_along(scenario, wanted.target, flight) for flight in flights),
        gains=gains,
        keeping=kept,
    )


def network_of(scenario: Scenario, target: Target, time_ns: np.ndarray) -> Network:
    """Return the sensors of a scenario that can see a target, their satellites at (k,) times."""
    ground, constellations, blind = [], [], []
    for nation in scenario.nations:
        for entry in nation.sensors:
            sight = ground_sight(entry.site.sensor, nation.code, _place(scenario, entry), entry.observer, target)
            if sight is None:
                blind.append(entry.site.sensor)
            else:
                ground.append(sight)
        for each in nation.constellations:
            view = space_sight(each.observer, target, scenario.weather.cloud_top_m)
            if view is None:
                blind.append(each.name)
                continue
            if isinstance(each.mover, Walker) and each.mover.satellites * len(time_ns) > POSITIONS_MAX:
                raise ValueError(
                    f"{each.name}: too many satellites at too many epochs: shorten --hours, lengthen --step"
                )
            if isinstance(each.mover, Walker):
                position_ecef_m = positions(satellites(each.mover.orbits(), scenario.start_ns), time_ns)
            else:
                draws = Draws(scenario.seed, 0, f"flight|{each.name}")
                flown = each.mover.fly(each.name, scenario.start_ns, int(time_ns[-1]), draws)
                position_ecef_m = np.array([flight.at(time_ns)[:, :3] for flight in flown])
            constellations.append(
                Constellation(name=each.name, nation=nation.code, sight=view, position_ecef_m=position_ecef_m)
            )
    return Network(
        ground=tuple(ground),
        constellations=tuple(constellations),
        blind=tuple(blind),
        nations=tuple(nation.code for nation in scenario.nations),
    )


def around(sights: Sequence[GroundSight], height_m: float) -> tuple[float, float, float, float]:
    """Return south, west, north, east [rad] of what sensors on the ground can reach at a height.

    Without any it is the whole Earth.
    """
    if not sights:
        return -math.pi / 2.0, -math.pi, math.pi / 2.0, math.pi
    turn = 2.0 * math.pi
    reached = [_reached(sight, height_m) for sight in sights]
    lat, lon = np.concatenate(reached).T
    middle = math.atan2(float(np.sin(lon).sum()), float(np.cos(lon).sum()))
    away = (lon - middle + math.pi) % turn - math.pi
    west, east = float(away.min()) - PAD_RAD, float(away.max()) + PAD_RAD
    south, north = max(float(lat.min()) - PAD_RAD, -turn / 4.0), min(float(lat.max()) + PAD_RAD, turn / 4.0)
    if east - west >= turn or any(np.ptp(np.unwrap(each[:, 1])) > 0.99 * turn for each in reached):
        return south, -math.pi, north, math.pi
    return south, (middle + west + math.pi) % turn - math.pi, north, (middle + east + math.pi) % turn - math.pi


def _reached(sight: GroundSight, height_m: float) -> Floats:
    """Return (n, 2) latitude and longitude [rad] of where a sensor stands and how far it sees, bearing by bearing."""
    lat, lon, antenna_m = geodetic_from_ecef(sight.position_ecef_m)
    reach_m = sight.range_m_max
    if math.isfinite(sight.earth_factor):
        reach_m = min(reach_m, float(radar_horizon_m(antenna_m, height_m, earth_factor=sight.earth_factor)))
    bearing = np.radians(np.arange(0.0, 360.0))
    if sight.sectors_rad:
        bearing = bearing[is_within(bearing, sight.sectors_rad)]
    arc = min(reach_m / MEAN_RADIUS_M, math.pi)
    sine = np.sin(lat) * math.cos(arc) + np.cos(lat) * math.sin(arc) * np.cos(bearing)
    east = np.arctan2(np.sin(bearing) * math.sin(arc) * np.cos(lat), math.cos(arc) - np.sin(lat) * sine)
    edge = np.stack([np.arcsin(np.clip(sine, -1.0, 1.0)), lon + east], axis=1)
    poles = [[pole, lon] for pole in (-math.pi / 2.0, math.pi / 2.0) if abs(pole - lat) < arc]
    return np.concatenate([[[lat, lon], *poles], edge])


def _bounds(option: str, text: str) -> tuple[float, float, float, float]:
    """Return south, west, north, east [rad] of "20,120,50,160".

    Raises:
        ValueError: if it is not such a text.
    """
    wanted = f"{option} {text}: write south,west,north,east in degrees, for instance 20,120,50,160"
    try:
        south, west, north, east = (math.radians(float(part)) for part in text.split(","))
    except ValueError:
        raise ValueError(wanted) from None
    if not math.isfinite(south + west + north + east):
        raise ValueError(wanted)
    return south, west, north, east


def _place(scenario: Scenario, entry: SensorEntry) -> Floats:
    """Return where a sensor is at the start, Earth-fixed [m]."""
    if entry.carrier is None:
        site = entry.site
        return ecef_from_geodetic(site.lat_rad, site.lon_rad, site.height_m)
    carrier = _flown(scenario, entry.carrier)[0]
    return carrier.at(np.maximum(carrier.time_ns[:1], scenario.start_ns))[0, :3]


def _flown(scenario: Scenario, name: str) -> list[Flight]:
    """Return the flights of an entry of the scenario.

    Raises:
        ValueError: if there is no such entry.
    """
    for entry in scenario.flights:
        if entry.name == name:
            draws = Draws(scenario.seed, 0, f"flight|{name}")
            return entry.mover.fly(name, scenario.start_ns, scenario.end_ns, draws)
    known = ", ".join(entry.name for entry in scenario.flights)
    raise ValueError(f"{scenario.name}: has no flight '{name}'; there are: {known}")


def _along(scenario: Scenario, target: Target, flight: Flight) -> FlightCover:
    """Return who can see a flight, with its own cross-section and heat."""
    seconds = np.arange(0.0, (flight.time_ns[-1] - flight.time_ns[0]) / NS_PER_S, FLIGHT_STEP_S)
    time_ns = flight.time_ns[0] + (seconds * NS_PER_S).astype(np.int64)
    own = replace(target, cross_section_m2=flight.cross_section_m2, heat_w_sr=flight.heat_w_sr[flight.sample(time_ns)])
    network = network_of(scenario, own, time_ns)
    since_s = (time_ns - scenario.start_ns) / NS_PER_S
    return flight_cover(flight.name, since_s, flight.at(time_ns)[:, :3], network.ground, network.constellations)


def _named(network: Network, name: str) -> GroundSight:
    """Return a sensor on the ground by its name.

    Raises:
        ValueError: if there is none.
    """
    for sight in network.ground:
        if sight.name == name:
            return sight
    known = ", ".join(sight.name for sight in network.ground)
    raise ValueError(f"--like {name}: no sensor on the ground of this name sees such a target; there are: {known}")


def _places(wanted: Wanted, region: Region, own: Sequence[GroundSight]) -> Floats:
    """Return (c, 2) candidate places within the region.

    They are those of a sensors table; else a lattice over the land of the boxes that were named; else over the land
    near its owner's other sensors: whose land it is this program does not know.

    Raises:
        ValueError: if there are none.
    """
    if wanted.sites:
        sites = read_recording(str(wanted.sites)).decoded.sites
        places = np.array([[site.lat_rad, site.lon_rad] for site in sites]).reshape(-1, 2)
        places = places[np.all(np.isfinite(places), axis=1)]
        if not len(places):
            raise ValueError(f"{wanted.sites}: has no sensor with a place; give lat_deg and lon_deg")
        return places
    boxes = [Region.of(*_bounds("--on", box), n_points=CANDIDATES) for box in wanted.on_deg] or [region]
    places = np.concatenate(
        [box.points if box is not region else _thinned(region, CANDIDATES_OF_REGION) for box in boxes]
    )
    if not wanted.on_deg:
        place_ecef_m = ecef_from_geodetic(places[:, 0], places[:, 1], 0.0)
        near = [np.linalg.norm(place_ecef_m - sight.position_ecef_m, axis=1) < NEAR_OWN_M for sight in own]
        places = places[np.any(near, axis=0)]
    places = places[is_land(places[:, 0], places[:, 1])] if len(places) else places
    if not len(places):
        raise ValueError("--like: there is no land to try; name places with --sites, or boxes of land with --on")
    return places


def _thinned(region: Region, n: int) -> Floats:
    """Return about n points of a region, another lattice than its own."""
    bounds = region.south_rad, region.west_rad, region.north_rad, region.east_rad
    return Region.of(*bounds, n_points=n).points


def moved(sight: GroundSight, place: Floats) -> GroundSight:
    """Return a sensor like another at (2,) another place, as high above the ellipsoid."""
    height_m = geodetic_from_ecef(sight.position_ecef_m)[2]
    return replace(sight, position_ecef_m=ecef_from_geodetic(place[0], place[1], height_m))
