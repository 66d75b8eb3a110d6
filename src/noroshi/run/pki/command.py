"""`noroshi pki`: keys, certificates and partners of a node."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from noroshi.geo.time import iso_from_utc_ns, utc_ns_from_iso
from noroshi.run.complaints import one_line

app = typer.Typer(
    no_args_is_help=True,
    help="Keys of a node: its nation's authority, its certificate and signing keys, and its partners (docs/links.md).",
)
Keys = Annotated[Path, typer.Argument(help="Folder of keys.")]
Hosts = Annotated[list[str], typer.Option("--host", help="Name or address by which partners reach it. Repeatable.")]
Days = Annotated[float, typer.Option(help="How many days the certificate holds.")]


@app.command(epilog="Example: noroshi pki init keys/jpn --nation JPN --exercise SPRING-30")
def init(
    keys: Keys,
    nation: Annotated[str, typer.Option(help="Code of the nation.")],
    exercise: Annotated[str | None, typer.Option(help="Of which exercise: each has its own authorities.")] = None,
    real: Annotated[bool, typer.Option("--real", help="For no exercise but for reality.")] = False,
    days: Days = 60.0,
) -> None:
    """Make a nation's authority, which signs its nodes' certificates."""
    from noroshi.run import pki

    with one_line():
        if bool(exercise) == real:
            raise ValueError("say either --exercise NAME or --real")
        pki.make_authority(keys, nation, exercise=exercise, now_ns=time.time_ns(), days=days)
    _say(f"made {keys / 'authority.pem'} and authority.key; keep the key where the node is not, if you can")


@app.command(epilog="Example: noroshi pki node keys/jpn --host node.jpn.example --host 192.0.2.7")
def node(keys: Keys, host: Hosts, days: Days = 7.0) -> None:
    """Make the node's certificate and its signing key, where the authority's key is at hand."""
    from noroshi.run import pki

    with one_line():
        pki.make_node(keys, host, now_ns=time.time_ns(), days=days)
        until_ns = pki.identity(keys).until_ns
    _say(f"made {keys / 'node.pem'}, which ends {iso_from_utc_ns(until_ns)}, and signing.toml")


@app.command(epilog="Example: noroshi pki person people sato@JPN --role approver")
def person(
    people: Annotated[Path, typer.Argument(help="Folder of the register of people.")],
    name: Annotated[str, typer.Argument(help="In small letters, with the nation: sato@JPN.")],
    role: Annotated[list[str], typer.Option("--role", help="As what. Repeatable.")],
) -> None:
    """Make the key of a person who may decide, and the file that partners are to have of that person."""
    from noroshi.run.people import make_person

    with one_line():
        make_person(people, name, tuple(role))
    _say(f"made {people / name}.toml for all, and {people / name}.key for that person alone")


@app.command(epilog="Example: noroshi pki request keys/jpn --out jpn-request.pem")
def request(keys: Keys, out: Annotated[Path, typer.Option(help="The request, for whoever has the authority.")]) -> None:
    """Make a new key of the node, and a request for its certificate where the authority's key is elsewhere."""
    from noroshi.run import outputs, pki

    with one_line():
        outputs.check_folder(out)
        outputs.replace(out, pki.request_node(keys))
    _say(f"wrote {out}: have it signed with `noroshi pki sign`, then `noroshi pki install`")


@app.command(epilog="Example: noroshi pki sign authority/ jpn-request.pem --host node.jpn.example --out jpn-node.pem")
def sign(
    keys: Keys,
    request: Annotated[Path, typer.Argument(help="What `noroshi pki request` wrote.")],
    host: Hosts,
    out: Annotated[Path, typer.Option(help="The certificate, to hand back.")],
    days: Days = 7.0,
) -> None:
    """Sign a request with the authority of the folder."""
    from noroshi.run import outputs
    from noroshi.run.pki import certificates, files

    with one_line():
        outputs.check_folder(out)
        asked = files.read(request)
        outputs.replace(out, certificates.sign(keys, asked, host, now_ns=time.time_ns(), days=days))
    _say(f"wrote {out}: hand it back, for `noroshi pki install`")


@app.command(epilog="Example: noroshi pki install keys/jpn jpn-node.pem")
def install(keys: Keys, certificate: Annotated[Path, typer.Argument(help="What the authority handed back.")]) -> None:
    """Take the certificate that the authority signed."""
    from noroshi.run import pki
    from noroshi.run.pki import files

    with one_line():
        pki.install(keys, files.read(certificate))
        until_ns = pki.identity(keys).until_ns
    _say(f"made {keys / 'node.pem'}, which ends {iso_from_utc_ns(until_ns)}")


