"""The traps that others fell into, by the numbers of the study behind this room; those of the pure core.

Left to the tests of links, fusion and the web: 1 to 5, 7 on a real store, 10 on each way out, 18 to 22.
"""

import inspect
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sharing_scenes import PASS_ALL, SECOND, SECRET, SENSORS, START_NS, label_text, policy_of, tracks_of
from test_outbox import Line

from noroshi import sharing
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Kind, certain_kind
from noroshi.sharing.audit import withheld_content
from noroshi.sharing.envelope import Receiver, Refusal, Sender
from noroshi.sharing.facts import Facts, facts_of
from noroshi.sharing.label import ALL_PARTNERS, Label, LabelError, cot_attributes, cot_detail, label_of_cot_detail
from noroshi.sharing.parcels import rows_of
from noroshi.sharing.release import Outcome, Released, Secrets, release
from noroshi.sharing.rules import PolicyError, Product, still_valid

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def released(policy, tracks, recipient="USA", **changes):
    facts = facts_of(tracks, product="contribution", exercise=changes.pop("exercise", None), sensor_types=SENSORS)
    said = {"now_ns": START_NS, "secrets": Secrets(SECRET), **changes}
    return release(policy, facts, recipients=(recipient,), **said)[recipient]


def rule(name, more, then="pass", products='["contribution"]', to='["ALL-PARTNERS"]'):
    return f'[[rules]]\nrule = "{name}"\nto = {to}\nproducts = {products}\nthen = "{then}"\n{more}\n'


def test_trap_01_a_name_alone_is_no_identity():
    """The links' part is certificates; here: a message in JPN's name signed with KOR's key is refused."""
    other = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    said = {"owner": "JPN", "recipient": "USA", "feed": "tracks", "exercise": None}
    message = Sender(key=other, **said).seal(
        b"", product=Product.CONTRIBUTION, label=Label(originator="JPN", releasable_to=("USA",)), policy="",
        valid_from_ns=0, valid_to_ns=0, now_ns=0,
    )  # fmt: skip
    assert Receiver(keys=(KEY.public_key(),), **said).receive(message, 0).refusal is Refusal.ALTERED


def test_trap_06_a_cache_does_not_replay_what_an_older_policy_released():
    policy, line = policy_of(PASS_ALL), Line(policy_of(PASS_ALL))
    line.put(tracks_of(3), START_NS)
    line.step(START_NS, lost=lambda seq: True)
    line.outbox.tighten(still_valid(policy, policy_of(""), "USA"))
    messages, gone = line.outbox.fetch(1, 10, START_NS)
    assert messages == []
    assert sum(len(hashes) for _, hashes in gone) == line.sender.seq


def test_trap_07_a_restarted_sender_still_has_what_it_did_not_deliver():
    line = Line(policy_of(PASS_ALL))
    line.put(tracks_of(3), START_NS)
    line.step(START_NS, lost=lambda seq: True)
    line.put(tracks_of(3, rng=np.random.default_rng(8)), START_NS)
    line.restart()
    line.step(START_NS)
    line.catch_up(START_NS)
    assert len(line.rows()) == 6


def test_trap_08_labels_survive_conversion_to_cursor_on_target():
    """takproto drops the event's attributes `caveat` and `releasableTo`; the detail carries the whole label."""
    label = Label(originator="JPN", level="RESTRICTED", releasable_to=("USA",), caveats=("EYES",), expires_ns=5)
    event = ET.Element("event", cot_attributes(label))
    ET.SubElement(event, "detail").append(cot_detail(label))
    for dropped in ("caveat", "releasableTo"):
        del event.attrib[dropped]
    again = ET.fromstring(ET.tostring(event))
    assert label_of_cot_detail(again.find("detail")) == label
    assert label_of_cot_detail(ET.Element("detail")) is None


def test_trap_09_without_a_label_nothing_passes():
    assert (released(policy_of(PASS_ALL), tracks_of(3).replace(label="")).outcome == Outcome.LABEL).all()
    with pytest.raises(LabelError):
        released(policy_of(PASS_ALL), tracks_of(3).replace(label="JPN eyes only"))


def test_trap_10_there_is_one_way_out():
    """Nothing else of the room carries out actions, and tracks enter an outbox only as what was released."""
    sources = {path.name: path.read_text() for path in Path(sharing.__file__).parent.glob("*.py")}
    assert [name for name, text in sources.items() if ".change(" in text] == ["release.py"]
    assert inspect.signature(rows_of).parameters["released"].annotation is Released


