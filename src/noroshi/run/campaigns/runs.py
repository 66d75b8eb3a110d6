"""One run of a campaign: from a variant's files to its figures and the digests of its journals."""

import shutil
import time
from collections.abc import Callable

from noroshi.assessment.results import Figure, RunResult
from noroshi.records.known import Known
from noroshi.run.campaigns.measuring import figures_of
from noroshi.run.campaigns.tasks import Task, told
from noroshi.run.complaints import is_full
from noroshi.run.exercises.books import WORLD
from noroshi.run.exercises.running import Plan, Ran, run

KNOWN_BYTES = 256 << 20
KNOWN = Known(KNOWN_BYTES)
"""What nodes' own tracks were in the runs that this process made: variants of one replicate have many in common."""


def perform(task: Task, *, figures: Callable[[Ran], tuple[Figure, ...]] = figures_of, copies: int = 1) -> RunResult:
    """Make a run, in this process. What goes wrong in it is its result.

    Args:
        task: which.
        figures: what is measured of it.
        copies: by so many copies of this process; what they learn is lost.

    Raises:
        OSError: if there is no room for its journals, which says nothing about the run.
    """
    since = time.process_time()
    try:
        if task.journals is not None:
            shutil.rmtree(task.journals, ignore_errors=True)
            task.journals.mkdir(parents=True)
        plan = Plan(
            scenario=str(task.scenario),
            folder=task.journals,
            replicate=task.replicate,
            until_s=task.until_s,
            sharing=task.sharing,
        )
        ran = run(plan, processes=copies, known=KNOWN, forked=copies > 1)
        return RunResult(
            variant=task.variant,
            replicate=task.replicate,
            figures=figures(ran),
            digests={node: digest for node, digest in ran.digests.items() if node != WORLD},
            processor_s=time.process_time() - since + (sum(ran.process_s) if copies > 1 else 0.0),
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
