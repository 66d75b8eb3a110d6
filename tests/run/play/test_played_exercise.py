"""What people do in a played exercise reaches nodes and journals, and exercise control goes back in it."""

import json
import threading

import msgspec
import pytest
from play_scenes import PEOPLE, SECOND, play_of, until, write_scenario

from noroshi.command.transitions import Step
from noroshi.exercise.notes import notes_in
from noroshi.records import Decision, Status
from noroshi.run.journal import read_records
from noroshi.run.play.rows import Planned, RowsError, read_rows
from noroshi.run.play.seats import SeatError, read_seats, seats_of
from noroshi.run.scenarios import read_scenario
from noroshi.run.web import messages

SATO, MORI, JONES, ITO, CONTROL = PEOPLE.values()


class Playing:
    """A play that runs in a thread, and what its people do in it."""

    def __init__(self, showing):
        self.showing = showing
        self.thread = threading.Thread(target=showing.run, daemon=True)
        self.thread.start()
        until(lambda: showing.pictures and showing.film.span_ns)

    def does(self, user, kind, **said):
        return self.showing.act(user, user.nation, kind(n=1, **said)).result(300.0)

    def matter(self, nation, founder, stream):
        return self.showing._book(nation).matters.get((founder, stream))

    def says(self, user, founder, stream, step, reason=""):
        matter = until(lambda: self.matter(user.nation, founder, stream))
        picture_ms = self.showing.span_ns[1] / 1e6
        said = {"founder": founder, "stream": stream, "version": matter.version, "step": step, "reason": reason}
        return self.does(user, messages.Say, picture_ms=picture_ms, **said)

    def until_s(self, seconds):
        start_ns = self.showing.start_ns
        until(lambda: self.showing.span_ns[1] >= start_ns + seconds * SECOND)


@pytest.fixture
def playing(tmp_path):
    one = Playing(play_of(tmp_path))
    yield one
    one.showing.stop()
    one.thread.join(120.0)
    assert not one.thread.is_alive()


def asks(playing, text):
    playing.does(
        SATO, messages.Ask, action="sensor_task", asset="USA", text=text, picture_ms=playing.showing.span_ns[1] / 1e6
    )


def test_a_request_crosses_is_vetoed_and_approved_and_exercise_control_goes_back(playing, tmp_path):
    showing = playing.showing
    with pytest.raises(ValueError, match="held"):
        asks(playing, "look there")
    for user in (SATO, JONES, ITO):
        showing.came(user)
    with pytest.raises(ValueError, match="exercise control"):
        playing.does(SATO, messages.Pace, speed=1.0)
    playing.does(CONTROL, messages.Pace, speed=20.0)
    playing.until_s(3)
    asks(playing, "look <i>there</i>")
    first = "sensor_task-JPN-1"
    with pytest.raises(ValueError, match="say why"):
        playing.says(JONES, "JPN", first, Step.REJECTED)
    playing.says(JONES, "JPN", first, Step.REJECTED, "not <b>now</b>")
    until(lambda: playing.matter("JPN", "JPN", first).state == Step.REJECTED)
    asks(playing, "look once more")
    second = "sensor_task-JPN-2"
    with pytest.raises(ValueError, match="this role"):
        playing.says(SATO, "JPN", second, Step.APPROVED)
    playing.says(JONES, "JPN", second, Step.APPROVED)
    until(lambda: playing.matter("JPN", "JPN", second).state == Step.APPROVED)
    with pytest.raises(ValueError, match="look again"):
        playing.does(SATO, messages.Say, founder="JPN", stream=second, version=0, step="tasked", picture_ms=0.0)
    playing.says(SATO, "JPN", second, Step.TASKED)
    until(lambda: playing.matter("JPN", "JPN", second).state == Step.DONE_OK)  # scripted people of the USA do it
    playing.does(
        CONTROL, messages.Send, number="7", to="approver@USA", text="Say what you see", expected="an answer",
        within_s=60.0, responsible="jones", objective="custody",
    )  # fmt: skip
    with pytest.raises(ValueError, match="no such message"):
        playing.does(SATO, messages.Reply, number="7", answer="done")
    playing.does(JONES, messages.Reply, number="7", answer="acknowledged")
    playing.does(JONES, messages.Reply, number="7", answer="done", text="told them")
    with pytest.raises(ValueError, match="JPN-nowhere"):
        playing.does(CONTROL, messages.Inject, table={"what": "sensor_off", "whom": "JPN-nowhere"})
    playing.does(CONTROL, messages.Inject, table={"what": "link_cut", "whom": "JPN-USA", "for_s": 20.0})
    playing.does(CONTROL, messages.Improve, text="ask sooner", owner="sato", due="2030-03-01")
    playing.until_s(75)
    playing.does(CONTROL, messages.Branch, time_ms=(showing.start_ns + 70 * SECOND) / 1e6)
    assert showing.span_ns[1] == showing.start_ns + 60 * SECOND
    assert showing.speed == 0.0
    playing.does(CONTROL, messages.Pace, speed=20.0)
    playing.until_s(65)
    showing.stop()
    playing.thread.join(120.0)

    out = tmp_path / "out"
    told = json.loads((out / "played.json").read_text())
    (inject,) = told["injects"]
    assert (inject["number"], inject["done"], inject["in_time"], inject["done_by"]) == ("7", True, True, "jones")
    assert 0.0 <= inject["acknowledged_s"] <= inject["done_s"] <= 60.0
    people = [(row["by"], row["step"]) for row in told["decisions"] if not row["is_scripted"]]
    assert people == [
        ("sato", "recommended"), ("jones", "rejected"), ("sato", "recommended"), ("jones", "approved"),
        ("sato", "tasked"),
    ]  # fmt: skip
    assert {row["step"] for row in told["decisions"] if row["is_scripted"]} >= {"acknowledged", "done_ok"}
    assert told["improvements"][0]["owner"] == "sato"
    branch = json.loads((out / "branch-2" / "played.json").read_text())
    assert (branch["branch"], branch["since"]) == (2, "branch 1 at 60 s")
    # A branch's journals begin with what was before, byte for byte.
    before, after = (list(read_records(folder / "JPN.mcap")) for folder in (out, out / "branch-2"))
    until_ns = showing.start_ns + 60 * SECOND
    same = [sum(time_ns <= until_ns for time_ns, _ in records) for records in (before, after)]
    assert same[0] > 10
    for (one_ns, one), (other_ns, other) in zip(before[: same[0]], after, strict=False):
        assert (one_ns, type(one)) == (other_ns, type(other))
    assert any(isinstance(record, Decision) for _, record in after)
    said = [note.sort for _, record in after if isinstance(record, Status) for _, _, note in notes_in(record)]
    assert "control" in said
    assert "seat" in said


