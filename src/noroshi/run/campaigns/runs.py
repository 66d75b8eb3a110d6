"""One run of a campaign: from a variant's files to its figures and the digests of its journals."""

import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from noroshi.assessment.results import RunResult
from noroshi.run.campaigns.measuring import figures_of
from noroshi.run.campaigns.tasks import Task, is_full, told
from noroshi.run.exercises.books import WORLD
from noroshi.run.exercises.running import Plan, run


def perform(task: Task) -> RunResult:
    """Make a run, in this process. What goes wrong in it is its result.

    Raises:
        OSError: if there is no room for its journals, which says nothing about the run.
    """
    since = time.process_time()
    try:
        with ExitStack() as stack:
            folder = task.journals
            if folder is None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="noroshi-", dir=task.scratch)))
            else:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
            plan = Plan(
                scenario=str(task.scenario),
                folder=folder,
                replicate=task.replicate,
                until_s=task.until_s,
                sharing=task.sharing,
            )
            ran = run(plan)
            return RunResult(
                variant=task.variant,
                replicate=task.replicate,
                figures=figures_of(ran),
                digests={node: digest for node, digest in ran.digests.items() if node != WORLD},
                processor_s=time.process_time() - since,
            )
    except Exception as error:
        if is_full(error):
            raise
        return RunResult(
            variant=task.variant,
            replicate=task.replicate,
            processor_s=time.process_time() - since,
            error=told(error).replace(f"{task.scenario.parent}/", ""),
        )
