"""What the `[live]` table of a nation's file says, and the node that it describes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from noroshi.records import SensorSite
from noroshi.run import pki
from noroshi.run.setup import Setup, Site
from noroshi.run.sharing import Own, Sharing

SECRET = "secret.key"  # noqa: S105 the name of a file
SECRET_BYTES = 32


class Live(BaseModel):
    """How a nation's node runs live. Paths begin where the file is."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    keys: str = Field(default="keys", description="Folder that `noroshi pki` made; without it the node stands alone.")
    state: str = Field(default="state", description="Folder of what the node remembers: journal, outboxes, audit.")
    feeds: tuple[str, ...] = Field(default=(), description="Addresses of live sources, as `noroshi listen` takes them.")
    links: tuple[dict[str, Any], ...] = Field(
        default=(), description="To partners: `partner`, `type` (zenoh), and what that file of run/links/ says."
    )
    edges: tuple[dict[str, Any], ...] = Field(
        default=(), description="Ways out: `type`, `viewer`, and what that file of run/edges/ says."
    )
    tracker: str = Field(default="soft", description="Which file of tracking/trackers/ tracks.")
    motion: str = Field(default="constant_velocity", description="Motion models, joined by +.")
    picture_s: float = Field(default=1.0, ge=0.05, le=60.0, description="How often edges get the picture, in seconds.")
    checkpoint_s: float = Field(
        default=30.0, ge=1.0, le=3600.0, description="How often all is written down: so much is run again after a fall."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A node as its files describe it.

    Attributes:
        setup: what it is made of.
        own: its keys; None if it stands alone.
        also: further keys that partners may sign with, by nation.
    """

    setup: Setup
    own: Own | None
    also: Mapping[str, tuple[Any, ...]]


def describe(
    code: str,
    live: Live,
    *,
    sites: Sequence[SensorSite],
    policy: str,
    keys: Path,
    secret: bytes,
    now_ns: int,
) -> Described:
    """Return the node of a nation.

    Args:
        code: of the nation.
        live: how it runs.
        sites: of its sensors.
        policy: text of its release rules.
        keys: folder of its keys; one that is not there is a node that stands alone.
        secret: what its coarsening hangs on; never another.
        now_ns: the time.

    Raises:
        PkiError: if the keys cannot be used.
    """
    setup = Setup(
        node=code, sites=[Site.of(site) for site in sites], tracker=live.tracker, motion=live.motion, period_s=0.0
    )
    if not keys.is_dir():
        return Described(setup=setup, own=None, also={})
    identity = pki.identity(keys)
    if identity.nation != code:
        raise pki.PkiError(f"{keys}: are keys of {identity.nation}, not of {code}")
    known = {partner.nation: partner.keys_at(now_ns) for partner in pki.partners(keys)}
    setup.sharing = Sharing(
        policy=policy,
        partners={nation: each[0].public_bytes_raw().hex() for nation, each in known.items()},
        exercise=identity.exercise,
        pump_s=0.0,
    )
    own = Own(identity.signing_key_at(now_ns), secret)
    return Described(setup=setup, own=own, also={nation: each[1:] for nation, each in known.items()})
