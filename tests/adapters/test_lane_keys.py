"""A lane may have keys of several columns, from several tables."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from ml.adapters import postgres
from ml.adapters.batches import lane
from ml.adapters.lake import Lake
from ml.adapters.shop import increment
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.errors import DataRefused
from ml.core.spec import Live, Published, PublishedColumn

KEY = ("order_id", "product_id")
LIVE = Live({"order_item": KEY, "review": KEY}, ("order",), "line_watch")
TABLE = Published(
    "line_watch",
    "What is said of each line.",
    KEY,
    (
        PublishedColumn("order_id", "text", "The order."),
        PublishedColumn("product_id", "text", "The product."),
        PublishedColumn("score", "number", "How it is."),
    ),
)


def write(lake: Lake, name: str, rows: list[dict]) -> None:
    """Rows as the clean new ones of a contract table; what is not given is null."""
    kinds = {column.name: ARROW[column.kind] for column in TABLES[name].columns}
    table = pa.table({column: pa.array([row.get(column) for row in rows], kind) for column, kind in kinds.items()})
    lake.write_batches(f"new/clean/{name}/00000.parquet", table.to_batches())


def found(tmp_path, items: list[dict], reviews: list[dict]) -> dict[tuple[str, str], str]:
    """Digest by key of what is new."""
    lake = Lake(str(tmp_path))
    write(lake, "order_item", items)
    write(lake, "review", reviews)
    with closing(lake.duckdb(1, 1)) as connection:
        rows = increment.digests(connection, lake, "new", LIVE, KEY, ["order_item", "review"]).to_pylist()
    return {(row["order_id"], row["product_id"]): row["inputs"] for row in rows}


def test_keys_come_from_every_table_that_has_them(tmp_path) -> None:
    """A line and a review of the same order and product are one key; a row without a whole key asks for nothing."""
    items = [{"order_id": "a", "product_id": "p"}, {"order_id": "a", "product_id": "q"}]
    reviews = [
        {"review_id": "1", "order_id": "a", "product_id": "p"},
        {"review_id": "2", "order_id": "b", "product_id": "p"},
        {"review_id": "3", "product_id": "p"},
    ]
    before = found(tmp_path / "before", items, reviews[1:])
    after = found(tmp_path / "after", items, reviews)
    assert set(after) == {("a", "p"), ("a", "q"), ("b", "p")} == set(before)
    assert {key for key in after if after[key] != before[key]} == {("a", "p")}


def test_rows_are_put_in_place_by_the_whole_key(settings) -> None:
    """Of two keys that share a column only the one that is meant changes; a key without a row loses the one it had."""
    url, at = settings.database_url, datetime(2025, 3, 1, tzinfo=UTC)
    lane.ensure(url, TABLE)

    def put(scores: dict[tuple[str, str], float], keys: list[tuple[str, str]], run: int) -> tuple[int, int]:
        rows = pa.table(
            {
                "order_id": [order for order, _ in scores],
                "product_id": [product for _, product in scores],
                "score": pa.array(list(scores.values()), pa.float64()),
            }
        )
        requested = [{"order_id": order, "product_id": product, "inputs": f"{run}"} for order, product in keys]
        return lane.upsert(
            url, TABLE, rows, pa.Table.from_pylist(requested, lane.keys_of(TABLE)), lane.Origin(1, at, run)
        )

    both = [("a", "p"), ("a", "q")]
    assert put(dict.fromkeys(both, 1.0), both, 1) == (2, 0)
    assert put({("a", "q"): 2.0}, [("a", "q")], 2) == (1, 0)
    rows = postgres.query(url, "SELECT product_id, score, inputs FROM ml_batch.line_watch_live ORDER BY product_id")
    assert [tuple(row.values()) for row in rows] == [("p", 1.0, "1"), ("q", 2.0, "2")]
    assert put({}, [("a", "p")], 3) == (0, 1)
    assert lane.scored(url, TABLE).to_pylist() == [{"order_id": "a", "product_id": "q", "inputs": "2"}]
    with pytest.raises(DataRefused, match="null in score"):
        put({("c", "p"): None}, [("c", "p")], 4)
