"""`noroshi release explain`: what a partner gets of one track, by which rule, and how it differs from what is known."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.geo.wgs84 import enu_axes, geodetic_from_ecef
from noroshi.records import KINDS, STATUSES, Tracks, take
from noroshi.records.identity import ABSENT
from noroshi.run.printing import printable
from noroshi.run.releasing.differing import by_what
from noroshi.run.releasing.replaying import Replayed
from noroshi.sharing.explain import Explanation, explain
from noroshi.sharing.facts import Facts, Mask
from noroshi.sharing.label import decode
from noroshi.sharing.memory import Memory
from noroshi.sharing.release import Outcome, Released, Secrets, release
from noroshi.sharing.rules import Policy

NAMED_MAX = 8
PREFIX_MIN = 4


@dataclass(frozen=True, kw_only=True)
class Span:
    """A time in which one thing decided a track's rows.

    Attributes:
        first_ns, last_ns: of the records.
        rows: how many rows it decided.
        outcome: what became of them.
        by: the rule, or what else decided.
    """

    first_ns: int
    last_ns: int
    rows: int
    outcome: Outcome
    by: str


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a partner gets of a track.

    Attributes:
        number: the node's own number of it.
        shown_as: the number under which the partner knows it; None if it is no partner.
        recipient: the partner.
        spans: what decided when, in order.
        moment_ns: of which record `explanation` is.
        explanation: of one row: the first in `--at`'s time and after, else the last that was released, else the last.
        is_own_secret: whether displacements are the real ones.
    """

    number: int
    shown_as: int | None
    recipient: str
    spans: tuple[Span, ...]
    moment_ns: int
    explanation: Explanation
    is_own_secret: bool


