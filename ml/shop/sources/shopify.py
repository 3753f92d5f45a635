"""Shopify: the orders export of its admin (Orders, Export), one CSV file or a folder of its parts.

An order's fields stand on its first line only, customers and products have no id, guests are known by e-mail at most. What
is made of that is said in ``shopify.sql``. Products, customers and refunds have exports of their own, which are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from ml.core.errors import ContractError
from ml.shop.sources._faults import Faults
from ml.shop.sources._files import blocks, create_table, database, read_csv, select

REQUIRED = (
    "Name", "Email", "Financial Status", "Created at", "Total", "Lineitem quantity", "Lineitem name", "Lineitem price",
)  # fmt: skip
OPTIONAL = (
    "Accepts Marketing", "Currency", "Shipping", "Cancelled at", "Fulfillment Status", "Lineitem sku", "Lineitem discount",
    "Billing Country", "Shipping Street", "Shipping Zip", "Shipping City", "Shipping Country", "Vendor", "Source",
)  # fmt: skip
PARSED = {
    "Created at": "timestamp", "Cancelled at": "timestamp", "Total": "number", "Shipping": "number",
    "Lineitem quantity": "number", "Lineitem price": "number", "Lineitem discount": "number",
}  # fmt: skip
"""Column -> how its text is read, as in ``tables.sql``."""

TABLES = ("customer", "product", "order", "order_item", "order_outcome")


def tables(data: Path) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Read the export into customer, product, order, order_item and, of cancellations, order_outcome.

    Raises
    ------
    ContractError
        For a file that is no such export, a value that cannot be read, or an order that stands in two files.
    """
    sql, faults = blocks(Path(__file__).with_suffix(".sql")), Faults()
    files = find(Path(data))
    with database() as db:
        create_table(db, "raw", _lines(files))
        _parse(db, faults)
        for name, places in db.execute(sql["twice"]).fetchall():
            faults.add(places, "the order stands in several files; export without overlap", where="order", came=name)
        faults.check(Path(data))
        db.execute(sql["line"])
        for table in TABLES:
            yield table, select(db, sql[table])


def find(data: Path) -> list[Path]:
    """Find the export's parts; a folder without any is an error."""
    found = (
        [data] if data.is_file() else sorted(p for p in data.iterdir() if p.name.lower().endswith((".csv", ".csv.gz")))
    )
    if not found:
        raise ContractError(
            "There is no export of Shopify's orders.",
            came=f"{data} holds no CSV file",
            do="name the file or its folder",
        )
    return found


def _lines(files: list[Path]) -> Iterator[pa.RecordBatch]:
    """Every line of every file with the columns that are read, the file's name and the line's number in all."""
    number = 0
    for path in files:
        for batch in read_csv(path):
            lacking = [name for name in REQUIRED if name not in batch.schema.names]
            if lacking:
                raise ContractError(
                    "This is no export of Shopify's orders: columns are missing.",
                    came=f"{path.name}: no {', '.join(lacking)} (has {', '.join(batch.schema.names[:8])} …)",
                    do="export the orders in Shopify's admin as CSV",
                )
            rows = batch.num_rows
            columns = {
                name: batch.column(name) if name in batch.schema.names else pa.nulls(rows, pa.string())
                for name in (*REQUIRED, *OPTIONAL)
            }
            numbers = pa.array(range(number, number + rows), pa.int64())
            yield pa.RecordBatch.from_pydict({"n": numbers, "file": pa.array([path.name] * rows), **columns})
            number += rows


def _parse(db: duckdb.DuckDBPyConnection, faults: Faults) -> None:
    """Make moments and numbers of the columns that hold them, as ``parsed``; what cannot be read is a fault."""
    how = blocks(Path(__file__).with_name("tables.sql"))
    terms = {name: how[kind].replace("$value", f'trim("{name}")') for name, kind in PARSED.items()}
    replaced = ", ".join(f'{term} AS "{name}"' for name, term in terms.items())
    db.execute(f"CREATE TABLE parsed AS SELECT * REPLACE ({replaced}) FROM raw")  # noqa: S608  # names of ours
    for name, kind in PARSED.items():
        unread = f"""
            SELECT raw.file, raw."Name", raw."{name}" FROM raw JOIN parsed USING (n)
            WHERE trim(raw."{name}") <> '' AND parsed."{name}" IS NULL ORDER BY n
        """  # noqa: S608  # names of ours
        for file, order, value in db.execute(unread).fetchall():
            faults.add(file, f"expected a {kind}", column=name, where=f"order {order}", came=value)
