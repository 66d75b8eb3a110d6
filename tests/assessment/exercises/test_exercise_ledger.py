"""The ledger of seconds: by hand, and against a count of each single nanosecond by another rule."""

import numpy as np
from exercise_scenes import alert, happened_of, nobody, ns, step, told, tracks_of, truth_of
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.assessment.exercises.happened import Plot
from noroshi.assessment.exercises.ledger import STAGES, covers, figures, ledgers, split
from noroshi.assessment.exercises.naming import meant
from noroshi.assessment.exercises.warned import Near
from noroshi.geo.time import NS_PER_S
from noroshi.records import Kind

MOMENTS = st.integers(-5, 40)
SPANS = st.lists(st.tuples(MOMENTS, st.integers(0, 15)).map(lambda each: (each[0], each[0] + each[1])), max_size=6)


def array(spans):
    return np.array(spans, np.int64).reshape(-1, 2)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 30), st.integers(0, 10), st.lists(SPANS, min_size=1, max_size=6))
def test_stages_are_those_that_each_moment_has_and_sum_to_the_whole(length, begins, spans):
    ends = begins + length
    spent = split(begins, ends, [array(each) for each in spans])
    counted = [0] * (len(spans) + 1)
    for moment in range(begins, ends):
        last = [i for i, each in enumerate(spans, 1) if any(a <= moment < b for a, b in each)]
        counted[max(last, default=0)] += 1
    assert spent == counted
    assert min(spent) >= 0
    assert sum(spent) == length


@settings(max_examples=200, deadline=None)
@given(SPANS, st.lists(MOMENTS, min_size=1, max_size=20))
def test_what_spans_cover(spans, moments):
    found = covers(array(spans), np.array(moments, np.int64))
    assert found.tolist() == [any(a <= moment < b for a, b in spans) for moment in moments]


def scene(*, approved=True):
    """Return a threat from 0 to 100 s seen by a partner from 10 s and by the nation itself from 40 s, and its area.

    Visible to B from 8 s to 60 s; B's plots of 10 s and 14 s, period 4 s; B has a firm track in the pictures from 20 s
    to 32 s, the nation's own picture has one at 48 s and 52 s, its picture of all at 28 s and from 52 s; proposed at
    60 s, approved at 75 s, half had heard at 82 s.
    """
    seconds = np.arange(4.0, 101.0, 4.0)
    truth = truth_of({"t": [(0.0, 0.0, Kind.BALLISTIC), *((s, 0.0, Kind.BALLISTIC) for s in seconds)]})

    def rows(number, when):
        """Rows of a track that ends with the last: it is not shown beyond it."""
        return [(number, s, 50.0, Kind.BALLISTIC) for s in when]

    own = {"A": tracks_of(rows(1, [48.0, 52.0])), "B": tracks_of(rows(2, [20.0, 24.0, 28.0, 32.0]), node="B")}
    known = {"A": tracks_of([*rows(3, [28.0]), *rows(4, np.arange(52.0, 101.0, 4.0))])}
    said = [told("A", 60.0, "proposal", alert(4, ["X"], 60.0))]
    if approved:
        said += [
            told("A", 75.0, "decision", step("one", 75.0, "approved")),
            told("A", 75.0, "alert", alert(4, ["X"], 75.0)),
        ]
    return happened_of(
        truth, own, known, seconds=seconds,
        told=tuple(said),
        plots=tuple(
            Plot(node="B", threat="t", taken_ns=int(ns(s)), heard_ns=int(ns(s + 1.0)), period_ns=4 * NS_PER_S)
            for s in (10.0, 14.0)
        ),
        visible={("B", "t"): ns([[8.0, 60.0]])},
        partners={"A": ("B",)},
        people={"A": nobody()},
        reached_ns={("A", "t"): int(ns(82.0))} if approved else {},
    )  # fmt: skip


def near_at(second):
    return {
        ("A", "t"): Near(
            area=np.zeros(1, int),
            area_ns=ns([second]),
            area_over_ns=ns([second]),
            cell=np.zeros(0, int),
            cell_ns=ns([]),
        )
    }


def test_each_second_by_hand():
    happened = scene()
    (ledger,) = ledgers(happened, meant(happened), near_at(95.0))
    spent_s = dict(zip(STAGES, np.array(ledger.spent_ns) / NS_PER_S, strict=True))
    assert spent_s == {
        "physics": 8.0,  # up to 8 s
        "sensor": 3.0 + 12.0,  # 8 to 11 s; 36 to 48 s: the last plot, heard at 15 s, counts up to 25 s
        "tracking": 9.0,  # 11 to 20 s
        "link": 8.0 + 4.0,  # 20 to 28 s, 32 to 36 s
        "fusion": 4.0,  # 48 to 52 s
        "warning": 4.0 + 8.0,  # 28 to 32 s, 52 to 60 s
        "person": 15.0,
        "last_mile": 7.0,
    }
    assert sum(ledger.spent_ns) == ledger.ends_ns - ledger.begins_ns == 82 * NS_PER_S
    found = {each.measure: each.value for each in figures(happened, meant(happened), near_at(95.0))}
    assert found["ledger_whole_s"] == 82.0
    assert found["ledger_person_s"] == 15.0


def test_without_an_approval_the_person_has_the_ball_up_to_the_arrival():
    happened = scene(approved=False)
    (ledger,) = ledgers(happened, meant(happened), near_at(95.0))
    assert ledger.alert_ns is None
    assert ledger.spent_ns[STAGES.index("person")] == 35 * NS_PER_S
    assert ledger.spent_ns[STAGES.index("last_mile")] == 0
    assert sum(ledger.spent_ns) == 95 * NS_PER_S


def test_what_nobody_had_to_be_told_of_has_no_ledger():
    happened = scene()
    nobody_near = {
        ("A", "t"): Near(
            area=np.zeros(0, int), area_ns=ns([]), area_over_ns=ns([]), cell=np.zeros(0, int), cell_ns=ns([])
        )
    }
    silent = happened_of(
        truth_of({"t": [(s, 0.0, Kind.BALLISTIC) for s in (0.0, 4.0, 8.0)]}), {"A": tracks_of([])}, seconds=[4.0, 8.0],
        people={"A": nobody()},
    )  # fmt: skip
    assert ledgers(silent, {}, nobody_near) == []
    assert len(ledgers(happened, meant(happened), nobody_near)) == 1  # it was told all the same
