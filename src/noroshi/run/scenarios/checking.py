"""Tables to models, and pydantic's findings to lines that a person can act on."""

import types
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from noroshi.run.scenarios.positions import Path
from noroshi.run.scenarios.sources import Problem, Source, as_json, choices

Model = TypeVar("Model", bound=BaseModel)

TOML_WORDS = {
    "a valid array": "a list in brackets",
    "an object": "a table",
    "a valid string": "a text in quotes",
    "a valid boolean": "true or false",
    "a valid integer": "a whole number",
    "a valid number": "a number",
}
SHOWN_MAX = 40  # characters of a wrong value in a message


def checked(
    model: type[Model], table: Mapping[str, Any], source: Source, path: Path, problems: list[Problem]
) -> Model | None:
    """Return a table as a model; else None, with what is wrong appended to `problems`."""
    try:
        return model.model_validate_json(as_json(table), strict=True)
    except ValidationError as error:
        problems += _told(model, error, source, path)
        return None


def _told(model: type[BaseModel], error: ValidationError, source: Source, path: Path) -> list[Problem]:
    """Return each finding at its key; of several at one key (the branches of a choice) the first."""
    found: dict[Path, Problem] = {}
    details = [each for each in error.errors(include_url=False, include_context=True) if not _follows(each)]
    for detail in sorted(details, key=lambda each: each["type"] != "extra_forbidden"):  # a slip before what it left out
        where = _place(source, path, detail)
        missing = detail["type"] == "missing"
        left_out = [
            each["loc"][-1] for each in details if each["type"] == "missing" and each["loc"][:-1] == detail["loc"][:-1]
        ]
        meant = [each.message for each in found.values()] if missing else []
        if not any(f"'{detail['loc'][-1]}'?" in message for message in meant):
            found.setdefault(
                (*where, "") if missing else where, source.problem(where, _message(model, detail, left_out))
            )
    return list(found.values())


def _follows(detail: ErrorDetails) -> bool:
    """Return whether a list is only too short because its elements are wrong, which is told by itself."""
    if detail["type"] != "too_short" or not isinstance(detail["input"], list | tuple):
        return False
    return len(detail["input"]) >= int(detail["ctx"]["min_length"])


def _place(source: Source, path: Path, detail: ErrorDetails) -> Path:
    """Return the path of a finding in the file, without the steps that only pydantic knows (branches of a choice)."""
    where, at = path, _at(source.table, path)
    for step in detail["loc"]:
        if (isinstance(at, dict) and step in at) or (isinstance(at, list) and isinstance(step, int)):
            where, at = (*where, step), _at(at, (step,))
    return where


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _message(model: type[BaseModel], detail: ErrorDetails, left_out: Sequence[int | str]) -> str:
    """Return what is wrong, and what to do; `left_out` are the keys that the same table should have and has not."""
    key = str(detail["loc"][-1]) if detail["loc"] else ""
    fields = _fields_at(model, detail["loc"][:-1])
    about = f" ({fields[key].description})" if key in fields and fields[key].description else ""
    if detail["type"] == "missing":
        return f"{key} is missing: add it{about}"
    if detail["type"] == "extra_forbidden":
        meant = str(left_out[0]) if len(left_out) == 1 else key
        return f"no such key; {choices(key if '?' in choices(key, list(fields)) else meant, list(fields))}"
    if detail["type"] in ("value_error", "assertion_error"):
        return detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if detail["type"] == "too_short":
        return f"has {len(detail['input'])}: give at least {detail['ctx']['min_length']}{about}"
    shown = _shown(detail["input"])
    if detail["type"] == "timezone_aware":
        return f"is {shown}, in no time zone: put a Z behind it for UTC{about}"
    if isinstance(detail["input"], dict) and detail["type"] in ("tuple_type", "list_type"):
        return f"is a single table: write [[{key}]], one for each"
    wanted = detail["msg"].replace("Input should", "it should").replace("String should", "it should")
    for theirs, ours in TOML_WORDS.items():
        wanted = wanted.replace(theirs, ours)
    return f"is {shown}: {wanted[:1].lower()}{wanted[1:]}{about}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _fields_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> Mapping[str, Any]:
    """Return the fields of the table at a location within a model; none if it is no table of fixed keys."""
    models: list[type[BaseModel]] = [model]
    for step in loc:
        if isinstance(step, str):
            inner = [each.model_fields[step].annotation for each in models if step in each.model_fields]
            models = [found for annotation in inner for found in _models_in(annotation)] or models
    return {name: field for each in models for name, field in each.model_fields.items()}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that an annotation mentions."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    if get_origin(annotation) in (Union, types.UnionType, tuple, list, dict) or hasattr(annotation, "__metadata__"):
        return [found for each in get_args(annotation) for found in _models_in(each)]
    return []
