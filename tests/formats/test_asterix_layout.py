"""The readers built from libasterix's tables answer as libasterix's own parser does, for good bytes and for bad."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from asterix import base, generated

from noroshi.formats.asterix import READ
from noroshi.formats.asterix.blocks import HEAD, chain
from noroshi.formats.asterix.framing import datagrams
from noroshi.formats.asterix.layout import ABSENT, LayoutError, editions

RECORDING = Path(__file__).resolve().parents[3] / "shared/data/asterix/jade_italy_cat062_063_065_30min.ff"
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


def agree(category, number, data):
    """Check one record; return whether it could be read."""
    specification = generated.manifest["CATS"][category][-1 - number]
    paths = (*HEAD, *READ[category].PATHS)
    edition = editions(category, paths)[number]
    oracle = expected(specification, data)
    row = [ABSENT] * len(paths)
    try:
        stop = edition.read(data, 0, len(data), row)
    except LayoutError:
        assert oracle is None
        return False
    assert oracle is not None
    assert stop == oracle[0]
    for path, raw in zip(paths, row, strict=True):
        if path in edition.fields:
            assert raw == value(oracle[1], path), path
    return True


@pytest.mark.parametrize(("category", "number"), SPECIFICATIONS)
def test_random_records_are_read_as_libasterix_reads_them(category, number):
    rng = np.random.default_rng([category, number])
    records = records_of(generated.manifest["CATS"][category][-1 - number])
    sound = 0
    for i in range(20):
        data = some_record(rng, records[i % len(records)])
        sound += agree(category, number, data + some_bytes(rng, 3))
        damaged = bytearray(data)
        damaged[rng.integers(len(damaged))] ^= 1 << rng.integers(8)
        agree(category, number, bytes(damaged[: rng.integers(1, len(damaged) + 1)]))
    assert sound >= 5  # all 20, but in category 001 every second random descriptor names the other sort of record


@pytest.mark.parametrize(("category", "number"), SPECIFICATIONS)
def test_wanted_fields_exist_in_some_edition(category, number):
    paths = (*HEAD, *READ[category].PATHS)
    known = set().union(*(edition.fields for edition in editions(category, paths)))
    assert known == set(READ[category].PATHS)


@pytest.mark.skipif(not RECORDING.exists(), reason="the shared ASTERIX recordings are not here")
def test_real_records_are_read_as_libasterix_reads_them():
    checked = Counter()
    for i, (_, datagram) in enumerate(datagrams(RECORDING.read_bytes(), Counter(), Counter())):
        if i % 60:
            continue
        for pos, end in chain(datagram, 0):
            data = datagram[pos + 3 : end]
            while data:
                assert agree(datagram[pos], 0, data)
                data = data[expected(generated.manifest["CATS"][datagram[pos]][-1], data)[0] :]
                checked[datagram[pos]] += 1
    assert min(checked[62], checked[63], checked[65]) > 50
