"""The records of one category as columns: SI units and radians, NaN or -1 where a record does not say."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from asterix import base
from numpy.typing import NDArray

from noroshi.formats.asterix.blocks import DATAGRAM, EDITION, PLACE, Found, read_rows
from noroshi.formats.asterix.layout import ABSENT, SAC, SIC, Layout, Specification
from noroshi.geo.time import NS_PER_DAY, NS_PER_S
from noroshi.kernel import kernel

ICAO_LETTERS = np.array([base.StringICAO.to_char(code) or " " for code in range(64)], "<U1")
CALL_SIGN_LENGTH = 8


@dataclass(frozen=True)
class Table:
    """n records of one category, in the order of the recording.

    Attributes:
        specification: of the category.
        values: (k, n) raw unsigned numbers, -1 where a record has no such field.
        edition: (n,) which of the category's editions each record was read by.
        place: (n,) where in the recording each record stands.
        received_ns: (n,) when each record was received, -1 if nobody noted it.
        time_ns: (n,) when each record was so.
        is_timed: (n,) whether the record itself says when.
    """

    specification: Specification
    values: NDArray[np.int64]
    edition: NDArray[np.int64]
    place: NDArray[np.int64]
    received_ns: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    is_timed: NDArray[np.bool_]

    @classmethod
    def of(cls, specification: Specification, layout: Layout, found: Found, received_ns: NDArray[np.int64]) -> Self:
        """Return the records of a category, not yet timed.

        Args:
            specification: of the category.
            layout: the tables that the records were found by.
            found: the records of all categories.
            received_ns: of each datagram, when it was received.
        """
        newest, last = layout.categories[specification.wanted.category]
        edition = found.records[:, EDITION]
        records = found.records[(edition >= newest) & (edition < last)]
        n = len(records)
        return cls(
            specification=specification,
            values=read_rows(found.data, records, layout, len(specification.slots)),
            edition=records[:, EDITION] - newest,
            place=records[:, PLACE],
            received_ns=received_ns[records[:, DATAGRAM]],
            time_ns=np.zeros(n, np.int64),
            is_timed=np.zeros(n, np.bool_),
        )

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.edition)

    @property
    def category(self) -> int:
        """Its number."""
        return self.specification.wanted.category

    @property
    def source(self) -> NDArray[np.int64]:
        """(n,) the data source: 256 times its system area code plus its system identification code."""
        return self.raw(SAC) * 256 + self.raw(SIC)

    def raw(self, path: str) -> NDArray[np.int64]:
        """Return (n,) numbers as they are written, unsigned, -1 where absent."""
        numbers: NDArray[np.int64] = self.values[self.specification.slots[path]]
        return numbers

    def is_set(self, path: str) -> NDArray[np.bool_]:
        """Return (n,) whether a flag is there and set."""
        flags: NDArray[np.bool_] = self.raw(path) == 1
        return flags

    def quantity(self, path: str) -> NDArray[np.float64]:
        """Return (n,) values with sign and scale of the edition that read them, NaN where absent."""
        slot = self.specification.slots[path]
        found = np.empty(len(self))
        negative_from, scales = self.specification.negative_from[slot], self.specification.scales[slot]
        _scale(self.values[slot], self.edition, negative_from, scales, found)
        return found

    def quantity_ns(self, path: str) -> NDArray[np.int64]:
        """Return (n,) a time in nanoseconds, -1 where absent."""
        seconds = self.quantity(path)
        return np.where(np.isnan(seconds), ABSENT, np.rint(np.nan_to_num(seconds) * NS_PER_S)).astype(np.int64)

    def call_sign(self, path: str) -> NDArray[np.str_]:
        """Return (n,) texts of eight letters of six bits each, without the blanks at the end; "" where absent."""
        raw = np.maximum(self.raw(path), 0)
        codes = raw[:, None] >> np.arange(6 * (CALL_SIGN_LENGTH - 1), -1, -6) & 63
        letters = ICAO_LETTERS[codes]
        text = letters.view(f"<U{CALL_SIGN_LENGTH}")[:, 0] if len(letters) else np.array([], f"<U{CALL_SIGN_LENGTH}")
        return np.strings.strip(text)

    def code(self, path: str, *doubts: str) -> NDArray[np.int64]:
        """Return (n,) numbers as written, -1 also where one of the flags that cast doubt on them is set."""
        doubtful = np.zeros(len(self), np.bool_)
        for doubt in doubts:
            doubtful |= self.is_set(doubt)
        return np.where(doubtful, ABSENT, self.raw(path))

    def address(self, path: str) -> NDArray[np.int64]:
        """Return (n,) 24-bit aircraft addresses; 0 belongs to nobody and is absent."""
        raw = self.raw(path)
        return np.where(raw == 0, ABSENT, raw)

    def time_of_day_ns(self) -> tuple[NDArray[np.int64], int]:
        """Return (n,) the first of its category's times that each record has and can have, else -1, and its period.

        The period is a day, or less where the item has too few bits to count a day.
        """
        period_ns = NS_PER_DAY
        time_ns = np.full(len(self), ABSENT)
        for path in reversed(self.specification.wanted.times):
            for field in [edition.fields[path] for edition in self.specification.editions if path in edition.fields]:
                period_ns = min(period_ns, round(field.scale * (1 << field.bits) * NS_PER_S))
            other = self.quantity_ns(path)
            time_ns = np.where(other == ABSENT, time_ns, other)
        return np.where(time_ns < period_ns, time_ns, ABSENT), period_ns


@kernel
def _scale(
    raw: NDArray[np.int64],
    edition: NDArray[np.int64],
    negative_from: NDArray[np.int64],
    scales: NDArray[np.float64],
    found: NDArray[np.float64],
) -> None:
    """Fill (n,) `found` with raw numbers in SI units, each as its edition says; NaN where absent."""
    for i in range(len(raw)):
        number, half = raw[i], negative_from[edition[i]]
        if number == ABSENT:
            found[i] = np.nan
        elif half > 0 and number >= half:
            found[i] = (number - 2 * half) * scales[edition[i]]
        else:
            found[i] = number * scales[edition[i]]
