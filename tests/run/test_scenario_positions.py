"""The line of every key: against where a text was put together, and against the standard library's own TOML files."""

import importlib.util
import tomllib
from pathlib import Path

import pytest

from noroshi.run.scenarios.positions import lines_of

TEXT = '''# a comment with [brackets] and "quotes"
title = "one # not a comment"
"quoted key" = 'two'
a.b.c = 3
long = """
[not_a_table]
key = 1
"""
lines = [
    1,  # first
    [2, 3],
    { x = 4, y = { z = 5 } },
]

[table]
when = 2030-01-01T00:00:00Z
[[rows]]
name = "r0"
[rows.inner]
x = 1
[[rows.deep]]
y = 2
[[rows]]
name = "r1"
[[rows.deep]]
y = 3
[[rows.deep]]
y = 4
'''
WHERE = {
    ("title",): 2, ("quoted key",): 3, ("a", "b", "c"): 4, ("long",): 5, ("lines",): 9, ("lines", 0): 10,
    ("lines", 1): 11, ("lines", 1, 1): 11, ("lines", 2, "x"): 12, ("lines", 2, "y", "z"): 12, ("table",): 15,
    ("table", "when"): 16, ("rows",): 17, ("rows", 0): 17, ("rows", 0, "name"): 18, ("rows", 0, "inner"): 19,
    ("rows", 0, "inner", "x"): 20, ("rows", 0, "deep", 0, "y"): 22, ("rows", 1): 23, ("rows", 1, "name"): 24,
    ("rows", 1, "deep", 0): 25, ("rows", 1, "deep", 1, "y"): 28,
}  # fmt: skip


def standard_files():
    """Return the valid TOML files of the standard library's own tests, where a Python has them."""
    spec = importlib.util.find_spec("test")
    if spec is None or not spec.submodule_search_locations:
        return []
    folder = Path(next(iter(spec.submodule_search_locations))) / "test_tomllib/data/valid"
    return sorted(folder.rglob("*.toml"))


def paths_in(value, path=()):
    """Return the path of everything within a parsed TOML file."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path} | {each for key, inner in below for each in paths_in(inner, (*path, key))}


@pytest.mark.parametrize(("path", "line"), WHERE.items())
def test_each_key_has_the_line_it_stands_on(path, line):
    assert lines_of(TEXT)[path] == line


def test_everything_in_the_standard_librarys_files_has_a_line():
    files = standard_files()
    if not files:
        pytest.skip("this Python came without its tests")
    for file in files:
        text = file.read_bytes().decode().replace("\r\n", "\n")
        lines = lines_of(text)
        assert set(lines) == paths_in(tomllib.loads(text)), file.name
        assert max(lines.values()) <= text.count("\n") + 1
