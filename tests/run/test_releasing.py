"""`noroshi release` and `noroshi audit`: on the journal of an exercise, beside what its node truly decided."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from sharing_scenes import SECRET, SENSORS, START_NS, tracks_of
from typer.testing import CliRunner

from noroshi.geo.time import NS_PER_S
from noroshi.node.exchange import Exchange
from noroshi.records import digest
from noroshi.run import pki
from noroshi.run.exercises import staging
from noroshi.run.exercises.running import Plan, run
from noroshi.run.journal import JournalWriter, read_records, read_setup
from noroshi.run.releasing import breaking
from noroshi.run.releasing.checking import TESTS, covers
from noroshi.run.releasing.command import app, audit
from noroshi.run.releasing.replaying import replayed
from noroshi.run.scenarios.policies import read_policy
from noroshi.run.scenarios.sources import read_source
from noroshi.run.stores.audit import AuditFolder
from noroshi.sharing.facts import Margins, checks, facts_of
from noroshi.sharing.release import Outcome
from noroshi.sharing.rules import Conditions, PolicyError, Product

HOUR_NS = 3600 * NS_PER_S
HEAD = 'nation = "ONE"\n[partners]\nNEW = "close"\nOLD = "wide"\n'
RULE = """
[[rules]]
rule = "{name}"
to = {to}
products = ["contribution"]
exercises = ["ALL-EXERCISES"]
then = "{then}"
{more}
"""
BY_RADAR = RULE.format(name="by radar", to='["ALL-PARTNERS"]', then="pass", more='sensor_types_any = ["search_radar"]')
LOW = RULE.format(name="low ones", to='["OLD"]', then="drop", more='call_signs = ["LOW"]')
COARSE = RULE.format(name="coarsely", to='["OLD"]', then="pass",
                     more="[rules.coarsen]\nposition_m = 5000\nperiod_s = 20\n[rules.delay]\nseconds = 5")  # fmt: skip
POLICY = HEAD + LOW + COARSE + BY_RADAR


@pytest.fixture(scope="module")
def exercise(tmp_path_factory):
    """Return the folder of an exercise of two nations, and what the first one's node decided."""
    folder = tmp_path_factory.mktemp("exercise")
    scenario, site = read_source("scenarios", "first_steps").text, read_source("nations", "one_site").text
    (folder / "one.toml").write_text(site.replace('code = "ONE"', 'code = "ONE"\npolicy = "policy.toml"'))
    (folder / "policy.toml").write_text(POLICY)
    (folder / "new.toml").write_text('name = "New"\ncode = "NEW"\n[[links]]\nto = "ONE"\ndelay_s = 0.5\n')
    (folder / "both.toml").write_text(scenario.replace('["one_site"]', '["one.toml", "new.toml"]'))
    (folder / "out").mkdir()
    seen = []
    assemble = staging.assemble

    def watched(setup, *arguments, **named):
        node, tracker = assemble(setup, *arguments, **named)
        if setup.node == "ONE":
            assert isinstance(node.exchange, Exchange)
            node.exchange.judged = lambda facts, told, now_ns: seen.append((now_ns, facts, told))
        return node, tracker

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staging, "assemble", watched)
        run(Plan(scenario=str(folder / "both.toml"), folder=folder / "out", until_s=50.0))
    return folder, seen


@pytest.fixture
def inside(exercise, monkeypatch):
    monkeypatch.chdir(exercise[0])
    return exercise[0]


def called(*words, of=app):
    return CliRunner().invoke(of, [str(word) for word in words])


def told(*words, of=app):
    done = called(*words, "--json", of=of)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_replay_offers_just_what_the_node_decided_on(inside, exercise):
    journal = replayed(Path("out/ONE.mcap"))
    assert (journal.nation, journal.exercise, journal.is_own_secret) == ("ONE", "First steps", True)
    again = [(now_ns, digest(facts.tracks), facts.exercise, facts.sensor_types) for now_ns, facts in journal.offered()]
    assert again == [
        (now_ns, digest(facts.tracks), facts.exercise, facts.sensor_types) for now_ns, facts, _ in exercise[1]
    ]
    assert len(again) > 5


