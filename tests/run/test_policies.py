"""Release policies as files: the shipped ones, a nation's own, and what is wrong with one."""

from pathlib import Path

import numpy as np
import pytest

from noroshi.records import Identity, Kind, Tracks, TrackStatus, certain_kind
from noroshi.run.scenarios import ScenarioError, read_nation, shipped
from noroshi.run.scenarios.policies import policy_of
from noroshi.run.scenarios.sources import read_source
from noroshi.sharing.facts import Facts, facts_of
from noroshi.sharing.label import ALL_PARTNERS, Label, encode
from noroshi.sharing.release import Secrets, release
from noroshi.sharing.rules import Product

NATIONS = [name for name in shipped("nations") if name != "one_site"]
TYPES = {"radar": "search_radar", "ears": "position_report", "eye": "infrared"}
NOW_NS = 1_893_456_000_000_000_000
MINE = 'nation = "NEW"\n[partners]\nUSA = "close"\n'


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def newcomer(policy="", text=None):
    """Return a nation of its own, whose policy says `text`."""
    if text is not None:
        Path("mine.toml").write_text(text)
    Path("new.toml").write_text(f'name = "Newcomer"\ncode = "NEW"\n{policy}\n')
    return read_nation("new.toml")


def tracks_of(code):
    """Return an aircraft by radar, one by its own reports, a missile by infrared, and a tentative track by radar."""
    n = 4
    return Tracks(
        node=code,
        source_names=tuple(TYPES),
        track_id=np.arange(1, n + 1, dtype=np.uint64),
        time_ns=np.full(n, NOW_NS),
        updated_ns=np.full(n, NOW_NS),
        revision=np.zeros(n, np.int32),
        state_ecef=np.tile([-3.9e6, 3.3e6, 3.7e6, 100.0, 100.0, 0.0], (n, 1)),
        covariance_ecef=np.tile(np.eye(6) * 100.0, (n, 1, 1)),
        existence=np.ones(n),
        status=np.array([TrackStatus.FIRM] * 3 + [TrackStatus.TENTATIVE], np.uint8),
        kind_probability=certain_kind(np.array([Kind.AIRCRAFT, Kind.AIRCRAFT, Kind.BALLISTIC, Kind.AIRCRAFT]), n),
        sources=np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], bool),
        identity=Identity.absent(n),
        label=encode(Label(originator=code, releasable_to=(ALL_PARTNERS,))),
    )


@pytest.mark.parametrize("name", NATIONS)
@pytest.mark.parametrize("exercise", ["trilateral", None])
def test_what_the_shipped_policies_release(name, exercise):
    nation = read_nation(name)
    policy = policy_of(nation)
    others = sorted({read_nation(other).code for other in NATIONS} - {nation.code})  # some have several laydowns
    assert sorted(policy.partners) == sorted(others)
    facts = facts_of(tracks_of(nation.code), product=Product.CONTRIBUTION, exercise=exercise, sensor_types=TYPES)
    found = release(policy, facts, now_ns=NOW_NS, secrets=Secrets(bytes(32)), recipients=[*others, "RUR"])
    assert len(found.pop("RUR").rows) == 0
    if exercise is None:
        assert {len(told.rows) for told in found.values()} == {0}
        return
    linked = {link.to for link in nation.links}
    for code, told in found.items():
        if policy.partners[code] == "close":
            assert told.rows.tolist() == [0, 1, 2]
            assert np.array_equal(told.tracks.state_ecef, facts.tracks.state_ecef[:3])
            assert (told.due_ns == NOW_NS).all()
        else:
            assert code not in linked
            assert told.rows.tolist() == [0, 2]
            moved = np.linalg.norm(told.tracks.state_ecef[:, :3] - facts.tracks.state_ecef[[0, 2], :3], axis=1)
            assert moved[0] > 0.0 == moved[1]
            assert not told.tracks.sources[0].any()
    warning = Facts(product=Product.WARNING, n=1, label=Label(originator=nation.code, releasable_to=(ALL_PARTNERS,)),
                    exercise=exercise)  # fmt: skip
    told = release(policy, warning, now_ns=NOW_NS, secrets=Secrets(bytes(32)), recipients=others)
    assert [len(told[code].rows) for code in others] == [1] * len(others)


def test_each_policy_is_of_a_shipped_nation_and_named_by_its_code():
    assert sorted(shipped("policies")) == sorted({read_nation(name).code for name in NATIONS})


def test_a_nation_without_a_policy_releases_nothing():
    policy = policy_of(newcomer())
    assert (policy.nation, dict(policy.partners), policy.rules) == ("NEW", {}, ())
    assert newcomer().policy is None


def test_a_nation_brings_its_own():
    nation = newcomer('policy = "mine.toml"', MINE)
    assert dict(policy_of(nation).partners) == {"USA": "close"}
    assert nation.policy.text == MINE


@pytest.mark.parametrize(
    ("policy", "text", "says"),
    [
        ('policy = "JAP"', None, "new.toml:3: policy: no policy 'JAP'; did you mean 'JPN'?"),
        ('policy = "JPN"', None, "new.toml:3: policy: policies/JPN.toml: is the policy of JPN, not of NEW; give NEW's"),
        ('policy = "no.toml"', None, "new.toml:3: policy: no.toml: cannot be read"),
        ("policy = 7", None, "new.toml:3: policy: is 7: it should be a text in quotes"),
        ('policy = "mine.toml"', MINE.replace("partners", "friends"), "mine.toml, line 2: 'friends' is none of"),
        ('policy = "mine.toml"', MINE + "[[rules]]\n", "mine.toml, line 4: rule 1: rule: each has a name"),
        ('policy = "mine.toml"', "nation =", "mine.toml:1: is not TOML here"),
    ],
)
def test_what_is_wrong_with_a_policy_is_one_line(policy, text, says):
    with pytest.raises(ScenarioError) as caught:
        newcomer(policy, text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_a_run_was_made_of_includes_the_policies():
    from noroshi.run.scenarios import read_scenario

    texts = read_scenario("us_japan_korea").texts()
    assert texts["policies/KOR.toml"] == read_source("policies", "KOR").text
