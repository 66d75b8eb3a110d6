"""Gather the fragments in changes/ into CHANGELOG.md, under a version and a date.

uv run scripts/changelog.py VERSION DATE

A fragment is a file `changes/ISSUE.KIND.md` with KIND one of added, changed, fixed, removed; it says what changed for
the people who use the program, and by how much where a figure changed. Gathered fragments are deleted.
"""

import sys
from pathlib import Path

KINDS = ("added", "changed", "fixed", "removed")
HEAD = """# Changes

What is not released yet is in [changes/](changes), one fragment a file; `scripts/changelog.py` gathers them at a
release.
"""


def main() -> None:
    """Write the new section above the older ones."""
    version, date = sys.argv[1:]
    root = Path(__file__).resolve().parents[1]
    fragments = sorted(path for path in (root / "changes").glob("*.md") if path.name.split(".")[1] in KINDS)
    if not fragments:
        sys.exit("changes/ holds no fragments: nothing to gather")
    section = [f"## {version} ({date})"]
    for kind in KINDS:
        texts = [path.read_text().strip() for path in fragments if path.name.split(".")[1] == kind]
        section += [f"### {kind.capitalize()}", *texts] if texts else []
    changelog = root / "CHANGELOG.md"
    older = changelog.read_text().removeprefix(HEAD).strip() if changelog.exists() else ""
    changelog.write_text("\n\n".join([HEAD.strip(), *section, *([older] if older else [])]) + "\n")
    for path in fragments:
        path.unlink()


if __name__ == "__main__":
    main()
