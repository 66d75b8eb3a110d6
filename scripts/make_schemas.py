"""Make the published JSON Schemas of the files of nations and scenarios.

uv run scripts/make_schemas.py
"""

import json
from pathlib import Path

from noroshi.run.scenarios.schema import schema

FOLDER = Path(__file__).resolve().parents[1] / "schema"


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for room in ("nations", "scenarios"):
        place = FOLDER / f"{room.removesuffix('s')}.schema.json"
        place.write_text(json.dumps(schema(room), indent=2) + "\n")
        print(f"{place.name}: {place.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
