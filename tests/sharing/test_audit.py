"""The audit record: whatever is altered, removed or cut off is found."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sharing_scenes import PASS_ALL, SECRET, SENSORS, START_NS, policy_of, tracks_of

from noroshi.sharing.audit import (
    Audit,
    Pledge,
    countersign,
    pledge,
    receipt,
    released_content,
    verify,
    withheld_content,
)
from noroshi.sharing.envelope import message_hash
from noroshi.sharing.facts import facts_of
from noroshi.sharing.release import Secrets, release

JPN, USA = (Ed25519PrivateKey.from_private_bytes(bytes([k] * 32)) for k in (1, 2))
MESSAGES = [bytes([k]) * 9 for k in range(6)]
KEYS = {"USA": [USA.public_key()]}


def record():
    """Return an audit record of six releases, one a message, and a checkpoint after each second entry."""
    audit, entries, points = Audit(owner="JPN"), [], []
    for seq, message in enumerate(MESSAGES, 1):
        said = {"recipient": "USA", "feed": "tracks", "first": seq, "hashes": [message_hash(message)], "rules": {}}
        entries.append(audit.append("release", said, time_ns=START_NS + seq))
        entries.append(audit.append("withheld", {"reasons": {"dropped": 3}}, time_ns=START_NS + seq))
        points.append(audit.checkpoint(JPN, time_ns=START_NS + seq))
    return entries, points


def signed_receipt(seq=6, chain=None, key=USA):
    chain = message_hash(MESSAGES[seq - 1]) if chain is None else chain
    given_ = receipt(key, owner="JPN", recipient="USA", feed="tracks", seq=seq, chain=chain, time_ns=START_NS)
    return countersign(given_, JPN, key.public_key(), chain=chain)


def judged(entries, points=(), receipts=(), pledges=()):
    return verify(
        entries,
        owner="JPN",
        keys=[JPN.public_key()],
        checkpoints=points,
        receipts=receipts,
        pledges=pledges,
        recipient_keys=KEYS,
    )


def test_a_whole_record_proves_what_was_released_to_whom():
    entries, points = record()
    verdict = judged(entries, points, [signed_receipt(4), signed_receipt(6)])
    assert verdict.faults == ()
    assert (verdict.entries, verdict.anchored, verdict.proved) == (12, 12, {("USA", "tracks"): 6})


@given(st.integers(0, 11), st.integers(0, 500), st.integers(1, 255))
def test_any_byte_altered_is_found(which, where, flip):
    entries, points = record()
    data = bytearray(entries[which])
    data[where % len(data)] ^= flip
    entries[which] = bytes(data)
    assert judged(entries, points).faults


@given(st.integers(0, 11))
def test_any_entry_removed_is_found(which):
    entries, points = record()
    del entries[which]
    assert judged(entries, points).faults


@given(st.integers(0, 11))
def test_an_end_cut_off_is_found_by_checkpoints_and_by_receipts(length):
    entries, points = record()
    assert "cut off" in judged(entries[:length], points).faults[-1]
    assert judged(entries[:length], points[: length // 2]).faults == ()  # nobody else knows of more
    if length < 11:
        assert "no release of message" in judged(entries[:length], points[: length // 2], [signed_receipt()]).faults[0]


@given(st.permutations(range(12)))
def test_any_other_order_is_found(order):
    entries, points = record()
    assert bool(judged([entries[i] for i in order], points).faults) == (list(order) != list(range(12)))


def test_a_record_written_anew_is_found_by_those_who_kept_a_checkpoint_or_a_receipt():
    """The owner has its key: it can write another past, but not take back what others hold."""
    _, points = record()
    audit, entries = Audit(owner="JPN"), []
    for seq in range(1, 7):
        said = {"recipient": "USA", "feed": "tracks", "first": seq, "hashes": [message_hash(b"tame")], "rules": {}}
        entries += [audit.append("release", said, time_ns=START_NS), audit.append("other", {}, time_ns=START_NS)]
    forged = [audit.checkpoint(JPN, time_ns=START_NS)]
    assert judged(entries, forged).faults == ()
    assert "another entry 2" in judged(entries, [*forged, points[0]]).faults[0]
    assert "another message 6" in judged(entries, forged, [signed_receipt()]).faults[0]


def test_a_pledge_binds_and_tells_nothing_of_how_much_there_is():
    entries, points = record()
    held = [pledge(point, JPN) for point in points]
    assert judged(entries, points, pledges=held).faults == ()
    assert "the checkpoint that it is of is not there" in judged(entries[:4], points[:2], pledges=held).faults[0]
    assert "is not signed by JPN" in judged(entries, points, pledges=[pledge(points[0], USA)]).faults[0]
    later = msgspec.structs.replace(held[0], time_ns=START_NS)
    assert "is not signed by JPN" in judged(entries, points, pledges=[later]).faults[0]
    # the same at the same time, however long the record: nothing but whose, when, a hash and a signature
    assert Pledge.__struct_fields__ == ("owner", "time_ns", "digest", "signature")
    assert len({len(msgspec.msgpack.encode(each)) for each in held}) == 1


def test_signatures_of_others_prove_nothing():
    entries, points = record()
    false_point = msgspec.structs.replace(points[-1], seq=10)
    assert "not signed by JPN" in judged(entries, [false_point]).faults[0]
    unsigned = msgspec.structs.replace(signed_receipt(), owner_signature=b"")
    assert "not counter-signed" in judged(entries, points, [unsigned]).faults[0]
    inflated = msgspec.structs.replace(signed_receipt(4), seq=6)
    assert "not signed by USA" in judged(entries, points, [inflated]).faults[0]
    with pytest.raises(ValueError, match="did not sign"):
        countersign(signed_receipt(key=JPN), JPN, USA.public_key(), chain=message_hash(MESSAGES[5]))
    with pytest.raises(ValueError, match="another message"):
        countersign(signed_receipt(), JPN, USA.public_key(), chain=b"other")


def test_entries_hold_counts_by_rule():
    tracks = tracks_of(20)
    sure = PASS_ALL.replace('"all"', '"sure"') + "existence_min = 0.6\n"
    policy = policy_of(
        PASS_ALL.replace('"all"', '"none lost"').replace('"pass"', '"drop"') + 'statuses = ["firm"]\n' + sure
    )
    facts = facts_of(tracks, product="contribution", exercise=None, sensor_types=SENSORS)
    told = release(policy, facts, now_ns=START_NS, secrets=Secrets(SECRET), recipients=("USA",))["USA"]
    out = released_content(told, policy, feed="tracks", first=3, hashes=[b"h"])
    kept = withheld_content(told, policy)
    firm = int((tracks.status == 1).sum())
    assert out["rules"] == {"sure": len(told.rows)}
    assert kept["rules"] == {"none lost": firm}
    assert kept["reasons"] == {"dropped": firm, "no_rule_matches": 20 - firm - len(told.rows)}
    assert Audit(owner="JPN").append("withheld", kept, time_ns=START_NS)
