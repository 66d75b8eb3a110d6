"""Tables to TOML text: what `tomllib` reads, and nothing more (the standard library has no writer)."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_of(table: Mapping[str, Any]) -> str:
    """Return a table as TOML: plain keys first, then tables and arrays of tables, each under its header.

    Raises:
        TypeError: if a value is of no type that TOML has.
    """
    plain = {key: value for key, value in table.items() if not _has_header(value)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, dict) and key not in plain:
            lines += ["", f"[{_key(key)}]", *_pairs(value)]
        elif key not in plain:
            for each in value:
                lines += ["", f"[[{_key(key)}]]", *_pairs(each)]
    return "\n".join(lines) + "\n"


def _has_header(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)
    )


def _pairs(table: Mapping[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items()]


def _key(key: str) -> str:
    return key if BARE.fullmatch(key) else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_pairs(value))} }}" if value else "{}"
    raise TypeError(f"{type(value).__name__} has no place in TOML")


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
