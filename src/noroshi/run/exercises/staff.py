"""Who decides in an exercise, with what keys, and how long each takes."""

from collections.abc import Collection

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from noroshi.command.transitions import Role
from noroshi.exercise.keyed import Draws
from noroshi.exercise.staff import Player
from noroshi.exercise.staff import Staff as Scripted
from noroshi.run.scenarios import Scenario
from noroshi.run.sharing import own_of_exercise, public_hex
from noroshi.run.watching import Staff

ROLES = (Role.WATCH_OFFICER, Role.SENSOR_MANAGER, Role.APPROVER)


def staff_of(scenario: Scenario) -> dict[str, Staff]:
    """Return who decides in an exercise, by name: of each nation that warns its people one for each role."""
    return {
        name: Staff(nation.code, (str(role),), public_hex(key_of_staff(scenario, name)))
        for nation in scenario.nations
        if nation.warning is not None
        for role in _roles(scenario, nation.code)
        for name in [staff_name(role, nation.code)]
    }


def scripted(scenario: Scenario, replicate: int, *, without: Collection[Role] = ()) -> Scripted:
    """Return the people of a scenario as players.

    Args:
        scenario: what is played.
        replicate: which repetition: people are as quick or slow as it draws them.
        without: roles that real people play.
    """
    return Scripted([
        player(scenario, replicate, nation.code, role)
        for nation in scenario.nations
        if nation.warning is not None
        for role in _roles(scenario, nation.code)
        if role not in without
    ])  # fmt: skip


def player(scenario: Scenario, replicate: int, nation: str, role: Role) -> Player:
    """Return the person of a nation who has a role, scripted or not."""
    warning = next(each.warning for each in scenario.nations if each.code == nation)
    assert warning is not None
    name = staff_name(role, nation)
    return Player(
        name=name,
        nation=nation,
        role=role,
        key=key_of_staff(scenario, name),
        delay=warning.approval_s if role is Role.APPROVER else warning.step_s,
        draws=Draws(scenario.seed, replicate, f"{role}|{nation}|{scenario.name}"),  # other scenarios, other haste
    )


def _roles(scenario: Scenario, nation: str) -> tuple[Role, ...]:
    has_relief = scenario.relief is not None and scenario.relief.nation == nation
    return (*ROLES, Role.RELIEF_COORDINATOR) if has_relief else ROLES


def staff_name(role: Role, nation: str) -> str:
    """Return the name of the person of a nation who has a role in an exercise."""
    return f"{role}@{nation}"


def key_of_staff(scenario: Scenario, name: str) -> Ed25519PrivateKey:
    """Return the key that a person of an exercise signs with: anybody who has the scenario has it."""
    return own_of_exercise(scenario.name, scenario.seed, name).key


def area_nations(scenario: Scenario) -> dict[str, str]:
    """Return whose areas are whose, by the beginning of their codes."""
    warned = [nation for nation in scenario.nations if nation.warning is not None]
    return {country: nation.code for nation in warned if nation.warning for country in nation.warning.countries}
