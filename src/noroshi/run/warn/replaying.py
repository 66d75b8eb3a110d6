"""An event flown and seen, and what the nation's node said of it when."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from noroshi.assessment.exercises.warned import true_way
from noroshi.exercise.events import Event, flights_of_event
from noroshi.exercise.keyed import Draws
from noroshi.exercise.last_mile import reached
from noroshi.geo.time import NS_PER_S
from noroshi.records import STAGES, Alert, Threats
from noroshi.records.alert import CANCEL
from noroshi.run.areas import areas
from noroshi.run.exercises.running import Plan, Progress, Told, run
from noroshi.run.warn.stands import scenario_of
from noroshi.warning.exposure import exposed

NATION, COUNTRY = "JPN", "JP-"
PICTURE_S, PUMP_S = 1.0, 0.25
NEAR_M = 50e3
HEARS_S = 900
"""Of the last mile: who has not heard by then does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """When what was said, in seconds after lift-off; None is never.

    Attributes:
        noticed_s: something that rises is noticed; no place is claimed.
        proposed_s: areas are proposed to be warned.
        approved_s: people are told: the first alert is approved.
        cleared_s: people are told that it is over.
    """

    noticed_s: float | None
    proposed_s: float | None
    approved_s: float | None
    cleared_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replayed:
    """What came of one replay.

    Attributes:
        stand: through which set of sensors.
        clocks: when what was said.
        proposals_s: when each proposal came to who approves it, seconds after lift-off.
        proposed: codes of the areas that were first proposed.
        told: codes of all areas whose people were told.
        told_s: when the people of each were first told, seconds after lift-off.
        people_told: how many live there.
        people_needless: those of them in areas that the threat truly came near to nowhere.
        lead_s: for each area that the threat truly came near to, by code: how long before that its people were told;
            negative is too late, None never.
        people_near: who live within 50 km of the true way over ground.
        people_near_told: those of them who were told.
        over_s: when the people of each area that was told were told that it is over for them, seconds after lift-off;
            by a cancel, or an update that leaves it out.
        people_heard: of the people told those who heard of it, by the model of the last mile (`exercise.last_mile`).
        heard_s: when a tenth, half and nine tenths of these had, seconds after lift-off; empty if nobody was told.
        heard_share: for each area of `lead_s` which share of its people had heard when the threat was there.
        messages: identifiers and kinds of all alerts that went out, in order.
        stages: of the threat in the order in which it was in them, with when.
    """

    stand: str
    clocks: Clocks
    proposals_s: tuple[float, ...]
    proposed: tuple[str, ...]
    told: tuple[str, ...]
    told_s: dict[str, float]
    people_told: float
    people_needless: float
    lead_s: dict[str, float | None]
    people_near: float
    people_near_told: float
    over_s: dict[str, float]
    people_heard: float
    heard_s: tuple[float, ...]
    heard_share: dict[str, float]
    messages: tuple[tuple[str, str, float], ...]
    stages: tuple[tuple[str, float], ...]


def replay(
    event: Event,
    stand: str,
    *,
    seed: int = 0,
    replicate: int = 0,
    until_s: float | None = None,
    progress: Progress = lambda _: None,
) -> Replayed:
    """Fly an event past a set of sensors and return what the nation's node said.

    Args:
        event: one that can be flown.
        stand: a name of `stands.STANDS`.
        seed: of all random draws.
        replicate: which draw of what nobody published.
        until_s: how long after the scenario's beginning it is followed; to its end if None.
        progress: told how far it is, in seconds.

    Raises:
        ValueError: if the event cannot be flown, or there is no such set of sensors.
    """
    with tempfile.TemporaryDirectory(prefix="noroshi-warn-") as name:
        folder = Path(name)
        scenario = scenario_of(event, stand, folder, seed=seed, replicate=replicate)
        out = folder / "journals"
        out.mkdir()
        plan = Plan(
            scenario=str(scenario), folder=out, replicate=replicate, picture_s=PICTURE_S, pump_s=PUMP_S, until_s=until_s
        )
        ran = run(plan, progress=progress)
    return judged(event, stand, [each for each in ran.told if each[0] == NATION], seed, replicate)


