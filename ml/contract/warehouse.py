"""What is in stock, on its way, and pictured."""

from __future__ import annotations

from ml.contract.columns import KNOWN_AT, MONEY, required
from ml.contract.table import Column, Table

STOCK = Table(
    "stock",
    "How many pieces there were at a count; the latest count before the night holds.",
    ("product_id", "counted_at"),
    (
        required("product_id", "text", "The product.", references="product.product_id"),
        required("counted_at", "timestamp", "When it was counted.", "UTC"),
        required("quantity", "number", "Pieces in stock; 0 or less: out of stock.", "pieces"),
        KNOWN_AT,
    ),
    event_time="counted_at",
    known_time="known_at",
)

PRODUCT_IMAGE = Table(
    "product_image",
    "A picture of a product.",
    ("product_id", "image_no"),
    (
        required("product_id", "text", "The product.", references="product.product_id"),
        required("image_no", "integer", "Number of the picture, from 1."),
        required(
            "uri",
            "text",
            "Where the file is: a path in the folder NIGHTSHIFT_PICTURES, https:, s3:, gs:, az: or data:. A changed picture "
            "gets another address. With content: its name.",
        ),
        Column(
            "content",
            "text",
            "The file itself, where it lies in the database: bytea, or base64. In the lake: its thumbnail.",
            whole=True,
        ),
        Column("content_hash", "text", "SHA-256 of the file. Found when it is read: leave it out."),
        Column("width", "integer", "Found when it is read: leave it out.", "pixels"),
        Column("height", "integer", "Found when it is read: leave it out.", "pixels"),
        Column("unread", "text", "Why it cannot be read. Found when it is read: leave it out."),
    ),
    known_with="product_id",
)

SUPPLY = Table(
    "supply",
    "How a product can be bought anew from a supplier.",
    ("product_id", "supplier"),
    (
        required("product_id", "text", "The product.", references="product.product_id"),
        required("supplier", "text", "The supplier, as the shop calls it."),
        Column("lead_days", "number", "From order to arrival, on average; null: by what came.", "days"),
        Column("lead_spread_days", "number", "Standard deviation of that.", "days"),
        Column("pack_size", "number", "Ordered in multiples of so many; null: 1.", "pieces"),
        Column("minimum_order", "number", "At least so many at once; null: 1.", "pieces"),
        Column("cost", "number", "What a piece costs the shop.", MONEY),
        Column("holding_cost", "number", "What a piece in stock costs in a year; null: a share of its cost.", MONEY),
        Column("shelf_life_days", "number", "Sold within so many days or not at all; null: it keeps.", "days"),
    ),
    known_with="product_id",
)

PURCHASE_ORDER = Table(
    "purchase_order",
    "What the shop ordered from a supplier: on its way, or arrived.",
    ("purchase_order_id", "product_id"),
    (
        required("purchase_order_id", "text", "The shop's own id."),
        required("product_id", "text", "The product.", references="product.product_id"),
        Column("supplier", "text", "The supplier, as in supply."),
        required("quantity", "number", "How many were ordered.", "pieces"),
        required("placed_at", "timestamp", "When it was ordered.", "UTC"),
        Column("expected_at", "timestamp", "When the supplier said it would come.", "UTC"),
        Column("arrived_at", "timestamp", "When it came; null: it has not.", "UTC", later=True),
    ),
    event_time="placed_at",
)

SHIPMENT = Table(
    "shipment",
    "A parcel of an order: when it was promised, and when it came. One that has not been handed over has no times yet.",
    ("shipment_id",),
    (
        required("shipment_id", "text", "Unique id."),
        required("order_id", "text", "The order.", references="order.order_id"),
        Column("promised_at", "timestamp", "When the customer was told that it will be there at the latest.", "UTC"),
        Column("handed_over_at", "timestamp", "When the carrier got it; null: not yet.", "UTC", later=True),
        Column("delivered_at", "timestamp", "When the customer got it; null: not yet.", "UTC", later=True),
        Column("carrier", "text", "Who carries it."),
        Column("origin", "text", "Where it is sent from: a warehouse, a region."),
        Column("destination", "text", "Region that it is sent to: a postal area, a state, a country."),
    ),
    known_with="order_id",
)
