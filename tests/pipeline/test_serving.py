"""What a batch is told to be as a whole, against the batch before."""

from __future__ import annotations

import ibis
import pyarrow as pa
import pytest

from ml.core.spec import Published
from ml.pipeline import batch_facts
from ml.registry import CAPABILITIES, capability

SEGMENTS = next(table for table in capability("recommender").publishes if table.name == "customer_segment")
RECOMMENDATION = capability("recommender").publishes[0]


def change(before: int, now: int, *, moved: int = 0, table: Published = SEGMENTS) -> dict[str, float]:
    """Facts of a batch of ``now`` rows after one of ``before``, ``moved`` of which are of other customers."""

    def rows(n: int, first: int) -> ibis.Table:
        who = [f"c{i}" for i in range(first, first + n)]
        names = [column.name for column in table.columns if column.kind == "text"]
        return ibis.memtable(pa.table({name: pa.array(who, pa.string()) for name in names}))

    return batch_facts._change(rows(now, moved), rows(before, 0), table, now)


@pytest.mark.parametrize(("before", "now"), [(0, 0), (0, 50_000), (3, 0), (2, 19), (19, 19)])
def test_small_batches_and_first_ones_are_not_compared(before, now):
    """A shop without segments has none on the second night either; a handful of rows may become two or twenty."""
    assert change(before, now) == {}


def test_a_lost_table_is_told():
    """Rows that are gone, halved or of other customers are seen in the facts."""
    assert change(500, 0)["rows_ratio"] == 0
    assert change(20, 0)["rows_ratio"] == 0
    assert change(2, 60)["rows_ratio"] == 30
    assert change(500, 250) == {"change": 0, "rows_ratio": 0.5}
    assert change(500, 500, moved=100) == {"change": pytest.approx(0.2), "rows_ratio": 1}
    assert change(500, 500, moved=100, table=RECOMMENDATION)["change"] == pytest.approx(0.2)


@pytest.mark.parametrize("name", CAPABILITIES)
def test_every_table_can_be_held_against_the_batch_before(name):
    """Also one that holds numbers alone."""
    kinds = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
    for table in CAPABILITIES[name].publishes:
        columns = {
            c.name: pa.array([str(i) if c.kind == "text" else i for i in range(100)], kinds[c.kind])
            for c in table.columns
            if c.kind in kinds and (c.name in table.key or not c.nullable)
        }
        rows = ibis.memtable(pa.table(columns))
        assert batch_facts._change(rows, rows, table, 100) == {"change": 0, "rows_ratio": 1}, table.name
