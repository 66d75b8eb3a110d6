"""The program in a few lines of Python: load recordings, track them, run a journal again."""

import dataclasses
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from noroshi.records import Batch, Detections, Quality, SensorSite, Status, Tracks, check, concatenate, digest, take
from noroshi.run import ahead
from noroshi.run.batches import drop_stray_times, in_time, split_repeats
from noroshi.run.drive import drive
from noroshi.run.journal import JournalWriter, read_records, read_setup
from noroshi.run.recordings import Recording, read_all
from noroshi.run.refusals import Reason, hints
from noroshi.run.setup import Setup, Site, assemble, first_of_six, make_sensors, without_live_partners
from noroshi.run.sites import beyond, complete, two_under_one_name, usual_motion, usual_noise
from noroshi.run.units import units
from noroshi.tracking import hindsight
from noroshi.tracking.registration import Registration

Progress = Callable[[int], None]

LIVE = (
    "a live node's journal: replayed are its own tracks from this start on, without its partners, whose exchange hangs "
    "on keys that are in no journal"
)
"""Note of a replay."""


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """What came of tracking.

    Attributes:
        tracks: every row given out, in order; None if no track became firm.
        setup: how it was done.
        n_plots: by sensor, how many plots there were.
        plots_used: by sensor, how many of them went into tracks that became firm.
        refused: by (sensor, reason), how many were not tracked.
        notes: what was assumed, in plain words.
        registration: the radars' biases as they were known at the end, if they were estimated.
    """

    tracks: Tracks | None
    setup: Setup
    n_plots: Counter[str]
    plots_used: dict[str, int]
    refused: Counter[tuple[str, str]]
    notes: list[str]
    registration: Registration | None = None

    @property
    def is_all_refused(self) -> bool:
        """Whether there were plots and not one of them could be used."""
        return 0 < sum(self.n_plots.values()) <= sum(self.refused.values())

    @property
    def digest(self) -> str:
        """SHA-256 of all tracks: equal digests mean equal bytes."""
        return digest(self.tracks) if self.tracks is not None else digest()


def load(*recordings: str | Path, day_ns: int | None = None, columns: Mapping[str, str] = {}) -> list[Recording]:
    """Read recordings: paths, or `sample:NAME`.

    Args:
        recordings: where they are.
        day_ns: midnight UTC of their day, if they give only the time of day.
        columns: which columns of tables are which: `{"range_nmi": "Rho_NM"}`, a name of docs/tables.md and yours.

    Raises:
        FormatError: if one cannot be read, or a column is in none of them.
    """
    return read_all([str(each) for each in recordings], day_ns=day_ns, columns=columns.items())


def track(
    detections: Sequence[Detections],
    sensors: Sequence[SensorSite] = (),
    *,
    statuses: Sequence[Status] = (),
    tracker: str = "soft",
    motion: str | None = None,
    parameters: Mapping[str, float] | None = None,
    period_s: float = 0.0,
    batch_s: float = 1.0,
    registration: bool = False,
    smooth: bool = False,
    threads: int = 1,
    journal: Path | None = None,
    progress: Progress = lambda _: None,
) -> Tracked:
    """Track detections of any number of sensors, each plot at its own time.

    Args:
        detections: batches in any order; a sensor may have several. Rows that repeat another count once.
        sensors: where and of what type the sensors are; a type that is missing is told from the components.
        statuses: service messages, which show the time of a radar's rotation.
        tracker: key of the tracker in `tracking/trackers/`.
        motion: key of the motion model, or several joined by +; if None what `run.sites.usual_motion` says.
        parameters: of the tracker and of the motion, by name; what is not given has its default.
        period_s: how often the whole picture is given out; 0 for each track whenever it changes.
        batch_s: how much of a recording the node receives at a time.
        registration: whether the radars' biases are estimated on the way and taken from their plots.
        smooth: whether the rows get their tracks' smoothed states afterwards (`tracking.hindsight`); not for pictures.
        threads: how many threads work on large batches; the result is the same.
        journal: where the journal is written, if anywhere.
        progress: told how many plots have been handled since the last call.

    Raises:
        ValueError: if a sensor or a parameter makes no sense, in one line.
    """
    sensors, statuses = tuple(sensors), tuple(statuses)
    _check_smoothing(smooth, period_s)
    fresh, repeated = split_repeats([check(batch) for batch in detections])
    repeats: Counter[str] = Counter()
    for batch in repeated:
        repeats[batch.sensor] += len(batch)
    timely, stray = drop_stray_times(fresh)
    repeated, lost = _beside(timely, repeated)
    stray.update(lost)
    sites, notes = complete(timely, sensors, statuses)
    notes += [*usual_noise(timely, sites), *_doubts(timely, sites), *map(_twice, repeats.items())]
    setup = Setup(
        sites=[Site.of(site) for site in sites],
        tracker=tracker,
        motion=motion or usual_motion(sites, tracker, timely),
        parameters=dict(parameters or {}),
        period_s=period_s,
        batch_s=batch_s,
        registration=registration,
    )
    left_out = Counter({(name, Quality.BAD_TIME.name): n for name, n in stray.items()})
    # Refused by the node, and in the journal, so that a replay counts them too.
    records = heapq.merge(
        *(in_time(part, make_sensors(setup), batch_s=batch_s) for part in (timely, repeated)), key=lambda each: each[0]
    )
    done = _run(setup, records, threads=threads, journal=journal, progress=progress, left_out=left_out, notes=notes)
    done = dataclasses.replace(done, notes=[*done.notes, *hints(timely, setup, done.refused)])
    if done.tracks is None:
        return dataclasses.replace(done, notes=[*done.notes, *beyond(timely, tracker, setup.motion)])
    return _smoothed(done) if smooth else done


