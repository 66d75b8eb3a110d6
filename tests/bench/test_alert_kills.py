"""A node that is killed between "decided" and "sent" loses no alert; and the hunt finds what is there to be found."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from alert_parts.killing import Found, kill_often


def test_no_kill_loses_or_doubles_an_alert(tmp_path):
    found = kill_often(tmp_path, runs=6, seed=7)
    assert found.counts["kills"] == 6
    assert found.decided
    assert found.faults() == {"lost": [], "not on the disk": [], "other bytes": [], "shown twice": [], "complaints": []}
    assert set(found.shown) >= set(found.decided)


def test_the_hunt_sees_what_is_lost_other_and_twice():
    found = Found()
    for identifier in ("other", "twice", "fine"):
        found.out(identifier, b"body")
        found.decided[identifier] = next(iter(found.bodies[identifier]))
        found.shown[identifier] += 1
    found.decided["lost"] = "digest"
    found.out("other", b"another body")
    found.shown["twice"] += 1
    faults = found.faults()
    assert faults["lost"] == faults["not on the disk"] == ["lost"]
    assert faults["other bytes"] == ["other"]
    assert faults["shown twice"] == ["twice"]
