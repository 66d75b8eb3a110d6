"""Cursor on Target: XML events of TAK clients and servers, tracks to events and back.

An event is a place, when it holds, and what is there. Its accuracy is a circle (`ce`) and a height (`le`), one standard
deviation by the schema: here the circle that holds as much as one standard deviation does, 68 %, of the whole ellipse.
What the schema has no room for is in an element of the detail, `noroshi_track`, which others pass on or ignore.

Affiliation is not for a tracker to say: events are of unknown, pending or neutral things, never of hostile ones.

Source: MITRE, Event-PUBLIC.xsd (Cursor on Target 2.0, 2003, with the clarifications of 2007; public release case
11-3895); battle dimensions and functions of MIL-STD-2525B, table A.
"""

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfinv

from noroshi.estimation.circle import radius_holding
from noroshi.formats import Context, Decoded
from noroshi.formats.alerting import (
    EXERCISE_COLOUR,
    NAME_CHARS_MAX,
    ExerciseWording,
    Reference,
    Shape,
    checked,
    plain,
)
from noroshi.formats.alerting import (
    NOWHERE as NO_SHAPE,
)
from noroshi.formats.reading import finished
from noroshi.geo.time import NS_PER_S, dt_s, iso_from_utc_ns, utc_ns_from_iso
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.records import KINDS, MISSILES, STATUSES, Alert, Identity, Kind, Tracks, TrackStatus, certain_kind
from noroshi.records.alert import CANCEL
from noroshi.records.identity import ABSENT

MEDIA = (".cot",)
EVENT_BYTES_MAX = 1 << 20
NS_PER_MS = 1_000_000
ONE_SIGMA = math.erf(math.sqrt(0.5))
UNKNOWN_M = 9_999_999.0  # what the schema writes for a number that is not known
SPEED_UNKNOWN_SIGMA_M_S = 300.0
STALE_S = 60.0
AFFILIATIONS = ("u", "p", "n")  # unknown, pending, neutral
DIMENSIONS = {
    Kind.UNKNOWN: "Z",
    Kind.AIRCRAFT: "A",
    Kind.SHIP: "S",
    Kind.BALLISTIC: "A-W-M",
    Kind.BOOSTING: "A-W-M",
    Kind.GLIDING: "A-W-M",
    Kind.SPACE: "P",
}
"""Air, sea surface, missile in flight, space; the code of what a target most probably is, `Z` if that is below half."""

KIND_OF = {"A": Kind.AIRCRAFT, "S": Kind.SHIP, "P": Kind.SPACE}
OWN = "noroshi_track"
OWN_ALERT = "noroshi_alert"
ALARM = "b-l-c"  # an alarm, security; not TAK's emergencies (b-a-...), which are calls for help
NOWHERE = '<point lat="0.0" lon="0.0" hae="9999999.0" ce="9999999.0" le="9999999.0"/>'
PING = b't-x-c-t"', b"t-x-c-t'"  # the type of a TAK client's question whether the connection is alive
_UID = re.compile(r"noroshi-.*-([0-9a-f]{1,16})")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z", re.ASCII)


def sniff(head: bytes, name: str) -> float:
    """Return how sure one can be that this is Cursor on Target."""
    start = head.find(b"<event")
    if start < 0:
        return 0.0
    tag = head[start : start + 1000].split(b">")[0]
    if all(word in tag for word in (b"uid", b"type", b"stale")):
        return 1.0
    return 0.4 if name.endswith(MEDIA) else 0.1


def events(data: bytes) -> Iterator[ET.Element | None]:
    """Give the events in a stream of them, None for each that is damaged; the last may be cut short."""
    at = 0
    while (start := data.find(b"<event", at)) >= 0:
        end = data.find(b">", data.find(b"</event", start))
        if data.find(b"</event", start) < 0 or end < 0:
            yield None
            return
        inner = data.rfind(b"<event", start, end)
        if inner > start:  # the one before has no end
            yield None
        at = end + 1
        if at - inner > EVENT_BYTES_MAX:
            yield None
            continue
        try:
            yield ET.fromstring(data[inner:at])  # noqa: S314  # begins at <event: no DOCTYPE, hence no entities
        except (ET.ParseError, ValueError, LookupError):
            yield None


