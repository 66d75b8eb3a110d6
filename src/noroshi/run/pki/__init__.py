"""Who is who between nations: authorities, node certificates, signing keys, and what partners hand to each other.

A folder of keys holds one node's whole identity in one exercise, or in reality:

    authority.pem, authority.key    the nation's certificate authority of this exercise; the key may be kept elsewhere
    node.pem                        the node's certificate with its private key, for mutual TLS
    signing.toml                    Ed25519 keys that sign what the node sends, and beside each an X25519 key to which
                                    partners seal what they send; the newest has no end
    partners/USA.toml               what a partner handed over: authority, name, verification keys, endpoint

Each exercise has an authority of its own, whose subject says which: a node takes in no partner of another exercise, and
TLS takes no node of one. A certificate cannot be called back: it lives for days, and a partner is revoked by deleting
its file, which ends its link.
"""

import hashlib
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from noroshi.geo.time import iso_from_utc_ns, utc_ns_from_iso
from noroshi.run.pki import certificates as x
from noroshi.run.pki.files import PkiError, make_folder, read, read_secret, refuse_to_overwrite, write

__all__ = ["Identity", "Partner", "PkiError", "SigningKey", "add_partner", "export", "identity", "make_authority"]

AUTHORITY_DAYS, NODE_DAYS = 60, 7
CHECK_DIGITS_MIN = 16


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key that signs messages, and one that frames are sealed to.

    Attributes:
        private: signs.
        sealing: opens what partners sealed.
        until_ns: it is used, and partners take what it signed, until then; None: without an end.
    """

    private: Ed25519PrivateKey
    sealing: X25519PrivateKey
    until_ns: int | None = None

    @classmethod
    def new(cls) -> "SigningKey":
        """Return new keys."""
        return cls(Ed25519PrivateKey.generate(), X25519PrivateKey.generate())


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a node is, read from its folder of keys.

    Attributes:
        nation: code.
        exercise: which exercise it is of; None: real.
        authority: the nation's authority.
        certificate, certificate_pem, key_pem: the node's certificate and its private key.
        signing: newest last.
    """

    nation: str
    exercise: str | None
    authority: x509.Certificate
    certificate: x509.Certificate
    certificate_pem: bytes
    key_pem: bytes
    signing: tuple[SigningKey, ...]

    @property
    def name(self) -> str:
        """Common name of the node's certificate."""
        return x.node_name(self.nation)

    def signing_key_at(self, now_ns: int) -> Ed25519PrivateKey:
        """Return the key to sign with: the old one until its end, so that partners have time to learn the new one."""
        return self._at(now_ns).private

    def sealing_key_at(self, now_ns: int) -> X25519PrivateKey:
        """Return the key to seal with, likewise."""
        return self._at(now_ns).sealing

    def _at(self, now_ns: int) -> SigningKey:
        return next(key for key in self.signing if key.until_ns is None or now_ns < key.until_ns)

    @property
    def until_ns(self) -> int:
        """When the node's certificate ends."""
        return x.ends_ns(self.certificate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """What a partner handed over.

    Attributes:
        nation: its code.
        exercise: which exercise this is for; None: real.
        name: common name of its node's certificate.
        authority: its authority, the only one its link trusts.
        endpoint: where its node listens, "tls/HOST:PORT"; None: nowhere.
        verification: keys that its messages may be signed with, newest last, each with the time until which (None: on).
        sealing: the keys beside those, to which frames are sealed.
    """

    nation: str
    exercise: str | None
    name: str
    authority: x509.Certificate
    endpoint: str | None
    verification: tuple[tuple[Ed25519PublicKey, int | None], ...]
    sealing: tuple[X25519PublicKey, ...]

    @property
    def authority_pem(self) -> bytes:
        """Its authority as PEM."""
        return self.authority.public_bytes(Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its authority, in hex."""
        return x.fingerprint(self.authority)

    @property
    def check(self) -> str:
        """SHA-256 over all that has to be true of it, in hex: what two people compare by voice."""
        parts = ["noroshi partner 1", self.nation, self.exercise or "", self.name, self.fingerprint]
        parts += [f"{key.public_bytes_raw().hex()} {until_ns}" for key, until_ns in self.verification]
        parts += [key.public_bytes_raw().hex() for key in self.sealing]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def keys_at(self, now_ns: int) -> tuple[Ed25519PublicKey, ...]:
        """Return the keys that a message of this time may be signed with, newest first."""
        return tuple(key for key, until_ns in reversed(self.verification) if until_ns is None or now_ns < until_ns)

    def sealing_key_at(self, now_ns: int) -> X25519PublicKey:
        """Return the key to seal frames to."""
        ends = zip(self.sealing, self.verification, strict=True)
        return next(key for key, (_, until_ns) in ends if until_ns is None or now_ns < until_ns)


def make_authority(
    folder: Path, nation: str, *, exercise: str | None, now_ns: int, days: float = AUTHORITY_DAYS
) -> None:
    """Make a nation's authority for one exercise, or for reality (`exercise` None).

    Raises:
        PkiError: if there is one already, or a name is none.
    """
    refuse_to_overwrite(folder / "authority.pem", folder / "authority.key")
    certificate_pem, key_pem = x.authority_pems(nation, exercise, now_ns=now_ns, days=days)
    make_folder(folder)
    write(folder / "authority.key", key_pem, secret=True)
    write(folder / "authority.pem", certificate_pem)


def make_node(folder: Path, hosts: Sequence[str], *, now_ns: int, days: float = NODE_DAYS) -> None:
    """Make a node's certificate and its first signing key.

    Args:
        folder: with the authority.
        hosts: names and addresses by which partners reach the node.
        now_ns: the time.
        days: how long the certificate is to hold; never longer than the authority.

    Raises:
        PkiError: if it has them already, or there is no authority.
    """
    refuse_to_overwrite(folder / "node.pem", folder / "signing.toml", folder / "node.key")
    asked = request_node(folder)
    try:
        install(folder, x.sign(folder, asked, hosts, now_ns=now_ns, days=days))
    finally:
        (folder / "node.key").unlink(missing_ok=True)


def request_node(folder: Path) -> bytes:
    """Make a node's new key beside its authority's certificate and return the request for `sign`; PEM.

    The key waits in node.key until `install` joins it with the certificate, so the node goes on with what it has.

    Raises:
        PkiError: if there is no authority.
    """
    nation, _ = x.whose(x.certificate_of(folder / "authority.pem"), folder / "authority.pem")
    asked, key_pem = x.request(nation)
    write(folder / "node.key", key_pem, secret=True)
    return asked


def install(folder: Path, certificate_pem: bytes) -> None:
    """Join what the authority signed with the key that waits for it, and make the first signing key if there is none.

    Raises:
        PkiError: if the certificate is not for that key, or not by the authority of the folder.
    """
    authority = x.certificate_of(folder / "authority.pem")
    nation, _ = x.whose(authority, folder / "authority.pem")
    certificate, key = x.one_certificate(certificate_pem, "the certificate"), x.private_key(folder / "node.key")
    if certificate.public_key() != key.public_key() or not x.is_of_node(certificate, nation, authority):
        raise PkiError(f"the certificate is not what the authority of {folder} signed for {folder / 'node.key'}")
    write(folder / "node.pem", x.key_pem(key) + certificate_pem, secret=True)
    if not (folder / "signing.toml").exists():
        _write_signing(folder, [SigningKey.new()])
    (folder / "node.key").unlink()


def rotate_certificate(folder: Path, *, now_ns: int, days: float = NODE_DAYS) -> int:
    """Replace the node's certificate and its key, for the same hosts; partners need not be told.

    Returns:
        When the old certificate ends: nothing but its end makes partners refuse it.
    """
    old = identity(folder)
    asked = request_node(folder)
    try:
        install(folder, x.sign(folder, asked, x.hosts_of(old.certificate), now_ns=now_ns, days=days))
    finally:
        (folder / "node.key").unlink(missing_ok=True)
    return old.until_ns


def rotate_signing(folder: Path, *, now_ns: int, until_ns: int) -> None:
    """Add a signing key, which is used from `until_ns` on; partners have to have the new export before.

    Raises:
        PkiError: if that time is not ahead.
    """
    if until_ns <= now_ns:
        raise PkiError(f"{iso_from_utc_ns(until_ns)} is past: say until when the old key is to be used")
    kept = [key for key in identity(folder).signing if key.until_ns is None or key.until_ns > now_ns]
    ending = [replace(key, until_ns=min(key.until_ns or until_ns, until_ns)) for key in kept]
    _write_signing(folder, [*ending, SigningKey.new()])


def identity(folder: Path) -> Identity:
    """Read a node's folder of keys.

    Raises:
        PkiError: if something is missing, belongs to another, or others on the machine could read it.
    """
    path = folder / "node.pem"
    authority = x.certificate_of(folder / "authority.pem")
    nation, exercise = x.whose(authority, folder / "authority.pem")
    certificate, key = x.certificate_of(path), x.private_key(path)
    if certificate.public_key() != key.public_key():
        raise PkiError(f"{path}: its key is not that of its certificate")
    if not x.is_of_node(certificate, nation, authority):
        raise PkiError(f"{path}: is no certificate of a node of {nation} by the authority of this folder")
    return Identity(
        nation=nation,
        exercise=exercise,
        authority=authority,
        certificate=certificate,
        certificate_pem=certificate.public_bytes(Encoding.PEM),
        key_pem=x.key_pem(key),
        signing=_read_signing(folder / "signing.toml"),
    )


def export(folder: Path, endpoint: str | None = None) -> str:
    """Return what to hand to partners: a TOML text without any secret.

    Raises:
        PkiError: if the endpoint is none, or the node's certificate is not for it.
    """
    own = identity(folder)
    hosts = x.hosts_of(own.certificate)
    if endpoint is not None and x.host_of(endpoint) not in hosts:
        raise PkiError(f"{endpoint}: the node's certificate is not for that host but for {', '.join(hosts)}")
    return _text(own_side(own, endpoint))


def own_side(own: Identity, endpoint: str | None = None) -> Partner:
    """Return a node as its partners see it."""
    return Partner(
        nation=own.nation,
        exercise=own.exercise,
        name=own.name,
        authority=own.authority,
        endpoint=endpoint,
        verification=tuple((key.private.public_key(), key.until_ns) for key in own.signing),
        sealing=tuple(key.sealing.public_key() for key in own.signing),
    )


def read_partner(path: Path) -> Partner:
    """Read what a partner handed over.

    Raises:
        PkiError: if it is not such a file, or its parts contradict each other.
    """
    told = _toml(read(path), path)
    try:
        nation, name, authority_pem = (str(told[key]) for key in ("nation", "name", "authority"))
        endpoint = None if "endpoint" not in told else str(told["endpoint"])
        keys = [(bytes.fromhex(each["key"]), each.get("until")) for each in told["verification"]]
        sealing = tuple(
            X25519PublicKey.from_public_bytes(bytes.fromhex(each["sealing"])) for each in told["verification"]
        )
        for each in sealing:  # a point of low order is no key
            X25519PrivateKey.generate().exchange(each)
        verification = [
            (Ed25519PublicKey.from_public_bytes(key), None if until is None else utc_ns_from_iso(until))
            for key, until in keys
        ]
        told_fingerprint = str(told["fingerprint"])
    except KeyError as error:
        raise PkiError(f"{path}: is no partner's file: it has no {error}") from error
    except (TypeError, AttributeError, ValueError) as error:
        raise PkiError(f"{path}: is no partner's file: {error}") from error
    authority = x.one_certificate(authority_pem.encode(), str(path))
    if x.whose(authority, path) != (nation, told.get("exercise")):
        raise PkiError(f"{path}: its authority is of another nation or exercise than the file says")
    if x.fingerprint(authority) != told_fingerprint:
        raise PkiError(f"{path}: the fingerprint is not that of the authority in it")
    if name != x.node_name(nation):
        raise PkiError(f"{path}: a node of {nation} is called {x.node_name(nation)}, not {name}")
    if not verification or verification[-1][1] is not None or any(until is None for _, until in verification[:-1]):
        raise PkiError(f"{path}: all verification keys but the last one have an end, and the last one has none")
    if endpoint is not None:
        x.host_of(endpoint)
    return Partner(
        nation=nation,
        exercise=told.get("exercise"),
        name=name,
        authority=authority,
        endpoint=endpoint,
        verification=tuple(verification),
        sealing=sealing,
    )


def add_partner(folder: Path, path: Path, check: str, *, now_ns: int) -> Partner:
    """Take a partner in, or what it has handed over anew.

    Args:
        folder: of the own keys.
        path: the file that was handed over.
        check: what the partner said by another way (`Partner.check`), at least its first 16 digits.
        now_ns: the time.

    Raises:
        PkiError: if it is not what was said, or not of this exercise, or pretends to be another.
    """
    own, partner = identity(folder), read_partner(path)
    digits = re.sub(r"[\s:-]", "", check).lower()
    if len(digits) < CHECK_DIGITS_MIN:
        raise PkiError(f"give at least {CHECK_DIGITS_MIN} of the digits that the partner told you")
    if not partner.check.startswith(digits):
        raise PkiError(f"{path}: is not what the partner says it handed over: do not use it, ask for it again")
    if partner.exercise != own.exercise:
        raise PkiError(f"{path}: is of {_kind(partner.exercise)}, and these keys are of {_kind(own.exercise)}")
    if partner.nation == own.nation:
        raise PkiError(f"{path}: is of your own nation, {own.nation}")
    if now_ns >= x.ends_ns(partner.authority):
        raise PkiError(f"{path}: its authority expired at {iso_from_utc_ns(x.ends_ns(partner.authority))}")
    known = [(each.nation, each.authority) for each in partners(folder) if each.nation != partner.nation]
    for nation, authority in [(own.nation, own.authority), *known]:
        if authority.public_key() == partner.authority.public_key():
            raise PkiError(f"{path}: has the authority of {nation}")
    make_folder(folder / "partners")
    write(folder / "partners" / f"{partner.nation}.toml", _text(partner).encode())
    return partner


def partners(folder: Path) -> tuple[Partner, ...]:
    """Return all partners of a folder of keys, by nation."""
    return tuple(partner_of(folder, path.stem) for path in sorted((folder / "partners").glob("*.toml")))


def partner_of(folder: Path, nation: str) -> Partner:
    """Return one partner.

    Raises:
        PkiError: if there is none, or its file is of another nation.
    """
    path = folder / "partners" / f"{nation}.toml"
    partner = read_partner(path)
    if partner.nation != nation:
        raise PkiError(f"{path}: is of {partner.nation}")
    return partner


def revoke(folder: Path, nation: str) -> None:
    """Delete a partner's file: its link cannot be opened any more, and a node that watches the file closes it.

    Raises:
        PkiError: if there is no such partner.
    """
    path = folder / "partners" / f"{nation}.toml"
    if not x.NATION.fullmatch(nation) or not path.exists():
        raise PkiError(f"{path}: there is no such partner")
    path.unlink()


def _kind(exercise: str | None) -> str:
    return f"exercise {exercise}" if exercise else "reality"


def _toml(data: bytes, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PkiError(f"{path}: is no TOML: {error}") from error


def _text(partner: Partner) -> str:
    head = [f'nation = "{partner.nation}"']
    head += [f'exercise = "{partner.exercise}"'] if partner.exercise else []
    head += [f'name = "{partner.name}"', f'fingerprint = "{partner.fingerprint}"']
    head += [f'endpoint = "{partner.endpoint}"'] if partner.endpoint else []
    head += [f'authority = """\n{partner.authority_pem.decode()}"""']
    keys = [
        _key_text("verification", key.public_bytes_raw(), sealing.public_bytes_raw(), until_ns)
        for (key, until_ns), sealing in zip(partner.verification, partner.sealing, strict=True)
    ]
    return "\n".join([*head, *keys])


def _key_text(table: str, key: bytes, sealing: bytes, until_ns: int | None) -> str:
    until = f'until = "{iso_from_utc_ns(until_ns)}"\n' if until_ns is not None else ""
    return f'\n[[{table}]]\nkey = "{key.hex()}"\nsealing = "{sealing.hex()}"\n{until}'


def _write_signing(folder: Path, keys: Sequence[SigningKey]) -> None:
    text = "".join(
        _key_text("signing", key.private.private_bytes_raw(), key.sealing.private_bytes_raw(), key.until_ns)
        for key in keys
    )
    write(folder / "signing.toml", text.lstrip().encode(), secret=True)


def _read_signing(path: Path) -> tuple[SigningKey, ...]:
    told = _toml(read_secret(path), path)
    try:
        keys = [
            SigningKey(
                Ed25519PrivateKey.from_private_bytes(bytes.fromhex(each["key"])),
                X25519PrivateKey.from_private_bytes(bytes.fromhex(each["sealing"])),
                utc_ns_from_iso(each["until"]) if "until" in each else None,
            )
            for each in told["signing"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise PkiError(f"{path}: is no file of signing keys") from error
    if not keys or keys[-1].until_ns is not None:
        raise PkiError(f"{path}: its last key is to be the current one, without an end")
    return tuple(keys)
