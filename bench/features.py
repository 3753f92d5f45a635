"""Feature building of the recommender with Ibis on DuckDB, beside the same in pandas."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import ibis
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from bench import Options, Row, in_turn
from ml.capabilities.recommender import features
from ml.capabilities.recommender.spec import SPEC, Params

AS_OF = datetime(2025, 6, 1, tzinfo=UTC)
PARAMS: Params = SPEC.params


def run(options: Options) -> Iterator[Row]:
    """Rows of orders, order lines and events per second, from Parquet to the tables; 5 million (quick: 100,000)."""
    rows = 100_000 if options.quick else 5_000_000
    folder = options.scratch / "features"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _write(folder, rows)
        total = sum(pq.read_metadata(path).num_rows for path in folder.glob("*.parquet"))
        sizes: dict[str, dict[str, int]] = {}
        taken = in_turn(
            {
                "ours": lambda: sizes.update(ours=_ours(folder)),
                "pandas": lambda: sizes.update(pandas=_pandas(folder)),
            },
            times=1 if rows > 1_000_000 else 3,
        )
    finally:
        shutil.rmtree(folder)
    if sizes["ours"] != sizes["pandas"]:
        raise AssertionError(f"the two disagree: {sizes}")
    yield Row(
        f"features of {total:,} rows",
        "rows/s",
        total / taken["ours"],
        "pandas",
        total / taken["pandas"],
        taken["pandas"] / taken["ours"],
        10.0,
    )


def _ours(folder: Path) -> dict[str, int]:
    backend = ibis.duckdb.connect()
    tables = {path.stem: backend.read_parquet(path) for path in folder.glob("*.parquet")}
    built = features.build(tables, AS_OF, PARAMS)
    return {name: backend.to_pyarrow(table).num_rows for name, table in built.items()}


def _pandas(folder: Path) -> dict[str, int]:
    """The same by hand, vectorised, as an engineer who knows pandas writes it."""
    t = {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}
    customers = _numbered(t["customer"][~(t["customer"]["registered_at"] >= AS_OF)], "customer")
    products = _numbered(t["product"][~(t["product"]["listed_at"] >= AS_OF)], "product")
    stock = t["stock"]
    stock = stock[(stock["counted_at"] < AS_OF) & (stock["known_at"].fillna(stock["counted_at"]) < AS_OF)]
    latest = stock.sort_values("counted_at").drop_duplicates("product_id", keep="last")
    products = products.merge(latest[["product_id", "quantity"]], "left", "product_id")
    products["available"] = products["active"].fillna(value=True).astype(bool) & ~(products["quantity"] <= 0)
    events = t["event"]
    known = (events["occurred_at"] < AS_OF) & (events["known_at"].fillna(events["occurred_at"]) < AS_OF)
    weights = {"view": PARAMS.weight_view, "cart": PARAMS.weight_cart, "wish": PARAMS.weight_wish}
    known &= events["customer_id"].notna() & events["product_id"].notna() & events["kind"].isin(list(weights))
    looked = events[known].rename(columns={"occurred_at": "at"})
    looked["base"] = looked["kind"].map(weights)
    built = {"look": _days(looked, customers, products), "purchase": _lines(t, customers, products)}
    built |= {"customer": customers, "product": products}
    return {name: len(table) for name, table in built.items()} | {"moment": 1}


def _lines(t: dict[str, pd.DataFrame], customers: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """One row per order line, with the numbers of its customer (-1: a guest), product and order."""
    orders = t["order"]
    known = (orders["ordered_at"] < AS_OF) & (orders["known_at"].fillna(orders["ordered_at"]) < AS_OF)
    orders = _numbered(orders[known & (orders["status"] != "cancelled")], "order")
    orders = orders.merge(customers[["customer_id", "customer_no"]], "left", "customer_id")
    orders["customer_no"] = orders["customer_no"].fillna(-1).astype("int32")
    lines = t["order_item"].merge(orders[["order_id", "order_no", "customer_no", "ordered_at"]], on="order_id")
    lines = lines.merge(products[["product_id", "product_no"]], on="product_id")
    lines["at"] = lines["ordered_at"].astype("datetime64[s, UTC]").astype("int64")
    return lines[["customer_no", "product_no", "order_no", "at", "quantity", "unit_price"]]


def _days(looked: pd.DataFrame, customers: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """Looks of a customer at a product, a day."""
    looked = looked.merge(customers[["customer_id", "customer_no"]]).merge(products[["product_id", "product_no"]])
    looked = looked.assign(day=looked["at"].dt.floor("D"))
    days = looked.groupby(["customer_no", "product_no", "day"], as_index=False)
    return days.agg(at=("at", "max"), weight=("base", "sum"))


def _numbered(table: pd.DataFrame, name: str) -> pd.DataFrame:
    table = table.sort_values(f"{name}_id", ignore_index=True)
    table[f"{name}_no"] = np.arange(len(table))
    return table


def _write(folder: Path, rows: int) -> None:
    """A shop whose orders (1 part), order lines (3) and events (6) make ``rows``; drawn by DuckDB, no two runs differ."""
    orders, customers, products = rows // 10, max(100, rows // 50), max(50, rows // 500)
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, value in {"orders": orders, "customers": customers, "products": products}.items():
            connection.execute(f"SET VARIABLE {name} = {value:d}")
        connection.execute(script)
        for name in SPEC.tables:
            connection.table(name).write_parquet(str(folder / f"{name}.parquet"))
