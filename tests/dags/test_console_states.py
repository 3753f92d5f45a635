"""Every page in every state of the shop: it says what is and what to do, no text of a customer is HTML, all can use it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

from psycopg2.extras import RealDictCursor

from ml.adapters import postgres
from ml.core.spec import ConfigTable
from ml.registry import CAPABILITIES, CONFIG
from ml.settings import PROJECT
from nightshift_airflow.console import forms
from tests import accessibility, console_shop
from tests.console_client import Browser, words
from tests.console_client import browser as open_browser
from tests.console_shop import HOSTILE, NIGHT, ConsoleShop

SHEET = PROJECT / "plugins" / "nightshift_airflow" / "console" / "static" / "console.css"
RIGHT_TO_LEFT = "سماور نحاسي"
PAGES = (
    "/",
    "/window",
    "/window?customer=c1",
    "/window?basket=p1,p2",
    "/product",
    "/product?find=tea",
    "/product/p1",
    "/find",
    "/find?text=tea",
    "/customers",
    "/customer/c1",
    "/orders",
    "/orders?state=allow",
    "/orders/o1",
    "/voices",
    "/voices/p1",
    "/rules",
    "/rules/rule?kind=pin&product_id=p1",
    "/models",
    "/models/risk",
    "/models/risk?a=1&b=2",
    "/data",
    "/data/quarantine/2026-11-28/001/order_item",
    "/experiments",
    "/search?q=c1",
    "/search?q=teapot",
    "/nowhere",
)
"""A page of each kind."""
EVERY = (*PAGES, *(f"/rules/{table.name}" for table in CONFIG), *(f"/models/{name}" for name in CAPABILITIES))


def ask(anna: Browser, path: str, status: int = 200) -> str:
    """A page, which must have this status and show nothing of the code's."""
    page = anna.get(path)
    assert page.status_code == (404 if path == "/nowhere" and status == 200 else status), (path, words(page)[:500])
    assert "Traceback" not in page.text, path
    assert "<script>alert" not in page.text, path
    return page.text


def test_every_page_can_be_used_by_all(monkeypatch, settings):
    """Names, labels, headings, landmarks and language of every page, in both languages."""
    ConsoleShop(settings.database_url).fill()
    anna = open_browser(monkeypatch, settings)
    found = {}
    for language in ("en", "zh"):
        anna.headers = {"accept-language": language}
        for path in EVERY:
            text = ask(anna, path)
            assert f'<html lang="{language}">' in text
            found[language, path] = accessibility.faults(text)
    assert {place: faults for place, faults in found.items() if faults} == {}


def test_the_colours_have_the_contrast_that_is_asked_for():
    """4.5 for texts and 3 for borders of fields, in light and dark, on each background that they stand on."""
    texts = {
        (front, back): 4.5
        for front in ("text", "soft", "accent", "good", "odd", "bad")
        for back in ("back", "card", "tint")
    }
    assert accessibility.faint(SHEET.read_text(), texts | {("on", "accent"): 4.5, ("soft", "card"): 3.0}) == []


def test_an_empty_shop_has_every_page(monkeypatch, settings):
    """Before the first night, without a table of the shop: what is missing and what comes is said on each page."""
    ConsoleShop(settings.database_url)
    anna = open_browser(monkeypatch, settings)
    told = {
        "/": "There was no night yet",
        "/window": "published by the first whole night",
        "/product/p1": "did not see this product",
        "/find": "is not there yet",
        "/orders": "No open order is judged yet",
        "/orders/o1": "not among the open ones",
        "/voices": "No review was read yet",
        "/voices/p1": "No review of this product",
        "/models": "No model serves yet",
        "/models/risk": "It needs customer",
        "/data": "No night has read the shop yet",
        "/experiments": "No experiment has figures",
        "/rules/rule": "No row yet",
        "/search?q=c1": "Nothing fits",
    }
    for path in EVERY:
        text = ask(anna, path)
        assert accessibility.faults(text) == [], path
    for path, said in told.items():
        assert said in words(anna.get(path)), path


def test_a_failed_night_leaves_the_pages_of_the_night_before(monkeypatch, settings):
    """The first page names the step, its words and what to press; the others show what the shop still reads."""
    shop = ConsoleShop(settings.database_url).fill()
    with postgres.transaction(shop.url) as cursor:
        shop.night(cursor, NIGHT + timedelta(days=1), failed="ml.order_risk is not whole.\n  do: clear risk.score")
    anna = open_browser(monkeypatch, settings)
    for path in PAGES:
        ask(anna, path)
    first = words(anna.get("/"))
    assert "The shop reads the tables of the night before." in first
    assert "clear risk.score" in first
    assert "Let what failed run again" in first
    assert "because you bought" in words(anna.get("/window?customer=c1"))


