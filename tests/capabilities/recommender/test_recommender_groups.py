"""Lists by segment and category: popular, trending, and for strangers; worked by hand, and beside slow references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from ml.capabilities.recommender.tables import cold_start, groups, popular_product, trending_product
from ml.capabilities.recommender.tables.tonight import drawn
from tests.capabilities.recommender.shops import features, table, tonight

PRODUCTS = tuple("abcdefgh")


def test_popularity_by_hand() -> None:
    """Halves in ten days (and a thousandth in 180); guests count; the score is the share of all."""
    orders = [("ann", 0.5, ["a"]), (None, 0.5, ["a", "b"]), ("bob", 10.5, ["b"])]
    rows = table("popular_product", features(PRODUCTS, orders))
    old = 0.5 + 0.5 ** (10 / 180) / 1000
    assert [(row["segment"], row["category"], row["rank"], row["product_id"]) for row in rows] == [
        ("", "", 1, "a"),
        ("", "", 2, "b"),
    ]
    total = 3 * 1.001 + old
    assert [row["score"] for row in rows] == pytest.approx([2 * 1.001 / total, (1.001 + old) / total], abs=1e-6)


def test_popular_says_only_what_is_true() -> None:
    """Last bought half a year ago, or twice in a month, a product is from the range, not popular this month."""
    rows = table("popular_product", features(PRODUCTS, [("ann", n, ["a"]) for n in (1, 2, 3)] + [("ann", 180, ["b"])]))
    assert [row["reason"] for row in rows] == ["popular this month", "from our range"]
    rows = table("popular_product", features(PRODUCTS, [("ann", 1, ["a"]), ("ann", 2, ["a"])]))
    assert [row["reason"] for row in rows] == ["from our range"]


def test_popular_by_segment_and_category() -> None:
    """A segment has its own favourites, in all and in each category of which it knows enough."""
    products = {"a": {"category": "x"}, "b": {"category": "x"}, "c": {"category": "y"}}
    orders = [("r", 1, ["a"])] * 150 + [("w", 1, ["b"])] * 120 + [("w", 1, ["c"])] * 20
    known = features(products, orders, segments={"r": "retail", "w": "wholesale"})
    found = {(r["segment"], r["category"]): [] for r in table("popular_product", known)}
    for row in table("popular_product", known):
        found[row["segment"], row["category"]].append(row["product_id"])
    assert found == {
        ("", ""): ["a", "b", "c"],
        ("", "x"): ["a", "b"],
        ("", "y"): ["c"],
        ("retail", ""): ["a", "b", "c"],
        ("retail", "x"): ["a", "b"],
        ("wholesale", ""): ["b", "a", "c"],
        ("wholesale", "x"): ["b", "a"],
    }
    reasons = {
        row["reason"] for row in table("popular_product", known) if row["segment"] == "wholesale" and row["rank"] == 1
    }
    assert reasons == {"popular with wholesale customers this month"}


def test_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more groups than the bound, those with most orders; the list of all is always there; 50 of each."""
    products = {f"p{i:03d}": {"category": f"c{i % 9}"} for i in range(900)}
    orders = [(None, 1, [p]) for n, p in enumerate(products) for _ in range(1 + (n % 9 == 4))]
    monkeypatch.setattr(groups, "MOST_GROUPS", 3)
    rows = table("popular_product", features(products, orders))
    assert [row["category"] for row in rows if row["rank"] == 1] == ["", "c0", "c4"]
    assert max(row["rank"] for row in rows) == popular_product.K


def test_drawn_is_between() -> None:
    """Shares lie between the group's own and the whole shop's, and add up to 1."""
    mixed = drawn(np.array([[10.0, 0, 0]]), np.array([1.0, 1, 2]))
    assert mixed.sum() == pytest.approx(1)
    assert 0.25 < mixed[0, 0] < 1


def _sold(what: str, recent: int, earlier: int) -> list[tuple]:
    """Orders spread over the last 14 days and the 56 before."""
    new = [(None, 0.01 + 13.9 * i / max(1, recent), [what]) for i in range(recent)]
    return new + [(None, 14.01 + 55.9 * i / max(1, earlier), [what]) for i in range(earlier)]


def test_growth_by_hand() -> None:
    """30 of 100 orders now, 30 of 400 before: four times; the lower bound is that of the binomial test."""
    orders = [*_sold("a", 30, 30), *_sold("b", 70, 370)]
    rows = table("trending_product", features({p: {"listed": 300} for p in PRODUCTS}, orders))
    bound = binomtest(30, 60, 0.2, alternative="greater").proportion_ci(0.95, "exact").low
    assert [(row["product_id"], row["segment"], row["category"], row["rank"]) for row in rows] == [("a", "", "", 1)]
    assert rows[0]["growth"] == pytest.approx((30.5 / 100) / (30.5 / 400))
    assert rows[0]["score"] == pytest.approx(bound / (1 - bound) * 4)
    assert rows[0]["reason"] == "in demand: bought more than before"


