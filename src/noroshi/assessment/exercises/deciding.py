"""What people did with what was proposed: how long they took, what lapsed, what they refused."""

import math
from collections.abc import Iterator

import numpy as np

from noroshi.assessment.exercises.definition import Definition
from noroshi.assessment.exercises.happened import Happened
from noroshi.assessment.results import Figure
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert, Decision

OUTCOMES = {"approved": "approved", "rejected": "rejected", "expired": "lapsed", "superseded": "superseded"}
"""By the step that settles a proposal, what became of it."""

MEASURES = {
    "proposals": Definition("1", 0, "Alerts that were proposed.", ("node",)),
    "proposals_approved": Definition("1", 0, "Of them, those that a person approved.", ("node",)),
    "proposals_rejected": Definition("1", 0, "Those that a person refused.", ("node",)),
    "proposals_lapsed": Definition("1", -1, "Those that nobody decided in time.", ("node",)),
    "proposals_superseded": Definition("1", 0, "Those that another replaced before anybody decided.", ("node",)),
    "decision_s_median": Definition("s", -1, "From a proposal to its approval or refusal, the median.", ("node",)),
    "decision_s_max": Definition("s", -1, "The longest.", ("node",)),
}


def figures(happened: Happened) -> Iterator[Figure]:
    """Give what became of each nation's own proposals."""
    for node in happened.people:
        proposed: dict[str, int] = {}
        settled: dict[str, tuple[str, int]] = {}
        for told in happened.told:
            record = told.record
            if told.node == node and told.channel == "proposal" and isinstance(record, Alert):
                proposed.setdefault(record.identifier, told.at_ns)
            if told.node == node and isinstance(record, Decision) and record.nation == node:
                for stream, step, at_ns in zip(
                    record.stream.tolist(), record.step.tolist(), record.time_ns.tolist(), strict=True
                ):
                    if step in OUTCOMES and stream in proposed:
                        settled.setdefault(stream, (step, at_ns))
        yield Figure(measure="proposals", value=float(len(proposed)), node=node)
        for step, word in OUTCOMES.items():
            n = sum(1 for each, _ in settled.values() if each == step)
            yield Figure(measure=f"proposals_{word}", value=float(n), node=node)
        taken_s = [
            (at_ns - proposed[stream]) / NS_PER_S
            for stream, (step, at_ns) in settled.items()
            if step in ("approved", "rejected")
        ]
        middle = float(np.median(taken_s)) if taken_s else math.nan
        yield Figure(measure="decision_s_median", value=middle, node=node)
        yield Figure(measure="decision_s_max", value=max(taken_s, default=math.nan), node=node)
