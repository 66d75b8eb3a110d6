"""Registration online: plots go through here on their way to the tracker, and leave without their radar's biases.

The reference of a plot is what its target reports of itself, with an address; where that is nothing, or nobody hears
it, what another radar sees of it. Both go into one estimate. The latter leaves open what all radars share: then
radars are in line with each other, and which of them is off is what is usual of radars (`Registration.believed`).
Pairs are made some seconds after the plots, when the reports after them are there, and are weighed against each other
for a minute before they are believed for good. All that is decided hangs on the times of the data and their order of
arrival.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from noroshi.geo.time import NS_PER_S
from noroshi.records import Detections, concatenate, take
from noroshi.sensors import Sensor
from noroshi.tracking import TrackerState
from noroshi.tracking.pairing import LOOKS_BETWEEN, Looks, looks_of_plots, looks_of_reports, with_plots, with_reports
from noroshi.tracking.registration import Floats, Pairs, Registration, is_radar, is_reporter, weigh, without

KEPT_S = 30.0  # of reports before a plot: more than the longest gap that is bridged


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What may be set.

    Attributes:
        every_s: how often pairs are made.
        wait_s: how long a plot waits for the references after it; one that comes later than this is not learnt from.
        window_s: how long pairs are weighed anew.
        window_pairs: how many of them at most.
        correlation_s: for how long the error of a position report lasts.
        drift: by how much the biases (range [m], azimuth, elevation [rad], time [s]) drift, one sigma in an hour.
    """

    every_s: float = 5.0
    wait_s: float = 15.0
    window_s: float = 60.0
    window_pairs: int = 1_000
    correlation_s: float = 60.0
    drift: Floats = field(default_factory=lambda: np.array([5.0, np.radians(0.005), np.radians(0.005), 0.01]))


