"""An outbox's store that does not survive: for exercises in one process, and the measure of those that do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from noroshi.sharing.envelope import FIRST
from noroshi.sharing.label import decode, encode
from noroshi.sharing.parcels import Parcel, Rows, Sealed
from noroshi.sharing.rules import Product


@dataclass(slots=True)
class MemoryState:
    """Keeps a node's small values in a dictionary."""

    values: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, value: bytes | None) -> None:
        """Keep a value; None forgets it."""
        self.put_all({key: value})

    def put_all(self, values: Mapping[str, bytes | None]) -> None:
        """Keep values; None forgets."""
        for key, value in values.items():
            self.values.pop(key, None)
            if value is not None:
                self.values[key] = value

    def get(self, key: str) -> bytes | None:
        """Return a value, None if there is none."""
        return self.values.get(key)


@dataclass(slots=True)
class MemoryStore:
    """Keeps what an outbox keeps, in dictionaries; an `Outbox` made anew on it goes on where the last one was."""

    parcels: dict[int, Parcel] = field(default_factory=dict)
    waits: dict[int, set[int]] = field(default_factory=dict)
    messages: dict[int, tuple[Sealed, bytes | None]] = field(default_factory=dict)
    last_message: tuple[int, bytes] = (0, FIRST)
    last_told: dict[tuple[Product, int], tuple[str, Rows, int]] = field(default_factory=dict)
    highest: int = 0
    noted_policy: str = ""

    def state(self) -> dict[str, Any]:
        """Return everything that is kept, as plain data."""
        return {
            "parcels": [_plain(parcel) for _, parcel in sorted(self.parcels.items())],
            "waits": [[number, sorted(rows)] for number, rows in sorted(self.waits.items())],
            "messages": [[_plain(sealed), message] for _, (sealed, message) in sorted(self.messages.items())],
            "last": list(self.last_message),
            "highest": self.highest,
            "policy": self.noted_policy,
            "told": [
                [*key, rule, _plain(rows.take(np.array([i])))]
                for key, (rule, rows, i) in sorted(self.last_told.items())
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Keep what `state` says and nothing else.

        Raises:
            KeyError, TypeError, ValueError: if it is no such state.
        """
        parcels = [_parcel(content) for content in state["parcels"]]
        self.parcels = {parcel.parcel: parcel for parcel in parcels}
        self.waits = {number: set(rows) for number, rows in state["waits"]}
        messages = [(_sealed(sealed), message) for sealed, message in state["messages"]]
        self.messages = {sealed.seq: (sealed, message) for sealed, message in messages}
        self.last_message, self.highest = (state["last"][0], state["last"][1]), state["highest"]
        self.noted_policy = state["policy"]
        self.last_told = {
            (Product(product), number): (rule, _rows(rows), 0) for product, number, rule, rows in state["told"]
        }

    def put(self, parcel: Parcel) -> None:
        """Keep a parcel."""
        self.parcels[parcel.parcel] = parcel
        self.highest = max(self.highest, parcel.parcel)
        self.waits[parcel.parcel] = set(parcel.rows.row.tolist())

    def body(self, parcel: int) -> bytes:
        """Return the body of a parcel."""
        return self.parcels[parcel].body

    def seal(self, rows: Rows, sealed: Sealed, message: bytes) -> None:
        """Keep a message instead of its rows."""
        for i, name in enumerate(rows.number.tolist()):
            before = self.last_told.get((sealed.product, name))
            if before is None or before[1].time_ns[before[2]] <= rows.time_ns[i]:
                self.last_told[sealed.product, name] = (sealed.rules[0], rows, i)
        self.messages[sealed.seq] = (sealed, message)
        self.last_message = (sealed.seq, sealed.digest)
        self.drop(rows)

    def drop(self, rows: Rows) -> None:
        """Let rows not wait any more."""
        gone: dict[int, set[int]] = {}
        for number, row in zip(rows.parcel.tolist(), rows.row.tolist(), strict=True):
            gone.setdefault(number, set()).add(row)
        for number, some in gone.items():
            self.waits[number] -= some
            if not self.waits[number]:
                del self.waits[number], self.parcels[number]

    def withdraw(self, seqs: Sequence[int]) -> None:
        """Forget the content of messages."""
        for seq in seqs:
            self.messages[seq] = (replace(self.messages[seq][0], withdrawn=True, rules=()), None)

    def forget_told(self, told: Sequence[tuple[Product, int]]) -> None:
        """Forget that the recipient was told of these."""
        for key in told:
            self.last_told.pop(key, None)

    def acknowledge(self, seq: int) -> None:
        """Forget all messages up to one."""
        self.messages = {number: kept for number, kept in self.messages.items() if number > seq}

    def message(self, seq: int) -> bytes | None:
        """Return a message, None if it is not to be had."""
        return self.messages[seq][1] if seq in self.messages else None

    def waiting(self) -> Iterable[tuple[Parcel, Rows]]:
        """Return the parcels of which rows wait, rising, with those rows."""
        for number in sorted(self.parcels):
            parcel = self.parcels[number]
            yield parcel, parcel.rows.take(np.isin(parcel.rows.row, sorted(self.waits[number])))

    def sealed(self) -> Iterable[Sealed]:
        """Return the messages that are not acknowledged, rising."""
        return [self.messages[seq][0] for seq in sorted(self.messages)]

    def last(self) -> tuple[int, bytes]:
        """Return the number and the hash of the last message."""
        return self.last_message

    def last_parcel(self) -> int:
        """Return the highest number of a parcel that was ever put."""
        return self.highest

    def policy(self) -> str:
        """Return the digest of the policy that all that is kept agrees with."""
        return self.noted_policy

    def note_policy(self, digest: str) -> None:
        """Note that all that is kept agrees with a policy."""
        self.noted_policy = digest

    def told(self) -> Iterable[tuple[Product, str, Rows]]:
        """Return what the recipient was told, each with the rule that released it, and the latest row."""
        return [
            (product, rule, rows.take(np.array([i])))
            for (product, _), (rule, rows, i) in sorted(self.last_told.items(), key=lambda item: item[0])
        ]


def _plain(record: Parcel | Sealed | Rows) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for each in fields(record):
        value = getattr(record, each.name)
        if isinstance(value, Rows):
            value = _plain(value)
        elif isinstance(value, np.ndarray):
            value = [value.dtype.str, list(value.shape), value.tobytes()]
        elif each.name == "label":
            value = encode(value)
        content[each.name] = value
    return content


def _rows(content: dict[str, Any]) -> Rows:
    return Rows(**{
        name: np.frombuffer(data, dtype).reshape(shape).copy() for name, (dtype, shape, data) in content.items()
    })  # fmt: skip


def _parcel(content: dict[str, Any]) -> Parcel:
    label = decode(content["label"])
    if label is None:
        raise ValueError("a parcel without a label")
    changes = {"product": Product(content["product"]), "label": label, "rules": tuple(content["rules"])}
    return Parcel(**{**content, **changes, "rows": _rows(content["rows"])})


def _sealed(content: dict[str, Any]) -> Sealed:
    return Sealed(**{**content, "product": Product(content["product"]), "rules": tuple(content["rules"])})
