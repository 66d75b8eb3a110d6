"""Runs on the processors of this machine: a pool of processes that live through many runs.

All variants of a replicate are made in one process as far as that keeps no other waiting: what they have in common is
worked out once (`campaigns.runs`).
"""

import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Protocol, Self

from noroshi.assessment.results import RunResult
from noroshi.run.campaigns.tasks import Task

DEATHS_MAX = 2  # of the process that makes a run, alone, before the run is given up
AHEAD = 2  # runs that a process is handed at a time, so that it need not pause

Made = tuple[Task, RunResult | Exception]


class Makers(Protocol):
    """What makes runs."""

    def results(self, tasks: Sequence[Task]) -> Iterator[Made]:
        """Yield what came of each task as it ends, in any order; an error if it could not be made at all."""


@dataclass(slots=True, eq=False)
class _Lane:
    """One process and what it is to make.

    Attributes:
        executor: the process.
        waiting: tasks that are meant for it.
        suspects: tasks that were under way when it died: made alone, to find out whose fault it was.
        under_way: what it was handed.
        tries: whether that is a suspect, which is made alone.
    """

    executor: ProcessPoolExecutor
    waiting: deque[Task] = field(default_factory=deque)
    suspects: deque[Task] = field(default_factory=deque)
    under_way: dict[Future[RunResult], Task] = field(default_factory=dict)
    tries: bool = False


class Pool:
    """Makes runs in processes of their own; use as a context. Left by an error, it ends what still runs.

    Args:
        processes: how many.
        make: makes one; can be pickled.
    """

    def __init__(self, processes: int, make: Callable[[Task], RunResult]) -> None:
        self._make = make
        self._context = get_context("spawn")
        self._alive, self._held = self._context.Pipe(duplex=False)
        self._lanes = [_Lane(self._started()) for _ in range(processes)]

    def results(self, tasks: Sequence[Task]) -> Iterator[Made]:
        """Yield what came of each task as it ends; see `Makers`."""
        by_replicate: dict[int, deque[Task]] = {}
        for task in tasks:
            by_replicate.setdefault(task.replicate, deque()).append(task)
        whole = deque(by_replicate.values())
        deaths: Counter[tuple[str, int]] = Counter()
        while True:
            for ahead in range(AHEAD):
                for lane in self._lanes:
                    self._hand_out(lane, ahead, whole)
            under_way = {future: lane for lane in self._lanes for future in lane.under_way}
            if not under_way:
                return
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                lane = under_way[future]
                if future not in lane.under_way:
                    continue  # its process has died
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    yield from self._bury(lane, deaths)
                    continue
                task = lane.under_way.pop(future)
                if error is None:
                    yield task, future.result()
                elif isinstance(error, Exception):
                    yield task, error
                else:
                    raise error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._held.close()  # ends the workers at once
        for lane in self._lanes:
            lane.executor.shutdown(cancel_futures=True)
        self._held.close()
        self._alive.close()

    def _hand_out(self, lane: _Lane, ahead: int, whole: deque[deque[Task]]) -> None:
        """Hand a process one task more than `ahead`, if it has no more and there is one for it."""
        if len(lane.under_way) > ahead or (lane.under_way and (lane.suspects or lane.tries)):
            return
        lane.tries = bool(lane.suspects)
        if lane.suspects:
            task = lane.suspects.popleft()
        else:
            if not lane.waiting and whole:
                lane.waiting = whole.popleft()
            longest = max(self._lanes, key=lambda each: len(each.waiting))
            if lane.waiting:
                task = lane.waiting.popleft()
            elif longest.waiting:
                task = longest.waiting.pop()
            else:
                return
        try:
            future = lane.executor.submit(self._make, task)
        except BrokenProcessPool as error:
            future = Future()
            future.set_exception(error)
        lane.under_way[future] = task

    def _bury(self, lane: _Lane, deaths: Counter[tuple[str, int]]) -> Iterator[Made]:
        """Begin a process anew that has died, and give up the run that it died of, if that is known."""
        died, lane.under_way = list(lane.under_way.values()), {}
        lane.executor.shutdown()
        lane.executor = self._started()
        for task in died:
            deaths[task.variant, task.replicate] += len(died) == 1
            if deaths[task.variant, task.replicate] >= DEATHS_MAX:
                yield task, RuntimeError("the process that made it died")
            else:
                lane.suspects.append(task)

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(1, self._context, initializer=_begin, initargs=(self._alive,))


def _begin(alive: Connection) -> None:
    """Begin a worker: it ends when whoever started it does, and leaves interrupts to that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()


def _end_with(alive: Connection) -> None:
    alive.poll(None)  # nothing is ever sent: it only ends
    os._exit(1)