def test_small_numbers_do_not_trend() -> None:
    """Three orders against one before are chance; thirty against ten are not."""
    assert table("trending_product", features(PRODUCTS, [*_sold("a", 3, 4), *_sold("b", 97, 396)])) == []
    rows = table("trending_product", features(PRODUCTS, [*_sold("a", 30, 40), *_sold("b", 970, 3960)]))
    assert [row["product_id"] for row in rows] == ["a"]


def test_chance_alone_seldom_trends() -> None:
    """Of 2,000 products sold at random, in which nothing grows, none or hardly one is listed."""
    rng = np.random.default_rng(5)
    names = [f"p{i:04d}" for i in range(2000)]
    days = rng.uniform(0, 200, 40_000)
    what = rng.integers(0, 2000, len(days))
    orders = [(None, day, [names[i]]) for day, i in zip(days, what, strict=True)]
    assert len(table("trending_product", features(names, orders))) <= 1


def test_a_season_of_the_whole_shop_is_no_trend() -> None:
    """Where everything is bought five times as much, nothing trends."""
    assert table("trending_product", features(PRODUCTS, [*_sold("a", 100, 80), *_sold("b", 200, 160)])) == []


def test_what_is_new_has_no_rate_to_grow_from() -> None:
    """A product first sold a week ago does not trend; one listed long ago that nobody wanted until now does."""
    orders = [*[(None, 7 * i / 40, ["a"]) for i in range(40)], *_sold("b", 100, 400)]
    assert table("trending_product", features(PRODUCTS, orders)) == []
    listed = {p: {"listed": 300} for p in PRODUCTS}
    assert [row["product_id"] for row in table("trending_product", features(listed, orders))] == ["a"]


def test_false_discoveries_are_bounded_as_benjamini_and_hochberg_say() -> None:
    """p_(i) ≤ i α / n for the largest such i, and all below it."""
    p = np.array([0.001, 0.012, 0.045, 0.031, 1.0])
    assert trending_product._few_false(p, np.ones(5, bool)).tolist() == [True, True, False, False, False]
    assert trending_product._few_false(p, np.array([True, True, True, True, False])).tolist() == [
        True,
        True,
        True,
        True,
        False,
    ]
    assert trending_product._few_false(p, np.zeros(5, bool)).tolist() == [False] * 5


def test_new_customers_begin_with_first_orders() -> None:
    """What a regular buys again and again counts less than what others began with; the words tell which is which."""
    orders = [("reg", 0.1 * i, ["a"]) for i in range(1, 200)] + [("reg", 30, ["c"])]
    orders += [(f"new{i:03d}", 3, ["b"]) for i in range(150)]
    rows = table("cold_start", features(PRODUCTS[:4], orders))
    assert [(row["product_id"], row["reason"]) for row in rows] == [
        ("b", "what new customers choose first"),
        ("a", "popular this month"),
        ("c", "from our range"),
        ("d", "from our range"),
    ]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_variety_is_the_greedy_choice(seed: int) -> None:
    """One sort gives what choosing one product after the other gives."""
    rng = np.random.default_rng(seed)
    catalogue = tonight(
        {f"p{i:02d}": {"category": f"c{rng.integers(3)}", "available": rng.random() < 0.8} for i in range(20)}
    )
    score = rng.uniform(0.01, 1, 20)
    left, taken, expected = list(np.flatnonzero(catalogue.available)), np.zeros(9, int), []
    while left and len(expected) < 8:
        worth = [score[i] * cold_start.VARIETY ** taken[catalogue.category[i]] for i in left]
        best = left.pop(int(np.argmax(worth)))
        taken[catalogue.category[best]] += 1
        expected.append(best)
    assert cold_start._varied(score, catalogue, 8)[0].tolist() == expected


def test_a_shop_without_orders_shows_the_youngest_of_its_range() -> None:
    """Newest first, one of each category before the second of one."""
    products = {
        "old": {"listed": 99, "category": "x"},
        "new": {"listed": 1, "category": "x"},
        "mid": {"listed": 9, "category": "y"},
        "gone": {"listed": 0.5, "available": False},
    }
    rows = table("cold_start", features(products))
    assert [row["product_id"] for row in rows] == ["new", "mid", "old"]
    assert {row["reason"] for row in rows} == {"from our range"}
