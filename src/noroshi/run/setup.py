"""What a node is made of, as data: read from options or a journal, and assembled into code here alone."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import msgspec

from noroshi.geo.time import NS_PER_S
from noroshi.motion import Motion
from noroshi.node.core import Node
from noroshi.node.exchange import Exchange, NewPolicy
from noroshi.records import Kind, SensorSite
from noroshi.records.known import Known
from noroshi.run.rooms import load
from noroshi.run.sharing import Own, Sharing, make_exchange
from noroshi.run.watching import Watching, make_watch
from noroshi.sensors import Sensor
from noroshi.sharing.parcels import Store
from noroshi.tracking import Tracker
from noroshi.tracking.registrar import Registrar

FOLDS_MAX = 64
"""So many folds and pictures of fusion are kept: what nodes of one process ask within seconds of each other."""

FORECASTS_MAX = 32  # half a megabyte each
SIGNATURES_MAX = 4_096  # more than are on their way


class Site(msgspec.Struct, forbid_unknown_fields=True):
    """A `SensorSite` as plain data; an unknown position is null."""

    sensor: str
    type: str
    nation: str = ""
    lat_rad: float | None = None
    lon_rad: float | None = None
    height_m: float | None = None
    parameters: dict[str, float] = {}

    @classmethod
    def of(cls, site: SensorSite) -> "Site":
        """Return the plain form of a site."""
        place = {name: _number(getattr(site, name)) for name in ("lat_rad", "lon_rad", "height_m")}
        return cls(
            site.sensor,
            site.type,
            site.nation,
            parameters={name: float(value) for name, value in site.parameters.items()},
            **place,
        )

    def record(self) -> SensorSite:
        """Return the site as a record."""
        place = {name: _nan(getattr(self, name)) for name in ("lat_rad", "lon_rad", "height_m")}
        return SensorSite(sensor=self.sensor, type=self.type, nation=self.nation, parameters=self.parameters, **place)


class Setup(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Everything that decides what a node gives out, beside the records it receives.

    `motion` names one model, or several joined by "+". A parameter of a model is set in all that have it, or in one by
    "model.parameter".
    """

    node: str = "local"
    sites: list[Site]
    tracker: str = "soft"
    motion: str = "constant_velocity"
    parameters: dict[str, float] = {}
    period_s: float = 0.0
    window_s: float = 30.0
    batch_s: float = 1.0
    registration: bool = False
    sharing: Sharing | None = None
    watch: Watching | None = None


def without_live_partners(setup: Setup) -> Setup:
    """Return a setup of which anybody can make the node: one that shares by keys of its own is to stand alone.

    Such keys are in no journal. The node's own tracks hang on its sensors alone and come out the same.
    """
    is_by_own_keys = setup.sharing is not None and setup.sharing.seed is None
    return msgspec.structs.replace(setup, sharing=None) if is_by_own_keys else setup


def make_sensors(setup: Setup) -> Mapping[str, Sensor]:
    """Return the sensors by name, in the order of the setup.

    Raises:
        ValueError: if a type or a parameter is unknown; the message names the sensor.
    """
    made: dict[str, Sensor] = {}
    for site in setup.sites:
        try:
            _check_place(site)
            made[site.sensor] = load("sensors", site.type).Sensor.at(site.record())
        except ValueError as error:
            told = str(error)
            raise ValueError(told if told.startswith("sensor ") else f"sensor '{site.sensor}': {told}") from error
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """What nodes of one process know together: who asks what another asked lately need not work it out again.

    Attributes:
        folds: what fusion gave.
        forecasts: what was foreseen of threats.
        signatures: those that were made there or found right.
    """

    folds: Known = field(default_factory=lambda: Known(FOLDS_MAX))
    forecasts: Known = field(default_factory=lambda: Known(FORECASTS_MAX))
    signatures: Known = field(default_factory=lambda: Known(SIGNATURES_MAX))


