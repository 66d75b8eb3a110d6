"""Sections on warning, campaigns and decisions, whose figures are tables: one row for each case, stage or way."""

from collections.abc import Iterator
from typing import Any

from figures import ROOT, load, table
from figures.sharing import ABOUT, flat, words

Row = dict[str, Any]
MADE_WITH = ("machine", "commits", "cedarpy", "cryptography", "msgspec", "lxml", "signxml", "sqlite", "calibration")

TOLD = {
    "impact_honesty": (
        "Where it comes down: how honest",
        "--flights {flights} --tracked {tracked}",
        "Shares of impacts inside the ellipses of 50 and 95 %, with Wilson's intervals; median semi-axes of the former and area of the latter.",
    ),
    "impact_size": (
        "Where it comes down: how near to the bound",
        "--seeds {seeds} --tracker {tracker}",
        "Forecasts against what the same looks permit (Fisher information, mapped to the ground; semi-axes of 50 %, with and "
        "without air); medians over seeds. Of each forecast its area's root over the bound's, how often the impact is "
        "inside, and the track's NEES over 6.",
    ),
    "launch_notice": (
        "How soon a launch is noticed",
        "--seeds {n_seeds} --first-seed {seeds[0]} --events {event_names}",
        "Seconds from lift-off, and beside them the geometry's own limit; in brackets the 95th percentile.",
    ),
    "glider_custody": (
        "Custody of gliders",
        "--seeds {n_seeds} --first-seed {seeds[0]}",
        "The share of the glide at which a picture has a track within 5 km, and at which two satellites or a radar see it at all.",
    ),
    "proposal_latency": (
        "From a measurement to a proposal everywhere",
        "--scenes {scene_names} --replicates {n_replicates}",
        "On the exercise's clock, from the newest and from the needed measurement until the proposal is in the last of three nodes.",
    ),
    "all_clears": (
        "When it is said to be over",
        "--seeds {seeds} --first-seed {first_seed} --launches {launches} --watched {watched} --standing {standing}",
        "Seconds from when a threat truly was over in an area to when its people were told so, median and in brackets the 95th "
        "percentile; shares told before it was over with Wilson's intervals; and how many threats the node made of a missile.",
    ),
    "quiet_hours": (
        "Silence where nothing rises",
        "--hours {hours:.0f} --first {first} --passing {passing}",
        "The whole chain of three nodes over traffic, ships, satellites overhead and clutter; of all nodes together.",
    ),
    "alert_kills": (
        "Alerts of a node that is killed",
        "--runs {runs} --seed {seed}",
        "Signal 9 between deciding and sending; lost, shown twice and altered must be none.",
    ),
    "campaign": (
        "A campaign that is killed",
        "--what {arguments[what]} --seeds {arguments[seeds]} --processes {arguments[processes]}",
        "Killed when half of its runs are kept, gone on with, and compared.",
    ),
    "campaign_statistics": (
        "Are a campaign's intervals honest",
        "--repetitions {repetitions}",
        "How often intervals of 95 % hold the truth, how often nothing is called something, and Sobol' indices of a known function.",
    ),
    "command_safety": (
        "Decisions: random interleavings",
        "--runs {interleavings} --steps {steps_each} --seed {first_seed}",
        "Two nations with doubled, late and lost messages, cuts and restarts, against an oracle that does not know the table.",
    ),
    "staffs": (
        "From first detection to an acknowledged task",
        "--seeds {n_seeds} --first {seeds[0]}",
        "Scripted staffs, jointly and each nation alone: seconds, means over seeds with 95 % intervals; `threats none` were never tasked.",
    ),
    "sensor_plan": (
        "What a sensor plan gains",
        "--seeds {n_seeds} --first {seeds[0]}",
        "Custody of gliders, and the logarithm of the ellipses' areas, against fixed scanning in the same seeds.",
    ),
    "advice": (
        "Advice: how good, how proven, how long",
        "--limit-s {limit_s}",
        "Plans against their bounds, with the greedy plan beside; seconds are of the processor.",
    ),
}


def sections() -> list[str]:
    """Return those of which there are results."""
    return [section(name) for name in TOLD if (ROOT / f"bench/results/{name}.json").exists()]


