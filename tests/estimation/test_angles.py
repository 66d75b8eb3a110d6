import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noroshi.estimation.angles import difference, wrap


@given(st.floats(-1e4, 1e4))
def test_wrapped_angles_are_the_same_direction_in_range(angle):
    wrapped = wrap(np.array([angle]))[0]
    assert -np.pi < wrapped <= np.pi
    assert np.cos(wrapped) == pytest.approx(np.cos(angle), abs=2e-12)
    assert np.sin(wrapped) == pytest.approx(np.sin(angle), abs=2e-12)


@given(st.floats(-np.pi, np.pi, exclude_min=True))
def test_angles_in_range_are_left_alone(angle):
    assert wrap(np.array([angle]))[0] == angle


@pytest.mark.parametrize(
    "angle", [-np.pi, np.nextafter(np.pi, 4.0), np.nextafter(-np.pi, -4.0), 3.0 * np.pi, -3.0 * np.pi, -1e-300]
)
def test_the_seam(angle):
    wrapped = wrap(np.array([angle]))[0]
    assert -np.pi < wrapped <= np.pi
    assert np.sin(wrapped) == pytest.approx(np.sin(angle), abs=1e-15)


def test_only_the_named_components_wrap():
    a, b = np.array([[3.0, 3.0]]), np.array([[-3.0, -3.0]])
    for array in (a, b):
        array.setflags(write=False)
    np.testing.assert_allclose(difference(a, b, np.array([True, False])), [[6.0 - 2.0 * np.pi, 6.0]], atol=1e-15)
