"""The page in a real browser, on journals that the program made: most of it on the flat map, a little on the globe."""

import contextlib
import itertools
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_browser import FOLDER, MARKS
from page_scenes import MARKUP_SIGN, SECRET_SIGN, START_MS, WARNED_MS

from noroshi.run.web import wire
from noroshi.run.web.app import Pages
from noroshi.run.web.export import export

pytestmark = MARKS


@contextlib.contextmanager
def opened(browser, url, *, width=1280, height=760, **options) -> Iterator:
    """A page that must not complain, and must ask nobody but its server."""
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB", **options)
    page = context.new_page()
    page.complaints, page.heard = [], []
    page.on("console", lambda message: message.type == "error" and page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.heard.append(request.url))
    page.goto(url)
    page.wait_for_function("() => window.noroshi?.world.frames > 0", timeout=20_000)
    yield page
    assert page.complaints == []
    foreign = [one for one in page.heard if not re.match(r"(http|ws)://127\.0\.0\.1:|file://|data:|blob:", one)]
    assert foreign == []
    context.close()


def at(pages, ms, **more):
    """The address of a moment on the flat map, standing still."""
    return f"{pages.url}#" + "&".join([f"t={ms}", "v=flat", *(f"{key}={value}" for key, value in more.items())])


def settled(page, ms):
    """Wait until the page shows the picture of a time, drawn since clicks go to what is seen, and stop there."""
    page.evaluate("() => void noroshi.app.feed.tell('pause')")
    page.evaluate("ms => noroshi.seek(ms)", ms)
    page.wait_for_function("ms => noroshi.world.frame.picture_ms === ms", arg=ms, timeout=15_000)
    page.wait_for_function("() => noroshi.app.framesDrawn === noroshi.world.frames", timeout=15_000)


def track_of(page, sign):
    return page.evaluate("sign => noroshi.tracks().find((track) => track.call_sign === sign)", sign)


def test_an_exercise_cannot_be_mistaken_and_the_policy_is_in_force(browser, pages):
    with opened(browser, pages.url) as page:
        page.get_by_test_id("banner").wait_for()
        assert "EXERCISE · Coast <b>drill</b>" in page.get_by_test_id("banner").inner_text()
        assert page.locator("#banner *").count() == 0
        assert page.title().startswith("EXERCISE")
        assert page.locator("body.exercise").count() == 1
        assert page.get_by_test_id("mode").inner_text() == "REPLAY"
        page.evaluate("() => setTimeout(() => { try { Function('') } catch (error) { window.refused = error.name } })")
        page.wait_for_function("() => window.refused === 'EvalError'")
        answer = page.request.get(pages.url)
        assert "script-src 'self' 'wasm-unsafe-eval'" in answer.headers["content-security-policy"]


def test_the_page_shows_what_the_picture_holds(browser, pages, showing):
    with opened(browser, pages.url) as page:
        seen = {}
        for ms in (START_MS + 60_000, START_MS + 120_000, START_MS + 60_000):
            settled(page, ms)
            shown = page.evaluate("() => noroshi.tracks()")
            header, columns = wire.decode(showing.film.reel("JPN").at(ms * 1_000_000).read())
            assert len(shown) == header.n > 2
            for k, track in enumerate(shown):
                assert track["id"] == f"{columns['id'][k]:016x}"
                assert (track["lat"], track["lon"]) == (columns["lat"][k], columns["lon"][k])
                assert track["height_m"] == columns["height_m"][k]
                assert (track["kind"], track["status"]) == (columns["kind"][k], columns["status"][k])
            assert seen.setdefault(ms, shown) == shown


def test_a_warning_appears_and_counts_down(browser, pages):
    with opened(browser, at(pages, WARNED_MS)) as page:
        settled(page, WARNED_MS)
        card = page.get_by_test_id("alert").filter(has_text="T−").first  # others may have passed
        card.wait_for()
        assert page.get_by_test_id("alarm").is_visible()
        assert page.get_by_test_id("warnings-count").inner_text() != "0"
        assert "Missile" in page.get_by_test_id("say").inner_text()
        left = card.get_by_test_id("left")
        before = left.inner_text()
        assert re.fullmatch(r"T−\d\d:\d\d", before)
        page.get_by_test_id("play").click()
        page.wait_for_function(
            "([key, before]) => document.querySelector(`[data-key='${key}'] [data-testid=left]`).textContent < before",
            arg=[card.get_attribute("data-key"), before],
        )
        page.get_by_test_id("alarm").click()
        first = page.get_by_test_id("alert").first.get_attribute("data-key")
        assert page.evaluate("first => noroshi.app.selected === noroshi.app.world.trackOf(first)", first)
        assert first in page.evaluate("() => noroshi.world.alerts.map(({ threat }) => threat)")


