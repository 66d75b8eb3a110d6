"""What the tests of the way to and from Stone Soup share."""

import math
from datetime import datetime, timedelta

import numpy as np
from stonesoup.types.detection import Detection
from stonesoup.types.state import State, StateVector, StateVectors

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes_at
from noroshi.records import check
from noroshi.run.setup import Setup, Site, make_sensors

START = datetime(2026, 1, 1, 12)  # noqa: DTZ001 - Stone Soup's times are naive
START_NS = 1_767_268_800_000_000_000
ALPS_ECEF_M = ecef_from_geodetic(math.radians(46.5), math.radians(8.0), 1_500.0)
XYZ = [0, 2, 4]

PLANE = {"ndim_state": 4, "mapping": (0, 2)}
SPACE = {"ndim_state": 6, "mapping": (0, 2, 4)}


def noise(m, seed=0):
    """Return a covariance whose m components all hang together, of angles and metres alike."""
    root = np.random.default_rng(seed).normal(0.0, 1e-2, (m, m))
    return root @ root.T + 1e-4 * np.eye(m)


def seen(model, states, **extra):
    """Return what a model without noise sees of states, a second apart."""
    return [
        Detection(model.function(State(StateVector(x)), noise=False), timestamp=START + timedelta(seconds=i),
                  measurement_model=model, **extra)
        for i, x in enumerate(states)
    ]  # fmt: skip


def ecef_of(states, origin_ecef_m):
    """Return (n, 6) Earth-fixed states of (n, 6) [x, vx, y, vy, z, vz]."""
    axes = enu_axes_at(origin_ecef_m)
    position = origin_ecef_m + states[:, 0::2] @ axes
    return np.hstack([position, states[:, 1::2] @ axes])


def derivatives(model, state):
    """Return the (m, 6) derivatives of a model, by central differences of what it sees."""
    ahead, behind = (model.function(State(StateVectors(state[:, None] + step))) for step in (np.eye(6), -np.eye(6)))
    return np.asarray(ahead - behind, np.float64) / 2.0


def random_states(n, height_m=None, seed=3):
    rng = np.random.default_rng(seed)
    states = np.empty((n, 6))
    states[:, [0, 2]] = rng.uniform(-80e3, 80e3, (n, 2))
    states[:, 4] = rng.uniform(-500.0, 20e3, n) if height_m is None else height_m
    states[:, 1::2] = rng.uniform(-300.0, 300.0, (n, 3))
    return states


def sensors_of(sites):
    return make_sensors(Setup(sites=[Site.of(site) for site in sites]))


def only(pair):
    """Return the one batch, its sensor and its site."""
    (batch,), (site,) = pair
    assert batch.sensor == site.sensor
    return check(batch), sensors_of([site])[site.sensor], site
