"""What is right by the letter in a scenario and still a mistake: what never happens, what nobody sees or measures."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from noroshi.exercise.flight import Flight
from noroshi.exercise.injects import Dark, FalsePosition, Inject, SpoofedReports, cast
from noroshi.exercise.keyed import Draws
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import MEAN_RADIUS_M, Floats, ecef_from_geodetic
from noroshi.records import MISSILES, Kind
from noroshi.records.identity import ABSENT
from noroshi.run import rooms
from noroshi.run.exercises.staging import background
from noroshi.run.scenarios import measures
from noroshi.run.scenarios.models import Area, Link, Nation, Scenario, SensorEntry
from noroshi.run.scenarios.policies import policy_of
from noroshi.run.scenarios.positions import Path as KeyPath
from noroshi.run.scenarios.reading import read_scenario
from noroshi.run.scenarios.sources import Problem, ScenarioError, choices, read_source, shipped
from noroshi.run.sites import usual_motion
from noroshi.sharing.rules import ALL_EXERCISES

LOWEST_M = -110.0  # above the ellipsoid: the geoid's lowest is -107 m, south of India
SHORT_M = 2_000.0  # of a range: radars of a kilometre or two there are, and long ranges of 2,000 km
NAMES_MAX = 6  # in a message
MODELS = {Kind.BALLISTIC: "ballistic", Kind.BOOSTING: "boost", Kind.GLIDING: "glide"}
LOOKS_S = 20.0  # between the moments at which it is tried whether a sensor sees anything


def lint(name: str | Path, also: Sequence[str | Path] = ()) -> list[Problem]:
    """Return what is wrong with a scenario and its nations, by file and line: errors, else findings.

    Args:
        name: a file, or the name of a shipped scenario.
        also: nations that take part beside those it names.

    Raises:
        NoFileError: if there is no such scenario.
    """
    try:
        scenario = read_scenario(name, also)
    except ScenarioError as error:
        return list(error.problems)
    return findings(scenario)


def findings(scenario: Scenario) -> list[Problem]:
    """Return what is a mistake in a scenario that can be read."""
    found = [*_links(scenario), *_released(scenario), *_objectives(scenario)]
    stage = _stage(scenario, found)
    found += [
        *_measures(scenario, stage),
        *_flights(scenario, stage),
        *_injects(scenario, stage),
        *_areas(scenario, stage),
        *_sights(scenario, stage),
        *_places(scenario),
        *_motion(scenario, stage),
    ]
    return sorted(set(found), key=lambda each: (each.file != scenario.source.name, each))


@dataclass(frozen=True, slots=True, eq=False)
class _Stage:
    """What flies: the flights of each entry, constellation and traffic, by its name; None where they cannot fly."""

    entries: Mapping[str, list[Flight] | None]
    satellites: Mapping[str, list[Flight]]
    traffic: Mapping[str, list[Flight]]


def _stage(scenario: Scenario, found: list[Problem]) -> _Stage:
    """Return all that flies; what cannot is noted."""
    span = scenario.start_ns, scenario.end_ns
    entries: dict[str, list[Flight] | None] = {}
    for entry in scenario.flights:
        try:
            entries[entry.name] = entry.mover.fly(entry.name, *span, Draws(scenario.seed, 0, entry.name))
        except (ValueError, ArithmeticError) as error:
            entries[entry.name] = None
            found.append(_of_flight(scenario, entry.name, str(error)))
    satellites: dict[str, list[Flight]] = {}
    for nation in scenario.nations:
        for i, eyes in enumerate(nation.constellations):
            try:
                satellites[eyes.name] = eyes.mover.fly(eyes.name, *span, Draws(scenario.seed, 0, eyes.name))
            except (ValueError, ArithmeticError) as error:
                found.append(nation.source.problem(("constellations", i, "orbit"), str(error)))
    traffic: dict[str, list[Flight]] = {}
    for i, each in enumerate(scenario.traffic):
        own = i < len(scenario.source.table.get("traffic", []))
        try:
            traffic[each.name] = background(scenario, each, sum(map(len, traffic.values())))
        except ValueError as error:
            found.append(scenario.source.problem(("traffic", i) if own else ("injects",), str(error)))
    return _Stage(entries, satellites, traffic)


def _of_flight(scenario: Scenario, name: str, message: str) -> Problem:
    """Return a problem of an entry, in the file that it stands in."""
    for source in [scenario.source, *(nation.source for nation in scenario.nations)]:
        for i, table in enumerate(source.table.get("flights", [])):
            if table["name"] == name:
                return source.problem(("flights", i), message)
    raise KeyError(name)


def _links(scenario: Scenario) -> Iterator[Problem]:
    """Note sensors whose nation releases to nobody, nations that nobody releases to, links to nowhere."""
    pairs = scenario.links()
    codes = [nation.code for nation in scenario.nations]
    known = {*codes, *(str(read_source("nations", name).table["code"]) for name in shipped("nations"))}
    named = scenario.source.table["nations"]
    for i, nation in enumerate(scenario.nations):
        place = ("nations", i) if i < len(named) else ("nations",)
        others = ", ".join(code for code in codes if code != nation.code)
        if not nation.sensors and not nation.constellations:
            yield scenario.source.problem(
                place, f"{nation.code} owns nothing that sees: give it sensors, or leave it out"
            )
        elif others and not any(sender == nation.code for sender, _ in pairs):
            section = "sensors" if nation.sensors else "constellations"
            told = f"has no link: {nation.code} releases to none of {others}; add [[links]] to one of them"
            yield nation.source.problem((section, 0), told)
        if others and not any(receiver == nation.code for _, receiver in pairs):
            told = f"nobody releases to {nation.code}: none of {others} has [[links]] to it; add one, or leave it out"
            yield scenario.source.problem(place, told)
        for j, link in enumerate(nation.links):
            if link.to not in known:
                told = f"no nation '{link.to}'; {choices(link.to, sorted(known))}"
                yield nation.source.problem(("links", j, "to"), told)


def _released(scenario: Scenario) -> Iterator[Problem]:
    """Note pairs of linked nations of which one releases nothing to the other, at the link."""
    pairs = scenario.links()
    nations = {nation.code: nation for nation in scenario.nations}
    for one, other in sorted({(min(pair), max(pair)) for pair in pairs}):
        silent = [_withheld(scenario, nations[a], b) for a, b in ((one, other), (other, one)) if (a, b) in pairs]
        if told := "; ".join(filter(None, silent)):
            at = ((nations[a], i) for a, b in ((one, other), (other, one)) for i, link in _to(nations[a], b))
            nation, i = next(at)
            yield nation.source.problem(("links", i, "to"), told)


def _to(nation: Nation, other: str) -> Iterator[tuple[int, Link]]:
    return ((i, link) for i, link in enumerate(nation.links) if link.to == other)


def _withheld(scenario: Scenario, sender: Nation, receiver: str) -> str | None:
    """Return why nothing of this exercise goes from one nation to another, and what to do; None if something does."""
    told = f"{sender.code} releases nothing to {receiver}:"
    if sender.policy is None:
        return f'{told} it has no policy; write one (docs/release.md) and add policy = "FILE" to {sender.source.name}'
    policy = policy_of(sender)
    rules = [policy.rules[i] for i in policy.rules_for(receiver)]
    if any(rule.passes and {ALL_EXERCISES, scenario.name} & {*rule.when.exercises} for rule in rules):
        return None
    file = sender.policy.name
    copied = f" (in a copy, which a copy of {sender.source.name} names)" if sender.policy.is_shipped else ""
    if receiver not in policy.partners:
        return f"{told} {file} does not name it in [partners]; add it there and to a rule{copied}"
    exercises = f'exercises = ["{ALL_EXERCISES}"]'
    return f"{told} no rule of {file} passes anything of this exercise to it; add it to a rule with {exercises}{copied}"


def _objectives(scenario: Scenario) -> Iterator[Problem]:
    """Note objectives that rest on a measure that is not taken."""
    taken = [measure.name for measure in scenario.measures]
    for i, objective in enumerate(scenario.objectives):
        if objective.measure not in taken and objective.measure not in measures.ALWAYS:
            told = f"nothing produces {objective.measure}: add [[measures]] with that name, or take one of: "
            told += ", ".join(dict.fromkeys(taken)) or "none"
            yield scenario.source.problem(("objectives", i, "measure"), told)


def _measures(scenario: Scenario, stage: _Stage) -> Iterator[Problem]:
    """Note measures of threats where there are none."""
    flown = [flight for flights in stage.entries.values() for flight in flights or ()]
    if any(np.isin(flight.kind, MISSILES).any() for flight in flown) or None in stage.entries.values():
        return
    for i, measure in enumerate(scenario.measures):
        if measure.name in measures.OF_THREATS:
            told = f"nothing produces {measure.name}: nothing here boosts, falls or glides; leave it out"
            yield scenario.source.problem(("measures", i, "name"), told)


def _flights(scenario: Scenario, stage: _Stage) -> Iterator[Problem]:
    """Note what is never there."""
    for name, flown in stage.entries.items():
        if flown is not None and not any(len(flight.time_ns) > 1 for flight in flown):
            told = f"is never there: it flies outside the {scenario.duration_s:g} s of the run; change when it begins"
            yield _of_flight(scenario, name, told)
    for i, table in enumerate(scenario.source.table.get("traffic", [])):
        if table["name"] in stage.traffic and not stage.traffic[table["name"]]:
            told = f"none of its flights is there in the {scenario.duration_s:g} s of the run; change at_s or from_s"
            yield scenario.source.problem(("traffic", i), told)


def _injects(scenario: Scenario, stage: _Stage) -> Iterator[Problem]:
    """Note injects that can never fire."""
    for i, inject in enumerate(scenario.injects):
        if inject.at_s >= scenario.duration_s:
            told = f"can never fire: it begins at {inject.at_s:g} s and the run ends at {scenario.duration_s:g} s"
            yield scenario.source.problem(("injects", i, "at_s"), told)
            continue
        for name in inject.targets():
            if why := _misses(scenario, stage, inject, name):
                yield scenario.source.problem(("injects", i, "whom"), why)


def _misses(scenario: Scenario, stage: _Stage, inject: Inject, name: str) -> str | None:
    """Return why an inject cannot do anything to a flight, if so."""
    flown = stage.entries.get(name)
    if not flown or not isinstance(inject, Dark | FalsePosition | SpoofedReports):
        return None
    if not any(_answers(flight) for flight in flown):
        return f"can never fire: '{name}' has no transponder; give it one"
    first_ns, last_ns = inject.span_ns(scenario.start_ns, scenario.end_ns)
    if all(flight.time_ns[-1] <= first_ns or flight.time_ns[0] >= last_ns for flight in flown):
        there = [(ns - scenario.start_ns) / NS_PER_S for ns in (flown[0].time_ns[0], flown[0].time_ns[-1])]
        return f"can never fire: '{name}' is there from {there[0]:g} to {there[1]:g} s only"
    return None


def _answers(flight: Flight) -> bool:
    said = flight.identity
    return bool(said.icao_address[0] != ABSENT or said.mmsi[0] != ABSENT or said.mode_3a[0] != ABSENT)


def _areas(scenario: Scenario, stage: _Stage) -> Iterator[Problem]:
    """Note measures of areas that nobody comes into."""
    areas = {area.name: area for area in scenario.areas}
    for i, measure in enumerate(scenario.measures):
        if measure.area is None:
            continue
        area = areas[measure.area]
        coming = [name for name, flown in stage.entries.items() if any(_enters(flight, area) for flight in flown or [])]
        if not coming:
            told = f"no flight comes into '{area.name}' in the whole run; move one of them, or the area"
            yield scenario.source.problem(("measures", i, "area"), told)
        for j, name in enumerate(measure.flights if coming else ()):
            if name not in coming:
                told = f"'{name}' does not come into '{area.name}' in the whole run; leave it out, or move it"
                yield scenario.source.problem(("measures", i, "flights", j), told)


def _enters(flight: Flight, area: Area) -> bool:
    """Return whether a flight is outside an area first and inside later."""
    middle = ecef_from_geodetic(math.radians(area.lat_deg), math.radians(area.lon_deg), 0.0)
    place = flight.state_ecef[:, :3]
    cosine = place @ middle / (np.linalg.norm(place, axis=1) * np.linalg.norm(middle))
    inside = np.arccos(np.clip(cosine, -1.0, 1.0)) * MEAN_RADIUS_M <= 1e3 * area.radius_km
    return bool((~inside[:-1] & inside[1:]).any())


def _sights(scenario: Scenario, stage: _Stage) -> Iterator[Problem]:
    """Note sensors that see nothing in the whole run, as far as their own nodes know them."""
    entries = {name: flown or [] for name, flown in stage.entries.items()} | dict(stage.traffic)
    flights = cast(entries, scenario.injects, scenario.start_ns, scenario.end_ns).flights
    step_ns = round(min(LOOKS_S, scenario.duration_s / 10.0) * NS_PER_S)
    times_ns = np.arange(scenario.start_ns, scenario.end_ns, step_ns, dtype=np.int64)
    states = {flight.name: flight.at(times_ns) for flight in flights}
    hot = [flight for flight in flights if flight.heat_w_sr.any()]
    for nation in scenario.nations:
        blind = []
        for i, sensor in enumerate(nation.sensors):
            carrier = states.get(sensor.carrier) if sensor.carrier else None
            is_blind = not any(_sees(sensor, states[flight.name], carrier, flight) for flight in flights)
            odd = list(_odd_range(nation, i, sensor, is_blind=is_blind))
            yield from odd
            if is_blind and not odd:
                blind.append((("sensors", i), sensor.site.sensor, "no flight comes where it could; move one of them"))
        for i, eyes in enumerate(nation.constellations):
            satellites = [
                (eyes.sensor_on(each.name), each.at(times_ns)) for each in stage.satellites.get(eyes.name, ())
            ]
            if hot and not any(_sees(eye, states[flight.name], at, flight) for eye, at in satellites for flight in hot):
                blind.append((("constellations", i), eyes.name, "nothing that is hot comes where it could"))
        yield from _of_blind(nation, blind)


def _of_blind(nation: Nation, blind: Sequence[tuple[KeyPath, str, str]]) -> Iterator[Problem]:
    """Note what sees nothing, by place, name and reason: one line a nation."""
    if len(blind) == 1:
        ((place, _, why),) = blind
        yield nation.source.problem(place, f"sees nothing in the whole run: {why}")
    elif blind:
        n = len(nation.sensors) + len(nation.constellations)
        names = ", ".join(name for _, name, _ in blind[:NAMES_MAX]) + (" and more" if len(blind) > NAMES_MAX else "")
        which = f"none of its {n} sees anything" if len(blind) == n else f"{len(blind)} of its {n} see nothing"
        told = f"{which} in the whole run ({names}): nothing comes where they could; move one of them, or leave it out"
        yield nation.source.problem((blind[0][0][0],), told)


def _places(scenario: Scenario) -> Iterator[Problem]:
    """Note sensors that stand inside the ground: heights are above the ellipsoid, of which no shore is so far below."""
    for nation in scenario.nations:
        for i, sensor in enumerate(nation.sensors):
            height_m = sensor.site.height_m
            if sensor.carrier is None and height_m < LOWEST_M:
                told = f"is {height_m:g}, inside the ground but in a few places: give it above the ellipsoid, in metres"
                yield nation.source.problem(("sensors", i, "height_m"), told)


def _odd_range(nation: Nation, i: int, sensor: SensorEntry, *, is_blind: bool) -> Iterator[Problem]:
    """Note a range so short that kilometres were meant: nothing is seen with it, or belief and truth are far apart."""
    usual = rooms.load("sensors", sensor.site.type).Sensor.PARAMETERS.get("range_m_max")
    believed_m = sensor.site.parameters.get("range_m_max", usual)
    true_m = getattr(sensor.observer, "range_m_max", None)
    for part, range_m, other_m in (("parameters", believed_m, true_m), ("world", true_m, believed_m)):
        if range_m is not None and range_m < SHORT_M and (is_blind or (other_m or 0.0) >= 100.0 * range_m):
            told = (
                f"is {range_m:g} m, and so it sees hardly anything: if kilometres are meant write {1e3 * range_m:.0f}"
            )
            yield nation.source.problem(("sensors", i, part, "range_m_max"), told)


def _motion(scenario: Scenario, stage: _Stage) -> Iterator[Problem]:
    """Note flights that no motion model of the nodes is for."""
    flown = {name: flights for name, flights in stage.entries.items() if flights}
    carried = [each.sensor_on(each.name) for nation in scenario.nations for each in nation.constellations]
    eyes = [*(entry for nation in scenario.nations for entry in nation.sensors), *carried]
    models = (scenario.motion or usual_motion([entry.site for entry in eyes], scenario.tracker)).split("+")
    for kind, model in MODELS.items():
        name = next((name for name, each in flown.items() if any((x.kind == kind).any() for x in each)), None)
        if name is not None and model not in models:
            told = f"has no {model}, but '{name}' moves so: its tracks will be lost or wrong; add +{model}"
            yield scenario.source.problem(("motion",), told)


def _sees(entry: SensorEntry, states: Floats, carrier: Floats | None, flight: Flight) -> bool:
    """Return whether a sensor has a chance to see a flight at one of some moments."""
    if flight.name == entry.carrier:
        return False
    if entry.site.type == "position_report" and not _answers(flight):
        return False
    sensor = rooms.load("sensors", entry.site.type).Sensor.at(entry.site)
    origin = np.broadcast_to(sensor.origin_ecef_m, (len(states), 3)) if carrier is None else carrier[:, :3]
    there = np.isfinite(states).all(axis=1) & np.isfinite(origin).all(axis=1)
    return bool(there.any() and sensor.detection_probability(states[there], origin[there]).any())
