"""The journal: every record that a node received, written before the node saw it.

An MCAP file (https://mcap.dev/spec), one segment for each start, unchunked and flushed record by record: what the node
has seen is on the disk. The channel names what a record is; `configuration` comes first.
"""

import hashlib
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from mcap.exceptions import EndOfFile, McapError
from mcap.records import Channel, DataEnd, Message
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, Writer

from noroshi.formats import FormatError
from noroshi.formats.columns import pack, unpack
from noroshi.records import Batch, Detections, Frame
from noroshi.run.setup import Setup

CONFIGURATION = "configuration"
ENCODING = "noroshi-columns"
RECORD_BYTES_MAX = 2**30


class RunningDigest:
    """What `journal_digest` gives of a journal, reckoned while it is written, segment after segment."""

    def __init__(self) -> None:
        self._running = hashlib.sha256()
        self._is_begun = False

    def add(self, channel: str, now_ns: int, data: bytes) -> None:
        """Add one message."""
        if channel == CONFIGURATION and self._is_begun:
            return  # of several segments the first one's counts
        self._is_begun = True
        self._running.update(f"{now_ns} {channel} {len(data)} ".encode())
        self._running.update(data)

    def told(self) -> str:
        """Return the digest of all that was added."""
        return self._running.hexdigest()


class JournalWriter:
    """Writes a journal; use as a context.

    Args:
        path: the file; None if nothing is to be kept but the digest.
        setup: what the node is made of; for a journal that is no node's, whatever it is made of, as plain data.
        is_flushed: whether a record is on the disk before `write` returns; an exercise can be run again and need not.
        digest: to which each message is added as it is written.
    """

    def __init__(
        self,
        path: Path | None,
        setup: Setup | dict[str, Any],
        *,
        is_flushed: bool = True,
        digest: RunningDigest | None = None,
    ) -> None:
        self._is_flushed, self._digest, self._path = is_flushed, digest, path
        self._stream = None if path is None else path.open("wb")
        self._channels: dict[str, int] = {}
        self._sequence = 0
        try:
            if self._stream is not None:
                self._writer = Writer(self._stream, compression=CompressionType.NONE, use_chunking=False)
                self._writer.start(profile="noroshi", library="noroshi")
            self._put(CONFIGURATION, "json", 0, msgspec.json.encode(setup))
        except OSError as error:
            raise self._failed(error) from None

    def write(self, record: Batch, now_ns: int) -> None:
        """Write one record and see it onto the disk."""
        about = ""
        if isinstance(record, Detections):
            about = record.sensor
        elif isinstance(record, Frame):
            about = record.partner
        self._put(f"{type(record).__name__.lower()}/{about}", ENCODING, now_ns, pack(record))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is None:
            return
        try:
            self._writer.finish()  # type: ignore[no-untyped-call]
            self._stream.close()
        except OSError as trouble:
            raise self._failed(trouble) from None

    def _put(self, channel: str, encoding: str, now_ns: int, data: bytes) -> None:
        if self._digest is not None:
            self._digest.add(channel, now_ns, data)
        if self._stream is None:
            return
        try:
            if channel not in self._channels:
                self._channels[channel] = self._writer.register_channel(channel, encoding, schema_id=0)
            self._writer.add_message(self._channels[channel], now_ns, data, now_ns, self._sequence)
            self._sequence += 1
            if self._is_flushed:
                self._stream.flush()
        except OSError as error:
            error.filename = str(self._path)
            raise

    def _failed(self, error: OSError) -> OSError:
        """Return an error with the file's name; a file that holds nothing is taken away."""
        if self._stream is not None and self._path is not None:
            error.filename = str(self._path)
            with suppress(OSError):
                self._stream.close()
            if self._path.is_file() and self._path.stat().st_size == 0:
                self._path.unlink()
        return error


def read_setup(path: Path) -> Setup:
    """Return the configuration a journal was made with.

    Raises:
        FormatError: if the file is no journal of this program.
    """
    for channel, _, data in _messages(path):
        if channel != CONFIGURATION:
            break
        try:
            return msgspec.json.decode(data, type=Setup)
        except msgspec.DecodeError as error:
            if path.stem == "world":  # as an exercise calls what was true
                raise FormatError(f"{path}: is the truth of an exercise, no node's; give NODE.mcap") from error
            raise FormatError(f"{path}: its configuration cannot be read: {error}") from error
    raise FormatError(f"{path}: not a noroshi journal: no configuration at its beginning")


def read_records(path: Path) -> Iterator[tuple[int, Batch]]:
    """Yield (now_ns, record) in the order in which the node received them.

    A journal that was cut off (a crash, a full disk) yields every record that is whole.

    Raises:
        FormatError: if a record cannot be read.
    """
    for channel, now_ns, data in _messages(path):
        if channel != CONFIGURATION:
            try:
                yield now_ns, unpack(data)
            except FormatError as error:
                raise FormatError(f"{path}: channel {channel} at {now_ns} ns: {error}") from error


def journal_digest(*segments: Path) -> str:
    """Return the SHA-256 over the ordered (now_ns, channel, payload) of a journal.

    Of several segments, one for each start, the first one's configuration counts: a run that was interrupted and went
    on has the digest of one that was not.
    """
    running = RunningDigest()
    for path in segments:
        for channel, now_ns, data in _messages(path):
            running.add(channel, now_ns, data)
    return running.told()


def _messages(path: Path) -> Iterator[tuple[str, int, bytes]]:
    topics: dict[int, str] = {}
    try:
        with path.open("rb") as stream:
            for record in StreamReader(stream, record_size_limit=RECORD_BYTES_MAX).records:
                if isinstance(record, Channel):
                    topics[record.id] = record.topic
                elif isinstance(record, Message):
                    yield topics[record.channel_id], record.log_time, record.data
                elif isinstance(record, DataEnd):
                    return
    except (EndOfFile, struct.error):
        return  # cut off inside a record, by a crash: what came before is whole
    except OSError as error:
        raise FormatError(f"{path}: {error.strerror}") from error
    except (McapError, ValueError, KeyError) as error:
        raise FormatError(f"{path}: not a journal, or a damaged one ({type(error).__name__})") from error
