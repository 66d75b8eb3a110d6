"""Where compiled kernels are kept from one start to the next.

numba looks only at the file a kernel stands in: change a helper in another file and it goes on with the old code, and
results are wrong without a word. So the folder is named by a hash of all the package's sources, and a change anywhere
starts a new one; and by a hash of where they stand, since numba keeps what it compiled by the path, and a second clone
would else be told that all is compiled. It lies in the user's cache, since an installed package may not be writable.
"""

import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

PACKAGE = Path(__file__).parent.parent
ROOMS = (
    "records", "geo", "estimation", "motion", "sensors", "tracking", "fusion", "sharing", "assessment", "formats",
    "exercise", "warning", "advice",
)  # fmt: skip
VARIABLE = "NUMBA_CACHE_DIR"
DONE = ".compiled"


def prepare() -> None:
    """Choose the folder before any kernel is imported; one that the user has chosen by NUMBA_CACHE_DIR stands.

    Where nothing can be written kernels are compiled in memory at each start, and a line on the standard error says so.
    """
    if VARIABLE in os.environ:
        return
    folder = _home() / folder_name()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        sys.stderr.write(f"noroshi: no cache at {folder} ({error.strerror}): compiling anew, some twenty seconds\n")
        return
    os.environ[VARIABLE] = str(folder)


def is_kept() -> bool:
    """Return whether what is compiled is kept for other processes."""
    return bool(os.environ.get(VARIABLE))


def is_cold() -> bool:
    """Return whether nothing has been compiled for these sources yet."""
    folder = os.environ.get(VARIABLE)
    return folder is None or not any(Path(folder).rglob("*.nbi"))


def is_new(work: str) -> bool:
    """Return whether this kind of work has not been done before with these sources, so that much has to be compiled."""
    folder = os.environ.get(VARIABLE)
    return folder is None or not (Path(folder) / f"{work}{DONE}").is_file()


def note(work: str) -> None:
    """Note that what this kind of work needs is compiled."""
    folder = os.environ.get(VARIABLE)
    if folder is not None:
        with suppress(OSError):
            (Path(folder) / f"{work}{DONE}").touch()


def folder_name() -> str:
    """Return the name of the folder of these sources, where they stand."""
    return f"{sources_digest()[:16]}-{hashlib.sha256(str(PACKAGE).encode()).hexdigest()[:8]}"


def sources_digest() -> str:
    """Return the SHA-256 of every source file that kernels may stand in."""
    running = hashlib.sha256()
    for path in [PACKAGE / "kernel.py", *(path for room in ROOMS for path in sorted((PACKAGE / room).rglob("*.py")))]:
        running.update(str(path.relative_to(PACKAGE)).encode())
        running.update(path.read_bytes())
    return running.hexdigest()


def _home() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return (Path(base) if base else Path.home() / ".cache") / "noroshi" / "kernels"
