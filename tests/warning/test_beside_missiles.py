"""What is told beside missiles: entries are timed as geodesics on the ellipsoid have them, silences by the clock."""

import re
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from pyproj import Geod, Transformer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # sharing_scenes
from sharing_scenes import START_NS, tracks_of

from noroshi.formats.columns import pack, unpack
from noroshi.geo.time import NS_PER_S
from noroshi.records import Certainty, Identity, Kind, Stage, TrackStatus, certain_kind
from noroshi.run.areas import areas
from noroshi.warning.core import Warner
from noroshi.warning.rules import Base, Finding
from noroshi.warning.rules.silent_sensor import Rule as SilentSensor
from noroshi.warning.rules.zone_entry import STEPS
from noroshi.warning.rules.zone_entry import Rule as ZoneEntry

GEOD = Geod(ellps="WGS84")
ECEF = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
ZONE = ((34.0, 139.0), (34.0, 143.0), (38.0, 143.0), (38.0, 139.0))
STEP_S = 600.0 / STEPS


def one(*, lat=36.0, lon=138.0, height_m=9_000.0, course=90.0, speed_m_s=250.0, kind=Kind.AIRCRAFT, **columns):
    """Return one firm track, placed and moved by pyproj."""
    ahead_lon, ahead_lat, _ = GEOD.fwd(lon, lat, course, 1.0)
    here, ahead = (np.array(ECEF.transform(*at, height_m)) for at in ((lon, lat), (ahead_lon, ahead_lat)))
    way = (ahead - here) / np.linalg.norm(ahead - here)
    return tracks_of(1, **{
        "state_ecef": np.concatenate([here, speed_m_s * way])[None],
        "covariance_ecef": np.diag([50.0**2] * 3 + [2.0**2] * 3)[None],
        "kind_probability": certain_kind(int(kind), 1),
        "status": np.array([TrackStatus.FIRM], np.uint8),
        "identity": Identity.absent(1),
        **columns,
    })  # fmt: skip


def found(rule, picture, heard_ns=None):
    return rule.look(picture, heard_ns or {}, START_NS)


def zone(**changes):
    return ZoneEntry(name="watched zone", **{"polygon_deg": ZONE, **changes})


@pytest.mark.parametrize(("lon", "speed_m_s"), [(138.0, 250.0), (138.5, 100.0), (137.8, 600.0)])
def test_entry_is_told_for_when_the_geodesic_crosses_the_edge(lon, speed_m_s):
    _, _, away_m = GEOD.inv(lon, 36.0, 139.0, 36.0)
    there_ns = START_NS + round(away_m / speed_m_s * NS_PER_S)
    (finding,) = found(zone(), one(lon=lon, speed_m_s=speed_m_s))
    assert (finding.stage, finding.hazard, finding.name) == (Stage.ENTERING, "aircraft", "watched zone")
    assert finding.first_ns <= there_ns <= finding.last_ns
    sigma_s = np.sqrt(3.0) * 50.0 / speed_m_s
    assert finding.last_ns - finding.first_ns <= (2.0 * STEP_S + 4.0 * sigma_s) * NS_PER_S + 2


def test_who_is_inside_has_entered_and_who_goes_elsewhere_is_not_told():
    (inside,) = found(zone(), one(lon=140.0))
    assert (inside.stage, inside.first_ns, inside.last_ns) == (Stage.ENTERED, START_NS, START_NS)
    assert not found(zone(), one(course=270.0))
    assert not found(zone(), one(lon=136.0))  # 270 km: it takes longer than ten minutes
    assert found(zone(ahead_s=1_200.0), one(lon=136.0))


def test_a_zone_has_a_floor_and_a_ceiling():
    assert not found(zone(height_m_min=9_500.0), one())
    assert not found(zone(height_m_max=8_500.0), one())
    assert found(zone(height_m_min=8_500.0, height_m_max=9_500.0), one())


