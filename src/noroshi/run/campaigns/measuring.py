"""A run turned into what its measures need, and the measures taken."""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from noroshi.assessment.exercises import (
    agreement,
    all_clears,
    clocks,
    custodies,
    deciding,
    ledger,
    links,
    pictures,
    stepping,
    tracked,
    uncertainty,
    warned,
)
from noroshi.assessment.exercises.catalogue import MEASURES
from noroshi.assessment.exercises.happened import Happened, Lie, People, Plot, Told, Zone
from noroshi.assessment.exercises.held import Course, Targets, held
from noroshi.assessment.exercises.naming import Meant, meant
from noroshi.assessment.objectives import Objective
from noroshi.assessment.pictures import View
from noroshi.assessment.results import Figure
from noroshi.exercise.flight import truth_of
from noroshi.exercise.injects import Dark, FalsePosition
from noroshi.exercise.last_mile import outages, reached
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert, Identity, Kind, Tracks, Truth
from noroshi.records.alert import CANCEL
from noroshi.run import rooms
from noroshi.run.areas import areas
from noroshi.run.exercises.running import Ran
from noroshi.run.exercises.staging import PICTURE_S
from noroshi.run.exercises.visible import visible
from noroshi.run.scenarios import Scenario
from noroshi.run.scenarios.models import Measure
from noroshi.run.setup import Setup, Site, make_sensors

CUTOFF_M = 10_000.0
"""A track is on a target within so much: an over-the-horizon radar and lines of sight place one to kilometres."""
HEARS_S = 300
"""So long after an alert who has not heard of it will not."""
VIEW = View(age_s_max=1.5 * PICTURE_S)


class Measured(NamedTuple):
    """What happened in a run, and all figures of it."""

    happened: Happened
    figures: tuple[Figure, ...]


def figures_of(ran: Ran) -> tuple[Figure, ...]:
    """Return all figures of a run: docs/measures.md says what each is.

    Judged are the bodies that truly exist, wherever they are: what no sensor can reach counts as missed. What a node
    knows with its partners (`shared`) is what its own sensors tell it where it has none, so that runs with and without
    sharing have the same figures.
    """
    return measured(ran).figures


def times_of(ran: Ran) -> tuple[Figure, ...]:
    """Return of a run's figures those alone that say when who knew what of each threat (`clocks`)."""
    happened = happened_in(ran)
    return tuple(clocks.figures(happened, meant(happened))) if len(happened.targets.names) else ()


def measured(ran: Ran) -> Measured:
    """Return all figures of a run, and what happened in it."""
    happened = happened_in(ran)
    if not len(happened.targets.names):
        return Measured(happened, ())
    numbers, nearby = meant(happened), warned.nearby(happened)
    happened = dataclasses.replace(happened, reached_ns=_reached(ran, happened, numbers))
    figures = (
        *pictures.figures(happened),
        *custodies.figures(happened),
        *tracked.figures(happened),
        *clocks.figures(happened, numbers),
        *uncertainty.figures(happened, numbers),
        *agreement.figures(happened),
        *links.figures(happened),
        *warned.figures(happened, numbers, nearby),
        *all_clears.figures(happened, numbers, nearby),
        *deciding.figures(happened),
        *stepping.figures(happened.told),
        *ledger.figures(happened, numbers, nearby),
        *_asked(ran.scenario, happened),
    )
    return Measured(happened, figures)


def objectives_of(scenario: Scenario) -> tuple[Objective, ...]:
    """Return what a scenario wants reached.

    What it leaves out (nation, flights) is that of the first of its measures of the same name.
    """
    found = []
    for wanted in scenario.objectives:
        measure = next((each for each in scenario.measures if each.name == wanted.measure), None)
        subjects = wanted.flights or (() if measure is None else measure.flights)
        if measure is not None and wanted.measure in OF_TARGETS:
            own = measure if not wanted.flights else measure.model_copy(update={"flights": wanted.flights})
            subjects = (_subject(own),) if _subject(own) else ()
        nation = wanted.nation or (None if measure is None else measure.nation)
        found.append(
            Objective(
                name=wanted.name,
                measure=wanted.measure,
                unit=wanted.unit,
                at_least=wanted.at_least,
                at_most=wanted.at_most,
                nation=nation or "",
                subjects=subjects,
            )
        )
    return tuple(found)


OF_TARGETS = tuple(tracked.MEASURES)
"""Measures of many targets together; where some are chosen, the figure's subject says which."""


