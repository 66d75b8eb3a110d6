"""What changed beyond noise between two campaigns."""

import tomllib
from dataclasses import dataclass
from typing import Any

import numpy as np

from noroshi.run.campaigns.designs import is_point
from noroshi.run.campaigns.folders import Campaign
from noroshi.run.reports.findings import KEYS, SEED, Figures, Line, compare

TRUTH = ("start", "duration_s", "flights", "traffic", "weather")
"""What of a scenario's file says what is true in it, beside its seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What changed.

    Attributes:
        old: the earlier campaign.
        pairs: whether runs of one replicate have the same truth in both.
        lines: now minus then, of each measure of each variant that both have.
        notes: what could not be compared, in words.
    """

    old: Campaign
    pairs: bool
    lines: tuple[Line, ...]
    notes: tuple[str, ...]


def since(new: Campaign, old: Campaign) -> Since:
    """Return what changed since an earlier campaign.

    Raises:
        ValueError: if they have no variant in common of which both keep good runs.
    """
    names = [each.name for each in new.variants if not is_point(each)]
    earlier = [each.name for each in old.variants]
    common = [name for name in names if name in earlier and new.good(name) and old.good(name)]
    if not common:
        raise ValueError(f"{old.folder}: has no variant in common with {new.folder}: nothing can be compared")
    pairs = _truth(new) == _truth(old)
    wanted = [(key, name, name) for name in common for key in KEYS]
    lines = compare(
        Figures(new.runs), wanted, np.random.default_rng(SEED), Figures(old.runs), pairs=pairs
    )  # fmt: skip
    notes = (
        [f"Only now: {', '.join(name for name in names if name not in common)}."] if len(names) > len(common) else []
    )
    missing = [each.name for each in old.variants if each.name not in common and not is_point(each)]
    if missing:
        notes.append(f"Only then: {', '.join(missing)}.")
    for name, version in new.made_by.items():
        if old.made_by.get(name) != version:
            notes.append(f"{name}: {version} now, {old.made_by.get(name, 'unknown')} then.")
    return Since(old=old, pairs=pairs, lines=lines, notes=tuple(notes))


def _truth(campaign: Campaign) -> dict[str, Any]:
    """Return all that says what is true in a campaign's base."""
    text = campaign.scenario_file(campaign.variants[0].name).read_text(encoding="utf-8")
    content = tomllib.loads(text)
    told: dict[str, Any] = {key: content.get(key) for key in TRUTH}
    return told | {"seed": campaign.about.seed, "until_s": campaign.about.until_s}
