"""The relief plan of the shipped disaster is made, proposed and decided by the port of people; ways by hand."""

import math

import numpy as np
import pytest

from noroshi.command.rows import said_in
from noroshi.exercise.relief import ROADS, Depot, Place, Vehicle, problem_of
from noroshi.geo.wgs84 import MEAN_RADIUS_M
from noroshi.run.exercises.staging import planners, stage
from noroshi.run.scenarios import read_scenario


def test_a_trip_takes_the_way_there_and_back_and_the_turn():
    depot = Depot("d", math.radians(38.0), math.radians(141.0), (5.0,))
    place = Place("p", math.radians(39.0), math.radians(141.0), (5.0,), (1.0,))
    way_m = MEAN_RADIUS_M * math.radians(1.0)
    vehicles = [
        Vehicle("truck", 0, 10.0, 10.0, 600.0, flies=False, range_m=1e6),
        Vehicle("flies", 0, 10.0, 50.0, 300.0, flies=True, range_m=1e6),
        Vehicle("near", 0, 10.0, 10.0, 600.0, flies=False, range_m=way_m * 1.01),
    ]
    problem = problem_of((1.0,), [depot], [place], vehicles, 3_600.0)
    assert problem.trip_s[:, 0].tolist() == pytest.approx(
        [600.0 + 2.0 * ROADS * way_m / 10.0, 300.0 + 2.0 * way_m / 50.0, np.inf]
    )


def test_the_shipped_disasters_plan_is_advice_that_waits_for_an_approver():
    scenario = read_scenario("earthquake")
    staged = stage(scenario, codes=["JPN"])
    planner = planners(scenario, staged.cast, 0)["JPN relief"]
    watch = staged.node("JPN").watch
    now_ns = planner.wake_ns()
    assert now_ns == scenario.start_ns + 420 * 10**9
    (proposal,) = planner.plan(watch.command.book, now_ns)
    assert planner.wake_ns() is None
    (verdict,) = watch.command.receive(proposal, now_ns)
    assert verdict.refusal is None
    (waits,) = watch.command.book.inbox(nation="JPN")
    assert (waits.action, waits.state) == ("relief", "recommended")
    advice = said_in(str(proposal.content[0])).advice
    assert advice["alternatives"][0]["objective"] < advice["objective"] <= advice["bound"] + 1e-6
    assert advice["gap"] <= 1e-4
    assert len(advice["inputs"]) == 64
    detail = watch.command.book.matters["JPN", waits.stream].what.detail
    assert sum(number for *_, number in detail["trips"]) == advice["trips"]
