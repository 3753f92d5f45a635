"""Nothing that becomes known after an order was placed is in its features, and nothing but its label tells its label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.capabilities.risk import features
from ml.capabilities.risk.columns import CATEGORIES, NUMBERS
from ml.capabilities.risk.evaluate import evaluate
from ml.capabilities.risk.model import fit
from ml.capabilities.risk.spec import SPEC
from ml.contract.tables import TABLES
from tests.contract.cases import SEED, Case, memory

Build = Callable[..., Mapping[str, ibis.Table]]
MOMENT = pa.timestamp("us", "UTC")
CASE = Case(SPEC)
CUTS = [CASE.as_of - timedelta(days=days) for days in (190.2, 40.7)]


def _known(name: str, table: pa.Table) -> np.ndarray:
    """When each row became known by a time of its own; NaT: with its order, or always."""
    latest = np.full(len(table), "NaT", "datetime64[us]")
    for column in filter(None, (TABLES[name].event_time, TABLES[name].known_time)):
        latest = np.fmax(latest, table[column].to_numpy().astype("datetime64[us]"))
    return latest


def _changed(tables: Mapping[str, pa.Table], cut: datetime, how: str) -> dict[str, pa.Table]:
    """The tables with every row that became known at or after ``cut`` gone, or moved in time.

    To the ``future``: all its times. To the ``past``: when it happened, while it still becomes known when it did.
    """
    changed = {}
    gone = tables["order"].filter(_later("order", tables["order"], cut))["order_id"].combine_chunks()
    for name, table in tables.items():
        later, contract = _later(name, table, cut), TABLES[name]
        if how == "gone":
            with_order = pc.is_in(table["order_id"], gone) if contract.known_with else pa.repeat(False, len(table))
            changed[name] = table.filter(pc.invert(pc.or_(later, with_order)))
            continue
        known, mask = _known(name, table), later.to_numpy(zero_copy_only=False)
        for column in filter(None, (contract.event_time, contract.known_time)):
            times = table[column].to_numpy().astype("datetime64[us]")
            if how == "future":
                times = np.where(mask, times + np.timedelta64(900, "D"), times)
            elif contract.known_time:
                past = column == contract.event_time
                times = np.where(mask, times - np.timedelta64(400, "D") if past else known, times)
            table = table.set_column(  # noqa: PLW2901
                table.column_names.index(column), column, pa.array(times, pa.timestamp("us")).cast(MOMENT)
            )
        changed[name] = table
    return changed


def _later(name: str, table: pa.Table, cut: datetime) -> pa.Array:
    return pa.array(_known(name, table) >= np.datetime64(cut.replace(tzinfo=None), "us"))


@cache
def _now(build: Build) -> dict[str, dict[str, Any]]:
    return _rows(build, CASE.tables)


@cache
def _moved(cut: datetime, how: str) -> dict[str, pa.Table]:
    return _changed(CASE.tables, cut, how)


def _rows(build: Build, tables: Mapping[str, pa.Table]) -> dict[str, dict[str, Any]]:
    orders = build(memory(tables), CASE.as_of, SPEC.params)["order"]
    table = ibis.duckdb.connect().to_pyarrow(orders.select("order_id", *NUMBERS, *CATEGORIES))
    return {row["order_id"]: row for row in table.to_pylist()}


def leaks(build: Build, ways: Sequence[str] = ("gone", "past", "future")) -> set[str]:
    """Columns of ``order`` that differ for an order when rows that became known after it go, or move in time."""
    found: set[str] = set()
    now, order = _now(build), CASE.tables["order"]
    for cut in CUTS:
        ids = order.filter(pc.invert(_later("order", order, cut)))["order_id"].to_pylist()
        for how in ways:
            then = _rows(build, _moved(cut, how))
            found |= {name for i in ids for name, value in now[i].items() if then[i][name] != value}
    return found


def test_rows_known_after_an_order_change_nothing_of_it() -> None:
    """Orders, payments, outcomes and customers that became known later may go, or move to the past or the future."""
    assert leaks(features.build) == set()


def _outcomes_known_at_once(tables: Mapping[str, ibis.Table], *rest: Any) -> Mapping[str, ibis.Table]:
    placed = tables["order"].select("order_id", at="ordered_at")
    outcomes = tables["order_outcome"].inner_join(placed, "order_id")
    return features.build({**tables, "order_outcome": outcomes.mutate(known_at=outcomes["at"]).drop("at")}, *rest)


def _late_orders_known_at_once(tables: Mapping[str, ibis.Table], *rest: Any) -> Mapping[str, ibis.Table]:
    return features.build({**tables, "order": tables["order"].mutate(known_at=ibis.null("timestamp('UTC', 6)"))}, *rest)


def _payments_known_at_once(tables: Mapping[str, ibis.Table], *rest: Any) -> Mapping[str, ibis.Table]:
    return features.build(
        {**tables, "payment": tables["payment"].mutate(paid_at=ibis.null("timestamp('UTC', 6)"))}, *rest
    )


def _counted_over_all_time(tables: Mapping[str, ibis.Table], *rest: Any) -> Mapping[str, ibis.Table]:
    built = dict(features.build(tables, *rest))
    order = built["order"]
    return built | {"order": order.mutate(customer_orders=order.count().over(group_by="customer_id"))}


def _label_as_a_feature(tables: Mapping[str, ibis.Table], *rest: Any) -> Mapping[str, ibis.Table]:
    built = dict(features.build(tables, *rest))
    return built | {"order": built["order"].mutate(guest=built["order"]["label"].fill_null(0).cast("float32"))}


@pytest.mark.parametrize(
    ("leaky", "way", "columns"),
    [
        (_outcomes_known_at_once, "gone", {"device_frauds", "component_frauds"}),
        (_late_orders_known_at_once, "past", {"address_orders", "component_orders"}),
        (_payments_known_at_once, "gone", {"payment", "payments"}),
        (_counted_over_all_time, "gone", {"customer_orders"}),
        (_label_as_a_feature, "gone", {"guest"}),
    ],
)
def test_a_planted_leak_is_caught(leaky: Build, way: str, columns: set[str]) -> None:
    """A time of knowing that is ignored, a count over all time, a label among the features: the law names the columns."""
    assert columns <= leaks(leaky, [way])


def test_shuffled_labels_teach_nothing() -> None:
    """With kinds dealt anew among the outcomes the model ranks by chance and is no better than the base rate."""
    areas, skills = [], []
    for seed in range(2):
        outcomes = CASE.tables["order_outcome"]
        kinds = outcomes["kind"].take(pa.array(np.random.default_rng(seed).permutation(len(outcomes))))
        tables = {**CASE.tables, "order_outcome": outcomes.set_column(1, "kind", kinds)}
        known = CASE.build(tables, CASE.cutoff)
        truth = ibis.duckdb.connect().to_pyarrow(features.truth(memory(tables), CASE.cutoff, CASE.as_of, SPEC.params))
        metrics = evaluate({"model": fit(known, SPEC.params, SEED)}, known, truth, SPEC.params)["model"].metrics
        areas.append(metrics["roc_auc"])
        skills.append(metrics["log_loss_skill"])
    assert abs(np.mean(areas) - 0.5) < 0.1
    assert np.mean(skills) < 0.02
