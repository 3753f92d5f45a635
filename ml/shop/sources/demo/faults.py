"""Rows broken on purpose, so that validation has something to find; each is told in ``demo_truth.fault``.

=========== ========== =============================================================
table       fault      what is done
=========== ========== =============================================================
order_item  orphan     the product is one that the shop does not have
order_item  negative   the price is negative
event       duplicate  the row is there twice
review      duplicate  the row is there twice
event       future     dated twenty years after the end
=========== ========== =============================================================

A row has at most one fault, and no other row refers to a broken one.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.units import DAY_S
from ml.shop.sources.demo import columns as col
from ml.shop.sources.demo.columns import Ints
from ml.shop.sources.demo.options import Options
from ml.shop.sources.demo.truth import FAULT

FAULTS = {"order_item": ("orphan", "negative"), "event": ("duplicate", "future"), "review": ("duplicate",)}
_FUTURE = 20 * 365 * DAY_S


def plant(options: Options, chunk: int, table: str, rows: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Break a share of the rows. Returns the rows and what goes into ``demo_truth.fault``."""
    rng = options.rng("fault " + table, chunk)
    broken = np.flatnonzero(rng.random(len(rows)) < options.faults)
    kinds = FAULTS[table]
    kind = rng.integers(0, len(kinds), len(broken))
    keys = col.join(*(rows[name].cast(pa.string()) for name in TABLES[table].key), by="/").take(pa.array(broken))
    _, truth = col.rows(
        FAULT, table_name=pa.array([table] * len(broken), pa.string()), row_key=keys, fault=col.pick(kinds, kind)
    )
    for position, name in enumerate(kinds):
        rows = _BREAK[name](rows, broken[kind == position], options)
    return rows, truth


def _orphan(rows: pa.RecordBatch, at: Ints, _: Options) -> pa.RecordBatch:
    return _replace(rows, "product_id", at, pa.array(["gone"] * len(at), pa.string()))


def _negative(rows: pa.RecordBatch, at: Ints, _: Options) -> pa.RecordBatch:
    return _replace(rows, "unit_price", at, pc.negate(rows["unit_price"].take(pa.array(at))))


def _future(rows: pa.RecordBatch, at: Ints, options: Options) -> pa.RecordBatch:
    later = options.stop + _FUTURE + np.arange(len(at))
    rows = _replace(rows, "known_at", at, pa.nulls(len(at), ARROW["timestamp"]))
    return _replace(rows, "occurred_at", at, col.times(later))


def _duplicate(rows: pa.RecordBatch, at: Ints, _: Options) -> pa.RecordBatch:
    return rows.take(pa.array(np.r_[np.arange(len(rows)), at]))


def _replace(rows: pa.RecordBatch, column: str, at: Ints, values: pa.Array) -> pa.RecordBatch:
    mask = np.zeros(len(rows), bool)
    mask[at] = True
    return rows.set_column(
        rows.schema.get_field_index(column), column, pc.replace_with_mask(rows[column], pa.array(mask), values)
    )


_BREAK = {"orphan": _orphan, "negative": _negative, "duplicate": _duplicate, "future": _future}
