"""Write docs/figures.md from what the benches printed.

    uv run bench/NAME.py --json > bench/results/NAME.json      (each bench prints one JSON object last)
    uv run scripts/make_figures.py

Every number on that page comes from a file in bench/results/, which says the seeds and versions it was made with.
"""

from typing import Any

from figures import ROOT, judged, load, sharing, table, versions, world


def amount(line: dict[str, Any], value: float | None) -> str:
    """Return a figure of the ED-142 table with its unit; a share in per cent, one that is not known as a dash."""
    if value is None:
        return "-"
    return f"{value:.1f} {line['unit']}" if line["unit"] else f"{100 * value:.3g} %"


def siap_rows(siap: dict[str, float]) -> list[tuple[str, str]]:
    """Return the SIAP figures but for those on identity, which a picture without transponders has none of."""
    return [(name.replace("_", " "), f"{value:.4g}") for name, value in siap.items() if not name.startswith("id_")]


def ed142_rows(lines: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    """Return the rows of an ED-142 table."""
    return [
        (
            x["requirement"],
            amount(x, x["value"]),
            f"{x['sense']} {amount(x, x['threshold'])}",
            x["verdict"],
            x["reason"],
        )
        for x in lines
    ]


ED142_HEAD = ("requirement", "found", "asked", "verdict", "why, or by which rule")


def swiss() -> str:
    """Return the section on simulated radars over Switzerland."""
    found = load("swiss_radars")
    return "\n\n".join(
        [
            "## Real flights past three simulated radars",
            "`uv run bench/swiss_radars.py --from-hour 10 --hours 2 --seed 2 --json`",
            f"{found['flights']} flights from {found['from']} for {found['hours']:g} h, {found['plots']:,} plots, seed "
            f"{found['seed']}, tracker `{found['tracker']}`; output period {found['output_period_s']:g} s. Parameters were "
            "chosen on 08:00 to 08:30 with seed 1. The truth is smoothed from the flights' own reports "
            "(`assessment/smoothing.py`).",
            table(("SIAP", "value"), siap_rows(found["siap"])),
            "The lines of an EUROCAE ED-142-style table, en route:",
            table(ED142_HEAD, ed142_rows(found["ed142"])),
            "False detections: a flight that leaves the sample leaves a track that coasts, and until two looks have missed "
            "it its rows say firm. Whether they are false is told both ways (`assessment/ed142.py`). Radars without "
            "transponder codes cannot be asked the lines on codes.",
            f"Tracking took {found['tracking_cpu_s']:.0f} s of processor time, compiling included. {versions(found)}",
        ]
    )


def concurrent() -> str:
    """Return the section on a thousand flights at once."""
    found = load("concurrent_flights")
    runs = found["runs"]
    names = list(dict(siap_rows(runs[0]["siap"])))
    siap = {name: [dict(siap_rows(run["siap"]))[name] for run in runs] for name in names}
    siap["processor seconds"] = [f"{run['tracking_cpu_s']:.1f}" for run in runs]
    lines = [[(amount(x, x["value"]), x["verdict"]) for x in run["ed142"]] for run in runs]
    head = tuple(f"{run['tracker']}, {run['identity']}" for run in runs)
    there = found["concurrent"]
    return "\n\n".join(
        [
            "## A thousand real flights at once",
            f"`uv run bench/concurrent_flights.py --seed {found['seed']} --json`",
            f"{found['flights']:,} legs shifted to one common time, {found['minutes']:g} minutes around it: "
            f"{there['mean']:,.0f} aloft on average, {there['most']:,} at most, {100 * there['share_near_another']:.0f} % of "
            "them within 1 km and 1,000 ft of another, as no control would let them. The same radars; plots carry no "
            "identity, or the ICAO address of their target.",
            table(("SIAP", *head), [(name, *values) for name, values in siap.items()]),
            "En route, ED-142-style, output period "
            f'{found["output_period_s"]:g} s; a dash where the line cannot be asked. Rules as above; "by the nearest '
            'target": as if the address of each update had to be that of the aircraft that is nearest on the map, whatever its '
            "height.",
            table(
                ("requirement", "asked", *head),
                [
                    (
                        x["requirement"],
                        f"{x['sense']} {amount(x, x['threshold'])}",
                        *(f"{each[i][0]} {each[i][1]}" if each[i][0] != "-" else "-" for each in lines),
                    )
                    for i, x in enumerate(runs[0]["ed142"])
                ],
            ),
            f"In the same run 20,000 products of 6 x 6 matrices took {found['calibration']['numba_products_ms']:.2f} ms in "
            f"numba and {found['calibration']['numpy_products_ms']:.2f} ms in numpy. {versions(found)}",
        ]
    )


def recordings() -> str:
    """Return the section on real recordings."""
    found = load("recordings")
    rows = []
    for each in found["recordings"]:
        if "records" not in each:
            rows.append((each["recording"], "refused", "", "", "", each["refused"][:90]))
            continue
        system = "; ".join(f"{s['tracks']:,} system tracks in {s['rows']:,} rows" for s in each["system_tracks"])
        known = each.get("against_known_positions")
        check = (
            f"{known['decoded']:,} of {known['known']:,} known positions, worst {known['worst_m']:g} m" if known else ""
        )
        note = "; ".join(filter(None, [system, check, each.get("refused", "")[:90]]))
        rows.append(
            (
                each["recording"], each["format"], f"{each['records']:,}", f"{each['damaged']:,}",
                f"{each['senders']} / {each['tracks']}" if "tracks" in each else "", note,
            )
        )  # fmt: skip
    jade = next((each for each in found["recordings"] if each["recording"].startswith("jade")), None)
    text = []
    if jade:
        s = jade["system_tracks"][0]
        text.append(
            f"The half hour of a real multi-sensor picture (`{jade['recording']}`) holds {s['rows']:,} category 062 records of "
            f"{s['tracks']} tracks, as its source says, between {s['lat_deg'][0]} and {s['lat_deg'][1]} N, {s['lon_deg'][0]} "
            f"and {s['lon_deg'][1]} E; heights at the 1st, 50th and 99th percentile {s['height_m_1_50_99']} m, speeds "
            f"{s['speed_m_s_1_50_99']} m/s."
        )
    return "\n\n".join(
        [
            "## Every real recording at hand",
            "`uv run bench/recordings.py --asterix-samples FOLDER --samples none --json` (with `--samples all` every sample flight too)",
            *text,
            table(("recording", "format", "records", "damaged", "senders / tracks", "notes"), rows),
            "A flight may make several tracks: reports stop for minutes and begin again. "
            f"Absent: {', '.join(found['absent']) or 'none'}. {versions(found)}",
        ]
    )


def plain_feeds() -> str:
    """Return the section on plain feeds from a known truth."""
    found = load("plain_feeds")

    def errors(each: dict[str, float] | None) -> str:
        return f"{each['median']:g}, {each['p95']:g}, {each['max']:g}" if each else "-"

    rows = [
        (
            name,
            f"{feed['tracks']} of {feed['targets_held']} of {feed['targets']}",
            feed["tracks_of_none"],
            ", ".join(f"{n} {kind}" for kind, n in feed["kinds"].items()) or "-",
            errors(feed["position_error_m"]),
            errors(feed["height_error_m"]),
            f"{feed['records']:,}, {feed['damaged']:,}",
            ", ".join(f"{n:,} {why.lower()}" for why, n in feed["refused"].items()) or "none",
        )
        for name, feed in found["feeds"].items()
    ]
    seeds = found["seeds"]
    return "\n\n".join(
        [
            "## Plain feeds from a known truth",
            f"`uv run bench/plain_feeds.py --seeds {len(seeds)} --first-seed {seeds[0]} --json`",
            f"Twelve aircraft or five ships, {found['minutes']:g} minutes across midnight UTC, written by encoders of the bench's "
            f"own and read as a user hands them in; seeds {seeds[0]} to {seeds[-1]} together, {found['date']}. Reports are 15 m off "
            "(one sigma each way), radars 60 m and 0.07 degrees. Errors are of rows from 30 s after a track's beginning on.",
            table(("feed", "tracks of targets held of targets", "tracks of none", "kinds", "place [m]: median, 95 %, most",
                   "height [m]: median, 95 %, most", "records read, damaged", "plots refused"), rows),
            f"A counter's times (Beast) are right against each other alone; radar plots that are tracked by motions of aircraft alone say no kind. {versions(found)}",
        ]
    )  # fmt: skip


def damage() -> str:
    """Return the section on damaged input."""
    found = load("fuzz_formats")
    rows = [
        (name, f"{each['cases']:,}", f"{each['bytes']:,}", f"{each['refused']:,}", f"{each['slowest_s']:.2f} s")
        for name, each in sorted(found["formats"].items())
    ]
    return "\n\n".join(
        [
            "## Damaged recordings",
            "`uv run bench/fuzz_formats.py --megabytes 10 --json`",
            table(("format", "cases", "bytes", "refused whole", "slowest case"), rows),
            f"Nothing but `FormatError` left a decoder. {versions(found)}",
        ]
    )


def metrics() -> str:
    """Return the section on the measures' speed."""
    found = load("metrics")
    names = ("ospa", "gospa", "siap", "ospa2", "consistency", "ed142")
    rows = [
        (scene, size.replace("_x_", " x ").replace("000", ",000"), *(f"{taken[name]:.3f} s" for name in names))
        for scene in ("airspace", "swarm")
        for size, taken in found[scene].items()
    ]
    beside = [
        (
            size.replace("_x_", " x "),
            *(f"{taken[name + '_ratio']:,.0f} ({taken[name + '_relative_difference']:.0e})" for name in names[:3]),
        )
        for size, taken in found["beside_stone_soup"].items()
    ]
    return "\n\n".join(
        [
            "## Measures of one picture",
            "`uv run bench/metrics.py --json`",
            "Truth and tracks at 100 km2 a target (airspace) and 1 km apart (swarm), from records to result:",
            table(("scene", "targets x tracks", *names), rows),
            "How many times as fast as Stone Soup on the same pictures in the same run (and the relative difference of the "
            "values):",
            table(("targets x tracks", *names[:3]), beside),
            versions(found),
        ]
    )


def speed() -> str:
    """Return the section on the tracker's speed, beside Stone Soup and alone."""
    found = load("speed")
    one = found["calibration"]
    kind = (
        "**A quick run, to show the form: small scenes, few seeds. No claim rests on it.** " if found["quick"] else ""
    )
    parts = [
        "## How fast the tracker is",
        f"`uv run bench/speed.py {' '.join(found['arguments'])}`",
        f"{kind}Seconds are of one process's CPU; the same run's yardstick, 20,000 products of 6 x 6 matrices, took "
        f"{one['numba_products_ms']:.2f} ms by numba and {one['numpy_products_ms']:.2f} ms by numpy.",
        "Beside Stone Soup on the same plots (as documented; tuned by an expert; JPDA with EHM2), milliseconds a scan. "
        '"shared": all plots of a scan have one time; "rotating": each has its own. Worse by: share of GOSPA, mean over '
        "seeds and 95 % upper bound; below 0 noroshi is better.",
        table(
            ("scene", "targets", "time", "seeds", "noroshi", "peer", "times as fast", "worse by", "at most"),
            _beside(found),
        ),
        "GOSPA [m] and SIAP of each, medians over the seeds:",
        table(
            (
                "scene",
                "targets",
                "time",
                "program",
                "GOSPA",
                "completeness",
                "spuriousness",
                "ambiguity",
                "position [m]",
            ),
            _judged(found),
        ),
        *(_missing(found)),
    ]
    for tracker, alone in found["trackers"].items():
        if "rate" in alone:
            parts += _alone(tracker, alone)
    return "\n\n".join([*parts, f"Run on {found['date'] or 'a day not said'}. {versions(found)}"])


def _beside(found: dict[str, Any]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for case in found["beside"]:
        for tracker, peers in case["beside"].items():
            for peer, line in peers.items():
                ms = {name: 1e3 * case["medians"][name]["cpu_s"] for name in (tracker, peer)}
                worse = line["gospa_m_worse_by"]
                most = "-" if worse["upper_95"] is None else f"{100 * worse['upper_95']:.2f} %"
                rows.append((
                    case["layout"], f"{case['n']:,}", case["timing"], line["seeds"], f"{tracker} {ms[tracker]:.3g} ms",
                    f"{peer} {ms[peer]:.3g} ms", f"{line['times_as_fast_cpu']:,.1f}", f"{100 * worse['mean']:.2f} %", most,
                ))  # fmt: skip
    return rows


def _judged(found: dict[str, Any]) -> list[tuple[object, ...]]:
    names = ("gospa_m", "completeness", "spuriousness", "ambiguity", "position_accuracy_m")
    return [
        (
            case["layout"], f"{case['n']:,}", case["timing"], who,
            *("-" if m[name] is None else f"{m[name]:.4g}" for name in names),
        )
        for case in found["beside"]
        for who, m in case["medians"].items()
    ]  # fmt: skip


def _missing(found: dict[str, Any]) -> list[str]:
    """Return a line on peers that did not come to an end."""
    failed = [
        f"{peer} on {case['layout']} {case['n']:,} {case['timing']}: {why}"
        for case in found["beside"]
        for peer, why in case["failed"].items()
    ]
    return [f"Without a result: {'; '.join(failed)}."] if failed else []


def _alone(tracker: str, alone: dict[str, Any]) -> list[str]:
    """Return the tables of one tracker alone."""
    swarm, bar, start = alone["swarm"], alone["operational"], alone["start_up"]
    warm_up = alone["warm_up"]
    by_phase = [
        (f"{each['targets']:,}", name, f"{ns:,.0f}", f"{each['one_pass_ns_a_plot']:.0f}", each["source"])
        for each in alone["phases"]
        for name, ns in each["ns_a_plot"].items()
    ]
    whole = [
        (
            f"{each['targets']:,}", "**whole**", f"{each['whole_ns_a_plot']:,.0f}", f"{each['whole_limit_ns_a_plot']:.0f}",
            f"{each['bandwidth_bytes_s'] / 1e9:.1f} GB/s",
        )
        for each in alone["phases"]
    ]  # fmt: skip
    return [
        f"### {tracker} alone",
        f"Each plot at its own time, a scan in 10 s, batches of {alone['rate'][0]['batch_s']:g} s, Earth-fixed frames, from "
        "decoded detections through the node:",
        table(
            ("targets", "detections a second", "scan [s]", "completeness", "numba / numpy yardstick [ms]"),
            [
                (
                    f"{each['targets']:,}", f"{each['detections_a_second_cpu']:,.0f}", f"{each['scan_cpu_s']:.4g}",
                    f"{each['completeness']:.3f}" if "completeness" in each else "-",
                    " / ".join(f"{each['calibration'][f'{name}_products_ms']:.2f}" for name in ("numba", "numpy")),
                )
                for each in alone["rate"]
            ],
        ),
        table(
            ("what", "figure"),
            [
                (f"a swarm's target beside a sparse one, {swarm['targets']:,}", f"{swarm['cost_ratio_a_target']:.2f} times"),
                *(
                    (
                        f"two threads beside one, {each['targets']:,}, by the wall clock",
                        f"{each['times_as_fast']:.2f} times"
                        + (f"; shared {each['shared_a_scan']:.1f} times a scan" if "shared_a_scan" in each else ""),
                    )
                    for each in alone["threads"]
                ),
                (
                    f"{bar['sensors']} sensors, {bar['targets']:,} targets, {bar['plots_a_second']:,.0f} plots/s",
                    f"{100 * bar['share_of_one_core']:.2f} % of one core",
                ),
                *(
                    (f"start to {what.replace('_', ' ')}, {temper}", f"{start[what][f'{temper}_s']:.2f} s")
                    for what in ("first_track", "command")
                    if what in start
                    for temper in ("warm", "cold")
                ),
                ("first small scene beyond a second (kernels loaded or compiled)", f"{warm_up['cpu_s']:.2f} s"),
            ],
        ),
        "Nanoseconds a plot by phase, beside one pass over the track state and the plots at the bandwidth of memory (the "
        "whole: and the rows given out):",
        table(("targets", "phase", "ns", "limit [ns]", "how known"), by_phase + whole),
    ]  # fmt: skip


def asterix_speed() -> str:
    """Return the section on the speed of ASTERIX."""
    found = load("asterix_speed")

    def rows(cases: dict[str, Any], whole: str) -> list[tuple[object, ...]]:
        return [
            (
                name, f"{each['records']:,}", f"{each[whole + '_per_s']:,}", f"{each[whole + '_wall_per_s']:,}",
                f"{each['codec_per_s']:,}", f"{each['libasterix_per_s']:,}", f"{each[whole + '_ratio']:g}",
                f"{each['equal_records']:,} + {each.get('equal_damaged_records', 0):,}", f"{each['calibration_ns']:.2f}",
            )
            for name, each in cases.items()
        ]  # fmt: skip

    head = ("records", "whole", "whole, by the clock", "codec alone", "libasterix", "ratio", "equal", "calibration ns")
    return "\n\n".join(
        [
            "## Speed of ASTERIX",
            "`uv run bench/asterix_speed.py --json`",
            "Records a second on one core. Whole: from the bytes of a recording to `Detections` and `Tracks`, or back; codec "
            "alone: between the bytes of datagrams and columns of raw numbers. Both are of processor time, and once by the "
            "clock, which also counts what other programs on the machine took. libasterix parses or unparses in the same run; "
            "the ratio is of the whole way to it. Equal: how many records, whole and damaged, were compared with it, all with "
            "the same answer. Short recordings are repeated. Calibration: a step of a plain integer loop at that moment.",
            "Read:",
            table(("recording", *head), rows(found["read"], "decode")),
            "Written:",
            table(("category", *head), rows(found["written"], "encode")),
            f"Absent: {', '.join(found['absent']) or 'none'}. {versions(found)}",
        ]
    )


def registration() -> str:
    """Return the section on radars put right while tracking."""
    found = load("registration")
    rows = [
        (
            words,
            *(f"{x:.3g}" for x in found[key]["rms_error_range_m_azimuth_deg_time_s"]),
            *(f"{100 * x:.1f} %" for x in found[key]["worst_share_of_bias_left"]),
            "{:.3f} ({} to {})".format(found[key]["nees_a_degree_of_freedom"], *found[key]["nees_bounds_95"]),
        )
        for words, key in (
            ("three radars, position reports", "position_reports"),
            ("two radars alone, their difference", "two_radars_alone_difference"),
        )
    ]
    tracked = [
        (
            words,
            row["seed"],
            *(f"{row[how][name]:.4f}" for name in ("ambiguity", "completeness") for how in ("without", "with")),
        )
        for words, key in (("with reports", "tracks"), ("two radars alone", "tracks_of_two_radars_alone"))
        for row in found[key]
    ]
    head = ("", "range [m]", "azimuth [deg]", "clock [s]", "range", "azimuth", "clock", "NEES (95 % bounds)")
    return "\n\n".join(
        [
            "## Radars put right while tracking",
            f"`uv run bench/registration.py --seeds {found['seeds']} --tracked {len(found['tracks'])} --json`",
            f"{found['flights']} real flights from {found['from']} for {found['minutes']:g} minutes; each radar off by 100 m, "
            "0.3 degrees and 1 s, drifting from there. Root mean square errors at the end, and of all seeds and radars the "
            "largest share of a bias (of the difference of two) that was left:",
            table(head, rows),
            "Tracks a flight (ambiguity; 1 is no dual track) and completeness from the fourth minute on, without and with:",
            table(("", "seed", "ambiguity without", "with", "completeness without", "with"), tracked),
            versions(found),
        ]
    )


def registration_shared() -> str:
    """Return the section on a nation whose radar is off, in a coalition."""
    found = load("registration_shared")
    names = ("ambiguity", "completeness", "position_accuracy_m", "position_anees", "position_nees_below_95_share")
    rows = [
        (how, which, picture, *(f"{told[name]:.{1 if name.endswith('_m') else 3}f}" for name in names))
        for how in found
        if how.startswith("partner")
        for which, pictures in found[how]["mean"].items()
        for picture, told in pictures.items()
    ]
    head = ("", "registration", "picture", "ambiguity", "completeness", "error [m]", "NEES", "below 95 %")
    return "\n\n".join(
        [
            "## A nation's radar put right, in a coalition",
            f"`uv run bench/registration_shared.py --seeds {found['seeds']} --first {found['first']} --json`",
            f"Two nations with a link, {found['minutes']:g} minutes of real flights without identity in plots; JPN's radar is "
            "off by 100 m, 0.3 degrees and 1 s and JPN has a receiver of position reports. The radar of its partner, USA, "
            "which has no receiver, is right, right and 2-D, or as far off as JPN's and not registered. Means over the seeds, "
            "from the fourth minute on, where JPN's radar sees; NEES of position a degree of freedom.",
            table(head, rows),
            versions(found),
        ]
    )


def doctor() -> str:
    """Return the section on the doctor's intervals."""
    found = load("doctor")
    rows = [
        (subject, f"{row['true']:g}", f"{row['mean']:g}", f"{row['mean_width']:g}", f"{row['held']} of {row['n']}")
        for subject, row in found["intervals"].items()
    ]
    alarms = ", ".join(f"{n} x {subject}" for subject, n in sorted(found["false_alarms"].items())) or "none"
    return "\n\n".join(
        [
            "## Do the doctor's intervals hold?",
            f"`uv run bench/doctor.py --seeds {found['seeds']} --minutes {found['minutes']:g} --json`",
            table(("figure", "true", "mean", "mean width", "intervals that hold it"), rows),
            f"Faults called that were not put in: {alarms}. {versions(found)}",
        ]
    )


def consistency() -> str:
    """Return the section on whether covariances tell the truth."""
    found = load("consistency")

    def figure(line: dict[str, Any], truth: str, name: str) -> str:
        each = line.get(truth, {}).get(name)
        return f"{each['value']:.3f}{'' if each['inside'] == 'yes' else ' (' + each['inside'] + ')'}" if each else "-"

    rows, absent = [], []
    for line in found["cells"]:
        where = (line["motion"].replace("_", " "), line["sensors"], line["range"])
        if why := line.get("matched", {}).get("not_applicable"):
            absent.append(f"{', '.join(where)}: {why}")
            continue
        rows.append(
            (*where, *(figure(line, truth, name) for truth in ("matched", "mismatched") for name in ("nees", "nis")))
        )
    inside = "; ".join(
        f"{truth}: {n['yes']} inside, {n['low']} below, {n['high']} above" for truth, n in found["verdict"].items()
    )
    return "\n\n".join(
        [
            "## Do the covariances tell the truth?",
            "`uv run bench/consistency.py --json`",
            f"NEES of position and velocity and NIS, each a degree of freedom (1 is right), {found['runs']} runs a cell, "
            "through the shipped bank of filters. Matched: the truth is the model's own. Mismatched: other and richer "
            "equations by another integrator. `low`: outside at 95 % with Holm's correction, and the filter claims less than "
            f"it knows; `high`: it claims more. Statistics, {inside}.",
            table(("motion", "sensors", "range", "matched NEES", "NIS", "mismatched NEES", "NIS"), rows),
            f"Not applicable: {'; '.join(absent)}. Made with seed {found['seed']}. {versions(found)}",
        ]
    )


def calibration() -> str:
    """Return the section on existence probabilities."""
    found = load("calibration")
    parts = [
        "## Does a track exist as often as it says?",
        f"`uv run bench/calibration.py --runs {found['runs']} --looks {found['looks']} --json`",
        "The soft tracker's existence, tentative tracks included, in scenes that keep to its assumptions (three rates of false "
        "plots times three detection probabilities, together). Intervals are binomial and too narrow, as samples of one track "
        "are not independent.",
    ]
    for flights, each in found["together"].items():
        every = each["all"]
        parts += [
            f"Targets of the {'prior' if flights == 'prior' else 'speed of aircraft'}: Brier score {every['brier']:.4f} = "
            f"reliability {every['reliability']:.4f} - resolution {every['resolution']:.4f} + uncertainty "
            f"{every['uncertainty']:.4f} and what varies within bins.",
            table(
                ("existence", "tracks looked at", "said", "seen", "95 %"),
                [
                    (
                        f"{b['from']:g} to {b['to']:g}", f"{b['n']:,}", f"{b['said']:.4f}", f"{b['seen']:.4f}",
                        f"{b['low']:.4f} to {b['high']:.4f}{'' if b['inside'] else ' (outside)'}",
                    )
                    for b in every["bins"]
                ],
            ),
        ]  # fmt: skip
    return "\n\n".join([*parts, f"Made with seed {found['seed']}. {versions(found)}"])


def arena() -> str:
    """Return the section on published hard scenes."""
    found = load("arena")
    rows = [
        (
            row["scene"],
            row["entry"],
            row["runs"],
            f"{row['rms_gospa_m']:.3f}",
            *(f"{row[f'rms_{part}_m']:.3f}" for part in ("localisation", "missed", "false")),
            f"{row['mean_gospa_m']:.3f} ± {row['sd_gospa_m']:.3f}",
            f"{row['mean_ospa_m']:.3f}",
            f"{row['cpu_s']:.3f}",
        )
        for row in found["rows"]
    ]
    head = (
        "scene",
        "entry",
        "runs",
        "RMS GOSPA",
        "localisation",
        "missed",
        "false",
        "a run",
        "mean OSPA",
        "CPU s a run",
    )
    return "\n\n".join(
        [
            "## Published hard scenes",
            "`uv run bench/arena.py --runs 100 --json` ([the arena](arena.md))",
            "Test seeds; nothing was tuned on them. Published for `four_crossing`: mixture 2.97, track-oriented mixture 3.50; the "
            "best that a grid of settings gave Stone Soup's nearest neighbour: 4.03.",
            table(head, rows),
            versions(found),
        ]
    )


def manoeuvres() -> str:
    """Return the section on real manoeuvring flights."""
    found = load("manoeuvres")
    whose = (
        f"whole program, tracker `{found['tracker']}`"
        if found["tracker"]
        else "shipped bank of filters, association given"
    )
    option = f" --tracker {found['tracker']}" if found["tracker"] else ""
    parts = [
        "## Real manoeuvring flights",
        f"`uv run bench/manoeuvres.py --seeds {found['seeds']} --minutes {found['minutes']:g}{option} --json`",
        f"RMS of GOSPA's localisation [m] of {len(found['flights']['test'])} flights, {found['seeds']} seeds each, past two "
        f"radars ({whose}). The best single model is chosen on {len(found['flights']['tuning'])} other flights, by the figure "
        "over whole flights.",
        "; ".join(f"*{key}*: `{made['motion']}`" for key, made in found["several"].items())
        + ". *told*: a filter that is "
        "told every acceleration.",
    ]
    for radars, one in found["radars"].items():
        rows = [
            (
                key,
                *(f"{row[name]:.1f}" for name in ("turning_m", "straight_m", "all_m")),
                f"{row['tracked_turning']:.4f}",
            )
            for key, row in one["table"]["test"].items()
        ]
        moments = one["moments"]
        parts.append(
            f"{radars.capitalize()}: {moments['turning']:,} moments turning, {moments['straight']:,} straight."
        )
        parts.append(table(("model", "turning", "straight", "all", "tracked while turning"), rows))
        better = []
        for several, by_best in one["better_by"].items():
            for what, share in by_best.items():
                spans = [f"{100 * x:.1f} % ({100 * low:.1f} to {100 * high:.1f})" for x, low, high in share.values()]
                better.append((several, f"{what}: {one['best'][what]}", *spans))
        parts.append(table(("several", "better than the best", "in turns", "straight", "over all"), better))
    return "\n\n".join([*parts, "20 % in turns was asked for.", versions(found)])


def unknown_height() -> str:
    """Return the section on aircraft whose height no radar tells."""
    found = load("unknown_height")
    rows = [
        (
            row["scene"],
            *(f"{row[name]:.2f}" for name in ("nees", "nees_median", "nees_most", "nees_state")),
            *(f"{row[name]:,.0f} ({row[said]:,.0f})" for name, said in (("level_m", "level_said_m"), ("height_m", "height_said_m"))),
            str(row["without_track"]),
        )
        for row in found["rows"]
    ]  # fmt: skip
    return "\n\n".join(
        [
            "## Heights that no radar tells",
            f"`uv run bench/unknown_height.py --runs {found['runs']} --first {found['first']} --json`",
            f"Four aircraft a run, straight and level at 1 to 11 km, 20 to 90 km (far: 90 to 250) from a radar of range, azimuth "
            f"and, where it says so, range rate, {found['runs']} runs a scene; from 120 s on, tracker `{found['rows'][0]['mode']}`. NEES "
            "of position over 3 and of the state over 6 are 1 where a track is as sure as it is right, less where it is not "
            "sure enough; errors are root mean squares, and in brackets what is said.",
            table(
                ("looks", "NEES", "median track", "worst track", "of the state", "along the ground [m]", "in height [m]",
                 "targets without a track"),
                rows,
            ),
            versions(found),
        ]
    )  # fmt: skip


def main() -> None:
    """Write the page."""
    head = (
        "# Figures and how to get them\n\nWritten by `uv run scripts/make_figures.py` from `bench/results/`. Times are of a "
        "shared two-core machine; ratios in one run mean more than seconds."
    )
    sections = [
        swiss(),
        concurrent(),
        recordings(),
        plain_feeds(),
        damage(),
        metrics(),
        speed(),
        asterix_speed(),
        arena(),
        manoeuvres(),
        *world.sections(),
        *sharing.sections(),
        *judged.sections(),
        registration(),
        registration_shared(),
        doctor(),
        consistency(),
        unknown_height(),
        calibration(),
    ]
    (ROOT / "docs/figures.md").write_text("\n\n".join([head, *sections]) + "\n")


if __name__ == "__main__":
    main()
