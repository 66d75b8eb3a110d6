"""What registration leaves of the radars' biases, carried along with the tracks: it does not average out over plots.

A bias that is left is the same in every plot of its radar, so that a filter which takes it for noise becomes surer with
each one than it may. Of each track is kept by how much each bias moves the estimate, S = dx/db: a plot with gain K and
rows H, which the bias b displaces by D b, makes S + K H (D - S) of it, and the way to the next plot carries it on. The
gain knows nothing of it, nor do gates; what is told of a track has S B S^T added, B being what is left of the biases by
then. That alone tells it: the noise of plots is their own, or a track of few would be told it twice. Of a
plot that is older than its track rows and noise carry the way back, as in the filter itself (`bank.take_back`): S stays
at the track's time, and K is bounded.

What comes to be known of a bias is not only taken out of later plots: tracks are moved by - S db, to where they would
be if it had been known before (`move`). Without that a track of before is told as sure as what is left now allows, and
is where what was known then has put it.

Over several motion models and plots S is that of their mean: the gain is the mean of theirs, and the way from one plot
to the next, seconds, is taken to be straight. That a radar's biases are independent of another's is an assumption.

Source: Schmidt (1966), Application of state-space methods to navigation problems, Advances in Control Systems 3,
293-340; in this form, with a gain that leaves the bias out, Tapley, Schutz and Born (2004), Statistical Orbit
Determination, chapter 6 (consider covariance analysis).
"""

from collections.abc import Sequence
from typing import Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import Floats, enu_axes_at
from noroshi.kernel import kernel
from noroshi.motion import Motion
from noroshi.records import Detections
from noroshi.sensors import Sensor
from noroshi.sensors.rows import consider, linearise
from noroshi.tracking.bank import Pairs, take_back
from noroshi.tracking.height import in_the_air
from noroshi.tracking.registration import BIASES, MEASURED, TIME
from noroshi.tracking.store import PROBABILITY, Integers, Store, Whole

N_BIASES = len(BIASES)  # of a radar
SMALLEST_M = 1.0  # nearer to a radar than this no direction is worth dividing by


class Considers(Protocol):
    """A tracker that carries along what the biases of registered radars make of its tracks.

    Attributes:
        left: (r, 4, 4) covariance of what is left of the biases of those radars, from now on; see `consider`.
    """

    left: Floats

    @property
    def taken_out(self) -> Floats:
        """(r, 4) the biases by which the plots of the tracks are corrected, after the last `correction`."""
        ...

    def consider(self, radars: Sequence[str]) -> None:
        """From the first plot on carry these r radars' biases along; nothing is left of them until `left` says so."""
        ...


def considers(tracker: object) -> TypeGuard[Considers]:
    """Return whether a tracker carries biases along."""
    return hasattr(tracker, "consider")


def displacement(plots: Detections, i_plot: Integers, states: Floats) -> Floats:
    """Return (p, 3, 4) by how much a radar's biases displace its plots, Earth-fixed [m] a unit of each bias.

    Args:
        plots: of the radar.
        i_plot: (p,) which of them.
        states: (p, 6) where the targets are, and how fast: a stamp that is late shows them where they were.

    What a plot does not measure displaces nothing.
    """
    origin = plots.origin_ecef_m[i_plot]
    axes, offset = enu_axes_at(origin), states[:, :3] - origin
    east, north, up = np.matvec(axes, offset).T[:, :, None]
    ground = np.maximum(np.hypot(east, north), SMALLEST_M)
    outward = (east * axes[:, 0] + north * axes[:, 1]) / ground
    moved = np.empty((len(i_plot), 3, N_BIASES))
    moved[:, :, 0] = offset / np.maximum(np.linalg.norm(offset, axis=1), SMALLEST_M)[:, None]
    moved[:, :, 1] = north * axes[:, 0] - east * axes[:, 1]
    moved[:, :, 2] = ground * axes[:, 2] - up * outward
    moved[:, :, TIME] = -states[:, 3:]
    measured = [plots.components.index(name) for name in MEASURED]
    moved[:, :, :TIME] *= ~np.isnan(plots.values[i_plot][:, measured])[:, None]
    return moved


