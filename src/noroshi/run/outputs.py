"""Tracks to files: the ending of the name says the format."""

from collections.abc import Callable
from pathlib import Path

from noroshi.formats import asterix, czml, geojson, tables
from noroshi.records import Tracks

WRITERS: dict[str, Callable[[Tracks], bytes]] = {
    ".parquet": lambda tracks: tables.encode_tracks(tracks, form="parquet"),
    ".csv": lambda tracks: tables.encode_tracks(tracks, form="csv"),
    ".ast": asterix.encode,
    ".geojson": geojson.encode,
    ".czml": czml.encode,
}


class OutputError(ValueError):
    """A file cannot be written as asked. The message is one line for a person."""


def check_ending(path: Path) -> None:
    """Refuse a name that says no format, before any work is done.

    Raises:
        OutputError: naming the endings there are.
    """
    if path.suffix not in WRITERS:
        raise OutputError(f"{path}: cannot tell the format; end the name in one of {', '.join(WRITERS)}")
    check_folder(path)


def check_folder(path: Path) -> None:
    """Refuse a place that does not exist, before any work is done.

    Raises:
        OutputError: naming the missing folder.
    """
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file in it")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}; make it first")


def write(tracks: Tracks, path: Path) -> None:
    """Write all tracks in the format that the name's ending says; whole, or not at all.

    Raises:
        OutputError: if it cannot be written.
    """
    replace(path, WRITERS[path.suffix](tracks))


def replace(path: Path, data: bytes) -> None:
    """Put `data` where `path` is in one step, so that nobody ever sees half of it.

    Raises:
        OutputError: if it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
