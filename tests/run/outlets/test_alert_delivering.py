"""What became of an alert at the outlets is in the history of its decision: once, true, and after a restart too."""

import sys
from pathlib import Path

import pytest
from alert_scenes import SENT_NS, alert_of, keys_of, shapes_of

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "command"))
from command_scenes import PEOPLE, SETTINGS, says

from noroshi.command.core import Command
from noroshi.command.transitions import Step
from noroshi.run.alerts.desk import AlertDesk
from noroshi.run.alerts.languages import load_language
from noroshi.run.authority import shipped
from noroshi.run.live.delivering import NO_OUTLET, Delivering
from noroshi.run.outlets import OutletError, RefusedError

NS = 1_000_000_000
NAME = "JPN-2030-0001"


class Answers:
    """An outlet that fails as it is told to, and then takes everything."""

    medium = "cap"

    def __init__(self, *errors):
        self.errors, self.n = list(errors), 0

    def send(self, message):
        if self.errors:
            raise self.errors.pop(0)
        self.n += 1

    def close(self):
        pass


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return keys_of(tmp_path_factory.mktemp("own") / "keys")


class Living:
    """A node's command and its desk, driven by hand."""

    def __init__(self, own, path, **outlets):
        self.command = Command("JPN", PEOPLE, shipped(), SETTINGS)
        self.delivering = Delivering(self.command, lambda: None)
        if outlets.pop("has_desk", True):
            self.delivering.desk = AlertDesk(
                path, own, languages=[load_language("en")], zone="Asia/Tokyo", outlets=outlets, shapes_of=shapes_of,
                told=self.delivering.told,
            )  # fmt: skip

    def approve(self, **changes):
        self.command.receive(alert_of(**changes), SENT_NS)
        says(self.command.book, NAME, Step.APPROVED, "mori@JPN", SENT_NS)
        self.hear()

    def hear(self):
        for out in self.command.take():
            self.delivering.hear(out)

    def turn(self, s=1):
        for courier in self.delivering.desk._couriers if self.delivering.desk else ():
            courier.step()
        for decision in self.delivering.receive(SENT_NS + s * NS):
            assert {verdict.refusal for verdict in self.command.receive(decision, SENT_NS + s * NS)} == {None}
        self.hear()

    @property
    def history(self):
        return [(row.step, row.reason) for row in self.command.book.matters["JPN", NAME].rows[2:]]


def test_it_is_delivered_once_all_outlets_have_it(own, tmp_path):
    one = Living(own, tmp_path / "a", siren=Answers(), radio=Answers(OutletError("no route")))
    one.approve()
    one.turn()
    assert one.history == [("tasked", "")]  # the radio is still to come
    one.turn(2)
    assert one.history == [("tasked", ""), ("received", ""), ("done_ok", "")]
    one.turn(3)
    assert len(one.history) == 3


def test_what_an_outlet_never_takes_is_said_with_its_reason(own, tmp_path):
    one = Living(own, tmp_path / "a", siren=Answers(RefusedError("not for this district")), radio=Answers())
    one.approve()
    one.turn()
    assert one.history == [("tasked", ""), ("done_not_ok", "siren: not for this district")]


@pytest.mark.parametrize("has_desk", [True, False])
def test_without_an_outlet_nobody_claims_that_it_was_delivered(own, tmp_path, has_desk):
    one = Living(own, tmp_path / "a", has_desk=has_desk)
    one.approve()
    one.turn()
    assert one.history == [("tasked", ""), ("done_not_ok", NO_OUTLET)]


def test_what_cannot_be_worded_is_said(own, tmp_path):
    one = Living(own, tmp_path / "a", siren=Answers())
    one.approve(references=("JPN-unknown",), message="Update")
    one.turn()
    (_, (step, reason)) = one.history
    assert (step, reason) == ("done_not_ok", f"{NAME}: there is no alert 'JPN-unknown' to replace")


def test_after_a_fall_it_is_handed_over_again_and_goes_out_once(own, tmp_path):
    first = Living(own, tmp_path / "a", siren=Answers())
    first.command.receive(alert_of(), SENT_NS)
    says(first.command.book, NAME, Step.APPROVED, "mori@JPN", SENT_NS)
    first.command.take()  # it falls before the desk has it
    memory = first.command.checkpoint()
    first.delivering.desk.close()
    siren = Answers()
    again = Living(own, tmp_path / "a", siren=siren)
    again.command.resume(memory)
    again.delivering.catch_up()
    again.delivering.catch_up()
    again.turn()
    assert again.history == [("tasked", ""), ("received", ""), ("done_ok", "")]
    assert siren.n == 1
