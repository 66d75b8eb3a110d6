"""Do the decoders of all formats stand up to damaged recordings?

    uv run bench/fuzz_formats.py --json [--megabytes 10] [--seed 0]

Pieces of real recordings are damaged (bits flipped, bytes cut out, put in, copied from elsewhere) and decoded until so
many million bytes are through; one case in ten goes to a decoder of another format. Nothing but `FormatError` may come
out, each case must end within its time, records must be sound, and memory must not grow. The recordings are those of
../shared/data, of the folder NOROSHI_ASTERIX_SAMPLES and of the PyPI package `traffic`, and what noroshi writes of them
itself; which format a file is of, the formats say themselves. A case is a function of the seed and its number.
"""

import argparse
import gc
import gzip
import json
import os
import pkgutil
import platform
import resource
import signal
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import psutil

from noroshi import formats
from noroshi.formats import Context, FormatError
from noroshi.records import SensorSite, check, take
from noroshi.run.recordings import recognise
from noroshi.run.samples import sample_names, sample_path

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
ENDINGS = (".pcap", ".ff", ".raw", ".bin", ".json", ".json.gz", ".jsonl", ".jsonl.gz", ".csv", ".parquet")
READ_BYTES = 4 << 20  # of a recording, unpacked
CHUNK_BYTES = (200, 60_000)
CHANGES_MAX = 24
STRANGER_SHARE = 0.1
CASE_SECONDS_MAX = 20.0
GROWTH_MB_MAX = 300.0
REPORTED_MAX = 20

AIS = b"""!AIVDM,1,1,,B,15M67FC000G?ufbE`FepT@3n00Sa,0*5C
\\s:station,c:1700000000*0C\\!AIVDM,1,1,,A,13u?etPv2;0n:dDPwUM1U1Cb069D,0*24
!AIVDM,2,1,4,A,55O0W7`00001L@gCWGA2uItLth@DqtL5@F22220j1h742t0Ht0000000,0*08
!AIVDM,2,2,4,A,000000000000000,2*20
!AIVDM,1,1,,A,B52K>;h00Fc>jpUlNV@ikwpUoP06,0*4C
"""
SBS = b"""MSG,1,1,1,4CA216,1,2024/06/06,11:22:33.123,2024/06/06,11:22:33.123,RYR12AB ,,,,,,,,,,,
MSG,3,1,1,4CA216,1,2024/06/06,11:22:33.423,2024/06/06,11:22:33.423,,36000,,,43.61234,1.38765,,,0,0,0,0
MSG,4,1,1,4CA216,1,2024/06/06,11:22:33.623,2024/06/06,11:22:33.623,,,441.2,87.3,,,-64,,,,,0
MSG,6,1,1,4CA216,1,2024/06/06,11:22:34.023,2024/06/06,11:22:34.023,,36000,,,,,,7421,0,0,0,0
"""


@dataclass
class Source:
    """A recording: its format, its bytes, and whether it makes sense only from its beginning, or from line to line."""

    format: str
    name: str
    data: bytes
    from_start: bool = False
    by_line: bool = False


@dataclass
class Tally:
    """What happened to one format."""

    cases: int = 0
    bytes: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0
    records: int = 0
    damaged: int = 0
    refused: int = 0
    sources: set[str] = field(default_factory=set)


class TooSlowError(Exception):
    """A case has not ended within its time."""


