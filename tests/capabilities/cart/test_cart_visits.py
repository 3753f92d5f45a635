"""Visits: what is known of one at a moment, and trees as boxes that a database can add up."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.capabilities.cart import visits
from ml.capabilities.cart.spec import PARAMS, VISIT_COLUMNS
from ml.learn import boosters
from ml.learn.boxes import boxes
from ml.learn.params import BoostingParams
from ml.registry import capability
from tests.contract.cases import Case


@pytest.fixture(scope="module")
def case() -> Case:
    """The capability on its sample."""
    return Case(capability("cart"))


def test_a_moment_knows_its_own_past_alone(case: Case) -> None:
    """What a visit does later changes nothing that was known before; a visit without a customer teaches nothing."""
    later = case.as_of - timedelta(days=30)
    events = case.tables["event"]
    early = events.filter(pc.less(events["occurred_at"], pa.scalar(later, events.schema.field("occurred_at").type)))

    def seen(rows: pa.Table) -> pa.Table:
        table = case.build(case.tables | {"event": rows}, case.as_of)["visit"]
        before = table.filter(pc.less(table["at"], int(later.timestamp())))
        return before.sort_by([("session_id", "ascending"), ("at", "ascending"), ("minutes", "ascending")])

    assert seen(events).equals(seen(early))
    guests = events.set_column(
        events.column_names.index("customer_id"), "customer_id", pa.nulls(len(events), pa.string())
    )
    assert len(seen(guests)) == 0


def test_counts_of_a_visit_by_hand(case: Case) -> None:
    """After its second and third event: two looks at one product, then the cart; bought within the hour."""
    seen = case.serve["visit"]
    bought = seen.filter(pc.equal(seen["carts"], 1.0)).filter(pc.field("bought"))
    buys = min(name for name in bought["session_id"].to_pylist() if name.endswith("1"))
    one = seen.filter(pc.equal(seen["session_id"], buys)).sort_by("minutes").to_pylist()
    wanted = [
        {"views": 1.0, "carts": 0.0, "products": 1.0, "minutes": 0.0},
        {"views": 2.0, "carts": 0.0, "products": 1.0, "minutes": 3.0},
        {"views": 2.0, "carts": 1.0, "products": 1.0, "minutes": 6.0},
    ]
    assert [{name: row[name] for name in wanted[0]} for row in one] == wanted
    assert all(row["bought"] for row in one)


def test_boxes_add_up_to_the_trees() -> None:
    """Any row lies in one box of each tree; also on a border, and far outside what was seen."""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 9, (600, 3)).astype(np.float32)
    grown = boosters.boost(x, (x[:, 0] + x[:, 1] > rng.normal(8, 2, 600)).astype(int), 0, BoostingParams(trees=12), 5)
    points = np.concatenate([x, np.float32([[-5, 1e6, 3], [0, 0, 0]])])
    split = boxes(grown.trees[0], 3)
    np.testing.assert_allclose(split.log_odds(points.astype(np.float64)), grown.log_odds(points), rtol=1e-9)


def test_trees_serve_only_where_they_are_proven_better() -> None:
    """Where the cart decides alone there are two rates, where looks decide there are trees, of few visits nothing is said."""
    rng = np.random.default_rng(5)

    def seen(n: int, column: str) -> pa.Table:
        rows = {name: rng.integers(0, 4, n).astype(float) for name in VISIT_COLUMNS}
        odds = np.where(rows[column] > 0 if column == "carts" else rows[column] > 2, 0.8, 0.1)
        return pa.table(
            rows | {"session_id": [f"v{i}" for i in range(n)], "at": np.arange(n), "bought": rng.random(n) < odds}
        )

    assert len(visits.learn(seen(3000, "carts"), 7).points) == 2
    assert len(visits.learn(seen(3000, "views"), 7).points) > 2
    few = visits.learn(seen(150, "views"), 7)
    assert not few.log_odds(visits.matrix(seen(150, "views"))).any()
    assert (few.low == few.high).all()
    assert PARAMS.visit_events[0] == 1