def test_a_live_nodes_segments_are_of_one_node_that_kept_its_memory(inside, tmp_path):
    """The exercise's journal cut in two, as if the node had been started again."""
    entries, setup = list(read_records(Path("out/ONE.mcap"))), read_setup(Path("out/ONE.mcap"))
    for number, part in enumerate((entries[:20], entries[20:]), 1):
        with JournalWriter(tmp_path / f"00000{number}.mcap", setup) as journal:
            for now_ns, record in part:
                journal.write(record, now_ns)
    one, parts = (
        [(now_ns, digest(facts.tracks)) for now_ns, facts in replayed(place).offered()]
        for place in (Path("out/ONE.mcap"), tmp_path)
    )
    assert one == parts
    with pytest.raises(ValueError, match="holds no journal"):
        replayed(inside)


def test_nothing_differs_between_a_policy_and_itself(inside):
    partners = told("diff", "policy.toml", "policy.toml", "--replay", "out/ONE.mcap")["partners"]
    assert {name: each["differences"] for name, each in partners.items()} == {"NEW": [], "OLD": []}


def test_the_difference_to_nothing_is_what_the_node_released(inside, exercise):
    Path("none.toml").write_text(HEAD)
    partners = told("diff", "none.toml", "policy.toml", "--replay", "out/ONE.mcap")["partners"]
    released, ids = Counter(), set()
    for _, facts, found in exercise[1]:
        for i, row in zip(found["NEW"].rule.tolist(), found["NEW"].rows.tolist(), strict=True):
            released[i] += 1
            ids.add(int(facts.tracks.track_id[row]))
    (gained,) = [each for each in partners["NEW"]["differences"] if each["new_rule"] == "by radar"]
    assert (gained["change"], gained["old_rule"]) == ("gained", "no rule")
    assert (gained["rows"], gained["tracks"]) == (released[2], len(ids))
    assert partners["NEW"]["new"]["rows"] == released.total()
    offered = sum(facts.n for _, facts, _ in exercise[1])
    assert partners["NEW"]["offered"]["rows"] == partners["OLD"]["offered"]["rows"] == offered
    ways = {(each["change"], each["new_rule"]) for each in partners["OLD"]["differences"]}
    assert ways == {("gained", "coarsely")}  # what stays under both is no difference


def test_the_table_for_a_person(inside):
    Path("laxer.toml").write_text(POLICY.replace("position_m = 5000", "position_m = 100"))
    done = called("diff", "policy.toml", "laxer.toml", "--replay", "out/ONE.mcap")
    assert done.exit_code == 0
    assert "otherwise" in done.stdout
    assert "would get" in done.stdout


def test_a_policy_of_another_nation_is_refused(inside):
    done = called("diff", "policy.toml", "JPN", "--replay", "out/ONE.mcap")
    assert done.exit_code == 2
    assert done.stderr == "noroshi: policies/JPN.toml: is the policy of JPN, not of ONE; give ONE's own\n"


def explained(*words, policy="policy.toml"):
    return told("explain", "--policy", policy, "--replay", "out/ONE.mcap", *words)


def test_why_a_partner_gets_a_track_and_as_what(inside, exercise):
    close, wide = (explained("--track", "northbou", "--to", code) for code in ("NEW", "OLD"))
    assert close["track"] == wide["track"]
    assert (close["outcome"], close["rule"]) == ("released", "by radar")
    assert close["rules"][-1] == {"rule": "by radar", "failed": [], "decides": True}
    assert {name for name in close["before"] if close["before"][name] != close["after"][name]} == {"number", "for"}
    assert (wide["outcome"], wide["rule"], wide["actions"]["delay"]) == ("released", "coarsely", {"seconds": 5.0})
    assert wide["rules"][0] == {"rule": "low ones", "failed": ["call_signs"], "decides": False}
    assert wide["before"]["place"] != wide["after"]["place"]
    assert wide["due"] > wide["at"]
    assert {span["outcome"] for span in wide["spans"]} == {"released", "limited"}
    rows = Counter()
    for _, facts, found in exercise[1]:
        for outcome in found["NEW"].outcome[facts.tracks.track_id == close["track"]].tolist():
            rows[Outcome(outcome).name.lower()] += 1
    assert sum(span["rows"] for span in close["spans"] if span["outcome"] == "released") == rows["released"]


def test_a_track_by_each_of_its_names(inside):
    one = explained("--track", "northbou", "--to", "NEW")
    for name in (one["track"], one["shown_as"], "840001", str(one["track"])[:9]):
        assert explained("--track", name, "--to", "NEW")["track"] == one["track"]


