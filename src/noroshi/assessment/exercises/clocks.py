"""When each node first knew what of each threat, and when people were told, in seconds since the threat's beginning."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from noroshi.assessment.exercises.definition import Definition
from noroshi.assessment.exercises.happened import Happened, after_s
from noroshi.assessment.exercises.held import Held, Targets
from noroshi.assessment.exercises.naming import Meant
from noroshi.assessment.results import Figure
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert, Launches, Stage, Threats
from noroshi.records.alert import CANCEL

OF = ("node", "coalition", "threat")
MEASURES = {
    "time_to_first_plot_s": Definition("s", -1, "To when one of its sensors first saw it, by that sensor's clock.", OF),
    "time_to_firm_track_s": Definition("s", -1, "To the first picture with a firm track on it.", OF),
    "time_to_launch_notice_s": Definition("s", -1, "To the first notice that something rises.", OF),
    "time_to_threat_s": Definition("s", -1, "To when it was first followed as a threat with a place.", OF),
    "time_to_proposal_s": Definition("s", -1, "To the first alert of it that was proposed.", OF),
    "time_to_alert_s": Definition("s", -1, "To the first alert of it that was approved: people are told.", OF),
    "warning_time_left_s": Definition("s", 1, "From the first firm track on it to its end.", OF),
}

First = Mapping[tuple[str, str], int]
"""By node and threat, when."""


def firsts(happened: Happened, meant: Meant) -> dict[str, dict[tuple[str, str], int]]:
    """Return when each node first told what of each threat, by "launch_notice", "threat", "proposal" and "alert"."""
    found: dict[str, dict[tuple[str, str], int]] = {
        what: {} for what in ("launch_notice", "threat", "proposal", "alert")
    }
    for told in happened.told:
        record = told.record
        numbers: dict[str, list[int]] = {}
        if isinstance(record, Launches):
            numbers["launch_notice"] = record.launch_id.tolist()
        elif isinstance(record, Threats):
            numbers["threat"] = record.threat_id[record.stage != Stage.LAUNCH_DETECTED].tolist()
        elif isinstance(record, Alert) and record.hazard == "missile" and record.message != CANCEL:
            numbers[told.channel] = [record.threat_id]
        for what, each in numbers.items():
            for number in each:
                name = meant.get((told.node, number))
                if name is not None:
                    found[what].setdefault((told.node, name), told.at_ns)
    return found


def firm(targets: Targets, held: Held) -> dict[str, int]:
    """Return at which picture each target first had a firm track on it, by its name; without those that never had."""
    is_held = held.is_held
    some = np.flatnonzero(is_held.any(axis=1))
    return {str(targets.names[i]): int(targets.times_ns[is_held[i].argmax()]) for i in some.tolist()}


def figures(happened: Happened, meant: Meant) -> Iterator[Figure]:
    """Give the times of each threat at each node, and the first of any node."""
    told = firsts(happened, meant)
    yield from _first_plots(happened)
    for shared in (False, True):
        pictures = {node: firm(happened.targets, held) for node, of, held in happened.pictures() if of == shared}
        for course in happened.courses:
            name, left = course.name, (course.ends_ns - course.begins_ns) / NS_PER_S
            first_s = {node: after_s(known.get(name), course.begins_ns) for node, known in pictures.items()}
            first_s[""] = min(first_s.values(), default=math.inf)
            for node, time_s in first_s.items():
                yield Figure(measure="time_to_firm_track_s", value=time_s, node=node, shared=shared, subject=name)
                yield Figure(measure="warning_time_left_s", value=left - time_s, node=node, shared=shared, subject=name)
    for what, when in told.items():
        for course in happened.courses:
            at_s = {node: after_s(when.get((node, course.name)), course.begins_ns) for node in happened.nodes}
            at_s[""] = min(at_s.values(), default=math.inf)
            for node, time_s in at_s.items():
                yield Figure(measure=f"time_to_{what}_s", value=time_s, node=node, subject=course.name)


def _first_plots(happened: Happened) -> Iterator[Figure]:
    seen: dict[tuple[str, str], int] = {}
    for plot in happened.plots:
        seen[plot.node, plot.threat] = min(plot.taken_ns, seen.get((plot.node, plot.threat), plot.taken_ns))
    for course in happened.courses:
        at_s = {node: after_s(seen.get((node, course.name)), course.begins_ns) for node in happened.nodes}
        at_s[""] = min(at_s.values(), default=math.inf)
        for node, time_s in at_s.items():
            yield Figure(measure="time_to_first_plot_s", value=time_s, node=node, shared=False, subject=course.name)
