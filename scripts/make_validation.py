"""Write `docs/validation.md`: figures of the literature beside what the shipped program computes.

    uv run scripts/make_validation.py

Each file of `scripts/validation/` gives checks; all are taken. What disagrees is shown as such, and the command then
exits with 1.
"""

import importlib
import math
import pkgutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import scripts.validation
from scripts.validation import Check

from noroshi.exercise.events import Compared, predict
from noroshi.run.events import event_names, load_event

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/validation.md"
HEAD = """# Validation: expected beside computed

Figures of the literature beside what the shipped program computes, made by `uv run scripts/make_validation.py`. Each row says
where its expected figure is from, and how far the two may be apart; `tests/test_validation.py` holds all of them. A row that
disagrees says so here, and fails there.
"""
LAUNCHES = """
## Every launch: published beside predicted

Each event of `src/noroshi/data/events/` that can be flown. A generic boost is fitted to the range, apogee and bearing that are named;
everything else about the flight is a prediction. Times are minutes after lift-off; lift-off and what followed were published as whole
minutes, so up to a minute of difference says nothing. The spread is the 5th to 95th percentile over 16 draws of what nobody
published: burn time, how the acceleration grows, drag. Of what the bearing is was not published either: six launches take it as
that of the launch and not of the impact, and which do was decided by where they were said to pass or fall. Nothing else is tuned to make a row agree, and there is no tolerance here: the
difference is what it is.

What to make of it. A coast that it passed over is given as a point, so that kilometres from there up to the size of what it passed
over say nothing. For ballistic flights the predicted times are within a minute and a half of the published ones, and for the lofted
ones within half a minute. For satellite launchers they are not: where a first stage falls depends on how its launcher is
steered and staged, of which a generic boost that leans over in one plane knows nothing, and the burn times are round figures.
"""


def groups() -> dict[str, list[Check]]:
    """Return the checks of each file of the folder, by its first line."""
    found = {}
    for module in sorted(pkgutil.iter_modules(scripts.validation.__path__), key=lambda each: each.name):
        part = importlib.import_module(f"scripts.validation.{module.name}")
        found[str(part.__doc__).splitlines()[0].rstrip(".")] = part.checks()
    return found


def row(check: Check) -> str:
    """Return a check as a row of the table, with as many decimals as the tolerance asks for."""
    decimals = min(max(1 - math.floor(math.log10(check.tolerance)), 0), 9) if check.tolerance > 0.0 else 6
    verdict = "agrees" if check.holds else "**differs**"
    return (
        f"| {check.what} | {check.expected:,.{decimals}f} {check.unit} | {check.computed:,.{decimals}f} "
        f"| {check.computed - check.expected:+,.{decimals}f} | {check.tolerance:.{decimals}f} | {verdict} | {check.source} |"
    )


def launch(name: str) -> list[str]:
    """Return the lines of one launch."""
    event = load_event(name)
    lines = ["", f"### {name}: {event.title.removesuffix(f', {name}')}", "", " ".join(event.summary.split()), ""]
    if event.tier == "timeline":
        return [*lines, "Not flown: what was published does not say how."]
    used = [f"{figure.what} = {figure.value:g} ({figure.source})" for figure in event.figures if figure.used]
    others = [f"{figure.what} = {figure.value:g} ({figure.source})" for figure in event.figures if not figure.used]
    lines.append(f"Tier: {event.tier}. Fitted to {', '.join(used)}. Also published: {', '.join(others) or 'nothing'}.")
    predicted = [compared for compared in predict(event).compared if compared.role == "predicted"]
    if not predicted:
        return [*lines, "Nothing else was published of it that a flight could be asked for."]
    lines += ["", "| what | published | predicted | spread | difference | source |", "|---|---|---|---|---|---|"]
    return [*lines, *map(launch_row, predicted)]


def launch_row(compared: Compared) -> str:
    """Return one published figure of a launch as a row."""
    low, high = compared.spread
    return (
        f"| {compared.what} | {compared.published:,.1f} {compared.unit} | {compared.predicted:,.1f} "
        f"| {low:,.1f} to {high:,.1f} | {compared.predicted - compared.published:+,.1f} | {compared.source} |"
    )


def page(found: dict[str, list[Check]]) -> str:
    """Return the whole page."""
    every = [check for checks in found.values() for check in checks]
    wrong = [check for check in every if not check.holds]
    lines = [HEAD, f"{len(every)} checks, {len(wrong)} of them disagree.", ""]
    lines += [f"- **differs**: {check.what}" for check in wrong]
    for title, checks in found.items():
        lines += ["", f"## {title}", "", "| what | expected | computed | difference | tolerance | verdict | source |"]
        lines += ["|---|---|---|---|---|---|---|", *map(row, checks)]
    lines.append(LAUNCHES)
    for name in event_names():
        lines += launch(name)
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def main() -> int:
    """Write the page; return 1 if anything disagrees."""
    found = groups()
    PAGE.write_text(page(found))
    wrong = sum(not check.holds for checks in found.values() for check in checks)
    print(f"{PAGE.relative_to(ROOT)}: {sum(map(len, found.values()))} checks, {wrong} disagree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