def test_before_the_first_warning_there_is_none_and_after_it_is_told_what_became_of_it(browser, pages):
    with opened(browser, at(pages, START_MS + 10_000)) as page:
        settled(page, START_MS + 10_000)
        page.wait_for_function("() => !noroshi.world.alerts.length")
        assert page.get_by_test_id("warnings-none").is_visible()
        assert page.get_by_test_id("alarm").is_hidden()
        settled(page, START_MS + 330_000)
        page.wait_for_function("() => noroshi.world.alerts.length > 1")
        lives = page.evaluate("() => noroshi.world.alerts.map(({ life }) => life)")
        assert set(lives) <= {"proposed", "issued", "revised", "passed", "cancelled", "rejected"}
        assert "revised" in lives


def test_a_track_is_picked_with_the_mouse_and_its_call_sign_is_text(browser, pages):
    with opened(browser, at(pages, START_MS + 60_000, m="141.6,36.1,400")) as page:
        settled(page, START_MS + 60_000)
        track = track_of(page, MARKUP_SIGN)
        x, y = page.evaluate("id => noroshi.project(id)", track["id"])
        page.mouse.click(x, y)
        assert page.get_by_test_id("track-title").inner_text() == MARKUP_SIGN
        assert page.locator("#panel-track b > b, #panel-track amp").count() == 0
        page.get_by_test_id("story").get_by_text("Who knew when").wait_for()
        for part in ("Detections", "Models of motion", "Released", "In words"):  # its node has been run again for them
            page.get_by_test_id("story").locator("h3", has_text=part).wait_for(timeout=90_000)
        assert (
            page.url.endswith(f"s={track['id']}")
            or f"s={track['id']}&" in page.url
            or page.wait_for_url(re.compile(track["id"])) is None
        )


def test_what_is_withheld_is_not_on_the_wire(browser, pages):
    with opened(browser, at(pages, START_MS + 100_000)) as page:
        settled(page, START_MS + 100_000)
        assert track_of(page, SECRET_SIGN)
        secret = track_of(page, SECRET_SIGN)["id"]
    context = browser.new_context()
    page = context.new_page()
    received = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda payload: received.append(payload)))
    page.goto(pages.url)
    page.wait_for_function("() => window.noroshi?.world.frames > 0")
    page.get_by_test_id("view-as").select_option("USA")
    page.wait_for_function("() => noroshi.world.hello.view === 'USA'")
    received.clear()
    settled(page, START_MS + 100_000)
    tracks = page.evaluate("() => noroshi.tracks()")
    assert tracks
    assert SECRET_SIGN not in [track["call_sign"] for track in tracks]
    low_half = int(secret, 16).to_bytes(8, "little")
    for one in received:
        payload = one if isinstance(one, bytes) else one.encode()
        assert SECRET_SIGN.encode() not in payload
        assert secret.encode() not in payload
        assert low_half not in payload
    context.close()


def test_by_keyboard_alone(browser, pages):
    with opened(browser, at(pages, WARNED_MS)) as page:
        settled(page, WARNED_MS)
        page.keyboard.press("/")
        page.keyboard.type("highone")
        page.keyboard.press("Enter")
        assert page.get_by_test_id("track-title").inner_text() == "HIGHONE"
        page.keyboard.press("f")
        assert page.evaluate("() => noroshi.app.follows")
        page.keyboard.press("Escape")
        assert page.evaluate("() => noroshi.app.selected") is None
        page.keyboard.press("n")
        first = page.evaluate("() => noroshi.app.selected")
        page.keyboard.press("n")
        assert page.evaluate("() => noroshi.app.selected") not in (None, first)
        page.keyboard.press("w")
        first = page.get_by_test_id("alert").first.get_attribute("data-key")
        assert page.evaluate("first => noroshi.app.selected === noroshi.app.world.trackOf(first)", first)
        page.keyboard.press("?")
        assert page.get_by_role("dialog").is_visible()
        page.keyboard.press("Escape")
        moment = page.evaluate("() => noroshi.world.frame.picture_ms")
        page.keyboard.press(".")
        page.wait_for_function("ms => noroshi.world.frame.picture_ms === ms", arg=moment + 1000)
        page.keyboard.press("<")
        page.wait_for_function("ms => noroshi.world.frame.picture_ms < ms", arg=moment - 50_000)
        page.keyboard.press("t")
        page.keyboard.type("00:01:30")
        page.keyboard.press("Enter")
        page.wait_for_function("ms => noroshi.world.frame.picture_ms === ms", arg=START_MS + 90_000)
        before = page.evaluate("() => noroshi.app.view.camera")
        page.get_by_test_id("map").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("+")
        after = page.evaluate("() => noroshi.app.view.camera")
        assert after["lon"] > before["lon"]
        assert after["span_m"] < before["span_m"]


