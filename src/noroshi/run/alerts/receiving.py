"""A receiver of alerts of one exercise: each is shown once, whatever comes twice, late or from elsewhere."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography import x509

from noroshi.formats import FormatError
from noroshi.formats.cap import ExerciseNotice
from noroshi.records.alert import CANCEL
from noroshi.run.alerts.signing import verify
from noroshi.run.pki.certificates import whose
from noroshi.warning.once import Once, Verdict


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
        once: what was shown before.

    Attributes:
        once: keep its checkpoint, so that a restart shows nothing again.
        counts: what became of what came: shown, shown before, over, refused.

    Raises:
        ValueError: if an authority is another nation's or of another exercise.
    """

    def __init__(self, exercise: str, authorities: Mapping[str, x509.Certificate], *, once: Once | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self.once = Once() if once is None else once
        for nation, authority in authorities.items():
            if whose(authority, nation) != (nation, exercise):
                raise ValueError(f"the authority of {nation} is not one of exercise '{exercise}'")
        self._authorities = dict(authorities)

    def receive(self, sender: str, document: bytes, now_ns: int) -> Shown | None:
        """Return what is to be shown of a document; None if it was shown before, something newer was, or it is over.

        Args:
            sender: the nation that it is said to be from.
            document: as it came, from anywhere.
            now_ns: the time.

        Raises:
            FormatError: if it must not be taken in: of no exercise or another one, not signed by that nation, or other
                than what came under its identifier.
        """
        try:
            notice, verdict = self._judged(sender, document)
        except FormatError:
            self.counts["refused"] += 1
            raise
        ends_ns = [info.expires_ns for info in notice.infos if info.expires_ns is not None]
        if verdict is Verdict.SHOW and notice.message != CANCEL and ends_ns and now_ns >= max(ends_ns):
            verdict = Verdict.OVER
        self.counts[verdict.value] += 1
        return Shown(notice=notice, replaces=_replaced(notice)) if verdict is Verdict.SHOW else None

    def _judged(self, sender: str, document: bytes) -> tuple[ExerciseNotice, Verdict]:
        if sender not in self._authorities:
            raise FormatError(f"'{sender[:40]}' warns nobody in this exercise")
        notice = verify(document, self._authorities[sender])
        digest = hashlib.sha256(repr(notice).encode()).digest()
        verdict = self.once.take(notice.sender, notice.identifier, digest, _replaced(notice))
        if verdict is Verdict.OTHER:
            raise FormatError(f"{notice.identifier}: says something else than what came under this name")
        return notice, verdict


def _replaced(notice: ExerciseNotice) -> tuple[str, ...]:
    return tuple(each.identifier for each in notice.references if each.sender == notice.sender)