def _subject(measure: Measure) -> str:
    """Return the subject of the figures of a measure of some targets together."""
    return ", ".join(measure.flights) + (f" into {measure.area}" if measure.area else "")


def _asked(scenario: Scenario, happened: Happened) -> Iterator[Figure]:
    """Give what a scenario asks for beside what is always measured: of some flights, of an area, other metrics."""
    chosen = {
        (each.measure, flights): each
        for each in scenario.objectives
        for flights in [each.flights]
        if flights and each.measure in OF_TARGETS
    }
    more = [Measure(name=name, flights=flights) for name, flights in chosen]
    zones = {zone.name: zone for zone in happened.zones}
    for measure in dict.fromkeys((*scenario.measures, *more)):
        if measure.name in OF_TARGETS and _subject(measure):
            chosen_rows = tracked.chosen_of(happened, measure.flights) if measure.flights else None
            zone = zones[measure.area] if measure.area else None
            yield from tracked.asked(happened, [measure.name], chosen_rows, zone, _subject(measure))
        elif measure.name not in MEASURES:
            yield from _metric(measure.name, happened)


def _metric(name: str, happened: Happened) -> Iterator[Figure]:
    """Give a metric of `assessment/` that no family of measures has, of each node's picture."""
    every = [rooms.load("assessment", room) for room in rooms.names("assessment")]
    metric = next(module for module in every if name in module.NAMES)
    targets = happened.targets
    for node, shared, picture in happened.pictures():
        found = metric.measure(targets.truth, picture.tracks, times_ns=targets.times_ns, view=VIEW)
        yield Figure(measure=name, value=float(found[name]), node=node, shared=shared)


def happened_in(ran: Ran) -> Happened:
    """Return what happened in a run, as far as its measures need it."""
    scenario = ran.scenario
    end_ns = scenario.end_ns if ran.until_s is None else scenario.start_ns + round(ran.until_s * NS_PER_S)
    step_ns = round(PICTURE_S * NS_PER_S)
    times_ns = np.arange(scenario.start_ns + step_ns, end_ns + 1, step_ns, dtype=np.int64)
    targets = Targets.of(truth_of(ran.cast.bodies, times_ns) if ran.cast.bodies else _no_truth(), times_ns)
    own = {code: held(targets, _none(code) if tracks is None else tracks, CUTOFF_M, VIEW)
           for code, tracks in ran.tracks.items()}  # fmt: skip
    known = {code: held(targets, ran.fused[code], CUTOFF_M, VIEW) if code in ran.fused else own[code] for code in own}
    warning = {nation.code: nation.warning for nation in scenario.nations if nation.warning is not None}
    where = areas() if warning else None
    entries = _entries(ran)
    people = {}
    for code, section in warning.items():
        assert where is not None
        country = np.array([each.partition("-")[0] for each in where.code.tolist()])
        people[code] = People(own=np.isin(country, section.countries), near_m=1e3 * section.near_km)
    courses = _courses(ran, targets, end_ns)
    return Happened(
        start_ns=scenario.start_ns,
        end_ns=end_ns,
        cutoff_m=CUTOFF_M,
        targets=targets,
        courses=courses,
        own=own,
        known=known,
        entries=entries,
        told=tuple(Told(node=node, at_ns=at_ns, channel=channel, record=record)
                   for node, at_ns, channel, record in ran.told),
        plots=_plots(ran),
        visible=visible(ran.cast, [ran.cast.world.flight(course.name) for course in courses], end_ns),
        partners=_partners(ran),
        sent_bytes=ran.sent_bytes,
        alarms=_alarms(ran),
        lies=_lies(ran, entries),
        zones=tuple(
            Zone(
                name=area.name, lat_rad=math.radians(area.lat_deg), lon_rad=math.radians(area.lon_deg),
                radius_m=1e3 * area.radius_km,
            )
            for area in scenario.areas
        ),
        areas=where,
        people=people,
    )  # fmt: skip


def _courses(ran: Ran, targets: Targets, end_ns: int) -> tuple[Course, ...]:
    threatening = set(targets.names[targets.is_threat].tolist())
    flights = [flight for flight in ran.cast.bodies if flight.name in threatening]
    truths = [flight.truth(flight.time_ns[flight.time_ns <= end_ns]) for flight in flights]
    return tuple(Course.of(truth) for truth in sorted(truths, key=lambda truth: str(truth.target[0])))