def test_while_the_database_is_away_every_page_says_so(monkeypatch, settings):
    """503 with what to do; nothing else is on the page, and it can be used by all."""
    anna = open_browser(monkeypatch, settings)
    from nightshift_airflow.console import page

    gone = replace(settings, database_url="postgresql://nobody@127.0.0.1:1/nightshift?connect_timeout=1")
    anna.app.dependency_overrides[page.settings] = lambda: gone
    for path in (path for path in PAGES if path != "/nowhere"):
        text = ask(anna, path, 503)
        assert "./nightshift status" in text
        assert accessibility.faults(text) == []


def test_texts_of_customers_are_texts_on_every_page(monkeypatch, settings):
    """Scripts in titles, reasons, quotes and notes are shown as they were written, names from right to left as a whole."""
    hostile = HOSTILE.replace("'", "''")
    texts = dict.fromkeys(("reason", "quote", "segment", "brand", "category", "language"), f"'{hostile}'")
    monkeypatch.setattr(console_shop, "_TEXTS", console_shop._TEXTS | texts | {"title": f"'{RIGHT_TO_LEFT} {hostile}'"})
    shop = ConsoleShop(settings.database_url, 20, 20).fill()
    shop.run(
        f"INSERT INTO ml_config.rule (kind, product_id, note) VALUES ('exclude', 'p1', '{hostile}')",
        f"UPDATE ml_ops.promotion SET why = '{hostile}'",
    )
    anna = open_browser(monkeypatch, settings)
    for path in EVERY:
        ask(anna, path)
    title = re.search(f"<(bdi|td)[^>]*>[^<]*{RIGHT_TO_LEFT}", ask(anna, "/window?customer=c1"))
    assert title is not None
    assert title[1] == "bdi"


def test_ten_million_refused_rows_are_told_and_shown_page_by_page(monkeypatch, settings):
    """The count comes from the night's report, the rows by index, so many at a time."""
    shop = ConsoleShop(settings.database_url)
    with postgres.transaction(shop.url) as cursor:
        shop.night(cursor, NIGHT)
        broken = {"order_item": {"quantity is above 0": 10_000_000}}
        cursor.execute("UPDATE ml_ops.night SET summary = summary || %s", (json.dumps({"quarantine": broken}),))
        cursor.execute(
            "INSERT INTO ml_ops.quarantine (night, ref, table_name, row_key, rule, \"row\") SELECT %s, %s, 'order_item', "
            "lpad(i::text, 7, '0'), 'quantity is above 0', '{}' FROM generate_series(1, 3000) AS i",
            (NIGHT, f"{NIGHT}/001"),
        )
    shop.run("ANALYZE ml_ops.quarantine")
    anna = open_browser(monkeypatch, settings)
    page = anna.get("/data")
    assert "10,000,000" in words(page)
    rows = anna.click(page, "Rows")
    assert rows.text.count("<tr>") == 1 + 50
    seen = set(re.findall(r"<bdi>(\d{7})</bdi>", rows.text))
    more = anna.click(rows, "More rows")
    assert not seen & set(re.findall(r"<bdi>(\d{7})</bdi>", more.text))


def test_a_customer_of_very_many_orders_and_pictures_that_do_not_load(monkeypatch, settings):
    """The latest orders are shown, by an index; a picture whose file is gone is a picture without anything."""
    shop = ConsoleShop(settings.database_url, 20, 20).fill()
    shop.run(
        "CREATE SCHEMA shop",
        'CREATE TABLE shop."order" (order_id text PRIMARY KEY, customer_id text NOT NULL, ordered_at timestamptz NOT NULL)',
        "INSERT INTO shop.\"order\" SELECT 'x' || i, 'c1', timestamptz '2020-01-01' + i * interval '1 minute' FROM generate_series(1, 100000) AS i",
        'CREATE INDEX ON shop."order" (customer_id)',
        'ANALYZE shop."order"',
        "CREATE TABLE shop.product_image (product_id text, uri text, content text)",
        "INSERT INTO shop.product_image VALUES ('p1', '/there/is/no.png'), ('p2', 'http://127.0.0.1:1/x.png')",
        "INSERT INTO shop.product_image VALUES ('p4', 'a name', encode(decode('89504e47', 'hex'), 'base64')), ('p3', 'x', '!')",
    )
    anna = open_browser(monkeypatch, settings)
    text = ask(anna, "/customer/c1")
    assert "x100000" in text or "Not looked at" in text or "took" in text
    assert "because you bought" in ask(anna, "/window?customer=c1")
    for product in ("p1", "p2", "p3"):
        picture = anna.get(f"/picture/{product}")
        assert picture.status_code == 200
        assert picture.headers["content-type"].startswith("image/")
    assert anna.get("/picture/p4").headers["content-type"] == "image/png"


