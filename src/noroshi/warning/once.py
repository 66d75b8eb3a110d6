"""What a receiver has shown: each alert once, whatever comes twice, late or under another's name."""

from collections.abc import Sequence
from enum import Enum

import msgspec

KEPT_MAX = 10_000  # messages that are remembered of each sender; the oldest are forgotten first
VERSION = 1


class Verdict(Enum):
    """What is to be done with a message."""

    SHOW = "shown"
    AGAIN = "shown before"
    OVER = "over"  # something that came earlier replaces or cancels it
    OTHER = "other words"  # than what came under this identifier: not to be believed


class Once:
    """Remembers identifiers of messages and what they replace; a sender speaks for its own messages alone."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[str, bytes]] = {}
        self._replaced: dict[str, dict[str, None]] = {}

    def take(self, sender: str, identifier: str, digest: bytes, replaces: Sequence[str]) -> Verdict:
        """Return what is to be done with a message that came.

        Args:
            sender: whose it is, proven by a signature.
            identifier: its own.
            digest: of what it says.
            replaces: identifiers of the sender's own messages that it replaces or cancels.
        """
        seen, replaced = self._seen.setdefault(sender, {}), self._replaced.setdefault(sender, {})
        if identifier in seen:
            return Verdict.AGAIN if seen[identifier] == digest else Verdict.OTHER
        seen[identifier] = digest
        replaced.update(dict.fromkeys(replaces))
        for kept in (seen, replaced):
            for oldest in list(kept)[: max(len(kept) - KEPT_MAX, 0)]:
                del kept[oldest]
        return Verdict.OVER if identifier in replaced else Verdict.SHOW

    def checkpoint(self) -> bytes:
        """Return what `resume` needs, so that nothing is shown again after a restart."""
        return msgspec.msgpack.encode(
            [VERSION, self._seen, {sender: list(names) for sender, names in self._replaced.items()}]
        )

    def resume(self, data: bytes) -> None:
        """Remember what was remembered when this checkpoint was made.

        Raises:
            ValueError: if it is none.
        """
        kind = tuple[int, dict[str, dict[str, bytes]], dict[str, list[str]]]
        try:
            version, seen, replaced = msgspec.msgpack.decode(data, type=kind)
        except msgspec.DecodeError as error:
            raise ValueError(f"not a receiver's memory: {error}") from error
        if version != VERSION:
            raise ValueError(f"a receiver's memory of version {version}; this program reads {VERSION}")
        self._seen, self._replaced = seen, {sender: dict.fromkeys(names) for sender, names in replaced.items()}
