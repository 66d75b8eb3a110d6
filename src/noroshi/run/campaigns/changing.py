"""Changes of a scenario by the path of what is changed, on its tables, before anything of them is checked.

A path is the keys on the way, joined by dots: `weather.cloud_top_m`, `flights.threat-1.range_km`,
`nations.JPN.sensors.jpn-north.parameters.range_sigma_m`. Entries of a list are called by their names, or by their
number from 1 on; `*` is all of them; a name with a dot in it stands in quotes. `links.JPN>USA.loss` is one way,
`links.JPN-USA` both, `links.JPN` all links of Japan. Set to `false`, a table or an entry is taken away; set to a table,
an entry that is not there is added. `constellations.NAME.number` is satellites and planes at once.
"""

import copy
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from noroshi.run.scenarios import Scenario, ScenarioError, read_nation
from noroshi.run.scenarios.sources import choices

Table = dict[str, Any]
SEGMENT = re.compile(r'"([^"]*)"(?:\.|$)|([^."]+)(?:\.|$)')
ALL = "*"
PLANES_MAX = 200  # of a constellation's mover
LISTS = (
    "sensors", "constellations", "links", "flights", "traffic", "injects", "areas", "measures", "objectives",
)  # fmt: skip


class ChangeError(ValueError):
    """A change leads nowhere. The message is one line for a person."""


@dataclass(slots=True, kw_only=True, eq=False)
class Tables:
    """The tables of a scenario's files, to be changed in place.

    Attributes:
        base: the scenario that they were taken from.
        scenario: its own file's.
        nations: those of the nations' files, by code, in order.
        policies: the text of what each releases, by code; of those that have one.
    """

    base: Scenario
    scenario: Table
    nations: dict[str, Table]
    policies: dict[str, str]

    @classmethod
    def of(cls, base: Scenario) -> "Tables":
        """Return copies of a scenario's tables."""
        return cls(
            base=base,
            scenario=copy.deepcopy(base.source.table),
            nations={nation.code: copy.deepcopy(nation.source.table) for nation in base.nations},
            policies={nation.code: nation.policy.text for nation in base.nations if nation.policy is not None},
        )

    def change(self, changes: Mapping[str, object]) -> None:
        """Make changes in their order.

        Raises:
            ChangeError: if a path leads nowhere.
        """
        for path, value in changes.items():
            try:
                self._change(split(path), copy.deepcopy(value))
            except ChangeError as error:
                raise ChangeError(f"'{path}': {error}") from error

    def _change(self, steps: list[str], value: Any) -> None:
        if steps[0] == "nations" and len(steps) > 1:
            if len(steps) == 2 and isinstance(value, str):
                self._join(steps[1], value)
                return
            for code in _named(steps[1], list(self.nations), "nation"):
                if len(steps) == 2:
                    self._leave(code, value)
                else:
                    _set(self.nations[code], steps[2:], value)
        elif steps[0] == "links" and len(steps) > 1:
            self._change_links(steps[1], steps[2:], value)
        else:
            _set(self.scenario, steps, value)

    def _join(self, code: str, name: str) -> None:
        """Let a nation take part by its file, in the place of one of its code if there is one."""
        try:
            nation = read_nation(name, self.base.source.folder)
        except ScenarioError as error:
            raise ChangeError(str(error)) from error
        if nation.code != code:
            raise ChangeError(f"{name} is of {nation.code}, not of {code}")
        self.nations[code] = copy.deepcopy(nation.source.table)
        self.policies.pop(code, None)
        if nation.policy is not None:
            self.policies[code] = nation.policy.text

    def _leave(self, code: str, value: Any) -> None:
        """Take a nation away: its sensors and its node; its ships still sail, so that the truth stays the same."""
        if value is not False:
            raise ChangeError("a nation is a file's name, or false to take it away")
        self.scenario["flights"] = [*self.nations.pop(code).get("flights", []), *self.scenario.get("flights", [])]
        self.policies.pop(code, None)

    def _change_links(self, way: str, steps: list[str], value: Any) -> None:
        pairs = self._pairs(way)
        if not steps and value is not False:
            raise ChangeError("a link is changed by its keys, or taken away by false")
        for sender, receiver in pairs:
            self._own_link(sender, receiver)
            self._own_link(receiver, sender)
        for sender, receiver in pairs:
            link = self._own_link(sender, receiver)
            if link is not None and steps:
                _set(link, steps, value)
            elif link is not None:
                self.nations[sender]["links"].remove(link)
                back = self._described(receiver, sender)
                if back is not None:
                    back["one_way"] = True

    def _pairs(self, way: str) -> list[tuple[str, str]]:
        """Return the directions that a link's name means."""
        there = [(a, b) for a in self.nations for b in self.nations if a != b and self._goes(a, b)]
        meant = {
            pair
            for pair in there
            if way in (ALL, ">".join(pair), "-".join(pair), "-".join(reversed(pair))) or way in pair
        }
        if not meant:
            known = sorted({">".join(pair) for pair in there} | {code for pair in there for code in pair})
            raise ChangeError(f"no link '{way}'; {choices(way, known)}")
        return sorted(meant)

    def _goes(self, sender: str, receiver: str) -> bool:
        back = self._described(receiver, sender)
        return self._described(sender, receiver) is not None or (back is not None and not back.get("one_way", False))

    def _described(self, owner: str, to: str) -> Table | None:
        found = [link for link in self.nations[owner].get("links", []) if link.get("to") == to]
        return found[0] if found else None

    def _own_link(self, sender: str, receiver: str) -> Table | None:
        """Return the sender's own description of a direction, made of the other's if it has none."""
        own, back = self._described(sender, receiver), self._described(receiver, sender)
        if own is None and back is not None and not back.get("one_way", False):
            own = {**copy.deepcopy(back), "to": receiver}
            self.nations[sender].setdefault("links", []).append(own)
        return own


