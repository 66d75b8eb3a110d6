"""An alert as what is to be decided, and back; what an approver may change of it; which of them a plan covers."""

import math
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np

from noroshi.command.rows import What, digest_of
from noroshi.command.standing import StandingPlan, within
from noroshi.command.transitions import Action
from noroshi.records import STAGES, Alert, Stage
from noroshi.records.alert import ALERT, CANCEL, HAZARDS, UPDATE

FLASH, IMMEDIATE = "flash", "immediate"


class Amendment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an approver changes of an alert: areas can be left out, its end moved.

    Attributes:
        areas: codes of those that stay; at least one.
        expires_ns: when it ends by itself.
    """

    areas: tuple[str, ...]
    expires_ns: int


def what_of(alert: Alert) -> What:
    """Return an alert as a matter to be decided; `alert_in` gives it back to the last bit."""
    detail: dict[str, Any] = {}
    for field in fields(alert):
        value = getattr(alert, field.name)
        if isinstance(value, np.ndarray):
            value = [None if isinstance(one, float) and math.isnan(one) else one for one in value.tolist()]
        detail[field.name] = value
    return What(
        action=Action.ALERT,
        asset=alert.sender,
        areas=tuple(alert.code.tolist()),
        priority=FLASH if alert.hazard == "missile" else IMMEDIATE,
        until_ns=alert.expires_ns,
        detail=detail,
    )


def alert_in(what: What) -> Alert:
    """Return the alert that a matter is about.

    Raises:
        ValueError: if it is about none.
    """
    try:
        columns: dict[str, Any] = {}
        for name, (kind, _) in Alert.COLUMNS.items():
            told = what.detail[name]
            columns[name] = np.array([math.nan if one is None else one for one in told], dtype=kind)
        plain = {field.name: what.detail[field.name] for field in fields(Alert) if field.name not in columns}
        references = tuple(str(one) for one in plain.pop("references"))
        alert = Alert(**plain, references=references, **columns)
        agree = (
            set(what.detail) == {field.name for field in fields(Alert)}
            and all(type(plain[field.name]) is field.type for field in fields(Alert) if field.name in plain)
            and len({len(column) for column in columns.values()}) == 1
            and tuple(alert.code.tolist()) == what.areas
            and alert.expires_ns == what.until_ns
            and alert.sender == what.asset
            and alert.hazard in HAZARDS
            and alert.message in (ALERT, UPDATE, CANCEL)
            and 0 <= alert.stage < len(STAGES)
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"not an alert: {error}") from error
    if not agree:
        raise ValueError("an alert that does not agree with what is to be decided")
    return alert


def amended(what: What, change: Amendment) -> What:
    """Return what an alert becomes by an approver's change.

    Raises:
        ValueError: if nothing of it stays, or an area is named that the alert did not have: nothing is known of it.
    """
    alert = alert_in(what)
    stays = np.isin(alert.code, change.areas)
    if not change.areas or stays.sum() != len(set(change.areas)):
        raise ValueError("an amendment keeps at least one area, and none that was not proposed")
    if change.expires_ns <= alert.sent_ns:
        raise ValueError("an amended alert ends after it was proposed")
    columns = {name: getattr(alert, name)[stays] for name in Alert.COLUMNS}
    return what_of(alert.replace(**columns, expires_ns=change.expires_ns))


def is_amended(before: What, after: What) -> bool:
    """Return whether the second is what a change by `amended` makes of the first."""
    try:
        change = Amendment(areas=after.areas, expires_ns=after.until_ns)
        return digest_of(amended(before, change)) == digest_of(after)
    except ValueError:
        return False


def covers(plan: StandingPlan, alert: Alert, posture: str, now_ns: int) -> bool:
    """Return whether a plan that is approved covers an alert in a nation's posture now."""
    if not plan.from_ns <= now_ns < plan.until_ns or posture not in plan.postures:
        return False
    if alert.hazard not in plan.hazards or alert.message not in plan.messages:
        return False
    if not within(alert.code.tolist(), plan.areas) or not len(alert):
        return False
    if alert.message == CANCEL:
        return True
    least, stage = STAGES.index(plan.stage_min), alert.stage
    last = Stage.ENTERED if least >= Stage.ENTERING else Stage.WILL_LAND
    return least <= stage <= last and bool((alert.probability >= plan.probability_min).all())
