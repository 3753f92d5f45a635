"""WooCommerce: the JSON of its REST API, the core product exporter, and the CSV of the common order exporters.

Orders come as JSON, as a row per order with its lines in a column, or as a row per line. What each field becomes is said in
``woocommerce.sql`` and docs/platforms/woocommerce.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from ml.shop.sources import _platform
from ml.shop.sources import _woocommerce_json as woocommerce_json
from ml.shop.sources._definitions import Export, Field, need, want
from ml.shop.sources._platform import Platform

_ORDER: dict[str, Field] = {
    "order_id": need("Order ID", "order_id", "Order Number", "order_number", "Order #", "ID", "order_number_formatted"),
    "number": want("order_number_formatted", "order_number", "Order Number"),
    "created": need("Order Date", "order_date", "date", "date_created", "Date", "Order Date & Time", how="time"),
    "status": need("Order Status", "status", "order_status"),
    "kind": want("Order Type", "order_type", "type"),
    "total": want("Order Total Amount", "order_total", "Order Total", "total", how="money"),
    "shipping": want("Order Shipping Amount", "shipping_total", "Order Shipping", "order_shipping", how="money"),
    "shipping_tax": want("Order Shipping Tax Amount", "shipping_tax_total", "order_shipping_tax", how="money"),
    "fees": want("Order Fee Amount", "fee_total", how="money"),
    "fee_tax": want("fee_tax_total", how="money"),
    "tax": want("Order Total Tax Amount", "tax_total", "total_tax", "Order Tax", how="money"),
    "refunded": want("Order Refund Amount", "refunded_total", how="money"),
    "currency": want("Currency", "order_currency", "Order Currency", "currency"),
    "customer_ref": want("Customer User ID", "customer_id", "customer_user", "Customer ID", "User ID"),
    "mail": want(
        "Email (Billing)",
        "billing_email",
        "customer_email",
        "Billing Email",
        "Customer Account Email Address",
        "Billing Email Address",
    ),
    "phone": want("Phone (Billing)", "billing_phone", "Billing Phone"),
    "billing_country": want("Country Code (Billing)", "billing_country", "Billing Country", "Country (Billing)"),
    "shipping_country": want("Country Code (Shipping)", "shipping_country", "Shipping Country", "Country (Shipping)"),
    "street": want("Address 1&2 (Shipping)", "shipping_address_1", "Shipping Address 1", "Address 1 (Shipping)"),
    "zip": want("Postcode (Shipping)", "shipping_postcode", "Shipping Postcode"),
    "city": want("City (Shipping)", "shipping_city", "Shipping City"),
    "ip": want("Customer IP address", "customer_ip_address", "Customer IP"),
    "payment": want("Payment Method", "payment_method", "Payment Method Title", "payment_method_title"),
    "paid_at": want("Paid Date", "paid_date", "date_paid", how="time"),
    "coupon": want("Coupon Code"),
    "coupon_items": want("coupon_items", "coupons"),
}

LINES = Export(
    "order_lines",
    "an order export with a row per line (Advanced Order Export, Customer / Order Export)",
    {
        **_ORDER,
        "title": need("Item Name", "item_name", "Product Name", "Product Name (main)", "product_name", "Name"),
        "quantity": need("Quantity", "item_quantity", "Quantity (- Refund)", "Item Quantity", "qty", how="money"),
        "sku": want("SKU", "item_sku", "Product SKU", "Item SKU"),
        "product_ref": want("Product Id", "Product ID", "item_product_id", "product_id"),
        "unit": want("Item Cost", "Product Current Price", "item_price", "Item Cost (inc. tax)", how="money"),
        "line_total": want(
            "Order Line Total",
            "item_total",
            "Item Total",
            "Order Line Total (- Refund)",
            "Line Total",
            "order_line_total",
            how="money",
        ),
        "line_tax": want("Order Line Tax", "item_total_tax", "Item Total Tax", "Total Tax", how="money"),
    },
    key="order_id",
)

WIDE = Export(
    "order_rows",
    "an order export with its lines in a column (Customer / Order Export; Order Export & Import: line_item_1 …)",
    {**_ORDER, "mail": need(*_ORDER["mail"].names), "total": need(*_ORDER["total"].names, how="money")},
    many=("line_items", r"line items?( \d+)?|product item \d+|refund items"),
    key="order_id",
)

PRODUCTS = Export(
    "catalogue",
    "the product export (Products, Export)",
    {
        "id": need("ID", "post id", "Product ID"),
        "kind": need("Type", "tax:product_type", "Product Type"),
        "sku": need("SKU"),
        "title": need("Name", "post_title", "Title"),
        "published": want("Published", "post_status", how="yes"),
        "visibility": want("Visibility in catalog", "Visibility in catalogue"),
        "short": want("Short description", "post_excerpt"),
        "description": want("Description", "post_content"),
        "in_stock": want("In stock?", "stock_status"),
        "stock": want("Stock", how="number"),
        "sale_price": want("Sale price", "sale_price", how="money"),
        "price": need("Regular price", "regular_price", how="money"),
        "categories": want("Categories", "tax:product_cat"),
        "brand": want("Brands", "Brand"),
        "images": want("Images"),
        "parent": want("Parent", "post_parent"),
    },
)

CUSTOMERS = Export(
    "customers",
    "the customers download of Analytics, or a customer export",
    {
        "mail": need("Email", "email", "user_email", "billing_email"),
        "name": need("Username", "user_login", "Name", "username"),
        "customer_ref": want("customer_id", "ID", "id", "User ID"),
        "registered": want(
            "Sign up", "Date registered", "Registered", "date_registered", "user_registered", "Sign Up", how="time"
        ),
        "country": want("Country / Region", "Country", "billing_country"),
        "orders": need("Orders", "orders_count", "order_count", "total_spent", "role", "roles"),
    },
)

ANALYTICS = Export(
    "analytics",
    "the orders download of Analytics",
    {
        "order": need("Order #"),
        "items": need("Items sold"),
        "products": need("Product(s)"),
        "sales": need("N. Revenue", "Net sales"),
    },
    refused="it has no price of a line; export the orders by the REST API, or by one of the order exporters",
)

WOOCOMMERCE = Platform(
    "WooCommerce",
    Path(__file__).with_suffix(".sql"),
    (LINES, WIDE, PRODUCTS, CUSTOMERS, ANALYTICS),
    orders=("order_lines", "order_rows"),
    flatten=woocommerce_json.flatten,
)


def tables(
    data: Path, timezone: str = "UTC", remarks: list[str] | None = None
) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Read the exports: see :func:`ml.shop.sources._platform.tables`."""
    return _platform.tables(WOOCOMMERCE, Path(data), timezone, remarks if remarks is not None else [])
