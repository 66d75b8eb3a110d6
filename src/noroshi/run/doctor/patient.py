"""A group of sensors that are looked at together: whose plots fit whose, and what of their errors is constant."""

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment import looks
from noroshi.assessment.biases import measured, thinned
from noroshi.assessment.intervals import resampled, share
from noroshi.assessment.rotation import Rotation, rotation
from noroshi.assessment.trends import KINDS, STEPS, stepped, trends, varying
from noroshi.assessment.units import MILES_MAX
from noroshi.estimation.angles import wrap
from noroshi.estimation.gating import chi_square_gate, mahalanobis_squared
from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.records import Detections, Quality, SensorSite, Status, Tracks, concatenate, take
from noroshi.records.identity import ABSENT
from noroshi.records.quality import USABLE
from noroshi.run import api
from noroshi.run.batches import in_time
from noroshi.run.doctor.findings import HOUR_S, PAIRS_MIN, Finding, in_figures, in_hours, span_ns
from noroshi.run.doctor.verdicts import (
    MATTERS,
    NOISE_WRONG,
    bias_findings,
    look_findings,
    report_findings,
    rotation_findings,
    too,
    trend_finding,
    usual_noise,
)
from noroshi.run.setup import Setup, Site, make_sensors
from noroshi.run.sites import complete
from noroshi.run.units import Units, rescaled, units
from noroshi.sensors import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.tracking.pairing import GATE_PROBABILITY, NOISE_FACTOR
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

EXPLAINED_MIN = 0.5  # of the pairs: a fit that explains less is of chance pairs, or of a radar that stands elsewhere
BY_CHANCE = 1.0 / 3.0  # of the pairs that may be chance ones, and the rest still tells
TURNED_RAD = math.pi / 2.0  # plots turned by so much meet targets by chance alone
OVERLAP_MIN = 0.5  # of the shorter of two recordings
ZONES = 14
SCALE_MAX, SITE_M_MAX = 0.02, 2_000.0  # more than a radar's range or site is off by itself
BETTER = 3.0  # times the pairs: what another unit has to explain
ZONE_NS = 300 * NS_PER_S


class Patient:
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
        each = zip(biases.noise, usual_noise(self.sensors[name]), strict=True)
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
        mine, theirs = (span_ns(self.ready[other].time_ns for other in names) for names in ([name], self._others(name)))
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
        return (
            f"; with stamps {in_hours(abs(hours))} too {late} {100.0 * min(part_near, 1.0):.0f} % would: a time zone?"
        )

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
            found = [trend_finding(trend, self.sites, self._span_s(), biases.n, self._alike()) for trend in mine]
            moving = {trend.kind.replace("drift", "bias") for trend in mine}
            drifting = {trend.sensor for trend in self.found.trends if trend.kind == "clock drift"}
            moving |= {f"clock against {self.radars[0]}"} if drifting & {name, self.radars[0]} else set()
            constant = bias_findings(biases, sensor, self.measured, self._references(), self._alike())
            found += [finding for finding in constant if finding.subject not in moving]
        plots = self.right[name]
        along, turned = (sensor.COMPONENTS.index(component) for component in MEASURED[:2])
        turning = self.turning[name]
        if turning is None:
            verdict = "too few turns of the antenna for its period, its detection probability and its false plots"
            return [*found, Finding(sensor=name, subject="rotation", level="unknown", verdict=verdict, n=len(plots))]
        found += rotation_findings(name, turning)
        if parts := self._clock_by_parts(name, turning):
            found = [*(finding for finding in found if finding.subject != "clock bias"), *parts]
        noise = np.sqrt(np.diagonal(plots.covariances, axis1=1, axis2=2)[:, [along, turned]])
        sigmas = np.median(noise, axis=0)
        shown = np.array([biases.noise[i].value for i in range(2)])
        sigmas = np.where(np.isnan(shown), sigmas, np.maximum(shown, sigmas))
        owned = looks.owners(plots, sensor, self.tracks.get(name), turning.turn, sigmas)
        for finding in look_findings(name, plots, sensor, owned, turning):
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
            verdict = f"between {begin} and {end} {too('time_s', interval.value)}"
            verdict += f" ({in_figures(interval, 's')})"
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
        found = report_findings(name, batch)
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
        verdict = f"{len(senders):,} senders, each heard every {in_figures(interval, 's')} (median)"
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
