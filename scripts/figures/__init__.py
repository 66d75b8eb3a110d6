"""What all sections of docs/figures.md share: the benches' results, tables, and what they were made with."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def load(name: str) -> dict[str, Any]:
    """Return the JSON object that a bench printed last."""
    lines = (ROOT / f"bench/results/{name}.json").read_text().strip().splitlines()
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in [head, ("---",) * len(head), *rows]]
    return "\n".join(lines)


def versions(found: dict[str, Any]) -> str:
    """Return the line that says what a figure was made with."""
    return "Made with " + ", ".join(f"{name} {value}" for name, value in found["versions"].items()) + "."
