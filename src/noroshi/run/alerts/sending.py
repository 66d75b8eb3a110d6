"""Carries what was decided to its outlets, a thread each: in order, until it is there, with longer and longer waits."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert
from noroshi.run import rooms
from noroshi.run.outlets import Outlet, OutletError, RefusedError, SettingError
from noroshi.run.stores import StoreError
from noroshi.run.stores.alerts import AlertStore

WAIT_S = (0.5, 30.0)

Leave = Callable[[Alert, int], int | None]
"""From when on an alert may go out, asked with the time; None: never."""


class Courier:
    """One outlet's way from the disk to the other side.

    Args:
        store: where what waits is kept.
        name: of the outlet there.
        outlet: what sends.
        leave: whether and when it may go to whom the outlet is for; without it, at once.
        told: called when a message is out, or never will be.
        clock: Unix UTC nanoseconds.

    Attributes:
        why: what went wrong last; "" after something went out.
    """

    def __init__(
        self,
        store: AlertStore,
        name: str,
        outlet: Outlet,
        *,
        leave: Leave | None = None,
        told: Callable[[], None] = lambda: None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.name, self.why = name, ""
        self._store, self._outlet, self._leave, self._clock = store, outlet, leave, clock
        self._told = told
        self._wait_s = WAIT_S[0]
        self._pulse = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def step(self) -> float | None:
        """Send all that waits, until it is out or an attempt fails.

        Returns:
            After how many seconds to come again; None: when there is something new.
        """
        while not self._closing and (kept := self._store.due(self.name)) is not None:
            try:
                early_s = self._early_s(kept.alert)
                if early_s > 0.0:
                    return early_s
                self._outlet.send(kept.message)
            except RefusedError as error:
                self.why = str(error)
                self._store.refused(self.name, kept.number, self._clock(), self.why)
                self._told()
            except Exception as error:  # noqa: BLE001  # a plug-in's fault must not end the sending of alerts
                self.why = str(error) if isinstance(error, OutletError) else f"{type(error).__name__}: {error}"
                self._store.failed(self.name, kept.number, self._clock(), self.why)
                wait_s, self._wait_s = self._wait_s, min(2.0 * self._wait_s, WAIT_S[1])
                return wait_s
            else:
                self.why, self._wait_s = "", WAIT_S[0]
                self._store.sent(self.name, kept.number, self._clock())
                self._told()
        return None

    def _early_s(self, alert: Alert) -> float:
        """Return how long it is to wait until an alert may go out.

        Raises:
            RefusedError: if it may not.
        """
        if self._leave is None:
            return 0.0
        now_ns = self._clock()
        due_ns = self._leave(alert, now_ns)
        if due_ns is None:
            raise RefusedError(f"{alert.identifier}: is not released to whom this is for")
        return (due_ns - now_ns) / NS_PER_S

    def start(self) -> None:
        """Begin, with what was left over."""
        self._thread = threading.Thread(target=self._run, name=f"noroshi-outlet-{self.name}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something new."""
        self._pulse.set()

    def close(self) -> None:
        """End after the attempt that is under way; what waits stays on the disk."""
        self._closing = True
        self.wake()
        if self._thread is not None:
            self._thread.join(15.0)
        self._outlet.close()

    def _run(self) -> None:
        while not self._closing:
            self._pulse.clear()
            try:
                wait_s = self.step()
            except StoreError as error:  # the disk is full: what went out meanwhile goes out again
                self.why, wait_s = str(error), WAIT_S[1]
            self._pulse.wait(wait_s)


def name_of(said: Mapping[str, Any]) -> str:
    """Return what an outlet is called, by its configuration."""
    return str(said.get("name", said.get("type", "")))


def open_outlets(settings: Sequence[Mapping[str, Any]]) -> dict[str, Outlet]:
    """Return outlets by name, as a configuration says: `type`, `name` if there are two of it, and its arguments.

    Whom one is for, `viewer`, is not its own business: see `releasing.leaves`.

    Raises:
        SettingError: naming the one that cannot be.
    """
    names = [name_of(said) for said in settings]
    for name in names:
        if names.count(name) > 1:
            raise SettingError(f"outlet '{name}': there is another of that name")
    opened: dict[str, Outlet] = {}
    for name, said in zip(names, settings, strict=True):
        rest = {key: value for key, value in said.items() if key not in ("name", "type", "viewer")}
        try:
            opened[name] = rooms.load("run.outlets", str(said.get("type", ""))).Outlet(**rest)
        except (rooms.UnknownNameError, rooms.PartError, SettingError, TypeError) as error:
            for each in opened.values():
                each.close()
            raise SettingError(f"outlet '{name}': {error}") from error
    return opened
