"""What is wrong with a recording, sensor by sensor, with how sure that is."""

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from noroshi.assessment import looks
from noroshi.assessment.biases import Biases, Measured, measured, thinned
from noroshi.assessment.intervals import Interval, resampled, share
from noroshi.assessment.reference import truth_from_reports
from noroshi.assessment.rotation import Rotation, rotation
from noroshi.assessment.silences import passed_s, silences
from noroshi.assessment.trends import KINDS, STEPS, Trend, stepped, trends, varying
from noroshi.assessment.units import MILES_MAX
from noroshi.estimation.angles import wrap
from noroshi.estimation.gating import chi_square_gate, mahalanobis_squared
from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.geo.wgs84 import MEAN_RADIUS_M
from noroshi.records import Detections, Quality, SensorSite, Status, Tracks, concatenate, take
from noroshi.records.identity import ABSENT
from noroshi.records.quality import USABLE
from noroshi.run import api
from noroshi.run.batches import drop_repeats, drop_stray_times, in_time
from noroshi.run.printing import printable
from noroshi.run.recordings import Recording
from noroshi.run.setup import Setup, Site, make_sensors
from noroshi.run.sites import complete, two_under_one_name
from noroshi.run.units import Units, rescaled, units
from noroshi.sensors import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.tracking.pairing import GATE_PROBABILITY, NOISE_FACTOR, REACH_SIGMAS
from noroshi.tracking.registrar import Parameters, Registrar
from noroshi.tracking.registration import (
    BIASES,
    MEASURED,
    PRIOR_SIGMA,
    SPEED_SIGMA_M_S,
    TIME,
    Floats,
    Pairs,
    columns_of,
    is_radar,
    left_over,
    without,
)
from noroshi.tracking.rewind import good

PAIRS_MIN = 20
EXPLAINED_MIN = 0.5  # of the pairs: a fit that explains less is of chance pairs, or of a radar that stands elsewhere
BY_CHANCE = 1.0 / 3.0  # of the pairs that may be chance ones, and the rest still tells
TURNED_RAD = math.pi / 2.0  # plots turned by so much meet targets by chance alone
OVERLAP_MIN = 0.5  # of the shorter of two recordings
HOUR_S, WHOLE_HOUR_S, ZONES = 3600.0, 60.0, 14
SCALE_MAX, SITE_M_MAX = 0.02, 2_000.0  # more than a radar's range or site is off by itself
BETTER = 3.0  # times the pairs: what another unit has to explain
JUMPED = 0.5  # of a silence: where its senders' way took less than that, and no more, the clock jumped
ZONE_NS = 300 * NS_PER_S
NOISE_WRONG = 1.2  # times what is assumed
MATTERS = 0.2  # of a plot's own noise: a bias that is surely more than this is worth taking out
FALSE_CELL_CHANCE, FALSE_CELL_TIMES = 0.01, 2.0
SPLIT_SHARE, CODE_SHARE = 0.01, 0.005
SAME_STAMP_APART_RAD = math.radians(5.0)
BOTH_LINES = 0.05  # how near to a half the share of repeated rows is if a network's two lines were recorded
DIGITS_MAX = 4
TOLD_SHARE = 0.5  # a noise whose interval is wider than this is a bound and no figure
RARE = 0.001  # of reports: what surely happens less often is noise of the medium and no fault
STEP_BACK_S = 1.0  # plots come sector by sector and not quite in order
ALIKE = ", or one of the two sites is wrong: two radars alone do not tell"
CONTRADICTIONS = {
    "outlier of position": "place off the track that the others make",
    "long stretch off the track (spoofed?)": "place off the track that the others make, and for more than a minute: "
    "spoofed, or two senders with one address",
    "contradicts its own velocity": "places do not move as the velocities with them say",
    "spike of altitude": "height that no climb explains",
    "held over": "the same place as before although the target moves: an old one sent on",
    "same time twice": "another place for the same time",
}
"""What `truth_from_reports` removes, and what that means to an engineer."""
UNITS = {"range_m": ("m", 1.0), "azimuth_rad": ("deg", 180.0 / math.pi), "elevation_rad": ("deg", 180.0 / math.pi),
         "time_s": ("s", 1.0)}  # fmt: skip
