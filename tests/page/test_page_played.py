"""People who play an exercise, each in a browser of their own: what one asks another sees, decides, and it is told."""

import contextlib
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

import pytest
from page_access import looks, nothing_serious
from page_browser import MARKS, launched

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "run" / "play"))  # play_scenes

from play_scenes import PEOPLE, play_of, until

from noroshi.assessment.results import Figure, RunResult
from noroshi.run.web.app import Pages
from noroshi.run.web.replay import ReplayShowing
from noroshi.run.web.what_if import gains

pytestmark = MARKS
PATIENCE_MS = 90_000


@pytest.fixture(scope="module")
def browsers():
    with launched(2) as opened:
        yield opened


@contextlib.contextmanager
def playing(folder, **more):
    showing = play_of(folder, **more)
    thread = threading.Thread(target=showing.run, daemon=True)
    pages = Pages(showing, "127.0.0.1:0", tokens=PEOPLE)
    thread.start()
    until(lambda: showing.film.span_ns is not None)
    try:
        yield showing, pages
    finally:
        showing.stop()
        pages.close()
        thread.join(120.0)
        assert not thread.is_alive()


@contextlib.contextmanager
def seen(browser, url, token=None, **more):
    """A page of somebody, which must not complain and must ask nobody but its server."""
    context = browser.new_context(viewport={"width": 1440, "height": 860}, locale="en-GB", **more)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    complaints = []
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{url}#v=flat")
    if token is not None:
        page.locator("input[name=token]").fill(token)
        page.locator("button").click()
    page.wait_for_function("() => window.noroshi?.world.frames > 0")
    yield page
    assert complaints == []
    context.close()


def go(page, speed):
    page.get_by_test_id("speed").select_option(str(speed))
    page.get_by_test_id("hold").click()
    page.wait_for_function("() => noroshi.world.play?.speed > 0")


def asks(page, text):
    if not page.get_by_test_id("ask-text").is_visible():
        page.get_by_test_id("ask").click()
    page.get_by_test_id("ask-nation").select_option("USA")
    page.get_by_test_id("ask-text").fill(text)
    page.get_by_test_id("ask-send").click()


def in_state(page, stream, state):
    return page.locator(f"[data-testid=decision][data-stream='{stream}'][data-state='{state}']").first


def press(button):
    """Click as somebody does who tries again: where something has just come to stand a click is refused."""
    button.page.evaluate("() => { window.pressed = false; }")
    for _ in range(20):
        button.evaluate("element => element.addEventListener('click', () => { window.pressed = true; })")
        button.click()
        if button.page.evaluate("pressed"):
            return
        button.page.wait_for_timeout(750)
    raise AssertionError("what is to be clicked never stands still")


