"""What a person did wrong, as one line and exit code 2; a full disk, and Ctrl-C."""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from noroshi.run.printing import printable

FAILED, WRONG = 1, 2
"""Exit codes of work that failed, and of wrong input or usage."""

INTERRUPTED = 130
"""Exit code of work that Ctrl-C broke off: as shells have it, 128 and the number of the signal."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def is_full(error: BaseException | None) -> bool:
    """Return whether an error is that of a full disk."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:  # an error may be raised from one that it has caused
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return True
        seen.append(error)
        error = error.__cause__
    return False


@contextmanager
def one_line() -> Iterator[None]:
    """Turn what a person did wrong into one line and `WRONG`, a full disk into `FAILED`, Ctrl-C into `INTERRUPTED`."""
    try:
        yield
    except ValueError as error:
        refuse(str(error), FAILED if is_full(error) else WRONG)
    except OSError as error:
        told = f"{error.filename or 'a file'}: {error.strerror or error}"
        refuse(told, FAILED if is_full(error) else WRONG)
    except KeyboardInterrupt:
        sys.stderr.write("noroshi: interrupted\n")
        raise typer.Exit(INTERRUPTED) from None


def refuse(message: str, code: int = WRONG) -> NoReturn:
    """Say in one line what is wrong and end with an exit code."""
    line = printable(" ".join(message.split()), 1000)
    sys.stderr.write(f"noroshi: {line}\n")
    raise typer.Exit(code)
