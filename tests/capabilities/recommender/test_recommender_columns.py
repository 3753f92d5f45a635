"""Columns are what their names say: each one, on a small log, beside plain Python that computes it by its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import log as ln
from math import log1p, nan
from typing import NamedTuple

import numpy as np
import pytest

from ml.capabilities.recommender.candidates import content, content_state, ensemble
from ml.capabilities.recommender.candidates.popular import lately
from ml.capabilities.recommender.ranking.columns import COLUMNS, KINDS, Column, Cross, Customer, Pair, Product, at
from ml.capabilities.recommender.ranking.facts import PRIOR_BUYERS, PRIOR_GROWTH, customer_facts, product_facts
from ml.capabilities.recommender.ranking.frame import Frame, frame
from ml.capabilities.recommender.spec import Params
from ml.core.units import DAY_S
from ml.learn.purchases import Log
from tests.capabilities.recommender.candidates.small_log import NOW, small_log

CUSTOMERS, PRODUCTS = 12, 9


class Line(NamedTuple):
    """An order line, or with ``order`` -1 a look."""

    who: int
    product: int
    order: int
    age: float
    quantity: float = 1.0
    price: float = 1.0
    weight: float = 0.0


@pytest.fixture(scope="module")
def log() -> Log:
    """A year of orders with prices and quantities, and looks of half the customers; the last customer has neither."""
    rng = np.random.default_rng(5)
    lines = [
        (int(rng.integers(CUSTOMERS)), int(product), order, float(age))
        for order, age in enumerate(rng.choice(np.arange(1, 1600), 60, replace=False) / 4)
        for product in rng.integers(0, PRODUCTS, rng.integers(1, 4))
    ]
    first = {line[2]: line[0] for line in lines}
    small = small_log(
        [(first[line[2]], *line[1:]) for line in lines],
        [f"thing {i}" for i in range(PRODUCTS)],
        customers=CUSTOMERS + 1,
        category=["a", "b", ""] * 3,
        price=[None, 2.5, 7.0] * 3,
        listed_days_ago=[None, 500, 20] * 3,
    )
    looker = np.sort(rng.integers(0, CUSTOMERS // 2, 40))
    looked = np.concatenate([-np.sort(-rng.uniform(0.5, 80, (looker == u).sum())) for u in range(CUSTOMERS + 1)])
    return replace(
        small,
        quantity=rng.integers(1, 5, len(small.at)).astype(np.float32),
        price=rng.uniform(1, 9, len(small.at)).astype(np.float32),
        look_indptr=np.searchsorted(looker, np.arange(CUSTOMERS + 2)).astype(np.int64),
        look_product=rng.integers(0, PRODUCTS, 40).astype(np.int32),
        look_at=(NOW - looked * DAY_S).astype(np.int64),
        look_weight=rng.uniform(0.1, 1, 40).astype(np.float32),
    )


@pytest.fixture(scope="module")
def buys(log: Log) -> list[Line]:
    """The order lines, oldest first for each customer."""
    owner = np.repeat(np.arange(log.n_customers), np.diff(log.indptr)).tolist()
    ages = ((NOW - log.at) / DAY_S).tolist()
    columns = owner, log.product.tolist(), log.order.tolist(), ages, log.quantity.tolist(), log.price.tolist()
    return [Line(*row) for row in zip(*columns, strict=True)]


@pytest.fixture(scope="module")
def looks(log: Log) -> list[Line]:
    """The looks."""
    owner = np.repeat(np.arange(log.n_customers), np.diff(log.look_indptr)).tolist()
    ages, weights = ((NOW - log.look_at) / DAY_S).tolist(), log.look_weight.tolist()
    rows = zip(owner, log.look_product.tolist(), ages, weights, strict=True)
    return [Line(who, product, -1, age, weight=weight) for who, product, age, weight in rows]


def _orders(lines: Iterable[Line]) -> list[float]:
    """Ages of the different orders, newest first."""
    return sorted({line.order: line.age for line in lines}.values())


def _fades(ages: Iterable[float], half_life: float) -> float:
    return sum(0.5 ** (age / half_life) for age in ages)


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(found)) if (found := list(values)) else nan


def _interval(ages: list[float]) -> float:
    return (ages[-1] - ages[0]) / (len(ages) - 1) if len(ages) > 1 else nan


def _pair(bought: list[Line], looked: list[Line], product: int) -> dict[str, float]:
    """Each column of a customer and a product by its name, from the customer's lines and looks."""
    lines, seen = [x for x in bought if x.product == product], [x for x in looked if x.product == product]
    ages, all_ages = _orders(lines), _orders(bought)
    ranks = [all_ages.index(age) for age in ages]
    interval = _interval(ages)
    return {
        "times": len(ages),
        **{f"fades_{days}": _fades(ages, days) for days in (15, 45, 120, 365)},
        "order_fades": sum(0.8**rank for rank in ranks),
        "last": ages[0] if ages else nan,
        "first": ages[-1] if ages else nan,
        "interval": interval,
        "due": ages[0] / max(interval, 0.5) if ages else nan,
        "quantity": sum(log1p(x.quantity) for x in lines) / len(ages) if ages else nan,
        "in_last_order": sum(rank < 1 for rank in ranks),
        "in_last_3": sum(rank < 3 for rank in ranks),
        "share": len(ages) / max(1, len(all_ages)),
        **{f"look_fades_{d}": sum(x.weight * 0.5 ** (x.age / d) for x in seen) for d in (7, 60)},
        "look_last": min((x.age for x in seen), default=nan),
    }


