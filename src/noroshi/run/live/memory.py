"""What a live node leaves on its disk so that it goes on after it fell: a checkpoint, and the journal since.

A record is in the journal before the node sees it, and the journal is in the hands of the operating system before that
(a killed process loses nothing; a power cut may lose the last moments). A checkpoint says up to which record of which
segment it goes. After a fall the newest whole checkpoint is taken up and the records since are run again, in silence.
"""

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from noroshi.formats import FormatError
from noroshi.records import Batch
from noroshi.run.journal import JournalWriter, read_records
from noroshi.run.outputs import replace
from noroshi.run.setup import Setup

DIGEST_BYTES = 32
KEPT_SEGMENTS = 64


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    segment: int
    n_records: int
    node: bytes


class Memory:
    """A node's folder; use as a context.

    Args:
        folder: made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._writer: JournalWriter | None = None
        self._segment = max((number for number, _ in self._segments()), default=0)
        self._n_records = 0

    def last(self) -> tuple[bytes | None, Iterator[tuple[int, Batch]]]:
        """Return the newest checkpoint, None if there is none, and the (now_ns, record) since.

        Raises:
            FormatError: if the checkpoint or a journal is damaged.
        """
        path = self._folder / "checkpoint"
        kept = _Kept(0, 0, b"")
        if path.exists():
            data = path.read_bytes()
            if hashlib.sha256(data[DIGEST_BYTES:]).digest() != data[:DIGEST_BYTES]:
                raise FormatError(f"{path}: is damaged; move the folder away to begin anew")
            kept = msgspec.msgpack.decode(data[DIGEST_BYTES:], type=_Kept)
        return kept.node or None, self._since(kept)

    def start(self, setup: Setup) -> None:
        """Begin a segment of the journal."""
        self._end()
        self._segment += 1
        self._n_records = 0
        self._writer = JournalWriter(self._path(self._segment), setup)

    def write(self, record: Batch, now_ns: int) -> None:
        """Write a record that the node is about to see."""
        assert self._writer is not None
        self._writer.write(record, now_ns)
        self._n_records += 1

    def keep(self, checkpoint: bytes) -> None:
        """Write a checkpoint of the node as it is after the last record written."""
        content = msgspec.msgpack.encode(_Kept(self._segment, self._n_records, checkpoint))
        replace(self._folder / "checkpoint", hashlib.sha256(content).digest() + content)

    def close(self) -> None:
        """End the segment."""
        self._end()

    def _since(self, kept: _Kept) -> Iterator[tuple[int, Batch]]:
        for number, path in self._segments():
            if number == kept.segment:
                yield from islice(read_records(path), kept.n_records, None)
            elif number > kept.segment:
                yield from read_records(path)

    def _segments(self) -> list[tuple[int, Path]]:
        return sorted((int(path.stem), path) for path in self._folder.glob("*.mcap") if path.stem.isdecimal())

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:06}.mcap"

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.__exit__(None, None, None)
            self._writer = None
