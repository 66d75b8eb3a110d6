"""A track's story from a journal: run again once to see who there was, and once to watch the one that was asked for."""

import dataclasses
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from noroshi.geo.time import iso_from_utc_ns
from noroshi.records.identity import ABSENT
from noroshi.run.drive import drive
from noroshi.run.journal import read_records, read_setup
from noroshi.run.printing import printable
from noroshi.run.setup import assemble, without_live_partners
from noroshi.tracking import Listener
from noroshi.tracking.keeper import Keeper
from noroshi.tracking.story import Candidate, Event, Registry, Roster, Terms, Witness, tell

Ear = TypeVar("Ear", bound=Listener)
NAMED_MAX = 8  # tracks that a refusal names
SURE = 0.99  # a plot that is a track's with this probability has no alternative worth a line
PREFIX_MIN = 4  # digits of a number by which a story calls a track


@dataclass(frozen=True, kw_only=True)
class Story:
    """A track's story.

    Attributes:
        number: of the track.
        identity: what it last said it was, in words; "" for nothing.
        tracker, models: what kept it.
        first_ns, last_ns: its first and last plot.
        events: what happened, in order.
        successor: the next track of the same address or call sign, if there is one, and when it began.
    """

    number: int
    identity: str
    tracker: str
    models: tuple[str, ...]
    first_ns: int
    last_ns: int
    events: Sequence[Event]
    successor: tuple[int, int] | None