def test_a_track_that_is_withheld(inside):
    low = explained("--track", "LOW", "--to", "OLD")
    assert (low["outcome"], low["rule"], low["after"], low["due"]) == ("dropped", "low ones", None, None)
    assert explained("--track", "LOW", "--to", "XXX")["outcome"] == "no_partner"
    done = called("explain", "--track", "LOW", "--to", "OLD", "--policy", "policy.toml", "--replay", "out/ONE.mcap")
    assert "'low ones' decides" in done.stdout
    assert "OLD gets nothing of it: the rule says so" in done.stdout


def test_a_moment_that_is_asked_for(inside):
    late = explained("--track", "NORTHBOU", "--to", "OLD", "--at", "2030-01-01T00:00:33Z")
    assert late["at"] >= "2030-01-01T00:00:33Z"
    done = called("explain", "--track", "NORTHBOU", "--to", "OLD", "--policy", "policy.toml",
                  "--replay", "out/ONE.mcap", "--at", "2030-01-01T00:03:00Z")  # fmt: skip
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "nothing was offered after" in done.stderr


@pytest.mark.parametrize(("track", "says"), [("NOBODY", "no track 'NOBODY' among the "), ("2000", "may be 3 tracks")])
def test_none_or_several_tracks(inside, track, says):
    done = called("explain", "--track", track, "--to", "NEW", "--policy", "policy.toml", "--replay", "out/ONE.mcap")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert says in done.stderr


def test_secrets_that_are_none(inside):
    Path("short").write_bytes(b"too short")
    done = called("diff", "policy.toml", "policy.toml", "--replay", "out/ONE.mcap", "--secret", "short")
    assert (done.exit_code, "is no secret" in done.stderr) == (2, True)
    done = called("diff", "policy.toml", "policy.toml", "--replay", "out/ONE.mcap", "--exercise", "another")
    assert (done.exit_code, "is of exercise First steps" in done.stderr) == (2, True)


class TestCheck:
    def found(self, text):
        Path("checked.toml").write_text(text)
        done = called("check", "checked.toml", "--json")
        return done.exit_code, {each["line"]: each["message"] for each in json.loads(done.stdout)["findings"]}

    def test_a_good_policy(self, inside):
        for name in ("policy.toml", "JPN", "KOR"):
            assert called("check", name).exit_code == 0

    def test_rules_that_never_decide(self, inside):
        closer = BY_RADAR.replace('"by radar"', '"firm"') + 'statuses = ["firm"]\n'
        line = (HEAD + BY_RADAR).count("\n") + 2  # a blank one is before it
        told_ = {line: "never decides: 'by radar' before it takes all that it could match"}
        assert self.found(HEAD + BY_RADAR + closer) == (2, told_)
        assert self.found(HEAD + closer + BY_RADAR)[0] == 0
        to_new = BY_RADAR.replace("ALL-PARTNERS", "NEW").replace('"by radar"', '"to new"')
        assert self.found(HEAD + to_new + closer)[0] == 0

    def test_partners_that_get_nothing_and_rules_that_are_over(self, inside):
        over = BY_RADAR.replace("ALL-PARTNERS", "NEW") + "not_after = 2020-01-01T00:00:00Z\n"
        code, lines = self.found(HEAD + over)
        assert code == 2
        assert lines[4].startswith("no rule releases anything to OLD")
        assert lines[6].startswith("is over since 2020-01-01")

    def test_an_error_is_one_line_with_its_line(self, inside):
        Path("bad.toml").write_text(POLICY.replace("low ones", ""))
        done = called("check", "bad.toml")
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert "bad.toml, line 7" in done.stderr

    def test_every_condition_is_thought_of(self):
        assert {*TESTS, "to"} == set(Conditions.model_fields)


