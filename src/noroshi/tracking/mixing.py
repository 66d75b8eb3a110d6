"""How a target's motion may have changed since it was last seen, of all its models together: mixing, and leaving aside.

What a model does not know of another's state it takes from what the other believes itself. A model whose kind has
become negligible is left aside: neither predicted nor updated, its state follows the others'.

Sources: those of `tracking.bank`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.tracking.store import NEGLIGIBLE, PROBABILITY, Integers

MISTAKEN_S = 100_000.0
"""How long until a kind that was left aside is as likely as not after all. One that plots have made negligible is left
aside with no probability: its models are neither predicted nor updated, and take their state from the others. Mistakes
add to it, so it is tried again some minutes later."""

SLOWEST_M_S = 1.0  # below this a velocity has no direction in which a target could be pushed
PROBABILITY_MIN = 1e-9  # of a model, so that it can come back


@kernel
def mix(
    real: Floats,
    rows: Integers,
    dt_s: Floats,
    begin: Integers,
    sojourn_s: Floats,
    resumed: Floats,
    is_alike: NDArray[np.bool_],
    sizes: Integers,
    offsets: Integers,
    sets_in: NDArray[np.bool_],
    pushes: Integers,
    extent: Floats,
    mixed: Floats,
) -> None:
    """Mix the models of each track as they may have changed since its last plot.

    How likely `may_have_changed` says. What a model that sets in has beyond the sixth component is, where one after
    which it does is left for it, anywhere in its extent. A model's state takes nothing from what it has negligibly come
    from: matched in its moments, a burn that one in 100,000 has just ended would be as much of the velocity's variance
    as a minute of looks leave of it.

    A push that has ended has ended at any moment of the gap: see `_end_push`.
    """
    k = sizes.shape[0]
    joint, there = np.empty((k, k)), np.empty((k, sizes.max()))
    along, ended_mean, ended = np.empty((k, 3)), np.empty((k, 2)), np.empty((k, 2, 2))
    for at in range(rows.shape[0]):
        row, out = real[rows[at]], mixed[at]
        for i in range(k):
            if pushes[i, 0] >= 0:
                _end_push(row, offsets[i], sizes[i], pushes[i], dt_s[begin[at]], along[i], ended_mean[i], ended[i])
        out[0] = row[0]
        may_have_changed(row, max(dt_s[begin[at]], 0.0), sojourn_s, resumed, is_alike, joint)
        beyond = 0
        for j in range(k):
            d, own = sizes[j], offsets[j]
            total = 0.0
            for i in range(k):
                total += joint[i, j]
            out[PROBABILITY + j] = total
            total = without_negligible(joint[:, j], total)
            for a in range(d):
                value = 0.0
                for i in range(k):
                    if joint[i, j] == 0.0:
                        continue
                    if a >= 6 and i != j:
                        low, high = extent[beyond + a - 6, 0], extent[beyond + a - 6, 1]
                        there[i, a] = 0.5 * (low + high) if sets_in[i, j] else row[own + a]
                    else:
                        there[i, a] = row[offsets[i] + a]
                        if a < 6 and pushes[i, 0] >= 0 and pushes[j, 0] < 0:
                            there[i, a] += ended_mean[i, a // 3] * along[i, a % 3]
                    value += joint[i, j] * there[i, a]
                out[own + a] = value / total
            spread = out[own + d : own + d + d * d]
            spread[:] = 0.0
            for i in range(k):
                share = joint[i, j]
                if share == 0.0:
                    continue
                off, theirs = there[i], row[offsets[i] + sizes[i] :]
                for a in range(d):
                    off[a] -= out[own + a]
                for a in range(6):
                    for b in range(a + 1):
                        spread[a * d + b] += share * (theirs[a * sizes[i] + b] + off[a] * off[b])
                for a in range(6, d):
                    for b in range(a + 1):
                        if i != j and b < 6:
                            part = 0.0
                        elif i != j and sets_in[i, j]:
                            width = extent[beyond + a - 6, 1] - extent[beyond + a - 6, 0]
                            part = width * width / 12.0 if a == b else 0.0
                        else:
                            part = row[own + d + a * d + b]
                        spread[a * d + b] += share * (part + off[a] * off[b])
                if pushes[i, 0] >= 0 and pushes[j, 0] < 0:
                    for a in range(6):
                        for b in range(a + 1):
                            spread[a * d + b] += share * ended[i, a // 3, b // 3] * along[i, a % 3] * along[i, b % 3]
            for a in range(d):
                for b in range(a + 1):
                    spread[a * d + b] /= total
                    spread[b * d + a] = spread[a * d + b]
            beyond += d - 6


@kernel
def _end_push(
    row: Floats, own: int, d: int, push: Integers, dt_s: float, along: Floats, mean: Floats, covariance: Floats
) -> None:
    """Write what a push adds to where a target begins to coast, if it ends at any moment of a gap.

    After it has gone on for tau of the gap the target is where it would be had it coasted all the time, but from
    a tau^2 / 2 behind and faster by a tau. Of these two, in the direction of the push (3,), are written the mean (2,)
    and the covariance (2, 2), tau being even over the gap and the acceleration a independent of it. A velocity that is
    not known gives the push no direction: of v / |v| what is linear in the mean is v / sqrt(E v^2).
    """
    speed, radius, climb = 0.0, 0.0, 0.0
    for c in range(3, 6):
        speed += row[own + c] * row[own + c] + row[own + d + c * (d + 1)]
        radius += row[own + c - 3] * row[own + c - 3]
        climb += row[own + c] * row[own + c - 3]
    speed, radius = max(math.sqrt(speed), SLOWEST_M_S), max(math.sqrt(radius), 1.0)
    climb /= speed * radius
    upward = row[own + push[1]] if push[1] >= 0 else 0.0
    dt_s, a_m_s2 = max(dt_s, 0.0), 0.0
    for c in range(3):
        along[c] = (row[own + push[0]] - upward * climb) * row[own + 3 + c] / speed + upward * row[own + c] / radius
        a_m_s2 += along[c] * along[c]
    a_m_s2 = math.sqrt(a_m_s2)
    for c in range(3):
        along[c] /= max(a_m_s2, 1e-9)
    square = a_m_s2 * a_m_s2 + row[own + d + push[0] * (d + 1)]
    mean[0], mean[1] = -a_m_s2 * dt_s**2 / 6.0, a_m_s2 * dt_s / 2.0
    covariance[0, 0] = square * dt_s**4 / 20.0 - mean[0] * mean[0]
    covariance[0, 1] = -square * dt_s**3 / 8.0 - mean[0] * mean[1]
    covariance[1, 0] = covariance[0, 1]
    covariance[1, 1] = square * dt_s**2 / 3.0 - mean[1] * mean[1]


@kernel
def may_have_changed(
    row: Floats, dt_s: float, sojourn_s: Floats, resumed: Floats, is_alike: NDArray[np.bool_], joint: Floats
) -> None:
    """Write the (k, k) probabilities of a track's having moved by one model and moving by another dt later.

    A model is kept over dt with probability exp(-dt / sojourn), and left for any other that is alike in being fast or
    not, as often as that is resumed; all such together likewise for the rest, by mistake.
    """
    k = joint.shape[0]
    for i in range(k):
        stay, n_alike = math.exp(-dt_s / sojourn_s[i]), 0
        for j in range(k):
            n_alike += is_alike[i, j]
        right = math.exp(-dt_s / MISTAKEN_S) if n_alike < k else 1.0
        left = 0.0
        for j in range(k):
            if i != j and is_alike[i, j]:
                left += (1.0 - stay) / (n_alike - 1) * resumed[j]
        for j in range(k):
            chance = (1.0 - right) / max(k - n_alike, 1)
            if i == j:
                chance = right * (1.0 - left)
            elif is_alike[i, j]:
                chance = right * ((1.0 - stay) / (n_alike - 1)) * resumed[j]
            joint[i, j] = row[PROBABILITY + i] * chance


@kernel
def without_negligible(share: Floats, total: float) -> float:
    """Put to 0 what is a negligible part of a total, in place; return what is left."""
    left = 0.0
    for i in range(share.shape[0]):
        if share[i] < NEGLIGIBLE * total:
            share[i] = 0.0
        left += share[i]
    return left


@kernel
def weigh_miss(likely: Floats, seen: Floats, speaks: NDArray[np.bool_], missed: Floats) -> None:
    """Write (k,) how many times likelier a look that saw nothing makes each model, of those that are so likely.

    Those for or against which it does not speak stay as likely as they were, all together and each.
    """
    total, left = 0.0, 0.0
    for k in range(seen.shape[0]):
        if speaks[k]:
            total += likely[k]
            left += likely[k] * (1.0 - seen[k])
    for k in range(seen.shape[0]):
        missed[k] = (1.0 - seen[k]) * total / left if speaks[k] and left > 0.0 else 1.0


@kernel
def are_carried(
    real: Floats, is_young: NDArray[np.bool_], is_alike: NDArray[np.bool_], carried: NDArray[np.bool_]
) -> None:
    """Write of each row which models are of a kind that all together are not negligible; a young one's all count."""
    k = is_alike.shape[0]
    for t in range(real.shape[0]):
        for i in range(k):
            likely = 0.0
            for j in range(k):
                if is_alike[j, i]:
                    likely += real[t, PROBABILITY + j]
            carried[t, i] = is_young[t] or likely >= NEGLIGIBLE


