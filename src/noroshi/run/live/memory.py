"""What a live node leaves on its disk so that it goes on after it fell: a checkpoint, and the journal since.

A record is in the journal before the node sees it, and the journal is in the hands of the operating system before that
(a killed process loses nothing; a power cut may lose the last moments). A checkpoint says up to which record of which
segment it goes. After a fall the newest whole checkpoint is taken up and the records since are run again, in silence.
"""

import hashlib
import os
import struct
import threading
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import msgspec

from noroshi.formats import FormatError
from noroshi.records import Batch
from noroshi.run.journal import JournalWriter, read_records
from noroshi.run.outputs import OutputError
from noroshi.run.setup import Setup

MAGIC = b"noroshi checkpoint 9\n"
DIGEST_BYTES = 32
LENGTH = struct.Struct(">Q")
PART_BYTES = 1 << 20  # some milliseconds


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    segment: int
    n_records: int
    tracker: str


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
        self._tracker = self._tracker_before = ""
        self._settling: threading.Thread | None = None
        self._trouble: OSError | None = None

    @property
    def is_of_another_tracker(self) -> bool:
        """Whether the checkpoint that `last` returned is of other sensors, tracker, motion or registration than now."""
        return self._tracker_before not in ("", self._tracker)

    def last(self) -> tuple[memoryview | None, Iterator[tuple[int, Batch]]]:
        """Return the newest checkpoint, None if there is none, and the (now_ns, record) since.

        Raises:
            FormatError: if the checkpoint or a journal is damaged.
        """
        path = self._folder / "checkpoint"
        if not path.exists():
            return None, self._since(_Kept(0, 0, ""))
        data = memoryview(path.read_bytes())
        if data[: len(MAGIC)] != MAGIC:
            raise FormatError(
                f"{path}: is damaged, or of another version of this program; move the folder away to begin anew"
            )
        content = data[len(MAGIC) : -DIGEST_BYTES]
        if hashlib.sha256(content).digest() != data[-DIGEST_BYTES:]:
            raise FormatError(f"{path}: is damaged; move the folder away to begin anew")
        end = LENGTH.size + LENGTH.unpack_from(content)[0]
        kept = msgspec.msgpack.decode(content[LENGTH.size : end], type=_Kept)
        self._tracker_before = kept.tracker
        return content[end:], self._since(kept)

    def start(self, setup: Setup) -> None:
        """Begin a segment of the journal."""
        self._end()
        self._segment += 1
        self._n_records = 0
        self._tracker = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(setup, sharing=None))).hexdigest()
        self._writer = JournalWriter(self._path(self._segment), setup)

    def write(self, record: Batch, now_ns: int) -> None:
        """Write a record that the node is about to see."""
        assert self._writer is not None
        self._writer.write(record, now_ns)
        self._n_records += 1

    def keep(self, checkpoint: Iterable[bytes]) -> None:
        """Write a checkpoint of the node as it is after the last record written; it is there when this returns.

        Raises:
            OutputError: if it cannot be written.
        """
        for _ in self.keeping(checkpoint):
            pass
        self._settle()

    def keeping(self, checkpoint: Iterable[bytes]) -> Iterator[None]:
        """Return what writes such a checkpoint bit by bit, each time that it is asked to go on.

        The one before counts until this one is whole and on the disk, which is some time after the last bit.

        Raises:
            OutputError: if it, or the one before, cannot be written.
        """
        self._settle()
        head = msgspec.msgpack.encode(_Kept(self._segment, self._n_records, self._tracker))
        return self._keeping(chain([LENGTH.pack(len(head)) + head], checkpoint))

    def close(self) -> None:
        """End the segment."""
        self._end()
        self._settle()

    def _keeping(self, parts: Iterable[bytes]) -> Iterator[None]:
        path = self._folder / "checkpoint"
        part_path = path.with_name(".checkpoint.part")
        running, left = hashlib.sha256(), PART_BYTES
        try:
            stream = part_path.open("wb")
            try:
                stream.write(MAGIC)
                for part in parts:
                    stream.write(part)
                    running.update(part)
                    left -= len(part)
                    if left <= 0:
                        left = PART_BYTES
                        yield
                stream.write(running.digest())
                stream.flush()
            except BaseException:
                stream.close()
                raise
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from error

        def settle() -> None:
            """See it onto the disk, which may take as long as it likes (a thread)."""
            try:
                with stream:
                    os.fsync(stream.fileno())
                part_path.replace(path)
            except OSError as error:
                self._trouble = error

        self._settling = threading.Thread(target=settle, name="checkpoint")
        self._settling.start()

    def _settle(self) -> None:
        """Wait until a checkpoint that was written is on the disk.

        Raises:
            OutputError: if it is not.
        """
        if self._settling is not None:
            self._settling.join()
            self._settling = None
        if self._trouble is not None:
            trouble, self._trouble = self._trouble, None
            raise OutputError(f"{self._folder / 'checkpoint'}: cannot be written: {trouble.strerror}") from trouble

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
