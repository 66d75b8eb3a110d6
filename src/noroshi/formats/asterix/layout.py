"""How a record is laid out: readers of bytes, built from the specification tables of libasterix.

libasterix is the authority on sizes, signs, scales and optional parts. Its own parser makes an object of every bit
(1,700 records a second); the readers here walk the same tables and pick only the fields that are asked for. Tests hold
the two to the same answer, for good records and for damaged ones.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from asterix import base

ABSENT = -1  # no field of 62 bits or less can have it: all are read as unsigned numbers

CUT_SHORT = "cut short"
UNDEFINED = "an item that the specification does not define"

# What one of each unit of the specifications is in SI units and radians.
SI = {
    "": 1.0,
    "s": 1.0,
    "m": 1.0,
    "m/s": 1.0,
    "°": np.pi / 180.0,
    "NM": 1852.0,
    "NM/s": 1852.0,
    "kt": 1852.0 / 3600.0,
    "ft": 0.3048,
    "ft/min": 0.3048 / 60.0,
    "FL": 30.48,
}

Reader: TypeAlias = Callable[[bytes, int, int, list[int]], int]
"""(data, position, end, row) -> position after; fills the row's slots; raises `LayoutError`."""


class LayoutError(ValueError):
    """A record does not follow its specification. The message completes "category 048: ..."."""


@dataclass(frozen=True, slots=True)
class Field:
    """How one number of a record is written: its size, its sign, and how much SI one step is."""

    bits: int
    signed: bool
    scale: float


class Edition:
    """One edition of a category: reads a record into a row of raw numbers.

    Attributes:
        number: (major, minor).
        fields: those of the wanted paths ("380/ADR") that this edition has.
    """

    def __init__(self, specification: Any, slots: Mapping[str, int]) -> None:
        """Build the readers of libasterix's `Cat_...` class for the wanted paths."""
        self.number: tuple[int, int] = specification.cv_edition
        self.fields: dict[str, Field] = {}
        uap = specification.cv_uap
        if issubclass(uap, base.UapMultiple):
            path, names = uap.cv_selector
            self._selector = slots["/".join(path)]
            self._readers = [(value, _record(uap.cv_uaps[name], slots, self.fields)) for value, name in names.items()]
        else:
            self._selector = -1
            self._readers = [(ABSENT, _record(uap.cv_record, slots, self.fields))]

    def read(self, data: bytes, pos: int, end: int, row: list[int]) -> int:
        """Fill `row` from the record at `pos` and return where the next one begins.

        Raises:
            LayoutError: if the bytes up to `end` hold no such record.
        """
        if self._selector < 0:
            return self._readers[0][1](data, pos, end, row)
        reason = LayoutError("a record that does not say of which sort it is")
        for value, reader in self._readers:
            attempt = row.copy()
            try:
                stop = reader(data, pos, end, attempt)
            except LayoutError as error:
                reason = error
                continue
            if attempt[self._selector] == value:
                row[:] = attempt
                return stop
        raise reason


@lru_cache(maxsize=64)
def editions(category: int, paths: tuple[str, ...]) -> tuple[Edition, ...]:
    """Return the editions of a category that libasterix knows, newest first; the row's slots are the paths' order."""
    from asterix import generated  # here, because it takes seconds and most runs read no ASTERIX

    slots = {path: slot for slot, path in enumerate(paths)}
    return tuple(Edition(specification, slots) for specification in reversed(generated.manifest["CATS"][category]))


def _record(specification: Any, slots: Mapping[str, int], fields: dict[str, Field]) -> Reader:
    items: list[Reader | None] = []
    for item in specification.cv_items_list:
        if issubclass(item, base.UapItem):
            items.append(_item(item.cv_non_spare, item.cv_non_spare.cv_name, slots, fields))
        elif issubclass(item, base.UapItemRFS):
            items.append(_random_sequence(items))
        else:
            items.append(None)
    return _flagged(items, specification.cv_fspec_max_bytes)


def _variation(named: Any) -> Any:
    """Return the structure of a named item; where it depends on other items, the one that is used to find its end."""
    return getattr(named.cv_rule, "cv_default_variation", None) or named.cv_rule.cv_variation


def _item(named: Any, path: str, slots: Mapping[str, int], fields: dict[str, Field]) -> Reader:
    return _structure(_variation(named), path, slots, fields)


