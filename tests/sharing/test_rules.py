"""Policies: read with clear errors, ordered, closed by default."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path as Polygon
from pyproj import Geod
from sharing_scenes import (
    ACTIONS,
    PARTNERS,
    PASS_ALL,
    SECOND,
    SECRET,
    SENSORS,
    START_NS,
    label_text,
    policy_of,
    tracks_of,
)

from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Kind, TrackStatus
from noroshi.sharing.facts import Facts, facts_of
from noroshi.sharing.label import ALL_PARTNERS, Label
from noroshi.sharing.release import Outcome, Secrets, release
from noroshi.sharing.rules import PolicyError, Product, break_glass, parse, still_valid, without_ended

HOUR = 3600 * SECOND


def rule(name="one", then="pass", to='["ALL-PARTNERS"]', products='["contribution"]', more=""):
    return f'[[rules]]\nrule = "{name}"\nto = {to}\nproducts = {products}\nthen = "{then}"\n{more}\n'


def released(policy, tracks, *, now_ns=START_NS, exercise=None, to=("USA",), memories=None, types=SENSORS):
    facts = facts_of(tracks, product=Product.CONTRIBUTION, exercise=exercise, sensor_types=types)
    secrets = Secrets(SECRET)
    return release(policy, facts, now_ns=now_ns, secrets=secrets, recipients=to, memories=memories)


def chosen(more, tracks, **changes):
    """Return which rows a rule with one more condition lets pass."""
    return released(policy_of(rule(more=more)), tracks, **changes)["USA"].outcome == Outcome.RELEASED


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("nation = \nx = 1", "1", "not TOML"),
        ('nation = "JPN"\n[partner]\nUSA = "x"\n', "2", "'partner' is none of nation, partners, rules"),
        (
            f'nation = "JPN"\n{PARTNERS}' + rule(more='kinds = ["airplane"]'),
            "11",
            "'airplane' is none of unknown, aircr",
        ),
        (f'nation = "JPN"\n{PARTNERS}' + rule(more='colour = "red"'), "11", "colour: is no condition (to, products"),
        (
            f'nation = "JPN"\n{PARTNERS}' + rule(to='["US"]'),
            "8",
            "'US' is none of the partners AUS, KOR, USA; nor ALL-",
        ),
        (
            f'nation = "JPN"\n{PARTNERS}' + rule() + rule(to="[]", name="two"),
            "14",
            "rule two: to: Tuple should have at l",
        ),
        (f'nation = "JPN"\n{PARTNERS}' + rule() + rule(), "13", "'one' is the name of an earlier rule too"),
        (f'nation = "JPN"\n{PARTNERS}' + rule(then="maybe"), "10", "then: is pass or drop"),
        (
            f'nation = "JPN"\n{PARTNERS}' + rule(more="[rules.coarsen]\nposition_m = -5"),
            "11",
            "coarsen: position_m: Input should be greater than 0",
        ),
        (
            f'nation = "JPN"\n{PARTNERS}' + rule(more='strip = {fields = ["soul"]}'),
            "11",
            "strip: fields.0: Input should",
        ),
        (f'nation = "JPN"\n{PARTNERS}' + rule(then="drop", more="delay = {seconds = 5}"), "11", "is dropped is not"),
        (f'nation = "JPN"\n{PARTNERS}' + rule(more="area = {polygon = [[1, 2]]}"), "11", "at least three corners"),
        (f'nation = "JPN"\n{PARTNERS}' + rule(more='icao_addresses = ["XYZ"]'), "11", "'XYZ' is no hexadecimal"),
        ('nation = "JPN"\n[partners]\nJPN = "us"\n', "2", "a partner is another nation"),
    ],
)
def test_errors_are_one_line_with_its_place(text, line, says):
    with pytest.raises(PolicyError) as caught:
        parse(text, ACTIONS, source="japan.toml")
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("japan.toml")
    assert f"line {line}" in message, message
    assert says in message


def test_the_first_rule_that_matches_decides():
    tracks = tracks_of(50)
    first = rule("ships stay", "drop", more="existence_min = 0.5")
    told = released(policy_of(first + PASS_ALL), tracks)["USA"]
    assert np.array_equal(told.outcome == Outcome.DROPPED, tracks.existence >= 0.5)
    assert np.array_equal(told.decided, np.where(tracks.existence >= 0.5, 0, 1))
    told = released(policy_of(PASS_ALL + first), tracks)["USA"]
    assert (told.outcome == Outcome.RELEASED).all()


def test_nothing_passes_without_a_rule_a_label_or_a_partnership():
    tracks = tracks_of(4)
    assert (released(policy_of(""), tracks)["USA"].outcome == Outcome.NO_RULE_MATCHES).all()
    assert (released(policy_of(PASS_ALL), tracks, to=("RUR",))["RUR"].outcome == Outcome.NO_PARTNER).all()
    for text in ("", label_text(releasable_to=()), label_text(releasable_to=("KOR",)), label_text(originator="KOR")):
        assert (released(policy_of(PASS_ALL), tracks.replace(label=text))["USA"].outcome == Outcome.LABEL).all()
    late = tracks.replace(label=label_text(expires_ns=START_NS))
    assert (released(policy_of(PASS_ALL), late)["USA"].outcome == Outcome.LABEL).all()
    assert (released(policy_of(PASS_ALL), late, now_ns=START_NS - 1)["USA"].outcome == Outcome.RELEASED).all()


def test_conditions_on_columns():
    tracks = tracks_of(300)
    who, kinds = tracks.identity, tracks.kind_probability
    aircraft_or_ship = kinds[:, Kind.AIRCRAFT] + kinds[:, Kind.SHIP]
    infrared, others = tracks.sources[:, 1], tracks.sources[:, [0, 2]].any(axis=1)
    for more, expected in (
        ('kinds = ["aircraft", "ship"]', aircraft_or_ship >= 0.5),
        ('kinds = ["aircraft", "ship"]\nkind_probability = 0.9', aircraft_or_ship >= 0.9),
        ('statuses = ["firm"]', tracks.status == TrackStatus.FIRM),
        ("existence_max = 0.4", tracks.existence <= 0.4),
        ('icao_addresses = ["840000-87FFFF", "a12345"]', np.isin(who.icao_address, [0x840123, 0xA12345])),
        ('modes_3a = ["7700"]', who.mode_3a == 0o7700),
        ('call_signs = ["JAF*", "UAL9"]', np.isin(who.call_sign, ["JAF123", "UAL9"])),
        ("identified = false", (who.icao_address < 0) & (who.mode_3a < 0) & (who.call_sign == "")),
        ('sensor_types_any = ["infrared"]', infrared),
        ('sensor_types_only = ["infrared"]', infrared & ~others),
        ('level_max = "UNCLASSIFIED"', np.ones(300, bool)),
        ('caveats_any = ["EYES"]', np.zeros(300, bool)),
        ('caveats_none = ["EYES"]', np.ones(300, bool)),
    ):
        assert np.array_equal(chosen(more, tracks), expected), more
        assert expected.any() or "caveats_any" in more
    secret = tracks.replace(label=label_text(level="SECRET", caveats=("EYES",)))
    assert not chosen('level_max = "RESTRICTED"', secret).any()
    assert not chosen('caveats_none = ["EYES"]', secret).any()
    assert chosen('caveats_any = ["EYES"]', secret).all()


def test_an_existence_that_nobody_knows_does_not_match():
    assert not chosen("existence_min = 0.0", tracks_of(3).replace(existence=np.full(3, np.nan))).any()


def test_rules_on_sensor_types_do_not_judge_sensors_of_unknown_type():
    tracks = tracks_of(100)
    told = released(
        policy_of(rule(more='sensor_types_only = ["search_radar"]')), tracks, types={"jpn-north": "search_radar"}
    )["USA"]
    by_radar_alone = tracks.sources[:, 0] & ~tracks.sources[:, 1:].any(axis=1)
    assert np.array_equal(told.outcome == Outcome.RELEASED, by_radar_alone)
    assert (told.outcome[~by_radar_alone] == Outcome.SENSOR_TYPE_UNKNOWN).all()


def test_time_and_exercise():
    tracks = tracks_of(2)
    window = "not_before = 2030-01-01T00:00:00Z\nnot_after = 2030-01-01T01:00:00Z"
    for now_ns, holds in ((-1, False), (0, True), (HOUR - 1, True), (HOUR, False)):
        assert chosen(window, tracks, now_ns=START_NS + now_ns).all() == holds
    assert not chosen("", tracks, exercise="KEEN").any()
    assert chosen('exercises = ["KEEN"]', tracks, exercise="KEEN").all()
    assert not chosen('exercises = ["KEEN"]', tracks).any()


def test_every_exercise_and_still_nothing_that_is_real():
    tracks, every = tracks_of(2), 'exercises = ["ALL-EXERCISES"]'
    assert chosen(every, tracks, exercise="KEEN").all()
    assert chosen(every, tracks, exercise="another").all()
    assert not chosen(every, tracks).any()
    assert not chosen('exercises = ["KEEN"]', tracks, exercise="ALL-EXERCISES").any()


BOX = [[34.0, 130.0], [40.0, 132.0], [39.0, 141.0], [35.0, 139.0], [37.0, 135.0]]  # not convex


def test_polygons_as_matplotlib_sees_them():
    tracks = tracks_of(2_000)
    lat, lon = tracks_places(tracks)
    inside = Polygon(BOX).contains_points(np.stack([lat, lon], axis=1))
    assert np.array_equal(chosen(f"area = {{polygon = {BOX}}}", tracks), inside)
    assert np.array_equal(chosen(f"area = {{polygon = {BOX}, outside = true}}", tracks), ~inside)


def test_polygons_across_the_date_line():
    lon = np.array([179.0, -179.0, 170.0, -170.0])
    states = tracks_of(4).state_ecef.copy()
    states[:, :3] = ecef_from_geodetic(np.radians(np.full(4, 45.0)), np.radians(lon), 0.0)
    box = "area = {polygon = [[40, 175], [50, 175], [50, -175], [40, -175]]}"
    assert chosen(box, tracks_of(4).replace(state_ecef=states)).tolist() == [True, True, False, False]


def test_heights():
    tracks = tracks_of(200)
    _, _, height = tracks_places(tracks, heights=True)
    assert np.array_equal(
        chosen("area = {height_m_min = 3000, height_m_max = 8000}", tracks), (height > 3e3) & (height < 8e3)
    )


def tracks_places(tracks, heights=False):
    from pyproj import Transformer

    x, y, z = tracks.state_ecef[:, :3].T
    lon, lat, height = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True).transform(x, y, z)
    return (lat, lon, height) if heights else (lat, lon)


@pytest.mark.parametrize("sign", [1, -1])
def test_margins_widen_by_a_secret_part_for_each_track(sign):
    """Tracks near a meridian edge: the distance to it by PROJ; none inside half the margin is missed."""
    n, margin_m = 400, 40_000.0
    rng = np.random.default_rng(3)
    lat, lon = rng.uniform(36.5, 37.5, n), 130.0 - sign * rng.uniform(0.0, 0.7, n)
    states = tracks_of(n).state_ecef.copy()
    states[:, :3] = ecef_from_geodetic(np.radians(lat), np.radians(lon), 0.0)
    box = [[30, 130], [44, 130], [44, 144], [30, 144]]
    found = chosen(f"area = {{polygon = {box}, margin_m = {sign * margin_m}}}", tracks_of(n).replace(state_ecef=states))
    away_m = Geod(ellps="WGS84").inv(lon, lat, np.full(n, 130.0), lat)[2]
    matched = found if sign > 0 else ~found
    assert matched[away_m < 0.49 * margin_m].all()
    assert not matched[away_m > 1.51 * margin_m].any()
    between = (away_m > 0.6 * margin_m) & (away_m < 1.4 * margin_m)
    assert 0.2 < matched[between].mean() < 0.8


def test_other_records_go_by_what_they_have():
    """A warning has a place and no kind; rules of tracks do not let it pass, nor actions that it cannot bear."""
    facts = Facts(
        product=Product.WARNING,
        n=1,
        label=Label(originator="JPN", releasable_to=(ALL_PARTNERS,)),
        exercise=None,
        position_ecef_m=ecef_from_geodetic(np.radians([37.0]), np.radians([135.0]), np.zeros(1)),
    )

    def outcome(text):
        told = release(policy_of(text), facts, now_ns=START_NS, secrets=Secrets(SECRET), recipients=("USA",))["USA"]
        assert told.tracks is None
        return Outcome(int(told.outcome[0]))

    warn = '["warning"]'
    assert outcome(PASS_ALL) is Outcome.NO_RULE_MATCHES
    assert outcome(rule(products=warn)) is Outcome.RELEASED
    assert outcome(rule(products=warn, more="area = {height_m_max = 100}")) is Outcome.RELEASED
    assert outcome(rule(products=warn, more='kinds = ["ballistic"]')) is Outcome.NO_RULE_MATCHES
    assert outcome(rule(products=warn, more="existence_min = 0.0")) is Outcome.NO_RULE_MATCHES
    assert outcome(rule(products=warn, more="delay = {seconds = 5}")) is Outcome.RELEASED
    assert outcome(rule(products=warn, more="coarsen = {position_m = 5000}")) is Outcome.UNFIT


def test_the_digest_is_of_what_is_said_and_not_of_how():
    one = policy_of(rule(more="existence_min = 0.5"))
    two = policy_of("# a comment\n" + rule(more="existence_min=0.50   # more"))
    assert one.digest == two.digest
    assert one.digest != policy_of(rule(more="existence_min = 0.51")).digest
    assert one.digest != policy_of(rule(more="existence_min = 0.5\ndelay = {seconds = 1}")).digest


class TestBreakGlass:
    def extra(self, policy=None, **changes):
        said = {
            "by": ("A. Sato", "B. Ito"),
            "reason": "ferry on fire",
            "from_ns": START_NS,
            "until_ns": START_NS + HOUR,
        }
        return break_glass(policy or policy_of(""), policy_of(rule("ferry")).rules[0], **{**said, **changes})

    def test_it_opens_for_its_time_and_closes_by_itself(self):
        policy, audit = self.extra()
        tracks = tracks_of(3)
        for now_ns, count in ((-1, 0), (0, 3), (HOUR - 1, 3), (HOUR, 0)):
            assert len(released(policy, tracks, now_ns=START_NS + now_ns)["USA"].rows) == count
        assert audit["by"] == ["A. Sato", "B. Ito"]
        assert (audit["policy"], audit["policy_before"]) == (policy.digest, policy_of("").digest)
        assert not without_ended(policy, START_NS + HOUR).rules
        assert without_ended(policy, START_NS + HOUR - 1) is policy

    def test_it_does_not_overrule_a_label(self):
        told = released(self.extra()[0], tracks_of(3).replace(label=label_text(releasable_to=("KOR",))))
        assert not len(told["USA"].rows)

    @pytest.mark.parametrize(
        "changes",
        [{"by": ("A. Sato",)}, {"by": ("A. Sato", " a.  SATO ")}, {"by": ("A", "")}, {"reason": " "},
         {"until_ns": START_NS}, {"until_ns": START_NS + 25 * HOUR}],
    )  # fmt: skip
    def test_it_takes_two_people_a_reason_and_an_end(self, changes):
        with pytest.raises(PolicyError):
            self.extra(**changes)

    def test_what_it_released_is_to_be_taken_back_when_it_has_ended(self):
        before = policy_of(PASS_ALL)
        during, _ = self.extra(before)
        after = without_ended(during, START_NS + HOUR)
        assert still_valid(during, after, "USA") == {"all"}
        assert after.digest == before.digest


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, min_size=1, max_size=5)
MORE = {"a": "existence_min = 0.6", "b": 'statuses = ["firm"]', "c": 'call_signs = ["JAF*"]', "d": "identified = true",
        "e": 'kinds = ["aircraft"]', "f": ""}  # fmt: skip
TO = {"a": '["USA"]', "b": '["KOR", "USA"]', "c": '["ALL-PARTNERS"]', "d": '["KOR"]', "e": '["USA"]', "f": '["USA"]'}


@given(NAMES, NAMES, st.sets(st.sampled_from("abcdef")), st.booleans())
def test_still_valid_rules_decide_as_before_whatever_the_row(old_names, new_names, dropping, changed):
    def policy(names, new):
        dropped = set("ce") if not (new and changed) else dropping
        return policy_of("".join(rule(n, "drop" if n in dropped else "pass", TO[n], more=MORE[n]) for n in names))

    old, new, tracks = policy(old_names, False), policy(new_names, True), tracks_of(60)
    valid = still_valid(old, new, "USA")
    before, after = (released(p, tracks)["USA"] for p in (old, new))
    for row in range(60):
        if before.outcome[row] == Outcome.RELEASED and old.rules[before.decided[row]].name in valid:
            assert after.outcome[row] == Outcome.RELEASED
            now = new.rules[after.decided[row]]
            assert now.content == old.rules[before.decided[row]].content or not now.actions


def test_a_rule_on_types_of_sensors_makes_what_is_of_unknown_types_invalid():
    """Wherever it comes in: rules on types cannot judge these rows, so that they stay from then on."""
    types = rule("by radar", more='sensor_types_any = ["search_radar"]')
    old, new = policy_of(rule("all")), policy_of(rule("all") + types)
    assert still_valid(old, new, "USA") == frozenset()
    assert still_valid(new, old, "USA") == {"all"}
    assert still_valid(new, policy_of(rule("all") + types + rule("more")), "USA") == {"all", "by radar"}


def test_what_is_released_more_widely_is_not_taken_back():
    coarse = rule("all", more="coarsen = {position_m = 5000}")
    wider = rule("ferry", more='call_signs = ["JAF*"]')
    assert still_valid(policy_of(coarse), policy_of(wider + coarse), "USA") == {"all"}
    delayed = wider + "delay = {seconds = 5}\n"
    assert still_valid(policy_of(coarse), policy_of(delayed + coarse), "USA") == frozenset()
