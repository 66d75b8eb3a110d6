"""Who may: roles, delegations, vetoes, two nations, postures; denied by default and at each step anew."""

import dataclasses
import itertools

import cedarpy
import pytest
from command_scenes import (
    NS,
    PEOPLE,
    SETTINGS,
    STAFF,
    START_NS,
    alert_of,
    decided,
    delegation_of,
    plan_of,
    posture_of,
    said,
    says,
    task,
)

from noroshi.command.authority import Nobody, Request
from noroshi.command.book import Book
from noroshi.command.core import Command
from noroshi.command.matters import Refusal
from noroshi.command.rows import decision_of
from noroshi.command.transitions import Role, Step
from noroshi.run.authority import AuthorityError, Cedar, read, shipped

RULES = shipped()
ASKED = Request(
    step="approved", role="approver", nation="JPN", acting_for="JPN", delegated=False, proposed=False,
    action="sensor_task", owner="JPN", asset="JPN", areas=("JP-02",), concerns=("JPN",), posture="peacetime",
    priority="priority", joint=False,
)  # fmt: skip


def book(home="JPN", rules=RULES):
    return Book(home, PEOPLE, rules, SETTINGS)


def test_only_approvers_approve():
    allowed = {role for role in Role if RULES.judge(ASKED._replace(role=role)).allowed}
    assert allowed == {Role.APPROVER}
    assert not RULES.judge(ASKED._replace(proposed=True)).allowed
    assert RULES.judge(ASKED._replace(proposed=True)).rule == "who proposes does not decide"


def test_nobody_acts_for_another_nation_without_its_delegation():
    for nation, acting_for, delegated in itertools.product(("JPN", "USA"), ("JPN", "USA"), (False, True)):
        asked = ASKED._replace(nation=nation, acting_for=acting_for, delegated=delegated)
        assert RULES.judge(asked).allowed == (nation == acting_for or delegated)


def test_observers_take_no_step_at_all():
    for step in Step:
        assert not RULES.judge(ASKED._replace(step=step, role=Role.OBSERVER)).allowed


def test_a_forbid_that_cannot_be_evaluated_denies():
    """Cedar passes over a rule that fails, a forbid too; here it denies."""
    text = '@id("a") permit (principal, action, resource);'
    failing = '@id("b") forbid (principal, action, resource) when { decimal("1.23456") == decimal("1.0") };'
    raw = cedarpy.is_authorized({"principal": 'A::"a"', "action": 'A::"a"', "resource": 'A::"a"'}, text + failing, [])
    assert raw.allowed
    assert raw.diagnostics.errors
    assert Cedar(text).judge(ASKED).allowed
    with pytest.raises(AuthorityError):
        Cedar(text + failing)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("permit (principal, action", "unexpected"),
        ("permit (principal, action, resource);", "a name of its own"),
        ('@id("a") permit (principal, action, resource) when { principal.rank == "x" };', "rank"),
        ('@id("a") permit (principal, action == Action::"aproved", resource);', "aproved"),
    ],
)
def test_rules_that_are_wrong_are_refused_when_they_are_read(text, message):
    with pytest.raises(AuthorityError, match=message):
        Cedar(text)


def test_rules_are_files(tmp_path):
    (tmp_path / "a.cedar").write_text('@id("a") permit (principal, action, resource);')
    assert read([tmp_path / "a.cedar"]).judge(ASKED).rule == "a"
    with pytest.raises(AuthorityError, match="cannot be read"):
        read([tmp_path / "b.cedar"])


def test_without_rules_nothing_is_allowed():
    node = book(rules=Nobody())
    assert says(node, "s", Step.RECOMMENDED, "sato@JPN", START_NS, what=task()).refusal is Refusal.DENIED
    assert not node.matters


def test_who_proposes_does_not_approve():
    people = dict(PEOPLE)
    people["sato@JPN"] = dataclasses.replace(PEOPLE["sato@JPN"], roles=(Role.WATCH_OFFICER, Role.APPROVER))
    node = Book("JPN", people, RULES, SETTINGS)
    says(node, "s", Step.RECOMMENDED, "sato@JPN", START_NS, what=task())
    row = node.draft("s", Step.APPROVED, by="sato@JPN", role=Role.APPROVER, now_ns=START_NS)
    from command_scenes import KEYS

    from noroshi.command.people import sign

    assert node.take_row(sign(row, KEYS["sato@JPN"]), START_NS).refusal is Refusal.OWN_PROPOSAL


def test_two_nations_approve_where_the_asset_is_ones_and_the_area_anothers():
    node, at = book("JPN"), START_NS
    says(node, "s", Step.RECOMMENDED, "ueda@JPN", at, what=task(areas=("US-GU",), asset="JPN"))
    assert node.matters["JPN", "s"].concerns == ("JPN", "USA")
    assert says(node, "s", Step.APPROVED, "webb@AUS", at).refusal is Refusal.FIELDS
    assert says(node, "s", Step.APPROVED, "mori@JPN", at).refusal is None
    assert node.matters["JPN", "s"].state == Step.RECOMMENDED
    assert says(node, "s", Step.APPROVED, "kato@JPN", at).refusal is Refusal.ILLEGAL
    assert says(node, "s", Step.TASKED, "ueda@JPN", at).refusal is Refusal.ILLEGAL
    assert says(node, "s", Step.APPROVED, "reed@USA", at).refusal is None
    assert node.matters["JPN", "s"].state == Step.APPROVED
    assert says(node, "s", Step.TASKED, "ueda@JPN", at).refusal is None


