"""What a recording shows as it stands, before anybody is tracked: damage, silences, stamps, repeats."""

import math
from collections.abc import Sequence

import numpy as np

from noroshi.assessment.intervals import Interval
from noroshi.assessment.silences import passed_s, silences
from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.records import Detections
from noroshi.run.batches import REMEMBERED_SENSORS, Repeats, drop_stray_times, in_time
from noroshi.run.doctor.findings import HOUR_S, Finding, in_figures, in_hours, span_ns
from noroshi.run.recordings import Recording
from noroshi.run.sites import two_under_one_name

WHOLE_HOUR_S = 60.0
JUMPED = 0.5  # of a silence: where its senders' way took less than that, and no more, the clock jumped
SAME_STAMP_APART_RAD = math.radians(5.0)
BOTH_LINES = 0.05  # how near to a half the share of repeated rows is if a network's two lines were recorded
STEP_BACK_S = 1.0  # plots come sector by sector and not quite in order


def damage(recording: Recording) -> list[Finding]:
    """Return whether any of its records are damaged, and why."""
    decoded, name = recording.decoded, recording.path.name
    if not decoded.damage:
        return [Finding(sensor="", subject="damaged records", level="ok", n=decoded.n_records,
                        verdict=f"{name}: none of {decoded.n_records:,} records is damaged")]  # fmt: skip
    n = decoded.damage.total()
    why = ", ".join(f"{count:,} {reason}" for reason, count in decoded.damage.most_common())
    verdict = f"{name}: {n:,} of {decoded.n_records:,} records are damaged and were skipped: {why}"
    return [Finding(sensor="", subject="damaged records", level="fault", verdict=verdict, n=decoded.n_records)]


def how_read(recording: Recording) -> list[Finding]:
    """Return what of it was not used, and what was assumed of it as it was read."""
    unused, name = recording.decoded.columns_not_used, recording.path.name
    verdict = f"{name}: not used: {', '.join(unused)} (docs/tables.md has the names that are; or --column)"
    found = [Finding(sensor="", subject="columns", level="unknown", verdict=verdict, n=len(unused))] if unused else []
    for note in recording.decoded.notes:
        found.append(Finding(sensor="", subject="how it was read", level="unknown", verdict=f"{name}: {note}"))
    return found


def silent_together(recording: Recording) -> list[Finding]:
    """Return when all senders of a recording fell silent together, and whether its clock jumped meanwhile."""
    decoded, found = recording.decoded, []
    generator = np.random.Generator(np.random.Philox(0))  # equal recordings get equal findings
    timely, _ = drop_stray_times([batch for batch in decoded.detections if len(batch)])
    if not timely:
        return []
    every = [batch.time_ns for batch in timely]
    low_ns, high_ns = span_ns(every)
    every += [each.time_ns[(each.time_ns > low_ns) & (each.time_ns < high_ns)] for each in decoded.statuses]
    for start_ns, end_ns in silences(every):
        gap_s = (end_ns - start_ns) / NS_PER_S
        passed, n = passed_s(timely, start_ns, end_ns, generator)
        verdict = (
            f"{recording.path.name}: all are silent together from {iso_from_utc_ns(start_ns)[:19]} for {gap_s:,.0f} s"
        )
        jump = Interval(gap_s - passed.value, gap_s - passed.high, gap_s - passed.low)
        level, subject = "unknown", "silence of all"
        if passed.high < JUMPED * gap_s:
            level, subject = "fault", "clock jump of all"
            verdict += (
                f", and {n:,} went on as if {max(passed.value, 0.0):,.0f} s had passed: the clock that stamped all "
            )
            verdict += (
                f"of it jumped forwards by {in_figures(jump, 's')}; take that from the stamps after it, or read both "
            )
            verdict += "parts alone"
        elif passed.low > JUMPED * gap_s:
            level = "ok"
            verdict += f", in which {n:,} went on as that time lets them: the recording paused"
        else:
            verdict += ": whether the recording paused or its clock jumped nothing here tells"
        interval = jump if level == "fault" else Interval(gap_s, math.nan, math.nan)
        found.append(
            Finding(sensor="", subject=subject, level=level, verdict=verdict, interval=interval, unit="s", n=n)
        )
    return found


