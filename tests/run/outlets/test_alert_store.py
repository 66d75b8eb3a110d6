"""Alerts between "decided" and "sent": kept whole, in order, found by what follows them, the same bytes each time."""

import dataclasses
import json

import numpy as np
import pytest
from alert_scenes import EXERCISE, MINUTE_NS, SENT_NS, alert_of, assert_valid, keys_of, shapes_of
from lxml import etree

from noroshi.formats import alert_json, cap
from noroshi.records import Alert, Certainty, Stage, digest
from noroshi.records.alert import CANCEL
from noroshi.run.alerts import AlertError
from noroshi.run.alerts.desk import AlertDesk
from noroshi.run.alerts.languages import load_language
from noroshi.run.alerts.signing import verify
from noroshi.run.outlets import ExerciseMessage, OutletError, RefusedError
from noroshi.run.stores import StoreError
from noroshi.run.stores.alerts import AlertStore, UnknownPredecessorError
from noroshi.run.stores.outbox import StoreFile

LATER_NS = SENT_NS + MINUTE_NS


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return keys_of(tmp_path_factory.mktemp("own") / "keys")


@dataclasses.dataclass
class Recorded:
    """An outlet that keeps what it gets, and fails as often as it is told to."""

    medium: str = "cap"
    fails: int = 0
    refuses: tuple[str, ...] = ()
    got: list[ExerciseMessage] = dataclasses.field(default_factory=list)

    def send(self, message):
        if self.fails:
            self.fails -= 1
            raise OutletError("not now")
        if message.identifier in self.refuses:
            raise RefusedError("not that")
        self.got.append(message)

    def close(self):
        pass


@pytest.fixture
def desk_of(own, tmp_path):
    opened = []

    def make(**outlets):
        languages = [load_language("en"), load_language("ja")]
        desk = AlertDesk(
            tmp_path / "alerts.sqlite", own, languages=languages, zone="Asia/Tokyo", outlets=outlets,
            shapes_of=shapes_of,
        )  # fmt: skip
        opened.append(desk)
        return desk

    yield make
    for desk in opened:
        desk.close()


def step(desk):
    return [courier.step() for courier in desk._couriers]


def test_an_approved_alert_is_kept_whole_before_anything_is_sent(desk_of, own):
    out = Recorded()
    desk = desk_of(out=out)
    kept = desk.approve(alert_of())
    assert not out.got
    assert set(kept.message.bodies) == {"cap", "json", "cot"}
    assert_valid(kept.message.bodies["cap"])
    assert digest(cap.alert_of(verify(kept.message.bodies["cap"], own.authority), EXERCISE)) == digest(kept.alert)
    assert kept.cancel is not None
    assert kept.cancel.message == CANCEL
    assert kept.cancel.references == (kept.alert.identifier,)
    assert kept.cancel.code.tolist() == kept.alert.code.tolist()
    desk.close()
    again = desk_of(out=out).store.find("JPN-2030-0001")
    assert again.message == kept.message
    assert digest(again.alert, again.cancel) == digest(kept.alert, kept.cancel)


def test_nothing_is_sent_anywhere_unless_an_outlet_is_set_up(desk_of):
    desk = desk_of()
    desk.approve(alert_of())
    assert desk.deliveries() == []
    assert len(desk.store.standing(SENT_NS)) == 1


def test_a_repeated_decision_is_the_same_message(desk_of):
    desk = desk_of(out=Recorded())
    first = desk.approve(alert_of())
    second = desk.approve(alert_of())
    assert second.message == first.message
    assert len(desk.deliveries()) == 1
    with pytest.raises(AlertError, match="another alert with this identifier"):
        desk.approve(alert_of(reason="something else"))


def test_what_was_not_sent_goes_out_after_a_restart_with_the_same_bytes(desk_of):
    out = Recorded(fails=1)
    desk = desk_of(out=out)
    kept = desk.approve(alert_of())
    assert step(desk) == [0.5]
    assert [(one.state, one.tries, one.why) for one in desk.deliveries()] == [("due", 1, "not now")]
    desk.close()
    desk = desk_of(out=out)
    assert step(desk) == [None]
    assert out.got == [kept.message]
    assert [(one.state, one.tries) for one in desk.deliveries()] == [("sent", 2)]
    assert step(desk) == [None]
    assert len(out.got) == 1


