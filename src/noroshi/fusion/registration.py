"""By how much owners are displaced against each other, found from targets that several of them see.

An owner's tracks may all be displaced, turned about the middle of its area, and late: b = (east, north, up [m], turn to
the left [rad], delay of its stamps [s]). Of a pair of contributors of one target

    p_a - p_b = J_a b_a - J_b b_b + noise,   J = [east north up, up x (p - c), -v].

All biases are one Gaussian in information form (`estimation.information`). Only differences are seen, so each owner's
share is the one of least size: of two that differ by 1 km, half a kilometre each. What the targets' own reports
have fed, alone or with radars (`REPORTED`), has no bias, and settles it.

Source: Bar-Shalom, Willett, Tian (2011), Tracking and Data Fusion, chapter 10 (bias estimation from targets of
opportunity, with local tracks instead of plots); the weights are those of a Cauchy M-estimator (Huber, Ronchetti
(2009), Robust Statistics, section 7.8).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.gating import chi_square_gate
from noroshi.estimation.information import walk
from noroshi.estimation.kalman import symmetric
from noroshi.fusion.fold import CENTRE, DELAY, N_BIAS, OFFSET, ROTATION
from noroshi.fusion.table import COARSE, REPORTED, SELF_FED, Table, Whole
from noroshi.fusion.tracklets import Floats, Integers
from noroshi.geo.wgs84 import enu_axes_at

N = 5
SCALE = np.array([2_000.0, 2_000.0, 500.0, np.radians(1.5), 2.0])
"""How large biases may be, before anything is known."""
DRIFT = np.array([50.0, 50.0, 20.0, np.radians(0.02), 0.02])  # in an hour
CAUCHY_SQUARED = 2.385**2
SETTLED_M2_S2 = 6 * 20.0**2  # of velocities of both that are known to 20 m/s on each axis
KNOWN = 1.0  # what is told by less than the prior knows is not known
INDEPENDENT = 0.5  # a pair's errors hang together from one time it is used to the next
INFORMATION, VECTOR, CENTRES, PAIRS, APPLIED, TIME = (
    "information", "vector", "centres", "pairs", "applied", "registered_ns",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Registering:
    """How owners are registered against each other.

    Attributes:
        period_steps: each pair of contributors is used once in so many steps of the fold.
        pairs_min: how many uses of pairs an owner must have had before anything is taken out of its tracks.
        probability: biases are taken out if by chance they were as large with less than 1 minus this.
        changes_m: what is taken out changes when it is off by as much, at the middle of an owner's area or 100 km
            from it; fused tracks are then begun anew.
    """

    period_steps: int = 30
    pairs_min: int = 30
    probability: float = 0.9999
    changes_m: float = 40.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Biases:
    """By how much o owners' tracks are displaced.

    Attributes:
        owners: their names.
        centre_ecef_m: (o, 3) the middles that they turn about; NaN where nothing is known.
        found: (o, 5) east, north, up [m], turn to the left [rad] and delay [s].
        covariance: (5 o, 5 o) of what is known of it; zero where nothing is.
        taken_out: (o, 5) what is taken out of their tracks.
    """

    owners: tuple[str, ...]
    centre_ecef_m: Floats
    found: Floats
    covariance: Floats
    taken_out: Floats


def jacobian(states: Floats, centres: Floats) -> Floats:
    """Return (n, 3, 5) derivatives of places by the biases of owners with these (n, 3) middles."""
    axes = enu_axes_at(centres)
    up = axes[:, 2]
    turned = np.cross(up, states[:, :3] - centres)
    return np.concatenate([axes.swapaxes(1, 2), turned[:, :, None], -states[:, 3:, None]], axis=2)


def learn(
    table: Table, rows: Integers, others: Integers, own: tuple[Floats, Floats], other: tuple[Floats, Floats],
    time_ns: int, n_owners: int,
) -> None:  # fmt: skip
    """Take in pairs of contributors of one target, (n,) rows each, with their states (n, 6) as told and covariances."""
    _prepare(table, n_owners, time_ns)
    flags = table.whole[rows, Whole.FLAGS] | table.whole[others, Whole.FLAGS]
    both_report = (table.whole[rows, Whole.FLAGS] & table.whole[others, Whole.FLAGS] & SELF_FED) != 0
    settled = np.trace(own[1][:, 3:, 3:] + other[1][:, 3:, 3:], axis1=1, axis2=2) < SETTLED_M2_S2
    use = (
        settled
        & (flags & COARSE == 0)
        & ~both_report
        & (table.whole[rows, Whole.OWNER] != table.whole[others, Whole.OWNER])
    )
    if not use.any():
        return
    rows, others = rows[use], others[use]
    a, b = table.whole[rows, Whole.OWNER], table.whole[others, Whole.OWNER]
    # One velocity for both: either's own goes wrong together with its place, which would look like a delay.
    states = 0.5 * (own[0][use] + other[0][use])
    centres = _centred(table, np.concatenate([a, b]), np.concatenate([states, states]))
    residual = own[0][use, :3] - other[0][use, :3]
    variance = own[1][use, :3, :3] + other[1][use, :3, :3]
    derivative = np.zeros((len(rows), 3, N * n_owners))
    for who, which, sign in ((a, rows, 1.0), (b, others, -1.0)):
        free = (table.whole[which, Whole.FLAGS] & REPORTED == 0)[:, None, None]
        columns = N * who[:, None] + np.arange(N)
        derivative[np.arange(len(who))[:, None], :, columns] += (
            sign * np.where(free, jacobian(states, centres[who]), 0.0)
        ).swapaxes(1, 2)
    rest = residual - np.matvec(derivative, estimate(table)[0])
    known = informed(variance, enu_axes_at(states[:, :3]))
    weight = INDEPENDENT / (1.0 + np.vecdot(rest, np.matvec(known, rest)) / CAUCHY_SQUARED)
    gain = derivative.swapaxes(1, 2) @ known * weight[:, None, None]
    table.extra[INFORMATION] = symmetric(table.extra[INFORMATION] + (gain @ derivative).sum(axis=0))
    table.extra[VECTOR] = table.extra[VECTOR] + np.matvec(gain, residual).sum(axis=0)
    pairs, tells = table.extra[PAIRS].copy(), known.any(axis=(1, 2))
    np.add.at(pairs, np.concatenate([a[tells], b[tells]]), 1)
    table.extra[PAIRS] = pairs


def informed(variance: Floats, axes: Floats) -> Floats:
    """Return (n, 3, 3) information [m-2] about displacements by pairs with errors of (n, 3, 3) variance.

    Errors as large as a displacement can be tell of it in their mean alone, which takes it that they are independent.
    They are not: heights that nobody measures are all what a tracker began with. Directions that are known no better
    than that tell nothing. Of a 2-D radar that is the one across its line of sight; range and azimuth stay.

    Args:
        variance: positive definite, Earth-fixed.
        axes: (n, 3, 3) east, north and up of each.
    """
    scaled = axes / SCALE[:3, None]
    values, vectors = np.linalg.eigh(scaled @ variance @ scaled.swapaxes(1, 2))
    along = scaled.swapaxes(1, 2) @ vectors
    return np.asarray(along * np.where(values < 1.0, 1.0 / values, 0.0)[:, None, :] @ along.swapaxes(1, 2), np.float64)


def _prepare(table: Table, n_owners: int, time_ns: int) -> None:
    """Make room for as many owners, and let biases drift since they were last looked at."""
    extra, d = table.extra, N * n_owners
    if INFORMATION not in extra:
        extra |= {
            INFORMATION: np.zeros((0, 0)), VECTOR: np.zeros(0), CENTRES: np.full((0, 3), np.nan),
            PAIRS: np.zeros(0, np.int64), TIME: np.array([time_ns]),
        }  # fmt: skip
    old = len(extra[VECTOR])
    if old < d:
        information, vector = np.zeros((d, d)), np.zeros(d)
        information[:old, :old], vector[:old] = extra[INFORMATION], extra[VECTOR]
        more = n_owners - len(extra[CENTRES])
        extra[INFORMATION], extra[VECTOR] = information, vector
        extra[CENTRES] = np.concatenate([extra[CENTRES], np.full((more, 3), np.nan)])
        extra[PAIRS] = np.concatenate([extra[PAIRS], np.zeros(more, np.int64)])
    hours = (time_ns - int(extra[TIME][0])) / 3.6e12
    if hours > 0.0:
        variance = np.tile(DRIFT**2 * hours, n_owners)
        extra[INFORMATION], extra[VECTOR] = walk(extra[INFORMATION], extra[VECTOR], variance)
        extra[TIME] = np.array([time_ns])


def _centred(table: Table, owners: Integers, states: Floats) -> Floats:
    """Return (o, 3) the middles of the owners' areas: of the first of their tracks that are seen by others too."""
    centres = table.extra[CENTRES]
    new = [owner for owner in np.unique(owners).tolist() if np.isnan(centres[owner, 0])]
    if new:
        centres = centres.copy()
        for owner in new:
            centres[owner] = states[owners == owner, :3].mean(axis=0)
        table.extra[CENTRES] = centres
    return centres


