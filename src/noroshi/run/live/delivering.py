"""What becomes of approved alerts: a node's desk and outlets pass them on, and its decisions say how it went."""

from collections.abc import Callable
from pathlib import Path
from threading import Event

from noroshi.command.core import Command
from noroshi.node.core import Node
from noroshi.node.outgoing import Outgoing
from noroshi.records import Alert, Decision
from noroshi.run import pki
from noroshi.run.alerts import AlertError
from noroshi.run.alerts.desk import AlertDesk
from noroshi.run.alerts.languages import load_language
from noroshi.run.alerts.releasing import leaves
from noroshi.run.alerts.sending import open_outlets
from noroshi.run.alerts.shapes import shapes_of
from noroshi.run.scenarios import WarningSection
from noroshi.run.stores.alerts import DUE, REFUSED, UnknownPredecessorError

STORE = "alerts.sqlite"
NO_OUTLET = "no outlet is named, so it was sent to nobody"


class Delivering:
    """The way of a node's approved alerts to its outlets, and word of it back into its decisions.

    Args:
        command: of the node.
        arrived: called from any thread when an outlet has a message, or never will.

    Attributes:
        desk: what makes messages of alerts; None: there are no outlets.
    """

    def __init__(self, command: Command, arrived: Callable[[], None]) -> None:
        self.desk: AlertDesk | None = None
        self._command, self._arrived = command, arrived
        self._failed: dict[str, str] = {}
        self._news = Event()

    def told(self) -> None:
        """Look again at how far messages are; from any thread."""
        self._news.set()
        self._arrived()

    def hear(self, out: Outgoing) -> str:
        """Hand an approved alert to the desk, a second time as the same message; return what is wrong with it."""
        if out.channel != "alert" or not isinstance(out.record, Alert):
            return ""
        self._news.set()
        try:
            if self.desk is not None:
                self.desk.approve(out.record)
        except (AlertError, UnknownPredecessorError) as error:
            self._failed[out.record.identifier] = str(error)
            return str(error)
        return ""

    def catch_up(self) -> None:
        """Hand over again what a node that fell had handed over: nobody has said what became of it."""
        for alert in self._command.undelivered():
            self.hear(Outgoing("alert", alert))

    def receive(self, now_ns: int) -> list[Decision]:
        """Return what became of alerts since, as steps for the node."""
        if not self._news.is_set():
            return []
        self._news.clear()
        said = [self._said(alert.identifier, now_ns) for alert in self._command.undelivered()]
        return [one for one in said if one is not None]

    def _said(self, identifier: str, now_ns: int) -> Decision | None:
        failed = self._failed.pop(identifier, "")
        if not failed:
            every = self.desk.deliveries(identifier) if self.desk else []
            if any(one.state == DUE for one in every):
                return None
            failed = "; ".join(f"{one.outlet}: {one.why}" for one in every if one.state == REFUSED)
            failed = failed if every else NO_OUTLET
        return self._command.delivered(identifier, now_ns, failed=failed)


def open_desk(
    state: Path, own: pki.Identity, warning: WarningSection, node: Node, *, folder: Path, told: Callable[[], None]
) -> AlertDesk:
    """Return the desk that makes messages of approved alerts; nothing leaves it unless the nation's file names outlets.

    What is for another nation's people leaves it as the node's release rules say.

    Raises:
        AlertError, SettingError, StoreError: if a language, an outlet or the store cannot be used.
    """
    desk = AlertDesk(
        state / STORE,
        own,
        languages=[load_language(name, folder) for name in warning.languages],
        zone=warning.zone,
        outlets=open_outlets(warning.outlets),
        shapes_of=shapes_of,
        leaves=leaves(warning.outlets, own.nation, node, exercise=own.exercise),
        told=told,
    )
    desk.start()
    return desk
