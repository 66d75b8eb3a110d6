"""Notes what nodes do when, and of each proposal how long each stage of its way took.

Times in seconds of the exercise's clock, on which computing takes no time; processor time is apart.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

import numpy as np

from noroshi.command.transitions import Step
from noroshi.fusion import Fusion
from noroshi.geo.time import NS_PER_S
from noroshi.node.core import Node
from noroshi.records import Alert, Decision, Detections, Kind
from noroshi.warning.core import Said, Warner
from noroshi.warning.following import Following
from noroshi.warning.foresee import foresee

NEAR_M = 100e3  # a contribution so near to where a threat was when it was looked at is of that threat
Codes = frozenset[str]


@dataclass(slots=True)
class Seen:
    """What a nation knows of one threat.

    Attributes:
        held: the looks since the last forecast at which something newer was known than that rests on, and what.
        likely: since which look each area has been likely enough on the whole, and what that look rests on.
        sure: the areas that were likely enough at the last look.
        told: the areas that the last proposal spoke of.
    """

    held: list[tuple[int, int, Any]] = field(default_factory=list)
    likely: dict[str, "Entry"] = field(default_factory=dict)
    sure: set[str] = field(default_factory=set)
    told: Codes = frozenset()


@dataclass(frozen=True, slots=True)
class Entry:
    """That an area came to be likely enough at a look.

    Attributes:
        at_ns: of the look.
        newest_ns: the newest measurement in the track that was foreseen.
        needed_ns: the newest in the first track since the last forecast from which it would have come out the same.
    """

    at_ns: int
    newest_ns: int
    needed_ns: int


@dataclass(slots=True)
class Proposal:
    """One proposal.

    Attributes:
        nation, identifier: of it.
        why: `measured`, if a measurement brought new areas to it; `waited`, if it had, and their wait was over or the
            threat was near by now; `renewed`, if a new forecast brought something else; `time`, if time alone did.
        at_ns: of the look.
        due_ns: when the wait of its areas was over; else that look.
        entry: when what is new in it came to be likely.
        place_ecef_m: (3,) of the threat.
    """

    nation: str
    identifier: str
    why: str
    at_ns: int
    due_ns: int
    entry: Entry
    place_ecef_m: Any


class Notes:
    """All that is noted of one run."""

    def __init__(self) -> None:
        self.now_ns, self.node = 0, ""
        self.spent: list[tuple[int, float]] = []
        self.heard: dict[str, dict[str, int]] = {}
        self.came: dict[tuple[str, int], int] = {}
        self.fused: list[tuple[str, int, str, Any]] = []
        self.looks = self.early = self.forecasts = 0
        self.look_s = 0.0
        self.proposals: list[Proposal] = []
        self._seen: dict[tuple[str, int], Seen] = {}
        self._ahead: dict[int, bool] = {}

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Note while this lasts."""
        changed = [
            (Node, "receive", self._of_node), (Node, "wake", self._of_node), (Node, "take", self._of_take),
            (Fusion, "receive", self._of_fusion), (Warner, "look", self._of_look),
            (Following, "look_ahead", self._of_ahead),
        ]  # fmt: skip
        before = [(of, name, getattr(of, name)) for of, name, _ in changed]
        for of, name, noting in changed:
            setattr(of, name, wraps(getattr(of, name))(noting(getattr(of, name))))
        try:
            yield
        finally:
            for of, name, does in before:
                setattr(of, name, does)

    def _of_node(self, does: Callable[..., Any]) -> Callable[..., Any]:
        def noted(node: Node, *given: Any) -> Any:
            self.now_ns, self.node = given[-1], node.name
            if isinstance(given[0], Detections):
                for time_ns in np.unique(given[0].time_ns).tolist():
                    self.came.setdefault((node.name, time_ns), self.now_ns)
            since = time.process_time()
            found = does(node, *given)
            self.spent.append((self.now_ns, time.process_time() - since))
            return found

        return noted

    def _of_take(self, does: Callable[..., Any]) -> Callable[..., Any]:
        def noted(node: Node) -> Any:
            since = time.process_time()
            found = does(node)
            self.spent.append((self.now_ns, time.process_time() - since))
            for record in (out.record for out in found if isinstance(out.record, Decision)):
                for stream, step in zip(record.stream.tolist(), record.step.tolist(), strict=True):
                    if step == Step.RECOMMENDED:
                        self.heard.setdefault(stream, {}).setdefault(node.name, self.now_ns)
            return found

        return noted

    def _of_fusion(self, does: Callable[..., Any]) -> Callable[..., Any]:
        def noted(fusion: Fusion, rows: Any, **given: Any) -> Any:
            self.fused.append((self.node, self.now_ns, given["owner"], (rows.updated_ns, rows.state_ecef[:, :3])))
            return does(fusion, rows, **given)

        return noted

    def _of_ahead(self, does: Callable[..., Any]) -> Callable[..., Any]:
        def noted(one: Following, now_ns: int, **given: Any) -> bool:
            basis = (
                one.state_ecef,
                one.covariance_ecef,
                one.kinds,
                one.time_ns,
                max(now_ns - one.time_ns, 0) / NS_PER_S,
            )
            newer, made = one.updated_ns > one.measured_ns, does(one, now_ns, **given)
            self._ahead[one.threat_id] = made
            self.forecasts += made
            if newer and not made:
                self._held(one).append((now_ns, one.updated_ns, basis))
            return made

        return noted

    def _held(self, one: Following) -> list[tuple[int, int, Any]]:
        return self._seen.setdefault((self.node, one.threat_id), Seen()).held

    def _of_look(self, does: Callable[..., Said]) -> Callable[..., Said]:
        def noted(warner: Warner, picture: Any, now_ns: int, **given: Any) -> Said:
            before, self.node = self.node, warner.nation
            begun = time.process_time()
            said = does(warner, picture, now_ns, **given)
            since = time.process_time()
            self.look_s += since - begun
            self.looks += 1
            self.early += bool(given.get("is_early"))
            by_threat = {proposal.threat_id: proposal for proposal in said.proposals}
            for number, one in warner._following.items():  # noqa: SLF001
                self._note(warner, number, one, now_ns, by_threat.get(number))
            self._ahead, self.node = {}, before
            self.spent.append((now_ns, since - time.process_time()))  # what is noted here is no part of the work
            return said

        return noted

    def _note(self, warner: Warner, number: int, one: Following, now_ns: int, proposal: Alert | None) -> None:
        """Note what a look made of a threat."""
        seen, settings = self._seen.setdefault((warner.nation, number), Seen()), warner.settings
        sure = _likely(warner, one)
        likely = sure | set(one.telling.likely_since_ns)  # a wait outlasts a moment's doubt
        if one.is_lost(now_ns, settings.lost_s):  # nothing begins with it
            likely &= {*one.telling.warned, *one.telling.likely_since_ns}
        come, made = (sure - seen.sure) | (likely - set(seen.likely)), self._ahead.get(number, False)
        needed_ns = _needed_ns(warner, one, seen.held, come) if made and come else one.measured_ns
        entry = Entry(now_ns, one.measured_ns, needed_ns)
        seen.likely, seen.sure = {code: seen.likely.get(code, entry) for code in likely}, sure
        if made:
            seen.held.clear()
        if proposal is None:
            return
        codes = frozenset(proposal.code.tolist())
        # What is told as soon as it is likely again, its wait being over, needed the measurement that made it so.
        rests = [entry if code in come else seen.likely[code] for code in codes - seen.told if code in seen.likely]
        last = max(rests, key=lambda each: each.at_ns, default=None)
        why, due_ns = "time", now_ns
        if last is not None and last.at_ns == now_ns:
            why = "measured"
        elif last is not None and made and now_ns < last.at_ns + round(settings.wait_s * NS_PER_S):
            why, last = "renewed", None  # by this forecast the threat is there so soon that there is no waiting
        elif last is not None:
            near_ns = [each.first_ns for each in one.concerns if each.code in codes - seen.told]
            hurry_ns = min(near_ns, default=now_ns) - round(settings.hurry_s * NS_PER_S)
            glance_ns = last.at_ns + round(settings.glance_s * NS_PER_S)
            over_ns = min(last.at_ns + round(settings.wait_s * NS_PER_S), max(hurry_ns, glance_ns))
            why, due_ns = "waited", min(over_ns, now_ns)
        elif made and not one.is_lost(now_ns, settings.lost_s):
            why = "renewed"
        seen.told = codes
        self.proposals.append(
            Proposal(warner.nation, proposal.identifier, why, now_ns, due_ns, last or entry, one.state_ecef[:3].copy())
        )