def _customer(bought: list[Line], looked: list[Line]) -> dict[str, float]:
    """Each column of a customer by its name."""
    ages, pairs = _orders(bought), {(x.order, x.product) for x in bought}
    products = {x.product for x in bought}
    return {
        "orders": len(ages),
        "last": ages[0] if ages else nan,
        "first": ages[-1] if ages else nan,
        "interval": _interval(ages),
        "basket": len(pairs) / len(ages) if ages else nan,
        "products": len(products) if ages else nan,
        "repeats": 1 - len(products) / len(pairs) if ages else nan,
        "price": _mean(ln(x.price) for x in bought),
        "quantity": _mean(log1p(x.quantity) for x in bought),
        "looks_7": sum(x.age <= 7 for x in looked),
    }


def _product(log: Log, buys: list[Line], looks: list[Line], product: int) -> dict[str, float]:
    """Each column of a product by its name."""
    lines = [x for x in buys if x.product == product]
    by = {u: _orders(x for x in lines if x.who == u) for u in {x.who for x in lines}}
    buyers = {days: sum(ages[0] <= days for ages in by.values()) for days in (3, 7, 14, 30, 60, 90)}
    size = [sum(x.order == line.order for x in buys) for line in lines]
    ages = [age for each in by.values() for age in each]
    listed = (NOW - log.listed_at[product]) / DAY_S if log.listed_at[product] > 0 else max(ages, default=nan)
    again, price = sum(len(each) > 1 for each in by.values()), float(log.list_price[product])
    return {
        **{f"buyers_{days}": n for days, n in buyers.items()},
        "buyers": len(by),
        **{f"new_buyers_{days}": sum(each[-1] <= days for each in by.values()) for days in (14, 30)},
        "again": again,
        **{f"fades_{days}": _fades(ages, days) for days in (5, 20)},
        "first": listed,
        "last": min(ages, default=nan),
        "price": _mean(ln(x.price) for x in lines),
        "quantity": _mean(log1p(x.quantity) for x in lines),
        "basket": _mean(size),
        "looks_7": sum(x.weight for x in looks if x.product == product and x.age <= 7),
        **{
            f"growth_{a}_{b}": (b / a * buyers[a] + PRIOR_GROWTH) / (buyers[b] + PRIOR_GROWTH)
            for a, b in ((7, 30), (14, 60), (30, 90))
        },
        "last_year": sum(335 < x.age <= 365 for x in lines),
        "list_price": ln(price) if price > 0 else nan,
        **{f"lately_{days}": float(lately(log, days)[product]) for days in (14, 30, 60)},
    }


