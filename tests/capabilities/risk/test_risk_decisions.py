"""What the staff decided of an order teaches the next training, and only it; what became of the order overrides it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.capabilities.risk.config import LIST
from ml.capabilities.risk.model import RiskModel, fit
from ml.capabilities.risk.spec import SPEC
from ml.learn import decisions
from tests.contract.cases import SEED, Case

CASE = Case(SPEC)
PARAMS = replace(SPEC.params, trees=40, rates="none", recent_frauds="no")
BEFORE = CASE.as_of - timedelta(hours=1)
Decision = tuple[str, str, datetime | None]
"""Kind, order, when."""


def _tables(decided: Iterable[Decision], **others: pa.Table) -> dict[str, pa.Table]:
    rows = [{"kind": kind, "entity": "order", "value": order, "at": at} for kind, order, at in decided]
    schema = pa.schema([(name, pa.string()) for name in ("kind", "entity", "value", "note")])
    table = pa.Table.from_pylist(rows, schema)
    table = table.append_column("ends_on", pa.nulls(len(rows), pa.date32()))
    at = pa.array([row["at"] for row in rows], pa.timestamp("us", "UTC"))
    return {**CASE.tables, **others, "risk_list": table.append_column("decided_at", at)}


def _order(tables: dict[str, pa.Table], as_of: datetime = CASE.as_of) -> pa.Table:
    return CASE.build(tables, as_of)["order"].sort_by("order_no")


@cache
def _plain() -> tuple[pa.Table, RiskModel]:
    order = _order(_tables([]))
    return order, fit({"order": order}, PARAMS, SEED)


def _young() -> list[str]:
    """Orders whose outcome nobody knows yet."""
    order = _plain()[0]
    return order.filter(pc.is_null(order["label"]))["order_id"].to_pylist()


def test_the_list_has_the_time_that_the_training_needs() -> None:
    """The database writes it: nobody types it in, and it is no column without a name here."""
    (column,) = (column for column in LIST.columns if column.stamped)
    assert (column.name, column.kind) == ("decided_at", "timestamp")


def test_the_next_training_learns_from_decisions() -> None:
    """Orders that were held, and what is like them, become likelier frauds; orders that were released less likely."""
    order, plain = _plain()
    young = order.filter(pc.is_null(order["label"]))
    large = pc.greater(young["total"], pc.quantile(young["total"], 0.5)[0])
    held, released = young.filter(large)["order_id"].to_pylist(), young.filter(pc.invert(large))["order_id"].to_pylist()
    taught = _order(_tables([("deny", o, BEFORE) for o in held] + [("allow", o, BEFORE) for o in released]))
    assert taught["label"].equals(order["label"])
    model = fit({"order": taught}, PARAMS, SEED)
    assert (model.good_, model.bad_) == (plain.good_, plain.bad_)
    moved = np.log(model.predict(young) / plain.predict(young))
    split = large.to_numpy()
    assert moved[split].mean() > moved[~split].mean() + 0.2


def test_a_decision_after_the_training_changes_nothing() -> None:
    """What was decided at the instant of the training or later, or nobody knows when, is not learned from."""
    order, plain = _plain()
    late = [("deny", o, at) for o in _young() for at in (CASE.as_of, CASE.as_of + timedelta(days=1), None)]
    unmoved = _order(_tables(late))
    assert unmoved.equals(order)
    np.testing.assert_array_equal(fit({"order": unmoved}, PARAMS, SEED).predict(order), plain.predict(order))
    cut = CASE.as_of - timedelta(days=20)
    then = _order(_tables([]), cut)
    some = then["order_id"].to_pylist()[-40:]
    assert _order(_tables([("deny", o, cut) for o in some]), cut).equals(then)
    known = _order(_tables([("deny", o, cut - timedelta(seconds=1)) for o in some]), cut)
    assert pc.sum(known["decided"]).as_py() == len(some)


def test_a_true_outcome_overrides_a_decision() -> None:
    """An order whose outcome is known is learned as that, whatever was decided of it."""
    order, plain = _plain()
    known = order.filter(pc.is_valid(order["label"]))["order_id"].to_pylist()[-300:]
    taught = _order(_tables(("deny", o, BEFORE) for o in known))
    outcome = dict(zip(order["order_id"].to_pylist(), order["label"].to_pylist(), strict=True))
    cancelled = CASE.tables["order_outcome"].filter(pc.equal(CASE.tables["order_outcome"]["kind"], "cancelled"))
    assert not len(cancelled)
    for one in taught.select(["order_id", "label"]).to_pylist():
        silent = one["order_id"] in known and one["label"] is None
        assert silent or one["label"] == outcome[one["order_id"]]
    with_outcome = set(CASE.tables["order_outcome"]["order_id"].to_pylist())
    again = _order(_tables(("deny", o, BEFORE) for o in known if o in with_outcome))
    np.testing.assert_array_equal(fit({"order": again}, PARAMS, SEED).predict(order), plain.predict(order))


def test_what_follows_from_a_hold_is_no_outcome() -> None:
    """An order that was held and then cancelled, or of which nothing was heard, was not good: its label is not known."""
    order, _ = _plain()
    old = order.filter(pc.and_(order["settled"], pc.equal(order["label"], 0)))["order_id"].to_pylist()[:3]
    outcomes = CASE.tables["order_outcome"]
    mine = pc.is_in(outcomes["order_id"], pa.array(old))
    ended = outcomes.set_column(
        outcomes.column_names.index("kind"), "kind", pc.if_else(mine, "cancelled", outcomes["kind"])
    )
    made = _order(_tables([("deny", old[0], BEFORE), ("allow", old[1], BEFORE)], order_outcome=ended))
    row = {one["order_id"]: one for one in made.select(["order_id", "label", "decided"]).to_pylist()}
    assert [(row[o]["label"], row[o]["decided"]) for o in old] == [(None, 1), (0, 0), (0, None)]
    frauds = outcomes.set_column(
        outcomes.column_names.index("kind"), "kind", pc.if_else(mine, "fraud", outcomes["kind"])
    )
    made = _order(_tables([("allow", old[0], BEFORE)], order_outcome=frauds))
    row = {one["order_id"]: one for one in made.select(["order_id", "label", "decided"]).to_pylist()}
    assert (row[old[0]]["label"], row[old[0]]["decided"]) == (1, 0)


def test_nothing_is_judged_by_a_decision() -> None:
    """The truth that the gate looks at has no order of which only a decision is known."""
    made = CASE.part("features").truth
    tables = _tables(("deny", o, BEFORE) for o in _young())
    from tests.contract.cases import memory

    rows = made(memory(tables), CASE.cutoff, CASE.as_of, SPEC.params).to_pyarrow()
    assert len(rows) == len(CASE.truth)
    assert rows["label"].null_count == 0


def test_decisions_that_proved_wrong_count_less_and_many_count_no_more_than_a_share() -> None:
    """The weight is what the truth says of such decisions; a flood of holds stays half of what the known frauds count."""
    held, truth = np.ones(20, np.int8), np.zeros(20, np.int8)
    wrong, right = decisions.trust(held, truth)[1], decisions.trust(held, truth + 1)[1]
    assert decisions.trust(held[:0], truth[:0]).tolist() == [0.5, 0.5]
    assert wrong < 0.05
    assert right > 0.95
    labels = np.repeat(np.array([0, 1], np.int8), (1000, 10))
    flood = decisions.weights(np.ones(400, np.int8), np.array([0.5, 1.0]), labels)
    assert flood.sum() <= decisions.MOST * 10 + 1e-9
    few = decisions.weights(np.array([0, 1], np.int8), np.array([0.75, 0.5]), labels)
    assert few.tolist() == [0.75, 0.5]
