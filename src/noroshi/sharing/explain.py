"""Which rule did what to one track for one nation, and what another policy would have done."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from noroshi.records import Tracks, digest, take
from noroshi.sharing.facts import Facts, checks
from noroshi.sharing.memory import Memory
from noroshi.sharing.release import NO_RULE, Outcome, Released, Secrets, release, without_idle_sensors
from noroshi.sharing.rules import Policy


@dataclass(frozen=True, slots=True)
class Judged:
    """What one rule said of the row.

    Attributes:
        rule: its name.
        failed: the conditions that did not hold, of which one suffices; empty is that the rule matches.
        decides: whether it is the rule that decided.
    """

    rule: str
    failed: tuple[str, ...]
    decides: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a nation gets one row, or not, and as what.

    Attributes:
        recipient: the nation.
        outcome: what became of the row.
        rule: the rule that decided, None if none did.
        judged: every rule addressed to the nation, in order.
        actions: what the deciding rule did, by key, with its numbers.
        policy: digest of the policy.
        due_ns: from when on it may go out; None if it does not.
        before, after: the row as it is and as the nation gets it; None if it does not.
    """

    recipient: str
    outcome: Outcome
    rule: str | None
    judged: tuple[Judged, ...]
    actions: Mapping[str, Mapping[str, object]]
    policy: str
    due_ns: int | None
    before: Tracks | None
    after: Tracks | None


def explain(
    policy: Policy,
    facts: Facts,
    row: int,
    recipient: str,
    *,
    now_ns: int,
    secrets: Secrets,
    memory: Memory | None = None,
) -> Explanation:
    """Return why a recipient gets one row of a record or does not; the same function decides as on the way out."""
    one = _row(facts, row)
    told = release(
        policy,
        one,
        now_ns=now_ns,
        secrets=secrets,
        recipients=(recipient,),
        memories={} if memory is None else {recipient: memory},
    )[recipient]
    decided = int(told.decided[0])
    judged = tuple(
        Judged(policy.rules[i].name, _failed(policy, i, one, now_ns, secrets), i == decided)
        for i in policy.rules_for(recipient)
    )
    rule = None if decided == NO_RULE else policy.rules[decided]
    released = told.outcome[0] == Outcome.RELEASED
    return Explanation(
        recipient=recipient,
        outcome=Outcome(int(told.outcome[0])),
        rule=None if rule is None else rule.name,
        judged=judged,
        actions={key: action.model_dump(mode="json") for key, action in rule.actions} if rule and released else {},
        policy=policy.digest,
        due_ns=int(told.due_ns[0]) if released else None,
        before=one.tracks,
        after=told.tracks if released else None,
    )


class Change(StrEnum):
    """How two policies differ in what they do to one row for one recipient."""

    GAINED = "gained"
    LOST = "lost"
    OTHERWISE = "otherwise"  # released by both, but not as the same, or not at the same time
    SAME_BY_OTHER_RULE = "same, by another rule"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that two policies treat differently.

    Attributes:
        record: which of the records.
        row: which row of it.
        track_id: the node's own number; None if the record is not of tracks.
        recipient: for whom.
        change: how.
        old_rule, new_rule: the rules that decided, None if none did.
        old_outcome, new_outcome: what became of it.
    """

    record: int
    row: int
    track_id: int | None
    recipient: str
    change: Change
    old_rule: str | None
    new_rule: str | None
    old_outcome: Outcome
    new_outcome: Outcome


def diff(
    old: Policy,
    new: Policy,
    records: Iterable[tuple[int, Facts]],
    *,
    secrets: Secrets,
    recipients: Sequence[str] | None = None,
) -> list[Difference]:
    """Return every row that two policies treat differently, in order of record, recipient and row.

    Args:
        old, new: the policies.
        records: (now_ns, record) in the order in which they came, so that what was told before counts as it did.
        secrets: of the node.
        recipients: for whom; all partners of either policy if not given.
    """
    names = sorted({*old.partners, *new.partners}) if recipients is None else recipients
    memories: list[dict[str, Memory]] = [{}, {}]
    found: list[Difference] = []
    for number, (now_ns, facts) in enumerate(records):
        both = [
            release(policy, facts, now_ns=now_ns, secrets=secrets, recipients=names, memories=memory)
            for policy, memory in zip((old, new), memories, strict=True)
        ]
        for memory, told in zip(memories, both, strict=True):
            memory.update({name: released.memory for name, released in told.items()})
        for name in names:
            found += _differences(number, facts, name, (old, new), (both[0][name], both[1][name]))
    return found


def _differences(
    number: int, facts: Facts, recipient: str, policies: tuple[Policy, Policy], told: tuple[Released, Released]
) -> list[Difference]:
    places = [dict(zip(one.rows.tolist(), range(len(one.rows)), strict=True)) for one in told]
    found = []
    for row in range(facts.n):
        rules = [
            None if one.decided[row] == NO_RULE else policy.rules[one.decided[row]].name
            for one, policy in zip(told, policies, strict=True)
        ]
        outs = [row in place for place in places]
        if outs == [True, True]:
            same = _told_of(told[0], places[0][row]) == _told_of(told[1], places[1][row])
            change = (Change.SAME_BY_OTHER_RULE if rules[0] != rules[1] else None) if same else Change.OTHERWISE
        elif outs[0] == outs[1]:
            change = None
        else:
            change = Change.LOST if outs[0] else Change.GAINED
        if change is not None:
            track_id = None if facts.tracks is None else int(facts.tracks.track_id[row])
            before, after = (Outcome(int(one.outcome[row])) for one in told)
            found.append(Difference(number, row, track_id, recipient, change, rules[0], rules[1], before, after))
    return found


def _told_of(released: Released, at: int) -> tuple[int, str, str]:
    row = "" if released.tracks is None else digest(without_idle_sensors(take(released.tracks, np.array([at]))))
    return int(released.due_ns[at]), released.label, row


def _failed(policy: Policy, i: int, facts: Facts, now_ns: int, secrets: Secrets) -> tuple[str, ...]:
    holds = checks(policy.rules[i].when, facts, now_ns, secrets.margins)
    return tuple(name for name, mask in holds if not (mask if isinstance(mask, bool) else bool(mask[0])))


def _row(facts: Facts, row: int) -> Facts:
    rows = np.array([row])
    return replace(
        facts,
        n=1,
        tracks=None if facts.tracks is None else take(facts.tracks, rows),
        position_ecef_m=None if facts.position_ecef_m is None else facts.position_ecef_m[rows],
        time_ns=None if facts.time_ns is None else facts.time_ns[rows],
        _geodetic=[],
    )
