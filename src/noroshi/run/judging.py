"""What a record of decisions proves: nothing of it was altered, every step was signed and might be said."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from noroshi.command.authority import Nobody
from noroshi.command.book import Book
from noroshi.command.matters import Settings
from noroshi.command.people import Person
from noroshi.command.transitions import IN_FORCE
from noroshi.run.stores.audit import Judged, judge
from noroshi.run.stores.decisions import read_decisions

FAULTS_MAX = 100
NOBODY = ""  # who writes no stream: an auditor


@dataclass(frozen=True, slots=True)
class JudgedSteps:
    """What a folder of decisions proves.

    Attributes:
        record: whether it is whole, as any audit record.
        steps, signed: how many steps it holds, and how many of them people signed.
        decisions, approvals: how many decisions these are, and how often one was approved.
        n_faults: how many steps could not be said.
        faults: the first of them, a line each.
    """

    record: Judged
    steps: int
    signed: int
    decisions: int
    approvals: int
    n_faults: int
    faults: tuple[str, ...]


def judge_steps(
    folder: Path,
    people: Mapping[str, Person],
    area_nations: Mapping[str, str],
    *,
    keys: Path | None = None,
) -> JudgedSteps:
    """Return what a folder of decisions proves to who writes none of them: what hangs on each stream alone.

    Args:
        folder: as `stores.decisions.DecisionFolder` writes it.
        people: the register, by name.
        area_nations: whose areas are whose, as `Settings` has it.
        keys: as of `audit.judge`.

    Raises:
        StoreError: as of `audit.judge`; if the folder holds something else.
    """
    record = judge(folder, keys=keys)
    steps = signed = approvals = n_faults = 0
    faults: list[str] = []
    book = Book(NOBODY, people, Nobody(), Settings(area_nations=area_nations))
    for row in read_decisions(folder):
        steps += 1
        refusal, why = book.take_row(row, row.time_ns, source=row.nation)
        if refusal is None:
            signed += bool(row.signature)
            approvals += row.step in IN_FORCE
            continue
        n_faults += 1
        if n_faults <= FAULTS_MAX:
            faults.append(f"{row.stream} {row.version}, {row.step} by {row.by}: {refusal} {why}".rstrip())
    return JudgedSteps(record, steps, signed, len(book.matters), approvals, n_faults, tuple(faults))
