"""Variants that can be compared in pairs: each differs from the base, and by something else than its noise."""

from dataclasses import fields, is_dataclass

from noroshi.assessment.results import Variant
from noroshi.run.campaigns.designs import is_point
from noroshi.run.campaigns.families import BASE
from noroshi.run.campaigns.folders import CampaignError
from noroshi.run.scenarios import Scenario
from noroshi.run.scenarios.sources import Source

NO_PAIRS = {
    "seed": "would have other noise, so that no run of it is a pair with one of the base: replicates are the way to "
    "other noise (--seeds); for another seed run a campaign of its own",
    "start": "would have other satellites overhead, so that no run of it is a pair with one of the base: give a "
    "campaign of its own another start, and compare the two by noroshi assess --against",
}
"""What no variant may change, and why."""


def check(base: Scenario, there: Scenario, variant: Variant) -> None:
    """Refuse a variant whose runs are no pairs with those of the base, or are the same. A design may hold the base too.

    Args:
        base, there: the scenario as it is, and as the variant has it, both as they were laid.
        variant: which.

    Raises:
        CampaignError: saying what to do.
    """
    for key, changed in (("seed", base.seed != there.seed), ("start", base.start_ns != there.start_ns)):
        if changed:
            raise CampaignError(f"variant '{variant.name}': '{key}': {NO_PAIRS[key]}")
    shares = variant.sharing or not base.links()
    if shares and not is_point(variant) and _is_same(base, there):
        paths = ", ".join(f"'{path}'" for path in variant.changes)
        told = f"{paths}: is so already, which makes it" if paths else "has no changes, which makes it"
        raise CampaignError(
            f"variant '{variant.name}': {told} '{BASE.name}' once more: change something, or take the variant away"
        )


def _is_same(a: object, b: object) -> bool:
    """Return whether two scenarios are the same, whichever way their files say it."""
    if isinstance(a, Source) and isinstance(b, Source):  # of a policy
        return a.text == b.text
    if is_dataclass(a) and type(a) is type(b):
        names = [each.name for each in fields(a) if each.name != "source"]
        return all(_is_same(getattr(a, name), getattr(b, name)) for name in names)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_is_same, a, b))
    return bool(a == b) or (a != a and b != b)  # what is not a number is no other
