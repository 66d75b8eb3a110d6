"""`noroshi campaign`: real runs of the smallest scenario, made in this process."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from noroshi.run.campaigns import performing
from noroshi.run.campaigns.asking import CampaignFile, asked
from noroshi.run.campaigns.folders import read_campaign
from noroshi.run.campaigns.pool import Made
from noroshi.run.campaigns.tasks import Task
from noroshi.run.cli import app
from noroshi.run.scenarios import ScenarioError

SHORT = ["--until", "6", "--processes", "1"]
LOSSES = """name = "Losses"
scenario = "first_steps"
seeds = 2
until_s = 6.0
[[variants]]
name = "steep"
title = "Something else that cannot always fly"
[variants.changes."flights.rock"]
mover = "ballistic"
lat_deg = 30.0
lon_deg = 140.0
bearing_deg = 0.0
range_km = 1000.0
apogee_km = 300.0
ballistic_coefficient_kg_m2 = { low = -3000.0, high = 3000.0 }
"""


VARIANT = 'name = "x"\nscenario = "first_steps"\n[[variants]]\nname = "a"\nchanges = {}\n'


class Here:
    """Stands in for the pool."""

    def __init__(self, processes: int, make: object) -> None:
        self.make = make

    def __enter__(self) -> "Here":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def results(self, tasks: Sequence[Task]) -> Iterator[Made]:
        for task in tasks:
            yield task, self.make(task)  # type: ignore[operator]


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(performing, "Pool", Here)


def ask(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["campaign", *map(str, arguments)])


def refused(*arguments: object) -> str:
    done = ask(*arguments)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_campaign_from_beginning_to_end(tmp_path: Path) -> None:
    folder = tmp_path / "campaign"
    done = ask("first_steps", "--variants", "sensors", "--seeds", 2, "--out", folder, *SHORT, "--json")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert [each["name"] for each in figures["variants"]] == ["base", "no-one-radar", "no-one-adsb"]
    assert (figures["runs"], figures["made"], figures["failed"]) == (6, 6, [])
    assert figures["few"].startswith("2 replicates are few: ")
    assert figures["few"].endswith("if all told the same: what each variant does: 12")
    campaign = read_campaign(folder)
    assert campaign.digest() == figures["digest"]
    assert all(run.figures and set(run.digests) == {"ONE"} for run in campaign.runs)
    assert len({run.digests["ONE"] for run in campaign.runs}) == 6

    # Of a run its journals are made again, by the command that the campaign itself tells.
    command = campaign.again("no-one-adsb", 1).replace("OUT", str(tmp_path / "journals")).split()[2:]
    again = ask(*command)
    assert again.exit_code == 0, again.output
    assert "the same journals" in again.stdout
    assert (tmp_path / "journals" / "ONE.mcap").is_file()
    assert "keeps no run of replicate 7" in refused(folder, "--again", "base", 7, "--journals", tmp_path / "none")

    # More replicates later: what is there stays.
    more = ask(folder, "--resume", "--seeds", 3, "--json")
    assert json.loads(more.stdout)["made"] == 3
    assert repr(read_campaign(folder).runs[:2]) == repr(campaign.runs[:2])

    # The same folder for anything else is refused.
    assert "is not empty" in refused("first_steps", "--out", folder)
    assert "go on with it by --resume" in refused(folder)
    assert "other variants" in refused("first_steps", "--out", folder, "--resume", "--seeds", 3, *SHORT)
    again_with = ["--variants", "sensors", "--out", folder, "--resume"]
    assert "stop at another time" in refused("first_steps", *again_with, "--seeds", 3)
    assert "has 3 replicates, and 2" in refused("first_steps", *again_with, "--seeds", 2, *SHORT)
    stray = folder / "runs" / "base" / "0001 (copy).run"
    stray.touch()
    assert f"{stray}: is no run of this campaign" in refused(folder, "--resume")
    stray.unlink()
    scenario = campaign.scenario_file("base")
    scenario.write_text(scenario.read_text().replace("9000.0", "9001.0"))
    assert "not those that its runs were made from" in refused(folder, "--resume")
    about = folder / "campaign.json"
    about.write_text(about.read_text().replace(figures["made_by"]["code"], "0" * 16))
    assert "was made by code 0000000000000000" in refused(folder, "--resume")


def test_a_scenario_that_has_changed_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    from noroshi.run.scenarios.sources import read_source

    path.write_text(read_source("scenarios", "first_steps").text)
    arguments = [path, "--seeds", 1, "--out", tmp_path / "out", *SHORT]
    assert ask(*arguments).exit_code == 0
    path.write_text(path.read_text().replace("speed_m_s = 120.0", "speed_m_s = 121.0"))
    assert "the scenario or a nation's file has changed" in refused(*arguments, "--resume")


def test_files_are_utf_8_wherever_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("io.text_encoding", lambda encoding, *_: encoding or "ascii")
    path = tmp_path / "mine.toml"
    title = '[[variants]]\nname = "sky"\ntitle = "曇り"\nchanges = { summary = "曇り" }\n'
    path.write_text('name = "空"\nscenario = "first_steps"\nseeds = 1\nuntil_s = 6.0\n' + title, "utf-8")
    assert ask(path, "--out", tmp_path / "out", "--processes", 1).exit_code == 0
    scenario = tmp_path / "out" / "variants" / "sky" / "scenario.toml"
    assert "曇り" in scenario.read_text("utf-8")


def test_a_broken_variant_is_named_and_the_good_runs_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "losses.toml"
    path.write_text(LOSSES)
    done = ask(path, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 1
    (failed,) = json.loads(done.stdout)["failed"]
    assert (failed["variant"], failed["replicate"], failed["seed"]) == ("steep", 1, 1)
    assert failed["error"].startswith("scenario.toml: 'rock': a ballistic coefficient of -")
    assert len(read_campaign(tmp_path / "out").good("base")) == 2
    told = ask(path, "--out", tmp_path / "out", "--resume")
    assert told.exit_code == 1
    assert "failed: 'steep', replicate 1, seed 1: " in told.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["first_steps"], "say where its runs are kept: --out FOLDER"),
        (["first_step", "--out", "x"], "no scenario 'first_step'; did you mean 'first_steps'?"),
        (["first_steps", "--out", "x", "--variants", "sensor"], "no variants 'sensor'; there are:"),
        (["first_steps", "--out", "x", "--variants", "sharing"], "First steps has no 'sharing' to vary; leave it out"),
        (["first_steps", "--out", "x", "--until", "-1"], "give a number of seconds above 0"),
        (["first_steps", "--out", "x", "--stop-at", "lead_time_s"], "give MEASURE=HALFWIDTH"),
        (["first_steps", "--out", "x", "--stop-at", "led_time_s=2"], "did you mean 'lead_time_s'?"),
        (["first_steps", "--out", "x", "--resume"], "is no campaign's folder"),
        (["first_steps", "--again", "base", "0"], "is no campaign's folder"),
        (["first_steps", "--out", "full"], "is not empty; give another folder\n"),
        (["first_steps", "--out", "full/file"], "is a file; give a folder"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    Path("full/file").touch()
    assert told in refused(*arguments)
    assert not Path("x").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('name = "x"\nscenario = "first_steps"\nseed = 3\n', "seed: no such key; did you mean 'seeds'?"),
        ('name = "x"\nscenario = "first_steps"\nfamilies = ["sensor"]\n', "did you mean 'sensors'?"),
        (
            'name = "x"\nscenario = "first_steps"\n[[variants]]\nname = "a"\nchanges = { "weather.fog" = 1 }\n',
            "variant 'a': weather, fog: no such key",
        ),
        (VARIANT.format("{ seed = 5 }"), "variant 'a': 'seed': would have other noise, so that"),
        (VARIANT.format("{ start = 2031-03-01T06:00:00Z }"), "variant 'a': 'start': would have other satellites"),
        (VARIANT.format("{}"), "variant 'a': has no changes, which makes it 'base' once more: change something"),
        (VARIANT.format('{ "weather.sea_state" = 3 }'), "variant 'a': 'weather.sea_state': is so already"),
        (VARIANT.format("{ duration_s = 60.0 }"), "variant 'a': 'duration_s': is so already"),
        ('name = "x"\nscenario = "first_steps"\n[[variants]]\nname = "base"\ntitle = "b"\n', "give another name"),
        (
            'name = "x"\nscenario = "first_steps"\n[design]\nkind = "sobol"\nnumber = 3\n'
            '[[design.factors]]\npath = "weather.cloud_top_m"\nlow = 0\nhigh = 1\n',
            "number = 3 is no power of 2",
        ),
        (
            'name = "x"\nscenario = "first_steps"\n[design]\nkind = "factorial"\n'
            '[[design.factors]]\npath = "weather.cloud_top_m"\nlow = 0\n',
            "needs low and high, or levels",
        ),
    ],
)
def test_a_wrong_campaign_file_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert told in refused(path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="has no locks of folders")
def test_two_campaigns_in_one_folder_at_once_are_refused(tmp_path: Path) -> None:
    with performing.alone(tmp_path / "out"):
        for more in ([], ["--resume"]):
            told = refused("first_steps", "--out", tmp_path / "out", *more)
            assert "another process is running a campaign in it" in told
        assert "another process" in refused(tmp_path / "out", "--resume")
    assert not (tmp_path / "out").exists()


def test_designs_are_variants(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    head = 'name = "x"\nscenario = "first_steps"\n[design]\nkind = "{}"\nnumber = 8\n'
    factors = (
        '[[design.factors]]\npath = "weather.cloud_top_m"\nlow = 1000.0\nhigh = 9000.0\n'
        '[[design.factors]]\npath = "weather.sea_state"\nlow = 1\nhigh = 4\n'
        '[[design.factors]]\npath = "tracker"\nlevels = ["soft", "mixture"]\n'
    )
    counts = {"factorial": 8, "latin_hypercube": 8, "sobol": 8 * 5}
    for kind, count in counts.items():
        path.write_text(head.format(kind) + factors)
        about, _ = asked(str(path), seeds=None, families=(), until_s=None, stop_at=None)
        points = about.variants[1:]
        assert len(points) == len({each.name for each in points}) == count
        assert {each.changes["weather.sea_state"] for each in points} <= {1, 2, 3, 4}
        assert {each.changes["tracker"] for each in points} == {"soft", "mixture"}
        assert all(1000.0 <= float(str(each.changes["weather.cloud_top_m"])) <= 9000.0 for each in points)
        if kind == "latin_hypercube":  # one in each eighth of the range
            tops = [float(str(each.changes["weather.cloud_top_m"])) for each in points]
            assert sorted(int((top - 1000.0) / 1000.0) for top in tops) == list(range(8))


def test_a_campaign_file_says_where_its_scenario_is(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('name = "x"\nscenario = "./other.toml"\n')
    with pytest.raises(ValueError, match=r"other\.toml: cannot be read"):
        asked(str(tmp_path / "mine.toml"), seeds=None, families=(), until_s=None, stop_at=None)
    (tmp_path / "mine.toml").write_text('name = 3\nscenario = "./other.toml"\n')
    with pytest.raises(ScenarioError, match="name: is 3"):
        asked(str(tmp_path / "mine.toml"), seeds=None, families=(), until_s=None, stop_at=None)
    assert CampaignFile.model_fields["seeds"].default == 20


class Killed(BaseException):
    """Nothing goes on after it."""


def kill_at(path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[object]) -> None:
    """Ask for a campaign, and let everything end as a path is about to appear."""
    there, away, dead = Path.rename, performing.shutil.rmtree, False

    def rename(self: Path, target: Path) -> Path:
        nonlocal dead
        dead = dead or Path(target) == path
        if dead:
            raise Killed
        return there(self, target)

    def rmtree(path: Path, **more: bool) -> None:
        if dead:
            raise Killed
        away(path, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", rename)
        patched.setattr(Path, "replace", rename)
        patched.setattr(performing.shutil, "rmtree", rmtree)
        with pytest.raises(Killed):
            ask(*arguments)


@pytest.mark.parametrize("step", [".laying/campaign.json", "variants", "campaign.json"])
def test_killed_while_its_files_are_laid_it_can_be_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    asked_for = ["first_steps", "--variants", "sensors", "--seeds", 1, *SHORT, "--out"]
    whole = json.loads(ask(*asked_for, tmp_path / "whole", "--json").stdout)
    folder = tmp_path / "out"
    kill_at(folder / step, monkeypatch, [*asked_for, folder])
    assert any(folder.iterdir())
    more = []
    if step == ".laying/campaign.json":  # nothing was whole yet
        assert "leave --resume away" in refused(*asked_for, folder, "--resume")
    else:
        assert "is not empty; give another folder, or --resume" in refused(*asked_for, folder)
        more = ["--resume"]
    done = ask(*asked_for, folder, *more, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["digest"] == whole["digest"]
    assert sorted(path.name for path in folder.iterdir()) == ["campaign.json", "runs", "variants"]
