"""A campaign's folder whose runs are drawn, not run: what its report must say is known."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from noroshi.assessment.results import Figure, RunResult
from noroshi.run.campaigns.folders import Campaign, keep_run, read_about, read_campaign, write_about
from noroshi.run.campaigns.performing import Wanted, prepare
from noroshi.run.campaigns.toml import toml_of
from noroshi.run.scenarios.sources import read_source

CAMPAIGN = """
name = "Drawn <b>campaign</b>"
scenario = "./few.toml"
seeds = {seeds}
[[variants]]
name = "alone"
title = "Nations share nothing"
sharing = false
[[variants]]
name = "late"
title = "A cloud & its top"
changes = {{ "weather.cloud_top_m" = 12000.0 }}
[[variants]]
name = "remedy"
title = "A remedy <script>alert(1)</script>"
changes = {{ "weather.cloud_top_m" = 3000.0 }}
is_remedy = true
"""
NODES, THREATS = ("JPN", "USA", "AUS"), ("threat-1", "threat-2")
SOONER_S = 30.0
"""By sharing, truly, of what comes in both."""


def figures(variant, common, rng):
    """Return one run's figures: alone all is 30 s later and AUS never knows; the remedy is 60 s sooner."""
    noise = common.normal(0.0, 20.0)
    for node in NODES:
        for threat in THREATS:
            never = variant == "alone" and node == "AUS"
            after = 150.0 + noise + rng.normal(0.0, 5.0) + {"alone": SOONER_S, "remedy": -60.0}.get(variant, 0.0)
            yield Figure(measure="time_to_firm_track_s", value=math.inf if never else after, node=node, subject=threat)
            yield Figure(measure="custody_share", value=rng.uniform(0.5, 0.9), node=node, subject=threat)
        for at_s in (20.0, 40.0, 60.0):
            for shared in (False, True):
                value = 0.2 + 0.3 * shared + rng.normal(0.0, 0.01)
                yield Figure(measure="completeness", value=value, node=node, shared=shared, at_s=at_s)
    for threat in THREATS:
        at = min(150.0 + noise, 170.0) - (60.0 if variant == "remedy" else 0.0)
        yield Figure(measure="time_to_firm_track_s", value=at, subject=threat)
        yield Figure(
            measure="first_warning_lead_s", value=300.0 - noise + rng.normal(0.0, 3.0), node="JPN", subject=threat
        )
        for stage in ("sensor", "person"):
            yield Figure(measure=f"ledger_{stage}_s", value=20.0 + rng.uniform(), node="JPN", subject=threat)
    yield Figure(measure="threats_tracked", value=1.0)
    yield Figure(measure="background_tracked", value=0.5 + rng.uniform(0.0, 0.05))


def few() -> str:
    """Return the trilateral scenario with two of its flights alone."""
    table = read_source("scenarios", "trilateral").table
    del table["traffic"], table["injects"]
    flights = [each for each in table["flights"] if each["name"] in THREATS]
    objectives = [each for each in table["objectives"] if not each.get("flights")]
    injects = [
        {"name": "A cable", "what": "link_cut", "at_s": 200.0, "for_s": 50.0, "whom": "JPN-USA"},
        {"what": "sensor_off", "at_s": 300.0, "whom": "jpn-north"},
    ]
    return toml_of(table | {"flights": flights, "objectives": objectives, "injects": injects})


def few_end_s() -> float:
    """Return how long that runs."""
    return float(read_source("scenarios", "trilateral").table["duration_s"])


def campaign(
    folder: Path, *, seeds: int = 12, seed: int = 1, slower_s: float = 0.0, other_seed: bool = False
) -> Campaign:
    """Return a campaign of drawn runs; one of 'late' failed. All times may be later than usual, its truth another."""
    folder.mkdir()
    (folder / "few.toml").write_text(few())
    (folder / "asked.toml").write_text(CAMPAIGN.format(seeds=seeds))
    prepared = prepare(Wanted(what=str(folder / "asked.toml"), out=folder / "kept"))
    for variant in prepared.variants:
        for replicate in range(seeds):
            told = figures(
                variant.name,
                np.random.default_rng([seed, replicate, 7]),
                np.random.default_rng([seed, replicate, sum(map(ord, variant.name))]),
            )
            late = tuple(
                Figure(
                    measure=each.measure, value=each.value + slower_s, node=each.node, shared=each.shared,
                    subject=each.subject, at_s=each.at_s,
                ) if each.measure.startswith("time_") else each
                for each in told
            )  # fmt: skip
            failed = variant.name == "late" and replicate == 3
            run = RunResult(
                variant=variant.name, replicate=replicate, figures=() if failed else late,
                digests={} if failed else dict.fromkeys(NODES, f"{replicate:064x}"), processor_s=1.0,
                error="no room <here> & there" if failed else "",
            )  # fmt: skip
            keep_run(folder / "kept", run)
    if other_seed:
        about = read_about(folder / "kept")
        write_about(folder / "kept", replace(about, seed=about.seed + 1))
    return read_campaign(folder / "kept")
