"""What is due again: worked by hand, beside a loop over all pairs, and by the distribution of scipy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import gamma

from ml.capabilities.recommender.spec import Params
from ml.capabilities.recommender.tables import buy_again
from ml.capabilities.recommender.templates import Reason
from tests.capabilities.recommender.shops import NIGHT, features, random_orders, table, tonight

PRODUCTS = tuple("abcdefgh")
MORNING = datetime.fromtimestamp(NIGHT, UTC)


def _buyers(gap: int, n: int, last: int, times: int = 4, what: str = "a") -> list[tuple]:
    return [(f"c{i:02d}", last + gap * k, [what]) for i in range(n) for k in range(times)]


def test_interval_and_day_by_hand() -> None:
    """All buy every 30 days, the last time 10 days ago: 20 days to go, and the words say so."""
    rows = table("buy_again", features(PRODUCTS, _buyers(30, 5, 10)))
    assert [row["customer_id"] for row in rows] == [f"c{i:02d}" for i in range(5)]
    assert {row["interval_days"] for row in rows} == {30.0}
    # Ten days before the night begins is the tenth day before it, which is 9 to 10 days old.
    assert {row["expected_day"] for row in rows} == {MORNING + timedelta(days=20)}
    assert {row["reason"] for row in rows} == {"bought again about every 30 days"}


def test_own_interval_is_drawn_to_the_products() -> None:
    """One own interval of 10 days against a product's of about 30: (κ D + last - first) / (κ + n - 1)."""
    orders = [*_buyers(30, 9, 10), ("own", 5, ["a"]), ("own", 15, ["a"])]
    catalogue = tonight(PRODUCTS, orders)
    found = buy_again.repeats(catalogue, (0, 10), Params())
    gaps, count, prior = 9 * 90 + 10, 9 * 3 + 1, buy_again.PRIOR_INTERVALS
    shop = gaps / count
    category = (gaps + prior * shop) / (count + prior)
    typical = (gaps + prior * category) / (count + prior)
    assert found.interval[-1] == pytest.approx((buy_again.OWN_PRIOR * typical + 10) / (buy_again.OWN_PRIOR + 1))


def test_repeats_equal_the_obvious_way() -> None:
    """Days, first, last, interval and chance of every pair are those of a loop over customers and products."""
    catalogue = tonight(PRODUCTS, random_orders(np.random.default_rng(3), PRODUCTS, 150))
    found = buy_again.repeats(catalogue, (0, 10), Params())
    pairs: dict[tuple[int, int], set[int]] = {}
    for order, who in enumerate(catalogue.customer):
        for what in catalogue.baskets.indices[catalogue.baskets.indptr[order] : catalogue.baskets.indptr[order + 1]]:
            if who >= 0:
                pairs.setdefault((int(who), int(what)), set()).add(int(catalogue.age[order]))
    assert list(zip(found.customer.tolist(), found.product.tolist(), strict=True)) == sorted(pairs)
    gaps = {i: [a - b for (_, p), ages in sorted(pairs.items()) if p == i for a, b in _steps(ages)] for i in range(8)}
    shop = np.mean([gap for of in gaps.values() for gap in of])
    typical = {
        i: (sum(of) + buy_again.PRIOR_INTERVALS * shop) / (len(of) + buy_again.PRIOR_INTERVALS)
        for i, of in gaps.items()
    }
    relative = [gap / typical[i] for i, of in gaps.items() for gap in of]
    shape = np.clip(np.mean(relative) ** 2 / np.var(relative), 0.5, 10)
    assert found.shape == pytest.approx(shape)
    ended = {
        i: sum(gamma.cdf(min(ages) + 0.5, shape, scale=typical[i] / shape) for (_, p), ages in pairs.items() if p == i)
        for i in gaps
    }
    every = sum(map(len, gaps.values())) / (sum(map(len, gaps.values())) + sum(ended.values()))
    for row, ((_, i), ages) in enumerate(sorted(pairs.items())):
        n, prior = len(ages), buy_again.OWN_PRIOR
        r = (len(gaps[i]) + buy_again.PRIOR_PURCHASES * every) / (len(gaps[i]) + ended[i] + buy_again.PRIOR_PURCHASES)
        assert (found.days[row], found.first[row], found.last[row]) == (n, max(ages), min(ages))
        assert found.interval[row] == pytest.approx((prior * typical[i] + max(ages) - min(ages)) / (prior + n - 1))
        assert found.chance[row] == pytest.approx((prior * r + n - 1) / (prior + n - 1))