WORDS = {"range_m": "range", "azimuth_rad": "azimuth", "elevation_rad": "elevation", "time_s": "clock"}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that a recording shows of a sensor.

    Attributes:
        sensor: which; "" for the recording as a whole.
        subject: what it is of: "range bias", "detection probability".
        level: "fault" (something to be mended), "ok", "unknown" (the data cannot show it).
        verdict: in words, with what to do about it.
        interval: the figure with its 95 % interval; None where it is none.
        unit: of the figure.
        n: how many plots, looks or turns it rests on.
    """

    sensor: str
    subject: str
    level: str
    verdict: str
    interval: Interval | None = None
    unit: str = ""
    n: int = 0

    def plain(self) -> dict[str, Any]:
        """Return it as plain data; what is not a number is null."""
        parts = self.interval or Interval(math.nan, math.nan, math.nan)
        figures = {name: None if math.isnan(x) else x for name, x in zip(("value", "low", "high"), parts, strict=True)}
        return {
            "sensor": self.sensor, "subject": self.subject, "level": self.level, **figures, "unit": self.unit,
            "n": self.n, "verdict": self.verdict,
        }  # fmt: skip


def examine(
    recordings: Sequence[Recording], known: Sequence[SensorSite] = (), *, progress: api.Progress = lambda _: None
) -> list[Finding]:
    """Return everything the recordings show, sensor by sensor in order of name.

    Radars that nobody placed are each looked at alone: their plots cannot be compared with anybody else's.

    Args:
        recordings: read already, looked at together.
        known: where sensors are, beside what the recordings say; the first description with a place counts.
        progress: told how many plots have been tracked since the last call.
    """
    findings = [
        finding for recording in recordings for finding in _damage(recording) + _told(recording) + _silences(recording)
    ]
    sites = [*known, *(site for recording in recordings for site in recording.decoded.sites)]
    statuses = [status for recording in recordings for status in recording.decoded.statuses]
    every = [batch for recording in recordings for batch in recording.decoded.detections if len(batch)]
    fresh, repeats = drop_repeats(every)
    for name in sorted({batch.sensor for batch in every}):
        findings += _stamps([batch for batch in every if batch.sensor == name], repeats[name])
    timely, stray = drop_stray_times(fresh)
    for name, n in stray.items():
        verdict = f"{n:,} rows are stamped more than a week from most others of these recordings and are left out"
        findings.append(Finding(sensor=name, subject="stray stamps", level="fault", verdict=verdict, n=n))
    for group in _groups(timely, sites):
        findings += _Patient(group, sites, statuses, progress).findings()
    order = {name: i for i, name in enumerate(sorted({finding.sensor for finding in findings}))}
    return sorted(findings, key=lambda finding: order[finding.sensor])


def _groups(detections: Sequence[Detections], sites: Sequence[SensorSite]) -> list[list[Detections]]:
    """Return the batches of all sensors that can be compared, and then those of each that cannot."""
    placed = {site.sensor for site in sites if site.has_place}
    alone = sorted({b.sensor for b in detections if "azimuth_rad" in b.components and b.sensor not in placed})
    together = [batch for batch in detections if batch.sensor not in alone]
    groups = [[batch for batch in detections if batch.sensor == name] for name in alone]
    return [group for group in (together, *groups) if group]


def _damage(recording: Recording) -> list[Finding]:
    decoded, name = recording.decoded, recording.path.name
    if not decoded.damage:
        return [Finding(sensor="", subject="damaged records", level="ok", n=decoded.n_records,
                        verdict=f"{name}: none of {decoded.n_records:,} records is damaged")]  # fmt: skip
    n = decoded.damage.total()
    why = ", ".join(f"{count:,} {reason}" for reason, count in decoded.damage.most_common())
    verdict = f"{name}: {n:,} of {decoded.n_records:,} records are damaged and were skipped: {why}"
    return [Finding(sensor="", subject="damaged records", level="fault", verdict=verdict, n=decoded.n_records)]


def _told(recording: Recording) -> list[Finding]:
    unused, name = recording.decoded.columns_not_used, recording.path.name
    verdict = f"{name}: not used: {', '.join(unused)} (docs/tables.md has the names that are; or --column)"
    found = [Finding(sensor="", subject="columns", level="unknown", verdict=verdict, n=len(unused))] if unused else []
    for note in recording.decoded.notes:
        found.append(Finding(sensor="", subject="how it was read", level="unknown", verdict=f"{name}: {note}"))
    return found


def _silences(recording: Recording) -> list[Finding]:
    """Return when all senders of a recording fell silent together, and whether its clock jumped meanwhile."""
    decoded, found = recording.decoded, []
    generator = np.random.Generator(np.random.Philox(0))  # equal recordings get equal findings
    timely, _ = drop_stray_times([batch for batch in decoded.detections if len(batch)])
    if not timely:
        return []
    every = [batch.time_ns for batch in timely]
    low_ns, high_ns = _span(every)
    every += [each.time_ns[(each.time_ns > low_ns) & (each.time_ns < high_ns)] for each in decoded.statuses]
    for start_ns, end_ns in silences(every):
        gap_s = (end_ns - start_ns) / NS_PER_S
        passed, n = passed_s(timely, start_ns, end_ns, generator)
        verdict = (
            f"{recording.path.name}: all are silent together from {iso_from_utc_ns(start_ns)[:19]} for {gap_s:,.0f} s"
        )
        jump = Interval(gap_s - passed.value, gap_s - passed.high, gap_s - passed.low)
        level, subject = "unknown", "silence of all"
        if passed.high < JUMPED * gap_s:
            level, subject = "fault", "clock jump of all"
            verdict += (
                f", and {n:,} went on as if {max(passed.value, 0.0):,.0f} s had passed: the clock that stamped all "
            )
            verdict += (
                f"of it jumped forwards by {_figure(jump, 's')}; take that from the stamps after it, or read both "
            )
            verdict += "parts alone"
        elif passed.low > JUMPED * gap_s:
            level = "ok"
            verdict += f", in which {n:,} went on as that time lets them: the recording paused"
        else:
            verdict += ": whether the recording paused or its clock jumped nothing here tells"
        interval = jump if level == "fault" else Interval(gap_s, math.nan, math.nan)
        found.append(
            Finding(sensor="", subject=subject, level=level, verdict=verdict, interval=interval, unit="s", n=n)
        )
    return found


def _stamps(batches: Sequence[Detections], twice: int) -> list[Finding]:
    """Return what a sensor's times in the order of the recording show of its clock; `twice` rows are repeats."""
    name = batches[0].sensor
    time_ns = np.concatenate([batch.time_ns for batch in batches])
    found = []
    steps_s = np.concatenate([np.diff(batch.time_ns) for batch in batches]) / NS_PER_S
    back = steps_s[steps_s < 0.0]
    if len(back):
        level = "fault" if -back.min() > STEP_BACK_S else "ok"
        verdict = f"stamps run backwards {len(back):,} times, by {-back.min():.3f} s at most"
        verdict += "" if level == "fault" else ", as where plots come sector by sector"
        found.append(Finding(sensor=name, subject="order of stamps", level=level, verdict=verdict, n=len(time_ns)))
    else:
        verdict = "stamps never run backwards"
        found.append(Finding(sensor=name, subject="order of stamps", level="ok", verdict=verdict, n=len(time_ns)))
    verdict = f"{twice:,} of {len(time_ns):,} rows repeat another one to the last digit"
    if twice:
        both = "azimuth_rad" in batches[0].components and abs(twice / len(time_ns) - 0.5) < BOTH_LINES
        lines = ": the recording seems to hold both lines of a redundant network" if both else ""
        verdict += f"{lines}; they are left out here, and by `noroshi track`"
    level = "fault" if twice else "ok"
    found.append(Finding(sensor=name, subject="repeated rows", level=level, verdict=verdict, n=len(time_ns)))
    if "azimuth_rad" in batches[0].components:
        found += _shared_stamps(name, batches)
    if told := two_under_one_name(batches):
        level = "unknown" if "two faces" in told else "fault"
        found.append(Finding(sensor=name, subject="two antennas", level=level, verdict=told, n=len(time_ns)))
    received_ns = max(batch.received_ns for batch in batches)
    late_s = (received_ns - int(time_ns.max())) / NS_PER_S
    if late_s:
        side = "before" if late_s > 0.0 else "after"
        verdict = f"its newest plot is stamped {abs(late_s):.3f} s {side} the recording received its last one"
        level = "fault" if late_s < 0.0 else "ok"
        if late_s < 0.0:
            hours = round(-late_s / HOUR_S)
            whole = hours > 0 and abs(-late_s - hours * HOUR_S) < WHOLE_HOUR_S
            verdict += ": from the future, one of the two clocks is wrong"
            verdict += f" (by {_hours(hours)}: a time zone?)" if whole else ""
        interval = Interval(late_s, math.nan, math.nan)
        found.append(
            Finding(sensor=name, subject="age at reception", level=level, verdict=verdict, interval=interval, unit="s")
        )
    return found


