"""Which pairs may matter, of those that a wide look for plots found: asked of every model where it has the track.

Models that turn, push or fall do not keep a velocity, so that `gate` finds their plots by how far a target may have got
whatever its direction. Of the tracks that it finds each model is carried on once, to the time of the track's first
plot; from there, for a second at most as batches come, velocity and what has lately bent it tell the rest.
"""

import math

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.sensors.rows import N_ROWS
from noroshi.tracking.gate import KIND, KNOWN, LOG_2_PI, NO_CODE, SAME_ADDRESS, VOLUME, is_near, place_by_rows
from noroshi.tracking.store import Integers, Near

BENDS = KNOWN  # after what `gate` knows of a model: the acceleration that it has had of late
BENDS_MORE = 1.5  # times that it may bend between two plots of a batch
WIDER = 0.2  # the gate as a share of itself, and a log likelihood: for what the same does to covariances


@kernel
def places(form: Floats) -> Floats:
    """Return the (n, 16) places of plots (`gate.AT_S`), in their own order and without times."""
    here = np.empty((form.shape[0], KIND + 1))
    for j in range(form.shape[0]):
        for c in range(4):
            here[j, c] = form[j, c]
        here[j, VOLUME], here[j, KIND] = math.inf, form[j, N_ROWS]
        if form[j, N_ROWS] > 0.0:
            place_by_rows(form, j, here, j)
    return here


@kernel
def learn(
    mean: Floats, covariance: Floats, some: Integers, before: Floats, offset: int, dt_s: Floats, k: int, known: Floats
) -> None:
    """Write what is known of where model k has tracks.

    Args:
        mean, covariance: (t, d), (t, d, d) as the model expects them.
        some: (m,) of which of them it is wanted.
        before: (t, n_real) rows of which the model's begins at `offset`, dt_s (t,) earlier.
        k: which model.
        known: (t, n_models, 28) see `gate.ahead_of`, `gate.spread_of` and `BENDS`.
    """
    for at_track in range(some.shape[0]):
        t = some[at_track]
        x, c, out = mean[t], covariance[t], known[t, k]
        for a in range(6):
            out[a] = x[a]
        square = max(x[0] * x[0] + x[1] * x[1] + x[2] * x[2], 1.0)
        along = 0.5 * (x[0] * x[3] + x[1] * x[4] + x[2] * x[5]) / square
        speed = 0.5 * (x[3] * x[3] + x[4] * x[4] + x[5] * x[5]) / square
        at, change = 9, 0.0
        for a in range(3):
            out[6 + a] = along * x[3 + a] - speed * x[a]
            change += (x[3 + a] - before[t, offset + 3 + a]) ** 2
            for b in range(a, 3):
                out[at], out[at + 6], out[at + 12] = c[a, b], c[a, 3 + b] + c[b, 3 + a], c[3 + a, 3 + b]
                at += 1
        out[BENDS] = math.sqrt(change) / max(dt_s[t], 1.0)


@kernel
def sift(
    row: Integers,
    group: Integers,
    plot: Integers,
    said: Integers,
    after_s: Floats,
    near: Floats,
    known: Floats,
    here: Floats,
    growth: float,
    gates: Floats,
    sigmas_first: float,
    least: float,
) -> NDArray[np.bool_]:
    """Return (p,) which pairs may be inside the gate of any model and worth as much as is wanted (`gate.coarse_pairs`).

    Same addresses are not asked, nor plots that do not tell their place, nor tracks that a model cannot be carried on
    to where they are: nothing is known of these.

    Args:
        row, group, plot, said: (p,) pairs of a track and a plot, which of the tracks in `known`, agreement.
        after_s: (p,) how long after what is known the plot is.
        near: the store's.
        known: (t, k, 28) see `learn`; infinite of models that are left aside.
        here: (n, 16) see `places`.
        growth, gates, sigmas_first, least: as in `gate.coarse_pairs`.
    """
    stays = np.zeros(row.shape[0], np.bool_)
    for e in range(row.shape[0]):
        i, at, dt, models = row[e], plot[e], after_s[e], known[group[e]]
        if said[e] == SAME_ADDRESS or here[at, VOLUME] == math.inf:
            stays[e] = True
            continue
        gate = gates[0] if near[i, Near.SIGMAS] == sigmas_first else gates[max(int(here[at, KIND]), 0)]
        most = math.inf
        if said[e] == NO_CODE:
            most = 2.0 * (near[i, Near.LOG_ODDS] - least + here[at, VOLUME]) - 3.0 * LOG_2_PI
        for k in range(models.shape[0]):
            if models[k, 0] == math.inf:
                continue
            bend = 0.5 * BENDS_MORE * models[k, BENDS] * dt * dt
            added = growth * abs(dt * dt * dt) + bend * bend
            stays[e] |= math.isnan(models[k, 9])
            stays[e] |= is_near(models[k], dt, here[at], added, (1.0 + WIDER) * gate, most + WIDER)
    return stays
