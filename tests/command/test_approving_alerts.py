"""The approval of alerts: a person, or a plan that people approved; nothing else, and nothing late or stale."""

import msgspec
import numpy as np
import pytest
from command_scenes import (
    KEYS,
    NS,
    PEOPLE,
    SETTINGS,
    START_NS,
    alert_of,
    decided,
    plan_of,
    posture_of,
    said,
    says,
    threats_of,
)

from noroshi.command.alerts import Amendment, alert_in, amended, what_of
from noroshi.command.core import Command
from noroshi.command.matters import Refusal
from noroshi.command.people import sign
from noroshi.command.rows import decision_of, rows_of
from noroshi.command.transitions import Role, Step
from noroshi.records import Alert, Certainty, Decision, Stage, check, digest
from noroshi.run.authority import shipped

RULES = shipped()


def command(home="JPN"):
    return Command(home, PEOPLE, RULES, SETTINGS)


def alerts(out):
    return [one.record for one in out if isinstance(one.record, Alert)]


def test_a_person_approves_and_the_alert_goes_out_once():
    node, at = command(), START_NS
    assert node.receive(threats_of(), at) == []
    (verdict,) = node.receive(alert_of(), at)
    assert verdict.refusal is None
    out = node.take()
    assert [one.channel for one in out] == ["decision"]
    check(out[0].record)
    row = said(node.book, "JPN-1", Step.APPROVED, "mori@JPN", at + 20 * NS)
    approval = decision_of([row])
    assert [verdict.refusal for verdict in node.receive(approval, at + 20 * NS)] == [None]
    out = node.take()
    assert [one.channel for one in out] == ["decision", "decision", "alert"]
    expected = alert_of(sent_ns=at + 20 * NS)
    assert digest(out[2].record) == digest(expected)
    assert [verdict.refusal for verdict in node.receive(approval, at + 21 * NS)] == [Refusal.DUPLICATE]
    assert not node.take()
    assert digest(*node.undelivered()) == digest(expected)
    approved = node.book.matters["JPN", "JPN-1"].approvals["JPN"]
    assert approved.by == "mori@JPN"
    assert approved.rule == "approvers decide for their own nation"
    assert approved.picture_ns == at


@pytest.mark.parametrize(
    ("failed", "steps"),
    [("", ["tasked", "received", "done_ok"]), ("siren: refused by the other side", ["tasked", "done_not_ok"])],
)
def test_the_history_says_that_an_alert_was_sent_and_what_became_of_it(failed, steps):
    node, at = command(), START_NS
    node.receive(alert_of(), at)
    assert node.delivered("JPN-1", at) is None  # nobody has approved it
    assert says(node.book, "JPN-1", Step.APPROVED, "mori@JPN", at + NS).refusal is None
    node.take()
    said_of_it = node.delivered("JPN-1", at + 2 * NS, failed=failed)
    assert [verdict.refusal for verdict in node.receive(said_of_it, at + 3 * NS)] == [None] * (len(steps) - 1)
    history = node.book.matters["JPN", "JPN-1"].rows
    assert [row.step for row in history] == ["recommended", "approved", *steps]
    assert {row.by for row in history[2:]} == {"machine"}
    assert history[-1].reason == failed
    assert not node.undelivered()
    assert node.delivered("JPN-1", at + 3 * NS) is None
    assert [one.channel for one in node.take()] == ["decision"] * (len(steps) - 1)
    assert node.wake_ns() is None


def test_another_nation_does_not_say_what_became_of_an_alert():
    node, at = command(), START_NS
    node.receive(alert_of(), at)
    says(node.book, "JPN-1", Step.APPROVED, "mori@JPN", at)
    node.take()
    first, second = node.receive(node.delivered("JPN-1", at), at, source="USA")
    assert (first.refusal, second.refusal) == (Refusal.NOT_THE_WRITER, Refusal.VERSION)
    assert node.book.matters["JPN", "JPN-1"].state == Step.TASKED


def test_an_alert_survives_json_to_the_last_bit():
    alert = alert_of(probability=np.array([0.1 + 0.2, np.nan]), references=("JPN-0",))
    assert digest(alert_in(what_of(alert))) == digest(alert)


