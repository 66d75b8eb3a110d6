"""The list of events of an exercise, as a file: what exercise control has planned to tell whom, when, and to do."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from noroshi.command.transitions import Action, Step
from noroshi.exercise.notes import MESSAGE, TEXT_MAX, Note
from noroshi.run.exercises.staff import staff_name
from noroshi.run.play.seats import PLAYED
from noroshi.run.scenarios import Scenario, ScenarioError, with_inject
from noroshi.run.scenarios.sources import choices

ROWS_MAX = 1_000


class RowsError(ValueError):
    """A list of events that makes no sense. One line for a person."""


class Planned(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"from_": "from"}):
    """One row.

    Attributes:
        number: unique.
        at_s: when, since the start of the exercise.
        from_, to: as `Note` has `sender`, `to`.
        text, expected, step, action, within_s, responsible, objective: as `Note` has them.
        inject: what goes wrong then, as a table of a scenario's `injects` without `at_s`.
    """

    number: str
    at_s: float
    to: str = "all"
    from_: str = ""
    text: str = ""
    expected: str = ""
    step: str = ""
    action: str = ""
    within_s: float = 0.0
    responsible: str = ""
    objective: str = ""
    inject: dict[str, Any] | None = None

    def note(self) -> Note:
        """Return what people are told."""
        return Note(
            sort=MESSAGE, number=self.number, sender=self.from_, to=self.to, text=self.text, expected=self.expected,
            step=self.step, action=self.action, within_s=self.within_s, responsible=self.responsible,
            objective=self.objective,
        )  # fmt: skip


class _File(msgspec.Struct, forbid_unknown_fields=True):
    rows: list[Planned] = []


def read_rows(path: Path) -> list[Planned]:
    """Return the rows of a file in order of time.

    Raises:
        RowsError: if it is none.
    """
    try:
        rows = msgspec.convert(tomllib.loads(path.read_text("utf-8-sig")), _File).rows
    except OSError as error:
        raise RowsError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeError) as error:
        raise RowsError(f"{path}: {error}") from error
    numbers = [row.number for row in rows]
    if len(set(numbers)) != len(numbers) or "" in numbers or len(rows) > ROWS_MAX:
        raise RowsError(f"{path}: each row has its own number, and there are {ROWS_MAX} at most")
    for row in rows:
        check(row.note())
        if not 0.0 <= row.at_s < 1e6 or not (row.text or row.inject):
            raise RowsError(f"{path}: row {row.number}: say what is told or goes wrong, and at_s when")
    return sorted(rows, key=lambda row: row.at_s)


def check_names(rows: Sequence[Planned], scenario: Scenario, path: Path) -> None:
    """Check that those whom rows tell something, and at whom injects aim, take part.

    Args:
        rows: of the file.
        scenario: that is played.
        path: of the file, for messages.

    Raises:
        RowsError: if one does not, with what may be meant.
    """
    codes = [nation.code for nation in scenario.nations]
    known = ["all", *codes, *(staff_name(role, code) for role in PLAYED for code in codes)]
    for row in rows:
        if row.text and row.to not in known:
            raise RowsError(f"{path}: row {row.number}: to: '{row.to}' is nobody here; {choices(row.to, known)}")
        try:
            if row.inject is not None:
                with_inject(scenario, {**row.inject, "at_s": row.at_s})
        except ScenarioError as error:
            key = error.problems[0].key.rpartition(", ")[2]
            told = f"inject{'' if key.startswith('injects') else f', {key}'}: {error.problems[0].message}"
            raise RowsError(f"{path}: row {row.number}: {told}") from error
        except ValueError as error:
            raise RowsError(f"{path}: row {row.number}: inject: {error}") from error


def check(note: Note) -> None:
    """Check what was written for people.

    Raises:
        RowsError: if a step or an action is none, or a text is too long.
    """
    if note.step and note.step not in tuple(Step):
        raise RowsError(f"row {note.number}: step '{note.step}' is none of {', '.join(Step)}")
    if note.action and note.action not in tuple(Action):
        raise RowsError(f"row {note.number}: action '{note.action}' is none of {', '.join(Action)}")
    texts = (note.number, note.sender, note.to, note.text, note.expected, note.responsible, note.objective)
    if max(map(len, texts)) > TEXT_MAX:
        raise RowsError(f"row {note.number[:40]}: a text has {TEXT_MAX} letters at most")
