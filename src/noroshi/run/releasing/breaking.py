"""Break-glass as a file: what two people decided, signed by their node's key, for the node to take in.

JSON: what is signed, as text, and the signature. The rule is for the policy that it was made for alone, so that nobody
opens more by it than the two saw.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from noroshi.run.sharing import actions
from noroshi.sharing.rules import BREAK_GLASS, HEADER, Policy, PolicyError, Rule, break_glass, parse

DOMAIN = b"noroshi break-glass 1\n"


class Glass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed.

    Attributes:
        nation: whose node is to take it in.
        policy: digest of the policy that it is for.
        rule: TOML of the one rule.
        by: the people who answer for it.
        reason: why.
        from_ns, until_ns: from when until when.
    """

    nation: str
    policy: str
    rule: str
    by: tuple[str, ...]
    reason: str
    from_ns: int
    until_ns: int


class _Signed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    signed: str
    signature: str


def make(
    policy: Policy,
    rule: str,
    *,
    by: Sequence[str],
    reason: str,
    from_ns: int,
    until_ns: int,
    key: Ed25519PrivateKey,
    source: str = "rule",
) -> bytes:
    """Return the record of a decision.

    Args:
        policy: that is in force.
        rule: TOML with one `[[rules]]`.
        by, reason, from_ns, until_ns: as in `sharing.rules.break_glass`.
        key: the node's signing key.
        source: name of the rule's file, for messages.

    Raises:
        PolicyError: if it is no rule, or not two people's, or too long, or without a reason.
    """
    break_glass(policy, rule_of(policy, rule, source), by=by, reason=reason, from_ns=from_ns, until_ns=until_ns)
    said = Glass(
        nation=policy.nation, policy=policy.digest, rule=rule, by=tuple(by), reason=reason, from_ns=from_ns,
        until_ns=until_ns,
    )  # fmt: skip
    text = msgspec.json.encode(said)
    signed = _Signed(text.decode(), key.sign(DOMAIN + text).hex())
    return msgspec.json.format(msgspec.json.encode(signed), indent=2) + b"\n"


def take_in(
    record: bytes, policy: Policy, keys: Sequence[Ed25519PublicKey], *, now_ns: int
) -> tuple[Policy, dict[str, Any]]:
    """Return the policy with the rule ahead of all others, and what the audit has to hold (kind `BREAK_GLASS`).

    It closes by itself: `sharing.rules.without_ended`. Taking in the same record twice is refused, since the policy is
    another one then.

    Args:
        record: that `make` returned.
        policy: that is in force.
        keys: the public signing keys of the node's own nation.
        now_ns: the time.

    Raises:
        PolicyError: if it is no such record, not signed by the nation, for another policy, or over.
    """
    try:
        pair = msgspec.json.decode(record, type=_Signed)
        text, signature = pair.signed.encode(), bytes.fromhex(pair.signature)
        said = msgspec.json.decode(text, type=Glass)
    except (msgspec.DecodeError, ValueError) as error:
        raise PolicyError(f"not a record of break-glass: {error}") from error
    if not any(_signs(key, signature, DOMAIN + text) for key in keys):
        raise PolicyError(f"break-glass of {said.nation}: is not signed by the node's own key")
    if (said.nation, said.policy) != (policy.nation, policy.digest):
        raise PolicyError("break-glass: was made for another policy than the one in force; make it anew")
    if now_ns >= said.until_ns:
        raise PolicyError("break-glass: its time is over")
    changed, audited = _apply(said, policy)
    return changed, {**audited, "record": record}


def applied(record: bytes, policy: Policy) -> Policy:
    """Return the policy with the rule of a record that was taken in before.

    Raises:
        PolicyError: if it is no such record.
    """
    try:
        said = msgspec.json.decode(msgspec.json.decode(record, type=_Signed).signed, type=Glass)
    except (msgspec.DecodeError, ValueError) as error:
        raise PolicyError(f"not a record of break-glass: {error}") from error
    return _apply(said, policy)[0]


def _apply(said: Glass, policy: Policy) -> tuple[Policy, dict[str, Any]]:
    return break_glass(
        policy, rule_of(policy, said.rule, "rule"), by=said.by, reason=said.reason, from_ns=said.from_ns,
        until_ns=said.until_ns,
    )  # fmt: skip


def rule_of(policy: Policy, text: str, source: str) -> Rule:
    """Return the one rule of a text, as a rule of a policy.

    Raises:
        PolicyError: if there is none, or more than one, or anything else.
    """
    if len(HEADER.findall(text)) != 1:
        raise PolicyError(f"{source}: {BREAK_GLASS} takes one [[rules]]")
    partners = "".join(f'{code} = "{name}"\n' for code, name in policy.partners.items())
    whole = f'nation = "{policy.nation}"\n{text}\n[partners]\n{partners}'
    try:
        (rule,) = parse(whole, actions(), source=source).rules
    except PolicyError as error:
        own = re.sub(r"line (\d+)", lambda found: f"line {int(found[1]) - 1}", str(error))
        raise PolicyError(own) from None
    return rule


def _signs(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True
