"""Bytes to records and back. One file (or folder) a format; the name is its key.

A format holds `MEDIA`, `sniff` and `decode`, and `encode` where noroshi writes it; `tests/test_every_format.py` holds
each one to the protocol below. Decoders never crash: a damaged record is counted in `Decoded.damage` and the rest is
read; bytes that are no such format at all raise `FormatError`, one line that says what, where and what to do.
"""

import gzip
import io
import json
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeAlias

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S, S_PER_DAY
from noroshi.records import Detections, Identity, SensorSite, Status, Tracks, Truth
from noroshi.sensors import position_report

FOOT_M = 0.3048
KNOT_M_S = 1852.0 / 3600.0
FOOT_PER_MINUTE_M_S = FOOT_M / 60.0
UNPACKED_BYTES_MAX = 1 << 29
"""What a compressed recording may unpack to; beyond this it is refused."""

JSON_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no JSON, or not of the wanted shape."""

REPORT_COMPONENTS = position_report.Sensor.COMPONENTS
"""What a position report (ADS-B, AIS) measures."""

Columns: TypeAlias = dict[str, Any]
"""A table: pyarrow arrays of equal length by column name, names in lower case without blanks around them."""

_NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?$"
_WHOLE = r"^-?(\d{1,18}|[1-8]\d{18})$"
_ISO = (
    r"^(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9})\d*)?)? ?(?P<zone>Z|UTC|[-+]\d\d:?\d\d)?)?$"
)


class FormatError(ValueError):
    """The bytes are not what they are said to be. The message is one line for a person."""


@dataclass(kw_only=True)
class Decoded:
    """What one recording held.

    Attributes:
        detections: batches, each of one sensor and one set of components; rows in the order of the recording.
        tracks: system tracks, where the recording holds another tracker's output.
        statuses: service messages.
        truths: true states, where the file is a truth table.
        sites: sensors that the recording itself describes; their positions may be NaN.
        n_records: how many records were read, good or damaged.
        counts: how many of each sort ("category 048 target report", "DF 11 all-call reply"); what was read but cannot
            be tracked is counted here too, so that the counts and the damage add up to `n_records`.
        damage: reason -> how many records were damaged and skipped.
    """

    detections: list[Detections] = field(default_factory=list)
    tracks: list[Tracks] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    sites: list[SensorSite] = field(default_factory=list)
    n_records: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    damage: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a recording may leave out and a person may add.

    Attributes:
        source: name of the recording, for messages and as the name of a sensor that has none.
        day_ns: midnight UTC of the recording's day, for formats that give only the time of day; None if unknown.
        received_ns: (only for a live feed) when the bytes came.
        reference_lat_rad, reference_lon_rad: a place within some hundreds of kilometres, where a format needs one.
    """

    source: str = "recording"
    day_ns: int | None = None
    received_ns: int | None = None
    reference_lat_rad: float | None = None
    reference_lon_rad: float | None = None


class Format(Protocol):
    """The contract of a module in this room (its functions are module functions)."""

    MEDIA: ClassVar[tuple[str, ...]]
    """File name endings it usually has, lower case, with the dot."""

    @staticmethod
    def sniff(head: bytes, name: str) -> float:
        """Return how sure one can be, 0 to 1, that a file with this beginning (64 KiB) and name is of this format."""
        ...

    @staticmethod
    def decode(data: bytes, context: Context) -> Decoded:
        """Return what `data` holds.

        Raises:
            FormatError: if no record at all can be read.
        """
        ...


def unpack(data: bytes) -> tuple[bytes, Counter[str]]:
    """Return the bytes, decompressed if they are gzip, and a count of 1 for a stream that is cut short or damaged.

    Raises:
        FormatError: if they unpack to more than `UNPACKED_BYTES_MAX`.
    """
    damage: Counter[str] = Counter()
    if not data.startswith(b"\x1f\x8b"):
        return data, damage
    stream = gzip.GzipFile(fileobj=io.BytesIO(data))
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := stream.read1(1 << 20):
            pieces.append(piece)
            size += len(piece)
            if size > UNPACKED_BYTES_MAX:
                raise FormatError(f"unpacks to more than {UNPACKED_BYTES_MAX >> 20} MB; split it")
    except (EOFError, OSError, zlib.error):
        damage["compressed stream cut short or damaged"] += 1
    return b"".join(pieces), damage