def _likely(warner: Warner, one: Following) -> set[str]:
    settings = warner.settings
    enough = max(settings.probability_on, settings.probability_boosting if one.kind is Kind.BOOSTING else 0.0)
    return {each.code for each in one.concerns if each.probability >= enough}


def _needed_ns(warner: Warner, one: Following, held: list[tuple[int, int, Any]], new: set[str]) -> int:
    """Return the newest measurement in the first track since the last forecast by which the new areas come out."""
    needed_ns = one.measured_ns
    for _, measured_ns, basis in reversed(held):
        state, covariance, kinds, time_ns, unseen_s = basis
        forecast = foresee(state, covariance, kinds, time_ns, unseen_s=unseen_s)
        if forecast is None:
            break
        there = replace(one, state_ecef=state, covariance_ecef=covariance, kinds=kinds, forecast=forecast, concerns=())
        warner._weigh(there)  # noqa: SLF001
        if not new <= _likely(warner, there):
            break
        needed_ns = measured_ns
    return needed_ns


def stages(notes: Notes) -> list[dict[str, Any]]:
    """Return of each proposal how long each stage took."""
    at_ns, cpu_s = np.array([one[0] for one in notes.spent]), np.array([one[1] for one in notes.spent])
    found = []
    for one in notes.proposals:
        nodes = notes.heard.get(one.identifier, {})
        last_ns, entry = max([one.at_ns, *nodes.values()]), one.entry
        within = ((at_ns > entry.newest_ns) & (at_ns <= entry.at_ns)) | ((at_ns >= one.at_ns) & (at_ns <= last_ns))
        found.append(
            {
                "why": one.why,
                "nodes": len(nodes),
                "waited_s": _s(one.due_ns - entry.at_ns),
                "newest_to_all_s": _s(entry.at_ns - entry.newest_ns + last_ns - one.due_ns),
                "needed_to_all_s": _s(entry.at_ns - entry.needed_ns + last_ns - one.due_ns),
                "machine_s": float(cpu_s[within].sum()),
                **_way(notes, one),
                "look_to_proposal_s": _s(one.at_ns - one.due_ns),
                "proposal_to_all_s": _s(last_ns - one.at_ns),
            }
        )
    return found


