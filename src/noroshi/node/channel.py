"""One partner: what goes to it, what comes from it, over a link that loses, doubles, reorders and is cut.

A pure state machine over frames. Each side sends a beacon every so often; a partner that was not heard for a while is
taken to be away, and what is for it waits in the outbox, where newer states take the place of older ones. When it is
heard again the newest go first, with what was sent while it was not known to be away, history after. What is missing
is asked for, with patience, after a silence at once; receipts say what arrived, and nothing but a signed receipt lets
the sender forget it.
"""

from collections import Counter, deque
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from noroshi.formats import FormatError
from noroshi.geo.time import NS_PER_S
from noroshi.node.contents import Ask, Beacon, Kind, joined_body, notices_body
from noroshi.sharing.audit import Pledge, Receipt, countersign, is_pledged, is_signed, receipt
from noroshi.sharing.envelope import Envelope, Receiver, Refusal, Sender
from noroshi.sharing.memory_store import MemoryStore
from noroshi.sharing.outbox import Outbox
from noroshi.sharing.parcels import STATE, Draft, Parcel, Store
from noroshi.sharing.rules import Product

FEED = "picture"
LEASE_NS = 3 * NS_PER_S
BEACON_NS = NS_PER_S // 2
RECEIPT_NS = 5 * NS_PER_S
ASK_NS = 2 * NS_PER_S
PATIENCE_NS = NS_PER_S // 4  # urgent messages overtake others: what is missing for so short is on its way
SILENCE_NS = 2 * BEACON_NS  # what was asked in such a silence was not heard
HISTORY_NS = NS_PER_S // 2  # after it, history waits so long for newer states that were sent into it
DOUBLES_MAX = 10_000
ASKS_MAX = 16  # gaps asked for at once
ANSWER_MAX = 256  # messages answered to one ask; what is left is asked for again
ANSWERS_MAX = 4_096
PUMP_BYTES = 4_000_000  # of one pump where no rate is given: so that history does not hold up what is new
SENT_BYTES_S = 8_000_000.0  # where no rate is given: what a partner may send is bounded (`run.live.intake`)
PLEDGES_MAX = 60
PLEDGE_NS = 30 * NS_PER_S  # one is kept in so long

_ENCODER = msgspec.msgpack.Encoder()
_BEACON = msgspec.msgpack.Decoder(Beacon)
_ASK = msgspec.msgpack.Decoder(Ask)
_RECEIPT = msgspec.msgpack.Decoder(Receipt)
_PLEDGE = msgspec.msgpack.Decoder(Pledge)


