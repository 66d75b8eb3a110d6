"""All-clears by hand: early, late, never; of one threat and of several in one area."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from exercise_scenes import alert, happened_of, nobody, ns, told, tracks_of, truth_of, values

from noroshi.assessment.exercises.all_clears import figures
from noroshi.assessment.exercises.warned import Near
from noroshi.records import Kind

SECONDS = np.arange(4.0, 201.0, 4.0)
CODES = ("X", "Y", "Z")


def found_of(messages, over, *, meant=None, flies_s=120.0, proposals=()):
    """Return the figures of messages (second, number, codes, kind), for threats that were last near at some seconds.

    Each message was proposed 5 s before; proposals beside these came to nothing.
    """
    paths = {name: [(s, 0.0, Kind.BALLISTIC) for s in SECONDS if s <= flies_s] for name in over}
    none, areas = tracks_of([]), SimpleNamespace(code=np.array(CODES))
    happened = happened_of(
        truth_of(paths), {"A": none}, seconds=SECONDS, people={"A": nobody()}, areas=areas,
        told=tuple(
            told("A", s - before_s, channel, alert(number, codes, s - before_s, message=kind, identifier=f"A-{i}"))
            for i, (s, number, codes, kind) in enumerate(messages)
            for channel, before_s in (("proposal", 5.0), ("alert", 0.0))
        ) + tuple(told("A", s, "proposal", alert(n, codes, s, message=kind)) for s, n, codes, kind in proposals),
    )  # fmt: skip
    nearby = {
        ("A", name): Near(
            area=np.array([CODES.index(code) for code in near]),
            area_ns=ns([0.0] * len(near)),
            area_over_ns=ns(list(near.values())),
            cell=np.zeros(0, np.int64),
            cell_ns=np.zeros(0, np.int64),
        )
        for name, near in over.items()
    }
    return list(figures(happened, meant or {("A", 5): "t"}, nearby))


def of(found, measure):
    """Return the values of a measure by threat and area."""
    return {subject: value for (_, _, subject), value in values(found, measure).items()}


def test_an_all_clear_is_counted_from_when_it_was_over():
    messages = [(20.0, 5, ["X", "Y", "Z"], "Alert"), (90.0, 5, ["Y", "Z"], "Update"), (130.0, 5, ["Y", "Z"], "Cancel")]
    found = found_of(messages, {"t": {"X": 80.0, "Y": 100.0}})
    assert of(found, "all_clear_s") == {"t X": 10.0, "t Y": 30.0}  # it never was near Z
    assert of(found, "all_clear_decided_s") == {"t X": 5.0, "t Y": 5.0}
    assert of(found, "all_clears_early") == of(found, "areas_never_cleared") == {"": 0.0}


def test_an_all_clear_that_is_proposed_anew_was_proposed_when_it_was_first():
    messages = [(20.0, 5, ["X"], "Alert"), (150.0, 5, ["X"], "Cancel")]
    again = [(105.0, 5, ["X"], "Cancel"), (120.0, 5, ["X"], "Update"), (130.0, 5, ["X"], "Cancel")]
    again += [(135.0, 7, ["X"], "Alert")]  # of another threat
    found = found_of(messages, {"t": {"X": 100.0}}, proposals=again)
    assert of(found, "all_clear_decided_s") == {"t X": 20.0}


def test_told_before_it_is_over_is_early_though_it_is_told_again():
    messages = [(20.0, 5, ["X"], "Alert"), (60.0, 5, ["X"], "Cancel"), (70.0, 5, ["X"], "Alert"),
                (130.0, 5, ["X"], "Cancel")]  # fmt: skip
    found = found_of(messages, {"t": {"X": 100.0}})
    assert of(found, "all_clear_s") == {"t X": -40.0}
    assert of(found, "all_clears_early") == {"": 1.0}


def test_whom_nobody_told_that_it_is_over():
    found = found_of([(20.0, 5, ["X", "Z"], "Alert")], {"t": {"X": 100.0}})
    assert of(found, "all_clear_s") == {"t X": math.inf}
    assert of(found, "all_clear_decided_s") == {}
    assert of(found, "areas_never_cleared") == {"": 2.0}
    flying = found_of([(20.0, 5, ["X", "Z"], "Alert")], {"t": {"X": 200.0}}, flies_s=200.0)
    assert of(flying, "all_clear_s") == {}
    assert of(flying, "areas_never_cleared") == {"": 0.0}


def test_what_is_told_of_nothing_true_is_over_when_all_threats_are():
    messages = [(20.0, 5, ["X"], "Alert"), (25.0, 9, ["Z"], "Alert"), (110.0, 5, ["X"], "Cancel")]
    assert of(found_of(messages, {"t": {"X": 100.0}}), "areas_never_cleared") == {"": 1.0}
    assert of(found_of(messages, {"t": {"X": 100.0}}, flies_s=200.0), "areas_never_cleared") == {"": 0.0}


@pytest.mark.parametrize(
    ("first_s", "second_s", "clear_s", "n_early"),
    [
        (125.0, 130.0, {"t X": 10.0, "u X": 10.0}, 0),  # over for both when the second is
        (110.0, 130.0, {"t X": 10.0, "u X": -10.0}, 1),  # people are called out under the second
    ],
)
def test_two_threats_in_one_area_are_over_together(first_s, second_s, clear_s, n_early):
    messages = [(20.0, 5, ["X"], "Alert"), (30.0, 6, ["X"], "Alert"), (first_s, 5, ["X"], "Cancel"),
                (second_s, 6, ["X"], "Cancel")]  # fmt: skip
    over = {"t": {"X": 100.0}, "u": {"X": 120.0}}
    found = found_of(messages, over, meant={("A", 5): "t", ("A", 6): "u"}, flies_s=190.0)
    assert of(found, "all_clears_early") == {"": float(n_early)}
    assert of(found, "all_clear_s") == clear_s


def test_a_ghost_of_a_broken_track_ends_with_the_threat_itself():
    messages = [(20.0, 5, ["X"], "Alert"), (30.0, 7, ["X"], "Alert"), (110.0, 5, ["X"], "Cancel"),
                (150.0, 7, ["X"], "Cancel")]  # fmt: skip
    found = found_of(messages, {"t": {"X": 100.0}}, meant={("A", 5): "t", ("A", 7): "t"})
    assert of(found, "all_clear_s") == {"t X": 50.0}
    early = found_of([(*messages[0],), (*messages[1],), (80.0, 7, ["X"], "Cancel"), messages[2]], {"t": {"X": 100.0}})
    assert of(early, "all_clear_s") == {"t X": -20.0}


def test_told_too_late_is_cleared_of_what_was_told():
    found = found_of([(110.0, 5, ["X"], "Alert"), (140.0, 5, ["X"], "Cancel")], {"t": {"X": 100.0}})
    assert of(found, "all_clear_s") == {"t X": 40.0}
