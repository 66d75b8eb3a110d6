"""Who may take a step: what is asked of the rules, and what they answer. Nothing is allowed that no rule allows.

The rules themselves are Cedar (`data/authority/*.cedar`), evaluated in `run/authority.py`.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Request(NamedTuple):
    """Everything that rules may look at. Nothing in it is a time or a name, so equal requests have equal answers.

    Attributes:
        step: that is to be taken, a `Step`.
        role: as what.
        nation: of the person.
        acting_for: the nation for which it is said; another than the person's by delegation only.
        delegated: whether a delegation that is in force covers it.
        proposed: whether the person proposed the matter.
        action: what the matter is about.
        owner: the nation that writes its stream.
        asset: whose means it uses.
        areas: codes of the areas that it touches.
        concerns: nations whose asset or areas these are, sorted.
        posture: of the nation for which it is said.
        priority: of the matter.
        joint: whether its stream belongs to several nations.
    """

    step: str
    role: str
    nation: str
    acting_for: str
    delegated: bool
    proposed: bool
    action: str
    owner: str
    asset: str
    areas: tuple[str, ...]
    concerns: tuple[str, ...]
    posture: str
    priority: str
    joint: bool


@dataclass(frozen=True, slots=True)
class Ruling:
    """An answer.

    Attributes:
        allowed: whether it may be.
        rule: the names of the rules that decided, joined by ", ".
    """

    allowed: bool
    rule: str


class Authority(Protocol):
    """What knows the rules. The same request always has the same answer."""

    def judge(self, request: Request) -> Ruling:
        """Return whether a step may be taken, and which rules say so."""
        ...


class Nobody:
    """Allows nothing: what a node has that was given no rules."""

    def judge(self, request: Request) -> Ruling:  # noqa: ARG002 - whatever is asked
        """Return that it may not be."""
        return Ruling(False, "no rule")
