"""The report as one HTML page: the answer first, then what happened, what it means, and what to do about it."""

import math
from collections.abc import Sequence
from importlib.resources import files

from noroshi.assessment.exercises.ledger import STAGES, TEXTS
from noroshi.assessment.intervals import Interval
from noroshi.assessment.objectives import Rating, Verdict
from noroshi.assessment.results import RunResult
from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.run.exercises.staging import Cast
from noroshi.run.reports import words
from noroshi.run.reports.charts import Band, Mark, clock, curves, legend, sign, stacked, svg, swatch, timeline, whisker
from noroshi.run.reports.findings import AREAS, KEYS, SECONDS, Findings, Line, Weak, figure_of
from noroshi.run.reports.ground import ground_map
from noroshi.run.reports.html import Html, joined, table, tag
from noroshi.run.reports.since import Since

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
CHIPS = {Rating.PASS: "PASS", Rating.PARTLY: "PARTLY", Rating.FAIL: "FAIL", Rating.UNMEASURED: "NO FIGURE"}
STAGE_NAMES = {
    "physics": "physics: nothing could see it", "sensor": "sensor: seen, nothing heard", "tracking": "tracking",
    "link": "link and partner", "fusion": "fusion", "warning": "warning", "person": "person deciding",
    "last_mile": "last mile to people",
}  # fmt: skip
MARKS = {
    "launch": "launch", "plot": "first plot", "notice": "notice that something rises", "firm": "firm track",
    "threat": "followed as a threat", "proposal": "alert proposed", "alert": "alert approved", "near": "near people",
}  # fmt: skip
CLOCKS = {
    "plot": ("time_to_first_plot_s", False), "notice": ("time_to_launch_notice_s", True),
    "firm": ("time_to_firm_track_s", True), "threat": ("time_to_threat_s", True),
    "proposal": ("time_to_proposal_s", True), "alert": ("time_to_alert_s", True),
}  # fmt: skip
SECTIONS = (
    ("objectives", "Objectives"), ("observations", "Observations"), ("analysis", "Analysis"),
    ("plan", "Improvement plan"), ("since", "Since the earlier campaign"), ("made", "How it was made"), ("runs", "Runs"),
)  # fmt: skip
CODE_SHOWN = 12


def page(found: Findings, cast: Cast, since: Since | None = None) -> str:
    """Return the report.

    Args:
        found: what it says.
        cast: what flew in the repetition that stands for the base.
        since: what changed since an earlier campaign.
    """
    parts = [
        _overview(found), _objectives(found), _observations(found, cast), _analysis(found), _plan(found),
        *([_since(since)] if since else []), _made(found), _runs(found),
    ]  # fmt: skip
    campaign = found.campaign
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="generator", content="noroshi"),
        tag("title", f"{campaign.name}: campaign report"),
        tag("style", Html(files("noroshi.run").joinpath("data", "report.css").read_text(encoding="utf-8"))),
    )
    top = tag(
        "header",
        tag("h1", f"{campaign.name}: what the coalition can do"),
        tag("p", _what_was_run(found), class_="dim small"),
        tag(
            "nav",
            *(tag("a", title, href=f"#{key}") for key, title in SECTIONS if key != "since" or since),
            class_="toc",
        ),
        class_="top",
    )
    strip = tag("div", "EXERCISE · simulated · sites and sensors are notional", class_="strip")
    foot = tag("footer", "Research and exercise software, not certified for alerting or operations. ",
               f"Made by noroshi {campaign.made_by.get('noroshi', '')} from {campaign.name}; the same campaign gives the "
               "same bytes.")  # fmt: skip
    body = tag("body", strip, top, tag("main", *parts, foot))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _what_was_run(found: Findings) -> str:
    campaign = found.campaign
    runs = [run for run in campaign.runs if not run.error]
    failed = len(campaign.runs) - len(runs)
    names = ", ".join(nation.name for nation in found.scenario.nations)
    minutes = min(campaign.about.until_s or math.inf, found.scenario.duration_s) / 60.0
    return (
        f"Scenario “{campaign.about.title}” ({names}), {minutes:.3g} simulated minutes from "
        f"{iso_from_utc_ns(found.scenario.start_ns)}. {_count(len(runs), 'run')} of {_count(len(campaign.variants), 'variant')}"
        f"{f'; {failed} failed' if failed else ''}. Runs of one replicate have the same truth and the same noise, so variants "
        "are compared in pairs. All intervals are 95 %."
    )


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