def _shared_stamps(name: str, batches: Sequence[Detections]) -> list[Finding]:
    """Return whether plots of quite different azimuths share a stamp: then it is not that of the beam."""
    time_ns = np.concatenate([batch.time_ns for batch in batches])
    azimuth = np.concatenate([batch.values[:, batch.components.index("azimuth_rad")] for batch in batches])
    order = np.lexsort((azimuth, time_ns))
    same = np.diff(time_ns[order]) == 0
    apart = np.abs(np.angle(np.exp(1j * np.diff(azimuth[order])))) > SAME_STAMP_APART_RAD
    n = int((same & apart).sum())
    part = n / max(len(time_ns), 1)
    if part <= 0.01:
        return []
    verdict = (
        f"{100 * part:.1f} % of plots share their stamp with one more than 5 degrees away: they are stamped by "
        "sector, not when the beam met them"
    )
    return [Finding(sensor=name, subject="shared stamps", level="fault", verdict=verdict, n=len(time_ns))]


class _Patient:
    """A group of sensors that are looked at together."""

    def __init__(
        self,
        detections: Sequence[Detections],
        known: Sequence[SensorSite],
        statuses: Sequence[Status],
        progress: api.Progress,
    ) -> None:
        self.sites, self.notes = complete(detections, known, statuses)
        self.sensors = make_sensors(Setup(sites=[Site.of(site) for site in self.sites]))
        self.refused: dict[str, Counter[str]] = {}
        self.ready: dict[str, Detections] = {}
        for name, sensor in self.sensors.items():
            own = concatenate([arrange(batch, sensor) for batch in detections if batch.sensor == name])
            self.ready[name] = good(own)
            self.refused[name] = Counter(Quality(code).name for code in own.quality.tolist() if code not in USABLE)
        heights_m = {site.sensor: site.height_m for site in self.sites}
        self.units = {name: units([own], heights_m[name]) for name, own in self.ready.items()}
        self.ready = {name: rescaled(own, self.units[name].factors) for name, own in self.ready.items()}
        self.radars = tuple(name for name, sensor in self.sensors.items() if is_radar(sensor))
        # The draws of a bootstrap decide no verdict that is not on the edge; equal recordings get equal ones.
        self.generator = np.random.Generator(np.random.Philox(0))
        self.turning = {name: self._rotation(name) for name in self.radars}
        self.pairs = thinned(self._pairs(self.ready))
        self.chance = self._by_chance()
        self.implausible: dict[str, str] = {}
        self._fit()
        self._try_units()
        if self.implausible:  # what they tell of others is as wrong
            out = [i for i, name in enumerate(self.radars) if name in self.implausible]
            self.pairs = take(self.pairs, ~(np.isin(self.pairs.own, out) | np.isin(self.pairs.other, out)))
            self._fit()
        bias, _ = self.measured.registration.believed
        self.right = dict(self.ready)
        for name, its in zip(self.radars, bias, strict=True):
            self.right[name] = without(self._straight(name), self.sensors[name], its)
        # A radar that fits nobody would spoil the others' tracks, and they its own.
        noisy = [name for name in self.radars if self._scatter(name) > NOISE_FACTOR]
        alone = [name for name in self.radars if name in self.implausible or name in noisy]
        self.tracks: dict[str, Tracks] = {}
        self.doubtful = {name: [name] for name in noisy}
        together = [name for name in self.sensors if name not in alone]
        spoilers = [name for name in together if name in self.radars and self._scatter(name) > NOISE_WRONG]
        self.doubtful |= dict.fromkeys(together if spoilers else [], spoilers)
        for names in (together, *([name] for name in alone)):
            filled = [self.right[name] for name in names if len(self.right[name])]
            if filled and set(names) & set(self.radars):
                found = api.track(filled, self.sites, statuses=statuses, progress=progress).tracks
                self.tracks |= {name: found for name in names if found is not None}

    def _scatter(self, name: str) -> float:
        """Return by how much a radar's noise surely exceeds what is assumed; 0 where that is not known."""
        (biases,) = (each for each in self.measured.radars if each.sensor == name)
        each = zip(biases.noise, _usual_noise(self.sensors[name]), strict=True)
        return max((interval.low / stated for interval, stated in each if interval.low > 0.0), default=0.0)

    def findings(self) -> list[Finding]:
        """Return everything there is to say of the group."""
        found = [Finding(sensor="", subject="assumed", level="unknown", verdict=note) for note in self.notes]
        for name, sensor in self.sensors.items():
            refused = self.refused[name].total()
            n = len(self.ready[name]) + refused
            if refused:
                why = ", ".join(f"{k:,} {reason.lower().replace('_', ' ')}" for reason, k in self.refused[name].items())
                verdict = f"{refused:,} of {n:,} rows cannot be used: {why}"
                found.append(Finding(sensor=name, subject="unusable rows", level="fault", verdict=verdict, n=n))
            if told := self.units[name].told():
                told += (
                    "; what follows is told of them as if they were" if self.units[name].factors != (1.0, 1.0) else ""
                )
                found.append(Finding(sensor=name, subject="units", level="fault", verdict=told, n=n))
            found += self._radar(name, sensor) if name in self.radars else self._reports(name)
        return found

    def _rotation(self, name: str) -> Rotation | None:
        plots, sensor = self.ready[name], self.sensors[name]
        turned = sensor.COMPONENTS.index("azimuth_rad")
        return rotation(plots.time_ns, plots.values[:, turned], sensor.parameters["scan_period_s"])

    def _fit(self) -> None:
        """Find what is wrong with the plots' places and times, and whose pairs are no pairs."""
        steps = [[jump.time_ns for jump in t.jumps] if (t := self.turning[name]) else [] for name in self.radars]
        least = np.array([self._least(self.sensors[name], self.ready[name]) for name in self.radars])
        self.found = trends(
            self.pairs, self._polar(), self._part(self.pairs.time_ns), self.radars, least, steps, self.generator
        )
        self.measured = measured(self.found.straight, self.radars, self.generator)
        if self.found.constants:  # surer than these no constant is told beside what is none
            radars = []
            for i, each in enumerate(self.measured.radars):
                joint = self.found.constants[len(BIASES) * i : len(BIASES) * (i + 1)]
                bias = [old if math.isnan(old.low) else new for old, new in zip(each.bias, joint, strict=True)]
                radars.append(dataclasses.replace(each, bias=bias))
            self.measured = dataclasses.replace(self.measured, radars=radars)
        self._doubt()

    def _try_units(self) -> None:
        """Take heights for feet, or ranges for nautical miles, where that explains far more pairs than anything else.

        Tried only where pairs mean nothing or a site or scale is found wrong by more than any is.
        """
        absurd = [t for t in self.found.trends
                  if (t.kind == "range scale" and abs(t.size.value) > SCALE_MAX)
                  or (t.kind == "site" and t.size.value > SITE_M_MAX)]  # fmt: skip
        if not (self.implausible or absurd) or any(self.units[name].told() for name in self.radars):
            return
        best, n_best = Units(), BETTER * max(len(self._usual(self.pairs)), PAIRS_MIN)
        farthest_m = max(
            (float(np.nanmax(self.ready[name].values[:, columns_of(self.sensors[name])[0]], initial=0.0))
             for name in self.radars), default=0.0,
        )  # fmt: skip
        tried = [Units(height="feet")]
        if farthest_m < MILES_MAX:
            tried += [Units(range="nautical miles"), Units(range="nautical miles", height="feet")]
        for other in tried:
            plots = self.ready | {name: rescaled(self.ready[name], other.factors) for name in self.radars}
            n = len(self._usual(thinned(self._pairs(plots))))
            if n > n_best:
                best, n_best = other, n
        if best == Units():
            return
        self.units |= dict.fromkeys(self.radars, best)
        self.ready |= {name: rescaled(self.ready[name], best.factors) for name in self.radars}
        self.pairs, self.implausible = thinned(self._pairs(self.ready)), {}
        self.chance = self._by_chance()
        self._fit()

    def _least(self, sensor: Sensor, plots: Detections) -> list[float]:
        """Return (6) how much of what is not constant (`varying`) is little against a plot's noise."""
        range_m, azimuth_rad = (MATTERS * sensor.parameters[f"{name}_sigma_{unit}"]
                                for name, unit in (("range", "m"), ("azimuth", "rad")))  # fmt: skip
        far_m = float(np.quantile(plots.values[:, columns_of(sensor)[0]], 0.9)) if len(plots) else math.inf
        speed_m_s = sensor.parameters.get("speed_sigma_m_s", SPEED_SIGMA_M_S)
        # A drift is half its size away from its mean at either end.
        return [range_m / far_m, 2.0 * range_m, 2.0 * azimuth_rad, 2.0 * range_m / speed_m_s, range_m, range_m]

    def _part(self, time_ns: NDArray[np.int64]) -> Floats:
        """Return (n,) when, from -0.5 to 0.5 of the time in which there are pairs."""
        first, last = (int(edge(self.pairs.time_ns)) if len(self.pairs) else 0 for edge in (np.min, np.max))
        return np.asarray((time_ns - first) / max(last - first, 1) - 0.5, np.float64)

    def _polar(self) -> list[Floats]:
        """Return of each radar (n, 3) where it has the pairs' plots; NaN for a plot that shares its stamp."""
        states = np.full((len(self.pairs), 6), np.nan)
        for i, name in enumerate(self.radars):
            plots, rows = self.ready[name], np.flatnonzero(self.pairs.own == i)
            order = np.argsort(plots.time_ns, kind="stable")
            low, high = (
                np.searchsorted(plots.time_ns[order], self.pairs.time_ns[rows], side) for side in ("left", "right")
            )
            plot, rows = order[low[high - low == 1]], rows[high - low == 1]
            states[rows] = self.sensors[name].locate(
                plots.values[plot], plots.covariances[plot], plots.origin_ecef_m[plot]
            )[0]
        return [self._seen(name, states) for name in self.radars]

    def _seen(self, name: str, states: Floats) -> Floats:
        """Return (n, 3) range, azimuth and elevation of (n, 6) states from where a radar stands."""
        if not len(self.ready[name]):
            return np.full((len(states), 3), np.nan)
        origin = np.broadcast_to(np.median(self.ready[name].origin_ecef_m, axis=0), (len(states), 3))
        sensor = self.sensors[name]
        return (
            sensor.measure(np.where(np.isnan(states), 0.0, states), origin)[:, columns_of(sensor)] + 0.0 * states[:, :3]
        )

    def _straight(self, name: str) -> Detections:
        """Return a radar's plots without what of their errors is no constant."""
        plots, sensor = self.ready[name], self.sensors[name]
        mine = [trend for trend in self.found.trends if trend.sensor == name]
        if not mine or not len(plots):
            return plots
        polar = self._seen(name, sensor.locate(plots.values, plots.covariances, plots.origin_ecef_m)[0])
        off, turning = np.zeros((len(plots), len(BIASES))), self.turning[name]
        for trend in mine:
            steps = [jump.time_ns for jump in turning.jumps] if turning else []
            columns = stepped(plots.time_ns, steps) if trend.kind == STEPS else (
                varying(polar, self._part(plots.time_ns))[:, :, KINDS[trend.kind]])  # fmt: skip
            off += columns @ np.array([interval.value for interval in trend.values])
        values, measured_in = plots.values.copy(), columns_of(sensor)
        values[:, measured_in] -= off[:, :TIME]
        values[:, measured_in[1]] = wrap(values[:, measured_in[1]])
        return plots.replace(values=values, time_ns=plots.time_ns - np.round(off[:, TIME] * NS_PER_S).astype(np.int64))

    def _doubt(self) -> None:
        """Find the radars whose pairs are chance or do not fit together: of their biases nothing is known."""
        straight, registration = self.found.straight, self.measured.registration
        explained = _possible(left_over(registration, straight), NOISE_FACTOR**2 * straight.variance)
        chance = self.chance
        for i, name in enumerate(self.radars):
            rows = (self.pairs.own == i) | (self.pairs.other == i)
            n, m = int((rows & explained).sum()), int(((chance.own == i) | (chance.other == i)).sum())
            together = n >= EXPLAINED_MIN * int(rows.sum())
            plausible = n >= PAIRS_MIN and together and share(m, n + m).high < BY_CHANCE
            if name not in self.implausible and self._others(name) and len(self.ready[name]) and not plausible:
                self.implausible[name] = self._where_near(name, n)

    def _where_near(self, name: str, n: int) -> str:
        """Say how many plots lie near a target, and where the recordings' times say why so few do."""
        of = len(self.ready[name])
        whose = self._references().replace("common targets", "other radars")
        words = f"only {100.0 * n / max(of, 1):.2g} % of {of:,} plots lie near any target of {whose}"
        mine, theirs = (_span(self.ready[other].time_ns for other in names) for names in ([name], self._others(name)))
        shorter_ns = min(mine[1] - mine[0], theirs[1] - theirs[0])
        if min(mine[1], theirs[1]) - max(mine[0], theirs[0]) < OVERLAP_MIN * shorter_ns:
            (a, b), (c, d) = ((iso_from_utc_ns(ns)[:19] for ns in span) for span in (mine, theirs))
            words += f"; they hardly overlap in time: plots are of {a} to {b}, {whose} of {c} to {d}"
        return words + self._zone(name, mine, theirs)

    def _others(self, name: str) -> list[str]:
        """Return whom a radar is compared with."""
        reporters = [other for other in self.sensors if other not in self.radars]
        found = reporters or [other for other in self.radars if other != name]
        return [other for other in found if len(self.ready[other])]

    def _zone(self, name: str, mine: tuple[int, int], theirs: tuple[int, int]) -> str:
        """Say whether plots fit if their stamps are off by whole hours, from some minutes of them."""
        i, found = self.radars.index(name), []
        for hours in [k for k in range(-ZONES, ZONES + 1) if k]:
            by_ns = round(hours * HOUR_S) * NS_PER_S
            low, high = max(mine[0] - by_ns, theirs[0]), min(mine[1] - by_ns, theirs[1])
            middle, half = (low + high) // 2, ZONE_NS // 2
            part = {}
            for other in [name, *self._others(name)] if high > low else []:
                batch, slack = self.ready[other], 0 if other == name else ZONE_NS // 4
                moved = batch.replace(time_ns=batch.time_ns - by_ns) if other == name else batch
                part[other] = take(moved, np.abs(moved.time_ns - middle) <= half + slack)
            if part and all(len(batch) for batch in part.values()):
                pairs = self._usual(self._pairs(part))
                n = int(((pairs.own == i) | (pairs.other == i)).sum())
                found.append((n, n / len(part[name]), hours))
        n, part_near, hours = max(found, default=(0, 0.0, 0))
        if n < PAIRS_MIN or (sorted(found)[-2:][0][0] > BY_CHANCE * n and len(found) > 1):
            return ": check its site, its north and its clock"
        late = "late" if hours > 0 else "early"
        return f"; with stamps {_hours(abs(hours))} too {late} {100.0 * min(part_near, 1.0):.0f} % would: a time zone?"

    def _usual(self, pairs: Pairs) -> Pairs:
        """Return the pairs that noise and biases as they are usual explain."""
        usual = np.diag(PRIOR_SIGMA**2)
        variance = NOISE_FACTOR**2 * pairs.variance + pairs.own_rows @ usual @ pairs.own_rows.swapaxes(1, 2)
        return take(pairs, _possible(pairs.residual, variance))

    def _by_chance(self) -> Pairs:
        """Return the pairs that are made of plots turned away from where they were."""
        turned = dict(self.ready)
        for name in self.radars:
            values = self.ready[name].values.copy()
            column = self.sensors[name].COMPONENTS.index("azimuth_rad")
            values[:, column] = wrap(values[:, column] + TURNED_RAD)
            turned[name] = self.ready[name].replace(values=values)
        return self._usual(thinned(self._pairs(turned)))

    def _pairs(self, detections: Mapping[str, Detections]) -> Pairs:
        """Return the pairs that registration makes of plots."""
        registrar = Registrar(self.sensors, Parameters(correlation_s=0.0, drift=np.zeros(len(BIASES))))
        batches = [batch for batch in detections.values() if len(batch)]
        gathered = [Pairs.nothing()]
        for now_ns, batch in in_time(batches, self.sensors, batch_s=1.0):
            before = registrar.new_pairs
            registrar.receive(batch, self.sensors[batch.sensor], now_ns)
            if registrar.new_pairs is not before:
                gathered.append(registrar.new_pairs)
        registrar.finish()
        return concatenate([*gathered, registrar.new_pairs])

    def _radar(self, name: str, sensor: Sensor) -> list[Finding]:
        biases = next(each for each in self.measured.radars if each.sensor == name)
        mine = [trend for trend in self.found.trends if trend.sensor == name and trend.kind != STEPS]
        if name in self.implausible:
            verdict = f"biases and noise unknown: {self.implausible[name]}"
            verdict += "; what follows is of its plots alone"
            found = [Finding(sensor=name, subject="biases", level="unknown", verdict=verdict, n=biases.n)]
        else:
            found = [_trend_finding(trend, self.sites, self._span_s(), biases.n, self._alike()) for trend in mine]
            moving = {trend.kind.replace("drift", "bias") for trend in mine}
            drifting = {trend.sensor for trend in self.found.trends if trend.kind == "clock drift"}
            moving |= {f"clock against {self.radars[0]}"} if drifting & {name, self.radars[0]} else set()
            constant = _bias_findings(biases, sensor, self.measured, self._references(), self._alike())
            found += [finding for finding in constant if finding.subject not in moving]
        plots = self.right[name]
        along, turned = (sensor.COMPONENTS.index(component) for component in MEASURED[:2])
        turning = self.turning[name]
        if turning is None:
            verdict = "too few turns of the antenna for its period, its detection probability and its false plots"
            return [*found, Finding(sensor=name, subject="rotation", level="unknown", verdict=verdict, n=len(plots))]
        found += _rotation_findings(name, turning)
        if parts := self._clock_by_parts(name, turning):
            found = [*(finding for finding in found if finding.subject != "clock bias"), *parts]
        noise = np.sqrt(np.diagonal(plots.covariances, axis1=1, axis2=2)[:, [along, turned]])
        sigmas = np.median(noise, axis=0)
        shown = np.array([biases.noise[i].value for i in range(2)])
        sigmas = np.where(np.isnan(shown), sigmas, np.maximum(shown, sigmas))
        owned = looks.owners(plots, sensor, self.tracks.get(name), turning.turn, sigmas)
        for finding in _look_findings(name, plots, sensor, owned, turning):
            if finding.level == "fault" and (whose := self.doubtful.get(name)):
                rest = " and ".join(whose)
                why = f"; not called a fault: these tracks rest on {rest}, whose noise is not as assumed"
                finding = dataclasses.replace(finding, level="unknown", verdict=finding.verdict + why)
            found.append(finding)
        return found

    def _clock_by_parts(self, name: str, turning: Rotation) -> list[Finding]:
        """Return the clock's bias between jumps, where position reports tell it; one for the whole is true nowhere."""
        biases = next(each for each in self.measured.radars if each.sensor == name)
        if not turning.jumps or math.isnan(biases.bias[TIME].low):
            return []
        pairs, i = self.found.stepping, self.radars.index(name)
        stamps_ns = pairs.time_ns
        edges_ns = [int(stamps_ns.min()), *(jump.time_ns for jump in turning.jumps), int(stamps_ns.max()) + 1]
        found = []
        for start_ns, end_ns in itertools.pairwise(edges_ns):
            part = take(pairs, (stamps_ns >= start_ns) & (stamps_ns < end_ns) & (pairs.own == i))
            interval = measured(part, self.radars, self.generator).radars[i].bias[TIME]
            if math.isnan(interval.low):
                continue
            begin, end = (iso_from_utc_ns(edge_ns)[:19] for edge_ns in (start_ns, end_ns))
            verdict = f"between {begin} and {end} {_too('time_s', interval.value)}"
            verdict += f" ({_figure(interval, 's')})"
            level = "fault" if interval.low * interval.high > 0.0 else "ok"
            found.append(
                Finding(sensor=name, subject="clock between jumps", level=level, verdict=verdict, interval=interval,
                        unit="s", n=len(part))
            )  # fmt: skip
        return found

    def _alike(self) -> bool:
        """Return whether a site, and scales and norths of both radars, explain what is found equally well."""
        kinds = {trend.kind for trend in self.found.trends}
        return len(self.radars) == len(self.sensors) == 2 and bool(kinds & {"site", "range scale"})

    def _span_s(self) -> float:
        return float(np.ptp(self.pairs.time_ns)) / NS_PER_S if len(self.pairs) else 0.0

    def _references(self) -> str:
        if any(name not in self.radars for name in self.sensors):
            return "position reports"
        return "common targets" if len(self.radars) > 1 else ""

    def _reports(self, name: str) -> list[Finding]:
        batch = self.ready[name]
        found = _report_findings(name, batch)
        who = np.where(batch.identity.icao_address != ABSENT, batch.identity.icao_address, batch.identity.mmsi)
        order = np.lexsort((batch.time_ns, who))
        step_s = np.diff(batch.time_ns[order]) / NS_PER_S
        same = (np.diff(who[order]) == 0) & (who[order][1:] != ABSENT) & (step_s > 0.0)
        senders, number = np.unique(who[order][1:][same], return_inverse=True)
        if len(senders) < 2:
            return found
        parts = [step_s[same][number == i] for i in range(len(senders))]

        def typical(count: NDArray[np.int64]) -> NDArray[np.float64]:
            drawn = np.concatenate([parts[i] for i in np.repeat(np.arange(len(parts)), count)])
            return np.array([np.median(drawn)])

        (interval,) = resampled(len(parts), typical, self.generator, 200)
        verdict = f"{len(senders):,} senders, each heard every {_figure(interval, 's')} (median)"
        return [
            *found,
            Finding(sensor=name, subject="report interval", level="ok", verdict=verdict, interval=interval, unit="s",
                    n=int(same.sum()))
        ]  # fmt: skip


