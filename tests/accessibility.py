"""What can be said of a page's accessibility without a browser: its structure, its names, and the contrast of its colours.

Rules after WCAG 2.2 (AA) and axe-core's ids; what only a browser knows (what is drawn, what has the focus) is left to axe-core.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from itertools import pairwise

_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_NAMED = ("a", "button", "h1", "h2", "h3", "h4", "th", "summary", "label", "option", "legend", "title")


class _Reader(HTMLParser):
    """Elements with their texts; what is hidden from a screen reader has none."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[dict[str, str]] = []
        self.found: list[dict[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = {name: value or "" for name, value in attrs} | {"": tag, "text": ""}
        element["parents"] = " ".join(parent[""] for parent in self.open)
        self.found.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[""] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(parent.get("aria-hidden") == "true" for parent in self.open):
            for parent in self.open:
                parent["text"] += data


def faults(page: str) -> list[str]:
    """What a page lacks, as ``rule: element``; empty: nothing that can be seen from here."""
    reader = _Reader()
    reader.feed(page)
    elements = reader.found
    return [*_document(elements), *_names(elements), *_fields(elements), *_headings(elements)]


def _of(elements: list[dict[str, str]], *tags: str) -> Iterator[dict[str, str]]:
    return (element for element in elements if element[""] in tags)


def _document(elements: list[dict[str, str]]) -> Iterator[str]:
    if not next(_of(elements, "html")).get("lang"):
        yield "html-has-lang: html"
    if len(list(_of(elements, "main"))) != 1:
        yield "landmark-one-main: main"
    counts = Counter(element["id"] for element in elements if "id" in element)
    yield from (f"duplicate-id: {name}" for name, count in counts.items() if count > 1)
    for element in elements:
        for attribute in ("for", "aria-describedby", "aria-labelledby"):
            yield from (
                f"{attribute} names nothing: {name}"
                for name in element.get(attribute, "").split()
                if name not in counts
            )
        if "scroll" in element.get("class", "").split() and not (
            "tabindex" in element and element.get("role") and element.get("aria-label")
        ):
            yield f"scrollable-region-focusable: {element['']}"


def _names(elements: list[dict[str, str]]) -> Iterator[str]:
    for element in _of(elements, *_NAMED):
        empty = element[""] == "option" and not element.get("value", "x")
        if not (element["text"].strip() or element.get("aria-label") or empty):
            yield f"has no name: {element['']} {element.get('href', '')}"
    yield from ("image-alt: img" for image in _of(elements, "img") if "alt" not in image)
    yield from ("svg-img-alt: svg" for svg in _of(elements, "svg") if not svg.get("aria-label"))
    yield from ("scope: th" for head in _of(elements, "th") if head.get("scope") not in ("col", "row"))


def _fields(elements: list[dict[str, str]]) -> Iterator[str]:
    labelled = {label["for"] for label in _of(elements, "label") if "for" in label}
    for field in _of(elements, "input", "select", "textarea"):
        named = field.get("id") in labelled or field.get("aria-label") or "label" in field["parents"].split()
        if field.get("type") != "hidden" and not named:
            yield f"label: {field['']} {field.get('name', '')}"


def _headings(elements: list[dict[str, str]]) -> Iterator[str]:
    levels = [int(heading[""][1]) for heading in _of(elements, "h1", "h2", "h3", "h4", "h5", "h6")]
    if levels.count(1) != 1 or levels[0] != 1:
        yield f"page-has-heading-one: {levels}"
    yield from (f"heading-order: h{a} then h{b}" for a, b in pairwise(levels) if b > a + 1)


def colours(sheet: str) -> dict[str, dict[str, str]]:
    """The style sheet's variables by scheme: ``light``, and ``dark`` where it says otherwise."""
    roots = re.findall(r":root\s*{([^}]*)}", sheet)
    light, dark = (dict(re.findall(r"--(\w+):\s*(#[0-9a-f]{6})\b", root)) for root in roots[:2])
    return {"light": light, "dark": {**light, **dark}}


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours, 1 to 21.

    Examples
    --------
    >>> contrast("#000000", "#ffffff")
    21.0
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return round((high + 0.05) / (low + 0.05), 2)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def faint(sheet: str, wanted: Mapping[tuple[str, str], float]) -> list[str]:
    """Pairs of variables whose contrast is below what is wanted, in either scheme."""
    return [
        f"{scheme}: {front} on {back} {contrast(found[front], found[back])} < {least}"
        for scheme, found in colours(sheet).items()
        for (front, back), least in wanted.items()
        if contrast(found[front], found[back]) < least
    ]
