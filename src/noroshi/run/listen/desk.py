"""Tracks whatever comes, without being told what will.

Which sensors there are, of what type, where and how often they look is learned from what comes, as `noroshi track`
learns it from a recording (`run.sites.complete`). A node is made for what is known, and made anew when more is: what
came in the last minutes is then run again, so that tracks go on under their numbers.

All sensors whose places are known share one node, and so one picture. A radar that does not say where it stands has a
node of its own, whose picture is relative to it, until it says so or is described.
"""

import dataclasses
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from noroshi.geo.time import NS_PER_S
from noroshi.node.core import OTHERS, Node
from noroshi.records import Batch, Detections, Quality, SensorSite, Status, Tracks, joined_by_sensor, take
from noroshi.run.batches import Repeats, looks_of
from noroshi.run.journal import JournalWriter
from noroshi.run.listen.journals import Journals
from noroshi.run.setup import Setup, Site, assemble
from noroshi.run.sites import ANYWHERE, SHOWN, learned, needs_place, relative_to_itself, usual_motion

HELD_NS, HELD_ROWS_MAX = 150 * NS_PER_S, 200_000
"""How much is kept to be run again by a new node: until all that is learned in the beginning is known."""

PATIENCE_NS = 1 * NS_PER_S
"""After the first detection so long is waited for other sensors; after that, before a node is made anew."""

REVIEWS_NS = tuple(seconds * NS_PER_S for seconds in (15, 45, 120))
"""When, after a sensor was first heard, it is looked at again how often it looks; then every so often as the last."""

PERIOD_RATIO, PERIOD_RATIO_LATER = 1.1, 2.0
"""A node is made anew for a time between looks that differs by more than this; later, when tracks would lose their
numbers, for one that differs much."""

HEARD_ROWS, SENSORS_MAX = 3, 64
"""A sensor counts once it has given so many detections (a damaged name rarely comes twice), and so many count."""

NAMES_MAX = 1_000
"""So many names are counted one by one: names can be forged. Of the rest those that count keep their own."""

SYSTEM_NS = 30 * NS_PER_S
"""So old a system track of another tracker may be and still be shown."""

GIVEN_ROWS_MAX = 2_000_000
"""So many rows of tracks are kept for `--out`; what comes later is counted and not kept."""

PLACED = ""
"""The group of all sensors whose places are known; any other group is a radar, or a local frame, of that name."""


@dataclass(eq=False)
class Group:
    """Sensors that share a node.

    Attributes:
        setup: of the node.
        notes: what was assumed of its sensors, in plain words.
        node: what tracks.
        journal: where its records are written, if anywhere.
        given: the rows of its tracks, if they are kept.
    """

    setup: Setup
    notes: list[str]
    node: Node
    journal: JournalWriter | None
    given: list[Tracks] = field(default_factory=list)


@dataclass(frozen=True)
class Wish:
    """How a listener wants to track: see `noroshi track --help`.

    Attributes:
        tracker: key of the tracker.
        motion: key of the motion model; what suits the sensors if None.
        known: sensors that somebody has described.
        keeps_rows: whether the rows of tracks are kept.
    """

    tracker: str = "soft"
    motion: str | None = None
    known: tuple[SensorSite, ...] = ()
    keeps_rows: bool = False


