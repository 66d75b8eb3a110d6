"""Ways out for alerts of exercises. One file an outlet; the name is its key. Nothing is sent unless one is set up.

Each holds `class Outlet`, whose constructor says where to and how. It is handed an `ExerciseMessage`, of which there is
no kind that is real (`formats/cap/authority.py`). It is called again with the same message until it returns, and maybe
after that: the same identifier with the same bytes is to come out once, or again just the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from noroshi.formats.alerting import EXERCISE_COLOUR, IDENTIFIER
from noroshi.formats.cap import ExerciseNotice, decode

MEDIA = {"cap": "application/cap+xml", "json": "application/json", "cot": "application/xml"}
ENDINGS = {"cap": ".cap.xml", "json": ".json", "cot": ".cot"}


class OutletError(Exception):
    """It did not go out now; it is tried again. The message is one line for a person."""


class RefusedError(Exception):
    """It will never go out this way, because the other side does not want it. One line for a person."""


class SettingError(ValueError):
    """An outlet cannot be as it is said to be. One line for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseMessage:
    """An alert of an exercise as it goes out; once made, its bytes are what they are.

    Attributes:
        exercise: name of the exercise.
        identifier: of the alert; a repeat has the same.
        message: `Alert`, `Update` or `Cancel`.
        sent_ns, expires_ns: as in the alert.
        bodies: medium ("cap", "json", "cot") -> bytes; the CAP one is signed.
    """

    STATUS: ClassVar[str] = "Exercise"
    COLOUR: ClassVar[str] = EXERCISE_COLOUR

    exercise: str
    identifier: str
    message: str
    sent_ns: int
    expires_ns: int
    bodies: Mapping[str, bytes]

    def __post_init__(self) -> None:
        if not IDENTIFIER.fullmatch(self.identifier) or not IDENTIFIER.fullmatch(self.exercise):
            raise ValueError("a message of an exercise has an identifier, and the name of the exercise")
        if set(self.bodies) - set(MEDIA) or "cap" not in self.bodies:
            raise ValueError(f"a message has a CAP body, and may have others of {', '.join(MEDIA)}")
        told = decode(self.bodies["cap"])
        if not isinstance(told, ExerciseNotice) or (told.note, told.identifier) != (self.exercise, self.identifier):
            raise ValueError("its CAP body is not of that exercise, or not that alert")

    @property
    def topic(self) -> str:
        """Where it belongs; alerts that are real have another (`ActualMessage.topic`)."""
        return f"noroshi/exercise/{self.exercise}/alerts"


class Outlet(Protocol):
    """What each outlet does; called from a thread of its own, one message at a time and in order."""

    @property
    def medium(self) -> str:
        """Which body it sends."""
        ...

    def send(self, message: ExerciseMessage) -> None:
        """Return when the other side has it for good.

        Raises:
            OutletError: if it is to be tried again.
            RefusedError: if trying again is of no use.
            TypeError: if it is anything but a message of an exercise.
        """
        ...

    def close(self) -> None:
        """Let go of what it holds; a second time does nothing."""
        ...


def body_of(message: ExerciseMessage, medium: str) -> bytes:
    """Return what an outlet sends of a message.

    Raises:
        RefusedError: if the message has no such body.
        TypeError: if it is anything but a message of an exercise.
    """
    if type(message) is not ExerciseMessage:
        raise TypeError(f"outlets send messages of exercises, not {type(message).__name__}")
    if not message.bodies.get(medium):
        raise RefusedError(f"{message.identifier} has nothing to say as {medium}")
    return message.bodies[medium]


def check_medium(medium: str) -> str:
    """Return the name of a medium.

    Raises:
        SettingError: if there is none of that name.
    """
    if medium not in MEDIA:
        raise SettingError(f"medium '{medium}' is none of {', '.join(MEDIA)}")
    return medium