def peek(head: bytes) -> bytes:
    """Return the beginning of a file as `sniff` wants it: decompressed, without byte order mark and leading blanks."""
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(31).decompress(head, 1 << 16)
        except zlib.error:
            return b""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()


def json_elements(text: str, start: int) -> tuple[list[Any], bool]:
    """Return the elements of the JSON array whose first element begins at or after `start`, as far as they are sound.

    The second value is True if the array ended as it should.
    """
    decoder = json.JSONDecoder()
    elements: list[Any] = []
    while True:
        while start < len(text) and text[start] in " \t\r\n,":
            start += 1
        if text[start : start + 1] in ("]", ""):
            return elements, text[start : start + 1] == "]"
        try:
            element, start = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            return elements, False
        elements.append(element)


def last_at_or_before(
    key: NDArray[np.int64], time_ns: NDArray[np.int64], is_source: NDArray[np.bool_], within_ns: int
) -> NDArray[np.int64]:
    """Return, for each of (n,) rows, the latest source row of the same key that is not later; -1 if there is none.

    Args:
        key: who the row speaks of.
        time_ns: when.
        is_source: the rows among which to look; a source row finds itself.
        within_ns: how old the source may be.
    """
    rows = np.arange(len(key))
    order = np.lexsort((rows, time_ns, key))
    source = np.maximum.accumulate(np.where(is_source[order], rows, -1)) if len(key) else rows
    found = order[source]
    age_ns = time_ns[order] - time_ns[found]
    young = (source >= 0) & (key[found] == key[order]) & (age_ns >= 0) & (age_ns <= within_ns)
    result = np.empty(len(key), np.int64)
    result[order] = np.where(young, found, -1)
    return result


def add_reports(
    decoded: Decoded,
    context: Context,
    *,
    time_ns: NDArray[np.int64],
    values: NDArray[np.float64],
    identity: Identity,
    surface: bool = False,
) -> None:
    """Add position reports to `decoded`: (n, 6) values in the order of `REPORT_COMPONENTS`, their noise unstated."""
    if not len(time_ns):
        return
    decoded.detections.append(
        Detections.of(
            sensor=context.source,
            components=REPORT_COMPONENTS,
            time_ns=time_ns,
            values=values,
            identity=identity,
            received_ns=context.received_ns,
        )
    )
    parameters = {"surface": 1.0} if surface else {}
    decoded.sites.append(SensorSite(sensor=context.source, type="position_report", parameters=parameters))


def rows_by_track(tracks: Tracks) -> list[NDArray[np.int64]]:
    """Return the rows of each track, in order of track number and time.

    Rows without a place are left out; of rows of one track and time only the one of the highest revision is there.
    """
    order = np.lexsort((tracks.revision, tracks.time_ns, tracks.track_id))
    placed = np.isfinite(tracks.state_ecef[order, :3]).all(axis=1)
    order = order[np.flatnonzero(placed)]
    number, time_ns = tracks.track_id[order], tracks.time_ns[order]
    latest = np.ones(len(order), np.bool_)
    latest[:-1] = (number[1:] != number[:-1]) | (time_ns[1:] != time_ns[:-1])
    order = order[latest]
    return np.split(order, np.flatnonzero(np.diff(tracks.track_id[order])) + 1) if len(order) else []


def finished(decoded: Decoded, *, may_be_empty: bool = False) -> Decoded:
    """Return `decoded` with its records summed up.

    Raises:
        FormatError: if no record is sound; where it `may_be_empty`, only if there are damaged ones.
    """
    decoded.counts, decoded.damage = +decoded.counts, +decoded.damage
    decoded.n_records = decoded.counts.total() + decoded.damage.total()
    if not decoded.counts and (decoded.damage or not may_be_empty):
        reasons = ", ".join(f"{n} x {reason}" for reason, n in decoded.damage.most_common(3))
        raise FormatError(f"no readable record in it{': ' if reasons else ''}{reasons}")
    return decoded


def listed(columns: Columns) -> str:
    """Return the names of columns as a person may read them."""
    names = [name if name.isprintable() and len(name) < 40 else "..." for name in sorted(columns)]
    return ", ".join(names[:20] + ["..."] * (len(names) > 20)) or "none"


