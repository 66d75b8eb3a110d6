"""What a rotating search radar sees of a true world."""

from dataclasses import dataclass
from typing import Literal, TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtrik

from noroshi.estimation.angles import wrap
from noroshi.estimation.interpolation import hermite
from noroshi.exercise.keyed import Draws
from noroshi.geo.time import NS_PER_S
from noroshi.geo.units import FOOT_M
from noroshi.records import Detections, Identity, SensorSite, Truth, concatenate, take
from noroshi.sensors import Sensor

MODE_C_STEP_M = 25 * FOOT_M  # Mode C in 25 ft steps (ICAO Annex 10 volume IV, 3.1.1.7.12.2)
PLOT = ("range_m", "azimuth_rad", "altitude_m")
FALSE_ALTITUDE_M_MAX = 13_000.0
GAP_S_MAX = 30.0  # where a truth says nothing for longer, nothing is known to be there
BEAM_STEPS = 8  # each step gains a factor of (rotation time x target's angular rate): 14 at 5 km from the radar


class Looks(TypedDict):
    """Which looks to draw for."""

    first_look: int
    n_looks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One radar's watch over a world.

    Attributes:
        site: name and place of the radar.
        sensor: how it sees.
        start_ns, end_ns: from when to when.
        false_plots_a_scan: mean of the Poisson number of false plots, uniform over the area in range and over height.
        identity: "none" for a radar without an interrogator's codes; "transponder": each plot of a target carries the
            ICAO address and the Mode 3/A code that the truth has at the time, and false plots carry none.
        seed, replicate: the draws' names (see `exercise.keyed`).
    """

    site: SensorSite
    sensor: Sensor
    start_ns: int
    end_ns: int
    false_plots_a_scan: float = 50.0
    range_m_max: float = 400_000.0
    identity: Literal["none", "transponder"] = "none"
    seed: int = 0
    replicate: int = 0

    @property
    def period_ns(self) -> int:
        """One rotation."""
        return int(self.sensor.parameters["scan_period_s"] * NS_PER_S)

    @property
    def n_scans(self) -> int:
        """Whole and begun rotations within the watch."""
        return -(-(self.end_ns - self.start_ns) // self.period_ns)


def observe(truth: Truth, watch: Watch) -> tuple[Detections, NDArray[np.str_]]:
    """Return the radar's plots in order of time, and for each the name of its target ("" for a false plot)."""
    plots, owners = [_false_plots(watch)], [np.full(0, "", truth.target.dtype)]
    owners[0] = np.full(len(plots[0]), "", truth.target.dtype)
    order = np.lexsort((truth.time_ns, truth.target))
    edges = np.flatnonzero(truth.target[order][1:] != truth.target[order][:-1]) + 1
    for rows in np.split(order, edges):
        seen = _plots_of(take(truth, rows), watch)
        plots.append(seen)
        owners.append(np.full(len(seen), truth.target[rows[0]] if len(rows) else "", truth.target.dtype))
    every, owner = concatenate(plots), np.concatenate(owners)
    in_time = np.lexsort((every.values[:, 1], every.values[:, 0], every.time_ns))
    every = take(every, in_time).replace(received_ns=int(every.time_ns.max(initial=0)))
    return every, owner[in_time]


