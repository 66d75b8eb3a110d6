"""The circle from picture to sensors: the same bytes resumed in two processes, and what is approved is what is seen."""

import numpy as np

from noroshi.command.tasks import looks_in
from noroshi.records import Decision
from noroshi.run.exercises.running import Plan, run
from noroshi.run.exercises.staging import stage
from noroshi.run.scenarios import read_scenario


def test_looks_that_are_approved_are_taken_and_a_resumed_run_is_the_same(tmp_path):
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()
    whole = run(Plan(scenario="looks", folder=tmp_path / "whole", until_s=195.0))
    half = run(Plan(scenario="looks", folder=tmp_path / "parts", until_s=180.0), processes=2)
    rest = run(Plan(scenario="looks", folder=tmp_path / "parts", until_s=195.0), resume=half.checkpoint)
    assert rest.digests == whole.digests
    steps = [
        (node, str(stream), str(step))
        for node, _, channel, record in whole.told
        if channel == "decision" and isinstance(record, Decision)
        for stream, step in zip(record.stream, record.step, strict=True)
        if str(stream).startswith("looks-")
    ]
    begun = {stream for node, stream, step in steps if (node, step) == ("USA", "executing")}
    assert begun
    assert {stream for node, stream, step in steps if (node, step) == ("JPN", "executing")} == begun
    scenario = read_scenario("looks")
    feeds = {feed.name: feed for feed in stage(scenario).feeds}
    asked = [
        look
        for node, _, channel, record in whole.told
        if channel == "decision" and node == "JPN" and isinstance(record, Decision)
        for stream, step, content in zip(record.stream, record.step, record.content, strict=True)
        if step == "recommended" and str(stream) in begun
        for look in looks_in(_what(str(content)))
    ]
    eyes = {look.sensor for look in asked}
    assert any(name.startswith("usa-eyes") for name in eyes)
    assert all(feeds[name].back is not None for name in eyes)
    assert np.all(np.diff(sorted({look.time_ns for look in asked})) > 0)


def _what(content):
    from noroshi.command.rows import said_in

    return said_in(content).what
