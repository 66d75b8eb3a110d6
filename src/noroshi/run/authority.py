"""The rules of who may decide: Cedar, read from files that people can read, and evaluated by Cedar's own engine.

Nothing is permitted that no rule permits, a forbid wins over every permit, and a rule that cannot be evaluated denies
(Cedar itself would pass over it, a forbid too). Equal requests have equal answers, so answers are kept.
"""

import json
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import cedarpy

from noroshi.command.authority import Request, Ruling

SCHEMA = "noroshi.cedarschema"
ANSWERS_MAX = 65_536
NO_RULE = "no rule permits it"


class AuthorityError(ValueError):
    """Rules that cannot be read. The message is one line for a person."""


class Cedar:
    """Rules in Cedar.

    Args:
        text: of all rules; each has an @id of its own, by which it is named in what it allows.
        source: what to call them in messages.

    Raises:
        AuthorityError: if they are no rules, ask for what they are not told, or have no names of their own.
    """

    def __init__(self, text: str, source: str = "rules") -> None:
        schema = (files("noroshi") / "data" / "authority" / SCHEMA).read_text(encoding="utf-8")
        try:
            self._rules = cedarpy.PolicySet.from_str(text)
            checked = cedarpy.validate_policies(text, schema)
            names = [rule.get("annotations", {}).get("id") for rule in _rules_in(text)]
        except (ValueError, KeyError, TypeError) as error:
            raise AuthorityError(f"{source}: {' '.join(str(error).split())}") from error
        if not checked.validation_passed:
            raise AuthorityError(f"{source}: {' '.join(str(checked.errors[0]).split())}")
        if not all(names) or len(set(names)) < len(names):
            raise AuthorityError(f'{source}: give each rule a name of its own: @id("...")')
        self.names: tuple[str, ...] = tuple(str(name) for name in names)
        self.judge = lru_cache(maxsize=ANSWERS_MAX)(self._judge)

    def _judge(self, request: Request) -> Ruling:
        """Return whether a step may be taken, and which rules say so."""
        entities: list[dict[str, Any]] = [
            _entity("Person", {"nation": request.nation, "role": request.role}),
            _entity(
                "Matter",
                {
                    "action": request.action,
                    "owner": request.owner,
                    "asset": request.asset,
                    "areas": list(request.areas),
                    "concerns": list(request.concerns),
                    "priority": request.priority,
                    "joint": request.joint,
                },
            ),
        ]
        asked = {
            "principal": {"type": "Person", "id": "it"},
            "action": {"type": "Action", "id": request.step},
            "resource": {"type": "Matter", "id": "it"},
            "context": {
                "acting_for": request.acting_for,
                "delegated": request.delegated,
                "proposed": request.proposed,
                "posture": request.posture,
            },
        }
        answer = cedarpy.is_authorized(asked, self._rules, entities)
        if answer.diagnostics.errors:
            return Ruling(False, " ".join(str(answer.diagnostics.errors[0]).split()))
        named = answer.diagnostics.id_annotations_by_reason
        rule = ", ".join(sorted(named.get(reason, reason) for reason in answer.diagnostics.reasons))
        return Ruling(answer.allowed, rule or NO_RULE)


def read(paths: Iterable[Path]) -> Cedar:
    """Return the rules in some files together.

    Raises:
        AuthorityError: if a file cannot be read, or they are no rules.
    """
    texts = []
    for path in paths:
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise AuthorityError(f"{path}: cannot be read: {error}") from error
    return Cedar("\n".join(texts), ", ".join(str(path) for path in paths))


def shipped() -> Cedar:
    """Return the rules that come with the program: those of all, and what each nation forbids."""
    folder = files("noroshi") / "data" / "authority"
    texts = {one.name: one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".cedar")}
    return Cedar("\n".join(texts[name] for name in sorted(texts)), "data/authority")


def _rules_in(text: str) -> list[dict[str, Any]]:
    told: dict[str, Any] = json.loads(cedarpy.policies_to_json_str(text))
    return [*told["staticPolicies"].values()]


def _entity(kind: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"uid": {"type": kind, "id": "it"}, "attrs": attributes, "parents": []}
