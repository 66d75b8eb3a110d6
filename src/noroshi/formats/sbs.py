"""SBS-1 (BaseStation) lines, `MSG,3,1,1,4CA216,1,2024/06/06,11:22:33.123,...`, as receivers give them on port 30003.

Each line says one thing: a position takes the velocity of the same aircraft's last velocity line, its last call
sign and code. `altitude_m` is the pressure altitude (1013.25 hPa), NaN on the ground. The times carry no zone: they are
taken as UTC, which holds where the receiver's computer runs in UTC.

Source: Kinetic Avionics, BaseStation socket data (the order of the 22 fields; feet, knots, degrees, feet a minute).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from noroshi.formats import Context, Decoded
from noroshi.formats.cells import Columns, numbers, numbers_in_base, texts, times_ns
from noroshi.formats.reading import Lines, add_reports, finished, last_at_or_before, latest, peek, summed, unpack
from noroshi.geo.time import NS_PER_S
from noroshi.geo.units import FOOT_M, FOOT_PER_MINUTE_M_S, KNOT_M_S
from noroshi.records import Identity

MEDIA = (".sbs", ".bst", ".csv", ".txt", ".log")

FIELDS = (
    *("kind", "sort", "session", "aircraft", "address", "flight", "day", "time", "logged_day", "logged_time"),
    *(
        "call_sign",
        "altitude",
        "speed",
        "track",
        "lat",
        "lon",
        "climb",
        "squawk",
        "alert",
        "emergency",
        "spi",
        "ground",
    ),
)
OTHER_KINDS = (b"SEL", b"ID", b"AIR", b"STA", b"CLK")
SORTS = {
    "1": "MSG 1 call sign",
    "2": "MSG 2 surface position",
    "3": "MSG 3 airborne position",
    "4": "MSG 4 velocity",
    "5": "MSG 5 altitude",
    "6": "MSG 6 code",
    "7": "MSG 7 air to air",
    "8": "MSG 8 all-call reply",
}
VELOCITY_AGE_NS = 3 * NS_PER_S
IDENTITY_AGE_NS = 600 * NS_PER_S


def sniff(head: bytes, name: str) -> float:
    """Return how sure one can be that a file holds BaseStation lines."""
    lines = peek(head)[:4096].splitlines()
    mine = [line for line in lines if line.startswith(b"MSG,") and line.count(b",") == len(FIELDS) - 1]
    return 0.95 * (len(mine) >= max(1, len(lines) // 2)) if mine else 0.2 * name.endswith((".sbs", ".bst"))


def decode(data: bytes, context: Context) -> Decoded:
    """Return the positions that the lines tell.

    Raises:
        FormatError: if no line is of this format.
    """
    decoded = Decoded()
    data, decoded.damage = unpack(data)
    _read(_rows(data.split(b"\n"), decoded), decoded, context)
    return finished(decoded)


class Stream:
    """Lines as they come, in pieces that may end anywhere; each aircraft's last words are remembered between them.

    Args:
        context: its source names the sensor.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lines = Lines()
        self._said: list[list[str]] = []

    def decode(self, pieces: Sequence[tuple[int, bytes]]) -> Decoded:
        """Return what came in these pieces (received_ns, bytes); one that is empty says that a line broke off."""
        decoded = Decoded()
        lines = [line for _, line in self._lines.split(pieces, decoded.damage)]
        received_ns = pieces[-1][0] if pieces else None
        n_said = len(self._said)
        rows = self._said + _rows(lines, decoded)
        kept = _read(rows, decoded, replace(self._context, received_ns=received_ns), n_said)
        self._said = [rows[row] for row in kept.tolist()]
        return summed(decoded)


