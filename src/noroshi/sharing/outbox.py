"""What waits for one recipient, and what of it goes next.

What is put in has been through the policy, so nothing that leaves later can be of an older, laxer view. Order: what has
to be forgotten, warnings, threats, then the newest state of each track by how wrong the recipient's picture would be
without it, and what is left of the bytes for history, oldest first. After a cut the picture is therefore there before
its past. Track rows are bounded by age, warnings stay until they are acknowledged.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.records import Kind, Tracks, TrackStatus
from noroshi.sharing.envelope import message_hash
from noroshi.sharing.label import Label
from noroshi.sharing.release import Released
from noroshi.sharing.rules import Policy, Product

TRACK_AGE_NS = 15 * 60 * NS_PER_S
NEVER_NS = np.iinfo(np.int64).max
ROWS_MAX = 200  # of one message: some 100 kB
QUEUED_MAX = 5_000_000  # rows; older history makes room, and is counted
THREATS = (Kind.BALLISTIC, Kind.BOOSTING, Kind.GLIDING)
URGENCY = {Product.TOMBSTONE: 0, Product.WARNING: 1, Product.STATUS: 2}
THREAT, STATE, HISTORY = 3, 4, 5


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows that wait; k of them, of any parcels.

    Attributes:
        parcel, row: (k,) where the content is.
        number: (k,) the track or warning that they speak of, as the recipient knows it.
        time_ns: (k,) when they hold.
        due_ns, expires_ns: (k,) from when until when they may go out.
        rule: (k,) index into the outbox's rule names.
        urgency: (k,) lower goes first.
        n_bytes: (k,) about how long each is.
        is_last: (k,) that the track has ended.
        state: (k, 6) as the recipient is told it, NaN if it is no track.
        variance: (k, 2) summed over the axes, of position and velocity.
    """

    parcel: NDArray[np.int64]
    row: NDArray[np.int64]
    number: NDArray[np.uint64]
    time_ns: NDArray[np.int64]
    due_ns: NDArray[np.int64]
    expires_ns: NDArray[np.int64]
    rule: NDArray[np.int64]
    urgency: NDArray[np.int64]
    n_bytes: NDArray[np.int64]
    is_last: NDArray[np.bool_]
    state: Floats
    variance: Floats

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.parcel)

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        """Return some of the rows."""
        return type(self)(*(getattr(self, column.name)[chosen] for column in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence["Rows"]) -> Self:
        """Return the rows of several, one after the other."""
        return cls(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(cls)))

    @classmethod
    def none(cls) -> Self:
        """Return no rows."""
        whole = np.zeros(0, np.int64)
        flags = np.zeros(0, np.bool_)
        shapes = (np.zeros((0, 6)), np.zeros((0, 2)))
        return cls(whole, whole, whole.astype(np.uint64), *(whole,) * 6, flags, *shapes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parcel:
    """One record after policy, as it waits.

    Attributes:
        parcel: rising number.
        product, label, policy: as in the envelope.
        body: all of its rows as the store keeps them; whoever seals takes the rows of a draft out of it.
        rules: names of the rules that `rows.rule` counts.
        rows: its rows; `rows.rule` is an index into `rules`.
    """

    parcel: int
    product: Product
    label: Label
    policy: str
    body: bytes
    rules: tuple[str, ...]
    rows: Rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draft:
    """What is to be sealed into one message: rows of one product, label and policy.

    Attributes:
        product, label, policy: as in the envelope.
        rows: which, in order.
        valid_from_ns, valid_to_ns: when they hold.
    """

    product: Product
    label: Label
    policy: str
    rows: Rows
    valid_from_ns: int
    valid_to_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A message that was sent and is not acknowledged.

    Attributes:
        seq: its number.
        digest: its hash.
        product: what it carries.
        rules: the rules that released what it carries; one, since drafts are of one rule.
        expires_ns: from when on it is not to be had any more.
        withdrawn: whether it is not to be had any more already.
    """

    seq: int
    digest: bytes
    product: Product
    rules: tuple[str, ...]
    expires_ns: int
    withdrawn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tightened:
    """What a change of the policy took back.

    Attributes:
        purged: rows that had not gone out, by the rule that had released them; for the audit.
        withdrawn: numbers of messages that are not to be had any more.
        tombstones: (product, number) of what the recipient was told and has to forget.
    """

    purged: Mapping[str, int]
    withdrawn: tuple[int, ...]
    tombstones: tuple[tuple[Product, int], ...]


class Store(Protocol):
    """Where an outbox survives: each call is on disk, whole or not at all, when it returns."""

    def put(self, parcel: Parcel) -> None:
        """Keep a parcel; all its rows wait."""

    def body(self, parcel: int) -> bytes:
        """Return the body of a parcel of which rows wait, or waited until `take` gave them out."""

    def seal(self, rows: Rows, sealed: Sealed, message: bytes) -> None:
        """Keep a message; its rows do not wait any more, and are what the recipient was told."""

    def drop(self, rows: Rows) -> None:
        """Let rows not wait any more: aged, or purged."""

    def withdraw(self, seqs: Sequence[int]) -> None:
        """Forget the content of messages; that there were such, and their hashes, stays."""

    def forget_told(self, told: Sequence[tuple[Product, int]]) -> None:
        """Forget that the recipient was told of these."""

    def acknowledge(self, seq: int) -> None:
        """Forget all messages up to one."""

    def message(self, seq: int) -> bytes | None:
        """Return a message, None if it is not to be had."""

    def waiting(self) -> Iterable[tuple[Parcel, Rows]]:
        """Return the parcels of which rows wait, rising, with those rows."""

    def sealed(self) -> Iterable[Sealed]:
        """Return the messages that are not acknowledged, rising."""

    def told(self) -> Iterable[tuple[Product, str, Rows]]:
        """Return what the recipient was told, each with the rule that released it, and the latest row."""


def rows_of(released: Released, policy: Policy, *, parcel: int, body: bytes, product: Product, label: Label) -> Parcel:
    """Return released tracks as a parcel.

    Args:
        released: by the policy.
        policy: which one.
        parcel: rising number.
        body: the rows as they are stored.
        product: contribution or fused.
        label: as the recipient is shown it.

    Raises:
        ValueError: if what was released is no tracks.
    """
    tracks = released.tracks
    if tracks is None:
        raise ValueError("not tracks: make a parcel of its own")
    n = len(tracks)
    end = NEVER_NS if released.expires_ns is None else released.expires_ns
    named = [policy.rules[i] for i in np.unique(released.rule).tolist()]
    ends = np.array([rule.when.ends_ns() or NEVER_NS for rule in named], np.int64)
    rule = np.searchsorted(np.unique(released.rule), released.rule)
    blocks = (np.trace(tracks.covariance_ecef[:, part, part], axis1=1, axis2=2) for part in (slice(3), slice(3, 6)))
    aged = np.minimum(np.maximum(tracks.time_ns, released.due_ns) + TRACK_AGE_NS, end)
    rows = Rows(
        parcel=np.full(n, parcel),
        row=np.arange(n),
        number=tracks.track_id,
        time_ns=tracks.time_ns,
        due_ns=released.due_ns,
        expires_ns=np.minimum(aged, ends[rule]) if n else aged,
        rule=rule,
        urgency=np.where(is_threat(tracks), THREAT, STATE),
        n_bytes=np.full(n, -(-len(body) // max(n, 1))),
        is_last=tracks.status == TrackStatus.LOST,
        state=tracks.state_ecef,
        variance=np.stack(list(blocks), axis=1),
    )
    rules = tuple(one.name for one in named)
    return Parcel(parcel=parcel, product=product, label=label, policy=policy.digest, body=body, rules=rules, rows=rows)


def notices(
    numbers: Sequence[int],
    *,
    parcel: int,
    product: Product,
    label: Label,
    policy: str,
    rule: str,
    body: bytes,
    now_ns: int,
    expires_ns: int = NEVER_NS,
) -> Parcel:
    """Return warnings, states of the node or tombstones, whole in one body, as a parcel of one row for each number.

    Args:
        numbers: the warnings or tracks that it speaks of; one 0 if it speaks of none.
        parcel, product, label, policy, body: as in `Parcel`.
        rule: name of the rule that released it; a tombstone needs none and is never purged: "".
        now_ns: when it holds and from when on it is due.
        expires_ns: until when it may go out; a warning has no age.
    """
    n = len(numbers)
    end = expires_ns if label.expires_ns is None else min(expires_ns, label.expires_ns)
    rows = Rows(
        parcel=np.full(n, parcel),
        row=np.arange(n),
        number=np.array(numbers, np.uint64),
        time_ns=np.full(n, now_ns),
        due_ns=np.full(n, now_ns),
        expires_ns=np.full(n, end),
        rule=np.zeros(n, np.int64),
        urgency=np.full(n, URGENCY[product]),
        n_bytes=np.full(n, -(-len(body) // max(n, 1))),
        is_last=np.zeros(n, np.bool_),
        state=np.full((n, 6), np.nan),
        variance=np.full((n, 2), np.nan),
    )
    return Parcel(parcel=parcel, product=product, label=label, policy=policy, body=body, rules=(rule,), rows=rows)


def is_threat(tracks: Tracks) -> NDArray[np.bool_]:
    """Return (n,) which tracks are more likely than not a missile in boost, in free flight or gliding."""
    return np.asarray(tracks.kind_probability[:, list(THREATS)].sum(axis=1) > 0.5, np.bool_)


def gain_m(rows: Rows, told: Rows, at: NDArray[np.int64], is_told: NDArray[np.bool_]) -> Floats:
    """Return (k,) how wrong the recipient's picture is without each row, as a root mean square distance.

    What was told last is carried on at its velocity. Its error is what its covariance has grown to, or its distance
    from the row where that is more; the row's own error is taken off. Infinite for what it was never told of.

    Args:
        rows: (k) that could be sent.
        told: what the recipient was told last.
        at: (k,) the index into `told`.
        is_told: (k,) whether it was told of the track at all.
    """
    gain = np.full(len(rows), np.inf)
    if is_told.any():
        known = told.take(at[is_told])
        dt_s = (rows.time_ns[is_told] - known.time_ns) / NS_PER_S
        foreseen = known.state[:, :3] + dt_s[:, None] * known.state[:, 3:]
        change = np.sum((rows.state[is_told, :3] - foreseen) ** 2, axis=1)
        own = rows.variance[is_told, 0]
        expected = known.variance[:, 0] + dt_s**2 * known.variance[:, 1]
        # the distance from a row holds that row's own error: what does not stand out of it is no turn
        gain[is_told] = np.sqrt(np.maximum(np.maximum(expected, change - own) - own, 0.0))
    return gain


class Outbox:
    """The queue of one recipient.

    Every draft that `take` gives has to be sealed and handed to `sealed` before the next is taken.

    Args:
        store: where it survives; what is there waits again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules: list[str] = []
        self._parcels: dict[int, Parcel] = {}
        self._left: Counter[int] = Counter()  # rows of each parcel that wait
        self._last_parcel = 0
        self._later: list[Rows] = []
        self._notices, self._newest = Rows.none(), Rows.none()
        self._history: deque[Rows] = deque()
        self._told: dict[Product, Rows] = {}
        self._untold: dict[Product, list[Rows]] = {}  # told, and not in the table yet
        self._sealed: dict[int, Sealed] = {}
        self.acknowledged = 0
        self.aged: Counter[str] = Counter()
        for parcel, rows in store.waiting():
            self._queue(parcel, rows)
        for product, rule, rows in store.told():
            self._untold.setdefault(product, []).append(_with_rule(rows, self._rule(rule)))
            self._last_parcel = max(self._last_parcel, int(rows.parcel.max()))
        for message in store.sealed():
            self._sealed[message.seq] = message

    def __len__(self) -> int:
        """Return how many rows wait."""
        return sum(self._left.values())

    @property
    def next_parcel(self) -> int:
        """The number for the next parcel."""
        return self._last_parcel + 1

    def put(self, parcel: Parcel, now_ns: int) -> None:
        """Let a parcel wait; it is in the store when this returns. What it makes older becomes history at once."""
        if not len(parcel.rows):
            return
        self._store.put(parcel)
        self._queue(parcel, parcel.rows)
        self._note_told()
        self._come_due(now_ns)
        while len(self) > QUEUED_MAX and self._history:
            self._drop(self._history.popleft(), "made room")

    def take(self, now_ns: int, n_bytes: int) -> list[Draft]:
        """Return what is to be sent now, at most so many bytes of it; these rows do not wait any more."""
        self._note_told()
        self._expire(now_ns)
        self._come_due(now_ns)
        chosen: list[Rows] = []
        left = n_bytes
        for pool in ("_notices", "_newest"):
            rows: Rows = getattr(self, pool)
            order = self._order(rows)
            n = int(np.searchsorted(np.cumsum(rows.n_bytes[order]), left, side="right"))
            chosen.append(rows.take(order[:n]))
            setattr(self, pool, rows.take(np.sort(order[n:])))
            left -= int(chosen[-1].n_bytes.sum())
            if n < len(order):
                return self._drafts(chosen)
        while self._history and left > 0:
            rows = self._history.popleft()
            n = int(np.searchsorted(np.cumsum(rows.n_bytes), left, side="right"))
            every = np.arange(len(rows))
            chosen.append(_with_urgency(rows.take(every[:n]), HISTORY))
            left -= int(chosen[-1].n_bytes.sum())
            if n < len(rows):
                self._history.appendleft(rows.take(every[n:]))
                break
        return self._drafts(chosen)

    def body(self, draft: Draft) -> list[tuple[bytes, NDArray[np.int64]]]:
        """Return the bodies that a draft's rows are in and which rows of each, in the draft's order of parcels."""
        return [
            (self._store.body(number), draft.rows.row[draft.rows.parcel == number])
            for number in dict.fromkeys(draft.rows.parcel.tolist())
        ]

    def sealed(self, draft: Draft, seq: int, message: bytes) -> None:
        """Note that a draft became a message. Send it after this returns and not before."""
        sealed = Sealed(
            seq=seq,
            digest=message_hash(message),
            product=draft.product,
            rules=tuple(sorted({self._rules[i] for i in draft.rows.rule.tolist()})),
            expires_ns=int(draft.rows.expires_ns.max()),
        )
        self._store.seal(draft.rows, sealed, message)
        self._sealed[seq] = sealed
        self._untold.setdefault(draft.product, []).append(draft.rows)
        self._leave(draft.rows)

    def acknowledge(self, seq: int) -> None:
        """Note that the recipient holds everything up to a message."""
        self._store.acknowledge(seq)
        self._sealed = {number: one for number, one in self._sealed.items() if number > seq}
        self.acknowledged = max(self.acknowledged, seq)

    def unacknowledged(self, product: Product) -> list[int]:
        """Return the numbers of messages of a product that the recipient has not acknowledged, rising."""
        return [seq for seq, one in self._sealed.items() if one.product is product]

    def fetch(self, first: int, last: int, now_ns: int) -> tuple[list[bytes], list[tuple[int, list[bytes]]]]:
        """Return what the recipient asks for again.

        Returns:
            The messages that are to be had, and ranges that are not: the first number, and the hashes, for
            `Sender.withdraw`. Numbers that were acknowledged before, or never given out, are in neither.
        """
        self._expire_sealed(now_ns)
        messages: list[bytes] = []
        gone: list[tuple[int, list[bytes]]] = []
        for seq, one in sorted(self._sealed.items()):
            if not first <= seq <= last:
                continue
            message = None if one.withdrawn else self._store.message(seq)
            if message is not None:
                messages.append(message)
            elif gone and gone[-1][0] + len(gone[-1][1]) == seq:
                gone[-1][1].append(one.digest)
            else:
                gone.append((seq, [one.digest]))
        return messages, gone

    def tighten(self, valid: frozenset[str]) -> Tightened:
        """Take back what was released by rules that are not valid any more (`rules.still_valid`).

        Purges what has not gone out, withdraws messages that were not acknowledged, and lists what the recipient was
        told and has to forget; put tombstones for these.
        """
        self._note_told()
        bad = np.array([name not in valid and name != "" for name in self._rules], np.bool_)
        purged: Counter[str] = Counter()
        for rows, keep in self._pools():
            hit = bad[rows.rule]
            purged.update(self._rules[i] for i in rows.rule[hit].tolist())
            self._drop(rows.take(hit), None)
            keep(rows.take(~hit))
        withdrawn = [seq for seq, one in self._sealed.items() if set(one.rules) - valid - {""} and not one.withdrawn]
        self._withdraw(withdrawn)
        tombstones: list[tuple[Product, int]] = []
        for product, told in self._told.items():
            hit = bad[told.rule]
            tombstones += [(product, number) for number in told.number[hit].tolist()]
            self._told[product] = told.take(~hit)
        self._store.forget_told(tombstones)
        return Tightened(purged=purged, withdrawn=tuple(withdrawn), tombstones=tuple(tombstones))

    def _queue(self, parcel: Parcel, rows: Rows) -> None:
        numbers = np.array([self._rule(name) for name in parcel.rules], np.int64)
        self._last_parcel = max(self._last_parcel, parcel.parcel)
        self._parcels[parcel.parcel] = replace(parcel, body=b"", rows=Rows.none())  # the store has them
        self._left[parcel.parcel] += len(rows)
        self._later.append(_with_rule(rows, numbers[rows.rule]))

    def _come_due(self, now_ns: int) -> None:
        later: list[Rows] = []
        due: list[Rows] = []
        for rows in self._later:
            is_due = rows.due_ns <= now_ns
            if not is_due.any():
                later.append(rows)
                continue
            due.append(rows.take(is_due))
            if not is_due.all():
                later.append(rows.take(~is_due))
        self._later = later
        if not due:
            return
        fresh = Rows.joined(due)
        is_notice = fresh.urgency < THREAT
        self._notices = Rows.joined([self._notices, fresh.take(is_notice)])
        states = Rows.joined([self._newest, fresh.take(~is_notice)])
        # by number, time and parcel: of equal times the later parcel is a correction
        order = np.lexsort((states.parcel, states.time_ns, states.number))
        states = states.take(order)
        is_newest = np.append(states.number[1:] != states.number[:-1], True)[: len(states)]
        is_stale = is_newest & self._is_older_than_told(states)
        self._newest = states.take(is_newest & ~is_stale)
        older = states.take(~is_newest | is_stale)
        if len(older):
            older = older.take(np.lexsort((older.number, older.time_ns)))
            nothing = np.broadcast_to(np.nan, (len(older), 6))  # history goes by its time; it may be long
            self._history.append(replace(older, state=nothing, variance=nothing[:, :2]))

    def _is_older_than_told(self, rows: Rows) -> NDArray[np.bool_]:
        told = self._tracks_told()
        at, is_told = _find(told, rows.number)
        older = np.zeros(len(rows), np.bool_)
        older[is_told] = rows.time_ns[is_told] < told.time_ns[at[is_told]]
        return older

    def _order(self, rows: Rows) -> NDArray[np.int64]:
        """Return the indices of rows in the order in which they are to go: threats never wait behind traffic."""
        told = self._tracks_told()
        at, is_told = _find(told, rows.number)
        gain = np.nan_to_num(gain_m(rows, told, at, is_told), nan=np.inf, posinf=np.inf)
        return np.lexsort((rows.number, rows.parcel, -gain, rows.urgency))

    def _tracks_told(self) -> Rows:
        """Return what was told of tracks, sorted by number."""
        tables = [self._told[kind] for kind in (Product.CONTRIBUTION, Product.FUSED) if kind in self._told]
        if len(tables) < 2:
            return tables[0] if tables else Rows.none()
        both = Rows.joined(tables)
        return both.take(np.argsort(both.number, kind="stable"))

    def _drafts(self, chosen: Sequence[Rows]) -> list[Draft]:
        """Return messages of at most `ROWS_MAX` rows, in order of urgency.

        Each is of one product, label, policy and rule, so that what is taken back takes nothing else with it.
        """
        rows = Rows.joined(chosen)
        numbers, at = np.unique(rows.parcel, return_inverse=True)
        kinds: dict[tuple[Product, Label, str], int] = {}
        parcels = [self._parcels[number] for number in numbers.tolist()]
        kind_of = [kinds.setdefault((one.product, one.label, one.policy), len(kinds)) for one in parcels]
        kind = np.array(kind_of, np.int64)[at]
        group = (rows.urgency * max(len(kinds), 1) + kind) * max(len(self._rules), 1) + rows.rule
        drafts: list[Draft] = []
        for members in (np.flatnonzero(group == one) for one in np.unique(group)):
            parcel = parcels[at[members[0]]]
            for first in range(0, len(members), ROWS_MAX):
                part = rows.take(members[first : first + ROWS_MAX])
                drafts.append(
                    Draft(
                        product=parcel.product,
                        label=parcel.label,
                        policy=parcel.policy,
                        rows=part,
                        valid_from_ns=int(part.time_ns.min()),
                        valid_to_ns=int(part.time_ns.max()),
                    )
                )
        return drafts

    def _pools(self) -> list[tuple[Rows, "_Keep"]]:
        """Return every pool of waiting rows with what puts back those that stay, and empty the pools."""
        later, history = self._later, self._history
        self._later, self._history = [], deque()
        notices, newest = self._notices, self._newest
        return [
            (notices, lambda rows: setattr(self, "_notices", rows)),
            (newest, lambda rows: setattr(self, "_newest", rows)),
            *((rows, self._later.append) for rows in later),
            *((rows, self._history.append) for rows in history),
        ]

    def _expire(self, now_ns: int) -> None:
        for rows, keep in self._pools():
            old = rows.expires_ns <= now_ns
            if not old.any():
                keep(rows)
                continue
            self._drop(rows.take(old), "too old")
            keep(rows.take(~old))
        self._expire_sealed(now_ns)
        for product, told in self._told.items():
            recent = (told.time_ns > now_ns - TRACK_AGE_NS) | (product not in (Product.CONTRIBUTION, Product.FUSED))
            if not recent.all():
                self._store.forget_told([(product, number) for number in told.number[~recent].tolist()])
                self._told[product] = told.take(recent)

    def _expire_sealed(self, now_ns: int) -> None:
        self._withdraw([seq for seq, one in self._sealed.items() if one.expires_ns <= now_ns and not one.withdrawn])

    def _withdraw(self, seqs: Sequence[int]) -> None:
        if not seqs:
            return
        self._store.withdraw(seqs)
        for seq in seqs:
            one = self._sealed[seq]
            self._sealed[seq] = Sealed(
                seq=seq,
                digest=one.digest,
                product=one.product,
                rules=(),
                expires_ns=one.expires_ns,
                withdrawn=True,
            )

    def _note_told(self) -> None:
        """Bring the table of what was told up to date; once for many messages."""
        for product, parts in self._untold.items():
            if product in (Product.STATUS, Product.TOMBSTONE):
                continue
            both = Rows.joined([self._told.get(product, Rows.none()), *parts])
            both = both.take(np.lexsort((both.parcel, both.time_ns, both.number)))
            is_newest = np.append(both.number[1:] != both.number[:-1], True)[: len(both)]
            self._told[product] = both.take(is_newest & ~both.is_last)
        self._untold = {}

    def _drop(self, rows: Rows, why: str | None) -> None:
        if len(rows):
            self._store.drop(rows)
            self._leave(rows)
            if why is not None:
                self.aged[why] += len(rows)

    def _leave(self, rows: Rows) -> None:
        parcels, counts = np.unique(rows.parcel, return_counts=True)
        for number, count in zip(parcels.tolist(), counts.tolist(), strict=True):
            self._left[number] -= count
            if not self._left[number]:
                del self._left[number], self._parcels[number]

    def _rule(self, name: str) -> int:
        if name not in self._rules:
            self._rules.append(name)
        return self._rules.index(name)


class _Keep(Protocol):
    def __call__(self, rows: Rows, /) -> None: ...


def _find(told: Rows, numbers: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    if not len(told):
        return np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.bool_)
    at = np.minimum(np.searchsorted(told.number, numbers), len(told) - 1)
    return at, told.number[at] == numbers


def _with_rule(rows: Rows, rule: NDArray[np.int64] | int) -> Rows:
    return replace(rows, rule=np.broadcast_to(rule, len(rows)).astype(np.int64))


def _with_urgency(rows: Rows, urgency: int) -> Rows:
    return replace(rows, urgency=np.full(len(rows), urgency))
