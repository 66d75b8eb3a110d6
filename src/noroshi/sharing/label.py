"""Release labels: whose a record is, who may have it, and what they may do with it.

A label is put on a record at birth. A record without one is released to nobody, a label that cannot be read is an error
and never a permission, and an empty `releasable_to` means nobody: only the token `ALL_PARTNERS` means all.
"""

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from xml.etree import ElementTree as ET

import msgspec
import numpy as np

ALL_PARTNERS = "ALL-PARTNERS"
JOINS = "+"  # between the names of policies whose labels were combined
STANAG_4774 = "urn:nato:stanag:4774:confidentialitymetadatalabel:1:0"
COT_DETAIL = "noroshi_label"


class LabelError(ValueError):
    """Text that is no label."""


class Level(IntEnum):
    """How sensitive, in rising order."""

    UNCLASSIFIED = 0
    RESTRICTED = 1
    CONFIDENTIAL = 2
    SECRET = 3


class Onward(StrEnum):
    """What a recipient may do with it for others."""

    NONE = "none"
    UNMODIFIED = "unmodified"  # pass the originator's signed message on as it is
    DERIVED = "derived"  # pass on what was made of it too


LIBERTY = (Onward.NONE, Onward.UNMODIFIED, Onward.DERIVED)


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One release label.

    Attributes:
        originator: code of the nation that made the record.
        policy: whose words the level and the caveats are.
        level: how sensitive.
        releasable_to: nation codes, sorted; empty is nobody; `ALL_PARTNERS` is every partner of the originator.
        caveats: further restrictions, sorted; each binds by itself.
        onward: what a recipient may do with it for others.
        expires_ns: from when on it permits nothing, Unix UTC nanoseconds; None is never.
    """

    originator: str
    policy: str = "NOROSHI"
    level: str = Level.UNCLASSIFIED.name
    releasable_to: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    onward: Onward = Onward.NONE
    expires_ns: int | None = None

    def __post_init__(self) -> None:
        if not self.originator or not self.policy:
            raise LabelError("a label names its originator and its policy")
        if self.level not in Level.__members__:
            raise LabelError(f"level '{self.level}' is none of {', '.join(Level.__members__)}")
        for name, values in (("releasable_to", self.releasable_to), ("caveats", self.caveats)):
            if list(values) != sorted(set(values)) or "" in values:
                raise LabelError(f"{name} is sorted, without repeats and without empty names; not {list(values)}")
        if ALL_PARTNERS in self.releasable_to and len(self.releasable_to) > 1:
            raise LabelError(f"releasable_to is either {ALL_PARTNERS} or names nations; not both")

    def permits(self, nation: str, now_ns: int) -> bool:
        """Return whether a nation, which must be a partner of the originator, may have the record now."""
        if self.expires_ns is not None and now_ns >= self.expires_ns:
            return False
        return nation in self.releasable_to or ALL_PARTNERS in self.releasable_to


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Label)


def encode(label: Label | None) -> str:
    """Return a label as the text that travels in `Tracks.label`; no label is "", which is released to nobody."""
    return "" if label is None else _ENCODER.encode(label).decode()


def decode(text: str) -> Label | None:
    """Return the label that `encode` made this text of.

    Raises:
        LabelError: if it is anything else, an unknown field included: it may be a restriction.
    """
    if not text:
        return None
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError as error:
        raise LabelError(f"not a release label: {error}") from error


def combine(labels: Sequence[Label | None], *, maker: str) -> Label | None:
    """Return the label of what `maker` made of records with these labels: the most restrictive of all.

    Nobody but the maker gets what has a parent without a label, a parent of another originator that does not allow
    derived records, or parents of different policies, whose levels cannot be compared.

    Raises:
        LabelError: if there are no labels: what was made of nothing has none to inherit.
    """
    if not labels:
        raise LabelError("nothing to combine")
    known = [label for label in labels if label is not None]
    if len(known) < len(labels):
        return None
    policies = sorted({name for label in known for name in label.policy.split(JOINS)})
    barred = len(policies) > 1 or any(
        label.originator != maker and label.onward is not Onward.DERIVED for label in known
    )
    named = [set(label.releasable_to) for label in known if ALL_PARTNERS not in label.releasable_to]
    shared = set.intersection(*named) if named else {ALL_PARTNERS}
    ends = [label.expires_ns for label in known if label.expires_ns is not None]
    return Label(
        originator=maker,
        policy=JOINS.join(policies),
        level=Level(max(Level[label.level] for label in known)).name,
        releasable_to=() if barred else tuple(sorted(shared)),
        caveats=tuple(sorted({caveat for label in known for caveat in label.caveats})),
        onward=min((label.onward for label in known), key=LIBERTY.index),
        expires_ns=min(ends, default=None),
    )


def for_recipient(label: Label, recipient: str) -> Label:
    """Return the label that a recipient is shown: who else may have the record is not its business.

    A recipient that may pass the record on needs to know to whom, and is shown the whole list.
    """
    if label.onward is not Onward.NONE:
        return label
    return msgspec.structs.replace(label, releasable_to=(recipient,))


def stanag_4774(label: Label, *, created_ns: int) -> str:
    """Return the label as XML in the style of STANAG 4774 (ADatP-4774 edition A); its conformance is not claimed.

    Source: element names and namespace as public implementations give them (xmlspif.org, Isode's white paper); the
    standard itself is not openly published.
    """
    root = ET.Element("originatorConfidentialityLabel", {"xmlns": STANAG_4774})
    if label.expires_ns is not None:
        root.set("ReviewDateTime", _utc(label.expires_ns))
    inside = ET.SubElement(root, "ConfidentialityInformation")
    ET.SubElement(inside, "PolicyIdentifier").text = label.policy
    ET.SubElement(inside, "Classification").text = label.level
    for kind, tag, values in (
        ("PERMISSIVE", "Releasable to", label.releasable_to),
        ("RESTRICTIVE", "Caveats", label.caveats),
        ("INFORMATIVE", "Onward", (label.onward.value,)),
    ):
        # an empty permissive category is written too: left out, it would read as "no restriction"
        if values or kind == "PERMISSIVE":
            category = ET.SubElement(inside, "Category", {"Type": kind, "TagName": tag})
            for value in values:
                ET.SubElement(category, "GenericValue").text = value
    ET.SubElement(root, "OriginatorID", {"IDType": "uniformResourceName"}).text = f"urn:noroshi:{label.originator}"
    ET.SubElement(root, "CreationDateTime").text = _utc(created_ns)
    return ET.tostring(root, encoding="unicode")


def cot_attributes(label: Label) -> dict[str, str]:
    """Return the attributes `access`, `caveat` and `releasableTo` of a Cursor on Target event."""
    return {
        "access": label.level,
        "caveat": ",".join(label.caveats),
        "releasableTo": ",".join(label.releasable_to),
    }


def cot_detail(label: Label) -> ET.Element:
    """Return the whole label as an element for a Cursor on Target event's `detail`.

    TAK's protobuf converters drop the event's own attributes `caveat` and `releasableTo` in silence; unknown elements
    of the detail survive them.
    """
    return ET.Element(COT_DETAIL, {"label": encode(label)})


def label_of_cot_detail(detail: ET.Element) -> Label | None:
    """Return the label in a Cursor on Target event's `detail`, None if there is none.

    Raises:
        LabelError: if there is one that cannot be read.
    """
    found = detail.find(COT_DETAIL)
    return None if found is None else decode(found.get("label", ""))


def tlp(label: Label | None) -> str:
    """Return the Traffic Light Protocol 2.0 marking that people are shown; it enforces nothing, and is never CLEAR.

    Source: FIRST, Traffic Light Protocol version 2.0 (2022). RED is for the named individuals, AMBER+STRICT for the
    recipient's organisation, AMBER for its clients too, GREEN for the community.
    """
    if label is None or not label.releasable_to:
        return "TLP:RED"
    if label.onward is Onward.NONE:
        return "TLP:AMBER+STRICT"
    return "TLP:GREEN" if ALL_PARTNERS in label.releasable_to else "TLP:AMBER"


def _utc(time_ns: int) -> str:
    return f"{np.datetime_as_string(np.datetime64(time_ns, 'ns'), unit='s')}Z"
