"""AIS: NMEA sentences (`!AIVDM`, in several parts too, with or without tag blocks), and tables of decoded AIS as CSV.

Positions are those of message types 1, 2, 3, 18, 19 and 27; the call sign (or the ship's name, where it sends no call
sign) comes from types 5, 19 and 24. There is no altitude: the sensor's type puts ships on the sea.

A sentence does not say when it was sent. The time is that of its tag block (`c:`), else a number of seconds behind its
checksum as some loggers write it, else `Context.received_ns`, else `Context.day_ns`; else the sentence counts as
damage. A table has the columns of the US Marine Cadastre: MMSI, BaseDateTime, LAT, LON, and if there SOG [kt], COG
[deg], CallSign.

Sources: ITU-R M.1371-5, annex 8 (messages, and the values that mean "not available"); IEC 61162-1, NMEA 0183
(sentences, tag blocks).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import xor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.formats import Context, Decoded, FormatError
from noroshi.formats.cells import Columns, csv_columns, integers, listed, numbers, texts, times_ns
from noroshi.formats.reading import Lines, add_reports, finished, peek, summed, unpack
from noroshi.geo.time import NS_PER_S
from noroshi.geo.units import KNOT_M_S
from noroshi.records import Identity

MEDIA = (".nmea", ".ais", ".aivdm", ".txt", ".log", ".csv", ".csv.gz")

POSITIONS = (1, 2, 3, 18, 19, 27)
NAMES = (5, 19, 24)
PARTS_MAX = 9
NAMES_MAX = 1_000_000
SPEED_KT_MAX, COARSE_SPEED_KT_MAX = 102.2, 62.0  # faster is "not available"
TIME_S = (100_000_000, 9_200_000_000)  # a number outside is no time
MILLISECONDS_FROM = 100_000_000_000
TABLE = ("mmsi", "basedatetime", "lat", "lon")

_LINE = re.compile(
    rb"(?:\\(?P<tags>[^\\*]*)\*(?P<tag_sum>[0-9A-Fa-f]{1,2})\\)?"
    rb"(?P<sentence>!(?P<body>[A-Z]{2}VD[MO],(?P<total>\d),(?P<number>\d),(?P<group>\d?),[^*]*)\*(?P<sum>[0-9A-Fa-f]{2}))"
    rb"(?P<rest>.*)"
)
_TAG_TIME = re.compile(rb"(?:^|,)c:(\d{9,14})(?:,|$)")
_LOGGED_TIME = re.compile(rb",(\d{9,14})(?:\.\d*)?\s*$")


@dataclass
class _Heard:
    """What has been read so far: one entry a position, and the parts of messages that are not complete."""

    time_ns: list[int] = field(default_factory=list)
    mmsi: list[int] = field(default_factory=list)
    call_sign: list[str] = field(default_factory=list)
    place_deg: list[tuple[float, float]] = field(default_factory=list)
    speed_kt: list[float] = field(default_factory=list)
    course_deg: list[float] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    parts: dict[bytes, dict[int, tuple[bytes, int]]] = field(default_factory=dict)


def sniff(head: bytes, name: str) -> float:
    """Return how sure one can be that a file holds AIS."""
    lines = peek(head)[:4096].splitlines()
    if not lines:
        return 0.0
    columns = {column.strip().lower() for column in lines[0].decode("ascii", "replace").split(",")}
    if columns.issuperset(TABLE):
        return 0.95
    mine = sum(b"VDM," in line[:120] or b"VDO," in line[:120] for line in lines)
    return 0.95 if mine >= max(1, len(lines) // 2) else 0.2 * name.endswith((".nmea", ".ais", ".aivdm"))


def decode(data: bytes, context: Context) -> Decoded:
    """Return the ships' positions.

    Raises:
        FormatError: if there is no AIS in it, or nothing has a time.
    """
    decoded = Decoded()
    data, decoded.damage = unpack(data)
    if data.lstrip()[:1] in (b"!", b"\\", b"$"):
        _read_sentences(data, decoded, context)
    else:
        columns, n_wrong = csv_columns(data)
        decoded.damage["wrong number of fields"] += n_wrong
        _read_table(columns, decoded, context)
    return finished(decoded)


class Stream:
    """Sentences as they come, in pieces that may end anywhere; names, and parts of messages, wait between them.

    A datagram need not end its last sentence; a stream must.

    Args:
        context: its source names the sensor.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lines = Lines()
        self._names: dict[int, str] = {}
        self._parts: dict[bytes, dict[int, tuple[bytes, int]]] = {}

    def decode(self, pieces: Sequence[tuple[int, bytes]]) -> Decoded:
        """Return what came in these pieces (received_ns, bytes); one that is empty says that a line broke off."""
        decoded = Decoded()
        heard = _Heard(names=self._names, parts=self._parts)
        received_ns = None
        for received_ns, line in self._lines.split(pieces, decoded.damage):
            _read_line(line, heard, decoded, replace(self._context, received_ns=received_ns))
        _tell(heard, decoded, replace(self._context, received_ns=received_ns))
        if len(self._names) > NAMES_MAX:
            self._names.clear()
        return summed(decoded)


