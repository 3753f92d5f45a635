"""Shops with years of real purchases, as a capability sees them at a time: Online Retail and CDNOW."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ml.capabilities.customer import features
from ml.capabilities.customer.spec import SPEC
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.capability import Known, Window
from ml.shop.sources import online_retail

Shop = Mapping[str, pa.Table]


def retail(data: Path) -> dict[str, pa.Table]:
    """Online Retail as the loader makes it; lines that nobody could have chosen are left out as the validation does."""
    tables = {name: _whole(name, batches) for name, batches in online_retail.tables(data)}
    items = tables["order_item"]
    kept = pc.and_(pc.greater(items["quantity"], 0), pc.greater(items["unit_price"], 0))
    tables["order_item"] = items.filter(kept)
    # An order of which nothing was chosen (an adjustment, a stock correction) is none.
    sold = pc.is_in(tables["order"]["order_id"], pc.unique(tables["order_item"]["order_id"]))
    tables["order"] = tables["order"].filter(sold)
    return tables


def cdnow(data: Path, share: float = 1.0) -> dict[str, pa.Table]:
    """CDNOW: one order a row, noon of its day; one product. Of ``share`` of the customers."""
    rows = pq.read_table(data / "cdnow_master.parquet")
    rows = rows.filter(pc.less(pc.cast(rows["customer_id"], pa.int64()), 23_570 * share + 1))
    order = pa.array([f"o{number}" for number in range(len(rows))])
    who = rows["customer_id"].cast(pa.string())
    day = rows["date"].cast(pa.timestamp("us"))
    noon = pc.add(day, pa.scalar(timedelta(hours=12), pa.duration("us"))).cast(pa.timestamp("us", "UTC"))
    count, money = rows["number_of_cds"].cast(pa.float64()), rows["dollar_value"].cast(pa.float64())
    pieces = pc.max_element_wise(count, pa.scalar(1.0))
    columns = {
        "customer": pa.table({"customer_id": pc.unique(who)}),
        "product": pa.table({"product_id": ["cd"], "title": ["CD"]}),
        "order": pa.table({"order_id": order, "customer_id": who, "ordered_at": noon, "total": money}),
        "order_item": pa.table(
            {
                "order_id": order,
                "line_no": [1] * len(rows),
                "product_id": ["cd"] * len(rows),
                "quantity": pieces,
                "unit_price": pc.max_element_wise(pc.divide(money, pieces), pa.scalar(0.01)),
            }
        ),
    }
    return {name: _whole(name, table.to_batches()) for name, table in columns.items()}


def at(shop: Shop, when: datetime, cutoffs: Iterable[timedelta] = SPEC.cutoffs) -> Known:
    """Features at a time with the windows before it, as a training of that day would have them."""
    windows = [
        Window(then, _build(shop, then), truth(shop, then))
        for then in sorted(when - cutoff for cutoff in cutoffs)
        if then.timestamp() > pc.min(shop["order"]["ordered_at"]).as_py().timestamp()
    ]
    return Known(_build(shop, when), windows)


def truth(shop: Shop, when: datetime) -> pa.Table:
    """The orders of the horizon after a time."""
    following = features.truth(_memory(shop), when, when + SPEC.gate.horizon, SPEC.params)
    return ibis.duckdb.connect().to_pyarrow(following)


def day(year: int, month: int, number: int) -> datetime:
    """The start of a day in UTC."""
    return datetime(year, month, number, tzinfo=UTC)


def _build(shop: Shop, when: datetime) -> dict[str, pa.Table]:
    backend = ibis.duckdb.connect()
    return {n: backend.to_pyarrow(t) for n, t in features.build(_memory(shop), when, SPEC.params).items()}


def _memory(shop: Shop) -> dict[str, ibis.Table]:
    return {name: ibis.memtable(table) for name, table in shop.items()}


def _whole(name: str, rows: Iterable[pa.RecordBatch]) -> pa.Table:
    table = pa.Table.from_batches(list(rows))
    return pa.table(
        {
            c.name: table[c.name].cast(ARROW[c.kind])
            if c.name in table.column_names
            else pa.nulls(len(table), ARROW[c.kind])
            for c in TABLES[name].columns
        }
    )
