"""Where the seconds went: the time from a threat's beginning to people warned, split into what it was waited for.

At each moment of it one stage has the ball, the last of these that applies:

- physics: no sensor of the nation or its partners could see the threat;
- sensor: one could, but the node that it tells had heard of no plot of late;
- tracking: plots came, but no node had a firm track of its own on the threat;
- link: a partner had one, the nation's picture had not: what the partner had not told yet, what was on the link and
  what fusion had not made of it are not told apart, since no record says when which of a partner's tracks came;
- fusion: the nation's own sensors had one, its picture had not;
- warning: its picture had one, and nothing was proposed;
- person: an alert was proposed and waited for its approval;
- last mile: from the approval to when half of those who were to hear of it had heard, by the model of
  `exercise.last_mile`.

What is known of tracks is known at the times of pictures: the stages from tracking to warning are as fine as these. The
stages add up to the whole to the nanosecond.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.exercises.definition import Definition
from noroshi.assessment.exercises.happened import Happened
from noroshi.assessment.exercises.held import Course, Held
from noroshi.assessment.exercises.naming import Meant
from noroshi.assessment.exercises.warned import Near
from noroshi.assessment.results import Figure
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert, Decision
from noroshi.records.alert import CANCEL

Integers = NDArray[np.int64]

STAGES = ("physics", "sensor", "tracking", "link", "fusion", "warning", "person", "last_mile")
SETTLES = ("approved", "rejected", "expired", "superseded", "cancelled")
LOOKS = 2.5
"""Plots come as long as the last is not older than so many looks of its sensor."""

TEXTS = {
    "physics": "no sensor of the nation or its partners could see the threat",
    "sensor": "one could, and nothing of it had come to a node of late",
    "tracking": "plots came, and no node had a firm track of its own on it",
    "link": "a partner had one and the nation's picture had not: untold, on the link or not yet fused",
    "fusion": "the nation's own sensors had one and its picture had not",
    "warning": "the nation's picture had one and nothing was proposed",
    "person": "a proposal waited for its approval",
    "last_mile": "approved, and half of those who were to hear of it had not heard",
}
OF = ("node", "threat")
MEASURES = {
    **{
        f"ledger_{stage}_s": Definition(
            "s", -1, f"Of the time to the first alert, or without one to the arrival, that in which {text}.", OF
        )
        for stage, text in TEXTS.items()
    },
    "ledger_whole_s": Definition("s", 0, "All of these together.", OF),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Where the seconds of one threat went for one nation.

    Attributes:
        node, threat: whose, which.
        begins_ns: when the threat began.
        alert_ns: when its first alert was approved; None if none ever was.
        ends_ns: when half of those who were to hear of it had; without an alert when the threat was near people.
        spent_ns: by stage, in the order of `STAGES`.
    """

    node: str
    threat: str
    begins_ns: int
    alert_ns: int | None
    ends_ns: int
    spent_ns: tuple[int, ...]


def figures(happened: Happened, meant: Meant, nearby: Mapping[tuple[str, str], Near]) -> Iterator[Figure]:
    """Give the ledger of each nation and threat that it had to warn of, or did."""
    for ledger in ledgers(happened, meant, nearby):
        for stage, spent_ns in zip(STAGES, ledger.spent_ns, strict=True):
            yield Figure(
                measure=f"ledger_{stage}_s", value=spent_ns / NS_PER_S, node=ledger.node, subject=ledger.threat
            )
        whole_s = (ledger.ends_ns - ledger.begins_ns) / NS_PER_S
        yield Figure(measure="ledger_whole_s", value=whole_s, node=ledger.node, subject=ledger.threat)


def ledgers(happened: Happened, meant: Meant, nearby: Mapping[tuple[str, str], Near]) -> list[Ledger]:
    """Return where the seconds went, for each nation and each threat that came near its people or that it told of."""
    found = []
    for node in happened.people:
        for course in happened.courses:
            pending, alert_ns = _decided(happened, meant, node, course.name)
            arrivals = nearby[node, course.name].area_ns
            if not len(arrivals) and not pending:
                continue
            reached_ns = alert_ns
            if alert_ns is None:
                until_ns = int(arrivals.min()) if len(arrivals) else course.ends_ns
            else:
                until_ns = alert_ns
                reached_ns = max(happened.reached_ns.get((node, course.name), alert_ns), alert_ns)
            until_ns = max(until_ns, course.begins_ns)
            waits = split(course.begins_ns, until_ns, _spans(happened, node, course, pending))
            last_ns = 0 if reached_ns is None or alert_ns is None else reached_ns - alert_ns
            found.append(
                Ledger(
                    node=node,
                    threat=course.name,
                    begins_ns=course.begins_ns,
                    alert_ns=alert_ns,
                    ends_ns=until_ns + last_ns,
                    spent_ns=(*waits, last_ns),
                )
            )
    return found


