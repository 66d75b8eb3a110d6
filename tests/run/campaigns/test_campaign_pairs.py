"""Which variants can be compared with the base in pairs."""

from pathlib import Path

import pytest

from noroshi.assessment.results import Variant
from noroshi.run.campaigns.families import BASE
from noroshi.run.campaigns.folders import CampaignError
from noroshi.run.campaigns.laying import lay
from noroshi.run.campaigns.pairs import check
from noroshi.run.scenarios import read_scenario


@pytest.mark.parametrize("name", ["first_steps", "trilateral"])
def test_the_same_once_more_is_refused_and_the_least_change_is_not(tmp_path: Path, name: str) -> None:
    scenario = read_scenario(name)
    base = lay(scenario, BASE, tmp_path / "base")
    with pytest.raises(CampaignError, match="has no changes, which makes it 'base' once more"):
        check(base, lay(scenario, again := Variant(name="again"), tmp_path / "again"), again)
    top_m = scenario.weather.cloud_top_m
    for changes, is_told in (({"weather.cloud_top_m": top_m}, True), ({"weather.cloud_top_m": top_m + 1.0}, False)):
        variant = Variant(name="cloud", changes=changes)
        there = lay(scenario, variant, tmp_path / f"cloud{is_told}")
        if is_told:
            with pytest.raises(CampaignError, match=r"'weather\.cloud_top_m': is so already"):
                check(base, there, variant)
        else:
            check(base, there, variant)


def test_a_point_of_a_design_may_be_the_base_and_silence_is_a_change(tmp_path: Path) -> None:
    scenario = read_scenario("trilateral")
    base = lay(scenario, BASE, tmp_path / "base")
    for variant in (Variant(name="all-0000", changes={"weather.sea_state": scenario.weather.sea_state}),
                    Variant(name="alone", sharing=False)):  # fmt: skip
        check(base, lay(scenario, variant, tmp_path / variant.name), variant)


def test_another_policy_alone_is_a_change(tmp_path: Path) -> None:
    scenario = read_scenario("trilateral")
    base = lay(scenario, BASE, tmp_path / "base")
    there = lay(scenario, variant := Variant(name="open", changes={"summary": scenario.summary}), tmp_path / "open")
    text = (tmp_path / "open" / "JPN.policy.toml").read_text()
    (tmp_path / "open" / "JPN.policy.toml").write_text(f"{text}\n# another\n")
    with pytest.raises(CampaignError, match="'summary': is so already"):
        check(base, there, variant)
    check(base, read_scenario(tmp_path / "open" / "scenario.toml"), variant)


def test_no_other_seed_not_even_in_a_design(tmp_path: Path) -> None:
    scenario = read_scenario("first_steps")
    base = lay(scenario, BASE, tmp_path / "base")
    variant = Variant(name="all-0001", changes={"seed": 7})
    with pytest.raises(CampaignError, match=r"'seed': would have other noise, .* replicates are the way"):
        check(base, lay(scenario, variant, tmp_path / "other"), variant)
