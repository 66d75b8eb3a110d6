"""Files of nations and scenarios to what the driver runs: names resolved, numbers checked, each error at its line."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from noroshi.exercise.injects import KINDS, Aim, Impersonate, Inject, Surge
from noroshi.exercise.world import Weather
from noroshi.formats import FormatError
from noroshi.geo.time import NS_PER_S, utc_ns_from_iso
from noroshi.run import rooms
from noroshi.run.alerts import AlertError
from noroshi.run.alerts.languages import load_language, zone_at
from noroshi.run.areas import area_codes, country_codes
from noroshi.run.observing import observer_of, types
from noroshi.run.samples import PREFIX, sample_path
from noroshi.run.scenarios import measures
from noroshi.run.scenarios.checking import checked
from noroshi.run.scenarios.models import (
    ConstellationEntry,
    ConstellationSection,
    FlightEntry,
    Nation,
    NationFile,
    Scenario,
    ScenarioFile,
    SensorEntry,
    SensorSection,
    Table,
    Traffic,
    flight_section,
    site_of,
    traffic_of,
)
from noroshi.run.scenarios.policies import policy_source, read_policy
from noroshi.run.scenarios.positions import Path as KeyPath
from noroshi.run.scenarios.sources import (
    NoFileError,
    Problem,
    ScenarioError,
    Source,
    as_json,
    choices,
    read_source,
)
from noroshi.sharing.rules import PolicyError

OF_ITS_TEXT = re.compile(r"^.*? \[policy\](, line \d+)?: ")


def read_scenario(name: str | Path, also: Sequence[str | Path] = ()) -> Scenario:
    """Return a scenario.

    Args:
        name: a file, or the name of a shipped scenario.
        also: nations that take part beside those it names: files, or names of shipped ones.

    Raises:
        NoFileError: if there is no such file.
        ScenarioError: if it or a nation's file is wrong; it holds all that is.
    """
    source = read_source("scenarios", str(name))
    problems: list[Problem] = []
    nations = _nations(source, [str(each) for each in also], problems)
    file = checked(ScenarioFile, source.table, source, (), problems)
    if file is None:
        raise _error(source, problems)
    flights = [each for nation in nations for each in nation.flights]
    flights += _flights(source, file.flights, problems)
    injects = _injects(source, file.injects, problems)
    start_ns = utc_ns_from_iso(file.start.astimezone(UTC).isoformat().replace("+00:00", "Z"))
    scenario = Scenario(
        name=file.name,
        summary=file.summary,
        seed=file.seed,
        start_ns=start_ns,
        end_ns=start_ns + round(file.duration_s * NS_PER_S),
        nations=tuple(nations),
        motion=file.motion,
        tracker=file.tracker,
        weather=Weather(**file.weather.model_dump()),
        flights=tuple(flights),
        traffic=(*file.traffic, *_surges(injects)),
        injects=tuple(injects.values()),
        areas=file.areas,
        measures=file.measures,
        objectives=file.objectives,
        source=source,
        advice=file.advice,
        relief=file.relief,
    )
    if not problems:
        _check_parts(scenario, problems)
        _check_names(scenario, problems)
    if not problems:
        _check_targets(scenario, injects, problems)
        _check_tables(source, "traffic", enumerate(file.traffic), problems)
        _check_tables(source, "injects", ((i, x) for i, x in injects.items() if isinstance(x, Surge)), problems)
        _check_measures(scenario, problems)
        _check_planners(scenario, problems)
    if problems:
        raise _error(source, problems)
    return scenario


def with_inject(scenario: Scenario, table: Table) -> Scenario:
    """Return a scenario in which something more goes wrong, as a table of `injects` says it.

    Raises:
        ScenarioError: if the table is wrong, or names what is not there.
        ValueError: if it brings traffic, which has to be flown from the start.
    """
    tables = [*scenario.source.table.get("injects", []), table]
    source = replace(scenario.source, table={**scenario.source.table, "injects": tables})
    problems: list[Problem] = []
    injects = _injects(source, tables, problems)
    found = replace(scenario, source=source, injects=tuple(injects.values()))
    if isinstance(injects.get(len(tables) - 1), Surge):
        raise ValueError("traffic cannot be added while the exercise runs")  # noqa: TRY004 a person's table
    if not problems:
        _check_targets(found, injects, problems)
    if problems:
        raise _error(source, problems)
    return found


def read_nation(name: str | Path, folder: Path | None = None) -> Nation:
    """Return a nation from a file, or a shipped one by its name.

    Raises:
        NoFileError: if there is no such file.
        ScenarioError: if it is wrong; it holds all that is.
    """
    source = read_source("nations", str(name), folder)
    problems: list[Problem] = []
    file = checked(NationFile, source.table, source, (), problems)
    if file is None:
        raise _error(source, problems)
    sensors = [_sensor(source, i, section, file.code, problems) for i, section in enumerate(file.sensors)]
    eyes = [_constellation(source, i, section, file.code, problems) for i, section in enumerate(file.constellations)]
    flights = _flights(source, file.flights, problems)
    for i, link in enumerate(file.links):
        if link.to == file.code:
            problems.append(source.problem(("links", i, "to"), "is a link to the nation itself: name another"))
    _check_twice(source, "links", [link.to for link in file.links], problems, key="to")
    policy = _policy(source, file, problems)
    _check_rules(source, file, problems)
    _check_people(source, file, problems)
    if problems:
        raise _error(source, problems)
    return Nation(
        code=file.code,
        name=file.name,
        sensors=tuple(each for each in sensors if each is not None),
        constellations=tuple(each for each in eyes if each is not None),
        links=file.links,
        flights=tuple(flights),
        warning=file.warning,
        registration=file.registration,
        live=file.live,
        source=source,
        policy=policy,
    )


def _check_rules(source: Source, file: NationFile, problems: list[Problem]) -> None:
    """Note rules of warning that do not exist or make no sense."""
    tables = () if file.warning is None else file.warning.rules
    known = rooms.names("warning.rules") if tables else ()
    taken: dict[str, int] = {}
    for i, table in enumerate(tables):
        path: KeyPath = ("warning", "rules", i)
        if (name := str(table.get("name"))) in taken:
            line = source.line(("warning", "rules", taken[name], "name"))
            told = (
                f"'{name}' is there already, on line {line}: give each its own name, or one's findings hide the other's"
            )
            problems.append(source.problem((*path, "name"), told))
        taken.setdefault(name, i)
        key = _chosen(source, path, table, "type", known, "rule", problems)
        if key is not None:
            own = {name: value for name, value in table.items() if name != "type"}
            checked(rooms.load("warning.rules", key).Rule, own, source, path, problems)


def _check_people(source: Source, file: NationFile, problems: list[Problem]) -> None:
    """Note countries without areas, whom no alert would ever reach, and languages and time zones that there are not."""
    if file.warning is None:
        return
    for i, code in enumerate(file.warning.countries):
        if code not in country_codes():
            told = f"no area of '{code}' is known: nobody there would ever be warned; {choices(code, country_codes())}"
            problems.append(source.problem(("warning", "countries", i), told))
    for i, name in enumerate(file.warning.languages):
        try:
            load_language(name, source.folder)
        except (AlertError, FormatError) as error:
            problems.append(source.problem(("warning", "languages", i), str(error)))
    if "zone" in source.table["warning"]:
        try:
            zone_at(file.warning.zone, 0)
        except AlertError as error:
            told = f"{error}; {choices(file.warning.zone, sorted(available_timezones()))}"
            problems.append(source.problem(("warning", "zone"), told))


def _policy(source: Source, file: NationFile, problems: list[Problem]) -> Source | None:
    """Return the file of what a nation releases; what is wrong with it is noted."""
    try:
        found = policy_source(file.code, file.policy, source)
        if found is not None:
            read_policy(found, of=file.code)
    except ScenarioError as error:
        problems += error.problems
        return None
    except (NoFileError, PolicyError) as error:
        told = str(error)
        if isinstance(file.policy, dict):  # the lines of its text are not those of the file
            told = OF_ITS_TEXT.sub("", told, count=1)
        problems.append(source.problem(("policy",), told))
        return None
    return found


def _error(source: Source, problems: Iterable[Problem]) -> ScenarioError:
    """Return all problems as one error, those of the file itself first, by line."""
    return ScenarioError(sorted(set(problems), key=lambda each: (each.file != source.name, each)))


def _nations(source: Source, also: Sequence[str], problems: list[Problem]) -> list[Nation]:
    """Return the nations that a scenario names, those that can be read."""
    named = source.table.get("nations")
    wanted: list[tuple[str, KeyPath | None]] = [(name, None) for name in also]
    if isinstance(named, list):
        wanted = [(name, ("nations", i)) for i, name in enumerate(named) if isinstance(name, str)] + wanted
    nations: list[Nation] = []
    for name, path in wanted:
        try:
            nations.append(read_nation(name, source.folder if path else None))
        except NoFileError as error:
            if path is None:
                raise
            problems.append(source.problem(path, str(error)))
        except ScenarioError as error:
            problems += error.problems
    return nations


def _plug_in(
    source: Source, room: str, path: KeyPath, key: str, problems: list[Problem], *, of: str | None = None
) -> Any:
    """Return the module that a key names, else None."""
    try:
        return rooms.load(room, key)
    except rooms.UnknownNameError:
        known = rooms.names(room)
        problems.append(source.problem(path, f"no {of or room} '{key}'; {choices(key, known)}"))
    except rooms.PartError as error:
        problems.append(source.problem(path, str(error)))
    return None


def _sensor(source: Source, i: int, section: SensorSection, nation: str, problems: list[Problem]) -> SensorEntry | None:
    path: KeyPath = ("sensors", i)
    observer = _observer(source, path, section, problems)
    if observer is None:
        return None
    entry = SensorEntry(
        site=site_of(section, nation),
        observer=observer,
        carrier=section.carrier,
        delay_s=section.delay_s,
        tells_every_s=section.tells_every_s,
    )
    _check_parameters(source, path, entry, problems)
    return entry


def _constellation(
    source: Source, i: int, section: ConstellationSection, nation: str, problems: list[Problem]
) -> ConstellationEntry | None:
    path: KeyPath = ("constellations", i)
    observer = _observer(source, path, section, problems)
    room = _plug_in(source, "exercise.movers", (*path, "mover"), section.mover, problems, of="mover")
    mover = checked(room.Mover, section.orbit, source, (*path, "orbit"), problems) if room else None
    if observer is None or mover is None:
        return None
    entry = ConstellationEntry(
        name=section.name, nation=nation, mover=mover, type=section.type, parameters=section.parameters,
        observer=observer, delay_s=section.delay_s,
    )  # fmt: skip
    _check_parameters(source, path, entry.sensor_on(section.name), problems)
    return entry


def _observer(
    source: Source, path: KeyPath, section: SensorSection | ConstellationSection, problems: list[Problem]
) -> Any:
    try:
        observer = observer_of(section.type)
    except rooms.UnknownNameError:
        told = f"no type of sensor '{section.type}'; {choices(section.type, types())}"
        problems.append(source.problem((*path, "type"), told))
        return None
    except rooms.PartError as error:
        problems.append(source.problem((*path, "type"), str(error)))
        return None
    place = (*path, "world") if section.world else path
    return checked(observer, section.world, source, place, problems)


def _check_parameters(source: Source, path: KeyPath, entry: SensorEntry, problems: list[Problem]) -> None:
    """Note a parameter that the type does not have or that makes no sense."""
    sensor = rooms.load("sensors", entry.site.type).Sensor
    for name in entry.site.parameters:
        if name not in sensor.PARAMETERS:
            message = f"no such parameter of {entry.site.type}; {choices(name, list(sensor.PARAMETERS))}"
            problems.append(source.problem((*path, "parameters", name), message))
            return
    try:
        sensor.at(entry.site)
    except ValueError as error:
        guilty = [name for name in entry.site.parameters if name in str(error)]
        place = (*path, "parameters", *guilty[:1]) if entry.site.parameters else path
        problems.append(source.problem(place, str(error)))


def _flights(source: Source, tables: Sequence[Table], problems: list[Problem]) -> list[FlightEntry]:
    """Return the entries of a file's flights, those that are right."""
    entries = []
    known = rooms.names("exercise.movers") if tables else ()
    for i, table in enumerate(tables):
        path: KeyPath = ("flights", i)
        key = _chosen(source, path, table, "mover", known, "mover", problems)
        if key is None:
            continue
        mover = rooms.load("exercise.movers", key).Mover
        if checked(flight_section(key, mover), table, source, path, problems) is not None:
            own = {name: value for name, value in table.items() if name not in ("name", "mover")}
            entries.append(FlightEntry(table["name"], mover.model_validate_json(as_json(own), strict=True)))
    return entries


