"""Real flights to try the program on: `sample:NAME` stands for a file of the PyPI package `traffic` (MIT licence).

Only the package's data files are used; its code is never imported.
"""

from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

PREFIX = "sample:"
ENDINGS = (".json.gz", ".jsonl", ".json", ".bin")


class NoSampleError(ValueError):
    """There is no such sample, or the package that holds it is not installed."""


def sample_names() -> tuple[str, ...]:
    """Return the names of all samples that are installed, sorted."""
    return tuple(sorted(_samples()))


def sample_path(name: str) -> Path:
    """Return the file of the sample `name` ("sample:quickstart" or "quickstart").

    Raises:
        NoSampleError: if it is not there.
    """
    samples = _samples()
    if not samples:
        raise NoSampleError("the samples are not installed; add them with: uv sync --extra samples")
    bare = name.removeprefix(PREFIX)
    if bare not in samples:
        raise NoSampleError(f"no sample '{bare}'; there are: {', '.join(sorted(samples))}")
    return samples[bare]


def _samples() -> dict[str, Path]:
    try:
        everything = files("traffic") or []
    except PackageNotFoundError:
        return {}
    found: dict[str, Path] = {}
    for file in everything:
        ending = next((ending for ending in ENDINGS if file.name.endswith(ending)), None)
        if ending and "samples" in file.parts and "airspaces" not in file.parts:
            found[file.name.removesuffix(ending)] = Path(str(file.locate()))
    return found
