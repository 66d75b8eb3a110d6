"""What the page is told of a solver's advice, and of what somebody writes in its place."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "command"))
from command_scenes import PEOPLE, SETTINGS, START_NS, said, task

from noroshi.advice.looks import advise, looks
from noroshi.command.book import Book
from noroshi.command.transitions import Step
from noroshi.run.authority import shipped
from noroshi.run.web.texts import matter_row


def row_of(advice):
    book = Book("JPN", PEOPLE, shipped(), SETTINGS)
    first = said(book, "s", Step.RECOMMENDED, "sato@JPN", START_NS, what=task(), advice=advice)
    assert book.take_row(first, START_NS).refusal is None
    return matter_row(book.matters["JPN", "s"])


def test_a_plan_is_told_with_its_bound_and_what_there_is_instead():
    problem = looks(np.full((2, 2), 1), np.array([5.0, 3.0]), np.ones((2, 2, 2), bool))
    plan = advise(problem, time_limit_s=1.0, clock=lambda: 0.0, alternatives=1)
    told = row_of(plan.told())["advice"]
    assert (told["objective"], told["bound"], told["gap"]) == (plan.reward, plan.bound, plan.gap)
    assert [one["plan"] for one in told["alternatives"]] == ["greedy", "without a look"]
    assert told["alternatives"][1]["look"] == list(plan.others[0].without)
    assert told["alternatives"][1]["objective"] == plan.others[0].reward


@pytest.mark.parametrize("advice", [{}, {"solver": "x"}, {"solver": [], "objective": "<b>", "bound": 1, "gap": None}])
def test_what_is_no_advice_is_not_told(advice):
    assert row_of(advice)["advice"] is None
