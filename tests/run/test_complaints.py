"""What went wrong, as one line and an exit code."""

import errno

import pytest
import typer

from noroshi.run.complaints import FAILED, WRONG, is_full, one_line

FULL = OSError(errno.ENOSPC, "No space left on device", "out/ONE.mcap")


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (FULL, FAILED, "noroshi: out/ONE.mcap: No space left on device\n"),
        (caused(ValueError("map.png: cannot be written"), FULL), FAILED, "noroshi: map.png: cannot be written\n"),
        (OSError(errno.EACCES, "Permission denied", "x"), WRONG, "noroshi: x: Permission denied\n"),
        (ValueError("no such thing"), WRONG, "noroshi: no such thing\n"),
    ],
)
def test_a_full_disk_is_work_that_failed_and_all_else_what_a_person_did_wrong(capsys, error, code, told):
    with pytest.raises(typer.Exit) as caught, one_line():
        raise error
    assert (caught.value.exit_code, capsys.readouterr().err) == (code, told)


def test_an_error_that_was_raised_from_itself_ends():
    error = ValueError("turns in a ring")
    error.__cause__ = error
    assert not is_full(error)
