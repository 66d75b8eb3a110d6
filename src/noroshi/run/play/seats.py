"""Who plays what: people by token, and scripted people where nobody sits."""

import secrets
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

import msgspec

from noroshi.command.transitions import Role
from noroshi.exercise.staff import Player, Staff
from noroshi.run.exercises.staff import ROLES, player, staff_name
from noroshi.run.scenarios import Scenario
from noroshi.run.web.users import OPERATOR, VIEWER, User

CONTROL = Role.EXERCISE_CONTROL
NAME_MAX = 60
TOKEN_MIN = 8
PLAYED = (*ROLES, Role.OBSERVER, CONTROL)


class SeatError(ValueError):
    """A file of people that makes no sense. One line for a person."""


class _Person(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: str
    token: str
    nation: str
    role: str


class _File(msgspec.Struct, forbid_unknown_fields=True):
    people: list[_Person]


def seats_of(scenario: Scenario) -> dict[str, User]:
    """Return one person for each part of a scenario, exercise control last, by tokens that are made now."""
    told = [
        _Person(name=staff_name(role, nation.code), token=secrets.token_urlsafe(12), nation=nation.code, role=role)
        for nation in scenario.nations
        if nation.warning is not None
        for role in ROLES
    ]
    control = _Person(name=str(CONTROL), token=secrets.token_urlsafe(12), nation=scenario.nations[0].code, role=CONTROL)
    return _users([*told, control], scenario)


def read_seats(path: Path, scenario: Scenario) -> dict[str, User]:
    """Return people by token, from a file of `[[people]]` with `name`, `token`, `nation` and `role`.

    Raises:
        SeatError: if it is none.
    """
    try:
        file = msgspec.convert(tomllib.loads(path.read_text("utf-8-sig")), _File)
        return _users(file.people, scenario)
    except OSError as error:
        raise SeatError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeError, SeatError) as error:
        raise SeatError(f"{path}: {error}") from error


def _users(told: Iterable[_Person], scenario: Scenario) -> dict[str, User]:
    found: dict[str, User] = {}
    codes = [nation.code for nation in scenario.nations]
    own = {name: (role, code) for code in codes for role in ROLES for name in [staff_name(role, code)]}
    for one in told:
        if one.role not in PLAYED:
            raise SeatError(f"'{one.name}': role '{one.role}' is none of {', '.join(PLAYED)}")
        if one.nation not in codes:
            raise SeatError(f"'{one.name}': nation '{one.nation}' is none of {', '.join(codes)}")
        if len(one.token) < TOKEN_MIN or one.token in found:
            raise SeatError(f"'{one.name}': a token has {TOKEN_MIN} characters at least, and is one person's alone")
        if not one.name.strip() or not one.name.isprintable() or len(one.name) > NAME_MAX:
            raise SeatError(f"a person's name has 1 to {NAME_MAX} letters")
        if one.name in {user.name for user in found.values()} or own.get(one.name) not in (
            None,
            (one.role, one.nation),
        ):
            raise SeatError(f"'{one.name}' is somebody else's name too")
        found[one.token] = User(
            name=one.name,
            role=OPERATOR if one.role == Role.APPROVER else VIEWER,
            nation=one.nation,
            view_as=tuple(code for code in codes if code != one.nation) if one.role == CONTROL else (),
            duty=one.role,
        )
    if not any(user.duty == CONTROL for user in found.values()):
        raise SeatError(f"somebody has the role '{CONTROL}': who starts, pauses and ends it")
    return found


class Seated(Staff):
    """Scripted people who are silent where a person sits.

    Args:
        players: all, by whom each part is played if by nobody else.
    """

    def __init__(self, players: Collection[Player]) -> None:
        super().__init__(players)
        self.pages: Counter[tuple[str, str]] = Counter()

    def is_taken(self, nation: str, role: str) -> bool:
        """Return whether a person sits there."""
        return self.pages[nation, role] > 0

    def _of(self, nation: str) -> list[Player]:
        return [one for one in super()._of(nation) if not self.is_taken(nation, one.role)]


def seated(scenario: Scenario, pages: "Counter[tuple[str, str]]") -> Seated:
    """Return the scripted people of a scenario, silent where pages are open."""
    found = Seated(
        [
            player(scenario, 0, nation.code, role)
            for nation in scenario.nations
            if nation.warning is not None
            for role in ROLES
        ]
    )
    found.pages = pages
    return found