def _plots_of(target: Truth, watch: Watch) -> Detections:
    """Return the plots of one target."""
    if len(target) < 2:
        return _detections(watch, np.zeros(0, np.int64), np.zeros((0, 3)))
    first = max(0, (int(target.time_ns[0]) - watch.start_ns) // watch.period_ns)
    last = min(watch.n_scans - 1, (int(target.time_ns[-1]) - watch.start_ns) // watch.period_ns)
    scans = np.arange(first, last + 1)
    time_ns, states = _when_the_beam_passes(target, watch, scans)
    draws = Draws(watch.seed, watch.replicate, f"{watch.site.sensor}|{target.target[0]}")
    looks: Looks = {"first_look": int(first), "n_looks": len(scans)}
    origin = np.broadcast_to(watch.sensor.origin_ecef_m, (len(scans), 3))
    alive = np.isfinite(states).all(axis=1)
    chance = np.zeros(len(scans))
    chance[alive] = watch.sensor.detection_probability(states[alive], origin[alive])
    seen = draws.uniforms("detection", **looks, per_look=1)[:, 0] < chance
    noise = draws.normals("noise", **looks, per_look=2)[seen]
    exact = _plot_components(watch, watch.sensor.measure(states[seen], origin[seen]))
    full = np.full((int(seen.sum()), len(watch.sensor.COMPONENTS)), np.nan)
    sigma = np.sqrt(np.diagonal(watch.sensor.noise(full), axis1=1, axis2=2))
    exact[:, :2] += noise * _plot_components(watch, sigma)[:, :2]
    exact[:, 1] %= 2 * np.pi
    exact[:, 2] = np.round(exact[:, 2] / MODE_C_STEP_M) * MODE_C_STEP_M
    plots = _detections(watch, time_ns[seen], exact)
    if watch.identity == "none":
        return plots
    said = take(target.identity, np.searchsorted(target.time_ns, plots.time_ns, side="right") - 1)
    silent = Identity.absent(len(plots))
    return plots.replace(identity=silent.replace(icao_address=said.icao_address, mode_3a=said.mode_3a))


def _plot_components(watch: Watch, values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[:, [watch.sensor.COMPONENTS.index(name) for name in PLOT]]


def _when_the_beam_passes(
    target: Truth, watch: Watch, scans: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return when the beam meets the target in each scan, and the target's state then (NaN where it is not there)."""
    north_ns = watch.start_ns + scans * watch.period_ns
    time_ns = north_ns + watch.period_ns // 2
    azimuth = watch.sensor.COMPONENTS.index("azimuth_rad")
    origin = np.broadcast_to(watch.sensor.origin_ecef_m, (len(scans), 3))
    for _ in range(BEAM_STEPS):
        inside_ns = np.clip(time_ns, target.time_ns[0], target.time_ns[-1])
        states = hermite(target.time_ns, target.state_ecef, inside_ns)
        beam = (inside_ns - north_ns) / watch.period_ns * 2 * np.pi
        ahead = wrap(watch.sensor.measure(states, origin)[:, azimuth] - beam)
        time_ns = inside_ns + np.asarray(ahead / (2 * np.pi) * watch.period_ns, np.int64)
    return time_ns, hermite(target.time_ns, target.state_ecef, time_ns, gap_s_max=GAP_S_MAX)


def _false_plots(watch: Watch) -> Detections:
    """Return false plots: Poisson in number, uniform over the area in range, all round and over height."""
    most = int(watch.false_plots_a_scan + 10 * np.sqrt(watch.false_plots_a_scan) + 10)
    draws = Draws(watch.seed, watch.replicate, watch.site.sensor)
    looks: Looks = {"first_look": 0, "n_looks": watch.n_scans}
    count = draws.uniforms("false plot count", **looks, per_look=1)[:, 0]
    number = np.zeros(watch.n_scans, int)
    if watch.false_plots_a_scan > 0:
        number = np.clip(np.ceil(pdtrik(count, watch.false_plots_a_scan)), 0, most).astype(int)
    where = draws.uniforms("false plots", **looks, per_look=3 * most).reshape(watch.n_scans, most, 3)
    there = np.arange(most) < number[:, None]
    scan = np.broadcast_to(np.arange(watch.n_scans)[:, None], there.shape)[there]
    area, turn, height = where[there].T
    altitude_m = np.round(height * FALSE_ALTITUDE_M_MAX / MODE_C_STEP_M) * MODE_C_STEP_M
    range_m = np.maximum(watch.range_m_max * np.sqrt(area), altitude_m + 1_000.0)
    time_ns = watch.start_ns + scan * watch.period_ns + (turn * watch.period_ns).astype(np.int64)
    inside = time_ns < watch.end_ns
    values = np.stack([range_m, turn * 2 * np.pi, altitude_m], axis=1)
    return _detections(watch, time_ns[inside], values[inside])


def _detections(watch: Watch, time_ns: NDArray[np.int64], values: NDArray[np.float64]) -> Detections:
    return Detections.of(
        sensor=watch.site.sensor,
        components=PLOT,
        time_ns=time_ns,
        values=values,
        origin_ecef_m=watch.sensor.origin_ecef_m,
    )