# ---- the first screen


def _overview(found: Findings) -> Html:
    tiles = tag("div", *(_tile(found, *each) for each in (
        (SECONDS[:1], "Warning time that people gain by sharing"),
        (SECONDS[1:2], "How much sooner a nation has a track"),
        (AREAS, "How much less area a threat may be in"),
    )), class_="tiles")  # fmt: skip
    rated = [verdict.rating for verdict in found.verdicts]
    told = ", ".join(f"{rated.count(each)} {CHIPS[each].lower()}" for each in Rating if each in rated)
    objectives = table(
        ("objective", "", "reached in"),
        [
            (
                tag("a", verdict.objective.name, href=f"#objective-{i}"),
                _chip(verdict.rating),
                _reached(verdict),
            )
            for i, verdict in enumerate(found.verdicts)
        ],
        numbers=2,
    )
    left = tag(
        "section", tag("h3", f"Objectives: {told or 'the scenario states none'}"), *([objectives] if rated else [])
    )
    weak = tag(
        "ol",
        *(tag("li", tag("b", each.verdict.objective.name), _advice(found, each)) for each in found.weak),
        class_="weak",
    )
    right = tag(
        "section",
        tag("h3", "What to improve first"),
        weak if found.weak else tag("p", "Every objective that could be measured is reached."),
    )
    return tag("section", tiles, tag("div", left, right, class_="halves"), id="overview")


def _tile(found: Findings, measures: Sequence[str], title: str) -> Html:
    line = next((each for name in measures for each in found.sharing if each.key.measure == name), None)
    if line is None:
        why = "No variant without sharing was run." if found.alone is None else "No run has such a figure."
        return tag("div", tag("h3", title), tag("p", "not measured", class_="big none"), tag("p", why), class_="tile")
    unit, value = line.key.unit, line.value
    middle, bounds = words.interval(value.difference, unit, signed=True)
    if line.shown:
        kind, big = ("better" if line.gain > 0.0 else "worse"), words.with_unit(middle, unit)
        head = tag("p", big, class_="big")
    else:
        kind = ""
        head = tag("p", "no difference shown" if value.n_both > 1 else "cannot be compared", class_="big none")
    around = f"{bounds} {words.in_unit(unit)}" if bounds else "no interval: too few pairs"
    text = [
        tag("p", f"{around}, {_count(value.n_both, 'pair')}", class_="around"),
        tag("p", _both_means(line)),
    ]
    if line.came is not None:
        text.append(tag("p", _came(line)))
    text.append(tag("p", line.key.title, ". ", _evidence(found, line), class_="dim"))
    return tag("div", tag("h3", title), head, *text, class_=f"tile {kind}".strip())


def _both_means(line: Line) -> str:
    if not line.value.n_both:
        return "It never came in both."
    on, off = (words.number(each.mean.value if each.n_came > 1 else math.nan, line.key.unit)
               for each in (line.value.variant, line.value.base))  # fmt: skip
    return f"With sharing {on}, without {off}, where it came in both."


def _came(line: Line) -> str:
    assert line.came is not None
    on, off = (words.number(each.mean.value, "share") for each in (line.came.variant, line.came.base))
    shown = "" if line.came_shown else ", a difference that is not shown to be more than chance"
    return f"It comes at all in {on} of cases with sharing, in {off} without{shown}."


def _chip(rating: Rating) -> Html:
    return tag("span", CHIPS[rating], class_=f"chip {rating.value}")


def _reached(verdict: Verdict) -> Html:
    if not verdict.n_runs:
        return Html("")
    n = verdict.n_runs - len(verdict.missed)
    _, bounds = words.interval(verdict.reached, "share")
    return joined(f"{n} of {verdict.n_runs} runs ", tag("small", f"{bounds} %", class_="dim"))