def estimate(table: Table) -> tuple[Floats, Floats]:
    """Return (5 o,) biases of least size, and the (5 o, 5 o) covariance of what is known of their differences."""
    scale, values, axes = _directions(table)
    inverse = np.where(values > KNOWN, 1.0 / np.maximum(values, KNOWN), 0.0)
    covariance = (axes * inverse) @ axes.T * np.outer(scale, scale)
    return covariance @ table.extra[VECTOR], covariance


def untold(table: Table) -> Floats:
    """Return the (5 o, 5 o) covariance of what differences leave open of the biases: what all owners have in common.

    That is taken to be as large, one sigma, as what is found: of two that differ either may be the one that is right.
    Who was never compared, since what targets report tells of him, has no part in it.
    """
    scale, values, axes = _directions(table)
    is_known, is_compared = values > KNOWN, np.diagonal(table.extra[INFORMATION]) > 0.0
    open_ones, told = axes[:, ~is_known] * is_compared[:, None], axes[:, is_known]
    found = (told @ (told.T @ (scale * table.extra[VECTOR]) / values[is_known])).reshape(-1, N)
    known = (is_compared - np.vecdot(open_ones, open_ones)).reshape(-1, N)
    size = (found**2).sum(axis=0) / np.maximum(known.sum(axis=0), 1.0)
    into = open_ones @ open_ones.T * scale[:, None]
    return np.asarray((into * np.tile(size, len(found))) @ into.T, np.float64)


