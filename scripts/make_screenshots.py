"""Makes the pictures of the page in docs/pictures from a journal that the program makes: `uv run scripts/make_screenshots.py`.

It runs the trilateral exercise, or takes journals that it has left (`--journals FOLDER`), serves Japan's, and looks at it with
Chromium (Debian's; `apt-get install chromium fonts-noto-cjk`); then runs it once more as something to ask What if of, and
plays it with four people. `report.png` is made of a campaign's folder that has its report (`noroshi campaign trilateral --out
FOLDER`, `noroshi assess FOLDER`): `--campaign FOLDER` makes it, and nothing else.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright
from screenshots_played import PICTURES, take_played

from noroshi.run.exercises.running import Plan, run
from noroshi.run.web.app import Pages
from noroshi.run.web.exercise import ExerciseShowing
from noroshi.run.web.replay import ReplayShowing

START_MS = 1_893_456_000_000
UNTIL_S = 440.0
WHAT_IF = "page-what-if"
ARGUMENTS = ["--no-sandbox", "--enable-unsafe-swiftshader", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One picture: a moment, the address's choices, and what a person does before it is taken."""

    name: str
    at_s: int
    address: dict[str, str] = field(default_factory=dict)
    theme: str = "dark"
    language: str = "en"
    keys: tuple[str, ...] = ()
    waits: str = ""
    clicks: tuple[str, ...] = ()


SHOTS = (
    Shot(name="page-flat", at_s=400, address={"v": "flat", "m": "141.5,33.8,2000"}, clicks=("#tab-picture",)),
    Shot(
        name="page-globe",
        at_s=400,
        address={"v": "globe", "m": "141.5,31.5,3600"},
        clicks=("#tab-picture",),
    ),
    Shot(name="page-warning", at_s=412, address={"v": "flat"}, keys=("w", "w"), clicks=("#alerts .areas summary",)),
    Shot(
        name="page-replay",
        at_s=330,
        address={"v": "flat", "m": "143.0,33.0,2600"},
        theme="light",
        clicks=("#tab-state",),
    ),
    Shot(
        name="page-story",
        at_s=400,
        address={"v": "flat"},
        theme="light",
        keys=("w", "0", "w"),
        waits="[data-testid=story] .story",
    ),
    Shot(
        name="page-japanese",
        at_s=412,
        address={"v": "flat", "m": "139.8,35.2,1500"},
        language="ja",
        clicks=("#tab-picture",),
    ),
    Shot(
        name="page-japanese-light",
        at_s=412,
        address={"v": "globe", "m": "140.5,33.5,2300"},
        theme="light",
        language="ja",
        clicks=("#tab-picture",),
    ),
)


