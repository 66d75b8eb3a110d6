"""`noroshi warn`: from what a person asked for to the tables."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from noroshi.run.complaints import one_line
from noroshi.run.warn.stands import STANDS

if TYPE_CHECKING:
    from noroshi.exercise.events import Event

USUAL = ("national", "shared", "shared-54")


def warn(
    event: Annotated[
        str, typer.Argument(help="A real launch: a file, or a shipped one by its date; `list` shows them.")
    ],
    with_: Annotated[
        list[str] | None, typer.Option("--with", help=f"Through which sensors: {', '.join(STANDS)}. Repeatable.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Names all random draws.", min=0)] = 1,
    replicate: Annotated[int, typer.Option(help="Another repetition: other cloud, burn time, noise.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the tables.")] = False,
) -> None:
    """Replay a real launch through generic sensors: who would have been warned when, beside what happened that day."""
    from noroshi.run.events import event_names, load_event  # here, since flights are half of all that a command loads

    with one_line():
        if event == "list":
            sys.stdout.writelines(f"{_line(load_event(name))}\n" for name in event_names())
            return
        flown = load_event(event)
        stands = tuple(with_ or USUAL)
        if unknown := sorted(set(stands) - set(STANDS)):
            raise ValueError(f"--with {unknown[0]}: there is no such set of sensors; there are: {', '.join(STANDS)}")
        if flown.tier == "timeline":
            raise ValueError(f"event '{flown.name}' cannot be flown: {' '.join(flown.summary.split())}")
        from noroshi.run.warn.replaying import replay
        from noroshi.run.warn.telling import figures, show

        replays = []
        for stand in stands:
            if not as_json and sys.stderr.isatty():
                sys.stderr.write(f"replaying through '{stand}' ...\n")
            replays.append(replay(flown, stand, seed=seed, replicate=replicate))
        if as_json:
            sys.stdout.write(json.dumps(figures(flown, replays)) + "\n")
        else:
            show(flown, replays, Console())


def _line(event: "Event") -> str:
    return f"{event.name:14} {event.tier:9} {event.title}"
