"""What the ranker is told: worked by hand, and against pandas-like loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ml.capabilities.recommender.ranking.columns import Customer, Pair, Product
from ml.capabilities.recommender.ranking.facts import Facts, customer_facts, product_facts
from ml.core.units import DAY_S
from ml.learn.purchases import Log
from tests.capabilities.recommender.candidates.small_log import NOW, random_log, small_log


def _pair(facts: Facts, row: int, item: int) -> dict[str, float]:
    span = slice(facts.indptr[row], facts.indptr[row + 1])
    at = np.flatnonzero(facts.items[span] == item)[0]
    return {c.label: value for c, value in zip(Pair, facts.pair[span][at].tolist(), strict=True)}


def _looks(log: Log, product: list[int], ago: list[float], weight: list[float]) -> Log:
    """All of customer 0."""
    ends = np.full(log.n_customers + 1, len(product), np.int64)
    ends[0] = 0
    return replace(
        log,
        look_indptr=ends,
        look_product=np.array(product, np.int32),
        look_at=(NOW - np.array(ago) * DAY_S).astype(np.int64),
        look_weight=np.array(weight, np.float32),
    )


def test_pairs_by_hand() -> None:
    """Orders, ages, intervals and shares of a product bought in the first and the last of three orders."""
    log = small_log([(0, 0, 1, 45), (0, 1, 2, 30), (0, 0, 3, 15), (0, 0, 3, 15)], ["a", "b"])
    pair = _pair(customer_facts(log, np.array([0])), 0, 0)
    assert pair["times"] == 2
    assert (pair["first"], pair["last"], pair["interval"]) == (45, 15, 30)
    assert pair["due"] == pytest.approx(0.5)
    assert pair["fades_15"] == pytest.approx(0.5 + 0.125)
    assert pair["order_fades"] == pytest.approx(1 + 0.8**2)
    assert (pair["in_last_order"], pair["in_last_3"]) == (1, 2)
    assert pair["share"] == pytest.approx(2 / 3)
    assert np.isnan(pair["look_last"])


def test_looks_by_hand() -> None:
    """A product that was only looked at has no times of purchases; one of both has both."""
    log = _looks(small_log([(0, 0, 1, 10)], ["a", "b"]), [1, 0], [7, 1], [0.2, 0.1])
    facts = customer_facts(log, np.array([0]))
    only, both = _pair(facts, 0, 1), _pair(facts, 0, 0)
    assert only["times"] == 0
    assert np.isnan([only["last"], only["first"], only["interval"]]).all()
    assert only["look_fades_7"] == pytest.approx(0.1)
    assert (only["look_last"], both["look_last"], both["last"]) == (7, 1, 10)


def test_customers_by_hand() -> None:
    """Orders, their ages and sizes; an unknown customer has no facts, one who never bought no times."""
    log = small_log([(0, 0, 1, 40), (0, 1, 1, 40), (0, 0, 2, 10), (2, 0, 3, 5)], ["a", "b"], customers=4)
    facts = customer_facts(log, np.array([0, -1, 3]))
    first = {c.label: value for c, value in zip(Customer, facts.customer[0].tolist(), strict=True)}
    assert (first["orders"], first["first"], first["last"], first["interval"]) == (2, 40, 10, 30)
    assert (first["basket"], first["products"], first["repeats"]) == (1.5, 2, pytest.approx(1 / 3))
    assert np.isnan(facts.customer[1]).all()
    assert facts.customer[2, Customer.ORDERS] == 0
    assert np.isnan(facts.customer[2, Customer.LAST])


def test_products_are_counted_like_a_loop_counts() -> None:
    """Buyers in windows, new buyers, repeats, ages and means of a log by lot."""
    log = random_log(8, 40, 12, 300)
    columns = {c.label: values for c, values in zip(Product, product_facts(log).T, strict=True)}
    who = np.repeat(np.arange(log.n_customers), np.diff(log.indptr))
    age = (NOW - log.at) / DAY_S
    for i in range(12):
        bought = log.product == i
        for days in (30, 60, 90):
            assert columns[f"buyers_{days}"][i] == len(set(who[bought & (age <= days)])), days
        ages = {u: age[bought & (who == u)] for u in set(who[bought])}
        assert columns["buyers"][i] == len(ages)
        assert columns["new_buyers_30"][i] == sum(a.max() <= 30 for a in ages.values())
        assert columns["again"][i] == sum(len(set(log.order[bought & (who == u)])) > 1 for u in ages)
        assert columns["last"][i] == pytest.approx(age[bought].min())
        assert columns["quantity"][i] == pytest.approx(np.log(2))
        listed = log.listed_at[i]
        expected = age[bought].max() if listed < 0 else (NOW - listed) / DAY_S
        assert columns["first"][i] == pytest.approx(expected)


def test_last_year_is_the_coming_month_a_year_ago() -> None:
    """Only where the log reaches back so far."""
    log = small_log([(0, 0, 1, 366), (0, 0, 2, 340), (0, 1, 3, 330), (0, 1, 4, 1)], ["a", "b"])
    assert product_facts(log)[:, Product.LAST_YEAR].tolist() == [1, 0]
    young = small_log([(0, 0, 2, 340)], ["a"])
    assert np.isnan(product_facts(young)[0, Product.LAST_YEAR])
