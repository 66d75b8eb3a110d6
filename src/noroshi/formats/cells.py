"""The cells of tables, CSV or Parquet, as numbers, texts and times; no format itself."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from noroshi.formats import FormatError
from noroshi.formats.reading import UNPACKED_BYTES_MAX
from noroshi.geo.time import NS_PER_S, S_PER_DAY

Columns: TypeAlias = dict[str, Any]
"""A table: pyarrow arrays of equal length by column name, names in lower case without blanks around them."""

ROWS_MAX, COLUMNS_MAX = 1 << 22, 10_000
"""How many rows and columns a table may have; beyond this it is refused."""

TEXT_LENGTH_MAX = 100
"""How long a text in a cell may be; beyond this it is cut, and ends in "..."."""

_TOO_LARGE = f"holds more than {UNPACKED_BYTES_MAX >> 20} MB; split it"
_NUMBER = r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?$"
_ONE_COMMA = r"^[-+]?\d*,\d+([eE][-+]?\d{1,3})?$"
_THOUSANDS = r"^[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$"
_WHOLE = r"^-?(\d{1,18}|[1-8]\d{18})$"
# Of buffers: to make one of Python's own values pyarrow would import pandas where there is one, 0.3 s of a start.
_TEXTS = pa.StringArray.from_buffers(2, pa.py_buffer(np.array([0, 0, 1], np.int32)), pa.py_buffer(b"0"))
_EMPTY, _ZERO = _TEXTS
_ISO = (
    r"^(?P<year>\d{4})[-/](?P<month>\d\d)[-/](?P<day>\d\d)(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9})\d*)?)? ?(?P<zone>Z|UTC|[-+]\d\d:?\d\d)?)?$"
)


def listed(columns: Iterable[str]) -> str:
    """Return the names of columns as a person may read them."""
    names = [name if name.isprintable() and len(name) < 40 else "..." for name in sorted(columns)]
    return ", ".join(names[:20] + ["..."] * (len(names) > 20)) or "none"


def csv_columns(data: bytes) -> tuple[Columns, int]:
    """Return the columns of a CSV file with a header line, all as text, and how many lines had a wrong field count.

    The separator is the comma, semicolon or tabulator that the header has most of.

    Raises:
        FormatError: if there is no header line, or more than `ROWS_MAX` rows or `COLUMNS_MAX` columns.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\x00" in data:
        data = data.replace(b"\x00", b"")
    if not data.isascii():
        data = data.decode("utf-8", "replace").encode()
    header, _, rest = data.lstrip().partition(b"\n")
    del data
    title = header.decode()
    separator = max(",;\t", key=title.count)
    names = [name.strip().strip('"').strip().lower() for name in title.rstrip("\r").split(separator)]
    if not any(names):
        raise FormatError("no header line with the names of the columns")
    if not rest or rest.isspace():
        return dict.fromkeys(names, _TEXTS[:0]), 0
    _check_size(rest.count(b"\n"), len(names))
    wrong: list[int] = []

    def skip(_: Any) -> str:
        wrong.append(1)
        return "skip"

    unique = [f"{i} {name}" for i, name in enumerate(names)]
    try:
        table = pa.csv.read_csv(
            pa.BufferReader(rest),
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
        FormatError: if it is not one, is damaged, or holds more than `UNPACKED_BYTES_MAX`, `ROWS_MAX` rows or
            `COLUMNS_MAX` columns.
    """
    try:
        about = pq.read_metadata(pa.BufferReader(data))
        _check_size(about.num_rows, about.num_columns)
        stored = sum(about.row_group(i).total_byte_size for i in range(about.num_row_groups))
        if max(stored, about.num_rows * about.num_columns) > UNPACKED_BYTES_MAX:
            raise FormatError(_TOO_LARGE)
        columns = [about.schema.column(i) for i in range(about.num_columns)]
        # A text that is stored once may stand in every row: only `_columns` writes it out.
        texts_once = [one.path for one in columns if one.physical_type == "BYTE_ARRAY" and one.path == one.name]
        table = pq.ParquetFile(pa.BufferReader(data), read_dictionary=texts_once).read(use_threads=False)
        table.validate(full=True)
    except (pa.ArrowException, OSError, OverflowError, UnicodeDecodeError) as error:
        if isinstance(error, MemoryError):
            raise
        raise FormatError(f"not a sound Parquet file: {_first_line(error)}") from error
    metadata = {
        key.decode("utf-8", "replace"): value.decode("utf-8", "replace")
        for key, value in (table.schema.metadata or {}).items()
    }
    return _columns(table), metadata


def numbers(column: Any, name: str = "") -> NDArray[np.float64]:
    """Return a column as numbers; NaN where there is none, the text is no number, or it is infinite.

    Args:
        column: numbers or text.
        name: of a column that is to hold numbers.

    Raises:
        FormatError: if a column with a name has commas in numbers: who reads "9000,5" as no height is not told.
    """
    if pa.types.is_string(column.type):
        text = pc.utf8_trim_whitespace(column)
        if name:
            _refuse_commas(name, text)
        column = pc.if_else(pc.match_substring_regex(text, _NUMBER), text, pa.NULL)
    values, known = plain(_cast(column, pa.float64()))
    return np.where(known & ~np.isinf(values), values, np.nan)


def _refuse_commas(name: str, text: Any) -> None:
    """Refuse a column some of whose cells are numbers with commas, decimal or between thousands, in whichever row.

    A cell like 35,000 is either; a column that has no other leaves it open which, and both are said.

    Raises:
        FormatError: one line with the column, a cell and what to do.
    """
    if not pc.any(pc.match_substring(text, ",")).as_py():
        return
    one, thousands = (pc.match_substring_regex(text, each) for each in (_ONE_COMMA, _THOUSANDS))
    decimal, parted = (text.filter(pc.and_not(each, other)) for each, other in ((one, thousands), (thousands, one)))
    wrong = text.filter(pc.or_(one, thousands))
    if not len(wrong):
        return

    def found(cells: Any, more: str = "") -> str:
        return f"({listed([name])} is {cells[0].as_py()[:40]}{more}; {len(wrong):,} of {len(text):,} rows)"

    if len(decimal) and len(parted):
        both = f" and elsewhere {parted[0].as_py()[:40]}"
        raise FormatError(f"numbers have decimal commas and commas between thousands {found(decimal, both)}: mend it")
    if len(decimal):
        raise FormatError(
            f"numbers have decimal commas {found(decimal)}: write points, as `tr , .` does if commas separate nothing "
            "else"
        )
    if len(parted):
        raise FormatError(
            f"numbers have commas between thousands {found(parted)}: leave them out, as `tr -d ,` does if commas "
            "separate nothing else"
        )
    cell = wrong[0].as_py()
    readings = f", which is {cell.replace(',', '')} if commas part thousands and {cell.replace(',', '.')} if decimal"
    raise FormatError(
        f"numbers have commas that may be either {found(wrong, readings)}: leave them out if they part thousands "
        "(`tr -d ,`), write points if they are decimal (`tr , .`), if commas separate nothing else"
    )


def integers(column: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return a column as whole numbers, exactly, and which rows have one; the others are 0."""
    if pa.types.is_floating(column.type):
        values = numbers(column)
        known = np.abs(values) < 2.0**63  # False for NaN
        return np.where(known, values, 0.0).astype(np.int64), known
    if pa.types.is_string(column.type):
        text = pc.utf8_trim_whitespace(column)
        column = pc.if_else(pc.match_substring_regex(text, _WHOLE), text, pa.NULL)
    whole = _cast(column, pa.int64())
    values, known = plain(whole)
    return np.where(known, values, 0), known


def plain(column: Any) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a column of numbers as they lie in memory, and which rows have one; the others may be anything.

    pyarrow's own way of doing it would import pandas.
    """
    return _memory(column), _memory(column.is_valid().cast(pa.uint8())).astype(np.bool_)


def _memory(column: Any) -> NDArray[Any]:
    kind, n = column.type.to_pandas_dtype(), len(column)
    values: NDArray[Any] = (
        np.frombuffer(column.buffers()[1], kind)[column.offset : column.offset + n] if n else (np.empty(0, kind))
    )
    return values


def texts(column: Any) -> NDArray[np.str_]:
    """Return a column as text without blanks around it; "" where there is none. 7100.0 becomes "7100".

    A text of more than `TEXT_LENGTH_MAX` characters is cut: in an array of text every row has the longest one's length.
    """
    spelled, which = _distinct(column)
    return spelled[which]


def flags(column: Any) -> NDArray[np.bool_]:
    """Return where a column says yes: `true`, `True` or 1."""
    return np.isin(np.strings.lower(texts(column)), ("true", "1"))


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


def times_ns(column: Any, unit_ns: int | None = None, *, name: str = "") -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return a column as Unix UTC nanoseconds, and which rows have a time.

    Args:
        column: numbers, timestamps or text; text is a number or a date and time (UTC unless it has an offset).
        unit_ns: what a number counts; None to tell seconds, milli-, micro- and nanoseconds apart by their size.
        name: of a column that is to hold times.

    Raises:
        FormatError: if a column with a name has commas in numbers.
    """
    if pa.types.is_timestamp(column.type):
        unit_ns = {"s": NS_PER_S, "ms": 1_000_000, "us": 1_000, "ns": 1}[column.type.unit]
        column = column.cast(pa.int64())
    values, whole, known = numbers(column, name), *integers(column)
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
        column = pc.if_else(pa.array(known), pa.array(whole), pa.NULL)
    text = pc.utf8_trim_whitespace(_cast(column, pa.string()))
    lengths = pc.utf8_length(text)
    if (pc.max(lengths).as_py() or 0) > TEXT_LENGTH_MAX:
        long = pc.greater(lengths, TEXT_LENGTH_MAX)
        cut = pc.binary_join_element_wise(pc.utf8_slice_codeunits(text, 0, TEXT_LENGTH_MAX - 3), "...", "")
        text = pc.if_else(long, cut, text)
    encoded = text.dictionary_encode()
    spelled = np.array(["", *encoded.dictionary.to_pylist()], np.str_)
    which, known = plain(encoded.indices.cast(pa.int64()))
    return spelled, np.where(known, which + 1, 0)


def _calendar_ns(column: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    parts = pc.extract_regex(pc.utf8_trim_whitespace(column), _ISO)
    matched = _memory(parts.is_valid().cast(pa.uint8())).astype(np.bool_)

    def part(name: str) -> NDArray[np.int64]:
        text = pc.struct_field(parts, name).fill_null(_EMPTY)
        if name == "fraction":
            text = pc.utf8_rpad(text, 9, "0")
        return _memory(pc.if_else(pc.equal(text, _EMPTY), _ZERO, text).cast(pa.int64()))

    year, month, day, hour, minute, second = (
        part(name) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    month_first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = month_first.astype("datetime64[D]").astype(np.int64)
    month_days = (month_first + np.timedelta64(1, "M")).astype("datetime64[D]").astype(np.int64) - days
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


def _check_size(n_rows: int, n_columns: int) -> None:
    if n_rows > ROWS_MAX:
        raise FormatError(f"more than {ROWS_MAX:,} rows; split it")
    if n_columns > COLUMNS_MAX:
        raise FormatError(f"more than {COLUMNS_MAX:,} columns")


def _columns(table: Any) -> Columns:
    found: Columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            column = _written_out(column)
        plain = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if pa.types.is_large_string(plain.type):
            plain = plain.cast(pa.string())
        found.setdefault(name.strip().lower(), plain)
    return found


def _written_out(column: Any) -> Any:
    """Return a column of texts that were stored once each.

    Raises:
        FormatError: if it then holds more than `UNPACKED_BYTES_MAX`.
    """
    value = column.type.value_type
    if any(is_it(value) for is_it in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)):
        lengths = (pc.binary_length(chunk.dictionary).take(chunk.indices) for chunk in column.chunks)
        if sum(pc.sum(length).as_py() or 0 for length in lengths) > UNPACKED_BYTES_MAX:
            raise FormatError(_TOO_LARGE)
    return pa.chunked_array([chunk.dictionary_decode() for chunk in column.chunks], value)


def _cast(column: Any, kind: Any) -> Any:
    try:
        return column.cast(kind, safe=False)
    except pa.ArrowException as error:
        raise FormatError(f"a column holds {column.type} where {kind} is wanted") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
