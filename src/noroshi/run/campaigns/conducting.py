"""A campaign's runs made and kept: what is there already is not made again."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from noroshi.assessment.results import RunResult
from noroshi.run.campaigns.folders import Campaign, keep_run, read_campaign, read_run, run_path
from noroshi.run.campaigns.pool import Makers
from noroshi.run.campaigns.stopping import BATCH, is_enough
from noroshi.run.campaigns.tasks import Task, told
from noroshi.run.complaints import is_full
from noroshi.run.outputs import OutputError

Heard = Callable[[RunResult], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conducted:
    """How a campaign went.

    Attributes:
        campaign: with all runs that are kept.
        failed: what came of runs that went wrong, kept or not, in order.
        made: how many runs were made now.
        enough: after how many replicates it stopped early; None if it did not.
        full: whether it stopped because the disk is full.
    """

    campaign: Campaign
    failed: tuple[RunResult, ...]
    made: int
    enough: int | None
    full: bool


def conduct(
    campaign: Campaign,
    makers: Makers,
    *,
    journals: Path | None = None,
    heard: Heard = lambda _: None,
) -> Conducted:
    """Make the runs of a campaign that are not there yet, and failed ones again.

    Replicate by replicate, all variants of one before the next, so that what there is can be compared at any time; of
    these first the ones that share nothing, whose nodes look at their own tracks oftenest: the others find them known.

    Args:
        campaign: as it is; its folder has the variants' files.
        makers: what makes runs.
        journals: where the nodes' journals are kept, by variant and replicate; not kept if None.
        heard: told each result as it comes.
    """
    about, folder = campaign.about, campaign.folder
    kept = {(run.variant, run.replicate): run for run in campaign.runs if not run.error}
    unkept: list[RunResult] = []
    made, enough, full = 0, None, False
    size = BATCH if about.stop_at is not None else about.seeds
    for first in range(0, about.seeds, size):
        last = min(first + size, about.seeds)
        tasks = [
            Task(
                variant=variant.name,
                replicate=replicate,
                scenario=campaign.scenario_file(variant.name),
                sharing=variant.sharing,
                until_s=about.until_s,
                journals=None if journals is None else journals / variant.name / f"{replicate:04d}",
            )
            for replicate in range(first, last)
            for variant in sorted(about.variants, key=lambda each: each.sharing)
            if (variant.name, replicate) not in kept
        ]
        for task, result in makers.results(tasks):
            run = _result(task, result)
            made += 1
            try:
                keep_run(folder, run)
            except OutputError as error:
                full = True
                run = RunResult(variant=run.variant, replicate=run.replicate, error=told(error))
                unkept.append(run)
            full = full or is_full(result if isinstance(result, Exception) else None)
            heard(run)
            if full:
                break
        if full:
            break
        if about.stop_at is not None and last < about.seeds and _is_enough(campaign, last):
            enough = last
            break
    now = read_campaign(folder)
    failed = [run for run in now.runs if run.error] + unkept
    return Conducted(campaign=now, failed=tuple(failed), made=made, enough=enough, full=full)


def _result(task: Task, result: RunResult | Exception) -> RunResult:
    if isinstance(result, RunResult):
        return result
    return RunResult(variant=task.variant, replicate=task.replicate, error=told(result))


def _is_enough(campaign: Campaign, replicates: int) -> bool:
    """Return whether the runs of so many replicates, and no others, answer what was asked."""
    about = campaign.about
    if about.stop_at is None:
        return False
    names = [variant.name for variant in about.variants]
    paths = [run_path(campaign.folder, name, replicate) for name in names for replicate in range(replicates)]
    return is_enough([read_run(path) for path in paths], names, *about.stop_at)