def test_a_zone_may_lie_across_180_degrees():
    across = zone(polygon_deg=((34.0, 179.0), (34.0, -179.0), (38.0, -179.0), (38.0, 179.0)))
    assert found(across, one(lon=-178.0, course=270.0))
    assert found(across, one(lon=178.0))
    assert not found(across, one(lon=0.0))


def test_ships_are_told_where_ships_are_asked_for():
    ship = one(lon=138.95, height_m=0.0, speed_m_s=10.0, kind=Kind.SHIP)
    assert not found(zone(), ship)
    assert found(zone(kinds=("ship",)), ship)[0].hazard == "ship"


def test_kinds_are_likely_between_them_and_one_named_twice_is_no_likelier():
    probability = np.zeros((1, len(Kind)))
    probability[0, [Kind.AIRCRAFT, Kind.SHIP, Kind.BALLISTIC]] = 0.3, 0.3, 0.4
    doubtful = one(kind_probability=probability)
    assert found(zone(kinds=("aircraft", "ship")), doubtful)
    assert not found(zone(kinds=("aircraft",)), doubtful)
    assert not found(zone(kinds=("aircraft", "aircraft")), doubtful)


@pytest.mark.parametrize("said", [{"icao_address": 0x840123}, {"mmsi": 431_000_001}, {"call_sign": "JAF123"}])
def test_who_says_who_it_is_is_told_only_if_asked_for(said):
    absent = Identity.absent(1)
    columns = {name: getattr(absent, name) for name in ("icao_address", "mode_3a", "mmsi", "call_sign")}
    known = one(identity=Identity(**{**columns, **{name: np.array([value]) for name, value in said.items()}}))
    assert not found(zone(), known)
    assert found(zone(unidentified_only=False), known)


def test_a_tentative_or_lost_track_is_no_entry_and_a_coasting_one_is_said_to_be_unmeasured():
    for status in (TrackStatus.TENTATIVE, TrackStatus.LOST):
        assert not found(zone(), one(status=np.array([status], np.uint8)))
    assert found(zone(), one(status=np.array([TrackStatus.COASTING], np.uint8)))[0].is_lost


def test_a_sensor_is_told_once_it_was_silent_for_longer_than_asked():
    heard_ns = {name: START_NS - round(ago_s * NS_PER_S) for name, ago_s in (("a", 61.0), ("b", 60.0), ("c", 300.0))}
    nobody = tracks_of(0)
    told = found(SilentSensor(name="silence"), nobody, heard_ns)
    assert [(each.name, each.first_ns) for each in told] == [("a", heard_ns["a"]), ("c", heard_ns["c"])]
    assert [each.name for each in found(SilentSensor(name="s", sensors=("c", "d")), nobody, heard_ns)] == ["c"]
    assert not found(SilentSensor(name="s", after_s=400.0), nobody, heard_ns)


def test_a_sensor_that_is_named_is_told_though_it_was_never_heard():
    warner = Warner("JPN", areas(), rules=[SilentSensor(name="silence", sensors=("a", "b"))])
    nobody = tracks_of(0)

    def told(after_s):
        return [proposal.name.tolist() for proposal in warner.look(nobody, START_NS + after_s * NS_PER_S).proposals]

    assert [told(0), told(60)] == [[], []]
    warner.hear("b", START_NS + 60 * NS_PER_S)
    assert [told(61), told(121)] == [[["a"]], [["b"]]]


class Loud(Base):
    """A rule that somebody wrote who makes mistakes."""

    changes: dict[str, Any]

    def look(self, picture, heard_ns, now_ns):
        if not len(picture):
            return [picture.track_id[0]]
        usual = {"key": "one", "number": 1, "hazard": "ship", "stage": Stage.ENTERED, "certainty": Certainty.OBSERVED,
                 "updated_ns": now_ns, "code": "here", "name": "here", "probability": 1.0, "first_ns": now_ns,
                 "last_ns": now_ns}  # fmt: skip
        return [Finding(**usual | self.changes)]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"hazard": "drone"}, "hazard 'drone' is none of aircraft, ship, sensor"),
        ({"stage": Stage.BOOSTING}, "stage BOOSTING is none of 'ship': ENTERING, ENTERED, TRACK_LOST"),
        ({"probability": float("nan")}, "probability nan is not from 0 to 1"),
        ({"first_ns": START_NS + 1}, "first_ns .* is after last_ns"),
        ({"certainty": "sure"}, "'sure' is not a valid Certainty"),
    ],
)
def test_a_rule_that_finds_what_cannot_be_told_is_named(changes, told):
    warner = Warner("JPN", areas(), rules=[Loud(name="drones", changes=changes)])
    said = warner.look(one(), START_NS)
    assert said.proposals == ()
    assert re.search(
        rf"^ValueError: (finding 'one': )?{told}.* \(test_beside_missiles.py, line \d+\)$", said.faults["drones"]
    )


