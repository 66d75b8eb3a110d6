"""Files to records: which format a file is of, and what it holds."""

from dataclasses import dataclass
from pathlib import Path

from noroshi.formats import Context, Decoded, FormatError
from noroshi.run.rooms import load, names
from noroshi.run.samples import PREFIX, NoSampleError, sample_path

HEAD_BYTES = 65_536
SURE = 0.1  # below this no format claims the file


@dataclass(frozen=True)
class Recording:
    """A recording that has been read.

    Attributes:
        path: the file.
        format: the key of its format.
        decoded: what it held.
    """

    path: Path
    format: str
    decoded: Decoded


def read(name: str, *, day_ns: int | None = None, format_name: str | None = None) -> Recording:
    """Read one recording, a path or `sample:NAME`.

    Args:
        name: where it is.
        day_ns: midnight UTC of its day, if the recording itself gives only the time of day.
        format_name: its format, if the file does not show it.

    Raises:
        FormatError: one line that says what is wrong with which file.
    """
    try:
        path = sample_path(name) if name.startswith(PREFIX) else Path(name)
        data = path.read_bytes()
    except NoSampleError as error:
        raise FormatError(str(error)) from error
    except OSError as error:
        raise FormatError(f"{name}: {error.strerror or error}") from error
    if not data:
        raise FormatError(f"{name}: the file is empty")
    key = format_name or recognise(data[:HEAD_BYTES], path.name)
    room = load("formats", key)
    source = path.name.split(".")[0]
    try:
        decoded = room.decode(data, Context(source=source, day_ns=day_ns))
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from error
    return Recording(path, key, decoded)


def recognise(head: bytes, name: str) -> str:
    """Return the key of the format that is surest of a file with this beginning and name.

    Raises:
        FormatError: if none claims it.
    """
    readers = [key for key in names("formats") if hasattr(load("formats", key), "sniff")]
    sure = {key: load("formats", key).sniff(head, name) for key in readers}
    best = max(readers, key=lambda key: (sure[key], key))
    if sure[best] < SURE:
        raise FormatError(f"{name}: no known format; noroshi reads: {', '.join(readers)} (name one with --format)")
    return best
