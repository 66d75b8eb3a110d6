"""Signatures of people, against the test vectors of RFC 8032 (section 7.1) and against OpenSSL."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from noroshi.command.people import verifies

VECTORS = {
    "": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe2465"
        "5141438e7a100b",
    ),
    "72": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb0"
        "0d291612bb0c00",
    ),
    "af82": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc0"
        "27beceea1ec40a",
    ),
}


@pytest.mark.parametrize("message", VECTORS)
def test_the_vectors_of_the_standard_are_signatures_and_nothing_near_them_is(message):
    key, signature = map(bytes.fromhex, VECTORS[message])
    part = bytes.fromhex(message)
    assert verifies(key, signature, part)
    assert not verifies(key, signature, part + b"\0")
    assert not verifies(key, signature[:-1], part)
    assert not verifies(key, signature + b"\0", part)
    assert not verifies(key, b"", signature + part)
    for other, _ in VECTORS.values():
        assert verifies(bytes.fromhex(other), signature, part) == (bytes.fromhex(other) == key)


def test_it_says_what_openssl_says_wherever_a_bit_is_turned():
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    key, part = private.public_key().public_bytes_raw(), b"noroshi decision 1\n" + bytes(100)
    signature = private.sign(part)
    for bit in range(0, 8 * len(signature), 3):
        turned = bytearray(signature)
        turned[bit // 8] ^= 1 << bit % 8
        assert verifies(key, bytes(turned), part) == openssl(key, bytes(turned), part) == False  # noqa: E712
    assert verifies(key, signature, part) == openssl(key, signature, part) == True  # noqa: E712


def openssl(key, signature, part):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, part)
    except InvalidSignature:
        return False
    return True
