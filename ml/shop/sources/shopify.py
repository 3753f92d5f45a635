"""Shopify: the exports of its admin (orders, draft orders, products, customers, inventory) or the JSONL of its bulk operations.

A folder holds any of them beside the orders. What each field becomes is said in ``shopify.sql`` and docs/platforms/shopify.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from ml.shop.sources import _platform
from ml.shop.sources import _shopify_json as shopify_json
from ml.shop.sources._definitions import Export, need, want
from ml.shop.sources._platform import Platform

ORDERS = Export(
    "orders",
    "the orders export (Orders, Export)",
    {
        "order_id": need("Name"),
        "mail": need("Email"),
        "financial": need("Financial Status"),
        "created": need("Created at", how="time"),
        "total": need("Total", how="number"),
        "quantity": need("Lineitem quantity", how="number"),
        "title": need("Lineitem name"),
        "price": need("Lineitem price", how="number"),
        "id": want("Id"),
        "phone": want("Phone"),
        "accepts": want("Accepts Marketing", how="yes"),
        "currency": want("Currency"),
        "subtotal": want("Subtotal", how="number"),
        "shipping": want("Shipping", how="number"),
        "taxes": want("Taxes", how="number"),
        "duties": want("Duties", how="number"),
        "discount_code": want("Discount Code"),
        "discount": want("Discount Amount", how="number"),
        "refunded": want("Refunded Amount", how="number"),
        "cancelled": want("Cancelled at", how="time"),
        "paid_at": want("Paid at", how="time"),
        "fulfillment": want("Fulfillment Status"),
        "sku": want("Lineitem sku"),
        "line_discount": want("Lineitem discount", how="number"),
        "vendor": want("Vendor"),
        "source": want("Source"),
        "device": want("Device ID"),
        "payment": want("Payment Method"),
        "billing_country": want("Billing Country"),
        "shipping_street": want("Shipping Street", "Shipping Address1"),
        "shipping_zip": want("Shipping Zip"),
        "shipping_city": want("Shipping City"),
        "shipping_country": want("Shipping Country"),
    },
)

PRODUCTS = Export(
    "products",
    "the products export (Products, Export)",
    {
        "handle": need("Handle", "URL handle"),
        "title": need("Title"),
        "body": want("Body (HTML)", "Description"),
        "vendor": want("Vendor"),
        "category": want("Product Category"),
        "kind": want("Type"),
        "published": want("Published", "Published on online store", how="yes"),
        "status": want("Status"),
        "gift_card": want("Gift Card", how="yes"),
        "sku": need("Variant SKU", "SKU"),
        "price": need("Variant Price", "Price", how="number"),
        "stock": want("Variant Inventory Qty", "Inventory quantity", how="number"),
        "tracker": want("Variant Inventory Tracker", "Inventory tracker"),
        "option1": want("Option1 Value"),
        "option2": want("Option2 Value"),
        "option3": want("Option3 Value"),
        "image": want("Image Src", "Product image URL"),
        "image_no": want("Image Position", how="number"),
    },
)

CUSTOMERS = Export(
    "customers",
    "the customers export (Customers, Export)",
    {
        "customer_ref": want("Customer ID"),
        "mail": need("Email"),
        "first_name": need("First Name"),
        "phone": want("Phone", "Default Address Phone"),
        "accepts": need("Accepts Email Marketing", "Accepts Marketing", how="yes"),
        "country": want("Default Address Country Code", "Country Code", "Country"),
        "orders": need("Total Orders", "Orders"),
    },
)

INVENTORY = Export(
    "inventory",
    "the inventory export (Products, Inventory, Export)",
    {
        "handle": need("Handle"),
        "sku": need("SKU"),
        "location": need("Location"),
        "available": need("Available (not editable)", "Available", "On hand (current)", "On hand", "On hand (new)"),
    },
)

LOCATIONS = Export(
    "inventory_by_location",
    "the inventory export with a column per location",
    {"handle": need("Handle"), "sku": need("SKU"), "coo": need("COO"), "hs": need("HS Code")},
    many=("counts", "(?!handle$|title$|option. (name|value)$|sku$|hs code$|coo$|location$).+"),
)

DRAFTS = Export(
    "drafts",
    "the draft orders export",
    {"name": need("Name"), "status": need("Status"), "invoiced": need("Invoice Sent At", "Completed At")},
    refused="a draft is no sale, and a completed one is among the orders; take the file out",
)

TRANSACTIONS = Export(
    "transactions",
    "the transactions export of orders",
    {"order": need("Order"), "name": need("Name"), "kind": need("Kind"), "gateway": need("Gateway")},
    refused="it has no lines; take the file out, the orders export has the status of each payment",
)

SHOPIFY = Platform(
    "Shopify",
    Path(__file__).with_suffix(".sql"),
    (ORDERS, DRAFTS, PRODUCTS, CUSTOMERS, INVENTORY, LOCATIONS, TRANSACTIONS),
    orders=("orders",),
    flatten=shopify_json.flatten,
)


def tables(
    data: Path, timezone: str = "UTC", remarks: list[str] | None = None
) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Read the exports: see :func:`ml.shop.sources._platform.tables`."""
    return _platform.tables(SHOPIFY, Path(data), timezone, remarks if remarks is not None else [])
