"""New tracks start each model with its own prior; kinds that plots refute are left aside and tried again."""

import numpy as np
import pytest

from noroshi.geo.wgs84 import enu_axes_at
from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.motion.glide import Motion as Glide
from noroshi.records import Detections, Identity, Quality, SensorSite
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.bank import Bank
from noroshi.tracking.births import with_priors
from noroshi.tracking.mixing import MISTAKEN_S
from noroshi.tracking.store import NEGLIGIBLE, PROBABILITY
from noroshi.tracking.trackers.soft import Tracker

NS, START_NS = 10**9, 1_900_000_000 * 10**9


def radar(**parameters):
    return Sensor.at(
        SensorSite(sensor="r", type="search_radar", lat_rad=0.6, lon_rad=2.4, height_m=50.0, parameters=parameters)
    )


def plots(values, time_ns):
    n = len(values)
    return Detections(
        sensor="r",
        components=("range_m", "azimuth_rad", "altitude_m", "range_rate_m_s"),
        time_ns=np.full(n, time_ns, np.int64),
        received_ns=np.full(n, time_ns, np.int64),
        values=np.array(values, float),
        covariances=np.full((n, 4, 4), np.nan),
        origin_ecef_m=np.full((n, 3), np.nan),
        identity=Identity.absent(n),
        quality=np.full(n, Quality.GOOD, np.uint8),
    )


@pytest.mark.parametrize("range_rate_m_s", [np.nan, -150.0])
def test_another_prior_gives_what_the_radar_gives_that_has_it(range_rate_m_s):
    slow, fast = radar(), radar(speed_sigma_m_s=2_500.0, climb_sigma_m_s=1_500.0)
    batch = [[150e3, 1.0, 9e3, range_rate_m_s], [80e3, -2.0, 4e3, range_rate_m_s]]
    found = {}
    for name, own in (("slow", slow), ("fast", fast)):
        ready = arrange(plots(batch, START_NS), own)
        noise = ready.covariances.copy()
        # What the rate tells is the same to both: a radar allows for its own prior's cross motion there.
        found[name] = own.locate(ready.values, noise, ready.origin_ecef_m)
    own_m_s = np.array([[(2_500.0, 1_500.0)], [(9e3, 9e3)]])
    mean, covariance = (each[0] for each in with_priors(*found["slow"], (300.0, 20.0), own_m_s))
    if np.isnan(range_rate_m_s):
        np.testing.assert_allclose(mean, found["fast"][0], atol=1e-3)
        np.testing.assert_allclose(covariance, found["fast"][1], rtol=1e-6, atol=1.0)
    else:
        sigma = np.sqrt(np.diagonal(found["fast"][1], axis1=1, axis2=2))
        assert (np.abs(mean - found["fast"][0]) < 0.05 * sigma).all()


def test_a_measured_velocity_has_no_prior_to_exchange():
    mean, covariance = np.array([[6.4e6, 0.0, 0.0, 0.0, 200.0, 0.0]]), np.diag([1e4] * 3 + [100.0] * 3)[None]
    same = [each[0] for each in with_priors(mean, covariance, (300.0, 20.0), np.full((2, 1, 2), 2_500.0))]
    np.testing.assert_array_equal(same[0], mean)
    np.testing.assert_array_equal(same[1], covariance)


def test_priors_are_exchanged_as_by_inverting_whole_covariances():
    """Beside numpy: P^-1 + E, and what that makes of the state, about the place where it was; the last is high."""
    values = [[150e3, 1.0, 9e3, -150.0], [80e3, -2.0, 4e3, np.nan], [300e3, 0.5, 90e3, np.nan]]
    ready = arrange(plots(values, START_NS), radar())
    mean, covariance = radar().locate(ready.values, ready.covariances, ready.origin_ecef_m)
    low = [(2_500.0, 1_500.0), (100.0, 20.0), (300.0, 20.0)]
    own_m_s = np.array([low, [(4_500.0, 2_500.0), (200.0, 30.0), (300.0, 20.0)]])
    means, covariances = with_priors(mean, covariance, (300.0, 20.0), own_m_s)
    up = enu_axes_at(mean[:, :3])[:, 2]
    for k in range(3):
        for row in range(3):
            level, climb = own_m_s[int(row == 2), k]
            upward = np.outer(up[row], up[row])
            information = np.linalg.inv(covariance[row])
            vector = information[:, 3:] @ mean[row, 3:]
            information[3:, 3:] += (1.0 / level**2 - 1.0 / 300.0**2) * (np.eye(3) - upward)
            information[3:, 3:] += (1.0 / climb**2 - 1.0 / 20.0**2) * upward
            spread = np.linalg.inv(information)
            sigma = np.sqrt(np.diag(spread))
            off = means[k, row] - (spread @ vector + [*mean[row, :3], 0.0, 0.0, 0.0])
            assert (np.abs(off) < 1e-6 * sigma).all()
            assert (np.abs(covariances[k, row] - spread) < 1e-6 * np.outer(sigma, sigma)).all()


def test_shares_are_those_that_the_models_state():
    bank = Bank([ConstantVelocity(), Ballistic(), Glide()], [120.0, 20.0, 20.0])
    rare = Ballistic.STARTS.share, Glide.STARTS.share
    np.testing.assert_allclose(bank._shares, [1.0 - sum(rare), *rare], rtol=1e-12)
    np.testing.assert_allclose(Bank([Ballistic()], [20.0])._shares, [1.0])


class Counting(Ballistic):
    """A ballistic model that counts the rows it is asked for."""

    asked = 0

    def predict(self, mean, covariance, dt_s):
        Counting.asked += len(dt_s)
        return super().predict(mean, covariance, dt_s)


def test_an_aircraft_does_not_pay_for_being_a_missile_but_is_tried_again():
    own, counting = radar(), Counting()
    tracker = Tracker(node="n", sensor_names=("r",), motions=[ConstantVelocity(), counting])
    rng, asked = np.random.default_rng(4), []
    for look in range(60):
        place = 150e3 - 2_000.0 * look + rng.normal(0.0, 70.0), 1.0 + rng.normal(0.0, 0.0014), 9e3, np.nan
        before = Counting.asked
        tracker.step(arrange(plots([place], START_NS + look * 10 * NS), own), own)
        asked.append(Counting.asked - before)
    assert sum(asked[:4]) >= 1
    share_tried = np.mean(np.array(asked[10:]) > 0)
    # By a mistake in MISTAKEN_S it takes so many looks until the kind is worth another trial.
    expected = 10.0 / (NEGLIGIBLE * MISTAKEN_S)
    assert 0.3 * expected < share_tried < 3.0 * expected
    row = tracker.store.in_use()[0]
    assert tracker.store.real[row, PROBABILITY] > 0.99


def test_a_falling_thing_is_not_left_aside():
    own = radar(range_m_max=2e6)
    tracker = Tracker(node="n", sensor_names=("r",), motions=[ConstantVelocity(), Ballistic()])
    for look in range(12):
        t = look * 10.0
        height = 60e3 + 1_000.0 * t - 0.5 * 9.5 * t * t
        level = 500e3 - 1_500.0 * t
        place = np.hypot(level, height), 1.0, height, np.nan
        tracker.step(arrange(plots([place], START_NS + look * 10 * NS), own), own)
    rows = tracker.store.in_use()
    best = rows[np.argmax(tracker.store.real[rows, 0])]
    assert tracker.store.real[best, PROBABILITY + 1] > 0.9
