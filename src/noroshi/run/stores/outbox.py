"""Outboxes that survive, and small values beside them, in one SQLite file.

A file belongs to one node and holds any number of recipients' outboxes, so that one commit can cover all that a step
of the node did (`StoreFile.together`). It is in write-ahead mode with `synchronous = FULL`: what a call returned for is
on the disk even if the power fails. `NORMAL` would be enough against kill -9, but after a power cut the last messages
could be forgotten that were sent, their numbers would be given out a second time, and their recipient would refuse all
that follows as another chain. An exercise can be run again and may say `NORMAL`.

Rows are kept as blocks of columns, as they come: what waits of a parcel is a bit for each row, and what a recipient was
told is a log that is folded when it has grown.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from noroshi.formats.columns import pack_arrays, unpack_arrays
from noroshi.run.stores.sqlite import SqliteFile, Synchronous
from noroshi.sharing.envelope import FIRST
from noroshi.sharing.label import decode, encode
from noroshi.sharing.parcels import Parcel, Rows, Sealed
from noroshi.sharing.rules import Product

Note = Callable[[Rows, Sealed], None]

LOGGED_MAX = 10_000  # rows told beyond twice those that count, until the log is folded
TABLES = """
CREATE TABLE box (box INTEGER PRIMARY KEY, recipient TEXT UNIQUE, seq INTEGER, digest BLOB, parcel INTEGER,
    policy TEXT);
CREATE TABLE parcel (box INTEGER, parcel INTEGER, product TEXT, label TEXT, policy TEXT, rules TEXT, rows BLOB,
    body BLOB, PRIMARY KEY (box, parcel));
CREATE TABLE waits (box INTEGER, parcel INTEGER, rows BLOB, PRIMARY KEY (box, parcel)) WITHOUT ROWID;
CREATE TABLE message (box INTEGER, seq INTEGER, digest BLOB, product TEXT, rules TEXT, expires_ns INTEGER,
    withdrawn INTEGER, message BLOB, PRIMARY KEY (box, seq));
CREATE TABLE told (id INTEGER PRIMARY KEY, box INTEGER, product TEXT, rule TEXT, n INTEGER, rows BLOB);
CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB);
"""


class StoreFile(SqliteFile):
    """One node's file; use as a context, from one thread.

    Args:
        path: made if it does not exist.
        synchronous: "FULL", or "NORMAL" where the last moments before a power cut may be lost.

    Raises:
        StoreError: if it is another program's or another version's file, or another process has it open.
    """

    APPLICATION = 0x6E6F726F
    VERSION = 1
    TABLES = TABLES

    def __init__(self, path: Path, *, synchronous: Synchronous = "FULL") -> None:
        self._fresh: dict[FileStore, Fresh] = {}
        super().__init__(path, synchronous=synchronous)
        self.state = FileState(self)

    def outbox(self, recipient: str, note: Note = lambda *_: None) -> "FileStore":
        """Return where a recipient's outbox survives; one at a time for each recipient.

        Args:
            recipient: whose.
            note: told of each message with its rows once it is on the disk, for the audit: a message that was noted is
                never forgotten, and one that a killed node did not come to note is found again by its number.
        """
        return FileStore(self, recipient, note)

    def fresh(self, store: "FileStore") -> "Fresh":
        """Return what an outbox has put within the present change; what is left of it is written where that ends."""
        return self._fresh.setdefault(store, {})

    def _finish(self) -> None:
        for store, fresh in self._fresh.items():
            store.write(fresh)

    def _forget(self) -> None:
        self._fresh = {}


class FileState:
    """Small values of a node by name: receivers' checkpoints, where it is in an exchange (`sharing.parcels.State`)."""

    def __init__(self, file: StoreFile) -> None:
        self._file = file

    def put(self, key: str, value: bytes | None) -> None:
        """Keep a value; None forgets it."""
        self.put_all({key: value})

    def put_all(self, values: Mapping[str, bytes | None]) -> None:
        """Keep values, all of them or none; None forgets."""
        with self._file.together() as db:
            for key, value in values.items():
                if value is None:
                    db.execute("DELETE FROM state WHERE key = ?", (key,))
                else:
                    db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (key, value))

    def get(self, key: str) -> bytes | None:
        """Return a value, None if there is none."""
        found = self._file.read("SELECT value FROM state WHERE key = ?", key)
        return bytes(found[0][0]) if found else None