def take(browser: Browser, url: str, shot: Shot, out: Path) -> None:
    """Take one picture."""
    locale = "ja-JP" if shot.language == "ja" else "en-GB"
    context = browser.new_context(
        viewport={"width": 1440, "height": 860}, color_scheme=shot.theme, locale=locale, timezone_id="Asia/Tokyo",
        reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    at_ms = START_MS + shot.at_s * 1000
    history_ms = at_ms - 40_000  # so that tracks have a past on it
    page.goto(f"{url}#" + "&".join(f"{key}={value}" for key, value in shot.address.items()))
    page.wait_for_function("() => window.noroshi?.world.frames > 0", timeout=60_000)
    page.evaluate("ms => { noroshi.app.notice(''); noroshi.seek(ms); }", history_ms)
    page.evaluate("() => { noroshi.app.feed.tell('rate', { rate: 5 }); noroshi.app.feed.tell('play'); }")
    page.wait_for_function("ms => noroshi.world.frame.picture_ms >= ms", arg=at_ms, timeout=60_000)
    page.evaluate("() => { noroshi.app.feed.tell('rate', { rate: 1 }); noroshi.app.feed.tell('pause'); }")
    page.wait_for_function("() => noroshi.world.clock.playing === false")
    for key in shot.keys:
        page.keyboard.press(key)
        page.wait_for_timeout(500)
    for click in shot.clicks:
        page.locator(f"{click} >> visible=true").first.click()
    if shot.waits:
        page.locator(shot.waits).first.wait_for(timeout=600_000)  # a journal is run again for it, twice
    if shot.address.get("v") == "globe":
        page.wait_for_function("() => noroshi.app.view.name === 'globe'", timeout=60_000)
        page.wait_for_timeout(12_000)  # its tiles, by software
    page.wait_for_timeout(4_000)
    page.screenshot(path=out / f"{shot.name}.png")
    context.close()


def take_all(browser: Browser, shots: Sequence[Shot], left: Path | None, folder: Path, out: Path) -> None:
    """Take pictures of a journal of Japan's: of a run that is there, else of one that is made in a folder."""
    if left is None:
        run(Plan(scenario="trilateral", folder=folder, until_s=UNTIL_S))
    showing = ReplayShowing((left or folder) / "JPN.mcap")
    showing.run()
    pages = Pages(showing, "127.0.0.1:0")
    try:
        for shot in shots:
            take(browser, pages.url, shot, out)
            print(f"{shot.name}.png")
    finally:
        pages.close()


def take_what_if(browser: Browser, out: Path) -> None:
    """Take what four satellites instead of all would come to."""
    showing = ExerciseShowing("trilateral", until_s=UNTIL_S)
    flying = threading.Thread(target=showing.run)
    flying.start()
    flying.join()
    pages = Pages(showing, "127.0.0.1:0")
    try:
        page = browser.new_context(viewport={"width": 1440, "height": 860}, locale="en-GB").new_page()
        page.goto(f"{pages.url}#v=flat&m=141.5,33.8,2000")
        page.wait_for_function("() => window.noroshi?.world.frames > 0", timeout=60_000)
        page.evaluate("() => void noroshi.app.feed.tell('pause')")
        page.evaluate("ms => noroshi.seek(ms)", START_MS + 400_000)
        page.locator("#tab-what-if").click()
        page.wait_for_timeout(10_000)  # as a person takes to fill it in
        page.get_by_test_id("what-if-kind").select_option("satellites")
        page.get_by_test_id("what-if-satellites").select_option(label="usa-eyes")
        page.get_by_test_id("what-if-number").fill("4")
        page.get_by_test_id("what-if-go").click()
        page.get_by_test_id("what-if-rows").locator("td").first.wait_for(timeout=300_000)
        page.wait_for_timeout(4_000)
        page.screenshot(path=out / f"{WHAT_IF}.png")
        page.context.close()
    finally:
        pages.close()
        showing.stop()


def take_report(browser: Browser, report: Path, out: Path) -> None:
    """Take the first screen of a campaign's report."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, color_scheme="light", locale="en-GB")
    page = context.new_page()
    page.goto(report.resolve().as_uri())
    page.screenshot(path=out / "report.png")
    context.close()


def main() -> None:
    """Make all pictures, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these")
    parser.add_argument("--journals", type=Path, help="the folder of a run of the trilateral exercise")
    parser.add_argument("--campaign", type=Path, help="a campaign's folder with its report: makes report.png only")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "docs" / "pictures")
    wanted = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no chromium: apt-get install chromium fonts-noto-cjk")
    if not subprocess.run(["fc-list", ":lang=ja"], capture_output=True, text=True, check=True).stdout:
        sys.exit("there is no Japanese font, and its words would be boxes: apt-get install fonts-noto-cjk")
    if wanted.campaign is not None:
        with sync_playwright() as started:
            browser = started.chromium.launch(executable_path=chromium, args=ARGUMENTS)
            take_report(browser, wanted.campaign / "report.html", wanted.out)
            browser.close()
        return
    is_wanted = lambda name: not wanted.names or name in wanted.names  # noqa: E731
    shots = [shot for shot in SHOTS if is_wanted(shot.name)]
    with sync_playwright() as started, tempfile.TemporaryDirectory() as folder:
        browser = started.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        if shots:
            take_all(browser, shots, wanted.journals, Path(folder), wanted.out)
        if is_wanted(WHAT_IF):
            take_what_if(browser, wanted.out)
            print(f"{WHAT_IF}.png")
        if any(is_wanted(name) for name in PICTURES):
            take_played(browser, wanted.out)
            print(*(f"{name}.png" for name in PICTURES))
        browser.close()


if __name__ == "__main__":
    main()
