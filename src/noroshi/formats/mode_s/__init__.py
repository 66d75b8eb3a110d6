"""Raw Mode S frames: JSON lines with `frame` and `timestamp`, AVR lines, Beast binary; gzip too.

Positions, velocities, call signs and codes are decoded from the frames themselves; what else a JSON line says is not
used. `altitude_m` is the pressure altitude (1013.25 hPa) as sent, for type codes 20 to 22 the height above the
ellipsoid; NaN on the ground. A position takes the velocity that the same address sent at most two seconds before it,
and its last call sign and code. How far GNSS height and pressure altitude are apart, where aircraft tell it, is in
`statuses`.

AVR lines and Beast frames carry no date, and often no time: `Context.day_ns` or `Context.received_ns` gives it.
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from noroshi.formats import Context, Decoded, FormatError
from noroshi.formats.mode_s import cpr, fields
from noroshi.formats.mode_s.cpr import OWN_AIRPORT_NS
from noroshi.formats.mode_s.frames import NO_STAMP, Frames, is_beast, is_gps, read, read_beast, times_from_stamps
from noroshi.formats.reading import add_reports, finished, last_at_or_before, latest, peek, summed, unpack
from noroshi.geo.time import NS_PER_S
from noroshi.records import Identity, Status

MEDIA = (".jsonl", ".jsonl.gz", ".avr", ".beast", ".bin", ".txt")

FORMATS = {
    0: "short air-air surveillance",
    4: "altitude reply",
    5: "identity reply",
    11: "all-call reply",
    16: "long air-air surveillance",
    17: "extended squitter",
    18: "extended squitter, no transponder",
    19: "military extended squitter",
    20: "Comm-B altitude reply",
    21: "Comm-B identity reply",
    **dict.fromkeys(range(24, 32), "Comm-D"),
}
ADDRESS_PARITY = (0, 4, 5, 16, 20, 21)
INTERROGATOR = 0x7F  # what an all-call reply may lay over its parity
NOT_AN_ADDRESS = (1, 5)  # values of the CF field of DF 18 whose address is not the aircraft's own
POSITIONAL = (0, 1, 2, 5, 6)  # values of CF whose messages are those of DF 17
VELOCITY_AGE_NS = 2 * NS_PER_S
IDENTITY_AGE_NS = 600 * NS_PER_S
KEPT_OF_EACH = 3  # messages of each sort that a stream remembers of each aircraft: an old pair and a newer one that
KEPT_MAX = 200_000  # does not fit it leave a place to go on from
COUNTED = (
    "its 12 MHz counter tells no time of day: its first frame is put at midnight UTC of the day given; times are right "
    "against each other and against no other recording"
)
"""Note of a recording whose stamps count from when the receiver was switched on."""

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class _Messages:
    """What is common to all frames of good parity, n rows; `type_code` is -1 where it is no extended squitter."""

    time_ns: Integers
    downlink: Integers
    control: Integers
    address: Integers
    type_code: Integers
    message: Integers
    octets: NDArray[np.uint8]

    @property
    def heard(self) -> Integers:
        """Addresses that were sent in the clear, and not only laid over a parity."""
        return self.address[~np.isin(self.downlink, ADDRESS_PARITY)]

    def followed_by(self, other: Self) -> Self:
        """Return these messages and then others."""
        return type(self)(**{
            each.name: np.concatenate([getattr(self, each.name), getattr(other, each.name)])
            for each in dataclasses.fields(self)
        })  # fmt: skip

    def rows(self, chosen: Integers) -> Self:
        """Return some of the messages."""
        return type(self)(**{each.name: getattr(self, each.name)[chosen] for each in dataclasses.fields(self)})


def sniff(head: bytes, name: str) -> float:
    """Return how sure one can be that a file holds raw Mode S."""
    head = peek(head)
    if is_beast(head):
        return 0.9
    line = head.partition(b"\n")[0]
    if line.startswith(b"{"):
        return 0.95 * (b'"frame"' in line)
    avr = line[:1] in (b"*", b"@", b"%", b"<", b":") and line.rstrip().endswith(b";") and len(line) < 64
    return 0.9 if avr else 0.2 * name.endswith((".avr", ".beast"))


def decode(data: bytes, context: Context) -> Decoded:
    """Return the positions that the frames tell.

    Raises:
        FormatError: if there is no frame in it, or none has a time.
    """
    decoded = Decoded()
    data, decoded.damage = unpack(data)
    frames = read(data, decoded.counts, decoded.damage)
    messages = _checked(frames, decoded, context)
    if len(frames.length) and not len(messages.time_ns) and decoded.damage["no time"]:
        raise FormatError("its frames carry no date: say of which day they are")
    rows = _report(messages, decoded, context)
    _count(messages, rows, messages.heard, decoded.counts)
    return finished(decoded)


class Stream:
    """Beast frames as they come, in pieces that may end anywhere.

    Of each aircraft the last few messages of each sort are remembered, so that positions, velocities and names join as
    they do in a recording; those on the surface only once one in the air was heard, or if the context has a place near
    by. A frame's time is that of the piece in which it ended: a receiver's own stamp counts from
    when it was switched on, or the time of the day, and does not say which.

    Args:
        context: its source names the sensor.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rest = b""
        self._kept: _Messages | None = None

    def decode(self, pieces: Sequence[tuple[int, bytes]]) -> Decoded:
        """Return what came in these pieces (received_ns, bytes); one that is empty says that a frame broke off."""
        decoded = Decoded()
        found = []
        for received_ns, piece in pieces:
            if piece:
                data = self._rest + piece
                each, end = read_beast(data, received_ns, decoded.counts, decoded.damage)
                found.append(each)
                self._rest = data[end:]
            else:
                decoded.damage["frame broken off"] += bool(self._rest)
                self._rest = b""
        if not found:
            return summed(decoded)
        context = replace(self._context, received_ns=pieces[-1][0])
        new = _checked(Frames.joined(found), decoded, context)
        every = new if self._kept is None else self._kept.followed_by(new)
        n_old = len(every.time_ns) - len(new.time_ns)
        rows = _report(every, decoded, context, n_old)
        if len(rows) and _reference_deg(self._context) is None:
            lat_rad, lon_rad = decoded.detections[0].values[0, :2].tolist()
            self._context = replace(self._context, reference_lat_rad=lat_rad, reference_lon_rad=lon_rad)
        _count(new, rows - n_old, every.heard, decoded.counts)
        self._kept = every.rows(_to_keep(every))
        return summed(decoded)


