"""How long the page's What if takes to answer each kind of change of the trilateral exercise.

    uv run bench/what_if.py [--json] [--rounds 1]

`prepared_s` is what the run without a change takes, from the start of its processes on: it begins when the exercise has
been flown, or when the form is looked at. Then each change is asked for, one after another. Wall time depends on what
else the machine does (`load`), so processor seconds are told too; of the slowest question is `slowest_s`.
"""

import argparse
import json
import os
import platform
import statistics
import time
from typing import Any

from noroshi import __version__
from noroshi.run.scenarios import read_scenario
from noroshi.run.web.what_if import WhatIf

QUESTIONS: dict[str, tuple[dict[str, object], bool]] = {
    "sensor elsewhere": (
        {'nations.JPN.sensors."jpn-east".lat_deg': 43.3, 'nations.JPN.sensors."jpn-east".lon_deg': 145.6},
        True,
    ),
    "nation gone": ({"nations.AUS": False}, True),
    "link cut": ({"links.JPN-USA": False}, True),
    "4 satellites": ({'nations.USA.constellations."usa-eyes".number': 4}, True),
    "54 satellites": ({'nations.USA.constellations."usa-eyes".number': 54}, True),
    "nobody shares": ({}, False),
}


def ask_all() -> dict[str, Any]:
    """Return what one round took."""
    asked = WhatIf(read_scenario("trilateral"))
    try:
        since = time.perf_counter()
        prepared = asked.prepare()
        prepared.result()
        found: dict[str, Any] = {"prepared_s": time.perf_counter() - since}
        for name, (changes, sharing) in QUESTIONS.items():
            told = asked.ask(changes, sharing=sharing).result()
            found[name] = {
                "took_s": told["took_s"], "processor_s": told["processor_s"], "rows": len(told["rows"]),
            }  # fmt: skip
    finally:
        asked.close()
    return found


def main() -> None:
    """Ask everything a few times and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=1)
    wanted = parser.parse_args()
    load = os.getloadavg()[0]
    rounds = [ask_all() for _ in range(wanted.rounds)]
    middle = lambda values: round(statistics.median(values), 2)  # noqa: E731
    questions = {
        name: {key: middle([one[name][key] for one in rounds]) for key in rounds[0][name]} for name in QUESTIONS
    }
    told = {
        "noroshi": __version__, "python": platform.python_version(), "load": load, "rounds": wanted.rounds,
        "until_s": WhatIf(read_scenario("trilateral")).until_s,
        "prepared_s": middle([one["prepared_s"] for one in rounds]),
        "slowest_s": max(each["took_s"] for each in questions.values()),
        "questions": questions,
    }  # fmt: skip
    print(json.dumps(told))


if __name__ == "__main__":
    main()
