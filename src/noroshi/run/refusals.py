"""Why plots were refused, in plain words: of the columns that lie out of bounds, what they may be instead."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from noroshi.records import Detections, Quality
from noroshi.run.setup import Setup, make_sensors

MANY = 0.5
"""Of a sensor's plots, so large a share out of bounds is a matter of units or columns, not of single bad rows."""


class Reason(str):
    """A note that may say why plots were refused."""

    __slots__ = ()


def hints(detections: Sequence[Detections], setup: Setup, refused: Mapping[tuple[str, str], int]) -> list[str]:
    """Return a note for each sensor most of whose plots lack what its type needs, or are out of bounds.

    Of the latter it says the column, an example, and what it may be.
    """
    told: list[str] = []
    types = {site.sensor: site.type for site in setup.sites}
    for name, sensor in make_sensors(setup).items():
        own = [batch for batch in detections if batch.sensor == name]
        needed = type(sensor).REQUIRED
        absent = [column for column in needed if not any(map(np.any, (_told(batch, column) for batch in own)))]
        if own and absent:
            columns, all_needed = " and ".join(absent), ", ".join(needed)
            told.append(Reason(f"'{name}': no plot has {columns}; a {types[name]} needs {all_needed}"))
            continue
        n_out = refused.get((name, Quality.OUT_OF_BOUNDS.name), 0)
        if n_out and n_out >= MANY * sum(map(len, own)):
            found = [said for batch in own for said in _absurd(batch, type(sensor).BOUNDS)]
            worst = max(found, key=lambda each: each[0], default=None)
            if worst:
                told.append(Reason(f"'{name}': {worst[1]}"))
    return told


def reasons(refused: Mapping[tuple[str, str], int], notes: Iterable[str]) -> str:
    """Return in one line why no plot was used: the notes that say it (each a `Reason`), else the counts."""
    said = [note for note in notes if isinstance(note, Reason)]
    counts = [f"{n:,} of '{sensor}' {why.lower().replace('_', ' ')}" for (sensor, why), n in sorted(refused.items())]
    return "; ".join(said or counts)


def _told(batch: Detections, column: str) -> NDArray[np.bool_]:
    """Return (n,) which rows have a column."""
    if column not in batch.components:
        return np.zeros(len(batch), np.bool_)
    return ~np.isnan(batch.values[:, batch.components.index(column)])


def _absurd(batch: Detections, bounds: Mapping[str, tuple[float, float]]) -> list[tuple[int, str]]:
    """Return for each column that is out of bounds in how many rows it is, and this in words."""
    column = dict(zip(batch.components, batch.values.T, strict=True))
    found = []
    for name, values in column.items():
        low, high = bounds[name]
        out = (values < low) | (values > high)
        n = int(np.count_nonzero(out))
        if n:
            # Tables have degrees of latitude and longitude, and radians of all else.
            shown, scale = (f"{name[:3]}_deg", 180 / math.pi) if name in ("lat_rad", "lon_rad") else (name, 1.0)
            first = float(values[out][0])
            side, bound = ("less", low) if first < low else ("more", high)
            said = f"{shown} is {side} than {bound * scale:.4g} in {n:,} rows, {first * scale:.8g} for instance"
            found.append((n, said + _guess(name, {key: rows[out] for key, rows in column.items()})))
    return found


def _guess(name: str, rows: Mapping[str, NDArray[np.float64]]) -> str:
    """Return as a question what else the rows that are out of bounds may be; nothing where they fit nothing else."""
    if name in ("lat_rad", "lon_rad"):  # who has the one has the other
        lat, lon = (np.abs(np.degrees(rows[key])) for key in ("lat_rad", "lon_rad"))
        if (lat <= 180.0).all() and (lon < 90.0).all():
            return "; are latitude and longitude swapped?"
        if all((each // 100 < most).all() and (each % 100 < 60.0).all() for each, most in ((lat, 90), (lon, 180))):
            return "; are these degrees and minutes (DDMM.MMM)? Degrees alone are wanted"
    elif name.endswith("_rad") and (np.abs(rows[name]) <= 360.0).all():
        return f"; are these degrees? Then name the column {name.removesuffix('_rad')}_deg"
    return ""
