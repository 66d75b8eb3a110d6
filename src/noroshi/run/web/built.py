"""What the page is built from. `hatch_build.py` runs this file by itself: it imports nothing of noroshi's."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

STAMP = "built-from.txt"


def digest(web: Path) -> str:
    """Return a digest of all that the page is made of.

    Args:
        web: the folder of its sources.
    """
    whole = hashlib.sha256()
    for path in sorted(_sources(web), key=lambda path: path.relative_to(web).as_posix()):
        whole.update(f"{path.relative_to(web).as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()


def is_stale(page: Path) -> bool:
    """Return whether a page's sources lie beside it, in a checkout, and it was built from others.

    Args:
        page: the folder that the page was built into.
    """
    stamp, web = page / STAMP, page.parents[2] / "web"
    return stamp.is_file() and (web / "package.json").is_file() and stamp.read_text() != digest(web)


def _sources(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif path.name != "node_modules":  # thousands of files
            yield from _sources(path)