def _possible(rest: Floats, variance: Floats) -> NDArray[np.bool_]:
    """Return whether (n, 3) residuals are of (n, 3, 3) variances; what is not measured excludes nothing."""
    missing = np.isnan(rest)
    variance = np.where(missing[:, :, None] | missing[:, None, :], np.eye(3), variance)
    squared = mahalanobis_squared(np.where(missing, 0.0, rest), variance)
    return np.asarray(squared <= chi_square_gate(GATE_PROBABILITY, (~missing).sum(axis=1)), np.bool_)


def _span(times_ns: Iterable[NDArray[np.int64]]) -> tuple[int, int]:
    every = np.concatenate([*times_ns])
    return int(every.min()), int(every.max())


def _hours(n: int) -> str:
    return "1 hour" if n == 1 else f"{n} hours"


def _trend_finding(trend: Trend, sites: Sequence[SensorSite], span_s: float, n: int, alike: bool) -> Finding:
    """Return what is not constant in words, with its remedy where it is surely this radar's."""
    size, minutes = trend.size, span_s / 60.0
    if trend.kind == "site":
        east, north = (interval.value for interval in trend.values)
        shown, unit, subject = size, "m", "site"
        bearing = math.degrees(math.atan2(-east, -north)) % 360.0
        verdict = f"its site is said to be {size.value:.0f} m from where its plots put it"
        (site,) = (site for site in sites if site.sensor == trend.sensor)
        lat = math.degrees(site.lat_rad) - math.degrees(north / MEAN_RADIUS_M)
        lon = math.degrees(site.lon_rad) - math.degrees(east / MEAN_RADIUS_M / math.cos(site.lat_rad))
        remedy = f"move it by {size.value:.0f} m towards {bearing:.0f} degrees, to {lat:.5f}, {lon:.5f}"
    elif trend.kind == "range scale":
        shown, unit, subject = Interval(*(100.0 * x for x in size)), "%", trend.kind
        verdict = f"range is too {'large' if size.value > 0 else 'small'} by {abs(shown.value):.3f} % of itself"
        remedy = f"divide it by {1.0 + size.value:.6f}; no constant mends it"
    else:
        component = next(key for key, word in WORDS.items() if trend.kind.startswith(word))
        unit, factor = UNITS[component]
        shown, subject = Interval(*(factor * x for x in size)), trend.kind
        verdict = f"the error of its {WORDS[component]} grows by {_signed(shown.value, unit)} in {minutes:.1f} minutes"
        verdict += ", which no constant takes out"
        remedy = "mend its source"
    if alike and "drift" not in trend.kind:
        verdict += ALIKE
    elif trend.or_else:
        verdict += f", or that of {' or '.join(trend.or_else)} is as wrong the other way: nothing here tells"
    else:
        verdict += f": {remedy}"
    figure = Interval(*(x / 100.0 for x in shown)) if unit == "%" else shown
    verdict += f" ({_figure(figure, unit)}, {n:,} plots)"
    return Finding(sensor=trend.sensor, subject=subject, level="fault", verdict=verdict, interval=shown, unit=unit, n=n)


