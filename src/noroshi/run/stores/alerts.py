"""Alerts from "decided" to "sent": what was approved is on the disk before it goes anywhere, and until all have it.

One SQLite file of one node in one exercise. A message is kept with the very bytes that go out, so that what is sent
again after the node was killed is the same; with its record, by which updates and cancels find what they replace; and
with the record of a cancel that stands ready. What waits for each outlet is kept beside it, in order.

`synchronous = FULL`: an alert that a person approved and a power cut made the node forget would be worse than late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from noroshi.formats.columns import pack, unpack
from noroshi.records import Alert, digest
from noroshi.records.alert import CANCEL
from noroshi.run.outlets import ExerciseMessage
from noroshi.run.stores import StoreError
from noroshi.run.stores.sqlite import SqliteFile, Synchronous

DUE, SENT, REFUSED = "due", "sent", "refused"


class UnknownPredecessorError(StoreError):
    """An update or a cancel of what is not there, or is over already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An alert that was decided.

    Attributes:
        number: rising with each.
        message: as it goes out.
        alert: as it was sent.
        asked: digest of the record that was approved; a repeat of the decision has the same.
        cancel: the cancel that stands ready; None of a cancel.
    """

    number: int
    message: ExerciseMessage
    alert: Alert
    asked: str
    cancel: Alert | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How far a message is at one outlet: `state` is due, sent or refused; `why` is what went wrong last."""

    identifier: str
    outlet: str
    state: str
    tries: int
    at_ns: int
    why: str