def all_tracks(read: Sequence[Recording], tracked: Tracked | None) -> Tracks | None:
    """Return our own tracks, or where there are none the system tracks that the recordings hold.

    Raises:
        ValueError: if these are of several nodes, whose track numbers mean nothing to each other.
    """
    if tracked is not None and tracked.tracks is not None:
        return tracked.tracks
    system = [tracks for recording in read for tracks in recording.decoded.tracks]
    if len(system) > 1:
        nodes = ", ".join(tracks.node for tracks in system)
        raise ValueError(f"system tracks of several nodes ({nodes}) share their numbers; write one recording at a time")
    return system[0] if system else None


def replay(journal: Path, *, smooth: bool = False, threads: int = 1, progress: Progress = lambda _: None) -> Tracked:
    """Run a journal again.

    Args:
        journal: that `track` wrote.
        smooth, threads, progress: as in `track`.

    Raises:
        FormatError: if it is not a journal.
        ValueError: if it gave out pictures and is to be smoothed.
    """
    stored = read_setup(journal)
    setup = without_live_partners(stored)
    _check_smoothing(smooth, setup.period_s)
    notes = [] if setup == stored else [LIVE]
    done = _run(setup, read_records(journal), threads=threads, progress=progress, notes=notes)
    return _smoothed(done) if smooth else done


def _doubts(timely: Sequence[Detections], sites: Sequence[SensorSite]) -> list[str]:
    """Return in words what each sensor's own plots contradict, by one rule after the other."""
    own = {site.sensor: [batch for batch in timely if batch.sensor == site.sensor] for site in sites}
    rules: Sequence[tuple[type[str], str, Callable[[SensorSite], str]]] = (
        (Reason, "", lambda site: units(own[site.sensor], site.height_m).told()),
        (str, "radar ", lambda site: two_under_one_name(own[site.sensor])),
    )
    return [
        note(f"{sort}'{site.sensor}': {told}") for note, sort, rule in rules for site in sites if (told := rule(site))
    ]


def _twice(repeated: tuple[str, int]) -> str:
    name, n = repeated
    return (
        f"{n:,} plots of sensor {name!r} repeat an earlier one to the last digit (both lines of a redundant network, "
        "or one recording given twice?) and are left out"
    )


def _beside(timely: Sequence[Detections], repeated: Sequence[Detections]) -> tuple[list[Detections], Counter[str]]:
    """Return the repeats whose first was not stray in time either, and by sensor how many others there are."""
    kept, lost = [], Counter[str]()
    first_ns = min((int(batch.time_ns.min()) for batch in timely), default=0)
    last_ns = max((int(batch.time_ns.max()) for batch in timely), default=-1)
    for batch in repeated:
        inside = (batch.time_ns >= first_ns) & (batch.time_ns <= last_ns)
        kept.append(take(batch, inside))
        lost[batch.sensor] += int((~inside).sum())
    return kept, +lost


def _check_smoothing(smooth: bool, period_s: float) -> None:
    if smooth and period_s:
        raise ValueError("smoothing needs each track as it changes, not whole pictures: leave out the period")


def _smoothed(done: Tracked) -> Tracked:
    """Return what came of tracking with smoothed states, and a note that says so."""
    if done.tracks is None:
        return done
    name, motion = first_of_six(done.setup)
    tracks, n_left = hindsight.smoothed(done.tracks, motion)
    note = f"states are smoothed after the fact: each row knows its track's later plots too, moved by {name}"
    if done.setup.motion != name:
        note += f", which stands for {done.setup.motion}"
    if n_left:
        note += f"; {n_left:,} rows that late data withdrew are as they were"
    return dataclasses.replace(done, tracks=tracks, notes=[*done.notes, note])


def _run(
    setup: Setup,
    records: Iterable[tuple[int, Batch]],
    *,
    threads: int,
    progress: Progress,
    journal: Path | None = None,
    left_out: Mapping[tuple[str, str], int] = {},
    notes: Sequence[str] = (),
) -> Tracked:
    n_plots: Counter[str] = Counter()
    for (sensor, _), n in left_out.items():
        n_plots[sensor] += n

    def counted() -> Iterable[tuple[int, Batch]]:
        for now_ns, record in records:
            if isinstance(record, Detections):
                n_plots[record.sensor] += len(record)
            yield now_ns, record

    with ExitStack() as stack:
        executor = stack.enter_context(ThreadPoolExecutor(threads)) if threads > 1 else None
        node, tracker = assemble(setup, executor)
        stack.enter_context(ahead.compiling(setup))
        writer = stack.enter_context(JournalWriter(journal, setup)) if journal else None
        given = drive(node, counted(), journal=writer, progress=progress)
    refused = Counter(node.refused)
    refused.update(left_out)
    return Tracked(
        tracks=concatenate(given) if given else None,
        setup=setup,
        n_plots=n_plots,
        plots_used=tracker.plots_used(),
        refused=refused,
        notes=list(notes),
        registration=registrar.registration if (registrar := node.own.registrar) else None,
    )
