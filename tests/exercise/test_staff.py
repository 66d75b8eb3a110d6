"""Scripted people answer by the port of people, after delays that are distributed as stated and shift for nobody."""

import hashlib
import math

import numpy as np
from alert_scenes import SENT_NS, alert_of
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from scipy import stats

from noroshi.command.core import Command
from noroshi.command.matters import Settings
from noroshi.command.people import Person, register
from noroshi.command.rows import What, rows_of
from noroshi.command.transitions import Action, Role, Step
from noroshi.exercise.keyed import Draws
from noroshi.exercise.staff import Answer, Delay, Player
from noroshi.run.authority import shipped

NS, START_NS = 1_000_000_000, 1_893_456_000 * 1_000_000_000
ROLES = {
    "sensors@USA": Role.SENSOR_MANAGER,
    "approver@JPN": Role.APPROVER,
    "sensors@JPN": Role.SENSOR_MANAGER,
}
KEYS = {name: Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()) for name in ROLES}
PEOPLE = register(Person(name, name[-3:], (role,), (KEYS[name].public_key(),)) for name, role in ROLES.items())
SETTINGS = Settings(area_nations={"JP": "JPN", "US": "USA"})


def player(name, *, replicate=0, **more):
    delay = more.pop("delay", Delay(median_s=20.0))
    return Player(name, name[-3:], ROLES[name], KEYS[name], delay, Draws(1, replicate, name), **more)


def played(players, streams=("first", "second"), n_steps=200):
    """Let two nations' staffs play until nothing happens any more; messages take no time."""
    nodes = {nation: Command(nation, PEOPLE, shipped(), SETTINGS) for nation in ("JPN", "USA")}
    now_ns, asker = START_NS, player("sensors@USA")
    for stream in streams:
        what = What(action=Action.SENSOR_TASK, areas=("JP-02",), asset="JPN")
        row = nodes["USA"].book.draft(
            stream, Step.RECOMMENDED, by=asker.name, role=asker.role, now_ns=now_ns, what=what
        )
        from noroshi.command.people import sign

        assert nodes["USA"].book.take_row(sign(row, asker.key), now_ns).refusal is None
    for _ in range(n_steps):
        for _ in range(3):
            for home, there in (("USA", "JPN"), ("JPN", "USA")):
                for one in nodes[home].take():
                    if one.channel in ("decision", "said"):
                        nodes[there].receive(one.record, now_ns, source=home)
        for one in players:
            one.look(nodes[one.nation].book, now_ns)
        times = [one.wake_ns() for one in players] + [node.wake_ns() for node in nodes.values()]
        if all(time is None for time in times):
            break
        now_ns = min(time for time in times if time is not None)
        for node in nodes.values():
            node.wake(now_ns)
        for one in players:
            for decision in one.say(nodes[one.nation].book, now_ns):
                nodes[one.nation].receive(decision, now_ns)
    return nodes


def test_a_request_crosses_is_vetoed_once_and_approved_once():
    veto = Answer("first", Step.RECOMMENDED, Step.REJECTED, "not today")
    nodes = played([player("sensors@USA"), player("sensors@JPN"), player("approver@JPN", answers=(veto,))])
    for node in nodes.values():
        assert node.book.matters["USA", "first"].state == Step.REJECTED
        assert node.book.matters["USA", "second"].state == Step.DONE_OK
        assert [row.step for row in node.book.matters["USA", "second"].rows] == [
            "recommended", "approved", "tasked", "received", "acknowledged", "will_comply", "executing", "done_ok",
        ]  # fmt: skip


def test_who_never_answers_lets_it_lapse():
    nodes = played([player("approver@JPN", delay=Delay(median_s=20.0, never=1.0))])
    matter = nodes["USA"].book.matters["USA", "first"]
    assert matter.state == Step.EXPIRED
    assert [row.step for row in matter.rows] == ["recommended", "escalated", "expired"]


def test_an_answer_does_not_shift_with_what_else_there_is():
    def answered(streams):
        matter = played([player("approver@JPN")], streams, 2)["JPN"].book.matters["USA", "second"]
        return [row.time_ns for row in matter.rows]

    assert answered(("second",)) == answered(("zero", "second"))[:2]


def test_who_thinks_about_what_is_replaced_goes_on_thinking_no_shorter_and_answers_the_newest():
    """However often it is: a new delay for each replacement would make the soonest of them all count."""
    node, one = Command("JPN", PEOPLE, shipped(), SETTINGS), player("approver@JPN", delay=Delay(median_s=20.0))
    due, now_ns = list[int | None](), SENT_NS
    for k in range(9):
        now_ns = SENT_NS + k * NS
        node.receive(alert_of(identifier=f"JPN-{k}", sent_ns=now_ns, picture_ns=now_ns), now_ns)
        node.warnings.withdraw(f"JPN-{k - 1}", now_ns)
        one.look(node.book, now_ns)
        due.append(one.wake_ns())
    assert due[0] is not None
    assert now_ns < due[0]
    assert due == [due[0]] * 9
    (said,) = one.say(node.book, due[0])
    assert [(row.step, row.stream) for row in rows_of(said)] == [(Step.APPROVED, "JPN-8")]
    assert one.wake_ns() is None


def test_the_same_threat_is_answered_as_quickly_whatever_its_track_is_called():
    """People are not quicker by chance where other sensors see: numbers and moments differ there."""

    def answered(track, first_s):
        node, one = Command("JPN", PEOPLE, shipped(), SETTINGS), player("approver@JPN")
        taken_s = []
        for k, (threat, message) in enumerate([(track, "Alert"), (track + 1, "Alert"), (track, "Update")] * 2):
            now_ns = SENT_NS + round((first_s + 120.0 * k) * NS)
            about = {"threat_id": threat, "sent_ns": now_ns, "picture_ns": now_ns, "expires_ns": now_ns + 600 * NS}
            refers = ("JPN-0",) if message == "Update" else ()
            alert = alert_of(identifier=f"JPN-{track}-{k}", message=message, references=refers, **about)
            assert node.receive(alert, now_ns)[0].refusal is None
            one.look(node.book, now_ns)
            taken_s.append((one.wake_ns() - now_ns) / NS)
            for said in one.say(node.book, one.wake_ns()):
                node.receive(said, now_ns + NS)
        return taken_s

    first, other = answered(7, 0.0), answered(70, 33.3)
    assert first == other
    assert len(set(first)) == len(first)  # and each is a draw of its own


def test_delays_are_as_stated():
    """Kolmogorov and Smirnov's test against scipy's lognormal distribution."""
    delay = Delay(median_s=45.0, spread=0.6, never=0.1)
    drawn = np.array([delay.draw_s(Draws(7, k, "approver@JPN"), "alert") for k in range(2_000)])
    came = drawn[np.isfinite(drawn)]
    assert stats.kstest(came, stats.lognorm(s=0.6, scale=45.0).cdf).pvalue > 0.01
    assert stats.binomtest(len(drawn) - len(came), len(drawn), 0.1).pvalue > 0.01
    assert math.isclose(Delay(median_s=45.0, spread=0.0).draw_s(Draws(1, 0, "x"), "y"), 45.0)
