"""The extract reads what was known, once, typed, hashed and without personal values."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ml.adapters.lake import Lake
from ml.adapters.shop import extract as reader
from ml.adapters.shop.pseudonym import valid_text
from ml.adapters.shop.reader import raw_schema
from ml.contract.tables import TABLES
from ml.core.errors import ContractError, NightshiftError
from ml.shop.sources import tables as files
from tests.shop.conftest import rows as read_rows
from tests.shop.sources.test_tables import FITTING, write
from tests.small_shop import execute, fill, shop

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, 2, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(str(tmp_path / "lake"))


def read(url: str, lake: Lake, as_of: datetime = AS_OF, ref: str = "2026-01-01/001", **options: Any) -> dict[str, Any]:
    """Extract with the tests' key and clock."""
    return reader.extract(url, lake, ref, as_of, "key", **({"now": NOW} | options))


def rows(lake: Lake, table: str, ref: str = "2026-01-01/001") -> list[dict[str, Any]]:
    """Rows of a raw table."""
    return list(lake.read_parquet("snapshot", ref, "raw", table).to_pylist())


def test_every_row_with_the_contracts_schema(database: str, lake: Lake) -> None:
    """All rows arrive under the contract's columns and types; an absent optional table is named as missing."""
    fill(database, shop())

    manifest = read(database, lake)

    assert {name: t["rows"] for name, t in manifest["tables"].items()} == {
        "customer": 10,
        "product": 12,
        "order": 60,
        "order_item": 120,
    }
    assert manifest["missing"] == [name for name in TABLES if name not in manifest["tables"]]
    assert lake.read_parquet("snapshot", "2026-01-01/001", "raw", "order").schema.equals(raw_schema(TABLES["order"]))
    assert lake.read_json("snapshot", "2026-01-01/001", "manifest.json") == manifest


def test_orders_without_a_customer_and_domains_over_domains_are_read(database: str, lake: Lake) -> None:
    """A shop of guests has no order.customer_id, which is optional; a domain is read as what it is at the bottom."""
    fill(database, shop())
    execute(
        database,
        'ALTER TABLE shop."order" DROP COLUMN customer_id',
        "CREATE DOMAIN public.money AS numeric; CREATE DOMAIN public.price AS public.money",
        "ALTER TABLE shop.order_item ALTER unit_price TYPE public.price",
    )

    assert {name: t["rows"] for name, t in read(database, lake)["tables"].items()} == {
        "customer": 10,
        "product": 12,
        "order": 60,
        "order_item": 120,
    }


def test_other_postgres_types_are_cast(database: str, lake: Lake) -> None:
    """Views over integers, numerics, dates and zoneless timestamps give the contract's types in the shop's time zone."""
    fill(database, shop(0))
    execute(
        database,
        "DROP TABLE shop.product, shop.customer",
        "CREATE VIEW shop.product AS SELECT 7 AS product_id, 2.50::numeric AS price, date '2025-07-01' AS listed_at",
        "CREATE VIEW shop.customer AS SELECT 'c1'::varchar(9) AS customer_id, timestamp '2025-01-01 09:00' AS registered_at",
    )

    manifest = read(database, lake, timezone="Europe/Paris")

    product, customer = rows(lake, "product")[0], rows(lake, "customer")[0]
    assert (product["product_id"], product["price"], product["title"]) == ("7", 2.5, None)
    assert product["listed_at"] == datetime(2025, 6, 30, 22, tzinfo=UTC)
    assert customer["registered_at"] == datetime(2025, 1, 1, 8, tzinfo=UTC)
    assert "title" in manifest["tables"]["product"]["absent"]