def test_a_veto_of_one_nation_wins():
    node, at = book("JPN"), START_NS
    says(node, "s", Step.RECOMMENDED, "ueda@JPN", at, what=task(areas=("US-GU",), asset="JPN"))
    says(node, "s", Step.APPROVED, "mori@JPN", at)
    assert says(node, "s", Step.REJECTED, "lane@USA", at, reason="red card").refusal is None
    assert says(node, "s", Step.APPROVED, "reed@USA", at).refusal is Refusal.ILLEGAL
    says(node, "t", Step.RECOMMENDED, "ueda@JPN", at, what=task(areas=("US-GU",), asset="JPN"))
    says(node, "t", Step.APPROVED, "mori@JPN", at)
    says(node, "t", Step.APPROVED, "reed@USA", at)
    assert says(node, "t", Step.RECALLED, "lane@USA", at, reason="red card").refusal is None
    assert says(node, "t", Step.TASKED, "ueda@JPN", at).refusal is Refusal.ILLEGAL


def test_an_amendment_takes_everybodys_approval_anew():
    node, at = book("JPN"), START_NS
    says(node, "s", Step.RECOMMENDED, "ueda@JPN", at, what=task(areas=("US-GU", "JP-02"), asset="JPN"))
    says(node, "s", Step.APPROVED, "reed@USA", at)
    narrower = task(areas=("US-GU",), asset="JPN")
    assert says(node, "s", Step.AMENDED, "mori@JPN", at, what=narrower, reason="less").refusal is None
    assert node.matters["JPN", "s"].lacks == ("USA",)
    wider = task(areas=("AU-NT",), asset="JPN")
    assert says(node, "s", Step.AMENDED, "lane@USA", at, what=wider, reason="x").refusal is Refusal.FIELDS
    assert says(node, "s", Step.APPROVED, "lane@USA", at).refusal is None
    assert node.matters["JPN", "s"].state == Step.AMENDED


DELEGATED = {"acting_for": "JPN", "delegation": "d"}


def proposed(node, stream, at, **changes):
    says(node, stream, Step.RECOMMENDED, "ueda@JPN", at, what=task(**changes), reason="exercise")


def test_a_delegation_lets_another_nations_person_approve_within_its_scope():
    node, at = book(), START_NS
    proposed(node, "s", at)
    row = {"acting_for": "JPN"}
    assert says(node, "s", Step.APPROVED, "reed@USA", at, **row).refusal is Refusal.NO_DELEGATION
    assert says(node, "s", Step.APPROVED, "reed@USA", at, **DELEGATED).refusal is Refusal.NO_DELEGATION
    decided(node, "d", delegation_of(uses_max=2, areas=("JP-02",), actions=("sensor_task",)), at)
    assert says(node, "s", Step.APPROVED, "lane@USA", at, **DELEGATED).refusal is Refusal.NO_DELEGATION
    assert says(node, "s", Step.APPROVED, "reed@USA", at, **DELEGATED).refusal is None
    assert node.matters["JPN", "s"].approvals["JPN"].rule == "delegates decide for the nation that sent them"
    proposed(node, "elsewhere", at, areas=("JP-03",))
    assert says(node, "elsewhere", Step.APPROVED, "reed@USA", at, **DELEGATED).refusal is Refusal.NO_DELEGATION
    proposed(node, "other", at, action="cover")
    assert says(node, "other", Step.APPROVED, "reed@USA", at, **DELEGATED).refusal is Refusal.NO_DELEGATION
    proposed(node, "second", at)
    assert says(node, "second", Step.APPROVED, "reed@USA", at, **DELEGATED).refusal is None
    proposed(node, "third", at)
    assert says(node, "third", Step.APPROVED, "reed@USA", at, **DELEGATED).refusal is Refusal.NO_DELEGATION
    later = at + 3700 * NS
    decided(node, "e", delegation_of(until_ns=later), at)
    proposed(node, "fourth", later)
    late = says(node, "fourth", Step.APPROVED, "reed@USA", later, acting_for="JPN", delegation="e")
    assert late.refusal is Refusal.NO_DELEGATION


def test_revoking_a_delegation_stops_the_next_step_with_that_one_message():
    node, at = book(), START_NS
    decided(node, "d", delegation_of(), at)
    for stream in ("s", "t"):
        proposed(node, stream, at)
    says(node, "s", Step.APPROVED, "reed@USA", at, **DELEGATED)
    ready = said(node, "t", Step.APPROVED, "reed@USA", at, **DELEGATED)
    revoked = decision_of([said(node, "d", Step.RECALLED, "kato@JPN", at, reason="over")])
    assert node.receive(revoked, at)[0].refusal is None
    assert node.take_row(ready, at).refusal is Refusal.NO_DELEGATION
    assert says(node, "s", Step.TASKED, "ueda@JPN", at).refusal is Refusal.NO_DELEGATION


