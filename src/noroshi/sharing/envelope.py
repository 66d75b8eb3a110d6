"""What travels between two nodes: signed, numbered, chained messages, and a receiver that trusts nothing else.

A message is msgpack `[signed part, signature]`. The signed part names owner, recipient, feed and number, and carries
the hash of the message before it. Messages are numbered when they are sent and not when they are queued, so what is
purged before it went out leaves no gap.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from noroshi.geo.time import NS_PER_S
from noroshi.sharing.label import Label
from noroshi.sharing.rules import Product

VERSION = 1
DOMAIN = b"noroshi envelope 1\n"  # so that a signature made for something else is none here
WITHDRAWN_DOMAIN = b"noroshi withdrawn 1\n"
FIRST = hashlib.sha256(b"noroshi first message").digest()
BYTES_MAX = 8 << 20
GAPS_MAX = 1_000
CLOCK_NS = NS_PER_S // 2
FUSIBLE = frozenset({Product.CONTRIBUTION})  # a fused track that entered fusion would count its evidence twice


class Envelope(msgspec.Struct, frozen=True, array_like=True, kw_only=True, forbid_unknown_fields=True):
    """The signed part of a message.

    Attributes:
        version: of this layout.
        owner, recipient: nation codes.
        feed: which of the owner's feeds to the recipient.
        seq: 1 for the first message, then one more each.
        previous: SHA-256 of the message before, `FIRST` for the first.
        exercise: which exercise it belongs to; None is real.
        valid_from_ns, valid_to_ns: when its content holds.
        released_ns: when it was sealed.
        label: release label as the recipient is shown it.
        policy: digest of the policy that released it.
        product: what it is to the recipient.
        body: the content as the recipient's `formats` read it.
    """

    version: int = VERSION
    owner: str
    recipient: str
    feed: str
    seq: int
    previous: bytes
    exercise: str | None
    valid_from_ns: int
    valid_to_ns: int
    released_ns: int
    label: Label
    policy: str
    product: Product
    body: bytes


class _Withdrawn(msgspec.Struct, frozen=True, array_like=True, kw_only=True, forbid_unknown_fields=True):
    version: int = VERSION
    owner: str
    recipient: str
    feed: str
    first: int
    hashes: tuple[bytes, ...]
    released_ns: int


class _Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    highest: int
    gaps: list[tuple[int, int]]
    hashes: dict[int, bytes]
    wanted: dict[int, bytes]


_ENCODER = msgspec.msgpack.Encoder()
_PLACE = msgspec.msgpack.Decoder(_Place)
_PAIR = msgspec.msgpack.Decoder(tuple[bytes, bytes])
_SIGNED = msgspec.msgpack.Decoder(Envelope)
_GONE = msgspec.msgpack.Decoder(_Withdrawn)


def message_hash(message: bytes) -> bytes:
    """Return the SHA-256 of a whole message, signature included."""
    return hashlib.sha256(message).digest()


@dataclass(slots=True, kw_only=True)
class Sender:
    """One feed to one recipient.

    `seq` and `previous` are what has to be kept: store the message, then send it, and a node that was killed goes on
    where it was.

    Attributes:
        key: the node's signing key.
        owner, recipient, feed, exercise: as in `Envelope`.
        seq: number of the last message sealed.
        previous: its hash.
    """

    key: Ed25519PrivateKey
    owner: str
    recipient: str
    feed: str
    exercise: str | None
    seq: int = 0
    previous: bytes = FIRST

    def seal(
        self,
        body: bytes,
        *,
        product: Product,
        label: Label,
        policy: str,
        valid_from_ns: int,
        valid_to_ns: int,
        now_ns: int,
    ) -> bytes:
        """Return the next message.

        Raises:
            ValueError: if its label does not permit the recipient now, or it is larger than receivers take.
        """
        if not label.permits(self.recipient, now_ns):
            raise ValueError(f"the label does not permit {self.recipient}")
        signed = _ENCODER.encode(
            Envelope(
                owner=self.owner,
                recipient=self.recipient,
                feed=self.feed,
                seq=self.seq + 1,
                previous=self.previous,
                exercise=self.exercise,
                valid_from_ns=valid_from_ns,
                valid_to_ns=valid_to_ns,
                released_ns=now_ns,
                label=label,
                policy=policy,
                product=product,
                body=body,
            )
        )
        message = _ENCODER.encode((signed, self.key.sign(DOMAIN + signed)))
        if len(message) > BYTES_MAX:
            raise ValueError(f"a message of {len(message)} bytes; receivers take {BYTES_MAX}")
        self.seq, self.previous = self.seq + 1, message_hash(message)
        return message

    def withdraw(self, first: int, hashes: Sequence[bytes], now_ns: int) -> bytes:
        """Return the notice that messages `first`, `first + 1` … are not to be had any more, with their hashes.

        It closes the recipient's gap without telling what was in them; the chain stays whole.
        """
        signed = _ENCODER.encode(
            _Withdrawn(
                owner=self.owner,
                recipient=self.recipient,
                feed=self.feed,
                first=first,
                hashes=tuple(hashes),
                released_ns=now_ns,
            )
        )
        return _ENCODER.encode((signed, self.key.sign(WITHDRAWN_DOMAIN + signed)))


class Refusal(StrEnum):
    """Why a message was refused; each is counted and is an alarm."""

    TOO_LARGE = "larger than any message"
    MALFORMED = "truncated or no message"
    VERSION = "of another version"
    WRONG_OWNER = "in another nation's name"
    WRONG_RECIPIENT = "addressed to somebody else"
    WRONG_FEED = "of another feed"
    ALTERED = "altered, or signed with another key"
    WRONG_EXERCISE = "of another exercise, or of none"
    NOT_RELEASED = "its own label does not permit the recipient"
    NOT_THE_OWNERS = "its label is another originator's"
    REPLAYED = "received before"
    FORKED = "another message of the same number was received before"
    BROKEN_CHAIN = "does not follow the message before it"
    TOO_MANY_GAPS = "would leave more gaps than are kept"


@dataclass(frozen=True, slots=True)
class Received:
    """What became of one message.

    Attributes:
        refusal: why it was refused; None is accepted.
        envelope: what it says, if it was accepted and is not a notice of withdrawal.
        missing: the ranges (first, last) of numbers still missing, to be asked for; of bounded number.
        filled: whether it filled a gap: its content is older than what came before it.
        clock_offset_ns: receipt less release, of which at least the travel time is the link's; None if refused.
        clock_alarm: whether the sender's clock is ahead of this one by more than half a second.
    """

    refusal: Refusal | None
    envelope: Envelope | None = None
    missing: tuple[tuple[int, int], ...] = ()
    filled: bool = False
    clock_offset_ns: int | None = None
    clock_alarm: bool = False


@dataclass(slots=True, kw_only=True)
class Receiver:
    """The other end of one feed.

    A message with a number that is too high is taken, and what is missing is told; messages that fill a gap are taken
    when they come, in any order. Everything else out of order is refused.

    Attributes:
        keys: the owner's public signing keys, which came by another way; several while it changes its key.
        owner, recipient, feed, exercise: as in `Envelope`; what does not agree is refused.
        highest: the highest number taken.
        gaps: ranges (first, last) below it that are missing, rising.
        hashes: of the messages at the edges of gaps, and of the latest ones, by number.
        wanted: what the message before the one of this number has to hash to, at the upper edges of gaps.
        alarms: how many messages were refused, by reason.
    """

    keys: tuple[Ed25519PublicKey, ...]
    owner: str
    recipient: str
    feed: str
    exercise: str | None
    highest: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    hashes: dict[int, bytes] = field(default_factory=lambda: {0: FIRST})
    wanted: dict[int, bytes] = field(default_factory=dict)
    alarms: Counter[Refusal] = field(default_factory=Counter)

    @property
    def contiguous(self) -> int:
        """The number up to which nothing is missing."""
        return self.gaps[0][0] - 1 if self.gaps else self.highest

    @property
    def chain(self) -> bytes:
        """The hash of the message `contiguous`, for a receipt."""
        return self.hashes[self.contiguous]

    def receive(self, message: bytes, now_ns: int) -> Received:
        """Take a message or refuse it; nothing of a refused one is kept."""
        refusal, envelope, gone = self._read(message)
        if refusal is None and envelope is not None:
            refusal, filled = self._place(envelope.seq, message_hash(message), envelope.previous)
            if refusal is None:
                offset_ns = now_ns - envelope.released_ns
                return Received(None, envelope, tuple(self.gaps), filled, offset_ns, offset_ns < -CLOCK_NS)
        if refusal is None and gone is not None:
            refusal = self._close(gone)
            if refusal is None:
                return Received(None, None, tuple(self.gaps), True)
        assert refusal is not None
        self.alarms[refusal] += 1
        return Received(refusal, missing=tuple(self.gaps))

    def adopt(self, seq: int, chain: bytes) -> None:
        """Take as received everything up to a message that this recipient once signed a receipt for.

        For a recipient that lost its memory: the owner has forgotten what was acknowledged and shows the receipt.

        Args:
            seq, chain: as the receipt says; its signatures are for the caller to check.
        """
        if seq <= self.contiguous:
            return
        self.gaps = [(max(first, seq + 1), last) for first, last in self.gaps if last > seq]
        self.wanted = {at: digest for at, digest in self.wanted.items() if at > seq}
        self.highest, self.hashes[seq] = max(self.highest, seq), chain

    def checkpoint(self) -> bytes:
        """Return what has to be kept, with what was received, so that nothing takes effect twice after a restart."""
        return _ENCODER.encode(_Place(self.highest, self.gaps, self.hashes, self.wanted))

    def resume(self, checkpoint: bytes) -> None:
        """Go on where a receiver of the same feed was.

        Raises:
            ValueError: if this is no checkpoint.
        """
        try:
            place = _PLACE.decode(checkpoint)
        except msgspec.DecodeError as error:
            raise ValueError(f"not a receiver's checkpoint: {error}") from error
        self.highest, self.gaps, self.hashes, self.wanted = place.highest, place.gaps, place.hashes, place.wanted

    def _read(self, message: bytes) -> tuple[Refusal | None, Envelope | None, _Withdrawn | None]:
        if len(message) > BYTES_MAX:
            return Refusal.TOO_LARGE, None, None
        read: Envelope | _Withdrawn
        try:
            signed, signature = _PAIR.decode(message)
            try:
                read = _SIGNED.decode(signed)
            except msgspec.DecodeError:
                read = _GONE.decode(signed)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return Refusal.MALFORMED, None, None
        for wrong, refusal in (
            (read.version != VERSION, Refusal.VERSION),
            (read.owner != self.owner, Refusal.WRONG_OWNER),
            (read.recipient != self.recipient, Refusal.WRONG_RECIPIENT),
            (read.feed != self.feed, Refusal.WRONG_FEED),
        ):
            if wrong:
                return refusal, None, None
        domain = DOMAIN if isinstance(read, Envelope) else WITHDRAWN_DOMAIN
        if not any(_signs(key, signature, domain + signed) for key in self.keys):
            return Refusal.ALTERED, None, None
        # a second encoding of the same content would have another hash: only the canonical one is a message
        if _ENCODER.encode((_ENCODER.encode(read), signature)) != message:
            return Refusal.MALFORMED, None, None
        if isinstance(read, _Withdrawn):
            return None, None, read
        if read.exercise != self.exercise:
            return Refusal.WRONG_EXERCISE, None, None
        if read.label.originator != self.owner:
            return Refusal.NOT_THE_OWNERS, None, None
        if not read.label.permits(self.recipient, read.released_ns):
            return Refusal.NOT_RELEASED, None, None
        return None, read, None

    def _place(self, seq: int, digest: bytes, previous: bytes) -> tuple[Refusal | None, bool]:
        if seq > self.highest:
            jumps = seq > self.highest + 1
            if not jumps and previous != self.hashes[self.highest]:
                return Refusal.BROKEN_CHAIN, False
            if jumps and len(self.gaps) >= GAPS_MAX:
                return Refusal.TOO_MANY_GAPS, False
            if jumps:
                self.gaps.append((self.highest + 1, seq - 1))
                self.wanted[seq - 1] = previous
            self.highest, self.hashes[seq] = seq, digest
            self._forget()
            return None, False
        at = next((i for i, (first, last) in enumerate(self.gaps) if first <= seq <= last), None)
        if at is None:
            known = self.hashes.get(seq)
            return (Refusal.REPLAYED if known is None or known == digest else Refusal.FORKED), False
        first, last = self.gaps[at]
        if seq == first and previous != self.hashes[seq - 1]:
            return Refusal.BROKEN_CHAIN, False
        if seq in self.wanted and digest != self.wanted[seq]:
            return Refusal.BROKEN_CHAIN, False
        if first < seq < last and len(self.gaps) >= GAPS_MAX:
            return Refusal.TOO_MANY_GAPS, False
        self.gaps[at : at + 1] = [part for part in ((first, seq - 1), (seq + 1, last)) if part[0] <= part[1]]
        self.hashes[seq] = digest
        self.wanted.pop(seq, None)
        if seq > first:
            self.wanted[seq - 1] = previous
        self._forget()
        return None, True

    def _close(self, gone: _Withdrawn) -> Refusal | None:
        """Take hashes in place of messages that are not to be had any more; all of the notice or nothing."""
        kept = (self.highest, list(self.gaps), dict(self.hashes), dict(self.wanted))
        for seq, digest in enumerate(gone.hashes, gone.first):
            if not any(first <= seq <= last for first, last in self.gaps):
                continue  # it arrived after all
            before = self.hashes.get(seq - 1)
            if before is None:
                refusal: Refusal | None = Refusal.TOO_MANY_GAPS  # a notice closes a gap from its lower end
            else:
                refusal, _ = self._place(seq, digest, before)
            if refusal is not None:
                self.highest, self.gaps, self.hashes, self.wanted = kept
                return refusal
        return None

    def _forget(self) -> None:
        """Keep the hashes that later messages have to agree with, and those of the latest messages."""
        if len(self.hashes) <= 2 * GAPS_MAX + 2:
            return
        edges = {first - 1 for first, _ in self.gaps} | {self.highest}
        recent = self.highest - GAPS_MAX // 2
        self.hashes = {seq: digest for seq, digest in self.hashes.items() if seq in edges or seq > recent}


def _signs(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
