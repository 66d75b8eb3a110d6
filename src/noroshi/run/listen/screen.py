"""What a listener shows: a table of tracks and a line for each feed on a terminal; a line, or an object, in a pipe."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.run.feeds import Feed, Health
from noroshi.run.listen.listener import THREATS, Rates, View
from noroshi.run.printing import printable

OLD_S = 15.0
"""A track that was not measured for so long is shown dimmed."""

HEIGHT_SIGMA_M_MAX = 1000.0
"""A height that is not known to this is not shown."""


def clock(ns: int) -> str:
    """Return a difference of clocks in words: `+9 h 0 min`, `-2.5 s`."""
    sign, seconds = "+" if ns >= 0 else "-", abs(ns) / NS_PER_S
    if seconds < 60.0:
        return f"{sign}{seconds:.1f} s"
    minutes = round(seconds / 60.0)
    hours, days = minutes // 60, minutes // 1440
    if minutes < 60:
        return f"{sign}{minutes} min {seconds - 60 * (seconds // 60):.0f} s" if minutes < 10 else f"{sign}{minutes} min"
    return f"{sign}{hours} h {minutes % 60} min" if days < 2 else f"{sign}{days:,} days"


def feed_line(name: str, health: Health, rates: Mapping[str, float]) -> str:
    """Return how a feed is, on one line."""
    parts = [
        *([f"{rates['bytes'] / 1000.0:,.1f} kB/s"] if health.n_bytes else []),
        f"{rates['messages']:,.0f} messages/s",
        f"{rates['plots']:,.0f} plots/s",
    ]
    if n_damaged := sum(health.damage.values()):
        worst, _ = max(health.damage.items(), key=lambda item: (item[1], item[0]))
        parts.append(f"{n_damaged:,} errors ({printable(worst)})")
    else:
        parts.append("no errors")
    parts.append(f"{health.n_dropped:,} dropped" if health.n_dropped else "none dropped")
    if health.behind_ns:
        ages = sorted(health.behind_ns.values())
        parts.append(f"{ages[len(ages) // 2] / NS_PER_S:.1f} s old")
    if health.clock_ns:
        added = sorted(health.clock_ns.values(), key=abs)[-1]
        whose = "clock" if len(health.clock_ns) == 1 else f"{len(health.clock_ns)} clocks"
        parts.append(f"{whose} off by {clock(-added)}")
    state = "" if health.is_up else "DOWN: "
    if health.trouble:
        parts = [printable(health.trouble, 200), *(parts if health.n_messages else [])]
    return f"{printable(name, 200)}  {state}{', '.join(parts)}"


def feeds_told(feeds: Sequence[Feed], rates: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return how the feeds are, for programs."""
    told = []
    for feed in feeds:
        health = feed.health
        told.append(
            {
                "feed": feed.name,
                "up": health.is_up,
                "trouble": health.trouble or None,
                "messages": health.n_messages,
                "bytes": health.n_bytes,
                "records": health.n_records,
                "plots": health.n_rows,
                "dropped": health.n_dropped,
                "connections": health.n_connected,
                "messages_per_s": round(rates.get(f"{feed.name} messages", 0.0), 1),
                "plots_per_s": round(rates.get(f"{feed.name} plots", 0.0), 1),
                "counts": dict(health.counts),
                "damage": dict(health.damage),
                "clock_added_s": {name: ns / NS_PER_S for name, ns in health.clock_ns.items()},
                "age_s": {name: ns / NS_PER_S for name, ns in health.behind_ns.items()},
            }
        )
    return told


class Meter:
    """The rates of all feeds."""

    def __init__(self) -> None:
        self._rates = Rates()

    def read(self, feeds: Sequence[Feed], at_s: float) -> dict[str, float]:
        """Return how many messages, plots and bytes come in a second, by "FEED messages" and so on."""
        totals: dict[str, int] = {}
        for feed in feeds:
            health = feed.health
            totals[f"{feed.name} messages"], totals[f"{feed.name} plots"] = health.n_records, health.n_rows
            totals[f"{feed.name} bytes"] = health.n_bytes
        return self._rates.of(totals, at_s)


