"""The register of people on the disk: who they are, and their keys.

people/sato@JPN.toml    name, nation, roles and public keys: what nations hand to each other
people/sato@JPN.key     the private key, for its owner's eyes alone, wherever that person sits
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from noroshi.command.people import Person, register
from noroshi.command.transitions import Role
from noroshi.run.pki.files import make_folder, read, read_secret, refuse_to_overwrite, write

NAME = re.compile(r"[a-z0-9._-]{1,60}@[A-Z]{3}", re.ASCII)
PEOPLE = tuple(role.value for role in Role if role not in (Role.MACHINE, Role.PLAN))


class PeopleError(ValueError):
    """People who cannot be read or made. The message is one line for a person."""


def make_person(folder: Path, name: str, roles: tuple[str, ...]) -> Person:
    """Make a person's key, and the file that others are to have of that person.

    Args:
        folder: of the register.
        name: with the nation's code: "sato@JPN".
        roles: as what.

    Raises:
        PeopleError: if it is no name, or a role is none.
        PkiError: if the person is there already.
    """
    if not NAME.fullmatch(name):
        raise PeopleError(f"'{name}' is no name: write it in small letters, with the nation: sato@JPN")
    if unknown := [role for role in roles if role not in PEOPLE]:
        raise PeopleError(f"{name}: '{unknown[0]}' is none of the roles {', '.join(PEOPLE)}")
    if not roles:
        raise PeopleError(f"{name}: give at least one role of {', '.join(PEOPLE)}")
    key = Ed25519PrivateKey.generate()
    person = Person(name, name[-3:], tuple(Role(role) for role in roles), (key.public_key(),))
    refuse_to_overwrite(folder / f"{name}.toml", folder / f"{name}.key")
    make_folder(folder)
    write(folder / f"{name}.key", key.private_bytes_raw().hex().encode() + b"\n", secret=True)
    told = f'name = "{name}"\nnation = "{person.nation}"\nroles = {[*roles]}\nkeys = ["{_hex(key.public_key())}"]\n'
    write(folder / f"{name}.toml", told.encode())
    return person


def read_people(folder: Path) -> Mapping[str, Person]:
    """Return the register in a folder.

    Raises:
        PeopleError: if a file is not what it should be.
    """
    people = []
    for path in sorted(folder.glob("*.toml")):
        try:
            told = tomllib.loads(read(path).decode())
            roles = tuple(Role(role) for role in told["roles"])
            keys = tuple(Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)) for key in told["keys"])
            person = Person(str(told["name"]), str(told["nation"]), roles, keys)
        except (ValueError, KeyError, TypeError) as error:
            raise PeopleError(f"{path}: holds no person with name, nation, roles and keys: {error}") from error
        if not NAME.fullmatch(person.name) or person.name[-3:] != person.nation or path.stem != person.name:
            raise PeopleError(f"{path}: name, nation and the file's own name do not agree")
        people.append(person)
    try:
        return register(people)
    except ValueError as error:
        raise PeopleError(f"{folder}: {error}") from error


def read_key(folder: Path, name: str) -> Ed25519PrivateKey:
    """Return a person's private key.

    Raises:
        PeopleError: if it is none.
        PkiError: if it cannot be read, or others may read it too.
    """
    path = folder / f"{name}.key"
    held = read_secret(path)
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(held.decode()))
    except ValueError as error:
        raise PeopleError(f"{path}: holds no private key") from error


def _hex(key: Ed25519PublicKey) -> str:
    return key.public_bytes_raw().hex()