def _advice(found: Findings, weak: Weak) -> Html:
    verdict = weak.verdict
    unit = verdict.objective.unit
    state = (
        f"Missed in {len(verdict.missed)} of {verdict.n_runs} runs; the worst figure of a run is "
        f"{words.number(verdict.value.value, unit)} in the middle, {_threshold(verdict)} is asked. "
    )
    worst = _run_link(found, verdict.variant, verdict.worst_replicate, "worst run")
    return joined(state, _remedy(found, weak), " ", worst)


def _remedy(found: Findings, weak: Weak) -> Html:
    if weak.remedy is None or weak.line is None:
        tried = {0: "No remedy was run: add variants with is_remedy.", 1: "The one remedy that was run shows no gain."}
        return joined(tried.get(weak.tried, f"None of the {weak.tried} remedies that were run shows a gain."))
    line = weak.line
    gains = []
    if line.gain > 0.0:
        _, bounds = words.interval(line.value.difference, line.key.unit, signed=True)
        gain = words.difference(line.value, line.key.unit, shown=True, better=0)
        gains.append(f"{gain} ({bounds}, {_count(line.value.n_both, 'pair')})")
    if line.came_gain > 0.0:
        gains.append(f"it comes at all in {words.number(line.came_gain, 'share')} more of the runs")
    return joined(
        "What helped most of what was run: ", tag("a", _title(found, weak.remedy.name), href=f"#runs-{weak.remedy.name}"),
        f": {'; '.join(gains)}.",
    )  # fmt: skip


def _threshold(verdict: Verdict) -> str:
    objective = verdict.objective
    side, limit = ("at least", objective.at_least) if objective.at_least is not None else ("at most", objective.at_most)
    return f"{side} {words.number(limit or 0.0, objective.unit)}"


# ---- objectives


def _objectives(found: Findings) -> Html:
    rows: list[tuple[str, ...]] = []
    for i, verdict in enumerate(found.verdicts):
        middle, bounds = words.interval(verdict.value, verdict.objective.unit)
        worst = "; ".join(
            _told(each.node, each.subject, each.value, verdict.objective.unit) for each in verdict.worst[:3]
        )
        rows.append(
            (
                joined(tag("a", verdict.objective.name, id=f"objective-{i}"), tag("br"),
                       tag("small", f"{verdict.objective.measure}, {_threshold(verdict)}", class_="dim")),
                _chip(verdict.rating),
                _reached(verdict),
                joined(words.with_unit(middle, verdict.objective.unit), tag("br"), tag("small", bounds, class_="dim")),
                joined(worst, " ", _run_link(found, verdict.variant, verdict.worst_replicate, "run")),
            )
        )  # fmt: skip
    return tag(
        "section",
        tag("h2", "Objectives", id="objectives"),
        tag("p", "Judged is the scenario as it is, each run by its worst figure. Pass: nine of ten runs reach it and the "
                 "interval of the median is beyond the threshold; fail: that interval is short of it; partly: in between. "
                 "Below six runs, pass needs all of them."),
        table(("objective", "", "runs that reach it", "median of worst figures", "worst run's figures"), rows)
        if rows else tag("p", "The scenario states no objective."),
    )  # fmt: skip


def _told(node: str, subject: str, value: float, unit: str) -> str:
    about = " ".join(each for each in (node or "coalition", subject) if each)
    return f"{about}: {words.number(value, unit)}"


# ---- observations


def _observations(found: Findings, cast: Cast) -> Html:
    run = next(each for each in found.campaign.good(found.base.name) if each.replicate == found.middle)
    parts = [
        tag("h2", "Observations", id="observations"),
        tag("p", "What happened in one repetition: the one in the middle of the base’s. ",
            _run_link(found, found.base.name, found.middle, f"Replicate {found.middle}"), "."),
        tag("h3", "Who knew what when"),
    ]  # fmt: skip
    groups = _timeline(found, run, cast)
    if groups:
        end_s = min(found.campaign.about.until_s or math.inf, found.scenario.duration_s)
        parts += [
            legend([(sign(kind), name) for kind, name in MARKS.items()]),
            timeline(groups, end_s=end_s, title="who knew what when"),
        ]
    else:
        parts.append(tag("p", "No threat flew in it."))
    parts += [tag("h3", "Where"), tag("p", "Red: threats, from the dot to the cross. Grey: all else that truly moved. Triangles: "
              "sensors, at notional places.", class_="dim small"), ground_map(cast)]  # fmt: skip
    parts += _curves(found)
    return tag("section", *parts)


