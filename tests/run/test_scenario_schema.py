"""The published schemas: current, valid by an independent implementation, and true of the shipped files."""

import datetime
import importlib.util
import json
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from noroshi.run.scenarios import shipped
from noroshi.run.scenarios.schema import schema
from noroshi.run.scenarios.sources import read_source

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "schema"
ROOMS = ["nations", "scenarios"]
FILES = [(room, name) for room in ROOMS for name in shipped(room)]


def plain(value):
    """Return a parsed TOML file as JSON has it."""
    return json.loads(json.dumps(value, default=datetime.datetime.isoformat))


@pytest.fixture(scope="module")
def validators():
    return {room: Draft202012Validator(schema(room)) for room in ROOMS}


def made():
    """Return what the script that makes the schemas and the reference page would write, by place."""
    spec = importlib.util.spec_from_file_location("make_schemas", ROOT / "scripts/make_schemas.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


@pytest.mark.parametrize(("place", "text"), made().items(), ids=lambda value: getattr(value, "name", ""))
def test_what_is_published_is_current(place, text):
    assert place.read_text() == text, "run: uv run scripts/make_schemas.py"


@pytest.mark.parametrize("room", ROOMS)
def test_a_published_schema_is_one(room):
    Draft202012Validator.check_schema(schema(room))


@pytest.mark.parametrize(("room", "name"), FILES)
def test_a_shipped_file_is_valid_and_points_to_its_schema(validators, room, name):
    source = read_source(room, name)
    assert [error.message for error in validators[room].iter_errors(plain(source.table))] == []
    pointer = source.text.splitlines()[0].removeprefix("#:schema ")
    assert (source.folder / pointer).resolve() == FOLDER / f"{room.removesuffix('s')}.schema.json"


@pytest.mark.parametrize(
    ("room", "name", "old", "new"),
    [
        ("scenarios", "first_steps", "seed = 1", "sed = 1"),
        ("scenarios", "first_steps", "seed = 1", 'seed = "1"'),
        ("scenarios", "first_steps", "lat_deg = 35.2", "lat_deg = 352.0"),
        ("scenarios", "first_steps", 'mover = "aircraft"', 'mover = "airplane"'),
        ("scenarios", "first_steps", 'what = "sensor_off"', 'what = "sensor_on"'),
        ("scenarios", "first_steps", 'measure = "background_tracked"', 'measure = "luck"'),
        ("nations", "one_site", "scan_time_s = 10.0", "scan_tim_s = 10.0"),
        ("nations", "one_site", "scan_period_s = 10.0", "scan_perio_s = 10.0"),
        ("nations", "one_site", 'type = "search_radar"', 'type = "radar"'),
    ],
)
def test_an_editor_is_told_of_a_slip(validators, room, name, old, new):
    text = read_source(room, name).text
    assert old in text
    assert list(validators[room].iter_errors(plain(tomllib.loads(text.replace(old, new)))))


@pytest.mark.parametrize("room", ROOMS)
def test_every_field_is_described(room):
    """Return nothing: an editor shows the description, so each has one."""
    silent = [
        f"{name}.{key}"
        for name, table in schema(room)["$defs"].items()
        for key, value in table.get("properties", {}).items()
        if not {"description", "const", "$ref"} & set(value) and not name.startswith("Believed_")
    ]
    assert [each for each in silent if not each.endswith((".transponder", ".mean", ".sigma", ".low", ".high"))] == []
