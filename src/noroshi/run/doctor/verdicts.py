"""What was measured of a sensor in words, with what to do about it."""

import math
from collections.abc import Sequence

import numpy as np

from noroshi.assessment import looks
from noroshi.assessment.biases import Biases, Measured
from noroshi.assessment.intervals import Interval, share
from noroshi.assessment.reference import truth_from_reports
from noroshi.assessment.rotation import Rotation
from noroshi.assessment.trends import Trend
from noroshi.geo.time import iso_from_utc_ns
from noroshi.geo.wgs84 import MEAN_RADIUS_M
from noroshi.records import Detections, SensorSite
from noroshi.run.doctor.findings import PAIRS_MIN, Finding, in_figures, in_short, signed, without_sign
from noroshi.sensors import Sensor
from noroshi.tracking.pairing import NOISE_FACTOR, REACH_SIGMAS
from noroshi.tracking.registration import (
    BIASES,
    MEASURED,
    PRIOR_SIGMA,
    SPEED_SIGMA_M_S,
)

NOISE_WRONG = 1.2  # times what is assumed
MATTERS = 0.2  # of a plot's own noise: a bias that is surely more than this is worth taking out
FALSE_CELL_CHANCE, FALSE_CELL_TIMES = 0.01, 2.0
SPLIT_SHARE, CODE_SHARE = 0.01, 0.005
TOLD_SHARE = 0.5  # a noise whose interval is wider than this is a bound and no figure
RARE = 0.001  # of reports: what surely happens less often is noise of the medium and no fault
ALIKE = ", or one of the two sites is wrong: two radars alone do not tell"
CONTRADICTIONS = {
    "outlier of position": "place off the track that the others make",
    "long stretch off the track (spoofed?)": "place off the track that the others make, and for more than a minute: "
    "spoofed, or two senders with one address",
    "contradicts its own velocity": "places do not move as the velocities with them say",
    "spike of altitude": "height that no climb explains",
    "held over": "the same place as before although the target moves: an old one sent on",
    "same time twice": "another place for the same time",
}
"""What `truth_from_reports` removes, and what that means to an engineer."""
UNITS = {"range_m": ("m", 1.0), "azimuth_rad": ("deg", 180.0 / math.pi), "elevation_rad": ("deg", 180.0 / math.pi),
         "time_s": ("s", 1.0)}  # fmt: skip
WORDS = {"range_m": "range", "azimuth_rad": "azimuth", "elevation_rad": "elevation", "time_s": "clock"}


def trend_finding(trend: Trend, sites: Sequence[SensorSite], span_s: float, n: int, alike: bool) -> Finding:
    """Return what is not constant in words, with its remedy where it is surely this radar's."""
    size, minutes = trend.size, span_s / 60.0
    if trend.kind == "site":
        east, north = (interval.value for interval in trend.values)
        shown, unit, subject = size, "m", "site"
        bearing = math.degrees(math.atan2(-east, -north)) % 360.0
        verdict = f"its site is said to be {size.value:.0f} m from where its plots put it"
        (site,) = (site for site in sites if site.sensor == trend.sensor)
        lat = math.degrees(site.lat_rad) - math.degrees(north / MEAN_RADIUS_M)
        lon = math.degrees(site.lon_rad) - math.degrees(east / MEAN_RADIUS_M / math.cos(site.lat_rad))
        remedy = f"move it by {size.value:.0f} m towards {bearing:.0f} degrees, to {lat:.5f}, {lon:.5f}"
    elif trend.kind == "range scale":
        shown, unit, subject = Interval(*(100.0 * x for x in size)), "%", trend.kind
        verdict = f"range is too {'large' if size.value > 0 else 'small'} by {abs(shown.value):.3f} % of itself"
        remedy = f"divide it by {1.0 + size.value:.6f}; no constant mends it"
    else:
        component = next(key for key, word in WORDS.items() if trend.kind.startswith(word))
        unit, factor = UNITS[component]
        shown, subject = Interval(*(factor * x for x in size)), trend.kind
        verdict = f"the error of its {WORDS[component]} grows by {signed(shown.value, unit)} in {minutes:.1f} minutes"
        verdict += ", which no constant takes out"
        remedy = "mend its source"
    if alike and "drift" not in trend.kind:
        verdict += ALIKE
    elif trend.or_else:
        verdict += f", or that of {' or '.join(trend.or_else)} is as wrong the other way: nothing here tells"
    else:
        verdict += f": {remedy}"
    figure = Interval(*(x / 100.0 for x in shown)) if unit == "%" else shown
    verdict += f" ({in_figures(figure, unit)}, {n:,} plots)"
    return Finding(sensor=trend.sensor, subject=subject, level="fault", verdict=verdict, interval=shown, unit=unit, n=n)


