"""The page from the command line: of a journal, of an exercise, or as a file to mail.

python -m noroshi.run.web.command journal out/JPN.mcap --port 8700 --no-open
python -m noroshi.run.web.command exercise trilateral --rate 4
"""

import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from noroshi.run.complaints import one_line
from noroshi.run.printing import printable

if TYPE_CHECKING:
    from noroshi.run.edges import Tls
    from noroshi.run.web.showing import Showing
    from noroshi.run.web.users import User

ADDRESS = "127.0.0.1:0"
WAIT_S = 0.2


def serve(
    showing: "Showing",
    run: Callable[[], None],
    stop: Callable[[], None],
    *,
    address: str = ADDRESS,
    opens: bool = True,
    for_s: float | None = None,
    tokens: "dict[str, User] | None" = None,
    tls: "Tls | None" = None,
    told: str = "",
) -> None:
    """Serve a page, open it, make what it shows beside that, and go on until Ctrl-C, or until SIGTERM.

    Args:
        showing: what it shows.
        run: makes the film.
        stop: ends `run` soon.
        address: where to listen.
        opens: whether a browser is opened.
        for_s: end after so many seconds.
        tokens, tls: as of `app.Pages`.
        told: what people are told once it listens.

    Raises:
        EdgeError: if the address is taken.
    """
    from noroshi.run.web.app import Pages

    pages = Pages(showing, address, tokens=tokens, tls=tls)
    ended = threading.Event()
    is_main = threading.current_thread() is threading.main_thread()
    ends = (signal.SIGINT, signal.SIGTERM) if is_main else ()  # other threads hear no signals
    before = {name: signal.signal(name, lambda *_: ended.set()) for name in ends}
    sys.stdout.write(f"{told}the picture is at {pages.url} and Ctrl-C ends it\n")
    sys.stdout.flush()

    def failed(line: str) -> None:
        showing.saying = f"stopped: {line}"
        sys.stderr.write(f"{printable(line, 500)}\n")

    thread = _beside(run, failed)
    if opens:
        webbrowser.open(pages.url)
    until = None if for_s is None else time.monotonic() + for_s
    try:
        while not ended.is_set() and (until is None or time.monotonic() < until):
            time.sleep(WAIT_S)
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)  # who asks again does not wait for what is under way
        stop()
        pages.close()
        thread.join(10.0)


def show_journal(
    journal: Path,
    *,
    address: str = ADDRESS,
    opens: bool = True,
    exercise: str | None = None,
    secret: Path | None = None,
    for_s: float | None = None,
) -> None:
    """Show a journal as a page, until Ctrl-C; arguments as of `serve` and `run.releasing.replaying.replayed`.

    Raises:
        FormatError, ValueError: if it is no journal.
        EdgeError: if the address is taken.
    """
    from noroshi.run.web.replay import ReplayShowing

    showing = ReplayShowing(journal, exercise=exercise, secret=secret)
    serve(showing, showing.run, showing.stop, address=address, opens=opens, for_s=for_s)


def show_exercise(
    scenario: str,
    *,
    also: Sequence[str] = (),
    address: str = ADDRESS,
    opens: bool = True,
    rate: float = 1.0,
    out: Path | None = None,
    for_s: float | None = None,
) -> None:
    """Run an exercise and show it as a page, until Ctrl-C; arguments as of `serve` and `ExerciseShowing`.

    Raises:
        ScenarioError, ValueError: if the scenario is wrong.
        EdgeError: if the address is taken.
    """
    from noroshi.run.web.exercise import ExerciseShowing

    showing = ExerciseShowing(scenario, also, rate=rate, folder=out)

    def run() -> None:
        showing.run()
        if showing.what_if is not None and not showing.is_stopped:
            showing.what_if.prepare()  # from here on this machine has nothing else to do

    serve(showing, run, showing.stop, address=address, opens=opens, for_s=for_s)


def picture(
    journal: Annotated[Path, typer.Argument(help="A node's journal: NODE.mcap, or a live node's folder of segments.")],
    out: Annotated[Path, typer.Option(help="The file to write: .html.")],
    view: Annotated[str | None, typer.Option(help="As which nation sees it; the node's own if not given.")] = None,
    pictures: Annotated[int, typer.Option(help="So many pictures at most.", min=1, max=20_000)] = 1_000,
    exercise: Annotated[str | None, typer.Option(help="Its exercise, if the journal does not say.")] = None,
    secret: Annotated[Path | None, typer.Option(help="File of a live node's secret.")] = None,
) -> None:
    """Write the picture of a journal as one HTML file, which opens without a server."""
    from noroshi.run import outputs
    from noroshi.run.web.app import page_folder
    from noroshi.run.web.export import export
    from noroshi.run.web.replay import ReplayShowing

    with one_line():
        outputs.check_folder(out)
        if out.suffix.lower() != ".html":
            raise ValueError(f"{out}: the picture is a .html")
        showing = ReplayShowing(journal, exercise=exercise, secret=secret)
        whose = view or showing.node
        if whose not in showing.views:
            raise ValueError(f"--view {whose}: there are {', '.join(showing.views)}")
        showing.run()
        outputs.replace(out, export(showing, whose, page_folder(), frames_max=pictures))
        sys.stdout.write(f"wrote {printable(str(out), 500)}\n")


def _beside(run: Callable[[], None], failed: Callable[[str], None]) -> threading.Thread:
    """Run something beside the server, and say in one line if it fails."""

    def go() -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001 the server goes on and says so
            failed(f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=go, name="noroshi-showing", daemon=True)
    thread.start()
    return thread


def _journal(journal: Path, port: int = 0, open_: Annotated[bool, typer.Option("--open/--no-open")] = True) -> None:
    """Show a journal."""
    with one_line():
        show_journal(journal, address=f"127.0.0.1:{port}", opens=open_)


def _exercise(
    scenario: str, port: int = 0, rate: float = 1.0, open_: Annotated[bool, typer.Option("--open/--no-open")] = True
) -> None:
    """Run and show an exercise."""
    with one_line():
        show_exercise(scenario, address=f"127.0.0.1:{port}", opens=open_, rate=rate)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False)
    app.command("journal")(_journal)
    app.command("exercise")(_exercise)
    app.command("export")(picture)
    app()
