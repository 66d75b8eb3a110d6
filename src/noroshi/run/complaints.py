"""What a person did wrong, as one line and exit code 2; and Ctrl-C."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from noroshi.run.printing import printable

INTERRUPTED = 130
"""Exit code of work that Ctrl-C broke off: as shells have it, 128 and the number of the signal."""


@contextmanager
def one_line() -> Iterator[None]:
    """Turn what a person did wrong into one line and exit code 2, and Ctrl-C into one and `INTERRUPTED`."""
    try:
        yield
    except ValueError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename or 'a file'}: {error.strerror or error}")
    except KeyboardInterrupt:
        sys.stderr.write("noroshi: interrupted\n")
        raise typer.Exit(INTERRUPTED) from None


def refuse(message: str) -> NoReturn:
    """Say in one line what is wrong and end."""
    line = printable(" ".join(message.split()), 1000)
    sys.stderr.write(f"noroshi: {line}\n")
    raise typer.Exit(2)