def _timeline(found: Findings, run: RunResult, cast: Cast) -> list[tuple[str, list[tuple[str, list[Mark]]]]]:
    begins = {flight.name: (int(flight.time_ns[0]) - found.scenario.start_ns) / NS_PER_S for flight in cast.bodies}
    threats = sorted({each.subject for each in run.figures if each.measure == "time_to_firm_track_s"})
    groups = []
    for threat in threats:
        since = begins.get(threat, 0.0)
        rows = []
        for nation in found.scenario.nations:
            marks = [Mark(at_s=since, kind="launch", title=f"{threat}: launch at {clock(since)}")]
            for kind, (measure, shared) in CLOCKS.items():
                after = figure_of(run, measure, nation.code, threat, shared=shared)
                if math.isfinite(after):
                    title = (
                        f"{nation.code}, {threat}: {MARKS[kind]} {after:.1f} s after launch, at {clock(since + after)}"
                    )
                    marks.append(Mark(at_s=since + after, kind=kind, title=title))
            lead = figure_of(run, "first_warning_lead_s", nation.code, threat)
            alert = figure_of(run, "time_to_alert_s", nation.code, threat)
            if math.isfinite(lead) and math.isfinite(alert):
                marks.append(
                    Mark(at_s=since + alert + lead, kind="near", title=f"{threat}: near people of {nation.name}")
                )
            rows.append((nation.code, marks))
        groups.append((threat, rows))
    return groups


def _curves(found: Findings) -> list[Html]:
    titles = {"completeness": ("Picture: share of all that moves that has a track", "share", 1.0),
              "track_km2": ("Area that holds a threat (95 %), mean of those held", "km²", None)}  # fmt: skip
    parts: list[Html] = []
    for measure, (title, unit, top) in titles.items():
        charts = []
        for nation in found.scenario.nations:
            bands = [
                Band(name="with partners" if each.shared else "own sensors", class_="shared" if each.shared else "own",
                     x=each.at_s, y=each.value, low=each.low, high=each.high)
                for each in found.curves if (each.measure, each.node) == (measure, nation.code)
            ]  # fmt: skip
            if bands:
                charts.append(curves(bands, title=nation.name, unit=unit, top=top))
        if charts:
            parts += [
                tag("h3", title),
                legend([(swatch("shared"), "with partners"), (swatch("own"), "own sensors alone (dashed)")]),
                tag("div", *charts, class_="grid"),
            ]
    if parts:
        n = len(found.campaign.good(found.base.name))
        parts.append(tag("p", f"Means over {_count(n, 'run')} of the base with their intervals. ",
                         _variant_link(found, found.base.name), class_="dim small"))  # fmt: skip
    return parts


# ---- analysis


def _analysis(found: Findings) -> Html:
    parts = [tag("h2", "Analysis", id="analysis"), tag("h3", "What sharing buys", id="sharing")]
    if found.alone is None:
        parts.append(tag("p", "No variant without sharing was run."))
    else:
        parts += [
            tag("p", "Each replicate is one pair: the mean over all nations and threats for which it came in both. What came "
                     "at all is in the last column. A difference is called so if its interval leaves zero out and its "
                     "probability, adjusted for all lines of the table (Holm), is at most 0.05."),
            _lines(found, found.sharing, ("with", "without")),
        ]  # fmt: skip
    parts += [tag("h3", "What the variants do", id="variants")]
    names = list(dict.fromkeys(line.variant for line in found.variants))
    if names:
        parts.append(
            tag("p", "Each variant minus the scenario as it is; adjusted for all lines of all variants together.")
        )
    for name in names:
        lines = [line for line in found.variants if line.variant == name]
        remedy = any(each.name == name and each.is_remedy for each in found.campaign.variants)
        parts += [
            tag("h3", _title(found, name), " ", tag("small", "a remedy" if remedy else "", class_="dim")),
            _lines(found, lines, ("variant", "as it is")),
        ]
    if not names:
        parts.append(tag("p", "None but the scenario as it is was run."))
    parts += _ledger(found)
    parts += _sensitivity(found)
    return tag("section", *parts)


