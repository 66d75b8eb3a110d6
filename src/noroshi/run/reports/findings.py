"""What a campaign says: every comparison and verdict of a report, as data, before anything is written down.

A replicate is one value in every comparison: the mean over the cases (a nation, a threat) whose time came in both
variants; what came at all is compared beside it, as the share of cases. So threats of one run do not count as
so many runs.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment import objectives
from noroshi.assessment.comparing import (
    SIGNIFICANCE,
    Comparison,
    Summary,
    holm_of_attainable,
    is_shown,
    paired,
    pairs_needed,
    unpaired,
)
from noroshi.assessment.exercises.catalogue import MEASURES
from noroshi.assessment.exercises.ledger import STAGES
from noroshi.assessment.intervals import Interval, mean
from noroshi.assessment.objectives import Objective, Rating, Verdict
from noroshi.assessment.results import Figure, RunResult, Variant
from noroshi.assessment.sensitivity import Indices, effects, sobol
from noroshi.geo.time import NS_PER_S
from noroshi.run.campaigns.designs import is_point
from noroshi.run.campaigns.folders import Campaign
from noroshi.run.campaigns.measuring import objectives_of
from noroshi.run.exercises.staging import Cast
from noroshi.run.scenarios import Scenario, read_scenario

Floats = NDArray[np.float64]
Case = tuple[str, str]
"""Which node, and what else it is about."""

SEED = 20_261_126
"""Of the bootstraps: the same campaign gives the same report."""
N_WEAK = 3
TESTS_A_LINE = 2
"""Of its value, and of whether it comes at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A measure that the report compares.

    Attributes:
        measure: its name.
        title: for a person.
        coalition: whether it is one figure of all together; else each nation's.
        direction: as `better`, where an objective says otherwise than the measure.
    """

    measure: str
    title: str
    coalition: bool = False
    direction: int = 0

    @property
    def unit(self) -> str:
        """Of its figures."""
        return MEASURES[self.measure].unit

    @property
    def better(self) -> int:
        """1 if more is better, -1 if less is, 0 if neither."""
        return self.direction or MEASURES[self.measure].better

    @property
    def is_skewed(self) -> bool:
        """Whether a few runs would make the mean: areas, which are compared by their medians."""
        return self.unit == "km2"


KEYS = (
    Key(measure="first_warning_lead_s", title="Warning time: from the first alert to the threat coming near people"),
    Key(measure="time_to_alert_s", title="From launch to the first alert of anybody", coalition=True),
    Key(measure="time_to_launch_notice_s", title="From launch to the notice that something rises"),
    Key(measure="time_to_firm_track_s", title="From launch to a firm track in the nation's picture"),
    Key(measure="time_to_threat_s", title="From launch to being followed as a threat"),
    Key(measure="forecast_95_after_60_s_km2", title="Area in which it is to come down, 60 s after burn-out (95 %)"),
    Key(measure="forecast_95_km2", title="Area in which it is to come down, as long as one is told (95 %)"),
    Key(measure="track_km2", title="Area that holds a threat, as long as it is held (95 %)"),
    Key(measure="custody_share", title="Time held, since a track was first on the threat"),
    Key(measure="custody_gap_s_max", title="Longest gap without a track on it"),
    Key(measure="position_error_m", title="Error of place of a threat's track"),
    Key(measure="completeness", title="Picture: share of all that moves that has a track"),
    Key(measure="spuriousness", title="Picture: share of tracks that are of nothing"),
    Key(measure="people_near_warned", title="People near a threat who were warned in time"),
    Key(measure="common_picture", title="What any nation holds, held by all", coalition=True),
)
SECONDS = ("first_warning_lead_s", "time_to_firm_track_s", "time_to_threat_s")
QUESTIONS = (SECONDS[:1], SECONDS[1:], ("forecast_95_after_60_s_km2", "track_km2"))
"""Of the first screen: what sharing buys in warning, in knowing, in area; by which measures each is answered."""
CURVED = ("completeness", "track_km2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measure of one variant beside that of another.

    Attributes:
        key: which measure.
        variant, base: whose figures; the first minus the second.
        value: means over the cases that came in both.
        came: shares of cases that came at all; None where everything always came.
        cases: how many cases there are.
        p_value, p_came: adjusted for all lines of the same table; NaN if nothing can be shown whatever the signs.
        p_least, p_came_least: the least that they could be with differences of this size.
    """

    key: Key
    variant: str
    base: str
    value: Comparison
    came: Comparison | None
    cases: int
    p_value: float = math.nan
    p_came: float = math.nan
    p_least: float = math.nan
    p_came_least: float = math.nan

    @property
    def by_median(self) -> bool:
        """Whether medians are compared, not means."""
        return self.key.is_skewed and self.value.paired

    @property
    def p_value_alone(self) -> float:
        """The probability of the difference, not adjusted."""
        return self.value.p_median if self.by_median else self.value.p_difference

    @property
    def p_came_alone(self) -> float:
        """The probability of the difference in what comes at all, not adjusted; NaN if everything always came."""
        return math.nan if self.came is None else self.came.p_difference

    @property
    def difference(self) -> Interval:
        """The difference, in the measure's unit."""
        return self.value.median_difference if self.by_median else self.value.difference

    @property
    def middle(self) -> float:
        """The variant's own figure."""
        return _middle_of(self.value.variant, by_median=self.by_median)

    @property
    def base_middle(self) -> float:
        """The figure of the one that it is compared with."""
        return _middle_of(self.value.base, by_median=self.by_median)

    @property
    def p_least_alone(self) -> float:
        """The least that the probability of the difference could be, not adjusted."""
        return self.value.p_median_least if self.by_median else self.value.p_least

    @property
    def is_same(self) -> bool:
        """Whether it is the same in every pair."""
        return math.isnan(self.value.p_median) if self.by_median else not self.value.n_differ

    @property
    def is_few(self) -> bool:
        """Whether it differs, but in too few pairs to show any difference among all that is in the table."""
        return not self.is_same and not self.p_least <= SIGNIFICANCE

    @property
    def came_is_few(self) -> bool:
        """Whether what comes at all differs, but in too few pairs to show it."""
        return self.came is not None and bool(self.came.n_differ) and not self.p_came_least <= SIGNIFICANCE

    @property
    def changes_nothing(self) -> bool:
        """Whether both are the same in every pair: when it came, and whether it came at all."""
        return self.is_same and (self.came is None or not self.came.n_differ)

    @property
    def says(self) -> str:
        """What is said of the values: "better", "worse" or "different" if a difference is shown, else why not."""
        if self.shown:
            return "better" if self.gain > 0.0 else "worse" if self.gain < 0.0 else "different"
        if not self.value.n_both:
            return "never came in both"
        if self.is_same:
            return "the same in every pair"
        if self.is_few:
            return "too few pairs" if self.value.n_differ == self.value.n_both else "too few pairs differ"
        return "no difference shown"

    @property
    def shown(self) -> bool:
        """Whether a difference of values is shown."""
        return is_shown(self.difference, self.p_value)

    @property
    def came_shown(self) -> bool:
        """Whether a difference is shown in how much comes at all."""
        return self.came is not None and is_shown(self.came.difference, self.p_came)

    @property
    def gain(self) -> float:
        """By how much it is better, in the measure's unit; 0 where no difference is shown."""
        return self.difference.value * self.key.better if self.shown else 0.0

    @property
    def came_gain(self) -> float:
        """How much more comes at all, as a share of cases; 0 where no difference is shown."""
        return self.came.difference.value if self.came is not None and self.came_shown else 0.0


