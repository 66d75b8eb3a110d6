"""`noroshi listen`: from what a person typed to what is on the screen.

What is heavy is imported after the first line is on the screen.
"""

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from noroshi.run.complaints import INTERRUPTED

if TYPE_CHECKING:
    from noroshi.records import SensorSite
    from noroshi.run.listen.listener import Listener

EPILOG = "Example: noroshi listen udp://239.0.0.1:8600 tcp+sbs://localhost:30003"
SCREEN_S, JSON_S, LINE_S = 0.5, 1.0, 10.0


def listen(
    addresses: Annotated[
        list[str],
        typer.Argument(
            metavar="ADDRESS...",
            help="udp://GROUP:PORT (ASTERIX), tcp+beast://HOST:30005, tcp+sbs://HOST:30003, udp+ais://0.0.0.0:10110, "
            "tcp+ais://HOST:PORT, simulated://SCENARIO/NATION.",
        ),
    ],
    out: Annotated[
        list[Path] | None, typer.Option(help="Tracks out at the end, as in `noroshi track`. Repeatable.")
    ] = None,
    journal: Annotated[Path | None, typer.Option(help="A folder for journals, for `noroshi replay`.")] = None,
    sensors: Annotated[Path | None, typer.Option(help="Sensors table (docs/tables.md): where radars are.")] = None,
    for_s: Annotated[float | None, typer.Option("--for", help="Stop after so many seconds.", min=0.0)] = None,
    every: Annotated[float, typer.Option(help="In a pipe: a line every so many seconds.", min=0.1)] = LINE_S,
    tracker: Annotated[str, typer.Option(help="Which tracker: soft, nearest_neighbour, mixture.")] = "soft",
    motion: Annotated[str | None, typer.Option(help="Which motion model; by default what suits the data.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a second.")] = False,
) -> None:
    """Show and track live feeds, with nothing set up: radars, ADS-B, AIS, other trackers' output."""
    is_screen = sys.stdout.isatty() and not as_json
    end = _End()
    before = {name: signal.signal(name, end) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        _listen(addresses, out or [], journal, sensors, for_s, every, tracker, motion, is_screen, as_json, end)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except (ValueError, OSError) as error:
        _say(f"noroshi: {' '.join(str(error).split())[:1000]}")
        raise typer.Exit(2) from error
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


class _End:
    """Notes the first signal, and raises KeyboardInterrupt at the next.

    An exception alone may be lost: in a finaliser the interpreter drops it. A shell's background job starts with
    interrupts ignored; one that is sent to it on purpose ends it too.
    """

    def __init__(self) -> None:
        self.is_wanted = False

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.is_wanted:
            raise KeyboardInterrupt
        self.is_wanted = True


def _listen(
    addresses: list[str],
    out: list[Path],
    journal: Path | None,
    sensors: Path | None,
    for_s: float | None,
    every_s: float,
    tracker: str,
    motion: str | None,
    is_screen: bool,
    as_json: bool,
    end: _End,
) -> None:
    """Listen until it is enough.

    Raises:
        ValueError, OSError: if something that was asked for makes no sense.
    """
    from noroshi.run import outputs
    from noroshi.run.feeds import Address, find

    for address in addresses:
        find(Address.of(address))
    if doubled := sorted({address for address in addresses if addresses.count(address) > 1}):
        raise ValueError(f"{doubled[0]}: is named twice")
    for path in out:
        outputs.check_ending(path)
    known: tuple[SensorSite, ...] = ()
    if sensors:
        from noroshi.run.recordings import read_sites

        known = tuple(read_sites(sensors))
    _say(f"noroshi: listening to {', '.join(addresses)}; Ctrl-C ends")

    from noroshi.run.listen.desk import Wish
    from noroshi.run.listen.journals import Journals
    from noroshi.run.listen.listener import Listener
    from noroshi.run.listen.screen import Meter  # noqa: F401 - before the thread begins, which may hold imports up

    wish = Wish(tracker=tracker, motion=motion, known=known, keeps_rows=bool(out))
    listener = Listener(addresses, wish, Journals(journal) if journal else None)
    since = time.monotonic()
    until = math.inf if for_s is None else since + for_s

    def wait(seconds: float) -> bool:
        """Return whether to go on after so long."""
        time.sleep(min(max(until - time.monotonic(), 0.0), seconds))
        return listener.is_running and not end.is_wanted and time.monotonic() < until

    listener.start()
    try:
        if is_screen:
            _show_screen(listener, wait)
        else:
            _show_lines(listener, wait, JSON_S if as_json else every_s, as_json)
    except KeyboardInterrupt:
        pass  # the second, before the first was looked at
    finally:
        end.is_wanted = True  # whatever ended it, the next leaves at once
        _stop(listener)
    if listener.error:
        if isinstance(listener.error, (ValueError, OSError)):
            raise listener.error
        _say(f"noroshi: failed: {type(listener.error).__name__}: {listener.error}")
        raise typer.Exit(1) from listener.error
    _finish(listener, out, time.monotonic() - since)


def _stop(listener: "Listener") -> None:
    """Stop the listener; a second Ctrl-C does not wait for it."""
    if not listener.error:
        _say("noroshi: ending; Ctrl-C again leaves at once")
    try:
        listener.stop()
    except KeyboardInterrupt:
        _say("noroshi: left at once; what journals have is on the disk")
        os._exit(INTERRUPTED)


def _show_screen(listener: "Listener", wait: Callable[[float], bool]) -> None:
    from rich.console import Console
    from rich.live import Live

    from noroshi.run.listen.screen import Meter, screen

    meter, console = Meter(), Console(highlight=False, emoji=False)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        is_on = wait(0.0)
        while is_on:
            rates = meter.read(listener.feeds, time.monotonic())
            live.update(
                screen(
                    listener.feeds, rates, listener.view, listener.state, height=console.height, width=console.width
                ),
                refresh=True,
            )
            is_on = wait(SCREEN_S)


def _show_lines(listener: "Listener", wait: Callable[[float], bool], every_s: float, as_json: bool) -> None:
    from noroshi.run.listen.screen import Meter, line

    meter, due = Meter(), time.monotonic() + every_s
    while wait(min(every_s, SCREEN_S, max(due - time.monotonic(), 0.01))):
        rates = meter.read(listener.feeds, time.monotonic())
        if time.monotonic() >= due:
            told = json.dumps(_told(listener, rates)) if as_json else line(
                listener.feeds, rates, listener.view, listener.state, time.time_ns()
            )  # fmt: skip
            sys.stdout.write(f"{told}\n")
            sys.stdout.flush()
            due += every_s * max(1, -(-(time.monotonic() - due) // every_s))


def _told(listener: "Listener", rates: dict[str, float]) -> dict[str, Any]:
    """Return all there is to see, for programs."""
    from noroshi.geo.time import iso_from_utc_ns
    from noroshi.run.listen.screen import feeds_told

    view = listener.view
    return {
        "time": iso_from_utc_ns(view.now_ns) if view.now_ns else None,
        "state": listener.state,
        "tracks": list(view.tracks),
        "feeds": feeds_told(listener.feeds, rates),
        "plots": view.plots,
        "refused": view.refused,
        "waiting": list(view.waiting),
        "notes": list(view.notes),
    }


def _finish(listener: "Listener", out: list[Path], took_s: float) -> None:
    """Write what was asked for, and tell what came of it."""
    from noroshi.run import outputs

    healths = [feed.health for feed in listener.feeds]
    _say(
        f"noroshi: {took_s:.0f} s, {sum(h.n_records for h in healths):,} messages, "
        f"{sum(listener.desk.n_plots.values()):,} plots, {len(listener.view.tracks):,} tracks at the end, "
        f"{sum(sum(h.damage.values()) for h in healths):,} errors, {sum(h.n_dropped for h in healths):,} dropped"
    )
    rows = listener.desk.rows()
    for path in out:
        for group, tracks in sorted(rows.items()):
            plain = "".join(letter if letter.isalnum() else "-" for letter in group)
            own = path.with_stem(f"{path.stem}-{plain}") if group else path
            outputs.write(tracks, own)
            _say(f"noroshi: wrote {own}" + (f": tracks relative to radar {group}" if group else ""))
    if out and not rows:
        _say("noroshi: nothing to write: no tracks")
    if listener.desk.n_rows_not_kept:
        _say(f"noroshi: {listener.desk.n_rows_not_kept:,} rows more than are kept for --out; a journal keeps all")
    if listener.desk.n_unsearched:
        _say(f"noroshi: {listener.desk.n_unsearched:,} rows not looked at for repeats: of too many sensors at once")


def _say(text: str) -> None:
    sys.stderr.write("".join(letter if letter.isprintable() else "?" for letter in text) + "\n")
    sys.stderr.flush()
