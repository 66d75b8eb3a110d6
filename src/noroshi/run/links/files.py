"""A link of files, for an air gap or a diode: a folder that frames are written into, and one that they are read from.

Something else carries the files from the partner's `out` to our `into`: a person with a disk, a diode's software. A
frame is one file, which is there whole or not at all and through to the disk before `send` returns; it is deleted when
the caller comes back for more, so that a node that dies in between finds it again and gets it twice rather than never.
Either folder may be absent: then nothing goes that way. Frames are sealed: whoever carries them cannot read them.
"""

import hashlib
import os
import re
import threading
import time
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from noroshi.run import pki
from noroshi.run.links import FRAME_BYTES_MAX, Arrived, Counters, LinkError, LinkSettings, check_frame
from noroshi.run.links.sealing import SEAL_BYTES, Opener, Sealer, seals

MAGIC = b"noroshi frame 1\n"
HEAD_BYTES = len(MAGIC) + 8 + 32  # length, SHA-256
NAME = re.compile(r"[01]-(?P<number>[0-9]{20})\.frame")  # urgent ones sort before others, older ones before newer
TAKEN_FRAMES, TAKEN_BYTES = 1_000, 64 << 20  # at a time
COUNT_S = 1.0
SEALED_BYTES_MAX = FRAME_BYTES_MAX + SEAL_BYTES


class Settings(LinkSettings):
    """A link of files."""

    out: Path | None = Field(default=None, description="Folder that frames to the partner are written into.")
    into: Path | None = Field(default=None, description="Folder that the partner's frames appear in.")
    frames_max: int = Field(default=100_000, ge=1, description="So many wait in `out` at most; more are refused.")
    bytes_max: int = Field(default=1 << 30, ge=FRAME_BYTES_MAX, description="So many bytes wait in `out` at most.")
    poll_s: float = Field(default=0.2, ge=0.01, le=60.0, description="How often `into` is looked at.")

    def open(self, arrived: Arrived) -> "FilesLink":
        """Return the link, opened; see `LinkSettings`."""
        if self.out is None and self.into is None:
            raise LinkError("a link of type files needs a folder: out, into or both")
        if self.out == self.into:
            raise LinkError(f"{self.out}: is both out and into: the node would read its own frames")
        for folder in (self.out, self.into):
            if folder is not None and not folder.is_dir():
                raise LinkError(f"{folder}: there is no such folder; make it first")
        own, partner = pki.identity(self.keys), pki.partner_of(self.keys, self.partner)
        if not own.exercise == partner.exercise == self.exercise:
            raise LinkError(f"{self.keys}: these keys, or {self.partner}'s, are of another exercise, or of none")
        return FilesLink(self, seals(own, partner, time.time_ns()), arrived)