def _middle_of(summary: Summary, *, by_median: bool) -> float:
    if by_median:
        return summary.median.value
    return summary.mean.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Weak:
    """A weak point, and what of that which was run helps most.

    Attributes:
        verdict: the objective that it is about.
        remedy: the variant that helps most; None if none was shown to.
        line: by how much.
        tried: how many remedies were run.
        lines: what each of them came to, of those that have such a figure.
        reached: in how many of how many runs the objective is reached, by variant: the base and the remedies.
    """

    verdict: Verdict
    remedy: Variant | None
    line: Line | None
    tried: int
    lines: tuple[Line, ...] = ()
    reached: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def unclear(self) -> tuple[Line, ...]:
        """What cannot be shown to help, nor not to: too few pairs. That of which most runs reach it first."""
        few = [line for line in self.lines if not line.shown and not line.came_shown]
        few = [line for line in few if line.is_few or line.came_is_few]
        return tuple(sorted(few, key=lambda line: -self.reached[line.variant][0]))

    @property
    def pairs_needed(self) -> int | None:
        """How many pairs that all tell the same would show that a remedy helps; None if no number would."""
        return needed(self.tried)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Where the seconds of one nation's warning of one threat went, means over runs, by stage."""

    variant: str
    node: str
    threat: str
    seconds: Mapping[str, Interval]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A measure over time, over the runs of one variant.

    Attributes:
        measure: which.
        node: whose.
        shared: with partners, or by its own sensors.
        at_s: (n,) when.
        value, low, high: (n,) mean over runs and its interval.
    """

    measure: str
    node: str
    shared: bool
    at_s: Floats
    value: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that a report says of one campaign.

    Attributes:
        campaign, scenario: of what; the scenario as the base runs it.
        base, alone: what variants are compared with, and the one in which nothing is shared; None if none was run.
        headline: what sharing buys in the three measures of the first screen, adjusted for these only; None where no
            run says anything.
        sharing: what sharing buys: base minus alone.
        variants: each other variant minus base; alone is in `sharing`.
        verdicts: of the base.
        weak: at most three.
        spent: the ledger of seconds.
        curves: of the base.
        indices: Sobol' indices by measure and factor, if such a design was run.
        effects: by measure, path and level, if a factorial was run.
        middle: the replicate of the base that stands for it: the one in the middle by its first time of the headline.
        begins_s: when each flight begins, in seconds since the start.
    """

    campaign: Campaign
    scenario: Scenario
    base: Variant
    alone: Variant | None
    headline: tuple[Line | None, ...]
    sharing: tuple[Line, ...]
    variants: tuple[Line, ...]
    verdicts: tuple[Verdict, ...]
    weak: tuple[Weak, ...]
    spent: tuple[Spent, ...]
    curves: tuple[Curve, ...]
    indices: Mapping[str, Mapping[str, Indices]]
    effects: Mapping[str, Mapping[str, Mapping[object, Interval]]]
    middle: int
    begins_s: Mapping[str, float] = field(default_factory=dict)

    def with_begins(self, cast: Cast) -> "Findings":
        """Return the same with when each flight begins, in seconds since the start."""
        begins = {each.name: (int(each.time_ns[0]) - self.scenario.start_ns) / NS_PER_S for each in cast.bodies}
        return replace(self, begins_s=begins)