def split(path: str) -> list[str]:
    """Return the steps of a path.

    Raises:
        ChangeError: if it is none.
    """
    steps, at = [], 0
    while at < len(path):
        found = SEGMENT.match(path, at)
        if found is None:
            raise ChangeError("is no path: keys joined by dots, names with a dot in quotes")
        steps.append(found.group(1) if found.group(2) is None else found.group(2))
        at = found.end()
    if not steps or path.endswith("."):
        raise ChangeError("is no path: keys joined by dots, names with a dot in quotes")
    return steps


def planes_of(satellites: int, *, of: int, planes: int) -> int:
    """Return in how many planes satellites are to fly, if `of` of them fly in `planes`.

    A plane's share of all grows as the number of planes, so both grow with the root; of the numbers that divide the
    satellites evenly the nearest in ratio, of two as near the smaller.
    """
    wanted = planes * math.sqrt(satellites / of)
    fitting = [n for n in range(1, min(satellites, PLANES_MAX) + 1) if satellites % n == 0]
    return min(fitting, key=lambda n: (abs(math.log(n / wanted)), n))


def _set(table: Table, steps: list[str], value: Any) -> None:
    key, *rest = steps
    there = table.get(key)
    if key == "number" and not rest and "orbit" in table:
        _resize(table, value)
    elif not rest:
        if value is False and isinstance(there, dict | list):
            del table[key]
        else:
            table[key] = value
    elif isinstance(there, list) or (there is None and key in LISTS):
        _set_entry(table.setdefault(key, []), rest, value, key)
    elif isinstance(there, dict) or there is None:
        _set(table.setdefault(key, {}), rest, value)
    else:
        raise ChangeError(f"{key} is {there!r}, no table: there is no {'.'.join(rest)} in it")


def _set_entry(entries: list[Any], steps: list[str], value: Any, what: str) -> None:
    """Change, add or take away entries of a list."""
    name, *rest = steps
    names = [_name(each, i) for i, each in enumerate(entries)]
    if not rest and isinstance(value, dict) and name != ALL and name not in names:
        entries.append({"name": name, **value})
        return
    if name not in (ALL, *names) and name.isdecimal() and 1 <= int(name) <= len(entries):
        name = names[int(name) - 1]
    chosen = _named(name, names, f"entry of {what}")
    if rest and rest[0] == "number" and value == 0 and what == "constellations":
        rest, value = [], False
    for i in reversed(range(len(entries))):
        if names[i] not in chosen:
            continue
        if rest and isinstance(entries[i], dict):
            _set(entries[i], rest, value)
        elif rest:
            raise ChangeError(f"{what}.{names[i]} is {entries[i]!r}, no table")
        elif value is False:
            del entries[i]
        else:
            entries[i] = {"name": names[i], **value} if isinstance(value, dict) and "name" in entries[i] else value


def _resize(constellation: Table, value: Any) -> None:
    orbit = constellation["orbit"]
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ChangeError(f"is {value!r}: give a whole number of satellites; 0 takes the constellation away")
    planes = planes_of(value, of=int(orbit.get("satellites", value)), planes=int(orbit.get("planes", 1)))
    orbit |= {"satellites": value, "planes": planes}
    if "phasing" in orbit:
        orbit["phasing"] = min(int(orbit["phasing"]), planes - 1)


def _name(entry: Any, i: int) -> str:
    name = entry.get("name", entry.get("to")) if isinstance(entry, dict) else None
    return name if isinstance(name, str) and name else str(i + 1)


def _named(name: str, known: list[str], what: str) -> list[str]:
    if name == ALL:
        return known
    if name not in known:
        raise ChangeError(f"no {what} '{name}'; {choices(name, known)}")
    return [name]
