"""The report as one HTML page: the answer first, then what happened, what it means, and what to do about it."""

import math
from importlib.resources import files

from noroshi.assessment.objectives import Rating
from noroshi.geo.time import iso_from_utc_ns
from noroshi.run.exercises.staging import Cast
from noroshi.run.reports import words
from noroshi.run.reports.appendix import changes, made, plan, runs
from noroshi.run.reports.findings import Findings, Line, Weak, needed
from noroshi.run.reports.html import Html, joined, table, tag
from noroshi.run.reports.sections import analysis, objectives, observations
from noroshi.run.reports.since import Since
from noroshi.run.reports.telling import CHIPS, advice, chip, count, enough, evidence, reached, run_link, threshold

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
SECTIONS = {
    "objectives": "Objectives",
    "observations": "Observations",
    "analysis": "Analysis",
    "plan": "Improvement plan",
    "since": "Since the earlier campaign",
    "made": "How it was made",
    "runs": "Runs",
}
NONE_WEAK = "Every objective that could be measured is reached."
NOTHING_ASKED = "The scenario states no objective, so nothing can fall short: state some, as docs/scenarios.md shows."
TILES = (
    "Warning time that sharing gives people",
    "How much sooner a nation knows of a threat by sharing",
    "How much smaller sharing makes the area that holds a threat",
)


def page(found: Findings, cast: Cast, since: Since | None = None) -> str:
    """Return the report.

    Args:
        found: what it says.
        cast: what flew in the repetition that stands for the base.
        since: what changed since an earlier campaign.
    """
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
    contents = [tag("a", name, href=f"#{key}") for key, name in SECTIONS.items() if key != "since" or since]
    top = tag(
        "header",
        tag("h1", f"{campaign.name}: what the coalition can do"),
        tag("p", _what_was_run(found), class_="dim small"),
        tag("nav", *contents, class_="toc"),
        class_="top",
    )
    parts = [_overview(found), objectives(found), observations(found, cast), analysis(found), plan(found)]
    parts += [changes(since)] if since else []
    foot = tag(
        "footer",
        "Research and exercise software, not certified for alerting or operations. The same campaign gives the same "
        f"bytes of this report. Made by noroshi {campaign.made_by.get('noroshi', '')}.",
    )
    strip = tag("div", "EXERCISE · simulated · sites and sensors are notional", class_="strip")
    body = tag("body", strip, top, tag("main", *parts, made(found), runs(found), foot))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _what_was_run(found: Findings) -> str:
    campaign = found.campaign
    good = [run for run in campaign.runs if not run.error]
    failed = len(campaign.runs) - len(good)
    names = ", ".join(nation.name for nation in found.scenario.nations)
    minutes = min(campaign.about.until_s or math.inf, found.scenario.duration_s) / 60.0
    return (
        f"Scenario “{campaign.about.title}”: {names}; {minutes:.3g} simulated minutes from "
        f"{iso_from_utc_ns(found.scenario.start_ns)}. {count(len(good), 'run')} of "
        f"{count(len(campaign.variants), 'variant')}{f'; {failed} more failed' if failed else ''}. Runs of one "
        "replicate have, but for what a variant changes, the same truth and the same noise, so variants are compared "
        "in pairs. Intervals are of 95 %."
    )


def _overview(found: Findings) -> Html:
    lines = found.headline or (None,) * len(TILES)
    why = "No variant without sharing was run." if found.alone is None else "No run has such a figure."
    tiled = [(title, line, why) for title, line in zip(TILES, lines, strict=True)]
    tiles = tag("div", *(_tile(*each) for each in tiled), class_="tiles")
    rated = [verdict.rating for verdict in found.verdicts]
    told = ", ".join(f"{rated.count(each)} {CHIPS[each].lower()}" for each in Rating if each in rated)
    rows = [
        (tag("a", verdict.objective.name, href=f"#objective-{i}"), chip(verdict.rating), reached(verdict))
        for i, verdict in enumerate(found.verdicts)
    ]
    left = tag(
        "section",
        tag("h3", f"Objectives: {told or 'the scenario states none'}"),
        table(("objective", "", "reached in"), rows, numbers=2) if rows else Html(""),
    )
    weak = [tag("li", tag("b", each.verdict.objective.name), _short(found, each)) for each in found.weak]
    right = tag(
        "section",
        tag("h3", "What to improve first"),
        tag("ol", *weak, class_="weak") if weak else tag("p", NONE_WEAK if found.verdicts else NOTHING_ASKED),
    )
    return tag("section", tiles, tag("div", left, right, class_="halves"), id="overview")


def _tile(title: str, line: Line | None, why: str) -> Html:
    """Return one of the three answers, or why there is none."""
    if line is None:
        return tag("div", tag("h3", title), tag("p", "not measured", class_="big none"), tag("p", why), class_="tile")
    unit, value = line.key.unit, line.value
    kind, big = "", tag("p", line.says, class_="big none")
    if line.shown:
        kind = "better" if line.gain > 0.0 else "worse"
        big = tag("p", words.said(line.difference, line.key), class_="big")
    elif line.came_shown:
        kind = "better" if line.came_gain > 0.0 else "worse"
    bounds = words.said_between(line.difference, line.key)
    around = f"{bounds}, {count(value.n_both, 'pair')}" if bounds else _no_interval(line)
    texts = [tag("p", around, class_="around")]
    if line.says.startswith("too few"):
        told = enough(value.n_both, needed(len(TILES)))
        texts.append(tag("p", f"{told[:1].upper()}{told[1:]}"))
    if value.n_both:
        on, off = (words.number(each, unit) for each in (line.middle, line.base_middle))
        always = "" if line.came is None or line.by_median else ", where it came in both"
        how = "In the middle " if line.by_median else ""
        texts.append(tag("p", f"{how}{'w' if how else 'W'}ith sharing {on}, without {off}{always}."))
    if line.came is not None:
        texts.append(tag("p", _comes(line)))
    texts.append(tag("p", f"{line.key.title}. ", evidence(line), class_="dim"))
    return tag("div", tag("h3", title), big, *texts, class_=f"tile {kind}".strip())


def _no_interval(line: Line) -> str:
    n = line.value.n_both
    return f"no interval: {count(n, 'pair')}" if n else "it never came in both"


def _comes(line: Line) -> Html:
    assert line.came is not None
    on, off = (words.number(each.mean.value, "share") for each in (line.came.variant, line.came.base))
    told = f"It comes at all in {on} of the cases (a nation, a threat) with sharing, in {off} without"
    if line.came_shown:
        return tag("b", f"{told}.")
    why = "too few pairs to show it" if line.came_is_few else "no difference shown"
    return joined(f"{told}: {why}." if on != off else f"{told}.")


def _short(found: Findings, weak: Weak) -> Html:
    verdict = weak.verdict
    middle = words.number(verdict.value.value, verdict.objective.unit)
    missed = f"Missed in {len(verdict.missed)} of {count(verdict.n_runs, 'run')}"
    state = f"{missed}: {threshold(verdict)} is asked, the worst figure of the middle run is {middle}. "
    worst = run_link(verdict.variant, verdict.worst_replicate, "Worst run")
    return joined(state, advice(found, weak), " ", worst, ".")
