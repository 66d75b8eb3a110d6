"""docs/scenarios.md does what it says: a new nation joins."""

import json
import re
from pathlib import Path

from typer.testing import CliRunner

from noroshi.run.cli import app
from noroshi.run.scenarios import shipped

PAGE = Path(__file__).resolve().parents[1] / "docs/scenarios.md"
STEP = re.compile(
    r"<!-- file: (?P<file>\S+) -->\n```toml\n(?P<text>.*?)```"
    r"|<!-- change: (?P<place>\S+) \| (?P<old>.+?) \| (?P<new>.+?) -->"
    r"|<!-- run(?:: (?P<code>\d))? -->\n```console\n\$ noroshi (?P<words>[^\n]+)\n(?P<output>.*?)```",
    re.DOTALL,
)


def test_a_nation_joins_in_one_file_as_the_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ran = []
    for step in STEP.finditer(PAGE.read_text()):
        if step["file"]:
            Path(step["file"]).write_text(step["text"])
        elif step["place"]:
            text = Path(step["place"]).read_text()
            assert step["old"] in text
            Path(step["place"]).write_text(text.replace(step["old"], step["new"]))
        else:
            done = CliRunner().invoke(app, step["words"].split())
            assert done.exit_code == int(step["code"] or 0), done.output
            if "--json" in step["words"]:
                ran.append(json.loads(done.stdout))
            else:
                assert done.stdout == step["output"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new_zealand.toml"]
    (figures,) = ran
    assert {node["node"] for node in figures["nodes"]} == {"ONE", "NZL"}
    assert figures["sensors"] == {"ONE": 2, "NZL": 2}


def test_the_page_names_all_that_is_shipped():
    text = PAGE.read_text()
    for room in ("nations", "scenarios"):
        assert [name for name in shipped(room) if f"`{name}`" not in text] == []
