"""The page from the command line: of a journal, of an exercise, or as a file to mail."""

import sys
import time
import webbrowser
from collections.abc import Callable, Sequence
from pathlib import Path

from noroshi.run.printing import printable
from noroshi.run.web.app import Pages
from noroshi.run.web.replay import ReplayShowing, in_thread
from noroshi.run.web.showing import Showing

ADDRESS = "127.0.0.1:0"


def show(
    showing: Showing,
    run: Callable[[], None],
    stop: Callable[[], None],
    *,
    address: str = ADDRESS,
    opens: bool = True,
    for_s: float | None = None,
) -> Pages:
    """Serve a page, open it, make what it shows beside that, and go on until Ctrl-C.

    Args:
        showing: what it shows.
        run: makes the film.
        stop: ends `run` soon.
        address: where to listen.
        opens: whether a browser is opened.
        for_s: end after so many seconds.
    """
    pages = Pages(showing, address)
    sys.stdout.write(f"the picture is at {pages.url} ; Ctrl-C ends it\n")
    sys.stdout.flush()
    if opens:
        webbrowser.open(pages.url)

    def failed(line: str) -> None:
        showing.saying = f"stopped: {line}"
        sys.stderr.write(f"{printable(line, 500)}\n")

    thread = in_thread(run, failed)
    until = None if for_s is None else time.monotonic() + for_s
    try:
        while until is None or time.monotonic() < until:
            time.sleep(0.2)
    except KeyboardInterrupt:
        pass
    finally:
        stop()
        pages.close()
        thread.join(5.0)
    return pages


def show_journal(
    journal: Path, *, address: str = ADDRESS, opens: bool = True, exercise: str | None = None,
    secret: Path | None = None, for_s: float | None = None,
) -> None:  # fmt: skip
    """Show a journal as a page, until Ctrl-C.

    Raises:
        FormatError, ValueError: if it is no journal.
        EdgeError: if the address is taken.
    """
    showing = ReplayShowing(journal, exercise=exercise, secret=secret)
    show(showing, showing.run, showing.stop, address=address, opens=opens, for_s=for_s)


def show_exercise(
    scenario: str, *, also: Sequence[str] = (), address: str = ADDRESS, opens: bool = True, rate: float = 1.0,
    out: Path | None = None, for_s: float | None = None,
) -> None:  # fmt: skip
    """Run an exercise and show it as a page, until Ctrl-C.

    Raises:
        ScenarioError, ValueError: if the scenario is wrong.
        EdgeError: if the address is taken.
    """
    from noroshi.run.web.exercise import ExerciseShowing

    showing = ExerciseShowing(scenario, also, rate=rate, folder=out)
    show(showing, showing.run, showing.stop, address=address, opens=opens, for_s=for_s)
