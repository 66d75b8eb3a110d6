"""The areas, places and cells of people that travel with the program: see docs/areas.md and data/SOURCES.txt."""

import io
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.warning.areas import Areas, Outlines

STEP_RAD = np.deg2rad(1e-4)
HALF_M = {False: 5_000.0 / np.pi**0.5, True: 25_000.0 / np.pi**0.5}  # of cells that are not, and that are coarse
TEXTS = ("code", "name", "local")


@cache
def areas() -> Areas:
    """Return the shipped areas; read once."""
    whole, places, cells = (_arrays(name) for name in ("areas", "places", "cells"))
    cell_lat_rad, cell_lon_rad = np.cumsum(cells["steps"].astype(np.int64), axis=1) * STEP_RAD
    place_lat_rad, place_lon_rad = places["steps"].T * STEP_RAD
    columns = {name: whole[name] for name in (*TEXTS, "people")}
    columns |= {f"place_{name}": places[name] for name in TEXTS}
    columns |= {
        "place_area": places["area"].astype(np.int64),
        "place_people": places["people"].astype(np.float64),
        "place_lat_rad": place_lat_rad,
        "place_lon_rad": place_lon_rad,
        "cell_area": cells["area"].astype(np.int64),
        "cell_place": cells["place"].astype(np.int64),
        "cell_people": cells["people"].astype(np.float64),
        "cell_lat_rad": cell_lat_rad,
        "cell_lon_rad": cell_lon_rad,
        "cell_half_m": np.where(cells["coarse"], HALF_M[True], HALF_M[False]),
    }
    return Areas.of(columns, _outlines(whole), _outlines(places))


def area_codes() -> list[str]:
    """Return the codes of all areas and places."""
    return [*areas().code.tolist(), *areas().place_code.tolist()]


@cache
def country_codes() -> tuple[str, ...]:
    """Return the ISO 3166 codes of the countries whose areas are shipped, sorted."""
    return tuple(sorted({code.partition("-")[0] for code in _arrays("areas")["code"].tolist()}))


def _outlines(arrays: dict[str, NDArray[Any]]) -> Outlines:
    lon_rad, lat_rad = np.cumsum(arrays["ring_steps"].astype(np.int64), axis=1) * STEP_RAD
    return Outlines(
        owner=arrays["ring_owner"].astype(np.int64),
        start=np.concatenate([[0], np.cumsum(arrays["ring_length"], dtype=np.int64)]),
        lat_rad=lat_rad,
        lon_rad=lon_rad,
    )


def _arrays(name: str) -> dict[str, NDArray[Any]]:
    data = (files("noroshi") / "data" / "areas" / f"{name}.npz").read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = dict(archive)
    return {
        key: np.array(column.tobytes().decode().split("\n")) if key in TEXTS else column
        for key, column in arrays.items()
    }