class Channel:
    """Both directions between a node and one partner.

    Args:
        own, partner: nation codes.
        key: the node's signing key.
        partner_keys: the partner's public ones, which came by another way; several while it changes its key.
        exercise: which exercise both are in; None is real.
        store: where what waits for the partner survives.
        bytes_s: what the link carries; None is as much as there is.

    Attributes:
        outbox: what waits for the partner.
        alarms: what was refused or is wrong, by reason.
        receipt: the latest receipt of the partner, with both signatures.
        proof: the latest of this node's own receipts that came back with both.
        pledged: the latest pledge that the partner gave of its own audit.
        is_forgetful: whether the partner asks for what it has signed for: it wants everything once more.
        clock_offset_ns: receipt less release of the last message.
        room_bytes: what the link takes now, as its driver says; None is as much as there is.
        sent_bytes: so far.
    """

    def __init__(
        self,
        own: str,
        partner: str,
        *,
        key: Ed25519PrivateKey,
        partner_keys: tuple[Ed25519PublicKey, ...],
        exercise: str | None,
        store: Store,
        bytes_s: float | None = None,
    ) -> None:
        self.own, self.partner = own, partner
        self.outbox = Outbox(store)
        seq, previous = self.outbox.last
        said: dict[str, Any] = {"feed": FEED, "exercise": exercise}
        self.sender = Sender(key=key, owner=own, recipient=partner, seq=seq, previous=previous, **said)
        self.receiver = Receiver(keys=partner_keys, owner=partner, recipient=own, **said)
        self.alarms: Counter[str] = Counter()
        self.receipt: Receipt | None = None
        self.proof: Receipt | None = None
        self.is_forgetful = False
        self.sent_bytes = 0
        self.clock_offset_ns: int | None = None
        self.room_bytes: int | None = None
        self._key = key
        self._store, self._bytes_s = store, bytes_s
        self._heard_ns: int | None = None
        self._back_ns = 0  # when the last silence ended
        self._stalled_ns = 0  # when this node itself was awake again: what came meanwhile may lie unread
        self._told_seq = 0  # the highest number the partner says it has sent
        self._beacon_ns = self._receipt_ns = self._pumped_ns = 0
        self._receipted = 0
        self._doubles = 0
        self._credit = 0.0
        self._asked: dict[int, int] = {}
        self._answers: deque[bytes] = deque()
        self._shows_receipt = False
        self.pledged: Pledge | None = None
        self._pledges: deque[Pledge] = deque(maxlen=PLEDGES_MAX)

    def is_heard(self, now_ns: int) -> bool:
        """Return whether the partner is there: heard within the lease."""
        return self._heard_ns is not None and now_ns - self._heard_ns <= LEASE_NS

    def begin(self) -> None:
        """Know nothing of who is there: a node that was away itself."""
        self._heard_ns = None

    def is_back(self, now_ns: int) -> bool:
        """Return whether a silence of the partner has just ended: the newest first, and what was lost at once."""
        return now_ns - self._back_ns < HISTORY_NS

    @property
    def heard_ns(self) -> int | None:
        """When the partner was heard last, if ever."""
        return self._heard_ns

    def put(self, parcel: Parcel, now_ns: int) -> None:
        """Let a parcel wait for the partner; one whose number was put before is there already."""
        if parcel.parcel >= self.outbox.next_parcel:
            self.outbox.put(parcel, now_ns)

    def pledge(self, given: Pledge) -> None:
        """Give the partner a pledge of this node's audit to hold, once it is there."""
        self._pledges.append(given)

    def hear(self, frame: bytes, now_ns: int) -> Envelope | None:
        """Take a frame in; return what it tells, if it is a message that is accepted."""
        kind, content = frame[:1], frame[1:]
        try:
            if kind == Kind.MESSAGE:
                return self._message(content, now_ns)
            if kind == Kind.BEACON:
                self._told_seq = max(self._told_seq, _BEACON.decode(content).seq)
            elif kind == Kind.ASK:
                self._answer(_ASK.decode(content), now_ns)
            elif kind == Kind.RECEIPT:
                self._acknowledge(_RECEIPT.decode(content))
            elif kind == Kind.COUNTERSIGNED:
                self._recall(_RECEIPT.decode(content))
            elif kind == Kind.PLEDGE:
                self._hold(_PLEDGE.decode(content))
            else:
                raise FormatError("a frame of an unknown kind")
        except (msgspec.DecodeError, ValueError) as error:
            self.alarms[str(error) if isinstance(error, FormatError) else "a frame that cannot be read"] += 1
            return None
        self._hear_from(now_ns)
        return None

    def pump(self, now_ns: int) -> list[tuple[bytes, bool]]:
        """Return the frames that are to go now, each with whether it is urgent."""
        frames: list[tuple[bytes, bool]] = []
        if now_ns - self._pumped_ns > SILENCE_NS:
            self._stalled_ns, self._asked = now_ns, dict.fromkeys(self._asked, now_ns)
        if now_ns - self._beacon_ns >= BEACON_NS:
            self._beacon_ns = now_ns
            frames.append((Kind.BEACON.value + _ENCODER.encode(Beacon(self.sender.seq, now_ns)), True))
        if self.is_heard(now_ns):
            frames += [(frame, True) for frame in (*self._asks(now_ns), *self._receipts(now_ns))]
            frames += [(Kind.PLEDGE.value + _ENCODER.encode(given), True) for given in self._pledges]
            self._pledges.clear()
            frames += self._messages(now_ns)
        self._pumped_ns = now_ns
        self.sent_bytes += sum(len(frame) for frame, _ in frames)
        return frames

    def checkpoint(self) -> dict[str, Any]:
        """Return what `resume` needs, as plain data; what is in a store that survives is not part of it."""
        return {
            "receiver": self.receiver.checkpoint(),
            "numbers": [
                self._heard_ns, self._told_seq, self._beacon_ns, self._receipt_ns, self._pumped_ns, self._receipted,
                self.sent_bytes, self.clock_offset_ns, self._doubles, self._back_ns,
            ],
            "credit": self._credit,
            "asked": list(self._asked.items()),
            "answers": list(self._answers),
            "alarms": dict(self.alarms),
            "receipts": [one and _ENCODER.encode(one) for one in (self.receipt, self.proof)],
            "flags": [self._shows_receipt, self.is_forgetful],
            "store": self._store.state() if isinstance(self._store, MemoryStore) else None,
        }  # fmt: skip

    def resume(self, memory: dict[str, Any]) -> None:
        """Become the channel that gave this checkpoint.

        Raises:
            ValueError, KeyError, TypeError: if it is none.
        """
        self.receiver.resume(memory["receiver"])
        (
            self._heard_ns, self._told_seq, self._beacon_ns, self._receipt_ns, self._pumped_ns, self._receipted,
            self.sent_bytes, self.clock_offset_ns, self._doubles, self._back_ns,
        ) = memory["numbers"]  # fmt: skip
        self._credit = memory["credit"]
        self._asked = dict(memory["asked"])
        self._answers = deque(memory["answers"])
        self.alarms = Counter(memory["alarms"])
        self.receipt, self.proof = (one and _RECEIPT.decode(one) for one in memory["receipts"])
        self._shows_receipt, self.is_forgetful = memory["flags"]
        if isinstance(self._store, MemoryStore):
            self._store.restore(memory["store"])
            self.outbox = Outbox(self._store)
            self.sender.seq, self.sender.previous = self.outbox.last

    def _message(self, content: bytes, now_ns: int) -> Envelope | None:
        got = self.receiver.receive(content, now_ns)
        if got.refusal is Refusal.REPLAYED and self._doubles:
            self._doubles -= 1  # it was asked for, and came by itself after all
            return None
        if got.refusal is not None:
            self.alarms[got.refusal.value] += 1
            return None
        self._hear_from(now_ns)
        self.clock_offset_ns = got.clock_offset_ns
        if got.clock_alarm:
            self.alarms["the partner's clock is ahead by more than half a second"] += 1
        return got.envelope

    def _hear_from(self, now_ns: int) -> None:
        """Note that the partner is there; after a silence, that nothing is on its way any more."""
        heard_ns = self._heard_ns
        if heard_ns is None or (now_ns - heard_ns > SILENCE_NS and self._stalled_ns <= heard_ns):
            self._back_ns, self._asked, self._beacon_ns = now_ns, {}, 0
        self._heard_ns = now_ns

    def _asks(self, now_ns: int) -> list[bytes]:
        """Return requests for what is missing and was not asked for lately."""
        gaps = list(self.receiver.gaps)
        if self._told_seq > self.receiver.highest:
            gaps.append((self.receiver.highest + 1, self._told_seq))
        seen_ns = now_ns - ASK_NS + (0 if self.is_back(now_ns) else PATIENCE_NS)
        self._asked = {first: self._asked.get(first, seen_ns) for first, _ in gaps}
        due = [gap for gap in gaps if now_ns - self._asked[gap[0]] >= ASK_NS][:ASKS_MAX]
        self._asked.update({first: now_ns for first, _ in due})
        asked = sum(min(last - first + 1, ANSWER_MAX) for first, last in due)
        self._doubles = min(self._doubles + asked, DOUBLES_MAX)
        return [Kind.ASK.value + _ENCODER.encode(Ask(*gap)) for gap in due]

    def _answer(self, ask: Ask, now_ns: int) -> None:
        if self.receipt is not None and ask.first <= self.receipt.seq:
            self._shows_receipt = self.is_forgetful = True  # it had signed for these: it has lost its memory
        if len(self._answers) >= ANSWER_MAX:
            return  # what is missing is asked for again; else asking would cost the partner little and this node much
        first = max(ask.first, self.receipt.seq + 1 if self.receipt else 1)
        last = min(ask.last, first + ANSWER_MAX - 1)
        messages, gone = self.outbox.fetch(first, last, now_ns)
        withdrawn = [self.sender.withdraw(first, hashes, now_ns) for first, hashes in gone]
        waiting = set(self._answers)
        new = [message for message in (*withdrawn, *reversed(messages)) if message not in waiting]  # newest first
        self._answers.extend(new[: max(0, ANSWERS_MAX - len(self._answers))])

    def _receipts(self, now_ns: int) -> list[bytes]:
        """Return a receipt of what arrived, if it is time, and those of the partner that were counter-signed."""
        frames: list[bytes] = []
        if self._shows_receipt and self.receipt is not None:
            frames.append(Kind.COUNTERSIGNED.value + _ENCODER.encode(self.receipt))
            self._shows_receipt = False
        seq = self.receiver.contiguous
        if seq > self._receipted and now_ns - self._receipt_ns >= RECEIPT_NS:
            given = receipt(
                self._key,
                owner=self.partner,
                recipient=self.own,
                feed=FEED,
                seq=seq,
                chain=self.receiver.chain,
                time_ns=now_ns,
            )
            frames.append(Kind.RECEIPT.value + _ENCODER.encode(given))
            self._receipted, self._receipt_ns = seq, now_ns
        return frames

    def _acknowledge(self, given: Receipt) -> None:
        """Forget what the partner proves that it holds.

        Raises:
            ValueError: if the receipt is not the partner's, or of another message than was sent.
        """
        if (given.owner, given.recipient, given.feed) != (self.own, self.partner, FEED):
            raise FormatError("a receipt for another feed")
        chain = self.outbox.digest(given.seq)
        if chain is None:
            if given.seq > self.sender.seq:
                raise FormatError("a receipt of what was never sent")
            return
        signer, *others = self.receiver.keys
        if others:
            signer = next((one for one in self.receiver.keys if is_signed(given, one)), signer)
        self.receipt = countersign(given, self._key, signer, chain=chain)
        self.outbox.acknowledge(given.seq)
        self._shows_receipt = True

    def _recall(self, shown: Receipt) -> None:
        """Keep the proof that both sides signed; what it proves was here, if this node has forgotten it since.

        Raises:
            ValueError: if this node has not signed it.
        """
        own = (shown.owner, shown.recipient, shown.feed) == (self.partner, self.own, FEED)
        if not own or not is_signed(shown, self._key.public_key()):
            raise FormatError("a receipt that was not given")
        if self.proof is None or shown.seq >= self.proof.seq:  # an old one would be noted anew each time it is shown
            self.proof = shown
        self.receiver.adopt(shown.seq, shown.chain)
        self._receipted = max(self._receipted, shown.seq)

    def _hold(self, given: Pledge) -> None:
        """Keep what binds the partner to its audit as it is by now.

        Raises:
            FormatError: if the partner has not signed it.
        """
        if given.owner != self.partner or not is_pledged(given, self.receiver.keys):
            raise FormatError("a pledge that is not the partner's")
        if self.pledged is None or given.time_ns > self.pledged.time_ns + PLEDGE_NS:
            self.pledged = given

    def _messages(self, now_ns: int) -> list[tuple[bytes, bool]]:
        """Return answers and new messages, as many as the link carries by now."""
        bytes_s = SENT_BYTES_S if self._bytes_s is None else self._bytes_s
        credit = min(self._credit + bytes_s * max(0, now_ns - self._pumped_ns) / NS_PER_S, bytes_s)
        room = (PUMP_BYTES if self.room_bytes is None else self.room_bytes) if self._bytes_s is None else credit
        left = begun = min(credit, room, PUMP_BYTES)
        frames: list[tuple[bytes, bool]] = []
        at_least = left / 2.0  # for what is new
        while self._answers and left > at_least:
            message = self._answers.popleft()
            left -= len(message)
            frames.append((Kind.MESSAGE.value + message, False))
        if left > 0:
            for draft in self.outbox.take(now_ns, int(left), history=not self.is_back(now_ns)):
                message = self._seal(draft, now_ns)
                left -= len(message)
                frames.append((Kind.MESSAGE.value + message, bool(draft.rows.urgency.min() < STATE)))
        self._credit = credit - (begun - left)
        return frames

    def _seal(self, draft: Draft, now_ns: int) -> bytes:
        parts = self.outbox.body(draft)
        is_tracks = draft.product in (Product.CONTRIBUTION, Product.FUSED)
        body = joined_body(parts) if is_tracks else notices_body([body for body, _ in parts])
        message = self.sender.seal(
            body,
            product=draft.product,
            label=draft.label,
            policy=draft.policy,
            valid_from_ns=draft.valid_from_ns,
            valid_to_ns=draft.valid_to_ns,
            now_ns=now_ns,
        )
        self.outbox.sealed(draft, self.sender.seq, message)
        return message
