"""`noroshi exercise`: from what a person asked for to the figures."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noroshi.run import outputs
from noroshi.run.exercises.outcome import outcome, show
from noroshi.run.exercises.picture import draw_exercise
from noroshi.run.exercises.running import Plan, Progress, run
from noroshi.run.picture import check_picture_ending
from noroshi.run.scenarios import read_scenario

__all__ = ["Wanted", "check", "perform", "show"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person asked for; see `noroshi exercise --help`."""

    scenario: str
    nations: tuple[str, ...] = ()
    out: Path | None = None
    replicate: int = 0
    processes: int = 1
    until_s: float | None = None
    checkpoint: Path | None = None
    resume: Path | None = None
    plot: Path | None = None
    alone: bool = False


def check(wanted: Wanted) -> float:
    """Refuse what makes no sense, before any work is done; return how many seconds will have been simulated.

    Raises:
        ValueError: saying what is wrong and what to do.
    """
    if wanted.checkpoint and wanted.until_s is None:
        raise ValueError("a checkpoint is written where the run stops: say --until too")
    if wanted.until_s is not None and not 0.0 < wanted.until_s < 1e9:
        raise ValueError(f"--until {wanted.until_s:g}: give a number of seconds above 0")
    if wanted.resume and not wanted.out:
        raise ValueError("a resumed run goes on with its journals: say --out with the folder they are in")
    if wanted.plot:
        check_picture_ending(wanted.plot)
    for path in (wanted.checkpoint, wanted.plot):
        if path:
            outputs.check_folder(path)
    if wanted.out and wanted.out.exists() and not wanted.out.is_dir():
        raise ValueError(f"{wanted.out}: is a file; give a folder")
    if wanted.out and wanted.resume and not wanted.out.is_dir():
        raise ValueError(f"{wanted.out}: there is no such folder; give that of the run that is gone on with")
    if wanted.out and not wanted.resume and wanted.out.is_dir() and any(wanted.out.iterdir()):
        raise ValueError(f"{wanted.out}: is not empty; give another folder, or --resume")
    if wanted.resume and not wanted.resume.is_file():
        raise ValueError(f"{wanted.resume}: there is no such checkpoint")
    inputs = [Path(name) for name in (wanted.scenario, *wanted.nations)] + ([wanted.resume] if wanted.resume else [])
    for path in (wanted.checkpoint, wanted.plot):
        if path and path.resolve() in {each.resolve() for each in inputs}:
            raise ValueError(f"{path}: is read here and would be written over; name another file")
    duration_s = read_scenario(wanted.scenario, wanted.nations).duration_s
    if wanted.checkpoint and wanted.until_s is not None and wanted.until_s >= duration_s:
        raise ValueError(
            f"--until {wanted.until_s:g}: the exercise ends at {duration_s:g} s; stop it before for a checkpoint"
        )
    return duration_s if wanted.until_s is None else min(duration_s, wanted.until_s)


def perform(wanted: Wanted, progress: Progress = lambda _: None) -> dict[str, Any]:
    """Run it and return the figures.

    Args:
        wanted: what.
        progress: told how far it is, in seconds of the exercise.

    Raises:
        ValueError: if the scenario, or the checkpoint, is wrong.
    """
    if wanted.out:
        wanted.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = wanted.out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="noroshi-")))
        plan = Plan(
            scenario=wanted.scenario,
            also=wanted.nations,
            folder=folder,
            replicate=wanted.replicate,
            until_s=wanted.until_s,
            sharing=not wanted.alone,
        )
        memory = wanted.resume.read_bytes() if wanted.resume else None
        ran = run(plan, processes=wanted.processes, resume=memory, progress=progress)
        if wanted.checkpoint and ran.checkpoint is not None:
            outputs.replace(wanted.checkpoint, ran.checkpoint)
        if wanted.plot:
            draw_exercise(wanted.plot, ran)
        return outcome(ran)