def section(name: str) -> str:
    """Return one bench's section."""
    title, options, told = TOLD[name]
    found = load(name)
    made = found.get("versions", {key: found[key] for key in ("python", "noroshi", "numpy") if key in found})
    said = ", ".join(f"{key} {cell(value)}" for key, value in made.items())
    asked = options.format_map(found | _spans(found))
    shown = {key: value for key, value in _arranged(name, found).items() if key not in ABOUT}
    return "\n\n".join(
        [f"## {title}", f"`uv run bench/{name}.py {asked} --json`", told, *tables(shown), f"Made with {said}."]
    )


def tables(found: Row) -> Iterator[str]:
    """Yield each part of what was found that has several rows as a table, and then all the rest as one."""
    rest, alike = {}, dict[tuple[str, ...], Row]()
    for key, value in found.items():
        if isinstance(value, dict) and value and not any(isinstance(one, dict | list) for one in value.values()):
            alike.setdefault(tuple(value), {})[key] = value
    together = {key: rows for rows in alike.values() if len(rows) > 1 for key in rows}
    for key, value in found.items():
        if key in together:
            if key == next(iter(together[key])):
                yield _table("", together[key])
        elif isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            yield _list(words(key), value)
        elif isinstance(value, dict) and len(value) > 1 and all(isinstance(one, dict) for one in value.values()):
            yield _table(words(key), value)
        else:
            rest[key] = value
    if rest:
        yield table(("what", "figure"), [(what, figure) for what, figure in flat(rest)])


def cell(value: Any, joint: str = " to ") -> str:
    """Return a figure, or an interval, quantiles or semi-axes, as short as it can be read."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        if {"value", "low", "high"} <= set(value):
            return f"{cell(value['value'])} ({cell(value['low'])} to {cell(value['high'])})"
        if {"median", "p95"} <= set(value):
            rest = "".join(f", {words(k)} {cell(x)}" for k, x in value.items() if k not in ("median", "p95") and x)
            return f"{cell(value['median'])} ({cell(value['p95'])}){rest}"
        if {"ratio", "inside", "nees"} <= set(value):
            return f"{value['ratio']:.2f}, {value['inside']:.2f}, {value['nees']:.2f}"
        if value == {"forecasts": 0}:
            return "-"
        return ", ".join(f"{words(key)} {cell(one)}" for key, one in value.items())
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return (joint if len(value) == 2 else ", ").join(map(cell, value))
    return str(value)


def _list(title: str, rows: list[Row]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    joints = {name: " x " if "km" in name else " to " for name in names}
    lines = [tuple(cell(row[n], joints[n]) if n in row else "" for n in names) for row in rows]
    return f"{title.capitalize()}:\n\n{table(tuple(map(words, names)), lines)}"


def _table(title: str, rows: Row) -> str:
    """Return entries as rows, or as columns where there are more figures than entries would fit beside each other."""
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    if len(names) > 2 * len(rows) and len(names) > 8:
        head: tuple[str, ...] = ("", *map(words, rows))
        lines = [(words(name), *(cell(row.get(name)) for row in rows.values())) for name in names]
    else:
        head = ("", *map(words, names))
        lines = [(words(key), *(cell(row.get(name)) for name in names)) for key, row in rows.items()]
    return f"{title.capitalize()}:\n\n{table(head, lines)}" if title else table(head, lines)


def _arranged(name: str, found: Row) -> Row:
    """Return what was found in the order in which it is shown; of a sensor plan the ways beside each other."""
    found = {key: value for key, value in found.items() if key not in MADE_WITH}
    if name == "impact_size":
        rows = found.pop("figures")
        of = {key: [row for row in rows if key in row] for key in ("bound_km", "area_ratio", "boost_only")}
        return {"forecasts": of["bound_km"], "shared": of["area_ratio"], "boost only": of["boost_only"]} | found
    if name != "sensor_plan":
        return found
    ways = [way for way in found["custody"] if way in found]
    gains = {f"{way}: {key}": found[way][key] for way in ways for key in found[way] if key != "steps"}
    steps = {way: found[way]["steps"] for way in ways}
    return {key: value for key, value in found.items() if key not in ways} | {"gains": gains, "steps": steps}


def _spans(found: Row) -> Row:
    """Return how many seeds there are, and names as they are given on a command line."""
    told: Row = {}
    for key in ("seeds", "replicates"):
        if isinstance(found.get(key), list):
            first, last = found[key]
            told[f"n_{key}"] = last - first + 1
    told["event_names"] = ",".join(found.get("events", []))
    told["scene_names"] = " ".join(found.get("scenes", []))
    return told
