"""What came of an exercise, in figures: for a person and for a machine."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from noroshi.assessment.custody import Custody
from noroshi.assessment.exercises.custodies import custodies
from noroshi.assessment.exercises.happened import Happened
from noroshi.assessment.exercises.held import Held
from noroshi.assessment.exercises.ledger import STAGES
from noroshi.assessment.exercises.pictures import attributes
from noroshi.assessment.objectives import Verdict, judge
from noroshi.assessment.results import Figure, RunResult
from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.records import Kind
from noroshi.run.campaigns.measuring import measured, objectives_of
from noroshi.run.exercises.running import Ran

SHOWN = ("completeness", "ambiguity", "spuriousness", "position_accuracy_m", "velocity_accuracy_m_s")


def outcome(ran: Ran) -> dict[str, Any]:
    """Return all figures as plain data for JSON.

    Judged are the bodies that truly exist, wherever they are: what no sensor of a nation can reach counts as missed. A
    flight's entry of kind ballistic, boosting or gliding is a threat. Of a node that shares its own sensors' picture is
    judged, and beside it, under "fused", the one that it makes with what its partners release to it.
    """
    scenario = ran.scenario
    simulated_s = _reached_s(ran)
    happened, found = measured(ran)
    nodes = []
    for code, own in happened.own.items():
        node = _node(code, happened, own)
        if code in ran.fused:
            node["fused"] = _node(code, happened, happened.known[code])
        nodes.append(node)
    run = RunResult(variant="", replicate=ran.cast.world.replicate, figures=found)
    verdicts = judge(objectives_of(scenario), [run], "")
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "replicate": ran.cast.world.replicate,
        "from": iso_from_utc_ns(scenario.start_ns),
        "simulated_s": simulated_s,
        "flights": _counts(ran),
        "sensors": {code: len(entries) for code, entries in ran.cast.eyes.items()},
        "events": ran.n_events,
        "unheard": ran.n_unheard,
        "refused": {" ".join(key): n for key, n in sorted(ran.refused.items())},
        "nodes": nodes,
        "objectives": [_verdict(each) for each in verdicts],
        "seconds": _seconds(found),
        "links": {way: {"bytes": n} for way, n in ran.sent_bytes.items()},
        "alarms": {": ".join(key): n for key, n in sorted(ran.alarms.items())},
        "digests": dict(ran.digests),
        "wall_s": round(ran.wall_s, 3),
        "start_up_s": round(ran.start_up_s, 3),
        "faster_than_real_time": round(simulated_s / ran.wall_s, 1) if ran.wall_s else None,
        "processor_s": {name: round(seconds, 3) for name, seconds in sorted(ran.seconds.items())},
    }


def _reached_s(ran: Ran) -> float:
    world = ran.cast.world
    return ran.until_s if ran.until_s is not None else (world.end_ns - world.start_ns) / NS_PER_S


def _counts(ran: Ran) -> dict[str, int]:
    kinds = [Kind(int(flight.kind.max())) if flight.name in ran.cast.threats else Kind(int(flight.kind[0]))
             for flight in ran.cast.bodies]  # fmt: skip
    counts = {kind.name.lower(): kinds.count(kind) for kind in Kind if kind in kinds}
    satellites = sum(flight.kind[0] == Kind.SPACE for flight in ran.cast.world.flights)
    ghosts = len(ran.cast.world.flights) - len(ran.cast.bodies) - int(satellites)
    return {**counts, "satellites": int(satellites)} | ({"ghosts": ghosts} if ghosts else {})


def _node(code: str, happened: Happened, held: Held) -> dict[str, Any]:
    number = len(np.unique(held.tracks.track_id))
    if not len(happened.targets.names):
        return {"node": code, "tracks": number, "siap": None, "threats": []}
    figures = attributes(happened.targets, held)
    return {
        "node": code,
        "tracks": number,
        "siap": {name: _plain(value) for name, value in figures.items()},
        "threats": [_threat(each) for each in custodies(happened.targets, held)],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    wanted = verdict.objective
    return {
        "name": wanted.name,
        "measure": wanted.measure,
        "unit": wanted.unit,
        **({"at_least": wanted.at_least} if wanted.at_least is not None else {"at_most": wanted.at_most}),
        "rating": str(verdict.rating),
        "value": _told(verdict.value.value),
        "worst": [{"node": each.node, "subject": each.subject, "value": _told(each.value)} for each in verdict.worst],
    }


def _told(value: float) -> float | str | None:
    """Return a figure for JSON, which has no infinity: "never" is one."""
    return "never" if math.isinf(value) else _plain(value)


def _seconds(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """Return where the seconds went, a row for each nation and threat."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for each in figures:
        if each.measure.startswith("ledger_"):
            row = found.setdefault((each.subject, each.node), {"threat": each.subject, "node": each.node})
            row[each.measure.removeprefix("ledger_").removesuffix("_s")] = each.value
    alerts = {(each.subject, each.node): each.value for each in figures if each.measure == "time_to_alert_s"}
    return [{**row, "alert_s": _told(alerts.get(key, math.inf))} for key, row in sorted(found.items())]


def _threat(held: Custody) -> dict[str, Any]:
    return {
        "target": held.target,
        "kind": held.kind.name.lower(),
        "there_s": held.there_s,
        "first_held_s": _plain(held.first_held_s),
        "held": _plain(held.held),
        "gap_s_max": _plain(held.gap_s_max),
        "tracks": held.n_tracks,
        "position_error_m": _plain(held.position_error_m),
        "kind_right": _plain(held.kind_right),
    }


def _plain(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) else None