def _directions(table: Table) -> tuple[Floats, Floats, Floats]:
    """Return the (5 o,) size of each bias, and what is known of biases in that unit: eigenvalues and their axes."""
    scale = np.tile(SCALE, len(table.extra[CENTRES]))
    values, axes = np.linalg.eigh(symmetric(table.extra[INFORMATION] * np.outer(scale, scale)))
    return scale, values, axes


def apply(table: Table, n_owners: int, rules: Registering) -> NDArray[np.bool_] | None:
    """Decide what is taken out of the owners' tracks; return (o,) for which it has changed, None for none."""
    if INFORMATION not in table.extra or not (table.extra[PAIRS] >= rules.pairs_min).any():
        return None
    mean, covariance = estimate(table)
    applied = table.extra.get(APPLIED, np.zeros(0))
    applied = np.concatenate([applied, np.zeros(N * n_owners - len(applied))])
    enough = np.repeat(table.extra[PAIRS] >= rules.pairs_min, N)
    wanted = np.where(enough, mean, 0.0) if _is_no_chance(mean, covariance, rules) or applied.any() else applied
    reach = np.array([1.0, 1.0, 1.0, 100e3, 250.0])
    off = np.abs((wanted - applied).reshape(-1, N) * reach).max(axis=1)
    if (off < rules.changes_m).all():
        return None
    table.extra[APPLIED] = wanted
    return np.asarray(off > 0.0, np.bool_)


def _is_no_chance(mean: Floats, covariance: Floats, rules: Registering) -> bool:
    """Return whether any known combination of biases is further from zero than chance would have it."""
    scale = np.tile(SCALE, len(mean) // N)
    values, axes = np.linalg.eigh(symmetric(covariance / np.outer(scale, scale)))
    known = values > 1e-12
    along = (axes.T @ (mean / scale))[known]
    return bool((along**2 / values[known] > float(chi_square_gate(rules.probability, 1))).any())


def biases(table: Table, n_owners: int) -> Floats:
    """Return (o + 1, 10) what is taken out of the owners' tracks, see `fold.OFFSET`; the last row is zero."""
    out = np.zeros((n_owners + 1, N_BIAS))
    applied = table.extra.get(APPLIED)
    if applied is not None:
        b = applied.reshape(-1, N)
        n = len(b)
        centres = np.where(np.isnan(table.extra[CENTRES][:n]), [6.4e6, 0.0, 0.0], table.extra[CENTRES][:n])
        axes = enu_axes_at(centres)
        out[:n, OFFSET:ROTATION] = np.vecmat(b[:, :3], axes)
        out[:n, ROTATION:CENTRE] = b[:, 3:4] * axes[:, 2]
        out[:n, CENTRE:DELAY], out[:n, DELAY] = centres, b[:, 4]
    return out


def left_over(table: Table, tracks: Integers, states: Floats) -> Floats:
    """Return (k, 3, 3) what the biases' own uncertainty adds to the places of fused tracks, whose states are (k, 6).

    It is the same error for as long as the biases are not known better, so it is added where tracks are told of and
    not where they are fused, which would average it away. Contributors weigh by what they know. Differences leave open
    who is to blame (`untold`): that is added too.
    """
    added = np.zeros((len(tracks), 3, 3))
    if APPLIED not in table.extra or not table.extra[APPLIED].any():
        return added
    n_owners = len(table.extra[CENTRES])
    place = np.full(table.m, -1)
    place[tracks] = np.arange(len(tracks))
    rows = table.members()
    rows = rows[(place[table.whole[rows, Whole.TRACK]] >= 0) & (table.whole[rows, Whole.IS_IN] == 1)]
    at, owner = place[table.whole[rows, Whole.TRACK]], table.whole[rows, Whole.OWNER]
    weight = 1.0 / np.trace(table.covariance[rows, :3, :3], axis1=1, axis2=2)
    total = np.bincount(at, weight, len(tracks))
    free = table.whole[rows, Whole.FLAGS] & REPORTED == 0
    use = free & (owner < n_owners) & ~np.isnan(table.extra[CENTRES][np.minimum(owner, n_owners - 1), 0])
    rows, at, owner, weight = rows[use], at[use], owner[use], weight[use]
    share = np.zeros((len(tracks), N * n_owners, 3))
    each = jacobian(states[at], table.extra[CENTRES][owner]) * (weight / total[at])[:, None, None]
    columns = N * owner[:, None] + np.arange(N)
    np.add.at(share, (at[:, None], columns), each.swapaxes(1, 2))
    covariance = estimate(table)[1] + untold(table)
    return share.swapaxes(1, 2) @ covariance @ share
