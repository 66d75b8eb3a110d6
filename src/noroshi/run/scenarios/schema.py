"""The published JSON Schemas of nations and scenarios, made from the models and the plug-ins' own."""

import functools
import operator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from noroshi.exercise.injects import KINDS
from noroshi.run import observing, rooms
from noroshi.run.scenarios import measures
from noroshi.run.scenarios.models import (
    ConstellationSection,
    Measure,
    NationFile,
    Objective,
    ScenarioFile,
    Section,
    SensorSection,
    flight_section,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(room: str) -> dict[str, Any]:
    """Return the schema of a file of a room, "nations" or "scenarios"."""
    model = {"nations": _nation, "scenarios": _scenario}[room]()
    return {"$schema": DIALECT, **model.model_json_schema()}


def _scenario() -> type[BaseModel]:
    known: Any = Literal[tuple(sorted(measures.known()))]
    motions = ", ".join(rooms.names("motion"))
    trackers: Any = Literal[rooms.names("tracking.trackers")]
    return create_model(
        "Scenario",
        __base__=ScenarioFile,
        __doc__=ScenarioFile.__doc__,
        flights=_list(ScenarioFile, "flights", _flights()),
        injects=_list(ScenarioFile, "injects", _one_of(list(KINDS.values()), by="what")),
        motion=(
            str | None,
            Field(
                default=None,
                description=f"Of the trackers, joined by +; if absent what suits each node's sensors: {motions}.",
            ),
        ),
        tracker=(trackers, Field(default="soft", description="Of the nodes.")),
        measures=_list(
            ScenarioFile,
            "measures",
            create_model(
                "Measured", __base__=Measure, __doc__=Measure.__doc__, name=(known, Field(description="Which measure."))
            ),
        ),
        objectives=_list(
            ScenarioFile,
            "objectives",
            create_model(
                "Aimed",
                __base__=Objective,
                __doc__=Objective.__doc__,
                measure=(known, Field(description="One of the scenario's measures.")),
            ),
        ),
    )


def _nation() -> type[BaseModel]:
    types = observing.types()
    return create_model(
        "Nation",
        __base__=NationFile,
        __doc__=NationFile.__doc__,
        sensors=_list(NationFile, "sensors", _one_of([_of_type(key, SensorSection) for key in types], by="type")),
        constellations=_list(
            NationFile, "constellations", _one_of([_of_type(key, ConstellationSection) for key in types], by="type")
        ),
        flights=_list(NationFile, "flights", _flights()),
    )


def _flights() -> Any:
    """Return each mover's own fields with the two that every entry has."""
    movers = {key: rooms.load("exercise.movers", key).Mover for key in rooms.names("exercise.movers")}
    return _one_of([flight_section(key, mover) for key, mover in movers.items()], by="mover")


def _of_type(key: str, section: type[Section]) -> type[BaseModel]:
    """Return the section of one type of sensor, with the type's own parameters and world."""
    sensor = rooms.load("sensors", key).Sensor
    observer = observing.observer_of(key)
    numbers: dict[str, Any] = {name: (float, value) for name, value in sensor.PARAMETERS.items()}
    believed = create_model(f"Believed_{key}", __base__=Section, __doc__=sensor.__doc__, **numbers)
    fields: dict[str, Any] = {
        "type": (Literal[key], Field(description="How its node takes it to see.")),
        "parameters": (believed, Field(default={}, description="What its node believes, SI and radians.")),
        "world": (observer, Field(default={}, description="How it truly behaves.")),
    }
    if section is ConstellationSection:
        mover = rooms.load("exercise.movers", "constellation").Mover
        fields["orbit"] = (mover, Field(description="The pattern of orbits."))
    return create_model(f"{section.__name__}_{key}", __base__=section, __doc__=section.__doc__, **fields)


def _one_of(models: list[Any], *, by: str) -> Any:
    """Return the choice among models by the value of one field."""
    union = functools.reduce(operator.or_, models)
    return Annotated[union, Field(discriminator=by)] if len(models) > 1 else union


def _list(base: type[Section], field: str, item: Any) -> Any:
    """Return a field for several of one kind, described as in the model that is read."""
    return (tuple[item, ...], Field(default=(), description=base.model_fields[field].description))