class Desk:
    """Tracks whatever comes.

    Args:
        wish: how.
        journals: where journals are written; None for nowhere.
        making: called before a node is made and run for the first time, which may take long.
    """

    def __init__(self, wish: Wish, journals: Journals | None = None, making: Callable[[], None] = lambda: None) -> None:
        self.groups: dict[str, Group] = {}
        self.n_rows_not_kept = 0
        self.n_plots: Counter[str] = Counter()
        self.motion = wish.motion
        self._wish, self._journals, self._making = wish, journals, making
        self._past: dict[str, list[Tracks]] = {}
        self._n_given = 0
        self._now_ns = 0
        self._held: deque[tuple[int, Batch]] = deque()
        self._n_held = 0
        self._first_ns: dict[str, int] = {}
        self._told: dict[str, SensorSite] = {}
        self._review_ns: int | None = None
        self._made_ns = 0
        self._system: dict[str, list[Tracks]] = {}
        self._repeats = Repeats()

    def receive(self, records: Sequence[Batch], sites: Mapping[str, SensorSite], now_ns: int) -> None:
        """Take in what has come.

        Args:
            records: of any number of sensors.
            sites: what the feeds say of their sensors.
            now_ns: the time. If the clock was set back, it stands still until it has caught up.
        """
        self._now_ns = now_ns = max(now_ns, self._now_ns)
        records = [self._repeats.marked(one, now_ns) if isinstance(one, Detections) else one for one in records]
        for record in records:
            if isinstance(record, Tracks):
                if record.node in self._system or len(self._system) < SENSORS_MAX:
                    self._system.setdefault(record.node, []).append(record)
            elif isinstance(record, (Detections, Status)):
                self._hold(record, now_ns)
        if self._told != sites and any(self._told.get(name) != site for name, site in sites.items()):
            self._told = dict(sites)
            self._review_ns = min(self._review_ns or now_ns, now_ns)
        remade = self._review(now_ns)
        for record in records:
            if isinstance(record, (Detections, Status)):
                self._track(record, now_ns, but_not=remade)

    def pictures(self, now_ns: int) -> dict[str, Tracks]:
        """Return by group, and by name of another tracker whose tracks came, the tracks as they are expected now."""
        now_ns = max(now_ns, self._now_ns)
        found = {name: group.node.picture(now_ns) for name, group in self.groups.items()}
        for name, parts in self._system.items():
            if parts:
                newest = _newest(joined_by_sensor(parts), now_ns - SYSTEM_NS)
                parts[:] = [newest]
                found[f"system tracks of {name}"] = newest
        return found

    def rows(self) -> dict[str, Tracks]:
        """Return by group the rows of tracks that were kept."""
        given = {name: [*rows] for name, rows in self._past.items()}
        for name, group in self.groups.items():
            given.setdefault(name, []).extend(group.given)
        return {name: joined_by_sensor(rows) for name, rows in given.items() if rows}

    @property
    def n_unsearched(self) -> int:
        """How many rows were not looked at for repeats; see `Repeats`."""
        return self._repeats.n_unsearched

    def refused(self) -> Counter[tuple[str, str]]:
        """Return how many detections of which sensor could not be used, by reason."""
        return sum((group.node.refused for group in self.groups.values()), Counter())

    def waiting(self) -> list[str]:
        """Return the sensors that were heard and are not tracked yet."""
        tracked = {site.sensor for group in self.groups.values() for site in group.setup.sites}
        return sorted(set(self._first_ns) - tracked)

    def close(self) -> None:
        """End the journals."""
        for group in self.groups.values():
            if group.journal:
                group.journal.__exit__(None, None, None)
                group.journal = None

    def _hold(self, record: Detections | Status, now_ns: int) -> None:
        """Keep a record for the nodes to come, and note whether it is of a sensor that is new."""
        self._held.append((now_ns, record))
        self._n_held += len(record)
        while self._held and (self._held[0][0] < now_ns - HELD_NS or self._n_held > HELD_ROWS_MAX):
            self._n_held -= len(self._held.popleft()[1])
        if not isinstance(record, Detections):
            return
        before = self.n_plots[record.sensor]
        if not before and len(self.n_plots) >= NAMES_MAX:
            for name in [name for name in self.n_plots if name not in self._first_ns and name != OTHERS]:
                self.n_plots[OTHERS] += self.n_plots.pop(name)
        self.n_plots[record.sensor] += len(record)
        if before < HEARD_ROWS <= self.n_plots[record.sensor] and len(self._first_ns) < SENSORS_MAX:
            self._first_ns[record.sensor] = now_ns
            self._review_ns = min(self._review_ns or now_ns + PATIENCE_NS, now_ns + PATIENCE_NS)

    def _track(self, record: Detections | Status, now_ns: int, but_not: Sequence[str]) -> None:
        """Hand a record to the nodes that it concerns, but for those which have just been given it."""
        for name, group in self.groups.items():
            names = {site.sensor for site in group.setup.sites}
            theirs = (
                record.sensor in names if isinstance(record, Detections) else bool(names & {*record.source.tolist()})
            )
            if theirs and name not in but_not:
                _hand(group, record, now_ns)
                self._keep(group)

    def _keep(self, group: Group) -> None:
        """Take what a node gives out."""
        for out in group.node.take():
            if self._wish.keeps_rows and isinstance(out.record, Tracks):
                if self._n_given + len(out.record) > GIVEN_ROWS_MAX:
                    self.n_rows_not_kept += len(out.record)
                else:
                    group.given.append(out.record)
                    self._n_given += len(out.record)

    def _review(self, now_ns: int) -> list[str]:
        """Look whether other nodes are needed, and make them; return the groups that have new ones."""
        if self._review_ns is None or now_ns < self._review_ns or now_ns < self._made_ns + PATIENCE_NS:
            return []
        ages_ns = [now_ns - first_ns for first_ns in self._first_ns.values()]
        coming_ns = [min(r - age for r in REVIEWS_NS if r > age) for age in ages_ns if age < REVIEWS_NS[-1]]
        self._review_ns = now_ns + min([*coming_ns, REVIEWS_NS[-1]])
        statuses = [record for _, record in self._held if isinstance(record, Status)]
        sites: dict[str, list[SensorSite]] = {}
        notes: dict[str, list[str]] = {}
        for name in sorted(self._first_ns):
            if (learned := self._learned(name, statuses)) is None:
                continue
            group, site, said = learned
            sites.setdefault(group, []).append(site)
            notes.setdefault(group, []).extend(said)
        wanted = {group: self._setup(group, found) for group, found in sites.items()}
        ratio = PERIOD_RATIO if min(ages_ns, default=0) < HELD_NS else PERIOD_RATIO_LATER
        changed = [
            name
            for name, setup in wanted.items()
            if name not in self.groups or _differ(self.groups[name].setup, setup, ratio)
        ]
        for name in set(self.groups) - set(wanted):  # a radar that has said where it stands
            gone = self.groups.pop(name)
            self._past.setdefault(name, []).extend(gone.given)
            if gone.journal:
                gone.journal.__exit__(None, None, None)
        if changed:
            self._making()
        for name in changed:
            self._make(name, wanted[name], notes[name])
        if changed:
            self._made_ns = now_ns
        return changed

    def _learned(self, name: str, statuses: Sequence[Status]) -> tuple[str, SensorSite, list[str]] | None:
        """Return the group of a sensor, what is known of it, and what was assumed; None if nothing is known."""
        held = [record for _, record in self._held if isinstance(record, Detections) and record.sensor == name]
        own = [fresh for record in held if len(fresh := _fresh(record))]
        before = [site.record() for group in self.groups.values() for site in group.setup.sites if site.sensor == name]
        described = [*self._wish.known, *([self._told[name]] if name in self._told else [])]
        if not own:  # silent for as long as anything is held
            return (name if name in self.groups else PLACED, before[0], []) if before else None
        (site,), notes = learned(own, described, statuses)
        is_carried = bool(np.isfinite(own[-1].origin_ecef_m).all())  # its plots say where it was
        is_placed = site.has_place or is_carried or not (site.type in ANYWHERE or needs_place(site.type))
        if not is_placed and site.type == "search_radar":
            site, note = relative_to_itself(site, described)
            notes.append(note)
        elif not is_placed and site.type not in ANYWHERE:
            return None
        if "scan_period_s" not in site.parameters and before and "scan_period_s" in before[0].parameters:
            period_s = before[0].parameters["scan_period_s"]
            site = dataclasses.replace(site, parameters={**site.parameters, "scan_period_s": period_s})
        return (PLACED if is_placed else name), site, notes

    def _setup(self, group: str, sites: Sequence[SensorSite]) -> Setup:
        return Setup(
            node=f"relative to {group}" if group else "local",
            sites=[Site.of(site) for site in sites],
            tracker=self._wish.tracker,
            motion=self.motion or usual_motion(sites, self._wish.tracker),
        )

    def _make(self, name: str, setup: Setup, notes: list[str]) -> None:
        """Make a group's node, anew if it has one, and run what is held."""
        node, _ = assemble(setup)
        old = self.groups.get(name)
        if old and old.journal:
            old.journal.__exit__(None, None, None)
        journal = self._journals.begin(name or "local", setup) if self._journals else None
        group = Group(setup, notes, node, journal, old.given if old else [])
        self.groups[name] = group
        mine = {site.sensor for site in setup.sites}
        for at_ns, record in self._held:
            theirs = record.sensor in mine if isinstance(record, Detections) else True
            if theirs:
                _hand(group, record, at_ns)
            if old:  # these rows were given out before
                node.take()
            else:
                self._keep(group)


