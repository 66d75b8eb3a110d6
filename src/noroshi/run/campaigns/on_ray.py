"""Runs on a Ray cluster of the user's: the same runs as tasks, each with the files that it needs.

Every machine of the cluster has this program installed in the same version; one that has another makes no run.
"""

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from noroshi.assessment.results import RunResult
from noroshi.run.campaigns.folders import SCENARIO, CampaignError
from noroshi.run.campaigns.laying import files_of, put_files
from noroshi.run.campaigns.pool import Made
from noroshi.run.campaigns.runs import perform
from noroshi.run.campaigns.tasks import Task
from noroshi.run.campaigns.versions import made_by

TRIES_MAX = 5
"""So often a run is made again whose worker or machine was lost."""

AHEAD = 2
"""Runs for each processor that the cluster is handed at a time."""


class Cluster:
    """Makes runs on a Ray cluster; use as a context.

    Args:
        address: of the cluster: `auto`, host:port, or ray://host:port.

    Raises:
        CampaignError: if Ray is not installed, or there is no cluster.
    """

    def __init__(self, address: str) -> None:
        try:
            import ray
        except ImportError as error:
            raise CampaignError("--ray: Ray is not installed; add it with: pip install 'noroshi[ray]'") from error
        self._ray: Any = ray
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # workers have the program installed
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise CampaignError(f"--ray {address}: there is no such cluster: {error}") from error
        self._make = ray.remote(num_cpus=1, max_retries=TRIES_MAX)(_make)
        self._files: dict[Path, Any] = {}

    def results(self, tasks: Sequence[Task]) -> Iterator[Made]:
        """Yield what came of each task as it ends; see `pool.Makers`."""
        waiting, under_way = list(reversed(tasks)), dict[Any, Task]()
        versions = made_by()
        while waiting or under_way:
            at_once = AHEAD * max(1, int(self._ray.cluster_resources().get("CPU", 1)))
            while waiting and len(under_way) < at_once:
                task = waiting.pop()
                sent = replace(task, scenario=Path(SCENARIO))
                under_way[self._make.remote(sent, self._files_of(task), versions)] = task
            done, _ = self._ray.wait(list(under_way), num_returns=1)
            task = under_way.pop(done[0])
            try:
                yield task, self._ray.get(done[0])
            except self._ray.exceptions.RayTaskError as error:
                yield task, error.cause if isinstance(error.cause, Exception) else error
            except self._ray.exceptions.RayError as error:
                yield task, RuntimeError(f"lost with its worker {TRIES_MAX + 1} times: {type(error).__name__}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ray.shutdown()

    def _files_of(self, task: Task) -> Any:
        """Return a reference to the files of a task's variant, which the cluster keeps."""
        folder = task.scenario.parent
        if folder not in self._files:
            self._files[folder] = self._ray.put(files_of(folder))
        return self._files[folder]


def _make(task: Task, files: Mapping[str, bytes], versions: Mapping[str, str]) -> RunResult:
    """Make a run on a machine of the cluster.

    Raises:
        OSError: if there is no room for its journals.
    """
    own = made_by()
    for key, wanted in versions.items():
        if own.get(key) != wanted:
            told = f"a machine of the cluster has {key} {own.get(key)}, not {wanted}: install the same there"
            return RunResult(variant=task.variant, replicate=task.replicate, error=told)
    with tempfile.TemporaryDirectory(prefix="noroshi-") as folder:
        put_files(files, Path(folder))
        return perform(replace(task, scenario=Path(folder) / task.scenario))
