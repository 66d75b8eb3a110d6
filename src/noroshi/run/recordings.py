"""Files to records: which format a file is of, and what it holds."""

import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from noroshi.formats import Context, Decoded, FormatError, tables
from noroshi.formats.cells import listed
from noroshi.records import SensorSite
from noroshi.run.rooms import load, names
from noroshi.run.samples import PREFIX, NoSampleError, sample_path

HEAD_BYTES = 65_536
FILE_BYTES_MAX = 1 << 29
PARQUET = b"PAR1"
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


def read_all(
    sources: Sequence[str],
    *,
    day_ns: int | None = None,
    format_name: str | None = None,
    columns: Iterable[tuple[str, str]] = (),
) -> list[Recording]:
    """Read recordings that belong together.

    Args:
        sources, day_ns, format_name: as in `read`.
        columns: which columns of the tables among them are which: pairs of a name of docs/tables.md and their own.

    Raises:
        FormatError: if one cannot be read, or a column is in none of them.
    """
    named = tables.named(columns, _other_types())
    recordings = [read(name, day_ns=day_ns, format_name=format_name, columns=named) for name in sources]
    there = {column for recording in recordings for column in recording.decoded.columns}
    for ours, theirs in named.items():
        if theirs not in there:
            other = {recording.format for recording in recordings} - {"tables"}
            hint = f" (not looked at: what was read as {', '.join(sorted(other))}; --format tables)" if other else ""
            raise FormatError(f"column {ours}={theirs}: no table has '{theirs}'; there are {listed(there)}{hint}")
    return recordings


def read(
    name: str, *, day_ns: int | None = None, format_name: str | None = None, columns: Mapping[str, str] = {}
) -> Recording:
    """Read one recording, a path or `sample:NAME`.

    Args:
        name: where it is.
        day_ns: midnight UTC of its day, if the recording itself gives only the time of day.
        format_name: its format, if the file does not show it.
        columns: which of its columns are which (`Context.columns`).

    Raises:
        FormatError: one line that says what is wrong with which file.
    """
    try:
        path = sample_path(name) if name.startswith(PREFIX) else Path(name)
        data = _content(path)
        key = format_name or recognise(_telling(data), path.name)
        types = _other_types() if key == "tables" else {}
        context = Context(source=path.name.split(".")[0], day_ns=day_ns, columns=columns, types=types)
        decoded = load("formats", key).decode(data, context)
    except NoSampleError as error:
        raise FormatError(str(error)) from error
    except OSError as error:
        raise FormatError(f"{name}: {error.strerror or error}") from error
    except MemoryError as error:
        raise FormatError(f"{name}: needs more memory than there is; split it") from error
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from error
    return Recording(path, key, decoded)


@cache
def _other_types() -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return what sensors of types measure that the tables have no columns of their own for; see `Context.types`."""
    kinds = {key: load("sensors", key).Sensor for key in names("sensors") if key not in tables.OWN_TYPES}
    return {key: (tuple(kind.REQUIRED), tuple(kind.COMPONENTS)) for key, kind in kinds.items()}


def read_sites(path: Path) -> list[SensorSite]:
    """Return the sensors of a sensors table.

    Raises:
        FormatError: if it cannot be read, or has none.
    """
    recording = read(str(path))
    sites = list(recording.decoded.sites)
    if not sites or (recording.format == "tables" and recording.decoded.detections):
        raise FormatError(f"{path}: is no table of sensors; give a table of sensor, type, lat_deg, lon_deg, height_m")
    return sites


def _content(path: Path) -> bytes:
    """Return what a file holds; a pipe or a device, which may never end, is not opened.

    Raises:
        FormatError: if it is none, empty, or too large.
        OSError: if it cannot be read.
    """
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise FormatError("a folder; name the files in it")
    if not stat.S_ISREG(status.st_mode):
        raise FormatError("not a file but a pipe or a device; write a file from it first")
    if status.st_size > FILE_BYTES_MAX:
        raise FormatError(f"more than {FILE_BYTES_MAX >> 20} MB; split it")
    data = path.read_bytes()
    if not data:
        raise FormatError("the file is empty")
    return data


def _telling(data: bytes) -> bytes:
    """Return the part of a file that tells its format: its beginning; of Parquet the footer, which has the names."""
    if not data.startswith(PARQUET) or len(data) < 2 * len(PARQUET) + 4:
        return data[:HEAD_BYTES]
    length = int.from_bytes(data[-8:-4], "little")
    return PARQUET + data[max(len(data) - 8 - length, 0) : -8]


def recognise(head: bytes, name: str) -> str:
    """Return the key of the format that is surest of a file with this beginning and name.

    Raises:
        FormatError: if none claims it.
    """
    readers = [key for key in names("formats") if hasattr(load("formats", key), "sniff")]
    sure = {key: load("formats", key).sniff(head, name) for key in readers}
    best = max(readers, key=lambda key: (sure[key], key))
    if sure[best] < SURE:
        raise FormatError(f"no known format; noroshi reads: {', '.join(readers)} (name one with --format)")
    return best
