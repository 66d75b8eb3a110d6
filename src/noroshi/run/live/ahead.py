"""Signatures of steps that have come together, checked in two threads before the steps are judged one after another.

What a step is judged by is the same with or without it: `command.people.verifies` remembers its last answers, and one
that it was not asked for beforehand it finds then. libsodium leaves the interpreter to others while it computes.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from noroshi.command.people import Person, is_signed
from noroshi.command.rows import Row, rows_of
from noroshi.records import Decision

FEW = 8  # so many are not worth a second thread


class Ahead:
    """Use as a context.

    Args:
        people: by name, as the book knows them.
    """

    def __init__(self, people: Mapping[str, Person]) -> None:
        self._people = people
        self._second = ThreadPoolExecutor(1, thread_name_prefix="signatures")

    def look(self, records: Sequence[Decision]) -> None:
        """Check all signatures of people in these steps."""
        rows = [row for record in records for row in rows_of(record) if row.signature]
        if len(rows) > FEW:
            others = self._second.submit(self._check, rows[::2])
            self._check(rows[1::2])
            others.result()

    def _check(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if (person := self._people.get(row.by)) is not None:
                is_signed(row, person)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._second.shutdown()
