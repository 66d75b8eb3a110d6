"""The real browser that the tests of the page run in, if this machine has one."""

import contextlib
import shutil

import pytest

from noroshi.run.web.app import page_folder

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FOLDER = page_folder()
MARKS = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
    pytest.mark.skipif(FOLDER is None or not (FOLDER / "index.html").is_file(), reason="the page is not built here"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
ARGUMENTS = [
    "--no-sandbox",
    "--enable-unsafe-swiftshader",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # what would leave the machine fails
]


@contextlib.contextmanager
def launched(number):
    """So many browsers: programs that share nothing."""
    with playwright.sync_playwright() as started:
        opened = [started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS) for _ in range(number)]
        yield opened
        for one in opened:
            one.close()
