"""Scenarios of three nations of whom all are told, with links of one delay."""

import re
from importlib import resources
from pathlib import Path

from noroshi.exercise.keyed import Draws
from noroshi.run.events import load_event
from noroshi.run.warn.stands import MOTION, STANDS, scenario_of

SALVO = "salvo"
LISTENS = """name = "Australia"
code = "AUS"
policy = "AUS"
summary = "Sees nothing of this, and is told."
"""
LINK = """
[[links]]
to = "{}"
delay_s = {}
"""
THREATS, APART_S, FIRST_S = 8, 15.0, 10.0
GROUND = {
    "lat_deg": (37.5, 41.5),
    "lon_deg": (131.0, 134.0),
    "bearing_deg": (60.0, 150.0),
    "range_km": (700.0, 1_800.0),
}
APOGEE = (0.15, 0.28)  # of the range


def written(
    folder: Path, scene: str, stand: str, *, seed: int, replicate: int, link_s: float, way_s: float | None, warning: str
) -> Path:
    """Write the scenario of an event, or of a salvo, and return its file.

    Args:
        folder: where to.
        scene: name of the event; `SALVO` is eight drawn launches.
        stand: through which set of sensors.
        seed, replicate: of what is drawn.
        link_s: how long messages between nations take.
        way_s: how long sensors' plots take to their nodes; None is what the stand says.
        warning: what the nation that warns is set to beside what the stand says.
    """
    path = folder / "event.toml"
    if scene == SALVO:
        _salvo(path, stand, seed, replicate)
    else:
        path = scenario_of(load_event(scene), stand, folder, seed=seed, replicate=replicate)
    for name in STANDS[stand]:
        nation = folder / f"{name}.toml"
        sensors, *links = nation.read_text("utf-8").split("[[links]]")
        if way_s is not None:
            sensors = re.sub(r"(?m)^delay_s = .*$", f"delay_s = {way_s}", sensors)
        links = [re.sub(r"(?m)^delay_s = .*$", f"delay_s = {link_s}", link) for link in links]
        sensors = sensors.replace("[warning]\n", f"[warning]\n{warning}\n")
        nation.write_text("[[links]]".join([sensors, *links]), "utf-8")
    (folder / "listens.toml").write_text(LISTENS + LINK.format("JPN", link_s) + LINK.format("USA", link_s), "utf-8")
    text = path.read_text("utf-8")
    path.write_text(re.sub(r"(?m)^nations = \[(.*)\]$", r'nations = [\1, "listens.toml"]', text), "utf-8")
    return path


def _salvo(path: Path, stand: str, seed: int, replicate: int) -> None:
    """Write a scenario of eight launches from the open sea, nowhere in particular."""
    for name in STANDS[stand]:
        text = (resources.files("noroshi") / "data" / "stands" / f"{name}.toml").read_text("utf-8")
        (path.parent / f"{name}.toml").write_text(text, "utf-8")
    u = Draws(seed, replicate, SALVO).uniforms("shape", first_look=0, n_looks=THREATS, per_look=len(GROUND) + 2)
    lines = [
        'name = "Salvo"',
        f"seed = {seed}",
        "start = 2030-01-01T00:00:00Z",
        "duration_s = 900.0",
        f"nations = {[f'{name}.toml' for name in STANDS[stand]]}".replace("'", '"'),
        f'motion = "{MOTION}"',
        "\n[weather]\ncloud_top_m = 9000.0",
    ]
    for k, row in enumerate(u.tolist()):
        drawn = {
            name: low + (high - low) * one for (name, (low, high)), one in zip(GROUND.items(), row[:-2], strict=True)
        }
        drawn["apogee_km"] = drawn["range_km"] * (APOGEE[0] + (APOGEE[1] - APOGEE[0]) * row[-2])
        drawn["start_s"] = FIRST_S + APART_S * (k + row[-1])
        lines += [f'\n[[flights]]\nname = "threat-{k}"\nmover = "ballistic"']
        lines += [f"{name} = {value:.3f}" for name, value in drawn.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")
