"""No bytes make the decoder fail, and one damaged place costs little."""

import numpy as np
import pytest
from asterix import base, generated

from noroshi.formats import Context, FormatError
from noroshi.formats.asterix import READ, decode, sniff
from noroshi.records import check

CATEGORIES = sorted(READ)


def blocks_of(category, count=6, a_block=4, edition=-1):
    """Return data blocks of records that have a source, a time and some more."""
    specification = generated.manifest["CATS"][category][edition]
    record = specification.cv_uap.spec("plot") if category == 1 else specification.cv_record
    found = []
    for i in range(count):
        records = []
        for j in range(a_block):
            items = {"010": (12, 34), READ[category].TIMES[-1]: 128 * (100 + i * a_block + j) % 65_536}
            if category in (1, 48):
                kind = (0, 0, 3, 0, 0, 0, None) if category == 1 else (5, 0, 0, 0, 0, None)
                items |= {"020": (kind,), "040": (1000, 2000)}
            if category == 62:
                items |= {"040": 7, "105": (1 << 23, 1 << 22), "080": ((0, 0, 0, 0, 0, None),)}
            if category == 63:
                items |= {"050": (1, 2)}
            if category in (2, 10, 34, 65):
                items |= {"000": 1}
            records.append(record.create(items))
        found.append(specification.create(records).unparse().to_bytes())
    return found


def read(data):
    decoded = decode(data, Context(day_ns=0))
    for batch in [*decoded.detections, *decoded.tracks, *decoded.statuses]:
        check(batch)
    assert decoded.counts.total() + decoded.damage.total() == decoded.n_records
    return decoded


def good(data, category):
    """Return how many records of a category were of use."""
    counts = read(data).counts
    return sum(
        n for what, n in counts.items() if what.startswith(f"category {category:03d}") and "not read" not in what
    )


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_flipped_bit_costs_at_most_its_block_and_the_next(category):
    blocks = blocks_of(category)
    whole = b"".join(blocks)
    assert good(whole, category) == 24
    target = len(b"".join(blocks[:2]))
    lost = []
    for bit in [*range(24), *range(24, 8 * len(blocks[2]), 3)]:
        data = bytearray(whole)
        data[target + bit // 8] ^= 128 >> bit % 8
        lost.append(24 - good(bytes(data), category))
    assert max(lost) <= 8


@pytest.mark.parametrize("category", CATEGORIES)
def test_insertions_and_losses_cost_at_most_two_blocks(category):
    blocks = blocks_of(category)
    rng = np.random.default_rng(category)
    for _ in range(40):
        data = bytearray(b"".join(blocks))
        at, size = int(rng.integers(len(data))), int(rng.integers(1, 5))
        if rng.random() < 0.5:
            data[at:at] = rng.bytes(size)
        else:
            del data[at : at + size]
        assert good(bytes(data), category) >= 24 - 8


def test_unknown_categories_are_counted_and_not_opened():
    known = b"".join(blocks_of(48))
    other = bytes([247, 0, 7, 1, 2, 3, 4])
    decoded = read(other + known + other + other + known + other)
    assert decoded.counts == {"category 048 target report": 48, "category 247 not read": 4}
    assert not decoded.damage
    with pytest.raises(FormatError, match="category 247 not read"):
        decode(other, Context())


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x00\x03", bytes(1000), b"{}" * 600, b"\xff" * 1000])
def test_what_is_no_asterix_is_refused_in_one_line(data):
    with pytest.raises(FormatError) as caught:
        decode(data, Context())
    assert "\n" not in str(caught.value)
    assert sniff(data, "x") == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_records_that_chance_makes_in_noise_are_not_taken_for_a_recording(seed):
    with pytest.raises(FormatError):
        decode(np.random.default_rng(seed).bytes(65_536), Context())


def test_sniff_knows_text_and_noise_from_asterix():
    rng = np.random.default_rng(1)
    assert sniff(b"".join(blocks_of(48)), "x") > 0.9
    assert sniff(b"".join(blocks_of(34))[:-3], "x") > 0.9
    assert all(sniff(rng.bytes(65_536), "x") == 0.0 for _ in range(50))
    for text in (b"0,1,2\n" * 9000, b'"time","lat"\n' * 5000, b"A48020," * 9000):
        assert sniff(text, "x.csv") == 0.0


@pytest.mark.parametrize("category", CATEGORIES)
def test_random_changes_raise_nothing_but_format_error(category):
    rng = np.random.default_rng([7, category])
    whole = b"".join(blocks_of(category))
    read_some = 0
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 30)):
            data[rng.integers(len(data))] = rng.integers(256)
        try:
            read(bytes(data[: rng.integers(1, len(data) + 1)]))
            read_some += 1
        except FormatError:
            pass
    assert read_some > 20


def test_a_long_block_of_nothing_is_cheap():
    empty = bytes([62, 0xFF, 0xFF]) + bytes(65_532)
    with pytest.raises(FormatError):
        decode(empty * 20, Context())


def test_a_block_is_read_up_to_its_first_bad_record_which_libasterix_refuses_whole():
    whole = b"".join(blocks_of(48, count=1))
    longer = whole[:1] + (len(whole) + 5).to_bytes(2, "big") + whole[3:] + b"\x80\x01\x02\x01\x01"
    assert isinstance(generated.manifest["CATS"][48][-1].cv_uap.parse(base.Bits.from_bytes(longer[3:])), ValueError)
    decoded = read(longer + whole)
    assert decoded.counts == {"category 048 target report": 4 + 1 + 4}
    assert decoded.damage == {"category 048: cut short": 1}
