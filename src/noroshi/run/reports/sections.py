"""The middle of a report: objectives with their evidence, what happened, what it means."""

import math
from collections.abc import Sequence

from noroshi.assessment.exercises.ledger import STAGES, TEXTS
from noroshi.assessment.intervals import Interval
from noroshi.assessment.results import Figure, RunResult
from noroshi.exercise.injects import Inject, key_of
from noroshi.geo.time import NS_PER_S
from noroshi.run.exercises.staging import Cast
from noroshi.run.reports import words
from noroshi.run.reports.charts import Band, Mark, clock, curves, legend, sign, stacked, swatch, timeline
from noroshi.run.reports.findings import KEYS, Findings, figure_of
from noroshi.run.reports.ground import ground_map
from noroshi.run.reports.html import Html, joined, table, tag
from noroshi.run.reports.telling import (
    below,
    chip,
    comparisons,
    count,
    few,
    reached,
    run_link,
    small,
    threshold,
    title_of,
    variant_link,
)

STAGE_NAMES = {
    "physics": "physics: nothing could see it",
    "sensor": "sensor: could see, nothing heard yet",
    "tracking": "tracking",
    "link": "link and partner",
    "fusion": "fusion",
    "warning": "warning",
    "person": "person deciding",
    "last_mile": "last mile to people",
}
MARKS = {
    "launch": "launch",
    "plot": "first plot by an own sensor",
    "notice": "notice that something rises",
    "firm": "firm track",
    "threat": "followed as a threat",
    "proposal": "alert proposed",
    "alert": "alert approved",
    "near": "near people",
}
CLOCKS = {
    "plot": ("time_to_first_plot_s", False),
    "notice": ("time_to_launch_notice_s", True),
    "firm": ("time_to_firm_track_s", True),
    "threat": ("time_to_threat_s", True),
    "proposal": ("time_to_proposal_s", True),
    "alert": ("time_to_alert_s", True),
}
CURVES = {
    "completeness": ("Picture over time: share of all that moves that has a track", "share", 1.0),
    "track_km2": ("Area that holds a threat (95 %) over time, mean of those held", "km²", None),
}
RULE = (
    "Judged is the scenario as it is, each run by its worst figure. Pass: nine of ten runs reach it and the "
    "interval of the median is beyond the threshold. Fail: that interval is short of it. Partly: in between. With"
    " fewer than six runs a pass needs all of them."
)
CLAIM = (
    "Each replicate is one pair: the mean over all cases, a nation and a threat, in which it came in both. How "
    "many came at all is beside it. A difference counts as shown if its interval leaves zero out and its "
    "probability, adjusted for all lines of the table (Holm) that could show one, is at most 0.05; means are rounded "
    "to the nearest, bounds outwards."
)
INJECTED = "What the scenario itself did"
WHOM_LETTERS = 18
WORST_SHOWN = 3


def objectives(found: Findings) -> Html:
    """Return each objective with its evidence."""
    rows = []
    for i, verdict in enumerate(found.verdicts):
        unit = verdict.objective.unit
        middle, bounds = words.interval(verdict.value, unit)
        middles = below(words.with_unit(middle, unit), words.with_unit(bounds, unit) if bounds else "")
        worst = "; ".join(f"{_about(each)}: {words.number(each.value, unit)}" for each in verdict.worst[:WORST_SHOWN])
        more = len(verdict.worst) - WORST_SHOWN
        rows.append(
            (
                below(
                    tag("span", verdict.objective.name, id=f"objective-{i}"),
                    f"{verdict.objective.measure}, {threshold(verdict)}",
                ),
                chip(verdict.rating),
                reached(verdict),
                middles if verdict.n_runs else Html(""),
                joined(
                    f"{worst}{f' and {more} more' if more > 0 else ''} ",
                    run_link(verdict.variant, verdict.worst_replicate, "run"),
                ),
            )
        )
    head = ("objective", "", "runs that reach it", "median of worst figures", "figures of the worst run")
    return tag(
        "section",
        tag("h2", "Objectives", id="objectives"),
        tag("p", RULE),
        table(head, rows) if rows else tag("p", "The scenario states no objective."),
    )


def _about(figure: Figure) -> str:
    return " ".join(part for part in (figure.node or "coalition", figure.subject) if part)