def explain(
    journal: Path, wanted: str, *, from_ns: int | None = None, to_ns: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Story:  # fmt: skip
    """Return the story of one track.

    Args:
        journal: that `noroshi track --journal` wrote.
        wanted: the track's number, the first digits of it, its call sign or its ICAO address in hexadecimal.
        from_ns, to_ns: events outside are left out.
        progress: told how many plots have been handled since the last call.

    Raises:
        FormatError: if it is not a journal.
        ValueError: if no track or several are meant, or the journal's tracker keeps no single tracks.
    """
    registry = _hear(journal, Registry, progress)
    roster = registry.roster()
    at = find(roster, wanted)
    number = int(roster.number[at])
    witness = _hear(journal, lambda tracker: Witness(tracker, number), progress)
    setup = without_live_partners(read_setup(journal))
    _, tracker = assemble(setup)
    models = tuple(setup.motion.split("+"))
    terms = Terms(
        sensors=tuple(site.sensor for site in setup.sites),
        models=models,
        rules=dataclasses.asdict(tracker.parameters),  # type: ignore[attr-defined]
        names=_names(roster),
    )
    events = tell(witness.glimpses(), terms)
    low, high = (from_ns if from_ns is not None else -math.inf), (to_ns if to_ns is not None else math.inf)
    return Story(
        number=number,
        identity=_identity(roster, at),
        tracker=setup.tracker,
        models=models,
        first_ns=int(roster.first_ns[at]),
        last_ns=int(roster.last_ns[at]),
        events=[event for event in events if low <= event.time_ns <= high],
        successor=_successor(roster, at),
    )


def _hear(journal: Path, listener: Callable[[Keeper], Ear], progress: Callable[[int], None]) -> Ear:
    """Run a journal again with a listener and return it.

    Raises:
        ValueError: if its tracker has no listeners.
    """
    setup = without_live_partners(read_setup(journal))
    node, tracker = assemble(setup)
    if not isinstance(tracker, Keeper):
        raise ValueError(  # noqa: TRY004 - the journal is not what is needed, no type is wrong
            f"{journal}: tracked by '{setup.tracker}', which weighs many readings of the plots at once and has no one "
            "story of a track; track the recording with --tracker nearest_neighbour or soft"
        )
    ear = tracker.listener = listener(tracker)
    drive(node, read_records(journal), progress=progress)
    return ear


def find(roster: Roster, wanted: str) -> int:
    """Return which track of a roster a person means.

    A whole number, then a call sign or an address, then the first digits of a number; firm tracks before others.

    Raises:
        ValueError: if none or several are meant, naming near ones.
    """
    text = wanted.strip().upper()
    numbers = [str(number) for number in roster.number.tolist()]
    signs = [sign.upper() for sign in roster.identity.call_sign.tolist()]
    addresses = [f"{code:06X}" if code != ABSENT else "" for code in roster.identity.icao_address.tolist()]
    meant = (
        [i for i, number in enumerate(numbers) if number == text]
        or [i for i in range(len(numbers)) if text and text in (signs[i], addresses[i])]
        or [i for i, number in enumerate(numbers) if text and number.startswith(text)]
    )
    firm = [i for i in meant if roster.is_firm[i]]
    if len(firm or meant) == 1:
        return (firm or meant)[0]
    if meant:
        several = sorted(firm or meant, key=lambda i: (roster.first_ns[i], i))
        raise ValueError(f"'{wanted}' may be {len(several)} tracks: {_some(roster, several)}")
    words = [*numbers, *(word for word in (*signs, *addresses) if word)]
    close = get_close_matches(text, words, n=NAMED_MAX, cutoff=0.5)
    near = [i for i in range(len(numbers)) if {numbers[i], signs[i], addresses[i]} & set(close)]
    if not near:
        near = sorted(np.flatnonzero(roster.is_firm).tolist(), key=lambda i: (roster.first_ns[i], i))
        what = "firm tracks" if near else "no firm tracks"
        raise ValueError(f"no track '{wanted}' in this journal; it has {len(near)} {what}: {_some(roster, near)}")
    raise ValueError(f"no track '{wanted}' in this journal; near it: {_some(roster, near)}")


def _some(roster: Roster, which: Sequence[int]) -> str:
    named = []
    for i in which[:NAMED_MAX]:
        about = [_identity(roster, i), f"from {_clock(roster.first_ns[i])}"]
        named.append(f"{roster.number[i]} ({', '.join(word for word in about if word)})")
    return ", ".join(named) + (" ..." if len(which) > NAMED_MAX else "") if named else "none"


def _identity(roster: Roster, at: int) -> str:
    who = roster.identity
    words = [
        f"call sign {who.call_sign[at]}" if who.call_sign[at] else "",
        f"address {who.icao_address[at]:06x}" if who.icao_address[at] != ABSENT else "",
        f"MMSI {who.mmsi[at]}" if who.mmsi[at] != ABSENT else "",
        f"Mode 3/A {who.mode_3a[at]:04o}" if who.mode_3a[at] != ABSENT else "",
    ]
    return ", ".join(word for word in words if word)


def _names(roster: Roster) -> Mapping[int, str]:
    """Return the shortest first digits that are one track's alone, as `find` takes them."""
    texts = sorted(str(number) for number in roster.number.tolist())
    names = {}
    for i, text in enumerate(texts):
        beside = [texts[j] for j in (i - 1, i + 1) if 0 <= j < len(texts)]
        length = PREFIX_MIN
        while length < len(text) and any(other.startswith(text[:length]) for other in beside):
            length += 1
        names[int(text)] = text[:length]
    return names


def _successor(roster: Roster, at: int) -> tuple[int, int] | None:
    """Return the next track of the same address or call sign, and when it began."""
    who = roster.identity
    same = (who.icao_address == who.icao_address[at]) & (who.icao_address[at] != ABSENT)
    same |= (who.mmsi == who.mmsi[at]) & (who.mmsi[at] != ABSENT)
    same |= (who.call_sign == who.call_sign[at]) & (who.call_sign[at] != "")
    later = np.flatnonzero(same & roster.is_firm & (roster.first_ns > roster.last_ns[at]))
    if not later.size:
        return None
    first = later[np.lexsort((roster.number[later], roster.first_ns[later]))[0]]
    return int(roster.number[first]), int(roster.first_ns[first])


def summary(story: Story) -> dict[str, Any]:
    """Return the story as plain data for JSON; what is not a number is null."""
    return {
        "track": story.number,
        "identity": story.identity,
        "tracker": story.tracker,
        "models": list(story.models),
        "first_plot": iso_from_utc_ns(story.first_ns),
        "last_plot": iso_from_utc_ns(story.last_ns),
        "successor": story.successor and story.successor[0],
        "events": [
            {
                "time": iso_from_utc_ns(event.time_ns), "what": event.what, "sensor": event.sensor, "text": event.text,
                "own": event.own if event.own >= 0 else None, "others": list(event.others),
                "existence": _number(event.existence), "models": list(event.models),
                "candidates": [_candidate(each) for each in event.candidates],
            }
            for event in story.events
        ],
    }  # fmt: skip


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "plot": candidate.plot,
        "time": iso_from_utc_ns(candidate.time_ns),
        "distance_sigmas": _number(candidate.distance_sigmas),
        "probability": candidate.probability,
        "taker": candidate.taker,
        "others": list(candidate.others),
        "firm": list(candidate.firm),
    }


