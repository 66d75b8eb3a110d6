"""Events: files with one clear error each, and predictions that follow from what was published."""

import re
from pathlib import Path

import numpy as np
import pytest

from noroshi.exercise.events import EventError, flights_of_event, parse, predict
from noroshi.geo.great_circle import distance_and_bearing
from noroshi.geo.time import iso_from_utc_ns
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.run.events import SHIPPED, event_names, load_event

GOOD = (SHIPPED / "2017-09-15.toml").read_text("utf-8")
FLOWN = [name for name in event_names() if load_event(name).tier != "timeline"]


def test_the_shipped_events_are_there_and_of_all_tiers_and_classes():
    events = [load_event(name) for name in event_names()]
    assert len(events) >= 18
    assert {event.tier for event in events} == {"fitted", "truncated", "timeline"}
    assert {event.flight_class for event in events} == {"ballistic", "ascent", "failure"}
    for name, event in zip(event_names(), events, strict=True):
        assert event.name == name
        assert set(event.sources) == {
            one.source
            for one in (*event.launch, event.site, *event.figures, *event.passages, *event.impacts, *(event.told or ()))
        }, f"{name}: a source that says nothing"


def test_each_figure_keeps_its_source_and_the_one_in_use_is_named():
    event = load_event("2022-10-04")
    said = {(figure.what, figure.value): figure.used for figure in event.figures}
    assert said["range_km", 4600.0]
    assert said["apogee_km", 1000.0]
    assert not said["range_km", 4500.0]
    assert not said["apogee_km", 970.0]
    assert iso_from_utc_ns(event.launch_ns) == "2022-10-03T22:22:00Z"
    assert "Joint Chiefs" in event.sources["jcs"]
    assert load_event("2017-09-15").figure("apogee_km").value == 800.0


@pytest.mark.parametrize("name", FLOWN)
def test_every_event_that_can_be_flown_flies_through_its_figures(name):
    event = load_event(name)
    flights = flights_of_event(event)
    assert flights[0].time_ns[0] == event.launch_ns
    assert flights[0].name == name
    if not event.as_flown:
        return
    flight = next(flight for flight in flights if flight.name == f"{name} {event.figures_of}".strip())
    lat, lon, height = geodetic_from_ecef(flight.state_ecef[:, :3])
    site = np.radians([event.site.lat_deg, event.site.lon_deg])
    distance, bearing = distance_and_bearing(*site, lat[-1], lon[-1])
    assert distance / 1e3 == pytest.approx(event.figure("range_km").value, rel=1e-5)
    assert height.max() / 1e3 == pytest.approx(event.figure("apogee_km").value, rel=1e-4)
    turned = np.degrees(bearing) - event.figure("bearing_deg").value
    if event.mover().bearing_of == "impact":
        assert turned == pytest.approx(0.0, abs=0.01)
    else:  # north of the equator the Earth turns it to the right
        assert 2.0 < turned < 4.0


# Source: as the events' files say: Cape Erimo from 700 km above it; the prefecture of Aomori, 40.20 to 41.56 N.
@pytest.mark.parametrize(
    ("name", "place_deg", "within_km"),
    [("2017-09-15", (41.925, 143.25), 20.0), ("2022-10-04", (40.88, 140.9), 75.0)],
)
def test_a_bearing_that_is_of_the_launch_leads_over_whom_it_passed(name, place_deg, within_km):
    flight = flights_of_event(load_event(name))[0]
    lat, lon, _ = geodetic_from_ecef(flight.state_ecef[:2_000, :3])
    away_m, _ = distance_and_bearing(*np.radians(place_deg), lat, lon)
    assert away_m.min() < within_km * 1e3


# Source: UCS, Reuters, KCNA and the Japanese Ministry of Defense, as the events' files say: published minutes.
@pytest.mark.parametrize(
    ("name", "minutes"), [("2017-11-29", 53.0), ("2022-11-18", 4135 / 60), ("2023-07-12", 4491 / 60)]
)
def test_lofted_flights_take_as_long_as_was_published(name, minutes):
    (time_of,) = {row.predicted for row in predict(load_event(name)).compared if row.what == "flight time"}
    assert time_of == pytest.approx(minutes, abs=1.0)


def test_a_prediction_tells_what_it_was_given_and_what_it_foretells():
    found = predict(load_event("2022-10-04"), replicates=4)
    roles = {(row.what, row.published): row.role for row in found.compared}
    assert roles["range", 4600.0] == "fitted to"
    assert roles["range", 4500.0] == "not used"
    assert roles["flight time", 22.0] == "predicted"
    assert not any(what == "bearing" for what, _ in roles), "an azimuth is given; nobody published what became of it"
    for row in found.compared:
        assert row.spread[0] <= row.predicted <= row.spread[1]
    again = predict(load_event("2022-10-04"), replicates=4)
    assert found.compared == again.compared
    assert predict(load_event("2022-10-04"), replicates=4, seed=2).compared != found.compared