def observations(found: Findings, cast: Cast) -> Html:
    """Return what happened in the repetition that stands for the base, and the base's curves."""
    run = next(each for each in found.campaign.good(found.base.name) if each.replicate == found.middle)
    groups = _timeline(found, run)
    end_s = min(found.campaign.about.until_s or math.inf, found.scenario.duration_s)
    link = run_link(found.base.name, found.middle, f"replicate {found.middle}")
    did = _injects(found, end_s)
    marked = [(sign(kind), name) for kind, name in MARKS.items()] if groups else []
    marked += [(swatch("bar inject"), "what the scenario itself did")] if did else []
    rows = [(INJECTED, [(_whom(inject), [each]) for inject, each in did])] if did else []
    when = [legend(marked), timeline([*rows, *groups], end_s=end_s, title="who knew what when")]
    where = "Red: threats, from dot to cross. Grey: all else that truly moved. Triangles: sensors, at notional places."
    return tag(
        "section",
        tag("h2", "Observations", id="observations"),
        tag("p", "What happened in one repetition of the scenario as it is, ", link, ", the one in the middle."),
        tag("h3", "Who knew what when"),
        *([] if groups else [tag("p", "No threat flew in it.")]),
        *(when if groups or did else []),
        *_injected(did),
        tag("h3", "Where"),
        tag("p", where, class_="dim small"),
        ground_map(cast),
        *_curves(found),
    )


def _injects(found: Findings, end_s: float) -> list[tuple[Inject, Mark]]:
    """Return what the scenario itself did before the run's end, in the order of time: faults, cuts, all its injects."""
    did = []
    for inject in found.scenario.injects:
        span = inject.span_ns(found.scenario.start_ns, found.scenario.end_ns)
        at_s, until_s = ((each - found.scenario.start_ns) / NS_PER_S for each in span)
        if at_s < min(until_s, end_s):
            title = f"{_what(inject)}, {clock(at_s)} to {clock(min(until_s, end_s))}: {', '.join(inject.targets())}"
            did.append((inject, Mark(at_s=at_s, until_s=until_s, kind="inject", title=title, told=_what(inject))))
    return sorted(did, key=lambda each: each[1].at_s)


def _injected(did: Sequence[tuple[Inject, Mark]]) -> list[Html]:
    """Return the same as a table; nothing if there is none."""
    if not did:
        return []
    rows = [
        (
            clock(each.at_s),
            "the end" if inject.until_s is None and inject.for_s is None else clock(each.until_s or 0.0),
            _what(inject),
            ", ".join(inject.targets()),
            inject.name,
        )
        for inject, each in did
    ]
    return [tag("p", f"{INJECTED}:", class_="dim small"), table(("from", "to", "what", "whom", "named"), rows)]


def _what(inject: Inject) -> str:
    return key_of(inject).replace("_", " ")


def _whom(inject: Inject) -> str:
    """Return whom an inject meets, as short as a row's name must be."""
    told = ", ".join(inject.targets())
    return told if len(told) <= WHOM_LETTERS else f"{told[: WHOM_LETTERS - 1]}…"


def _timeline(found: Findings, run: RunResult) -> list[tuple[str, list[tuple[str, list[Mark]]]]]:
    threats = sorted({each.subject for each in run.figures if each.measure == "time_to_firm_track_s"})
    groups = []
    for threat in threats:
        rows = [(nation.code, _marks(found, run, nation.code, threat)) for nation in found.scenario.nations]
        groups.append((threat, rows))
    return groups


def _marks(found: Findings, run: RunResult, node: str, threat: str) -> list[Mark]:
    since = found.begins_s.get(threat, 0.0)
    marks = [Mark(at_s=since, kind="launch", title=f"{threat}: launch at {clock(since)}")]
    for kind, (measure, shared) in CLOCKS.items():
        after = figure_of(run, measure, node, threat, shared=shared)
        if math.isfinite(after):
            told = f"{node}, {threat}: {MARKS[kind]} {after:.1f} s after launch, at {clock(since + after)}"
            marks.append(Mark(at_s=since + after, kind=kind, title=told))
    lead, alert = (figure_of(run, measure, node, threat) for measure in ("first_warning_lead_s", "time_to_alert_s"))
    if math.isfinite(lead) and math.isfinite(alert):
        marks.append(Mark(at_s=since + alert + lead, kind="near", title=f"{threat}: near people warned by {node}"))
    return marks


def _curves(found: Findings) -> list[Html]:
    parts: list[Html] = []
    for measure, (title, unit, top) in CURVES.items():
        charts = []
        for nation in found.scenario.nations:
            own = [each for each in found.curves if (each.measure, each.node) == (measure, nation.code)]
            own.sort(key=lambda each: not each.shared)
            bands = [
                Band(class_="shared" if each.shared else "own", x=each.at_s, y=each.value, low=each.low, high=each.high)
                for each in own
            ]
            if bands:
                charts.append(curves(bands, title=nation.name, unit=unit, top=top))
        if charts:
            signs = [(swatch("shared"), "with partners"), (swatch("own"), "own sensors alone, dashed")]
            parts += [tag("h3", title), legend(signs), tag("div", *charts, class_="grid")]
    if parts:
        n = count(len(found.campaign.good(found.base.name)), "run")
        parts.append(
            tag("p", f"Means over {n} of ", variant_link(found.base.name), ", with intervals.", class_="dim small")
        )
    return parts


