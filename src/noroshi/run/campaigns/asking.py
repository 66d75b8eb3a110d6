"""What a campaign is asked for: a scenario and families of variants, or a file that says all of it."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from noroshi.assessment.results import Variant
from noroshi.run.campaigns import designs
from noroshi.run.campaigns.families import BASE, FAMILIES, variants_of
from noroshi.run.campaigns.folders import About, CampaignError
from noroshi.run.campaigns.versions import made_by
from noroshi.run.scenarios import Scenario, ScenarioError, read_scenario, shipped
from noroshi.run.scenarios.checking import checked
from noroshi.run.scenarios.models import Section, Table
from noroshi.run.scenarios.sources import Problem, Source, choices, read_source

ROOM = "campaigns"
SEEDS = 20
LETTERS = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"


class VariantSection(Section):
    """One way in which the scenario is run."""

    name: str = Field(pattern=LETTERS, max_length=60, description="Short, of the letters of a file's name.")
    title: str = Field(default="", max_length=200, description="For a person.")
    changes: Table = Field(default={}, description='New values by path: "weather.cloud_top_m" = 3000.0')
    sharing: bool = Field(default=True, description="Whether links carry anything.")
    is_remedy: bool = Field(default=False, description="Whether it is something that one could do, not what breaks.")


class Factor(Section):
    """A parameter that is varied with others: between two values, or over some."""

    path: str = Field(min_length=1, description="Of the scenario's parameter.")
    low: int | float | None = Field(default=None, description="Its lowest value.")
    high: int | float | None = Field(default=None, description="Its highest.")
    levels: tuple[int | float | str | bool, ...] = Field(default=(), description="Its values, instead of low and high.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.levels) == (self.low is not None or self.high is not None) or (self.low is None) != (
            self.high is None
        ):
            raise ValueError("needs low and high, or levels")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low = {self.low:g} is not below high = {self.high:g}")
        return self

    def span(self) -> designs.Span:
        """Return what it is varied over."""
        if self.low is None or self.high is None:
            return self.path, self.levels, False
        return self.path, (self.low, self.high), True


class Design(Section):
    """Parameters varied together: each combination is a variant."""

    kind: Literal["factorial", "latin_hypercube", "sobol"] = Field(
        description="All combinations, a Latin hypercube, or the sample that Sobol' indices are made of."
    )
    number: int = Field(
        default=16, ge=2, le=4096, description="Points of a Latin hypercube; N of Sobol', a power of 2."
    )
    seed: int = Field(default=0, ge=0, description="Names the points.")
    factors: tuple[Factor, ...] = Field(min_length=1, description="What is varied.")

    @model_validator(mode="after")
    def _power(self) -> Self:
        if self.kind == "sobol" and self.number & (self.number - 1):
            raise ValueError(f"number = {self.number} is no power of 2: Sobol' sequence needs one")
        return self

    def variants(self) -> tuple[Variant, ...]:
        """Return its points."""
        spans = [factor.span() for factor in self.factors]
        if self.kind == "factorial":
            return designs.factorial(spans)
        make = designs.sobol if self.kind == "sobol" else designs.latin_hypercube
        return make(spans, self.number, self.seed)


class CampaignFile(Section):
    """A campaign: a scenario, how often it is run, in which variants."""

    name: str = Field(min_length=1, max_length=80, description="Of the campaign, as people say it.")
    scenario: str = Field(description="A shipped name, or a path beside the campaign.")
    seeds: int = Field(default=SEEDS, ge=1, le=100_000, description="Replicates of each variant.")
    until_s: float | None = Field(default=None, gt=0.0, description="Where each run stops.")
    families: tuple[str, ...] = Field(default=(), description="Shipped variants: sharing, nations, sensors, …")
    variants: tuple[VariantSection, ...] = Field(default=(), description="One's own.")
    design: Design | None = Field(default=None, description="Parameters varied together.")


def asked(
    what: str, *, seeds: int | None, families: Sequence[str], until_s: float | None, stop_at: tuple[str, float] | None
) -> tuple[About, Scenario]:
    """Return what a campaign is to be, and the scenario that is varied.

    Args:
        what: a scenario or a campaign, by its file or its shipped name.
        seeds: replicates; as the campaign's file says, else `SEEDS`, if None.
        families: of variants; of a scenario with a shipped campaign that one's, else the default family, if empty.
        until_s: where each run stops; as the file says if None.
        stop_at: when it stops early.

    Raises:
        CampaignError, ScenarioError, NoFileError: if it makes no sense.
    """
    source = _campaign_source(what, bare=not families)
    if source is None:
        scenario = read_scenario(what)
        variants = _families(scenario, tuple(families) or ("default",))
        title = scenario.name
        named = what
    else:
        file = _read(source)
        named = file.scenario
        if named.endswith(".toml") or "/" in named:
            named = str(source.folder / named)
        scenario = read_scenario(named)
        variants = _families(scenario, (*file.families, *families))
        variants += tuple(
            Variant(
                name=each.name,
                title=each.title,
                changes=each.changes,
                sharing=each.sharing,
                is_remedy=each.is_remedy,
            )
            for each in file.variants
        )
        variants += file.design.variants() if file.design else ()
        title, seeds, until_s = file.name, seeds or file.seeds, until_s or file.until_s
    about = About(
        name=title,
        scenario=named,
        title=scenario.name,
        seed=scenario.seed,
        seeds=seeds or SEEDS,
        until_s=until_s,
        variants=_once(variants),
        made_by=made_by(),
        stop_at=stop_at,
    )
    return about, scenario


def _campaign_source(what: str, *, bare: bool) -> Source | None:
    """Return the file of a campaign: its own, or the shipped one of a scenario that is asked for by its bare name."""
    if bare and what in shipped(ROOM):
        return read_source(ROOM, what)
    path = Path(what)
    if path.suffix == ".toml" and path.is_file() and "scenario" in _keys(path):
        return read_source(ROOM, what)
    return None


def _keys(path: Path) -> set[str]:
    try:
        return set(tomllib.loads(path.read_text("utf-8-sig")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return set()


def _read(source: Source) -> CampaignFile:
    problems: list[Problem] = []
    file = checked(CampaignFile, source.table, source, (), problems)
    if file is not None:
        problems += [
            source.problem(("families", i), f"no such variants; {choices(name, list(FAMILIES))}")
            for i, name in enumerate(file.families)
            if name not in FAMILIES
        ]
    if file is None or problems:
        raise ScenarioError(problems)
    return file


def _families(scenario: Scenario, families: tuple[str, ...]) -> tuple[Variant, ...]:
    try:
        return variants_of(scenario, families)
    except ValueError as error:
        raise CampaignError(f"--variants: {error}") from error


def _once(variants: Sequence[Variant]) -> tuple[Variant, ...]:
    """Return variants in order, each name once.

    Raises:
        CampaignError: if two that differ have one name.
    """
    found: dict[str, Variant] = {}
    for each in variants:
        if found.setdefault(each.name, each) != each:
            what = "is what the others are compared with" if each.name == BASE.name else "is there already"
            raise CampaignError(f"variant '{each.name}' {what}: give another name")
    return tuple(found.values())
