"""How fast ASTERIX is read and written, beside libasterix in the same run on the same bytes, and whether they agree.

    uv run bench/asterix_speed.py --json [--shared ../shared/data/asterix] [--records 60000] [--compare 2000] [--seed 0]

Read: `decode` is the whole way, from the bytes of a recording to `Detections` and `Tracks`; `codec` is from the bytes
of its datagrams to columns of raw numbers. libasterix only parses (`uap.parse`), it is asked for no value. Written:
`encode` is the whole way, from `Tracks` or `Detections` to bytes; `codec` is from columns of raw numbers to bytes;
libasterix creates records of the same raw numbers and unparses them.

Real recordings are short: their datagrams are repeated to about `--records` records, except the half hour over Italy,
which is taken as it is. libasterix gets the first `--compare` records, and so does the comparison, in which each record
is also damaged at random once. Seconds are of the processor (the machine is shared), best of some; `wall` is by the
clock. A calibration kernel runs beside each case: a plain loop of integer arithmetic, whose time says how fast the
machine was at that moment.
"""

import argparse
import json
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from asterix import base, generated
from numpy.typing import NDArray

from noroshi.formats import Context
from noroshi.formats.asterix import WANTED, decode, encode, encode_plots
from noroshi.formats.asterix.blocks import EDITION, chain, find_records, read_rows, write_blocks
from noroshi.formats.asterix.encoding import PLOTS, TRACKS, plot_columns, track_columns
from noroshi.formats.asterix.framing import datagrams
from noroshi.formats.asterix.layout import ABSENT, layout_of
from noroshi.formats.asterix.walking import new_stack, read_record
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.kernel import kernel
from noroshi.records import Detections, Identity, Kind, Tracks, certain_kind

REPEATS = 7
CALIBRATION_STEPS = 10_000_000
HALF_HOUR = "jade_italy_cat062_063_065_30min.ff"
RECORDINGS = (HALF_HOUR, "cro_cat_034_048.pcap", "cro_cat_062_065.pcap")
DAY_NS = 20_000 * 86_400_000_000_000
LAYOUT, KNOWN = layout_of(WANTED)


