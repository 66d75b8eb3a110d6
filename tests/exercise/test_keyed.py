import numpy as np
import pytest
from scipy import stats

from noroshi.exercise.keyed import Draws

KEY = {"seed": 1, "replicate": 0, "entity": "radar|target", "purpose": "noise"}


def uniforms(*, purpose, first_look, n_looks, per_look, **names):
    return Draws(**names).uniforms(purpose, first_look=first_look, n_looks=n_looks, per_look=per_look)


def test_a_look_has_the_same_draws_whatever_else_is_asked_for():
    whole = uniforms(**KEY, first_look=0, n_looks=100, per_look=5)
    assert (uniforms(**KEY, first_look=37, n_looks=3, per_look=5) == whole[37:40]).all()


@pytest.mark.parametrize("change", [{"seed": 2}, {"replicate": 1}, {"entity": "other"}, {"purpose": "detection"}])
def test_another_name_has_other_draws(change):
    ours = uniforms(**KEY, first_look=0, n_looks=50, per_look=2)
    others = uniforms(**KEY | change, first_look=0, n_looks=50, per_look=2)
    assert not (ours == others).any()
    assert abs(np.corrcoef(ours.ravel(), others.ravel())[0, 1]) < 0.4


def test_draws_are_those_of_numpys_philox():
    """The first look is the first output of numpy's own generator under the same key."""
    import hashlib

    key = np.frombuffer(hashlib.sha256(b"1|0|radar|target|noise").digest()[:16], np.uint64)
    words = np.random.Philox(key=key, counter=np.zeros(4, np.uint64)).random_raw(4)
    expected = (np.right_shift(words, np.uint64(11)) + 0.5) * 2.0**-53
    assert (uniforms(**KEY, first_look=0, n_looks=1, per_look=4)[0] == expected).all()


def test_distributions():
    u = uniforms(**KEY, first_look=0, n_looks=20_000, per_look=1).ravel()
    assert u.min() > 0.0
    assert u.max() < 1.0
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert (
        stats.kstest(
            Draws(1, 0, "radar|target").normals("noise", first_look=0, n_looks=20_000, per_look=1).ravel(), "norm"
        ).pvalue
        > 1e-3
    )
