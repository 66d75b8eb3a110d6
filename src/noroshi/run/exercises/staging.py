"""A scenario set up for a run: what flies, what sensors see it, which nodes they tell, what goes wrong."""

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.reference import truth_from_reports
from noroshi.assessment.smoothing import smoothed
from noroshi.command.rows import What
from noroshi.command.standing import POSTURES
from noroshi.command.transitions import Action, Role
from noroshi.exercise import injects
from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.mishaps import Cut, Delay, Drop, Throttle
from noroshi.exercise.observers import Aimed
from noroshi.exercise.planning import Eye, Planner, Plans, Settings
from noroshi.exercise.ports import Fault, Port
from noroshi.exercise.relief import Depot, Place, ReliefPlanner, Vehicle
from noroshi.exercise.traffic import Move, flights_of
from noroshi.exercise.world import World
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.node.core import Node
from noroshi.records import MISSILES, concatenate
from noroshi.records.known import Known
from noroshi.run.exercises.driver import Feed
from noroshi.run.exercises.staff import area_nations, player, staff_of
from noroshi.run.recordings import read
from noroshi.run.rooms import load
from noroshi.run.scenarios import Link, Nation, Scenario, SensorEntry, Traffic, traffic_path
from noroshi.run.scenarios.models import ReliefSection
from noroshi.run.setup import Setup, Site, Together, assemble, make_sensors
from noroshi.run.sharing import Sharing, own_of_exercise, public_hex
from noroshi.run.sites import usual_motion
from noroshi.run.watching import Watching
from noroshi.sharing.memory_store import MemoryStore

SPAN_S = 2.5
"""A sensor that looks all the time tells what it saw every so often, or once a look if it looks more often: a radar of
ten seconds' rotation by quarters. A nation's file may say otherwise (`tells_every_s`)."""

PROMPT_S = 0.1
"""One that looks at an instant tells so long after it."""

PICTURE_S = 4.0
"""A node gives out its whole picture every so often, as a display would turn over."""

PUMP_S = 2.0
"""A node looks at its links every so often, at whole multiples: processes that share the nodes meet there."""

LINK_NS_MIN = 1_000_000
"""A message takes at least so long."""

