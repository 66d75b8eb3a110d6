"""Alerts as files in a folder: FOLDER/exercise-NAME/IDENTIFIER.cap.xml, each whole or not there at all."""

import os
from pathlib import Path

from noroshi.run.outlets import ENDINGS, ExerciseMessage, OutletError, RefusedError, body_of, check_medium


class Outlet:
    """Puts each message into a file of its own; a repeat finds its file there and leaves it.

    Args:
        folder: under which each exercise has a folder.
        medium: "cap", "json" or "cot".

    Raises:
        SettingError: if there is no such medium.
    """

    def __init__(self, *, folder: str | Path, medium: str = "cap") -> None:
        self.medium = check_medium(medium)
        self._folder = Path(folder)

    def send(self, message: ExerciseMessage) -> None:
        """Write the file through to the disk."""
        body = body_of(message, self.medium)
        folder = self._folder / f"exercise-{message.exercise}"
        path = folder / f"{message.identifier}{ENDINGS[self.medium]}"
        try:
            if not path.exists():
                folder.mkdir(parents=True, exist_ok=True)
                _write(path, body)
            elif path.read_bytes() != body:
                raise RefusedError(f"{path}: is there already, and says something else")
        except OSError as error:
            raise OutletError(f"{path}: cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Do nothing: no file is open between two messages."""


def _write(path: Path, body: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name of a new file is in its folder, which has its own place on the disk
    finally:
        os.close(folder)
