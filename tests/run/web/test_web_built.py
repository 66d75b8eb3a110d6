"""A page that was built from other sources than a checkout has now."""

import shutil
from pathlib import Path

import pytest

from noroshi.run.web import app
from noroshi.run.web.built import STAMP, digest, is_stale


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "web" / "node_modules").mkdir(parents=True)
    (tmp_path / "web" / "src").mkdir()
    (tmp_path / "web" / "src" / "main.js").write_text("export {};")
    (tmp_path / "web" / "package.json").write_text("{}")
    page = tmp_path / "src" / "noroshi" / "page"
    page.mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html>")
    (page / STAMP).write_text(digest(tmp_path / "web"))
    return page


def test_one_line_says_that_sources_changed_since_the_page_was_built(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(app, "files", lambda _: page.parent)
    (page.parents[2] / "web" / "node_modules" / "other.js").write_text("no source of ours")
    assert app.page_folder() == page
    assert capsys.readouterr().err == ""
    (page.parents[2] / "web" / "src" / "main.js").write_text("export { };")
    assert app.page_folder() == page
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "uv sync --reinstall-package noroshi" in told


def test_without_sources_beside_it_or_a_stamp_nothing_is_said(page: Path) -> None:
    (page / STAMP).write_text("0")
    assert is_stale(page)
    (page / STAMP).unlink()
    assert not is_stale(page)
    (page / STAMP).write_text("0")
    shutil.rmtree(page.parents[2] / "web")
    assert not is_stale(page)
