"""Keys of nodes in one process: a signature that was made or checked there once is not checked again.

Whether a signature is right hangs on the key, the signature and the content alone, so what is known of all three stays
so. Checking takes three times as long as signing and twenty times as long as a digest of both. Live nodes have keys of
their own in processes of their own, and know nothing of the kind.
"""

from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    PrivateFormat,
    PublicFormat,
)

from noroshi.records.known import Known, question


class VouchedPublicKey(Ed25519PublicKey):
    """A public key that asks first what is known.

    Args:
        key: the key itself.
        known: right signatures, by `question` of key, signature and content.
    """

    def __init__(self, key: Ed25519PublicKey, known: Known) -> None:
        self._key, self._known, self._raw = key, known, key.public_bytes_raw()

    def verify(self, signature: bytes, data: bytes) -> None:  # type: ignore[override]  # nothing but bytes is signed
        """Return if the signature is right.

        Raises:
            cryptography.exceptions.InvalidSignature: if it is not.
        """
        asked = question(self._raw, signature, data)
        if self._known.get(asked) is None:
            self._key.verify(signature, data)
            self._known.put(asked, True)

    def public_bytes(self, encoding: Encoding, format: PublicFormat) -> bytes:  # noqa: A002
        """Return the key, encoded."""
        return self._key.public_bytes(encoding, format)

    def public_bytes_raw(self) -> bytes:
        """Return the 32 bytes of the key."""
        return self._raw

    def __eq__(self, other: object) -> bool:
        """Return whether the keys are the same."""
        return isinstance(other, Ed25519PublicKey) and other.public_bytes_raw() == self._raw

    def __hash__(self) -> int:
        """Return the hash of the key."""
        return hash(self._raw)

    def __copy__(self) -> Self:
        """Return itself, which nothing changes."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return itself, which nothing changes."""
        return self


class VouchingKey(Ed25519PrivateKey):
    """A private key that lets its signatures be known.

    Args:
        key: the key itself.
        known: see `VouchedPublicKey`.
    """

    def __init__(self, key: Ed25519PrivateKey, known: Known) -> None:
        self._key, self._known, self._raw = key, known, key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:  # type: ignore[override]  # nothing but bytes is signed
        """Return the signature of these bytes."""
        signature = self._key.sign(data)
        self._known.put(question(self._raw, signature, data), True)
        return signature

    def public_key(self) -> Ed25519PublicKey:
        """Return the public half."""
        return VouchedPublicKey(self._key.public_key(), self._known)

    def private_bytes(
        self,
        encoding: Encoding,
        format: PrivateFormat,  # noqa: A002
        encryption_algorithm: KeySerializationEncryption,
    ) -> bytes:
        """Return the key, encoded."""
        return self._key.private_bytes(encoding, format, encryption_algorithm)

    def private_bytes_raw(self) -> bytes:
        """Return the 32 bytes of the key."""
        return self._key.private_bytes_raw()

    def __copy__(self) -> Self:
        """Return itself, which nothing changes."""
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Return itself, which nothing changes."""
        return self
