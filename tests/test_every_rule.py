"""Every file in `warning/rules/`, held to the room's contract. A new file is found by itself."""

import numpy as np
import pytest
from pydantic import ValidationError
from sharing_scenes import START_NS, tracks_of

from noroshi.formats.wording import CASES
from noroshi.geo.time import NS_PER_S
from noroshi.records import TrackStatus, digest
from noroshi.run import rooms
from noroshi.run.areas import areas
from noroshi.warning.core import Warner
from noroshi.warning.rules import STAGES, Finding

RULES = {key: rooms.load("warning.rules", key).Rule for key in rooms.names("warning.rules")}
every_rule = pytest.mark.parametrize("key", RULES)
HEARD_NS = {"north": START_NS - 3_600 * NS_PER_S, "south": START_NS}
HIGHEST_M = 7e6  # so far from the Earth's middle there is still air


def rules_of(key):
    """Return the rule as each of its examples has it."""
    return [
        RULES[key](name=f"use {i}", **example)
        for i, example in enumerate(RULES[key].model_config["json_schema_extra"]["examples"])
    ]


def pictures():
    """Return nobody, and tracks of all statuses and kinds, somewhere and everywhere."""
    rng = np.random.default_rng(3)
    state = rng.normal(size=(60, 6))
    state[:, :3] *= HIGHEST_M * rng.uniform(0.9, 1.0, (60, 1)) / np.linalg.norm(state[:, :3], axis=1)[:, None]
    state[:, 3:] *= 200.0
    state[:20, :3] = [-3.97e6, 3.33e6, 3.72e6]  # off Japan
    state[-1, 3:] = 0.0
    kinds = rng.dirichlet(np.full(7, 0.2), 60)
    status = rng.choice(np.array([one.value for one in TrackStatus], np.uint8), 60)
    many = tracks_of(60, state_ecef=state, kind_probability=kinds, status=status)
    return [tracks_of(0), many]


def test_there_are_rules():
    assert len(RULES) >= 2


@every_rule
def test_its_fields_are_described_and_unknown_ones_refused(key):
    for name, field in RULES[key].model_json_schema()["properties"].items():
        assert field.get("description"), name
    rule = rules_of(key)[0]
    with pytest.raises(ValidationError, match="no_such_field"):
        RULES[key](**rule.model_dump(), no_such_field=1)
    with pytest.raises(ValidationError, match="frozen"):
        rule.name = "another"


@every_rule
def test_it_finds_the_same_each_time_and_changes_nothing(key):
    for rule in rules_of(key):
        for picture in pictures():
            before, heard_ns = digest(picture), dict(HEARD_NS)
            found = rule.look(picture, heard_ns, START_NS)
            assert all(type(each) is Finding for each in found)
            assert len({each.key for each in found}) == len(found)
            assert all(each.key and each.code and each.name for each in found)
            assert rule.look(picture, heard_ns, START_NS) == found
            assert (digest(picture), heard_ns) == (before, HEARD_NS)
            assert {each.number for each in found} <= {0, *picture.track_id.tolist()}
        assert all(type(sensor) is str for sensor in rule.awaited())


@every_rule
def test_what_it_finds_is_told_and_is_over_when_it_is_not_found_any_more(key):
    for rule in rules_of(key):
        warner = Warner("JPN", areas(), rules=[rule])
        for sensor, heard_ns in HEARD_NS.items():
            warner.hear(sensor, heard_ns)
        for i, picture in enumerate([*pictures(), *pictures()]):
            for proposal in warner.look(picture, START_NS + i * NS_PER_S).proposals:
                assert proposal.hazard in STAGES


def test_there_are_words_for_all_that_rules_may_tell():
    for hazard, stages in STAGES.items():
        assert {stage.name.lower() for stage in stages} <= set(CASES[hazard])
