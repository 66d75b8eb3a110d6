"""What leaves: held to a judge written apart from the rules' code, row by row, and to the bytes themselves."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Polygon
from pyproj import Transformer
from sharing_scenes import PASS_ALL, SECOND, SECRET, SENSORS, START_NS, label_text, policy_of, tracks_of

from noroshi.formats.columns import pack
from noroshi.records import KINDS, STATUSES, check, digest, take
from noroshi.sharing.explain import Change, diff, explain
from noroshi.sharing.facts import facts_of
from noroshi.sharing.label import decode
from noroshi.sharing.memory import Memory
from noroshi.sharing.release import Outcome, Secrets, release
from noroshi.sharing.rules import Product

PARTNERS = ("AUS", "KOR", "USA")
CLASSES = {"USA": "close", "KOR": "close", "AUS": "wide"}


BOXES = (
    [[34.0, 130.0], [40.0, 132.0], [39.0, 141.0], [35.0, 139.0], [37.0, 135.0]],
    [[30.0, 128.0], [38.0, 128.0], [30.0, 140.0]],
)
GEODETIC = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)


def listed(values, least=1):
    return st.lists(st.sampled_from(values), min_size=least, max_size=3, unique=True)


def maybe(**choices):
    """Give a table with some of the keys."""
    return st.fixed_dictionaries({}, optional=choices)


RULES = st.lists(
    st.fixed_dictionaries(
        {
            "to": listed((*PARTNERS, "ALL-PARTNERS")),
            "products": listed(("contribution", "fused", "warning")),
            "then": st.sampled_from(("pass", "pass", "drop")),
            "when": maybe(
                kinds=listed(KINDS),
                statuses=listed(STATUSES),
                existence_min=st.sampled_from((0.3, 0.6)),
                existence_max=st.sampled_from((0.5, 0.8)),
                identified=st.booleans(),
                icao_addresses=listed(("840000-87FFFF", "A12345")),
                call_signs=listed(("JAF*", "ANA1", "UAL*")),
                sensor_types_any=listed(tuple(SENSORS.values())),
                sensor_types_only=listed(tuple(SENSORS.values())),
                exercises=listed(("KEEN", "OTHER")),
                level_max=st.sampled_from(("UNCLASSIFIED", "RESTRICTED")),
                caveats_none=listed(("EYES", "ORCON")),
                area=maybe(outside=st.booleans(), height_m_max=st.just(6000.0)).flatmap(
                    lambda area: st.sampled_from(BOXES).map(lambda box: {**area, "polygon": box})
                ),
            ),
            "actions": maybe(
                strip=st.fixed_dictionaries(
                    {"fields": listed(("identity", "call_sign", "icao_address", "sensors", "sources", "covariance"))}
                ),
                coarsen=st.fixed_dictionaries({"position_m": st.sampled_from((1000, 5000))}),
                delay=st.fixed_dictionaries({"seconds": st.sampled_from((30, 600))}),
                rate_limit=st.fixed_dictionaries({"seconds": st.sampled_from((20, 60))}),
            ),
        }
    ),
    max_size=6,
)
LABELS = st.sampled_from(
    ["", label_text(), label_text(releasable_to=()), label_text(releasable_to=("AUS", "KOR")),
     label_text(originator="USA"), label_text(level="RESTRICTED", caveats=("EYES",)),
     label_text(expires_ns=START_NS + 30 * SECOND)]
)  # fmt: skip


def toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return (
        "[" + ", ".join(toml(item) for item in value) + "]"
        if isinstance(value, list)
        else repr(value).replace("'", '"')
    )


def text_of(rules):
    parts = []
    for i, rule in enumerate(rules):
        actions = rule["actions"] if rule["then"] == "pass" else {}
        said = {"rule": f"rule {i}", **{k: rule[k] for k in ("to", "products", "then")}, **rule["when"], **actions}
        parts.append("[[rules]]\n" + "".join(f"{key} = {toml(item)}\n" for key, item in said.items()))
    return "".join(parts)


def is_in(area, position):
    lon, lat, height = GEODETIC.transform(*position)
    inside = Polygon(area["polygon"]).contains_point((lat, lon)) and height <= area.get("height_m_max", np.inf)
    return inside != area.get("outside", False)


def judge(rules, tracks, row, recipient, exercise, now_ns):
    """Return the index of the rule that lets a row pass, None if it stays: written apart from `sharing`."""
    label = decode(tracks.label)
    if label is None or label.originator != "JPN":
        return None
    if label.expires_ns is not None and now_ns >= label.expires_ns:
        return None
    if recipient not in label.releasable_to and label.releasable_to != ("ALL-PARTNERS",):
        return None
    levels = ["UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL", "SECRET"]
    fed = {SENSORS[name] for name, used in zip(tracks.source_names, tracks.sources[row], strict=True) if used}
    who, sign = tracks.identity, str(tracks.identity.call_sign[row])
    address = int(who.icao_address[row])
    for i, rule in enumerate(rules):
        when = rule["when"]
        blocks = {"840000-87FFFF": 0x840000 <= address <= 0x87FFFF, "A12345": address == 0xA12345}
        share = sum(tracks.kind_probability[row, KINDS.index(kind)] for kind in when.get("kinds", ()))
        holds = [
            recipient in rule["to"] or "ALL-PARTNERS" in rule["to"],
            "contribution" in rule["products"],
            exercise in when["exercises"] if "exercises" in when else exercise is None,
            "kinds" not in when or share >= 0.5,
            "statuses" not in when or STATUSES[tracks.status[row]] in when["statuses"],
            tracks.existence[row] >= when.get("existence_min", 0.0),
            tracks.existence[row] <= when.get("existence_max", 1.0),
            "identified" not in when
            or when["identified"] == (address >= 0 or who.mode_3a[row] >= 0 or who.mmsi[row] >= 0 or sign != ""),
            "icao_addresses" not in when or any(blocks[block] for block in when["icao_addresses"]),
            "call_signs" not in when
            or any(sign.startswith(p[:-1]) if p[-1] == "*" else sign == p for p in when["call_signs"]),
            "sensor_types_any" not in when or fed & set(when["sensor_types_any"]),
            "sensor_types_only" not in when or (fed and fed <= set(when["sensor_types_only"])),
            "level_max" not in when or levels.index(label.level) <= levels.index(when["level_max"]),
            not set(label.caveats) & set(when.get("caveats_none", ())),
            "area" not in when or is_in(when["area"], tracks.state_ecef[row, :3]),
        ]
        if all(holds):
            return i if rule["then"] == "pass" else None
    return None


@settings(max_examples=100)
@given(RULES, LABELS, st.sampled_from((None, "KEEN")), st.integers(0, 2**31))
def test_nothing_denied_appears_in_any_output(rules, label, exercise, seed):
    """Rows, values and bytes: what the judge withholds is in no partner's batch, and neither is what a rule strips."""
    policy, secrets, memories = policy_of(text_of(rules)), Secrets(SECRET), {}
    plain = tracks_of(25, rng=np.random.default_rng(seed), label=label)
    known = {recipient: set() for recipient in PARTNERS}
    for step in range(4):
        now_ns = START_NS + step * 25 * SECOND
        tracks = plain.replace(time_ns=plain.time_ns + now_ns - START_NS)
        facts = facts_of(tracks, product=Product.CONTRIBUTION, exercise=exercise, sensor_types=SENSORS)
        told = release(policy, facts, now_ns=now_ns, secrets=secrets, recipients=PARTNERS, memories=memories)
        memories = {name: one.memory for name, one in told.items()}
        for recipient, one in told.items():
            allowed = {row: judge(rules, tracks, row, recipient, exercise, now_ns) for row in range(25)}
            assert all(allowed[row] == i for row, i in zip(one.rows.tolist(), one.rule.tolist(), strict=True))
            assert all(one.outcome[row] != Outcome.RELEASED for row, i in allowed.items() if i is None)
            limited = {row for row, i in allowed.items() if i is not None} - set(one.rows.tolist())
            assert all({"coarsen", "rate_limit"} & set(rules[allowed[row]]["actions"]) for row in limited)
            look_for_leaks(rules, tracks, one, allowed)
            known[recipient] |= set(one.rows.tolist())


