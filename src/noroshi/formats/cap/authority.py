"""What a message of status `Actual` takes, which nothing that is shipped has: an authority's file, and two people.

It is here to be refused by: outlets, stores and languages of this program take messages of exercises alone, and those
and `ActualMessage` share no type, no key, no colour and no topic. The keys are Ed448, of which `noroshi pki` makes
none, and the program has no command that makes a file of this kind.

An authority's file, TOML:

    kind = "noroshi live warning authority 1"
    nation = "JPN"
    until = "2031-01-01T00:00:00Z"
    root = "..."            # Ed448 public key, hexadecimal; its SHA-256 is what was installed separately
    signature = "..."       # by the root over `signed_part`
    [[people]]              # two or more, who may say yes
    name = "..."
    key = "..."             # Ed448 public key, hexadecimal
"""

import hashlib
import tomllib
from dataclasses import dataclass
from typing import ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey

from noroshi.formats import FormatError
from noroshi.formats.alerting import EXERCISE_COLOUR
from noroshi.formats.cap.reading import ActualNotice, decode
from noroshi.geo.time import iso_from_utc_ns, utc_ns_from_iso

KIND = "noroshi live warning authority 1"
DOMAIN = b"noroshi live warning 1\n"  # so that a signature made for something else is none here
PEOPLE = 2
COLOUR = "#c81e1e"
assert COLOUR != EXERCISE_COLOUR


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's yes: an Ed448 signature over `DOMAIN` and the SHA-256 of the document."""

    name: str
    signature: bytes


class Authority:
    """Leave to warn people of something real. There is one way to it, and it verifies.

    Args:
        file: an authority's file.
        root_sha256: SHA-256 of the root's public key, which was installed separately from the file and from noroshi.
        now_ns: the time.

    Raises:
        FormatError: if the file is of another kind, over, not by that root, or names fewer than two people.
    """

    __slots__ = ("_people", "nation", "until_ns")

    def __init__(self, file: bytes, *, root_sha256: bytes, now_ns: int) -> None:
        try:
            told = tomllib.loads(file.decode())
            if told["kind"] != KIND:
                raise FormatError("a file of another kind than an authority to warn for real")
            root = bytes.fromhex(told["root"])
            nation, until_ns = str(told["nation"]), utc_ns_from_iso(told["until"])
            people = {str(each["name"]): bytes.fromhex(each["key"]) for each in told["people"]}
            keys = {name: Ed448PublicKey.from_public_bytes(key) for name, key in people.items()}
            signed = signed_part(nation, until_ns, people)
            Ed448PublicKey.from_public_bytes(root).verify(bytes.fromhex(told["signature"]), signed)
        except (KeyError, TypeError, AttributeError, ValueError, InvalidSignature) as error:
            raise FormatError(f"no authority to warn for real: {type(error).__name__} {error}") from error
        if hashlib.sha256(root).digest() != root_sha256:
            raise FormatError("an authority by another root than the one that was installed")
        if now_ns >= until_ns:
            raise FormatError(f"an authority that ended {iso_from_utc_ns(until_ns)}")
        if len(set(people.values())) != len(people) or len(people) < PEOPLE:
            raise FormatError("an authority of fewer than two people, each with a key of their own")
        self.nation, self.until_ns, self._people = nation, until_ns, keys

    def verify(self, document: bytes, approvals: tuple[Approval, Approval]) -> None:
        """Verify that two people said yes to these very bytes.

        Raises:
            FormatError: if they are not two of its people, or one of them did not.
        """
        if len(approvals) != PEOPLE or len({each.name for each in approvals}) != PEOPLE:
            raise FormatError("a warning that is real takes two people")
        for each in approvals:
            if each.name not in self._people:
                raise FormatError("a person whom the authority does not name")
            try:
                self._people[each.name].verify(each.signature, DOMAIN + hashlib.sha256(document).digest())
            except InvalidSignature as error:
                raise FormatError("a signature that is not over this warning") from error


class ActualMessage:
    """A warning that is real. Nothing shipped makes, keeps, shows or sends one.

    Args:
        document: the CAP document, of status `Actual`, as the authority's own program wrote it.
        authority: whose it is.
        approvals: of two people, over the document.
        now_ns: the time.

    Raises:
        FormatError: if the authority has ended, the document is another's or no warning that is real, or they did not
            say yes to it.
    """

    COLOUR: ClassVar[str] = COLOUR

    __slots__ = ("document", "notice", "topic")

    def __init__(
        self, document: bytes, authority: Authority, approvals: tuple[Approval, Approval], *, now_ns: int
    ) -> None:
        if type(authority) is not Authority:
            raise FormatError("a warning that is real takes an authority")
        if now_ns >= authority.until_ns:
            raise FormatError("the authority has ended")
        authority.verify(document, approvals)
        notice = decode(document)
        if not isinstance(notice, ActualNotice) or notice.sender != authority.nation:
            raise FormatError("this is no warning that is real, of that authority's nation")
        self.document, self.notice = document, notice
        self.topic = f"noroshi/live/{authority.nation}/alerts"


def signed_part(nation: str, until_ns: int, people: dict[str, bytes]) -> bytes:
    """Return what the root signs."""
    lines = [KIND, nation, str(until_ns), *(f"{name} {key.hex()}" for name, key in sorted(people.items()))]
    return "\n".join(lines).encode()