def _entries(ran: Ran) -> dict[str, tuple[str, ...]]:
    """Return the bodies of each entry of the scenario: a flight of its own name, or "ENTRY and more"."""
    names = [flight.name for flight in ran.cast.bodies]
    every = [*(entry.name for entry in ran.scenario.flights), *(each.name for each in ran.scenario.traffic)]
    return {
        entry: tuple(name for name in names if name == entry or name.startswith((f"{entry}-", f"{entry} ")))
        for entry in every
    }


def _plots(ran: Ran) -> tuple[Plot, ...]:
    sites = [entry.site for entries in ran.cast.eyes.values() for entry in entries]
    sensors = make_sensors(Setup(sites=[Site.of(site) for site in sites]))
    period_ns = {name: round(sensor.parameters["scan_period_s"] * NS_PER_S) for name, sensor in sensors.items()}
    return tuple(
        Plot(
            node=plot.node,
            threat=plot.target,
            taken_ns=plot.taken_ns,
            heard_ns=None if plot.heard_ns < 0 else plot.heard_ns,
            period_ns=period_ns[plot.sensor],
        )
        for plot in ran.plots
    )


def _partners(ran: Ran) -> dict[str, tuple[str, ...]]:
    """Return who shares with each nation in this run: nobody, if nothing was shared."""
    ways = [tuple(way.split(">")) for way in ran.sent_bytes]
    return {code: tuple(sorted(owner for owner, recipient in ways if recipient == code)) for code in ran.tracks}


def _alarms(ran: Ran) -> dict[str, int]:
    of_links = {key: n for key, n in ran.alarms.items() if key[2].startswith("link: ")}
    return {code: sum(n for (node, _, _), n in of_links.items() if node == code) for code in ran.tracks}


def _lies(ran: Ran, entries: Mapping[str, tuple[str, ...]]) -> tuple[Lie, ...]:
    scenario = ran.scenario
    return tuple(
        Lie(target=name, begins_ns=begins_ns, ends_ns=ends_ns, is_silent=isinstance(inject, Dark))
        for inject in scenario.injects
        if isinstance(inject, Dark | FalsePosition)
        for begins_ns, ends_ns in [inject.span_ns(scenario.start_ns, scenario.end_ns)]
        for entry in inject.targets()
        for name in entries.get(entry, ())
    )


def _reached(ran: Ran, happened: Happened, numbers: Meant) -> dict[tuple[str, str], int]:
    """Return when half of those who hear of the first alert of each threat have, by the model of the last mile."""
    found: dict[tuple[str, str], int] = {}
    scenario, where = ran.scenario, happened.areas
    without = outages(scenario.injects, scenario.start_ns, scenario.end_ns)
    for told in happened.told:
        alert = told.record
        if told.channel != "alert" or not isinstance(alert, Alert) or alert.message == CANCEL or where is None:
            continue
        threat = numbers.get((told.node, alert.threat_id))
        if threat is None or (told.node, threat) in found:
            continue
        times_ns = told.at_ns + np.arange(HEARS_S + 1, dtype=np.int64) * NS_PER_S
        codes = [str(code) for code in alert.code.tolist()]
        draws = ran.cast.world.draws("last mile")
        people = reached(where, codes, [told.at_ns] * len(codes), times_ns, draws, without=without).people
        if people[-1] > 0.0:
            found[told.node, threat] = int(times_ns[np.searchsorted(people, people[-1] / 2.0)])
    return found


def _none(code: str) -> Tracks:
    """Return the picture of a node that has none."""
    none = np.zeros(0, np.int64)
    return Tracks(
        node=code, source_names=(), track_id=none.astype(np.uint64), time_ns=none, updated_ns=none,
        revision=none.astype(np.int32), state_ecef=np.zeros((0, 6)), covariance_ecef=np.zeros((0, 6, 6)),
        existence=np.zeros(0), kind_probability=np.zeros((0, len(Kind))), status=none.astype(np.uint8),
        sources=np.zeros((0, 0), np.bool_), identity=Identity.absent(0),
    )  # fmt: skip


def _no_truth() -> Truth:
    none = np.zeros(0, np.int64)
    return Truth(
        target=none.astype(np.str_), time_ns=none, kind=none.astype(np.uint8), state_ecef=np.zeros((0, 6)),
        identity=Identity.absent(0),
    )  # fmt: skip