def test_waits_become_longer_and_end_with_success(desk_of):
    desk = desk_of(out=Recorded(fails=9))
    desk.approve(alert_of())
    assert [step(desk)[0] for _ in range(10)] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, None]


def test_messages_go_out_in_order_and_a_refused_one_holds_up_nothing(desk_of):
    refusing, fine = Recorded(refuses=("JPN-2030-0001",)), Recorded()
    desk = desk_of(refusing=refusing, fine=fine)
    desk.approve(alert_of())
    desk.approve(alert_of(identifier="JPN-2", message="Update", references=("JPN-2030-0001",)))
    step(desk)
    assert [one.identifier for one in fine.got] == ["JPN-2030-0001", "JPN-2"]
    assert [one.identifier for one in refusing.got] == ["JPN-2"]
    assert [(one.identifier, one.outlet, one.state) for one in desk.deliveries()] == [
        ("JPN-2030-0001", "fine", "sent"), ("JPN-2030-0001", "refusing", "refused"),
        ("JPN-2", "fine", "sent"), ("JPN-2", "refusing", "sent"),
    ]  # fmt: skip


def test_an_outlet_with_a_fault_of_its_own_does_not_end_the_sending(desk_of):
    class Faulty(Recorded):
        def send(self, message):
            raise ZeroDivisionError("oh")

    fine = Recorded()
    desk = desk_of(faulty=Faulty(), fine=fine)
    desk.approve(alert_of())
    assert step(desk) == [0.5, None]
    assert len(fine.got) == 1
    assert desk.deliveries()[0].why == "ZeroDivisionError: oh"