def test_beyond_what_is_known_what_is_expected_is_shown(browser, pages):
    with opened(browser, at(pages, WARNED_MS)) as page:
        settled(page, START_MS + 330_000)
        page.evaluate("() => noroshi.seek(noroshi.world.clock.known_ms + 20000)")
        page.wait_for_function("() => document.querySelector('#mode').textContent === 'EXPECTED'")
        assert "ahead" in page.get_by_test_id("where").inner_text()
        page.get_by_test_id("follow").click()
        page.wait_for_function("() => noroshi.app.ahead_ms === null")


def test_layers_nations_and_languages(browser, pages):
    with opened(browser, at(pages, START_MS + 100_000)) as page:
        settled(page, START_MS + 100_000)
        page.locator("#tab-picture").click()
        everything = page.evaluate("() => (noroshi.app.draw(), noroshi.app.count)")
        page.get_by_test_id("nation-JPN").uncheck()
        assert page.evaluate("() => (noroshi.app.draw(), noroshi.app.count)") < everything
        page.get_by_test_id("nation-JPN").check()
        page.get_by_test_id("layer-links").check()
        page.wait_for_function("() => noroshi.app.scene.still.some(({ layer }) => layer === 'links')")
        page.get_by_test_id("layer-coverage").uncheck()
        page.wait_for_function("() => noroshi.app.scene.still.every(({ layer }) => layer !== 'coverage')")
        page.get_by_test_id("language").click()
        assert page.locator("html").get_attribute("lang") == "ja"
        assert page.locator("#warnings-title").inner_text() == "警報"
        page.wait_for_function("() => document.title.includes('訓練')")
        page.reload()
        page.wait_for_function("() => window.noroshi?.world.frames > 0")
        assert page.locator("html").get_attribute("lang") == "ja"


def test_what_a_person_takes_away(browser, pages, tmp_path):
    with opened(browser, at(pages, START_MS + 100_000), accept_downloads=True) as page:
        settled(page, START_MS + 100_000)
        for kind, begins in (("png", b"\x89PNG"), ("geojson", b"{"), ("czml", b"["), ("csv", b"")):
            page.get_by_test_id("export").click()
            with page.expect_download() as taken:
                page.get_by_test_id(f"export-{kind}").click()
            path = tmp_path / taken.value.suggested_filename
            taken.value.save_as(path)
            assert "exercise" in path.name.lower()
            data = path.read_bytes()
            assert data.startswith(begins)
            assert len(data) > 100


def test_who_hears_nothing_any_more_is_told(browser, showing):
    served = Pages(showing, "127.0.0.1:0")
    context = browser.new_context()
    page = context.new_page()
    page.goto(served.url)
    page.wait_for_function("() => window.noroshi?.world.frames > 0")
    served.close()
    page.wait_for_function("() => document.querySelector('#linked').dataset.state === 'cut'", timeout=15_000)
    assert "what you see is old" in page.get_by_test_id("linked").inner_text()
    context.close()


def test_on_the_globe(browser, pages):
    with opened(browser, f"{pages.url}#t={START_MS + 100_000}&v=globe&m=141.6,36.1,900", width=900, height=600) as page:
        page.wait_for_function("() => noroshi.app.view.name === 'globe'", timeout=30_000)
        settled(page, START_MS + 100_000)
        page.wait_for_function("() => noroshi.app.view.overlay.seen.n > 2", timeout=20_000)
        track = track_of(page, "HIGHONE")
        x, y = page.evaluate("id => noroshi.project(id)", track["id"])
        page.mouse.click(x, y)
        assert page.evaluate("() => noroshi.app.selectedId") == track["id"]
        # The far side of the Earth is out of sight.
        assert page.evaluate("() => noroshi.app.view.project(-40, -36, 0)") is None
        page.keyboard.press("g")
        page.wait_for_function("() => noroshi.app.view.name === 'flat'")
        assert page.evaluate("() => noroshi.app.selectedId") == track["id"]


