"""A variant of a scenario as files that a person could have written: laid in a folder, then read like any others."""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from noroshi.assessment.results import Variant
from noroshi.exercise.injects import KINDS, Aim
from noroshi.run.campaigns.changing import ChangeError, Table, Tables
from noroshi.run.campaigns.folders import SCENARIO, CampaignError
from noroshi.run.campaigns.toml import toml_of
from noroshi.run.samples import PREFIX
from noroshi.run.scenarios import Scenario, ScenarioError, read_scenario, traffic_path
from noroshi.run.scenarios.reading import targets_of


def lay(base: Scenario, variant: Variant, folder: Path) -> Scenario:
    """Write the files of a variant and read them.

    What is aimed at somebody whom a change took away is taken away too: of an inject that name, and the inject if no
    name is left; so for measures. All else has to be right after the change.

    Args:
        base: what is changed.
        variant: how.
        folder: where its files are put; it is made.

    Raises:
        CampaignError: if a change leads nowhere, or makes the scenario wrong; the message names the variant.
        OSError: if the files cannot be written.
    """
    tables = Tables.of(base)
    try:
        tables.change(variant.changes)
        with tempfile.TemporaryDirectory(prefix="noroshi-") as trial:
            without: Table = {key: [] for key in ("injects", "measures", "objectives") if key in tables.scenario}
            _prune(tables.scenario, base, _read(tables, without, Path(trial), variant))
        return _read(tables, {}, folder, variant)
    except ChangeError as error:
        raise CampaignError(f"variant '{variant.name}': {error}") from error
    except ScenarioError as error:
        problem = error.problems[0]
        file = Path(problem.file).stem
        where = [variant.name] if file == Path(SCENARIO).stem else [variant.name, file]
        key = f"{problem.key}: " if problem.key else ""
        raise CampaignError(f"variant '{' '.join(where)}': {key}{problem.message}") from error
    except ValueError as error:
        raise CampaignError(f"variant '{variant.name}': {error}") from error


def files_of(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder, by their paths in it, sorted."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def files_digest(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of files, by their paths."""
    running = hashlib.sha256()
    for path, data in sorted(files.items()):
        running.update(f"{path} {len(data)} ".encode())
        running.update(data)
    return running.hexdigest()


def put_files(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files into a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _read(tables: Tables, instead: Mapping[str, Any], folder: Path, variant: Variant) -> Scenario:
    """Write tables into a folder, some keys of the scenario's replaced, and read them."""
    folder.mkdir(parents=True, exist_ok=True)
    scenario: Table = {**tables.scenario, **instead, "nations": [f"./{code}.toml" for code in tables.nations]}
    for section in ("traffic", "injects"):
        if section in scenario:
            scenario[section] = [_with_table(each, tables.base, folder) for each in scenario[section]]
    for code, nation in tables.nations.items():
        text = tables.policies.get(code)
        if text is not None:
            (folder / f"{code}.policy.toml").write_text(text)
        own = nation if text is None else {**nation, "policy": f"./{code}.policy.toml"}
        (folder / f"{code}.toml").write_text(_headed(own, tables.base.source.name, variant))
    path = folder / SCENARIO
    path.write_text(_headed(scenario, tables.base.source.name, variant))
    return read_scenario(path)


def _headed(table: Table, source: str, variant: Variant) -> str:
    changes = "".join(f"# {path} = {value!r}\n" for path, value in variant.changes.items())
    return f"# Made of {Path(source).name} by noroshi campaign: '{variant.name}'.\n{changes}{toml_of(table)}"


def _with_table(entry: Any, base: Scenario, folder: Path) -> Any:
    """Return an entry whose table of flights lies beside the scenario."""
    flights = entry.get("flights") if isinstance(entry, dict) else None
    if not isinstance(flights, str) or flights.startswith(PREFIX):
        return entry
    there = traffic_path(base.source, flights)
    name = f"{hashlib.sha256(there.read_bytes()).hexdigest()[:8]}-{there.name}"
    if not (folder / name).exists():
        shutil.copyfile(there, folder / name)
    return {**entry, "flights": name}


def _prune(table: Table, base: Scenario, now: Scenario) -> None:
    """Take away what is aimed at what is gone."""
    before, after = targets_of(base), targets_of(now)
    gone: dict[Aim, set[str]] = {aim: set(before[aim]) - set(after[aim]) for aim in Aim if aim is not Aim.AREAS}
    if "injects" in table:
        table["injects"] = [left for each in table["injects"] if (left := _aimed(each, gone)) is not None]
    if "measures" in table:
        table["measures"] = [left for each in table["measures"] if (left := _measured(each, gone)) is not None]


def _aimed(entry: Any, gone: Mapping[Aim, set[str]]) -> Any:
    """Return an inject without the names that are gone; None if none is left."""
    kind = KINDS.get(str(entry.get("what"))) if isinstance(entry, dict) else None
    if kind is None or "whom" not in entry:
        return entry
    away = gone.get(kind.AIM, set())
    if entry.get("claims") in gone[Aim.NODES]:
        return None
    if isinstance(entry["whom"], str):
        return None if entry["whom"] in away else entry
    left = [name for name in entry["whom"] if name not in away]
    return {**entry, "whom": left} if left or not entry["whom"] else None


def _measured(entry: Any, gone: Mapping[Aim, set[str]]) -> Any:
    """Return a measure without the flights that are gone; None if it is of a nation that is, or no flight is left."""
    if not isinstance(entry, dict):
        return entry
    if entry.get("nation") in gone[Aim.NODES]:
        return None
    flights = entry.get("flights", [])
    left = [name for name in flights if name not in gone[Aim.FLIGHTS]]
    if flights and not left:
        return None
    return {**entry, "flights": left} if flights else entry
