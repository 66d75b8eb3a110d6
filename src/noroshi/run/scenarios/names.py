"""What nations are called, and whose areas are whose."""

from functools import cache

from noroshi.run.scenarios import Nation
from noroshi.run.scenarios.reading import read_nation
from noroshi.run.scenarios.sources import shipped


def nation_names() -> dict[str, str]:
    """Return the names of the nations that travel with the program, by code."""
    return {nation.code: nation.name for nation in _shipped()}


def area_nations(*nations: Nation) -> dict[str, str]:
    """Return whose areas are whose, by the beginning of their codes: of the shipped nations, and of those given."""
    known = [nation for nation in (*_shipped(), *nations) if nation.warning is not None]
    return {country: nation.code for nation in known if nation.warning for country in nation.warning.countries}


@cache
def _shipped() -> tuple[Nation, ...]:
    return tuple(map(read_nation, shipped("nations")))
