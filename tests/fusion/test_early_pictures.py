"""A picture that is asked for before partners' word has come ends no step, and changes nothing of what comes out."""

import numpy as np
from fusion_scenes import NS, START_NS, level, place, tracks

from noroshi.fusion import Fusion
from noroshi.records import digest

SIGMA = np.diag([50.0**2] * 3 + [2.0**2] * 3)
STATE = level(place(np.array([36.0]), np.array([141.0])), 200.0, 0.0)


def row(owner, number, at_s):
    state = STATE.copy()
    state[:, :3] += at_s * state[:, 3:]
    return tracks(owner, [number], START_NS + round(at_s * NS), state, SIGMA[None])


def fused(asks, *, is_early):
    """Fold rows of two owners, of whom the second's come late; ask in between."""
    fusion, early = Fusion("JPN"), []
    for k in range(1, 12):
        fusion.receive(row("JPN", 7, float(k)), owner="JPN", feed="f", seq=k, coarse=False)
        if asks:
            early.append(fusion.picture(START_NS + k * NS + NS // 10, is_early=is_early))
        fusion.receive(row("USA", 9, float(k)), owner="USA", feed="f", seq=k, coarse=False)
    return fusion, early


def test_an_early_picture_takes_nothing_back_and_has_what_came():
    plain, _ = fused(asks=False, is_early=True)
    fusion, early = fused(asks=True, is_early=True)
    last_ns = START_NS + 11 * NS + NS // 2
    assert digest(fusion.picture(last_ns)) == digest(plain.picture(last_ns))
    assert fusion.counts["times taken back"] == 0
    assert [int(each.updated_ns.max()) for each in early] == [START_NS + k * NS for k in range(1, 12)]
    otherwise, _ = fused(asks=True, is_early=False)
    assert otherwise.counts["times taken back"] >= 10


def test_an_early_picture_of_what_is_settled_is_the_settled_one():
    fusion, _ = fused(asks=False, is_early=True)
    settled = fusion.picture(START_NS + 11 * NS + NS // 2)
    assert digest(fusion.picture(START_NS + 11 * NS + NS // 2, is_early=True)) == digest(settled)