def report_findings(name: str, reports: Detections) -> list[Finding]:
    """Return which reports contradict the rest of what their senders say."""
    if not {"lat_rad", "lon_rad"} <= set(reports.components) or not len(reports):
        return []
    _, removed = truth_from_reports([reports])
    found = []
    for reason, words in CONTRADICTIONS.items():
        if n := removed[reason]:
            often = share(n, len(reports))
            verdict = f"{n:,} of {len(reports):,} reports: {words}"
            level = "fault" if often.low > RARE else "ok"
            found.append(
                Finding(sensor=name, subject="contradictions", level=level, verdict=verdict, interval=often,
                        n=len(reports))
            )  # fmt: skip
    if not found:
        verdict = f"no report of {len(reports):,} contradicts its sender's others by place, speed or height"
        found.append(Finding(sensor=name, subject="contradictions", level="ok", verdict=verdict, n=len(reports)))
    return found


def usual_noise(sensor: Sensor) -> list[float]:
    """Return the standard deviations of range, azimuth and elevation that are assumed of a radar [m, rad, rad]."""
    names = ("range_sigma_m", "azimuth_sigma_rad", "elevation_sigma_rad")
    return [sensor.parameters.get(name, math.nan) for name in names]


def bias_findings(biases: Biases, sensor: Sensor, all_: Measured, references: str, alike: bool) -> list[Finding]:
    """Return what a radar's biases and noise are, against `references`; `alike`: sites explain them equally well."""
    name, found = biases.sensor, []
    if biases.n < PAIRS_MIN:
        why = f"only {biases.n} plots could be paired with {references}" if references else (
            "nothing to compare with: no position reports, and no other radar that is placed")  # fmt: skip
        verdict = f"biases and noise unknown: {why}"
        return [Finding(sensor=name, subject="biases", level="unknown", verdict=verdict, n=biases.n)]
    if all(math.isnan(interval.low) for interval in [*biases.bias, *biases.noise]):
        verdict = f"biases and noise unknown: {biases.n} pairs with {references} of too few targets to tell them apart"
        return [Finding(sensor=name, subject="biases", level="unknown", verdict=verdict, n=biases.n)]
    usual = usual_noise(sensor)
    matter = [
        *(MATTERS * x for x in usual),
        MATTERS * usual[0] / sensor.parameters.get("speed_sigma_m_s", SPEED_SIGMA_M_S),
    ]
    for bias, interval, least in zip(BIASES, biases.bias, matter, strict=True):
        unit, factor = UNITS[bias]
        subject = f"{WORDS[bias]} bias"
        if math.isnan(interval.low):
            if bias == "time_s":
                found.append(_clock_against(name, all_))
            continue
        shown = Interval(*(factor * x for x in interval))
        wrong = interval.low * interval.high > 0.0 and min(abs(interval.low), abs(interval.high)) > least
        far = interval.low * interval.high > 0.0
        if wrong and abs(interval.value) > REACH_SIGMAS * PRIOR_SIGMA[BIASES.index(bias)]:
            verdict = f"{too(bias, shown.value)}, more than a radar is off by itself: look for its cause first"
        elif wrong:
            verdict = f"{too(bias, shown.value)}{ALIKE if alike else f': {_remedy(bias, shown.value)}'}"
        elif far:
            verdict = f"{too(bias, shown.value)}, which is little against its noise"
        else:
            verdict = f"no bias of {WORDS[bias]} shows"
        verdict += f" ({in_figures(shown, unit)}, {biases.n:,} plots against {references})"
        level = "fault" if wrong else "ok"
        found.append(
            Finding(sensor=name, subject=subject, level=level, verdict=verdict, interval=shown, unit=unit, n=biases.n)
        )
    for component, interval, stated in zip(MEASURED, biases.noise, usual, strict=True):
        if math.isnan(interval.low):
            continue
        unit, factor = UNITS[component]
        shown = Interval(*(factor * x for x in interval))
        verdict = f"noise of {WORDS[component]} is {in_figures(shown, unit)}"
        if interval.low < TOLD_SHARE * interval.high:
            verdict = (
                f"noise of {WORDS[component]} is at most {shown.high:.3g} {unit}; how much of it is the reference's own"
            )
            verdict += " these data do not tell"
        wrong = interval.low > NOISE_WRONG * stated or interval.high < stated / NOISE_WRONG
        if wrong:
            sigma = component.replace("_m", "_sigma_m").replace("_rad", "_sigma_rad")
            verdict += f", {interval.value / stated:.2f} times the {stated * factor:.3g} {unit} assumed"
            remedy = f"set {sigma} = {interval.value:.4g}"
            if interval.value > NOISE_FACTOR * stated:
                remedy = "more than is usual of noise alone: look for another cause first"
            verdict += f": {remedy}"
        found.append(
            Finding(sensor=name, subject=f"{WORDS[component]} noise", level="fault" if wrong else "ok", verdict=verdict,
                    interval=shown, unit=unit, n=biases.n)
        )  # fmt: skip
    return found


