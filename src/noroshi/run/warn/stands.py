"""The sets of sensors that an event is replayed through, and the scenario that is made of both."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from noroshi.exercise.events import Event, flights_of_event
from noroshi.exercise.fields import drawn
from noroshi.exercise.keyed import Draws
from noroshi.geo.time import NS_PER_S
from noroshi.run.sites import TURNS

STANDS = {
    "national": ("japan",),
    "shared": ("japan", "ship"),
    "shared-28": ("japan", "ship_28"),
    "shared-54": ("japan", "ship_54"),
}
"""By name: whose sensors see; the files lie in `data/stands/`."""

BEFORE_S, AFTER_S = 60.0, 240.0
LONGEST_S = 6_000.0
MOTION = f"{TURNS}+boost+ballistic"


def scenario_of(event: Event, stand: str, folder: Path, *, seed: int, replicate: int) -> Path:
    """Write the scenario of an event seen by a set of sensors, and return its file.

    Args:
        event: what flies; with figures that can be flown.
        stand: a name of `STANDS`.
        folder: where the files are written.
        seed: of all random draws.
        replicate: which draw of what nobody published: cloud, burn time, drag.

    Raises:
        ValueError: if there is no such set, or nothing of the event can be flown.
    """
    flights = flights_of_event(event, seed, replicate)
    down_ns = max(int(flight.time_ns[-1]) for flight in flights[:1])
    flying_s = min((down_ns - event.launch_ns) / NS_PER_S, LONGEST_S)
    mover = {"name": event.name, "mover": "ballistic", "start_s": BEFORE_S} | event.mover().model_dump(
        mode="json", exclude_unset=True
    )
    return write_scenario(
        folder,
        stand,
        name=f"Event {event.name}",
        summary=event.title,
        seed=seed,
        start_ns=event.launch_ns - round(BEFORE_S * NS_PER_S),
        duration_s=BEFORE_S + flying_s + AFTER_S,
        cloud_top_m=drawn(event.cloud_top_m, Draws(seed, replicate, f"cloud|{event.name}"), "cloud top"),
        flights=[mover],
    )


def write_scenario(
    folder: Path,
    stand: str,
    *,
    name: str,
    summary: str,
    seed: int,
    start_ns: int,
    duration_s: float,
    cloud_top_m: float,
    flights: Sequence[Mapping[str, Any]],
    injects: Sequence[Mapping[str, Any]] = (),
) -> Path:
    """Write the scenario of some flights seen by a set of sensors, and return its file.

    Args:
        folder: where the files are written.
        stand: a name of `STANDS`.
        name, summary: of the scenario.
        seed: of all random draws.
        start_ns: of the scenario.
        duration_s: how long it is.
        cloud_top_m: below which infrared sees nothing.
        flights, injects: as a scenario's file has them; what is None is left out.

    Raises:
        ValueError: if there is no such set.
    """
    if stand not in STANDS:
        raise ValueError(f"no set of sensors '{stand}'; there are: {', '.join(STANDS)}")
    nations = []
    for nation in STANDS[stand]:
        text = (resources.files("noroshi") / "data" / "stands" / f"{nation}.toml").read_text("utf-8")
        path = folder / f"{nation}.toml"
        path.write_text(text, "utf-8")
        nations.append(path.name)
    start = datetime.fromtimestamp(start_ns / NS_PER_S, UTC)
    tables = [("flights", flight) for flight in flights] + [("injects", inject) for inject in injects]
    lines = [
        f"# {name} seen by the set of sensors '{stand}': a reconstruction and generic sensors.",
        f"name = {_toml(name)}",
        f"summary = {_toml(summary)}",
        f"seed = {seed}",
        f"start = {start.isoformat().replace('+00:00', 'Z')}",
        f"duration_s = {duration_s:.1f}",
        f"nations = {_toml(nations)}",
        f"motion = {_toml(MOTION)}",
        f"\n[weather]\ncloud_top_m = {cloud_top_m:.1f}",
    ]
    for kind, entry in tables:
        lines += [f"\n[[{kind}]]", *(f"{key} = {_toml(value)}" for key, value in entry.items() if value is not None)]
    path = folder / "event.toml"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def _toml(value: Any) -> str:
    """Return a plain value in TOML, tables inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items() if each is not None) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return repr(value)
