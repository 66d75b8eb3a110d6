"""Enveloped XML signatures of CAP documents, by the node's key of the exercise: ECDSA over P-256, SHA-256.

It is the one sort of signature that CAP allows. Ed25519, by which nodes sign else, has no implementation of XML
signatures in Python that is kept; the node's certificate comes with the message, and receivers hold its authority.

Source: OASIS CAP 1.2, 3.3.4.1; W3C XML Signature 1.1; RFC 9231 for the names of algorithms.
"""

from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from signxml.algorithms import (
    CanonicalizationMethod,
    DigestAlgorithm,
    SignatureConstructionMethod,
    SignatureMethod,
)
from signxml.exceptions import InvalidInput, SignXMLException
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from noroshi.formats import FormatError
from noroshi.formats.alerting import whole_seconds_ns
from noroshi.formats.cap import ExerciseNotice, decode
from noroshi.geo.time import NS_PER_S
from noroshi.run.alerts import AlertError
from noroshi.run.pki import Identity
from noroshi.run.pki.certificates import is_of_node, whose
from noroshi.run.pki.files import PkiError

CERTIFICATE = "{http://www.w3.org/2000/09/xmldsig#}X509Certificate"
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"


def sign(document: bytes, own: Identity) -> bytes:
    """Return a CAP document of an exercise with the node's signature in it. Each signature has other bytes.

    Raises:
        AlertError: if the document is of no exercise, or the keys are of another one or of none.
    """
    told = decode(document)
    if not isinstance(told, ExerciseNotice) or own.exercise is None:
        raise AlertError("only messages of exercises are signed, and only with keys of an exercise")
    if (told.sender, told.note) != (own.nation, own.exercise):
        raise AlertError(
            f"keys of {own.nation} in exercise '{own.exercise}' for a message of {told.sender} in '{told.note[:40]}'"
        )
    key = load_pem_private_key(own.key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=SignatureMethod.ECDSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(etree.fromstring(document, _parser()), key=key, cert=[own.certificate])
    text: bytes = etree.tostring(signed, xml_declaration=True, encoding="UTF-8")
    return text


def verify(document: bytes, authority: x509.Certificate) -> ExerciseNotice:
    """Return what a signed CAP document of an exercise says: what was signed, and nothing beside it.

    Args:
        document: as it came.
        authority: the nation's, of the exercise.

    Raises:
        FormatError: if it is no CAP document of that nation and exercise, or not signed by a node of it with a
            certificate that held when it was sent.
    """
    told = decode(document)  # bounds it before anything else looks at it
    if not isinstance(told, ExerciseNotice):
        raise FormatError("this message is of no exercise and must not enter one")
    try:
        nation, exercise = whose(authority, "the authority")
        root = etree.fromstring(document, _parser())
        certificate = _certificate(root)
        if not is_of_node(certificate, nation, authority):
            raise FormatError(f"not signed by a node of {nation} in this exercise")
        sent = datetime.fromtimestamp(whole_seconds_ns(told.sent_ns) // NS_PER_S, UTC)
        config = SignatureConfiguration(
            location="./",
            signature_methods=frozenset({SignatureMethod.ECDSA_SHA256}),
            digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
            verification_time=sent,
        )
        result: Any = XMLVerifier().verify(root, x509_cert=certificate, expect_config=config)
    except (SignXMLException, InvalidInput, PkiError, etree.LxmlError, ValueError, TypeError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"the signature does not hold: {str(error)[:120]}") from error
    signed = decode(result.signed_data)
    if not isinstance(signed, ExerciseNotice) or (signed.sender, signed.note) != (nation, exercise):
        raise FormatError(f"not a message of {nation} in the exercise of its authority")
    return signed


def _certificate(root: Any) -> x509.Certificate:
    signatures = root.findall(SIGNATURE)
    found = [] if len(signatures) != 1 else signatures[0].findall(f".//{CERTIFICATE}")
    if len(found) != 1 or not found[0].text:
        raise FormatError("not signed, or not by one certificate")
    body = "".join(found[0].text.split())
    return x509.load_pem_x509_certificate(
        f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n".encode("ascii")
    )


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