def test_a_request_crosses_nations_is_vetoed_once_and_approved_once_and_is_seen_done(browsers, tmp_path):
    here, there = browsers
    with (
        playing(tmp_path) as (_, pages),
        seen(here, pages.url, "token-sato-jpn") as sato,
        seen(there, pages.url, "token-jones-usa") as jones,
        seen(there, pages.url, "token-control") as control,
    ):
        assert "sato: sensor manager, JPN" in sato.get_by_test_id("me").inner_text()
        assert sato.locator("#tab-control").is_hidden()
        assert [view["key"] for view in sato.evaluate("() => noroshi.world.hello.views")] == ["JPN"]
        go(control, 10)
        asks(sato, "look <img src=x onerror=alert(1)> north")
        waiting = in_state(jones, "sensor_task-JPN-1", "recommended")
        waiting.wait_for()
        assert "<img src=x" in waiting.inner_text()
        assert "those above are told" in waiting.inner_text()
        assert jones.get_by_test_id("inbox").locator("img").count() == 0
        press(waiting.get_by_test_id("do-rejected"))  # without a reason nothing goes out
        assert "wrong" in waiting.get_by_test_id("reason").get_attribute("class")
        waiting.get_by_test_id("reason").fill("it looks elsewhere")
        press(waiting.get_by_test_id("do-rejected"))
        in_state(sato, "sensor_task-JPN-1", "rejected").wait_for()
        asks(sato, "look north, once more")
        press(in_state(jones, "sensor_task-JPN-2", "recommended").get_by_test_id("do-approved"))
        press(in_state(sato, "sensor_task-JPN-2", "approved").get_by_test_id("do-tasked"))  # a person's, once one sits
        in_state(sato, "sensor_task-JPN-2", "done_ok").wait_for()
        in_state(jones, "sensor_task-JPN-2", "done_ok").wait_for()
        assert "it looks elsewhere" in sato.get_by_test_id("log").inner_text()
        control.get_by_test_id("hold").click()
        control.wait_for_function("() => noroshi.world.play.speed === 0")

    for nation in ("JPN", "USA"):
        replay = ReplayShowing(tmp_path / "out" / f"{nation}.mcap")
        replay.run()
        served = Pages(replay, "127.0.0.1:0")
        with seen(here, served.url) as page:
            page.evaluate("() => noroshi.seek(noroshi.world.clock.known_ms)")
            page.locator("#tab-decide").click()
            in_state(page, "sensor_task-JPN-1", "rejected").wait_for()
            in_state(page, "sensor_task-JPN-2", "done_ok").wait_for()
            log = page.get_by_test_id("log").inner_text()
            for said in ("proposed", "rejected", "approved", "received", "done", "sato", "jones", "it looks elsewhere"):
                assert said in log
            assert page.get_by_test_id("do-approved").count() == 0
        served.close()


def test_an_approver_clicks_approve_and_the_alert_is_in_force(browsers, tmp_path):
    here, there = browsers
    with (
        playing(tmp_path) as (showing, pages),
        seen(here, pages.url, "token-mori-jpn") as mori,
        seen(there, pages.url, "token-control") as control,
    ):
        go(control, 10)
        mori.locator("[data-testid=alert][data-life=proposed]").first.wait_for()
        control.get_by_test_id("hold").click()
        control.wait_for_function("() => noroshi.world.play.speed === 0")
        assert mori.locator("[data-testid=alert][data-life=issued]").count() == 0
        mori.get_by_test_id("inbox").locator("[data-testid=amend] summary").first.click()
        for look in looks(mori):
            nothing_serious(mori, f"{look} inbox")
        go(control, 0.5)
        assert not any(m.approvals for m in showing._book("JPN").matters.values())
        press(mori.get_by_test_id("inbox").get_by_test_id("do-approved").first)
        mori.locator("[data-testid=alert][data-life=issued]").first.wait_for()
        (approved,) = [m for m in showing._book("JPN").matters.values() if m.approvals]
        assert approved.approvals["JPN"].by == "mori"
        mori.evaluate("noroshi.set({ language: 'en' })")
        history = mori.locator(f"[data-testid=closed] [data-stream='{approved.stream}'][data-state=done_ok] .log")
        history.locator("li").nth(4).wait_for(state="attached")
        steps = [item.text_content() for item in history.locator("li b").all()]
        assert steps[-4:] == ["approved", "sent", "taken on", "delivered"]


