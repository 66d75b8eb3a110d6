"""What a viewer sees: the newest of what was released to it. Every way out of a node but the outbox is given this.

A `ReleasedView` is made here alone and out of `Released` alone, or of the whole picture for the node's own nation; so
an edge, whose interface takes nothing else, cannot be handed the national picture by mistake.

A view remembers: a coarse track is told of once in its period and is to be seen until the next telling; what is
delayed waits here; what a tighter policy takes back goes at once. Numbers of versions count the changes of this view
alone, so that their gaps tell nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.records import Identity, Tracks, TrackStatus, certain_kind, joined_by_sensor, take
from noroshi.sharing.facts import facts_of
from noroshi.sharing.memory import Memory
from noroshi.sharing.release import Released, Secrets, release, without_idle_sensors
from noroshi.sharing.rules import Policy, Product, Rule, still_valid

NEVER_NS = np.iinfo(np.int64).max
SHOWN_NS = 60 * NS_PER_S  # how long a row is seen beyond the time at which the next could have come
LOST_NS = 10 * NS_PER_S  # how long it is seen that a track has ended
WAITING_MAX = 300_000  # rows that wait for their time; those that are due first make room, and are counted
WAITING_PARTS = 60  # in so many steps what is delayed comes out; of each track one row waits for each
READY_MAX = 64  # batches that are not merged before somebody looks
GONE_MAX = 20_000  # tracks that are remembered to have gone, so that changes can be told
OWN = ""  # the rule by which a nation sees its own picture

_MADE_HERE = object()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReleasedView:
    """What one viewer sees at one time, n tracks.

    Attributes:
        viewer: nation code.
        node: who made the tracks.
        exercise: the exercise that all of it belongs to; None is real.
        version: how often this view has changed.
        tracks: (n) the newest row of each track; its own label is empty, see `batches`.
        labels: texts of labels.
        label: (n,) index of each row's label.
        interval_ns: (n,) how long it may be until the next row of the track, by the rule that released it.
        changed: (n,) the version at which each row became what it is.
        gone_id: (m,) tracks that were seen and are no longer.
        gone_ns: (m,) when the last row seen of each held.
        gone_version: (m,) the version at which each went.
        since_min: the earliest version from which on the changes are known.
        line: whose versions these are: those of another line are not before or after them.
    """

    viewer: str
    node: str
    exercise: str | None
    version: int
    tracks: Tracks
    labels: tuple[str, ...]
    label: NDArray[np.int64]
    interval_ns: NDArray[np.int64]
    changed: NDArray[np.int64]
    gone_id: NDArray[np.uint64]
    gone_ns: NDArray[np.int64]
    gone_version: NDArray[np.int64]
    since_min: int
    line: object
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _MADE_HERE:
            raise TypeError("a ReleasedView is made of what was released, by noroshi.sharing.views")

    def since(self, before: "ReleasedView | None") -> int | None:
        """Return the version since which a reader of an earlier view lacks changes; None if it needs all of it."""
        if before is None or before.line is not self.line or before.version < self.since_min:
            return None
        return before.version

    def batches(self, since: int = 0) -> list[tuple[Tracks, float]]:
        """Return the rows that changed after a version (0 is all): batches of one label, which is in it, and interval.

        The second of each pair is the interval [s].
        """
        rows = self.changed > since
        found = []
        for i, interval_ns in sorted({*zip(self.label[rows].tolist(), self.interval_ns[rows].tolist(), strict=True)}):
            batch = take(self.tracks, rows & (self.label == i) & (self.interval_ns == interval_ns))
            found.append((without_idle_sensors(batch.replace(label=self.labels[i])), interval_ns / NS_PER_S))
        return found

    def gone(self, since: int = 0) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return the (m,) tracks that went after a version and when the last row seen of each held."""
        rows = self.gone_version > since
        return self.gone_id[rows], self.gone_ns[rows]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    tracks: Tracks
    label: NDArray[np.int64]
    rule: NDArray[np.int64]
    due_ns: NDArray[np.int64]
    until_ns: NDArray[np.int64]
    interval_ns: NDArray[np.int64]
    changed: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Self:
        columns = [getattr(self, one.name)[rows] for one in fields(self)[1:]]
        return type(self)(take(self.tracks, rows), *columns)

    @classmethod
    def joined(cls, parts: Sequence["_Rows"]) -> Self:
        columns = [np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)[1:]]
        return cls(joined_by_sensor([part.tracks for part in parts]), *columns)


