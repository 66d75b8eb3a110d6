"""Sections on the simulated world and on what is built on it: the demo, sensors, coverage, lines of sight, release."""

from typing import Any

from figures import load, table, versions

SIAP = ("completeness", "ambiguity", "spuriousness", "position_accuracy_m", "velocity_accuracy_m_s")


def sections() -> list[str]:
    """Return all of them."""
    return [demo(), sensors(), coverage(), sightlines(), release()]


def demo() -> str:
    """Return the section on the trilateral exercise."""
    found = load("demo")
    runs = [
        (
            processes,
            f"{run['wall_s']:.2f} s",
            f"{run['faster_than_real_time']:.0f}",
            *(f"{run['processor_s'].get(part, 0.0):.2f} s" for part in ("seeing", "tracking", "sharing", "journal")),
            f"{run['start_up_s']:.1f} s",
        )
        for processes, run in found["runs"].items()
    ]
    threats = [
        (held["target"], held["kind"], f"{node['node']}{how}", *_held(held))
        for node in found["nodes"]
        for how, told in (("", node), (" with partners", node.get("fused")))
        if told
        for held in told["threats"]
    ]
    pictures = [
        (f"{node['node']}{how}", *(f"{told['siap'][name]:.4g}" for name in SIAP))
        for how in ("", " with partners")
        for node in found["nodes"]
        if (told := node.get("fused") if how else node)
    ]
    flown = ", ".join(f"{n} {name}" for name, n in found["flights"].items())
    eyes = ", ".join(f"{code} {n}" for code, n in found["sensors"].items())
    kernel = found["calibration"]["numba_products_ms"]
    return "\n\n".join(
        [
            "## The demo",
            "`uv run bench/demo.py --json`",
            f"{found['simulated_s']:.0f} simulated seconds of *{found['scenario']}*, seed {found['seed']}: {flown}; sensors {eyes}; "
            f"{found['events']:,} events. From the first event to the last, median of three runs; 20,000 products of 6 x 6 matrices "
            f"took {kernel:.2f} ms beside it. The journals' digests were "
            + ("the same in all runs." if found["same_digests"] else "NOT the same in all runs."),
            table(
                ("processes", "wall", "times real time", "seeing", "tracking", "sharing", "journal", "start-up"),
                runs,
            ),
            "300 times real time over two processes, and 150 in one, were asked for. Each node releases, sends, receives and fuses "
            "on the way; `tracking` holds what a node does when it is woken: pictures, release and fusion with it.",
            "What each node knows of all that moves anywhere, alone and with its partners:",
            table(("node", *(name.replace("_", " ") for name in SIAP)), pictures),
            table(
                ("threat", "kind", "node", "first held", "held since", "longest gap", "tracks", "error", "kind right"),
                sorted(threats),
            ),
            versions(found),
        ]
    )


def _held(held: dict[str, Any]) -> tuple[object, ...]:
    if held["first_held_s"] is None:
        return ("never", "", "", "", "", "")
    return (
        f"{held['first_held_s']:.0f} s",
        f"{held['held']:.0%}",
        f"{held['gap_s_max']:.0f} s",
        held["tracks"],
        f"{held['position_error_m']:,.0f} m",
        f"{held['kind_right']:.0%}",
    )


def sensors() -> str:
    """Return the section on whether simulated sensors are what their files say, and what they cost."""
    found, speed = load("honest_sensors"), load("sensor_speed")
    rows = [
        (name, one["tests"], len(one["fallen"]), f"{one['smallest_p']:.2g}", f"{one['p_of_all_p_even']:.2g}")
        for name, one in found["figures"].items()
    ]
    cost = [(span, f"{one['all_s']:.2f} s") for span, one in speed["figures"].items()]
    return "\n\n".join(
        [
            "## Honest sensors",
            f"`uv run bench/honest_sensors.py --looks {found['looks']} --json`, `uv run bench/sensor_speed.py --json`",
            f"{found['looks']:,} looks each, seed {found['seed']}: errors, biases, chances and false alarms against what each "
            f"sensor's own file says; Holm's correction at {found['level']} for each type.",
            table(("type", "tests", "fall", "smallest p", "p that all p are even"), rows),
            "What they cost: 108 flights, 6 radars, 24 infrared satellites, 2 receivers, an over-the-horizon radar, 900 s, "
            "processor time.",
            table(("asked in", "all sensors"), cost),
            versions(found),
        ]
    )


