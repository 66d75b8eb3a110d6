"""Which true threat nodes mean by a number."""

from collections.abc import Mapping

import numpy as np

from noroshi.assessment.exercises.happened import Happened
from noroshi.assessment.exercises.held import Held, Targets
from noroshi.estimation.interpolation import hermite
from noroshi.records import Launches

LINE_M = 25_000.0
"""A line of sight is at a threat if it passes so near to it: some five sigma of an infrared satellite's, high up."""

Meant = Mapping[tuple[str, int], str]
"""By node and number, the name of the true threat."""


def meant(happened: Happened) -> Meant:
    """Return which true threat each node means by which number, for all numbers that mean one.

    A track's number means the target on which the track was at most of the times of pictures; a launch's number the
    threat that its line of sight passes nearest to when it was first told. Numbers that mean no threat are left out.
    """
    found: dict[tuple[str, int], str] = {}
    threats = happened.targets.is_threat
    for told in happened.told:
        if isinstance(told.record, Launches):
            for row, number in enumerate(told.record.launch_id.tolist()):
                if (told.node, number) not in found and (name := _on_line(happened, told.record, row)):
                    found[told.node, number] = name
    for node, _, held in happened.pictures():
        for number, target in _tracks(held, happened.targets).items():
            if threats[target]:
                found[node, number] = str(happened.targets.names[target])
    return found


def _tracks(held: Held, targets: Targets) -> dict[int, int]:
    """Return for each track the target that it was on most often; of equals the first."""
    n = len(targets.names)
    counts = np.bincount(held.on.i_track * n + held.on.i_target, minlength=len(held.track_ids) * n).reshape(-1, n)
    on = np.flatnonzero(counts.any(axis=1))
    return {int(held.track_ids[i]): int(counts[i].argmax()) for i in on.tolist()}


def _on_line(happened: Happened, launches: Launches, row: int) -> str:
    """Return the threat that a line passes nearest to, "" if it passes none."""
    at_ns, nearest, name = int(launches.time_ns[row]), LINE_M, ""
    for course in happened.courses:
        if not course.begins_ns <= at_ns <= course.ends_ns:
            continue
        place = hermite(course.time_ns, course.state_ecef, np.array([at_ns]))[0, :3]
        to_it = place - launches.origin_ecef_m[row]
        along = float(to_it @ launches.direction_ecef[row])
        away = float(np.linalg.norm(to_it - along * launches.direction_ecef[row]))
        if along > 0.0 and away < nearest:
            nearest, name = away, course.name
    return name
