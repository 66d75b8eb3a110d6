"""Where an approved alert becomes messages: worded, signed, kept, and only then sent."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Self

from noroshi.formats import alert_json, cap, cot
from noroshi.formats.alerting import IDENTIFIER, Reference, Shape
from noroshi.formats.wording import Language, exercise_wording
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert, Certainty, Stage
from noroshi.records.alert import CANCEL, EXERCISE
from noroshi.run.alerts import AlertError
from noroshi.run.alerts.languages import zone_at
from noroshi.run.alerts.sending import Courier, Leave
from noroshi.run.alerts.signing import sign
from noroshi.run.outlets import ExerciseMessage, Outlet
from noroshi.run.pki import Identity
from noroshi.run.stores.alerts import AlertStore, Delivery, Kept, UnknownPredecessorError, asked_of

CANCEL_NAME = "-cancel"
CANCEL_HOLDS_NS = 3_600 * NS_PER_S

ShapesOf = Callable[[Sequence[str]], Mapping[str, Shape]]


class AlertDesk:
    """One node's desk in one exercise; use as a context.

    Args:
        path: of the store, made if it does not exist.
        own: the node's keys, of the exercise.
        languages: in which alerts are worded, the first one for Cursor on Target.
        zone: local time of the readers, "Asia/Tokyo".
        outlets: by name; without any, alerts are kept and sent nowhere.
        shapes_of: where areas are, by their codes.
        leaves: by name of an outlet, whether and when an alert may go there; without, at once.
        told: called from any thread when an outlet has sent a message, or never will.

    Raises:
        AlertError: if the keys are of no exercise, or it has no language.
        StoreError: if the store is another exercise's, or open elsewhere.
    """

    def __init__(
        self,
        path: Path,
        own: Identity,
        *,
        languages: Sequence[Language],
        zone: str,
        outlets: Mapping[str, Outlet] | None = None,
        shapes_of: ShapesOf = lambda _: {},
        leaves: Mapping[str, Leave] | None = None,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        if own.exercise is None:
            raise AlertError("these keys are of no exercise, and this program warns in exercises alone")
        if not languages:
            raise AlertError("name a language at least in which alerts are worded")
        self.exercise, self._own, self._languages, self._shapes_of = own.exercise, own, tuple(languages), shapes_of
        self._zone = zone
        self._lock = RLock()
        zone_at(zone, 0)
        self.store = AlertStore(path, own.exercise)
        self._couriers = [
            Courier(self.store, name, outlet, leave=(leaves or {}).get(name), told=told)
            for name, outlet in (outlets or {}).items()
        ]

    def start(self) -> None:
        """Begin to send, with what was decided before and has not gone out."""
        for courier in self._couriers:
            courier.start()

    def approve(self, alert: Alert) -> Kept:
        """Take an alert that was approved; when this returns it survives, and goes out.

        Approving the same record again returns what was made of it the first time, the same bytes.

        Args:
            alert: as it was approved, `sent_ns` when. Its references are completed by all that those go back to
                and that is not over yet.

        Raises:
            AlertError: if it cannot be worded or written as it is, or another one has its identifier.
            UnknownPredecessorError: if it updates or cancels what is not there, or is over.
        """
        with self._lock:
            kept = self._approve(alert)
        for courier in self._couriers:
            courier.wake()
        return kept

    def cancel(self, identifier: str, *, stage: Stage, certainty: Certainty, reason: str, now_ns: int) -> Kept:
        """Send the cancel that stands ready for an alert; again, and it is the same one.

        Args:
            identifier: of the alert, or of one before it that it replaced.
            stage: why it is over: `PASSED` and `LANDED` only if that was observed, else `TRACK_LOST` or `CLEAR`; any
                other withdraws it.
            certainty: of the stage.
            reason: in plain words.
            now_ns: the time.

        Raises:
            UnknownPredecessorError: if there is no such alert.
            AlertError: if it cannot be worded.
        """
        said = {"stage": int(stage), "certainty": int(certainty), "reason": reason}
        times = {"sent_ns": now_ns, "picture_ns": now_ns, "expires_ns": now_ns + CANCEL_HOLDS_NS}
        with self._lock:
            newest = self.store.newest(identifier)
            if newest is None:
                raise UnknownPredecessorError(f"there is no alert '{identifier[:40]}' to cancel")
            return newest if newest.cancel is None else self.approve(newest.cancel.replace(**said, **times))

    def deliveries(self, identifier: str | None = None) -> list[Delivery]:
        """Return how far a message, or each message, is at each outlet."""
        return self.store.deliveries(identifier)

    def close(self) -> None:
        """Stop sending; what has not gone out stays on the disk for the next time."""
        for courier in self._couriers:
            courier.close()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _approve(self, alert: Alert) -> Kept:
        asked = asked_of(alert)
        before = self.store.find(alert.identifier)
        if before is not None:
            if before.asked != asked:
                raise AlertError(f"{alert.identifier}: another alert with this identifier was decided before")
            return before
        if alert.status != EXERCISE or alert.sender != self._own.nation:
            raise AlertError(f"{alert.identifier[:40]}: is not an alert of {self._own.nation} in an exercise")
        chain = self.store.predecessors(alert)
        references = [
            Reference(sender=one.sender, identifier=one.identifier, sent_ns=one.sent_ns)
            for one in chain
            if one.expires_ns > alert.sent_ns or one.identifier in alert.references  # the rest is off by itself
        ]
        replaced = [one for one in chain if one.identifier in alert.references]
        alert = alert.replace(references=tuple(each.identifier for each in references))
        try:
            message = self._message(alert, references, chain, replaced)
            cancel = None if alert.message == CANCEL else _cancel_of(alert)
        except ValueError as error:
            raise AlertError(f"{alert.identifier[:40]}: {error}") from error
        names = [courier.name for courier in self._couriers]
        return self.store.decide(message, alert, asked=asked, cancel=cancel, outlets=names)

    def _message(
        self, alert: Alert, references: Sequence[Reference], before: Sequence[Alert], replaced: Sequence[Alert]
    ) -> ExerciseMessage:
        zone = zone_at(self._zone, alert.sent_ns)
        wordings = [
            exercise_wording(alert, each, zone, exercise=self.exercise, before=replaced) for each in self._languages
        ]
        lifted = wordings[0].lifted
        shapes = self._shapes_of([*alert.code.tolist(), *(lifted.codes if lifted else ())])
        exercise = self.exercise
        document = cap.encode(alert, wordings, exercise=exercise, shapes=shapes, references=references)
        bodies = {
            "cap": sign(document, self._own),
            "json": alert_json.encode_alert(alert, wordings, exercise=exercise, shapes=shapes, references=references),
            "cot": cot.encode_alert(
                alert, wordings, exercise=exercise, shapes=shapes, references=references, before=before
            ),
        }
        return ExerciseMessage(
            exercise=exercise,
            identifier=alert.identifier,
            message=alert.message,
            sent_ns=alert.sent_ns,
            expires_ns=alert.expires_ns,
            bodies=bodies,
        )


def _cancel_of(alert: Alert) -> Alert:
    """Return the cancel that stands ready for an alert: all but why and when."""
    name = alert.identifier + CANCEL_NAME
    if not IDENTIFIER.fullmatch(name):
        raise ValueError("its identifier leaves no room for that of its cancel")
    return alert.replace(identifier=name, message=CANCEL, references=(*alert.references, alert.identifier))
