"""Labels: closed unless they open, the most restrictive of all parents, and not lost in conversion."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noroshi.sharing import label as labels
from noroshi.sharing.label import ALL_PARTNERS, Label, LabelError, Level, Onward, combine, decode, encode, tlp

NATIONS = ("AUS", "GBR", "KOR", "USA")


@st.composite
def any_label(draw, originator=None):
    to = draw(st.one_of(st.just((ALL_PARTNERS,)), st.sets(st.sampled_from(NATIONS)).map(sorted).map(tuple)))
    return Label(
        originator=originator or draw(st.sampled_from(("JPN", "USA"))),
        policy=draw(st.sampled_from(("NOROSHI", "OTHER"))),
        level=draw(st.sampled_from(list(Level.__members__))),
        releasable_to=to,
        caveats=tuple(sorted(draw(st.sets(st.sampled_from(("EYES", "EXERCISE", "ORCON")))))),
        onward=draw(st.sampled_from(Onward)),
        expires_ns=draw(st.one_of(st.none(), st.integers(0, 100))),
    )


@given(any_label())
def test_text_gives_the_label_back(label):
    assert decode(encode(label)) == label
    assert decode("") is None


@pytest.mark.parametrize(
    "text",
    [
        "JPN",
        "{}",
        '{"originator":"JPN","level":"COSMIC"}',
        '{"originator":"JPN","releasable_to":["USA","AUS"]}',
        '{"originator":"JPN","releasable_to":["ALL-PARTNERS","USA"]}',
        '{"originator":"JPN","releasable_to":"ALL-PARTNERS"}',
        '{"originator":"JPN","a_restriction_of_tomorrow":true}',
    ],
)
def test_text_that_is_no_label_is_an_error_and_no_permission(text):
    with pytest.raises(LabelError):
        decode(text)


@given(st.lists(st.one_of(st.none(), any_label()), min_size=1, max_size=4), st.integers(0, 100))
def test_a_combination_permits_nobody_whom_one_parent_does_not(parents, now_ns):
    made = combine(parents, maker="JPN")
    for nation in NATIONS:
        if made is not None and made.permits(nation, now_ns):
            assert all(parent is not None and parent.permits(nation, now_ns) for parent in parents)
            assert all(p.originator == "JPN" or p.onward is Onward.DERIVED for p in parents)
    if made is not None:
        assert all(Level[made.level] >= Level[parent.level] for parent in parents)
        assert all(set(made.caveats) >= set(parent.caveats) for parent in parents)


@given(st.permutations(["a", "b", "c"]), st.tuples(any_label("JPN"), any_label("JPN"), any_label("JPN")))
def test_a_combination_does_not_depend_on_order_or_grouping(order, three):
    by_name = dict(zip("abc", three, strict=True))
    one_by_one = combine([by_name[order[0]]], maker="JPN")
    for name in order[1:]:
        one_by_one = combine([one_by_one, by_name[name]], maker="JPN")
    assert one_by_one == combine(three, maker="JPN")


def test_what_comes_from_another_is_not_passed_on_unless_its_originator_said_so():
    own = Label(originator="JPN", releasable_to=(ALL_PARTNERS,))
    theirs = Label(originator="USA", releasable_to=("JPN", "KOR"))
    assert combine([own, theirs], maker="JPN").releasable_to == ()
    free = Label(originator="USA", releasable_to=("JPN", "KOR"), onward=Onward.DERIVED)
    assert combine([own, free], maker="JPN").releasable_to == ("JPN", "KOR")


def test_a_recipient_is_not_shown_who_else_gets_it():
    label = Label(originator="JPN", releasable_to=("AUS", "KOR", "USA"))
    assert labels.for_recipient(label, "KOR").releasable_to == ("KOR",)


def test_stanag_4774_has_the_elements_of_public_examples():
    """Element names, order and namespace as in the examples of xmlspif.org and nmbs."""
    label = Label(originator="JPN", level="RESTRICTED", releasable_to=("KOR", "USA"), caveats=("EXERCISE",))
    root = ET.fromstring(labels.stanag_4774(label, created_ns=1_893_456_000_000_000_000))
    space = {"s": "urn:nato:stanag:4774:confidentialitymetadatalabel:1:0"}
    assert root.tag == f"{{{space['s']}}}originatorConfidentialityLabel"
    inside = root.find("s:ConfidentialityInformation", space)
    assert inside.findtext("s:PolicyIdentifier", namespaces=space) == "NOROSHI"
    assert inside.findtext("s:Classification", namespaces=space) == "RESTRICTED"
    permissive = inside.find("s:Category[@Type='PERMISSIVE']", space)
    assert [value.text for value in permissive.findall("s:GenericValue", space)] == ["KOR", "USA"]
    assert root.findtext("s:CreationDateTime", namespaces=space) == "2030-01-01T00:00:00Z"


def test_stanag_4774_says_nobody_where_nobody_is_meant():
    root = ET.fromstring(labels.stanag_4774(Label(originator="JPN"), created_ns=0))
    assert root.find(".//*[@Type='PERMISSIVE']") is not None
    assert not list(root.find(".//*[@Type='PERMISSIVE']"))


@pytest.mark.parametrize(
    ("label", "marking"),
    [
        (None, "TLP:RED"),
        (Label(originator="JPN"), "TLP:RED"),
        (Label(originator="JPN", releasable_to=("USA",)), "TLP:AMBER+STRICT"),
        (Label(originator="JPN", releasable_to=(ALL_PARTNERS,)), "TLP:AMBER+STRICT"),
        (Label(originator="JPN", releasable_to=("USA",), onward=Onward.UNMODIFIED), "TLP:AMBER"),
        (Label(originator="JPN", releasable_to=(ALL_PARTNERS,), onward=Onward.DERIVED), "TLP:GREEN"),
    ],
)
def test_tlp_is_never_laxer_than_the_label(label, marking):
    assert tlp(label) == marking
