"""Data Docs: plain pages that need no network and show every text as text."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ml.adapters import quality
from ml.adapters.lake import Lake
from ml.adapters.quality.judge import Tally
from ml.adapters.quality.pages import Judged, pages
from ml.adapters.quality.suite import Rule, Suite
from ml.adapters.quality.verdict import Breach, Verdict
from ml.adapters.shop.reader import schema
from ml.contract.tables import TABLES
from ml.settings import PROJECT

REF = "2026-01-01/001"
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = "</code><script>alert('{}')</script><img src=x onerror=alert(1)>\"' onmouseover='alert(2)"
TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "nav",
    "h1",
    "p",
    "table",
    "tr",
    "th",
    "td",
    "b",
    "a",
    "br",
    "span",
    "small",
    "code",
}


class Page(HTMLParser):
    """What a browser would see: tags, attributes, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


def harmless(html: str) -> Page:
    """The page, of which nothing but our own plain tags came through."""
    page = Page(html)
    assert page.tags <= TAGS
    assert set(page.attributes) <= {"lang", "charset", "http-equiv", "content", "name", "class", "href"}
    assert all(name.endswith(".html") and "/" not in name for name in page.attributes.get("href", ()))
    assert "default-src 'none'" in "".join(page.attributes["content"])
    assert "http" not in html.replace("http-equiv", "")
    return page


def _row(table: Any, number: int) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.kind == "text":
            row[column.name] = HOSTILE.format(f"{table.name}.{column.name} {number}")
    return row


def test_scripts_in_every_text_column_stay_text(tmp_path: Path) -> None:
    """A shop whose every text of every table is a script: the pages show it and run nothing."""
    lake, manifest = Lake(str(tmp_path)), {"as_of": AS_OF.isoformat(), "tables": {}}
    for name, table in TABLES.items():
        columns = schema(table)
        rows = pa.Table.from_pylist(
            [{c: _row(table, number).get(c) for c in columns.names} for number in range(3)], columns
        )
        lake.write_stream(lake.join("snapshot", REF, "raw", name), columns, rows.to_batches())
        nulls = {column: rows[column].null_count for column in columns.names}
        manifest["tables"][name] = {"rows": 3, "nulls": nulls}
    lake.write_json(lake.join("snapshot", REF, "manifest.json"), manifest)

    quality.validate_snapshot(lake, REF, PROJECT / "expectations" / "shop", threads=1, memory_gb=1)

    docs = Path(lake.join("docs", REF))
    assert {page.stem for page in docs.iterdir()} == {"index", *TABLES}
    shown = "".join(harmless(page.read_text()).text for page in docs.iterdir())
    assert "<script>alert('event.event_id 0')</script>" in shown
    assert "<script>alert('review.review_id 2')</script>" in shown


def one(*, refused: bool = False, failed: int = 2) -> Judged:
    """A table of which two rows broke a rule."""
    price = Rule("expect_column_values_to_be_between", {"column": "price"}, "price above 0", "Nothing is for free.")
    named = Rule("expect_column_values_to_not_be_null", {"column": "name"}, "name not null", "It is a key.")
    share = Rule("expect_column_values_to_be_between", {"column": "rows"}, "rows at least 5", "A shop sells.")
    breaches = [Breach(price.name, "price", failed, ("p1", "p2", "p3", "p4"), price.reason, refuses=False)] * bool(
        failed
    )
    if refused:
        breaches.append(Breach(share.name, "rows", 0, ("3",), share.reason, refuses=True))
    tallies = [Tally(named), Tally(price, broken=failed, partial=[-1.0, "x" * 200][:failed]), Tally(share)]
    suite = Suite("product", "What the shop sells.", (named, price), (share,))
    return Judged(suite, tallies, Verdict("product", 1000, failed, failed / 1000, 0.05, tuple(breaches)))


def test_a_night_within_its_limits_is_good(tmp_path: Path) -> None:
    """Rows set aside within the limit fail nothing; each rule stands with its reason and three keys of broken rows."""
    texts = {name: harmless(html).text for name, html in pages(REF, [one()]).items()}
    assert "Good. 2 of 1,000 rows were set aside, within the limits." in texts["index.html"]
    assert "ail" not in texts["index.html"]
    assert "Stop" not in texts["index.html"]
    for words in ("price above 0", "Nothing is for free.", "keys p1, p2, p3values -1.0, ", "What the shop sells.", "…"):
        assert words in texts["product.html"]
    assert "p4" not in texts["product.html"]


@pytest.mark.parametrize(
    ("judged", "words"),
    [
        (one(refused=True), "Stopped by product: nothing is published from this snapshot."),
        (one(failed=0), "Good. All of 1,000 rows keep every rule."),
    ],
)
def test_the_outcome_in_words(judged: Judged, words: str) -> None:
    """A refused table stops the night and says so; a faultless one is good."""
    written = pages(REF, [judged])
    assert words in harmless(written["index.html"]).text
    assert ("the table" in harmless(written["product.html"]).text) == judged.verdict.refused