def main() -> None:
    """Run all cases; print a line for each and one JSON object last."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[2] / "shared/data/asterix")
    parser.add_argument("--records", type=int, default=60_000)
    parser.add_argument("--compare", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print nothing but the figures")
    arguments = parser.parse_args()
    since = time.perf_counter()
    decode(encode_plots(some_plots(10, arguments.seed)), Context())
    encode(some_tracks(10, arguments.seed))
    compiled_s = time.perf_counter() - since
    paths = [arguments.shared / name for name in RECORDINGS]
    cases = {path.name: path.read_bytes() for path in paths if path.exists()}
    tracks, plots = some_tracks(arguments.records, arguments.seed), some_plots(arguments.records, arguments.seed)
    cases |= {"tracks written here": encode(tracks), "plots written here": encode_plots(plots)}
    read = {name: reading(name, data, arguments) for name, data in cases.items()}
    written = {"062": writing_tracks(tracks, arguments.compare), "048": writing_plots(plots, arguments.compare)}
    figures = {
        "read": read,
        "written": written,
        "first_calls_s": round(compiled_s, 2),
        "seed": arguments.seed,
        "absent": [path.name for path in paths if not path.exists()],
        "machine": platform.machine(),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("noroshi", "numpy", "numba", "libasterix")},
    }
    if not arguments.json:
        for name, found in [*read.items(), *written.items()]:
            print(name, *(f"{key} {value:,}" for key, value in found.items() if key != "categories"), sep="  ")
    print(json.dumps(figures))


def reading(name: str, data: bytes, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of one recording."""
    messages = [datagram for _, datagram in datagrams(data, Counter(), Counter())]
    n_once = len(find_records(messages, LAYOUT).records)
    n_times = 1 if name == HALF_HOUR or n_once >= arguments.records else -(-arguments.records // n_once)
    data = data[:24] + data[24:] * n_times if name.endswith(".pcap") else data * n_times
    messages *= n_times
    n = n_once * n_times
    cpu_s, wall_s = best(lambda: decode(data, Context(day_ns=DAY_NS)))
    codec_s, _ = best(lambda: columns(messages))
    theirs_s, n_theirs, n_damaged = beside_libasterix(messages[: len(messages) // n_times], arguments)
    return {
        "records": n,
        "bytes": sum(map(len, messages)),
        "times_repeated": n_times,
        "decode_per_s": round(n / cpu_s),
        "decode_wall_per_s": round(n / wall_s),
        "codec_per_s": round(n / codec_s),
        "libasterix_per_s": round(n_theirs / theirs_s),
        "decode_ratio": round(n / cpu_s * theirs_s / n_theirs, 1),
        "equal_records": n_theirs,
        "equal_damaged_records": n_damaged,
        "calibration_ns": calibration_ns(),
    }


def columns(messages: list[bytes]) -> list[NDArray[np.int64]]:
    """Return the raw numbers of all records, category by category."""
    found = find_records(messages, LAYOUT)
    category = LAYOUT.editions[found.records[:, EDITION], 0]
    return [
        read_rows(found.data, found.records[category == number], LAYOUT, len(KNOWN[number].slots))
        for number in np.unique(category).tolist()
    ]


def beside_libasterix(messages: list[bytes], arguments: argparse.Namespace) -> tuple[float, int, int]:
    """Compare the first records, whole and damaged; return libasterix's seconds for them, and how many agree."""
    rng = np.random.default_rng(arguments.seed)
    seconds, n, n_damaged = 0.0, 0, 0
    for category, block in blocks_of(messages):
        specification = generated.manifest["CATS"][category][-1]
        since = time.process_time()
        whole = specification.cv_uap.parse(base.Bits.from_bytes(block))
        seconds += time.process_time() - since
        if isinstance(whole, ValueError):
            # libasterix returns its errors
            raise AssertionError(f"libasterix cannot read a block of category {category:03d}: {whole}")  # noqa: TRY004
        n += len(whole)
        while block:
            size = agree(category, block)
            if size == 0:
                raise AssertionError("libasterix reads a block, but not its records one by one")
            damaged = bytearray(block)
            damaged[int(rng.integers(size))] ^= 1 << int(rng.integers(8))
            agree(category, bytes(damaged[: int(rng.integers(1, len(block) + 1))]))
            n_damaged += 1
            block = block[size:]
        if n >= arguments.compare:
            break
    return seconds, n, n_damaged


def blocks_of(messages: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield category and content of each block of a category that is read in one sort of record."""
    for message in messages:
        for pos, end in chain(message, 0, len(message)):
            if message[pos] in KNOWN and not issubclass(
                generated.manifest["CATS"][message[pos]][-1].cv_uap, base.UapMultiple
            ):
                yield message[pos], message[pos + 3 : end]


def agree(category: int, data: bytes) -> int:
    """Return the bytes of the first record, 0 if it cannot be read.

    Raises:
        AssertionError: if libasterix says otherwise, of its length or of a wanted number.
    """
    octets, row = np.frombuffer(data, np.uint8), np.empty(len(KNOWN[category].slots), np.int64)
    newest = int(LAYOUT.categories[category, 0])
    stop = read_record(octets, 0, len(data), newest, LAYOUT, new_stack(LAYOUT), row)
    record = generated.manifest["CATS"][category][-1].cv_record
    try:
        theirs = record.parse(base.ParsingMode.StrictParsing, base.Bits.from_bytes(data))
    except TypeError:  # a flag beyond the last item of its table
        theirs = ValueError()
    if isinstance(theirs, ValueError):
        if stop >= 0:
            raise AssertionError(f"category {category:03d}: read what libasterix refuses")
        return 0
    numbers = {path: number_at(theirs[0], path) for path in KNOWN[category].editions[0].fields}
    ours = {path: int(row[KNOWN[category].slots[path]]) for path in numbers}
    if stop != len(data) - len(theirs[1]) // 8 or ours != numbers:
        raise AssertionError(f"category {category:03d}: {ours} is not {numbers}")
    return stop


def number_at(record: Any, path: str) -> int:
    """Return the raw number that libasterix finds at a path, `ABSENT` if there is none."""
    first, *others = path.split("/")
    node = record.get_item(first)
    for name in others:
        try:
            node = None if node is None else node.variation.get_item(name)
        except (KeyError, ValueError, AttributeError):
            node = None
    return ABSENT if node is None else int(node.as_uint())


def writing_tracks(tracks: Tracks, n_theirs: int) -> dict[str, Any]:
    """Return the figures of category 062."""
    raw = track_columns(tracks, 1, 2, simulated=False)
    record = generated.manifest["CATS"][62][-1].cv_record

    def items(i: int) -> dict[str, Any]:
        at = {path: int(raw[slot, i]) for slot, path in enumerate(TRACKS.paths)}
        status = (0, 0, at["080/MRH"], 0, at["080/CNF"], None), (at["080/SIM"], at["080/TSE"], 0, 0, 0, 0, 0, None)
        pair = lambda a, b: (at[a], at[b])  # noqa: E731
        return {
            "010": pair("010/SAC", "010/SIC"),
            "070": at["070"],
            "105": pair("105/LAT", "105/LON"),
            "185": pair("185/VX", "185/VY"),
            "060": (0, 0, 0, 0, at["060/MODE3A"]),
            "380": {"ADR": at["380/ADR"], "ID": at["380/ID"]},
            "040": at["040"],
            "080": (*status, (0, 0, 0, 0, 0, None), (at["080/CST"], 0, 0, 0, 0, 0, 0, None)),
            "130": at["130"],
            "220": at["220"],
            "500": {
                "APC": pair("500/APC/X", "500/APC/Y"),
                "COV": at["500/COV"],
                "APW": pair("500/APW/LAT", "500/APW/LON"),
                "AGA": at["500/AGA"],
                "ATV": pair("500/ATV/X", "500/ATV/Y"),
                "ARC": at["500/ARC"],
            },
        }

    layout = layout_of((TRACKS,))[0]
    return writing(
        lambda: encode(tracks, sac=1, sic=2), lambda: write_blocks(raw, 62, layout, 1400), record, items, n_theirs, raw
    )


def writing_plots(plots: Detections, n_theirs: int) -> dict[str, Any]:
    """Return the figures of category 048."""
    raw = plot_columns(plots, 1, 2, simulated=False)
    record = generated.manifest["CATS"][48][-1].cv_record

    def items(i: int) -> dict[str, Any]:
        at = {path: int(raw[slot, i]) for slot, path in enumerate(PLOTS.paths)}
        return {
            "010": (at["010/SAC"], at["010/SIC"]),
            "140": at["140"],
            "020": ((at["020/TYP"], at["020/SIM"], 0, 0, 0, None),),
            "040": (at["040/RHO"], at["040/THETA"]),
            "070": (0, 0, 0, 0, at["070/MODE3A"]),
            "090": (0, 0, at["090/FL"]),
            "220": at["220"],
            "240": at["240"],
        }

    layout = layout_of((PLOTS,))[0]
    return writing(
        lambda: encode_plots(plots, sac=1, sic=2),
        lambda: write_blocks(raw, 48, layout, 1400),
        record,
        items,
        n_theirs,
        raw,
    )


def writing(
    whole: Callable[[], bytes],
    codec: Callable[[], bytes],
    record: Any,
    items: Callable[[int], dict[str, Any]],
    n_theirs: int,
    raw: NDArray[np.int64],
) -> dict[str, Any]:
    """Return the figures of one category; libasterix must write the same bytes."""
    n = raw.shape[1]
    n_theirs = min(n_theirs, n)
    cpu_s, wall_s = best(whole)
    codec_s, _ = best(codec)
    wanted = [items(i) for i in range(n_theirs)]
    since = time.process_time()
    theirs = b"".join(record.create(each).unparse().to_bytes() for each in wanted)
    theirs_s = time.process_time() - since
    data = whole()
    ours = b"".join(data[pos + 3 : end] for pos, end in chain(data, 0, len(data)))
    if not ours.startswith(theirs):
        raise AssertionError("libasterix writes other bytes")
    return {
        "records": n,
        "bytes": len(data),
        "encode_per_s": round(n / cpu_s),
        "encode_wall_per_s": round(n / wall_s),
        "codec_per_s": round(n / codec_s),
        "libasterix_per_s": round(n_theirs / theirs_s),
        "encode_ratio": round(n / cpu_s * theirs_s / n_theirs, 1),
        "equal_records": n_theirs,
        "calibration_ns": calibration_ns(),
    }


def some_tracks(n: int, seed: int) -> Tracks:
    """Return n tracks with everything that category 062 can say of them."""
    rng = np.random.default_rng([seed, 62])
    lat_rad, lon_rad = rng.uniform(-1.4, 1.4, n), rng.uniform(-np.pi, np.pi, n)
    time_ns = DAY_NS + np.arange(n) * 1_000_000
    return Tracks(
        node="bench",
        source_names=(),
        track_id=np.arange(n, dtype=np.uint64),
        time_ns=time_ns,
        updated_ns=time_ns,
        revision=np.zeros(n, np.int32),
        state_ecef=np.concatenate(
            [ecef_from_geodetic(lat_rad, lon_rad, rng.uniform(0.0, 15e3, n)), rng.uniform(-150.0, 150.0, (n, 3))],
            axis=1,
        ),
        covariance_ecef=np.eye(6) * rng.uniform(1.0, 1e4, (n, 1, 1)),
        existence=np.ones(n),
        kind_probability=certain_kind(Kind.AIRCRAFT, n),
        status=rng.integers(0, 4, n).astype(np.uint8),
        sources=np.zeros((n, 0), np.bool_),
        identity=some_identity(n, rng),
    )


def some_plots(n: int, seed: int) -> Detections:
    """Return n plots with everything that category 048 can say of them here."""
    rng = np.random.default_rng([seed, 48])
    bounds = np.array([[1e3, 0.0, 0.0], [400e3, 6.28, 15e3]])
    return Detections.of(
        sensor="001/002",
        components=("range_m", "azimuth_rad", "altitude_m"),
        time_ns=DAY_NS + np.arange(n) * 1_000_000,
        values=rng.uniform(*bounds, (n, 3)),
        identity=some_identity(n, rng),
    )


def some_identity(n: int, rng: np.random.Generator) -> Identity:
    """Return n full identities."""
    return Identity.absent(n).replace(
        icao_address=rng.integers(1, 1 << 24, n),
        mode_3a=rng.integers(0, 1 << 12, n),
        call_sign=rng.choice(np.array(["DLH65A", "RYR12AB", "N1"]), n),
    )


def best(work: Callable[[], object]) -> tuple[float, float]:
    """Return the least processor and the least clock time [s] of some runs."""
    cpu_s, wall_s = [], []
    for _ in range(REPEATS):
        since = time.process_time(), time.perf_counter()
        work()
        cpu_s.append(time.process_time() - since[0])
        wall_s.append(time.perf_counter() - since[1])
    return min(cpu_s), min(wall_s)


def calibration_ns() -> float:
    """Return how long a step of a plain loop takes [ns]."""
    return round(best(lambda: _mix(CALIBRATION_STEPS))[0] / CALIBRATION_STEPS * 1e9, 3)


@kernel
def _mix(n: int) -> int:
    number = 88_172_645_463_325_252
    for _ in range(n):  # Marsaglia (2003), Xorshift RNGs, J. Stat. Softw. 8(14): each step needs the one before
        number ^= number << 13
        number ^= number >> 7
        number ^= number << 17
    return number


if __name__ == "__main__":
    main()