def _lines(found: Findings, lines: Sequence[Line], names: tuple[str, str]) -> Html:
    rows: list[tuple[str, ...]] = []
    for line in lines:
        unit, value = line.key.unit, line.value
        reach = max(map(abs, value.difference)) if all(map(math.isfinite, value.difference)) else 0.0
        middle, bounds = words.interval(value.difference, unit, signed=True)
        told = words.difference(value, unit, shown=line.shown, better=line.key.better)
        kind = "good" if line.gain > 0.0 else "bad" if line.shown and line.gain < 0.0 else "dim"
        rows.append(
            (
                joined(line.key.title, tag("br"), tag("small", f"{line.key.measure}, {_count(line.cases, 'case')}", class_="dim")),
                words.number(value.variant.mean.value, unit),
                words.number(value.base.mean.value, unit),
                joined(words.with_unit(middle, unit), tag("br"), tag("small", bounds, class_="dim")) if bounds else words.NONE,
                whisker(value.difference, reach, shown=line.shown),
                joined(tag("span", told, class_=kind), tag("br"), tag("small", _probability(line.p_value), class_="dim")),
                _came_cell(line),
                joined(f"{value.n_both} ", _evidence(found, line)),
            )
        )  # fmt: skip
    head = ("measure", *names, "difference", "", "says", "comes at all", "pairs")
    return table(head, rows)


def _probability(p: float) -> str:
    if math.isnan(p):
        return ""
    return "p < 0.001" if p < 0.001 else f"p ≤ {math.ceil(p * 1000.0 - 1e-9) / 1000.0:.3f}"


def _came_cell(line: Line) -> Html:
    if line.came is None:
        return tag("small", "always", class_="dim")
    on, off = (words.number(each.mean.value, "share") for each in (line.came.variant, line.came.base))
    kind = ("good" if line.came_gain > 0.0 else "bad") if line.came_shown else "dim"
    return tag("span", f"{on} / {off}", class_=kind)


def _ledger(found: Findings) -> list[Html]:
    rows = []
    for spent in found.spent:
        seconds = {stage: each.value for stage, each in spent.seconds.items() if math.isfinite(each.value)}
        if seconds:
            way = "" if found.alone is None else "shared, " if spent.variant == found.base.name else "alone, "
            rows.append((f"{way}{spent.node}, {spent.threat}", seconds))
    if not rows:
        return []
    stages = [stage for stage in STAGES if any(parts.get(stage, 0.0) > 0.0 for _, parts in rows)]
    details = table(
        ("nation and threat", *stages),
        [(name, *(f"{parts.get(stage, 0.0):.1f}" for stage in stages)) for name, parts in rows],
        numbers=1,
    )
    return [
        tag("h3", "Where the seconds go", id="ledger"),
        tag("p", "From launch to people told of it, or to the arrival where nobody was told: mean seconds of each stage, whose "
                 "turn it was."),
        legend([(_stage(stage), STAGE_NAMES[stage]) for stage in stages]),
        stacked(rows, stages, title="where the seconds go", names=TEXTS),
        tag("details", tag("summary", "The same in figures [s]"), details),
    ]  # fmt: skip


def _stage(stage: str) -> Html:
    return svg(
        14.0, 12.0, tag("rect", x="0", y="0", width="14", height="12", class_=f"stage {stage}"), title="", class_="key"
    )