class FileStore:
    """An outbox's store in a file (`sharing.parcels.Store`)."""

    def __init__(self, file: StoreFile, recipient: str, note: Note) -> None:
        self._file, self._note = file, note
        with file.together() as db:
            named = "INSERT OR IGNORE INTO box (recipient, seq, digest, parcel, policy) VALUES (?, 0, ?, 0, '')"
            db.execute(named, (recipient, FIRST))
        ((self._box,),) = file.read("SELECT box FROM box WHERE recipient = ?", recipient)
        ((self._logged,),) = file.read("SELECT coalesce(sum(n), 0) FROM told WHERE box = ?", self._box)
        self._counting = 0
        self._body: tuple[int, bytes] = (0, b"")

    def put(self, parcel: Parcel) -> None:
        """Keep a parcel: if not all of it leaves within the same change, it is written where that ends."""
        waits = np.zeros(int(parcel.rows.row.max(initial=-1)) + 1, np.bool_)
        waits[parcel.rows.row] = True
        with self._file.together() as db:
            db.execute("UPDATE box SET parcel = max(parcel, ?) WHERE box = ?", (parcel.parcel, self._box))
            self._file.fresh(self)[parcel.parcel] = (parcel, waits)

    def body(self, parcel: int) -> bytes:
        """Return the body of a parcel."""
        if parcel in (fresh := self._file.fresh(self)):
            return fresh[parcel][0].body
        if self._body[0] != parcel:
            found = self._file.read("SELECT body FROM parcel WHERE box = ? AND parcel = ?", self._box, parcel)
            if not found:
                raise KeyError(parcel)
            self._body = (parcel, bytes(found[0][0]))
        return self._body[1]

    def seal(self, rows: Rows, sealed: Sealed, message: bytes) -> None:
        """Keep a message instead of its rows."""
        with self._file.together() as db:
            self._leave(db, rows)
            db.execute(
                "INSERT OR REPLACE INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (self._box, sealed.seq, sealed.digest, sealed.product, _plain(sealed.rules), sealed.expires_ns,
                 sealed.withdrawn, message),
            )  # fmt: skip
            db.execute("UPDATE box SET seq = ?, digest = ? WHERE box = ?", (sealed.seq, sealed.digest, self._box))
            self._log(db, sealed.product, sealed.rules[0], len(rows), _packed(rows))
            self._file.then(lambda: self._note(rows, sealed))

    def drop(self, rows: Rows) -> None:
        """Let rows not wait any more."""
        with self._file.together() as db:
            self._leave(db, rows)

    def withdraw(self, seqs: Sequence[int]) -> None:
        """Forget the content of messages."""
        with self._file.together() as db:
            db.executemany(
                "UPDATE message SET message = NULL, rules = '[]', withdrawn = 1 WHERE box = ? AND seq = ?",
                [(self._box, seq) for seq in seqs],
            )

    def forget_told(self, told: Sequence[tuple[Product, int]]) -> None:
        """Forget that the recipient was told of these."""
        with self._file.together() as db:
            for product in sorted({product for product, _ in told}):
                numbers = np.array([number for kind, number in told if kind is product], np.uint64)
                self._log(db, product, None, len(numbers), numbers.tobytes())

    def acknowledge(self, seq: int) -> None:
        """Forget all messages up to one."""
        with self._file.together() as db:
            db.execute("DELETE FROM message WHERE box = ? AND seq <= ?", (self._box, seq))

    def message(self, seq: int) -> bytes | None:
        """Return a message, None if it is not to be had."""
        found = self._file.read("SELECT message FROM message WHERE box = ? AND seq = ?", self._box, seq)
        return bytes(found[0][0]) if found and found[0][0] is not None else None

    def waiting(self) -> Iterator[tuple[Parcel, Rows]]:
        """Yield the parcels of which rows wait, rising, with those rows; their bodies are left out."""
        for (number,) in self._file.read("SELECT parcel FROM waits WHERE box = ? ORDER BY parcel", self._box):
            ((product, label, policy, rules, block, bits),) = self._file.read(
                "SELECT product, label, policy, rules, parcel.rows, waits.rows FROM parcel JOIN waits "
                "USING (box, parcel) WHERE box = ? AND parcel = ?",
                self._box,
                number,
            )
            about = decode(label)
            assert about is not None
            rows = _unpacked(block)
            parcel = Parcel(
                parcel=number, product=Product(product), label=about, policy=policy, body=b"", rules=_names(rules),
                rows=rows,
            )  # fmt: skip
            yield parcel, rows.take(_flags(bits)[rows.row])

    def sealed(self) -> list[Sealed]:
        """Return the messages that are not acknowledged, rising."""
        found = self._file.read(
            "SELECT seq, digest, product, rules, expires_ns, withdrawn FROM message WHERE box = ? ORDER BY seq",
            self._box,
        )
        return [
            Sealed(
                seq=seq, digest=bytes(digest), product=Product(product), rules=_names(rules), expires_ns=expires_ns,
                withdrawn=bool(withdrawn),
            )
            for seq, digest, product, rules, expires_ns, withdrawn in found
        ]  # fmt: skip

    def last(self) -> tuple[int, bytes]:
        """Return the number and the hash of the last message."""
        ((seq, digest),) = self._file.read("SELECT seq, digest FROM box WHERE box = ?", self._box)
        return int(seq), bytes(digest)

    def last_parcel(self) -> int:
        """Return the highest number of a parcel that was ever put."""
        ((number,),) = self._file.read("SELECT parcel FROM box WHERE box = ?", self._box)
        return int(number)

    def policy(self) -> str:
        """Return the digest of the policy that all that is kept agrees with."""
        ((digest,),) = self._file.read("SELECT policy FROM box WHERE box = ?", self._box)
        return str(digest)

    def note_policy(self, digest: str) -> None:
        """Note that all that is kept agrees with a policy."""
        with self._file.together() as db:
            db.execute("UPDATE box SET policy = ? WHERE box = ?", (digest, self._box))

    def told(self) -> list[tuple[Product, str, Rows]]:
        """Return what the recipient was told, the latest row of each number, by product and rule."""
        return self._fold()

    def write(self, fresh: "Fresh") -> None:
        """Write the parcels of the present change of which rows wait."""
        with self._file.together() as db:
            for number, (parcel, waits) in fresh.items():
                if waits.any():
                    said = (parcel.product, encode(parcel.label), parcel.policy, _plain(parcel.rules))
                    db.execute(
                        "INSERT OR REPLACE INTO parcel VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        (self._box, number, *said, _packed(parcel.rows), parcel.body),
                    )
                    db.execute("INSERT OR REPLACE INTO waits VALUES (?, ?, ?)", (self._box, number, _bits(waits)))
                    self._body = (number, parcel.body)

    def _leave(self, db: sqlite3.Connection, rows: Rows) -> None:
        """Let rows not wait any more, and forget parcels of which none does."""
        order = np.argsort(rows.parcel, kind="stable")
        numbers, first = np.unique(rows.parcel[order], return_index=True)
        for number, part in zip(numbers.tolist(), np.split(order, first[1:]), strict=True):
            if number in (fresh := self._file.fresh(self)):
                fresh[number][1][rows.row[part]] = False
                continue
            key = (self._box, number)
            found = db.execute("SELECT rows FROM waits WHERE box = ? AND parcel = ?", key).fetchone()
            if found is None:
                raise KeyError(number)
            waits = _flags(found[0])
            waits[rows.row[part]] = False
            if waits.any():
                db.execute("UPDATE waits SET rows = ? WHERE box = ? AND parcel = ?", (_bits(waits), *key))
            else:
                db.execute("DELETE FROM waits WHERE box = ? AND parcel = ?", key)
                db.execute("DELETE FROM parcel WHERE box = ? AND parcel = ?", key)

    def _log(self, db: sqlite3.Connection, product: str, rule: str | None, n: int, block: bytes) -> None:
        """Note rows that a recipient was told, or numbers (without a rule) that it does not count as told any more."""
        db.execute(
            "INSERT INTO told (box, product, rule, n, rows) VALUES (?, ?, ?, ?, ?)",
            (self._box, product, rule, n, block),
        )
        self._logged += n
        if self._logged > LOGGED_MAX + 2 * self._counting:
            parts = self._fold()
            db.execute("DELETE FROM told WHERE box = ?", (self._box,))
            db.executemany(
                "INSERT INTO told (box, product, rule, n, rows) VALUES (?, ?, ?, ?, ?)",
                [(self._box, kind, rule, len(rows), _packed(rows)) for kind, rule, rows in parts],
            )
            self._logged = self._counting = sum(len(rows) for *_, rows in parts)

    def _fold(self) -> list[tuple[Product, str, Rows]]:
        log = self._file.read("SELECT product, rule, rows FROM told WHERE box = ? ORDER BY id", self._box)
        found: list[tuple[Product, str, Rows]] = []
        for product in sorted({kind for kind, *_ in log}):
            own = [(at, rule, block) for at, (kind, rule, block) in enumerate(log) if kind == product]
            told = [(at, rule, _unpacked(block)) for at, rule, block in own if rule is not None]
            gone = {
                number: at
                for at, rule, block in own
                if rule is None
                for number in np.frombuffer(block, np.uint64).tolist()
            }
            rows = Rows.joined([Rows.none(), *(block for *_, block in told)])
            rules = sorted({rule for _, rule, _ in told})
            sizes = [len(block) for *_, block in told]
            when = np.repeat(np.array([at for at, *_ in told], np.int64), sizes)
            by = np.repeat(np.array([rules.index(rule) for _, rule, _ in told], np.int64), sizes)
            # by number, time and message: the latest row counts, of equal ones the one that was sent last
            order = np.lexsort((when, rows.time_ns, rows.number))
            if gone:
                forgotten = np.array([gone.get(number, -1) for number in rows.number[order].tolist()], np.int64)
                order = order[when[order] > forgotten]
            number = rows.number[order]
            latest = order[np.append(number[1:] != number[:-1], True)[: len(order)]]
            found += [
                (Product(product), rule, rows.take(latest[by[latest] == i]))
                for i, rule in enumerate(rules)
                if (by[latest] == i).any()
            ]
        return found


Fresh = dict[int, tuple[Parcel, NDArray[np.bool_]]]
"""Parcels by number, and which of their rows wait."""


def _packed(rows: Rows) -> bytes:
    return pack_arrays({column.name: getattr(rows, column.name) for column in fields(rows)})


def _unpacked(block: bytes) -> Rows:
    return Rows(**unpack_arrays(block))


def _bits(flags: NDArray[np.bool_]) -> bytes:
    return np.packbits(flags).tobytes()


def _flags(bits: bytes) -> NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(bits, np.uint8)).astype(np.bool_)


def _plain(names: Sequence[str]) -> str:
    return msgspec.json.encode(names).decode()


def _names(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])
