"""What is planted on top of a demo shop: it is there, found by the recommender's features, and nothing else is moved."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.capabilities.recommender import features
from ml.capabilities.recommender.ranking.mix import habit
from ml.capabilities.recommender.spec import SPEC, Params
from ml.core.errors import NightshiftError
from ml.learn.purchases import log
from ml.shop.sources import demo
from ml.shop.sources.demo.plants import FEES, ONCE, TURN_DAYS
from tests.contract.cases import whole

Tables = dict[str, pa.Table]


def _shop(plants: str) -> Tables:
    generated = demo.tables(customers=300, days=150, faults=0.0, plants=plants)
    return {name: pa.Table.from_batches(list(rows)) for name, rows in generated if name in SPEC.tables}


@pytest.fixture(scope="module")
def plain() -> Tables:
    """The shop without any."""
    return _shop("")


@pytest.fixture(scope="module")
def all_three() -> Tables:
    """Fees, a season that turns and customers who never buy twice."""
    return _shop("fees+season+once")


def test_what_is_not_planted_is_as_it_was(plain: Tables, all_three: Tables) -> None:
    """Orders, customers, stock and looks are the same rows; every product is still there."""
    assert all(all_three[name] == plain[name] for name in ("customer", "order", "event", "stock"))
    assert all_three["product"].slice(0, len(plain["product"])) == plain["product"]


def test_fees_are_lines_and_no_features(all_three: Tables) -> None:
    """Half of the orders have a line of a fee; what is learned from has none."""
    lines = Counter(all_three["order_item"]["product_id"].to_pylist())
    orders = len(set(all_three["order_item"]["order_id"].to_pylist()))
    assert 0.4 * orders < sum(lines[fee] for fee in FEES) < 0.6 * orders
    known = _features(all_three)
    assert not set(known["product"]["product_id"].to_pylist()) & set(FEES)
    assert len(known["product"]) == known["product"]["product_no"].to_numpy().max() + 1


def test_the_season_turns(plain: Tables) -> None:
    """After its day the best sellers are others than before it, which they are not in the plain shop."""
    turned = _shop("season")
    assert _kept(turned) < 0.6 * _kept(plain)


def test_who_never_buys_twice_has_the_habit_of_it(all_three: Tables) -> None:
    """Their share of new products is above everybody's mean, and no pair of theirs has a second purchase."""
    known = _features(all_three)
    purchases = log(known, int(known["moment"]["as_of"][0].as_py()))
    names = known["customer"].sort_by("customer_no")["customer_id"].to_pylist()
    buyers = sorted(set(all_three["order"]["customer_id"].drop_null().to_pylist()))
    chosen = [names.index(name) for name in buyers[::ONCE] if name in names]
    for u in chosen:
        bought = purchases.product[purchases.indptr[u] : purchases.indptr[u + 1]]
        assert len(bought) == len(np.unique(bought))
    shares = habit(purchases)
    assert shares[chosen].mean() > shares[:-1].mean()


def test_an_unknown_plant_is_refused_in_words() -> None:
    """It says what there is."""
    with pytest.raises(NightshiftError, match="fees, season, once"):
        demo.Options(plants="rain")


def _features(shop: Tables) -> Tables:
    backend = ibis.duckdb.connect()
    tables = {name: ibis.memtable(whole(name, table)) for name, table in shop.items()}
    built = features.build(tables, datetime(2026, 1, 1, tzinfo=UTC), Params())
    return {name: backend.to_pyarrow(table) for name, table in built.items()}


def _kept(shop: Tables) -> float:
    """Share of the sales after the turn that are of the 30 best sellers before it."""
    turn = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(days=TURN_DAYS)
    late = set(
        shop["order"].filter(pc.greater_equal(shop["order"]["ordered_at"], pa.scalar(turn)))["order_id"].to_pylist()
    )
    rows = zip(shop["order_item"]["order_id"].to_pylist(), shop["order_item"]["product_id"].to_pylist(), strict=True)
    before, after = Counter[str](), Counter[str]()
    for order, product in rows:
        (after if order in late else before)[product] += 1
    best = [product for product, _ in before.most_common(30)]
    return sum(after[product] for product in best) / max(1, after.total())
