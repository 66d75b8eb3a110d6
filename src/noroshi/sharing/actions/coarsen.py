"""Tell coarsely: displaced by a secret, at coarse times, with a covariance that says so (`sharing/coarsen.py`)."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from noroshi.records import Tracks
from noroshi.sharing.actions import Change, Means
from noroshi.sharing.coarsen import Coarseness
from noroshi.sharing.memory import spaced


class Action(Change):
    """Coarsen; numbers are rounded up to the next step of a ladder so that coarsenesses nest."""

    ORDER: ClassVar[int] = 2
    position_m: float = Field(gt=0, le=800_000, description="standard deviation on each horizontal axis, at the least")
    height_m: float = Field(0.0, ge=0, le=200_000, description="the same of the height; 0 is not coarsened")
    velocity_m_s: float = Field(0.0, ge=0, le=4_000, description="the same of each horizontal axis of the velocity")
    period_s: float = Field(60.0, gt=0, le=900, description="each track is told of at multiples of this, once each")
    acceleration_m_s2: float = Field(10.0, gt=0, description="what targets may do meanwhile, one standard deviation")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _ = self.coarseness.steps, self.coarseness.period_ns
        return self

    @property
    def coarseness(self) -> Coarseness:
        """How coarse."""
        return Coarseness(**self.model_dump())

    @property
    def keeps_errors(self) -> bool:
        """Whether errors stay those of sensors: a displacement stays for an epoch."""
        return False

    @property
    def interval_ns(self) -> int:
        """The period."""
        return self.coarseness.period_ns

    def choose(
        self,
        track_id: NDArray[np.uint64],
        time_ns: NDArray[np.int64],
        is_last: NDArray[np.bool_],
        told_ns: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Return (n,) the first row of each track in each period."""
        return spaced(track_id, time_ns, is_last, told_ns, self.coarseness.period_ns, on_grid=True)

    def change(self, tracks: Tracks, means: Means) -> Tracks:
        """Return the rows displaced; when the track was measured and how often it was corrected is not told."""
        times, states, covariances = means.coarsener.coarsen(
            tracks.track_id, tracks.time_ns, tracks.state_ecef, tracks.covariance_ecef, self.coarseness
        )
        return tracks.replace(
            time_ns=times,
            updated_ns=times,
            revision=np.zeros(len(tracks), np.int32),
            state_ecef=states,
            covariance_ecef=covariances,
        )
