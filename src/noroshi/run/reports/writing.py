"""A report's three files, written into the campaign's folder or beside it."""

import io
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from noroshi.assessment.results import RunResult
from noroshi.run import outputs
from noroshi.run.campaigns.folders import Campaign
from noroshi.run.exercises.staging import cast
from noroshi.run.reports import words
from noroshi.run.reports.findings import Findings, Line, find
from noroshi.run.reports.page import page
from noroshi.run.reports.since import Since, since
from noroshi.run.reports.telling import why_not

HTML, JSON, TABLE = "report.html", "report.json", "results.parquet"


def write(campaign: Campaign, folder: Path, old: Campaign | None = None,
          step: Callable[[str], None] = lambda _: None) -> dict[str, Any]:  # fmt: skip
    """Write the report of a campaign; each file whole or not at all.

    Args:
        campaign: of what.
        folder: where to; it is made if it is not there.
        old: an earlier campaign to compare with.
        step: told what is being done.

    Returns:
        What report.json holds.

    Raises:
        ValueError: if there is nothing to report on, or to compare.
        OutputError: if a file cannot be written.
        OSError: if the folder cannot be made.
    """
    step("comparing variants")
    found = find(campaign)
    step("flying the middle repetition's truth")
    flown = cast(found.scenario, found.middle)
    found = found.with_begins(flown)
    changed = since(campaign, old) if old is not None else None
    step("writing")
    told = plain(found, changed)
    folder.mkdir(parents=True, exist_ok=True)
    outputs.replace(folder / HTML, page(found, flown, changed).encode())
    outputs.replace(folder / JSON, msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n")
    outputs.replace(folder / TABLE, results_table(campaign.runs))
    return told


def plain(found: Findings, changed: Since | None) -> dict[str, Any]:
    """Return what a report says as plain data: infinite and unknown figures are null, beside how often they came."""
    campaign = found.campaign
    return {
        "name": campaign.name,
        "exercise": True,
        "notional": "sites, sensors and numbers are notional; no real installation is ranked",
        "scenario": campaign.scenario,
        "seed": campaign.about.seed,
        "replicates": campaign.seeds,
        "runs": sum(not run.error for run in campaign.runs),
        "failed": [
            {"variant": each.variant, "replicate": each.replicate, "error": each.error}
            for each in campaign.runs
            if each.error
        ],
        "results_digest": campaign.digest(),
        "made_by": dict(campaign.made_by),
        "headline": [None if line is None else _line(line) for line in found.headline],
        "sharing": [_line(line) for line in found.sharing],
        "objectives": [_plain(each) for each in found.verdicts],
        "weakest": [
            {
                "objective": each.verdict.objective.name,
                "rating": each.verdict.rating.value,
                "worst_run": {"variant": each.verdict.variant, "replicate": each.verdict.worst_replicate},
                "helps_most": None if each.remedy is None else each.remedy.name,
                "by": None if each.line is None else _line(each.line),
                "remedies_run": each.tried,
                "cannot_be_shown": [line.variant for line in each.unclear],
                "why_not": why_not(each) if each.unclear else "",
                "pairs_needed": each.pairs_needed,
            }
            for each in found.weak
        ],
        "variants": [_line(line) for line in found.variants],
        "ledger": [_plain(each) for each in found.spent],
        "curves": [_plain(each) for each in found.curves],
        "sobol": _plain(found.indices),
        "effects": _plain({name: {path: {str(level): each for level, each in levels.items()}
                                  for path, levels in paths.items()} for name, paths in found.effects.items()}),
        "middle_replicate": found.middle,
        "since": None if changed is None else {
            "old": changed.old.name,
            "folder": str(changed.old.folder),
            "paired": changed.pairs,
            "notes": list(changed.notes),
            "lines": [_line(line) for line in changed.lines],
        },
    }  # fmt: skip


def _line(line: Line) -> dict[str, Any]:
    told: dict[str, Any] = _plain(line)
    return told | {
        "measure": line.key.measure,
        "unit": line.key.unit,
        "difference": _plain(line.difference),
        "difference_told": words.said(line.difference, line.key) if line.value.n_both else "",
        "interval_told": words.said_between(line.difference, line.key),
        "by": "median" if line.by_median else "mean",
        "says": line.says,
        "came_differs": line.came_shown,
    }


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: _plain(each) for name, each in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value.tolist()]
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def results_table(runs: tuple[RunResult, ...]) -> bytes:
    """Return all figures of all runs as a Parquet file, a row each: docs/report.md has its columns."""
    figures = [(run, each) for run in runs for each in run.figures]
    columns = {
        "variant": _coded([run.variant for run, _ in figures]),
        "replicate": pa.array(np.array([run.replicate for run, _ in figures], np.int32)),
        "measure": _coded([each.measure for _, each in figures]),
        "node": _coded([each.node for _, each in figures]),
        "shared": pa.array(np.array([each.shared for _, each in figures], np.bool_)),
        "subject": _coded([each.subject for _, each in figures]),
        "at_s": pa.array(np.array([each.at_s for _, each in figures], np.float64)),
        "value": pa.array(np.array([each.value for _, each in figures], np.float64)),
    }
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression="zstd")
    return out.getvalue()


def _coded(texts: list[str]) -> pa.DictionaryArray:
    """Return texts as a dictionary and indices; of lists pyarrow would import pandas."""
    places: dict[str, int] = {}
    indices = np.array([places.setdefault(text, len(places)) for text in texts], np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(indices), pa.array(np.array(list(places), np.str_)))
