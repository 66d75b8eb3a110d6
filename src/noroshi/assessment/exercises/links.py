"""What sharing cost and how late it was: bytes by link, the age of what came over links, the delay of each hop."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from noroshi.assessment.exercises.clocks import firm
from noroshi.assessment.exercises.definition import Definition
from noroshi.assessment.exercises.happened import Happened
from noroshi.assessment.results import Figure
from noroshi.geo.time import NS_PER_S

MEASURES = {
    "link_bytes_s": Definition(
        "B/s", -1, "What was put on a link, by the run's time; of the coalition: of the busiest.", ("link", "coalition")
    ),
    "staleness_s_median": Definition(
        "s", -1, "How long ago tracks that no own sensor feeds were measured, at the pictures' times.", ("node",)
    ),
    "staleness_s_p95": Definition(
        "s", -1, "The same, 95 % of them are younger; of the coalition: of the worst node.", ("node", "coalition")
    ),
    "sensor_delay_s": Definition("s", -1, "From a plot of a threat to when its node heard it, the median.", ("node",)),
    "sensor_delay_s_p95": Definition("s", -1, "The same, 95 % of them come sooner.", ("node",)),
    "plots_lost": Definition(
        "share", -1, "Of sensors' spans with a plot of a threat, those that never came.", ("node",)
    ),
    "share_delay_s": Definition(
        "s",
        -1,
        "From any node's first own firm track on a threat to the node's first, own or shared, at the pictures' times.",
        ("node", "threat"),
    ),
    "alarms": Definition("1", 0, "How often a node found a link wrong: forged, replayed, altered.", ("node",)),
}


def figures(happened: Happened) -> Iterator[Figure]:
    """Give what links carried and how late."""
    rates = {way: n / happened.duration_s for way, n in happened.sent_bytes.items() if happened.duration_s > 0.0}
    for way, rate in rates.items():
        yield Figure(measure="link_bytes_s", value=rate, subject=way)
    yield Figure(measure="link_bytes_s", value=max(rates.values(), default=0.0))
    worst = [math.nan]
    for node in happened.nodes:
        ages_s = staleness_s(happened, node)
        for name, share in (("staleness_s_median", 0.5), ("staleness_s_p95", 0.95)):
            yield Figure(measure=name, value=_quantile(ages_s, share), node=node)
        worst.append(_quantile(ages_s, 0.95))
        yield from _sensors(happened, node)
        yield Figure(measure="alarms", value=float(happened.alarms.get(node, 0)), node=node)
    known = [each for each in worst if not math.isnan(each)]
    yield Figure(measure="staleness_s_p95", value=max(known, default=math.nan))
    yield from _sharing(happened)


def staleness_s(happened: Happened, node: str) -> list[float]:
    """Return how long ago each track shown was measured, of those that the node's own sensors do not feed."""
    held = happened.known[node]
    tracks = held.tracks
    if held is happened.own[node] or not len(held.shown_row):
        return []
    own = [i for i, name in enumerate(tracks.source_names) if name == node]
    row = held.shown_row[~tracks.sources[held.shown_row][:, own].any(axis=1)]
    time = held.shown_time[~tracks.sources[held.shown_row][:, own].any(axis=1)]
    ages_s = (happened.targets.times_ns[time] - tracks.updated_ns[row]) / NS_PER_S
    return [float(each) for each in ages_s]


def _sensors(happened: Happened, node: str) -> Iterator[Figure]:
    plots = [plot for plot in happened.plots if plot.node == node]
    delays_s = [(plot.heard_ns - plot.taken_ns) / NS_PER_S for plot in plots if plot.heard_ns is not None]
    yield Figure(measure="sensor_delay_s", value=_quantile(delays_s, 0.5), node=node, shared=False)
    yield Figure(measure="sensor_delay_s_p95", value=_quantile(delays_s, 0.95), node=node, shared=False)
    lost = 1.0 - len(delays_s) / len(plots) if plots else math.nan
    yield Figure(measure="plots_lost", value=lost, node=node, shared=False)


def _sharing(happened: Happened) -> Iterator[Figure]:
    own = [firm(happened.targets, held) for held in happened.own.values()]
    known = {node: firm(happened.targets, held) for node, held in happened.known.items()}
    for course in happened.courses:
        first_ns = min((each[course.name] for each in own if course.name in each), default=None)
        for node, each in known.items():
            value = math.nan
            if first_ns is not None:
                value = (each[course.name] - first_ns) / NS_PER_S if course.name in each else math.inf
            yield Figure(measure="share_delay_s", value=value, node=node, subject=course.name)


def _quantile(values: Sequence[float], share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else math.nan