def _clock_against(name: str, all_: Measured) -> Finding:
    first = all_.radars[0].sensor
    interval = all_.clocks.get(name)
    if interval is None or math.isnan(interval.low):
        verdict = "clock bias unknown: radars alone show only the difference of their clocks"
        return Finding(sensor=name, subject="clock bias", level="unknown", verdict=verdict)
    wrong = interval.low * interval.high > 0.0
    words = f"{abs(interval.value):.3f} s {'ahead of' if interval.value > 0 else 'behind'} that of {first}"
    verdict = f"its clock is {words} ({in_figures(interval, 's')}); which of the two is right nothing here tells"
    return Finding(
        sensor=name, subject=f"clock against {first}", level="fault" if wrong else "ok", verdict=verdict,
        interval=interval, unit="s",
    )  # fmt: skip


def too(bias: str, value: float) -> str:
    """Return in words which way a bias is off; the value in the unit that people are told."""
    unit, _ = UNITS[bias]
    if bias == "time_s":
        return f"stamps are {abs(value):.3f} s too {'late' if value > 0 else 'early'}"
    return f"{WORDS[bias]} is {in_short(abs(value), unit)} too {'large' if value > 0 else 'small'}"


def _remedy(bias: str, value: float) -> str:
    unit, _ = UNITS[bias]
    what = "stamps" if bias == "time_s" else WORDS[bias]
    return (
        f"{'subtract' if value > 0 else 'add'} {in_short(abs(value), unit)} {'from' if value > 0 else 'to'} its {what}"
    )


