"""Pieces that several parts of a report are made of: links to runs, ratings, tables of comparisons."""

import math
from collections.abc import Sequence

from noroshi.assessment.objectives import Rating, Verdict
from noroshi.run.reports import words
from noroshi.run.reports.charts import whisker
from noroshi.run.reports.findings import Findings, Line, Weak, needed
from noroshi.run.reports.html import Html, joined, table, tag

CHIPS = {Rating.PASS: "PASS", Rating.PARTLY: "PARTLY", Rating.FAIL: "FAIL", Rating.UNMEASURED: "NO FIGURE"}
NO_NUMBER = "No number of replicates would show it among so many: run fewer variants at a time."


def count(n: int, what: str) -> str:
    """Return how many of what."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def small(text: str) -> Html:
    """Return a remark."""
    return tag("small", text, class_="dim")


def below(first: str, second: str) -> Html:
    """Return a cell of two lines, the second a remark."""
    return joined(first, tag("br"), small(second)) if second else joined(first)


def chip(rating: Rating) -> Html:
    """Return what became of an objective, to be seen from afar."""
    return tag("span", CHIPS[rating], class_=f"chip {rating.value}")


def reached(verdict: Verdict) -> Html:
    """Return how many runs reach an objective."""
    if not verdict.n_runs:
        return Html("")
    n = verdict.n_runs - len(verdict.missed)
    _, bounds = words.interval(verdict.reached, "share")
    return joined(f"{n} of {count(verdict.n_runs, 'run')} ", small(words.with_unit(bounds, "share")))


def threshold(verdict: Verdict) -> str:
    """Return what an objective asks for."""
    objective = verdict.objective
    side, limit = ("at least", objective.at_least) if objective.at_least is not None else ("at most", objective.at_most)
    return f"{side} {words.number(limit or 0.0, objective.unit)}"


def advice(found: Findings, weak: Weak) -> Html:
    """Return what of that which was run helps a weak point most, and by how much; else what cannot be said."""
    if weak.remedy is None or weak.line is None:
        return _none_helps(found, weak)
    line = weak.line
    gains = []
    if line.gain > 0.0:
        gains.append(f"{gain(line)}, {count(line.value.n_both, 'pair')}")
    if line.came_gain > 0.0:
        gains.append(f"reached at all in {words.number(line.came_gain, 'share')} more of the runs")
    name = tag("a", title_of(found, weak.remedy.name), href=f"#runs-{weak.remedy.name}")
    return joined("Of what was run, this helps most: ", name, f" ({'; '.join(gains)}).")


def _none_helps(found: Findings, weak: Weak) -> Html:
    """Return why no remedy is recommended: what was run shows no gain, or could show none."""
    if not weak.tried:
        return joined("No remedy was among the variants.")
    unclear = weak.unclear
    n_without = weak.tried - len(unclear)
    which = "the one remedy that was run helps" if weak.tried == 1 else f"any of {_all(weak.tried)} that were run helps"
    if unclear and n_without:
        which = f"{len(unclear)} of {_all(weak.tried)} that were run {'helps' if len(unclear) == 1 else 'help'}"
    if all(line.changes_nothing for line in weak.lines):
        one = "The one remedy that was run changes nothing here."
        return joined(one if weak.tried == 1 else f"None of {_all(weak.tried)} that were run changes anything here.")
    if not unclear:
        none = (
            f"None of {_all(weak.tried)} that were run shows" if weak.tried > 1 else "The one remedy that was run shows"
        )
        return joined(f"{none} {'a' if weak.tried > 1 else 'no'} gain.")
    told = f"Whether {which} cannot be shown: {why_not(weak)}"
    told += f" {n_without} shows no gain." if n_without == 1 else f" {n_without} show no gain." if n_without else ""
    base_hits, base_n = weak.reached[weak.verdict.variant]
    hits, n = weak.reached[unclear[0].variant]
    if hits * base_n <= base_hits * n:
        return joined(told)
    first = [line.variant for line in unclear if weak.reached[line.variant] == (hits, n)]
    names = [tag("a", title_of(found, name), href=f"#runs-{name}") for name in first]
    listed = [part for name in names for part in ("; ", name)][1:]
    return joined(
        f"{told} Furthest so far, and not shown: ", *listed, f" ({hits} of {n} runs reach it, not {base_hits})."
    )


def why_not(weak: Weak) -> str:
    """Return in words why it cannot be shown whether a remedy helps, and how many replicates would show it."""
    return enough(max((line.value.n_pairs for line in weak.unclear), default=0), weak.pairs_needed)


def _all(n: int) -> str:
    return f"the {n} remedies"


def enough(n_pairs: int, needed: int | None) -> str:
    """Return in words that so many pairs show nothing, and how many would."""
    if needed is None:
        return NO_NUMBER
    if n_pairs >= needed:
        return f"too few of the {n_pairs} pairs differ."
    return (
        f"{count(n_pairs, 'pair')} {'is' if n_pairs == 1 else 'are'} too few to show it. {needed} replicates would"
        " show it if all told the same; it takes more if they do not."
    )


def few(lines: Sequence[Line]) -> list[Html]:
    """Return what a table must say of lines that cannot show anything; nothing if there are none."""
    n_few = sum(line.says.startswith("too few") for line in lines)
    if not n_few:
        return []
    told = enough(max(line.value.n_pairs for line in lines), needed(len(lines)))
    return [tag("p", f"Of {n_few} of these {len(lines)} lines no difference can be shown: {told}", class_="notice")]


def gain(line: Line) -> str:
    """Return a difference in words, with its interval, both without a sign: "30 s sooner (25 to 35)"."""
    turned = words.turned(line.difference)
    middle, bounds = words.interval(turned, line.key.unit)
    return f"{words.amount(middle, line.key.unit)} {words.side(line.difference.value, line.key)} ({bounds})"


def comparisons(lines: Sequence[Line], names: tuple[str, str]) -> Html:
    """Return lines as a table.

    Args:
        lines: in order.
        names: of what is compared.
    """
    rows = []
    for line in lines:
        unit, value = line.key.unit, line.value
        reach = max(map(abs, line.difference)) if all(map(math.isfinite, line.difference)) else 0.0
        rows.append(
            (
                below(line.key.title, f"{line.key.measure}, {_how(line)}"),
                words.number(line.middle, unit),
                words.number(line.base_middle, unit),
                difference(line),
                whisker(line.difference, reach, shown=line.shown),
                says(line),
                came(line),
                joined(f"{value.n_both} ", evidence(line)),
            )
        )
    return table(("measure", *names, "difference", "", "says", "comes at all", "pairs"), rows)


def _how(line: Line) -> str:
    return f"{'median' if line.by_median else 'mean'}, {count(line.cases, 'case')}"


def difference(line: Line) -> Html:
    """Return a difference and its interval as a cell, as one says them."""
    told = words.said(line.difference, line.key), words.said_between(line.difference, line.key)
    return below(*told) if line.value.n_both else joined(words.NONE)


def says(line: Line) -> Html:
    """Return what a comparison says as a cell: nothing where no difference is shown."""
    kind = "good" if line.gain > 0.0 else "bad" if line.gain < 0.0 else "dim"
    told = line.says
    if line.shown:
        judged = f"{told}: " if line.gain else ""
        told = f"{judged}{words.said(line.difference, line.key)}"
    return below(tag("span", told, class_=kind), probability(line.p_value))


def probability(p: float) -> str:
    """Return an adjusted probability, rounded up."""
    if math.isnan(p) or p >= 1.0:
        return ""
    return "p < 0.001" if p < 0.001 else f"p ≤ {min(1.0, math.ceil(p * 1000.0 - 1e-9) / 1000.0):.3f}"


def came(line: Line) -> Html:
    """Return how much came at all in both as a cell."""
    if line.came is None:
        return small("always")
    on, off = (words.number(each.mean.value, "share") for each in (line.came.variant, line.came.base))
    if line.came_shown:
        return tag("span", f"{on} / {off}", class_="good" if line.came_gain > 0.0 else "bad")
    not_shown = "too few pairs" if line.came_is_few else "not shown"
    return below(tag("span", f"{on} / {off}", class_="dim"), not_shown if on != off else "")


def run_id(variant: str, replicate: int) -> str:
    """Return the anchor of a run."""
    return f"run-{variant}-{replicate}"


def run_link(variant: str, replicate: int, text: str) -> Html:
    """Return a link to a run; nothing if there is none."""
    return tag("a", text, href=f"#{run_id(variant, replicate)}") if replicate >= 0 else Html("")


def variant_link(variant: str) -> Html:
    """Return a link to the runs of a variant."""
    return tag("a", variant, href=f"#runs-{variant}")


def evidence(line: Line) -> Html:
    """Return links to the runs that a comparison is of."""
    return tag("small", variant_link(line.variant), " − ", variant_link(line.base), class_="runs")


def title_of(found: Findings, variant: str) -> str:
    """Return what a variant is, for a person."""
    return next((each.title or each.name for each in found.campaign.variants if each.name == variant), variant)