def account(
    replayed: Replayed,
    policy: Policy,
    wanted: str,
    recipient: str,
    *,
    at_ns: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Account:
    """Return what a partner gets of one track.

    Args:
        replayed: the node's journal.
        policy: the rules.
        wanted: the track's number as the node or as the partner knows it, the first digits of it, its call sign or its
            ICAO address.
        recipient: code of the partner.
        at_ns: explain the first row from then on.
        progress: told how many records have been handled since the last call.

    Raises:
        ValueError: if no track or several are meant, or nothing was offered from then on.
    """
    number = _find(replayed, policy, wanted, recipient, progress)
    secrets = replayed.secrets
    memory, seen, moments = Memory.empty(), [], []
    for now_ns, facts in _rows_of(replayed, number, progress):
        told = _released(policy, facts, recipient, now_ns, secrets, memory)
        for row in range(facts.n):
            outcome = Outcome(int(told.outcome[row]))
            seen.append((now_ns, outcome, by_what(policy, told, row)))
            moments.append((now_ns, facts, row, memory))
        memory = told.memory
    went = [i for i, (_, outcome, _) in enumerate(seen) if outcome is Outcome.RELEASED]
    later = [i for i, (now_ns, *_) in enumerate(seen) if at_ns is None or now_ns >= at_ns]
    if not later:
        raise ValueError(f"track {number}: nothing was offered after {iso_from_utc_ns(seen[-1][0])}; give another --at")
    chosen = later[0] if at_ns is not None else (went or later)[-1]
    now_ns, facts, row, before = moments[chosen]
    return Account(
        number=number,
        shown_as=_shown_as(policy, number, recipient, secrets),
        recipient=recipient,
        spans=tuple(_spans(seen)),
        moment_ns=now_ns,
        explanation=explain(policy, facts, row, recipient, now_ns=now_ns, secrets=secrets, memory=before),
        is_own_secret=replayed.is_own_secret,
    )


def _released(policy: Policy, facts: Facts, recipient: str, now_ns: int, secrets: Secrets, memory: Memory) -> Released:
    found = release(
        policy, facts, now_ns=now_ns, secrets=secrets, recipients=(recipient,), memories={recipient: memory}
    )
    return found[recipient]


def _shown_as(policy: Policy, number: int, recipient: str, secrets: Secrets) -> int | None:
    release_class = policy.partners.get(recipient)
    if release_class is None:
        return None
    return int(secrets.numbers(release_class).of(np.array([number], np.uint64))[0])


def _find(replayed: Replayed, policy: Policy, wanted: str, recipient: str, progress: Callable[[int], None]) -> int:
    """Return the number of the track that a person means.

    Raises:
        ValueError: if none or several are meant.
    """
    text = wanted.strip().upper()
    release_class = policy.partners.get(recipient)
    how: dict[int, int] = {}  # by number, how well it fits: a lower one is nearer to what was asked for
    about: dict[int, str] = {}
    for _, facts in replayed.offered(progress):
        if facts.tracks is None:
            continue
        numbers = facts.tracks.track_id.tolist()
        also = numbers
        if release_class is not None:
            also = replayed.secrets.numbers(release_class).of(facts.tracks.track_id).tolist()
        for number, other, words in zip(numbers, also, identities(facts.tracks), strict=True):
            about[number] = words or about.get(number, "")
            fit = _fit(text, number, other, words)
            if fit is not None:
                how[number] = min(fit, how.get(number, fit))
    best = [number for number, fit in how.items() if fit == min(how.values())]
    if len(best) == 1:
        return best[0]
    several = sorted(best or about)
    named = [f"{number} ({about[number]})" if about[number] else str(number) for number in several[:NAMED_MAX]]
    more = ", ".join(named) + (" ..." if len(several) > NAMED_MAX else "")
    if best:
        raise ValueError(f"'{wanted}' may be {len(best)} tracks: {more}")
    raise ValueError(f"no track '{wanted}' among the {len(about)} that were offered: {more or 'none'}")


def _rows_of(replayed: Replayed, number: int, progress: Callable[[int], None]) -> Iterator[tuple[int, Facts]]:
    """Yield the records of one track alone."""
    for now_ns, facts in replayed.offered(progress):
        if facts.tracks is not None and (rows := facts.tracks.track_id == number).any():
            yield now_ns, _some(facts, rows)


def _fit(text: str, number: int, also: int, words: str) -> int | None:
    """Return how well a track fits what was asked for, None if it does not."""
    if text == str(number):
        return 0
    if text == str(also):
        return 1
    if text and text in words.upper().split():
        return 2
    if len(text) >= PREFIX_MIN and str(number).startswith(text):
        return 3
    return None


def _some(facts: Facts, rows: Mask) -> Facts:
    assert facts.tracks is not None
    tracks = take(facts.tracks, rows)
    return replace(
        facts, n=len(tracks), tracks=tracks, position_ecef_m=tracks.state_ecef[:, :3], time_ns=tracks.time_ns,
        _geodetic=[],
    )  # fmt: skip


def _spans(seen: Iterable[tuple[int, Outcome, str]]) -> Iterator[Span]:
    first: tuple[int, Outcome, str] | None = None
    rows, last_ns = 0, 0
    for each in seen:
        if first is not None and each[1:] != first[1:]:
            yield Span(first_ns=first[0], last_ns=last_ns, rows=rows, outcome=first[1], by=first[2])
            first = None
        first = first or each
        rows, last_ns = (1 if first is each else rows + 1), each[0]
    if first is not None:
        yield Span(first_ns=first[0], last_ns=last_ns, rows=rows, outcome=first[1], by=first[2])


def identities(tracks: Tracks) -> list[str]:
    """Return in words who each target says it is, "" for nothing."""
    who = tracks.identity
    return [
        " ".join(
            word
            for word in (
                str(who.call_sign[i]),
                f"{who.icao_address[i]:06x}" if who.icao_address[i] != ABSENT else "",
                f"{who.mmsi[i]}" if who.mmsi[i] != ABSENT else "",
                f"{who.mode_3a[i]:04o}" if who.mode_3a[i] != ABSENT else "",
            )
            if word
        )
        for i in range(len(tracks))
    ]


def described(tracks: Tracks) -> dict[str, str]:
    """Return what one row says, in words."""
    lat, lon, height = (float(x[0]) for x in geodetic_from_ecef(tracks.state_ecef[:, :3]))
    east, north, up = enu_axes(lat, lon).reshape(3, 3) @ tracks.state_ecef[0, 3:]
    position, velocity = (tracks.covariance_ecef[0, part, part] for part in (slice(3), slice(3, 6)))
    kind = int(np.argmax(tracks.kind_probability[0]))
    existence = float(tracks.existence[0])
    label = decode(tracks.label)
    fed = [name for name, used in zip(tracks.source_names, tracks.sources[0], strict=True) if used]
    return {
        "number": str(tracks.track_id[0]),
        "time": iso_from_utc_ns(int(tracks.time_ns[0])),
        "place": f"{math.degrees(lat):.4f} {math.degrees(lon):.4f} at {height:,.0f} m",
        "give or take": f"{math.sqrt(np.trace(position)):,.0f} m, {math.sqrt(np.trace(velocity)):,.1f} m/s",
        "velocity": f"{math.hypot(east, north):,.1f} m/s towards {math.degrees(math.atan2(east, north)) % 360:.0f} "
                    f"degrees, {up:+,.1f} m/s up",
        "kind": f"{KINDS[kind]} {tracks.kind_probability[0, kind]:.2f}",
        "existence": "not told" if math.isnan(existence) else f"{existence:.3f}",
        "status": STATUSES[int(tracks.status[0])],
        "identity": identities(tracks)[0] or "none",
        "fed by": ", ".join(fed) or "not told",
        "for": "nobody" if label is None else f"{', '.join(label.releasable_to) or 'nobody'}; onward {label.onward}",
    }  # fmt: skip


def summary(told: Account) -> dict[str, Any]:
    """Return the account as plain data for JSON."""
    why = told.explanation
    return {
        "track": told.number,
        "shown_as": told.shown_as,
        "to": told.recipient,
        "policy": why.policy,
        "is_own_secret": told.is_own_secret,
        "spans": [
            {"from": iso_from_utc_ns(span.first_ns), "to": iso_from_utc_ns(span.last_ns), "rows": span.rows,
             "outcome": span.outcome.name.lower(), "by": span.by}
            for span in told.spans
        ],
        "at": iso_from_utc_ns(told.moment_ns),
        "outcome": why.outcome.name.lower(),
        "rule": why.rule,
        "rules": [{"rule": one.rule, "failed": list(one.failed), "decides": one.decides} for one in why.judged],
        "actions": {key: dict(said) for key, said in why.actions.items()},
        "due": None if why.due_ns is None else iso_from_utc_ns(why.due_ns),
        "before": described(why.before) if why.before is not None else None,
        "after": described(why.after) if why.after is not None else None,
    }  # fmt: skip


def show(told: Account, console: Console) -> None:
    """Print the account for a person."""
    why = told.explanation
    known = f", to {told.recipient} {told.shown_as}" if told.shown_as is not None else ""
    console.print(f"[bold]track {told.number}[/]{known}")
    for span in told.spans:
        word = "released by" if span.outcome is Outcome.RELEASED else "withheld by"
        times = f"{_clock(span.first_ns)} to {_clock(span.last_ns)}"
        console.print(f"  {times}  {word} '{escape(printable(span.by, 200))}': {span.rows} rows", highlight=False)
    console.print(f"\n[bold]at {iso_from_utc_ns(told.moment_ns)}[/]")
    decided = False
    for one in why.judged:
        if decided:
            word = "does not come into it any more"
        elif one.decides:
            word, decided = "decides", True
        else:
            word = f"does not match: {', '.join(one.failed)}" if one.failed else "would match"
        console.print(f"  '{escape(printable(one.rule, 200))}' {word}", highlight=False)
    for key, numbers in why.actions.items():
        console.print(f"  {key}: {escape(_said(numbers))}", highlight=False)
    if why.outcome is not Outcome.RELEASED or why.before is None or why.after is None:
        console.print(f"  {told.recipient} gets nothing of it: {REASONS[why.outcome]}")
        return
    if why.due_ns is not None and why.due_ns > told.moment_ns:
        console.print(f"  goes out {(why.due_ns - told.moment_ns) / NS_PER_S:g} s later")
    before, after = described(why.before), described(why.after)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "as it is", f"as {told.recipient} gets it"):
        table.add_column(heading, overflow="fold")
    for name, value in before.items():
        table.add_row(name, escape(printable(value, 300)), "the same" if after[name] == value else escape(after[name]))
    console.print(table)
    if "coarsen" in why.actions and not told.is_own_secret:
        console.print("the displacement is of the kind that is done, not the one: the node's secret was not given")


REASONS: Mapping[Outcome, str] = {
    Outcome.DROPPED: "the rule says so",
    Outcome.LIMITED: "it was told of this track not long before",
    Outcome.NO_RULE_MATCHES: "no rule matches, and what no rule releases stays",
    Outcome.LABEL: "the record's own label does not permit it",
    Outcome.NO_PARTNER: "it is no partner in this policy",
    Outcome.SENSOR_TYPE_UNKNOWN: "a sensor of unknown type fed it, and rules judge by types",
    Outcome.UNFIT: "the rule's actions cannot be done to it",
}


def _said(numbers: Mapping[str, object]) -> str:
    return ", ".join(
        f"{name} {' '.join(map(str, value)) if isinstance(value, list | tuple) else value}"
        for name, value in numbers.items()
    )


def _clock(time_ns: int) -> str:
    return iso_from_utc_ns(time_ns)[11:].removesuffix("Z")
