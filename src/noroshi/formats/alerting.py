"""What formats of alerts share: where they are for, what they say to people, and what a text may hold; no format."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S, iso_from_utc_ns, utc_ns_from_iso
from noroshi.records import CERTAINTIES, STAGES, Alert
from noroshi.records.alert import CANCEL, EXERCISE, UPDATE

IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}", re.ASCII)
"""What identifiers, senders and names of exercises are: they break out of neither CAP's lists nor a name of a file."""

NAME_CHARS_MAX = 120
HEADLINE_CHARS_MAX = 160
TEXT_CHARS_MAX = 4_000
REASON_CHARS_MAX = 500
AREAS_MAX = 500
CORNERS_MAX = 36_000  # of one message in all languages; an area with which there would be more is told by its code
EXERCISE_COLOUR = "#1a56db"  # blue: no warning that is real is drawn so


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """Where one area is, on the ellipsoid.

    Attributes:
        polygons: of each (k, 2) latitude and longitude [rad], three corners or more, not across the antimeridian.
        circles: latitude and longitude [rad] and radius [m].
        geocodes: codes of the area by the name of their list, for instance {"ISO3166-2": "JP-02"}.
    """

    polygons: tuple[NDArray[np.float64], ...] = ()
    circles: tuple[tuple[float, float, float], ...] = ()
    geocodes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for corners in self.polygons:
            if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
                raise ValueError("a polygon is three or more pairs of latitude and longitude")
            _check_places(corners)
        if self.circles:
            _check_places(np.array(self.circles)[:, :2])
            if not all(0.0 < radius_m < 2.1e7 for *_, radius_m in self.circles):
                raise ValueError("a circle has a radius above 0, and no larger than the Earth's surface")

    @property
    def n_corners(self) -> int:
        """How many corners its polygons have."""
        return sum(len(corners) for corners in self.polygons)

    def centre(self) -> tuple[float, float] | None:
        """Return latitude and longitude [rad] of a place in the middle of its largest part; None if it has no part."""
        if self.circles:
            return self.circles[0][:2]
        if not self.polygons:
            return None
        low, high = max(((one.min(0), one.max(0)) for one in self.polygons), key=lambda box: np.prod(box[1] - box[0]))
        lat, lon = ((low + high) / 2.0).tolist()
        return lat, lon


def texts_of(alert: Alert) -> dict[str, str]:
    """Return as texts what an alert says of itself as a whole, beside who sends it and what it replaces."""
    return {
        "hazard": alert.hazard,
        "threat": f"{alert.threat_id:x}",
        "stage": STAGES[alert.stage],
        "certainty": CERTAINTIES[alert.certainty],
        "sent": iso_from_utc_ns(alert.sent_ns),
        "expires": iso_from_utc_ns(alert.expires_ns),
        "picture": iso_from_utc_ns(alert.picture_ns),
        "reason": plain(alert.reason, REASON_CHARS_MAX),
    }