def csv_columns(data: bytes) -> tuple[Columns, int]:
    """Return the columns of a CSV file with a header line, all as text, and how many lines had a wrong field count.

    The separator is the comma, semicolon or tabulator that the header has most of.

    Raises:
        FormatError: if there is no header line.
    """
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").replace("\x00", "").lstrip()
    header, _, rest = text.partition("\n")
    separator = max(",;\t", key=header.count)
    names = [name.strip().strip('"').strip().lower() for name in header.rstrip("\r").split(separator)]
    if not any(names):
        raise FormatError("no header line with the names of the columns")
    if not rest.strip():
        return {name: pa.array([], pa.string()) for name in names}, 0
    wrong: list[int] = []

    def skip(_: Any) -> str:
        wrong.append(1)
        return "skip"

    unique = [f"{i} {name}" for i, name in enumerate(names)]
    try:
        table = pa.csv.read_csv(
            io.BytesIO(rest.encode()),
            read_options=pa.csv.ReadOptions(column_names=unique, use_threads=False, block_size=1 << 24),
            parse_options=pa.csv.ParseOptions(delimiter=separator, invalid_row_handler=skip),
            convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(unique, pa.string())),
        )
    except pa.ArrowException as error:
        raise FormatError(f"not a table of comma-separated values: {_first_line(error)}") from error
    return _columns(table.rename_columns(names)), len(wrong)


def parquet_columns(data: bytes) -> tuple[Columns, dict[str, str]]:
    """Return the columns of a Parquet file and its key-value metadata.

    Raises:
        FormatError: if it is not one, is damaged, or holds more than `UNPACKED_BYTES_MAX`.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
        cells = file.metadata.num_rows * file.metadata.num_columns
        if max(sum(group.total_byte_size for group in groups), cells) > UNPACKED_BYTES_MAX:
            raise FormatError(f"holds more than {UNPACKED_BYTES_MAX >> 20} MB; split it")
        table = file.read(use_threads=False)
        table.validate(full=True)
    except (pa.ArrowException, OSError, OverflowError, UnicodeDecodeError) as error:
        raise FormatError(f"not a sound Parquet file: {_first_line(error)}") from error
    metadata = {
        key.decode("utf-8", "replace"): value.decode("utf-8", "replace")
        for key, value in (table.schema.metadata or {}).items()
    }
    return _columns(table), metadata


def numbers(column: Any) -> NDArray[np.float64]:
    """Return a column as numbers; NaN where there is none, the text is no number, or it is infinite."""
    if pa.types.is_string(column.type):
        text = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.match_substring_regex(text, _NUMBER), text, None)
    values = np.asarray(_cast(column, pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    return np.where(np.isinf(values), np.nan, values)


def integers(column: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return a column as whole numbers, exactly, and which rows have one; the others are 0."""
    if pa.types.is_floating(column.type):
        values = numbers(column)
        known = np.abs(values) < 2.0**63  # False for NaN
        return np.where(known, values, 0.0).astype(np.int64), known
    if pa.types.is_string(column.type):
        text = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.match_substring_regex(text, _WHOLE), text, None)
    whole = _cast(column, pa.int64())
    return np.asarray(whole.fill_null(0).to_numpy(zero_copy_only=False)), ~np.asarray(whole.is_null())


def texts(column: Any) -> NDArray[np.str_]:
    """Return a column as text without blanks around it; "" where there is none. 7100.0 becomes "7100"."""
    spelled, which = _distinct(column)
    return spelled[which]


def number_in_base(text: str, base: int, below: int) -> int:
    """Return what the text spells in a base; -1 if it spells nothing or a number that is not below `below`."""
    try:
        value = int(text, base) if text.isalnum() else -1
    except ValueError:
        return -1
    return value if value < below else -1


def numbers_in_base(column: Any, base: int, below: int) -> NDArray[np.int64]:
    """Return what a column spells in a base, -1 where it spells nothing or a number that is not below `below`."""
    spelled, which = _distinct(column)
    return np.array([number_in_base(str(text), base, below) for text in spelled], np.int64)[which]


