"""What people of a played exercise are told and say beside decisions, as records, so that the journals hold it.

A row of the exercise's list of events (what staffs call an MSEL) is a `Note` of the sort `MESSAGE`: who tells whom
what, what is expected of them, by when, of whom, and which objective it serves. What else happens to it, and to the
exercise itself, are notes too. A note travels as one row of `Status`: its subject is the note as JSON.
"""

from collections.abc import Iterator

import msgspec
import numpy as np

from noroshi.records import Status

MESSAGE, ACKNOWLEDGED, DONE, NOT_DONE = "message", "acknowledged", "done", "not_done"
INJECT, CONTROL, SEAT, SEEN, IMPROVEMENT = "inject", "control", "seat", "seen", "improvement"
SORTS = (MESSAGE, ACKNOWLEDGED, DONE, NOT_DONE, INJECT, CONTROL, SEAT, SEEN, IMPROVEMENT)
TEXT_MAX = 1_000
BEGINS = '{"note":'


class Note(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="note", tag="1"):
    """One thing that was told or said.

    Attributes:
        sort: `MESSAGE` (to people), `ACKNOWLEDGED`, `DONE`, `NOT_DONE` (of the message `number`; who judges is who
            says it), `INJECT` (something went wrong in the world), `CONTROL` (paused, speed, branch), `SEAT` (somebody
            took a part or left it), `SEEN` (of the alert `number`), `IMPROVEMENT` (what is to be better).
        number: of the message, as the list of events has it; of an alert its identifier.
        sender, to: whose words they are; whom they are for: "JPN", "approver@JPN", "all".
        text: what is told.
        expected: what is expected of them, in words.
        step, action: and, where a step of a decision shows it, which (`command.transitions`); empty: people say so.
        within_s: how soon; 0 for whenever.
        responsible: who sees to it; of an improvement its owner.
        objective: which of the exercise's objectives it serves.
        due: of an improvement, the date.
        is_scripted: whether nobody but the program said it.
    """

    sort: str
    number: str = ""
    sender: str = ""
    to: str = ""
    text: str = ""
    expected: str = ""
    step: str = ""
    action: str = ""
    within_s: float = 0.0
    responsible: str = ""
    objective: str = ""
    due: str = ""
    is_scripted: bool = False


_JSON = msgspec.json.Encoder(order="deterministic")
_NOTE = msgspec.json.Decoder(Note)


def status_of(note: Note, by: str, time_ns: int) -> Status:
    """Return a note as a record that a node is told.

    Args:
        note: what.
        by: who says it.
        time_ns: when.
    """
    return Status(
        time_ns=np.array([time_ns], np.int64),
        source=np.array([by], np.str_),
        subject=np.array([_JSON.encode(note).decode()], np.str_),
        value=np.array([np.nan]),
    )


def notes_in(status: Status) -> Iterator[tuple[int, str, Note]]:
    """Yield (when, who says it, what) of the rows that are notes."""
    for time_ns, by, subject in zip(
        status.time_ns.tolist(), status.source.tolist(), status.subject.tolist(), strict=True
    ):
        if subject.startswith(BEGINS):
            try:
                note = _NOTE.decode(subject)
            except msgspec.DecodeError:
                continue  # words of somebody else that only begin so
            yield time_ns, by, note


def is_for(note: Note, nation: str, role: str) -> bool:
    """Return whether a message is for a person."""
    return note.to in ("all", nation, f"{role}@{nation}")
