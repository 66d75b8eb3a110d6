"""Every outlet of the room, held to its contract: a new file is found by itself."""

import inspect

import pytest

from noroshi.run import rooms
from noroshi.run.outlets import MEDIA

OUTLETS = {name: rooms.load("run.outlets", name).Outlet for name in rooms.names("run.outlets")}
every_outlet = pytest.mark.parametrize("name", OUTLETS)


def test_there_are_outlets():
    assert {"file", "http_post"} <= set(OUTLETS)


@every_outlet
def test_it_takes_messages_of_exercises_alone(name):
    """The type says so, and nothing in its constructor could ask for anything else."""
    assert inspect.signature(OUTLETS[name].send).parameters["message"].annotation.__name__ == "ExerciseMessage"
    asked = inspect.signature(OUTLETS[name]).parameters
    assert all(one.kind is inspect.Parameter.KEYWORD_ONLY for one in asked.values())
    assert not [one for one in asked if "status" in one or "live" in one or "actual" in one]
    assert asked["medium"].default in MEDIA


@every_outlet
def test_it_is_set_up_by_somebody_or_not_at_all(name):
    """Where to has no default: nothing is sent anywhere unless somebody says where."""
    asked = inspect.signature(OUTLETS[name]).parameters
    assert [one for one in asked.values() if one.default is inspect.Parameter.empty]
    with pytest.raises(TypeError):
        OUTLETS[name]()
