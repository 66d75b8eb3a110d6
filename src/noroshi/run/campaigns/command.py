"""`noroshi campaign`: from what a person asked for to runs that are kept."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from noroshi.assessment.results import RunResult
from noroshi.run.complaints import one_line
from noroshi.run.printing import printable

FAILED_SHOWN = 10
LATELY_S = 900.0
"""Of so long the time left is made: runs of different variants take different times."""


def campaign(
    what: Annotated[
        str, typer.Argument(help="A scenario or a campaign: its file, or a shipped name; or a campaign's folder.")
    ],
    out: Annotated[Path | None, typer.Option(help="An empty folder, or none yet, that keeps all runs.")] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Replicates of each variant; else as its file says, or 20.", min=1)
    ] = None,
    variants: Annotated[
        str | None,
        typer.Option(
            help="By commas: sharing, nations, sensors, constellation, links; by default the few that say most."
        ),
    ] = None,
    processes: Annotated[int, typer.Option(help="Runs at a time.", min=1, max=1024)] = 2,
    until: Annotated[float | None, typer.Option(help="Stop each run after so many seconds of the exercise.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what --out keeps already.")] = False,
    stop_at: Annotated[
        str | None,
        typer.Option(help="MEASURE=HALFWIDTH: stop when every paired difference of it is known to so much (at 0.95)."),
    ] = None,
    ray: Annotated[str | None, typer.Option(help="Address of a Ray cluster that makes the runs, or `auto`.")] = None,
    journals: Annotated[Path | None, typer.Option(help="Keep the nodes' journals in this folder.")] = None,
    again: Annotated[
        tuple[str, int] | None,
        typer.Option(help="VARIANT REPLICATE of a campaign's folder: make this run's journals again, into --journals."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> None:
    """Run a scenario many times in several variants, each with the same truth and noise, and keep what came of it."""
    with one_line():
        from noroshi.run.campaigns import performing
        from noroshi.run.reports.findings import too_few

        if again is not None:
            same = performing.make_again(Path(what), again[0], again[1], journals)
            _say_again(same, journals or Path(), as_json=as_json)
            return
        wanted = performing.Wanted(
            what=what,
            out=out,
            seeds=seeds,
            families=tuple(variants.split(",")) if variants else (),
            processes=processes,
            until_s=until,
            resume=resume,
            stop_at=stop_at,
            ray=ray,
            journals=journals,
        )
        with performing.alone(wanted.folder):
            ready = performing.prepare(wanted)
            n_there = sum(not run.error for run in ready.runs)
            few = too_few(ready.variants, ready.seeds)
            if few and not as_json:
                Console(stderr=True).print(f"[yellow]note[/]: {escape(few)}", soft_wrap=True)
            with _counted(ready.seeds * len(ready.variants), n_there, quiet=as_json) as heard:
                figures = performing.perform(wanted, ready, heard)
        if as_json:
            sys.stdout.write(json.dumps({**figures, "few": few}) + "\n")
        else:
            show(figures, Console())
        if figures["failed"] or figures["full"]:
            raise typer.Exit(1)


@contextmanager
def _counted(n_runs: int, n_there: int, *, quiet: bool) -> Iterator[Callable[[RunResult], None]]:
    """Show how many runs are there, how many failed, how long it will take; in a pipe, and for a machine, nothing."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[failed]}"),
        TimeElapsedColumn(), TextColumn("left:"), TimeRemainingColumn(elapsed_when_finished=False),
    )  # fmt: skip
    shows = console.is_terminal and not quiet
    with Progress(*columns, console=console, transient=True, disable=not shows, speed_estimate_period=LATELY_S) as bar:
        task = bar.add_task("runs", total=n_runs, completed=n_there, failed="")
        failed = 0

        def heard(run: RunResult) -> None:
            nonlocal failed
            failed += bool(run.error)
            bar.update(task, advance=1, failed=f"{failed} failed" if failed else "")

        yield heard


def show(figures: dict[str, Any], console: Console) -> None:
    """Print how a campaign went, for a person."""
    enough = f", enough after {figures['enough']}" if figures["enough"] else ""
    console.print(f"[bold]{escape(figures['name'])}[/], seed {figures['seed']}, {figures['seeds']} replicates{enough}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("variant", "", "runs", "failed", "processor s a run"):
        table.add_column(name, justify="left" if name in ("variant", "") else "right")
    for each in figures["variants"]:
        spent = "" if each["processor_s"] is None else f"{each['processor_s']:.1f}"
        table.add_row(each["name"], escape(each["title"]), str(each["runs"]), str(each["failed"] or ""), spent)
    console.print(table)
    console.print(
        f"{figures['made']:,} runs made in {figures['wall_s']:,.0f} s, {figures['simulated_s_per_s']:,.0f} seconds of "
        f"the exercise a second; {figures['runs']:,} good ones kept in {escape(figures['folder'])}",
        soft_wrap=True,
    )
    for each in figures["failed"][:FAILED_SHOWN]:
        told = printable(each["error"], 300)
        console.print(
            f"[red]failed[/]: '{each['variant']}', replicate {each['replicate']}, seed {each['seed']}: {escape(told)}",
            soft_wrap=True,
        )
    if len(figures["failed"]) > FAILED_SHOWN:
        console.print(f"[red]failed[/]: and {len(figures['failed']) - FAILED_SHOWN:,} more")
    if figures["full"]:
        console.print("[red]stopped[/]: the disk is full; make room, and go on with --resume")
    console.print(f"[dim]digest of all that came of it: {figures['digest']}[/]", soft_wrap=True)


def _say_again(same: dict[str, Any], folder: Path, *, as_json: bool) -> None:
    """Say whether a run was made again as it was.

    Raises:
        Exit: with code 1 if it was not.
    """
    if as_json:
        sys.stdout.write(json.dumps(same) + "\n")
    elif same["same"]:
        names = ", ".join(f"{node}.mcap" for node in same["now"])
        sys.stdout.write(f"the same journals, byte for byte: {names} in {printable(str(folder), 500)}\n")
    else:
        why = " (by another code than the campaign's)" if same["other_code"] else ""
        sys.stdout.write(f"NOT the same journals{why}: {printable(same['error'], 300) or same['now']}\n")
    if not same["same"]:
        raise typer.Exit(1)
