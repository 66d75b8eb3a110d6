"""Names to code: parts of our own and of other packages, and what is told of those that cannot be used."""

import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest

from noroshi.run import rooms

GOOD_RULE = """
from noroshi.warning.rules import Base

class Rule(Base):
    def look(self, picture, heard_ns, now_ns):
        return []
"""


@pytest.fixture
def bring(tmp_path, monkeypatch):
    """Return a function that makes a module of somebody else's package and names it in a room."""
    monkeypatch.syspath_prepend(tmp_path)
    brought = {}
    monkeypatch.setattr(rooms, "_entries", lambda room: EntryPoints(brought.get(room, [])))

    def bring(room, key, text, *, module="their_part"):
        (tmp_path / f"{module}.py").write_text(text)
        monkeypatch.delitem(sys.modules, module, raising=False)
        brought.setdefault(room, []).append(EntryPoint(key, module, f"noroshi.{room}"))

    rooms.load.cache_clear()
    yield bring
    rooms.load.cache_clear()


@pytest.mark.parametrize("room", rooms.MARKS)
def test_every_part_of_ours_can_be_used(room):
    assert all(rooms.load(room, key) for key in rooms.names(room))


def test_what_merely_imports_a_contract_is_no_part():
    assert "rows" not in rooms.names("sensors")
    with pytest.raises(rooms.UnknownNameError, match="there are: infrared"):
        rooms.load("sensors", "rows")


def test_a_part_of_another_package_is_named_and_found(bring):
    bring("warning.rules", "their_rule", GOOD_RULE)
    assert "their_rule" in rooms.names("warning.rules")
    assert rooms.load("warning.rules", "their_rule").Rule(name="x").look(None, {}, 0) == []


@pytest.mark.parametrize(
    ("room", "text", "told"),
    [
        ("sensors", "class Sensor: PARAMETERS = {}", "class Sensor has no COMPONENTS, .*measure.*; see"),
        ("motion", "class Motion: pass", "class Motion has no KIND, .*predict; see class Motion in noroshi/motion/"),
        ("tracking.trackers", "class Tracker: pass", "has no Parameters; noroshi/tracking/trackers/__init__.py says"),
        ("warning.rules", "class Rule: pass", "class Rule is no subclass of Base; see class Base"),
        ("warning.rules", GOOD_RULE.replace("look", "lock"), "class Rule has no look; see class Base"),
        ("assessment", "NAMES = ('x_m',)", "has no PERFECT, measure"),
        ("run.outlets", "Outlet = 3", "Outlet is no class"),
        ("formats", "import no_such_package", "cannot be imported: ModuleNotFoundError: .*no_such.*, line 1 of"),
        ("formats", "def (", "cannot be imported: SyntaxError"),
    ],
)
def test_a_part_that_cannot_be_used_says_in_one_line_what_it_lacks(bring, room, text, told):
    bring(room, "theirs", text)
    with pytest.raises(rooms.PartError, match=f"'theirs' in {room}.*{told}") as raised:
        rooms.load(room, "theirs")
    assert "\n" not in str(raised.value)


def test_a_name_that_is_there_twice_is_refused_and_not_chosen_from(bring):
    bring("warning.rules", "zone_entry", GOOD_RULE)
    with pytest.raises(rooms.PartError, match="there twice, in noroshi itself and in their_part: give one"):
        rooms.load("warning.rules", "zone_entry")
    bring("warning.rules", "new", GOOD_RULE)
    bring("warning.rules", "new", GOOD_RULE, module="their_other_part")
    with pytest.raises(rooms.PartError, match="in their_other_part and in their_part"):
        rooms.load("warning.rules", "new")
