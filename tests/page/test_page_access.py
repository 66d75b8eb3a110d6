"""For people who see or hear less: axe-core on every view of a replayed exercise, in both themes and both languages.

The views that only a played exercise has (inbox, exercise control, what if) are in test_page_played.py.
"""

import contextlib

import pytest
from page_access import looks, nothing_serious
from page_browser import MARKS
from page_scenes import START_MS, WARNED_MS, journals

from noroshi.run.web.app import Pages
from noroshi.run.web.replay import ReplayShowing

pytestmark = MARKS


@contextlib.contextmanager
def standing(browser, pages, view, ms, *, width=1440, height=860):
    """A page that stands at a moment."""
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB", bypass_csp=True)
    page = context.new_page()
    page.goto(f"{pages.url}#t={ms}&v={view}")
    page.wait_for_function(
        "view => window.noroshi?.world.frames > 0 && noroshi.app.view.name === view", arg=view, timeout=40_000
    )
    page.evaluate("() => void noroshi.app.feed.tell('pause')")
    page.evaluate("ms => noroshi.seek(ms)", ms)
    page.wait_for_function("ms => noroshi.world.frame.picture_ms === ms", arg=ms, timeout=20_000)
    yield page
    context.close()


@pytest.mark.parametrize("view", ["flat", "globe"])
def test_nothing_serious_with_a_warning_in_force_and_a_track_chosen(browser, pages, view):
    with standing(browser, pages, view, WARNED_MS) as page:
        page.get_by_test_id("alert").first.wait_for()
        page.keyboard.press("w")
        page.get_by_test_id("story").locator("h3").first.wait_for()
        for details in page.locator("#warnings details:visible").all():
            details.locator("summary").first.click()
        for look in looks(page):
            for tab in ("picture", "decide", "track", "state"):
                page.locator(f"#tab-{tab}").click()
                nothing_serious(page, f"{view} {look} {tab}")


def test_nothing_serious_where_something_is_open(browser, pages):
    with standing(browser, pages, "flat", WARNED_MS) as page:
        for look in looks(page):
            page.keyboard.press("?")
            nothing_serious(page, f"{look} keys")
            page.keyboard.press("Escape")
            page.keyboard.press("/")
            page.keyboard.type("a")
            nothing_serious(page, f"{look} search")
            page.keyboard.press("Escape")
            page.get_by_test_id("export").click()
            nothing_serious(page, f"{look} export")
            page.keyboard.press("Escape")
            page.keyboard.press("m")
            nothing_serious(page, f"{look} measure")
            page.keyboard.press("m")


def test_nothing_serious_before_the_first_warning_after_the_last_and_ahead(browser, pages):
    with standing(browser, pages, "flat", START_MS + 10_000) as page:
        page.get_by_test_id("to-warning").wait_for()
        for look in looks(page):
            nothing_serious(page, f"{look} before")
        page.evaluate("() => noroshi.seek(noroshi.world.clock.known_ms)")
        page.wait_for_function("() => noroshi.world.alerts.length > 1")
        for look in looks(page):
            nothing_serious(page, f"{look} after")
        page.evaluate("() => noroshi.seek(noroshi.world.clock.known_ms + 20000)")
        page.wait_for_function("() => document.querySelector('#mode').dataset.mode === 'ahead'")
        for look in looks(page):
            nothing_serious(page, f"{look} ahead")


@pytest.mark.parametrize("width", [1100, 640])
def test_nothing_serious_on_a_small_screen(browser, pages, width):
    with standing(browser, pages, "flat", WARNED_MS, width=width) as page:
        for look in looks(page):
            nothing_serious(page, f"{width} {look}")


def test_nothing_serious_when_the_server_is_gone(browser):
    shown = ReplayShowing(journals() / "JPN.mcap")
    shown.run()
    served = Pages(shown, "127.0.0.1:0")
    with standing(browser, served, "flat", WARNED_MS) as page:
        served.close()
        page.wait_for_function("() => document.querySelector('#linked').dataset.state === 'cut'", timeout=15_000)
        for look in looks(page):
            nothing_serious(page, f"{look} cut")


def test_the_way_to_the_next_warning_leads_there(browser, pages):
    with standing(browser, pages, "flat", START_MS + 10_000) as page:
        assert page.get_by_test_id("alarm").is_hidden()
        page.get_by_test_id("to-warning").click()
        page.get_by_test_id("alarm").wait_for()
        assert page.get_by_test_id("to-warning").is_hidden()