def _report_findings(name: str, reports: Detections) -> list[Finding]:
    """Return which reports contradict the rest of what their senders say."""
    if not {"lat_rad", "lon_rad"} <= set(reports.components) or not len(reports):
        return []
    _, removed = truth_from_reports([reports])
    found = []
    for reason, words in CONTRADICTIONS.items():
        if n := removed[reason]:
            often = share(n, len(reports))
            verdict = f"{n:,} of {len(reports):,} reports: {words}"
            level = "fault" if often.low > RARE else "ok"
            found.append(
                Finding(sensor=name, subject="contradictions", level=level, verdict=verdict, interval=often,
                        n=len(reports))
            )  # fmt: skip
    if not found:
        verdict = f"no report of {len(reports):,} contradicts its sender's others by place, speed or height"
        found.append(Finding(sensor=name, subject="contradictions", level="ok", verdict=verdict, n=len(reports)))
    return found


def _usual_noise(sensor: Sensor) -> list[float]:
    names = ("range_sigma_m", "azimuth_sigma_rad", "elevation_sigma_rad")
    return [sensor.parameters.get(name, math.nan) for name in names]


def _bias_findings(biases: Biases, sensor: Sensor, all_: Measured, references: str, alike: bool) -> list[Finding]:
    name, found = biases.sensor, []
    if biases.n < PAIRS_MIN:
        why = f"only {biases.n} plots could be paired with {references}" if references else (
            "nothing to compare with: no position reports, and no other radar that is placed")  # fmt: skip
        verdict = f"biases and noise unknown: {why}"
        return [Finding(sensor=name, subject="biases", level="unknown", verdict=verdict, n=biases.n)]
    if all(math.isnan(interval.low) for interval in [*biases.bias, *biases.noise]):
        verdict = f"biases and noise unknown: {biases.n} pairs with {references} of too few targets to tell them apart"
        return [Finding(sensor=name, subject="biases", level="unknown", verdict=verdict, n=biases.n)]
    usual = _usual_noise(sensor)
    matter = [
        *(MATTERS * x for x in usual),
        MATTERS * usual[0] / sensor.parameters.get("speed_sigma_m_s", SPEED_SIGMA_M_S),
    ]
    for bias, interval, least in zip(BIASES, biases.bias, matter, strict=True):
        unit, factor = UNITS[bias]
        subject = f"{WORDS[bias]} bias"
        if math.isnan(interval.low):
            if bias == "time_s":
                found.append(_clock_against(name, all_))
            continue
        shown = Interval(*(factor * x for x in interval))
        wrong = interval.low * interval.high > 0.0 and min(abs(interval.low), abs(interval.high)) > least
        far = interval.low * interval.high > 0.0
        if wrong and abs(interval.value) > REACH_SIGMAS * PRIOR_SIGMA[BIASES.index(bias)]:
            verdict = f"{_too(bias, shown.value)}, more than a radar is off by itself: look for its cause first"
        elif wrong:
            verdict = f"{_too(bias, shown.value)}{ALIKE if alike else f': {_remedy(bias, shown.value)}'}"
        elif far:
            verdict = f"{_too(bias, shown.value)}, which is little against its noise"
        else:
            verdict = f"no bias of {WORDS[bias]} shows"
        verdict += f" ({_figure(shown, unit)}, {biases.n:,} plots against {references})"
        level = "fault" if wrong else "ok"
        found.append(
            Finding(sensor=name, subject=subject, level=level, verdict=verdict, interval=shown, unit=unit, n=biases.n)
        )
    for component, interval, stated in zip(MEASURED, biases.noise, usual, strict=True):
        if math.isnan(interval.low):
            continue
        unit, factor = UNITS[component]
        shown = Interval(*(factor * x for x in interval))
        verdict = f"noise of {WORDS[component]} is {_figure(shown, unit)}"
        if interval.low < TOLD_SHARE * interval.high:
            verdict = (
                f"noise of {WORDS[component]} is at most {shown.high:.3g} {unit}; how much of it is the reference's own"
            )
            verdict += " these data do not tell"
        wrong = interval.low > NOISE_WRONG * stated or interval.high < stated / NOISE_WRONG
        if wrong:
            sigma = component.replace("_m", "_sigma_m").replace("_rad", "_sigma_rad")
            verdict += f", {interval.value / stated:.2f} times the {stated * factor:.3g} {unit} assumed"
            remedy = f"set {sigma} = {interval.value:.4g}"
            if interval.value > NOISE_FACTOR * stated:
                remedy = "more than is usual of noise alone: look for another cause first"
            verdict += f": {remedy}"
        found.append(
            Finding(sensor=name, subject=f"{WORDS[component]} noise", level="fault" if wrong else "ok", verdict=verdict,
                    interval=shown, unit=unit, n=biases.n)
        )  # fmt: skip
    return found


