"""What readers of recordings share: unpacking, JSON that was cut short, position reports; no format itself."""

import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from noroshi.formats import Context, Decoded, FormatError
from noroshi.geo.time import NS_PER_S
from noroshi.records import Detections, Identity, SensorSite, Tracks
from noroshi.sensors import position_report

UNPACKED_BYTES_MAX = 1 << 27
"""What a compressed recording may unpack to; beyond this it is refused."""

LINE_BYTES_MAX = 4096
"""No line of a live source is longer."""

JSON_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no JSON, or not of the wanted shape."""

REPORT_COMPONENTS = position_report.Sensor.COMPONENTS
"""What a position report (ADS-B, AIS) measures."""

FLYING_M_S = 25.0
"""50 kt: who is faster rolls before take-off, after landing, or flies; aircraft taxi at 30 kt at most."""
HEIGHT_AGE_NS = 60_000_000_000
CLIMB_M_S_MAX, HEIGHT_STEP_M = 50.0, 100.0
"""A height is no other than one of before by more than these allow: 10,000 ft/min and a little."""


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
    key: NDArray[np.int64],
    time_ns: NDArray[np.int64],
    is_source: NDArray[np.bool_],
    within_ns: int,
    *,
    itself: bool = True,
) -> NDArray[np.int64]:
    """Return, for each of (n,) rows, the latest source row of the same key that is not later; -1 if there is none.

    Args:
        key: who the row speaks of.
        time_ns: when.
        is_source: the rows among which to look.
        within_ns: how old the source may be.
        itself: whether a source row finds itself, or the one before.
    """
    rows = np.arange(len(key))
    order = np.lexsort((rows, time_ns, key))
    source = np.maximum.accumulate(np.where(is_source[order], rows, -1)) if len(key) else rows
    source = source if itself else np.append(-1, source)[: len(key)]
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
    grounded: NDArray[np.bool_] | None = None,
    speed_m_s: NDArray[np.float64] | None = None,
) -> None:
    """Add position reports to `decoded`: (n, 6) values in the order of `REPORT_COMPONENTS`, their noise unstated.

    Args:
        decoded: what they are added to.
        context: its source names the sensor.
        time_ns: (n,) when.
        values: (n, 6) what they say.
        identity: (n,) who says it.
        surface: whether they are of ships.
        grounded: (n,) who says that its wheels are on the ground; see `Grounded`.
        speed_m_s: (n,) how fast they are where `values` do not say it.
    """
    if not len(time_ns):
        return
    sigmas = None if grounded is None else Grounded().heed(values, grounded, time_ns, identity.icao_address, speed_m_s)
    decoded.detections.append(
        Detections.of(
            sensor=context.source,
            components=REPORT_COMPONENTS,
            time_ns=time_ns,
            values=values,
            sigmas=sigmas,
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
    summed(decoded)
    if not decoded.counts and (decoded.damage or not may_be_empty):
        reasons = ", ".join(f"{n} x {reason}" for reason, n in decoded.damage.most_common(3))
        raise FormatError(f"no readable record in it{': ' if reasons else ''}{reasons}")
    return decoded


def summed(decoded: Decoded) -> Decoded:
    """Return `decoded` with its records summed up."""
    decoded.counts, decoded.damage = +decoded.counts, +decoded.damage
    decoded.n_records = decoded.counts.total() + decoded.damage.total()
    return decoded


def latest(
    key: NDArray[np.int64], time_ns: NDArray[np.int64], is_wanted: NDArray[np.bool_], number: int
) -> NDArray[np.int64]:
    """Return the rows, of those that are wanted, that are among the last `number` of their key, in order."""
    rows = np.flatnonzero(is_wanted)
    order = rows[np.lexsort((rows, time_ns[rows], key[rows]))]
    last = np.ones(len(order), np.bool_)
    if len(order) > number:
        last[:-number] = key[order[:-number]] != key[order[number:]]
    return np.sort(order[last])


class Lines:
    """Cuts what comes in pieces into lines; what a piece ends with waits for the next."""

    def __init__(self) -> None:
        self._rest = b""

    def split(self, pieces: Sequence[tuple[int, bytes]], damage: Counter[str]) -> list[tuple[int, bytes]]:
        """Return whole lines with the times at which their ends came; an empty piece says that a line broke off."""
        lines: list[tuple[int, bytes]] = []
        for received_ns, piece in pieces:
            if not piece:
                damage["line broken off"] += bool(self._rest)
                self._rest = b""
                continue
            *whole, self._rest = (self._rest + piece).split(b"\n")
            lines += [(received_ns, line) for line in whole]
            if len(self._rest) > LINE_BYTES_MAX:
                damage["line too long"] += 1
                self._rest = b""
        return lines


class Grounded:
    """Judges reports that say that they are from the ground, by how fast they are and what was said before.

    Such a report's height is held over or garbled, and it does not climb: it says neither. Unless it is too fast to
    taxi: then it may fly. Its height stands if the same address said much the same within the last minute, its climb
    is unknown. Of 937,577 reports of the package `traffic`'s samples 75,452 say that they are from the ground, 13,745
    of these with a height, and 1,162 of these are that fast, of which 1,056 heights stand. Seventeen are above
    6,000 ft: 3 right ones of aircraft that fly, which all stand, and 14 that were garbled as the flag was (10 in the
    air), of which 2 stand.
    """

    def __init__(self) -> None:
        self._time_ns, self._address, self._height_m = np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)

    def heed(
        self,
        values: NDArray[np.float64],
        grounded: NDArray[np.bool_],
        time_ns: NDArray[np.int64],
        address: NDArray[np.int64],
        speed_m_s: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Take out of (n, 6) reports what those from the ground do not know; earlier calls' heights are remembered.

        Args:
            values: in the order of `REPORT_COMPONENTS`; changed in place.
            grounded: (n,) who says that it is on the ground.
            time_ns: (n,) when.
            address: (n,) of the aircraft, -1 if it is not known.
            speed_m_s: (n,) how fast they are where `values` do not say it.

        Returns:
            (n, 6) standard deviations: of the climb on the ground, by which `position_report` knows it; NaN elsewhere.
        """
        sigmas = np.full(values.shape, np.nan)
        speed = np.hypot(values[:, position_report.EAST], values[:, position_report.NORTH])
        speed = speed if speed_m_s is None else np.where(np.isnan(speed), speed_m_s, speed)
        height_m = values[:, position_report.ALTITUDE]
        flying = grounded & (speed >= FLYING_M_S)
        doubtful = flying & np.isfinite(height_m) & ~self._agree(height_m, ~grounded | flying, time_ns, address)
        rolling = grounded & ~flying
        values[doubtful | rolling, position_report.ALTITUDE], values[flying, position_report.CLIMB] = np.nan, np.nan
        values[rolling, position_report.CLIMB] = 0.0
        sigmas[rolling, position_report.CLIMB] = position_report.GROUND_CLIMB_SIGMA_M_S
        return sigmas

    def _agree(
        self,
        height_m: NDArray[np.float64],
        counts: NDArray[np.bool_],
        time_ns: NDArray[np.int64],
        address: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Return (n,) whether the last height that the address said before is near; remember those that count."""
        n_old = len(self._time_ns)
        counts = np.append(np.ones(n_old, np.bool_), counts & np.isfinite(height_m) & (address >= 0))
        time_ns, address = np.append(self._time_ns, time_ns), np.append(self._address, address)
        height_m = np.append(self._height_m, height_m)
        before = last_at_or_before(address, time_ns, counts, HEIGHT_AGE_NS, itself=False)
        allowed_m = HEIGHT_STEP_M + CLIMB_M_S_MAX * (time_ns - time_ns[before]) / NS_PER_S
        agree = (before >= 0) & (np.abs(height_m - height_m[before]) <= allowed_m)
        # Of this call's times alone: one stamp of tomorrow must not forget all others for a day.
        newest_ns = time_ns[n_old:][counts[n_old:]].max(initial=0)
        young = counts & (time_ns >= newest_ns - HEIGHT_AGE_NS)
        kept = latest(address, time_ns, young, 1)
        self._time_ns, self._address, self._height_m = time_ns[kept], address[kept], height_m[kept]
        return agree[n_old:]
