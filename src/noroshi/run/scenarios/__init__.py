"""Nations and scenarios as files: read with the line of each error, checked, linted, published as schemas."""

from noroshi.run.scenarios.models import (
    Area,
    ConstellationEntry,
    FlightEntry,
    Link,
    Live,
    Measure,
    Nation,
    Objective,
    Scenario,
    SensorEntry,
    Traffic,
    WarningSection,
)
from noroshi.run.scenarios.reading import read_nation, read_scenario, traffic_path, with_inject
from noroshi.run.scenarios.sources import NoFileError, Problem, ScenarioError, shipped

__all__ = [
    "Area",
    "ConstellationEntry",
    "FlightEntry",
    "Link",
    "Live",
    "Measure",
    "Nation",
    "NoFileError",
    "Objective",
    "Problem",
    "Scenario",
    "ScenarioError",
    "SensorEntry",
    "Traffic",
    "WarningSection",
    "read_nation",
    "read_scenario",
    "shipped",
    "traffic_path",
    "with_inject",
]
