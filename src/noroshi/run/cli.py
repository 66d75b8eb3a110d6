"""The command line. Exit codes are in `EPILOG`."""

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from noroshi import __version__
from noroshi.geo.time import utc_ns_from_iso
from noroshi.records import SensorSite
from noroshi.run import kernel_cache
from noroshi.run.campaigns.command import campaign
from noroshi.run.complaints import FAILED, one_line, refuse
from noroshi.run.listen.command import listen
from noroshi.run.live.command import node
from noroshi.run.pki.command import app as pki
from noroshi.run.play.command import play
from noroshi.run.printing import printable
from noroshi.run.releasing.command import app as release
from noroshi.run.releasing.command import audit
from noroshi.run.reports.command import assess
from noroshi.run.warn.command import warn
from noroshi.run.web.command import picture

if TYPE_CHECKING:
    from noroshi.run.api import Tracked
    from noroshi.run.recordings import Recording

EPILOG = (
    "Exit codes: 0 done, 1 the work failed, 2 the input or the usage is wrong (one line says what), 130 broken off by "
    "Ctrl-C. What runs until Ctrl-C (demo, play, node, listen, replay --picture) ends with 0."
)

Columns = Annotated[
    list[str] | None,
    typer.Option("--column", help="Which column of a table is which: range_nmi=YOURS (docs/tables.md). Repeatable."),
]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
    help="Air and missile surveillance and warning for a coalition. Research and exercise software: not certified for "
    "alerting, air traffic control or operations.",
)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"noroshi {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass


