"""What made a campaign's runs: the same versions on the same kind of machine make the same bytes."""

import hashlib
import platform
from importlib.metadata import version

from noroshi import __version__
from noroshi.run.kernel_cache import PACKAGE

LIBRARIES = ("numba", "numpy", "scipy", "sgp4")
FOLDERS_LEFT_OUT = ("page", "__pycache__")


def made_by() -> dict[str, str]:
    """Return the versions of this program and of what it computes with; `code` is a hash of its sources and data."""
    return {
        "noroshi": __version__,
        "code": code_digest()[:16],
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: version(name) for name in LIBRARIES},
    }


def code_digest() -> str:
    """Return the SHA-256 of every source and data file of this program, but for the page."""
    running = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*")):
        if path.is_file() and not set(FOLDERS_LEFT_OUT) & set(path.relative_to(PACKAGE).parts):
            running.update(path.relative_to(PACKAGE).as_posix().encode())
            running.update(path.read_bytes())
    return running.hexdigest()
