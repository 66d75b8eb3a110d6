"""A journal, and the exercise that wrote it, to pages: the same picture at the same time, to each what is theirs."""

import itertools
import json
import time

import pytest
from web_scenes import SECOND, SECRET_ICAO, SECRET_SIGN, page, ran, replayed_of, stripped

from noroshi.run.web import wire
from noroshi.run.web.app import Pages

START_MS = 1_893_456_000_000


@pytest.fixture(scope="module")
def pages():
    served = Pages(replayed_of(), "127.0.0.1:0")
    yield served
    served.close()


def test_a_replay_shows_to_the_byte_what_was_shown_while_it_ran():
    for code in ("ONE", "TWO"):
        live, again = ran()[1].film.reel(code), replayed_of(code).film.reel(code)
        moments = {moment.time_ns: moment for moment in live}
        assert len(moments) == 31
        n_tracks = 0
        for moment in again:
            assert stripped(moment.read()) == stripped(moments[moment.time_ns].read())
            n_tracks = max(n_tracks, moment.n_tracks)
            for kind in ("sources", "sensors", "links"):
                assert moment.text(kind) == moments[moment.time_ns].text(kind)
        assert n_tracks >= 2


def test_a_page_is_told_all_before_its_first_frame(pages):
    with page(pages) as one:
        header, _ = one.frame()
        kinds = [text["type"] for text in one.texts]
        assert kinds[:2] == ["hello", "clock"]
        assert {"sources", "sensors", "satellites", "links", "threats", "alerts", "areas", "names", "events"} <= set(
            kinds
        )
        hello = one.texts[0]
        assert (hello["exercise"], hello["mode"], hello["view"]) == ("Two", "replay", "ONE")
        assert header.flags == wire.EXERCISE | wire.REPLAY


def test_a_typed_time_shows_that_time(pages):
    live = ran()[1].film.reel("ONE")
    with page(pages) as one:
        one.say("pause")
        for second in (20, 7, 25):
            n = one.say("seek", time_ms=START_MS + second * 1000 + 400)
            clock = one.text("clock", n=n)
            assert clock["jumped"]
            assert (clock["at_ms"], clock["picture_ms"]) == (START_MS + second * 1000 + 400, START_MS + second * 1000)
            one.frame(lambda header, at_ms=START_MS + second * 1000: header.picture_ms == at_ms)
            shown = live.at((START_MS + second * 1000) * 1_000_000).read()
            assert stripped(one.raw[-1]) == stripped(shown)


def test_faster_backwards_and_step_by_step(pages):
    with page(pages) as one:
        one.say("rate", rate=30)
        one.frame(lambda header: header.picture_ms >= START_MS + 25_000)
        times = [header.picture_ms for header, _ in one.frames]
        assert all(later > earlier for earlier, later in itertools.pairwise(times))
        one.say("rate", rate=-30)
        one.frame(lambda header: header.picture_ms <= START_MS + 5_000)
        one.say("pause")
        n = one.say("seek", time_ms=START_MS + 10_000)
        one.text("clock", n=n)
        n = one.say("step", pictures=-2)
        clock = one.text("clock", n=n)
        assert (clock["picture_ms"], clock["playing"]) == (START_MS + 8_000, False)


def test_names_are_those_that_were_known_then(pages):
    with page(pages) as one:
        one.say("pause")
        n = one.say("seek", time_ms=START_MS + 29_000)
        one.text("clock", n=n)
        header, _ = one.frame(lambda header: header.picture_ms == START_MS + 29_000)
        said = {row[1] for text in one.texts if text["type"] == "names" for row in text["rows"]}
        assert said == {"HIGHONE", SECRET_SIGN}
        one.say("seek", time_ms=0)  # before all: the first that there is
        first, _ = one.frame(lambda header: header.picture_ms < START_MS + 5_000)
        again = [text for text in one.texts if text["type"] == "names"][-1]
        assert again["reset"]
        assert len(again["rows"]) == first.names_count <= header.names_count


