"""The pictures of a played exercise in docs/pictures, which `scripts/make_screenshots.py` makes with the others.

It plays the trilateral exercise with four people in Chromium (Debian's; `apt-get install chromium fonts-noto-cjk`): Japan's
sensor manager asks the United States for a look, which is refused once and granted once; Japan's approver is warned.
"""

import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import Browser, Page

from noroshi.run.play.seats import seats_of
from noroshi.run.play.showing import PlayShowing
from noroshi.run.scenarios import read_scenario
from noroshi.run.web.app import Pages

PICTURES = ("play-inbox", "play-approver", "play-control")
PATIENCE_MS = 600_000
BEGIN_MS = 1_893_456_040_000  # ships and aircraft are tracked by then


def joined(browser: Browser, url: str, token: str, *, language: str = "en-GB", theme: str = "dark") -> Page:
    """Return the page of somebody who has logged in."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 860}, locale=language, color_scheme="dark" if theme == "dark" else "light"
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{url}#v=flat")
    page.locator("input[name=token]").fill(token)
    page.locator("button").click()
    page.wait_for_function("() => window.noroshi?.world.frames > 0")
    page.evaluate("() => noroshi.app.notice('')")
    return page


def pace(page: Page, speed: str) -> None:
    """Let the exercise go on at a speed."""
    page.get_by_test_id("speed").select_option(speed)
    if page.evaluate("() => noroshi.world.play.speed === 0"):
        page.get_by_test_id("hold").click()
    page.wait_for_function(f"() => noroshi.world.play.speed === {speed}")


def take_played(browser: Browser, out: Path) -> None:
    """Play, and look."""
    tokens = seats_of(read_scenario("trilateral"))
    of = {(user.nation, user.duty): token for token, user in tokens.items()}
    with tempfile.TemporaryDirectory() as folder:
        showing = PlayShowing("trilateral", people=list(tokens.values()), folder=Path(folder))
        playing = threading.Thread(target=showing.run)
        playing.start()
        pages = Pages(showing, "127.0.0.1:0", tokens=tokens)
        while not showing.pictures:
            time.sleep(0.2)
        asks = joined(browser, pages.url, of["JPN", "sensor manager"])
        answers = joined(browser, pages.url, of["USA", "approver"])
        approver = joined(browser, pages.url, of["JPN", "approver"], language="ja-JP", theme="light")
        control = joined(browser, pages.url, of["JPN", "exercise control"])
        pace(control, "10")
        asks.wait_for_function("ms => noroshi.world.frame.picture_ms >= ms", arg=BEGIN_MS)
        asks.get_by_test_id("ask").click()
        for text, step in (("What rises in the south-east?", "rejected"), ("Once more", "approved")):
            asks.get_by_test_id("ask-nation").select_option("USA")
            asks.get_by_test_id("ask-text").fill(text)
            asks.get_by_test_id("ask-send").click()
            waits = answers.locator("[data-testid=inbox] [data-stream^=sensor_task-JPN][data-state=recommended]").first
            waits.wait_for()
            if step == "rejected":
                control.get_by_test_id("send").click()
                control.get_by_test_id("send-to").select_option("approver@USA")
                control.get_by_test_id("text").first.fill("A newspaper asks whether the coast is safe.")
                control.get_by_test_id("expected").fill("a line agreed with Japan")
                control.locator("input[name=within_s]").fill("120")
                control.get_by_test_id("send-send").click()
                answers.get_by_test_id("message").wait_for()
                waits.get_by_test_id("reason").fill("needed in the west until 00:03")
                answers.screenshot(path=out / "play-inbox.png")
            waits.get_by_test_id(f"do-{step}").click()
        pace(control, "20")
        approver.locator("[data-testid=inbox] [data-testid=do-approved]").first.wait_for()
        control.get_by_test_id("hold").click()
        time.sleep(2.0)
        approver.screenshot(path=out / "play-approver.png")
        control.screenshot(path=out / "play-control.png")
        for page in (asks, answers, approver, control):
            page.context.close()
        showing.stop()
        pages.close()
        playing.join()