def _chosen(
    source: Source, path: KeyPath, table: Table, key: str, known: Sequence[str], what: str, problems: list[Problem]
) -> str | None:
    """Return which of the known names a table gives under a key; else None, and what is wrong is noted."""
    if key in table:
        if table[key] in known:
            return str(table[key])
        told = f"no {what} {table[key]!r}; {choices(str(table[key]), list(known))}"
        problems.append(source.problem((*path, key), told))
    elif slips := difflib.get_close_matches(key, table, n=1):
        problems.append(source.problem((*path, slips[0]), f"no such key; did you mean '{key}'?"))
    else:
        problems.append(source.problem(path, f"{key} is missing: add it ({', '.join(known)})"))
    return None


def _injects(source: Source, tables: Sequence[Table], problems: list[Problem]) -> dict[int, Inject]:
    """Return the injects by their place in the file, those that are right."""
    found = {}
    for i, table in enumerate(tables):
        path: KeyPath = ("injects", i)
        key = _chosen(source, path, table, "what", tuple(KINDS), "inject", problems)
        if key and (inject := checked(KINDS[key], table, source, path, problems)) is not None:
            found[i] = inject
    return found


def _surges(injects: Mapping[int, Inject]) -> list[Traffic]:
    return [traffic_of(each, each.name or f"surge-{i + 1}") for i, each in injects.items() if isinstance(each, Surge)]


