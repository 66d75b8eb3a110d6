"""A link that is cut and nodes that are killed meanwhile: nothing missing, nothing twice, the newest at once.

What `bench/cut_links.py` does fifty times, a few times.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from cut_links import VARIANTS, repetition


@pytest.mark.parametrize(("seed", "cut_s", "variant"), [(1, 5.0, 0), (2, 5.0, 2), (3, 60.0, 1)])
def test_nothing_is_missing_and_nothing_takes_effect_twice(seed, cut_s, variant):
    found = repetition(seed, cut_s, VARIANTS[variant])
    assert found["kills"] == 1 + (variant == 1)
    assert found["released"] > 100
    assert found["warnings"] >= 6
    wrong = {name: n for name, n in found.items() if name.startswith(("missing", "never", "twice", "warnings "))}
    assert len(wrong) == 8
    assert not any(wrong.values())
    assert found["picture back JPN at USA s"] <= 1.0
    assert found["picture back USA at JPN s"] <= 1.0
