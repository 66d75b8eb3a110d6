"""A campaign from what a person asked for: its folder laid out or found again, its runs made, and figures of that."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from noroshi.run.campaigns.asking import asked
from noroshi.run.campaigns.conducting import Conducted, Heard, conduct
from noroshi.run.campaigns.folders import (
    ABOUT,
    About,
    Campaign,
    CampaignError,
    read_about,
    read_campaign,
    write_about,
)
from noroshi.run.campaigns.laying import files_digest, files_of, lay
from noroshi.run.campaigns.pairs import check as check_pairs
from noroshi.run.campaigns.pool import Makers, Pool
from noroshi.run.campaigns.runs import perform as perform_run
from noroshi.run.campaigns.tasks import Task
from noroshi.run.campaigns.versions import made_by
from noroshi.run.scenarios import Scenario, measures, read_scenario
from noroshi.run.scenarios.sources import choices

VARIANTS = "variants"
LAYING = ".laying"
"""Where a campaign's files are written before they are put in place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asked for; see `noroshi campaign --help`."""

    what: str
    out: Path | None = None
    seeds: int | None = None
    families: tuple[str, ...] = ()
    processes: int = 2
    until_s: float | None = None
    resume: bool = False
    stop_at: str | None = None
    ray: str | None = None
    journals: Path | None = None

    @property
    def folder(self) -> Path | None:
        """The campaign's folder, which is to be held; None if none is said."""
        return self.out or (Path(self.what) if self.resume else None)


@contextmanager
def alone(folder: Path | None) -> Iterator[None]:
    """Hold a campaign's folder, so that no other process runs a campaign in it; one that stays empty goes again.

    Raises:
        CampaignError: if another process holds it.
        OSError: if it cannot be made.
    """
    if folder is None or (folder.exists() and not folder.is_dir()):
        yield
        return
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _held(folder):
            yield
    finally:
        if is_new and not any(folder.iterdir()):
            folder.rmdir()


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    if sys.platform == "win32":  # has no locks of folders
        yield
        return
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise CampaignError(
            f"{folder}: another process is running a campaign in it: wait for it, or give another folder"
        ) from None
    except OSError:
        pass  # some network file systems have no such locks
    try:
        yield
    finally:
        os.close(handle)


def prepare(wanted: Wanted) -> Campaign:
    """Return the campaign that is asked for, its folder laid out; with --resume, as it was left.

    Raises:
        ValueError: saying what is wrong and what to do.
        OSError: if the folder cannot be written.
    """
    if wanted.until_s is not None and not 0.0 < wanted.until_s < 1e9:
        raise CampaignError(f"--until {wanted.until_s:g}: give a number of seconds above 0")
    if wanted.ray is not None and wanted.journals is not None:
        raise CampaignError("--journals: on a cluster they are on its machines; make them again here by --again")
    stop_at = _stop_at(wanted.stop_at)
    _finish_laying(wanted.folder)
    if (Path(wanted.what) / ABOUT).is_file():
        return _gone_on_with(wanted)
    if wanted.out is None:
        raise CampaignError("say where its runs are kept: --out FOLDER")
    about, scenario = asked(
        wanted.what, seeds=wanted.seeds, families=wanted.families, until_s=wanted.until_s, stop_at=stop_at
    )
    if wanted.resume:
        if not (wanted.out.is_dir() and any(wanted.out.iterdir())):
            raise CampaignError(f"{wanted.out}: is no campaign's folder: nothing was begun there; leave --resume away")
        return _found(wanted.out, about, scenario)
    _check_free(wanted.out)
    return _laid(wanted.out, about, scenario)


