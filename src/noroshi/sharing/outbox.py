"""What waits for one recipient, and what of it goes next.

What is put in has been through the policy, so nothing that leaves later can be of an older, laxer view. Order: what has
to be forgotten, warnings, threats, then the newest state of each track by how wrong the recipient's picture would be
without it, and what is left of the bytes for history, oldest first. After a cut the picture is therefore there before
its past. Track rows are bounded by age, warnings stay until they are acknowledged.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.sharing.envelope import message_hash
from noroshi.sharing.label import Label
from noroshi.sharing.parcels import HISTORY, THREAT, TRACK_AGE_NS, Draft, Parcel, Rows, Sealed, Store, Tightened
from noroshi.sharing.rules import Product

ROWS_MAX = 500  # of one message: some 250 kB
QUEUED_MAX = 5_000_000  # rows; older history makes room, and is counted


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

    Attributes:
        policy: digest of the policy that all that is in it agrees with; "" if none was noted.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules: list[str] = []
        self._parcels: dict[int, Parcel] = {}
        self._left: Counter[int] = Counter()  # rows of each parcel that wait
        self._size: dict[int, int] = {}  # all rows of each parcel that was put, and not found in the store
        self._last_parcel = store.last_parcel()
        self.policy = store.policy()
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
        for message in store.sealed():
            self._sealed[message.seq] = message

    def __len__(self) -> int:
        """Return how many rows wait."""
        return sum(self._left.values())

    @property
    def last(self) -> tuple[int, bytes]:
        """The number and hash of the last message, with which a `Sender` goes on after a restart."""
        return self._store.last()

    @property
    def next_parcel(self) -> int:
        """The number for the next parcel."""
        return self._last_parcel + 1

    def put(self, parcel: Parcel, now_ns: int) -> None:
        """Let a parcel wait; it is in the store when this returns. What it makes older becomes history at once."""
        if not len(parcel.rows):
            return
        self._store.put(parcel)
        self._size[parcel.parcel] = len(parcel.rows)
        self._queue(parcel, parcel.rows)
        self._note_told()
        self._come_due(now_ns)
        while len(self) > QUEUED_MAX and self._history:
            self._drop(self._history.popleft(), "made room")

    def take(self, now_ns: int, n_bytes: int, *, history: bool = True) -> list[Draft]:
        """Return what is to be sent now, at most so many bytes of it; these rows do not wait any more.

        Args:
            now_ns: the time.
            n_bytes: how many.
            history: whether what is not the newest of its track may go.
        """
        if not self._left:
            self._expire_sealed(now_ns)
            return []
        self._note_told()
        self._expire(now_ns)
        self._come_due(now_ns)
        chosen: list[Rows] = []
        left = n_bytes
        for pool in ("_notices", "_newest"):
            rows: Rows = getattr(self, pool)
            if not len(rows):
                continue
            order = self._order(rows)
            n = int(np.searchsorted(np.cumsum(rows.n_bytes[order]), left, side="right"))
            chosen.append(rows.take(order[:n]))
            setattr(self, pool, rows.take(np.sort(order[n:])))
            left -= int(chosen[-1].n_bytes.sum())
            if n < len(order):
                return self._drafts(chosen)
        while history and self._history and left > 0:
            rows = self._history.popleft()
            n = int(np.searchsorted(np.cumsum(rows.n_bytes), left, side="right"))
            every = np.arange(len(rows))
            chosen.append(_with_urgency(rows.take(every[:n]), HISTORY))
            left -= int(chosen[-1].n_bytes.sum())
            if n < len(rows):
                self._history.appendleft(rows.take(every[n:]))
                break
        return self._drafts(chosen)

    def body(self, draft: Draft) -> list[tuple[bytes, NDArray[np.int64] | None]]:
        """Return the bodies that a draft's rows are in, rising by parcel, and which rows of each; None is all."""
        found: list[tuple[bytes, NDArray[np.int64] | None]] = []
        for number in np.unique(draft.rows.parcel).tolist():
            rows = draft.rows.row[draft.rows.parcel == number]
            found.append((self._store.body(number), None if len(rows) == self._size.get(number) else rows))
        return found

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

    def digest(self, seq: int) -> bytes | None:
        """Return the hash of a message that was sealed and is not acknowledged; None for any other."""
        return self._sealed[seq].digest if seq in self._sealed else None

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

    def note_policy(self, digest: str) -> None:
        """Note that all that is in it agrees with a policy: what did not was taken back (`tighten`)."""
        if digest != self.policy:
            self._store.note_policy(digest)
            self.policy = digest

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
        gain = gain_m(rows, told, at, is_told)
        gain[np.isnan(gain)] = np.inf
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
                some = members[first : first + ROWS_MAX]  # what is worth most; in itself as it lies in its parcels
                part = rows.take(some[np.lexsort((rows.row[some], rows.parcel[some]))])
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
                self._store.forget_told([(product, number) for rows in parts for number in rows.number.tolist()])
                continue
            both = Rows.joined([self._told.get(product, Rows.none()), *parts])
            both = both.take(np.lexsort((both.parcel, both.time_ns, both.number)))
            is_newest = np.append(both.number[1:] != both.number[:-1], True)[: len(both)]
            self._told[product] = both.take(is_newest & ~both.is_last)
            if ended := both.number[is_newest & both.is_last].tolist():
                self._store.forget_told([(product, number) for number in ended])
        self._untold = {}

    def _drop(self, rows: Rows, why: str | None) -> None:
        if len(rows):
            self._store.drop(rows)
            self._leave(rows)
            if why is not None:
                self.aged[why] += len(rows)

    def _leave(self, rows: Rows) -> None:
        for number, count in Counter(rows.parcel.tolist()).items():
            self._left[number] -= count
            if not self._left[number]:
                del self._left[number], self._parcels[number]
                self._size.pop(number, None)

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