def test_opening_a_page_never_scans_a_large_table_of_the_shop(monkeypatch, settings):
    """Tables of 30,000 rows without an index are left alone, and the page says which index is missing; with it they are read."""
    shop = ConsoleShop(settings.database_url, 20, 20).fill()
    many = "FROM generate_series(1, 30000) AS i"
    shop.run(
        "CREATE SCHEMA shop",
        f"CREATE TABLE shop.\"order\" AS SELECT 'o' || i AS order_id, 'c' || i % 20 AS customer_id, now() AS ordered_at {many}",
        f"CREATE TABLE shop.order_item AS SELECT 'o' || i AS order_id, 1 AS line_no, 'p1' AS product_id, 1.0 AS quantity, 2.0 AS unit_price {many}",
        f"CREATE TABLE shop.review AS SELECT 'r' || i AS review_id, 'p1' AS product_id, repeat('good ', 9) AS text {many}",
        f"CREATE TABLE shop.product_image AS SELECT 'p' || i AS product_id, 'x.png' AS uri, NULL AS content {many}",
        "ANALYZE",
    )
    asked: list[str] = []
    execute = RealDictCursor.execute

    def watched(self, query, values=None):
        asked.append(self.mogrify(query, values).decode())
        return execute(self, query, values)

    monkeypatch.setattr(RealDictCursor, "execute", watched)
    anna = open_browser(monkeypatch, settings)
    paths = (*PAGES, "/picture/p1")
    for indexed in (False, True):
        asked.clear()
        for path in paths:
            anna.get(path)
        looks = {query for query in asked if '"shop".' in query and query.lstrip().startswith("SELECT")}
        plans = {query: postgres.query(settings.shop_url, f"EXPLAIN {query}") for query in looks}
        scans = [
            query for query, rows in plans.items() if any("Seq Scan" in line for row in rows for line in row.values())
        ]
        assert scans == []
        assert bool(looks) is indexed
        assert ("without an index" in words(anna.get("/customer/c1"))) is not indexed
        if not indexed:
            shop.run(
                'CREATE INDEX ON shop."order" (customer_id)',
                'CREATE INDEX ON shop."order" (order_id)',
                "CREATE INDEX ON shop.order_item (order_id)",
                "CREATE INDEX ON shop.review (review_id)",
                "CREATE INDEX ON shop.product_image (product_id)",
            )


def test_every_form_of_rules_says_what_would_change_and_can_be_undone(monkeypatch, settings):
    """A row that each table's own example writes, typed into its form: looked at, saved, undone; nothing before the save."""
    ConsoleShop(settings.database_url, 20, 20).fill()
    anna = open_browser(monkeypatch, settings)
    for table in CONFIG:
        rows = f"SELECT to_jsonb(t) AS row FROM ml_config.{table.name} AS t ORDER BY t::text"
        before, typed = postgres.query(settings.database_url, rows), _example(settings.database_url, table)
        form = anna.get(f"/rules/{table.name}")
        preview = anna.press(form, "/preview", **typed)
        assert preview.status_code == 200, (table.name, words(preview))
        assert "Nothing is saved yet." in words(preview), table.name
        assert postgres.query(settings.database_url, rows) == before
        saved = anna.press(preview, "/save", why="as the example says")
        assert postgres.query(settings.database_url, rows) != before, table.name
        number = re.search(r"Saved as change (\d+)", words(saved))
        assert number is not None, table.name
        undone = anna.press(anna.get(f"/rules/{table.name}"), f"/rules/undo/{number[1]}")
        assert "Undone" in words(undone), table.name
        assert postgres.query(settings.database_url, rows) == before


def _example(url: str, table: ConfigTable) -> dict[str, str]:
    """What a form would hold for the row that one of the table's examples writes; the database is as before."""
    rows = f"SELECT to_jsonb(t) AS row FROM ml_config.{table.name} AS t"
    for statement in table.examples.values():
        with postgres.transaction(url) as cursor:
            cursor.execute(rows)
            before = [found["row"] for found in cursor.fetchall()]
            cursor.execute(statement)
            cursor.execute(rows)
            new = [found["row"] for found in cursor.fetchall() if found["row"] not in before]
            cursor.execute("ROLLBACK")
        keys = [[row[name] for name in table.key] for row in before]
        if new and (forms.single(table) or [new[0][name] for name in table.key] not in keys):
            numbered = {column.name for column in table.columns if column.numbered}
            return {name: forms.written(value) for name, value in new[0].items() if name not in numbered}
    raise AssertionError(f"no example of {table.name} writes a row")
