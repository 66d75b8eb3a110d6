"""OpenMetrics text: what a node says of its own health, to its operator alone.

How many rows each partner did not get, and why, is among it: that something is withheld is itself a secret.

Source: OpenMetrics 1.0.0 (Cloud Native Computing Foundation, 2020), section "Text format".
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

MEDIA_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True, kw_only=True)
class Family:
    """One measured quantity.

    Attributes:
        name: lower case with underscores, its unit last (`_seconds`, `_bytes`), without `_total`.
        kind: a counter only grows.
        about: one line for a person.
        samples: (labels, value) of each.
    """

    name: str
    kind: Literal["counter", "gauge"]
    about: str
    samples: Sequence[tuple[Mapping[str, str], float]] = ()


def encode(families: Iterable[Family]) -> str:
    """Return the families as text, in their order.

    Raises:
        ValueError: if a name is none, is there twice, or a counter is negative.
    """
    lines: list[str] = []
    taken: set[str] = set()
    for family in families:
        if not _NAME.fullmatch(family.name) or family.name.endswith("_total") or family.name in taken:
            raise ValueError(f"'{family.name}' names no family of metrics, or one that is there already")
        taken.add(family.name)
        lines += [f"# TYPE {family.name} {family.kind}", f"# HELP {family.name} {_escaped(family.about)}"]
        suffix = "_total" if family.kind == "counter" else ""
        for labels, value in family.samples:
            if not all(map(_NAME.fullmatch, labels)) or (family.kind == "counter" and not value >= 0):
                raise ValueError(f"{family.name}: {dict(labels)} {value} is no sample of a {family.kind}")
            inside = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            lines.append(f"{family.name}{suffix}{f'{{{inside}}}' if inside else ''} {_number(value)}")
    return "\n".join([*lines, "# EOF", ""])


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)
