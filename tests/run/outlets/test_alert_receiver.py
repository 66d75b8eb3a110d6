"""A receiver shows each alert once, whatever comes twice, late, altered, from elsewhere or for real."""

import pytest
from alert_scenes import EXERCISE, MINUTE_NS, SENT_NS, alert_of, keys_of, wordings_of

from noroshi.formats import FormatError, cap
from noroshi.formats.alerting import Reference
from noroshi.formats.columns import pack
from noroshi.node.contents import notice_of
from noroshi.run.alerts.receiving import Receiver
from noroshi.run.alerts.signing import sign
from noroshi.warning import once
from noroshi.warning.once import Once, Verdict

FIRST = Reference(sender="JPN", identifier="A", sent_ns=SENT_NS)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {nation: keys_of(folder / nation, nation) for nation in ("JPN", "USA")}


@pytest.fixture
def receiver(keys):
    return Receiver(EXERCISE, {nation: one.authority for nation, one in keys.items()})


def signed(keys, nation="JPN", references=(), **changes):
    alert = alert_of(sender=nation, references=tuple(one.identifier for one in references), **changes)
    document = cap.encode(alert, wordings_of(alert), exercise=EXERCISE, references=references)
    return sign(document, keys[nation])


def test_a_repeat_is_shown_once(receiver, keys):
    document = signed(keys, identifier="A")
    shown = receiver.receive("JPN", document, SENT_NS)
    assert (shown.notice.identifier, shown.replaces) == ("A", ())
    assert [receiver.receive("JPN", document, SENT_NS) for _ in range(3)] == [None] * 3
    signed_anew = signed(keys, identifier="A")  # other bytes, the same message
    assert receiver.receive("JPN", signed_anew, SENT_NS) is None
    assert receiver.counts == {"shown": 1, "shown before": 4}


def test_a_repeat_is_known_after_a_restart(receiver, keys):
    document = signed(keys, identifier="A")
    receiver.receive("JPN", document, SENT_NS)
    memory = Once()
    memory.resume(receiver.once.checkpoint())
    again = Receiver(EXERCISE, {nation: one.authority for nation, one in keys.items()}, once=memory)
    assert again.receive("JPN", document, SENT_NS) is None
    with pytest.raises(ValueError, match="not a receiver's memory"):
        memory.resume(b"junk")


def test_an_update_replaces_and_what_comes_after_it_is_over(receiver, keys):
    update = signed(keys, identifier="B", message="Update", references=(FIRST,))
    assert receiver.receive("JPN", update, SENT_NS).replaces == ("A",)
    assert receiver.receive("JPN", signed(keys, identifier="A"), SENT_NS) is None
    assert receiver.counts == {"shown": 1, "over": 1}


def test_what_is_over_when_it_comes_is_not_shown_but_a_cancel_is(receiver, keys):
    late_ns = SENT_NS + 30 * MINUTE_NS
    assert receiver.receive("JPN", signed(keys, identifier="A"), late_ns) is None
    cancel = signed(keys, identifier="C", message="Cancel", references=(FIRST,))
    assert receiver.receive("JPN", cancel, late_ns).replaces == ("A",)
    assert receiver.counts == {"over": 1, "shown": 1}


def test_the_same_name_with_other_words_is_refused(receiver, keys):
    receiver.receive("JPN", signed(keys, identifier="A"), SENT_NS)
    with pytest.raises(FormatError, match="says something else than what came under this name"):
        receiver.receive("JPN", signed(keys, identifier="A", expires_ns=SENT_NS + MINUTE_NS), SENT_NS)
    anothers = signed(keys, "USA", identifier="A")
    assert receiver.receive("USA", anothers, SENT_NS) is not None  # another's name is another name


def test_nobody_takes_away_what_another_said(receiver, keys):
    receiver.receive("JPN", signed(keys, identifier="A"), SENT_NS)
    cancel = signed(keys, "USA", identifier="C", message="Cancel", references=(FIRST,))
    assert receiver.receive("USA", cancel, SENT_NS).replaces == ()


def test_what_is_not_of_this_exercise_never_enters(receiver, keys, tmp_path):
    document = signed(keys, identifier="A")
    for status in (b"Actual", b"Test", b"System", b"Draft"):
        with pytest.raises(FormatError, match="must not enter one"):
            receiver.receive("JPN", document.replace(b"<status>Exercise", b"<status>" + status), SENT_NS)
    for exercise in ("AUTUMN-30", None):
        other = keys_of(tmp_path / str(exercise), "JPN", exercise)
        with pytest.raises(ValueError, match="not one of exercise 'SPRING-30'"):
            Receiver(EXERCISE, {"JPN": other.authority})
    for sender in ("USA", "KOR"):
        with pytest.raises(FormatError):
            receiver.receive(sender, document, SENT_NS)
    assert receiver.counts == {"refused": 6}
    assert receiver.receive("JPN", document, SENT_NS) is not None


def test_its_memory_is_bounded_and_no_sender_fills_anothers(monkeypatch):
    monkeypatch.setattr(once, "KEPT_MAX", 3)
    memory = Once()
    assert memory.take("USA", "mine", b"1", ()) is Verdict.SHOW
    for k in range(9):
        assert memory.take("JPN", str(k), b"1", [f"x{k}", f"y{k}"]) is Verdict.SHOW
    assert memory.take("USA", "mine", b"1", ()) is Verdict.AGAIN
    assert memory.take("JPN", "8", b"1", ()) is Verdict.AGAIN
    assert memory.take("JPN", "0", b"1", ()) is Verdict.SHOW  # forgotten: it expired long ago


@pytest.mark.parametrize("changes", [{"status": "Actual"}, {"status": "Test"}, {"sender": "USA"}])
def test_a_partner_tells_alerts_of_exercises_and_its_own_alone(changes):
    assert notice_of(pack(alert_of()), "JPN").identifier == "JPN-2030-0001"
    with pytest.raises(FormatError, match="an alert of another nation than that which sends it, or of no exercise"):
        notice_of(pack(alert_of(**changes)), "JPN")
