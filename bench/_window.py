"""A shop's tables, and a window of time on it: what was known before, and what was bought in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bench import Options
from bench import _grocery as grocery
from ml.capabilities.recommender import features
from ml.capabilities.recommender.evaluate import Truth
from ml.capabilities.recommender.model import tonights_log
from ml.capabilities.recommender.spec import SPEC, Params
from ml.contract.tables import TABLES
from ml.core.batches import ARROW
from ml.core.pictures import Unreadable, decoded, look_at
from ml.learn.purchases import Log
from ml.shop.source import Source

HORIZON = timedelta(days=30)


@dataclass(frozen=True)
class Shop:
    """A shop's contract tables in a DuckDB of its own; those of what was planted in schema ``demo_truth``."""

    name: str
    backend: Any
    names: frozenset[str]

    @property
    def tables(self) -> Mapping[str, ibis.Table]:
        """The tables that the recommender reads."""
        return {name: self.backend.table(name) for name in SPEC.tables if name in self.names}

    @property
    def end(self) -> datetime:
        """Midnight before the last order."""
        orders = self.backend.table("order")
        return midnight(orders.filter((orders["status"] != "cancelled").fill_null(True))["ordered_at"].max().execute())


def midnight(moment: Any) -> datetime:
    """The midnight (UTC) before a moment."""
    at = moment.to_pydatetime().astimezone(UTC)
    return datetime(at.year, at.month, at.day, tzinfo=UTC)


def load(options: Options) -> Shop:
    """Read the shop that the options name through its source, without a Postgres."""
    name = options.shop or "demo"
    given: dict[str, Any] = {"customers": 1_000 if options.quick else 6_000, "faults": 0.0} if name == "demo" else {}
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA demo_truth")
    backend = ibis.duckdb.from_connection(connection)
    names = set()
    for table, rows in _tables(name, options.data, given):
        schema, _, short = table.rpartition(".")
        backend.create_table(short, rows if schema else _sound(short, _whole(short, rows)), database=schema or None)
        names.add(table)
    return Shop(name, backend, frozenset(names))


def _tables(name: str, data: Path | None, given: dict[str, Any]) -> Iterator[tuple[str, pa.Table]]:
    if name == grocery.NAME:
        yield from grocery.tables(data).items()
        return
    for table, batches in Source.find(name, data, given).tables():
        yield table, pa.Table.from_batches(batches)


class Window:
    """What was known at ``start`` and what the known customers bought in the 30 days from then on.

    The catalogue are the products that a known customer had bought before ``start``; units are the customers who had
    bought before and bought something of it in the window.
    """

    def __init__(self, shop: Shop, start: datetime, params: Params) -> None:
        self.start = start
        built = features.build(shop.tables, start, params)
        self.features = {name: shop.backend.to_pyarrow(table) for name, table in built.items()}
        products = self.features["product"].sort_by("product_no")
        self.sold = np.bincount(self.log.product, minlength=self.log.n_products) > 0
        at = products.schema.get_field_index("available")
        self.features["product"] = products.set_column(at, "available", pa.array(self.sold))
        truth = shop.backend.to_pyarrow(features.truth(shop.tables, start, start + HORIZON, params)).combine_chunks()
        who = _place(truth["customer_id"], self.features["customer"].sort_by("customer_no")["customer_id"])
        what = _place(truth["product_id"], products["product_id"])
        keep = (who >= 0) & (what >= 0)
        keep[keep] = self.sold[what[keep]] & (np.diff(self.log.indptr) > 0)[who[keep]]
        self.users, rows = np.unique(who[keep], return_inverse=True)
        self.truth = Truth(rows, what[keep].astype(np.int32), len(self.users), int(self.sold.sum()))

    @cached_property
    def log(self) -> Log:
        """The log of what was known."""
        return tonights_log(self.features)

    @cached_property
    def bought(self) -> npt.NDArray[np.bool_]:
        """What each unit had bought before, shape (n_units, n_products)."""
        mask = np.zeros((len(self.users), self.log.n_products), bool)
        for row, u in enumerate(self.users):
            mask[row, self.log.product[self.log.indptr[u] : self.log.indptr[u + 1]]] = True
        return mask

    @property
    def new(self) -> Truth:
        """The truth without what a unit had bought before."""
        fresh = ~self.bought[self.truth.units, self.truth.items]
        return self.truth._replace(units=self.truth.units[fresh], items=self.truth.items[fresh])

    def lists(self, scores: npt.NDArray[np.floating], *, new: bool, k: int = 20) -> npt.NDArray[np.int32]:
        """The k best products of each row of a dense table, ties by the smaller number."""
        allowed = np.where(self.sold & ~(self.bought if new else np.zeros(1, bool)), scores, -np.inf)
        best: npt.NDArray[np.int32] = np.argsort(-allowed, axis=1, kind="stable")[:, :k].astype(np.int32)
        best[np.isneginf(np.take_along_axis(allowed, best, 1))] = -1
        return best


def _whole(name: str, table: pa.Table) -> pa.Table:
    """``table`` with every column of the contract, as the lake has it."""
    return pa.table(
        {
            column.name: table[column.name].cast(ARROW[column.kind])
            if column.name in table.column_names
            else pa.nulls(len(table), ARROW[column.kind])
            for column in TABLES[name].columns
        }
    )


def _sound(name: str, table: pa.Table) -> pa.Table:
    """Leave out the order lines that the validation of a night refuses: no quantity, no price; and read the pictures."""
    if name == "product_image":
        return _read(table)
    if name != "order_item":
        return table
    return table.filter((pc.field("quantity") > 0) & (pc.field("unit_price") > 0))


def _read(images: pa.Table) -> pa.Table:
    """The pictures as a snapshot has them: thumbnail and hash, null where one cannot be read."""
    found: list[tuple[str | None, str | None]] = []
    for content in images["content"].to_pylist():
        try:
            picture = look_at(decoded(content))
            found.append((picture.thumbnail, picture.content_hash))
        except (Unreadable, TypeError):
            found.append((None, None))
    for place, name in enumerate(("content", "content_hash")):
        column = pa.array([row[place] for row in found], pa.string())
        images = images.set_column(images.schema.get_field_index(name), name, column)
    return images


def _place(ids: pa.Array | pa.ChunkedArray, known: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    found = pc.fill_null(pc.index_in(ids, known.combine_chunks()), -1)
    return np.asarray(found.to_numpy(), np.int64)