class Registrar:
    """Estimates the biases of a node's radars and corrects their plots. Arrays given to it are never written to.

    Args:
        sensors: all sensors of the node by name; those that measure range, azimuth and elevation are its radars.
        parameters: what may be set.
    """

    def __init__(self, sensors: Mapping[str, Sensor], parameters: Parameters | None = None) -> None:
        self.parameters = parameters or Parameters()
        self.radars = tuple(name for name, sensor in sensors.items() if is_radar(sensor))
        self.reporters = tuple(name for name, sensor in sensors.items() if is_reporter(sensor))
        self.new_pairs = Pairs.nothing()
        self._sensors = dict(sensors)
        self._before = Registration.unknown(self.radars)
        self._now = self._before
        self._before_ns = 0
        self._done_ns = 0
        self._due_ns = 0
        self._pairs = Pairs.nothing()
        self._plots, self._reports = Looks.nothing(), Looks.nothing()
        self._fresh: dict[str, list[Detections]] = {name: [] for name in (*self.radars, *self.reporters)}

    @property
    def registration(self) -> Registration:
        """What is known of the biases now."""
        return self._now

    @property
    def left(self) -> Floats:
        """(r, 4, 4) covariance of what is left of each radar's biases in plots that come now."""
        return self._now.believed[1]

    @property
    def taken_out(self) -> Floats:
        """(r, 4) what is taken out of the plots that come now."""
        return self._now.believed[0]

    def receive(self, detections: Detections, sensor: Sensor, now_ns: int) -> Detections:
        """Learn from good, arranged detections and return them corrected."""
        if not len(detections):
            return detections
        if detections.sensor in self._fresh:
            self._fresh[detections.sensor].append(detections)
        if now_ns >= self._due_ns:
            self._learn(now_ns)
            self._due_ns = now_ns + round(self.parameters.every_s * NS_PER_S)
        if detections.sensor not in self.radars:
            return detections
        return without(detections, sensor, self.taken_out[self.radars.index(detections.sensor)])

    def state(self) -> TrackerState:
        """Return everything it knows, as named arrays."""
        self._gather()
        known: TrackerState = {
            "times_ns": np.array([self._before_ns, self._done_ns, self._due_ns]),
            **{f"{name}.{part}": getattr(getattr(self, f"_{name}"), part)
               for name in ("before", "now") for part in ("information", "vector")},
        }  # fmt: skip
        for name in ("pairs", "plots", "reports"):
            batch = getattr(self, f"_{name}")
            known |= {f"{name}.{column}": getattr(batch, column) for column in batch.COLUMNS}
        return known

    def restore(self, state: TrackerState) -> None:
        """Go back to `state`."""
        self._fresh = {name: [] for name in self._fresh}
        self._before_ns, self._done_ns, self._due_ns = state["times_ns"].tolist()
        self._before, self._now = (
            Registration(sensors=self.radars, information=state[f"{name}.information"], vector=state[f"{name}.vector"])
            for name in ("before", "now")
        )
        self._pairs = Pairs(**{f.name: state[f"pairs.{f.name}"] for f in fields(Pairs)})
        self._plots, self._reports = (
            Looks(**{f.name: state[f"{name}.{f.name}"] for f in fields(Looks)}) for name in ("plots", "reports")
        )

    def finish(self) -> None:
        """Make the pairs of the plots that still wait, with what references there are."""
        self._gather()
        self._learn(int(self._plots.time_ns.max(initial=0)) + round((self.parameters.wait_s + 60.0) * NS_PER_S))

    def _gather(self) -> None:
        """Turn what came since the last time into looks. The order of rows does not tell when this was done."""
        plots, reports = [self._plots], [self._reports]
        for name, batches in self._fresh.items():
            if batches and name in self.radars:
                looks = looks_of_plots(concatenate(batches), self._sensors[name], self.radars.index(name))
                plots.append(looks)
            elif batches:
                reports.append(looks_of_reports(concatenate(batches), self._sensors[name]))
        self._fresh = {name: [] for name in self._fresh}
        self._plots, self._reports = _in_order(plots), _in_order(reports)

    def _learn(self, now_ns: int) -> None:
        p = self.parameters
        self._gather()
        looks_s = LOOKS_BETWEEN * max((self._period_s(name) for name in self.radars), default=0.0)
        until_ns = now_ns - round(max(p.wait_s, looks_s) * NS_PER_S)
        ready = (self._plots.time_ns <= until_ns) & (self._plots.time_ns > self._done_ns)
        self.new_pairs = self._pairs_of(take(self._plots, ready))
        kept_ns = until_ns - round(max(looks_s, KEPT_S) * NS_PER_S)
        self._plots = take(self._plots, self._plots.time_ns > kept_ns)
        self._reports = take(self._reports, self._reports.time_ns > kept_ns)
        self._done_ns = max(self._done_ns, until_ns)
        window = concatenate([self._pairs, self.new_pairs])
        window = take(window, np.argsort(window.time_ns, kind="stable"))
        scaled, weight = weigh(self._before, window)
        old = window.time_ns < until_ns - round(p.window_s * NS_PER_S)
        old[: max(len(window) - p.window_pairs, 0)] = True
        believed_ns = int(window.time_ns[old].max(initial=self._before_ns))
        if self._before_ns:
            self._before = self._before.walked((believed_ns - self._before_ns) / NS_PER_S, p.drift)
        self._before = self._before.told(take(scaled, old), weight[old])
        self._before_ns = believed_ns
        self._pairs = take(window, ~old)
        self._now = self._before.told(take(scaled, ~old), weight[~old])

    def _period_s(self, name: str) -> float:
        return self._sensors[name].parameters["scan_period_s"]

    def _pairs_of(self, plots: Looks) -> Pairs:
        """Return plots beside what their targets report or, where that is nothing, beside other radars' plots."""
        (bias, covariance), found = self._now.best, [Pairs.nothing()]
        # To compare radars with each other what all have in common need not be known.
        (nearly, narrow) = self._now.leaning_on(self.radars[0]).best if self.radars else self._now.best
        # Of n radars that see a target only n - 1 of the n (n - 1) / 2 differences are independent.
        shared = max(len(self.radars) / 2.0, 1.0)
        for i, name in enumerate(self.radars):
            mine, own = take(plots, plots.source == i), np.arange(4 * i, 4 * i + 4)
            sensor = self._sensors[name]
            reported, rows = with_reports(
                mine, sensor, self._reports, bias=bias[own], covariance=covariance[np.ix_(own, own)],
                correlation_s=self.parameters.correlation_s,
            )  # fmt: skip
            found.append(reported)
            mine = take(mine, np.setdiff1d(np.arange(len(mine)), rows))
            for j, other in enumerate(self.radars[:i]):
                both = np.append(own, np.arange(4 * j, 4 * j + 4))
                pairs = with_plots(
                    mine, sensor, take(self._plots, self._plots.source == j), period_s=self._period_s(other),
                    bias=nearly[both], covariance=narrow[np.ix_(both, both)],
                )  # fmt: skip
                found.append(pairs.replace(variance=shared * pairs.variance))
        return concatenate(found)


def _in_order(batches: list[Looks]) -> Looks:
    looks = concatenate(batches)
    keys = (looks.polar[:, 1], looks.polar[:, 0], looks.state[:, 0], looks.icao_address, looks.source, looks.time_ns)
    return take(looks, np.lexsort(keys))
