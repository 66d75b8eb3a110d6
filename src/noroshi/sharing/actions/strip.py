"""Leave out: who the target is, which sensors saw it, how the uncertainty is shaped."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noroshi.records import KINDS, Tracks
from noroshi.records.identity import ABSENT
from noroshi.sharing.actions import Change, Means

Field_ = Literal[
    "call_sign", "icao_address", "mode_3a", "mmsi", "identity", "sensors", "sources", "covariance", "kind", "existence"
]
NUMBERS = ("icao_address", "mode_3a", "mmsi")
CLASS_STEP = 2.0  # standard deviations are told as 1, 2, 4, 8 … metres and metres a second


class Action(Change):
    """Strip; before rows are coarsened, whose own uncertainty is no secret and is not to be made round."""

    ORDER: ClassVar[int] = 1
    fields: tuple[Field_, ...] = Field(
        min_length=1,
        description="identity is its four parts; sensors leaves the sensors' types, sources nothing of them; "
        "covariance leaves a round one that holds it, in classes of powers of two",
    )

    @property
    def keeps_errors(self) -> bool:
        """Whether errors stay those of sensors, and of which."""
        return not {"covariance", "sources"} & set(self.fields)

    def change(self, tracks: Tracks, means: Means) -> Tracks:
        """Return the rows without the fields."""
        n, out = len(tracks), set(self.fields)
        changes: dict[str, Any] = {}
        absent = {name for name in (*NUMBERS, "call_sign") if name in out or "identity" in out}
        if absent:
            blank: dict[str, Any] = {name: np.full(n, ABSENT, np.int64) for name in NUMBERS if name in absent}
            if "call_sign" in absent:
                blank["call_sign"] = np.full(n, "", tracks.identity.call_sign.dtype)
            changes["identity"] = tracks.identity.replace(**blank)
        if "sources" in out:
            changes |= {"source_names": (), "sources": np.zeros((n, 0), np.bool_), "reported": np.zeros(n, np.bool_)}
        elif "sensors" in out:
            changes |= types_as_sources(tracks, means.sensor_types)
        if "covariance" in out:
            changes["covariance_ecef"] = round_covariance(tracks.covariance_ecef)
        if "kind" in out:
            changes["kind_probability"] = np.full((n, len(KINDS)), 1.0 / len(KINDS))
        if "existence" in out:
            changes["existence"] = np.full(n, np.nan)
        return tracks.replace(**changes)


def types_as_sources(tracks: Tracks, sensor_types: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns that say of each row which types of sensors fed it, instead of which sensors."""
    types = [sensor_types.get(name, "unknown") for name in tracks.source_names]
    names = tuple(sorted(set(types)))
    joined = [tracks.sources[:, [kind == name for kind in types]].any(axis=1) for name in names]
    return {"source_names": names, "sources": np.stack(joined, axis=1) if joined else tracks.sources}


def round_covariance(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n, 6, 6) covariances that are larger in every direction and tell nothing of the geometry of sensors.

    Position and velocity are each a multiple of the identity, of twice the trace (twice, so that what couples the two
    is covered), with the standard deviation rounded up to a power of two.
    """
    out = np.zeros_like(covariance)
    for first in (0, 3):
        block = slice(first, first + 3)
        variance = 2.0 * np.trace(covariance[:, block, block], axis1=1, axis2=2)
        sigma = CLASS_STEP ** np.ceil(np.log2(np.sqrt(np.maximum(variance, np.finfo(np.float64).tiny))))
        for axis in range(first, first + 3):
            out[:, axis, axis] = sigma**2
    return out