def stamps(batches: Sequence[Detections], twice: int) -> list[Finding]:
    """Return what a sensor's times in the order of the recording show of its clock; `twice` rows are repeats."""
    name = batches[0].sensor
    time_ns = np.concatenate([batch.time_ns for batch in batches])
    found = []
    steps_s = np.concatenate([np.diff(batch.time_ns) for batch in batches]) / NS_PER_S
    back = steps_s[steps_s < 0.0]
    if len(back):
        level = "fault" if -back.min() > STEP_BACK_S else "ok"
        verdict = f"stamps run backwards {len(back):,} times, by {-back.min():.3f} s at most"
        verdict += "" if level == "fault" else ", as where plots come sector by sector"
        found.append(Finding(sensor=name, subject="order of stamps", level=level, verdict=verdict, n=len(time_ns)))
    else:
        verdict = "stamps never run backwards"
        found.append(Finding(sensor=name, subject="order of stamps", level="ok", verdict=verdict, n=len(time_ns)))
    verdict = f"{twice:,} of {len(time_ns):,} rows repeat another one to the last digit"
    if twice:
        both = "azimuth_rad" in batches[0].components and abs(twice / len(time_ns) - 0.5) < BOTH_LINES
        lines = ": the recording seems to hold both lines of a redundant network" if both else ""
        verdict += f"{lines}; they are left out here, and by `noroshi track`"
    level = "fault" if twice else "ok"
    found.append(Finding(sensor=name, subject="repeated rows", level=level, verdict=verdict, n=len(time_ns)))
    if "azimuth_rad" in batches[0].components:
        found += _shared_stamps(name, batches)
    if told := two_under_one_name(batches):
        level = "unknown" if "two faces" in told else "fault"
        found.append(Finding(sensor=name, subject="two antennas", level=level, verdict=told, n=len(time_ns)))
    received_ns = max(batch.received_ns for batch in batches)
    late_s = (received_ns - int(time_ns.max())) / NS_PER_S
    if late_s:
        side = "before" if late_s > 0.0 else "after"
        verdict = f"its newest plot is stamped {abs(late_s):.3f} s {side} the recording received its last one"
        level = "fault" if late_s < 0.0 else "ok"
        if late_s < 0.0:
            hours = round(-late_s / HOUR_S)
            whole = hours > 0 and abs(-late_s - hours * HOUR_S) < WHOLE_HOUR_S
            verdict += ": from the future, one of the two clocks is wrong"
            verdict += f" (by {in_hours(hours)}: a time zone?)" if whole else ""
        interval = Interval(late_s, math.nan, math.nan)
        found.append(
            Finding(sensor=name, subject="age at reception", level=level, verdict=verdict, interval=interval, unit="s")
        )
    return found


def unsearched(timely: Sequence[Detections]) -> list[Finding]:
    """Return how many rows a live node would not have looked at for repeats: it remembers so many sensors at once."""
    if len({(batch.sensor, batch.components) for batch in timely}) <= REMEMBERED_SENSORS:
        return []
    repeats, n = Repeats(), sum(len(batch) for batch in timely)
    for now_ns, batch in in_time(timely, {}, batch_s=1.0):
        repeats.marked(batch, now_ns)
    if not repeats.n_unsearched:
        return []
    verdict = (
        f"live, {repeats.n_unsearched:,} of {n:,} rows would not be looked at for repeats: more than "
        f"{REMEMBERED_SENSORS} sensors gave rows within half a minute; are their names forged or damaged?"
    )
    return [Finding(sensor="", subject="repeated rows", level="unknown", verdict=verdict, n=n)]


def _shared_stamps(name: str, batches: Sequence[Detections]) -> list[Finding]:
    """Return whether plots of quite different azimuths share a stamp: then it is not that of the beam."""
    time_ns = np.concatenate([batch.time_ns for batch in batches])
    azimuth = np.concatenate([batch.values[:, batch.components.index("azimuth_rad")] for batch in batches])
    order = np.lexsort((azimuth, time_ns))
    same = np.diff(time_ns[order]) == 0
    apart = np.abs(np.angle(np.exp(1j * np.diff(azimuth[order])))) > SAME_STAMP_APART_RAD
    n = int((same & apart).sum())
    part = n / max(len(time_ns), 1)
    if part <= 0.01:
        return []
    verdict = (
        f"{100 * part:.1f} % of plots share their stamp with one more than 5 degrees away: they are stamped by "
        "sector, not when the beam met them"
    )
    return [Finding(sensor=name, subject="shared stamps", level="fault", verdict=verdict, n=len(time_ns))]