def decode(data: bytes, context: Context) -> Decoded:
    """Return the things that events tell of as tracks, a row for each event; other events are counted.

    What an event does not say is unknown: its accuracy 9,999,999 m, its velocity 0 give or take 300 m/s.
    """
    decoded = Decoded()
    rows = []
    for event in events(data):
        if event is None:
            decoded.damage["damaged event"] += 1
            continue
        kind = event.get("type", "")
        if not kind.startswith("a-"):
            decoded.counts["event that tells of no thing"] += 1
            continue
        try:
            rows.append(_row(event))
        except (ValueError, KeyError, OverflowError):
            decoded.damage["event without a place, a time or a name"] += 1
            continue
        decoded.counts["thing"] += 1
    if rows:
        decoded.tracks.append(_tracks(rows, context.source))
    return finished(decoded)


def encode(
    tracks: Tracks,
    *,
    attributes: Mapping[str, str] | None = None,
    details: Sequence[ET.Element] = (),
    exercise: str | None = None,
    affiliation: str = "u",
    stale_s: float = STALE_S,
    probability: float = ONE_SIGMA,
) -> bytes:
    """Return an event for each row that has a place, one after the other; a track's events have one `uid`.

    Times are those at which the rows hold, so that what is told late is seen to be old; they are whole milliseconds,
    since clients are known to read more digits as more milliseconds, and the place is that of the time that is written.
    A track that has ended is stale at once.

    Args:
        tracks: what to tell.
        attributes: of each event, and
        details: elements of each detail: how a label travels (`sharing.label.cot_attributes`, `cot_detail`).
        exercise: its name; each event then says that it is simulated and of an exercise. None is real.
        affiliation: "u" unknown, "p" pending or "n" neutral.
        stale_s: how long a row is good for.
        probability: what the circle `ce` and the height `le` hold of the target's distribution.

    Raises:
        ValueError: if the affiliation is another.
    """
    if affiliation not in AFFILIATIONS:
        raise ValueError(
            f"affiliation '{affiliation}' is none of {', '.join(AFFILIATIONS)}: others are not ours to say"
        )
    placed = np.isfinite(tracks.state_ecef).all(axis=1)
    written_ns = (tracks.time_ns + NS_PER_MS // 2) // NS_PER_MS * NS_PER_MS
    moved = dt_s(written_ns, tracks.time_ns)[:, None] * tracks.state_ecef[:, 3:]
    lat_rad, lon_rad, height_m = geodetic_from_ecef(tracks.state_ecef[:, :3] + moved)
    axes = enu_axes(lat_rad, lon_rad)
    east, north, up = np.matvec(axes, tracks.state_ecef[:, 3:]).T
    place = axes @ tracks.covariance_ecef[:, :3, :3] @ axes.swapaxes(1, 2)
    motion = axes @ tracks.covariance_ecef[:, 3:, 3:] @ axes.swapaxes(1, 2)
    ce_m = _known(radius_holding(probability, place[:, :2, :2]))
    le_m = _known(np.sqrt(place[:, 2, 2]) * _half_width(probability))
    course, errors = _course(east, north, up, motion)
    most = np.argmax(tracks.kind_probability, axis=1)
    sure = np.take_along_axis(tracks.kind_probability, most[:, None], axis=1)[:, 0] >= 0.5
    shared = "".join(f" {name}={_quoted(text)}" for name, text in (attributes or {}).items())
    shared += f" opex={_quoted('o' if exercise is None else f'e-{exercise}')}"
    tail = "".join(ET.tostring(detail, encoding="unicode") for detail in details)
    if exercise is not None:
        tail += f"<remarks>EXERCISE {_escaped(exercise)}</remarks>"
    parts = []
    for i in np.flatnonzero(placed).tolist():
        kind, status = Kind(int(most[i])) if sure[i] else Kind.UNKNOWN, TrackStatus(int(tracks.status[i]))
        time_ns, number = int(written_ns[i]), int(tracks.track_id[i])
        stale_ns = time_ns + (0 if status == TrackStatus.LOST else round(stale_s * NS_PER_S))
        start = _milliseconds(time_ns)
        how = "m-s" if exercise is not None else "m-p" if status == TrackStatus.COASTING else "m-f"
        name = str(tracks.identity.call_sign[i]) or f"{KINDS[kind]} {number % 10_000:04d}"
        parts.append(
            f'<event version="2.0" uid={_quoted(_uid(tracks.node, number))}'
            f' type="a-{affiliation}-{DIMENSIONS[kind]}" how="{how}"'
            f' time="{start}" start="{start}" stale="{_milliseconds(stale_ns)}"'
            f' qos="{"7-r-d" if kind in MISSILES else "3-r-c"}"{shared}>'
            f'<point lat="{math.degrees(lat_rad[i]):.7f}" lon="{math.degrees(lon_rad[i]):.7f}"'
            f' hae="{height_m[i]:.1f}" ce="{ce_m[i]:.1f}" le="{le_m[i]:.1f}"/>'
            f"<detail><contact callsign={_quoted(name)}/>"
            f'<track course="{course[i, 0]:.2f}" speed="{course[i, 1]:.2f}" slope="{course[i, 2]:.2f}"'
            f' eCourse="{errors[i, 0]:.2f}" eSpeed="{errors[i, 1]:.2f}" eSlope="{errors[i, 2]:.2f}"/>'
            f"{_own(tracks, i, status, probability)}{tail}</detail></event>\n"
        )
    return "".join(parts).encode()


def encode_gone(node: str, track_id: NDArray[np.uint64], time_ns: NDArray[np.int64]) -> bytes:
    """Return events by which TAK clients delete (m,) tracks of a node, with the times that the events are to bear."""
    named = zip(track_id.tolist(), time_ns.tolist(), strict=True)
    return "".join(_gone(_uid(node, number), _milliseconds(moment)) for number, moment in named).encode()


def encode_alert(
    alert: Alert,
    wordings: Sequence[ExerciseWording],
    *,
    exercise: str,
    shapes: Mapping[str, Shape] | None = None,
    references: Sequence[Reference] = (),
    before: Sequence[Alert] = (),
) -> bytes:
    """Return an alert of an exercise as events, one for each area that has a place: an alarm, in the first language.

    An area's event has one `uid` for the whole of a threat, so that an update replaces it; clients delete those of
    areas that are no longer warned, and of a cancel all.

    Args:
        alert, wordings, exercise, shapes, references: those of `cap.encode`.
        before: the alerts that it replaces or cancels.

    Raises:
        ValueError: if it is no alert of an exercise, or its parts do not fit together.
    """
    checked(alert, wordings, exercise, references)
    wording, parts = wordings[0], []
    time, stale = _milliseconds(alert.sent_ns), _milliseconds(max(alert.expires_ns, alert.sent_ns))
    told = [] if alert.message == CANCEL else alert.code.tolist()
    for row, code in enumerate(told):
        shape = (shapes or {}).get(code, NO_SHAPE)
        centre = shape.centre()
        if centre is None:
            continue
        radius_m = shape.circles[0][2] if shape.circles else UNKNOWN_M
        lat, lon = np.degrees(centre).tolist()
        name = plain(f"{wording.mark} {wording.areas[row]}", NAME_CHARS_MAX)
        parts.append(
            f'<event version="2.0" uid={_quoted(_alarm(alert, code, exercise))} type="{ALARM}" how="m-s"'
            f' time="{time}" start="{time}" stale="{stale}" qos="9-r-d" opex={_quoted(f"e-{exercise}")}>'
            f'<point lat="{lat:.7f}" lon="{lon:.7f}" hae="{UNKNOWN_M}" ce="{radius_m:.1f}" le="{UNKNOWN_M}"/>'
            f"<detail><contact callsign={_quoted(name)}/>"
            f'<color argb="{int(EXERCISE_COLOUR[1:], 16) - (1 << 24)}"/>'
            f"<remarks>{_escaped(f'{wording.headline} {wording.instruction}')}</remarks>"
            f"<{OWN_ALERT} identifier={_quoted(alert.identifier)} message={_quoted(alert.message)}"
            f" area={_quoted(plain(code, NAME_CHARS_MAX))}/></detail></event>\n"
        )
    gone = {_alarm(one, code, exercise) for one in (*before, alert) for code in one.code.tolist()}
    gone -= {_alarm(alert, code, exercise) for code in told}
    return "".join([*parts, *(_gone(uid, time) for uid in sorted(gone))]).encode()


def encode_pong(time_ns: int) -> bytes:
    """Return the answer to a TAK client that asks whether the connection is alive (`PING`)."""
    time = _milliseconds(time_ns)
    return (
        f'<event version="2.0" uid="takPong" type="t-x-c-t-r" how="m-g" time="{time}" start="{time}"'
        f' stale="{_milliseconds(time_ns + 20 * NS_PER_S)}">{NOWHERE}</event>\n'
    ).encode()


def _gone(uid: str, time: str) -> str:
    return (
        f'<event version="2.0" uid={_quoted(f"{uid}-gone")} type="t-x-d-d" how="m-g"'
        f' time="{time}" start="{time}" stale="{time}">{NOWHERE}'
        f'<detail><link uid={_quoted(uid)} relation="none" type="none"/><__forcedelete/></detail></event>\n'
    )


def _alarm(alert: Alert, code: str, exercise: str) -> str:
    return f"noroshi-{exercise}-alert-{alert.sender}-{alert.threat_id:x}-{plain(code, NAME_CHARS_MAX)}"


def _milliseconds(time_ns: int) -> str:
    return f"{np.datetime_as_string(np.datetime64(time_ns, 'ns'), unit='ms')}Z"


def _uid(node: str, number: int) -> str:
    return f"noroshi-{node}-{number:x}"


def _known(length_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return lengths rounded up to decimetres, what is not known as the schema writes it."""
    with np.errstate(invalid="ignore"):
        return np.where(length_m < UNKNOWN_M, np.ceil(length_m * 10.0) / 10.0, UNKNOWN_M)


def _half_width(probability: float) -> float:
    """Return how many standard deviations to each side hold a probability."""
    return math.sqrt(2.0) * float(erfinv(probability))


def _course(
    east: NDArray[np.float64], north: NDArray[np.float64], up: NDArray[np.float64], motion: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (n, 3) course [deg], speed over ground [m/s] and slope [deg], and their standard deviations."""
    speed = np.hypot(east, north)
    moves = np.maximum(speed, 1e-9)
    along, across = np.stack([east, north], axis=1) / moves[:, None], np.stack([north, -east], axis=1) / moves[:, None]
    still = speed < 1e-9
    along[still], across[still] = (0.0, 1.0), (1.0, 0.0)
    level = motion[:, :2, :2]
    speed_sigma = np.sqrt(np.einsum("ni,nij,nj->n", along, level, along))
    turn_sigma = np.degrees(np.sqrt(np.einsum("ni,nij,nj->n", across, level, across)) / moves)
    course = np.degrees(np.arctan2(east, north)) % 360.0
    course = np.where(course >= 359.995, 0.0, course)  # two decimals are written, and 360 is none
    slope = np.degrees(np.arctan2(up, speed))
    slope_sigma = np.degrees(np.sqrt(motion[:, 2, 2]) * speed / np.maximum(speed**2 + up**2, 1e-9))
    found = np.stack([course, speed, slope], axis=1)
    errors = np.stack([np.minimum(turn_sigma, 180.0), speed_sigma, np.minimum(slope_sigma, 90.0)], axis=1)
    return found, errors


def _own(tracks: Tracks, i: int, status: TrackStatus, probability: float) -> str:
    who = tracks.identity
    said = {
        "status": STATUSES[status],
        "updated": iso_from_utc_ns(int(tracks.updated_ns[i])),
        "revision": str(int(tracks.revision[i])),
        "existence": f"{tracks.existence[i]:.4f}",
        "kind_probability": " ".join(f"{one:.4f}" for one in tracks.kind_probability[i].tolist()),
        "holds": f"{probability:.4f}",
        "call_sign": str(who.call_sign[i]),
        "icao_address": "" if who.icao_address[i] == ABSENT else f"{who.icao_address[i]:06X}",
        "mode_3a": "" if who.mode_3a[i] == ABSENT else f"{who.mode_3a[i]:04o}",
        "mmsi": "" if who.mmsi[i] == ABSENT else str(int(who.mmsi[i])),
    }
    fed = [name for name, has in zip(tracks.source_names, tracks.sources[i].tolist(), strict=True) if has]
    inside = "".join(f"<source name={_quoted(name)}/>" for name in fed)
    return f"<{OWN}{''.join(f' {name}={_quoted(text)}' for name, text in said.items() if text)}>{inside}</{OWN}>"


def _quoted(text: str) -> str:
    return quoteattr(_NOT_XML.sub("?", text))


def _escaped(text: str) -> str:
    return _quoted(text)[1:-1]


def _row(event: ET.Element) -> dict[str, Any]:
    """Return what one event says, as the columns of a row.

    Raises:
        ValueError, KeyError, OverflowError: if it lacks what a track has to have.
    """
    point = event.find("point")
    if point is None or not event.get("uid"):
        raise ValueError
    detail = event.find("detail")
    own = None if detail is None else detail.find(OWN)
    mine: dict[str, str] = {} if own is None else own.attrib
    lat, lon, hae = (_finite(point.attrib[name]) for name in ("lat", "lon", "hae"))
    if abs(lat) > 90.0 or abs(lon) > 180.0:
        raise ValueError
    holds = _finite(mine.get("holds", str(ONE_SIGMA)))
    if not 0.0 < holds < 1.0:
        raise ValueError
    ce, le = (_accuracy(point.attrib[name]) for name in ("ce", "le"))
    time_ns = _time_ns(event.attrib["start"])
    is_stale = _time_ns(event.attrib["stale"]) <= time_ns
    number = _UID.fullmatch(event.attrib["uid"])
    hashed = int.from_bytes(hashlib.sha256(event.attrib["uid"].encode()).digest()[:8], "big") >> 11
    contact = None if detail is None else detail.find("contact")
    name = mine.get("call_sign", "") if own is not None or contact is None else contact.get("callsign", "")
    status = mine.get("status", "lost" if is_stale else "firm")
    velocity, sigmas = _motion(None if detail is None else detail.find("track"))
    return {
        "track_id": int(number[1], 16) if number else hashed,
        "time_ns": time_ns,
        "updated_ns": _time_ns(mine.get("updated", event.attrib["start"])),
        "revision": min(max(int(mine.get("revision", "0")), 0), 2**31 - 1),
        "place": (math.radians(lat), math.radians(lon), 0.0 if hae >= UNKNOWN_M else hae),
        "sigmas": (
            ce if ce >= UNKNOWN_M else ce / math.sqrt(-2.0 * math.log1p(-holds)),
            UNKNOWN_M if hae >= UNKNOWN_M or le >= UNKNOWN_M else le / _half_width(holds),
        ),
        "velocity": velocity,
        "velocity_sigmas": sigmas,
        "existence": _finite(mine["existence"]) if mine.get("existence", "nan") != "nan" else math.nan,
        "kind": _kind(event.get("type", ""), mine.get("kind_probability", "")),
        "status": STATUSES.index(status),
        "sources": [] if own is None else [one.get("name", "") for one in own.findall("source")],
        "icao_address": _code(mine.get("icao_address", ""), 16, 1 << 24),
        "mode_3a": _code(mine.get("mode_3a", ""), 8, 1 << 12),
        "mmsi": _code(mine.get("mmsi", ""), 10, 10**9),
        "call_sign": name[:16].strip().upper(),
    }


def _finite(text: str) -> float:
    value = float(text)
    if not abs(value) <= UNKNOWN_M:
        raise ValueError
    return value


def _accuracy(text: str) -> float:
    value = _finite(text)
    return value if 0.0 < value < UNKNOWN_M else UNKNOWN_M


def _code(text: str, base: int, below: int) -> int:
    value = int(text, base) if text.isascii() and text.isalnum() else ABSENT
    return value if value < below else ABSENT


def _time_ns(text: str) -> int:
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError
    return utc_ns_from_iso(f"{match[1]}.{(match[2] or '0')[:9]}Z")


def _kind(kind: str, said: str) -> list[float]:
    """Return the probabilities of kinds that an event gives, or those that its type stands for."""
    if said:
        found = [_finite(one) for one in said.split()]
        if len(found) != len(Kind) or min(found) < 0.0 or not sum(found) > 0.0:
            raise ValueError
        return [one / sum(found) for one in found]
    dimension = (kind.split("-") + [""] * 3)[2]
    column: list[float] = certain_kind(KIND_OF.get(dimension, Kind.UNKNOWN), 1)[0].tolist()
    return column


def _motion(track: ET.Element | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return velocity east, north, up [m/s] and standard deviations along it, across it and up.

    Where the direction is not known the velocity is as uncertain across as it is along.
    """
    if track is None:
        return (0.0, 0.0, 0.0), (SPEED_UNKNOWN_SIGMA_M_S,) * 3
    speed, course = _finite(track.get("speed", "0")), math.radians(_finite(track.get("course", "0")))
    slope = math.radians(_finite(track.get("slope", "0")))
    if not 0.0 <= speed < 1e5 or abs(slope) > 1.5708:
        raise ValueError
    along = _finite(track.get("eSpeed", str(SPEED_UNKNOWN_SIGMA_M_S)))
    turn = math.radians(_finite(track.get("eCourse", "180")))
    tilt = math.radians(_finite(track.get("eSlope", "90")))
    across = along if turn >= math.pi / 2 else speed * turn
    total = speed / max(math.cos(slope), 1e-3)
    up = along if tilt >= math.pi / 4 else total**2 * tilt / max(speed, 1e-3)
    return (speed * math.sin(course), speed * math.cos(course), speed * math.tan(slope)), (along, across, up)


def _tracks(rows: Sequence[Mapping[str, Any]], source: str) -> Tracks:
    def column(name: str, kind: Any) -> NDArray[Any]:
        return np.array([row[name] for row in rows], kind)

    n = len(rows)
    lat_rad, lon_rad, height_m = column("place", np.float64).T
    axes = enu_axes(lat_rad, lon_rad)
    velocity, (along, across, up) = column("velocity", np.float64), column("velocity_sigmas", np.float64).T
    circle_m, up_m = column("sigmas", np.float64).T
    local = np.zeros((n, 6, 6))
    local[:, 0, 0] = local[:, 1, 1] = circle_m**2
    local[:, 2, 2], local[:, 5, 5] = up_m**2, up**2
    course = np.arctan2(velocity[:, 0], velocity[:, 1])
    east, north = np.sin(course), np.cos(course)
    local[:, 3, 3] = (along * east) ** 2 + (across * north) ** 2
    local[:, 4, 4] = (along * north) ** 2 + (across * east) ** 2
    local[:, 3, 4] = local[:, 4, 3] = (along**2 - across**2) * east * north
    turn = np.zeros((n, 6, 6))
    turn[:, :3, :3] = turn[:, 3:, 3:] = axes
    names = tuple(sorted({name for row in rows for name in row["sources"]}))
    return Tracks(
        node=source,
        source_names=names,
        track_id=column("track_id", np.uint64),
        time_ns=column("time_ns", np.int64),
        updated_ns=column("updated_ns", np.int64),
        revision=column("revision", np.int32),
        state_ecef=np.concatenate([ecef_from_geodetic(lat_rad, lon_rad, height_m), np.vecmat(velocity, axes)], axis=1),
        covariance_ecef=turn.swapaxes(1, 2) @ local @ turn,
        existence=column("existence", np.float64),
        kind_probability=column("kind", np.float64),
        status=column("status", np.uint8),
        sources=np.array([[name in row["sources"] for name in names] for row in rows], np.bool_).reshape(n, len(names)),
        identity=Identity(
            icao_address=column("icao_address", np.int64),
            mode_3a=column("mode_3a", np.int64),
            mmsi=column("mmsi", np.int64),
            call_sign=column("call_sign", np.str_),
        ),
    )
