"""How records are laid out: the specification tables of libasterix, flattened to integers that kernels walk.

libasterix is the authority on sizes, signs, scales and optional parts. Its own parser makes an object of every bit;
here the structure of a category becomes nodes in one table, whatever the category, and `walking.py` goes along them and
picks the fields that are asked for. Tests hold the two to the same answer, for good records and for damaged ones.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Self, TypeAlias

import numpy as np
from asterix import base
from numpy.typing import NDArray

from noroshi.geo.time import S_PER_DAY
from noroshi.geo.units import FOOT_M, FOOT_PER_MINUTE_M_S, KNOT_M_S, NAUTICAL_MILE_M

ABSENT = -1  # no field can have it: all are read as unsigned numbers
SAC, SIC = "010/SAC", "010/SIC"
FIELD_BITS_MAX = 56  # what a shifted int64 holds of bytes that begin anywhere

# What a node is. Its columns: kind, size [bytes], first and last + 1 of its leaves or parts, the node that follows.
FIXED = 0  # `size` bytes with leaves; where the last bit is set, and `following` is a node, that one comes next
COUNTED = 1  # `size` bytes of a count, then the node `first` so many times
EXPLICIT = 2  # one byte that says how many there are with it
FLAGGED = 3  # at most `size` bytes of flags, then the parts that they name, in order
NUMBERED = 4  # one byte that is the number of a part, then that part
NODE_COLUMNS = 5
NOTHING = -1  # no node: as a part, the specification defines none here; as what follows, the last bit says nothing
UNDEFINED_NODE = -2  # what follows where a last bit promises more than the specification defines

# What one of each unit of the specifications is in SI units and radians.
SI = {
    "": 1.0,
    "s": 1.0,
    "m": 1.0,
    "m/s": 1.0,
    "°": np.pi / 180.0,
    "NM": NAUTICAL_MILE_M,
    "NM/s": NAUTICAL_MILE_M,
    "kt": KNOT_M_S,
    "ft": FOOT_M,
    "ft/min": FOOT_PER_MINUTE_M_S,
    "FL": 100.0 * FOOT_M,
}


@dataclass(frozen=True, slots=True)
class Field:
    """How one number of a record is written: its size, its sign, and how much SI one step is."""

    bits: int
    signed: bool
    scale: float


@dataclass(frozen=True, slots=True)
class Edition:
    """One edition of a category: its number (major, minor), and those of the wanted fields ("380/ADR") that it has."""

    number: tuple[int, int]
    fields: Mapping[str, Field]


class Layout(NamedTuple):
    """Tables of all editions of some categories, for kernels. A row of raw numbers has a slot for each wanted field.

    Attributes:
        nodes: (n, 5) kind, size, first, last + 1, following; see the constants above. Parts come before their whole.
        parts: (p,) nodes, `NOTHING` where the specification leaves a place empty.
        leaves: (l, 5) slot, first byte in the node, bytes, bits below the number, mask.
        sorts: (s, 2) value of the selector, and the node of such a record.
        editions: (e, 4) category, first and last + 1 of its sorts, slot of the selector (`ABSENT`: there is one sort).
        time_limits: (e, t) first raw number that is no time of day, of each of the slots from 2 on; 0 in other slots.
        categories: (256, 2) first and last + 1 of the editions of each category, newest first.
        stack_rows: how many nodes can be waiting while a record is walked.
        head_slots: how many slots a row needs for SAC, SIC, the times and the selector of any category.
    """

    nodes: NDArray[np.int64]
    parts: NDArray[np.int64]
    leaves: NDArray[np.int64]
    sorts: NDArray[np.int64]
    editions: NDArray[np.int64]
    time_limits: NDArray[np.int64]
    categories: NDArray[np.int64]
    stack_rows: int
    head_slots: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """The fields that are wanted of a category: SAC and SIC first, then those that say when, then the others."""

    category: int
    times: tuple[str, ...]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Specification:
    """What the editions of a category say of its wanted fields.

    Attributes:
        wanted: which category, and the k fields; a field's slot is its place among them.
        slots: path -> slot.
        editions: the e that libasterix knows, newest first.
        negative_from: (k, e) first raw number that stands for a negative one, 2 ** (bits - 1); 0 where none does.
        scales: (k, e) how much SI one step is.
    """

    wanted: Wanted
    slots: Mapping[str, int]
    editions: tuple[Edition, ...]
    negative_from: NDArray[np.int64]
    scales: NDArray[np.float64]

    @classmethod
    def of(cls, wanted: Wanted, editions: tuple[Edition, ...]) -> Self:
        """Return the specification of a category."""
        fields = [[edition.fields.get(path) for edition in editions] for path in wanted.paths]
        return cls(
            wanted=wanted,
            slots={path: slot for slot, path in enumerate(wanted.paths)},
            editions=editions,
            negative_from=np.array([[1 << f.bits - 1 if f and f.signed else 0 for f in row] for row in fields]),
            scales=np.array([[f.scale if f else 1.0 for f in row] for row in fields]),
        )


Elements: TypeAlias = list[tuple[str, Any, int]]
"""(path, specification, first bit) of each element of a structure"""


@lru_cache(maxsize=16)
def layout_of(wanted: tuple[Wanted, ...]) -> tuple[Layout, Mapping[int, Specification]]:
    """Return the tables of all editions that libasterix knows of these categories, and what they say of each."""
    from asterix import generated  # here, because it takes seconds and most runs read no ASTERIX

    builder = _Builder()
    for category in wanted:
        if category.paths[: 2 + len(category.times)] != (SAC, SIC, *category.times):
            raise ValueError(f"category {category.category:03d}: its paths must begin with SAC, SIC and the times")
        builder.add_category(category, reversed(generated.manifest["CATS"][category.category]))
    return builder.layout(), builder.known


class _Builder:
    """Flattens specifications, part before whole."""

    def __init__(self) -> None:
        self.known: dict[int, Specification] = {}
        self._nodes: list[tuple[int, ...]] = []
        self._waiting: list[int] = []  # of each node, how many can be waiting while it is walked
        self._parts: list[int] = []
        self._leaves: list[tuple[int, ...]] = []
        self._sorts: list[tuple[int, int]] = []
        self._editions: list[tuple[int, int, int, int]] = []
        self._time_limits: list[list[int]] = []
        self._categories = np.zeros((256, 2), np.int64)
        self._slots: Mapping[str, int] = {}
        self._fields: dict[str, Field] = {}
        self._head_slots = 0

    def layout(self) -> Layout:
        """Return the tables."""
        n_times = max(map(len, self._time_limits))
        return Layout(
            nodes=np.array(self._nodes, np.int64).reshape(-1, NODE_COLUMNS),
            parts=np.array(self._parts, np.int64),
            leaves=np.array(self._leaves, np.int64).reshape(-1, 5),
            sorts=np.array(self._sorts, np.int64),
            editions=np.array(self._editions, np.int64),
            time_limits=np.array([limits + [0] * (n_times - len(limits)) for limits in self._time_limits], np.int64),
            categories=self._categories,
            stack_rows=max(self._waiting) + 1,
            head_slots=self._head_slots,
        )

    def add_category(self, wanted: Wanted, specifications: Iterator[Any]) -> None:
        """Add the editions of a category."""
        self._slots = {path: slot for slot, path in enumerate(wanted.paths)}
        self._head_slots = max(self._head_slots, 2 + len(wanted.times))
        first = len(self._editions)
        editions = tuple(self._edition(wanted, specification) for specification in specifications)
        self.known[wanted.category] = Specification.of(wanted, editions)
        self._categories[wanted.category] = first, len(self._editions)

    def _edition(self, wanted: Wanted, specification: Any) -> Edition:
        self._fields = {}
        uap = specification.cv_uap
        first, selector = len(self._sorts), ABSENT
        if issubclass(uap, base.UapMultiple):
            path, names = uap.cv_selector
            selector = self._slots["/".join(path)]
            self._head_slots = max(self._head_slots, selector + 1)
            roots = [(value, self._record(uap.cv_uaps[name])) for value, name in names.items()]
        else:
            roots = [(ABSENT, self._record(uap.cv_record))]
        self._sorts += roots
        self._editions.append((wanted.category, first, len(self._sorts), selector))
        times = [self._fields.get(path) for path in wanted.times]
        self._time_limits.append([0 if field is None else math.ceil(S_PER_DAY / field.scale) for field in times])
        return Edition(specification.cv_edition, self._fields)

    def _add(self, kind: int, size: int, first: int = 0, last: int = 0, following: int = NOTHING) -> int:
        within = {COUNTED: [first], FLAGGED: self._parts[first:last], NUMBERED: self._parts[first:last]}.get(kind, [])
        waiting = 1 if kind == COUNTED else len(within)
        self._waiting.append(1 + waiting + max((self._waiting[part] for part in within if part >= 0), default=0))
        self._nodes.append((kind, size, first, last, following))
        return len(self._nodes) - 1

    def _add_parts(self, kind: int, size: int, parts: Sequence[int]) -> int:
        first = len(self._parts)
        self._parts += parts
        return self._add(kind, size, first, len(self._parts))

    def _record(self, specification: Any) -> int:
        items = specification.cv_items_list
        parts = [
            self._item(item.cv_non_spare, item.cv_non_spare.cv_name) if issubclass(item, base.UapItem) else NOTHING
            for item in items
        ]
        for place, item in enumerate(items):
            if issubclass(item, base.UapItemRFS):  # random field sequencing: a count, then items with their numbers
                parts[place] = self._add(COUNTED, 1, self._add_parts(NUMBERED, 1, parts))
        return self._add_parts(FLAGGED, specification.cv_fspec_max_bytes, parts)

    def _item(self, named: Any, path: str) -> int:
        return self._structure(_variation(named), path)

    def _structure(self, variation: Any, path: str) -> int:
        if issubclass(variation, base.Element | base.Group):
            return self._fixed(*_flatten(variation, path))
        if issubclass(variation, base.Extended):
            following = UNDEFINED_NODE
            for bits, elements, extends in reversed(list(_extents(variation, path))):
                following = self._fixed(bits, elements, following if extends else NOTHING)
            return following
        if issubclass(variation, base.Repetitive):
            return self._repetitive(variation, path)
        if issubclass(variation, base.Explicit):
            return self._add(EXPLICIT, 1)
        parts = [
            NOTHING if part is None else self._item(part, f"{path}/{part.cv_name}") for part in variation.cv_items_list
        ]
        return self._add_parts(FLAGGED, variation.cv_fspec_max_bytes, parts)

    def _repetitive(self, variation: Any, path: str) -> int:
        """Add what may come several times; no field of it can be wanted, a row has but one slot for each."""
        slots, self._slots = self._slots, {}
        inner = variation.cv_variation
        if variation.cv_rep_bytes is None:
            bits, elements = _flatten(inner, path)
            found = self._fixed(bits + 1, elements, len(self._nodes))
        else:
            found = self._add(COUNTED, variation.cv_rep_bytes, self._structure(inner, path))
        self._slots = slots
        return found

    def _fixed(self, bits: int, elements: Elements, following: int = NOTHING) -> int:
        """Add bytes of fixed number, with the leaves of the wanted elements."""
        first = len(self._leaves)
        for path, element, start in elements:
            if path in self._slots:
                stop = start + element.cv_bit_size
                n_bytes = (stop + 7) // 8 - start // 8
                if 8 * n_bytes > FIELD_BITS_MAX:
                    raise ValueError(f"{path} spans {n_bytes} bytes: that is more than can be read")
                self._fields[path] = _field(element)
                mask = (1 << element.cv_bit_size) - 1
                self._leaves.append((self._slots[path], start // 8, n_bytes, -stop % 8, mask))
        return self._add(FIXED, bits // 8, first, len(self._leaves), following)


def _variation(named: Any) -> Any:
    """Return the structure of a named item; where it depends on other items, the one that is used to find its end."""
    return getattr(named.cv_rule, "cv_default_variation", None) or named.cv_rule.cv_variation


def _flatten(variation: Any, path: str) -> tuple[int, Elements]:
    """Return the bits of a structure of fixed size, and its elements."""
    if issubclass(variation, base.Element):
        return variation.cv_bit_size, [(path, variation, 0)]
    return _sequence(variation.cv_items_list, path)


def _sequence(parts: Sequence[tuple[Any, int]], path: str) -> tuple[int, Elements]:
    """Return the bits of parts one after the other, and their elements."""
    size = 0
    elements: Elements = []
    for part, bits in parts:
        if issubclass(part, base.Item):
            named = part.cv_non_spare
            _, inner = _flatten(_variation(named), f"{path}/{named.cv_name}")
            elements += [(name, element, size + first) for name, element, first in inner]
        size += bits
    return size, elements


def _extents(variation: Any, path: str) -> Iterator[tuple[int, Elements, bool]]:
    """Yield (bits, elements, whether its last bit says that another follows) of each part of an extended item."""
    for part in variation.cv_items_list:
        extends = part[-1] is None
        bits, elements = _sequence(part[:-1] if extends else part, path)
        yield bits + extends, elements, extends


def _field(element: Any) -> Field:
    rule = element.cv_rule
    content = getattr(rule, "cv_content", None) or rule.cv_default_content
    signed = getattr(content, "cv_signedness", None) is base.Signed
    scale = content.cv_lsb * SI[content.cv_unit] if issubclass(content, base.ContentQuantity) else 1.0
    return Field(element.cv_bit_size, signed, scale)
