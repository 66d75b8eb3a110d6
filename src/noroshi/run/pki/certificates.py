"""Certificates: an authority for each nation and exercise, and the nodes it vouches for. EC P-256, X.509."""

import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from noroshi.geo.time import NS_PER_S
from noroshi.run.pki.files import PkiError, read, read_secret

DAY_NS = 86_400 * NS_PER_S
CLOCK = timedelta(minutes=5)  # a certificate holds a little before it was made, for clocks that are behind
NATION = re.compile(r"[A-Z]{3}")
EXERCISE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
ENDPOINT = re.compile(r"tls/(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})")
REAL = "real"  # what the subject of an authority says that is of no exercise


def node_name(nation: str) -> str:
    """Return the common name of a nation's node; a certificate with another name is none of that nation's."""
    return f"node.{nation}"


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def ends_ns(certificate: x509.Certificate) -> int:
    """Return when a certificate ends."""
    return round(certificate.not_valid_after_utc.timestamp()) * NS_PER_S


def hosts_of(certificate: x509.Certificate) -> list[str]:
    """Return the names and addresses a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def host_of(endpoint: str) -> str:
    """Return the host of "tls/HOST:PORT".

    Raises:
        PkiError: if it is not such a text.
    """
    match = ENDPOINT.fullmatch(endpoint)
    if match is None or not 0 < int(match["port"]) < 1 << 16:
        raise PkiError(f"'{endpoint}': write an endpoint as tls/HOST:PORT, for instance tls/node.example:7447")
    return match["host"].strip("[]")


def authority_pems(nation: str, exercise: str | None, *, now_ns: int, days: float) -> tuple[bytes, bytes]:
    """Return the certificate of a new authority and its key.

    Raises:
        PkiError: if a name is none, or the days are not ahead.
    """
    _check_nation(nation)
    if exercise is not None and (not EXERCISE.fullmatch(exercise) or exercise.lower() == REAL):
        raise PkiError(f"'{exercise}' is no name of an exercise: letters, digits, dots, - and _; not '{REAL}'")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, nation),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"exercise {exercise}" if exercise else REAL),
            x509.NameAttribute(NameOID.COMMON_NAME, f"noroshi authority {nation}"),
        ]
    )
    certificate = (
        _builder(subject, subject, key.public_key(), now_ns, days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM), key_pem(key)


def request(nation: str) -> tuple[bytes, bytes]:
    """Return a request for an authority to sign, and the new key of the node that it is for; both PEM."""
    _check_nation(nation)
    key = ec.generate_private_key(ec.SECP256R1())
    asked = x509.CertificateSigningRequestBuilder().subject_name(_subject(nation)).sign(key, hashes.SHA256())
    return asked.public_bytes(Encoding.PEM), key_pem(key)


def sign(folder: Path, request_pem: bytes, hosts: Sequence[str], *, now_ns: int, days: float) -> bytes:
    """Return a node's certificate, signed by the authority of `folder`; PEM.

    Args:
        folder: with authority.pem and authority.key.
        request_pem: what `request` gave.
        hosts: names and addresses by which partners reach the node.
        now_ns: the time.
        days: how long it is to hold; never longer than the authority.

    Raises:
        PkiError: if the authority cannot sign it.
    """
    authority = certificate_of(folder / "authority.pem")
    nation, _ = whose(authority, folder / "authority.pem")
    key = private_key(folder / "authority.key")
    if key.public_key() != authority.public_key():
        raise PkiError(f"{folder / 'authority.key'}: is not the key of authority.pem")
    try:
        asked = x509.load_pem_x509_csr(request_pem)
    except ValueError as error:
        raise PkiError("the request is no certificate request in PEM") from error
    if not asked.is_signature_valid or asked.subject != _subject(nation):
        raise PkiError(f"the request is not for {_subject(nation).rfc4514_string()}, or not signed by its own key")
    if not hosts:
        raise PkiError("say by which names or addresses partners reach the node")
    left_ns = ends_ns(authority) - now_ns
    if left_ns <= 0:
        raise PkiError(f"{folder / 'authority.pem'}: expired at {authority.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}")
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        _builder(asked.subject, authority.subject, asked.public_key(), now_ns, min(days, left_ns / DAY_NS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both), critical=False)
        .add_extension(x509.SubjectAlternativeName([_host(host) for host in hosts]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


def certificate_of(path: Path) -> x509.Certificate:
    """Read the one certificate of a PEM file.

    Raises:
        PkiError: if there is not exactly one.
    """
    return one_certificate(read(path), str(path))


def one_certificate(pem: bytes, source: str) -> x509.Certificate:
    """Return the one certificate of a PEM text; several would be several that are trusted.

    Raises:
        PkiError: if there is not exactly one.
    """
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise PkiError(f"{source}: has no certificate in PEM") from error
    if len(found) != 1:
        raise PkiError(f"{source}: has {len(found)} certificates; exactly one is wanted")
    return found[0]


def private_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Read the private key of a PEM file.

    Raises:
        PkiError: if there is none of the kind used here, or others may read it.
    """
    try:
        key = load_pem_private_key(read_secret(path), password=None)
    except (ValueError, TypeError) as error:
        raise error if isinstance(error, PkiError) else PkiError(f"{path}: has no private key in PEM") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiError(f"{path}: has another kind of key than EC")
    return key


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def whose(authority: x509.Certificate, source: Path | str) -> tuple[str, str | None]:
    """Return the nation and the exercise (None: real) of an authority.

    Raises:
        PkiError: if it is not an authority as `authority_pems` makes them.
    """
    try:
        constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
        authority.verify_directly_issued_by(authority)
    except (x509.ExtensionNotFound, ValueError, TypeError, InvalidSignature) as error:
        raise PkiError(f"{source}: is no certificate of an authority") from error
    nations, units = (
        [str(part.value) for part in authority.subject.get_attributes_for_oid(oid)]
        for oid in (NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME)
    )
    unit = units[0] if len(units) == 1 else ""
    is_exercise = unit.startswith("exercise ") and EXERCISE.fullmatch(unit.removeprefix("exercise "))
    if not constraints.ca or len(nations) != 1 or not NATION.fullmatch(nations[0]) or not (is_exercise or unit == REAL):
        raise PkiError(f"{source}: its subject does not say of which nation and exercise it is the authority")
    return nations[0], None if unit == REAL else unit.removeprefix("exercise ")


def is_of_node(certificate: x509.Certificate, nation: str, authority: x509.Certificate) -> bool:
    """Tell whether a certificate is that of a nation's node, by this authority."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return certificate.subject == _subject(nation)


def _check_nation(nation: str) -> None:
    if not NATION.fullmatch(nation):
        raise PkiError(f"'{nation}' is no code of a nation: three capital letters, as JPN")


def _subject(nation: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, nation),
            x509.NameAttribute(NameOID.COMMON_NAME, node_name(nation)),
        ]
    )


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        if not HOST.fullmatch(host):
            raise PkiError(f"'{host}' is no name or address of a host") from None
        return x509.DNSName(host)


def _usage(**wanted: bool) -> x509.KeyUsage:
    every = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in every})


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey | object, now_ns: int, days: float
) -> x509.CertificateBuilder:
    if not 0 < days <= 3_650:
        raise PkiError(f"{days:g} days: give a number above 0 and up to 3650")
    now = datetime.fromtimestamp(now_ns // NS_PER_S, UTC)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK)
        .not_valid_after(now + timedelta(days=days))
    )
