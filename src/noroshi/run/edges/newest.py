"""The newest view of each viewer, handed from the node's thread to a server's: it replaces what was there before."""

import asyncio
from contextlib import suppress

from noroshi.sharing.views import ReleasedView


class Newest:
    """Holds views; `put` is for any thread, the rest for the loop's."""

    def __init__(self) -> None:
        self._views: dict[str, tuple[ReleasedView, int]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pulse = asyncio.Event()
        self._is_called = False

    def attach(self) -> None:
        """Take the running loop for the one whose tasks wait."""
        self._loop = asyncio.get_running_loop()

    def put(self, view: ReleasedView, now_ns: int) -> None:
        """Let a view be its viewer's newest."""
        self._views[view.viewer] = (view, now_ns)
        self.wake()

    def wake(self) -> None:
        """Wake every task that waits, once however often this is called meanwhile."""
        if self._loop is not None and not self._is_called:
            self._is_called = True
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._beat)

    def get(self, viewer: str) -> tuple[ReleasedView, int] | None:
        """Return the newest view of a viewer and the node's time then."""
        return self._views.get(viewer)

    @property
    def pulse(self) -> asyncio.Event:
        """What is set when something new comes; take it before `get`, wait for it after."""
        return self._pulse

    def _beat(self) -> None:
        self._is_called = False
        pulse, self._pulse = self._pulse, asyncio.Event()
        pulse.set()