def _agree(columns: type[Column], found: Iterable[float], expected: dict[str, float], *, but: str = "") -> None:
    """Every column of the kind is computed by name, and has that value."""
    assert set(expected) | ({but} if but else set()) == {column.label for column in columns}
    for column, value in zip(columns, found, strict=True):
        if column.label != but:
            assert value == pytest.approx(expected[column.label], rel=1e-4, abs=1e-6, nan_ok=True), column


def test_every_column_of_pairs_and_customers_is_its_name(log: Log, buys: list[Line], looks: list[Line]) -> None:
    """All columns of each customer, and of each with what they bought or looked at."""
    facts = customer_facts(log, np.arange(CUSTOMERS + 1))
    for u in range(CUSTOMERS + 1):
        bought, looked = [x for x in buys if x.who == u], [x for x in looks if x.who == u]
        _agree(Customer, facts.customer[u].tolist(), _customer(bought, looked))
        span = slice(facts.indptr[u], facts.indptr[u + 1])
        assert set(facts.items[span].tolist()) == {x.product for x in (*bought, *looked)}
        for product, row in zip(facts.items[span].tolist(), facts.pair[span].tolist(), strict=True):
            _agree(Pair, row, _pair(bought, looked, product))


def test_every_column_of_products_is_its_name(log: Log, buys: list[Line], looks: list[Line]) -> None:
    """All columns of each product; the repeats lie between what was counted and the shop's mean."""
    table = product_facts(log)
    for product, row in enumerate(table.tolist()):
        _agree(Product, row, _product(log, buys, looks, product), but="repeat")
    again, buyers = table[:, Product.AGAIN], table[:, Product.BUYERS]
    mean, names = again.sum() / buyers.sum(), log.category.to_pylist()
    for product, name in enumerate(names):
        alike = [p for p, other in enumerate(names) if other == name]
        kind = (again[alike].sum() + PRIOR_BUYERS * mean) / (buyers[alike].sum() + PRIOR_BUYERS)
        drawn = (again[product] + PRIOR_BUYERS * kind) / (buyers[product] + PRIOR_BUYERS)
        assert table[product, Product.REPEAT] == pytest.approx(drawn, rel=1e-4)


def _part(table: Frame, kind: type[Column], p: int) -> list[float]:
    """The columns of one kind of row p."""
    return [float(table.x[p, at(column)]) for column in kind]


def test_every_column_of_the_table_is_its_name(log: Log, buys: list[Line], looks: list[Line]) -> None:
    """The table has the facts where it says; what is compared, and strangers, are computed by name; ranks are places."""
    params = Params(linear_products=9, factors=2, topics=2, candidates=4)
    texts = content.fit(log, log.until, content_state.Params(), 0)
    learnt = ensemble.learn(log, log.until, params, 0, texts=texts)
    sources = ensemble.tonight(learnt, log, log.until, params)
    users, goods = np.arange(CUSTOMERS + 1, dtype=np.int32), product_facts(log)
    table = frame(sources, log, users, goods, np.ones(PRODUCTS, bool), params)
    assert [name.partition(" ")[0] for name in COLUMNS] == [kind for kind, names in KINDS.items() for _ in names]

    names = log.category.to_pylist()
    for u in users.tolist():
        bought, looked = [x for x in buys if x.who == u], [x for x in looks if x.who == u]
        person = _customer(bought, looked)
        for p in range(table.ends[u], table.ends[u + 1]):
            product = int(table.items[p])
            thing, same = goods[product], [x.age for x in bought if names[x.product] == names[product]]
            _agree(Pair, _part(table, Pair, p), _pair(bought, looked, product))
            _agree(Customer, _part(table, Customer, p), person)
            assert _part(table, Product, p) == pytest.approx(thing.tolist(), nan_ok=True)
            ranks = [table.x[p, COLUMNS.index(f"rank {name}")] for name in ensemble.NAMES]
            _agree(
                Cross,
                _part(table, Cross, p),
                {
                    "price_distance": abs(float(thing[Product.PRICE]) - person["price"]),
                    "quantity_distance": float(thing[Product.QUANTITY]) - person["quantity"],
                    "category_share": (len(same) / max(1, len(bought)) if names[product] else nan),
                    "category_last": (min(same, default=nan) if names[product] else nan),
                    "proposers": sum(rank >= 1 for rank in ranks),
                },
            )
