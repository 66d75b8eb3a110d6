"""What may never happen in a decision, worked out anew from what was asked for, without `noroshi.command`'s own table.

It reads the log of what nodes took, in order: who took which step when. It keeps its own idea of every stream.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

# issue 9: requested -> recommended -> approved, rejected, amended or expired -> tasked -> received -> acknowledged
# -> will or cannot comply -> executing -> done or not done; superseded, cancelled, recalled
NEXT = {
    "": {"requested", "recommended"},
    "requested": {"recommended", "rejected", "expired", "superseded", "cancelled", "escalated", "handed_over"},
    "recommended": {
        "approved", "amended", "rejected", "expired", "superseded", "cancelled", "escalated", "handed_over",
    },
    "approved": {"tasked", "expired", "superseded", "cancelled", "recalled", "escalated", "handed_over"},
    "amended": {"tasked", "expired", "superseded", "cancelled", "recalled", "escalated", "handed_over"},
    "tasked": {"received", "expired", "recalled", "escalated", "handed_over"},
    "received": {"acknowledged", "cannot_comply", "expired", "recalled", "escalated", "handed_over"},
    "acknowledged": {"will_comply", "cannot_comply", "expired", "recalled", "escalated", "handed_over"},
    "will_comply": {"executing", "expired", "recalled", "escalated", "handed_over"},
    "executing": {"done_ok", "done_not_ok", "recalled", "escalated", "handed_over"},
}  # fmt: skip
APPROVES = ("approved", "amended")
AREAS = {"JP": "JPN", "US": "USA"}


@dataclass
class Stream:
    """What the oracle holds of one stream."""

    owner: str
    state: str = ""
    rows: list[Any] = field(default_factory=list)
    deadline_ns: int = 0
    needs: set[str] = field(default_factory=set)
    given: dict[str, Any] = field(default_factory=dict)
    asked_by: set[str] = field(default_factory=set)
    is_amended: bool = False


class Oracle:
    """Follows one log and collects what is wrong.

    Args:
        verify: says whether a step is signed by the person that it names.
        role_of: the nation and role of each person.
    """

    def __init__(self, verify: Callable[[Any], bool], role_of: dict[str, tuple[str, str]]) -> None:
        self.verify, self.role_of = verify, role_of
        self.faults: list[str] = []
        self.written: dict[tuple[str, str], Stream] = {}
        self.known: dict[str, dict[tuple[str, str, int], Any]] = {}
        self.ended: dict[str, dict[str, bool]] = {}  # by node: delegation -> whether it was recalled there
        self.scope: dict[str, dict[str, Any]] = {}
        self.uses: dict[str, int] = {}

    def take(self, node: str, now_ns: int, row: Any) -> None:
        """Follow one step that a node took."""
        key = (row.stream.split("/")[1] if row.stream.startswith("joint/") else row.nation, row.stream)
        where = f"{node} {row.stream} {row.version} {row.step}"
        mine = self.known.setdefault(node, {})
        if (*key, row.version) in mine:
            self.faults.append(f"{where}: taken twice")
        if row.version and (*key, row.version - 1) not in mine:
            self.faults.append(f"{where}: out of order")
        mine[(*key, row.version)] = row
        said = json.loads(row.content)
        if row.stream.startswith("delegation"):
            ended = self.ended.setdefault(node, {})
            if row.step in APPROVES:
                ended[row.stream] = False
            if row.step == "recalled":
                ended[row.stream] = True
            if "what" in said:
                self.scope[row.stream] = said["what"]["detail"]
        stream = self.written.get(key)
        if row.nation != node:
            if stream is None or len(stream.rows) <= row.version or stream.rows[row.version] != row:
                self.faults.append(f"{where}: differs from what {row.nation} wrote")
            return
        if stream is None:
            stream = self.written[key] = Stream(owner=key[0])
        self._write(stream, node, now_ns, row, said, where)

    def _write(self, stream: Stream, node: str, now_ns: int, row: Any, said: dict[str, Any], where: str) -> None:
        bad = self.faults.append
        if node != stream.owner:
            bad(f"{where}: written by {node}, owned by {stream.owner}")
        if row.version != len(stream.rows):
            bad(f"{where}: {len(stream.rows)} steps are before it")
        if row.step not in NEXT.get(stream.state, set()):
            bad(f"{where}: illegal after {stream.state or 'nothing'}")
        lapses = row.step in ("expired", "escalated")
        if stream.deadline_ns and not lapses and now_ns >= stream.deadline_ns:
            bad(f"{where}: after its deadline")
        if lapses and now_ns < stream.deadline_ns:
            bad(f"{where}: before its deadline")
        if row.by not in ("machine", "plan") and not self.verify(row):
            bad(f"{where}: not signed")
        if row.by != "machine" and row.step in ("expired", "escalated", "received"):
            bad(f"{where}: said by {row.by}")
        concerned = stream.needs
        if "what" in said and row.step in ("requested", "recommended", "amended"):
            what = said["what"]
            founder = row.stream.split("/")[1] if row.stream.startswith("joint/") else row.nation
            stream.needs = {what.get("asset") or founder} | {AREAS[area[:2]] for area in what.get("areas", ())}
        if row.step in ("requested", "recommended") and row.by != "machine":
            stream.asked_by.add(row.by)
        if row.step in APPROVES:
            self._approve(stream, node, now_ns, row, said, where, concerned)
        elif row.step == "handed_over":
            stream.owner = said["to"]
        elif row.step != "escalated":
            stream.state = row.step
        if row.step in ("tasked", "received", "acknowledged", "will_comply", "executing"):
            for one in stream.given.values():
                if one and self.ended[node].get(one, True):
                    bad(f"{where}: rests on a delegation that was recalled")
        if not (row.step == "handed_over" or (row.step in APPROVES and stream.state == "recommended")):
            stream.deadline_ns = row.deadline_ns
        elif row.deadline_ns != stream.deadline_ns:
            bad(f"{where}: moves the deadline")
        stream.rows.append(row)

    def _approve(
        self,
        stream: Stream,
        node: str,
        now_ns: int,
        row: Any,
        said: dict[str, Any],
        where: str,
        concerned: set[str],
    ) -> None:
        bad = self.faults.append
        nation, role = self.role_of.get(row.by, ("", ""))
        acting_for, delegation = said.get("acting_for", ""), said.get("delegation", "")
        if role != "approver":
            bad(f"{where}: approved by {row.by}")
        if row.by in stream.asked_by:
            bad(f"{where}: {row.by} approves what it asked for")
        if acting_for not in concerned:  # before it amended itself out of it, if it did
            bad(f"{where}: {acting_for} is not concerned")
        if not said.get("rule"):
            bad(f"{where}: no rule")
        if row.step == "amended":
            stream.given, stream.is_amended = {}, True
        if acting_for in stream.given:
            bad(f"{where}: approved twice for {acting_for}")
        if nation != acting_for:
            scope = self.scope.get(delegation, {})
            if self.ended.get(node, {}).get(delegation, True):
                bad(f"{where}: no delegation in force")
            elif scope["delegate"] != row.by or not scope["from_ns"] <= now_ns < scope["until_ns"]:
                bad(f"{where}: outside its delegation")
            self.uses[delegation] = self.uses.get(delegation, 0) + 1
            if self.uses[delegation] > scope.get("uses_max", 1 << 60):
                bad(f"{where}: more uses than were given")
        stream.given[acting_for] = delegation
        if stream.needs <= set(stream.given):
            stream.state = "amended" if stream.is_amended else "approved"

    def agree(self, nodes: Iterable[str]) -> None:
        """Check, once everything has arrived everywhere, that all nodes took the same."""
        every = {(*key, row.version): row for key, stream in self.written.items() for row in stream.rows}
        for node in nodes:
            if self.known.get(node, {}) != every:
                self.faults.append(f"{node}: took {len(self.known.get(node, {}))} steps of {len(every)}")
