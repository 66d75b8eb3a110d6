"""Proof of what was released to whom: a chained record that only grows, signed checkpoints, receipts signed by both.

An entry carries the hash of the entry before it, so nothing can be altered or taken out of the middle; a signed
checkpoint says how far the record had come, so its end cannot be cut off by anybody without the key, nor by its holder
once a partner has a pledge of it, which says no more than that there is one; a receipt, signed by the recipient and
again by the owner, names the message up to which a feed arrived whole, so that a release that a partner acknowledged
cannot be missing from the record. Counts of what was withheld are in the record and never leave the node: that there is
something is information.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
import numpy as np
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from noroshi.sharing.envelope import Digest, Number, TimeNs
from noroshi.sharing.release import NO_RULE, Outcome, Released
from noroshi.sharing.rules import Policy

FIRST = hashlib.sha256(b"noroshi first audit entry").digest()
CHECKPOINT_DOMAIN = b"noroshi audit checkpoint 1\n"
PLEDGE_DOMAIN = b"noroshi audit pledge 1\n"
RECEIPT_DOMAIN = b"noroshi receipt 1\n"
COUNTERSIGN_DOMAIN = b"noroshi receipt counter-signed 1\n"
Signature = Annotated[bytes, msgspec.Meta(max_length=64)]
RELEASE = "release"  # the kind of entry that names a message


class Entry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One entry.

    Attributes:
        seq: 1 for the first, then one more each.
        previous: SHA-256 of the entry before, `FIRST` for the first.
        time_ns: when.
        kind: what happened: "release", "withheld", "break-glass", "policy", "override", "receipt" …
        content: of msgpack's own types.
    """

    seq: int
    previous: bytes
    time_ns: int
    kind: str
    content: dict[str, Any]


