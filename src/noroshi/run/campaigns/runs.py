"""One run of a campaign: from a variant's files to its figures and the digests of its journals."""

import errno
import shutil
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from noroshi.assessment.results import RunResult
from noroshi.run.campaigns.measuring import figures_of
from noroshi.run.exercises.books import WORLD
from noroshi.run.exercises.running import Plan, run

ERROR_MAX = 300  # characters
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A run to be made.

    Attributes:
        variant, replicate: which.
        scenario: the variant's file.
        sharing: whether links carry anything.
        until_s: where it stops, if before the scenario's end.
        scratch: where its journals are while it runs; where the system has such if None.
        journals: where they are kept; not kept if None.
    """

    variant: str
    replicate: int
    scenario: Path
    sharing: bool = True
    until_s: float | None = None
    scratch: Path | None = None
    journals: Path | None = None


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
            error=told(error),
        )


def is_full(error: BaseException | None) -> bool:
    """Return whether an error is that of a full disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return True
        error = error.__cause__
    return False


def told(error: BaseException) -> str:
    """Return an error in one line: what a person should know of it, and its kind if it is none for persons."""
    text = " ".join(str(error).split())
    line = text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"
    return line[:ERROR_MAX]
