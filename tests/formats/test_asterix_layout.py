"""Records walked along the flattened tables are what libasterix's own parser says, for good bytes and for bad."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from asterix import base, generated
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.formats.asterix import READ, WANTED
from noroshi.formats.asterix.blocks import chain
from noroshi.formats.asterix.framing import datagrams
from noroshi.formats.asterix.layout import ABSENT, SAC, SIC, Wanted, layout_of
from noroshi.formats.asterix.walking import new_stack, read_record

SHARED = Path(__file__).resolve().parents[3] / "shared/data/asterix"
NAMES = (
    "jade_italy_cat062_063_065_30min.ff",
    "cro_cat_034_048.pcap",
    "cro_cat_062_065.pcap",
    "cat062_crashes_asterix-decoder-0.7.11.bin",
)
RECORDINGS = [
    *(SHARED / name for name in NAMES),
    *sorted((Path(__file__).parents[1] / "samples/asterix").iterdir()),
]
LAYOUT, KNOWN = layout_of(WANTED)
STACK = new_stack(LAYOUT)
SPECIFICATIONS = [
    pytest.param(category, number, id=f"{category:03d}-{'.'.join(map(str, specification.cv_edition))}")
    for category in sorted(READ)
    for number, specification in enumerate(reversed(generated.manifest["CATS"][category]))
]


def structure(named):
    rule = named.cv_rule
    return getattr(rule, "cv_default_variation", None) or rule.cv_variation


def some_bytes(rng, size):
    return rng.integers(0, 256, size, dtype=np.uint8).tobytes()


def some_flags(rng, items, always=0):
    """Return a random choice of the items that can be chosen, and the bytes that say which they are."""
    chosen = [i for i, item in enumerate(items) if item is not None and (i < always or rng.random() < 0.4)]
    count = max(chosen, default=0) // 7 + 1
    flags = [sum(128 >> i % 7 for i in chosen if i // 7 == byte) | (byte < count - 1) for byte in range(count)]
    return chosen, bytes(flags)


def some_item(rng, variation):
    """Return random bytes that follow a structure."""
    if issubclass(variation, base.Element | base.Group):
        size = getattr(variation, "cv_bit_size", 0) or sum(bits for _, bits in variation.cv_items_list)
        return some_bytes(rng, size // 8)
    if issubclass(variation, base.Extended):
        parts = variation.cv_items_list
        count = rng.integers(1, len(parts) + 1)
        found = b""
        for i, part in enumerate(parts[:count]):
            bits = sum(1 if item is None else item[1] for item in part)
            octets = bytearray(some_bytes(rng, bits // 8))
            if part[-1] is None:
                octets[-1] = octets[-1] & 0xFE | (i < count - 1)
            found += bytes(octets)
        return found
    if issubclass(variation, base.Repetitive):
        count = int(rng.integers(1, 4))
        if variation.cv_rep_bytes is None:
            return bytes(b & 0xFE | (i < count - 1) for i, b in enumerate(some_bytes(rng, count)))
        repeated = [some_item(rng, variation.cv_variation) for _ in range(count)]
        return count.to_bytes(variation.cv_rep_bytes, "big") + b"".join(repeated)
    if issubclass(variation, base.Explicit):
        size = int(rng.integers(0, 6))
        return bytes([size + 1]) + some_bytes(rng, size)
    chosen, flags = some_flags(rng, variation.cv_items_list)
    return flags + b"".join(some_item(rng, structure(variation.cv_items_list[i])) for i in chosen)


def some_record(rng, record):
    named = [item.cv_non_spare if issubclass(item, base.UapItem) else None for item in record.cv_items_list]
    chosen, flags = some_flags(rng, named, always=2)
    return flags + b"".join(some_item(rng, structure(named[i])) for i in chosen)


def records_of(specification):
    uap = specification.cv_uap
    return list(uap.cv_uaps.values()) if issubclass(uap, base.UapMultiple) else [uap.cv_record]


def expected(specification, data):
    """Return (bytes used, path -> raw number) as libasterix reads one record, or None if it cannot."""
    for name, record in zip(getattr(specification.cv_uap, "cv_uaps", [None]), records_of(specification), strict=True):
        try:
            result = record.parse(base.ParsingMode.StrictParsing, base.Bits.from_bytes(data))
        except TypeError:  # a flag beyond the last item of its table
            result = ValueError()
        if isinstance(result, ValueError):
            continue
        found, rest = result
        if name is not None:
            path, names = specification.cv_uap.cv_selector
            descriptor = found.get_item(path[0])
            if descriptor is None or names[descriptor.variation.get_item(path[1]).as_uint()] != name:
                continue
        return len(data) - len(rest) // 8, found
    return None


def value(found, path):
    """Return the raw number at a path, -1 where there is none."""
    first, *others = path.split("/")
    node = found.get_item(first)
    for name in others:
        if node is None:
            return ABSENT
        try:
            node = node.variation.get_item(name)
        except (KeyError, ValueError, AttributeError):
            return ABSENT
    return ABSENT if node is None else node.as_uint()


def walked(category, number, data):
    """Return (bytes used, or a reason's number made negative; raw numbers) as our kernel reads one record."""
    row = np.empty(len(KNOWN[category].slots), np.int64)
    octets = np.frombuffer(data, np.uint8)
    stop = read_record(octets, 0, len(data), LAYOUT.categories[category, 0] + number, LAYOUT, STACK, row)
    return stop, row.tolist()


def agree(category, number, data):
    """Check one record; return how many bytes it has, 0 if it cannot be read."""
    oracle = expected(generated.manifest["CATS"][category][-1 - number], data)
    stop, row = walked(category, number, data)
    if oracle is None:
        assert stop < 0
        return 0
    assert stop == oracle[0]
    for path, slot in KNOWN[category].slots.items():
        if path in KNOWN[category].editions[number].fields:
            assert row[slot] == value(oracle[1], path), path
    return stop


@pytest.mark.parametrize(("category", "number"), SPECIFICATIONS)
def test_random_records_are_read_as_libasterix_reads_them(category, number):
    rng = np.random.default_rng([category, number])
    records = records_of(generated.manifest["CATS"][category][-1 - number])
    sound = 0
    for i in range(20):
        data = some_record(rng, records[i % len(records)])
        sound += agree(category, number, data + some_bytes(rng, 3)) > 0
        damaged = bytearray(data)
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        agree(category, number, bytes(damaged[: rng.integers(1, len(damaged) + 1)]))
    assert sound >= 5  # all 20, but in category 001 every second random descriptor names the other sort of record


@pytest.mark.parametrize(("category", "number"), SPECIFICATIONS)
def test_wanted_fields_exist_in_some_edition(category, number):
    specification = KNOWN[category]
    assert set().union(*(edition.fields for edition in specification.editions)) == set(READ[category].PATHS)
    for slot, path in enumerate(READ[category].PATHS):
        field = specification.editions[number].fields.get(path)
        assert specification.negative_from[slot, number] == (1 << field.bits - 1 if field and field.signed else 0)


def test_paths_begin_with_the_source_and_the_times():
    with pytest.raises(ValueError, match="category 048"):
        layout_of((Wanted(48, ("140",), (SAC, SIC, "040/RHO", "140")),))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_recorded_records_whole_and_damaged_are_read_as_libasterix_reads_them(path):
    if not path.exists():
        pytest.skip("the shared ASTERIX recordings are not here")
    rng = np.random.default_rng(len(path.name))
    checked = Counter()
    for i, (_, datagram) in enumerate(datagrams(path.read_bytes(), Counter(), Counter())):
        for pos, end in chain(datagram, 0, len(datagram)):
            category = datagram[pos]
            if category not in KNOWN or (path.suffix == ".ff" and i % 60):
                continue
            data = datagram[pos + 3 : end]
            while data:
                size = agree(category, 0, data)
                assert size
                damaged = bytearray(data)
                damaged[rng.integers(size)] ^= 1 << rng.integers(8)
                agree(category, 0, bytes(damaged[: rng.integers(1, len(data) + 1)]))
                data = data[size:]
                checked[category] += 1
    assert checked.total() > 0
    if path.suffix == ".ff":
        assert min(checked[62], checked[63], checked[65]) > 50


@given(st.integers(0, len(SPECIFICATIONS) - 1), st.integers(0, 2**32), st.binary(max_size=40), st.data())
@settings(max_examples=150, deadline=None)
def test_no_bytes_lead_astray(which, seed, tail, data):
    category, number = SPECIFICATIONS[which].values
    rng = np.random.default_rng(seed)
    records = records_of(generated.manifest["CATS"][category][-1 - number])
    octets = bytearray(some_record(rng, records[seed % len(records)]) + tail)
    for _ in range(data.draw(st.integers(0, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    agree(category, number, bytes(octets))
