"""Names to code: a plug-in is a file in its room, and the file's name is its key.

Parts of other packages come in through entry points of the group `noroshi.<room>`. Nothing is imported until asked for.
"""

import importlib
import importlib.util
import inspect
import pkgutil
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from types import ModuleType
from typing import Any, ClassVar, get_origin

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

CONTRACTS = {
    "sensors": ("noroshi.sensors", "Sensor"),
    "motion": ("noroshi.motion", "Motion"),
    "tracking.trackers": ("noroshi.tracking", "Tracker"),
    "exercise.movers": ("noroshi.exercise.movers", "Mover"),
    "exercise.observers": ("noroshi.exercise.observers", "Observer"),
    "sharing.actions": ("noroshi.sharing.actions", "Change"),
    "warning.rules": ("noroshi.warning.rules", "Base"),
    "run.edges": ("noroshi.run.edges", "Edge"),
    "run.feeds": ("noroshi.run.feeds", "Feed"),
    "run.outlets": ("noroshi.run.outlets", "Outlet"),
}
"""What the marked class of each of these rooms has to have; `tests/test_every_*.py` look at what it does."""

BESIDE = {"tracking.trackers": ("Parameters",), "assessment": ("PERFECT", "measure")}
"""What else a module of these rooms holds."""


class UnknownNameError(ValueError):
    """A configuration names a part that does not exist. The message lists those that do."""


class PartError(ValueError):
    """A part is there and cannot be used. The message, one line, says which file, what it lacks and what to do."""


@cache
def _entries(room: str) -> EntryPoints:
    """Return what other packages bring; looked for once, since it means reading what every package says of itself."""
    return entry_points(group=f"noroshi.{room}")


def names(room: str) -> tuple[str, ...]:
    """Return the keys of a room's plug-ins, sorted.

    Raises:
        PartError: if a file of the room cannot be imported.
    """
    package = importlib.import_module(f"noroshi.{room}")
    found = [module.name for module in pkgutil.iter_modules(package.__path__)]
    inside = [name for name in found if _is_part(room, _module(room, name))]
    return tuple(sorted({*inside, *(entry.name for entry in _entries(room))}))


@cache
def load(room: str, key: str) -> ModuleType:
    """Return the module of one plug-in.

    Raises:
        UnknownNameError: if the room has none of that name.
        PartError: if it cannot be imported, lacks what its room asks of it, or is there twice.
    """
    entries = [entry for entry in _entries(room) if entry.name == key]
    is_inside = key.isidentifier() and importlib.util.find_spec(f"noroshi.{room}.{key}") is not None
    module = _module(room, key) if is_inside else None
    if module is not None and not _is_part(room, module):
        module = None
    there = ["noroshi itself"] * (module is not None) + sorted({entry.value for entry in entries})
    if len(there) > 1:
        raise PartError(f"'{key}' in {room} is there twice, in {' and in '.join(there)}: give one another name")
    for entry in entries[:1]:
        try:
            found = entry.load()
        except Exception as error:
            raise PartError(f"'{key}' in {room}: {entry.value} cannot be imported: {_told(error)}") from error
        if not isinstance(found, ModuleType):
            raise PartError(f"entry point '{key}' of noroshi.{room} is {entry.value}, not a module: name its module")
        module = found
    if module is None:
        raise UnknownNameError(f"no '{key}' in {room}; there are: {', '.join(names(room))}")
    if lacking := _lacking(room, module):
        raise PartError(f"'{key}' in {room} ({module.__file__}): {lacking}")
    return module


def _is_part(room: str, module: ModuleType) -> bool:
    """Return whether a file has its room's mark; one that merely imports the contract has not."""
    mark = getattr(module, MARKS[room], None)
    return mark is not None and mark is not _contract(room)


def _contract(room: str) -> Any:
    where, name = CONTRACTS.get(room, (f"noroshi.{room}", ""))
    return getattr(importlib.import_module(where), name, None)


def _module(room: str, name: str) -> ModuleType:
    """Return a file of a room, be it a plug-in or not."""
    try:
        return importlib.import_module(f"noroshi.{room}.{name}")
    except Exception as error:
        place = f"noroshi/{room.replace('.', '/')}/{name}.py"
        raise PartError(f"'{name}' in {room}: {place} cannot be imported: {_told(error)}") from error


def _told(error: Exception) -> str:
    """Return an error with its type, and the line where it was raised, which a part's author looks for first."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    line = "" if last is None else f", line {last.tb_lineno} of {last.tb_frame.f_code.co_filename}"
    return f"{type(error).__name__}: {error}{'' if isinstance(error, SyntaxError) else line}"


def _lacking(room: str, module: ModuleType) -> str:
    """Return what a module lacks that its room asks of it, and where that is written; "" if nothing."""
    mark = MARKS[room]
    absent = [name for name in (mark, *BESIDE.get(room, ())) if not hasattr(module, name)]
    if absent:
        return f"has no {', '.join(absent)}; noroshi/{room.replace('.', '/')}/__init__.py says what is needed"
    if room not in CONTRACTS:
        return ""
    where, name = CONTRACTS[room]
    contract, part = _contract(room), getattr(module, mark)
    told = f"see class {name} in {where.replace('.', '/')}/__init__.py"
    if not inspect.isclass(part):
        return f"{mark} is no class; {told}"
    if not getattr(contract, "_is_protocol", False) and not issubclass(part, contract):
        return f"class {mark} is no subclass of {name}; {told}"
    absent = [each for each in _asked(contract) if not hasattr(part, each)]
    absent += sorted(getattr(part, "__abstractmethods__", ()))
    return f"class {mark} has no {', '.join(absent)}; {told}" if absent else ""


def _asked(contract: Any) -> list[str]:
    """Return the names that a contract asks of a class: its methods and class variables, not what instances have."""
    hints = vars(contract).get("__annotations__", {})
    variables = [name for name, hint in hints.items() if get_origin(hint) is ClassVar]
    methods = [
        name
        for name, value in vars(contract).items()
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, classmethod | staticmethod))
    ]
    return [*variables, *methods]