def asks_what_if(page, showing):
    """Ask, and be told what a run would have come to, at once."""
    result = lambda *values: RunResult(  # noqa: E731
        variant="a", replicate=0, figures=[
            Figure(measure=measure, value=value, node="JPN", subject="threat")
            for measure, value in zip(("time_to_alert_s", "time_to_firm_track_s"), values, strict=True)
        ],
    )  # fmt: skip
    found = Future()
    rows = list(gains(result(100.0, 50.0), result(float("inf"), 40.0)))
    found.set_result({"until_s": 240.0, "took_s": 3.0, "processor_s": 5.0, "rows": rows})
    showing.what_if.ask = lambda changes, *, sharing: found
    showing.what_if.prepare = lambda: None
    page.locator("#tab-what-if").click()
    page.keyboard.press("n")  # another track is chosen, as the first warning chooses one by itself: the form stays
    assert page.locator("#tab-what-if").get_attribute("aria-selected") == "true"
    for look in looks(page):
        for kind in ("sensor", "nation", "link", "satellites", "sharing"):
            page.get_by_test_id("what-if-kind").select_option(kind)
            nothing_serious(page, f"{look} {kind}")
        page.get_by_test_id("what-if-kind").select_option("nation")
        page.get_by_test_id("what-if-go").click()
        page.get_by_test_id("what-if-rows").get_by_text("threat").wait_for()
        nothing_serious(page, f"{look} gains")
    assert "not by then" in page.get_by_test_id("what-if-rows").inner_text() or look.endswith("ja")


def test_exercise_control_tells_people_something_and_goes_back(browsers, tmp_path):
    here, there = browsers
    with (
        playing(tmp_path) as (showing, pages),
        seen(here, pages.url, "token-jones-usa") as jones,
        seen(there, pages.url, "token-control") as control,
    ):
        assert control.get_by_test_id("hold").inner_text() == "Begin"
        go(control, 20)
        control.get_by_test_id("send").click()
        control.get_by_test_id("send-to").select_option("approver@USA")
        control.get_by_test_id("text").first.fill("Is <b>anybody</b> there?")
        control.get_by_test_id("expected").fill("an answer")
        control.get_by_test_id("send-send").click()
        message = jones.get_by_test_id("inbox").get_by_test_id("message")
        message.wait_for()
        assert "Is <b>anybody</b> there?" in message.inner_text()
        for look in looks(jones):
            nothing_serious(jones, f"{look} message")
        press(message.get_by_test_id("reply-acknowledged"))
        press(message.get_by_test_id("reply-done"))
        message.wait_for(state="detached")
        control.locator("[data-testid=told]", has_text="jones").wait_for()
        control.get_by_test_id("inject").click()
        control.get_by_test_id("inject-what").select_option("sensor_off")
        control.get_by_test_id("whom").fill("USA")
        control.get_by_test_id("inject-send").click()
        control.wait_for_function("() => noroshi.world.play.told.some(({ sort }) => sort === 'inject')")
        control.get_by_test_id("improve").click()
        control.get_by_test_id("text").last.fill("answer sooner")
        control.get_by_test_id("owner").fill("jones")
        control.get_by_test_id("due").fill("2030-04-01")
        control.get_by_test_id("improve-send").click()
        control.wait_for_function("() => noroshi.world.play.told.some(({ sort }) => sort === 'improvement')")
        for look in looks(control):
            control.locator("#panel-control details").evaluate_all("all => all.forEach((one) => (one.open = true))")
            nothing_serious(control, f"{look} control")
        asks_what_if(control, showing)
        control.locator("#tab-control").click()
        until(lambda: showing.span_ns[1] > showing.start_ns + 62_000_000_000)
        control.evaluate("noroshi.set({ language: 'en' })")
        control.get_by_test_id("moments").select_option(index=0)
        control.get_by_test_id("back").dblclick()  # which is one press: it asks once more
        assert control.get_by_test_id("back").inner_text() == "Really go back, everybody, to 00:00:00Z?"
        nothing_serious(control, "really")
        assert control.evaluate("noroshi.world.play.branch") == 1
        control.wait_for_timeout(600)  # until it is no double click any more
        control.get_by_test_id("back").click()
        control.wait_for_function("() => noroshi.world.play.branch === 2 && noroshi.world.play.speed === 0")
        jones.wait_for_function("ms => noroshi.world.frame.picture_ms === ms", arg=showing.start_ns / 1e6)
        jones.wait_for_function("() => noroshi.world.notes.every(({ sort }) => sort !== 'message')")
    assert (tmp_path / "out" / "branch-2" / "JPN.mcap").is_file()
