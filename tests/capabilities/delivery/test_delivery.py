"""Promises on the sample: the carrier that slows is told, actions follow their costs, and odd dates are no fault."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml import pipeline
from ml.adapters import postgres
from ml.capabilities.delivery import sample
from ml.capabilities.delivery.columns import matrix
from ml.capabilities.delivery.model import Delivery, late_chance
from ml.capabilities.delivery.spec import SPEC
from ml.core.capability import Known
from ml.registry import capability
from ml.settings import Settings
from tests.contract.cases import SEED, Case, whole
from tests.small_shop import execute, fill


@pytest.fixture(scope="module")
def case() -> Case:
    """The capability on its sample."""
    return Case(capability("delivery"))


def test_a_carrier_that_slowed_is_told(case: Case) -> None:
    """Orders with Swift say so, and are mostly late."""
    rows = case.rows["order_promise"].to_pylist()
    carrier = {row["order_id"]: row["carrier"] for row in case.serve["open"].to_pylist()}
    swift = [row for row in rows if carrier[row["order_id"]] == "Swift"]
    assert np.mean(["Swift takes" in row["reason"] for row in swift]) > 0.8
    late = {c: np.mean([r["late_chance"] or 0 for r in rows if carrier[r["order_id"]] == c]) for c in sample.CARRIERS}
    assert late["Swift"] > late["Parcelway"]


def test_averages_are_of_what_was_over_by_then(case: Case) -> None:
    """The mean of the shop beside a loop, for some orders."""
    past = case.serve["past"].sort_by("order_id")
    at, took = past["at"].to_numpy(), past["took_days"].to_numpy()
    made = matrix(past, past)
    for i in range(0, len(at), 211):
        over = at + took * 86_400
        known = np.flatnonzero(over < at[i])
        known = known[np.argsort(over[known])][-300:]
        wanted = took[known].mean() if len(known) else np.nan
        np.testing.assert_allclose(made[i, 0], wanted, rtol=1e-5)


def test_actions_follow_their_costs(case: Case) -> None:
    """Where a word costs nothing it is said; where it may not be, never; an order of which a part is missing is split."""

    def actions(**row: object) -> dict[str, str]:
        costs = pa.Table.from_pylist([row], schema=case.serve["cost"].schema)
        rows = case.score(case.young, Known(dict(case.serve) | {"cost": costs}))["order_promise"]
        return dict(zip(rows["order_id"].to_pylist(), rows["action"].to_pylist(), strict=True))

    assert set(actions(tell_cost=0.0, late_cost=1e-3, upgrade_cost=9.0, split_cost=9.0).values()) <= {"tell", "release"}
    assert "tell" not in actions(may_tell=False).values()
    assert actions(late_cost=100.0, split_cost=0.0, upgrade_cost=1000.0)[f"o{sample.ORDERS - 1:05d}"] == "split"
    assert set(actions(late_cost=0.0).values()) == {"release"}


def test_odd_dates_are_left_out(case: Case) -> None:
    """A delivery before its order teaches nothing; a promise before the order counts as none; what waits is late already."""
    tables, stamp = dict(case.tables), pa.timestamp("us", "UTC")
    early = [case.as_of - timedelta(days=400)] * sample.ORDERS
    shipment = tables["shipment"]
    for name in ("promised_at", "delivered_at"):
        where = shipment.column_names.index(name)
        shipment = shipment.set_column(where, name, pa.array(early, stamp))
    known = case.build(tables | {"shipment": shipment}, case.as_of)
    assert len(known["past"]) == 0
    assert case.serve["past"].num_rows > 0
    rows = case.score(Delivery(SPEC.params, 7).fit(Known(known)), Known(known))["order_promise"]
    assert pc.all(pc.is_null(rows["late_chance"])).as_py() in {True, None}


def test_risk_holds_an_order_and_the_staff_can_turn_it_off(settings: Settings) -> None:
    """ml.order_action() joins what order risk publishes, where it does."""
    tables = sample.sample(SEED).tables
    fill(settings.shop_url, dict.fromkeys(tables, ()))
    with closing(postgres.connect(settings.shop_url)) as connection, connection:
        for name, table in tables.items():
            postgres.copy_arrow(connection, "shop", name, whole(name, table).to_batches())
    pipeline.run_night(settings, sample.AS_OF.date(), capabilities=["delivery"])
    first = postgres.query(settings.database_url, "SELECT * FROM ml.order_action() ORDER BY order_id LIMIT 1")[0]
    assert first["action"] != "hold"
    one = first["order_id"]
    execute(
        settings.database_url,
        f"CREATE VIEW ml.order_risk AS SELECT '{one}'::text AS order_id, 'review'::text AS decision, "
        "'a new device'::text AS reason",
    )
    ask = f"SELECT action, reason FROM ml.order_action('{one}')"
    held = postgres.query(settings.database_url, ask)
    assert held == [{"action": "hold", "reason": "order risk says review: a new device"}]
    execute(settings.database_url, "UPDATE ml_config.order_cost SET may_hold = false")
    assert postgres.query(settings.database_url, ask)[0]["action"] == first["action"]


def test_trees_tell_who_is_late_only_where_they_find_more(case: Case) -> None:
    """On the sample they do; where days were dealt out anew among the orders the route's chance serves."""
    assert case.young.late_by_trees_
    past = case.known["past"].combine_chunks()
    took = np.random.default_rng(4).permutation(past["took_days"].to_numpy())
    dealt = past.set_column(past.column_names.index("took_days"), "took_days", pa.array(took))
    model = Delivery(SPEC.params, SEED).fit(Known(dict(case.known) | {"past": dealt}))
    assert not model.late_by_trees_
    promise = dealt["promise_days"].to_numpy(zero_copy_only=False)
    x = matrix(dealt, dealt)
    np.testing.assert_array_equal(model.late(dealt, dealt), late_chance(model.by_route(x), promise))
