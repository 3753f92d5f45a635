"""What several results are made of, computed once."""

from __future__ import annotations

import ibis


def once(table: ibis.Table) -> ibis.Table:
    """The rows of an expression, computed now: in this process's memory, or on Spark in that of the executors."""
    if table.get_backend().name == "pyspark":
        return table.cache()
    return ibis.memtable(table.to_pyarrow())