def perform(wanted: Wanted, campaign: Campaign, heard: Heard = lambda _: None) -> dict[str, Any]:
    """Make the runs that are not there yet; return how it went, as plain data for JSON."""
    since = time.perf_counter()
    with ExitStack() as stack:
        makers: Makers
        if wanted.ray is not None:
            from noroshi.run.campaigns.on_ray import Cluster

            makers = stack.enter_context(Cluster(wanted.ray))
        else:
            makers = stack.enter_context(Pool(wanted.processes, perform_run))
        went = conduct(campaign, makers, journals=wanted.journals, heard=heard)
    return _told(went, time.perf_counter() - since)


def make_again(folder: Path, variant: str, replicate: int, journals: Path | None) -> dict[str, Any]:
    """Make the journals of a run again, and see whether they are the same.

    Args:
        folder: the campaign's.
        variant, replicate: which run.
        journals: where they are put: an empty folder, or none yet.

    Returns:
        The digests that were kept, and those of now.

    Raises:
        CampaignError: if there is no such run, or it fails.
    """
    campaign = read_campaign(folder)
    if journals is None:
        raise CampaignError("say where the journals are put: --journals FOLDER")
    kept = [run for run in campaign.runs if (run.variant, run.replicate) == (variant, replicate)]
    if not kept:
        names = ", ".join(each.name for each in campaign.variants)
        raise CampaignError(f"{folder}: keeps no run of replicate {replicate} of '{variant}'; its variants: {names}")
    _check_files(campaign.about, folder)
    _check_free(journals)
    about = next(each for each in campaign.variants if each.name == variant)
    now = perform_run(
        Task(
            variant=variant,
            replicate=replicate,
            scenario=campaign.scenario_file(variant),
            sharing=about.sharing,
            until_s=campaign.about.until_s,
            journals=journals,
        )
    )
    return {
        "variant": variant,
        "replicate": replicate,
        "seed": campaign.about.seed,
        "kept": dict(kept[0].digests),
        "now": dict(now.digests),
        "same": now.digests == kept[0].digests and now.error == kept[0].error,
        "error": now.error,
        "other_code": made_by() != dict(campaign.made_by),
    }


def _gone_on_with(wanted: Wanted) -> Campaign:
    """Return a campaign that is asked for by its own folder."""
    folder = Path(wanted.what)
    if not wanted.resume:
        raise CampaignError(f"{folder}: is the folder of a campaign; go on with it by --resume")
    if wanted.families or wanted.until_s is not None or wanted.out not in (None, folder):
        raise CampaignError(f"{folder}: goes on as it began: leave --variants, --until and --out away")
    about = read_about(folder)
    about = replace(about, made_by=made_by(), seeds=wanted.seeds or about.seeds)
    if wanted.stop_at is not None:
        about = replace(about, stop_at=_stop_at(wanted.stop_at))
    return _found(folder, about, read_scenario(about.scenario))


def _laid(folder: Path, about: About, scenario: Scenario) -> Campaign:
    """Write a new campaign's files, whole or not at all, wherever this is interrupted."""
    at = folder / LAYING
    try:
        at.mkdir(parents=True)
        about = replace(about, files=_lay_all(about, scenario, at / VARIANTS))
        write_about(at, about)
    finally:
        _finish_laying(folder)
    return read_campaign(folder)


def _finish_laying(folder: Path | None) -> None:
    """Put what is written in place if it is whole, else take it away; also what a process left that was killed."""
    at = None if folder is None else folder / LAYING
    if folder is None or at is None or not at.is_dir():
        return
    if (at / ABOUT).is_file():  # which is written last, and put in place last
        if (at / VARIANTS).is_dir():
            (at / VARIANTS).rename(folder / VARIANTS)
        (at / ABOUT).rename(folder / ABOUT)
    shutil.rmtree(at)


def _lay_all(about: About, scenario: Scenario, folder: Path) -> dict[str, str]:
    """Write the files of all variants; return their digests.

    Raises:
        CampaignError: if a variant makes no sense, or cannot be compared with the first one in pairs.
    """
    found = {}
    base: Scenario | None = None
    for variant in about.variants:
        there = lay(scenario, variant, folder / variant.name)
        if base is None:
            base = there
        else:
            check_pairs(base, there, variant)
        found[variant.name] = files_digest(files_of(folder / variant.name))
    return found


