"""The node that a nation's file and its keys describe."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from noroshi.records import SensorSite
from noroshi.run import pki
from noroshi.run.scenarios import Live
from noroshi.run.setup import Setup, Site
from noroshi.run.sharing import Own, Sharing
from noroshi.run.watching import Watching


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A node as its files describe it.

    Attributes:
        setup: what it is made of.
        own: its keys; None if it stands alone.
    """

    setup: Setup
    own: Own | None


def describe(
    code: str,
    live: Live,
    *,
    sites: Sequence[SensorSite],
    policy: str,
    motion: str,
    keys: Path,
    secret: bytes,
    now_ns: int,
    registration: bool = False,
    watching: Watching | None = None,
) -> Described:
    """Return the node of a nation.

    Args:
        code: of the nation.
        live: how it runs.
        sites: of its sensors.
        policy: text of its release rules.
        motion: models, joined by +.
        keys: folder of its keys; one that is not there is a node that stands alone.
        secret: what its coarsening hangs on; never another.
        now_ns: the time.
        registration: whether it takes its radars' biases out of their plots.
        watching: what it warns of; None is nothing.

    Raises:
        PkiError: if the keys cannot be used.
    """
    setup = Setup(
        node=code,
        sites=[Site.of(site) for site in sites],
        tracker=live.tracker,
        motion=motion,
        period_s=0.0,
        registration=registration,
        watch=watching,
    )
    if not keys.is_dir():
        return Described(setup=setup, own=None)
    identity = pki.identity(keys)
    if identity.nation != code:
        raise pki.PkiError(f"{keys}: are keys of {identity.nation}, not of {code}")
    setup.sharing = Sharing(
        policy=policy,
        partners={partner.nation: keys_text(partner, now_ns) for partner in pki.partners(keys)},
        exercise=identity.exercise,
        pump_s=0.0,
    )
    own = Own(identity.signing_key_at(now_ns), secret)
    return Described(setup=setup, own=own)


def keys_text(partner: pki.Partner, now_ns: int) -> str:
    """Return the public signing keys of a partner as `Sharing` and orders have them."""
    return " ".join(key.public_bytes_raw().hex() for key in partner.keys_at(now_ns))
