"""Files of keys: secret ones for their owner's eyes alone, each written whole or not at all."""

import os
from pathlib import Path

BYTES_MAX = 1 << 16


class PkiError(ValueError):
    """Keys or certificates that cannot be made, read or trusted. The message is one line for a person."""


def make_folder(folder: Path) -> None:
    """Make a folder of keys that only its owner can enter; one that is there stays as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def refuse_to_overwrite(*paths: Path) -> None:
    """Refuse if one of the files is there.

    Raises:
        PkiError: naming it.
    """
    for path in paths:
        if path.exists():
            raise PkiError(f"{path}: is there already, and what trusts it would not trust another: nothing was written")


def write(path: Path, data: bytes, *, secret: bool = False) -> None:
    """Put a file there in one step and through to the disk; a secret one with mode 0600 from its first byte on."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if secret else 0o644)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def read(path: Path) -> bytes:
    """Read a small file.

    Raises:
        PkiError: if it cannot be read, or is too large to be what it should be.
    """
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise PkiError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > BYTES_MAX:
        raise PkiError(f"{path}: is larger than {BYTES_MAX >> 10} KiB and no file of keys")
    return data


def read_secret(path: Path) -> bytes:
    """Read a file that is its owner's alone.

    Raises:
        PkiError: if others may read it too, or it cannot be read.
    """
    data = read(path)
    if path.stat().st_mode & 0o077:
        raise PkiError(f"{path}: others on this machine may read it: chmod 600 {path}")
    return data
