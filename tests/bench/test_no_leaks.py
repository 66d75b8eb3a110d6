"""Nothing denied is in any byte that a partner could get hold of; and the hunt finds what is there to be found."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from leak_parts.hunt import hunt

from noroshi.node import contents, exchange
from noroshi.sharing import release
from noroshi.sharing.actions.coarsen import Action as Coarsen
from noroshi.sharing.actions.strip import Action as Strip
from noroshi.sharing.rules import Policy


@pytest.mark.parametrize("first", [1, 7, 13, 19])
def test_random_rule_sets_leak_nothing(tmp_path, first):
    for seed in range(first, first + 6):
        (tmp_path / str(seed)).mkdir()
        found = hunt(seed, tmp_path / str(seed))
        assert found.leaks == []
        assert found.counts["canaries denied"] > 1_000


def leaks_of(tmp_path, seeds):
    for seed in seeds:
        (tmp_path / str(seed)).mkdir()
        if leaks := hunt(seed, tmp_path / str(seed)).leaks:
            return leaks
    return []


@pytest.mark.parametrize(
    ("what", "name", "instead"),
    [
        (contents, "without_idle_sensors", lambda tracks: tracks),
        (Strip, "change", lambda self, tracks, means: tracks),
        (Coarsen, "change", lambda self, tracks, means: tracks),
        (release, "of_unknown_sensor", lambda facts: facts.tracks.sources[:, 0] & False),
        (exchange, "still_valid", lambda old, new, recipient: frozenset(rule.name for rule in old.rules)),
        (Policy, "rules_for", lambda self, recipient: tuple(range(len(self.rules)))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_hunt_finds_a_hole(tmp_path, monkeypatch, what, name, instead):
    monkeypatch.setattr(what, name, instead)
    assert leaks_of(tmp_path, range(1, 13))