def test_a_rule_may_give_one_finding_after_the_other_and_numbers_of_a_picture():
    class Generous(Loud):
        def look(self, picture, heard_ns, now_ns):
            yield from super().look(picture, heard_ns, now_ns)

    changes = {"number": np.uint64(3), "first_ns": np.int64(START_NS), "probability": np.float32(1.0)}
    warner = Warner("JPN", areas(), rules=[Generous(name="drones", changes=changes)])
    assert len(warner.look(one(), START_NS).proposals) == 1
    msgspec.msgpack.encode(warner.memory(pack))  # what a checkpoint is made of


@pytest.mark.parametrize("awaited", [5, [], (name for name in ["a", 1 / 1])])
def test_what_a_rule_awaits_may_be_anything(awaited):
    class Strange(Base):
        def awaited(self):
            return awaited

        def look(self, picture, heard_ns, now_ns):
            return []

    said = Warner("JPN", areas(), rules=[Strange(name="x")]).look(one(), START_NS)
    assert said.faults.get("x", "").startswith("TypeError" if awaited == 5 else "")


def test_a_rule_that_fails_ends_nothing_and_is_told_once():
    rules = [Loud(name="drones", changes={}), SilentSensor(name="silence", sensors=("a",))]
    warner = Warner("JPN", areas(), rules=rules)
    looks = [warner.look(tracks_of(0), START_NS + 40 * k * NS_PER_S) for k in range(3)]
    assert [len(said.proposals) for said in looks] == [0, 0, 1]  # of the other rule
    assert [list(said.faults) for said in looks] == [["drones"], [], []]
    assert looks[0].faults["drones"].startswith("IndexError: ")
    assert list(warner.faults) == ["drones"]
    resumed = Warner("JPN", areas(), rules=rules)
    resumed.resume(warner.memory(pack), unpack)
    for each in (warner, resumed):
        assert each.look(one(), START_NS + 150 * NS_PER_S).faults == {"drones": ""}
        assert each.faults == {}


def test_what_a_rule_told_is_not_over_because_it_fails():
    warner = Warner("JPN", areas(), rules=[Loud(name="drones", changes={})])
    (proposal,) = warner.look(one(), START_NS).proposals
    warner.decide(proposal, proposal)
    for second in range(1, 600, 20):
        assert warner.look(tracks_of(0), START_NS + second * NS_PER_S).proposals == ()


@pytest.mark.parametrize(
    ("found", "why"), [(None, "TypeError"), (["a"], "TypeError: found a str, which is no Finding")]
)
def test_a_rule_that_answers_with_something_else_fails(found, why):
    class Strange(Base):
        def look(self, picture, heard_ns, now_ns):
            return found

    assert Warner("JPN", areas(), rules=[Strange(name="x")]).look(one(), START_NS).faults["x"].startswith(why)


def test_a_rule_that_fails_at_what_it_awaits_is_asked_nothing_more():
    class Strange(Base):
        def awaited(self):
            raise RuntimeError(f"{object()}")

        def look(self, picture, heard_ns, now_ns):
            raise AssertionError

    said = Warner("JPN", areas(), rules=[Strange(name="x")]).look(one(), START_NS)
    assert said.faults["x"].startswith("RuntimeError: <object object at 0x...> (test_beside_missiles.py")
