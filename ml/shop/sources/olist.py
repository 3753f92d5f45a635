"""Olist: orders of a Brazilian marketplace 2016 to 2018, as the folder of CSV files that Kaggle ships.

Plain or gzip-compressed, quoted or not, with or without a byte-order mark. Orders, items, customers and products must be
there; reviews, payments and the translation of categories may be missing. Other files are not read. What the publisher
left out is made up as little as possible, and said in ``olist.sql``: titles, when a cancellation was known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from ml.core.errors import ContractError
from ml.shop.sources._files import blocks, create_table, database, read_csv, select

FILES: dict[str, tuple[str, bool, tuple[str, ...]]] = {
    "orders": (
        "olist_orders_dataset",
        True,
        (
            "order_id",
            "customer_id",
            "order_status",
            "order_purchase_timestamp",
            "order_approved_at",
            "order_delivered_carrier_date",
            "order_delivered_customer_date",
            "order_estimated_delivery_date",
        ),
    ),
    "items": ("olist_order_items_dataset", True, ("order_id", "order_item_id", "product_id", "price", "freight_value")),
    "customers": (
        "olist_customers_dataset",
        True,
        ("customer_id", "customer_unique_id", "customer_zip_code_prefix", "customer_city", "customer_state"),
    ),
    "products": ("olist_products_dataset", True, ("product_id", "product_category_name")),
    "reviews": (
        "olist_order_reviews_dataset",
        False,
        (
            "review_id",
            "order_id",
            "review_score",
            "review_comment_title",
            "review_comment_message",
            "review_creation_date",
            "review_answer_timestamp",
        ),
    ),
    "payments": (
        "olist_order_payments_dataset",
        False,
        ("order_id", "payment_sequential", "payment_type", "payment_installments", "payment_value"),
    ),
    "translation": (
        "product_category_name_translation",
        False,
        ("product_category_name", "product_category_name_english"),
    ),
}
"""Short name -> (file name without its suffix, whether it must be there, the columns that are read)."""

TABLES = {
    "customer": "customers",
    "product": "products",
    "order": "orders",
    "order_item": "items",
    "review": "reviews",
    "order_outcome": "orders",
    "payment": "payments",
    "shipment": "orders",
}
"""Contract table -> the file without which the shop does not have it."""


def tables(data: Path) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Read the folder into the tables of ``TABLES``; review and payment only where there."""
    files = find(Path(data))
    sql = blocks(Path(__file__).with_suffix(".sql"))
    with database() as db:
        _read(db, files)
        db.execute(sql["placed"])
        for name, file in TABLES.items():
            if file in files:
                yield name, select(db, sql[name])


def find(folder: Path) -> dict[str, Path]:
    """Find the files by short name; says all required ones that are missing at once."""
    found = {
        short: path
        for short, (name, _, _) in FILES.items()
        for path in (folder / f"{name}.csv.gz", folder / f"{name}.csv")
        if path.is_file()
    }
    missing = [f"{name}.csv" for short, (name, required, _) in FILES.items() if required and short not in found]
    if missing:
        inside = sorted({path.parent.name for path in folder.glob("*/olist_orders_dataset.csv*")})
        raise ContractError(
            "This folder is not Olist's: files are missing.",
            came=f"{folder}: no {', '.join(missing)}",
            do=f"name the folder inside: {', '.join(inside)}" if inside else "give the folder as Kaggle ships it",
        )
    return found


def _read(db: duckdb.DuckDBPyConnection, files: dict[str, Path]) -> None:
    faults = []
    for short, (_, _, columns) in FILES.items():
        if short not in files:
            empty = pa.schema([(name, pa.string()) for name in columns]).empty_table()
            create_table(
                db, short, [pa.RecordBatch.from_arrays([c.combine_chunks() for c in empty.columns], list(columns))]
            )
            continue
        create_table(db, short, read_csv(files[short]))
        came = [row[0] for row in db.execute(f'DESCRIBE "{short}"').fetchall()]
        lacking = [name for name in columns if name not in came]
        if lacking:
            faults.append(f"{files[short].name}: no {', '.join(lacking)} (has {', '.join(came)})")
    if faults:
        raise ContractError(
            "Columns of Olist's files are missing.", came="\n".join(faults), do="give the files as Kaggle ships them"
        )