def fields_of(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of an `Alert` that `texts_of` made these of.

    Raises:
        KeyError, ValueError: if one is missing or says nothing.
    """
    return {
        "hazard": texts["hazard"],
        "threat_id": int(texts["threat"], 16),
        "stage": STAGES.index(texts["stage"]),
        "certainty": CERTAINTIES.index(texts["certainty"]),
        "sent_ns": utc_ns_from_iso(texts["sent"]),
        "expires_ns": utc_ns_from_iso(texts["expires"]),
        "picture_ns": utc_ns_from_iso(texts["picture"]),
        "reason": texts["reason"],
    }


def _check_places(places: NDArray[np.float64]) -> None:
    if not (np.abs(places) <= np.array([np.pi / 2, np.pi]) + 1e-9).all():
        raise ValueError("places are latitude and longitude in radians, none of them missing")


NOWHERE = Shape()


def drawn(codes: Sequence[str], shapes: Mapping[str, Shape] | None, n_copies: int) -> list[Shape]:
    """Return the shape of each area as a message has room for it: the first ones whole, the rest without polygons."""
    left, found = CORNERS_MAX // n_copies, []
    for code in codes:
        shape = (shapes or {}).get(code, NOWHERE)
        if shape.n_corners > left:
            shape = Shape(circles=shape.circles, geocodes=shape.geocodes)
        left -= shape.n_corners
        found.append(shape)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifted:
    """What an update says to people who were told before and whose areas it does not tell any more.

    Attributes:
        headline, description, instruction: for people; each begins with the word that says that it is an exercise.
        codes, areas: of their areas, and what these are called.
    """

    headline: str
    description: str
    instruction: str
    codes: tuple[str, ...]
    areas: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseWording:
    """What an alert of an exercise says in one language; each text begins with the word that says so.

    Attributes:
        language: by RFC 5646, for instance "ja".
        mark: "EXERCISE", "訓練": how that language says that this is not real.
        event: what it is about, in a few words.
        headline, description, instruction: for people.
        areas: what the alert's areas are called, one each.
        lifted: to people who are told no more, if there are any.
    """

    language: str
    mark: str
    event: str
    headline: str
    description: str
    instruction: str
    areas: tuple[str, ...]
    lifted: Lifted | None = None

    def __post_init__(self) -> None:
        if len(self.mark.strip()) < 2:
            raise ValueError(f"language '{self.language}': say how it marks an exercise")
        texts = {name: getattr(self, name) for name in ("event", "headline", "description", "instruction")}
        if self.lifted is not None:
            texts |= {f"{name} of what is lifted": getattr(self.lifted, name) for name in list(texts)[1:]}
        for name, text in texts.items():
            if not text.startswith(self.mark):
                raise ValueError(f"the {name} of an exercise begins with {self.mark}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """How a message is named by those that replace or cancel it."""

    sender: str
    identifier: str
    sent_ns: int


def checked(alert: Alert, wordings: Sequence[ExerciseWording], exercise: str, references: Sequence[Reference]) -> None:
    """Refuse what must not go out as a message of an exercise.

    Raises:
        ValueError: if it is of no exercise, says nothing, or its references are not those of the record.
    """
    if alert.status != EXERCISE:
        raise ValueError(f"an alert of status '{alert.status}': nothing here writes another than {EXERCISE}")
    for what, text in (("exercise", exercise), ("identifier", alert.identifier), ("sender", alert.sender)):
        if not IDENTIFIER.fullmatch(text):
            raise ValueError(f"'{text[:40]}' is no {what}: letters, digits, dots, - and _")
    if exercise.lower() in ("real", "actual", "live"):
        raise ValueError(f"'{exercise}' is no name of an exercise")
    if not wordings or len({each.language for each in wordings}) != len(wordings):
        raise ValueError("an alert says something, once in each language")
    if any(len(each.areas) != len(alert) for each in wordings):
        raise ValueError("what it says is of another alert")
    lifted = {() if each.lifted is None else each.lifted.codes for each in wordings}
    if len(lifted) != 1 or not set(alert.code.tolist()).isdisjoint(*lifted):
        raise ValueError("what is lifted is the same in each language, and none of what is told")
    if len(alert) + len(*lifted) > AREAS_MAX:
        raise ValueError(f"an alert for {len(alert) + len(*lifted)} areas; {AREAS_MAX} are a message")
    if tuple(each.identifier for each in references) != alert.references:
        raise ValueError("the references handed in are not those of the alert")
    if (alert.message in (UPDATE, CANCEL)) != bool(references):
        raise ValueError(f"{alert.message}: an update or a cancel names what it replaces, and nothing else does")


def plain(text: str, chars_max: int) -> str:
    """Return a text on one line without what could steer its display (bidirectional marks, control characters).

    What is longer ends in an ellipsis.
    """
    found = []
    for char in text[: 4 * chars_max]:
        category = unicodedata.category(char)
        if category in ("Cc", "Zl", "Zp", "Zs"):
            found.append(" ")
        elif category[0] != "C":
            found.append(char)
    line = " ".join("".join(found).split())
    return line if len(line) <= chars_max and len(text) <= 4 * chars_max else line[: chars_max - 1] + "…"


def whole_seconds_ns(time_ns: int) -> int:
    """Return the second in which a time is, in nanoseconds: what CAP can say of it."""
    return time_ns // NS_PER_S * NS_PER_S