def _hand(group: Group, record: Batch, now_ns: int) -> None:
    """Write a record that concerns a group into its journal, and hand it to its node, look by look."""
    parts: Sequence[Batch] = [record]
    if isinstance(record, Detections):
        parts = looks_of(record, group.node.sensors[record.sensor])
    for part in parts:
        if group.journal:
            group.journal.write(part, now_ns)
        group.node.receive(part, now_ns)


def _fresh(batch: Detections) -> Detections:
    """Return a batch without repeats: of two of everything nobody learns how often a sensor looks."""
    is_repeat = batch.quality == Quality.DUPLICATE
    return take(batch, ~is_repeat) if is_repeat.any() else batch


def _newest(tracks: Tracks, since_ns: int) -> Tracks:
    """Return the newest row of each track, but for those that are older than a time."""
    order = np.lexsort((np.arange(len(tracks)), tracks.time_ns, tracks.track_id))
    last = np.append(np.diff(tracks.track_id[order]) != 0, True)[: len(order)]
    rows = np.sort(order[last])
    return take(tracks, rows[tracks.time_ns[rows] >= since_ns])


def _differ(one: Setup, other: Setup, ratio_max: float) -> bool:
    """Return whether two setups differ by more than what plots show of a sensor, or in that by more than a ratio."""
    if len(one.sites) != len(other.sites) or one.motion != other.motion:
        return True
    for a, b in zip(one.sites, other.sites, strict=True):
        for name in SHOWN:
            if (name in a.parameters) != (name in b.parameters):
                return True
            ratio = a.parameters.get(name, 1.0) / b.parameters.get(name, 1.0)
            if not 1.0 / ratio_max < ratio < ratio_max:
                return True
        if _without_shown(a) != _without_shown(b):
            return True
    return False


def _without_shown(site: Site) -> Site:
    parameters = {name: x for name, x in site.parameters.items() if name not in SHOWN}
    return Site(site.sensor, site.type, site.nation, site.lat_rad, site.lon_rad, site.height_m, parameters)