@pytest.mark.parametrize(
    ("local", "instant"),
    [
        ("2025-10-26 02:30", datetime(2025, 10, 26, 1, 30, tzinfo=UTC)),
        ("2025-03-30 02:30", datetime(2025, 3, 30, 1, 30, tzinfo=UTC)),
    ],
)
def test_an_hour_that_comes_twice_is_winter_time(
    database: str, lake: Lake, tmp_path: Path, local: str, instant: datetime
) -> None:
    """02:30 comes twice in autumn and never in spring: read in winter time from tables as from files."""
    fill(database, shop(0))
    execute(
        database,
        "DROP TABLE shop.customer",
        f"CREATE VIEW shop.customer AS SELECT 'c1' AS customer_id, timestamp '{local}' AS registered_at",
    )
    read(database, lake, timezone="Europe/Paris")
    folder = write(tmp_path / "files", FITTING | {"customer": f"customer_id,registered_at\nc1,{local}\n"})
    read_of_files: list[Any] = read_rows(files.tables(folder, timezone="Europe/Paris"))["customer"]

    assert [row["registered_at"] for row in rows(lake, "customer")] == [instant]
    assert [row["registered_at"].astimezone(UTC) for row in read_of_files] == [instant]


def test_rows_after_the_night_change_no_byte(database: str, lake: Lake) -> None:
    """What becomes known after D, in any table, leaves D's snapshot as it was, hash for hash."""
    known = shop(40) | {"payment": [{"payment_id": "y1", "order_id": "o1", "method": "card", "amount": 5}]}
    fill(database, known)
    cutoff = datetime(2025, 2, 1, tzinfo=UTC)
    before = read(database, lake, cutoff, "2025-02-01/001")

    execute(
        database,
        "INSERT INTO shop.customer (customer_id, registered_at) VALUES ('late', '2025-02-01 00:00Z')",
        "INSERT INTO shop.product (product_id, listed_at) VALUES ('late', '2025-02-03 00:00Z')",
        "INSERT INTO shop.\"order\" (order_id, ordered_at) VALUES ('late', '2025-02-01 00:00Z')",
        "INSERT INTO shop.\"order\" (order_id, ordered_at, known_at) VALUES ('told', '2025-01-05Z', '2025-02-05Z')",
        "INSERT INTO shop.order_item VALUES ('late', 1, 'p1', 1, 1), ('told', 1, 'p1', 1, 1)",
        "INSERT INTO shop.payment (payment_id, order_id, method, amount) VALUES ('y2', 'late', 'card', 5)",
        "INSERT INTO shop.payment VALUES ('y3', 'o1', 'card', 5, 1, NULL, '2025-02-05Z')",
        "INSERT INTO shop.\"order\" (order_id, ordered_at) VALUES ('o1', '2025-03-01Z')",
    )
    after = read(database, lake, cutoff, "2025-02-01/002")

    assert after["sha256"] == before["sha256"]
    assert after["tables"]["order"]["rows"] == 28
    assert after["tables"]["order_item"]["rows"] == 56
    assert after["tables"]["payment"]["rows"] == 1


def test_that_a_ticket_was_solved_later_is_seen_beside_its_status(database: str, lake: Lake) -> None:
    """A status is overwritten: only by a moment after D do the features see that what it says is not yet true."""
    ticket = {"ticket_id": "t1", "text": "Where is it?", "opened_at": "2025-01-30Z"}
    fill(database, shop(40) | {"ticket": [ticket | {"status": "solved", "solved_at": "2025-02-03Z"}]})
    read(database, lake, datetime(2025, 2, 1, tzinfo=UTC), "2025-02-01/001")
    (row,) = rows(lake, "ticket", "2025-02-01/001")
    assert row["status"] == "solved"
    assert row["solved_at"] is not None


def test_what_came_of_a_row_later_is_not_known_yet(database: str, lake: Lake) -> None:
    """A delivery, an arrival after D are null in D's snapshot, as in the shop of D; those before it stand."""
    later = {c.name for table in TABLES.values() for c in table.columns if c.later}
    assert later == {"delivered_at", "handed_over_at", "arrived_at", "visited_at"}
    parcels = [
        {"shipment_id": f"s{n}", "order_id": f"o{n}", "handed_over_at": handed, "delivered_at": came}
        for n, (handed, came) in enumerate(
            (("2025-01-30Z", "2025-01-31Z"), ("2025-01-31Z", "2025-02-01Z"), ("2025-02-03Z", "9999-01-01Z"))
        )
    ]
    fill(database, shop(40) | {"shipment": parcels})
    read(database, lake, datetime(2025, 2, 1, tzinfo=UTC), "2025-02-01/001")
    found = sorted(rows(lake, "shipment", "2025-02-01/001"), key=lambda row: str(row["shipment_id"]))
    assert [row["handed_over_at"] is not None for row in found] == [True, True, False]
    # What is dated beyond tomorrow is a fault, and stays to be shown.
    assert [row["delivered_at"] is not None for row in found] == [True, False, True]