def line(feeds: Sequence[Feed], rates: Mapping[str, float], view: View, state: str, now_ns: int) -> str:
    """Return how all is, on one line for a pipe."""
    firm = len(view.tracks)
    sums = {what: sum(rates.get(f"{feed.name} {what}", 0.0) for feed in feeds) for what in ("messages", "plots")}
    healths = [feed.health for feed in feeds]
    n_damaged = sum(sum(health.damage.values()) for health in healths)
    n_dropped = sum(health.n_dropped for health in healths)
    time = iso_from_utc_ns(now_ns // NS_PER_S * NS_PER_S)
    troubles = "".join(f"; {feed.name}: {h.trouble}" for feed, h in zip(feeds, healths, strict=True) if h.trouble)
    return printable(
        f"{time} {state}: {firm:,} tracks, {sums['messages']:,.0f} messages/s, {sums['plots']:,.0f} plots/s, "
        f"{n_damaged:,} errors, {n_dropped:,} dropped{troubles}",
        1000,
    )


def screen(
    feeds: Sequence[Feed], rates: Mapping[str, float], view: View, state: str, *, height: int, width: int
) -> RenderableType:
    """Return all that fits on a terminal of this size."""
    head = Text(f"noroshi listen   {state}", style="bold")
    if view.now_ns:
        time = iso_from_utc_ns(view.now_ns // NS_PER_S * NS_PER_S).replace("T", " ")
        kinds = {kind: sum(row["kind"] == kind for row in view.tracks) for kind in {r["kind"] for r in view.tracks}}
        among = ", ".join(f"{n:,} {kind}" for kind, n in sorted(kinds.items(), key=lambda item: -item[1]))
        head.append(f"   {time}   {len(view.tracks):,} tracks" + (f" ({among})" if among else ""), style="not bold")
    lines: list[RenderableType] = [head]
    for feed in feeds:
        health = feed.health
        own = {what: rates.get(f"{feed.name} {what}", 0.0) for what in ("messages", "plots", "bytes")}
        style = "red" if not health.is_up else "yellow" if health.trouble or health.n_dropped else "green"
        lines.append(Text(feed_line(feed.name, health, own), style=style, no_wrap=True, overflow="ellipsis"))
    said = [*view.notes]
    if view.waiting:
        said.append(f"heard, not tracked yet: {', '.join(view.waiting[:8])}")
    if view.refused:
        worst = sorted(view.refused.items(), key=lambda item: -item[1])[:3]
        said.append("not usable: " + ", ".join(f"{n:,} of {what}" for what, n in worst))
    lines += [Text(printable(note, 300), style="yellow", no_wrap=True, overflow="ellipsis") for note in said[:4]]
    room = max(height - len(lines) - 2, 1)
    if view.tracks:
        lines.append(_table(view.tracks, room, width))
        if len(view.tracks) > room:
            lines.append(Text(f"and {len(view.tracks) - room:,} more; Ctrl-C ends", style="dim"))
        else:
            lines.append(Text("Ctrl-C ends", style="dim"))
    else:
        lines.append(Text("no tracks yet; Ctrl-C ends", style="dim"))
    return Group(*lines)


def _table(tracks: Sequence[Mapping[str, Any]], room: int, width: int) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    table.add_column("track")
    table.add_column("kind")
    for name in ("position", "height m", "speed m/s", "course", "climb m/s", "± m", "age s"):
        table.add_column(name, justify="right", no_wrap=True)
    if width >= 110:
        table.add_column("sensors", no_wrap=True, overflow="ellipsis")
    for row in tracks[:room]:
        cells = [
            escape(printable(row["name"], 12)),
            row["kind"],
            _place(row),
            _number(row["height_m"] if (row["height_sigma_m"] or 0.0) < HEIGHT_SIGMA_M_MAX else None, ",.0f"),
            _number(row["speed_m_s"], ".0f"),
            _number(row["course_deg"], "03.0f"),
            _number(row["climb_m_s"], "+.1f"),
            _number(row["sigma_m"], ",.0f"),
            _number(row["age_s"], ".1f"),
        ]
        if width >= 110:
            cells.append(escape(printable(" ".join(row["sensors"]), 60)))
        style = (
            "bold red"
            if row["kind"] in THREATS
            else "dim"
            if row["status"] == "coasting" or (row["age_s"] or 0.0) > OLD_S
            else ""
        )
        table.add_row(*cells, style=style)
    return table


def _place(row: Mapping[str, Any]) -> str:
    if row.get("range_m") is not None:
        return f"{row['range_m'] / 1000:.1f} km {row['azimuth_deg']:05.1f}°"
    if row.get("lat_deg") is None:
        return "-"
    lat, lon = row["lat_deg"], row["lon_deg"]
    return f"{abs(lat):.3f} {'N' if lat >= 0 else 'S'} {abs(lon):7.3f} {'E' if lon >= 0 else 'W'}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
