"""Names to code: a plug-in is a file in its room, and the file's name is its key.

Parts of other packages come in through entry points of the group `noroshi.<room>`. Nothing is imported until asked for.
"""

import importlib
import importlib.util
import pkgutil
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from types import ModuleType

MARKS = {
    "sensors": "Sensor",
    "motion": "Motion",
    "tracking.trackers": "Tracker",
    "formats": "MEDIA",
    "assessment": "NAMES",
    "exercise.movers": "Mover",
    "exercise.observers": "Observer",
    "sharing.actions": "Action",
    "warning.rules": "Rule",
    "run.edges": "Edge",
    "run.feeds": "Feed",
    "run.links": "Settings",
    "run.outlets": "Outlet",
}
"""What a plug-in of each room defines; a file without it is shared by its neighbours and no plug-in itself."""


class UnknownNameError(ValueError):
    """A configuration names a part that does not exist. The message lists those that do."""


@cache
def _entries(room: str) -> EntryPoints:
    """Return what other packages bring; looked for once, since it means reading what every package says of itself."""
    return entry_points(group=f"noroshi.{room}")


def names(room: str) -> tuple[str, ...]:
    """Return the keys of a room's plug-ins, sorted."""
    package = importlib.import_module(f"noroshi.{room}")
    found = [module.name for module in pkgutil.iter_modules(package.__path__)]
    inside = [name for name in found if hasattr(importlib.import_module(f"noroshi.{room}.{name}"), MARKS[room])]
    return tuple(sorted({*inside, *(entry.name for entry in _entries(room))}))


def load(room: str, key: str) -> ModuleType:
    """Return the module of one plug-in.

    Raises:
        UnknownNameError: if the room has none of that name.
    """
    for entry in _entries(room):
        if entry.name == key:
            module = entry.load()
            if not isinstance(module, ModuleType):
                raise UnknownNameError(f"entry point '{key}' of noroshi.{room} is not a module")
            return module
    if key.isidentifier() and importlib.util.find_spec(f"noroshi.{room}.{key}"):
        module = importlib.import_module(f"noroshi.{room}.{key}")
        if hasattr(module, MARKS[room]):
            return module
    raise UnknownNameError(f"no '{key}' in {room}; there are: {', '.join(names(room))}")
