"""The shop as the products see it, and shops that are empty, tiny, anonymous or huge in one place."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from ml.capabilities.recommender.products.tonight import Tonight
from tests.capabilities.recommender.shops import features, random_orders, table, tonight

PRODUCTS = tuple("abcdefgh")


def test_an_order_has_a_product_once_and_an_age_in_whole_days() -> None:
    """Two lines of one product are one; an order of the evening before the night is 0 days old; a guest is -1."""
    made = tonight(PRODUCTS, [("ann", 0.1, ["a", "a", "b"]), (None, 1.5, ["b"]), ("bob", 1, ["c"])])
    assert made.baskets.toarray()[:, :3].tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert made.age.tolist() == [0, 1, 0]
    assert made.customer.tolist() == [0, -1, 1]


def test_segments_need_orders_enough() -> None:
    """A segment with 100 orders has lists of its own, one with 99 has not; all have the orders of everybody."""
    orders = [("big", 1, ["a"])] * 100 + [("small", 1, ["b"])] * 99 + [(None, 1, ["c"])]
    made = tonight(PRODUCTS, orders, segments={"big": "retail", "small": "wholesale"})
    assert made.segments == ["", "retail"]
    assert made.count(np.ones(200))[:, :3].tolist() == [[100, 99, 1], [100, 0, 0]]
    assert made.total(np.ones(200)).tolist() == [200, 100]


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
    made = ODD[shop]
    rows = table(name, made)
    sold = {p["product_id"] for p in made["product"].to_pylist() if p["available"]}
    shown = {row.get("similar_product_id") or row.get("other_product_id") or row["product_id"] for row in rows}
    assert shown <= sold
    assert all(np.isfinite(row["score"]) for row in rows)
    if name == "cold_start":
        assert len(rows) == len(sold)


@pytest.mark.parametrize("name", TABLES)
def test_rows_in_any_order_give_the_same_table(name: str) -> None:
    """Shuffled features change no bit, decayed sums included."""
    rng = np.random.default_rng(11)
    made = features(PRODUCTS, random_orders(rng, PRODUCTS, 400), segments={f"c{i}": "retail" for i in range(6)})
    mixed = {key: rows.take(pa.array(rng.permutation(len(rows)))) for key, rows in made.items()}
    assert table(name, mixed) == table(name, made)
