"""Types of sensors without kernels of their own: what is unknown of a state bends their measurements."""

import numpy as np
import pytest

from noroshi.geo.wgs84 import ecef_from_enu, enu_axes_at
from noroshi.records import Detections, SensorSite
from noroshi.sensors.prepare import arrange
from noroshi.sensors.rows import form_of, linearise
from noroshi.sensors.search_radar import Sensor as Radar

SITE = SensorSite(sensor="one", type="one", lat_rad=0.6, lon_rad=2.4, height_m=0.0)
N = 200_000


class Plain:
    """The radar without its kernels, as somebody who adds a type writes it."""

    def __init__(self, radar):
        self._radar = radar

    def __getattr__(self, name):
        if name in ("form", "linearise", "begin"):
            raise AttributeError(name)
        return getattr(self._radar, name)


@pytest.mark.parametrize("component", [0, 4])
def test_the_bend_is_that_of_a_sample(component):
    """Range, and range rate: mean and variance over states of which 2 km of height and 150 m/s are unknown."""
    sensor = Plain(Radar.at(SITE))
    origin = sensor.origin_ecef_m[None]
    axes = enu_axes_at(origin)[0]
    mean = np.concatenate([ecef_from_enu(np.array([30e3, 25e3, 9e3]), origin[0]), np.array([150.0, 90.0, 0.0]) @ axes])
    local = np.kron(np.diag([1.0, 0.0]), np.diag([200.0, 200.0, 2_000.0]) ** 2)
    local += np.kron(np.diag([0.0, 1.0]), np.diag([150.0, 150.0, 20.0]) ** 2)
    both = np.kron(np.eye(2), axes)
    spread = both.T @ local @ both
    seen = np.full((1, 5), np.nan)
    seen[0, component] = sensor.measure(mean[None], origin)[0, component]
    seen[0, [0, 1]] = sensor.measure(mean[None], origin)[0, [0, 1]]
    plots = arrange(
        Detections.of(sensor="one", components=Radar.COMPONENTS, time_ns=np.array([10**18]), values=seen),
        Radar.at(SITE),
    )
    form = form_of(sensor, plots)
    innovation, rows, variance = linearise(sensor, plots, form, np.zeros(1, np.int64), mean[None], spread[None])
    np.testing.assert_allclose(variance[np.isfinite(innovation)], 1.0)
    half = np.random.default_rng(11).normal(size=(N, 6)) @ np.linalg.cholesky(spread).T
    drawn = mean + np.concatenate([half, -half])  # in pairs, so that what is straight has no part in the mean
    row = sensor.jacobian(mean[None], origin)[0, component]
    sample = sensor.measure(drawn, np.broadcast_to(origin, (2 * N, 3)))[:, component] - seen[0, component]
    bent = sample - (drawn - mean) @ row
    known = np.flatnonzero(np.isfinite(seen[0]))
    at = known.tolist().index(component)
    # The rows are whitened: undo it by the derivatives, which are the sensor's own.
    white = rows[0, known] @ np.linalg.pinv(sensor.jacobian(mean[None], origin)[0, known])
    colour = np.linalg.inv(white)
    offset = -(colour @ innovation[0, known])[at]
    noise = (colour @ colour.T)[at, at]
    np.testing.assert_allclose(offset, sample.mean(), atol=4.0 * bent.std() / np.sqrt(N), rtol=0.05)
    np.testing.assert_allclose(noise - plots.covariances[0, component, component], bent.var(), rtol=0.1)
    assert bent.var() > 0.5 * plots.covariances[0, component, component]  # it is no small matter


def test_a_type_may_say_that_it_is_straight():
    class Straight(Plain):
        IS_STRAIGHT = True

    radar = Radar.at(SITE)
    origin = radar.origin_ecef_m[None]
    state = np.concatenate([ecef_from_enu(np.array([30e3, 25e3, 9e3]), origin[0]), np.zeros(3)])[None]
    spread = np.diag([4e6] * 3 + [1e4] * 3)[None]
    seen = radar.measure(state, origin)
    plots = arrange(
        Detections.of(sensor="one", components=Radar.COMPONENTS, time_ns=np.array([10**18]), values=seen), radar
    )
    for kind, is_exact in ((Straight, True), (Plain, False)):
        innovation = linearise(kind(radar), plots, form_of(kind(radar), plots), np.zeros(1, int), state, spread)[0]
        assert (np.abs(innovation).max() < 1e-6) == is_exact
