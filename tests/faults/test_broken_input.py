"""Broken input, from the shop's Postgres to the message that its engineer reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml.adapters import quality
from ml.adapters.lake import Lake
from ml.adapters.shop import extract as reader
from ml.core.errors import ContractError
from ml.settings import PROJECT
from tests.small_shop import execute, fill, shop

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, 2, tzinfo=UTC)
REF = "2026-01-01/001"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(str(tmp_path / "lake"))


def refusal_of(url: str, lake: Lake, ref: str = REF, **options: Any) -> str:
    """Extract, validate, and return what the user reads if the night is refused."""
    reader.extract(url, lake, ref, AS_OF, "key", now=NOW)
    suites = PROJECT / "expectations" / "shop"
    return quality.refusal(quality.validate_snapshot(lake, ref, suites, threads=1, memory_gb=1, **options))


def rules(lake: Lake, table: str) -> list[tuple[str, str]]:
    """Key and rule of each line in a table's quarantine."""
    lines = lake.read_parquet("snapshot", REF, "quarantine", f"{table}.parquet").to_pylist()
    return sorted((line["row_key"], line["rule"]) for line in lines)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP TABLE shop.order_item", "shop.order_item: required table is missing"),
        ("ALTER TABLE shop.product DROP COLUMN product_id", "shop.product.product_id: required column is missing"),
        (
            'ALTER TABLE shop."order" ALTER COLUMN ordered_at TYPE text',
            "shop.order.ordered_at: is text, must be timestamp (timestamptz, timestamp, date)",
        ),
        (
            "ALTER TABLE shop.order_item ALTER COLUMN quantity TYPE boolean USING true",
            "shop.order_item.quantity: is bool, must be number (int2, int4, int8, numeric, float4, float8)",
        ),
    ],
)
def test_schema_that_does_not_fit(database: str, lake: Lake, statement: str, message: str) -> None:
    """A missing table or column or a wrong type stops the night before anything is read, and says which."""
    fill(database, shop(5))
    execute(database, statement)

    with pytest.raises(ContractError) as error:
        refusal_of(database, lake)

    assert error.value.came == message
    assert "docs/contract.md" in error.value.do


@pytest.mark.parametrize(
    ("statement", "messages"),
    [
        (
            "UPDATE shop.order_item SET unit_price = NULL",
            ["order_item: 120 of 120 rows (100.0 %) are broken, 5.0 % are tolerated", "unit_price not null: 120 rows"],
        ),
        (
            'INSERT INTO shop."order" SELECT o.* FROM shop."order" o',
            ["order: 60 of 120 rows (50.0 %)", "unique order_id: 60 rows (50.0 %), e.g. o"],
        ),
        (
            "UPDATE shop.order_item SET order_id = 'x' || order_id WHERE line_no = 2",
            ["order_item: 60 of 120 rows (50.0 %)", "order_id is in order: 60 rows (50.0 %), e.g. xo0/2"],
        ),
        (
            "UPDATE shop.\"order\" SET ordered_at = '2031-01-01Z' WHERE order_id < 'o3'",
            ["order: ", "ordered_at not in the future", "order_item: ", "order_id is in order"],
        ),
        (
            "UPDATE shop.order_item SET unit_price = -unit_price",
            [
                "order_item: 0 of 120 rows (0.0 %) are broken, 5.0 % are tolerated",
                "used_share at least 0.01: it is 0",
            ],
        ),
        (
            "UPDATE shop.product SET price = -1",
            ["product: 12 of 12", "price at least 0 and below 10000000.0", "p0, p1"],
        ),
        ("TRUNCATE shop.customer", ["customer: 0 of 0 rows", "rows at least 1: it is 0"]),
    ],
    ids=["all null", "duplicates", "orphans", "future", "negative price", "negative product price", "empty"],
)
def test_broken_rows_beyond_what_is_tolerated(database: str, lake: Lake, statement: str, messages: list[str]) -> None:
    """A table that is broken as a whole is refused with its rules, counts, shares, example keys and reasons."""
    fill(database, shop())
    execute(database, statement)

    message = refusal_of(database, lake)

    for part in messages:
        assert part in message


def test_a_few_broken_rows_go_to_quarantine(database: str, lake: Lake) -> None:
    """Strays of every sort are set aside, each with its rule, and the night goes on."""
    fill(database, shop(200))
    execute(
        database,
        "UPDATE shop.order_item SET unit_price = -1 WHERE order_id = 'o7' AND line_no = 1",
        "UPDATE shop.order_item SET product_id = 'gone' WHERE order_id = 'o8' AND line_no = 1",
        "UPDATE shop.\"order\" SET ordered_at = '2031-01-01Z' WHERE order_id = 'o9'",
        "UPDATE shop.\"order\" SET ordered_at = '1970-01-01Z' WHERE order_id = 'o10'",
        'INSERT INTO shop."order" SELECT * FROM shop."order" WHERE order_id = \'o11\'',
    )

    assert refusal_of(database, lake) == ""
    assert rules(lake, "order") == [
        ("o10", "ordered_at not before 1990"),
        ("o11", "unique order_id"),
        ("o9", "ordered_at not in the future"),
    ]
    assert rules(lake, "order_item") == [
        ("o10/1", "order_id is in order"),
        ("o10/2", "order_id is in order"),
        ("o7/1", "unit_price at least 0"),
        ("o8/1", "product_id is still in product"),
        ("o9/1", "order_id is in order"),
        ("o9/2", "order_id is in order"),
    ]


def test_ten_times_the_rows_overnight(database: str, lake: Lake) -> None:
    """Ten times the rows of the night before are refused, with the ratio and the way to say that it is meant."""
    fill(database, shop(40))
    yesterday = reader.extract(database, lake, "2025-12-31/001", AS_OF - timedelta(days=1), "key", now=NOW)
    fill(database, shop(336))
    execute(
        database,
        "INSERT INTO shop.\"order\" (order_id, ordered_at) SELECT 'n' || i, '2025-12-30Z' FROM generate_series(1, 64) i",
    )

    message = refusal_of(database, lake, previous_manifest=yesterday)

    assert "order: 0 of 400 rows" in message
    assert "growth_per_day at most 3: it is 3.57" in message
    assert "--accept-growth" in message
    assert refusal_of(database, lake, previous_manifest=yesterday, accept_growth=True) == ""


def test_strange_text_comes_through(database: str, lake: Lake) -> None:
    """Emoji, SQL, quotes, escapes that look like NUL and line breaks arrive as they are; of 10 MB in a title the product stays."""
    fill(database, shop(40))
    titles = [
        "😀👩‍👩‍👧",
        "'; DROP TABLE shop.customer; --",
        r"\x00 \u0000 \N",
        'a "q" \\ \n\r\t b',
        "\u202eright to left",
        "",
    ]
    for number, title in enumerate(titles):
        execute(database, f"UPDATE shop.product SET title = $t${title}$t$ WHERE product_id = 'p{number}'")
    execute(database, *(f"INSERT INTO shop.product (product_id) VALUES ('q{i}')" for i in range(30)))
    execute(database, "INSERT INTO shop.product (product_id, title) VALUES ('huge', repeat('x', 10000000))")

    assert refusal_of(database, lake) == ""
    clean = lake.read_parquet("snapshot", REF, "clean", "product").to_pylist()
    assert {row["product_id"]: row["title"] for row in clean}["p2"] == titles[2]
    assert set(titles) <= {row["title"] for row in clean}
    assert rules(lake, "product") == []
    assert len({row["product_id"]: row["title"] for row in clean}["huge"] or "") <= 100_000