def times_ns(column: Any, unit_ns: int | None = None) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return a column as Unix UTC nanoseconds, and which rows have a time.

    Args:
        column: numbers, timestamps or text; text is a number or a date and time (UTC unless it has an offset).
        unit_ns: what a number counts; None to tell seconds, milli-, micro- and nanoseconds apart by their size.
    """
    if pa.types.is_timestamp(column.type):
        unit_ns = {"s": NS_PER_S, "ms": 1_000_000, "us": 1_000, "ns": 1}[column.type.unit]
        column = column.cast(pa.int64())
    values, whole, known = numbers(column), *integers(column)
    if unit_ns is None:
        sizes = np.abs(values[np.isfinite(values)])
        usual = np.median(sizes) if len(sizes) else 0.0
        bounds = ((1e17, 1), (1e14, 1_000), (1e11, 1_000_000))
        unit_ns = next((unit for bound, unit in bounds if usual > bound), NS_PER_S)
    if pa.types.is_floating(column.type):
        known = np.zeros(len(known), np.bool_)  # their fraction counts
    fits = known & (np.abs(whole.astype(np.float64)) < 9.2e18 / unit_ns)
    with np.errstate(invalid="ignore"):
        sound = ~fits & ~known & (np.abs(values) < 9.2e18 / unit_ns)
    split = np.where(sound, values, 0.0)
    rounded = np.floor(split).astype(np.int64) * unit_ns + np.rint(split % 1.0 * unit_ns).astype(np.int64)
    time_ns = np.where(fits, np.where(fits, whole, 0) * unit_ns, rounded)
    if pa.types.is_string(column.type):
        calendar_ns, dated = _calendar_ns(column)
        return np.where(dated, calendar_ns, time_ns), fits | sound | dated
    return time_ns, fits | sound


def _distinct(column: Any) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Return the distinct texts of a column, "" first, and which of them each row has."""
    if pa.types.is_floating(column.type):
        whole, known = integers(column)
        column = pc.if_else(pa.array(known), pa.array(whole), None)
    encoded = pc.utf8_trim_whitespace(_cast(column, pa.string())).dictionary_encode()
    spelled = np.array(["", *encoded.dictionary.to_pylist()], np.str_)
    return spelled, np.asarray(encoded.indices.cast(pa.int64()).fill_null(-1)) + 1


def _calendar_ns(column: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    parts = pc.extract_regex(pc.utf8_trim_whitespace(column), _ISO)
    matched = ~np.asarray(parts.is_null())

    def part(name: str) -> NDArray[np.int64]:
        text = pc.struct_field(parts, name).fill_null("")
        if name == "fraction":
            text = pc.utf8_rpad(text, 9, "0")
        return np.asarray(pc.if_else(pc.equal(text, ""), "0", text).cast(pa.int64()))

    year, month, day, hour, minute, second = (
        part(name) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    month_first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = month_first.astype("datetime64[D]").astype(np.int64)
    month_days = (month_first + 1).astype("datetime64[D]").astype(np.int64) - days
    sound = matched & (year >= 1678) & (year <= 2261) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= month_days)
    sound &= (hour < 24) & (minute < 60) & (second < 60)
    zone, which = _distinct(pc.struct_field(parts, "zone"))
    offset_s = np.array([_offset_s(str(one)) for one in zone], np.int64)[which]
    seconds = (days + day - 1) * S_PER_DAY + hour * 3600 + minute * 60 + second - offset_s
    return np.where(sound, seconds, 0) * NS_PER_S + np.where(sound, part("fraction"), 0), sound


def _offset_s(zone: str) -> int:
    digits = zone.replace(":", "")
    if digits[:1] not in ("+", "-"):
        return 0
    return (int(digits[1:3]) * 3600 + int(digits[3:5]) * 60) * (-1 if digits[0] == "-" else 1)


def _columns(table: Any) -> Columns:
    found: Columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        plain = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if pa.types.is_dictionary(plain.type):
            plain = plain.dictionary_decode()
        if pa.types.is_large_string(plain.type):
            plain = plain.cast(pa.string())
        found.setdefault(name.strip().lower(), plain)
    return found


def _cast(column: Any, kind: Any) -> Any:
    try:
        return column.cast(kind, safe=False)
    except pa.ArrowException as error:
        raise FormatError(f"a column holds {column.type} where {kind} is wanted") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