def test_future_rows_and_orphans_are_read(database: str, lake: Lake) -> None:
    """Rows that are faults (dated after tomorrow, without a parent) are read, so that quarantine can show them."""
    tables = shop(1)
    tables["order"].append({"order_id": "f", "ordered_at": "2031-01-01Z"})
    tables["order"].append({"order_id": "endless", "ordered_at": "infinity"})
    tables["order_item"].append(tables["order_item"][0] | {"order_id": "f"})
    tables["order_item"].append(tables["order_item"][0] | {"order_id": "nobody"})
    fill(database, tables)

    read(database, lake)

    assert {r["order_id"] for r in rows(lake, "order")} == {"o0", "f", "endless"}
    assert {r["order_id"] for r in rows(lake, "order_item")} == {"o0", "f", "nobody"}


def test_personal_values_are_hashed(database: str, lake: Lake) -> None:
    """Equal addresses give equal pseudonyms in every table, null stays null, another key gives others, none is readable."""
    tables = shop(3)
    tables["customer"][2]["email"] = None
    fill(database, tables)

    read(database, lake)
    reader.extract(database, lake, "x/001", AS_OF, "another key", now=NOW)

    first = [row["email"] for row in rows(lake, "customer")]
    assert [row["email"] for row in rows(lake, "order")][:2] == first[:2]
    assert first[2] is None
    assert {len(value) for value in first if value} == {16}
    assert not {row["email"] for row in rows(lake, "customer", "x/001")} & set(first) - {None}


def test_sample_takes_customers_with_all_their_rows(database: str, lake: Lake) -> None:
    """A sample of three customers holds all of their rows, nobody else's, and every product."""
    fill(database, shop())

    read(database, lake, sample=3)

    customers = {row["customer_id"] for row in rows(lake, "customer")}
    orders = rows(lake, "order")
    assert len(customers) == 3
    assert {row["customer_id"] for row in orders} == customers
    assert len(orders) == 18
    assert {row["order_id"] for row in rows(lake, "order_item")} == {row["order_id"] for row in orders}
    assert len(rows(lake, "product")) == 12


def test_all_faults_of_the_schema_at_once(database: str, lake: Lake) -> None:
    """Missing table, missing column and wrong type are told together, and nothing is read."""
    fill(database, shop(1))
    execute(
        database,
        "DROP TABLE shop.customer",
        "ALTER TABLE shop.order_item DROP COLUMN quantity",
        "ALTER TABLE shop.product ALTER COLUMN price TYPE text",
        "CREATE TABLE shop.review (review_id text, written_at text)",
    )

    assert [str(fault) for fault in reader.faults(database)] == [
        "shop.customer: required table is missing",
        "shop.product.price: is text, must be number (int2, int4, int8, numeric, float4, float8)",
        "shop.order_item.quantity: required column is missing",
        "shop.review.written_at: is text, must be timestamp (timestamptz, timestamp, date)",
    ]
    with pytest.raises(ContractError, match="required table is missing"):
        read(database, lake)
    assert not lake.exists("snapshot")


def test_a_view_that_fails_names_the_table(database: str, lake: Lake) -> None:
    """An error of the shop's own view stops the extract with the table's name, and leaves no manifest."""
    fill(database, shop(1))
    execute(
        database,
        "ALTER TABLE shop.order_item RENAME TO line",
        "CREATE VIEW shop.order_item AS SELECT order_id, line_no / (quantity - 1)::int AS line_no, product_id, quantity, "
        "unit_price FROM shop.line",
    )

    with pytest.raises(ContractError, match=r"shop\.order_item could not be read") as error:
        read(database, lake)

    assert "division by zero" in error.value.came
    assert not lake.exists("snapshot", "2026-01-01/001", "manifest.json")


