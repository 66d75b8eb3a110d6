"""CAP documents of anybody, read as what they are: the type says whether it is an exercise, real, or something else."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import numpy as np

from noroshi.formats import FormatError
from noroshi.formats.alerting import AREAS_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX, Reference, fields_of, plain
from noroshi.formats.cap.words import NAMESPACE, OWN, VERSION, cap_time
from noroshi.geo.time import NS_PER_S, utc_ns_from_iso
from noroshi.records import Alert, check
from noroshi.records.alert import EXERCISE, HAZARDS

BYTES_MAX = 1 << 22
INFOS_MAX, REFERENCES_MAX, POLYGONS_MAX = 20, 500, 1_000
MESSAGES = ("Alert", "Update", "Cancel", "Ack", "Error")
STATUSES = ("Actual", "Exercise", "System", "Test", "Draft")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)([-+])(\d\d):(\d\d)", re.ASCII)
_ENCODING = re.compile(rb"encoding\s*=\s*[\"']([^\"']*)")
_ROW = msgspec.json.Decoder(tuple[str, str, float | None, float | None, int, int])


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What a message says in one language; texts are bounded, on one line, and hold nothing that steers their display.

    Attributes:
        language: as written, for instance "en-US", which is also what is meant where nothing is.
        event, urgency, severity, certainty, headline, description, instruction: as CAP has them; "" if it is not there.
        expires_ns: Unix UTC nanoseconds; None if it is not there.
        areas: descriptions of the areas.
        polygons: of all areas, corners as latitude and longitude [rad].
        parameters: name -> values.
    """

    language: str
    event: str
    urgency: str
    severity: str
    certainty: str
    headline: str
    description: str
    instruction: str
    expires_ns: int | None
    areas: tuple[str, ...]
    polygons: tuple[tuple[tuple[float, float], ...], ...]
    parameters: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What a CAP message of anybody says; its status is its type.

    Attributes:
        sender, identifier, sent_ns: by which others refer to it.
        message: `Alert`, `Update`, `Cancel`, `Ack` or `Error`.
        references: of what it replaces, cancels or answers.
        scope, note: as written.
        infos: what it says.
    """

    sender: str
    identifier: str
    sent_ns: int
    message: str
    references: tuple[Reference, ...]
    scope: str
    note: str
    infos: tuple[Info, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseNotice(Notice):
    """A message of an exercise; `note` says of which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActualNotice(Notice):
    """A message that is real. There is no way from here to a record of an exercise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherNotice(Notice):
    """A message about the system, a test of it, or a draft: nothing to act on.

    Attributes:
        status: `System`, `Test` or `Draft`.
    """

    status: str


def decode(data: bytes) -> ExerciseNotice | ActualNotice | OtherNotice:
    """Return what a CAP document says, signed or not: a signature is verified elsewhere.

    Raises:
        FormatError: if it is no CAP 1.2 message, or too large for one.
    """
    root = _root(data)
    try:
        common: dict[str, Any] = {
            "sender": _name(root, "sender"),
            "identifier": _name(root, "identifier"),
            "sent_ns": _time_ns(_needed(root, "sent")),
            "message": _one_of(root, "msgType", MESSAGES),
            "references": tuple(_references(_text(root, "references", REFERENCES_MAX * 400))),
            "scope": _text(root, "scope"),
            "note": _text(root, "note"),
            "infos": tuple(_info(each) for each in _few(root, "info", INFOS_MAX)),
        }
        status = _one_of(root, "status", STATUSES)
    except ValueError as error:
        raise FormatError(f"not a CAP message: {error}") from error
    if status == EXERCISE:
        return ExerciseNotice(**common)
    return ActualNotice(**common) if status == "Actual" else OtherNotice(**common, status=status)


def alert_of(notice: ExerciseNotice, exercise: str) -> Alert:
    """Return the record of an alert that this program wrote for an exercise.

    Its reason and names are as they were written: bounded and without what steers their display.

    Args:
        notice: of an exercise: nothing else becomes a record.
        exercise: of which one.

    Raises:
        FormatError: if it is of another exercise, of another program, or contradicts itself.
    """
    if not isinstance(notice, ExerciseNotice):
        raise FormatError("this message is of no exercise and must not enter one")
    if notice.note != exercise:
        raise FormatError(f"a message of the exercise '{notice.note[:40]}', and this is '{exercise}'")
    if not notice.infos or notice.infos[0].parameters.get(f"{OWN}version") != (VERSION,):
        raise FormatError("a message that another program wrote: it is no record of this one")
    told = notice.infos[0].parameters

    try:
        rows = [_ROW.decode(each) for each in told.get(f"{OWN}area", ())]
        own = {name.removeprefix(OWN): values for name, values in told.items() if name.startswith(OWN)}
        texts = {name: values[0] for name, values in own.items() if len(values) == 1}
        alert = Alert(
            identifier=notice.identifier,
            sender=notice.sender,
            status=EXERCISE,
            message=notice.message,
            references=tuple(each.identifier for each in notice.references),
            **fields_of(texts),
            code=np.array([row[0] for row in rows], np.str_),
            name=np.array([row[1] for row in rows], np.str_),
            probability=np.array([np.nan if row[2] is None else row[2] for row in rows], np.float64),
            people=np.array([np.nan if row[3] is None else row[3] for row in rows], np.float64),
            arrival_ns=np.array([row[4] for row in rows], np.int64),
            arrival_latest_ns=np.array([row[5] for row in rows], np.int64),
        )
    except (KeyError, ValueError, OverflowError) as error:
        raise FormatError(f"not a record of this program in CAP: {error}") from error
    if alert.sent_ns // NS_PER_S != notice.sent_ns // NS_PER_S or alert.hazard not in HAZARDS:
        raise FormatError("a message that contradicts itself")
    return check(alert)


def _root(data: bytes) -> ET.Element:
    """Return the element `alert`; nothing that a document could define or fetch is used."""
    if len(data) > BYTES_MAX:
        raise FormatError(f"a message of {len(data)} bytes; {BYTES_MAX} are enough for one")
    head = data[:200]
    said = _ENCODING.search(head[: head.find(b"?>") + 1]) if head.lstrip(b"\xef\xbb\xbf").startswith(b"<?xml") else None
    if said is not None and said[1].lower() not in (b"utf-8", b"us-ascii"):
        raise FormatError("a message in another encoding than UTF-8")
    try:
        data.decode("utf-8")
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise FormatError("a message that defines its own words: refused")
        root = ET.fromstring(data)  # noqa: S314  # no DOCTYPE, hence no entities
    except (ET.ParseError, UnicodeDecodeError, ValueError, LookupError) as error:
        raise FormatError(f"not a CAP message: {str(error)[:120]}") from error
    if root.tag != f"{{{NAMESPACE}}}alert":
        raise FormatError("not a CAP 1.2 message: its outermost element is another")
    return root


def _few(parent: ET.Element, name: str, most: int) -> list[ET.Element]:
    found = parent.findall(f"{{{NAMESPACE}}}{name}")
    if len(found) > most:
        raise ValueError(f"{len(found)} times {name}; at most {most}")
    return found


def _text(parent: ET.Element, name: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    found = _few(parent, name, 1)
    return plain(found[0].text or "", chars_max) if found else ""


def _needed(parent: ET.Element, name: str) -> str:
    text = _text(parent, name)
    if not text:
        raise ValueError(f"{name} is missing")
    return text


def _name(parent: ET.Element, name: str) -> str:
    """Return what others refer to it by: CAP forbids in it what would break a list."""
    found = _few(parent, name, 1)
    text = (found[0].text or "") if found else ""
    if not 0 < len(text) <= NAME_CHARS_MAX * 2 or text != plain(text, len(text)) or set(text) & set(" ,<&"):
        raise ValueError(f"{name} is missing, too long, or holds what it must not")
    return text


def _one_of(parent: ET.Element, name: str, words: tuple[str, ...]) -> str:
    text = _needed(parent, name)
    if text not in words:
        raise ValueError(f"{name} is '{text[:40]}'")
    return text


def _time_ns(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text[:40]}' is no time as CAP writes it, {cap_time(0)}")
    ahead_s = (int(match[3]) * 60 + int(match[4])) * 60 * (1 if match[2] == "+" else -1)
    return utc_ns_from_iso(f"{match[1]}Z") - ahead_s * NS_PER_S


def _references(text: str) -> Iterator[Reference]:
    parts = text.split()
    if len(parts) > REFERENCES_MAX:
        raise ValueError(f"{len(parts)} references")
    for part in parts:
        sender, identifier, sent = part.split(",")
        yield Reference(sender=sender, identifier=identifier, sent_ns=_time_ns(sent))


def _info(info: ET.Element) -> Info:
    areas = _few(info, "area", AREAS_MAX)
    polygons = [one.text or "" for area in areas for one in _few(area, "polygon", POLYGONS_MAX)]
    if len(polygons) > POLYGONS_MAX:
        raise ValueError(f"{len(polygons)} polygons")
    parameters: dict[str, tuple[str, ...]] = {}
    for each in _few(info, "parameter", AREAS_MAX + 100):
        name = _text(each, "valueName", NAME_CHARS_MAX)
        parameters[name] = (*parameters.get(name, ()), _text(each, "value"))
    expires = _text(info, "expires")
    return Info(
        language=_text(info, "language", NAME_CHARS_MAX) or "en-US",
        event=_text(info, "event"),
        urgency=_text(info, "urgency"),
        severity=_text(info, "severity"),
        certainty=_text(info, "certainty"),
        headline=_text(info, "headline"),
        description=_text(info, "description"),
        instruction=_text(info, "instruction"),
        expires_ns=_time_ns(expires) if expires else None,
        areas=tuple(_text(area, "areaDesc", NAME_CHARS_MAX) for area in areas),
        polygons=tuple(_polygon(text) for text in polygons),
        parameters=parameters,
    )


def _polygon(text: str) -> tuple[tuple[float, float], ...]:
    corners = [(float(lat), float(lon)) for lat, _, lon in (pair.partition(",") for pair in text.split())]
    if len(corners) < 4 or corners[0] != corners[-1]:
        raise ValueError("a polygon is four or more pairs, the last as the first")
    if not all(abs(lat) <= 90.0 and abs(lon) <= 180.0 for lat, lon in corners):
        raise ValueError("a polygon off the Earth")
    return tuple((math.radians(lat), math.radians(lon)) for lat, lon in corners)