def test_nobody_says_anything_and_nothing_goes_out():
    node, at = command(), START_NS
    node.receive(alert_of(), at)
    first_ns = node.wake_ns()
    assert first_ns == at + 60 * NS
    node.wake(first_ns)
    assert node.book.matters["JPN", "JPN-1"].state == Step.RECOMMENDED
    assert node.book.matters["JPN", "JPN-1"].is_escalated
    second_ns = node.wake_ns()
    assert second_ns == first_ns + 60 * NS
    late = said(node.book, "JPN-1", Step.APPROVED, "mori@JPN", second_ns - 1)
    node.wake(second_ns)
    assert node.book.matters["JPN", "JPN-1"].state == Step.EXPIRED
    assert node.wake_ns() is None
    assert node.book.take_row(late, second_ns).refusal is Refusal.VERSION
    again = says(node.book, "JPN-1", Step.APPROVED, "mori@JPN", second_ns + 1)
    assert again.refusal is Refusal.ILLEGAL
    assert not alerts(node.take())


def test_an_approver_leaves_areas_out_but_brings_none_in():
    node, at = command(), START_NS
    node.receive(alert_of(), at)
    before = node.book.matters["JPN", "JPN-1"].what
    after = amended(before, Amendment(areas=("JP-03",), expires_ns=before.until_ns))
    row = said(node.book, "JPN-1", Step.AMENDED, "mori@JPN", at + NS, what=after, reason="too wide")
    assert node.receive(decision_of([row]), at + NS)[0].refusal is None
    (sent,) = alerts(node.take())
    assert sent.code.tolist() == ["JP-03"]
    assert sent.probability.tolist() == [0.6]
    with pytest.raises(ValueError, match="none that was not proposed"):
        amended(before, Amendment(areas=("JP-04",), expires_ns=before.until_ns))
    node.receive(alert_of("JPN-2"), at + NS)
    forged = what_of(alert_of("JPN-2", probability=np.array([1.0, 1.0])))
    verdict = says(node.book, "JPN-2", Step.AMENDED, "mori@JPN", at + NS, what=forged, reason="surer")
    assert verdict.refusal is Refusal.FIELDS


def test_a_rejection_needs_a_reason_and_is_final():
    node, at = command(), START_NS
    node.receive(alert_of(), at)
    assert says(node.book, "JPN-1", Step.REJECTED, "mori@JPN", at).refusal is Refusal.REASON
    assert says(node.book, "JPN-1", Step.REJECTED, "mori@JPN", at, reason="a test").refusal is None
    assert says(node.book, "JPN-1", Step.APPROVED, "kato@JPN", at).refusal is Refusal.ILLEGAL


@pytest.mark.parametrize(
    ("changes", "now_s", "why"),
    [
        ({"stage": Stage.LANDED}, 10, "is landed by now"),
        ({}, 130, "its picture is 130 s old"),
    ],
)
def test_a_stale_proposal_is_refused(changes, now_s, why):
    node, at = Command("JPN", PEOPLE, RULES, unhurried(1000.0)), START_NS
    node.receive(threats_of(), at)
    node.receive(alert_of(), at)
    node.receive(threats_of(time_ns=at + now_s * NS, **changes), at + now_s * NS)
    verdict = says(node.book, "JPN-1", Step.APPROVED, "mori@JPN", at + now_s * NS)
    assert verdict.refusal is Refusal.STALE
    assert why in verdict.why
    assert node.warnings.outdated(at + now_s * NS) == [("JPN-1", verdict.why)]
    assert says(node.book, "JPN-1", Step.REJECTED, "mori@JPN", at + now_s * NS, reason="stale").refusal is None


def unhurried(person_s):
    return type(SETTINGS)(area_nations=SETTINGS.area_nations, person_s=dict.fromkeys(SETTINGS.person_s, person_s))


def test_where_it_comes_down_is_no_hindrance():
    """Under thrust that moves each second; whom it concerns, and when, is what the proposal says."""
    node, at = command(), START_NS
    node.receive(threats_of(), at)
    node.receive(alert_of(), at)
    node.receive(threats_of(lat_deg=45.0, end_s=420.0, stage=Stage.BOOSTING), at + NS)
    assert not node.warnings.outdated(at + NS)
    assert says(node.book, "JPN-1", Step.APPROVED, "mori@JPN", at + NS).refusal is None