def test_a_mailed_picture_needs_no_server(browser, showing, tmp_path):
    path = tmp_path / "picture.html"
    path.write_bytes(export(showing, "JPN", FOLDER, frames_max=60))
    with opened(browser, path.as_uri()) as page:
        assert page.get_by_test_id("banner").is_visible()
        assert page.get_by_test_id("mode").inner_text() == "RECORDING"
        page.evaluate("ms => noroshi.seek(ms)", WARNED_MS)
        page.get_by_test_id("alert").first.wait_for()
        assert len(page.evaluate("() => noroshi.tracks()")) > 2


def test_colours_are_told_apart_with_each_deficiency():
    """Differences in CIE Lab after Machado, Oliveira and Fernandes (2009), severity 1; text of colours.js."""
    np = pytest.importorskip("numpy")
    text = (Path(__file__).resolve().parents[2] / "web" / "src" / "colours.js").read_text()
    matrices = {
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    }
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )

    def lab(linear):
        ratio = to_xyz @ np.clip(linear, 0, 1) / (to_xyz @ np.ones(3))
        f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
        return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])

    def linear(code):
        value = np.array([int(code[k : k + 2], 16) for k in (1, 3, 5)]) / 255
        return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)

    safe = text[text.index("safe:") : text.index("app6:")]
    for theme in ("dark", "light"):
        line = next(line for line in safe.splitlines() if line.strip().startswith(f"{theme}:"))
        colours = dict(re.findall(r"(\w+): \"(#\w{6})\"", line))
        assert {"suspect", "friend", "neutral", "unknown"} <= set(colours)
        colours.pop("hostile")
        for matrix in (np.eye(3), *map(np.array, matrices.values())):
            for one, other in itertools.combinations(colours.values(), 2):
                assert np.linalg.norm(lab(matrix @ linear(one)) - lab(matrix @ linear(other))) > 20.0


def test_languages_say_the_same_things():
    folder = Path(__file__).resolve().parents[2] / "web" / "src" / "texts"
    keys = {name: re.findall(r'^  "?([^":]+)"?:', (folder / f"{name}.js").read_text(), re.M) for name in ("en", "ja")}
    assert keys["en"] == keys["ja"]
    holes = {
        name: [
            sorted(re.findall(r"\{\w+\}", line))
            for line in (folder / f"{name}.js").read_text().splitlines()
            if line.startswith("  ")
        ]
        for name in ("en", "ja")
    }
    assert holes["en"] == holes["ja"]


def test_what_is_translated_is_what_the_program_says():
    root = Path(__file__).resolve().parents[2]
    said = "".join(path.read_text() for path in sorted((root / "src" / "noroshi").rglob("*.py")))
    said = re.sub(r'"\s+f?"', "", said)
    told = re.findall(r'^  "(.+?)": "(.+)",$', (root / "web" / "src" / "texts" / "said_ja.js").read_text(), re.M)
    assert len(told) > 20
    for english, japanese in told:
        assert english.count("{}") == japanese.count("{}")
        assert all(part.removeprefix("; ") in said for part in english.split("{}")), english


def test_what_the_program_says_is_in_the_language_of_the_page(browser, pages):
    with opened(browser, at(pages, WARNED_MS)) as page:
        settled(page, WARNED_MS)
        page.get_by_test_id("language").click()
        page.wait_for_function("""() => {  // again and again: what the program itself says may come between
            noroshi.app.feed.tell = () => 0;
            const saying = "7 s behind the clock: it cannot go so fast";
            noroshi.world.take({ ...noroshi.world.clock, type: "clock", saying });
            return document.querySelector('#doing').textContent.startsWith('時計より7秒遅れ');
        }""")
        page.wait_for_function("""() => {  // as soon as it is drawn again
            const places = noroshi.app.scene.marks.filter(({ sort }) => sort === 'place');
            return places.length && places.every(({ lines }) => /[市町村区]$/.test(lines[0]));
        }""")


if os.environ.get("CI") and sys.platform == "linux":

    def test_where_everything_is_checked_the_page_is_built():
        assert FOLDER is not None
        assert (FOLDER / "index.html").is_file()
