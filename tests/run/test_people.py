"""The register of people on the disk."""

import pytest

from noroshi.command.people import is_signed, sign
from noroshi.command.rows import Row
from noroshi.command.transitions import Role
from noroshi.run.people import PeopleError, make_person, read_key, read_people
from noroshi.run.pki.files import PkiError

ROW = Row("JPN", "s", 0, 1, "requested", "sato@JPN", "watch officer", "k", 0, 0, "", "{}")


def test_people_are_made_read_and_sign(tmp_path):
    made = make_person(tmp_path / "people", "sato@JPN", ("watch officer", "approver"))
    make_person(tmp_path / "people", "reed@USA", ("approver",))
    people = read_people(tmp_path / "people")
    assert list(people) == ["reed@USA", "sato@JPN"]
    assert people["sato@JPN"].roles == made.roles == (Role.WATCH_OFFICER, Role.APPROVER)
    row = sign(ROW, read_key(tmp_path / "people", "sato@JPN"))
    assert is_signed(row, people["sato@JPN"])
    assert not is_signed(row, people["reed@USA"])
    with pytest.raises(PkiError, match="is there already"):
        make_person(tmp_path / "people", "sato@JPN", ("approver",))
    (tmp_path / "people" / "sato@JPN.key").chmod(0o644)
    with pytest.raises(PkiError, match="chmod 600"):
        read_key(tmp_path / "people", "sato@JPN")


@pytest.mark.parametrize(
    ("name", "roles", "message"),
    [("Sato", ("approver",), "no name"), ("sato@JPN", ("machine",), "none of the roles"), ("sato@JPN", (), "at least")],
)
def test_what_is_no_person_is_refused(tmp_path, name, roles, message):
    with pytest.raises(PeopleError, match=message):
        make_person(tmp_path, name, roles)


def test_a_file_that_was_altered_is_refused(tmp_path):
    make_person(tmp_path, "sato@JPN", ("approver",))
    path = tmp_path / "sato@JPN.toml"
    text = path.read_text()
    for wrong in (text.replace("approver", "king"), text.replace('"JPN"', '"USA"'), text.replace("keys", "key")):
        path.write_text(wrong)
        with pytest.raises(PeopleError):
            read_people(tmp_path)
