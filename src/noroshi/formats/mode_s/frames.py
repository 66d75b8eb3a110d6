"""Mode S frames out of what receivers write: JSON lines, AVR lines, Beast binary."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from noroshi.formats.reading import JSON_ERRORS
from noroshi.geo.time import NS_PER_DAY, NS_PER_S

LONG, SHORT = 14, 7  # bytes in a frame
TICK_HZ = 12_000_000  # the free-running counter of Mode-S Beast and of dump1090
GPS_NS_BITS = 30  # the other kind of stamp: seconds of the day above, nanoseconds below
NO_STAMP = -1
BEAST_BYTES_MAX = 44  # of the longest frame, if every byte of it is written twice
MULTILATERATED = 0xFF004D4C4154  # the stamp "ff 00 M L A T" of frames that a program made up
SQUITTER_NS_MIN = 150_000_000
"""An aircraft sends its airborne position every 0.4 to 0.6 s (ICAO Annex 10 vol. IV, 3.1.2.8.6.4.3): where two in a row
are usually nearer than this, the clock has been misread."""

_AVR = re.compile(rb"(?:[*:]|@([0-9A-Fa-f]{12})|%([0-9A-Fa-f]{12})|<([0-9A-Fa-f]{12})[0-9A-Fa-f]{2})([0-9A-Fa-f]+);")
_BYTE = rb"(?:[^\x1a]|\x1a\x1a)"
_BEAST = re.compile(
    rb"\x1a(?:1(%b{9})|2(%b{14})|3(%b{21})|4(%b{21}))".replace(b"%b", _BYTE),
    re.DOTALL,
)


@dataclass(frozen=True)
class Frames:
    """Frames as received, n rows.

    Attributes:
        octets: (n, 14) the bytes; the last 7 of a short frame are zero.
        length: (n,) 7 or 14.
        time_ns: (n,) Unix UTC; 0 where only a stamp is known, or nothing.
        stamp: (n,) the receiver's own counter; -1 where there is none.
    """

    octets: NDArray[np.uint8]
    length: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    stamp: NDArray[np.int64]

    @classmethod
    def joined(cls, several: Sequence[Self]) -> Self:
        """Return the frames of several pieces, one after the other."""
        return cls(
            np.concatenate([each.octets for each in several]),
            np.concatenate([each.length for each in several]),
            np.concatenate([each.time_ns for each in several]),
            np.concatenate([each.stamp for each in several]),
        )


class _Line(msgspec.Struct, gc=False):
    frame: str
    timestamp: float | int | None = None


def is_beast(head: bytes) -> bool:
    """Return whether the bytes begin with Beast frames, allowing for one that was cut."""
    found = [match.span() for match in _BEAST.finditer(head[:4096])]
    covered = sum(end - start for start, end in found)
    return bool(found) and covered >= max(16, min(len(head), 4096) - 64)


def read(data: bytes, counts: Counter[str], damage: Counter[str]) -> Frames:
    """Return the frames, each of 7 or 14 bytes, and count what is not one."""
    if is_beast(data):
        found = _beast(data, counts, damage)
    elif data.lstrip()[:1] == b"{":
        found = _json_lines(data, damage)
    else:
        found = _avr_lines(data, damage)
    return _of_right_length(found, damage)


def read_beast(data: bytes, received_ns: int, counts: Counter[str], damage: Counter[str]) -> tuple[Frames, int]:
    """Return the Beast frames of a stream's piece, all received at once, and where what is not whole yet begins."""
    end = max((match.end() for match in _BEAST.finditer(data)), default=0)
    if len(data) - end > BEAST_BYTES_MAX:
        end = len(data) - BEAST_BYTES_MAX
    found = [(frame, received_ns, NO_STAMP) for frame, _, _ in _beast(data[:end], counts, damage)]
    return _of_right_length(found, damage), end


def _of_right_length(found: Iterable[tuple[bytes, int, int]], damage: Counter[str]) -> Frames:
    sound: list[tuple[bytes, int, int]] = []
    for frame, time_ns, stamp in found:
        size = LONG if frame[:1] >= b"\x80" else SHORT  # a frame's first bit tells
        if len(frame) == size or (size == SHORT and len(frame) == LONG):  # some programs pad short frames
            sound.append((frame[:size].ljust(LONG, b"\0"), time_ns, stamp))
        else:
            damage["frame of wrong length"] += 1
    octets = np.frombuffer(b"".join(frame for frame, _, _ in sound), np.uint8).reshape(-1, LONG)
    moments = np.array([(time_ns, stamp) for _, time_ns, stamp in sound], np.int64).reshape(-1, 2)
    length = np.where(octets[:, 0] & 0x80, LONG, SHORT).astype(np.int64)
    return Frames(octets, length, moments[:, 0], moments[:, 1])


