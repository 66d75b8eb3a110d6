"""What a person has under the hands stays there: what is chosen, typed or pointed at while the exercise goes on."""

import sys
from pathlib import Path

import pytest
from page_browser import MARKS, launched
from page_scenes import WARNED_MS
from test_page_access import standing
from test_page_played import playing, seen

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "run" / "play"))  # play_scenes

pytestmark = MARKS
WAITING = """waiting => {
  const one = ([stream, until_ms]) => ({
    founder: "JPN", stream, version: "1", action: "sensor_task", concerns: ["JPN"], reason: stream,
    state: "recommended",
    areas: [], approved: [], log: [], threat: null, picture_ms: 0, advice: null,
    steps: [{ step: "approved", roles: ["approver"], needs_reason: false }],
    waits: { nations: ["JPN"], roles: ["approver"], until_ms, otherwise: "lapses" },
  });
  noroshi.world.decisions = waiting.map(one);
  noroshi.world.changed("decisions");
}"""


@pytest.fixture(scope="module")
def browsers():
    with launched(2) as opened:
        yield opened


def test_a_card_that_comes_or_goes_takes_neither_the_words_nor_the_click(browsers, tmp_path):
    here, _ = browsers
    with playing(tmp_path) as (_, pages), seen(here, pages.url, "token-mori-jpn") as mori:
        inbox = mori.get_by_test_id("inbox")
        card = lambda stream: inbox.locator(f"[data-stream={stream}]")  # noqa: E731
        mori.evaluate(WAITING, [["a", 10e12], ["b", 20e12]])
        card("b").get_by_test_id("reason").click()
        mori.keyboard.type("seen ")
        mori.evaluate(WAITING, [["b", 20e12]])  # decided by somebody else
        mori.keyboard.type("twice ")
        mori.evaluate(WAITING, [["c", 5e12], ["b", 20e12], ["d", 30e12]])
        mori.keyboard.type("by ")
        mori.evaluate(WAITING, [["c", 25e12], ["b", 20e12], ["d", 10e12]])  # another comes first
        mori.keyboard.type("two")
        assert card("b").get_by_test_id("reason").input_value() == "seen twice by two"
        assert [one.get_attribute("data-stream") for one in inbox.locator("li.decision").all()] == ["d", "b", "c"]

        mori.evaluate("() => void (window.said = [])")
        mori.evaluate("() => void (noroshi.app.feed.ask = async (type, what) => void said.push(what.stream))")
        mori.evaluate(WAITING, [["a", 10e12]])
        card("a").get_by_test_id("do-approved").hover()
        mori.evaluate(WAITING, [["b", 10e12]])
        mori.mouse.down()
        mori.mouse.up()
        assert mori.evaluate("said") == []
        assert "just changed" in mori.get_by_test_id("notice").inner_text()
        mori.wait_for_timeout(800)
        mori.mouse.down()
        mori.mouse.up()
        assert mori.evaluate("said") == ["b"]


def test_what_exercise_control_has_chosen_is_done(browsers, tmp_path):
    here, there = browsers
    with (
        playing(tmp_path, speed=3.0) as (_, pages),
        seen(here, pages.url, "token-mori-jpn") as mori,
        seen(there, pages.url, "token-control") as control,
    ):
        assert mori.get_by_test_id("mode").inner_text() == "EXERCISE, HELD"
        speed, hold = control.get_by_test_id("speed"), control.get_by_test_id("hold")
        assert speed.input_value() == "3"  # which is none of those that the page offers by itself
        hold.click()
        control.wait_for_function("() => noroshi.world.play.speed === 3")
        mori.wait_for_function("() => document.querySelector('#mode').textContent === 'EXERCISE, NOW'")
        hold.click()
        control.wait_for_function("() => noroshi.world.play.speed === 0")
        speed.select_option("20")
        speed.blur()
        control.evaluate("() => noroshi.world.changed('clock')")
        assert speed.input_value() == "20"
        hold.click()
        control.wait_for_function("() => noroshi.world.play.speed === 20")
        moments = control.get_by_test_id("moments")
        chosen = moments.input_value()
        moments.select_option(chosen)
        control.wait_for_function("() => noroshi.world.play.checkpoints_ms.length > 1")
        assert moments.input_value() == chosen
        hold.click()
        control.wait_for_function("() => noroshi.world.play.speed === 0")

        control.locator("#tab-what-if").click()
        control.get_by_test_id("what-if-kind").select_option("satellites")
        control.get_by_test_id("what-if-number").fill("17")
        control.evaluate("() => { window.before = noroshi.world.hello; noroshi.app.feed.socket.close(); }")
        control.wait_for_function("() => noroshi.world.hello !== before")
        assert control.get_by_test_id("what-if-kind").input_value() == "satellites"
        assert control.get_by_test_id("what-if-number").input_value() == "17"


def test_a_page_that_is_enlarged_by_half_keeps_what_is_to_be_decided(browsers, pages):
    with standing(browsers[0], pages, "flat", WARNED_MS, width=853, height=480) as page:
        page.locator("#tab-decide").click()
        decide, warned, alarm = (page.locator(name).bounding_box() for name in ("#side", "#warnings", "#alarm"))
        assert decide["x"] + decide["width"] <= 853
        assert warned["x"] + warned["width"] <= alarm["x"]
        assert alarm["x"] + alarm["width"] <= decide["x"]
        for tab in page.locator("#side [role=tab]:visible").all():
            box = tab.bounding_box()
            assert box["x"] + box["width"] <= decide["x"] + decide["width"]
