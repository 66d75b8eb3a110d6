"""Each action of a release rule keeps to the contract in `noroshi.sharing.actions`."""

import numpy as np
import pytest
from sharing_scenes import SECRET, SENSORS, START_NS, tracks_of

from noroshi.records import check, digest, take
from noroshi.run import rooms
from noroshi.sharing.actions import Change, Means
from noroshi.sharing.coarsen import Coarsener
from noroshi.sharing.release import without_idle_sensors

ACTIONS = rooms.names("sharing.actions")
LEAST = {"integer": 1, "number": 1.0}


def least_of(kind):
    """Return the action with the least that its schema asks for."""
    said = {}
    for name, field in kind.model_json_schema()["properties"].items():
        if name in kind.model_json_schema().get("required", ()):
            said[name] = [field["items"]["enum"][0]] if field["type"] == "array" else LEAST[field["type"]]
    return kind.model_validate(said)


@pytest.fixture(params=ACTIONS)
def action(request):
    return least_of(rooms.load("sharing.actions", request.param).Action)


def test_it_is_a_change_and_says_what_its_fields_are(action):
    assert isinstance(action, Change)
    assert all(field.description for field in type(action).model_fields.values())
    with pytest.raises(ValueError, match="extra"):
        type(action).model_validate({"no_such_field": 1})


@pytest.mark.parametrize("n", [0, 1, 50])
def test_it_keeps_rows_and_numbers_and_writes_nothing(action, n):
    tracks, means = tracks_of(n), Means(Coarsener(SECRET), SENSORS)
    before, never = digest(tracks), np.full(n, np.iinfo(np.int64).min)
    chosen = action.choose(tracks.track_id, tracks.time_ns, np.zeros(n, bool), never)
    assert chosen is None or (chosen.shape, chosen.dtype) == ((n,), np.bool_)
    assert chosen is None or chosen.all(), "what was never told of is told of"
    now = np.full(n, START_NS)
    assert (action.due(tracks.time_ns, now) >= now).all()
    shown = check(action.change(tracks, means))
    assert np.array_equal(shown.track_id, tracks.track_id)
    assert digest(shown) == digest(action.change(tracks, means))
    assert digest(tracks) == before


def test_rows_do_not_depend_on_their_neighbours(action):
    """But for the names of the sensors that a batch speaks of."""
    tracks, means = tracks_of(20), Means(Coarsener(SECRET), SENSORS)
    whole = action.change(tracks, means)
    for row in range(20):
        alone = action.change(take(tracks, np.array([row])), means)
        assert digest(without_idle_sensors(alone)) == digest(without_idle_sensors(take(whole, np.array([row]))))
