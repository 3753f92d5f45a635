"""Substitutes and complements: worked by hand, and beside slow references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.capabilities.recommender.tables import bought_together
from ml.capabilities.recommender.tables.alike import Texts, price_near
from tests.capabilities.recommender.shops import features, lists, random_orders, table, tonight

PRODUCTS = tuple("abcdefgh")


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_companions_equal_the_obvious_way(seed: int) -> None:
    """Ids, order, scores and counts of the compiled companions are those of counting pair by pair."""
    rng = np.random.default_rng(seed)
    catalogue = tonight(PRODUCTS, random_orders(rng, PRODUCTS[: rng.integers(2, 9)], int(rng.integers(0, 60))))
    allowed = rng.random(len(PRODUCTS)) < 0.8
    orders = bought_together.baskets(catalogue)
    ids, scores, counts = bought_together.complements(orders, allowed, 3)
    for i, expected in enumerate(bought_together.complements_reference(orders, allowed, 3)):
        found = ids[i] >= 0
        assert ids[i][found].tolist() == [j for j, _, _ in expected]
        assert scores[i][found].tolist() == pytest.approx([score for _, score, _ in expected], abs=1e-6)
        assert counts[i][found].tolist() == [c for *_, c in expected]


def test_co_orders_are_counted() -> None:
    """The orders with both, for any pairs, are those of the plain product of the baskets."""
    catalogue = tonight(PRODUCTS, random_orders(np.random.default_rng(1), PRODUCTS, 80))
    orders = bought_together.baskets(catalogue)
    i, j = np.divmod(np.arange(64), 8)
    b = orders.orders.toarray().astype(int)
    assert bought_together.co_orders(orders, i, j).tolist() == (b.T @ b).ravel().tolist()


def test_together_by_hand() -> None:
    """Of ten orders of two products four hold a and b: lift 4 · 10 / (5 · 4), lower bound of 4 of 5 less 4 / 10."""
    orders = [("u", 1, ["a", "b"])] * 4 + [(None, 1, ["a", "c"])] + [(None, 1, ["d", "e"])] * 5 + [("u", 1, ["b"])] * 9
    rows = [row for row in table("bought_together", features(PRODUCTS, orders)) if row["product_id"] == "a"]
    p, z2 = 4 / 5, bought_together.Z**2 / 5
    low = (p + z2 / 2 - np.sqrt(z2 * (p * (1 - p) + z2 / 4))) / (1 + z2)
    assert len(rows) == 1
    assert rows[0] | {"score": None} == {
        "product_id": "a",
        "rank": 1,
        "other_product_id": "b",
        "score": None,
        "orders": 4,
        "lift": 2.0,
        "reason": "often bought together with a",
    }
    assert rows[0]["score"] == pytest.approx(low - 0.4, abs=1e-6)


def test_small_numbers_and_what_is_in_every_order_go_with_nothing() -> None:
    """Two orders with both are an accident, and a bag that everybody takes says nothing of a product."""
    orders = [("u", 1, ["a", "b"])] * 2 + [("u", 1, [x, "h"]) for x in "abcdefg" * 4]
    assert table("bought_together", features(PRODUCTS, orders)) == []


def test_two_of_a_kind_are_no_complements() -> None:
    """Phones often bought two at a time are listed after the case, though more orders hold both phones."""
    products = {
        "black": {"title": "Smartphone black", "category": "phones"},
        "white": {"title": "Smartphone white", "category": "phones"},
        "case": {"title": "Phone case", "category": "cases"},
        "x": {},
        "y": {},
    }
    orders = [("u", 1, ["black", "white"])] * 9 + [("u", 1, ["black", "case"])] * 8 + [(None, 1, ["x", "y"])] * 80
    found = lists(table("bought_together", features(products, orders)), "product_id", "other_product_id")
    assert found["black"] == ["case", "white"]
    plain = {name: fact | {"category": ""} for name, fact in products.items()}
    found = lists(table("bought_together", features(plain, orders)), "product_id", "other_product_id")
    assert found["black"] == ["white", "case"]


def test_a_resellers_order_counts_for_nothing() -> None:
    """An order of more than 100 products makes no pairs."""
    many = [f"p{i:03d}" for i in range(bought_together.MOST_PRODUCTS + 1)]
    orders = [("u", 1, many)] * 9
    assert table("bought_together", features(many, orders)) == []
    assert table("bought_together", features(many, [*orders, *[("u", 1, [p]) for p in many]])) == []


def test_cosine_of_words_equals_the_plain_product() -> None:
    """The walk along two rows gives their scalar product; the same words in another order are 1, none in common 0."""
    catalogue = tonight(
        {
            "a": {"title": "Red cup, LARGE"},
            "b": {"title": "large RED cup"},
            "c": {"title": "чайник"},
            "d": {"title": "red"},
            "e": {"title": "—"},
        }
    )
    texts = Texts.of(catalogue)
    i, j = np.divmod(np.arange(25), 5)
    cosine = texts.cosine(i, j).reshape(5, 5)
    assert cosine == pytest.approx((texts.words @ texts.words.T).toarray(), abs=1e-6)
    assert cosine[0, 1] == pytest.approx(1, abs=1e-6)
    assert cosine[0, 2] == cosine[4, 4] == 0
    assert 0 < cosine[0, 3] < 1


def test_price_near_is_the_ratio() -> None:
    """Twice the price is ½, and so is an unknown one or one of nothing."""
    catalogue = tonight({"a": {"price": 5.0}, "b": {"price": 10.0}, "c": {"price": None}, "d": {"price": 0.0}})
    assert price_near(catalogue, np.array([0, 1, 0, 0, 0]), np.array([1, 0, 0, 2, 3])).tolist() == [
        0.5,
        0.5,
        1,
        0.5,
        0.5,
    ]


PHONES = {
    "p1": {"title": "Smartphone Alba 128", "category": "phones", "price": 500.0},
    "p2": {"title": "Smartphone Borea 128", "category": "phones", "price": 480.0},
    "p3": {"title": "Smartphone Corma 128", "category": "phones", "price": 500.0},
    "case": {"title": "Smartphone case Alba", "category": "cases", "price": 20.0},
    "gone": {"title": "Smartphone Alba 128", "category": "phones", "price": 500.0, "available": False},
}


def test_a_phones_substitutes_are_phones() -> None:
    """A case that all its buyers buy with it is none, nor is a phone that is not for sale, which has some itself."""
    orders = [("u", 1, ["p1", "case"])] * 9
    looks = [(f"v{i}", p) for i in range(9) for p in ("p1", "p3", "case")]
    rows = table("similar_product", features(PHONES, orders, looks=looks))
    found = lists(rows, "product_id", "similar_product_id")
    assert found["p1"] == ["p3", "p2"]
    assert set(found["gone"]) == {"p1", "p2", "p3"}
    assert "case" not in found
    assert {row["similar_product_id"]: row["reason"] for row in rows if row["product_id"] == "p1"} == {
        "p3": "looked at or bought by the same customers",
        "p2": "similar to Smartphone Alba 128",
    }


def test_what_is_bought_in_one_basket_is_no_substitute() -> None:
    """Of two phones equally alike and seen by as many, the one that goes into the same basket comes last."""
    orders = [(f"v{i}", 1, ["p1", "p2"]) for i in range(9)] + [(f"v{i}", 2, ["p3"]) for i in range(9)]
    same = PHONES | {"p2": PHONES["p3"]}
    assert lists(table("similar_product", features(same, orders)), "product_id", "similar_product_id")["p1"][0] == "p3"


def test_a_new_product_has_substitutes_the_first_night() -> None:
    """Words, category and price are enough."""
    found = lists(table("similar_product", features(PHONES)), "product_id", "similar_product_id")
    assert set(found["p2"]) == {"p1", "p3"}


def test_without_categories_words_decide() -> None:
    """Products of no category need words in common."""
    known = features({"a": {"title": "red cup"}, "b": {"title": "red mug"}, "c": {"title": "lamp"}})
    found = lists(table("similar_product", known), "product_id", "similar_product_id")
    assert found == {"a": ["b"], "b": ["a"]}
