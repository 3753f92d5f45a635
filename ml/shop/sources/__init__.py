"""What can fill a shop. A source is one module here with ``tables(...)``, and its line below.

``tables(**options)`` yields ``(table name, record batches)`` in the order of the contract. Columns may be left out and may
have any type that casts to the contract's; ``ml.shop.load`` fills and casts them. A source that reads files takes ``data``.
"""

from __future__ import annotations

SOURCES: dict[str, str] = {
    "demo": "A simulated shop of any size; what was planted is kept in schema demo_truth.",
    "online_retail": "UCI Online Retail as published (.xlsx, .csv) or its Parquet copy.",
    "olist": "Olist's Brazilian marketplace: the folder of CSV files that Kaggle ships.",
    "shopify": "Shopify's exports: orders, and beside them products, customers, inventory; or the JSONL of a bulk operation.",
    "woocommerce": "WooCommerce: JSON of the REST API, the product export, or the CSV of an order exporter.",
    "magento": "Magento or Adobe Commerce: orders with items, catalogue and customers as CSV.",
    "prestashop": "PrestaShop: CSV of its SQL manager and grids.",
    "lines": "Any flat file of order lines: a mapping says which column is what, and is proposed.",
    "tables": "A folder with one CSV or Parquet file per contract table (./nightshift shop template writes empty ones).",
}
"""Name -> what it is. The module has the same name."""