def _newest(rows: _Rows) -> _Rows:
    """Return the newest row of each track, in order of their numbers; of one time and revision the last to come."""
    tracks = rows.tracks
    order = np.lexsort((np.arange(len(rows)), tracks.revision, tracks.time_ns, tracks.track_id))
    last = np.ones(len(order), np.bool_)
    last[:-1] = tracks.track_id[order[1:]] != tracks.track_id[order[:-1]]
    return rows.take(order[last])


class View:
    """The view of one viewer of one product.

    Args:
        viewer: nation code.
        nation: whose node it is.
        exercise: which exercise all of it belongs to; None is real.
    """

    def __init__(self, viewer: str, *, nation: str, exercise: str | None) -> None:
        self.viewer, self.nation, self.exercise = viewer, nation, exercise
        self.dropped = 0
        self._seen: ReleasedView | None = None
        self._shown: _Rows | None = None
        self._ready: list[_Rows] = []
        self._waiting: dict[int, list[_Rows]] = {}
        self._labels: list[str] = []
        self._rules: list[str] = []
        self._version, self._node = 0, ""
        self._gone_id = np.zeros(0, np.uint64)
        self._gone_ns, self._gone_version = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._since_min = 0
        self._line = object()

    def take(self, released: Released, policy: Policy, now_ns: int) -> None:
        """Take in what the viewer gets of one record.

        Raises:
            ValueError: if it is another's, of another policy, or no tracks.
        """
        if released.recipient != self.viewer or released.policy != policy.digest or released.tracks is None:
            raise ValueError(f"tracks released to {self.viewer} under policy {policy.digest}; this is something else")
        if not len(released.rows):
            return
        ends = np.array([_ends_ns(rule) for rule in policy.rules], np.int64)
        interval = np.array([_interval_ns(rule) for rule in policy.rules], np.int64)
        names = np.array([_index(self._rules, rule.name) for rule in policy.rules], np.int64)
        expires_ns = NEVER_NS if released.expires_ns is None else released.expires_ns
        self._put(
            released.tracks.replace(label=released.label),
            rule=names[released.rule],
            due_ns=released.due_ns,
            ends_ns=np.minimum(ends[released.rule], expires_ns).astype(np.int64),
            interval_ns=interval[released.rule],
            now_ns=now_ns,
        )

    def take_own(self, tracks: Tracks, now_ns: int) -> None:
        """Take in the picture itself.

        Raises:
            ValueError: if the viewer is not the node's own nation.
        """
        if self.viewer != self.nation:
            raise ValueError(f"{self.viewer} sees what {self.nation} released to it, and not its picture")
        n = len(tracks)
        if n:
            self._put(
                tracks,
                rule=np.full(n, _index(self._rules, OWN)),
                due_ns=np.full(n, now_ns),
                ends_ns=np.full(n, NEVER_NS),
                interval_ns=np.zeros(n, np.int64),
                now_ns=now_ns,
            )

    def keep_only(self, rules: Iterable[str], now_ns: int) -> None:
        """Forget at once what was released by any other rule; what is given is what `rules.still_valid` returns."""
        valid = [i for i, name in enumerate(self._rules) if name in set(rules) or name == OWN]
        self._ready = [rows.take(np.isin(rows.rule, valid)) for rows in self._ready]
        for due_ns, parts in self._waiting.items():
            self._waiting[due_ns] = [rows.take(np.isin(rows.rule, valid)) for rows in parts]
        if self._shown is not None:
            self._remove(~np.isin(self._shown.rule, valid))
        self.advance(now_ns)

    def advance(self, now_ns: int) -> None:
        """Show what has come and is due, and no longer what has had its time."""
        for due_ns in sorted(moment for moment in self._waiting if moment <= now_ns):
            self._ready += self._waiting.pop(due_ns)
        ready = [rows for rows in self._ready if len(rows)]
        self._ready = []
        if ready:
            self._merge(_Rows.joined(ready))
        if self._shown is not None:
            self._remove(self._shown.until_ns <= now_ns)

    def see(self, now_ns: int) -> ReleasedView:
        """Return what the viewer sees now; the same object as before if nothing has changed."""
        self.advance(now_ns)
        if self._seen is not None and self._seen.version == self._version:
            return self._seen
        shown = self._shown
        tracks = _nothing() if shown is None else without_idle_sensors(shown.tracks)
        none = np.zeros(0, np.int64)
        self._seen = ReleasedView(
            viewer=self.viewer,
            node=self._node,
            exercise=self.exercise,
            version=self._version,
            tracks=tracks,
            labels=tuple(self._labels),
            label=none if shown is None else shown.label,
            interval_ns=none if shown is None else shown.interval_ns,
            changed=none if shown is None else shown.changed,
            gone_id=self._gone_id,
            gone_ns=self._gone_ns,
            gone_version=self._gone_version,
            since_min=self._since_min,
            line=self._line,
            made_by=_MADE_HERE,
        )
        return self._seen

    def _put(
        self,
        tracks: Tracks,
        *,
        rule: NDArray[np.int64],
        due_ns: NDArray[np.int64],
        ends_ns: NDArray[np.int64],
        interval_ns: NDArray[np.int64],
        now_ns: int,
    ) -> None:
        step_ns = np.maximum((due_ns - now_ns) // WAITING_PARTS // NS_PER_S, 1) * NS_PER_S
        due_ns = np.where(due_ns > now_ns, -(-due_ns // step_ns) * step_ns, now_ns)
        shown_ns = np.where(tracks.status == TrackStatus.LOST, LOST_NS, SHOWN_NS + interval_ns)
        rows = _Rows(
            tracks.replace(label=""),
            np.full(len(tracks), _index(self._labels, tracks.label)),
            rule,
            due_ns,
            np.minimum(due_ns + shown_ns, ends_ns),
            interval_ns,
            np.zeros(len(tracks), np.int64),
        )
        self._node = tracks.node
        for moment in np.unique(due_ns).tolist():
            part = rows.take(due_ns == moment)
            if moment <= now_ns:
                self._ready.append(part)
            else:
                parts = self._waiting.setdefault(moment, [])
                self._waiting[moment] = [_newest(_Rows.joined([*parts, part]))]
        if len(self._ready) > READY_MAX:
            self.advance(now_ns)
        while sum(len(rows) for parts in self._waiting.values() for rows in parts) > WAITING_MAX:
            self.dropped += sum(len(rows) for rows in self._waiting.pop(min(self._waiting)))

    def _merge(self, new: _Rows) -> None:
        """Show the newest row of each track."""
        version = self._version + 1
        new.changed[:] = version
        every = new if self._shown is None else _Rows.joined([self._shown, new])
        self._shown = _newest(every)
        if (self._shown.changed == version).any():
            self._version = version
            back = np.isin(self._gone_id, self._shown.tracks.track_id)
            self._gone_id, self._gone_ns = self._gone_id[~back], self._gone_ns[~back]
            self._gone_version = self._gone_version[~back]

    def _remove(self, rows: NDArray[np.bool_]) -> None:
        if self._shown is None or not rows.any():
            return
        self._version += 1
        tracks = take(self._shown.tracks, rows)
        self._gone_id = np.append(self._gone_id, tracks.track_id)
        self._gone_ns = np.append(self._gone_ns, tracks.time_ns)
        self._gone_version = np.append(self._gone_version, np.full(len(tracks), self._version))
        over = len(self._gone_id) - GONE_MAX
        if over > 0:
            self._since_min = int(self._gone_version[over - 1])
            self._gone_id, self._gone_ns = self._gone_id[over:], self._gone_ns[over:]
            self._gone_version = self._gone_version[over:]
        left = self._shown.take(~rows)
        self._shown = left if len(left) else None


class Views:
    """The views of all who may look at one product of a node.

    Args:
        policy: the rules.
        secrets: of the node.
        viewers: nation codes; the node's own nation among them sees the whole picture.
        product: what the tracks are to their viewers.
        exercise: which exercise they belong to; None is real.
        sensor_types: the type of each sensor by name.
    """

    def __init__(
        self,
        policy: Policy,
        secrets: Secrets,
        *,
        viewers: Sequence[str],
        product: Product,
        exercise: str | None,
        sensor_types: Mapping[str, str],
    ) -> None:
        self._policy, self._secrets, self._product, self._types = policy, secrets, product, sensor_types
        self._exercise = exercise
        self._views = {viewer: View(viewer, nation=policy.nation, exercise=exercise) for viewer in viewers}
        self._memories: dict[str, Memory] = {}

    def receive(self, tracks: Tracks, now_ns: int) -> Counter[str]:
        """Take in rows of the national picture, new or corrected; return how many each viewer gets of them.

        Raises:
            LabelError: if the tracks' label cannot be read.
        """
        facts = facts_of(tracks, product=self._product, exercise=self._exercise, sensor_types=self._types)
        partners = [viewer for viewer in self._views if viewer != self._policy.nation]
        told = release(
            self._policy, facts, now_ns=now_ns, secrets=self._secrets, recipients=partners, memories=self._memories
        )
        for viewer, released in told.items():
            self._memories[viewer] = released.memory
            self._views[viewer].take(released, self._policy, now_ns)
        counts = Counter({viewer: len(released.rows) for viewer, released in told.items()})
        if self._policy.nation in self._views:
            self._views[self._policy.nation].take_own(tracks, now_ns)
            counts[self._policy.nation] = len(tracks)
        return counts

    def tighten(self, policy: Policy, now_ns: int) -> None:
        """Go on under another policy; what it would not have released just so is seen no longer."""
        for viewer, view in self._views.items():
            if viewer != policy.nation:
                view.keep_only(still_valid(self._policy, policy, viewer), now_ns)
        self._policy = policy

    def see(self, viewer: str, now_ns: int) -> ReleasedView:
        """Return what a viewer sees now.

        Raises:
            KeyError: if it is none of the viewers.
        """
        return self._views[viewer].see(now_ns)


def view_as(
    tracks: Tracks,
    viewer: str,
    *,
    policy: Policy,
    secrets: Secrets,
    now_ns: int,
    product: Product,
    exercise: str | None,
    sensor_types: Mapping[str, str],
) -> ReleasedView:
    """Return a batch of tracks as a viewer may see it, at one look; who looks again is better served by `Views`.

    Raises:
        LabelError: if the tracks' label cannot be read.
    """
    views = Views(policy, secrets, viewers=(viewer,), product=product, exercise=exercise, sensor_types=sensor_types)
    views.receive(tracks, now_ns)
    return views.see(viewer, now_ns)


def _index(known: list[str], name: str) -> int:
    if name not in known:
        known.append(name)
    return known.index(name)


def _ends_ns(rule: Rule) -> int:
    ends_ns = rule.when.ends_ns()
    return NEVER_NS if ends_ns is None else ends_ns


def _interval_ns(rule: Rule) -> int:
    return sum(action.interval_ns for _, action in rule.actions)


def _nothing() -> Tracks:
    n = 0
    return Tracks(
        node="",
        source_names=(),
        track_id=np.zeros(n, np.uint64),
        time_ns=np.zeros(n, np.int64),
        updated_ns=np.zeros(n, np.int64),
        revision=np.zeros(n, np.int32),
        state_ecef=np.zeros((n, 6)),
        covariance_ecef=np.zeros((n, 6, 6)),
        existence=np.zeros(n),
        kind_probability=certain_kind(0, n),
        status=np.zeros(n, np.uint8),
        sources=np.zeros((n, 0), np.bool_),
        identity=Identity.absent(n),
    )
