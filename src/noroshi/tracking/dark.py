"""Looks that saw nothing, by sensors that see some kinds of targets better than others: is it gone, or is it cold?

An infrared satellite that is known to have looked (`Quality.NOTHING`) at where a boost should be, and sees it no more,
says that the burn is over rather than that there was no target. A look that nobody is known to have taken says nothing
of the kind: a feed may be cut. By Bayes a miss multiplies the probability of each motion model by its chance of being
missed, and that of the target's existence by the mean of these over the models: the missed detection of an interacting
multiple model filter with existence, whose models differ in their probability of detection.

Nobody saw when between two looks the motion changed. A model that was taken up since the look before began at any
moment in between alike, not at the first of them as in the usual mixing: after 50 m/s2 and looks each 5 s that is a
velocity of 125 m/s more, give or take 72. With e how much further the old motion would have come than the new one by
the end, in place and in velocity, and u uniform between 0 and 1 how late the change was, it is (1 - (1 - u)^2) e and
u e further than one that changed at once, exactly so if the two motions differ by a constant acceleration.

Sources: Musicki and Suvorova (2008), see `tracking.bank`; Musicki and Evans (2004), see `tracking.trackers.soft`. The
moments of u are elementary.
"""

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.sensors import Sensor
from noroshi.tracking.bank import Bank, is_young
from noroshi.tracking.mixing import PROBABILITY_MIN, may_have_changed, stand_in, weigh_miss, without_negligible
from noroshi.tracking.store import PROBABILITY, Integers, Layout, Whole

PLACE, SPEED = 2.0 / 3.0, 1.0 / 2.0  # means of 1 - (1 - u)^2 and of u
PLACE_2, PLACE_SPEED, SPEED_2 = 4.0 / 45.0, 1.0 / 12.0, 1.0 / 12.0  # their variances, and what they have in common
SHARE = np.repeat([PLACE, SPEED], 3)
SPREAD = np.kron([[PLACE_2, PLACE_SPEED], [PLACE_SPEED, SPEED_2]], np.ones((3, 3)))


def miss(
    bank: Bank, layout: Layout, real: Floats, whole: Integers, rows: Integers, time_ns: int, sensor: Sensor
) -> Floats:
    """Carry tracks on to a look that missed them, in place, and return (n,) how likely it was to see each target.

    Args:
        bank: the models.
        layout: of the rows.
        real, whole: the tracks, as in a `Store`; existence and what counts looks stay as they are.
        rows: (n,) which of them; none is newer than the look.
        time_ns: when they were looked for.
        sensor: whose look it is.
    """
    older = rows[whole[rows, Whole.TIME] < time_ns]
    if older.size:
        _carry(bank, layout, real, older, is_young(whole, older), (time_ns - whole[older, Whole.TIME]) / NS_PER_S)
    whole[rows, Whole.TIME] = time_ns
    (seen, speaks), k = bank.seen_by(sensor), len(layout.sizes)
    likely = real[rows, PROBABILITY : PROBABILITY + k]
    chance = np.array([chance_to_see(each, seen, speaks) for each in likely])
    _weigh(likely, seen, speaks)
    after = np.maximum(likely, PROBABILITY_MIN)
    real[rows, PROBABILITY : PROBABILITY + k] = after / after.sum(axis=1, keepdims=True)
    return chance


