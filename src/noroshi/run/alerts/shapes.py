"""Where the areas of an alert are: the outlines of the shipped areas and municipalities, as messages take them."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from noroshi.formats.alerting import Shape
from noroshi.run.areas import areas
from noroshi.warning.areas import Areas, Outlines

COUNTRY, PART, MUNICIPALITY = "ISO3166-1", "ISO3166-2", "JISX0402"


def shapes_of(codes: Sequence[str]) -> Mapping[str, Shape]:
    """Return the shapes of areas by their codes; what has no outline is left out."""
    return {code: shape for code in codes if (shape := _shape(code)) is not None}


@cache
def _rows() -> tuple[Mapping[str, int], Mapping[str, int]]:
    known: Areas = areas()
    first: dict[str, int] = {code: row for row, code in enumerate(known.code.tolist())}
    return first, {code: row for row, code in enumerate(known.place_code.tolist())}


@cache
def _shape(code: str) -> Shape | None:
    known, (first, second) = areas(), _rows()
    outlines: Outlines
    if code in first:
        outlines, row = known.outlines, first[code]
        geocodes = {PART if "-" in code else COUNTRY: code}
    elif code in second:
        outlines, row = known.place_outlines, second[code]
        geocodes = {MUNICIPALITY: code.removeprefix("JP-")} if code.startswith("JP-") else {}
    else:
        return None
    rings = [ring for ring in outlines.of(row) if _turns_left(ring)]  # a hole is no polygon of its own
    return Shape(polygons=tuple(rings), geocodes=geocodes) if rings else None


def _turns_left(ring: NDArray[np.float64]) -> bool:
    lat, lon = ring.T
    return bool(np.sum(lon * np.roll(lat, -1) - np.roll(lon, -1) * lat) > 0.0)
