"""Coasts, country borders and towns of the world: Natural Earth, shipped with the program (data/SOURCES.txt).

Good to look at, not to measure by: lines are thinned by up to 500 m, and the source itself is kilometres off in places.
"""

import io
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOWN_STEP_DEG = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """Lines on the Earth, n vertices one line after the other.

    Attributes:
        lat_rad, lon_rad: (n,) geodetic position of each vertex; a longitude may go on beyond 180 degrees.
        line: (n,) which line each vertex belongs to, not decreasing.
    """

    lat_rad: NDArray[np.float64]
    lon_rad: NDArray[np.float64]
    line: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Towns:
    """Towns, n of them, the most important first.

    Attributes:
        name: (n,) as Natural Earth spells it.
        lat_rad, lon_rad: (n,) geodetic position.
    """

    name: NDArray[np.str_]
    lat_rad: NDArray[np.float64]
    lon_rad: NDArray[np.float64]


@cache
def coast() -> Lines:
    """Return the world's coasts: closed rings, clockwise round land, the other way round inland seas (the Caspian).

    Source: Natural Earth 4.1.0, 1:10m land thinned to 500 m, through world-atlas 2.0.2.
    """
    return _lines("coast")


def is_land(lat_rad: NDArray[np.float64], lon_rad: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which (n,) places are on land: those from which the way to the north pole crosses coasts an odd time."""
    shore = coast()
    joined = shore.line[1:] == shore.line[:-1]
    start_lat, end_lat = shore.lat_rad[:-1][joined], shore.lat_rad[1:][joined]
    start_lon, end_lon = shore.lon_rad[:-1][joined], shore.lon_rad[1:][joined]
    place = np.argsort(lon_rad, kind="stable")
    crossings = np.zeros(len(lat_rad), np.int64)
    for turn in (-2.0 * math.pi, 0.0, 2.0 * math.pi):
        meridians = lon_rad[place] + turn
        first = np.searchsorted(meridians, np.minimum(start_lon, end_lon))
        n = np.searchsorted(meridians, np.maximum(start_lon, end_lon)) - first
        edge = np.repeat(np.arange(len(n)), n)
        at = np.arange(len(edge)) - np.repeat(np.cumsum(n) - n, n) + first[edge]
        share = (meridians[at] - start_lon[edge]) / (end_lon[edge] - start_lon[edge])
        there = start_lat[edge] + share * (end_lat[edge] - start_lat[edge])
        crossings += np.bincount(place[at[there > lat_rad[place[at]]]], minlength=len(lat_rad))
    return np.asarray(crossings % 2 == 1)


@cache
def borders() -> Lines:
    """Return the borders between countries on land, de facto view: lines, each once.

    Source: Natural Earth 4.1.0, 1:10m admin-0 countries thinned to 500 m, through world-atlas 2.0.2.
    """
    return _lines("borders")


@cache
def towns() -> Towns:
    """Return capitals and the largest cities.

    Source: Natural Earth 2.0.0, 1:110m populated places, through geopandas 0.14.4.
    """
    lon_rad, lat_rad = np.deg2rad(_arrays()["town_steps"] * TOWN_STEP_DEG).T
    return Towns(name=_arrays()["town_names"], lat_rad=lat_rad, lon_rad=lon_rad)


@cache
def _arrays() -> dict[str, NDArray[Any]]:
    data = files("noroshi.run").joinpath("data", "coast.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return dict(archive)


def _lines(name: str) -> Lines:
    arrays = _arrays()
    lengths = arrays[f"{name}_lengths"].astype(np.int64)
    line = np.repeat(np.arange(len(lengths)), lengths)
    first = np.cumsum(lengths) - lengths
    inner = np.ones(len(line), bool)
    inner[first] = False
    steps = np.zeros((len(line), 2), np.int64)
    steps[inner] = arrays[f"{name}_differences"]
    steps = np.cumsum(steps, axis=0)
    steps += (arrays[f"{name}_starts"] - steps[first])[line]
    lon_rad, lat_rad = np.deg2rad(arrays[f"{name}_offset_deg"] + arrays[f"{name}_scale_deg"] * steps).T
    return Lines(lat_rad=lat_rad, lon_rad=lon_rad, line=line)
