"""A TOML file with the line of each of its keys, and what is wrong with it."""

import difflib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from importlib import resources
from pathlib import Path
from typing import Any

from noroshi.run.scenarios.positions import Path as KeyPath
from noroshi.run.scenarios.positions import lines_of

BYTES_MAX = 4_000_000
CHOICES_MAX = 12  # names in a message
AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")
AT_END = " (at end of document)"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong in a file.

    Attributes:
        file, line: where; the line counts from 1.
        key: which, as a person would look for it: `flights "raid-1" speed_m_s`.
        message: what is wrong and what to do.
    """

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.file}:{self.line}: {self.key + ': ' if self.key else ''}{self.message}"


class NoFileError(ValueError):
    """There is no such file, or it cannot be read."""


class ScenarioError(ValueError):
    """A file of a nation or a scenario is wrong. The message is that of the first problem."""

    def __init__(self, problems: list[Problem]) -> None:
        more = f" (and {len(problems) - 1} more; noroshi lint shows them)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """A file that was read.

    Attributes:
        name: how messages call it: the path, or `nations/japan.toml` of a shipped one.
        folder: where paths that it names begin.
        text: the whole file.
        table: what it says.
        lines: on which line each key stands.
    """

    name: str
    folder: Path
    text: str
    table: dict[str, Any]
    lines: Mapping[KeyPath, int] = field(repr=False)

    @property
    def is_shipped(self) -> bool:
        """Whether it travels with the program, so that a person changes a copy of it."""
        return self.folder.parent == Path(str(resources.files("noroshi") / "data"))

    def line(self, path: KeyPath) -> int:
        """Return the line of a key, or of the nearest thing above it that has one."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Return a problem at a key."""
        return Problem(self.name, self.line(path), self.label(path), message)

    def label(self, path: KeyPath) -> str:
        """Return a key as a person looks for it: tables of an array by their names."""
        words: list[str] = []
        at: Any = self.table
        for step in path:
            at = at[step] if _has(at, step) else None
            if isinstance(step, int):
                name = at.get("name") if isinstance(at, dict) else None
                words[-1] += f' "{name}"' if isinstance(name, str) and name else f"[{step + 1}]"
            else:
                words.append(step)
        return ", ".join(words)


def _has(at: Any, step: str | int) -> bool:
    return (isinstance(at, dict) and step in at) or (isinstance(at, list) and isinstance(step, int) and step < len(at))


def shipped(room: str) -> tuple[str, ...]:
    """Return the names of the nations, scenarios or policies that travel with the program, sorted."""
    folder = resources.files("noroshi") / "data" / room
    return tuple(sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")))


def read_source(room: str, name: str, folder: Path | None = None) -> Source:
    """Return a file by its path, or by its name among those that travel with the program.

    Args:
        room: "nations", "scenarios" or "policies".
        name: what ends in .toml or has a slash is a path.
        folder: where a path that is not absolute begins; None: where the program runs.

    Raises:
        NoFileError: if there is none; the message says what there is.
        ScenarioError: if it is no TOML.
    """
    if name.endswith(".toml") or "/" in name or "\\" in name:
        path = (folder or Path()) / name
        data = _read(path)
        return _parsed(str(path), path.parent, data)
    if name not in shipped(room):
        what = {"policies": "policy"}.get(room, room.removesuffix("s"))
        raise NoFileError(f"no {what} '{name}'; {choices(name, shipped(room))}, or give a path")
    file = resources.files("noroshi") / "data" / room / f"{name}.toml"
    return _parsed(f"{room}/{name}.toml", Path(str(file)).parent, file.read_bytes())


def _read(path: Path) -> bytes:
    try:
        if path.is_file() and path.stat().st_size > BYTES_MAX:
            raise NoFileError(f"{path}: is over {BYTES_MAX / 1e6:g} MB: no scenario is so large")
        return path.read_bytes()
    except OSError as error:
        raise NoFileError(f"{path}: cannot be read: {error.strerror}") from error


def _parsed(name: str, folder: Path, data: bytes) -> Source:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ScenarioError([Problem(name, line, "", "is not UTF-8 text: save it as UTF-8")]) from error
    text = text.replace("\r\n", "\n")
    try:
        table = tomllib.loads(text)
        lines = lines_of(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError([_syntax(name, text, str(error))]) from error
    except RecursionError as error:
        raise ScenarioError([Problem(name, 1, "", "is nested too deeply: no scenario needs that")]) from error
    source = Source(name=name, folder=folder, text=text, table=table, lines=lines)
    if problems := [
        source.problem(path, f"is {value}: give a number") for path, value in _leaves(table) if _endless(value)
    ]:
        raise ScenarioError(problems)
    return source


def _syntax(name: str, text: str, message: str) -> Problem:
    """Return what the parser did not like."""
    found = AT_LINE.search(message)
    line = int(found.group(1)) if found else text.count("\n") + 1
    plain = AT_LINE.sub("", message).removesuffix(AT_END)
    if plain.startswith("Cannot overwrite"):
        return Problem(name, line, "", "this key is there already: leave one out")
    return Problem(name, line, "", f"is not TOML here: {plain[:1].lower()}{plain[1:]}; mend this line")


def _leaves(value: Any, path: KeyPath = ()) -> list[tuple[KeyPath, Any]]:
    if isinstance(value, dict):
        return [leaf for key, each in value.items() for leaf in _leaves(each, (*path, key))]
    if isinstance(value, list):
        return [leaf for i, each in enumerate(value) for leaf in _leaves(each, (*path, i))]
    return [(path, value)]


def _endless(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def as_json(table: Mapping[str, Any]) -> str:
    """Return a table as JSON, for a strict check that takes arrays for tuples but no text for a number."""
    return json.dumps(table, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} in TOML")


def choices(wrong: str, known: tuple[str, ...] | list[str]) -> str:
    """Return what a person may have meant, or what there is."""
    near = difflib.get_close_matches(wrong, known, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    if len(known) > CHOICES_MAX:
        nearest = sorted(difflib.get_close_matches(wrong, known, n=CHOICES_MAX // 2, cutoff=0.0))
        return f"there are {len(known)}, among them {', '.join(nearest)}"
    return f"there are: {', '.join(sorted(known)) or 'none'}"
