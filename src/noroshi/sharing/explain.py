"""Which rule did what to one track for one nation, and what another policy would have done."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from noroshi.records import Batch, Tracks, take
from noroshi.sharing.facts import Facts, Mask, checks
from noroshi.sharing.memory import Memory
from noroshi.sharing.release import NO_RULE, Outcome, Released, Secrets, release
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


CHANGES = tuple(Change)
SAME = -1


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """What two policies do to one record for one recipient.

    Attributes:
        number: which of the records.
        now_ns: when it came.
        recipient: for whom.
        facts: the record.
        old, new: what each policy releases.
        change: (n,) index into `CHANGES` of each row's change, `SAME` if there is none.
    """

    number: int
    now_ns: int
    recipient: str
    facts: Facts
    old: Released
    new: Released
    change: NDArray[np.int8]


def compare(
    old: Policy,
    new: Policy,
    records: Iterable[tuple[int, Facts]],
    *,
    secrets: Secrets,
    recipients: Sequence[str] | None = None,
) -> Iterator[Comparison]:
    """Yield what two policies do to each record, in order of record and recipient.

    Args:
        old, new: the policies.
        records: (now_ns, record) in the order in which they came, so that what was told before counts as it did.
        secrets: of the node.
        recipients: for whom; all partners of either policy if not given.
    """
    names = sorted({*old.partners, *new.partners}) if recipients is None else recipients
    memories: list[dict[str, Memory]] = [{}, {}]
    for number, (now_ns, facts) in enumerate(records):
        both = [
            release(policy, facts, now_ns=now_ns, secrets=secrets, recipients=names, memories=memory)
            for policy, memory in zip((old, new), memories, strict=True)
        ]
        for memory, told in zip(memories, both, strict=True):
            memory.update({name: released.memory for name, released in told.items()})
        for name in names:
            one, other = both[0][name], both[1][name]
            change = _changes(facts.n, (old, new), (one, other))
            yield Comparison(
                number=number, now_ns=now_ns, recipient=name, facts=facts, old=one, new=other, change=change
            )


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
        old, new, records, secrets, recipients: as `compare` takes them.
    """
    found: list[Difference] = []
    for one in compare(old, new, records, secrets=secrets, recipients=recipients):
        for row in np.flatnonzero(one.change != SAME).tolist():
            rules = [rule_of(policy, told, row) for policy, told in ((old, one.old), (new, one.new))]
            track_id = None if one.facts.tracks is None else int(one.facts.tracks.track_id[row])
            before, after = (Outcome(int(told.outcome[row])) for told in (one.old, one.new))
            change = CHANGES[one.change[row]]
            found.append(
                Difference(one.number, row, track_id, one.recipient, change, rules[0], rules[1], before, after)
            )
    return found


def rule_of(policy: Policy, released: Released, row: int) -> str | None:
    """Return the name of the rule that decided a row, None if none did."""
    decided = int(released.decided[row])
    return None if decided == NO_RULE else policy.rules[decided].name


def _changes(n: int, policies: tuple[Policy, Policy], told: tuple[Released, Released]) -> NDArray[np.int8]:
    """Return (n,) how each row is treated differently."""
    change = np.full(n, SAME, np.int8)
    before, after = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    before[told[0].rows] = True
    after[told[1].rows] = True
    change[before & ~after] = CHANGES.index(Change.LOST)
    change[after & ~before] = CHANGES.index(Change.GAINED)
    rows, at, also = np.intersect1d(told[0].rows, told[1].rows, assume_unique=True, return_indices=True)
    if len(rows):
        alike = (told[0].due_ns[at] == told[1].due_ns[also]) & (told[0].label == told[1].label)
        if told[0].tracks is not None and told[1].tracks is not None:
            alike &= _alike(take(told[0].tracks, at), take(told[1].tracks, also))
        names = [np.array([rule.name for rule in policy.rules], np.str_) for policy in policies]
        other = names[0][told[0].decided[rows]] != names[1][told[1].decided[rows]]
        change[rows[~alike]] = CHANGES.index(Change.OTHERWISE)
        change[rows[alike & other]] = CHANGES.index(Change.SAME_BY_OTHER_RULE)
    return change


def _alike(one: Batch, other: Batch) -> Mask:
    """Return (k,) which rows say the same: every column, and of tracks the same sensors by their names."""
    alike = np.ones(len(one), np.bool_)
    for name in one.COLUMNS:
        if name == "sources":
            continue
        a, b = getattr(one, name), getattr(other, name)
        equal = (a == b) | ((a != a) & (b != b))  # NaN is what is not known, on both sides
        alike &= equal.reshape(len(alike), -1).all(axis=1)
    for name in one.NESTED:
        alike &= _alike(getattr(one, name), getattr(other, name))
    if isinstance(one, Tracks) and isinstance(other, Tracks):
        for sensor in {*one.source_names, *other.source_names}:
            alike &= _fed_by(one, sensor) == _fed_by(other, sensor)
    return alike


def _fed_by(tracks: Tracks, sensor: str) -> Mask:
    if sensor not in tracks.source_names:
        return np.zeros(len(tracks), np.bool_)
    return tracks.sources[:, tracks.source_names.index(sensor)]


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
