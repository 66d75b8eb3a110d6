"""Release rules: a nation's own policy, read from TOML, ordered, and closed unless a rule opens it.

For each recipient the first rule that is addressed to it and matches a row decides; a row that none matches is
withheld. What a rule does not know of a row (a position that a status does not have, an existence that is NaN) does not
match. Beside the rule, the record's own label has to permit the recipient.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from noroshi.geo.time import NS_PER_S
from noroshi.records import KINDS, STATUSES
from noroshi.sharing.actions import Change
from noroshi.sharing.label import ALL_PARTNERS, Level

BREAK_GLASS = "break-glass"
ALL_EXERCISES = "ALL-EXERCISES"
BREAK_GLASS_S_MAX = 24 * 3600
HEADER = re.compile(r"^\s*\[\[\s*rules\s*\]\]", re.MULTILINE)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PolicyError(ValueError):
    """A policy that cannot be used; one line that says where, what, and what to do."""


class Product(StrEnum):
    """What a record is to its recipient."""

    CONTRIBUTION = "contribution"  # from the sender's own sensors alone; only these are fused
    FUSED = "fused"  # for display, never for fusion
    WARNING = "warning"
    STATUS = "status"
    TOMBSTONE = "tombstone"  # forget what you were told of this


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


Latitude = Annotated[float, Field(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Field(ge=-180.0, le=180.0)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Area(_Model):
    """A part of the world; without a polygon everywhere, between heights if they are given."""

    polygon: tuple[tuple[Latitude, Longitude], ...] = Field(
        (), description="corners as latitude and longitude in degrees; less than 180 degrees across, without a pole"
    )
    height_m_min: float | None = Field(None, description="above the ellipsoid")
    height_m_max: float | None = Field(None, description="above the ellipsoid")
    outside: bool = Field(False, description="match what is not inside")
    margin_m: float = Field(
        0.0,
        description="widen the polygon by about this much, by another secret part of it (half to one and a half) for "
        "each track, so that where tracks vanish does not draw it; negative narrows it",
    )

    @model_validator(mode="after")
    def _is_an_area(self) -> Self:
        if len(self.polygon) in (1, 2):
            raise ValueError("a polygon has at least three corners")
        if not self.polygon and self.height_m_min is None and self.height_m_max is None:
            raise ValueError("an area has a polygon, height_m_min or height_m_max")
        if self.margin_m and not self.polygon:
            raise ValueError("margin_m is of a polygon; there is none")
        return self


class Conditions(_Model):
    """What a rule says of the rows it is for: all of it has to hold; what is not said does not matter."""

    to: tuple[str, ...] = Field(min_length=1, description=f"nation codes, or {ALL_PARTNERS}")
    products: tuple[Product, ...] = Field(min_length=1, description="which products")
    exercises: tuple[str, ...] = Field(
        (), description=f"which exercises' records, or {ALL_EXERCISES}; none given is real records only"
    )
    kinds: tuple[str, ...] = Field((), description="kinds of targets that have kind_probability between them")
    kind_probability: Probability = Field(0.5, description="how likely one of the kinds has to be")
    identified: bool | None = Field(None, description="whether the target says who it is")
    icao_addresses: tuple[str, ...] = Field((), description='hexadecimal, or a block: "840000-87FFFF"')
    modes_3a: tuple[str, ...] = Field((), description='octal: "7700"')
    mmsis: tuple[int, ...] = Field((), description="ships")
    call_signs: tuple[str, ...] = Field((), description='"JAF123", or what it begins with: "JAF*"')
    area: Area | None = Field(None, description="where")
    sensor_types_any: tuple[str, ...] = Field((), description="a sensor of one of these types fed the track")
    sensor_types_only: tuple[str, ...] = Field((), description="only sensors of these types fed the track")
    level_max: str = Field("", description="the label's level is at most this")
    caveats_any: tuple[str, ...] = Field((), description="the label has one of these caveats")
    caveats_none: tuple[str, ...] = Field((), description="the label has none of these caveats")
    statuses: tuple[str, ...] = Field((), description="tentative, firm, coasting, lost")
    existence_min: Probability | None = Field(None, description="existence is at least this")
    existence_max: Probability | None = Field(None, description="existence is at most this")
    not_before: AwareDatetime | None = Field(None, description="the rule holds from then on")
    not_after: AwareDatetime | None = Field(None, description="the rule holds until then")

    @field_validator("kinds")
    @classmethod
    def _are_kinds(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_among(values, KINDS)))  # twice the same is no likelier than once

    @field_validator("statuses")
    @classmethod
    def _are_statuses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return _among(values, STATUSES)

    @field_validator("level_max")
    @classmethod
    def _is_a_level(cls, value: str) -> str:
        return _among((value,), ("", *Level.__members__))[0]

    @field_validator("icao_addresses")
    @classmethod
    def _are_addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        _ = block_bounds(values)
        return values

    @field_validator("modes_3a")
    @classmethod
    def _are_octal(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for value in values:
            if not re.fullmatch("[0-7]{4}", value):
                raise ValueError(f"'{value}' is not four octal digits")
        return values

    def ends_ns(self) -> int | None:
        """Return when the rule ceases to hold, Unix UTC nanoseconds."""
        return None if self.not_after is None else to_ns(self.not_after)

    def holds_at(self, now_ns: int) -> bool:
        """Return whether the rule's own time is now."""
        begun = self.not_before is None or now_ns >= to_ns(self.not_before)
        return begun and (self.not_after is None or now_ns < to_ns(self.not_after))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        name: unique within the policy.
        when: the rows that it is for.
        passes: whether they go out, or not.
        actions: by key, in the order in which they are done.
        content: what it says, as canonical JSON: equal content does equal things.
    """

    name: str
    when: Conditions
    passes: bool
    actions: tuple[tuple[str, Change], ...] = ()
    content: str = field(init=False)

    def __post_init__(self) -> None:
        said = {
            "rule": self.name,
            "when": self.when.model_dump(mode="json"),
            "passes": self.passes,
            "actions": {key: action.model_dump(mode="json") for key, action in self.actions},
        }
        object.__setattr__(self, "content", json.dumps(said, sort_keys=True))

    def is_for(self, recipient: str) -> bool:
        """Return whether the rule is addressed to a partner."""
        return recipient in self.when.to or ALL_PARTNERS in self.when.to


@dataclass(frozen=True, slots=True)
class Policy:
    """What one nation releases.

    Attributes:
        nation: whose policy it is.
        partners: the release class of each nation that may get anything at all; one class sees equal track numbers.
        rules: in order; the first that matches decides.
        digest: SHA-256 of all that it says, in hexadecimal.
    """

    nation: str
    partners: Mapping[str, str]
    rules: tuple[Rule, ...]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        said = json.dumps([self.nation, sorted(self.partners.items()), [rule.content for rule in self.rules]])
        object.__setattr__(self, "digest", hashlib.sha256(said.encode()).hexdigest())

    def rules_for(self, recipient: str) -> tuple[int, ...]:
        """Return the indices of the rules that a recipient's rows go through; none if it is no partner."""
        if recipient not in self.partners:
            return ()
        return tuple(i for i, rule in enumerate(self.rules) if rule.is_for(recipient))

    def judges_types(self, recipient: str) -> bool:
        """Return whether a recipient's rules look at types of sensors: what is of unknown types is withheld then."""
        conditions = [self.rules[i].when for i in self.rules_for(recipient)]
        return any(when.sensor_types_any or when.sensor_types_only for when in conditions)


