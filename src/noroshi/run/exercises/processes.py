"""Parts of an exercise in processes of their own, which meet to exchange what their nodes send each other."""

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol, TypeVar

from noroshi.run.exercises.driver import Event

POLL_S = 0.2

T = TypeVar("T")


class Meeting(Protocol):
    """Where processes hand each other what their nodes sent."""

    def meet(self, leaving: Sequence[Event]) -> list[Event]:
        """Give the others what is for their nodes; return what they give, once all have come this far."""


class Alone:
    """The meeting of one process."""

    def meet(self, leaving: Sequence[Event]) -> list[Event]:  # noqa: ARG002
        """Return nothing: what leaves is for nobody here."""
        return []


class Among:
    """A meeting of several.

    Args:
        place: this process's number.
        groups: the nations of each process.
        inboxes: a queue for each process.
    """

    def __init__(self, place: int, groups: Sequence[Sequence[str]], inboxes: Sequence[Any]) -> None:
        self._place, self._inboxes = place, inboxes
        self._home = {code: i for i, codes in enumerate(groups) for code in codes}
        self._others = [i for i in range(len(groups)) if i != place]
        self._early: dict[int, deque[list[Event]]] = {i: deque() for i in self._others}

    def meet(self, leaving: Sequence[Event]) -> list[Event]:
        """Give the others what is for their nodes; return what they give, once all have come this far.

        Raises:
            EOFError: if another one has stopped.
        """
        for other in self._others:
            there = [event for event in leaving if self._home.get(event[5].receiver) == other]
            self._inboxes[other].put((self._place, there))
        while not all(self._early.values()):
            sender, events = self._inboxes[self._place].get()
            if events is None:
                raise EOFError("another process of this exercise has stopped")
            self._early[sender].append(events)
        return [event for other in self._others for event in self._early[other].popleft()]

    def leave(self) -> None:
        """Tell the others that nothing more will come."""
        for other in self._others:
            self._inboxes[other].put((self._place, None))


def spread(
    groups: Sequence[Sequence[str]],
    act: Callable[[int, Meeting, Callable[[float], None]], T],
    progress: Callable[[float], None],
    *,
    forked: bool = False,
) -> list[T]:
    """Return what `act` makes in each process, in order.

    Args:
        groups: the nations of each process; `act` is told which it is by its number.
        act: can be pickled; told its number, where to meet the others, and whom to tell how far it is.
        progress: told how far the slowest is.
        forked: by copies of this process, which have at once all that it has loaded and knows. Only from a process that
            does nothing else, where the system has that; what they learn is lost with them.

    Raises:
        RuntimeError: if a process ended without a result.
        Exception: whatever was raised in the first process that failed.
    """
    context: Any = multiprocessing.get_context("fork" if forked else "spawn")
    reached = context.Array("d", len(groups), lock=False)  # a process that is killed holding a lock holds it for ever
    inboxes = [context.Queue() for _ in groups]
    pipes = [context.Pipe(duplex=False) for _ in groups]
    processes = [
        context.Process(target=_there, args=(i, groups, act, inboxes, reached, pipes[i][1]), daemon=True)
        for i in range(len(groups))
    ]
    for process in processes:
        process.start()
    try:
        found: dict[int, tuple[bool, Any]] = {}
        while len(found) < len(groups):
            progress(min(reached[:]))
            time.sleep(POLL_S)
            for i, (ours, _) in enumerate(pipes):
                if i not in found and ours.poll():
                    found[i] = ours.recv()
                elif i not in found and not processes[i].is_alive():
                    found[i] = (False, RuntimeError(f"a process of the exercise ended (code {processes[i].exitcode})"))
            failed = [result for is_done, result in found.values() if not is_done]
            errors = [error for error in failed if not isinstance(error, EOFError)]  # of others' making
            if errors:
                raise errors[0]
        return [found[i][1] for i in range(len(groups))]
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _there(
    place: int,
    groups: Sequence[Sequence[str]],
    act: Callable[[int, Meeting, Callable[[float], None]], T],
    inboxes: Sequence[Any],
    reached: Any,
    result: Connection,
) -> None:
    meeting = Among(place, groups, inboxes)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def progress(seconds: float) -> None:
        reached[place] = seconds

    try:
        result.send((True, act(place, meeting, progress)))
    except Exception as error:  # noqa: BLE001 whatever it is, it is raised where the exercise was started
        meeting.leave()
        result.send((False, error))
    for inbox in inboxes:
        inbox.close()
        inbox.join_thread()


def _end_with_parent() -> None:
    """End this process once the one that started it is gone, however that ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