def test_a_standing_plan_approves_at_once_what_it_covers_and_nothing_else():
    node, at = command(), START_NS
    decided(node.book, "plan-north", plan_of(), at - 600 * NS)
    decided(node.book, "posture-1", posture_of(), at - 500 * NS, by="kato@JPN")
    node.take()
    node.receive(alert_of(), at)
    out = node.take()
    assert [one.channel for one in out] == ["decision", "decision", "decision", "alert"]
    step = rows_of(out[1].record)[0]
    assert (step.step, step.by, step.signature) == (Step.APPROVED, "plan", "")
    assert node.book.matters["JPN", "JPN-1"].approvals["JPN"].plan == "plan-north"
    for name, changes in {
        "unlikely": {"probability": np.array([0.9, 0.4])},
        "early": {"stage": int(Stage.BOOSTING)},
        "other": {"hazard": "aircraft"},
        "cancel": {"message": "Cancel"},
        "abroad": {"code": np.array(["JP-02", "US-GU"])},
    }.items():
        node.receive(alert_of(name, **changes), at)
        assert not alerts(node.take()), name
        assert node.book.matters["JPN", name].state == Step.RECOMMENDED
    assert says(node.book, "plan-north", Step.RECALLED, "mori@JPN", at, reason="over").refusal is None
    node.receive(alert_of("JPN-9"), at)
    assert not alerts(node.take())


@pytest.mark.parametrize(
    ("stage", "certainty", "after_s", "goes"),
    [
        (Stage.LANDED, Certainty.OBSERVED, 0, True),
        (Stage.PASSED, Certainty.OBSERVED, 0, True),
        (Stage.PASSED, Certainty.LIKELY, 0, False),  # nobody measured it after the passing
        (Stage.TRACK_LOST, Certainty.POSSIBLE, 0, False),
        (Stage.BALLISTIC, Certainty.OBSERVED, 0, False),
        (Stage.LANDED, Certainty.OBSERVED, 3601, False),  # the plan has expired: that approves nothing
    ],
)
def test_a_plan_lets_an_all_clear_go_where_the_end_was_observed_and_nothing_else(stage, certainty, after_s, goes):
    node, at = command(), START_NS + after_s * NS
    decided(node.book, "ends", plan_of(messages=("Cancel",), postures=("peacetime",)), START_NS)
    node.take()
    node.receive(
        alert_of("over", message="Cancel", stage=int(stage), certainty=int(certainty), picture_ns=at, sent_ns=at), at
    )
    assert bool(alerts(node.take())) is goes
    assert (node.book.matters["JPN", "over"].state == Step.RECOMMENDED) is not goes


@pytest.mark.parametrize(
    ("codes", "goes"), [(("JP-02",), False), (("JP-02", "JP-03"), True), (("JP-02", "JP-03", "JP-05"), True)]
)
def test_no_plan_approves_an_update_that_leaves_areas_out(codes, goes):
    """Those who are left out are told that it is over for them, and nobody has observed that."""
    node, at = command(), START_NS
    plan = plan_of(messages=("Alert", "Update"), areas=("*",), postures=("peacetime",))
    decided(node.book, "both", plan, at)
    node.take()
    node.receive(alert_of("first", codes=("JP-02", "JP-03")), at)
    assert alerts(node.take())
    node.receive(alert_of("second", codes=codes, message="Update", references=("first",)), at + NS)
    assert bool(alerts(node.take())) is goes


@pytest.mark.parametrize(("codes", "goes"), [(("JP-02",), True), (("JP-02", "JP-03"), False), (("JP-05",), False)])
def test_an_update_that_only_leaves_areas_out_may_be_approved_though_its_threat_is_over(codes, goes):
    """Where another threat is expected the rest is not over, and those who are left out need not wait for that."""
    node, at = command(), START_NS
    node.receive(alert_of("first", codes=("JP-02", "JP-03")), at)
    assert says(node.book, "first", Step.APPROVED, "mori@JPN", at + NS).refusal is None
    node.receive(alert_of("second", codes=codes, message="Update", references=("first",)), at + 2 * NS)
    node.receive(threats_of(stage=Stage.LANDED, time_ns=at + 3 * NS), at + 3 * NS)
    assert bool(node.warnings.outdated(at + 3 * NS)) is not goes
    assert (says(node.book, "second", Step.APPROVED, "mori@JPN", at + 4 * NS).refusal is None) is goes


