"""`noroshi release diff`: what each partner would have seen under one policy and under another."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from noroshi.geo.time import iso_from_utc_ns
from noroshi.run.printing import printable
from noroshi.sharing.explain import CHANGES, SAME, Comparison
from noroshi.sharing.release import Outcome, Released
from noroshi.sharing.rules import Policy

WHY = {
    Outcome.NO_RULE_MATCHES: "no rule",
    Outcome.LABEL: "the label",
    Outcome.NO_PARTNER: "no partner",
    Outcome.SENSOR_TYPE_UNKNOWN: "a sensor of unknown type",
}
"""What withholds a row that no rule decided."""
LIMITED = ", not so often"
UNFIT = ", whose actions cannot be done to it"


@dataclass(slots=True)
class _Tally:
    rows: int = 0
    tracks: set[int] = field(default_factory=set)
    first_ns: int = np.iinfo(np.int64).max
    last_ns: int = 0

    def add(self, track_id: list[int], n: int, now_ns: int) -> None:
        self.rows += n
        self.tracks.update(track_id)
        self.first_ns, self.last_ns = min(self.first_ns, now_ns), max(self.last_ns, now_ns)

    def plain(self) -> dict[str, Any]:
        span = {"first": iso_from_utc_ns(self.first_ns), "last": iso_from_utc_ns(self.last_ns)} if self.rows else {}
        return {"rows": self.rows, "tracks": len(self.tracks), **span}


def differences(old: Policy, new: Policy, compared: Iterable[Comparison]) -> dict[str, Any]:
    """Return what each partner gets under two policies, and each way in which that differs, as plain data."""
    offered: dict[str, _Tally] = {}
    seen: dict[tuple[str, str], _Tally] = {}
    changes: dict[tuple[str, str, str, str], _Tally] = {}
    for one in compared:
        every = np.zeros(one.facts.n, np.int64) if one.facts.tracks is None else one.facts.tracks.track_id
        offered.setdefault(one.recipient, _Tally()).add(every.tolist(), one.facts.n, one.now_ns)
        for name, told in (("old", one.old), ("new", one.new)):
            seen.setdefault((one.recipient, name), _Tally()).add(every[told.rows].tolist(), len(told.rows), one.now_ns)
        rows = np.flatnonzero(one.change != SAME)
        if not len(rows):
            continue
        ways = np.stack([one.change[rows], one.old.decided[rows], one.old.outcome[rows], one.new.decided[rows],
                         one.new.outcome[rows]], axis=1).astype(np.int64)  # fmt: skip
        kinds, at = np.unique(ways, axis=0, return_inverse=True)
        for i, (change, *_) in enumerate(kinds.tolist()):
            own = rows[at == i]
            before, after = (by_what(policy, told, int(own[0])) for policy, told in ((old, one.old), (new, one.new)))
            key = (one.recipient, CHANGES[change].value, before, after)
            changes.setdefault(key, _Tally()).add(every[own].tolist(), len(own), one.now_ns)
    return {
        "old": old.digest,
        "new": new.digest,
        "partners": {
            name: {
                "class": {"old": old.partners.get(name), "new": new.partners.get(name)},
                "offered": tally.plain(),
                "old": seen[name, "old"].plain(),
                "new": seen[name, "new"].plain(),
                "differences": [
                    {"change": change, "old_rule": before, "new_rule": after, **each.plain()}
                    for (who, change, before, after), each in sorted(changes.items())
                    if who == name
                ],
            }
            for name, tally in sorted(offered.items())
        },
    }


def by_what(policy: Policy, released: Released, row: int) -> str:
    """Return what decided a row, in words: a rule's name, or why none did."""
    outcome, decided = Outcome(int(released.outcome[row])), int(released.decided[row])
    if outcome in WHY:
        return WHY[outcome]
    name = policy.rules[decided].name
    return name + {Outcome.LIMITED: LIMITED, Outcome.UNFIT: UNFIT}.get(outcome, "")


def show(told: dict[str, Any], console: Console) -> None:
    """Print the differences for a person."""
    for name, partner in told["partners"].items():
        before, after = (
            f"{partner[key]['rows']:,} rows of {partner[key]['tracks']:,} tracks" for key in ("old", "new")
        )
        console.print(f"[bold]{name}[/] of {partner['offered']['rows']:,} rows gets {before}; would get {after}")
        if not partner["differences"]:
            continue
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("change", "by", "would be by"):
            table.add_column(heading, overflow="fold")
        for heading in ("rows", "tracks", "from", "to"):
            table.add_column(heading, justify="right", no_wrap=True)
        for each in partner["differences"]:
            words = [escape(printable(each[key], 200)) for key in ("change", "old_rule", "new_rule")]
            times = [each[key][11:19] for key in ("first", "last")]
            table.add_row(*words, f"{each['rows']:,}", f"{each['tracks']:,}", *times)
        console.print(table)
    if not any(partner["differences"] for partner in told["partners"].values()):
        console.print("no partner would have seen a difference")
