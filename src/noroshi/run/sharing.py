"""What a node shares by, as data, and the exchange that it describes."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from noroshi.fusion import Fusion, Settings
from noroshi.geo.time import NS_PER_S
from noroshi.node.exchange import Exchange, NewPolicy, Partner
from noroshi.records.known import Known
from noroshi.run import rooms
from noroshi.sharing.actions import Change
from noroshi.sharing.memory_store import MemoryStore
from noroshi.sharing.parcels import Store
from noroshi.sharing.release import Secrets
from noroshi.sharing.rules import Policy, parse
from noroshi.sharing.vouched import VouchedPublicKey, VouchingKey


class Sharing(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What decides what a node shares and fuses.

    Attributes:
        policy: its release rules, TOML; empty releases nothing.
        partners: the public signing keys of each, in hexadecimal with blanks between, by nation code.
        rates_bytes_s: what the link to a partner carries; all where it is not said.
        exercise: which exercise it is in; None is real.
        seed: of the keys and secrets of an exercise that nobody else takes part in; None are the node's own.
        pump_s: how often the node looks at its links; 0 is whenever there is something to do.
    """

    policy: str = ""
    partners: dict[str, str] = {}
    rates_bytes_s: dict[str, float] = {}
    exercise: str | None = None
    seed: int | None = None
    pump_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Own:
    """What a node alone knows.

    Attributes:
        key: it signs with.
        secret: its coarsening and its track numbers hang on.
    """

    key: Ed25519PrivateKey
    secret: bytes


def own_of_exercise(exercise: str, seed: int, nation: str) -> Own:
    """Return the keys of a node in an exercise on one machine: anybody who has the scenario has them."""
    key, secret = (
        hashlib.sha256(f"noroshi {what} of exercise {exercise} {seed} {nation}".encode()).digest()
        for what in ("key", "secret")
    )
    return Own(Ed25519PrivateKey.from_private_bytes(key), secret)


def public_keys(text: str) -> tuple[Ed25519PublicKey, ...]:
    """Return the public keys of a text, in hexadecimal with blanks between.

    Raises:
        ValueError: if it is none.
    """
    return tuple(Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)) for key in text.split())


def public_hex(key: Ed25519PrivateKey) -> str:
    """Return the public half of a key in hexadecimal."""
    return key.public_key().public_bytes_raw().hex()


@cache
def actions() -> Mapping[str, type[Change]]:
    """Return what rules may do, by key."""
    return {key: rooms.load("sharing.actions", key).Action for key in rooms.names("sharing.actions")}


def read_policy(text: str, nation: str) -> Policy:
    """Return the policy of a text; of an empty one that which releases nothing.

    Raises:
        PolicyError: if it is none.
    """
    return parse(text, actions()) if text else Policy(nation, {}, ())


def fusion_settings() -> Settings:
    """Return how a node fuses: the names of types that partners tell instead of sensors' are those that there are."""
    return Settings(types=rooms.names("sensors"))


def make_exchange(
    nation: str,
    sharing: Sharing,
    sensor_types: Mapping[str, str],
    *,
    own: Own | None = None,
    store_of: Callable[[str], Store] | None = None,
    new_policy: NewPolicy | None = None,
    known: Known | None = None,
    signed: Known | None = None,
) -> Exchange:
    """Return the exchange that this describes.

    Args:
        nation: whose node it is.
        sharing: what it shares by.
        sensor_types: of its sensors, by name.
        own: its keys; those of the exercise if none are given.
        store_of: where what waits for a partner survives; in memory if not given.
        new_policy: what an order makes of the policy in force; if not given it is the order's own text.
        known: what fusion gave, at nodes of the same process; None remembers nothing.
        signed: which signatures were made or found right there; None checks each.

    Raises:
        PolicyError, ValueError: if it contradicts itself.
    """
    if own is None:
        if sharing.exercise is None or sharing.seed is None:
            raise ValueError(f"node {nation}: has no keys; make them with `noroshi pki`")
        own = own_of_exercise(sharing.exercise, sharing.seed, nation)
    keys = {code: public_keys(text) for code, text in sharing.partners.items()}
    key = own.key
    if signed is not None:
        key = VouchingKey(key, signed)
        keys = {code: tuple(VouchedPublicKey(each, signed) for each in theirs) for code, theirs in keys.items()}
    partners = {code: Partner(keys=theirs, bytes_s=sharing.rates_bytes_s.get(code)) for code, theirs in keys.items()}
    return Exchange(
        nation,
        key=key,
        policy=read_policy(sharing.policy, nation),
        secrets=Secrets(own.secret),
        partners=partners,
        fusion=Fusion(nation, fusion_settings(), known=known),
        sensor_types=sensor_types,
        new_policy=new_policy or (lambda _kind, content, _policy, _now_ns: read_policy(content, nation)),
        store_of=store_of or (lambda _: MemoryStore()),
        exercise=sharing.exercise,
        pump_ns=round(sharing.pump_s * NS_PER_S),
    )
