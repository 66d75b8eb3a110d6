"""What alerts say: in each language, at each stage, never mixing up what is predicted, observed and lost."""

import re
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from alert_scenes import EXERCISE, JST, MINUTE_NS, SENT_NS, alert_of, wordings_of

from noroshi.formats import FormatError
from noroshi.formats.alerting import HEADLINE_CHARS_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX, ExerciseWording, plain
from noroshi.formats.wording import BASES, BASIS, CASES, Zone, exercise_wording, language_of
from noroshi.records import Alert, Certainty, Stage
from noroshi.run.alerts import AlertError
from noroshi.run.alerts.languages import SHIPPED, language_names, load_language, zone_at

MARKS = {"en": "EXERCISE", "ja": "訓練"}
STAGES = [
    (hazard, Stage[stage.upper()])
    for hazard, stages in CASES.items()
    if hazard not in ("cancel", "end")
    for stage in stages
]
every_language = pytest.mark.parametrize("language", language_names())


def said_of(language, **changes):
    alert = alert_of(**changes)
    return exercise_wording(alert, load_language(language), JST, exercise=EXERCISE)


def certainty_of(stage):
    return Certainty.OBSERVED if BASIS.get(stage) == "observed" else Certainty.LIKELY


def test_english_and_japanese_are_shipped():
    assert set(language_names()) >= set(MARKS)


@every_language
@pytest.mark.parametrize(("hazard", "stage"), STAGES, ids=lambda value: getattr(value, "name", value))
@pytest.mark.parametrize("message", ["Alert", "Update"])
def test_each_stage_says_what_it_rests_on_and_nothing_else(language, hazard, stage, message):
    references = ("JPN-1",) if message == "Update" else ()
    said = said_of(
        language, hazard=hazard, stage=int(stage), certainty=int(certainty_of(stage)), message=message,
        references=references,
    )  # fmt: skip
    phrases = load_language(language).phrases
    found = [basis for basis in BASES if phrases[basis] in said.description]
    assert found == ([BASIS[stage]] if stage in BASIS and hazard != "sensor" else [])
    assert (phrases["update"] in said.headline) == (message == "Update")
    for text in (said.event, said.headline, said.description, said.instruction):
        assert text.startswith(MARKS.get(language, said.mark))
    assert len(said.headline) <= HEADLINE_CHARS_MAX


@every_language
def test_what_is_predicted_never_says_that_it_happened(language):
    """The words of the observed and the lost are in none of the predicted texts, the update's reason aside."""
    phrases = load_language(language).phrases
    happened = [phrases["observed"], phrases["lost"], load_language(language).certainty["observed"]]
    happened += {"en": [" has passed", " came down", "no longer", "was seen"],
                 "ja": ["確認しました", "通過しました", "落下しました", "見失い"]}.get(language, [])  # fmt: skip
    for hazard, stage in STAGES:
        if BASIS.get(stage) == "predicted":
            said = said_of(language, hazard=hazard, stage=int(stage), certainty=int(Certainty.OBSERVED))
            assert not [word for word in happened if word in said.description + said.headline], (hazard, stage)


@every_language
def test_a_lost_track_neither_passed_nor_is_over(language):
    said = said_of(language, stage=int(Stage.TRACK_LOST))
    text = load_language(language)
    assert text.phrases["observed"] not in said.description
    assert text.certainty["observed"] not in said.description
    ended = said_of(language, stage=int(Stage.TRACK_LOST), message="Cancel", references=("JPN-1",))
    assert text.phrases["lost"] in ended.description
    assert text.phrases["observed"] not in ended.description


@pytest.mark.parametrize("stage", [Stage.PASSED, Stage.LANDED])
@pytest.mark.parametrize("message", ["Alert", "Cancel"])
def test_nothing_has_passed_or_landed_that_nobody_saw(stage, message):
    references = () if message == "Alert" else ("JPN-1",)
    with pytest.raises(ValueError, match="without its having been observed"):
        said_of("en", stage=int(stage), certainty=int(Certainty.LIKELY), message=message, references=references)


@every_language
@pytest.mark.parametrize("case", CASES["cancel"])
def test_each_cancel_says_that_it_is_over(language, case):
    stage = Stage.WILL_PASS if case == "other" else Stage[case.upper()]
    said = said_of(
        language, stage=int(stage), certainty=int(certainty_of(stage)), message="Cancel", references=("JPN-1",)
    )
    assert load_language(language).instructions["all_clear"] in said.instruction
    assert load_language(language).phrases["predicted"] not in said.description


@every_language
@pytest.mark.parametrize("hazard", ["aircraft", "ship", "sensor"])
@pytest.mark.parametrize("stage", Stage)
def test_what_was_no_missile_ends_without_a_word_of_one(language, hazard, stage):
    said = said_of(
        language, hazard=hazard, stage=int(stage), certainty=int(Certainty.OBSERVED), message="Cancel",
        references=("JPN-1",),
    )  # fmt: skip
    text = load_language(language)
    assert text.events[hazard] in said.headline
    assert text.events["missile"] not in said.headline + said.description + said.instruction
    assert text.instructions["listen"] in said.instruction


