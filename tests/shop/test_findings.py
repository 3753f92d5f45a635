"""What ``shop check`` tells of a shop that breaks few rules: odd times, ids, texts and names, and numbers to recognise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from ml.adapters.postgres import query
from ml.adapters.shop.pseudonym import Pseudonym
from ml.contract.identities import NO_VALUE
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.settings import PROJECT, Settings
from ml.shop.check import check
from ml.shop.findings import Shop, findings
from ml.shop.names import nearest
from ml.shop.people import one_person
from tests.small_shop import Rows, execute, fill, shop

NOW = datetime(2025, 3, 5, tzinfo=UTC)


def found(tables: Mapping[str, Rows]) -> list[str]:
    """What is found in these rows, read as a night reads them."""
    hashed = Pseudonym("a key").hashed
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        for name, rows in tables.items():
            columns = {
                c.name: pa.array([_read(row.get(c.name), c.kind) for row in rows], ARROW[c.kind])
                for c in TABLES[name].columns
            }
            columns |= {c.name: hashed(columns[c.name]) for c in TABLES[name].columns if c.personal}
            db.register("incoming", pa.table(columns))
            db.execute(f'CREATE TABLE "{name}" AS FROM incoming')
        return list(findings(Shop(db, tables), Pseudonym("a key"), 60))


def _read(value: Any, kind: str) -> Any:
    if kind == "text" and value is not None:
        return str(value)
    return datetime.fromisoformat(value) if kind == "timestamp" and value else value


def about(lines: Iterable[str], name: str) -> list[str]:
    """What is told of a table or column."""
    return [line.removeprefix(f"{name}: ") for line in lines if line.startswith(f"{name}: ")]


def each(rows: Rows, **values: Any) -> list[dict[str, Any]]:
    """The rows with values set."""
    return [{**row, **values} for row in rows]


@pytest.mark.parametrize("timezone", ["UTC", "America/New_York"])
def test_four_numbers_that_a_person_recognises(settings: Settings, timezone: str) -> None:
    """The median order value, the dearest product, the busiest hour on the shop's clock, the share of each status."""
    tables = shop(20)
    tables["order"] = [
        {**row, "total": 10.0 if n < 11 else 1000, "status": "paid" if n % 4 else None}
        for n, row in enumerate(tables["order"])
    ]
    fill(settings.shop_url, tables)
    report = check(replace(settings, timezone=timezone), now=NOW)
    hour = "12:00 to 13:00 in UTC" if timezone == "UTC" else "07:00 to 08:00 in America/New_York"
    assert report.numbers == (
        ("median order value", "10.00"),
        ("dearest product", "12.50: Thing 11 (p11)"),
        ("busiest hour", f"{hour}, 100.0% of the orders"),
        ("order.status", "paid 75.0%, none 25.0%"),
    )
    assert report.findings == report.names == ()
    assert f"busiest hour        {hour}" in report.to_text()


def test_it_says_what_it_does(settings: Settings) -> None:
    """A step for each table that is read, and for what follows."""
    fill(settings.shop_url, shop(3))
    steps: list[str] = []
    check(settings, now=NOW, progress=steps.append)
    assert steps == [
        *(f"Reading shop.{name} …" for name in ("customer", "product", "order", "order_item")),
        "Judging each row …",
        "Measuring …",
    ]


def test_payments_after_their_order_are_counted() -> None:
    """Three seconds after it, and one two days after it: how many, how late, and what becomes of them."""
    tables = shop(4)
    tables["payment"] = [
        {"payment_id": n, "order_id": f"o{n}", "method": "card", "amount": 1, "paid_at": f"2025-01-0{day} 12:00:0{s}Z"}
        for n, (day, s) in enumerate([(1, 3), (2, 3), (3, 0), (6, 0)])
    ]
    (finding,) = about(found(tables), "shop.payment")
    assert finding == (
        "3 of 4 payments come after their order, by 3 seconds in the middle and 2 days at most. Up to 60 minutes after it a "
        "payment belongs to its order in risk. Later than that: 1; of these only the card counts, for lists and entity_risk."
    )