def correction(radars: Sequence[str], before: Floats, taken_out: Floats, time_ns: int) -> Detections:
    """Return what says, in a tracker's order of batches, that from a time on plots are without other (r, 4) biases.

    It is a batch of its own sort, of the first radar, so that it is kept, run again and written down as all others are.
    """
    return Detections.of(
        sensor=radars[0],
        components=BIASES,
        time_ns=np.full(2 * len(radars), time_ns),
        values=np.concatenate([before, taken_out]),
    )


def before_and_after(correction: Detections) -> tuple[Floats, Floats]:
    """Return (r, 4) what was taken out of plots before a correction, and what is from then on."""
    before, taken_out = np.split(correction.values, 2)
    return before, taken_out


def is_correction(detections: Detections) -> bool:
    """Return whether these are no plots but a `correction`."""
    return detections.components == BIASES


def move(store: Store, rows: Integers, by: Floats) -> None:
    """Move tracks to where they would be if (r, 4) more had been taken out of all of their plots."""
    moved_by = store.real[rows, store.layout.considered :].reshape(len(rows), -1, 6)
    shift = np.einsum("nba,b->na", moved_by, by.reshape(-1))
    for offset in store.layout.offsets.tolist():
        store.real[rows, offset : offset + 6] -= shift


def begin(store: Store, rows: Integers, plots: Detections, chosen: Integers, i_radar: int) -> None:
    """Say of tracks that chosen plots of a radar have just started what its biases make of them."""
    if i_radar >= 0:
        mean, _ = store.moments(rows)
        moved = displacement(plots, chosen, np.hstack([mean[:, :3], np.zeros((len(rows), 3))]))
        moved_by = np.zeros((len(rows), store.layout.n_considered, N_BIASES, 6))
        moved_by[:, i_radar, :, :3] = moved.swapaxes(1, 2)
        store.real[rows, store.layout.considered :] = moved_by.reshape(len(rows), -1)


def take_in(
    store: Store,
    pairs: Pairs,
    weight: Floats,
    plots: Detections,
    form: Floats,
    sensor: Sensor,
    i_radar: int,
    motions: Sequence[Motion],
) -> None:
    """Bring what biases make of the tracks up to their plots, before anything else of the plots is noted.

    Args:
        store: the tracks, put aside already.
        pairs: of tracks and plots.
        weight: (p,) probability that the plot is the track's.
        plots: the batch.
        form: its forms (`sensors.rows`).
        sensor: that gave it.
        i_radar: which of the radars considered that is; -1 for none.
        motions: the models, for the way back to plots that are older than their track.
    """
    if not store.layout.n_considered:
        return
    some = np.flatnonzero(weight > 0.0)
    if not some.size:
        return
    p, group, dt_s = len(some), pairs.group[some], pairs.dt_s[some]
    ahead, spread, total = np.zeros((p, 6)), np.zeros((p, 6, 6)), np.zeros(p)
    back = np.flatnonzero(dt_s < 0.0)
    before, drift = np.zeros((len(back), 6)), np.zeros((len(back), 6, 6))
    for k, (mean, covariance) in enumerate(zip(pairs.means, pairs.covariances, strict=True)):
        share = np.ones(p)
        if len(pairs.mixed):
            share = pairs.mixed[group, PROBABILITY + k] * np.exp(pairs.log_likelihood[some, k] - pairs.total[some])
            share[~pairs.carried[group, k]] = 0.0
        has = share > 0.0  # what was carried too far for its equations has no share, and is no number
        total[has] += share[has]
        ahead[has] += share[has, None] * mean[some[has], :6]
        spread[has] += share[has, None, None] * covariance[some[has], :6, :6]
        late = has[back]
        if late.any():
            which = back[late]
            still = np.zeros((len(which), mean.shape[1], mean.shape[1]))
            place, noise = motions[k].predict(mean[some[which]], still, dt_s[which])
            before[late] += share[which, None] * place[:, :6]
            drift[late] += share[which, None, None] * noise[:, :6, :6]
    ahead, spread, place = ahead / total[:, None], spread / total[:, None, None], ahead / total[:, None]
    place[back], drift = before / total[back, None], drift / total[back, None, None]
    flies = in_the_air(pairs.mixed, motions, len(pairs.rows))[group]
    # The spread is that after the plot, with which K = P h / r holds of a considered gain too: it stays as it is.
    up = consider(sensor, form, pairs.plot[some], place, spread.copy(), flies)
    innovation, rows, variance = linearise(sensor, plots, form, pairs.plot[some], place, spread)
    take_back(back, dt_s, drift, innovation, rows, variance)
    moved = np.zeros((p, 3, N_BIASES))
    if i_radar >= 0:
        moved = displacement(plots, pairs.plot[some], place)
    _take_in(
        store.real, store.layout.considered, pairs.rows, group, dt_s, weight[some], ahead, spread,
        np.isnan(innovation), rows, variance, up, moved, i_radar, store.whole[pairs.rows, Whole.HITS] == 1,
    )  # fmt: skip


