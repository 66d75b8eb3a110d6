"""The journals of a listener: one for each node it makes, numbered."""

from pathlib import Path

from noroshi.run.journal import JournalWriter
from noroshi.run.setup import Setup


class Journals:
    """Begins journals in a folder.

    Args:
        folder: made if it is not there.

    Raises:
        ValueError: if it cannot be made, or is not empty.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise ValueError(f"{folder}: cannot be made: {error.strerror}") from error
        if any(folder.iterdir()):
            raise ValueError(f"{folder}: is not empty; give another folder for the journals")
        self.folder = folder
        self._numbers: dict[str, int] = {}

    def begin(self, name: str, setup: Setup) -> JournalWriter:
        """Return a new journal, NAME.mcap, NAME.2.mcap and so on; each can be replayed for itself."""
        plain = "".join(letter if letter.isalnum() else "-" for letter in name)
        number = self._numbers[plain] = self._numbers.get(plain, 0) + 1
        return JournalWriter(self.folder / (f"{plain}.mcap" if number == 1 else f"{plain}.{number}.mcap"), setup)