def rotation_findings(name: str, turning: Rotation) -> list[Finding]:
    """Return how long a turn of the antenna takes, and where the stamps jump against it."""
    period, jitter = turning.period_s, turning.jitter_s
    percent = 100.0 * jitter / period.value
    verdict = f"a turn takes {period.value:.4f} s ({period.low:.4f} to {period.high:.4f})"
    verdict += f", give or take {jitter:.4f} s ({percent:.2f} %)"
    level = "fault" if percent > 2.0 else "ok"
    found = [
        Finding(
            sensor=name, subject="rotation", level=level, verdict=verdict, interval=period, unit="s", n=turning.n_turns
        )
    ]
    for jump in turning.jumps:
        way = "forwards" if jump.size_s.value > 0 else "back"
        size = in_figures(without_sign(jump.size_s), "s")
        verdict = (
            f"at {iso_from_utc_ns(jump.time_ns)[:21]} the stamps jump {way} by {size} "
            "against the antenna (or by that and whole turns, or the antenna slipped)"
        )
        found.append(
            Finding(sensor=name, subject="clock jump", level="fault", verdict=verdict, interval=jump.size_s, unit="s",
                    n=turning.n_turns)
        )  # fmt: skip
    return found


def look_findings(
    name: str, plots: Detections, sensor: Sensor, owned: looks.Ownership, turning: Rotation
) -> list[Finding]:
    """Return what its looks at tracks show: detections, false and split plots, codes."""
    found = []
    seen, n = looks.detection(owned, turning.turn)
    if n:
        stated = sensor.parameters["detection_probability"]
        low = seen.high < stated
        verdict = f"a look sees its target with probability {in_figures(seen, '')}, {n:,} looks"
        verdict += f": less than the {stated:g} assumed" if low else ""
        found.append(
            Finding(sensor=name, subject="detection probability", level="fault" if low else "ok", verdict=verdict,
                    interval=seen, n=n)
        )  # fmt: skip
    else:
        verdict = "detection probability unknown: no track of it is longer than two plots"
        found.append(Finding(sensor=name, subject="detection probability", level="unknown", verdict=verdict))
    rate = looks.false_plots(owned, turning.turn)
    if not math.isnan(rate.value):
        verdict = f"{in_figures(rate, '')} plots a turn are of no track"
        found.append(
            Finding(sensor=name, subject="false plots", level="ok", verdict=verdict, interval=rate, unit="a turn",
                    n=int((owned.track < 0).sum()))
        )  # fmt: skip
    along, turned = (sensor.COMPONENTS.index(component) for component in MEASURED[:2])
    spot = looks.worst_spot(owned, plots.values[:, along], plots.values[:, turned])
    if spot is not None and spot.chance < FALSE_CELL_CHANCE and spot.times_mean > FALSE_CELL_TIMES:
        left, right = (math.degrees(x) for x in spot.azimuth_rad)
        near, far = (x / 1_000.0 for x in spot.range_m)
        verdict = (
            f"plots of no track are {spot.times_mean:.1f} times as dense as on average at {left:.0f} to {right:.0f} "
            f"degrees, {near:.0f} to {far:.0f} km ({spot.n:,} plots): clutter, or targets seen too seldom for a track"
        )
        found.append(Finding(sensor=name, subject="where false plots are", level="fault", verdict=verdict, n=spot.n))
    if not n:
        return found
    often, looks_of = looks.splits(owned)
    verdict = f"a target has a second plot in the same turn in {in_figures(often, '%')} of looks"
    level = "fault" if often.low > SPLIT_SHARE else "ok"
    found.append(Finding(sensor=name, subject="split plots", level=level, verdict=verdict, interval=often, n=looks_of))
    height = (
        plots.values[:, sensor.COMPONENTS.index("altitude_m")]
        if "altitude_m" in sensor.COMPONENTS
        else np.full(len(plots), np.nan)
    )
    for subject, (often, of) in looks.code_faults(owned, plots, height).items():
        if of:
            level = "fault" if subject.endswith("wrong") and often.low > CODE_SHARE else "ok"
            verdict = f"{subject} in {in_figures(often, '%')} of {of:,} plots on tracks"
            found.append(Finding(sensor=name, subject=subject, level=level, verdict=verdict, interval=often, n=of))
    return found
