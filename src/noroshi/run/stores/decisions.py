"""Decisions on the disk: a folder as `stores/audit.py` has it, chained and signed, whose entries are steps.

Steps are written as they are taken, and one `commit` covers all of a tick: it returns when they are on the disk and the
node has signed for how far the chain has come. Commit before a step is sent or shown: what nobody saw may be lost, what
somebody saw may not. `noroshi audit verify` judges the folder as any other.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from noroshi.command.rows import Row
from noroshi.run.stores import StoreError
from noroshi.run.stores.audit import AuditFolder, Keys, blocks, segments
from noroshi.sharing.audit import Entry, Pledge

DECISION = "decision"  # the kind of the entries
_ENTRY = msgspec.msgpack.Decoder(Entry)


class DecisionFolder:
    """The steps that one node took; use as a context, from one thread and one process.

    Args:
        folder: made if it does not exist; goes on where it ended.
        owner: whose record it is.
        key: the node's signing key.
        keys: the partners' public signing keys by nation, kept beside the record.
        time_ns: now.

    Raises:
        StoreError: as `AuditFolder`.
    """

    def __init__(
        self, folder: Path, *, owner: str, key: Ed25519PrivateKey, time_ns: int, keys: Keys | None = None
    ) -> None:
        self._record = AuditFolder(folder, owner=owner, key=key, keys=keys or {}, time_ns=time_ns)
        self._is_new = False

    def add(self, rows: Sequence[Row], time_ns: int) -> None:
        """Write steps, in the order in which they were taken; they are safe after `commit`.

        Raises:
            StoreError: if they cannot be written; none of them is.
        """
        if rows:
            self._record.extend(DECISION, [{"row": row} for row in rows], time_ns=time_ns)
            self._is_new = True

    def commit(self, time_ns: int) -> Pledge | None:
        """Return when all that was added is on the disk and signed for; the pledge of it, if there was anything."""
        if not self._is_new:
            return None
        self._is_new = False
        return self._record.checkpoint(time_ns)

    def close(self, time_ns: int) -> None:
        """Commit what there is, and close."""
        self._record.close(time_ns)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._record.__exit__(kind, error, trace)


def read_decisions(folder: Path) -> Iterator[Row]:
    """Yield all steps of a folder in the order in which they were taken, for `Book.restore`.

    Raises:
        StoreError: if the folder holds something else.
    """
    for path in segments(folder):
        for data in blocks(path):
            try:
                entry = _ENTRY.decode(data)
                if entry.kind == DECISION:
                    yield msgspec.convert(entry.content["row"], Row)
            except (msgspec.DecodeError, KeyError) as error:
                raise StoreError(f"{path}: an entry was altered; noroshi audit verify tells more") from error