def _sensitivity(found: Findings) -> list[Html]:
    parts: list[Html] = []
    titles = {key.measure: key.title for key in KEYS}
    for measure, indices in found.indices.items():
        rows: list[tuple[str, ...]] = [
            (path, *(_share_interval(each) for each in (index.first, index.total))) for path, index in indices.items()
            if not math.isnan(index.first.value)
        ]  # fmt: skip
        if rows:
            parts += [tag("h3", titles[measure]), table(("parameter", "by itself", "with all it does together"), rows)]
    if parts:
        parts.insert(0, tag("p", "Sobol’ indices: what share of the variance between points each parameter explains."))
    for measure, factors in found.effects.items():
        unit = next(key.unit for key in KEYS if key.measure == measure)
        rows = []
        for path, levels in factors.items():
            for level, each in levels.items():
                if not math.isnan(each.value):
                    middle, bounds = words.interval(each, unit, signed=True)
                    shown = each.low > 0.0 or each.high < 0.0
                    rows.append((path, str(level), middle, bounds, "" if shown else "no difference shown"))
        if rows:
            head = ("parameter", "level", f"against the mean [{words.in_unit(unit) or '1'}]", "interval", "")
            parts += [tag("h3", titles[measure]), table(head, rows)]
    return [tag("h3", "Which parameter matters", id="sensitivity"), *parts] if parts else []


def _share_interval(found: Interval) -> str:
    middle, bounds = words.interval(found, "1")
    return f"{middle} ({bounds})"


# ---- what to do


def _plan(found: Findings) -> Html:
    rows: list[tuple[str, ...]] = [
        (
            str(i + 1),
            each.verdict.objective.name,
            _remedy(found, each),
            joined(_run_link(found, each.verdict.variant, each.verdict.worst_replicate, "worst run"),
                   *([joined(" ", _variant_link(found, each.remedy.name))] if each.remedy else [])),
            "", "", "",
        )
        for i, each in enumerate(found.weak)
    ]  # fmt: skip
    blank = [(str(len(rows) + 1 + i), "", "", "", "", "", "") for i in range(2)]
    return tag(
        "section",
        tag("h2", "Improvement plan", id="plan"),
        tag("p", "What is recommended is what was run and helped; who does it until when is for people to fill in."),
        tag("p", "Sites, sensors and numbers of this scenario are notional: the report ranks no real installation, and what "
                 "it recommends holds for the notional ones only.", class_="notice"),
        table(("", "area for improvement", "recommendation", "evidence", "owner", "start", "done by"), [*rows, *blank],
              class_="plan"),
    )  # fmt: skip


def _since(since: Since) -> Html:
    rows: list[tuple[str, ...]] = []
    for line in since.lines:
        middle, bounds = words.interval(line.value.difference, line.key.unit, signed=True)
        told = words.difference(line.value, line.key.unit, shown=line.shown, better=line.key.better)
        kind = "good" if line.gain > 0.0 else "bad" if line.shown and line.gain < 0.0 else "dim"
        rows.append(
            (
                line.variant, line.key.title, words.number(line.value.variant.mean.value, line.key.unit),
                words.number(line.value.base.mean.value, line.key.unit),
                joined(words.with_unit(middle, line.key.unit), tag("br"), tag("small", bounds, class_="dim")),
                joined(tag("span", told, class_=kind), tag("br"), tag("small", _probability(line.p_value), class_="dim")),
                _came_cell(line), str(line.value.n_both),
            )
        )  # fmt: skip
    changed = [line for line in since.lines if line.shown or line.came_shown]
    how = "in pairs: the truth is the same" if since.pairs else "unpaired: the truth differs"
    return tag(
        "section",
        tag("h2", "Since the earlier campaign", id="since"),
        tag("p", f"{len(changed)} of {_count(len(rows), 'figure')} changed beyond noise since “{since.old.name}” "
                 f"({since.old.folder}). Compared {how}; adjusted for all lines (Holm)."),
        *(tag("p", note, class_="dim small") for note in since.notes),
        table(("variant", "measure", "now", "then", "difference", "says", "comes at all", "pairs"), rows),
    )  # fmt: skip


# ---- how it was made


