"""Products and customers that were sold or ordered before they were there: known from their first sale at the latest.

After a move to another system a catalogue is dated on the day of the move. Taken at its word, no product would be known
before that day, and nothing could be learnt from the sales of years.
"""

# ruff: noqa: S608 (names come from the contract, paths from the lake, never from outside)
from __future__ import annotations

from datetime import datetime
from typing import Any

from ml.adapters.lake import Lake
from ml.contract.table import Table

_KEYS = {"product": "i.product_id", "customer": "o.customer_id"}
_OLDEST = "TIMESTAMPTZ '1990-01-01 00:00:00Z'"


def find_first_sales(connection: Any, lake: Lake, folder: str, table: Table, as_of: datetime) -> bool:
    """Make the temporary table ``first_sale`` (k, at) of what was sold before its time; False: there is none.

    A sale is known when its order is (the later of ``ordered_at`` and ``known_at``); those before 1990 are no dates.
    """
    if table.name not in _KEYS or not all(
        lake.exists(folder, "raw", name) for name in (table.name, "order", "order_item")
    ):
        return False
    raw = {name: f"read_parquet({lake.sql(folder, 'raw', name)})" for name in (table.name, "order", "order_item")}
    key, lines = _KEYS[table.name], f" JOIN {raw['order_item']} i USING (order_id)" if table.name == "product" else ""
    known = "greatest(o.ordered_at, coalesce(o.known_at, o.ordered_at))"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE first_sale AS SELECT {key} AS k, min({known}) AS at FROM {raw['order']} o{lines} "
        f"JOIN {raw[table.name]} t ON t.{table.key[0]} = {key} "
        f"WHERE {known} < t.{table.event_time} AND {known} < $as_of::TIMESTAMPTZ AND o.ordered_at >= {_OLDEST} GROUP BY 1",
        {"as_of": as_of},
    )
    return bool(connection.sql("SELECT count(*) FROM first_sale").fetchall()[0][0])


def since_first_sale(table: Table, source: str) -> str:
    """The rows of ``source``, their event time that of the first sale where :func:`find_first_sales` found an earlier one."""
    time, key = table.event_time, table.key[0]
    return (
        f"(SELECT s.* REPLACE (CASE WHEN f.at < s.{time} THEN f.at ELSE s.{time} END AS {time}) "
        f"FROM {source} s LEFT JOIN first_sale f ON s.{key} = f.k)"
    )
