"""The records of one category as columns: SI units and radians, NaN or -1 where a record does not say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from asterix import base
from numpy.typing import NDArray

from noroshi.formats.asterix.blocks import HEAD, SAC, SIC, CategoryRows
from noroshi.formats.asterix.layout import ABSENT, Edition
from noroshi.geo.time import NS_PER_DAY, NS_PER_S

ICAO_LETTERS = np.array([base.StringICAO.to_char(code) or " " for code in range(64)], "<U1")
CALL_SIGN_LENGTH = 8


@dataclass(frozen=True)
class Table:
    """n records of one category, in the order of the recording.

    Attributes:
        category: its number.
        editions: those that libasterix knows, newest first.
        columns: path -> which column of `values`.
        values: (n, k) raw unsigned numbers, -1 where a record has no such field.
        time_ns: (n,) when each record was so.
        is_timed: (n,) whether the record itself says when.
    """

    category: int
    editions: tuple[Edition, ...]
    columns: Mapping[str, int]
    values: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    is_timed: NDArray[np.bool_]

    @classmethod
    def of(cls, category: int, rows: CategoryRows) -> Self:
        """Return what has been read of a category, not yet timed."""
        values = np.frombuffer(rows.values, np.int64).reshape(-1, len(rows.paths))
        return cls(
            category=category,
            editions=rows.editions,
            columns={path: column for column, path in enumerate(rows.paths)},
            values=values,
            time_ns=np.zeros(len(values), np.int64),
            is_timed=np.zeros(len(values), np.bool_),
        )

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.values)

    @property
    def place(self) -> NDArray[np.int64]:
        """(n,) where in the recording each record stands."""
        return self.raw(HEAD[0])

    @property
    def received_ns(self) -> NDArray[np.int64]:
        """(n,) when each record was received, -1 if nobody noted it."""
        return self.raw(HEAD[1])

    @property
    def edition(self) -> NDArray[np.int64]:
        """(n,) which of `editions` each record was read by."""
        return self.raw(HEAD[2])

    @property
    def source(self) -> NDArray[np.int64]:
        """(n,) the data source: 256 times its system area code plus its system identification code."""
        return self.raw(SAC) * 256 + self.raw(SIC)

    def raw(self, path: str) -> NDArray[np.int64]:
        """Return (n,) numbers as they are written, unsigned, -1 where absent."""
        return self.values[:, self.columns[path]]

    def is_set(self, path: str) -> NDArray[np.bool_]:
        """Return (n,) whether a flag is there and set."""
        flags: NDArray[np.bool_] = self.raw(path) == 1
        return flags

    def quantity(self, path: str) -> NDArray[np.float64]:
        """Return (n,) values with sign and scale of the edition that read them, NaN where absent."""
        raw = self.raw(path)
        half = np.zeros(len(self.editions), np.int64)
        scale = np.ones(len(self.editions))
        for i, edition in enumerate(self.editions):
            if field := edition.fields.get(path):
                half[i] = 1 << field.bits - 1 if field.signed else 1 << 61  # beyond any field
                scale[i] = field.scale
        half, scale = half[self.edition], scale[self.edition]
        return np.where(raw == ABSENT, np.nan, np.where(raw < half, raw, raw - 2 * half) * scale)

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

    def time_of_day_ns(self, paths: tuple[str, ...]) -> tuple[NDArray[np.int64], int]:
        """Return (n,) the first of these times that each record has, -1 where it has none that can be, and its period.

        The period is a day, or less where the item has too few bits to count a day.
        """
        period_ns = NS_PER_DAY
        time_ns = np.full(len(self), ABSENT)
        for path in reversed(paths):
            for field in [edition.fields[path] for edition in self.editions if path in edition.fields]:
                period_ns = min(period_ns, round(field.scale * (1 << field.bits) * NS_PER_S))
            other = self.quantity_ns(path)
            time_ns = np.where(other == ABSENT, time_ns, other)
        return np.where(time_ns < period_ns, time_ns, ABSENT), period_ns