@kernel
def leave_aside(
    real: Floats,
    rows: Integers,
    begin: Integers,
    weight: Floats,
    was_carried: NDArray[np.bool_],
    is_young: NDArray[np.bool_],
    is_alike: NDArray[np.bool_],
    sizes: Integers,
    offsets: Integers,
    extent: Floats,
) -> None:
    """See `Bank.leave_aside`; rows to which no plot matters stay as they are."""
    k = sizes.shape[0]
    stays = np.empty((1, k), np.bool_)
    for t in range(rows.shape[0]):
        matters = False
        for e in range(begin[t], begin[t + 1]):
            matters |= weight[e] > 0.0
        if not matters:
            continue
        row = real[rows[t] : rows[t] + 1]
        are_carried(row, is_young[t : t + 1], is_alike, stays)
        total, are_all = 0.0, True
        for i in range(k):
            if was_carried[t, i] and not stays[0, i]:
                row[0, PROBABILITY + i] = PROBABILITY_MIN
            total += row[0, PROBABILITY + i]
        for i in range(k):
            row[0, PROBABILITY + i] /= total
            stays[0, i] &= was_carried[t, i]
            are_all &= stays[0, i]
        if not are_all:
            stand_in(real, rows[t : t + 1], stays, sizes, offsets, extent)