def test_scripted_people_are_silent_where_somebody_sits_and_take_over_when_he_goes(tmp_path):
    planned = Planned(
        number="1", at_s=1.0, to="approver@JPN", text="Decide", step="approved", action="alert", within_s=600.0
    )
    one = Playing(play_of(tmp_path, approval_s=3.0, rows=[planned]))
    showing = one.showing
    showing.came(MORI)
    one.does(CONTROL, messages.Pace, speed=40.0)
    alerts = lambda: [m for m in showing._book("JPN").matters.values() if m.what.action == "alert"]  # noqa: E731
    until(alerts)
    since_ns = showing.span_ns[1]
    until(lambda: showing.span_ns[1] > since_ns + 8 * SECOND)
    assert not any(matter.approvals for matter in alerts())
    showing.went(MORI)
    until(lambda: any(matter.approvals for matter in alerts()))
    approved = min((m for m in alerts() if m.approvals), key=lambda m: (m.approvals["JPN"].time_ns, m.stream))
    assert approved.approvals["JPN"].by == "approver@JPN"
    until(lambda: approved.state == Step.DONE_OK)
    assert [row.step for row in approved.rows][-4:] == ["approved", "tasked", "received", "done_ok"]
    (inject,) = showing.played()["injects"]
    assert (inject["at_s"], inject["done"], inject["in_time"]) == (1.0, True, True)
    assert (inject["done_by"], inject["how"]) == ("approver@JPN", f"approved {approved.stream}")
    done_s = (approved.approvals["JPN"].time_ns - showing.start_ns) / SECOND - 1.0
    assert inject["done_s"] == pytest.approx(done_s, abs=1e-3)
    showing.stop()
    one.thread.join(120.0)


def test_people_come_from_a_file_and_each_token_is_one_persons(tmp_path):
    scenario = read_scenario(str(write_scenario(tmp_path)))
    made = seats_of(scenario)
    assert len(made) == 7
    assert min(map(len, made)) >= 16
    row = '[[people]]\nname = "{}"\ntoken = "{}"\nnation = "{}"\nrole = "{}"\n'
    path = tmp_path / "people.toml"
    control = row.format("control", "another-token", "JPN", "exercise control")
    path.write_text(row.format("sato", "a-long-token", "JPN", "approver") + control)
    users = read_seats(path, scenario)
    assert users["a-long-token"].view_as == ()
    assert users["another-token"].view_as == ("USA",)
    for wrong, why in (
        (row.format("sato", "a-long-token", "AUS", "approver") + control, "AUS"),
        (row.format("sato", "short", "JPN", "approver") + control, "token"),
        (row.format("sato", "a-long-token", "JPN", "machine") + control, "role"),
        (row.format("approver@JPN", "a-long-token", "JPN", "sensor manager") + control, "somebody else"),
        (row.format("sato", "a-long-token", "JPN", "approver"), "exercise control"),
    ):
        path.write_text(wrong)
        with pytest.raises(SeatError, match=why):
            read_seats(path, scenario)


def test_what_is_planned_comes_from_a_file(tmp_path):
    path = tmp_path / "events.toml"
    row = '[[rows]]\nnumber = "{}"\nat_s = {}\nto = "JPN"\ntext = "{}"\nfrom = "a paper"\n'
    path.write_text(row.format("b", 20.0, "two") + row.format("a", 10.0, "one"))
    assert [(one.number, one.note().sender, one.note().text) for one in read_rows(path)] == [
        ("a", "a paper", "one"), ("b", "a paper", "two")
    ]  # fmt: skip
    for wrong in (
        row.format("a", 1.0, "one") * 2,
        row.format("a", -1.0, "one"),
        row.format("a", 1.0, ""),
        row.format("a", 1.0, "x" * 1001),
        row.format("a", 1.0, "one") + 'step = "fired"\n',
        row.format("a", 1.0, "one") + "what = 1\n",
    ):
        path.write_text(wrong)
        with pytest.raises(RowsError, match="row"):
            read_rows(path)


def test_what_people_write_is_short_and_of_known_kinds():
    for wrong in (
        {"type": "send", "n": 1, "to": "JPN", "text": "x" * 1001},
        {"type": "say", "n": 1, "founder": "JPN", "stream": "a", "version": -1, "step": "approved", "picture_ms": 0},
        {"type": "improve", "n": 1, "text": "a", "owner": "b", "due": "soon"},
        {"type": "pace", "n": 1, "speed": 1e9},
    ):
        with pytest.raises(messages.RefusedError):
            messages.read(msgspec.json.encode(wrong))