def test_what_is_withheld_is_not_on_the_wire(pages):
    with page(pages) as one:
        one.say("pause")
        one.say("seek", time_ms=START_MS + 28_000)
        _, own = one.frame(lambda header: header.picture_ms == START_MS + 28_000)
        secret = {
            row[0] for text in one.texts if text["type"] == "names" for row in text["rows"] if row[1] == SECRET_SIGN
        }
        place = next(i for i, number in enumerate(own["id"].tolist()) if f"{number:016x}" in secret)
        one.say("view_as", view="TWO")
        one.text("hello", view="TWO")
        before = len(one.raw)
        n_texts = len(one.texts)
        header, given = one.frame()
        for second in range(2, 29, 3):
            one.say("seek", time_ms=START_MS + second * 1000)
            one.frame(lambda header, at_ms=START_MS + second * 1000: header.picture_ms == at_ms)
        captured = b"".join(one.raw[before:])
        assert header.n == 1
        assert abs(int(given["lat"][0]) - int(own["lat"][place])) > 1_000_000
        for kept in (SECRET_SIGN, SECRET_ICAO, "ONE-radar", "ONE-reports", *secret):
            assert kept.encode() not in captured
        assert own["id"][place].tobytes() not in captured
        assert own["lat"][place].tobytes() + own["lat"][place].tobytes() not in captured
        assert all(
            text["rows"] == [] for text in one.texts[n_texts:] if text["type"] in ("sensors", "links", "threats")
        )


def test_the_exercise_that_ran_shows_each_nation_its_own():
    served = Pages(ran()[1], "127.0.0.1:0")
    try:
        with page(served) as one:
            hello = one.text("hello")
            assert [(view["key"], view["is_own"]) for view in hello["views"]] == [("ONE", True), ("TWO", True)]
            one.say("follow")
            header, _ = one.frame(lambda header: header.picture_ms == START_MS + 30_000)
            assert header.flags == wire.EXERCISE | wire.LIVE
            one.say("view_as", view="TWO")
            one.text("hello", view="TWO")
            sensors = one.text("sensors")
            assert {row["name"] for row in sensors["rows"]} == {"TWO-radar", "TWO-reports"}
    finally:
        served.close()


def test_a_track_tells_its_story_and_sensors_what_they_reach(pages):
    with page(pages) as one:
        one.say("pause")
        one.say("seek", time_ms=START_MS + 20_000)
        _, columns = one.frame(lambda header: header.picture_ms == START_MS + 20_000)
        number = f"{int(columns['id'][0]):016x}"
        told = one.text("story", n=one.say("story", id=number))
        assert told["known"]
        assert len(told["history"]) >= 15
        assert max(row[0] for row in told["history"]) <= START_MS + 20_000
        assert {row["nation"] for row in told["nations"]} <= {"ONE", "TWO"}
        whole = one.text("story", 60.0, n=one.n)
        assert whole["history"] == told["history"]
        assert {row["sensor"] for row in whole["detections"]} <= {"ONE-radar", "ONE-reports"}
        assert len(whole["detections"]) >= 15
        assert max(row["time_ms"] for row in whole["detections"]) <= START_MS + 20_000
        assert set(whole["models"][-1][1]) == {"constant_velocity", "left_turn", "right_turn"}
        assert [(row["to"], row["outcome"]) for row in whole["releases"]] in (
            [("TWO", "released")], [("TWO", "dropped by a rule")], [("TWO", "dropped")],
        )  # fmt: skip
        assert not one.text("story", n=one.say("story", id="00000000deadbeef"))["known"]
        reached = one.text("coverage", n=one.say("coverage", height_m=9000))
        (radar,) = [row for row in reached["rows"] if row["name"] == "ONE-radar"]
        lat_deg = [lat for lat, _ in radar["rings_deg"][0]]
        assert 35.76 + 2.5 < max(lat_deg) < 35.76 + 4.0  # 400 km, or the horizon of 9 km


def test_a_seek_is_answered_at_once(pages):
    with page(pages) as one:
        one.frame()
        since = time.monotonic()
        for second in (29, 3, 17, 17):
            one.say("seek", time_ms=START_MS + second * 1000)
            one.frame(lambda header, at_ms=START_MS + second * 1000: header.picture_ms == at_ms)
        assert time.monotonic() - since < 3.0


def test_the_moment_can_be_taken_away(pages):
    import urllib.request

    for form, media in (("geojson", "application/geo+json"), ("czml", "application/json"), ("csv", "text/csv")):
        asked = f"{pages.url}v1/tracks.{form}?time_ms={START_MS + 20_000}"
        with urllib.request.urlopen(asked, timeout=10) as answer:
            body = answer.read()
            assert answer.headers["Content-Type"].startswith(media)
            assert "EXERCISE" in answer.headers["Content-Disposition"]
            assert b"HIGHONE" in body
            assert b"EXERCISE Two" in body or form == "czml"
    with urllib.request.urlopen(f"{pages.url}v1/tracks.geojson?view=TWO", timeout=10) as answer:
        body = answer.read()
        assert SECRET_SIGN.encode() not in body
        assert len(json.loads(body)["features"]) == 1


def test_the_exercise_is_of_whole_seconds():
    assert [moment.time_ns % SECOND for moment in ran()[1].film.reel("ONE")] == [0] * 31