def _check_parts(scenario: Scenario, problems: list[Problem]) -> None:
    """Note motion models and trackers that do not exist."""
    for name in scenario.motion.split("+") if scenario.motion is not None else ():
        _plug_in(scenario.source, "motion", ("motion",), name, problems, of="motion model")
    _plug_in(scenario.source, "tracking.trackers", ("tracker",), scenario.tracker, problems, of="tracker")


def _check_twice(
    source: Source, section: str, names: Sequence[str], problems: list[Problem], *, key: str = "name"
) -> None:
    """Note each name of a file's section that came before."""
    first: dict[str, int] = {}
    for i, name in enumerate(names):
        if first.setdefault(name, i) != i:
            told = f"'{name}' is there already, on line {source.line((section, first[name]))}: give each its own {key}"
            problems.append(source.problem((section, i, key), told))


def _check_names(scenario: Scenario, problems: list[Problem]) -> None:
    """Note names that are there twice, and carriers that do not move."""
    source = scenario.source
    own = [each.name for each in scenario.flights[sum(len(nation.flights) for nation in scenario.nations) :]]
    _check_twice(source, "flights", own, problems)
    _check_traffic(scenario, problems)
    _check_twice(source, "areas", [each.name for each in scenario.areas], problems)
    _check_twice(source, "measures", [_measured(each) for each in source.table.get("measures", [])], problems)
    _check_twice(source, "objectives", [each["name"] for each in source.table.get("objectives", [])], problems)
    taken: dict[str, str] = {}
    in_scenario = set(own)
    codes: Counter[str] = Counter()
    flying = {flight.name for flight in scenario.flights}
    for i, nation in enumerate(scenario.nations):
        codes[nation.code] += 1
        if codes[nation.code] > 1:
            told = f"takes part already as {nation.code}: leave one out, or give it another code"
            problems.append(source.problem(("nations", i), told))
            continue
        for section, names in _names_of(nation).items():
            for j, name in enumerate(names):
                if name in taken or name in in_scenario:
                    told = f"'{name}' is there already in {taken.get(name, source.name)}: give it another name"
                    problems.append(nation.source.problem((section, j, "name"), told))
                taken[name] = nation.source.name
        for j, sensor in enumerate(nation.sensors):
            if sensor.carrier is not None and sensor.carrier not in flying:
                told = f"no flight '{sensor.carrier}'; {choices(sensor.carrier, sorted(flying))}"
                problems.append(nation.source.problem(("sensors", j, "carrier"), told))


