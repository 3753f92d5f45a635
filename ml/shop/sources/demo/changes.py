"""Faults of a whole day, planted on the shop's last one, for who watches over the data to find.

============== =====================================================================
change         what is done to the last day
============== =====================================================================
prices         every price, line and total is a hundred times as large
category       the products of the commonest category have none
currency       the orders are in another currency
events stop    the event table has no row
events double  every event is there twice, under another id
ids            orders have ids of another form, wherever they are referred to
language       reviews are written in French
ring           one device and address placed a third of the orders
outcomes stop  no outcome of an order arrived
============== =====================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml.contract.tables import TABLES
from ml.core.units import DAY_S

FRENCH = (
    "Très bon produit, je suis vraiment satisfaite de mon achat et la livraison était rapide.",
    "La qualité est décevante, le tissu s'est déchiré après deux jours et je veux être remboursé.",
    "Conforme à la description, ma fille en est ravie et nous le recommandons à tous nos amis.",
)


class Day(NamedTuple):
    """What the changes go by: from when on (seconds since 1970), the orders since then, and a category."""

    since: int
    orders: pa.Array
    category: str


def last_day(stop: int, order: Iterable[pa.RecordBatch], product: Iterable[pa.RecordBatch]) -> Day:
    """The last day before ``stop`` (seconds since 1970) of a shop with these orders and products."""
    since = stop - DAY_S
    young = [batch["order_id"].filter(_young(batch, "order", since)) for batch in order]
    counts: dict[str, int] = {}
    for batch in product:
        for row in pc.value_counts(batch["category"]).to_pylist():
            counts[row["values"]] = counts.get(row["values"], 0) + row["counts"]
    counts.pop(None, None)  # type: ignore[call-overload]
    return Day(since, pa.concat_arrays(young), max(counts, key=lambda name: (counts[name], name), default=""))


def changed(change: str, table: str, batches: Iterable[pa.RecordBatch], day: Day) -> Iterator[pa.RecordBatch]:
    """The rows of a table with the change; the same rows where it is not concerned."""
    apply = CHANGES[change].get(table, CHANGES[change].get("*"))
    for batch in batches:
        yield apply(batch, table, day) if apply else batch


def _young(rows: pa.RecordBatch, table: str, since: int) -> pa.Array:
    """Which rows became known since then."""
    spec = TABLES[table]
    moment = rows[spec.event_time].cast(pa.int64())
    if spec.known_time and spec.known_time != spec.event_time:
        moment = pc.max_element_wise(moment, rows[spec.known_time].cast(pa.int64()))
    return pc.greater_equal(moment, since * 1_000_000)


def _of_the_day(rows: pa.RecordBatch, table: str, day: Day) -> pa.Array:
    if table in ("order_item", "payment"):
        return pc.is_in(rows["order_id"], day.orders)
    return _young(rows, table, day.since)


def _set(rows: pa.RecordBatch, column: str, where: pa.Array, values: Any) -> pa.RecordBatch:
    place, old = rows.schema.get_field_index(column), rows[column]
    values = values if isinstance(values, pa.Array) else pa.scalar(values, old.type)
    return rows.set_column(place, rows.schema.field(place), pc.if_else(where, values, old))


def _times_100(column: str) -> Callable[[pa.RecordBatch, str, Day], pa.RecordBatch]:
    def apply(rows: pa.RecordBatch, table: str, day: Day) -> pa.RecordBatch:
        where = pa.array(np.ones(len(rows), bool)) if table == "product" else _of_the_day(rows, table, day)
        return _set(rows, column, where, pc.multiply(rows[column], 100.0))

    return apply


def _no_category(rows: pa.RecordBatch, _: str, day: Day) -> pa.RecordBatch:
    where = pc.fill_null(pc.equal(rows["category"], day.category), fill_value=False)
    return _set(rows, "category", where, None)


def _currency(rows: pa.RecordBatch, table: str, day: Day) -> pa.RecordBatch:
    where = _of_the_day(rows, table, day)
    return _set(_set(rows, "currency", where, "JPY"), "exchange_rate", where, 1.0)


def _stop(rows: pa.RecordBatch, table: str, day: Day) -> pa.RecordBatch:
    return rows.filter(pc.invert(_of_the_day(rows, table, day)))


def _double(rows: pa.RecordBatch, table: str, day: Day) -> pa.RecordBatch:
    (key,) = TABLES[table].key
    again = rows.filter(_of_the_day(rows, table, day))
    again = _set(again, key, pa.array(np.ones(len(again), bool)), pc.binary_join_element_wise(again[key], "2", "-"))
    return pa.Table.from_batches([rows, again]).combine_chunks().to_batches()[0] if len(rows) else rows


def _other_ids(rows: pa.RecordBatch, _: str, day: Day) -> pa.RecordBatch:
    if "order_id" not in rows.schema.names:
        return rows
    where = pc.is_in(rows["order_id"], day.orders)
    return _set(rows, "order_id", where, pc.binary_join_element_wise("web", rows["order_id"], "/"))


def _french(rows: pa.RecordBatch, table: str, day: Day) -> pa.RecordBatch:
    words = pa.array([FRENCH[i % len(FRENCH)] for i in range(len(rows))], rows["text"].type)
    where = _of_the_day(rows, table, day)
    return _set(_set(rows, "text", where, words), "title", where, "Avis")


def _ring(rows: pa.RecordBatch, table: str, day: Day) -> pa.RecordBatch:
    young = np.asarray(_of_the_day(rows, table, day).to_numpy(zero_copy_only=False), bool)
    where = pa.array(young & (np.cumsum(young) % 3 == 0))
    return _set(_set(rows, "device_id", where, "ring device"), "shipping_address", where, "ring address")


CHANGES: Mapping[str, Mapping[str, Callable[[pa.RecordBatch, str, Day], pa.RecordBatch]]] = {
    "prices": {
        "product": _times_100("price"),
        "order": _times_100("total"),
        "order_item": _times_100("unit_price"),
    },
    "category": {"product": _no_category},
    "currency": {"order": _currency},
    "events stop": {"event": _stop},
    "events double": {"event": _double},
    "ids": {"*": _other_ids},
    "language": {"review": _french},
    "ring": {"order": _ring},
    "outcomes stop": {"order_outcome": _stop},
}
"""By name, what is done to each table; ``*``: to every one."""
