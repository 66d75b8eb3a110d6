"""An alert of an exercise as JSON, for programs; written and read.

`{"format": "noroshi alert 1", "status": "Exercise", "exercise": ...}`: times are RFC 3339 in UTC, exact; places are
GeoJSON's order, longitude first, in degrees. The bytes are the same each time.

Source: field names follow OASIS CAP 1.2 where it has them; RFC 7946 for coordinates.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from noroshi.formats import FormatError
from noroshi.formats.alerting import (
    EXERCISE_COLOUR,
    NAME_CHARS_MAX,
    ExerciseWording,
    Reference,
    Shape,
    checked,
    drawn,
    fields_of,
    plain,
    texts_of,
)
from noroshi.geo.time import iso_from_utc_ns, utc_ns_from_iso
from noroshi.records import Alert, check
from noroshi.records.alert import EXERCISE

FORMAT = "noroshi alert 1"
BYTES_MAX = 1 << 22


class _Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    language: str
    event: str
    headline: str
    description: str
    instruction: str


class _Area(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    name: str
    probability: float | None
    people: float | None
    arrival: str | None
    arrival_latest: str | None
    geocodes: dict[str, str]
    polygons: list[list[tuple[float, float]]]
    circles: list[tuple[float, float, float]]


class _AllClear(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    codes: tuple[str, ...]
    texts: list[_Text]


class _Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sender: str
    identifier: str
    sent: str


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    format: str
    status: str
    exercise: str
    colour: str
    identifier: str
    sender: str
    message: str
    references: list[_Reference]
    hazard: str
    threat: str
    stage: str
    certainty: str
    sent: str
    expires: str
    picture: str
    reason: str
    texts: list[_Text]
    areas: list[_Area]
    all_clear: _AllClear | None = None  # to people of areas that what it replaces told, and it does not


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_Message)


def encode_alert(
    alert: Alert,
    wordings: Sequence[ExerciseWording],
    *,
    exercise: str,
    shapes: Mapping[str, Shape] | None = None,
    references: Sequence[Reference] = (),
) -> bytes:
    """Return an alert of an exercise as JSON; the arguments are those of `cap.encode`.

    Raises:
        ValueError: if it is no alert of an exercise, or its parts do not fit together.
    """
    checked(alert, wordings, exercise, references)
    message = _Message(
        format=FORMAT,
        status=EXERCISE,
        exercise=exercise,
        colour=EXERCISE_COLOUR,
        identifier=alert.identifier,
        sender=alert.sender,
        message=alert.message,
        references=[_Reference(each.sender, each.identifier, iso_from_utc_ns(each.sent_ns)) for each in references],
        **texts_of(alert),
        texts=[_Text(one.language, one.event, one.headline, one.description, one.instruction) for one in wordings],
        areas=[_area(alert, row, shape) for row, shape in enumerate(drawn(alert.code.tolist(), shapes, 1))],
        all_clear=_all_clear(wordings),
    )
    return msgspec.json.format(_ENCODER.encode(message), indent=1) + b"\n"


def decode_alert(data: bytes, exercise: str) -> Alert:
    """Return the record of an alert of an exercise.

    Raises:
        FormatError: if it is none, or of another exercise.
    """
    if len(data) > BYTES_MAX:
        raise FormatError(f"a message of {len(data)} bytes; {BYTES_MAX} are enough for one")
    try:
        told = _DECODER.decode(data)
        if (told.format, told.status) != (FORMAT, EXERCISE):
            raise FormatError("this message is of no exercise and must not enter one")
        if told.exercise != exercise:
            raise FormatError(f"a message of the exercise '{told.exercise[:40]}', and this is '{exercise}'")
        alert = Alert(
            identifier=told.identifier,
            sender=told.sender,
            status=EXERCISE,
            message=told.message,
            references=tuple(each.identifier for each in told.references),
            **fields_of(msgspec.structs.asdict(told)),
            code=np.array([one.code for one in told.areas], np.str_),
            name=np.array([one.name for one in told.areas], np.str_),
            probability=np.array([_number(one.probability) for one in told.areas], np.float64),
            people=np.array([_number(one.people) for one in told.areas], np.float64),
            arrival_ns=np.array([_time_ns(one.arrival) for one in told.areas], np.int64),
            arrival_latest_ns=np.array([_time_ns(one.arrival_latest) for one in told.areas], np.int64),
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, OverflowError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"not an alert in JSON: {error}") from error
    return check(alert)


def _area(alert: Alert, row: int, shape: Shape) -> _Area:
    def known(value: Any) -> float | None:
        return float(value) if np.isfinite(value) else None

    def when(time_ns: Any) -> str | None:
        return iso_from_utc_ns(int(time_ns)) if time_ns > 0 else None

    closed = [np.degrees(np.concatenate([one, one[:1]])) for one in shape.polygons]
    polygons = [np.round(one[:, ::-1], 5).tolist() for one in closed]
    return _Area(
        code=plain(str(alert.code[row]), NAME_CHARS_MAX),
        name=plain(str(alert.name[row]), NAME_CHARS_MAX),
        probability=known(alert.probability[row]),
        people=known(alert.people[row]),
        arrival=when(alert.arrival_ns[row]),
        arrival_latest=when(alert.arrival_latest_ns[row]),
        geocodes={
            plain(name, NAME_CHARS_MAX): plain(code, NAME_CHARS_MAX) for name, code in sorted(shape.geocodes.items())
        },
        polygons=[[(lon, lat) for lon, lat in one] for one in polygons],
        circles=[
            (round(float(np.degrees(lon)), 5), round(float(np.degrees(lat)), 5), round(radius_m, 1))
            for lat, lon, radius_m in shape.circles
        ],
    )


def _all_clear(wordings: Sequence[ExerciseWording]) -> _AllClear | None:
    told = [(one, one.lifted) for one in wordings if one.lifted is not None]
    if not told:
        return None
    texts = [
        _Text(one.language, one.event, lifted.headline, lifted.description, lifted.instruction) for one, lifted in told
    ]
    return _AllClear(told[0][1].codes, texts)


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _time_ns(text: str | None) -> int:
    return 0 if text is None else utc_ns_from_iso(text)
