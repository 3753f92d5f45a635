"""The picture and the site of docs/."""

from __future__ import annotations

import re

from cli import pages, picture
from ml.settings import PROJECT


def test_the_picture_is_that_of_the_imports() -> None:
    """docs/architecture.svg is what the code says; `./nightshift docs --pages` writes it."""
    assert pages.PICTURE.read_text(encoding="utf-8") == picture.svg(PROJECT)


def test_the_first_page_is_the_readme() -> None:
    """docs/index.md is README.md with its links as they lead from docs/; `./nightshift docs --pages` writes it."""
    assert pages.INDEX.read_text(encoding="utf-8") == pages.index()


def test_arrows_point_down() -> None:
    """No room imports one that stands above it."""
    row = {room: number for number, layer in enumerate(picture.LAYERS) for room in layer}
    assert [(one, other) for one, other in picture.edges(PROJECT) if row[other] < row[one]] == []


def test_the_site_is_built_and_needs_no_network(tmp_path, monkeypatch) -> None:
    """Every page is there, no link is broken, and no page loads anything from elsewhere."""
    monkeypatch.setattr(pages, "SITE", tmp_path)
    pages.build()
    html = {
        path.relative_to(tmp_path).as_posix(): path.read_text(encoding="utf-8") for path in tmp_path.rglob("*.html")
    }
    assert {"index.html", "operate/index.html", "measured/index.html", "architecture/index.html"} <= set(html)
    loads = {
        address
        for text in html.values()
        for address in re.findall(r'<(?:script|img|iframe)[^>]*src="([^"]+)"|<link[^>]*href="([^"]+)"', text)
        for address in address
        if address.startswith(("http:", "https:", "//"))
    }
    assert loads == set()