def test_revoking_stops_also_what_is_under_way():
    command, at = Command("JPN", PEOPLE, RULES, SETTINGS), START_NS
    node = command.book
    decided(node, "d", delegation_of(), at)
    proposed(node, "s", at)
    says(node, "s", Step.APPROVED, "reed@USA", at, **DELEGATED)
    says(node, "s", Step.TASKED, "ueda@JPN", at)
    command.take()
    assert node.matters["JPN", "s"].state == Step.RECEIVED
    assert says(node, "s", Step.ACKNOWLEDGED, "sato@JPN", at).refusal is None
    says(node, "d", Step.RECALLED, "kato@JPN", at, reason="over")
    assert says(node, "s", Step.WILL_COMPLY, "sato@JPN", at).refusal is Refusal.NO_DELEGATION


def test_a_delegation_is_neither_handed_on_nor_approved_by_who_profits():
    node, at = book(), START_NS
    decided(node, "d", delegation_of(actions=("delegation", "sensor_task")), at)
    says(node, "e", Step.RECOMMENDED, "sato@JPN", at, what=delegation_of(delegate="lane@USA"))
    assert says(node, "e", Step.APPROVED, "reed@USA", at, **DELEGATED).refusal is Refusal.NO_DELEGATION
    says(node, "f", Step.RECOMMENDED, "sato@JPN", at, what=delegation_of(delegate="mori@JPN"))
    assert says(node, "f", Step.APPROVED, "mori@JPN", at).refusal is Refusal.OWN_PROPOSAL


def test_one_person_does_not_approve_for_two_nations():
    node, at = book("JPN"), START_NS
    decided(node, "d", delegation_of(), at)
    says(node, "s", Step.RECOMMENDED, "ueda@JPN", at, what=task(areas=("US-GU", "JP-02"), asset="JPN"))
    assert says(node, "s", Step.APPROVED, "reed@USA", at).refusal is None
    assert says(node, "s", Step.APPROVED, "reed@USA", at, **DELEGATED).refusal is Refusal.OWN_PROPOSAL


def test_a_nations_own_caveat_holds_in_peacetime_and_a_posture_changes_it():
    command, at = Command("JPN", PEOPLE, RULES, SETTINGS), START_NS
    node = command.book
    decided(node, "d", delegation_of(), at)
    command.receive(alert_of(), at)
    verdict = says(node, "JPN-1", Step.APPROVED, "reed@USA", at, **DELEGATED)
    assert (verdict.refusal, verdict.why[:17]) == (Refusal.DENIED, "JPN: in peacetime")
    decided(node, "p", posture_of(), at)
    assert node.posture("JPN", at) == "contingency"
    assert node.posture("USA", at) == "peacetime"
    assert says(node, "JPN-1", Step.APPROVED, "reed@USA", at, **DELEGATED).refusal is None


def test_the_rule_that_a_step_names_must_be_the_one_that_allows_it():
    import msgspec
    from command_scenes import KEYS

    from noroshi.command.people import sign
    from noroshi.command.rows import said_in, text_of

    node, at = book(), START_NS
    proposed(node, "s", at)
    row = node.draft("s", Step.APPROVED, by="mori@JPN", role=Role.APPROVER, now_ns=at)
    content = text_of(msgspec.structs.replace(said_in(row.content), rule="because"))
    forged = sign(msgspec.structs.replace(row, content=content), KEYS["mori@JPN"])
    assert node.take_row(forged, at).refusal is Refusal.RULE


def test_exercise_control_stops_everything_and_approves_nothing():
    node, at = book(), START_NS
    proposed(node, "s", at)
    assert says(node, "s", Step.APPROVED, "rule@JPN", at).refusal is Refusal.ROLE
    assert says(node, "s", Step.CANCELLED, "rule@JPN", at, reason="stop").refusal is None


def test_a_plan_is_two_peoples_work():
    node, at = book(), START_NS
    says(node, "plan", Step.RECOMMENDED, "sato@JPN", at, what=plan_of())
    assert says(node, "plan", Step.APPROVED, "reed@USA", at).refusal is Refusal.FIELDS
    assert says(node, "plan", Step.TASKED, "ueda@JPN", at).refusal is Refusal.ILLEGAL
    assert says(node, "plan", Step.APPROVED, "kato@JPN", at).refusal is None
    assert says(node, "plan", Step.TASKED, "ueda@JPN", at).refusal is Refusal.ILLEGAL
    assert not node.inbox()
    wrong = plan_of(stage_min="soon")
    assert says(node, "other", Step.RECOMMENDED, "sato@JPN", at, what=wrong).refusal is Refusal.FIELDS


def test_every_role_is_in_the_staff_or_is_no_person():
    assert {role for _, role in STAFF.values()} | {Role.MACHINE, Role.PLAN} <= set(Role)
