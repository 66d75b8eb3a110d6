"""What one sensor saw."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, Column
from noroshi.records.identity import Identity


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Detections(Batch):
    """Plots or reports of one sensor, n rows; each row at its own time.

    Attributes:
        sensor: name of the sensor; its site and type are in a `SensorSite` of that name.
        components: names of the m measured quantities, unit last: ("range_m", "azimuth_rad").
        time_ns: (n,) when it was so, Unix UTC nanoseconds.
        received_ns: when this node learned of the batch.
        values: (n, m) in the order of `components`; NaN where this row does not measure that component.
        covariances: (n, m, m) measurement noise; rows and columns of an unmeasured component are ignored.
        origin_ecef_m: (n, 3) where the sensor stood; NaN where that has no meaning (a position report).
        identity: who the target says it is.
        quality: (n,) a `Quality` code.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "time_ns": (np.int64, ()),
        "values": (np.float64, ("m",)),
        "covariances": (np.float64, ("m", "m")),
        "origin_ecef_m": (np.float64, (3,)),
        "quality": (np.uint8, ()),
    }
    NESTED: ClassVar[tuple[str, ...]] = ("identity",)

    sensor: str
    components: tuple[str, ...]
    received_ns: int
    time_ns: NDArray[np.int64]
    values: NDArray[np.float64]
    covariances: NDArray[np.float64]
    origin_ecef_m: NDArray[np.float64]
    identity: Identity
    quality: NDArray[np.uint8]

    @classmethod
    def of(
        cls,
        *,
        sensor: str,
        components: tuple[str, ...],
        time_ns: NDArray[np.int64],
        values: NDArray[np.float64],
        sigmas: NDArray[np.float64] | None = None,
        covariances: NDArray[np.float64] | None = None,
        origin_ecef_m: NDArray[np.float64] | None = None,
        identity: Identity | None = None,
        received_ns: int | None = None,
    ) -> Self:
        """Return detections with what is not given filled in plainly.

        Args:
            sensor: its name.
            components: names of the measured quantities.
            time_ns: (n,) times.
            values: (n, m) measurements.
            sigmas: (m,) or (n, m) standard deviations, if the noise is independent. Where neither this nor
                `covariances` is given the noise is NaN: the sensor's type fills in its own (`sensors.prepare`).
            covariances: (n, m, m) noise.
            origin_ecef_m: (3,) or (n, 3) the sensor's place; NaN if not given.
            identity: who each target says it is; absent if not given.
            received_ns: when the batch came; the latest row's time if not given.
        """
        n, m = values.shape
        if covariances is None:
            spread = np.full((n, m), np.nan) if sigmas is None else np.broadcast_to(sigmas, (n, m))
            covariances = np.where(np.eye(m, dtype=bool), (spread**2)[:, :, None], 0.0)
        origin = np.nan if origin_ecef_m is None else origin_ecef_m
        return cls(
            sensor=sensor,
            components=components,
            received_ns=int(time_ns.max(initial=0)) if received_ns is None else received_ns,
            time_ns=time_ns,
            values=values,
            covariances=covariances,
            origin_ecef_m=np.broadcast_to(origin, (n, 3)).astype(np.float64),
            identity=Identity.absent(n) if identity is None else identity,
            quality=np.zeros(n, np.uint8),
        )