TRAFFIC_MOTION = {"horizontal_psd_m2_s3": 4.0, "vertical_psd_m2_s3": 1.0}
"""How real flights, told by their own reports, are taken to have moved between these."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cast:
    """All that moves in a run.

    Attributes:
        world: what sensors look at.
        bodies: the flights that truly exist, satellites left out: what tracks are assessed by.
        eyes: the sensors of each nation, those on satellites too, by its code.
    """

    world: World
    bodies: tuple[Flight, ...]
    eyes: Mapping[str, tuple[SensorEntry, ...]]

    @property
    def threats(self) -> tuple[str, ...]:
        """Names of the bodies that ever boost, fall or glide."""
        return tuple(flight.name for flight in self.bodies if np.isin(flight.kind, MISSILES).any())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """Everything a driver needs.

    Attributes:
        cast: what moves.
        feeds: the sensors of the nations that are run here.
        links: the way from each node that is run here to each partner, by (owner, recipient).
        setups: how each of their nodes is made, by its name.
        faults: which nodes do not run when.
        stores: what each node's disk holds for each partner: it outlives the node.
        together: what its nodes know together: those that hold the same work it out once.
    """

    cast: Cast
    feeds: tuple[Feed, ...]
    links: Mapping[tuple[str, str], Port]
    setups: Mapping[str, Setup]
    faults: tuple[injects.NodeFault, ...]
    stores: dict[tuple[str, str], MemoryStore]
    together: Together = field(default_factory=Together)

    def node(self, name: str, executor: Executor | None = None, known: Known | None = None) -> Node:
        """Return a new node, which has what its disk holds.

        Args:
            name: whose.
            executor: runs its large batches by blocks.
            known: what nodes' own tracks were in runs before; None remembers nothing.
        """
        store_of = lambda partner: self.stores.setdefault((name, partner), MemoryStore())  # noqa: E731
        return assemble(self.setups[name], executor, store_of=store_of, known=known, together=self.together)[0]


def cast(scenario: Scenario, replicate: int = 0) -> Cast:
    """Fly everything that a scenario has.

    Raises:
        ValueError: if an entry's numbers contradict each other; the message names the entry.
    """
    entries = {entry.name: _fly(scenario, entry.name, entry.mover.fly, replicate) for entry in scenario.flights}
    n_addresses = 0
    for traffic in scenario.traffic:
        entries[traffic.name] = background(scenario, traffic, n_addresses)
        n_addresses += len(entries[traffic.name])
    players = injects.cast(entries, scenario.injects, scenario.start_ns, scenario.end_ns)
    eyes: dict[str, tuple[SensorEntry, ...]] = {}
    satellites: dict[str, list[Flight]] = {}
    for nation in scenario.nations:
        own = list(nation.sensors)
        for constellation in nation.constellations:
            flown = _fly(scenario, constellation.name, constellation.mover.fly, replicate)
            satellites[constellation.name] = flown
            own += [constellation.sensor_on(satellite.name) for satellite in flown]
        eyes[nation.code] = tuple(own)
    flown_names = {name: [flight.name for flight in flown] for name, flown in (entries | satellites).items()}
    effects = injects.effects(scenario.injects, scenario.meant(flown_names), scenario.start_ns, scenario.end_ns)
    world = World(
        seed=scenario.seed,
        replicate=replicate,
        start_ns=scenario.start_ns,
        end_ns=scenario.end_ns,
        flights=(*players.flights, *(flight for flown in satellites.values() for flight in flown)),
        weather=scenario.weather,
        effects=effects,
    )
    return Cast(world=world, bodies=players.bodies, eyes=eyes)


def stage(
    scenario: Scenario,
    *,
    codes: Sequence[str] | None = None,
    replicate: int = 0,
    span_s: float = SPAN_S,
    picture_s: float = PICTURE_S,
    pump_s: float = PUMP_S,
    sharing: bool = True,
    everything: Cast | None = None,
) -> Stage:
    """Set a scenario up.

    Args:
        scenario: what is run.
        codes: the nations whose nodes and sensors are run here; all if None.
        replicate: which repetition: other random draws of the same scenario.
        span_s: how much a sensor sees before it tells.
        picture_s: how often a node gives out its whole picture.
        pump_s: how often it looks at its links.
        sharing: whether the nations' links carry anything.
        everything: what `cast` returned of this scenario and repetition, if it was called before.

    Raises:
        ValueError: if an entry's numbers contradict each other; the message names the entry.
    """
    everything = everything or cast(scenario, replicate)
    here = [nation for nation in scenario.nations if codes is None or nation.code in codes]
    setups = {nation.code: _setup(scenario, nation, everything.eyes[nation.code], picture_s) for nation in here}
    links = scenario.links() if sharing else {}
    for nation in here:
        there = sorted({code for pair in links for code in pair if nation.code in pair} - {nation.code})
        if there:
            setups[nation.code].sharing = _sharing(scenario, nation, there, pump_s)
    staff = staff_of(scenario)
    for nation in here:
        if nation.warning is not None:
            setups[nation.code].watch = Watching.of(nation.warning, staff, area_nations(scenario))
    ways = [(entry, nation.code) for nation in here for entry in everything.eyes[nation.code]]
    faults = injects.port_faults(
        scenario.injects,
        scenario.start_ns,
        scenario.end_ns,
        links=list(links),
        feeds=[(entry.site.sensor, code) for entry, code in ways],
    )
    feeds = [
        _feed(everything.world, entry, code, faults.get((entry.site.sensor, code), ()), span_s) for entry, code in ways
    ]
    stopped = injects.node_faults(scenario.injects, scenario.start_ns, scenario.end_ns)
    return Stage(
        cast=everything,
        feeds=tuple(feeds),
        links={
            pair: _link(everything.world, pair, link, faults.get(pair, ()))
            for pair, link in links.items()
            if pair[0] in setups
        },
        setups=setups,
        faults=tuple(fault for fault in stopped if fault.nation in setups),
        stores={},
    )


def planners(scenario: Scenario, everything: Cast, replicate: int, *, sharing: bool = True) -> dict[str, Plans]:
    """Return who plans what, by names of the plans.

    Who plans what sensors look at plans for the own ones, and for those of nations with links.

    Args:
        scenario: what is run.
        everything: what flies and sees there.
        replicate: which repetition.
        sharing: whether the links carry anything; else everybody plans for the own sensors alone.
    """
    found: dict[str, Plans] = {}
    if scenario.relief is not None:
        found[f"{scenario.relief.nation} relief"] = _relief(scenario, scenario.relief, replicate)
    if scenario.advice is None:
        return found
    told = scenario.advice
    settings = Settings(**told.model_dump(exclude={"planners", "beforehand"}))
    links = scenario.links() if sharing else {}
    for nation in (each for each in scenario.nations if each.warning is not None):
        code, asked = nation.code, {nation.code, *(b for a, b in links if a == nation.code)}
        own = [entry for entry in everything.eyes[code] if _is_aimed(entry)]
        plans = code in told.planners
        if plans or (own and told.beforehand):
            found[f"{code} looks"] = Planner(
                player=player(scenario, replicate, code, Role.SENSOR_MANAGER),
                eyes=[
                    _eye(everything.world, entry, owner)
                    for owner, entries in everything.eyes.items()
                    for entry in entries
                    if plans and owner in asked and _is_aimed(entry)
                ],
                settings=settings,
                start_ns=scenario.start_ns,
                beforehand=_beforehand(scenario, own) if own and told.beforehand else None,
            )
    return found


def _relief(scenario: Scenario, told: ReliefSection, replicate: int) -> ReliefPlanner:
    sorts = tuple(each.name for each in told.goods)
    depots = [each.name for each in told.depots]
    return ReliefPlanner(
        player=player(scenario, replicate, told.nation, Role.RELIEF_COORDINATOR),
        at_ns=scenario.start_ns + round(told.at_s * NS_PER_S),
        time_s=told.hours * 3_600.0,
        sorts=sorts,
        sizes_m3=tuple(each.size_m3 for each in told.goods),
        depots=tuple(
            Depot(
                each.name,
                math.radians(each.lat_deg),
                math.radians(each.lon_deg),
                tuple(each.stock.get(sort, 0.0) for sort in sorts),
            )
            for each in told.depots
        ),
        places=tuple(
            Place(
                each.name,
                math.radians(each.lat_deg),
                math.radians(each.lon_deg),
                tuple(each.need.get(sort, 0.0) for sort in sorts),
                tuple(each.urgency.get(sort, 1.0) for sort in sorts),
            )
            for each in told.places
        ),
        vehicles=tuple(
            Vehicle(
                f"{each.name}-{k + 1}",
                depots.index(each.depot),
                each.holds_m3,
                each.speed_m_s,
                each.turn_s,
                each.flies,
                1_000.0 * each.range_km,
            )
            for each in told.vehicles
            for k in range(each.number)
        ),
    )


def _is_aimed(entry: SensorEntry) -> bool:
    return isinstance(entry.observer, Aimed) and entry.observer.is_aimed


def _beforehand(scenario: Scenario, own: Sequence[SensorEntry]) -> What:
    """Return what a nation approves beforehand of its sensors' looks: what the planners ask, to the exercise's end."""
    assert scenario.advice is not None
    detail = {
        "sensors": [entry.site.sensor for entry in own],
        "by": list(scenario.advice.planners),
        "looks_max": 10_000,
        "postures": list(POSTURES),
        "from_ns": scenario.start_ns,
        "until_ns": scenario.end_ns + round(scenario.advice.ahead_s * NS_PER_S),
    }
    return What(action=Action.STANDING_PLAN, priority="immediate", detail=detail)


def _eye(world: World, entry: SensorEntry, nation: str) -> Eye:
    """Return a sensor as those who plan know it: its orbit, its field, and what its node believes of it."""
    sensor = make_sensors(Setup(sites=[Site.of(entry.site)]))[entry.site.sensor]
    carrier = world.flight(entry.carrier) if entry.carrier else None
    scene = entry.observer.watch(world, entry.site, sensor, carrier).scene

    def can_look(states: Floats, time_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
        origin = scene.own_at(time_ns)[:, :3]
        assert isinstance(entry.observer, Aimed)
        return entry.observer.can_look(states, origin) & (sensor.detection_probability(states, origin) > 0.0)

    return Eye(entry.site.sensor, nation, world.start_ns, scene.period_ns, can_look)


def _fly(
    scenario: Scenario, name: str, fly: Callable[[str, int, int, Draws], list[Flight]], replicate: int
) -> list[Flight]:
    draws = Draws(scenario.seed, replicate, f"flight|{name}")
    try:
        return fly(name, scenario.start_ns, scenario.end_ns, draws)
    except ValueError as error:
        raise ValueError(f"{scenario.source.name}: '{name}': {error}") from error


def background(scenario: Scenario, traffic: Traffic, n_addresses: int) -> list[Flight]:
    """Return real flights moved to the place and time that a scenario says.

    Raises:
        ValueError: if the table holds none, or not how fast they are.
    """
    decoded = read(str(traffic_path(scenario.source, traffic.flights))).decoded
    truth = concatenate(decoded.truths) if decoded.truths else truth_from_reports(decoded.detections)[0]
    if not len(truth):
        raise ValueError(f"{scenario.source.name}: traffic '{traffic.name}': {traffic.flights} holds no flights")
    if not np.isfinite(truth.state_ecef).all() and decoded.truths:
        raise ValueError(
            f"{scenario.source.name}: traffic '{traffic.name}': {traffic.flights} has rows without a velocity; "
            "add velocity_east_m_s, velocity_north_m_s and velocity_up_m_s"
        )
    if not decoded.truths:
        truth = smoothed(truth, load("motion", "constant_velocity").Motion.of(**TRAFFIC_MOTION))
    at_ns = scenario.start_ns + round(traffic.at_s * NS_PER_S)
    until_ns = scenario.end_ns
    if traffic.until_s is not None:
        until_ns = min(until_ns, scenario.start_ns + round(traffic.until_s * NS_PER_S))
    move = Move(
        lat_rad=math.radians(traffic.lat_deg),
        lon_rad=math.radians(traffic.lon_deg),
        turn_rad=math.radians(traffic.turn_deg),
        later_ns=at_ns - int(truth.time_ns.min()) - round(traffic.from_s * NS_PER_S),
        start_ns=at_ns,
        end_ns=until_ns,
    )
    return flights_of(truth, traffic.name, move, number_max=traffic.number_max, first_address=n_addresses)


def _setup(scenario: Scenario, nation: Nation, eyes: Sequence[SensorEntry], picture_s: float) -> Setup:
    return Setup(
        node=nation.code,
        sites=[Site.of(entry.site) for entry in eyes],
        tracker=scenario.tracker,
        motion=scenario.motion or usual_motion([entry.site for entry in eyes], scenario.tracker),
        period_s=picture_s,
        registration=nation.registration,
    )


def _sharing(scenario: Scenario, nation: Nation, partners: Sequence[str], pump_s: float) -> Sharing:
    keys = {code: own_of_exercise(scenario.name, scenario.seed, code).key for code in partners}
    return Sharing(
        policy="" if nation.policy is None else nation.policy.text,
        partners={code: public_hex(key) for code, key in keys.items()},
        exercise=scenario.name,
        seed=scenario.seed,
        pump_s=pump_s,
    )


def _link(world: World, pair: tuple[str, str], link: Link, faults: Sequence[Fault]) -> Port:
    """Return the way from one node to another: what it always does to messages, and then what goes wrong."""
    whole = {"start_ns": world.start_ns, "end_ns": world.end_ns + 1}
    always: list[Fault] = []
    if link.loss:
        always.append(Drop(probability=link.loss, **whole))
    if link.jitter_s:
        always.append(Delay(mean_s=link.jitter_s, **whole))
    if link.rate_bytes_s is not None:
        always.append(Throttle(bytes_s=link.rate_bytes_s, **whole))
    delay_ns = max(LINK_NS_MIN, round(link.delay_s * NS_PER_S))
    return Port(">".join(pair), delay_ns=delay_ns, faults=(*always, *faults), draws=world.draws(">".join(pair)))


def _feed(world: World, entry: SensorEntry, code: str, faults: Sequence[Fault], span_s: float) -> Feed:
    name = entry.site.sensor
    sensor = make_sensors(Setup(sites=[Site.of(entry.site)]))[name]
    carrier = world.flight(entry.carrier) if entry.carrier else None
    watch = entry.observer.watch(world, entry.site, sensor, carrier)
    span_ns = round(min(span_s, sensor.parameters["scan_period_s"]) * NS_PER_S)
    if entry.tells_every_s is not None:
        span_ns = round(entry.tells_every_s * NS_PER_S)
    first_ns = span_ns
    if entry.tells_every_s is None and not watch.scene.is_continuous:
        first_ns, span_ns = round(PROMPT_S * NS_PER_S), watch.scene.period_ns
    return Feed(
        name=name,
        node=code,
        watch=watch,
        first_ns=first_ns,
        span_ns=span_ns,
        back=_way_back(world, entry, code, faults) if watch.scene.aims is not None else None,
        port=Port(f"{name}>{code}", delay_ns=round(entry.delay_s * NS_PER_S), faults=faults, draws=world.draws(name)),
    )


def _way_back(world: World, entry: SensorEntry, code: str, faults: Sequence[Fault]) -> Port:
    """Return the way by which a sensor is told where to look: as long as the other, and cut when that is."""
    name = f"{code}>{entry.site.sensor}"
    carried = [fault for fault in faults if isinstance(fault, Cut | Drop | Delay)]
    return Port(name, delay_ns=round(entry.delay_s * NS_PER_S), faults=carried, draws=world.draws(name))
