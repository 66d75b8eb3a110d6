"""Campaigns for tests, and runs that take no time."""

import os
import time
from pathlib import Path

from noroshi.assessment.results import Figure, RunResult, Variant
from noroshi.run.campaigns.folders import About, Campaign, read_campaign, write_about
from noroshi.run.campaigns.tasks import Task

VARIANTS = (Variant(name="base"), Variant(name="less", title="Something less"))


def made(task: Task) -> RunResult:
    """Return a run whose figure depends on its variant and replicate alone."""
    value = 100.0 + 3.0 * task.replicate - (20.0 + task.replicate % 3) * (task.variant == "less")
    figures = (
        Figure(measure="lead_time_s", value=value, node="JPN", subject="threat-1"),
        Figure(measure="lead_time_s", value=0.0, at_s=5.0),
    )
    return RunResult(
        variant=task.variant,
        replicate=task.replicate,
        figures=figures,
        digests={"JPN": f"{task.variant}{task.replicate}"},
        processor_s=time.process_time(),
    )


def deadly(task: Task) -> RunResult:
    """Return the same, but for one run whose process dies."""
    if (task.variant, task.replicate) == ("less", 1):
        os._exit(3)
    return made(task)


def slow(task: Task) -> RunResult:
    """Return the same, the first at once, the others after a minute."""
    time.sleep(60.0 * bool(task.replicate))
    return made(task)


def empty_campaign(folder: Path, *, seeds: int, stop_at: tuple[str, float] | None = None) -> Campaign:
    """Return a campaign of two variants that has no runs yet."""
    folder.mkdir(parents=True, exist_ok=True)
    about = About(
        name="Test",
        scenario="first_steps",
        title="First steps",
        seed=1,
        seeds=seeds,
        variants=VARIANTS,
        stop_at=stop_at,
    )
    write_about(folder, about)
    return read_campaign(folder)