def _read_sentences(data: bytes, decoded: Decoded, context: Context) -> None:
    heard = _Heard()
    for line in data.splitlines():
        _read_line(line, heard, decoded, context)
    for parts in heard.parts.values():
        decoded.damage["part of a message missing"] += len(parts)
    _tell(heard, decoded, context)


def _read_line(line: bytes, heard: _Heard, decoded: Decoded, context: Context) -> None:
    text = line.strip()
    if not text:
        return
    match = _LINE.fullmatch(text)
    if match is None:
        other = text.startswith((b"$", b"!")) and b"VDM" not in text[:6] and b"VDO" not in text[:6]
        (decoded.counts if other else decoded.damage)["other sentence" if other else "not a sound sentence"] += 1
    elif reduce(xor, match["body"]) != int(match["sum"], 16):
        decoded.damage["wrong checksum"] += 1
    else:
        _take_part(heard, match, decoded, context)


def _tell(heard: _Heard, decoded: Decoded, context: Context) -> None:
    if heard.time_ns:
        velocity = _velocity(np.array(heard.speed_kt), np.array(heard.course_deg))
        _report(
            decoded,
            context,
            time_ns=np.array(heard.time_ns, np.int64),
            place_deg=np.array(heard.place_deg),
            velocity_m_s=velocity,
            mmsi=np.array(heard.mmsi, np.int64),
            call_sign=np.array(heard.call_sign, np.str_),
        )


def _take_part(heard: _Heard, match: re.Match[bytes], decoded: Decoded, context: Context) -> None:
    """Use one sentence: alone, or when it completes a message with those before it."""
    total, number = int(match["total"]), int(match["number"])
    if not 1 <= number <= total <= PARTS_MAX:
        decoded.damage["not a sound sentence"] += 1
        return
    time_ns = _time_ns(match, context)
    if total == 1:
        _take_message(heard, [(match["sentence"], time_ns)], decoded)
        return
    key = match["body"][:2] + match["group"] + match["total"]
    parts = heard.parts.setdefault(key, {})
    if number in parts or (number == 1 and parts):
        decoded.damage["part of a message missing"] += len(parts)
        parts.clear()
    parts[number] = (match["sentence"], time_ns)
    if len(parts) == total:
        del heard.parts[key]
        _take_message(heard, [parts[i + 1] for i in range(total)], decoded)


def _time_ns(match: re.Match[bytes], context: Context) -> int:
    """Return when a sentence was received; 0 where nobody says."""
    found = None
    if match["tags"] is not None and reduce(xor, match["tags"], 0) == int(match["tag_sum"], 16):
        found = _TAG_TIME.search(match["tags"])
    found = found or _LOGGED_TIME.search(match["rest"])
    if found:
        number = int(found[1])
        unit_ns = NS_PER_S // 1000 if number >= MILLISECONDS_FROM else NS_PER_S
        if TIME_S[0] <= number * unit_ns // NS_PER_S <= TIME_S[1]:
            return number * unit_ns
    return context.received_ns or context.day_ns or 0


