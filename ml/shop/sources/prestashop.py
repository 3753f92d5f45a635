"""PrestaShop: CSV of its SQL manager (orders, order_detail, customer, product) and of its grids, with ``;``.

What each field becomes is said in ``prestashop.sql`` and docs/platforms/prestashop.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from ml.shop.sources import _platform
from ml.shop.sources._definitions import Export, Field, need, want
from ml.shop.sources._platform import Platform

_ORDER: dict[str, Field] = {
    "order_id": need("id_order"),
    "created": need("date_add", "invoice_date", how="time"),
    "total": need("total_paid_tax_incl", "total_paid", how="money"),
    "status": need("current_state", "order_state", "state", "status", "name"),
    "reference": want("reference"),
    "customer_ref": want("id_customer"),
    "shipping": want("total_shipping_tax_incl", "total_shipping", how="money"),
    "wrapping": want("total_wrapping_tax_incl", "total_wrapping", how="money"),
    "discount": want("total_discounts_tax_incl", "total_discounts", how="money"),
    "currency": want("iso_code", "currency", "id_currency"),
    "rate": want("conversion_rate", how="number"),
    "payment": want("payment", "module"),
    "mail": want("email", "customer_email"),
}

ORDERS = Export("orders", "the orders (SQL manager: ps_orders)", _ORDER, key="order_id")

_LINE: dict[str, Field] = {
    "line_order": need("id_order"),
    "product_ref": need("product_id", "id_product"),
    "title": need("product_name"),
    "quantity": need("product_quantity", how="money"),
    "price": need("unit_price_tax_incl", how="money"),
    "sku": want("product_reference"),
    "returned": want("product_quantity_refunded", "product_quantity_return", how="money"),
    "returned_too": want("product_quantity_return", how="money"),
}

DETAILS = Export("order_detail", "the lines of orders (SQL manager: ps_order_detail)", _LINE, key="line_order")

FLAT = Export("flat", "orders and their lines in one file", {**_ORDER, **_LINE}, key="order_id")

CUSTOMERS = Export(
    "customers",
    "the customers (grid, or SQL manager: ps_customer)",
    {
        "customer_ref": need("id_customer", "ID"),
        "mail": need("email", "Email address", "E-mail", "Email"),
        "last_name": need("lastname", "Last name"),
        "created": want("date_add", "Registration", "Registration date", how="time"),
        "birth_date": want("birthday"),
        "newsletter": want("newsletter", how="yes"),
        "guest": want("is_guest", how="yes"),
        "deleted": want("deleted", how="yes"),
        "group": want("id_default_group", "Group"),
    },
    key="customer_ref",
)

PRODUCTS = Export(
    "catalogue",
    "the products (grid, or SQL manager: ps_product with ps_product_lang)",
    {
        "id": need("id_product", "Product ID", "ID"),
        "title": need("name", "Name", "Product name"),
        "price": need(
            "price_tax_incl", "Price (tax incl.)", "Final price", "price", "Price (tax excl.)", "Price", how="money"
        ),
        "active": need("active", "Status", "Displayed", "Active (0/1)", how="yes"),
        "sku": want("reference", "Reference"),
        "category": want("category", "Category", "Categories", "name_category"),
        "brand": want("manufacturer", "Manufacturer", "Brand", "manufacturer_name"),
        "description": want("description", "description_short", "Description"),
        "stock": want("quantity", "Quantity", how="number"),
        "created": want("date_add", how="time"),
        "virtual": want("is_virtual"),
    },
    key="id",
)

GRID = Export(
    "grid",
    "the grid of orders",
    {
        "id": need("ID", "id_order"),
        "reference": need("Reference"),
        "new": need("New client", "new", "New customer"),
        "total": need("Total", "total_paid_tax_incl"),
    },
    refused="it has no lines; give ps_orders and ps_order_detail by the SQL manager (Advanced parameters, Database)",
)

PRESTASHOP = Platform(
    "PrestaShop",
    Path(__file__).with_suffix(".sql"),
    (ORDERS, DETAILS, FLAT, CUSTOMERS, PRODUCTS, GRID),
    orders=("orders", "flat"),
)


def tables(
    data: Path, timezone: str = "UTC", remarks: list[str] | None = None
) -> Iterator[tuple[str, Iterable[pa.RecordBatch]]]:
    """Read the exports: see :func:`ml.shop.sources._platform.tables`."""
    return _platform.tables(PRESTASHOP, Path(data), timezone, remarks if remarks is not None else [])