def test_an_update_and_a_cancel_name_all_that_they_replace(desk_of):
    """A receiver that missed the update in between still takes the first one away."""
    desk = desk_of()
    desk.approve(alert_of())
    said = {"message": "Update", "references": ("JPN-2030-0001",), "sent_ns": LATER_NS}
    update = desk.approve(alert_of(identifier="JPN-2", **said))
    assert update.alert.references == ("JPN-2030-0001",)
    third = desk.approve(alert_of(identifier="JPN-3", message="Update", references=("JPN-2",)))
    assert third.alert.references == ("JPN-2030-0001", "JPN-2")
    told = cap.decode(third.message.bodies["cap"]).references
    assert [(one.identifier, one.sent_ns) for one in told] == [
        ("JPN-2030-0001", SENT_NS // 10**9 * 10**9), ("JPN-2", LATER_NS // 10**9 * 10**9)
    ]  # fmt: skip
    seen = {"stage": Stage.PASSED, "certainty": Certainty.OBSERVED, "reason": "seen"}
    cancel = desk.cancel("JPN-2030-0001", now_ns=LATER_NS, **seen)
    assert cancel.alert.references == ("JPN-2030-0001", "JPN-2", "JPN-3")
    assert cancel.alert.identifier == "JPN-3-cancel"
    assert_valid(cancel.message.bodies["cap"])
    assert desk.store.standing(LATER_NS) == []


def test_what_is_over_is_not_named_any_more(desk_of):
    """CAP wants the messages that are not expired; two hours of updates would not fit into one."""
    desk = desk_of()
    desk.approve(alert_of(identifier="N-0"))
    for k in range(1, 60):
        said = {"message": "Update", "references": (f"N-{k - 1}",), "sent_ns": SENT_NS + k * MINUTE_NS}
        kept = desk.approve(alert_of(identifier=f"N-{k}", expires_ns=SENT_NS + (k + 20) * MINUTE_NS, **said))
    assert kept.alert.references == tuple(f"N-{k}" for k in range(40, 59))
    lone = {"message": "Update", "references": ("N-0", "N-59"), "sent_ns": SENT_NS + 300 * MINUTE_NS}
    assert desk.approve(alert_of(identifier="L", **lone)).alert.references == ("N-0", "N-59")


def test_a_cancel_is_sent_once_whoever_asks_for_it(desk_of):
    out = Recorded()
    desk = desk_of(out=out)
    desk.approve(alert_of())
    asked = {"stage": Stage.TRACK_LOST, "certainty": Certainty.POSSIBLE, "reason": "lost"}
    first = desk.cancel("JPN-2030-0001", now_ns=LATER_NS, **asked)
    assert desk.cancel("JPN-2030-0001", now_ns=LATER_NS + 5, **asked).message == first.message
    assert desk.cancel(first.alert.identifier, now_ns=LATER_NS + 5, **asked).message == first.message
    step(desk)
    assert [one.message for one in out.got] == ["Alert", "Cancel"]


@pytest.mark.parametrize("message", ["Update", "Cancel"])
def test_what_has_no_predecessor_is_refused(desk_of, message):
    desk = desk_of(out=Recorded())
    lone = alert_of(message=message, references=("JPN-9",))
    with pytest.raises(UnknownPredecessorError, match="there is no alert 'JPN-9' to replace"):
        desk.approve(lone)
    with pytest.raises(AlertError, match="names what it replaces"):
        desk.approve(alert_of(message=message))
    with pytest.raises(UnknownPredecessorError, match="no alert 'JPN-9' to cancel"):
        desk.cancel("JPN-9", stage=Stage.CLEAR, certainty=Certainty.LIKELY, reason="", now_ns=SENT_NS)
    desk.approve(alert_of(identifier="JPN-8"))
    with pytest.raises(UnknownPredecessorError, match="another sender or threat"):
        desk.approve(alert_of(message=message, references=("JPN-8",), threat_id=7))
    desk.cancel("JPN-8", stage=Stage.CLEAR, certainty=Certainty.LIKELY, reason="", now_ns=SENT_NS)
    with pytest.raises(UnknownPredecessorError, match="was cancelled already"):
        desk.approve(alert_of(message=message, references=("JPN-8",)))
    assert len(desk.deliveries()) == 2


def test_an_update_may_join_two_alerts_and_a_cancel_ends_both(desk_of):
    desk = desk_of()
    desk.approve(alert_of(identifier="A"))
    desk.approve(alert_of(identifier="B"))
    assert len(desk.store.standing(SENT_NS)) == 2
    desk.approve(alert_of(identifier="C", message="Update", references=("B", "A")))
    assert [alert.identifier for alert in desk.store.standing(LATER_NS)] == ["C"]
    cancel = desk.cancel("A", stage=Stage.CLEAR, certainty=Certainty.LIKELY, reason="", now_ns=LATER_NS)
    assert cancel.alert.references == ("A", "B", "C")


def test_an_update_carries_the_all_clear_of_whom_it_tells_no_more(desk_of, own):
    """In CAP an information of its own; in JSON beside the rest; in Cursor on Target the area's alarm is deleted."""
    desk = desk_of()
    desk.approve(alert_of())
    only = {name: getattr(alert_of(), name)[1:] for name in Alert.COLUMNS}
    kept = desk.approve(alert_of(identifier="JPN-2", message="Update", references=("JPN-2030-0001",), **only))
    bodies = kept.message.bodies
    assert_valid(bodies["cap"])
    root = etree.fromstring(bodies["cap"])
    told = [
        (*(info.findtext(f"{{*}}{name}") for name in ("language", "responseType")),
         [one.text for one in info.iterfind(".//{*}areaDesc")])
        for info in root.iterfind("{*}info")
    ]  # fmt: skip
    assert told == [
        ("en", "Shelter", ["Hokkaido"]), ("ja", "Shelter", ["北海道"]), ("en", "AllClear", ["Aomori"]),
        ("ja", "AllClear", ["青森県"]),
    ]  # fmt: skip
    lifted = root.findall("{*}info")[2]
    assert lifted.find(".//{*}polygon") is not None
    assert lifted.findtext("{*}urgency") == "Past"
    assert digest(cap.alert_of(verify(bodies["cap"], own.authority), EXERCISE)) == digest(kept.alert)
    assert json.loads(bodies["json"])["all_clear"]["codes"] == ["JP-02"]
    assert digest(alert_json.decode_alert(bodies["json"], EXERCISE)) == digest(kept.alert)
    assert b"JP-02-gone" in bodies["cot"]
    third = desk.approve(alert_of(identifier="JPN-3", message="Update", references=("JPN-2",), **only))
    assert "AllClear" not in third.message.bodies["cap"].decode()  # it was said


def test_what_is_for_another_nation_leaves_as_the_rules_say_when_it_is_sent(desk_of, own, tmp_path):
    answers: list[int | None] = [SENT_NS + 5 * 10**9, SENT_NS, None]
    mine, theirs = Recorded(), Recorded()
    desk = AlertDesk(
        tmp_path / "released.sqlite", own, languages=[load_language("en")], zone="Asia/Tokyo",
        outlets={"mine": mine, "theirs": theirs}, leaves={"theirs": lambda alert, now_ns: answers.pop(0)},
    )  # fmt: skip
    with desk:
        desk._couriers[1]._clock = lambda: SENT_NS
        for identifier in ("A", "B"):
            desk.approve(alert_of(identifier=identifier))
        assert step(desk) == [None, 5.0]  # not yet
        assert step(desk) == [None, None]
        assert [one.identifier for one in mine.got] == ["A", "B"]
        assert [one.identifier for one in theirs.got] == ["A"]
        states = {(one.identifier, one.outlet): (one.state, one.why) for one in desk.deliveries()}
        assert states["A", "theirs"][0] == "sent"
        assert states["B", "theirs"] == ("refused", "B: is not released to whom this is for")


def test_an_alert_ends_by_itself(desk_of):
    desk = desk_of()
    kept = desk.approve(alert_of())
    assert len(desk.store.standing(kept.alert.expires_ns - 1)) == 1
    assert desk.store.standing(kept.alert.expires_ns) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"status": "Actual"}, "is not an alert of JPN in an exercise"),
        ({"sender": "USA"}, "is not an alert of JPN in an exercise"),
        ({"identifier": "a b"}, "is no identifier"),
        ({"identifier": "x" * 118}, "no room for that of its cancel"),
        ({"stage": int(Stage.PASSED)}, "without its having been observed"),
        ({"hazard": "sensor"}, "there are no words for"),
    ],
)
def test_what_cannot_go_out_is_not_kept_either(desk_of, changes, complaint):
    desk = desk_of(out=Recorded())
    with pytest.raises(AlertError, match=complaint):
        desk.approve(alert_of(**changes))
    assert desk.deliveries() == []
    assert desk.store.standing(SENT_NS) == []