def test_trap_11_a_nation_that_is_taken_out_gets_nothing_more_and_is_told_to_forget():
    before = policy_of(PASS_ALL)
    after = policy_of(PASS_ALL, partners='[partners]\nKOR = "close"\n')
    line = Line(before)
    line.put(tracks_of(3), START_NS)
    line.step(START_NS)
    line.put(tracks_of(3, time_ns=START_NS + SECOND), START_NS + SECOND)
    assert still_valid(before, after, "USA") == frozenset()
    result = line.outbox.tighten(still_valid(before, after, "USA"))
    assert (sum(result.purged.values()), len(result.tombstones)) == (3, 3)
    assert (released(after, tracks_of(3)).outcome == Outcome.NO_PARTNER).all()


def test_trap_12_empty_is_nobody_and_names_are_global():
    assert (
        released(policy_of(PASS_ALL), tracks_of(3).replace(label=label_text(releasable_to=()))).outcome == Outcome.LABEL
    ).all()
    with pytest.raises(PolicyError, match="at least 1"):
        policy_of(rule("to nobody", "", to="[]"))
    with pytest.raises(PolicyError, match="none of the partners"):
        policy_of(rule("group of ours", "", to='["group 7"]'))


def test_trap_13_what_is_restricted_at_birth_never_went_out_before():
    """No label, no release: there is no moment between making a record and restricting it."""
    line = Line(policy_of(PASS_ALL))
    line.put(tracks_of(3).replace(label=""), START_NS)
    assert line.step(START_NS) == []


class TestTrap14SideChannels:
    def test_numbers_tell_nothing_of_tracks_withheld(self):
        one = released(policy_of(PASS_ALL), tracks_of(50))
        few = released(policy_of(rule("sure", "existence_min = 0.6")), tracks_of(50))
        numbers = dict(zip(one.rows.tolist(), one.tracks.track_id.tolist(), strict=True))
        assert [numbers[row] for row in few.rows.tolist()] == few.tracks.track_id.tolist()

    def test_sequence_numbers_have_no_gaps_where_rows_were_withheld_or_purged(self):
        line = Line(policy_of(PASS_ALL))
        for k in range(4):
            line.put(tracks_of(3, time_ns=START_NS + k * SECOND), START_NS + k * SECOND)
            if k == 2:
                line.outbox.tighten(frozenset())
        line.step(START_NS + 4 * SECOND)
        assert line.receiver.contiguous == line.sender.seq == len(line.got)

    def test_coarse_tracks_come_at_coarse_times_whatever_the_sensor_does(self):
        policy = policy_of(rule("coarse", "coarsen = {position_m = 5000, period_s = 60}"))
        rng = np.random.default_rng(2)
        jittered = tracks_of(30).replace(
            time_ns=START_NS + rng.integers(0, 60 * SECOND, 30), revision=np.full(30, 4, np.int32)
        )
        told = released(policy, jittered).tracks
        assert (told.time_ns % (60 * SECOND) == 0).all()
        assert (told.updated_ns == told.time_ns).all()
        assert (told.revision == 0).all()

    def test_coarse_tracks_are_told_once_a_period_however_often_they_are_seen(self):
        policy = policy_of(rule("coarse", "coarsen = {position_m = 5000, period_s = 60}"))
        memories, told = None, []
        for second in range(0, 180, 4):
            one = released(policy, tracks_of(5, time_ns=START_NS + second * SECOND), memories=memories)
            memories = {"USA": one.memory}
            told += [one.tracks.time_ns[0] - START_NS] if len(one.rows) == 5 else [None] * len(one.rows)
        assert told == [0, 60 * SECOND, 120 * SECOND]

    def test_a_round_covariance_does_not_point_at_the_radar(self):
        """It is larger in every direction and the same in all, and of few sizes."""
        told = released(policy_of(rule("round", 'strip = {fields = ["covariance"]}')), tracks_of(200))
        plain = tracks_of(200).covariance_ecef[told.rows]
        shown = told.tracks.covariance_ecef
        assert (np.linalg.eigvalsh(shown - plain)[:, 0] >= 0.0).all()
        assert np.array_equal(shown, shown * np.eye(6))
        sigma = np.sqrt(shown[:, 0, 0])
        assert np.array_equal(sigma, 2.0 ** np.round(np.log2(sigma)))

    def test_sensors_that_fed_nothing_released_are_not_named(self):
        tracks = tracks_of(40)
        told = released(policy_of(rule("radar", 'sensor_types_only = ["search_radar"]')), tracks)
        assert told.tracks.source_names == ("jpn-north",)
        assert len(told.rows)

    def test_vanishing_at_an_area_does_not_draw_it(self):
        """Flights into a withheld area: where each was seen last lies scattered over the margin, none in the area."""
        n, margin_m = 60, 50_000.0
        box = [[30.0, 135.0], [45.0, 135.0], [45.0, 145.0], [30.0, 145.0]]
        policy = policy_of(rule("area", f"area = {{polygon = {box}, margin_m = {margin_m}}}", then="drop") + PASS_ALL)
        lat, secrets, last = np.linspace(34.0, 41.0, n), Secrets(SECRET), np.full(n, np.nan)
        for lon in np.arange(133.5, 135.5, 0.01):
            states = np.zeros((n, 6))
            states[:, :3] = ecef_from_geodetic(np.radians(lat), np.full(n, np.radians(lon)), 10_000.0)
            rows = released(policy, tracks_of(n).replace(state_ecef=states), secrets=secrets).rows
            last[rows] = lon
        away_m = np.radians(135.0 - last) * np.cos(np.radians(lat)) * 6_378_137.0
        assert away_m.min() > 0.45 * margin_m
        assert away_m.std() > 0.2 * margin_m

    def test_a_recipient_is_not_told_who_else_gets_it(self):
        tracks = tracks_of(3).replace(label=label_text(releasable_to=("AUS", "KOR", "USA")))
        told = released(policy_of(PASS_ALL), tracks)
        assert "KOR" not in told.tracks.label
        assert "AUS" not in told.tracks.label

    def test_counts_of_what_was_withheld_are_not_in_what_is_sent(self):
        policy = policy_of(rule("few", "existence_min = 0.9"))
        told = released(policy, tracks_of(100))
        assert withheld_content(told, policy)["reasons"]["no_rule_matches"] == 100 - len(told.rows)
        assert len(told.tracks) == len(told.rows) == len(told.due_ns)


