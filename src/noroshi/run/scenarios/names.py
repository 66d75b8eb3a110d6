"""What nations are called."""

from noroshi.run.scenarios.reading import read_nation
from noroshi.run.scenarios.sources import shipped


def nation_names() -> dict[str, str]:
    """Return the names of the nations that travel with the program, by code."""
    return {nation.code: nation.name for nation in map(read_nation, shipped("nations"))}