class AlertStore(SqliteFile):
    """The alerts of one node in one exercise; from any thread.

    Args:
        path: made if it does not exist.
        exercise: name of the exercise.
        synchronous: "FULL", or "NORMAL" where the last moments before a power cut may be lost.

    Raises:
        StoreError: if it is of another exercise, another program's file, or open elsewhere.
    """

    APPLICATION = 0x6E6F7261
    VERSION = 1
    TABLES = """
CREATE TABLE about (exercise TEXT);
CREATE TABLE alert (number INTEGER PRIMARY KEY AUTOINCREMENT, identifier TEXT UNIQUE, chain TEXT,
    is_cancel INTEGER, expires_ns INTEGER, asked TEXT, record BLOB, cancel BLOB);
CREATE INDEX of_chain ON alert (chain, number);
CREATE TABLE body (number INTEGER, medium TEXT, body BLOB, PRIMARY KEY (number, medium));
CREATE TABLE delivery (outlet TEXT, number INTEGER, state TEXT, tries INTEGER, at_ns INTEGER, why TEXT,
    PRIMARY KEY (outlet, number));
CREATE INDEX waits ON delivery (outlet, number) WHERE state = 'due'
"""

    def __init__(self, path: Path, exercise: str, *, synchronous: Synchronous = "FULL") -> None:
        super().__init__(path, synchronous=synchronous, one_thread=False)
        self.exercise, self._lock = exercise, RLock()
        with self._lock, self.together() as db:
            found = self.read("SELECT exercise FROM about")
            if not found:
                db.execute("INSERT INTO about VALUES (?)", (exercise,))
        if found and found[0][0] != exercise:
            self.close()
            raise StoreError(f"{path}: holds the alerts of exercise '{found[0][0]}', and this is '{exercise}'")

    def decide(
        self, message: ExerciseMessage, alert: Alert, *, asked: str, cancel: Alert | None, outlets: Sequence[str]
    ) -> Kept:
        """Keep an alert that was approved; when this returns it is on the disk and will go out.

        Args:
            message: what goes out.
            alert: its record, which names all that it replaces.
            asked: digest of the record that was approved.
            cancel: the record of its cancel; every alert but a cancel has one.
            outlets: names of those that are to have it.

        Raises:
            UnknownPredecessorError: if it replaces what is not here, or is over.
            StoreError: if its parts do not fit together, or another alert has its identifier.
        """
        if (message.exercise, message.identifier) != (self.exercise, alert.identifier):
            raise StoreError(f"{message.identifier}: the message is another than the record, or of another exercise")
        if (cancel is None) != (alert.message == CANCEL):
            raise StoreError(f"{alert.identifier}: every alert has a cancel ready, and a cancel has none")
        with self._lock:
            self.predecessors(alert)
            chains = self._chains(alert.references)
            chain = chains[0] if chains else alert.identifier
            with self.together() as db:
                if self.read("SELECT 1 FROM alert WHERE identifier = ?", alert.identifier):
                    raise StoreError(f"{alert.identifier}: is the identifier of an alert that was decided before")
                for other in chains:  # an update may join what were two
                    db.execute("UPDATE alert SET chain = ? WHERE chain = ?", (chain, other))
                number = db.execute(
                    "INSERT INTO alert (identifier, chain, is_cancel, expires_ns, asked, record, cancel) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (alert.identifier, chain, cancel is None, alert.expires_ns, asked, pack(alert),
                     None if cancel is None else pack(cancel)),
                ).lastrowid  # fmt: skip
                for medium, body in message.bodies.items():
                    db.execute("INSERT INTO body VALUES (?, ?, ?)", (number, medium, body))
                for outlet in outlets:
                    db.execute("INSERT INTO delivery VALUES (?, ?, 'due', 0, 0, '')", (outlet, number))
        assert number is not None
        return Kept(number=number, message=message, alert=alert, asked=asked, cancel=cancel)

    def predecessors(self, alert: Alert) -> list[Alert]:
        """Return all that an update or a cancel replaces, oldest first: what it names and what that goes back to.

        Raises:
            UnknownPredecessorError: if one that it names is not here, of another sender or threat, or was cancelled.
        """
        with self._lock:
            before = self._of_chains(self._chains(alert.references))
        there = {each.identifier for each in before}
        for identifier in alert.references:
            if identifier not in there:
                raise UnknownPredecessorError(f"{alert.identifier}: there is no alert '{identifier}' to replace")
        for each in before:
            if (each.sender, each.threat_id) != (alert.sender, alert.threat_id):
                raise UnknownPredecessorError(f"{alert.identifier}: '{each.identifier}' is of another sender or threat")
            if each.message == CANCEL:
                raise UnknownPredecessorError(f"{alert.identifier}: what it replaces was cancelled already")
        return before

    def find(self, identifier: str) -> Kept | None:
        """Return an alert, None if there is none of that identifier."""
        with self._lock:
            found = self.read(f"{KEPT} WHERE identifier = ?", identifier)
            return self._kept(found[0]) if found else None

    def newest(self, identifier: str) -> Kept | None:
        """Return the newest alert of those that go back to the same one as this does, None if there is none."""
        last = "WHERE number = (SELECT max(number) FROM alert WHERE chain = ?)"
        with self._lock:
            found = [row for chain in self._chains((identifier,)) for row in self.read(f"{KEPT} {last}", chain)]
            return self._kept(found[0]) if found else None

    def standing(self, now_ns: int) -> list[Alert]:
        """Return the newest alert of each chain that is neither cancelled nor over, oldest first."""
        newest = (
            "SELECT record FROM alert WHERE number IN (SELECT max(number) FROM alert GROUP BY chain) "
            "AND NOT is_cancel AND expires_ns > ? ORDER BY number"
        )
        with self._lock:
            return [_alert(record) for (record,) in self.read(newest, now_ns)]

    def due(self, outlet: str) -> Kept | None:
        """Return what an outlet is to send next, None if nothing waits for it."""
        first = "WHERE number = (SELECT min(number) FROM delivery WHERE outlet = ? AND state = 'due')"
        with self._lock:
            found = self.read(f"{KEPT} {first}", outlet)
            return self._kept(found[0]) if found else None

    def sent(self, outlet: str, number: int, now_ns: int) -> None:
        """Note that an outlet has sent a message for good."""
        self._note(outlet, number, SENT, now_ns, "")

    def failed(self, outlet: str, number: int, now_ns: int, why: str) -> None:
        """Note that an outlet could not send a message now; it stays due."""
        self._note(outlet, number, DUE, now_ns, why)

    def refused(self, outlet: str, number: int, now_ns: int, why: str) -> None:
        """Note that an outlet can never send a message; it does not hold up what follows."""
        self._note(outlet, number, REFUSED, now_ns, why)

    def deliveries(self, identifier: str | None = None) -> list[Delivery]:
        """Return how far a message, or each message, is at each outlet, in order of message and outlet."""
        said = (
            "SELECT identifier, outlet, state, tries, at_ns, why FROM delivery JOIN alert USING (number) "
            "WHERE ?1 IS NULL OR identifier = ?1 ORDER BY number, outlet"
        )
        with self._lock:
            names = ("identifier", "outlet", "state", "tries", "at_ns", "why")
            return [Delivery(**dict(zip(names, row, strict=True))) for row in self.read(said, identifier)]

    def _chains(self, identifiers: Sequence[str]) -> list[str]:
        """Return the chains that alerts belong to, sorted; a chain has the name of the alert that it goes back to."""
        found = [self.read("SELECT chain FROM alert WHERE identifier = ?", each) for each in identifiers]
        return sorted({row[0] for rows in found for row in rows})

    def _of_chains(self, chains: Sequence[str]) -> list[Alert]:
        found = [self.read("SELECT number, record FROM alert WHERE chain = ?", chain) for chain in chains]
        return [_alert(record) for _, record in sorted(row for rows in found for row in rows)]

    def _note(self, outlet: str, number: int, state: str, now_ns: int, why: str) -> None:
        with self._lock, self.together() as db:
            db.execute(
                "UPDATE delivery SET state = ?, tries = tries + 1, at_ns = ?, why = ? WHERE outlet = ? AND number = ?",
                (state, now_ns, why[:500], outlet, number),
            )

    def _kept(self, row: Any) -> Kept:
        number, identifier, asked, record, cancel = row
        alert, ready = _alert(record), None if cancel is None else _alert(cancel)
        bodies = dict(self.read("SELECT medium, body FROM body WHERE number = ?", number))
        message = ExerciseMessage(
            exercise=self.exercise,
            identifier=identifier,
            message=alert.message,
            sent_ns=alert.sent_ns,
            expires_ns=alert.expires_ns,
            bodies=bodies,
        )
        return Kept(number=number, message=message, alert=alert, asked=asked, cancel=ready)


KEPT = "SELECT number, identifier, asked, record, cancel FROM alert"


def asked_of(alert: Alert) -> str:
    """Return the digest by which a repeat of a decision is known."""
    return digest(alert)


def _alert(data: bytes) -> Alert:
    record = unpack(data)
    assert isinstance(record, Alert)
    return record