def parse(text: str, actions: Mapping[str, type[Change]], *, source: str = "policy") -> Policy:
    """Read a policy.

    Args:
        text: TOML.
        actions: what rules may do, by key (`run.rooms` finds them).
        source: name of the file, for messages.

    Raises:
        PolicyError: one line, with the line of the text where it can be told.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{source}: not TOML: {error}") from error
    unknown = sorted(set(content) - {"nation", "partners", "rules"})
    if unknown:
        raise PolicyError(
            f"{source}, line {_line(text, unknown[0])}: '{unknown[0]}' is none of nation, partners, rules"
        )
    nation, partners, tables = content.get("nation"), content.get("partners"), content.get("rules", [])
    if not isinstance(nation, str) or not nation:
        raise PolicyError(f'{source}: says whose policy it is: nation = "JPN"')
    if not isinstance(partners, dict) or not all(isinstance(name, str) and name for name in partners.values()):
        raise PolicyError(f'{source}: [partners] gives each nation its release class: USA = "close"')
    if ALL_PARTNERS in partners or nation in partners:
        raise PolicyError(f"{source}, line {_line(text, 'partners')}: a partner is another nation")
    if not isinstance(tables, list):
        raise PolicyError(f"{source}, line {_line(text, 'rules')}: rules are [[rules]], one after the other")
    starts = [match.start() for match in HEADER.finditer(text)]
    rules: list[Rule] = []
    for i, table in enumerate(tables):
        try:
            rule = _rule(table, actions, partners, {rule.name for rule in rules})
        except _RuleError as error:
            where = _line(text, error.key, *starts[i : i + 2]) if i < len(starts) else "?"
            name = table.get("rule") if isinstance(table, dict) else None
            raise PolicyError(f"{source}, line {where}: rule {name or i + 1}: {error.key}: {error}") from None
        rules.append(rule)
    return Policy(nation, partners, tuple(rules))


def break_glass(
    policy: Policy,
    rule: Rule,
    *,
    by: Sequence[str],
    reason: str,
    from_ns: int,
    until_ns: int,
) -> tuple[Policy, dict[str, Any]]:
    """Return the policy with one more rule ahead of all others for a limited time, and what the audit holds of it.

    A label that does not permit the recipient still binds: its originator alone can change it.

    Args:
        policy: as it is.
        rule: what is to go out; its own times are replaced.
        by: the two people who answer for it.
        reason: why.
        from_ns, until_ns: from when until when, at most 24 hours.

    Raises:
        PolicyError: if it is not two people's, has no reason, or does not end soon.
    """
    people = sorted({" ".join(name.split()).casefold() for name in by} - {""})
    if len(people) < 2:
        raise PolicyError("break-glass takes the names of two different people")
    if not reason.strip():
        raise PolicyError("break-glass takes a reason")
    if not from_ns < until_ns <= from_ns + BREAK_GLASS_S_MAX * NS_PER_S:
        raise PolicyError(f"break-glass ends, at most {BREAK_GLASS_S_MAX // 3600} hours after it began")
    if not rule.passes:
        raise PolicyError("break-glass releases; to withhold something change the policy itself")
    strangers = sorted(set(rule.when.to) - set(policy.partners) - {ALL_PARTNERS})
    if strangers:
        raise PolicyError(f"break-glass: '{strangers[0]}' is none of the partners {', '.join(sorted(policy.partners))}")
    begin, end = (_whole_seconds(time_ns) for time_ns in (from_ns, until_ns))
    when = rule.when.model_copy(update={"not_before": begin, "not_after": end})
    extra = Rule(f"{BREAK_GLASS} {rule.name}", when, True, rule.actions)
    if any(extra.name == other.name for other in policy.rules):
        raise PolicyError(f"'{extra.name}' is there already")
    changed = Policy(policy.nation, policy.partners, (extra, *policy.rules))
    return changed, {
        "what": BREAK_GLASS,
        "by": list(by),
        "reason": reason,
        "rule": extra.content,
        "policy_before": policy.digest,
        "policy": changed.digest,
    }


def without_ended(policy: Policy, now_ns: int) -> Policy:
    """Return the policy without the rules whose time is over; what they released is then to be taken back."""
    lasting = [rule for rule in policy.rules if (end := rule.when.ends_ns()) is None or now_ns < end]
    return policy if len(lasting) == len(policy.rules) else Policy(policy.nation, policy.partners, tuple(lasting))


def still_valid(old: Policy, new: Policy, recipient: str) -> frozenset[str]:
    """Return the names of rules whose releases to a recipient under `old` are allowed under `new`, whatever the row.

    A row that a rule decided matched none before it. So it decides the same again if it is still there, unchanged, and
    every rule that is now before it was before it then, or releases rows as they are: that is no less. Where rules on
    types of sensors come in, rows of sensors of unknown types are withheld that were not.
    """
    if old.partners.get(recipient) != new.partners.get(recipient):
        return frozenset()
    if new.judges_types(recipient) and not old.judges_types(recipient):
        return frozenset()
    before: set[str] = set()
    earlier: dict[str, frozenset[str]] = {}
    for i in old.rules_for(recipient):
        earlier[old.rules[i].content] = frozenset(before)
        before.add(old.rules[i].content)
    ahead: set[str] = set()
    valid: list[str] = []
    for i in new.rules_for(recipient):
        rule = new.rules[i]
        if rule.passes and rule.content in earlier and ahead <= earlier[rule.content]:
            valid.append(rule.name)
        if not rule.passes or rule.actions:
            ahead.add(rule.content)
    return frozenset(valid)


def block_bounds(blocks: Sequence[str]) -> list[tuple[int, int]]:
    """Return the first and last address of each block.

    Raises:
        ValueError: if one is no 24-bit hexadecimal address or block of them.
    """
    bounds = []
    for block in blocks:
        match = re.fullmatch(r"([0-9A-Fa-f]{1,6})(?:-([0-9A-Fa-f]{1,6}))?", block)
        if match is None:
            raise ValueError(f"'{block}' is no hexadecimal address of 24 bits, nor a block of them")
        first, last = int(match[1], 16), int(match[2] or match[1], 16)
        if last < first:
            raise ValueError(f"block '{block}' ends before it begins")
        bounds.append((first, last))
    return bounds


def to_ns(moment: datetime) -> int:
    """Return Unix UTC nanoseconds."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1_000


