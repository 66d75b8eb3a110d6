"""A live node warns: an aircraft enters a zone, a person approves at the page, and the message is in the outlet."""

import shutil
import time
from collections import deque

import pytest

from noroshi.formats.cap import ExerciseNotice, decode
from noroshi.records import Alert
from noroshi.run import pki
from noroshi.run.live.running import Running, Wanted
from noroshi.run.people import make_person
from noroshi.run.stores.audit import judge
from noroshi.run.stores.decisions import read_decisions

NATION = """
name = "Japan"
code = "JPN"

[live]
keys = "keys"
people = "people"

[warning]
countries = ["JP"]
look_s = 0.5
languages = ["en", "ja"]
zone = "Asia/Tokyo"
outlets = [{{ type = "file", folder = "{folder}" }}]
[[warning.rules]]
type = "zone_entry"
name = "watched zone"
polygon_deg = [[34.0, 139.0], [34.0, 143.0], [38.0, 143.0], [38.0, 139.0]]
unidentified_only = false
"""


@pytest.fixture
def nation(tmp_path):
    now_ns = time.time_ns()
    pki.make_authority(tmp_path / "keys", "JPN", exercise="LIVE-WARNING", now_ns=now_ns)
    pki.make_node(tmp_path / "keys", ["localhost"], now_ns=now_ns)
    make_person(tmp_path / "people", "mori@JPN", ("approver",))
    (tmp_path / "out").mkdir()
    path = tmp_path / "japan.toml"
    path.write_text(NATION.format(folder=tmp_path / "out"))
    return path


def until(running, holds, seconds=60.0):
    """Let the node run until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        running.node.turn()
        time.sleep(0.02)


def test_an_aircraft_in_a_zone_is_told_once_a_person_approves(nation, tmp_path):
    wanted = Wanted(nation=str(nation), state=tmp_path / "state", feeds=("simulated://first_steps",))
    proposed: deque[Alert] = deque()
    with Running(wanted) as running:
        heard = running.node._heard
        running.node._heard = lambda out, now_ns: (
            proposed.append(out.record) if out.channel == "proposal" else None, heard(out, now_ns)
        )[1]  # fmt: skip
        running.node.begin()
        until(running, lambda: proposed)
        assert not list((tmp_path / "out").iterdir())  # nobody has approved anything
        first = proposed[-1]
        running.deciding.decide("JPN", "", {"identifier": first.identifier, "step": "approved", "reason": ""})
        whose = running.node.node.watch.command.book.settings.area_nations
        assert (whose["JP"], whose["US"]) == ("JPN", "USA")  # what partners decide of their areas is understood
        matter = running.node.node.watch.command.book.matters["JPN", first.identifier]
        until(running, lambda: matter.state == "done_ok")
    (path,) = (tmp_path / "out").rglob("*.cap.xml")
    told = decode(path.read_bytes())
    assert isinstance(told, ExerciseNotice)
    assert told.identifier == first.identifier
    assert "EXERCISE" in path.read_text()
    assert "訓練" in path.read_text()
    content = path.read_bytes()
    record = tmp_path / "state" / "decisions"
    kept = list(read_decisions(record))
    steps = [(row.step, row.by) for row in kept if row.stream == first.identifier]
    assert steps == [
        ("recommended", "machine"), ("approved", "mori@JPN"), ("tasked", "machine"), ("received", "machine"),
        ("done_ok", "machine"),
    ]  # fmt: skip
    assert judge(record, keys=tmp_path / "keys").verdict.faults == ()
    with Running(wanted) as running:  # it is started again: what was told is known, and the same
        book = running.node.node.watch.command.book
        assert book.matters["JPN", first.identifier].approvals["JPN"].by == "mori@JPN"
        assert set(kept) == {row for matter in book.matters.values() for row in matter.rows}
        assert list(read_decisions(record)) == kept  # and nothing of it is there twice
        running.node.begin()
        running.node.turn()
    assert path.read_bytes() == content
    kept = list(read_decisions(record))
    shutil.rmtree(record)
    with Running(wanted):  # it fell before the record was written: what is missing is added, in the order of streams
        assert set(read_decisions(record)) == set(kept)
    assert judge(record, keys=tmp_path / "keys").verdict.faults == ()


def test_nobody_decides_without_a_key_of_an_approver(nation, tmp_path):
    with Running(Wanted(nation=str(nation), state=tmp_path / "state", feeds=("simulated://first_steps",))) as running:
        for user, view in (("tanaka@JPN", "JPN"), ("", "USA")):
            with pytest.raises(ValueError, match="key of an approver"):
                running.deciding.decide(view, user, {"identifier": "JPN-1", "step": "approved", "reason": ""})
        with pytest.raises(ValueError, match="say why"):
            running.deciding.decide("JPN", "", {"identifier": "JPN-1", "step": "rejected", "reason": " "})