def _rows(lines: Iterable[bytes], decoded: Decoded) -> list[list[str]]:
    """Return the fields of the lines that have as many as they should."""
    rows: list[list[str]] = []
    for line in lines:
        if not line.strip():
            continue
        fields = line.rstrip(b"\r").split(b",")
        if fields[0] in OTHER_KINDS:
            decoded.counts[f"{fields[0].decode()} line"] += 1
        elif fields[0] != b"MSG":
            decoded.damage["not a line of this format"] += 1
        elif len(fields) != len(FIELDS):
            decoded.damage["wrong number of fields"] += 1
        else:
            rows.append([field.decode("ascii", "replace") for field in fields])
    return rows


def _read(rows: list[list[str]], decoded: Decoded, context: Context, n_old: int = 0) -> NDArray[np.int64]:
    """Add what the rows tell, but for the first `n_old`, which were told before.

    Returns:
        Numbers of the rows that may be needed for what comes later.
    """
    if not rows:
        return np.zeros(0, np.int64)
    columns: Columns = dict(zip(FIELDS, (pa.array(column) for column in zip(*rows, strict=True)), strict=True))
    sort = texts(columns["sort"])
    is_new = np.arange(len(rows)) >= n_old
    moment = np.strings.add(np.strings.add(texts(columns["day"]), " "), texts(columns["time"]))
    time_ns, timed = times_ns(pa.array(moment))
    address = numbers_in_base(columns["address"], 16, 1 << 24)
    known = np.isin(sort, list(SORTS))
    for reason, bad in (
        ("unknown message", ~known),
        ("no time", known & ~timed),
        ("no address", known & timed & (address < 0)),
    ):
        if bad[n_old:].any():
            decoded.damage[reason] += int(bad[n_old:].sum())
    sound = known & timed & (address >= 0)
    for code, title in SORTS.items():
        if count := int((is_new & sound & (sort == code)).sum()):
            decoded.counts[title] += count
    speed_m_s, track_rad = numbers(columns["speed"]) * KNOT_M_S, np.radians(numbers(columns["track"]))
    velocity = np.column_stack(
        (
            speed_m_s * np.sin(track_rad),
            speed_m_s * np.cos(track_rad),
            numbers(columns["climb"]) * FOOT_PER_MINUTE_M_S,
        )
    )
    place = np.radians(np.column_stack((numbers(columns["lat"]), numbers(columns["lon"]))))
    altitude_m = np.where(sort == "2", np.nan, numbers(columns["altitude"]) * FOOT_M)
    call_sign, mode_3a = texts(columns["call_sign"]), numbers_in_base(columns["squawk"], 8, 1 << 12)

    said = {
        VELOCITY_AGE_NS: (np.isfinite(velocity[:, 0]),),
        IDENTITY_AGE_NS: (call_sign != "", mode_3a >= 0),
    }

    def last(is_source: NDArray[np.bool_], within_ns: int) -> NDArray[np.int64]:
        return last_at_or_before(address, time_ns, sound & is_source, within_ns)

    told = np.flatnonzero(is_new & sound & np.isfinite(place).all(axis=1))
    (moving,), (named, coded) = ([last(each, age_ns)[told] for each in sources] for age_ns, sources in said.items())
    identity = Identity(
        icao_address=address[told],
        mode_3a=np.where(coded >= 0, mode_3a[coded], -1),
        mmsi=np.full(len(told), -1, np.int64),
        call_sign=np.where(named >= 0, np.strings.upper(call_sign[named]), ""),
    )
    joined = np.where(moving[:, None] >= 0, velocity[moving], np.nan)
    values = np.column_stack((place[told], altitude_m[told], joined))
    grounded = sort[told] == "2"
    add_reports(decoded, context, time_ns=time_ns[told], values=values, identity=identity, grounded=grounded)
    newest_ns = int(time_ns[sound].max(initial=0))
    kept = [
        latest(address, time_ns, sound & each & (time_ns >= newest_ns - age_ns), 1)
        for age_ns, sources in said.items()
        for each in sources
    ]
    return np.unique(np.concatenate(kept))
