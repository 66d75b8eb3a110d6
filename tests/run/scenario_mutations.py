"""A hundred and more ways to get a scenario or a nation wrong, made from the shipped files themselves."""

import re
from dataclasses import dataclass

KEY = re.compile(r"^(?P<key>[a-z_0-9]+) = (?P<value>.+)$")
UNBOUNDED = {"at_least", "at_most", "glide_heat_w_sr"}
NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")


@dataclass(frozen=True)
class Mutation:
    """A spoiled text.

    Attributes:
        name: what was done.
        text: the whole file.
        lines: those that a message may name: where it was spoiled, or the table that misses something.
    """

    name: str
    text: str
    lines: tuple[int, ...]


def mutations(text):
    """Return each line spoiled in each way that makes it wrong whatever the line says."""
    rows = text.splitlines()
    found = []
    for i, row in enumerate(rows):
        table = next((j + 1 for j in range(i, -1, -1) if rows[j].startswith("[")), 1)
        header = re.match(r"^\[+(\w+)(\.\w+)?\]+$", row)
        inner = (
            next((line for line in rows[i + 1 :] if line.startswith("[")), "").startswith(f"[{header[1]}.")
            if header
            else True
        )
        for name, wrong in (*_of_key(row), *_of_header(row, header, inner)):
            spoiled = "\n".join([*rows[:i], wrong, *rows[i + 1 :]]) + "\n"
            found.append(Mutation(f"line {i + 1}, {name}: {wrong}", spoiled, (i + 1, i + 1 + wrong.count("\n"), table)))
    return found


def _of_key(row):
    match = KEY.match(row)
    if not match:
        return
    key, value = match["key"], match["value"].split("  #")[0]
    yield "misspelled key", f"{key[:-1]}{'q' if key.endswith('x') else 'x'} = {value}"
    yield "no value", f"{key} ="
    yield "no equals sign", f"{key} {value}"
    yield "open text", f'{key} = "open'
    if value != "[":  # else what is wrong is the lines that follow
        yield "another type", f"{key} = {{ a = 1 }}"
    yield "key twice", f"{row}\n{row}"
    if NUMBER.fullmatch(value):
        yield "number as text", f'{key} = "{value}"'
        yield "not a number", f"{key} = nan"
        yield "endless", f"{key} = -inf"
        yield "truth for a number", f"{key} = true"
        if key not in UNBOUNDED:
            yield "far too large", f"{key} = 1e300"
    elif value.startswith('"'):
        yield "number for a text", f"{key} = 7"
        yield "list for a text", f"{key} = [7]"


def _of_header(row, header, inner):
    if header:
        if not inner:  # else the tables within it are what TOML does not like
            yield "unknown table", row.replace(header[1], header[1][:-1] + "x")
        yield "open bracket", row[:-1]