def main() -> None:
    """Run it, print the figures, end with 1 if anything but a `FormatError` came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print nothing but the figures")
    arguments = parser.parse_args()
    modules = decoders()
    sources, skipped = recordings(modules)
    if not sources:
        sys.exit("no recording to damage: neither ../shared/data nor the package `traffic` is here")
    figures = run(modules, sources, round(arguments.megabytes * 1e6), arguments.seed)
    figures |= {
        "megabytes": arguments.megabytes,
        "seed": arguments.seed,
        "skipped": skipped,
        "without_recording": sorted(set(modules) - {source.format for source in sources}),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {psutil.cpu_count()} cores",
        "versions": {name: version(name) for name in ("noroshi", "numpy", "libasterix", "pyais", "rs1090", "pyarrow")},
    }
    if not arguments.json:
        for name, tally in figures["formats"].items():
            print(f"{name:10}", *(f"{key} {value}" for key, value in tally.items() if key != "sources"), sep="  ")
    print(json.dumps(figures))
    sys.exit(0 if figures["passed"] else 1)


def decoders() -> dict[str, ModuleType]:
    """Return the modules of `noroshi.formats` that can decode."""
    found = {
        item.name: import_module(f"noroshi.formats.{item.name}") for item in pkgutil.iter_modules(formats.__path__)
    }
    return {name: module for name, module in sorted(found.items()) if hasattr(module, "decode")}


def recordings(modules: dict[str, ModuleType]) -> tuple[list[Source], list[str]]:
    """Return the recordings there are, and what is left out and why."""
    files = [path for path in sorted(SHARED.glob("a*/*")) if path.name.endswith(ENDINGS)]
    skipped = [] if files else [f"{SHARED}: not there"]
    more = Path(os.environ.get("NOROSHI_ASTERIX_SAMPLES", "/nowhere"))
    files += [path for path in sorted(more.glob("*")) if path.name.endswith(ENDINGS)]
    if not more.is_dir():
        skipped.append("NOROSHI_ASTERIX_SAMPLES: not set to a folder")
    samples = sample_names()
    if not samples:
        skipped.append("samples of the PyPI package traffic: not installed")
    sources: list[Source] = []
    for path in [*files, *(sample_path(name) for name in samples)]:
        data = beginning(path)
        try:
            key = recognise(data[:65_536], path.name)
        except FormatError as error:
            skipped.append(str(error))
            continue
        by_line = ".jsonl" in path.name or ".csv" in path.name
        sources.append(Source(key, path.name, data, from_start=".json" in path.name and not by_line, by_line=by_line))
    sources += [Source("ais", "sentences", AIS * 200, by_line=True), Source("sbs", "lines", SBS * 200, by_line=True)]
    sources += list(written(modules, sources))
    return [source for source in sources if source.format in modules], skipped


def beginning(path: Path) -> bytes:
    """Return the first bytes of a file, unpacked."""
    if path.name.endswith(".gz"):
        with gzip.open(path) as file:
            return file.read(READ_BYTES)
    with path.open("rb") as file:
        return file.read(READ_BYTES)


def written(modules: dict[str, ModuleType], sources: list[Source]) -> Iterator[Source]:
    """Yield what noroshi itself writes of the tracks of the longest ASTERIX recording."""
    own = [source for source in sources if source.format == "asterix"]
    if not own or not {"asterix", "tables"} <= set(modules):
        return
    decoded = modules["asterix"].decode(max(own, key=lambda source: len(source.data)).data, Context())
    tables: Any = modules["tables"]
    for tracks in decoded.tracks[:1]:
        some = take(tracks, np.arange(min(len(tracks), 300)))
        yield Source("asterix", "written", modules["asterix"].encode(tracks))
        for form in ("csv", "parquet"):
            yield Source("tables", f"tracks.{form}", tables.encode_tracks(some, form=form), from_start=True)
    sites = [SensorSite(sensor=f"radar {i}", type="search_radar", lat_rad=0.7, lon_rad=0.1) for i in range(50)]
    yield Source("tables", "sensors.csv", tables.encode_sensors(sites, form="csv"), by_line=True)


def run(modules: dict[str, ModuleType], sources: list[Source], n_bytes: int, seed: int) -> dict[str, Any]:
    """Decode damaged pieces until `n_bytes` are through, as many bytes for each format, and return the figures."""
    names = sorted({source.format for source in sources})
    for name in names:  # what is loaded and compiled once is no growth
        first = next(source for source in sources if source.format == name)
        attempt(modules[name], first.data[:200_000], first.name)
    gc.collect()
    before_mb = psutil.Process().memory_info().rss / 1e6
    tallies = {name: Tally() for name in names}
    failures: list[dict[str, Any]] = []
    case = 0
    while sum(tally.bytes for tally in tallies.values()) < n_bytes:
        name = min(names, key=lambda key: (tallies[key].bytes, key))
        rng = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, case]))
        own = [source for source in sources if source.format == name]
        weight = np.sqrt([len(source.data) for source in own])
        source = own[int(rng.choice(len(own), p=weight / weight.sum()))]
        data = damage(rng, chunk(rng, source), sources)
        reader = name if rng.random() > STRANGER_SHARE else sorted(modules)[int(rng.integers(len(modules)))]
        note(tallies[name], source, len(data), *timed(modules[reader], data, source.name, failures, case))
        case += 1
    gc.collect()
    growth_mb = psutil.Process().memory_info().rss / 1e6 - before_mb
    return {
        "passed": not failures and growth_mb < GROWTH_MB_MAX,
        "cases": case,
        "bytes": sum(tally.bytes for tally in tallies.values()),
        "failures": failures[:REPORTED_MAX],
        "n_failures": len(failures),
        "rss_before_mb": round(before_mb, 1),
        "rss_growth_mb": round(growth_mb, 1),
        "rss_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3, 1),
        "formats": {
            name: vars(tally)
            | {
                "seconds": round(tally.seconds, 2),
                "slowest_s": round(tally.slowest_s, 3),
                "sources": sorted(tally.sources),
            }
            for name, tally in tallies.items()
        },
    }


def chunk(rng: np.random.Generator, source: Source) -> bytes:
    """Return a piece of a recording, its length drawn evenly on a logarithmic scale."""
    low, high = np.log(CHUNK_BYTES)
    size = int(np.exp(rng.uniform(low, high)))
    if source.name.endswith(".parquet"):
        return source.data
    if source.from_start:
        return source.data[:size]
    start = int(rng.integers(max(len(source.data) - size, 1)))
    if source.by_line:
        header = source.data[: source.data.find(b"\n") + 1] if source.name.endswith(".csv") else b""
        start = source.data.rfind(b"\n", 0, start) + 1
        return header + source.data[start : start + size]
    if source.name.endswith((".pcap", ".ff")) and rng.random() < 0.7:
        start = 0
    return source.data[start : start + size]


def damage(rng: np.random.Generator, data: bytes, sources: list[Source]) -> bytes:
    """Return `data` with some of its bits flipped, and bytes cut out, put in, or copied from elsewhere."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, CHANGES_MAX))):
        if not changed:
            break
        at, size = int(rng.integers(len(changed))), int(2 ** rng.uniform(0, 9))
        kind = rng.choice(["flip", "flip", "flip", "cut", "insert", "copy", "splice", "end"])
        if kind == "flip":
            changed[at] ^= 1 << int(rng.integers(8))
        elif kind == "cut":
            del changed[at : at + size]
        elif kind == "insert":
            changed[at:at] = rng.bytes(size)
        elif kind == "copy":
            start = int(rng.integers(len(changed)))
            changed[at:at] = changed[start : start + size]
        elif kind == "splice":
            other = sources[int(rng.integers(len(sources)))].data
            start = int(rng.integers(max(len(other) - size, 1)))
            changed[at : at + size] = other[start : start + size]
        elif rng.random() < 0.3:
            del changed[at:]
    packed = bytes(changed)
    if rng.random() < 0.05:  # a damaged stream of a packed recording
        stream = bytearray(gzip.compress(packed, 1, mtime=0))
        stream[int(rng.integers(len(stream)))] ^= 1 << int(rng.integers(8))
        packed = bytes(stream)
    return packed


