"""Signatures of CAP documents: others verify them, and what was touched, borrowed or made up is refused."""

import time
from pathlib import Path

import pytest
from alert_scenes import EXERCISE, SENT_NS, alert_of, assert_valid, keys_of, shapes_of, wordings_of
from capvalidator import Validator
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from noroshi.formats import FormatError, cap
from noroshi.records import digest
from noroshi.run import pki
from noroshi.run.alerts import AlertError
from noroshi.run.alerts.signing import sign, verify
from noroshi.run.pki.certificates import DAY_NS

SIGNED: dict[str, bytes] = {}


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> pki.Identity:
    return keys_of(tmp_path_factory.mktemp("own") / "keys")


def document_of(exercise=EXERCISE, **changes):
    alert = alert_of(**changes)
    return cap.encode(alert, wordings_of(alert, exercise=exercise), exercise=exercise, shapes=shapes_of())


def test_a_signed_message_is_valid_and_says_the_same(own):
    signed = sign(document_of(), own)
    assert_valid(signed)
    notice = verify(signed, own.authority)
    assert notice == cap.decode(document_of()) == cap.decode(signed)
    assert digest(cap.alert_of(notice, EXERCISE)) == digest(alert_of())


def test_the_validator_of_the_world_meteorological_organization_agrees(tmp_path):
    """It judges certificates by today's date, so this message is of today."""
    now_ns = time.time_ns()
    own = keys_of(tmp_path / "keys", now_ns=now_ns)
    signed = sign(document_of(sent_ns=now_ns), own)
    assert Validator(signed).schema()[0]
    assert Validator(signed).signature()[0]
    assert not Validator(signed.replace(b"Aomori", b"Tokyo", 1)).signature()[0]


def test_the_library_xmlsec_agrees_where_it_is_installed(own):
    try:
        import xmlsec
    except Exception as error:  # noqa: BLE001  # another build of libxml2 than lxml's makes it refuse to be imported
        pytest.skip(f"xmlsec cannot be used here: {error}")
    root = etree.fromstring(sign(document_of(), own))
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(own.certificate_pem, xmlsec.constants.KeyDataFormatCertPem)
    context.verify(xmlsec.tree.find_node(root, xmlsec.constants.NodeSignature))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Aomori", b"Tokyo"),
        (b"<msgType>Alert", b"<msgType>Error"),
        (b"00:20:00", b"00:29:00"),
        (b"<scope>Restricted", b"<scope>Public"),
        (b"</alert>", b"<ds:Signature xmlns:ds='http://www.w3.org/2000/09/xmldsig#'/></alert>"),
        (b"ecdsa-sha256", b"ecdsa-sha512"),
        (b"xmlenc#sha256", b"xmlenc#sha512"),
        (b"JPN-2030-0001", b"JPN-2030-0002"),
    ],
)
def test_what_was_touched_is_refused(own, old, new):
    signed = sign(document_of(), own)
    assert old in signed
    with pytest.raises(FormatError):
        verify(signed.replace(old, new, 1), own.authority)


def test_a_status_cannot_be_changed_either_way(own):
    signed = sign(document_of(), own)
    with pytest.raises(FormatError, match="must not enter one"):
        verify(signed.replace(b"<status>Exercise", b"<status>Actual"), own.authority)
    commented = signed.replace(b"<status>Exercise", b"<status>Exer<!-- -->cise")
    assert isinstance(verify(commented, own.authority), cap.ExerciseNotice)  # canonical form has no comments
    split = signed.replace(b"<status>Exercise", b"<status>Act<!-- -->ual<!-- ")
    with pytest.raises(FormatError):
        verify(split, own.authority)


def test_what_is_not_signed_is_refused(own):
    with pytest.raises(FormatError, match="not signed"):
        verify(document_of(), own.authority)


def test_something_signed_inside_something_else_is_refused(own):
    """Signature wrapping: the signed message is put inside one that is not."""
    signed = etree.fromstring(sign(document_of(), own))
    outer = etree.fromstring(document_of().replace(b"Aomori", b"Tokyo"))
    outer.append(signed[-1])  # the signature alone, of another message
    with pytest.raises(FormatError):
        verify(etree.tostring(outer), own.authority)
    outer = etree.fromstring(document_of().replace(b"Aomori", b"Tokyo"))
    outer.append(signed)
    with pytest.raises(FormatError):
        verify(etree.tostring(outer), own.authority)


def test_another_authority_nation_or_exercise_is_refused(own, tmp_path):
    signed = sign(document_of(), own)
    for name, nation, exercise in (("a", "JPN", EXERCISE), ("b", "USA", EXERCISE), ("c", "JPN", "AUTUMN-30")):
        other = keys_of(tmp_path / name, nation, exercise)
        with pytest.raises(FormatError, match="not signed by a node of"):
            verify(signed, other.authority)


def test_a_certificate_holds_for_its_time_and_no_longer(own):
    late = document_of(sent_ns=SENT_NS + 8 * DAY_NS)
    with pytest.raises(FormatError, match="the signature does not hold"):
        verify(sign(late, own), own.authority)


def test_only_exercises_are_signed_and_only_with_their_own_keys(own, tmp_path):
    with pytest.raises(AlertError, match="only messages of exercises"):
        sign(document_of().replace(b"<status>Exercise", b"<status>Actual"), own)
    with pytest.raises(AlertError, match="only messages of exercises"):
        sign(document_of(), keys_of(tmp_path / "real", exercise=None))
    with pytest.raises(AlertError, match="keys of JPN in exercise 'SPRING-30' for a message of JPN in 'AUTUMN-30'"):
        sign(document_of(exercise="AUTUMN-30"), own)
    with pytest.raises(AlertError, match="for a message of USA"):
        sign(document_of(sender="USA"), own)


@given(place=st.integers(0, 10_000), new=st.binary(max_size=6), n_removed=st.integers(0, 6))
@settings(max_examples=150)
def test_whatever_is_changed_it_is_refused_or_says_the_same(own, place, new, n_removed):
    signed = SIGNED.setdefault("one", sign(document_of(), own))
    at = place % len(signed)
    try:
        notice = verify(signed[:at] + new + signed[at + n_removed :], own.authority)
    except FormatError:
        return
    assert notice == cap.decode(document_of())


@pytest.mark.parametrize("junk", [b"", b"<alert/>", b"\x00" * 100, b"<!DOCTYPE a []><alert/>"])
def test_junk_is_refused(own, junk):
    with pytest.raises(FormatError):
        verify(junk, own.authority)


def test_a_signature_with_a_certificate_that_is_none_is_refused(own):
    signed = sign(document_of(), own)
    at = signed.index(b"X509Certificate>") + 16
    for body in (b"AAAA", "é".encode(), b"", signed[at : at + 400]):
        with pytest.raises(FormatError):
            verify(signed[:at] + body + signed[signed.index(b"</ds:X509Certificate>") :], own.authority)


def test_no_file_is_fetched_for_it(own):
    path = Path("/etc/hostname")
    signed = sign(document_of(), own).replace(b'URI=""', f'URI="file://{path}"'.encode())
    with pytest.raises(FormatError):
        verify(signed, own.authority)