def _clock_against(name: str, all_: Measured) -> Finding:
    first = all_.radars[0].sensor
    interval = all_.clocks.get(name)
    if interval is None or math.isnan(interval.low):
        verdict = "clock bias unknown: radars alone show only the difference of their clocks"
        return Finding(sensor=name, subject="clock bias", level="unknown", verdict=verdict)
    wrong = interval.low * interval.high > 0.0
    words = f"{abs(interval.value):.3f} s {'ahead of' if interval.value > 0 else 'behind'} that of {first}"
    verdict = f"its clock is {words} ({_figure(interval, 's')}); which of the two is right nothing here tells"
    return Finding(
        sensor=name, subject=f"clock against {first}", level="fault" if wrong else "ok", verdict=verdict,
        interval=interval, unit="s",
    )  # fmt: skip


def _too(bias: str, value: float) -> str:
    unit, _ = UNITS[bias]
    if bias == "time_s":
        return f"stamps are {abs(value):.3f} s too {'late' if value > 0 else 'early'}"
    return f"{WORDS[bias]} is {_short(abs(value), unit)} too {'large' if value > 0 else 'small'}"


def _remedy(bias: str, value: float) -> str:
    unit, _ = UNITS[bias]
    what = "stamps" if bias == "time_s" else WORDS[bias]
    return f"{'subtract' if value > 0 else 'add'} {_short(abs(value), unit)} {'from' if value > 0 else 'to'} its {what}"


