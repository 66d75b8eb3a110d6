"""What a nation's node warns of and who decides there, as data, and the watch that it describes."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from noroshi.command.core import Command
from noroshi.command.matters import Settings as Delays
from noroshi.command.people import Person, register
from noroshi.command.transitions import Role
from noroshi.geo.time import NS_PER_S
from noroshi.node.watch import Watch
from noroshi.records.known import Known
from noroshi.run import authority
from noroshi.run.areas import areas
from noroshi.run.rooms import load
from noroshi.run.sharing import public_keys
from noroshi.warning.core import Warner
from noroshi.warning.rules import Base as Rule
from noroshi.warning.settings import Settings

if TYPE_CHECKING:
    from noroshi.run.scenarios import WarningSection  # a node alone needs no scenarios: a fifth of its start

OFF_SHARE = Settings().probability_off / Settings().probability_on


class Staff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person who may decide.

    Attributes:
        nation: whose.
        roles: as what.
        keys: public signing keys, in hexadecimal with blanks between.
    """

    nation: str
    roles: tuple[str, ...]
    keys: str

    @classmethod
    def of(cls, person: Person) -> "Staff":
        """Return the plain form of a person."""
        keys = " ".join(key.public_bytes_raw().hex() for key in person.keys)
        return cls(person.nation, tuple(str(role) for role in person.roles), keys)


class Watching(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What decides what a node proposes to tell people, and who approves it.

    Attributes:
        countries: ISO 3166 codes of those whose areas are its own.
        probability, probability_boosting: an area is warned if it is concerned with at least this; under thrust.
        wait_s, hurry_s: once that has held for so long; after 2 s if the threat may be there sooner than in that.
        near_m: it is concerned if a threat comes so near to it.
        look_s: how often the node looks at its picture.
        holds_s_max: no forecast of what is measured holds longer than this.
        rules: of what else is told: `type`, and what that file of `warning/rules/` says.
        people: who may decide, by name, of all nations.
        area_nations: whose an area is, by the beginning of its code.
    """

    countries: tuple[str, ...] = ()
    probability: float = Settings().probability_on
    probability_boosting: float = Settings().probability_boosting
    wait_s: float = Settings().wait_s
    hurry_s: float = Settings().hurry_s
    near_m: float = Settings().near_m
    look_s: float = 1.0
    holds_s_max: float = Settings().holds_s_max
    rules: tuple[dict[str, Any], ...] = ()
    people: dict[str, Staff] = {}
    area_nations: dict[str, str] = {}

    @classmethod
    def of(cls, section: "WarningSection", people: Mapping[str, Staff], area_nations: Mapping[str, str]) -> "Watching":
        """Return what a nation's file says, with those who may decide."""
        return cls(
            countries=section.countries,
            probability=section.probability,
            probability_boosting=section.probability_boosting,
            wait_s=section.wait_s,
            hurry_s=section.hurry_s,
            near_m=section.near_km * 1_000.0,
            look_s=section.look_s,
            holds_s_max=section.holds_s_max,
            rules=section.rules,
            people=dict(people),
            area_nations=dict(area_nations),
        )


def make_watch(nation: str, watching: Watching, *, follows_boosts: bool = True, known: Known | None = None) -> Watch:
    """Return the watch that this describes.

    Args:
        nation: whose node it is.
        watching: what it watches by.
        follows_boosts: whether its trackers have a motion model of boosts.
        known: what was foreseen lately, at nodes of the same process; None remembers nothing.

    Raises:
        ValueError: if a rule does not exist or makes no sense, or a person is none.
    """
    settings = Settings(
        countries=watching.countries,
        near_m=watching.near_m,
        probability_on=watching.probability,
        probability_boosting=watching.probability_boosting,
        wait_s=watching.wait_s,
        hurry_s=watching.hurry_s,
        holds_s_max=watching.holds_s_max,
        probability_off=watching.probability * OFF_SHARE,
    )
    rules = [_rule(table) for table in watching.rules]
    people = register(
        Person(name, staff.nation, tuple(Role(role) for role in staff.roles), public_keys(staff.keys))
        for name, staff in sorted(watching.people.items())
    )
    command = Command(nation, people, _rules(), Delays(area_nations=watching.area_nations))
    warner = Warner(nation, areas(), rules=rules, settings=settings, follows_boosts=follows_boosts, known=known)
    return Watch(warner, command, period_ns=round(watching.look_s * NS_PER_S))


_rules = cache(authority.shipped)


def _rule(table: dict[str, Any]) -> Rule:
    rule: Rule = load("warning.rules", table["type"]).Rule.model_validate_json(
        msgspec.json.encode({name: value for name, value in table.items() if name != "type"}), strict=True
    )
    return rule
