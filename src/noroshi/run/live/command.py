"""`noroshi node`: one nation's node, live."""

import gc
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from noroshi.run.complaints import one_line


def node(
    nation: Annotated[str, typer.Argument(help="A nation's file, or the name of a shipped one.")],
    keys: Annotated[Path | None, typer.Option(help="Folder that `noroshi pki` made; else as the file says.")] = None,
    state: Annotated[Path | None, typer.Option(help="Folder of what it remembers; else as the file says.")] = None,
    feed: Annotated[list[str] | None, typer.Option(help="A live source, instead of the file's. Repeatable.")] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(help="USA=tls/HOST:PORT connects, USA@tls/ADDRESS:PORT listens; instead of the file's."),
    ] = None,
    serve: Annotated[str | None, typer.Option(help="Serve the picture to programs: 127.0.0.1:8600.")] = None,
    tokens: Annotated[
        Path | None,
        typer.Option(help="File of who may look: operators, and \\[viewers] TOKEN = NATION; for you alone."),
    ] = None,
    for_s: Annotated[float | None, typer.Option("--for", help="Stop after so many seconds.")] = None,
) -> None:
    """Run one nation's node live: its sensors' feeds, its partners' links, its picture."""
    from noroshi.run.live.running import Running, Wanted

    wanted = Wanted(
        nation=nation,
        keys=keys,
        state=state,
        feeds=tuple(feed or ()),
        links=tuple(link or ()),
        serve=serve,
        tokens=tokens.absolute() if tokens else None,
        for_s=for_s,
    )

    def says(line: str) -> None:
        sys.stdout.write(f"node {running.nation.code}: {line}\n")
        sys.stdout.flush()

    with one_line(), (running := Running(wanted, says)):
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: running.node.stop())
        gc.freeze()  # what is there by now stays: looking it through again and again would hold the node up
        says(f"running, its memory is {running.state}; Ctrl-C ends it")
        running.run()
        counts = running.node.counts
        says(
            f"ended; {sum(counts.records.values()):,} records, {counts.replayed:,} run again at the start, "
            f"{sum(counts.alarms.values()):,} alarms"
        )
        for partner, way in running.node.links.items():
            tally = way.counters
            says(f"link to {partner}: {tally.sent:,} frames out, {tally.received:,} in, {tally.refused:,} not taken")