class Checkpoint(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """How far an audit record had come."""

    owner: str
    seq: int
    head: bytes
    time_ns: int
    signature: bytes = b""


class Pledge(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """That there is a checkpoint, for partners to hold: how many entries there are is not their business.

    Attributes:
        owner: whose record it is.
        time_ns: when.
        digest: SHA-256 of the signed checkpoint.
        signature: the owner's.
    """

    owner: str
    time_ns: int
    digest: bytes
    signature: bytes = b""


class Receipt(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """That a recipient holds every message of a feed up to one.

    Attributes:
        owner, recipient, feed: which feed.
        seq: the highest number up to which nothing is missing.
        chain: SHA-256 of that message.
        time_ns: when.
        recipient_signature, owner_signature: b"" until given.
    """

    owner: str
    recipient: str
    feed: str
    seq: Number
    chain: Digest
    time_ns: TimeNs
    recipient_signature: Signature = b""
    owner_signature: Signature = b""


_ENCODER = msgspec.msgpack.Encoder()
_ENTRY = msgspec.msgpack.Decoder(Entry)


@dataclass(slots=True, kw_only=True)
class Audit:
    """The end of an audit record, to which entries are added; `run/` keeps the bytes.

    Attributes:
        owner: whose record it is.
        seq: number of the last entry.
        head: its hash.
    """

    owner: str
    seq: int = 0
    head: bytes = FIRST

    def append(self, kind: str, content: Mapping[str, Any], *, time_ns: int) -> bytes:
        """Return the next entry's bytes, to be stored as they are."""
        entry = _ENCODER.encode(Entry(self.seq + 1, self.head, time_ns, kind, dict(content)))
        self.seq, self.head = self.seq + 1, hashlib.sha256(entry).digest()
        return entry

    def checkpoint(self, key: Ed25519PrivateKey, *, time_ns: int) -> Checkpoint:
        """Return a signed statement of how far the record has come; for partners make a `pledge` of it."""
        unsigned = Checkpoint(self.owner, self.seq, self.head, time_ns)
        return msgspec.structs.replace(unsigned, signature=key.sign(CHECKPOINT_DOMAIN + _ENCODER.encode(unsigned)))


def pledge(point: Checkpoint, key: Ed25519PrivateKey) -> Pledge:
    """Return what binds the owner to a checkpoint; give it to partners at regular times to keep."""
    unsigned = Pledge(point.owner, point.time_ns, hashlib.sha256(_ENCODER.encode(point)).digest())
    return msgspec.structs.replace(unsigned, signature=key.sign(PLEDGE_DOMAIN + _ENCODER.encode(unsigned)))


def released_content(
    released: Released, policy: Policy, *, feed: str, first: int, hashes: Sequence[bytes]
) -> dict[str, Any]:
    """Return the content of a `RELEASE` entry: which messages carried it, and how many rows each rule released."""
    return {
        "recipient": released.recipient,
        "feed": feed,
        "first": first,
        "hashes": list(hashes),
        "policy": released.policy,
        "rules": _counts(policy, released.rule),
    }


def withheld_content(released: Released, policy: Policy) -> dict[str, Any]:
    """Return the content of a "withheld" entry: how many rows stayed, by reason and rule; for the node alone."""
    kept = released.outcome != Outcome.RELEASED
    reasons, counts = np.unique(released.outcome[kept], return_counts=True)
    return {
        "recipient": released.recipient,
        "policy": released.policy,
        "reasons": {Outcome(int(r)).name.lower(): int(c) for r, c in zip(reasons, counts, strict=True)},
        "rules": _counts(policy, released.decided[kept & (released.decided != NO_RULE)]),
    }


def receipt(
    key: Ed25519PrivateKey, *, owner: str, recipient: str, feed: str, seq: int, chain: bytes, time_ns: int
) -> Receipt:
    """Return the recipient's receipt; `seq` and `chain` are the receiver's `contiguous` and `chain`."""
    unsigned = Receipt(owner, recipient, feed, seq, chain, time_ns)
    return msgspec.structs.replace(unsigned, recipient_signature=key.sign(RECEIPT_DOMAIN + _ENCODER.encode(unsigned)))


def countersign(given: Receipt, key: Ed25519PrivateKey, recipient_key: Ed25519PublicKey, *, chain: bytes) -> Receipt:
    """Return the receipt with the owner's signature too, so that both can prove what was delivered.

    Args:
        given: the recipient's.
        key: the owner's.
        recipient_key: the recipient's public key, as it came by another way.
        chain: the hash of the owner's own message of that number.

    Raises:
        ValueError: if it is not the recipient's, or of another message than the owner sent.
    """
    if not is_signed(given, recipient_key):
        raise ValueError(f"a receipt in the name of {given.recipient} that it did not sign")
    if given.chain != chain:
        raise ValueError(f"a receipt of another message {given.seq} of {given.feed} than was sent to {given.recipient}")
    return msgspec.structs.replace(given, owner_signature=key.sign(COUNTERSIGN_DOMAIN + _ENCODER.encode(given)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit record proves.

    Attributes:
        faults: what is wrong with it, each in one line; none is that it is whole.
        entries: how many entries follow from each other.
        proved: for each (recipient, feed), up to which message the record holds what the recipient acknowledged.
        anchored: up to which entry signed checkpoints vouch for it; what is after that could have been cut off.
    """

    faults: tuple[str, ...]
    entries: int
    proved: Mapping[tuple[str, str], int]
    anchored: int


def verify(
    entries: Iterable[bytes],
    *,
    owner: str,
    keys: Sequence[Ed25519PublicKey],
    checkpoints: Sequence[Checkpoint] = (),
    receipts: Sequence[Receipt] = (),
    pledges: Sequence[Pledge] = (),
    recipient_keys: Mapping[str, Sequence[Ed25519PublicKey]] | None = None,
) -> Verdict:
    """Return whether an audit record is whole, and what it proves.

    Args:
        entries: the stored bytes, in order; read once, and only what others vouch for is kept in memory. Releases of a
            feed are in the order of its messages.
        owner: whose record it is.
        keys: the owner's public signing keys, all that it had meanwhile.
        checkpoints: those stored with it.
        receipts: counter-signed, from either side.
        pledges: that others kept.
        recipient_keys: the recipients' public signing keys by nation.
    """
    faults: list[str] = []
    heads = {point.seq: b"" for point in checkpoints} | {0: FIRST}  # of the entries that somebody vouches for
    sent = {(given.recipient, given.feed): _Sent() for given in receipts}
    for given in receipts:
        sent[given.recipient, given.feed].hashes[given.seq] = b""
    last, head = 0, FIRST
    for position, data in enumerate(entries, 1):
        try:
            entry = _ENTRY.decode(data)
        except (msgspec.DecodeError, ValueError):
            faults.append(f"entry at position {position} is no entry: altered or cut off")
            break
        if entry.seq != last + 1:
            faults.append(f"entry {last + 1} is missing: the next one is {entry.seq}")
            break
        if entry.previous != head:
            faults.append(f"entry {last} was altered: entry {entry.seq} follows another one")
            break
        last, head = entry.seq, hashlib.sha256(data).digest()
        if last in heads:
            heads[last] = head
        if entry.kind == RELEASE:
            try:
                content = entry.content
                if feed := sent.get((content["recipient"], content["feed"])):
                    feed.add(content["first"], content["hashes"])
            except (KeyError, TypeError):
                faults.append(f"entry {last} is no entry of a release")
    anchored = 0
    for point in sorted(checkpoints, key=lambda point: (point.seq, point.time_ns)):
        where = f"checkpoint at entry {point.seq}"
        unsigned = msgspec.structs.replace(point, signature=b"")
        if point.owner != owner or not _signs(keys, point.signature, CHECKPOINT_DOMAIN + _ENCODER.encode(unsigned)):
            faults.append(f"{where} is not signed by {owner}")
        elif point.seq > last:
            faults.append(f"{where}: the record ends at {last}: its end was cut off")
        elif heads[point.seq] != point.head:
            faults.append(f"{where}: the record had another entry {point.seq} when it was signed")
        else:
            anchored = max(anchored, point.seq)
    known = {hashlib.sha256(_ENCODER.encode(point)).digest() for point in checkpoints}
    for held in pledges:
        where = f"pledge of {_utc(held.time_ns)}"
        unsigned_pledge = msgspec.structs.replace(held, signature=b"")
        if held.owner != owner or not _signs(keys, held.signature, PLEDGE_DOMAIN + _ENCODER.encode(unsigned_pledge)):
            faults.append(f"{where} is not signed by {owner}")
        elif held.digest not in known:
            faults.append(
                f"{where}: the checkpoint that it is of is not there: the record was written anew, or cut off"
            )
    proved: dict[tuple[str, str], int] = {}
    for given in receipts:
        fault = _receipt_fault(given, owner, keys, recipient_keys or {}, sent)
        if fault:
            faults.append(fault)
        else:
            feed_of = (given.recipient, given.feed)
            proved[feed_of] = max(proved.get(feed_of, 0), given.seq)
    return Verdict(tuple(faults), last, proved, anchored)


def _receipt_fault(
    given: Receipt,
    owner: str,
    keys: Sequence[Ed25519PublicKey],
    recipient_keys: Mapping[str, Sequence[Ed25519PublicKey]],
    sent: "Mapping[tuple[str, str], _Sent]",
) -> str | None:
    where = f"receipt of {given.recipient} for {given.feed} up to {given.seq}"
    if given.owner != owner or given.recipient not in recipient_keys:
        return f"{where}: no key of {given.recipient}, or not of {owner}'s feed"
    if not any(is_signed(given, key) for key in recipient_keys[given.recipient]):
        return f"{where} is not signed by {given.recipient}"
    countersigned = msgspec.structs.replace(given, owner_signature=b"")
    if not _signs(keys, given.owner_signature, COUNTERSIGN_DOMAIN + _ENCODER.encode(countersigned)):
        return f"{where} is not counter-signed by {owner}"
    feed = sent[given.recipient, given.feed]
    if feed.contiguous < given.seq:
        return f"{where}: the record has no release of message {feed.contiguous + 1}"
    if given.seq and feed.hashes[given.seq] != given.chain:
        return f"{where}: the record has another message {given.seq}"
    return None


@dataclass(slots=True)
class _Sent:
    """What a record says was sent of one feed: up to which message, and the hashes of those that receipts name."""

    contiguous: int = 0
    hashes: dict[int, bytes] = field(default_factory=dict)

    def add(self, first: int, hashes: Sequence[bytes]) -> None:
        if first != self.contiguous + 1:
            return
        for seq, digest in enumerate(hashes, first):
            self.contiguous = seq
            if seq in self.hashes:
                self.hashes[seq] = digest


def is_signed(given: Receipt, recipient_key: Ed25519PublicKey) -> bool:
    """Return whether a receipt is the recipient's own."""
    unsigned = msgspec.structs.replace(given, recipient_signature=b"", owner_signature=b"")
    return _signs([recipient_key], given.recipient_signature, RECEIPT_DOMAIN + _ENCODER.encode(unsigned))


def is_pledged(given: Pledge, keys: Sequence[Ed25519PublicKey]) -> bool:
    """Return whether a pledge is signed with one of its owner's keys."""
    unsigned = msgspec.structs.replace(given, signature=b"")
    return _signs(keys, given.signature, PLEDGE_DOMAIN + _ENCODER.encode(unsigned))


def _signs(keys: Sequence[Ed25519PublicKey], signature: bytes, content: bytes) -> bool:
    for key in keys:
        with suppress(InvalidSignature):
            key.verify(signature, content)
            return True
    return False


def _utc(time_ns: int) -> str:
    return f"{np.datetime_as_string(np.datetime64(time_ns, 'ns'), unit='s')}Z"


def _counts(policy: Policy, decided: np.ndarray[Any, np.dtype[np.int16]]) -> dict[str, int]:
    rules, counts = np.unique(decided, return_counts=True)
    return {policy.rules[int(i)].name: int(count) for i, count in zip(rules, counts, strict=True)}
