"""What a run comes to, in rows: how each node held each threat, and its picture against the truth."""

import math
from typing import Any

from noroshi.assessment.results import Figure
from noroshi.run.exercises.outcome import outcome
from noroshi.run.exercises.running import Ran

OF_THREATS = {
    "first_held_s": "threat_first_held_s",
    "held": "threat_held",
    "gap_s_max": "threat_gap_s_max",
    "position_error_m": "threat_position_error_m",
}


def figures_of(ran: Ran) -> tuple[Figure, ...]:
    """Return the figures of a run; helper measure8's takes this one's place."""
    figures: list[Figure] = []
    for node in outcome(ran)["nodes"]:
        figures += _of(node, node["node"], shared=False)
        figures += _of(node.get("fused", node), node["node"], shared=True)
    return tuple(figures)


def _of(node: dict[str, Any], code: str, *, shared: bool) -> list[Figure]:
    figures = [
        Figure(measure=f"siap_{name}", value=_number(value), node=code, shared=shared)
        for name, value in (node["siap"] or {}).items()
    ]
    for threat in node["threats"]:
        for key, measure in OF_THREATS.items():
            value = _number(threat[key], math.inf if key == "first_held_s" else math.nan)
            figures.append(Figure(measure=measure, value=value, node=code, shared=shared, subject=threat["target"]))
    return figures


def _number(value: float | None, otherwise: float = math.nan) -> float:
    return otherwise if value is None else float(value)