def test_a_catalogue_and_accounts_of_the_day_of_a_move() -> None:
    """Lines older than their product, orders older than their customer."""
    tables = shop(10)
    tables["product"] = each(tables["product"], listed_at="2025-01-06 00:00Z")
    tables["customer"] = each(tables["customer"], registered_at="2025-01-03 12:00Z")
    report = found(tables)
    assert about(report, "shop.product.listed_at")[0].startswith(
        "10 of 20 order lines are older than their product, by up to 4 days, as after a move from another system. These 6 "
        "products count as known from their first sale"
    )
    assert about(report, "shop.customer.registered_at")[0].startswith("2 of 10 orders are older than their customer")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("202.0", "202"), ("0202", "202"), (" 202 ", "202"), ("AB", "ab"), ("202", "202.00"), ("x", "c0")],
)
def test_an_id_that_is_not_found_is_shown_beside_one_that_is(theirs: str, ours: str) -> None:
    """One written otherwise, or any that there is."""
    tables = shop(10)
    tables["customer"].append({"customer_id": ours} if ours != "c0" else {"customer_id": "d"})
    tables["order"] = [
        {**row, "customer_id": theirs if n < 3 else row["customer_id"]} for n, row in enumerate(tables["order"])
    ]
    (finding,) = about(found(tables), "shop.order.customer_id")
    assert finding.startswith(
        f"customer.customer_id does not have 1 of its values (3 rows), as {theirs!r}; customer has {ours!r}."
    )
    assert ("Write both alike" in finding) == (ours != "c0")


def test_one_person_under_several_ids(settings: Settings) -> None:
    """Guests who opened an account later, whatever the capitals of the address, and orders without a customer."""
    tables = shop(10)
    tables["customer"][3]["email"] = "C1@X.example "
    tables["order"][5]["customer_id"] = None
    fill(settings.shop_url, tables)
    findings = check(settings, now=NOW).findings
    assert about(findings, "shop.customer")[0].startswith("2 customers share an e-mail with another (10 have one)")
    assert about(findings, "shop.order")[0].startswith("orders without a customer that have the e-mail of one: 1.")
    execute(settings.shop_url, "ALTER TABLE shop.customer DROP COLUMN email")
    assert list(one_person(settings.shop_url, {"customer": ["customer_id"]})) == []


def test_words_for_nothing_are_counted_by_column() -> None:
    """Each of them, in personal columns too, where a night reads hashes."""
    tables = shop(10)
    tables["product"] += [{"product_id": f"n{n}", "title": word} for n, word in enumerate(NO_VALUE)]
    tables["order"] = [{**row, "device_id": "N/A" if n < 4 else f"d{n}"} for n, row in enumerate(tables["order"])]
    report = found(tables)
    assert about(report, "shop.product.title")[0].startswith(
        f"{len(NO_VALUE)} of {12 + len(NO_VALUE)} values are a word for"
    )
    (device,) = about(report, "shop.order.device_id")
    assert device.startswith("4 of 10 values are a word for nothing, as 'N/A'")
    assert "nullif(device_id, 'N/A')" in device


def test_a_value_of_most_customers_is_told() -> None:
    """The one device of a proxy, the one card of a till; not what half of them have."""
    tables = shop(10)
    tables["order"] = [
        {**row, "device_id": "proxy", "ip": "10.0.0.1" if n < 5 else f"10.0.0.{n}"}
        for n, row in enumerate(tables["order"])
    ]
    tables["payment"] = [
        {"payment_id": n, "order_id": f"o{n}", "method": "card", "amount": 1, "card": "till" if n < 6 else "own"}
        for n in range(10)
    ]
    report = found(tables)
    assert about(report, "shop.order.device_id")[0].startswith("one value stands for 10 of 10 customers")
    assert about(report, "shop.payment.card")[0].startswith("one value stands for 6 of 10 customers")
    assert about(report, "shop.order.ip") == []


@pytest.mark.parametrize(
    "title", ['{"en": "Cup", "de": "Tasse"}', '[{"lang":"en","v":"Cup"}]', 'a:1:{s:2:"en";s:3:"Cup";}']
)
def test_a_structure_is_no_text(title: str) -> None:
    """JSON and PHP's serialised values in a title, beside titles with brackets that are texts."""
    tables = shop(10)
    tables["product"] = each(tables["product"], title="[Sale] Cup {blue}, a:b")
    assert about(found(tables), "shop.product.title") == []
    tables["product"][0]["title"] = title
    (finding,) = about(found(tables), "shop.product.title")
    assert finding.startswith("1 of 12 values are no text but JSON or the like")