def _take_message(heard: _Heard, parts: list[tuple[bytes, int]], decoded: Decoded) -> None:
    """Decode one message, whose sentences are counted each."""
    import pyais  # here, since it takes a fifth of a second that only AIS needs

    try:
        message: dict[str, Any] = pyais.decode(*(sentence for sentence, _ in parts)).asdict(enum_as_int=True)
    except (pyais.exceptions.AISBaseException, ValueError):
        decoded.damage["message that cannot be decoded"] += len(parts)
        return
    kind, mmsi = int(message["msg_type"]), message.get("mmsi")
    title = f"type {kind} message"
    if kind in NAMES and mmsi is not None:
        name = message.get("callsign") or (mmsi not in heard.names and message.get("shipname")) or ""
        if name.strip():
            heard.names[mmsi] = name.strip().upper()
    if kind not in POSITIONS:
        decoded.counts[title] += len(parts)
        return
    lat_deg, lon_deg, speed_kt, course_deg = (message.get(key) for key in ("lat", "lon", "speed", "course"))
    time_ns = next((time_ns for _, time_ns in parts if time_ns), 0)
    if mmsi is None or lat_deg is None or lon_deg is None:
        decoded.damage["message cut short"] += len(parts)
    elif abs(lat_deg) > 90.0 or abs(lon_deg) > 180.0:
        decoded.counts[f"{title} without a position"] += len(parts)
    elif not time_ns:
        decoded.damage["no time"] += len(parts)
    else:
        decoded.counts[title] += len(parts)
        fastest = COARSE_SPEED_KT_MAX if kind == 27 else SPEED_KT_MAX
        heard.time_ns.append(time_ns)
        heard.mmsi.append(mmsi)
        heard.call_sign.append(heard.names.get(mmsi, ""))
        heard.place_deg.append((lat_deg, lon_deg))
        heard.speed_kt.append(np.nan if speed_kt is None or speed_kt > fastest else speed_kt)
        heard.course_deg.append(np.nan if course_deg is None else course_deg)


def _read_table(columns: Columns, decoded: Decoded, context: Context) -> None:
    if not columns.keys() >= set(TABLE):
        raise FormatError(
            f"no AIS: no !AIVDM sentences, nor columns MMSI, BaseDateTime, LAT, LON; found {listed(columns)}"
        )
    n = len(columns["mmsi"])
    mmsi, known = integers(columns["mmsi"])
    known &= (mmsi >= 0) & (mmsi < 10**9)
    time_ns, timed = times_ns(columns["basedatetime"], name="basedatetime")
    place_deg = np.column_stack([numbers(columns[key], key) for key in ("lat", "lon")])
    placed = (np.abs(place_deg) <= (90.0, 180.0)).all(axis=1)
    nothing = np.full(n, np.nan)
    speed_kt, course_deg = (numbers(columns[key], key) if key in columns else nothing for key in ("sog", "cog"))
    speed_kt = np.where((speed_kt >= 0.0) & (speed_kt <= SPEED_KT_MAX), speed_kt, np.nan)
    decoded.damage["no MMSI"] += int((~known).sum())
    decoded.damage["no time"] += int((known & ~timed).sum())
    decoded.counts["report without a position"] += int((known & timed & ~placed).sum())
    rows = np.flatnonzero(known & timed & placed)
    decoded.counts["position report"] += len(rows)
    call_sign = np.strings.upper(texts(columns["callsign"])) if "callsign" in columns else np.full(n, "")
    _report(
        decoded,
        context,
        time_ns=time_ns[rows],
        place_deg=place_deg[rows],
        velocity_m_s=_velocity(speed_kt, course_deg)[rows],
        mmsi=mmsi[rows],
        call_sign=call_sign[rows],
    )


def _velocity(speed_kt: NDArray[np.float64], course_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 2) east and north velocities [m/s]; a ship at rest needs no course to have one."""
    course_rad = np.radians(np.where(course_deg < 360.0, course_deg, np.where(speed_kt == 0.0, 0.0, np.nan)))
    return np.column_stack((speed_kt * np.sin(course_rad), speed_kt * np.cos(course_rad))) * KNOT_M_S


def _report(
    decoded: Decoded,
    context: Context,
    *,
    time_ns: NDArray[np.int64],
    place_deg: NDArray[np.float64],
    velocity_m_s: NDArray[np.float64],
    mmsi: NDArray[np.int64],
    call_sign: NDArray[np.str_],
) -> None:
    n = len(time_ns)
    values = np.full((n, 6), np.nan)
    values[:, :2], values[:, 3:5] = np.radians(place_deg), velocity_m_s
    absent = Identity.absent(n)
    identity = absent.replace(mmsi=mmsi, call_sign=call_sign)
    add_reports(decoded, context, time_ns=time_ns, values=values, identity=identity, surface=True)
