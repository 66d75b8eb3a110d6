"""Names and messages that mean harm, and what is no message at all, in a page of a journal that the program made.

What the server says is changed on its way, all of it that somebody else may have written: call signs, names, reasons,
messages. Nothing executes, nothing turns the reading direction, nothing pushes the page out of its place; it goes on.
"""

import json
import re

import pytest
from page_browser import MARKS
from page_scenes import START_MS, WARNED_MS

pytestmark = MARKS
WRITTEN = {
    "by", "comment", "exercise", "expected", "headline", "name", "node", "program", "reason", "region", "saying",
    "sender", "text",
}  # fmt: skip
"""What people, partners, transponders and files write."""
HOSTILE = {
    "markup": '"><script>pwned=1</script><img src=x onerror=pwned=1><b onmouseover=pwned=1>X</b>',
    "link": "javascript:pwned=1 <a href='javascript:pwned=1'>here</a> <svg onload=pwned=1>",
    "direction": "\u202eLIVE\u202c \u2066\u2067\u200f\u202ddna\u2069",
    "long": "W" * 10_000,
    "lines": "\r\n\0\x1b[31m\u2028\ufeff" * 40,
}
LINES = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u200b\ufeff\0\x1b"


def spoiled(said, written):
    """Return what was said with all that somebody else wrote replaced."""
    if isinstance(said, list):
        return [spoiled(one, written) for one in said]
    if not isinstance(said, dict):
        return said
    if said.get("type") == "names":
        return said | {"rows": [[number, written, *rest] for number, _, *rest in said["rows"]]}
    more = {"lines": [written]} if "lines" in said else {}
    return {key: written if key in WRITTEN and isinstance(one, str) else spoiled(one, written)
            for key, one in said.items()} | more  # fmt: skip


def opened(browser, pages, change):
    """Return a page that hears everything changed, and a list of what it complained of."""
    context = browser.new_context(viewport={"width": 1280, "height": 760}, locale="en-GB")
    page = context.new_page()
    complaints = []
    page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))

    def between(socket):
        server = socket.connect_to_server()
        server.on_message(lambda message: change(socket, message))

    page.route_web_socket(re.compile(".*/v1/picture"), between)
    page.goto(f"{pages.url}#v=flat&t={WARNED_MS}")
    page.wait_for_function("() => window.noroshi?.world.frames > 0", timeout=20_000)
    return page, complaints


def stands(page):
    """Let a page stand at a moment."""
    page.evaluate("() => void noroshi.app.feed.tell('pause')")
    page.wait_for_function("() => !noroshi.world.clock.playing")
    page.evaluate("ms => noroshi.seek(ms)", WARNED_MS)
    page.wait_for_function("ms => noroshi.world.frame.picture_ms === ms", arg=WARNED_MS)


@pytest.mark.parametrize("sort", HOSTILE)
def test_what_others_wrote_is_text_wherever_it_is_shown(browser, pages, sort):
    written = HOSTILE[sort]

    def change(socket, message):
        socket.send(json.dumps(spoiled(json.loads(message), written)) if isinstance(message, str) else message)

    page, complaints = opened(browser, pages, change)
    stands(page)
    page.get_by_test_id("alert").first.wait_for()
    assert page.get_by_test_id("alarm").is_visible()
    assert page.get_by_test_id("banner").inner_text().startswith("EXERCISE")
    for key in ("w", "?", "Escape"):
        page.keyboard.press(key)
    page.get_by_test_id("story").locator("h3").first.wait_for(timeout=90_000)
    for details in page.locator("details:visible").all():
        details.locator("summary").first.click()
    for tab in ("picture", "decide", "track", "state"):
        page.locator(f"#tab-{tab}").click()
        assert page.evaluate("() => window.pwned") is None
        assert page.locator("img, iframe, object, embed, body script, a[href^=javascript]").count() == 0
        assert page.locator("[onerror], [onmouseover], [onload]").count() == 0
        shown = page.evaluate("() => document.documentElement.innerText + document.title")
        assert not set(shown) & set(LINES)
        longest = page.evaluate(
            "() => { const all = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);"
            " let most = 0; while (all.nextNode()) most = Math.max(most, all.currentNode.data.length); return most; }"
        )
        assert longest < 5_000
        wide = page.evaluate("() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert wide == [1280, 760]
        for place in ("#warnings", "#side", "#alarm", "#top", "#time"):
            box = page.locator(place).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 1280
            assert box["y"] + box["height"] <= 760
        left = page.get_by_test_id("alert").first.get_by_test_id("left").bounding_box()
        assert left["x"] + left["width"] <= 330  # the countdown is in its card
    before = page.evaluate("() => noroshi.world.frames")
    page.keyboard.press(".")
    page.wait_for_function("before => noroshi.world.frames > before", arg=before)
    assert complaints == []
    page.context.close()


def test_what_is_no_message_is_said_and_the_picture_goes_on(browser, pages):
    sent = []

    def change(socket, message):
        if isinstance(message, bytes) and not sent:
            sent.append(message)
        socket.send(message)
        if isinstance(message, bytes) and len(sent) == 1:
            sent.append(b"")
            for bad in (
                "{",
                "null",
                "[]",
                '{"type": 1}',
                message[:70],
                b"NRSH",
                message[:4] + b"\x09\x00" + message[6:],
                b"",
            ):
                socket.send(bad)

    page, complaints = opened(browser, pages, change)
    page.wait_for_function("() => document.querySelector('#linked').dataset.state === 'fault'")
    assert "different versions" in page.get_by_test_id("linked").inner_text()
    before = page.evaluate("() => noroshi.world.frames")
    page.evaluate("ms => noroshi.seek(ms)", START_MS + 60_000)
    page.wait_for_function("ms => noroshi.world.frame.picture_ms === ms", arg=START_MS + 60_000)
    assert page.evaluate("() => noroshi.world.frames") > before
    assert complaints == []
    page.context.close()


def test_frames_that_come_twice_change_nothing(browser, pages):
    def change(socket, message):
        for _ in range(3 if isinstance(message, bytes) else 1):
            socket.send(message)

    page, complaints = opened(browser, pages, change)
    stands(page)
    twice = page.evaluate("() => noroshi.tracks()")
    with_once, more = opened(browser, pages, lambda socket, message: socket.send(message))
    stands(with_once)
    assert with_once.evaluate("() => noroshi.tracks()") == twice
    assert complaints == more == []
    for one in (page, with_once):
        one.context.close()