@app.command(
    epilog="Example: noroshi track radar.pcap adsb.json.gz --sensors sites.csv --out tracks.parquet --plot map.png"
)
def track(
    recordings: Annotated[list[str], typer.Argument(help="Files, or sample:NAME for a real flight to try.")],
    out: Annotated[
        list[Path] | None,
        typer.Option(help="Tracks out: .parquet, .csv, .ast (ASTERIX 062), .geojson, .czml. Repeatable."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="A map of sensors, plots and tracks: .png, .svg or .pdf.")] = None,
    sensors: Annotated[Path | None, typer.Option(help="Sensors table (docs/tables.md): where they are.")] = None,
    journal: Annotated[Path | None, typer.Option(help="Write a journal, for `noroshi replay`.")] = None,
    period: Annotated[
        float, typer.Option(help="Give out the whole picture every so many seconds; 0: each track as it changes.")
    ] = 0.0,
    day: Annotated[str | None, typer.Option(help="Day of a recording that gives only the time of day.")] = None,
    format_name: Annotated[str | None, typer.Option("--format", help="Format, if the file does not show it.")] = None,
    column: Columns = None,
    tracker: Annotated[
        str,
        typer.Option(
            help="Which tracker: soft, nearest_neighbour (fast), mixture (accurate, but by one motion model alone: "
            "targets that turn are better followed by soft)."
        ),
    ] = "soft",
    motion: Annotated[str | None, typer.Option(help="Which motion model; by default what suits the data.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter of the tracker or the motion: NAME=NUMBER.")
    ] = None,
    register: Annotated[
        bool,
        typer.Option("--register", help="Estimate the radars' biases on the way and take them out of their plots."),
    ] = False,
    smooth: Annotated[
        bool, typer.Option("--smooth", help="Smooth the tracks after the fact: for analysis, not for live use.")
    ] = False,
    batch: Annotated[float, typer.Option(help="Seconds of a recording that are handed over at a time.")] = 1.0,
    threads: Annotated[int, typer.Option(help="Threads; the tracks are the same.", min=1, max=64)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the summary.")] = False,
) -> None:
    """Track recordings of radars and of aircraft's and ships' own reports, several together."""
    from noroshi.run import api, outputs

    with one_line():
        for path in out or []:
            outputs.check_ending(path)
        _check_places(plot, journal)
        _check_not_inputs([*recordings, str(sensors)], [*(out or []), plot, journal])
        seconds = _Watch()
        read, sites = _read(recordings, sensors, day, format_name, column)
        seconds.lap("reading")
        detections = [batch for recording in read for batch in recording.decoded.detections]
        statuses = [status for recording in read for status in recording.decoded.statuses]
        known = sites + [site for recording in read for site in recording.decoded.sites]
        tracked = None
        if detections:
            _say_if_cold()
            with _progress("tracking", sum(map(len, detections)), quiet=as_json) as advance:
                tracked = api.track(
                    detections, known, statuses=statuses, tracker=tracker, motion=motion, parameters=_numbers(set_),
                    period_s=period, batch_s=batch, threads=threads, journal=journal, progress=advance,
                    registration=register, smooth=smooth,
                )  # fmt: skip
            seconds.lap("tracking")
        _finish(read, tracked, out=out or [], plot=plot, as_json=as_json, seconds=seconds)


@app.command(epilog="Example: noroshi doctor radar.pcap adsb.jsonl.gz --sensors sites.csv")
def doctor(
    recordings: Annotated[list[str], typer.Argument(help="Files that are looked at together, or sample:NAME.")],
    sensors: Annotated[Path | None, typer.Option(help="Sensors table (docs/tables.md): where they are.")] = None,
    day: Annotated[str | None, typer.Option(help="Day of a recording that gives only the time of day.")] = None,
    format_name: Annotated[str | None, typer.Option("--format", help="Format, if the file does not show it.")] = None,
    column: Columns = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the tables.")] = False,
) -> None:
    """Tell what is wrong with recordings, sensor by sensor: biases, noise, clocks, misses, false plots."""
    from noroshi.run.doctor import examine
    from noroshi.run.doctor.findings import show, summary

    with one_line():
        read, sites = _read(recordings, sensors, day, format_name, column)
        n = sum(len(batch) for recording in read for batch in recording.decoded.detections)
        with _progress("tracking", n, quiet=as_json) as advance:
            findings = examine(read, sites, progress=advance)
    if as_json:
        sys.stdout.write(json.dumps(summary(findings)) + "\n")
    else:
        show(findings, _console())


@app.command(epilog="Example: noroshi replay flight.mcap --out tracks.parquet")
def replay(
    journal: Annotated[Path, typer.Argument(help="A journal that `noroshi track --journal` wrote.")],
    out: Annotated[list[Path] | None, typer.Option(help="Tracks out, as in `noroshi track`. Repeatable.")] = None,
    plot: Annotated[Path | None, typer.Option(help="A map of sensors, plots and tracks.")] = None,
    smooth: Annotated[bool, typer.Option("--smooth", help="Smooth the tracks after the fact.")] = False,
    threads: Annotated[int, typer.Option(help="Threads; the tracks are the same.", min=1, max=64)] = 1,
    in_browser: Annotated[bool, typer.Option("--picture", help="Show it in a browser, with a cursor in time.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the summary.")] = False,
) -> None:
    """Run a journal again: the same bytes come out."""
    from noroshi.run import api, outputs

    with one_line():
        if in_browser:
            from noroshi.run.web.command import show_journal

            show_journal(journal)
            return
        for path in out or []:
            outputs.check_ending(path)
        _check_places(plot, None)
        seconds = _Watch()
        _say_if_cold()
        with _progress("replaying", None, quiet=as_json) as advance:
            tracked = api.replay(journal, smooth=smooth, threads=threads, progress=advance)
        seconds.lap("replaying")
        _finish([], tracked, out=out or [], plot=plot, as_json=as_json, seconds=seconds)


@app.command(epilog="Example: noroshi why SWR12 flight.mcap --from 2024-06-06T12:00:00Z")
def why(
    track: Annotated[str, typer.Argument(help="Its number or the first digits of it, call sign, or address in hex.")],
    journal: Annotated[Path, typer.Argument(help="A journal that `noroshi track --journal` wrote.")],
    since: Annotated[str | None, typer.Option("--from", help="Events from this UTC time on.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Events up to this UTC time.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> None:
    """Tell a track's story: what started it, its plots and their alternatives, misses, and why it ended."""
    from noroshi.run import why as teller

    with one_line():
        from_ns, to_ns = (utc_ns_from_iso(text) if text else None for text in (since, until))
        with _progress("replaying", None, quiet=as_json) as advance:
            story = teller.explain(journal, track, from_ns=from_ns, to_ns=to_ns, progress=advance)
    if as_json:
        sys.stdout.write(json.dumps(teller.summary(story)) + "\n")
    else:
        teller.show(story, _console())


@app.command(epilog="Example: noroshi lint trilateral --nation new_zealand.toml")
def lint(
    scenario: Annotated[str, typer.Argument(help="A scenario's file, or the name of a shipped one.")],
    nation: Annotated[
        list[str] | None, typer.Option(help="A nation that takes part beside those it names. Repeatable.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Tell what is wrong with a scenario and its nations, each with its line. Exit code 2 if anything is."""
    from noroshi.run.scenarios.lint import lint as look_over

    with one_line():
        found = look_over(scenario, nation or [])
    if as_json:
        told = [dataclasses.asdict(each) for each in found]
        sys.stdout.write(json.dumps({"scenario": scenario, "findings": told}) + "\n")
    else:
        sys.stdout.write("".join(f"{printable(str(each), 1000)}\n" for each in found))
    if found:
        raise typer.Exit(2)


@app.command(epilog="Example: noroshi schema scenarios > scenario.schema.json")
def schema(room: Annotated[Literal["nations", "scenarios"], typer.Argument(help="Of which files.")]) -> None:
    """Print the JSON Schema of the files of nations or scenarios, for editors."""
    from noroshi.run.scenarios.schema import schema as make

    sys.stdout.write(json.dumps(make(room), indent=2) + "\n")


def _read(
    recordings: Sequence[str],
    sensors: Path | None,
    day: str | None,
    format_name: str | None,
    columns: Sequence[str] | None,
) -> "tuple[list[Recording], list[SensorSite]]":
    """Return recordings and what a sensors table says."""
    from noroshi.run.recordings import read_all, read_sites

    try:
        day_ns = utc_ns_from_iso(f"{day}T00:00:00Z") if day else None
    except ValueError as error:
        raise ValueError(f"--day {day}: write a day as 2024-06-06, from 1678 to 2261") from error
    pairs = [(ours, theirs) for ours, _, theirs in (column.partition("=") for column in columns or [])]
    read = read_all(recordings, day_ns=day_ns, format_name=format_name, columns=pairs)
    return read, read_sites(sensors) if sensors else []


def main() -> None:
    """Run the command line."""
    app()


def _console() -> Console:
    return Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 120)


class _Watch:
    """How long each part of the work took."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, name: str) -> None:
        """Name the time since the last lap."""
        now = time.perf_counter()
        self.laps[name] = now - self._since
        self._since = now


def _finish(
    read: "Sequence[Recording]",
    tracked: "Tracked | None",
    *,
    out: Sequence[Path],
    plot: Path | None,
    as_json: bool,
    seconds: _Watch,
) -> None:
    """Write what was asked for and tell what came of it; where no plot could be used there is nothing to write."""
    from noroshi.run import api, outputs, refusals
    from noroshi.run.evidence import radar_residuals
    from noroshi.run.summary import show, summarise

    every = api.all_tracks(read, tracked) if out else None
    nothing = every is None and tracked is not None and tracked.is_all_refused
    for path in out:
        if every is not None:
            outputs.write(every, path)
    if out:
        seconds.lap("writing")
    if plot and not nothing:
        from noroshi.run.picture import draw_picture

        draw_picture(plot, read, tracked)
        seconds.lap("drawing")
    residuals = radar_residuals(read, tracked)
    summary = summarise(read, tracked, residuals=residuals, seconds=seconds.laps)
    if as_json:
        sys.stdout.write(json.dumps(summary) + "\n")
    else:
        show(summary, _console())
        for path in out:
            name = printable(str(path), 500)
            sys.stdout.write(f"nothing to write to {name}: no tracks\n" if every is None else f"wrote {name}\n")
        if plot and not nothing:
            sys.stdout.write(f"wrote {printable(str(plot), 500)}\n")
    if nothing and tracked and (out or plot):
        refuse(f"nothing to write, no plot could be used: {refusals.reasons(tracked.refused, tracked.notes)}", FAILED)


@app.command(epilog="Example: noroshi exercise trilateral --out journals/ --processes 2")
def exercise(
    scenario: Annotated[str, typer.Argument(help="A scenario's file, or the name of a shipped one.")],
    out: Annotated[
        Path | None, typer.Option(help="An empty folder, or none yet, for the journals of all nodes and of the world.")
    ] = None,
    nation: Annotated[
        list[str] | None, typer.Option(help="A nation that takes part too: its file, or a shipped one. Repeatable.")
    ] = None,
    replicate: Annotated[int, typer.Option(help="Another repetition: other random draws.", min=0, max=2**63 - 1)] = 0,
    processes: Annotated[int, typer.Option(help="Spread the nodes over so many.", min=1, max=64)] = 1,
    until: Annotated[float | None, typer.Option(help="Stop after so many seconds of the exercise.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="With --until: write here what --resume needs.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on from a checkpoint, with the same --out.")] = None,
    plot: Annotated[Path | None, typer.Option(help="A map of what was tracked: .png, .svg or .pdf.")] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Nations share nothing: their links carry nothing.")] = False,
    by_people: Annotated[
        bool, typer.Option("--play", help="Paced, and played by people in browsers: as `noroshi play`.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the tables.")] = False,
) -> None:
    """Run a simulated exercise: the same nodes that would run live, in a simulated world, faster than real time."""
    from noroshi.run.exercises import command

    if by_people:
        play(scenario, out=out, nation=nation)
        return
    with one_line():
        wanted = command.Wanted(
            scenario, tuple(nation or ()), out, replicate, processes, until, checkpoint, resume, plot, alone
        )
        length_s = command.check(wanted)
        _say_if_cold()
        with _simulated(length_s, quiet=as_json) as progress:
            figures = command.perform(wanted, progress)
        if as_json:
            sys.stdout.write(json.dumps(figures) + "\n")
        else:
            command.show(figures, _console())
            for path in (plot, checkpoint):
                if path:
                    sys.stdout.write(f"wrote {printable(str(path), 500)}\n")


@app.command(epilog="Example: noroshi demo")
def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Print tables instead of a picture.")] = False,
    rate: Annotated[float, typer.Option(help="The picture: so many times real time.", min=0.25, max=60.0)] = 6.0,
    port: Annotated[int, typer.Option(help="The picture: on this port of this machine; 0: any.", min=0)] = 0,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="The picture: in a browser, at once.")] = True,
    processes: Annotated[int, typer.Option(help="Tables: spread the nodes over so many.", min=1, max=64)] = 2,
    plot: Annotated[Path | None, typer.Option(help="Tables, and a map: .png, .svg or .pdf.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Run the trilateral exercise: three nations, real traffic, ships, four threats, satellites, fifteen minutes."""
    if headless or plot or as_json:
        exercise("trilateral", processes=processes, plot=plot, as_json=as_json)
        return
    from noroshi.run.web.command import show_exercise

    with one_line():
        _say_if_cold()
        show_exercise("trilateral", address=f"127.0.0.1:{port}", opens=open_, rate=rate)


@app.command(epilog="Example: noroshi coverage trilateral --height 300 --height 10000 --plot cover.png")
def coverage(
    scenario: Annotated[str, typer.Argument(help="A scenario's file, or the name of a shipped one.")],
    height: Annotated[list[float] | None, typer.Option(help="Of targets, in metres. Repeatable.")] = None,
    region: Annotated[str | None, typer.Option(help="SOUTH,WEST,NORTH,EAST in degrees; by default all reach.")] = None,
    nation: Annotated[
        list[str] | None, typer.Option(help="A nation that takes part too: its file, or a shipped one. Repeatable.")
    ] = None,
    flight: Annotated[list[str] | None, typer.Option(help="Who can see this flight, and when. Repeatable.")] = None,
    like: Annotated[str | None, typer.Option(help="Where would one more sensor like this one help most?")] = None,
    sites: Annotated[Path | None, typer.Option(help="With --like: places to try, as a sensors table.")] = None,
    on: Annotated[
        list[str] | None,
        typer.Option(help="With --like: try the land in SOUTH,WEST,NORTH,EAST; else near its owner's. Repeatable."),
    ] = None,
    least: Annotated[int, typer.Option(help="With --like: wanted are so many sensors at once.", min=1, max=9)] = 1,
    keep: Annotated[
        int | None, typer.Option(min=1, help="Which so many sensors on the ground to keep, at the first --height?")
    ] = None,
    losses: Annotated[int, typer.Option(min=0, max=2, help="With --keep: so many of those that are kept fail.")] = 1,
    cross_section: Annotated[float, typer.Option(help="Of the target, for radars, in square metres.")] = 1.0,
    heat: Annotated[float, typer.Option(help="Of the target, for infrared satellites, in W/sr.")] = 1e5,
    probability: Annotated[float, typer.Option(help="Seen is what one look sees with this chance.")] = 0.5,
    reports: Annotated[bool, typer.Option("--reports", help="The target tells its position: count receivers.")] = False,
    hours: Annotated[float, typer.Option(help="How long satellites are watched.")] = 24.0,
    step: Annotated[float, typer.Option(help="How often, in seconds.")] = 60.0,
    points: Annotated[int, typer.Option(help="Points of equal area in the region.", min=100, max=2_000_000)] = 20_000,
    threads: Annotated[int, typer.Option(help="Threads; the figures are the same.", min=1, max=64)] = 1,
    plot: Annotated[Path | None, typer.Option(help="A map: .png, .svg or .pdf, at the first --height.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the tables.")] = False,
) -> None:
    """Tell who can see what at which height, with and without each nation, and where one more sensor would help."""
    from noroshi.run.coverage import command, tables

    with one_line():
        _check_places(plot, None)
        target = command.Target(
            cross_section_m2=cross_section, heat_w_sr=heat, probability=probability, reports=reports
        )
        wanted = command.Wanted(
            scenario=scenario, nations=tuple(nation or ()), heights_m=tuple(height or command.HEIGHTS_M),
            region_deg=region, target=target, flights=tuple(flight or ()), like=like, sites=sites,
            on_deg=tuple(on or ()), least=least, hours=hours, step_s=step, points=points, threads=threads,
            keep=keep, losses=losses,
        )  # fmt: skip
        command.check(wanted)
        covered = command.cover(wanted)
        if plot:
            from noroshi.run.coverage.picture import draw_cover

            draw_cover(plot, covered)
    told = tables.summary(covered)
    if as_json:
        sys.stdout.write(json.dumps(told) + "\n")
    else:
        tables.show(told, _console())
        sys.stdout.write(f"wrote {printable(str(plot), 500)}\n" if plot else "")


app.command(epilog="Example: noroshi node japan --keys keys --feed udp://239.0.0.1:8600 --serve 127.0.0.1:8600")(node)
app.command(epilog="Example: noroshi listen udp://239.0.0.1:8600 tcp+beast://raspberrypi:30005")(listen)
app.command(epilog="Example: noroshi warn 2017-09-15")(warn)
app.command(epilog="Example: noroshi play trilateral --out played")(play)
app.command(epilog="Example: noroshi campaign trilateral --seeds 20 --out spring")(campaign)
app.command(epilog="Example: noroshi assess spring --against winter")(assess)
app.command(epilog="Example: noroshi picture out/JPN.mcap --out picture.html")(picture)
app.add_typer(pki, name="pki")
app.add_typer(release, name="release")
app.add_typer(audit, name="audit")


def _check_places(plot: Path | None, journal: Path | None) -> None:
    """Refuse places that cannot be written, before any work is done.

    Raises:
        ValueError: naming the first.
    """
    from noroshi.run import outputs

    if plot:
        from noroshi.run.picture import check_picture_ending

        check_picture_ending(plot)
    for path in (plot, journal):
        if path:
            outputs.check_folder(path)


def _check_not_inputs(inputs: Sequence[str], outputs: Sequence[Path | None]) -> None:
    """Refuse to write over what is read.

    Raises:
        ValueError: naming the file.
    """
    read = {Path(name).resolve() for name in inputs}
    for path in outputs:
        if path and path.resolve() in read:
            raise ValueError(f"{path}: is read here and would be written over; name another file")


def _numbers(settings: Sequence[str] | None) -> dict[str, float]:
    """Return NAME=NUMBER settings as numbers.

    Raises:
        ValueError: naming the setting that is not one.
    """
    numbers = {}
    for setting in settings or []:
        name, _, value = setting.partition("=")
        try:
            numbers[name] = float(value)
        except ValueError as error:
            raise ValueError(f"--set {setting}: write NAME=NUMBER, for instance hits_to_confirm=4") from error
    return numbers


def _say_if_cold() -> None:
    """Tell a person at a terminal that the first start on a machine takes longer."""
    if sys.stderr.isatty() and kernel_cache.is_cold():
        sys.stderr.write("noroshi: compiling for this machine, once: some ten to twenty seconds\n")


@contextmanager
def _progress(what: str, total: int | None, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show progress on a terminal, nothing in a pipe."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda n: bar.advance(task, n)


@contextmanager
def _simulated(length_s: float, *, quiet: bool) -> Iterator[Callable[[float], None]]:
    """Show on a terminal how far an exercise is, how much faster than real time, and how long it will take."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} s simulated"),
        BarColumn(),
        TextColumn("{task.fields[factor]:,.0f} times real time"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=length_s, factor=0.0)

        def progress(simulated_s: float) -> None:
            took_s = bar.tasks[task].elapsed or 0.0
            bar.update(task, completed=simulated_s, factor=simulated_s / took_s if took_s else 0.0)

        yield progress
