"""What several results are made of, computed once; and rows that Python works on in groups."""

from __future__ import annotations

from collections.abc import Callable

import ibis
import pyarrow as pa


def once(table: ibis.Table) -> ibis.Table:
    """The rows of an expression, computed now: in this process's memory, or on Spark in that of the executors."""
    if on_executors(table):
        return table.cache()
    return ibis.memtable(table.to_pyarrow())


def on_executors(table: ibis.Table) -> bool:
    """Whether an expression is computed by Spark."""
    return bool(table.get_backend().name == "pyspark")


def in_groups(table: ibis.Table, by: str, function: Callable[[pa.Table], pa.Table], schema: pa.Schema) -> ibis.Table:
    """What ``function`` makes of the rows, of which those with one value of ``by`` come together.

    A call gets the rows of one or many values: here all of them at once, on Spark a partition at a time, on the executors.
    """
    if on_executors(table):
        made: ibis.Table = table.get_backend().in_groups(table, by, function, schema)
        return made
    return ibis.memtable(function(table.to_pyarrow()).cast(schema))
