"""Laws of every capability with a lane between nights."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pytest

from ml.adapters.shop.select import Shop
from ml.contract.tables import TABLES
from ml.core.spec import Live, Published
from ml.registry import CAPABILITIES
from tests.contract.cases import SEED, Case, memory
from tests.live.watch.spec import SPEC as WATCH

_LANES = [spec for spec in (*CAPABILITIES.values(), WATCH) if spec.live]


@pytest.fixture(params=_LANES, ids=[spec.name for spec in _LANES], scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    """A capability with a lane."""
    return Case(request.param)


def lane(case: Case) -> tuple[Live, Published]:
    """What its spec says of the lane, and the table that gets the rows."""
    live = case.capability.live
    assert live is not None
    return live, next(table for table in case.capability.publishes if table.name == live.publishes)


def test_the_lane_fits_the_contract(case: Case) -> None:
    """It reads what the capability reads, and all that its tables refer to; the published key is that of the new rows."""
    live, table = lane(case)
    tables = set(live.tables)
    assert tables <= set(case.capability.tables)
    assert set(live.keys) & set(case.capability.needs)
    for name, columns in live.keys.items():
        assert len(columns) == len(table.key), name
        assert set(columns) <= set(TABLES[name].column_names), name
        assert TABLES[name].event_time, name
    referred = {parent for name in tables for _, parent, _ in TABLES[name].references}
    assert referred <= tables


def test_each_table_can_be_asked_for_what_is_new(case: Case) -> None:
    """Also where two tables refer to each other's rows in a circle: an order is new with its parcel, a parcel with its order."""
    live, _ = lane(case)
    shop = Shop({name: frozenset(TABLES[name].column_names) for name in live.tables})
    for name in live.tables:
        query = shop.select_new(TABLES[name], live, datetime(2025, 1, 1, tzinfo=UTC))
        assert " IN ()" not in query
        assert len(query) < 20_000


def test_new_rows_alone_are_scored_as_among_all(case: Case) -> None:
    """With ``only`` some keys, the published rows of these keys are those of the whole batch."""
    live, table = lane(case)
    model = case.young
    whole = case.score(model, case.serve)[table.name]
    for keys in _choices(case, live, whole.select(list(table.key))):
        rows = _lane_rows(case, model, keys)
        requested = _of(whole, keys)
        assert rows.num_rows == requested.num_rows
        for name, kind in zip(requested.column_names, requested.schema.types, strict=True):
            ours, theirs = (found[name].to_pylist() for found in (rows, requested))
            if pa.types.is_floating(kind):
                ours, theirs = ([math.nan if v is None else v for v in values] for values in (ours, theirs))
            assert ours == (pytest.approx(theirs, rel=1e-9, nan_ok=True) if pa.types.is_floating(kind) else theirs)


def _choices(case: Case, live: Live, published: pa.Table) -> list[pa.Table]:
    """One published key, some published ones, some of the shop's, and none that is known."""
    rng = np.random.default_rng(SEED)
    name, columns = next(iter(live.keys.items()))
    own_keys = case.tables[name].select(list(columns)).rename_columns(published.column_names)
    some = [rng.permutation(len(keys))[:25] for keys in (published, own_keys)]
    nobody = pa.table({column: ["nobody's"] for column in published.column_names})
    return [
        published.slice(len(published) - 1),
        published.take(pa.array(some[0])),
        pa.concat_tables([own_keys.take(pa.array(some[1])), nobody]),
        nobody,
    ]


def _lane_rows(case: Case, model: Any, keys: pa.Table) -> pa.Table:
    """The rows of ``keys`` as the lane makes them, in the order of the key."""
    _, table = lane(case)
    backend = ibis.duckdb.connect()
    only = ibis.memtable(keys)
    built = case.part("features").build(memory(case.tables), case.as_of, case.capability.params, only=only)
    features = {name: backend.to_pyarrow(found) for name, found in built.items()}
    batches = list(case.part("score").score(model, features, 0, 1, case.capability.params)[table.name])
    if not batches:
        return pa.table({name: [] for name in table.column_names})
    return _of(pa.Table.from_batches(batches), keys)


def _of(rows: pa.Table, keys: pa.Table) -> pa.Table:
    """The rows of ``keys``, in the order of the key."""
    order = [(name, "ascending") for name in keys.column_names]
    wanted = keys.group_by(keys.column_names).aggregate([])
    return rows.join(wanted, keys.column_names, join_type="left semi").sort_by(order)