def _found(folder: Path, about: About, scenario: Scenario) -> Campaign:
    """Return a campaign as it was left, if it is the one that is asked for.

    Raises:
        CampaignError: if it is another.
    """
    before = read_about(folder)
    with tempfile.TemporaryDirectory(prefix="noroshi-") as at:
        about = replace(about, files=_lay_all(about, scenario, Path(at)))
    for key, now in about.made_by.items():
        if before.made_by.get(key) != now:
            raise CampaignError(
                f"{folder}: cannot go on: it was made by {key} {before.made_by.get(key)}, and this is {now}"
            )
    for is_other, what in (
        (before.seed != about.seed or before.title != about.title, "it is of another scenario"),
        (before.variants != about.variants, "it has other variants"),
        (before.until_s != about.until_s, "its runs stop at another time"),
        (before.files != about.files, "the scenario or a nation's file has changed since"),
        (before.stop_at != about.stop_at, "it stops early by another rule"),
        (before.seeds > about.seeds, f"it has {before.seeds} replicates, and {about.seeds} are asked for"),
    ):
        if is_other:
            raise CampaignError(f"{folder}: cannot go on: {what}")
    _check_files(before, folder)
    if before.seeds != about.seeds:
        write_about(folder, about)
    return read_campaign(folder)


def _check_files(about: About, folder: Path) -> None:
    for name, digest in about.files.items():
        if files_digest(files_of(folder / VARIANTS / name)) != digest:
            raise CampaignError(f"{folder / VARIANTS / name}: its files are not those that its runs were made from")


def _check_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise CampaignError(f"{folder}: is a file; give a folder")
    if folder.exists() and any(folder.iterdir()):
        resume = ", or --resume" if (folder / ABOUT).is_file() else ""
        raise CampaignError(f"{folder}: is not empty; give another folder{resume}")


def _stop_at(text: str | None) -> tuple[str, float] | None:
    if text is None:
        return None
    measure, _, width = text.partition("=")
    try:
        half_width = float(width)
    except ValueError:
        half_width = -1.0
    if measure not in measures.known():
        raise CampaignError(f"--stop-at: no measure '{measure}'; {choices(measure, list(measures.known()))}")
    if not 0.0 < half_width < 1e12:
        raise CampaignError(f"--stop-at {text}: give MEASURE=HALFWIDTH, for instance lead_time_s=2")
    return measure, half_width


def _told(went: Conducted, wall_s: float) -> dict[str, Any]:
    campaign, about = went.campaign, went.campaign.about
    duration_s = read_scenario(campaign.scenario_file(about.variants[0].name)).duration_s
    simulated_s = min(about.until_s or duration_s, duration_s)
    good = [run for run in campaign.runs if not run.error]
    return {
        "name": campaign.name,
        "scenario": about.scenario,
        "seed": about.seed,
        "seeds": about.seeds,
        "enough": went.enough,
        "folder": str(campaign.folder),
        "variants": [
            {
                "name": variant.name,
                "title": variant.title,
                "is_remedy": variant.is_remedy,
                "runs": len(runs := campaign.good(variant.name)),
                "failed": sum(run.variant == variant.name for run in went.failed),
                "processor_s": round(sum(run.processor_s for run in runs) / len(runs), 3) if runs else None,
            }
            for variant in campaign.variants
        ],
        "runs": len(good),
        "made": went.made,
        "failed": [
            {"variant": run.variant, "replicate": run.replicate, "seed": about.seed, "error": run.error}
            for run in went.failed
        ],
        "full": went.full,
        "digest": campaign.digest(),
        "wall_s": round(wall_s, 3),
        "simulated_s_per_s": round(went.made * simulated_s / wall_s, 1),
        "made_by": dict(about.made_by),
    }