def _check_traffic(scenario: Scenario, problems: list[Problem]) -> None:
    """Note traffic, that of surges too, whose name something else has."""
    source = scenario.source
    places: list[KeyPath] = [("traffic", i, "name") for i in range(len(source.table.get("traffic", [])))]
    places += [("injects", i, "name") for i, each in enumerate(scenario.injects) if isinstance(each, Surge)]
    taken = {flight.name for flight in scenario.flights}
    for place, traffic in zip(places, scenario.traffic, strict=True):
        if traffic.name in taken:
            problems.append(source.problem(place, f"'{traffic.name}' is there already: give each its own name"))
        taken.add(traffic.name)


def _measured(table: Table) -> str:
    """Return what tells one measure from another."""
    return " ".join([table["name"], table.get("nation", ""), table.get("area", ""), *table.get("flights", [])]).strip()


def _names_of(nation: Nation) -> dict[str, list[str]]:
    return {
        "sensors": [each.site.sensor for each in nation.sensors],
        "constellations": [each.name for each in nation.constellations],
        "flights": [each.name for each in nation.flights],
    }


def _check_targets(scenario: Scenario, injects: Mapping[int, Inject], problems: list[Problem]) -> None:
    """Note targets that an inject cannot meet."""
    known = targets_of(scenario)
    for i, inject in injects.items():
        listed = isinstance(scenario.source.table["injects"][i].get("whom"), list)
        for j, whom in enumerate(inject.targets()):
            if whom not in known[inject.AIM]:
                place: KeyPath = ("injects", i, "whom", j) if listed else ("injects", i, "whom")
                told = f"no {WORDS[inject.AIM]} '{whom}'; {choices(whom, known[inject.AIM])}"
                problems.append(scenario.source.problem(place, told))
        if isinstance(inject, Impersonate) and inject.claims not in known[Aim.NODES]:
            told = f"no nation '{inject.claims}'; {choices(inject.claims, known[Aim.NODES])}"
            problems.append(scenario.source.problem(("injects", i, "claims"), told))


