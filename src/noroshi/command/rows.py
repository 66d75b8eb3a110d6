"""Steps as rows, and what their content says; JSON that is read strictly, so that nothing in it is overlooked."""

import hashlib
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from noroshi.command.transitions import Action
from noroshi.records import Decision

CONTENT_BYTES_MAX = 4 << 20
DEPTH_MAX = 16
PRIORITIES = ("flash", "immediate", "priority", "routine")


class Row(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """One step; its fields are the columns of `records.Decision`, whose nation is that which writes the stream."""

    nation: str
    stream: str
    version: int
    time_ns: int
    step: str
    by: str
    role: str
    key: str
    picture_ns: int
    deadline_ns: int
    reason: str
    content: str
    signature: str = ""


class What(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What is to be decided.

    Attributes:
        action: one of `Action`.
        asset: the nation whose means it uses; empty: the writer's.
        areas: codes of the areas that it touches: "JP-02".
        priority: one of `PRIORITIES`; how long each step may take hangs on it.
        until_ns: when the matter ends by itself; 0: never.
        detail: as the action has it.
    """

    action: Action
    asset: str = ""
    areas: tuple[str, ...] = ()
    priority: str = "priority"
    until_ns: int = 0
    detail: dict[str, Any] = {}


class Said(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The content of a step.

    Attributes:
        what: what is to be decided; of an amendment what it is to be instead.
        of: digest of the `What` that is approved, so that nobody is taken to have approved another.
        rule: which rules allowed it, as the writer's own authority names them.
        acting_for: the nation for which it is said.
        delegation: the stream of that nation's delegation, if it is said by another nation's person.
        plan: the stream of that nation's standing plan, if nobody says it anew.
        to: the nation that a stream is handed to; the decision that supersedes this one.
        advice: what a recommendation rests on: problem, solver, bound, alternatives.
    """

    what: What | None = None
    of: str = ""
    rule: str = ""
    acting_for: str = ""
    delegation: str = ""
    plan: str = ""
    to: str = ""
    advice: dict[str, Any] = {}


_COLUMNS = attrgetter(*Decision.COLUMNS)
_JSON = msgspec.json.Encoder(order="sorted")
_SAID = msgspec.json.Decoder(Said)


def text_of(said: Said) -> str:
    """Return a content as JSON; the same content is always the same text."""
    return _JSON.encode(said).decode()


def said_in(text: str) -> Said:
    """Return what a content says.

    Raises:
        ValueError: if it is none, holds a field that is not known, or is too large or too deep.
    """
    if len(text) > CONTENT_BYTES_MAX:
        raise ValueError(f"a content of {len(text)} characters; {CONTENT_BYTES_MAX} are read")
    try:
        said = _SAID.decode(text)
    except RecursionError as error:
        raise ValueError("a content of lists within lists without end") from error
    if said.what and said.what.priority not in PRIORITIES:
        raise ValueError(f"priority '{said.what.priority}' is none of {', '.join(PRIORITIES)}")
    if not _is_plain(said.advice) or (said.what and not _is_plain([said.what.until_ns, said.what.detail])):
        raise ValueError(f"a content with whole numbers of more than 64 bits, or lists {DEPTH_MAX} deep")
    return said


def _is_plain(value: Any, depth: int = 0) -> bool:
    """Return whether a content can be written as it was read, whoever writes it, however deep he is by then."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    if isinstance(value, dict | list):
        every = value.values() if isinstance(value, dict) else value
        return depth < DEPTH_MAX and all(_is_plain(one, depth + 1) for one in every)
    return True


def digest_of(what: What) -> str:
    """Return the SHA-256 of what is to be decided, in hexadecimal."""
    return hashlib.sha256(_JSON.encode(what)).hexdigest()


def rows_of(decision: Decision) -> list[Row]:
    """Return the rows of a record."""
    columns = [column.tolist() for column in _COLUMNS(decision)]
    return [Row(decision.nation, *values) for values in zip(*columns, strict=True)]


def decision_of(rows: Sequence[Row]) -> Decision:
    """Return rows of one nation's streams as a record.

    Raises:
        ValueError: if there are none, or they are of several nations.
    """
    nations = {row.nation for row in rows}
    if len(nations) != 1:
        raise ValueError("a record of decisions has rows, all of one nation's streams")
    _, *values = zip(*map(msgspec.structs.astuple, rows), strict=True)
    columns: dict[str, Any] = {
        name: np.array(column, dtype=kind)
        for (name, (kind, _)), column in zip(Decision.COLUMNS.items(), values, strict=True)
    }
    return Decision(nation=rows[0].nation, **columns)
