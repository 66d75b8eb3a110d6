"""Fields that the movers' models share: numbers left to chance, and what a target answers with."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from noroshi.exercise.keyed import Draws
from noroshi.records import Identity


class Part(BaseModel):
    """A part of a scenario: frozen, and a field that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Normal(Part):
    """A number of the normal distribution, held within three standard deviations."""

    mean: float = Field(description="its middle")
    sigma: float = Field(ge=0.0, description="its standard deviation")


class Uniform(Part):
    """A number anywhere between two."""

    low: float = Field(description="lowest")
    high: float = Field(description="highest")

    @model_validator(mode="after")
    def _ordered(self) -> "Uniform":
        if self.low > self.high:
            raise ValueError(f"low = {self.low} is above high = {self.high}: exchange them")
        return self


Spread: TypeAlias = float | Normal | Uniform
"""A number, or the distribution that it is drawn from: 140, {mean = 140, sigma = 10}, {low = 120, high = 160}."""

Latitude = Annotated[float, Field(ge=-90.0, le=90.0, description="geodetic latitude, north positive")]
Longitude = Annotated[float, Field(ge=-180.0, le=180.0, description="longitude, east positive")]
Seconds = Annotated[float, Field(ge=-86_400.0, le=864_000.0, description="seconds since the start of the exercise")]


def drawn(spread: Spread, draws: Draws, purpose: str) -> float:
    """Return the number, drawn for this purpose if it is left to chance."""
    if isinstance(spread, Normal):
        deviate = draws.normals(purpose, first_look=0, n_looks=1, per_look=1)[0, 0]
        return float(spread.mean + spread.sigma * np.clip(deviate, -3.0, 3.0))
    if isinstance(spread, Uniform):
        share = draws.uniforms(purpose, first_look=0, n_looks=1, per_look=1)[0, 0]
        return float(spread.low + share * (spread.high - spread.low))
    return float(spread)


class Transponder(Part):
    """What a target says of itself; what is left out it does not say."""

    icao_address: str = Field(
        default="", pattern=r"^([0-9A-Fa-f]{6})?$", description="24-bit address, six hexadecimal digits"
    )
    mode_3a: str = Field(default="", pattern=r"^([0-7]{4})?$", description="Mode 3/A code, four octal digits")
    mmsi: int = Field(default=-1, ge=-1, le=999_999_999, description="maritime mobile service identity; -1: none")
    call_sign: str = Field(default="", max_length=8, description="call sign")

    def identity(self) -> Identity:
        """Return it as one row."""
        return Identity.absent(1).replace(
            icao_address=np.array([int(self.icao_address, 16) if self.icao_address else -1]),
            mode_3a=np.array([int(self.mode_3a, 8) if self.mode_3a else -1]),
            mmsi=np.array([self.mmsi]),
            call_sign=np.array([self.call_sign.upper()], "<U8"),
        )


def increasing(values: Sequence[float], what: str) -> None:
    """Raise a ValueError that names the first value that does not come after the one before it."""
    for before, after in pairwise(values):
        if after <= before:
            raise ValueError(f"{what} must come one after another: {after:g} follows {before:g}")
