"""Released views, certificates and clients for the tests of the edges."""

import datetime
import ipaddress
import socket
import sys
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sharing"))
from sharing_scenes import PASS_ALL, SECOND, SECRET, SENSORS, START_NS, label_text, policy_of, tracks_of

from noroshi.sharing.release import Secrets
from noroshi.sharing.views import Views

__all__ = ["PASS_ALL", "SECOND", "SECRET", "SENSORS", "START_NS", "label_text", "policy_of", "tracks_of"]


def views_of(rules=PASS_ALL, viewers=("USA", "KOR", "JPN"), exercise=None):
    return Views(
        policy_of(rules), Secrets(SECRET), viewers=viewers, product="contribution", exercise=exercise,
        sensor_types=SENSORS,
    )  # fmt: skip


def view_of(tracks, viewer="USA", **said):
    """Return a view that shows the tracks at their own time."""
    views = views_of(**said)
    now_ns = int(tracks.time_ns.max()) if len(tracks) else START_NS
    views.receive(tracks, now_ns)
    return views.see(viewer, now_ns)


def moved(tracks, seconds):
    states = tracks.state_ecef.copy()
    states[:, :3] += seconds * states[:, 3:]
    return tracks.replace(time_ns=tracks.time_ns + round(seconds * SECOND), state_ecef=states)


def eventually(holds, seconds=10.0):
    """Wait until something is so; the tests' only clock."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)
    return found


def all_of(client, n, seconds=10.0):
    """Return the next n bytes that a socket receives."""
    client.settimeout(seconds)
    data = b""
    while len(data) < n:
        part = client.recv(1 << 20)
        assert part, "the other side closed"
        data += part
    return data


def udp_receiver():
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    receiver.settimeout(0.2)
    return receiver


def datagrams(receiver):
    """Return all datagrams that have come."""
    found = []
    while True:
        try:
            found.append(receiver.recv(65_536))
        except TimeoutError:
            return found


def authority(folder, name):
    """Write a certificate authority and one node's certificate for 127.0.0.1; return the three paths."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    subjects = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (name, f"node.{name}")]
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    paths = []
    for i, (file, is_authority) in enumerate((("ca", True), ("node", False))):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subjects[i])
            .issuer_name(subjects[0])
            .public_key(keys[i].public_key())
            .serial_number(i + 1)
            .not_valid_before(begin)
            .not_valid_after(begin + datetime.timedelta(days=36_500))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[i].public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
        )
        if is_authority:
            may = dict.fromkeys(
                ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                 "encipher_only", "decipher_only"), False,
            )  # fmt: skip
            builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **may), critical=True)
        else:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
        path = folder / f"{name}-{file}.pem"
        path.write_bytes(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        paths.append(str(path))
    key = folder / f"{name}-node.key"
    key.write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return {"authority": paths[0], "certificate": paths[1], "key": str(key)}
