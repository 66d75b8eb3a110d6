"""Authorities, certificates, signing keys, partners; certificates are judged by OpenSSL and a verifier not ours."""

import json
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from link_scenes import HOSTS, coalition, introduce
from typer.testing import CliRunner

from noroshi.run import pki
from noroshi.run.pki import certificates, command

DAY_NS = 86_400 * 10**9


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return coalition(tmp_path_factory.mktemp("keys"), "JPN", "USA", "KOR")


def shake(folder, server, client, trusts, host="localhost"):
    """Let OpenSSL shake hands in memory: each side has a folder of keys and the authority that it trusts."""
    sides, to_server, to_client = [], ssl.MemoryBIO(), ssl.MemoryBIO()
    for keys, trusted, is_server in ((server, trusts[0], True), (client, trusts[1], False)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(trusted / "authority.pem")
        context.load_cert_chain(keys / "node.pem")
        ways = (to_server, to_client) if is_server else (to_client, to_server)
        sides.append(context.wrap_bio(*ways, server_side=is_server, server_hostname=None if is_server else host))
    for _ in range(6):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return [side.version() and side.getpeercert() for side in sides]


def test_openssl_takes_partners_and_refuses_others(keys, tmp_path):
    jpn, usa, kor = keys.values()
    peers = shake(tmp_path, jpn, usa, (usa, jpn))
    names = [dict(part[0] for part in peer["subject"])["commonName"] for peer in peers]
    assert names == ["node.USA", "node.JPN"]
    for trusts, host, told in (
        ((kor, jpn), "localhost", "unable to get local issuer"),
        ((usa, kor), "localhost", "unable to get local issuer"),
        ((usa, jpn), "elsewhere.example", "Hostname mismatch"),
    ):
        with pytest.raises(ssl.SSLCertVerificationError, match=told):
            shake(tmp_path, jpn, usa, trusts, host)


def test_openssl_refuses_what_has_expired(tmp_path):
    past_ns = time.time_ns() - 10 * DAY_NS
    for nation, now_ns in (("JPN", time.time_ns()), ("USA", past_ns)):
        pki.make_authority(tmp_path / nation, nation, exercise=None, now_ns=past_ns)
        pki.make_node(tmp_path / nation, HOSTS, now_ns=now_ns)
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        shake(tmp_path, tmp_path / "JPN", tmp_path / "USA", (tmp_path / "USA", tmp_path / "JPN"))


def test_a_verifier_of_the_web_agrees(keys):
    """The verifier of `cryptography` holds certificates to the rules of the web: RFC 5280, and stricter."""
    own, other = pki.identity(keys["JPN"]), pki.identity(keys["USA"])
    server = PolicyBuilder().store(Store([own.authority])).build_server_verifier(x509.DNSName("localhost"))
    assert server.verify(own.certificate, []) == [own.certificate, own.authority]
    client = PolicyBuilder().store(Store([own.authority])).build_client_verifier()
    assert client.verify(own.certificate, []).chain == [own.certificate, own.authority]
    with pytest.raises(VerificationError):
        client.verify(other.certificate, [])


def test_certificates_say_what_they_are(keys):
    own = pki.identity(keys["JPN"])
    assert isinstance(own.certificate.public_key(), ec.EllipticCurvePublicKey)
    assert own.certificate.public_key().curve.name == own.authority.public_key().curve.name == "secp256r1"
    assert certificates.hosts_of(own.certificate) == HOSTS
    assert "OU=exercise TEST" in own.authority.subject.rfc4514_string()
    assert not own.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert own.authority.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    days = (own.until_ns - time.time_ns()) / DAY_NS
    assert 6.9 < days <= 7.0
    for path in keys["JPN"].iterdir():
        secret = path.name in ("authority.key", "node.pem", "signing.toml")
        assert path.stat().st_mode & 0o777 == (0o600 if secret else 0o700 if path.is_dir() else 0o644), path
    assert keys["JPN"].stat().st_mode & 0o777 == 0o700


def test_no_certificate_outlives_its_authority(tmp_path):
    now_ns = time.time_ns()
    pki.make_authority(tmp_path, "JPN", exercise="X", now_ns=now_ns, days=2)
    pki.make_node(tmp_path, HOSTS, now_ns=now_ns, days=30)
    own = pki.identity(tmp_path)
    assert own.certificate.not_valid_after_utc <= own.authority.not_valid_after_utc
    with pytest.raises(pki.PkiError, match="expired at"):
        pki.rotate_certificate(tmp_path, now_ns=now_ns + 3 * DAY_NS)


def test_nothing_is_written_over(keys, tmp_path):
    before = {path: path.read_bytes() for path in keys["JPN"].iterdir() if path.is_file()}
    with pytest.raises(pki.PkiError, match="is there already"):
        pki.make_authority(keys["JPN"], "JPN", exercise="OTHER", now_ns=1)
    with pytest.raises(pki.PkiError, match="is there already"):
        pki.make_node(keys["JPN"], HOSTS, now_ns=1)
    assert {path: path.read_bytes() for path in keys["JPN"].iterdir() if path.is_file()} == before


def test_partners_are_taken_only_as_they_said(keys, tmp_path):
    now_ns = time.time_ns()
    usa = tmp_path / "USA.toml"
    usa.write_text(pki.export(keys["USA"], "tls/localhost:7447"))
    partner = pki.read_partner(usa)
    assert (partner.nation, partner.exercise, partner.name) == ("USA", "TEST", "node.USA")
    assert partner.fingerprint in usa.read_text()
    assert partner.check not in usa.read_text()  # whoever alters the file would alter it too
    for check, told in (
        ("", "at least 16"),
        (partner.check[:15], "at least 16"),
        ("0" * 64, "not what the partner says"),
    ):
        with pytest.raises(pki.PkiError, match=told):
            pki.add_partner(keys["JPN"], usa, check, now_ns=now_ns)
    spoken = command.spaced(partner.check[:16]).upper()
    assert pki.add_partner(keys["JPN"], usa, spoken, now_ns=now_ns) == partner
    assert pki.partner_of(keys["JPN"], "USA") == partner
    with pytest.raises(pki.PkiError, match="your own nation"):
        pki.add_partner(keys["USA"], usa, partner.check, now_ns=now_ns)
    with pytest.raises(pki.PkiError, match="its authority expired"):
        pki.add_partner(keys["JPN"], usa, partner.check, now_ns=now_ns + 90 * DAY_NS)
    with pytest.raises(pki.PkiError, match="is not for that host but for localhost"):
        pki.export(keys["USA"], "tls/elsewhere.example:7447")


def test_a_partners_file_cannot_pretend(keys, tmp_path):
    """Each thing in it that is altered is refused, or alters the check."""
    file = tmp_path / "USA.toml"
    text = pki.export(keys["USA"])
    file.write_text(text)
    check = pki.read_partner(file).check
    own_pem = pki.identity(keys["KOR"]).authority.public_bytes(certificates.Encoding.PEM).decode()
    start, end = text.index("-----BEGIN"), text.index('"""\n\n')
    key = pki.identity(keys["KOR"]).signing[-1].private.public_key().public_bytes_raw().hex()
    for wrong, told in (
        (text.replace('"USA"', '"KOR"'), "of another nation or exercise"),
        (text.replace('"TEST"', '"OTHER"'), "of another nation or exercise"),
        (text.replace('exercise = "TEST"\n', ""), "of another nation or exercise"),
        (text.replace("node.USA", "node.KOR"), "is called node.USA"),
        (text[:start] + own_pem + text[end:], "of another nation or exercise"),
        (text[:start] + own_pem + text[start:], "has 2 certificates"),
        (text.replace('fingerprint = "', 'fingerprint = "0'), "the fingerprint is not"),
        (text + 'key = "twice"', "is no TOML"),
        (text.split("[[")[0], "is no partner's file"),
        (text[: text.index('key = "') + 9] + '"', "is no partner's file"),
        (text + 'until = "2030-01-01T00:00:00Z"', "the last one has none"),
        (text.replace("name =", 'endpoint = "tcp/x:1"\nname ='), "write an endpoint"),
        ("x" * 70_000, "larger than 64 KiB"),
        ("\xff", "is no TOML"),
    ):
        file.write_text(wrong)
        with pytest.raises(pki.PkiError, match=told) as refused:
            pki.read_partner(file)
        assert "\n" not in str(refused.value)
    at = text.index('key = "') + 7
    file.write_text(text[:at] + key + text[at + 64 :])
    assert pki.read_partner(file).check != check
    with pytest.raises(pki.PkiError, match="not what the partner says"):
        pki.add_partner(keys["JPN"], file, check, now_ns=time.time_ns())


def test_trap_17_an_exercise_and_reality_do_not_meet(keys, tmp_path):
    other = coalition(tmp_path, "USA", exercise=None)
    with pytest.raises(pki.PkiError, match="is of reality, and these keys are of exercise TEST"):
        introduce(keys["JPN"], tmp_path / "USA.toml")
    again = coalition(tmp_path / "again", "AUS", exercise="OTHER")
    with pytest.raises(pki.PkiError, match="is of exercise OTHER, and these keys are of reality"):
        introduce(other["USA"], tmp_path / "again" / "AUS.toml")
    assert again
    for name in ("real", "REAL", "", "two words", "../x"):
        with pytest.raises(pki.PkiError, match="no name of an exercise"):
            pki.make_authority(tmp_path / "x", "JPN", exercise=name, now_ns=1)


def test_one_authority_cannot_be_two_nations(keys, tmp_path):
    """A nation that hands over another's authority under its own name is refused, by subject and by key."""
    folder = tmp_path / "AUS"
    pki.make_authority(folder, "AUS", exercise="TEST", now_ns=time.time_ns())
    pki.make_node(folder, HOSTS, now_ns=time.time_ns())
    key = certificates.private_key(keys["USA"] / "authority.key")
    original = certificates.ec.generate_private_key
    certificates.ec.generate_private_key = lambda _: key
    try:
        stolen = certificates.authority_pems("AUS", "TEST", now_ns=time.time_ns(), days=1)[0]
    finally:
        certificates.ec.generate_private_key = original
    authority = x509.load_pem_x509_certificate(stolen)
    text = pki.export(folder)
    start, end = text.index("-----BEGIN"), text.index('"""\n\n')
    text = text[:start] + stolen.decode() + text[end:]
    file = tmp_path / "AUS.toml"
    file.write_text(text.replace(pki.identity(folder).authority.fingerprint(certificates.hashes.SHA256()).hex(),
                                 certificates.fingerprint(authority)))  # fmt: skip
    with pytest.raises(pki.PkiError, match="has the authority of USA"):
        introduce(keys["JPN"], file)


def test_a_new_certificate_and_a_new_signing_key(tmp_path):
    now_ns = time.time_ns()
    keys = coalition(tmp_path, "JPN", "USA")
    old = pki.identity(keys["JPN"])
    pki.rotate_certificate(keys["JPN"], now_ns=now_ns)
    new = pki.identity(keys["JPN"])
    assert new.certificate.public_key() != old.certificate.public_key()
    assert new.authority == old.authority
    assert certificates.hosts_of(new.certificate) == HOSTS
    until_ns = now_ns + DAY_NS
    with pytest.raises(pki.PkiError, match="is past"):
        pki.rotate_signing(keys["JPN"], now_ns=now_ns, until_ns=now_ns)
    pki.rotate_signing(keys["JPN"], now_ns=now_ns, until_ns=until_ns)
    new = pki.identity(keys["JPN"])
    first, second = (key.private.public_key() for key in new.signing)
    assert new.signing_key_at(now_ns).public_key() == first == old.signing_key_at(now_ns).public_key()
    assert new.signing_key_at(until_ns).public_key() == second
    file = tmp_path / "JPN.toml"
    file.write_text(pki.export(keys["JPN"]))
    introduce(keys["USA"], file)
    partner = pki.partner_of(keys["USA"], "JPN")
    assert partner.keys_at(now_ns) == (second, first)
    assert partner.keys_at(until_ns) == (second,)
    pki.rotate_signing(keys["JPN"], now_ns=until_ns, until_ns=until_ns + 1)
    assert len(pki.identity(keys["JPN"]).signing) == 2  # what has ended is forgotten


def test_keys_that_others_may_read_or_that_do_not_fit_are_refused(tmp_path):
    keys = coalition(tmp_path, "JPN", "USA")
    jpn, usa = keys["JPN"], keys["USA"]
    (jpn / "node.pem").chmod(0o640)
    with pytest.raises(pki.PkiError, match="others on this machine may read it: chmod 600"):
        pki.identity(jpn)
    (jpn / "node.pem").chmod(0o600)
    mine, theirs = ((folder / "node.pem").read_text() for folder in (jpn, usa))
    key, certificate = mine.split("-----BEGIN CERT")
    for text, told in (
        (theirs, "is no certificate of a node of JPN by the authority of this folder"),
        (key + "-----BEGIN CERT" + theirs.split("-----BEGIN CERT")[1], "its key is not that of its certificate"),
        (key, "has no certificate"),
        ("-----BEGIN CERT" + certificate, "has no private key"),
        ("", "has no certificate"),
    ):
        (jpn / "node.pem").write_text(text)
        with pytest.raises(pki.PkiError, match=told):
            pki.identity(jpn)


def run(*words):
    return CliRunner().invoke(command.app, list(map(str, words)))


def test_the_command_line_sets_up_two_nations_and_an_authority_apart(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for nation in ("JPN", "USA"):
        assert run("init", nation, "--nation", nation, "--exercise", "S-30").exit_code == 0
    assert run("node", "USA", "--host", "localhost").exit_code == 0
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "authority.pem").write_bytes((tmp_path / "JPN" / "authority.pem").read_bytes())
    assert run("request", "node", "--out", "request.pem").exit_code == 0
    assert run("sign", "JPN", "request.pem", "--host", "localhost", "--out", "signed.pem").exit_code == 0
    assert run("install", "node", "signed.pem").exit_code == 0
    assert not (tmp_path / "node" / "node.key").exists()
    exported = run("export", "USA", "--endpoint", "tls/localhost:7447", "--out", "USA.toml")
    assert exported.exit_code == 0
    check = exported.output.split("partners: ")[1].strip()
    taken = run("partner", "node", "USA.toml", "--check", check)
    assert taken.output == "took USA in: node/partners/USA.toml\n"
    told = json.loads(run("show", "node", "--json").output)
    assert told["nation"] == "JPN"
    assert told["partners"][0]["check"] == check.replace(" ", "")
    shown = run("show", "node").output
    assert check in shown
    assert "exercise: S-30" in shown
    assert json.loads(run("show", "USA.toml", "--json").output)["endpoint"] == "tls/localhost:7447"
    assert run("rotate", "USA").exit_code == 0
    assert run("rotate", "USA", "--signing", "--old-until", "2100-01-01T00:00:00Z").exit_code == 0
    assert run("revoke", "node", "USA").exit_code == 0
    for words, told in (
        (("init", "JPN", "--nation", "JPN", "--real"), "is there already"),
        (("init", "new", "--nation", "JPN"), "either --exercise NAME or --real"),
        (("init", "new", "--nation", "Japan", "--real"), "no code of a nation"),
        (("init", "new", "--nation", "JPN", "--real", "--days", "0"), "0 days"),
        (("node", "nowhere", "--host", "x"), "cannot be read"),
        (("node", "JPN", "--host", "no host"), "no name or address of a host"),
        (("sign", "JPN", "signed.pem", "--host", "x", "--out", "o.pem"), "no certificate request"),
        (("install", "node", "signed.pem"), "cannot be read"),
        (("export", "USA", "--out", "no/where.toml"), "there is no folder"),
        (("rotate", "USA", "--signing"), "go together"),
        (("rotate", "USA", "--signing", "--old-until", "tomorrow"), "is not a UTC time"),
        (("revoke", "node", "../x"), "no such partner"),
        (("show", "nowhere"), "cannot be read"),
    ):
        done = run(*words)
        assert done.exit_code == 2, words
        assert told in done.output
        assert done.output.count("\n") == 1
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob("*/node.key"))
