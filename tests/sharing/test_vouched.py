"""What was signed or checked in a process is not checked again, and nothing else passes for it."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from noroshi.records.known import Known
from noroshi.sharing.vouched import VouchedPublicKey, VouchingKey

PLAIN = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


class Counted(Known):
    """Counts what was not known."""

    misses = 0

    def get(self, question):
        found = super().get(question)
        self.misses += found is None
        return found


def test_signatures_are_those_of_the_key_and_are_known():
    known = Counted(10)
    signature = VouchingKey(PLAIN, known).sign(b"content")
    assert signature == PLAIN.sign(b"content")
    VouchedPublicKey(PLAIN.public_key(), known).verify(signature, b"content")
    assert known.misses == 0


def test_what_was_signed_elsewhere_is_checked_once():
    known = Counted(10)
    for _ in range(2):
        VouchedPublicKey(PLAIN.public_key(), known).verify(PLAIN.sign(b"content"), b"content")
    assert known.misses == 1


def test_anything_altered_is_refused_however_often():
    known, other = Known(10), Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    signature = VouchingKey(PLAIN, known).sign(b"content")
    public = VouchedPublicKey(PLAIN.public_key(), known)
    for _ in range(2):
        for key, given, content in (
            (public, signature, b"contents"),
            (public, bytes(64), b"content"),
            (public, signature + b"\0", b"content"),
            (public, signature[:-1], signature[-1:] + b"content"),
            (VouchedPublicKey(other.public_key(), known), signature, b"content"),
        ):
            with pytest.raises(InvalidSignature):
                key.verify(given, content)