def test_a_timeline_is_not_flown():
    with pytest.raises(ValueError, match="timeline"):
        flights_of_event(load_event("2023-04-13"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('tier = "fitted"', 'tier = "guessed"', "tier: Input should be 'fitted', 'truncated' or 'timeline'"),
        ('what = "range_km"', 'what = "range_miles"', "figures.0.what"),
        ('source = "mod17"', 'source = "nobody"', "source 'nobody' is not among"),
        ("value = 770.0", "value = 770.0\nused = true", "exactly one figure of apogee_km must say used = true; 2 do"),
        ("value = 3700.0", 'value = "far"', "figures.0.value"),
        ("at = 2017-09-14T21:57:00Z", "at = 2017-09-14T21:57:00", "end it in Z"),
        ("burn_time_s", "burn_seconds", "boost: burn_seconds: Extra inputs are not permitted"),
        ("lat_deg = 39.200159", "lat_deg = 139.200159", "site.lat_deg"),
        ("value = 3700.0", "value = 3700.0\nwhy = 1", "figures.0.why"),
        ("[boost]", "[boost", "not TOML"),
        ("title =", "titel =", "title: Field required (1 more after it)"),
    ],
)  # fmt: skip
def test_a_wrong_file_says_where_and_what_in_one_line(old, new, words):
    assert old in GOOD
    with pytest.raises(EventError, match=re.escape(words)) as error:
        parse(GOOD.replace(old, new, 1), "mine.toml")
    assert str(error.value).startswith("mine.toml: ")
    assert "\n" not in str(error.value)


def test_no_line_left_out_or_spoilt_is_more_than_one_clear_error():
    lines, said = GOOD.splitlines(), list[str]()
    for number, line in enumerate(lines):
        for instead in ([], [line.replace("=", "= =", 1)], [f"{line} 7"], [re.sub(r"\d", "x", line)], [line, line]):
            try:
                parse("\n".join([*lines[:number], *instead, *lines[number + 1 :]]), "mine.toml")
            except EventError as error:
                said.append(str(error))
    assert len(said) > 150
    assert [one for one in said if not re.fullmatch(r"mine\.toml: \S.+", one)] == []


def test_the_event_of_the_documentation_is_one():
    page = (Path(__file__).resolve().parents[2] / "docs/adding.md").read_text()
    text = re.search(r"<!-- file: src/noroshi/data/events/made_up.toml -->\n```toml\n(.*?)```", page, re.DOTALL)[1]
    (row,) = (row for row in predict(parse(text, "made_up.toml"), replicates=2).compared if row.what == "flight time")
    assert row.role == "predicted"
    assert row.predicted == pytest.approx(11.0, abs=1.5)


def test_an_event_of_ones_own_and_one_that_is_not_there(tmp_path):
    (tmp_path / "mine.toml").write_text(GOOD.replace('name = "2017-09-15"', 'name = "mine"'))
    assert load_event(str(tmp_path / "mine.toml")).name == "mine"
    with pytest.raises(EventError, match="no event 'nothing': name a TOML file, or one of 2012-12-12"):
        load_event("nothing")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(EventError, match="not UTF-8"):
        load_event(str(tmp_path / "bad.toml"))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("value = 1500.0", 'value = "far"', ':24: figures[1], value: is "far": it should be a number'),
        ("lat_deg = 45.0", "lat = 45.0", ":13: site, lat: no such key; did you mean 'lat_deg'?"),
        ("used = true", "used = true x", ":20: is not TOML here:"),
    ],
)
def test_what_is_wrong_in_a_file_of_ones_own_is_told_at_its_line(tmp_path, mark, old, new, told):
    page = (Path(__file__).resolve().parents[2] / "docs/adding.md").read_text()
    text = page.partition("src/noroshi/data/events/made_up.toml -->\n```toml\n")[2].partition("```")[0]
    (tmp_path / "mine.toml").write_bytes(mark + text.encode())
    assert load_event(str(tmp_path / "mine.toml")) == parse(text, "")
    assert load_event(str(tmp_path / "mine.toml")).told is None
    (tmp_path / "mine.toml").write_bytes(mark + text.replace(old, new, 1).encode())
    with pytest.raises(EventError) as caught:
        load_event(str(tmp_path / "mine.toml"))
    assert str(caught.value).startswith(f"{tmp_path / 'mine.toml'}{told}")
