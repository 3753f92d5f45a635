"""The baskets of BNP Paribas Personal Finance (ENS Challenge Data 2023), put as a shop: orders with items and an outcome.

The publisher gives no customer, no time and no payment. What stands for them:

- Baskets are numbered in the order in which they came (products appear and vanish with the number), so the number is the
  clock: one basket in ``STEP_S`` seconds. Hour and weekday mean nothing.
- A line ``FULFILMENT`` is the shipping costs of its order, not a product.
- Every outcome becomes known after the last basket: no feature of an order sees a label. Labels are seen by what is
  learnt from the training folds alone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

STEP_S = 432
"""200 baskets a day: those of a chain of department stores that sell on credit over some 20 months."""
OPENED = datetime(2020, 10, 1, tzinfo=UTC)
AS_OF = OPENED + timedelta(days=900)

_SQL = {
    "customer": """
        SELECT NULL::VARCHAR customer_id, NULL::TIMESTAMPTZ registered_at, NULL::VARCHAR country WHERE false""",
    "product": """
        SELECT goods_code product_id, mode(model ORDER BY model) title, mode(make ORDER BY make) brand,
               mode(trim(regexp_replace(item, '[^A-Z0-9]+', ' ', 'g')) ORDER BY item) category, NULL::TIMESTAMPTZ listed_at
        FROM line WHERE goods_code <> 'FULFILMENT' GROUP BY ALL""",
    "order": """
        SELECT ID::VARCHAR order_id, NULL::VARCHAR customer_id, $opened + to_seconds(ID * $step) ordered_at,
               'delivered' status, total::DOUBLE total, shipping::DOUBLE shipping, NULL::VARCHAR channel,
               NULL::VARCHAR shipping_country, NULL::VARCHAR billing_country, NULL::VARCHAR shipping_address,
               NULL::VARCHAR email, NULL::VARCHAR ip, NULL::VARCHAR device_id, NULL::TIMESTAMPTZ known_at
        FROM basket JOIN (
            SELECT basket_ID, sum(cash_price * quantity) total,
                   sum(cash_price) FILTER (goods_code = 'FULFILMENT') shipping
            FROM line GROUP BY ALL) ON basket_ID = ID""",
    "order_item": """
        SELECT basket_ID::VARCHAR order_id,
               row_number() OVER (PARTITION BY basket_ID ORDER BY cash_price DESC, goods_code, model) line_no,
               goods_code product_id, quantity::DOUBLE quantity, cash_price::DOUBLE unit_price
        FROM line WHERE goods_code <> 'FULFILMENT'""",
    "order_outcome": """
        SELECT ID::VARCHAR order_id, CASE WHEN fraud_flag = 1 THEN 'fraud' ELSE 'ok' END kind,
               $opened + to_seconds((SELECT max(ID) + 1 FROM basket) * $step) known_at
        FROM basket""",
}


def database(folder: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory with the published tables as ``basket`` and ``line``."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'; SET threads = 2")
    for name in ("baskets", "products"):
        if not (folder / f"{name}.parquet").is_file():
            raise FileNotFoundError(f"{folder} holds no {name}.parquet; name the folder with --data")
    db.read_parquet(str(folder / "baskets.parquet")).create("basket")
    lines = db.read_parquet(str(folder / "products.parquet"))
    lines.select("* EXCLUDE Nbr_of_prod_purchas, Nbr_of_prod_purchas AS quantity").create("line")
    return db


def tables(source: duckdb.DuckDBPyConnection) -> dict[str, pa.Table]:
    """The contract's tables, as far as order risk reads them."""
    by_name = {}
    for name, sql in _SQL.items():
        known = {"opened": OPENED, "step": STEP_S} if "$" in sql else {}
        by_name[name] = source.sql(sql, params=known).to_arrow_table()
    return by_name
