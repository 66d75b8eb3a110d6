"""A browser, and the pages of a replayed exercise, once for each file of tests."""

import pytest
from page_scenes import journals

from noroshi.run.web.app import Pages
from noroshi.run.web.replay import ReplayShowing


@pytest.fixture(scope="module")
def showing():
    shown = ReplayShowing(journals() / "JPN.mcap")
    shown.run()
    return shown


@pytest.fixture(scope="module")
def pages(showing):
    served = Pages(showing, "127.0.0.1:0")
    yield served
    served.close()


@pytest.fixture(scope="module")
def browser():
    from page_browser import launched

    with launched(1) as (opened,):
        yield opened
