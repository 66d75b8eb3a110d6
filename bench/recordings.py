"""Every real recording named in this project, tracked: what was read, what was damaged, what came out.

uv run bench/recordings.py [--shared ../shared/data] [--asterix-samples FOLDER] [--json]

Samples come from the PyPI package `traffic` (development only), the others from the folder `--shared`, and five more
from the unpacked source archive of the PyPI package `asterix-decoder` (never install it). What is absent is skipped
and named.
"""

import argparse
import gzip
import json
import math
import platform
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

import noroshi
from noroshi.formats import FormatError
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.run.recordings import Recording, read
from noroshi.run.samples import sample_names, sample_path

SHARED = (
    "asterix/jade_italy_cat062_063_065_30min.ff",
    "asterix/cat062_crashes_asterix-decoder-0.7.11.bin",
    "asterix/cro_cat_034_048.pcap",
    "asterix/cro_cat_062_065.pcap",
    "asterix/cro_asterix.pcap",
    "adsb/modeS_raw_toulouse_2024-06-06.jsonl.gz",
    "adsb/noisy_spoofing.json.gz",
    "adsb/readsb_trace_full_ac671b.json",
)
ASTERIX_SAMPLES = ("cat_001_002.pcap", "cat_034_048.pcap", "cat_062_065.pcap", "cat048.raw", "cat062cat065.raw")


def main() -> None:
    """Read and track everything; print a line for each and one JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[2] / "shared/data")
    parser.add_argument("--asterix-samples", type=Path)
    parser.add_argument("--samples", choices=("none", "named", "all"), default="named", help="which samples too")
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    arguments = parser.parse_args()
    wanted = [arguments.shared / name for name in SHARED]
    if arguments.asterix_samples:
        wanted += [arguments.asterix_samples / name for name in ASTERIX_SAMPLES]
    names = [str(path) for path in wanted if path.exists()]
    names += [f"sample:{name}" for name in sample_names() if wants(arguments.samples, name)]
    results = []
    for name in names:
        results.append(tracked(name))
        if not arguments.json:
            print(line(results[-1]), flush=True)
    figures = {
        "recordings": results,
        "absent": [path.name for path in wanted if not path.exists()],
        "versions": {"noroshi": noroshi.__version__, "numpy": np.__version__, "python": platform.python_version()},
    }
    print(json.dumps(figures))


def wants(which: str, sample: str) -> bool:
    """Return whether a sample is wanted: all, none, or those that every release must read."""
    if which != "named":
        return which == "all"
    folder = sample_path(sample).parent.name
    return sample in ("quickstart", "switzerland") or folder in ("noisy", "military", "calibration", "rs1090")


def tracked(name: str) -> dict[str, Any]:
    """Return the figures of one recording."""
    since = time.process_time()
    try:
        recording = read(name)
    except FormatError as error:
        return {"recording": Path(name).name, "refused": str(error).split(": ", 1)[-1]}
    decoded = recording.decoded
    found: dict[str, Any] = {
        "recording": recording.path.name,
        "format": recording.format,
        "records": decoded.n_records,
        "damaged": sum(decoded.damage.values()),
        "damage": dict(decoded.damage),
        "system_tracks": [system_tracks(tracks) for tracks in decoded.tracks],
    }
    if decoded.detections:
        try:
            result = noroshi.track(decoded.detections, decoded.sites, statuses=decoded.statuses)
        except ValueError as error:
            return found | {"refused": str(error)}
        senders = np.concatenate([batch.identity.icao_address for batch in decoded.detections])
        found |= {
            "detections": sum(map(len, decoded.detections)),
            "senders": int(np.unique(senders[senders >= 0]).size),
            "tracks": 0 if result.tracks is None else int(np.unique(result.tracks.track_id).size),
            "used": sum(result.plots_used.values()),
            "not_tracked": {reason: n for (_, reason), n in sorted(result.refused.items())},
        }
    if recording.format == "mode_s":
        found["against_known_positions"] = known_positions(recording)
    return found | {"cpu_s": round(time.process_time() - since, 2)}


def system_tracks(tracks: Any) -> dict[str, Any]:
    """Return the statistical picture of another tracker's output."""
    lat, lon, height_m = geodetic_from_ecef(tracks.state_ecef[:, :3])
    speed = np.linalg.norm(tracks.state_ecef[:, 3:], axis=1)
    return {
        "node": tracks.node,
        "rows": len(tracks),
        "tracks": int(np.unique(tracks.track_id).size),
        "lat_deg": [round(math.degrees(x), 2) for x in (lat.min(), lat.max())],
        "lon_deg": [round(math.degrees(x), 2) for x in (lon.min(), lon.max())],
        "height_m_1_50_99": [round(float(x)) for x in np.quantile(height_m, [0.01, 0.5, 0.99])],
        "speed_m_s_1_50_99": [round(float(x), 1) for x in np.nanquantile(speed, [0.01, 0.5, 0.99])],
    }


def known_positions(recording: Recording) -> dict[str, Any] | None:
    """Compare decoded positions with those that the recording's own JSON lines carry for the same frames."""
    data = recording.path.read_bytes()
    data = gzip.decompress(data) if recording.path.suffix == ".gz" else data
    if not data.startswith(b"{"):
        return None
    known: dict[tuple[int, int], tuple[float, float]] = {}
    for text in data.splitlines():
        row = msgspec.json.decode(text)
        if row.get("latitude") is not None and row.get("df") in ("17", "18"):
            key = (int(row["icao24"], 16), round(row["timestamp"] * 1e6))
            known[key] = (row["latitude"], row["longitude"])
    worst_m, matched = 0.0, set()
    for batch in recording.decoded.detections:
        place = np.degrees(batch.values[:, :2])
        for address, time_ns, (lat, lon) in zip(batch.identity.icao_address, batch.time_ns, place, strict=True):
            key = (int(address), round(int(time_ns) / 1e3))
            theirs = known.get(key)
            if theirs is not None and math.isfinite(lat):
                matched.add(key)
                north_m = (lat - theirs[0]) * 111_320.0
                east_m = (lon - theirs[1]) * 111_320.0 * math.cos(math.radians(lat))
                worst_m = max(worst_m, math.hypot(north_m, east_m))
    return {"known": len(known), "decoded": len(matched), "worst_m": round(worst_m, 6)}


def line(found: dict[str, Any]) -> str:
    """Return one recording's figures as a line."""
    if "refused" in found and "records" not in found:
        return f"{found['recording']:<45} refused: {found['refused'][:100]}"
    system = "".join(f"  system tracks {s['tracks']:,} in {s['rows']:,} rows" for s in found["system_tracks"])
    ours = f"  {found.get('senders', 0):>4} senders {found['tracks']:>5} tracks" if "tracks" in found else ""
    known = found.get("against_known_positions")
    check = f"  {known['decoded']:,} of {known['known']:,} known positions, worst {known['worst_m']} m" if known else ""
    return (
        f"{found['recording']:<45} {found['format']:<8} {found['records']:>8,} records "
        f"{found['damaged']:>6,} damaged{ours}{system}{check}{'  ' + found['refused'] if 'refused' in found else ''}"
    )


if __name__ == "__main__":
    main()
