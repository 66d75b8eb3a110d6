"""The decisions of a live node as a record of their own: chained, signed for, on the disk before anybody sees them.

The journal holds them too, and is what the node goes on from; this is what it shows to whoever asks what was decided
(`noroshi audit verify`). A node that fell between the two adds what is missing when it starts.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from noroshi.command.book import Book
from noroshi.command.matters import founder_of
from noroshi.command.rows import Row
from noroshi.node.outgoing import Outgoing
from noroshi.records import Decision
from noroshi.run.stores.decisions import DecisionFolder, read_decisions


class Kept:
    """The record of what one node took.

    Args:
        folder: of the record.
        nation, key: whose node it is, and its signing key.
        book: what the node's decisions have come to.
        now_ns: the time.

    Raises:
        StoreError: as `AuditFolder`.
    """

    def __init__(self, folder: Path, nation: str, key: Ed25519PrivateKey, book: Book, now_ns: int) -> None:
        self._folder, self._book = folder, book
        self._record = DecisionFolder(folder, owner=nation, key=key, time_ns=now_ns)

    def keep(self, given: Sequence[Outgoing], now_ns: int) -> None:
        """Return when all steps that were taken, among what the node gives out, are on the disk and signed for."""
        told = [out.record for out in given if out.channel == "decision"]
        rows = [row for record in told if isinstance(record, Decision) for row in self._taken_of(record)]
        self._record.add(rows, now_ns)
        self._record.commit(now_ns)

    def catch_up(self, now_ns: int) -> None:
        """Add what the node knows and the record does not."""
        known = set(read_decisions(self._folder))
        rows = [row for matter in self._book.matters.values() for row in matter.rows if row not in known]
        self._record.add(rows, now_ns)
        self._record.commit(now_ns)

    def close(self, now_ns: int) -> None:
        """Sign for all there is, and close."""
        self._record.close(now_ns)

    def _taken_of(self, record: Decision) -> Iterator[Row]:
        """Yield the steps of a record that were taken; what goes to another nation's node for that is not yet."""
        for stream, version, *name in zip(*_names(record), strict=True):
            matter = self._book.matters.get((founder_of(record.nation, stream), stream))
            row = matter.rows[version] if matter is not None and version < len(matter.rows) else None
            if row is not None and [row.key, row.by] == name:
                yield row


def _names(record: Decision) -> tuple[list[str], list[int], list[str], list[str]]:
    """Return by what the steps of a record are told from all others."""
    return record.stream.tolist(), record.version.tolist(), record.key.tolist(), record.by.tolist()