def test_cells_that_hold_no_value_of_their_kind_are_named(database: str, lake: Lake) -> None:
    """NaN, fractions, numbers beyond 64 bits and words that are no boolean are null, with column and value beside them."""
    tables = shop(6)
    fill(database, tables | {"review": [{"review_id": f"r{i}", "written_at": "2025-01-01Z"} for i in range(4)]})
    execute(
        database,
        "ALTER TABLE shop.order_item ALTER COLUMN line_no TYPE numeric, ALTER COLUMN quantity TYPE numeric",
        "UPDATE shop.order_item SET line_no = 1e30 WHERE order_id = 'o0' AND line_no = 1",
        "UPDATE shop.order_item SET line_no = 'NaN' WHERE order_id = 'o1' AND line_no = 1",
        "UPDATE shop.order_item SET quantity = 'NaN' WHERE order_id = 'o2' AND line_no = 1",
        "UPDATE shop.order_item SET quantity = '1e400' WHERE order_id = 'o3' AND line_no = 1",
        "ALTER TABLE shop.review ALTER COLUMN stars TYPE float8",
        "UPDATE shop.review SET stars = 4.5 WHERE review_id = 'r0'",
        "UPDATE shop.review SET stars = 5 WHERE review_id = 'r1'",
        "UPDATE shop.review SET stars = 'Infinity' WHERE review_id = 'r2'",
        "ALTER TABLE shop.product ALTER COLUMN active TYPE text",
        "UPDATE shop.product SET active = CASE product_id WHEN 'p0' THEN 'Ja' WHEN 'p1' THEN 'published' "
        "WHEN 'p2' THEN 'DRAFT' WHEN 'p3' THEN 'perhaps' END",
    )

    read(database, lake)

    lines = {
        (r["order_id"], r["quantity"] != r["quantity"], r["_unread"]) for r in rows(lake, "order_item") if r["_unread"]
    }
    assert {(order, unread.split("0000")[0]) for order, _, unread in lines} == {
        ("o0", "line_no is 1"),
        ("o1", "line_no is NaN"),
    }
    quantities = {r["order_id"]: r["quantity"] for r in rows(lake, "order_item") if r["line_no"] == 1}
    assert math.isnan(quantities["o2"])
    assert math.isinf(quantities["o3"])
    stars = {r["review_id"]: (r["stars"], r["_unread"]) for r in rows(lake, "review")}
    assert stars == {
        "r0": (None, "stars is 4.5"),
        "r1": (5, None),
        "r2": (None, "stars is Infinity"),
        "r3": (None, None),
    }
    active = {r["product_id"]: (r["active"], r["_unread"]) for r in rows(lake, "product")}
    assert [active[f"p{i}"] for i in range(5)] == [
        (True, None),
        (True, None),
        (False, None),
        (None, "active is perhaps"),
        (None, None),
    ]


def test_unreachable_server(lake: Lake) -> None:
    """A server that is not there is told without the password."""
    with pytest.raises(NightshiftError, match="cannot be reached") as error:
        reader.faults("postgresql://someone:secret@127.0.0.1:1/shop")

    assert "secret" not in str(error.value)


def test_identity_tells_loaded_shops_apart(database: str) -> None:
    """A shop's own tables go by the database's name; a loaded one by its source and what it was loaded from too."""
    fill(database, shop(1))
    own = reader.shop_identity(database)
    execute(
        database,
        "COMMENT ON SCHEMA shop IS '"
        '{"nightshift": {"source": "demo", "options": {"seed": 1}, "fingerprint": "f", "rows": {}}}'
        "'",
    )

    assert database.partition("?")[0].endswith(own)
    assert reader.shop_identity(database).startswith(own + "/demo-")


def test_text_that_is_no_utf8_is_mended() -> None:
    """Bytes that are no UTF-8, as a database in SQL_ASCII may hold, become U+FFFD; other text stays as it is."""
    broken = pa.array([b"ok \xf0\x9f\x98\x80", None, b"a\xffb"], pa.binary()).view(pa.string())

    assert valid_text(broken).to_pylist() == ["ok 😀", None, "a\ufffdb"]
