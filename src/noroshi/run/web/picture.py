"""What a node's viewers see, onto the film: frames of what was released, and beside them what is said as text.

It is an edge (`run.edges.Edge`): tracks come as `ReleasedView` alone. Sensors and links are the node's own nation's;
other viewers get of alerts, threats and launches what was released to them (`sharing.told`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from noroshi.command.transitions import Step
from noroshi.exercise.notes import MESSAGE, Note, notes_in
from noroshi.geo.time import NS_PER_S
from noroshi.node.outgoing import Outgoing
from noroshi.records import Batch, Status, Tracks, take
from noroshi.records.alert import CANCEL, Alert
from noroshi.records.decision import Decision
from noroshi.records.launches import Launches
from noroshi.records.threats import STAGES, Paths, Stage, Threats
from noroshi.run.web import texts, wire
from noroshi.run.web.film import Film
from noroshi.run.web.situation import Situation
from noroshi.run.web.texts import Json
from noroshi.sharing.told import ToldView
from noroshi.sharing.views import ReleasedView

SOURCES_MAX = 1_000
NOTES_MAX = 200
PASSED_NS = 600 * NS_PER_S  # so long an alert that is over is still told of
LAUNCHES_NS = 60 * NS_PER_S
TOLD_NS = 15 * NS_PER_S  # a node that follows threats tells of them more often
IN_FORCE = ("issued", "proposed")
BECOMES = {
    Step.APPROVED: "", Step.AMENDED: "", Step.REJECTED: "rejected", Step.EXPIRED: "passed",
    Step.SUPERSEDED: "revised", Step.CANCELLED: "cancelled",
}  # fmt: skip
"""What an alert is once this was said of it; empty where the approved alert itself says so."""
OVER = (Stage.PASSED, Stage.LANDED, Stage.CLEAR, Stage.TRACK_LOST)


@dataclass(slots=True)
class _Seen:
    """What is remembered of one view."""

    tracks: Tracks | None = None
    sequence: int = 0
    names: list[str] = field(default_factory=list)
    version: int = 0


@dataclass(slots=True)
class _Kept:
    """An alert and what has become of it."""

    alert: Alert
    life: str
    changed_ns: int
    decided_by: str = ""
    acknowledged_by: set[str] = field(default_factory=set)


Memory = tuple[
    Threats | None, dict[int, Paths], Launches | None, int, dict[str, _Kept], dict[int, int], list[Json]
]  # fmt: skip
"""What is known of threats, launches, alerts and notes at one time."""


class Picture:
    """Puts one node's views onto a film.

    Args:
        film: where.
        nation: whose node it is.
        names: of nations, by code.
        situation: the node's sensors and links.
        now_ns: the clock that says when a frame was made ready.
    """

    def __init__(
        self,
        film: Film,
        nation: str,
        *,
        names: Mapping[str, str],
        situation: Situation,
        now_ns: Callable[[], int],
    ) -> None:
        self.film, self.nation, self.situation = film, nation, situation
        self._names, self._clock = names, now_ns
        self._seen: dict[str, _Seen] = {}
        self._threats: Threats | None = None
        self._paths: dict[int, Paths] = {}
        self._launches: Launches | None = None
        self._launches_ns = 0
        self._alerts: dict[str, _Kept] = {}
        self._stages: dict[int, int] = {}
        self._decisions: tuple[tuple[int, int, int], bytes] | None = None
        self._notes: list[Json] = []
        self.counts: dict[str, int] = {"frames": 0}

    def hear(self, out: Outgoing, now_ns: int) -> None:
        """Take in what the node gave out beside tracks."""
        record = out.record
        if isinstance(record, Threats):
            self._threats = record
            self._note_stages(record, now_ns)
        elif isinstance(record, Paths):
            for number in np.unique(record.threat_id).tolist():
                self._paths[number] = take(record, record.threat_id == number)
        elif isinstance(record, Launches):
            known = [] if self._launches is None else self._launches.launch_id.tolist()
            self._launches, self._launches_ns = record, now_ns
            for number in record.launch_id.tolist():
                if number not in known:
                    self._event("launch", "launch detected", now_ns, number)
        elif isinstance(record, Alert):
            self._alert(record, now_ns, is_proposed=out.channel == "proposal")
        elif isinstance(record, Decision):
            self._decided(record, now_ns)

    def took(self, record: Batch, now_ns: int) -> None:
        """Note what came to the node."""
        self.situation.took(record, now_ns)
        if isinstance(record, Status):
            for time_ns, by, note in notes_in(record):
                self._note(time_ns, by, note)

    def acknowledge(self, identifier: str, name: str) -> bool:
        """Note that somebody has seen an alert; return whether there is one."""
        kept = self._alerts.get(identifier)
        if kept is not None:
            kept.acknowledged_by.add(name)
        return kept is not None

    def send(self, view: ReleasedView, now_ns: int, *, told: ToldView | None = None) -> None:
        """Put the newest view of a viewer onto its reel; `told` is what was released to it of warnings."""
        seen = self._seen.setdefault(view.viewer, _Seen())
        reel = self.film.reel(view.viewer)
        tracks = self._in_one_table(seen, view.tracks)
        n_names = reel.put_names(texts.names_of(tracks, texts.renamed(seen.tracks, tracks)))
        is_own = view.viewer == self.nation
        seen.tracks, seen.sequence = tracks, seen.sequence + 1
        frame = wire.encode(
            tracks,
            picture_ns=now_ns,
            sent_ns=self._clock(),
            sequence=seen.sequence,
            sources_version=seen.version,
            names_count=n_names,
            flags=0 if view.exercise is None else wire.EXERCISE,
            interval_ns=view.interval_ns,
            threats=self._threatening(now_ns) if is_own else None,
            alerted=self._alerted() if is_own else None,
        )
        said = {"sources": texts.sources_text(seen.names, seen.version, self._names, self._nation_of(is_own))}
        said |= self._own_texts(now_ns) if is_own else {kind: texts.encoded(kind, []) for kind in _OWN}
        said |= self._told_texts(told) if told is not None and not is_own else {}
        reel.put(now_ns, frame, said, sequence=seen.sequence, n_tracks=len(tracks))
        reel.keep_names_of(tracks.track_id)
        self.counts["frames"] += 1
        self.film.grown()

    def memory(self) -> Memory:
        """Return what `recall` needs to go back to now."""
        alerts = {one: replace(kept, acknowledged_by=set(kept.acknowledged_by)) for one, kept in self._alerts.items()}
        return (
            self._threats, dict(self._paths), self._launches, self._launches_ns, alerts, dict(self._stages), self._notes
        )  # fmt: skip

    def recall(self, memory: Memory) -> None:
        """Go back to what was remembered; its `memory` may be recalled again."""
        self._threats, paths, self._launches, self._launches_ns, alerts, stages, self._notes = memory
        self._paths, self._stages, self._decisions = dict(paths), dict(stages), None
        self._alerts = {one: replace(kept, acknowledged_by=set(kept.acknowledged_by)) for one, kept in alerts.items()}

    def counters(self) -> Mapping[str, int]:
        """Return how many frames there were."""
        return self.counts

    def close(self) -> None:
        """Nothing is held that has to be let go."""

    def _in_one_table(self, seen: _Seen, tracks: Tracks) -> Tracks:
        """Return tracks whose sources are columns of a table that only grows, so that it is seldom sent."""
        new = [name for name in tracks.source_names if name not in seen.names]
        if new and len(seen.names) + len(new) > SOURCES_MAX:
            seen.names, new = [], list(tracks.source_names)
        if new:
            seen.names, seen.version = seen.names + new, seen.version + 1
        sources = np.zeros((len(tracks), len(seen.names)), np.bool_)
        sources[:, [seen.names.index(name) for name in tracks.source_names]] = tracks.sources
        return tracks.replace(source_names=tuple(seen.names), sources=sources)

    def _nation_of(self, is_own: bool) -> Mapping[str, str]:
        return dict.fromkeys(self.situation.sensors, self.nation) if is_own else {}

    def _own_texts(self, now_ns: int) -> dict[str, bytes]:
        is_fresh = now_ns - self._launches_ns < LAUNCHES_NS
        threats = self._living(now_ns)
        rows = self._alert_rows(now_ns)
        codes = tuple(sorted({area["code"] for row in rows for area in row["areas"]}))
        return {
            **self.situation.texts(now_ns),
            "threats": texts.threats_text(threats, self._paths, self._followed()),
            "alerts": texts.encoded("alerts", rows),
            "areas": self.situation.areas_text(codes),
            "launches": texts.launches_text(self._launches if is_fresh else None),
            "decisions": self._decisions_text(),
            "notes": texts.encoded("notes", self._notes),
        }

    def _told_texts(self, told: ToldView) -> dict[str, bytes]:
        """Return what another nation's viewer is told: of what was released to it alone."""
        rows = [
            texts.alert_row(
                alert, places=self.situation.places_of(alert), changed_ns=alert.sent_ns, acknowledged_by=(),
                life="cancelled" if alert.message == CANCEL else "issued", decided_by="",
            )
            for alert in told.alerts
        ]  # fmt: skip
        codes = tuple(sorted({area["code"] for row in rows for area in row["areas"]}))
        return {
            "threats": texts.threats_text(told.threats, {}),
            "alerts": texts.encoded("alerts", rows),
            "areas": self.situation.areas_text(codes),
            "launches": texts.launches_text(told.launches),
        }

    def _decisions_text(self) -> bytes:
        """Return what decisions have come to, made anew when a step was taken."""
        watch = self.situation.node.watch
        if watch is None:
            return texts.encoded("decisions", [])
        matters = watch.command.book.matters
        known = (id(matters), len(matters), sum(matter.version for matter in matters.values()))
        if self._decisions is None or self._decisions[0] != known:
            self._decisions = known, texts.decisions_text(watch.command.book)
        return self._decisions[1]

    def _note(self, time_ns: int, by: str, note: Note) -> None:
        """Keep what was told to people of an exercise, or what they said of it."""
        told = {"time_ms": texts.ms(time_ns), "by": by, **msgspec.to_builtins(note)}
        self._notes = [*self._notes[-NOTES_MAX + 1 :], told]
        if note.sort == MESSAGE:
            self._event("inject", note.text, time_ns, None)

    def _living(self, now_ns: int) -> Threats | None:
        """Return the threats that may still be believed; what a node follows no longer it says nothing of."""
        threats = self._threats
        if threats is None:
            return None
        is_newest = now_ns - int(threats.time_ns.max(initial=0)) <= TOLD_NS
        living = take(threats, (threats.expires_ns > now_ns) & is_newest)
        gone = self._paths.keys() - set(living.threat_id.tolist())
        for number in gone:
            del self._paths[number]
        return living

    def _alert_rows(self, now_ns: int) -> list[dict[str, Any]]:
        for kept in self._alerts.values():
            if kept.life in IN_FORCE and now_ns >= kept.alert.expires_ns:
                kept.life, kept.changed_ns = "passed", kept.alert.expires_ns
                self._event("alert", f"passed: {kept.alert.reason}", now_ns, kept.alert.threat_id)
        self._alerts = {
            one: kept
            for one, kept in self._alerts.items()
            if kept.life in IN_FORCE or now_ns - kept.changed_ns <= PASSED_NS
        }
        return [
            texts.alert_row(
                kept.alert,
                places=self.situation.places_of(kept.alert),
                life=kept.life,
                changed_ns=kept.changed_ns,
                acknowledged_by=kept.acknowledged_by,
                decided_by=kept.decided_by,
            )
            for kept in self._alerts.values()
        ]

    def _alert(self, alert: Alert, now_ns: int, *, is_proposed: bool) -> None:
        before = self._alerts.get(alert.identifier)
        life = "proposed" if is_proposed else "cancelled" if alert.message == CANCEL else "issued"
        if before is not None and (is_proposed or before.life == life):
            return  # a repeat
        by = before.decided_by if before else ""
        self._alerts[alert.identifier] = _Kept(alert, life, now_ns, by, before.acknowledged_by if before else set())
        if not is_proposed:
            for reference in alert.references:
                replaced = self._alerts.get(reference)
                if replaced is not None and reference != alert.identifier:
                    replaced.life = "cancelled" if alert.message == CANCEL else "revised"
                    replaced.changed_ns = now_ns
        self._event("alert", f"{life}: {alert.reason}", now_ns, alert.threat_id)

    def _decided(self, decision: Decision, now_ns: int) -> None:
        """Note who decided; what a proposal that came to nothing has become."""
        for stream, step, by in zip(
            decision.stream.tolist(), decision.step.tolist(), decision.by.tolist(), strict=True
        ):
            kept = self._alerts.get(stream)
            if kept is None or step not in BECOMES:
                continue
            self._event("decision", f"{step} by {by}", now_ns, kept.alert.threat_id)
            kept.decided_by = by
            life = BECOMES[step]
            if life and kept.life in IN_FORCE:
                kept.life, kept.changed_ns = life, now_ns

    def _note_stages(self, threats: Threats, now_ns: int) -> None:
        for number, stage in zip(threats.threat_id.tolist(), threats.stage.tolist(), strict=True):
            if self._stages.get(number) != stage:
                self._stages[number] = stage
                self._event("threat", STAGES[stage].replace("_", " "), now_ns, number)

    def _event(self, sort: str, text: str, now_ns: int, number: int | None) -> None:
        self.film.reel(self.nation).put_event(
            {
                "time_ms": texts.ms(now_ns),
                "sort": sort,
                "text": text,
                "id": None if number is None else texts.hexadecimal(number),
            }
        )

    def _threatening(self, now_ns: int) -> NDArray[np.uint64] | None:
        threats = self._living(now_ns)
        return None if threats is None else self._tracks_of(threats.threat_id[~np.isin(threats.stage, OVER)].tolist())

    def _alerted(self) -> NDArray[np.uint64]:
        return self._tracks_of([kept.alert.threat_id for kept in self._alerts.values() if kept.life == "issued"])

    def _tracks_of(self, threats: Sequence[int]) -> NDArray[np.uint64]:
        followed = self._followed()
        return np.array([followed.get(number, number) for number in threats], np.uint64)

    def _followed(self) -> Mapping[int, int]:
        """Return which track each threat is by now: one that was lost may have come back as another."""
        watch = self.situation.node.watch
        return {} if watch is None else watch.warner.followed


_OWN: Sequence[str] = tuple(kind for kind in texts.KINDS_OF_TEXT if kind != "sources")