class FilesLink:
    """Two folders."""

    def __init__(self, settings: Settings, seals: tuple[Sealer, Opener], arrived: Arrived) -> None:
        self._settings, self._arrived = settings, arrived
        self._sealer, self._opener = seals
        self._counters = Counters()
        self._lock = threading.Lock()
        self._taken: list[Path] = []
        self._incomplete: set[str] = set()
        self._is_closed = threading.Event()
        waiting = [] if settings.out is None else _frames(settings.out)
        self._number = max([time.time_ns(), *(int(path.name[2:22]) + 1 for path in waiting)])
        self._waiting_frames = self._waiting_bytes = 0
        self._counted_s = -COUNT_S
        self._watch = threading.Thread(target=self._look, name="link-files", daemon=True)
        self._watch.start()

    @property
    def up(self) -> bool:
        """Whether the folders are there: nobody knows of the partner."""
        folders = (self._settings.out, self._settings.into)
        return not self._is_closed.is_set() and all(folder is None or folder.is_dir() for folder in folders)

    @property
    def counters(self) -> Counters:
        """What became of frames so far; `sent` are written."""
        with self._lock:
            return replace(self._counters)

    @property
    def trouble(self) -> str | None:
        """Frames that lie there cut off, perhaps because they are still being copied."""
        names = sorted(self._incomplete)
        return f"{self._settings.into}: {len(names)} frames are not whole, as {names[0]}" if names else None

    @property
    def room_bytes(self) -> int:
        """What the folder may still hold."""
        with self._lock:
            return max(0, self._settings.bytes_max - self._waiting_bytes) if self._settings.out is not None else 0

    def send(self, frame: bytes, *, urgent: bool) -> bool:
        """Write a frame; when this returns True it is on the disk."""
        check_frame(frame)
        out = self._settings.out
        with self._lock:
            try:
                if out is None or self._is_closed.is_set() or not self._has_room(out, len(frame)):
                    self._counters.refused += 1
                    return False
                self._number += 1
                _write(out / f"{0 if urgent else 1}-{self._number:020d}.frame", self._sealer.seal(frame))
            except OSError:  # the disk is full, or gone
                self._counters.refused += 1
                return False
            self._waiting_frames += 1
            self._waiting_bytes += len(frame)
            self._counters.sent += 1
            return True

    def receive(self) -> list[bytes]:
        """Return what has come, a thousand frames at most; those of the call before are deleted now."""
        into = self._settings.into
        frames: list[bytes] = []
        with self._lock:
            if into is None or self._is_closed.is_set():
                return frames
            for path in self._taken:
                path.unlink(missing_ok=True)
            self._taken.clear()
            self._incomplete.clear()
            n_bytes = 0
            for path in _frames(into):
                if len(frames) == TAKEN_FRAMES or n_bytes >= TAKEN_BYTES:
                    break
                frame = self._read(path)
                if frame is not None:
                    n_bytes += len(frame)
                    frames.append(frame)
                    self._taken.append(path)
            self._counters.received += len(frames)
        return frames

    def close(self) -> None:
        """Stop; what was taken last may come again."""
        self._is_closed.set()
        if threading.current_thread() is not self._watch:
            self._watch.join(1.0)

    def _has_room(self, out: Path, n_bytes: int) -> bool:
        if time.monotonic() - self._counted_s > COUNT_S:  # somebody carries them away meanwhile
            sizes = [path.stat().st_size for path in _frames(out) if path.exists()]
            self._waiting_frames, self._waiting_bytes = len(sizes), sum(sizes)
            self._counted_s = time.monotonic()
        fits = self._waiting_bytes + n_bytes <= self._settings.bytes_max
        return fits and self._waiting_frames < self._settings.frames_max

    def _read(self, path: Path) -> bytes | None:
        """Return the frame of a file; None if it is not whole yet, or damaged, and then set aside."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as file:
                data = file.read(HEAD_BYTES + SEALED_BYTES_MAX + 1)
        except OSError:
            self._incomplete.add(path.name)
            return None
        head, frame = data[:HEAD_BYTES], data[HEAD_BYTES:]
        length = int.from_bytes(head[len(MAGIC) : len(MAGIC) + 8], "big")
        is_ours = MAGIC.startswith(head[: len(MAGIC)]) and (len(head) < HEAD_BYTES or length <= SEALED_BYTES_MAX)
        if is_ours and (len(head) < HEAD_BYTES or len(frame) < length):
            self._incomplete.add(path.name)
            return None
        if is_ours and len(frame) == length and hashlib.sha256(frame).digest() == head[-32:]:
            opened = self._opener.open(frame)
            if opened is not None:
                return opened
        path.rename(path.with_suffix(".damaged"))
        self._counters.dropped_in += 1
        return None

    def _look(self) -> None:
        while not self._is_closed.wait(self._settings.poll_s):
            with self._lock:
                known = {path.name for path in self._taken} | self._incomplete
            if self._settings.into is not None and any(path.name not in known for path in _frames(self._settings.into)):
                self._arrived()


def _frames(folder: Path) -> list[Path]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if NAME.fullmatch(entry.name))
    except OSError:
        return []
    return [folder / name for name in names]


def _write(path: Path, frame: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("xb") as file:
        file.write(MAGIC + len(frame).to_bytes(8, "big") + hashlib.sha256(frame).digest() + frame)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
