"""A campaign's folder: what it is, the files that each variant was run from, and what came of every run.

`campaign.json` says what was asked for, and by which code it was run. `variants/VARIANT/scenario.toml` is what
`noroshi exercise` runs as it stands, with all files that it names beside it. `runs/VARIANT/0007.run` is one run's
result, written whole or not at all.
"""

import hashlib
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

import msgspec

from noroshi.assessment.results import Figure, RunResult, Variant
from noroshi.run import outputs

ABOUT = "campaign.json"
SCENARIO = "scenario.toml"
COLUMNS = ("measure", "value", "node", "shared", "subject", "at_s")


class CampaignError(ValueError):
    """A campaign cannot be read, or not be gone on with. The message is one line for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a campaign is: all that its runs depend on.

    Attributes:
        name: of the campaign, as people say it.
        scenario: as it was asked for: a shipped name, or a path.
        title: the scenario's own name.
        seed: of all random draws.
        seeds: how many replicates were asked for: 0 and on.
        until_s: where each run stops, if before the scenario's end.
        variants: in order; the first one is what the others are compared with.
        files: SHA-256 of each variant's files, by variant.
        made_by: versions of what ran it, by name; `code` is a hash of this program's sources.
        stop_at: the measure and the half-width of its interval at which it stops early.
    """

    name: str
    scenario: str
    title: str
    seed: int
    seeds: int
    until_s: float | None = None
    variants: tuple[Variant, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    made_by: Mapping[str, str] = field(default_factory=dict)
    stop_at: tuple[str, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign and its runs.

    Attributes:
        about: what it is.
        folder: where it is kept.
        runs: that are kept, failed ones too, by the order of variants, then by replicate.
    """

    about: About
    folder: Path
    runs: tuple[RunResult, ...]

    @property
    def name(self) -> str:
        """Its name."""
        return self.about.name

    @property
    def scenario(self) -> str:
        """What was run, as it was asked for."""
        return self.about.scenario

    @property
    def seeds(self) -> int:
        """How many replicates were asked for."""
        return self.about.seeds

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants in order, what the others are compared with first."""
        return self.about.variants

    @property
    def made_by(self) -> Mapping[str, str]:
        """Versions of what ran it."""
        return self.about.made_by

    def good(self, variant: str) -> tuple[RunResult, ...]:
        """Return the runs of a variant that did not fail, by replicate."""
        return tuple(run for run in self.runs if run.variant == variant and not run.error)

    def scenario_file(self, variant: str) -> Path:
        """Return what a variant was run from."""
        return self.folder / "variants" / variant / SCENARIO

    def again(self, variant: str, replicate: int) -> str:
        """Return the command that makes the journals of a run again and checks that they are the same."""
        return f"noroshi campaign {quote(str(self.folder))} --again {variant} {replicate} --journals OUT"

    def digest(self) -> str:
        """Return the SHA-256 of all that the runs came to: figures, journals' digests and errors, not what it took."""
        return table_digest(self.runs)


def read_campaign(folder: Path) -> Campaign:
    """Return a campaign as far as it has been run.

    Raises:
        CampaignError: if this is no campaign's folder, or a file of it is damaged.
    """
    about = read_about(folder)
    runs = (read_run(path) for variant in about.variants for path in _kept(folder, variant.name))
    return Campaign(about=about, folder=folder, runs=tuple(runs))


def read_about(folder: Path) -> About:
    """Return what a folder's campaign is.

    Raises:
        CampaignError: if it is none's.
    """
    path = folder / ABOUT
    try:
        return msgspec.json.decode(path.read_bytes(), type=About)
    except OSError as error:
        raise CampaignError(f"{folder}: is no campaign's folder: {ABOUT} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise CampaignError(f"{path}: is none of this program, or damaged: {error}") from error


def write_about(folder: Path, about: About) -> None:
    """Write what a campaign is.

    Raises:
        OutputError: if it cannot be written.
    """
    outputs.replace(folder / ABOUT, msgspec.json.format(msgspec.json.encode(about), indent=2) + b"\n")


def run_path(folder: Path, variant: str, replicate: int) -> Path:
    """Return where a run's result is kept."""
    return folder / "runs" / variant / f"{replicate:04d}.run"


def keep_run(folder: Path, run: RunResult) -> None:
    """Write what came of a run, whole or not at all.

    Raises:
        OutputError: if it cannot be written.
    """
    path = run_path(folder, run.variant, run.replicate)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise outputs.OutputError(f"{path}: cannot be written: {error.strerror}") from error
    outputs.replace(path, packed(run))


def read_run(path: Path) -> RunResult:
    """Return what came of a run.

    Raises:
        CampaignError: if it is damaged.
    """
    try:
        return unpacked(path.read_bytes())
    except OSError as error:
        raise CampaignError(f"{path}: cannot be read: {error.strerror}") from error
    except (zlib.error, msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise CampaignError(f"{path}: is damaged ({error}): delete it, and run the campaign with --resume") from error


def packed(run: RunResult) -> bytes:
    """Return a run's result as bytes: columns of figures, as MessagePack, deflated."""
    content = {
        "variant": run.variant,
        "replicate": run.replicate,
        "figures": {name: [getattr(each, name) for each in run.figures] for name in COLUMNS},
        "digests": dict(sorted(run.digests.items())),
        "processor_s": run.processor_s,
        "error": run.error,
    }
    return zlib.compress(msgspec.msgpack.encode(content))


def unpacked(data: bytes) -> RunResult:
    """Return what `packed` was given."""
    content: dict[str, Any] = msgspec.msgpack.decode(zlib.decompress(data))
    table = content.pop("figures")
    columns = [table[name] for name in COLUMNS]
    figures = tuple(Figure(**dict(zip(COLUMNS, row, strict=True))) for row in zip(*columns, strict=True))
    return RunResult(figures=figures, **content)


def table_digest(runs: Sequence[RunResult]) -> str:
    """Return the SHA-256 of what runs came to, in their order; what they took is left out."""
    running = hashlib.sha256()
    for run in runs:
        rows = [[getattr(each, name) for name in COLUMNS] for each in run.figures]
        about = [run.variant, run.replicate, sorted(run.digests.items()), run.error]
        running.update(msgspec.msgpack.encode([*about, rows]))
    return running.hexdigest()


def whole_run(figure: Figure) -> bool:
    """Return whether a figure is of a whole run, no point of a curve."""
    return math.isnan(figure.at_s)


def _kept(folder: Path, variant: str) -> Iterator[Path]:
    """Yield the files of a variant's runs by replicate.

    Raises:
        CampaignError: if there is a file that is none.
    """
    paths = list((folder / "runs" / variant).glob("*.run"))
    for path in paths:
        if not (path.stem.isascii() and path.stem.isdecimal()):
            raise CampaignError(f"{path}: is no run of this campaign, by its name: take it away")
    yield from sorted(paths, key=lambda path: int(path.stem))
