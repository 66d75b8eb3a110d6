"""A run turned into what its measures need, and the measures taken."""

import numpy as np

from noroshi.assessment.exercises import clocks, custodies, pictures, warned
from noroshi.assessment.exercises.happened import Happened, People, Told
from noroshi.assessment.exercises.held import Course, Targets, held
from noroshi.assessment.exercises.naming import meant
from noroshi.assessment.pictures import View
from noroshi.assessment.results import Figure
from noroshi.exercise.flight import truth_of
from noroshi.geo.time import NS_PER_S
from noroshi.records import Identity, Kind, Tracks, Truth
from noroshi.run.areas import areas
from noroshi.run.exercises.running import Ran
from noroshi.run.exercises.staging import PICTURE_S

CUTOFF_M = 10_000.0
"""A track is on a target within so much: an over-the-horizon radar and lines of sight place one to kilometres."""
VIEW = View(age_s_max=1.5 * PICTURE_S)


def figures_of(ran: Ran) -> tuple[Figure, ...]:
    """Return all figures of a run: docs/measures.md says what each is.

    Judged are the bodies that truly exist, wherever they are: what no sensor can reach counts as missed. What a node
    knows with its partners (`shared`) is what its own sensors tell it where it has none, so that runs with and without
    sharing have the same figures.
    """
    happened = happened_in(ran)
    if not len(happened.targets.names):
        return ()
    numbers = meant(happened)
    return (
        *pictures.figures(happened),
        *custodies.figures(happened),
        *clocks.figures(happened, numbers),
        *warned.figures(happened, numbers),
    )


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
    people = {}
    for code, section in warning.items():
        assert where is not None
        country = np.array([each.partition("-")[0] for each in where.code.tolist()])
        people[code] = People(own=np.isin(country, section.countries), near_m=1e3 * section.near_km)
    return Happened(
        start_ns=scenario.start_ns,
        end_ns=end_ns,
        targets=targets,
        courses=_courses(ran, targets, end_ns),
        own=own,
        known=known,
        told=tuple(Told(node=node, at_ns=at_ns, channel=channel, record=record)
                   for node, at_ns, channel, record in ran.told),
        areas=where,
        people=people,
    )  # fmt: skip


def _courses(ran: Ran, targets: Targets, end_ns: int) -> tuple[Course, ...]:
    threatening = set(targets.names[targets.is_threat].tolist())
    flights = [flight for flight in ran.cast.bodies if flight.name in threatening]
    truths = [flight.truth(flight.time_ns[flight.time_ns <= end_ns]) for flight in flights]
    return tuple(Course.of(truth) for truth in sorted(truths, key=lambda truth: str(truth.target[0])))


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