class Figures:
    """The figures of whole runs, by measure, variant, replicate and case; with partners where there are such."""

    def __init__(self, runs: Iterable[RunResult]) -> None:
        wanted = {key.measure: key for key in KEYS} | {f"ledger_{stage}_s": None for stage in STAGES}
        self._values: dict[tuple[str, str], dict[int, dict[Case, float]]] = {}
        for run in runs:
            for each in () if run.error else run.figures:
                if each.measure in wanted and each.shared and math.isnan(each.at_s):
                    key = wanted[each.measure]
                    if key is None or key.coalition == (not each.node):
                        cases = self._values.setdefault((each.measure, run.variant), {}).setdefault(run.replicate, {})
                        cases[each.node, each.subject] = each.value

    def of(self, measure: str, variant: str) -> Mapping[int, Mapping[Case, float]]:
        """Return the figures of each case of each replicate."""
        return self._values.get((measure, variant), {})


def needed(n_lines: int) -> int | None:
    """Return how many pairs that all tell the same show a difference in a table of so many lines; None if none do."""
    return pairs_needed(TESTS_A_LINE * n_lines)


def alone_of(variants: Sequence[Variant]) -> Variant | None:
    """Return the variant in which nothing is shared and nothing else changed; None if there is none."""
    return next((each for each in variants if not each.sharing and not each.changes), None)


def too_few(variants: Sequence[Variant], replicates: int) -> str:
    """Return in words that a campaign of so many replicates will show nothing in some of its report's tables; or ""."""
    alone = alone_of(variants)
    others = [each for each in variants[1:] if not is_point(each) and each != alone]
    tables = {
        "what sharing buys, on the first screen": len(QUESTIONS) * (alone is not None),
        "what sharing buys, in all measures": len(KEYS) * (alone is not None),
        "which remedy helps": sum(each.is_remedy for each in others),
        "what each variant does": len(KEYS) * len(others),
    }
    wanted = {name: needed(n_lines) for name, n_lines in tables.items() if n_lines}
    short = {name: n for name, n in wanted.items() if n is None or n > replicates}
    if not short:
        return ""
    told = "; ".join(f"{name}: {n or 'no number; run fewer variants at a time'}" for name, n in short.items())
    return (
        f"{replicates} replicates are few: each table of the report is adjusted for all its tests, and may then show"
        f" nothing, however large a difference is. Replicates that would show it, if all told the same: {told}"
    )


