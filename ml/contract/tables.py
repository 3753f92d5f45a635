"""The contract with the shop: each table of schema ``shop``, its columns, types, units and meaning.

The shop offers these as tables or, better, as views over its own. Everything that Nightshift knows about the shop's
data is here: DDL, extract, checks and the README's tables are made from it.
"""

from __future__ import annotations

from ml.contract.sales import CUSTOMER, CUSTOMER_LINK, ERASURE, ORDER, ORDER_ITEM, ORDER_OUTCOME, PAYMENT, PRODUCT
from ml.contract.service import TICKET, TICKET_MESSAGE
from ml.contract.table import Table
from ml.contract.visits import CAMPAIGN, CART, COUPON, EVENT, REVIEW, SEARCH
from ml.contract.warehouse import PRODUCT_IMAGE, PURCHASE_ORDER, SHIPMENT, STOCK, SUPPLY

__all__ = [
    "CAMPAIGN",
    "CART",
    "COUPON",
    "CUSTOMER",
    "CUSTOMER_LINK",
    "ERASURE",
    "EVENT",
    "ORDER",
    "ORDER_ITEM",
    "ORDER_OUTCOME",
    "PAYMENT",
    "PRODUCT",
    "PRODUCT_IMAGE",
    "PURCHASE_ORDER",
    "REVIEW",
    "SEARCH",
    "SHIPMENT",
    "STOCK",
    "SUPPLY",
    "TABLES",
    "TICKET",
    "TICKET_MESSAGE",
]

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        CUSTOMER,
        PRODUCT,
        ORDER,
        ORDER_ITEM,
        EVENT,
        REVIEW,
        ORDER_OUTCOME,
        PAYMENT,
        STOCK,
        CART,
        SEARCH,
        TICKET,
        TICKET_MESSAGE,
        CAMPAIGN,
        COUPON,
        PRODUCT_IMAGE,
        CUSTOMER_LINK,
        ERASURE,
        SUPPLY,
        PURCHASE_ORDER,
        SHIPMENT,
    )
}
"""By name, each after the tables that it references."""
