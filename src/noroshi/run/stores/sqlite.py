"""Files of tables that survive kill -9 and power cuts; what each holds says the file beside this one that uses it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Literal

from noroshi.run.stores import Closing, StoreError

PAGE_BYTES = 16_384
SPARE_BYTES_MAX = 64 << 20
Synchronous = Literal["FULL", "NORMAL"]


class SqliteFile(Closing):
    """A file of tables of ours; use as a context, from one thread unless told otherwise.

    Subclasses say what it is: `APPLICATION`, `VERSION` and `TABLES`, statements that make them.

    Args:
        path: made if it does not exist.
        synchronous: "FULL", or "NORMAL" where the last moments before a power cut may be lost.
        one_thread: whether whoever calls from another thread is refused; else the caller sees to it that one calls
            at a time.

    Raises:
        StoreError: if it is another program's or another version's file, or another process has it open.
    """

    APPLICATION: ClassVar[int]
    VERSION: ClassVar[int]
    TABLES: ClassVar[str]

    def __init__(self, path: Path, *, synchronous: Synchronous = "FULL", one_thread: bool = True) -> None:
        self.path = path
        self._within = False
        self._then: list[Callable[[], None]] = []
        try:
            self._db = sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=one_thread)
        except sqlite3.Error as error:
            raise StoreError(f"{path}: cannot be opened: {error}") from error
        try:
            self._prepare(synchronous)
        except sqlite3.Error as error:
            self._db.close()
            locked = "another process has it open; end that first" if "locked" in str(error) else str(error)
            raise StoreError(f"{path}: {locked}") from error
        except StoreError:
            self._db.close()
            raise

    @contextmanager
    def together(self) -> Iterator[sqlite3.Connection]:
        """Make all that is done inside one change: it is on the disk whole when this ends, or not at all.

        If it fails, outboxes that were changed inside have to be made anew: they know of what the file does not.

        Raises:
            StoreError: if it cannot be written.
        """
        if self._within:
            yield self._db
            return
        self._within = True
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db
            self._finish()
            self._db.execute("COMMIT")
            done, self._then = self._then, []
        except BaseException as error:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            self._then = []
            if isinstance(error, sqlite3.Error):
                raise StoreError(f"{self.path}: cannot be written: {error}") from error
            raise
        finally:
            self._within = False
            self._forget()
        for each in done:
            each()

    def _finish(self) -> None:
        """Write what a change has left to its end."""

    def _forget(self) -> None:
        """Forget what a change that is over had left to its end."""

    def then(self, what: Callable[[], None]) -> None:
        """Do something once the present change is on the disk, and not at all if it fails."""
        self._then.append(what)

    def read(self, statement: str, *arguments: object) -> list[Any]:
        """Return the rows that a statement finds, those changed in `together` included.

        Raises:
            StoreError: if it cannot be read.
        """
        try:
            return self._db.execute(statement, arguments).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: cannot be read: {error}") from error

    def close(self) -> None:
        """Close the file; what is on the disk stays."""
        self._db.close()

    def _prepare(self, synchronous: str) -> None:
        for said in (
            "locking_mode = EXCLUSIVE",
            f"page_size = {PAGE_BYTES}",
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
        ):
            self._db.execute(f"PRAGMA {said}")
        with self.together() as db:
            version, application = self._number("user_version"), self._number("application_id")
            if (version, application) == (0, 0) and not self._number("schema_version"):
                for statement in self.TABLES.split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA application_id = {self.APPLICATION}")
                db.execute(f"PRAGMA user_version = {self.VERSION}")
            elif application != self.APPLICATION:
                raise StoreError(f"{self.path}: is another program's file; give another name")
            elif version != self.VERSION:
                raise StoreError(f"{self.path}: is of version {version}; this program writes {self.VERSION}")
        if self._number("freelist_count") * PAGE_BYTES > SPARE_BYTES_MAX:
            self._db.execute("VACUUM")

    def _number(self, pragma: str) -> int:
        return int(self._db.execute(f"PRAGMA {pragma}").fetchone()[0])
