"""Sealed frames: who can open them, and that the key is what the standards say."""

import hashlib
import hmac
import time
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st
from link_scenes import coalition, free_port, introduce, joined, wait

from noroshi.run import pki
from noroshi.run.links.sealing import SEAL_BYTES, Opener, Sealer, seals, way

DAY_NS = 86_400 * 10**9


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return coalition(tmp_path_factory.mktemp("keys"), "JPN", "USA", "KOR")


def sides(keys, own, partner):
    return pki.identity(keys[own]), pki.partner_of(keys[own], partner)


def test_only_the_one_it_is_for_opens_it(keys):
    now_ns = time.time_ns()
    jpn, usa = seals(*sides(keys, "JPN", "USA"), now_ns), seals(*sides(keys, "USA", "JPN"), now_ns)
    sealed = jpn[0].seal(b"a frame")
    assert len(sealed) == len(b"a frame") + SEAL_BYTES
    assert usa[1].open(sealed) == b"a frame"
    assert usa[1].open(sealed) == b"a frame"  # doubled: the exchange knows
    assert jpn[1].open(sealed) is None  # told back
    for own, partner in (("KOR", "JPN"), ("USA", "KOR"), ("KOR", "USA")):
        assert seals(*sides(keys, own, partner), now_ns)[1].open(sealed) is None
    own, partner = sides(keys, "USA", "JPN")
    assert seals(replace(own, exercise="OTHER"), partner, now_ns)[1].open(sealed) is None
    assert jpn[0].seal(b"a frame") != sealed
    assert seals(*sides(keys, "JPN", "USA"), now_ns)[0].seal(b"a frame")[:16] != sealed[:16]


def test_the_key_is_that_of_rfc_5869_over_the_agreement(keys):
    """HKDF written out with the standard library, the agreement from the other side."""
    own, partner = sides(keys, "JPN", "USA")
    sealed = seals(own, partner, time.time_ns())[0].seal(b"a frame")
    other = pki.identity(keys["USA"]).signing[-1].sealing
    agreed = other.exchange(own.signing[-1].sealing.public_key())
    extracted = hmac.digest(sealed[:16], agreed, hashlib.sha256)
    key = hmac.digest(extracted, way("JPN", "USA", "TEST") + b"\x01", hashlib.sha256)
    assert sealed[16:24] == (1).to_bytes(8, "big")
    assert ChaCha20Poly1305(key).decrypt(bytes(4) + sealed[16:24], sealed[24:], sealed[:24]) == b"a frame"


@given(st.binary(max_size=200), st.data())
def test_what_was_altered_or_made_up_does_not_open(keys, frame, data):
    now_ns = time.time_ns()
    sealer, opener = seals(*sides(keys, "JPN", "USA"), now_ns)[0], seals(*sides(keys, "USA", "JPN"), now_ns)[1]
    sealed = bytearray(sealer.seal(frame))
    assert opener.open(bytes(sealed)) == frame
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    assert opener.open(bytes(sealed)) is None
    assert opener.open(bytes(sealed[: data.draw(st.integers(0, len(sealed) - 1))])) is None
    assert opener.open(data.draw(st.binary(max_size=100))) is None


def test_keys_change_without_a_gap(tmp_path):
    """Until the stated time the old key is used, and while either side has only the old file both still understand."""
    now_ns = time.time_ns()
    keys = coalition(tmp_path, "JPN", "USA")
    sealer = seals(*sides(keys, "JPN", "USA"), now_ns)[0]
    pki.rotate_signing(keys["USA"], now_ns=now_ns, until_ns=now_ns + DAY_NS)
    opener = seals(*sides(keys, "USA", "JPN"), now_ns)[1]
    assert opener.open(sealer.seal(b"by the old file")) == b"by the old file"
    (tmp_path / "USA.toml").write_text(pki.export(keys["USA"]))
    introduce(keys["JPN"], tmp_path / "USA.toml")
    for then_ns in (now_ns, now_ns + 2 * DAY_NS):
        sealer = seals(*sides(keys, "JPN", "USA"), then_ns)[0]
        assert opener.open(sealer.seal(b"by the new one")) == b"by the new one"


def test_keys_kept_for_sessions_are_few():
    own, partner = pki.SigningKey.new().sealing, pki.SigningKey.new().sealing
    opener = Opener([partner], [own.public_key()], b"way")
    for _ in range(20):
        assert opener.open(Sealer(own, partner.public_key(), b"way").seal(b"x")) == b"x"
    assert len(opener._ciphers) == 8


def test_a_point_of_low_order_is_no_key(keys, tmp_path):
    """RFC 7748, section 6.1: the agreement with such a point is all zeros, which anybody can compute."""
    text = pki.export(keys["USA"])
    at = text.index('sealing = "') + 11
    file = tmp_path / "USA.toml"
    file.write_text(text[:at] + "00" * 32 + text[at + 64 :])
    with pytest.raises(pki.PkiError, match="is no partner's file"):
        pki.read_partner(file)


def test_frames_that_its_keys_did_not_seal_are_dropped_and_told(tmp_path):
    """Somebody with America's certificate but without its keys gets a link, and no frame through."""
    keys = coalition(tmp_path, "JPN", "USA")
    with joined(keys, port=free_port()) as (jpn, usa):
        usa.send(b"true", urgent=False)
        wait(lambda: jpn.receive() == [b"true"])
    pki._write_signing(keys["USA"], [pki.SigningKey.new()])
    with joined(keys, port=free_port()) as (jpn, usa):
        usa.send(b"false", urgent=False)
        wait(lambda: jpn.trouble)
        assert "1 frames came that are not sealed by its keys to ours" in jpn.trouble
        assert jpn.counters.dropped_in == 1
        assert jpn.receive() == []