WORDS = {
    Aim.SENSORS: "sensor, constellation or nation",
    Aim.LINKS: "link",
    Aim.NODES: "nation",
    Aim.FLIGHTS: "flight",
    Aim.AREAS: "area or municipality",
}


def targets_of(scenario: Scenario) -> dict[Aim, list[str]]:
    """Return the names that injects may aim at, by what they are of."""
    codes = [nation.code for nation in scenario.nations]
    sensors = [each.site.sensor for nation in scenario.nations for each in nation.sensors]
    eyes = [each.name for nation in scenario.nations for each in nation.constellations]
    pairs = list(scenario.links())
    feeds = [f"{each.site.sensor}>{nation.code}" for nation in scenario.nations for each in nation.sensors]
    ways = [f"{sender}{way}{receiver}" for sender, receiver in pairs for way in (">", "-")]
    back = [f"{receiver}-{sender}" for sender, receiver in pairs]
    linked = sorted({code for pair in pairs for code in pair})
    return {
        Aim.SENSORS: [*sensors, *eyes, *codes],
        Aim.LINKS: [*ways, *back, *linked, *feeds, *sensors],
        Aim.NODES: codes,
        Aim.FLIGHTS: [each.name for each in scenario.flights],
        Aim.AREAS: area_codes() if any(inject.AIM is Aim.AREAS for inject in scenario.injects) else [],
        Aim.NOBODY: [],
    }


def _check_tables(
    source: Source, section: str, entries: Iterable[tuple[int, Traffic | Surge]], problems: list[Problem]
) -> None:
    """Note tables of flights that are not there."""
    for i, entry in entries:
        try:
            traffic_path(source, entry.flights)
        except ValueError as error:
            problems.append(source.problem((section, i, "flights"), str(error)))


