"""On which line of a TOML text each key stands. The standard library's parser, which reads the values, does not say.

Only for texts that `tomllib` has accepted: what is not allowed is not noticed here.
"""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Mapping

Path = tuple[str | int, ...]
"""Where a value is: keys of tables and indices of arrays, from the top."""

BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|'
    r"'''.*?'{3,5}|"
    r'"(?:\\.|[^"\\\n])*"|'
    r"'[^'\n]*'",
    re.DOTALL,
)
PLAIN = re.compile(r"[^,\]}#\n]*")  # numbers, booleans, dates


def lines_of(text: str) -> Mapping[Path, int]:
    """Return the line, counted from 1, of each key, table and element of an array; the empty path is line 1."""
    walk = _Walk(text)
    walk.document()
    return walk.lines


class _Walk:
    """One pass over a valid text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.ends = [found.start() for found in re.finditer("\n", text)]
        self.lines: dict[Path, int] = {(): 1}
        self.lengths: dict[Path, int] = {}

    def document(self) -> None:
        """Note everything."""
        table: Path = ()
        while self.skip() < len(self.text):
            start = self.at
            if self.text.startswith("[[", start):
                self.at += 2
                table = self.inside(self.key())
                self.lengths[table] = self.lengths.get(table, 0) + 1
                table = (*table, self.lengths[table] - 1)
                self.note(table, start, newest=True)
                self.at += 2
            elif self.text[start] == "[":
                self.at += 1
                table = self.inside(self.key())
                self.note(table, start, newest=True)
                self.at += 1
            else:
                self.pair(table)

    def skip(self) -> int:
        """Go on behind blanks and comments; return where that is."""
        found = BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def note(self, path: Path, at: int, *, newest: bool = False) -> None:
        line = bisect_left(self.ends, at) + 1
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)
        if newest:
            self.lines[path] = line

    def inside(self, keys: Path) -> Path:
        """Return the path that a table's header means: of an array of tables its last."""
        path: Path = ()
        for i, key in enumerate(keys):
            path = (*path, key)
            if i < len(keys) - 1 and path in self.lengths:
                path = (*path, self.lengths[path] - 1)
        return path

    def key(self) -> Path:
        """Return a dotted key and go on behind it."""
        keys: list[str] = []
        while True:
            self.skip()
            if bare := BARE_KEY.match(self.text, self.at):
                keys.append(bare.group())
                self.at = bare.end()
            else:
                keys.append(tomllib.loads(f"_ = {self.string()}")["_"])
            self.skip()
            if self.text[self.at] != ".":
                return tuple(keys)
            self.at += 1

    def string(self) -> str:
        """Return a string as it is written and go on behind it."""
        found = STRING.match(self.text, self.at)
        written = found.group() if found else self.text[self.at]
        self.at += len(written)
        return written

    def pair(self, table: Path) -> None:
        """Note `key = value`."""
        start = self.skip()
        path = (*table, *self.key())
        self.note(path, start)
        self.at += 1  # the equals sign
        self.value(path)

    def value(self, path: Path) -> None:
        """Note what stands inside a value and go on behind it."""
        self.skip()
        opening = self.text[self.at]
        if opening in "\"'":
            self.string()
        elif opening == "[":
            self.at += 1
            index = 0
            while self.text[self.skip()] != "]":
                self.note((*path, index), self.at)
                self.value((*path, index))
                index += 1
                self.comma()
            self.at += 1
        elif opening == "{":
            self.at += 1
            while self.text[self.skip()] != "}":
                self.pair(path)
                self.comma()
            self.at += 1
        else:
            plain = PLAIN.match(self.text, self.at)
            self.at = plain.end() if plain else self.at + 1

    def comma(self) -> None:
        if self.text[self.skip()] == ",":
            self.at += 1