@kernel
def stand_in(
    real: Floats, rows: Integers, carried: NDArray[np.bool_], sizes: Integers, offsets: Integers, extent: Floats
) -> None:
    """Give models that are left aside the mean and spread of the others, and their extent beyond."""
    n_models, mean, covariance = sizes.shape[0], np.empty(6), np.empty((6, 6))
    for t in range(rows.shape[0]):
        row, total, beyond = real[rows[t]], 0.0, 0
        for a in range(6):
            mean[a] = 0.0
            for b in range(6):
                covariance[a, b] = 0.0
        for k in range(n_models):
            if carried[t, k]:
                total += row[PROBABILITY + k]
        for k in range(n_models):
            if carried[t, k]:
                for a in range(6):
                    mean[a] += row[PROBABILITY + k] / total * row[offsets[k] + a]
        for k in range(n_models):
            if carried[t, k]:
                own, d = offsets[k], sizes[k]
                for a in range(6):
                    for b in range(6):
                        apart = (row[own + a] - mean[a]) * (row[own + b] - mean[b])
                        covariance[a, b] += row[PROBABILITY + k] / total * (row[own + d + a * d + b] + apart)
        for k in range(n_models):
            own, d = offsets[k], sizes[k]
            if not carried[t, k]:
                for a in range(d):
                    low, high = 0.0, 0.0
                    if a >= 6:
                        low, high = extent[beyond + a - 6, 0], extent[beyond + a - 6, 1]
                    row[own + a] = mean[a] if a < 6 else 0.5 * (low + high)
                    for b in range(d):
                        value = covariance[a, b] if a < 6 and b < 6 else 0.0
                        row[own + d + a * d + b] = (high - low) ** 2 / 12.0 if a == b and a >= 6 else value
            beyond += d - 6
