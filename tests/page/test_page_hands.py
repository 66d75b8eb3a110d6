"""What a person has under the hands stays there: what is chosen, typed or pointed at while the exercise goes on."""

import sys
from pathlib import Path

import pytest
from page_browser import MARKS, launched
from page_scenes import WARNED_MS
from test_page_access import standing
from test_page_played import playing, seen

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "run" / "play"))  # play_scenes

from noroshi.command.matters import Refusal

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

REPLACED = """([life, stream]) => {
  const alert = (identifier, life, code, arrival_ms, references) => ({
    identifier, life, references, sender: "JPN", status: "Exercise", message: "Alert", hazard: "missile", threat: "ab",
    stage: "will_pass", certainty: "likely", sent_ms: Number(identifier), expires_ms: 9e12, picture_ms: 1, reason: "",
    changed_ms: 1, acknowledged_by: [], decided_by: "",
    areas: [["JP-12", 5e12], [code, arrival_ms]].map(([code, arrival_ms]) => (
      { code, name: code, probability: 0.5, people: 9, arrival_ms, arrival_latest_ms: 6e12 })),
    places: [["Chiba", "JP-12", 5e12], ["Other", code, arrival_ms]].map(([name, area, arrival_ms]) => (
      { name, local: "", area, lat_deg: 35, lon_deg: 140, people: 9, arrival_ms: arrival_ms })),
  });
  const sent = [alert("1", life, "JP-13", 6e12, []), alert("2", "proposed", "JP-07", 4e12, ["1"])];
  sent[1].places[0].arrival_ms = 3e12;
  noroshi.world.alerts = sent;
  const one = noroshi.world.decisions[0];
  noroshi.world.decisions = [{ ...one, action: "alert", stream, areas: sent[stream - 1].areas.map(({ code }) => code),
    steps: [...one.steps, { step: "amended", roles: ["approver"], needs_reason: true }] }];
  noroshi.world.changed("decisions"); // may come before the alert is known
  noroshi.world.changed("alerts");
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


def test_a_click_is_refused_where_another_button_stood_and_nowhere_else(browsers, tmp_path):
    here, _ = browsers
    with playing(tmp_path) as (_, pages), seen(here, pages.url, "token-mori-jpn", has_touch=True) as mori:
        mori.evaluate("() => void (window.said = [])")
        mori.evaluate("() => void (noroshi.app.feed.ask = async (type, what) => void said.push(what.stream))")
        approve = mori.get_by_test_id("inbox").get_by_test_id("do-approved").first

        def middle():
            box = approve.bounding_box()
            return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

        mori.evaluate(WAITING, [["a", 10e12]])
        mori.wait_for_timeout(800)
        place = middle()
        mori.evaluate(WAITING, [["b", 10e12]])
        mori.touchscreen.tap(*place)  # no pointer rested there before
        assert mori.evaluate("said") == []
        mori.evaluate(WAITING, [["a", 10e12]])
        mori.evaluate(WAITING, [["a", 10e12], ["b", 20e12]])  # a second change does not make good the first
        mori.touchscreen.tap(*place)
        assert mori.evaluate("said") == []
        mori.wait_for_timeout(800)
        mori.mouse.move(5, 5)
        mori.evaluate(WAITING, [["b", 10e12]])
        mori.mouse.click(*place)  # the hand was under way to what stood there
        assert mori.evaluate("said") == []
        assert "just changed" in mori.get_by_test_id("notice").inner_text()

        mori.wait_for_timeout(800)
        mori.mouse.move(*middle())
        mori.evaluate(WAITING, [["b", 10e12], ["c", 20e12]])  # below
        mori.mouse.down()
        mori.mouse.up()
        mori.touchscreen.tap(*place)
        assert mori.evaluate("said") == ["b", "b"]


def test_a_click_is_kept_from_a_checkbox_that_has_just_come_there(browsers, tmp_path):
    here, _ = browsers
    with playing(tmp_path) as (_, pages), seen(here, pages.url, "token-mori-jpn") as mori:
        amended = """([version, ...areas]) => {
          const one = noroshi.world.decisions[0];
          const amend = { step: "amended", roles: ["approver"], needs_reason: true };
          noroshi.world.decisions = [{ ...one, version, areas, steps: [one.steps[0], amend] }];
          noroshi.world.changed("decisions");
        }"""
        mori.evaluate(WAITING, [["a", 10e12]])
        mori.evaluate(amended, ["2", "JP-12", "JP-13"])
        inbox = mori.get_by_test_id("inbox")
        inbox.get_by_test_id("amend").locator("summary").click()
        mori.wait_for_timeout(800)
        for version, clicked, new in (("3", "input", "JP-07"), ("5", "label", "JP-08")):
            first = inbox.locator("label:has([data-code])").first
            box = (first if clicked == "label" else first.locator("input")).bounding_box()
            place = box["x"] + box["width"] - 3, box["y"] + box["height"] / 2
            mori.evaluate(amended, [version, new, "JP-12", "JP-13"])  # another comes first
            mori.mouse.click(*place)
            boxes = inbox.locator("[data-code]").all()
            assert [each.get_attribute("data-code") for each in boxes] == [new, "JP-12", "JP-13"]
            assert all(each.is_checked() for each in boxes)
            assert "just changed" in mori.get_by_test_id("notice").inner_text()
            mori.wait_for_timeout(800)
            mori.mouse.click(*place)
            assert [each.is_checked() for each in boxes] == [False, True, True]
            mori.evaluate(amended, [f"{version}b", "JP-12", "JP-13"])
            mori.wait_for_timeout(800)


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


def test_what_was_begun_on_a_proposal_is_taken_over_by_the_one_that_replaces_it(browsers, tmp_path):
    here, _ = browsers
    with playing(tmp_path) as (_, pages), seen(here, pages.url, "token-mori-jpn") as mori:
        mori.evaluate(WAITING, [["other", 10e12]])
        mori.evaluate(REPLACED, ["proposed", "1"])
        card = mori.get_by_test_id("inbox").locator("li.decision")
        assert "time to decide" in card.inner_text()
        card.get_by_test_id("amend").locator("summary").click()
        card.locator("[data-code=JP-12]").uncheck()
        card.get_by_test_id("reason").click()
        mori.keyboard.type("not the ")
        mori.evaluate(REPLACED, ["revised", "2"])
        mori.keyboard.type("south")
        assert card.get_attribute("data-stream") == "2"
        assert card.get_by_test_id("reason").input_value() == "not the south"
        assert not card.locator("[data-code=JP-12]").is_checked()
        assert card.locator("[data-code=JP-07]").is_checked()
        said = card.get_by_test_id("carried").inner_text()
        assert "left out: Chiba" in said
        assert "new here: Fukushima" in said


def test_what_was_begun_is_forgotten_with_its_proposal_and_as_all_go_back(browsers, tmp_path):
    here, _ = browsers
    with playing(tmp_path) as (_, pages), seen(here, pages.url, "token-mori-jpn") as mori:
        why = mori.get_by_test_id("inbox").locator("[data-stream=a]").get_by_test_id("reason")
        mori.evaluate(WAITING, [["a", 10e12], ["b", 20e12]])
        why.fill("seen twice")
        looks_back = f"waiting => {{ noroshi.world.clock.following = false; ({WAITING})(waiting); }}"
        mori.evaluate(looks_back, [["b", 20e12]])  # as it was before the proposal
        mori.evaluate("() => void (noroshi.world.clock.following = true)")
        mori.evaluate(WAITING, [["a", 10e12], ["b", 20e12]])
        assert why.input_value() == "seen twice"
        mori.evaluate(WAITING, [["b", 20e12]])  # decided
        mori.evaluate(WAITING, [["a", 10e12], ["b", 20e12]])  # another of that name
        assert why.input_value() == ""

        why.fill("of a time that will not come")
        mori.evaluate("() => noroshi.world.take({ ...noroshi.world.play, type: 'play', branch: 2 })")
        assert why.input_value() == ""
        mori.evaluate(WAITING, [["b", 20e12]])
        mori.evaluate(WAITING, [["a", 10e12], ["b", 20e12]])
        assert why.input_value() == ""


def test_a_revision_that_waits_neither_hides_nor_hastens_what_is_in_force(browsers, tmp_path):
    here, _ = browsers
    with playing(tmp_path) as (_, pages), seen(here, pages.url, "token-mori-jpn") as mori:
        mori.evaluate(WAITING, [["other", 10e12]])
        mori.evaluate(REPLACED, ["issued", "2"])
        mori.wait_for_function("() => noroshi.app.scene.marks.some(({ sort }) => sort === 'place')")
        marks = mori.evaluate("noroshi.app.scene.marks.filter(({ sort }) => sort === 'place')")
        told = {mark["lines"][0]: (mark["state"], mark["until_ms"]) for mark in marks}
        assert told["Chiba"] == ("issued", 5e12)
        assert ("proposed", 4e12) in told.values()
        card = mori.get_by_test_id("alert")
        assert card.get_attribute("data-life") == "issued"
        assert "A change waits for a decision: 2 areas" in card.inner_text()
        alarm = mori.get_by_test_id("alarm")
        filled = alarm.evaluate("element => getComputedStyle(element).backgroundColor")
        assert alarm.locator(".life").count() == 0
        mori.evaluate(REPLACED, ["revised", "2"])
        assert alarm.locator(".told").inner_text().casefold().startswith("proposed")
        assert alarm.evaluate("element => getComputedStyle(element).backgroundColor") != filled
        assert alarm.evaluate("element => getComputedStyle(element).borderStyle") == "dashed"


def test_why_something_is_refused_is_told_in_japanese(browsers, tmp_path):
    here, _ = browsers
    with playing(tmp_path) as (_, pages), seen(here, pages.url, "token-mori-jpn") as mori:
        mori.evaluate("noroshi.set({ language: 'ja' })")
        mori.evaluate(WAITING, [["a", 10e12]])
        for reason in [
            *Refusal,
            f"{Refusal.RULE} two of three",
            "the exercise is held",
            "at sea, nearest to Indonesia",
            "another step came first: look again",
        ]:
            mori.evaluate(
                "reason => void (noroshi.app.feed.ask = async () => { throw new Error(reason); })", str(reason)
            )
            mori.evaluate("() => void (document.querySelector('#notice').textContent = '')")
            mori.get_by_test_id("do-approved").dispatch_event("click")
            mori.wait_for_function("() => document.querySelector('#notice').textContent.startsWith('拒否')")
            said = mori.get_by_test_id("notice").text_content()
            assert str(reason) not in said
            assert "インドネシア" in said or "Indonesia" not in str(reason)
            assert "two of three" in said or not str(reason).endswith("three")


def test_who_is_asked_for_a_token_is_told_that_it_is_an_exercise(browsers, tmp_path):
    here, _ = browsers
    with playing(tmp_path) as (_, pages):
        page = here.new_page()
        page.goto(pages.url)
        assert "EXERCISE" in page.locator("main").inner_text()
        assert "play" not in page.locator("main").inner_text()  # which one is told to those who have a token
        page.close()


def test_where_nothing_fits_beside_the_map_the_decisions_stand_below_it(browsers, pages):
    with standing(browsers[0], pages, "flat", WARNED_MS, width=640, height=360) as page:
        page.locator("#tab-decide").click()
        shown, side = (page.locator(name).bounding_box() for name in ("#map", "#side"))
        assert side["y"] >= shown["y"] + shown["height"]
        assert side["width"] <= 640
        page.locator("#time").scroll_into_view_if_needed()
        assert page.locator("#time").bounding_box()["y"] + 92 <= 361
    with standing(browsers[0], pages, "flat", WARNED_MS, width=853, height=480) as page:
        for name in ("#theme", "#sound"):
            assert page.locator(name).is_visible()
