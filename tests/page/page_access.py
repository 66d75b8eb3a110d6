"""What axe-core finds on a page, in both themes and both languages."""

import itertools

import pytest

LOOKS = tuple(itertools.product(("dark", "light"), ("en", "ja")))


def looks(page, chosen=LOOKS):
    """Give the page one look after the other."""
    for theme, language in chosen:
        page.evaluate("([theme, language]) => noroshi.set({ theme, language })", [theme, language])
        page.wait_for_function("language => document.documentElement.lang === language", arg=language)
        page.wait_for_timeout(100)
        yield f"{theme} {language}"


def nothing_serious(page, where):
    """Say what of axe-core's rules the page breaks, as axe weighs it, and fail where that is serious."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page).response["violations"]
    serious = [
        (where, one["id"], [(node["target"], node["failureSummary"]) for node in one["nodes"]])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []
