"""Every reason of a night is true: of that customer, that product and that night, by the shop's own rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest

from bench._reasons import REASONED, Checker, untrue
from ml.capabilities.recommender import features, model
from ml.capabilities.recommender.sample import AS_OF, sample
from ml.capabilities.recommender.spec import SPEC, Params
from ml.core.capability import published
from tests.contract.cases import whole

PARAMS = Params(top_k=10)
FEES = {"POST": "POSTAGE", "FEE": "Bank charges"}
ONCE = "c007"
"""A customer of whom no product is bought twice."""


def _with_fees(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Every second order has a line of postage, every fifth one of charges, and one customer keeps to new products."""
    orders = tables["order"]["order_id"].to_pylist()
    who = dict(zip(orders, tables["order"]["customer_id"].to_pylist(), strict=True))
    met: set[str] = set()
    lines = []
    for row in tables["order_item"].to_pylist():
        is_once = who[row["order_id"]] == ONCE
        if not is_once or row["product_id"] not in met:
            lines.append(row)
        if is_once:
            met.add(row["product_id"])
    for n, order in enumerate(orders):
        for step, fee, line in ((2, "POST", 90), (5, "FEE", 91)):
            if n % step == 0:
                lines.append(
                    {"order_id": order, "line_no": line, "product_id": fee, "quantity": 1.0, "unit_price": 4.0}
                )
    fees = pa.table({"product_id": list(FEES), "title": list(FEES.values())})
    products = pa.concat_tables([tables["product"], whole("product", fees)])
    return tables | {"product": products, "order_item": whole("order_item", pa.Table.from_pylist(lines))}


@pytest.fixture(scope="module")
def shop() -> dict[str, pa.Table]:
    """The sample with fees among its lines and a customer who never buys twice."""
    tables = {name: whole(name, table) for name, table in sample(7).tables.items()}
    return _with_fees(tables)


@pytest.fixture(scope="module")
def night(shop: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """What a night that trains publishes of it."""
    backend = ibis.duckdb.connect()
    built = features.build({name: ibis.memtable(table) for name, table in shop.items()}, AS_OF, PARAMS)
    known = {name: backend.to_pyarrow(table) for name, table in built.items()}
    return published(SPEC, model.fit(known, PARAMS, 7), known, PARAMS)


def test_every_reason_of_a_night_is_true(shop: Mapping[str, pa.Table], night: Mapping[str, pa.Table]) -> None:
    """Asked of the shop's rows one by one, in every table with a reason; and there are reasons of many kinds."""
    assert untrue(shop, AS_OF, night) == []
    code_counts = Counter(
        code for name in ("recommendation", "discovery") for code in night[name]["reason_code"].to_pylist()
    )
    assert {"again", "because"} <= set(code_counts)
    assert all(len(night[name]) for name in REASONED if name != "trending_product")


def test_the_law_finds_what_is_not_true(shop: Mapping[str, pa.Table], night: Mapping[str, pa.Table]) -> None:
    """A reason that is said of another customer's product, with other days or of an unpopular product is told."""
    checker = Checker(shop, AS_OF)
    rows = night["recommendation"]
    strangers = rows.set_column(0, "customer_id", pa.array(["nobody"] * len(rows)))
    wrong = [row for row in checker.rows("recommendation", strangers) if not row["holds"]]
    assert {row["reason_code"] for row in wrong} >= {"again", "because"}
    longer = night["buy_again"].set_column(
        night["buy_again"].column_names.index("reason"),
        "reason",
        pa.array(["bought again about every 99 days"] * len(night["buy_again"])),
    )
    assert not any(row["holds"] for row in checker.rows("buy_again", longer))


def test_fees_are_nowhere(night: Mapping[str, pa.Table]) -> None:
    """Postage is in half of all orders and still no product of any table, no key, and named by no reason."""
    for name, table in night.items():
        for column in table.column_names:
            if column.endswith("product_id"):
                assert not set(table[column].to_pylist()) & set(FEES), (name, column)
        if "reason" in table.column_names:
            assert not [text for text in table["reason"].to_pylist() if any(fee in text for fee in FEES.values())], name


def test_who_never_buys_twice_is_not_told_to(night: Mapping[str, pa.Table]) -> None:
    """No interval of their own is claimed; home has more new places than that of somebody who buys again."""
    reasons = [row["reason"] for row in _of(night["recommendation"], ONCE) + _of(night["buy_again"], ONCE)]
    assert not [text for text in reasons if text.startswith("bought again")]


def test_discovery_is_new(shop: Mapping[str, pa.Table], night: Mapping[str, pa.Table]) -> None:
    """What it shows was never bought by that customer, and home's new products are its first ones, in its order."""
    order = dict(zip(shop["order"]["order_id"].to_pylist(), shop["order"]["customer_id"].to_pylist(), strict=True))
    bought = {(order[row["order_id"]], row["product_id"]) for row in shop["order_item"].to_pylist()}
    known_late = AS_OF - timedelta(days=4)  # an order of the last days may be known too late for the night
    late = {
        who
        for who, at in zip(*(shop["order"][c].to_pylist() for c in ("customer_id", "ordered_at")), strict=True)
        if at > known_late
    }
    rows = [row for row in night["discovery"].to_pylist() if row["customer_id"] not in late]
    assert rows
    cancelled = {
        (row["customer_id"], item["product_id"])
        for row in shop["order"].to_pylist()
        if row["status"] == "cancelled"
        for item in shop["order_item"].to_pylist()
        if item["order_id"] == row["order_id"]
    }
    assert not [row for row in rows if (row["customer_id"], row["product_id"]) in bought - cancelled]
    listed = [row["product_id"] for row in rows if row["customer_id"] == rows[0]["customer_id"]]
    assert [row["rank"] for row in rows if row["customer_id"] == rows[0]["customer_id"]] == list(
        range(1, len(listed) + 1)
    )


def _of(table: pa.Table, customer: str) -> list[dict[str, Any]]:
    return [row for row in table.to_pylist() if row["customer_id"] == customer]


def test_habit_by_hand() -> None:
    """After the first order one of three purchases was new: drawn to the shop's share by ten purchases."""
    from ml.capabilities.recommender.ranking.mix import PRIOR_PURCHASES, habit
    from ml.learn.purchases import log
    from tests.capabilities.recommender.shops import NIGHT
    from tests.capabilities.recommender.shops import features as small

    orders = [("ann", 9, ["a", "b"]), ("ann", 5, ["a", "c"]), ("ann", 2, ["b"]), ("bob", 3, ["a", "d"])]
    found = habit(log(small(tuple("abcd"), orders), NIGHT))
    shop = 1 / 3
    assert found.tolist() == pytest.approx([(1 + PRIOR_PURCHASES * shop) / (3 + PRIOR_PURCHASES), shop, 1.0])


def test_home_has_its_places_for_new_products() -> None:
    """Of twenty places half are new for a habit of a half, one of them among the first ten; each kind in its own order."""
    from ml.capabilities.recommender.ranking.mix import home
    from ml.capabilities.recommender.shelf.rerank_kernels import Ranked

    depth = 30
    every = Ranked(
        np.arange(depth, dtype=np.int32)[None],
        np.linspace(1, 0.5, depth, dtype=np.float32)[None],
        np.full((1, depth), -1, np.int32),
        np.zeros((1, depth), np.int8),
    )
    new = Ranked(every.ids + 100, every.scores / 2, every.source, every.code)
    bought = np.ones((1, depth), bool)
    mixed = home(every, new, bought, np.array([0.55], np.float32), 20)
    assert mixed.ids[0, :10].tolist() == [*range(9), 100]
    assert (mixed.ids[0, :20] >= 100).sum() == 11
    assert mixed.ids[0][mixed.ids[0] >= 100].tolist() == sorted(mixed.ids[0][mixed.ids[0] >= 100])
    assert mixed.ids[0][mixed.ids[0] < 100].tolist() == sorted(mixed.ids[0][mixed.ids[0] < 100])
    assert (np.diff(mixed.scores[0]) <= 0).all()
    assert home(every, new, ~bought, np.array([0.0], np.float32), 20).ids[0, :20].tolist() == list(range(100, 120))
