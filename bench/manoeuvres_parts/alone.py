"""The shipped bank of filters alone: whose plot is whose is given, all flights and seeds are carried along at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.motion import Motion
from noroshi.records import Detections, Identity
from noroshi.sensors import Sensor
from noroshi.sensors.rows import form_of, start_of
from noroshi.tracking.bank import Bank
from noroshi.tracking.settling import settle
from noroshi.tracking.store import Store, Whole

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
UNGATED = np.full(10, np.inf)
NS = 10**9
TOLD_PSD_M2_S3 = 0.1  # of the unrest that is left to a filter that is told the accelerations


@dataclass(frozen=True)
class Scene:
    """One flight past the radars.

    Attributes:
        plots: of all radars, in order of time; each has its radar's place as origin.
        true: (k, 6) the truth at their times.
        times_ns: (m,) of the pictures.
        shown: (m, 6) the truth then.
        turns, straight, known: (m,) whether it turns, flies straight, is known then.
    """

    plots: Detections
    true: Floats
    times_ns: Integers
    shown: Floats
    turns: NDArray[np.bool_]
    straight: NDArray[np.bool_]
    known: NDArray[np.bool_]


def tracked(
    scenes: Sequence[Scene], sensor: Sensor, motions: Sequence[Motion], sojourn_s: Sequence[float]
) -> list[Floats]:
    """Return for each scene the (m,) errors [m] of the position shown (NaN before the first plot)."""
    bank, n = Bank(motions, sojourn_s), len(scenes)
    store = Store(bank.layout(1), sigmas=(2.0, 5.0))
    first = _plots(scenes, np.arange(n), 0)
    mean, covariance = start_of(sensor, first, form_of(sensor, first), np.arange(n))
    rows = store.new_rows(n)
    bank.begin(store, rows, mean, covariance, np.ones(n))
    store.whole[rows] = 0
    store.whole[rows, Whole.TIME] = first.time_ns
    errors = [np.full(len(scene.times_ns), np.nan) for scene in scenes]
    for who, at, until in _between(scenes):
        if len(who):
            time_ns = np.array([scenes[i].times_ns[m] for i, m in zip(who, at, strict=True)])
            shown = bank.predict(store, rows[who], time_ns)[0]
            for i, m, state in zip(who.tolist(), at.tolist(), shown, strict=True):
                errors[i][m] = np.linalg.norm(state[:3] - scenes[i].shown[m, :3])
        now = np.array([i for i in range(n) if len(scenes[i].plots) > until])
        if not len(now):
            break
        plots, nothing = _plots(scenes, now, until), np.zeros(len(now), np.int64)
        pairs = bank.confront(
            store, rows[now], np.arange(len(now)), nothing, plots, form_of(sensor, plots), sensor, UNGATED,
            keep_prior=False,
        )  # fmt: skip
        settle(store, pairs, np.ones(len(now)), plots.time_ns, np.ones(len(now)), bank)
        store.refresh(rows[now])
    return errors


def told(scenes: Sequence[Scene], sensor: Sensor, motion: Motion) -> list[Floats]:
    """Return the same of a filter that is told every acceleration: what the radars' noise alone leaves.

    The difference between its state and the truth moves as if nothing accelerated, so that this alone is filtered.
    """
    n = len(scenes)
    first = _plots(scenes, np.arange(n), 0)
    mean, covariance = start_of(sensor, first, form_of(sensor, first), np.arange(n))
    error = mean - np.array([scene.true[0] for scene in scenes])
    time_ns = first.time_ns.copy()
    found = [np.full(len(scene.times_ns), np.nan) for scene in scenes]
    for who, at, until in _between(scenes):
        for i, m in zip(who.tolist(), at.tolist(), strict=True):
            late_s = (scenes[i].times_ns[m] - time_ns[i]) / NS
            found[i][m] = np.linalg.norm(error[i, :3] + late_s * error[i, 3:])
        now = np.array([i for i in range(n) if len(scenes[i].plots) > until])
        if not len(now):
            break
        plots, true = _plots(scenes, now, until), np.array([scenes[i].true[until] for i in now])
        dt_s = (plots.time_ns - time_ns[now]) / NS
        move = np.tile(np.eye(6), (len(now), 1, 1))
        move[:, :3, 3:] += dt_s[:, None, None] * np.eye(3)
        ahead = np.matvec(move, error[now])
        spread = move @ covariance[now] @ move.swapaxes(1, 2) + motion.process_noise(true, dt_s)
        measured = [sensor.COMPONENTS.index(name) for name in ("range_m", "azimuth_rad", "altitude_m")]
        rows = sensor.jacobian(true, plots.origin_ecef_m)[:, measured]
        off = (plots.values - sensor.measure(true, plots.origin_ecef_m))[:, measured]
        off[:, 1] = (off[:, 1] + np.pi) % (2.0 * np.pi) - np.pi
        noise = plots.covariances[:, measured][:, :, measured]
        gain = np.linalg.solve(rows @ spread @ rows.swapaxes(1, 2) + noise, rows @ spread).swapaxes(1, 2)
        error[now] = ahead + np.matvec(gain, off - np.matvec(rows, ahead))
        covariance[now] = spread - gain @ rows @ spread
        time_ns[now] = plots.time_ns
    return found


def _between(scenes: Sequence[Scene]) -> Iterator[tuple[Integers, Integers, int]]:
    """Yield, before the plots of each number from 1 on, whose and which pictures are to be shown by then."""
    longest = max(len(scene.plots) for scene in scenes)
    edges = [np.append(np.searchsorted(scene.times_ns, scene.plots.time_ns), len(scene.times_ns)) for scene in scenes]
    for until in range(1, longest + 1):
        spans = [(e[until - 1], e[until]) if until < len(e) else (0, 0) for e in edges]
        who = np.concatenate([np.full(high - low, i) for i, (low, high) in enumerate(spans)])
        yield who, np.concatenate([np.arange(low, high) for low, high in spans]), until


def _plots(scenes: Sequence[Scene], who: Integers, which: int) -> Detections:
    """Return the plots of one number of some scenes as a batch."""
    own = [scenes[i].plots for i in who]
    return Detections.of(
        sensor="radar",
        components=own[0].components,
        time_ns=np.array([plots.time_ns[which] for plots in own]),
        values=np.array([plots.values[which] for plots in own]),
        covariances=np.array([plots.covariances[which] for plots in own]),
        origin_ecef_m=np.array([plots.origin_ecef_m[which] for plots in own]),
        identity=Identity.absent(len(own)),
    )
