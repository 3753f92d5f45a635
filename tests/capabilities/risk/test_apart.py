"""Counting apart, as executors do, is counting all orders together."""

from __future__ import annotations

from collections.abc import Callable

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from ml.capabilities.risk import apart, features, history
from ml.capabilities.risk.spec import SPEC
from tests.contract.cases import Case, memory


def in_pieces(table: ibis.Table, by: str, function: Callable[[pa.Table], pa.Table], schema: pa.Schema) -> ibis.Table:
    """As Spark does it: rows of one value lie in one of three partitions, in any order."""
    rows = table.to_pyarrow()
    rows = rows.take(np.random.default_rng(7).permutation(len(rows)))
    codes = pc.fill_null(rows[by].combine_chunks().dictionary_encode().indices, 0)
    place = np.asarray(codes.to_numpy(zero_copy_only=False)) % 3
    pieces = [function(rows.filter(pa.array(place == n))).cast(schema) for n in range(3)]
    return ibis.memtable(pa.concat_tables(pieces))


def test_counts_are_those_of_all_orders_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every column of every order, and every entity that is shared, though no partition sees all orders."""
    case = Case(SPEC)
    log = features.log(features.described(memory(case.tables), case.as_of, SPEC.params))
    rows = history.coded(log)
    monkeypatch.setattr(apart, "in_groups", in_pieces)
    counts, used = (table.to_pyarrow() for table in apart.counted(ibis.memtable(log)))
    whole = history.history(rows)
    assert set(counts.column_names) == set(whole.column_names)
    ours, theirs = (table.sort_by("order_no").select(sorted(whole.column_names)) for table in (counts, whole))
    assert [name for name in whole.column_names if not ours[name].equals(theirs[name])] == []
    by = [(name, "ascending") for name in ("kind", "order_no")]
    assert used.sort_by(by).to_pylist() == history.shared(rows).sort_by(by).to_pylist()
