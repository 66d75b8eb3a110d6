"""Runs on the processors of this machine: a pool of processes that live through many runs."""

import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Protocol, Self

from noroshi.assessment.results import RunResult
from noroshi.run.campaigns.tasks import Task

DEATHS_MAX = 2  # of the process that makes a run, alone, before the run is given up

Made = tuple[Task, RunResult | Exception]


class Makers(Protocol):
    """What makes runs."""

    def results(self, tasks: Sequence[Task]) -> Iterator[Made]:
        """Yield what came of each task as it ends, in any order; an error if it could not be made at all."""


class Pool:
    """Makes runs in processes of their own; use as a context. Left by an error, it ends what still runs.

    Args:
        processes: how many.
        make: makes one; can be pickled.
    """

    def __init__(self, processes: int, make: Callable[[Task], RunResult]) -> None:
        self._processes, self._make = processes, make
        self._context = get_context("spawn")
        self._alive, self._held = self._context.Pipe(duplex=False)
        self._executor = self._started()

    def results(self, tasks: Sequence[Task]) -> Iterator[Made]:
        """Yield what came of each task as it ends; see `Makers`.

        When a process dies, the runs that were under way are made again one at a time, to find out whose fault it was.
        """
        waiting, suspects = deque(tasks), deque[Task]()
        under_way: dict[Future[RunResult], Task] = {}
        deaths: Counter[tuple[str, int]] = Counter()
        while waiting or suspects or under_way:
            if suspects and not under_way:
                task = suspects.popleft()
                under_way[self._submit(task)] = task
            while waiting and not suspects and len(under_way) <= self._processes:  # one more than can run: no pause
                task = waiting.popleft()
                under_way[self._submit(task)] = task
            was_alone = len(under_way) == 1
            died = []
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                task = under_way.pop(future)
                error = future.exception()
                if isinstance(error, BrokenProcessPool):
                    died.append(task)
                elif error is None:
                    yield task, future.result()
                elif isinstance(error, Exception):
                    yield task, error
                else:
                    raise error
            if died:
                died += under_way.values()
                under_way.clear()
                self._executor.shutdown()
                self._executor = self._started()
            for task in died:
                deaths[task.variant, task.replicate] += was_alone
                if deaths[task.variant, task.replicate] >= DEATHS_MAX:
                    yield task, RuntimeError("the process that made it died")
                else:
                    suspects.append(task)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._held.close()  # ends the workers at once
        self._executor.shutdown(cancel_futures=True)
        self._held.close()
        self._alive.close()

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._processes, self._context, initializer=_begin, initargs=(self._alive,))

    def _submit(self, task: Task) -> Future[RunResult]:
        try:
            return self._executor.submit(self._make, task)
        except BrokenProcessPool as error:
            future: Future[RunResult] = Future()
            future.set_exception(error)
            return future


def _begin(alive: Connection) -> None:
    """Begin a worker: it ends when whoever started it does, and leaves interrupts to that."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()


def _end_with(alive: Connection) -> None:
    alive.poll(None)  # nothing is ever sent: it only ends
    os._exit(1)