def traffic_path(source: Source, flights: str) -> Path:
    """Return the file of a table of flights that a scenario names.

    Raises:
        ValueError: if there is none.
    """
    if flights.startswith(PREFIX):
        return sample_path(flights)
    path = source.folder / flights
    if not path.is_file():
        raise NoFileError(f"no file {path}: give sample:NAME, or a path beside the scenario")
    return path


def _check_planners(scenario: Scenario, problems: list[Problem]) -> None:
    """Note who plans and does not take part, or has no staff."""
    staffed = [nation.code for nation in scenario.nations if nation.warning is not None]
    for i, code in enumerate(scenario.advice.planners if scenario.advice else ()):
        if code not in staffed:
            told = f"no nation '{code}' with [warning], and so with staff; {choices(code, staffed)}"
            problems.append(scenario.source.problem(("advice", "planners", i), told))
    if scenario.relief is not None and scenario.relief.nation not in staffed:
        told = f"no nation '{scenario.relief.nation}' with [warning], and so with staff"
        problems.append(scenario.source.problem(("relief", "nation"), told))


def _check_measures(scenario: Scenario, problems: list[Problem]) -> None:
    """Note measures that nobody knows, of nations and flights that are not there, and units that do not fit."""
    source = scenario.source
    codes, flying = [nation.code for nation in scenario.nations], [each.name for each in scenario.flights]
    for i, measure in enumerate(scenario.measures):
        _check_measure(source, ("measures", i, "name"), measure.name, problems)
        if measure.nation is not None and measure.nation not in codes:
            told = f"no nation '{measure.nation}'; {choices(measure.nation, codes)}"
            problems.append(source.problem(("measures", i, "nation"), told))
        areas = [area.name for area in scenario.areas]
        if measure.area is not None and measure.area not in areas:
            told = f"no area '{measure.area}'; {choices(measure.area, areas)}"
            problems.append(source.problem(("measures", i, "area"), told))
        if measure.area is None and measure.name in measures.OF_AREAS:
            problems.append(source.problem(("measures", i), f"area is missing: {measure.name} is about one; add it"))
        for j, name in enumerate(measure.flights):
            if name not in flying:
                place = ("measures", i, "flights", j)
                problems.append(source.problem(place, f"no flight '{name}'; {choices(name, flying)}"))
        if missing := missing_for(scenario, measure.name):
            problems.append(source.problem(("measures", i, "name"), f"{measure.name} cannot be taken: {missing}"))
    for i, objective in enumerate(scenario.objectives):
        if objective.nation is not None and objective.nation not in codes:
            told = f"no nation '{objective.nation}'; {choices(objective.nation, codes)}"
            problems.append(source.problem(("objectives", i, "nation"), told))
        for j, name in enumerate(objective.flights):
            if name not in flying:
                place = ("objectives", i, "flights", j)
                problems.append(source.problem(place, f"no flight '{name}'; {choices(name, flying)}"))
        if _check_measure(source, ("objectives", i, "measure"), objective.measure, problems):
            unit = measures.unit_of(objective.measure)
            if unit != objective.unit:
                told = f"is '{objective.unit}', but {objective.measure} is in '{unit}': write that"
                problems.append(source.problem(("objectives", i, "unit"), told))


def missing_for(scenario: Scenario, name: str) -> str:
    """Return what a scenario lacks for a measure, and what to do; nothing if it has all."""
    if name in measures.OF_WARNINGS and all(nation.warning is None for nation in scenario.nations):
        return "no nation here warns its people; give one a [warning] table"
    if name in measures.OF_LINKS and not scenario.links():
        return "there is no link between these nations; give one [[links]]"
    if name in measures.OF_PARTNERS and len(scenario.nations) < 2:
        return "it takes two nations; name another"
    what = measures.OF_INJECTS.get(name)
    if what is not None and not any(isinstance(inject, KINDS[what]) for inject in scenario.injects):
        return f'nothing makes such a thing happen; add [[injects]] with what = "{what}"'
    return ""


def _check_measure(source: Source, path: KeyPath, name: str, problems: list[Problem]) -> bool:
    if measures.unit_of(name) is not None:
        return True
    problems.append(source.problem(path, f"no measure '{name}'; {choices(name, list(measures.known()))}"))
    return False