@kernel
def _take_in(
    real: Floats,
    first: int,
    track: Integers,
    group: Integers,
    dt_s: Floats,
    weight: Floats,
    ahead: Floats,
    spread: Floats,
    is_absent: NDArray[np.bool_],
    rows: Floats,
    variance: Floats,
    up: Floats,
    moved: Floats,
    i_radar: int,
    is_second: NDArray[np.bool_],
) -> None:
    n_columns, m = real.shape[1] - first, rows.shape[1]
    after, before, gain, h = np.empty(n_columns), np.empty(n_columns), np.empty(6), np.empty(6)
    e, p = 0, group.shape[0]
    while e < p:
        row, t, claimed = real[track[group[e]]], group[e], 0.0
        after[:] = 0.0
        begun = e
        while e < p and group[e] == t:
            _carry(row, first, max(dt_s[e], 0.0), is_second[t], ahead[e], before)
            for c in range(n_columns):
                after[c] += weight[e] * before[c]
            for k in range(m):
                if is_absent[e, k]:
                    continue
                for c in range(3):
                    h[c], h[3 + c] = rows[e, k, c], rows[e, k, 3 + c]
                for a in range(6):
                    gain[a] = 0.0
                    for c in range(6):
                        gain[a] += spread[e, a, c] * h[c]
                    gain[a] *= weight[e] / variance[e, k]
                if up.shape[0] > 0:
                    for c in range(0, 6, 3):
                        part = up[e, k, 0] * gain[c] + up[e, k, 1] * gain[c + 1] + up[e, k, 2] * gain[c + 2]
                        for a in range(3):
                            gain[c + a] -= up[e, k, a] * part
                for bias in range(n_columns // 6):
                    apart = 0.0
                    for c in range(6):
                        apart -= h[c] * before[6 * bias + c]
                    if bias // N_BIASES == i_radar:
                        for c in range(3):
                            apart += h[c] * moved[e, c, bias % N_BIASES]
                    for a in range(6):
                        after[6 * bias + a] += gain[a] * apart
            claimed += weight[e]
            e += 1
        _carry(row, first, max(dt_s[begun], 0.0), is_second[t], ahead[begun], before)
        for c in range(n_columns):
            row[first + c] = after[c] + (1.0 - min(claimed, 1.0)) * before[c]


@kernel
def _carry(row: Floats, first: int, dt_s: float, is_second: bool, ahead: Floats, out: Floats) -> None:
    """Write what is in a track's row as it is some time later.

    A single plot does not tell how fast its target is: what its radar's clock makes of it is known by the second.
    """
    for bias in range(out.shape[0] // 6):
        at, own = first + 6 * bias, 6 * (bias - bias % N_BIASES)
        for c in range(3):
            out[6 * bias + c] = row[at + c] + dt_s * row[at + 3 + c]
            out[6 * bias + 3 + c] = row[at + 3 + c]
        if is_second and bias % N_BIASES == TIME:
            is_its = row[first + own] != 0.0 or row[first + own + 1] != 0.0 or row[first + own + 2] != 0.0
            for c in range(3):
                out[6 * bias + c] = -ahead[3 + c] if is_its else 0.0


def spread_of(store: Store, rows: Integers, left: Floats) -> Floats:
    """Return (n, 6, 6) what is to be added to the covariance of tracks for what is left of the biases.

    Args:
        store: the tracks.
        rows: (n,) which.
        left: (r, 4, 4) covariance of what is left of each radar's biases.
    """
    moved_by = store.real[rows, store.layout.considered :].reshape(len(rows), len(left), N_BIASES, 6)
    added: Floats = np.einsum("nria,rij,nrjb->nab", moved_by, left, moved_by, optimize=True)
    return 0.5 * (added + added.swapaxes(1, 2))