def find(campaign: Campaign) -> Findings:
    """Return all that a campaign says.

    Raises:
        ValueError: if nothing of it was run to an end.
    """
    base = campaign.variants[0]
    if not campaign.good(base.name):
        raise ValueError(f"{campaign.folder}: no run of '{base.name}' is kept: there is nothing to report on yet")
    generator = np.random.default_rng(SEED)
    figures = Figures(campaign.runs)
    scenario = read_scenario(str(campaign.scenario_file(base.name)))
    others = [each for each in campaign.variants[1:] if not is_point(each) and campaign.good(each.name)]
    alone = alone_of(others)
    sharing = compare(figures, [(key, base.name, alone.name) for key in KEYS], generator) if alone else ()
    told = [each for each in others if each != alone]  # which has a table of its own
    lines = compare(figures, [(key, each.name, base.name) for each in told for key in KEYS], generator)
    verdicts = objectives.judge(objectives_of(scenario), campaign.runs, base.name)
    return Findings(
        campaign=campaign,
        scenario=scenario,
        base=base,
        alone=alone,
        headline=_headline(sharing),
        sharing=sharing,
        variants=lines,
        verdicts=verdicts,
        weak=_weak(verdicts, [each for each in others if each.is_remedy], campaign, generator),
        spent=tuple(_spent(figures, [base, *([alone] if alone else [])])),
        curves=tuple(_curves(campaign.good(base.name))),
        indices=_sobol(campaign, figures, generator),
        effects=_effects(campaign, figures, generator),
        middle=_middle(figures, campaign, base.name),
    )


def compare(
    figures: Figures,
    wanted: Sequence[tuple[Key, str, str]],
    generator: np.random.Generator,
    other: Figures | None = None,
    *,
    pairs: bool = True,
) -> tuple[Line, ...]:
    """Compare measures of variants; what is looked at together is adjusted together.

    Args:
        figures: of the first of each pair.
        wanted: measure, variant, and the one that it is compared with.
        generator: of the bootstraps.
        other: figures of the second of each pair, if they are of another campaign.
        pairs: whether runs of one replicate have the same truth and noise.
    """
    second = figures if other is None else other
    return _adjusted([_line(*each, figures, second, generator, pairs=pairs) for each in wanted])


def _headline(sharing: Sequence[Line]) -> tuple[Line | None, ...]:
    """Return the lines of the first screen: of each question the first measure with enough pairs, else the first.

    Enough are as many as could show one difference by itself: six.
    """
    enough = pairs_needed(1)
    chosen: list[Line | None] = []
    for measures in QUESTIONS:
        lines = [line for name in measures for line in sharing if line.key.measure == name]
        chosen.append(next((line for line in lines if line.value.n_both >= (enough or 0)), next(iter(lines), None)))
    adjusted = iter(_adjusted(chosen))
    return tuple(None if line is None else next(adjusted) for line in chosen)


def _adjusted(lines: Sequence[Line | None]) -> tuple[Line, ...]:
    """Return the lines there are, their probabilities adjusted for how many there are."""
    found = [line for line in lines if line is not None]
    p_values = [p for line in found for p in (line.p_value_alone, line.p_came_alone)]
    p_least = [p for line in found for p in (line.p_least_alone, math.nan if line.came is None else line.came.p_least)]
    told, lows = holm_of_attainable(p_values, p_least)
    return tuple(
        replace(line, p_value=told[i], p_came=told[i + 1], p_least=lows[i], p_came_least=lows[i + 1])
        for i, line in zip(range(0, len(told), TESTS_A_LINE), found, strict=True)
    )


def _line(
    key: Key, variant: str, base: str, first: Figures, second: Figures, generator: np.random.Generator, *, pairs: bool
) -> Line | None:
    a, b = first.of(key.measure, variant), second.of(key.measure, base)
    replicates = [sorted(set(a) & set(b))] * 2 if pairs else [sorted(a), sorted(b)]
    if not all(replicates):
        return None
    cases = sorted({case for runs in (a, b) for run in runs.values() for case in run})
    rows = np.array([[a[each].get(case, math.nan) for case in cases] for each in replicates[0]])
    base_rows = np.array([[b[each].get(case, math.nan) for case in cases] for each in replicates[1]])
    told = [~np.isnan(each) for each in (rows, base_rows)]
    both = np.isfinite(rows) & np.isfinite(base_rows) if pairs else None
    values = [_row_means(each, both) for each in (rows, base_rows)]
    if pairs:
        told = [told[0] & told[1]] * 2
    shares = [_shares(each, known) for each, known in zip((rows, base_rows), told, strict=True)]
    test = paired if pairs else unpaired
    value = test(values[0], values[1], generator)
    some = np.concatenate(shares)
    came = None if bool(np.all(some[~np.isnan(some)] == 1.0)) else test(shares[0], shares[1], generator)
    return Line(key=key, variant=variant, base=base, value=value, came=came, cases=len(cases))