def assemble(
    setup: Setup,
    executor: Executor | None = None,
    *,
    keys: Own | None = None,
    store_of: Callable[[str], Store] | None = None,
    new_policy: NewPolicy | None = None,
    known: Known | None = None,
    together: Together | None = None,
) -> tuple[Node, Tracker]:
    """Return the node that a setup describes, and its tracker.

    Args:
        setup: the description.
        executor: runs large batches by blocks.
        keys: the node's own, where it shares; those of the exercise if none are given.
        store_of: where what waits for a partner survives; in memory if not given.
        new_policy: what an order makes of the policy in force; see `run.sharing.make_exchange`.
        known: what nodes' own tracks were in runs before; None remembers nothing.
        together: what nodes of the same process know together; None is nothing.

    Raises:
        ValueError: if the setup names a part or a parameter that does not exist.
    """
    if not (setup.period_s == 0.0 or 1e-3 <= setup.period_s < 1e6):
        raise ValueError(f"an output period of {setup.period_s:g} s; give 0 or a time from 0.001 s to 1,000,000 s")
    if not 1e-3 <= setup.batch_s < 1e6:
        raise ValueError(f"batches of {setup.batch_s:g} s; give a time from 0.001 s to 1,000,000 s")
    eyes = make_sensors(setup)
    room = load("tracking.trackers", setup.tracker)
    own = {field.name for field in dataclasses.fields(room.Parameters)}
    movers = _movers(setup)
    moving = {name: {field.name for field in dataclasses.fields(mover)} for name, mover in movers.items()}
    there_are = own.union(*moving.values(), *({f"{name}.{each}" for each in fields} for name, fields in moving.items()))
    if unknown := sorted(set(setup.parameters) - there_are):
        there = ", ".join(sorted(there_are))
        raise ValueError(f"{setup.tracker} with {setup.motion} has no parameter '{unknown[0]}'; there are: {there}")
    usual = room.Parameters()
    for name in sorted(own & set(setup.parameters)):
        value = setup.parameters[name]
        if not math.isfinite(value) or (isinstance(getattr(usual, name), int) and value not in range(1000)):
            whole = "a whole number below 1,000" if isinstance(getattr(usual, name), int) else "a number"
            raise ValueError(f"{name} is {value:g}: give {whole}")
    parameters = {name: type(getattr(usual, name))(x) for name, x in setup.parameters.items() if name in own}
    motions = [_moving(name, mover, setup) for name, mover in movers.items()]
    follows_boosts = any(mover.KIND is Kind.BOOSTING for mover in movers.values())
    tracker: Tracker = room.Tracker(
        node=setup.node,
        sensor_names=tuple(eyes),
        motions=motions,
        parameters=room.Parameters(**parameters),
        executor=executor,
    )
    node = Node(
        setup.node,
        sensors=eyes,
        tracker=tracker,
        period_ns=round(setup.period_s * NS_PER_S),
        window_ns=round(setup.window_s * NS_PER_S),
        registrar=Registrar(eyes) if setup.registration else None,
        exchange=_exchange(setup, keys, store_of, new_policy, together),
        watch=None
        if setup.watch is None
        else make_watch(
            setup.node,
            setup.watch,
            follows_boosts=follows_boosts,
            known=None if together is None else together.forecasts,
        ),
        known=known,
        made_of=b"" if known is None else msgspec.json.encode(msgspec.structs.replace(setup, sharing=None, watch=None)),
    )
    return node, tracker


def _exchange(
    setup: Setup,
    keys: Own | None,
    store_of: Callable[[str], Store] | None,
    new_policy: NewPolicy | None,
    together: Together | None,
) -> Exchange | None:
    if setup.sharing is None:
        return None
    types = {site.sensor: site.type for site in setup.sites}
    return make_exchange(
        setup.node,
        setup.sharing,
        types,
        own=keys,
        store_of=store_of,
        new_policy=new_policy,
        known=None if together is None else together.folds,
        signed=None if together is None else together.signatures,
    )


def first_of_six(setup: Setup) -> tuple[str, Motion]:
    """Return the first motion model of a setup that has six components, with its key.

    Where there is none it is nearly constant velocity with what the setup says of it.
    """
    for name, mover in _movers(setup).items():
        if len(mover.COMPONENTS) == 6:
            return name, _moving(name, mover, setup)
    name = "constant_velocity"
    return name, _moving(name, load("motion", name).Motion, setup)


def _movers(setup: Setup) -> dict[str, Any]:
    """Return the classes of a setup's motion models by their keys."""
    return {name: load("motion", name).Motion for name in setup.motion.split("+")}


def _moving(name: str, mover: Any, setup: Setup) -> Motion:
    """Return a motion model with the setup's parameters."""
    fields = {each.name for each in dataclasses.fields(mover)}
    model: Motion = mover.of(**{
        field: setup.parameters.get(f"{name}.{field}", setup.parameters.get(field))
        for field in sorted(fields)
        if field in setup.parameters or f"{name}.{field}" in setup.parameters
    })  # fmt: skip
    return model


def _check_place(site: Site) -> None:
    """Refuse a place that is not on the Earth.

    Raises:
        ValueError: saying what is wrong with it.
    """
    place = (site.lat_rad, site.lon_rad, site.height_m)
    if None in place and place != (None, None, None):
        raise ValueError("a position needs lat_deg, lon_deg and height_m (above the ellipsoid)")
    if site.lat_rad is not None and not abs(site.lat_rad) <= math.pi / 2:
        raise ValueError(f"a latitude of {math.degrees(site.lat_rad):g} degrees is not on the Earth")
    if site.lon_rad is not None and not abs(site.lon_rad) <= 2 * math.pi:
        raise ValueError(f"a longitude of {math.degrees(site.lon_rad):g} degrees is not on the Earth")


def _number(x: float) -> float | None:
    return None if math.isnan(x) else float(x)


def _nan(x: float | None) -> float:
    return math.nan if x is None else x
