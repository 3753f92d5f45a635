"""UCI Online Retail: every invoice line of a British gift shop, December 2010 to December 2011 (or "II", from 2009).

Everything stays visible. Cancellations (``C…``) are orders with status cancelled, adjustments (``A…``), stock corrections
and lines at no price stay in and are for the validation to judge, lines without a customer are guest orders, repeated
lines stay lines. Postage, fees, discounts and the like are products of category ``service`` that are not active.
Customers and products become known with their first line; title and price are those of the whole file, because the
publisher gives no history. Times are British local time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pyarrow import parquet

from ml.core.errors import ContractError
from ml.shop.sources._csv import BATCH_ROWS
from ml.shop.sources._files import blocks, create_table, database, read_csv, select

COLUMNS: dict[str, tuple[str, ...]] = {
    "invoice": ("invoiceno", "invoice"),
    "stock_code": ("stockcode",),
    "description": ("description",),
    "quantity": ("quantity",),
    "invoice_date": ("invoicedate",),
    "unit_price": ("unitprice", "price"),
    "customer": ("customerid",),
    "country": ("country",),
}
"""Our name -> the names it was published under, without case, blanks and underscores."""

DATE_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%m/%d/%y %H:%M",
)

SUFFIXES = (".parquet", ".xlsx", ".csv", ".csv.gz")


def tables(data: Path) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Read the file, or the folder that holds it, into ``customer``, ``product``, ``order`` and ``order_item``."""
    path = find(Path(data))
    sql = blocks(Path(__file__).with_suffix(".sql"))
    with database() as db:
        create_table(db, "raw", _read(path))
        db.execute(sql["lines"], {"date_format": _date_format(db, sql, path)})
        for name in ("customer", "product", "order", "order_item"):
            yield name, select(db, sql[name])


def find(data: Path) -> Path:
    """Find the data file in a folder; several that could be it are an error."""
    if data.is_file():
        return data
    found = sorted(p for p in data.glob("*") if p.name.lower().endswith(SUFFIXES)) if data.is_dir() else []
    named = [p for p in found if "retail" in p.name.lower()]
    choice = named or found
    if len(choice) == 1:
        return choice[0]
    raise ContractError(
        "Online Retail was not found." if not choice else "It is not clear which file is Online Retail.",
        came=", ".join(p.name for p in choice) or f"{data} " + ("holds none" if data.is_dir() else "does not exist"),
        do="name the file, or a folder that holds one of " + ", ".join(f"*{suffix}" for suffix in SUFFIXES),
    )


def _read(path: Path) -> Iterator[pa.RecordBatch]:
    name = path.name.lower()
    if name.endswith(".parquet"):
        batches: Iterable[pa.RecordBatch] = parquet.ParquetFile(path).iter_batches(BATCH_ROWS)
    elif name.endswith(".xlsx"):
        batches = _read_xlsx(path)
    else:
        batches = read_csv(path)
    for batch in batches:
        yield _as_text(batch, path)


def _as_text(batch: pa.RecordBatch, path: Path) -> pa.RecordBatch:
    """Give the columns our names and make them text: each format has other types for the same column."""
    came = {re.sub(r"[\s_]", "", name).lower(): name for name in batch.schema.names}
    found = {ours: next((came[t] for t in theirs if t in came), None) for ours, theirs in COLUMNS.items()}
    missing = [ours for ours, theirs in found.items() if theirs is None]
    if missing:
        raise ContractError(
            "This is not Online Retail: columns are missing.",
            came=f"{path.name} has {', '.join(batch.schema.names)}; missing: {', '.join(missing)}",
            do="give the file as published by UCI (InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, "
            "CustomerID, Country)",
        )
    columns = [_text(batch.column(theirs)) for theirs in found.values()]
    return pa.RecordBatch.from_arrays(columns, list(found))


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("s"), safe=False)
    return column.cast(pa.string())


def _read_xlsx(path: Path) -> Iterator[pa.RecordBatch]:
    """Stream every sheet; "Online Retail II" has one a year."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        for sheet in book.worksheets:
            rows = sheet.iter_rows(values_only=True)
            header = [str(name) for name in next(rows, ()) if name is not None]
            while block := [row for _, row in zip(range(BATCH_ROWS), rows, strict=False)]:
                columns = list(zip(*block, strict=True))[: len(header)]
                arrays = [pa.array([_cell(value) for value in column], pa.string()) for column in columns]
                yield pa.RecordBatch.from_arrays(arrays, header)
    finally:
        book.close()


def _cell(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat(" ", "seconds") if isinstance(value, datetime) else str(value)


def _date_format(db: duckdb.DuckDBPyConnection, sql: dict[str, str], path: Path) -> str:
    """The format that reads most dates; of several, the one in which the file goes back in time least."""
    read = {f: db.execute(sql["dates read"], {"date_format": f}).fetchall()[0] for f in DATE_FORMATS}
    understood, total = max(read.values())
    if 2 * understood < total:
        examples = db.execute("SELECT DISTINCT invoice_date FROM raw ORDER BY invoice_date LIMIT 3").fetchall()
        raise ContractError(
            "The dates of Online Retail cannot be read.",
            came=f"{path.name}: InvoiceDate " + ", ".join(repr(e) for e in chain.from_iterable(examples)),
            do="write them as YYYY-MM-DD HH:MM:SS",
        )
    best = [f for f in DATE_FORMATS if read[f][0] == understood]
    back = {f: db.execute(sql["steps back"], {"date_format": f}).fetchall()[0] for f in best[1:] and best}
    return min(back, key=lambda f: back[f]) if back else best[0]