class _RuleError(ValueError):
    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def _rule(table: Any, actions: Mapping[str, type[Change]], partners: Mapping[str, str], taken: set[str]) -> Rule:
    name, then = table.get("rule"), table.get("then")
    if not isinstance(name, str) or not name or name.startswith(BREAK_GLASS):
        raise _RuleError("rule", f'each has a name: rule = "civil traffic"; "{BREAK_GLASS}" begins none')
    if name in taken:
        raise _RuleError("rule", f"'{name}' is the name of an earlier rule too")
    if then not in ("pass", "drop"):
        raise _RuleError("then", "is pass or drop")
    done = {key: _validated(actions[key], table[key], key) for key in sorted(actions) if key in table}
    if done and then == "drop":
        raise _RuleError(next(iter(done)), "what is dropped is not changed; leave it out")
    said = {key: value for key, value in table.items() if key not in ("rule", "then", *actions)}
    fields = Conditions.model_fields
    for key in said:
        if key not in fields:
            raise _RuleError(key, f"is no condition ({', '.join(fields)}) and no action ({', '.join(sorted(actions))})")
    when = _validated(Conditions, said, "")
    strangers = [code for code in when.to if code not in partners and code != ALL_PARTNERS]
    if strangers:
        raise _RuleError(
            "to", f"'{strangers[0]}' is none of the partners {', '.join(sorted(partners))}; nor {ALL_PARTNERS}"
        )
    ordered = sorted(done.items(), key=lambda item: (item[1].ORDER, item[0]))
    return Rule(name, when, then == "pass", tuple(ordered))


def _validated(kind: type[Any], table: Any, key: str) -> Any:
    try:
        return kind.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        path = [str(part) for part in first["loc"]]
        message = first["msg"].removeprefix("Value error, ")
        where = key or (path[0] if path else "rule")
        inside = ".".join(path if key else path[1:])
        raise _RuleError(where, f"{inside}: {message}" if inside else message) from None


def _among(values: tuple[str, ...], known: Sequence[str]) -> tuple[str, ...]:
    for value in values:
        if value not in known:
            raise ValueError(f"'{value}' is none of {', '.join(name for name in known if name)}")
    return values


def _line(text: str, key: str, start: int = 0, end: int | None = None) -> int:
    """Return the line of a key within a part of the text, or of the part's beginning."""
    part = text[start:end]
    name = re.escape(key)
    found = re.search(rf"^\s*(?:\[+\s*(?:\w+\.)*)?\"?{name}\"?\s*(?:[=.\]])", part, re.MULTILINE)
    at = start + (found.end() - 1 if found else len(part) - len(part.lstrip()))
    return text.count("\n", 0, at) + 1


def _whole_seconds(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // NS_PER_S, tz=UTC)
