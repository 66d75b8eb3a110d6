"""Tasks of sensors: what one asks for, and whether a standing plan covers it."""

from typing import Any

import msgspec

from noroshi.command.matters import Matter
from noroshi.command.rows import What
from noroshi.command.standing import StandingLooks, within
from noroshi.command.transitions import Action


class Look(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One look that is asked for.

    Attributes:
        sensor: whose.
        time_ns: when it begins, Unix UTC nanoseconds.
        x_m, y_m, z_m: where to, ECEF.
        track: number of the track that it is for.
    """

    sensor: str
    time_ns: int
    x_m: int
    y_m: int
    z_m: int
    track: str


def looks_in(what: What) -> list[Look]:
    """Return the looks that a matter asks for; none if it asks for none, or for something else.

    Raises:
        msgspec.ValidationError: if they are not said as looks are.
    """
    asked: Any = what.detail.get("looks", []) if what.action == Action.SENSOR_TASK else []
    return msgspec.convert(asked, list[Look])


def covers_looks(plan: StandingLooks, matter: Matter, posture: str, now_ns: int) -> bool:
    """Return whether a standing plan covers a task of sensors, now and in this posture."""
    try:
        asked = looks_in(matter.what)
    except msgspec.ValidationError:
        return False
    return (
        0 < len(asked) <= plan.looks_max
        and matter.founder in plan.by
        and posture in plan.postures
        and plan.from_ns <= now_ns < plan.until_ns
        and max(look.time_ns for look in asked) < plan.until_ns
        and within([look.sensor for look in asked], plan.sensors)
    )


def is_by_plans(matter: Matter) -> bool:
    """Return whether standing plans alone have approved a matter."""
    return bool(matter.approvals) and not matter.lacks and all(one.plan for one in matter.approvals.values())