def look_for_leaks(rules, tracks, one, allowed):
    out = check(one.tracks)
    data = pack(out)
    actions = [rules[i]["actions"] for i in one.rule.tolist()]
    withheld = [row for row, i in allowed.items() if i is None]
    assert not set(tracks.state_ecef[withheld].ravel().tolist()) & set(out.state_ecef.ravel().tolist())
    for row in range(len(tracks)):
        exact = row in set(one.rows.tolist()) and "coarsen" not in rules[allowed[row]]["actions"]
        assert (tracks.state_ecef[row].tobytes() in data) == exact
        assert int(tracks.track_id[row]).to_bytes(8, "little") not in data
    for name, kind in SENSORS.items():
        fed = tracks.sources[one.rows, tracks.source_names.index(name)]
        stripped = np.array(
            [set(a.get("strip", {}).get("fields", ())) & {"sensors", "sources"} != set() for a in actions]
        )
        assert (name.encode() in data) == bool((fed & ~stripped).any() if len(actions) else False), (name, kind)
    for at, action in enumerate(actions):
        fields = set(action.get("strip", {}).get("fields", ()))
        if fields & {"identity", "call_sign"}:
            assert out.identity.call_sign[at] == ""
        if fields & {"identity", "icao_address"}:
            assert out.identity.icao_address[at] == -1
        if "covariance" in fields and "coarsen" not in action:
            assert np.count_nonzero(out.covariance_ecef[at]) == 6
        if "delay" in action:
            assert one.due_ns[at] >= tracks.time_ns[one.rows[at]] + action["delay"]["seconds"] * SECOND
        if "coarsen" in action:
            assert out.time_ns[at] % (60 * SECOND) == 0
            assert np.linalg.norm(out.state_ecef[at, :3] - tracks.state_ecef[one.rows[at], :3]) > 0.0
    if len(one.rows):
        assert decode(out.label).releasable_to == (one.recipient,)
    else:
        assert out.label == ""
        assert out.source_names == ()


