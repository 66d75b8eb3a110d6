"""The tables of docs/tables.md, in CSV and Parquet: detections, sensors, truth, tracks; and anybody's plain plots.

Which table it is shows in its columns. Names are taken in lower case; some other names and units are understood, and
what is not used is told in `Decoded.columns_not_used`. Gzip too.
"""

from noroshi.formats import Context, Decoded, FormatError
from noroshi.formats.cells import csv_columns, listed, parquet_columns
from noroshi.formats.reading import finished, peek, unpack
from noroshi.formats.tables.names import SYNONYMS, TABLES, TIMES, named, proper, renamed, table_of
from noroshi.formats.tables.read import FAMILIES, read
from noroshi.formats.tables.write import encode_detections, encode_sensors, encode_tracks, encode_truth

__all__ = [
    "MEDIA",
    "OWN_TYPES",
    "SYNONYMS",
    "TABLES",
    "TIMES",
    "decode",
    "encode_detections",
    "encode_sensors",
    "encode_tracks",
    "encode_truth",
    "named",
    "sniff",
    "table_of",
]

OWN_TYPES = tuple(kind for kind, _, _ in FAMILIES)
"""Types of sensors whose columns docs/tables.md lists; those of others come in by `Context.types`."""

MEDIA = (".parquet", ".csv", ".csv.gz", ".tsv")

NEEDS = (
    "needs a time (time_ns, time_s, time or t) and x_m with y_m, range_m with azimuth_rad, lat_deg with lon_deg, or "
    "line_azimuth_rad with line_elevation_rad; "
    "or sensor with lat_deg and lon_deg, or with type, for a table of sensors (docs/tables.md). Say which column of "
    "a recording is which: --column range_nmi=YOURS"
)


NO_RANGE = (
    "azimuth and elevation without range_m: lines of sight are told in Earth-fixed axes, as line_azimuth_rad with "
    "line_elevation_rad, and from where, as sensor_x_ecef_m, sensor_y_ecef_m and sensor_z_ecef_m or in the sensors "
    "table (docs/tables.md)"
)


def sniff(head: bytes, name: str) -> float:
    """Return how sure one can be that a file is such a table."""
    head = peek(head)
    if head.startswith(b"PAR1"):
        return 0.9 if b"noroshi" in head or any(table in name for table in TABLES) else 0.5
    try:
        columns, _ = csv_columns(head.partition(b"\n")[0])
    except FormatError:
        return 0.0
    if table_of(columns) is None:
        return 0.3 * (name.endswith(MEDIA) and len(columns) > 1)
    return 0.5 if {"icao24", "mmsi"} & columns.keys() else 0.8


def decode(data: bytes, context: Context) -> Decoded:
    """Return what the table holds.

    Raises:
        FormatError: if it is no table, or a column is missing that it needs.
    """
    decoded = Decoded()
    data, decoded.damage = unpack(data)
    metadata: dict[str, str] = {}
    if data.startswith(b"PAR1"):
        columns, metadata = parquet_columns(data)
    else:
        columns, n_wrong = csv_columns(data)
        decoded.damage["wrong number of fields"] += n_wrong
    decoded.columns += columns
    columns, decoded.columns_not_used = renamed(columns, context.columns)
    kind = metadata.get("noroshi") or table_of(columns, context.types)  # one that noroshi wrote may be empty
    if kind is None or kind not in TABLES:
        if {"azimuth_rad", "elevation_rad"} <= proper(columns):
            raise FormatError(NO_RANGE)
        others = "".join(f"; {kind}: {' with '.join(both[0])}" for kind, both in sorted(context.types.items()))
        there = f"found columns {listed(decoded.columns)}"
        missing = "".join(f"no '{theirs}', " for theirs in context.columns.values() if theirs not in decoded.columns)
        raise FormatError(f"none of noroshi's tables: {missing}{there}; {NEEDS}{others}")
    read(kind, columns, metadata, decoded, context)
    return finished(decoded, may_be_empty=True)