def _row_means(rows: Floats, chosen: NDArray[np.bool_] | None) -> Floats:
    """Return the mean of what came in each row; NaN for a row without any."""
    came = np.isfinite(rows) if chosen is None else chosen
    n = came.sum(axis=1)
    sums = np.where(came, rows, 0.0).sum(axis=1)
    means: Floats = np.divide(sums, n, out=np.full(len(rows), np.nan), where=n > 0)
    return means


def _shares(rows: Floats, told: NDArray[np.bool_]) -> Floats:
    """Return the share of what says something in each row that came."""
    n = told.sum(axis=1)
    came = (np.isfinite(rows) & told).sum(axis=1)
    shares: Floats = np.divide(came, n, out=np.full(len(rows), np.nan), where=n > 0)
    return shares


def _weak(
    verdicts: Sequence[Verdict], remedies: Sequence[Variant], campaign: Campaign, generator: np.random.Generator
) -> tuple[Weak, ...]:
    """Return the objectives that are furthest from being reached, and what was run that helps each most.

    An objective's own figures are compared, each run's worst, as it is judged.
    """
    order = {Rating.FAIL: 0, Rating.PARTLY: 1}
    short = [each for each in verdicts if each.rating in order]
    short.sort(key=lambda each: (order[each.rating], each.reached.value))
    found = []
    for verdict in short[:N_WEAK]:
        lines = [_worst_line(verdict.objective, each, campaign, generator) for each in remedies]
        told = _adjusted(lines)
        helpful = [each for each in told if each.gain > 0.0 or each.came_gain > 0.0]
        best = max(helpful, key=lambda each: (each.came_gain, each.gain), default=None)
        remedy = next((each for each in remedies if best is not None and each.name == best.variant), None)
        reached = {
            name: _reached(verdict.objective, campaign.good(name))
            for name in (verdict.variant, *(each.name for each in remedies))
        }
        found.append(Weak(verdict=verdict, remedy=remedy, line=best, tried=len(remedies), lines=told, reached=reached))
    return tuple(found)


def _worst_line(
    objective: Objective, variant: Variant, campaign: Campaign, generator: np.random.Generator
) -> Line | None:
    """Compare each run's worst figure of an objective in a variant with that in the base."""
    base = campaign.variants[0].name
    of = [worst_by_replicate(objective, campaign.good(name)) for name in (variant.name, base)]
    replicates = sorted(set(of[0]) & set(of[1]))
    if not replicates:
        return None
    rows = [np.array([each[replicate] for replicate in replicates]) for each in of]
    value = paired(rows[0], rows[1], generator)
    shares = [np.isfinite(each).astype(float) for each in rows]
    came = None if all(each.all() for each in shares) else paired(shares[0], shares[1], generator)
    key = Key(
        measure=objective.measure, title=objective.name, direction=1 if objective.at_least is not None else -1
    )  # fmt: skip
    return Line(key=key, variant=variant.name, base=base, value=value, came=came, cases=1)


def worst_by_replicate(objective: Objective, runs: Sequence[RunResult]) -> dict[int, float]:
    """Return each run's figure that is furthest from an objective."""
    found = {}
    for run in runs:
        figures = objectives.figures_for(objective, run.figures)
        if figures:
            found[run.replicate] = min((each.value for each in figures), key=objective.margin)
    return found


def _reached(objective: Objective, runs: Sequence[RunResult]) -> tuple[int, int]:
    """Return how many runs reach an objective, and how many have such a figure."""
    worst = worst_by_replicate(objective, runs).values()
    return sum(map(objective.reached, worst)), len(worst)


def _spent(figures: Figures, variants: Sequence[Variant]) -> Iterable[Spent]:
    for variant in variants:
        by_stage = {stage: figures.of(f"ledger_{stage}_s", variant.name) for stage in STAGES}
        cases = sorted({case for runs in by_stage.values() for run in runs.values() for case in run})
        for case in cases:
            seconds = {}
            for stage, runs in by_stage.items():
                told = np.array([run[case] for run in runs.values() if case in run])
                seconds[stage] = _mean_of(told)
            yield Spent(variant=variant.name, node=case[0], threat=case[1], seconds=seconds)


