"""An alert of an exercise as a CAP document, not yet signed."""

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import numpy as np

from noroshi.formats.alerting import (
    NAME_CHARS_MAX,
    ExerciseWording,
    Lifted,
    Reference,
    Shape,
    checked,
    drawn,
    plain,
    texts_of,
)
from noroshi.formats.cap import words
from noroshi.records import Alert
from noroshi.records.alert import EXERCISE


def encode(
    alert: Alert,
    wordings: Sequence[ExerciseWording],
    *,
    exercise: str,
    shapes: Mapping[str, Shape] | None = None,
    references: Sequence[Reference] = (),
) -> bytes:
    """Return an alert of an exercise as CAP 1.2, the same bytes each time; its status is Exercise and nothing else.

    Args:
        alert: what is told.
        wordings: what it says, each language once.
        exercise: name of the exercise; receivers of another one take no notice of it.
        shapes: where its areas are, by code; one for whose corners there is no room is named by its code alone.
        references: of what it replaces or cancels, those that the alert names.

    Raises:
        ValueError: if it is no alert of an exercise, or its parts do not fit together.
    """
    checked(alert, wordings, exercise, references)
    root = ET.Element("alert", {"xmlns": words.NAMESPACE})
    for name, value in (
        ("identifier", alert.identifier),
        ("sender", alert.sender),
        ("sent", words.cap_time(alert.sent_ns)),
        ("status", EXERCISE),
        ("msgType", alert.message),
        ("source", "noroshi, exercise software"),
        ("scope", "Restricted"),
        ("restriction", f"Participants of exercise {exercise}"),
        ("code", f"noroshi-exercise-{words.VERSION}"),
        ("note", exercise),
        ("references", " ".join(_named(each) for each in references)),
        ("incidents", f"noroshi-{alert.threat_id:x}"),
    ):
        if value:
            ET.SubElement(root, name).text = value
    lifted = wordings[0].lifted
    areas = drawn([*alert.code.tolist(), *(lifted.codes if lifted else ())], shapes, len(wordings))
    for number, wording in enumerate(wordings):
        info = _info(root, alert, wording)
        for name, value in _own(alert) if number == 0 else ():
            _pair(info, "parameter", words.OWN + name, value)
        for row, shape in enumerate(areas[: len(alert)]):
            _area(info, wording.areas[row], str(alert.code[row]), shape)
    for wording in wordings:
        if wording.lifted is not None:
            info = _all_clear(root, alert, wording, wording.lifted)
            for name, code, shape in zip(
                wording.lifted.areas, wording.lifted.codes, areas[len(alert) :], strict=True
            ):  # fmt: skip
                _area(info, name, code, shape)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode").encode() + b"\n"


def _named(reference: Reference) -> str:
    return f"{reference.sender},{reference.identifier},{words.cap_time(reference.sent_ns)}"


def _info(root: ET.Element, alert: Alert, wording: ExerciseWording) -> ET.Element:
    info = ET.SubElement(root, "info")
    known = alert.arrival_ns[alert.arrival_ns > 0]
    for name, value in (
        ("language", wording.language),
        *(("category", category) for category in words.categories(alert)),
        ("event", wording.event),
        ("responseType", words.response(alert)),
        ("urgency", words.urgency(alert)),
        ("severity", words.severity(alert)),
        ("certainty", words.certainty(alert)),
        ("effective", words.cap_time(alert.sent_ns)),
        ("onset", words.cap_time(int(known.min())) if len(known) else ""),
        ("expires", words.cap_time(alert.expires_ns)),
        ("senderName", f"{wording.mark} {alert.sender}"),
        ("headline", wording.headline),
        ("description", wording.description),
        ("instruction", wording.instruction),
    ):
        if value:
            ET.SubElement(info, name).text = value
    return info


def _all_clear(root: ET.Element, alert: Alert, wording: ExerciseWording, lifted: Lifted) -> ET.Element:
    """Add what an update says to those whom it does not tell any more: an all-clear of its own beside the rest."""
    info = ET.SubElement(root, "info")
    for name, value in (
        ("language", wording.language),
        *(("category", category) for category in words.categories(alert)),
        ("event", wording.event),
        ("responseType", words.ALL_CLEAR),
        ("urgency", "Past"),
        ("severity", "Minor"),
        ("certainty", "Unlikely"),
        ("effective", words.cap_time(alert.sent_ns)),
        ("expires", words.cap_time(alert.expires_ns)),
        ("senderName", f"{wording.mark} {alert.sender}"),
        ("headline", lifted.headline),
        ("description", lifted.description),
        ("instruction", lifted.instruction),
    ):
        ET.SubElement(info, name).text = value
    return info


def _own(alert: Alert) -> list[tuple[str, str]]:
    """Return what the record holds beyond what CAP has an element for."""
    told = [("version", words.VERSION), *texts_of(alert).items()]
    return told + [("area", _row(alert, row)) for row in range(len(alert))]


def _row(alert: Alert, row: int) -> str:
    told: list[Any] = [plain(str(alert.code[row]), NAME_CHARS_MAX), plain(str(alert.name[row]), NAME_CHARS_MAX)]
    for value in (alert.probability[row], alert.people[row]):
        told.append(float(value) if np.isfinite(value) else None)
    told += [int(alert.arrival_ns[row]), int(alert.arrival_latest_ns[row])]
    return msgspec.json.encode(told).decode()


def _area(info: ET.Element, name: str, code: str, shape: Shape) -> None:
    area = ET.SubElement(info, "area")
    ET.SubElement(area, "areaDesc").text = name
    for corners in shape.polygons:
        closed = np.degrees(np.concatenate([corners, corners[:1]]))
        ET.SubElement(area, "polygon").text = " ".join(f"{lat:.5f},{lon:.5f}" for lat, lon in closed.tolist())
    for lat_rad, lon_rad, radius_m in shape.circles:
        lat, lon = np.degrees([lat_rad, lon_rad]).tolist()
        ET.SubElement(area, "circle").text = f"{lat:.5f},{lon:.5f} {radius_m / 1e3:.3f}"
    if code:
        _pair(area, "geocode", f"{words.OWN}area", plain(code, NAME_CHARS_MAX))
    for name in sorted(shape.geocodes):
        _pair(area, "geocode", plain(name, NAME_CHARS_MAX), plain(shape.geocodes[name], NAME_CHARS_MAX))


def _pair(parent: ET.Element, tag: str, name: str, value: str) -> None:
    pair = ET.SubElement(parent, tag)
    ET.SubElement(pair, "valueName").text = name
    ET.SubElement(pair, "value").text = value