def show(figures: Mapping[str, Any], console: Console) -> None:
    """Print the figures for a person."""
    flown = ", ".join(f"{n} {name}" for name, n in figures["flights"].items())
    eyes = ", ".join(f"{code} {n}" for code, n in figures["sensors"].items())
    console.print(f"[bold]{escape(figures['scenario'])}[/], seed {figures['seed']}, from {figures['from']}")
    console.print(f"  true: {flown}; sensors: {eyes}")
    console.print(_pictures(figures["nodes"]))
    if any(node["threats"] for node in figures["nodes"]):
        console.print(_threats(figures["nodes"]))
    if figures["objectives"]:
        console.print(_objectives(figures["objectives"]))
    if figures["seconds"]:
        console.print(_ledger(figures["seconds"]))
    spent = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in figures["processor_s"].items())
    console.print(
        f"[bold]{figures['simulated_s']:,.0f} s in {figures['wall_s']:.1f} s[/], "
        f"{figures['faster_than_real_time']:,.0f} times faster than real time "
        f"(before that {figures['start_up_s']:.1f} s to start); {figures['events']:,} events"
    )
    console.print(f"[dim]processor time in all processes: {spent}[/]")
    if figures["links"]:
        sent = ", ".join(f"{way} {link['bytes'] / 1e6:,.1f} MB" for way, link in figures["links"].items())
        console.print(f"[dim]links: {sent}[/]")
    for what, n in figures["alarms"].items():
        console.print(f"[dim]alarm: {escape(what)}: {n:,}[/]")
    for reason, n in figures["refused"].items():
        console.print(f"[dim]not used: {n:,} of {escape(reason.lower().replace('_', ' '))}[/]")


def _pictures(nodes: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title="pictures, of all that moves anywhere")
    for name in ("node", "tracks", *SHOWN):
        table.add_column(name.replace("_accuracy_m_s", " [m/s]").replace("_accuracy_m", " [m]"), justify="right")
    for node in nodes:
        _add_picture(table, node["node"], node)
    if any("fused" in node for node in nodes):
        table.add_section()
    for node in nodes:
        if "fused" in node:
            _add_picture(table, f"{node['node']} with partners", node["fused"])
    return table


def _add_picture(table: Table, name: str, node: Mapping[str, Any]) -> None:
    cells = [_cell(node["siap"][name]) if node["siap"] else "" for name in SHOWN]
    table.add_row(name, f"{node['tracks']:,}", *cells)


def _threats(nodes: Sequence[Mapping[str, Any]]) -> Table:
    """Return what each node held of each threat; of nodes that share, alone and with partners."""
    shares = any("fused" in node for node in nodes)
    table = Table(box=None, pad_edge=False, header_style="bold", title="threats, since each was there")
    figures = ("first held", "held since", "longest gap", "tracks", "error", "kind right")
    for name in ("threat", "kind", "node", *figures[:2]):
        table.add_column(name, justify="left" if name in ("threat", "kind", "node") else "right")
    if shares:
        table.add_column("with partners:")
    for name in figures if shares else figures[2:]:
        table.add_column(name, justify="right")
    rows = sorted((held["target"], i, held) for i, node in enumerate(nodes) for held in node["threats"])
    for target, i, held in rows:
        cells = _held(held)
        if shares:
            fused = {each["target"]: each for each in nodes[i].get("fused", {"threats": []})["threats"]}
            cells = [*cells[:2], "", *(_held(fused[target]) if target in fused else [])]
        table.add_row(escape(target), held["kind"], nodes[i]["node"], *cells)
    return table


def _objectives(verdicts: Sequence[Mapping[str, Any]]) -> Table:
    """Return what became of each objective, with the worst figure and whose it is."""
    table = Table(box=None, pad_edge=False, header_style="bold", title="objectives, in this one run")
    for name in ("objective", "rating", "worst", "wanted", "of"):
        table.add_column(name)
    for each in verdicts:
        wanted = f"at least {each['at_least']:g}" if "at_least" in each else f"at most {each['at_most']:g}"
        value = each["value"]
        shown = "" if value is None else value if isinstance(value, str) else f"{value:.5g}"
        worst = each["worst"][0] if each["worst"] else {"node": "", "subject": ""}
        whose = " ".join(part for part in (worst["node"], worst["subject"]) if part)
        more = f" and {len(each['worst']) - 1} more" if len(each["worst"]) > 1 else ""
        unit = "" if each["unit"] in ("1", "share") else f" {each['unit']}"
        table.add_row(escape(each["name"]), each["rating"], shown, f"{wanted}{unit}", escape(whose + more))
    return table


def _ledger(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return where the seconds went up to each first alert, or to the threat's arrival without one."""
    table = Table(box=None, pad_edge=False, header_style="bold", title="where the seconds went, up to people warned")
    names = [*STAGES, "whole"]
    for name in ("threat", "node", "alert", *(name.replace("_", " ") for name in names)):
        table.add_column(name, justify="left" if name in ("threat", "node") else "right")
    for row in rows:
        alert = row["alert_s"] if isinstance(row["alert_s"], str) else f"{row['alert_s']:.0f} s"
        table.add_row(escape(row["threat"]), row["node"], alert, *(f"{row[name]:.0f} s" for name in names))
    return table


def _held(held: Mapping[str, Any]) -> list[str]:
    if held["first_held_s"] is None:
        return ["never", "", "", "", "", ""]
    return [
        f"{held['first_held_s']:.0f} s", f"{held['held']:.0%}", f"{held['gap_s_max']:.0f} s", str(held["tracks"]),
        f"{held['position_error_m']:,.0f} m", f"{held['kind_right']:.0%}",
    ]  # fmt: skip


def _cell(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if value < 10 else f"{value:,.0f}"
