"""HTML and SVG that cannot be broken by what is written into it: whatever is not made here is text, and escaped."""

from collections.abc import Sequence
from html import escape

VOID = frozenset({"br", "meta", "hr", "wbr"})


class Html(str):
    """Markup that was made by `tag`; plain strings are text."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: object) -> Html:
    """Return an element.

    Args:
        name: of the element.
        children: markup as it is; text is escaped.
        attributes: None and False leave one away; "_" is dropped at the end and else becomes "-": `class_`.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{told}>") if name in VOID else Html(f"<{name}{told}>{joined(*children)}</{name}>")


def joined(*children: str) -> Html:
    """Return markup and escaped text, one after the other."""
    return Html("".join(child if isinstance(child, Html) else escape(child, quote=False) for child in children))


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, class_: str = "", numbers: int = 99) -> Html:
    """Return a table.

    Args:
        head: names of its columns.
        rows: cells, each as wide as the head.
        class_: of the table.
        numbers: from which column on cells are numbers, set to the right.
    """
    cells = tuple(None if i < numbers else "n" for i in range(len(head)))
    top = tag("tr", *(tag("th", name, scope="col", class_=kind) for name, kind in zip(head, cells, strict=True)))
    body = (tag("tr", *(tag("td", cell, class_=kind) for cell, kind in zip(row, cells, strict=True))) for row in rows)
    return tag("div", tag("table", tag("thead", top), tag("tbody", *body), class_=class_ or None), class_="wide")