def _way(notes: Notes, one: Proposal) -> dict[str, float]:
    """Return how long the newest measurement took to its first node, to its sharing, to who looks, to the look."""
    measured_ns, best = one.entry.newest_ns, None
    for node, now_ns, owner, (updated_ns, place) in notes.fused:
        if node == one.nation and now_ns <= one.entry.at_ns and (updated_ns == measured_ns).any():
            off_m = np.linalg.norm(place[updated_ns == measured_ns] - one.place_ecef_m, axis=1).min()
            far_m = NEAR_M + 8e3 * _s(one.at_ns - one.entry.at_ns)
            if off_m < far_m and best is None:
                best = (owner, now_ns)
    if best is None or (best[0], measured_ns) not in notes.came:
        return {}
    owner, fused_ns = best
    shared_ns = min(
        (now for node, now, own, (updated_ns, _) in notes.fused
         if node == own == owner and (updated_ns == measured_ns).any()), default=fused_ns,
    )  # fmt: skip
    came_ns = notes.came[owner, measured_ns]
    return {
        "sensor_s": _s(came_ns - measured_ns),
        "to_share_s": _s(shared_ns - came_ns),
        "link_s": _s(fused_ns - shared_ns),
        "to_look_s": _s(one.entry.at_ns - fused_ns),
    }


def _s(ns: int) -> float:
    return ns / NS_PER_S