def _mean_of(values: Floats) -> Interval:
    if len(values) > 1:
        return mean(values)
    return Interval(float(values[0]) if len(values) else math.nan, math.nan, math.nan)


def _curves(runs: Sequence[RunResult]) -> Iterable[Curve]:
    """Give the curves of each node, with partners and without, each a mean over runs; NaN where no run has a value."""
    found: dict[tuple[str, str, bool], dict[float, dict[int, list[float]]]] = {}
    for run in runs:
        for each in run.figures:
            if each.measure in CURVED and not math.isnan(each.at_s):
                at = found.setdefault((each.measure, each.node, each.shared), {}).setdefault(each.at_s, {})
                if math.isfinite(each.value):
                    at.setdefault(run.replicate, []).append(each.value)
    whole = {at_s for times in found.values() for at_s in times}
    for (measure, node, shared), times in sorted(found.items()):
        at_s = sorted(whole)
        means = [
            _mean_of(np.array([float(np.mean(values)) for values in times.get(each, {}).values()])) for each in at_s
        ]
        value, low, high = np.array(means).T
        if MEASURES[measure].unit == "share":
            low, high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
        yield Curve(measure=measure, node=node, shared=shared, at_s=np.array(at_s), value=value, low=low, high=high)


def _design_points(campaign: Campaign, kind: str) -> list[Variant]:
    return sorted(
        (each for each in campaign.variants if is_point(each) and each.name.rpartition("-")[0] == kind),
        key=lambda each: each.name,
    )


def _point_values(figures: Figures, measure: str, points: Sequence[Variant]) -> Floats:
    """Return the mean over replicates of each point's mean over cases that came."""
    found = []
    for point in points:
        runs = figures.of(measure, point.name)
        came = [value for run in runs.values() for value in run.values() if math.isfinite(value)]
        found.append(float(np.mean(came)) if came else math.nan)
    return np.array(found)


def _sobol(campaign: Campaign, figures: Figures, generator: np.random.Generator) -> dict[str, Mapping[str, Indices]]:
    a, b = _design_points(campaign, "a"), _design_points(campaign, "b")
    if not a or len(a) != len(b):
        return {}
    found: dict[str, Mapping[str, Indices]] = {}
    for key in KEYS:
        mixed = {
            path: _point_values(figures, key.measure, _design_points(campaign, f"ab{i + 1}"))
            for i, path in enumerate(a[0].changes)
        }
        if all(len(each) == len(a) for each in mixed.values()):
            at_a, at_b = _point_values(figures, key.measure, a), _point_values(figures, key.measure, b)
            found[key.measure] = sobol(at_a, at_b, mixed, generator)
    return found


def _effects(
    campaign: Campaign, figures: Figures, generator: np.random.Generator
) -> dict[str, Mapping[str, Mapping[object, Interval]]]:
    points = _design_points(campaign, "all")
    found: dict[str, Mapping[str, Mapping[object, Interval]]] = {}
    for key in KEYS if points else ():
        runs = [figures.of(key.measure, point.name) for point in points]
        replicates = sorted(set.intersection(*(set(each) for each in runs)))
        rows = np.array([[_mean_came(each[replicate]) for each in runs] for replicate in replicates])
        if len(replicates):
            found[key.measure] = effects([point.changes for point in points], rows, generator)
    return found


def _mean_came(run: Mapping[Case, float]) -> float:
    came = [value for value in run.values() if math.isfinite(value)]
    return float(np.mean(came)) if came else math.nan


def _middle(figures: Figures, campaign: Campaign, base: str) -> int:
    """Return the replicate in the middle by the first measure of which there are figures."""
    for measure in SECONDS:
        values = [(_mean_came(run), replicate) for replicate, run in figures.of(measure, base).items()]
        ranked = sorted(each for each in values if math.isfinite(each[0]))
        if ranked:
            return ranked[(len(ranked) - 1) // 2][1]
    return campaign.good(base)[0].replicate


def figure_of(run: RunResult, measure: str, node: str, subject: str, *, shared: bool = True) -> float:
    """Return one figure of a run; NaN if it has none."""
    found: Figure | None = next(
        (
            each for each in run.figures
            if (each.measure, each.node, each.subject, each.shared) == (measure, node, subject, shared)
            and math.isnan(each.at_s)
        ),
        None,
    )  # fmt: skip
    return math.nan if found is None else found.value
