"""A variant of a scenario as files that a person could have written: laid in a folder, then read like any others."""

import hashlib
import shutil
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from noroshi.assessment.results import Variant
from noroshi.exercise.injects import KINDS, Aim
from noroshi.run.campaigns.changing import ChangeError, Table, Tables
from noroshi.run.campaigns.folders import SCENARIO, CampaignError
from noroshi.run.campaigns.toml import toml_of
from noroshi.run.samples import PREFIX
from noroshi.run.scenarios import Scenario, ScenarioError, read_scenario, traffic_path
from noroshi.run.scenarios.reading import missing_for, targets_of

AIMED = ("injects", "advice", "relief")
MEASURED = ("measures", "objectives")

Gone = Mapping[Aim, set[str]]


def lay(base: Scenario, variant: Variant, folder: Path) -> Scenario:
    """Write the files of a variant and read them.

    What is aimed at somebody whom a change took away is taken away too: of an inject that name, and the inject if no
    name is left; so for plans, measures and objectives. All else has to be right after the change.

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
            there = _read(tables, Path(trial), variant, without=(*AIMED, *MEASURED))
            gone = _gone(base, there)
            _prune_aims(tables.scenario, gone, staffed=_staff(base) - _staff(there))
            there = _read(tables, Path(trial), variant, without=MEASURED)
            _prune_measures(tables.scenario, gone, base, there)
        return _read(tables, folder, variant)
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


def _read(tables: Tables, folder: Path, variant: Variant, *, without: Collection[str] = ()) -> Scenario:
    """Write tables into a folder, without some sections of the scenario's, and read them."""
    folder.mkdir(parents=True, exist_ok=True)
    scenario: Table = {key: value for key, value in tables.scenario.items() if key not in without}
    scenario["nations"] = [f"./{code}.toml" for code in tables.nations]
    for section in ("traffic", "injects"):
        if section in scenario:
            scenario[section] = [_with_table(each, tables.base, folder) for each in scenario[section]]
    for code, nation in tables.nations.items():
        text = tables.policies.get(code)
        if text is not None:
            (folder / f"{code}.policy.toml").write_text(text, "utf-8")
        own = nation if text is None else {**nation, "policy": f"./{code}.policy.toml"}
        (folder / f"{code}.toml").write_text(_headed(own, tables.base.source.name, variant), "utf-8")
    path = folder / SCENARIO
    path.write_text(_headed(scenario, tables.base.source.name, variant), "utf-8")
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


def _gone(base: Scenario, there: Scenario) -> Gone:
    """Return the names that injects may aim at in one scenario and not in the other."""
    before, after = targets_of(base), targets_of(there)
    return {aim: set(before[aim]) - set(after[aim]) for aim in Aim if aim is not Aim.AREAS}


def _staff(scenario: Scenario) -> set[str]:
    return {nation.code for nation in scenario.nations if nation.warning is not None}


def _prune_aims(table: Table, gone: Gone, staffed: set[str]) -> None:
    """Take away what is aimed at what is gone, and what staff was to do that is gone."""
    if isinstance(table.get("injects"), list):
        table["injects"] = [left for each in table["injects"] if (left := _aimed(each, gone)) is not None]
    advice, relief = table.get("advice"), table.get("relief")
    if isinstance(advice, dict) and isinstance(advice.get("planners"), list):
        left = [code for code in advice["planners"] if code not in staffed]
        if left or not advice["planners"]:
            table["advice"] = {**advice, "planners": left}
        else:
            del table["advice"]
    if isinstance(relief, dict) and relief.get("nation") in staffed:
        del table["relief"]


def _prune_measures(table: Table, gone: Gone, base: Scenario, there: Scenario) -> None:
    """Take away measures and objectives about what is gone, and those that nothing gives any more."""
    for section, key in zip(MEASURED, ("name", "measure"), strict=True):
        if isinstance(table.get(section), list):
            kept = [left for each in table[section] if (left := _measured(each, gone)) is not None]
            table[section] = [
                each
                for each in kept
                if not (isinstance(each, dict) and isinstance(name := each.get(key), str))
                or not missing_for(there, name)
                or missing_for(base, name)
            ]


def _aimed(entry: Any, gone: Gone) -> Any:
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


def _measured(entry: Any, gone: Gone) -> Any:
    """Return a measure or an objective without what is gone; None if it is about nothing else."""
    if not isinstance(entry, dict):
        return entry
    if entry.get("nation") in gone[Aim.NODES]:
        return None
    flights = entry.get("flights", [])
    left = [name for name in flights if name not in gone[Aim.FLIGHTS]]
    if flights and not left:
        return None
    return {**entry, "flights": left} if flights else entry
