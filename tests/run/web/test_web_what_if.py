"""What a change of an exercise gains: the run of a campaign beside one without it, and who may ask."""

import math
import sys
from pathlib import Path

import pytest
from web_scenes import page, ran

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "play"))  # play_scenes

import play_scenes

from noroshi.assessment.results import Figure, RunResult
from noroshi.run.scenarios import read_scenario
from noroshi.run.web.app import Pages
from noroshi.run.web.what_if import WhatIf, gains


def result(**values):
    figures = [Figure(measure="time_to_alert_s", value=value, node=node, subject="t") for node, value in values.items()]
    figures.append(Figure(measure="siap", value=0.5))
    figures.append(Figure(measure="time_to_firm_track_s", value=math.nan, node="JPN", subject="t"))
    return RunResult(variant="a", replicate=0, figures=figures)


def test_gains_are_paired_and_what_never_came_is_said():
    found = {row["node"]: row for row in gains(result(JPN=50.0, USA=40.0, AUS=9.0, KOR=math.inf), result(
        JPN=41.5, USA=math.inf, KOR=12.0, GBR=3.0))}  # fmt: skip
    assert set(found) == {"JPN", "USA", "KOR"}
    assert (found["JPN"]["gained_s"], found["JPN"]["is_better"]) == (8.5, True)
    assert (found["USA"]["after"], found["USA"]["gained_s"], found["USA"]["is_better"]) == (None, None, False)
    assert (found["KOR"]["before"], found["KOR"]["after"], found["KOR"]["is_better"]) == (None, 12.0, True)


def test_a_radar_that_stands_elsewhere_sees_the_threat_at_another_time(tmp_path):
    scenario = read_scenario(str(play_scenes.write_scenario(tmp_path, duration_s=45.0)))
    asked = WhatIf(scenario)
    try:
        options = asked.options()
        assert options["links"] == ["JPN-USA"]
        (path,) = [sensor["path"] for sensor in options["sensors"] if sensor["name"] == "USA-coast"]
        moved = {f"{path}.lat_deg": 20.0, "nations.JPN": False}
        asked.prepare()
        asked.prepare()  # it is made once
        found = asked.ask(moved).result(300.0)
        assert found["took_s"] > 0.0
        lost = [row for row in found["rows"] if row["node"] == "USA" and row["measure"] == "time_to_firm_track_s"]
        assert [(row["subject"], row["after"], row["is_better"]) for row in lost] == [("threat", None, False)]
        assert lost[0]["before"] < 45.0
        assert asked.ask({f"{path}.height_m": 190.0}).result(300.0)["rows"] == []  # no change, no gain
        with pytest.raises(ValueError, match="nobody"):
            asked.ask({"nations.nobody": False}).result(300.0)
        with pytest.raises(ValueError, match="change something"):
            asked.ask({})
    finally:
        asked.close()


def test_who_sits_at_the_machine_may_ask_and_is_told_why_not():
    served = Pages(ran()[1], "127.0.0.1:0")
    with page(served) as one:
        assert one.text("hello")["what_if"]["nations"] == ["ONE", "TWO"]
        refused = one.text("refused", n=one.say("what_if", changes={}))
        assert "change something" in refused["reason"]
    served.close()
