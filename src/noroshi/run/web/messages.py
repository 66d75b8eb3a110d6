"""What a page may say (`docs/picture-wire.md`), and nothing else."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

BYTES_MAX = 4096
Number: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
Hex: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
Millis: TypeAlias = Annotated[float, Meta(gt=-1e15, lt=1e15)]


class RefusedError(ValueError):
    """A message that is none, or that may not be: one line for the page."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    """What all but `got` have: a number that grows."""

    n: Number


class Got(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="got"):
    """A frame has been taken in."""

    sequence: Number


class Seek(Message, frozen=True, kw_only=True, tag="seek"):
    """Put the cursor somewhere."""

    time_ms: Millis


class Play(Message, frozen=True, kw_only=True, tag="play"):
    """Let it move."""


class Pause(Message, frozen=True, kw_only=True, tag="pause"):
    """Let it stand."""


class Rate(Message, frozen=True, kw_only=True, tag="rate"):
    """How fast."""

    rate: Annotated[float, Meta(ge=-60.0, le=60.0)]


class Step(Message, frozen=True, kw_only=True, tag="step"):
    """So many pictures on, or back."""

    pictures: Annotated[int, Meta(ge=-1000, le=1000)]


class Follow(Message, frozen=True, kw_only=True, tag="follow"):
    """To the newest."""


class ViewAs(Message, frozen=True, kw_only=True, tag="view_as"):
    """Look as somebody else."""

    view: Name


class Story(Message, frozen=True, kw_only=True, tag="story"):
    """Tell of a track."""

    id: Hex


class Coverage(Message, frozen=True, kw_only=True, tag="coverage"):
    """What sensors see at a height."""

    height_m: Annotated[float, Meta(ge=0.0, le=2e6)]


class Acknowledge(Message, frozen=True, kw_only=True, tag="acknowledge"):
    """A person has seen an alert."""

    identifier: Name


class Decide(Message, frozen=True, kw_only=True, tag="decide"):
    """A person approves or rejects a proposal."""

    identifier: Name
    step: Literal["approved", "rejected"]
    reason: Annotated[str, Meta(max_length=1000)] = ""
    picture_ms: Millis


Said: TypeAlias = Got | Seek | Play | Pause | Rate | Step | Follow | ViewAs | Story | Coverage | Acknowledge | Decide
_DECODER = msgspec.json.Decoder(Said)


def read(text: str | bytes) -> Said:
    """Return a message.

    Raises:
        RefusedError: if it is none.
    """
    if len(text) > BYTES_MAX:
        raise RefusedError(f"longer than {BYTES_MAX} bytes")
    try:
        said: Said = _DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RefusedError(f"no message: {str(error)[:200]}") from error
    return said