def test_the_same_record_gives_the_same_bytes_and_nothing_is_written_into_it():
    more = 'coarsen = {position_m = 900}\nstrip = {fields = ["identity", "covariance"]}'
    policy, tracks = policy_of(rule_for("USA", "c", "pass", more)), tracks_of(40)
    before, facts = digest(tracks), facts_of(tracks, product=Product.CONTRIBUTION, exercise=None, sensor_types=SENSORS)
    both = [
        release(policy, facts, now_ns=START_NS, secrets=Secrets(SECRET), recipients=("USA",))["USA"] for _ in range(2)
    ]
    assert digest(both[0].tracks) == digest(both[1].tracks)
    assert digest(tracks) == before


def test_one_batch_and_its_pieces_give_the_same_rows():
    policy = policy_of(rule_for("USA", "c", "pass", "coarsen = {position_m = 900}"))
    tracks, secrets = tracks_of(30), Secrets(SECRET)
    states = []
    for parts in ([np.arange(30)], np.array_split(np.arange(30), 7)):
        rows = []
        for part in parts:
            facts = facts_of(take(tracks, part), product="contribution", exercise=None, sensor_types=SENSORS)
            rows.append(release(policy, facts, now_ns=START_NS, secrets=secrets, recipients=("USA",))["USA"].tracks)
        states.append(np.concatenate([one.state_ecef for one in rows]))
    assert np.array_equal(*states)


def test_rate_limit_and_the_end_of_a_track():
    policy = policy_of(rule_for("USA", "r", "pass", "rate_limit = {seconds = 30}"))
    tracks, memory, told = tracks_of(2), Memory.empty(), []
    for step, status in enumerate((1, 1, 1, 1, 1, 3)):
        now = tracks.replace(time_ns=tracks.time_ns + step * 10 * SECOND, status=np.full(2, status, np.uint8))
        now = take(now, np.array([0]) if step < 5 else np.array([0, 1]))  # the second is first heard of when it ends
        facts = facts_of(now, product="contribution", exercise=None)
        one = release(
            policy, facts, now_ns=START_NS, secrets=Secrets(SECRET), recipients=("USA",), memories={"USA": memory}
        )["USA"]
        memory, _ = one.memory, told.append(one.rows.tolist())
    assert told == [[0], [], [], [0], [], [0]]


