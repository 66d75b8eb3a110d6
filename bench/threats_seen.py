"""How much of each threat's flight the sensors of a shipped scenario see, by the true observers.

uv run bench/threats_seen.py [SCENARIO ...] [--json]

A flight is cut into stretches of ten seconds; one is seen if at least one detection of that flight falls into it, in
the same draws as in the exercise itself, with its injects. Threats are the entries that boost, fall or glide.
"""

import argparse
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.records import Kind
from noroshi.run.exercises.staging import cast
from noroshi.run.rooms import load
from noroshi.run.scenarios import read_scenario

STRETCH_NS = 10 * NS_PER_S
THREATS = (Kind.BOOSTING, Kind.BALLISTIC, Kind.GLIDING)


def seen(name: str) -> list[dict[str, Any]]:
    """Return for each threat of a scenario how much of its flight is seen, by all, by radars and by satellites."""
    scenario = read_scenario(name)
    stage = cast(scenario)
    threats = [flight for flight in stage.bodies if np.isin(flight.kind, THREATS).any()]
    times: dict[str, dict[str, NDArray[np.int64]]] = {flight.name: {} for flight in threats}
    for entries in stage.eyes.values():
        for entry in entries:
            sensor = load("sensors", entry.site.type).Sensor.at(entry.site)
            carrier = stage.world.flight(entry.carrier) if entry.carrier else None
            watch = entry.observer.watch(stage.world, entry.site, sensor, carrier)
            sighting = watch.observe(scenario.start_ns, scenario.end_ns)
            for flight in threats:
                own = sighting.owner == flight.name
                if own.any():
                    times[flight.name][entry.site.sensor] = sighting.detections.time_ns[own]
    types = {each.site.sensor: each.site.type for entries in stage.eyes.values() for each in entries}
    found = []
    for flight in threats:
        edges = np.arange(flight.time_ns[0], flight.time_ns[-1] + STRETCH_NS, STRETCH_NS)
        shares = {}
        for kind, wanted in (("all", ""), ("radars", "_radar"), ("satellites", "infrared")):
            own = [ns for sensor, ns in times[flight.name].items() if types[sensor].endswith(wanted)]
            counts = np.histogram(np.concatenate(own), edges)[0] if own else np.zeros(1)
            shares[kind] = round(float(np.mean(counts > 0)), 3)
        radars = sorted(sensor for sensor in times[flight.name] if types[sensor].endswith("_radar"))
        flown_s = round(float(flight.time_ns[-1] - flight.time_ns[0]) / NS_PER_S, 1)
        found.append({"scenario": name, "threat": flight.name, "flown_s": flown_s, "seen": shares, "radars": radars})
    return found


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", default=["trilateral", "us_japan_korea", "us_japan_uk"])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = [each for name in arguments.scenarios for each in seen(name)]
    for each in figures:
        shares = ", ".join(f"{kind} {share}" for kind, share in each["seen"].items())
        who = ", ".join(each["radars"])
        print(f"{each['scenario']} {each['threat']}: {each['flown_s']} s flown, seen of it by {shares} ({who})")
    if arguments.json:
        print(json.dumps({"figures": figures}))


if __name__ == "__main__":
    main()
