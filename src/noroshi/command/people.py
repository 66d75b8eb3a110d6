"""Who people are, and their signatures under what they say.

Source: RFC 8032 (Ed25519). As in `sharing/`, what is signed begins with words of its own, so that a signature that was
made for something else is none here. libsodium checks a signature in about half the time that OpenSSL takes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from nacl.bindings import crypto_sign_BYTES, crypto_sign_open
from nacl.exceptions import BadSignatureError

from noroshi.command.rows import Row
from noroshi.command.transitions import Role

DOMAIN = b"noroshi decision 1\n"
KNOWN_MAX, KNOWN_BYTES_MAX = 4_096, 8_192  # answers, and of what length at most: some 40 MB if all are as long
_ENCODER = msgspec.msgpack.Encoder()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may say something.

    Attributes:
        name: unique over all nations, for instance "sato@JPN".
        nation: whose.
        roles: as what.
        keys: public signing keys, that came by another way; several while one is changed.
    """

    name: str
    nation: str
    roles: tuple[Role, ...]
    keys: tuple[Ed25519PublicKey, ...]


def register(people: Iterable[Person]) -> Mapping[str, Person]:
    """Return people by name.

    Raises:
        ValueError: if two have the same name, or one has the role of no person.
    """
    known: dict[str, Person] = {}
    for person in people:
        if person.name in known:
            raise ValueError(f"two people are called {person.name}")
        if {Role.MACHINE, Role.PLAN} & set(person.roles):
            raise ValueError(f"{person.name} is a person and has no role of a machine or a plan")
        known[person.name] = person
    return known


def signed_part(row: Row) -> bytes:
    """Return what a person signs: everything but the signature."""
    return DOMAIN + _ENCODER.encode(msgspec.structs.replace(row, signature=""))


def sign(row: Row, key: Ed25519PrivateKey) -> Row:
    """Return a step with a person's signature."""
    return msgspec.structs.replace(row, signature=key.sign(signed_part(row)).hex())


def is_signed(row: Row, person: Person) -> bool:
    """Return whether a step is signed by this person."""
    try:
        signature = bytes.fromhex(row.signature)
    except ValueError:
        return False
    part = signed_part(row)
    return any(verifies(key.public_bytes_raw(), signature, part) for key in person.keys)


def verifies(key: bytes, signature: bytes, part: bytes) -> bool:
    """Return whether a signature is that of a public key under these bytes; it is asked once for the same."""
    return (known if len(part) <= KNOWN_BYTES_MAX else _verifies)(key, signature, part)


@lru_cache(maxsize=KNOWN_MAX)
def known(key: bytes, signature: bytes, part: bytes) -> bool:
    """Return the same, from memory if it was asked lately; `run.live.ahead` asks in another thread beforehand."""
    return _verifies(key, signature, part)


def _verifies(key: bytes, signature: bytes, part: bytes) -> bool:
    if len(signature) != crypto_sign_BYTES:
        return False
    try:
        crypto_sign_open(signature + part, key)
    except BadSignatureError:
        return False
    return True