@every_language
def test_a_missile_tells_people_what_public_guidance_tells_them(language):
    """Sturdy building or underground; else cover or face down; away from windows: kokuminhogo.go.jp, 2017 and after."""
    wanted = {
        "en": ["sturdy building", "underground", "face down", "cover your head", "away from windows"],
        "ja": ["頑丈な建物", "地下", "地面に伏せて頭部を守って", "物陰に身を隠す", "窓から離れる"],
    }
    for stage in (Stage.LAUNCH_DETECTED, Stage.BOOSTING, Stage.BALLISTIC, Stage.GLIDING, Stage.WILL_PASS):
        said = said_of(language, stage=int(stage))
        for words in wanted.get(language, []):
            assert words in said.instruction


def test_times_are_local_and_utc_and_rounded_outwards():
    said = said_of("en", arrival_ns=SENT_NS + np.array([5, 6]) * MINUTE_NS)
    assert "between 09:05 and 09:09 JST (00:05 and 00:09 UTC)" in said.headline
    local = np.datetime64(SENT_NS + 5 * MINUTE_NS, "ns").astype("M8[s]").item().replace(tzinfo=ZoneInfo("UTC"))
    assert local.astimezone(ZoneInfo("Asia/Tokyo")).strftime("%H:%M") == "09:05"
    one = {name: getattr(alert_of(), name)[:1] for name in Alert.COLUMNS}
    one |= {"arrival_ns": np.array([SENT_NS]), "arrival_latest_ns": np.array([SENT_NS])}
    assert "about 09:00 JST (00:00 UTC)" in said_of("en", **one).headline
    unknown = {"arrival_ns": np.zeros(2, np.int64), "arrival_latest_ns": np.zeros(2, np.int64)}
    assert "a time not known yet" in said_of("en", **unknown).description


@pytest.mark.parametrize(
    ("place", "day_ns", "name", "hours"),
    [("Asia/Tokyo", SENT_NS, "JST", 9), ("Australia/Sydney", SENT_NS, "AEDT", 11),
     ("Australia/Sydney", SENT_NS + 180 * 1440 * MINUTE_NS, "AEST", 10), ("Pacific/Guam", SENT_NS, "ChST", 10)],
)  # fmt: skip
def test_local_time_is_that_of_the_day(place, day_ns, name, hours):
    assert zone_at(place, day_ns) == Zone(name=name, offset_s=hours * 3600)


def test_an_unknown_zone_is_told_in_one_line():
    with pytest.raises(AlertError, match="'Asia/Nowhere' is not known"):
        zone_at("Asia/Nowhere", 0)


def test_areas_are_named_in_the_readers_language_and_many_are_bounded():
    n = 60
    many = {
        "code": np.array([f"JP-{k % 47 + 1:02d}" for k in range(n)]),
        "name": np.array([f"Area {k}" for k in range(n)]),
        "probability": np.linspace(1, 0, n),
        "people": np.full(n, np.nan),
        "arrival_ns": np.full(n, SENT_NS),
        "arrival_latest_ns": np.full(n, SENT_NS),
    }
    english, japanese = wordings_of(alert_of(**many))
    assert "Area 0, Area 1, Area 2, 57 more areas" in english.headline
    assert "48 more areas" in english.description
    assert japanese.areas[1] == "青森県"
    assert len(english.areas) == n