def split(begins_ns: int, ends_ns: int, spans: list[Integers]) -> list[int]:
    """Return how long each stage had the ball between two moments [ns]: the last that applies, else the first.

    Args:
        begins_ns, ends_ns: the moments, the first not later.
        spans: (p, 2) for the second and each further stage, from when (included) to when (excluded) it applies.
    """
    edges = np.concatenate([np.array([begins_ns, ends_ns], np.int64), *(each.ravel() for each in spans)])
    edges = np.unique(np.clip(edges, begins_ns, ends_ns))
    starts, lengths = edges[:-1], np.diff(edges)
    stage = np.zeros(len(starts), np.int64)
    for i, each in enumerate(spans, start=1):
        stage[covers(each, starts)] = i
    spent = np.zeros(len(spans) + 1, np.int64)
    np.add.at(spent, stage, lengths)
    return [int(each) for each in spent]


def covers(spans: Integers, at_ns: Integers) -> NDArray[np.bool_]:
    """Return (n,) which moments lie in any of (p, 2) spans, their ends excluded."""
    if not len(spans):
        return np.zeros(len(at_ns), bool)
    order = np.argsort(spans[:, 0], kind="stable")
    begins, ends = spans[order, 0], np.maximum.accumulate(spans[order, 1])
    last = np.searchsorted(begins, at_ns, side="right") - 1
    return np.asarray((last >= 0) & (ends[np.maximum(last, 0)] > at_ns))


def _spans(happened: Happened, node: str, course: Course, pending: list[tuple[int, int]]) -> list[Integers]:
    """Return when each stage after physics applies, in the order of `STAGES`, without the last mile."""
    reach = (node, *happened.partners.get(node, ()))
    visible = [happened.visible[each, course.name] for each in reach if (each, course.name) in happened.visible]
    plots = [
        (plot.heard_ns, plot.heard_ns + round(LOOKS * plot.period_ns))
        for plot in happened.plots
        if plot.threat == course.name and plot.node in reach and plot.heard_ns is not None
    ]
    partners = [_held(happened, happened.own[each], course) for each in reach[1:] if each in happened.own]
    return [
        _joined(visible),
        _array(plots),
        _joined(partners),
        _held(happened, happened.own[node], course),
        _held(happened, happened.known[node], course),
        _array(pending),
    ]


def _held(happened: Happened, held: Held, course: Course) -> Integers:
    """Return (p, 2) from when to when a picture had a firm track on a threat: each picture holds up to the next."""
    targets = happened.targets
    who = np.flatnonzero(targets.names == course.name)
    if not len(who):
        return _array([])
    on = np.unique(held.on.i_time[held.on.i_target == who[0]])
    times_ns = np.append(targets.times_ns, happened.end_ns)
    return np.stack([times_ns[on], times_ns[on + 1]], axis=1)


def _decided(happened: Happened, meant: Meant, node: str, threat: str) -> tuple[list[tuple[int, int]], int | None]:
    """Return from when to when proposals about a threat waited, and when the first alert of it was approved."""
    waiting: dict[str, int] = {}
    spans: list[tuple[int, int]] = []
    alert_ns = None
    for told in happened.told:
        record = told.record
        if told.node != node:
            continue
        if isinstance(record, Alert) and record.message != CANCEL and meant.get((node, record.threat_id)) == threat:
            if told.channel == "proposal":
                waiting.setdefault(record.identifier, told.at_ns)
            elif told.channel == "alert" and alert_ns is None:
                alert_ns = told.at_ns
        elif isinstance(record, Decision) and record.nation == node:
            steps = zip(record.stream.tolist(), record.step.tolist(), record.time_ns.tolist(), strict=True)
            for stream, step, at_ns in steps:
                if step in SETTLES and stream in waiting:
                    spans.append((waiting.pop(stream), at_ns))
    spans += [(since_ns, happened.end_ns) for since_ns in waiting.values()]
    return spans, alert_ns


def _joined(parts: Iterable[Integers]) -> Integers:
    return np.concatenate([_array([]), *parts])


def _array(spans: Iterable[tuple[int, int]]) -> Integers:
    return np.array(list(spans), np.int64).reshape(-1, 2)
