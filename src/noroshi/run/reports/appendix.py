"""The end of a report: what to do, what changed since an earlier campaign, how it was made, and every run."""

import math

from noroshi.assessment.results import RunResult
from noroshi.run.reports import words
from noroshi.run.reports.findings import Findings
from noroshi.run.reports.html import Html, joined, table, tag
from noroshi.run.reports.since import Since
from noroshi.run.reports.telling import (
    advice,
    came,
    count,
    difference,
    run_id,
    run_link,
    says,
    variant_link,
)

NOTIONAL = (
    "Sites, sensors and their numbers are notional. This report ranks no real installation, and what it "
    "recommends holds for the notional ones only."
)
AGAIN = (
    "Every number above is of these runs. To see a run’s picture at a moment, make its journals again, which "
    "checks that they are the same byte for byte, and open a node’s. #t is the moment of the run’s first alert, "
    "else of its first firm track; any other does as well."
)
PLAN = "Recommended is only what was run and shown to help. Who does it until when is for people to fill in."
DIGEST_SHOWN = 12
LINES_FREE = 2
"""Empty lines of the improvement plan, for what people saw that no figure shows."""


def plan(found: Findings) -> Html:
    """Return the improvement plan; owner and dates are left for people."""
    rows = []
    for i, weak in enumerate(found.weak):
        worst = run_link(weak.verdict.variant, weak.verdict.worst_replicate, "worst run")
        links = joined(worst, ", ", variant_link(weak.remedy.name)) if weak.remedy else worst
        rows.append((str(i + 1), weak.verdict.objective.name, advice(found, weak), links, "", "", ""))
    rows += [(str(len(rows) + 1 + i), Html(""), Html(""), Html(""), "", "", "") for i in range(LINES_FREE)]
    head = ("", "to be improved", "recommendation", "evidence", "owner", "start", "done by")
    return tag(
        "section",
        tag("h2", "Improvement plan", id="plan"),
        tag("p", PLAN),
        tag("p", NOTIONAL, class_="notice"),
        table(head, rows, class_="plan"),
    )


def changes(since: Since) -> Html:
    """Return what changed beyond noise since an earlier campaign."""
    rows = [
        (
            line.variant,
            line.key.title,
            words.number(line.middle, line.key.unit),
            words.number(line.base_middle, line.key.unit),
            difference(line),
            says(line),
            came(line),
            str(line.value.n_both),
        )
        for line in since.lines
    ]
    changed = [line for line in since.lines if line.shown or line.came_shown]
    how = "in pairs: the truth is the same" if since.pairs else "without pairs: the truth is another"
    told = (
        f"{len(changed)} of {count(len(rows), 'figure')} changed beyond noise since “{since.old.name}” in "
        f"{since.old.folder}. Compared {how}; adjusted for all lines (Holm)."
    )
    return tag(
        "section",
        tag("h2", "Since the earlier campaign", id="since"),
        tag("p", told),
        *(tag("p", note, class_="dim small") for note in since.notes),
        table(("variant", "measure", "now", "then", "difference", "says", "comes at all", "n"), rows),
    )


def made(found: Findings) -> Html:
    """Return all that is needed to make the campaign and the report again."""
    campaign, about = found.campaign, found.campaign.about
    facts = {
        "campaign": f"{campaign.name}, in {campaign.folder}",
        "scenario": f"{about.scenario}, seed {about.seed}, replicates 0 to {about.seeds - 1}",
        "files of the base": f"SHA-256 {about.files.get(found.base.name, '')}",
        "all results": f"SHA-256 {campaign.digest()}",
        **campaign.made_by,
        "goes on": f"noroshi campaign {campaign.folder} --resume",
        "this report again": f"noroshi assess {campaign.folder}",
    }
    rows = []
    for variant in campaign.variants:
        changed = ", ".join(f"{path} = {value}" for path, value in variant.changes.items())
        changed += "" if variant.sharing else "links carry nothing"
        failed = sum(run.variant == variant.name and bool(run.error) for run in campaign.runs)
        good = str(len(campaign.good(variant.name)))
        rows.append((variant_link(variant.name), variant.title, changed, good, str(failed or "")))
    listed = [tag(kind, text) for name, told in facts.items() for kind, text in (("dt", name), ("dd", str(told)))]
    return tag(
        "section",
        tag("h2", "How it was made", id="made"),
        tag("dl", *listed, class_="facts"),
        table(("variant", "", "changes", "runs", "failed"), rows, numbers=3),
    )


def runs(found: Findings) -> Html:
    """Return every run, by variant: its anchor, the command that makes it again, its digests."""
    campaign = found.campaign
    parts = []
    for variant in campaign.variants:
        rows = [
            (
                tag("span", str(run.replicate), id=run_id(run.variant, run.replicate)),
                "" if run.error else campaign.again(run.variant, run.replicate),
                "" if run.error else f"#t={_moment_ms(found, run)}",
                run.error or ", ".join(f"{node} {digest[:DIGEST_SHOWN]}" for node, digest in run.digests.items()),
            )
            for run in campaign.runs
            if run.variant == variant.name
        ]
        title = f"{variant.name}: {variant.title}" if variant.title else variant.name
        head = ("replicate", "makes its journals again, in OUT", "moment", "journals’ digests")
        parts += [tag("h3", title, id=f"runs-{variant.name}"), table(head, rows, class_="runs")]
    opens = joined(
        tag("code", "noroshi picture OUT/NODE.mcap --out NODE.html"), ", then open ", tag("code", "NODE.html#t=…")
    )
    return tag(
        "section",
        tag("h2", "Runs", id="runs"),
        tag("p", AGAIN, f" The seed of all is {campaign.about.seed}."),
        tag("p", opens),
        *parts,
    )


def _moment_ms(found: Findings, run: RunResult) -> int:
    """Return the moment of a run that one wants to see first, in Unix milliseconds."""
    start_ms = found.scenario.start_ns // 1_000_000
    for measure in ("time_to_alert_s", "time_to_firm_track_s"):
        told = [
            each.value + found.begins_s.get(each.subject, 0.0)
            for each in run.figures
            if each.measure == measure and not each.node and math.isfinite(each.value)
        ]
        if told:
            return start_ms + math.floor(1_000.0 * min(told))
    return start_ms