HOSTILE = [
    "</areaDesc><script>alert(1)</script>",
    "]]><!--",
    "&bogus;$areas${mark}%s{0}",
    "\u202eedispu\u2066x\u2069",
    "a\x00b\x1bc\ud800\ufffe",
    "x" * 10_000,
    "\u0000" * 10_000,
    "line\r\nbreak\u2028and\u2029more",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_are_text_on_one_line_and_bounded(name):
    said = said_of("en", code=np.array(["X-1", "X-2"]), name=np.array([name, "Aomori"]), reason=name * 3,
                   message="Update", references=("JPN-1",))  # fmt: skip
    for text in (said.headline, said.description, said.instruction, *said.areas):
        assert not re.search("[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe]", text)
        assert 0 < len(text) <= TEXT_CHARS_MAX
    assert len(said.areas[0]) <= NAME_CHARS_MAX
    if "$areas" in name:
        assert name in said.areas[0]  # it is not looked into for what could be put in


def update_of(before, **changes):
    return alert_of(identifier="JPN-2", message="Update", references=(before.identifier,), **changes)


def rows_of(alert, rows):
    return {name: getattr(alert, name)[rows] for name in Alert.COLUMNS}


@pytest.mark.parametrize(
    ("changes", "english", "japanese"),
    [
        ({"stage": int(Stage.TRACK_LOST), "certainty": 1}, "the track was lost.", "追尾できなくなりました"),
        ({"arrival_ns": SENT_NS + np.array([8, 9]) * MINUTE_NS}, "the times have changed.", "時刻が変わりました"),
        ({}, "two satellites see it.", "内容の更新"),
    ],
)
def test_what_an_update_changes_is_said_in_each_language(changes, english, japanese):
    before = alert_of()
    after = update_of(before, **changes)
    texts = [
        exercise_wording(after, load_language(name), JST, exercise=EXERCISE, before=[before]) for name in ("en", "ja")
    ]
    assert f"What has changed: {english}" in texts[0].description
    assert f"変更点:{japanese}。" in texts[1].description
    assert [text.lifted for text in texts] == [None, None]
    for word in ("satellite", "track was"):
        assert word not in texts[1].description


def test_who_is_told_no_more_is_told_so():
    before, only = alert_of(), rows_of(alert_of(), [1])
    after = update_of(before, **only)
    english, japanese = (
        exercise_wording(after, load_language(name), JST, exercise=EXERCISE, before=[before]) for name in ("en", "ja")
    )
    assert "areas are not concerned any more: Aomori." in english.description
    assert "対象から外れた地域は青森県。" in japanese.description
    assert (english.lifted.codes, english.lifted.areas, japanese.lifted.areas) == (("JP-02",), ("Aomori",), ("青森県",))
    assert english.lifted.headline == "EXERCISE: ALL CLEAR for Aomori"
    assert english.lifted.description == (
        "EXERCISE: The warning (missile) is over for Aomori. It is not expected there any more. "
        f"This is part of exercise {EXERCISE}. Nothing of this is really happening."
    )
    assert english.lifted.instruction.startswith("EXERCISE: You can leave cover.")
    assert japanese.lifted.headline == "訓練:解除:青森県"
    cancel = alert_of(identifier="JPN-3", message="Cancel", references=("JPN-1",), **only)
    assert exercise_wording(cancel, load_language("en"), JST, exercise=EXERCISE, before=[before]).lifted is None


def test_an_update_of_two_lifts_what_either_told():
    first, second = (alert_of(identifier=f"JPN-{row}", **rows_of(alert_of(), [row])) for row in (0, 1))
    other = {name: column[:1] for name, column in rows_of(alert_of(), [0, 1]).items()} | {"code": np.array(["JP-03"])}
    after = alert_of(identifier="JPN-9", message="Update", references=("JPN-0", "JPN-1"), **other)
    said = exercise_wording(after, load_language("en"), JST, exercise=EXERCISE, before=[first, second])
    assert said.lifted.codes == ("JP-02", "JP-01")


def test_a_text_is_cut_with_a_sign_of_it():
    assert plain("abc", 3) == "abc"
    assert plain("abcd", 3) == "ab…"
    assert plain("a" + "\x00" * 100 + "b", 3).endswith("…")
    assert plain("  a \n b ", 10) == "a b"


def test_a_wording_without_its_mark_is_none():
    good = {"language": "en", "mark": "EXERCISE", "event": "EXERCISE", "headline": "EXERCISE a",
            "description": "EXERCISE b", "instruction": "EXERCISE c", "areas": ()}  # fmt: skip
    ExerciseWording(**good)
    for name in ("event", "headline", "description", "instruction"):
        with pytest.raises(ValueError, match=f"the {name} of an exercise begins"):
            ExerciseWording(**good | {name: "Missile launched"})
    with pytest.raises(ValueError, match="say how it marks"):
        ExerciseWording(**good | {"mark": " "})


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('language = "en"', "", "language is missing"),
        ('exercise = "EXERCISE"', "exercise = 3", "exercise is a text"),
        ('comma = ", "', "", "phrases.comma is missing"),
        ('comma = ", "', 'comma = ", "\nkomma = ""', "'phrases.komma' means nothing here"),
        ("[missile.will_pass]", "[missile.will_fly]", "will_pass is missing"),
        ('do = "listen"', 'do = "run"', "there is no instruction 'run'"),
        ("over $areas, $when", "over $places, $when", "\\$places is none of"),
        ("[events]", "[event]", "events is missing"),
        ('language = "en"', 'language = "en', "not TOML"),
        ('language = "en"', 'language = "en"\ncolour = "red"', "'colour' means nothing here"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(old, new, complaint):
    text = (SHIPPED / "en.toml").read_text("utf-8")
    assert old in text
    with pytest.raises(FormatError, match=complaint) as found:
        language_of(text.replace(old, new, 1), "mine.toml")
    assert str(found.value).startswith("mine.toml: ")
    assert "\n" not in str(found.value)


def test_a_language_of_ones_own_is_one_file(tmp_path):
    text = (SHIPPED / "en.toml").read_text("utf-8")
    path = tmp_path / "kr.toml"
    path.write_text(text.replace('language = "en"', 'language = "ko"').replace('"EXERCISE"', '"훈련 EXERCISE"'))
    said = exercise_wording(alert_of(), load_language(str(path)), JST, exercise=EXERCISE)
    assert said.headline.startswith("훈련 EXERCISE: Missile")
    with pytest.raises(AlertError, match="no language 'xx': name a TOML file, or one of en, ja"):
        load_language("xx")
