"""How decisions went, step by step: from need to done, within a nation and across; and what became of advice.

Pure functions of the steps that nodes told, as the nation that writes each stream told them.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from noroshi.assessment.exercises.definition import Definition
from noroshi.assessment.results import Figure
from noroshi.command.matters import founder_of
from noroshi.command.rows import Row, Said, What, rows_of, said_in
from noroshi.command.transitions import IN_FORCE, Action, Step
from noroshi.geo.time import NS_PER_S
from noroshi.records import Batch, Decision

JOINT, NATIONAL = "joint", "national"
ENDS = (Step.DONE_OK, Step.DONE_NOT_OK, Step.CANNOT_COMPLY)

MEASURES = {
    "step_s": Definition(
        "s",
        -1,
        "From the step before to this one, the median, by what is decided, whether another nation has a part in it "
        "(joint) or not (national), and the step: 'sensor_task joint acknowledged'.",
        ("node", "coalition"),
    ),
    "need_to_s": Definition("s", -1, "From the first step to this one, the median, likewise.", ("node", "coalition")),
    "decisions": Definition("1", 0, "Matters that were begun, by what is decided.", ("node", "coalition")),
    "decisions_late": Definition("1", -1, "Of them, those of which a deadline passed once.", ("node", "coalition")),
    "decisions_lapsed": Definition("1", -1, "Those that lapsed: nobody said anything in time.", ("node", "coalition")),
    "decisions_reversed": Definition(
        "1", -1, "Those that were approved and then recalled, cancelled or replaced.", ("node", "coalition")
    ),
    "advice_given": Definition("1", 0, "Proposals that rest on a solver's plan.", ("node", "coalition")),
    "advice_taken": Definition("1", 0, "Of them, those approved as they were.", ("node", "coalition")),
    "advice_changed": Definition("1", 0, "Those approved with changes.", ("node", "coalition")),
    "advice_refused": Definition("1", 0, "Those rejected.", ("node", "coalition")),
    "advice_replaced": Definition("1", 0, "Those that newer advice replaced undecided.", ("node", "coalition")),
    "advice_begun": Definition("1", 1, "Of those taken or changed, those that were begun.", ("node", "coalition")),
    "advice_done": Definition("1", 1, "Those that were done.", ("node", "coalition")),
    "advice_not_done": Definition("1", -1, "Those that failed, or that who was asked could not do.",
                                  ("node", "coalition")),
}  # fmt: skip
"""Figures carry what is decided, and joint or national, as their subject; a coalition's are over all nations."""


class Told(Protocol):
    """Something that a node told."""

    @property
    def node(self) -> str:
        """Return which node."""
        ...

    @property
    def record(self) -> Batch:
        """Return what."""
        ...


@dataclass(frozen=True, slots=True)
class Story:
    """One matter from its first step to its last.

    Attributes:
        founder, stream: its name.
        what: that was proposed first.
        rows, said: its steps, and what each says.
    """

    founder: str
    stream: str
    what: What
    rows: tuple[Row, ...]
    said: tuple[Said, ...]

    @property
    def is_joint(self) -> bool:
        """Whether another nation has approved it, owns its means, or said a step of it."""
        approved = {said.acting_for for said in self.said if said.acting_for}
        return bool({self.what.asset or self.founder, *approved} - {self.founder})

    @property
    def first_ns(self) -> Mapping[str, int]:
        """When each step was first said."""
        found: dict[str, int] = {}
        for row in self.rows:
            found.setdefault(row.step, row.time_ns)
        return found

    @property
    def in_force_ns(self) -> int | None:
        """When the last approval that it took was given; None if it never was in force."""
        steps = [row.step for row in self.rows]
        after = next((i for i, step in enumerate(steps) if step in (Step.TASKED, *ENDS, Step.RECALLED)), len(steps))
        given = [row.time_ns for row in self.rows[:after] if row.step in IN_FORCE]
        return given[-1] if given else None

    @property
    def is_advised(self) -> bool:
        """Whether it rests on a solver's plan."""
        return any("solver" in said.advice for said in self.said)

    def has(self, *steps: str) -> bool:
        """Return whether any of some steps was said."""
        return not set(steps).isdisjoint(self.first_ns)


