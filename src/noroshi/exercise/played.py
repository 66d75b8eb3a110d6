"""What people did in a played exercise, for the assessment: what was expected and came, and how long each step took.

Pure: of the notes that nodes were told (`notes.py`), and of what decisions have come to at the nodes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from noroshi.command.book import Book
from noroshi.command.matters import MACHINE, PLAN, Matter
from noroshi.command.rows import Row
from noroshi.exercise import notes
from noroshi.exercise.notes import Note
from noroshi.geo.time import NS_PER_S

Told = tuple[int, str, Note]
"""When, who says it, what."""
Json = dict[str, Any]


def played(
    told: Sequence[Told], books: Mapping[str, Book], start_ns: int, *, by_people: Collection[tuple[str, str]] = ()
) -> Json:
    """Return what came of a played exercise, as plain data.

    Args:
        told: all notes, in order of time.
        books: of the nodes, by nation.
        start_ns: of the exercise.
        by_people: (nation, key of the step) of the steps that real people took; others' are scripted.
    """
    steps = [
        (matter, row, before)
        for nation, book in sorted(books.items())
        for matter in book.matters.values()
        if matter.owner == nation
        for row, before in zip(matter.rows, [None, *matter.rows[:-1]], strict=True)
        if row.role not in (MACHINE, PLAN)
    ]
    steps.sort(key=lambda step: (step[1].time_ns, step[1].nation, step[1].stream, step[1].version))
    return {
        "injects": [_message(told, steps, one, start_ns) for one in told if one[2].sort == notes.MESSAGE],
        "decisions": [_decision(*step, start_ns, by_people) for step in steps],
        "alerts_seen": [
            {"alert": note.number, "by": by, "at_s": _s(time_ns, start_ns)}
            for time_ns, by, note in told
            if note.sort == notes.SEEN
        ],
        "control": [
            {"at_s": _s(time_ns, start_ns), "by": by, "sort": note.sort, "text": note.text}
            for time_ns, by, note in told
            if note.sort in (notes.CONTROL, notes.INJECT, notes.SEAT)
        ],
        "improvements": [
            {"text": note.text, "owner": note.responsible, "due": note.due, "objective": note.objective, "by": by}
            for _, by, note in told
            if note.sort == notes.IMPROVEMENT
        ],
    }


def _message(told: Sequence[Told], steps: Iterable[tuple[Matter, Row, Row | None]], one: Told, start_ns: int) -> Json:
    """Return what became of a message: who had seen it when, and whether what was expected came."""
    sent_ns, _, note = one
    about = [each for each in told if each[2].number == note.number and each[0] >= sent_ns]
    seen = next((each for each in about if each[2].sort == notes.ACKNOWLEDGED), None)
    judged = next((each for each in reversed(about) if each[2].sort in (notes.DONE, notes.NOT_DONE)), None)
    done_ns, by, how = None, "", ""
    if note.step:
        for matter, row, _ in steps:
            is_it = row.step == note.step and (not note.action or matter.what.action == note.action)
            if is_it and row.time_ns >= sent_ns and _is_by(row, matter, note.to):
                done_ns, by, how = row.time_ns, row.by, f"{row.step} {row.stream}"
                break
    if judged is not None and (judged[2].sort == notes.NOT_DONE or done_ns is None):
        done_ns = judged[0] if judged[2].sort == notes.DONE else None
        by, how = judged[1], judged[2].text or "said so"
    took_s = None if done_ns is None else _s(done_ns, sent_ns)
    is_judged = took_s is not None or judged is not None or bool(note.step)
    return {
        "number": note.number, "at_s": _s(sent_ns, start_ns), "from": note.sender, "to": note.to, "text": note.text,
        "expected": note.expected or " ".join(word for word in (note.step, note.action) if word),
        "within_s": note.within_s or None, "responsible": note.responsible, "objective": note.objective,
        "acknowledged_s": None if seen is None else _s(seen[0], sent_ns),
        "acknowledged_by": "" if seen is None else seen[1],
        "done": took_s is not None if is_judged else None,
        "in_time": None if took_s is None or not note.within_s else took_s <= note.within_s,
        "done_s": took_s, "done_by": by, "how": how,
    }  # fmt: skip


def _is_by(row: Row, matter: Matter, to: str) -> bool:
    """Return whether a step was said by those to whom a message went, as far as the step says whose they are."""
    role, at, nation = to.rpartition("@")
    approved = matter.approvals.get(nation)
    concerned = nation in (row.nation, matter.what.asset) or (approved is not None and approved.by == row.by)
    return to == "all" or (concerned and (not at or row.role == role))


def _decision(
    matter: Matter, row: Row, before: Row | None, start_ns: int, by_people: Collection[tuple[str, str]]
) -> Json:
    return {
        "at_s": _s(row.time_ns, start_ns), "nation": row.nation, "stream": row.stream, "action": matter.what.action,
        "step": row.step, "by": row.by, "role": row.role, "reason": row.reason,
        "waited_s": None if before is None else _s(row.time_ns, before.time_ns),
        "is_scripted": (row.nation, row.key) not in by_people,
    }  # fmt: skip


def _s(time_ns: int, since_ns: int) -> float:
    return round((time_ns - since_ns) / NS_PER_S, 3)