def analysis(found: Findings) -> Html:
    """Return what sharing buys, what variants do, where the seconds go, and which parameter matters."""
    parts = [tag("h2", "Analysis", id="analysis"), tag("h3", "What sharing buys", id="sharing")]
    if found.alone is None:
        parts.append(tag("p", "No variant without sharing was run."))
    else:
        parts += [tag("p", CLAIM), *few(found.sharing), comparisons(found.sharing, ("with", "without"))]
    parts += _ledger(found)
    parts += [tag("h3", "What the variants do", id="variants")]
    names = list(dict.fromkeys(line.variant for line in found.variants))
    told = "Each variant minus the scenario as it is, adjusted for all lines of all variants together."
    parts += [tag("p", told if names else "None but those above was run."), *few(found.variants)]
    for name in names:
        lines = [line for line in found.variants if line.variant == name]
        remedy = any(each.name == name and each.is_remedy for each in found.campaign.variants)
        parts.append(tag("h3", title_of(found, name), " ", small("a remedy" if remedy else "")))
        parts.append(comparisons(lines, ("variant", "as it is")))
    return tag("section", *parts, *_sensitivity(found))


def _ledger(found: Findings) -> list[Html]:
    rows = []
    for spent in found.spent:
        seconds = {stage: each.value for stage, each in spent.seconds.items() if math.isfinite(each.value)}
        if seconds:
            way = "" if found.alone is None else "shared" if spent.variant == found.base.name else "alone"
            rows.append((f"{spent.node}, {spent.threat}{f', {way}' if way else ''}", seconds))
    if not rows:
        return []
    rows.sort(key=lambda row: row[0].rpartition(", ")[0] if found.alone is not None else row[0])
    stages = [stage for stage in STAGES if any(parts.get(stage, 0.0) > 0.0 for _, parts in rows)]
    details = table(
        ("nation and threat", *stages),
        [(name, *(f"{parts.get(stage, 0.0):.1f}" for stage in stages)) for name, parts in rows],
        numbers=1,
    )
    told = (
        "From launch to people told, or to the arrival where nobody was told: mean seconds in which each had the ball. "
    )
    links = joined(variant_link(found.base.name), *([", ", variant_link(found.alone.name)] if found.alone else []))
    return [
        tag("h3", "Where the seconds go", id="ledger"),
        tag("p", told, "Runs: ", links, "."),
        legend([(swatch(f"stage {stage}"), STAGE_NAMES[stage]) for stage in stages]),
        stacked(rows, stages, title="where the seconds go", names=TEXTS),
        tag("details", tag("summary", "The same in figures [s]"), details),
    ]


def _sensitivity(found: Findings) -> list[Html]:
    parts: list[Html] = []
    titles = {key.measure: key.title for key in KEYS}
    for measure, indices in found.indices.items():
        rows = [
            (path, _plain(index.first), _plain(index.total))
            for path, index in indices.items()
            if not math.isnan(index.first.value)
        ]
        if rows:
            parts += [tag("h3", titles[measure]), table(("parameter", "by itself", "with all that it does"), rows)]
    if parts:
        told = "Sobol’ indices: which share of the variance between the points of the design each parameter explains."
        parts.insert(0, tag("p", told))
    for measure, factors in found.effects.items():
        unit = next(key.unit for key in KEYS if key.measure == measure)
        levels = [(path, level, each) for path, told in factors.items() for level, each in told.items()]
        cells = [
            (path, str(level), *words.interval(each, unit, signed=True), _shown(each))
            for path, level, each in levels
            if not math.isnan(each.value)
        ]
        if cells:
            head = ("parameter", "value", f"against the mean [{words.in_unit(unit) or '1'}]", "interval", "")
            parts += [tag("h3", titles[measure]), table(head, cells)]
    return [tag("h3", "Which parameter matters", id="sensitivity"), *parts] if parts else []


def _shown(found: Interval) -> str:
    return "" if found.low > 0.0 or found.high < 0.0 else "no difference shown"


def _plain(found: Interval) -> str:
    middle, bounds = words.interval(found, "1")
    return f"{middle} ({bounds})"