def test_a_plan_that_was_recalled_stops_what_it_approved_before_it_is_sent():
    node, at = command(), START_NS
    decided(node.book, "plan-north", plan_of(areas=("*",)), at)
    decided(node.book, "posture-1", posture_of(), at)
    node.take()
    node.receive(alert_of(codes=("JP-02", "US-GU")), at)
    matter = node.book.matters["JPN", "JPN-1"]
    assert list(matter.approvals) == ["JPN"]  # by the plan; the other nation's people are still to say so
    says(node.book, "posture-1", Step.RECALLED, "kato@JPN", at, reason="calm again")
    assert says(node.book, "JPN-1", Step.APPROVED, "reed@USA", at + NS).refusal is None
    assert not alerts(node.take())
    assert matter.state == Step.SUPERSEDED
    assert matter.rows[-1].reason == "not sent: no standing plan that is in force covers it, plan-north of JPN"
    assert not node.undelivered()


def test_an_update_supersedes_the_proposal_that_still_waits():
    node, at = command(), START_NS
    node.receive(alert_of(), at)
    node.receive(alert_of("JPN-2", message="Update", references=("JPN-1",)), at + NS)
    assert node.book.matters["JPN", "JPN-1"].state == Step.SUPERSEDED
    assert [one.stream for one in node.book.inbox(nation="JPN", role=Role.APPROVER)] == ["JPN-2"]


def test_a_forged_step_is_refused():
    node, at = command(), START_NS
    node.receive(alert_of(), at)
    row = said(node.book, "JPN-1", Step.APPROVED, "mori@JPN", at)
    by_another = sign(row, KEYS["sato@JPN"])
    altered = msgspec.structs.replace(row, picture_ns=row.picture_ns + 1)
    in_anothers_name = msgspec.structs.replace(row, by="kato@JPN")
    by_nobody = msgspec.structs.replace(row, by="nobody@JPN")
    by_machine = msgspec.structs.replace(row, by="machine", role="machine", signature="")
    by_plan = msgspec.structs.replace(row, by="plan", role="plan", signature="")
    expected = {
        by_another: Refusal.UNSIGNED, altered: Refusal.UNSIGNED, in_anothers_name: Refusal.UNSIGNED,
        by_nobody: Refusal.UNKNOWN, by_machine: Refusal.ROLE, by_plan: Refusal.UNKNOWN,
    }  # fmt: skip
    for forged, refusal in expected.items():
        assert node.book.take_row(forged, at).refusal is refusal
    assert node.book.take_row(row, at).refusal is None


def test_a_restart_goes_on_where_it_was():
    node, at = command(), START_NS
    node.receive(threats_of(), at)
    node.receive(alert_of(), at)
    node.receive(alert_of("JPN-2"), at)
    (again,) = node.receive(alert_of("JPN-2"), at)
    assert again.refusal is Refusal.DUPLICATE
    (other,) = node.receive(alert_of("JPN-2", threat_id=8), at)
    assert other.refusal is Refusal.KEY_REUSED
    says(node.book, "JPN-2", Step.APPROVED, "mori@JPN", at)
    node.take()
    kept = node.checkpoint()
    again = command()
    again.resume(kept)
    assert again.checkpoint() == kept
    assert again.wake_ns() == node.wake_ns()
    (alert,) = again.undelivered()
    assert digest(alert) == digest(*node.undelivered())
    assert says(again.book, "JPN-1", Step.APPROVED, "mori@JPN", at).refusal is None
    with pytest.raises(ValueError, match="not a checkpoint"):
        again.resume(b"nonsense")


def test_every_step_is_a_record_that_is_checked_and_comes_back():
    node, at = command(), START_NS
    node.receive(alert_of(), at)
    says(node.book, "JPN-1", Step.APPROVED, "mori@JPN", at)
    node.wake(at)
    rows = []
    for one in node.take():
        if isinstance(one.record, Decision):
            rows += rows_of(check(one.record))
    assert rows == node.book.matters["JPN", "JPN-1"].rows