def _to_keep(messages: _Messages) -> Integers:
    """Return the rows that may be needed for what comes later."""
    code, newest_ns = messages.type_code, int(messages.time_ns.max(initial=0))
    is_odd = fields.bits(messages.message, 22, 1) == 1
    is_surface, is_airborne = _positions(code)
    sorts = {
        OWN_AIRPORT_NS: [place & (is_odd == odd) for place in (is_surface, is_airborne) for odd in (False, True)],
        VELOCITY_AGE_NS: [code == 19],
        IDENTITY_AGE_NS: [(code >= 1) & (code <= 4), _codes(messages)[1]],
    }
    kept = [
        latest(messages.address, messages.time_ns, each & (messages.time_ns >= newest_ns - age_ns), KEPT_OF_EACH)
        for age_ns, each_sort in sorts.items()
        for each in each_sort
    ]
    return np.unique(np.concatenate(kept))[-KEPT_MAX:]


def _checked(frames: Frames, decoded: Decoded, context: Context) -> _Messages:
    damage = decoded.damage
    downlink = np.minimum(frames.octets[:, 0].astype(np.int64) >> 3, 24)
    remainder = fields.syndrome(frames.octets, frames.length)
    squitter = (downlink == 17) | (downlink == 18) | (downlink == 19)
    overlaid = np.isin(downlink, ADDRESS_PARITY)
    bad_parity = (squitter & (remainder != 0)) | ((downlink == 11) & (remainder & ~INTERROGATOR != 0))
    unknown = ~np.isin(downlink, list(FORMATS))
    control = frames.octets[:, 0].astype(np.int64) & 7
    address = np.where(overlaid, remainder, fields.joined(frames.octets[:, 1:4]))
    address = np.where((downlink == 18) & np.isin(control, NOT_AN_ADDRESS), address | 1 << 24, address)
    positional = (downlink == 17) | ((downlink == 18) & np.isin(control, POSITIONAL))
    type_code = np.where(positional, frames.octets[:, 4].astype(np.int64) >> 3, -1)
    sound = ~bad_parity & ~unknown
    time_ns, is_counted = _times(frames, address, sound & (type_code >= 9) & (type_code <= 18), context)
    kept = sound & (time_ns > 0)
    if is_counted:
        decoded.notes.append(COUNTED)
    damage["bad parity"] += int(bad_parity.sum())
    damage["unknown downlink format"] += int(unknown.sum())
    damage["no time"] += int((sound & (time_ns <= 0)).sum())
    return _Messages(
        time_ns=time_ns[kept],
        downlink=downlink[kept],
        control=control[kept],
        address=address[kept],
        type_code=type_code[kept],
        message=fields.joined(frames.octets[kept, 4:11]),
        octets=frames.octets[kept],
    )