def _made(found: Findings) -> Html:
    campaign = found.campaign
    about = campaign.about
    facts = [
        ("campaign", f"{campaign.name}, in {campaign.folder}"),
        ("scenario", f"{about.scenario}, seed {about.seed}, replicates 0 to {about.seeds - 1}"),
        ("files of the base", f"SHA-256 {about.files.get(found.base.name, '')}"),
        ("all results", f"SHA-256 {campaign.digest()}"),
        *((name, version) for name, version in campaign.made_by.items()),
        ("run it again", f"noroshi campaign {about.scenario} --seeds {about.seeds} --out NEW_FOLDER"),
        ("write this again", f"noroshi assess {campaign.folder}"),
    ]
    rows: list[tuple[str, ...]] = []
    for variant in campaign.variants:
        good = campaign.good(variant.name)
        failed = [run for run in campaign.runs if run.variant == variant.name and run.error]
        changes = ", ".join(f"{path} = {value}" for path, value in variant.changes.items())
        changes += "" if variant.sharing else "links carry nothing"
        rows.append(
            (_variant_link(found, variant.name), variant.title, changes, str(len(good)), str(len(failed) or ""))
        )
    return tag(
        "section",
        tag("h2", "How it was made", id="made"),
        tag("dl", *(tag(kind, text) for name, text in facts for kind, text in (("dt", name), ("dd", text))), class_="facts"),
        table(("variant", "", "changes", "runs", "failed"), rows, numbers=3),
    )  # fmt: skip


def _runs(found: Findings) -> Html:
    campaign = found.campaign
    parts = [
        tag("h2", "Runs", id="runs"),
        tag("p", "Each number above is of these runs. To see a run’s picture at a moment, make its journals again, which "
                 "checks that they are the same byte for byte, then open a node’s:"),
        tag("p", tag("code", campaign.again("VARIANT", 0).replace(":0", ":REPLICATE").replace(" 0 ", " REPLICATE "))),
        tag("p", tag("code", "noroshi picture OUT/NODE.mcap --out NODE.html"), " and open ", tag("code", "NODE.html#t=MILLISECONDS")),
    ]  # fmt: skip
    for variant in campaign.variants:
        rows: list[tuple[str, ...]] = []
        for run in campaign.runs:
            if run.variant == variant.name:
                rows.append(
                    (
                        tag("span", str(run.replicate), id=_run_id(run.variant, run.replicate)),
                        campaign.again(run.variant, run.replicate) if not run.error else "",
                        f"#t={_moment_ms(found, run)}" if not run.error else "",
                        run.error or ", ".join(f"{node} {digest[:CODE_SHOWN]}" for node, digest in run.digests.items()),
                    )
                )  # fmt: skip
        title = f"{variant.name}: {variant.title}" if variant.title else variant.name
        parts += [tag("h3", title, id=f"runs-{variant.name}"),
                  table(("replicate", "makes its journals again", "first alert", "digests of journals"), rows, class_="runs")]  # fmt: skip
    return tag("section", tag("p", f"The seed of all is {campaign.about.seed}.", class_="dim small"), *parts)


def _moment_ms(found: Findings, run: RunResult) -> int:
    """Return the moment of a run that one wants to see first: its first alert, else its first firm track, else the start."""
    scenario = found.scenario
    for measure in ("time_to_alert_s", "time_to_firm_track_s"):
        told = [
            each.value + found.begins_s.get(each.subject, 0.0)
            for each in run.figures if each.measure == measure and not each.node and math.isfinite(each.value)
        ]  # fmt: skip
        if told:
            return scenario.start_ns // 1_000_000 + math.floor(1_000.0 * min(told))
    return scenario.start_ns // 1_000_000


def _run_id(variant: str, replicate: int) -> str:
    return f"run-{variant}-{replicate}"


def _run_link(found: Findings, variant: str, replicate: int, text: str) -> Html:
    del found
    return tag("a", text, href=f"#{_run_id(variant, replicate)}") if replicate >= 0 else Html("")


def _variant_link(found: Findings, variant: str) -> Html:
    del found
    return tag("a", variant, href=f"#runs-{variant}")


def _evidence(found: Findings, line: Line) -> Html:
    return joined(_variant_link(found, line.variant), " − ", _variant_link(found, line.base))


def _title(found: Findings, variant: str) -> str:
    return next((each.title or each.name for each in found.campaign.variants if each.name == variant), variant)