def test_trap_15_a_delayed_row_keeps_its_time_and_a_warning_needs_a_rule_of_its_own():
    policy = policy_of(rule("late", "delay = {seconds = 600}"))
    told = released(policy, tracks_of(3))
    assert (told.tracks.time_ns == START_NS).all()
    assert (told.due_ns == START_NS + 600 * SECOND).all()
    warning = Facts(
        product=Product.WARNING, n=1, label=Label(originator="JPN", releasable_to=(ALL_PARTNERS,)), exercise=None
    )
    out = release(policy, warning, now_ns=START_NS, secrets=Secrets(SECRET), recipients=("USA",))["USA"]
    assert out.outcome[0] == Outcome.NO_RULE_MATCHES


def test_trap_16_envelopes_say_when_they_hold_and_when_they_went_and_clocks_are_watched():
    line = Line(policy_of(PASS_ALL))
    line.put(tracks_of(3, kind_probability=certain_kind(Kind.AIRCRAFT, 3)), START_NS)
    (message,) = line.step(START_NS + 9 * SECOND, lost=lambda seq: True)
    got = line.receiver.receive(message, START_NS + 8 * SECOND)
    assert (got.envelope.valid_from_ns, got.envelope.released_ns) == (START_NS, START_NS + 9 * SECOND)
    assert (got.clock_offset_ns, got.clock_alarm) == (-SECOND, True)


def test_trap_17_exercise_and_reality_do_not_mix():
    for exercise, rules in (("KEEN", ""), (None, 'exercises = ["KEEN"]'), ("OTHER", 'exercises = ["KEEN"]')):
        assert not len(released(policy_of(rule("one", rules)), tracks_of(3), exercise=exercise).rows)
    said = {"owner": "JPN", "recipient": "USA", "feed": "tracks"}
    message = Sender(key=KEY, exercise="KEEN", **said).seal(
        b"", product=Product.CONTRIBUTION, label=Label(originator="JPN", releasable_to=("USA",)), policy="",
        valid_from_ns=0, valid_to_ns=0, now_ns=0,
    )  # fmt: skip
    for mine, refusal in (("KEEN", None), ("OTHER", Refusal.WRONG_EXERCISE), (None, Refusal.WRONG_EXERCISE)):
        assert Receiver(keys=(KEY.public_key(),), exercise=mine, **said).receive(message, 0).refusal is refusal


def test_trap_incest_only_contributions_are_fused_and_a_policy_does_not_confuse_them():
    fused = facts_of(tracks_of(3), product=Product.FUSED, exercise=None)
    out = release(policy_of(PASS_ALL), fused, now_ns=START_NS, secrets=Secrets(SECRET), recipients=("USA",))["USA"]
    assert (out.outcome == Outcome.NO_RULE_MATCHES).all()
