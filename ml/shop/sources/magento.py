"""Magento and Adobe Commerce: orders with their items, the catalogue and the customers as CSV.

Orders come as a row per item (order exporters), or as the two tables ``sales_order`` and ``sales_order_item``. What each field
becomes is said in ``magento.sql`` and docs/platforms/magento.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from ml.shop.sources import _platform
from ml.shop.sources._definitions import Export, need, want
from ml.shop.sources._platform import Platform

FLAT = Export(
    "flat",
    "an order export with a row per item (Order Number, Item SKU …)",
    {
        "order_id": need("Order Number", "increment_id", "Order #", "Order ID", "order_id", "Order Increment ID"),
        "created": need("Order Date", "Purchase Date", "created_at", "Order Created At", how="time"),
        "status": need("Order Status", "Status", "order_status", "state"),
        "sku": need("Item SKU", "item:sku", "sku", "Product SKU", "item_sku"),
        "quantity": need(
            "Item Qty Ordered", "item:qty_ordered", "qty_ordered", "Qty Ordered", "item_qty_ordered", how="money"
        ),
        "price": need(
            "Item Price",
            "item:price_incl_tax",
            "item:price",
            "price_incl_tax",
            "price",
            "Item Price Incl Tax",
            "item_price",
            how="money",
        ),
        "title": want("Item Name", "item:name", "name", "Product Name", "item_name"),
        "kind": want("Item Type", "item:product_type", "product_type", "Product Type"),
        "parent_item": want("Item Parent ID", "item:parent_item_id", "parent_item_id"),
        "item_id": want("Item ID", "item:item_id", "item_id"),
        "cancelled": want("Item Qty Canceled", "item:qty_canceled", "qty_canceled", how="money"),
        "tax": want("Item Tax", "item:tax_amount", "item_tax_amount", how="money"),
        "discount": want("Item Discount", "item:discount_amount", "item_discount_amount", how="money"),
        "line_total": want("Item Total", "item:row_total_incl_tax", "row_total_incl_tax", how="money"),
        "total": want("Order Grand Total", "Grand Total (Purchased)", "grand_total", "Grand Total", how="money"),
        "shipping": want(
            "Order Shipping", "shipping_incl_tax", "shipping_amount", "Shipping and Handling", how="money"
        ),
        "order_tax": want("Order Tax", "tax_amount", how="money"),
        "refunded": want("Order Refunded", "Total Refunded", "total_refunded", how="money"),
        "currency": want("Order Currency", "order_currency_code", "Currency"),
        "rate": want("base_to_order_rate", how="number"),
        "mail": want("Customer Email", "customer_email", "Email"),
        "customer_ref": want("Customer ID", "customer_id"),
        "group": want("Customer Group", "customer_group"),
        "payment": want("Order Payment Method", "Payment Method", "payment_method", "method"),
        "shipping_country": want(
            "Shipping Country", "shipping_country", "Shipping Country Code", "shipping_country_id"
        ),
        "billing_country": want("Billing Country", "billing_country", "Billing Country Code", "billing_country_id"),
        "street": want("Shipping Street", "shipping_street"),
        "zip": want("Shipping Zip", "shipping_postcode"),
        "city": want("Shipping City", "shipping_city"),
        "ip": want("remote_ip"),
    },
    key="order_id",
)

ORDERS = Export(
    "sales_order",
    "the table sales_order",
    {
        "entity_id": need("entity_id"),
        "order_id": need("increment_id"),
        "created": need("created_at", how="time"),
        "status": need("status"),
        "state": want("state"),
        "total": need("grand_total", how="number"),
        "shipping": want("shipping_incl_tax", "shipping_amount", how="number"),
        "refunded": want("total_refunded", how="number"),
        "currency": want("order_currency_code"),
        "rate": want("base_to_order_rate", how="number"),
        "mail": want("customer_email"),
        "customer_ref": want("customer_id"),
        "ip": want("remote_ip"),
        "coupon": want("coupon_code"),
        "discount": want("discount_amount", how="number"),
    },
    key="order_id",
)

ITEMS = Export(
    "sales_order_item",
    "the table sales_order_item",
    {
        "item_id": need("item_id"),
        "order_ref": need("order_id"),
        "parent_item": want("parent_item_id"),
        "product_ref": want("product_id"),
        "kind": want("product_type"),
        "sku": need("sku"),
        "title": want("name"),
        "quantity": need("qty_ordered", how="number"),
        "cancelled": want("qty_canceled", how="number"),
        "price": need("price_incl_tax", "price", how="number"),
        "line_total": want("row_total_incl_tax", how="number"),
        "discount": want("discount_amount", how="number"),
    },
    key="item_id",
)

PRODUCTS = Export(
    "catalogue",
    "the products export (System, Export, Products)",
    {
        "sku": need("sku"),
        "store_view": need("store_view_code"),
        "kind": need("product_type"),
        "title": need("name"),
        "categories": want("categories"),
        "description": want("description"),
        "short": want("short_description"),
        "price": need("price", how="number"),
        "special": want("special_price", how="number"),
        "online": want("product_online"),
        "visibility": want("visibility"),
        "created": want("created_at"),
        "stock": want("qty", how="number"),
        "image": want("base_image"),
        "more": want("additional_attributes"),
        "variations": want("configurable_variations"),
    },
    key="sku",
)

CUSTOMERS = Export(
    "customers",
    "the customers main file (System, Export)",
    {
        "mail": need("email"),
        "website": need("_website", "website_id"),
        "created": need("created_at"),
        "customer_ref": want("entity_id"),
        "birth_date": want("dob"),
        "group": want("group_id"),
        "country": want("_address_country_id", "country_id"),
    },
    key="mail",
)

GRID = Export(
    "grid",
    "the grid of orders (Sales, Orders, Export)",
    {
        "id": need("ID"),
        "point": need("Purchase Point"),
        "date": need("Purchase Date"),
        "base": need("Grand Total (Base)"),
    },
    refused="it has no items; export sales_order and sales_order_item, or give a row per item from an order exporter",
)

MAGENTO = Platform(
    "Magento",
    Path(__file__).with_suffix(".sql"),
    (FLAT, ORDERS, ITEMS, PRODUCTS, CUSTOMERS, GRID),
    orders=("flat", "sales_order"),
)


def tables(
    data: Path, timezone: str = "UTC", remarks: list[str] | None = None
) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Read the exports: see :func:`ml.shop.sources._platform.tables`."""
    return _platform.tables(MAGENTO, Path(data), timezone, remarks if remarks is not None else [])
