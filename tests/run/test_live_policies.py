"""The policies that were in force, kept over restarts."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sharing_scenes import PARTNERS, PASS_ALL, SECOND, START_NS

from noroshi.run.live.policies import Policies
from noroshi.run.releasing import breaking
from noroshi.sharing.memory_store import MemoryState
from noroshi.sharing.rules import PolicyError, without_ended

TEXT = f'nation = "JPN"\n{PARTNERS}{PASS_ALL}'
OTHER = TEXT.replace('"all"', '"every"')
FERRY = PASS_ALL.replace('"all"', '"ferry"').replace("contribution", "warning")
HOUR_NS = 3600 * SECOND


def broken(policies, policy, name="ferry", hours=1):
    record = breaking.make(
        policy, FERRY.replace("ferry", name), by=("A", "B"), reason="fire", from_ns=START_NS,
        until_ns=START_NS + hours * HOUR_NS, key=Ed25519PrivateKey.from_private_bytes(bytes(32)),
    )  # fmt: skip
    policies.keep_broken(record)
    return breaking.applied(record, policy)


def test_what_was_in_force_is_found_after_a_restart():
    state = MemoryState()
    first = Policies(state, "JPN").begin(TEXT, START_NS)
    second = Policies(state, "JPN").begin(OTHER, START_NS)
    assert first.digest != second.digest
    again = Policies(state, "JPN")
    assert again.begin(OTHER, START_NS).digest == second.digest
    assert again.find(first.digest).rules[0].name == "all"
    assert again.find("unknown") is None


def test_break_glass_survives_a_restart_until_it_ends():
    state = MemoryState()
    policies = Policies(state, "JPN")
    base = policies.begin(TEXT, START_NS)
    one = broken(policies, base)
    two = broken(policies, one, "second", hours=2)
    again = Policies(state, "JPN")
    assert again.begin(TEXT, START_NS + 1).digest == two.digest
    later = Policies(state, "JPN").begin(TEXT, START_NS + HOUR_NS)
    assert [rule.name for rule in later.rules] == ["break-glass second", "all"]
    assert Policies(state, "JPN").begin(TEXT, START_NS + 2 * HOUR_NS).digest == base.digest
    for policy in (base, one, two, without_ended(two, START_NS + HOUR_NS)):
        assert again.find(policy.digest).digest == policy.digest
    assert Policies(state, "JPN").begin(OTHER, START_NS).rules[0].name == "every"  # made for another policy


def test_a_text_that_is_none_and_a_bounded_memory():
    state = MemoryState()
    with pytest.raises(PolicyError):
        Policies(state, "JPN").begin("nation = 7", START_NS)
    for k in range(30):
        Policies(state, "JPN").begin(TEXT.replace('"all"', f'"{k}"'), START_NS)
    assert len(Policies(state, "JPN")._kept) == 20