def _steps(ages: set[int]) -> list[tuple[int, int]]:
    order = sorted(ages, reverse=True)
    return list(pairwise(order))


def test_chance_is_that_of_a_purchase_within_the_horizon() -> None:
    """P = r (F(t + w) - F(t)) / (1 - r F(t)), by scipy's own distribution; long overdue, it falls towards nothing."""
    found = buy_again.repeats(tonight(PRODUCTS, _buyers(30, 5, 40)), (0, 5), Params())
    t, scale = found.last + 0.5, found.interval / found.shape
    now, then = (gamma.cdf(at, found.shape, scale=scale) for at in (t, t + buy_again.HORIZON_DAYS))
    assert buy_again._due(found) == pytest.approx(found.chance * (then - now) / (1 - found.chance * now))
    late = buy_again.repeats(tonight(PRODUCTS, _buyers(30, 5, 400)), (0, 5), Params())
    assert (buy_again._due(late) < 0.01).all()
    assert table("buy_again", features(PRODUCTS, _buyers(30, 5, 400))) == []


def test_overdue_is_expected_now() -> None:
    """A day that is over is not promised: the night's day is told."""
    rows = table("buy_again", features(PRODUCTS, [*_buyers(30, 9, 40), *_buyers(30, 9, 10, what="b")]))
    assert {row["expected_day"] for row in rows if row["product_id"] == "a"} == {MORNING}


def test_only_what_is_bought_again_is_due_again() -> None:
    """Sofas that nobody bought twice are not listed, nor what two customers happened to buy twice, nor what is gone."""
    orders = [*_buyers(30, 9, 10), *_buyers(30, 50, 10, times=1, what="b"), *_buyers(30, 2, 10, times=2, what="c")]
    orders += _buyers(30, 9, 10, what="d")
    known = features({p: {"available": p != "d"} for p in PRODUCTS}, orders)
    assert {row["product_id"] for row in table("buy_again", known)} == {"a"}


def test_what_is_shown_again_is_learned_by_category() -> None:
    """A new tea is like the other teas, and a phone that few bought like the phones, of which nobody buys two."""
    kinds = {"a": "tea", "b": "tea", "c": "phones", "d": "phones"}
    orders = [
        *_buyers(30, 40, 10),
        *_buyers(30, 2, 10, 1, "b"),
        *_buyers(30, 400, 90, 1, "c"),
        *_buyers(30, 2, 90, 1, "d"),
    ]
    catalogue = tonight({name: {"category": kind} for name, kind in kinds.items()}, orders)
    assert buy_again.repeats(catalogue, (0, 400), Params()).shown_again.tolist() == [True, True, False, False]


def test_two_orders_of_a_day_are_one_purchase() -> None:
    """What is ordered again within the day was forgotten, not used up."""
    found = buy_again.repeats(
        tonight(PRODUCTS, [("ann", 5.2, ["a"]), ("ann", 5.4, ["a"]), ("bob", 5, ["a"])]), (0, 2), Params()
    )
    assert found.days.tolist() == [1, 1]
    assert np.isnan(found.interval).all()


def test_what_is_said_of_a_pair_is_true() -> None:
    """An own interval only from three days on and until it is over twice; else what buyers do; else when it was bought."""
    orders = [
        *_buyers(30, 4, 10),
        ("once", 20, ["a"]),
        ("long", 100, ["a"]),
        ("late", 200, ["a"]),
        ("late", 230, ["a"]),
    ]
    orders += [("late", 260, ["a"]), ("day", 1, ["b"]), ("two", 5, ["b"]), ("two", 9, ["b"])]
    catalogue = tonight(PRODUCTS, orders)
    found = buy_again.repeats(catalogue, (0, 20), Params())
    people = sorted({order[0] for order in orders})
    pairs = [("c00", 0), ("once", 0), ("long", 0), ("late", 0), ("day", 1), ("two", 1), ("day", 0)]
    at = found.find(
        np.array([people.index(name) for name, _ in pairs]), np.array([item for _, item in pairs]), catalogue.m
    )
    assert at[-1] == -1
    kind, days = found.said(at[:-1])
    assert [Reason(k).code for k in kind] == ["again", "buyers", "last", "last", "bought", "last"]
    # An order of 20 days before the night begins is of the 20th day before it.
    assert days[:4].tolist() == [30, 30, 100, 200]
    assert days[5] == 5
