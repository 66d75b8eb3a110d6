"""`noroshi assess`: from a campaign's folder to its report, and what changed since an earlier one."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from noroshi.run.complaints import one_line
from noroshi.run.printing import printable

SHOWN = ("better", "worse", "different")


def assess(
    folder: Annotated[Path, typer.Argument(help="A campaign's folder.")],
    against: Annotated[
        Path | None, typer.Option(help="The folder of an earlier campaign: what changed beyond noise since?")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the report is put; the campaign's own folder if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what report.json holds instead.")] = False,
) -> None:
    """Write a campaign's report: report.html, report.json, results.parquet."""
    with one_line():
        from noroshi.run.campaigns.folders import CampaignError, read_campaign
        from noroshi.run.reports import writing

        for each in (folder, against):
            if each is not None and not each.is_dir():
                raise CampaignError(f"{each}: there is no such folder; give that of a campaign")
        place = out or folder
        if place.exists() and not place.is_dir():
            raise CampaignError(f"{place}: is a file; give a folder")
        console = Console(stderr=True)

        def step(text: str) -> None:
            if console.is_terminal and not as_json:
                console.print(f"[dim]{text} ...[/]")

        step("reading")
        campaign = read_campaign(folder)
        old = read_campaign(against) if against is not None else None
        told = writing.write(campaign, place, old, step)
        if as_json:
            sys.stdout.write(json.dumps(told) + "\n")
        else:
            show(told, Console(width=None if sys.stdout.isatty() else 120))
            sys.stdout.write(f"wrote {printable(str(place / writing.HTML), 500)}\n")


def show(told: dict[str, Any], console: Console) -> None:
    """Print what a report says first."""
    console.print(f"[bold]{escape(told['name'])}[/], seed {told['seed']}, {told['runs']:,} runs; sites are notional")
    answers = [line for line in told["headline"] if line is not None]
    if answers:
        console.print(_table("what sharing buys", answers))
    for each in told["objectives"]:
        n = each["n_runs"]
        reached = f"[dim]({n - len(each['missed'])} of {n} runs)[/]" if n else "[dim](no run has such a figure)[/]"
        console.print(f"{each['rating'].upper():10} {escape(each['objective']['name'])} {reached}")
    for each in told["weakest"]:
        helps = f"'{each['helps_most']}' helps most" if each["helps_most"] else _nothing(each)
        console.print(f"improve first: {escape(each['objective'])}: {escape(helps)}")
    if told["failed"]:
        console.print(f"[red]{len(told['failed']):,} runs failed[/]; the report names them")
    if told["since"] is not None:
        lines = told["since"]["lines"]
        changed = [line for line in lines if line["says"] in SHOWN or line["came_differs"]]
        how = "paired" if told["since"]["paired"] else "unpaired"
        console.print(
            f"[bold]{len(changed)} of {len(lines)} figures changed beyond noise[/] since "
            f"{escape(told['since']['old'])} ({how}, adjusted by Holm)"
        )
        if changed:
            console.print(_table("what changed", changed))


def _nothing(weak: dict[str, Any]) -> str:
    unclear = weak["cannot_be_shown"]
    if not weak["remedies_run"]:
        return "no remedy was run"
    if not unclear:
        return "no remedy that was run is shown to help"
    return f"whether {', '.join(unclear)} {'helps' if len(unclear) == 1 else 'help'} cannot be shown: {weak['why_not']}"


def _table(title: str, lines: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title=title)
    for name in ("variant", "measure", "difference", "95 %", "says", "pairs"):
        table.add_column(name, justify="right" if name == "pairs" else "left", overflow="fold")
    for line in lines:
        says = line["says"] + (", comes at all differs" if line["came_differs"] else "")
        told = (line["difference_told"] or "-", line["interval_told"])
        table.add_row(escape(line["variant"]), line["measure"], *told, says, str(line["value"]["n_both"]))
    return table
