"""The events that the program ships, and an event of one's own."""

from importlib.resources import files
from pathlib import Path

from noroshi.exercise.events import Event, EventError, parse

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
    try:
        return parse(Path(name).read_text("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        raise EventError(f"{name}: not UTF-8 text: {error.reason} at byte {error.start}") from error