def rule_for(nation, name, then, more):
    return f'[[rules]]\nrule = "{name}"\nto = ["{nation}"]\nproducts = ["contribution"]\nthen = "{then}"\n{more}\n'


def test_explain_says_which_rule_did_what():
    tracks = tracks_of(20)
    policy = policy_of(
        rule_for("KOR", "sure ones stay", "drop", "existence_min = 0.6")
        + rule_for("KOR", "rest", "pass", 'strip = {fields = ["call_sign"]}')
        + PASS_ALL
    )
    facts = facts_of(tracks, product="contribution", exercise=None, sensor_types=SENSORS)
    secrets = Secrets(SECRET)
    told = release(policy, facts, now_ns=START_NS, secrets=secrets, recipients=PARTNERS)
    for row in range(20):
        for nation in PARTNERS:
            story = explain(policy, facts, row, nation, now_ns=START_NS, secrets=secrets)
            assert story.outcome == told[nation].outcome[row]
            assert [one.decides for one in story.judged].count(True) == 1
            decided = next(one for one in story.judged if one.decides)
            assert decided.rule == story.rule == policy.rules[told[nation].decided[row]].name
            assert decided.failed == ()
            if nation == "KOR" and tracks.existence[row] >= 0.6:
                assert (story.rule, story.after, story.due_ns) == ("sure ones stay", None, None)
            elif nation == "KOR":
                assert story.judged[0].failed == ("existence_min",)
                assert story.actions == {"strip": {"fields": ["call_sign"]}}
                assert story.after.identity.call_sign[0] == ""
                assert story.before.identity.call_sign[0] == tracks.identity.call_sign[row]
    outsider = explain(policy, facts, 0, "RUR", now_ns=START_NS, secrets=secrets)
    assert (outsider.outcome, outsider.rule, outsider.judged) == (Outcome.NO_PARTNER, None, ())


def test_diff_says_what_each_partner_would_have_seen():
    tracks = tracks_of(30)
    records = [
        (START_NS + k * SECOND, facts_of(tracks, product="contribution", exercise=None, sensor_types=SENSORS))
        for k in range(2)
    ]
    sure = '[[rules]]\nrule = "sure"\nto = ["USA"]\nproducts = ["contribution"]\nthen = "pass"\nexistence_min = 0.6\n'
    old, new = policy_of(sure), policy_of(sure.replace("0.6", "0.8") + PASS_ALL.replace("ALL-PARTNERS", "AUS"))
    found = diff(old, new, records, secrets=Secrets(SECRET))
    lost = {(one.record, one.row) for one in found if one.change is Change.LOST}
    between = np.flatnonzero((tracks.existence >= 0.6) & (tracks.existence < 0.8)).tolist()
    assert lost == {(k, row) for k in range(2) for row in between}
    gained = [one for one in found if one.change is Change.GAINED]
    assert {(one.recipient, one.new_rule, one.old_rule) for one in gained} == {("AUS", "all", None)}
    assert len(gained) == 60
    assert not diff(old, old, records, secrets=Secrets(SECRET))


def test_diff_tells_rows_that_are_told_otherwise():
    tracks = tracks_of(5)
    records = [(START_NS, facts_of(tracks, product="contribution", exercise=None, sensor_types=SENSORS))]
    coarser = PASS_ALL + "coarsen = {position_m = 5000}\n"
    found = diff(policy_of(PASS_ALL), policy_of(coarser), records, secrets=Secrets(SECRET), recipients=("USA",))
    assert [one.change for one in found] == [Change.OTHERWISE] * 5
    renamed = diff(
        policy_of(PASS_ALL), policy_of(PASS_ALL.replace('"all"', '"every"')), records, secrets=Secrets(SECRET)
    )
    assert {one.change for one in renamed} == {Change.SAME_BY_OTHER_RULE}