def judged(event: Event, stand: str, told: Sequence[Told], seed: int, replicate: int) -> Replayed:
    """Return what was said of an event beside how it truly flew."""

    def after_s(now_ns: int) -> float:
        return (now_ns - event.launch_ns) / NS_PER_S

    notices = [after_s(now_ns) for _, now_ns, channel, one in told if channel in ("launch", "threats") and len(one)]
    proposals = _alerts(told, "proposal", event)
    alerts = _alerts(told, "alert", event)
    first = proposals[0] if proposals else None
    told_s: dict[str, float] = {}
    over_s: dict[str, float] = {}
    cleared_s = None
    for at_s, alert in alerts:
        in_force = [] if alert.message == CANCEL else [str(code) for code in alert.code.tolist()]
        for code in in_force:
            told_s.setdefault(code, at_s)
            over_s.pop(code, None)
        for code in set(told_s) - set(in_force) - set(over_s):
            over_s[code] = at_s
        if alert.message == CANCEL:
            cleared_s = at_s
    flight = flights_of_event(event, seed, replicate)[0]
    true = true_way(flight.time_ns, flight.state_ecef, comes_down=True)
    where = areas()
    near = exposed(true, where, NEAR_M, cell_times=True)
    is_told = np.isin(where.code, list(told_s))[where.cell_area]
    ours = np.array([code.startswith(COUNTRY) for code in where.code.tolist()])
    is_near = (near.cells.probability > 0.0) & ours[where.cell_area]
    arrival_ns = {
        str(where.code[row]): int(near.areas.arrival_ns[row])
        for row in np.flatnonzero((near.areas.probability > 0.0) & ours).tolist()
    }
    draws = Draws(seed, replicate, "last mile")
    people_heard, heard_s = _heard(event, told_s, draws)
    return Replayed(
        stand=stand,
        clocks=Clocks(
            noticed_s=min(notices, default=None),
            proposed_s=None if first is None else first[0],
            approved_s=min(told_s.values(), default=None),
            cleared_s=cleared_s,
        ),
        proposals_s=tuple(at_s for at_s, _ in proposals),
        proposed=() if first is None else tuple(str(code) for code in first[1].code.tolist()),
        told=tuple(sorted(told_s)),
        told_s=told_s,
        people_told=float(where.people[np.isin(where.code, list(told_s))].sum()),
        people_needless=float(where.people[np.isin(where.code, sorted(set(told_s) - set(arrival_ns)))].sum()),
        lead_s={
            code: None if code not in told_s else after_s(at_ns) - told_s[code] for code, at_ns in arrival_ns.items()
        },
        people_near=float(where.cell_people[is_near].sum()),
        people_near_told=float(where.cell_people[is_near & is_told].sum()),
        over_s=dict(sorted(over_s.items())),
        people_heard=people_heard,
        heard_s=heard_s,
        heard_share={
            code: _heard_share(event, code, told_s.get(code), at_ns, draws) for code, at_ns in arrival_ns.items()
        },
        messages=tuple((each.identifier, each.message, at_s) for at_s, each in alerts),
        stages=_stages(told, event),
    )


def _ns(event: Event, after_s: float) -> int:
    return event.launch_ns + round(after_s * NS_PER_S)


def _heard(event: Event, told_s: dict[str, float], draws: Draws) -> tuple[float, tuple[float, ...]]:
    """Return how many people heard of what was told, and when a tenth, half and nine tenths of these had."""
    if not told_s:
        return 0.0, ()
    first_s, last_s = min(told_s.values()), max(told_s.values())
    after_s = first_s + np.arange(round(last_s - first_s) + HEARS_S, dtype=np.float64)
    times_ns = np.array([_ns(event, each) for each in after_s.tolist()])
    codes = sorted(told_s)
    people = reached(areas(), codes, [_ns(event, told_s[code]) for code in codes], times_ns, draws).people
    marks = np.searchsorted(people, people[-1] * np.array([0.1, 0.5, 0.9]))
    return float(people[-1]), tuple(after_s[marks].tolist())


def _heard_share(event: Event, code: str, told_s: float | None, arrival_ns: int, draws: Draws) -> float:
    """Return which share of an area's people had heard when the threat was there."""
    if told_s is None:
        return 0.0
    found = reached(areas(), [code], [_ns(event, told_s)], np.array([arrival_ns]), draws)
    return float(found.people[0] / found.warned)


def _alerts(told: Sequence[Told], channel: str, event: Event) -> list[tuple[float, Alert]]:
    """Return the alerts of a channel, each with when it was given out, seconds after lift-off."""
    return [
        ((now_ns - event.launch_ns) / NS_PER_S, record)
        for _, now_ns, of, record in told
        if of == channel and isinstance(record, Alert)
    ]


def _stages(told: Sequence[Told], event: Event) -> tuple[tuple[str, float], ...]:
    """Return the stages of the threat that people were told of, or of the first one, and when each began."""
    looks = [(now_ns, record) for _, now_ns, _, record in told if isinstance(record, Threats)]
    alerts = [alert for _, alert in _alerts(told, "alert", event) or _alerts(told, "proposal", event)]
    numbers = [number for _, record in looks for number in record.threat_id.tolist()]
    if not numbers:
        return ()
    number = alerts[0].threat_id if alerts else numbers[0]
    found: list[tuple[str, float]] = []
    for now_ns, record in looks:
        for stage in record.stage[record.threat_id == np.uint64(number)].tolist():
            if not found or found[-1][0] != STAGES[stage]:
                found.append((STAGES[stage], (now_ns - event.launch_ns) / NS_PER_S))
    return tuple(found)