def show(story: Story, console: Console) -> None:
    """Print the story for a person: plots that nothing contended for are put together."""
    who = f" ({story.identity})" if story.identity else ""
    day = iso_from_utc_ns(story.first_ns)[:10]
    console.print(
        f"[bold]track {story.number}[/]{escape(printable(who, 200))}: plots from {day} {_clock(story.first_ns)} to "
        f"{_clock(story.last_ns)}; kept by {story.tracker} with {escape(' + '.join(story.models))}"
    )
    has_existence = any(not math.isnan(event.existence) for event in story.events)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("time", no_wrap=True)
    table.add_column("what", no_wrap=True)
    table.add_column("why", overflow="fold")
    if has_existence:
        table.add_column("existence", justify="right", no_wrap=True)
    if len(story.models) > 1:
        table.add_column("moves by", no_wrap=True)
    for is_quiet, run in groupby(story.events, key=_is_quiet):
        events = list(run)
        for event in [_together(events)] if is_quiet and len(events) > 1 else events:
            cells = [
                _clock(event.time_ns),
                f"[{COLOURS[event.what]}]{event.what}[/]",
                escape(printable(event.text, 500)),
            ]
            cells += [f"{event.existence:.4f}"] if has_existence else []
            if len(story.models) > 1:
                most = int(np.argmax(event.models))
                cells.append(f"{escape(story.models[most])} {event.models[most]:.2f}")
            table.add_row(*cells)
    console.print(table)
    if not story.events:
        console.print("nothing happened to it in the time asked for")
    if story.successor:
        number, first_ns = story.successor
        console.print(f"the same address or call sign goes on as track {number} from {_clock(first_ns)}")


COLOURS = {
    "start": "green", "plot": "dim", "rival": "yellow", "miss": "yellow", "firm": "green", "model": "cyan",
    "heir": "cyan", "end": "red", "open": "green",
}  # fmt: skip


def _is_quiet(event: Event) -> bool:
    """Return whether a track took the plot that was meant for it and no firm track had to do with it."""
    if event.what != "plot" or any(candidate.firm for candidate in event.candidates):
        return False
    own = [candidate.probability for candidate in event.candidates if candidate.plot == event.own]
    is_sure = not math.isnan(event.existence) and own[0] >= SURE
    return is_sure or len(event.candidates) == 1


def _together(events: Sequence[Event]) -> Event:
    """Return one event for plots that nothing contended for."""
    last = events[-1]
    off = [each.distance_sigmas for event in events for each in event.candidates if each.plot == event.own]
    sensors = " and ".join(sorted({event.sensor for event in events}))
    text = (
        f"took {len(events)} plots of {sensors} until {_clock(last.time_ns)}, {min(off):.1f} to {max(off):.1f} sigma "
    )
    text += "off, none of them in the gate of a firm track"
    return dataclasses.replace(last, time_ns=events[0].time_ns, text=text)


def _clock(time_ns: int) -> str:
    """Return the time of day to a tenth of a second."""
    text = re.sub(r"^.*T|Z$", "", iso_from_utc_ns(int(time_ns)))
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction[:1] or '0'}"


def _number(x: float) -> float | None:
    return None if math.isnan(x) else x
