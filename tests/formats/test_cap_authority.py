"""Warnings that are real: what they take, that nothing shipped has it, and that they share nothing with exercises."""

import hashlib
import inspect
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from alert_scenes import EXERCISE, SENT_NS, alert_of, keys_of, shapes_of, wordings_of
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey

import noroshi
from noroshi.formats import FormatError, cap
from noroshi.formats.alerting import EXERCISE_COLOUR
from noroshi.formats.cap.authority import DOMAIN, KIND, ActualMessage, Approval, Authority, signed_part
from noroshi.run.outlets import ExerciseMessage, body_of
from noroshi.run.outlets.file import Outlet

SOURCE = Path(noroshi.__file__).parent
ROOT, MINA, KEN = (Ed448PrivateKey.from_private_bytes(bytes([k]) * 57) for k in range(3))
UNTIL = "2031-01-01T00:00:00Z"
UNTIL_NS = 1_924_992_000_000_000_000


def public(key):
    return key.public_key().public_bytes_raw()


INSTALLED = hashlib.sha256(public(ROOT)).digest()


def file_of(people=None, *, kind=KIND, nation="JPN", root=ROOT, signer=ROOT):
    """Return an authority's file: no code that is shipped makes one."""
    people = people or {"Mina": public(MINA), "Ken": public(KEN)}
    signature = signer.sign(signed_part(nation, UNTIL_NS, people))
    lines = [f'kind = "{kind}"', f'nation = "{nation}"', f'until = "{UNTIL}"', f'root = "{public(root).hex()}"',
             f'signature = "{signature.hex()}"']  # fmt: skip
    lines += [f'[[people]]\nname = "{name}"\nkey = "{key.hex()}"' for name, key in people.items()]
    return "\n".join(lines).encode()


def actual_document(sender=b"JPN"):
    """Return what a program of an authority's own would write."""
    alert = alert_of()
    ours = cap.encode(alert, wordings_of(alert), exercise=EXERCISE, shapes=shapes_of())
    return ours.replace(b"<status>Exercise<", b"<status>Actual<").replace(b"<sender>JPN<", b"<sender>" + sender + b"<")


def yes(name, key, document):
    return Approval(name, key.sign(DOMAIN + hashlib.sha256(document).digest()))


def both(document):
    return yes("Mina", MINA, document), yes("Ken", KEN, document)


def authority():
    return Authority(file_of(), root_sha256=INSTALLED, now_ns=SENT_NS)


def test_with_an_authority_and_two_people_it_is_a_type_of_its_own():
    document = actual_document()
    message = ActualMessage(document, authority(), both(document), now_ns=SENT_NS)
    assert type(message.notice) is cap.ActualNotice
    assert message.topic == "noroshi/live/JPN/alerts"


@pytest.mark.parametrize(
    ("approvals", "complaint"),
    [
        (lambda d: (yes("Mina", MINA, d),), "takes two people"),
        (lambda d: (yes("Mina", MINA, d), yes("Mina", MINA, d)), "takes two people"),
        (lambda d: (yes("Mina", MINA, d), yes("Ken", MINA, d)), "not over this warning"),
        (lambda d: (yes("Mina", MINA, d), yes("Eve", KEN, d)), "whom the authority does not name"),
        (lambda d: (yes("Mina", MINA, d), yes("Ken", KEN, d + b" ")), "not over this warning"),
        (lambda d: (yes("Mina", MINA, d), Approval("Ken", KEN.sign(d))), "not over this warning"),
        (lambda d: (yes("Mina", MINA, d), yes("Ken", KEN, d), yes("Ken", KEN, d)), "takes two people"),
    ],
)
def test_one_person_is_not_enough(approvals, complaint):
    document = actual_document()
    with pytest.raises(FormatError, match=complaint):
        ActualMessage(document, authority(), approvals(document), now_ns=SENT_NS)


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        (file_of(kind="noroshi partner 1"), "another kind"),
        (file_of(signer=KEN), "InvalidSignature"),
        (file_of(root=KEN, signer=KEN), "another root than the one that was installed"),
        (file_of({"Mina": public(MINA)}), "fewer than two people"),
        (file_of({"Mina": public(MINA), "Ken": public(MINA)}), "fewer than two people"),
        (file_of().replace(b'"JPN"', b'"USA"'), "InvalidSignature"),
        (file_of().replace(UNTIL.encode(), b"2032-01-01T00:00:00Z"), "InvalidSignature"),
        (b"", "no authority"),
        (b"\xff", "no authority"),
    ],
)
def test_a_file_that_is_not_one_gives_no_leave(file, complaint):
    with pytest.raises(FormatError, match=complaint):
        Authority(file, root_sha256=INSTALLED, now_ns=SENT_NS)


