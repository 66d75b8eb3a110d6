"""What several nodes of one process ask about one track is reckoned once, and comes to the same as for each alone."""

import numpy as np

from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Kind
from noroshi.records.known import Known
from noroshi.warning.falling import fall_from
from noroshi.warning.forecast import ending, path_of
from noroshi.warning.foresee import foresee

START_NS = 1_893_456_000 * 10**9
STATE = np.concatenate([ecef_from_geodetic(0.6, 2.4, 300e3), [-2_000.0, 1_500.0, 1_000.0]])
COVARIANCE = np.diag([*[200.0**2] * 3, *[5.0**2] * 3])
FALLS = np.eye(len(Kind))[Kind.BALLISTIC]


def test_the_same_question_has_one_answer():
    known = Known(4)
    first = foresee(STATE, COVARIANCE, FALLS, START_NS, known=known)
    assert foresee(STATE.copy(), COVARIANCE.copy(), FALLS.copy(), START_NS, known=known) is first
    alone = fall_from(STATE, COVARIANCE, START_NS)
    for name in ("time_ns", "position_ecef_m", "end_ns", "lands"):
        np.testing.assert_array_equal(getattr(first, name), getattr(alone, name))
    assert ending(first) is ending(first)
    assert path_of(first) is path_of(first)
    assert ending(first).time_ns == ending(alone).time_ns


def test_any_other_question_has_its_own():
    known = Known(10)
    first = foresee(STATE, COVARIANCE, FALLS, START_NS, known=known)
    moved, wider = STATE + np.eye(6)[0] * 1e-3, COVARIANCE * (1.0 + 1e-12)
    less_sure = 0.99 * FALLS + 0.01 * np.eye(len(Kind))[Kind.AIRCRAFT]
    others = [
        foresee(moved, COVARIANCE, FALLS, START_NS, known=known),
        foresee(STATE, wider, FALLS, START_NS, known=known),
        foresee(STATE, COVARIANCE, less_sure, START_NS, known=known),
        foresee(STATE, COVARIANCE, FALLS, START_NS + 1, known=known),
        foresee(STATE, COVARIANCE, FALLS, START_NS, unseen_s=1.0, known=known),
    ]
    assert len({id(each) for each in (first, *others)}) == 1 + len(others)


def test_the_oldest_is_forgotten_and_the_same_comes_of_it_again():
    known = Known(1)
    first = foresee(STATE, COVARIANCE, FALLS, START_NS, known=known)
    foresee(STATE, COVARIANCE, FALLS, START_NS + 1, known=known)
    again = foresee(STATE, COVARIANCE, FALLS, START_NS, known=known)
    assert again is not first
    np.testing.assert_array_equal(again.position_ecef_m, first.position_ecef_m)