@app.command(epilog="Example: noroshi pki rotate keys/jpn --signing --old-until 2030-05-01T00:00:00Z")
def rotate(
    keys: Keys,
    signing: Annotated[bool, typer.Option("--signing", help="The signing key instead of the certificate.")] = False,
    old_until: Annotated[
        str | None, typer.Option(help="With --signing: when the old key ends and the new one is used.")
    ] = None,
    days: Days = 7.0,
) -> None:
    """Replace the node's certificate, or its signing key; restart its links afterwards."""
    from noroshi.run import pki

    with one_line():
        if signing != bool(old_until):
            raise ValueError("--signing and --old-until TIME go together")
        if old_until:
            pki.rotate_signing(keys, now_ns=time.time_ns(), until_ns=utc_ns_from_iso(old_until))
            told = f"made a new signing key, used from {old_until} on; export again and hand it to partners before"
        else:
            old_ns = pki.rotate_certificate(keys, now_ns=time.time_ns(), days=days)
            new, old = iso_from_utc_ns(pki.identity(keys).until_ns), iso_from_utc_ns(old_ns)
            told = f"made a new certificate until {new}; nothing but its end, {old}, ends the old one"
    _say(told)


@app.command(epilog="Example: noroshi pki export keys/jpn --endpoint tls/node.jpn.example:7447 --out JPN.toml")
def export(
    keys: Keys,
    out: Annotated[Path, typer.Option(help="The file to hand to partners.")],
    endpoint: Annotated[str | None, typer.Option(help="Where they connect to, if anywhere: tls/HOST:PORT.")] = None,
) -> None:
    """Write what partners need of this node: no secret, but have them compare the check by another way."""
    from noroshi.run import outputs, pki

    with one_line():
        outputs.check_folder(out)
        outputs.replace(out, pki.export(keys, endpoint).encode())
        check = pki.read_partner(out).check
    _say(f"wrote {out}\ncheck, to read out to partners: {spaced(check)}")


@app.command(epilog="Example: noroshi pki partner keys/jpn USA.toml --check '5f0c 9a11 42d7 e310'")
def partner(
    keys: Keys,
    file: Annotated[Path, typer.Argument(help="What the partner handed over.")],
    check: Annotated[str, typer.Option(help="What the partner reads out: at least its first 16 digits.")],
) -> None:
    """Take a partner in, or what it hands over anew."""
    from noroshi.run import pki

    with one_line():
        taken = pki.add_partner(keys, file, check, now_ns=time.time_ns())
    _say(f"took {taken.nation} in: {keys / 'partners' / f'{taken.nation}.toml'}")


@app.command(epilog="Example: noroshi pki revoke keys/jpn USA")
def revoke(keys: Keys, nation: Annotated[str, typer.Argument(help="Code of the partner.")]) -> None:
    """Delete a partner: no link to it opens any more."""
    from noroshi.run import pki

    with one_line():
        pki.revoke(keys, nation)
    _say(f"{nation} is no partner any more")


@app.command(epilog="Example: noroshi pki show keys/jpn")
def show(
    keys: Annotated[Path, typer.Argument(help="Folder of keys, or a file that a partner handed over.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of lines.")] = False,
) -> None:
    """Tell whose keys these are, when they end, which partners they have, and what to compare."""
    with one_line():
        told = summary(keys)
    if as_json:
        sys.stdout.write(json.dumps(told) + "\n")
        return
    for part in (told, *told.get("partners", ())):
        lines = [f"{name.replace('_', ' '):>17}: {_shown(part[name])}" for name in part if name != "partners"]
        _say("\n".join([*lines, ""]))


def summary(path: Path) -> dict[str, Any]:
    """Return what `show` tells of a folder of keys, or of a partner's file.

    Raises:
        PkiError: if it is neither.
    """
    from noroshi.run import pki
    from noroshi.run.pki.certificates import ends_ns, hosts_of

    def side(partner: pki.Partner) -> dict[str, Any]:
        return {
            "nation": partner.nation,
            "exercise": partner.exercise,
            "name": partner.name,
            "endpoint": partner.endpoint,
            "authority_until": iso_from_utc_ns(ends_ns(partner.authority)),
            "fingerprint": partner.fingerprint,
            "signing_keys": [
                {"key": key.public_bytes_raw().hex(), "until": None if until is None else iso_from_utc_ns(until)}
                for key, until in partner.verification
            ],
            "check": partner.check,
        }

    if path.is_file():
        return side(pki.read_partner(path))
    own = pki.identity(path)
    told = side(pki.own_side(own))
    told |= {"certificate_until": iso_from_utc_ns(own.until_ns), "hosts": hosts_of(own.certificate)}
    return told | {"partners": [side(each) for each in pki.partners(path)]}


def spaced(digits: str) -> str:
    """Return hex digits in groups of four, for reading out."""
    return " ".join(digits[k : k + 4] for k in range(0, len(digits), 4))


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_shown(each) for each in value)
    if isinstance(value, dict):
        return f"{value['key'][:16]}..." + (f" until {value['until']}" if value["until"] else "")
    if isinstance(value, str) and len(value) == 64:
        return spaced(value)
    return "none" if value is None else str(value)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
