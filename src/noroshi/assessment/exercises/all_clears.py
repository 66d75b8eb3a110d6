"""When people were told that it is over: never before it is, and soon after.

Over it is for the people of an area when the last of the threats that they were told of meanwhile was near them for the
last time, or came down: to them one all-clear is of all that they were told.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from noroshi.assessment.exercises.definition import Definition
from noroshi.assessment.exercises.happened import Happened
from noroshi.assessment.exercises.naming import Meant
from noroshi.assessment.exercises.warned import NEVER_NS, Near, Span, missile_numbers, spans
from noroshi.assessment.results import Figure
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert
from noroshi.records.alert import CANCEL

MEASURES = {
    "all_clear_s": Definition(
        "s",
        0,
        "Of an area that was told of a threat that came near: from when all that it was told of meanwhile was over "
        "there to when its people were told so; negative: they were told before, infinite: not by the run's end.",
        ("node", "area"),
    ),
    "all_clear_decided_s": Definition(
        "s",
        -1,
        "Of the same, where they were told: from when the node first proposed it, having observed that it is over or "
        "waited out what was lost.",
        ("node", "area"),
    ),
    "all_clears_early": Definition("1", -1, "Of these, how many were told before it was over.", ("node",)),
    "areas_never_cleared": Definition(
        "1",
        -1,
        "Areas told of threats that were over by the run's end, near or not, and not told so by it.",
        ("node",),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AllClear:
    """What the people of one area were told of the end of one threat that came near.

    Attributes:
        threat, code: which threat, which area.
        over_ns: when all that they were told of meanwhile was over there.
        told_ns: when they were told so, or that it is over before it was; `NEVER_NS` if not by the run's end.
        by: the identifier of the message that told them; empty if none did.
    """

    threat: str
    code: str
    over_ns: int
    told_ns: int
    by: str

    @property
    def after_s(self) -> float:
        """How long after it was over they were told; negative is before, infinite never."""
        return math.inf if self.told_ns == NEVER_NS else (self.told_ns - self.over_ns) / NS_PER_S

    @property
    def is_early(self) -> bool:
        """Whether they were told that it is over before it was."""
        return self.told_ns < self.over_ns


def all_clears(
    happened: Happened, meant: Meant, nearby: Mapping[tuple[str, str], Near], node: str
) -> tuple[AllClear, ...]:
    """Return what a nation told of the ends of threats that came near and were over by the run's end."""
    if happened.areas is None:
        return ()
    codes = happened.areas.code
    every = spans(happened, node, missile_numbers(happened, node))
    told: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for course in happened.courses:
        own = spans(happened, node, {n for (of, n), name in meant.items() if of == node and name == course.name})
        was_near = nearby[node, course.name]
        for area, over_ns in zip(was_near.area.tolist(), was_near.area_over_ns.tolist(), strict=True):
            if own_spans := own.get(str(codes[area])):
                begins_ns = min(span.begins_ns for span in own_spans)
                told[str(codes[area])].append((course.name, begins_ns, over_ns))
    return tuple(
        found
        for code in sorted(told)
        for threat, begins_ns, over_ns in told[code]
        for found in [_ended(threat, code, begins_ns, over_ns, told[code], every[code])]
        if found.is_early or found.over_ns < happened.end_ns
    )


def never_cleared(happened: Happened, meant: Meant, nearby: Mapping[tuple[str, str], Near], node: str) -> set[str]:
    """Return the areas that were told of threats that were over by the run's end, and never that they are.

    Over is a threat where it came near once it is past there, anywhere else when it ends; what is told of nothing true
    is over when all threats are.
    """
    if happened.areas is None:
        return set()
    ends_ns = {course.name: course.ends_ns for course in happened.courses}
    last_ns = max(ends_ns.values(), default=0)
    found = set()
    for number in missile_numbers(happened, node):
        name = meant.get((node, number), "")
        over_ns = dict[str, int]()
        if name:
            was_near = nearby[node, name]
            over_ns = dict(
                zip(happened.areas.code[was_near.area].tolist(), was_near.area_over_ns.tolist(), strict=True)
            )
        for code, told in spans(happened, node, {number}).items():
            is_over = over_ns.get(code, ends_ns.get(name, last_ns)) < happened.end_ns
            if is_over and told[-1].ends_ns == NEVER_NS:
                found.add(code)
    return found


def figures(happened: Happened, meant: Meant, nearby: Mapping[tuple[str, str], Near]) -> Iterator[Figure]:
    """Give the all-clears of each nation that warns its people."""
    for node in happened.people:
        found = all_clears(happened, meant, nearby, node)
        for each in found:
            subject = f"{each.threat} {each.code}"
            yield Figure(measure="all_clear_s", value=each.after_s, node=node, subject=subject)
            if each.by:
                decided_s = (each.told_ns - proposed_ns(happened, node, each)) / NS_PER_S
                yield Figure(measure="all_clear_decided_s", value=decided_s, node=node, subject=subject)
        yield Figure(measure="all_clears_early", value=float(sum(each.is_early for each in found)), node=node)
        never = never_cleared(happened, meant, nearby, node)
        yield Figure(measure="areas_never_cleared", value=float(len(never)), node=node)


def proposed_ns(happened: Happened, node: str, told: AllClear) -> int:
    """Return since when the all-clear of an area was proposed, however often anew, until its people were told it."""
    of_node = [(one.at_ns, one.record) for one in happened.told if one.node == node and one.channel == "proposal"]
    proposals = [(at_ns, alert) for at_ns, alert in of_node if isinstance(alert, Alert) and at_ns <= told.told_ns]
    number = next((alert.threat_id for _, alert in proposals if alert.identifier == told.by), None)
    since_ns = told.told_ns
    for at_ns, alert in reversed([each for each in proposals if each[1].threat_id == number]):
        if alert.message != CANCEL and told.code in alert.code:
            break
        since_ns = at_ns
    return since_ns


def _ended(
    threat: str, code: str, begins_ns: int, over_ns: int, told: list[tuple[str, int, int]], every: list[Span]
) -> AllClear:
    """Return when an area was told that it is over, of all that it was told of."""
    early = [span for span in every if begins_ns <= span.ends_ns < over_ns]
    if early:
        first = min(early, key=lambda span: span.ends_ns)
        return AllClear(threat=threat, code=code, over_ns=over_ns, told_ns=first.ends_ns, by=first.by)
    from_ns, until = _together(every, max(begins_ns, over_ns))
    last_ns = max(over for _, begins, over in told if from_ns <= begins <= until.ends_ns)
    return AllClear(threat=threat, code=code, over_ns=last_ns, told_ns=until.ends_ns, by=until.by)


def _together(every: list[Span], at_ns: int) -> tuple[int, Span]:
    """Return from when to when an area was told of anything without a break, about a time; the span that ended it."""
    begins_ns, until = 0, every[0]
    for span in sorted(every, key=lambda span: span.begins_ns):
        if not begins_ns or span.begins_ns > until.ends_ns:
            if begins_ns and until.ends_ns >= at_ns:
                break
            begins_ns, until = span.begins_ns, span
        elif span.ends_ns > until.ends_ns:
            until = span
    return begins_ns, until
