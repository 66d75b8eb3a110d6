"""The events that the program ships, and an event of one's own."""

from importlib.resources import files
from pathlib import Path

from noroshi.exercise.events import Event, EventError, parse
from noroshi.run.scenarios.checking import checked
from noroshi.run.scenarios.sources import NoFileError, Problem, ScenarioError, read_source

SHIPPED = files("noroshi") / "data" / "events"


def event_names() -> tuple[str, ...]:
    """Return the names of the shipped events, in order of time."""
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in SHIPPED.iterdir() if entry.name.endswith(".toml"))
    )


def load_event(name: str) -> Event:
    """Return a shipped event by its name, or that of a file.

    Args:
        name: "2017-09-15", or the path of a TOML file.

    Raises:
        EventError: if there is no such event, or its file is wrong; one line.
    """
    if name in event_names():
        return parse((SHIPPED / f"{name}.toml").read_text("utf-8"), f"{name}.toml")
    if not Path(name).is_file():
        raise EventError(f"no event '{name}': name a TOML file, or one of {', '.join(event_names())}")
    problems: list[Problem] = []
    try:
        source = read_source("events", name if name.endswith(".toml") or "/" in name else f"./{name}")
        event = checked(Event, source.table, source, (), problems)
    except ScenarioError as error:
        event, problems = None, list(error.problems)
    except NoFileError as error:
        raise EventError(str(error)) from error
    if event is None:
        more = f" ({len(problems) - 1} more after it)" if len(problems) > 1 else ""
        raise EventError(f"{min(problems)}{more}")
    return event