some = st.lists
CONDITIONS = st.fixed_dictionaries(
    {
        "to": st.just(["USA"]),
        "products": some(st.sampled_from(["contribution", "fused"]), min_size=1, max_size=2),
    },
    optional={
        "exercises": some(st.sampled_from(["A", "B", "ALL-EXERCISES"]), max_size=2),
        "kinds": some(st.sampled_from(["aircraft", "ship", "ballistic"]), max_size=3),
        "kind_probability": st.sampled_from([0.2, 0.5, 0.8]),
        "identified": st.sampled_from([True, False]),
        "icao_addresses": some(st.sampled_from(["840000-87FFFF", "a12345"]), max_size=2),
        "modes_3a": some(st.sampled_from(["7700", "1234"]), max_size=2),
        "call_signs": some(st.sampled_from(["JAF*", "JAF123", "UAL9"]), max_size=3),
        "area": st.sampled_from([{"height_m_min": 5_000}, {"height_m_max": 8_000}]),
        "sensor_types_any": some(st.sampled_from(["search_radar", "infrared"]), max_size=2),
        "sensor_types_only": some(st.sampled_from(["search_radar", "infrared", "position_report"]), max_size=3),
        "level_max": st.sampled_from(["", "UNCLASSIFIED", "SECRET"]),
        "caveats_any": some(st.sampled_from(["EYES", "OTHER"]), max_size=2),
        "caveats_none": some(st.sampled_from(["EYES", "OTHER"]), max_size=2),
        "statuses": some(st.sampled_from(["firm", "coasting"]), max_size=2),
        "existence_min": st.sampled_from([0.0, 0.5]),
        "existence_max": st.sampled_from([0.7, 1.0]),
        "not_before": st.sampled_from(["2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"]),
        "not_after": st.sampled_from(["2030-06-01T00:00:00Z"]),
    },
)
TRACKS = tracks_of(60)
MARGINS = Margins(SECRET)


def matched(when, product, exercise, label):
    facts = facts_of(TRACKS.replace(label=label), product=product, exercise=exercise, sensor_types=SENSORS)
    rows = np.ones(len(TRACKS), bool)
    for _, holds in checks(when, facts, START_NS, MARGINS):
        rows &= holds
    return rows


def test_a_kind_named_twice_counts_once():
    once, twice = (
        Conditions.model_validate({"to": ["USA"], "products": ["contribution"], "kinds": ["aircraft"] * times})
        for times in (1, 2)
    )
    of_each = [matched(each, Product("contribution"), None, "") for each in (once, twice)]
    assert of_each[0].any()
    assert (of_each[0] == of_each[1]).all()


@settings(max_examples=300)
@given(CONDITIONS, CONDITIONS, st.sampled_from(["contribution", "fused"]), st.sampled_from([None, "A", "B"]),
       st.sampled_from([(), ("EYES",), ("EYES", "OTHER")]), st.booleans())  # fmt: skip
def test_a_rule_that_covers_another_matches_all_that_it_matches(one, other, product, exercise, caveats, nested):
    """Half of the pairs are nested by hand: else hardly one would cover another."""
    from sharing_scenes import label_text

    if nested:
        other = {**other, **one}
    one, other = (Conditions.model_validate(each) for each in (one, other))
    if covers(one, other):
        label = label_text(caveats=caveats)
        assert not (matched(other, Product(product), exercise, label)
                    & ~matched(one, Product(product), exercise, label)).any()  # fmt: skip
    if nested and one == other:
        assert covers(one, other)


