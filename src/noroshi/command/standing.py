"""What is decided once and holds for a while: delegations, standing plans, postures. Each is a decision like any other.

It is in force from its approval, within its own times, until it is recalled; recalling takes one step.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from noroshi.command.transitions import Role

ALL = "*"
PEACETIME, CONTINGENCY = "peacetime", "contingency"
POSTURES = (PEACETIME, CONTINGENCY)


class Delegation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """That a person of another nation may act for the nation whose stream this is.

    Attributes:
        delegate: the person's name.
        role: as what.
        actions: `Action`s in which.
        areas: codes of the areas that may be touched; "JP-*" is all that begin so, "*" all.
        from_ns, until_ns: from when until when.
        uses_max: how often; 0: any number.
        writer: the nation in whose streams it may be used, so that one node counts the uses; empty: the delegator's.
    """

    delegate: str
    role: Role
    actions: tuple[str, ...]
    areas: tuple[str, ...]
    from_ns: int
    until_ns: int
    uses_max: int = 0
    writer: str = ""


class StandingPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What a nation approves beforehand of alerts.

    Attributes:
        hazards: as `records.alert.HAZARDS`.
        messages: "Alert", "Update", "Cancel": which of them.
        stage_min: the least `Stage`, by its name in small letters, of those of its kind: of a flight up to "will_land",
            of a zone "entering" or "entered". A cancellation has none.
        areas: codes, as in `Delegation`; every area of the alert must be among them.
        probability_min: every area of the alert must have at least this.
        postures: in which of the nation's postures it applies.
        from_ns, until_ns: from when until when.
    """

    hazards: tuple[str, ...]
    messages: tuple[str, ...]
    stage_min: str
    areas: tuple[str, ...]
    probability_min: float
    postures: tuple[str, ...]
    from_ns: int
    until_ns: int


class StandingLooks(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What a nation approves beforehand of looks of its sensors; what it covers a sensor does by itself.

    Attributes:
        sensors: names; "usa-eyes-*" is all that begin so.
        by: nations whose proposals it covers.
        looks_max: so many looks of one proposal at most.
        postures: in which of the nation's postures it applies.
        from_ns, until_ns: from when until when; the looks themselves must end before that too.
    """

    sensors: tuple[str, ...]
    by: tuple[str, ...]
    looks_max: int
    postures: tuple[str, ...]
    from_ns: int
    until_ns: int


def plan_in(detail: Mapping[str, Any]) -> StandingPlan | StandingLooks:
    """Return what a standing plan says.

    Raises:
        msgspec.ValidationError: if it is none.
    """
    kind: type[StandingPlan] | type[StandingLooks] = StandingLooks if "sensors" in detail else StandingPlan
    return msgspec.convert(detail, kind)


class Posture(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """In which of `POSTURES` a nation is, from when until when."""

    posture: str
    from_ns: int
    until_ns: int


def within(codes: Sequence[str], scope: Sequence[str]) -> bool:
    """Return whether every area is in a scope; a matter without areas is in every scope."""
    begins = tuple(entry[: -len(ALL)] for entry in scope if entry.endswith(ALL))
    return all(code in scope or code.startswith(begins) for code in codes)