def test_leave_ends():
    with pytest.raises(FormatError, match="an authority that ended 2031"):
        Authority(file_of(), root_sha256=INSTALLED, now_ns=UNTIL_NS)
    document, leave = actual_document(), authority()
    with pytest.raises(FormatError, match="has ended"):
        ActualMessage(document, leave, both(document), now_ns=UNTIL_NS)


def test_an_exercise_is_not_made_real_by_two_people_nor_anothers_warning():
    alert = alert_of()
    for document in (cap.encode(alert, wordings_of(alert), exercise=EXERCISE), actual_document(b"USA")):
        with pytest.raises(FormatError, match="no warning that is real"):
            ActualMessage(document, authority(), both(document), now_ns=SENT_NS)


def test_what_only_looks_like_an_authority_is_none():
    class Pretender(Authority):
        def __init__(self):
            self.nation, self.until_ns = "JPN", UNTIL_NS

        def verify(self, document, approvals):
            pass

    with pytest.raises(FormatError, match="takes an authority"):
        ActualMessage(actual_document(), Pretender(), (), now_ns=SENT_NS)


@pytest.mark.parametrize("exercise", [EXERCISE, None], ids=["exercise", "real"])
def test_nothing_that_noroshi_pki_makes_is_an_authority(tmp_path, exercise):
    """Not even keys of a node that is real: they share tracks, and warn nobody."""
    keys_of(tmp_path / "keys", exercise=exercise)
    files = [path for path in (tmp_path / "keys").rglob("*") if path.is_file()]
    assert len(files) >= 4
    for path in files:
        for installed in (INSTALLED, hashlib.sha256(path.read_bytes()).digest()):
            with pytest.raises(FormatError):
                Authority(path.read_bytes(), root_sha256=installed, now_ns=SENT_NS)


def test_the_program_makes_no_key_and_no_file_of_that_kind():
    """Ed448 is in one file, where it is verified; nothing signs with it, and no data file is of the kind."""
    for path in SOURCE.rglob("*"):
        if path.suffix in (".py", ".toml", ".json", ".txt"):
            text = path.read_text("utf-8")
            allowed = path.name == "authority.py"
            assert allowed or not re.search(r"ed448|live warning authority", text, re.IGNORECASE), path
            assert "Ed448PrivateKey" not in text, path


def test_nothing_shipped_uses_a_message_that_is_real():
    """It is defined and exported, and no other code names it but to say that it takes none."""
    found = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if re.search(r"ActualMessage\(|cap\.authority|cap import .*(Actual|Auth|Approval)", path.read_text())
    }
    assert found == {"formats/cap/__init__.py"}


def test_the_two_share_no_type_colour_topic_or_method(tmp_path):
    document = actual_document()
    real = ActualMessage(document, authority(), both(document), now_ns=SENT_NS)
    assert not issubclass(ActualMessage, ExerciseMessage)
    assert not issubclass(ExerciseMessage, ActualMessage)
    assert ExerciseMessage.COLOUR == EXERCISE_COLOUR != ActualMessage.COLOUR
    assert not real.topic.startswith("noroshi/exercise/")
    with pytest.raises(TypeError, match="outlets send messages of exercises, not ActualMessage"):
        body_of(real, "cap")
    with pytest.raises(TypeError, match="outlets send messages of exercises"):
        Outlet(folder=tmp_path).send(real)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("medium", ["cap"])
def test_a_real_document_is_no_message_of_an_exercise(medium):
    with pytest.raises(ValueError, match="not of that exercise"):
        ExerciseMessage(exercise=EXERCISE, identifier="JPN-2030-0001", message="Alert", sent_ns=SENT_NS,
                        expires_ns=SENT_NS, bodies={medium: actual_document()})  # fmt: skip


def test_no_code_that_writes_cap_writes_another_status():
    """In the writer the status is a constant; the word Actual is not in it."""
    from noroshi.formats.cap import writing

    code = inspect.getsource(writing)
    assert "Actual" not in code
    assert code.count('("status", EXERCISE)') == 1
    root = ET.fromstring(cap.encode(alert_of(), wordings_of(alert_of()), exercise=EXERCISE))
    assert [each.text for each in root if each.tag.endswith("}status")] == ["Exercise"]
