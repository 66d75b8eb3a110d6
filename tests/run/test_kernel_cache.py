"""Compiled kernels are kept where they may be, and never used after any source has changed."""

import os
import shutil
import subprocess
import sys

import pytest

from noroshi.run import kernel_cache

SAY = "import noroshi, numba; print(numba.config.CACHE_DIR)"


def start(tmp_path, say=SAY, **variables):
    kept = {name: value for name, value in os.environ.items() if name != kernel_cache.VARIABLE}
    environment = kept | {"XDG_CACHE_HOME": str(tmp_path), **variables}
    return subprocess.run([sys.executable, "-c", say], env=environment, capture_output=True, text=True, check=True)


def test_the_folder_is_in_the_users_cache_and_named_by_the_sources(tmp_path):
    done = start(tmp_path)
    assert done.stdout.strip() == str(tmp_path / "noroshi" / "kernels" / kernel_cache.folder_name())
    assert not done.stderr


def test_kernels_are_kept_where_numba_was_imported_before(tmp_path):
    done = start(tmp_path, "import numba, noroshi.geo.gravity as gravity; print(gravity.fall._cache.cache_path)")
    assert done.stdout.startswith(str(tmp_path / "noroshi" / "kernels" / kernel_cache.folder_name()))


def test_a_folder_that_the_user_chose_stands(tmp_path):
    assert start(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "own")).stdout.strip() == str(tmp_path / "own")


def test_where_nothing_can_be_written_it_says_so_and_goes_on(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    done = start(tmp_path, XDG_CACHE_HOME=str(blocked))
    assert done.stdout.strip() == ""
    assert done.stderr.startswith("noroshi: no cache at ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("changed", ["geo/wgs84.py", "kernel.py", "tracking/life.py"])
def test_a_changed_helper_in_any_file_makes_another_folder(tmp_path, monkeypatch, changed):
    for name in ("kernel.py", "geo/wgs84.py", "tracking/life.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("before")
    monkeypatch.setattr(kernel_cache, "PACKAGE", tmp_path)
    before = kernel_cache.sources_digest()
    (tmp_path / changed).write_text("after")
    assert kernel_cache.sources_digest() != before


def test_the_same_sources_elsewhere_have_a_folder_of_their_own(monkeypatch, tmp_path):
    """The compiler keeps what it compiled by the path, so that another clone has to compile too, and must know it."""
    here = kernel_cache.folder_name()
    elsewhere = shutil.copytree(
        kernel_cache.PACKAGE, tmp_path / "noroshi", ignore=shutil.ignore_patterns("web", "data")
    )
    monkeypatch.setattr(kernel_cache, "PACKAGE", elsewhere)
    assert kernel_cache.folder_name()[:16] == here[:16]
    assert kernel_cache.folder_name() != here
