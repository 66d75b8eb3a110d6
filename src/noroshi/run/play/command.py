"""`noroshi play`: people of several nations play an exercise, each at a page of their own."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from noroshi.run.complaints import one_line
from noroshi.run.printing import printable

if TYPE_CHECKING:
    from rich.console import Console


def play(
    scenario: Annotated[str, typer.Argument(help="A scenario's file, or the name of a shipped one.")],
    out: Annotated[
        Path | None, typer.Option(help="An empty folder, or none yet, for journals, branches and played.json.")
    ] = None,
    people: Annotated[
        Path | None, typer.Option(help="Who plays: a file of [\\[people]] with name, token, nation, role.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option(help="What exercise control has planned: a file of [\\[rows]].")
    ] = None,
    nation: Annotated[
        list[str] | None, typer.Option(help="A nation that takes part too: its file, or a shipped one. Repeatable.")
    ] = None,
    speed: Annotated[float, typer.Option(help="So many times real time.", min=0.1, max=60.0)] = 1.0,
    begin: Annotated[bool, typer.Option("--begin", help="Begin at once, not when exercise control says so.")] = False,
    address: Annotated[str, typer.Option(help="Where to listen; others than this machine need TLS.")] = "127.0.0.1:0",
    certificate: Annotated[Path | None, typer.Option(help="TLS: the server's certificate, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="TLS: its private key, PEM.")] = None,
    for_s: Annotated[float | None, typer.Option(help="End after so many seconds.", hidden=True)] = None,
) -> None:
    """Play an exercise: people join by browser, each in a role; scripted people play the roles that nobody has."""
    from noroshi.run.edges import Tls
    from noroshi.run.play.rows import check_names, read_rows
    from noroshi.run.play.seats import read_seats, seats_of
    from noroshi.run.play.showing import PlayShowing
    from noroshi.run.scenarios import read_scenario
    from noroshi.run.web.command import serve

    with one_line():
        if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ValueError(
                f"{out}: is {'not empty' if out.is_dir() else 'a file'}; give an empty folder, or none yet"
            )
        if (certificate is None) != (key is None):
            raise ValueError("TLS needs both --certificate and --key")
        read = read_scenario(scenario, nation or ())
        seats = seats_of(read) if people is None else read_seats(people, read)
        rows = [] if events is None else read_rows(events)
        if events is not None:
            check_names(rows, read, events)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
        showing = PlayShowing(
            scenario, nation or (), people=list(seats.values()), rows=rows, folder=out, speed=speed, begins=begin
        )
        lines = [f"{user.nation}  {user.duty:<18} token {token}\n" for token, user in seats.items()]
        tls = None if certificate is None or key is None else Tls(certificate=str(certificate), key=str(key))
        serve(
            showing, showing.run, showing.stop, address=address, opens=False, for_s=for_s, tokens=seats, tls=tls,
            told="".join(lines) if people is None else "",
        )  # fmt: skip
        from rich.console import Console

        show(showing.played(), Console())
        if out is not None:
            sys.stdout.write(f"wrote {printable(str(out), 500)}\n")


def show(played: dict[str, Any], console: "Console") -> None:
    """Print what people did: what was expected of them, and how long each step took."""
    from rich.table import Table
    from rich.text import Text

    told = Table(title="What was told, and what came of it", title_justify="left")
    for name in ("number", "at [s]", "to", "expected", "within [s]", "seen after [s]", "done after [s]", "in time"):
        told.add_column(Text(name), justify="right" if "[s]" in name else "left")
    for row in played["injects"]:
        done = "not judged" if row["done"] is None else "not done" if not row["done"] else _s(row["done_s"])
        in_time = "" if row["in_time"] is None else "yes" if row["in_time"] else "no"
        cells = (row["number"], _s(row["at_s"]), row["to"], row["expected"], _s(row["within_s"]),
                 _s(row["acknowledged_s"]), done, in_time)  # fmt: skip
        told.add_row(*(Text(printable(cell, 80)) for cell in cells))
    decided = Table(title="What was decided", title_justify="left")
    for name in ("at [s]", "of", "step", "by", "waited [s]", "reason"):
        decided.add_column(Text(name), justify="right" if "[s]" in name else "left")
    for row in played["decisions"]:
        by = f"{row['by']} (scripted)" if row["is_scripted"] else row["by"]
        about = (
            _s(row["at_s"]),
            f"{row['nation']} {row['stream']}",
            row["step"],
            by,
            _s(row["waited_s"]),
            row["reason"],
        )
        decided.add_row(*(Text(printable(cell, 60)) for cell in about))
    console.print(told)
    console.print(decided)


def _s(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"