def _json_lines(data: bytes, damage: Counter[str]) -> Iterator[tuple[bytes, int, int]]:
    decoder = msgspec.json.Decoder(_Line)
    for line in data.splitlines():
        if not line.strip():
            continue
        try:
            told = decoder.decode(line)
        except JSON_ERRORS:
            damage["not a JSON line with a frame"] += 1
            continue
        try:
            frame = bytes.fromhex(told.frame)
        except ValueError:
            damage["frame is not hexadecimal"] += 1
            continue
        seconds = told.timestamp
        timed = seconds is not None and 0 < seconds < 9.2e9
        # A float of seconds is good to a quarter of a microsecond.
        yield frame, round(seconds * 1e6) * 1000 if timed and seconds is not None else 0, NO_STAMP


def _avr_lines(data: bytes, damage: Counter[str]) -> Iterator[tuple[bytes, int, int]]:
    for line in data.splitlines():
        text = line.strip()
        if not text:
            continue
        match = _AVR.fullmatch(text)
        if match is None or len(match[4]) % 2:
            damage["not an AVR line"] += 1
            continue
        stamp = next((int(group, 16) for group in match.groups()[:3] if group), NO_STAMP)
        yield bytes.fromhex(match[4].decode()), 0, NO_STAMP if stamp == MULTILATERATED else stamp


def _beast(data: bytes, counts: Counter[str], damage: Counter[str]) -> Iterator[tuple[bytes, int, int]]:
    end = 0
    for match in _BEAST.finditer(data):
        damage["bytes between frames"] += match.start() > end
        end = match.end()
        if match[1] is not None:
            counts["Mode A/C reply"] += 1
        elif match[4] is not None:
            counts["receiver status"] += 1
        else:
            body = (match[2] or match[3]).replace(b"\x1a\x1a", b"\x1a")
            stamp = int.from_bytes(body[:6], "big")
            yield body[7:], 0, NO_STAMP if stamp == MULTILATERATED else stamp
    damage["bytes between frames"] += end < len(data)


def times_from_stamps(
    stamp: NDArray[np.int64], *, gps: bool, day_ns: int | None, received_ns: int | None
) -> NDArray[np.int64]:
    """Return (n,) times of (n,) stamps.

    A stamp of a GPS clock is the time of the day, which is `day_ns` or that of `received_ns`. A counter may have begun
    at any time: its first frame is put at `day_ns`, or its last at `received_ns`.
    """
    clock_ns = gps_ns(stamp) if gps else counter_ns(stamp)
    if gps:
        start_ns = day_ns if day_ns is not None else (received_ns or 0) // NS_PER_DAY * NS_PER_DAY
        clock_ns += NS_PER_DAY * np.cumsum(np.diff(clock_ns, prepend=clock_ns[:1]) < -NS_PER_DAY // 2)
    elif received_ns is not None:
        start_ns = received_ns - int(clock_ns[-1])
    else:
        start_ns = (day_ns or 0) - int(clock_ns[0])
    return clock_ns + start_ns


def counter_ns(stamp: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return nanoseconds of a 12 MHz counter, exactly to one."""
    seconds, ticks = np.divmod(stamp, TICK_HZ)
    return np.asarray(seconds * NS_PER_S + ticks * 250 // 3, np.int64)


def gps_ns(stamp: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return nanoseconds of the day of a GPS clock's stamps."""
    return (stamp >> GPS_NS_BITS) * NS_PER_S + (stamp & (1 << GPS_NS_BITS) - 1)


def is_gps(stamp: NDArray[np.int64], address: NDArray[np.int64]) -> bool:
    """Return whether the stamps of airborne positions, each of one address, are a GPS clock's and not a counter's."""
    seconds, ns = stamp >> GPS_NS_BITS, stamp & (1 << GPS_NS_BITS) - 1
    if not len(stamp) or seconds.max() >= NS_PER_DAY // NS_PER_S or ns.max() >= NS_PER_S:
        return False
    order = np.lexsort((stamp, address))
    apart_ns = np.diff(gps_ns(stamp[order]))[np.diff(address[order]) == 0]
    return len(apart_ns) > 0 and bool(np.median(apart_ns) >= SQUITTER_NS_MIN)