def attempt(module: ModuleType, data: bytes, name: str) -> tuple[int, int, int]:
    """Return how many records were read and damaged, and whether the bytes were refused; check what was read."""
    sure = module.sniff(data[:65_536], name)
    if not 0.0 <= sure <= 1.0:
        raise AssertionError(f"sniff returned {sure}")
    try:
        decoded = module.decode(data, Context(source="bench", day_ns=1_717_632_000_000_000_000))
    except FormatError as error:
        if "\n" in str(error):
            raise AssertionError(f"a message of several lines: {error}") from error
        return 0, 0, 1
    for batch in [*decoded.detections, *decoded.tracks, *decoded.statuses, *decoded.truths]:
        check(batch)
    counted: Counter[str] = decoded.counts + decoded.damage
    if counted.total() != decoded.n_records:
        raise AssertionError(f"counts and damage add up to {counted.total()}, not to {decoded.n_records} records")
    return decoded.n_records, decoded.damage.total(), 0


def timed(
    module: ModuleType, data: bytes, name: str, failures: list[dict[str, Any]], case: int
) -> tuple[float, tuple[int, int, int]]:
    """Return how long a case took and what came of it; what must not happen goes to `failures`."""

    def stop(*_: object) -> None:
        raise TooSlowError(f"not done within {CASE_SECONDS_MAX} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS_MAX)
    start = time.perf_counter()
    result = (0, 0, 0)
    try:
        result = attempt(module, data, name)
    except Exception as error:  # noqa: BLE001  finding every one of them is what this is for
        what = f"{type(error).__name__}: {error}"[:300]
        digest = f"{zlib.crc32(data):08x}"
        failures.append({"case": case, "format": module.__name__, "recording": name, "crc32": digest, "error": what})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    return time.perf_counter() - start, result


def note(tally: Tally, source: Source, size: int, seconds: float, result: tuple[int, int, int]) -> None:
    """Add one case to a tally."""
    tally.cases += 1
    tally.bytes += max(size, 1)
    tally.seconds += seconds
    tally.slowest_s = max(tally.slowest_s, seconds)
    records, damaged, refused = result
    tally.records += records
    tally.damaged += damaged
    tally.refused += refused
    tally.sources.add(source.name)


if __name__ == "__main__":
    main()
