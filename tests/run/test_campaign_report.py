"""The report of a campaign whose truth is known: what it says, what it must not say, and that nothing breaks it."""

import json
import re
from html.parser import HTMLParser

import pyarrow.parquet as pq
import pytest
from report_scenes import NODES, SOONER_S, THREATS, campaign, few_end_s
from typer.testing import CliRunner

from noroshi.assessment.intervals import Interval
from noroshi.run.reports import words
from noroshi.run.reports.charts import clock
from noroshi.run.reports.findings import Key, find, too_few
from noroshi.run.reports.html import Html, joined, tag
from noroshi.run.reports.since import since
from noroshi.run.reports.telling import advice
from noroshi.run.reports.writing import write


class Page(HTMLParser):
    """What a browser would find: anchors, links, elements, text."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.open, self.texts, self.names = [], [], [], [], set()
        self.feed(text)

    def handle_starttag(self, name, attributes):
        told = dict(attributes)
        self.names.add(name)
        self.ids += [told["id"]] if "id" in told else []
        self.links += [told["href"]] if "href" in told else []
        if name not in ("meta", "br"):
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    drawn = campaign(folder / "new")
    told = write(drawn, folder)
    return drawn, folder, told


def line(lines, measure, variant):
    return next(each for each in lines if (each["measure"], each["variant"]) == (measure, variant))


def test_what_sharing_buys_is_what_was_drawn(made):
    *_, told = made
    sooner = line(told["sharing"], "time_to_firm_track_s", "base")
    assert sooner["says"] == "better"
    assert sooner["value"]["difference"]["low"] <= -SOONER_S <= sooner["value"]["difference"]["high"]
    assert sooner["value"]["n_both"] == 12
    assert sooner["came"]["base"]["mean"]["value"] == pytest.approx(2 / 3)
    assert sooner["came_differs"]
    assert line(told["sharing"], "first_warning_lead_s", "base")["says"] == "no difference shown"
    assert line(told["sharing"], "custody_share", "base")["says"] == "no difference shown"


def test_a_run_that_failed_is_no_pair_and_is_named(made):
    _, folder, told = made
    assert line(told["variants"], "time_to_firm_track_s", "late")["value"]["n_both"] == 11
    assert told["failed"] == [{"variant": "late", "replicate": 3, "error": "no room <here> & there"}]
    assert "no room <here> & there" in Page((folder / "report.html").read_text()).texts


def test_the_change_that_helps_is_one_that_was_run(made):
    *_, told = made
    weak = {each["objective"]: each for each in told["weakest"]}
    late = weak["A threat has a firm track soon after lift-off"]
    assert late["helps_most"] == "remedy"
    assert late["by"]["value"]["difference"]["high"] < 0.0
    assert all(each["helps_most"] in (None, "remedy") for each in told["weakest"])
    assert weak["Civil traffic is held"]["helps_most"] is None


def test_what_too_few_runs_cannot_show_is_not_told_as_no_gain(tmp_path):
    few = campaign(tmp_path / "few", seeds=5)
    found = find(few)
    late = next(each for each in found.weak if each.lines[0].value.n_differ)
    assert (late.remedy, [line.variant for line in late.unclear], late.pairs_needed) == (None, ["remedy"], 7)
    told = advice(found, late)
    assert told.startswith(
        "Whether the one remedy that was run helps cannot be shown: 5 pairs are too few to show it. 7 "
    )
    assert "Furthest so far, and not shown" in told
    assert not any(line.shown for line in (*found.sharing, *found.variants))
    assert "7" in too_few(few.variants, 5)
    assert too_few(few.variants, 12) == ""


def test_the_page_is_whole_and_asks_nobody(made):
    _, folder, _ = made
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert "script" not in page.names
    assert "b" not in page.names or "campaign</b>" not in text
    assert not re.search(r"(src|href)\s*=\s*\"(?!#)", text)
    assert not re.search(r"url\(|@import", text)
    assert "A remedy <script>alert(1)</script>" in page.texts
    assert any("EXERCISE" in each and "notional" in each for each in page.texts)


def test_what_the_scenario_did_is_on_the_timeline(made):
    """A link is cut from 200 to 250 s, and a radar fails at 300 s for good."""
    _, folder, _ = made
    text = (folder / "report.html").read_text()
    bars = re.findall(r'<rect x="([\d.]+)"[^>]*width="([\d.]+)"[^>]*class="bar inject"><title>([^<]*)', text)
    assert [title for *_, title in bars] == [
        "link cut, 03:20 to 04:10: JPN-USA",
        f"sensor off, 05:00 to {clock(few_end_s())}: jpn-north",
    ]
    assert text.index("What the scenario itself did") < text.index("threat-1: launch at")
    rows = [re.sub(r"<[^>]+>", "|", row) for row in re.findall(r"<tr><td>0\d:\d\d</td>.*?</tr>", text)]
    assert [re.split(r"\|+", row)[1:-1] for row in rows] == [
        ["03:20", "04:10", "link cut", "JPN-USA", "A cable"],
        ["05:00", "the end", "sensor off", "jpn-north"],
    ]
    (x1, w1, _), (x2, _, _) = bars
    assert float(w1) / (float(x2) - float(x1)) == pytest.approx(50.0 / 100.0, abs=0.01)


def test_every_run_has_an_anchor_with_its_command(made):
    drawn, folder, _ = made
    text = (folder / "report.html").read_text()
    page = Page(text)
    for run in drawn.runs:
        assert f"run-{run.variant}-{run.replicate}" in page.ids
    assert drawn.again("remedy", 7) in page.texts
    assert any(re.fullmatch(r"#t=1893456\d{6}", each) for each in page.texts)


def test_no_difference_is_claimed_where_none_is_shown(made):
    _, folder, told = made
    for each in [*told["sharing"], *told["variants"]]:
        low, high = each["difference"]["low"], each["difference"]["high"]
        if each["says"] in ("better", "worse", "different"):
            assert low > 0.0 or high < 0.0
            assert each["p_value"] <= 0.05
    assert "no difference shown" in (folder / "report.html").read_text()


def test_the_same_campaign_gives_the_same_bytes(made, tmp_path):
    drawn, folder, _ = made
    write(drawn, tmp_path)
    for name in ("report.html", "report.json", "results.parquet"):
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_the_table_holds_every_figure(made):
    drawn, folder, _ = made
    table = pq.read_table(folder / "results.parquet")
    assert len(table) == sum(len(run.figures) for run in drawn.runs)
    row = table.slice(0, 1).to_pylist()[0]
    assert (row["variant"], row["replicate"], row["node"]) == ("base", 0, NODES[0])


@pytest.mark.parametrize(("seed", "pairs"), [(1, True), (2, False)])
def test_what_changed_since_an_earlier_campaign(made, tmp_path, seed, pairs):
    drawn, *_ = made
    old = campaign(tmp_path / "old", seed=seed, slower_s=40.0, other_seed=not pairs)
    found = since(drawn, old)
    assert found.pairs == pairs
    firm = next(each for each in found.lines if (each.key.measure, each.variant) == ("time_to_firm_track_s", "base"))
    assert firm.shown
    assert firm.difference.low <= -40.0 + 1e-9
    assert firm.difference.high >= -40.0 - 1e-9
    lead = next(each for each in found.lines if (each.key.measure, each.variant) == ("first_warning_lead_s", "base"))
    assert not lead.shown


def test_the_command_writes_and_says_what_is_wrong(made, tmp_path):
    import typer

    from noroshi.run.reports.command import assess

    drawn, *_ = made
    app = typer.Typer()
    app.command()(assess)
    told = CliRunner().invoke(app, [str(drawn.folder), "--out", str(tmp_path), "--json"])
    assert told.exit_code == 0
    assert json.loads(told.stdout)["runs"] == 47
    shown = CliRunner().invoke(app, [str(drawn.folder), "--out", str(tmp_path), "--against", str(drawn.folder)])
    assert shown.exit_code == 0
    assert "0 of" in shown.stdout
    assert "figures changed beyond noise" in shown.stdout
    elsewhere = tmp_path / "not" / "there yet"
    assert CliRunner().invoke(app, [str(drawn.folder), "--out", str(elsewhere)]).exit_code == 0
    assert {path.name for path in elsewhere.iterdir()} == {"report.html", "report.json", "results.parquet"}
    a_file = CliRunner().invoke(app, [str(drawn.folder), "--out", str(elsewhere / "report.html")])
    assert (a_file.exit_code, a_file.stderr.endswith("is a file; give a folder\n")) == (2, True)
    nothing = CliRunner().invoke(app, [str(tmp_path)])
    assert nothing.exit_code == 2
    assert len(nothing.stderr.strip().splitlines()) == 1
    misnamed = CliRunner().invoke(app, [str(tmp_path / "sprung")])
    assert misnamed.exit_code == 2
    assert misnamed.stderr.endswith("there is no such folder; give that of a campaign\n")


def test_text_cannot_become_markup():
    assert tag("p", "<b>&", title='"<') == '<p title="&quot;&lt;">&lt;b&gt;&amp;</p>'
    assert joined(Html("<br>"), "<br>") == "<br>&lt;br&gt;"


@pytest.mark.parametrize(
    ("found", "unit", "told"),
    [
        ((31.99, 29.94, 34.01), "s", ("32.0", "29.9 to 34.1")),
        ((-0.1999, -0.3001, 0.0999), "share", ("−20.0", "−30.1 to 10.0")),
        ((float("inf"), 1.0, float("inf")), "s", ("never", "1 to ∞")),
        ((0.0, 0.0, 0.0), "s", ("0", "0 to 0")),
        ((1234.5, 1000.1, 1500.9), "km2", ("1,234", "1,000 to 1,501")),
    ],
)
def test_figures_are_rounded_to_the_nearest_and_bounds_rounded_outwards(found, unit, told):
    assert words.interval(Interval(*found), unit) == told


@pytest.mark.parametrize(
    ("measure", "found", "told", "between"),
    [
        ("time_to_firm_track_s", (-35.33, -70.67, 0.0), "35.3 s sooner", "0.0 to 70.7 s sooner"),
        ("time_to_threat_s", (-31.5, -68.44, 2.01), "31.5 s sooner", "68.5 s sooner to 2.1 s later"),
        ("time_to_firm_track_s", (12.0, 3.0, 20.0), "12.0 s later", "3.0 to 20.0 s later"),
        ("forecast_95_after_60_s_km2", (29.13, 10.8, 113.1), "29 km² larger", "10 to 114 km² larger"),
        ("track_km2", (-9.34, -11.77, -4.16), "9.34 km² smaller", "4.16 to 11.77 km² smaller"),
        (
            "first_warning_lead_s",
            (9.16, -1.01, 21.35),
            "9.2 s more warning",
            "1.1 s less warning to 21.4 s more warning",
        ),
        ("custody_share", (0.0, 0.0, 0.0), "0 points", "0 points"),
        ("forecast_95_km2", (float("inf"), 4.0, float("inf")), "∞ km² larger", "4 to ∞ km² larger"),
    ],
)
def test_a_difference_reads_as_its_sentence_does(measure, found, told, between):
    key = Key(measure=measure, title="")
    assert words.said(Interval(*found), key).replace("\u00a0", " ") == told
    assert words.said_between(Interval(*found), key).replace("\u00a0", " ") == between


def test_terminal_and_page_say_the_same(made, capsys):
    from rich.console import Console

    from noroshi.run.reports.command import show

    _, folder, told = made
    show(told, Console(width=200))
    shown, text = capsys.readouterr().out, (folder / "report.html").read_text()
    answers = [each for each in told["headline"] if each is not None]
    assert len(answers) == 2
    for each in answers:
        assert each["interval_told"] in shown
        assert f"{each['interval_told']}, {each['value']['n_both']} pairs" in text
        assert not re.search(r"[−+-]\d", each["difference_told"] + each["interval_told"])


def test_a_difference_in_words():
    key = Key(measure="time_to_firm_track_s", title="")
    assert (words.side(-3.0, key), words.side(3.0, key)) == ("sooner", "later")
    assert words.turned(Interval(-3.0, -5.0, -1.0)) == (3.0, 1.0, 5.0)
    assert len(THREATS) == 2