def test_a_desk_takes_keys_of_an_exercise_alone(tmp_path):
    real = keys_of(tmp_path / "real", exercise=None)
    with pytest.raises(AlertError, match="warns in exercises alone"):
        AlertDesk(tmp_path / "a.sqlite", real, languages=[load_language("en")], zone="Asia/Tokyo")


def test_a_store_is_of_one_exercise_and_one_process(tmp_path):
    path = tmp_path / "alerts.sqlite"
    with AlertStore(path, EXERCISE), pytest.raises(StoreError, match="another process has it open"):
        AlertStore(path, EXERCISE)
    with pytest.raises(StoreError, match="holds the alerts of exercise 'SPRING-30', and this is 'AUTUMN-30'"):
        AlertStore(path, "AUTUMN-30")
    with pytest.raises(StoreError, match="is another program's file"):
        StoreFile(path)


def test_an_alert_and_its_cancel_are_kept_together_or_not_at_all(desk_of):
    desk = desk_of(out=Recorded())
    kept = desk.approve(alert_of())
    other = alert_of(identifier="JPN-7")
    with pytest.raises(StoreError, match="every alert has a cancel ready"):
        desk.store.decide(
            dataclasses.replace(kept.message, bodies=kept.message.bodies), kept.alert, asked="", cancel=None, outlets=()
        )
    with pytest.raises(StoreError, match="the message is another than the record"):
        desk.store.decide(kept.message, other, asked="", cancel=kept.cancel, outlets=())
    with pytest.raises(StoreError, match="decided before"):
        desk.store.decide(kept.message, kept.alert, asked="", cancel=kept.cancel, outlets=("out",))
    assert len(desk.deliveries()) == 1


def test_an_empty_alert_goes_out_too(desk_of):
    out = Recorded()
    desk = desk_of(out=out, tak=Recorded(medium="cot"))
    none = {name: getattr(alert_of(), name)[:0] for name in Alert.COLUMNS}
    desk.approve(alert_of(stage=int(Stage.LAUNCH_DETECTED), certainty=int(Certainty.OBSERVED), **none))
    assert step(desk) == [None, None]
    assert len(out.got) == 1


def test_many_areas_keep_their_order(desk_of):
    n = 300
    columns = {
        "code": np.array([f"X-{k}" for k in range(n)]),
        "name": np.array([f"place {k}" for k in range(n)]),
        "probability": np.full(n, 0.5),
        "people": np.arange(n, dtype=np.float64),
        "arrival_ns": np.full(n, SENT_NS),
        "arrival_latest_ns": np.full(n, SENT_NS),
    }
    kept = desk_of().approve(alert_of(**columns))
    back = cap.alert_of(cap.decode(kept.message.bodies["cap"]), EXERCISE)
    assert back.code.tolist() == columns["code"].tolist()
