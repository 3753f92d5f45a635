"""The shop as the products see it, and shops that are empty, tiny, anonymous or huge in one place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ml.adapters import postgres
from ml.adapters.lake import Lake
from ml.adapters.quality import audit, refusal
from ml.capabilities.recommender import score
from ml.capabilities.recommender.spec import SPEC
from ml.capabilities.recommender.tables.tonight import Tonight
from ml.capabilities.recommender.templates import REASON_CODES
from ml.core.batches import batches, schema
from ml.pipeline import run_night
from ml.settings import PROJECT, Settings
from tests import small_shop
from tests.capabilities.recommender.shops import features, random_orders, table, tonight

PRODUCTS = tuple("abcdefgh")


def test_an_order_has_a_product_once_and_an_age_in_whole_days() -> None:
    """Two lines of one product are one; an order of the evening before the night is 0 days old; a guest is -1."""
    catalogue = tonight(PRODUCTS, [("ann", 0.1, ["a", "a", "b"]), (None, 1.5, ["b"]), ("bob", 1, ["c"])])
    assert catalogue.baskets.toarray()[:, :3].tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert catalogue.age.tolist() == [0, 1, 0]
    assert catalogue.customer.tolist() == [0, -1, 1]


def test_segments_need_orders_enough() -> None:
    """A segment with 100 orders has lists of its own, one with 99 has not; all have the orders of everybody."""
    orders = [("big", 1, ["a"])] * 100 + [("small", 1, ["b"])] * 99 + [(None, 1, ["c"])]
    catalogue = tonight(PRODUCTS, orders, segments={"big": "retail", "small": "wholesale"})
    assert catalogue.segments == ["", "retail"]
    assert catalogue.count(np.ones(200))[:, :3].tolist() == [[100, 99, 1], [100, 0, 0]]
    assert catalogue.total(np.ones(200)).tolist() == [200, 100]


def test_rules_of_the_shop_hide_products_everywhere() -> None:
    """What may not be shown counts as not available."""
    shown = np.array([True, False] + [True] * 6)
    assert Tonight.of(features(PRODUCTS), shown).available.tolist() == shown.tolist()


ODD = {
    "empty": features([]),
    "customers only": features([], customers=["ann"]),
    "products only": features(PRODUCTS),
    "one product, one order": features(["a"], [("ann", 1, ["a"])]),
    "one order": features(PRODUCTS, [("ann", 1, ["a", "b"])]),
    "all guests": features(PRODUCTS, [(None, d, ["a", "b"]) for d in range(1, 60)]),
    "nothing for sale": features({p: {"available": False} for p in PRODUCTS}, [("ann", d, ["a", "b"]) for d in (1, 9)]),
    "a customer of 100,000 lines": features(PRODUCTS, [("ann", 1 + i / 500, ["a", "b"]) for i in range(50_000)]),
}
TABLES = ("similar_product", "bought_together", "buy_again", "popular_product", "trending_product", "cold_start")


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("shop", ODD)
def test_odd_shops_are_no_fault(shop: str, name: str) -> None:
    """Each table is made, shows what is for sale only, and has finite scores."""
    known = ODD[shop]
    rows = table(name, known)
    sold = {p["product_id"] for p in known["product"].to_pylist() if p["available"]}
    shown = {row.get("similar_product_id") or row.get("other_product_id") or row["product_id"] for row in rows}
    assert shown <= sold
    assert all(np.isfinite(row["score"]) for row in rows)
    if name == "cold_start":
        assert len(rows) == len(sold)


@pytest.mark.parametrize("name", TABLES)
def test_rows_in_any_order_give_the_same_table(name: str) -> None:
    """Shuffled features change no bit, decayed sums included."""
    rng = np.random.default_rng(11)
    known = features(PRODUCTS, random_orders(rng, PRODUCTS, 400), segments={f"c{i}": "retail" for i in range(6)})
    mixed = {key: rows.take(pa.array(rng.permutation(len(rows)))) for key, rows in known.items()}
    assert table(name, mixed) == table(name, known)


@pytest.mark.parametrize("shop", ODD)
def test_odd_shops_pass_their_audit(shop: str, tmp_path: Path) -> None:
    """A table that may rightly be empty is no fault, and one that may not is not."""
    lake, known = Lake(str(tmp_path)), ODD[shop]
    expected = score.expected(known)
    for published in (one for one in SPEC.publishes if one.name in TABLES):
        rows = pa.Table.from_pylist(table(published.name, known), schema(published))
        lake.write_batches(
            f"{published.name}/00000.parquet", rows.to_batches() or [pa.RecordBatch.from_pylist([], rows.schema)]
        )
        units = len(set(rows[published.key[0]].to_pylist()))
        facts = {
            "rows": float(len(rows)),
            "coverage": units / expected[published.name] if expected[published.name] else 1.0,
        }
        suite = PROJECT / "expectations" / "ml" / f"{published.name}.json"
        assert refusal([audit(published, lake, published.name, suite, facts)]) == "", published.name
        assert facts["coverage"] == 1


def test_a_list_that_must_be_there_is_missed(tmp_path: Path) -> None:
    """Where something is for sale, no cold start and no popular products is a fault."""
    lake = Lake(str(tmp_path))
    for published in (one for one in SPEC.publishes if one.name in {"cold_start", "popular_product"}):
        lake.write_batches(f"{published.name}/0.parquet", list(batches(published)))
        suite = PROJECT / "expectations" / "ml" / f"{published.name}.json"
        message = refusal([audit(published, lake, published.name, suite, {"rows": 0.0, "coverage": 0.0})])
        assert "coverage at least 1" in message


def test_a_small_shop_reads_all_tables(settings: Settings) -> None:
    """A night from Postgres to Postgres: every table has a view, with what a shop of sixty orders can know."""
    shop = small_shop.shop()
    for line in shop["order_item"]:  # each customer buys the same two products again every ten days
        line["product_id"] = f"p{(int(line['order_id'][1:]) % 10 + line['line_no']) % 6}"
    small_shop.fill(settings.shop_url, shop)
    run_night(settings, date(2025, 3, 5))
    rows = {
        name: postgres.query(settings.database_url, f"SELECT * FROM ml.{name}") for name in ("recommendation", *TABLES)
    }
    assert {name for name, found in rows.items() if not found} <= {"trending_product", "similar_product"}
    assert {row["reason_code"] for row in rows["recommendation"]} <= set(REASON_CODES)
    assert all(row["expected_day"] >= row["as_of"] for row in rows["buy_again"])
    assert all(row["orders"] >= 3 and row["lift"] > 1 for row in rows["bought_together"])
