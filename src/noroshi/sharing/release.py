"""The one function between the national picture and every way out of it.

A pure function of the policy, the record with its label, what each recipient was told before, and the time. The outbox
goes through it, and so does whoever looks as a recipient: HTTP, history, replay, export, logs, metrics.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from noroshi.records import Tracks, TrackStatus, joined_by_sensor, take
from noroshi.sharing.actions import Means
from noroshi.sharing.coarsen import Coarsener
from noroshi.sharing.facts import Facts, Margins, Mask, checks, of_unknown_sensor
from noroshi.sharing.label import encode, for_recipient
from noroshi.sharing.memory import Memory, spaced
from noroshi.sharing.numbers import Numbers
from noroshi.sharing.rules import Policy, Rule

NO_RULE = -1


class Outcome(IntEnum):
    """What became of one row for one recipient."""

    RELEASED = 0
    DROPPED = 1  # by a rule that says so
    LIMITED = 2  # a rule would release it, but not so often
    NO_RULE_MATCHES = 3
    LABEL = 4  # there is none, or it does not permit the recipient, or not any more
    NO_PARTNER = 5
    SENSOR_TYPE_UNKNOWN = 6  # rules on sensor types cannot judge it
    UNFIT = 7  # the rule's actions cannot be done to this type of record


class Secrets:
    """What a node's releases hang on that nobody else may know. It remembers what it worked out; answers never change.

    Args:
        secret: at least 16 bytes, kept for as long as tracks are to stay coarse: who has it can undo the coarsening.
    """

    def __init__(self, secret: bytes) -> None:
        self.coarsener, self.margins = Coarsener(secret), Margins(secret)
        self._secret, self._numbers = secret, dict[str, Numbers]()

    def numbers(self, release_class: str) -> Numbers:
        """Return the track numbers that a release class sees."""
        if release_class not in self._numbers:
            self._numbers[release_class] = Numbers(self._secret, release_class)
        return self._numbers[release_class]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Released:
    """What one recipient gets of one record, and why; the second part never leaves the node.

    Attributes:
        recipient: who.
        policy: digest of the policy.
        label: the text of the label as the recipient is shown it.
        rows: (k,) which rows of the record go out, rising.
        due_ns: (k,) from when on.
        expires_ns: until when what was released may go out, None for ever: the label's end.
        rule: (k,) index of the rule that released each.
        tracks: (k) the rows as the recipient is to see them, if they are tracks.
        outcome: (n,) an `Outcome` of every row of the record.
        decided: (n,) index of the rule that decided each row, `NO_RULE` if none did.
        memory: what to hand in for this recipient next time.
    """

    recipient: str
    policy: str
    label: str
    rows: NDArray[np.int64]
    due_ns: NDArray[np.int64]
    expires_ns: int | None
    rule: NDArray[np.int16]
    tracks: Tracks | None
    outcome: NDArray[np.uint8]
    decided: NDArray[np.int16]
    memory: Memory


def release(
    policy: Policy,
    facts: Facts,
    *,
    now_ns: int,
    secrets: Secrets,
    recipients: Sequence[str],
    memories: Mapping[str, Memory] | None = None,
) -> dict[str, Released]:
    """Return what each recipient gets of one record.

    Args:
        policy: the rules.
        facts: the record and what is known of it.
        now_ns: Unix UTC nanoseconds.
        secrets: of the node.
        recipients: nation codes; one that is no partner gets nothing.
        memories: what each recipient was told before; none is nothing.
    """
    masks: dict[int, Mask | None] = {}
    unknown: list[Mask] = []
    means = Means(secrets.coarsener, facts.sensor_types)
    found = {}
    for recipient in recipients:
        memory = (memories or {}).get(recipient, Memory.empty())
        outcome = np.full(facts.n, Outcome.NO_RULE_MATCHES, np.uint8)
        decided = np.full(facts.n, NO_RULE, np.int16)
        indices = policy.rules_for(recipient)
        if recipient not in policy.partners:
            outcome[:] = Outcome.NO_PARTNER
        elif facts.label is None or facts.label.originator != policy.nation:
            outcome[:] = Outcome.LABEL  # what is another's is not for these rules to release
        elif not facts.label.permits(recipient, now_ns):
            outcome[:] = Outcome.LABEL
        else:
            open_ = np.ones(facts.n, np.bool_)
            if policy.judges_types(recipient):
                unknown = unknown or [of_unknown_sensor(facts)]
                outcome[unknown[0]] = Outcome.SENSOR_TYPE_UNKNOWN
                open_ &= ~unknown[0]
            for i in indices:
                if i not in masks:
                    masks[i] = _matches(policy.rules[i], facts, now_ns, secrets.margins)
                mask = masks[i]
                if mask is None:
                    continue
                hit = mask & open_
                decided[hit] = i
                outcome[hit] = Outcome.RELEASED if policy.rules[i].passes else Outcome.DROPPED
                open_ &= ~mask
                if not open_.any():
                    break
        found[recipient] = _carry_out(policy, facts, recipient, outcome, decided, memory, means, secrets, now_ns)
    return found


def _matches(rule: Rule, facts: Facts, now_ns: int, margins: Margins) -> Mask | None:
    """Return (n,) which rows a rule is for, None for none."""
    mask: Mask | None = None
    for _, holds in checks(rule.when, facts, now_ns, margins):
        if isinstance(holds, np.ndarray):
            mask = holds if mask is None else mask & holds
        elif not holds:
            return None
    return np.ones(facts.n, np.bool_) if mask is None else mask


def _carry_out(
    policy: Policy,
    facts: Facts,
    recipient: str,
    outcome: NDArray[np.uint8],
    decided: NDArray[np.int16],
    memory: Memory,
    means: Means,
    secrets: Secrets,
    now_ns: int,
) -> Released:
    tracks = facts.tracks
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64], Tracks | None]] = []
    for i in np.unique(decided[outcome == Outcome.RELEASED]).tolist():
        rule = policy.rules[i]
        rows = np.flatnonzero((decided == i) & (outcome == Outcome.RELEASED))
        if tracks is None and any(action.NEEDS_TRACKS for _, action in rule.actions):
            outcome[rows] = Outcome.UNFIT
            continue
        if tracks is not None:
            rows = _choose(rule, tracks, rows, memory, outcome)
        time_ns = np.full(len(rows), now_ns) if facts.time_ns is None else facts.time_ns[rows]
        due_ns = np.full(len(rows), now_ns)
        for _, action in rule.actions:
            due_ns = action.due(time_ns, due_ns)
        shown = None if tracks is None else _shown(rule, tracks, rows, means)
        parts.append((rows, due_ns, shown))
    rows = np.concatenate([part[0] for part in parts]) if parts else np.zeros(0, np.int64)
    due_ns = np.concatenate([part[1] for part in parts]) if parts else np.zeros(0, np.int64)
    order = np.argsort(rows, kind="stable") if len(parts) > 1 else slice(None)
    label = None if facts.label is None or not len(rows) else for_recipient(facts.label, recipient)
    told = None
    if tracks is not None:
        memory = memory.with_told(tracks.track_id[rows], tracks.time_ns[rows])
        told = _joined(tracks, [part[2] for part in parts if part[2] is not None], order)
        numbers = secrets.numbers(policy.partners[recipient]).of(told.track_id) if len(told) else told.track_id
        told = without_idle_sensors(told.replace(track_id=numbers, label=encode(label)))
    return Released(
        recipient=recipient,
        policy=policy.digest,
        label=encode(label),
        rows=rows[order],
        due_ns=due_ns[order],
        expires_ns=None if label is None else label.expires_ns,
        rule=decided[rows[order]],
        tracks=told,
        outcome=outcome,
        decided=decided,
        memory=memory,
    )


def _choose(
    rule: Rule, tracks: Tracks, rows: NDArray[np.int64], memory: Memory, outcome: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Return the rows that a rule's actions tell of; a track that ended and was never told of is not told of."""
    is_last = tracks.status[rows] == TrackStatus.LOST
    track_id, time_ns = tracks.track_id[rows], tracks.time_ns[rows]
    chosen = np.ones(len(rows), np.bool_)
    told_ns = memory.told(track_id)
    if is_last.any():
        chosen = spaced(track_id, time_ns, is_last, told_ns, 1, on_grid=False) | ~is_last
    for _, action in rule.actions:
        found = action.choose(track_id, time_ns, is_last, told_ns)
        if found is not None:
            chosen &= found
    outcome[rows[~chosen]] = Outcome.LIMITED
    return rows[chosen]


def _shown(rule: Rule, tracks: Tracks, rows: NDArray[np.int64], means: Means) -> Tracks:
    shown = take(tracks, rows)
    for _, action in rule.actions:
        shown = action.change(shown, means)
    return shown


def _joined(tracks: Tracks, parts: Sequence[Tracks], order: NDArray[np.int64] | slice) -> Tracks:
    """Return the parts in the order of the record's rows; parts may speak of different sensors."""
    if not parts:
        return replace(take(tracks, np.zeros(0, np.int64)), source_names=(), sources=np.zeros((0, 0), np.bool_))
    joined = joined_by_sensor(parts)
    return take(joined, order) if isinstance(order, np.ndarray) else joined


def without_idle_sensors(tracks: Tracks) -> Tracks:
    """Return the rows without the names of sensors that fed none of them: that these exist is nobody's business."""
    fed = np.asarray(tracks.sources.any(axis=0), np.bool_)
    if fed.all():
        return tracks
    names = tuple(name for name, used in zip(tracks.source_names, fed, strict=True) if used)
    return tracks.replace(source_names=names, sources=tracks.sources[:, fed])
