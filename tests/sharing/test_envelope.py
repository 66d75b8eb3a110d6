"""Envelopes: whatever is done to a message on the way, it is refused by name, and gaps are told and filled."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from sharing_scenes import SECOND, START_NS

from noroshi.sharing.envelope import BYTES_MAX, FUSIBLE, GAPS_MAX, Receiver, Refusal, Sender, message_hash
from noroshi.sharing.label import Label
from noroshi.sharing.rules import Product

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
LABEL = Label(originator="JPN", releasable_to=("USA",))


def sender(**changes):
    said = {"key": KEY, "owner": "JPN", "recipient": "USA", "feed": "tracks", "exercise": None}
    return Sender(**{**said, **changes})


def receiver(**changes):
    said = {"keys": (KEY.public_key(),), "owner": "JPN", "recipient": "USA", "feed": "tracks", "exercise": None}
    return Receiver(**{**said, **changes})


def seal(one, body=b"body", now_ns=START_NS, label=LABEL, product=Product.CONTRIBUTION):
    return one.seal(
        body, product=product, label=label, policy="ab" * 32, valid_from_ns=now_ns, valid_to_ns=now_ns, now_ns=now_ns
    )


def messages(n, **changes):
    one = sender(**changes)
    return [seal(one, bytes([k])) for k in range(n)]


def test_in_order_everything_arrives_and_the_ends_agree():
    out, into = sender(), receiver()
    for k in range(5):
        got = into.receive(seal(out, bytes([k])), START_NS + SECOND // 10)
        assert (got.refusal, got.envelope.body, got.missing, got.filled) == (None, bytes([k]), (), False)
        assert got.clock_offset_ns == SECOND // 10
        assert (got.envelope.seq, got.envelope.policy, got.envelope.label) == (k + 1, "ab" * 32, LABEL)
    assert (into.contiguous, into.chain) == (out.seq, out.previous)
    assert not into.alarms


@settings(max_examples=100)
@given(st.lists(st.integers(0, 39), min_size=1, max_size=120))
def test_any_order_any_repetition_nothing_counts_twice_and_what_is_missing_is_told(order):
    sent, into, taken = messages(40), receiver(), []
    for i in order:
        got = into.receive(sent[i], START_NS)
        if got.refusal is None:
            taken.append(i)
            assert got.filled == (i < max(taken))
        else:
            assert got.refusal is Refusal.REPLAYED
        missing = {seq for first, last in got.missing for seq in range(first, last + 1)}
        assert missing == set(range(1, max(taken) + 2)) - {j + 1 for j in taken}
    assert sorted(taken) == sorted(set(order))
    for first, last in list(into.gaps):
        for seq in range(first, last + 1):
            assert into.receive(sent[seq - 1], START_NS).filled
    assert (into.gaps, into.contiguous) == ([], max(order) + 1)
    assert into.chain == message_hash(sent[max(order)])


@settings(max_examples=200)
@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_message_with_any_byte_altered_is_refused(where, flip):
    whole = messages(1)[0]
    data = bytearray(whole)
    data[where % len(data)] ^= flip
    into = receiver()
    got = into.receive(bytes(data), START_NS)
    assert got.refusal is not None
    assert into.alarms[got.refusal] == 1
    assert into.receive(whole, START_NS).refusal is None  # and nothing of it stuck


@given(st.integers(0, 400))
def test_a_truncated_message_is_refused(length):
    whole = messages(1)[0]
    got = receiver().receive(whole[: min(length, len(whole) - 1)], START_NS)
    assert got.refusal in (Refusal.MALFORMED, Refusal.ALTERED)


@given(st.binary(max_size=300))
def test_noise_is_refused(data):
    assert receiver().receive(data, START_NS).refusal is Refusal.MALFORMED


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (messages(1, owner="KOR")[0], Refusal.WRONG_OWNER),
        (messages(1, key=OTHER)[0], Refusal.ALTERED),
        (messages(1, feed="warnings")[0], Refusal.WRONG_FEED),
        (messages(1, exercise="KEEN")[0], Refusal.WRONG_EXERCISE),
        (b"x" * (BYTES_MAX + 1), Refusal.TOO_LARGE),
        (seal(sender(), label=Label(originator="KOR", releasable_to=("USA",))), Refusal.NOT_THE_OWNERS),
        (seal(sender(recipient="KOR"), label=Label(originator="JPN", releasable_to=("KOR",))), Refusal.WRONG_RECIPIENT),
    ],
)
def test_what_is_wrong_has_a_name(message, reason):
    into = receiver()
    assert into.receive(message, START_NS).refusal is reason
    assert into.alarms == {reason: 1}


def test_real_messages_do_not_enter_an_exercise_either():
    assert receiver(exercise="KEEN").receive(messages(1)[0], START_NS).refusal is Refusal.WRONG_EXERCISE


def resealed(message, **changes):
    """Return a message with parts changed by somebody who has the key: what a faulty sender could send."""
    from noroshi.sharing.envelope import DOMAIN, Envelope

    signed, _ = msgspec.msgpack.decode(message, type=tuple[bytes, bytes])
    envelope = msgspec.structs.replace(msgspec.msgpack.decode(signed, type=Envelope), **changes)
    signed = msgspec.msgpack.encode(envelope)
    return msgspec.msgpack.encode((signed, KEY.sign(DOMAIN + signed)))


def test_faults_of_a_sender_with_the_key():
    sent = messages(3)
    for changes, reason in (
        ({"version": 2}, Refusal.VERSION),
        ({"label": Label(originator="JPN")}, Refusal.NOT_RELEASED),
        ({"label": Label(originator="JPN", releasable_to=("USA",), expires_ns=START_NS)}, Refusal.NOT_RELEASED),
        ({"previous": b"0" * 32}, Refusal.BROKEN_CHAIN),
    ):
        assert receiver().receive(resealed(sent[0], **changes), START_NS).refusal is reason
    into = receiver()
    assert into.receive(sent[0], START_NS).refusal is None
    assert into.receive(resealed(sent[0], body=b"other"), START_NS).refusal is Refusal.FORKED
    assert into.receive(sent[2], START_NS).missing == ((2, 2),)
    assert into.receive(resealed(sent[1], body=b"other"), START_NS).refusal is Refusal.BROKEN_CHAIN
    assert into.receive(sent[1], START_NS).filled


def test_a_sender_does_not_seal_what_its_label_does_not_permit():
    with pytest.raises(ValueError, match="does not permit USA"):
        seal(sender(), label=Label(originator="JPN", releasable_to=("KOR",)))


def test_a_restarted_sender_goes_on_and_a_forgetful_one_is_found_out():
    first, into = sender(), receiver()
    into.receive(seal(first), START_NS)
    again = sender(seq=first.seq, previous=first.previous)
    assert into.receive(seal(again), START_NS).refusal is None
    assert into.receive(seal(sender(), b"from the start"), START_NS).refusal is Refusal.FORKED


def test_a_restarted_receiver_takes_nothing_twice():
    sent, into, again = messages(6), receiver(), receiver()
    for k in (0, 1, 4):
        into.receive(sent[k], START_NS)
    again.resume(into.checkpoint())
    assert (again.gaps, again.contiguous, again.chain) == (into.gaps, into.contiguous, into.chain)
    assert again.receive(sent[4], START_NS).refusal is Refusal.REPLAYED
    assert [again.receive(sent[k], START_NS).filled for k in (3, 2)] == [True, True]
    with pytest.raises(ValueError, match="checkpoint"):
        again.resume(b"\x01")


def test_withdrawn_messages_close_their_gap_and_the_chain_stays_whole():
    out, into = sender(), receiver()
    sent = [seal(out, bytes([k])) for k in range(6)]
    into.receive(sent[0], START_NS)
    assert into.receive(sent[5], START_NS).missing == ((2, 5),)
    notice = out.withdraw(2, [message_hash(one) for one in sent[1:4]], START_NS)
    got = into.receive(notice, START_NS)
    assert (got.refusal, got.envelope, got.missing) == (None, None, ((5, 5),))
    assert into.receive(sent[1], START_NS).refusal is Refusal.REPLAYED  # it is not taken any more
    assert into.receive(sent[4], START_NS).missing == ()
    assert into.chain == out.previous


def test_a_false_withdrawal_changes_nothing():
    out, into = sender(), receiver()
    sent = [seal(out, bytes([k])) for k in range(4)]
    into.receive(sent[0], START_NS)
    into.receive(sent[3], START_NS)
    assert into.receive(sender(key=OTHER).withdraw(2, [b"1" * 32] * 2, START_NS), START_NS).refusal is Refusal.ALTERED
    assert into.receive(out.withdraw(2, [b"1" * 32] * 2, START_NS), START_NS).refusal is Refusal.BROKEN_CHAIN
    assert into.gaps == [(2, 3)]
    assert into.receive(sent[2], START_NS).missing == ((2, 2),)
    assert into.receive(sent[1], START_NS).missing == ()


def test_a_clock_ahead_is_an_alarm_and_no_refusal():
    got = receiver().receive(seal(sender(), now_ns=START_NS + SECOND), START_NS)
    assert (got.refusal, got.clock_alarm, got.clock_offset_ns) == (None, True, -SECOND)
    assert not receiver().receive(seal(sender(), now_ns=START_NS + SECOND // 3), START_NS).clock_alarm


def test_what_a_receiver_keeps_is_bounded():
    out, into = sender(), receiver()
    for k in range(3 * GAPS_MAX):
        message = seal(out)
        if k % 2:
            into.receive(message, START_NS)
    assert len(into.gaps) == GAPS_MAX
    assert into.alarms[Refusal.TOO_MANY_GAPS] == GAPS_MAX // 2
    assert len(into.hashes) <= 2 * GAPS_MAX + 3


def test_a_long_feed_keeps_few_hashes():
    out, into = sender(), receiver()
    for _ in range(5_000):
        into.receive(seal(out, b""), START_NS)
    assert len(into.hashes) <= 2 * GAPS_MAX + 3
    assert into.contiguous == 5_000


def test_only_contributions_enter_fusion():
    assert {Product.CONTRIBUTION} == FUSIBLE
