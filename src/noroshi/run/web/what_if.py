"""What if, at once: the exercise run anew with a change, beside itself without it, and what that gains in seconds.

Both are runs as campaigns make them (`run.campaigns`): the same truth, the same noise, the same figures. What costs
time is the run, so only the beginning of the exercise is run, and the run without a change is made beforehand and kept.
The process that made it knows the nodes' tracks and has all kernels loaded; a run with a change is made by copies of
it, which begin at once and look up what the change does not touch.
"""

import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from noroshi.assessment.results import Figure, RunResult, Variant
from noroshi.run.campaigns.pool import Pool
from noroshi.run.campaigns.tasks import Task
from noroshi.run.scenarios import Scenario

UNTIL_S = 360.0
"""In the trilateral exercise the first alert is out by then."""
CHANGES_MAX = 10
AS_IT_IS, CHANGED = "as-it-is", "what-if"
COPIES = min(2, os.cpu_count() or 1) if sys.platform == "linux" else 1
"""Of the process that made the run without a change; elsewhere processes cannot be copied safely."""
SECONDS = ("time_to_firm_track_s", "time_to_threat_s", "time_to_alert_s")
Json = dict[str, Any]


class WhatIf:
    """Answers what a change of a scenario gains.

    Args:
        scenario: as it is.
        until_s: how much of it is run.
    """

    def __init__(self, scenario: Scenario, until_s: float = UNTIL_S) -> None:
        self._scenario, self.until_s = scenario, min(until_s, scenario.duration_s)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="noroshi-what-if")
        self._pool: Pool | None = None
        self._base: RunResult | None = None
        self._prepared: Future[None] | None = None
        self._asked = threading.Semaphore(2)

    def options(self) -> Json:
        """Return what can be changed, for the page."""
        nations = self._scenario.nations
        return {
            "until_s": self.until_s,
            "nations": [nation.code for nation in nations],
            "sensors": [
                {
                    "name": entry.site.sensor,
                    "path": f'nations.{nation.code}.sensors."{entry.site.sensor}"',
                    "is_fixed": entry.carrier is None,
                }
                for nation in nations
                for entry in nation.sensors
            ],
            "links": sorted({"-".join(sorted(pair)) for pair in self._scenario.links()}),
            "constellations": [
                {"name": one.name, "path": f'nations.{nation.code}.constellations."{one.name}".number'}
                for nation in nations
                for one in nation.constellations
            ],
        }

    def prepare(self) -> Future[None]:
        """Begin the run that changes are compared with, before anybody has asked; it is made once, or tried once."""
        if self._prepared is None:
            self._prepared = self._thread.submit(self._compare_with)
        return self._prepared

    def ask(self, changes: Mapping[str, object], *, sharing: bool = True) -> Future[Json]:
        """Return what a change gains, when it is found out.

        Args:
            changes: new values by path, as `run.campaigns.changing` has them.
            sharing: whether links carry anything.

        Raises:
            ValueError: if too much is asked at once.
        """
        if len(changes) > CHANGES_MAX or not (changes or not sharing):
            raise ValueError(f"change something, and {CHANGES_MAX} things at most")
        if not self._asked.acquire(blocking=False):
            raise ValueError("one question after the other")
        future = self._thread.submit(self._answer, dict(changes), sharing, time.perf_counter())
        future.add_done_callback(lambda _: self._asked.release())
        return future

    def close(self) -> None:
        """End what still runs."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._pool is not None:
            self._pool.__exit__(KeyboardInterrupt, None, None)

    def _answer(self, changes: Mapping[str, object], sharing: bool, since: float) -> Json:
        with tempfile.TemporaryDirectory(prefix="noroshi-") as at:
            tasks = [] if self._base else [self._task(Variant(name=AS_IT_IS), Path(at))]
            changed = self._task(Variant(name=CHANGED, changes=changes, sharing=sharing), Path(at))
            found = self._run([*tasks, changed])
        self._base = found.get(AS_IT_IS, self._base)
        assert self._base is not None
        return {
            "until_s": self.until_s,
            "took_s": time.perf_counter() - since,
            "processor_s": sum(result.processor_s for result in found.values()),
            "rows": list(gains(self._base, found[CHANGED])),
        }

    def _compare_with(self) -> None:
        if self._base is not None:
            return
        with tempfile.TemporaryDirectory(prefix="noroshi-") as at:
            self._base = self._run([self._task(Variant(name=AS_IT_IS), Path(at))])[AS_IT_IS]

    def _run(self, tasks: Sequence[Task]) -> dict[str, RunResult]:
        """Return what came of runs, by their variants.

        Raises:
            ValueError: if one could not be made.
        """
        if self._pool is None:
            self._pool = Pool(2, made)
        found: dict[str, RunResult] = {}
        for task, result in self._pool.results(tasks):
            if isinstance(result, Exception) or result.error:
                raise ValueError(result.error if isinstance(result, RunResult) else str(result))
            found[task.variant] = result
        return found

    def _task(self, variant: Variant, folder: Path) -> Task:
        from noroshi.run.campaigns.laying import lay  # here, and so in `made`: it takes long, and few ask

        lay(self._scenario, variant, folder / variant.name)
        return Task(
            variant=variant.name, replicate=0, scenario=folder / variant.name / "scenario.toml",
            sharing=variant.sharing, until_s=self.until_s,
        )  # fmt: skip


def made(task: Task) -> RunResult:
    """Return what came of a run, in a process of the pool."""
    from noroshi.run.campaigns.measuring import times_of
    from noroshi.run.campaigns.runs import perform

    return perform(task, figures=times_of, copies=1 if task.variant == AS_IT_IS else COPIES)


def gains(before: RunResult, after: RunResult) -> Iterator[Json]:
    """Yield the times that differ: of which node (empty: the first), of which threat, before and after, and the gain.

    What never came is null, and so is a gain from it or to it. What only one of the two has is left out: a nation that
    is gone has none.
    """
    known = {(one.measure, one.node, one.subject): one.value for one in _times(before)}
    for one in _times(after):
        was = known.get((one.measure, one.node, one.subject), one.value)
        if was == one.value:
            continue
        yield {
            "measure": one.measure,
            "node": one.node,
            "subject": one.subject,
            "before": was if math.isfinite(was) else None,
            "after": one.value if math.isfinite(one.value) else None,
            "gained_s": was - one.value if math.isfinite(was - one.value) else None,
            "is_better": one.value < was,
        }


def _times(result: RunResult) -> list[Figure]:
    return [one for one in result.figures if one.measure in SECONDS and one.shared and not math.isnan(one.value)]