def stories(told: Iterable[Told]) -> list[Story]:
    """Return all matters, by founder and name, from the steps that those who write them told."""
    rows: dict[tuple[str, str], dict[int, Row]] = defaultdict(dict)
    for one in told:
        if isinstance(one.record, Decision) and one.record.nation == one.node:
            for row in rows_of(one.record):
                rows[founder_of(row.nation, row.stream), row.stream][row.version] = row
    found = []
    for (founder, stream), steps in sorted(rows.items()):
        ordered = tuple(steps[version] for version in sorted(steps))
        said = tuple(said_in(row.content) for row in ordered)
        if said[0].what is not None:
            found.append(Story(founder, stream, said[0].what, ordered, said))
    return found


def figures(told: Iterable[Told]) -> Iterator[Figure]:
    """Give how decisions went: of each nation that began some, and of all together."""
    every = stories(told)
    by_nation = {founder: [story for story in every if story.founder == founder] for founder in _founders(every)}
    for node, own in (*by_nation.items(), ("", every)):
        for action in sorted({story.what.action for story in own}):
            some = [story for story in own if story.what.action == action]
            yield from _counts(some, node, action)
            for word in (JOINT, NATIONAL):
                yield from _times([one for one in some if one.is_joint == (word == JOINT)], node, f"{action} {word}")


def _founders(every: Sequence[Story]) -> list[str]:
    return sorted({story.founder for story in every})


def _times(some: Sequence[Story], node: str, subject: str) -> Iterator[Figure]:
    """Give the medians from each step to the next, and from the first to each."""
    between, since = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for story in some:
        first_ns = story.first_ns
        for before, row in zip(story.rows, story.rows[1:], strict=False):
            if row.step not in (Step.ESCALATED, Step.HANDED_OVER) and first_ns[row.step] == row.time_ns:
                between[row.step].append((row.time_ns - before.time_ns) / NS_PER_S)
                since[row.step].append((row.time_ns - story.rows[0].time_ns) / NS_PER_S)
    for name, steps in (("step_s", between), ("need_to_s", since)):
        for step in sorted(steps):
            yield Figure(measure=name, value=float(np.median(steps[step])), node=node, subject=f"{subject} {step}")


def _counts(some: Sequence[Story], node: str, action: Action) -> Iterator[Figure]:
    advised = [story for story in some if story.is_advised]
    undone = (Step.RECALLED, Step.CANCELLED, Step.SUPERSEDED)
    agreed = [story for story in advised if story.has(*IN_FORCE)]
    counts = {
        "decisions": len(some),
        "decisions_late": sum(story.has(Step.ESCALATED) for story in some),
        "decisions_lapsed": sum(story.has(Step.EXPIRED) for story in some),
        "decisions_reversed": sum(story.in_force_ns is not None and story.has(*undone) for story in some),
        "advice_given": len(advised),
        "advice_taken": sum(not story.has(Step.AMENDED) for story in agreed),
        "advice_changed": sum(story.has(Step.AMENDED) for story in agreed),
        "advice_refused": sum(story.has(Step.REJECTED) for story in advised),
        "advice_replaced": sum(story.has(Step.SUPERSEDED) and not story.has(*IN_FORCE) for story in advised),
        "advice_begun": sum(story.has(Step.EXECUTING) for story in agreed),
        "advice_done": sum(story.has(Step.DONE_OK) for story in agreed),
        "advice_not_done": sum(story.has(Step.DONE_NOT_OK, Step.CANNOT_COMPLY) for story in agreed),
    }
    for name, value in counts.items():
        yield Figure(measure=name, value=float(value), node=node, subject=str(action))


def first_acknowledged_s(every: Iterable[Story], since_ns: int, *, track: str = "", joint: bool | None = None) -> float:
    """Return how long after a time a person first acknowledged a task of sensors; infinite if nobody did.

    Args:
        every: matters.
        since_ns: from when it counts; what was acknowledged before does not.
        track: number of the track that a look of it must be for; any if empty.
        joint: whether it must be joint, or must not be; None: either.
    """
    times = [
        story.first_ns[Step.ACKNOWLEDGED]
        for story in every
        if story.what.action == Action.SENSOR_TASK
        and story.has(Step.ACKNOWLEDGED)
        and (joint is None or story.is_joint == joint)
        and (not track or any(str(look[-1]) == track for look in story.what.detail.get("looks", [])))
    ]
    return min(((ns - since_ns) / NS_PER_S for ns in times if ns >= since_ns), default=math.inf)