def _structure(variation: Any, path: str, slots: Mapping[str, int], fields: dict[str, Field]) -> Reader:
    if issubclass(variation, base.Element | base.Group):
        bits, elements = _flatten(variation, path)
        return _fixed(bits // 8, _leaves(bits, elements, slots, fields))
    if issubclass(variation, base.Extended):
        return _extended(list(_parts(variation, path, slots, fields)))
    if issubclass(variation, base.Repetitive):
        inner = variation.cv_variation
        if variation.cv_rep_bytes is None:
            return _chained((_flatten(inner, path)[0] + 1) // 8)
        return _repeated(variation.cv_rep_bytes, _structure(inner, path, {}, fields))
    if issubclass(variation, base.Explicit):
        return _explicit
    items = [
        None if part is None else _item(part, f"{path}/{part.cv_name}", slots, fields)
        for part in variation.cv_items_list
    ]
    return _flagged(items, variation.cv_fspec_max_bytes)


def _flatten(variation: Any, path: str) -> tuple[int, list[tuple[str, Any, int]]]:
    """Return the bits of a structure of fixed size, and its elements as (path, specification, first bit)."""
    if issubclass(variation, base.Element):
        return variation.cv_bit_size, [(path, variation, 0)]
    size = 0
    elements: list[tuple[str, Any, int]] = []
    for part, bits in variation.cv_items_list:
        if issubclass(part, base.Item):
            named = part.cv_non_spare
            _, inner = _flatten(_variation(named), f"{path}/{named.cv_name}")
            elements += [(name, element, size + first) for name, element, first in inner]
        size += bits
    return size, elements


def _leaves(
    bits: int, elements: Sequence[tuple[str, Any, int]], slots: Mapping[str, int], fields: dict[str, Field]
) -> list[tuple[int, int, int]]:
    """Return (slot, bits below it, mask) of the wanted elements and note their fields."""
    leaves = []
    for path, element, first in elements:
        if path in slots:
            size = element.cv_bit_size
            fields[path] = _field(element)
            leaves.append((slots[path], bits - first - size, (1 << size) - 1))
    return leaves


def _field(element: Any) -> Field:
    rule = element.cv_rule
    content = getattr(rule, "cv_content", None) or rule.cv_default_content
    signed = getattr(content, "cv_signedness", None) is base.Signed
    scale = content.cv_lsb * SI[content.cv_unit] if issubclass(content, base.ContentQuantity) else 1.0
    return Field(element.cv_bit_size, signed, scale)


def _parts(
    variation: Any, path: str, slots: Mapping[str, int], fields: dict[str, Field]
) -> Iterator[tuple[int, list[tuple[int, int, int]], bool]]:
    """Yield (bytes, leaves, whether its last bit says that another follows) of each part of an extended item."""
    for part in variation.cv_items_list:
        size = 0
        elements: list[tuple[str, Any, int]] = []
        for item in part:
            if item is None:
                size += 1
                continue
            specification, bits = item
            if issubclass(specification, base.Item):
                named = specification.cv_non_spare
                _, inner = _flatten(_variation(named), f"{path}/{named.cv_name}")
                elements += [(name, element, size + first) for name, element, first in inner]
            size += bits
        yield size // 8, _leaves(size, elements, slots, fields), part[-1] is None


def _fixed(size: int, leaves: Sequence[tuple[int, int, int]]) -> Reader:
    def read(data: bytes, pos: int, end: int, row: list[int]) -> int:
        stop = pos + size
        if stop > end:
            raise LayoutError(CUT_SHORT)
        if leaves:
            word = int.from_bytes(data[pos:stop], "big")
            for slot, below, mask in leaves:
                row[slot] = word >> below & mask
        return stop

    return read


def _extended(parts: Sequence[tuple[int, Sequence[tuple[int, int, int]], bool]]) -> Reader:
    def read(data: bytes, pos: int, end: int, row: list[int]) -> int:
        for size, leaves, extensible in parts:
            stop = pos + size
            if stop > end:
                raise LayoutError(CUT_SHORT)
            word = int.from_bytes(data[pos:stop], "big")
            for slot, below, mask in leaves:
                row[slot] = word >> below & mask
            pos = stop
            if not extensible or not word & 1:
                return pos
        raise LayoutError(UNDEFINED)

    return read


def _chained(size: int) -> Reader:
    def read(data: bytes, pos: int, end: int, _row: list[int]) -> int:
        while True:
            pos += size
            if pos > end:
                raise LayoutError(CUT_SHORT)
            if not data[pos - 1] & 1:
                return pos

    return read


def _repeated(count_bytes: int, inner: Reader) -> Reader:
    def read(data: bytes, pos: int, end: int, row: list[int]) -> int:
        stop = pos + count_bytes
        if stop > end:
            raise LayoutError(CUT_SHORT)
        for _ in range(int.from_bytes(data[pos:stop], "big")):
            stop = inner(data, stop, end, row)
        return stop

    return read


def _explicit(data: bytes, pos: int, end: int, _row: list[int]) -> int:
    if pos >= end or pos + data[pos] > end:
        raise LayoutError(CUT_SHORT)
    if not data[pos]:
        raise LayoutError("an explicit item of length 0")
    return pos + data[pos]


def _flagged(items: Sequence[Reader | None], flag_bytes_max: int) -> Reader:
    """Return the reader of a record or a compound item: bits that say which parts follow, then the parts."""

    @lru_cache(maxsize=4096)
    def selected(flags: bytes) -> tuple[Reader, ...]:
        if len(flags) > flag_bytes_max:
            raise LayoutError(UNDEFINED)
        numbers = [7 * i + bit for i, byte in enumerate(flags) for bit in range(7) if byte & 128 >> bit]
        chosen = [items[number] if number < len(items) else None for number in numbers]
        readers = tuple(reader for reader in chosen if reader is not None)
        if len(readers) < len(chosen):
            raise LayoutError(UNDEFINED)
        return readers

    def read(data: bytes, pos: int, end: int, row: list[int]) -> int:
        stop = pos + 1
        while stop <= end and data[stop - 1] & 1:
            stop += 1
        if stop > end:
            raise LayoutError(CUT_SHORT)
        for reader in selected(data[pos:stop]):
            stop = reader(data, stop, end, row)
        return stop

    return read


def _random_sequence(items: Sequence[Reader | None]) -> Reader:
    """Return the reader of random field sequencing: a count, then items that each name themselves by number."""

    def read(data: bytes, pos: int, end: int, row: list[int]) -> int:
        if pos >= end:
            raise LayoutError(CUT_SHORT)
        stop = pos + 1
        for _ in range(data[pos]):
            if stop >= end:
                raise LayoutError(CUT_SHORT)
            reader = items[data[stop] - 1] if 0 < data[stop] <= len(items) else None
            if reader is None or reader is read:
                raise LayoutError(UNDEFINED)
            stop = reader(data, stop + 1, end, row)
        return stop

    return read