def _rotation_findings(name: str, turning: Rotation) -> list[Finding]:
    period, jitter = turning.period_s, turning.jitter_s
    percent = 100.0 * jitter / period.value
    verdict = f"a turn takes {period.value:.4f} s ({period.low:.4f} to {period.high:.4f})"
    verdict += f", give or take {jitter:.4f} s ({percent:.2f} %)"
    level = "fault" if percent > 2.0 else "ok"
    found = [
        Finding(
            sensor=name, subject="rotation", level=level, verdict=verdict, interval=period, unit="s", n=turning.n_turns
        )
    ]
    for jump in turning.jumps:
        way = "forwards" if jump.size_s.value > 0 else "back"
        size = _figure(_without_sign(jump.size_s), "s")
        verdict = (
            f"at {iso_from_utc_ns(jump.time_ns)[:21]} the stamps jump {way} by {size} "
            "against the antenna (or by that and whole turns, or the antenna slipped)"
        )
        found.append(
            Finding(sensor=name, subject="clock jump", level="fault", verdict=verdict, interval=jump.size_s, unit="s",
                    n=turning.n_turns)
        )  # fmt: skip
    return found


def _look_findings(
    name: str, plots: Detections, sensor: Sensor, owned: looks.Ownership, turning: Rotation
) -> list[Finding]:
    found = []
    seen, n = looks.detection(owned, turning.turn)
    if n:
        stated = sensor.parameters["detection_probability"]
        low = seen.high < stated
        verdict = f"a look sees its target with probability {_figure(seen, '')}, {n:,} looks"
        verdict += f": less than the {stated:g} assumed" if low else ""
        found.append(
            Finding(sensor=name, subject="detection probability", level="fault" if low else "ok", verdict=verdict,
                    interval=seen, n=n)
        )  # fmt: skip
    else:
        verdict = "detection probability unknown: no track of it is longer than two plots"
        found.append(Finding(sensor=name, subject="detection probability", level="unknown", verdict=verdict))
    rate = looks.false_plots(owned, turning.turn)
    if not math.isnan(rate.value):
        verdict = f"{_figure(rate, '')} plots a turn are of no track"
        found.append(
            Finding(sensor=name, subject="false plots", level="ok", verdict=verdict, interval=rate, unit="a turn",
                    n=int((owned.track < 0).sum()))
        )  # fmt: skip
    along, turned = (sensor.COMPONENTS.index(component) for component in MEASURED[:2])
    spot = looks.worst_spot(owned, plots.values[:, along], plots.values[:, turned])
    if spot is not None and spot.chance < FALSE_CELL_CHANCE and spot.times_mean > FALSE_CELL_TIMES:
        left, right = (math.degrees(x) for x in spot.azimuth_rad)
        near, far = (x / 1_000.0 for x in spot.range_m)
        verdict = (
            f"plots of no track are {spot.times_mean:.1f} times as dense as on average at {left:.0f} to {right:.0f} "
            f"degrees, {near:.0f} to {far:.0f} km ({spot.n:,} plots): clutter, or targets seen too seldom for a track"
        )
        found.append(Finding(sensor=name, subject="where false plots are", level="fault", verdict=verdict, n=spot.n))
    if not n:
        return found
    often, looks_of = looks.splits(owned)
    verdict = f"a target has a second plot in the same turn in {_figure(often, '%')} of looks"
    level = "fault" if often.low > SPLIT_SHARE else "ok"
    found.append(Finding(sensor=name, subject="split plots", level=level, verdict=verdict, interval=often, n=looks_of))
    height = (
        plots.values[:, sensor.COMPONENTS.index("altitude_m")]
        if "altitude_m" in sensor.COMPONENTS
        else np.full(len(plots), np.nan)
    )
    for subject, (often, of) in looks.code_faults(owned, plots, height).items():
        if of:
            level = "fault" if subject.endswith("wrong") and often.low > CODE_SHARE else "ok"
            verdict = f"{subject} in {_figure(often, '%')} of {of:,} plots on tracks"
            found.append(Finding(sensor=name, subject=subject, level=level, verdict=verdict, interval=often, n=of))
    return found