def _carry(bank: Bank, layout: Layout, real: Floats, rows: Integers, young: NDArray[np.bool_], dt_s: Floats) -> None:
    """Carry tracks on by dt_s (n,), models mixed as the motion may have changed at any moment meanwhile."""
    k, sizes, offsets = len(layout.sizes), layout.sizes, layout.offsets
    before, joint = real[rows], np.empty((len(rows), k, k))
    _joint(before, dt_s, bank.sojourn_s, bank.resumed, bank.is_alike, joint)
    after = before.copy()
    after[:, PROBABILITY : PROBABILITY + k] = joint.sum(axis=1)
    moved_by = after[:, layout.considered :].reshape(len(rows), -1, 6)  # straight on, as `tracking.considered` has it
    moved_by[:, :, :3] += dt_s[:, None, None] * moved_by[:, :, 3:]
    carried = bank.carried(after, young)
    kept = [_kept(before, offset, size) for offset, size in zip(offsets, sizes, strict=True)]
    ahead = [motion.predict(mean, spread, dt_s) for motion, (mean, spread) in zip(bank.motions, kept, strict=True)]
    beyond = 0
    for j, (size, offset) in enumerate(zip(sizes, offsets, strict=True)):
        extent = bank.extent[beyond : beyond + size - 6]
        beyond += size - 6
        share = np.ascontiguousarray(joint[:, :, j])
        _without_negligible(share)
        share /= share.sum(axis=1, keepdims=True)
        means, spreads = np.zeros((k, len(rows), size)), np.zeros((k, len(rows), size, size))
        for i in range(k):
            some = np.flatnonzero((share[:, i] > 0.0) & carried[:, j])
            if i == j:
                has = share[:, i] > 0.0  # what is carried too far for its equations has no share, and is no number
                means[i, has], spreads[i, has] = ahead[j][0][has], ahead[j][1][has]
            elif some.size:
                mean, spread = kept[j][0][some].copy(), kept[j][1][some].copy()
                if bank.sets_in[i, j]:
                    mean[:, 6:], spread[:, 6:] = extent.mean(axis=1), 0.0
                    spread[:, 6:, 6:] = np.diag((extent[:, 1] - extent[:, 0]) ** 2 / 12.0)
                mean[:, :6], spread[:, :6, :6] = kept[i][0][some, :6], kept[i][1][some, :6, :6]
                spread[:, :6, 6:], spread[:, 6:, :6] = 0.0, 0.0
                new = bank.motions[j].predict(mean, spread, dt_s[some])
                means[i, some], spreads[i, some] = _changed_between(new, ahead[i][0][some], ahead[i][1][some])
        mean = np.einsum("ni,ina->na", share, means)
        off = means - mean
        spread = np.einsum("ni,inab->nab", share, spreads + off[:, :, :, None] * off[:, :, None, :])
        after[:, offset : offset + size] = mean
        after[:, offset + size : offset + size + size * size] = spread.reshape(len(rows), -1)
    aside = np.flatnonzero(~carried.all(axis=1))
    stand_in(after, aside, carried[aside], np.array(sizes), offsets, bank.extent)
    real[rows] = after


def _kept(real: Floats, offset: int, size: int) -> tuple[Floats, Floats]:
    """Return the (n, d) means and (n, d, d) covariances of one model."""
    spread = real[:, offset + size : offset + size + size * size].reshape(-1, size, size)
    return np.ascontiguousarray(real[:, offset : offset + size]), np.ascontiguousarray(spread)


def _changed_between(new: tuple[Floats, Floats], old: Floats, old_spread: Floats) -> tuple[Floats, Floats]:
    """Return (n, d) means and (n, d, d) covariances of what took up a motion at any moment between two looks.

    Args:
        new: what it is now if it did at the first look, (n, d) and (n, d, d).
        old, old_spread: what it is if it did not until the second.
    """
    mean, spread = new
    further = old[:, :6] - mean[:, :6]
    between, late = mean.copy(), spread.copy()
    between[:, :6] += SHARE * further
    late[:, :6, 6:], late[:, 6:, :6] = 0.0, 0.0
    late[:, :6, :6] = old_spread[:, :6, :6]
    both = 0.5 * (spread + late)
    both[:, :6, :6] += SPREAD * further[:, :, None] * further[:, None, :]
    return between, both


@kernel
def chance_to_see(likely: Floats, seen: Floats, speaks: NDArray[np.bool_]) -> float:
    """Return the chance that a look sees what moves by (k,) models that are so likely, seen with so much each.

    A model for or against which a miss does not speak counts as what is seen least, while it is not the likelier half:
    no miss ever lowers its share, and what it hardly is would be thought gone for it in the end.
    """
    total, silent, chance, silently, least = 0.0, 0.0, 0.0, 0.0, seen.min()
    for k in range(seen.shape[0]):
        total += likely[k]
        if speaks[k]:
            chance += likely[k] * seen[k]
        else:
            silent += likely[k]
            silently += likely[k] * seen[k]
    chance += silently if silent >= 0.5 * total else silent * least
    return chance / total if least < seen.max() else seen[0]


@kernel
def _joint(
    real: Floats, dt_s: Floats, sojourn_s: Floats, resumed: Floats, is_alike: NDArray[np.bool_], joint: Floats
) -> None:
    for t in range(real.shape[0]):
        may_have_changed(real[t], dt_s[t], sojourn_s, resumed, is_alike, joint[t])


@kernel
def _without_negligible(share: Floats) -> None:
    for t in range(share.shape[0]):
        without_negligible(share[t], share[t].sum())


@kernel
def _weigh(likely: Floats, seen: Floats, speaks: NDArray[np.bool_]) -> None:
    """Weigh (n, k) probabilities of models by a miss, in place."""
    missed = np.ones(seen.shape[0])
    for t in range(likely.shape[0]):
        weigh_miss(likely[t], seen, speaks, missed)
        for k in range(seen.shape[0]):
            likely[t, k] *= missed[k]
