"""What every record has in common: columns of equal length, checked at the boundary."""

import dataclasses
import hashlib
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray


class RecordError(ValueError):
    """A batch is not what its type says: a wrong shape, a wrong dtype, columns of different length."""


Column = tuple[type, tuple[int | str, ...]]
"""A column's scalar type and its trailing shape; a string names a length that is free but equal within the batch."""


class Batch:
    """A frozen record of columns. Subclasses are dataclasses and name their array columns in `COLUMNS`."""

    __slots__ = ()
    COLUMNS: ClassVar[dict[str, Column]]
    NESTED: ClassVar[tuple[str, ...]] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(getattr(self, next(iter(self.COLUMNS))))

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some columns replaced."""
        kept = {name: getattr(self, name) for name in fields_of(type(self)) if name not in changes}
        return type(self)(**kept, **changes)


B = TypeVar("B", bound=Batch)


def fields_of(kind: type[Batch]) -> tuple[str, ...]:
    """Return the names of the fields of a kind of record, in order."""
    return _fields_of(kind)  # type: ignore[arg-type]  # mypy takes a record's __hash__ for that of its class


@cache
def _fields_of(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def check(batch: B) -> B:
    """Return `batch` if each column has the type and shape its class declares.

    Raises:
        RecordError: naming the first column that does not fit.
    """
    n = len(batch)
    free: dict[str, int] = {}
    for name, (kind, trailing) in batch.COLUMNS.items():
        column = getattr(batch, name)
        if not isinstance(column, np.ndarray):
            raise RecordError(f"{type(batch).__name__}.{name} is a {type(column).__name__}, not an array")
        if not _is_of(column.dtype, kind):
            raise RecordError(f"{type(batch).__name__}.{name} is {column.dtype}, not {kind.__name__}")
        if column.ndim != 1 + len(trailing):
            raise RecordError(f"{type(batch).__name__}.{name} has shape {column.shape}, not {(n, *trailing)}")
        if trailing:
            lengths = (
                free.setdefault(size, found) if isinstance(size, str) else size
                for size, found in zip(trailing, column.shape[1:], strict=True)
            )
            if column.shape != (n, *lengths):
                raise RecordError(f"{type(batch).__name__}.{name} has shape {column.shape}, not {(n, *trailing)}")
        elif len(column) != n:
            raise RecordError(f"{type(batch).__name__}.{name} has shape {column.shape}, not {(n, *trailing)}")
    for name in batch.NESTED:
        nested = check(getattr(batch, name))
        if len(nested) != n:
            raise RecordError(f"{type(batch).__name__}.{name} has {len(nested)} rows, not {n}")
    return batch


@lru_cache(maxsize=256)
def _is_of(dtype: np.dtype[Any], kind: type) -> bool:
    return bool(np.issubdtype(dtype, kind))


def empty(kind: type[B]) -> B:
    """Return a batch without rows of a type that has nothing but columns, each of a fixed shape."""
    columns: dict[str, Any] = {
        name: np.zeros((0, *map(int, shape)), scalar) for name, (scalar, shape) in kind.COLUMNS.items()
    }
    return kind(**columns)


def take(batch: B, rows: NDArray[Any] | slice) -> B:
    """Return the rows that an index array, a boolean mask or a slice selects, in that order."""
    at = rows if isinstance(rows, slice) or rows.dtype != np.bool_ else np.flatnonzero(rows)  # once for all columns
    changes: dict[str, Any] = {name: getattr(batch, name)[at] for name in batch.COLUMNS}
    changes |= {name: take(getattr(batch, name), at) for name in batch.NESTED}
    return batch.replace(**changes)


def concatenate(batches: Sequence[B]) -> B:
    """Join batches of one type row by row; the fields that are not columns come from the last.

    Raises:
        RecordError: if there is nothing to join.
    """
    if not batches:
        raise RecordError("nothing to join: an empty list of batches has no type")
    last = batches[-1]
    changes: dict[str, Any] = {name: np.concatenate([getattr(b, name) for b in batches]) for name in last.COLUMNS}
    changes |= {name: concatenate([getattr(b, name) for b in batches]) for name in last.NESTED}
    return last.replace(**changes)


def digest(*batches: Batch) -> str:
    """Return the SHA-256 of every field of every batch, in order: equal digests mean equal bytes."""
    running = hashlib.sha256()
    for batch in batches:
        running.update(type(batch).__name__.encode())
        for field in dataclasses.fields(batch):  # type: ignore[arg-type]
            value = getattr(batch, field.name)
            running.update(field.name.encode())
            if isinstance(value, Batch):
                running.update(digest(value).encode())
            elif isinstance(value, np.ndarray):
                running.update(f"{value.dtype.str}{value.shape}".encode())
                running.update(np.ascontiguousarray(value).tobytes())
            else:
                running.update(repr(value).encode())
    return running.hexdigest()
