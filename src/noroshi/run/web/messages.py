"""What a page may say (`docs/picture-wire.md`), and nothing else."""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

BYTES_MAX = 4096
Number: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
Hex: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
Text: TypeAlias = Annotated[str, Meta(max_length=1000)]
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
    """Tell of a track; `whole`: also what takes long to find out."""

    id: Hex
    whole: bool = True


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


class Say(Message, frozen=True, kw_only=True, tag="say"):
    """A person takes a step of a decision; `version` is the last that was before them. `areas`, `ends_ms` amend."""

    founder: Name
    stream: Name
    version: Number
    step: Name
    reason: Text = ""
    areas: Annotated[list[Name], Meta(max_length=200)] | None = None
    ends_ms: Millis | None = None
    picture_ms: Millis


class Ask(Message, frozen=True, kw_only=True, tag="ask"):
    """A person proposes something, for instance a look of another nation's sensor."""

    action: Literal["sensor_task", "cover", "relief"]
    asset: Name
    text: Annotated[str, Meta(min_length=1, max_length=1000)]
    track: Hex | None = None
    areas: Annotated[list[Name], Meta(max_length=20)] = []
    priority: Literal["flash", "immediate", "priority", "routine"] = "priority"
    for_s: Annotated[float, Meta(gt=0.0, le=86_400.0)] = 900.0
    picture_ms: Millis


class Reply(Message, frozen=True, kw_only=True, tag="reply"):
    """What a person says to a message of exercise control; exercise control may say whether it was done."""

    number: Name
    answer: Literal["acknowledged", "done", "not_done"]
    text: Text = ""


class Pace(Message, frozen=True, kw_only=True, tag="pace"):
    """How fast the exercise goes; 0 holds it."""

    speed: Annotated[float, Meta(ge=0.0, le=60.0)]


class Branch(Message, frozen=True, kw_only=True, tag="branch"):
    """Go back to a moment and go on from there in another way."""

    time_ms: Millis


class Inject(Message, frozen=True, kw_only=True, tag="inject"):
    """Something goes wrong from now on: a table as scenarios have it, without `at_s`."""

    table: dict[str, Any]


class Send(Message, frozen=True, kw_only=True, tag="send"):
    """Tell people something: a row of the list of events, in the fields of `exercise.notes.Note`."""

    number: Annotated[str, Meta(max_length=40)] = ""
    sender: Text = ""
    to: Name
    text: Annotated[str, Meta(min_length=1, max_length=1000)]
    expected: Text = ""
    step: Annotated[str, Meta(max_length=40)] = ""
    action: Annotated[str, Meta(max_length=40)] = ""
    within_s: Annotated[float, Meta(ge=0.0, le=86_400.0)] = 0.0
    responsible: Text = ""
    objective: Text = ""


class Improve(Message, frozen=True, kw_only=True, tag="improve"):
    """A row of the improvement plan."""

    text: Annotated[str, Meta(min_length=1, max_length=1000)]
    owner: Annotated[str, Meta(min_length=1, max_length=200)]
    due: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    objective: Text = ""


class WhatIf(Message, frozen=True, kw_only=True, tag="what_if"):
    """What would a change gain? New values of the scenario by path, as `run.campaigns.changing` has them.

    With `prepare` nothing is asked yet, but soon will be, and there is no answer.
    """

    changes: Annotated[dict[Name, float | int | bool], Meta(max_length=10)] = {}
    sharing: bool = True
    prepare: bool = False


Said: TypeAlias = (
    Got | Seek | Play | Pause | Rate | Step | Follow | ViewAs | Story | Coverage | Acknowledge | Decide
    | WhatIf | Say | Ask | Reply | Pace | Branch | Inject | Send | Improve
)  # fmt: skip
Acts: TypeAlias = Say | Ask | Reply | Pace | Branch | Inject | Send | Improve
"""What people of an exercise do in it."""
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
