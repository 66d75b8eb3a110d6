"""What a sensor sees whose type has no observer: what its own node believes, in exercises and in measures."""

import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # observer_scenes
from observer_scenes import START_NS, local, site, world

from noroshi.exercise import believed
from noroshi.exercise.sights import Target, ground_sight, is_sighted
from noroshi.fusion import Settings
from noroshi.geo.time import NS_PER_S
from noroshi.run import rooms
from noroshi.run.exercises.staging import cast
from noroshi.run.exercises.visible import visible
from noroshi.run.observing import observer_of, types
from noroshi.run.scenarios import ScenarioError, read_nation, read_scenario
from noroshi.run.sharing import fusion_settings
from noroshi.sensors.search_radar import Sensor

NATION = """
name = "Newcomer"
code = "NEW"
[[sensors]]
name = "new-radar"
type = "their_radar"
lat_deg = 36.0
lon_deg = 141.0
height_m = 100.0
"""


@pytest.fixture
def their_radar(monkeypatch):
    """Bring a type of sensor by another package: a plain radar under a name of theirs, and no observer."""
    brought = {"sensors": [EntryPoint("their_radar", "noroshi.sensors.search_radar", "noroshi.sensors")]}
    monkeypatch.setattr(rooms, "_entries", lambda room: EntryPoints(brought.get(room, [])))
    rooms.load.cache_clear()
    yield
    rooms.load.cache_clear()


def test_its_plots_are_as_often_and_as_exact_as_its_node_believes():
    targets = [local(f"t{k}", [20e3 + 9e3 * k, 40e3, 8e3], [50.0, 20.0, 0.0], number=k + 1) for k in range(6)]
    own = world(targets, seconds=3_000)
    sensor = Sensor.at(site("search_radar", scan_period_s=2.0, detection_probability=0.7))
    plots = (
        believed.Observer().watch(own, site("search_radar"), sensor, None).observe(START_NS, START_NS + 600 * NS_PER_S)
    )
    n = 6 * 300
    assert abs(len(plots.detections) - 0.7 * n) < 4.0 * np.sqrt(n * 0.21)
    error = np.empty_like(plots.detections.values)
    for target in targets:
        rows = plots.owner == target.name
        states = target.at(plots.detections.time_ns[rows])
        error[rows] = plots.detections.values[rows] - sensor.measure(
            states, np.tile(sensor.origin_ecef_m, (rows.sum(), 1))
        )
    noise = sensor.noise(plots.detections.values)[0].diagonal()
    np.testing.assert_allclose(error.var(axis=0) / noise, 1.0, atol=5.0 * np.sqrt(2.0 / len(error)))
    twice = believed.Observer(noise_factor=2.0, detection_factor=0.5, false_plots_per_look=3.0)
    worse = twice.watch(own, site("search_radar"), sensor, None).observe(START_NS, START_NS + 600 * NS_PER_S)
    assert (worse.owner != "").sum() < 0.6 * len(plots.detections)
    assert (worse.owner == "").any()


def test_a_nation_has_one_by_one_file(their_radar, tmp_path):
    assert "their_radar" in types()
    assert observer_of("their_radar") is believed.Observer
    assert "local_position" not in types()
    path = tmp_path / "new.toml"
    path.write_text(NATION)
    (sensor,) = read_nation(path).sensors
    assert sensor.observer == believed.Observer()
    assert not is_sighted(sensor.observer)
    assert ground_sight("x", "NEW", np.zeros(3), sensor.observer, Target()) is None
    path.write_text(NATION + "world = { noise_facto = 2.0 }\n")
    with pytest.raises(ScenarioError, match="noise_facto: no such key; did you mean 'noise_factor'"):
        read_nation(path)


def test_when_it_could_have_seen_a_flight_is_what_its_node_believes(their_radar, tmp_path):
    (tmp_path / "new.toml").write_text(NATION)
    everything = cast(read_scenario("first_steps", [tmp_path / "new.toml"]))
    end_ns = everything.world.end_ns
    spans = visible(everything, everything.bodies[:1], end_ns)["NEW", everything.bodies[0].name]
    assert (np.diff(spans) > 30 * NS_PER_S).all()
    assert len(spans) == 1


def test_what_partners_say_fed_their_tracks_may_be_a_new_type(their_radar):
    """A track whose sources are told by type alone is doubted where the type is none; one that is added is one."""
    assert fusion_settings().types == ("infrared", *sorted({*Settings().types, "their_radar"} - {"infrared"}))


def test_without_a_new_type_fusion_is_as_it_was():
    assert fusion_settings() == Settings()