def _times(frames: Frames, address: Integers, airborne: Flags, context: Context) -> tuple[Integers, bool]:
    """Return (n,) times, 0 where there is none, and whether a counter's are put at midnight for want of better."""
    time_ns = np.where(frames.time_ns > 0, frames.time_ns, context.received_ns or 0)
    stamped = np.flatnonzero(frames.stamp != NO_STAMP)
    if not len(stamped) or (context.day_ns is None and context.received_ns is None):
        return time_ns, False
    steady = np.flatnonzero(airborne & (frames.stamp != NO_STAMP))
    gps = is_gps(frames.stamp[steady], address[steady])
    time_ns[stamped] = times_from_stamps(
        frames.stamp[stamped], gps=gps, day_ns=context.day_ns, received_ns=context.received_ns
    )
    return time_ns, not gps and context.received_ns is None


def _positions(code: Integers) -> tuple[Flags, Flags]:
    """Return which type codes are of positions on the surface, and which of those in the air."""
    return (code >= 5) & (code <= 8), (code >= 9) & (code <= 22) & (code != 19)


def _report(messages: _Messages, decoded: Decoded, context: Context, n_old: int = 0) -> Integers:
    """Add what can be tracked to `decoded`, but for the first `n_old` messages, which were told of before.

    Returns:
        The rows of the other messages that gave a position.
    """
    code, message, time_ns, address = messages.type_code, messages.message, messages.time_ns, messages.address
    surface, airborne = _positions(code)
    placed = np.flatnonzero(surface | airborne)
    reports = cpr.Reports(
        key=address[placed],
        time_ns=time_ns[placed],
        is_odd=fields.bits(message[placed], 22, 1) == 1,
        is_surface=surface[placed],
        y=fields.bits(message[placed], 23, 17) / cpr.STEPS,
        x=fields.bits(message[placed], 40, 17) / cpr.STEPS,
    )
    place_deg = cpr.resolve(reports, _reference_deg(context))
    resolved = ~np.isnan(place_deg[:, 0]) & (placed >= n_old)
    rows, place_rad = placed[resolved], np.radians(place_deg[resolved])

    def last(is_source: Flags, within_ns: int) -> Integers:
        return last_at_or_before(address, time_ns, is_source, within_ns)[rows]

    moving = last(code == 19, VELOCITY_AGE_NS)
    velocity = np.where(moving[:, None] >= 0, fields.airborne_velocity_m_s(message[moving]), np.nan)
    velocity = np.where(surface[rows][:, None], fields.surface_velocity_m_s(message[rows]), velocity)
    altitude_m = np.where(surface[rows], np.nan, fields.altitude_m(fields.bits(message[rows], 9, 12)))
    named = last((code >= 1) & (code <= 4), IDENTITY_AGE_NS)
    mode_3a, has_code = _codes(messages)
    coded = last(has_code, IDENTITY_AGE_NS)
    identity = Identity(
        icao_address=np.where(address[rows] < 1 << 24, address[rows], -1),
        mode_3a=np.where(coded >= 0, mode_3a[coded], -1),
        mmsi=np.full(len(rows), -1, np.int64),
        call_sign=np.where(named >= 0, fields.call_sign(message[named]), ""),
    )
    values = np.column_stack((place_rad, altitude_m, velocity))
    add_reports(decoded, context, time_ns=time_ns[rows], values=values, identity=identity, grounded=surface[rows])
    _tell_height_differences(messages, decoded, context, n_old)
    return rows


