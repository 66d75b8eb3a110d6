"""Frames that only the partner can read, whatever carries them: a disk, or a TLS that trusts more than it should.

Both ends have a key for this from what they handed to each other. Their X25519 agreement, which nobody else can make, a
number of the session that is drawn anew and who tells whom give the key of that session and direction (HKDF, SHA-256);
frames are numbered and sealed with ChaCha20-Poly1305. Source: RFC 7748, RFC 5869, RFC 8439. There is no forward secrecy
in this layer: it is TLS that has it. Frames may come doubled or late; the exchange knows its own.
"""

import os
from collections.abc import Sequence
from itertools import count

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from noroshi.run.pki import Identity, Partner

SESSION_BYTES, NUMBER_BYTES, TAG_BYTES = 16, 8, 16
SEAL_BYTES = SESSION_BYTES + NUMBER_BYTES + TAG_BYTES
SESSIONS_KEPT = 8


def way(owner: str, recipient: str, exercise: str | None) -> bytes:
    """Return what binds keys to a direction: frames told one way, or in an exercise, do not open in another."""
    return f"noroshi frames 1\n{owner}\n{recipient}\n{exercise or ''}".encode()


def seals(own: Identity, partner: Partner, now_ns: int) -> tuple["Sealer", "Opener"]:
    """Return what seals frames to a partner, and what opens its."""
    sealer = Sealer(
        own.sealing_key_at(now_ns), partner.sealing_key_at(now_ns), way(own.nation, partner.nation, own.exercise)
    )
    back = way(partner.nation, own.nation, own.exercise)
    return sealer, Opener([key.sealing for key in own.signing], partner.sealing, back)


class Sealer:
    """Seals frames to a partner. Its methods may be called from any thread."""

    def __init__(self, own: X25519PrivateKey, partner: X25519PublicKey, way: bytes) -> None:
        self._session = os.urandom(SESSION_BYTES)
        self._cipher = _cipher(own, partner, self._session, way)
        self._numbers = count(1)

    def seal(self, frame: bytes) -> bytes:
        """Return the frame, sealed."""
        number = next(self._numbers).to_bytes(NUMBER_BYTES, "big")
        head = self._session + number
        return head + self._cipher.encrypt(bytes(4) + number, frame, head)


class Opener:
    """Opens frames of a partner; either side may have several keys while it changes them."""

    def __init__(self, own: Sequence[X25519PrivateKey], partner: Sequence[X25519PublicKey], way: bytes) -> None:
        self._own, self._partner, self._way = own, partner, way
        self._ciphers: dict[bytes, ChaCha20Poly1305] = {}

    def open(self, sealed: bytes) -> bytes | None:
        """Return the frame; None if it is not one of the partner's to us."""
        session = sealed[:SESSION_BYTES]
        known = self._ciphers.get(session)
        if known is not None:
            return _opened(known, sealed)
        for own in self._own:
            for partner in self._partner:
                cipher = _cipher(own, partner, session, self._way)
                frame = _opened(cipher, sealed)
                if frame is not None:
                    self._keep(session, cipher)
                    return frame
        return None

    def _keep(self, session: bytes, cipher: ChaCha20Poly1305) -> None:
        latest = list(self._ciphers.items())[1 - SESSIONS_KEPT :]
        self._ciphers = {**dict(latest), session: cipher}


def _opened(cipher: ChaCha20Poly1305, sealed: bytes) -> bytes | None:
    if len(sealed) < SEAL_BYTES:
        return None
    head = sealed[: SESSION_BYTES + NUMBER_BYTES]
    try:
        return cipher.decrypt(bytes(4) + head[SESSION_BYTES:], sealed[len(head) :], head)
    except InvalidTag:
        return None


def _cipher(own: X25519PrivateKey, partner: X25519PublicKey, session: bytes, way: bytes) -> ChaCha20Poly1305:
    agreed = own.exchange(partner)
    return ChaCha20Poly1305(HKDF(algorithm=SHA256(), length=32, salt=session, info=way).derive(agreed))
