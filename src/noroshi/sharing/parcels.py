"""What waits in an outbox and what goes out of it: rows, parcels, drafts, and the store that they survive in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.records import MISSILES, Tracks, TrackStatus
from noroshi.sharing.label import Label
from noroshi.sharing.release import Released
from noroshi.sharing.rules import Policy, Product

TRACK_AGE_NS = 15 * 60 * NS_PER_S
NEVER_NS = np.iinfo(np.int64).max
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
        at = chosen
        if chosen.dtype == np.bool_:
            at = np.flatnonzero(chosen)
            if len(at) == len(self):
                return self
        return type(self)(*[getattr(self, name).take(at, axis=0) for name in NAMES])

    @classmethod
    def joined(cls, parts: Sequence["Rows"]) -> Self:
        """Return the rows of several, one after the other."""
        parts = [part for part in parts if len(part)]
        if len(parts) == 1 and isinstance(parts[0], cls):
            return parts[0]
        return (
            cls(*[np.concatenate([getattr(part, name) for part in parts]) for name in NAMES]) if parts else cls.none()
        )

    @classmethod
    def none(cls) -> Self:
        """Return no rows."""
        whole = np.zeros(0, np.int64)
        flags = np.zeros(0, np.bool_)
        shapes = (np.zeros((0, 6)), np.zeros((0, 2)))
        return cls(whole, whole, whole.astype(np.uint64), *(whole,) * 6, flags, *shapes)


NAMES = tuple(column.name for column in fields(Rows))


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
        """Return the parcels of which rows wait, rising, with those rows; bodies may be left out."""

    def sealed(self) -> Iterable[Sealed]:
        """Return the messages that are not acknowledged, rising."""

    def last(self) -> tuple[int, bytes]:
        """Return the number and the hash of the last message, acknowledged or not; 0 and `envelope.FIRST` if none."""

    def last_parcel(self) -> int:
        """Return the highest number of a parcel that was ever put, 0 if none was."""

    def policy(self) -> str:
        """Return the digest of the policy that all that is kept agrees with, "" if none was noted."""

    def note_policy(self, digest: str) -> None:
        """Note that all that is kept agrees with a policy: what did not was taken back."""

    def told(self) -> Iterable[tuple[Product, str, Rows]]:
        """Return what the recipient was told: products and rules that released it, each with the latest rows."""


class State(Protocol):
    """Small values by name that a node keeps beside its outboxes; each call is on disk, whole or not at all."""

    def put(self, key: str, value: bytes | None) -> None:
        """Keep a value; None forgets it."""

    def put_all(self, values: Mapping[str, bytes | None]) -> None:
        """Keep values, all of them or none; None forgets."""

    def get(self, key: str) -> bytes | None:
        """Return a value, None if there is none."""


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
    return np.asarray(tracks.kind_probability[:, list(MISSILES)].sum(axis=1) > 0.5, np.bool_)