def test_names_that_nothing_reads_are_told_with_the_nearest(settings: Settings) -> None:
    """Of views: misspelt columns, a misspelt table, and what is like nothing; beside faults too."""
    fill(settings.shop_url, shop(5))
    execute(
        settings.shop_url,
        "ALTER TABLE shop.product RENAME category TO catagory",
        "ALTER TABLE shop.product RENAME active TO is_active",
        'ALTER TABLE shop."order" RENAME status TO state',
        'ALTER TABLE shop."order" ADD zebra int',
        "CREATE VIEW shop.reviews AS SELECT 1 AS x",
        "CREATE TABLE shop.kunde (x int)",
    )
    expected = (
        "shop.kunde: the contract has no such table, and nothing reads it.",
        "shop.order.state: the contract has no such column, and nothing reads it: do you mean status?",
        "shop.order.zebra: the contract has no such column, and nothing reads it.",
        "shop.product.catagory: the contract has no such column, and nothing reads it: do you mean category?",
        "shop.product.is_active: the contract has no such column, and nothing reads it: do you mean active?",
        "shop.reviews: the contract has no such table, and nothing reads it: do you mean review?",
    )
    report = check(settings, now=NOW)
    assert report.names == expected
    assert expected[1] in report.to_text()
    execute(settings.shop_url, "ALTER TABLE shop.product RENAME product_id TO products_id")
    assert (
        "shop.product.products_id: the contract has no such column, and nothing reads it: do you mean product_id?"
        in (check(settings, now=NOW).names)
    )


def test_the_nearest_name_is_one_that_is_lacking() -> None:
    """A column that is there already is not meant."""
    assert nearest("order_date", ["ordered_at", "order_id"], ["order_id"]) == "ordered_at"
    assert nearest("Titel", ["title", "text"]) == "title"


_GUESTS = """
CREATE SCHEMA webshop; CREATE SCHEMA shop;
CREATE TABLE webshop.customer (id text PRIMARY KEY, email text, has_account bool, created_at date DEFAULT '2025-01-01');
INSERT INTO webshop.customer SELECT 'g' || i, 'A' || i || '@mail.example', false FROM generate_series(1, 6) i
UNION ALL SELECT 'a' || i, 'a' || i || '@mail.example', true FROM generate_series(1, 6) i UNION ALL SELECT 'x', ' ', false;
CREATE TABLE webshop.purchase AS SELECT 'N' || i AS id, CASE WHEN i <= 12 THEN 'g' ELSE 'a' END || (1 + i % 6) AS account_id,
    timestamptz '2025-02-01 09:00Z' + i * interval '19 hours' AS placed FROM generate_series(1, 24) i;
CREATE VIEW shop.customer AS SELECT id AS customer_id, email, created_at AS registered_at FROM webshop.customer;
CREATE VIEW shop.product AS SELECT 'S' || i AS product_id, 'Thing ' || i AS title FROM generate_series(1, 8) i;
CREATE VIEW shop."order" AS SELECT id AS order_id, account_id AS customer_id, placed AS ordered_at FROM webshop.purchase;
CREATE VIEW shop.order_item AS SELECT 'N' || o AS order_id, 1 AS line_no, 'S' || (1 + o % 8) AS product_id, 1 AS quantity,
    5.0::float8 AS unit_price FROM generate_series(1, 24) o
"""


def test_the_view_of_the_docs_joins_guest_and_account(settings: Settings) -> None:
    """Twelve customers of six addresses are told; behind the view they are six, each with a whole history."""
    page = (PROJECT / "docs" / "connect-your-shop.md").read_text(encoding="utf-8")
    joined = page.split("### One person, one customer")[1].split("```sql")[1].split("```")[0]
    execute(settings.shop_url, "DROP SCHEMA IF EXISTS shop CASCADE", _GUESTS)
    columns = {"customer": ["customer_id", "email"]}
    (finding,) = one_person(settings.shop_url, columns)
    assert finding.startswith("shop.customer: 12 customers share an e-mail with another (12 have one)")
    execute(settings.shop_url, joined)
    assert list(one_person(settings.shop_url, columns)) == []
    orders = 'SELECT customer_id, count(*) AS n FROM shop."order" GROUP BY 1 ORDER BY 1'
    assert [(row["customer_id"], row["n"]) for row in query(settings.shop_url, orders)] == [
        (f"a{i}", 4) for i in range(1, 7)
    ]
    people = query(settings.shop_url, "SELECT customer_id FROM shop.customer ORDER BY 1")
    assert [row["customer_id"] for row in people] == [*(f"a{i}" for i in range(1, 7)), "x"]
    assert check(settings, now=NOW).ok
