"""What several results are made of, computed once; and rows that Python works on in groups."""

from __future__ import annotations

from collections.abc import Callable

import ibis
import pyarrow as pa


def once(table: ibis.Table) -> ibis.Table:
    """The rows of an expression, computed now: in this process's memory, or on Spark by the executors into files."""
    if on_executors(table):
        stored: ibis.Table = table.get_backend().stored(table)
        return stored
    return ibis.memtable(table.to_pyarrow())


def on_executors(table: ibis.Table) -> bool:
    """Whether an expression is computed by Spark."""
    return bool(table.get_backend().name == "pyspark")


def in_groups(table: ibis.Table, by: str, function: Callable[[pa.Table], pa.Table], schema: pa.Schema) -> ibis.Table:
    """What ``function`` makes of the rows, of which those with one value of ``by`` come together.

    A call gets the rows of one or many values: here all of them at once, on Spark a partition at a time, on the executors.
    """
    if on_executors(table):
        grouped: ibis.Table = table.get_backend().in_groups(table, by, function, schema)
        return grouped
    return ibis.memtable(function(table.to_pyarrow()).cast(schema))