class TestBreakGlass:
    RULE = RULE.format(name="ferry", to='["OLD"]', then="pass", more='call_signs = ["LOW"]')
    KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

    def policy(self):
        Path("policy.toml").write_text(POLICY)
        return read_policy(read_source("policies", "policy.toml"))

    def made(self, policy=None, rule=RULE, **changes):
        said = {"by": ("A. Sato", "B. Ito"), "reason": "ferry on fire", "from_ns": START_NS,
                "until_ns": START_NS + HOUR_NS, "key": self.KEY, **changes}  # fmt: skip
        return breaking.make(policy or self.policy(), rule, source="ferry.toml", **said)

    def taken(self, record, policy=None, *, now_ns=START_NS, key=KEY):
        return breaking.take_in(record, policy or self.policy(), [key.public_key()], now_ns=now_ns)

    def test_a_record_puts_its_rule_ahead_and_names_its_people(self, inside):
        policy = self.policy()
        record = self.made(policy)
        changed, said = self.taken(record, policy)
        assert changed.rules[0].name == "break-glass ferry"
        assert changed.rules[0].when.ends_ns() == START_NS + HOUR_NS
        assert changed.rules[1:] == policy.rules
        assert (said["by"], said["reason"]) == (["A. Sato", "B. Ito"], "ferry on fire")
        assert said["record"] == record
        with pytest.raises(PolicyError, match="another policy than the one in force"):
            self.taken(record, changed)

    def test_what_is_refused(self, inside):
        record = self.made()
        with pytest.raises(PolicyError, match="not signed by the node's own key"):
            self.taken(record, key=Ed25519PrivateKey.generate())
        with pytest.raises(PolicyError, match="its time is over"):
            self.taken(record, now_ns=START_NS + HOUR_NS)
        with pytest.raises(PolicyError, match="not signed"):
            self.taken(record.replace(b"ferry on fire", b"ferry on loan"))
        for nothing in (b"", b"{}", b"\xff", record[:-9]):
            with pytest.raises(PolicyError, match="not a record of break-glass"):
                self.taken(nothing)

    @settings(max_examples=60)
    @given(st.integers(0, 10_000), st.integers(1, 255))
    def test_any_byte_altered_is_refused_or_changes_nothing(self, at, flip):
        policy = read_policy(read_source("policies", "JPN"))
        rule = self.RULE.replace("OLD", "AUS")
        record = bytearray(self.made(policy, rule))
        whole, _ = self.taken(bytes(record), policy)
        record[at % len(record)] ^= flip
        try:
            changed, _ = self.taken(bytes(record), policy)
        except PolicyError:
            return
        assert changed == whole  # white space, or the case of a digit

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"by": ("A. Sato",)}, "two different people"),
            ({"by": ("A. Sato", "a.  sato")}, "two different people"),
            ({"reason": " "}, "takes a reason"),
            ({"until_ns": START_NS + 25 * HOUR_NS}, "at most 24 hours"),
            ({"rule": RULE + RULE}, r"takes one \[\[rules\]\]"),
            ({"rule": ""}, r"takes one \[\[rules\]\]"),
            ({"rule": RULE.replace("LOW", "LOW\nx")}, "ferry.toml: not TOML"),
            ({"rule": RULE.replace("call_signs", "call_sign")}, "ferry.toml, line 8: rule ferry: call_sign:"),
            ({"rule": RULE.replace('"pass"', '"drop"')}, "break-glass releases"),
            ({"rule": "[partners]\nXXX = 'x'\n" + RULE}, "not TOML"),
        ],
    )
    def test_what_is_no_decision(self, inside, changes, says):
        with pytest.raises(PolicyError, match=says) as caught:
            self.made(**changes)
        assert "\n" not in str(caught.value)

    def test_the_command_signs_with_the_nodes_key(self, inside, tmp_path):
        import time

        keys, now_ns = tmp_path / "keys", time.time_ns()
        pki.make_authority(keys, "JPN", exercise="X", now_ns=now_ns)
        pki.make_node(keys, ["localhost"], now_ns=now_ns)
        Path("ferry.toml").write_text(self.RULE.replace("OLD", "AUS"))
        words = ("break-glass", "JPN", "--rule", "ferry.toml", "--reason", "ferry on fire", "--minutes", 90, "--keys",
                 keys, "--out", "ferry.json", "--by", "A. Sato")  # fmt: skip
        done = called(*words)
        assert (done.exit_code, "two different people" in done.stderr) == (2, True)
        assert not Path("ferry.json").exists()
        assert called(*words, "--by", "B. Ito").exit_code == 0
        public = [key.private.public_key() for key in pki.identity(keys).signing]
        policy = read_policy(read_source("policies", "JPN"))
        changed, _ = breaking.take_in(Path("ferry.json").read_bytes(), policy, public, now_ns=time.time_ns())
        assert 0 < changed.rules[0].when.ends_ns() - now_ns <= 90 * 60 * NS_PER_S + NS_PER_S


class TestAuditVerify:
    KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

    def record(self, folder):
        with AuditFolder(folder, owner="JPN", key=self.KEY, keys={}, time_ns=START_NS) as record:
            for seq in range(1, 5):
                record.append("release", {"recipient": "USA", "feed": "picture", "first": seq, "hashes": [b"%d" % seq]},
                              time_ns=START_NS)  # fmt: skip
            record.checkpoint(START_NS)
        return folder

    def test_a_whole_record(self, tmp_path):
        done = called("verify", self.record(tmp_path / "a"), of=audit)
        assert done.exit_code == 0
        assert "JPN: 5 entries, none altered, none missing; up to entry 5" in done.stdout
        assert "give --keys" in done.stdout
        assert told("verify", tmp_path / "a", "--keys", tmp_path / "a/keys", of=audit)["own_keys"] is False

    def test_a_record_of_which_something_was_removed(self, tmp_path):
        folder = self.record(tmp_path / "a")
        path = folder / "000001.log"
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
        done = called("verify", folder, of=audit)
        assert (done.exit_code, done.stdout.count("\n")) == (1, 1)
        assert "its end was cut off" in done.stdout
        assert json.loads(called("verify", folder, "--json", of=audit).stdout)["faults"]

    def test_a_folder_without_a_record(self, tmp_path):
        done = called("verify", tmp_path, of=audit)
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