def coverage() -> str:
    """Return the section on how fast coverage is."""
    found = load("coverage_speed")
    fold, sgp4 = found["fold"], found["sgp4"]
    rows = [
        ("54 satellites x 10,000 points x 1,440 epochs, two threads", f"{fold['wall_s']:.3f} s by the clock"),
        ("the same, one thread", f"{fold['one_thread_wall_s']:.3f} s by the clock"),
        ("same as numpy, as one thread, exact on Ballard's rosettes",
         "yes" if fold["same_as_numpy"] and fold["same_as_one_thread"] and all(found["ballard"].values()) else "no"),
        ("SGP4, 1,000 satellites x 1,440 epochs: library", f"{sgp4['library_cpu_s']:.3f} s"),
        ("the same in Earth-fixed positions, over the library", f"{sgp4['positions_to_library']:.3f}"),
        ("with velocities, over the library", f"{sgp4['states_to_library']:.3f}"),
    ]  # fmt: skip
    return "\n\n".join(
        [
            "## Coverage",
            "`uv run bench/coverage_speed.py --json`",
            table(("what", "figure"), rows),
            "Fold in under 1.5 s was asked for.",
            versions(found),
        ]
    )


def sightlines() -> str:
    """Return the section on tracks that lines of sight start."""
    found = load("sightlines")
    rows: list[tuple[Any, ...]] = []
    for line in found["lines"]:
        told: tuple[str, ...] = ("-", "-", "-")
        if "nees" in line:
            after, error, nees = line["after_s"], line["error_m"], line["nees"]
            told = (
                f"{after['median']:.1f} s ({after['p95']:.1f})",
                f"{error['median']:.0f} m ({error['p95']:.0f})",
                f"{nees['firm']:.3f} [{nees['low']:.3f}, {nees['high']:.3f}]",
            )
        rows.append(
            (line["case"], f"{line['firm_share']:.3f}", line["false_firm_tracks"], line["tracks_beyond_one"], *told)
        )
    first, last = found["seeds"]
    return "\n\n".join(
        [
            "## Tracks from lines of sight",
            f"`uv run bench/sightlines.py --seeds {last - first + 1} --first-seed {first} --trackers soft --json`",
            "Launches seen by infrared satellites (and in the last cases by a radar): medians over seeds, in brackets the 95th "
            "percentile. NEES of the first firm row over its six degrees of freedom, with its 95 % bounds: below them it is modest.",
            table(
                ("case", "firm", "false tracks", "beyond one a launch", "first line to firm", "error at firm", "NEES"),
                rows,
            ),
            versions(found),
        ]
    )


def release() -> str:
    """Return the section on how fast rows are released."""
    found = load("release_speed")
    rows = [
        (name, f"{one['tracks_per_s_median']:,}", f"{one.get('tracks_per_s_first_of_epoch', 0):,}")
        for name, one in found["figures"].items()
    ]
    made = {key: found[key] for key in ("noroshi", "numpy", "numba", "cryptography", "msgspec", "python")}
    return "\n\n".join(
        [
            "## Release",
            "`uv run bench/release_speed.py --json`",
            f"{found['tracks']:,} tracks in random order, one recipient, tracks a second of processor time; *queue* packs, signs, "
            "seals and receives. The first batch of each 15-minute epoch makes new keyed displacements.",
            table(("what", "median", "first batch of an epoch"), rows),
            "1,000,000 a second was asked for.",
            versions({"versions": made}),
        ]
    )
