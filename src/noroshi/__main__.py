"""`python -m noroshi` is the command line."""

from noroshi.run.cli import main

main()