def _codes(messages: _Messages) -> tuple[Integers, Flags]:
    """Return the Mode 3/A codes, and which messages have one."""
    reply = (messages.downlink == 5) | (messages.downlink == 21)
    emergency = (messages.type_code == 28) & (fields.bits(messages.message, 6, 3) == 1)
    of_reply = fields.joined(messages.octets[:, 2:4]) & 0x1FFF
    code = np.where(reply, of_reply, fields.bits(messages.message, 12, 13))
    return fields.mode_3a(code), reply | emergency


def _tell_height_differences(messages: _Messages, decoded: Decoded, context: Context, n_old: int) -> None:
    rows = n_old + np.flatnonzero(messages.type_code[n_old:] == 19)
    difference_m = fields.gnss_minus_pressure_altitude_m(messages.message[rows])
    rows, difference_m = rows[np.isfinite(difference_m)], difference_m[np.isfinite(difference_m)]
    if len(rows):
        address, which = np.unique(messages.address[rows], return_inverse=True)
        subject = np.array([f"GNSS height minus pressure altitude of {one:06x} [m]" for one in address])
        decoded.statuses.append(
            Status(
                time_ns=messages.time_ns[rows],
                source=np.full(len(rows), context.source),
                subject=subject[which.reshape(len(rows))],
                value=difference_m,
            )
        )


def _count(messages: _Messages, resolved: Integers, heard: Integers, counts: Counter[str]) -> None:
    known = np.isin(messages.address, heard)
    placed = np.zeros(len(known), np.bool_)
    placed[resolved] = True
    code = messages.type_code
    sorts = {
        "": code < 0,
        " identification": (code >= 1) & (code <= 4),
        " surface position": (code >= 5) & (code <= 8) & placed,
        " airborne position": (code >= 9) & placed,
        " position, not resolved": (code >= 5) & (code <= 22) & (code != 19) & ~placed,
        " velocity": code == 19,
        " other": (code == 0) | (code >= 23),
    }
    for number in np.unique(messages.downlink).tolist():
        mine = messages.downlink == number
        for sort, chosen in sorts.items():
            strange = ~known if number in ADDRESS_PARITY else np.zeros_like(known)
            counts[f"DF {number} {FORMATS[number]}{sort}"] += int((mine & chosen & ~strange).sum())
            counts[f"DF {number} {FORMATS[number]}, address not heard otherwise"] += int(
                (mine & chosen & strange).sum()
            )


def _reference_deg(context: Context) -> tuple[float, float] | None:
    if context.reference_lat_rad is None or context.reference_lon_rad is None:
        return None
    return float(np.degrees(context.reference_lat_rad)), float(np.degrees(context.reference_lon_rad))
