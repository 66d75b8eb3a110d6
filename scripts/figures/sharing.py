"""Sections on nations that share, look and decide: live nodes, fusion, links, leaks, speed, the page, decisions."""

import json
from collections.abc import Iterator
from typing import Any

from figures import ROOT, load, table

ABOUT = {"bench", "python", "noroshi", "numpy", "numba", "scipy", "eclipse-zenoh", "versions", "seed", "seeds", "cores"}

TOLD = {
    "three_nodes": (
        "Three nations' nodes, live",
        "Three processes over mutual TLS on one machine, each with its own sensors of the trilateral world in real time. "
        "Pictures are found again from the journals. Pictures of nodes were compared byte by byte at each closed watermark.",
    ),
    "honest_fusion": (
        "Honest fusion",
        "NEES over 6 should be 1; its bounds are those of chi-square at 99 % for as many independent runs. The fused error is "
        "told beside that of one central tracker of all sensors. Of coarse contributions alone the NEES is to be below the "
        "upper bound.",
    ),
    "fusion_speed": (
        "Speed of fusion",
        "Three nations, 5,000 tracks each, all told once a second.",
    ),
    "cut_links": (
        "Cut links and killed nodes",
        "Contributions and warnings released by one node against those that took effect at the other, after cuts and kills, "
        "on a virtual clock, and three times with real processes.",
    ),
    "share_speed": (
        "From sensor to a partner's picture",
        "Three nodes as processes over mutual TLS on this machine, each with 5,000 tracks that are updated every second.",
    ),
    "soak": (
        "Memory under that load",
        "The slope is of a straight line through means of 16 s once all that is bounded is full (after 130 s), with its 95 % "
        "interval; resident, and what is in use of the heap. Below, what one node holds and how old a partner's rows were.",
    ),
    "no_leaks": (
        "Nothing leaks",
        "Random rule sets against an oracle in plain Python; every byte that a partner could get hold of is searched.",
    ),
    "thin_links": (
        "Thin links",
        "1,000 tracks, 300 ms of delay, 2 % of messages lost: the recipient's picture error against bytes, by value and, as a "
        "control, in turn.",
    ),
    "links": ("Links", "Frames over each transport, and over lines that are thin, slow, lossy or full."),
    "outbox_store": ("Outboxes on the disk", "Parcels put, sealed and acknowledged."),
    "feeds": ("Live feeds", "Sender and listener on one machine."),
    "page_start": (
        "From the command to a moving picture",
        "Seconds after `noroshi demo` until a picture moves in a browser, with no kernel compiled before (cold) and with all.",
    ),
    "page_speed": (
        "What a picture takes in the browser",
        "Main-thread work for 10,000 tracks at 1 Hz and 60 sensors in headless Chromium, flat and on the globe.",
    ),
    "page_server": (
        "Many viewers",
        "50 viewers of 10,000 tracks on one core, one of whom stalls for a minute.",
    ),
    "what_if": (
        "What if, at once",
        "From a question asked in the picture to its answer, the run without the change having been made before.",
    ),
    "command_speed": (
        "Decisions: folded, signed, chained to disk",
        "Processor time of steps that people signed, and of the way from a request to a task while 100 decisions are open.",
    ),
    "command_killed": (
        "Decisions of a node that is killed",
        "Signal 9 at random moments; what was vouched for before must be there after, once.",
    ),
}


def sections() -> list[str]:
    """Return those of which there are results."""
    return [section(name) for name in TOLD if (ROOT / f"bench/results/{name}.json").exists()]


def section(name: str) -> str:
    """Return one bench's section: all that it found, one figure a row."""
    title, told = TOLD[name]
    found = load(name)
    made = found.get("versions", {key: found[key] for key in ("python", "noroshi", "numpy") if key in found})
    seeds = ", ".join(f"{key} {found[key]}" for key in ("seed", "seeds") if key in found)
    said = ", ".join(f"{key} {value}" for key, value in made.items())
    return "\n\n".join(
        [
            f"## {title}",
            f"`uv run bench/{name}.py --json`",
            told,
            memory(found) if name == "soak" else figures(found),
            f"Made with {said}{'; ' + seeds if seeds else ''}.",
        ]
    )


def figures(found: dict[str, Any]) -> str:
    """Return all figures, one a row."""
    return table(("what", "figure"), list(flat({key: x for key, x in found.items() if key not in ABOUT})))


def memory(found: dict[str, Any]) -> str:
    """Return the slopes, one node a row, and what the first one holds."""
    slopes = [
        (
            node,
            *(
                f"{of[part]['mb_hour']:.0f} ± {of[part]['mb_hour_half_interval']:.0f}"
                for part in ("resident", "heap in use")
            ),
            f"{of['resident']['mb_max']:.0f}",
            f"{of['resident']['over_s']:.0f}",
        )
        for node, of in found["memory"].items()
    ]
    node, of = next(iter(found["memory"].items()))
    rest = {
        "targets a node": found["targets"],
        f"MB at {node}": of["holding_mb"],
        "load": {k: v for k, v in found["load"].items() if k != "nodes"},
    }
    head = ("node", "resident, MB an hour", "heap, MB an hour", "MB at most", "over s")
    return table(head, slopes) + "\n\n" + figures(rest)


def flat(found: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every figure of nested objects with its path in words."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key != "figures" or path:
                yield from flat(value, f"{path}, {words(key)}" if path else words(key))
            else:
                yield from flat(value, path)
    elif isinstance(found, float):
        yield path, f"{found:.4g}"
    elif isinstance(found, int):
        yield path, f"{found:,}"
    else:
        yield path, json.dumps(found) if isinstance(found, list) else str(found)


def words(key: str) -> str:
    """Return a key as people read it."""
    return key.replace("_", " ")
