"""Random rule sets, and what each says of one row, worked out again in plain Python: nothing of sharing/ is used here.

Every number and name of a row that could give it away is a canary of eight bytes, so that one search of a stream of
bytes finds all of them.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

PARTNERS = {"USA": "close", "KOR": "close", "AUS": "wide"}
KINDS = ("aircraft", "ship", "ballistic")
STATUSES = ("firm", "coasting", "lost")
SENSORS = {
    "JPNNORTH": "search_radar",
    "JPNSOUTH": "search_radar",
    "JPNEYEII": "infrared",
    "JPNEARSX": "position_report",
    "JPNQUIET": None,
}
"""Types of sensors by name; of one nobody said the type."""
FIELDS = ("identity", "sensors", "sources", "covariance", "kind", "existence", "icao_address", "call_sign")


@dataclass(frozen=True)
class Row:
    """One row of a batch, as a person would write it down."""

    call_sign: str
    icao_address: int
    status: str
    kinds: dict[str, float]
    existence: float
    sensors: frozenset[str]
    height_m: float


@dataclass(frozen=True)
class PlainRule:
    """One rule: what has to hold, and what is done."""

    name: str
    to: tuple[str, ...]
    then: str
    conditions: dict[str, Any] = field(default_factory=dict)
    actions: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """What a recipient may see of a row.

    Attributes:
        exact: its place as it is.
        sign, address: of its identity.
        names: the names of its sensors.
        delay_s: how long after it held.
    """

    exact: bool
    sign: bool
    address: bool
    names: bool
    delay_s: float

    def both(self, other: "Shown") -> "Shown":
        """Return what may be seen if two have to agree."""
        return Shown(self.exact and other.exact, self.sign and other.sign, self.address and other.address,
                     self.names and other.names, max(self.delay_s, other.delay_s))  # fmt: skip


def random_rules(rng: np.random.Generator) -> list[PlainRule]:
    """Return one to five rules; with some luck they do different things to different partners."""
    return [_rule(rng, i) for i in range(int(rng.integers(1, 6)))]


def changed(rules: list[PlainRule], rng: np.random.Generator) -> list[PlainRule]:
    """Return rules that a nation might change to: one taken out, another order, one more, or others altogether."""
    how = int(rng.integers(0, 6))
    if how == 0 and len(rules) > 1:
        return [rule for i, rule in enumerate(rules) if i != int(rng.integers(0, len(rules)))]
    if how == 1:
        return [rules[i] for i in rng.permutation(len(rules))]
    if how == 2:
        more = _rule(rng, 99)
        return [more, *rules]
    if how == 4:
        return [*rules, _rule(rng, 99)]
    return rules if how == 3 else random_rules(rng)


def text(rules: list[PlainRule]) -> str:
    """Return rules as TOML."""
    parts = ['nation = "JPN"', "[partners]", *(f'{code} = "{name}"' for code, name in PARTNERS.items())]
    for rule in rules:
        parts += ["", "[[rules]]", f'rule = "{rule.name}"', f"to = {_toml(list(rule.to))}"]
        parts += ['products = ["contribution"]', f'then = "{rule.then}"']
        parts += [f"{key} = {_toml(value)}" for key, value in (*rule.conditions.items(), *rule.actions.items())]
    return "\n".join(parts) + "\n"


def shown(rules: list[PlainRule], row: Row, recipient: str, exercise: str | None) -> Shown | None:
    """Return what a recipient may see of a row, None for nothing. The first rule that matches decides."""
    mine = [rule for rule in rules if recipient in rule.to or "ALL-PARTNERS" in rule.to]
    by_type = any(key.startswith("sensor_types") for rule in mine for key in rule.conditions)
    if by_type and any(SENSORS[name] is None for name in row.sensors):
        return None
    for rule in mine:
        if all(_holds(key, value, row, exercise) for key, value in _said(rule).items()):
            return _view(rule) if rule.then == "pass" else None
    return None


def _said(rule: PlainRule) -> dict[str, Any]:
    return {"exercises": [], **rule.conditions}


def _holds(key: str, value: Any, row: Row, exercise: str | None) -> bool:
    types = {SENSORS[name] for name in row.sensors}
    if key == "exercises":
        return (
            exercise is None
            if not value
            else exercise is not None and ({exercise, "ALL-EXERCISES"} & set(value)) != set()
        )
    if key == "kinds":
        return sum(row.kinds[kind] for kind in value) >= 0.5
    if key == "statuses":
        return row.status in value
    if key == "call_signs":
        return any(row.call_sign.startswith(each.rstrip("*")) for each in value)
    if key == "icao_addresses":
        return any(int(each[:6], 16) <= row.icao_address <= int(each[-6:], 16) for each in value)
    if key == "existence_min":
        return row.existence >= value
    if key == "existence_max":
        return row.existence <= value
    if key == "identified":
        return value is True
    if key == "sensor_types_any":
        return bool(types & set(value))
    if key == "sensor_types_only":
        return types <= set(value)
    if key == "area":
        return row.height_m >= value["height_m_min"]
    if key == "level_max":
        return value != ""
    raise KeyError(key)


def _view(rule: PlainRule) -> Shown:
    out = set(rule.actions.get("strip", {}).get("fields", ()))
    return Shown(
        exact="coarsen" not in rule.actions,
        sign=not out & {"identity", "call_sign"},
        address=not out & {"identity", "icao_address"},
        names=not out & {"sensors", "sources"},
        delay_s=rule.actions.get("delay", {}).get("seconds", 0.0),
    )


def _rule(rng: np.random.Generator, i: int) -> PlainRule:
    def some(of: tuple[str, ...], least: int = 1) -> list[str]:
        return sorted(rng.choice(of, int(rng.integers(least, len(of) + 1)), replace=False).tolist())

    to = ("ALL-PARTNERS",) if rng.random() < 0.4 else tuple(some(tuple(PARTNERS)))
    possible: dict[str, Any] = {
        "kinds": some(KINDS),
        "statuses": some(STATUSES),
        "call_signs": [f"{letter}*" for letter in some(tuple("ABCDEFGH"))],
        "icao_addresses": ["400000-9FFFFF"],
        "existence_min": round(float(rng.uniform(0.0, 1.0)), 3),
        "existence_max": round(float(rng.uniform(0.0, 1.0)), 3),
        "identified": bool(rng.random() < 0.7),
        "sensor_types_any": some(("search_radar", "infrared", "position_report")),
        "sensor_types_only": some(("search_radar", "infrared", "position_report")),
        "area": {"height_m_min": float(rng.integers(1_000, 11_000))},
        "level_max": "RESTRICTED",
    }
    chosen = rng.choice(list(possible), int(rng.integers(0, 4)), replace=False).tolist()
    conditions: dict[str, Any] = {key: possible[key] for key in chosen}
    conditions["exercises"] = [[], ["X"], ["ALL-EXERCISES"], ["Y"]][int(rng.choice(4, p=[0.45, 0.2, 0.3, 0.05]))]
    then = "pass" if rng.random() < 0.7 else "drop"
    actions: dict[str, dict[str, Any]] = {}
    if then == "pass":
        if rng.random() < 0.35:
            actions["coarsen"] = {
                "position_m": float(rng.integers(200, 9_000)),
                "period_s": float(rng.choice([5, 20, 60])),
            }
        if rng.random() < 0.4:
            actions["strip"] = {"fields": some(FIELDS)}
        if rng.random() < 0.25:
            actions["delay"] = {"seconds": float(rng.choice([5, 15]))}
        if rng.random() < 0.15:
            actions["rate_limit"] = {"seconds": float(rng.choice([5, 15]))}
    return PlainRule(f"rule {i}", to, then, conditions, actions)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return f'"{value}"' if isinstance(value, str) else repr(value)
