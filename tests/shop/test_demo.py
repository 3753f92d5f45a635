"""The demo shop keeps the contract: at any size, byte for byte by seed, and broken only where it says so."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import cache

import duckdb
import pyarrow as pa
import pytest

from ml.contract.table import Table
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.errors import NightshiftError
from ml.shop.sources import demo
from ml.shop.sources.demo import TRUTH, TRUTH_SCHEMA, Options, tables
from ml.shop.sources.demo.catalogue import catalogue
from ml.shop.sources.demo.clock import clock
from ml.shop.sources.demo.stock import Sales

CONTRACT = [name for name in TABLES if name not in demo.NOT_MADE]
BY_NAME: dict[str, Table] = {**TABLES, **{f"{TRUTH_SCHEMA}.{name}": table for name, table in TRUTH.items()}}
SIZES = (200, 6000)
BROKEN = 0.01


@cache
def shop(customers: int = 200, seed: int = 7, faults: float = 0.0) -> dict[str, pa.Table]:
    """A shop's tables by name, made once."""
    generated = tables(customers=customers, seed=seed, faults=faults)
    return {name: pa.Table.from_batches(batches) for name, batches in generated}


def ask(shop_tables: dict[str, pa.Table], query: str) -> list[tuple[object, ...]]:
    """Answer of a query over the tables; those of the truth begin with ``truth_``."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in shop_tables.items():
            connection.register(name.replace(f"{TRUTH_SCHEMA}.", "truth_"), table)
        return connection.execute(query).fetchall()


def test_tables_come_in_contract_order_then_the_truth() -> None:
    """A table comes after those that it references, and the truth at the end."""
    assert list(shop()) == [*CONTRACT, *(f"{TRUTH_SCHEMA}.{name}" for name in TRUTH)]


@pytest.mark.parametrize("name", [*CONTRACT, *(f"{TRUTH_SCHEMA}.{name}" for name in TRUTH)])
def test_columns_are_those_of_the_contract(name: str) -> None:
    """Each table has exactly its columns, in order and of their kinds."""
    expected = pa.schema([(column.name, ARROW[column.kind]) for column in BY_NAME[name].columns])
    assert shop()[name].schema == expected


@pytest.mark.parametrize("customers", SIZES)
@pytest.mark.parametrize("name", [*CONTRACT, *(f"{TRUTH_SCHEMA}.{name}" for name in TRUTH)])
def test_keys_are_unique_and_required_columns_are_filled(name: str, customers: int) -> None:
    """No key comes twice and no required column is null."""
    rows, table = shop(customers)[name], BY_NAME[name]
    assert rows.group_by(list(table.key)).aggregate([]).num_rows == rows.num_rows
    assert {column.name: rows[column.name].null_count for column in table.columns if column.required} == {
        column.name: 0 for column in table.columns if column.required
    }


@pytest.mark.parametrize("customers", SIZES)
@pytest.mark.parametrize(
    ("table", "column", "to", "key"),
    [(name, *reference) for name in CONTRACT for reference in TABLES[name].references],
)
def test_references_hold(customers: int, table: str, column: str, to: str, key: str) -> None:
    """Each reference finds its row."""
    orphans = f'SELECT count(*) FROM "{table}" WHERE {column} NOT IN (SELECT {key} FROM "{to}")'
    assert ask(shop(customers), orphans) == [(0,)]


@pytest.mark.parametrize("customers", SIZES)
@pytest.mark.parametrize(
    "wrong",
    [
        '"order" JOIN customer USING (customer_id) WHERE ordered_at < registered_at',
        '"order" JOIN order_item USING (order_id) JOIN product USING (product_id) WHERE ordered_at < listed_at',
        '"order" WHERE known_at < ordered_at',
        '"order" JOIN order_outcome o USING (order_id) WHERE o.known_at < coalesce("order".known_at, ordered_at)',
        '"order" JOIN payment USING (order_id) WHERE paid_at < coalesce(known_at, ordered_at)',
        '"order" JOIN cart USING (order_id) WHERE added_at >= ordered_at',
        '"order" o JOIN review r USING (order_id) WHERE written_at < coalesce(o.known_at, ordered_at)',
        '"order" JOIN ticket USING (order_id) WHERE opened_at < coalesce(known_at, ordered_at)',
        "event JOIN customer USING (customer_id) WHERE occurred_at < registered_at",
        "event JOIN product USING (product_id) WHERE occurred_at < listed_at",
        "stock JOIN product USING (product_id) WHERE counted_at < listed_at",
        "campaign JOIN customer USING (customer_id) WHERE sent_at < registered_at OR visited_at < sent_at",
        "erasure JOIN customer USING (customer_id) WHERE requested_at < registered_at",
    ],
)
def test_dates_are_in_order(customers: int, wrong: str) -> None:
    """Nothing happens before what it needs, and nothing is known before it happens."""
    assert ask(shop(customers), f"SELECT count(*) FROM {wrong}") == [(0,)]


@pytest.mark.parametrize("name", CONTRACT)
def test_nothing_is_later_than_the_end(name: str) -> None:
    """A shop of an end holds only what it could know by then; what is promised lies ahead."""
    times = [column.name for column in TABLES[name].columns if column.kind == "timestamp"]
    times = [column for column in times if not column.startswith(("promised", "expected"))]
    for column in times:
        assert ask(shop(6000), f"SELECT count(*) FROM \"{name}\" WHERE {column} >= '{demo.END}'") == [(0,)]


def test_totals_are_the_sum_of_lines_and_payments() -> None:
    """Total = lines - coupon + shipping, and what is paid never exceeds it."""
    lines = "SELECT order_id, sum(quantity * unit_price) goods FROM order_item GROUP BY ALL"
    shop_tables = shop(6000)
    differs = f"""SELECT count(*) FROM "order" JOIN ({lines}) USING (order_id) LEFT JOIN coupon USING (order_id)
                  WHERE abs(goods - coalesce(discount, 0) + shipping - total) > 0.006"""
    assert ask(shop_tables, differs) == [(0,)]
    paid = "SELECT order_id, sum(amount) paid FROM payment GROUP BY ALL"
    assert ask(
        shop_tables, f'SELECT count(*) FROM "order" JOIN ({paid}) USING (order_id) WHERE paid > total + 0.006'
    ) == [(0,)]


def test_same_seed_same_bytes() -> None:
    """The same options give equal tables, another seed gives others."""
    again = {name: pa.Table.from_batches(batches) for name, batches in tables(customers=200, faults=0.0)}
    assert again == shop()
    assert shop(seed=8)["order"] != shop()["order"]


def test_a_chunk_does_not_depend_on_the_chunks_before() -> None:
    """The second chunk made alone holds the rows that it has in the whole shop."""
    options = Options(customers=6000, faults=0.0)
    products, hours = catalogue(options), clock(options)
    alone = dict(demo._chunk(options, 1, products, hours, Sales(options, products.products)))
    for name in ("customer", "order", "event", "review"):
        whole = shop(6000)[name].combine_chunks()
        assert pa.Table.from_batches([alone[name]]) == whole.slice(whole.num_rows - alone[name].num_rows)


def test_planted_faults_are_exactly_those_recorded() -> None:
    """What breaks a rule is what ``demo_truth.fault`` tells, no more and no less."""
    shop_tables = shop(2000, faults=BROKEN)
    found = ask(
        shop_tables,
        """
        SELECT 'order_item', order_id || '/' || line_no, 'orphan' FROM order_item
            WHERE product_id NOT IN (SELECT product_id FROM product)
        UNION ALL SELECT 'order_item', order_id || '/' || line_no, 'negative' FROM order_item WHERE unit_price < 0
        UNION ALL SELECT 'event', event_id, 'duplicate' FROM event GROUP BY event_id HAVING count(*) > 1
        UNION ALL SELECT 'review', review_id, 'duplicate' FROM review GROUP BY review_id HAVING count(*) > 1
        UNION ALL SELECT 'event', event_id, 'future' FROM event WHERE occurred_at >= '2030-01-01'
        """,
    )
    recorded = ask(shop_tables, "SELECT * FROM truth_fault")
    assert sorted(recorded) == sorted(found)
    assert set(Counter(fault for _, _, fault in recorded)) == {"orphan", "negative", "duplicate", "future"}


def test_faults_leave_the_other_rows_alone() -> None:
    """A share of faults changes the broken rows and nothing else."""
    clean, broken = shop(200), shop(200, faults=BROKEN)
    touched = {"order_item", "event", "review", "demo_truth.fault"}
    assert {name for name in clean if clean[name] != broken[name]} <= touched


@pytest.mark.parametrize(
    "options",
    [
        {"customers": 199},
        {"customers": 1_000_001},
        {"customers": 2000.0},
        {"seed": -1},
        {"end": "2026-01-01"},
        {"days": 30},
        {"faults": 0.5},
        {"customers": 3, "seed": -1, "days": 0},
    ],
)
def test_a_bad_option_is_told_at_once(options: dict[str, object]) -> None:
    """Every option out of range is named with its value, before anything is made."""
    with pytest.raises(NightshiftError) as refused:
        tables(**options)  # type: ignore[arg-type]
    for name, value in options.items():
        assert f"{name}={value!r}" in refused.value.came


def test_end_and_days_bound_the_business() -> None:
    """Orders lie in the days before the end."""
    shop_tables = {
        n: pa.Table.from_batches(b) for n, b in tables(customers=200, end=date(2024, 5, 1), days=120, faults=0.0)
    }
    first, last = ask(shop_tables, 'SELECT min(ordered_at)::date, max(ordered_at)::date FROM "order"')[0]
    assert date(2024, 1, 2) <= first < last < date(2024, 5, 1)  # type: ignore[operator]
