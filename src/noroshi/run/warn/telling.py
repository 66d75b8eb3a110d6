"""A replayed event as tables, beside what people were told that day."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from noroshi.exercise.events import Event, Told
from noroshi.exercise.last_mile import CHANNELS, Channel
from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.run.areas import areas
from noroshi.run.printing import printable
from noroshi.run.warn.replaying import Replayed
from noroshi.run.warn.stands import STANDS

NOTICE = (
    "A flight reconstructed from published figures, seen by generic sensors at notional places: a model, "
    "not a judgement of those who had to decide that day."
)
THAT_DAY = "that day"
UNITS_SHOWN = 12


def figures(event: Event, replays: Sequence[Replayed]) -> dict[str, Any]:
    """Return everything as plain data; without `that_day` if it is not known what people were told."""
    return {
        "event": event.name,
        "title": event.title,
        "launch": iso_from_utc_ns(event.launch_ns),
        "notice": NOTICE,
        "last_mile": [
            {
                "channel": one.name,
                "share": one.share,
                "start_s": list(one.start_s),
                "median_s": one.median_s,
                "late_s": one.late_s,
                "fails": one.fails,
            }
            for one in CHANNELS
        ],
        **({} if event.told is None else {"that_day": _that_day(event, event.told)}),
        "replays": {
            one.stand: {
                "sensors": list(STANDS[one.stand]),
                "noticed_s": one.clocks.noticed_s,
                "proposed_s": one.clocks.proposed_s,
                "approved_s": one.clocks.approved_s,
                "cleared_s": one.clocks.cleared_s,
                "proposed": list(one.proposed),
                "told_s": one.told_s,
                "people_told": one.people_told,
                "lead_s": one.lead_s,
                "people_near": one.people_near,
                "people_near_told": one.people_near_told,
                "over_s": one.over_s,
                "people_heard": one.people_heard,
                "heard_s": list(one.heard_s),
                "heard_share": one.heard_share,
                "messages": [list(each) for each in one.messages],
                "stages": [list(each) for each in one.stages],
            }
            for one in replays
        },
    }


def _that_day(event: Event, told: Sequence[Told]) -> dict[str, Any]:
    return {
        "told": [
            {
                "after_s": (one.at_ns - event.launch_ns) / NS_PER_S,
                "what": one.what,
                "areas": list(one.areas),
                "note": one.note,
                "source": event.sources[one.source],
            }
            for one in told
        ],
        "people_told": _people([code for one in told for code in one.areas]),
    }


def show(event: Event, replays: Sequence[Replayed], console: Console) -> None:
    """Print the tables; without the column of that day if it is not known what people were told."""
    console.print(f"[bold]{printable(event.title)}[/bold], launch {iso_from_utc_ns(event.launch_ns)}")
    console.print(NOTICE)
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("after the launch")
    for one in replays:
        table.add_column(one.stand, justify="right")
    told = event.told or ()
    if event.told is not None:
        table.add_column(THAT_DAY, justify="right")
    first = min((one for one in told if one.what == "alert"), key=lambda one: one.at_ns, default=None)
    clear = next((one for one in told if one.what == "all_clear"), None)
    told_then = sorted({code for one in told for code in one.areas})

    def add(label: str, cell: Callable[[Replayed], str], then: str = "") -> None:
        table.add_row(label, *map(cell, replays), *([] if event.told is None else [then]))

    add("launch noticed", lambda one: _after(one.clocks.noticed_s))
    add("areas proposed", lambda one: _after(one.clocks.proposed_s))
    add(
        "people told (a person approved)", lambda one: _after(one.clocks.approved_s),
        _after(None if first is None else (first.at_ns - event.launch_ns) / NS_PER_S, of_minutes=True),
    )  # fmt: skip
    add("half of those who hear have heard", _heard)
    add(
        "told that it is over", lambda one: _after(one.clocks.cleared_s),
        _after(None if clear is None else (clear.at_ns - event.launch_ns) / NS_PER_S, of_minutes=True),
    )  # fmt: skip
    add("areas told", lambda one: str(len(one.told)), str(len(told_then)))
    add("people told", lambda one: _millions(one.people_told), _millions(_people(told_then)))
    add("people within 50 km of the way", lambda one: _millions(one.people_near))
    add("  of them told", lambda one: _share(one.people_near_told, one.people_near))
    add("people who hear of it", lambda one: _millions(one.people_heard))
    add("heard when it came, least area", _least_heard)
    add("told for each one near", lambda one: _ratio(one.people_told, one.people_near),
        _ratio(_people(told_then), replays[0].people_near) if replays else "")  # fmt: skip
    add("shortest and middle lead", _leads)
    console.print(table)
    if any(one.told for one in replays):
        console.print(f"Last mile, a model: {'; '.join(_channel(one) for one in CHANNELS)}.")
    for one in replays:
        if one.told:
            console.print(f"{one.stand}: {', '.join(_names(one.told))}")
    if told_then:
        console.print(f"{THAT_DAY}: {', '.join(_names(told_then))}")
    for said in told:
        if said.note:
            console.print(f"{THAT_DAY}, {_after((said.at_ns - event.launch_ns) / NS_PER_S)}: {printable(said.note)}")


def _names(codes: Sequence[str]) -> list[str]:
    where = areas()
    names = dict(zip(where.code.tolist(), where.name.tolist(), strict=True))
    shown = [str(names.get(code, code)) for code in codes[:UNITS_SHOWN]]
    return shown + ([f"and {len(codes) - UNITS_SHOWN} more"] if len(codes) > UNITS_SHOWN else [])


def _people(codes: Sequence[str]) -> float:
    where = areas()
    return float(where.people[np.isin(where.code, list(codes))].sum())


def _after(seconds: float | None, *, of_minutes: bool = False) -> str:
    if seconds is None:
        return "never"
    return f"T+{seconds / 60.0:.0f} min" if of_minutes else f"T+{seconds:.0f} s"


def _millions(people: float) -> str:
    return f"{people / 1e6:.2f} M"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "nobody near"


def _ratio(told: float, near: float) -> str:
    return f"{told / near:.1f}" if near and told else ""


def _heard(one: Replayed) -> str:
    """Return when half of those who hear had heard, and nine tenths."""
    return "never" if not one.heard_s else f"{_after(one.heard_s[1])} (90 %: {_after(one.heard_s[2])})"


def _least_heard(one: Replayed) -> str:
    return f"{min(one.heard_share.values()):.0%}" if one.heard_share else ""


def _channel(one: Channel) -> str:
    start = f", beginning after {one.start_s[0]:.0f} to {one.start_s[1]:.0f} s" if one.start_s[1] else ""
    return f"{one.name} {one.share:.1%} of people{start}, median {one.median_s:.0f} s, 97.5 % within {one.late_s:.0f} s"


def _leads(one: Replayed) -> str:
    leads = sorted(lead for lead in one.lead_s.values() if lead is not None)
    never = sum(lead is None for lead in one.lead_s.values())
    text = f"{leads[0]:.0f} s, {float(np.median(leads)):.0f} s" if leads else ""
    return text + (f" ({never} never)" if never else "")
