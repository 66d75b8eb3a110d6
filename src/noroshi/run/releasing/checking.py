"""What is right by the letter in a policy and still a mistake: rules that never decide, partners that get nothing."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from noroshi.geo.time import iso_from_utc_ns
from noroshi.run.scenarios.sources import Problem, Source
from noroshi.sharing.label import Level
from noroshi.sharing.rules import ALL_EXERCISES, HEADER, Conditions, Policy, Rule


def findings(source: Source, policy: Policy, now_ns: int) -> list[Problem]:
    """Return what is a mistake in a policy, by line."""
    return sorted([*_never_reached(source, policy), *_over(source, policy, now_ns), *_left_out(source, policy)])


def _never_reached(source: Source, policy: Policy) -> Iterator[Problem]:
    """Note rules of which an earlier one takes all that they could match, for everybody whom they are for."""
    for i, rule in enumerate(policy.rules):
        whom = [code for code in policy.partners if rule.is_for(code)]
        before = {
            code: next(
                (each.name for each in policy.rules[:i] if each.is_for(code) and covers(each.when, rule.when)), None
            )
            for code in whom
        }
        if whom and all(before.values()):
            names = " and ".join(f"'{name}'" for name in dict.fromkeys(before.values()))
            yield _at(source, i, rule, f"never decides: {names} before it takes all that it could match")


def _over(source: Source, policy: Policy, now_ns: int) -> Iterator[Problem]:
    """Note rules whose time is over."""
    for i, rule in enumerate(policy.rules):
        end_ns = rule.when.ends_ns()
        if end_ns is not None and end_ns <= now_ns:
            yield _at(source, i, rule, f"is over since {iso_from_utc_ns(end_ns)}: take it out")


def _left_out(source: Source, policy: Policy) -> Iterator[Problem]:
    """Note partners that no rule releases anything to."""
    for code in policy.partners:
        if not any(rule.passes for rule in policy.rules if rule.is_for(code)):
            told = f"no rule releases anything to {code}: add one, or take it out of the partners"
            yield Problem(source.name, source.line(("partners", code)), f"partners, {code}", told)


def _at(source: Source, i: int, rule: Rule, told: str) -> Problem:
    starts = [source.text.count("\n", 0, match.end()) + 1 for match in HEADER.finditer(source.text)]
    return Problem(source.name, starts[i] if i < len(starts) else 1, f"rule {rule.name}", told)


def covers(one: Conditions, other: Conditions) -> bool:
    """Return whether all rows that `other` matches are matched by `one` too, as far as that is plain to see."""
    return all(test(one, other) for test in TESTS.values())


def _among(name: str) -> Callable[[Conditions, Conditions], bool]:
    """Return the test of a condition that asks for one of several; none given is no condition."""

    def test(one: Conditions, other: Conditions) -> bool:
        mine, others = set(getattr(one, name)), set(getattr(other, name))
        return not mine or (bool(others) and others <= mine)

    return test


def _equal(name: str) -> Callable[[Conditions, Conditions], bool]:
    def test(one: Conditions, other: Conditions) -> bool:
        mine: Any = getattr(one, name)
        return mine is None or mine == getattr(other, name)

    return test


def _exercises(one: Conditions, other: Conditions) -> bool:
    mine, others = set(one.exercises), set(other.exercises)
    if not mine or not others:
        return mine == others  # none given is what is real
    return ALL_EXERCISES in mine or others <= mine


def _kinds(one: Conditions, other: Conditions) -> bool:
    fits = bool(other.kinds) and set(other.kinds) <= set(one.kinds)
    return not one.kinds or (fits and other.kind_probability >= one.kind_probability)


def _level(one: Conditions, other: Conditions) -> bool:
    return not one.level_max or (bool(other.level_max) and Level[other.level_max] <= Level[one.level_max])


def _existence(one: Conditions, other: Conditions) -> bool:
    low = one.existence_min is None or (other.existence_min is not None and other.existence_min >= one.existence_min)
    high = one.existence_max is None or (other.existence_max is not None and other.existence_max <= one.existence_max)
    return low and high


def _time(one: Conditions, other: Conditions) -> bool:
    early = one.not_before is None or (other.not_before is not None and other.not_before >= one.not_before)
    late = one.not_after is None or (other.not_after is not None and other.not_after <= one.not_after)
    return early and late


TESTS: Mapping[str, Callable[[Conditions, Conditions], bool]] = {
    **{
        name: _among(name)
        for name in ("products", "icao_addresses", "modes_3a", "mmsis", "call_signs", "sensor_types_any",
                     "sensor_types_only", "caveats_any", "statuses")
    },
    "identified": _equal("identified"),
    "area": _equal("area"),
    "exercises": _exercises,
    "kinds": _kinds,
    "kind_probability": _kinds,
    "level_max": _level,
    "caveats_none": lambda one, other: set(one.caveats_none) <= set(other.caveats_none),
    "existence_min": _existence,
    "existence_max": _existence,
    "not_before": _time,
    "not_after": _time,
}  # fmt: skip
"""Of each condition but `to` whether what one rule says covers what another says."""
