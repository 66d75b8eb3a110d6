"""A receiver of alerts of one exercise: each is shown once, whatever comes twice, late or from elsewhere."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from cryptography import x509

from noroshi.formats import FormatError
from noroshi.formats.cap import ExerciseNotice
from noroshi.run.alerts.signing import verify
from noroshi.run.pki.certificates import whose

KEPT_MAX = 10_000  # messages that are remembered; the oldest are forgotten first
VERSION = 1

Key = tuple[str, str]
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is to be shown, and what is to be taken away for it."""

    notice: ExerciseNotice
    replaces: tuple[str, ...]


class Receiver:
    """Takes in signed CAP documents.

    Args:
        exercise: in which it takes part; nothing else is taken in, and nothing that is real.
        authorities: of each nation that may warn, in this exercise.

    Attributes:
        counts: what became of what came: shown, shown before, over, refused.

    Raises:
        ValueError: if an authority is another nation's or of another exercise.
    """

    def __init__(self, exercise: str, authorities: Mapping[str, x509.Certificate]) -> None:
        self.counts: Counter[str] = Counter()
        for nation, authority in authorities.items():
            if whose(authority, nation) != (nation, exercise):
                raise ValueError(f"the authority of {nation} is not one of exercise '{exercise}'")
        self._authorities = dict(authorities)
        self._seen: dict[Key, bytes] = {}
        self._replaced: dict[Key, None] = {}

    def receive(self, sender: str, document: bytes) -> Shown | None:
        """Return what is to be shown of a document; None if it was shown before, or something newer was.

        Args:
            sender: the nation that it is said to be from.
            document: as it came, from anywhere.

        Raises:
            FormatError: if it must not be taken in: of no exercise or another one, not signed by that nation, or other
                than what came under its identifier.
        """
        try:
            notice, key, digest = self._taken_in(sender, document)
        except FormatError:
            self.counts["refused"] += 1
            raise
        if key in self._seen:
            self.counts["shown before"] += 1
            return None
        _remember(self._seen, key, digest)
        replaced = [each.identifier for each in notice.references if each.sender == notice.sender]
        for identifier in replaced:
            _remember(self._replaced, (notice.sender, identifier), None)
        if key in self._replaced:
            self.counts["over"] += 1
            return None
        self.counts["shown"] += 1
        return Shown(notice=notice, replaces=tuple(replaced))

    def _taken_in(self, sender: str, document: bytes) -> tuple[ExerciseNotice, Key, bytes]:
        if sender not in self._authorities:
            raise FormatError(f"'{sender[:40]}' warns nobody in this exercise")
        notice = verify(document, self._authorities[sender])
        key, digest = (notice.sender, notice.identifier), hashlib.sha256(repr(notice).encode()).digest()
        if self._seen.get(key, digest) != digest:
            raise FormatError(f"{notice.identifier}: says something else than what came under this name")
        return notice, key, digest

    def checkpoint(self) -> bytes:
        """Return what `resume` needs so that nothing is shown twice after a restart."""
        return msgspec.msgpack.encode([VERSION, list(self._seen.items()), list(self._replaced)])

    def resume(self, data: bytes) -> None:
        """Remember what the receiver did that gave this checkpoint.

        Raises:
            FormatError: if it is none.
        """
        try:
            version, seen, replaced = msgspec.msgpack.decode(data, type=tuple[int, list[tuple[Key, bytes]], list[Key]])
        except msgspec.DecodeError as error:
            raise FormatError(f"not a receiver's memory: {error}") from error
        if version != VERSION:
            raise FormatError(f"a receiver's memory of version {version}; this program reads {VERSION}")
        self._seen, self._replaced = dict(seen), dict.fromkeys(replaced)


def _remember(kept: dict[Key, V], key: Key, value: V) -> None:
    kept[key] = value
    if len(kept) > KEPT_MAX:
        del kept[next(iter(kept))]