def _figure(interval: Interval, unit: str) -> str:
    """Return a figure with its interval, with as many digits as the interval bears out."""
    factor = 100.0 if unit == "%" else 1.0
    value, low, high = (factor * x for x in interval)
    width = high - low
    digits = min(max(1 - math.floor(math.log10(width)), 0), DIGITS_MAX) if width > 0.0 else DIGITS_MAX
    tail = f" {unit}" if unit else ""
    if math.isnan(width):
        return f"{value:.{digits}f}{tail}"
    return f"{value:.{digits}f}{tail} ({low:.{digits}f} to {high:.{digits}f})"


def _without_sign(interval: Interval) -> Interval:
    value, low, high = interval
    return interval if value >= 0.0 else Interval(-value, -high, -low)


def _signed(value: float, unit: str) -> str:
    return f"{'-' if value < 0 else ''}{_short(abs(value), unit)}"


def _short(value: float, unit: str) -> str:
    return f"{value:.0f} m" if unit == "m" else f"{value:.3f} {'degrees' if unit == 'deg' else unit}"


def summary(findings: Sequence[Finding]) -> Mapping[str, Any]:
    """Return the findings as plain data for JSON."""
    return {
        "findings": [finding.plain() for finding in findings],
        "faults": sum(finding.level == "fault" for finding in findings),
    }


MARKS = {"fault": "[red]fault[/]", "ok": "[green]ok[/]", "unknown": "[yellow]?[/]"}


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print the findings for a person: one table a sensor, the faults first."""
    for name in sorted({finding.sensor for finding in findings}):
        mine = sorted((f for f in findings if f.sensor == name), key=lambda f: list(MARKS).index(f.level))
        table = Table(
            box=None, pad_edge=False, show_header=False, title=escape(printable(name or "the recording")),
            title_justify="left", title_style="bold",
        )  # fmt: skip
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in mine:
            table.add_row(MARKS[finding.level], finding.subject, escape(printable(finding.verdict, 500)))
        console.print(table)
    n = sum(finding.level == "fault" for finding in findings)
    console.print(f"[bold]{n} faults[/]; intervals hold with a probability of 95 %; see docs/doctor.md")
